/* Files whose retention period has ended; proposals to dispose of or to keep them; the records. */
#include <stdlib.h>
#include <string.h>

#include "identity/identity.h"
#include "procedure/disposal/disposal.h"
#include "procedure/pages/columns.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"

enum { YEARS_BACK = 15, TEXT_MAX = 4000 };

/* Of the query, or of the body when the page comes back. */
static const char *value(struct request *rq, const char *name)
{
	const char *s = rq->method == HTTP_POST ? rq_form(rq, name) : rq_query(rq, name);
	return s && s[0] ? s : NULL;
}

static void due_filter_of(struct request *rq, struct due_filter *f)
{
	int64_t year = rq_i64(rq, "year", 0);
	*f = (struct due_filter){
	    .department = rq_i64(rq, "department", 0),
	    .years = rq_i64(rq, "years", -1),
	    .year = year > 1900 && year < 9999 ? (int)year : 0,
	    .procedure = value(rq, "procedure"),
	    .after = value(rq, "after"),
	};
}

/* The words for a procedure: of its present definition, else as they were kept. */
static void put_titles(struct request *rq, json_t *rows)
{
	size_t i;
	json_t *row;
	json_array_foreach(rows, i, row)
	{
		const char *id = json_string_value(json_object_get(row, "procedure"));
		struct procedure *p = procedure_find(rq->city, id);
		const char *kept = json_string_value(json_object_get(row, "title"));
		json_object_set_new(row, "title",
		    json_string(p      ? procedure_text(p, "title", rq->lang)
		                : kept ? kept
		                       : id));
		procedure_unref(p);
	}
}

/* --- the filter --- */

static void option(json_t *list, const char *value, const char *label, bool selected)
{
	json_array_append_new(list, json_pack("{s:s, s:s, s:b}", "value", value, "label", label,
	                                "selected", (int)selected));
}

static int department_options(
    struct request *rq, struct db *db, int64_t selected, json_t **out, struct err *err)
{
	int64_t *ids;
	int n =
	    staff_departments(db, rq->arena, rq->actor.person, "application.dispose", &ids, err);
	*out = json_array();
	for (int i = 0; i < n; i++)
		option(*out, arena_printf(rq->arena, "%" PRId64, ids[i]),
		    department_name_in(db, rq->arena, ids[i], rq->lang, err), ids[i] == selected);
	return n < 0 ? n : 0;
}

static json_t *class_options(struct request *rq, int64_t selected)
{
	static const int classes[] = {1, 2, 3, 5, 7, 10, 20, 30};
	json_t *out = json_array();
	for (size_t i = 0; i < COUNT(classes); i++) {
		json_t *args = json_pack("{s:i}", "years", classes[i]);
		option(out, arena_printf(rq->arena, "%d", classes[i]),
		    i18n_format(rq->city->i18n, rq->arena, rq->lang, "disposal.class", args),
		    selected == classes[i]);
		json_decref(args);
	}
	return out;
}

static json_t *year_options(struct request *rq, int selected)
{
	json_t *out = json_array();
	int now = date_of_us(rq->now_us).year;
	for (int y = now; y > now - YEARS_BACK; y--) {
		const char *text = arena_printf(rq->arena, "%d", y);
		option(out, text, text, y == selected);
	}
	return out;
}

static json_t *procedure_options(struct request *rq, const char *selected)
{
	struct procedure_list *list = procedures_of(rq->city, rq->arena);
	json_t *out = json_array();
	for (int i = 0; i < list->n; i++)
		option(out, procedure_id(list->items[i]),
		    procedure_text(list->items[i], "title", rq->lang),
		    text_eq(selected, procedure_id(list->items[i])));
	return out;
}

/* "department=1&years=5&": the filter as it stands, for links. */
static const char *filter_query(struct request *rq)
{
	static const char *const names[] = {"department", "years", "year", "procedure"};
	struct buf b;
	buf_init(&b, rq->arena);
	buf_puts(&b, "");
	for (size_t i = 0; i < COUNT(names); i++) {
		if (!value(rq, names[i]))
			continue;
		buf_printf(&b, "%s=", names[i]);
		buf_url(&b, str_from(value(rq, names[i])));
		buf_putc(&b, '&');
	}
	return b.p ? b.p : "";
}

/* What a proposal is made of, as it was typed. */
static void put_fields(struct request *rq)
{
	static const struct page_field fields[] = {
	    {"kind", "disposal.propose.kind", NULL, true, 0},
	    {"until", "disposal.propose.until", "disposal.propose.until_help", false, 0},
	    {"reason", "staff.act.reason", NULL, true, 3},
	};
	json_t *list = json_array(), *kinds = json_array();
	bool posted = rq->method == HTTP_POST;
	for (size_t i = 0; i < COUNT(fields); i++)
		json_array_append_new(list,
		    rq_field(rq, &fields[i], fields[i].name, posted, value(rq, fields[i].name)));
	json_t *kind = json_array_get(list, 0);
	const char *chosen = posted ? value(rq, "kind") : NULL;
	option(kinds, "dispose", rq_tr(rq, "disposal.propose.dispose"), text_eq(chosen, "dispose"));
	option(kinds, "extend", rq_tr(rq, "disposal.propose.extend"), text_eq(chosen, "extend"));
	json_object_set_new(kind, "is_choice", json_true());
	json_object_set_new(kind, "options", kinds);
	json_object_set_new(json_array_get(list, 2), "max", json_integer(TEXT_MAX));
	rq_date_field(rq, json_array_get(list, 1), posted ? value(rq, "until") : NULL);
	json_object_set_new(rq->view, "fields", list);
	json_object_set_new(rq->view, "typed_all", json_boolean(posted && value(rq, "all")));
	if (rq_problem_at(rq, "id"))
		json_object_set_new(
		    rq->view, "problem_of_id", json_string(rq_problem_at(rq, "id")));
}

/* --- the list --- */

/* The files that were chosen, on a page that comes back. */
static void keep_ticks(struct request *rq, json_t *rows)
{
	const char *const *ids;
	int n = rq->method == HTTP_POST ? rq_form_all(rq, "id", &ids) : 0;
	size_t i;
	json_t *row;
	json_array_foreach(rows, i, row)
	{
		const char *id = arena_printf(
		    rq->arena, "%lld", (long long)json_integer_value(json_object_get(row, "id")));
		for (int k = 0; k < n; k++)
			if (text_eq(ids[k], id))
				json_object_set_new(row, "chosen", json_true());
	}
}

static int records(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct app_actor actor = rq_app_actor(rq);
	struct due_filter f;
	json_t *page, *departments;
	due_filter_of(rq, &f);
	int rc =
	    db ? disposal_due(db, rq->arena, &actor, &f, rq->lang, &page, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	json_t *rows = json_object_get(page, "items");
	const char *next = json_string_value(json_object_get(page, "next"));
	put_titles(rq, rows);
	keep_ticks(rq, rows);
	json_object_set(rq->view, "rows", rows);
	json_object_set_new(rq->view, "none", json_boolean(json_array_size(rows) == 0));
	if (next)
		json_object_set_new(rq->view, "next",
		    json_string(rq_href(rq, "/staff/records?%safter=%s", filter_query(rq), next)));
	json_decref(page);
	if ((rc = department_options(rq, db, f.department, &departments, err)) < 0)
		return rc;
	json_object_set_new(rq->view, "departments", departments);
	json_object_set_new(rq->view, "classes", class_options(rq, f.years));
	json_object_set_new(rq->view, "end_years", year_options(rq, f.year));
	json_object_set_new(rq->view, "procedures", procedure_options(rq, f.procedure));
	json_object_set_new(rq->view, "filtered", json_boolean(filter_query(rq)[0]));
	json_object_set_new(
	    rq->view, "csv", json_string(rq_href(rq, "/staff/records.csv?%s", filter_query(rq))));
	json_object_set_new(rq->view, "filter",
	    json_pack("{s:s?, s:s?, s:s?, s:s?}", "department", value(rq, "department"), "years",
	        value(rq, "years"), "year", value(rq, "year"), "procedure",
	        value(rq, "procedure")));
	put_fields(rq);
	rq_title(rq, "disposal.due.title");
	return 0;
}

/* --- proposing --- */

struct proposing {
	struct due_filter all;
	int64_t *ids;
	struct disposal_wish wish;
	struct disposal_made made;
};

static int propose_write(struct request *rq, struct db *db, struct err *err)
{
	struct proposing *p = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	int rc = disposal_propose(db, rq->arena, &actor, &p->wish, &p->made, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, p->made.left ? "warning" : "success",
	    p->made.left ? "disposal.proposed_some" : "disposal.proposed_now",
	    json_pack("{s:i, s:i, s:i}", "files", p->made.files, "proposals", p->made.proposals,
	        "left", p->made.left));
	return p->made.proposals == 1
	           ? rq_redirect(rq, "/staff/records/disposals/%lld", (long long)p->made.last)
	           : rq_redirect(rq, "/staff/records/disposals");
}

/* The list again with what was typed and why it was not done. */
static int propose_failed(struct request *rq, struct err *err)
{
	if (err->kind != ERR_INPUT && err->kind != ERR_CONFLICT && err->kind != ERR_TOO_LARGE)
		return -(int)err->kind;
	rq_problem(rq, err->field, err->msg ? err->msg : "error.conflict", NULL);
	int status = err_http_status(err->kind), rc = records(rq, err);
	rq->status = status;
	return rc;
}

static int propose(struct request *rq, struct err *err)
{
	struct proposing *p = arena_new_of(rq->arena, struct proposing);
	const char *const *ids;
	int n = rq_form_all(rq, "id", &ids);
	bool all = value(rq, "all") != NULL;
	p->ids = arena_array(rq->arena, (size_t)n + 1, sizeof(*p->ids));
	p->wish = (struct disposal_wish){.kind = value(rq, "kind"),
	    .reason = value(rq, "reason"),
	    .until = value(rq, "until"),
	    .ids = p->ids};
	for (int i = 0; i < n && !all; i++)
		if (str_to_i64(str_from(ids[i]), 1, INT64_MAX, &p->ids[p->wish.n]))
			p->wish.n++;
	rq_set_data(rq, p);
	if (rq_has_problems(rq)) /* a date that is none */
		return records(rq, err);
	if (!all && p->wish.n == 0) {
		(void)err_field(err, ERR_INPUT, "id", "disposal.no_file", "no file was chosen");
		return propose_failed(rq, err);
	}
	if (all) {
		due_filter_of(rq, &p->all);
		p->all.after = NULL;
		p->wish.all = &p->all;
	}
	return rq_write_or(rq, propose_write, propose_failed);
}

/* --- CSV --- */

static const struct column due_columns[] = {
    {"serial", "staff.col.serial", COLUMN_TEXT},
    {"number", "application.number", COLUMN_TEXT},
    {"procedure", NULL, COLUMN_TEXT},
    {"title", "staff.col.procedure", COLUMN_TEXT},
    {"department_name", "staff.filter.department", COLUMN_TEXT},
    {"state", "staff.col.state", COLUMN_CODE, "application.state"},
    {"outcome", "application.outcome", COLUMN_CODE, "application.outcome"},
    {"submitted", "staff.col.submitted", COLUMN_INSTANT},
    {"decided", "export.col.decided", COLUMN_INSTANT},
    {"years", "export.col.years", COLUMN_NUMBER},
    {"kept_until", "disposal.col.kept_until", COLUMN_DAY},
    {"free", "export.col.free", COLUMN_YES_NO},
};
static const struct column item_columns[] = {
    {"serial", "staff.col.serial", COLUMN_TEXT},
    {"number", "application.number", COLUMN_TEXT},
    {"procedure", NULL, COLUMN_TEXT},
    {"title", "staff.col.procedure", COLUMN_TEXT},
    {"final_state", "export.col.final_state", COLUMN_CODE, "application.state"},
    {"outcome", "application.outcome", COLUMN_CODE, "application.outcome"},
    {"submitted", "staff.col.submitted", COLUMN_INSTANT},
    {"decided", "export.col.decided", COLUMN_INSTANT},
    {"years", "export.col.years", COLUMN_NUMBER},
    {"kept_until", "disposal.col.kept_until", COLUMN_DAY},
    {"state", "staff.col.state", COLUMN_CODE, "disposal.item"},
    {"done", "disposal.col.done", COLUMN_INSTANT},
    {"my_numbers", "disposal.col.my_numbers", COLUMN_NUMBER},
};

struct due_export {
	struct due_filter filter;
	struct app_actor actor;
	struct columns *columns;
	bool begun;
};

static int due_csv_step(struct request *rq, void *state, struct buf *out, struct err *err)
{
	struct due_export *e = state;
	struct db *db = rq_db(rq, err);
	json_t *page, *row;
	size_t i;
	if (!e->begun)
		columns_csv_begin(e->columns, out);
	e->begun = true;
	struct arena *a = arena_new();
	int rc =
	    db ? disposal_due(db, a, &e->actor, &e->filter, rq->lang, &page, err) : -(int)ERR_STORE;
	if (rc == 0) {
		json_t *next = json_object_get(page, "next");
		put_titles(rq, json_object_get(page, "items"));
		json_array_foreach(json_object_get(page, "items"), i, row)
		{
			columns_csv_row(e->columns, a, out, row);
		}
		rc = json_is_string(next);
		if (rc)
			e->filter.after = arena_strdup(rq->arena, json_string_value(next));
		json_decref(page);
	}
	arena_free(a);
	return rc;
}

static int due_csv(struct request *rq, struct err *err)
{
	(void)err;
	struct due_export *e = arena_new_of(rq->arena, struct due_export);
	due_filter_of(rq, &e->filter);
	e->filter.limit = 200;
	e->columns = columns_new(rq, due_columns, COUNT(due_columns));
	e->actor = rq_app_actor(rq);
	return rq_stream(rq, "text/csv; charset=utf-8", "records.csv", due_csv_step, e);
}

struct item_export {
	int64_t disposal, after;
	struct columns *columns;
	bool begun;
};

static int item_csv_step(struct request *rq, void *state, struct buf *out, struct err *err)
{
	struct item_export *e = state;
	struct db *db = rq_db(rq, err);
	json_t *items, *row;
	size_t i;
	if (!e->begun)
		columns_csv_begin(e->columns, out);
	e->begun = true;
	struct arena *a = arena_new();
	int rc =
	    db ? disposal_items(db, a, e->disposal, e->after, DISPOSAL_ITEMS_SHOWN, &items, err)
	       : -(int)ERR_STORE;
	if (rc == 0) {
		put_titles(rq, items);
		json_array_foreach(items, i, row)
		{
			columns_csv_row(e->columns, a, out, row);
			e->after = json_integer_value(json_object_get(row, "id"));
		}
		rc = json_array_size(items) == DISPOSAL_ITEMS_SHOWN;
		json_decref(items);
	}
	arena_free(a);
	return rc;
}

static int item_csv(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct app_actor actor = rq_app_actor(rq);
	struct item_export *e = arena_new_of(rq->arena, struct item_export);
	json_t *view;
	e->disposal = rq_param_i64(rq, "id");
	e->columns = columns_new(rq, item_columns, COUNT(item_columns));
	int rc = db ? disposal_view(db, rq->arena, &actor, e->disposal, rq->lang, &view, err)
	            : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	const char *number = json_string_value(json_object_get(view, "number"));
	const char *name =
	    arena_printf(rq->arena, "disposal-%s.csv", number ? number : rq_param(rq, "id"));
	json_decref(view);
	return rq_stream(rq, "text/csv; charset=utf-8", name, item_csv_step, e);
}

/* --- proposals and records --- */

static int list(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct app_actor actor = rq_app_actor(rq);
	bool open = !text_eq(rq_query(rq, "tab"), "all");
	json_t *page;
	int rc = db ? disposal_list(db, rq->arena, &actor, open, rq_i64(rq, "before", 0), rq->lang,
	                  &page, err)
	            : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	json_t *rows = json_object_get(page, "items"), *next = json_object_get(page, "next");
	json_object_set(rq->view, "rows", rows);
	json_object_set_new(rq->view, "none", json_boolean(json_array_size(rows) == 0));
	if (json_is_integer(next))
		json_object_set_new(rq->view, "next",
		    json_string(rq_href(rq, "/staff/records/disposals?tab=%s&before=%lld",
		        open ? "open" : "all", (long long)json_integer_value(next))));
	json_decref(page);
	json_object_set_new(rq->view, "tabs",
	    json_pack("[o, o]",
	        tab_view(rq_tr(rq, "disposal.tab.open"), rq_href(rq, "/staff/records/disposals"),
	            open, -1),
	        tab_view(rq_tr(rq, "disposal.tab.all"),
	            rq_href(rq, "/staff/records/disposals?tab=all"), !open, -1)));
	rq_title(rq, "disposal.list.title");
	rq_crumb(rq, rq_tr(rq, "disposal.due.title"), rq_href(rq, "/staff/records"));
	return 0;
}

static int show(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct app_actor actor = rq_app_actor(rq);
	int64_t id = rq_param_i64(rq, "id"), after = rq_i64(rq, "after", 0);
	json_t *view, *items;
	int rc =
	    db ? disposal_view(db, rq->arena, &actor, id, rq->lang, &view, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "disposal", view);
	rc = disposal_items(db, rq->arena, id, after, DISPOSAL_ITEMS_SHOWN, &items, err);
	if (rc < 0)
		return rc;
	put_titles(rq, items);
	size_t n = json_array_size(items);
	json_object_set_new(rq->view, "items", items);
	if (n == DISPOSAL_ITEMS_SHOWN)
		json_object_set_new(rq->view, "next",
		    json_string(
		        rq_href(rq, "/staff/records/disposals/%lld?after=%lld", (long long)id,
		            (long long)json_integer_value(
		                json_object_get(json_array_get(items, n - 1), "id")))));
	json_object_set_new(rq->view, "action",
	    json_string(rq_href(rq, "/staff/records/disposals/%lld", (long long)id)));
	const char *no = json_string_value(json_object_get(view, "number"));
	json_object_set_new(rq->view, "title",
	    json_string(arena_printf(rq->arena, "%s%s%s",
	        rq_tr(rq, json_string_value(json_object_get(view, "kind_key"))), no ? " " : "",
	        no ? no : "")));
	rq_crumb(rq, rq_tr(rq, "disposal.due.title"), rq_href(rq, "/staff/records"));
	rq_crumb(rq, rq_tr(rq, "disposal.list.title"), rq_href(rq, "/staff/records/disposals"));
	return 0;
}

static int decide_write(struct request *rq, struct db *db, struct err *err)
{
	struct app_actor actor = rq_app_actor(rq);
	int64_t id = rq_param_i64(rq, "id");
	const char *verb = rq_param(rq, "verb");
	int rc = disposal_decide(db, rq->arena, &actor, id, verb, value(rq, "comment"), err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success",
	    text_eq(verb, "approve")  ? "disposal.done.approve"
	    : text_eq(verb, "refuse") ? "disposal.done.refuse"
	                              : "disposal.done.take_back",
	    NULL);
	return rq_redirect(rq, "/staff/records/disposals/%lld", (long long)id);
}

static int decide_failed(struct request *rq, struct err *err)
{
	if (err->kind != ERR_INPUT && err->kind != ERR_CONFLICT && err->kind != ERR_DENIED)
		return -(int)err->kind;
	struct err was = *err;
	int rc = show(rq, err);
	if (rc < 0)
		return rc;
	rq_problem(rq, was.field, was.msg ? was.msg : "error.conflict", NULL);
	rq->status = err_http_status(was.kind);
	return 0;
}

static int decide(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write_or(rq, decide_write, decide_failed);
}

/* --- what stays, for applicant and office --- */

int rq_disposed(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct app_actor actor = rq_app_actor(rq);
	int64_t id = rq_param_i64(rq, "id");
	json_t *record;
	int rc = db && id > 0 ? disposal_record(db, rq->arena, &actor, id, &record, err) : 0;
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(err, ERR_MISSING, NULL, "application %lld is not there for %s",
		    (long long)id, actor.id);
	json_t *one = json_pack("[o]", record);
	put_titles(rq, one);
	json_object_set(rq->view, "disposed", record);
	json_decref(one);
	rq->template = "procedure/disposed";
	rq->status = 410;
	rq_title(rq, "disposal.gone.title");
	rq_crumb(rq, rq_tr(rq, actor.staff ? "staff.inbox.title" : "application.my.title"),
	    rq_href(rq, actor.staff ? "/staff" : "/my"));
	return 0;
}

int rq_my_disposed(struct request *rq, int limit, struct err *err)
{
	json_t *items;
	struct db *db = rq_db(rq, err);
	int rc = db ? disposal_of_account(db, rq->arena, rq->actor.account, limit, &items, err)
	            : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	put_titles(rq, items);
	json_object_set_new(rq->view, "disposed", items);
	json_object_set_new(rq->view, "has_disposed", json_boolean(json_array_size(items) > 0));
	return 0;
}

/* --- the table --- */

#define DUE_INPUTS                                                                                 \
	{"department", "integer", false, 20}, {"years", "integer", false, 3},                      \
	    {"year", "integer", false, 4},                                                         \
	{                                                                                          \
		"procedure", "string", false, 80                                                   \
	}
static const struct input due_inputs[] = {
    DUE_INPUTS,
    {"after", "string", false, 40},
    COLUMNS_INPUT,
    {NULL, NULL, false, 0},
};
static const struct input item_inputs[] = {
    COLUMNS_INPUT,
    {NULL, NULL, false, 0},
};
static const struct input propose_inputs[] = {
    DUE_INPUTS,
    {"id", "integer", false, 20},
    {"all", "string", false, 5},
    {"kind", "string", false, 10},
    {"reason", "string", false, TEXT_MAX},
    {"until", "date", false, 10},
    {NULL, NULL, false, 0},
};
static const struct input list_inputs[] = {
    {"tab", "string", false, 10},
    {"before", "integer", false, 20},
    {NULL, NULL, false, 0},
};
static const struct input show_inputs[] = {
    {"after", "integer", false, 20},
    {NULL, NULL, false, 0},
};
#define COMMENT                                                                                    \
	(const struct input[])                                                                     \
	{                                                                                          \
		{"comment", "string", false, TEXT_MAX}, {NULL, NULL, false, 0},                    \
	}
static const struct route_word decide_words[] = {
    {"approve", "Approve a proposal: it is carried out.", COMMENT},
    {"refuse", "Refuse a proposal; comment: why.", COMMENT},
    {"take_back", "Take one's own proposal back.", COMMENT},
    {NULL, NULL, NULL},
};

#define PERM .perm = "application.dispose"
static const struct route routes[] = {
    {HTTP_GET, "/staff/records", records, PERM, .template = "procedure/records",
        .summary = "Files whose retention period has ended.", .inputs = due_inputs},
    {HTTP_GET, "/staff/records.csv", due_csv, PERM, .flags = ROUTE_RAW,
        .summary = "Files whose retention period has ended, as CSV.", .inputs = due_inputs},
    {HTTP_POST, "/staff/records", propose, PERM, .template = "procedure/records",
        .summary = "Propose to dispose of files, or to keep them longer.", .inputs = propose_inputs,
        .rate = RATE_WRITE},
    {HTTP_GET, "/staff/records/disposals", list, PERM, .template = "procedure/disposals",
        .summary = "Proposals of disposal and extension, and the records of them.",
        .inputs = list_inputs},
    {HTTP_GET, "/staff/records/disposals/{id}", show, PERM, .template = "procedure/disposal",
        .summary = "One proposal or record with its files and its progress.",
        .inputs = show_inputs},
    {HTTP_GET, "/staff/records/disposals/{id}.csv", item_csv, PERM, .flags = ROUTE_RAW,
        .inputs = item_inputs, .summary = "The files of a proposal or record as CSV."},
    {HTTP_POST, "/staff/records/disposals/{id}/{verb}", decide, PERM,
        .template = "procedure/disposal", .summary = "Decide on a proposal.", .words = decide_words,
        .rate = RATE_WRITE},
};

static const struct perm perms[] = {
    {"application.dispose", "disposal.perm.dispose"},
    {"application.dispose_approve", "disposal.perm.approve"},
};

static const struct menu_item menu[] = {
    {"disposal.menu", "/staff/records", "application.dispose", "staff", 35},
};

static const struct job_kind jobs[] = {
    {.name = "application.dispose", .max_tries = 20, .retry_ms = 60000, .run = disposal_run},
};

static const struct journal_verifier *const verifiers[] = {
    &disposal_verifier, &disposal_item_verifier};

const struct module disposal_pages = {
    .name = "procedure.disposal",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
    .perms = perms,
    .nperms = COUNT(perms),
    .menu = menu,
    .nmenu = COUNT(menu),
    .jobs = jobs,
    .njobs = COUNT(jobs),
    .statements = disposal_statements,
    .nstatements = DISPOSAL_SQL_COUNT,
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
};
