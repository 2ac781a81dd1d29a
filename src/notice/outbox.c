/* The outbox: a row for each mail, and the job that sends it.
 *
 *     queued --mail.send--> sent
 *       |         |-------> failed --again--> sent | failed | dead
 *       |         `-------> held (no mail server is set)
 *       `--operator--> discarded          held, failed, dead --operator--> queued
 *
 *   1. The row is made in the transaction of the change it tells of: no mail without the change, no
 *      change without its mail.
 *   2. A mail may go out twice when the machine stops between the mail server's answer and our
 *      commit; its Message-ID is the same, so that the recipient's system can drop the second.
 *   3. What the text is filled from is removed when the mail is sent and lets somebody in (a link
 * to reset a password), and for all mails after KEEP_DAYS; the row goes after DROP_DAYS. */
#include "notice/private.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/time.h"
#include "store/journal.h"

#define SQL(name) (&notice_sql[name])

enum { TRIES_MAX = 10, KEEP_DAYS = 90, DROP_DAYS = 400 };

static const char *const names[NOTICE_STATE_COUNT] = {
    [NOTICE_QUEUED] = "queued",
    [NOTICE_HELD] = "held",
    [NOTICE_FAILED] = "failed",
    [NOTICE_DEAD] = "dead",
    [NOTICE_DONE] = "sent",
    [NOTICE_DISCARDED] = "discarded",
};

const char *notice_state_name(enum notice_state s)
{
	return names[s];
}

int notice_state_parse(const char *name)
{
	for (int i = 0; name && i < NOTICE_STATE_COUNT; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

/* --- rows --- */

static int queue(struct db *db, int64_t id, struct err *err)
{
	char key[48];
	json_t *payload = json_pack("{s:I}", "notice", (json_int_t)id);
	(void)snprintf(key, sizeof(key), "mail.send/%lld", (long long)id);
	int rc = job_add(db, "mail.send", payload, 0, key, err);
	json_decref(payload);
	return rc;
}

int notice_mail(struct db *db, const char *to, const char *lang, const char *kind,
    const char *subject, json_t *view, struct err *err)
{
	struct arena *a = arena_new();
	json_t *empty = json_object();
	char *text = json_dumps(view ? view : empty, JSON_COMPACT | JSON_SORT_KEYS);
	int64_t id = 0;
	int rc = db_get_i64(db, err, &id, SQL(NOTICE_ADD), "tttttti", to, lang, kind, subject, text,
	    random_token(a, 18), now_us());
	free(text);
	json_decref(empty);
	arena_free(a);
	return rc < 0 ? rc : queue(db, id, err);
}

int notice_forget(struct db *db, const char *subject, struct err *err)
{
	int64_t n = db_run(db, err, SQL(NOTICE_FORGET), "t", subject);
	return n < 0 ? (int)n : 0;
}

static void read_row(struct rows *r, struct arena *a, struct notice *n)
{
	char *state = rows_dup(r, 8, a);
	*n = (struct notice){
	    .id = rows_i64(r, 0),
	    .to = rows_dup(r, 1, a),
	    .lang = rows_dup(r, 2, a),
	    .kind = rows_dup(r, 3, a),
	    .about = rows_dup(r, 4, a),
	    .title = rows_dup(r, 5, a),
	    .message_id = rows_dup(r, 6, a),
	    .error = rows_dup(r, 7, a),
	    .state = (enum notice_state)notice_state_parse(state),
	    .tries = rows_i64(r, 9),
	    .created_us = rows_i64(r, 10),
	    .tried_us = rows_i64(r, 11),
	    .sent_us = rows_i64(r, 12),
	};
}

int notice_get(struct db *db, struct arena *a, int64_t id, struct notice **out, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(NOTICE_GET), "i", id);
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	if (rc == 1) {
		*out = arena_new_of(a, struct notice);
		read_row(r, a, *out);
		struct str view = rows_str(r, 13);
		(*out)->view = view.p ? json_loadb(view.p, view.n, 0, NULL) : NULL;
		if ((*out)->view)
			json_on_arena(a, (*out)->view);
	}
	rows_end(r);
	return rc;
}

int notice_list(struct db *db, struct arena *a, int state, int64_t before_id, int limit,
    struct notice **out, struct err *err)
{
	int64_t before = before_id > 0 ? before_id : INT64_MAX;
	struct rows *r = state < 0
	                     ? db_query(db, err, SQL(NOTICE_LIST), "ii", before, (int64_t)limit)
	                     : db_query(db, err, SQL(NOTICE_LIST_STATE), "iit", before,
	                           (int64_t)limit, names[state]);
	int n = 0, rc;
	if (!r)
		return -(int)ERR_STORE;
	*out = arena_array(a, (size_t)(limit > 0 ? limit : 1), sizeof(**out));
	while ((rc = rows_next(r)) == 1 && n < limit)
		read_row(r, a, &(*out)[n++]);
	rows_end(r);
	return rc < 0 ? rc : n;
}

int notice_counts(struct db *db, int64_t most, int64_t out[NOTICE_STATE_COUNT], struct err *err)
{
	int rc = 0;
	for (int i = 0; i < NOTICE_STATE_COUNT && rc >= 0; i++)
		rc = db_get_i64(db, err, &out[i], SQL(NOTICE_COUNT), "ti",
		    notice_state_name((enum notice_state)i), most);
	return rc < 0 ? rc : 0;
}

static int operator_did(
    struct db *db, int64_t id, const char *actor, const char *verb, struct err *err)
{
	char subject[40];
	(void)snprintf(subject, sizeof(subject), "notice:%lld", (long long)id);
	struct journal_change c = {.actor = actor, .verb = verb, .subject = subject};
	return journal_add(db, &c, NULL, err);
}

int notice_requeue(struct db *db, int64_t id, const char *actor, struct err *err)
{
	int64_t n = db_run(db, err, SQL(NOTICE_REQUEUE), "i", id);
	if (n == 0)
		return err_set(err, ERR_CONFLICT, "notice.state", "notice %lld", (long long)id);
	int rc = n < 0 ? (int)n : queue(db, id, err);
	return rc < 0 ? rc : operator_did(db, id, actor, "notice.sent_again", err);
}

int notice_discard(struct db *db, int64_t id, const char *actor, struct err *err)
{
	int64_t n = db_run(db, err, SQL(NOTICE_DISCARD), "i", id);
	if (n == 0)
		return err_set(err, ERR_CONFLICT, "notice.state", "notice %lld", (long long)id);
	return n < 0 ? (int)n : operator_did(db, id, actor, "notice.discarded", err);
}

/* --- sending --- */

struct outcome {
	const struct notice *notice;
	enum notice_state state;
	const char *title, *error;
	bool tried;
};

static int note_outcome(struct db *db, void *arg, struct err *err)
{
	const struct outcome *o = arg;
	int64_t n = o->state == NOTICE_DONE
	                ? db_run(db, err, SQL(NOTICE_SENT), "iiti", o->notice->id, now_us(),
	                      o->title, (int64_t)notice_is_secret(o->notice->kind))
	                : db_run(db, err, SQL(NOTICE_TRIED), "ititti", o->notice->id,
	                      names[o->state], now_us(), o->title, o->error, (int64_t)o->tried);
	if (n < 0)
		return (int)n;
	return job_add(
	    db, "mail.clean", NULL, now_us() + (int64_t)86400 * 1000000, "mail.clean", err);
}

/* "https://city.example:8080/x" as "city.example". */
static char *host_of(struct arena *a, const char *url)
{
	const char *from = strstr(url, "://");
	from = from ? from + 3 : url;
	char *host = arena_strndup(a, from, strcspn(from, ":/"));
	return host[0] ? host : arena_strdup(a, "localhost");
}

/* Fills, builds and hands over; *title as soon as it is known. */
static int send_one(
    struct city *city, struct arena *a, const struct notice *n, const char **title, struct err *err)
{
	const char *host = host_of(a, city->base_url ? city->base_url : "localhost");
	const char *from = city_setting(city, "smtp.from", NULL);
	char *subject, *body;
	struct str message;
	int rc = notice_compose(city, a, n, false, &subject, &body, err);
	if (rc < 0)
		return rc;
	*title = subject;
	struct mail m = {
	    .from = from ? from : arena_printf(a, "noreply@%s", host),
	    .from_name = city_setting(city, n->lang[0] == 'e' ? "name.en" : "name.ja", ""),
	    .to = n->to,
	    .subject = subject,
	    .body = body,
	    .lang = n->lang,
	    .message_id =
	        arena_printf(a, "notice.%lld.%s@%s", (long long)n->id, n->message_id, host),
	    .list_id = arena_printf(a, "notices.%s", host),
	    .at_us = n->created_us,
	};
	rc = mail_build(a, &m, &message, err);
	if (rc < 0)
		return rc;
	struct smtp server = {
	    .url = city_setting(city, "smtp.url", NULL),
	    .user = city_setting(city, "smtp.user", NULL),
	    .password = city_setting(city, "smtp.password", NULL),
	    .ca = city_setting(city, "smtp.ca", NULL),
	    .host = host,
	};
	return smtp_send(a, &server, m.from, n->to, message, err);
}

static int send_run(
    struct store *store, void *context, struct arena *a, json_t *payload, struct err *err)
{
	struct city *city = context;
	struct notice *n;
	struct err why = {0};
	int64_t id = json_integer_value(json_object_get(payload, "notice"));
	struct db *db = store_reader(store, err);
	int rc = db ? notice_get(db, a, id, &n, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(err, ERR_MISSING, NULL, "no notice %lld", (long long)id);
	if ((n->state != NOTICE_QUEUED && n->state != NOTICE_FAILED) || !n->view)
		return 0; /* sent, discarded, or a job of a former try */
	struct outcome o = {.notice = n, .tried = true};
	const char *url = city_setting(city, "smtp.url", NULL);
	if (!url || !url[0]) {
		char *body;
		/* For the outbox: an empty title is better than none. */
		if (notice_compose(city, a, n, true, (char **)&o.title, &body, &why) < 0)
			log_err("mail.compose", &why);
		o.state = NOTICE_HELD;
		o.tried = false;
		return store_write(store, note_outcome, &o, err);
	}
	rc = send_one(city, a, n, &o.title, &why);
	o.state = rc == 0 ? NOTICE_DONE
	          : why.kind == ERR_INPUT || why.kind == ERR_MISSING || n->tries + 1 >= TRIES_MAX
	              ? NOTICE_DEAD
	              : NOTICE_FAILED;
	o.error = rc == 0 ? NULL : why.detail;
	if (rc < 0)
		log_warn("mail.send", "notice %lld: %s", (long long)id, why.detail);
	rc = store_write(store, note_outcome, &o, err);
	if (rc == 0 && o.state == NOTICE_FAILED)
		return err_set(err, ERR_IO, "notice.not_sent", "%s", why.detail); /* again later */
	return rc;
}

static int clean_write(struct db *db, void *arg, struct err *err)
{
	const int64_t day_us = (int64_t)86400 * 1000000;
	(void)arg;
	int64_t n = db_run(db, err, SQL(NOTICE_CLEAN), "i", now_us() - KEEP_DAYS * day_us);
	if (n >= 0)
		n = db_run(db, err, SQL(NOTICE_DROP), "i", now_us() - DROP_DAYS * day_us);
	return n < 0 ? (int)n
	             : job_add(db, "mail.clean", NULL, now_us() + day_us, "mail.clean", err);
}

static int clean_run(
    struct store *store, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)context;
	(void)a;
	(void)payload;
	return store_write(store, clean_write, NULL, err);
}

const struct job_kind notice_jobs[] = {
    /* The outbox counts the tries and ends them; the job only has to be there long enough. */
    {.name = "mail.send", .max_tries = TRIES_MAX + 5, .retry_ms = 30000, .run = send_run},
    {.name = "mail.clean", .max_tries = 10, .run = clean_run},
};
const int nnotice_jobs = COUNT(notice_jobs);
