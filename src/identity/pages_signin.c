/* /login, /login/totp, /logout. One form for everybody: what has an @ is a resident's mail address,
 * anything else the login of a staff member. */
#include "identity/assurance/assurance.h"

#include <string.h>

#include "base/time.h"

static const char second_cookie[] = "second";

/* --- the form --- */

static void login_view(struct request *rq, const char *login, const char *next)
{
	static const struct form_field_spec login_field = {"login", "identity.login.login",
	    "identity.login.login_help", "is_text", "username", true, 254};
	static const struct form_field_spec password_field = {"password", "identity.login.password",
	    NULL, "is_password", "current-password", true, 0};
	page_title(rq, "identity.login.title");
	json_t *form = page_form(rq, "/login", "identity.login.button");
	form_field(rq, form, &login_field, json_string(login));
	form_field(rq, form, &password_field, NULL);
	page_next(rq, "/login", next);
	json_object_set_new(rq->view, "ways", ways_to_sign_in(rq, next));
	if (!next)
		return;
	/* Somebody wanted something, or was at it when the session ended: they are told why they
	 * are here. */
	const char *reason = strstr(next, "/applications/") ? "identity.login.go_on"
	                     : strstr(next, "/procedures/") ? "identity.login.to_apply"
	                                                    : "identity.login.to_see";
	json_object_set_new(rq->view, "reason", json_string(rq_tr(rq, reason)));
}

int login_get(struct request *rq, struct err *err)
{
	const char *next = next_of(rq);
	if (rq->actor.kind != ACTOR_ANONYMOUS && !rq->wants_json) {
		struct db *db = rq_db(rq, err);
		struct account account;
		if (!db)
			return -(int)err->kind;
		int rc = account_get(db, rq->arena, rq->actor.account, &account, err);
		if (rc < 0)
			return rc;
		return rq_redirect(rq, "%s", next ? next : home_of(db, &account));
	}
	login_view(rq, "", next);
	return 0;
}

/* --- password --- */

struct login {
	const char *login, *password, *next;
	struct account account;
	bool known;      /* there is such an account */
	bool fits;       /* and the password is its own */
	int64_t wait_us; /* > 0: not now */
	char attempt[TOKEN_HASH_SIZE];
};

/* What the attempts are counted by: the browser when the account (0: none) knows it, else the
 * login. */
static int login_attempt_key(struct request *rq, struct db *db, const char *kind,
    const char *folded, int64_t account, char out[TOKEN_HASH_SIZE], struct err *err)
{
	int64_t device;
	int rc = device_find(rq, db, account, &device, err);
	if (device)
		attempt_key("device", arena_printf(rq->arena, "%lld", (long long)device), out);
	else
		attempt_key(kind, folded, out);
	return rc < 0 ? rc : 0;
}

/* Before the password is looked at: who it is, and whether it is time. */
static int login_begin(struct db *db, void *arg, struct err *err)
{
	struct request *rq = arg;
	struct login *l = rq_data(rq);
	const char *folded = login_fold(rq->arena, l->login);
	const char *kind = strchr(folded, '@') ? "resident" : "staff";
	int rc = account_find(db, rq->arena, kind, folded, &l->account, err);
	if (rc < 0)
		return rc;
	l->known = rc > 0;
	rc = login_attempt_key(rq, db, kind, folded, l->known ? l->account.id : 0, l->attempt, err);
	if (rc < 0)
		return rc;
	rc = attempt_begin(db, l->attempt, rq->now_us, &l->wait_us, err);
	if (rc == 0 && l->wait_us > 0)
		rc = sign_in_log(rq, db, l->known ? &l->account : NULL, "password", "wait", err);
	return rc;
}

void wait_problem(struct request *rq, const char *field, int64_t wait_us)
{
	int64_t seconds = (wait_us + 999999) / 1000000, minutes = (seconds + 59) / 60;
	form_problem(rq, field,
	    seconds < 60 ? "identity.login.wait_seconds" : "identity.login.wait",
	    json_pack("{s:I}", "n", (json_int_t)(seconds < 60 ? seconds : minutes)));
	rq->status = 429;
	rq_set_header(rq, "Retry-After", arena_printf(rq->arena, "%lld", (long long)seconds));
}

/* Password right, second factor still to come, or to be set up: a token in a cookie stands between
 * the two. */
static int second_begin(struct request *rq, struct db *db, struct login *l, struct err *err)
{
	char *token;
	int rc = once_drop(db, l->account.id, "second", err);
	if (rc == 0)
		rc = once_make(
		    db, rq->arena, "second", l->account.id, l->next, SECOND_S, &token, err);
	if (rc < 0)
		return rc;
	rq_set_cookie(rq, second_cookie, token, SECOND_S);
	if (l->account.totp)
		return rq_redirect(rq, "/login/totp");
	if (l->account.has_passkey) /* which is a sign-in by itself */
		return rq_redirect(rq, "%s", next_along(rq->arena, "/login/passkey", l->next));
	rc = second_secret(rq, db, l->account.id, err);
	return rc < 0 ? rc : rq_redirect(rq, "/login/setup");
}

static int login_finish(struct request *rq, struct db *db, struct err *err)
{
	struct login *l = rq_data(rq);
	login_view(rq, l->login, l->next);
	if (!l->fits) {
		int rc = sign_in_log(rq, db, l->known ? &l->account : NULL, "password",
		    l->known ? "password" : "unknown", err);
		form_problem(rq, "login", "identity.login.wrong", NULL);
		return rc;
	}
	/* As it is now: it may have been locked or changed while the password was hashed. */
	struct account now;
	int rc = account_get(db, rq->arena, l->account.id, &now, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || !account_is_active(&now) || !text_eq(now.hash, l->account.hash)) {
		/* Only who knows the password learns that the account is locked. */
		form_problem(rq, "login", "identity.login.locked", NULL);
		return sign_in_log(rq, db, &l->account, "password", "state", err);
	}
	l->account = now;
	if (now.totp || (account_is_staff(&now) && second_required(rq->city)))
		return second_begin(rq, db, l, err);
	static const struct sign_in_how how = {"password", 1};
	rc = sign_in_finish(rq, db, &now, &how, l->attempt, err);
	if (rc < 0)
		return rc;
	return rq_redirect(rq, "%s", l->next ? l->next : home_of(db, &now));
}

static int login_work(struct request *rq, struct err *err)
{
	struct login *l = rq_data(rq);
	int rc = store_write(rq->city->store, login_begin, rq, err);
	if (rc < 0)
		return rc;
	if (l->wait_us > 0) {
		login_view(rq, l->login, l->next);
		wait_problem(rq, "login", l->wait_us);
		return 0;
	}
	l->fits = password_verify_or_waste(l->known ? l->account.hash : NULL, l->password);
	return rq_write(rq, login_finish);
}

int login_post(struct request *rq, struct err *err)
{
	(void)err;
	struct login *l = arena_new_of(rq->arena, struct login);
	const char *password = rq_form(rq, "password");
	l->login = form_value(rq, "login");
	l->password = password ? password : "";
	l->next = next_of(rq);
	if (!l->login[0] || !l->password[0] || strlen(l->password) > 1000) {
		login_view(rq, l->login, l->next);
		if (!l->login[0])
			form_problem(rq, "login", "identity.login.no_login", NULL);
		if (!l->password[0])
			form_problem(rq, "password", "identity.login.no_password", NULL);
		else if (l->login[0])
			form_problem(rq, "login", "identity.login.wrong", NULL);
		return 0;
	}
	rq_set_data(rq, l);
	return rq_defer(rq, login_work);
}

/* --- second factor --- */

static void second_view(struct request *rq)
{
	static const struct form_field_spec code = {"code", "identity.second.code",
	    "identity.second.code_help", "is_text", "one-time-code", true, 20};
	page_title(rq, "identity.second.title");
	json_object_set_new(rq->view, "signing_in", json_true());
	json_object_set_new(rq->view, "ways", ways_to_sign_in(rq, NULL));
	json_t *form = page_form(rq, "/login/totp", "identity.second.button");
	json_t *field = form_field(rq, form, &code, NULL);
	json_object_set_new(field, "inputmode", json_string("text"));
	json_object_set_new(field, "width", json_integer(10));
}

int second_account(
    struct request *rq, struct db *db, struct account *account, char **next, struct err *err)
{
	const char *token = rq_cookie(rq, second_cookie);
	int64_t id;
	int rc = token ? once_find(db, rq->arena, "second", token, &id, next, err) : 0;
	if (rc > 0)
		rc = account_get(db, rq->arena, id, account, err);
	if (rc < 0 || (rc > 0 && account_is_active(account)))
		return rc;
	rq_flash(rq, "warning", "identity.second.expired", NULL);
	return rq_redirect(rq, "/login");
}

int second_done(struct request *rq, struct db *db, const struct account *account,
    const struct sign_in_how *how, const char *attempt, struct err *err)
{
	char counted[TOKEN_HASH_SIZE];
	/* The password was right as well: its count is forgotten, too. */
	int rc = login_attempt_key(rq, db, account->kind, login_fold(rq->arena, account->login),
	    account->id, counted, err);
	if (rc == 0)
		rc = attempt_clear(db, counted, err);
	if (rc == 0)
		rc = once_drop(db, account->id, "second", err);
	if (rc == 0)
		rc = sign_in_finish(rq, db, account, how, attempt, err);
	if (rc == 0)
		rq_set_cookie(rq, second_cookie, "", 0);
	return rc;
}

int second_get(struct request *rq, struct err *err)
{
	struct account account;
	char *next;
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)err->kind;
	int rc = second_account(rq, db, &account, &next, err);
	if (rc > 0)
		second_view(rq);
	return rc < 0 ? rc : 0;
}

int second_fits(struct request *rq, struct db *db, const struct account *account, const char *code,
    struct sign_in_how *how, struct err *err)
{
	*how = (struct sign_in_how){"totp", 2};
	unsigned char secret[TOTP_SECRET_SIZE];
	int rc = totp_open(db, rq->arena, account->id, account->totp, secret, err);
	if (rc < 0)
		return rc;
	int64_t step = totp_check(secret, code, rq->now_us, account->totp_step);
	bytes_wipe(secret, sizeof(secret));
	if (step) {
		/* The statement takes a step only once, also when two requests bring it at a time.
		 */
		int64_t n = db_run(db, err, SQL(ACCOUNT_SET_STEP), "ii", account->id, step);
		return n < 0 ? (int)n : n > 0;
	}
	how->method = "recovery";
	rc = recovery_use(db, rq->arena, account->id, code, err);
	if (rc > 0) {
		int sent = account_mail(rq, db, account, "recovery-used", NULL, err);
		if (sent < 0)
			return sent;
	}
	return rc;
}

int second_attempt(struct request *rq, struct db *db, const struct account *account,
    char attempt[TOKEN_HASH_SIZE], int64_t *wait_us, struct err *err)
{
	attempt_key("second", arena_printf(rq->arena, "%lld", (long long)account->id), attempt);
	int rc = attempt_begin(db, attempt, rq->now_us, wait_us, err);
	if (rc < 0 || *wait_us == 0)
		return rc;
	wait_problem(rq, "code", *wait_us);
	return sign_in_log(rq, db, account, "totp", "wait", err);
}

static int second_write(struct request *rq, struct db *db, struct err *err)
{
	int64_t wait_us;
	char *next, attempt[TOKEN_HASH_SIZE];
	struct account account;
	int rc = second_account(rq, db, &account, &next, err);
	if (rc <= 0)
		return rc;
	second_view(rq);
	rc = second_attempt(rq, db, &account, attempt, &wait_us, err);
	if (rc < 0 || wait_us > 0)
		return rc;
	if (!account.totp) {
		rq_flash(rq, "warning", "identity.second.expired", NULL);
		return rq_redirect(rq, "/login");
	}
	struct sign_in_how how;
	rc = second_fits(rq, db, &account, form_value(rq, "code"), &how, err);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		form_problem(rq, "code", "identity.second.wrong", NULL);
		return sign_in_log(rq, db, &account, "totp", "second", err);
	}
	rc = second_done(rq, db, &account, &how, attempt, err);
	return rc < 0 ? rc : rq_redirect(rq, "%s", next && next[0] ? next : home_of(db, &account));
}

int second_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, second_write);
}

/* --- signing out --- */

static int logout_write(struct request *rq, struct db *db, struct err *err)
{
	int rc = session_end(rq, db, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.logout.done", NULL);
	return rq_redirect(rq, "/");
}

int logout_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, logout_write);
}

/* A link or bookmark to /logout: signing out changes something, so it asks. */
int logout_get(struct request *rq, struct err *err)
{
	(void)err;
	if (rq->actor.kind == ACTOR_ANONYMOUS)
		return rq_redirect(rq, "/");
	page_title(rq, "identity.logout.title");
	(void)page_form(rq, "/logout", "identity.logout.button");
	return 0;
}
