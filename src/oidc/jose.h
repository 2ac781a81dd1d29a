/* Keys and signed tokens (RFC 7515, 7517, 7518, 7519), over cjose.
 *
 * 1. Who verifies says which algorithms may have signed; the token's header only chooses among
 * them.
 * 2. An algorithm belongs to a kind of key, and a key that names its algorithm is used with that
 * one alone: RS256 is never tried with a key for ES256, nor PS256 with one for RS256.
 * 3. There are no shared secrets here and no "none": HS256 with a public key as the secret cannot
 * be asked for.
 * 4. A header that says "crit", or that brings a key of its own (jwk, jku, x5c, x5u), gets nothing
 *    by it: the first is refused, the others are not looked at. */
#ifndef OIDC_JOSE_H
#define OIDC_JOSE_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum jose_alg {
	JOSE_RS256,
	JOSE_RS384,
	JOSE_RS512,
	JOSE_PS256,
	JOSE_PS384,
	JOSE_PS512,
	JOSE_ES256,
	JOSE_ES384,
	JOSE_ES512,
	JOSE_ALG_COUNT
};
#define JOSE_BIT(alg) (1u << (alg))
enum { JOSE_ANY = (1 << JOSE_ALG_COUNT) - 1, JOSE_TOKEN_MAX = 16 * 1024, JOSE_KEYS_MAX = 64 };

const char *jose_alg_name(enum jose_alg); /* "RS256" */
int jose_alg_find(const char *name);      /* an enum jose_alg, or -1 */
/* A new key pair as a private JWK with kid (RFC 7638 thumbprint), alg and use "sig". On the arena.
 */
int jose_key_make(struct arena *, enum jose_alg, json_t **jwk, struct err *);
/* Its public half: what may be published. New reference; NULL when it is no key we know. */
json_t *jose_public(const json_t *jwk);
/* RFC 7638, SHA-256, base64url. NULL when it is no RSA or EC key. */
char *jose_thumbprint(struct arena *, const json_t *jwk);

/* The public keys of somebody else. */
struct jose_keys;
/* From a JWK set. Keys we cannot use (encryption, other kinds, RSA below 2,048 bits) are left out,
 * as RFC 7517 §5 says; a text that is no JWK set, or has more than JOSE_KEYS_MAX keys, is
 * ERR_INPUT. On the arena. */
int jose_keys_parse(struct arena *, struct str text, struct jose_keys **out, struct err *);
size_t jose_keys_count(const struct jose_keys *);

/* Verifies a compact JWS by one of the algorithms in algs (JOSE_BIT) and gives its claims, on the
 * arena. typ: what the header's typ must be ("at+jwt"); NULL: any. 1: verified. 0: well-formed, but
 * none of the keys is the one it names, so newer keys may help. ERR_AUTH otherwise; the detail says
 * why, without the token. */
int jwt_verify(struct arena *, const char *token, const struct jose_keys *, unsigned algs,
    const char *typ, json_t **claims, struct err *);
/* The claims without looking at the signature; only for what is looked at again afterwards (whose
 * keys to use). On the arena. */
int jwt_peek(struct arena *, const char *token, json_t **claims, struct err *);
/* Signs claims with a private JWK by the algorithm it names; typ "JWT" or as wanted. */
int jwt_sign(struct arena *, const json_t *jwk, const json_t *claims, const char *typ, char **out,
    struct err *);
/* at_hash and c_hash of OpenID Connect Core §3.1.3.6: the left half of the hash that the algorithm
 * uses. alg as in the token's header. */
char *jose_half_hash(struct arena *, enum jose_alg, const char *text);
/* The algorithm that a well-formed token names; -1: none that we know. */
int jwt_alg(struct arena *, const char *token);

#endif
