/* Password rules, hashing, one-time codes. */
#include "base/test.h"
#include "identity/private.h"

static void test_rules(void **state)
{
	(void)state;
	static const char *const names[] = {"taro.kagawa@example.jp", "香川 太郎", NULL};
	static const struct {
		const char *password, *problem;
	} cases[] = {
	    {"", "identity.password.short"},
	    {"short1234", "identity.password.short"},
	    {"password12", "identity.password.common"},
	    {"Password2026!", "identity.password.common"},
	    {"PASSWORDpassword", "identity.password.common"},
	    {"ｐａｓｓｗｏｒｄ１２", "identity.password.common"},
	    {"1234567890", "identity.password.common"},
	    {"9876543210", "identity.password.common"},
	    {"abcdefghijk", "identity.password.common"},
	    {"aaaaaaaaaaaa", "identity.password.common"},
	    {"abcabcabcabc", "identity.password.common"},
	    {"2026112120261121", "identity.password.common"},
	    {"qwertyuiop", "identity.password.common"},
	    {"takamatsu2026", "identity.password.common"},
	    {"taro.kagawa@example.jp", "identity.password.name"},
	    {"Taro.Kagawa1", "identity.password.name"},
	    {"12taro.kagawa", "identity.password.name"},
	    {"correct horse battery", NULL},
	    {"うどんと瀬戸内の島めぐり", NULL},
	    {"k7#pQz-m2Lw", NULL},
	    {"my-password-is-long", NULL},
	    {"taro.kagawa likes udon noodles", NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *problem = password_problem(cases[i].password, names);
		if (!text_eq(problem, cases[i].problem))
			fail_msg("%s: %s", cases[i].password, problem ? problem : "no problem");
	}
	char *invalid = (char[]){'\xff', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 0};
	assert_string_equal(password_problem(invalid, NULL), "identity.password.unusable");
}

static void test_hash(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct err err;
	char *hash, *other;
	assert_int_equal(password_hash(a, "correct horse battery", &hash, &err), 0);
	assert_int_equal(password_hash(a, "correct horse battery", &other, &err), 0);
	assert_string_not_equal(hash, other); /* salted */
	assert_memory_equal(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31);
	assert_true(password_verify(hash, "correct horse battery"));
	assert_false(password_verify(hash, "correct horse batterz"));
	assert_false(password_verify(hash, ""));
	assert_false(password_verify("not a hash", "x"));
	assert_false(password_verify(NULL, "x"));
	assert_false(password_verify_or_waste(NULL, "x"));
	assert_true(password_verify_or_waste(hash, "correct horse battery"));
	arena_free(a);
}

/* RFC 6238 appendix B, SHA-1, the last six of its eight digits. */
static void test_totp(void **state)
{
	(void)state;
	static const unsigned char secret[] = "12345678901234567890";
	static const struct {
		int64_t second;
		int code;
	} cases[] = {
	    {59, 287082},
	    {1111111109, 81804},
	    {1111111111, 50471},
	    {1234567890, 5924},
	    {2000000000, 279037},
	    {20000000000, 353130},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t step = cases[i].second / TOTP_STEP_S;
		char typed[16];
		assert_int_equal(totp_code(secret, step), cases[i].code);
		(void)snprintf(
		    typed, sizeof(typed), "%03d %03d", cases[i].code / 1000, cases[i].code % 1000);
		int64_t us = cases[i].second * 1000000;
		assert_int_equal(totp_check(secret, typed, us, 0), step);
		assert_int_equal(
		    totp_check(secret, typed, us + 30 * 1000000, 0), step); /* one late */
		assert_int_equal(
		    totp_check(secret, typed, us - 30 * 1000000, 0), step); /* one early */
		assert_int_equal(totp_check(secret, typed, us + 61 * 1000000, 0), 0);
		assert_int_equal(totp_check(secret, typed, us, step), 0); /* once only */
	}
	static const char *const bad[] = {
	    "", "28708", "2870822", "28708a", "-287082x", "２８７０８"};
	for (size_t i = 0; i < COUNT(bad); i++)
		if (totp_check(secret, bad[i], 59 * 1000000, 0))
			fail_msg("%s", bad[i]);
	assert_int_equal(totp_check(secret, "２８７０８２", 59 * 1000000, 0), 1);
}

/* RFC 4648 §10 */
static void test_base32(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	static const char *const cases[][2] = {{"", ""}, {"f", "MY"}, {"fo", "MZXQ"},
	    {"foo", "MZXW6"}, {"foob", "MZXW6YQ"}, {"fooba", "MZXW6YTB"}, {"foobar", "MZXW6YTBOI"}};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const unsigned char *bytes = (const unsigned char *)cases[i][0];
		assert_string_equal(totp_base32(a, bytes, strlen(cases[i][0]), false), cases[i][1]);
	}
	assert_string_equal(
	    totp_base32(a, (const unsigned char *)"foobar", 6, true), "MZXW 6YTB OI");
	assert_string_equal(
	    totp_uri(a, (const unsigned char *)"12345678901234567890", "街", "a@b.jp"),
	    "otpauth://totp/%E8%A1%97:a%40b.jp?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	    "&issuer=%E8%A1%97");
	char *svg;
	struct err err;
	assert_int_equal(qr_svg(a, "otpauth://totp/x", "<QR>", &svg, &err), 0);
	assert_non_null(strstr(svg, "<title>&lt;QR&gt;</title>"));
	arena_free(a);
}

static void test_shapes(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	static const struct {
		const char *mail;
		bool ok;
	} mails[] = {
	    {"a@b.jp", true},
	    {"taro+x@example.co.jp", true},
	    {"root@localhost", true},
	    {"", false},
	    {"a", false},
	    {"@b.jp", false},
	    {"a@", false},
	    {"a@b", false},
	    {"a@b@c.jp", false},
	    {"a b@c.jp", false},
	    {"a@c.jp\r\nBcc: d@e.jp", false},
	    {"a..b@c.jp", false},
	    {".a@c.jp", false},
	    {"a.@c.jp", false},
	    {"a@.jp", false},
	    {"a@b.", false},
	    {"あ@b.jp", false},
	    {"<a@b.jp>", false},
	};
	for (size_t i = 0; i < COUNT(mails); i++)
		if (mail_is_plain(mails[i].mail) != mails[i].ok)
			fail_msg("%s", mails[i].mail);
	assert_string_equal(login_fold(a, " Ｔａｒｏ@Example.JP　"), "taro@example.jp");
	assert_string_equal(name_fold(a, "香川　太郎 "), "香川太郎");
	assert_true(login_is_plain("k.tanaka-2"));
	assert_false(login_is_plain("tanaka@x"));
	assert_false(login_is_plain(""));
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rules),
	    cmocka_unit_test(test_hash),
	    cmocka_unit_test(test_totp),
	    cmocka_unit_test(test_base32),
	    cmocka_unit_test(test_shapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
