/* Every statement of the trail. The search of the officer's page is composed in list.c. */
#include "trail/private.h"

#define ROW                                                                                        \
	"at_us, staff, token, address, kind, verb, person, application, department, subject, "     \
	"procedure, fields, count, beyond, reason, detail"

#define ALERT                                                                                      \
	"SELECT id, rule, key, state, finding, reason, staff, person, count, day, text, assigned," \
	" raised_us, changed_us, due FROM trail_alert "
#define OF_DAY " FROM trail WHERE at_us >= ?1 AND at_us < ?2 "

const struct sql trail_sql[TRAIL_SQL_COUNT] = {
    [TRAIL_ADD_SQL] = {"INSERT INTO trail (batch, " ROW ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                       " ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"},
    [TRAIL_BATCH_ADD_SQL] = {"INSERT INTO trail_batch (at_us, rows) VALUES (?1, ?2) RETURNING id"},
    [TRAIL_UNSEALED_SQL] = {"SELECT id FROM trail WHERE batch = 0 ORDER BY batch, id LIMIT ?1"},
    [TRAIL_SEAL_SQL] = {"UPDATE trail SET batch = ?2 WHERE id = ?1"},
    [TRAIL_BATCH_ROWS_SQL] = {"SELECT " ROW " FROM trail WHERE batch = ?1 ORDER BY batch, id"},
    [TRAIL_BATCHES_SQL] = {"SELECT id, at_us FROM trail_batch WHERE id > ?1 ORDER BY id LIMIT 200"},
    [TRAIL_BATCH_OLD_SQL] = {"SELECT id FROM trail_batch WHERE at_us < ?1 ORDER BY at_us LIMIT 50"},
    [TRAIL_ERASE_ROWS_SQL] = {"DELETE FROM trail WHERE batch = ?1"},
    [TRAIL_ERASE_BATCH_SQL] = {"DELETE FROM trail_batch WHERE id = ?1"},
    [TRAIL_COUNT_READ_SQL] = {"SELECT staff, COUNT(DISTINCT application)" OF_DAY
                              "AND kind IN ('read', 'print', 'file', 'document')"
                              " GROUP BY staff HAVING COUNT(DISTINCT application) > ?3"},
    [TRAIL_COUNT_EXPORT_SQL] = {"SELECT staff, CAST(SUM(count) AS BIGINT)" OF_DAY
                                "AND kind = 'export' GROUP BY staff HAVING SUM(count) > ?3"},
    [TRAIL_COUNT_CHANGE_SQL] = {"SELECT staff, COUNT(*)" OF_DAY
                                "AND kind = 'change' GROUP BY staff HAVING COUNT(*) > ?3"},
    [TRAIL_COUNT_NUMBER_SQL] = {"SELECT staff, COUNT(*)" OF_DAY
                                "AND kind = 'my-number' GROUP BY staff HAVING COUNT(*) > ?3"},
    [TRAIL_COUNT_OFF_SQL] = {"SELECT staff, COUNT(*)" OF_DAY
                             "AND kind <> 'staff' AND (at_us < ?4 OR at_us >= ?5)"
                             " GROUP BY staff HAVING COUNT(*) >= ?3"},
    [TRAIL_PAIRS_SQL] =
        {"SELECT t.staff, t.person, COUNT(*), s.name, s.name_key, p.name, p.name_key, p.profile,"
         " (SELECT COUNT(*) FROM staff c WHERE c.name_key = p.name_key AND c.id <> t.staff)"
         " FROM trail t JOIN staff s ON s.id = t.staff JOIN person p ON p.id = t.person"
         " WHERE t.at_us >= ?1 AND t.at_us < ?2 AND t.person > 0"
         " AND t.kind NOT IN ('list', 'search', 'change')"
         " GROUP BY t.staff, t.person, s.name, s.name_key, p.name, p.name_key, p.profile",
            .whole = "staff are few, and it is asked once a day"},
    [TRAIL_PROFILE_OF_SQL] = {"SELECT profile FROM person WHERE name_key = ?1 LIMIT 1"},
    [TRAIL_ALERT_GET_SQL] = {ALERT "WHERE id = ?1"},
    [TRAIL_ALERT_LIST_SQL] = {ALERT "WHERE state = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"},
    [TRAIL_ALERT_MINE_SQL] = {ALERT "WHERE assigned > 0 AND assigned = ?1 AND id < ?2"
                                    " AND state <> 'closed' ORDER BY id DESC LIMIT ?3"},
    [TRAIL_ALERT_QUESTIONS_SQL] = {ALERT "WHERE person > 0 AND person = ?1 AND rule = 'question'"
                                         " ORDER BY id DESC LIMIT 20"},
    [TRAIL_ALERT_STEPS_SQL] = {"SELECT at_us, actor, what, text FROM trail_alert_step"
                               " WHERE alert = ?1 ORDER BY alert, id"},
    [TRAIL_ALERT_ADD_SQL] = {"INSERT INTO trail_alert (rule, key, state, staff, person, count, day,"
                             " text, assigned, raised_us, changed_us) VALUES (?1, ?2, 'open', ?3,"
                             " ?4, ?5, ?6, ?7, 0, ?8, ?8) ON CONFLICT (key) DO NOTHING"
                             " RETURNING id"},
    [TRAIL_ALERT_SET_SQL] = {"UPDATE trail_alert SET state = ?2, finding = ?3, reason = ?4,"
                             " assigned = ?5, changed_us = ?6, due = ?7 WHERE id = ?1"},
    [TRAIL_ALERT_STEP_ADD_SQL] = {"INSERT INTO trail_alert_step (alert, at_us, actor, what, text)"
                                  " VALUES (?1, ?2, ?3, ?4, ?5)"},
    [TRAIL_ALERT_NEXT_SQL] = {"SELECT id FROM trail_alert WHERE id > ?1 ORDER BY id LIMIT 1"},
    [TRAIL_BY_NUMBER_SQL] =
        {"SELECT id FROM application WHERE receipt_number = ?1 UNION ALL"
         " SELECT id FROM application WHERE serial = ?1 AND serial IS NOT NULL"},
    [TRAIL_NUMBER_OF_SQL] = {"SELECT receipt_number FROM application WHERE id = ?1"},
    [TRAIL_REASON_GET_SQL] = {"SELECT reason FROM trail_reason WHERE staff = ?1 AND subject = ?2"
                              " AND until_us > ?3"},
    [TRAIL_REASON_PUT_SQL] = {"INSERT INTO trail_reason (staff, subject, reason, until_us)"
                              " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (staff, subject) DO UPDATE"
                              " SET reason = excluded.reason, until_us = excluded.until_us"},
    [TRAIL_REASON_EXPIRE_SQL] = {"DELETE FROM trail_reason WHERE until_us < ?1"},
};

const struct sql *const trail_statements[TRAIL_SQL_COUNT] = {
#define X(name) &trail_sql[TRAIL_##name##_SQL],
    TRAIL_STATEMENTS(X)
#undef X
};
