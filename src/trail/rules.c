/* What raises an alert. Thresholds are settings of the city. A rule raises one alert for somebody
 * and a day (those about a person: for each person), however often it is run. */
#include "trail/alert.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "notice/notice.h"
#include "procedure/city_rules.h"

struct watch {
	struct city *city;
	struct arena *arena;
	const char *day;
	int64_t from_us, until_us;
	struct alert *found;
	int n, cap;
	int raised;
};

static void found(struct watch *w, const char *rule, int64_t staff, int64_t person, int64_t count)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 32;
		struct alert *more = arena_array(w->arena, (size_t)w->cap, sizeof(*more));
		if (w->n)
			memcpy(more, w->found, (size_t)w->n * sizeof(*more));
		w->found = more;
	}
	w->found[w->n++] = (struct alert){.rule = rule,
	    .key = arena_printf(
	        w->arena, "%s/%" PRId64 "/%" PRId64 "/%s", rule, staff, person, w->day),
	    .staff = staff,
	    .person = person,
	    .count = count,
	    .day = w->day};
}

/* --- rules that count --- */

static const struct counting {
	const char *rule, *setting;
	int64_t fallback;
	enum trail_statement sql;
	bool urgent;
} counting[] = {
    {"mass-reading", "trail.mass-reading", 200, TRAIL_COUNT_READ_SQL, true},
    {"mass-export", "trail.mass-export", 1000, TRAIL_COUNT_EXPORT_SQL, true},
    {"mass-number", "trail.mass-number", 30, TRAIL_COUNT_NUMBER_SQL, true},
    {"mass-change", "trail.mass-change", 300, TRAIL_COUNT_CHANGE_SQL, false},
};

static int count_rule(struct db *db, struct watch *w, const struct counting *c, struct err *err)
{
	int64_t most = city_setting_i64(w->city, c->setting, c->fallback);
	if (most <= 0) /* switched off */
		return 0;
	struct rows *r =
	    db_query(db, err, &trail_sql[c->sql], "iii", w->from_us, w->until_us, most);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) == 1)
		found(w, c->rule, rows_i64(r, 0), 0, rows_i64(r, 1));
	rows_end(r);
	return rc;
}

/* --- outside working hours --- */

/* "7-21" as hours; the whole day when it is none of these. */
static void hours_of(const char *text, int64_t *first, int64_t *last)
{
	struct str rest = str_from(text), from;
	if (!text || !str_cut(&rest, '-', &from) || !str_to_i64(from, 0, 24, first) ||
	    !str_to_i64(rest, 0, 24, last)) {
		*first = 0;
		*last = 24;
	}
}

static int off_hours(struct db *db, struct watch *w, struct date day, struct err *err)
{
	const int64_t hour = INT64_C(3600000000);
	int64_t first, last, most = city_setting_i64(w->city, "trail.off-hours", 1);
	struct calendar calendar;
	int rc = city_calendar(db, w->arena, &calendar, err);
	if (rc < 0 || most <= 0)
		return rc;
	hours_of(city_setting(w->city, "trail.hours", "7-21"), &first, &last);
	if (!calendar_open_on(&calendar, day))
		first = last = 0; /* the whole day is outside */
	struct rows *r = db_query(db, err, SQL(COUNT_OFF), "iiiii", w->from_us, w->until_us, most,
	    w->from_us + first * hour, w->from_us + last * hour);
	rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) == 1)
		found(w, "off-hours", rows_i64(r, 0), 0, rows_i64(r, 1));
	rows_end(r);
	return rc;
}

/* --- who is near to whom --- */

static struct str family_of(const char *name)
{
	struct str rest = str_from(name), family;
	return str_cut(&rest, ' ', &family) ? family : str_from(name);
}

static const char *address_part(const json_t *profile, const char *part)
{
	return json_text(json_object_get(profile, "address"), part);
}

/* The same part of town; of one household, too. */
static bool near(const char *own_text, const char *profile_text)
{
	json_t *own = own_text ? json_loads(own_text, 0, NULL) : NULL,
	       *profile = json_loads(profile_text, 0, NULL);
	const char *town = address_part(own, "town");
	bool yes = town && town[0] && text_eq(town, address_part(profile, "town")) &&
	           text_eq(address_part(own, "city"), address_part(profile, "city"));
	json_decref(own);
	json_decref(profile);
	return yes;
}

/* Pairs of staff and person of the day. A member of staff is known as a resident by the same name.
 */
static int near_rules(struct db *db, struct watch *w, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(PAIRS), "ii", w->from_us, w->until_us);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) == 1) {
		int64_t staff = rows_i64(r, 0), person = rows_i64(r, 1), n = rows_i64(r, 2);
		struct arena_mark mark = arena_mark(w->arena);
		char *own = NULL;
		const char *name = rows_dup(r, 3, w->arena), *key = rows_dup(r, 4, w->arena),
		           *their = rows_dup(r, 5, w->arena), *profile = rows_dup(r, 7, w->arena);
		bool self = text_eq(key, rows_dup(r, 6, w->arena)), colleague = rows_i64(r, 8) > 0,
		     family = str_eq(family_of(name), family_of(their));
		rc = self ? 0 : db_get_text(db, err, w->arena, &own, SQL(PROFILE_OF), "t", key);
		bool close = rc > 0 && near(own, profile);
		arena_release(w->arena, mark);
		if (rc < 0)
			break;
		if (self)
			found(w, "oneself", staff, person, n);
		else if (colleague)
			found(w, "colleague", staff, person, n);
		else if (close)
			found(w, "neighbour", staff, person, n);
		else if (family)
			found(w, "family", staff, person, n);
	}
	rows_end(r);
	return rc < 0 ? rc : 0;
}

/* --- raising, telling --- */

int rules_tell(struct city *city, struct arena *a, struct db *db, int raised, struct err *err)
{
	int64_t *officers;
	int n = staff_to_ask(db, a, "trail.search", RANK_MAYOR, 0, &officers, err), rc = 0;
	for (int i = 0; i < n && rc >= 0; i++) {
		char *mail, *lang;
		rc = staff_mail(db, a, officers[i], &mail, &lang, err);
		if (rc < 0 || !mail)
			continue;
		json_t *view = json_pack("{s:s, s:i, s:s}", "name",
		    staff_name(db, a, officers[i], err), "count", raised, "url",
		    arena_printf(a, "%s%s/staff/trail/alerts", city->base_url,
		        text_eq(lang, "en") ? "/en" : ""));
		rc = notice_mail(db, mail, lang, "trail/alert", "trail-alert:0", view, err);
		json_decref(view);
	}
	return n < 0 ? n : rc < 0 ? rc : 0;
}

static int raise_all(struct db *db, void *arg, struct err *err)
{
	struct watch *w = arg;
	w->raised = 0;
	for (int i = 0; i < w->n; i++) {
		int rc = alert_raise(db, "system", &w->found[i], err);
		if (rc < 0)
			return rc;
		w->raised += rc;
	}
	return w->raised ? rules_tell(w->city, w->arena, db, w->raised, err) : 0;
}

int rules_run(struct store *store, struct city *city, struct arena *a, struct date day, bool urgent,
    struct err *err)
{
	struct watch w = {.city = city,
	    .arena = a,
	    .day = date_format(a, day),
	    .from_us = date_start_us(day),
	    .until_us = date_start_us(date_add_days(day, 1))};
	struct db *db = store_reader(store, err);
	int rc = db ? 0 : -(int)ERR_STORE;
	for (size_t i = 0; i < COUNT(counting) && rc >= 0; i++)
		if (!urgent || counting[i].urgent)
			rc = count_rule(db, &w, &counting[i], err);
	if (rc >= 0 && !urgent)
		rc = off_hours(db, &w, day, err);
	if (rc >= 0 && !urgent)
		rc = near_rules(db, &w, err);
	return rc < 0 || w.n == 0 ? rc : store_write(store, raise_all, &w, err);
}
