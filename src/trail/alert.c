/* The life of an alert: open, looking, closed with a finding, and open again. */
#include "trail/alert.h"

#include <inttypes.h>
#include <string.h>

#include "base/time.h"

static void read_row(struct rows *r, struct arena *a, struct alert *out)
{
	*out = (struct alert){
	    .id = rows_i64(r, 0),
	    .rule = rows_dup(r, 1, a),
	    .key = rows_dup(r, 2, a),
	    .state = rows_dup(r, 3, a),
	    .finding = rows_dup(r, 4, a),
	    .reason = rows_dup(r, 5, a),
	    .staff = rows_i64(r, 6),
	    .person = rows_i64(r, 7),
	    .count = rows_i64(r, 8),
	    .day = rows_dup(r, 9, a),
	    .text = rows_dup(r, 10, a),
	    .assigned = rows_i64(r, 11),
	    .raised_us = rows_i64(r, 12),
	    .changed_us = rows_i64(r, 13),
	    .due = rows_dup(r, 14, a),
	};
}

static int read_all(struct rows *r, struct arena *a, int limit, struct alert **out)
{
	int rc = r ? 0 : -(int)ERR_STORE, n = 0;
	*out = arena_array(a, (size_t)limit, sizeof(**out));
	while (r && n < limit && (rc = rows_next(r)) == 1)
		read_row(r, a, &(*out)[n++]);
	rows_end(r);
	return rc < 0 ? rc : n;
}

int alert_get(struct db *db, struct arena *a, int64_t id, struct alert *out, struct err *err)
{
	struct alert *one;
	int n = read_all(db_query(db, err, SQL(ALERT_GET), "i", id), a, 1, &one);
	if (n > 0)
		*out = *one;
	return n;
}

int alert_list(struct db *db, struct arena *a, const char *state, int64_t below, int limit,
    struct alert **out, struct err *err)
{
	return read_all(
	    db_query(db, err, SQL(ALERT_LIST), "tii", state, below, (int64_t)limit), a, limit, out);
}

int alert_mine(struct db *db, struct arena *a, int64_t officer, int64_t below, int limit,
    struct alert **out, struct err *err)
{
	return read_all(db_query(db, err, SQL(ALERT_MINE), "iii", officer, below, (int64_t)limit),
	    a, limit, out);
}

int alert_questions(
    struct db *db, struct arena *a, int64_t person, struct alert **out, struct err *err)
{
	enum { MOST = 20 };
	return read_all(db_query(db, err, SQL(ALERT_QUESTIONS), "i", person), a, MOST, out);
}

int alert_steps(
    struct db *db, struct arena *a, int64_t id, struct alert_step **out, struct err *err)
{
	enum { MOST = 500 };
	struct rows *r = db_query(db, err, SQL(ALERT_STEPS), "i", id);
	int rc = r ? 0 : -(int)ERR_STORE, n = 0;
	*out = arena_array(a, MOST, sizeof(**out));
	while (r && n < MOST && (rc = rows_next(r)) == 1)
		(*out)[n++] = (struct alert_step){.at_us = rows_i64(r, 0),
		    .actor = rows_dup(r, 1, a),
		    .what = rows_dup(r, 2, a),
		    .text = rows_dup(r, 3, a)};
	rows_end(r);
	return rc < 0 ? rc : n;
}

/* --- the state that the journal covers --- */

static const char *subject_of(struct arena *a, int64_t id)
{
	return arena_printf(a, "trail-alert:%" PRId64, id);
}

static int state_of(struct db *db, struct arena *a, int64_t id, json_t **out, struct err *err)
{
	struct alert x;
	struct alert_step *steps;
	int rc = alert_get(db, a, id, &x, err),
	    n = rc > 0 ? alert_steps(db, a, id, &steps, err) : rc;
	if (n < 0 || rc == 0)
		return rc == 0 ? err_set(err, ERR_STORE, NULL, "no alert %" PRId64, id) : n;
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_pack("[I, s, s, s?]", (json_int_t)steps[i].at_us,
		                                steps[i].actor, steps[i].what, steps[i].text));
	*out = json_pack("{s:s, s:s, s:s?, s:s?, s:I, s:I, s:I, s:s?, s:I, s:o, s:s*}", "rule",
	    x.rule, "state", x.state, "finding", x.finding, "reason", x.reason, "staff",
	    (json_int_t)x.staff, "person", (json_int_t)x.person, "count", (json_int_t)x.count,
	    "text", x.text, "assigned", (json_int_t)x.assigned, "steps", list, "due", x.due);
	return 0;
}

static int journal(struct db *db, struct arena *a, const char *actor, const char *what, int64_t id,
    struct err *err)
{
	json_t *state = NULL;
	int rc = state_of(db, a, id, &state, err);
	if (rc == 0)
		rc = journal_add(db,
		    &(struct journal_change){.actor = actor,
		        .verb = arena_printf(a, "trail.alert_%s", what),
		        .subject = subject_of(a, id),
		        .state = state},
		    NULL, err);
	json_decref(state);
	return rc;
}

static int step(struct db *db, const char *actor, int64_t id, const char *what, const char *text,
    struct err *err)
{
	int64_t n = db_run(db, err, SQL(ALERT_STEP_ADD), "iittt", id, now_us(), actor, what, text);
	struct arena *a = arena_new();
	int rc = n < 0 ? (int)n : journal(db, a, actor, what, id, err);
	arena_free(a);
	return rc;
}

int alert_raise(struct db *db, const char *actor, struct alert *x, struct err *err)
{
	int rc = db_get_i64(db, err, &x->id, SQL(ALERT_ADD), "ttiiitti", x->rule, x->key, x->staff,
	    x->person, x->count, x->day, x->text, now_us());
	if (rc <= 0)
		return rc; /* 0: it is there */
	rc = step(db, actor, x->id, "raised", NULL, err);
	return rc < 0 ? rc : 1;
}

int alert_change(struct db *db, const char *actor, int64_t staff, struct alert *x, const char *what,
    const char *text, struct err *err)
{
	if (staff && staff == x->staff)
		return err_set(err, ERR_DENIED, "trail.alert.oneself",
		    "%s looks into what is about themselves", actor);
	if (x->assigned && x->assigned == x->staff)
		return err_set(err, ERR_DENIED, "trail.alert.about_them",
		    "alert %" PRId64 " is about whom it is assigned to", x->id);
	int64_t n = db_run(db, err, SQL(ALERT_SET), "itttiit", x->id, x->state, x->finding,
	    x->reason, x->assigned, now_us(), x->due);
	return n < 0 ? (int)n : step(db, actor, x->id, what, text, err);
}

static int verify_each(struct db *db, int (*state)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	struct arena *a = arena_new();
	int64_t last = 0, id = 0;
	int rc;
	while ((rc = db_get_i64(db, err, &id, SQL(ALERT_NEXT), "i", last)) == 1) {
		struct arena_mark mark = arena_mark(a);
		json_t *s = NULL;
		last = id;
		if ((rc = state_of(db, a, id, &s, err)) == 0)
			rc = state(arg, subject_of(a, id), s);
		json_decref(s);
		arena_release(a, mark);
		if (rc < 0)
			break;
	}
	arena_free(a);
	return rc < 0 ? rc : 0;
}

const struct journal_verifier alert_verifier = {.kind = "trail-alert", .each = verify_each};
