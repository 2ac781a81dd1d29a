/* 番号確認 and 身元確認 (番号法 第16条): staff record by which documents the number and the person
 * were checked. What is recorded is never changed; the last one counts. */
#include "procedure/my_number/private.h"

#include <string.h>

#include "base/time.h"
#include "identity/identity.h"

enum { NOTE_MAX = 200 };

static const char *const numbers_by[] = {"card", "record", "notice", "register", NULL};
static const char *const people_by[] = {
    "card", "photo", "two", "certificate", "known", "proxy", NULL};

static bool listed(const char *const *names, const char *name)
{
	while (*names && !text_eq(*names, name))
		names++;
	return *names != NULL;
}

int number_check_add(struct db *db, struct arena *a, const struct app_actor *actor, int64_t id,
    const struct number_check *check, struct err *err)
{
	struct change c;
	int rc = change_begin(&c, db, a, actor, id, "check_number", err);
	if (rc == 0 && !listed(numbers_by, check->number_by))
		rc = err_field(err, ERR_INPUT, "number_by", "application.required", "no document");
	if (rc == 0 && !listed(people_by, check->person_by))
		rc = err_field(err, ERR_INPUT, "person_by", "application.required", "no document");
	if (rc == 0)
		rc = text_check("note", check->note, false, err);
	if (rc < 0)
		return rc;
	int64_t n = db_run(db, err, &life_sql[SQL_NUMBER_CHECK_ADD], "itttii", id, check->number_by,
	    check->person_by, check->note, actor->person, now_us());
	if (n < 0)
		return (int)n;
	c.row->kids |= KID_NUMBER_CHECK;
	return change_end(&c, "application.number_checked",
	    json_pack("{s:s, s:s}", "number_by", check->number_by, "person_by", check->person_by),
	    err);
}

bool number_check_missing(const struct procedure *proc, int64_t kids, const json_t *answers)
{
	const json_t *rule = json_object_get(procedure_json(proc), "my_number");
	if (!text_eq(json_text(rule, "check"), "required") || kids & KID_NUMBER_CHECK)
		return false;
	json_t *numbers = form_numbers(proc, "ja", answers);
	bool any = json_array_size(numbers) > 0;
	json_decref(numbers);
	return any;
}

json_t *number_checks(
    struct request *rq, struct db *db, const struct application *app, struct err *err)
{
	struct arena *a = rq->arena;
	json_t *out = json_array();
	struct rows *r = (app->kids & KID_NUMBER_CHECK)
	                     ? db_query(db, err, &life_sql[SQL_NUMBER_CHECK_OF], "i", app->id)
	                     : NULL;
	while (r && rows_next(r) == 1)
		json_array_append_new(out,
		    json_pack("{s:s, s:s, s:s*, s:s?, s:I}", "number_by",
		        rq_tr(rq, arena_printf(a, "application.number.by.%s", rows_dup(r, 1, a))),
		        "person_by",
		        rq_tr(
		            rq, arena_printf(a, "application.number.person.%s", rows_dup(r, 2, a))),
		        "note", rows_dup(r, 3, a), "staff_name",
		        staff_name(db, a, rows_i64(r, 4), err), "at", (json_int_t)rows_i64(r, 5)));
	rows_end(r);
	return out;
}

/* --- the form, on the page of numbers --- */

static const struct page_field number_field = {"number_by", "application.number.by", NULL, true, 0};
static const struct page_field person_field = {
    "person_by", "application.number.person", NULL, true, 0};
static const struct page_field note_field = {
    "note", "application.number.note", "application.number.note_help", false, 2};

static json_t *options(struct request *rq, const char *key, const char *const *names)
{
	json_t *out = json_array();
	for (; *names; names++)
		json_array_append_new(
		    out, json_pack("{s:s, s:s}", "value", *names, "label",
		             rq_tr(rq, arena_printf(rq->arena, "%s.%s", key, *names))));
	return out;
}

json_t *number_check_fields(struct request *rq)
{
	json_t *fields = json_array();
	number_field_add(rq, fields, &number_field, options(rq, number_field.label, numbers_by));
	number_field_add(rq, fields, &person_field, options(rq, person_field.label, people_by));
	number_field_add(rq, fields, &note_field, NULL);
	return fields;
}

static int check_write(struct request *rq, struct db *db, struct err *err)
{
	const struct number_page *p = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	const char *note = rq_form(rq, "note");
	const struct number_check check = {.number_by = rq_form(rq, "number_by"),
	    .person_by = rq_form(rq, "person_by"),
	    .note = note && note[0] ? note : NULL};
	int rc = number_check_add(db, rq->arena, &actor, p->app->id, &check, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "application.number.checked", NULL);
	return rq_redirect(rq, "/staff/applications/%lld", (long long)p->app->id);
}

static int check_failed(struct request *rq, struct err *err)
{
	if (err->kind != ERR_INPUT)
		return -(int)err->kind;
	const bool person = text_eq(err->field, "person_by");
	rq_problem(rq, err->field, "web.input.required_of",
	    json_pack(
	        "{s:s}", "label", rq_tr(rq, person ? person_field.label : number_field.label)));
	return number_page_show(rq, rq_data(rq), err);
}

int number_check_post(struct request *rq, struct err *err)
{
	struct number_page *p;
	int rc = number_page_load(rq, &p, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rq_set_data(rq, p);
	return rq_write_or(rq, check_write, check_failed);
}
