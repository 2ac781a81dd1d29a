/* Every statement of the module. */
#include "document/issue.h"

#define COLUMNS                                                                                    \
	"SELECT id, code, kind, number, title, subject, lang, blob, size, issued_us, journal_id, " \
	"state, revoked_us, revoked_reason FROM document "

const struct sql document_sql[DOCUMENT_SQL_COUNT] = {
    [DOCUMENT_ADD] =
        {"INSERT INTO document (code, subject, kind, template, lang, title, number, view, "
         "notice, state, requested_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
         "'waiting', ?10) RETURNING id"},
    [DOCUMENT_THERE] = {"SELECT id FROM document WHERE subject = ?1 AND kind = ?2 AND "
                        "state <> 'revoked'"},
    [DOCUMENT_ORDER] =
        {"SELECT code, subject, kind, template, lang, title, number, view, notice, state "
         "FROM document WHERE id = ?1"},
    [DOCUMENT_ISSUED] =
        {"UPDATE document SET state = 'issued', blob = ?2, size = ?3, issued_us = ?4 "
         "WHERE id = ?1 AND state = 'waiting'"},
    [DOCUMENT_ENTRY] = {"UPDATE document SET journal_id = ?2 WHERE id = ?1"},
    [DOCUMENT_REVOKE] =
        {"UPDATE document SET state = 'revoked', revoked_us = ?2, revoked_reason = ?3 "
         "WHERE id = ?1 AND state = 'issued'"},
    [DOCUMENT_ERASE] = {"UPDATE document SET view = NULL, size = 0, revoked_reason = NULL "
                        "WHERE subject = ?1"},
    [DOCUMENT_BY_ID] = {COLUMNS "WHERE id = ?1 AND state <> 'waiting'"},
    [DOCUMENT_BY_CODE] = {COLUMNS "WHERE code = ?1 AND state <> 'waiting'"},
    [DOCUMENT_BY_BLOB] = {COLUMNS "WHERE blob = ?1"},
    [DOCUMENT_OF] = {COLUMNS "WHERE subject = ?1 AND state <> 'waiting' ORDER BY id"},
    [DOCUMENT_AFTER] = {COLUMNS "WHERE id > ?1 AND state <> 'waiting' ORDER BY id LIMIT 500"},
};

#define ONE(name) [name] = &document_sql[name]
const struct sql *const document_statements[DOCUMENT_SQL_COUNT] = {ONE(DOCUMENT_ADD),
    ONE(DOCUMENT_THERE), ONE(DOCUMENT_ORDER), ONE(DOCUMENT_ISSUED), ONE(DOCUMENT_ENTRY),
    ONE(DOCUMENT_REVOKE), ONE(DOCUMENT_ERASE), ONE(DOCUMENT_BY_ID), ONE(DOCUMENT_BY_CODE),
    ONE(DOCUMENT_BY_BLOB), ONE(DOCUMENT_OF), ONE(DOCUMENT_AFTER)};
