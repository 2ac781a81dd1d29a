/* What an ID token must say (OpenID Connect Core §3.1.3.7, Back-Channel Logout §2.6). */
#ifndef OIDC_ID_TOKEN_H
#define OIDC_ID_TOKEN_H

#include "oidc/jose.h"

enum { TOKEN_SKEW_S = 60, ID_TOKEN_AGE_S = 600, SUBJECT_MAX = 255 };

struct id_token_want {
	const char *issuer, *client;
	const char *nonce;        /* the one that was sent */
	const char *access_token; /* what came with it, for at_hash; NULL: none */
	enum jose_alg alg;        /* the token was signed with */
	int64_t now_us;
	int64_t max_age_s; /* how long ago the person may have signed in there; <0: was not asked */
};

/* 0, or ERR_AUTH with the claim that is wrong in the detail. The signature was verified before. */
int id_token_check(
    struct arena *, const json_t *claims, const struct id_token_want *, struct err *);
/* Is this audience the only one? aud: a text, or a list; azp: as the token has it, or NULL. */
bool audience_is(const json_t *claims, const char *client);
/* Do iat, nbf and exp hold now? Tokens older than max_s are refused as well. */
int token_times_check(const json_t *claims, int64_t now_us, int64_t max_s, struct err *);

#endif
