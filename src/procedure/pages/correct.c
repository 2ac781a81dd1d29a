/* Answering a correction request: what was asked for is open, with what its answers bring along,
 * and the rest is there to read. What is typed is kept like a draft until it is sent: nothing of it
 * is only in the page. */
#include <string.h>

#include "base/json.h"
#include "procedure/my_number/my_number.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"

struct correcting {
	struct application *app;
	struct procedure *procedure;
	struct form_context context;
	const json_t *request; /* message, due, fields: [{field, message}] */
	json_t *sent;          /* the answers as they were submitted */
	json_t *answers;       /* as they would be */
	int64_t saved_us;      /* when they were kept last; 0: not yet */
	const char *next;      /* where to go after keeping them */
	struct form_problem *problems;
	int nproblems;
};

/* --- what is open --- */

static const json_t *open_request(const json_t *corrections)
{
	size_t i;
	json_t *c;
	json_array_foreach((json_t *)corrections, i, c)
	{
		if (text_eq(json_string_value(json_object_get(c, "state")), "open"))
			return c;
	}
	return NULL;
}

/* Is "name" the path itself or above it ("dog" of "dog.name")? */
static bool above(const char *name, const char *path)
{
	size_t n = strlen(name);
	return strncmp(path, name, n) == 0 && (path[n] == '.' || path[n] == '\0');
}

/* A request that names nothing (it says what in words) is about everything. */
static bool is_asked(const struct correcting *c, const char *name)
{
	const json_t *fields = json_object_get(c->request, "fields");
	size_t i;
	json_t *f;
	json_array_foreach((json_t *)fields, i, f)
	{
		const char *field = json_string_value(json_object_get(f, "field"));
		if (field && (above(field, name) || above(name, field)))
			return true;
	}
	return json_array_size(fields) == 0;
}

/* What the form asks with these answers: {"dog.colour": true, "children": true}. On the arena. */
static json_t *names_shown(struct request *rq, const struct correcting *c, json_t *answers)
{
	json_t *names = json_on_arena(rq->arena, json_object()), *field;
	struct form_context all = c->context;
	size_t k;
	all.only = NULL;
	for (int i = 0; i < procedure_section_count(c->procedure); i++) {
		if (!form_section_shown(c->procedure, i, &all, answers))
			continue;
		json_t *section =
		    form_section_view(c->procedure, rq->arena, i, &all, answers, NULL, 0, "online");
		if (json_is_true(json_object_get(section, "repeats")))
			json_object_set_new(
			    names, procedure_section_id(c->procedure, i), json_true());
		json_array_foreach(json_object_get(section, "fields"), k, field)
		{
			const char *name = json_string_value(json_object_get(field, "name"));
			if (name && !json_is_true(json_object_get(field, "is_note")))
				json_object_set_new(names, name, json_true());
		}
		json_decref(section);
	}
	return names;
}

static bool same_answer(const json_t *a, const json_t *b, const char *name)
{
	const json_t *x = json_path(a, name), *y = json_path(b, name);
	bool none = !x || json_is_null(x);
	return none ? !y || json_is_null(y) : json_equal(x, y);
}

/* Those among them that may be answered: what was asked for; what was not asked before the answers
 * were changed; what was changed already; and what does not hold, or nothing could be sent. */
static json_t *names_open(struct request *rq, const struct correcting *c)
{
	json_t *open = json_on_arena(rq->arena, json_object()), *v;
	json_t *now = names_shown(rq, c, c->answers), *before = names_shown(rq, c, c->sent);
	json_t *checked = json_on_arena(rq->arena, json_deep_copy(c->answers));
	struct form_problem *problems;
	const char *name;
	int n = form_check(c->procedure, rq->arena, &c->context, checked, &problems);
	json_object_foreach(now, name, v)
	{
		bool wrong = false;
		for (int i = 0; i < n && !wrong; i++)
			wrong = problems[i].field && above(name, problems[i].field);
		if (wrong || is_asked(c, name) || !json_object_get(before, name) ||
		    !same_answer(c->answers, c->sent, name))
			json_object_set_new(open, name, json_true());
	}
	return open;
}

static bool section_open(const struct correcting *c, int section)
{
	const char *id = procedure_section_id(c->procedure, section), *name;
	json_t *v;
	json_object_foreach((json_t *)c->context.only, name, v)
	{
		if (above(id, name))
			return true;
	}
	return false;
}

/* --- the page --- */

/* Marks what is asked for, and lists it: view.asked_for is [{name, label, message}], links to the
 * fields. */
static void mark_asked(
    json_t *asked, const json_t *fields, json_t *view, const char *name, const char *label)
{
	size_t i;
	json_t *f;
	json_array_foreach((json_t *)fields, i, f)
	{
		if (!text_eq(json_string_value(json_object_get(f, "field")), name))
			continue;
		json_t *message = json_object_get(f, "message");
		json_t *one = json_pack(
		    "{s:s, s:s?, s:O?}", "name", name, "label", label, "message", message);
		json_object_set(view, "asked", one);
		json_array_append_new(asked, one);
	}
}

static void mark_section(json_t *asked, const json_t *fields, json_t *section)
{
	size_t i;
	json_t *view;
	mark_asked(asked, fields, section, json_string_value(json_object_get(section, "id")),
	    json_string_value(json_object_get(section, "title")));
	if ((view = json_object_get(section, "asked"))) /* its heading */
		json_object_set_new(view, "name",
		    json_sprintf("s-%s", json_string_value(json_object_get(section, "id"))));
	json_array_foreach(json_object_get(section, "fields"), i, view)
	{
		mark_asked(asked, fields, view, json_string_value(json_object_get(view, "name")),
		    json_string_value(json_object_get(view, "label")));
	}
}

static void correct_view(struct request *rq, struct correcting *c)
{
	json_t *sections = json_array(), *asked = json_array(), *section;
	bool live = false;
	size_t k;
	c->context.only = names_open(rq, c);
	for (int i = 0; i < procedure_section_count(c->procedure); i++)
		if (section_open(c, i) &&
		    form_section_shown(c->procedure, i, &c->context, c->answers))
			json_array_append_new(
			    sections, form_section_view(c->procedure, rq->arena, i, &c->context,
			                  c->answers, c->problems, c->nproblems, "online"));
	json_array_foreach(sections, k, section)
	{
		mark_section(asked, json_object_get(c->request, "fields"), section);
		live = live || json_is_true(json_object_get(section, "changes"));
	}
	if (c->nproblems > 0)
		rq_show_typed(rq, sections);
	json_object_set_new(rq->view, "asked_for", asked);
	json_object_set_new(rq->view, "sections", sections);
	json_object_set_new(rq->view, "live", json_boolean(live));
	json_object_set_new(rq->view, "answers",
	    rq_answers(rq, c->procedure, &c->context, c->sent, c->app->id, false));
	json_object_set_new(rq->view, "language_form", json_string("correct-form"));
	json_object_set(rq->view, "correction", (json_t *)c->request);
	json_object_set_new(rq->view, "id", json_integer((json_int_t)c->app->id));
	json_object_set_new(rq->view, "turn", json_integer((json_int_t)c->app->turn));
	if (c->saved_us)
		json_object_set_new(rq->view, "saved_at", json_integer((json_int_t)c->saved_us));
	rq_form_problems(rq, c->problems, c->nproblems);
	rq_title(rq, "application.correct.title");
	rq_crumb(rq, procedure_text(c->procedure, "title", rq->lang),
	    rq_href(rq, "/applications/%lld", (long long)c->app->id));
}

static int answers_load(struct request *rq, struct db *db, struct correcting *c, struct err *err)
{
	json_t *kept = c->app->answers, *corrections;
	int rc = app_unseal(db, c->procedure, c->app->answers, &c->sent, err);
	if (rc < 0)
		return rc;
	json_on_arena(rq->arena, c->sent);
	if ((rc = app_correction_draft(db, rq->arena, c->app, &kept, &c->saved_us, err)) < 0 ||
	    (rc = app_unseal(db, c->procedure, kept, &c->answers, err)) < 0)
		return rc;
	json_on_arena(rq->arena, c->answers);
	if ((rc = app_corrections(db, rq->arena, c->app->id, &corrections, err)) == 0)
		c->request = open_request(json_on_arena(rq->arena, corrections));
	return rc;
}

/* 0 go on, 1 answered (staff need their second factor), <0. */
static int correct_load(struct request *rq, struct correcting **out, struct err *err)
{
	struct correcting *c = arena_new_of(rq->arena, struct correcting);
	int rc = rq_own_application(rq, &c->app, err);
	if (rc < 0 || (rc = app_procedure(rq, c->app, &c->procedure, err)) < 0 ||
	    (rc = rq_form_context(rq, c->app, &c->context, err)) < 0)
		return rc;
	if (c->app->state != APP_CORRECTION)
		return err_set(err, ERR_CONFLICT, "application.no_correction",
		    "application %lld is %s", (long long)c->app->id, app_state_name(c->app->state));
	if ((rc = number_demand(rq, c->procedure, NULL, err)) != 0)
		return rc;
	rq_set_data(rq, c);
	*out = c;
	return answers_load(rq, rq_db(rq, err), c, err);
}

static int correct_page(struct request *rq, struct err *err)
{
	struct correcting *c;
	int rc = correct_load(rq, &c, err);
	if (rc == 0)
		correct_view(rq, c);
	return rc < 0 ? rc : 0;
}

/* --- what was sent --- */

static int keep(struct request *rq, struct db *db, struct err *err)
{
	struct correcting *c = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	return app_correction_save(db, &actor, c->procedure, c->app->id, c->answers, err);
}

static int go_on_write(struct request *rq, struct db *db, struct err *err)
{
	struct correcting *c = rq_data(rq);
	int rc = keep(rq, db, err);
	return rc < 0 ? rc : rq_redirect(rq, "%s", c->next);
}

/* What a script saves while the person types; who reads HTML gets the page, whose questions may be
 * others now. */
static int autosave_write(struct request *rq, struct db *db, struct err *err)
{
	int rc = keep(rq, db, err);
	if (rc < 0)
		return rc;
	if (rq->wants_json)
		json_object_set_new(rq->view, "saved", json_true());
	else
		correct_view(rq, rq_data(rq));
	return 0;
}

/* The page with its problems, after all was kept: with problems nothing is written. */
static int refused_write(struct request *rq, struct db *db, struct err *err)
{
	int rc = keep(rq, db, err);
	if (rc < 0)
		return rc;
	correct_view(rq, rq_data(rq));
	rq->status = 422;
	return 0;
}

static int correct_write(struct request *rq, struct db *db, struct err *err)
{
	struct correcting *c = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	int rc = app_correct(
	    db, rq->arena, &actor, c->procedure, c->app->id, &c->context, c->answers, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "application.corrected_now", NULL);
	return rq_redirect(rq, "/applications/%lld", (long long)c->app->id);
}

/* A program that changes what is not open is told so; a page has no controls for it. */
static void refuse_unasked(struct request *rq, const struct correcting *c, json_t *before)
{
	struct form_context all = c->context;
	struct form_problem *ignored;
	const char *name;
	json_t *v;
	all.only = NULL;
	for (int i = 0; i < procedure_section_count(c->procedure); i++)
		(void)rq_take_section(rq, c->procedure, i, &all, before, &ignored);
	json_t *names = names_shown(rq, c, before);
	json_object_foreach(names, name, v)
	{
		if (!same_answer(before, c->answers, name))
			rq_problem(rq, name, "application.correct.not_asked", NULL);
	}
}

/* Takes the open sections. Returns true when the page has to be shown again before it is judged. */
static bool take_sections(struct request *rq, struct correcting *c)
{
	json_t *before = rq_json(rq) ? json_on_arena(rq->arena, json_deep_copy(c->answers)) : NULL;
	bool again = false;
	for (int i = 0; i < procedure_section_count(c->procedure); i++) {
		struct form_problem *problems;
		int n = section_open(c, i) ? rq_take_section(rq, c->procedure, i, &c->context,
		                                 c->answers, &problems)
		                           : 0;
		again = again || n == FORM_AGAIN;
		if (n > 0 && rq_form(rq, "lookup") && c->nproblems == 0) {
			c->problems = problems; /* an unknown postal code */
			c->nproblems = n;
		}
	}
	if (before)
		refuse_unasked(rq, c, before);
	return again;
}

static int correct_take(struct request *rq, struct err *err)
{
	struct correcting *c = rq_data(rq);
	c->context.only = names_open(rq, c);
	c->nproblems = rq_take_files(rq, c->procedure, &c->context, c->answers, &c->problems, err);
	if (c->nproblems < 0)
		return c->nproblems;
	bool again = take_sections(rq, c);
	if (rq_form(rq, "draft")) {
		c->nproblems = 0;
		return rq_write(rq, autosave_write);
	}
	c->next = arena_printf(rq->arena, "/applications/%lld", (long long)c->app->id);
	if (rq_form(rq, "save")) {
		rq_flash(rq, "success", "application.correct.saved", NULL);
		return rq_write(rq, go_on_write);
	}
	if (c->nproblems == 0 && (again || rq_form(rq, "language"))) {
		if (again && rq_form(rq, "send"))
			rq_flash(rq, "info", "application.more_questions", NULL);
		c->next = arena_printf(rq->arena, "%s/correct", c->next);
		return rq_write(rq, go_on_write);
	}
	if (c->nproblems == 0) {
		json_t *checked = json_on_arena(rq->arena, json_deep_copy(c->answers));
		c->nproblems =
		    form_check(c->procedure, rq->arena, &c->context, checked, &c->problems);
	}
	if (c->nproblems > 0 && !rq_json(rq))
		return rq_write(rq, refused_write);
	if (c->nproblems > 0 || rq_has_problems(rq)) {
		correct_view(rq, c);
		return 0;
	}
	return rq_write(rq, correct_write);
}

static int correct(struct request *rq, struct err *err)
{
	struct correcting *c;
	int rc = correct_load(rq, &c, err);
	if (rc == 0 && !form_has_secrets(c->procedure))
		rc = rq_refuse_number(rq, err);
	return rc != 0 ? (rc < 0 ? rc : 0) : rq_defer(rq, correct_take); /* writes files */
}

static const struct route routes[] = {
    {HTTP_GET, "/applications/{id}/correct", correct_page, .perm = "signed-in",
        .template = "procedure/correct", .summary = "What the office asks to correct."},
    {HTTP_POST, "/applications/{id}/correct", correct, .perm = "signed-in",
        .template = "procedure/correct", .summary = "Answer a correction request.",
        .rate = RATE_WRITE, .flags = ROUTE_UPLOAD | ROUTE_NUMBER, .describe = describe_answers},
};
const struct module correct_pages = {
    .name = "procedure.correct",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
