/* Signing in through a provider: /login/with/{provider} leads there, .../callback comes back.
 *
 * 1. What is waited for (nonce, PKCE verifier, where it leads to) is a challenge in the store; its
 *    token is the `state`. It is taken before anything is asked of the provider, so that an answer
 *    counts once.
 * 2. The challenge names the browser (a cookie) and the provider: an answer that another browser
 *    brings, or that comes to another provider's address, is nobody's.
 * 3. Who it is says the table of identifiers by (iss, sub) alone. A mail address or a name that is
 *    the same links nothing: a person who is signed in links, on a page that says so. */
#include <string.h>

#include "base/log.h"
#include "identity/mandate/mandate.h"
#include "base/time.h"
#include "oidc/claims.h"
#include "oidc/private.h"
#include "oidc/remote.h"
#include "oidc/with.h"

static const char browser_cookie[] = "oidc";
static const char found_cookie[] = "oidc-found";

/* --- what can go wrong, for people --- */

static const struct {
	const char *title, *text;
	int status;
} outcomes[] = {
    [WITH_DOWN] = {"oidc.down.title", "oidc.down.text", 502},
    [WITH_REFUSED] = {"oidc.refused.title", "oidc.refused.text", 502},
    [WITH_STOPPED] = {"oidc.stopped.title", "oidc.stopped.text", 403},
    [WITH_FAILED] = {"oidc.failed.title", "oidc.failed.text", 502},
    [WITH_OLD] = {"oidc.old.title", "oidc.old.text", 400},
    [WITH_MIXED] = {"oidc.mixed.title", "oidc.mixed.text", 400},
    [WITH_LOW] = {"oidc.low.title", "oidc.low.text", 403},
    [WITH_OTHER] = {"oidc.other.title", "oidc.other.text", 409},
    [WITH_CLOSED] = {"oidc.closed.title", "oidc.closed.text", 403},
    [WITH_UNBOUND] = {"oidc.unbound.title", "oidc.unbound.text", 403},
};

int with_problem(
    struct request *rq, const struct provider *p, enum with_outcome o, const char *next)
{
	const char *label = provider_label(p, rq->lang);
	rq->template = "oidc/problem";
	rq->status = outcomes[o].status;
	page_title(rq, outcomes[o].title);
	json_object_set_new(rq->view, "problem", json_string(outcomes[o].text));
	json_object_set_new(rq->view, "text",
	    json_string(i18n_format(rq->city->i18n, rq->arena, rq->lang, outcomes[o].text,
	        json_on_arena(rq->arena, json_pack("{s:s}", "provider", label)))));
	json_object_set_new(rq->view, "again",
	    json_string(
	        next_along(rq->arena, arena_printf(rq->arena, "/login/with/%s", p->name), next)));
	json_object_set_new(rq->view, "others", json_string(next_along(rq->arena, "/login", next)));
	json_object_set_new(rq->view, "provider", json_string(label));
	json_object_set_new(rq->view, "signing_in", json_true());
	return 0;
}

static int with_failed(
    struct request *rq, const struct provider *p, const struct err *why, const char *next)
{
	bool io = why->kind == ERR_IO || why->kind == ERR_INPUT;
	if (!io && why->kind != ERR_AUTH)
		return -(int)why->kind;
	log_warn("oidc.provider", "%s: %s", p->name, why->detail);
	return with_problem(rq, p, io ? WITH_DOWN : WITH_REFUSED, next);
}

/* --- there --- */

static const char *callback_of(struct request *rq, const struct provider *p)
{
	return arena_printf(rq->arena, "%s/login/with/%s/callback", rq->city->base_url, p->name);
}

struct leaving {
	const struct provider *provider;
	struct metadata metadata;
	const char *next;
	bool again; /* a session is there: the person is asked anew, and not let through */
};

static const char *hashed(struct arena *a, const char *text)
{
	char *out = arena_alloc(a, TOKEN_HASH_SIZE);
	token_hash(text, out);
	return out;
}

static void add(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, "&%s=", name);
	buf_url(b, str_from(value));
}

/* Those worth more than a password, the best first. */
static const char *strong_acr(struct arena *a, const struct provider *p)
{
	struct buf b;
	const char *name;
	json_t *level;
	buf_init(&b, a);
	if (p->acr_values || !p->acr)
		return p->acr_values;
	for (int want = ASSURANCE_MAX; want > 1; want--) {
		json_object_foreach((json_t *)p->acr, name, level)
		{
			if (json_integer_value(level) == want)
				buf_printf(&b, "%s%s", b.n ? " " : "", name);
		}
	}
	return b.p;
}

static const char *browser_of(struct request *rq)
{
	const char *cookie = rq_cookie(rq, browser_cookie);
	return cookie && strlen(cookie) == 43 ? cookie : NULL; /* base64url of 32 bytes */
}

static int leave_write(struct request *rq, struct db *db, struct err *err)
{
	struct leaving *l = rq_data(rq);
	struct arena *a = rq->arena;
	const struct provider *p = l->provider;
	const char *browser = browser_of(rq), *nonce = random_token(a, 16),
	           *verifier = random_token(a, 32);
	uint8_t hash[HASH_SIZE];
	struct buf code, url;
	char *state;
	struct str text = str_from(verifier);
	if (!browser)
		browser = random_token(a, 32); /* kept by all tabs that begin meanwhile */
	hash_sha256(&text, 1, hash);
	buf_init(&code, a);
	buf_base64url(&code, hash, sizeof(hash));
	json_t *data =
	    json_on_arena(a, json_pack("{s:s, s:s, s:s, s:s, s:s*, s:b}", "provider", p->name,
	                         "nonce", nonce, "verifier", verifier, "browser",
	                         hashed(a, browser), "next", l->next, "again", (int)l->again));
	int rc = challenge_make(
	    db, a, "oidc", 0, json_canonical_text(a, data), WITH_SECONDS, &state, err);
	if (rc < 0)
		return rc;
	rq_set_cookie(rq, browser_cookie, browser, WITH_SECONDS);
	buf_init(&url, a);
	buf_printf(&url, "%s%cresponse_type=code", l->metadata.authorization,
	    strchr(l->metadata.authorization, '?') ? '&' : '?');
	add(&url, "client_id", p->client);
	add(&url, "scope", p->scopes);
	add(&url, "redirect_uri", callback_of(rq, p));
	add(&url, "state", state);
	add(&url, "nonce", nonce);
	add(&url, "code_challenge", code.p);
	add(&url, "code_challenge_method", "S256");
	add(&url, "acr_values", l->again ? strong_acr(a, p) : p->acr_values);
	add(&url, "ui_locales", rq->lang);
	if (l->again) {
		add(&url, "prompt", "login");
		add(&url, "max_age", "0");
	}
	return rq_leave(rq, url.p);
}

static int leave_work(struct request *rq, struct err *err)
{
	struct leaving *l = rq_data(rq);
	struct err why = {0};
	(void)err;
	if (provider_metadata(l->provider, rq->arena, &l->metadata, &why) < 0)
		return with_failed(rq, l->provider, &why, l->next);
	return rq_write(rq, leave_write);
}

static int provider_of(struct request *rq, const struct provider **p, struct err *err)
{
	*p = provider_find(rq->city, rq_param(rq, "provider"));
	return *p ? 0 : err_set(err, ERR_MISSING, NULL, "provider %s", rq_param(rq, "provider"));
}

int with_get(struct request *rq, struct err *err)
{
	struct leaving *l = arena_new_of(rq->arena, struct leaving);
	if (rq->actor.token)
		return err_set(err, ERR_DENIED, "identity.needs_session", "not with an API token");
	l->next = next_of(rq);
	l->again = rq->actor.kind != ACTOR_ANONYMOUS;
	rq_set_data(rq, l);
	int rc = provider_of(rq, &l->provider, err);
	return rc < 0 ? rc : rq_defer(rq, leave_work);
}

/* --- and back --- */

struct coming {
	const struct provider *provider;
	json_t *waited; /* what the challenge says */
	const char *next;
	struct answer answer;
	int level;
};

static int take_write(struct db *db, void *arg, struct err *err)
{
	struct request *rq = arg;
	struct coming *c = rq_data(rq);
	char *data = NULL;
	const char *state = rq_query(rq, "state");
	c->waited = NULL;
	int rc = state ? challenge_take(db, rq->arena, "oidc", state, NULL, &data, err) : 0;
	if (rc > 0)
		c->waited = json_on_arena(rq->arena, json_loads(data, 0, NULL));
	return rc < 0 ? rc : 0;
}

/* The answer is to what this browser asked of this provider. */
static bool is_ours(struct request *rq, const struct coming *c)
{
	const char *browser = browser_of(rq);
	return c->waited && browser &&
	       text_eq(json_text(c->waited, "browser"), hashed(rq->arena, browser)) &&
	       json_on(c->waited, "again") == (rq->actor.kind != ACTOR_ANONYMOUS);
}

/* RFC 9207: an answer that says it is another provider's, or that does not say whose it is where
 * this one does, was led to us by somebody in between. */
static bool is_theirs(struct request *rq, const struct coming *c, const struct metadata *m)
{
	const char *iss = rq_query(rq, "iss");
	return text_eq(json_text(c->waited, "provider"), c->provider->name) &&
	       (iss ? text_eq(iss, m->issuer) : !m->names_itself);
}

static int known_write(struct request *rq, struct db *db, const struct identifier *id,
    const json_t *read, struct err *err)
{
	struct coming *c = rq_data(rq);
	const struct provider *p = c->provider;
	struct sign_in_how how = {"oidc", c->level};
	struct account account;
	int rc = account_get(db, rq->arena, id->account, &account, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || !account_is_active(&account) ||
	    !(account_is_staff(&account) ? p->staff : p->residents))
		return with_problem(rq, p, WITH_CLOSED, c->next);
	if (rq->actor.kind != ACTOR_ANONYMOUS && rq->actor.account != account.id)
		return with_problem(rq, p, WITH_OTHER, c->next);
	if (rq->actor.kind == ACTOR_ANONYMOUS)
		rc = sign_in_finish(rq, db, &account, &how, NULL, err);
	else if (c->level <= 1)
		return with_problem(rq, p, WITH_LOW, c->next);
	else
		rc = session_raise(rq, db, &how, err);
	if (rc >= 0)
		rc = identifier_used(db, id->id, rq->now_us, err);
	if (rc >= 0)
		rc = with_proof(db, p, account_actor(rq->arena, &account), account.person,
		    c->answer.subject, read, err);
	if (rc >= 0 && p->profile->delegations && !account_is_staff(&account))
		rc = mandate_organisations(db, account_actor(rq->arena, &account), account.id,
		    json_object_get(read, "organisation"), err);
	return rc < 0 ? rc : rq_redirect(rq, "%s", c->next ? c->next : home_of(db, &account));
}

/* Nobody here has this identity yet: it is kept for the one who will say that it is theirs. */
static int unknown_write(struct request *rq, struct db *db, json_t *read, struct err *err)
{
	struct coming *c = rq_data(rq);
	char *token;
	json_object_set_new(read, "provider", json_string(c->provider->name));
	json_object_set_new(read, "subject", json_string(c->answer.subject));
	json_object_set_new(read, "level", json_integer(c->level));
	if (c->next)
		json_object_set_new(read, "next", json_string(c->next));
	int rc = challenge_make(db, rq->arena, "oidc-found", 0,
	    json_canonical_text(rq->arena, read), FOUND_SECONDS, &token, err);
	if (rc < 0)
		return rc;
	rq_set_cookie(rq, found_cookie, token, FOUND_SECONDS);
	return rq_redirect(rq, rq->actor.kind == ACTOR_ANONYMOUS ? "/login/with" : LINK_PAGE);
}

static int come_write(struct request *rq, struct db *db, struct err *err)
{
	struct coming *c = rq_data(rq);
	struct identifier id;
	json_t *read = claims_read(rq->arena, c->provider->profile, c->answer.claims);
	const char *account = json_path_text(read, "organisation.account");
	/* An account that nobody looked at: not for what binds a company. */
	if (text_eq(account, "entry"))
		return with_problem(rq, c->provider, WITH_UNBOUND, c->next);
	int rc = identifier_find(
	    db, rq->arena, "oidc", c->provider->issuer, c->answer.subject, &id, err);
	if (rc < 0)
		return rc;
	return rc > 0 ? known_write(rq, db, &id, read, err) : unknown_write(rq, db, read, err);
}

static int come_work(struct request *rq, struct err *err)
{
	struct coming *c = rq_data(rq);
	struct err why = {0};
	struct metadata m;
	const char *error = rq_query(rq, "error"), *code = rq_query(rq, "code");
	int rc = store_write(rq->city->store, take_write, rq, err);
	if (rc < 0)
		return rc;
	if (!is_ours(rq, c))
		return with_problem(rq, c->provider, WITH_OLD, NULL);
	c->next = json_text(c->waited, "next");
	if (provider_metadata(c->provider, rq->arena, &m, &why) < 0)
		return with_failed(rq, c->provider, &why, c->next);
	if (!is_theirs(rq, c, &m)) {
		log_warn("oidc.mixed", "%s: the answer is another provider's", c->provider->name);
		return with_problem(rq, c->provider, WITH_MIXED, c->next);
	}
	if (error)
		return with_problem(rq, c->provider,
		    text_eq(error, "access_denied") ? WITH_STOPPED : WITH_FAILED, c->next);
	if (!code)
		return with_problem(rq, c->provider, WITH_OLD, c->next);
	struct exchange x = {.code = code,
	    .verifier = json_text(c->waited, "verifier"),
	    .nonce = json_text(c->waited, "nonce"),
	    .redirect_uri = callback_of(rq, c->provider),
	    .max_age_s = json_on(c->waited, "again") ? 0 : -1};
	if (provider_exchange(rq->city, c->provider, rq->arena, &x, &c->answer, &why) < 0) {
		if (why.kind != ERR_AUTH && why.kind != ERR_IO && why.kind != ERR_INPUT)
			*err = why;
		return with_failed(rq, c->provider, &why, c->next);
	}
	c->level = provider_level(c->provider, c->answer.acr);
	return rq_write(rq, come_write);
}

int with_callback(struct request *rq, struct err *err)
{
	struct coming *c = arena_new_of(rq->arena, struct coming);
	rq_set_data(rq, c);
	page_secret(rq);
	int rc = provider_of(rq, &c->provider, err);
	return rc < 0 ? rc : rq_defer(rq, come_work);
}

/* --- our keys, for providers --- */

static int keys_work(struct request *rq, struct err *err)
{
	json_t *keys;
	int rc = keys_published(rq->city->store, rq->arena, KEYS_CLIENT, &keys, err);
	if (rc < 0)
		return rc;
	rq_set_header(rq, "Cache-Control", "public, max-age=3600");
	return rq_send(
	    rq, "application/jwk-set+json", str_from(json_canonical_text(rq->arena, keys)), NULL);
}

int with_keys(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, keys_work);
}

/* --- signing out there as well --- */

int with_logout_get(struct request *rq, struct err *err)
{
	const struct provider *p;
	int rc = provider_of(rq, &p, err);
	if (rc < 0)
		return rc;
	page_title(rq, "oidc.logout.title");
	json_object_set_new(rq->view, "provider", json_string(provider_label(p, rq->lang)));
	(void)page_form(
	    rq, arena_printf(rq->arena, "/login/with/%s/logout", p->name), "oidc.logout.button");
	rq_form_leads_to(rq, p->issuer);
	/* Where the address of its servers is another one than the issuer's. */
	if (p->endpoints && json_text(p->endpoints, "end-session"))
		rq_form_leads_to(rq, json_text(p->endpoints, "end-session"));
	return 0;
}

static int logout_write(struct request *rq, struct db *db, struct err *err)
{
	struct leaving *l = rq_data(rq);
	int rc = rq->actor.kind == ACTOR_ANONYMOUS ? 0 : session_end(rq, db, err);
	if (rc < 0)
		return rc;
	if (!l->metadata.end_session)
		return rq_redirect(rq, "/");
	struct buf url;
	buf_init(&url, rq->arena);
	buf_printf(&url, "%s%cclient_id=", l->metadata.end_session,
	    strchr(l->metadata.end_session, '?') ? '&' : '?');
	buf_url(&url, str_from(l->provider->client));
	add(&url, "post_logout_redirect_uri", arena_printf(rq->arena, "%s/", rq->city->base_url));
	return rq_leave(rq, url.p);
}

static int logout_work(struct request *rq, struct err *err)
{
	struct leaving *l = rq_data(rq);
	(void)err;
	/* Signing out here does not wait for whether they can be reached. */
	if (provider_metadata(l->provider, rq->arena, &l->metadata, NULL) < 0)
		l->metadata = (struct metadata){0};
	return rq_write(rq, logout_write);
}

int with_logout_post(struct request *rq, struct err *err)
{
	struct leaving *l = arena_new_of(rq->arena, struct leaving);
	rq_set_data(rq, l);
	int rc = provider_of(rq, &l->provider, err);
	return rc < 0 ? rc : rq_defer(rq, logout_work);
}
