/* The staff's inbox: lists by person and department, filters, bulk actions. */
#include <string.h>

#include "base/json.h"
#include "identity/identity.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"

enum { BULK_MAX = 200 };

static const char *const scopes[APP_SCOPE_COUNT] = {
    [APP_SCOPE_MINE] = "mine",
    [APP_SCOPE_TURN] = "turn",
    [APP_SCOPE_REVIEW] = "review",
    [APP_SCOPE_DEPARTMENT] = "department",
    [APP_SCOPE_ALL] = "all",
};
static const char *const buckets[APP_BUCKET_COUNT] = {
    [APP_BUCKET_DRAFT] = "draft",
    [APP_BUCKET_OFFICE] = "office",
    [APP_BUCKET_WAITING] = "waiting",
    [APP_BUCKET_DONE] = "done",
};

static int name_index(const char *const *names, int n, const char *name, int fallback)
{
	for (int i = 0; name && i < n; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return fallback;
}

static const char *query(struct request *rq, const char *name)
{
	const char *s = rq_query(rq, name);
	return s && s[0] ? s : NULL;
}

static int64_t query_id(struct request *rq, const char *name)
{
	int64_t v;
	return str_to_i64(str_from(query(rq, name)), -1, INT64_MAX, &v) ? v : 0;
}

/* NULL as well for what was refused as no date. */
static const char *day(struct request *rq, const char *name)
{
	return rq_problem_at(rq, name) ? NULL : query(rq, name);
}

void rq_filter(struct request *rq, struct app_filter *f)
{
	const char *state = query(rq, "state");
	*f = (struct app_filter){
	    .scope = (enum app_scope)name_index(
	        scopes, APP_SCOPE_COUNT, query(rq, "scope"), APP_SCOPE_ALL),
	    .bucket = (enum app_bucket)name_index(
	        buckets, APP_BUCKET_COUNT, query(rq, "tab"), APP_BUCKET_OFFICE),
	    .department = query_id(rq, "department"),
	    .state = state && app_state_parse(state) < APP_STATE_COUNT ? state : NULL,
	    .procedure = query(rq, "procedure"),
	    .assignee = query_id(rq, "assignee"),
	    .overdue = query(rq, "overdue") != NULL,
	    .text = query(rq, "q"),
	    .from = day(rq, "from"),
	    .until = day(rq, "until"),
	    .after = query(rq, "after"),
	};
	if (f->scope == APP_SCOPE_DEPARTMENT && f->department <= 0)
		f->scope = APP_SCOPE_ALL;
}

/* The page's own query with one name set to a value (NULL: taken out) and paging begun anew. */
static const char *link_with(struct request *rq, const char *name, const char *value)
{
	static const char *const kept[] = {"scope", "tab", "department", "state", "procedure",
	    "assignee", "overdue", "q", "from", "until", "after"};
	struct buf b;
	buf_init(&b, rq->arena);
	buf_puts(&b, rq_href(rq, "/staff?"));
	for (size_t i = 0; i < COUNT(kept); i++) {
		bool own = strcmp(kept[i], name) == 0;
		/* The overdue are a tab beside the scopes. */
		bool dropped = strcmp(kept[i], "after") == 0 ||
		               (strcmp(kept[i], "overdue") == 0 && strcmp(name, "scope") == 0);
		const char *v = own ? value : dropped ? NULL : query(rq, kept[i]);
		if (!v)
			continue;
		buf_printf(&b, "%s=", kept[i]);
		buf_url(&b, str_from(v));
		buf_putc(&b, '&');
	}
	return b.p;
}

_Static_assert((int)APP_COUNT_MAX == (int)TAB_COUNT_MAX, "counted as far as tabs show");

static json_t *counted_tab(
    struct request *rq, const char *key, const char *href, bool current, const json_t *count)
{
	return tab_view(
	    rq_tr(rq, key), href, current, json_is_integer(count) ? json_integer_value(count) : -1);
}

/* Whose: mine, waiting for me, overdue, all. One department is a tab only while it is chosen. */
static json_t *scope_tabs(struct request *rq, const struct app_filter *f, const json_t *counts)
{
	json_t *out = json_array();
	bool late = f->overdue && f->scope == APP_SCOPE_ALL;
	for (int i = 0; i < APP_SCOPE_COUNT; i++) {
		if (i == APP_SCOPE_DEPARTMENT && f->scope != APP_SCOPE_DEPARTMENT)
			continue;
		if (i == APP_SCOPE_ALL)
			json_array_append_new(out, counted_tab(rq, "staff.scope.late",
			                               rq_href(rq, "/staff?scope=all&overdue=1"),
			                               late, json_object_get(counts, "late")));
		json_array_append_new(
		    out, counted_tab(rq, arena_printf(rq->arena, "staff.scope.%s", scopes[i]),
		             link_with(rq, "scope", scopes[i]), (int)f->scope == i && !late,
		             json_object_get(counts, scopes[i])));
	}
	return out;
}

static json_t *bucket_tabs(struct request *rq, const struct app_filter *f, const json_t *counts)
{
	json_t *out = json_array();
	/* What waits for a person is listed whatever its stage. */
	if (f->scope == APP_SCOPE_TURN || f->scope == APP_SCOPE_REVIEW)
		return out;
	for (int i = APP_BUCKET_OFFICE; i < APP_BUCKET_COUNT; i++)
		json_array_append_new(
		    out, counted_tab(rq, arena_printf(rq->arena, "staff.tab.%s", buckets[i]),
		             link_with(rq, "tab", buckets[i]), (int)f->bucket == i,
		             json_object_get(counts, buckets[i])));
	return out;
}

static json_t *procedure_options(struct request *rq, const char *selected)
{
	struct procedure_list *list = procedures_of(rq->city, rq->arena);
	json_t *out = json_array();
	for (int i = 0; i < list->n; i++)
		if (procedure_online(list->items[i]))
			json_array_append_new(out,
			    json_pack("{s:s, s:s, s:b}", "value", procedure_id(list->items[i]),
			        "label", procedure_text(list->items[i], "title", rq->lang),
			        "selected", (int)text_eq(selected, procedure_id(list->items[i]))));
	return out;
}

static json_t *state_options(struct request *rq, const char *selected)
{
	json_t *out = json_array();
	for (enum app_state s = APP_SUBMITTED; s < APP_STATE_COUNT; s++) {
		const char *name = app_state_name(s);
		json_array_append_new(
		    out, json_pack("{s:s, s:s, s:b}", "value", name, "label",
		             rq_tr(rq, arena_printf(rq->arena, "application.state.%s", name)),
		             "selected", (int)text_eq(selected, name)));
	}
	return out;
}

/* Titles of the rows' procedures, and where each row leads. */
static void finish_rows(struct request *rq, json_t *rows)
{
	size_t i;
	json_t *row;
	json_array_foreach(rows, i, row)
	{
		struct procedure *p =
		    procedure_find(rq->city, json_string_value(json_object_get(row, "procedure")));
		json_object_set_new(row, "title",
		    p ? json_string(procedure_text(p, "title", rq->lang))
		      : json_incref(json_object_get(row, "procedure")));
		procedure_unref(p);
		const char *state = json_string_value(json_object_get(row, "state"));
		json_object_set_new(row, "href",
		    json_string(rq_href(rq, "/%s/%lld",
		        text_eq(state, "draft") ? "applications" : "staff/applications",
		        (long long)json_integer_value(json_object_get(row, "id")))));
	}
}

/* The trail says whom the list showed; what is on the page does not hold their numbers. */
static int note_list(
    struct request *rq, const struct app_filter *f, const json_t *rows, struct err *err)
{
	int n = (int)json_array_size(rows);
	struct reading_of *of = arena_array(rq->arena, (size_t)n + 1, sizeof(*of));
	for (int i = 0; i < n; i++) {
		json_t *row = json_array_get(rows, (size_t)i);
		of[i] = (struct reading_of){
		    .person = json_integer_value(json_object_get(row, "person")),
		    .application = json_integer_value(json_object_get(row, "id")),
		    .department = json_integer_value(json_object_get(row, "department")),
		    .procedure = json_text(row, "procedure")};
		json_object_del(row, "person");
	}
	const struct reading r = {.kind = f->text ? TRAIL_SEARCH : TRAIL_LIST,
	    .department = f->department > 0 ? f->department : 0,
	    .procedure = f->procedure,
	    .detail = f->text};
	return n ? reading_note_list(rq, &r, of, n, err) : 0;
}

/* The departments whose applications the person may read. */
static int own_departments(
    struct request *rq, struct db *db, int64_t selected, json_t **out, struct err *err)
{
	int64_t *ids;
	struct department *all;
	int n = staff_departments(db, rq->arena, rq->actor.person, "application.read", &ids, err);
	int nall = n < 0 ? n
	                 : department_tree(db, rq->arena,
	                       date_format(rq->arena, date_of_us(rq->now_us)), &all, err);
	if (nall < 0)
		return nall;
	*out = json_array();
	for (int i = 0, k = 0; i < nall && k < n; i++) { /* ids stand in the tree's order */
		const struct department *d = &all[i];
		if (d->id != ids[k])
			continue;
		k++;
		json_array_append_new(
		    *out, json_pack("{s:I, s:s, s:b}", "value", (json_int_t)d->id, "label",
		              text_eq(rq->lang, "en") && d->name_en[0] ? d->name_en : d->name,
		              "selected", (int)(d->id == selected)));
	}
	return 0;
}

/* Whom several may be given to at once: the others of the one department that is listed. */
static int put_colleagues(struct request *rq, struct db *db, const struct app_filter *f,
    const json_t *departments, struct err *err)
{
	int64_t department = f->department, *staff;
	if (!department && json_array_size(departments) == 1)
		department =
		    json_integer_value(json_object_get(json_array_get(departments, 0), "value"));
	int n = department ? staff_of_department(db, rq->arena, department, &staff, err) : 0;
	json_t *out = json_array();
	for (int i = 0; i < n; i++)
		if (staff[i] != rq->actor.person)
			json_array_append_new(
			    out, json_pack("{s:I, s:s*}", "value", (json_int_t)staff[i], "label",
			             staff_name(db, rq->arena, staff[i], err)));
	json_object_set_new(rq->view, "colleagues", out);
	return n < 0 ? n : 0;
}

static json_t *day_field(struct request *rq, const char *name, const char *value)
{
	json_t *field = json_pack("{s:s, s:s, s:s, s:s*}", "id", name, "name", name, "label",
	    rq_tr(rq, arena_printf(rq->arena, "staff.filter.%s", name)), "problem",
	    rq_problem_at(rq, name));
	rq_date_field(rq, field, value);
	return field;
}

static int inbox_show(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)ERR_STORE;
	struct app_actor actor = rq_app_actor(rq);
	struct app_filter f;
	rq_filter(rq, &f);
	json_t *page, *counts, *departments;
	int rc = app_list(db, rq->arena, &actor, &f, rq->lang, &page, err);
	if (rc < 0)
		return rc;
	json_t *rows = json_object_get(page, "items");
	if ((rc = note_list(rq, &f, rows, err)) < 0) {
		json_decref(page);
		return rc;
	}
	finish_rows(rq, rows);
	json_object_set(rq->view, "rows", rows);
	json_object_set_new(rq->view, "none", json_boolean(json_array_size(rows) == 0));
	const char *next = json_string_value(json_object_get(page, "next"));
	if (next)
		json_object_set_new(rq->view, "next", json_string(link_with(rq, "after", next)));
	json_decref(page);
	if ((rc = app_counts(db, rq->arena, &actor, &f, &counts, err)) < 0)
		return rc;
	json_object_set_new(rq->view, "scopes", scope_tabs(rq, &f, counts));
	json_object_set_new(rq->view, "tabs", bucket_tabs(rq, &f, counts));
	json_object_set_new(rq->view, "counts", counts);
	if ((rc = own_departments(rq, db, f.department, &departments, err)) < 0)
		return rc;
	json_object_set_new(rq->view, "departments", departments);
	json_object_set_new(rq->view, "many_departments",
	    json_boolean(json_array_size(departments) > 1 && !f.department));
	bool may_bulk = rq_allows(rq, "application.check");
	json_object_set_new(rq->view, "may_bulk", json_boolean(may_bulk));
	if (may_bulk && (rc = put_colleagues(rq, db, &f, departments, err)) < 0)
		return rc;
	json_object_set_new(rq->view, "procedures", procedure_options(rq, f.procedure));
	json_object_set_new(rq->view, "states", state_options(rq, f.state));
	json_object_set_new(rq->view, "filter",
	    json_pack("{s:s?, s:s?, s:s?, s:b, s:s, s:s}", "q", f.text, "from", f.from, "until",
	        f.until, "overdue", (int)f.overdue, "scope", scopes[f.scope], "tab",
	        buckets[f.bucket]));
	json_object_set_new(rq->view, "days",
	    json_pack("[o, o]", day_field(rq, "from", f.from), day_field(rq, "until", f.until)));
	json_object_set_new(rq->view, "filtered",
	    json_boolean(f.text || f.from || f.until || f.overdue || f.state || f.procedure ||
	                 f.department));
	json_object_set_new(rq->view, "narrowed",
	    json_boolean(f.from || f.until || f.state || f.procedure || f.department ||
	                 rq_has_problems(rq)));
	const char *search = strchr(rq->url, '?');
	json_object_set_new(
	    rq->view, "may_export", json_boolean(rq_allows(rq, "application.export")));
	json_object_set_new(rq->view, "export_query", json_string(search ? search : ""));
	json_object_set_new(rq->view, "me", json_integer((json_int_t)rq->actor.person));
	rq_title(rq, "staff.inbox.title");
	return 0;
}

/* Searching may take tens of milliseconds in a large city: not on the network thread, where other
 * pages would wait behind it. */
static int inbox(struct request *rq, struct err *err)
{
	struct app_filter f;
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)ERR_STORE;
	/* Who reads no applications has no inbox; their work is on another page. */
	const char *home = staff_home(db, rq->actor.person);
	if (!rq->wants_json && !rq_allows(rq, "application.read") && strcmp(home, "/staff") != 0)
		return rq_redirect(rq, "%s", home);
	rq_filter(rq, &f);
	return f.text || f.from || f.until ? rq_defer(rq, inbox_show) : inbox_show(rq, err);
}

/* --- several at once --- */

struct bulk {
	const char *action;
	int64_t *ids;
	int n;
	int64_t staff;
	int done, failed;
};

/* The list as it was filtered. */
static const char *bulk_back(struct request *rq)
{
	const char *back = rq_form(rq, "back");
	return back && (strcmp(back, "/staff") == 0 || strncmp(back, "/staff?", 7) == 0) ? back
	                                                                                 : "/staff";
}

static int bulk_one(
    struct db *db, const struct app_actor *actor, const struct bulk *b, int64_t id, struct err *err)
{
	if (strcmp(b->action, "accept") == 0)
		return app_accept(db, actor, id, err);
	return app_assign(db, actor, id, b->staff, err);
}

/* Each that cannot be done is left as it is; the person is told how many. */
static int bulk_write(struct request *rq, struct db *db, struct err *err)
{
	struct bulk *b = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	b->done = b->failed = 0;
	for (int i = 0; i < b->n; i++) {
		int rc = bulk_one(db, &actor, b, b->ids[i], err);
		if (rc == -(int)ERR_STORE || rc == -(int)ERR_IO || rc == -(int)ERR_INTERNAL)
			return rc;
		b->done += rc == 0;
		b->failed += rc < 0;
	}
	rq_flash(rq, b->failed ? "warning" : "success",
	    b->failed ? "staff.bulk.some" : "staff.bulk.done",
	    json_pack("{s:i, s:i}", "done", b->done, "failed", b->failed));
	return rq_redirect(rq, "%s", bulk_back(rq));
}

static int bulk(struct request *rq, struct err *err)
{
	struct bulk *b = arena_new_of(rq->arena, struct bulk);
	const char *const *ids;
	int n = rq_form_all(rq, "id", &ids);
	b->action = rq_form(rq, "action");
	if (!b->action || (strcmp(b->action, "accept") && strcmp(b->action, "assign")))
		return err_field(err, ERR_INPUT, "action", "staff.bulk.action", "action %s",
		    b->action ? b->action : "");
	if (n == 0) {
		rq_flash(rq, "warning", "staff.bulk.none", NULL);
		return rq_redirect(rq, "%s", bulk_back(rq));
	}
	if (n > BULK_MAX)
		return err_set(err, ERR_TOO_LARGE, "staff.bulk.many", "%d at once", n);
	b->ids = arena_array(rq->arena, (size_t)n, sizeof(*b->ids));
	for (int i = 0; i < n; i++)
		if (str_to_i64(str_from(ids[i]), 1, INT64_MAX, &b->ids[b->n]))
			b->n++;
	const char *staff = rq_form(rq, "staff");
	if (!staff || !str_to_i64(str_from(staff), 0, INT64_MAX, &b->staff))
		b->staff = rq->actor.person;
	rq_set_data(rq, b);
	return rq_write(rq, bulk_write);
}

static const struct input filter_inputs[] = {
    FILTER_INPUTS,
    {NULL, NULL, false, 0},
};
static const struct input bulk_inputs[] = {
    {"action", "string", true, 20},
    {"id", "integer", false, 20}, /* none: the list again, with a word */
    {"staff", "integer", false, 20},
    {NULL, NULL, false, 0},
};

static const struct route routes[] = {
    {HTTP_GET, "/staff", inbox, .perm = "staff", .template = "procedure/inbox",
        .summary = "Inbox of applications, overdue first.", .inputs = filter_inputs},
    {HTTP_POST, "/staff/bulk", bulk, .perm = "staff",
        .summary = "Accept or assign several applications.", .inputs = bulk_inputs,
        .rate = RATE_WRITE},
};
const struct module inbox_pages = {
    .name = "procedure.inbox",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
