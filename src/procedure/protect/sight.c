/* What protection and emergency access say to everything that reads applications. */
#include "procedure/protect/sight.h"

#include <string.h>

#include "base/time.h"
#include "identity/protect/protect.h"

#define SQL(name) (&sight_sql[SIGHT_##name])

/* Protections in force for whom staff ?1 is not named, on day ?2. */
#define NOT_NAMED                                                                                  \
	"b.state = 'active' AND b.from_date <= ?2 AND NOT EXISTS (SELECT 1 FROM block_staff n"     \
	" WHERE n.block = b.id AND n.staff = ?1)"
#define ROW "a.id, a.department, a.bucket, a.order_key, a.assignee, a.procedure"

const struct sql sight_sql[SIGHT_SQL_COUNT] = {
    [SIGHT_HIDES] = {"SELECT 1 FROM person p JOIN block_subject s ON s.person = p.id"
                     " JOIN block b ON b.id = s.block WHERE p.account = ?3 AND " NOT_NAMED
                     " UNION ALL SELECT 1 FROM protected_application m"
                     " JOIN block b ON b.id = m.block WHERE m.application = ?4"
                     " AND m.state = 'confirmed' AND " NOT_NAMED
                     /* made for them by somebody who acts for them */
                     " UNION ALL SELECT 1 FROM mandate_use u"
                     " JOIN block_subject s ON s.person = u.principal"
                     " JOIN block b ON b.id = s.block WHERE u.application = ?4 AND " NOT_NAMED
                     " LIMIT 1"},
    [SIGHT_HIDDEN] = {"SELECT " ROW " FROM block b JOIN block_subject s ON s.block = b.id"
                      " JOIN person p ON p.id = s.person"
                      " JOIN application a ON a.account = p.account"
                      " WHERE a.account > 0 AND " NOT_NAMED " UNION SELECT " ROW " FROM block b"
                      " JOIN protected_application m ON m.block = b.id AND m.state = 'confirmed'"
                      " JOIN application a ON a.id = m.application WHERE " NOT_NAMED
                      " UNION SELECT " ROW " FROM block b JOIN block_subject s ON s.block = b.id"
                      " JOIN mandate_use u ON u.principal = s.person"
                      " JOIN application a ON a.id = u.application WHERE " NOT_NAMED " ORDER BY 1"},
    [SIGHT_MAIL] = {"SELECT b.send_mail FROM protected_application m"
                    " JOIN block b ON b.id = m.block WHERE m.application = ?1"
                    " AND m.state = 'confirmed' AND b.state = 'active' AND b.from_date <= ?2"
                    " ORDER BY b.id DESC LIMIT 1"},
    [SIGHT_MARK] = {"INSERT INTO protected_application (application, block, state, staff, at_us)"
                    " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (application, block)"
                    " DO UPDATE SET state = excluded.state, staff = excluded.staff,"
                    " at_us = excluded.at_us"},
    [SIGHT_MARKED] = {"SELECT application, state FROM protected_application WHERE block = ?1"
                      " ORDER BY application DESC LIMIT 200"},
    [SIGHT_OF_ACCOUNTS] =
        {"SELECT id FROM application WHERE submitted_us > 0 AND id IN"
         " (SELECT a.id FROM block_subject s JOIN person p ON p.id = s.person"
         " JOIN application a ON a.account = p.account AND a.account > 0 WHERE s.block = ?1"
         " UNION SELECT u.application FROM block_subject s"
         " JOIN mandate_use u ON u.principal = s.person WHERE s.block = ?1)"
         " ORDER BY id DESC LIMIT 200"},
    [SIGHT_EMERGENCY_ADD] =
        {"INSERT INTO emergency_access (application, staff, reason, from_us, until_us, justified,"
         " reviewed_by, reviewed_us) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, 0) RETURNING id"},
    [SIGHT_EMERGENCY_OPEN] =
        {"SELECT until_us FROM emergency_access WHERE staff = ?1 AND application = ?2"
         " AND until_us > ?3 ORDER BY until_us DESC LIMIT 1"},
    [SIGHT_EMERGENCY_LIST] =
        {"SELECT e.id, e.application, e.staff, e.reason, e.from_us, e.until_us, e.finding,"
         " e.justified, e.reviewed_by, e.reviewed_us, a.receipt_number, a.department"
         " FROM emergency_access e JOIN application a ON a.id = e.application"
         " ORDER BY e.reviewed_us, e.id DESC LIMIT 200",
            .whole = "few open a record in an emergency; the newest 200"},
    [SIGHT_EMERGENCY_GET] = {"SELECT e.staff, a.department, e.reviewed_us FROM emergency_access e"
                             " JOIN application a ON a.id = e.application WHERE e.id = ?1"},
    [SIGHT_EMERGENCY_REVIEW] =
        {"UPDATE emergency_access SET finding = ?2, justified = ?3, reviewed_by = ?4,"
         " reviewed_us = ?5 WHERE id = ?1 AND reviewed_us = 0"},
    [SIGHT_EMERGENCY_FIND] = {"SELECT id, department FROM application WHERE receipt_number = ?1"
                              " AND submitted_us > 0"},
};

#define X(name) &sight_sql[SIGHT_##name],
const struct sql *const sight_statements[SIGHT_SQL_COUNT] = {SIGHT_STATEMENTS(X)};
#undef X

static const char *day_of_today(struct arena *a)
{
	return date_format(a, date_of_us(now_us()));
}

bool sight_hides(struct db *db, int64_t application, int64_t account, int64_t staff)
{
	struct err err;
	int64_t one;
	struct arena *a = arena_new();
	int rc = db_get_i64(
	    db, &err, &one, SQL(HIDES), "itii", staff, day_of_today(a), account, application);
	arena_free(a);
	return rc != 0;
}

bool sight_hides_subject(struct db *db, const char *about, int64_t staff)
{
	int64_t id;
	if (strncmp(about, "account:", 8) == 0 &&
	    str_to_i64(str_from(about + 8), 1, INT64_MAX, &id))
		return protect_hides_account(db, id, staff);
	if (strncmp(about, "application:", 12) != 0 ||
	    !str_to_i64(str_from(about + 12), 1, INT64_MAX, &id))
		return false;
	struct arena *a = arena_new();
	struct err err;
	struct app_row *r;
	int rc = row_load(db, a, id, false, &r, &err);
	bool hides = rc == 0 ? sight_hides(db, id, r->account, staff) : rc != -(int)ERR_MISSING;
	arena_free(a);
	return hides;
}

struct all_hidden {
	struct hidden *list;
	int n;
};

int sight_hidden(
    struct db *db, struct arena *a, int64_t staff, const struct hidden **out, struct err *err)
{
	static const char kept;
	struct all_hidden *all = db_recall(db, &kept, staff);
	if (all) {
		*out = all->list;
		return all->n;
	}
	a = db_memo(db) ? db_memo(db) : a;
	all = arena_new_of(a, struct all_hidden);
	*all = (struct all_hidden){0};
	struct rows *rows = db_query(db, err, SQL(HIDDEN), "it", staff, day_of_today(a));
	int cap = 0, rc = rows ? 0 : -(int)ERR_STORE;
	while (rows && (rc = rows_next(rows)) == 1) {
		if (all->n == cap) {
			cap = cap ? 2 * cap : 16;
			struct hidden *more = arena_array(a, (size_t)cap, sizeof(*more));
			if (all->n)
				memcpy(more, all->list, (size_t)all->n * sizeof(*more));
			all->list = more;
		}
		all->list[all->n++] = (struct hidden){.id = rows_i64(rows, 0),
		    .department = rows_i64(rows, 1),
		    .bucket = rows_i64(rows, 2),
		    .order_key = rows_i64(rows, 3),
		    .assignee = rows_i64(rows, 4),
		    .procedure = rows_dup(rows, 5, a)};
	}
	rows_end(rows);
	if (rc < 0)
		return rc;
	db_remember(db, &kept, staff, all);
	*out = all->list;
	return all->n;
}

int sight_mail(
    struct db *db, struct arena *a, const struct application *app, char **mail, struct err *err)
{
	int rc = app->applicant_person ? protect_mail(db, a, app->applicant_person, mail, err) : 0;
	return rc != 0 ? rc
	               : db_get_text(db, err, a, mail, SQL(MAIL), "it", app->id, day_of_today(a));
}

/* --- another party asks --- */

/* Without white space of any kind, as names are kept for look-up. */
static void add_folded(struct buf *out, const char *text)
{
	struct str rest = str_from(text);
	int32_t c;
	while ((c = utf8_next(&rest)) >= 0)
		if (c != ' ' && c != 0x3000 && c != 0xa0 && c != '\t' && c != '\n')
			utf8_put(out, (uint32_t)c);
}

/* Does a text, or a name in parts, hold the name? */
static bool names(struct arena *a, const json_t *value, const char *key)
{
	const char *text = json_string_value(value), *name;
	struct buf b;
	json_t *item;
	size_t i;
	buf_init(&b, a);
	if (text) {
		add_folded(&b, text);
	} else if (json_is_object(value) && json_object_get(value, "family")) {
		add_folded(&b, json_string_value(json_object_get(value, "family")));
		add_folded(&b, json_string_value(json_object_get(value, "given")));
	}
	if (b.n && strstr(b.p, key))
		return true;
	json_object_foreach((json_t *)value, name, item)
	{
		if (names(a, item, key))
			return true;
	}
	json_array_foreach(value, i, item)
	{
		if (names(a, item, key))
			return true;
	}
	return false;
}

int sight_asks_about(struct db *db, struct arena *a, int64_t person, const json_t *answers,
    const json_t *mandate, int64_t *block, struct err *err)
{
	struct protect_subject *subjects;
	int n = protect_subjects_for_party(db, a, person, &subjects, err);
	for (int i = 0; i < n; i++)
		if (names(a, answers, subjects[i].name_key) ||
		    names(a, mandate, subjects[i].name_key)) {
			*block = subjects[i].block;
			return 1;
		}
	return n < 0 ? n : 0;
}

/* --- emergency access --- */

bool emergency_is_open(struct db *db, int64_t application, int64_t staff, int64_t *until_us)
{
	struct err err;
	int64_t until = 0;
	bool open = db_get_i64(db, &err, &until, SQL(EMERGENCY_OPEN), "iii", staff, application,
	                now_us()) > 0;
	if (until_us)
		*until_us = until;
	return open;
}
