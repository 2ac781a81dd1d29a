/* /staff/departments: the organisation as a tree, on any day. */
#include "identity/private.h"

#include <string.h>

static const struct form_field_spec code_field = {"code", "identity.department.code",
    "identity.department.code_help", "is_text", "off", true, 20};
static const struct form_field_spec name_field = {
    "name", "identity.department.name", NULL, "is_text", "off", true, 60};
static const struct form_field_spec name_en_field = {
    "name_en", "identity.department.name_en", NULL, "is_text", "off", false, 80};
static const struct form_field_spec parent_field = {
    "parent", "identity.department.parent", NULL, "is_choice", NULL, false, 0};
static const struct form_field_spec from_field = {
    "from", "identity.user.from", NULL, "is_date", NULL, false, 0};
static const struct form_field_spec until_field = {
    "until", "identity.user.until", "identity.user.until_help", "is_date", NULL, false, 0};

static const char *shown_name(struct request *rq, const struct department *d)
{
	return text_eq(rq->lang, "en") && d->name_en[0] ? d->name_en : d->name;
}

int departments_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	char now[DAY_SIZE], day[DAY_SIZE];
	struct department *tree;
	if (!db)
		return -(int)err->kind;
	today(now);
	if (!day_of(rq_query(rq, "on"), now, day)) /* said already */
		today(day);
	int n = department_tree(db, rq->arena, day, &tree, err);
	if (n < 0)
		return n;
	/* Heads per department on that day. */
	json_t *counts = json_on_arena(rq->arena, json_object());
	struct rows *r = db_query(db, err, SQL(DEPARTMENT_STAFF), "t", day);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0)
		json_object_set_new(counts,
		    arena_printf(rq->arena, "%lld", (long long)rows_i64(r, 0)),
		    json_integer(rows_i64(r, 1)));
	rows_end(r);
	json_t *out = json_array();
	for (int i = 0; i < n; i++) {
		const char *id = arena_printf(rq->arena, "%lld", (long long)tree[i].id);
		json_t *row = json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:i, s:I}", "id",
		    (json_int_t)tree[i].id, "code", tree[i].code, "name", tree[i].name, "name_en",
		    tree[i].name_en, "shown", shown_name(rq, &tree[i]), "parent",
		    (json_int_t)tree[i].parent, "depth", tree[i].depth, "staff",
		    (json_int_t)json_integer_value(json_object_get(counts, id)));
		if (!text_eq(tree[i].from, DAY_FIRST))
			json_object_set_new(row, "from", json_string(tree[i].from));
		if (!text_eq(tree[i].until, DAY_LAST))
			json_object_set_new(row, "until", json_string(tree[i].until));
		json_array_append_new(out, row);
	}
	page_title(rq, "identity.departments.title");
	json_object_set_new(rq->view, "departments", out);
	json_object_set_new(rq->view, "on", json_string(day));
	json_t *on = json_pack("{s:s, s:s, s:s, s:s*}", "id", "on", "name", "on", "label",
	    rq_tr(rq, "identity.departments.on"), "problem", rq_problem_at(rq, "on"));
	rq_date_field(rq, on, day);
	json_object_set_new(rq->view, "on_field", on);
	return rc < 0 ? rc : 0;
}

static json_t *typed(struct request *rq, const char *name, const char *known)
{
	return json_string(rq->method == HTTP_POST ? form_value(rq, name) : known);
}

static const char *department_shown(struct request *rq, const struct department *d)
{
	const char *values[] = {d->name, d->name_en,
	    arena_printf(rq->arena, "%lld", (long long)d->parent), d->from, d->until};
	return form_state(rq, values, COUNT(values));
}

/* d NULL: a new one. */
static int department_form(
    struct request *rq, struct db *db, const struct department *d, struct err *err)
{
	struct department *tree;
	char day[DAY_SIZE];
	today(day);
	int n = department_tree(db, rq->arena, d ? NULL : day, &tree, err);
	if (n < 0)
		return n;
	rq_crumb(rq, rq_tr(rq, "identity.departments.title"), "/staff/departments");
	page_title(rq, d ? "identity.department.edit_title" : "identity.department.new_title");
	json_t *form = page_form(rq,
	    d ? arena_printf(rq->arena, "/staff/departments/%lld", (long long)d->id)
	      : "/staff/departments/new",
	    d ? "identity.department.edit_button" : "identity.department.new_button");
	if (d)
		form_hidden(form, "seen", department_shown(rq, d)); /* who sends it again knows */
	else
		form_field(rq, form, &code_field, typed(rq, "code", ""));
	form_field(rq, form, &name_field, typed(rq, "name", d ? d->name : ""));
	form_field(rq, form, &name_en_field, typed(rq, "name_en", d ? d->name_en : ""));
	json_t *field = form_field(rq, form, &parent_field, NULL);
	int64_t parent = d ? d->parent : 0;
	const char *chosen = rq_form(rq, "parent");
	if (chosen && !str_to_i64(str_from(chosen), 0, INT64_MAX, &parent))
		parent = 0;
	json_object_set_new(field, "is_select", json_true());
	json_object_set_new(field, "select", json_true());
	form_option(field, "", rq_tr(rq, "identity.department.top"), parent == 0);
	for (int i = 0; i < n; i++)
		if (!d || tree[i].id != d->id)
			form_option(field, arena_printf(rq->arena, "%lld", (long long)tree[i].id),
			    arena_printf(
			        rq->arena, "%s %s", tree[i].code, shown_name(rq, &tree[i])),
			    tree[i].id == parent);
	bool since = d && !text_eq(d->from, DAY_FIRST), ends = d && !text_eq(d->until, DAY_LAST);
	form_field(rq, form, &from_field, typed(rq, "from", since ? d->from : ""));
	form_field(rq, form, &until_field, typed(rq, "until", ends ? d->until : ""));
	return 0;
}

struct saving {
	int64_t id; /* 0: a new one */
	struct department_fields f;
};

static void take(struct request *rq, struct saving *s)
{
	s->f = (struct department_fields){
	    .code = form_value(rq, "code"),
	    .name = form_value(rq, "name"),
	    .name_en = form_value(rq, "name_en"),
	    .term = {form_value(rq, "from"), form_value(rq, "until")},
	};
	const char *parent = rq_form(rq, "parent");
	if (parent && !str_to_i64(str_from(parent), 0, INT64_MAX, &s->f.parent))
		s->f.parent = 0;
	if (!s->id && !s->f.code[0])
		form_problem(rq, "code", "identity.problem.code", NULL);
	if (!s->f.name[0])
		form_problem(rq, "name", "identity.problem.department_name", NULL);
}

static int save(struct request *rq, struct db *db, struct err *err)
{
	struct saving *s = rq_data(rq);
	struct department parent, now;
	int64_t id = s->id;
	if (id && department_get(db, rq->arena, id, &now, err) > 0 &&
	    form_kept(rq, department_shown(rq, &now), "name", err) < 0)
		return -(int)ERR_CONFLICT;
	if (s->f.parent && department_get(db, rq->arena, s->f.parent, &parent, err) <= 0)
		return err_field(err, ERR_INPUT, "parent", "identity.problem.department",
		    "department %lld", (long long)s->f.parent);
	int rc = id ? department_set(db, rq->actor.id, id, &s->f, err)
	            : department_make(db, rq->actor.id, &s->f, &id, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.department.saved", NULL);
	return rq_redirect(rq, "/staff/departments");
}

int problem_page(struct request *rq, struct err *err)
{
	if (!err->field[0] || !err->msg || (err->kind != ERR_INPUT && err->kind != ERR_CONFLICT))
		return -(int)err->kind;
	form_problem(rq, err->field, err->msg, NULL);
	return 0;
}

int department_new(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	int rc = db ? department_form(rq, db, NULL, err) : -(int)err->kind;
	if (rc < 0 || rq->method != HTTP_POST)
		return rc;
	struct saving *s = arena_new_of(rq->arena, struct saving);
	take(rq, s);
	rq_set_data(rq, s);
	return rq_write_or(rq, save, problem_page);
}

int department_edit(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct department d;
	if (!db)
		return -(int)err->kind;
	int rc = department_get(db, rq->arena, rq_param_i64(rq, "id"), &d, err);
	if (rc == 0)
		return err_set(err, ERR_MISSING, NULL, "department %s", rq_param(rq, "id"));
	if (rc > 0)
		rc = department_form(rq, db, &d, err);
	if (rc < 0 || rq->method != HTTP_POST)
		return rc;
	struct saving *s = arena_new_of(rq->arena, struct saving);
	s->id = d.id;
	take(rq, s);
	rq_set_data(rq, s);
	return rq_write_or(rq, save, problem_page);
}
