/* Periods: the legal processing period with its clock, the order of lists, retention. */
#include "procedure/application/life.h"

enum { DAY_COUNT_MAX = 4000 };

static bool is_business(const char *kind)
{
	return strcmp(kind, "business") == 0;
}

int period_days_between(
    const struct calendar *c, struct date from, struct date until, const char *kind)
{
	int32_t a = date_to_days(from), b = date_to_days(until);
	if (b <= a)
		return 0;
	if (!is_business(kind) || b - a > DAY_COUNT_MAX)
		return (int)(b - a);
	int n = 0;
	for (int32_t d = a + 1; d <= b; d++)
		n += calendar_open_on(c, date_from_days(d));
	return n;
}

static struct date date_add(const struct calendar *c, struct date from, int days, const char *kind)
{
	if (!is_business(kind))
		return date_add_days(from, days);
	/* A city that is never open has no business days to count. */
	for (int looked = 0; days > 0 && looked < DAY_COUNT_MAX; looked++) {
		from = date_add_days(from, 1);
		days -= calendar_open_on(c, from);
	}
	return from;
}

char *period_due(
    const struct calendar *c, struct arena *a, struct date from, int days, const char *kind)
{
	/* The day of arrival is not counted (民法第140条): a period of 1 day ends tomorrow. */
	return days > 0 ? date_format(a, date_add(c, from, days, kind)) : NULL;
}

struct date period_warn(struct date submitted, struct date due)
{
	int32_t all = date_to_days(due) - date_to_days(submitted);
	return date_add_days(submitted, (int)(all * 7 / 10));
}

void clock_stop(struct app_row *r, int64_t now)
{
	r->clock_stopped_us = now;
}

int clock_start(struct db *db, struct arena *a, struct app_row *r, int64_t now, struct err *err)
{
	struct calendar c;
	struct date due;
	if (r->clock_stopped_us == 0)
		return 0;
	int rc = city_calendar(db, a, &c, err);
	if (rc < 0)
		return rc;
	/* Time for correction is outside the standard period (行政手続法第6条 and its practice). */
	int days = period_days_between(
	    &c, date_of_us(r->clock_stopped_us), date_of_us(now), r->period_kind);
	if (days > 0 && r->due && date_parse(str_from(r->due), &due)) {
		r->due = date_format(a, date_add(&c, due, days, r->period_kind));
		r->stopped_days += days;
	}
	r->clock_stopped_us = 0;
	return 0;
}

int64_t order_key_of(const struct app_row *r)
{
	struct date due;
	enum app_state s = row_state(r);
	switch (app_state_bucket(s)) {
	case APP_BUCKET_DRAFT:
		return date_to_days(date_of_us(r->updated_us)) + DRAFT_DAYS;
	case APP_BUCKET_DONE:
		/* Newest first: seconds leave no two days' worth of ties. */
		return -(r->decided_us ? r->decided_us : r->updated_us) / 1000000;
	default:
		return r->due && date_parse(str_from(r->due), &due) ? date_to_days(due)
		                                                    : ORDER_LAST;
	}
}

char *retention_end(struct arena *a, struct date completed, int years)
{
	if (years <= 0)
		return NULL;
	/* Counted from 1 April after the fiscal year of completion, so it ends on a 31 March. */
	struct date end = {.year = date_fiscal_year(completed) + 1 + years, .month = 3, .day = 31};
	return date_format(a, end);
}
