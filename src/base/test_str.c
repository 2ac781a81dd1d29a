#include "base/str.h"
#include "base/test.h"

static void test_to_i64(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
		int64_t value;
	} cases[] = {
	    {"0", true, 0},
	    {"-1", true, -1},
	    {"9223372036854775807", true, INT64_MAX},
	    {"-9223372036854775808", true, INT64_MIN},
	    {"9223372036854775808", false, 0},
	    {"", false, 0},
	    {"-", false, 0},
	    {"1 ", false, 0},
	    {"0x1", false, 0},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t v = 0;
		bool ok = str_to_i64(str_from(cases[i].text), INT64_MIN, INT64_MAX, &v);
		if (ok != cases[i].ok || v != cases[i].value)
			fail_msg("%s", cases[i].text);
	}
}

static void test_utf8(void **state)
{
	(void)state;
	static const struct {
		struct str text;
		bool ok;
	} cases[] = {
	    {STR("街"), true},
	    {STR("\xF0\xA0\xAE\xB7"), true},
	    {STR("\xC0\x80"), false},
	    {STR("\xED\xA0\x80"), false},
	    {STR("\xE8\xA1"), false},
	    {STR("a\0b"), false},
	    {STR("\xF5\x80\x80\x80"), false},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (utf8_valid(cases[i].text) != cases[i].ok)
			fail_msg("case %zu", i);
}

static void test_escapes(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_html(&b, STR("<a href='x'>&\"</a>"));
	assert_string_equal(b.p, "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;");
	buf_clear(&b);
	buf_json(&b, STR("a\"\\\n\x01街"));
	assert_string_equal(b.p, "\"a\\\"\\\\\\n\\u0001街\"");
	buf_clear(&b);
	buf_url(&b, STR("a b/街"));
	assert_string_equal(b.p, "a%20b%2F%E8%A1%97");
	buf_clear(&b);
	buf_base64url(&b, "\xff\xee", 2);
	assert_string_equal(b.p, "_-4");
	buf_free(&b);
}

/* What looks at many bytes at once sees each of them, wherever it stands. */
static void test_html_everywhere(void **state)
{
	(void)state;
	struct buf b = {0};
	static const char plain[] = "0123456789街0123456789abcdefghijklmnopqrs";
	for (size_t n = 1; n < sizeof(plain); n++) {
		for (size_t at = 0; at < n; at++) {
			for (int c = 0; c < 256; c++) {
				char text[sizeof(plain)];
				memcpy(text, plain, n);
				text[at] = (char)c;
				buf_clear(&b);
				buf_html(&b, (struct str){text, n});
				bool special = c && strchr("&<>\"'", c);
				assert_int_equal(b.n > n, special);
				assert_memory_equal(b.p, text, at);
				assert_memory_equal(
				    b.p + b.n - (n - at - 1), text + at + 1, n - at - 1);
			}
		}
	}
	buf_free(&b);
}

static void test_arena_marks(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	char *kept = arena_strdup(a, "kept");
	struct arena_mark mark = arena_mark(a);
	for (int i = 0; i < 1000; i++)
		(void)arena_alloc(a, 1000); /* spans blocks */
	arena_release(a, mark);
	assert_string_equal(kept, "kept");
	assert_string_equal(arena_printf(a, "%d", 7), "7");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_to_i64),
	    cmocka_unit_test(test_utf8),
	    cmocka_unit_test(test_escapes),
	    cmocka_unit_test(test_html_everywhere),
	    cmocka_unit_test(test_arena_marks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
