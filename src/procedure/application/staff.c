/* Mails to the office: what each member of staff wishes, and who is told of what.
 *
 *  - a new application: whoever works in its department and wishes so
 *  - a message, an answered correction: who works on it; while nobody does, those who wish to hear
 * of new applications
 *  - a decision's turn: whom the open steps wait for
 *  - a proposal of disposal: the department's 課長 and who was granted a role that approves it
 *  - each morning: how much is open, to those who wish so
 *
 * Nobody is told of what they did themselves, and of one thing once (a row of `effect`). The mails
 * hold no names and nothing of the answers: they lie in mail boxes that the office does not govern.
 */
#include "procedure/application/life.h"

#include "identity/identity.h"
#include "procedure/protect/sight.h"
#include "notice/notice.h"
#include "store/journal.h"
#include "web/city.h"

enum { DIGEST_BATCH = 100 };

/* Opt-in, but for what is addressed to the person. */
static const bool wish_defaults[WISH_COUNT] = {
    [WISH_MESSAGE] = true, [WISH_CORRECTED] = true, [WISH_TURN] = true};

const char *const wish_names[WISH_COUNT] = {
    [WISH_SUBMITTED] = "submitted",
    [WISH_MESSAGE] = "message",
    [WISH_CORRECTED] = "corrected",
    [WISH_TURN] = "turn",
    [WISH_DIGEST] = "digest",
};

int wishes_get(struct db *db, int64_t staff, bool out[WISH_COUNT], struct err *err)
{
	memcpy(out, wish_defaults, sizeof(wish_defaults));
	struct rows *r = db_query(db, err, &life_sql[SQL_STAFF_NOTICE_GET], "i", staff);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	for (int i = 0; rc == 1 && i < WISH_COUNT; i++)
		out[i] = rows_i64(r, i) != 0;
	rows_end(r);
	return rc < 0 ? rc : 0;
}

int wishes_set(
    struct db *db, const struct app_actor *actor, const bool in[WISH_COUNT], struct err *err)
{
	int64_t n = db_run(db, err, &life_sql[SQL_STAFF_NOTICE_SET], "iiiiii", actor->person,
	    (int64_t)in[WISH_SUBMITTED], (int64_t)in[WISH_MESSAGE], (int64_t)in[WISH_CORRECTED],
	    (int64_t)in[WISH_TURN], (int64_t)in[WISH_DIGEST]);
	if (n < 0)
		return (int)n;
	struct arena *a = arena_new();
	json_t *data = json_object();
	for (int i = 0; i < WISH_COUNT; i++)
		json_object_set_new(data, wish_names[i], json_boolean(in[i]));
	int rc = journal_add(db,
	    &(struct journal_change){.actor = actor->id,
	        .verb = "application.mails_chosen",
	        .subject = arena_printf(a, "staff-notice:%" PRId64, actor->person),
	        .data = data},
	    NULL, err);
	json_decref(data);
	arena_free(a);
	return rc;
}

int tell_staff(struct db *db, const struct app_row *r, const char *event, struct err *err)
{
	json_t *payload = json_pack("{s:I, s:s, s:I}", "id", (json_int_t)r->id, "event", event,
	    "turn", (json_int_t)r->turn);
	int rc = job_add(db, "application.notice", payload, 0, NULL, err);
	json_decref(payload);
	return rc;
}

/* --- one mail --- */

struct staff_mail {
	struct city *city;
	struct arena *arena;
	int64_t application;
	const char *guard, *to, *lang, *kind, *subject;
	json_t *view;
};

static int mail_write(struct db *db, void *arg, struct err *err)
{
	struct staff_mail *m = arg;
	if (m->guard) {
		int64_t n = db_run(
		    db, err, &life_sql[SQL_EFFECT_ADD], "iti", m->application, m->guard, now_us());
		if (n <= 0)
			return (int)n;
	}
	return notice_mail(db, m->to, m->lang, m->kind, m->subject, m->view, err);
}

/* Where a member's mails go, when this kind is wished; 1, 0, <0. */
static int address_of(struct db *db, struct arena *a, int64_t staff, enum wish wish, char **mail,
    char **lang, struct err *err)
{
	bool wishes[WISH_COUNT];
	*mail = *lang = NULL;
	int rc = wishes_get(db, staff, wishes, err);
	if (rc < 0 || !wishes[wish])
		return rc;
	rc = staff_mail(db, a, staff, mail, lang, err);
	return rc < 0 ? rc : *mail != NULL;
}

/* --- what happened to an application --- */

struct staff_notice {
	struct store *store;
	struct db *db;
	struct city *city;
	struct arena *arena;
	const struct application *app;
	const struct procedure *proc;
	const char *event;
	enum wish wish;
	struct err *err;
};

static int tell_one(const struct staff_notice *n, int64_t staff, const char *about)
{
	struct arena *a = n->arena;
	const struct application *app = n->app;
	char *mail, *lang;
	if (text_eq(app->created_by, arena_printf(a, "staff:%" PRId64, staff)) &&
	    n->wish == WISH_SUBMITTED)
		return 0;
	if (sight_hides(n->db, app->id, app->account, staff))
		return 0;
	int rc = address_of(n->db, a, staff, n->wish, &mail, &lang, n->err);
	if (rc <= 0)
		return rc;
	lang = lang ? lang : arena_strdup(a, "ja");
	json_t *view =
	    json_pack("{s:s, s:s?, s:s?, s:s?, s:s}", "name", staff_name(n->db, a, staff, n->err),
	        "procedure", procedure_text(n->proc, "title", lang), "receipt_number",
	        app->receipt_number, "serial", app->serial, "url",
	        arena_printf(a, "%s%s/staff/applications/%" PRId64, n->city->base_url,
	            strcmp(lang, "en") == 0 ? "/en" : "", app->id));
	if (app->due)
		json_object_set_new(view, "due", json_string(app->due));
	struct staff_mail m = {.city = n->city,
	    .arena = a,
	    .application = app->id,
	    .guard = arena_printf(a, "staff/%s/%s/%" PRId64, n->event, about, staff),
	    .to = mail,
	    .lang = lang,
	    .kind = arena_printf(a, "procedure/staff-%s", wish_names[n->wish]),
	    .subject = subject_of(a, app->id),
	    .view = view};
	rc = store_write(n->store, mail_write, &m, n->err);
	json_decref(view);
	return rc;
}

/* The department's people who wish to hear of new applications. */
static int tell_department(const struct staff_notice *n, const char *about)
{
	int64_t *staff;
	bool wishes[WISH_COUNT];
	int count = staff_of_department(n->db, n->arena, n->app->department, &staff, n->err),
	    rc = 0;
	for (int i = 0; i < count && rc >= 0; i++) {
		rc = wishes_get(n->db, staff[i], wishes, n->err);
		if (rc == 0 && wishes[WISH_SUBMITTED])
			rc = tell_one(n, staff[i], about);
	}
	return count < 0 ? count : rc;
}

/* Whom the open steps wait for, each once for each step. */
static int tell_route(const struct staff_notice *n)
{
	struct route_step *steps;
	const struct application *app = n->app;
	if (app->state != APP_APPROVAL)
		return 0;
	int count = route_load(n->db, n->arena, app->id, app->round, false, &steps, n->err), rc = 0;
	for (int i = 0; i < count && rc >= 0; i++) {
		int64_t *staff;
		if (!step_is(&steps[i], "open"))
			continue;
		int asked = route_asked(n->db, n->arena, &steps[i], app->drafter, &staff, n->err);
		rc = asked < 0 ? asked : 0;
		for (int k = 0; k < asked && rc >= 0; k++)
			rc = tell_one(n, staff[k], arena_printf(n->arena, "%" PRId64, steps[i].id));
	}
	return count < 0 ? count : rc;
}

static const struct {
	const char *event;
	enum wish wish;
} events[] = {
    {"submitted", WISH_SUBMITTED},
    {"applicant-message", WISH_MESSAGE},
    {"corrected", WISH_CORRECTED},
    {"turn", WISH_TURN},
};

bool staff_event(const char *event)
{
	for (size_t i = 0; i < COUNT(events); i++)
		if (text_eq(events[i].event, event))
			return true;
	return false;
}

int staff_tell(struct store *store, struct city *city, struct arena *a,
    const struct application *app, const struct procedure *proc, const char *event, int64_t turn,
    struct err *err)
{
	struct staff_notice n = {.store = store,
	    .city = city,
	    .arena = a,
	    .app = app,
	    .proc = proc,
	    .event = event,
	    .db = store_reader(store, err),
	    .err = err};
	size_t i = 0;
	while (i < COUNT(events) && !text_eq(events[i].event, event))
		i++;
	if (!n.db || i == COUNT(events))
		return n.db ? 0 : -(int)ERR_STORE;
	n.wish = events[i].wish;
	const char *about = arena_printf(a, "%" PRId64, turn);
	if (n.wish == WISH_TURN)
		return tell_route(&n);
	return n.wish != WISH_SUBMITTED && app->assignee ? tell_one(&n, app->assignee, about)
	                                                 : tell_department(&n, about);
}

int staff_tell_disposal(struct db *db, const struct app_actor *actor, int64_t proposal,
    int64_t department, bool extends, int64_t files, struct err *err)
{
	struct arena *a = arena_new();
	int64_t *staff;
	int n = staff_to_ask(
	    db, a, "application.dispose_approve", RANK_SECTION, department, &staff, err);
	int rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc >= 0; i++) {
		char *mail, *lang;
		if (staff[i] == actor->person ||
		    (rc = address_of(db, a, staff[i], WISH_TURN, &mail, &lang, err)) <= 0)
			continue;
		lang = lang ? lang : arena_strdup(a, "ja");
		json_t *view = json_pack("{s:s, s:s, s:I, s:b, s:I}", "name",
		    staff_name(db, a, staff[i], err), "department",
		    department_name_in(db, a, department, lang, err), "files", (json_int_t)files,
		    "extends", (int)extends, "proposal", (json_int_t)proposal);
		rc = notice_mail(db, mail, lang, "procedure/staff-disposal",
		    arena_printf(a, "disposal:%" PRId64, proposal), view, err);
		json_decref(view);
	}
	arena_free(a);
	return rc < 0 ? rc : 0;
}

/* --- each morning --- */

static int digest_one(
    struct store *store, struct city *city, struct db *db, int64_t staff, struct err *err)
{
	static const char *const told[] = {"turn", "review", "mine", "overdue", "office"};
	struct arena *a = arena_new();
	char *mail, *lang;
	json_t *counts = NULL, *mine = NULL;
	struct app_actor actor = {
	    .id = arena_printf(a, "staff:%" PRId64, staff), .staff = true, .person = staff};
	struct app_filter all = {.scope = APP_SCOPE_ALL}, own = {.scope = APP_SCOPE_MINE};
	int rc = address_of(db, a, staff, WISH_DIGEST, &mail, &lang, err);
	bool any = false;
	if (rc > 0 && (rc = app_counts(db, a, &actor, &all, &counts, err)) == 0 &&
	    (rc = app_counts(db, a, &actor, &own, &mine, err)) == 0) {
		json_object_set(counts, "mine", json_object_get(mine, "office"));
		json_t *view = json_pack("{s:s, s:s}", "name", staff_name(db, a, staff, err), "url",
		    arena_printf(
		        a, "%s%s/staff", city->base_url, text_eq(lang, "en") ? "/en" : ""));
		for (size_t i = 0; i < COUNT(told); i++) {
			int64_t n = json_integer_value(json_object_get(counts, told[i]));
			any = any || n > 0;
			json_object_set_new(view, told[i], json_integer((json_int_t)n));
		}
		struct staff_mail m = {.to = mail,
		    .lang = lang ? lang : "ja",
		    .kind = "procedure/staff-digest",
		    .subject = actor.id,
		    .view = view};
		if (any)
			rc = store_write(store, mail_write, &m, err);
		json_decref(view);
	}
	json_decref(counts);
	json_decref(mine);
	arena_free(a);
	return rc < 0 ? rc : 0;
}

int staff_digests(struct store *store, struct city *city, struct db *db, struct err *err)
{
	int64_t staff[DIGEST_BATCH], last = 0;
	int rc = 0, n = DIGEST_BATCH;
	while (rc >= 0 && n == DIGEST_BATCH) {
		struct rows *r = db_query(
		    db, err, &life_sql[SQL_STAFF_NOTICE_DIGEST], "ii", last, (int64_t)DIGEST_BATCH);
		rc = r ? 0 : -(int)ERR_STORE;
		for (n = 0; r && n < DIGEST_BATCH && (rc = rows_next(r)) == 1; n++)
			last = staff[n] = rows_i64(r, 0);
		rows_end(r);
		for (int i = 0; i < n && rc >= 0; i++)
			rc = digest_one(store, city, db, staff[i], err);
	}
	return rc < 0 ? rc : 0;
}
