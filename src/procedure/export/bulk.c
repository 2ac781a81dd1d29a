/* Rows of exports of many people. */
#include "procedure/export/bulk.h"

#include <inttypes.h>

#include "base/json.h"
#include "base/time.h"

enum { MOST = 100 };
#define KEPT_US (24 * INT64_C(3600000000)) /* from the approval on */

#define ROW                                                                                        \
	"SELECT id, mark, state, staff, format, query, procedure, from_date, until_date, people,"  \
	" purpose, asked_us, decided_by, decided_us, comment, until_us, fetched_us"                \
	" FROM bulk_export "
static const struct sql by_id = {ROW "WHERE id = ?1"};
static const struct sql by_mark = {ROW "WHERE mark = ?1"};
static const struct sql of_staff = {ROW "WHERE staff = ?1 ORDER BY staff DESC, id DESC LIMIT 100"};
static const struct sql waiting = {ROW "WHERE state = 'waiting' ORDER BY id DESC LIMIT 100"};
static const struct sql after = {"SELECT id FROM bulk_export WHERE id > ?1 ORDER BY id LIMIT 1"};
static const struct sql add = {
    "INSERT INTO bulk_export (mark, state, staff, format, query, procedure, from_date, until_date,"
    " people, purpose, asked_us, decided_by, decided_us, until_us, fetched_us) VALUES (?1,"
    " 'waiting', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 0, 0, 0, 0) RETURNING id"};
static const struct sql decide = {
    "UPDATE bulk_export SET state = ?2, decided_by = ?3, decided_us = ?4, comment = ?5,"
    " until_us = ?6 WHERE id = ?1 AND state = 'waiting'"};
static const struct sql fetch = {
    "UPDATE bulk_export SET state = 'fetched', fetched_us = ?2 WHERE id = ?1"
    " AND state = 'approved' AND until_us > ?2"};

const struct sql *const bulk_statements[BULK_STATEMENTS] = {
    &by_id, &by_mark, &of_staff, &waiting, &after, &add, &decide, &fetch};

static int read_all(struct rows *r, struct arena *a, struct bulk **out)
{
	int rc = r ? 0 : -(int)ERR_STORE, n = 0;
	*out = arena_array(a, MOST, sizeof(**out));
	while (r && n < MOST && (rc = rows_next(r)) == 1)
		(*out)[n++] = (struct bulk){
		    .id = rows_i64(r, 0),
		    .mark = rows_dup(r, 1, a),
		    .state = rows_dup(r, 2, a),
		    .staff = rows_i64(r, 3),
		    .format = rows_dup(r, 4, a),
		    .query = rows_dup(r, 5, a),
		    .procedure = rows_dup(r, 6, a),
		    .from = rows_dup(r, 7, a),
		    .until = rows_dup(r, 8, a),
		    .people = rows_i64(r, 9),
		    .purpose = rows_dup(r, 10, a),
		    .asked_us = rows_i64(r, 11),
		    .decided_by = rows_i64(r, 12),
		    .decided_us = rows_i64(r, 13),
		    .comment = rows_dup(r, 14, a),
		    .until_us = rows_i64(r, 15),
		    .fetched_us = rows_i64(r, 16),
		};
	rows_end(r);
	return rc < 0 ? rc : n;
}

static int first(struct rows *r, struct arena *a, struct bulk *out)
{
	struct bulk *list;
	int n = read_all(r, a, &list);
	if (n > 0)
		*out = list[0];
	return n;
}

int bulk_get(struct db *db, struct arena *a, int64_t id, struct bulk *out, struct err *err)
{
	return first(db_query(db, err, &by_id, "i", id), a, out);
}

int bulk_by_mark(
    struct db *db, struct arena *a, const char *mark, struct bulk *out, struct err *err)
{
	return first(db_query(db, err, &by_mark, "t", mark), a, out);
}

int bulk_of(struct db *db, struct arena *a, int64_t staff, struct bulk **out, struct err *err)
{
	return read_all(db_query(db, err, &of_staff, "i", staff), a, out);
}

int bulk_waiting(struct db *db, struct arena *a, struct bulk **out, struct err *err)
{
	return read_all(db_query(db, err, &waiting, ""), a, out);
}

/* --- changes --- */

static json_t *state_of(const struct bulk *b)
{
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:I, s:s, s:I, s:I, s:s?, s:I, s:I}", "mark",
	    b->mark, "state", b->state, "staff", (json_int_t)b->staff, "format", b->format, "query",
	    b->query, "people", (json_int_t)b->people, "purpose", b->purpose, "decided_by",
	    (json_int_t)b->decided_by, "decided", (json_int_t)b->decided_us, "comment", b->comment,
	    "until", (json_int_t)b->until_us, "fetched", (json_int_t)b->fetched_us);
}

static int journal(struct db *db, const char *actor, const char *verb, int64_t id, struct err *err)
{
	struct arena *a = arena_new();
	struct bulk b;
	int rc = bulk_get(db, a, id, &b, err);
	if (rc > 0) {
		json_t *state = state_of(&b);
		rc = journal_add(db,
		    &(struct journal_change){.actor = actor,
		        .verb = verb,
		        .subject = arena_printf(a, "export:%" PRId64, id),
		        .state = state},
		    NULL, err);
		json_decref(state);
	}
	arena_free(a);
	return rc;
}

int bulk_ask(struct db *db, const char *actor, struct bulk *b, struct err *err)
{
	int rc = db_get_i64(db, err, &b->id, &add, "titttttiti", b->mark, b->staff, b->format,
	    b->query, b->procedure, b->from, b->until, b->people, b->purpose, now_us());
	return rc < 0 ? rc : journal(db, actor, "export.asked", b->id, err);
}

int bulk_decide(struct db *db, const char *actor, const struct bulk *b, bool approve, int64_t by,
    const char *comment, struct err *err)
{
	int64_t now = now_us(),
	        n = by == b->staff
	                ? err_set(err, ERR_DENIED, "export.oneself", "%s decides their own", actor)
	                : db_run(db, err, &decide, "itiiti", b->id,
	                      approve ? "approved" : "refused", by, now, comment,
	                      approve ? now + KEPT_US : INT64_C(0));
	if (n == 0)
		return err_set(
		    err, ERR_CONFLICT, "export.decided", "export %" PRId64 " was decided", b->id);
	return n < 0
	           ? (int)n
	           : journal(db, actor, approve ? "export.approved" : "export.refused", b->id, err);
}

int bulk_fetched(struct db *db, const char *actor, const struct bulk *b, struct err *err)
{
	int64_t n = db_run(db, err, &fetch, "ii", b->id, now_us());
	if (n == 0)
		return err_set(
		    err, ERR_CONFLICT, "export.gone", "export %" PRId64 " is not to be had", b->id);
	return n < 0 ? (int)n : journal(db, actor, "export.fetched", b->id, err);
}

static int verify_each(struct db *db, int (*state)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	struct arena *a = arena_new();
	int64_t last = 0, id;
	int rc;
	while ((rc = db_get_i64(db, err, &id, &after, "i", last)) == 1) {
		struct arena_mark mark = arena_mark(a);
		struct bulk b;
		last = id;
		if ((rc = bulk_get(db, a, id, &b, err)) > 0) {
			json_t *s = state_of(&b);
			rc = state(arg, arena_printf(a, "export:%" PRId64, id), s);
			json_decref(s);
		}
		arena_release(a, mark);
		if (rc < 0)
			break;
	}
	arena_free(a);
	return rc < 0 ? rc : 0;
}

const struct journal_verifier bulk_verifier = {.kind = "export", .each = verify_each};
