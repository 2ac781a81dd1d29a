/* Rows of the trail in the store: added, sealed in batches that the journal proves, erased when
 * their time is over.
 *
 * 1. A batch's entry has the rows as its state, hashed with a salt: changing, adding or taking away
 *    a row of a sealed batch is found by machi verify.
 * 2. Rows are sealed in the order of their numbers. What a change added waits with batch 0 for the
 *    next batch, at most a second while the server runs.
 * 3. A batch is erased as a whole, with an entry that says so. */
#include "trail/private.h"

#include <inttypes.h>

#include "base/time.h"
#include "store/jobs.h"

#define WATCH_AFTER_US INT64_C(60000000)

_Static_assert(TRAIL_BASIC == 1 << CLASS_BASIC && TRAIL_PERSONAL == 1 << CLASS_PERSONAL &&
                   TRAIL_SENSITIVE == 1 << CLASS_SENSITIVE && TRAIL_MY_NUMBER == 1 << CLASS_NUMBER,
    "the classes of rights");

static const char *const kinds[TRAIL_KIND_COUNT] = {
    [TRAIL_READ] = "read",
    [TRAIL_LIST] = "list",
    [TRAIL_SEARCH] = "search",
    [TRAIL_LOOK_UP] = "look-up",
    [TRAIL_FILE] = "file",
    [TRAIL_DOCUMENT] = "document",
    [TRAIL_PRINT] = "print",
    [TRAIL_EXPORT] = "export",
    [TRAIL_STAFF] = "staff",
    [TRAIL_MAIL] = "mail",
    [TRAIL_NUMBER] = "my-number",
    [TRAIL_CHANGE] = "change",
};

const char *trail_kind_name(enum trail_kind kind)
{
	return kinds[kind];
}

enum trail_kind trail_kind_parse(const char *name)
{
	enum trail_kind kind = 0;
	while (kind < TRAIL_KIND_COUNT && !text_eq(kinds[kind], name))
		kind++;
	return kind;
}

static int add(struct db *db, int64_t batch, const struct note *n, struct err *err)
{
	const struct reading *r = &n->reading;
	return db_later(db, err, SQL(ADD), "iiiitttiiittiiitt", batch, n->at_us, n->staff,
	    (int64_t)n->token, n->address, kinds[r->kind], r->verb, r->person, r->application,
	    r->department, r->subject, r->procedure,
	    (int64_t)(r->fields ? r->fields : TRAIL_BASIC | TRAIL_PERSONAL),
	    r->count > 0 ? r->count : INT64_C(1), (int64_t)r->beyond, r->reason, r->detail);
}

int trail_add(struct db *db, int64_t staff, bool token, const char *address,
    const struct reading *reading, struct err *err)
{
	const struct note n = {.at_us = now_us(),
	    .staff = staff,
	    .token = token,
	    .address = address ? address : "",
	    .reading = *reading};
	return add(db, 0, &n, err);
}

int trail_add_of(struct request *rq, struct db *db, const struct reading *reading, struct err *err)
{
	return rq->actor.kind == ACTOR_STAFF
	           ? trail_add(db, rq->actor.person, rq->actor.token, rq->address, reading, err)
	           : 0;
}

/* --- batches --- */

/* The rows as the journal's state: columns in the order of the table. New reference. */
static int batch_state(struct db *db, int64_t batch, json_t **out, struct err *err)
{
	static const char types[] = "iiitttiiittiiitt";
	struct rows *r = db_query(db, err, SQL(BATCH_ROWS), "i", batch);
	int rc = r ? 0 : -(int)ERR_STORE;
	json_t *list = json_array();
	while (r && (rc = rows_next(r)) == 1) {
		json_t *row = json_array();
		for (int c = 0; types[c]; c++) {
			struct str text = rows_str(r, c);
			json_array_append_new(row, rows_null(r, c) ? json_null()
			                           : types[c] == 'i'
			                               ? json_integer((json_int_t)rows_i64(r, c))
			                               : json_stringn(text.p, text.n));
		}
		json_array_append_new(list, row);
	}
	rows_end(r);
	*out = json_pack("{s:o}", "rows", list);
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

static const char *subject_of(struct arena *a, int64_t batch)
{
	return arena_printf(a, "trail:%" PRId64, batch);
}

/* What changes added goes into the batch; *n counts its rows. */
static int take_unsealed(struct db *db, int64_t **ids, struct arena *a, int *n, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(UNSEALED), "i", (int64_t)BATCH_MAX);
	int rc = r ? 0 : -(int)ERR_STORE;
	*ids = arena_array(a, BATCH_MAX, sizeof(**ids));
	for (*n = 0; r && *n < BATCH_MAX && (rc = rows_next(r)) == 1;)
		(*ids)[(*n)++] = rows_i64(r, 0);
	rows_end(r);
	return rc < 0 ? rc : 0;
}

static int seal(struct db *db, struct arena *a, const struct note *notes, struct err *err)
{
	int64_t *ids, batch;
	int changes, rows = 0;
	int rc = take_unsealed(db, &ids, a, &changes, err);
	for (const struct note *n = notes; n; n = n->next)
		rows++;
	if (rc < 0 || changes + rows == 0)
		return rc;
	rc = db_get_i64(db, err, &batch, SQL(BATCH_ADD), "ii", now_us(), (int64_t)(changes + rows));
	for (int i = 0; i < changes && rc >= 0; i++)
		rc = db_later(db, err, SQL(SEAL), "ii", ids[i], batch);
	for (const struct note *n = notes; n && rc >= 0; n = n->next)
		rc = add(db, batch, n, err);
	json_t *state = NULL;
	if (rc >= 0)
		rc = batch_state(db, batch, &state, err);
	if (rc == 0)
		rc = journal_add(db,
		    &(struct journal_change){.actor = "system",
		        .verb = "trail.recorded",
		        .subject = subject_of(a, batch),
		        .state = state},
		    NULL, err);
	json_decref(state);
	if (rc >= 0)
		rc =
		    job_add(db, "trail.watch", NULL, now_us() + WATCH_AFTER_US, "trail.watch", err);
	return rc < 0 ? rc : 0;
}

int trail_put(struct db *db, const struct note *notes, struct err *err)
{
	struct arena *a = arena_new();
	int rc = seal(db, a, notes, err);
	arena_free(a);
	return rc;
}

/* --- verifying --- */

struct found {
	int64_t ids[200];
	int n;
};

static int next_batches(
    struct db *db, const struct sql *sql, int64_t from, struct found *f, struct err *err)
{
	struct rows *r = db_query(db, err, sql, "i", from);
	int rc = r ? 0 : -(int)ERR_STORE;
	for (f->n = 0; r && f->n < (int)COUNT(f->ids) && (rc = rows_next(r)) == 1;)
		f->ids[f->n++] = rows_i64(r, 0);
	rows_end(r);
	return rc < 0 ? rc : 0;
}

static int verify_each(struct db *db, int (*state)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	struct arena *a = arena_new();
	struct found f = {.n = 0};
	int64_t last = 0;
	int rc = 0;
	do {
		rc = next_batches(db, SQL(BATCHES), last, &f, err);
		for (int i = 0; i < f.n && rc == 0; i++) {
			struct arena_mark mark = arena_mark(a);
			json_t *s;
			last = f.ids[i];
			rc = batch_state(db, last, &s, err);
			if (rc == 0)
				rc = state(arg, subject_of(a, last), s);
			json_decref(s);
			arena_release(a, mark);
		}
	} while (rc == 0 && f.n > 0);
	arena_free(a);
	return rc;
}

const struct journal_verifier trail_verifier = {.kind = "trail", .each = verify_each};

/* --- retention --- */

struct expiry {
	int64_t before_us;
	int n;
};

static int expire_one(struct db *db, const char *subject, int64_t batch, struct err *err)
{
	int64_t n = db_run(db, err, SQL(ERASE_ROWS), "i", batch);
	if (n >= 0)
		n = db_run(db, err, SQL(ERASE_BATCH), "i", batch);
	int rc = n < 0 ? (int)n : journal_erase(db, "system", subject, err);
	json_t *gone = json_null();
	return rc < 0 ? rc
	              : journal_add(db,
	                    &(struct journal_change){.actor = "system",
	                        .verb = "trail.expired",
	                        .subject = subject,
	                        .state = gone},
	                    NULL, err);
}

static int expire_some(struct db *db, void *arg, struct err *err)
{
	struct expiry *e = arg;
	struct arena *a = arena_new();
	struct found f = {.n = 0};
	int rc = next_batches(db, SQL(BATCH_OLD), e->before_us, &f, err);
	for (int i = 0; i < f.n && rc == 0; i++)
		rc = expire_one(db, subject_of(a, f.ids[i]), f.ids[i], err);
	e->n = f.n;
	arena_free(a);
	return rc;
}

int trail_expire(struct store *store, int64_t before_us, struct err *err)
{
	struct expiry e = {.before_us = before_us, .n = 1};
	int rc = 0;
	while (rc == 0 && e.n > 0)
		rc = store_write(store, expire_some, &e, err);
	return rc;
}
