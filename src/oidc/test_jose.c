#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/json.h"
#include "base/test.h"
#include "oidc/id_token.h"

static struct arena *a;
static json_t *es, *rs, *other; /* private keys: ES256, RS256, another ES256 */

static int setup(void **state)
{
	(void)state;
	a = arena_new();
	assert_int_equal(jose_key_make(a, JOSE_ES256, &es, NULL), 0);
	assert_int_equal(jose_key_make(a, JOSE_RS256, &rs, NULL), 0);
	assert_int_equal(jose_key_make(a, JOSE_ES256, &other, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(a);
	return 0;
}

static struct jose_keys *published(json_t *const *keys, size_t n)
{
	json_t *set = json_on_arena(a, json_pack("{s:[]}", "keys"));
	struct jose_keys *out;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(json_object_get(set, "keys"), jose_public(keys[i]));
	assert_int_equal(jose_keys_parse(a, str_from(json_canonical_text(a, set)), &out, NULL), 0);
	return out;
}

static const char *b64(const char *text, size_t n)
{
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	buf_base64url(&b, text, n);
	return b.p;
}

static json_t *claims_of(const char *sub)
{
	return json_on_arena(a, json_pack("{s:s}", "sub", sub));
}

static const char *signed_by(json_t *key)
{
	char *token;
	assert_int_equal(jwt_sign(a, key, claims_of("me"), "JWT", &token, NULL), 0);
	return token;
}

static void test_round(void **state)
{
	(void)state;
	json_t *keys[] = {es, rs}, *claims;
	struct jose_keys *set = published(keys, 2);
	assert_int_equal(jose_keys_count(set), 2);
	for (int alg = 0; alg < JOSE_ALG_COUNT; alg++) {
		json_t *key;
		assert_int_equal(jose_key_make(a, (enum jose_alg)alg, &key, NULL), 0);
		const char *token = signed_by(key);
		assert_int_equal(jwt_alg(a, token), alg);
		struct err err = {0};
		int rc =
		    jwt_verify(a, token, published(&key, 1), JOSE_BIT(alg), "JWT", &claims, &err);
		if (rc != 1)
			fail_msg("%s: %s", jose_alg_name((enum jose_alg)alg), err.detail);
		assert_string_equal(json_text(claims, "sub"), "me");
		assert_null(json_object_get(json_on_arena(a, jose_public(key)), "d"));
	}
	/* RFC 7638 §3.1 */
	json_t *rfc = json_on_arena(a,
	    json_pack("{s:s, s:s, s:s, s:s}", "kty", "RSA", "e", "AQAB", "kid", "2011-04-29", "n",
	        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6"
	        "tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_"
	        "RN5w6Cf0h4QyQ5v"
	        "-65YGjQR0_"
	        "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08q"
	        "NLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-"
	        "kEgU8aw"
	        "apJzKnqDKgw"));
	assert_string_equal(jose_thumbprint(a, rfc), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

/* A token with this header and claims, "signed" with HMAC over the text of the public key. */
static const char *hs256(const char *header, json_t *key)
{
	const char *body = "{\"sub\":\"admin\"}";
	const char *text =
	    arena_printf(a, "%s.%s", b64(header, strlen(header)), b64(body, strlen(body)));
	const char *secret = json_canonical_text(a, json_on_arena(a, jose_public(key)));
	unsigned char mac[32];
	unsigned int n;
	HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)text, strlen(text),
	    mac, &n);
	return arena_printf(a, "%s.%s", text, b64((const char *)mac, n));
}

/* The token of one algorithm under the header of another, and everything else that would let the
 * token choose how it is verified. */
static void test_confusion(void **state)
{
	(void)state;
	json_t *both[] = {es, rs};
	struct jose_keys *set = published(both, 2), *only_es = published(&es, 1);
	const char *good = signed_by(es), *dot = strchr(good, '.'), *end = strrchr(good, '.');
	const char *es_kid = json_text(es, "kid"), *rs_kid = json_text(rs, "kid");
#define HEADER(...)                                                                                \
	arena_printf(a, "%s%s",                                                                    \
	    b64(arena_printf(a, __VA_ARGS__), strlen(arena_printf(a, __VA_ARGS__))), dot)
	const struct {
		const char *name, *token;
		unsigned algs;
		struct jose_keys *keys;
		int rc;
	} cases[] = {
	    {"as it is", good, JOSE_BIT(JOSE_ES256), set, 1},
	    {"not allowed here", good, JOSE_BIT(JOSE_RS256), set, -ERR_AUTH},
	    {"RS256 where ES256 is", signed_by(rs), JOSE_BIT(JOSE_ES256), set, -ERR_AUTH},
	    {"none", HEADER("{\"alg\":\"none\"}"), JOSE_ANY, set, -ERR_AUTH},
	    {"none without signature",
	        arena_printf(
	            a, "%s.%.*s.", b64("{\"alg\":\"none\"}", 14), (int)(end - dot - 1), dot + 1),
	        JOSE_ANY, set, -ERR_AUTH},
	    {"NoNe", HEADER("{\"alg\":\"NoNe\"}"), JOSE_ANY, set, -ERR_AUTH},
	    {"no alg", HEADER("{\"typ\":\"JWT\"}"), JOSE_ANY, set, -ERR_AUTH},
	    {"alg twice", HEADER("{\"alg\":\"none\",\"alg\":\"ES256\"}"), JOSE_ANY, set, -ERR_AUTH},
	    {"HS256 with the public key",
	        hs256(arena_printf(a, "{\"alg\":\"HS256\",\"kid\":\"%s\"}", rs_kid), rs), JOSE_ANY,
	        set, -ERR_AUTH},
	    {"RS256 said of an EC key", HEADER("{\"alg\":\"RS256\",\"kid\":\"%s\"}", es_kid),
	        JOSE_ANY, set, -ERR_AUTH},
	    {"ES256 said of an RSA key", HEADER("{\"alg\":\"ES256\",\"kid\":\"%s\"}", rs_kid),
	        JOSE_ANY, set, -ERR_AUTH},
	    {"PS256 with a key for RS256", HEADER("{\"alg\":\"PS256\",\"kid\":\"%s\"}", rs_kid),
	        JOSE_ANY, set, -ERR_AUTH},
	    {"crit", HEADER("{\"alg\":\"ES256\",\"crit\":[\"b64\"],\"b64\":false}"), JOSE_ANY, set,
	        -ERR_AUTH},
	    {"another's key with our kid's name", signed_by(other), JOSE_ANY, only_es, 0},
	    {"a key of its own",
	        HEADER("{\"alg\":\"ES256\",\"jwk\":%s}",
	            json_canonical_text(a, json_on_arena(a, jose_public(other)))),
	        JOSE_ANY, only_es, 0},
	    {"unknown kid", HEADER("{\"alg\":\"ES256\",\"kid\":\"new\"}"), JOSE_ANY, set, 0},
	    {"other claims",
	        arena_printf(
	            a, "%.*s.%s%s", (int)(dot - good), good, b64("{\"sub\":\"you\"}", 13), end),
	        JOSE_ANY, set, -ERR_AUTH},
	    {"four parts", arena_printf(a, "%s.%s", good, "AAAA"), JOSE_ANY, set, -ERR_AUTH},
	    {"two parts", "AAAA.AAAA", JOSE_ANY, set, -ERR_AUTH},
	    {"nothing", "", JOSE_ANY, set, -ERR_AUTH},
	    {"padding", arena_printf(a, "%s=", good), JOSE_ANY, set, -ERR_AUTH},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *claims;
		int rc = jwt_verify(
		    a, cases[i].token, cases[i].keys, cases[i].algs, NULL, &claims, NULL);
		if (rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].name, rc);
	}
	assert_int_equal(
	    jwt_verify(a, good, set, JOSE_ANY, "logout+jwt", &(json_t *){NULL}, NULL), -ERR_AUTH);
}

static void test_sets(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int n; /* -1: no set */
	} cases[] = {
	    {"", -1},
	    {"[]", -1},
	    {"{\"keys\":{}}", -1},
	    {"{\"keys\":[]}", 0},
	    {"{\"keys\":[1,null,{}]}", 0},
	    {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", 0},
	    {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"0vx7\",\"e\":\"AQAB\"}]}", 0}, /* too short */
	    {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}", 0},
	    {"{\"keys\":[],\"keys\":[]}", -1},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct jose_keys *keys;
		int rc = jose_keys_parse(a, str_from(cases[i].text), &keys, NULL);
		int n = rc < 0 ? -1 : (int)jose_keys_count(keys);
		if (n != cases[i].n)
			fail_msg("%s: %d", cases[i].text, n);
	}
}

static void test_id_token(void **state)
{
	(void)state;
	const int64_t now = 1800000000;
	const char *at = jose_half_hash(a, JOSE_ES256, "token");
	struct id_token_want want = {
	    "https://op.example", "machi", "n-1", "token", JOSE_ES256, now * 1000000, -1};
	const struct {
		const char *name, *change; /* JSON that replaces members; null removes */
		int64_t max_age;
		bool ok;
	} cases[] = {
	    {"good", "{}", -1, true},
	    {"other issuer", "{\"iss\":\"https://op.example.evil\"}", -1, false},
	    {"issuer with a slash", "{\"iss\":\"https://op.example/\"}", -1, false},
	    {"no issuer", "{\"iss\":null}", -1, false},
	    {"other audience", "{\"aud\":\"other\"}", -1, false},
	    {"audience as list", "{\"aud\":[\"machi\"]}", -1, true},
	    {"two audiences", "{\"aud\":[\"machi\",\"other\"],\"azp\":\"machi\"}", -1, false},
	    {"azp", "{\"azp\":\"machi\"}", -1, true},
	    {"other azp", "{\"azp\":\"other\"}", -1, false},
	    {"expired", "{\"exp\":1799999900}", -1, false},
	    {"expired within the skew", "{\"exp\":1799999970}", -1, true},
	    {"no exp", "{\"exp\":null}", -1, false},
	    {"exp as text", "{\"exp\":\"1800000300\"}", -1, false},
	    {"from the future", "{\"iat\":1800000100}", -1, false},
	    {"old", "{\"iat\":1799999000}", -1, false},
	    {"not yet", "{\"nbf\":1800000100}", -1, false},
	    {"other nonce", "{\"nonce\":\"n-2\"}", -1, false},
	    {"no nonce", "{\"nonce\":null}", -1, false},
	    {"no subject", "{\"sub\":null}", -1, false},
	    {"empty subject", "{\"sub\":\"\"}", -1, false},
	    {"at_hash of another token", "{\"at_hash\":\"AAAAAAAAAAAAAAAAAAAAAA\"}", -1, false},
	    {"at_hash as number", "{\"at_hash\":1}", -1, false},
	    {"no at_hash", "{\"at_hash\":null}", -1, true},
	    {"signed in just now", "{\"auth_time\":1799999990}", 60, true},
	    {"signed in long ago", "{\"auth_time\":1799999000}", 60, false},
	    {"does not say when", "{}", 60, false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_t *claims = json_on_arena(
		    a, json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s}", "iss", "https://op.example",
		           "aud", "machi", "sub", "s-1", "iat", (json_int_t)now, "exp",
		           (json_int_t)now + 300, "nonce", "n-1", "at_hash", at));
		json_t *change = json_on_arena(a, json_loads(cases[i].change, 0, NULL)), *v;
		const char *key;
		json_object_foreach(change, key, v)
		{
			if (json_is_null(v))
				json_object_del(claims, key);
			else
				json_object_set(claims, key, v);
		}
		want.max_age_s = cases[i].max_age;
		if ((id_token_check(a, claims, &want, NULL) == 0) != cases[i].ok)
			fail_msg("%s", cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round),
	    cmocka_unit_test(test_confusion),
	    cmocka_unit_test(test_sets),
	    cmocka_unit_test(test_id_token),
	};
	return cmocka_run_group_tests_name("jose", tests, setup, teardown);
}
