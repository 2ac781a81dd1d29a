/* Export of applications as CSV (streamed) and XLSX, for staff with application.export. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xlsxwriter.h>

#include "base/csv.h"
#include "base/time.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"

enum { EXPORT_STEP = 200, XLSX_ROWS_MAX = 100000 };

/* The columns; the answers follow as label/value pairs when one procedure is exported. */
static const char *const heads[] = {"receipt_number", "serial", "procedure", "state", "applicant",
    "applicant_kind", "channel", "submitted", "due", "decided", "outcome", "fee_yen", "paid_yen"};

struct export
{
	struct app_filter filter;
	struct app_actor actor;
	struct procedure *procedure; /* NULL: several, no answers */
	int64_t after;
	bool begun;
};

static void cells(struct arena *a, const struct application *app, const char *out[COUNT(heads)])
{
	const char *values[] = {app->receipt_number, app->serial, app->procedure,
	    app_state_name(app->state), app->applicant_name, app->applicant_kind, app->channel,
	    app->submitted_us ? instant_format(a, app->submitted_us) : "", app->due,
	    app->decided_us ? instant_format(a, app->decided_us) : "", app->outcome,
	    arena_printf(a, "%lld", (long long)app->fee_yen),
	    arena_printf(a, "%lld", (long long)app->paid_yen)};
	_Static_assert(COUNT(values) == COUNT(heads), "a value for every column");
	for (size_t i = 0; i < COUNT(heads); i++)
		out[i] = values[i] ? values[i] : "";
}

/* Calls put(arg, name, value) for every answer as people read it, in the form's order. */
static void each_answer(struct request *rq, struct arena *a, const struct procedure *p,
    const struct application *app, void (*put)(void *, const char *name, const char *value),
    void *arg)
{
	struct form_context context = {.lang = rq->lang,
	    .i18n = rq->city->i18n,
	    .today = date_of_us(rq->now_us),
	    .applicant_kind = app->applicant_kind,
	    .fee_yen = app->fee_yen,
	    .outcome = app->outcome};
	json_t *view = form_answers_view(p, a, &context, app->answers), *section, *row;
	size_t i, k;
	json_array_foreach(view, i, section)
	{
		json_array_foreach(json_object_get(section, "rows"), k, row)
		{
			put(arg, json_string_value(json_object_get(row, "label")),
			    json_string_value(json_object_get(row, "text")));
		}
	}
	json_decref(view);
}

static void put_answer(void *arg, const char *name, const char *value)
{
	struct buf *out = arg;
	csv_put(out, false, str_from(name ? name : ""));
	csv_put(out, false, str_from(value ? value : ""));
}

static int csv_step(struct request *rq, void *state, struct buf *out, struct err *err)
{
	struct export *e = state;
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)ERR_STORE;
	if (!e->begun) {
		csv_begin(out);
		for (size_t i = 0; i < COUNT(heads); i++)
			csv_put(out, i == 0, str_from(heads[i]));
		csv_end(out);
		e->begun = true;
	}
	struct arena *a = arena_new();
	struct application **apps;
	int n = app_export_next(
	    db, a, &e->actor, &e->filter, e->after, EXPORT_STEP, &apps, &e->after, err);
	for (int i = 0; i < n; i++) {
		const char *row[COUNT(heads)];
		cells(a, apps[i], row);
		for (size_t c = 0; c < COUNT(heads); c++)
			csv_put(out, c == 0, str_from(row[c]));
		if (e->procedure)
			each_answer(rq, a, e->procedure, apps[i], put_answer, out);
		csv_end(out);
	}
	arena_free(a);
	return n < 0 ? n : n > 0;
}

static struct export *export_new(struct request *rq)
{
	struct export *e = arena_new_of(rq->arena, struct export);
	rq_filter(rq, &e->filter);
	e->actor = rq_app_actor(rq);
	if (e->filter.procedure)
		e->procedure = procedure_find(rq->city, e->filter.procedure);
	if (e->procedure)
		procedure_on_arena(rq->arena, e->procedure);
	return e;
}

static int export_note(struct request *rq, struct db *db, struct err *err)
{
	struct export *e = rq_data(rq);
	json_t *data =
	    json_pack("{s:s, s:s?, s:s}", "format", strstr(rq->path, ".csv") ? "csv" : "xlsx",
	        "procedure", e->filter.procedure, "query", rq->url);
	struct journal_change change = {.actor = rq->actor.id,
	    .verb = "application.exported",
	    .subject = rq->actor.id,
	    .data = data};
	int rc = journal_add(db, &change, NULL, err);
	json_decref(data);
	if (rc < 0)
		return rc;
	return strstr(rq->path, ".csv")
	           ? rq_stream(rq, "text/csv; charset=utf-8", "applications.csv", csv_step, e)
	           : 0;
}

static int export_csv(struct request *rq, struct err *err)
{
	(void)err;
	rq_set_data(rq, export_new(rq));
	return rq_write(rq, export_note);
}

/* --- XLSX: written to a temporary file in constant memory, then sent --- */

static int xlsx_rows(struct request *rq, struct export *e, lxw_worksheet *sheet, struct err *err)
{
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)ERR_STORE;
	lxw_row_t line = 0;
	for (size_t c = 0; c < COUNT(heads); c++)
		worksheet_write_string(sheet, line, (lxw_col_t)c, heads[c], NULL);
	for (int n = 1; n > 0;) {
		struct arena *a = arena_new();
		struct application **apps;
		n = app_export_next(
		    db, a, &e->actor, &e->filter, e->after, EXPORT_STEP, &apps, &e->after, err);
		bool full = n > 0 && (int)line + n > XLSX_ROWS_MAX;
		for (int i = 0; i < n && !full; i++) {
			const char *row[COUNT(heads)];
			cells(a, apps[i], row);
			line++;
			for (size_t c = 0; c < COUNT(heads) - 2; c++)
				worksheet_write_string(sheet, line, (lxw_col_t)c, row[c], NULL);
			worksheet_write_number(
			    sheet, line, COUNT(heads) - 2, (double)apps[i]->fee_yen, NULL);
			worksheet_write_number(
			    sheet, line, COUNT(heads) - 1, (double)apps[i]->paid_yen, NULL);
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
	lxw_worksheet *sheet = workbook_add_worksheet(book, "applications");
	worksheet_freeze_panes(sheet, 1, 0);
	int rc = xlsx_rows(rq, e, sheet, err);
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
	int rc = xlsx_make(rq, err);
	return rc < 0 ? rc : rq_write(rq, export_note);
}

static int export_xlsx(struct request *rq, struct err *err)
{
	(void)err;
	rq_set_data(rq, export_new(rq));
	return rq_defer(rq, xlsx_write);
}

static const struct route routes[] = {
    {HTTP_GET, "/staff/export.csv", export_csv, .perm = "application.export",
        .summary = "Applications of a filter as CSV.", .inputs = filter_inputs, .flags = ROUTE_RAW},
    {HTTP_GET, "/staff/export.xlsx", export_xlsx, .perm = "application.export",
        .summary = "Applications of a filter as XLSX.", .inputs = filter_inputs,
        .flags = ROUTE_RAW},
};
const struct module export_pages = {
    .name = "procedure.export",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
