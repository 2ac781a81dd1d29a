/* PDFs of the running case: the blank form, the receipt, and the application as it was submitted.
 * They are made when somebody asks; only what the city issues is kept (module document). */
#include "procedure/pages/pages.h"

#include "base/json.h"
#include "document/document.h"
#include "identity/identity.h"
#include "procedure/procedure.h"
#include "web/template.h"

/* What a deferred rendering needs. */
struct print {
	const char *template, *name;
	json_t *view;
};

static int render(struct request *rq, struct err *err)
{
	struct print *p = rq_data(rq);
	struct str pdf;
	int rc = document_render(rq->city, rq->arena, p->template, rq->lang, p->view, &pdf, err);
	if (rc < 0)
		return rc;
	return rq_send(rq, "application/pdf", pdf, NULL);
}

/* The view is taken over. Laying out takes milliseconds: not on the network thread. */
static int print_later(struct request *rq, const char *template, json_t *view)
{
	struct print *p = arena_new_of(rq->arena, struct print);
	p->template = template;
	p->view = json_on_arena(rq->arena, view);
	rq_set_data(rq, p);
	return rq_defer(rq, render);
}

static json_t *page_url(struct request *rq, const char *path)
{
	return json_sprintf("%s%s", rq->city->base_url, rq_href(rq, "%s", path));
}

static json_t *addressee(struct request *rq)
{
	const char *city =
	    city_setting(rq->city, text_eq(rq->lang, "en") ? "name.en" : "name.ja", "");
	json_t *args = json_pack("{s:s}", "city", city);
	json_t *to = json_pack(
	    "[s]", i18n_format(rq->city->i18n, rq->arena, rq->lang, "procedure.print.to", args));
	json_decref(args);
	return to;
}

/* --- the blank form --- */

static int paper_pdf(struct request *rq, struct err *err)
{
	struct procedure *p;
	int rc = rq_procedure(rq, &p, err);
	if (rc < 0)
		return rc;
	json_t *view =
	    json_pack("{s:s?, s:o, s:o, s:s, s:s}", "title", procedure_text(p, "title", rq->lang),
	        "to", addressee(rq), "sections", rq_paper_sections(rq, p), "procedure",
	        procedure_text(p, "title", rq->lang), "version", procedure_version(p));
	if (procedure_online(p))
		json_object_set_new(view, "apply_url",
		    page_url(rq, arena_printf(rq->arena, "/procedures/%s", procedure_id(p))));
	return print_later(rq, "paper", view);
}

/* --- the receipt --- */

static void add_row(struct request *rq, json_t *rows, const char *key, const char *value)
{
	if (value && value[0])
		json_array_append_new(
		    rows, json_pack("{s:s, s:s}", "label", rq_tr(rq, key), "value", value));
}

/* "3,000円", "¥3,000": as templates show money. */
static const char *yen(struct request *rq, int64_t amount)
{
	struct buf b;
	buf_init(&b, rq->arena);
	json_t *view = json_pack("{s:I}", "v", (json_int_t)amount);
	int rc =
	    template_render_plain(rq->city->templates, STR("{{yen v}}"), rq->lang, view, &b, NULL);
	json_decref(view);
	return rc == 0 ? b.p : NULL;
}

static const char *day_text(struct request *rq, const char *iso)
{
	struct date d;
	if (!iso || !date_parse(str_from(iso), &d))
		return NULL;
	return text_eq(rq->lang, "ja") ? date_era_text(rq->arena, d, rq->lang)
	                               : date_text(rq->arena, d, rq->lang);
}

static json_t *common_rows(struct request *rq, const struct application *app,
    const struct procedure *p, const char *department)
{
	json_t *rows = json_array();
	add_row(rq, rows, "procedure.print.procedure", procedure_text(p, "title", rq->lang));
	add_row(rq, rows, "procedure.print.name", app->applicant_name);
	add_row(rq, rows, "procedure.print.submitted",
	    instant_text(rq->arena, app->submitted_us, rq->lang));
	add_row(rq, rows, "procedure.print.serial", app->serial);
	add_row(rq, rows, "procedure.print.department", department);
	return rows;
}

static const char *department_of(struct request *rq, const struct application *app, struct err *err)
{
	return app->department
	           ? department_name_in(rq_db(rq, err), rq->arena, app->department, rq->lang, err)
	           : NULL;
}

static int receipt_pdf(struct request *rq, struct err *err)
{
	struct application *app;
	struct procedure *p;
	int rc = rq_own_application(rq, &app, err);
	if (rc < 0 || (rc = app_procedure(rq, app, &p, err)) < 0)
		return rc;
	if (!app->receipt_number)
		return err_set(
		    err, ERR_MISSING, NULL, "application %lld is a draft", (long long)app->id);
	const char *department = department_of(rq, app, err);
	json_t *rows = common_rows(rq, app, p, department);
	add_row(rq, rows, "procedure.print.due", day_text(rq, app->due));
	if (app->fee_yen > 0)
		add_row(rq, rows, "procedure.print.fee", yen(rq, app->fee_yen));
	json_t *view = json_pack("{s:s, s:s, s:o, s:[s], s:o, s:[s]}", "title",
	    rq_tr(rq, "procedure.print.receipt"), "receipt_number", app->receipt_number, "rows",
	    rows, "body", rq_tr(rq, "procedure.print.received"), "status_url",
	    page_url(rq, arena_printf(rq->arena, "/applications/%lld", (long long)app->id)),
	    "notes", rq_tr(rq, "procedure.print.no_decision"));
	struct date day = date_of_us(app->submitted_us);
	json_object_set_new(
	    view, "date_text", json_string(day_text(rq, date_format(rq->arena, day))));
	if (department)
		json_object_set_new(view, "contact",
		    json_pack("[s,s]",
		        city_setting(rq->city, text_eq(rq->lang, "en") ? "name.en" : "name.ja", ""),
		        department));
	return print_later(rq, "receipt", view);
}

/* --- the application as submitted --- */

/* A row for reading as {label, value}. */
static json_t *answer_row(struct request *rq, json_t *row)
{
	struct buf b;
	buf_init(&b, rq->arena);
	const char *text = json_string_value(json_object_get(row, "text"));
	buf_puts(&b, text ? text : "");
	size_t i;
	json_t *f;
	json_array_foreach(json_object_get(row, "files"), i, f)
	{
		if (b.n)
			buf_putc(&b, '\n');
		buf_puts(&b, json_string_value(json_object_get(f, "name")));
	}
	return json_pack("{s:s?, s:s}", "label", json_string_value(json_object_get(row, "label")),
	    "value", b.n ? b.p : "－");
}

static void take_rows(struct request *rq, json_t *from, json_t *to)
{
	json_t *rows = json_object_get(from, "rows"), *out, *row;
	size_t i;
	if (!rows)
		return;
	out = json_array();
	json_array_foreach(rows, i, row) json_array_append_new(out, answer_row(rq, row));
	json_object_set_new(to, "rows", out);
}

static json_t *answer_sections(struct request *rq, json_t *view)
{
	json_t *out = json_array(), *section, *group;
	size_t i, k;
	json_array_foreach(view, i, section)
	{
		json_t *one = json_pack("{s:O}", "title", json_object_get(section, "title"));
		json_t *groups = json_object_get(section, "groups");
		take_rows(rq, section, one);
		if (groups) {
			json_t *list = json_array();
			json_array_foreach(groups, k, group)
			{
				json_t *g =
				    json_pack("{s:O}", "title", json_object_get(group, "title"));
				take_rows(rq, group, g);
				json_array_append_new(list, g);
			}
			json_object_set_new(one, "groups", list);
		}
		json_array_append_new(out, one);
	}
	return out;
}

static int print_application(struct request *rq, struct application *app, struct err *err)
{
	struct procedure *p;
	struct form_context context;
	int rc = app_procedure(rq, app, &p, err);
	if (rc < 0 || (rc = rq_form_context(rq, app, &context, err)) < 0)
		return rc;
	json_t *answers = form_answers_view(p, rq->arena, &context, app->answers);
	json_t *rows = json_array();
	add_row(rq, rows, "procedure.print.number", app->receipt_number);
	json_t *common = common_rows(rq, app, p, department_of(rq, app, err));
	json_array_extend(rows, common);
	json_decref(common);
	json_t *view = json_pack("{s:o, s:s?, s:o, s:o, s:s?}", "title",
	    json_sprintf(
	        "%s %s", procedure_text(p, "title", rq->lang), rq_tr(rq, "procedure.print.form")),
	    "receipt_number", app->receipt_number, "to", addressee(rq), "rows", rows, "watermark",
	    app->receipt_number ? NULL : rq_tr(rq, "procedure.print.draft"));
	json_object_set_new(view, "sections", answer_sections(rq, answers));
	json_decref(answers);
	return print_later(rq, "application", view);
}

static int own_pdf(struct request *rq, struct err *err)
{
	struct application *app;
	int rc = rq_own_application(rq, &app, err);
	return rc < 0 ? rc : print_application(rq, app, err);
}

static int staff_pdf(struct request *rq, struct err *err)
{
	struct application *app;
	struct app_actor actor = rq_app_actor(rq);
	int64_t id = rq_param_i64(rq, "id");
	struct db *db = rq_db(rq, err);
	int rc = !db      ? -(int)ERR_STORE
	         : id < 0 ? err_set(err, ERR_MISSING, NULL, "no such application")
	                  : app_read(db, rq->arena, &actor, id, &app, err);
	if (rc == 0)
		rc = rq_reading(rq, app, TRAIL_PRINT, NULL, NULL, err);
	return rc <= 0 ? rc : print_application(rq, app, err);
}

static const struct route routes[] = {
    {HTTP_GET, "/procedures/{id}/paper.pdf", paper_pdf, .perm = "public",
        .summary = "The form to print and fill by hand, as PDF.", .flags = ROUTE_RAW | ROUTE_CACHE},
    {HTTP_GET, "/applications/{id}/receipt.pdf", receipt_pdf, .perm = "resident",
        .flags = ROUTE_RAW, .summary = "The receipt of an own application, as PDF."},
    {HTTP_GET, "/applications/{id}/print.pdf", own_pdf, .perm = "resident", .flags = ROUTE_RAW,
        .summary = "An own application with its answers, as PDF."},
    {HTTP_GET, "/staff/applications/{id}/print.pdf", staff_pdf, .perm = "staff", .flags = ROUTE_RAW,
        .summary = "An application with its answers, as PDF."},
};

const struct module print_pages = {
    .name = "procedure.print",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
