/* /staff/absences: one's own absences and deputies, those of the people one manages, and who acts
 * for whom today. Oneself, 課長 and higher for those below, and whoever manages staff may enter
 * them. */
#include "identity/private.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"

enum { PEOPLE_PAGE = 50 };

/* Whose page it is. */
struct officer {
	int64_t id, row; /* row: of what is edited; 0: a new one */
	const char *name;
	bool self;
};

static const struct form_field_spec from_field = {
    "from", "identity.absence.from", NULL, "is_date", NULL, true, 0};
static const struct form_field_spec until_field = {
    "until", "identity.absence.until", "identity.absence.until_help", "is_date", NULL, true, 0};

static const char *page_of(struct request *rq, const struct officer *o)
{
	return o->self ? "/staff/absences"
	               : arena_printf(rq->arena, "/staff/absences/%lld", (long long)o->id);
}

/* Others' pages are not there for who may not see them. A token changes nothing here unless it may
 * manage staff: a deputy would get rights that the token does not have. */
static int open_officer(struct request *rq, struct officer **out, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct officer *o = arena_new_of(rq->arena, struct officer);
	if (!db)
		return -(int)err->kind;
	o->id = rq_param(rq, "staff") ? rq_param_i64(rq, "staff") : rq->actor.person;
	o->self = o->id == rq->actor.person;
	bool admin = request_may(rq, db, "identity.manage", 0);
	if (!o->self && !admin && !staff_manages(db, rq->actor.person, o->id))
		return err_set(err, ERR_MISSING, NULL, "staff %lld is not managed by %s",
		    (long long)o->id, rq->actor.id);
	if (rq->method != HTTP_GET && rq->actor.token && !admin)
		return err_set(err, ERR_DENIED, NULL, "a token names no deputies");
	o->name = staff_name(db, rq->arena, o->id, err);
	if (!o->name[0])
		return err_set(err, ERR_MISSING, NULL, "staff %lld", (long long)o->id);
	*out = o;
	return 0;
}

static const char *reason_text(struct request *rq, const char *reason)
{
	return reason[0] ? rq_tr(rq, arena_printf(rq->arena, "identity.absence.reason.%s", reason))
	                 : "";
}

/* --- the page --- */

static json_t *absence_view(struct request *rq, struct rows *r, const char *day)
{
	char *reason = rows_dup(r, 3, rq->arena);
	json_t *row = json_pack("{s:I, s:s, s:s}", "id", (json_int_t)rows_i64(r, 0), "reason",
	    reason, "reason_text", reason_text(rq, reason));
	put_when(row, rows_dup(r, 1, rq->arena), rows_dup(r, 2, rq->arena), day);
	return row;
}

static json_t *deputy_view(
    struct request *rq, struct db *db, struct rows *r, const char *day, struct err *err)
{
	int64_t deputy = rows_i64(r, 1), department = rows_i64(r, 2);
	json_t *row = json_pack("{s:I, s:I, s:s, s:s}", "id", (json_int_t)rows_i64(r, 0), "place",
	    (json_int_t)rows_i64(r, 6) + 1, "name",
	    deputy ? staff_name(db, rq->arena, deputy, err)
	           : rank_text(rq, (enum rank)rows_i64(r, 5)),
	    "department",
	    department ? department_name_in(db, rq->arena, department, rq->lang, err)
	               : rq_tr(rq, "identity.user.every_post"));
	if (deputy)
		json_object_set_new(row, "deputy", json_integer(deputy));
	else
		json_object_set_new(row, "rank", json_string(rank_name((enum rank)rows_i64(r, 5))));
	put_when(row, rows_dup(r, 3, rq->arena), rows_dup(r, 4, rq->arena), day);
	return row;
}

/* The rows of a kind: those that count or will in view.<name>, ended ones in view.past.<name>,
 * newest first. */
static int put_rows(
    struct request *rq, struct db *db, const struct officer *o, bool absences, struct err *err)
{
	char day[DAY_SIZE];
	const char *name = absences ? "absences" : "deputies";
	json_t *live = json_array(), *past = json_array();
	today(day);
	struct rows *r =
	    db_query(db, err, absences ? SQL(STAFF_ABSENCES) : SQL(STAFF_DEPUTIES), "i", o->id);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		json_t *row =
		    absences ? absence_view(rq, r, day) : deputy_view(rq, db, r, day, err);
		if (json_is_true(json_object_get(row, "past")))
			json_array_insert_new(past, 0, row);
		else
			json_array_append_new(live, row);
	}
	rows_end(r);
	json_object_set_new(rq->view, name, live);
	json_object_set_new(json_object_get(rq->view, "past"), name, past);
	return rc;
}

/* For each post who acts, or would act, today. */
static int put_acting(struct request *rq, struct db *db, const struct officer *o, struct err *err)
{
	json_t *out = json_array();
	char day[DAY_SIZE];
	today(day);
	struct rows *r = db_query(db, err, SQL(STAFF_POSTS), "i", o->id);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		char *from = rows_dup(r, 4, rq->arena), *until = rows_dup(r, 5, rq->arena);
		if (strcmp(from, day) > 0 || strcmp(until, day) < 0)
			continue;
		int64_t department = rows_i64(r, 1);
		int64_t deputy = staff_deputy_if_absent(db, o->id, department);
		json_t *row = json_pack("{s:s, s:s}", "department",
		    department_name_in(db, rq->arena, department, rq->lang, err), "rank_text",
		    rank_text(rq, (enum rank)rows_i64(r, 2)));
		if (deputy)
			json_object_set_new(
			    row, "deputy", json_string(staff_name(db, rq->arena, deputy, err)));
		json_array_append_new(out, row);
	}
	rows_end(r);
	json_object_set_new(rq->view, "acting", out);
	return rc;
}

/* Who is away around here, and who acts for them. */
static int put_away(struct request *rq, struct db *db, struct err *err)
{
	json_t *out = json_array();
	char day[DAY_SIZE];
	today(day);
	struct rows *r = db_query(db, err, SQL(AWAY), "it", rq->actor.person, day);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		int64_t id = rows_i64(r, 0), deputy = staff_deputy_of(db, id, 0);
		char *until = rows_dup(r, 2, rq->arena);
		json_t *row = json_pack("{s:s, s:o, s:b}", "name", rows_dup(r, 1, rq->arena),
		    "posts", posts_view(rq, db, id, true, err), "by_you",
		    (int)(deputy == rq->actor.person));
		if (!text_eq(until, DAY_LAST))
			json_object_set_new(row, "until", json_string(until));
		if (deputy)
			json_object_set_new(
			    row, "deputy", json_string(staff_name(db, rq->arena, deputy, err)));
		json_array_append_new(out, row);
	}
	rows_end(r);
	json_object_set_new(rq->view, "away", out);
	return rc;
}

/* Those one manages, each with the absence that is now or next. */
static int put_people(struct request *rq, struct db *db, struct err *err)
{
	char day[DAY_SIZE];
	const char *q = rq_query(rq, "q"), *after_text = rq_query(rq, "after");
	int64_t after = 0, last = 0;
	int n = 0;
	json_t *out = json_array();
	today(day);
	if (after_text)
		(void)str_to_i64(
		    str_from(after_text), 0, INT64_MAX, &after); /* else the first page */
	struct rows *r = db_query(db, err, SQL(MANAGED), "itiiti", rq->actor.person, day,
	    INT64_C(0), after, name_pattern(rq->arena, q ? q : ""), (int64_t)PEOPLE_PAGE);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		last = rows_i64(r, 0);
		n++;
		json_t *person = json_pack("{s:I, s:s, s:o}", "id", (json_int_t)last, "name",
		    rows_dup(r, 1, rq->arena), "posts", posts_view(rq, db, last, true, err));
		struct rows *b = db_query(db, err, SQL(STAFF_ABSENCES), "i", last);
		json_t *next = NULL;
		while (b && rows_next(b) > 0) {
			json_t *absence = absence_view(rq, b, day);
			const char *from = json_string_value(json_object_get(absence, "from"));
			const char *sooner = json_string_value(json_object_get(next, "from"));
			if (!json_is_true(json_object_get(absence, "past")) &&
			    (!next || strcmp(from ? from : "", sooner ? sooner : "") < 0)) {
				json_decref(next);
				next = json_incref(absence);
			}
			json_decref(absence);
		}
		rows_end(b);
		if (next)
			json_object_set_new(person, "absence", next);
		json_array_append_new(out, person);
	}
	rows_end(r);
	json_object_set_new(rq->view, "people", out);
	json_object_set_new(rq->view, "q", json_string(q ? q : ""));
	json_object_set_new(rq->view, "manages",
	    json_boolean(n > 0 || (q && q[0]) || after)); /* who manages nobody sees no list */
	if (n == PEOPLE_PAGE) {
		struct buf b;
		buf_init(&b, rq->arena);
		buf_printf(&b, "/staff/absences?after=%lld&q=", (long long)last);
		buf_url(&b, str_from(q ? q : ""));
		json_object_set_new(rq->view, "more", json_string(b.p));
	}
	return rc;
}

int absences_get(struct request *rq, struct err *err)
{
	struct officer *o;
	int rc = open_officer(rq, &o, err);
	if (rc == 0 && !o->self)
		rc = note_colleague(rq, o->id, err);
	if (rc < 0)
		return rc;
	struct db *db = rq_db(rq, err);
	json_object_set_new(rq->view, "officer",
	    json_pack("{s:I, s:s, s:b, s:b}", "id", (json_int_t)o->id, "name", o->name, "is_self",
	        (int)o->self, "is_absent", (int)staff_is_absent(db, o->id)));
	json_object_set_new(rq->view, "past", json_object());
	rc = put_rows(rq, db, o, true, err);
	if (rc >= 0)
		rc = put_rows(rq, db, o, false, err);
	if (rc >= 0)
		rc = put_acting(rq, db, o, err);
	if (rc >= 0 && o->self)
		rc = put_away(rq, db, err);
	if (rc >= 0 && o->self)
		rc = put_people(rq, db, err);
	if (o->self)
		page_title(rq, "identity.absence.title");
	else {
		rq_crumb(rq, rq_tr(rq, "identity.absence.title"), "/staff/absences");
		json_object_set_new(rq->view, "title", json_string(o->name));
	}
	return rc < 0 ? rc : 0;
}

/* --- one absence, one deputy: the same form for a new one and for a change --- */

/* What was typed, else what is kept (NULL: nothing). */
static json_t *typed_or(struct request *rq, const char *name, const char *kept)
{
	return json_string(rq->method == HTTP_POST ? form_value(rq, name) : kept ? kept : "");
}

static const char *day_shown(const char *day)
{
	return text_eq(day, DAY_FIRST) || text_eq(day, DAY_LAST) ? "" : day;
}

static json_t *row_page(struct request *rq, const struct officer *o, const char *kind,
    const char *title_new, const char *title_change)
{
	rq_crumb(rq, rq_tr(rq, "identity.absence.title"), "/staff/absences");
	if (!o->self)
		rq_crumb(rq, o->name, page_of(rq, o));
	page_title(rq, o->row ? title_change : title_new);
	const char *row = o->row ? arena_printf(rq->arena, "%lld", (long long)o->row) : "new";
	return page_form(rq,
	    arena_printf(rq->arena, "/staff/absences/%lld/%s/%s", (long long)o->id, kind, row),
	    "identity.absence.save");
}

/* The officer and the row that is edited. */
static int open_row(struct request *rq, struct officer **out, struct err *err)
{
	int rc = open_officer(rq, out, err);
	if (rc < 0 || text_eq(rq_param(rq, "row"), "new"))
		return rc;
	(*out)->row = rq_param_i64(rq, "row");
	return (*out)->row > 0 ? 0 : err_set(err, ERR_MISSING, NULL, "row %s", rq_param(rq, "row"));
}

/* What has ended stays as it was. */
static int not_past(const char *until, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	if (strcmp(until, day) < 0)
		return err_set(err, ERR_CONFLICT, "identity.absence.is_past", "ended %s", until);
	return 0;
}

static int absence_form(struct request *rq, const struct officer *o, struct err *err)
{
	static const struct form_field_spec reason_field = {"reason", "identity.absence.reason",
	    "identity.absence.reason_help", "is_choice", NULL, true, 0};
	struct db *db = rq_db(rq, err);
	char *from = NULL, *until = NULL, *reason = NULL;
	if (o->row) {
		struct rows *r = db_query(db, err, SQL(ABSENCE_ROW), "ii", o->row, o->id);
		int rc = r ? rows_next(r) : -(int)ERR_STORE;
		if (rc > 0) {
			from = rows_dup(r, 0, rq->arena);
			until = rows_dup(r, 1, rq->arena);
			reason = rows_dup(r, 2, rq->arena);
		}
		rows_end(r);
		if (rc == 0)
			return err_set(err, ERR_MISSING, NULL, "absence %lld", (long long)o->row);
		rc = rc < 0 ? rc : not_past(until, err);
		if (rc < 0)
			return rc;
	}
	json_t *form = row_page(
	    rq, o, "absence", "identity.absence.new_title", "identity.absence.change_title");
	form_field(
	    rq, form, &from_field, typed_or(rq, from_field.name, from ? day_shown(from) : NULL));
	form_field(rq, form, &until_field,
	    typed_or(rq, until_field.name, until ? day_shown(until) : NULL));
	json_t *field = form_field(rq, form, &reason_field, typed_or(rq, "reason", reason));
	const char *chosen = json_string_value(json_object_get(field, "value"));
	for (const char *const *p = absence_reasons; *p; p++)
		form_option(field, *p, reason_text(rq, *p), text_eq(chosen, *p));
	return 0;
}

int absence_get(struct request *rq, struct err *err)
{
	struct officer *o;
	int rc = open_row(rq, &o, err);
	return rc < 0 ? rc : absence_form(rq, o, err);
}

/* Mails somebody the days for which they are or act as the officer's deputy; nobody what they did
 * themselves. department 0: all. */
static int mail_term(struct request *rq, struct db *db, const struct officer *o, const char *kind,
    const struct account *account, int64_t department, const struct term *term, struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	int rc = term_days(term, from, until, err);
	if (rc < 0 || account->id == rq->actor.account)
		return rc;
	json_t *view = json_pack("{s:s, s:s, s:s*}", "officer",
	    staff_name(db, rq->arena, o->id, err), "url",
	    arena_printf(rq->arena, "%s%s/staff/absences", rq->city->base_url,
	        text_eq(account->lang, "en") ? "/en" : ""),
	    "department",
	    department ? department_name_in(db, rq->arena, department, account->lang, err) : NULL);
	put_term(view, from, until);
	return account_mail(rq, db, account, kind, view, err);
}

/* Whoever acts for the officer, by name or by post, hears of the absence: one mail for each of the
 * officer's posts. */
static int tell_acting(struct request *rq, struct db *db, const struct officer *o,
    const struct term *term, struct err *err)
{
	int64_t *departments;
	int n = staff_departments(db, rq->arena, o->id, "application.read", &departments, err);
	for (int i = 0; i < n; i++) {
		struct account account = {0};
		int64_t deputy = staff_deputy_if_absent(db, o->id, departments[i]);
		int rc = deputy
		             ? account_get(db, rq->arena, staff_account(db, deputy), &account, err)
		             : 0;
		if (rc >= 0 && account.id)
			rc = mail_term(
			    rq, db, o, "identity/absence", &account, departments[i], term, err);
		if (rc < 0)
			return rc;
	}
	return n < 0 ? n : 0;
}

static int absence_write(struct request *rq, struct db *db, struct err *err)
{
	const struct officer *o = rq_data(rq);
	struct absence_fields f = {
	    {form_value(rq, "from"), form_value(rq, "until")}, form_value(rq, "reason")};
	int rc = o->row ? absence_change(db, rq->actor.id, o->id, o->row, &f, err)
	                : absence_make(db, rq->actor.id, o->id, &f, err);
	if (rc >= 0)
		rc = tell_acting(rq, db, o, &f.term, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.absence.saved", NULL);
	return rq_redirect(rq, "%s", page_of(rq, o));
}

/* Both days are wanted, and an absence that is over changes nothing. */
static void check_days(struct request *rq)
{
	char day[DAY_SIZE], until[DAY_SIZE];
	today(day);
	if (!form_value(rq, "from")[0])
		form_problem(rq, "from", "identity.absence.no_from", NULL);
	if (!form_value(rq, "until")[0])
		form_problem(rq, "until", "identity.absence.no_until", NULL);
	else if (day_of(form_value(rq, "until"), day, until) && strcmp(until, day) < 0)
		form_problem(rq, "until", "identity.absence.over", NULL);
}

int absence_post(struct request *rq, struct err *err)
{
	struct officer *o;
	int rc = open_row(rq, &o, err);
	if (rc == 0)
		rc = absence_form(rq, o, err);
	if (rc < 0)
		return rc;
	check_days(rq);
	if (!form_value(rq, "reason")[0])
		form_problem(rq, "reason", "identity.absence.no_reason", NULL);
	rq_set_data(rq, o);
	return rq_write_or(rq, absence_write, problem_page);
}

/* "12" is a colleague, "rank:課長" a post, "other" the login below. */
static int deputy_options(struct request *rq, struct db *db, const struct officer *o, json_t *field,
    const char *chosen, struct err *err)
{
	char day[DAY_SIZE];
	bool found = false;
	today(day);
	form_option(field, "", rq_tr(rq, "identity.deputy.choose"), !chosen[0]);
	for (int rank = RANK_CHIEF; rank <= RANK_DIVISION; rank++) {
		const char *value = arena_printf(rq->arena, "rank:%s", rank_name((enum rank)rank));
		form_option(field, value,
		    i18n_format(rq->city->i18n, rq->arena, rq->lang, "identity.deputy.by_rank",
		        json_on_arena(
		            rq->arena, json_pack("{s:s}", "rank", rank_text(rq, (enum rank)rank)))),
		    text_eq(value, chosen));
	}
	struct rows *r = db_query(db, err, SQL(DEPUTY_CANDIDATES), "it", o->id, day);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		const char *value = arena_printf(rq->arena, "%lld", (long long)rows_i64(r, 0));
		found = found || text_eq(value, chosen);
		form_option(field, value,
		    arena_printf(rq->arena, "%s (%s)", rows_dup(r, 1, rq->arena),
		        rank_text(rq, (enum rank)rows_i64(r, 2))),
		    text_eq(value, chosen));
	}
	rows_end(r);
	int64_t id;
	if (!found && str_to_i64(str_from(chosen), 1, INT64_MAX, &id))
		form_option(field, chosen, staff_name(db, rq->arena, id, err), true);
	form_option(field, "other", rq_tr(rq, "identity.deputy.other"), text_eq(chosen, "other"));
	return rc;
}

/* The departments where the officer has a say. */
static int post_options(struct request *rq, struct db *db, const struct officer *o, json_t *field,
    const char *chosen, struct err *err)
{
	int64_t *ids;
	int n = staff_departments(db, rq->arena, o->id, "application.read", &ids, err);
	form_option(field, "", rq_tr(rq, "identity.user.every_post"), !chosen[0]);
	for (int i = 0; i < n; i++) {
		const char *value = arena_printf(rq->arena, "%lld", (long long)ids[i]);
		form_option(field, value, department_name_in(db, rq->arena, ids[i], rq->lang, err),
		    text_eq(value, chosen));
	}
	return n < 0 ? n : 0;
}

static int deputy_form(struct request *rq, const struct officer *o, struct err *err)
{
	static const struct form_field_spec deputy = {
	    "deputy", "identity.user.deputy", "identity.deputy.help", "is_choice", NULL, true, 0};
	static const struct form_field_spec login = {"login", "identity.deputy.login",
	    "identity.deputy.login_help", "is_text", "off", false, 64};
	static const struct form_field_spec department = {"department", "identity.user.department",
	    "identity.deputy.department_help", "is_choice", NULL, false, 0};
	static const struct form_field_spec place = {"place", "identity.deputy.place",
	    "identity.deputy.place_help", "is_number", "off", false, 2};
	static const struct form_field_spec from = {"from", "identity.absence.from",
	    "identity.deputy.from_help", "is_date", NULL, false, 0};
	static const struct form_field_spec until = {"until", "identity.absence.until",
	    "identity.user.until_help", "is_date", NULL, false, 0};
	struct db *db = rq_db(rq, err);
	const char *who = NULL, *in = NULL, *at = "1", *first = NULL, *last = NULL;
	int rc = 0;
	if (o->row) {
		struct rows *r = db_query(db, err, SQL(DEPUTY_ROW), "ii", o->row, o->id);
		rc = r ? rows_next(r) : -(int)ERR_STORE;
		if (rc > 0) {
			who = rows_i64(r, 1)
			          ? arena_printf(rq->arena, "%lld", (long long)rows_i64(r, 1))
			          : arena_printf(
			                rq->arena, "rank:%s", rank_name((enum rank)rows_i64(r, 5)));
			in = rows_i64(r, 2)
			         ? arena_printf(rq->arena, "%lld", (long long)rows_i64(r, 2))
			         : "";
			first = day_shown(rows_dup(r, 3, rq->arena));
			last = rows_dup(r, 4, rq->arena);
			at = arena_printf(rq->arena, "%lld", (long long)rows_i64(r, 6) + 1);
		}
		rows_end(r);
		if (rc == 0)
			return err_set(err, ERR_MISSING, NULL, "deputy %lld", (long long)o->row);
		rc = rc < 0 ? rc : not_past(last, err);
		if (rc < 0)
			return rc;
		last = day_shown(last);
	}
	json_t *form =
	    row_page(rq, o, "deputy", "identity.deputy.new_title", "identity.deputy.change_title");
	json_t *field = form_field(rq, form, &deputy, typed_or(rq, "deputy", who));
	json_object_set_new(field, "is_select", json_true());
	rc = deputy_options(
	    rq, db, o, field, json_string_value(json_object_get(field, "value")), err);
	form_field(rq, form, &login, typed_or(rq, "login", NULL));
	form_field(rq, form, &place, typed_or(rq, "place", at));
	field = form_field(rq, form, &department, typed_or(rq, "department", in));
	json_object_set_new(field, "is_select", json_true());
	if (rc >= 0)
		rc = post_options(
		    rq, db, o, field, json_string_value(json_object_get(field, "value")), err);
	form_field(rq, form, &from, typed_or(rq, from.name, first));
	form_field(rq, form, &until, typed_or(rq, until.name, last));
	return rc < 0 ? rc : 0;
}

int deputy_get(struct request *rq, struct err *err)
{
	struct officer *o;
	int rc = open_row(rq, &o, err);
	return rc < 0 ? rc : deputy_form(rq, o, err);
}

/* Who was chosen. */
static int take_deputy(struct request *rq, struct db *db, struct deputy_fields *f,
    struct account *account, struct err *err)
{
	const char *who = form_value(rq, "deputy");
	int rank = strncmp(who, "rank:", 5) == 0 ? rank_parse(who + 5) : -1, rc = 0;
	if (rank > RANK_STAFF) {
		f->rank = (enum rank)rank;
		return 0;
	}
	if (text_eq(who, "other") || !who[0])
		rc = account_find(db, rq->arena, "staff",
		    login_fold(rq->arena, form_value(rq, "login")), account, err);
	else if (str_to_i64(str_from(who), 1, INT64_MAX, &f->deputy))
		rc = account_get(db, rq->arena, staff_account(db, f->deputy), account, err);
	f->deputy = account->staff;
	if (rc >= 0 && (!account->staff || !account_is_active(account)))
		return err_field(err, ERR_INPUT, text_eq(who, "other") ? "login" : "deputy",
		    "identity.problem.deputy", "nobody \"%s\"", who);
	return rc < 0 ? rc : 0;
}

/* Whoever is named hears of it, unless they did it themselves; the holders of a post hear of each
 * absence. */
static int tell_deputy(struct request *rq, struct db *db, const struct officer *o,
    const struct deputy_fields *f, const struct account *account, struct err *err)
{
	return account->id
	           ? mail_term(rq, db, o, "identity/deputy", account, f->department, &f->term, err)
	           : 0;
}

static int deputy_write(struct request *rq, struct db *db, struct err *err)
{
	const struct officer *o = rq_data(rq);
	struct deputy_fields f = {.term = {form_value(rq, "from"), form_value(rq, "until")}};
	struct department d;
	const char *place = form_value(rq, "place"), *in = form_value(rq, "department");
	if (place[0] && !str_to_i64(str_from(place), 1, DEPUTY_PLACES, &f.place))
		return err_field(
		    err, ERR_INPUT, "place", "identity.deputy.bad_place", "place %s", place);
	f.place -= f.place > 0;
	if (in[0] && (!str_to_i64(str_from(in), 1, INT64_MAX, &f.department) ||
	                 department_get(db, rq->arena, f.department, &d, err) <= 0))
		return err_field(err, ERR_INPUT, "department", "identity.problem.department",
		    "department %s", in);
	struct account account = {0};
	int rc = take_deputy(rq, db, &f, &account, err);
	if (rc == 0)
		rc = o->row ? deputy_change(db, rq->actor.id, o->id, o->row, &f, err)
		            : deputy_make(db, rq->actor.id, o->id, &f, err);
	if (rc == 0)
		rc = tell_deputy(rq, db, o, &f, &account, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.deputy.saved", NULL);
	return rq_redirect(rq, "%s", page_of(rq, o));
}

int deputy_post(struct request *rq, struct err *err)
{
	struct officer *o;
	int rc = open_row(rq, &o, err);
	if (rc == 0)
		rc = deputy_form(rq, o, err);
	if (rc < 0)
		return rc;
	rq_set_data(rq, o);
	return rq_write_or(rq, deputy_write, problem_page);
}

/* --- ending early --- */

static int end_write(struct request *rq, struct db *db, struct err *err)
{
	const struct officer *o = rq_data(rq);
	bool absence = text_eq(rq_form(rq, "kind"), "absence");
	int rc = staff_row_end(db, rq->actor.id, o->id, absence ? ROW_ABSENCE : ROW_DEPUTY, o->row,
	    yesterday(rq), err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", absence ? "identity.absence.ended" : "identity.deputy.ended", NULL);
	return rq_redirect(rq, "%s", page_of(rq, o));
}

int absence_end_post(struct request *rq, struct err *err)
{
	struct officer *o;
	const char *kind = rq_form(rq, "kind"), *row = rq_form(rq, "row");
	int rc = open_officer(rq, &o, err);
	if (rc < 0)
		return rc;
	if (!(text_eq(kind, "absence") || text_eq(kind, "deputy")) || !row ||
	    !str_to_i64(str_from(row), 1, INT64_MAX, &o->row))
		return err_set(err, ERR_MALFORMED, NULL, "nothing to end");
	rq_set_data(rq, o);
	return rq_write(rq, end_write);
}
