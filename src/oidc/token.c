/* What systems ask without a browser: configuration, keys, tokens, userinfo. */
#include <string.h>

#include "base/time.h"
#include "oidc/provider.h"

static const int64_t SECOND = 1000000;

static int send_json_text(struct request *rq, json_t *doc)
{
	rq_set_header(rq, "Cache-Control", "no-store");
	return rq_send(rq, "application/json", str_from(json_canonical_text(rq->arena, doc)), NULL);
}

/* RFC 6749 §5.2 */
static int token_error(struct request *rq, int status, const char *error)
{
	rq->status = status;
	if (status == 401)
		rq_set_header(rq, "WWW-Authenticate", "Basic realm=\"oidc\"");
	return send_json_text(rq, json_on_arena(rq->arena, json_pack("{s:s}", "error", error)));
}

/* --- configuration and keys --- */

int discovery_get(struct request *rq, struct err *err)
{
	(void)err;
	const char *base = rq->city->base_url;
	static const struct {
		const char *name, *path;
	} addresses[] = {{"authorization_endpoint", "/oidc/authorize"},
	    {"token_endpoint", "/oidc/token"}, {"userinfo_endpoint", "/oidc/userinfo"},
	    {"jwks_uri", "/oidc/keys.json"}, {"end_session_endpoint", "/oidc/logout"}};
	json_t *doc = json_pack(
	    "{s:s, s:[s], s:[s], s:[s], s:[s, s], s:[s, s, s], s:[s, s, s, s], s:[s, s, s], "
	    "s:[s, s, s], s:[s], s:[s, s, s], s:b, s:b, s:b, s:b, s:b, s:b}",
	    "issuer", base, "response_types_supported", "code", "response_modes_supported", "query",
	    "grant_types_supported", "authorization_code", "subject_types_supported", "pairwise",
	    "public", "id_token_signing_alg_values_supported", "RS256", "ES256", "PS256",
	    "scopes_supported", "openid", "profile", "email", "staff",
	    "token_endpoint_auth_methods_supported", "client_secret_basic", "client_secret_post",
	    "private_key_jwt", "token_endpoint_auth_signing_alg_values_supported", "RS256", "ES256",
	    "PS256", "code_challenge_methods_supported", "S256", "acr_values_supported", "aal1",
	    "aal2", "aal3", "authorization_response_iss_parameter_supported", 1,
	    "backchannel_logout_supported", 1, "backchannel_logout_session_supported", 1,
	    "claims_parameter_supported", 0, "request_parameter_supported", 0,
	    "request_uri_parameter_supported", 0);
	for (size_t i = 0; i < COUNT(addresses); i++)
		json_object_set_new(
		    doc, addresses[i].name, json_sprintf("%s%s", base, addresses[i].path));
	rq_set_header(rq, "Cache-Control", "public, max-age=3600");
	return rq_send(rq, "application/json",
	    str_from(json_canonical_text(rq->arena, json_on_arena(rq->arena, doc))), NULL);
}

static int keys_work(struct request *rq, struct err *err)
{
	json_t *keys;
	int rc = keys_published(rq->city->store, rq->arena, KEYS_PROVIDER, &keys, err);
	if (rc < 0)
		return rc;
	rq_set_header(rq, "Cache-Control", "public, max-age=3600");
	return rq_send(
	    rq, "application/jwk-set+json", str_from(json_canonical_text(rq->arena, keys)), NULL);
}

int provider_keys_get(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, keys_work);
}

/* --- tokens --- */

struct exchanging {
	struct client client;
	struct grant grant;
	const char *code, *token;
	bool open;
};

static bool verifier_fits(struct arena *a, const struct grant *g, const char *verifier)
{
	uint8_t hash[HASH_SIZE];
	struct buf b;
	size_t n = verifier ? strlen(verifier) : 0;
	struct str text = str_from(verifier);
	if (n < 43 || n > 128)
		return false;
	hash_sha256(&text, 1, hash);
	buf_init(&b, a);
	buf_base64url(&b, hash, sizeof(hash));
	return text_eq(b.p, json_text(g->data, "code_challenge"));
}

/* The code is used up whether the rest fits or not. */
static int open_write(struct db *db, void *arg, struct err *err)
{
	struct request *rq = arg;
	struct exchanging *x = rq_data(rq);
	char hash[TOKEN_HASH_SIZE];
	x->open = false;
	int rc = grant_find(db, rq->arena, GRANT_OF_CODE, x->code, &x->grant, err);
	/* Another system's code: it is not taken away from its own. */
	if (rc <= 0 || !text_eq(x->grant.client, x->client.id))
		return rc < 0 ? rc : 0;
	bool fits =
	    x->grant.until_us > rq->now_us &&
	    text_eq(rq_form(rq, "redirect_uri"), json_text(x->grant.data, "redirect_uri")) &&
	    verifier_fits(rq->arena, &x->grant, rq_form(rq, "code_verifier"));
	if (!fits || !text_eq(x->grant.state, "code"))
		return grant_end(db, x->grant.id, "revoked", err);
	x->token = random_token(rq->arena, 32);
	token_hash(x->token, hash);
	int64_t n = db_run(db, err, OIDC(GRANT_USE), "iti", x->grant.id, hash,
	    rq->now_us + ACCESS_SECONDS * SECOND);
	x->open = n > 0;
	return n < 0 ? (int)n : n > 0 ? 0 : grant_end(db, x->grant.id, "revoked", err);
}

static int id_token_of(struct request *rq, const struct exchanging *x, char **out, struct err *err)
{
	struct arena *a = rq->arena;
	json_t *key, *data = x->grant.data;
	char *sub;
	int64_t now = rq->now_us / SECOND;
	int rc = key_to_sign(rq->city->store, a, KEYS_PROVIDER, x->client.alg, &key, err);
	if (rc == 0)
		rc = client_subject(rq->city->store, a, &x->client, x->grant.account, &sub, err);
	if (rc < 0)
		return rc;
	json_t *claims = json_on_arena(
	    a, json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s*, s:s*, s:s*, s:O*, s:O*}", "iss",
	           rq->city->base_url, "sub", sub, "aud", x->client.id, "iat", (json_int_t)now,
	           "exp", (json_int_t)(now + ID_TOKEN_SECONDS), "at_hash",
	           jose_half_hash(a, x->client.alg, x->token), "nonce", json_text(data, "nonce"),
	           "acr", json_text(data, "acr"), "sid", json_text(data, "sid"), "amr",
	           json_object_get(data, "amr"), "auth_time", json_object_get(data, "auth_time")));
	return jwt_sign(a, key, claims, "JWT", out, err);
}

static int token_work(struct request *rq, struct err *err)
{
	struct exchanging *x = rq_data(rq);
	char *id_token;
	int rc = client_prove(rq, &x->client, err);
	if (rc <= 0)
		return rc < 0 ? rc : token_error(rq, 401, "invalid_client");
	const char *type = rq_form(rq, "grant_type");
	if (!text_eq(type, "authorization_code"))
		return token_error(rq, 400, type ? "unsupported_grant_type" : "invalid_request");
	x->code = rq_form(rq, "code");
	if (!x->code)
		return token_error(rq, 400, "invalid_request");
	rc = store_write(rq->city->store, open_write, rq, err);
	if (rc < 0)
		return rc;
	if (!x->open)
		return token_error(rq, 400, "invalid_grant");
	rc = id_token_of(rq, x, &id_token, err);
	if (rc < 0)
		return rc;
	return send_json_text(
	    rq, json_on_arena(
	            rq->arena, json_pack("{s:s, s:s, s:i, s:s, s:s}", "access_token", x->token,
	                           "token_type", "Bearer", "expires_in", ACCESS_SECONDS, "id_token",
	                           id_token, "scope", json_text(x->grant.data, "scopes"))));
}

int token_post(struct request *rq, struct err *err)
{
	(void)err;
	rq_set_data(rq, arena_new_of(rq->arena, struct exchanging));
	return rq_defer(rq, token_work);
}

/* --- userinfo --- */

static int staff_role_names(struct db *db, int64_t staff, json_t *out, struct err *err)
{
	uint64_t bits;
	int rc = staff_roles(db, staff, &bits, err);
	const struct role_set *set = roles_of(db);
	for (int i = 0; rc == 0 && i < set->n; i++)
		if (bits >> i & 1)
			json_array_append_new(out, json_string(set->list[i].name));
	return rc;
}

static int add_staff(
    struct request *rq, struct db *db, const struct account *account, json_t *out, struct err *err)
{
	json_t *posts = json_array(), *held = json_array(), *departments = json_array(), *post;
	size_t i;
	json_object_set_new(out, "posts", posts);
	json_object_set_new(out, "departments", departments);
	json_object_set_new(out, "roles", held);
	json_t *rows = json_on_arena(rq->arena, posts_view(rq, db, account->staff, true, err));
	json_array_foreach(rows, i, post)
	{
		json_t *name = json_object_get(post, "department");
		json_array_append(departments, name);
		json_array_append_new(posts,
		    json_pack("{s:O, s:O, s:O}", "department", name, "rank",
		        json_object_get(post, "rank"), "acting", json_object_get(post, "acting")));
	}
	return staff_role_names(db, account->staff, held, err);
}

static int add_profile(
    struct request *rq, struct db *db, const struct account *account, json_t *out, struct err *err)
{
	json_t *profile = NULL;
	json_object_set_new(out, "name", json_string(account->name));
	json_object_set_new(out, "locale", json_string(account->lang));
	if (account_is_staff(account)) {
		json_object_set_new(out, "preferred_username", json_string(account->login));
		return 0;
	}
	int rc = person_profile(db, rq->arena, account->person, &profile, err);
	const char *family = json_path_text(profile, "name.family"),
	           *given = json_path_text(profile, "name.given");
	if (family)
		json_object_set_new(out, "family_name", json_string(family));
	if (given)
		json_object_set_new(out, "given_name", json_string(given));
	return rc;
}

static int userinfo_view(
    struct request *rq, struct db *db, const struct grant *g, json_t *out, struct err *err)
{
	struct account account;
	struct client c;
	char *sub;
	const char *scopes = json_text_or(g->data, "scopes", "");
	int rc = account_get(db, rq->arena, g->account, &account, err);
	if (rc > 0 && account_is_active(&account))
		rc = client_find(rq, db, g->client, &c, err);
	else if (rc > 0)
		rc = 0;
	int live = rc > 0 ? session_is_live(db, g->session, rq->now_us, err) : rc;
	if (live <= 0)
		return live;
	rc = client_subject(rq->city->store, rq->arena, &c, account.id, &sub, err);
	if (rc == 0)
		json_object_set_new(out, "sub", json_string(sub));
	if (rc == 0 && scope_has(scopes, "profile"))
		rc = add_profile(rq, db, &account, out, err);
	if (rc == 0 && scope_has(scopes, "email") && account.mail) {
		json_object_set_new(out, "email", json_string(account.mail));
		/* A resident's was confirmed by a link; a staff member's was entered. */
		json_object_set_new(
		    out, "email_verified", json_boolean(!account_is_staff(&account)));
	}
	if (rc == 0 && scope_has(scopes, "staff") && account_is_staff(&account))
		rc = add_staff(rq, db, &account, out, err);
	return rc < 0 ? rc : 1;
}

int userinfo_get(struct request *rq, struct err *err)
{
	const char *header = rq_header(rq, "Authorization");
	struct db *db = rq_db(rq, err);
	struct grant g;
	json_t *out = json_on_arena(rq->arena, json_object());
	bool bearer = header && strncasecmp(header, "Bearer ", 7) == 0;
	int rc = !db      ? -(int)err->kind
	         : bearer ? grant_find(db, rq->arena, GRANT_OF_TOKEN, header + 7, &g, err)
	                  : 0;
	if (rc > 0)
		rc = text_eq(g.state, "open") && g.until_us > rq->now_us;
	if (rc > 0)
		rc = userinfo_view(rq, db, &g, out, err);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		rq->status = 401;
		rq_set_header(
		    rq, "WWW-Authenticate", bearer ? "Bearer error=\"invalid_token\"" : "Bearer");
		return send_json_text(
		    rq, json_on_arena(rq->arena, json_pack("{s:s}", "error", "invalid_token")));
	}
	return send_json_text(rq, out);
}

/* --- signing out, begun by a system (OpenID Connect RP-Initiated Logout 1.0) --- */

struct leaving {
	struct client client;
	bool known;
	const char *to, *state;
};

static const char *given(struct request *rq, const char *name)
{
	const char *form = rq->method == HTTP_POST ? rq_form(rq, name) : NULL;
	return form ? form : rq_query(rq, name);
}

/* The system is known by its name, or by the token that we gave it. Where it leads afterwards is
 * an address that it registered, or nowhere. */
static int leaving_of(struct request *rq, struct db *db, struct leaving *l, struct err *err)
{
	const char *id = given(rq, "client_id"), *hint = given(rq, "id_token_hint"),
	           *to = given(rq, "post_logout_redirect_uri");
	json_t *claims;
	if (!id && hint && jwt_peek(rq->arena, hint, &claims, NULL) == 0)
		id = json_text(claims, "aud");
	int rc = id ? client_find(rq, db, id, &l->client, err) : 0;
	l->known = rc > 0;
	l->to = l->known && to && uri_is_one_of(to, l->client.after_logout) ? to : NULL;
	l->state = given(rq, "state");
	return rc < 0 ? rc : 0;
}

static int leave(struct request *rq, const struct leaving *l)
{
	struct buf url;
	if (!l->to)
		return rq_redirect(rq, "/");
	buf_init(&url, rq->arena);
	buf_puts(&url, l->to);
	if (l->state) {
		buf_printf(&url, "%cstate=", strchr(l->to, '?') ? '&' : '?');
		buf_url(&url, str_from(l->state));
	}
	return rq_leave(rq, url.p);
}

int end_session_get(struct request *rq, struct err *err)
{
	struct leaving l = {0};
	static const char *const along[] = {"client_id", "post_logout_redirect_uri", "state"};
	struct db *db = rq_db(rq, err);
	int rc = db ? leaving_of(rq, db, &l, err) : -(int)err->kind;
	if (rc < 0)
		return rc;
	if (rq->actor.kind == ACTOR_ANONYMOUS)
		return leave(rq, &l);
	page_secret(rq);
	page_title(rq, "identity.logout.title");
	json_t *form = page_form(rq, "/oidc/logout", "identity.logout.button");
	for (size_t i = 0; i < COUNT(along); i++) {
		const char *value = i == 0 && l.known ? l.client.id : given(rq, along[i]);
		if (value)
			form_hidden(form, along[i], value);
	}
	if (l.known)
		json_object_set_new(
		    rq->view, "client", json_string(client_label(&l.client, rq->lang)));
	if (l.to)
		rq_form_leads_to(rq, l.to);
	return 0;
}

static int end_session_write(struct request *rq, struct db *db, struct err *err)
{
	struct leaving l = {0};
	int rc = leaving_of(rq, db, &l, err);
	if (rc == 0 && rq->actor.kind != ACTOR_ANONYMOUS)
		rc = session_end(rq, db, err);
	/* The systems are told now, not when it is noticed. */
	if (rc == 0)
		rc = job_add(db, "oidc.watch", NULL, 0, "oidc.watch", err);
	return rc < 0 ? rc : leave(rq, &l);
}

int end_session_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, end_session_write);
}
