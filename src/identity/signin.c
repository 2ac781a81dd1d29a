/* What happens around a sign-in: counting attempts, known devices, the log, the session.
 *
 * 1. An attempt is counted before the password is looked at, so that many at a time cannot slip
 *    through; a success forgets the count.
 * 2. The count is kept by what was typed, whether an account has that login or not: the answer and
 *    its time are the same.
 * 3. After some failures the next attempt has to wait, longer each time, but never more than a
 * quarter of an hour; nobody is locked out for good by a stranger. A browser that signed in before
 * has a count of its own, so a stranger's attempts do not make its owner wait. */
#include "identity/assurance/assurance.h"
#include "identity/protect/protect.h"

#include <string.h>

#include "base/time.h"
#include "notice/notice.h"

static const int64_t SECOND = 1000000;
static const int64_t FORGET_US = INT64_C(24) * 3600 * 1000000; /* of a row of failures */
enum { FREE_FAILURES = 5, WAIT_FIRST_S = 30, WAIT_MAX_S = 900, DEVICE_AGE_S = 400 * 24 * 3600 };

int64_t attempt_wait_us(int64_t failed)
{
	if (failed < FREE_FAILURES)
		return 0;
	int64_t wait = WAIT_FIRST_S;
	for (int64_t i = FREE_FAILURES; i < failed && wait < WAIT_MAX_S; i++)
		wait *= 2;
	return (wait < WAIT_MAX_S ? wait : WAIT_MAX_S) * SECOND;
}

void attempt_key(const char *kind, const char *what, char out[TOKEN_HASH_SIZE])
{
	struct buf b = {0};
	buf_printf(&b, "%s:%s", kind, what);
	token_hash(b.p, out);
	buf_free(&b);
}

int attempt_begin(struct db *db, const char *key, int64_t now, int64_t *wait_us, struct err *err)
{
	int64_t failed = 0, at = 0;
	struct rows *r = db_query(db, err, SQL(ATTEMPT_GET), "t", key);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		failed = rows_i64(r, 0);
		at = rows_i64(r, 1);
	}
	rows_end(r);
	if (rc < 0)
		return rc;
	if (now - at > FORGET_US)
		failed = 0;
	*wait_us = at + attempt_wait_us(failed) - now;
	if (failed >= FREE_FAILURES && *wait_us > 0)
		return 0;
	*wait_us = 0;
	return db_later(db, err, SQL(ATTEMPT_PUT), "tii", key, failed + 1, now);
}

int attempt_clear(struct db *db, const char *key, struct err *err)
{
	return db_later(db, err, SQL(ATTEMPT_CLEAR), "t", key);
}

/* --- devices --- */

static const char *device_cookie(struct request *rq)
{
	const char *cookie = rq_cookie(rq, "device");
	return cookie && strlen(cookie) == 43 ? cookie : NULL; /* base64url of 32 bytes */
}

int device_find(
    struct request *rq, struct db *db, int64_t account, int64_t *device, struct err *err)
{
	const char *cookie = device_cookie(rq);
	char hash[TOKEN_HASH_SIZE];
	*device = 0;
	if (!cookie || !account)
		return 0;
	token_hash(cookie, hash);
	return db_get_i64(db, err, device, SQL(DEVICE_FIND), "it", account, hash);
}

/* Remembers the browser; one that shares its cookie between accounts (a family's tablet) is known
 * to each of them separately. */
static int device_remember(
    struct request *rq, struct db *db, int64_t account, bool *known, struct err *err)
{
	int64_t device;
	int rc = device_find(rq, db, account, &device, err);
	if (rc < 0)
		return rc;
	*known = rc > 0;
	const char *cookie = device_cookie(rq);
	if (!cookie)
		cookie = random_token(rq->arena, 32);
	char hash[TOKEN_HASH_SIZE];
	token_hash(cookie, hash);
	rq_set_cookie(rq, "device", cookie, DEVICE_AGE_S);
	return db_later(db, err, SQL(DEVICE_SEEN), "iti", account, hash, rq->now_us);
}

/* --- the log --- */

static const char *agent_of(struct request *rq)
{
	const char *agent = rq_header(rq, "User-Agent");
	struct str s = str_from(agent ? agent : "");
	if (s.n > 200)
		s.n = 200;
	while (s.n && !utf8_valid(s))
		s.n--;
	return str_dup(rq->arena, s);
}

int sign_in_log(struct request *rq, struct db *db, const struct account *account,
    const char *method, const char *outcome, struct err *err)
{
	int64_t id;
	bool ok = text_eq(outcome, "ok");
	int rc =
	    db_get_i64(db, err, &id, SQL(SIGN_IN_ADD), "iitttt", account ? account->id : INT64_C(0),
	        rq->now_us, outcome, rq->address ? rq->address : "", agent_of(rq), method);
	if (rc < 0 || !account || !(ok || text_eq(outcome, "raised")))
		return rc < 0 ? rc : 0;
	struct journal_change change = {
	    .actor = account_actor(rq->arena, account),
	    .verb = ok ? "identity.signed_in" : "identity.session_raised",
	    .subject = arena_printf(rq->arena, "sign-in:%lld", (long long)id),
	};
	return journal_add(db, &change, NULL, err);
}

/* --- success --- */

int account_mail(struct request *rq, struct db *db, const struct account *account, const char *kind,
    json_t *view, struct err *err)
{
	if (!account->mail) {
		json_decref(view);
		return 0;
	}
	if (!view)
		view = json_object();
	json_object_set_new(view, "name", json_string(account->name));
	json_object_set_new(view, "city", json_string(city_name(rq->city, account->lang)));
	if (!json_object_get(view, "login_url"))
		json_object_set_new(
		    view, "login_url", json_string(mail_link(rq, account->lang, "/login", "")));
	char subject[48];
	(void)snprintf(subject, sizeof(subject), "account:%lld", (long long)account->id);
	int rc = notice_mail(db, account->mail, account->lang, kind, subject, view, err);
	json_decref(view);
	return rc;
}

int account_mail_change(struct request *rq, struct db *db, const char *actor,
    const struct account *account, const char *mail, struct err *err)
{
	int rc = account_mail(rq, db, account, "mail-changed", NULL, err);
	if (rc == 0)
		rc = once_drop_all(db, account->id, err);
	if (rc < 0)
		return rc;
	return account_is_staff(account)
	           ? account_set_mail(db, actor, account->id, mail, err)
	           : account_set_login(db, actor, account->id, mail, mail, err);
}

const char *city_name(const struct city *city, const char *lang)
{
	const char *name = city_setting(city, text_eq(lang, "en") ? "name.en" : "name.ja", NULL);
	return name ? name : city_setting(city, "name.ja", city->id);
}

/* How long a session lives without use. */
static int64_t lifetime_s(const struct request *rq, const struct account *account)
{
	bool staff = account_is_staff(account);
	int64_t minutes = city_setting_i64(
	    rq->city, staff ? "session.staff" : "session.resident", staff ? 60 : 120);
	return (minutes > 0 && minutes < 100000 ? minutes : 60) * 60;
}

bool second_required(const struct city *city)
{
	return text_eq(city_setting(city, "second-factor.staff", NULL), "required");
}

int sign_in_finish(struct request *rq, struct db *db, const struct account *account,
    const struct sign_in_how *how, const char *attempt, struct err *err)
{
	bool known = false;
	struct session_level level = session_level_of(rq, how);
	int rc = attempt ? attempt_clear(db, attempt, err) : 0;
	if (rc == 0)
		rc = device_remember(rq, db, account->id, &known, err);
	if (rc == 0)
		rc = session_start(rq, db, account->id, lifetime_s(rq, account), &level, err);
	if (rc == 0)
		rc = sign_in_log(rq, db, account, how->method, "ok", err);
	if (rc == 0) {
		int64_t n = db_run(db, err, SQL(ACCOUNT_SIGNED_IN), "ii", account->id, rq->now_us);
		rc = n < 0 ? (int)n : 0;
	}
	/* The first sign-in of all is no news. */
	if (rc == 0 && !known && account->signed_in_us)
		rc = account_mail(rq, db, account, "new-device",
		    json_pack("{s:I, s:s, s:s}", "at", (json_int_t)rq->now_us, "address",
		        rq->address ? rq->address : "", "agent", agent_text(rq, agent_of(rq))),
		    err);
	return rc;
}

const char *home_of(struct db *db, const struct account *account)
{
	return account_is_staff(account) ? staff_home(db, account->staff) : "/my";
}

const char *next_of(struct request *rq)
{
	enum { NEXT_MAX = 500 };
	const char *next = rq->method == HTTP_GET ? rq_query(rq, "next") : rq_form(rq, "next");
	return next && strlen(next) <= NEXT_MAX && path_is_local(next) ? next : NULL;
}

const char *next_along(struct arena *a, const char *path, const char *next)
{
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, path);
	if (next) {
		buf_puts(&b, "?next=");
		buf_url(&b, str_from(next));
	}
	return b.p;
}

void page_next(struct request *rq, const char *path, const char *next)
{
	json_object_set_new(rq->view, "sign_in_next", next ? json_string(next) : json_null());
	if (!next)
		return;
	form_hidden(json_object_get(rq->view, "form"), "next", next);
	json_object_set_new(rq->view, "here", json_string(next_along(rq->arena, path, next)));
}

/* --- clearing away --- */

static int tidy_write(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int64_t now = now_us(), day = INT64_C(24) * 3600 * SECOND;
	static const struct {
		enum identity_statement sql;
		int days;
	} old[] = {
	    {SQL_REGISTRATION_EXPIRE, 0},
	    {SQL_ONCE_EXPIRE, 0},
	    {SQL_ATTEMPT_EXPIRE, 1},
	    {SQL_SIGN_IN_EXPIRE, SIGN_IN_KEPT_DAYS},
	};
	for (size_t i = 0; i < COUNT(old); i++) {
		int64_t n =
		    db_run(db, err, &identity_sql[old[i].sql], "i", now - old[i].days * day);
		if (n < 0)
			return (int)n;
	}
	return job_add(db, "identity.tidy", NULL, now + day, "identity.tidy", err);
}

int tidy_job(struct store *st, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)context;
	(void)a;
	(void)payload;
	int rc = store_write(st, tidy_write, NULL, err);
	return rc < 0 ? rc : protect_sweep(st, err);
}

static int tidy_plan(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return job_add(db, "identity.tidy", NULL, 0, "identity.tidy", err);
}

int identity_city_open(struct city *city, struct err *err)
{
	/* The same for every city: before the server starts. */
	web_set_authenticator(&identity_authenticator);
	int rc = roles_load(city, err);
	return rc < 0 ? rc : store_write(city->store, tidy_plan, NULL, err);
}
