/* /staff/emergency: opening a record without the right, with a reason, for a short time; its
 * review. /staff/protection/{id}/applications: which applications are a protected person's. */
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "identity/identity.h"
#include "identity/protect/protect.h"
#include "notice/notice.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"
#include "procedure/protect/sight.h"
#include "store/search.h"
#include "trail/trail.h"

#define SQL(name) (&sight_sql[SIGHT_##name])

enum { REASON_MAX = 500, FOUND_MAX = 50 };

static const char *typed(struct request *rq, const char *name)
{
	const char *s = rq_form(rq, name);
	return s ? str_dup(rq->arena, str_trim(str_from(s))) : "";
}

/* --- opening --- */

struct opening {
	int64_t application, department, until_us;
	const char *number, *reason;
};

static const struct page_field number_field = {
    "number", "application.number", "emergency.number_help", true, 0};
static const struct page_field reason_field = {
    "reason", "emergency.reason", "emergency.reason_help", true, 3};

static int64_t minutes(const struct request *rq)
{
	int64_t n = city_setting_i64(rq->city, "emergency.minutes", 30);
	return n < 1 ? 1 : n > 480 ? 480 : n;
}

static json_t *one_view(struct request *rq, struct db *db, struct rows *r, struct err *err)
{
	struct arena *a = rq->arena;
	json_t *o = json_pack("{s:I, s:I, s:s, s:s, s:I, s:I, s:s, s:b, s:b}", "id",
	    (json_int_t)rows_i64(r, 0), "application", (json_int_t)rows_i64(r, 1), "staff_name",
	    staff_name(db, a, rows_i64(r, 2), err), "reason", rows_dup(r, 3, a), "from",
	    (json_int_t)rows_i64(r, 4), "until", (json_int_t)rows_i64(r, 5), "number",
	    rows_dup(r, 10, a), "open", (int)(rows_i64(r, 5) > rq->now_us), "mine",
	    (int)(rows_i64(r, 2) == rq->actor.person));
	if (rows_i64(r, 9)) {
		json_object_set_new(o, "finding", json_string(rows_dup(r, 6, a)));
		json_object_set_new(o, "justified", json_boolean(rows_i64(r, 7)));
		json_object_set_new(
		    o, "reviewed_by", json_string(staff_name(db, a, rows_i64(r, 8), err)));
	}
	return o;
}

/* One's own, and those one may review. */
static int page(struct request *rq, struct db *db, struct err *err)
{
	json_t *own = json_array(), *review = json_array();
	bool reviews = rq_allows(rq, "emergency.review");
	struct rows *r = db_query(db, err, SQL(EMERGENCY_LIST), "");
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) == 1) {
		if (rows_i64(r, 2) == rq->actor.person)
			json_array_append_new(own, one_view(rq, db, r, err));
		else if (reviews && request_may(rq, db, "emergency.review", rows_i64(r, 11)))
			json_array_append_new(review, one_view(rq, db, r, err));
	}
	rows_end(r);
	bool posted = rq->method == HTTP_POST;
	json_t *number = rq_field(rq, &number_field, "number", posted, rq_form(rq, "number")),
	       *reason = rq_field(rq, &reason_field, "reason", posted, rq_form(rq, "reason"));
	json_object_set_new(number, "is_text", json_true());
	json_object_set_new(reason, "is_textarea", json_true());
	json_object_set_new(rq->view, "own", own);
	json_object_set_new(rq->view, "review", review);
	json_object_set_new(rq->view, "reviews", json_boolean(reviews));
	json_object_set_new(rq->view, "minutes", json_integer((json_int_t)minutes(rq)));
	json_object_set_new(rq->view, "fields", json_pack("[o, o]", number, reason));
	rq_title(rq, "emergency.title");
	return rc < 0 ? rc : 0;
}

static int get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	return db ? page(rq, db, err) : -(int)err->kind;
}

/* The supervisors of who opens it, those of the record's department, and the security officers. */
static int whom_to_tell(struct db *db, struct arena *a, int64_t staff, int64_t department,
    int64_t *out, int most, struct err *err)
{
	struct right_reason *why;
	int64_t *some;
	int n = 0, posts = right_explain(db, a, staff, NULL, 0, NULL, &why, err);
	for (int i = -1; i < posts; i++) {
		if (i >= 0 && strcmp(why[i].source, "post") != 0)
			continue;
		int count = i < 0
		                ? staff_to_ask(db, a, "emergency.review", RANK_SECTION, department,
		                      &some, err)
		                : staff_of_post(db, a, why[i].department, RANK_SECTION, &some, err);
		for (int k = 0; k < count; k++) {
			bool known = some[k] == staff;
			for (int j = 0; j < n; j++)
				known = known || out[j] == some[k];
			if (!known && n < most)
				out[n++] = some[k];
		}
	}
	return posts < 0 ? posts : n;
}

static int tell(struct request *rq, struct db *db, const struct opening *o, struct err *err)
{
	int64_t who[50];
	struct arena *a = rq->arena;
	int n = whom_to_tell(db, a, rq->actor.person, o->department, who, (int)COUNT(who), err);
	int rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc >= 0; i++) {
		char *mail, *lang;
		rc = staff_mail(db, a, who[i], &mail, &lang, err);
		if (rc < 0 || !mail)
			continue;
		json_t *view = json_pack("{s:s, s:s, s:s, s:s, s:I}", "name",
		    staff_name(db, a, who[i], err), "who", rq->actor.name, "number", o->number,
		    "reason", o->reason, "until", (json_int_t)o->until_us);
		rc = notice_mail(db, mail, lang ? lang : "ja", "procedure/emergency",
		    arena_printf(a, "emergency:%lld", (long long)o->application), view, err);
		json_decref(view);
	}
	return rc < 0 ? rc : 0;
}

static int open_write(struct request *rq, struct db *db, struct err *err)
{
	struct opening *o = rq_data(rq);
	int64_t id, now = now_us();
	o->until_us = now + minutes(rq) * 60 * 1000000;
	int rc = db_get_i64(db, err, &id, SQL(EMERGENCY_ADD), "iitii", o->application,
	    rq->actor.person, o->reason, now, o->until_us);
	json_t *data = json_pack("{s:I, s:s, s:I}", "application", (json_int_t)o->application,
	    "reason", o->reason, "until", (json_int_t)o->until_us);
	if (rc > 0)
		rc = journal_add(db,
		    &(struct journal_change){.actor = rq->actor.id,
		        .verb = "emergency.opened",
		        .subject = arena_printf(rq->arena, "emergency:%lld", (long long)id),
		        .data = data},
		    NULL, err);
	json_decref(data);
	/* It stands with each reading then. */
	if (rc == 0)
		rc = trail_reason_give(db, rq->actor.person,
		    arena_printf(rq->arena, "application:%lld", (long long)o->application),
		    o->reason, o->until_us - now, err);
	if (rc == 0)
		rc = tell(rq, db, o, err);
	return rc < 0 ? rc : rq_redirect(rq, "/staff/applications/%lld", (long long)o->application);
}

/* A number that there is not and one that there is are answered alike but for the opening, which is
 * told to others at once. */
static int open_post(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct opening *o = arena_new_of(rq->arena, struct opening);
	if (!db)
		return -(int)err->kind;
	if (rq->actor.token)
		return err_set(err, ERR_DENIED, NULL, "an API token opens nothing in an emergency");
	o->number = typed(rq, "number");
	o->reason = typed(rq, "reason");
	int rc = 0;
	if (!o->reason[0])
		rq_problem(rq, "reason", "emergency.problem.reason", NULL);
	const char *number = receipt_number_fold(rq->arena, str_from(o->number));
	if (number) {
		o->number = number;
		struct rows *r = db_query(db, err, SQL(EMERGENCY_FIND), "t", number);
		rc = r ? rows_next(r) : -(int)ERR_STORE;
		o->application = rc == 1 ? rows_i64(r, 0) : 0;
		o->department = rc == 1 ? rows_i64(r, 1) : 0;
		rows_end(r);
	}
	if (rc >= 0 && !o->application)
		rq_problem(rq, "number", "emergency.problem.number", NULL);
	if (rc < 0)
		return rc;
	rq_set_data(rq, o);
	return rq_has_problems(rq) ? page(rq, db, err) : rq_write(rq, open_write);
}

/* --- the review --- */

static int review_write(struct request *rq, struct db *db, struct err *err)
{
	int64_t id = rq_param_i64(rq, "id");
	const char *finding = typed(rq, "finding");
	bool justified = text_eq(rq_form(rq, "justified"), "yes");
	struct rows *r = db_query(db, err, SQL(EMERGENCY_GET), "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	bool mine = rc == 1 && rows_i64(r, 0) == rq->actor.person;
	int64_t department = rc == 1 ? rows_i64(r, 1) : 0;
	rows_end(r);
	if (rc < 0)
		return rc;
	if (rc == 0 || !request_may(rq, db, "emergency.review", department))
		return err_set(err, ERR_MISSING, NULL, "no emergency access %lld", (long long)id);
	if (mine)
		return err_set(
		    err, ERR_DENIED, "emergency.problem.own", "nobody reviews their own");
	if (!finding[0])
		return err_field(
		    err, ERR_INPUT, "finding", "emergency.problem.finding", "no finding");
	int64_t n = db_run(db, err, SQL(EMERGENCY_REVIEW), "itiii", id, finding, (int64_t)justified,
	    rq->actor.person, now_us());
	if (n == 0)
		return err_set(err, ERR_CONFLICT, "emergency.problem.reviewed", "reviewed already");
	json_t *data = json_pack("{s:s, s:b}", "finding", finding, "justified", (int)justified);
	rc = n < 0 ? (int)n
	           : journal_add(db,
	                 &(struct journal_change){.actor = rq->actor.id,
	                     .verb = "emergency.reviewed",
	                     .subject = arena_printf(rq->arena, "emergency:%lld", (long long)id),
	                     .data = data},
	                 NULL, err);
	json_decref(data);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "emergency.reviewed", NULL);
	return rq_redirect(rq, "/staff/emergency");
}

static int review_failed(struct request *rq, struct err *err)
{
	struct err again;
	struct db *db = rq_db(rq, &again);
	if (err->kind != ERR_INPUT || !db)
		return -(int)err->kind;
	rq_problem(rq, err->field, err->msg, NULL);
	return page(rq, db, &again);
}

static int review_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write_or(rq, review_write, review_failed);
}

/* --- a protected person's applications --- */

static int own_block(struct request *rq, struct db *db, int64_t *block, struct err *err)
{
	*block = rq_param_i64(rq, "id");
	int rc = protect_named(db, *block, rq->actor.person, err);
	return rc == 0  ? err_set(err, ERR_MISSING, NULL, "protection %lld", (long long)*block)
	       : rc < 0 ? rc
	                : 0;
}

struct found {
	int64_t id;
	const char *state; /* account, confirmed, other, suggested */
};

static int add_found(struct found *list, int n, int64_t id, const char *state)
{
	for (int i = 0; i < n; i++)
		if (list[i].id == id)
			return n;
	if (n < 4 * FOUND_MAX)
		list[n++] = (struct found){id, state};
	return n;
}

/* Those of their accounts, those that staff decided on, and those that name them. */
static int find_all(
    struct request *rq, struct db *db, int64_t block, struct found *list, struct err *err)
{
	struct arena *a = rq->arena;
	struct protect_subject *subjects;
	int n = 0, rc = 0;
	struct rows *r = db_query(db, err, SQL(OF_ACCOUNTS), "i", block);
	while (r && (rc = rows_next(r)) == 1)
		n = add_found(list, n, rows_i64(r, 0), "account");
	rows_end(r);
	r = db_query(db, err, SQL(MARKED), "i", block);
	while (r && (rc = rows_next(r)) == 1)
		n = add_found(list, n, rows_i64(r, 0),
		    str_is(rows_str(r, 1), "confirmed") ? "confirmed" : "other");
	rows_end(r);
	int count = rc < 0 ? rc : protect_subjects(db, a, block, &subjects, err);
	for (int i = 0; i < count; i++) {
		int64_t *ids;
		struct search_query q = {
		    .kind = "application", .text = subjects[i].name, .limit = FOUND_MAX};
		int hits = search_find(db, a, &q, &ids, err);
		for (int k = 0; k < hits; k++)
			n = add_found(list, n, ids[k], "suggested");
	}
	return count < 0 ? count : n;
}

static int applications_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct found list[4 * FOUND_MAX];
	int64_t block;
	int rc = db ? own_block(rq, db, &block, err) : -(int)err->kind;
	int n = rc < 0 ? rc : find_all(rq, db, block, list, err);
	if (n < 0)
		return n;
	json_t *out = json_array();
	for (int i = 0; i < n; i++) {
		struct application *app;
		if (app_get(db, rq->arena, list[i].id, &app, err) < 0 || app->state == APP_DRAFT)
			continue;
		struct procedure *p = procedure_find(rq->city, app->procedure);
		json_t *row = json_pack("{s:I, s:s?, s:s, s:s?, s:s, s:s}", "id",
		    (json_int_t)app->id, "number", app->receipt_number, "procedure",
		    p ? procedure_text(p, "title", rq->lang) : app->procedure, "applicant",
		    app->applicant_name, "state", list[i].state, "state_text",
		    rq_tr(rq, arena_printf(rq->arena, "protect.state.%s", list[i].state)));
		json_object_set_new(row, "decides", json_boolean(strcmp(list[i].state, "account")));
		procedure_unref(p);
		json_array_append_new(out, row);
	}
	rq_title(rq, "protect.applications");
	rq_crumb(rq, rq_tr(rq, "identity.protect.title"), "/staff/protection");
	rq_crumb(rq, rq_tr(rq, "identity.protect.one_title"),
	    arena_printf(rq->arena, "/staff/protection/%lld", (long long)block));
	json_object_set_new(rq->view, "block", json_integer((json_int_t)block));
	json_object_set_new(rq->view, "applications", out);
	return reading_note(rq,
	    &(struct reading){.kind = TRAIL_LIST,
	        .fields = TRAIL_BASIC | TRAIL_SENSITIVE,
	        .subject = arena_printf(rq->arena, "block:%lld", (long long)block),
	        .count = (int64_t)json_array_size(out)},
	    err);
}

static int mark_write(struct request *rq, struct db *db, struct err *err)
{
	int64_t block, application = rq_i64(rq, "application", 0);
	const char *state = rq_form(rq, "state");
	int rc = own_block(rq, db, &block, err);
	if (rc < 0)
		return rc;
	struct application *app;
	if (!text_eq(state, "confirmed") && !text_eq(state, "other"))
		return err_field(err, ERR_INPUT, "state", "web.input.required", "no state");
	if ((rc = app_get(db, rq->arena, application, &app, err)) < 0)
		return rc;
	int64_t n = db_run(
	    db, err, SQL(MARK), "iitii", application, block, state, rq->actor.person, now_us());
	rc = n < 0 ? (int)n
	           : journal_add(db,
	                 &(struct journal_change){.actor = rq->actor.id,
	                     .verb = "identity.block_application",
	                     .subject = arena_printf(rq->arena, "block:%lld", (long long)block)},
	                 NULL, err);
	return rc < 0 ? rc
	              : rq_redirect(rq, "/staff/protection/%lld/applications", (long long)block);
}

static int applications_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, mark_write);
}

static const struct input open_inputs[] = {{"number", "string", false, 40},
    {"reason", "string", false, REASON_MAX}, {NULL, NULL, false, 0}};
static const struct input review_inputs[] = {{"finding", "string", false, REASON_MAX},
    {"justified", "string", false, 3}, {NULL, NULL, false, 0}};
static const struct input mark_inputs[] = {
    {"application", "integer", true, 20}, {"state", "string", true, 20}, {NULL, NULL, false, 0}};

static const struct route routes[] = {
    {HTTP_GET, "/staff/emergency", get, .perm = "staff", .template = "procedure/emergency",
        .summary = "Emergency access: one's own, and those to review."},
    {HTTP_POST, "/staff/emergency", open_post, .perm = "staff", .template = "procedure/emergency",
        .inputs = open_inputs, .summary = "Opens a record with a reason for a short time.",
        .rate = RATE_LOGIN},
    {HTTP_POST, "/staff/emergency/{id}/review", review_post, .perm = "emergency.review",
        .template = "procedure/emergency", .inputs = review_inputs,
        .summary = "Closes an emergency access with a finding.", .rate = RATE_WRITE},
    {HTTP_GET, "/staff/protection/{id}/applications", applications_get, .perm = "protect.manage",
        .template = "procedure/protected",
        .summary = "Applications by or about a protected person, also those suggested."},
    {HTTP_POST, "/staff/protection/{id}/applications", applications_post, .perm = "protect.manage",
        .inputs = mark_inputs, .summary = "Says whether an application is a protected person's.",
        .rate = RATE_WRITE},
};

static const struct perm perms[] = {
    {"emergency.review", "emergency.perm.review"},
};

static const struct menu_item menu[] = {
    {"emergency.menu", "/staff/emergency", "staff", "staff", 70},
};

const struct module sight_pages = {
    .name = "procedure.protect",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
    .perms = perms,
    .nperms = COUNT(perms),
    .menu = menu,
    .nmenu = COUNT(menu),
    .statements = sight_statements,
    .nstatements = SIGHT_SQL_COUNT,
};
