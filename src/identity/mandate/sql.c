/* Every statement of mandates on record. Dates are compared as text. */
#include "identity/mandate/mandate.h"
#include "identity/private.h"

#define OWN                                                                                        \
	"m.id, m.state, m.ground, COALESCE(m.principal, 0), m.name, m.birthday, m.address, "       \
	"m.corporate_number, m.unit, m.sees_all, COALESCE(m.agent, 0), m.invited, m.acts, "        \
	"m.scope, m.from_date, m.until_date, m.proof, m.proof_text, m.file, m.file_name, "         \
	"m.file_type, m.reason, m.made_by, m.decided_by, m.created_us, m.decided_us, m.ended_us"
#define WITH_NAMES                                                                                 \
	"SELECT " OWN ", COALESCE(pp.account, 0), COALESCE(pa.name, '') FROM mandate_record m "    \
	"LEFT JOIN person pp ON pp.id = m.principal LEFT JOIN person pa ON pa.account = m.agent "
#define SAME_PERSON                                                                                \
	"s.name_key = m.name_key AND (s.birthday = m.birthday OR s.birthday = '' OR "              \
	"m.birthday = '')"
/* Staff ?1 is not named for a protected principal or agent, on day ?2. */
#define NOT_HIDDEN                                                                                 \
	"NOT EXISTS (SELECT 1 FROM block b JOIN block_subject s ON s.block = b.id "                \
	"WHERE b.state = 'active' AND b.from_date <= ?2 "                                          \
	"AND (s.person = m.principal OR s.person = pa.id OR (" SAME_PERSON ")) "                   \
	"AND NOT EXISTS (SELECT 1 FROM block_staff n WHERE n.block = b.id AND n.staff = ?1)) "

const struct sql mandate_sql[MANDATE_SQL_COUNT] = {
    [MANDATE_SQL_ADD] =
        {"INSERT INTO mandate_record (state, ground, principal, name, name_key, birthday, address, "
         "corporate_number, unit, sees_all, agent, invited, acts, scope, from_date, until_date, "
         "proof, proof_text, file, file_name, file_type, reason, made_by, decided_by, created_us, "
         "decided_us, ended_us) VALUES (?1, ?2, NULLIF(?3, 0), ?4, ?5, ?6, ?7, ?8, ?9, ?10, "
         "NULLIF(?11, 0), ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, '', ?22, ?23, ?24, "
         "?25, 0) RETURNING id"},
    [MANDATE_SQL_GET] = {WITH_NAMES "WHERE m.id = ?1"},
    [MANDATE_SQL_OF_AGENT] = {WITH_NAMES "WHERE m.agent = ?1 ORDER BY m.id DESC LIMIT 200"},
    [MANDATE_SQL_OF_PRINCIPAL] = {WITH_NAMES "WHERE m.principal = ?1 ORDER BY m.id DESC LIMIT 200"},
    [MANDATE_SQL_STAFF_GET] = {WITH_NAMES "WHERE m.id = ?3 AND " NOT_HIDDEN},
    [MANDATE_SQL_WAITING] = {WITH_NAMES "WHERE m.state = 'proposed' AND m.agent IS NOT NULL "
                                        "AND " NOT_HIDDEN "ORDER BY m.id LIMIT 200"},
    [MANDATE_SQL_BY_NAME] = {WITH_NAMES "WHERE m.name_key = ?3 AND " NOT_HIDDEN
                                        "ORDER BY m.id DESC LIMIT 200"},
    [MANDATE_SQL_BY_AGENT] = {"SELECT " OWN ", COALESCE(pp.account, 0), pa.name FROM person pa "
                              "JOIN mandate_record m ON m.agent = pa.account "
                              "LEFT JOIN person pp ON pp.id = m.principal "
                              "WHERE pa.name_key = ?3 AND " NOT_HIDDEN
                              "ORDER BY m.id DESC LIMIT 200"},
    [MANDATE_SQL_BY_NUMBER] = {WITH_NAMES "WHERE m.corporate_number = ?3 AND " NOT_HIDDEN
                                          "ORDER BY m.id DESC LIMIT 200"},
    [MANDATE_SQL_LETS] =
        {"SELECT m.acts FROM mandate_record m WHERE m.id = ?1 AND m.agent = ?2 "
         "AND m.state = 'active' AND m.from_date <= ?3 AND m.until_date >= ?3 AND NOT EXISTS "
         "(SELECT 1 FROM person pa JOIN block_party o ON o.name_key = pa.name_key "
         "AND (o.birthday = pa.birthday OR o.birthday = '' OR pa.birthday = '') "
         "JOIN block b ON b.id = o.block AND b.state = 'active' AND b.from_date <= ?3 "
         "JOIN block_subject s ON s.block = b.id WHERE pa.account = ?2 "
         "AND (s.person = m.principal OR (" SAME_PERSON ")))"},
    [MANDATE_SQL_RENEW] = {"UPDATE mandate_record SET name = ?2, name_key = ?3, unit = ?4, "
                           "sees_all = ?5, scope = ?6, from_date = ?7, until_date = ?8 "
                           "WHERE id = ?1 AND state = 'active' AND proof = 'gbizid'"},
    [MANDATE_SQL_LETS_FOR] = {"SELECT m.acts FROM mandate_record m WHERE m.agent = ?1 "
                              "AND m.corporate_number = ?2 AND (m.sees_all = 1 OR ?4 = 1) "
                              "AND m.state = 'active' AND m.from_date <= ?3 "
                              "AND m.until_date >= ?3 ORDER BY m.acts DESC LIMIT 1"},
    [MANDATE_SQL_ACCEPT] = {"UPDATE mandate_record SET state = 'active', agent = ?2, "
                            "invited = '', decided_by = ?3, decided_us = ?4 "
                            "WHERE id = ?1 AND state = 'proposed' AND agent IS NULL"},
    [MANDATE_SQL_DECIDE] = {"UPDATE mandate_record SET state = 'active', proof = 'documents', "
                            "proof_text = ?2, decided_by = ?3, decided_us = ?4, "
                            "principal = COALESCE(NULLIF(?5, 0), principal) "
                            "WHERE id = ?1 AND state = 'proposed' AND agent IS NOT NULL"},
    [MANDATE_SQL_END] = {"UPDATE mandate_record SET state = ?2, invited = '', reason = ?3, "
                         "decided_by = ?4, ended_us = ?5 "
                         "WHERE id = ?1 AND state IN ('proposed', 'active')"},
    [MANDATE_SQL_STATES] = {"SELECT " OWN " FROM mandate_record m ORDER BY m.id",
        .whole = "machi verify reads all"},
};
