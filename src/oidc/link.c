/* /login/with: an identity that no account has yet; /account/providers: the identities of one's own
 * account, and linking one. */
#include "base/time.h"
#include "identity/mandate/mandate.h"
#include "notice/notice.h"
#include "oidc/claims.h"
#include "oidc/with.h"

static const char found_cookie[] = "oidc-found";

static const struct form_field_spec password_again = {"password", "identity.field.password",
    "identity.field.password_help", "is_password", "current-password", true, 0};

/* --- what a provider told us a moment ago, and nobody has yet --- */

struct found {
	json_t *data;
	const struct provider *provider;
	const char *subject, *next;
	int level;
};

/* 1, 0 when there is nothing (any more), <0. */
static int found_look(struct request *rq, struct db *db, struct found *f, struct err *err)
{
	const char *token = rq_cookie(rq, found_cookie);
	char *text = NULL;
	*f = (struct found){0};
	int rc = token ? challenge_look(db, rq->arena, "oidc-found", token, NULL, &text, err) : 0;
	if (rc <= 0)
		return rc;
	f->data = json_on_arena(rq->arena, json_loads(text, 0, NULL));
	f->provider = provider_find(rq->city, json_text_or(f->data, "provider", ""));
	f->subject = json_text(f->data, "subject");
	f->next = json_text(f->data, "next");
	f->level = (int)json_i64(f->data, "level", 1);
	return f->provider && f->subject;
}

int oidc_found_name(struct request *rq, struct db *db, json_t **name, struct err *err)
{
	struct found f;
	int rc = found_look(rq, db, &f, err);
	*name = rc > 0 ? json_incref(json_path(f.data, "profile.name")) : NULL;
	return rc < 0 ? rc : 0;
}

static int nothing_found(struct request *rq, const char *path)
{
	rq_flash(rq, "warning", "oidc.found.gone", NULL);
	return rq_redirect(rq, "%s", path);
}

static void fact(struct request *rq, json_t *rows, const char *label, const char *value)
{
	if (value && value[0])
		json_array_append_new(
		    rows, json_pack("{s:s, s:s}", "label", rq_tr(rq, label), "value", value));
}

/* What it said, for the person to look at. */
static void found_view(struct request *rq, const struct found *f)
{
	json_t *rows = json_array(), *read = f->data;
	struct date birthday = {0};
	const char *family = json_path_text(read, "profile.name.family"),
	           *given = json_path_text(read, "profile.name.given"),
	           *day = json_path_text(read, "profile.birthday"),
	           *place = json_path_text(read, "profile.address.prefecture"),
	           *town = json_path_text(read, "profile.address.town");
	if (family)
		fact(rq, rows, "identity.field.name",
		    arena_printf(rq->arena, "%s %s", family, given ? given : ""));
	if (day && date_parse(str_from(day), &birthday))
		fact(rq, rows, "identity.field.birthday",
		    date_era_text(rq->arena, birthday, rq->lang));
	if (town)
		fact(rq, rows, "identity.field.address",
		    arena_printf(rq->arena, "%s%s", place ? place : "", town));
	fact(rq, rows, "oidc.field.organisation", json_path_text(read, "organisation.name"));
	fact(rq, rows, "oidc.field.number", json_path_text(read, "organisation.number"));
	json_object_set_new(rq->view, "rows", rows);
	json_object_set_new(
	    rq->view, "provider", json_string(provider_label(f->provider, rq->lang)));
	json_object_set_new(rq->view, "residents", json_boolean(f->provider->residents));
}

int with_found(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct found f;
	int rc = db ? found_look(rq, db, &f, err) : -(int)err->kind;
	if (rc < 0)
		return rc;
	if (rc == 0)
		return rq_redirect(rq, "%s", next_along(rq->arena, "/login", next_of(rq)));
	if (rq->actor.kind != ACTOR_ANONYMOUS)
		return rq_redirect(rq, LINK_PAGE);
	page_secret(rq);
	page_title(rq, "oidc.found.title");
	found_view(rq, &f);
	json_object_set_new(
	    rq->view, "sign_in", json_string(next_along(rq->arena, "/login", LINK_PAGE)));
	json_object_set_new(
	    rq->view, "register", json_string(next_along(rq->arena, "/register", LINK_PAGE)));
	return 0;
}

/* --- linking --- */

int with_proof(struct db *db, const struct provider *p, const char *actor, int64_t person,
    const char *subject, const json_t *read, struct err *err)
{
	struct proof proof = {.person = person,
	    .level = claims_proof(p->profile, read),
	    .method = p->name,
	    .issuer = p->issuer,
	    .reference = subject};
	if (!person || !proof.level)
		return 0;
	int known = proof_level(db, person, err);
	return known < 0 ? known : known >= proof.level ? 0 : proof_add(db, actor, &proof, err);
}

static int told(struct request *rq, struct db *db, const struct account *account, const char *label,
    bool added, struct err *err)
{
	return account_mail(rq, db, account, "oidc/provider",
	    json_pack("{s:s, s:b}", "provider", label, "added", (int)added), err);
}

/* What it said goes into the resident's profile. */
static int fill(struct request *rq, struct db *db, const struct account *account,
    const struct found *f, struct err *err)
{
	json_t *profile;
	if (account_is_staff(account))
		return 0;
	int rc = person_profile(db, rq->arena, account->person, &profile, err);
	if (rc < 0 || !profile)
		return rc;
	profile = json_on_arena(rq->arena, json_deep_copy(profile));
	if (!claims_fill(profile, f->data, claims_proof(f->provider->profile, f->data) > 0))
		return 0;
	return person_set(
	    db, account_actor(rq->arena, account), account->person, profile, account->lang, err);
}

static int link_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	struct arena *a = rq->arena;
	const char *actor = account_actor(a, &o->account);
	struct found f;
	struct identifier there;
	int64_t id;
	int rc = found_look(rq, db, &f, err);
	if (rc <= 0)
		return rc < 0 ? rc : nothing_found(rq, "/account/providers");
	if (!(account_is_staff(&o->account) ? f.provider->staff : f.provider->residents))
		return with_problem(rq, f.provider, WITH_CLOSED, NULL);
	rc = identifier_find(db, a, "oidc", f.provider->issuer, f.subject, &there, err);
	if (rc != 0)
		return rc < 0 ? rc : with_problem(rq, f.provider, WITH_OTHER, NULL);
	json_t *shown =
	    json_on_arena(a, json_pack("{s:s, s:O*}", "provider", f.provider->name, "organisation",
	                         json_object_get(f.data, "organisation")));
	struct identifier link = {.account = o->account.id,
	    .kind = "oidc",
	    .issuer = f.provider->issuer,
	    .subject = f.subject,
	    .data = json_canonical_text(a, shown)};
	rc = identifier_link(db, actor, &link, &id, err);
	if (rc == 0)
		rc = challenge_take(
		    db, a, "oidc-found", rq_cookie(rq, found_cookie), NULL, NULL, err);
	if (rc >= 0)
		rc = fill(rq, db, &o->account, &f, err);
	if (rc == 0)
		rc = with_proof(db, f.provider, actor, o->account.person, f.subject, f.data, err);
	if (rc == 0 && f.provider->profile->delegations && !account_is_staff(&o->account))
		rc = mandate_organisations(
		    db, actor, o->account.id, json_object_get(f.data, "organisation"), err);
	if (rc == 0)
		rc = told(
		    rq, db, &o->account, provider_label(f.provider, o->account.lang), true, err);
	struct sign_in_how how = {"oidc", f.level};
	if (rc == 0 && f.level > rq->actor.level)
		rc = session_raise(rq, db, &how, err);
	if (rc < 0)
		return rc;
	rq_set_cookie(rq, found_cookie, "", 0);
	rq_flash(rq, "success", "oidc.link.done", NULL);
	return rq_redirect(rq, "%s", f.next ? f.next : "/account/providers");
}

static int link_open(struct request *rq, struct own **o, struct found *f, struct err *err)
{
	int rc = own_open(rq, o, err);
	struct db *db = rc < 0 ? NULL : rq_db(rq, err);
	if (db)
		rc = found_look(rq, db, f, err);
	if (rc <= 0)
		return rc;
	page_secret(rq);
	page_title(rq, "oidc.link.title");
	rq_crumb(rq, rq_tr(rq, "oidc.providers.title"), "/account/providers");
	found_view(rq, f);
	json_t *form = page_form(rq, LINK_PAGE, "oidc.link.button");
	form_field(rq, form, &password_again, NULL);
	return 1;
}

int link_get(struct request *rq, struct err *err)
{
	struct own *o;
	struct found f;
	int rc = link_open(rq, &o, &f, err);
	return rc < 0 ? rc : rc == 0 ? nothing_found(rq, "/account/providers") : 0;
}

int link_post(struct request *rq, struct err *err)
{
	struct own *o;
	struct found f;
	int rc = link_open(rq, &o, &f, err);
	if (rc <= 0)
		return rc < 0 ? rc : nothing_found(rq, "/account/providers");
	o->write = link_write;
	return with_password(rq, o);
}

/* --- one's own identities --- */

static bool serves(const struct provider *p, const struct account *account)
{
	return account_is_staff(account) ? p->staff : p->residents;
}

static json_t *identity_view(struct request *rq, const struct identifier *id)
{
	json_t *data = json_on_arena(rq->arena, json_loads(id->data, 0, NULL));
	const struct provider *p = provider_find(rq->city, json_text_or(data, "provider", ""));
	const char *name = p ? provider_label(p, rq->lang) : id->issuer;
	json_t *row = json_pack("{s:I, s:s, s:s, s:s*, s:s*}", "id", (json_int_t)id->id, "label",
	    name, "since", instant_text(rq->arena, id->created_us, rq->lang), "organisation",
	    json_path_text(data, "organisation.name"), "number",
	    json_path_text(data, "organisation.number"));
	if (id->used_us)
		json_object_set_new(
		    row, "used", json_string(instant_text(rq->arena, id->used_us, rq->lang)));
	if (p)
		json_object_set_new(row, "logout",
		    json_string(arena_printf(rq->arena, "/login/with/%s/logout", p->name)));
	return row;
}

static int identities_view(struct request *rq, struct own *o, struct db *db, struct err *err)
{
	struct identifier *ids;
	json_t *rows = json_array(), *more = json_array();
	const struct config *c = config_of(rq->city);
	page_title(rq, "oidc.providers.title");
	int n = identifier_list(db, rq->arena, o->account.id, "oidc", &ids, err);
	for (int i = 0; i < n; i++)
		if (text_eq(ids[i].state, "active"))
			json_array_append_new(rows, identity_view(rq, &ids[i]));
	for (size_t i = 0; i < c->nproviders; i++)
		if (serves(&c->provider[i], &o->account))
			json_array_append_new(more,
			    json_pack("{s:s, s:s}", "label",
			        provider_label(&c->provider[i], rq->lang), "href",
			        next_along(rq->arena,
			            arena_printf(rq->arena, "/login/with/%s", c->provider[i].name),
			            "/account/providers")));
	if (json_array_size(rows)) {
		json_t *form = page_form(rq, "/account/providers", "oidc.providers.remove");
		form_field(rq, form, &password_again, NULL);
	}
	json_object_set_new(rq->view, "identities", rows);
	json_object_set_new(rq->view, "providers", more);
	return n < 0 ? n : 0;
}

int identities_get(struct request *rq, struct err *err)
{
	struct own *o;
	struct db *db = rq_db(rq, err);
	int rc = db ? own_open(rq, &o, err) : -(int)err->kind;
	return rc < 0 ? rc : identities_view(rq, o, db, err);
}

static int remove_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	struct identifier *ids;
	int64_t id = rq_i64(rq, "identity", 0);
	const char *label = NULL, *actor = account_actor(rq->arena, &o->account);
	bool organisation = false;
	int n = identifier_list(db, rq->arena, o->account.id, "oidc", &ids, err), rc = n;
	for (int i = 0; i < n; i++)
		if (ids[i].id == id) {
			json_t *row = json_on_arena(rq->arena, identity_view(rq, &ids[i]));
			label = arena_strdup(rq->arena, json_text_or(row, "label", ""));
			organisation = json_object_get(row, "number") != NULL;
		}
	if (rc >= 0)
		rc = identifier_end(db, actor, o->account.id, id, "removed", err);
	if (rc >= 0 && organisation) /* and with it whom they acted for */
		rc = mandate_organisations(db, actor, o->account.id, NULL, err);
	if (rc >= 0)
		rc = told(rq, db, &o->account, label ? label : "", false, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "oidc.providers.removed", NULL);
	return rq_redirect(rq, "/account/providers");
}

int identities_post(struct request *rq, struct err *err)
{
	struct own *o;
	struct db *db = rq_db(rq, err);
	int rc = db ? own_open(rq, &o, err) : -(int)err->kind;
	if (rc == 0)
		rc = identities_view(rq, o, db, err);
	if (rc < 0)
		return rc;
	if (!json_object_get(rq->view, "form"))
		return nothing_found(rq, "/account/providers");
	o->write = remove_write;
	return with_password(rq, o);
}

/* --- among the ways to sign in --- */

bool oidc_offered(const struct city *city)
{
	return config_of(city)->nproviders > 0;
}

int oidc_state(struct request *rq, struct db *db, const struct account *account, const char **text,
    struct err *err)
{
	struct identifier *ids;
	int n = identifier_list(db, rq->arena, account->id, "oidc", &ids, err), active = 0;
	(void)text;
	for (int i = 0; i < n; i++)
		active += text_eq(ids[i].state, "active");
	return n < 0 ? n : active > 0;
}

void oidc_entries(struct request *rq, const struct sign_in_method *m, const char *page,
    const char *next, json_t *ways)
{
	const struct config *c = config_of(rq->city);
	const char *help = rq_tr(rq, "identity.method.oidc_help");
	for (size_t i = 0; i < c->nproviders; i++) {
		const struct provider *p = &c->provider[i];
		const char *label = provider_label(p, rq->lang);
		if (rq->actor.kind == ACTOR_STAFF
		        ? !p->staff
		        : rq->actor.kind == ACTOR_RESIDENT && !p->residents)
			continue;
		way_add(rq, ways, arena_printf(rq->arena, "%s-%s", m->name, p->name), label, help,
		    arena_printf(rq->arena, "%s/%s", page, p->name), next);
	}
}
