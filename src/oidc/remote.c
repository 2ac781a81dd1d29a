#include "oidc/remote.h"

#include <stdlib.h>

#include "base/fetch.h"
#include "base/secret.h"
#include "base/time.h"
#include "oidc/id_token.h"
#include "oidc/private.h"

static const int64_t SECOND = 1000000;
enum { KEPT_S = 3600, PAUSE_S = 10, WINDOW_S = 60, WINDOW_FETCHES = 3, ASSERTION_S = 60 };

/* --- what a provider says of itself --- */

static const char *address_in(
    const json_t *doc, const char *key, bool private_addresses, struct arena *a)
{
	const char *url = json_text(doc, key);
	return url && url_is_plain(url, private_addresses) ? arena_strdup(a, url) : NULL;
}

int metadata_parse(struct arena *a, struct str text, const char *issuer, bool private_addresses,
    struct metadata *m, struct err *err)
{
	json_t *doc = json_on_arena(a, json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL));
	if (!json_is_object(doc))
		return err_set(err, ERR_INPUT, NULL, "%s: its configuration is no JSON", issuer);
	if (!text_eq(json_text(doc, "issuer"), issuer))
		return err_set(err, ERR_INPUT, NULL, "%s: its configuration is another's", issuer);
	*m = (struct metadata){
	    .issuer = issuer,
	    .authorization = address_in(doc, "authorization_endpoint", private_addresses, a),
	    .token = address_in(doc, "token_endpoint", private_addresses, a),
	    .userinfo = address_in(doc, "userinfo_endpoint", private_addresses, a),
	    .jwks = address_in(doc, "jwks_uri", private_addresses, a),
	    .end_session = address_in(doc, "end_session_endpoint", private_addresses, a),
	    .delegation = address_in(doc, "delegation_endpoint", private_addresses, a),
	    .names_itself = json_on(doc, "authorization_response_iss_parameter_supported"),
	};
	if (!m->authorization || !m->token || !m->jwks)
		return err_set(err, ERR_INPUT, NULL,
		    "%s: its configuration lacks an address, or one is not https", issuer);
	return 0;
}

static int get(const struct provider *p, struct arena *a, const char *url, const char *bearer,
    struct str *body, struct err *err)
{
	struct fetch f = {
	    .url = url, .ca = p->ca, .private_addresses = p->private_addresses, .bearer = bearer};
	struct fetch_answer answer;
	int rc = fetch(a, &f, &answer, err);
	if (rc == 0 && answer.status != 200)
		rc = err_set(err, ERR_IO, NULL, "%s: answer %d", url, answer.status);
	*body = answer.body;
	return rc;
}

/* Keeps what url gives in *slot; the caller holds the lock. A text is taken when check says so. */
static int refresh(const struct provider *p, struct arena *a, const char *url, char **slot,
    int64_t *at_us, struct err *err)
{
	struct remote *r = p->remote;
	struct str body;
	int64_t now = monotonic_us();
	if (r->failed_us && now - r->failed_us < PAUSE_S * SECOND)
		return err_set(err, ERR_IO, NULL, "%s: did not answer a moment ago", p->issuer);
	int rc = get(p, a, url, NULL, &body, err);
	if (rc < 0) {
		r->failed_us = now;
		return rc;
	}
	char *copy = strndup(body.p ? body.p : "", body.n);
	if (!copy)
		abort();
	free(*slot);
	*slot = copy;
	*at_us = now;
	r->failed_us = 0;
	return 0;
}

static int fixed(const struct provider *p, struct metadata *m)
{
	*m = (struct metadata){.issuer = p->issuer,
	    .authorization = json_text(p->endpoints, "authorization"),
	    .token = json_text(p->endpoints, "token"),
	    .userinfo = json_text(p->endpoints, "userinfo"),
	    .jwks = json_text(p->endpoints, "jwks"),
	    .end_session = json_text(p->endpoints, "end-session"),
	    .delegation = json_text(p->endpoints, "delegation")};
	return 0;
}

int provider_metadata(
    const struct provider *p, struct arena *a, struct metadata *m, struct err *err)
{
	struct remote *r = p->remote;
	if (p->endpoints)
		return fixed(p, m);
	size_t n = strlen(p->issuer);
	const char *url = arena_printf(a, "%.*s/.well-known/openid-configuration",
	    (int)(n && p->issuer[n - 1] == '/' ? n - 1 : n), p->issuer);
	(void)pthread_mutex_lock(&r->lock);
	int rc = 0;
	if (!r->metadata || monotonic_us() - r->metadata_us > KEPT_S * SECOND)
		rc = refresh(p, a, url, &r->metadata, &r->metadata_us, err);
	/* An old answer is better than none. */
	if (r->metadata)
		rc = metadata_parse(
		    a, str_from(r->metadata), p->issuer, p->private_addresses, m, err);
	if (r->metadata && rc < 0) {
		free(r->metadata);
		r->metadata = NULL;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return rc;
}

/* anew: a token names a key that is not among them. Whoever sends many of those makes us ask three
 * times a minute, no more. */
static int provider_keys(const struct provider *p, const struct metadata *m, struct arena *a,
    bool anew, struct jose_keys **out, struct err *err)
{
	struct remote *r = p->remote;
	(void)pthread_mutex_lock(&r->lock);
	int64_t now = monotonic_us();
	bool old = !r->keys || now - r->keys_us > KEPT_S * SECOND;
	if (anew && !old) {
		if (now - r->window_us > WINDOW_S * SECOND) {
			r->window_us = now;
			r->window_n = 0;
		}
		old = r->window_n < WINDOW_FETCHES;
		r->window_n += old;
	}
	int rc = old ? refresh(p, a, m->jwks, &r->keys, &r->keys_us, err) : 0;
	if (r->keys)
		rc = jose_keys_parse(a, str_from(r->keys), out, err);
	(void)pthread_mutex_unlock(&r->lock);
	return rc;
}

/* --- code for tokens --- */

static void add(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s%s=", b->n ? "&" : "", name);
	buf_url(b, str_from(value));
}

/* private_key_jwt (OpenID Connect Core §9). */
static int add_assertion(struct city *city, const struct provider *p, const char *audience,
    struct arena *a, struct buf *body, struct err *err)
{
	json_t *key;
	char *assertion;
	int64_t now = now_us() / SECOND;
	int rc = key_to_sign(city->store, a, KEYS_CLIENT, p->assertion_alg, &key, err);
	if (rc < 0)
		return rc;
	json_t *claims =
	    json_on_arena(a, json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "iss", p->client, "sub",
	                         p->client, "aud", audience, "jti", random_token(a, 16), "iat",
	                         (json_int_t)now, "exp", (json_int_t)(now + ASSERTION_S)));
	rc = jwt_sign(a, key, claims, "JWT", &assertion, err);
	if (rc < 0)
		return rc;
	add(body, "client_id", p->client);
	add(body, "client_assertion_type",
	    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
	add(body, "client_assertion", assertion);
	return 0;
}

/* The provider's word for what is wrong, when it is one (RFC 6749 §5.2); for the log. */
static const char *word_of(const json_t *answer)
{
	const char *word = json_text(answer, "error");
	return word && strlen(word) < 60 &&
	               strspn(word, "abcdefghijklmnopqrstuvwxyz_") == strlen(word)
	           ? word
	           : "no reason";
}

static int ask_token(struct city *city, const struct provider *p, const struct metadata *m,
    struct arena *a, const struct exchange *x, json_t **out, struct err *err)
{
	struct buf body;
	buf_init(&body, a);
	add(&body, "grant_type", "authorization_code");
	add(&body, "code", x->code);
	add(&body, "redirect_uri", x->redirect_uri);
	add(&body, "code_verifier", x->verifier);
	struct fetch f = {.url = m->token, .ca = p->ca, .private_addresses = p->private_addresses};
	int rc = 0;
	if (p->auth == AUTH_PRIVATE_KEY) {
		rc = add_assertion(city, p, m->token, a, &body, err);
	} else if (p->auth == AUTH_POST) {
		add(&body, "client_id", p->client);
		add(&body, "client_secret", p->secret);
	} else {
		f.user = p->client;
		f.password = p->secret;
	}
	f.body = body.p;
	struct fetch_answer answer;
	rc = rc < 0 ? rc : fetch(a, &f, &answer, err);
	if (rc < 0)
		return rc;
	*out = json_on_arena(
	    a, json_loadb(answer.body.p, answer.body.n, JSON_REJECT_DUPLICATES, NULL));
	if (answer.status >= 500)
		return err_set(err, ERR_IO, NULL, "%s: answer %d", m->token, answer.status);
	if (answer.status != 200 || !json_is_object(*out))
		return err_set(err, ERR_AUTH, NULL, "%s: answer %d, %s", m->token, answer.status,
		    word_of(*out));
	return 0;
}

static int check_token(const struct provider *p, const struct metadata *m, struct arena *a,
    const char *token, const struct id_token_want *want, json_t **claims, struct err *err)
{
	struct jose_keys *keys;
	int rc = 0;
	for (int anew = 0; anew < 2 && rc == 0; anew++) {
		rc = provider_keys(p, m, a, anew, &keys, err);
		if (rc == 0)
			rc = jwt_verify(a, token, keys, p->algs, NULL, claims, err);
	}
	if (rc == 0)
		return err_set(err, ERR_AUTH, NULL, "%s: a token by a key it has not", p->issuer);
	return rc < 0 ? rc : id_token_check(a, *claims, want, err);
}

static int add_userinfo(const struct provider *p, const struct metadata *m, struct arena *a,
    const char *access, struct answer *out, struct err *err)
{
	struct str body;
	const char *name;
	json_t *v;
	int rc = get(p, a, m->userinfo, access, &body, err);
	if (rc < 0)
		return rc;
	json_t *info = json_on_arena(a, json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL));
	if (!text_eq(json_text(info, "sub"), out->subject))
		return err_set(err, ERR_AUTH, NULL, "%s: userinfo of somebody else", p->issuer);
	/* What the token said of the sign-in itself stays. */
	static const char *const own[] = {"iss", "aud", "acr", "amr", "auth_time", "nonce"};
	for (size_t i = 0; i < COUNT(own); i++)
		json_object_del(info, own[i]);
	json_object_foreach(info, name, v)
	{
		json_object_set(out->claims, name, v);
	}
	return 0;
}

/* What other companies have delegated to this account's. Without an answer nobody signs in: what
 * was taken back must not go on because it could not be asked. */
static int add_delegations(const struct provider *p, const struct metadata *m, struct arena *a,
    const char *access, struct answer *out, struct err *err)
{
	struct str body;
	int rc = get(p, a, m->delegation, access, &body, err);
	if (rc < 0)
		return rc;
	json_t *said = json_on_arena(a, json_loadb(body.p, body.n, JSON_REJECT_DUPLICATES, NULL));
	json_t *list = json_object_get(said, "delegations");
	if (!json_is_array(list) || !text_eq(json_text(said, "sub"), out->subject))
		return err_set(
		    err, ERR_AUTH, NULL, "%s: no delegations, or of somebody else", p->issuer);
	json_object_set(out->claims, "delegations", list);
	return 0;
}

int provider_exchange(struct city *city, const struct provider *p, struct arena *a,
    const struct exchange *x, struct answer *out, struct err *err)
{
	struct metadata m;
	json_t *tokens = NULL;
	int rc = provider_metadata(p, a, &m, err);
	if (rc == 0)
		rc = ask_token(city, p, &m, a, x, &tokens, err);
	if (rc < 0)
		return rc;
	const char *token = json_text(tokens, "id_token"),
	           *access = json_text(tokens, "access_token");
	if (!token)
		return err_set(err, ERR_AUTH, NULL, "%s: gave no ID token", p->issuer);
	int alg = jwt_alg(a, token);
	struct id_token_want want = {.issuer = p->issuer,
	    .client = p->client,
	    .nonce = x->nonce,
	    .access_token = access,
	    .alg = alg < 0 ? JOSE_RS256 : (enum jose_alg)alg,
	    .now_us = now_us(),
	    .max_age_s = x->max_age_s};
	json_t *claims;
	rc = check_token(p, &m, a, token, &want, &claims, err);
	if (rc < 0)
		return rc;
	*out = (struct answer){.subject = json_text(claims, "sub"),
	    .acr = json_text(claims, "acr"),
	    .claims = json_on_arena(a, json_deep_copy(claims))};
	if (p->profile->userinfo && m.userinfo && access)
		rc = add_userinfo(p, &m, a, access, out, err);
	if (rc == 0 && p->profile->delegations && m.delegation && access)
		rc = add_delegations(p, &m, a, access, out, err);
	return rc;
}
