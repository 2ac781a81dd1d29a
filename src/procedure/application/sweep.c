/* The daily round: what time alone brings about. It walks the lists in their order, in small
 * writes, and does nothing twice: what it did stands in a row (reminder) or in the state itself.
 *
 *  1. Drafts nobody touched: a word before they expire, then they go.
 *  2. The office's own: 70 % of the period used, period over: told to who works on it.
 *  3. The applicant's turn: a correction or a payment that is waited for; the office hears when the
 *     time for a correction is over.
 *  4. Decisions on their way: reviewers who are away are passed over, deputies are asked.
 *  5. Decided ones whose time for an appeal is over are closed.
 *  6. Who waits for a place gets one when a definition's limit was raised.
 *  7. Statistics.
 *  8. What was brought in files on earlier days is no longer counted.
 *  9. A summary for those of the staff who wish for one. */
#include "procedure/application/life.h"

#include "base/log.h"
#include "identity/identity.h"
#include "notice/notice.h"
#include "procedure/catalogue.h"
#include "procedure/protect/sight.h"
#include "web/city.h"

enum {
	BATCH = 50,
	WARN_AHEAD_DAYS = 60, /* 30 % of the longest period that is warned of: 200 days */
	CORRECTION_NOTICE_DAYS = 3,
	PAYMENT_NOTICE_DAYS = 14,
	DIGEST_ITEMS = 50,
	SWEEP_HOUR = 6
};

struct sweep {
	struct store *store;
	struct city *city; /* NULL in tests: nobody is mailed */
	struct db *db;
	struct arena *arena;
	int32_t today;
	struct digest_of {
		struct digest_of *next;
		int64_t staff;
		json_t *items;
		int overdue;
	} * digests;
	struct err *err;
};

/* --- one application at a time, many in a write --- */

struct item {
	int64_t key, id;
	const char *state, *due;
	int64_t assignee, department, submitted_us, updated_us;
	int64_t account;
	const char *receipt_number, *procedure;
};

struct batch {
	struct sweep *s;
	int (*one)(struct db *, struct arena *, struct sweep *, struct item *, struct err *);
	struct item *items;
	int n;
	bool *done; /* of each item: `one` did something */
};

static int batch_write(struct db *db, void *arg, struct err *err)
{
	struct batch *b = arg;
	struct arena *a = arena_new();
	int rc = 0;
	for (int i = 0; i < b->n && rc >= 0; i++) {
		rc = b->one(db, a, b->s, &b->items[i], err);
		b->done[i] = rc > 0;
	}
	arena_free(a);
	return rc < 0 ? rc : 0;
}

/* One that fails does not hold up the others: it is tried alone, and logged. */
static void batch_run(struct batch *b)
{
	struct err err = {0};
	if (store_write(b->s->store, batch_write, b, &err) == 0 || b->n == 0)
		return;
	for (int i = 0; i < b->n; i++) {
		struct batch one = *b;
		one.items = &b->items[i];
		one.done = &b->done[i];
		one.n = 1;
		b->done[i] = false;
		err = (struct err){0};
		if (store_write(b->s->store, batch_write, &one, &err) < 0) {
			err_prefix(&err, "application %" PRId64 ": ", b->items[i].id);
			log_err("application.sweep", &err);
		}
	}
}

/* Rows of a bucket up to an order key, in batches; `wanted` leaves out what needs nothing, `after`
 * sees what was done. */
struct walk {
	int bucket;
	int64_t until;
	bool (*wanted)(struct sweep *, const struct item *);
	int (*one)(struct db *, struct arena *, struct sweep *, struct item *, struct err *);
	int (*after)(struct sweep *, const struct item *);
};

static int walk_page(struct sweep *s, const struct walk *w, struct arena *a, int64_t *key,
    int64_t *id, struct item *items, int *n)
{
	struct rows *rows = db_query(s->db, s->err, &life_sql[SQL_DUE_AFTER], "iiiii",
	    (int64_t)w->bucket, *key, *id, w->until, (int64_t)BATCH);
	int seen = 0, rc = rows ? 0 : -(int)ERR_STORE;
	*n = 0;
	while (rows && (rc = rows_next(rows)) == 1) {
		struct app_row *r = row_read(a, rows, false);
		struct item it = {.key = r->order_key,
		    .id = r->id,
		    .state = r->state,
		    .due = r->due,
		    .assignee = r->assignee,
		    .department = r->department,
		    .submitted_us = r->submitted_us,
		    .updated_us = r->updated_us,
		    .account = r->account,
		    .receipt_number = r->receipt_number,
		    .procedure = r->procedure};
		*key = it.key;
		*id = it.id;
		seen++;
		if (!w->wanted || w->wanted(s, &it))
			items[(*n)++] = it;
	}
	rows_end(rows);
	return rc < 0 ? rc : seen;
}

static int walk(struct sweep *s, const struct walk *w)
{
	struct item items[BATCH];
	bool done[BATCH];
	int64_t key = INT64_MIN, id = 0;
	int rc = BATCH;
	while (rc == BATCH) {
		struct arena *a = arena_new();
		struct batch b = {.s = s, .one = w->one, .items = items, .done = done};
		rc = walk_page(s, w, a, &key, &id, items, &b.n);
		if (rc >= 0 && b.n)
			batch_run(&b);
		for (int i = 0; i < b.n && rc >= 0 && w->after; i++)
			if (done[i] && w->after(s, &items[i]) < 0)
				rc = -(int)ERR_STORE;
		arena_free(a);
	}
	return rc < 0 ? rc : 0;
}

/* 1: the first time for this date. */
static int remind(
    struct db *db, const struct item *it, const char *kind, const char *about, struct err *err)
{
	return (int)db_run(
	    db, err, &life_sql[SQL_REMINDER_ADD], "itti", it->id, kind, about, now_us());
}

/* --- 1. drafts --- */

static int draft_one(
    struct db *db, struct arena *a, struct sweep *s, struct item *it, struct err *err)
{
	if (it->key < s->today)
		return app_draft_discard(db, &app_system, it->id, err);
	int rc = remind(db, it, "expiry", date_format(a, date_from_days((int32_t)it->key)), err);
	if (rc <= 0)
		return rc;
	struct app_row *r;
	json_t *more =
	    json_pack("{s:s}", "expires", date_format(a, date_from_days((int32_t)it->key)));
	rc = row_load(db, a, it->id, false, &r, err);
	if (rc == 0)
		rc = tell_applicant(db, a, r, "draft-expiry", more, err);
	json_decref(more);
	return rc;
}

/* --- 2. the office --- */

static bool office_wanted(struct sweep *s, const struct item *it)
{
	struct date due;
	return it->due && date_parse(str_from(it->due), &due) &&
	       s->today >= date_to_days(period_warn(date_of_us(it->submitted_us), due));
}

static int office_one(
    struct db *db, struct arena *a, struct sweep *s, struct item *it, struct err *err)
{
	(void)a;
	return remind(db, it, it->key < s->today ? "overdue" : "warn", it->due, err);
}

static json_t *digest_items(struct sweep *s, int64_t staff, bool overdue)
{
	struct digest_of *d = s->digests;
	while (d && d->staff != staff)
		d = d->next;
	if (!d) {
		d = arena_new_of(s->arena, struct digest_of);
		*d = (struct digest_of){.next = s->digests, .staff = staff, .items = json_array()};
		s->digests = d;
	}
	d->overdue += overdue;
	return d->items;
}

/* Who works on it; else the chiefs of the department. */
static int office_after(struct sweep *s, const struct item *it)
{
	int64_t who[8], *staff = NULL;
	int nwho = 0, n = 0;
	struct arena_mark mark = arena_mark(s->arena);
	if (it->assignee)
		who[nwho++] = it->assignee;
	else if (it->department)
		n = staff_of_post(s->db, s->arena, it->department, RANK_CHIEF, &staff, s->err);
	for (int i = 0; i < n && nwho < (int)COUNT(who); i++)
		who[nwho++] = staff[i];
	arena_release(s->arena, mark);
	for (int i = 0; i < nwho; i++) {
		if (sight_hides(s->db, it->id, it->account, who[i]))
			continue;
		json_t *items = digest_items(s, who[i], it->key < s->today);
		if (json_array_size(items) < DIGEST_ITEMS)
			json_array_append_new(
			    items, json_pack("{s:s, s:s?, s:s?, s:b}", "procedure", it->procedure,
			               "receipt_number", it->receipt_number, "due", it->due,
			               "overdue", (int)(it->key < s->today)));
	}
	return n < 0 ? n : 0;
}

struct digest_mail {
	struct sweep *s;
	struct digest_of *d;
};

static int digest_write(struct db *db, void *arg, struct err *err)
{
	struct digest_mail *m = arg;
	struct arena *a = arena_new();
	char *mail = NULL, *lang = NULL;
	int rc = staff_mail(db, a, m->d->staff, &mail, &lang, err);
	if (rc == 0 && mail) {
		json_t *view =
		    json_pack("{s:s, s:s, s:O}", "name", staff_name(db, a, m->d->staff, err), "url",
		        arena_printf(a, "%s/staff", m->s->city->base_url), "items", m->d->items);
		if (m->d->overdue)
			json_object_set_new(view, "overdue", json_integer(m->d->overdue));
		rc = notice_mail(db, mail, lang ? lang : "ja", "staff-reminder",
		    arena_printf(a, "staff:%" PRId64, m->d->staff), view, err);
		json_decref(view);
	}
	arena_free(a);
	return rc;
}

/* Titles for procedure ids, then one mail for each member of staff. */
static int digests_send(struct sweep *s)
{
	int rc = 0;
	for (struct digest_of *d = s->digests; d; d = d->next) {
		size_t i;
		json_t *item;
		json_array_foreach(d->items, i, item)
		{
			const char *title =
			    s->city ? procedure_title(s->city, s->arena,
			                  json_string_value(json_object_get(item, "procedure")))
			            : NULL;
			json_object_set_new(
			    item, "title", title ? json_string(title) : json_null());
		}
		struct digest_mail m = {.s = s, .d = d};
		if (rc == 0 && s->city)
			rc = store_write(s->store, digest_write, &m, s->err);
		json_decref(d->items);
	}
	s->digests = NULL;
	return rc;
}

/* --- 3. the applicant's turn --- */

static int waiting_one(
    struct db *db, struct arena *a, struct sweep *s, struct item *it, struct err *err)
{
	const char *event = "payment-reminder", *kind = "payment", *about;
	struct app_row *r;
	struct date due;
	char *text = NULL;
	int rc;
	if (strcmp(it->state, "correction") == 0) {
		event = "correction-reminder";
		kind = "correction";
		rc = db_get_text(db, err, a, &text, &life_sql[SQL_CORRECTION_DUE], "i", it->id);
		if (rc <= 0 || !text || !date_parse(str_from(text), &due) ||
		    s->today < date_to_days(due) - CORRECTION_NOTICE_DAYS)
			return rc < 0 ? rc : 0;
		if (s->today > date_to_days(due)) {
			/* Nothing came: what to do now is for the office to say. */
			it->key = date_to_days(due);
			it->due = arena_strdup(s->arena, text);
			return remind(db, it, "overdue", text, err);
		}
		about = text;
	} else {
		struct date since = date_of_us(it->updated_us);
		if (s->today < date_to_days(since) + PAYMENT_NOTICE_DAYS)
			return 0;
		about = date_format(a, since);
	}
	rc = remind(db, it, kind, about, err);
	if (rc <= 0 || (rc = row_load(db, a, it->id, false, &r, err)) < 0)
		return rc;
	return tell_applicant(db, a, r, event, NULL, err);
}

/* --- 4. and 5.: by state --- */

static int approval_one(
    struct db *db, struct arena *a, struct sweep *s, struct item *it, struct err *err)
{
	struct app_row *r;
	bool passed = false;
	(void)s;
	int rc = row_load(db, a, it->id, true, &r, err);
	if (rc < 0 || row_state(r) != APP_APPROVAL ||
	    (rc = route_refresh(db, a, r, &passed, err)) < 0 || !passed)
		return rc;
	return row_changed(db, a, &app_system, r, "application.step_skipped", NULL, err);
}

static int close_one(
    struct db *db, struct arena *a, struct sweep *s, struct item *it, struct err *err)
{
	struct app_row *r;
	(void)s;
	int rc = row_load(db, a, it->id, false, &r, err);
	/* One with an open charge waits for it. */
	if (rc < 0 || ((r->kids & KID_CHARGE) && r->fee_yen > r->paid_yen))
		return rc;
	return app_close(db, &app_system, it->id, err);
}

static int states(struct sweep *s, int bucket, const char *state, int64_t from,
    int (*one)(struct db *, struct arena *, struct sweep *, struct item *, struct err *))
{
	struct item items[BATCH];
	bool done[BATCH];
	int64_t key = from, id = 0;
	int rc = 0, n = BATCH;
	while (rc >= 0 && n == BATCH) {
		struct rows *rows = db_query(s->db, s->err, &life_sql[SQL_STATE_AFTER], "iiiti",
		    (int64_t)bucket, key, id, state, (int64_t)BATCH);
		rc = rows ? 0 : -(int)ERR_STORE;
		for (n = 0; rows && n < BATCH && (rc = rows_next(rows)) == 1; n++) {
			key = rows_i64(rows, 0);
			id = rows_i64(rows, 1);
			items[n] = (struct item){.key = key, .id = id, .state = state};
		}
		rows_end(rows);
		struct batch b = {.s = s, .one = one, .items = items, .n = n, .done = done};
		if (rc >= 0 && n)
			batch_run(&b);
	}
	return rc < 0 ? rc : 0;
}

/* --- 6. places --- */

struct places {
	const struct procedure *proc;
	const char *key;
};

static int places_write(struct db *db, void *arg, struct err *err)
{
	const struct places *p = arg;
	struct arena *a = arena_new();
	int rc = places_advance(db, a, p->proc, p->key, err);
	arena_free(a);
	return rc;
}

static int places(struct sweep *s)
{
	const char *procedure = "", *key = "";
	for (int rc = 1; rc > 0;) {
		struct rows *rows = db_query(
		    s->db, s->err, &life_sql[SQL_WAITING_KEYS], "tti", procedure, key, INT64_C(1));
		rc = rows ? rows_next(rows) : -(int)ERR_STORE;
		if (rc > 0) {
			procedure = rows_dup(rows, 0, s->arena);
			key = rows_dup(rows, 1, s->arena);
		}
		rows_end(rows);
		if (rc <= 0)
			return rc;
		struct procedure *proc = procedure_find(s->city, procedure);
		struct places p = {.proc = proc, .key = key};
		int done = proc ? store_write(s->store, places_write, &p, s->err) : 0;
		procedure_unref(proc);
		if (done < 0)
			return done;
	}
	return 0;
}

/* --- the job --- */

static int statistics_write(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return app_statistics_refresh(db, err);
}

static int upload_forget(struct db *db, void *arg, struct err *err)
{
	const struct sweep *s = arg;
	int64_t n = db_run(db, err, &life_sql[SQL_UPLOAD_FORGET], "t",
	    date_format(s->arena, date_from_days(s->today)));
	return n < 0 ? (int)n : 0;
}

static int schedule_write(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return app_schedule(db, err);
}

int app_schedule(struct db *db, struct err *err)
{
	/* Early in the morning in Japan, before the office opens. */
	int64_t now = now_us(), hour = INT64_C(3600000000);
	int64_t at = date_start_us(date_of_us(now)) + SWEEP_HOUR * hour;
	if (at <= now)
		at += 24 * hour;
	return job_add(db, "application.sweep", NULL, at, "application.sweep", err);
}

int sweep_run(struct store *store, void *context, struct arena *a, json_t *payload, struct err *err)
{
	struct sweep s = {.store = store,
	    .city = context,
	    .arena = a,
	    .today = date_to_days(date_of_us(now_us())),
	    .err = err};
	const struct walk drafts = {
	    .bucket = APP_BUCKET_DRAFT, .until = s.today + DRAFT_NOTICE_DAYS, .one = draft_one};
	const struct walk office = {.bucket = APP_BUCKET_OFFICE,
	    .until = s.today + WARN_AHEAD_DAYS,
	    .wanted = office_wanted,
	    .one = office_one,
	    .after = office_after};
	const struct walk applicants = {.bucket = APP_BUCKET_WAITING,
	    .until = INT64_MAX,
	    .one = waiting_one,
	    .after = office_after};
	int64_t appeal_over = -(now_us() / 1000000) + (int64_t)CLOSE_DAYS * 86400;
	(void)payload;
	s.db = store_reader(store, err);
	/* The next round first: it must come even when this one fails for good. */
	int rc = s.db ? store_write(store, schedule_write, NULL, err) : -(int)ERR_STORE;
	if (rc == 0)
		rc = walk(&s, &drafts);
	if (rc == 0)
		rc = walk(&s, &office);
	if (rc == 0)
		rc = walk(&s, &applicants);
	int sent = digests_send(&s);
	rc = rc < 0 ? rc : sent;
	if (rc == 0)
		rc = states(&s, APP_BUCKET_OFFICE, "approval", INT64_MIN, approval_one);
	if (rc == 0)
		rc = states(&s, APP_BUCKET_DONE, "granted", appeal_over, close_one);
	if (rc == 0)
		rc = states(&s, APP_BUCKET_DONE, "refused", appeal_over, close_one);
	if (rc == 0 && s.city)
		rc = places(&s);
	if (rc == 0)
		rc = store_write(store, upload_forget, &s, err);
	if (rc == 0)
		rc = store_write(store, statistics_write, NULL, err);
	if (rc == 0 && s.city)
		rc = staff_digests(store, s.city, s.db, err);
	return rc;
}
