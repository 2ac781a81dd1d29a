/* What is asked of a provider's servers; on worker threads only, since it waits. */
#ifndef OIDC_REMOTE_H
#define OIDC_REMOTE_H

#include "oidc/config.h"

struct metadata {
	const char *issuer, *authorization, *token, *userinfo, *jwks, *end_session,
	    *delegation;   /* the last three may be NULL */
	bool names_itself; /* its answers say who it is (RFC 9207), so one that does not is refused
	                    */
};

/* From a discovery document (OpenID Connect Discovery §4.2), which must be the issuer's own: its
 * strings on the arena. ERR_INPUT with what is wrong. */
int metadata_parse(struct arena *, struct str text, const char *issuer, bool private_addresses,
    struct metadata *, struct err *);

/* Kept for an hour; after a failure nothing is asked for ten seconds. ERR_IO, ERR_INPUT. */
int provider_metadata(const struct provider *, struct arena *, struct metadata *, struct err *);

/* What a finished sign-in there brought. */
struct answer {
	const char *subject, *acr;
	json_t *claims; /* of the ID token, and of userinfo before them; on the arena */
};
struct exchange {
	const char *code, *verifier, *nonce, *redirect_uri;
	int64_t max_age_s; /* <0: was not asked */
};
/* Code for tokens, tokens for claims, everything checked. ERR_IO: the provider could not be asked.
 * ERR_AUTH: it refused, or what it said cannot be believed. */
int provider_exchange(struct city *, const struct provider *, struct arena *,
    const struct exchange *, struct answer *, struct err *);

#endif
