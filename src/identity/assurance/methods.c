/* The ways to sign in: one table for the sign-in page, the account's page and step-up. */
#include "base/time.h"
#include "identity/card/card.h"
#include "identity/passkey/passkey.h"
#include "oidc/oidc.h"

static int password_state(struct request *rq, struct db *db, const struct account *account,
    const char **text, struct err *err)
{
	(void)db;
	(void)err;
	if (account->hash)
		*text =
		    arena_printf(rq->arena, "%s%s", rq_tr(rq, "identity.account.password_since"),
		        instant_text(rq->arena, account->password_us, rq->lang));
	return account->hash != NULL;
}

static int totp_state(struct request *rq, struct db *db, const struct account *account,
    const char **text, struct err *err)
{
	(void)rq;
	(void)db;
	(void)text;
	(void)err;
	return account->totp != NULL;
}

const struct sign_in_method sign_in_methods[] = {
    {.name = "password", .level = 1, .manage = "/account/password", .state = password_state},
    {.name = "passkey",
        .level = 2,
        .sign_in = "/login/passkey",
        .raise = "/account/assurance/passkey",
        .manage = "/account/passkeys",
        .offered = passkey_offered,
        .state = passkey_state},
    {.name = "totp",
        .level = 2,
        .raise = "/account/assurance/totp",
        .manage = "/account/totp",
        .state = totp_state},
    {.name = "card",
        .level = 3,
        .sign_in = "/login/card",
        .raise = "/login/card",
        .manage = "/account/card",
        .offered = card_offered,
        .state = card_state},
    {.name = "signature", .proof = 3, .raise = "/account/assurance/card", .offered = card_signs},
    {.name = "oidc",
        .level = 3,
        .proof = 3,
        .sign_in = "/login/with",
        .raise = "/login/with",
        .manage = "/account/providers",
        .offered = oidc_offered,
        .state = oidc_state,
        .entries = oidc_entries},
};
const int nsign_in_methods = COUNT(sign_in_methods);

const struct sign_in_method *sign_in_method_find(const char *name)
{
	for (int i = 0; i < nsign_in_methods; i++)
		if (text_eq(sign_in_methods[i].name, name))
			return &sign_in_methods[i];
	return NULL;
}

const char *method_text(struct request *rq, const char *name)
{
	return rq_tr(rq, arena_printf(rq->arena, "identity.method.%s", name));
}

void way_add(struct request *rq, json_t *ways, const char *name, const char *label,
    const char *help, const char *page, const char *next)
{
	json_array_append_new(ways, json_pack("{s:s, s:s, s:s, s:s}", "name", name, "label", label,
	                                "help", help, "href", next_along(rq->arena, page, next)));
}

void way_entries(struct request *rq, const struct sign_in_method *m, const char *page,
    const char *next, json_t *ways)
{
	if (m->entries)
		m->entries(rq, m, page, next, ways);
	else
		way_add(rq, ways, m->name, method_text(rq, m->name),
		    rq_tr(rq, arena_printf(rq->arena, "identity.method.%s_help", m->name)), page,
		    next);
}

bool method_offered(const struct request *rq, const struct sign_in_method *m)
{
	return !m->offered || m->offered(rq->city);
}

json_t *ways_to_sign_in(struct request *rq, const char *next)
{
	json_t *ways = json_array();
	for (int i = 0; i < nsign_in_methods; i++) {
		const struct sign_in_method *m = &sign_in_methods[i];
		if (m->sign_in && method_offered(rq, m))
			way_entries(rq, m, m->sign_in, next, ways);
	}
	return ways;
}

int account_ways(
    struct request *rq, struct db *db, const struct account *account, json_t *rows, struct err *err)
{
	for (int i = 0; i < nsign_in_methods; i++) {
		const struct sign_in_method *m = &sign_in_methods[i];
		const char *text = NULL;
		if (!m->state || !m->manage || !method_offered(rq, m))
			continue;
		int has = m->state(rq, db, account, &text, err);
		if (has < 0)
			return has;
		if (!text)
			text = rq_tr(rq, has ? "identity.method.is_on" : "identity.method.is_off");
		json_array_append_new(rows,
		    json_pack("{s:s, s:s, s:s, s:s, s:b}", "name", m->name, "label",
		        method_text(rq, m->name), "text", text, "href", m->manage, "on", has));
	}
	return 0;
}
