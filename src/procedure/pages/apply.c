/* Filling in a form: a draft, its steps, attachments, the confirm page and the submission. */
#include <string.h>

#include "base/check.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/time.h"
#include "identity/identity.h"
#include "document/document.h"
#include "procedure/my_number/my_number.h"
#include "procedure/mandate/pages.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"
#include "identity/protect/protect.h"
#include "procedure/protect/sight.h"
#include "store/blob.h"

struct app_actor rq_app_actor(const struct request *rq)
{
	return (struct app_actor){.id = rq->actor.id,
	    .staff = rq->actor.kind == ACTOR_STAFF,
	    .account = rq->actor.account,
	    .person = rq->actor.person,
	    .scopes = request_scopes(rq)};
}

/* Who acts for a company does not fill in their own data, but its name and number: 1, 0 they do
 * not, <0. */
static int company_profile(struct request *rq, struct db *db, const struct application *app,
    struct form_context *context, struct err *err)
{
	json_t *used;
	int64_t account;
	int rc = app_mandate_used(db, rq->arena, app->id, &used, &account, err);
	const char *number = rc > 0 ? json_text(used, "corporate_number") : NULL;
	if (number && number[0])
		context->profile =
		    json_on_arena(rq->arena, json_pack("{s:O, s:s}", "organisation",
		                                 json_object_get(app->mandate, "principal_name"),
		                                 "corporate_number", number));
	return rc < 0 ? rc : number && number[0];
}

int rq_form_context(struct request *rq, const struct application *app, struct form_context *context,
    struct err *err)
{
	*context = (struct form_context){.lang = rq->lang,
	    .i18n = rq->city->i18n,
	    .today = date_of_us(rq->now_us),
	    .applicant_kind = app ? app->applicant_kind : "resident",
	    .mandate_on_record = app && app_on_record(app),
	    .fee_yen = app ? app->fee_yen : -1,
	    .outcome = app ? app->outcome : NULL};
	struct db *db = rq_db(rq, err);
	if (db && app && rq->actor.kind == ACTOR_STAFF)
		context->hides = app_hides(db, rq->actor.person, app);
	if (rq->actor.kind != ACTOR_RESIDENT)
		return db ? 0 : -(int)ERR_STORE;
	int company =
	    db && app && app_on_record(app) ? company_profile(rq, db, app, context, err) : 0;
	if (company != 0)
		return company < 0 ? company : 0;
	return db ? person_profile(db, rq->arena, rq->actor.person, &context->profile, err)
	          : -(int)ERR_STORE;
}

int app_procedure(
    struct request *rq, const struct application *app, struct procedure **out, struct err *err)
{
	struct db *db = rq_db(rq, err);
	int rc = db ? procedure_find_version(rq->city, db, app->procedure, app->version, out, err)
	            : -(int)ERR_STORE;
	if (rc == 0)
		procedure_on_arena(rq->arena, *out);
	return rc;
}

int rq_own_application(struct request *rq, struct application **out, struct err *err)
{
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)ERR_STORE;
	int64_t id = rq_param_i64(rq, "id");
	struct app_actor actor = rq_app_actor(rq);
	int rc = id < 0 ? -(int)ERR_MISSING : app_get(db, rq->arena, id, out, err);
	if (rc == 0 && !app_own_acts(db, *out, &actor))
		rc = -(int)ERR_MISSING;
	if (rc < 0)
		return rc == -(int)ERR_MISSING
		           ? err_set(err, ERR_MISSING, NULL, "application %lld is not there for %s",
		                 (long long)id, actor.id)
		           : rc;
	/* The counter's own: one of its staff typed it in. */
	return rq->method == HTTP_GET ? reading_note(rq,
	                                    &(struct reading){.kind = TRAIL_READ,
	                                        .person = (*out)->applicant_person,
	                                        .application = (*out)->id,
	                                        .department = (*out)->department,
	                                        .procedure = (*out)->procedure},
	                                    err)
	                              : 0;
}

/* An own application that is still a draft, with its definition. */
static int own_draft(
    struct request *rq, struct application **app, struct procedure **p, struct err *err)
{
	int rc = rq_own_application(rq, app, err);
	if (rc < 0)
		return rc;
	if ((*app)->state != APP_DRAFT)
		return err_set(err, ERR_CONFLICT, "application.already_submitted",
		    "application %lld is %s", (long long)(*app)->id, app_state_name((*app)->state));
	return app_procedure(rq, *app, p, err);
}

/* --- the draft --- */

struct new_draft {
	struct procedure *procedure;
	const char *kind;
	int64_t id;
	bool asks; /* first for whom */
};

static int draft_write(struct request *rq, struct db *db, struct err *err)
{
	struct new_draft *d = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	json_t *answers = json_object();
	int rc = app_draft_new(db, &actor, d->procedure, d->kind, "online", answers, &d->id, err);
	json_decref(answers);
	return rc < 0 ? rc
	              : rq_redirect(rq,
	                    d->asks ? "/applications/%lld/mandate" : "/applications/%lld/steps/1",
	                    (long long)d->id);
}

static bool may_apply(const json_t *def, const char *kind)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(def, "applicants"), i, v)
	{
		if (text_eq(json_string_value(v), kind))
			return true;
	}
	return false;
}

/* 0: the applicant is known well enough for this procedure; 1: the answer leads to where that is
 * proven, and from there to next. At the counter the office sees for itself, and
 * needs its second factor where it is to handle a 個人番号. */
static int proven(struct request *rq, const struct procedure *p, const char *next, struct err *err)
{
	struct assurance needed;
	procedure_assurance(p, &needed.identity, &needed.authentication);
	return rq->actor.kind == ACTOR_STAFF ? number_demand(rq, p, next, err)
	                                     : assurance_demand(rq, needed, next, err);
}

static int apply(struct request *rq, struct err *err)
{
	struct new_draft *d = arena_new_of(rq->arena, struct new_draft);
	int rc = rq_procedure(rq, &d->procedure, err);
	if (rc < 0)
		return rc;
	if (!procedure_online(d->procedure))
		return err_set(err, ERR_CONFLICT, "procedure.not_online", "%s is not online",
		    procedure_id(d->procedure));
	rc = proven(rq, d->procedure,
	    arena_printf(rq->arena, "/procedures/%s", procedure_id(d->procedure)), err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	d->kind = rq_form(rq, "applicant_kind");
	if (!d->kind)
		d->kind = json_string_value(
		    json_array_get(json_object_get(procedure_json(d->procedure), "applicants"), 0));
	if (!may_apply(procedure_json(d->procedure), d->kind))
		return err_field(err, ERR_INPUT, "applicant_kind", "procedure.applicant_kind",
		    "%s does not take %s", procedure_id(d->procedure), d->kind);
	struct db *db = rq_db(rq, err);
	struct mandate *list;
	int n = db ? mandate_choices(rq, db, d->procedure, d->kind, &list, err) : -(int)ERR_STORE;
	if (n < 0)
		return n;
	d->asks = n > 0 || text_eq(d->kind, "proxy");
	rq_set_data(rq, d);
	return rq_write(rq, draft_write);
}

/* --- steps --- */

struct step_page {
	struct application *app;
	struct procedure *procedure;
	struct form_context context;
	json_t *answers; /* a copy that the post changes */
	struct app_prepared *prepared;
	int64_t asks_about; /* a protection whose other party asks; 0: none */
	int sections;       /* of the definition; step numbers are 1-based */
	int step;           /* this page */
	bool counter;
	json_t *mandate;         /* what a proxy typed */
	struct mandate *records; /* mandates on record that cover the procedure */
	int nrecords;
	int64_t record;                /* the one that was chosen; 0: none of them */
	json_t *wrong;                 /* texts of its problems, by field */
	const char *next;              /* where to go after saving */
	struct form_problem *problems; /* of files that were refused */
	int nproblems;
};

/* Is there a page for this step with the present answers? */
static bool step_shown(const struct step_page *s, int step)
{
	return step >= 1 && step <= s->sections &&
	       form_section_shown(s->procedure, step - 1, &s->context, s->answers);
}

static const char *next_page(struct request *rq, const struct step_page *s)
{
	for (int step = s->step + 1; step <= s->sections; step++)
		if (step_shown(s, step))
			return arena_printf(
			    rq->arena, "/applications/%lld/steps/%d", (long long)s->app->id, step);
	return arena_printf(rq->arena, "/applications/%lld/confirm", (long long)s->app->id);
}

static const char *previous_page(struct request *rq, const struct step_page *s)
{
	for (int step = s->step - 1; step >= 1; step--)
		if (step_shown(s, step))
			return arena_printf(
			    rq->arena, "/applications/%lld/steps/%d", (long long)s->app->id, step);
	return arena_printf(rq->arena, "/procedures/%s", procedure_id(s->procedure));
}

/* The rest of the page, of a draft that was read. */
static int step_of_draft(struct request *rq, struct step_page *s, struct err *err)
{
	int rc = rq_form_context(rq, s->app, &s->context, err);
	if (rc == 0)
		rc = app_unseal(rq_db(rq, err), s->procedure, s->app->answers, &s->answers, err);
	if (rc < 0)
		return rc;
	json_on_arena(rq->arena, s->answers);
	s->sections = procedure_section_count(s->procedure);
	s->counter = text_eq(s->app->channel, "counter");
	return 0;
}

/* 0 go on, 1 answered (staff need their second factor), <0. */
static int step_load(struct request *rq, struct step_page **out, struct err *err)
{
	*out = arena_new_of(rq->arena, struct step_page);
	int rc = own_draft(rq, &(*out)->app, &(*out)->procedure, err);
	if (rc == 0)
		rc = number_demand(rq, (*out)->procedure, NULL, err);
	return rc != 0 ? rc : step_of_draft(rq, *out, err);
}

static bool is_files_step(const struct step_page *s, int step)
{
	return step >= 1 && step <= s->sections &&
	       text_eq(procedure_section_id(s->procedure, step - 1), "attachments");
}

static const char *step_label(struct request *rq, const struct step_page *s, int step)
{
	if (step > s->sections)
		return rq_tr(rq, "application.step.confirm");
	if (is_files_step(s, step))
		return rq_tr(rq, "application.step.attachments");
	return procedure_text(
	    s->procedure, arena_printf(rq->arena, "sections.%d.title", step - 1), rq->lang);
}

/* view.form as web/form-page wants it, view.procedure, view.application. */
static void step_frame(struct request *rq, const struct step_page *s)
{
	json_t *steps = json_array();
	int number = 0, position = 0;
	long long id = (long long)s->app->id;
	for (int step = 1; step <= s->sections + 1; step++) {
		bool confirm = step == s->sections + 1;
		if (!confirm && !step_shown(s, step))
			continue;
		number++;
		if (step == s->step)
			position = number;
		bool seen = step <= s->app->step || step <= s->step;
		json_array_append_new(steps,
		    json_pack("{s:s?, s:s?, s:b, s:b}", "label", step_label(rq, s, step), "href",
		        step == s->step ? NULL
		        : confirm       ? rq_href(rq, "/applications/%lld/confirm", id)
		        : seen          ? rq_href(rq, "/applications/%lld/steps/%d", id, step)
		                        : NULL,
		        "current", (int)(step == s->step), "done",
		        (int)(!confirm && step < s->step)));
	}
	json_object_set_new(rq->view, "form",
	    json_pack("{s:{s:o, s:i, s:i}, s:s, s:s, s:s}", "steps_view", "steps", steps,
	        "position", position, "count", number, "action",
	        rq_href(rq, "/applications/%lld/steps/%d", id, s->step), "draft_href",
	        rq_href(rq, "/applications/%lld/steps/%d", id, s->step), "back_href",
	        rq_href(rq, "%s", previous_page(rq, s))));
	json_object_set_new(rq->view, "application",
	    json_pack("{s:I, s:s, s:s, s:b}", "id", (json_int_t)id, "kind", s->app->applicant_kind,
	        "channel", s->app->channel, "counter", (int)text_eq(s->app->channel, "counter")));
	json_object_set_new(rq->view, "procedure",
	    json_pack("{s:s, s:s}", "id", procedure_id(s->procedure), "title",
	        procedure_text(s->procedure, "title", rq->lang)));
	json_object_set_new(rq->view, "title", json_string(step_label(rq, s, s->step)));
	rq_crumb(rq, procedure_text(s->procedure, "title", rq->lang),
	    rq_href(rq, "/procedures/%s", procedure_id(s->procedure)));
}

/* Does the step have a control for files? Then the form is sent as multipart. */
static bool takes_files(const struct step_page *s, int step)
{
	json_t *section = json_array_get(
	           json_object_get(procedure_json(s->procedure), "sections"), (size_t)step - 1),
	       *field;
	size_t i;
	json_array_foreach(json_object_get(section, "fields"), i, field)
	{
		if (text_eq(json_string_value(json_object_get(field, "type")), "file"))
			return true;
	}
	return is_files_step(s, step);
}

void rq_show_typed(struct request *rq, json_t *view)
{
	size_t i;
	json_t *v;
	const char *key, *name = json_string_value(json_object_get(view, "name"));
	/* A number that is sealed is not given back. */
	if (text_eq(json_string_value(json_object_get(view, "type")), "my_number"))
		return;
	const char *typed =
	    name && json_is_string(json_object_get(view, "value")) ? rq_form(rq, name) : NULL;
	if (typed) {
		json_object_set_new(view, "value", json_string(typed));
		json_array_foreach(json_object_get(view, "options"), i, v)
		{
			const char *value = json_string_value(json_object_get(v, "value"));
			json_object_set_new(v, "selected", json_boolean(text_eq(value, typed)));
		}
	}
	json_object_foreach(view, key, v) rq_show_typed(rq, v);
	json_array_foreach(view, i, v) rq_show_typed(rq, v);
}

static int step_view(struct request *rq, const struct step_page *s,
    const struct form_problem *problems, int nproblems)
{
	step_frame(rq, s);
	json_t *form = json_object_get(rq->view, "form");
	json_object_set_new(form, "section",
	    form_section_view(s->procedure, rq->arena, s->step - 1, &s->context, s->answers,
	        problems, nproblems, s->counter ? "counter" : "online"));
	if (nproblems > 0)
		rq_show_typed(rq, json_object_get(form, "section"));
	json_object_set_new(form, "upload", json_boolean(takes_files(s, s->step)));
	json_object_set_new(rq->view, "language_form", json_string("step-form"));
	rq_form_problems(rq, problems, nproblems);
	return 0;
}

static int step_param(struct request *rq, struct step_page *s, struct err *err)
{
	int64_t step = rq_param_i64(rq, "step");
	if (step < 1 || step > s->sections || !step_shown(s, (int)step))
		return err_set(err, ERR_MISSING, NULL, "no step %lld", (long long)step);
	s->step = (int)step;
	return 0;
}

/* Looks at a page of a draft. Was it sent meanwhile (the browser's "back", another tab), *s is NULL
 * and the application is shown instead. */
static int look_load(struct request *rq, struct step_page **s, struct err *err)
{
	int rc = step_load(rq, s, err);
	if (rc <= 0 && rc != -(int)ERR_CONFLICT)
		return rc;
	*s = NULL;
	return rc > 0 ? 0
	              : rq_redirect(rq, "/applications/%lld", (long long)rq_param_i64(rq, "id"));
}

static int step_get(struct request *rq, struct err *err)
{
	struct step_page *s;
	int rc = look_load(rq, &s, err);
	if (rc < 0 || !s || (rc = step_param(rq, s, err)) < 0)
		return rc;
	return step_view(rq, s, NULL, 0);
}

/* What a program takes away (null, []), and rows of which it changes nothing ({}), as controls
 * without a value. The body was already found not to be too deep. */
static void each_nothing(struct arena *a, const json_t *v, const char *name,
    void (*each)(void *sink, const char *name, const char *value), void *sink)
{
	size_t i, n = json_is_array(v) ? json_array_size(v) : json_object_size(v);
	const char *key;
	json_t *item;
	if (name[0] && (json_is_null(v) || (json_is_array(v) && n == 0)))
		each(sink, name, "");
	for (i = 0; json_is_array(v) && i < n; i++) {
		const char *row = arena_printf(a, "%s.%zu", name, i);
		item = json_array_get(v, i);
		if (json_is_object(item) && json_object_size(item) == 0)
			each(sink, row, "");
		each_nothing(a, item, row, each, sink);
	}
	json_object_foreach((json_t *)(json_is_object(v) ? v : NULL), key, item)
	    each_nothing(a, item, name[0] ? arena_printf(a, "%s.%s", name, key) : key, each, sink);
}

struct control_source {
	struct request *rq;
};

static void controls(
    void *src, void (*each)(void *sink, const char *name, const char *value), void *sink)
{
	struct request *rq = ((struct control_source *)src)->rq;
	rq_form_each(rq, each, sink);
	each_nothing(rq->arena, rq_json(rq), "", each, sink);
}

int rq_take_section(struct request *rq, const struct procedure *p, int section,
    const struct form_context *context, json_t *answers, struct form_problem **problems)
{
	struct control_source source = {rq};
	struct form_context merging = *context;
	merging.merge = rq_json(rq) != NULL;
	return form_section_take(
	    p, rq->arena, section, &merging, answers, controls, &source, problems);
}

void rq_form_problems(struct request *rq, const struct form_problem *problems, int n)
{
	for (int i = 0; i < n; i++) {
		if (problems[i].text && problems[i].row)
			rq_problem(rq, problems[i].field, "form.in_row",
			    json_pack(
			        "{s:s, s:s}", "row", problems[i].row, "text", problems[i].text));
		else if (problems[i].text)
			rq_problem_text(rq, problems[i].field, problems[i].text);
		else
			rq_problem(rq, problems[i].field, problems[i].msgkey,
			    json_incref(problems[i].args));
	}
}

static int step_write(struct request *rq, struct db *db, struct err *err)
{
	struct step_page *s = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	int furthest = s->step > s->app->step ? s->step : s->app->step;
	int rc = app_draft_save(db, &actor, s->procedure, s->app->id, s->answers, furthest, err);
	return rc < 0 ? rc : rq_redirect(rq, "%s", s->next);
}

/* What a script saves while the person types: nothing is said, nothing moves. */
static int autosave_write(struct request *rq, struct db *db, struct err *err)
{
	struct step_page *s = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	int rc =
	    app_draft_save(db, &actor, s->procedure, s->app->id, s->answers, s->app->step, err);
	if (rc == 0)
		json_object_set_new(rq->view, "saved", json_true());
	return rc;
}

/* Somebody who reads HTML gets the page again: its questions may be others now. */
static int autosave(struct request *rq, struct step_page *s)
{
	if (!rq->wants_json)
		(void)step_view(rq, s, NULL, 0); /* cannot fail without problems */
	return rq_write(rq, autosave_write);
}

/* The page with its problems, after the draft was saved: nothing is saved with problems, and files
 * that were taken must not be lost with the one that was refused. */
static int refused_write(struct request *rq, struct db *db, struct err *err)
{
	struct step_page *s = rq_data(rq);
	int rc = autosave_write(rq, db, err);
	if (rc == 0)
		rc = step_view(rq, s, s->problems, s->nproblems);
	if (rc == 0)
		rq->status = 422;
	return rc;
}

static const char *here(struct request *rq, const struct step_page *s)
{
	return arena_printf(
	    rq->arena, "/applications/%lld/steps/%d", (long long)s->app->id, s->step);
}

/* One upload: looked at, kept as a blob and added to the answers. What is refused is not kept. */
static int take_upload(struct request *rq, const struct procedure *p,
    const struct form_context *context, json_t *answers, const char *control,
    const struct upload *u, struct upload_room *room, struct form_problem **problems,
    struct err *err)
{
	char blob[BLOB_NAME_SIZE];
	struct form_file file = {
	    .control = control, .name = u->filename, .type = u->type, .size = u->size};
	int n = form_file_check(p, rq->arena, context, answers, &file, problems);
	if (n > 0)
		return n;
	int rc = 0;
	if (u->size > room->day || u->size > room->application)
		file.found = u->size > room->application ? "full" : "day";
	else
		rc = file_look(rq->city, u->type, u->fd, u->size, &file.found, err);
	if (rc == 0 && !file.found && (rc = blob_put_fd(rq->city->store, u->fd, blob, err)) == 0) {
		file.blob = blob;
		room->day -= u->size;
		room->application -= u->size;
	}
	return rc < 0 ? rc : form_file_add(p, rq->arena, context, answers, &file, problems);
}

/* Uploads of one control up to the first that is refused; its problem on the arena. */
static int take_control(struct request *rq, const struct procedure *p,
    const struct form_context *context, json_t *answers, const char *control,
    struct upload_room *room, struct form_problem **problems, struct err *err)
{
	int n = 0;
	for (int k = 0; k < rq_upload_count(rq, control) && n == 0; k++) {
		const struct upload *u = rq_upload(rq, control, k);
		if (u->size > 0)
			n = take_upload(rq, p, context, answers, control, u, room, problems, err);
	}
	return n;
}

json_t *rq_file_controls(struct request *rq, const struct procedure *p)
{
	json_t *names = json_on_arena(rq->arena, json_array()), *item, *field;
	size_t i, k;
	json_array_foreach(json_object_get(procedure_json(p), "attachments"), i, item)
	{
		json_array_append_new(names,
		    json_sprintf("attachments.%s", json_string_value(json_object_get(item, "id"))));
	}
	json_array_foreach(json_object_get(procedure_json(p), "sections"), i, item)
	{
		json_array_foreach(json_object_get(item, "fields"), k, field)
		{
			json_t *name =
			    json_sprintf("%s.%s", json_string_value(json_object_get(item, "id")),
			        json_string_value(json_object_get(field, "id")));
			if (form_file_wanted(p, json_string_value(name)))
				json_array_append(names, name);
			json_decref(name);
		}
	}
	return names;
}

int rq_take_files(struct request *rq, const struct procedure *p, const struct form_context *context,
    json_t *answers, struct form_problem **problems, struct err *err)
{
	struct upload_room room;
	struct db *db = rq_db(rq, err);
	int64_t account = rq->actor.kind == ACTOR_RESIDENT ? rq->actor.account : 0;
	int n = db ? app_upload_room(db, rq->arena, rq->city, account, answers, &room, err)
	           : -(int)ERR_STORE;
	size_t i;
	json_t *name;
	json_array_foreach(rq_file_controls(rq, p), i, name)
	{
		bool open =
		    !context->only || json_object_get(context->only, json_string_value(name));
		if (n == 0 && open)
			n = take_control(
			    rq, p, context, answers, json_string_value(name), &room, problems, err);
	}
	return n;
}

static bool has_uploads(struct request *rq, const struct procedure *p)
{
	size_t i;
	json_t *name;
	json_array_foreach(rq_file_controls(rq, p), i, name)
	{
		if (rq_upload_count(rq, json_string_value(name)) > 0)
			return true;
	}
	return false;
}

static int step_take(struct request *rq, struct err *err)
{
	struct step_page *s = rq_data(rq);
	struct form_problem *problems = NULL, *file_problems = NULL;
	int files = rq_take_files(rq, s->procedure, &s->context, s->answers, &file_problems, err);
	if (files < 0)
		return files;
	bool leave = rq_form(rq, "save") != NULL;
	int n = rq_take_section(rq, s->procedure, s->step - 1, &s->context, s->answers, &problems);
	if (rq_form(rq, "draft"))
		return autosave(rq, s);
	bool stay = rq_form(rq, "language") != NULL; /* the same page in another language */
	bool refused = (files > 0 || n > 0) && !leave && !(stay && files == 0);
	if (refused) {
		s->problems = files > 0 ? file_problems : problems;
		s->nproblems = files > 0 ? files : n;
		return has_uploads(rq, s->procedure) ? rq_write(rq, refused_write)
		                                     : step_view(rq, s, problems, n);
	}
	if (leave)
		rq_flash(rq, "success", "application.draft_saved", NULL);
	else if (n == FORM_AGAIN && rq_form(rq, "next"))
		rq_flash(rq, "info", "application.more_questions", NULL);
	s->next = leave ? "/my" : stay || n == FORM_AGAIN ? here(rq, s) : next_page(rq, s);
	return rq_write(rq, step_write);
}

static int step_post(struct request *rq, struct err *err)
{
	struct step_page *s;
	int rc = step_load(rq, &s, err);
	if (rc == 0 && !form_has_secrets(s->procedure))
		rc = rq_refuse_number(rq, err);
	if (rc != 0 || (rc = step_param(rq, s, err)) < 0)
		return rc < 0 ? rc : 0;
	rq_set_data(rq, s);
	return takes_files(s, s->step) ? rq_defer(rq, step_take) /* writes files */
	                               : step_take(rq, err);
}

/* --- for whom a proxy acts --- */

static const struct said_field {
	const char *name, *flag;
	bool required;
} said_fields[] = {
    {"principal_name", "is_text", true},
    {"principal_address", "is_text", true},
    {"principal_mail", "is_email", false},
    {"ground", "is_choice", true},
    {"valid_until", "is_date", false},
};
static const char *const said_grounds[] = {
    "letter", "guardian", "household", "professional", "corporate"};

static const char *said_word(struct request *rq, const char *name)
{
	return rq_tr(rq, arena_printf(rq->arena, "application.mandate.%s", name));
}

/* Notes what is wrong with a field, for the summary and for the field itself. */
static void said_wrong(struct request *rq, struct step_page *s, const char *name, const char *key)
{
	json_t *args = json_on_arena(rq->arena, json_pack("{s:s}", "label", said_word(rq, name)));
	const char *text = i18n_format(rq->city->i18n, rq->arena, rq->lang, key, args);
	rq_problem_text(rq, name, text);
	json_object_set_new(s->wrong, name, json_string(text));
}

/* view.fields: what was typed or is stored. */
static void said_view(struct request *rq, const struct step_page *s, const json_t *values)
{
	step_frame(rq, s);
	json_t *list = json_array();
	for (size_t i = 0; i < COUNT(said_fields); i++) {
		const struct said_field *f = &said_fields[i];
		const char *value = json_string_value(json_object_get(values, f->name));
		json_t *said = json_object_get(s->wrong, f->name);
		json_t *field = json_pack("{s:s, s:s, s:s, s:b, s:b, s:s, s:s?}", "id", f->name,
		    "name", f->name, "label", said_word(rq, f->name), f->flag, 1, "required",
		    (int)f->required, "value", value ? value : "", "help",
		    text_eq(f->name, "principal_mail") ? said_word(rq, "principal_mail_help")
		                                       : NULL);
		if (text_eq(f->flag, "is_date"))
			rq_date_field(rq, field, value);
		if (said)
			json_object_set(field, "problem", said);
		else if (rq_problem_at(rq, f->name))
			json_object_set_new(
			    field, "problem", json_string(rq_problem_at(rq, f->name)));
		json_t *options = json_array();
		for (size_t k = 0; text_eq(f->name, "ground") && k < COUNT(said_grounds); k++)
			json_array_append_new(options,
			    json_pack("{s:s, s:s, s:s, s:b}", "id",
			        arena_printf(rq->arena, "ground.%s", said_grounds[k]), "value",
			        said_grounds[k], "label", said_word(rq, said_grounds[k]),
			        "selected", (int)text_eq(value, said_grounds[k])));
		json_object_set_new(field, "options", options);
		json_array_append_new(list, field);
	}
	json_object_set_new(rq->view, "fields", list);
	json_object_set(rq->view, "mandate", values ? (json_t *)values : json_null());
	json_object_set_new(rq->view, "language_form", json_string("mandate-form"));
	rq_title(rq, "application.mandate.title");
}

/* view.records: the choice among mandates on record, null when there are none; view.typed: another
 * one may be typed in. */
static int records_view(struct request *rq, struct step_page *s, struct err *err)
{
	const char *kind = s->app->applicant_kind;
	bool proxy = text_eq(kind, "proxy");
	json_t *used = NULL;
	int64_t account;
	struct db *db = rq_db(rq, err);
	int n =
	    db ? mandate_choices(rq, db, s->procedure, kind, &s->records, err) : -(int)ERR_STORE;
	int rc = n < 0 ? n : app_mandate_used(db, rq->arena, s->app->id, &used, &account, err);
	if (rc < 0)
		return rc;
	s->nrecords = n;
	json_object_set_new(rq->view, "records",
	    n ? mandate_choice_field(rq, s->records, n,
	            rq_tr(rq, proxy ? "mandate.choose.other" : "mandate.choose.myself"),
	            json_integer_value(json_object_get(used, "record")))
	      : json_null());
	json_object_set_new(rq->view, "typed", json_boolean(proxy));
	return 0;
}

static int whom_get(struct request *rq, struct err *err)
{
	struct step_page *s;
	int rc = look_load(rq, &s, err);
	if (rc < 0 || !s || (rc = records_view(rq, s, err)) < 0)
		return rc;
	said_view(rq, s, app_on_record(s->app) ? NULL : s->app->mandate);
	return 0;
}

/* A mandate on record was chosen, or to apply as oneself. */
static int record_write(struct request *rq, struct db *db, struct err *err)
{
	struct step_page *s = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	struct mandate m;
	int rc = s->record ? mandate_choose(
	                         rq, db, s->procedure, s->app->applicant_kind, s->record, &m, err)
	                   : 0;
	if (rc == 0)
		rc = s->record ? app_mandate_use(db, &actor, s->app->id, &m, err)
		               : app_mandate_set(db, &actor, s->app->id, NULL, err);
	return rc < 0 ? rc : rq_redirect(rq, "/applications/%lld/steps/1", (long long)s->app->id);
}

static int said_write(struct request *rq, struct db *db, struct err *err)
{
	struct step_page *s = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	int rc = app_mandate_set(db, &actor, s->app->id, s->mandate, err);
	return rc < 0 ? rc : rq_redirect(rq, "/applications/%lld/steps/1", (long long)s->app->id);
}

static int said_failed(struct request *rq, struct err *err)
{
	struct step_page *s = rq_data(rq);
	if (err->kind != ERR_INPUT)
		return -(int)err->kind;
	said_wrong(rq, s, err->field, err->msg ? err->msg : "form.required");
	said_view(rq, s, s->mandate);
	return 0;
}

static int whom_post(struct request *rq, struct err *err)
{
	struct step_page *s;
	int rc = step_load(rq, &s, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	bool other_language = rq_form(rq, "language") != NULL;
	if ((rc = records_view(rq, s, err)) < 0)
		return rc;
	s->record = rq_i64(rq, "record", 0);
	rq_set_data(rq, s);
	if (s->record > 0 || !text_eq(s->app->applicant_kind, "proxy"))
		return rq_write(rq, record_write);
	s->mandate = json_on_arena(rq->arena, json_object());
	s->wrong = json_on_arena(rq->arena, json_object());
	for (size_t i = 0; i < COUNT(said_fields); i++) {
		const char *value = rq_form(rq, said_fields[i].name);
		if (value && value[0])
			json_object_set_new(s->mandate, said_fields[i].name, json_string(value));
		else if (said_fields[i].required && !other_language)
			said_wrong(rq, s, said_fields[i].name,
			    text_eq(said_fields[i].flag, "is_choice") ? "form.required.choice"
			                                              : "form.required.text");
		if (value && value[0] && !other_language &&
		    text_eq(said_fields[i].flag, "is_email") && !check_email(str_from(value)))
			said_wrong(rq, s, said_fields[i].name, "form.email");
	}
	if (other_language || rq_has_problems(rq)) {
		said_view(rq, s, s->mandate);
		return 0;
	}
	rq_set_data(rq, s);
	return rq_write_or(rq, said_write, said_failed);
}

/* --- confirm and submit --- */

json_t *rq_answers(struct request *rq, const struct procedure *p,
    const struct form_context *context, json_t *answers, int64_t id, bool change)
{
	json_t *sections = form_answers_view(p, rq->arena, context, answers), *section, *row, *file;
	size_t i, k, f;
	json_array_foreach(sections, i, section)
	{
		json_t *index = json_object_get(section, "index");
		if (change && json_is_integer(index) && json_integer_value(index) >= 0)
			json_object_set_new(section, "change_href",
			    json_string(rq_href(rq, "/applications/%lld/steps/%d", (long long)id,
			        (int)json_integer_value(index) + 1)));
		json_array_foreach(json_object_get(section, "rows"), k, row)
		{
			json_array_foreach(json_object_get(row, "files"), f, file)
			{
				json_object_set_new(file, "href",
				    json_string(
				        rq_href(rq, "/applications/%lld/files/%s", (long long)id,
				            json_string_value(json_object_get(file, "blob")))));
			}
		}
	}
	return json_pack("{s:o}", "sections", sections);
}

static int confirm_view(struct request *rq, struct step_page *s,
    const struct form_problem *problems, int n, struct err *err)
{
	int64_t fee = 0;
	int rc = form_fee(s->procedure, &s->context, s->answers, &fee, err);
	if (rc < 0)
		return rc;
	int full = app_full(rq_db(rq, err), s->procedure, s->answers, err);
	if (full < 0)
		return full;
	s->step = s->sections + 1;
	step_frame(rq, s);
	json_object_set_new(rq->view, "full", json_boolean(full));
	json_object_set_new(rq->view, "answers",
	    rq_answers(rq, s->procedure, &s->context, s->answers, s->app->id, true));
	json_object_set_new(rq->view, "fee_yen", json_integer(fee));
	json_object_set_new(rq->view, "has_fee", json_boolean(fee > 0));
	json_object_set_new(rq->view, "ready", json_boolean(n == 0));
	json_object_set(rq->view, "mandate", s->app->mandate ? s->app->mandate : json_null());
	if ((rc = mandate_used_view(rq, s->app, err)) < 0)
		return rc;
	if (text_eq(s->app->applicant_kind, "proxy") && !s->app->mandate) {
		rq_problem(rq, "mandate", "application.mandate.needed", NULL);
		json_object_set_new(rq->view, "ready", json_false());
	}
	int is_signed = rq_signature(rq, s->app, s->procedure, err);
	if (is_signed < 0)
		return is_signed;
	if (!is_signed && procedure_signature(s->procedure) == 2)
		json_object_set_new(rq->view, "ready", json_false());
	rq_form_problems(rq, problems, n);
	return 0;
}

static int confirm(struct request *rq, struct err *err)
{
	struct step_page *s;
	int rc = look_load(rq, &s, err);
	if (rc < 0 || !s)
		return rc;
	struct form_problem *problems;
	int n = form_check(s->procedure, rq->arena, &s->context, s->answers, &problems);
	rc = confirm_view(rq, s, problems, n, err);
	rq->status = 200; /* looking is not an error, even when something is missing */
	return rc;
}

static int submitted(struct request *rq, int64_t id, const char *number)
{
	json_object_set_new(rq->view, "receipt_number", json_string(number));
	return rq_redirect(rq, "/applications/%lld?submitted=1", (long long)id);
}

static int submit_write(struct request *rq, struct db *db, struct err *err)
{
	struct step_page *s = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	char *number;
	int rc = app_submit(db, rq->arena, &actor, s->procedure, s->app->id, &s->context,
	    s->prepared, &number, err);
	return rc < 0 ? rc : submitted(rq, s->app->id, number);
}

/* Neutral words: nobody learns from them that there is a protection. The draft stays as it is. */
static int refuse_write(struct request *rq, struct db *db, struct err *err)
{
	struct step_page *s = rq_data(rq);
	int rc = protect_tell_asked(db, s->asks_about, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "warning", "protect.not_online", NULL);
	return rq_redirect(rq, "/my");
}

static int submit(struct request *rq, struct err *err)
{
	struct step_page *s = arena_new_of(rq->arena, struct step_page);
	int rc = rq_own_application(rq, &s->app, err);
	if (rc < 0)
		return rc;
	/* Sent twice: the same receipt, not an error. It is read once, so that the other one cannot
	 * come between; if it does so before the write, app_submit() sees it. */
	if (s->app->state != APP_DRAFT)
		return submitted(rq, s->app->id, s->app->receipt_number);
	if ((rc = app_procedure(rq, s->app, &s->procedure, err)) < 0 ||
	    (rc = step_of_draft(rq, s, err)) < 0)
		return rc;
	rc = proven(rq, s->procedure,
	    arena_printf(rq->arena, "/applications/%lld/confirm", (long long)s->app->id), err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	struct form_problem *problems;
	int n = app_prepare(rq_db(rq, err), rq->arena, s->procedure, s->app, &s->context,
	    s->answers, &s->prepared, &problems, err);
	if (n < 0)
		return n;
	if (n > 0 || (text_eq(s->app->applicant_kind, "proxy") && !s->app->mandate)) {
		rq->template = "procedure/confirm";
		return confirm_view(rq, s, problems, n, err);
	}
	rq_set_data(rq, s);
	int asks = rq->actor.kind == ACTOR_RESIDENT
	               ? sight_asks_about(rq_db(rq, err), rq->arena, rq->actor.person, s->answers,
	                     s->app->mandate, &s->asks_about, err)
	               : 0;
	if (asks < 0)
		return asks;
	return rq_write(rq, asks ? refuse_write : submit_write);
}

static int discard_write(struct request *rq, struct db *db, struct err *err)
{
	struct step_page *s = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	int rc = app_draft_discard(db, &actor, s->app->id, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "application.draft_deleted", NULL);
	return rq_redirect(rq, "/my");
}

static int discard(struct request *rq, struct err *err)
{
	struct step_page *s;
	int rc = step_load(rq, &s, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rq_set_data(rq, s);
	return rq_write(rq, discard_write);
}

static const struct input apply_inputs[] = {
    {"applicant_kind", "string", false, 20},
    {NULL, NULL, false, 0},
};

static const struct input whom_inputs[] = {
    {"record", "integer", false, 20},
    {"principal_name", "string", false, 100},
    {"principal_address", "string", false, 200},
    {"principal_mail", "string", false, 200},
    {"ground", "string", false, 20},
    {"valid_until", "date", false, 10},
    {NULL, NULL, false, 0},
};

static const struct route routes[] = {
    {HTTP_POST, "/procedures/{id}/apply", apply, .perm = "resident",
        .summary = "Begin an application: makes a draft.", .inputs = apply_inputs,
        .rate = RATE_WRITE},
    {HTTP_GET, "/applications/{id}/steps/{step}", step_get, .perm = "signed-in",
        .template = "procedure/step", .summary = "One step of the form."},
    {HTTP_POST, "/applications/{id}/steps/{step}", step_post, .perm = "signed-in",
        .template = "procedure/step", .summary = "Save a step and go on.", .rate = RATE_WRITE,
        .flags = ROUTE_UPLOAD | ROUTE_NUMBER, .describe = describe_answers},
    {HTTP_GET, "/applications/{id}/mandate", whom_get, .perm = "signed-in",
        .template = "procedure/mandate", .summary = "For whom a proxy applies."},
    {HTTP_POST, "/applications/{id}/mandate", whom_post, .perm = "signed-in",
        .template = "procedure/mandate", .summary = "Say for whom a proxy applies.",
        .inputs = whom_inputs, .rate = RATE_WRITE},
    {HTTP_GET, "/applications/{id}/confirm", confirm, .perm = "signed-in",
        .template = "procedure/confirm", .summary = "All answers before they are sent."},
    {HTTP_POST, "/applications/{id}/submit", submit, .perm = "signed-in",
        .template = "procedure/confirm", .summary = "Submit; gives the receipt number.",
        .rate = RATE_WRITE, .describe = describe_moves},
    {HTTP_POST, "/applications/{id}/discard", discard, .perm = "signed-in",
        .summary = "Delete a draft.", .rate = RATE_WRITE, .describe = describe_moves},
};
const struct module apply_pages = {
    .name = "procedure.apply",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
