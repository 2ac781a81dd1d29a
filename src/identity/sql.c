/* Every statement of the module. Days: ?n is compared as text, YYYY-MM-DD sorts by time. */
#include "identity/private.h"

#define HAS_PASSKEY                                                                                \
	"EXISTS (SELECT 1 FROM credential c WHERE c.account = a.id AND c.kind = 'passkey' "        \
	"AND c.state = 'active')"

#define ACCOUNT_COLUMNS                                                                            \
	"SELECT a.id, a.kind, a.login, a.mail, a.password_hash, a.totp_secret, a.totp_pending, "   \
	"a.totp_step, a.state, a.lang, a.created_us, a.signed_in_us, a.password_us, p.id, s.id, "  \
	"COALESCE(s.name, p.name, a.login), CASE WHEN " HAS_PASSKEY " THEN 1 ELSE 0 END "          \
	"FROM account a LEFT JOIN person p ON p.account = a.id LEFT JOIN staff s ON s.account = "  \
	"a.id "

/* 1 when account a has a second factor: a time-based code, or a passkey. */
#define HAS_SECOND "CASE WHEN a.totp_secret IS NOT NULL OR " HAS_PASSKEY " THEN 1 ELSE 0 END "

/* What the verifier compares; sign-in times and used TOTP steps are not part of it. */
#define ACCOUNT_STATE_COLUMNS                                                                      \
	"SELECT id, kind, login, mail, password_hash, totp_secret, state, lang FROM account "

#define TOKEN_STATE_COLUMNS                                                                        \
	"SELECT id, account, name, hash, scopes, expires_us, revoked_us FROM api_token "

/* The department ?2 and those above it. UNION (not ALL) ends also on a circle. */
#define DEPARTMENTS_UP                                                                             \
	"WITH RECURSIVE up(id, parent) AS (SELECT id, parent FROM department WHERE id = ?2 "       \
	"UNION SELECT d.id, d.parent FROM department d JOIN up ON d.id = up.parent) "

#define IS_AWAY(who, day)                                                                          \
	"EXISTS (SELECT 1 FROM absence b WHERE b.staff = " who " AND b.from_date <= " day          \
	" AND b.until_date >= " day ")"

#define DEPUTY_COLUMNS                                                                             \
	"SELECT id, COALESCE(deputy, 0), COALESCE(department, 0), from_date, until_date, "         \
	"COALESCE(rank, 0), place FROM deputy "

/* Rows (role, rank, department, its code, source, from, until, officer) from grants, own posts and
 * posts of absent officers one is the deputy of (by name, or by a post in the same department), for
 * staff ?1 on day `day`; the three conditions narrow the department. What is decided and what is
 * explained are the same rows. */
#define RIGHTS(day, of_grant, of_post, of_deputy)                                                  \
	"SELECT r.role, r.rank, r.department, COALESCE(c.code, ''), r.source, r.from_date, "       \
	"r.until_date, r.officer FROM ("                                                           \
	"SELECT g.role AS role, -1 AS rank, COALESCE(g.department, 0) AS department, "             \
	"'grant' AS source, g.from_date AS from_date, g.until_date AS until_date, 0 AS officer "   \
	"FROM role_grant g WHERE g.staff = ?1 AND g.from_date <= " day                             \
	" AND g.until_date >= " day of_grant                                                       \
	" UNION ALL SELECT '', p.rank, p.department, 'post', p.from_date, p.until_date, 0 "        \
	"FROM post p WHERE p.staff = ?1 "                                                          \
	"AND p.from_date <= " day " AND p.until_date >= " day of_post                              \
	" UNION ALL SELECT '', p.rank, p.department, 'deputy', d.from_date, d.until_date, "        \
	"d.staff FROM deputy d JOIN post p ON p.staff = d.staff "                                  \
	"WHERE d.deputy = ?1 AND d.from_date <= " day " AND d.until_date >= " day                  \
	" AND p.from_date <= " day " AND p.until_date >= " day                                     \
	" AND (d.department IS NULL OR d.department = p.department) "                              \
	"AND " IS_AWAY("d.staff", day) of_deputy                                                   \
	    " UNION ALL SELECT '', p.rank, p.department, 'deputy', d.from_date, d.until_date, "    \
	    "d.staff FROM post q JOIN post p ON p.department = q.department "                      \
	    "JOIN deputy d ON d.staff = p.staff AND d.rank = q.rank "                              \
	    "WHERE q.staff = ?1 AND p.staff <> ?1 AND q.from_date <= " day                         \
	    " AND q.until_date >= " day " AND d.from_date <= " day " AND d.until_date >= " day     \
	    " AND p.from_date <= " day " AND p.until_date >= " day                                 \
	    " AND (d.department IS NULL OR d.department = p.department) AND " IS_AWAY(             \
	        "d.staff", day) of_deputy                                                          \
	    ") r LEFT JOIN department c ON c.id = r.department "                                   \
	    "WHERE EXISTS (SELECT 1 FROM staff s WHERE s.id = ?1 AND s.state = 'active')"

/* 2: RANK_SECTION. From 課長 up a post reaches into the departments below. */
#define POST_REACHES                                                                               \
	" AND (p.department = ?2 OR (p.rank >= 2 AND p.department IN (SELECT id FROM up)))"

const struct sql identity_sql[SQL_COUNT] = {
    [SQL_ACCOUNT_ADD] = {"INSERT INTO account (kind, login, login_key, mail, password_hash, "
                         "password_us, totp_step, state, lang, created_us, signed_in_us) "
                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 'active', ?7, ?8, 0) "
                         "ON CONFLICT (kind, login_key) DO NOTHING RETURNING id"},
    [SQL_ACCOUNT_BY_ID] = {ACCOUNT_COLUMNS "WHERE a.id = ?1"},
    [SQL_ACCOUNT_BY_LOGIN] = {ACCOUNT_COLUMNS "WHERE a.kind = ?1 AND a.login_key = ?2"},
    [SQL_ACCOUNT_SET_PASSWORD] =
        {"UPDATE account SET password_hash = ?2, password_us = ?3 WHERE id = ?1"},
    [SQL_ACCOUNT_SET_STATE] = {"UPDATE account SET state = ?2 WHERE id = ?1 AND state <> 'closed'"},
    [SQL_ACCOUNT_SET_LOGIN] =
        {"UPDATE account SET login = ?2, login_key = ?3, mail = ?4 WHERE id = ?1 "
         "AND NOT EXISTS (SELECT 1 FROM account o WHERE o.kind = account.kind "
         "AND o.login_key = ?3 AND o.id <> ?1)"},
    [SQL_ACCOUNT_SET_MAIL] = {"UPDATE account SET mail = ?2 WHERE id = ?1"},
    [SQL_ACCOUNT_SET_LANG] = {"UPDATE account SET lang = ?2 WHERE id = ?1"},
    [SQL_ACCOUNT_SET_TOTP] = {"UPDATE account SET totp_secret = ?2, totp_pending = NULL, "
                              "totp_step = ?3 WHERE id = ?1"},
    [SQL_ACCOUNT_CLOSE] = {"UPDATE account SET state = 'closed', login = ?2, login_key = ?2, "
                           "mail = NULL, password_hash = NULL, totp_secret = NULL, "
                           "totp_pending = NULL WHERE id = ?1"},
    [SQL_ACCOUNT_STATE] = {ACCOUNT_STATE_COLUMNS "WHERE id = ?1"},
    [SQL_ACCOUNT_STATES] = {ACCOUNT_STATE_COLUMNS "ORDER BY id", .whole = "machi verify reads all"},
    [SQL_ACCOUNT_ACTOR] =
        {"SELECT a.kind, a.state, a.lang, p.id, p.name, s.id, s.name, s.state, " HAS_SECOND
         "FROM account a LEFT JOIN person p ON p.account = a.id "
         "LEFT JOIN staff s ON s.account = a.id WHERE a.id = ?1"},

    [SQL_PERSON_ADD] = {"INSERT INTO person (account, profile, name, name_key, kana_key, birthday, "
                        "mail, lang, created_us) "
                        "VALUES (NULLIF(?1, 0), ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) RETURNING id"},
    [SQL_PERSON_SET] = {"UPDATE person SET profile = ?2, name = ?3, name_key = ?4, kana_key = ?5, "
                        "birthday = ?6, mail = ?7, lang = ?8 WHERE id = ?1"},
    [SQL_PERSON_ROW] = {"SELECT id, account, profile, mail, lang FROM person WHERE id = ?1"},
    [SQL_PERSON_STATES] = {"SELECT id, account, profile, mail, lang FROM person ORDER BY id",
        .whole = "machi verify reads all"},

    [SQL_STAFF_ADD] = {"INSERT INTO staff (account, name, name_key, kana, state, created_us) "
                       "VALUES (?1, ?2, ?3, ?4, 'active', ?5) RETURNING id"},
    [SQL_STAFF_SET] =
        {"UPDATE staff SET name = ?2, name_key = ?3, kana = ?4, state = ?5 WHERE id = ?1"},
    [SQL_STAFF_ROW] = {"SELECT account, name, kana, state FROM staff WHERE id = ?1"},
    [SQL_STAFF_IDS] = {"SELECT id FROM staff ORDER BY id", .whole = "machi verify reads all"},
    [SQL_STAFF_MAIL] = {"SELECT a.mail, a.lang FROM staff s JOIN account a ON a.id = s.account "
                        "WHERE s.id = ?1"},
    [SQL_STAFF_POSTS] = {"SELECT id, department, rank, acting, from_date, until_date FROM post "
                         "WHERE staff = ?1 ORDER BY id"},
    [SQL_STAFF_ROLES] = {"SELECT id, role, COALESCE(department, 0), from_date, until_date, reason "
                         "FROM role_grant WHERE staff = ?1 ORDER BY id"},
    [SQL_STAFF_ABSENCES] =
        {"SELECT id, from_date, until_date, reason FROM absence WHERE staff = ?1 ORDER BY id"},
    [SQL_STAFF_DEPUTIES] = {DEPUTY_COLUMNS "WHERE staff = ?1 ORDER BY id"},

    [SQL_DEPARTMENT_ADD] = {"INSERT INTO department (code, name, name_en, parent, from_date, "
                            "until_date) VALUES (?1, ?2, ?3, NULLIF(?4, 0), ?5, ?6) "
                            "ON CONFLICT (code) DO NOTHING RETURNING id"},
    [SQL_DEPARTMENT_SET] =
        {"UPDATE department SET name = ?2, name_en = ?3, parent = NULLIF(?4, 0), "
         "from_date = ?5, until_date = ?6 WHERE id = ?1"},
    [SQL_DEPARTMENT_ROW] = {"SELECT id, code, name, name_en, COALESCE(parent, 0), from_date, "
                            "until_date FROM department WHERE id = ?1"},
    [SQL_DEPARTMENT_ALL] = {"SELECT id, code, name, name_en, COALESCE(parent, 0), from_date, "
                            "until_date FROM department ORDER BY code, id"},
    [SQL_DEPARTMENT_BY_NAME] = {"SELECT id FROM department WHERE name = ?1 AND until_date >= ?2 "
                                "AND from_date <= ?2 ORDER BY until_date, id LIMIT 1"},
    [SQL_DEPARTMENT_BY_CODE] = {"SELECT id FROM department WHERE code = ?1"},
    [SQL_DEPARTMENT_ABOVE] = {"SELECT COALESCE(parent, 0) FROM department WHERE id = ?1"},

    [SQL_POST_ADD] = {"INSERT INTO post (staff, department, rank, acting, from_date, until_date) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id"},
    [SQL_POST_END] =
        {"UPDATE post SET until_date = ?3 WHERE id = ?1 AND staff = ?2 AND from_date <= ?3 "
         "AND until_date > ?3"},
    [SQL_POST_DROP] = {"DELETE FROM post WHERE id = ?1 AND staff = ?2 AND from_date > ?3"},
    [SQL_POST_HOLDERS] =
        {"SELECT p.staff, MIN(s.name) FROM post p JOIN staff s "
         "ON s.id = p.staff WHERE p.department = ?1 AND p.rank = ?2 AND p.until_date >= ?3 "
         "AND p.from_date <= ?3 AND s.state = 'active' "
         "GROUP BY p.staff ORDER BY MIN(p.from_date), MIN(p.id)"},
    [SQL_POST_MEMBERS] =
        {"SELECT p.staff, MIN(s.name) FROM post p JOIN staff s ON s.id = p.staff "
         "WHERE p.department = ?1 AND p.until_date >= ?2 AND p.from_date <= ?2 "
         "AND s.state = 'active' GROUP BY p.staff ORDER BY MAX(p.rank) DESC, p.staff"},
    [SQL_ABSENCE_ADD] =
        {"INSERT INTO absence (staff, from_date, until_date, reason) VALUES (?1, ?2, ?3, ?4) "
         "RETURNING id"},
    [SQL_ABSENCE_SET] = {"UPDATE absence SET from_date = ?3, until_date = ?4, reason = ?5 "
                         "WHERE id = ?1 AND staff = ?2"},
    [SQL_ABSENCE_ROW] =
        {"SELECT from_date, until_date, reason FROM absence WHERE id = ?1 AND staff = ?2"},
    [SQL_ABSENCE_OVERLAP] = {"SELECT id FROM absence WHERE staff = ?1 AND id <> ?2 "
                             "AND until_date >= ?3 AND from_date <= ?4 LIMIT 1"},
    [SQL_ABSENCE_END] =
        {"UPDATE absence SET until_date = ?3 WHERE id = ?1 AND staff = ?2 AND from_date <= ?3 "
         "AND until_date > ?3"},
    [SQL_ABSENCE_DROP] = {"DELETE FROM absence WHERE id = ?1 AND staff = ?2 AND from_date > ?3"},
    [SQL_ABSENT] = {"SELECT id FROM absence WHERE staff = ?1 AND until_date >= ?2 "
                    "AND from_date <= ?2 LIMIT 1"},
    /* Who is away on day ?2 in the departments of ?1 and above them, or has named ?1. CROSS JOIN:
     * from the few absences of the day to the staff, not the other way round. */
    [SQL_AWAY] = {"WITH RECURSIVE up(id, parent) AS (SELECT d.id, d.parent FROM post p "
                  "JOIN department d ON d.id = p.department "
                  "WHERE p.staff = ?1 AND p.from_date <= ?2 AND p.until_date >= ?2 "
                  "UNION SELECT d.id, d.parent FROM department d JOIN up ON d.id = up.parent) "
                  "SELECT s.id, s.name, MAX(b.until_date) FROM absence b "
                  "CROSS JOIN staff s "
                  "WHERE s.id = b.staff AND b.from_date <= ?2 AND b.until_date >= ?2 AND s.state = "
                  "'active' AND s.id <> ?1 "
                  "AND (EXISTS (SELECT 1 FROM post p WHERE p.staff = s.id AND p.from_date <= ?2 "
                  "AND p.until_date >= ?2 AND p.department IN (SELECT id FROM up)) "
                  "OR EXISTS (SELECT 1 FROM deputy d WHERE d.staff = s.id AND d.deputy = ?1 "
                  "AND d.from_date <= ?2 AND d.until_date >= ?2)) "
                  "GROUP BY s.id, s.name ORDER BY s.name, s.id LIMIT 200"},
    /* 課長 and higher: those of lower rank in the own departments and below; ?3: one of them (0:
     * all), after ?4, with a name like ?5. */
    [SQL_MANAGED] =
        {"WITH RECURSIVE down(id, rank) AS (SELECT department, rank FROM post WHERE staff = ?1 "
         "AND rank >= 2 AND from_date <= ?2 AND until_date >= ?2 "
         "UNION SELECT d.id, down.rank FROM department d JOIN down ON d.parent = down.id) "
         "SELECT DISTINCT s.id, s.name FROM down JOIN post p ON p.department = down.id "
         "AND p.rank < down.rank AND p.from_date <= ?2 AND p.until_date >= ?2 "
         "JOIN staff s ON s.id = p.staff WHERE s.state = 'active' AND s.id <> ?1 AND s.id > ?4 "
         "AND (?3 = 0 OR s.id = ?3) "
         "AND (s.name_key LIKE ?5 ESCAPE '!' OR s.kana LIKE ?5 ESCAPE '!') "
         "ORDER BY s.id LIMIT ?6"},
    [SQL_DEPUTY_ADD] = {"INSERT INTO deputy (staff, deputy, department, from_date, until_date, "
                        "rank, place) VALUES (?1, NULLIF(?2, 0), NULLIF(?3, 0), ?4, ?5, "
                        "NULLIF(?6, 0), ?7) RETURNING id"},
    [SQL_DEPUTY_SET] = {"UPDATE deputy SET deputy = NULLIF(?3, 0), department = NULLIF(?4, 0), "
                        "from_date = ?5, until_date = ?6, rank = NULLIF(?7, 0), place = ?8 "
                        "WHERE id = ?1 AND staff = ?2"},
    [SQL_DEPUTY_ROW] = {DEPUTY_COLUMNS "WHERE id = ?1 AND staff = ?2"},
    /* Colleagues of the same departments and the one above, and the heads of those below. */
    [SQL_DEPUTY_CANDIDATES] =
        {"SELECT s.id, s.name, MAX(p.rank) FROM post o JOIN department od ON od.id = o.department "
         "JOIN department d ON d.id = o.department OR d.id = od.parent OR d.parent = o.department "
         "JOIN post p ON p.department = d.id AND (p.rank >= 2 OR d.parent IS NULL "
         "OR d.parent <> o.department) JOIN staff s ON s.id = p.staff "
         "WHERE o.staff = ?1 AND o.from_date <= ?2 AND o.until_date >= ?2 AND p.from_date <= ?2 "
         "AND p.until_date >= ?2 AND s.state = 'active' AND s.id <> ?1 "
         "GROUP BY s.id, s.name ORDER BY MAX(p.rank) DESC, s.id LIMIT 300"},
    [SQL_DEPUTY_END] =
        {"UPDATE deputy SET until_date = ?3 WHERE id = ?1 AND staff = ?2 AND from_date <= ?3 "
         "AND until_date > ?3"},
    [SQL_DEPUTY_DROP] = {"DELETE FROM deputy WHERE id = ?1 AND staff = ?2 AND from_date > ?3"},
    /* In the order they are asked, those for the department first: who (0: by rank), rank, and the
     * department where the rank is looked for. */
    [SQL_DEPUTY_OF] =
        {"SELECT COALESCE(d.deputy, 0), COALESCE(d.rank, 0), CASE WHEN ?2 <> 0 THEN ?2 "
         "ELSE COALESCE(d.department, (SELECT p.department FROM post p WHERE p.staff = d.staff "
         "AND p.from_date <= ?3 AND p.until_date >= ?3 ORDER BY p.rank DESC, p.id LIMIT 1), 0) END "
         "FROM deputy d LEFT JOIN staff s ON s.id = d.deputy "
         "WHERE d.staff = ?1 AND d.until_date >= ?3 AND d.from_date <= ?3 "
         "AND (d.department IS NULL OR d.department = ?2 OR ?2 = 0) "
         "AND (d.deputy IS NULL OR s.state = 'active') "
         "ORDER BY CASE WHEN d.department IS NULL THEN 1 ELSE 0 END, d.place, d.id"},
    [SQL_ROLE_ADD] = {"INSERT INTO role_grant (staff, role, department, from_date, until_date, "
                      "reason) VALUES (?1, ?2, NULLIF(?3, 0), ?4, ?5, ?6) RETURNING id"},
    [SQL_ROLE_END] =
        {"UPDATE role_grant SET until_date = ?3 WHERE id = ?1 AND staff = ?2 AND from_date <= ?3 "
         "AND until_date > ?3"},
    [SQL_ROLE_DROP] = {"DELETE FROM role_grant WHERE id = ?1 AND staff = ?2 AND from_date > ?3"},

    [SQL_ROLE_GRANTS] = {"SELECT g.staff, s.name, g.role, COALESCE(g.department, 0), g.from_date, "
                         "g.until_date, g.reason FROM role_grant g JOIN staff s ON s.id = g.staff "
                         "WHERE g.until_date >= ?1 AND s.state = 'active' "
                         "ORDER BY g.until_date, g.id LIMIT 500"},
    [SQL_ROLE_HOLDERS] = {DEPARTMENTS_UP
        "SELECT DISTINCT g.staff FROM role_grant g JOIN staff s ON s.id = g.staff "
        "WHERE (g.department IS NULL OR g.department IN (SELECT id FROM up)) AND g.from_date <= ?1 "
        "AND g.until_date >= ?1 AND s.state = 'active' ORDER BY g.staff",
        NULL, "a city grants a handful of roles"},
    [SQL_RIGHTS_IN] = {DEPARTMENTS_UP RIGHTS("?3",
        " AND (g.department IS NULL OR g.department IN (SELECT id FROM up))", POST_REACHES,
        POST_REACHES)},
    [SQL_RIGHTS_ANY] = {RIGHTS("?2", "", "", "")},
    [SQL_ACCOUNT_SIGNED_IN] = {"UPDATE account SET signed_in_us = ?2 WHERE id = ?1"},
    [SQL_ACCOUNT_SET_STEP] = {"UPDATE account SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2"},
    [SQL_TOTP_AFTER] = {"SELECT id, totp_secret, totp_pending FROM account WHERE id > ?1 "
                        "ORDER BY id LIMIT ?2"},
    [SQL_TOTP_RESEAL] = {"UPDATE account SET totp_secret = ?2, totp_pending = ?3 WHERE id = ?1"},
    [SQL_ACCOUNT_TOP] = {"SELECT coalesce(max(id), 0) FROM account"},
    [SQL_ACCOUNT_SET_PENDING] = {"UPDATE account SET totp_pending = ?2 WHERE id = ?1"},

    [SQL_REGISTRATION_ADD] =
        {"INSERT INTO registration (hash, mail, password_hash, profile, lang, next, "
         "created_us, expires_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    [SQL_REGISTRATION_GET] = {"SELECT mail, password_hash, profile, lang, next FROM registration "
                              "WHERE hash = ?1 AND expires_us > ?2"},
    [SQL_REGISTRATION_DROP] = {"DELETE FROM registration WHERE hash = ?1"},
    [SQL_REGISTRATION_EXPIRE] = {"DELETE FROM registration WHERE expires_us <= ?1"},

    [SQL_ONCE_ADD] = {"INSERT INTO once_token (hash, kind, account, data, created_us, expires_us) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"},
    [SQL_ONCE_GET] = {"SELECT account, data FROM once_token "
                      "WHERE hash = ?1 AND kind = ?2 AND expires_us > ?3"},
    [SQL_ONCE_DROP] = {"DELETE FROM once_token WHERE account = ?1 AND kind = ?2"},
    [SQL_ONCE_COUNT] = {"SELECT COUNT(*) FROM once_token "
                        "WHERE account = ?1 AND kind = ?2 AND expires_us > ?3"},
    [SQL_ONCE_EXPIRE] = {"DELETE FROM once_token WHERE expires_us <= ?1"},

    [SQL_RECOVERY_ADD] = {"INSERT INTO recovery_code (account, hash) VALUES (?1, ?2) "
                          "ON CONFLICT (account, hash) DO NOTHING"},
    [SQL_RECOVERY_USE] = {"DELETE FROM recovery_code WHERE account = ?1 AND hash = ?2"},
    [SQL_RECOVERY_CLEAR] = {"DELETE FROM recovery_code WHERE account = ?1"},
    [SQL_RECOVERY_COUNT] = {"SELECT COUNT(*) FROM recovery_code WHERE account = ?1"},

    [SQL_TOKEN_ADD] =
        {"INSERT INTO api_token (account, name, hash, scopes, created_us, expires_us, "
         "used_us, revoked_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0) RETURNING id"},
    [SQL_TOKEN_BY_HASH] = {"SELECT id, account, scopes, expires_us, used_us, revoked_us "
                           "FROM api_token WHERE hash = ?1"},
    [SQL_TOKENS_OF] = {"SELECT id, name, scopes, created_us, expires_us, used_us FROM api_token "
                       "WHERE account = ?1 AND revoked_us = 0 ORDER BY id DESC"},
    [SQL_TOKEN_REVOKE] = {"UPDATE api_token SET revoked_us = ?3 "
                          "WHERE id = ?1 AND account = ?2 AND revoked_us = 0"},
    [SQL_TOKEN_USED] = {"UPDATE api_token SET used_us = ?2 WHERE id = ?1"},
    [SQL_TOKEN_STATE] = {TOKEN_STATE_COLUMNS "WHERE id = ?1"},
    [SQL_TOKEN_STATES] = {TOKEN_STATE_COLUMNS "ORDER BY id", .whole = "machi verify reads all"},

    [SQL_DEVICE_FIND] = {"SELECT id FROM device WHERE account = ?1 AND hash = ?2"},
    [SQL_DEVICE_SEEN] = {"INSERT INTO device (account, hash, first_us, last_us) "
                         "VALUES (?1, ?2, ?3, ?3) "
                         "ON CONFLICT (account, hash) DO UPDATE SET last_us = ?3"},
    [SQL_DEVICE_FORGET] = {"DELETE FROM device WHERE account = ?1"},

    [SQL_ATTEMPT_GET] = {"SELECT failed, at_us FROM attempt WHERE key = ?1"},
    [SQL_ATTEMPT_PUT] = {"INSERT INTO attempt (key, failed, at_us) VALUES (?1, ?2, ?3) "
                         "ON CONFLICT (key) DO UPDATE SET failed = ?2, at_us = ?3"},
    [SQL_ATTEMPT_CLEAR] = {"DELETE FROM attempt WHERE key = ?1"},
    [SQL_ATTEMPT_EXPIRE] = {"DELETE FROM attempt WHERE at_us <= ?1"},

    [SQL_SIGN_IN_ADD] = {"INSERT INTO sign_in (account, at_us, outcome, address, agent, method) "
                         "VALUES (NULLIF(?1, 0), ?2, ?3, ?4, ?5, ?6) RETURNING id"},
    [SQL_SIGN_IN_OF] = {"SELECT id, at_us, outcome, address, agent, method FROM sign_in "
                        "WHERE account = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"},
    [SQL_SIGN_IN_EXPIRE] = {"DELETE FROM sign_in WHERE at_us <= ?1"},

    [SQL_USERS] =
        {"SELECT s.id, a.login, s.name, s.kana, a.mail, a.state, s.state, "
         "a.signed_in_us, " HAS_SECOND "FROM staff s JOIN account a ON a.id = s.account "
         "WHERE s.id > ?2 AND (a.login_key LIKE ?1 ESCAPE '!' OR s.name_key LIKE ?1 ESCAPE '!' "
         "OR s.kana LIKE ?1 ESCAPE '!') "
         "AND (?3 = 0 OR EXISTS (SELECT 1 FROM post p WHERE p.staff = s.id "
         "AND p.department = ?3 AND p.from_date <= ?4 AND p.until_date >= ?4)) "
         "ORDER BY s.id LIMIT ?5"},
    [SQL_RESIDENTS] =
        {"SELECT a.id, p.id, p.name, p.birthday, a.login, a.state, a.signed_in_us, " HAS_SECOND
         "FROM account a JOIN person p ON p.account = a.id WHERE a.id IN "
         "(SELECT id FROM account WHERE kind = 'resident' AND login_key = ?1 "
         "UNION SELECT account FROM person WHERE name_key = ?2 "
         "UNION SELECT account FROM person WHERE kana_key = ?2) "
         "AND a.kind = 'resident' ORDER BY a.id LIMIT 50"},
    [SQL_DEPARTMENT_STAFF] = {"SELECT department, COUNT(DISTINCT staff) FROM post "
                              "WHERE from_date <= ?1 AND until_date >= ?1 GROUP BY department"},
};

const struct sql *const identity_statements[SQL_COUNT] = {
#define X(name) &identity_sql[SQL_##name],
    IDENTITY_STATEMENTS(X)
#undef X
};
