#include <string.h>

#include "base/json.h"
#include "base/test.h"

static void test_members(void **state)
{
	(void)state;
	json_t *v = json_loads(
	    "{\"t\":\"x\",\"n\":3,\"b\":true,\"o\":{\"l\":[{\"c\":\"deep\"}]},\"r\":1.5}", 0, NULL);
	assert_non_null(v);
	assert_string_equal(json_text(v, "t"), "x");
	assert_null(json_text(v, "n"));
	assert_null(json_text(NULL, "n"));
	assert_string_equal(json_text_or(v, "n", "-"), "-");
	assert_int_equal(json_i64(v, "n", 0), 3);
	assert_int_equal(json_i64(v, "r", 7), 7);
	assert_true(json_on(v, "b"));
	assert_false(json_on(v, "n"));
	assert_string_equal(json_path_text(v, "o.l.0.c"), "deep");
	static const char *const nowhere[] = {
	    "o.l.1.c", "o.l.x", "o.l.-1", "t.x", "no.no", "o.l.0.c.d"};
	for (size_t i = 0; i < COUNT(nowhere); i++)
		if (json_path(v, nowhere[i]))
			fail_msg("%s", nowhere[i]);
	assert_ptr_equal(json_path(v, ""), v);
	json_decref(v);
}

static void test_canonical(void **state)
{
	(void)state;
	static const struct {
		const char *json, *want;
	} cases[] = {
	    {"{ \"b\" : [ 1 , 2 ] , \"a\" : null }", "{\"a\":null,\"b\":[1,2]}"},
	    {"{\"\":{},\"x\":[]}", "{\"\":{},\"x\":[]}"},
	    /* RFC 8785 §3.2.3: order by UTF-16 code units */
	    {"{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,"
	     "\"\\u00f6\":7}",
	        "{\"\\r\":2,\"1\":4,\"\xC2\x80\":6,\"ö\":7,\"€\":1,\"😀\":5,\"\uFB33\":3}"},
	    {"\"\\u0001\\b\\t\\n\\f\\r\\\"\\\\\\/街\\u007f\"",
	        "\"\\u0001\\b\\t\\n\\f\\r\\\"\\\\/街\x7F\""},
	    {"[9223372036854775807,-9223372036854775808,true,false]",
	        "[9223372036854775807,-9223372036854775808,true,false]"},
	    {"[1.0,0.1,-0.0,1e30,1E-7,1.5e-6,123456789012345680000.0,1e21,4.5,2e-3]",
	        "[1,0.1,0,1e+30,1e-7,0.0000015,123456789012345680000,1e+21,4.5,0.002]"},
	    {"[333333333.33333329,5e-324,1.7976931348623157e308,9007199254740993.0]",
	        "[333333333.3333333,5e-324,1.7976931348623157e+308,9007199254740992]"},
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_error_t e;
		json_t *v = json_loads(cases[i].json, JSON_DECODE_ANY, &e);
		if (!v)
			fail_msg("%s: %s", cases[i].json, e.text);
		char *text = json_canonical_text(a, v);
		if (strcmp(text, cases[i].want) != 0)
			fail_msg("%s", text);
		json_decref(v);
	}
	/* more keys than fit without memory of their own */
	json_t *many = json_object();
	for (int i = 99; i >= 0; i--)
		json_object_set_new(many, arena_printf(a, "k%02d", i), json_integer(i));
	char *text = json_canonical_text(a, many);
	assert_non_null(strstr(text, "{\"k00\":0,\"k01\":1,"));
	assert_non_null(strstr(text, "\"k98\":98,\"k99\":99}"));
	json_decref(many);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_canonical),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
