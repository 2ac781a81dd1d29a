/* Sign-ins of people at systems: a code, then a short-lived access token, then the end.
 *
 * 1. A code works once: the statement that opens the grant takes it from 'code' only. Who brings it
 *    again ends the grant, and with it the access token that was given for it (RFC 6749 §4.1.2).
 * 2. A grant lives no longer than the session it came from: watch_job() looks while there are
 *    grants, so that it does not matter how a session ended. */
#include "base/fetch.h"
#include "base/log.h"
#include "base/time.h"
#include "oidc/provider.h"

static const int64_t SECOND = 1000000;
enum { WATCH_SECONDS = 15 };

static int grant_read(struct rows *r, struct arena *a, struct grant *g)
{
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0)
		*g = (struct grant){
		    .id = rows_i64(r, 0),
		    .account = rows_i64(r, 1),
		    .client = rows_dup(r, 2, a),
		    .session = rows_dup(r, 3, a),
		    .state = rows_dup(r, 4, a),
		    .data = json_on_arena(a, json_loads(rows_dup(r, 5, a), 0, NULL)),
		    .until_us = rows_i64(r, 6),
		};
	rows_end(r);
	return rc;
}

int grant_find(struct db *db, struct arena *a, enum grant_by by, const char *secret,
    struct grant *g, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	token_hash(secret, hash);
	return grant_read(
	    db_query(
	        db, err, by == GRANT_OF_CODE ? OIDC(GRANT_CODE) : OIDC(GRANT_TOKEN), "t", hash),
	    a, g);
}

int grant_of(struct db *db, struct arena *a, int64_t id, struct grant *g, struct err *err)
{
	return grant_read(db_query(db, err, OIDC(GRANT_GET), "i", id), a, g);
}

static int watch(struct db *db, struct err *err)
{
	return job_add(
	    db, "oidc.watch", NULL, now_us() + WATCH_SECONDS * SECOND, "oidc.watch", err);
}

int grant_make(struct request *rq, struct db *db, const struct client *c, json_t *data, char **code,
    struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	*code = random_token(rq->arena, 32);
	token_hash(*code, hash);
	int64_t n = db_run(db, err, OIDC(GRANT_ADD), "itttiti", rq->actor.account, c->id,
	    json_text(data, "session"), hash, rq->now_us + CODE_SECONDS * SECOND,
	    json_canonical_text(rq->arena, data), rq->now_us);
	if (n < 0)
		return (int)n;
	json_t *said =
	    json_pack("{s:s, s:s*}", "client", c->id, "scopes", json_text(data, "scopes"));
	struct journal_change change = {.actor = rq->actor.id,
	    .verb = "oidc.signed_in",
	    .subject = arena_printf(rq->arena, "oidc-client:%s", c->id),
	    .data = said};
	int rc = journal_add(db, &change, NULL, err);
	json_decref(said);
	return rc < 0 ? rc : watch(db, err);
}

int grant_end(struct db *db, int64_t id, const char *state, struct err *err)
{
	int64_t n = db_run(db, err, OIDC(GRANT_END), "it", id, state);
	if (n <= 0)
		return (int)n;
	json_t *payload = json_pack("{s:I}", "grant", (json_int_t)id);
	int rc = job_add(db, "oidc.tell", payload, 0, NULL, err);
	json_decref(payload);
	return rc;
}

static int ids_of(struct rows *r, struct arena *a, int64_t **out)
{
	int n = 0, rc = r ? 0 : -(int)ERR_STORE;
	int64_t *ids = NULL;
	while (r && (rc = rows_next(r)) > 0) {
		if ((n & (n - 1)) == 0) { /* room for twice as many */
			int64_t *more = arena_array(a, n ? (size_t)n * 2 : 1, sizeof(*more));
			if (n)
				memcpy(more, ids, (size_t)n * sizeof(*ids));
			ids = more;
		}
		ids[n++] = rows_i64(r, 0);
	}
	rows_end(r);
	*out = ids;
	return rc < 0 ? rc : n;
}

int grants_end(struct db *db, int64_t account, const char *client, struct err *err)
{
	struct arena *a = arena_new();
	int64_t *ids;
	int n = ids_of(db_query(db, err, OIDC(GRANTS_OF), "it", account, client), a, &ids),
	    rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc == 0; i++)
		rc = grant_end(db, ids[i], "revoked", err);
	arena_free(a);
	return rc;
}

/* Other systems keep them: a new key would make everybody a stranger there. */
const struct protects oidc_subject_protects = {
    .name = "oidc.subject",
    .where = "sub (OpenID Connect)",
    .what = "oidc.key.subject",
    .index = true,
    .former = "identity.key",
};

int client_subject(struct store *st, struct arena *a, const struct client *c, int64_t account,
    char **out, struct err *err)
{
	uint8_t mac[HASH_SIZE];
	struct buf b;
	struct db *db = store_reader(st, err);
	int rc = db ? vault_mac(db, &oidc_subject_protects,
	                  str_from(arena_printf(a, "oidc subject\n%s\n%lld",
	                      c->pairwise ? c->id : "", (long long)account)),
	                  mac, err)
	            : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	buf_init(&b, a);
	buf_base64url(&b, mac, sizeof(mac));
	*out = b.p;
	return 0;
}

/* --- sessions that ended --- */

struct watching {
	struct arena *arena;
	int left;
};

static int watch_write(struct db *db, void *arg, struct err *err)
{
	struct watching *w = arg;
	static const char *const states[] = {"code", "open"};
	int rc = 0;
	w->left = 0;
	for (size_t s = 0; s < COUNT(states) && rc == 0; s++) {
		int64_t *ids;
		int n =
		    ids_of(db_query(db, err, OIDC(GRANTS_OPEN), "t", states[s]), w->arena, &ids);
		rc = n < 0 ? n : 0;
		for (int i = 0; i < n && rc == 0; i++) {
			struct grant g;
			rc = grant_of(db, w->arena, ids[i], &g, err);
			int live = rc > 0 ? session_is_live(db, g.session, now_us(), err) : rc;
			rc = live < 0 ? live : live ? 0 : grant_end(db, ids[i], "ended", err);
			w->left += live > 0;
		}
	}
	return rc == 0 && w->left ? watch(db, err) : rc;
}

int watch_job(struct store *st, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)context;
	(void)payload;
	struct watching w = {.arena = a};
	return store_write(st, watch_write, &w, err);
}

/* --- telling a system (OpenID Connect Back-Channel Logout 1.0) --- */

static int logout_token(struct city *city, struct arena *a, const struct client *c,
    const struct grant *g, char **out, struct err *err)
{
	json_t *key;
	char *sub;
	int64_t now = now_us() / SECOND;
	int rc = key_to_sign(city->store, a, KEYS_PROVIDER, c->alg, &key, err);
	if (rc == 0)
		rc = client_subject(city->store, a, c, g->account, &sub, err);
	if (rc < 0)
		return rc;
	json_t *claims = json_on_arena(a,
	    json_pack("{s:s, s:s, s:s, s:s*, s:I, s:I, s:s, s:{s:{}}}", "iss", city->base_url,
	        "sub", sub, "aud", c->id, "sid", json_text(g->data, "sid"), "iat", (json_int_t)now,
	        "exp", (json_int_t)(now + LOGOUT_TOKEN_SECONDS), "jti", random_token(a, 16),
	        "events", "http://schemas.openid.net/event/backchannel-logout"));
	return jwt_sign(a, key, claims, "logout+jwt", out, err);
}

int tell_job(struct store *st, void *context, struct arena *a, json_t *payload, struct err *err)
{
	struct city *city = context;
	struct grant g;
	struct client c;
	struct fetch_answer answer;
	char *token;
	struct db *db = store_reader(st, err);
	int rc = db ? grant_of(db, a, json_i64(payload, "grant", 0), &g, err) : -(int)ERR_STORE;
	if (rc > 0)
		rc = client_find_in(city, db, a, g.client, &c, err);
	if (rc <= 0 || !c.backchannel)
		return rc < 0 ? rc : 0; /* the system is gone, or does not want to know */
	rc = logout_token(city, a, &c, &g, &token, err);
	if (rc < 0)
		return rc;
	struct fetch f = {.url = c.backchannel,
	    .private_addresses = c.private_addresses,
	    .body = arena_printf(a, "logout_token=%s", token)};
	rc = fetch(a, &f, &answer, err);
	if (rc == 0 && answer.status != 200 && answer.status != 204)
		rc = err_set(err, answer.status == 400 ? ERR_INPUT : ERR_IO, NULL, "%s: answer %d",
		    c.backchannel, answer.status);
	return rc;
}
