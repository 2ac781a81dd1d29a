/* Finding people by what somebody typed, and where staff worked on a day. */
#include "identity/private.h"

#include <string.h>

enum { FIND_MAX = 20 };

int people_find(
    struct db *db, struct arena *a, const char *typed, int64_t **persons, struct err *err)
{
	struct rows *r =
	    db_query(db, err, SQL(RESIDENTS), "tt", login_fold(a, typed), name_fold(a, typed));
	int rc = r ? 0 : -(int)ERR_STORE, n = 0;
	*persons = arena_array(a, FIND_MAX, sizeof(**persons));
	while (r && n < FIND_MAX && (rc = rows_next(r)) > 0)
		(*persons)[n++] = rows_i64(r, 1);
	rows_end(r);
	return rc < 0 ? rc : n;
}

int staff_find(struct db *db, struct arena *a, const char *typed, int64_t **staff, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	struct rows *r = db_query(db, err, SQL(USERS), "tiiti", name_pattern(a, typed), INT64_C(0),
	    INT64_C(0), day, (int64_t)FIND_MAX);
	int rc = r ? 0 : -(int)ERR_STORE, n = 0;
	*staff = arena_array(a, FIND_MAX, sizeof(**staff));
	while (r && n < FIND_MAX && (rc = rows_next(r)) > 0)
		(*staff)[n++] = rows_i64(r, 0);
	rows_end(r);
	return rc < 0 ? rc : n;
}

char *staff_place_on(
    struct request *rq, struct db *db, int64_t staff, const char *day, struct err *err)
{
	struct buf b;
	buf_init(&b, rq->arena);
	struct rows *r = db_query(db, err, SQL(STAFF_POSTS), "i", staff);
	while (r && rows_next(r) > 0) {
		if (strcmp(rows_dup(r, 4, rq->arena), day) > 0 ||
		    strcmp(rows_dup(r, 5, rq->arena), day) < 0)
			continue;
		const char *department =
		    department_name_in(db, rq->arena, rows_i64(r, 1), rq->lang, err);
		buf_printf(&b, "%s%s %s", b.n ? rq_tr(rq, "identity.place.and") : "",
		    department ? department : "", rank_text(rq, (enum rank)rows_i64(r, 2)));
	}
	rows_end(r);
	return b.n ? b.p : arena_strdup(rq->arena, rq_tr(rq, "identity.place.none"));
}
