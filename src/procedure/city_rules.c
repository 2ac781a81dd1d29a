/* What a city's settings say to the life of applications. It is kept in the store, so that
 * everything that happens inside a write knows it, in whichever process. */
#include "procedure/city_rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "procedure/application/life.h"

/* --- from the settings --- */

struct rule {
	const char *kind, *value;
};

/* "2026-08-14", or "08-14" for every year; the year is 0 then. */
static bool closed_day_parse(const char *text, struct date *out)
{
	struct arena *a = arena_new();
	bool every = strlen(text) == 5;
	/* A leap year, so that 02-29 is a day. */
	bool good = date_parse(str_from(every ? arena_printf(a, "2024-%s", text) : text), out);
	if (good && every)
		out->year = 0;
	arena_free(a);
	return good;
}

struct sync {
	struct arena *arena;
	struct rule *rules;
	int n;
};

static void add(struct sync *s, const char *kind, const char *value)
{
	s->rules[s->n++] = (struct rule){kind, value};
}

static void read_settings(struct sync *s, const struct city *city)
{
	size_t i;
	json_t *day, *days = json_object_get(city->settings, "closed-days");
	const char *department = city_setting(city, "fallback-department", NULL);
	s->rules = arena_array(s->arena, json_array_size(days) + 1, sizeof(*s->rules));
	json_array_foreach(days, i, day)
	{
		const char *text = json_string_value(day);
		struct date d;
		if (text && closed_day_parse(text, &d))
			add(s, "closed-day", text);
		else
			log_error("city.closed_days",
			    "city.yaml: closed-days: entry %zu is no date "
			    "(2026-08-14, or 08-14 for every year; in quotes)",
			    i + 1);
	}
	if (department && department[0])
		add(s, "fallback-department", department);
}

static int by_rule(const void *a, const void *b)
{
	const struct rule *x = a, *y = b;
	int order = strcmp(x->kind, y->kind);
	return order ? order : strcmp(x->value, y->value);
}

/* 1: the store says the same. */
static int same(struct db *db, const struct sync *s, struct err *err)
{
	struct rows *rows = db_query(db, err, &life_sql[SQL_RULE_ALL], "");
	int i = 0, rc, equal = 1;
	if (!rows)
		return -(int)ERR_STORE;
	for (; (rc = rows_next(rows)) == 1; i++)
		if (i >= s->n || !str_is(rows_str(rows, 0), s->rules[i].kind) ||
		    !str_is(rows_str(rows, 1), s->rules[i].value))
			equal = 0;
	rows_end(rows);
	return rc < 0 ? rc : equal && i == s->n;
}

static int replace(struct db *db, void *arg, struct err *err)
{
	const struct sync *s = arg;
	int64_t n = db_run(db, err, &life_sql[SQL_RULE_CLEAR], "");
	for (int i = 0; i < s->n && n >= 0; i++)
		n = db_run(
		    db, err, &life_sql[SQL_RULE_ADD], "tt", s->rules[i].kind, s->rules[i].value);
	return n < 0 ? (int)n : 0;
}

int city_rules_load(struct city *city, struct err *err)
{
	struct sync s = {.arena = arena_new()};
	read_settings(&s, city);
	if (s.n > 1)
		qsort(s.rules, (size_t)s.n, sizeof(*s.rules), by_rule);
	struct db *db = store_reader(city->store, err);
	int rc = db ? same(db, &s, err) : -(int)ERR_STORE;
	if (rc == 0)
		rc = store_write(city->store, replace, &s, err);
	arena_free(s.arena);
	return rc < 0 ? rc : 0;
}

/* --- asked for --- */

int city_calendar(struct db *db, struct arena *a, struct calendar *out, struct err *err)
{
	struct rows *rows = db_query(db, err, &life_sql[SQL_RULE_KIND], "t", "closed-day");
	int rc, cap = 0;
	*out = (struct calendar){0};
	if (!rows)
		return -(int)ERR_STORE;
	while ((rc = rows_next(rows)) == 1) {
		if (out->n == cap) {
			cap = cap ? cap * 2 : 32;
			struct date *more = arena_array(a, (size_t)cap, sizeof(*more));
			if (out->n)
				memcpy(more, out->closed, (size_t)out->n * sizeof(*more));
			out->closed = more;
		}
		if (closed_day_parse(rows_dup(rows, 0, a), &out->closed[out->n]))
			out->n++;
	}
	rows_end(rows);
	return rc;
}

bool calendar_open_on(const struct calendar *c, struct date d)
{
	if (!date_is_business_day(d))
		return false;
	for (int i = 0; i < c->n; i++) {
		const struct date *x = &c->closed[i];
		if ((x->year == 0 || x->year == d.year) && x->month == d.month && x->day == d.day)
			return false;
	}
	return true;
}

int city_fallback_department(struct db *db, struct arena *a, char **name, struct err *err)
{
	return db_get_text(db, err, a, name, &life_sql[SQL_RULE_KIND], "t", "fallback-department");
}
