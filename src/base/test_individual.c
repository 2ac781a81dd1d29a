#include <string.h>

#include "base/individual.h"
#include "base/test.h"

/* An invented number with its right check digit, as people and programs write it. */
static void test_find(void **state)
{
	(void)state;
	static const struct {
		const char *text, *found; /* NULL: none */
	} cases[] = {
	    {"123456789018", "123456789018"},
	    {"私の番号は123456789018です", "123456789018"},
	    {"1234 5678 9018", "1234 5678 9018"},
	    {"1234-5678-9018", "1234-5678-9018"},
	    {"１２３４５６７８９０１８", "１２３４５６７８９０１８"},
	    {"１２３４　５６７８　９０１８", "１２３４　５６７８　９０１８"},
	    {"マイナンバー123456789018", "123456789018"},
	    {"5 123456789018 5", "123456789018"},
	    {"q=1234+5678+9018&x", "1234+5678+9018"},
	    {"/a/%31%32%33456789018", "%31%32%33456789018"},
	    {"%EF%BC%91%ef%bc%9234-5678-9018", "%EF%BC%91%ef%bc%9234-5678-9018"},
	    {"123456789019", NULL},      /* check digit */
	    {"1234567890180", NULL},     /* thirteen */
	    {"0123456789018", NULL},     /* thirteen */
	    {"1234-5678-9018-3", NULL},  /* a receipt number */
	    {"1234-5678-9018-X", NULL},  /* another */
	    {"1-123456789018", NULL},    /* part of something longer */
	    {"a716-123456789018", NULL}, /* hexadecimal */
	    {"abc123456789018", NULL},   /* letters beside */
	    {"123456789018def", NULL},   /* letters beside */
	    {"+123456789018", NULL},     /* a phone number abroad */
	    {"1234  5678  9018", NULL},  /* two spaces: not one number */
	    {"12345678901", NULL},
	    {"%", NULL},
	    {"%3", NULL},
	    {"\xEF\xBC", NULL},
	    {"", NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str found = {NULL, 0};
		bool yes = individual_number_find(str_from(cases[i].text), &found);
		if (yes != (cases[i].found != NULL) || (yes && !str_is(found, cases[i].found)))
			fail_msg("%s: %.*s", cases[i].text, STR_ARG(found));
	}
}

static void test_mask(void **state)
{
	(void)state;
	static const char *const cases[][2] = {
	    {"GET /x/123456789018 404", "GET /x/************ 404"},
	    {"abc123456789018def", "abc************def"},
	    {"1234-5678-9018,1234 5678 9018", "**************,**************"},
	    {"+123456789018", "+************"},
	    {"1234567890180", "1234567890180"},
	    {"nothing", "nothing"},
	    {"", ""},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[64];
		size_t n = strlen(cases[i][0]);
		memcpy(text, cases[i][0], n + 1);
		individual_number_mask(text, n);
		assert_string_equal(text, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_mask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
