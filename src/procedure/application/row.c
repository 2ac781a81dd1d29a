/* A row of the application table: reading, writing, journalling, and the state that machi verify
 * recomputes. */
#include "procedure/application/life.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "identity/identity.h"
#include "identity/mandate/mandate.h"
#include "trail/trail.h"
#include "procedure/my_number/my_number.h"
#include "procedure/protect/sight.h"

const struct app_actor app_system = {.id = "system"};

bool actor_is_system(const struct app_actor *actor)
{
	return strcmp(actor->id, "system") == 0;
}

const char *subject_of(struct arena *a, int64_t id)
{
	return arena_printf(a, "application:%" PRId64, id);
}

/* --- reading --- */

#define READ_I(name) r->name = rows_i64(rows, c++);
#define READ_T(name) r->name = rows_dup(rows, c++, a);
#define READ(type, name) READ_##type(name)

struct app_row *row_read(struct arena *a, struct rows *rows, bool with_answers)
{
	struct app_row *r = arena_new_of(a, struct app_row);
	int c = 0;
	r->id = rows_i64(rows, c++);
	APP_COLUMNS_FIXED(READ)
	APP_COLUMNS_MOVING(READ)
	r->answers = with_answers ? rows_dup(rows, c, a) : "{}";
	return r;
}

static int row_first(struct arena *a, struct rows *rows, struct app_row **out)
{
	if (!rows)
		return -(int)ERR_STORE;
	int rc = rows_next(rows);
	if (rc > 0)
		*out = row_read(a, rows, true);
	rows_end(rows);
	return rc;
}

static int no_application(struct err *err, int64_t id)
{
	return err_set(err, ERR_MISSING, "application.missing", "application %" PRId64, id);
}

int row_load(
    struct db *db, struct arena *a, int64_t id, bool lock, struct app_row **out, struct err *err)
{
	int rc =
	    row_first(a, db_query(db, err, &life_sql[lock ? SQL_ROW_LOCK : SQL_ROW], "i", id), out);
	return rc == 0 ? no_application(err, id) : rc < 0 ? rc : 0;
}

enum app_state row_state(const struct app_row *r)
{
	return app_state_parse(r->state);
}

int json_of_text(const char *text, json_t **out, struct err *err)
{
	json_error_t e;
	*out = json_loads(text ? text : "{}", 0, &e);
	return *out ? 0 : err_set(err, ERR_STORE, NULL, "stored JSON: %s", e.text);
}

int row_answers(const struct app_row *r, json_t **out, struct err *err)
{
	int rc = json_of_text(r->answers, out, err);
	return rc < 0 ? err_prefix(err, "application %" PRId64 ": ", r->id) : 0;
}

void row_set_answers(struct arena *a, struct app_row *r, json_t *answers)
{
	r->answers = json_canonical_text(a, answers);
}

#define SAME(name) .name = r->name

int row_to_application(struct db *db, struct arena *a, const struct app_row *r,
    struct application **out, struct err *err)
{
	struct application *app = arena_new_of(a, struct application);
	*app = (struct application){
	    SAME(id),
	    SAME(procedure),
	    SAME(version),
	    .state = row_state(r),
	    SAME(turn),
	    SAME(receipt_number),
	    SAME(serial),
	    SAME(account),
	    SAME(applicant_person),
	    SAME(applicant_name),
	    SAME(applicant_kind),
	    SAME(channel),
	    SAME(created_by),
	    SAME(department),
	    SAME(assignee),
	    .revision = (int)r->revision,
	    SAME(due),
	    .period_days = (int)r->period_days,
	    SAME(period_kind),
	    SAME(clock_stopped_us),
	    .stopped_days = (int)r->stopped_days,
	    SAME(created_us),
	    SAME(submitted_us),
	    SAME(accepted_us),
	    SAME(decided_us),
	    SAME(updated_us),
	    SAME(fee_yen),
	    SAME(paid_yen),
	    .fee_before = r->fee_before != 0,
	    SAME(outcome),
	    SAME(reason),
	    .round = (int)r->round,
	    SAME(drafter),
	    SAME(place),
	    SAME(place_key),
	    .retention_years = (int)r->retention_years,
	    SAME(disposal_on),
	    SAME(hold_reason),
	    .step = (int)r->step,
	    SAME(kids),
	};
	int rc = row_answers(r, &app->answers, err);
	if (rc < 0)
		return rc;
	json_on_arena(a, app->answers);
	app->answers_text = r->answers;
	if (r->numbers) {
		rc = json_of_text(r->numbers, &app->numbers, err);
		if (rc < 0)
			return rc;
		json_on_arena(a, app->numbers);
	}
	if (r->kids & KID_MANDATE) {
		app->mandate = mandate_of(db, r->id, err);
		if (app->mandate)
			json_on_arena(a, app->mandate);
	}
	*out = app;
	return 0;
}

int app_get(struct db *db, struct arena *a, int64_t id, struct application **out, struct err *err)
{
	struct app_row *r;
	int rc = row_load(db, a, id, false, &r, err);
	return rc < 0 ? rc : row_to_application(db, a, r, out, err);
}

/* --- rights --- */

bool actor_has(struct db *db, const struct app_actor *actor, const char *perm, int64_t department,
    const char *procedure)
{
	return actor->staff && scope_allows(actor->scopes, perm) &&
	       staff_may_in(db, actor->person, perm, department, procedure);
}

bool actor_owns(struct db *db, const struct app_actor *actor, const struct app_row *r)
{
	if (!actor->staff)
		return (owner_acts(db, actor->account, r) & MANDATE_APPLY) != 0;
	return strcmp(r->channel, "counter") == 0 &&
	       actor_has(db, actor, "application.counter", r->department, r->procedure);
}

bool actor_sees(struct db *db, const struct app_actor *actor, const struct app_row *r)
{
	if (actor_is_system(actor))
		return true;
	if (!actor->staff)
		return owner_acts(db, actor->account, r) != 0;
	if (sight_hides(db, r->id, r->account, actor->person))
		return emergency_is_open(db, r->id, actor->person, NULL) && !actor->scopes;
	if (actor_owns(db, actor, r))
		return true;
	/* What a resident has not sent yet is nobody's business but theirs. */
	if (strcmp(r->state, "draft") == 0 || !scope_allows(actor->scopes, "application.read"))
		return false;
	return r->assignee == actor->person ||
	       staff_may_in(db, actor->person, "application.read", r->department, r->procedure) ||
	       ((r->kids & KID_ROUTE) && route_knows(db, r->id, actor->person)) ||
	       (!actor->scopes && emergency_is_open(db, r->id, actor->person, NULL));
}

/* Everybody that the move's row names, but the route's people: those the route itself knows. */
bool actor_may(
    struct db *db, struct arena *a, const struct app_actor *actor, const struct app_row *r, int who)
{
	static const struct {
		enum app_who who;
		const char *perm;
	} perms[] = {
	    {APP_WHO_CHECKER, "application.check"},
	    {APP_WHO_DECIDER, "application.decide"},
	    {APP_WHO_FORWARDER, "application.forward"},
	    {APP_WHO_CASHIER, "application.payment"},
	    {APP_WHO_REVOKER, "document.revoke"},
	};
	if ((who & APP_WHO_SYSTEM) && actor_is_system(actor))
		return true;
	if ((who & APP_WHO_APPLICANT) && actor_owns(db, actor, r))
		return true;
	if (!actor->staff)
		return false;
	for (size_t i = 0; i < COUNT(perms); i++)
		if ((who & (int)perms[i].who) &&
		    actor_has(db, actor, perms[i].perm, r->department, r->procedure))
			return true;
	if ((who & APP_WHO_DRAFTER) && r->drafter == actor->person &&
	    scope_allows(actor->scopes, "application.check"))
		return true;
	return (who & APP_WHO_ROUTE) && route_waits_for(db, a, r, actor);
}

/* Who sees a protected person's application by emergency access reads it, and no more. */
static bool only_reads(struct db *db, const struct app_actor *actor, const struct app_row *r)
{
	return actor->staff && sight_hides(db, r->id, r->account, actor->person);
}

/* The members of a row that rights depend on. */
static struct app_row row_of_application(const struct application *app)
{
	return (struct app_row){
	    .id = app->id,
	    .state = app_state_name(app->state),
	    .procedure = app->procedure,
	    .account = app->account,
	    .channel = app->channel,
	    .created_by = app->created_by,
	    .department = app->department,
	    .assignee = app->assignee,
	    .drafter = app->drafter,
	    .round = app->round,
	    .kids = app->kids,
	};
}

bool app_shows_numbers(struct db *db, const struct app_actor *actor, const struct application *app)
{
	const struct app_row r = row_of_application(app);
	return actor->staff && !actor->scopes && app->state != APP_DRAFT &&
	       actor_sees(db, actor, &r) && !only_reads(db, actor, &r) &&
	       (staff_sees_classes(db, actor->person, app->department, app->procedure) >>
	               CLASS_NUMBER &
	           1);
}

int app_read(struct db *db, struct arena *a, const struct app_actor *actor, int64_t id,
    struct application **out, struct err *err)
{
	struct app_row *r;
	int rc = row_load(db, a, id, false, &r, err);
	if (rc < 0)
		return rc;
	if (!actor_sees(db, actor, r))
		return no_application(err, id);
	return row_to_application(db, a, r, out, err);
}

unsigned app_own_acts(struct db *db, const struct application *app, const struct app_actor *actor)
{
	struct app_row r = row_of_application(app);
	if (!actor->staff)
		return owner_acts(db, actor->account, &r);
	return strcmp(app->channel, "counter") == 0 && text_eq(app->created_by, actor->id) &&
	               scope_allows(actor->scopes, "application.counter")
	           ? MANDATE_ALL
	           : 0;
}

unsigned app_hides(struct db *db, int64_t staff, const struct application *app)
{
	bool here = staff_may_in(db, staff, "application.read", app->department, app->procedure);
	return ~staff_sees_classes(
	    db, staff, here ? app->department : 0, here ? app->procedure : NULL);
}

/* The last letters about a case are written when it has ended. */
#define WORK_GOES_ON_US (7 * INT64_C(86400000000))

bool app_is_work_of(struct db *db, const struct app_actor *actor, const struct application *app)
{
	bool ended =
	    app->state == APP_CLOSED || app->state == APP_WITHDRAWN || app->state == APP_CANCELLED;
	if (ended && app->updated_us < now_us() - WORK_GOES_ON_US)
		return false;
	return app->assignee == actor->person || app_own_acts(db, app, actor) ||
	       staff_works_in(
	           db, actor->person, "application.read", app->department, app->procedure) ||
	       ((app->kids & KID_ROUTE) && route_knows(db, app->id, actor->person));
}

bool app_may(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct application *app, const char *verb)
{
	const struct app_move *m = move_find(app->state, verb);
	struct app_row r = row_of_application(app);
	return m && actor_sees(db, actor, &r) && !only_reads(db, actor, &r) &&
	       actor_may(db, a, actor, &r, m->who);
}

/* --- writing --- */

#define ARG(type, name) , r->name
#define TYPE_I "i"
#define TYPE_T "t"
#define TYPE(type, name) TYPE_##type

int row_insert(struct db *db, struct app_row *r, struct err *err)
{
	r->bucket = app_state_bucket(row_state(r));
	r->order_key = order_key_of(r);
	int rc = db_get_i64(db, err, &r->id, &life_sql[SQL_ROW_INSERT],
	    APP_COLUMNS_FIXED(TYPE) APP_COLUMNS_MOVING(TYPE) "t" APP_COLUMNS_FIXED(ARG)
	        APP_COLUMNS_MOVING(ARG),
	    r->answers);
	return rc == 0 ? err_set(err, ERR_STORE, NULL, "no id") : rc < 0 ? rc : 0;
}

/* What staff changed stands in the trail, too, where the applicant finds it. */
static int row_trail(struct db *db, const struct app_actor *actor, const struct app_row *r,
    const char *event, struct err *err)
{
	const struct reading change = {.kind = TRAIL_CHANGE,
	    .verb = event,
	    .person = r->applicant_person,
	    .application = r->id,
	    .department = r->department,
	    .procedure = r->procedure};
	return trail_add(db, actor->person, actor->scopes != NULL, "", &change, err);
}

int row_journal(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct app_row *r, const char *event, json_t *data, struct err *err)
{
	json_t *state = NULL;
	int rc = row_state_json(db, a, r, &state, err);
	if (rc == 0)
		rc = journal_add(db,
		    &(struct journal_change){.actor = actor->id,
		        .verb = event,
		        .subject = subject_of(a, r->id),
		        .data = data,
		        .state = state},
		    NULL, err);
	json_decref(state);
	json_decref(data);
	return rc == 0 && actor->staff ? row_trail(db, actor, r, event, err) : rc;
}

int row_changed(struct db *db, struct arena *a, const struct app_actor *actor, struct app_row *r,
    const char *event, json_t *data, struct err *err)
{
	r->turn++;
	r->updated_us = now_us();
	r->bucket = app_state_bucket(row_state(r));
	r->order_key = order_key_of(r);
	int rc = db_later(db, err, &life_sql[SQL_ROW_UPDATE], "i" APP_COLUMNS_MOVING(TYPE) "t",
	    r->id APP_COLUMNS_MOVING(ARG), r->answers);
	if (rc == 0)
		return row_journal(db, a, actor, r, event, data, err);
	json_decref(data);
	return rc;
}

int change_begin(struct change *c, struct db *db, struct arena *a, const struct app_actor *actor,
    int64_t id, const char *verb, struct err *err)
{
	*c = (struct change){.db = db, .arena = a, .actor = actor, .verb = verb};
	int rc = row_load(db, a, id, true, &c->row, err);
	if (rc < 0)
		return rc;
	if (!actor_sees(db, actor, c->row))
		return no_application(err, id);
	if (actor->seen > 0 && actor->seen != c->row->turn)
		return err_set(err, ERR_CONFLICT, "application.changed",
		    "application %" PRId64 " is at turn %" PRId64 ", seen %" PRId64, id,
		    c->row->turn, actor->seen);
	c->from = row_state(c->row);
	const struct app_move *m = move_find(c->from, verb);
	if (!m)
		return err_set(err, ERR_CONFLICT, "application.wrong_state",
		    "application %" PRId64 " is %s: no %s", id, c->row->state, verb);
	c->to = m->to;
	if (only_reads(db, actor, c->row) ||
	    (m->who == APP_WHO_ROUTE ? !actor->staff : !actor_may(db, a, actor, c->row, m->who)))
		return err_set(err, ERR_DENIED, "application.denied",
		    "%s may not %s application %" PRId64, actor->id, verb, id);
	return 0;
}

int change_end(struct change *c, const char *event, json_t *data, struct err *err)
{
	/* The table is the truth: code that makes a move it does not hold is our own mistake. */
	assert(move_exists(c->from, c->verb, c->to));
	c->row->state = app_state_name(c->to);
	return row_changed(c->db, c->arena, c->actor, c->row, event, data, err);
}

/* --- the state that the journal covers --- */

enum { DIGEST_USUAL = 2048 }; /* bytes of a row with its answers */

/* The bytes are gathered and hashed at once: dozens of columns hashed one by one cost several times
 * as much. */
static void digest_i64(struct buf *d, int64_t v)
{
	unsigned char b[8];
	for (int i = 0; i < 8; i++)
		b[i] = (unsigned char)((uint64_t)v >> (8 * i));
	buf_add(d, b, sizeof(b));
}

/* Length first, so that no two sequences of columns give the same bytes; p NULL is not "". */
static void digest_text(struct buf *d, const char *p, size_t n)
{
	digest_i64(d, p ? (int64_t)n : -1);
	if (p)
		buf_add(d, p, n);
}

static char *digest_end(const struct buf *d, struct arena *a)
{
	const struct str bytes = buf_to_str(d);
	uint8_t sum[HASH_SIZE];
	hash_sha256(&bytes, 1, sum);
	struct buf b;
	buf_init(&b, a);
	buf_hex(&b, sum, sizeof(sum));
	return b.p;
}

/* Every column of the rows, by its type. */
static int digest_rows(
    struct buf *d, struct db *db, enum life_sql sql, const char *types, int64_t id, struct err *err)
{
	struct rows *rows = db_query(db, err, &life_sql[sql], "i", id);
	if (!rows)
		return -(int)ERR_STORE;
	int rc;
	while ((rc = rows_next(rows)) == 1) {
		digest_text(d, "row", 3);
		for (int c = 0; types[c]; c++) {
			struct str text = types[c] == 't' ? rows_str(rows, c) : (struct str){0};
			if (types[c] == 'i')
				digest_i64(d, rows_i64(rows, c));
			else
				digest_text(d, text.p, text.n);
		}
	}
	rows_end(rows);
	return rc;
}

static int kids_digest(struct buf *d, struct db *db, const struct app_row *r, struct err *err)
{
	static const struct {
		enum app_kid kid;
		enum life_sql sql;
		const char *types;
	} kids[] = {
	    {KID_VERSION, SQL_VERSION_DIGEST, "itit"},
	    {KID_ATTACHMENT, SQL_ATTACHMENT_OF, "ittttiii"},
	    {KID_CORRECTION, SQL_CORRECTION_OF, "itttiiiii"},
	    {KID_CORRECTION, SQL_CORRECTION_FIELDS, "itt"},
	    {KID_MESSAGE, SQL_MESSAGE_OF, "itttti"},
	    {KID_ROUTE, SQL_STEP_ALL, "iiiiittiiiittiiiitttttiti"},
	    {KID_CHARGE, SQL_CHARGE_OF, "iitiittt"},
	    {KID_MANDATE, SQL_MANDATE_GET, "tttttttt"},
	    {KID_CORRECTION_DRAFT, SQL_CORRECTION_DRAFT_GET, "ti"},
	    {KID_SIGNATURE, SQL_SIGNATURE_GET, "tti"},
	    {KID_MANDATE_USE, SQL_USE_DIGEST, "iitt"},
	    {KID_NUMBER_CHECK, SQL_NUMBER_CHECK_OF, "itttii"},
	};
	int rc = 0;
	for (size_t i = 0; i < COUNT(kids) && rc == 0; i++)
		if (r->kids & kids[i].kid) {
			digest_text(d, "kind", 4);
			rc = digest_rows(d, db, kids[i].sql, kids[i].types, r->id, err);
		}
	return rc;
}

#define DIGEST_I(name) digest_i64(&d, r->name);
#define DIGEST_T(name) digest_text(&d, r->name, r->name ? strlen(r->name) : 0);
#define DIGEST(type, name) DIGEST_##type(name)

/* Only its hash is kept, so the state is a digest of the columns to begin with: a JSON text of
 * forty members for each change would cost as much as the change. */
int row_state_json(
    struct db *db, struct arena *a, const struct app_row *r, json_t **out, struct err *err)
{
	struct buf d;
	buf_init(&d, a);
	buf_reserve(&d, DIGEST_USUAL);
	digest_i64(&d, r->id);
	APP_COLUMNS_FIXED(DIGEST)
	APP_COLUMNS_MOVING(DIGEST)
	digest_text(&d, r->answers, strlen(r->answers));
	int rc = r->kids ? kids_digest(&d, db, r, err) : 0;
	*out = json_pack("{s:s, s:I, s:s}", "state", r->state, "turn", (json_int_t)r->turn,
	    "sha256", digest_end(&d, a));
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

static int verify_each(struct db *db, int (*state)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	enum { BATCH = 256 };
	struct arena *a = arena_new();
	int64_t last = 0;
	int rc = 0, n = BATCH;
	while (rc == 0 && n == BATCH) {
		struct arena_mark mark = arena_mark(a);
		struct rows *rows =
		    db_query(db, err, &life_sql[SQL_ROW_AFTER], "ii", last, (int64_t)BATCH);
		if (!rows) {
			rc = -(int)ERR_STORE;
			break;
		}
		int next;
		for (n = 0; rc == 0 && (next = rows_next(rows)) != 0; n++) {
			if (next < 0) {
				rc = next;
				break;
			}
			struct app_row *r = row_read(a, rows, true);
			json_t *s = NULL;
			last = r->id;
			rc = row_state_json(db, a, r, &s, err);
			if (rc == 0)
				rc = state(arg, subject_of(a, r->id), s);
			json_decref(s);
		}
		rows_end(rows);
		arena_release(a, mark);
	}
	arena_free(a);
	return rc;
}

const struct journal_verifier application_verifier = {.kind = "application", .each = verify_each};
