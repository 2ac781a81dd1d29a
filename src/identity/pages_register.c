/* /register, /confirm/{token}, /password/reset. What these pages answer never tells whether an
 * address has an account; only its mail box learns that. */
#include "identity/basic.h"
#include "identity/card/card.h"
#include "oidc/oidc.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "notice/notice.h"

static const struct form_field_spec mail_field = {
    "mail", "identity.field.mail", "identity.field.mail_help", "is_email", "username", true, 254};
static const struct form_field_spec name_field = {
    "name", "identity.field.name", NULL, "is_name", "name", true, 0};
static const struct form_field_spec new_password = {"password", "identity.field.new_password",
    "identity.field.new_password_help", "is_password", "new-password", true, 0};
static const struct form_field_spec old_password = {
    "password", "identity.login.password", NULL, "is_password", "current-password", true, 0};
static const struct form_field_spec login_field = {
    "login", "identity.login.login", "identity.login.login_help", "is_text", "username", true, 254};

const char *mail_link(struct request *rq, const char *lang, const char *path, const char *token)
{
	return arena_printf(rq->arena, "%s%s%s%s", rq->city->base_url,
	    text_eq(lang, "en") ? "/en" : "", path, token);
}

/* --- registering --- */

/* What the browser proved a moment ago, by a card or at a provider: {name}; NULL: nothing. */
static int proven_name(struct request *rq, json_t **name, struct err *err)
{
	struct db *db = rq_db(rq, err);
	json_t *found = NULL;
	*name = NULL;
	int rc = db ? card_found(rq, db, &found, err) : -(int)err->kind;
	if (rc > 0)
		*name = basic_name(rq->arena, json_text_or(found, "name", ""));
	return rc == 0 ? oidc_found_name(rq, db, name, err) : rc;
}

static void register_view(struct request *rq, json_t *name)
{
	page_title(rq, "identity.register.title");
	json_t *form = page_form(rq, "/register", "identity.register.button");
	json_object_set_new(rq->view, "filled", json_boolean(name != NULL));
	form_field(rq, form, &name_field, name ? name : form_values(rq, "is_name", "name"));
	form_field(rq, form, &mail_field, json_string(form_value(rq, "mail")));
	form_field(rq, form, &new_password, NULL);
	page_next(rq, "/register", next_of(rq));
	json_object_set_new(rq->view, "card_signs", json_boolean(card_signs(rq->city)));
}

/* A resident who is signed in, perhaps in another tab meanwhile, goes on to what they wanted. */
static bool register_over(const struct request *rq)
{
	return rq->actor.kind == ACTOR_RESIDENT && !rq->wants_json;
}

int register_get(struct request *rq, struct err *err)
{
	json_t *name;
	const char *next = next_of(rq);
	if (register_over(rq))
		return rq_redirect(rq, "%s", next ? next : "/account");
	int rc = proven_name(rq, &name, err);
	if (rc >= 0)
		register_view(rq, name);
	return rc < 0 ? rc : 0;
}

struct registering {
	char *mail, *hash;
	const char *password, *next;
	json_t *profile;
};

static int register_done(struct request *rq, const struct registering *g)
{
	return rq_redirect(rq, "%s", next_along(rq->arena, "/register/sent", g->next));
}

static int register_write(struct request *rq, struct db *db, struct err *err)
{
	struct registering *g = rq_data(rq);
	struct account there;
	char attempt[TOKEN_HASH_SIZE];
	int64_t wait_us;
	/* Nobody's mail box is flooded by strangers who type its address; the answer is the same.
	 */
	attempt_key("register", login_fold(rq->arena, g->mail), attempt);
	int rc = attempt_begin(db, attempt, rq->now_us, &wait_us, err);
	if (rc < 0 || wait_us > 0)
		return rc < 0 ? rc : register_done(rq, g);
	rc = account_find(db, rq->arena, "resident", g->mail, &there, err);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		/* Whoever owns the address learns it; whoever typed it does not. */
		const char *url =
		    mail_link(rq, there.lang, next_along(rq->arena, "/login", g->next), "");
		rc = account_mail(rq, db, &there, "already-registered",
		    json_pack("{s:s}", "login_url", url), err);
	} else {
		char *token, *profile = json_dumps(g->profile, JSON_COMPACT | JSON_SORT_KEYS);
		struct registration r = {g->mail, g->hash, profile, rq->lang, g->next};
		rc = registration_make(db, rq->arena, &r, &token, err);
		free(profile);
		if (rc == 0) {
			json_t *view =
			    json_pack("{s:s, s:s, s:i}", "city", city_name(rq->city, rq->lang),
			        "url", mail_link(rq, rq->lang, "/confirm/", token), "hours",
			        REGISTRATION_S / 3600);
			rc = notice_mail(
			    db, g->mail, rq->lang, "confirm-address", "registration", view, err);
			json_decref(view);
		}
	}
	return rc < 0 ? rc : register_done(rq, g);
}

static int register_work(struct request *rq, struct err *err)
{
	struct registering *g = rq_data(rq);
	int rc = password_hash(rq->arena, g->password, &g->hash, err);
	return rc < 0 ? rc : rq_write(rq, register_write);
}

/* Mail addresses as they are kept: half-width, without spaces; the domain in lower case. */
char *mail_tidy(struct arena *a, const char *typed)
{
	struct buf b;
	buf_init(&b, a);
	text_fold_number(&b, str_from(typed));
	char *mail = b.p ? b.p : arena_strdup(a, "");
	for (char *p = strrchr(mail, '@'); p && *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return mail;
}

/* Checks a new password against the rules and the person's own names. */
void check_new_password(
    struct request *rq, const char *field, const char *password, const char *const *names)
{
	const char *problem =
	    password[0] ? password_problem(password, names) : "identity.password.none";
	if (problem)
		form_problem(rq, field, problem, json_pack("{s:i}", "n", 10));
}

int register_post(struct request *rq, struct err *err)
{
	(void)err;
	struct registering *g = arena_new_of(rq->arena, struct registering);
	const char *password = rq_form(rq, "password");
	g->mail = mail_tidy(rq->arena, form_value(rq, "mail"));
	g->password = password ? password : "";
	g->next = next_of(rq);
	json_t *name = json_on_arena(rq->arena, form_values(rq, "is_name", "name"));
	const char *family = json_string_value(json_object_get(name, "family"));
	const char *given = json_string_value(json_object_get(name, "given"));
	const char *const names[] = {g->mail, family, given, NULL};
	register_view(rq, NULL);
	if (!family[0])
		form_problem(rq, "name.family", "identity.problem.family", NULL);
	if (!given[0])
		form_problem(rq, "name.given", "identity.problem.given", NULL);
	if (!mail_is_plain(g->mail))
		form_problem(rq, "mail",
		    g->mail[0] ? "identity.problem.mail" : "identity.problem.no_mail", NULL);
	check_new_password(rq, "password", g->password, names);
	if (rq_has_problems(rq))
		return 0;
	g->profile =
	    json_on_arena(rq->arena, json_pack("{s:O, s:s}", "name", name, "email", g->mail));
	rq_set_data(rq, g);
	return rq_defer(rq, register_work);
}

int register_sent(struct request *rq, struct err *err)
{
	(void)err;
	const char *next = next_of(rq);
	if (register_over(rq))
		return rq_redirect(rq, "%s", next ? next : "/account");
	json_object_set_new(rq->view, "goes_on", json_boolean(next != NULL));
	page_title(rq, "identity.register.sent_title");
	return 0;
}

/* --- confirming: the password that was chosen with this registration, so that a stranger who typed
 * somebody's address does not get an account that its owner confirmed --- */

static void confirm_view(struct request *rq, const char *mail)
{
	page_secret(rq);
	page_title(rq, "identity.confirm.title");
	json_object_set_new(rq->view, "mail", json_string(mail));
	json_t *form = page_form(rq, arena_printf(rq->arena, "/confirm/%s", rq_param(rq, "token")),
	    "identity.confirm.button");
	form_field(rq, form, &old_password, NULL);
}

static void confirm_gone(struct request *rq)
{
	page_title(rq, "identity.confirm.gone_title");
	rq->template = "identity/link-gone";
	rq->status = 404;
}

/* A change of address is confirmed with one button. */
static void change_view(struct request *rq, const char *mail)
{
	page_secret(rq);
	page_title(rq, "identity.confirm.mail_title");
	json_object_set_new(rq->view, "mail", json_string(mail));
	json_object_set_new(rq->view, "is_change", json_true());
	(void)page_form(rq, arena_printf(rq->arena, "/confirm/%s", rq_param(rq, "token")),
	    "identity.confirm.mail_button");
}

struct confirming {
	struct registration r;
	bool fits;
	int64_t wait_us;
	char attempt[TOKEN_HASH_SIZE];
};

int confirm_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct registration r;
	int64_t account;
	char *mail;
	if (!db)
		return -(int)err->kind;
	int rc = registration_find(db, rq->arena, rq_param(rq, "token"), &r, err);
	if (rc > 0) {
		confirm_view(rq, r.mail);
		return 0;
	}
	if (rc == 0)
		rc = once_find(db, rq->arena, "mail", rq_param(rq, "token"), &account, &mail, err);
	if (rc > 0)
		change_view(rq, mail);
	else if (rc == 0)
		confirm_gone(rq);
	return rc < 0 ? rc : 0;
}

static int confirm_begin(struct db *db, void *arg, struct err *err)
{
	struct request *rq = arg;
	struct confirming *c = rq_data(rq);
	attempt_key("confirm", rq_param(rq, "token"), c->attempt);
	return attempt_begin(db, c->attempt, rq->now_us, &c->wait_us, err);
}

static int confirm_finish(struct request *rq, struct db *db, struct err *err)
{
	struct confirming *c = rq_data(rq);
	int64_t id, person;
	struct account account;
	int rc = registration_find(db, rq->arena, rq_param(rq, "token"), &c->r, err);
	int taken = rc > 0 ? account_find(db, rq->arena, "resident", c->r.mail, &account, err) : rc;
	if (taken < 0)
		return taken;
	if (rc == 0 || taken > 0) {
		confirm_gone(rq); /* used meanwhile, or registered by another link */
		return 0;
	}
	json_t *profile = json_on_arena(rq->arena, json_loads(c->r.profile, 0, NULL));
	rc = resident_make(
	    db, "system", c->r.mail, c->r.hash, profile, c->r.lang, &id, &person, err);
	if (rc == 0)
		rc = registration_drop(db, rq_param(rq, "token"), err);
	if (rc == 0)
		rc = account_get(db, rq->arena, id, &account, err);
	if (rc > 0)
		rc = sign_in_finish(
		    rq, db, &account, &(struct sign_in_how){"password", 1}, c->attempt, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", c->r.next ? "identity.confirm.done_go_on" : "identity.confirm.done",
	    NULL);
	return rq_redirect(rq, "%s", c->r.next ? c->r.next : "/account/profile");
}

static int confirm_work(struct request *rq, struct err *err)
{
	struct confirming *c = rq_data(rq);
	const char *password = rq_form(rq, "password");
	int rc = store_write(rq->city->store, confirm_begin, rq, err);
	if (rc < 0)
		return rc;
	confirm_view(rq, c->r.mail);
	if (c->wait_us > 0) {
		wait_problem(rq, "password", c->wait_us);
		return 0;
	}
	c->fits = password_verify(c->r.hash, password ? password : "");
	if (!c->fits) {
		form_problem(rq, "password", "identity.confirm.wrong", NULL);
		return 0;
	}
	return rq_write(rq, confirm_finish);
}

static int change_write(struct request *rq, struct db *db, struct err *err)
{
	int64_t id;
	char *mail;
	struct account account, taken;
	int rc = once_find(db, rq->arena, "mail", rq_param(rq, "token"), &id, &mail, err);
	if (rc > 0)
		rc = account_get(db, rq->arena, id, &account, err);
	if (rc < 0)
		return rc;
	bool resident = rc > 0 && !account_is_staff(&account);
	if (resident) {
		int there = account_find(db, rq->arena, "resident", mail, &taken, err);
		if (there < 0)
			return there;
		if (there > 0 && taken.id != id)
			rc = 0;
	}
	if (rc == 0 || !account_is_active(&account)) {
		confirm_gone(rq);
		return 0;
	}
	const char *actor = account_actor(rq->arena, &account);
	rc = account_mail_change(rq, db, actor, &account, mail, err);
	json_t *profile = NULL;
	if (rc == 0 && resident)
		rc = person_profile(db, rq->arena, account.person, &profile, err);
	if (rc == 0 && profile) {
		json_object_set_new(profile, "email", json_string(mail));
		rc = person_set(db, actor, account.person, profile, account.lang, err);
	}
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.mail.done", NULL);
	return rq_redirect(rq, rq->actor.kind == ACTOR_ANONYMOUS ? "/login" : "/account");
}

int confirm_post(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct confirming *c = arena_new_of(rq->arena, struct confirming);
	if (!db)
		return -(int)err->kind;
	int rc = registration_find(db, rq->arena, rq_param(rq, "token"), &c->r, err);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return rq_write(rq, change_write);
	rq_set_data(rq, c);
	return rq_defer(rq, confirm_work);
}

/* --- a forgotten password --- */

static void reset_view(struct request *rq)
{
	page_title(rq, "identity.reset.title");
	json_t *form = page_form(rq, "/password/reset", "identity.reset.button");
	form_field(rq, form, &login_field, json_string(form_value(rq, "login")));
	page_next(rq, "/password/reset", next_of(rq));
}

int reset_get(struct request *rq, struct err *err)
{
	(void)err;
	reset_view(rq);
	return 0;
}

enum { RESETS_MAX = 3 }; /* that wait to be used: more mails would only annoy */

static int reset_write(struct request *rq, struct db *db, struct err *err)
{
	const char *login = login_fold(rq->arena, form_value(rq, "login"));
	struct account account;
	int64_t waiting = 0;
	int rc = account_find(
	    db, rq->arena, strchr(login, '@') ? "resident" : "staff", login, &account, err);
	if (rc > 0 && account_is_active(&account) && account.mail) {
		rc = db_get_i64(
		    db, err, &waiting, SQL(ONCE_COUNT), "iti", account.id, "reset", rq->now_us);
		if (rc > 0 && waiting < RESETS_MAX)
			rc = reset_send(
			    rq, db, &account, "password-reset", RESET_S, next_of(rq), err);
	}
	return rc < 0 ? rc : rq_redirect(rq, "/password/reset/sent");
}

int reset_send(struct request *rq, struct db *db, const struct account *account, const char *kind,
    int64_t lifetime, const char *next, struct err *err)
{
	char *token;
	int rc = once_make(db, rq->arena, "reset", account->id, next, lifetime, &token, err);
	if (rc < 0)
		return rc;
	return account_mail(rq, db, account, kind,
	    json_pack("{s:s, s:I, s:s}", "url",
	        mail_link(rq, account->lang, "/password/reset/", token), "hours",
	        (json_int_t)(lifetime / 3600), "login", account->login),
	    err);
}

int reset_post(struct request *rq, struct err *err)
{
	(void)err;
	reset_view(rq);
	if (!form_value(rq, "login")[0])
		form_problem(rq, "login", "identity.login.no_login", NULL);
	return rq_write(rq, reset_write); /* with a problem nothing is written */
}

int reset_sent(struct request *rq, struct err *err)
{
	(void)err;
	page_title(rq, "identity.reset.sent_title");
	return 0;
}

static void choose_view(struct request *rq, const struct account *account)
{
	page_secret(rq);
	page_title(rq, "identity.reset.choose_title");
	json_t *form =
	    page_form(rq, arena_printf(rq->arena, "/password/reset/%s", rq_param(rq, "token")),
	        "identity.reset.choose_button");
	/* Password managers file the new password under this name. */
	json_object_set_new(rq->view, "login", json_string(account->login));
	form_field(rq, form, &new_password, NULL);
}

/* The account of the link; 0 and the page that says so when it does not work any more. */
static int reset_account(
    struct request *rq, struct db *db, struct account *account, char **next, struct err *err)
{
	int64_t id;
	int rc = once_find(db, rq->arena, "reset", rq_param(rq, "token"), &id, next, err);
	if (rc > 0)
		rc = account_get(db, rq->arena, id, account, err);
	if (rc > 0 && !account_is_active(account))
		rc = 0;
	if (rc == 0)
		confirm_gone(rq);
	return rc;
}

int choose_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct account account;
	if (!db)
		return -(int)err->kind;
	int rc = reset_account(rq, db, &account, NULL, err);
	if (rc > 0)
		choose_view(rq, &account);
	return rc < 0 ? rc : 0;
}

static int choose_write(struct request *rq, struct db *db, struct err *err)
{
	struct registering *g = rq_data(rq);
	struct account account;
	char *next;
	int rc = reset_account(rq, db, &account, &next, err);
	if (rc <= 0)
		return rc;
	const char *actor = account_actor(rq->arena, &account);
	rc = account_set_password(db, actor, account.id, g->hash, err);
	/* Whoever knew the old password is out, with all that they began: a change of the address,
	 * a sign-in that waits for a code, API tokens. */
	if (rc == 0)
		rc = account_shut(db, actor, account.id, err);
	char attempt[TOKEN_HASH_SIZE];
	attempt_key(account.kind, login_fold(rq->arena, account.login), attempt);
	if (rc == 0)
		rc = attempt_clear(db, attempt, err);
	if (rc == 0)
		rc = account_mail(rq, db, &account, "password-changed", NULL, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.reset.done", NULL);
	return rq_redirect(rq, "%s", next_along(rq->arena, "/login", next));
}

static int choose_work(struct request *rq, struct err *err)
{
	struct registering *g = rq_data(rq);
	int rc = password_hash(rq->arena, g->password, &g->hash, err);
	return rc < 0 ? rc : rq_write(rq, choose_write);
}

int choose_post(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct registering *g = arena_new_of(rq->arena, struct registering);
	struct account account;
	if (!db)
		return -(int)err->kind;
	int rc = reset_account(rq, db, &account, NULL, err);
	if (rc <= 0)
		return rc;
	const char *password = rq_form(rq, "password");
	const char *const names[] = {account.login, account.name, NULL};
	g->password = password ? password : "";
	choose_view(rq, &account);
	check_new_password(rq, "password", g->password, names);
	if (rq_has_problems(rq))
		return 0;
	rq_set_data(rq, g);
	return rq_defer(rq, choose_work);
}
