/* Kinds of providers as data. */
#include "oidc/config.h"

static const struct profile profiles[] = {
    {
        .name = "generic",
        .scopes = "openid",
        .auth = AUTH_PRIVATE_KEY,
        .algs = JOSE_ANY,
        .level = 1,
    },
    {
        /* デジタル認証アプリ: reads the user authentication certificate of the My Number Card
         * with its PIN, and the four items from the chip. No email, no profile. */
        .name = "digital-auth",
        .scopes = "openid name address birthdate gender",
        .acr_values = "aal3 crl",
        .auth = AUTH_PRIVATE_KEY,
        .algs = JOSE_BIT(JOSE_ES256),
        .acr = {{"aal3", 3}, {"aal2", 2}},
        .level = 1,
        .userinfo = true,
        .proof = 3,
    },
    {
        /* GビズID: a representative or a member of a corporation; the password and a second
         * factor. */
        .name = "gbizid",
        .scopes = "openid",
        .auth = AUTH_BASIC,
        .algs = JOSE_BIT(JOSE_RS256) | JOSE_BIT(JOSE_ES256),
        .acr = {{"aal3", 3}, {"aal2", 2}},
        .level = 1,
        .userinfo = true,
        .proof = 2,
        .delegations = true,
    },
};

const struct profile *profile_find(const char *name)
{
	for (size_t i = 0; i < COUNT(profiles); i++)
		if (text_eq(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

int provider_level(const struct provider *p, const char *acr)
{
	int64_t said = acr ? json_i64(p->acr, acr, 0) : 0;
	for (size_t i = 0; acr && !said && i < ACR_MAX && p->profile->acr[i].acr; i++)
		if (text_eq(p->profile->acr[i].acr, acr))
			said = p->profile->acr[i].level;
	return said ? (int)said : p->profile->level;
}
