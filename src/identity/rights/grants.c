/* Roles that are granted: the supervisors are told, and a list of what ends soon or never. */
#include <string.h>

#include "base/time.h"
#include "identity/private.h"
#include "notice/notice.h"

enum { SOON_DAYS = 30 };

static int mail_one(struct request *rq, struct db *db, int64_t to, const struct granted *g,
    const char *role, struct err *err)
{
	char *mail, *lang;
	struct arena *a = rq->arena;
	int rc = staff_mail(db, a, to, &mail, &lang, err);
	if (rc < 0 || !mail)
		return rc;
	json_t *view = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name",
	    staff_name(db, a, to, err), "who", staff_name(db, a, g->staff, err), "role", role, "by",
	    rq->actor.name, "reason", g->reason, "until", g->term.until);
	rc = notice_mail(db, mail, lang ? lang : "ja", "identity/role-granted",
	    arena_printf(a, "staff:%lld", (long long)g->staff), view, err);
	json_decref(view);
	return rc;
}

int grant_tell(struct request *rq, struct db *db, const struct granted *g, struct err *err)
{
	struct right_reason *why;
	int64_t *heads, told = 0;
	const char *role = role_text(rq, roles_of(db), g->role);
	int rc = 0, n = right_explain(db, rq->arena, g->staff, NULL, 0, NULL, &why, err);
	for (int i = 0; i < n && rc >= 0; i++) {
		if (strcmp(why[i].source, "post") != 0)
			continue;
		int count =
		    staff_of_post(db, rq->arena, why[i].department, RANK_SECTION, &heads, err);
		rc = count < 0 ? count : 0;
		for (int k = 0; k < count && rc >= 0; k++)
			if (heads[k] != g->staff && heads[k] != told) {
				told = heads[k];
				rc = mail_one(rq, db, told, g, role, err);
			}
	}
	return n < 0 ? n : rc;
}

int grants_view(struct request *rq, struct db *db, json_t **out, struct err *err)
{
	char day[DAY_SIZE];
	struct arena *a = rq->arena;
	const char *soon = date_format(a, date_add_days(date_of_us(rq->now_us), SOON_DAYS));
	today(day);
	*out = json_array();
	struct rows *r = db_query(db, err, SQL(ROLE_GRANTS), "t", day);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		const char *until = rows_dup(r, 5, a);
		json_t *row = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:b}", "staff",
		    (json_int_t)rows_i64(r, 0), "name", rows_dup(r, 1, a), "role",
		    rows_dup(r, 2, a), "role_text", role_text(rq, roles_of(db), rows_dup(r, 2, a)),
		    "department",
		    rows_i64(r, 3) ? department_name_in(db, a, rows_i64(r, 3), rq->lang, err)
		                   : rq_tr(rq, "identity.user.whole_city"),
		    "reason", rows_dup(r, 6, a), "soon", (int)(strcmp(until, soon) <= 0), "endless",
		    (int)text_eq(until, DAY_LAST));
		put_when(row, rows_dup(r, 4, a), until, day);
		json_array_append_new(*out, row);
	}
	rows_end(r);
	return rc;
}
