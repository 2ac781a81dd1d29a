/* /account/passkeys: one's own passkeys, another one, its name, and removing it. */
#include "identity/passkey/passkey.h"

static const struct form_field_spec name_field = {
    "name", "identity.passkey.name", "identity.passkey.name_help", "is_text", NULL, false, 40};

static json_t *row_view(struct request *rq, const struct credential *c)
{
	json_t *data = json_on_arena(rq->arena, json_loads(c->data, 0, NULL));
	return json_pack("{s:I, s:s, s:I, s:o, s:b, s:b}", "id", (json_int_t)c->id, "name", c->name,
	    "created", (json_int_t)c->created_us, "used",
	    c->used_us ? json_integer(c->used_us) : json_null(), "blocked",
	    (int)text_eq(c->state, "blocked"), "synced",
	    (int)json_is_true(json_object_get(data, "synced")));
}

/* --- the list, and another one --- */

static int list_view(struct request *rq, const struct own *o, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct credential *list;
	int n = db ? credential_list(db, rq->arena, o->account.id, "passkey", &list, err)
	           : -(int)ERR_STORE;
	json_t *rows = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(rows, row_view(rq, &list[i]));
	page_title(rq, "identity.passkey.title");
	json_object_set_new(rq->view, "passkeys", rows);
	json_t *form = page_form(rq, "/account/passkeys", "identity.passkey.add");
	form_field(rq, form, &name_field, json_string(form_value(rq, "name")));
	fresh_field(rq, form);
	return n < 0 ? n : 0;
}

int passkeys_get(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	return rc < 0 ? rc : list_view(rq, o, err);
}

static int add_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	struct webauthn_site site = webauthn_site_of(rq->arena, rq->city->base_url);
	struct webauthn_key key;
	int64_t asked;
	struct str client_data = passkey_bytes(rq, "client_data");
	const char *name = form_value(rq, "name"), *agent = rq_header(rq, "User-Agent");
	int rc = passkey_challenge(rq, db, "webauthn.create", client_data, &asked, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || asked != o->account.id) {
		rq_problem(rq, "passkey", "identity.passkey.late", NULL);
		return 0;
	}
	if (!webauthn_created(rq->arena, &site, passkey_bytes(rq, "authenticator_data"), &key)) {
		rq_problem(rq, "passkey", "identity.passkey.wrong", NULL);
		return 0;
	}
	if (!name[0])
		name = agent_text(rq, agent ? agent : "");
	rc = passkey_add(db, rq->arena, &o->account, name, &key, err);
	if (rc == 0)
		rc = account_mail(rq, db, &o->account, "identity/passkey-added",
		    json_pack("{s:s}", "passkey", name), err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.passkey.added", NULL);
	return rq_redirect(rq, "/account/passkeys");
}

int passkeys_add(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc == 0)
		rc = list_view(rq, o, err);
	if (rc < 0)
		return rc;
	if (!rq_form(rq, "client_data"))
		rq_problem(rq, "passkey", "identity.passkey.no_script", NULL);
	rq_set_data(rq, o);
	return rq_write_or(rq, add_write, problem_page);
}

/* --- one of them --- */

/* The passkey of the path, when it is the account's own. */
static int own_passkey(struct request *rq, struct own **o, struct credential *out, struct err *err)
{
	struct credential *list;
	int rc = own_open(rq, o, err);
	if (rc < 0)
		return rc;
	int64_t id = rq_param_i64(rq, "id");
	int n = credential_list(rq_db(rq, err), rq->arena, (*o)->account.id, "passkey", &list, err);
	for (int i = 0; i < n; i++)
		if (list[i].id == id) {
			*out = list[i];
			rq_crumb(rq, rq_tr(rq, "identity.passkey.title"), "/account/passkeys");
			return 0;
		}
	return n < 0 ? n : err_set(err, ERR_MISSING, NULL, "passkey %lld", (long long)id);
}

/* Two forms: its name, and removing it. */
static void one_view(struct request *rq, const struct credential *c)
{
	const char *action = arena_printf(rq->arena, "/account/passkeys/%lld", (long long)c->id);
	json_object_set_new(rq->view, "title", json_string(c->name));
	json_object_set_new(rq->view, "passkey", row_view(rq, c));
	json_t *form = page_form(rq, action, "identity.passkey.rename");
	form_field(rq, form, &name_field, json_string(c->name));
	json_object_set(rq->view, "rename", form);
	form = page_form(rq, action, "identity.passkey.remove");
	form_hidden(form, "do", "remove");
	json_object_set_new(form, "danger", json_true());
	fresh_field(rq, form);
}

int passkey_get(struct request *rq, struct err *err)
{
	struct own *o;
	struct credential c;
	int rc = own_passkey(rq, &o, &c, err);
	if (rc == 0)
		one_view(rq, &c);
	return rc;
}

static int rename_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	int rc = credential_rename(db, account_actor(rq->arena, &o->account), o->account.id,
	    rq_param_i64(rq, "id"), form_value(rq, "name"), err);
	return rc < 0 ? rc : rq_redirect(rq, "/account/passkeys");
}

static int remove_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	int rc = credential_end(db, account_actor(rq->arena, &o->account), o->account.id,
	    rq_param_i64(rq, "id"), "removed", err);
	if (rc == 0)
		rc = account_mail(rq, db, &o->account, "identity/passkey-removed",
		    json_pack("{s:O}", "passkey", json_object_get(rq->view, "title")), err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.passkey.removed", NULL);
	return rq_redirect(rq, "/account/passkeys");
}

int passkey_post(struct request *rq, struct err *err)
{
	struct own *o;
	struct credential c;
	int rc = own_passkey(rq, &o, &c, err);
	if (rc < 0)
		return rc;
	one_view(rq, &c);
	if (text_eq(rq_form(rq, "do"), "remove")) {
		o->write = remove_write;
		return with_fresh(rq, o);
	}
	if (!form_value(rq, "name")[0])
		rq_problem(rq, "name", "identity.passkey.no_name", NULL);
	rq_set_data(rq, o);
	return rq_write(rq, rename_write);
}
