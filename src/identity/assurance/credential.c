/* Keys that one account signs in with: passkeys, client certificates. */
#include "base/time.h"
#include "identity/assurance/assurance.h"

/* Counter and time of use are not part of it. */
static const char *const credential_columns[] = {
    "#account", "kind", "name", "handle", "data", "state", "#created", NULL};
static const struct record_kind credential_kind = {
    "credential", ASSURANCE_CREDENTIAL_STATE, ASSURANCE_CREDENTIAL_STATES, credential_columns};

static int each_credential(struct db *db,
    int (*take)(void *arg, const char *subject, json_t *state), void *arg, struct err *err)
{
	return record_each(db, &credential_kind, take, arg, err);
}

const struct journal_verifier credential_verifier = {.kind = "credential", .each = each_credential};

static int changed(struct db *db, const char *actor, const char *verb, int64_t id, struct err *err)
{
	return record_journal(db, actor, verb, &credential_kind, id, NULL, err);
}

int credential_add(
    struct db *db, const char *actor, const struct credential *c, int64_t *id, struct err *err)
{
	int rc = db_get_i64(db, err, id, ASSURANCE(CREDENTIAL_ADD), "ittttii", c->account, c->kind,
	    c->name, c->handle, c->data, c->counter, now_us());
	if (rc == 0)
		return err_set(err, ERR_CONFLICT, "identity.credential.taken",
		    "this %s is registered already", c->kind);
	return rc < 0 ? rc : changed(db, actor, "identity.credential_added", *id, err);
}

static struct credential of_row(struct rows *r, struct arena *a)
{
	return (struct credential){
	    .id = rows_i64(r, 0),
	    .account = rows_i64(r, 1),
	    .kind = rows_dup(r, 2, a),
	    .name = rows_dup(r, 3, a),
	    .handle = rows_dup(r, 4, a),
	    .data = rows_dup(r, 5, a),
	    .state = rows_dup(r, 6, a),
	    .counter = rows_i64(r, 7),
	    .created_us = rows_i64(r, 8),
	    .used_us = rows_i64(r, 9),
	};
}

int credential_find(struct db *db, struct arena *a, const char *kind, const char *handle,
    struct credential *out, struct err *err)
{
	struct rows *r = db_query(db, err, ASSURANCE(CREDENTIAL_FIND), "tt", kind, handle);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0)
		*out = of_row(r, a);
	rows_end(r);
	return rc;
}

int credential_list(struct db *db, struct arena *a, int64_t account, const char *kind,
    struct credential **out, struct err *err)
{
	enum { MOST = 100 }; /* as the statement says */
	struct rows *r = db_query(db, err, ASSURANCE(CREDENTIAL_LIST), "it", account, kind);
	int n = 0, rc = r ? 0 : -(int)ERR_STORE;
	*out = arena_array(a, MOST, sizeof(**out));
	while (r && n < MOST && (rc = rows_next(r)) > 0)
		(*out)[n++] = of_row(r, a);
	rows_end(r);
	return rc < 0 ? rc : n;
}

int credential_count(struct db *db, int64_t account, const char *kind, int64_t *n, struct err *err)
{
	int rc = db_get_i64(db, err, n, ASSURANCE(CREDENTIAL_COUNT), "it", account, kind);
	return rc < 0 ? rc : 0;
}

int credential_used(struct db *db, int64_t id, int64_t counter, int64_t now, struct err *err)
{
	int64_t n = db_run(db, err, ASSURANCE(CREDENTIAL_USED), "iii", id, counter, now);
	return n < 0 ? (int)n : n > 0;
}

int credential_rename(struct db *db, const char *actor, int64_t account, int64_t id,
    const char *name, struct err *err)
{
	int64_t n = db_run(db, err, ASSURANCE(CREDENTIAL_RENAME), "iit", id, account, name);
	if (n == 0)
		return err_set(err, ERR_MISSING, NULL, "credential %lld", (long long)id);
	return n < 0 ? (int)n : changed(db, actor, "identity.credential_renamed", id, err);
}

int credential_end(struct db *db, const char *actor, int64_t account, int64_t id, const char *state,
    struct err *err)
{
	bool removed = text_eq(state, "removed");
	int64_t n = db_run(db, err, ASSURANCE(CREDENTIAL_END), "iit", id, account, state);
	if (n == 0)
		return err_set(err, ERR_MISSING, NULL, "credential %lld", (long long)id);
	if (n > 0 && removed)
		n = db_run(db, err, ASSURANCE(CREDENTIAL_REMOVE), "i", id);
	return n < 0 ? (int)n
	             : changed(db, actor,
	                   removed ? "identity.credential_removed" : "identity.credential_blocked",
	                   id, err);
}
