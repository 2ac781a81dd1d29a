/* Every statement of the trail. The search of the officer's page is composed in list.c. */
#include "trail/private.h"

#define ROW                                                                                        \
	"at_us, staff, token, address, kind, verb, person, application, department, subject, "     \
	"procedure, fields, count, beyond, reason, detail"

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
