/* What the web layer asks: who is this account, whose token is this, may they do that? */
#include "identity/private.h"

#include <string.h>

static const int64_t DAY_US = INT64_C(24) * 3600 * 1000000;

/* rights: {roles: bits, scopes: "read write ..." for API tokens} */
static int fill_actor(struct request *rq, struct db *db, int64_t account, const char *scopes,
    struct actor *actor, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(ACCOUNT_ACTOR), "i", account);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	int64_t person = 0, staff = 0;
	*actor = (struct actor){.kind = ACTOR_ANONYMOUS, .id = "anonymous"};
	if (rc > 0 && str_is(rows_str(r, 1), "active")) {
		person = rows_i64(r, 3);
		staff = str_is(rows_str(r, 7), "active") ? rows_i64(r, 5) : 0;
		/* Sessions and tokens from before it was required, or before it was removed. */
		if (second_required(rq->city) && !rows_i64(r, 8))
			staff = 0;
		actor->name = rows_dup(r, staff ? 6 : 4, rq->arena);
	}
	rows_end(r);
	if (rc < 0 || (!person && !staff))
		return rc < 0 ? rc : 0;
	actor->kind = staff ? ACTOR_STAFF : ACTOR_RESIDENT;
	actor->account = account;
	actor->person = staff ? staff : person;
	actor->id = staff ? arena_printf(rq->arena, "staff:%lld", (long long)staff)
	                  : arena_printf(rq->arena, "resident:%lld", (long long)account);
	uint64_t bits = 0;
	rc = staff ? staff_roles(db, staff, &bits, err) : 0;
	if (rc < 0)
		return rc;
	actor->rights = json_on_arena(
	    rq->arena, json_pack("{s:I, s:s*}", "roles", (json_int_t)bits, "scopes", scopes));
	return 0;
}

static int by_account(
    struct request *rq, struct db *db, int64_t account, struct actor *actor, struct err *err)
{
	return fill_actor(rq, db, account, NULL, actor, err);
}

struct use {
	int64_t token, now_us;
};

static int use_write(struct db *db, void *arg, struct err *err)
{
	const struct use *u = arg;
	return db_later(db, err, SQL(TOKEN_USED), "ii", u->token, u->now_us);
}

static void use_done(void *arg, int rc, const struct err *err)
{
	(void)rc; /* the day of last use is a hint for its owner: it is written at the next use */
	(void)err;
	free(arg);
}

static int by_token(
    struct request *rq, struct db *db, const char *bearer, struct actor *actor, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	*actor = (struct actor){.kind = ACTOR_ANONYMOUS, .id = "anonymous"};
	token_hash(bearer, hash);
	struct rows *r = db_query(db, err, SQL(TOKEN_BY_HASH), "t", hash);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	bool live = rc > 0 && rows_i64(r, 3) > rq->now_us && rows_i64(r, 5) == 0;
	int64_t id = live ? rows_i64(r, 0) : 0, account = live ? rows_i64(r, 1) : 0;
	int64_t used = live ? rows_i64(r, 4) : 0;
	char *scopes = live ? rows_dup(r, 2, rq->arena) : NULL;
	rows_end(r);
	if (rc < 0 || !live)
		return rc < 0 ? rc : 0;
	if (rq->method != HTTP_GET && !scope_has(scopes, "write"))
		return err_set(err, ERR_DENIED, "identity.tokens.read_only",
		    "API token %lld may only read", (long long)id);
	rc = fill_actor(rq, db, account, scopes, actor, err);
	if (rc == 0 && rq->now_us - used > DAY_US) {
		struct use *u = calloc(1, sizeof(*u));
		if (!u)
			abort();
		*u = (struct use){id, rq->now_us};
		store_submit(rq->city->store, use_write, u, use_done);
	}
	return rc;
}

const char *request_scopes(const struct request *rq)
{
	return json_string_value(json_object_get(rq->actor.rights, "scopes"));
}

/* Named permissions only; "public", "staff" and so on are the web layer's own. The right counts in
 * any department: handlers ask for the one at hand. */
static bool allows(struct request *rq, const char *perm)
{
	struct err err;
	struct db *db = rq->actor.kind == ACTOR_STAFF ? rq_db(rq, &err) : NULL;
	return db && scope_allows(request_scopes(rq), perm) &&
	       roles_have(roles_of(db),
	           (uint64_t)json_integer_value(json_object_get(rq->actor.rights, "roles")), perm);
}

bool request_may(struct request *rq, struct db *db, const char *perm, int64_t department)
{
	return allows(rq, perm) && staff_may(db, rq->actor.person, perm, department);
}

static int demand(struct request *rq, int level, struct err *err)
{
	return assurance_demand(
	    rq, (struct assurance){.identity = 1, .authentication = level}, NULL, err);
}

const struct authenticator identity_authenticator = {
    .account = by_account,
    .token = by_token,
    .allows = allows,
    .demand = demand,
};
