/* /staff/my-number/{id}: which numbers a case holds, and the act that shows one of them. The number
 * is in the answer to that act and nowhere else: not in an address, a flash message, a cached page
 * or a list. What is noted of it is on disk before it is shown. */
#include "procedure/my_number/private.h"

#include <string.h>

#include "identity/identity.h"
#include "procedure/procedure.h"
#include "trail/trail.h"

enum { REASON_MAX = 300 };

int number_demand(struct request *rq, const struct procedure *p, const char *next, struct err *err)
{
	if (rq->actor.kind != ACTOR_STAFF || !form_has_secrets(p))
		return 0;
	return assurance_demand(rq, (struct assurance){1, 2}, next, err);
}

static const char *page_of(const struct request *rq, int64_t id)
{
	return arena_printf(rq->arena, "/staff/my-number/%lld", (long long)id);
}

void number_link(struct request *rq, struct db *db, const struct app_actor *actor,
    const struct application *app, const struct procedure *p, struct err *err)
{
	if (!form_has_secrets(p))
		return;
	json_t *view = json_pack("{s:o}", "checks", number_checks(rq, db, app, err));
	if (app_shows_numbers(db, actor, app))
		json_object_set_new(
		    view, "href", json_string(rq_href(rq, "%s", page_of(rq, app->id))));
	json_object_set_new(rq->view, "my_number", view);
}

/* --- the page --- */

int number_page_load(struct request *rq, struct number_page **out, struct err *err)
{
	struct number_page *p = arena_new_of(rq->arena, struct number_page);
	struct db *db = rq_db(rq, err);
	struct app_actor actor = rq_app_actor(rq);
	int64_t id = rq_param_i64(rq, "id");
	int rc = !db      ? -(int)ERR_STORE
	         : id < 0 ? err_set(err, ERR_MISSING, NULL, "no such application")
	                  : app_read(db, rq->arena, &actor, id, &p->app, err);
	if (rc == 0)
		rc = app_procedure(rq, p->app, &p->procedure, err);
	if (rc < 0)
		return rc;
	if (!form_has_secrets(p->procedure))
		return err_set(err, ERR_MISSING, NULL, "%s asks for no number", p->app->procedure);
	if (!app_shows_numbers(db, &actor, p->app))
		return err_set(err, ERR_DENIED, "application.number.denied",
		    "%s has no right to the numbers of application %lld", actor.id, (long long)id);
	p->numbers =
	    json_on_arena(rq->arena, form_numbers(p->procedure, rq->lang, p->app->answers));
	*out = p;
	return number_demand(rq, p->procedure, page_of(rq, id), err);
}

/* What the definition allows; one without the key lets it be used for the decision. */
static json_t *purposes(struct request *rq, const struct procedure *p)
{
	const json_t *given =
	    json_object_get(json_object_get(procedure_json(p), "my_number"), "purposes");
	json_t *out = json_array();
	for (size_t i = 0; i < (given ? json_array_size(given) : 1); i++) {
		const char *name = given ? json_string_value(json_array_get(given, i)) : "decide";
		json_array_append_new(out,
		    json_pack("{s:s, s:s}", "value", name, "label",
		        rq_tr(rq, arena_printf(rq->arena, "application.number.purpose.%s", name))));
	}
	return out;
}

static json_t *options_of(const json_t *numbers)
{
	json_t *out = json_array(), *one;
	size_t i;
	json_array_foreach((json_t *)numbers, i, one) json_array_append_new(
	    out, json_pack("{s:O, s:O}", "value", json_object_get(one, "name"), "label",
	             json_object_get(one, "label")));
	return out;
}

static bool has_option(const json_t *options, const char *value)
{
	for (size_t i = 0; i < json_array_size(options); i++)
		if (text_eq(json_text(json_array_get(options, i), "value"), value))
			return true;
	return false;
}

static const struct page_field purpose_field = {
    "purpose", "application.number.purpose", "application.number.purpose_help", true, 0};
static const struct page_field which_field = {"field", "application.number.which", NULL, true, 0};
static const struct page_field reason_field = {
    "reason", "application.number.reason", "application.number.reason_help", true, 3};

void number_field_add(
    struct request *rq, json_t *fields, const struct page_field *f, json_t *options)
{
	bool posted = rq->method == HTTP_POST;
	json_t *field = rq_field(rq, f, f->name, posted, rq_form(rq, f->name)), *one;
	size_t i;
	json_object_set_new(field, options ? "is_choice" : "is_text", json_true());
	json_array_foreach(options, i, one) json_object_set_new(one, "selected",
	    json_boolean(posted && text_eq(json_text(one, "value"), rq_form(rq, f->name))));
	if (options)
		json_object_set_new(field, "options", options);
	else
		json_object_set_new(field, "max", json_integer(REASON_MAX));
	json_array_append_new(fields, field);
}

static void frame(struct request *rq, const struct number_page *p)
{
	const char *ground = procedure_text(p->procedure, "my_number.ground", rq->lang);
	json_object_set_new(rq->view, "application",
	    json_pack("{s:I, s:s?, s:s?, s:s}", "id", (json_int_t)p->app->id, "number",
	        p->app->receipt_number, "applicant", p->app->applicant_name, "procedure",
	        procedure_text(p->procedure, "title", rq->lang)));
	if (ground)
		json_object_set_new(rq->view, "ground", json_string(ground));
	json_object_set_new(rq->view, "back",
	    json_string(rq_href(rq, "/staff/applications/%lld", (long long)p->app->id)));
	json_object_set_new(
	    rq->view, "action", json_string(rq_href(rq, "%s", page_of(rq, p->app->id))));
	rq_title(rq, "application.number.title");
	rq_crumb(rq, rq_tr(rq, "staff.inbox.title"), rq_href(rq, "/staff"));
	rq_crumb(rq,
	    p->app->serial ? p->app->serial : procedure_text(p->procedure, "title", rq->lang),
	    rq_href(rq, "/staff/applications/%lld", (long long)p->app->id));
}

int number_page_show(struct request *rq, const struct number_page *p, struct err *err)
{
	struct db *db = rq_db(rq, err);
	int rc = db ? rq_reading(rq, p->app, TRAIL_READ, NULL, NULL, err) : -(int)ERR_STORE;
	if (rc <= 0)
		return rc;
	json_t *fields = json_array();
	frame(rq, p);
	json_object_set(rq->view, "numbers", p->numbers);
	number_field_add(rq, fields, &purpose_field, purposes(rq, p->procedure));
	if (json_array_size(p->numbers) > 1)
		number_field_add(rq, fields, &which_field, options_of(p->numbers));
	number_field_add(rq, fields, &reason_field, NULL);
	json_object_set_new(rq->view, "fields", fields);
	json_object_set_new(rq->view, "checks", number_checks(rq, db, p->app, err));
	struct app_actor actor = rq_app_actor(rq);
	if (app_may(db, rq->arena, &actor, p->app, "check_number"))
		json_object_set_new(rq->view, "check_fields", number_check_fields(rq));
	return 0;
}

static int get(struct request *rq, struct err *err)
{
	struct number_page *p;
	int rc = number_page_load(rq, &p, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return number_page_show(rq, p, err);
}

/* --- the act --- */

/* As it is printed on the card: 1234 5678 9012. */
static const char *grouped(const struct request *rq, const char *digits)
{
	return strlen(digits) == 12
	           ? arena_printf(rq->arena, "%.4s %.4s %.4s", digits, digits + 4, digits + 8)
	           : digits;
}

static int show_write(struct request *rq, struct db *db, struct err *err)
{
	struct number_page *p = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	json_t *plain;
	bool own = app_is_work_of(db, &actor, p->app);
	int rc = trail_add_of(rq, db,
	    &(struct reading){.kind = TRAIL_NUMBER,
	        .verb = arena_printf(rq->arena, "my-number.%s", p->purpose),
	        .person = p->app->applicant_person,
	        .application = p->app->id,
	        .department = p->app->department,
	        .procedure = p->app->procedure,
	        .fields = TRAIL_MY_NUMBER,
	        .beyond = !own,
	        .reason = p->reason,
	        .detail = p->field},
	    err);
	if (rc == 0)
		rc = app_unseal(db, p->procedure, p->app->answers, &plain, err);
	if (rc < 0)
		return rc;
	const char *digits =
	    json_string_value(form_number_at(json_on_arena(rq->arena, plain), p->field));
	if (!digits)
		return err_set(err, ERR_MISSING, NULL, "no number %s", p->field);
	frame(rq, p);
	rq->template = "procedure/my-number-shown";
	json_object_set_new(rq->view, "my_number", json_string(digits));
	json_object_set_new(rq->view, "my_number_text", json_string(grouped(rq, digits)));
	json_object_set_new(rq->view, "purpose",
	    json_string(
	        rq_tr(rq, arena_printf(rq->arena, "application.number.purpose.%s", p->purpose))));
	json_object_set_new(rq->view, "reason", json_string(p->reason));
	return 0;
}

static void check_choice(struct request *rq, const struct page_field *f, json_t *options)
{
	if (!has_option(json_on_arena(rq->arena, options), rq_form(rq, f->name)))
		rq_problem(rq, f->name, "web.input.required_of",
		    json_pack("{s:s}", "label", rq_tr(rq, f->label)));
}

static int post(struct request *rq, struct err *err)
{
	struct number_page *p;
	int rc = number_page_load(rq, &p, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	const char *typed = rq_form(rq, "reason");
	p->purpose = rq_form(rq, "purpose");
	p->reason = str_dup(rq->arena, str_trim(str_from(typed ? typed : "")));
	check_choice(rq, &purpose_field, purposes(rq, p->procedure));
	if (json_array_size(p->numbers) == 0)
		return err_set(err, ERR_CONFLICT, "application.number.none", "no number is there");
	if (json_array_size(p->numbers) > 1)
		check_choice(rq, &which_field, options_of(p->numbers));
	p->field = json_array_size(p->numbers) > 1
	               ? rq_form(rq, "field")
	               : json_text(json_array_get(p->numbers, 0), "name");
	if (!p->reason[0])
		rq_problem(rq, "reason", "web.input.required_of",
		    json_pack("{s:s}", "label", rq_tr(rq, reason_field.label)));
	rq_set_data(rq, p);
	if (rq_has_problems(rq))
		return number_page_show(rq, p, err);
	return rq_write(rq, show_write);
}

static const struct input show_inputs[] = {{"purpose", "string", false, 40},
    {"field", "string", false, 200}, {"reason", "string", false, REASON_MAX},
    {NULL, NULL, false, 0}};

static const struct input check_inputs[] = {{"number_by", "string", false, 20},
    {"person_by", "string", false, 20}, {"note", "string", false, REASON_MAX},
    {NULL, NULL, false, 0}};

static const struct route routes[] = {
    {HTTP_GET, "/staff/my-number/{id}", get, .perm = "staff", .template = "procedure/my-number",
        .summary = "The individual numbers of an application, masked, and the form to see one."},
    {HTTP_POST, "/staff/my-number/{id}", post, .perm = "staff", .template = "procedure/my-number",
        .inputs = show_inputs, .rate = RATE_WRITE,
        .summary = "Shows an individual number once, for a purpose and with a reason."},
    {HTTP_POST, "/staff/my-number/{id}/check", number_check_post, .perm = "staff",
        .template = "procedure/my-number", .inputs = check_inputs, .rate = RATE_WRITE,
        .describe = describe_moves,
        .summary = "Records by which documents number and person were checked."},
};

const struct module number_pages = {
    .name = "procedure.number",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
