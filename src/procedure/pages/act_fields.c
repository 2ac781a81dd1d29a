/* The fields of what staff do with an application: one table, shown with the components of the
 * residents' forms, each problem at its field. */
#include <string.h>

#include "base/json.h"
#include "procedure/pages/pages.h"

enum { TEXT_MAX = 2000 };

/* Several forms of the page have a field of the same name: their ids begin with the act's word. */
static const struct act_field {
	const char *verb, *can;
	struct page_field field;
} act_fields[] = {
    {"draft", "draft_decision", {"outcome", "staff.act.draft", NULL, true, 0}},
    {"draft", "draft_decision",
        {"reason", "staff.act.draft_reason", "staff.act.draft_reason_help", false, 3}},
    {"correction", "request_correction", {"field", "staff.act.correction_fields", NULL, true, 0}},
    {"correction", "request_correction",
        {"message", "staff.act.correction_message", NULL, true, 3}},
    {"correction", "request_correction", {"due", "staff.act.correction_due", NULL, false, 0}},
    {"cancel-correction", "cancel_correction", {"reason", "staff.act.reason", NULL, true, 2}},
    {"payment", "pay", {"yen", "staff.act.payment", NULL, true, 0}},
    {"payment", "pay", {"method", "staff.act.payment_method", NULL, true, 0}},
    {"waive", "waive", {"reason", "staff.act.reason", NULL, true, 2}},
    {"assign", "assign", {"staff", "staff.act.assign", NULL, false, 0}},
    {"forward", "forward", {"department", "staff.act.forward_to", NULL, true, 0}},
    {"forward", "forward", {"reason", "staff.act.reason", NULL, true, 2}},
    {"cancel", "cancel", {"reason", "staff.act.reason", NULL, true, 2}},
    {"hold", "hold", {"reason", "staff.act.reason", "staff.act.hold_help", true, 2}},
    {"message", "message", {"text", "staff.message", NULL, false, 3}},
    {"note", "note", {"text", "staff.note", "staff.note_help", false, 3}},
    {"route", NULL, {"comment", "staff.route.comment", "staff.route.comment_help", false, 2}},
    {"route", NULL, {"to_step", "staff.route.back_to", NULL, false, 0}},
    /* One form for each document, made with it. */
    {"revoke", NULL, {"reason", "staff.act.reason", "staff.act.revoke_help", true, 2}},
};

static const struct act_field *find(const char *verb, const char *name)
{
	for (size_t i = 0; i < COUNT(act_fields); i++)
		if (text_eq(act_fields[i].verb, verb) && text_eq(act_fields[i].field.name, name))
			return &act_fields[i];
	return NULL;
}

static bool was_posted(struct request *rq, const char *verb)
{
	return rq->method == HTTP_POST && text_eq(rq_param(rq, "verb"), verb);
}

json_t *rq_field(
    struct request *rq, const struct page_field *f, const char *id, bool posted, const char *typed)
{
	json_t *field = json_pack("{s:s, s:s, s:s, s:s?, s:b, s:s, s:s*}", "id", id, "name",
	    f->name, "label", rq_tr(rq, f->label), "help", f->help ? rq_tr(rq, f->help) : NULL,
	    "required", (int)f->required, "value", posted && typed ? typed : "", "problem",
	    posted ? rq_problem_at(rq, f->name) : NULL);
	if (f->rows) {
		json_object_set_new(field, "is_text", json_true());
		json_object_set_new(field, "rows", json_integer(f->rows));
		json_object_set_new(field, "max", json_integer(TEXT_MAX));
	}
	return field;
}

static json_t *view_of(struct request *rq, const struct act_field *f, const char *id, bool posted)
{
	return rq_field(rq, &f->field, id, posted, rq_form(rq, f->field.name));
}

json_t *rq_revoke_field(struct request *rq, const char *code)
{
	bool posted = was_posted(rq, "revoke") && text_eq(rq_form(rq, "code"), code);
	return view_of(rq, find("revoke", "reason"),
	    arena_printf(rq->arena, "revoke-%s-reason", code), posted);
}

void rq_act_forms(struct request *rq, const json_t *can)
{
	json_t *forms = json_object();
	json_object_set_new(rq->view, "forms", forms);
	for (size_t i = 0; i < COUNT(act_fields); i++) {
		const struct act_field *f = &act_fields[i];
		if (f->can ? !json_is_true(json_object_get(can, f->can))
		           : !text_eq(f->verb, "route"))
			continue;
		bool posted = was_posted(rq, f->verb);
		json_t *form = json_object_get(forms, f->verb);
		if (!form) {
			form = json_pack("{s:b}", "posted", (int)posted);
			json_object_set_new(forms, f->verb, form);
		}
		const char *name = f->field.name;
		json_object_set_new(form, name,
		    view_of(rq, f, arena_printf(rq->arena, "%s-%s", f->verb, name), posted));
	}
}

json_t *rq_act_field(struct request *rq, const char *verb, const char *name)
{
	return json_object_get(json_object_get(json_object_get(rq->view, "forms"), verb), name);
}

void rq_act_choice(
    struct request *rq, const char *verb, const char *name, json_t *options, const char *chosen)
{
	json_t *field = rq_act_field(rq, verb, name), *one;
	const char *typed = json_text(field, "value");
	size_t i;
	json_array_foreach(options, i, one)
	{
		json_object_set_new(one, "selected",
		    json_boolean(
		        text_eq(json_text(one, "value"), typed && typed[0] ? typed : chosen)));
	}
	if (field) {
		json_object_set_new(field, "is_choice", json_true());
		json_object_set(field, "options", options);
	}
	json_decref(options);
}

void rq_act_problem(struct request *rq, const char *verb, const char *name, const char *msgkey)
{
	const struct act_field *f = name ? find(verb, name) : NULL;
	bool missing = f && text_eq(msgkey, "application.required");
	rq_problem(rq, name, missing ? "web.input.required_of" : msgkey,
	    f ? json_pack("{s:s}", "label", rq_tr(rq, f->field.label)) : NULL);
}
