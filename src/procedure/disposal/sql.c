/* Every statement about disposal. */
#include "procedure/disposal/disposal.h"

#define PROPOSAL                                                                                   \
	"SELECT id, kind, state, number, department, reason, until, items, proposed_by,"           \
	" proposed_name, proposed_us, decided_by, decided_name, decided_us, comment, done_us"      \
	" FROM disposal "
#define ITEM                                                                                       \
	"SELECT id, disposal, application, state, why, procedure, title, department, serial,"      \
	" receipt_number, account, channel, final_state, outcome, submitted_us, decided_us,"       \
	" retention_years, kept_until, done_us, numbers FROM disposal_item "

/* A file may be disposed of when nothing can happen to it any more. */
#define CLOSED "state IN ('closed', 'withdrawn', 'cancelled')"
#define IS_OPEN                                                                                    \
	"(SELECT i.disposal FROM disposal_item i WHERE i.application = application.id"             \
	" AND i.state = 'open')"

const struct sql disposal_sql[DISPOSAL_SQL_COUNT] = {
    [DISPOSAL_DUE] = {"SELECT id, procedure, department, state, serial, receipt_number, outcome,"
                      " submitted_us, decided_us, retention_years, disposal_on, hold_reason,"
                      " CASE WHEN " CLOSED " THEN 1 ELSE 0 END, " IS_OPEN " FROM application"
                      " WHERE disposal_on IS NOT NULL AND disposal_on >= ?1 AND disposal_on < ?2"
                      " AND (disposal_on, id) > (?3, ?4) AND (department = ?5 OR ?5 = 0)"
                      " AND (retention_years = ?6 OR ?6 < 0) AND (procedure = ?7 OR ?7 = '')"
                      " ORDER BY disposal_on, id LIMIT ?8"},
    [DISPOSAL_CANDIDATE] = {"SELECT department FROM application WHERE id = ?1 AND " CLOSED
                            " AND hold_reason IS NULL AND disposal_on < ?2 AND " IS_OPEN
                            " IS NULL"},
    [DISPOSAL_ADD] = {"INSERT INTO disposal (kind, state, department, reason, until, items,"
                      " proposed_by, proposed_name, proposed_us, decided_by, decided_us, done_us)"
                      " VALUES (?1, 'proposed', ?2, ?3, ?4, 0, ?5, ?6, ?7, 0, 0, 0) RETURNING id"},
    [DISPOSAL_ITEM_ADD] =
        {"INSERT INTO disposal_item (disposal, application, state, procedure, department, serial,"
         " receipt_number, account, channel, final_state, outcome, submitted_us, decided_us,"
         " retention_years, kept_until, done_us)"
         " SELECT ?2, id, 'open', procedure, department, serial, receipt_number, account, channel,"
         " state, outcome, submitted_us, decided_us, retention_years, disposal_on, 0"
         " FROM application WHERE id = ?1"},
    [DISPOSAL_COUNTED] = {"UPDATE disposal SET items = ?2 WHERE id = ?1"},
    [DISPOSAL_GET] = {PROPOSAL "WHERE id = ?1"},
    [DISPOSAL_DECIDE] = {"UPDATE disposal SET state = ?2, number = ?3, decided_by = ?4,"
                         " decided_name = ?5, decided_us = ?6, comment = ?7"
                         " WHERE id = ?1 AND state = 'proposed'"},
    [DISPOSAL_RELEASE] = {"UPDATE disposal_item SET state = 'left', why = ?2, done_us = ?3"
                          " WHERE disposal = ?1 AND state = 'open'"},
    [DISPOSAL_LIST] = {PROPOSAL "WHERE id < ?1 ORDER BY id DESC LIMIT ?2"},
    [DISPOSAL_LIST_OPEN] = {PROPOSAL
        "WHERE id < ?1 AND state IN ('proposed', 'approved') ORDER BY id DESC LIMIT ?2"},
    [DISPOSAL_PROGRESS] = {"SELECT COALESCE(SUM(CASE WHEN state = 'done' THEN 1 ELSE 0 END), 0),"
                           " COALESCE(SUM(CASE WHEN state = 'left' THEN 1 ELSE 0 END), 0)"
                           " FROM disposal_item WHERE disposal = ?1"},
    [DISPOSAL_ITEMS] = {ITEM "WHERE disposal = ?1 AND id > ?2 ORDER BY disposal, id LIMIT ?3"},
    [DISPOSAL_ITEMS_OPEN] = {"SELECT id FROM disposal_item WHERE disposal = ?1 AND state = 'open'"
                             " ORDER BY disposal, id LIMIT ?2"},
    [DISPOSAL_ITEM_GET] = {ITEM "WHERE id = ?1"},
    [DISPOSAL_ITEM_DONE] = {"UPDATE disposal_item SET state = 'done', title = ?2, done_us = ?3,"
                            " numbers = ?4 WHERE id = ?1 AND state = 'open'"},
    [DISPOSAL_ITEM_LEFT] = {"UPDATE disposal_item SET state = 'left', why = ?2, done_us = ?3"
                            " WHERE id = ?1 AND state = 'open'"},
    [DISPOSAL_ITEM_IDS] = {"SELECT application FROM disposal_item WHERE disposal = ?1"
                           " ORDER BY disposal, id"},
    [DISPOSAL_FINISH] = {"UPDATE disposal SET state = 'done', done_us = ?2"
                         " WHERE id = ?1 AND state = 'approved'"},
    [DISPOSAL_RECORD] = {"SELECT i.id, i.disposal FROM disposal_item i"
                         " JOIN disposal d ON d.id = i.disposal"
                         " WHERE i.application = ?1 AND i.state = 'done' AND d.kind = 'dispose'"},
    [DISPOSAL_OF_ACCOUNT] = {"SELECT i.id FROM disposal_item i"
                             " JOIN disposal d ON d.id = i.disposal"
                             " WHERE i.account = ?1 AND i.account > 0 AND i.state = 'done'"
                             " AND d.kind = 'dispose' ORDER BY i.account DESC, i.id DESC LIMIT ?2"},
    [DISPOSAL_STATES] = {PROPOSAL "WHERE id > ?1 ORDER BY id LIMIT ?2"},
    [DISPOSAL_ITEM_STATES] = {ITEM "WHERE id > ?1 AND state = 'done' ORDER BY id LIMIT ?2"},
    [DISPOSAL_ERASE] = {"DELETE FROM application WHERE id = ?1"},
};

#define X(name) &disposal_sql[DISPOSAL_##name],
const struct sql *const disposal_statements[DISPOSAL_SQL_COUNT] = {DISPOSAL_STATEMENTS(X)};
#undef X
