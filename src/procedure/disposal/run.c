/* Carrying out what was approved. Each write deals with a few files, each file completely: its data
 * is erased and its record made, or it is left with the reason why. Run again, it goes on with what
 * is open. What is erased:
 *
 *  - attachments: no longer in use (store.clean removes the bytes when nobody else needs them)
 *  - issued documents: file and view; the register's row stays, see document_erase()
 *  - words for the search; mails in the outbox
 *  - the changes in the journal, with their salts; its leaves stay
 *  - the application's row, and with it every row that refers to it (ON DELETE CASCADE): answers
 * and their versions, attachments, corrections, messages, notes, route, charges, mandate */
#include "procedure/disposal/disposal.h"

#include "document/document.h"
#include "notice/notice.h"
#include "store/blob.h"
#include "store/search.h"

#define SQL(name) (&disposal_sql[DISPOSAL_##name])

enum { FILES_AT_ONCE = 20 };

struct work {
	struct store *store;
	struct city *city;
	int64_t disposal;
	bool extend;
	const char *until, *number;
	int64_t items[FILES_AT_ONCE];
	int n;
};

/* --- one file --- */

struct file {
	int64_t item, application;
	const char *procedure, *kept_until;
	bool open;
};

static int file_load(
    struct db *db, struct arena *a, int64_t item, struct file *out, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(ITEM_GET), "i", item);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	*out = (struct file){.item = item};
	if (rc == 1) {
		out->application = rows_i64(r, 2);
		out->open = str_is(rows_str(r, 3), "open");
		out->procedure = rows_dup(r, 5, a);
		out->kept_until = rows_dup(r, 17, a);
	}
	rows_end(r);
	return rc < 0 ? rc : 0;
}

static int file_left(struct db *db, const struct file *f, const char *why, struct err *err)
{
	int64_t n = db_run(db, err, SQL(ITEM_LEFT), "iti", f->item, why, now_us());
	return n < 0 ? (int)n : 0;
}

/* Why it may not be touched after all; NULL: it may. What was approved may be weeks ago. */
static const char *not_now(const struct app_row *r, const struct file *f)
{
	enum app_state s = row_state(r);
	if (r->hold_reason)
		return "held";
	if (s != APP_CLOSED && s != APP_WITHDRAWN && s != APP_CANCELLED)
		return "not_closed";
	return text_eq(r->disposal_on, f->kept_until) ? NULL : "not_due";
}

static int let_blobs_go(
    struct db *db, struct arena *a, const struct app_row *r, const char *subject, struct err *err)
{
	struct rows *rows = db_query(db, err, &life_sql[SQL_ATTACHMENT_OF], "i", r->id);
	int rc = rows ? 0 : -(int)ERR_STORE, n = 0, cap = 16;
	const char **blobs = arena_array(a, (size_t)cap, sizeof(*blobs));
	while (rows && (rc = rows_next(rows)) == 1) {
		if (n == cap) {
			const char **more = arena_array(a, (size_t)cap * 2, sizeof(*more));
			memcpy(more, blobs, (size_t)cap * sizeof(*blobs));
			blobs = more;
			cap *= 2;
		}
		blobs[n++] = rows_dup(rows, 2, a);
	}
	rows_end(rows);
	for (int i = 0; i < n && rc >= 0; i++)
		rc = blob_unuse(db, blobs[i], subject, err);
	return rc < 0 ? rc : 0;
}

/* How many 個人番号 are in answers: they stand there sealed, {"sealed": …}. */
static int64_t numbers_in(const json_t *value)
{
	const char *key;
	json_t *one;
	size_t i;
	int64_t n = json_is_string(json_object_get(value, "sealed")) ? 1 : 0;
	json_object_foreach((json_t *)value, key, one) n += numbers_in(one);
	json_array_foreach((json_t *)value, i, one) n += numbers_in(one);
	return n;
}

static int erase(struct db *db, struct arena *a, const struct work *w, const struct file *f,
    const struct app_row *r, struct err *err)
{
	const char *subject = subject_of(a, r->id);
	json_t *answers;
	int rc = row_answers(r, &answers, err);
	if (rc < 0)
		return rc;
	int64_t numbers = numbers_in(answers);
	json_decref(answers);
	rc = let_blobs_go(db, a, r, subject, err);
	if (rc < 0 || (rc = document_erase(db, subject, err)) < 0 ||
	    (rc = notice_forget(db, subject, err)) < 0 ||
	    (rc = search_put(db, "application", r->id, 0, "", err)) < 0 ||
	    (rc = journal_erase(db, "system", subject, err)) < 0)
		return rc;
	int64_t n = db_run(db, err, SQL(ERASE), "i", r->id);
	if (n < 0)
		return (int)n;
	json_t *data = json_pack("{s:s?}", "record", w->number), *gone = json_null();
	rc = journal_add(db,
	    &(struct journal_change){.actor = "system",
	        .verb = "application.disposed",
	        .subject = subject,
	        .data = data,
	        .state = gone},
	    NULL, err);
	json_decref(data);
	if (rc < 0)
		return rc;
	n = db_run(db, err, SQL(ITEM_DONE), "itii", f->item,
	    w->city ? procedure_title(w->city, a, f->procedure) : NULL, now_us(), numbers);
	return n < 0 ? (int)n : disposal_item_journal(db, a, "disposal.recorded", f->item, err);
}

static int extend(struct db *db, struct arena *a, const struct work *w, const struct file *f,
    struct app_row *r, struct err *err)
{
	r->disposal_on = w->until;
	int rc = row_changed(db, a, &app_system, r, "application.retention_extended",
	    json_pack("{s:s, s:s?}", "until", w->until, "record", w->number), err);
	if (rc < 0)
		return rc;
	int64_t n = db_run(db, err, SQL(ITEM_DONE), "itii", f->item, NULL, now_us(), INT64_C(0));
	return n < 0 ? (int)n : disposal_item_journal(db, a, "disposal.recorded", f->item, err);
}

static int one(struct db *db, struct arena *a, const struct work *w, int64_t item, struct err *err)
{
	struct file f;
	struct app_row *r;
	int rc = file_load(db, a, item, &f, err);
	if (rc < 0 || !f.open)
		return rc;
	rc = row_load(db, a, f.application, true, &r, err);
	if (rc == -(int)ERR_MISSING)
		return file_left(db, &f, "gone", err);
	if (rc < 0)
		return rc;
	const char *why = not_now(r, &f);
	if (why)
		return file_left(db, &f, why, err);
	return w->extend ? extend(db, a, w, &f, r, err) : erase(db, a, w, &f, r, err);
}

/* --- all of them --- */

static int some(struct db *db, void *arg, struct err *err)
{
	struct work *w = arg;
	struct arena *a = arena_new();
	int rc = 0;
	for (int i = 0; i < w->n && rc == 0; i++)
		rc = one(db, a, w, w->items[i], err);
	arena_free(a);
	return rc;
}

static int finish(struct db *db, void *arg, struct err *err)
{
	struct work *w = arg;
	struct arena *a = arena_new();
	int64_t n = db_run(db, err, SQL(FINISH), "ii", w->disposal, now_us());
	int rc = n < 0 ? (int)n
	         : n   ? disposal_journal(db, a, "system", "disposal.done", w->disposal, NULL, err)
	               : 0;
	/* Nobody needs the attachments now: their bytes go at once rather than tonight. */
	if (rc == 0 && !w->extend)
		rc = job_add(db, "store.clean", NULL, 0, "store.clean", err);
	arena_free(a);
	return rc;
}

static int work_load(struct db *db, struct arena *a, struct work *w, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(GET), "i", w->disposal);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	bool approved = rc == 1 && str_is(rows_str(r, 2), "approved");
	if (rc == 1) {
		w->extend = str_is(rows_str(r, 1), "extend");
		w->number = rows_dup(r, 3, a);
		w->until = rows_dup(r, 6, a);
	}
	rows_end(r);
	return rc < 0 ? rc : approved;
}

static int next_files(struct db *db, struct work *w, struct err *err)
{
	struct rows *r =
	    db_query(db, err, SQL(ITEMS_OPEN), "ii", w->disposal, (int64_t)FILES_AT_ONCE);
	int rc = r ? 0 : -(int)ERR_STORE;
	for (w->n = 0; r && w->n < FILES_AT_ONCE && (rc = rows_next(r)) == 1;)
		w->items[w->n++] = rows_i64(r, 0);
	rows_end(r);
	return rc < 0 ? rc : 0;
}

int disposal_run(
    struct store *store, void *context, struct arena *a, json_t *payload, struct err *err)
{
	struct work w = {.store = store,
	    .city = context,
	    .disposal = json_integer_value(json_object_get(payload, "disposal"))};
	struct db *db = store_reader(store, err);
	int rc = db ? work_load(db, a, &w, err) : -(int)ERR_STORE;
	if (rc <= 0)
		return rc; /* 0: it was done by a former run */
	while ((rc = next_files(db, &w, err)) == 0 && w.n > 0)
		if ((rc = store_write(store, some, &w, err)) < 0)
			break;
	return rc < 0 ? rc : store_write(store, finish, &w, err);
}
