/* Every statement about protected persons. Dates are compared as text. */
#include "identity/protect/private.h"

#define BLOCK                                                                                      \
	"SELECT id, state, from_date, until_date, ground, opinion, scope, received_from, "         \
	"forwarded_to, send_to, send_mail, end_reason FROM block "

const struct sql protect_sql[PROTECT_SQL_COUNT] = {
    [PROTECT_ADD] = {"INSERT INTO block (state, from_date, until_date, ground, opinion, scope, "
                     "received_from, forwarded_to, send_to, send_mail, told, created_us) "
                     "VALUES ('active', ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 99, ?10) RETURNING id"},
    [PROTECT_GET] = {BLOCK "WHERE id = ?1"},
    [PROTECT_IDS] = {"SELECT id FROM block ORDER BY id", .whole = "machi verify reads all"},
    [PROTECT_LIST] = {"SELECT b.id, b.state, b.from_date, b.until_date FROM block_staff n "
                      "JOIN block b ON b.id = n.block WHERE n.staff = ?1 "
                      "ORDER BY b.state, b.until_date, b.id LIMIT 500",
        .whole = "block_staff has a row or a few for each protection"},
    [PROTECT_OTHERS] = {"SELECT COUNT(*) FROM block WHERE state = 'active' AND NOT EXISTS "
                        "(SELECT 1 FROM block_staff n WHERE n.block = block.id AND n.staff = ?1)"},
    [PROTECT_EXTEND] = {"UPDATE block SET until_date = ?2, opinion = ?3, told = 99 "
                        "WHERE id = ?1 AND state = 'active'"},
    [PROTECT_END] = {"UPDATE block SET state = 'ended', end_reason = ?2 "
                     "WHERE id = ?1 AND state = 'active'"},
    [PROTECT_DUE] = {"SELECT id, until_date, told FROM block "
                     "WHERE state = 'active' AND until_date <= ?1 ORDER BY until_date, id"},
    [PROTECT_TOLD] = {"UPDATE block SET told = ?2 WHERE id = ?1 AND told > ?2"},
    [PROTECT_SUBJECT_ADD] = {"INSERT INTO block_subject (block, person, name, name_key, birthday) "
                             "VALUES (?1, NULLIF(?2, 0), ?3, ?4, ?5)"},
    [PROTECT_SUBJECTS] = {"SELECT id, COALESCE(person, 0), name, name_key, birthday "
                          "FROM block_subject WHERE block = ?1 ORDER BY id"},
    [PROTECT_SUBJECT_HAS] = {"SELECT 1 FROM block_subject WHERE block = ?1 AND person = ?2"},
    [PROTECT_PERSON_BY_NAME] = {"SELECT id FROM person WHERE name_key = ?1 AND birthday = ?2 "
                                "AND account IS NOT NULL ORDER BY id"},
    [PROTECT_PERSON_BY_MAIL] = {"SELECT p.id FROM account a JOIN person p ON p.account = a.id "
                                "WHERE a.kind = 'resident' AND a.login_key = ?1"},
    [PROTECT_PARTY_ADD] = {"INSERT INTO block_party (block, name, name_key, birthday) "
                           "VALUES (?1, ?2, ?3, ?4)"},
    [PROTECT_PARTIES] = {"SELECT id, name, birthday FROM block_party WHERE block = ?1 ORDER BY id"},
    [PROTECT_STAFF_ADD] = {"INSERT INTO block_staff (block, staff) VALUES (?1, ?2) "
                           "ON CONFLICT (block, staff) DO NOTHING"},
    [PROTECT_STAFF_DROP] = {"DELETE FROM block_staff WHERE block = ?1 AND staff = ?2 AND EXISTS "
                            "(SELECT 1 FROM block_staff o WHERE o.block = ?1 AND o.staff <> ?2)"},
    [PROTECT_STAFF_LIST] = {"SELECT n.staff, s.name FROM block_staff n "
                            "JOIN staff s ON s.id = n.staff WHERE n.block = ?1 ORDER BY n.staff"},
    [PROTECT_STAFF_HAS] = {"SELECT 1 FROM block_staff WHERE block = ?1 AND staff = ?2"},
    [PROTECT_STAFF_BY_LOGIN] =
        {"SELECT s.id FROM account a JOIN staff s ON s.account = a.id "
         "WHERE a.kind = 'staff' AND a.login_key = ?1 AND s.state = 'active'"},
    [PROTECT_HIDES_ACCOUNT] =
        {"SELECT 1 FROM person p JOIN block_subject s ON s.person = p.id "
         "JOIN block b ON b.id = s.block WHERE p.account = ?1 AND b.state = 'active' "
         "AND b.from_date <= ?3 AND NOT EXISTS (SELECT 1 FROM block_staff n "
         "WHERE n.block = b.id AND n.staff = ?2) LIMIT 1"},
    [PROTECT_SEND_MAIL] = {"SELECT b.send_mail FROM block_subject s JOIN block b ON b.id = s.block "
                           "WHERE s.person = ?1 AND b.state = 'active' AND b.from_date <= ?2 "
                           "ORDER BY b.id DESC LIMIT 1"},
    [PROTECT_OF_PARTY] =
        {"SELECT s.block, s.name, s.name_key, s.birthday FROM person p "
         "JOIN block_party o ON o.name_key = p.name_key "
         "AND (o.birthday = p.birthday OR o.birthday = '' OR p.birthday = '') "
         "JOIN block b ON b.id = o.block JOIN block_subject s ON s.block = b.id "
         "WHERE p.id = ?1 AND b.state = 'active' AND b.from_date <= ?2 ORDER BY s.id"},
};

#define X(name) &protect_sql[PROTECT_##name],
const struct sql *const protect_statements[PROTECT_SQL_COUNT] = {PROTECT_STATEMENTS(X)};
#undef X
