/* Places of procedures with a capacity (a course): counted in the transaction of the submission, so
 * that never more are given than there are; a waiting list when it is full. The processing period
 * of who waits begins with the place: until then nothing is due. */
#include "procedure/application/life.h"

/* The place was counted before. */
static int place_given(struct db *db, struct arena *a, struct app_row *r, struct err *err)
{
	struct calendar c;
	int64_t now = now_us();
	int rc = city_calendar(db, a, &c, err);
	if (rc < 0)
		return rc;
	r->place = "taken";
	r->due = period_due(&c, a, date_of_us(now), (int)r->period_days, r->period_kind);
	if (r->clock_stopped_us) /* a correction is waited for */
		clock_stop(r, now);
	return 0;
}

/* Gives a counted place to one who waits for it. */
static int place_give(struct db *db, struct arena *a, int64_t id, struct err *err)
{
	struct app_row *r;
	int64_t n = db_run(db, err, &life_sql[SQL_WAITING_DELETE], "i", id);
	int rc = n < 0 ? (int)n : row_load(db, a, id, true, &r, err);
	if (rc < 0 || (rc = place_given(db, a, r, err)) < 0 ||
	    (rc = row_changed(db, a, &app_system, r, "application.place_given", NULL, err)) < 0)
		return rc;
	return tell_applicant(db, a, r, "place", NULL, err);
}

/* Counts one place more; those who wait come first, as far as there are places (a limit may have
 * been raised). 1: there is one for whoever comes now; 0: none. */
static int place_count(struct db *db, struct arena *a, const char *procedure, const char *key,
    int64_t limit, struct err *err)
{
	int64_t first, n;
	int rc;
	do {
		/* One statement compares and counts: of two at once the second sees the first
		 * one's place, and after it who waits. */
		n = db_run(db, err, &life_sql[SQL_CAPACITY_TAKE], "tti", procedure, key, limit);
		if (n <= 0)
			return (int)n;
		rc =
		    db_get_i64(db, err, &first, &life_sql[SQL_WAITING_FIRST], "tt", procedure, key);
		if (rc == 0)
			return 1;
	} while (rc > 0 && (rc = place_give(db, a, first, err)) == 0);
	return rc;
}

int places_advance(
    struct db *db, struct arena *a, const struct procedure *proc, const char *key, struct err *err)
{
	int64_t limit, n = 0;
	const char *procedure = procedure_id(proc);
	int rc = form_capacity_of(proc, key, &limit)
	             ? place_count(db, a, procedure, key, limit, err)
	             : 0;
	if (rc > 0) /* nobody waits any more: it is free */
		n = db_run(db, err, &life_sql[SQL_CAPACITY_GIVE], "tt", procedure, key);
	return n < 0 ? (int)n : rc < 0 ? rc : 0;
}

int place_take(struct db *db, struct arena *a, const struct procedure *proc, struct app_row *r,
    json_t *answers, struct err *err)
{
	const char *key;
	int64_t limit;
	if (!form_capacity(proc, answers, &key, &limit))
		return 0;
	r->place_key = arena_strdup(a, key);
	int64_t n = db_run(db, err, &life_sql[SQL_CAPACITY_ADD], "tt", r->procedure, r->place_key);
	if (n < 0)
		return (int)n;
	int rc = place_count(db, a, r->procedure, r->place_key, limit, err);
	if (rc < 0)
		return rc;
	if (rc > 0) {
		r->place = "taken";
		return r->due ? 0 : place_given(db, a, r, err);
	}
	r->place = "waiting";
	r->due = NULL;
	n = db_run(db, err, &life_sql[SQL_WAITING_ADD], "tti", r->procedure, r->place_key, r->id);
	return n < 0 ? (int)n : 0;
}

int app_full(struct db *db, const struct procedure *proc, json_t *answers, struct err *err)
{
	const char *key;
	int64_t limit, one;
	if (!form_capacity(proc, answers, &key, &limit))
		return 0;
	/* No row yet: nobody has a place. */
	int rc = limit > 0 ? db_get_i64(db, err, &one, &life_sql[SQL_CAPACITY_FULL], "tti",
	                         procedure_id(proc), key, limit)
	                   : 1;
	return rc;
}

int place_view(struct db *db, json_t *o, const struct application *app, struct err *err)
{
	bool waiting = text_eq(app->place, "waiting");
	int64_t line = 0;
	int rc =
	    waiting ? db_get_i64(db, err, &line, &life_sql[SQL_WAITING_PLACE], "i", app->id) : 0;
	json_object_set_new(o, "place", app->place ? json_string(app->place) : json_null());
	json_object_set_new(o, "on_waiting_list", json_boolean(waiting));
	json_object_set_new(
	    o, "waiting_number", line > 0 ? json_integer((json_int_t)line) : json_null());
	/* Once it is decided, the decision says whether there is a place. */
	json_object_set_new(o, "has_place",
	    json_boolean(
	        text_eq(app->place, "taken") && app_state_bucket(app->state) != APP_BUCKET_DONE));
	return rc < 0 ? rc : 0;
}

int place_free(struct db *db, struct arena *a, struct app_row *r, struct err *err)
{
	int64_t next, n;
	const char *had = r->place;
	if (!had)
		return 0;
	r->place = NULL;
	if (strcmp(had, "waiting") == 0) {
		n = db_run(db, err, &life_sql[SQL_WAITING_DELETE], "i", r->id);
		return n < 0 ? (int)n : 0;
	}
	int rc = db_get_i64(
	    db, err, &next, &life_sql[SQL_WAITING_FIRST], "tt", r->procedure, r->place_key);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		n = db_run(db, err, &life_sql[SQL_CAPACITY_GIVE], "tt", r->procedure, r->place_key);
		return n < 0 ? (int)n : 0;
	}
	/* The place goes straight to the first who waits: the count stays. */
	return place_give(db, a, next, err);
}
