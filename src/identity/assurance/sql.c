/* Every statement of assurance. */
#include "identity/assurance/assurance.h"

#define CREDENTIAL_COLUMNS                                                                         \
	"SELECT id, account, kind, name, handle, data, state, counter, created_us, used_us "       \
	"FROM credential "
#define CREDENTIAL_STATE_COLUMNS                                                                   \
	"SELECT id, account, kind, name, handle, data, state, created_us FROM credential "
#define IDENTIFIER_COLUMNS                                                                         \
	"SELECT id, account, kind, issuer, subject, state, data, valid_from, valid_until, "        \
	"created_us, used_us FROM identifier "
#define IDENTIFIER_STATE_COLUMNS                                                                   \
	"SELECT id, account, kind, issuer, subject, state, data, valid_from, valid_until, "        \
	"created_us FROM identifier "
#define PROOF_STATE_COLUMNS                                                                        \
	"SELECT id, person, level, method, issuer, reference, from_date, until_date, created_us, " \
	"data, ended_us FROM identity_proof "

const struct sql assurance_sql[ASSURANCE_SQL_COUNT] = {
    [ASSURANCE_PROOF_ADD] =
        {"INSERT INTO identity_proof (person, level, method, issuer, reference, from_date, "
         "until_date, created_us, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) "
         "RETURNING id"},
    [ASSURANCE_PROOF_LEVEL] =
        {"SELECT COALESCE(MAX(level), 1) FROM identity_proof "
         "WHERE person = ?1 AND ended_us = 0 AND from_date <= ?2 AND until_date >= ?2"},
    [ASSURANCE_PROOF_LIST] = {PROOF_STATE_COLUMNS "WHERE person = ?1 ORDER BY id DESC LIMIT 100"},
    [ASSURANCE_PROOF_END] = {"UPDATE identity_proof SET ended_us = ?2 "
                             "WHERE id = ?1 AND ended_us = 0"},
    [ASSURANCE_PROOF_STATE] = {PROOF_STATE_COLUMNS "WHERE id = ?1"},
    [ASSURANCE_PROOF_STATES] = {PROOF_STATE_COLUMNS "ORDER BY id",
        .whole = "machi verify reads all"},

    [ASSURANCE_CREDENTIAL_ADD] =
        {"INSERT INTO credential (account, kind, name, handle, data, counter, created_us, used_us, "
         "state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 'active') "
         "ON CONFLICT (kind, handle) DO NOTHING RETURNING id"},
    [ASSURANCE_CREDENTIAL_FIND] = {CREDENTIAL_COLUMNS
        "WHERE kind = ?1 AND handle = ?2 AND state <> 'removed'"},
    [ASSURANCE_CREDENTIAL_LIST] = {CREDENTIAL_COLUMNS
        "WHERE account = ?1 AND kind = ?2 AND state <> 'removed' ORDER BY id LIMIT 100"},
    [ASSURANCE_CREDENTIAL_COUNT] = {"SELECT COUNT(*) FROM credential "
                                    "WHERE account = ?1 AND kind = ?2 AND state = 'active'"},
    /* The counter must grow, unless the key does not count at all (0 and 0). */
    [ASSURANCE_CREDENTIAL_USED] =
        {"UPDATE credential SET counter = ?2, used_us = ?3 WHERE id = ?1 AND state = 'active' "
         "AND (counter < ?2 OR (counter = 0 AND ?2 = 0))"},
    [ASSURANCE_CREDENTIAL_RENAME] = {"UPDATE credential SET name = ?3 "
                                     "WHERE id = ?1 AND account = ?2 AND state <> 'removed'"},
    [ASSURANCE_CREDENTIAL_END] = {"UPDATE credential SET state = ?3 "
                                  "WHERE id = ?1 AND account = ?2 AND state <> 'removed'"},
    /* Its handle may come again: the device may offer the same key anew. */
    [ASSURANCE_CREDENTIAL_REMOVE] = {"UPDATE credential SET handle = 'removed:' || "
                                     "CAST(id AS TEXT), data = '{}' WHERE id = ?1"},
    [ASSURANCE_CREDENTIAL_STATE] = {CREDENTIAL_STATE_COLUMNS "WHERE id = ?1"},
    [ASSURANCE_CREDENTIAL_STATES] = {CREDENTIAL_STATE_COLUMNS "ORDER BY id",
        .whole = "machi verify reads all"},

    [ASSURANCE_IDENTIFIER_ADD] =
        {"INSERT INTO identifier (account, kind, issuer, subject, valid_from, valid_until, data, "
         "created_us, used_us, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 'active') "
         "ON CONFLICT (kind, issuer, subject) WHERE state = 'active' DO NOTHING RETURNING id"},
    [ASSURANCE_IDENTIFIER_FIND] = {IDENTIFIER_COLUMNS
        "WHERE kind = ?1 AND issuer = ?2 AND subject = ?3 AND state = 'active'"},
    [ASSURANCE_IDENTIFIER_LIST] = {IDENTIFIER_COLUMNS
        "WHERE account = ?1 AND (?2 = '' OR kind = ?2) ORDER BY id DESC LIMIT 100"},
    [ASSURANCE_IDENTIFIER_END] = {"UPDATE identifier SET state = ?3 "
                                  "WHERE id = ?1 AND account = ?2 AND state = 'active'"},
    [ASSURANCE_IDENTIFIER_USED] = {"UPDATE identifier SET used_us = ?2 WHERE id = ?1"},
    [ASSURANCE_IDENTIFIER_STATE] = {IDENTIFIER_STATE_COLUMNS "WHERE id = ?1"},
    [ASSURANCE_IDENTIFIER_STATES] = {IDENTIFIER_STATE_COLUMNS "ORDER BY id",
        .whole = "machi verify reads all"},

    [ASSURANCE_CHALLENGE_ADD] =
        {"INSERT INTO challenge (hash, kind, account, data, created_us, expires_us) "
         "VALUES (?1, ?2, NULLIF(?3, 0), ?4, ?5, ?6)"},
    [ASSURANCE_CHALLENGE_GET] = {"SELECT COALESCE(account, 0), data FROM challenge "
                                 "WHERE hash = ?1 AND kind = ?2 AND expires_us > ?3"},
    [ASSURANCE_CHALLENGE_DROP] = {"DELETE FROM challenge WHERE hash = ?1"},
    [ASSURANCE_CHALLENGE_EXPIRE] = {"DELETE FROM challenge WHERE expires_us <= ?1"},
};
