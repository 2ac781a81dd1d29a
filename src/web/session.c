/* Sessions of signed-in people, kept in the store so that every process knows them.
 *
 * 1. The cookie holds 32 random bytes; the store holds their SHA-256. Who reads the store cannot
 *    sign in with it.
 * 2. Signing in always makes a new session and ends the one the browser had.
 * 3. A level above 1 ends at its time by being read as 1: nothing is written.
 * 4. "Last seen" is written every TOUCH_US at most, and nobody waits for it. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "web/private.h"
#include "web/sql.h"

static const int64_t TOUCH_US = 5 * 60 * INT64_C(1000000);
static const int64_t AGE_MAX_US = 24 * 3600 * INT64_C(1000000); /* however much it is used */
enum { TOKEN_BYTES = 32, AGENT_MAX = 200 };

static const struct authenticator *authenticator;

void web_set_authenticator(const struct authenticator *a)
{
	authenticator = a;
}

static const char session_cookie[] = "session";

static void hash_text(struct str token, char out[65])
{
	unsigned char hash[HASH_SIZE];
	hash_sha256(&token, 1, hash);
	struct buf b = {.p = out, .cap = 65};
	buf_hex(&b, hash, sizeof(hash));
}

static void make_anonymous(struct request *rq)
{
	rq->actor = (struct actor){.kind = ACTOR_ANONYMOUS, .id = "anonymous"};
}

struct touch {
	char hash[65];
	int64_t now_us;
};

static int touch_write(struct db *db, void *arg, struct err *err)
{
	const struct touch *t = arg;
	return db_later(db, err, &sql_session_touch, "ti", t->hash, t->now_us);
}

static void touch_done(void *arg, int rc, const struct err *err)
{
	if (rc < 0)
		log_err("session.touch", err); /* the session lives on; it is tried again */
	free(arg);
}

static void touch(struct request *rq)
{
	struct touch *t = calloc(1, sizeof(*t));
	if (!t)
		abort();
	memcpy(t->hash, rq->p->session.hash, sizeof(t->hash));
	t->now_us = rq->now_us;
	store_submit(rq->city->store, touch_write, t, touch_done);
}

/* Columns method, level, level_until_us. What has ended is level 1. */
static struct session_level level_of_row(struct rows *rows, int column, const struct request *rq)
{
	struct session_level l = {.method = rows_dup(rows, column, rq->arena),
	    .level = (int)rows_i64(rows, column + 1),
	    .until_us = rows_i64(rows, column + 2)};
	if (l.level > 1 && rq->now_us >= l.until_us) {
		l.level = 1;
		l.until_us = 0;
	}
	return l;
}

static int load_cookie(struct request *rq, struct str token, struct err *err)
{
	struct session *s = &rq->p->session;
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)err->kind;
	hash_text(token, s->hash);
	struct rows *rows = db_query(
	    db, err, &sql_session_find, "tii", s->hash, rq->now_us, rq->now_us - AGE_MAX_US);
	if (!rows)
		return -(int)err->kind;
	int rc = rows_next(rows);
	int64_t seen_us = 0, lifetime_us = 0;
	struct session_level level = {0};
	if (rc == 1) {
		level = level_of_row(rows, 4, rq);
		s->account = rows_i64(rows, 0);
		s->handle = rows_dup(rows, 1, rq->arena);
		seen_us = rows_i64(rows, 2);
		lifetime_us = rows_i64(rows, 3);
	}
	rows_end(rows);
	if (rc <= 0)
		return rc;
	rc = authenticator->account(rq, db, s->account, &rq->actor, err);
	if (rc < 0)
		return rc;
	if (rq->actor.kind == ACTOR_ANONYMOUS) /* the account is gone or locked */
		return 0;
	s->found = true;
	rq->actor.method = level.method;
	rq->actor.level = level.level;
	rq->actor.level_until_us = level.until_us;
	if (rq->now_us - seen_us > TOUCH_US) {
		touch(rq);
		rq_set_cookie(rq, session_cookie, str_dup(rq->arena, token), lifetime_us / 1000000);
	}
	return 0;
}

int session_load(struct request *rq, struct err *err)
{
	struct heads *h = &rq->p->heads;
	make_anonymous(rq);
	if (!authenticator || rq->route->flags & ROUTE_OWN_AUTH)
		return 0;
	struct str bearer = h->authorization;
	if (authenticator->token && bearer.n > 7 && strncasecmp(bearer.p, "Bearer ", 7) == 0) {
		struct db *db = rq_db(rq, err);
		if (!db)
			return -(int)err->kind;
		struct str token = str_trim((struct str){bearer.p + 7, bearer.n - 7});
		int rc = authenticator->token(rq, db, str_dup(rq->arena, token), &rq->actor, err);
		if (rc < 0)
			return rc;
		if (rq->actor.kind == ACTOR_ANONYMOUS)
			return err_set(err, ERR_AUTH, "web.bad_token", "an unknown API token");
		rq->actor.token = true;
		rq->actor.method = "token";
		rq->actor.level = 1;
		return 0;
	}
	struct str token = cookie_of(rq, session_cookie);
	if (!authenticator->account || token.n != TOKEN_TEXT - 1)
		return 0;
	int rc = load_cookie(rq, token, err);
	if (rc < 0 || !rq->p->session.found) {
		rq->p->session = (struct session){0};
		make_anonymous(rq);
	}
	return rc;
}

int authenticator_demand(struct request *rq, int level, struct err *err)
{
	if (rq->method == HTTP_GET && authenticator && authenticator->demand)
		return authenticator->demand(rq, level, err);
	return err_set(err, ERR_DENIED, "web.zone.factors", "%s needs level %d", rq->path, level);
}

bool rq_allows(struct request *rq, const char *perm)
{
	if (strcmp(perm, "public") == 0)
		return true;
	if (rq->actor.kind == ACTOR_ANONYMOUS)
		return false;
	if (strcmp(perm, "signed-in") == 0)
		return true;
	if (strcmp(perm, "resident") == 0)
		return rq->actor.kind == ACTOR_RESIDENT;
	if (strcmp(perm, "staff") == 0)
		return rq->actor.kind == ACTOR_STAFF;
	return authenticator && authenticator->allows && authenticator->allows(rq, perm);
}

/* --- for module identity --- */

static int end_hash(struct db *db, const char *hash, struct err *err)
{
	return db_later(db, err, &sql_session_end, "t", hash);
}

int session_start(struct request *rq, struct db *db, int64_t account, int64_t lifetime_s,
    const struct session_level *level, struct err *err)
{
	struct session *s = &rq->p->session;
	int rc = s->found ? end_hash(db, s->hash, err) : 0;
	if (rc < 0)
		return rc;
	unsigned char random[8];
	random_bytes(random, sizeof(random));
	struct buf handle;
	buf_init(&handle, rq->arena);
	buf_hex(&handle, random, sizeof(random));
	const char *token = random_token(rq->arena, TOKEN_BYTES);
	char hash[65];
	hash_text(str_from(token), hash);
	const char *agent = rq_header(rq, "User-Agent");
	struct str shown = str_from(agent ? agent : "");
	if (shown.n > AGENT_MAX)
		shown.n = AGENT_MAX;
	while (shown.n && !utf8_valid(shown)) /* cut inside a character */
		shown.n--;
	int64_t lifetime_us = lifetime_s * 1000000;
	int64_t n = db_run(db, err, &sql_session_add, "ttiiiitstii", hash, handle.p, account,
	    rq->now_us, rq->now_us + lifetime_us, lifetime_us, rq->address, shown, level->method,
	    (int64_t)level->level, level->level > 1 ? level->until_us : INT64_C(0));
	if (n < 0)
		return (int)n;
	/* Expired ones go when new ones come. */
	n = db_run(db, err, &sql_session_expire, "i", rq->now_us);
	if (n < 0)
		return (int)n;
	rq_set_cookie(rq, session_cookie, token, lifetime_s);
	return 0;
}

int session_renew(
    struct request *rq, struct db *db, const struct session_level *level, struct err *err)
{
	const struct session *s = &rq->p->session;
	const char *token = random_token(rq->arena, TOKEN_BYTES);
	char hash[65];
	int64_t lifetime_us;
	hash_text(str_from(token), hash);
	int rc = !s->found ? 0
	                   : db_get_i64(db, err, &lifetime_us, &sql_session_renew, "tttii", s->hash,
	                         hash, level->method, (int64_t)level->level,
	                         level->level > 1 ? level->until_us : INT64_C(0));
	if (rc == 0)
		return err_set(err, ERR_AUTH, NULL, "there is no session to raise");
	if (rc > 0) {
		rq_set_cookie(rq, session_cookie, token, lifetime_us / 1000000);
		rq->p->out.session_hash = arena_strdup(rq->arena, hash);
	}
	return rc < 0 ? rc : 0;
}

int session_end(struct request *rq, struct db *db, struct err *err)
{
	struct session *s = &rq->p->session;
	int rc = s->found ? end_hash(db, s->hash, err) : 0;
	if (rc == 0)
		rq_set_cookie(rq, session_cookie, "", 0);
	return rc;
}

int session_end_all(struct db *db, int64_t account, const char *except_id, struct err *err)
{
	int64_t n =
	    db_run(db, err, &sql_session_end_account, "it", account, except_id ? except_id : "");
	return n < 0 ? (int)n : 0;
}

int session_end_one(struct db *db, int64_t account, const char *id, struct err *err)
{
	int64_t n = db_run(db, err, &sql_session_end_one, "it", account, id);
	return n < 0 ? (int)n : n > 0;
}

int session_is_live(struct db *db, const char *id, int64_t now, struct err *err)
{
	int64_t account;
	return db_get_i64(db, err, &account, &sql_session_live, "tii", id, now, now - AGE_MAX_US);
}

int session_list(
    struct request *rq, struct db *db, int64_t account, struct session_info **out, struct err *err)
{
	const struct session *s = &rq->p->session;
	struct rows *rows = db_query(db, err, &sql_session_of_account, "ii", account, rq->now_us);
	if (!rows)
		return -(int)err->kind;
	struct session_info *list = arena_array(rq->arena, 100, sizeof(*list));
	int n = 0, rc;
	while ((rc = rows_next(rows)) == 1 && n < 100) {
		struct session_info *i = &list[n++];
		*i = (struct session_info){
		    .id = rows_dup(rows, 0, rq->arena),
		    .created_us = rows_i64(rows, 1),
		    .seen_us = rows_i64(rows, 2),
		    .address = rows_dup(rows, 3, rq->arena),
		    .agent = rows_dup(rows, 4, rq->arena),
		    .level = level_of_row(rows, 5, rq),
		};
		i->current = s->found && text_eq(i->id, s->handle);
	}
	rows_end(rows);
	*out = list;
	return rc < 0 ? rc : n;
}
