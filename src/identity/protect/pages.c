/* /staff/protection: the protections one is named for, their people and their end. */
#include <string.h>

#include "base/time.h"
#include "identity/protect/private.h"
#include "trail/trail.h"

#define FIELD(id, type, required, max)                                                             \
	{                                                                                          \
#id, "identity.protect." #id, NULL, type, "off", required, max                     \
	}
#define HELP(id, type, required, max)                                                              \
	{                                                                                          \
#id, "identity.protect." #id, "identity.protect." #id "_help", type, "off",        \
		    required, max                                                                  \
	}

static const struct form_field_spec made[] = {
    FIELD(ground, "is_choice", true, 0),
    HELP(opinion, "is_text", true, 200),
    {"from", "identity.protect.from", NULL, "is_date", NULL, false, 0},
    {"until", "identity.protect.until", "identity.protect.until_help", "is_date", NULL, false, 0},
    FIELD(scope, "is_text", false, 400),
    FIELD(received_from, "is_text", false, 200),
    FIELD(forwarded_to, "is_text", false, 200),
    HELP(send_to, "is_text", false, 300),
    HELP(send_mail, "is_email", false, 254),
};

/* The acts on a page: each a form of its own; every field's id begins with its act. */
static const struct act {
	const char *name, *button;
	struct form_field_spec fields[3];
	bool danger;
} acts[] = {
    {"subject", "identity.protect.add_subject",
        {{"name", "identity.field.name", NULL, "is_text", "off", true, 60},
            {"birthday", "identity.field.birthday", NULL, "is_date", NULL, false, 0},
            {"mail", "identity.protect.account", "identity.protect.account_help", "is_email", "off",
                false, 254}}},
    {"party", "identity.protect.add_party",
        {{"name", "identity.field.name", NULL, "is_text", "off", true, 60},
            {"birthday", "identity.field.birthday", NULL, "is_date", NULL, false, 0}}},
    {"staff", "identity.protect.add_staff",
        {{"login", "identity.user.login", NULL, "is_text", "off", true, 64}}},
    {"extend", "identity.protect.extend",
        {{"opinion", "identity.protect.opinion", "identity.protect.extend_help", "is_text", "off",
            true, 200}}},
    {"end", "identity.protect.end",
        {{"reason", "identity.protect.reason", "identity.protect.end_help", "is_text", "off", true,
            200}},
        true},
};

static int days_left(const char *until, int64_t now)
{
	struct date end;
	return date_parse(str_from(until), &end)
	           ? (int)(date_to_days(end) - date_to_days(date_of_us(now)))
	           : 0;
}

static json_t *subject_names(struct request *rq, struct db *db, int64_t block, struct err *err)
{
	json_t *out = json_array();
	struct rows *r = db_query(db, err, PSQL(SUBJECTS), "i", block);
	while (r && rows_next(r) > 0) {
		json_t *row = json_pack("{s:s, s:b}", "name", rows_dup(r, 2, rq->arena), "account",
		    (int)(rows_i64(r, 1) != 0));
		if (rows_str(r, 4).n)
			json_object_set_new(
			    row, "birthday", json_string(rows_dup(r, 4, rq->arena)));
		json_array_append_new(out, row);
	}
	rows_end(r);
	return out;
}

static void put_end(struct request *rq, json_t *row, const char *state, const char *until)
{
	bool active = text_eq(state, "active");
	int left = days_left(until, rq->now_us);
	json_object_set_new(row, "active", json_boolean(active));
	if (active && left <= 60)
		json_object_set_new(row, "task",
		    json_string(i18n_format(rq->city->i18n, rq->arena, rq->lang,
		        left < 0 ? "identity.protect.task_over" : "identity.protect.task",
		        json_on_arena(rq->arena, json_pack("{s:i}", "days", left)))));
}

int protections_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)err->kind;
	json_t *out = json_array();
	int64_t others = 0;
	struct rows *r = db_query(db, err, PSQL(LIST), "i", rq->actor.person);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		char *until = rows_dup(r, 3, rq->arena);
		json_t *row = json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)rows_i64(r, 0),
		    "from", rows_dup(r, 2, rq->arena), "until", until, "subjects",
		    subject_names(rq, db, rows_i64(r, 0), err));
		put_end(rq, row, str_is(rows_str(r, 1), "active") ? "active" : "ended", until);
		json_array_append_new(out, row);
	}
	rows_end(r);
	page_title(rq, "identity.protect.title");
	json_object_set_new(rq->view, "protections", out);
	if (rc == 0 && json_array_size(out))
		rc = reading_note(rq,
		    &(struct reading){.kind = TRAIL_LIST,
		        .fields = TRAIL_SENSITIVE,
		        .count = (int64_t)json_array_size(out)},
		    err);
	if (rc == 0)
		rc = db_get_i64(db, err, &others, PSQL(OTHERS), "i", rq->actor.person);
	json_object_set_new(rq->view, "others", others ? json_integer(others) : json_null());
	return rc < 0 ? rc : 0;
}

/* --- a new one --- */

static void new_form(struct request *rq)
{
	rq_crumb(rq, rq_tr(rq, "identity.protect.title"), "/staff/protection");
	page_title(rq, "identity.protect.new_title");
	json_t *form = page_form(rq, "/staff/protection/new", "identity.protect.new_button");
	for (size_t i = 0; i < COUNT(made); i++) {
		json_t *field =
		    form_field(rq, form, &made[i], json_string(form_value(rq, made[i].name)));
		for (int g = 0; i == 0 && block_grounds[g]; g++)
			form_option(field, block_grounds[g],
			    rq_tr(rq, arena_printf(rq->arena, "identity.protect.ground.%s",
			                  block_grounds[g])),
			    text_eq(block_grounds[g], rq_form(rq, "ground")));
	}
}

static int new_write(struct request *rq, struct db *db, struct err *err)
{
	int64_t id;
	const struct block_fields f = {
	    .ground = form_value(rq, "ground"),
	    .opinion = form_value(rq, "opinion"),
	    .scope = form_value(rq, "scope"),
	    .received_from = form_value(rq, "received_from"),
	    .forwarded_to = form_value(rq, "forwarded_to"),
	    .send_to = form_value(rq, "send_to"),
	    .send_mail = mail_tidy(rq->arena, form_value(rq, "send_mail")),
	    .term = {form_value(rq, "from"), form_value(rq, "until")},
	};
	int rc = block_make(db, rq->actor.id, rq->actor.person, &f, &id, err);
	return rc < 0 ? rc : rq_redirect(rq, "/staff/protection/%lld", (long long)id);
}

int protection_new(struct request *rq, struct err *err)
{
	(void)err;
	new_form(rq);
	return rq->method == HTTP_POST ? rq_write_or(rq, new_write, problem_page) : 0;
}

/* --- one of them --- */

/* Somebody else's is not there. */
static int block_id(struct request *rq, struct db *db, int64_t *id, struct err *err)
{
	*id = rq_param_i64(rq, "id");
	int rc = protect_named(db, *id, rq->actor.person, err);
	return rc == 0  ? err_set(err, ERR_MISSING, NULL, "protection %lld", (long long)*id)
	       : rc < 0 ? rc
	                : 0;
}

static json_t *act_forms(struct request *rq, int64_t id, const char *typed)
{
	json_t *out = json_object();
	for (size_t i = 0; i < COUNT(acts); i++) {
		json_t *form = json_pack("{s:o, s:s, s:[], s:[], s:b}", "action",
		    json_sprintf("/staff/protection/%lld/%s", (long long)id, acts[i].name),
		    "button", rq_tr(rq, acts[i].button), "fields", "hidden", "danger",
		    (int)acts[i].danger);
		bool mine = text_eq(typed, acts[i].name);
		for (size_t k = 0; k < COUNT(acts[i].fields) && acts[i].fields[k].name; k++) {
			const struct form_field_spec *spec = &acts[i].fields[k];
			json_t *field = form_field(
			    rq, form, spec, json_string(mine ? form_value(rq, spec->name) : ""));
			json_object_set_new(
			    field, "id", json_sprintf("%s-%s", acts[i].name, spec->name));
			if (!mine)
				json_object_del(field, "problem");
		}
		json_object_set_new(out, acts[i].name, form);
	}
	return out;
}

static int show(struct request *rq, struct db *db, int64_t id, const char *typed, struct err *err)
{
	struct arena *a = rq->arena;
	static const char *const texts[] = {"opinion", "scope", "received_from", "forwarded_to",
	    "send_to", "send_mail", "end_reason"};
	struct rows *r = db_query(db, err, PSQL(GET), "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		char *until = rows_dup(r, 3, a), *state = rows_dup(r, 1, a);
		json_t *b = json_pack("{s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)id, "from",
		    rows_dup(r, 2, a), "until", until, "ground", rows_dup(r, 4, a), "ground_text",
		    rq_tr(rq, arena_printf(a, "identity.protect.ground.%s", rows_dup(r, 4, a))));
		for (int i = 0; i < (int)COUNT(texts); i++)
			if (rows_str(r, 5 + i).n)
				json_object_set_new(
				    b, texts[i], json_string(rows_dup(r, 5 + i, a)));
		put_end(rq, b, state, until);
		json_object_set_new(rq->view, "protection", b);
	}
	rows_end(r);
	if (rc <= 0)
		return rc;
	json_t *parties = json_array(), *named = json_array();
	r = db_query(db, err, PSQL(PARTIES), "i", id);
	while (r && (rc = rows_next(r)) > 0) {
		json_t *row = json_pack("{s:s}", "name", rows_dup(r, 1, a));
		if (rows_str(r, 2).n)
			json_object_set_new(row, "birthday", json_string(rows_dup(r, 2, a)));
		json_array_append_new(parties, row);
	}
	rows_end(r);
	r = db_query(db, err, PSQL(STAFF_LIST), "i", id);
	while (r && (rc = rows_next(r)) > 0)
		json_array_append_new(
		    named, json_pack("{s:I, s:s}", "id", (json_int_t)rows_i64(r, 0), "name",
		               rows_dup(r, 1, a)));
	rows_end(r);
	if (rc >= 0)
		rc = reading_note(rq,
		    &(struct reading){.kind = TRAIL_READ,
		        .fields = TRAIL_BASIC | TRAIL_SENSITIVE,
		        .subject = arena_printf(a, "block:%lld", (long long)id)},
		    err);
	json_object_set_new(rq->view, "subjects", subject_names(rq, db, id, err));
	json_object_set_new(rq->view, "parties", parties);
	json_object_set_new(rq->view, "named", named);
	json_object_set_new(rq->view, "acts", act_forms(rq, id, typed));
	if (typed)
		json_object_set_new(
		    rq->view, "problem_at", json_string(arena_printf(a, "%s-", typed)));
	rq_crumb(rq, rq_tr(rq, "identity.protect.title"), "/staff/protection");
	page_title(rq, "identity.protect.one_title");
	return rc < 0 ? rc : 0;
}

int protection_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	int64_t id;
	int rc = db ? block_id(rq, db, &id, err) : -(int)err->kind;
	return rc < 0 ? rc : show(rq, db, id, NULL, err);
}

static int do_write(struct request *rq, struct db *db, struct err *err)
{
	const char *what = rq_param(rq, "do"), *actor = rq->actor.id;
	int64_t id, staff;
	int rc = block_id(rq, db, &id, err);
	if (rc < 0)
		return rc;
	if (text_eq(what, "subject"))
		rc = block_add_subject(db, actor, id, form_value(rq, "name"),
		    form_value(rq, "birthday"), mail_tidy(rq->arena, form_value(rq, "mail")), err);
	else if (text_eq(what, "party"))
		rc = block_add_party(
		    db, actor, id, form_value(rq, "name"), form_value(rq, "birthday"), err);
	else if (text_eq(what, "staff"))
		rc = block_add_staff(db, actor, id, form_value(rq, "login"), err);
	else if (text_eq(what, "unname") &&
	         str_to_i64(str_from(form_value(rq, "staff")), 1, INT64_MAX, &staff))
		rc = block_drop_staff(db, actor, id, staff, err);
	else if (text_eq(what, "extend"))
		rc = block_extend(db, actor, id, form_value(rq, "opinion"), err);
	else if (text_eq(what, "end"))
		rc = block_end(db, actor, id, form_value(rq, "reason"), err);
	else
		rc = err_set(err, ERR_MISSING, NULL, "no act %s", what);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.user.saved", NULL);
	return rq_redirect(rq, "/staff/protection/%lld", (long long)id);
}

static int do_failed(struct request *rq, struct err *err)
{
	struct err again;
	struct db *db = rq_db(rq, &again);
	if (!err->field[0] || !err->msg || err->kind != ERR_INPUT || !db)
		return -(int)err->kind;
	rq_problem(rq, err->field, err->msg, NULL);
	return show(rq, db, rq_param_i64(rq, "id"), rq_param(rq, "do"), &again);
}

int protection_do(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write_or(rq, do_write, do_failed);
}
