/* Every statement of the module. */
#include "oidc/private.h"

const struct sql oidc_sql[OIDC_SQL_COUNT] = {
    [OIDC_KEY_ADD] = {"INSERT INTO oidc_key (kid, purpose, alg, private, public, signs_us, "
                      "signs_until_us, published_until_us) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
    [OIDC_KEY_SIGNING] = {"SELECT kid, private FROM oidc_key WHERE purpose = ?1 AND "
                          "published_until_us > ?3 AND alg = ?2 AND signs_us <= ?3 "
                          "ORDER BY signs_us DESC, kid LIMIT 1"},
    [OIDC_KEYS_PUBLISHED] = {"SELECT public FROM oidc_key WHERE purpose = ?1 AND "
                             "published_until_us > ?2 ORDER BY signs_us DESC, kid"},
    [OIDC_KEYS_TO_RENEW] = {"SELECT alg, MAX(signs_until_us) FROM oidc_key WHERE purpose = ?1 AND "
                            "published_until_us > ?2 GROUP BY alg"},
    [OIDC_KEYS_SEALED] = {"SELECT kid, private FROM oidc_key ORDER BY kid",
        .whole = "there are a handful of keys"},
    [OIDC_KEY_RESEAL] = {"UPDATE oidc_key SET private = ?2 WHERE kid = ?1"},
    [OIDC_KEY_EXPIRE] = {"DELETE FROM oidc_key WHERE purpose = ?1 AND published_until_us <= ?2"},

#define CLIENT_COLUMNS "SELECT id, name, data FROM oidc_client "
    [OIDC_CLIENT_ADD] = {"INSERT INTO oidc_client (name, data, state, created_us) "
                         "VALUES (?1, ?2, 'active', ?3) ON CONFLICT (name) DO NOTHING "
                         "RETURNING id"},
    [OIDC_CLIENT_SET] = {"UPDATE oidc_client SET data = ?2, state = ?3 WHERE id = ?1 AND "
                         "state = 'active'"},
    [OIDC_CLIENT_BY_NAME] = {CLIENT_COLUMNS "WHERE name = ?1 AND state = 'active'"},
    [OIDC_CLIENT_BY_ID] = {CLIENT_COLUMNS "WHERE id = ?1 AND state = 'active'"},
    [OIDC_CLIENT_ALL] = {CLIENT_COLUMNS "WHERE state = 'active' ORDER BY name", NULL,
        "a city has a few dozen systems"},
    [OIDC_CONSENT_PUT] = {"INSERT INTO oidc_consent (account, client, scopes, given_us) "
                          "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (account, client) DO UPDATE SET "
                          "scopes = excluded.scopes, given_us = excluded.given_us"},
    [OIDC_CONSENT_GET] = {"SELECT scopes FROM oidc_consent WHERE account = ?1 AND client = ?2"},
    [OIDC_CONSENTS_OF] = {"SELECT client, scopes, given_us FROM oidc_consent WHERE account = ?1 "
                          "ORDER BY client"},
    [OIDC_CONSENT_DROP] = {"DELETE FROM oidc_consent WHERE account = ?1 AND client = ?2"},

    [OIDC_GRANT_ADD] = {"INSERT INTO oidc_grant (account, client, session, state, code_hash, "
                        "code_until_us, token_until_us, data, created_us) "
                        "VALUES (?1, ?2, ?3, 'code', ?4, ?5, 0, ?6, ?7)"},
    [OIDC_GRANT_CODE] = {"SELECT id, account, client, session, state, data, code_until_us "
                         "FROM oidc_grant WHERE code_hash = ?1"},
    [OIDC_GRANT_USE] = {"UPDATE oidc_grant SET state = 'open', token_hash = ?2, "
                        "token_until_us = ?3 WHERE id = ?1 AND state = 'code'"},
    [OIDC_GRANT_TOKEN] = {"SELECT id, account, client, session, state, data, token_until_us "
                          "FROM oidc_grant WHERE token_hash = ?1"},
    [OIDC_GRANT_GET] = {"SELECT id, account, client, session, state, data, token_until_us "
                        "FROM oidc_grant WHERE id = ?1"},
    [OIDC_GRANT_END] = {"UPDATE oidc_grant SET state = ?2 WHERE id = ?1 AND "
                        "state IN ('code', 'open')"},
    [OIDC_GRANTS_OF] = {"SELECT id, client FROM oidc_grant WHERE account = ?1 AND client = ?2 AND "
                        "state IN ('code', 'open') ORDER BY id"},
    [OIDC_GRANTS_OPEN] = {"SELECT id, session, client FROM oidc_grant WHERE state = ?1 "
                          "ORDER BY session, id"},
    [OIDC_GRANT_EXPIRE] = {"DELETE FROM oidc_grant WHERE created_us < ?1"},
    [OIDC_SEEN_ADD] = {"INSERT INTO oidc_seen (hash, until_us) VALUES (?1, ?2) "
                       "ON CONFLICT (hash) DO NOTHING"},
    [OIDC_SEEN_EXPIRE] = {"DELETE FROM oidc_seen WHERE until_us < ?1"},
};

#define X(name) &oidc_sql[OIDC_##name],
const struct sql *const oidc_statements[OIDC_SQL_COUNT] = {OIDC_STATEMENTS(X)};
#undef X
