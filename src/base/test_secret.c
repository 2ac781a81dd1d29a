#include <string.h>

#include "base/secret.h"
#include "base/test.h"

static const char *hex(struct arena *a, const uint8_t bytes[static HASH_SIZE])
{
	struct buf b;
	buf_init(&b, a);
	buf_hex(&b, bytes, HASH_SIZE);
	return b.p;
}

static void test_hashes(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	uint8_t out[HASH_SIZE];
	/* FIPS 180-2 */
	struct str abc[] = {STR("a"), STR("bc")};
	hash_sha256(abc, 2, out);
	assert_string_equal(
	    hex(a, out), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_sha256(NULL, 0, out);
	assert_string_equal(
	    hex(a, out), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	/* RFC 4231, cases 1, 2 and 6 */
	char key[131];
	memset(key, 0x0b, 20);
	struct str hi = STR("Hi There");
	hash_hmac((struct str){key, 20}, &hi, 1, out);
	assert_string_equal(
	    hex(a, out), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	struct str what[] = {STR("what do ya want "), STR("for nothing?")};
	hash_hmac(STR("Jefe"), what, 2, out);
	assert_string_equal(
	    hex(a, out), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	struct str larger = STR("Test Using Larger Than Block-Size Key - Hash Key First");
	hash_hmac((struct str){key, sizeof(key)}, &larger, 1, out);
	assert_string_equal(
	    hex(a, out), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	arena_free(a);
}

static void test_sealing(void **state)
{
	(void)state;
	struct secret_bytes *key = secret_random(32), *other = secret_random(32);
	static const char *const texts[] = {"", "1", "123456789018", "街 machi"};
	struct str about[] = {STR("t.c"), STR("/1")}, elsewhere = STR("t.c/2");
	for (size_t i = 0; i < COUNT(texts); i++) {
		uint8_t sealed[64], twice[64];
		size_t n = strlen(texts[i]) + AEAD_EXTRA;
		struct str all = {(char *)sealed, n};
		aead_seal(key, about, 2, str_from(texts[i]), sealed);
		aead_seal(key, about, 2, str_from(texts[i]), twice);
		assert_memory_not_equal(sealed, twice, n);
		struct secret_bytes *plain = aead_open(key, about, 2, all);
		assert_non_null(plain);
		assert_int_equal(secret_size(plain), strlen(texts[i]));
		assert_memory_equal(secret_at(plain), texts[i], strlen(texts[i]));
		secret_free(plain);
		assert_null(aead_open(key, &elsewhere, 1, all));
		assert_null(aead_open(key, about, 1, all));
		assert_null(aead_open(other, about, 2, all));
		for (size_t k = 0; k < n; k++) { /* any one byte changed */
			sealed[k] ^= 1;
			assert_null(aead_open(key, about, 2, all));
			sealed[k] ^= 1;
		}
		for (size_t k = 0; k < n; k++) /* cut off */
			assert_null(aead_open(key, about, 2, (struct str){all.p, k}));
	}
	secret_free(key);
	secret_free(other);
}

static void test_random(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	char *t = random_token(a, 32), *u = random_token(a, 32), *longer = random_token(a, 100);
	assert_int_equal(strlen(t), 43);
	assert_int_equal(strlen(longer), 134);
	assert_string_not_equal(t, u);
	bool seen[6] = {false};
	for (int i = 0; i < 1000; i++)
		seen[random_below(6)] = true;
	for (int i = 0; i < 6; i++)
		assert_true(seen[i]);
	assert_true(random_below(1) == 0);
	struct secret_bytes *s = secret_in(a, "key", 3);
	assert_memory_equal(secret_at(s), "key", 3);
	arena_free(a); /* frees s */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_hashes),
	    cmocka_unit_test(test_sealing),
	    cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
