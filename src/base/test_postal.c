#include <string.h>

#include "base/postal.h"
#include "base/test.h"

static void test_find(void **state)
{
	(void)state;
	static const struct {
		const char *typed;
		size_t n;
		const char *first; /* all fields of the first address, with / between */
	} cases[] = {
	    {"760-0017", 1,
	        "7600017/372013/香川県/高松市/番町/カガワケン/タカマツシ/バンチョウ///"},
	    {"７６０ー００１７", 1,
	        "7600017/372013/香川県/高松市/番町/カガワケン/タカマツシ/バンチョウ///"},
	    {"〒760-8571", 1,
	        "7608571/372013/香川県/高松市/番町/カガワケン/タカマツシ/バンチョウ/"
	        "１丁目８−１５/高松市役所/タカマツシヤクシヨ"},
	    {"0600000", 1,
	        "0600000/011011/北海道/札幌市中央区//ホッカイドウ/サッポロシチュウオウク////"},
	    {"0010000", 1, "0010000/011029/北海道/札幌市北区//ホッカイドウ/サッポロシキタク////"},
	    {"0285102", 1,
	        "0285102/033022/岩手県/岩手郡葛巻町/葛巻/イワテケン/イワテグンクズマキマチ/"
	        "クズマキ///"},
	    {"4300923", 1,
	        "4300923/221384/静岡県/浜松市中央区/北寺島町/シズオカケン/ハママツシチュウオウク/"
	        "キタテラジマチョウ///"},
	    {"4520961", 66, NULL},
	    {"9999999", 0, NULL},
	    {"0000000", 0, NULL},
	    {"760001", 0, NULL},
	    {"76000177", 0, NULL},
	    {"-760017", 0, NULL},
	    {"abcdefg", 0, NULL},
	    {"", 0, NULL},
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct postal_address *list;
		size_t n = postal_find(a, str_from(cases[i].typed), &list);
		if (n != cases[i].n)
			fail_msg("%s: %zu", cases[i].typed, n);
		if (!cases[i].first)
			continue;
		const struct postal_address *p = &list[0];
		char *got = arena_printf(a, "%s/%s/%s/%s/%s/%s/%s/%s/%s/%s/%s", p->code,
		    p->city_code, p->prefecture, p->city, p->town, p->prefecture_kana, p->city_kana,
		    p->town_kana, p->street, p->office, p->office_kana);
		if (strcmp(got, cases[i].first) != 0)
			fail_msg("%s", got);
	}
	arena_free(a);
}

/* Every code of a range of codes that spans blocks: what is found has the code asked for, a code's
 * addresses are different ones, and there are as many as the source has. */
static void test_all_of_a_region(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	size_t all = 0, takamatsu = 0;
	for (int code = 7610000; code <= 7612999; code++) {
		struct arena_mark mark = arena_mark(a);
		struct postal_address *list;
		char *text = arena_printf(a, "%07d", code);
		size_t n = postal_find(a, str_from(text), &list);
		for (size_t i = 0; i < n; i++) {
			assert_string_equal(list[i].code, text);
			takamatsu += strcmp(list[i].city_code, "372013") == 0;
			for (size_t k = 0; k < i; k++)
				if (strcmp(list[i].town, list[k].town) == 0 &&
				    strcmp(list[i].city, list[k].city) == 0 &&
				    strcmp(list[i].office, list[k].office) == 0)
					fail_msg("%s twice", text);
		}
		all += n;
		arena_release(a, mark);
	}
	assert_int_equal(all, 139);
	assert_int_equal(takamatsu, 85);
	assert_string_equal(postal_version(), "2026-08");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_find),
	    cmocka_unit_test(test_all_of_a_region),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
