/* An application as the office sees it, and everything staff do with it. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "document/document.h"
#include "identity/identity.h"
#include "procedure/my_number/my_number.h"
#include "procedure/mandate/pages.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"
#include "procedure/protect/sight.h"

enum { TEXT_MAX = 2000, CORRECTION_DAYS = 14 };

static const char *text(struct request *rq, const char *name)
{
	const char *s = rq_form(rq, name);
	return s && s[0] ? s : NULL;
}

/* --- the page --- */

struct page {
	struct application *app;
	struct procedure *procedure;
	struct form_context context;
	struct app_actor actor;
	/* Of a draft that was posted: answers with what the office entered, and what is wrong. */
	json_t *drafted;
	struct form_problem *problems;
	int nproblems;
};

static int page_load(struct request *rq, struct page **out, struct err *err)
{
	struct page *p = arena_new_of(rq->arena, struct page);
	struct db *db = rq_db(rq, err);
	int64_t id = rq_param_i64(rq, "id");
	p->actor = rq_app_actor(rq);
	int rc = !db      ? -(int)ERR_STORE
	         : id < 0 ? err_set(err, ERR_MISSING, NULL, "no such application")
	                  : app_read(db, rq->arena, &p->actor, id, &p->app, err);
	if (rc < 0 || (rc = app_procedure(rq, p->app, &p->procedure, err)) < 0 ||
	    (rc = rq_form_context(rq, p->app, &p->context, err)) < 0)
		return rc;
	*out = p;
	return 0;
}

/* Sets view.<name> to what fn gives; fn's json_t is a new reference. */
#define VIEW(name, call)                                                                           \
	do {                                                                                       \
		json_t *made = NULL;                                                               \
		int rc_ = (call);                                                                  \
		if (rc_ < 0)                                                                       \
			return rc_;                                                                \
		json_object_set_new(rq->view, name, made);                                         \
	} while (0)

/* The sections and attachments that a correction may ask for, as options. */
static json_t *correction_fields(struct request *rq, const struct page *p)
{
	json_t *out = json_array(), *section, *field, *slot;
	size_t i, k;
	json_array_foreach(json_object_get(procedure_json(p->procedure), "sections"), i, section)
	{
		if (!form_section_shown(p->procedure, (int)i, &p->context, p->app->answers))
			continue;
		const char *id = json_string_value(json_object_get(section, "id"));
		bool repeats = json_object_get(section, "repeat") != NULL;
		json_array_foreach(json_object_get(section, "fields"), k, field)
		{
			if (text_eq(json_string_value(json_object_get(field, "type")), "note"))
				continue;
			json_array_append_new(
			    out, json_pack("{s:o, s:s?, s:s?}", "name",
			             repeats ? json_string(id)
			                     : json_sprintf("%s.%s", id,
			                           json_string_value(json_object_get(field, "id"))),
			             "section", rq_text_of(rq, json_object_get(section, "title")),
			             "label",
			             repeats ? rq_text_of(rq, json_object_get(section, "title"))
			                     : rq_text_of(rq, json_object_get(field, "label"))));
			if (repeats)
				break;
		}
	}
	json_array_foreach(json_object_get(procedure_json(p->procedure), "attachments"), i, slot)
	{
		json_array_append_new(
		    out, json_pack("{s:o, s:s, s:s?}", "name",
		             json_sprintf(
		                 "attachments.%s", json_string_value(json_object_get(slot, "id"))),
		             "section", rq_tr(rq, "application.step.attachments"), "label",
		             rq_text_of(rq, json_object_get(slot, "label"))));
	}
	return out;
}

static json_t *file_views(struct request *rq, json_t *attachments, int64_t id)
{
	size_t i;
	json_t *f;
	json_array_foreach(attachments, i, f)
	{
		const char *type = json_string_value(json_object_get(f, "type"));
		json_object_set_new(f, "href",
		    json_string(rq_href(rq, "/applications/%lld/files/%s", (long long)id,
		        json_string_value(json_object_get(f, "blob")))));
		json_object_set_new(
		    f, "is_image", json_boolean(type && strncmp(type, "image/", 6) == 0));
	}
	return attachments;
}

/* The last one of its kind, and revoked: it may be issued anew. */
static bool newest_revoked(const struct document *d, int n, int at)
{
	for (int i = at + 1; i < n; i++)
		if (strcmp(d[i].kind, d[at].kind) == 0)
			return false;
	return d[at].revoked;
}

static int document_views(
    struct request *rq, struct db *db, int64_t id, json_t **out, struct err *err)
{
	struct document *d;
	int n = document_of(
	    db, rq->arena, arena_printf(rq->arena, "application:%lld", (long long)id), &d, err);
	if (n < 0)
		return n;
	*out = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(
		    *out, json_pack("{s:s?, s:s?, s:o, s:o, s:I, s:b, s:s?, s:s, s:s, s:b, s:o}",
		              "title", d[i].title, "number", d[i].number, "href",
		              json_string(rq_href(rq, "/documents/%s.pdf", d[i].code)), "verify",
		              json_string(rq_href(rq, "/verify/%s", d[i].code)), "issued",
		              (json_int_t)d[i].issued_us, "revoked", (int)d[i].revoked, "reason",
		              d[i].revoked_reason, "code", d[i].code, "kind", d[i].kind,
		              "replaceable", (int)newest_revoked(d, n, i), "revoke_field",
		              rq_revoke_field(rq, d[i].code)));
	return 0;
}

/* The answers of the present revision; with ?revision=N the former ones beside them. */
static int answers_views(struct request *rq, struct db *db, const struct page *p, struct err *err)
{
	int rc = rq_present_answers(rq, db, p->procedure, &p->context, p->app, err);
	int64_t revision;
	if (rc < 0 ||
	    !str_to_i64(str_from(rq_query(rq, "revision")), 1, p->app->revision, &revision))
		return rc;
	json_t *former;
	rc = app_answers_of_revision(db, rq->arena, p->app->id, (int)revision, &former, err);
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "former",
	    rq_answers(rq, p->procedure, &p->context, former, p->app->id, false));
	json_object_set_new(rq->view, "former_revision", json_integer((json_int_t)revision));
	json_decref(former);
	return 0;
}

static json_t *revision_links(const struct request *rq, const struct application *app)
{
	json_t *out = json_array();
	for (int r = 1; r < app->revision; r++)
		json_array_append_new(
		    out, json_pack("{s:i, s:o}", "revision", r, "href",
		             json_string(rq_href(rq, "/staff/applications/%lld?revision=%d",
		                 (long long)app->id, r))));
	return out;
}

/* Whom it may be assigned to: nobody, or anybody with a post in its department. */
static int colleague_options(
    struct request *rq, struct db *db, const struct application *app, json_t **out, struct err *err)
{
	struct arena *a = rq->arena;
	int64_t *staff;
	int n = staff_of_department(db, a, app->department, &staff, err);
	if (n < 0)
		return n;
	*out = json_pack("[{s:s, s:s}]", "value", "0", "label", rq_tr(rq, "staff.nobody"));
	for (int i = 0; i < n; i++) {
		char *name = staff_name(db, a, staff[i], err);
		json_array_append_new(*out,
		    json_pack("{s:o, s:s}", "value", json_sprintf("%lld", (long long)staff[i]),
		        "label", name ? name : ""));
	}
	return 0;
}

/* Where it may be forwarded: the departments of today, indented by their depth. */
static int department_options(struct request *rq, struct db *db, json_t **out, struct err *err)
{
	struct department *list;
	const char *today = date_format(rq->arena, date_of_us(rq->now_us));
	int n = department_tree(db, rq->arena, today, &list, err);
	if (n < 0)
		return n;
	*out = json_array();
	for (int i = 0; i < n; i++) {
		const char *name =
		    text_eq(rq->lang, "en") && list[i].name_en ? list[i].name_en : list[i].name;
		json_array_append_new(
		    *out, json_pack("{s:o, s:s}", "value",
		              json_sprintf("%lld", (long long)list[i].id), "label", name));
	}
	return 0;
}

static json_t *option(const char *value, const char *label)
{
	return json_pack("{s:s, s:s}", "value", value, "label", label);
}

/* Where the holder of the open step may send the draft back to. */
static json_t *back_options(struct request *rq)
{
	json_t *out = json_array(), *step;
	size_t i;
	json_array_foreach(json_object_get(json_object_get(rq->view, "route"), "back_to"), i, step)
	{
		const char *post = json_text(step, "post"), *name = json_text(step, "name");
		json_array_append_new(out,
		    option(arena_printf(rq->arena, "%lld",
		               (long long)json_integer_value(json_object_get(step, "to_step"))),
		        arena_printf(rq->arena, "%s%s%s%s%s", rq_tr(rq, json_text(step, "key")),
		            post ? " " : "", post ? post : "", name ? " " : "", name ? name : "")));
	}
	return out;
}

/* The fields of all acts that are open to the reader. */
static int act_forms(struct request *rq, struct db *db, const struct page *p, struct err *err)
{
	static const char *const methods[] = {"cash", "transfer", "card", "slip"};
	json_t *colleagues, *departments, *pay = json_array();
	rq_act_forms(rq, json_object_get(json_object_get(rq->view, "application"), "can"));
	int rc = 0;
	if (rq_act_field(rq, "assign", "staff") &&
	    (rc = colleague_options(rq, db, p->app, &colleagues, err)) == 0)
		rq_act_choice(rq, "assign", "staff", colleagues,
		    arena_printf(rq->arena, "%lld", (long long)p->app->assignee));
	if (rc == 0 && rq_act_field(rq, "forward", "department") &&
	    (rc = department_options(rq, db, &departments, err)) == 0)
		rq_act_choice(rq, "forward", "department", departments, NULL);
	for (size_t i = 0; i < COUNT(methods); i++)
		json_array_append_new(
		    pay, option(methods[i],
		             rq_tr(rq, arena_printf(rq->arena, "staff.pay.%s", methods[i]))));
	rq_act_choice(rq, "payment", "method", pay, "cash");
	rq_act_choice(rq, "draft", "outcome",
	    json_pack("[o, o]", option("granted", rq_tr(rq, "application.outcome.granted")),
	        option("refused", rq_tr(rq, "application.outcome.refused"))),
	    NULL);
	rq_act_choice(rq, "route", "to_step", back_options(rq), "-1");
	static const char *const boxes[][2] = {{"forward", "department"}, {"assign", "staff"},
	    {"payment", "method"}, {"route", "to_step"}};
	for (size_t i = 0; i < COUNT(boxes); i++) {
		json_t *box = rq_act_field(rq, boxes[i][0], boxes[i][1]);
		json_object_set_new(box, "is_select", json_true());
		json_object_set_new(box, "preset", json_boolean(i > 0)); /* one is chosen already */
	}
	json_t *due = rq_act_field(rq, "correction", "due"),
	       *yen = rq_act_field(rq, "payment", "yen");
	if (due)
		rq_date_field(rq, due,
		    date_format(rq->arena, date_add_days(date_of_us(rq->now_us), CORRECTION_DAYS)));
	if (yen) {
		json_object_set_new(yen, "is_money", json_true());
		if (!json_text(yen, "value")[0])
			json_object_set_new(yen, "value",
			    json_sprintf("%lld", (long long)json_integer_value(
			                             json_object_get(rq->view, "fee_due_yen"))));
	}
	return rc;
}

/* Is there a button beside those of the route and the messages? */
static bool has_acts(const json_t *view)
{
	static const char *const acts[] = {"accept", "assign", "draft_decision",
	    "request_correction", "cancel_correction", "pay", "waive", "forward", "cancel", "close",
	    "hold"};
	const json_t *can = json_object_get(json_object_get(view, "application"), "can");
	for (size_t i = 0; i < COUNT(acts); i++)
		if (json_is_true(json_object_get(can, acts[i])))
			return true;
	return false;
}

/* The ids of the findings begin as those of the other fields of their form do. */
static void of_draft(struct request *rq, json_t *fields)
{
	size_t i;
	json_t *one;
	json_array_foreach(fields, i, one)
	{
		json_object_set_new(one, "id",
		    json_string(arena_printf(rq->arena, "draft-%s", json_text(one, "id"))));
		of_draft(rq, json_object_get(one, "part_list")); /* shared with parts */
	}
}

/* What the office has found, and the form for it. Findings are shown to staff only: the applicant
 * gets them with the documents. */
static void findings_views(struct request *rq, const struct page *p)
{
	struct form_context context = p->context;
	json_t *answers = p->drafted ? p->drafted : p->app->answers;
	/* What a grant needs is marked, also before one is chosen. */
	context.outcome = "granted";
	json_t *found =
	    form_section_answers(p->procedure, rq->arena, FORM_FINDINGS, &context, p->app->answers);
	if (found)
		json_array_append_new(
		    json_object_get(json_object_get(rq->view, "answers"), "sections"), found);
	if (!procedure_has_findings(p->procedure))
		return;
	json_t *view = form_section_view(p->procedure, rq->arena, FORM_FINDINGS, &context, answers,
	    p->problems, p->nproblems, "counter");
	of_draft(rq, json_object_get(view, "fields"));
	json_object_set_new(rq->view, "findings", view);
}

/* What only staff read is shown apart from what is said to the applicant. New reference. */
static json_t *notes_apart(json_t *messages)
{
	json_t *notes = json_array();
	for (size_t i = 0; i < json_array_size(messages);) {
		json_t *one = json_array_get(messages, i);
		if (json_is_true(json_object_get(one, "is_note"))) {
			json_array_append(notes, one);
			json_array_remove(messages, i);
		} else {
			i++;
		}
	}
	return notes;
}

static int show_view(struct request *rq, struct page *p, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct arena *a = rq->arena;
	int64_t id = p->app->id;
	VIEW("application",
	    app_view(db, a, &p->actor, p->app, p->procedure, rq->lang, APP_FOR_STAFF, &made, err));
	VIEW("history", app_history(db, a, id, APP_FOR_STAFF, &made, err));
	VIEW("messages", app_messages(db, a, &p->actor, id, APP_FOR_STAFF, &made, err));
	json_object_set_new(rq->view, "notes", notes_apart(json_object_get(rq->view, "messages")));
	VIEW("route", app_route_view(db, a, &p->actor, p->app, p->procedure, &made, err));
	VIEW("corrections", app_corrections(db, a, id, &made, err));
	VIEW("files", app_attachments(db, a, id, &made, err));
	VIEW("documents", document_views(rq, db, id, &made, err));
	rq_fee(rq, p->app);
	number_link(rq, db, &p->actor, p->app, p->procedure, err);
	int rc = mandate_used_view(rq, p->app, err);
	if (rc < 0)
		return rc;
	int is_signed = rq_signature(rq, p->app, p->procedure, err);
	if (is_signed < 0)
		return is_signed;
	json_object_set_new(rq->view, "payment_wanted", json_boolean(p->app->state == APP_PAYMENT));
	json_object_set_new(rq->view, "has_acts", json_boolean(has_acts(rq->view)));
	(void)file_views(rq, json_object_get(rq->view, "files"), id);
	if ((rc = answers_views(rq, db, p, err)) < 0 || (rc = act_forms(rq, db, p, err)) < 0)
		return rc;
	findings_views(rq, p);
	json_object_set_new(rq->view, "correction_fields", correction_fields(rq, p));
	json_object_set_new(rq->view, "revisions", revision_links(rq, p->app));
	static const char *const lists[] = {
	    "files", "documents", "messages", "notes", "corrections", "revisions"};
	for (size_t i = 0; i < COUNT(lists); i++)
		json_object_set_new(rq->view, arena_printf(a, "has_%s", lists[i]),
		    json_boolean(json_array_size(json_object_get(rq->view, lists[i])) > 0));
	int64_t until;
	if (emergency_is_open(db, id, rq->actor.person, &until))
		json_object_set_new(
		    rq->view, "emergency", json_pack("{s:I}", "until", (json_int_t)until));
	json_object_set_new(rq->view, "action",
	    json_string(rq_href(rq, "/staff/applications/%lld", (long long)id)));
	json_object_set_new(rq->view, "title",
	    json_sprintf("%s %s", p->app->serial ? p->app->serial : "",
	        procedure_text(p->procedure, "title", rq->lang)));
	rq_crumb(rq, rq_tr(rq, "staff.inbox.title"), rq_href(rq, "/staff"));
	return 0;
}

static int show(struct request *rq, struct err *err)
{
	struct page *p;
	int rc = page_load(rq, &p, err);
	if (rc == -(int)ERR_MISSING)
		return rq_disposed(rq, err);
	if (rc < 0 || (rc = rq_reading(rq, p->app, TRAIL_READ, NULL, NULL, err)) <= 0)
		return rc;
	return show_view(rq, p, err);
}

/* --- acts --- */

struct act {
	struct page *page;
	const struct act_kind *kind;
};

/* What a button does: fn runs in the write; msgkey is told afterwards. */
struct act_kind {
	int (*fn)(struct request *, struct db *, struct page *, struct err *);
	const char *msgkey;
	/* Notes problems before, for whoever may make the move. May be NULL. */
	void (*check)(struct request *, struct page *);
	const char *move;
};

static int act_accept(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	(void)rq;
	return app_accept(db, &p->actor, p->app->id, err);
}

static int act_assign(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_assign(db, &p->actor, p->app->id, rq_i64(rq, "staff", p->actor.person), err);
}

static int act_forward(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_forward(
	    db, &p->actor, p->app->id, rq_i64(rq, "department", 0), text(rq, "reason"), err);
}

static bool names_field(const json_t *fields, const char *name)
{
	for (size_t i = 0; i < json_array_size(fields); i++)
		if (text_eq(json_text(json_array_get(fields, i), "name"), name))
			return true;
	return false;
}

/* Fields that were ticked, each with its own message when there is one. */
static int act_correction(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	const char *const *names;
	int n = rq_form_all(rq, "field", &names);
	json_t *fields = json_array(), *known = json_on_arena(rq->arena, correction_fields(rq, p));
	bool fit = true;
	for (int i = 0; i < n; i++) {
		fit = fit && names_field(known, names[i]);
		const char *own = text(rq, arena_printf(rq->arena, "message.%s", names[i]));
		json_array_append_new(
		    fields, json_pack("{s:s, s:s}", "field", names[i], "message", own ? own : ""));
	}
	int rc = fit ? app_request_correction(db, &p->actor, p->app->id, fields,
	                   text(rq, "message"), text(rq, "due"), err)
	             : err_field(err, ERR_INPUT, "field", "staff.correction.no_field",
	                   "no such field of application %lld", (long long)p->app->id);
	json_decref(fields);
	return rc;
}

static int act_cancel_correction(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_cancel_correction(db, &p->actor, p->app->id, text(rq, "reason"), err);
}

static int act_message(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_message(db, &p->actor, p->app->id, "applicant", text(rq, "text"), err);
}

static int act_note(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_message(db, &p->actor, p->app->id, "note", text(rq, "text"), err);
}

static int act_payment(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_record_payment(db, rq->arena, &p->actor, p->procedure, p->app->id,
	    rq_i64(rq, "yen", -1), text(rq, "method"), err);
}

static int act_waive(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_waive_fee(
	    db, rq->arena, &p->actor, p->procedure, p->app->id, text(rq, "reason"), err);
}

static int act_draft(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return route_start(db, rq->arena, &p->actor, p->procedure, p->app->id, text(rq, "outcome"),
	    text(rq, "reason"), json_object_get(p->drafted, "findings"), err);
}

/* Takes what the office found out of the post; the page shows it again when something is wrong. */
static void take_findings(struct request *rq, struct page *p)
{
	struct form_context context = p->context;
	context.outcome = text_eq(text(rq, "outcome"), "refused") ? "refused" : "granted";
	p->drafted = json_on_arena(rq->arena, json_deep_copy(p->app->answers));
	p->nproblems =
	    rq_take_section(rq, p->procedure, FORM_FINDINGS, &context, p->drafted, &p->problems);
	rq_form_problems(rq, p->problems, p->nproblems);
}

/* What the declared inputs cannot say, so that all that is wrong is said at once. */
static void check_draft(struct request *rq, struct page *p)
{
	const char *outcome = text(rq, "outcome");
	if (procedure_has_findings(p->procedure))
		take_findings(rq, p);
	if (!outcome)
		rq_act_problem(rq, "draft", "outcome", "application.route.no_outcome");
	else if (text_eq(outcome, "refused") && !text(rq, "reason"))
		rq_act_problem(rq, "draft", "reason", "application.required");
}

static void check_correction(struct request *rq, struct page *p)
{
	(void)p;
	if (!text(rq, "field"))
		rq_act_problem(rq, "correction", "field", "staff.correction.no_field");
}

static void check_hold(struct request *rq, struct page *p)
{
	if (!p->app->hold_reason && !text(rq, "reason"))
		rq_act_problem(rq, "hold", "reason", "application.required");
}

static int act_route(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return route_act(db, rq->arena, &p->actor, p->procedure, p->app->id, text(rq, "action"),
	    rq_i64(rq, "to_step", -1), text(rq, "comment"), err);
}

static int act_review(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	(void)rq;
	return route_review(db, &p->actor, p->app->id, err);
}

static int act_cancel(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_cancel(db, &p->actor, p->app->id, text(rq, "reason"), err);
}

static int act_close(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	(void)rq;
	return app_close(db, &p->actor, p->app->id, err);
}

static int act_hold(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_hold(db, &p->actor, p->app->id, text(rq, "reason"), err);
}

static int act_revoke(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_document_revoke(
	    db, &p->actor, p->app->id, text(rq, "code"), text(rq, "reason"), err);
}

static int act_reissue(struct request *rq, struct db *db, struct page *p, struct err *err)
{
	return app_document_reissue(db, &p->actor, p->app->id, text(rq, "code"), err);
}

/* What each act takes, in the order of act_kinds. */
#define TURN                                                                                       \
	{                                                                                          \
		"turn", "integer", false, 20                                                       \
	}
#define REASON(must)                                                                               \
	{                                                                                          \
		"reason", "string", must, TEXT_MAX, "staff.act.reason"                             \
	}
#define INPUTS(...)                                                                                \
	(const struct input[])                                                                     \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			NULL, NULL, false, 0                                                       \
		}                                                                                  \
	}
static const struct route_word act_words[] = {
    {"accept", "Take an application in.", INPUTS(TURN)},
    {"assign", "Give it to somebody of the department; 0: nobody.",
        INPUTS(TURN, {"staff", "integer", false, 20})},
    {"forward", "Hand it to another department.",
        INPUTS(TURN, {"department", "integer", true, 20, "staff.act.forward_to"}, REASON(true))},
    {"correction",
        "Ask the applicant for a correction; field: what to correct, as often as needed.",
        INPUTS(TURN, {"field", "string", false, 200},
            {"message", "string", true, TEXT_MAX, "staff.act.correction_message"},
            {"due", "date", false, 10})},
    {"cancel-correction", "Take the request for a correction back.", INPUTS(TURN, REASON(true))},
    {"message", "Write to the applicant.",
        INPUTS({"text", "string", true, TEXT_MAX, "staff.message"})},
    {"note", "Keep a note that only staff see.",
        INPUTS({"text", "string", true, TEXT_MAX, "staff.note"})},
    {"payment", "Record the fee as paid.",
        INPUTS(TURN, {"yen", "integer", true, 20, "staff.act.payment"},
            {"method", "string", true, 20, "staff.act.payment_method"})},
    {"waive", "Ask for no fee.", INPUTS(TURN, REASON(true))},
    {"draft",
        "Draft the decision: granted, refused (with its reason); findings.<id>: what the "
        "definition asks "
        "the office for.",
        /* A missing outcome is told in its own words. */
        INPUTS(TURN, {"outcome", "string", false, 20}, REASON(false))},
    {"route", "Act on the open step: approve, send_back, reject, pull_back, comment.",
        INPUTS(TURN, {"action", "string", true, 20}, {"comment", "string", false, TEXT_MAX},
            {"to_step", "integer", false, 10})},
    {"review", "Say that one has read what was decided in one's absence.", INPUTS(TURN)},
    {"cancel", "Cancel it by authority of office.", INPUTS(TURN, REASON(true))},
    {"close", "Close the file.", INPUTS(TURN)},
    {"hold", "Stop the disposal of the file; without a reason: allow it.",
        INPUTS(TURN, REASON(false))},
    {"revoke", "Say that an issued document is no longer valid.",
        INPUTS(TURN, {"code", "string", true, 40}, REASON(true))},
    {"reissue", "Issue the kind of a revoked document anew.",
        INPUTS(TURN, {"code", "string", true, 40})},
    {NULL, NULL, NULL},
};

/* In the order of act_words. */
static const struct act_kind act_kinds[] = {
    {act_accept, "staff.done.accept"},
    {act_assign, "staff.done.assign"},
    {act_forward, "staff.done.forward"},
    {act_correction, "staff.done.correction", check_correction, "request_correction"},
    {act_cancel_correction, "staff.done.cancel_correction"},
    {act_message, "staff.done.message"},
    {act_note, "staff.done.note"},
    {act_payment, "staff.done.payment"},
    {act_waive, "staff.done.waive"},
    {act_draft, "staff.done.draft", check_draft, "draft_decision"},
    {act_route, "staff.done.route"},
    {act_review, "staff.done.review"},
    {act_cancel, "staff.done.cancel"},
    {act_close, "staff.done.close"},
    {act_hold, "staff.done.hold", check_hold, "hold"},
    {act_revoke, "staff.done.revoke"},
    {act_reissue, "staff.done.reissue"},
};
_Static_assert(COUNT(act_kinds) + 1 == COUNT(act_words), "an act for each word");

static int act_write(struct request *rq, struct db *db, struct err *err)
{
	struct act *a = rq_data(rq);
	int rc = a->kind->fn(rq, db, a->page, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", a->kind->msgkey, NULL);
	return rq_redirect(rq, "/staff/applications/%lld", (long long)a->page->app->id);
}

/* The fields of a correction that were chosen, and what was said about each. */
static void keep_ticks(struct request *rq, json_t *fields)
{
	const char *const *names;
	int n = rq_form_all(rq, "field", &names);
	size_t k;
	json_t *one;
	json_array_foreach(fields, k, one)
	{
		const char *name = json_string_value(json_object_get(one, "name"));
		const char *said = text(rq, arena_printf(rq->arena, "message.%s", name));
		for (int i = 0; i < n; i++)
			if (text_eq(names[i], name))
				json_object_set_new(one, "chosen", json_true());
		if (said)
			json_object_set_new(one, "message", json_string(said));
	}
}

/* The page again, with what the person typed and what was wrong. */
static int act_page(struct request *rq, struct act *a, enum err_kind kind, struct err *err)
{
	const struct page *posted = a->page;
	struct page *p;
	int rc = page_load(rq, &p, err);
	if (rc < 0 || (rc = rq_reading(rq, p->app, TRAIL_READ, NULL, NULL, err)) <= 0)
		return rc;
	p->drafted = posted->drafted;
	p->problems = posted->problems;
	p->nproblems = posted->nproblems;
	a->page = p;
	if ((rc = show_view(rq, p, err)) < 0)
		return rc;
	rq->status = err_http_status(kind);
	rq->template = "procedure/staff-application";
	keep_ticks(rq, json_object_get(rq->view, "correction_fields"));
	/* Several forms of the page have a field of the same name. */
	const char *verb = rq_param(rq, "verb"), *code = text(rq, "code");
	json_object_set_new(rq->view, "problem_at",
	    text_eq(verb, "revoke") && code ? json_sprintf("revoke-%s-", code)
	                                    : json_sprintf("%s-", verb));
	if (p->nproblems > 0)
		rq_show_typed(rq, json_object_get(rq->view, "findings"));
	return 0;
}

static int act_failed(struct request *rq, struct err *err)
{
	if (err->kind != ERR_INPUT && err->kind != ERR_CONFLICT && err->kind != ERR_DENIED)
		return -(int)err->kind;
	enum err_kind kind = err->kind;
	rq_act_problem(
	    rq, rq_param(rq, "verb"), err->field, err->msg ? err->msg : "error.conflict");
	return act_page(rq, rq_data(rq), kind, err);
}

static int act(struct request *rq, struct err *err)
{
	const char *verb = rq_param(rq, "verb");
	struct act *a = arena_new_of(rq->arena, struct act);
	for (size_t i = 0; i < COUNT(act_kinds); i++)
		if (strcmp(act_words[i].word, verb) == 0)
			a->kind = &act_kinds[i];
	if (!a->kind)
		return err_set(err, ERR_MISSING, NULL, "no act %s", verb);
	int rc = page_load(rq, &a->page, err);
	if (rc < 0)
		return rc;
	a->page->actor.seen = rq_i64(rq, "turn", 0);
	rq_set_data(rq, a);
	struct db *db = a->kind->check ? rq_db(rq, err) : NULL;
	if (db && app_may(db, rq->arena, &a->page->actor, a->page->app, a->kind->move))
		a->kind->check(rq, a->page);
	if (rq_has_problems(rq))
		return act_page(rq, a, ERR_INPUT, err);
	return rq_write_or(rq, act_write, act_failed);
}

/* --- the counter --- */

static json_t *counter_row(
    struct request *rq, struct db *db, struct procedure *p, int64_t *department)
{
	struct err err;
	json_t *kinds = json_array(), *kind;
	size_t k;
	const char *name = json_string_value(json_object_get(procedure_json(p), "department"));
	json_array_foreach(json_object_get(procedure_json(p), "applicants"), k, kind)
	    json_array_append_new(kinds,
	        json_pack("{s:O, s:s}", "value", kind, "label_key",
	            arena_printf(rq->arena, "procedure.applicant.%s", json_string_value(kind))));
	*department = 0;
	if (name && department_by_name(db, name, department, &err) == 1)
		name = department_name_in(db, rq->arena, *department, rq->lang, &err);
	return json_pack("{s:s, s:s, s:s?, s:o}", "id", procedure_id(p), "title",
	    procedure_text(p, "title", rq->lang), "department", name, "applicants", kinds);
}

/* Those of one's own departments first. */
static int counter(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	int64_t *own, department;
	int n = db ? staff_departments(
	                 db, rq->arena, rq->actor.person, "application.counter", &own, err)
	           : -(int)ERR_STORE;
	if (n < 0)
		return n;
	struct procedure_list *list = procedures_of(rq->city, rq->arena);
	json_t *first = json_array(), *rest = json_array();
	for (int i = 0; i < list->n; i++) {
		if (!procedure_online(list->items[i]))
			continue;
		json_t *row = counter_row(rq, db, list->items[i], &department);
		bool mine = false;
		for (int k = 0; k < n; k++)
			mine = mine || own[k] == department;
		json_array_append_new(mine ? first : rest, row);
	}
	json_array_extend(first, rest);
	json_decref(rest);
	json_object_set_new(rq->view, "procedures", first);
	rq_title(rq, "staff.counter.title");
	return 0;
}

struct counter_draft {
	struct procedure *procedure;
	const char *kind;
	int64_t id;
};

static int counter_write(struct request *rq, struct db *db, struct err *err)
{
	struct counter_draft *d = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	int rc = app_draft_new(db, &actor, d->procedure, d->kind, "counter", NULL, &d->id, err);
	return rc < 0 ? rc : rq_redirect(rq, "/applications/%lld/steps/1", (long long)d->id);
}

static int counter_begin(struct request *rq, struct err *err)
{
	struct counter_draft *d = arena_new_of(rq->arena, struct counter_draft);
	int rc = rq_procedure(rq, &d->procedure, err);
	if (rc == 0)
		rc = number_demand(rq, d->procedure, "/staff/counter", err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	d->kind = text(rq, "applicant_kind") ? text(rq, "applicant_kind") : "resident";
	rq_set_data(rq, d);
	return rq_write(rq, counter_write);
}

/* --- statistics --- */

static int statistics(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)ERR_STORE;
	VIEW("statistics", app_statistics(db, rq->arena, &made, err));
	size_t i;
	json_t *row;
	json_array_foreach(
	    json_object_get(json_object_get(rq->view, "statistics"), "procedures"), i, row)
	{
		struct procedure *p =
		    procedure_find(rq->city, json_string_value(json_object_get(row, "procedure")));
		const json_t *mean = json_object_get(row, "days_mean");
		if (json_is_real(mean))
			json_object_set_new(row, "days_mean_text",
			    json_string(arena_printf(rq->arena, "%.1f", json_real_value(mean))));
		if (p)
			json_object_set_new(
			    row, "title", json_string(procedure_text(p, "title", rq->lang)));
		procedure_unref(p);
	}
	rq_title(rq, "staff.statistics.title");
	return 0;
}

static const struct route routes[] = {
    {HTTP_GET, "/staff/applications/{id}", show, .perm = "staff",
        .template = "procedure/staff-application",
        .summary = "An application: form, attachments, history, route."},
    {HTTP_POST, "/staff/applications/{id}/{verb}", act, .perm = "staff",
        .template = "procedure/staff-application", .summary = "Act on an application.",
        .words = act_words, .describe = describe_moves, .rate = RATE_WRITE},
    {HTTP_GET, "/staff/counter", counter, .perm = "application.counter",
        .template = "procedure/counter", .summary = "Begin an application at the counter."},
    {HTTP_POST, "/staff/counter/{id}", counter_begin, .perm = "application.counter",
        .summary = "Begin a counter application: makes a draft.", .rate = RATE_WRITE},
    {HTTP_GET, "/staff/statistics", statistics, .perm = "staff", .template = "procedure/statistics",
        .summary = "Applications by procedure, in numbers."},
};
const struct module staff_pages = {
    .name = "procedure.staff",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
