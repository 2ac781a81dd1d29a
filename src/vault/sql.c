/* Every statement of the module. */
#include "vault/private.h"

static const char few[] = "a city has some dozens of keys";

const struct sql vault_sql[VAULT_SQL_COUNT] = {
    [VAULT_MASTER_CURRENT] = {"SELECT id, fingerprint, source, created_us FROM vault_master "
                              "WHERE state = 'current'",
        .whole = few},
    [VAULT_MASTER_ADD] = {"INSERT INTO vault_master (fingerprint, source, state, created_us, "
                          "retired_us) VALUES (?1, ?2, 'current', ?3, 0) ON CONFLICT (fingerprint) "
                          "DO UPDATE SET source = ?2, state = 'current', created_us = ?3, "
                          "retired_us = 0"},
    [VAULT_MASTER_RETIRE] = {"UPDATE vault_master SET state = 'retired', retired_us = ?1 "
                             "WHERE state = 'current'",
        .whole = few},
    [VAULT_KEYS] = {"SELECT id, purpose, former, wrapped FROM vault_key WHERE wrapped IS NOT NULL",
        .whole = few},
    [VAULT_KEY_CURRENT] = {"SELECT id, (SELECT count(*) FROM vault_key WHERE wrapped IS NOT NULL) "
                           "FROM vault_key WHERE purpose = ?1 AND state = 'current'",
        .whole = few},
    [VAULT_KEY_ADD] = {"INSERT INTO vault_key (id, purpose, state, former, master, wrapped, "
                       "created_us, ended_us, retired_us, held, counted_us) "
                       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, 0, 0)"},
    [VAULT_KEY_OLD] = {"UPDATE vault_key SET state = 'old', ended_us = ?2 "
                       "WHERE purpose = ?1 AND state = 'current' RETURNING id"},
    [VAULT_KEY_FORMER] = {"SELECT id FROM vault_key WHERE purpose = ?1 AND former = 1"},
    [VAULT_KEY_STATE] = {"SELECT id, purpose, state, former, master FROM vault_key WHERE id = ?1"},
    [VAULT_KEY_COUNTED] = {"UPDATE vault_key SET held = ?2, counted_us = ?3 WHERE id = ?1"},
    [VAULT_KEYS_OLD] = {"SELECT id FROM vault_key WHERE purpose = ?1 AND state = 'old'"},
    [VAULT_KEY_RETIRE] = {"UPDATE vault_key SET state = 'retired', wrapped = NULL, held = 0, "
                          "counted_us = ?2, retired_us = ?2 WHERE id = ?1"},
    [VAULT_KEY_REWRAP] = {"UPDATE vault_key SET wrapped = ?2, master = ?3 WHERE id = ?1"},
    [VAULT_KEYS_OF] = {"SELECT k.id, k.state, k.former, k.created_us, k.ended_us, k.retired_us, "
                       "k.held, k.counted_us FROM vault_key k WHERE k.purpose = ?1 "
                       "ORDER BY k.created_us DESC, k.state"},
    [VAULT_ROTATION_RUNNING] = {"SELECT id FROM vault_rotation WHERE purpose = ?1 "
                                "AND state = 'running'"},
    [VAULT_ROTATION_ADD] = {"INSERT INTO vault_rotation (purpose, state, started_by, place, round, "
                            "moved, moved_round, tally, started_us, done_us) "
                            "VALUES (?1, 'running', ?2, 0, 1, 0, 0, '{}', ?3, 0) RETURNING id"},
    [VAULT_ROTATION_GET] = {"SELECT purpose, place, round, moved, moved_round, tally "
                            "FROM vault_rotation WHERE id = ?1 AND state = 'running'"},
    [VAULT_ROTATION_SAVE] = {"UPDATE vault_rotation SET place = ?2, round = ?3, moved = ?4, "
                             "moved_round = ?5, tally = ?6 WHERE id = ?1"},
    [VAULT_ROTATION_DONE] = {"UPDATE vault_rotation SET state = 'done', done_us = ?2 "
                             "WHERE id = ?1"},
    [VAULT_ROTATION_LAST] = {"SELECT id, state, place, round, moved, started_by, started_us, "
                             "done_us FROM vault_rotation WHERE purpose = ?1 "
                             "ORDER BY id DESC LIMIT 1"},
    [VAULT_KEY_STATES] = {"SELECT id, purpose, state, former, master FROM vault_key", .whole = few},
};
