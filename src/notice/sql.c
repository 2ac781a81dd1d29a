/* Every statement of the module. */
#include "notice/private.h"

#define COLUMNS                                                                                    \
	"SELECT id, recipient, lang, kind, about, title, message_id, error, state, tries, "        \
	"created_us, tried_us, sent_us"

const struct sql notice_sql[NOTICE_SQL_COUNT] = {
    [NOTICE_ADD] = {"INSERT INTO notice (recipient, lang, kind, about, view, message_id, state, "
                    "created_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', ?7) RETURNING id"},
    [NOTICE_GET] = {COLUMNS ", view FROM notice WHERE id = ?1"},
    [NOTICE_LIST] = {COLUMNS " FROM notice WHERE id < ?1 ORDER BY id DESC LIMIT ?2"},
    [NOTICE_LIST_STATE] = {COLUMNS
        " FROM notice WHERE state = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2"},
    [NOTICE_COUNT] = {"SELECT COUNT(*) FROM (SELECT 1 FROM notice WHERE state = ?1 LIMIT ?2) AS t"},
    [NOTICE_SENT] =
        {"UPDATE notice SET state = 'sent', sent_us = ?2, tried_us = ?2, title = ?3, "
         "error = NULL, tries = tries + 1, view = CASE WHEN ?4 = 1 THEN NULL ELSE view END "
         "WHERE id = ?1"},
    [NOTICE_TRIED] = {"UPDATE notice SET state = ?2, tried_us = ?3, title = ?4, error = ?5, "
                      "tries = tries + ?6 WHERE id = ?1 AND state <> 'discarded'"},
    [NOTICE_REQUEUE] = {"UPDATE notice SET state = 'queued', tries = 0, error = NULL WHERE id = ?1 "
                        "AND state IN ('held', 'failed', 'dead', 'sent', 'discarded') "
                        "AND view IS NOT NULL"},
    [NOTICE_DISCARD] = {"UPDATE notice SET state = 'discarded', view = NULL WHERE id = ?1 "
                        "AND state IN ('queued', 'held', 'failed', 'dead')"},
    [NOTICE_CLEAN] = {"UPDATE notice SET view = NULL WHERE view IS NOT NULL AND created_us < ?1 "
                      "AND state NOT IN ('queued', 'failed')"},
    [NOTICE_DROP] =
        {"DELETE FROM notice WHERE created_us < ?1 AND state NOT IN ('queued', 'failed')"},
    [NOTICE_FORGET] = {"DELETE FROM notice WHERE about = ?1 AND state NOT IN ('queued', 'failed')"},
};

#define ONE(name) [name] = &notice_sql[name]
const struct sql *const notice_statements[NOTICE_SQL_COUNT] = {ONE(NOTICE_ADD), ONE(NOTICE_GET),
    ONE(NOTICE_LIST), ONE(NOTICE_LIST_STATE), ONE(NOTICE_COUNT), ONE(NOTICE_SENT),
    ONE(NOTICE_TRIED), ONE(NOTICE_REQUEUE), ONE(NOTICE_DISCARD), ONE(NOTICE_CLEAN),
    ONE(NOTICE_DROP), ONE(NOTICE_FORGET)};
