/* /staff/trail/alerts: what the rules found and residents asked, from open to closed. */
#include <inttypes.h>
#include <string.h>

#include "base/time.h"
#include "notice/notice.h"
#include "trail/alert.h"
#include "trail/list.h"
#include "trail/pages.h"

enum { PAGE = 50, ROWS_SHOWN = 100, TEXT_MAX = 2000 };

static const char *const tabs_shown[] = {"open", "looking", "mine", "closed"};
static const char *const findings[] = {"justified", "mistake", "misuse", "answered"};

static bool one_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (text_eq(names[i], name))
			return true;
	return false;
}

static const char *base(const struct request *rq)
{
	return text_eq(rq->lang, "en") ? "/en" : "";
}

static const char *person_name(struct request *rq, struct db *db, int64_t person)
{
	struct err err;
	json_t *profile = NULL;
	if (!person || person_profile(db, rq->arena, person, &profile, &err) < 0 || !profile)
		return NULL;
	const json_t *name = json_object_get(profile, "name");
	const char *family = json_text(name, "family"), *given = json_text(name, "given");
	return arena_printf(rq->arena, "%s %s", family ? family : "", given ? given : "");
}

static json_t *alert_view(struct request *rq, struct db *db, const struct alert *x, struct err *err)
{
	struct arena *a = rq->arena;
	json_t *v = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:b, s:o}", "id",
	    (json_int_t)x->id, "rule", x->rule, "rule_text",
	    rq_tr(rq, arena_printf(a, "trail.rule.%s", x->rule)), "state", x->state, "state_text",
	    rq_tr(rq, arena_printf(a, "trail.state.%s", x->state)), "tag",
	    text_eq(x->state, "open")      ? "bad"
	    : text_eq(x->state, "looking") ? "warn"
	                                   : "ok",
	    "count", (json_int_t)x->count, "day", x->day, "raised", (json_int_t)x->raised_us,
	    "is_question", (int)text_eq(x->rule, "question"), "href",
	    json_sprintf("%s/staff/trail/alerts/%" PRId64, base(rq), x->id));
	json_object_set_new(v, "staff", json_integer((json_int_t)x->staff));
	const struct {
		const char *name, *value;
	} more[] = {
	    {"staff_name", x->staff ? staff_name(db, a, x->staff, err) : NULL},
	    {"person_name", person_name(rq, db, x->person)},
	    {"assigned_name", x->assigned ? staff_name(db, a, x->assigned, err) : NULL},
	    {"due", x->due},
	    {"text", x->text},
	    {"reason", x->reason},
	    {"finding", x->finding},
	    {"finding_text",
	        x->finding ? rq_tr(rq, arena_printf(a, "trail.finding.%s", x->finding)) : NULL},
	};
	for (size_t i = 0; i < COUNT(more); i++)
		if (more[i].value)
			json_object_set_new(v, more[i].name, json_string(more[i].value));
	const char *today = date_format(a, date_of_us(rq->now_us));
	json_object_set_new(v, "overdue",
	    json_boolean(x->due && strcmp(x->due, today) < 0 && !text_eq(x->state, "closed")));
	return v;
}

/* --- the list --- */

int alerts_show(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct alert *list;
	int64_t below = INT64_MAX;
	const char *state = rq_query(rq, "state");
	if (!one_of(tabs_shown, COUNT(tabs_shown), state))
		state = "open";
	(void)str_to_i64(str_from(rq_query(rq, "before")), 1, INT64_MAX, &below); /* or the top */
	int n = !db ? -(int)ERR_STORE
	        : text_eq(state, "mine")
	            ? alert_mine(db, rq->arena, rq->actor.person, below, PAGE, &list, err)
	            : alert_list(db, rq->arena, state, below, PAGE, &list, err);
	if (n < 0)
		return n;
	int rc =
	    n ? reading_note(rq,
	            &(struct reading){.kind = TRAIL_LIST, .subject = "trail-alerts", .count = n},
	            err)
	      : 0;
	if (rc < 0)
		return rc;
	json_t *rows = json_array(), *tabs = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(rows, alert_view(rq, db, &list[i], err));
	for (size_t i = 0; i < COUNT(tabs_shown); i++)
		json_array_append_new(tabs,
		    tab_view(rq_tr(rq, arena_printf(rq->arena, "trail.state.%s", tabs_shown[i])),
		        arena_printf(
		            rq->arena, "%s/staff/trail/alerts?state=%s", base(rq), tabs_shown[i]),
		        text_eq(tabs_shown[i], state), -1));
	json_object_set_new(rq->view, "alerts", rows);
	json_object_set_new(rq->view, "tabs", tabs);
	json_object_set_new(rq->view, "none", json_boolean(n == 0));
	if (n == PAGE)
		json_object_set_new(rq->view, "next",
		    json_sprintf("%s/staff/trail/alerts?state=%s&before=%" PRId64, base(rq), state,
		        list[n - 1].id));
	json_object_set_new(rq->view, "title", json_string(rq_tr(rq, "trail.alerts.title")));
	rq_crumb(rq, rq_tr(rq, "trail.title"), arena_printf(rq->arena, "%s/staff/trail", base(rq)));
	return 0;
}

/* The rules at once: for today and yesterday. */
static int check_now(struct request *rq, struct err *err)
{
	struct date today = date_of_us(rq->now_us);
	trail_settle(rq->city);
	int rc =
	    rules_run(rq->city->store, rq->city, rq->arena, date_add_days(today, -1), false, err);
	if (rc >= 0)
		rc = rules_run(rq->city->store, rq->city, rq->arena, today, false, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "trail.alerts.checked", NULL);
	return rq_redirect(rq, "/staff/trail/alerts");
}

int alerts_check(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, check_now);
}

/* --- one --- */

static int put_steps(
    struct request *rq, struct db *db, int64_t id, bool answers_only, json_t *into, struct err *err)
{
	struct alert_step *steps;
	int n = alert_steps(db, rq->arena, id, &steps, err);
	for (int i = 0; i < n; i++) {
		int64_t staff = 0;
		if (strncmp(steps[i].actor, "staff:", 6) == 0)
			(void)str_to_i64(
			    str_from(steps[i].actor + 6), 1, INT64_MAX, &staff); /* else 0 */
		if (answers_only && !text_eq(steps[i].what, "answered"))
			continue;
		json_array_append_new(
		    into, json_pack("{s:I, s:s*, s:s, s:s, s:s*}", "at", (json_int_t)steps[i].at_us,
		              "who",
		              staff && !answers_only ? staff_name(db, rq->arena, staff, err) : NULL,
		              "what", steps[i].what, "title",
		              rq_tr(rq, arena_printf(rq->arena, "trail.step.%s", steps[i].what)),
		              "text", steps[i].text));
	}
	return n < 0 ? n : 0;
}

/* The readings that it is about: of that member of staff on that day, or of the person who asks. */
static int put_rows(struct request *rq, struct db *db, const struct alert *x, struct err *err)
{
	struct trail_filter f = {.limit = ROWS_SHOWN};
	struct trail_row *rows;
	struct trail_words words;
	struct date day;
	bool more;
	if (x->staff) {
		f.staff = &x->staff;
		f.nstaff = 1;
	}
	if (x->person) {
		f.persons = &x->person;
		f.npersons = 1;
	}
	if (x->staff && date_parse(str_from(x->day), &day)) {
		f.from_us = date_start_us(day);
		f.before_us = date_start_us(date_add_days(day, 1));
	}
	int n = trail_read(db, rq->arena, &f, &rows, &more, err);
	json_t *list = json_array();
	trail_words_begin(&words, rq, db);
	for (int i = 0; i < n; i++)
		json_array_append_new(list, trail_view(&words, &rows[i], false, err));
	json_object_set_new(rq->view, "readings", list);
	json_object_set_new(rq->view, "none", json_boolean(n <= 0));
	return n < 0 ? n : 0;
}

static json_t *text_box(struct request *rq, const char *id, const char *label)
{
	const char *typed = rq_form(rq, "text"), *verb = rq_param(rq, "verb");
	bool mine = verb && strncmp(id, verb, strlen(verb)) == 0;
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:i, s:i, s:s, s:s*}", "id", id, "name", "text",
	    "label", rq_tr(rq, label), "is_text", 1, "required", 1, "rows", 3, "max", TEXT_MAX,
	    "value", mine && typed ? typed : "", "problem",
	    mine ? rq_problem_at(rq, "text") : NULL);
}

/* The officers whom it may be given to: all but the one it is about. The count or <0. */
static int officers_for(
    struct request *rq, struct db *db, const struct alert *x, int64_t **out, struct err *err)
{
	int kept = 0, n = staff_to_ask(db, rq->arena, "trail.search", RANK_MAYOR, 0, out, err);
	for (int i = 0; i < n; i++)
		if ((*out)[i] != x->staff)
			(*out)[kept++] = (*out)[i];
	return n < 0 ? n : kept;
}

static int put_assign(struct request *rq, struct db *db, const struct alert *x, struct err *err)
{
	int64_t *officers;
	const char *typed = rq_form(rq, "to");
	int n = officers_for(rq, db, x, &officers, err);
	json_t *options = json_array(),
	       *due = json_pack("{s:s, s:s, s:s, s:b, s:b, s:s*}", "id", "assign-due", "name",
	           "due", "label", rq_tr(rq, "trail.act.due"), "is_date", 1, "optional", 1,
	           "problem", rq_problem_at(rq, "due"));
	for (int i = 0; i < n; i++) {
		const char *id = arena_printf(rq->arena, "%" PRId64, officers[i]);
		bool chosen = typed ? text_eq(typed, id) : officers[i] == x->assigned;
		json_array_append_new(options,
		    json_pack("{s:s, s:s, s:b}", "value", id, "label",
		        staff_name(db, rq->arena, officers[i], err), "selected", (int)chosen));
	}
	json_object_set_new(rq->view, "to_field",
	    json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:s*}", "id", "assign-to", "name", "to",
	        "label", rq_tr(rq, "trail.act.to"), "is_choice", 1, "is_select", 1, "required", 1,
	        "options", options, "problem", rq_problem_at(rq, "to")));
	rq_date_field(rq, due, x->due);
	json_object_set_new(rq->view, "due_field", due);
	return n < 0 ? n : 0;
}

static int one_view(struct request *rq, struct db *db, const struct alert *x, struct err *err)
{
	int rc = reading_note(rq,
	    &(struct reading){.kind = TRAIL_READ,
	        .person = x->person,
	        .subject = arena_printf(rq->arena, "trail-alert:%" PRId64, x->id)},
	    err);
	if (rc < 0)
		return rc;
	json_t *steps = json_array(), *options = json_array();
	json_object_set_new(rq->view, "alert", alert_view(rq, db, x, err));
	json_object_set_new(rq->view, "steps", json_pack("{s:o}", "events", steps));
	rc = put_steps(rq, db, x->id, false, steps, err);
	if (rc == 0)
		rc = put_rows(rq, db, x, err);
	if (rc == 0)
		rc = put_assign(rq, db, x, err);
	for (size_t i = 0; i < COUNT(findings); i++)
		json_array_append_new(options,
		    json_pack("{s:s, s:s}", "value", findings[i], "label",
		        rq_tr(rq, arena_printf(rq->arena, "trail.finding.%s", findings[i]))));
	bool closed = text_eq(x->state, "closed");
	json_object_set_new(rq->view, "closed", json_boolean(closed));
	json_object_set_new(
	    rq->view, "can_take", json_boolean(!closed && x->assigned != rq->actor.person));
	json_object_set_new(rq->view, "note_field", text_box(rq, "note-text", "trail.act.note"));
	json_object_set_new(
	    rq->view, "answer_field", text_box(rq, "answer-text", "trail.act.answer"));
	json_object_set_new(
	    rq->view, "close_field", text_box(rq, "close-text", "trail.act.reason"));
	json_object_set_new(
	    rq->view, "reopen_field", text_box(rq, "reopen-text", "trail.act.reason"));
	json_object_set_new(rq->view, "finding_field",
	    json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:o, s:s*}", "id", "close-finding", "name",
	        "finding", "label", rq_tr(rq, "trail.act.finding"), "is_choice", 1, "is_select", 1,
	        "required", 1, "options", options, "problem", rq_problem_at(rq, "finding")));
	json_object_set_new(
	    rq->view, "action", json_sprintf("%s/staff/trail/alerts/%" PRId64, base(rq), x->id));
	json_object_set_new(rq->view, "title",
	    json_string(rq_tr(rq, arena_printf(rq->arena, "trail.rule.%s", x->rule))));
	rq_crumb(rq, rq_tr(rq, "trail.title"), arena_printf(rq->arena, "%s/staff/trail", base(rq)));
	rq_crumb(rq, rq_tr(rq, "trail.alerts.title"),
	    arena_printf(rq->arena, "%s/staff/trail/alerts", base(rq)));
	return rc;
}

static int load(struct request *rq, struct db *db, struct alert *x, struct err *err)
{
	int rc = db ? alert_get(db, rq->arena, rq_param_i64(rq, "id"), x, err) : -(int)ERR_STORE;
	return rc == 0  ? err_set(err, ERR_MISSING, NULL, "no alert %s", rq_param(rq, "id"))
	       : rc < 0 ? rc
	                : 0;
}

static int one(struct request *rq, struct err *err)
{
	struct alert x;
	trail_settle(rq->city);
	struct db *db = rq_db(rq, err);
	int rc = load(rq, db, &x, err);
	return rc < 0 ? rc : one_view(rq, db, &x, err);
}

int alert_show(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, one);
}

/* --- acts --- */

static const char *typed(struct request *rq)
{
	const char *text = rq_form(rq, "text");
	return text ? str_dup(rq->arena, str_trim(str_from(text))) : "";
}

static int wrong(struct err *err)
{
	return err_set(err, ERR_CONFLICT, "trail.alert.state", "not in this state");
}

/* Tells who asked that there is an answer; the mail does not hold it. */
static int tell_asker(struct request *rq, struct db *db, const struct alert *x, struct err *err)
{
	char *mail, *lang;
	int rc = person_mail(db, rq->arena, x->person, &mail, &lang, err);
	if (rc < 0 || !mail)
		return rc == -(int)ERR_MISSING ? 0 : rc;
	json_t *view = json_pack("{s:o}", "url",
	    json_sprintf("%s%s/my/readings", rq->city->base_url, text_eq(lang, "en") ? "/en" : ""));
	rc = notice_mail(db, mail, lang, "trail/answer",
	    arena_printf(rq->arena, "trail-alert:%" PRId64, x->id), view, err);
	json_decref(view);
	return rc;
}

/* Gives it to another officer, with a day if one was set, and tells them. */
static int assign(struct request *rq, struct db *db, struct alert *x, struct err *err)
{
	int64_t *officers, to = 0;
	char *mail, *lang;
	const char *due = rq_form(rq, "due");
	(void)str_to_i64(str_from(rq_form(rq, "to")), 1, INT64_MAX, &to); /* 0: nobody */
	int n = officers_for(rq, db, x, &officers, err), i = 0;
	while (i < n && officers[i] != to)
		i++;
	if (to && to == x->staff)
		return err_set(err, ERR_DENIED, "trail.alert.about_them", "%s", rq->path);
	if (n < 0 || i == n)
		return n < 0 ? n : err_field(err, ERR_INPUT, "to", "trail.act.to_missing", "to");
	x->assigned = to;
	x->state = "looking";
	x->due = due && due[0] ? due : NULL;
	int rc = to == rq->actor.person ? 0 : staff_mail(db, rq->arena, to, &mail, &lang, err);
	if (rc < 0 || to == rq->actor.person || !mail)
		return rc;
	json_t *view =
	    json_pack("{s:s, s:o, s:s*}", "name", staff_name(db, rq->arena, to, err), "url",
	        json_sprintf("%s%s/staff/trail/alerts/%" PRId64, rq->city->base_url,
	            text_eq(lang, "en") ? "/en" : "", x->id),
	        "due", x->due);
	rc = notice_mail(db, mail, lang, "trail/assigned",
	    arena_printf(rq->arena, "trail-alert:%" PRId64, x->id), view, err);
	json_decref(view);
	return rc;
}

static int act_write(struct request *rq, struct db *db, struct err *err)
{
	struct alert x;
	const char *verb = rq_param(rq, "verb"), *text = typed(rq), *what = "noted";
	int rc = load(rq, db, &x, err);
	if (rc < 0)
		return rc;
	bool closed = text_eq(x.state, "closed");
	if (closed != text_eq(verb, "reopen"))
		return wrong(err);
	if (text_eq(verb, "take")) {
		x.assigned = rq->actor.person;
		x.state = "looking";
		what = "taken";
		text = NULL;
	} else if (text_eq(verb, "assign")) {
		what = "assigned";
		rc = assign(rq, db, &x, err);
		text = rc < 0 ? NULL : staff_name(db, rq->arena, x.assigned, err);
	} else if (text_eq(verb, "answer")) {
		if (!text_eq(x.rule, "question"))
			return wrong(err);
		what = "answered";
		rc = tell_asker(rq, db, &x, err);
	} else if (text_eq(verb, "close")) {
		x.state = what = "closed";
		x.finding = rq_form(rq, "finding");
		x.reason = text;
	} else if (text_eq(verb, "reopen")) {
		x.state = "looking";
		x.finding = x.reason = NULL;
		what = "reopened";
	}
	if (rc == 0)
		rc = alert_change(db, rq->actor.id, rq->actor.person, &x, what, text, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "trail.alert.done", NULL);
	return rq_redirect(rq, "/staff/trail/alerts/%" PRId64, x.id);
}

static int again(struct request *rq, enum err_kind kind, struct err *err)
{
	struct alert x;
	struct db *db = rq_db(rq, err);
	int rc = load(rq, db, &x, err);
	if (rc == 0)
		rc = one_view(rq, db, &x, err);
	rq->template = "trail/alert";
	rq->status = err_http_status(kind);
	json_object_set_new(rq->view, "problem_at", json_sprintf("%s-", rq_param(rq, "verb")));
	return rc;
}

static int act_failed(struct request *rq, struct err *err)
{
	enum err_kind kind = err->kind;
	if (kind != ERR_CONFLICT && kind != ERR_DENIED && kind != ERR_INPUT)
		return -(int)kind;
	rq_problem(rq, err->field[0] ? arena_strdup(rq->arena, err->field) : NULL,
	    err->msg ? err->msg : "error.conflict", NULL);
	return again(rq, kind, err);
}

int alert_act(struct request *rq, struct err *err)
{
	static const char *const verbs[] = {"take", "assign", "note", "answer", "close", "reopen"};
	const char *verb = rq_param(rq, "verb");
	if (!one_of(verbs, COUNT(verbs), verb))
		return err_set(err, ERR_MISSING, NULL, "no act %s", verb);
	if (!text_eq(verb, "take") && !text_eq(verb, "assign") && !typed(rq)[0])
		rq_problem(rq, "text", "trail.act.text_missing", NULL);
	if (text_eq(verb, "close") && !one_of(findings, COUNT(findings), rq_form(rq, "finding")))
		rq_problem(rq, "finding", "trail.act.finding_missing", NULL);
	return rq_has_problems(rq) ? again(rq, ERR_INPUT, err)
	                           : rq_write_or(rq, act_write, act_failed);
}

/* --- a resident asks --- */

int questions_view(struct request *rq, struct db *db, struct err *err)
{
	struct alert *list;
	int n = alert_questions(db, rq->arena, rq->actor.person, &list, err), rc = n < 0 ? n : 0;
	json_t *out = json_array();
	for (int i = 0; i < n && rc == 0; i++) {
		json_t *answers = json_array();
		json_array_append_new(
		    out, json_pack("{s:I, s:s, s:s, s:o}", "at", (json_int_t)list[i].raised_us,
		             "text", list[i].text ? list[i].text : "", "state_text",
		             rq_tr(rq, arena_printf(rq->arena, "trail.asked.%s", list[i].state)),
		             "answers", answers));
		rc = put_steps(rq, db, list[i].id, true, answers, err);
	}
	json_object_set_new(rq->view, "questions", out);
	return rc;
}

static json_t *ask_field(struct request *rq)
{
	const char *text = rq_form(rq, "text");
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:i, s:i, s:s, s:s*}", "id", "text",
	    "name", "text", "label", rq_tr(rq, "trail.ask.field"), "help",
	    rq_tr(rq, "trail.ask.help"), "is_text", 1, "required", 1, "rows", 4, "max", TEXT_MAX,
	    "value", text ? text : "", "problem", rq_problem_at(rq, "text"));
}

int ask_get(struct request *rq, struct err *err)
{
	(void)err;
	json_object_set_new(rq->view, "field", ask_field(rq));
	json_object_set_new(rq->view, "title", json_string(rq_tr(rq, "trail.ask.title")));
	rq_crumb(
	    rq, rq_tr(rq, "trail.my.title"), arena_printf(rq->arena, "%s/my/readings", base(rq)));
	return 0;
}

static int ask_write(struct request *rq, struct db *db, struct err *err)
{
	struct alert x = {.rule = "question",
	    .key = arena_printf(
	        rq->arena, "question/%" PRId64 "/%" PRId64, rq->actor.person, rq->now_us),
	    .person = rq->actor.person,
	    .count = 1,
	    .day = date_format(rq->arena, date_of_us(rq->now_us)),
	    .text = typed(rq)};
	int rc = alert_raise(db, rq->actor.id, &x, err);
	if (rc >= 0)
		rc = rules_tell(rq->city, rq->arena, db, 1, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "trail.ask.sent", NULL);
	return rq_redirect(rq, "/my/readings");
}

int ask_post(struct request *rq, struct err *err)
{
	if (!typed(rq)[0])
		rq_problem(rq, "text", "trail.act.text_missing", NULL);
	(void)ask_get(rq, err); /* always 0 */
	return rq_write(rq, ask_write);
}
