/* Export of applications as CSV (streamed) and XLSX, for staff with application.export. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "identity/identity.h"
#include "procedure/export/bulk.h"
#include "procedure/pages/columns.h"
#include "procedure/pages/export.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"

enum { EXPORT_STEP = 200, XLSX_ROWS_MAX = 100000 };

static const struct column common[] = {
    {"receipt_number", "application.number", COLUMN_TEXT},
    {"serial", "staff.col.serial", COLUMN_TEXT},
    {"procedure", NULL, COLUMN_TEXT},
    {"title", "staff.col.procedure", COLUMN_TEXT},
    {"department_name", "staff.filter.department", COLUMN_TEXT},
    {"assignee_name", "staff.col.assignee", COLUMN_TEXT},
    {"state", "staff.col.state", COLUMN_CODE, "application.state"},
    {"applicant", "staff.col.applicant", COLUMN_TEXT},
    {"applicant_kind", "export.col.applicant_kind", COLUMN_CODE, "application.applicant"},
    {"channel", "export.col.channel", COLUMN_CODE, "application.channel"},
    {"submitted", "staff.col.submitted", COLUMN_INSTANT},
    {"due", "application.due", COLUMN_DAY},
    {"decided", "export.col.decided", COLUMN_INSTANT},
    {"outcome", "application.outcome", COLUMN_CODE, "application.outcome"},
    {"fee_yen", "export.col.fee", COLUMN_NUMBER},
    {"paid_yen", "export.col.paid", COLUMN_NUMBER},
};
static const struct column earlier = {"earlier_answers", "export.col.earlier", COLUMN_TEXT};

struct export
{
	struct app_filter filter;
	struct app_actor actor;
	struct procedure *procedure; /* NULL: several, no answers */
	struct columns *columns;
	json_t *questions; /* form_columns(), once more for its names */
	json_t *names;     /* of departments and staff, as far as they were met */
	int64_t after;
	bool begun;
	int64_t people;          /* as counted before */
	const struct bulk *bulk; /* approved, with its mark in each row; NULL: few people */
};

static const char *name_of(
    struct request *rq, struct export *e, struct db *db, bool staff, int64_t id)
{
	struct err err;
	char key[32];
	if (!id)
		return NULL;
	(void)snprintf(key, sizeof(key), "%c%lld", staff ? 's' : 'd', (long long)id);
	const char *known = json_string_value(json_object_get(e->names, key));
	if (known)
		return known;
	struct arena *a = rq->arena;
	json_object_set_new(e->names, key,
	    json_string(staff ? staff_name(db, a, id, &err)
	                      : department_name_in(db, a, id, rq->lang, &err)));
	return json_string_value(json_object_get(e->names, key));
}

static json_t *row_of(
    struct request *rq, struct export *e, struct db *db, const struct application *app)
{
	struct procedure *p =
	    e->procedure ? procedure_ref(e->procedure) : procedure_find(rq->city, app->procedure);
	json_t *row = json_pack("{s:s?, s:s?, s:s, s:s?, s:s?, s:s?, s:s, s:s?, s:s?, s:s?, s:I, "
	                        "s:s?, s:I, s:s?, s:I, s:I}",
	    "receipt_number", app->receipt_number, "serial", app->serial, "procedure",
	    app->procedure, "title", p ? procedure_text(p, "title", rq->lang) : app->procedure,
	    "department_name", name_of(rq, e, db, false, app->department), "assignee_name",
	    name_of(rq, e, db, true, app->assignee), "state", app_state_name(app->state),
	    "applicant", app->applicant_name, "applicant_kind", app->applicant_kind, "channel",
	    app->channel, "submitted", (json_int_t)app->submitted_us, "due", app->due, "decided",
	    (json_int_t)app->decided_us, "outcome", app->outcome, "fee_yen",
	    (json_int_t)app->fee_yen, "paid_yen", (json_int_t)app->paid_yen);
	procedure_unref(p);
	if (e->bulk)
		json_object_set_new(row, "export_mark", json_string(e->bulk->mark));
	return row;
}

static bool is_question(const struct export *e, const char *name)
{
	size_t i;
	json_t *q;
	json_array_foreach(e->questions, i, q)
	{
		if (text_eq(json_string_value(json_object_get(q, "name")), name))
			return true;
	}
	return false;
}

/* Answers to questions of the application's own version that the present form has no more. */
static const char *earlier_answers(const struct export *e, struct arena *a,
    const struct procedure *p, const struct form_context *context, json_t *answers)
{
	json_t *questions = form_columns(p, context->lang), *q;
	struct buf out;
	size_t i;
	buf_init(&out, a);
	json_array_foreach(questions, i, q)
	{
		const char *name = json_string_value(json_object_get(q, "name"));
		json_t *row =
		    is_question(e, name) ? NULL : form_answer_row(p, a, context, answers, name);
		const char *text = json_string_value(json_object_get(row, "text"));
		if (text && text[0])
			buf_printf(&out, "%s%s：%s", out.n ? "\n" : "",
			    json_string_value(json_object_get(row, "label")), text);
		json_decref(row);
	}
	json_decref(questions);
	return out.n ? out.p : NULL;
}

/* An application made under an earlier version is read by that. */
static int add_answers(struct request *rq, struct export *e, struct db *db, struct arena *a,
    const struct application *app, json_t *row, struct err *err)
{
	struct form_context context = {.lang = rq->lang,
	    .i18n = rq->city->i18n,
	    .today = date_of_us(rq->now_us),
	    .applicant_kind = app->applicant_kind,
	    .fee_yen = app->fee_yen,
	    .outcome = app->outcome,
	    .hides = app_hides(db, e->actor.person, app)};
	struct procedure *p;
	int rc = procedure_find_version(rq->city, db, app->procedure, app->version, &p, err);
	if (rc < 0)
		return rc;
	size_t i;
	json_t *q;
	json_array_foreach(e->questions, i, q)
	{
		const char *name = json_string_value(json_object_get(q, "name"));
		json_t *cell = form_cell(p, a, &context, app->answers, name, e->columns->named);
		if (cell)
			json_object_set_new(row, name, cell);
	}
	if (!text_eq(procedure_version(p), procedure_version(e->procedure))) {
		const char *text = earlier_answers(e, a, p, &context, app->answers);
		if (text)
			json_object_set_new(row, earlier.name, json_string(text));
	}
	procedure_unref(p);
	return 0;
}

/* The next applications, as rows on an arena; 0 at the end. */
static int next_rows(
    struct request *rq, struct export *e, struct arena *a, json_t **rows, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct application **apps;
	int n = db ? app_export_next(
	                 db, a, &e->actor, &e->filter, e->after, EXPORT_STEP, &apps, &e->after, err)
	           : -(int)ERR_STORE;
	*rows = json_on_arena(a, json_array());
	for (int i = 0; i < n; i++) {
		json_t *row = row_of(rq, e, db, apps[i]);
		json_array_append_new(*rows, row);
		int rc = e->procedure ? add_answers(rq, e, db, a, apps[i], row, err) : 0;
		if (rc < 0)
			return rc;
	}
	return n;
}

static int csv_step(struct request *rq, void *state, struct buf *out, struct err *err)
{
	struct export *e = state;
	struct arena *a = arena_new();
	json_t *rows, *row;
	size_t i;
	if (!e->begun)
		columns_csv_begin(e->columns, out);
	e->begun = true;
	int n = next_rows(rq, e, a, &rows, err);
	json_array_foreach(n > 0 ? rows : NULL, i, row)
	{
		columns_csv_row(e->columns, a, out, row);
	}
	arena_free(a);
	return n < 0 ? n : n > 0;
}

/* A label that two questions have is told by its section, too. */
static const char *label_of(struct request *rq, const json_t *questions, const json_t *q)
{
	const char *label = json_string_value(json_object_get(q, "label")),
	           *section = json_string_value(json_object_get(q, "section"));
	int same = 0;
	size_t i;
	json_t *other;
	json_array_foreach(questions, i, other)
	{
		same += text_eq(json_string_value(json_object_get(other, "label")), label);
	}
	return same > 1 && section
	           ? arena_printf(
	                 rq->arena, text_eq(rq->lang, "ja") ? "%s：%s" : "%s: %s", section, label)
	           : label;
}

static void add_questions(struct request *rq, struct export *e)
{
	size_t i;
	json_t *q;
	e->questions = json_on_arena(rq->arena, form_columns(e->procedure, rq->lang));
	json_array_foreach(e->questions, i, q)
	{
		const char *type = json_string_value(json_object_get(q, "type"));
		bool repeats = json_is_true(json_object_get(q, "repeats"));
		columns_add(e->columns,
		    &(struct column){.name = json_string_value(json_object_get(q, "name")),
		        .kind = repeats                                             ? COLUMN_TEXT
		                : text_eq(type, "date")                             ? COLUMN_DAY
		                : text_eq(type, "number") || text_eq(type, "money") ? COLUMN_NUMBER
		                                                                    : COLUMN_TEXT,
		        .label = label_of(rq, e->questions, q)});
	}
	columns_add(e->columns, &earlier);
}

static struct export *export_new(struct request *rq)
{
	struct export *e = arena_new_of(rq->arena, struct export);
	rq_filter(rq, &e->filter);
	e->actor = rq_app_actor(rq);
	e->columns = columns_new(rq, common, COUNT(common));
	e->names = json_on_arena(rq->arena, json_object());
	if (e->filter.procedure)
		e->procedure = procedure_find(rq->city, e->filter.procedure);
	if (e->procedure) {
		procedure_on_arena(rq->arena, e->procedure);
		add_questions(rq, e);
	}
	return e;
}

/* --- how many, and who may --- */

int64_t export_limit(const struct request *rq)
{
	int64_t limit = city_setting_i64(rq->city, "export.people", 100);
	return limit > 0 ? limit : INT64_MAX;
}

static int count_people(
    struct request *rq, const struct export *e, int64_t most, int64_t *people, struct err *err)
{
	struct db *db = rq_db(rq, err);
	int64_t after = 0;
	int n = db ? 1 : -(int)ERR_STORE;
	for (*people = 0; n > 0 && *people <= most; *people += n > 0 ? n : 0) {
		struct arena *a = arena_new();
		struct application **apps;
		n = app_export_next(
		    db, a, &e->actor, &e->filter, after, EXPORT_STEP, &apps, &after, err);
		arena_free(a);
	}
	return n < 0 ? n : 0;
}

int export_people(struct request *rq, int64_t most, int64_t *people, struct err *err)
{
	return count_people(rq, export_new(rq), most, people, err);
}

/* The mark's column says in its heading who took the file, when and for what. */
static void add_mark(struct request *rq, struct export *e, struct err *err)
{
	const struct bulk *b = e->bulk;
	const char *who = staff_name(rq_db(rq, err), rq->arena, b->staff, err);
	columns_add(
	    e->columns, &(struct column){.name = "export_mark",
	                    .kind = COLUMN_TEXT,
	                    .label = arena_printf(rq->arena, "%s %s / %s / %s / %s",
	                        rq_tr(rq, "export.mark"), b->mark, who ? who : "",
	                        instant_text(rq->arena, rq->now_us, rq->lang), b->purpose)});
}

static const char *query_of(const struct request *rq)
{
	const char *search = strchr(rq->url, '?');
	return search ? search + 1 : "";
}

/* What is to be exported: by the address /staff/exports/{id}.csv what was approved under that
 * number, else the list of the query when it has few people. 1: go on; 0: the answer is that it
 * must be asked for; <0. */
static int export_begin(struct request *rq, struct export **out, struct err *err)
{
	struct export *e = export_new(rq);
	struct db *db = rq_db(rq, err);
	int64_t id = rq_param(rq, "id") ? rq_param_i64(rq, "id") : 0;
	struct bulk *b = arena_new_of(rq->arena, struct bulk);
	int rc = !db ? -(int)ERR_STORE : id ? bulk_get(db, rq->arena, id, b, err) : 0;
	*out = e;
	if (rc < 0)
		return rc;
	if (id) {
		/* Only who asked, and only what was asked for. */
		if (rc == 0 || b->staff != rq->actor.person || strcmp(b->query, query_of(rq)) != 0)
			return err_set(err, ERR_MISSING, NULL, "no export %lld", (long long)id);
		e->bulk = b;
		e->people = b->people;
		add_mark(rq, e, err);
		return 1;
	}
	rc = count_people(rq, e, export_limit(rq), &e->people, err);
	if (rc < 0 || e->people <= export_limit(rq))
		return rc < 0 ? rc : 1;
	if (rq->wants_json)
		rq->status = 403;
	return rq_redirect(rq, "/staff/exports/new?%s%sformat=%s", query_of(rq),
	    query_of(rq)[0] ? "&" : "", strstr(rq->path, ".csv") ? "csv" : "xlsx");
}

static int export_note(struct request *rq, struct db *db, struct err *err)
{
	struct export *e = rq_data(rq);
	bool csv = strstr(rq->path, ".csv") != NULL;
	json_t *data = json_pack("{s:s, s:s?, s:s, s:I}", "format", csv ? "csv" : "xlsx",
	    "procedure", e->filter.procedure, "query", rq->url, "people", (json_int_t)e->people);
	struct journal_change change = {.actor = rq->actor.id,
	    .verb = "application.exported",
	    .subject = rq->actor.id,
	    .data = data};
	int rc = journal_add(db, &change, NULL, err);
	json_decref(data);
	if (rc == 0 && e->bulk)
		rc = bulk_fetched(db, rq->actor.id, e->bulk, err);
	if (rc == 0)
		rc = trail_add_of(rq, db,
		    &(struct reading){.kind = TRAIL_EXPORT,
		        .department = e->filter.department > 0 ? e->filter.department : 0,
		        .subject =
		            e->bulk ? arena_printf(rq->arena, "export:%s", e->bulk->mark) : NULL,
		        .procedure = e->filter.procedure,
		        .count = e->people,
		        .reason = e->bulk ? e->bulk->purpose : NULL,
		        .detail = rq->url},
		    err);
	if (rc < 0)
		return rc;
	return csv ? rq_stream(rq, "text/csv; charset=utf-8", "applications.csv", csv_step, e) : 0;
}

static int csv_counted(struct request *rq, struct err *err)
{
	struct export *e;
	int rc = export_begin(rq, &e, err);
	rq_set_data(rq, e);
	return rc <= 0 ? rc : rq_write(rq, export_note);
}

static int export_csv(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, csv_counted);
}

/* --- XLSX: written to a temporary file in constant memory, then sent --- */

static int xlsx_rows(struct request *rq, struct export *e, lxw_workbook *book, struct err *err)
{
	struct columns_sheet sheet;
	columns_sheet_begin(e->columns, &sheet, book);
	for (int n = 1; n > 0;) {
		struct arena *a = arena_new();
		json_t *rows, *row;
		size_t i;
		n = next_rows(rq, e, a, &rows, err);
		bool full = n > 0 && (int)sheet.line + n > XLSX_ROWS_MAX;
		json_array_foreach(n > 0 && !full ? rows : NULL, i, row)
		{
			columns_sheet_row(e->columns, a, &sheet, row);
		}
		arena_free(a);
		if (n < 0)
			return n;
		if (full)
			return err_set(err, ERR_TOO_LARGE, "staff.export.too_many",
			    "more than %d rows", XLSX_ROWS_MAX);
	}
	return 0;
}

static int xlsx_make(struct request *rq, struct err *err)
{
	struct export *e = rq_data(rq);
	const char *dir = getenv("TMPDIR");
	dir = dir && dir[0] ? dir : "/tmp";
	char *path = arena_printf(rq->arena, "%s/machi-export-XXXXXX", dir);
	int fd = mkstemp(path);
	if (fd < 0)
		return err_set(err, ERR_IO, NULL, "no temporary file in %s", dir);
	lxw_workbook_options options = {.constant_memory = LXW_TRUE, .tmpdir = (char *)dir};
	lxw_workbook *book = workbook_new_opt(path, &options);
	if (e->bulk)
		workbook_set_properties(book, &(lxw_doc_properties){.title = (char *)e->bulk->mark,
		                                  .author = (char *)rq->actor.name,
		                                  .comments = (char *)e->bulk->purpose});
	int rc = xlsx_rows(rq, e, book, err);
	lxw_error closed = workbook_close(book);
	if (rc == 0 && closed != LXW_NO_ERROR)
		rc = err_set(err, ERR_IO, NULL, "xlsx: %s", lxw_strerror(closed));
	off_t size = rc == 0 ? lseek(fd, 0, SEEK_END) : -1;
	char *bytes = size >= 0 ? arena_alloc(rq->arena, (size_t)size + 1) : NULL;
	/* libxlsxwriter writes the path anew; the descriptor still names the same file. */
	if (rc == 0 && (size < 0 || pread(fd, bytes, (size_t)size, 0) != size))
		rc = err_set(err, ERR_IO, NULL, "%s: cannot be read", path);
	(void)unlink(path); /* it is ours */
	(void)close(fd);    /* only read from */
	if (rc < 0)
		return rc;
	rq_set_data(rq, e);
	return rq_send(rq, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	    (struct str){bytes, (size_t)size}, "applications.xlsx");
}

static int xlsx_write(struct request *rq, struct err *err)
{
	struct export *e;
	int rc = export_begin(rq, &e, err);
	rq_set_data(rq, e);
	if (rc <= 0 || (rc = xlsx_make(rq, err)) < 0)
		return rc;
	return rq_write(rq, export_note);
}

static int export_xlsx(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, xlsx_write);
}

static const struct input export_inputs[] = {
    FILTER_INPUTS,
    COLUMNS_INPUT,
    {NULL, NULL, false, 0},
};
static const struct route routes[] = {
    {HTTP_GET, "/staff/export.csv", export_csv, .perm = "application.export",
        .summary = "Applications of a filter as CSV.", .inputs = export_inputs, .rate = RATE_HEAVY,
        .flags = ROUTE_RAW},
    {HTTP_GET, "/staff/export.xlsx", export_xlsx, .perm = "application.export",
        .summary = "Applications of a filter as XLSX.", .inputs = export_inputs, .rate = RATE_HEAVY,
        .flags = ROUTE_RAW},
    {HTTP_GET, "/staff/exports/{id}.csv", export_csv, .perm = "application.export",
        .summary = "The approved export of many people as CSV, once.", .inputs = export_inputs,
        .rate = RATE_HEAVY, .flags = ROUTE_RAW},
    {HTTP_GET, "/staff/exports/{id}.xlsx", export_xlsx, .perm = "application.export",
        .summary = "The same as XLSX.", .inputs = export_inputs, .rate = RATE_HEAVY,
        .flags = ROUTE_RAW},
};
static const struct journal_verifier *const verifiers[] = {&bulk_verifier};

const struct module export_pages = {
    .name = "procedure.export",
    .slot = -1,
    .statements = bulk_statements,
    .nstatements = BULK_STATEMENTS,
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
    .routes = routes,
    .nroutes = COUNT(routes),
};
