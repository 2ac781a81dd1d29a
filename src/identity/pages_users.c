/* /staff/users: the people who work here, their posts and roles; and the look-up of a resident's
 * account for the help desk. */
#include "identity/passkey/passkey.h"
#include "trail/trail.h"

#include <string.h>

#include "base/text.h"
#include "identity/protect/protect.h"
#include "base/time.h"

enum { PAGE = 50 };

static const struct form_field_spec login_field = {
    "login", "identity.user.login", "identity.user.login_help", "is_text", "off", true, 64};
static const struct form_field_spec name_field = {
    "name", "identity.field.name", NULL, "is_text", "off", true, 60};
static const struct form_field_spec kana_field = {
    "kana", "identity.field.furigana", NULL, "is_text", "off", false, 60};
static const struct form_field_spec mail_field = {
    "mail", "identity.user.mail", "identity.user.mail_help", "is_email", "off", false, 254};
static const struct form_field_spec from_field = {
    "from", "identity.user.from", NULL, "is_date", NULL, false, 0};
static const struct form_field_spec reason_field = {"reason", "identity.rights.reason",
    "identity.rights.reason_help", "is_text", "off", false, 200};
static const struct form_field_spec until_field = {
    "until", "identity.user.until", "identity.user.until_help", "is_date", NULL, false, 0};

const char *rank_text(struct request *rq, enum rank rank)
{
	static const char *const keys[] = {"identity.rank.staff", "identity.rank.chief",
	    "identity.rank.section", "identity.rank.division", "identity.rank.mayor"};
	return rq_tr(rq, (int)rank >= 0 && rank < RANK_COUNT ? keys[rank] : "identity.rank.staff");
}

const char *role_text(struct request *rq, const struct role_set *set, const char *name)
{
	int i = role_find(set, name);
	const struct role *role = i < 0 ? NULL : &set->list[i];
	if (role && role->title_ja)
		return text_eq(rq->lang, "en") && role->title_en ? role->title_en : role->title_ja;
	/* One that was granted, and that the city has no more. */
	return role ? rq_tr(rq, arena_printf(rq->arena, "identity.role.%s", name)) : name;
}

void put_term(json_t *row, const char *from, const char *until)
{
	if (!text_eq(from, DAY_FIRST))
		json_object_set_new(row, "from", json_string(from));
	if (!text_eq(until, DAY_LAST))
		json_object_set_new(row, "until", json_string(until));
}

void put_when(json_t *row, const char *from, const char *until, const char *day)
{
	put_term(row, from, until);
	json_object_set_new(
	    row, "now", json_boolean(strcmp(from, day) <= 0 && strcmp(until, day) >= 0));
	json_object_set_new(row, "past", json_boolean(strcmp(until, day) < 0));
}

static json_t *department_text(struct request *rq, struct db *db, int64_t id)
{
	struct err err;
	return json_string(id ? department_name_in(db, rq->arena, id, rq->lang, &err)
	                      : rq_tr(rq, "identity.user.whole_city"));
}

json_t *posts_view(struct request *rq, struct db *db, int64_t staff, bool only_now, struct err *err)
{
	char day[DAY_SIZE];
	json_t *out = json_array();
	today(day);
	struct rows *r = db_query(db, err, SQL(STAFF_POSTS), "i", staff);
	while (r && rows_next(r) > 0) {
		char *from = rows_dup(r, 4, rq->arena), *until = rows_dup(r, 5, rq->arena);
		if (only_now && (strcmp(from, day) > 0 || strcmp(until, day) < 0))
			continue;
		json_t *row = json_pack("{s:I, s:I, s:o, s:s, s:s, s:b}", "id",
		    (json_int_t)rows_i64(r, 0), "department_id", (json_int_t)rows_i64(r, 1),
		    "department", department_text(rq, db, rows_i64(r, 1)), "rank",
		    rank_name((enum rank)rows_i64(r, 2)), "rank_text",
		    rank_text(rq, (enum rank)rows_i64(r, 2)), "acting", (int)rows_i64(r, 3));
		put_when(row, from, until, day);
		json_array_append_new(out, row);
	}
	rows_end(r);
	return out;
}

static int64_t number_or(const char *text, int64_t fallback)
{
	int64_t n;
	return text && str_to_i64(str_from(text), 0, INT64_MAX, &n) ? n : fallback;
}

static void users_crumb(struct request *rq)
{
	rq_crumb(rq, rq_tr(rq, "identity.users.title"), "/staff/users");
}

/* Options of a select: the departments of today as a tree. */
int department_options(struct request *rq, struct db *db, json_t *field, int64_t selected,
    const char *none, struct err *err)
{
	char day[DAY_SIZE];
	struct department *tree;
	today(day);
	int n = department_tree(db, rq->arena, day, &tree, err);
	json_object_set_new(field, "is_select", json_true());
	json_object_set_new(field, "select", json_true());
	if (none)
		form_option(field, "", rq_tr(rq, none), selected == 0);
	for (int i = 0; i < n; i++) {
		struct buf label;
		buf_init(&label, rq->arena);
		for (int k = 0; k < tree[i].depth; k++)
			buf_puts(&label, "　");
		buf_puts(&label,
		    text_eq(rq->lang, "en") && tree[i].name_en[0] ? tree[i].name_en : tree[i].name);
		form_option(field, arena_printf(rq->arena, "%lld", (long long)tree[i].id), label.p,
		    tree[i].id == selected);
	}
	return n < 0 ? n : 0;
}

/* --- the list --- */

int users_get(struct request *rq, struct err *err)
{
	static const struct form_field_spec department = {
	    "department", "identity.user.department", NULL, "is_choice", NULL, false, 0};
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)err->kind;
	char day[DAY_SIZE];
	today(day);
	const char *q = rq_query(rq, "q");
	int64_t after = number_or(rq_query(rq, "after"), 0), last = 0;
	int64_t in = number_or(rq_query(rq, "department"), 0);
	json_t *out = json_array();
	int n = 0;
	struct rows *r = db_query(db, err, SQL(USERS), "tiiti", name_pattern(rq->arena, q ? q : ""),
	    after, in, day, (int64_t)PAGE);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		last = rows_i64(r, 0);
		n++;
		json_t *user =
		    json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:o}", "id", (json_int_t)last,
		        "login", rows_dup(r, 1, rq->arena), "name", rows_dup(r, 2, rq->arena),
		        "kana", rows_dup(r, 3, rq->arena), "state", rows_dup(r, 5, rq->arena),
		        "staff_state", rows_dup(r, 6, rq->arena), "has_second", (int)rows_i64(r, 8),
		        "posts", posts_view(rq, db, last, true, err));
		if (!str_is(rows_str(r, 5), "active"))
			json_object_set_new(user, "is_locked", json_true());
		if (!str_is(rows_str(r, 6), "active"))
			json_object_set_new(user, "has_left", json_true());
		if (rows_i64(r, 7))
			json_object_set_new(user, "signed_in", json_integer(rows_i64(r, 7)));
		json_array_append_new(out, user);
	}
	rows_end(r);
	if (rc < 0) {
		json_decref(out);
		return rc;
	}
	if (n &&
	    (rc = reading_note(rq,
	         &(struct reading){.kind = TRAIL_STAFF, .count = n, .detail = q && q[0] ? q : NULL},
	         err)) < 0) {
		json_decref(out);
		return rc;
	}
	page_title(rq, "identity.users.title");
	json_object_set_new(rq->view, "users", out);
	json_object_set_new(rq->view, "q", json_string(q ? q : ""));
	if (n == PAGE) {
		struct buf b;
		buf_init(&b, rq->arena);
		buf_printf(&b, "/staff/users?after=%lld&department=%lld&q=", (long long)last,
		    (long long)in);
		buf_url(&b, str_from(q ? q : ""));
		json_object_set_new(rq->view, "more", json_string(b.p));
	}
	json_t *filter = json_pack("{s:[]}", "fields");
	json_t *field = form_field(rq, filter, &department, NULL);
	rc = department_options(rq, db, field, in, "identity.user.any_department", err);
	json_object_set_new(rq->view, "filter", filter);
	return rc;
}

/* --- a new one --- */

static json_t *user_form(
    struct request *rq, const char *action, const char *button, bool with_login)
{
	json_t *form = page_form(rq, action, button);
	if (with_login)
		form_field(rq, form, &login_field, json_string(form_value(rq, "login")));
	form_field(rq, form, &name_field, json_string(form_value(rq, "name")));
	form_field(rq, form, &kana_field, json_string(form_value(rq, "kana")));
	form_field(rq, form, &mail_field, json_string(form_value(rq, "mail")));
	return form;
}

int user_new_get(struct request *rq, struct err *err)
{
	(void)err;
	users_crumb(rq);
	page_title(rq, "identity.user.new_title");
	(void)user_form(rq, "/staff/users/new", "identity.user.new_button", true);
	return 0;
}

struct editing {
	int64_t staff;
	struct account account;
	struct staff_fields f;
};

/* What was typed, checked. */
static void take_user(struct request *rq, struct staff_fields *f, bool with_login)
{
	struct buf kana;
	buf_init(&kana, rq->arena);
	text_to_katakana(&kana, str_from(form_value(rq, "kana")));
	f->login = login_fold(rq->arena, form_value(rq, "login"));
	f->name = form_value(rq, "name");
	f->kana = kana.p ? kana.p : "";
	f->mail = mail_tidy(rq->arena, form_value(rq, "mail"));
	if (with_login && !login_is_plain(f->login))
		form_problem(rq, "login", "identity.problem.login", NULL);
	if (!f->name[0])
		form_problem(rq, "name", "identity.problem.name", NULL);
	if (f->mail[0] && !mail_is_plain(f->mail))
		form_problem(rq, "mail", "identity.problem.mail", NULL);
	if (!f->mail[0])
		f->mail = NULL;
}

/* A link to choose the first password: by mail, or to be handed over. */
int invite(struct request *rq, struct db *db, int64_t id, struct err *err)
{
	struct account account;
	char *token;
	int rc = account_get(db, rq->arena, id, &account, err);
	if (rc < 0)
		return rc;
	if (account.mail) {
		rq_flash(rq, "success", "identity.user.invited", NULL);
		return reset_send(rq, db, &account, "identity/invite-staff", INVITE_S, NULL, err);
	}
	rc = once_make(db, rq->arena, "reset", id, NULL, INVITE_S, &token, err);
	if (rc == 0)
		rq_flash(rq, "warning", "identity.user.hand_over",
		    json_pack(
		        "{s:s}", "url", mail_link(rq, account.lang, "/password/reset/", token)));
	return rc;
}

static int user_new_write(struct request *rq, struct db *db, struct err *err)
{
	struct editing *e = rq_data(rq);
	int64_t account;
	int rc = staff_make(db, rq->actor.id, &e->f, &account, &e->staff, err);
	if (rc == 0)
		rc = invite(rq, db, account, err);
	if (rc < 0)
		return rc;
	return rq_redirect(rq, "/staff/users/%lld", (long long)e->staff);
}

int user_new_post(struct request *rq, struct err *err)
{
	struct editing *e = arena_new_of(rq->arena, struct editing);
	(void)user_new_get(rq, err); /* always 0 */
	take_user(rq, &e->f, true);
	rq_set_data(rq, e);
	return rq_write_or(rq, user_new_write, problem_page);
}

/* --- one of them --- */

static int load_user(struct request *rq, struct db *db, struct editing **out, struct err *err)
{
	struct editing *e = arena_new_of(rq->arena, struct editing);
	e->staff = rq_param_i64(rq, "id");
	int64_t account = staff_account(db, e->staff);
	int rc = account ? account_get(db, rq->arena, account, &e->account, err) : 0;
	if (rc == 0)
		return err_set(err, ERR_MISSING, NULL, "staff %s", rq_param(rq, "id"));
	*out = e;
	return rc < 0 ? rc : 0;
}

int note_colleague(struct request *rq, int64_t staff, struct err *err)
{
	return reading_note(rq,
	    &(struct reading){.kind = TRAIL_STAFF,
	        .subject = arena_printf(rq->arena, "staff:%lld", (long long)staff)},
	    err);
}

static json_t *roles_view(struct request *rq, struct db *db, int64_t staff, struct err *err)
{
	char day[DAY_SIZE];
	json_t *out = json_array();
	today(day);
	struct rows *r = db_query(db, err, SQL(STAFF_ROLES), "i", staff);
	while (r && rows_next(r) > 0) {
		char *role = rows_dup(r, 1, rq->arena);
		json_t *row = json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)rows_i64(r, 0),
		    "role", role, "role_text", role_text(rq, roles_of(db), role), "department",
		    department_text(rq, db, rows_i64(r, 2)));
		put_when(row, rows_dup(r, 3, rq->arena), rows_dup(r, 4, rq->arena), day);
		if (rows_str(r, 5).n)
			json_object_set_new(row, "reason", json_string(rows_dup(r, 5, rq->arena)));
		json_array_append_new(out, row);
	}
	rows_end(r);
	return out;
}

int user_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct editing *e;
	int rc = db ? load_user(rq, db, &e, err) : -(int)err->kind;
	if (rc < 0)
		return rc;
	struct rows *r = db_query(db, err, SQL(STAFF_ROW), "i", e->staff);
	rc = r ? rows_next(r) : -(int)ERR_STORE;
	char *kana = rc > 0 ? rows_dup(r, 2, rq->arena) : NULL;
	bool left = rc > 0 && !str_is(rows_str(r, 3), "active");
	rows_end(r);
	if (rc < 0)
		return rc;
	const struct account *a = &e->account;
	json_t *user = json_pack("{s:I, s:s, s:s, s:s, s:s*, s:s, s:b, s:b, s:b, s:b, s:b}", "id",
	    (json_int_t)e->staff, "login", a->login, "name", a->name, "kana", kana ? kana : "",
	    "mail", a->mail, "state", a->state, "is_locked", (int)text_eq(a->state, "locked"),
	    "has_left", (int)left, "has_second", (int)account_has_second(a), "has_password",
	    (int)(a->hash != NULL), "is_self", (int)(a->id == rq->actor.account));
	if (a->signed_in_us)
		json_object_set_new(user, "signed_in", json_integer(a->signed_in_us));
	if ((rc = note_colleague(rq, e->staff, err)) < 0) {
		json_decref(user);
		return rc;
	}
	users_crumb(rq);
	json_object_set_new(rq->view, "title", json_string(a->name));
	json_object_set_new(rq->view, "user_record", user);
	json_object_set_new(rq->view, "posts", posts_view(rq, db, e->staff, false, err));
	json_object_set_new(rq->view, "roles", roles_view(rq, db, e->staff, err));
	return 0;
}

/* --- editing --- */

/* What the form of a person shows; also the state of the staff member (may be NULL). */
static int edit_state(struct request *rq, struct db *db, const struct account *a, const char **out,
    char **state, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(STAFF_ROW), "i", a->staff);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	const char *values[] = {a->name, rc > 0 ? rows_dup(r, 2, rq->arena) : NULL, a->mail};
	if (rc > 0 && state)
		*state = rows_dup(r, 3, rq->arena);
	rows_end(r);
	*out = form_state(rq, values, COUNT(values));
	return rc < 0 ? rc : 0;
}

static void user_crumb(struct request *rq, const struct editing *e)
{
	users_crumb(rq);
	rq_crumb(
	    rq, e->account.name, arena_printf(rq->arena, "/staff/users/%lld", (long long)e->staff));
}

int user_edit_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct editing *e;
	int rc = db ? load_user(rq, db, &e, err) : -(int)err->kind;
	if (rc < 0 || (rc = note_colleague(rq, e->staff, err)) < 0)
		return rc;
	struct rows *r = db_query(db, err, SQL(STAFF_ROW), "i", e->staff);
	rc = r ? rows_next(r) : -(int)ERR_STORE;
	char *kana = rc > 0 ? rows_dup(r, 2, rq->arena) : NULL;
	rows_end(r);
	user_crumb(rq, e);
	page_title(rq, "identity.user.edit_title");
	json_t *form =
	    page_form(rq, arena_printf(rq->arena, "/staff/users/%lld/edit", (long long)e->staff),
	        "identity.user.edit_button");
	form_field(rq, form, &name_field, json_string(e->account.name));
	form_field(rq, form, &kana_field, json_string(kana ? kana : ""));
	form_field(rq, form, &mail_field, json_string(e->account.mail ? e->account.mail : ""));
	const char *values[] = {e->account.name, kana, e->account.mail};
	form_hidden(form, "seen", form_state(rq, values, COUNT(values)));
	return rc < 0 ? rc : 0;
}

static int user_edit_write(struct request *rq, struct db *db, struct err *err)
{
	struct editing *e = rq_data(rq);
	struct account now;
	const char *shown;
	char *state = NULL;
	int rc = account_get(db, rq->arena, e->account.id, &now, err);
	if (rc > 0)
		rc = edit_state(rq, db, &now, &shown, &state, err);
	if (rc == 0)
		rc = form_kept(rq, shown, "name", err);
	if (rc == 0)
		rc = staff_set(db, rq->actor.id, e->staff, e->f.name, e->f.kana, state, err);
	if (rc == 0 && !text_eq(e->f.mail, e->account.mail))
		rc = account_mail_change(rq, db, rq->actor.id, &e->account, e->f.mail, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.user.saved", NULL);
	return rq_redirect(rq, "/staff/users/%lld", (long long)e->staff);
}

int user_edit_post(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct editing *e;
	int rc = db ? load_user(rq, db, &e, err) : -(int)err->kind;
	if (rc < 0)
		return rc;
	user_crumb(rq, e);
	page_title(rq, "identity.user.edit_title");
	const char *shown;
	json_t *form =
	    user_form(rq, arena_printf(rq->arena, "/staff/users/%lld/edit", (long long)e->staff),
	        "identity.user.edit_button", false);
	if ((rc = edit_state(rq, db, &e->account, &shown, NULL, err)) < 0)
		return rc;
	form_hidden(form, "seen", shown); /* who sends it again knows */
	take_user(rq, &e->f, false);
	rq_set_data(rq, e);
	return rq_write_or(rq, user_edit_write, problem_page);
}

/* --- posts, roles --- */

static const struct {
	const char *name, *title;
	enum staff_row row;
} kinds[] = {
    {"post", "identity.user.add_post", ROW_POST},
    {"role", "identity.user.add_role", ROW_ROLE},
};

static int kind_find(const char *name)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (text_eq(kinds[i].name, name))
			return (int)i;
	return -1;
}

static int row_form(
    struct request *rq, struct db *db, const struct editing *e, int kind, struct err *err)
{
	static const struct form_field_spec department = {
	    "department", "identity.user.department", NULL, "is_choice", NULL, true, 0};
	static const struct form_field_spec rank = {
	    "rank", "identity.user.rank", NULL, "is_choice", NULL, true, 0};
	static const struct form_field_spec acting = {"acting", "identity.user.acting",
	    "identity.user.acting_help", "is_yes_no", NULL, false, 0};
	static const struct form_field_spec role = {
	    "role", "identity.user.role", NULL, "is_choice", NULL, true, 0};
	int rc = 0;
	user_crumb(rq, e);
	page_title(rq, kinds[kind].title);
	json_t *form = page_form(rq,
	    arena_printf(
	        rq->arena, "/staff/users/%lld/add/%s", (long long)e->staff, kinds[kind].name),
	    "identity.user.add_button");
	int64_t in = number_or(rq_form(rq, "department"), 0);
	if (kinds[kind].row == ROW_ROLE) {
		json_t *field = form_field(rq, form, &role, NULL);
		const struct role_set *set = roles_of(db);
		for (int i = 0; i < set->n; i++) {
			const char *name = set->list[i].name, *text = role_text(rq, set, name);
			form_option(field, name,
			    set->list[i].whole_city ? arena_printf(rq->arena, "%s – %s", text,
			                                  rq_tr(rq, "identity.user.whole_city"))
			                            : text,
			    text_eq(name, rq_form(rq, "role")));
		}
	}
	rc = department_options(rq, db, form_field(rq, form, &department, NULL), in,
	    kinds[kind].row == ROW_POST ? NULL : "identity.user.whole_city", err);
	if (kinds[kind].row == ROW_POST) {
		json_t *field = form_field(rq, form, &rank, NULL);
		int typed = rank_parse(rq_form(rq, "rank"));
		for (int i = 0; i < RANK_COUNT; i++)
			form_option(field, rank_name((enum rank)i), rank_text(rq, (enum rank)i),
			    i == (typed < 0 ? 0 : typed));
		field = form_field(rq, form, &acting, NULL);
		bool yes = text_eq(rq_form(rq, "acting"), "yes");
		form_option(field, "yes", rq_tr(rq, "identity.yes"), yes);
		form_option(field, "no", rq_tr(rq, "identity.no"), !yes);
	}
	form_field(rq, form, &from_field, json_string(form_value(rq, "from")));
	form_field(rq, form, &until_field, json_string(form_value(rq, "until")));
	if (kinds[kind].row == ROW_ROLE)
		form_field(rq, form, &reason_field, json_string(form_value(rq, "reason")));
	return rc;
}

int user_add_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct editing *e;
	int kind = kind_find(rq_param(rq, "kind"));
	if (kind < 0)
		return err_set(err, ERR_MISSING, NULL, "no kind %s", rq_param(rq, "kind"));
	int rc = db ? load_user(rq, db, &e, err) : -(int)err->kind;
	return rc < 0 ? rc : row_form(rq, db, e, kind, err);
}

static int user_add_write(struct request *rq, struct db *db, struct err *err)
{
	struct editing *e = rq_data(rq);
	int kind = kind_find(rq_param(rq, "kind")), rank, rc = 0;
	int64_t in = number_or(rq_form(rq, "department"), 0);
	struct term term = {form_value(rq, "from"), form_value(rq, "until")};
	struct department d;
	const char *actor = rq->actor.id;
	/* What the lists did not offer was not chosen in them. */
	if (in && department_get(db, rq->arena, in, &d, err) <= 0)
		return err_field(err, ERR_INPUT, "department", "identity.problem.department",
		    "department %lld", (long long)in);
	if (kinds[kind].row == ROW_POST) {
		rank = rank_parse(rq_form(rq, "rank"));
		if (rank < 0)
			return err_field(
			    err, ERR_INPUT, "rank", "identity.problem.rank", "no rank");
		if (!in)
			return err_field(err, ERR_INPUT, "department",
			    "identity.problem.department", "no department");
		rc = post_make(db, actor, e->staff, in, (enum rank)rank,
		    text_eq(rq_form(rq, "acting"), "yes"), term, err);
	} else {
		const struct granted granted = {.staff = e->staff,
		    .role = form_value(rq, "role"),
		    .reason = form_value(rq, "reason"),
		    .term = term};
		rc = role_make(db, actor, e->staff, granted.role, in, term, granted.reason, err);
		if (rc == 0)
			rc = grant_tell(rq, db, &granted, err);
	}
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.user.saved", NULL);
	return rq_redirect(rq, "/staff/users/%lld", (long long)e->staff);
}

int user_add_post(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct editing *e;
	int kind = kind_find(rq_param(rq, "kind"));
	if (kind < 0)
		return err_set(err, ERR_MISSING, NULL, "no kind %s", rq_param(rq, "kind"));
	int rc = db ? load_user(rq, db, &e, err) : -(int)err->kind;
	if (rc == 0)
		rc = row_form(rq, db, e, kind, err);
	if (rc < 0)
		return rc;
	rq_set_data(rq, e);
	return rq_write_or(rq, user_add_write, problem_page);
}

static int user_end_write(struct request *rq, struct db *db, struct err *err)
{
	struct editing *e = rq_data(rq);
	int kind = kind_find(rq_form(rq, "kind"));
	if (kind < 0)
		return err_set(err, ERR_MALFORMED, NULL, "no kind");
	int rc = staff_row_end(db, rq->actor.id, e->staff, kinds[kind].row,
	    number_or(rq_form(rq, "row"), 0), yesterday(rq), err);
	if (rc == -(int)ERR_MISSING)
		return err_set(err, ERR_CONFLICT, "identity.user.ended_already",
		    "row %s of staff %lld is not there", rq_form(rq, "row"), (long long)e->staff);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.user.ended", NULL);
	return rq_redirect(rq, "/staff/users/%lld", (long long)e->staff);
}

int user_end_post(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct editing *e;
	int rc = db ? load_user(rq, db, &e, err) : -(int)err->kind;
	if (rc < 0)
		return rc;
	rq_set_data(rq, e);
	return rq_write(rq, user_end_write);
}

/* --- locking, passwords, second factors: for staff and residents --- */

static int account_do(struct request *rq, struct db *db, const struct account *a, struct err *err)
{
	const char *what = rq_form(rq, "do"), *actor = rq->actor.id;
	int rc;
	if (a->id == rq->actor.account)
		return err_set(err, ERR_CONFLICT, "identity.user.not_yourself",
		    "%s acts on their own account", actor);
	if (text_eq(what, "lock")) {
		rc = account_shut(db, actor, a->id, err);
		if (rc == 0)
			rc = account_set_state(db, actor, a->id, "locked", err);
	} else if (text_eq(what, "unlock")) {
		rc = account_set_state(db, actor, a->id, "active", err);
	} else if (text_eq(what, "reset")) {
		/* Invites also when there was no password yet; the old one works until a new one is
		 * set. */
		rc = account_is_staff(a) ? invite(rq, db, a->id, err)
		     : a->mail ? reset_send(rq, db, a, "password-reset", RESET_S, NULL, err)
		               : 0;
		if (rc == 0)
			rc = account_journal(db, actor, "identity.reset_sent", a->id, NULL, err);
	} else if (text_eq(what, "second")) {
		rc = seconds_remove(db, actor, a->id, err);
		if (rc == 0)
			rc = account_mail(rq, db, a, "second-removed", NULL, err);
	} else {
		return err_set(err, ERR_MALFORMED, NULL, "do nothing known");
	}
	if (rc == 0)
		rq_flash(rq, "success", "identity.user.saved", NULL);
	return rc;
}

static int user_do_write(struct request *rq, struct db *db, struct err *err)
{
	struct editing *e = rq_data(rq);
	const char *what = rq_form(rq, "do");
	int rc = 0;
	if (text_eq(what, "leave") || text_eq(what, "return")) {
		bool leave = text_eq(what, "leave");
		if (e->account.id == rq->actor.account)
			return err_set(err, ERR_CONFLICT, "identity.user.not_yourself",
			    "%s leaves by themselves", rq->actor.id);
		struct rows *r = db_query(db, err, SQL(STAFF_ROW), "i", e->staff);
		rc = r ? rows_next(r) : -(int)ERR_STORE;
		char *kana = rc > 0 ? rows_dup(r, 2, rq->arena) : NULL;
		rows_end(r);
		if (rc > 0)
			rc = staff_set(db, rq->actor.id, e->staff, e->account.name, kana,
			    leave ? "left" : "active", err);
		if (rc == 0 && leave)
			rc = account_shut(db, rq->actor.id, e->account.id, err);
		if (rc == 0)
			rc = account_set_state(
			    db, rq->actor.id, e->account.id, leave ? "locked" : "active", err);
		if (rc == 0)
			rq_flash(rq, "success", "identity.user.saved", NULL);
	} else {
		rc = account_do(rq, db, &e->account, err);
	}
	return rc < 0 ? rc : rq_redirect(rq, "/staff/users/%lld", (long long)e->staff);
}

int user_do_post(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct editing *e;
	int rc = db ? load_user(rq, db, &e, err) : -(int)err->kind;
	if (rc < 0)
		return rc;
	rq_set_data(rq, e);
	return rq_write(rq, user_do_write);
}

/* --- residents --- */

/* Whoever was found sees in the trail that they were looked up, and why. */
static int note_people(struct request *rq, struct db *db, const json_t *ids, struct err *err)
{
	size_t n = json_array_size(ids);
	int rc = 0;
	struct reading r = {.kind = TRAIL_LOOK_UP,
	    .count = (int64_t)n,
	    .beyond = true,
	    .reason = form_value(rq, "reason"),
	    .detail = form_value(rq, "q")};
	for (size_t i = 0; i < n && rc == 0; i++) {
		r.person = json_integer_value(json_array_get(ids, i));
		rc = trail_add_of(rq, db, &r, err);
	}
	return n ? rc : trail_add_of(rq, db, &r, err);
}

/* Looking somebody up is journalled with what was asked for, not with what was found. */
static int residents_write(struct request *rq, struct db *db, struct err *err)
{
	const char *q = form_value(rq, "q");
	json_t *out = json_array(), *ids = json_on_arena(rq->arena, json_array());
	struct rows *r = db_query(
	    db, err, SQL(RESIDENTS), "tt", login_fold(rq->arena, q), name_fold(rq->arena, q));
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		/* A protected person is there for those named only, here as everywhere. */
		if (protect_hides_account(db, rows_i64(r, 0), rq->actor.person))
			continue;
		json_array_append_new(ids, json_integer(rows_i64(r, 1)));
		json_t *row = json_pack("{s:I, s:s, s:s, s:s, s:b, s:b}", "id",
		    (json_int_t)rows_i64(r, 0), "name", rows_dup(r, 2, rq->arena), "birthday",
		    rows_dup(r, 3, rq->arena), "mail", rows_dup(r, 4, rq->arena), "is_locked",
		    (int)str_is(rows_str(r, 5), "locked"), "has_second", (int)rows_i64(r, 7));
		if (rows_i64(r, 6))
			json_object_set_new(row, "signed_in", json_integer(rows_i64(r, 6)));
		json_array_append_new(out, row);
	}
	rows_end(r);
	json_object_set_new(rq->view, "searched", json_true());
	json_object_set_new(rq->view, "residents", out);
	json_object_set_new(
	    rq->view, "manages", json_boolean(request_may(rq, db, "identity.manage", 0)));
	json_t *data = json_pack("{s:s, s:O}", "query", q, "persons", ids);
	if (rc == 0) {
		struct journal_change change = {.actor = rq->actor.id,
		    .verb = "identity.looked_up",
		    .subject = arena_printf(rq->arena, "look-up:%s", rq->actor.id),
		    .data = data};
		rc = journal_add(db, &change, NULL, err);
	}
	json_decref(data);
	return rc == 0 ? note_people(rq, db, ids, err) : rc;
}

int residents_get(struct request *rq, struct err *err)
{
	(void)err;
	users_crumb(rq);
	page_title(rq, "identity.residents.title");
	json_object_set_new(rq->view, "reason_field", reading_reason_field(rq));
	return 0;
}

int residents_post(struct request *rq, struct err *err)
{
	(void)residents_get(rq, err); /* always 0 */
	if (!form_value(rq, "q")[0])
		return 0;
	json_object_set_new(rq->view, "q", json_string(form_value(rq, "q")));
	if (!form_value(rq, "reason")[0])
		rq_problem(rq, "reason", "trail.reason.missing", NULL);
	json_object_set_new(rq->view, "reason_field", reading_reason_field(rq));
	return rq_write(rq, residents_write);
}

static int resident_do_write(struct request *rq, struct db *db, struct err *err)
{
	struct account a;
	int rc = account_get(db, rq->arena, rq_param_i64(rq, "id"), &a, err);
	if (rc == 0 ||
	    (rc > 0 && (account_is_staff(&a) || protect_hides_account(db, a.id, rq->actor.person))))
		return err_set(err, ERR_MISSING, NULL, "resident %s", rq_param(rq, "id"));
	if (rc > 0)
		rc = account_do(rq, db, &a, err);
	return rc < 0 ? rc : rq_redirect(rq, "/staff/residents");
}

int resident_do_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, resident_do_write);
}
