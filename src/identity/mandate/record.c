/* Mandates on record: their changes, and what they allow. */
#include "identity/mandate/mandate.h"
#include "identity/private.h"

#include <string.h>

#include "base/check.h"
#include "base/time.h"
#include "store/blob.h"

#define MSQL(name) (&mandate_sql[MANDATE_SQL_##name])
enum { LIST_MAX = 200, OWN_COLUMNS = 27, ADULT_YEARS = 18 };

const char *const mandate_grounds[] = {
    "parent", "guardian", "household", "care", "letter", "professional", "corporate", NULL};

/* --- reading --- */

static struct mandate of_row(struct rows *r, struct arena *a)
{
	return (struct mandate){
	    .id = rows_i64(r, 0),
	    .state = rows_dup(r, 1, a),
	    .ground = rows_dup(r, 2, a),
	    .principal = rows_i64(r, 3),
	    .name = rows_dup(r, 4, a),
	    .birthday = rows_dup(r, 5, a),
	    .address = rows_dup(r, 6, a),
	    .corporate_number = rows_dup(r, 7, a),
	    .unit = rows_dup(r, 8, a),
	    .sees_all = rows_i64(r, 9) != 0,
	    .agent = rows_i64(r, 10),
	    .invited = rows_dup(r, 11, a),
	    .acts = (unsigned)rows_i64(r, 12),
	    .scope = rows_dup(r, 13, a),
	    .from = rows_dup(r, 14, a),
	    .until = rows_dup(r, 15, a),
	    .proof = rows_dup(r, 16, a),
	    .proof_text = rows_dup(r, 17, a),
	    .file = rows_dup(r, 18, a),
	    .file_name = rows_dup(r, 19, a),
	    .file_type = rows_dup(r, 20, a),
	    .reason = rows_dup(r, 21, a),
	    .made_by = rows_dup(r, 22, a),
	    .decided_by = rows_dup(r, 23, a),
	    .created_us = rows_i64(r, 24),
	    .decided_us = rows_i64(r, 25),
	    .ended_us = rows_i64(r, 26),
	};
}

static int read_all(struct rows *r, struct arena *a, struct mandate **out)
{
	int n = 0, rc = r ? 0 : -(int)ERR_STORE;
	*out = arena_array(a, LIST_MAX, sizeof(**out));
	while (r && n < LIST_MAX && (rc = rows_next(r)) > 0) {
		(*out)[n] = of_row(r, a);
		(*out)[n].principal_account = rows_i64(r, OWN_COLUMNS);
		(*out)[n++].agent_name = rows_dup(r, OWN_COLUMNS + 1, a);
	}
	rows_end(r);
	return rc < 0 ? rc : n;
}

static int read_one(struct rows *r, struct arena *a, struct mandate *out)
{
	struct mandate *list;
	int n = read_all(r, a, &list);
	if (n > 0)
		*out = list[0];
	return n;
}

int mandate_get(struct db *db, struct arena *a, int64_t id, struct mandate *out, struct err *err)
{
	return read_one(db_query(db, err, MSQL(GET), "i", id), a, out);
}

int mandate_of_agent(
    struct db *db, struct arena *a, int64_t account, struct mandate **out, struct err *err)
{
	return read_all(db_query(db, err, MSQL(OF_AGENT), "i", account), a, out);
}

int mandate_of_principal(
    struct db *db, struct arena *a, int64_t person, struct mandate **out, struct err *err)
{
	return read_all(db_query(db, err, MSQL(OF_PRINCIPAL), "i", person), a, out);
}

int mandate_for_staff(
    struct db *db, struct arena *a, int64_t staff, int64_t id, struct mandate *out, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	return read_one(db_query(db, err, MSQL(STAFF_GET), "iti", staff, day, id), a, out);
}

int mandate_waiting(
    struct db *db, struct arena *a, int64_t staff, struct mandate **out, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	return read_all(db_query(db, err, MSQL(WAITING), "it", staff, day), a, out);
}

int mandate_search(struct db *db, struct arena *a, int64_t staff, const char *typed,
    struct mandate **out, struct err *err)
{
	static const enum mandate_statement by[] = {
	    MANDATE_SQL_BY_NAME, MANDATE_SQL_BY_AGENT, MANDATE_SQL_BY_NUMBER};
	char day[DAY_SIZE];
	struct mandate *all = arena_array(a, COUNT(by) * LIST_MAX, sizeof(*all)), *some;
	int n = 0;
	const char *key = name_fold(a, typed);
	today(day);
	for (size_t i = 0; key[0] && i < COUNT(by); i++) {
		int found = read_all(
		    db_query(db, err, &mandate_sql[by[i]], "itt", staff, day, key), a, &some);
		if (found < 0)
			return found;
		memcpy(all + n, some, (size_t)found * sizeof(*all));
		n += found;
	}
	*out = all;
	return n;
}

int mandate_lets(struct db *db, int64_t account, int64_t id, struct err *err)
{
	char day[DAY_SIZE];
	int64_t acts = 0;
	today(day);
	int rc = db_get_i64(db, err, &acts, MSQL(LETS), "iit", id, account, day);
	return rc < 0 ? rc : (int)acts;
}

int mandate_lets_for(
    struct db *db, int64_t account, const char *corporate_number, bool own, struct err *err)
{
	char day[DAY_SIZE];
	int64_t acts = 0;
	today(day);
	int rc = db_get_i64(
	    db, err, &acts, MSQL(LETS_FOR), "itti", account, corporate_number, day, (int64_t)own);
	return rc < 0 ? rc : (int)acts;
}

bool mandate_holds(const struct mandate *m, const char *day)
{
	return text_eq(m->state, "active") && strcmp(m->from, day) <= 0 &&
	       strcmp(m->until, day) >= 0;
}

bool mandate_scope_has(const struct mandate *m, const char *word)
{
	struct str rest = str_from(m->scope), one;
	if (!rest.n)
		return true;
	while (str_cut(&rest, ' ', &one))
		if (str_is(one, word))
			return true;
	return false;
}

/* --- the journal --- */

static json_t *state_of(const struct mandate *m)
{
	return json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:b, s:I, s:i, s:s, s:s, s:s, "
	                 "s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I}",
	    "state", m->state, "ground", m->ground, "principal", (json_int_t)m->principal, "name",
	    m->name, "birthday", m->birthday, "address", m->address, "corporate_number",
	    m->corporate_number, "unit", m->unit, "sees_all", (int)m->sees_all, "agent",
	    (json_int_t)m->agent, "acts", (int)m->acts, "scope", m->scope, "from", m->from, "until",
	    m->until, "proof", m->proof, "proof_text", m->proof_text, "file", m->file, "reason",
	    m->reason, "made_by", m->made_by, "decided_by", m->decided_by, "created",
	    (json_int_t)m->created_us, "decided", (json_int_t)m->decided_us, "ended",
	    (json_int_t)m->ended_us);
}

static void subject_of(int64_t id, char out[48])
{
	(void)snprintf(out, 48, "mandate:%lld", (long long)id);
}

/* n: what the statement answered; nothing changed is a conflict. */
static int journal(
    struct db *db, const char *actor, const char *verb, int64_t id, int64_t n, struct err *err)
{
	if (n == 0)
		return err_set(err, ERR_CONFLICT, "mandate.problem.over", "mandate %lld is over",
		    (long long)id);
	if (n < 0)
		return (int)n;
	struct arena *a = arena_new();
	struct mandate m;
	char subject[48];
	int rc = mandate_get(db, a, id, &m, err);
	if (rc > 0) {
		json_t *state = state_of(&m);
		subject_of(id, subject);
		rc = journal_add(db,
		    &(struct journal_change){
		        .actor = actor, .verb = verb, .subject = subject, .state = state},
		    NULL, err);
		json_decref(state);
	}
	arena_free(a);
	return rc;
}

static int each_mandate(struct db *db, int (*take)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	struct arena *a = arena_new();
	struct rows *r = db_query(db, err, MSQL(STATES), "");
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && rc >= 0 && (rc = rows_next(r)) > 0) {
		struct arena_mark mark = arena_mark(a);
		struct mandate m = of_row(r, a);
		char subject[48];
		subject_of(m.id, subject);
		json_t *state = state_of(&m);
		rc = take(arg, subject, state);
		json_decref(state);
		arena_release(a, mark);
	}
	rows_end(r);
	arena_free(a);
	return rc;
}

const struct journal_verifier mandate_verifier = {.kind = "mandate", .each = each_mandate};

/* --- changes --- */

static const char *text(const char *s)
{
	return s ? s : "";
}

static bool is_ground(const char *ground)
{
	for (const char *const *g = mandate_grounds; *g; g++)
		if (text_eq(*g, ground))
			return true;
	return false;
}

/* The last day of a parent's mandate: the one before the 18th birthday (民法第4条). */
static bool last_day_of_childhood(const char *birthday, struct date *out)
{
	if (!date_parse(str_from(birthday), out))
		return false;
	out->year += ADULT_YEARS;
	if (!date_valid(*out)) /* 29 February: the first of March */
		*out = (struct date){out->year, 3, 1};
	*out = date_add_days(*out, -1);
	return true;
}

/* The period: what was left out filled in. */
static int period(const struct mandate *m, char from[DAY_SIZE], char until[DAY_SIZE],
    struct arena *a, struct err *err)
{
	char now[DAY_SIZE];
	struct date first, end;
	today(now);
	if (!day_of(m->from, now, from) || !date_parse(str_from(from), &first))
		return err_field(err, ERR_INPUT, "from", "web.input.date", "no date");
	bool parent = text_eq(m->ground, "parent");
	if (!parent)
		end = date_add_days(date_add_months(first, 12), -1);
	else if (!last_day_of_childhood(m->birthday, &end))
		return err_field(err, ERR_INPUT, "birthday", "mandate.problem.birthday", "no date");
	const char *last = date_format(a, end);
	if (!day_of(m->until, last, until))
		return err_field(err, ERR_INPUT, "until", "web.input.date", "no date");
	if (parent && strcmp(last, now) < 0)
		return err_field(err, ERR_INPUT, "birthday", "mandate.problem.adult", "of age");
	if (parent && strcmp(until, last) > 0)
		memcpy(until, last, DAY_SIZE);
	if (strcmp(until, from) < 0 || strcmp(until, now) < 0)
		return err_field(err, ERR_INPUT, "until", "identity.ends_before", "ends before");
	return 0;
}

static int check(const struct mandate *m, struct err *err)
{
	if (!is_ground(m->ground))
		return err_field(err, ERR_INPUT, "ground", "mandate.problem.ground", "no ground");
	if (!text(m->name)[0])
		return err_field(err, ERR_INPUT, "name", "identity.problem.name", "no name");
	if (text(m->corporate_number)[0] && !check_corporate_number(str_from(m->corporate_number)))
		return err_field(err, ERR_INPUT, "corporate_number", "form.corporate_number",
		    "no corporate number");
	if (!m->acts || m->acts > MANDATE_ALL)
		return err_field(err, ERR_INPUT, "acts", "mandate.problem.acts", "no acts");
	if (m->agent && m->agent == m->principal_account)
		return err_set(err, ERR_CONFLICT, "mandate.problem.oneself", "for oneself");
	return 0;
}

int mandate_make(
    struct db *db, const char *actor, const struct mandate *m, int64_t *id, struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE], birthday[DAY_SIZE];
	struct arena *a = arena_new();
	bool active = text_eq(m->state, "active");
	int64_t now = now_us();
	int rc = check(m, err);
	if (rc == 0 && !day_of(m->birthday, "", birthday))
		rc = err_field(err, ERR_INPUT, "birthday", "web.input.date", "no date");
	if (rc == 0)
		rc = period(m, from, until, a, err);
	if (rc == 0)
		rc = db_get_i64(db, err, id, MSQL(ADD), "ttittttttiitittttttttttii", m->state,
		    m->ground, m->principal, m->name, name_fold(a, m->name), birthday,
		    text(m->address), text(m->corporate_number), text(m->unit),
		    (int64_t)m->sees_all, m->agent, text(m->invited), (int64_t)m->acts,
		    text(m->scope), from, until, m->proof, text(m->proof_text), text(m->file),
		    text(m->file_name), text(m->file_type), actor, active ? actor : "", now,
		    active ? now : INT64_C(0));
	if (rc > 0 && text(m->file)[0]) {
		char subject[48];
		subject_of(*id, subject);
		rc = blob_use(db, m->file, subject, err);
	}
	arena_free(a);
	return rc < 0 ? rc
	              : journal(db, actor, active ? "mandate.registered" : "mandate.proposed", *id,
	                    1, err);
}

int mandate_accept(
    struct db *db, const char *actor, int64_t id, int64_t agent, int64_t person, struct err *err)
{
	struct arena *a = arena_new();
	struct mandate m;
	int rc = mandate_get(db, a, id, &m, err);
	bool own = rc > 0 && m.principal == person;
	arena_free(a);
	if (rc < 0)
		return rc;
	if (own)
		return err_set(err, ERR_CONFLICT, "mandate.problem.oneself", "for oneself");
	return journal(db, actor, "mandate.accepted", id,
	    db_run(db, err, MSQL(ACCEPT), "iiti", id, agent, actor, now_us()), err);
}

int mandate_end(
    struct db *db, const char *actor, int64_t id, bool refuse, const char *reason, struct err *err)
{
	return journal(db, actor, refuse ? "mandate.refused" : "mandate.ended", id,
	    db_run(db, err, MSQL(END), "ittti", id, refuse ? "refused" : "ended", text(reason),
	        actor, now_us()),
	    err);
}

int mandate_renew(
    struct db *db, const char *actor, int64_t id, const struct mandate *m, struct err *err)
{
	struct arena *a = arena_new();
	int64_t n = db_run(db, err, MSQL(RENEW), "itttittt", id, m->name, name_fold(a, m->name),
	    text(m->unit), (int64_t)m->sees_all, text(m->scope), m->from, m->until);
	arena_free(a);
	return journal(db, actor, "mandate.renewed", id, n, err);
}

int mandate_decide(struct db *db, const char *actor, int64_t id, bool yes, const char *said,
    int64_t principal, struct err *err)
{
	if (!text(said)[0])
		return err_field(err, ERR_INPUT, yes ? "seen" : "reason",
		    yes ? "mandate.problem.seen" : "mandate.problem.reason", "nothing said");
	if (!yes)
		return mandate_end(db, actor, id, true, said, err);
	return journal(db, actor, "mandate.approved", id,
	    db_run(db, err, MSQL(DECIDE), "ittii", id, said, actor, now_us(), principal), err);
}
