/* Proposals of disposal and extension, and the records that stay.
 *
 *  1. A proposal is of one department: who may act on it is who may in that department. Files of
 *     several departments become several proposals.
 *  2. Nobody decides on their own proposal; the schema says so, too.
 *  3. Which files it holds is fixed when it is proposed: the journalled state has a digest of them.
 *  4. Rows of disposal_item leave 'open' once. A file has one open row at most. */
#include "procedure/disposal/disposal.h"

#include "base/secret.h"
#include "identity/identity.h"

#define SQL(name) (&disposal_sql[DISPOSAL_##name])

enum { DEPARTMENTS_MAX = 64, BATCH = 256 };

/* --- rows --- */

/* Types of the columns of PROPOSAL and ITEM in sql.c. */
static const char proposal_types[] = "itttittiitiititi";
static const char item_types[] = "iiittttittitttiiiti";

struct proposal {
	int64_t id;
	const char *kind, *state, *number;
	int64_t department;
	const char *reason, *until;
	int64_t items, proposed_by;
	const char *proposed_name;
	int64_t proposed_us, decided_by;
	const char *decided_name;
	int64_t decided_us;
	const char *comment;
	int64_t done_us;
};

static struct proposal *proposal_read(struct arena *a, struct rows *r)
{
	struct proposal *p = arena_new_of(a, struct proposal);
	*p = (struct proposal){
	    .id = rows_i64(r, 0),
	    .kind = rows_dup(r, 1, a),
	    .state = rows_dup(r, 2, a),
	    .number = rows_dup(r, 3, a),
	    .department = rows_i64(r, 4),
	    .reason = rows_dup(r, 5, a),
	    .until = rows_dup(r, 6, a),
	    .items = rows_i64(r, 7),
	    .proposed_by = rows_i64(r, 8),
	    .proposed_name = rows_dup(r, 9, a),
	    .proposed_us = rows_i64(r, 10),
	    .decided_by = rows_i64(r, 11),
	    .decided_name = rows_dup(r, 12, a),
	    .decided_us = rows_i64(r, 13),
	    .comment = rows_dup(r, 14, a),
	    .done_us = rows_i64(r, 15),
	};
	return p;
}

/* ERR_MISSING when there is none, or not for this actor. */
static int proposal_get(struct db *db, struct arena *a, const struct app_actor *actor, int64_t id,
    struct proposal **out, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(GET), "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc == 1)
		*out = proposal_read(a, r);
	rows_end(r);
	if (rc < 0)
		return rc;
	if (rc == 0 || !actor_has(db, actor, "application.dispose", (*out)->department, NULL))
		return err_set(
		    err, ERR_MISSING, NULL, "no disposal %" PRId64 " for %s", id, actor->id);
	return 0;
}

/* --- the journal --- */

static json_t *columns(struct rows *r, const char *types)
{
	json_t *out = json_array();
	for (int c = 0; types[c]; c++) {
		struct str s = types[c] == 't' ? rows_str(r, c) : (struct str){0};
		json_array_append_new(out, types[c] == 'i'
		                               ? json_integer((json_int_t)rows_i64(r, c))
		                           : s.p ? json_stringn(s.p, s.n)
		                                 : json_null());
	}
	return out;
}

/* The number of 個人番号 is part of it where there were any; records of before know none. */
static json_t *item_state(struct rows *r)
{
	json_t *out = columns(r, item_types);
	int64_t numbers = rows_i64(r, 19);
	if (numbers > 0)
		json_array_append_new(out, json_integer((json_int_t)numbers));
	return out;
}

/* SHA-256 over the numbers of a proposal's applications. */
static int files_digest(struct db *db, struct arena *a, int64_t id, char **out, struct err *err)
{
	struct buf ids, hex;
	uint8_t sum[HASH_SIZE];
	buf_init(&ids, a);
	buf_init(&hex, a);
	struct rows *r = db_query(db, err, SQL(ITEM_IDS), "i", id);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) == 1)
		buf_printf(&ids, "%" PRId64 "\n", rows_i64(r, 0));
	rows_end(r);
	struct str part = buf_to_str(&ids);
	hash_sha256(&part, 1, sum);
	buf_hex(&hex, sum, sizeof(sum));
	*out = hex.p;
	return rc;
}

static int proposal_state(
    struct db *db, struct arena *a, struct rows *r, json_t **out, struct err *err)
{
	char *files;
	int rc = files_digest(db, a, rows_i64(r, 0), &files, err);
	if (rc == 0)
		*out = json_pack("{s:o, s:s}", "row", columns(r, proposal_types), "files", files);
	return rc;
}

int disposal_journal(struct db *db, struct arena *a, const char *actor, const char *verb,
    int64_t id, json_t *data, struct err *err)
{
	json_t *state = NULL;
	struct rows *r = db_query(db, err, SQL(GET), "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc == 1)
		rc = proposal_state(db, a, r, &state, err);
	rows_end(r);
	if (rc == 0)
		rc = journal_add(db,
		    &(struct journal_change){.actor = actor,
		        .verb = verb,
		        .subject = arena_printf(a, "disposal:%" PRId64, id),
		        .data = data,
		        .state = state},
		    NULL, err);
	json_decref(state);
	json_decref(data);
	return rc;
}

int disposal_item_journal(
    struct db *db, struct arena *a, const char *verb, int64_t item, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(ITEM_GET), "i", item);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	json_t *state = rc == 1 ? item_state(r) : NULL;
	rows_end(r);
	if (state)
		rc = journal_add(db,
		    &(struct journal_change){.actor = "system",
		        .verb = verb,
		        .subject = arena_printf(a, "disposal-item:%" PRId64, item),
		        .state = state},
		    NULL, err);
	json_decref(state);
	return rc < 0 ? rc : 0;
}

/* Tells every row's state, some hundred rows at a time. */
static int each_row(struct db *db, const struct sql *sql, const char *kind, bool proposals,
    int (*state)(void *arg, const char *subject, json_t *state), void *arg, struct err *err)
{
	int64_t last = 0;
	int rc = 0, n = BATCH;
	while (rc == 0 && n == BATCH) {
		struct arena *a = arena_new();
		struct rows *r = db_query(db, err, sql, "ii", last, (int64_t)BATCH);
		rc = r ? 0 : -(int)ERR_STORE;
		for (n = 0; r && (rc = rows_next(r)) == 1; n++) {
			json_t *s = NULL;
			last = rows_i64(r, 0);
			if (proposals)
				rc = proposal_state(db, a, r, &s, err);
			else
				s = item_state(r);
			if (rc >= 0)
				rc = state(arg, arena_printf(a, "%s:%" PRId64, kind, last), s);
			json_decref(s);
			if (rc < 0)
				break;
		}
		rows_end(r);
		arena_free(a);
	}
	return rc;
}

static int each_proposal(struct db *db, int (*state)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	return each_row(db, SQL(STATES), "disposal", true, state, arg, err);
}

static int each_item(struct db *db, int (*state)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	return each_row(db, SQL(ITEM_STATES), "disposal-item", false, state, arg, err);
}

const struct journal_verifier disposal_verifier = {.kind = "disposal", .each = each_proposal};
const struct journal_verifier disposal_item_verifier = {.kind = "disposal-item", .each = each_item};

/* --- files whose retention period has ended --- */

static const char *today_text(struct arena *a)
{
	return date_format(a, date_of_us(now_us()));
}

static void set_text(json_t *o, const char *key, const char *text)
{
	json_object_set_new(o, key, text ? json_string(text) : json_null());
}

static void set_instant(json_t *o, const char *key, int64_t us)
{
	json_object_set_new(o, key, us ? json_integer((json_int_t)us) : json_null());
}

/* A row of DUE. */
static json_t *due_row(
    struct db *db, struct arena *a, struct rows *r, const char *lang, struct err *err)
{
	const char *state = rows_dup(r, 3, a);
	bool held = !rows_null(r, 11), closed = rows_i64(r, 12) != 0;
	int64_t department = rows_i64(r, 2), proposal = rows_i64(r, 13);
	const char *why = proposal  ? "disposal.why.proposed"
	                  : held    ? "disposal.why.held"
	                  : !closed ? "disposal.why.not_closed"
	                            : NULL;
	json_t *o = json_pack("{s:I, s:s, s:I, s:s, s:s, s:s, s:I, s:s, s:b}", "id",
	    (json_int_t)rows_i64(r, 0), "procedure", rows_dup(r, 1, a), "department",
	    (json_int_t)department, "department_name",
	    department_name_in(db, a, department, lang, err), "state", state, "state_key",
	    arena_printf(a, "application.state.%s", state), "years", (json_int_t)rows_i64(r, 9),
	    "kept_until", rows_dup(r, 10, a), "free", why == NULL);
	set_text(o, "serial", rows_dup(r, 4, a));
	set_text(o, "number", rows_dup(r, 5, a));
	set_text(o, "outcome", rows_dup(r, 6, a));
	set_instant(o, "submitted", rows_i64(r, 7));
	set_instant(o, "decided", rows_i64(r, 8));
	set_text(o, "why_key", why);
	json_object_set_new(
	    o, "proposal", proposal ? json_integer((json_int_t)proposal) : json_null());
	return o;
}

/* Where a list of the filter begins and ends: days, both as text. */
struct due_range {
	const char *from, *before, *after;
	int64_t after_id;
};

static int due_range(
    struct arena *a, const struct due_filter *f, struct due_range *out, struct err *err)
{
	struct cursor c = {0};
	const char *day = today_text(a);
	int rc = cursor_parse(f->after, &c, err);
	*out = (struct due_range){.from = "", .before = day, .after = ""};
	if (f->year) {
		out->from = arena_printf(a, "%04d-01-01", f->year);
		out->before = arena_printf(a, "%04d-01-01", f->year + 1);
		if (strcmp(out->before, day) > 0)
			out->before = day;
	}
	if (c.set) {
		out->after = date_format(a, date_from_days((int32_t)c.key));
		out->after_id = c.id;
	}
	return rc;
}

static struct rows *due_query(struct db *db, const struct due_filter *f, const struct due_range *g,
    int limit, struct err *err)
{
	return db_query(db, err, SQL(DUE), "tttiiiti", g->from, g->before, g->after, g->after_id,
	    f->department, f->years, f->procedure ? f->procedure : "", (int64_t)limit);
}

/* Where the actor may, and the filter narrowed to it when it is one department: its files stand
 * together in an index then. */
static int own_filter(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct due_filter *f, struct reach *scope, struct due_filter *own, struct err *err)
{
	int rc = reach_of(db, a, actor, "application.dispose", scope, err);
	*own = *f;
	if (rc == 0 && !scope->all && scope->n == 1)
		own->department = scope->departments[0];
	return rc;
}

int disposal_due(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct due_filter *f, const char *lang, json_t **page, struct err *err)
{
	struct reach scope;
	struct due_filter own;
	struct due_range range;
	int limit = f->limit > 0 && f->limit <= 200 ? f->limit : DUE_LIMIT, n = 0;
	int rc = own_filter(db, a, actor, f, &scope, &own, err);
	if (rc < 0 || (rc = due_range(a, f, &range, err)) < 0)
		return rc;
	/* One more than is shown tells whether there is a next page. */
	struct rows *r = due_query(db, &own, &range, limit + 1, err);
	if (!r)
		return -(int)ERR_STORE;
	json_t *items = json_array();
	struct date day = {0};
	int64_t id = 0;
	for (; (rc = rows_next(r)) == 1 && n < limit; n++) {
		(void)date_parse(rows_str(r, 10), &day); /* the schema's own */
		id = rows_i64(r, 0);
		if (reach_has(&scope, rows_i64(r, 2)) && !reach_hides(&scope, id) &&
		    reach_takes(&scope, rows_i64(r, 2), rows_dup(r, 1, a)))
			json_array_append_new(items, due_row(db, a, r, lang, err));
	}
	rows_end(r);
	*page = json_pack("{s:o, s:s?}", "items", items, "next",
	    rc == 1 ? arena_printf(a, "%d.%" PRId64, (int)date_to_days(day), id) : NULL);
	if (rc < 0)
		json_decref(*page);
	return rc < 0 ? rc : 0;
}

/* --- proposing --- */

/* The proposals that one act makes. */
struct proposing {
	struct db *db;
	struct arena *arena;
	const struct app_actor *actor;
	const struct disposal_wish *wish;
	struct disposal_made *made;
	const char *today, *name;
	struct {
		int64_t department, proposal, items; /* proposal 0: the actor may not there */
	} of[DEPARTMENTS_MAX];
	int n;
	struct err *err;
};

/* The proposal for a department, made when it is the first file; -1: none for this actor. */
static int proposal_of(struct proposing *p, int64_t department)
{
	for (int i = 0; i < p->n; i++)
		if (p->of[i].department == department)
			return p->of[i].proposal ? i : -1;
	if (p->n == DEPARTMENTS_MAX)
		return err_set(p->err, ERR_TOO_LARGE, "disposal.departments",
		    "more than %d departments", DEPARTMENTS_MAX);
	p->of[p->n].department = department;
	p->of[p->n].items = 0;
	p->of[p->n].proposal = 0;
	int i = p->n++;
	if (!actor_has(p->db, p->actor, "application.dispose", department, NULL))
		return -1;
	const struct disposal_wish *w = p->wish;
	int rc = db_get_i64(p->db, p->err, &p->of[i].proposal, SQL(ADD), "tittiti", w->kind,
	    department, w->reason, w->until, p->actor->person, p->name, now_us());
	return rc < 0 ? rc : i;
}

static int take_file(struct proposing *p, int64_t id)
{
	int64_t department = 0;
	int rc = db_get_i64(p->db, p->err, &department, SQL(CANDIDATE), "it", id, p->today);
	int at = rc == 1 ? proposal_of(p, department) : -1;
	if (rc < 0 || at < -1)
		return rc < 0 ? rc : at;
	if (at < 0) {
		p->made->left++;
		return 0;
	}
	int64_t n = db_run(p->db, p->err, SQL(ITEM_ADD), "ii", id, p->of[at].proposal);
	p->of[at].items += n > 0;
	p->made->files += n > 0;
	return n < 0 ? (int)n : 0;
}

/* Every file of the filter that is free, up to the most that are wanted: those between that are
 * held or proposed do not count, however many. */
static int take_all(struct proposing *p, const struct due_filter *f)
{
	struct reach scope;
	struct due_filter own;
	struct due_range range;
	int most = p->wish->most > 0 ? p->wish->most : DISPOSAL_ITEMS_MAX, n = BATCH;
	int rc = own_filter(p->db, p->arena, p->actor, f, &scope, &own, p->err);
	if (rc == 0)
		rc = due_range(p->arena, f, &range, p->err);
	while (rc >= 0 && n == BATCH && p->made->files < most) {
		int64_t ids[BATCH];
		struct rows *r = due_query(p->db, &own, &range, BATCH, p->err);
		if (!r)
			return -(int)ERR_STORE;
		for (n = 0; (rc = rows_next(r)) == 1; n++) {
			range.after_id = ids[n] = rows_i64(r, 0);
			range.after = rows_dup(r, 10, p->arena);
		}
		rows_end(r);
		for (int i = 0; i < n && rc >= 0 && p->made->files < most; i++)
			rc = take_file(p, ids[i]);
	}
	return rc < 0 ? rc : 0;
}

static int wish_check(const struct disposal_wish *w, struct err *err)
{
	struct date until;
	bool extend = text_eq(w->kind, "extend");
	if (!extend && !text_eq(w->kind, "dispose"))
		return err_field(
		    err, ERR_INPUT, "kind", "disposal.kind", "kind %s", w->kind ? w->kind : "none");
	int rc = text_check("reason", w->reason, true, err);
	if (rc == 0 && extend &&
	    (!w->until || !date_parse(str_from(w->until), &until) ||
	        date_compare(until, date_of_us(now_us())) <= 0))
		return err_field(err, ERR_INPUT, "until", "disposal.until", "until %s",
		    w->until ? w->until : "none");
	return rc;
}

int disposal_propose(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct disposal_wish *wish, struct disposal_made *made, struct err *err)
{
	struct disposal_wish w = *wish;
	struct date until;
	*made = (struct disposal_made){0};
	int rc = wish_check(&w, err);
	if (rc < 0)
		return rc;
	w.until = text_eq(w.kind, "extend") && date_parse(str_from(w.until), &until)
	              ? date_format(a, until)
	              : NULL;
	struct proposing p = {.db = db,
	    .arena = a,
	    .actor = actor,
	    .wish = &w,
	    .made = made,
	    .today = today_text(a),
	    .name = staff_name(db, a, actor->person, err),
	    .err = err};
	if (w.n > DISPOSAL_ITEMS_MAX)
		return err_set(err, ERR_TOO_LARGE, "disposal.many", "%d files at once", w.n);
	for (int i = 0; i < w.n && rc == 0; i++)
		rc = take_file(&p, w.ids[i]);
	if (rc == 0 && w.n == 0 && w.all)
		rc = take_all(&p, w.all);
	if (rc == 0 && made->files == 0)
		rc = err_set(err, ERR_CONFLICT, "disposal.none", "no file can be proposed");
	for (int i = 0; i < p.n && rc == 0; i++) {
		if (!p.of[i].proposal)
			continue;
		made->proposals++;
		made->last = p.of[i].proposal;
		int64_t n = db_run(db, err, SQL(COUNTED), "ii", made->last, p.of[i].items);
		rc = n < 0
		         ? (int)n
		         : disposal_journal(db, a, actor->id, "disposal.proposed", made->last,
		               json_pack("{s:s, s:s, s:s?, s:I}", "kind", w.kind, "reason",
		                   w.reason, "until", w.until, "files", (json_int_t)p.of[i].items),
		               err);
		if (rc == 0)
			rc = staff_tell_disposal(db, actor, made->last, p.of[i].department,
			    text_eq(w.kind, "extend"), p.of[i].items, err);
	}
	return rc;
}

/* --- deciding --- */

static const struct decision {
	const char *verb, *state, *event;
	const char *why; /* its files are free again; NULL: the work is queued */
	bool own;        /* of who proposed it; else of anybody else */
} decisions[] = {
    {"approve", "approved", "disposal.approved", NULL, false},
    {"refuse", "refused", "disposal.refused", "refused", false},
    {"take_back", "taken_back", "disposal.taken_back", "taken_back", true},
};

static bool may_decide(struct db *db, const struct app_actor *actor, const struct proposal *p,
    const struct decision *d)
{
	return strcmp(p->state, "proposed") == 0 && (p->proposed_by == actor->person) == d->own &&
	       (d->own || actor_has(db, actor, "application.dispose_approve", p->department, NULL));
}

/* Records are numbered by the fiscal year of the approval. */
static int record_number(struct db *db, struct arena *a, const char **out, struct err *err)
{
	int64_t n;
	int year = date_fiscal_year(date_of_us(now_us()));
	int rc = series_next(db, arena_printf(a, "disposal/%d", year), &n, err);
	*out = arena_printf(a, "%d-%04" PRId64, year, n);
	return rc;
}

static int decide(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct proposal *p, const struct decision *d, const char *comment, struct err *err)
{
	const char *number = NULL;
	int rc = text_check("comment", comment, text_eq(d->verb, "refuse"), err);
	if (rc == 0 && !d->why)
		rc = record_number(db, a, &number, err);
	if (rc < 0)
		return rc;
	int64_t n = db_run(db, err, SQL(DECIDE), "ittitit", p->id, d->state, number, actor->person,
	    staff_name(db, a, actor->person, err), now_us(),
	    comment && comment[0] ? comment : NULL);
	if (n > 0 && d->why)
		n = db_run(db, err, SQL(RELEASE), "iti", p->id, d->why, now_us());
	if (n < 0)
		return (int)n;
	rc = disposal_journal(db, a, actor->id, d->event, p->id,
	    json_pack("{s:s?, s:s?}", "number", number, "comment", comment), err);
	if (rc < 0 || d->why)
		return rc;
	json_t *payload = json_pack("{s:I}", "disposal", (json_int_t)p->id);
	rc = job_add(db, "application.dispose", payload, 0,
	    arena_printf(a, "application.dispose/%" PRId64, p->id), err);
	json_decref(payload);
	return rc;
}

int disposal_decide(struct db *db, struct arena *a, const struct app_actor *actor, int64_t id,
    const char *verb, const char *comment, struct err *err)
{
	struct proposal *p;
	const struct decision *d = NULL;
	for (size_t i = 0; i < COUNT(decisions); i++)
		if (text_eq(decisions[i].verb, verb))
			d = &decisions[i];
	if (!d)
		return err_set(err, ERR_MISSING, NULL, "no act %s", verb);
	int rc = proposal_get(db, a, actor, id, &p, err);
	if (rc < 0)
		return rc;
	if (strcmp(p->state, "proposed") != 0)
		return err_set(err, ERR_CONFLICT, "disposal.decided", "disposal %" PRId64 " is %s",
		    id, p->state);
	if (!may_decide(db, actor, p, d))
		return err_set(err, ERR_DENIED,
		    !d->own && p->proposed_by == actor->person ? "disposal.own"
		                                               : "application.denied",
		    "%s may not %s disposal %" PRId64, actor->id, verb, id);
	return decide(db, a, actor, p, d, comment, err);
}

/* --- looking at them --- */

static int progress_view(struct db *db, const struct proposal *p, json_t **out, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(PROGRESS), "i", p->id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc == 1) {
		int64_t done = rows_i64(r, 0), left = rows_i64(r, 1);
		*out = json_pack("{s:I, s:I, s:I, s:I}", "done", (json_int_t)done, "left",
		    (json_int_t)left, "files", (json_int_t)p->items, "percent",
		    (json_int_t)(p->items ? (done + left) * 100 / p->items : 100));
	}
	rows_end(r);
	return rc < 0 ? rc : 0;
}

static int proposal_view(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct proposal *p, const char *lang, json_t **out, struct err *err)
{
	json_t *progress = NULL, *can = json_object();
	int rc = progress_view(db, p, &progress, err);
	for (size_t i = 0; i < COUNT(decisions); i++)
		if (may_decide(db, actor, p, &decisions[i]))
			json_object_set_new(can, decisions[i].verb, json_true());
	if (rc < 0) {
		json_decref(can);
		return rc;
	}
	json_t *o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:b, s:o, s:o}", "id",
	    (json_int_t)p->id, "kind", p->kind, "kind_key",
	    arena_printf(a, "disposal.kind.%s", p->kind), "state", p->state, "state_key",
	    arena_printf(a, "disposal.state.%s", p->state), "reason", p->reason, "files",
	    (json_int_t)p->items, "proposed_by", p->proposed_name, "extends",
	    (int)(p->until != NULL), "working", (int)(strcmp(p->state, "approved") == 0),
	    "progress", progress, "can", can);
	set_text(o, "number", p->number);
	set_text(o, "department_name", department_name_in(db, a, p->department, lang, err));
	set_text(o, "until", p->until);
	set_instant(o, "proposed", p->proposed_us);
	set_text(o, "decided_by", p->decided_name);
	set_instant(o, "decided", p->decided_us);
	set_text(o, "comment", p->comment);
	set_instant(o, "done", p->done_us);
	*out = o;
	return 0;
}

int disposal_view(struct db *db, struct arena *a, const struct app_actor *actor, int64_t id,
    const char *lang, json_t **out, struct err *err)
{
	struct proposal *p;
	int rc = proposal_get(db, a, actor, id, &p, err);
	return rc < 0 ? rc : proposal_view(db, a, actor, p, lang, out, err);
}

int disposal_list(struct db *db, struct arena *a, const struct app_actor *actor, bool open,
    int64_t before, const char *lang, json_t **page, struct err *err)
{
	struct reach scope;
	int rc = reach_of(db, a, actor, "application.dispose", &scope, err), n = 0;
	if (rc < 0)
		return rc;
	struct rows *r = db_query(db, err, open ? SQL(LIST_OPEN) : SQL(LIST), "ii",
	    before > 0 ? before : INT64_MAX, (int64_t)DUE_LIMIT + 1);
	json_t *items = json_array();
	int64_t last = 0;
	rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) == 1 && n++ < DUE_LIMIT) {
		struct proposal *p = proposal_read(a, r);
		json_t *view = NULL;
		last = p->id;
		if (reach_has(&scope, p->department) &&
		    (rc = proposal_view(db, a, actor, p, lang, &view, err)) < 0)
			break;
		if (view)
			json_array_append_new(items, view);
	}
	rows_end(r);
	*page = json_pack("{s:o, s:o}", "items", items, "next",
	    rc == 1 ? json_integer((json_int_t)last) : json_null());
	if (rc < 0)
		json_decref(*page);
	return rc < 0 ? rc : 0;
}

/* A row of ITEM. */
static json_t *item_view(struct arena *a, struct rows *r)
{
	const char *state = rows_dup(r, 3, a), *why = rows_dup(r, 4, a),
	           *final = rows_dup(r, 12, a);
	json_t *o = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "id",
	    (json_int_t)rows_i64(r, 0), "application", (json_int_t)rows_i64(r, 2), "state", state,
	    "state_key", arena_printf(a, "disposal.item.%s", state), "procedure", rows_dup(r, 5, a),
	    "final_state", final, "final_state_key", arena_printf(a, "application.state.%s", final),
	    "years", (json_int_t)rows_i64(r, 16), "kept_until", rows_dup(r, 17, a));
	set_text(o, "why_key", why ? arena_printf(a, "disposal.why.%s", why) : NULL);
	set_text(o, "title", rows_dup(r, 6, a));
	set_text(o, "serial", rows_dup(r, 8, a));
	set_text(o, "number", rows_dup(r, 9, a));
	set_text(o, "outcome", rows_dup(r, 13, a));
	set_instant(o, "submitted", rows_i64(r, 14));
	set_instant(o, "decided", rows_i64(r, 15));
	set_instant(o, "done", rows_i64(r, 18));
	if (rows_i64(r, 19) > 0)
		json_object_set_new(o, "my_numbers", json_integer((json_int_t)rows_i64(r, 19)));
	return o;
}

int disposal_items(struct db *db, struct arena *a, int64_t id, int64_t after, int limit,
    json_t **items, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(ITEMS), "iii", id, after, (int64_t)limit);
	int rc = r ? 0 : -(int)ERR_STORE;
	*items = json_array();
	while (r && (rc = rows_next(r)) == 1)
		json_array_append_new(*items, item_view(a, r));
	rows_end(r);
	if (rc < 0)
		json_decref(*items);
	return rc;
}

/* --- what stays --- */

static int item_get(struct db *db, struct arena *a, const struct app_actor *actor, int64_t item,
    json_t **out, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(ITEM_GET), "i", item);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	bool mine = rc == 1 &&
	            (actor->staff ? actor_has(db, actor, "application.read", rows_i64(r, 7), NULL)
	                          : actor->account > 0 && rows_i64(r, 10) == actor->account);
	if (mine)
		*out = item_view(a, r);
	rows_end(r);
	return rc < 0 ? rc : mine;
}

int disposal_record(struct db *db, struct arena *a, const struct app_actor *actor,
    int64_t application, json_t **record, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(RECORD), "i", application);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	int64_t item = rc == 1 ? rows_i64(r, 0) : 0, disposal = rc == 1 ? rows_i64(r, 1) : 0;
	rows_end(r);
	if (rc == 1)
		rc = item_get(db, a, actor, item, record, err);
	if (rc != 1 || !actor->staff)
		return rc;
	r = db_query(db, err, SQL(GET), "i", disposal);
	rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc == 1) {
		struct proposal *p = proposal_read(a, r);
		json_object_set_new(*record, "record",
		    json_pack("{s:s?, s:s, s:s, s:I, s:s?, s:I}", "number", p->number, "reason",
		        p->reason, "proposed_by", p->proposed_name, "proposed",
		        (json_int_t)p->proposed_us, "decided_by", p->decided_name, "decided",
		        (json_int_t)p->decided_us));
	}
	rows_end(r);
	if (rc < 0)
		json_decref(*record);
	return rc;
}

int disposal_of_account(
    struct db *db, struct arena *a, int64_t account, int limit, json_t **items, struct err *err)
{
	const struct app_actor actor = {.id = "", .account = account};
	struct rows *r = db_query(db, err, SQL(OF_ACCOUNT), "ii", account, (int64_t)limit);
	int rc = r ? 0 : -(int)ERR_STORE;
	*items = json_array();
	while (r && (rc = rows_next(r)) == 1) {
		json_t *item = NULL;
		if ((rc = item_get(db, a, &actor, rows_i64(r, 0), &item, err)) < 0)
			break;
		if (item)
			json_array_append_new(*items, item);
	}
	rows_end(r);
	if (rc < 0)
		json_decref(*items);
	return rc < 0 ? rc : 0;
}
