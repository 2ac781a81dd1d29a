/* The module's table. */
#include "base/time.h"
#include "oidc/private.h"
#include "oidc/provider.h"
#include "oidc/with.h"

static const struct input next_query[] = {{"next", "string", false, 500}, {NULL, NULL, false, 0}};
static const struct input callback_query[] = {{"state", "string", false, 255},
    {"code", "string", false, 4000}, {"iss", "string", false, 1000},
    {"error", "string", false, 100}, {"error_description", "string", false, 2000},
    {"session_state", "string", false, 500}, {NULL, NULL, false, 0}};
static const struct input password_input[] = {
    {"password", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input remove_inputs[] = {
    {"identity", "integer", false, 20}, {"password", "string", false, 0}, {NULL, NULL, false, 0}};

static const struct input authorize_query[] = {{"client_id", "string", false, 60},
    {"redirect_uri", "string", false, 1000}, {"response_type", "string", false, 100},
    {"scope", "string", false, 500}, {"state", "string", false, 1000},
    {"nonce", "string", false, 500}, {"code_challenge", "string", false, 128},
    {"code_challenge_method", "string", false, 20}, {"prompt", "string", false, 60},
    {"max_age", "string", false, 12}, {"acr_values", "string", false, 200},
    {"response_mode", "string", false, 40}, {"login_hint", "string", false, 254},
    {"ui_locales", "string", false, 100}, {NULL, NULL, false, 0}};
static const struct input do_input[] = {{"do", "string", false, 10}, {NULL, NULL, false, 0}};
static const struct input client_input[] = {
    {"client", "string", false, 60}, {NULL, NULL, false, 0}};
static const struct input token_inputs[] = {{"grant_type", "string", false, 100},
    {"code", "string", false, 200}, {"redirect_uri", "string", false, 1000},
    {"code_verifier", "string", false, 200}, {"client_id", "string", false, 100},
    {"client_secret", "string", false, 200}, {"client_assertion_type", "string", false, 100},
    {"client_assertion", "string", false, JOSE_TOKEN_MAX}, {NULL, NULL, false, 0}};
static const struct input end_inputs[] = {{"client_id", "string", false, 60},
    {"id_token_hint", "string", false, JOSE_TOKEN_MAX},
    {"post_logout_redirect_uri", "string", false, 1000}, {"state", "string", false, 1000},
    {NULL, NULL, false, 0}};
static const struct input system_inputs[] = {{"id", "string", false, 60},
    {"label_ja", "string", false, 60}, {"label_en", "string", false, 80},
    {"redirect-uris", "string", false, 4000}, {"after-logout", "string", false, 4000},
    {"back-channel-logout", "string", false, 1000}, {"keys", "string", false, 20000},
    {"for", "string", false, 20}, {"scopes", "string", false, 20}, {"subject", "string", false, 20},
    {"algorithm", "string", false, 20}, {"more", "string", false, 40}, {"do", "string", false, 10},
    {NULL, NULL, false, 0}};

#define MANAGE .perm = "identity.manage"

static const struct route routes[] = {
    {HTTP_GET, "/login/with", with_found, .perm = "public", .template = "oidc/found",
        .inputs = next_query,
        .summary = "An identity at a provider that no account has yet: sign in or register."},
    {HTTP_GET, "/login/with/keys.json", with_keys, .perm = "public",
        .summary = "Public keys by which providers know this city (JWK set).",
        .flags = ROUTE_RAW | ROUTE_NO_CSRF},
    {HTTP_GET, "/login/with/{provider}", with_get, .perm = "public", .template = "oidc/problem",
        .inputs = next_query, .summary = "Leads to a provider to sign in there.",
        .rate = RATE_LOGIN},
    {HTTP_GET, "/login/with/{provider}/callback", with_callback, .perm = "public",
        .template = "oidc/problem", .inputs = callback_query,
        .summary = "Where a provider leads back to (OpenID Connect).", .rate = RATE_LOGIN},
    {HTTP_GET, "/login/with/{provider}/logout", with_logout_get, .perm = "public",
        .template = "oidc/logout", .summary = "Asks whether to sign out here and there."},
    {HTTP_POST, "/login/with/{provider}/logout", with_logout_post, .perm = "public",
        .template = "oidc/logout", .summary = "Signs out here, and leads there to sign out."},
    {HTTP_GET, "/account/providers", identities_get, .perm = "signed-in",
        .template = "oidc/providers",
        .summary = "The identities at providers that one signs in with."},
    {HTTP_POST, "/account/providers", identities_post, .perm = "signed-in",
        .template = "oidc/providers", .inputs = remove_inputs, .summary = "Removes an identity.",
        .rate = RATE_WRITE},
    {HTTP_GET, LINK_PAGE, link_get, .perm = "signed-in", .template = "oidc/link",
        .summary = "Asks whether the identity at a provider is one's own."},
    {HTTP_POST, LINK_PAGE, link_post, .perm = "signed-in", .template = "oidc/link",
        .inputs = password_input, .summary = "Links an identity at a provider to the account.",
        .rate = RATE_WRITE},

    {HTTP_GET, "/.well-known/openid-configuration", discovery_get, .perm = "public",
        .summary = "machi as provider: its configuration (OpenID Connect Discovery).",
        .flags = ROUTE_RAW},
    {HTTP_GET, "/oidc/keys.json", provider_keys_get, .perm = "public",
        .summary = "Public keys that ID tokens are signed with (JWK set).", .flags = ROUTE_RAW},
    {HTTP_GET, "/oidc/authorize", authorize_get, .perm = "public", .template = "oidc/refused",
        .inputs = authorize_query,
        .summary = "Signs somebody in at another system (OpenID Connect)."},
    {HTTP_GET, "/oidc/go/{token}", go_get, .perm = "public", .template = "oidc/consent",
        .summary = "Asks whether another system may sign one in.", .flags = ROUTE_HIDDEN},
    {HTTP_POST, "/oidc/go/{token}", go_post, .perm = "public", .template = "oidc/consent",
        .inputs = do_input, .summary = "Allows another system to sign one in, or not.",
        .rate = RATE_WRITE, .flags = ROUTE_HIDDEN},
    {HTTP_POST, "/oidc/token", token_post, .perm = "public", .inputs = token_inputs,
        .summary = "Tokens for a code (RFC 6749).", .rate = RATE_WRITE,
        .flags = ROUTE_RAW | ROUTE_NO_CSRF | ROUTE_OWN_AUTH},
    {HTTP_GET, "/oidc/userinfo", userinfo_get, .perm = "public",
        .summary = "What a system may learn of the person who signed in.",
        .flags = ROUTE_RAW | ROUTE_OWN_AUTH},
    {HTTP_POST, "/oidc/userinfo", userinfo_get, .perm = "public",
        .summary = "The same, asked with POST.",
        .flags = ROUTE_RAW | ROUTE_NO_CSRF | ROUTE_OWN_AUTH},
    {HTTP_GET, "/oidc/logout", end_session_get, .perm = "public", .template = "oidc/end",
        .inputs = end_inputs, .summary = "Asks whether to sign out, for another system."},
    {HTTP_POST, "/oidc/logout", end_session_post, .perm = "public", .template = "oidc/end",
        .inputs = end_inputs, .summary = "Signs out and leads back to the other system."},
    {HTTP_GET, "/account/consents", consents_get, .perm = "signed-in", .template = "oidc/consents",
        .summary = "The systems that one allowed to sign one in."},
    {HTTP_POST, "/account/consents", consents_post, .perm = "signed-in",
        .template = "oidc/consents", .inputs = client_input, .summary = "Takes a consent back.",
        .rate = RATE_WRITE},
    {HTTP_GET, "/staff/systems", clients_get, MANAGE, .template = "oidc/clients",
        .summary = "Systems that sign people in through machi."},
    {HTTP_GET, "/staff/systems/new", client_new, MANAGE, .template = "oidc/client",
        .summary = "Form to register a system."},
    {HTTP_POST, "/staff/systems/new", client_new, MANAGE, .template = "oidc/client",
        .inputs = system_inputs, .summary = "Registers a system.", .rate = RATE_WRITE},
    {HTTP_GET, "/staff/systems/{id}", client_edit, MANAGE, .template = "oidc/client",
        .summary = "Form to change a system."},
    {HTTP_POST, "/staff/systems/{id}", client_edit, MANAGE, .template = "oidc/client",
        .inputs = system_inputs,
        .summary = "Changes or removes a system, or makes its secret anew.", .rate = RATE_WRITE},
};

static const struct menu_item menu[] = {
    {"oidc.clients.title", "/staff/systems", "identity.manage", "admin", 14},
};

static int tidy_write(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	const int64_t day = INT64_C(24) * 3600 * 1000000;
	int rc = db_later(db, err, OIDC(GRANT_EXPIRE), "i", now_us() - 7 * day);
	return rc < 0 ? rc : job_add(db, "oidc.tidy", NULL, now_us() + day, "oidc.tidy", err);
}

static int plan(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return job_add(db, "oidc.tidy", NULL, 0, "oidc.tidy", err);
}

static int opened(struct city *city, struct err *err)
{
	int rc = config_open(city, err);
	return rc < 0 ? rc : store_write(city->store, plan, NULL, err);
}

static int oidc_tidy(
    struct store *st, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)context;
	(void)payload;
	int rc = keys_tidy(st, a, err);
	return rc < 0 ? rc : store_write(st, tidy_write, NULL, err);
}

static const struct job_kind jobs[] = {
    {.name = "oidc.tidy", .max_tries = 5, .run = oidc_tidy},
    {.name = "oidc.watch", .max_tries = 100, .run = watch_job},
    {.name = "oidc.tell", .run = tell_job},
};

static const struct protects *const protects[] = {&oidc_key_protects, &oidc_subject_protects};

const struct module oidc_module = {
    .name = "oidc",
    .slot = OIDC_SLOT,
    .migrations = true,
    .routes = routes,
    .nroutes = COUNT(routes),
    .menu = menu,
    .nmenu = COUNT(menu),
    .jobs = jobs,
    .njobs = COUNT(jobs),
    .statements = oidc_statements,
    .nstatements = OIDC_SQL_COUNT,
    .protects = protects,
    .nprotects = COUNT(protects),
    .city_open = opened,
    .city_reload = config_open,
    .city_close = config_close,
};
