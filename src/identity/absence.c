/* Absences of staff, and the deputies (代決者) who act for them meanwhile.
 *
 * A deputy is somebody by name, or whoever holds a rank in the department that the case is in.
 * Those for that department go before those for every one, then the order of place counts; the
 * first one who is there acts. */
#include "identity/private.h"

#include <string.h>

const char *const absence_reasons[] = {
    "leave", "sick", "special", "trip", "training", "care", "other", NULL};

/* --- who acts --- */

bool staff_is_absent(struct db *db, int64_t staff)
{
	char day[DAY_SIZE];
	int64_t id;
	today(day);
	return db_get_i64(db, NULL, &id, SQL(ABSENT), "it", staff, day) > 0;
}

/* The first holder of the rank who is there and is not the officer; 0: none. */
static int64_t holder_there(struct db *db, int64_t department, enum rank rank, int64_t officer)
{
	struct arena *a = arena_new();
	struct err err;
	int64_t *ids, found = 0;
	int n = staff_of_post(db, a, department, rank, &ids, &err);
	for (int i = 0; i < n && !found; i++) /* on an error: nobody */
		if (ids[i] != officer && !staff_is_absent(db, ids[i]))
			found = ids[i];
	arena_free(a);
	return found;
}

int64_t staff_deputy_if_absent(struct db *db, int64_t staff, int64_t department)
{
	char day[DAY_SIZE];
	int64_t found = 0;
	today(day);
	struct rows *r = db_query(db, NULL, SQL(DEPUTY_OF), "iit", staff, department, day);
	while (r && !found && rows_next(r) > 0) {
		int64_t named = rows_i64(r, 0);
		if (named)
			found = staff_is_absent(db, named) ? 0 : named;
		else
			found = holder_there(db, rows_i64(r, 2), (enum rank)rows_i64(r, 1), staff);
	}
	rows_end(r);
	return found;
}

int64_t staff_deputy_of(struct db *db, int64_t staff, int64_t department)
{
	return staff_is_absent(db, staff) ? staff_deputy_if_absent(db, staff, department) : 0;
}

bool staff_manages(struct db *db, int64_t boss, int64_t staff)
{
	char day[DAY_SIZE];
	today(day);
	struct rows *r = db_query(
	    db, NULL, SQL(MANAGED), "itiiti", boss, day, staff, INT64_C(0), "%", INT64_C(1));
	bool manages = r && rows_next(r) > 0;
	rows_end(r);
	return manages;
}

/* --- absences --- */

static bool reason_known(const char *reason)
{
	for (const char *const *p = absence_reasons; *p; p++)
		if (text_eq(*p, reason))
			return true;
	return false;
}

/* Its days and reason, checked. row 0: a new one. */
static int absence_check(struct db *db, int64_t staff, int64_t row, const struct absence_fields *f,
    char from[DAY_SIZE], char until[DAY_SIZE], struct err *err)
{
	int64_t other;
	int rc = term_days(&f->term, from, until, err);
	if (rc < 0)
		return rc;
	if (f->reason[0] && !reason_known(f->reason))
		return err_field(err, ERR_INPUT, "reason", "identity.absence.no_reason",
		    "no reason \"%s\"", f->reason);
	rc = db_get_i64(db, err, &other, SQL(ABSENCE_OVERLAP), "iitt", staff, row, from, until);
	if (rc > 0)
		return err_field(err, ERR_CONFLICT, "from", "identity.absence.overlaps",
		    "absence %lld", (long long)other);
	return rc;
}

int absence_make(struct db *db, const char *actor, int64_t staff, const struct absence_fields *f,
    struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	int64_t id;
	int rc = absence_check(db, staff, 0, f, from, until, err);
	if (rc < 0)
		return rc;
	rc = db_get_i64(db, err, &id, SQL(ABSENCE_ADD), "ittt", staff, from, until, f->reason);
	return staff_changed(db, actor, "identity.absence_added", staff, rc,
	    json_pack("{s:s, s:s, s:s}", "from", from, "until", until, "reason", f->reason), err);
}

int absence_change(struct db *db, const char *actor, int64_t staff, int64_t row,
    const struct absence_fields *f, struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	int rc = absence_check(db, staff, row, f, from, until, err);
	if (rc < 0)
		return rc;
	int64_t n = db_run(db, err, SQL(ABSENCE_SET), "iittt", row, staff, from, until, f->reason);
	if (n == 0)
		return err_set(err, ERR_MISSING, NULL, "absence %lld", (long long)row);
	return staff_changed(db, actor, "identity.absence_changed", staff, n < 0 ? (int)n : 0,
	    json_pack("{s:I, s:s, s:s, s:s}", "row", (json_int_t)row, "from", from, "until", until,
	        "reason", f->reason),
	    err);
}

int absence_add(struct db *db, int64_t staff, const char *from, const char *until, struct err *err)
{
	struct absence_fields f = {{from, until}, ""};
	return absence_make(db, "system", staff, &f, err);
}

/* --- deputies --- */

static int deputy_check(int64_t staff, const struct deputy_fields *f, char from[DAY_SIZE],
    char until[DAY_SIZE], struct err *err)
{
	if (staff == f->deputy)
		return err_field(err, ERR_INPUT, "deputy", "identity.own_deputy",
		    "staff %lld is no deputy of their own", (long long)staff);
	if (f->place < 0 || f->place >= DEPUTY_PLACES)
		return err_field(err, ERR_INPUT, "place", "identity.deputy.bad_place", "place %lld",
		    (long long)f->place);
	return term_days(&f->term, from, until, err);
}

static json_t *deputy_data(
    const struct deputy_fields *f, int64_t row, const char *from, const char *until)
{
	json_t *data = json_pack("{s:I, s:I, s:s, s:s}", "place", (json_int_t)f->place + 1,
	    "department", (json_int_t)f->department, "from", from, "until", until);
	if (row)
		json_object_set_new(data, "row", json_integer(row));
	if (f->deputy)
		json_object_set_new(data, "deputy", json_integer(f->deputy));
	else
		json_object_set_new(data, "rank", json_string(rank_name(f->rank)));
	return data;
}

int deputy_make(
    struct db *db, const char *actor, int64_t staff, const struct deputy_fields *f, struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	int64_t id;
	int rc = deputy_check(staff, f, from, until, err);
	if (rc < 0)
		return rc;
	rc = db_get_i64(db, err, &id, SQL(DEPUTY_ADD), "iiittii", staff, f->deputy, f->department,
	    from, until, (int64_t)f->rank, f->place);
	return staff_changed(
	    db, actor, "identity.deputy_added", staff, rc, deputy_data(f, 0, from, until), err);
}

int deputy_change(struct db *db, const char *actor, int64_t staff, int64_t row,
    const struct deputy_fields *f, struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	int rc = deputy_check(staff, f, from, until, err);
	if (rc < 0)
		return rc;
	int64_t n = db_run(db, err, SQL(DEPUTY_SET), "iiiittii", row, staff, f->deputy,
	    f->department, from, until, (int64_t)f->rank, f->place);
	if (n == 0)
		return err_set(err, ERR_MISSING, NULL, "deputy %lld", (long long)row);
	return staff_changed(db, actor, "identity.deputy_changed", staff, n < 0 ? (int)n : 0,
	    deputy_data(f, row, from, until), err);
}

int deputy_add(struct db *db, int64_t staff, int64_t deputy, int64_t department, const char *from,
    const char *until, struct err *err)
{
	struct deputy_fields f = {
	    .deputy = deputy, .department = department, .term = {from, until}};
	return deputy_make(db, "system", staff, &f, err);
}
