/* Places of procedures with a capacity (a course): counted in the transaction of the submission, so
 * that never more are given than there are; a waiting list when it is full. */
#include "procedure/application/life.h"

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
	/* One statement compares and counts: of two at once the second sees the first one's place.
	 */
	n = db_run(db, err, &life_sql[SQL_CAPACITY_TAKE], "tti", r->procedure, r->place_key, limit);
	if (n < 0)
		return (int)n;
	r->place = n ? "taken" : "waiting";
	if (!n)
		n = db_run(
		    db, err, &life_sql[SQL_WAITING_ADD], "tti", r->procedure, r->place_key, r->id);
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
	struct app_row *first;
	n = db_run(db, err, &life_sql[SQL_WAITING_DELETE], "i", next);
	if (n < 0 || (rc = row_load(db, a, next, true, &first, err)) < 0)
		return n < 0 ? (int)n : rc;
	first->place = "taken";
	rc = row_changed(db, a, &app_system, first, "application.place_given", NULL, err);
	return rc < 0 ? rc : tell_applicant(db, a, first, "place", NULL, err);
}
