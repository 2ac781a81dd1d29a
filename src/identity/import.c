/* /staff/users/import: staff from a CSV file of the personnel section. All or nothing: a file with
 * a problem changes nothing, and every problem is shown with its line.
 *
 * A row is one post of one person; a person with several posts has several rows. Rows of people who
 * are there already bring name, reading and mail up to date, as far as they say them, and add posts
 * that they do not have. */
#include "identity/private.h"

#include <string.h>

#include "base/csv.h"
#include "base/text.h"
#include "base/time.h"

enum { ROWS_MAX = 20000, PROBLEMS_MAX = 50 };

enum column { LOGIN, NAME, KANA, MAIL, DEPARTMENT, RANK, ACTING, FROM, UNTIL, ROLE, COLUMN_COUNT };

static const struct {
	const char *ja, *en;
	bool required;
} columns[] = {
    [LOGIN] = {"ログイン名", "login", true},
    [NAME] = {"氏名", "name", true},
    [KANA] = {"フリガナ", "kana", false},
    [MAIL] = {"メールアドレス", "mail", false},
    [DEPARTMENT] = {"組織コード", "department", false},
    [RANK] = {"職", "rank", false},
    [ACTING] = {"事務取扱", "acting", false},
    [FROM] = {"開始日", "from", false},
    [UNTIL] = {"終了日", "until", false},
    [ROLE] = {"役割", "role", false},
};
_Static_assert(COUNT(columns) == COLUMN_COUNT, "a name for every column");

struct line {
	size_t number;
	const char *value[COLUMN_COUNT];
	int rank;
	int64_t department; /* 0: no post in this row */
};

struct import {
	struct line *lines;
	int n, cap;
	json_t *problems; /* [{line, text}] */
	int made, changed, posts;
};

static void problem(
    struct request *rq, struct import *im, size_t line, const char *key, const char *value)
{
	if (json_array_size(im->problems) >= PROBLEMS_MAX)
		return;
	json_t *args = json_on_arena(rq->arena, json_pack("{s:s}", "value", value ? value : ""));
	json_array_append_new(
	    im->problems, json_pack("{s:I, s:s}", "line", (json_int_t)line, "text",
	                      i18n_format(rq->city->i18n, rq->arena, rq->lang, key, args)));
}

/* place[c]: the field that holds column c, -1: none. */
static bool find_columns(struct request *rq, struct import *im, const struct str *fields, size_t n,
    int place[COLUMN_COUNT])
{
	bool ok = true;
	for (int c = 0; c < COLUMN_COUNT; c++) {
		place[c] = -1;
		for (size_t i = 0; i < n; i++) {
			struct str name = str_trim(fields[i]);
			if (str_is(name, columns[c].ja) || str_is(name, columns[c].en))
				place[c] = (int)i;
		}
		if (place[c] < 0 && columns[c].required) {
			problem(rq, im, 1, "identity.import.no_column",
			    text_eq(rq->lang, "en") ? columns[c].en : columns[c].ja);
			ok = false;
		}
	}
	return ok;
}

static struct line *add_line(struct arena *a, struct import *im)
{
	if (im->n == im->cap) {
		im->cap = im->cap ? im->cap * 2 : 256;
		struct line *more = arena_array(a, (size_t)im->cap, sizeof(*more));
		if (im->n)
			memcpy(more, im->lines, (size_t)im->n * sizeof(*more));
		im->lines = more;
	}
	return &im->lines[im->n++];
}

static const char *folded(struct arena *a, struct str s, void (*fold)(struct buf *, struct str))
{
	struct buf b;
	buf_init(&b, a);
	fold(&b, str_trim(s));
	return b.p ? str_dup(a, str_trim(buf_to_str(&b))) : "";
}

static void check_line(struct request *rq, struct db *db, struct import *im, struct line *l)
{
	char day[DAY_SIZE], until[DAY_SIZE];
	struct err err;
	if (!login_is_plain(l->value[LOGIN]))
		problem(rq, im, l->number, "identity.import.login", l->value[LOGIN]);
	if (!l->value[NAME][0])
		problem(rq, im, l->number, "identity.import.name", NULL);
	if (l->value[MAIL][0] && !mail_is_plain(l->value[MAIL]))
		problem(rq, im, l->number, "identity.import.mail", l->value[MAIL]);
	if (l->value[DEPARTMENT][0] &&
	    department_by_code(db, l->value[DEPARTMENT], &l->department, &err) <= 0)
		problem(rq, im, l->number, "identity.import.department", l->value[DEPARTMENT]);
	l->rank = l->value[RANK][0] ? rank_parse(l->value[RANK]) : RANK_STAFF;
	if (l->rank < 0)
		problem(rq, im, l->number, "identity.import.rank", l->value[RANK]);
	if (l->value[RANK][0] && !l->value[DEPARTMENT][0])
		problem(rq, im, l->number, "identity.import.rank_alone", l->value[RANK]);
	bool days = true;
	for (int c = FROM; c <= UNTIL; c++)
		if (!day_of(l->value[c], DAY_FIRST, day)) {
			problem(rq, im, l->number, "identity.import.date", l->value[c]);
			days = false;
		}
	struct term term = {l->value[FROM], l->value[UNTIL]};
	if (days && term_days(&term, day, until, &err) < 0)
		problem(rq, im, l->number, "identity.ends_before", NULL);
	const struct role_set *set = roles_of(db);
	int role = role_find(set, l->value[ROLE]);
	if (l->value[ROLE][0] && role < 0)
		problem(rq, im, l->number, "identity.import.role", l->value[ROLE]);
	else if (l->value[ROLE][0] && l->value[DEPARTMENT][0] && set->list[role].whole_city)
		problem(rq, im, l->number, "identity.import.whole_city_role", l->value[ROLE]);
}

/* Reads and checks the whole file. */
static int read_file(
    struct request *rq, const struct upload *file, struct import *im, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct csv_reader *csv = csv_reader_fd(rq->arena, file->fd, NULL);
	const struct str *fields;
	size_t n;
	int place[COLUMN_COUNT];
	if (!db)
		return -(int)err->kind;
	int rc = csv_next(csv, &fields, &n, err);
	if (rc > 0 && !find_columns(rq, im, fields, n, place))
		return 0;
	while (rc > 0 && (rc = csv_next(csv, &fields, &n, err)) > 0) {
		if (im->n == ROWS_MAX) {
			problem(rq, im, csv_line(csv), "identity.import.too_long", NULL);
			return 0;
		}
		struct line *l = add_line(rq->arena, im);
		*l = (struct line){.number = csv_line(csv)};
		for (int c = 0; c < COLUMN_COUNT; c++) {
			struct str s =
			    place[c] >= 0 && (size_t)place[c] < n ? fields[place[c]] : STR("");
			l->value[c] = c == LOGIN || c == MAIL
			                  ? login_fold(rq->arena, str_dup(rq->arena, s))
			              : c == KANA ? folded(rq->arena, s, text_to_katakana)
			                          : folded(rq->arena, s, text_to_half_width);
		}
		check_line(rq, db, im, l);
	}
	if (rc == -(int)ERR_INPUT) {
		problem(
		    rq, im, csv_line(csv), err->msg ? err->msg : "identity.import.broken", NULL);
		return 0;
	}
	if (rc == 0 && im->n == 0)
		problem(rq, im, 1, "identity.import.empty", NULL);
	return rc;
}

static bool is_yes(const char *text)
{
	static const char *const words[] = {"1", "yes", "true", "はい", "有", "○", "◯"};
	for (size_t i = 0; i < COUNT(words); i++)
		if (text_eq(words[i], text))
			return true;
	return false;
}

/* Is a post like this there already? */
static int has_post(struct db *db, int64_t staff, const struct line *l, struct err *err)
{
	char from[DAY_SIZE];
	int found = 0;
	(void)day_of(l->value[FROM], DAY_FIRST, from); /* checked before */
	struct rows *r = db_query(db, err, SQL(STAFF_POSTS), "i", staff);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0)
		if (rows_i64(r, 1) == l->department && rows_i64(r, 2) == l->rank &&
		    str_is(rows_str(r, 4), from))
			found = 1;
	rows_end(r);
	return rc < 0 ? rc : found;
}

static int has_role(struct db *db, int64_t staff, const struct line *l, struct err *err)
{
	int found = 0;
	struct rows *r = db_query(db, err, SQL(STAFF_ROLES), "i", staff);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0)
		if (str_is(rows_str(r, 1), l->value[ROLE]) && rows_i64(r, 2) == l->department)
			found = 1;
	rows_end(r);
	return rc < 0 ? rc : found;
}

/* The name, and the reading of it when the row has one, brought up to date. */
static int import_names(struct request *rq, struct db *db, struct import *im, int64_t staff,
    const struct line *l, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(STAFF_ROW), "i", staff);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	const char *name = rc > 0 ? rows_dup(r, 1, rq->arena) : NULL;
	const char *kana = rc > 0 ? rows_dup(r, 2, rq->arena) : NULL;
	const char *state = rc > 0 ? rows_dup(r, 3, rq->arena) : NULL;
	rows_end(r);
	if (rc <= 0)
		return rc;
	const char *fresh = l->value[KANA][0] ? l->value[KANA] : kana;
	if (text_eq(name, l->value[NAME]) && text_eq(kana, fresh))
		return 0;
	im->changed++;
	return staff_set(db, rq->actor.id, staff, l->value[NAME], fresh, state, err);
}

/* The person of the row: made, or brought up to date. */
static int import_person(struct request *rq, struct db *db, struct import *im, const struct line *l,
    int64_t *staff, struct err *err)
{
	struct account a;
	int64_t account;
	const char *actor = rq->actor.id;
	int rc = account_find(db, rq->arena, "staff", l->value[LOGIN], &a, err);
	if (rc == 0) {
		struct staff_fields f = {
		    .login = l->value[LOGIN],
		    .name = l->value[NAME],
		    .kana = l->value[KANA],
		    .mail = l->value[MAIL][0] ? l->value[MAIL] : NULL,
		};
		rc = staff_make(db, actor, &f, &account, staff, err);
		if (rc == 0)
			rc = account_get(db, rq->arena, account, &a, err);
		if (rc > 0 && a.mail)
			rc = reset_send(rq, db, &a, "identity/invite-staff", INVITE_S, NULL, err);
		im->made++;
		return rc < 0 ? rc : 0;
	}
	if (rc < 0)
		return rc;
	*staff = a.staff;
	rc = import_names(rq, db, im, a.staff, l, err);
	if (rc == 0 && l->value[MAIL][0] && !text_eq(a.mail, l->value[MAIL])) {
		rc = account_mail_change(rq, db, actor, &a, l->value[MAIL], err);
		if (rc == 0 && !a.hash) { /* the invitation went to the old one */
			a.mail = (char *)l->value[MAIL];
			rc = reset_send(rq, db, &a, "identity/invite-staff", INVITE_S, NULL, err);
		}
		im->changed++;
	}
	return rc;
}

static int import_write(struct request *rq, struct db *db, struct err *err)
{
	struct import *im = rq_data(rq);
	im->made = im->changed = im->posts = 0;
	for (int i = 0; i < im->n; i++) {
		const struct line *l = &im->lines[i];
		struct term term = {l->value[FROM], l->value[UNTIL]};
		int64_t staff;
		int rc = import_person(rq, db, im, l, &staff, err);
		if (rc == 0 && l->department) {
			int there = has_post(db, staff, l, err);
			if (there == 0)
				rc = post_make(db, rq->actor.id, staff, l->department,
				    (enum rank)l->rank, is_yes(l->value[ACTING]), term, err);
			im->posts += there == 0;
			rc = there < 0 ? there : rc;
		}
		if (rc == 0 && l->value[ROLE][0]) {
			int there = has_role(db, staff, l, err);
			if (there == 0)
				rc = role_make(db, rq->actor.id, staff, l->value[ROLE],
				    l->department, term, "", err);
			rc = there < 0 ? there : rc;
		}
		if (rc < 0)
			return err_prefix(err, "line %zu: ", l->number);
	}
	rq_flash(rq, "success", "identity.import.done",
	    json_pack(
	        "{s:i, s:i, s:i}", "made", im->made, "changed", im->changed, "posts", im->posts));
	return rq_redirect(rq, "/staff/users");
}

int import_get(struct request *rq, struct err *err)
{
	static const struct form_field_spec file = {
	    "file", "identity.import.file", "identity.import.file_help", "is_file", NULL, true, 0};
	(void)err;
	rq_crumb(rq, rq_tr(rq, "identity.users.title"), "/staff/users");
	page_title(rq, "identity.import.title");
	json_t *form = page_form(rq, "/staff/users/import", "identity.import.button");
	json_object_set_new(form, "multipart", json_true());
	json_t *field = form_field(rq, form, &file, NULL);
	json_object_set_new(field, "accept", json_string(".csv,.txt"));
	json_object_set_new(field, "can_add", json_true());
	json_object_set_new(field, "single", json_true());
	json_t *list = json_array();
	for (int c = 0; c < COLUMN_COUNT; c++)
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:b}", "name",
		        text_eq(rq->lang, "en") ? columns[c].en : columns[c].ja, "key",
		        columns[c].en, "help",
		        rq_tr(rq,
		            arena_printf(rq->arena, "identity.import.column_%s", columns[c].en)),
		        "required", (int)columns[c].required));
	json_object_set_new(rq->view, "columns", list);
	return 0;
}

int import_post(struct request *rq, struct err *err)
{
	const struct upload *file = rq_upload(rq, "file", 0);
	struct import *im = arena_new_of(rq->arena, struct import);
	(void)import_get(rq, err); /* always 0 */
	if (!file || file->size == 0) {
		form_problem(rq, "file", "identity.import.no_file", NULL);
		return 0;
	}
	im->problems = json_on_arena(rq->arena, json_array());
	int rc = read_file(rq, file, im, err);
	if (rc < 0)
		return rc;
	if (json_array_size(im->problems)) {
		json_object_set(rq->view, "line_problems", im->problems);
		form_problem(rq, "file", "identity.import.has_problems", NULL);
		return 0;
	}
	rq_set_data(rq, im);
	return rq_write_or(rq, import_write, problem_page);
}
