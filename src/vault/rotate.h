/* Rotations, and the memory of keys: shared by pages, command and tests. */
#ifndef VAULT_ROTATE_H
#define VAULT_ROTATE_H

#include "vault/private.h"

/* Inside a write: a new key for the purpose, and a job that seals everything anew with it. The
 * number of the rotation. ERR_CONFLICT "vault.running" while one goes on, ERR_INPUT
 * "vault.not_rotated" for a key whose values cannot be made anew. */
int rotation_start(
    struct db *, const struct protects *, const char *actor, int64_t *id, struct err *);
/* Goes on with a rotation for some batches. 1: there is more; 0: it is done, and former keys that
 * nothing is sealed with any more are destroyed. */
int rotation_step(struct store *, int64_t id, struct err *);
/* The job "vault.rotate". */
int rotation_job(struct store *, void *context, struct arena *, json_t *payload, struct err *);

/* Wraps every key with the first source of keys.master: their number; 0: they are already. Inside a
 * write. */
int rewrap(struct db *, const char *actor, struct err *);
/* 1: the keys are wrapped with another master key than the first source's. */
int rewrap_due(struct db *, struct err *);

/* What a purpose's values are sealed with now: reads all of them, on this thread's reader. */
int purpose_count(
    struct store *, struct arena *, const struct protects *, struct vault_pass *out, struct err *);

/* The memory for pages: {"master": {source, fingerprint, since, others: [{source, fingerprint}]},
 * "purposes": [{name, where, what, index, fixed, keys: [{id, state, since, ended, retired, held,
 * counted}], rotation: {state, round, percent, moved, by, started, done}}]}. New reference. */
int vault_memory(struct db *, struct arena *, json_t **out, struct err *);

#endif
