/* Protections: their changes and what they answer. */
#include <string.h>

#include "base/time.h"
#include "identity/protect/private.h"
#include "notice/notice.h"

const char *const block_grounds[] = {"violence", "stalking", "child", "similar", NULL};

/* Names stay out of the journal, which is kept longer than a protection: of the state it has a
 * salted hash. */
static int journal(struct db *db, const char *actor, const char *verb, int64_t block, int64_t rc,
    json_t *data, struct err *err)
{
	char subject[48];
	json_t *state = NULL;
	(void)snprintf(subject, sizeof(subject), "block:%lld", (long long)block);
	int done = rc < 0 ? (int)rc : block_state(db, block, &state, err);
	if (done == 0)
		done = journal_add(db,
		    &(struct journal_change){.actor = actor,
		        .verb = verb,
		        .subject = subject,
		        .data = data,
		        .state = state},
		    NULL, err);
	json_decref(state);
	json_decref(data);
	return done;
}

static char *year_after(struct arena *a, const char *day)
{
	struct date d;
	(void)date_parse(str_from(day), &d); /* checked before */
	d.year++;
	if (d.month == 2 && d.day == 29)
		d.day = 28;
	return date_format(a, date_add_days(d, -1));
}

int block_make(struct db *db, const char *actor, int64_t staff, const struct block_fields *f,
    int64_t *id, struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE], now[DAY_SIZE];
	struct arena *a = arena_new();
	int ground = 0;
	while (block_grounds[ground] && !text_eq(block_grounds[ground], f->ground))
		ground++;
	today(now);
	int rc = 0;
	if (!block_grounds[ground])
		rc = err_field(
		    err, ERR_INPUT, "ground", "identity.protect.problem.ground", "no ground");
	else if (!f->opinion[0])
		rc = err_field(
		    err, ERR_INPUT, "opinion", "identity.protect.problem.opinion", "no opinion");
	else if (f->send_mail[0] && !mail_is_plain(f->send_mail))
		rc = err_field(err, ERR_INPUT, "send_mail", "identity.problem.mail", "no address");
	else if (!day_of(f->term.from, now, from))
		rc = err_field(err, ERR_INPUT, "from", "web.input.date", "no date");
	else if (!day_of(f->term.until, year_after(a, from), until))
		rc = err_field(err, ERR_INPUT, "until", "web.input.date", "no date");
	else if (strcmp(until, from) < 0)
		rc = err_field(err, ERR_INPUT, "until", "identity.ends_before", "ends before");
	if (rc == 0)
		rc = db_get_i64(db, err, id, PSQL(ADD), "ttttttttti", from, until, f->ground,
		    f->opinion, f->scope, f->received_from, f->forwarded_to, f->send_to,
		    f->send_mail, now_us());
	arena_free(a);
	if (rc > 0)
		rc = db_run(db, err, PSQL(STAFF_ADD), "ii", *id, staff) < 0 ? -(int)ERR_STORE : 0;
	return rc < 0 ? rc : journal(db, actor, "identity.block_made", *id, 0, NULL, err);
}

static int add_subject(struct db *db, int64_t block, int64_t person, const char *name,
    const char *key, const char *birthday, struct err *err)
{
	int64_t one;
	int rc = person ? db_get_i64(db, err, &one, PSQL(SUBJECT_HAS), "ii", block, person) : 0;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	int64_t n = db_run(db, err, PSQL(SUBJECT_ADD), "iittt", block, person, name, key, birthday);
	return n < 0 ? (int)n : 0;
}

int block_add_subject(struct db *db, const char *actor, int64_t block, const char *name,
    const char *birthday, const char *mail, struct err *err)
{
	struct arena *a = arena_new();
	int64_t *ids = NULL, person = 0;
	char day[DAY_SIZE];
	int rc = 0, n = 0;
	const char *key = name_fold(a, name);
	if (!key[0])
		rc = err_field(err, ERR_INPUT, "name", "identity.problem.name", "no name");
	else if (!day_of(birthday, "", day))
		rc = err_field(err, ERR_INPUT, "birthday", "web.input.date", "no date");
	if (rc == 0 && mail && mail[0]) {
		rc = db_get_i64(db, err, &person, PSQL(PERSON_BY_MAIL), "t", login_fold(a, mail));
		if (rc == 0)
			rc = err_field(err, ERR_INPUT, "mail", "identity.protect.problem.account",
			    "no such account");
		else if (rc > 0)
			rc = add_subject(db, block, person, name, key, day, err);
	}
	if (rc == 0 && day[0]) {
		n = id_list(db_query(db, err, PSQL(PERSON_BY_NAME), "tt", key, day), a, &ids);
		rc = n < 0 ? n : 0;
	}
	for (int i = 0; i < n && rc == 0; i++)
		rc = add_subject(db, block, ids[i], name, key, day, err);
	if (rc == 0 && n == 0 && !person)
		rc = add_subject(db, block, 0, name, key, day, err);
	arena_free(a);
	return rc < 0 ? rc
	              : journal(db, actor, "identity.block_subject", block, 0,
	                    json_pack("{s:i}", "accounts", n + (person != 0)), err);
}

int block_add_party(struct db *db, const char *actor, int64_t block, const char *name,
    const char *birthday, struct err *err)
{
	struct arena *a = arena_new();
	char day[DAY_SIZE];
	const char *key = name_fold(a, name);
	int64_t n = 0;
	if (!key[0])
		n = err_field(err, ERR_INPUT, "name", "identity.problem.name", "no name");
	else if (!day_of(birthday, "", day))
		n = err_field(err, ERR_INPUT, "birthday", "web.input.date", "no date");
	else
		n = db_run(db, err, PSQL(PARTY_ADD), "ittt", block, name, key, day);
	arena_free(a);
	return journal(db, actor, "identity.block_party", block, n, NULL, err);
}

int block_add_staff(
    struct db *db, const char *actor, int64_t block, const char *login, struct err *err)
{
	struct arena *a = arena_new();
	int64_t staff;
	int64_t n = db_get_i64(db, err, &staff, PSQL(STAFF_BY_LOGIN), "t", login_fold(a, login));
	arena_free(a);
	if (n == 0)
		n = err_field(err, ERR_INPUT, "login", "identity.protect.problem.staff",
		    "nobody of this login");
	if (n > 0)
		n = db_run(db, err, PSQL(STAFF_ADD), "ii", block, staff);
	return journal(db, actor, "identity.block_named", block, n,
	    n < 0 ? NULL : json_pack("{s:I}", "staff", (json_int_t)staff), err);
}

int block_drop_staff(
    struct db *db, const char *actor, int64_t block, int64_t staff, struct err *err)
{
	int64_t n = db_run(db, err, PSQL(STAFF_DROP), "ii", block, staff);
	if (n == 0)
		n = err_set(
		    err, ERR_CONFLICT, "identity.protect.problem.last", "the last one named");
	return journal(db, actor, "identity.block_unnamed", block, n,
	    json_pack("{s:I}", "staff", (json_int_t)staff), err);
}

int block_extend(
    struct db *db, const char *actor, int64_t block, const char *opinion, struct err *err)
{
	struct arena *a = arena_new();
	struct rows *r = db_query(db, err, PSQL(GET), "i", block);
	int64_t n = r ? rows_next(r) : -(int)ERR_STORE;
	char *until = n > 0 ? rows_dup(r, 3, a) : NULL;
	struct date end, now = date_of_us(now_us());
	rows_end(r);
	if (until && date_parse(str_from(until), &end)) {
		if (!opinion[0])
			n = err_field(err, ERR_INPUT, "opinion", "identity.protect.problem.opinion",
			    "no opinion");
		else if (date_to_days(end) - date_to_days(now) > 31)
			n = err_set(err, ERR_CONFLICT, "identity.protect.problem.early",
			    "it ends on %s", until);
		else
			n = db_run(db, err, PSQL(EXTEND), "itt", block,
			    year_after(a, date_format(a, date_add_days(end, 1))), opinion);
	}
	arena_free(a);
	return journal(db, actor, "identity.block_extended", block, n, NULL, err);
}

int block_end(struct db *db, const char *actor, int64_t block, const char *reason, struct err *err)
{
	int64_t n = reason[0] ? db_run(db, err, PSQL(END), "it", block, reason)
	                      : err_field(err, ERR_INPUT, "reason",
	                            "identity.protect.problem.reason", "no reason");
	return journal(db, actor, "identity.block_ended", block, n, NULL, err);
}

/* --- answers --- */

bool protect_hides_account(struct db *db, int64_t account, int64_t staff)
{
	struct err err;
	int64_t one;
	char day[DAY_SIZE];
	today(day);
	return account &&
	       db_get_i64(db, &err, &one, PSQL(HIDES_ACCOUNT), "iit", account, staff, day) != 0;
}

int protect_mail(struct db *db, struct arena *a, int64_t person, char **mail, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	return db_get_text(db, err, a, mail, PSQL(SEND_MAIL), "it", person, day);
}

static int subject_list(struct rows *r, struct arena *a, int block_column, int name_column,
    int64_t block, struct protect_subject **out)
{
	enum { MOST = 200 };
	int n = 0, rc = r ? 0 : -(int)ERR_STORE;
	*out = arena_array(a, MOST, sizeof(**out));
	while (r && n < MOST && (rc = rows_next(r)) > 0)
		(*out)[n++] = (struct protect_subject){
		    .block = block_column < 0 ? block : rows_i64(r, block_column),
		    .name = rows_dup(r, name_column, a),
		    .name_key = rows_dup(r, name_column + 1, a),
		    .birthday = rows_dup(r, name_column + 2, a)};
	rows_end(r);
	return rc < 0 ? rc : n;
}

int protect_subjects_for_party(
    struct db *db, struct arena *a, int64_t person, struct protect_subject **out, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	return subject_list(db_query(db, err, PSQL(OF_PARTY), "it", person, day), a, 0, 1, 0, out);
}

int protect_subjects(
    struct db *db, struct arena *a, int64_t block, struct protect_subject **out, struct err *err)
{
	return subject_list(db_query(db, err, PSQL(SUBJECTS), "i", block), a, -1, 2, block, out);
}

int protect_named(struct db *db, int64_t block, int64_t staff, struct err *err)
{
	int64_t one;
	return db_get_i64(db, err, &one, PSQL(STAFF_HAS), "ii", block, staff);
}

/* --- mails to those named: without any name --- */

static int mail_named(
    struct db *db, int64_t block, const char *kind, const char *until, struct err *err)
{
	struct arena *a = arena_new();
	int64_t *staff;
	int n = id_list(db_query(db, err, PSQL(STAFF_LIST), "i", block), a, &staff);
	int rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc >= 0; i++) {
		char *mail, *lang;
		rc = staff_mail(db, a, staff[i], &mail, &lang, err);
		if (rc < 0 || !mail)
			continue;
		json_t *view =
		    json_pack("{s:s, s:s, s:s?, s:I}", "name", staff_name(db, a, staff[i], err),
		        "kind", kind, "until", until, "block", (json_int_t)block);
		json_object_set_new(view, kind, json_true());
		rc = notice_mail(db, mail, lang ? lang : "ja", "identity/protection",
		    arena_printf(a, "block:%lld", (long long)block), view, err);
		json_decref(view);
	}
	arena_free(a);
	return rc < 0 ? rc : 0;
}

int protect_tell_asked(struct db *db, int64_t block, struct err *err)
{
	int rc = mail_named(db, block, "asked", NULL, err);
	return journal(db, "system", "identity.block_asked", block, rc, NULL, err);
}

struct task {
	int64_t block;
	int stage;
	const char *until;
};

static int task_write(struct db *db, void *arg, struct err *err)
{
	const struct task *t = arg;
	int64_t n = db_run(db, err, PSQL(TOLD), "ii", t->block, (int64_t)t->stage);
	return n <= 0 ? (int)n : mail_named(db, t->block, "ends", t->until, err);
}

int protect_sweep(struct store *store, struct err *err)
{
	static const int stages[] = {0, 30, 60};
	struct arena *a = arena_new();
	struct date now = date_of_us(now_us());
	struct db *db = store_reader(store, err);
	struct rows *r =
	    db ? db_query(db, err, PSQL(DUE), "t", date_format(a, date_add_days(now, 60))) : NULL;
	struct task tasks[100];
	int n = 0, rc = r ? 0 : -(int)ERR_STORE;
	while (r && n < (int)COUNT(tasks) && (rc = rows_next(r)) > 0) {
		struct date end;
		size_t i = 0;
		if (!date_parse(rows_str(r, 1), &end))
			continue;
		while (i + 1 < COUNT(stages) && date_to_days(end) - date_to_days(now) > stages[i])
			i++;
		if (rows_i64(r, 2) > stages[i])
			tasks[n++] = (struct task){rows_i64(r, 0), stages[i], rows_dup(r, 1, a)};
	}
	rows_end(r);
	for (int i = 0; i < n && rc >= 0; i++)
		rc = store_write(store, task_write, &tasks[i], err);
	arena_free(a);
	return rc < 0 ? rc : 0;
}
