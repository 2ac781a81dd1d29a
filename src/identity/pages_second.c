/* /account/totp, /login/setup and /account/tokens: the second factor, its recovery codes, API
 * tokens. */
#include "identity/assurance/assurance.h"

#include <string.h>

static const struct form_field_spec password_again = {"password", "identity.field.password",
    "identity.field.password_help", "is_password", "current-password", true, 0};

/* --- second factor --- */

static void code_form(struct request *rq, const char *action)
{
	static const struct form_field_spec code = {
	    "code", "identity.second.code", NULL, "is_text", "one-time-code", true, 10};
	json_t *form = page_form(rq, action, "identity.totp.button");
	json_t *field = form_field(rq, form, &code, NULL);
	json_object_set_new(field, "inputmode", json_string("numeric"));
	json_object_set_new(field, "width", json_integer(10));
}

/* QR code and key of the secret that waits to be proven. */
static int pending_view(struct request *rq, const struct account *account, const char *action,
    struct db *db, struct err *err)
{
	unsigned char secret[TOTP_SECRET_SIZE];
	char *svg;
	page_secret(rq);
	int rc = totp_open(db, rq->arena, account->id, account->pending, secret, err);
	if (rc < 0)
		return rc;
	const char *uri =
	    totp_uri(rq->arena, secret, city_name(rq->city, rq->lang), account->login);
	rc = qr_svg(rq->arena, uri, rq_tr(rq, "identity.totp.qr"), &svg, err);
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "pending",
	    json_pack("{s:s, s:s, s:s}", "svg", svg, "uri", uri, "key",
	        totp_base32(rq->arena, secret, sizeof(secret), true)));
	bytes_wipe(secret, sizeof(secret));
	code_form(rq, action);
	return 0;
}

/* Off: a button to begin. Begun: the QR code. On: codes left, new codes, switching off. */
static int totp_view(
    struct request *rq, const struct account *account, struct db *db, struct err *err)
{
	page_title(rq, "identity.totp.title");
	if (account->totp) {
		int64_t codes = 0;
		int rc = db_get_i64(db, err, &codes, SQL(RECOVERY_COUNT), "i", account->id);
		json_object_set_new(rq->view, "on",
		    json_pack("{s:I, s:b}", "codes", (json_int_t)codes, "required",
		        (int)(account_is_staff(account) && second_required(rq->city))));
		json_t *form = page_form(rq, "/account/totp/codes", "identity.totp.codes_button");
		form_field(rq, form, &password_again, NULL);
		return rc < 0 ? rc : 0;
	}
	if (account->pending)
		return pending_view(rq, account, "/account/totp", db, err);
	json_object_set_new(rq->view, "off", json_true());
	fresh_field(rq, page_form(rq, "/account/totp/start", "identity.totp.start_button"));
	return 0;
}

int totp_get(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	return rc < 0 ? rc : totp_view(rq, &o->account, rq_db(rq, err), err);
}

int second_secret(struct request *rq, struct db *db, int64_t account, struct err *err)
{
	unsigned char secret[TOTP_SECRET_SIZE];
	char *sealed;
	random_bytes(secret, sizeof(secret));
	int rc = totp_seal(db, rq->arena, account, secret, &sealed, err);
	bytes_wipe(secret, sizeof(secret));
	if (rc < 0)
		return rc;
	int64_t n = db_run(db, err, SQL(ACCOUNT_SET_PENDING), "it", account, sealed);
	return n < 0 ? (int)n : 0;
}

static int start_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	int rc = o->account.totp ? 0 : second_secret(rq, db, o->account.id, err);
	return rc < 0 ? rc : rq_redirect(rq, "/account/totp");
}

/* Who finds a browser signed in must not be able to add a factor of their own. */
int totp_start(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc == 0)
		rc = totp_view(rq, &o->account, rq_db(rq, err), err);
	if (rc < 0)
		return rc;
	o->write = start_write;
	return with_fresh(rq, o);
}

/* New recovery codes on the page that shows them, once; onward: where its button leads to. */
static int show_codes(struct request *rq, struct db *db, const struct account *account,
    const char *onward, struct err *err)
{
	json_t *codes, *rows = json_array();
	int rc = recovery_make(db, rq->arena, account->id, &codes, err);
	size_t i;
	json_t *code;
	json_array_foreach(codes, i, code)
	{
		json_array_append_new(rows, json_pack("{s:O}", "code", code));
	}
	page_title(rq, "identity.codes.title");
	json_object_set_new(rq->view, "codes", rows);
	json_object_set_new(rq->view, "onward", json_string(onward));
	json_object_del(rq->view, "form");
	rq->template = "identity/recovery-codes";
	page_secret(rq);
	return rc;
}

/* The secret that waits becomes the second factor when the form's code proves it: 1; 0: it does
 * not, which is noted. */
static int prove(struct request *rq, struct db *db, const struct account *account, struct err *err)
{
	unsigned char secret[TOTP_SECRET_SIZE];
	int rc = totp_open(db, rq->arena, account->id, account->pending, secret, err);
	if (rc < 0)
		return rc;
	int64_t step = totp_check(secret, form_value(rq, "code"), rq->now_us, 0);
	bytes_wipe(secret, sizeof(secret));
	if (!step) {
		form_problem(rq, "code", "identity.second.wrong", NULL);
		return 0;
	}
	rc = account_set_totp(
	    db, account_actor(rq->arena, account), account->id, account->pending, step, err);
	if (rc == 0)
		rc = account_mail(rq, db, account, "second-added", NULL, err);
	json_object_del(rq->view, "pending");
	return rc < 0 ? rc : 1;
}

static int totp_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	int rc = own_account(rq, db, &o->account, err); /* as it is now */
	if (rc < 0)
		return rc;
	if (o->account.totp || !o->account.pending)
		return rq_redirect(rq, "/account/totp");
	rc = totp_view(rq, &o->account, db, err);
	if (rc == 0)
		rc = prove(rq, db, &o->account, err);
	if (rc <= 0)
		return rc;
	/* The code is the second factor of this session, too: nobody is asked for the next one. */
	rc = session_raise(rq, db, &(struct sign_in_how){"totp", 2}, err);
	return rc < 0 ? rc : show_codes(rq, db, &o->account, "/account", err);
}

int totp_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	rq_set_data(rq, o);
	return rq_write(rq, totp_write);
}

static int codes_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	int rc = account_journal(db, account_actor(rq->arena, &o->account),
	    "identity.recovery_codes_made", o->account.id, NULL, err);
	return rc < 0 ? rc : show_codes(rq, db, &o->account, "/account", err);
}

static int remove_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	int rc = account_set_totp(
	    db, account_actor(rq->arena, &o->account), o->account.id, NULL, 0, err);
	if (rc == 0) {
		int64_t n = db_run(db, err, SQL(RECOVERY_CLEAR), "i", o->account.id);
		rc = n < 0 ? (int)n : 0;
	}
	if (rc == 0)
		rc = account_mail(rq, db, &o->account, "second-removed", NULL, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.totp.removed", NULL);
	return rq_redirect(rq, "/account");
}

/* --- setting it up while signing in --- */

/* Who proved the password and has no second factor yet, though one is required. 1, 0 and a
 * redirect, <0. */
static int setup_open(
    struct request *rq, struct db *db, struct account *account, char **next, struct err *err)
{
	int rc = second_account(rq, db, account, next, err);
	if (rc <= 0)
		return rc;
	if (account_has_second(account) || !account->pending || !account_is_staff(account))
		return rq_redirect(rq, account->totp ? "/login/totp" : "/login");
	page_title(rq, "identity.setup.title");
	json_object_set_new(rq->view, "signing_in", json_true());
	json_object_set_new(rq->view, "setup", json_true());
	rc = pending_view(rq, account, "/login/setup", db, err);
	return rc < 0 ? rc : 1;
}

int setup_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct account account;
	char *next;
	int rc = db ? setup_open(rq, db, &account, &next, err) : -(int)err->kind;
	return rc < 0 ? rc : 0;
}

static int setup_write(struct request *rq, struct db *db, struct err *err)
{
	struct account account;
	char *next;
	int rc = setup_open(rq, db, &account, &next, err);
	if (rc > 0)
		rc = prove(rq, db, &account, err);
	if (rc <= 0)
		return rc;
	rc = second_done(rq, db, &account, &(struct sign_in_how){"totp", 2}, NULL, err);
	if (rc < 0)
		return rc;
	/* The sign-in page leads on: it takes no address of another site. */
	const char *onward = next_along(rq->arena, "/login", next);
	return show_codes(rq, db, &account, onward, err);
}

int setup_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, setup_write);
}

/* --- recovery codes, and switching it off --- */

/* Both buttons of the page that asks for the password. */
int codes_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	if (!o->account.totp)
		return rq_redirect(rq, "/account/totp");
	rc = totp_view(rq, &o->account, rq_db(rq, err), err);
	if (rc < 0)
		return rc;
	bool removes = text_eq(rq_form(rq, "do"), "remove");
	if (removes && account_is_staff(&o->account) && second_required(rq->city))
		return err_set(err, ERR_DENIED, "identity.totp.is_required", "staff need it");
	o->write = removes ? remove_write : codes_write;
	return with_password(rq, o);
}

/* --- API tokens --- */

enum { TOKEN_DAYS_DEFAULT = 90, TOKEN_DAYS_MAX = 366 };

static void tokens_form(struct request *rq, const struct account *account)
{
	static const struct form_field_spec name = {
	    "name", "identity.tokens.name", "identity.tokens.name_help", "is_text", NULL, true, 60};
	static const struct form_field_spec scope = {
	    "scope", "identity.tokens.scope", NULL, "is_choice", NULL, true, 0};
	static const struct form_field_spec rights = {"rights", "identity.tokens.rights",
	    "identity.tokens.rights_help", "is_multi_choice", NULL, false, 0};
	static const struct form_field_spec days = {
	    "days", "identity.tokens.days", NULL, "is_choice", NULL, true, 0};
	static const char *const lengths[] = {"7", "30", "90", "365"};
	json_t *form = page_form(rq, "/account/tokens", "identity.tokens.button");
	form_field(rq, form, &name, json_string(form_value(rq, "name")));
	json_t *field = form_field(rq, form, &scope, NULL);
	bool write = text_eq(rq_form(rq, "scope"), "write");
	form_option(field, "read", rq_tr(rq, "identity.tokens.scope_read"), !write);
	form_option(field, "write", rq_tr(rq, "identity.tokens.scope_write"), write);
	if (account_is_staff(account)) {
		const char *const *ticked;
		int n = rq_form_all(rq, "rights", &ticked);
		field = form_field(rq, form, &rights, NULL);
		for (int m = 0; m < nmodules; m++) {
			for (int k = 0; k < modules[m]->nperms; k++) {
				const struct perm *perm = &modules[m]->perms[k];
				bool selected = false;
				for (int i = 0; i < n; i++)
					selected = selected || text_eq(ticked[i], perm->name);
				form_option(field, perm->name, rq_tr(rq, perm->summary), selected);
			}
		}
	}
	field = form_field(rq, form, &days, NULL);
	const char *typed = rq_form(rq, "days");
	for (size_t i = 0; i < COUNT(lengths); i++)
		form_option(field, lengths[i],
		    i18n_format(rq->city->i18n, rq->arena, rq->lang, "identity.tokens.days_n",
		        json_on_arena(rq->arena, json_pack("{s:s}", "n", lengths[i]))),
		    text_eq(typed ? typed : "90", lengths[i]));
	form_field(rq, form, &password_again, NULL);
}

static const struct perm *perm_find(const char *name)
{
	for (int m = 0; m < nmodules; m++)
		for (int k = 0; k < modules[m]->nperms; k++)
			if (text_eq(modules[m]->perms[k].name, name))
				return &modules[m]->perms[k];
	return NULL;
}

/* What a token may do, in words: ["見るだけ", "申請の一覧と中身を見る"]. */
static json_t *scopes_text(struct request *rq, const char *scopes)
{
	bool write = scope_has(scopes, "write");
	json_t *out = json_array();
	json_array_append_new(out, json_string(rq_tr(rq, write ? "identity.tokens.scope_write"
	                                                       : "identity.tokens.scope_read")));
	struct str rest = str_from(scopes), one;
	while (str_cut(&rest, ' ', &one)) {
		const struct perm *perm = perm_find(str_dup(rq->arena, one));
		if (perm)
			json_array_append_new(out, json_string(rq_tr(rq, perm->summary)));
	}
	return out;
}

static int tokens_view(
    struct request *rq, const struct account *account, struct db *db, struct err *err)
{
	json_t *out = json_array();
	struct rows *r = db_query(db, err, SQL(TOKENS_OF), "i", account->id);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		bool expired = rows_i64(r, 4) <= rq->now_us;
		json_t *token = json_pack("{s:I, s:s, s:s, s:I, s:I, s:b}", "id",
		    (json_int_t)rows_i64(r, 0), "name", rows_dup(r, 1, rq->arena), "scopes",
		    rows_dup(r, 2, rq->arena), "created", (json_int_t)rows_i64(r, 3), "expires",
		    (json_int_t)rows_i64(r, 4), "expired", (int)expired);
		json_object_set_new(token, "can", scopes_text(rq, rows_dup(r, 2, rq->arena)));
		if (rows_i64(r, 5))
			json_object_set_new(token, "used", json_integer(rows_i64(r, 5)));
		json_array_append_new(out, token);
	}
	rows_end(r);
	page_title(rq, "identity.tokens.title");
	json_object_set_new(rq->view, "tokens", out);
	tokens_form(rq, account);
	return rc < 0 ? rc : 0;
}

int tokens_get(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	return rc < 0 ? rc : tokens_view(rq, &o->account, rq_db(rq, err), err);
}

static int tokens_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	struct buf scopes;
	const char *const *rights;
	char *token;
	int64_t days = TOKEN_DAYS_DEFAULT;
	buf_init(&scopes, rq->arena);
	buf_puts(&scopes, text_eq(rq_form(rq, "scope"), "write") ? "read write" : "read");
	int n = account_is_staff(&o->account) ? rq_form_all(rq, "rights", &rights) : 0;
	for (int i = 0; i < n; i++)
		if (perm_find(rights[i]))
			buf_printf(&scopes, " %s", rights[i]);
	const char *typed = rq_form(rq, "days");
	if (typed)
		(void)str_to_i64(str_from(typed), 1, TOKEN_DAYS_MAX, &days); /* else the default */
	int rc = api_token_make(db, rq->arena, account_actor(rq->arena, &o->account), o->account.id,
	    form_value(rq, "name"), scopes.p, days * 24 * 3600, &token, err);
	if (rc == 0)
		rc = tokens_view(rq, &o->account, db, err);
	json_object_set_new(rq->view, "token", json_string(token));
	json_object_del(rq->view, "form");
	page_secret(rq);
	return rc;
}

int tokens_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	rc = tokens_view(rq, &o->account, rq_db(rq, err), err);
	if (rc < 0)
		return rc;
	if (!form_value(rq, "name")[0])
		form_problem(rq, "name", "identity.tokens.no_name", NULL);
	o->write = tokens_write;
	return with_password(rq, o);
}

static int revoke_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	int rc = api_token_revoke(
	    db, account_actor(rq->arena, &o->account), o->account.id, rq_param_i64(rq, "id"), err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.tokens.revoked", NULL);
	return rq_redirect(rq, "/account/tokens");
}

int tokens_revoke(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	rq_set_data(rq, o);
	return rq_write(rq, revoke_write);
}
