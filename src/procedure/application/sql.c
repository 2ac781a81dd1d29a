#include "procedure/application/life.h"

#define NAME(type, name) ", " #name
#define COLUMNS "id" APP_COLUMNS_FIXED(NAME) APP_COLUMNS_MOVING(NAME)

const char *const row_columns = COLUMNS;

#define ROW "SELECT " COLUMNS ", answers FROM application "

#define STEP                                                                                       \
	"SELECT id, round, pass, stage, member, step, kind, parallel, department, post, "          \
	"delegated,"                                                                               \
	" state, skip, opened_us, acted_by, acting_for, acted_us, department_name, acted_name,"    \
	" acting_for_name, comment, review, review_by, review_name, review_us FROM route_step "

const struct sql life_sql[LIFE_SQL_COUNT] = {
    /* --- the row --- */
    [SQL_ROW] = {ROW "WHERE id = ?1", NULL},
    [SQL_ROW_LOCK] = {ROW "WHERE id = ?1", ROW "WHERE id = ?1 FOR UPDATE"},
    [SQL_ROW_AFTER] = {ROW "WHERE id > ?1 ORDER BY id LIMIT ?2", NULL},
    [SQL_ROW_TOP] = {"SELECT coalesce(max(id), 0) FROM application", NULL},
    [SQL_ROW_RESEAL] = {"UPDATE application SET answers = ?2 WHERE id = ?1", NULL},
    [SQL_ROW_INSERT] = {"INSERT INTO application (procedure, version, account, applicant_person,"
                        " applicant_kind, channel, created_by, created_us, state, bucket,"
                        " order_key, turn, kids, receipt_number, serial, applicant_name,"
                        " department, assignee, revision, step, due, period_days, period_kind,"
                        " clock_stopped_us, stopped_days, fee_yen, paid_yen, fee_before, outcome,"
                        " reason, round, drafter, place, place_key, numbers, retention_years,"
                        " disposal_on, hold_reason, updated_us, submitted_us, accepted_us,"
                        " decided_us, answers) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
                        " ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24,"
                        " ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38,"
                        " ?39, ?40, ?41, ?42, ?43) RETURNING id",
        NULL},
    [SQL_ROW_UPDATE] = {"UPDATE application SET (state, bucket, order_key, turn, kids,"
                        " receipt_number, serial, applicant_name, department, assignee, revision,"
                        " step, due, period_days, period_kind, clock_stopped_us, stopped_days,"
                        " fee_yen, paid_yen, fee_before, outcome, reason, round, drafter, place,"
                        " place_key, numbers, retention_years, disposal_on, hold_reason,"
                        " updated_us, submitted_us, accepted_us, decided_us, answers) = (?2, ?3,"
                        " ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,"
                        " ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32,"
                        " ?33, ?34, ?35, ?36) WHERE id = ?1",
        NULL},
    [SQL_ROW_KIDS] = {"UPDATE application SET kids = ?2 WHERE id = ?1", NULL},
    [SQL_ROW_DELETE] = {"DELETE FROM application WHERE id = ?1 AND state = 'draft'", NULL},
    [SQL_BY_RECEIPT] = {ROW "WHERE receipt_number = ?1", NULL},
    [SQL_BY_SERIAL] = {"SELECT id FROM application WHERE serial = ?1 AND serial IS NOT NULL"
                       " ORDER BY procedure LIMIT ?2",
        NULL},
    [SQL_RECEIPT_TAKEN] = {"SELECT 1 FROM application WHERE receipt_number = ?1", NULL},

    /* --- answers and attachments --- */
    [SQL_VERSION_ADD] = {"INSERT INTO answer_version (application, revision, actor, at_us, answers)"
                         " VALUES (?1, ?2, ?3, ?4, ?5)",
        NULL},
    [SQL_VERSION_RESEAL] = {"UPDATE answer_version SET answers = ?3"
                            " WHERE application = ?1 AND revision = ?2",
        NULL},
    [SQL_VERSION_GET] = {"SELECT answers FROM answer_version"
                         " WHERE application = ?1 AND revision = ?2",
        NULL},
    [SQL_VERSION_DIGEST] = {"SELECT revision, actor, at_us, answers FROM answer_version"
                            " WHERE application = ?1 ORDER BY revision",
        NULL},
    [SQL_ATTACHMENT_ADD] = {"INSERT INTO attachment (application, field, blob, name, type, size,"
                            " revision, removed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
        NULL},
    [SQL_ATTACHMENT_OF] = {"SELECT id, field, blob, name, type, size, revision, removed"
                           " FROM attachment WHERE application = ?1 ORDER BY id",
        NULL},
    [SQL_ATTACHMENT_REMOVE] = {"UPDATE attachment SET removed = ?2 WHERE id = ?1", NULL},
    [SQL_ATTACHMENT_DELETE] = {"DELETE FROM attachment WHERE id = ?1", NULL},
    [SQL_UPLOAD_ADD] = {"INSERT INTO upload_day (account, day, bytes) VALUES (?1, ?2, ?3)"
                        " ON CONFLICT (account, day) DO UPDATE"
                        " SET bytes = upload_day.bytes + excluded.bytes",
        NULL},
    [SQL_UPLOAD_OF] = {"SELECT bytes FROM upload_day WHERE account = ?1 AND day = ?2", NULL},
    [SQL_UPLOAD_FORGET] = {"DELETE FROM upload_day WHERE day < ?1", NULL},

    /* --- corrections and messages --- */
    [SQL_CORRECTION_ADD] = {"INSERT INTO correction (application, state, message, due, asked_by,"
                            " asked_us, answered_us, from_revision, to_revision)"
                            " VALUES (?1, 'open', ?2, ?3, ?4, ?5, 0, ?6, 0) RETURNING id",
        NULL},
    [SQL_CORRECTION_FIELD_ADD] = {"INSERT INTO correction_field (correction, field, message)"
                                  " VALUES (?1, ?2, ?3)"
                                  " ON CONFLICT (correction, field) DO UPDATE"
                                  " SET message = excluded.message",
        NULL},
    [SQL_CORRECTION_OF] = {"SELECT id, state, message, due, asked_by, asked_us, answered_us,"
                           " from_revision, to_revision FROM correction"
                           " WHERE application = ?1 ORDER BY id",
        NULL},
    [SQL_CORRECTION_FIELDS] = {"SELECT f.correction, f.field, f.message FROM correction c"
                               " JOIN correction_field f ON f.correction = c.id"
                               " WHERE c.application = ?1 ORDER BY c.id, f.field",
        NULL},
    [SQL_CORRECTION_END] = {"UPDATE correction SET state = ?2, answered_us = ?3, to_revision = ?4"
                            " WHERE application = ?1 AND state = 'open'",
        NULL},
    [SQL_CORRECTION_DRAFT_GET] = {"SELECT answers, saved_us FROM correction_draft"
                                  " WHERE application = ?1",
        NULL},
    [SQL_CORRECTION_DRAFT_PUT] = {"INSERT INTO correction_draft (application, answers, saved_us)"
                                  " VALUES (?1, ?2, ?3) ON CONFLICT (application) DO UPDATE"
                                  " SET answers = excluded.answers, saved_us = excluded.saved_us",
        NULL},
    [SQL_SIGNATURE_GET] = {"SELECT digest, summary, signed_us FROM application_signature"
                           " WHERE application = ?1",
        NULL},
    [SQL_SIGNATURE_PACKAGE] = {"SELECT package FROM application_signature WHERE application = ?1",
        NULL},
    [SQL_SIGNATURE_DROP] = {"DELETE FROM application_signature WHERE application = ?1"},
    [SQL_SIGNATURE_PUT] = {"INSERT INTO application_signature (application, digest, package,"
                           " summary, signed_us) VALUES (?1, ?2, ?3, ?4, ?5)"
                           " ON CONFLICT (application) DO UPDATE SET digest = ?2, package = ?3,"
                           " summary = ?4, signed_us = ?5",
        NULL},
    [SQL_SIGNATURE_RESEAL] = {"UPDATE application_signature SET digest = ?2 WHERE application = ?1",
        NULL},
    [SQL_CORRECTION_DRAFT_RESEAL] = {"UPDATE correction_draft SET answers = ?2"
                                     " WHERE application = ?1",
        NULL},
    [SQL_NUMBER_CHECK_ADD] = {"INSERT INTO number_check (application, number_by, person_by, note,"
                              " staff, at_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        NULL},
    [SQL_NUMBER_CHECK_OF] = {"SELECT id, number_by, person_by, note, staff, at_us"
                             " FROM number_check WHERE application = ?1 ORDER BY application DESC,"
                             " id DESC",
        NULL},
    [SQL_CORRECTION_DRAFT_DROP] = {"DELETE FROM correction_draft WHERE application = ?1", NULL},
    [SQL_MESSAGE_ADD] = {"INSERT INTO message (application, kind, actor, author, body, at_us)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        NULL},
    [SQL_MESSAGE_OF] = {"SELECT id, kind, actor, author, body, at_us FROM message"
                        " WHERE application = ?1 ORDER BY id",
        NULL},

    /* --- the route --- */
    [SQL_STEP_ADD] = {"INSERT INTO route_step (application, round, pass, stage, member, step, kind,"
                      " parallel, department, post, delegated, state, opened_us, acted_by,"
                      " acting_for, acted_us, review, review_by, review_us) VALUES (?1, ?2, ?3, ?4,"
                      " ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'waiting', 0, 0, 0, 0, 'none', 0, 0)",
        NULL},
    [SQL_STEP_OF] = {STEP "WHERE application = ?1 AND round = ?2 ORDER BY stage, id", NULL},
    [SQL_STEP_ALL] = {STEP "WHERE application = ?1 ORDER BY round, stage, id", NULL},
    [SQL_STEP_OPEN] = {"UPDATE route_step SET state = 'open', opened_us = ?2"
                       " WHERE id = ?1 AND state = 'waiting'",
        NULL},
    [SQL_STEP_ACT] = {"UPDATE route_step SET state = ?2, acted_by = ?3, acting_for = ?4,"
                      " acted_us = ?5, department_name = ?6, acted_name = ?7,"
                      " acting_for_name = ?8, comment = ?9, review = ?10, review_by = ?11,"
                      " review_name = ?12 WHERE id = ?1 AND state = 'open'",
        NULL},
    [SQL_STEP_SKIP] = {"UPDATE route_step SET state = 'skipped', skip = ?2, acted_us = ?3,"
                       " department_name = ?4, review = ?5, review_by = ?6, review_name = ?7"
                       " WHERE id = ?1 AND state IN ('waiting', 'open')",
        NULL},
    [SQL_STEP_VOID] = {"UPDATE route_step SET state = 'void'"
                       " WHERE application = ?1 AND round = ?2 AND state IN ('waiting', 'open')",
        NULL},
    [SQL_STEP_DEPARTMENT] = {"UPDATE route_step SET department = ?4 WHERE application = ?1"
                             " AND round = ?2 AND department = ?3 AND kind <> 'consult'"
                             " AND state IN ('waiting', 'open')",
        NULL},
    [SQL_STEP_REVIEW] = {"UPDATE route_step SET review = 'none'"
                         " WHERE application = ?1 AND round = ?2 AND review = 'needed'",
        NULL},
    [SQL_STEP_REVIEWED] = {"UPDATE route_step SET review = 'done', review_by = ?2,"
                           " review_name = ?3, review_us = ?4 WHERE id = ?1 AND review = 'needed'",
        NULL},
    [SQL_STEP_KNOWN] = {"SELECT 1 FROM route_step WHERE application = ?1"
                        " AND (acted_by = ?2 OR review_by = ?2) LIMIT 1",
        NULL},
    [SQL_TURN_ADD] = {"INSERT INTO route_turn (staff, kind, application, order_key)"
                      " VALUES (?1, ?2, ?3, ?4)"
                      " ON CONFLICT (staff, kind, application) DO NOTHING",
        NULL},
    [SQL_TURN_CLEAR] = {"DELETE FROM route_turn WHERE application = ?1 AND kind = ?2", NULL},
    [SQL_TURN_CLEAR_ONE] = {"DELETE FROM route_turn"
                            " WHERE staff = ?1 AND kind = ?2 AND application = ?3",
        NULL},
    [SQL_TURN_HAS] = {"SELECT 1 FROM route_turn WHERE staff = ?1 AND kind = ?2"
                      " AND application = ?3",
        NULL},

    /* --- charges, mandates, reminders, places --- */
    [SQL_CHARGE_ADD] = {"INSERT INTO charge (application, yen, state, created_us, paid_us)"
                        " VALUES (?1, ?2, 'open', ?3, 0)",
        NULL},
    [SQL_CHARGE_OF] = {"SELECT id, yen, state, created_us, paid_us, method, recorded_by, reason"
                       " FROM charge WHERE application = ?1 ORDER BY id",
        NULL},
    [SQL_CHARGE_PAY] = {"UPDATE charge SET state = 'paid', paid_us = ?2, method = ?3,"
                        " recorded_by = ?4 WHERE application = ?1 AND state = 'open'",
        NULL},
    [SQL_CHARGE_WAIVE] = {"UPDATE charge SET state = 'waived', paid_us = ?2, recorded_by = ?3,"
                          " reason = ?4 WHERE application = ?1 AND state = 'open'",
        NULL},
    [SQL_CHARGE_CANCEL] = {"UPDATE charge SET state = 'cancelled'"
                           " WHERE application = ?1 AND state = 'open'",
        NULL},
    [SQL_MANDATE_SET] = {"INSERT INTO mandate (application, principal_name, principal_address,"
                         " principal_mail, ground, document, scope, valid_from, valid_until)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
                         " ON CONFLICT (application) DO UPDATE SET"
                         " principal_name = excluded.principal_name,"
                         " principal_address = excluded.principal_address,"
                         " principal_mail = excluded.principal_mail, ground = excluded.ground,"
                         " document = excluded.document, scope = excluded.scope,"
                         " valid_from = excluded.valid_from, valid_until = excluded.valid_until",
        NULL},
    [SQL_MANDATE_DELETE] = {"DELETE FROM mandate WHERE application = ?1", NULL},
    [SQL_MANDATE_GET] = {"SELECT principal_name, principal_address, principal_mail, ground,"
                         " document, scope, valid_from, valid_until FROM mandate"
                         " WHERE application = ?1",
        NULL},
    [SQL_USE_SET] =
        {"INSERT INTO mandate_use (application, record, principal, corporate_number, used)"
         " VALUES (?1, ?2, ?3, ?4, ?5)",
            NULL},
    [SQL_USE_DELETE] = {"DELETE FROM mandate_use WHERE application = ?1", NULL},
    [SQL_USE_GET] = {"SELECT u.record, u.principal, u.corporate_number, u.used,"
                     " COALESCE(p.account, 0) FROM mandate_use u"
                     " LEFT JOIN person p ON p.id = u.principal WHERE u.application = ?1",
        NULL},
    [SQL_USE_DIGEST] = {"SELECT record, principal, corporate_number, used FROM mandate_use"
                        " WHERE application = ?1",
        NULL},
    [SQL_REMINDER_ADD] = {"INSERT INTO reminder (application, kind, about, at_us)"
                          " VALUES (?1, ?2, ?3, ?4)"
                          " ON CONFLICT (application, kind, about) DO NOTHING",
        NULL},
    [SQL_EFFECT_ADD] = {"INSERT INTO effect (application, kind, at_us) VALUES (?1, ?2, ?3)"
                        " ON CONFLICT (application, kind) DO NOTHING",
        NULL},
    [SQL_CAPACITY_ADD] = {"INSERT INTO capacity (procedure, place_key, taken) VALUES (?1, ?2, 0)"
                          " ON CONFLICT (procedure, place_key) DO NOTHING",
        NULL},
    [SQL_CAPACITY_TAKE] = {"UPDATE capacity SET taken = taken + 1"
                           " WHERE procedure = ?1 AND place_key = ?2 AND taken < ?3",
        NULL},
    [SQL_CAPACITY_GIVE] = {"UPDATE capacity SET taken = taken - 1"
                           " WHERE procedure = ?1 AND place_key = ?2 AND taken > 0",
        NULL},
    [SQL_WAITING_ADD] = {"INSERT INTO waiting (procedure, place_key, application)"
                         " VALUES (?1, ?2, ?3)",
        NULL},
    [SQL_WAITING_FIRST] = {"SELECT application FROM waiting WHERE procedure = ?1"
                           " AND place_key = ?2 ORDER BY id LIMIT 1",
        NULL},
    [SQL_WAITING_DELETE] = {"DELETE FROM waiting WHERE application = ?1", NULL},
    [SQL_WAITING_PLACE] = {"SELECT COUNT(*) FROM waiting me JOIN waiting w"
                           " ON w.procedure = me.procedure AND w.place_key = me.place_key"
                           " AND w.id <= me.id WHERE me.application = ?1",
        NULL},
    [SQL_CAPACITY_FULL] = {"SELECT 1 FROM capacity WHERE procedure = ?1 AND place_key = ?2"
                           " AND taken + (SELECT COUNT(*) FROM waiting"
                           " WHERE waiting.procedure = ?1 AND waiting.place_key = ?2) >= ?3",
        NULL},
    [SQL_WAITING_KEYS] = {"SELECT DISTINCT procedure, place_key FROM waiting"
                          " WHERE (procedure, place_key) > (?1, ?2)"
                          " ORDER BY procedure, place_key LIMIT ?3",
        NULL},

    /* --- lists that are not composed --- */
    [SQL_OF_ACCOUNT] = {"SELECT " COLUMNS " FROM application WHERE account = ?1 AND account > 0"
                        " AND bucket = ?2 ORDER BY account DESC, bucket DESC, id DESC LIMIT ?3",
        NULL},
    /* Made by somebody else for whom this account is, or for its organisation (?4: today). */
    [SQL_OF_PRINCIPAL] = {"SELECT " COLUMNS " FROM application WHERE id IN"
                          " (SELECT u.application FROM person p JOIN mandate_use u"
                          " ON u.principal = p.id WHERE p.account = ?1)"
                          " AND +bucket = ?2 AND +bucket > 0 ORDER BY id DESC LIMIT ?3",
        NULL},
    [SQL_OF_ORGANISATION] =
        {"SELECT " COLUMNS " FROM application WHERE id IN"
         " (SELECT u.application FROM mandate_record m JOIN mandate_use u"
         " ON u.corporate_number = m.corporate_number WHERE m.agent = ?1 AND m.sees_all = 1"
         " AND m.corporate_number <> '' AND m.state = 'active' AND m.from_date <= ?4"
         " AND m.until_date >= ?4) AND account <> ?1"
         " AND +bucket = ?2 AND +bucket > 0 ORDER BY id DESC LIMIT ?3",
            NULL},
    /* Open ones (bucket 1 or 2) and drafts (0) whose day has come or comes soon. */
    [SQL_DUE_AFTER] = {"SELECT " COLUMNS " FROM application WHERE bucket = ?1"
                       " AND (order_key, id) > (?2, ?3) AND order_key <= ?4"
                       " ORDER BY bucket, order_key, id LIMIT ?5",
        NULL},
    /* Of one state, in the order of the list; the index holds the state. */
    [SQL_STATE_AFTER] = {"SELECT order_key, id FROM application WHERE bucket = ?1"
                         " AND (order_key, id) > (?2, ?3) AND state = ?4"
                         " ORDER BY bucket, order_key, id LIMIT ?5",
        NULL},
    [SQL_CORRECTION_DUE] = {"SELECT due FROM correction WHERE application = ?1"
                            " AND state = 'open'",
        NULL},
    [SQL_COUNT_DEPARTMENT] = {"SELECT COUNT(*) FROM (SELECT 1 FROM application"
                              " WHERE department = ?1 AND bucket = ?2 LIMIT ?3) AS t",
        NULL},
    [SQL_COUNT_DEPARTMENT_DUE] = {"SELECT COUNT(*) FROM (SELECT 1 FROM application"
                                  " WHERE department = ?1 AND bucket = 1 AND order_key < ?2"
                                  " LIMIT ?3) AS t",
        NULL},
    [SQL_COUNT_KINDS] = {"SELECT procedure FROM application WHERE department = ?1"
                         " AND bucket = ?2 AND order_key < ?3 LIMIT ?4",
        NULL},
    [SQL_COUNT_ALL] = {"SELECT COUNT(*) FROM (SELECT 1 FROM application WHERE bucket = ?1"
                       " LIMIT ?2) AS t",
        NULL},
    [SQL_COUNT_ALL_DUE] = {"SELECT COUNT(*) FROM (SELECT 1 FROM application WHERE bucket = 1"
                           " AND order_key < ?1 LIMIT ?2) AS t",
        NULL},
    [SQL_COUNT_MINE] = {"SELECT COUNT(*) FROM (SELECT 1 FROM application WHERE assignee = ?1"
                        " AND assignee > 0 AND bucket = ?2 LIMIT ?3) AS t",
        NULL},
    [SQL_COUNT_MINE_DUE] = {"SELECT COUNT(*) FROM (SELECT 1 FROM application WHERE assignee = ?1"
                            " AND assignee > 0 AND bucket = 1 AND order_key < ?2 LIMIT ?3) AS t",
        NULL},
    [SQL_COUNT_TURN] = {"SELECT COUNT(*) FROM (SELECT 1 FROM route_turn WHERE staff = ?1"
                        " AND kind = ?2 LIMIT ?3) AS t",
        NULL},

    /* --- what the city's settings say --- */
    [SQL_RULE_ALL] = {"SELECT kind, value FROM city_rule"
                      " WHERE kind IN ('closed-day', 'fallback-department') ORDER BY kind, value",
        NULL},
    [SQL_RULE_KIND] = {"SELECT value FROM city_rule WHERE kind = ?1 ORDER BY value", NULL},
    [SQL_RULE_CLEAR] = {"DELETE FROM city_rule"
                        " WHERE kind IN ('closed-day', 'fallback-department')",
        NULL},
    [SQL_RULE_ADD] = {"INSERT INTO city_rule (kind, value) VALUES (?1, ?2)"
                      " ON CONFLICT (kind, value) DO NOTHING",
        NULL},
    /* --- what staff wish to be mailed --- */
    [SQL_STAFF_NOTICE_GET] = {"SELECT submitted, message, corrected, turn, digest"
                              " FROM staff_notice WHERE staff = ?1"},
    [SQL_STAFF_NOTICE_SET] =
        {"INSERT INTO staff_notice (staff, submitted, message, corrected, turn, digest)"
         " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (staff) DO UPDATE SET"
         " submitted = excluded.submitted, message = excluded.message,"
         " corrected = excluded.corrected, turn = excluded.turn, digest = excluded.digest"},
    [SQL_STAFF_NOTICE_DIGEST] = {"SELECT staff FROM staff_notice WHERE digest = 1 AND staff > ?1"
                                 " ORDER BY staff LIMIT ?2"},

    /* --- statistics: ?1 today's order key, ?2 now; files that were disposed of count on --- */
    [SQL_STAT_CLEAR] = {"DELETE FROM application_count", .whole = "it is filled anew"},
    [SQL_STAT_FILL] =
        {"INSERT INTO application_count (procedure, department, submitted, open, overdue, granted,"
         " refused, withdrawn, online, counter, days_total, decided, as_of_us)"
         " SELECT procedure, department, COUNT(*), SUM(CASE WHEN bucket < 3 THEN 1 ELSE 0 END),"
         " SUM(CASE WHEN bucket = 1 AND order_key < ?1 THEN 1 ELSE 0 END),"
         " SUM(CASE WHEN decided_us > 0 AND outcome = 'granted' THEN 1 ELSE 0 END),"
         " SUM(CASE WHEN decided_us > 0 AND outcome = 'refused' THEN 1 ELSE 0 END),"
         " SUM(CASE WHEN state = 'withdrawn' THEN 1 ELSE 0 END),"
         " SUM(CASE WHEN channel = 'online' THEN 1 ELSE 0 END),"
         " SUM(CASE WHEN channel = 'counter' THEN 1 ELSE 0 END),"
         " SUM(CASE WHEN decided_us > 0 THEN (decided_us - submitted_us) / 86400000000 ELSE 0 END),"
         " SUM(CASE WHEN decided_us > 0 THEN 1 ELSE 0 END), ?2"
         " FROM (SELECT procedure, department, bucket, order_key, state, outcome, channel,"
         " submitted_us, decided_us FROM application WHERE submitted_us > 0"
         " AND NOT EXISTS (SELECT 1 FROM protected_application m JOIN block b ON b.id = m.block"
         " WHERE m.application = application.id AND m.state = 'confirmed' AND b.state = 'active')"
         " AND NOT EXISTS (SELECT 1 FROM person p JOIN block_subject s ON s.person = p.id"
         " JOIN block b ON b.id = s.block WHERE p.account = application.account"
         " AND b.state = 'active')"
         " UNION ALL SELECT i.procedure, i.department, 3, 0, i.final_state, i.outcome, i.channel,"
         " i.submitted_us, i.decided_us FROM disposal_item i"
         " JOIN disposal d ON d.id = i.disposal AND d.kind = 'dispose' WHERE i.state = 'done') AS t"
         " GROUP BY procedure, department",
            .whole = "every application is counted, once a day"},
    [SQL_STAT_LIST] = {"SELECT procedure, department, submitted, open, overdue, granted, refused,"
                       " withdrawn, online, counter, days_total, decided, as_of_us"
                       " FROM application_count ORDER BY procedure, department",
        NULL},
};

#define S(name) &life_sql[SQL_##name]
const struct sql *const application_statements[] = {
    S(ROW),
    S(ROW_LOCK),
    S(ROW_INSERT),
    S(ROW_UPDATE),
    S(ROW_DELETE),
    S(ROW_KIDS),
    S(ROW_AFTER),
    S(ROW_TOP),
    S(ROW_RESEAL),
    S(BY_RECEIPT),
    S(BY_SERIAL),
    S(RECEIPT_TAKEN),
    S(VERSION_ADD),
    S(VERSION_GET),
    S(VERSION_RESEAL),
    S(VERSION_DIGEST),
    S(ATTACHMENT_ADD),
    S(ATTACHMENT_OF),
    S(ATTACHMENT_REMOVE),
    S(ATTACHMENT_DELETE),
    S(UPLOAD_ADD),
    S(UPLOAD_OF),
    S(UPLOAD_FORGET),
    S(CORRECTION_ADD),
    S(CORRECTION_FIELD_ADD),
    S(CORRECTION_OF),
    S(CORRECTION_FIELDS),
    S(CORRECTION_END),
    S(CORRECTION_DRAFT_GET),
    S(CORRECTION_DRAFT_PUT),
    S(CORRECTION_DRAFT_DROP),
    S(SIGNATURE_GET),
    S(SIGNATURE_PACKAGE),
    S(SIGNATURE_PUT),
    S(SIGNATURE_DROP),
    S(SIGNATURE_RESEAL),
    S(CORRECTION_DRAFT_RESEAL),
    S(NUMBER_CHECK_ADD),
    S(NUMBER_CHECK_OF),
    S(MESSAGE_ADD),
    S(MESSAGE_OF),
    S(STEP_ADD),
    S(STEP_OF),
    S(STEP_ALL),
    S(STEP_OPEN),
    S(STEP_ACT),
    S(STEP_SKIP),
    S(STEP_VOID),
    S(STEP_DEPARTMENT),
    S(STEP_REVIEW),
    S(STEP_REVIEWED),
    S(STEP_KNOWN),
    S(TURN_ADD),
    S(TURN_CLEAR),
    S(TURN_CLEAR_ONE),
    S(TURN_HAS),
    S(CHARGE_ADD),
    S(CHARGE_OF),
    S(CHARGE_PAY),
    S(CHARGE_WAIVE),
    S(CHARGE_CANCEL),
    S(MANDATE_SET),
    S(MANDATE_DELETE),
    S(MANDATE_GET),
    S(USE_SET),
    S(USE_DELETE),
    S(USE_GET),
    S(USE_DIGEST),
    S(REMINDER_ADD),
    S(EFFECT_ADD),
    S(CAPACITY_ADD),
    S(CAPACITY_TAKE),
    S(CAPACITY_GIVE),
    S(WAITING_ADD),
    S(WAITING_FIRST),
    S(WAITING_DELETE),
    S(WAITING_PLACE),
    S(CAPACITY_FULL),
    S(WAITING_KEYS),
    S(OF_ACCOUNT),
    S(OF_PRINCIPAL),
    S(OF_ORGANISATION),
    S(DUE_AFTER),
    S(STATE_AFTER),
    S(CORRECTION_DUE),
    S(COUNT_DEPARTMENT),
    S(COUNT_DEPARTMENT_DUE),
    S(COUNT_KINDS),
    S(COUNT_ALL),
    S(COUNT_ALL_DUE),
    S(COUNT_MINE),
    S(COUNT_MINE_DUE),
    S(COUNT_TURN),
    S(RULE_ALL),
    S(RULE_KIND),
    S(RULE_CLEAR),
    S(RULE_ADD),
    S(STAFF_NOTICE_GET),
    S(STAFF_NOTICE_SET),
    S(STAFF_NOTICE_DIGEST),
    S(STAT_CLEAR),
    S(STAT_FILL),
    S(STAT_LIST),
};
