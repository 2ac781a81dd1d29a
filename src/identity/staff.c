/* Staff: posts, granted roles, absences, deputies (the last two: absence.c); all dated rows that
 * belong to a staff member and are journalled as that member's state. */
#include "identity/private.h"

#include <string.h>

#include "base/time.h"

/* --- state for journal and verifier --- */

/* Appends one array per row: the columns from 1 on, numbers as such. text: bit n set when column n
 * holds text. Columns from `later` on came with a later step: without a value they are left out, so
 * that the state of a row is what the journal said before. */
static int rows_as_arrays(struct db *db, const struct sql *sql, int64_t staff, int columns,
    unsigned text, int later, json_t *out, struct err *err)
{
	struct rows *r = db_query(db, err, sql, "i", staff);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		json_t *row = json_array();
		for (int c = 1; c < columns; c++) {
			struct str s = text >> c & 1 ? rows_str(r, c) : (struct str){0};
			if (c >= later && (s.p ? s.n == 0 : rows_i64(r, c) == 0))
				continue;
			json_array_append_new(
			    row, s.p ? json_stringn(s.p, s.n) : json_integer(rows_i64(r, c)));
		}
		json_array_append_new(out, row);
	}
	rows_end(r);
	return rc;
}

static int staff_state(struct db *db, int64_t staff, json_t **out, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(STAFF_ROW), "i", staff);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	*out = NULL;
	if (rc == 0)
		rc = err_set(err, ERR_MISSING, NULL, "staff %lld", (long long)staff);
	if (rc > 0)
		*out = json_pack("{s:I, s:s%, s:s%, s:s%}", "account", (json_int_t)rows_i64(r, 0),
		    "name", rows_str(r, 1).p, rows_str(r, 1).n, "kana", rows_str(r, 2).p,
		    rows_str(r, 2).n, "state", rows_str(r, 3).p, rows_str(r, 3).n);
	rows_end(r);
	if (rc < 0)
		return rc;
	static const struct {
		const char *name;
		enum identity_statement sql;
		int columns, later;
		unsigned text;
	} parts[] = {
	    {"posts", SQL_STAFF_POSTS, 6, 6, 1u << 4 | 1u << 5},
	    {"roles", SQL_STAFF_ROLES, 6, 5, 1u << 1 | 1u << 3 | 1u << 4 | 1u << 5},
	    {"absences", SQL_STAFF_ABSENCES, 4, 3, 1u << 1 | 1u << 2 | 1u << 3},
	    {"deputies", SQL_STAFF_DEPUTIES, 7, 5, 1u << 3 | 1u << 4},
	};
	for (size_t i = 0; i < COUNT(parts) && rc >= 0; i++) {
		json_t *rows = json_array();
		json_object_set_new(*out, parts[i].name, rows);
		rc = rows_as_arrays(db, &identity_sql[parts[i].sql], staff, parts[i].columns,
		    parts[i].text, parts[i].later, rows, err);
	}
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
		return rc;
	}
	return 0;
}

int staff_journal(struct db *db, const char *actor, const char *verb, int64_t staff, json_t *data,
    struct err *err)
{
	json_t *state;
	int rc = staff_state(db, staff, &state, err);
	if (rc < 0)
		return rc;
	char subject[48];
	(void)snprintf(subject, sizeof(subject), "staff:%lld", (long long)staff);
	struct journal_change change = {
	    .actor = actor, .verb = verb, .subject = subject, .data = data, .state = state};
	rc = journal_add(db, &change, NULL, err);
	json_decref(state);
	return rc;
}

static int each_staff(struct db *db, int (*take)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(STAFF_IDS), "");
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		int64_t id = rows_i64(r, 0);
		json_t *state;
		rc = staff_state(db, id, &state, err);
		if (rc < 0)
			break;
		char subject[48];
		(void)snprintf(subject, sizeof(subject), "staff:%lld", (long long)id);
		rc = take(arg, subject, state);
		json_decref(state);
		if (rc < 0)
			break;
	}
	rows_end(r);
	return rc;
}

const struct journal_verifier staff_verifier = {.kind = "staff", .each = each_staff};

/* --- look-ups --- */

static const char kept_name;

char *staff_name(struct db *db, struct arena *a, int64_t staff, struct err *err)
{
	char *name = db_recall(db, &kept_name, staff);
	if (name)
		return name;
	if (db_memo(db))
		a = db_memo(db);
	struct rows *r = db_query(db, err, SQL(STAFF_ROW), "i", staff);
	name = r && rows_next(r) > 0 ? rows_dup(r, 1, a) : NULL;
	rows_end(r);
	if (!name)
		name = arena_strdup(a, "");
	db_remember(db, &kept_name, staff, name);
	return name;
}

int64_t staff_account(struct db *db, int64_t staff)
{
	int64_t account = 0;
	return db_get_i64(db, NULL, &account, SQL(STAFF_ROW), "i", staff) > 0 ? account : 0;
}

int staff_mail(
    struct db *db, struct arena *a, int64_t staff, char **mail, char **lang, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(STAFF_MAIL), "i", staff);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		*mail = rows_dup(r, 0, a);
		*lang = rows_dup(r, 1, a);
	}
	rows_end(r);
	if (rc == 0)
		return err_set(err, ERR_MISSING, NULL, "staff %lld", (long long)staff);
	return rc < 0 ? rc : 0;
}

/* Room for one more than n. */
static int64_t *id_room(struct arena *a, int64_t *ids, int n, int *cap)
{
	if (n < *cap)
		return ids;
	*cap = *cap ? *cap * 2 : 8;
	int64_t *more = arena_array(a, (size_t)*cap, sizeof(*more));
	if (n)
		memcpy(more, ids, (size_t)n * sizeof(*more));
	return more;
}

int id_list(struct rows *r, struct arena *a, int64_t **out)
{
	int64_t *ids = NULL;
	int n = 0, cap = 0, rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		ids = id_room(a, ids, n, &cap);
		ids[n++] = rows_i64(r, 0);
	}
	rows_end(r);
	*out = ids;
	return rc < 0 ? rc : n;
}

/* As id_list() for staff with their names, which pages ask for next. */
static int staff_list(struct db *db, struct rows *r, struct arena *a, int64_t **out)
{
	struct arena *memo = db_memo(db);
	int64_t *ids = NULL;
	int n = 0, cap = 0, rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		ids = id_room(a, ids, n, &cap);
		ids[n++] = rows_i64(r, 0);
		if (memo)
			db_remember(db, &kept_name, ids[n - 1], rows_dup(r, 1, memo));
	}
	rows_end(r);
	*out = ids;
	return rc < 0 ? rc : n;
}

int staff_of_post(struct db *db, struct arena *a, int64_t department, enum rank rank,
    int64_t **staff, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	/* Up the line until a department has the rank. The bound ends a circle. */
	for (int depth = 0; department && depth < 64; depth++) {
		int n = staff_list(db,
		    db_query(db, err, SQL(POST_HOLDERS), "iit", department, (int64_t)rank, day), a,
		    staff);
		if (n != 0 || rank == RANK_STAFF)
			return n;
		int rc = db_get_i64(db, err, &department, SQL(DEPARTMENT_ABOVE), "i", department);
		if (rc <= 0)
			return rc;
	}
	*staff = arena_array(a, 1, sizeof(**staff));
	return 0;
}

bool staff_holds(struct db *db, int64_t staff, int64_t department, enum rank rank)
{
	struct arena *a = arena_new();
	struct err err;
	int64_t *ids;
	int n = staff_of_post(db, a, department, rank, &ids, &err);
	bool holds = false;
	for (int i = 0; i < n; i++) /* on an error: no */
		holds = holds || ids[i] == staff;
	arena_free(a);
	return holds;
}

int staff_of_department(
    struct db *db, struct arena *a, int64_t department, int64_t **staff, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	return staff_list(
	    db, db_query(db, err, SQL(POST_MEMBERS), "it", department, day), a, staff);
}

/* --- changes --- */

int staff_changed(struct db *db, const char *actor, const char *verb, int64_t staff, int rc,
    json_t *data, struct err *err)
{
	if (rc >= 0)
		rc = staff_journal(db, actor, verb, staff, data, err);
	json_decref(data);
	return rc < 0 ? rc : 0;
}

int staff_set(struct db *db, const char *actor, int64_t staff, const char *name, const char *kana,
    const char *state, struct err *err)
{
	struct arena *a = arena_new();
	int64_t n = db_run(db, err, SQL(STAFF_SET), "itttt", staff, name, name_fold(a, name),
	    kana ? kana : "", state);
	arena_free(a);
	return n < 0 ? (int)n
	             : staff_journal(db, actor, "identity.staff_changed", staff, NULL, err);
}

int post_make(struct db *db, const char *actor, int64_t staff, int64_t department, enum rank rank,
    bool acting, struct term term, struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	int64_t id;
	int rc = term_days(&term, from, until, err);
	if (rc < 0)
		return rc;
	rc = db_get_i64(db, err, &id, SQL(POST_ADD), "iiiitt", staff, department, (int64_t)rank,
	    (int64_t)acting, from, until);
	return staff_changed(db, actor, "identity.post_added", staff, rc,
	    json_pack("{s:I, s:s, s:b, s:s, s:s}", "department", (json_int_t)department, "rank",
	        rank_name(rank), "acting", acting, "from", from, "until", until),
	    err);
}

int role_make(struct db *db, const char *actor, int64_t staff, const char *role, int64_t department,
    struct term term, const char *reason, struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	int64_t id;
	const struct role_set *set = roles_of(db);
	int known = role_find(set, role);
	if (known < 0)
		return err_field(
		    err, ERR_INPUT, "role", "identity.unknown_role", "no role \"%s\"", role);
	if (department && set->list[known].whole_city)
		return err_field(err, ERR_INPUT, "department", "identity.problem.whole_city_role",
		    "%s is a role for the whole city, not for a department", role);
	int rc = term_days(&term, from, until, err);
	if (rc < 0)
		return rc;
	rc = db_get_i64(
	    db, err, &id, SQL(ROLE_ADD), "itittt", staff, role, department, from, until, reason);
	return staff_changed(db, actor, "identity.role_granted", staff, rc,
	    json_pack("{s:s, s:I, s:s, s:s, s:s}", "role", role, "department",
	        (json_int_t)department, "from", from, "until", until, "reason", reason),
	    err);
}

int staff_row_end(struct db *db, const char *actor, int64_t staff, enum staff_row kind, int64_t row,
    const char *last_day, struct err *err)
{
	static const struct {
		enum identity_statement end, drop;
		const char *verb;
	} kinds[] = {
	    [ROW_POST] = {SQL_POST_END, SQL_POST_DROP, "identity.post_ended"},
	    [ROW_ROLE] = {SQL_ROLE_END, SQL_ROLE_DROP, "identity.role_ended"},
	    [ROW_ABSENCE] = {SQL_ABSENCE_END, SQL_ABSENCE_DROP, "identity.absence_ended"},
	    [ROW_DEPUTY] = {SQL_DEPUTY_END, SQL_DEPUTY_DROP, "identity.deputy_ended"},
	};
	int64_t n = db_run(db, err, &identity_sql[kinds[kind].end], "iit", row, staff, last_day);
	if (n == 0)
		n = db_run(db, err, &identity_sql[kinds[kind].drop], "iit", row, staff, last_day);
	if (n == 0)
		return err_set(err, ERR_MISSING, NULL, "row %lld of staff %lld", (long long)row,
		    (long long)staff);
	return staff_changed(db, actor, kinds[kind].verb, staff, n < 0 ? (int)n : 0,
	    json_pack("{s:I, s:s}", "row", (json_int_t)row, "last_day", last_day), err);
}

int post_add(struct db *db, int64_t staff, int64_t department, enum rank rank, const char *from,
    const char *until, struct err *err)
{
	return post_make(
	    db, "system", staff, department, rank, false, (struct term){from, until}, err);
}

int role_grant(struct db *db, int64_t staff, const char *role, int64_t department, struct err *err)
{
	return role_make(db, "system", staff, role, department, (struct term){NULL, NULL}, "", err);
}
