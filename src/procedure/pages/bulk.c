/* /staff/exports: asking for, approving and identifying exports of many people. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/time.h"
#include "identity/identity.h"
#include "main/cli.h"
#include "notice/notice.h"
#include "procedure/export/bulk.h"
#include "procedure/pages/export.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"

enum { TEXT_MAX = 500 };

static const char *typed(struct request *rq, const char *name)
{
	const char *text = rq_form(rq, name);
	return text ? str_dup(rq->arena, str_trim(str_from(text))) : "";
}

static json_t *text_field(struct request *rq, const char *name, const char *label, const char *help)
{
	return json_pack("{s:s, s:s, s:s, s:s*, s:b, s:b, s:i, s:i, s:s, s:s*}", "id", name, "name",
	    name, "label", rq_tr(rq, label), "help", help ? rq_tr(rq, help) : NULL, "is_text", 1,
	    "required", 1, "rows", 3, "max", TEXT_MAX, "value", typed(rq, name), "problem",
	    rq_problem_at(rq, name));
}

static void crumb(struct request *rq)
{
	rq_crumb(rq, rq_tr(rq, "export.bulk.title"), rq_href(rq, "/staff/exports"));
}

/* May the member of staff approve what another asked for: has the right in every department that
 * the other exports from. */
static int may_approve(
    struct request *rq, struct db *db, const struct bulk *b, int64_t staff, struct err *err)
{
	int64_t *departments;
	if (staff == b->staff)
		return 0;
	int n = staff_departments(db, rq->arena, b->staff, "application.export", &departments, err);
	for (int i = 0; i < n; i++)
		if (!staff_may(db, staff, "application.export", departments[i]))
			return 0;
	return n < 0 ? n : n > 0;
}

static bool ready(const struct request *rq, const struct bulk *b)
{
	return text_eq(b->state, "approved") && b->until_us > rq->now_us &&
	       b->staff == rq->actor.person;
}

static json_t *bulk_view(struct request *rq, struct db *db, const struct bulk *b, struct err *err)
{
	struct arena *a = rq->arena;
	bool over = text_eq(b->state, "approved") && b->until_us <= rq->now_us;
	const char *state = over ? "over" : b->state;
	struct procedure *p = b->procedure ? procedure_find(rq->city, b->procedure) : NULL;
	json_t *v = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:I, s:s*, s:o}", "id",
	    (json_int_t)b->id, "mark", b->mark, "state", state, "state_text",
	    rq_tr(rq, arena_printf(a, "export.bulk.state.%s", state)), "staff_name",
	    staff_name(db, a, b->staff, err), "format", b->format, "query", b->query, "people",
	    (json_int_t)b->people, "purpose", b->purpose, "asked", (json_int_t)b->asked_us,
	    "procedure_title", p ? procedure_text(p, "title", rq->lang) : NULL, "href",
	    json_string(rq_href(rq, "/staff/exports/%" PRId64, b->id)));
	procedure_unref(p);
	json_object_set_new(v, "fields",
	    json_string(rq_tr(
	        rq, b->procedure ? "export.bulk.fields.answers" : "export.bulk.fields.list")));
	if (b->from)
		json_object_set_new(v, "from", json_string(b->from));
	if (b->until)
		json_object_set_new(v, "until", json_string(b->until));
	if (b->comment)
		json_object_set_new(v, "comment", json_string(b->comment));
	if (b->decided_by) {
		json_object_set_new(
		    v, "decided_name", json_string(staff_name(db, a, b->decided_by, err)));
		json_object_set_new(v, "decided", json_integer((json_int_t)b->decided_us));
	}
	if (b->fetched_us)
		json_object_set_new(v, "fetched", json_integer((json_int_t)b->fetched_us));
	if (ready(rq, b)) {
		json_object_set_new(v, "file",
		    json_string(rq_href(
		        rq, "/staff/exports/%" PRId64 ".%s?%s", b->id, b->format, b->query)));
		json_object_set_new(v, "file_until", json_integer((json_int_t)b->until_us));
	}
	return v;
}

/* --- the list --- */

static int list(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct bulk *own, *waiting;
	int n = db ? bulk_of(db, rq->arena, rq->actor.person, &own, err) : -(int)ERR_STORE;
	int w = n < 0 ? n : bulk_waiting(db, rq->arena, &waiting, err);
	if (w < 0)
		return w;
	json_t *mine = json_array(), *ask = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(mine, bulk_view(rq, db, &own[i], err));
	for (int i = 0; i < w; i++)
		if (may_approve(rq, db, &waiting[i], rq->actor.person, err) == 1)
			json_array_append_new(ask, bulk_view(rq, db, &waiting[i], err));
	json_object_set_new(rq->view, "lists",
	    json_pack("[{s:s, s:s, s:b, s:o}, {s:s, s:s, s:b, s:o}]", "id", "ask", "label",
	        rq_tr(rq, "export.bulk.for_me"), "none", (int)(json_array_size(ask) == 0), "rows",
	        ask, "id", "mine", "label", rq_tr(rq, "export.bulk.mine"), "none", (int)(n == 0),
	        "rows", mine));
	json_object_set_new(rq->view, "may_identify", json_boolean(rq_allows(rq, "trail.search")));
	rq_title(rq, "export.bulk.title");
	return 0;
}

/* --- asking --- */

/* The number of people, and what is asked for, of the query that the page was given. */
static int put_request(struct request *rq, struct bulk *b, struct err *err)
{
	int64_t people;
	struct app_filter f;
	const char *search = strchr(rq->url, '?');
	int rc = export_people(rq, INT64_MAX, &people, err);
	if (rc < 0)
		return rc;
	rq_filter(rq, &f);
	*b = (struct bulk){.staff = rq->actor.person,
	    .format = text_eq(rq_query(rq, "format"), "xlsx") ? "xlsx" : "csv",
	    .query = search ? search + 1 : "",
	    .procedure = f.procedure,
	    .from = f.from,
	    .until = f.until,
	    .people = people};
	return 0;
}

static int ask_view(struct request *rq, struct bulk *b, struct err *err)
{
	int rc = put_request(rq, b, err);
	if (rc < 0)
		return rc;
	struct procedure *p = b->procedure ? procedure_find(rq->city, b->procedure) : NULL;
	json_object_set_new(rq->view, "people", json_integer((json_int_t)b->people));
	json_object_set_new(rq->view, "limit", json_integer((json_int_t)export_limit(rq)));
	json_object_set_new(rq->view, "format", json_string(b->format));
	if (p)
		json_object_set_new(
		    rq->view, "procedure_title", json_string(procedure_text(p, "title", rq->lang)));
	procedure_unref(p);
	json_object_set_new(
	    rq->view, "action", json_string(rq_href(rq, "/staff/exports/new?%s", b->query)));
	json_object_set_new(rq->view, "field",
	    text_field(rq, "purpose", "export.bulk.purpose", "export.bulk.purpose_help"));
	rq_title(rq, "export.bulk.ask");
	crumb(rq);
	return 0;
}

static int ask_now(struct request *rq, struct err *err)
{
	struct bulk b;
	return ask_view(rq, &b, err);
}

static int ask_get(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, ask_now); /* it counts */
}

/* Mails a member of staff about an export; view (taken) gets their name and the address of its
 * page. Who has no mail address sees it on /staff/exports. */
static int mail_about(struct request *rq, struct db *db, const struct bulk *b, int64_t staff,
    const char *template, json_t *view, struct err *err)
{
	char *mail, *lang;
	int rc = staff_mail(db, rq->arena, staff, &mail, &lang, err);
	if (rc >= 0 && mail) {
		const char *name = staff_name(db, rq->arena, staff, err);
		json_object_set_new(view, "name", json_string(name ? name : ""));
		json_object_set_new(view, "url",
		    json_sprintf("%s%s/staff/exports/%" PRId64, rq->city->base_url,
		        text_eq(lang, "en") ? "/en" : "", b->id));
		rc = notice_mail(db, mail, lang, template,
		    arena_printf(rq->arena, "export:%" PRId64, b->id), view, err);
	}
	json_decref(view);
	return rc;
}

static int tell_one(
    struct request *rq, struct db *db, const struct bulk *b, int64_t staff, struct err *err)
{
	int rc = may_approve(rq, db, b, staff, err);
	return rc <= 0
	           ? rc
	           : mail_about(rq, db, b, staff, "procedure/staff-export",
	                 json_pack("{s:s, s:I}", "asker", staff_name(db, rq->arena, b->staff, err),
	                     "people", (json_int_t)b->people),
	                 err);
}

/* Whoever may approve is mailed: heads of the section and the division, and who was granted it. */
static int tell(struct request *rq, struct db *db, const struct bulk *b, struct err *err)
{
	static const enum rank ranks[] = {RANK_SECTION, RANK_DIVISION};
	int64_t *departments, *asked[COUNT(ranks)];
	int n[COUNT(ranks)] = {0}, rc;
	struct app_filter f;
	rq_filter(rq, &f);
	rc = staff_departments(db, rq->arena, b->staff, "application.export", &departments, err);
	for (size_t k = 0; k < COUNT(ranks) && rc > 0; k++) {
		int found = staff_to_ask(db, rq->arena, "application.export", ranks[k],
		    f.department > 0 ? f.department : departments[0], &asked[k], err);
		n[k] = found < 0 ? 0 : found;
		rc = found < 0 ? found : rc;
		for (int i = 0; i < n[k] && rc >= 0; i++) {
			bool told = false;
			for (int j = 0; k > 0 && j < n[0]; j++)
				told = told || asked[0][j] == asked[k][i];
			int one = told ? 0 : tell_one(rq, db, b, asked[k][i], err);
			rc = one < 0 ? one : rc;
		}
	}
	return rc < 0 ? rc : 0;
}

static int ask_write(struct request *rq, struct db *db, struct err *err)
{
	struct bulk *b = rq_data(rq);
	int rc = bulk_ask(db, rq->actor.id, b, err);
	if (rc == 0)
		rc = tell(rq, db, b, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "export.bulk.asked", NULL);
	return rq_redirect(rq, "/staff/exports/%" PRId64, b->id);
}

static int ask_checked(struct request *rq, struct err *err)
{
	struct bulk *b = arena_new_of(rq->arena, struct bulk);
	char *mark = arena_alloc(rq->arena, MARK_SIZE);
	if (!typed(rq, "purpose")[0])
		rq_problem(rq, "purpose", "export.bulk.no_purpose", NULL);
	int rc = ask_view(rq, b, err);
	if (rc < 0)
		return rc;
	mark_new(mark);
	b->mark = mark;
	b->purpose = typed(rq, "purpose");
	rq_set_data(rq, b);
	return rq_write(rq, ask_write);
}

static int ask_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, ask_checked);
}

/* --- one --- */

static int load(struct request *rq, struct db *db, struct bulk *b, bool *approver, struct err *err)
{
	int rc = db ? bulk_get(db, rq->arena, rq_param_i64(rq, "id"), b, err) : -(int)ERR_STORE;
	int may = rc > 0 ? may_approve(rq, db, b, rq->actor.person, err) : rc;
	if (may < 0)
		return may;
	*approver = may == 1;
	return rc == 0 || (b->staff != rq->actor.person && !may)
	           ? err_set(err, ERR_MISSING, NULL, "no export %s", rq_param(rq, "id"))
	           : 0;
}

static int one(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct bulk b;
	bool approver;
	int rc = load(rq, db, &b, &approver, err);
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "export", bulk_view(rq, db, &b, err));
	json_object_set_new(
	    rq->view, "may_decide", json_boolean(approver && text_eq(b.state, "waiting")));
	json_object_set_new(
	    rq->view, "field", text_field(rq, "comment", "export.bulk.comment", NULL));
	json_object_set_new(
	    rq->view, "action", json_string(rq_href(rq, "/staff/exports/%" PRId64, b.id)));
	json_object_set_new(
	    rq->view, "title", json_sprintf("%s %s", rq_tr(rq, "export.bulk.one"), b.mark));
	crumb(rq);
	return 0;
}

static int decide_write(struct request *rq, struct db *db, struct err *err)
{
	struct bulk b;
	bool approver, approve = text_eq(rq_param(rq, "verb"), "approve");
	int rc = load(rq, db, &b, &approver, err);
	if (rc == 0 && !approver)
		rc =
		    err_set(err, ERR_DENIED, "export.oneself", "%s asked themselves", rq->actor.id);
	if (rc == 0)
		rc = bulk_decide(
		    db, rq->actor.id, &b, approve, rq->actor.person, typed(rq, "comment"), err);
	if (rc >= 0)
		rc = mail_about(rq, db, &b, b.staff, "procedure/staff-export-decided",
		    json_pack("{s:b, s:s}", "approved", (int)approve, "decider", rq->actor.name),
		    err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", approve ? "export.bulk.approved" : "export.bulk.refused", NULL);
	return rq_redirect(rq, "/staff/exports/%" PRId64, b.id);
}

static int decide(struct request *rq, struct err *err)
{
	const char *verb = rq_param(rq, "verb");
	if (!text_eq(verb, "approve") && !text_eq(verb, "refuse"))
		return err_set(err, ERR_MISSING, NULL, "no verb %s", verb);
	if (!typed(rq, "comment")[0])
		rq_problem(rq, "comment", "export.bulk.no_comment", NULL);
	if (rq_has_problems(rq)) {
		rq->template = "procedure/export";
		return one(rq, err);
	}
	return rq_write(rq, decide_write);
}

/* --- which export is a file of? --- */

static json_t *mark_field(struct request *rq, const char *value)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "id", "mark", "name", "mark", "label",
	    rq_tr(rq, "export.mark.field"), "help", rq_tr(rq, "export.mark.help"), "is_text", 1,
	    "value", value);
}

static int identify_get(struct request *rq, struct err *err)
{
	(void)err;
	json_object_set_new(rq->view, "field", mark_field(rq, typed(rq, "mark")));
	rq_title(rq, "export.mark.title");
	return 0;
}

static int identify(struct request *rq, struct err *err)
{
	const struct upload *file = rq_upload(rq, "file", 0);
	char mark[MARK_SIZE] = "";
	struct db *db = rq_db(rq, err);
	struct bulk b;
	int rc = 0;
	(void)identify_get(rq, err); /* always 0 */
	if (file && file->size > 0) {
		char *bytes = arena_alloc(rq->arena, (size_t)file->size);
		if (pread(file->fd, bytes, (size_t)file->size, 0) != file->size)
			return err_set(err, ERR_IO, NULL, "the upload cannot be read");
		(void)mark_find((struct str){bytes, (size_t)file->size}, mark); /* "": none */
	} else {
		(void)mark_find(str_from(typed(rq, "mark")), mark);
	}
	if (mark[0])
		rc = db ? bulk_by_mark(db, rq->arena, mark, &b, err) : -(int)ERR_STORE;
	json_object_set_new(rq->view, "searched", json_true());
	json_object_set_new(rq->view, "found", json_boolean(rc > 0));
	if (rc > 0)
		json_object_set_new(rq->view, "export", bulk_view(rq, db, &b, err));
	return rc < 0 ? rc : 0;
}

static int identify_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, identify); /* it reads and unpacks a file */
}

static const struct input ask_inputs[] = {
    FILTER_INPUTS,
    {"columns", "string", false, 10},
    {"format", "string", false, 5},
    {NULL, NULL, false, 0},
};
static const struct input purpose_inputs[] = {
    {"purpose", "string", false, TEXT_MAX},
    {NULL, NULL, false, 0},
};
static const struct input decide_inputs[] = {
    {"comment", "string", false, TEXT_MAX},
    {NULL, NULL, false, 0},
};
static const struct input identify_inputs[] = {
    {"mark", "string", false, 60},
    {"file", "file", false, 0},
    {NULL, NULL, false, 0},
};

/* --- machi export-mark --- */

static int identify_file(struct city *city, struct arena *a, struct str file, struct err *err)
{
	char mark[MARK_SIZE] = "";
	struct bulk b;
	struct db *db = store_reader(city->store, err);
	int rc = !db                     ? -(int)ERR_STORE
	         : mark_find(file, mark) ? bulk_by_mark(db, a, mark, &b, err)
	                                 : 0;
	if (rc == 0)
		printf("%s\n", mark[0] ? arena_printf(a, "%s: not an export of this city", mark)
		                       : "no mark: not an export of many people");
	if (rc <= 0)
		return rc;
	const char *by = b.decided_by ? staff_name(db, a, b.decided_by, err) : NULL;
	printf("export:   %s (%s, %s)\npeople:   %" PRId64 "\nasked by: %s\npurpose:  %s\n", b.mark,
	    b.format, b.state, b.people, staff_name(db, a, b.staff, err), b.purpose);
	if (by)
		printf("approved: %s, %s\n", by, instant_text(a, b.decided_us, "en"));
	if (b.fetched_us)
		printf("fetched:  %s\n", instant_text(a, b.fetched_us, "en"));
	return 1;
}

static int export_mark(int argc, char **argv)
{
	struct cli_city c;
	struct err err = {0};
	struct str file;
	int code = cli_city_open("export-mark", &argc, argv, &c);
	if (code != EXIT_OK)
		return code;
	struct arena *a = arena_new();
	if (argc != 1) {
		code = cli_usage("export-mark", "a file is wanted", NULL);
	} else {
		int rc = file_read(a, argv[0], &file, &err);
		rc = rc < 0 ? rc : identify_file(c.city, a, file, &err);
		code = rc < 0 ? cli_fail("export-mark", &err) : rc == 0 ? EXIT_PROBLEMS : EXIT_OK;
	}
	arena_free(a);
	return cli_city_close(&c, code);
}

static const struct command commands[] = {
    {
        .name = "export-mark",
        .summary = "whose export a file is that leaked",
        .help =
            "machi export-mark [--data DIR] [--city ID] FILE\n\n"
            "Looks for the mark of an export of many people in a file or a part of one (CSV, "
            "XLSX,\n"
            "text), and says who asked for that export, what for, who approved it and when it was\n"
            "fetched. Ends with 3 when it is none of this city's.",
        .run = export_mark,
    },
};

#define EXPORT .perm = "application.export"
static const struct route routes[] = {
    {HTTP_GET, "/staff/exports", list, EXPORT, .template = "procedure/exports",
        .summary = "Exports of many people: one's own, and those one may approve."},
    {HTTP_GET, "/staff/exports/new", ask_get, EXPORT, .template = "procedure/export-ask",
        .inputs = ask_inputs, .summary = "Form to ask for an export of many people."},
    {HTTP_POST, "/staff/exports/new", ask_post, EXPORT, .template = "procedure/export-ask",
        .inputs = purpose_inputs, .rate = RATE_HEAVY,
        .summary = "Asks for an export of the query's list; a second person approves it."},
    {HTTP_GET, "/staff/exports/identify", identify_get, .perm = "trail.search",
        .template = "procedure/export-mark", .summary = "Form: which export is a file of?"},
    {HTTP_POST, "/staff/exports/identify", identify_post, .perm = "trail.search",
        .template = "procedure/export-mark", .inputs = identify_inputs, .flags = ROUTE_UPLOAD,
        .rate = RATE_HEAVY, .summary = "Finds the export that a file or a mark is of."},
    {HTTP_GET, "/staff/exports/{id}", one, EXPORT, .template = "procedure/export",
        .summary = "An export of many people: what for, approved by whom."},
    {HTTP_POST, "/staff/exports/{id}/{verb}", decide, EXPORT, .template = "procedure/export",
        .inputs = decide_inputs, .rate = RATE_WRITE,
        .summary = "approve or refuse what somebody else asked for."},
};

static const struct menu_item menu[] = {
    {"export.bulk.title", "/staff/exports", "application.export", "staff", 60},
    {"export.mark.title", "/staff/exports/identify", "trail.search", "admin", 22},
};

const struct module bulk_pages = {
    .name = "procedure.bulk",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
    .menu = menu,
    .nmenu = COUNT(menu),
    .commands = commands,
    .ncommands = COUNT(commands),
};
