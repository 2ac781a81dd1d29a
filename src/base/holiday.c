/* Holidays and business days. */
#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/resource.h"
#include "base/time.h"

struct holiday {
	int32_t day; /* date_to_days() */
	const char *name;
};

/* Read from the built-in table at first use, then never changed. */
static struct holiday *holidays;
static size_t count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static _Noreturn void fail(int line)
{
	log_error("holidays", "data/holidays/holidays.csv:%d: broken built-in table", line);
	abort();
}

static void load(void)
{
	static struct arena *names; /* lives as long as the process */
	struct str text, line, date;
	if (!resource_find("data/holidays/holidays.csv", &text))
		fail(0);
	names = arena_new();
	size_t lines = 0;
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	holidays = arena_array(names, lines + 1, sizeof(*holidays));
	(void)str_cut(&text, '\n', &line); /* the heading */
	for (int at = 2; str_cut(&text, '\n', &line); at++) {
		struct date d;
		if (!str_cut(&line, ',', &date) || !date_parse(date, &d) || line.n == 0)
			fail(at);
		struct holiday h = {date_to_days(d), str_dup(names, line)};
		if (count && holidays[count - 1].day >= h.day)
			fail(at); /* must be sorted */
		holidays[count++] = h;
	}
}

static int compare(const void *key, const void *entry)
{
	int32_t day = *(const int32_t *)key, other = ((const struct holiday *)entry)->day;
	return day < other ? -1 : day > other;
}

const char *date_holiday_name(struct date d)
{
	if (!date_valid(d))
		return NULL;
	(void)pthread_once(&once, load); /* cannot fail */
	int32_t day = date_to_days(d);
	const struct holiday *h = bsearch(&day, holidays, count, sizeof(*holidays), compare);
	return h ? h->name : NULL;
}

bool date_is_holiday(struct date d)
{
	return date_holiday_name(d) != NULL;
}

bool date_is_business_day(struct date d)
{
	if (!date_valid(d))
		return false;
	int weekday = date_weekday(d);
	bool new_year = (d.month == 12 && d.day >= 29) || (d.month == 1 && d.day <= 3);
	return weekday != 0 && weekday != 6 && !new_year && !date_is_holiday(d);
}

struct date date_add_business_days(struct date d, int days)
{
	int step = days < 0 ? -1 : 1;
	if (days == 0) {
		while (d.year && !date_is_business_day(d))
			d = date_add_days(d, 1);
		return d;
	}
	for (int left = days; left && d.year;) {
		d = date_add_days(d, step);
		if (date_is_business_day(d))
			left -= step;
	}
	return d;
}
