/* The inventory for staff: every procedure, online or not, its volume and priority; CSV in and out.
 */
#include <string.h>
#include <unistd.h>

#include "procedure/inventory.h"
#include "procedure/pages/columns.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"

enum { IMPORT_MAX = 8 * 1024 * 1024 };

/* "moving;tax": as the import takes them. */
static const char *joined(struct request *rq, const json_t *def)
{
	const char *out = "";
	size_t i;
	json_t *one;
	json_array_foreach(json_object_get(def, "life_events"), i, one)
	{
		out = arena_printf(rq->arena, "%s%s%s", out, i ? ";" : "", json_string_value(one));
	}
	return out;
}

/* One row of the page and of the export. */
static json_t *row_of_definition(struct request *rq, const struct procedure *p)
{
	const json_t *def = procedure_json(p),
	             *law = json_array_get(json_object_get(def, "law"), 0);
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:I, s:b, s:s, s:s}", "id",
	    procedure_id(p), "title_ja", procedure_text(p, "title", "ja"), "title_en",
	    procedure_text(p, "title", "en"), "department",
	    json_string_value(json_object_get(def, "department")), "law",
	    json_string_value(json_object_get(law, "name")), "article",
	    json_string_value(json_object_get(law, "article")), "yearly_volume",
	    json_integer_value(json_object_get(def, "yearly_volume")), "online",
	    (int)procedure_online(p), "priority", "", "life_events", joined(rq, def));
}

static json_t *row_of_entry(const struct inventory_entry *e)
{
	return json_pack(
	    "{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:I, s:b, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, "
	    "s:s?}",
	    "id", e->id, "title_ja", e->title_ja, "title_en", e->title_en, "department",
	    e->department, "law", e->law, "article", e->article, "yearly_volume",
	    (json_int_t)e->yearly_volume, "online", 0, "priority", e->priority, "attachments",
	    e->attachments, "life_events", e->life_events, "where_ja", e->where_ja, "where_en",
	    e->where_en, "how_ja", e->how_ja, "how_en", e->how_en);
}

/* Definitions first, then entries that have no definition. */
static int all_rows(struct request *rq, json_t **out, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct inventory_entry *entries;
	int n = db ? inventory_all(db, rq->arena, &entries, err) : -(int)ERR_STORE;
	if (n < 0)
		return n;
	struct procedure_list *list = procedures_of(rq->city, rq->arena);
	*out = json_array();
	for (int i = 0; i < list->n; i++)
		json_array_append_new(*out, row_of_definition(rq, list->items[i]));
	for (int i = 0; i < n; i++) {
		struct procedure *p = procedure_find(rq->city, entries[i].id);
		if (!p)
			json_array_append_new(*out, row_of_entry(&entries[i]));
		procedure_unref(p);
	}
	return 0;
}

static int show(struct request *rq, struct err *err)
{
	json_t *rows, *row, *kept = json_array();
	int rc = all_rows(rq, &rows, err);
	if (rc < 0) {
		json_decref(kept);
		return rc;
	}
	const char *only = rq_query(rq, "show");
	int64_t total = 0, online = 0;
	size_t i;
	json_array_foreach(rows, i, row)
	{
		int64_t volume = json_integer_value(json_object_get(row, "yearly_volume"));
		bool is_online = json_is_true(json_object_get(row, "online"));
		total += volume;
		online += is_online ? volume : 0;
		const char *priority = json_string_value(json_object_get(row, "priority"));
		json_object_set_new(row, "title",
		    json_string(json_string_value(
		        json_object_get(row, text_eq(rq->lang, "ja") ? "title_ja" : "title_en"))));
		if (!only || !only[0] || (text_eq(only, "online") && is_online) ||
		    (text_eq(only, "offline") && !is_online) || text_eq(only, priority))
			json_array_append(kept, row);
	}
	json_object_set_new(rq->view, "count", json_integer((json_int_t)json_array_size(kept)));
	json_object_set_new(rq->view, "rows", kept);
	json_object_set_new(rq->view, "volume", json_integer(total));
	json_object_set_new(
	    rq->view, "online_percent", json_integer(total ? online * 100 / total : 0));
	json_decref(rows);
	json_t *filters = json_array();
	static const char *const names[] = {"", "online", "offline", "A", "B", "C"};
	for (size_t k = 0; k < COUNT(names); k++)
		json_array_append_new(
		    filters, json_pack("{s:s, s:s, s:b}", "href",
		                 rq_href(rq, "/staff/procedures?show=%s", names[k]), "label",
		                 rq_tr(rq, arena_printf(rq->arena, "inventory.show.%s",
		                               names[k][0] ? names[k] : "all")),
		                 "current", (int)text_eq(only ? only : "", names[k])));
	json_object_set_new(rq->view, "filters", filters);
	json_object_set_new(
	    rq->view, "may_import", json_boolean(rq_allows(rq, "procedure.manage")));
	rq_title(rq, "inventory.title");
	return 0;
}

/* Those that the import takes, and whether there is a form. */
#define TEXT(name)                                                                                 \
	{                                                                                          \
#name, "inventory.col." #name, COLUMN_TEXT                                         \
	}
static const struct column export_columns[] = {
    TEXT(id),
    TEXT(title_ja),
    TEXT(title_en),
    TEXT(department),
    TEXT(life_events),
    TEXT(law),
    TEXT(article),
    {"yearly_volume", "inventory.col.yearly_volume", COLUMN_NUMBER},
    TEXT(attachments),
    TEXT(where_ja),
    TEXT(where_en),
    TEXT(how_ja),
    TEXT(how_en),
    TEXT(priority),
    {"online", "inventory.col.online", COLUMN_YES_NO},
};

/* "moving;tax" with the events' titles instead. */
static const char *event_titles(struct request *rq, const char *keys)
{
	const struct life_event *events;
	int n = procedure_life_events(&events);
	struct str rest = str_from(keys ? keys : ""), one;
	struct buf out;
	buf_init(&out, rq->arena);
	while (str_cut(&rest, ';', &one)) {
		for (int i = 0; i < n; i++)
			if (str_is(one, events[i].key))
				one =
				    str_from(text_eq(rq->lang, "en") ? events[i].en : events[i].ja);
		buf_printf(&out, "%s%.*s", out.n ? ";" : "", (int)one.n, one.p);
	}
	return out.n ? out.p : "";
}

static int export_csv(struct request *rq, struct err *err)
{
	json_t *rows, *row;
	int rc = all_rows(rq, &rows, err);
	if (rc < 0)
		return rc;
	struct columns *columns = columns_new(rq, export_columns, COUNT(export_columns));
	struct buf b;
	buf_init(&b, rq->arena);
	columns_csv_begin(columns, &b);
	size_t i;
	json_array_foreach(rows, i, row)
	{
		const char *keys = json_string_value(json_object_get(row, "life_events"));
		if (!columns->named)
			json_object_set_new(
			    row, "life_events", json_string(event_titles(rq, keys)));
		columns_csv_row(columns, rq->arena, &b, row);
	}
	json_decref(rows);
	return rq_send(rq, "text/csv; charset=utf-8", buf_to_str(&b), "procedures.csv");
}

struct import_post {
	struct str csv;
	struct inventory_report report;
};

static int import_write(struct request *rq, struct db *db, struct err *err)
{
	struct import_post *im = rq_data(rq);
	int rc = inventory_import(
	    db, rq->arena, rq->city->i18n, im->csv, rq->actor.id, false, &im->report, err);
	if (rc < 0)
		return rc;
	catalogue_recount(rq->city);
	rq_flash(rq, "success", "inventory.imported",
	    json_pack("{s:i, s:i}", "added", im->report.added, "changed", im->report.changed));
	return rq_redirect(rq, "/staff/procedures");
}

static int import_failed(struct request *rq, struct err *err)
{
	struct import_post *im = rq_data(rq);
	if (err->kind != ERR_INPUT)
		return -(int)err->kind;
	struct err was = *err;
	json_t *p;
	size_t i;
	json_array_foreach(im->report.problems, i, p)
	{
		rq_problem(rq, "file",
		    arena_strdup(rq->arena, json_string_value(json_object_get(p, "key"))),
		    json_pack("{s:O, s:O}", "line", json_object_get(p, "line"), "column",
		        json_object_get(p, "column")));
	}
	if (!rq_has_problems(rq))
		rq_problem(rq, "file", was.msg ? was.msg : "inventory.problem.no_file", NULL);
	rq->template = "procedure/inventory";
	return show(rq, err);
}

static int import(struct request *rq, struct err *err)
{
	struct import_post *im = arena_new_of(rq->arena, struct import_post);
	const struct upload *u = rq_upload(rq, "file", 0);
	rq_set_data(rq, im);
	if (!u || u->size == 0) {
		rq_problem(rq, "file", "inventory.problem.no_file", NULL);
		rq->template = "procedure/inventory";
		return show(rq, err);
	}
	if (u->size > IMPORT_MAX)
		return err_field(
		    err, ERR_TOO_LARGE, "file", NULL, "%lld bytes", (long long)u->size);
	char *bytes = arena_alloc(rq->arena, (size_t)u->size + 1);
	ssize_t got = pread(u->fd, bytes, (size_t)u->size, 0);
	if (got != u->size)
		return err_set(err, ERR_IO, NULL, "upload cannot be read");
	im->csv = (struct str){bytes, (size_t)got};
	return rq_write_or(rq, import_write, import_failed);
}

static const struct input export_inputs[] = {
    COLUMNS_INPUT,
    {NULL, NULL, false, 0},
};

static const struct route routes[] = {
    {HTTP_GET, "/staff/procedures", show, .perm = "staff", .template = "procedure/inventory",
        .summary = "Inventory of all procedures with volume and priority for going online."},
    {HTTP_GET, "/staff/procedures.csv", export_csv, .perm = "staff", .inputs = export_inputs,
        .summary = "The inventory as CSV.", .flags = ROUTE_RAW},
    {HTTP_POST, "/staff/procedures/import", import, .perm = "procedure.manage",
        .template = "procedure/inventory", .summary = "Import the inventory from CSV.",
        .rate = RATE_WRITE, .flags = ROUTE_UPLOAD},
};
const struct module inventory_pages = {
    .name = "procedure.inventory",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
    .statements = inventory_statements,
    .nstatements = INVENTORY_STATEMENT_COUNT,
};
