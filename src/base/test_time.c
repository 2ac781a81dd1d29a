#include <string.h>

#include "base/test.h"
#include "base/time.h"

#define CHECK_TEXT(got, want, name)                                                                \
	do {                                                                                       \
		const char *got_ = (got), *want_ = (want);                                         \
		if (strcmp(got_, want_) != 0)                                                      \
			fail_msg("%s: %s instead of %s", name, got_, want_);                       \
	} while (0)

static void test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want; /* NULL: not a date */
	} cases[] = {
	    {"2026-11-21", "2026-11-21"},
	    {"2026/11/21", "2026-11-21"},
	    {"2026/1/2", "2026-01-02"},
	    {"2026.1.2", "2026-01-02"},
	    {"2026年11月21日", "2026-11-21"},
	    {"２０２６年１１月２１日", "2026-11-21"},
	    {"２０２６－１１－２１", "2026-11-21"},
	    {"2026−11−21", "2026-11-21"},
	    {" 2026年 11月 21日　", "2026-11-21"},
	    {"20261121", "2026-11-21"},
	    {"２０２６１１２１", "2026-11-21"},
	    {"令和8年11月21日", "2026-11-21"},
	    {"令和８年１１月２１日", "2026-11-21"},
	    {"令和 8年11月21日", "2026-11-21"},
	    {"R8.11.21", "2026-11-21"},
	    {"r08.11.21", "2026-11-21"},
	    {"Ｒ８．１１．２１", "2026-11-21"},
	    {"R8/11/21", "2026-11-21"},
	    {"R8-11-21", "2026-11-21"},
	    {"令8.11.21", "2026-11-21"},
	    {"㋿8年11月21日", "2026-11-21"},
	    {"R02.07.21", "2020-07-21"},
	    /* first years and the days on which eras change */
	    {"令和元年5月1日", "2019-05-01"},
	    {"令和1年5月1日", "2019-05-01"},
	    {"令和元年4月30日", NULL},
	    {"平成31年4月30日", "2019-04-30"},
	    {"平成31年5月1日", NULL},
	    {"平成元年1月8日", "1989-01-08"},
	    {"平成元年1月7日", NULL},
	    {"昭和64年1月7日", "1989-01-07"},
	    {"昭和64年1月8日", NULL},
	    {"昭和元年12月25日", "1926-12-25"},
	    {"昭和元年12月24日", NULL},
	    {"大正15年12月25日", "1926-12-25"},
	    {"大正15年12月26日", NULL},
	    {"大正元年7月30日", "1912-07-30"},
	    {"明治45年7月30日", "1912-07-30"},
	    {"明治45年7月31日", NULL},
	    {"明治元年10月23日", "1868-10-23"},
	    {"明治元年10月22日", NULL},
	    {"S39.10.10", "1964-10-10"},
	    /* leap years and month ends */
	    {"2024-02-29", "2024-02-29"},
	    {"2023-02-29", NULL},
	    {"2000-02-29", "2000-02-29"},
	    {"1900-02-29", NULL},
	    {"2026-04-31", NULL},
	    {"2026-13-01", NULL},
	    {"2026-00-10", NULL},
	    {"2026-01-00", NULL},
	    {"0000-01-01", NULL},
	    {"0001-01-01", "0001-01-01"},
	    {"9999-12-31", "9999-12-31"},
	    /* not a date, or not certain which */
	    {"", NULL},
	    {"26-11-21", NULL},
	    {"2026-11", NULL},
	    {"2026-11-21x", NULL},
	    {"2026-11/21", NULL},
	    {"2026年11/21", NULL},
	    {"2026 11 21", NULL},
	    {"令和0年1月1日", NULL},
	    {"令和8", NULL},
	    {"元年5月1日", NULL},
	    {"R20261121", NULL},
	    {"99999999999999999999", NULL},
	    {"2026-11-21T00:00:00Z", NULL},
	    {"\xE4\xBB", NULL},
	    {"令和8年11月21日令和8年11月21日令和8年11月21日令和8年11月21日", NULL},
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct date d = {0};
		bool ok = date_parse(str_from(cases[i].text), &d);
		if (ok != (cases[i].want != NULL))
			fail_msg("%s: %s", cases[i].text, ok ? date_format(a, d) : "refused");
		if (ok)
			CHECK_TEXT(date_format(a, d), cases[i].want, cases[i].text);
	}
	arena_free(a);
}

static void test_text(void **state)
{
	(void)state;
	static const struct {
		struct date date;
		const char *ja, *en, *era, *era_en;
	} cases[] = {
	    {{2026, 11, 21}, "2026年11月21日", "21 November 2026", "令和8年11月21日",
	        "Reiwa 8 (2026) November 21"},
	    {{2019, 5, 1}, "2019年5月1日", "1 May 2019", "令和元年5月1日", "Reiwa 1 (2019) May 1"},
	    {{2019, 4, 30}, "2019年4月30日", "30 April 2019", "平成31年4月30日",
	        "Heisei 31 (2019) April 30"},
	    {{1989, 1, 7}, "1989年1月7日", "7 January 1989", "昭和64年1月7日",
	        "Showa 64 (1989) January 7"},
	    {{1989, 1, 8}, "1989年1月8日", "8 January 1989", "平成元年1月8日",
	        "Heisei 1 (1989) January 8"},
	    {{1926, 12, 25}, "1926年12月25日", "25 December 1926", "昭和元年12月25日",
	        "Showa 1 (1926) December 25"},
	    {{1868, 10, 22}, "1868年10月22日", "22 October 1868", "1868年10月22日",
	        "22 October 1868"},
	    {{0, 0, 0}, "", "", "", ""},
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *name = cases[i].ja;
		CHECK_TEXT(date_text(a, cases[i].date, "ja"), cases[i].ja, name);
		CHECK_TEXT(date_text(a, cases[i].date, "en"), cases[i].en, name);
		CHECK_TEXT(date_era_text(a, cases[i].date, "ja"), cases[i].era, name);
		CHECK_TEXT(date_era_text(a, cases[i].date, "en"), cases[i].era_en, name);
	}
	arena_free(a);
}

/* Every day of the calendar there and back, in order, and the days of the week follow each other.
 */
static void test_every_day(void **state)
{
	(void)state;
	struct date last = date_from_days(-719163);
	assert_int_equal(last.year, 0);
	int weekday = 1; /* 0001-01-01 was a Monday */
	for (int32_t day = -719162; day <= 2932896; day++) {
		struct date d = date_from_days(day);
		if (!date_valid(d) || date_to_days(d) != day || date_compare(last, d) >= 0 ||
		    date_weekday(d) != weekday)
			fail_msg("day %d: %d-%d-%d", day, d.year, d.month, d.day);
		last = d;
		weekday = (weekday + 1) % 7;
	}
	assert_int_equal(date_from_days(2932897).year, 0);
}

static void test_arithmetic(void **state)
{
	(void)state;
	static const struct {
		const char *from;
		int days, months;
		const char *want;
	} cases[] = {
	    {"2024-02-28", 1, 0, "2024-02-29"},
	    {"2023-02-28", 1, 0, "2023-03-01"},
	    {"2024-12-31", 1, 0, "2025-01-01"},
	    {"2025-01-01", -1, 0, "2024-12-31"},
	    {"1970-01-01", -1, 0, "1969-12-31"},
	    {"9999-12-31", 1, 0, ""},
	    {"0001-01-01", -1, 0, ""},
	    {"2024-01-31", INT32_MAX, 0, ""},
	    {"2024-01-31", 0, 1, "2024-02-29"},
	    {"2023-01-31", 0, 1, "2023-02-28"},
	    {"2023-03-31", 0, -1, "2023-02-28"},
	    {"2024-02-29", 0, 12, "2025-02-28"},
	    {"2026-11-30", 0, 3, "2027-02-28"},
	    {"2026-01-15", 0, -1, "2025-12-15"},
	    {"9999-12-31", 0, 1, ""},
	    {"2026-01-01", 0, INT32_MIN, ""},
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct date d;
		assert_true(date_parse(str_from(cases[i].from), &d));
		d = cases[i].months ? date_add_months(d, cases[i].months)
		                    : date_add_days(d, cases[i].days);
		CHECK_TEXT(date_format(a, d), cases[i].want, cases[i].from);
	}
	assert_int_equal(date_add_days((struct date){0}, 1).year, 0);
	assert_int_equal(date_month_end((struct date){2024, 2, 1}).day, 29);
	arena_free(a);
}

static void test_age_and_fiscal_year(void **state)
{
	(void)state;
	static const struct {
		struct date birth, on;
		int age;
	} ages[] = {
	    {{2000, 5, 10}, {2018, 5, 9}, 17},
	    {{2000, 5, 10}, {2018, 5, 10}, 18},
	    {{2008, 2, 29}, {2026, 2, 28}, 17},
	    {{2008, 2, 29}, {2026, 3, 1}, 18},
	    {{2026, 1, 1}, {2026, 1, 1}, 0},
	    {{2026, 6, 1}, {2026, 5, 31}, -1},
	};
	for (size_t i = 0; i < COUNT(ages); i++)
		if (date_age(ages[i].birth, ages[i].on) != ages[i].age)
			fail_msg("age case %zu", i);
	assert_int_equal(date_fiscal_year((struct date){2026, 3, 31}), 2025);
	assert_int_equal(date_fiscal_year((struct date){2026, 4, 1}), 2026);
}

static void test_holidays(void **state)
{
	(void)state;
	static const struct {
		struct date date;
		const char *name; /* NULL: none */
	} cases[] = {
	    {{2026, 1, 1}, "元日"},
	    {{2026, 11, 23}, "勤労感謝の日"},
	    {{2026, 9, 22}, "休日"}, /* between two holidays */
	    {{2019, 4, 30}, "休日"},
	    {{2019, 5, 1}, "休日（祝日扱い）"},
	    {{2026, 11, 21}, NULL},
	    {{1955, 1, 1}, "元日"},
	    {{1954, 1, 1}, NULL}, /* before the table */
	    {{2050, 11, 23}, "勤労感謝の日"},
	    {{0, 0, 0}, NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *got = date_holiday_name(cases[i].date);
		if (!text_eq(got, cases[i].name))
			fail_msg("case %zu: %s", i, got ? got : "none");
		assert_int_equal(date_is_holiday(cases[i].date), cases[i].name != NULL);
	}
}

static void test_business_days(void **state)
{
	(void)state;
	static const struct {
		const char *from;
		int days;
		const char *want;
	} cases[] = {
	    {"2026-11-20", 1, "2026-11-24"}, /* Friday; weekend, then a Monday that is a holiday */
	    {"2026-11-24", -1, "2026-11-20"},
	    {"2026-11-21", 0, "2026-11-24"},
	    {"2026-11-20", 0, "2026-11-20"},
	    {"2026-12-28", 1, "2027-01-04"}, /* over the end of the year */
	    {"2027-01-04", -1, "2026-12-28"},
	    {"2026-12-25", 5, "2027-01-07"},
	    {"2025-12-26", 1, "2026-01-05"},
	    {"2019-04-26", 1, "2019-05-07"}, /* ten days off when the era changed */
	    {"2026-04-28", 3, "2026-05-07"},
	    {"2026-04-01", 14, "2026-04-21"},
	    {"9999-12-28", 1, ""},
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct date d;
		assert_true(date_parse(str_from(cases[i].from), &d));
		CHECK_TEXT(date_format(a, date_add_business_days(d, cases[i].days)), cases[i].want,
		    cases[i].from);
	}
	arena_free(a);
}

static void test_instants(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want; /* NULL: refused */
	} cases[] = {
	    {"2026-11-21T09:46:00Z", "2026-11-21T09:46:00.000000Z"},
	    {"2026-11-21t18:46:00.5+09:00", "2026-11-21T09:46:00.500000Z"},
	    {"2026-11-21 09:46:00.1234567Z", "2026-11-21T09:46:00.123456Z"},
	    {"2025-12-31T23:30:00-01:00", "2026-01-01T00:30:00.000000Z"},
	    {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000000Z"},
	    {"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"},
	    {"2026-11-21", NULL},
	    {"2026-11-21T09:46Z", NULL},
	    {"2026-11-21T09:46:00", NULL},
	    {"2026-11-21T09:46:00.Z", NULL},
	    {"2026-11-21T24:00:00Z", NULL},
	    {"2026-02-30T00:00:00Z", NULL},
	    {"2026-11-21T09:46:00+0900", NULL},
	    {"2026-11-21T09:46:00Zx", NULL},
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		int64_t us = 0;
		bool ok = instant_parse(str_from(cases[i].text), &us);
		if (ok != (cases[i].want != NULL))
			fail_msg("%s", cases[i].text);
		if (ok)
			CHECK_TEXT(instant_format(a, us), cases[i].want, cases[i].text);
	}
	int64_t us = 0;
	assert_true(instant_parse(STR("2026-12-31T15:00:00Z"), &us)); /* midnight in Japan */
	CHECK_TEXT(date_format(a, date_of_us(us)), "2027-01-01", "zone");
	CHECK_TEXT(date_format(a, date_of_us(us - 1)), "2026-12-31", "zone");
	assert_true(date_start_us((struct date){2027, 1, 1}) == us);
	CHECK_TEXT(instant_text(a, us - 1, "ja"), "2026年12月31日 23:59", "ja");
	CHECK_TEXT(instant_text(a, us, "en"), "1 January 2027, 00:00", "en");
	assert_int_equal(date_of_us(INT64_MAX).year, 0);
	assert_int_equal(date_of_us(INT64_MIN).year, 0);
	arena_free(a);
}

static void test_clock(void **state)
{
	(void)state;
	/* main() has set MACHI_NOW */
	struct arena *a = arena_new();
	CHECK_TEXT(instant_format(a, now_us()), "2026-11-20T20:00:00.000000Z", "MACHI_NOW");
	CHECK_TEXT(date_format(a, date_today()), "2026-11-21", "today");
	now_set_us(1);
	assert_true(now_us() == 1);
	now_set_us(0);
	CHECK_TEXT(instant_format(a, now_us()), "2026-11-20T20:00:00.000000Z", "back");
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_every_day),
	    cmocka_unit_test(test_arithmetic),
	    cmocka_unit_test(test_age_and_fiscal_year),
	    cmocka_unit_test(test_holidays),
	    cmocka_unit_test(test_business_days),
	    cmocka_unit_test(test_instants),
	    cmocka_unit_test(test_clock),
	};
	if (setenv("MACHI_NOW", "2026-11-21T05:00:00+09:00", 1) != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
