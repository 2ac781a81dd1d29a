#include "oidc/jose.h"

#include <cjose/cjose.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/secret.h"

enum { RSA_BITS = 2048, NESTING_MAX = 16 };

static const struct alg {
	const char *name, *kty, *crv, *hash;
} algs[] = {
    [JOSE_RS256] = {"RS256", "RSA", NULL, "SHA256"},
    [JOSE_RS384] = {"RS384", "RSA", NULL, "SHA384"},
    [JOSE_RS512] = {"RS512", "RSA", NULL, "SHA512"},
    [JOSE_PS256] = {"PS256", "RSA", NULL, "SHA256"},
    [JOSE_PS384] = {"PS384", "RSA", NULL, "SHA384"},
    [JOSE_PS512] = {"PS512", "RSA", NULL, "SHA512"},
    [JOSE_ES256] = {"ES256", "EC", "P-256", "SHA256"},
    [JOSE_ES384] = {"ES384", "EC", "P-384", "SHA384"},
    [JOSE_ES512] = {"ES512", "EC", "P-521", "SHA512"},
};
_Static_assert(COUNT(algs) == JOSE_ALG_COUNT, "a name for each algorithm");

const char *jose_alg_name(enum jose_alg alg)
{
	return algs[alg].name;
}

int jose_alg_find(const char *name)
{
	for (int i = 0; i < JOSE_ALG_COUNT; i++)
		if (text_eq(algs[i].name, name))
			return i;
	return -1;
}

static bool shallow(const json_t *j, int depth)
{
	const char *key;
	json_t *v;
	size_t i;
	if (depth > NESTING_MAX)
		return false;
	if (json_is_object(j)) {
		json_object_foreach((json_t *)j, key, v)
		{
			if (!shallow(v, depth + 1))
				return false;
		}
	}
	json_array_foreach((json_t *)j, i, v)
	{
		if (!shallow(v, depth + 1))
			return false;
	}
	return true;
}

/* A JSON object without a name twice; NULL otherwise. On the arena. */
static json_t *object_of(struct arena *a, struct str text)
{
	json_t *j = json_on_arena(a, json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, NULL));
	return json_is_object(j) && shallow(j, 0) ? j : NULL;
}

/* --- keys --- */

/* The members of a public key, in the order of RFC 7638 §3.2 for its thumbprint. */
static const char *const *members_of(const char *kty)
{
	static const char *const rsa[] = {"e", "kty", "n", NULL};
	static const char *const ec[] = {"crv", "kty", "x", "y", NULL};
	return text_eq(kty, "RSA") ? rsa : text_eq(kty, "EC") ? ec : NULL;
}

static json_t *bare_key(const json_t *jwk)
{
	const char *const *members = members_of(json_text(jwk, "kty"));
	json_t *out = members ? json_object() : NULL;
	for (; members && *members; members++) {
		const char *value = json_text(jwk, *members);
		if (!value) {
			json_decref(out);
			return NULL;
		}
		json_object_set_new(out, *members, json_string(value));
	}
	return out;
}

char *jose_thumbprint(struct arena *a, const json_t *jwk)
{
	json_t *bare = json_on_arena(a, bare_key(jwk));
	if (!bare)
		return NULL;
	struct str text = str_from(json_canonical_text(a, bare));
	uint8_t hash[HASH_SIZE];
	hash_sha256(&text, 1, hash);
	struct buf b;
	buf_init(&b, a);
	buf_base64url(&b, hash, sizeof(hash));
	return b.p;
}

json_t *jose_public(const json_t *jwk)
{
	static const char *const also[] = {"kid", "alg", "use"};
	json_t *out = bare_key(jwk);
	for (size_t i = 0; out && i < COUNT(also); i++)
		if (json_text(jwk, also[i]))
			json_object_set_new(out, also[i], json_string(json_text(jwk, also[i])));
	return out;
}

static int cjose_failed(struct err *err, enum err_kind kind, const cjose_err *why)
{
	(void)err_set(err, kind, NULL, "%s", why->message ? why->message : "cjose");
	return -(int)kind;
}

int jose_key_make(struct arena *a, enum jose_alg alg, json_t **jwk, struct err *err)
{
	cjose_err why = {0};
	static const uint8_t e[] = {1, 0, 1};
	bool rsa = text_eq(algs[alg].kty, "RSA");
	cjose_jwk_t *key =
	    rsa ? cjose_jwk_create_RSA_random(RSA_BITS, e, sizeof(e), &why)
	        : cjose_jwk_create_EC_random(alg == JOSE_ES256   ? CJOSE_JWK_EC_P_256
	                                     : alg == JOSE_ES384 ? CJOSE_JWK_EC_P_384
	                                                         : CJOSE_JWK_EC_P_521,
	              &why);
	char *text = key ? cjose_jwk_to_json(key, true, &why) : NULL;
	(void)cjose_jwk_release(key);
	if (!text)
		return cjose_failed(err, ERR_INTERNAL, &why);
	*jwk = json_on_arena(a, json_loads(text, 0, NULL));
	bytes_wipe(text, strlen(text));
	cjose_get_dealloc()(text);
	char *kid = *jwk ? jose_thumbprint(a, *jwk) : NULL;
	if (!kid)
		return err_set(err, ERR_INTERNAL, NULL, "cjose made no key");
	json_object_set_new(*jwk, "kid", json_string(kid));
	json_object_set_new(*jwk, "alg", json_string(algs[alg].name));
	json_object_set_new(*jwk, "use", json_string("sig"));
	return 0;
}

struct jose_key {
	const char *kid, *kty, *crv;
	int alg; /* -1: it does not say */
	cjose_jwk_t *jwk;
};

struct jose_keys {
	size_t n;
	struct jose_key key[JOSE_KEYS_MAX];
};

static void key_release(void *jwk)
{
	(void)cjose_jwk_release(jwk);
}

/* False: not one of ours. Only its public half is taken. */
static bool key_take(struct arena *a, const json_t *j, struct jose_key *out)
{
	cjose_err why = {0};
	const char *use = json_text(j, "use"), *alg = json_text(j, "alg");
	json_t *bare = json_on_arena(a, bare_key(j));
	if (!bare || (use && !text_eq(use, "sig")) || (alg && jose_alg_find(alg) < 0))
		return false;
	const char *text = json_canonical_text(a, bare);
	cjose_jwk_t *jwk = cjose_jwk_import(text, strlen(text), &why);
	if (!jwk)
		return false;
	arena_cleanup(a, key_release, jwk);
	if (text_eq(json_text(j, "kty"), "RSA") && cjose_jwk_get_keysize(jwk, &why) < RSA_BITS)
		return false;
	*out = (struct jose_key){.kid = json_text(j, "kid"),
	    .kty = json_text(j, "kty"),
	    .crv = json_text(j, "crv"),
	    .alg = alg ? jose_alg_find(alg) : -1,
	    .jwk = jwk};
	return true;
}

int jose_keys_parse(struct arena *a, struct str text, struct jose_keys **out, struct err *err)
{
	json_t *set = object_of(a, text), *list = json_object_get(set, "keys"), *j;
	size_t i;
	struct jose_keys *keys = arena_new_of(a, struct jose_keys);
	if (!json_is_array(list) || json_array_size(list) > JOSE_KEYS_MAX)
		return err_set(err, ERR_INPUT, NULL, "not a JWK set, or one with too many keys");
	json_array_foreach(list, i, j)
	{
		if (key_take(a, j, &keys->key[keys->n]))
			keys->n++;
	}
	*out = keys;
	return 0;
}

size_t jose_keys_count(const struct jose_keys *keys)
{
	return keys->n;
}

/* --- tokens --- */

struct parts {
	json_t *header, *claims;
};

static int refuse(struct err *err, const char *why)
{
	return err_set(err, ERR_AUTH, NULL, "token: %s", why);
}

static int parts_of(struct arena *a, const char *token, struct parts *out, struct err *err)
{
	struct str rest = str_from(token ? token : ""), part[3], bytes[3];
	if (rest.n > JOSE_TOKEN_MAX)
		return refuse(err, "too long");
	for (int i = 0; i < 3; i++) {
		size_t n = 0;
		while (n < rest.n && rest.p[n] != '.')
			n++;
		part[i] = (struct str){rest.p, n};
		bool last = i == 2;
		if (last != (n == rest.n))
			return refuse(err, "not three parts");
		if (!last)
			rest = (struct str){rest.p + n + 1, rest.n - n - 1};
		char *to = arena_alloc(a, part[i].n);
		bytes[i].p = to;
		if (!base64url_decode(part[i], to, part[i].n, &bytes[i].n))
			return refuse(err, "not base64url");
	}
	out->header = object_of(a, bytes[0]);
	out->claims = object_of(a, bytes[1]);
	if (!out->header || !out->claims)
		return refuse(err, "no JSON object inside");
	return 0;
}

int jwt_peek(struct arena *a, const char *token, json_t **claims, struct err *err)
{
	struct parts p;
	int rc = parts_of(a, token, &p, err);
	if (rc == 0)
		*claims = p.claims;
	return rc;
}

int jwt_alg(struct arena *a, const char *token)
{
	struct parts p;
	return parts_of(a, token, &p, NULL) < 0 ? -1 : jose_alg_find(json_text(p.header, "alg"));
}

static bool key_fits(const struct jose_key *key, enum jose_alg alg)
{
	return text_eq(key->kty, algs[alg].kty) &&
	       (!algs[alg].crv || text_eq(key->crv, algs[alg].crv)) &&
	       (key->alg < 0 || key->alg == (int)alg);
}

static bool signature_fits(const char *token, const cjose_jwk_t *jwk)
{
	cjose_err why = {0};
	cjose_jws_t *jws = cjose_jws_import(token, strlen(token), &why);
	bool ok = jws && cjose_jws_verify(jws, jwk, &why);
	cjose_jws_release(jws);
	return ok;
}

int jwt_verify(struct arena *a, const char *token, const struct jose_keys *keys, unsigned allowed,
    const char *typ, json_t **claims, struct err *err)
{
	struct parts p;
	int rc = parts_of(a, token, &p, err);
	if (rc < 0)
		return rc;
	int alg = jose_alg_find(json_text(p.header, "alg"));
	const char *kid = json_text(p.header, "kid");
	if (alg < 0 || !(allowed & JOSE_BIT(alg)))
		return refuse(err, "signed by an algorithm that is not allowed");
	if (json_object_get(p.header, "crit") || json_object_get(p.header, "b64"))
		return refuse(err, "its header asks for what we do not know");
	if (typ && !text_eq(json_text(p.header, "typ"), typ))
		return refuse(err, "another kind of token");
	bool known = false;
	for (size_t i = 0; i < keys->n; i++) {
		const struct jose_key *key = &keys->key[i];
		if (kid && !text_eq(key->kid, kid))
			continue;
		known = known || kid;
		if (!key_fits(key, (enum jose_alg)alg) || !signature_fits(token, key->jwk))
			continue;
		*claims = p.claims;
		return 1;
	}
	return known ? refuse(err, "the signature is wrong") : 0;
}

int jwt_sign(struct arena *a, const json_t *jwk, const json_t *claims, const char *typ, char **out,
    struct err *err)
{
	cjose_err why = {0};
	const char *alg = json_text(jwk, "alg"), *kid = json_text(jwk, "kid"), *text = NULL;
	char *key_text = json_dumps(jwk, JSON_COMPACT), *body = json_canonical_text(a, claims);
	cjose_jwk_t *key = key_text ? cjose_jwk_import(key_text, strlen(key_text), &why) : NULL;
	if (key_text)
		bytes_wipe(key_text, strlen(key_text));
	free(key_text);
	cjose_header_t *header = cjose_header_new(&why);
	bool ok = key && header && jose_alg_find(alg) >= 0 &&
	          cjose_header_set(header, CJOSE_HDR_ALG, alg, &why) &&
	          cjose_header_set(header, "typ", typ, &why) &&
	          (!kid || cjose_header_set(header, CJOSE_HDR_KID, kid, &why));
	cjose_jws_t *jws =
	    ok ? cjose_jws_sign(key, header, (const uint8_t *)body, strlen(body), &why) : NULL;
	ok = jws && cjose_jws_export(jws, &text, &why);
	if (ok)
		*out = arena_strdup(a, text);
	cjose_jws_release(jws);
	cjose_header_release(header);
	(void)cjose_jwk_release(key);
	return ok ? 0 : cjose_failed(err, ERR_INTERNAL, &why);
}

char *jose_half_hash(struct arena *a, enum jose_alg alg, const char *text)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	if (!EVP_Digest(text, strlen(text), hash, &n, EVP_get_digestbyname(algs[alg].hash), NULL))
		n = 0;
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	buf_base64url(&b, hash, n / 2);
	return b.p;
}
