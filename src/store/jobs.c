/* The job queue.
 *
 * A running job belongs to a runner ("host:pid:number") until its lease ends. The runner's keeper
 * thread renews the leases of jobs in hand and gives jobs back to the queue whose runner is gone:
 * at once when it was a process of this host that no longer lives, else when the lease has ended.
 * So a job is never lost, and it may be run twice only if its process was stopped for over a
 * minute. */
#include "store/jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "store/private.h"

enum {
	LEASE_US = 60 * 1000000,
	KEEP_MS = 15000,
	POLL_MS = 1000, /* how soon jobs of other processes are seen */
	RETRY_MS = 10000,
	RETRY_MAX_MS = 3600 * 1000,
	MAX_TRIES = 8, /* of a kind that does not say */
};

#define KINDS "instr(?4, ' ' || kind || ' ') > 0"
#define KINDS_PG "strpos(?4, ' ' || kind || ' ') > 0"

static const struct sql add = {
    "INSERT INTO job (kind, payload, key, state, run_at_us, created_us) "
    "VALUES (?1, ?2, ?3, 'waiting', ?4, ?5) ON CONFLICT (key) WHERE state = 'waiting' AND key IS "
    "NOT NULL "
    "DO UPDATE SET run_at_us = CASE WHEN excluded.run_at_us < job.run_at_us "
    "THEN excluded.run_at_us ELSE job.run_at_us END"};
static const struct sql next_due = {
    "SELECT run_at_us FROM job WHERE state = 'waiting' AND instr(?1, ' ' || kind || ' ') > 0 "
    "ORDER BY run_at_us, id LIMIT 1",
    "SELECT run_at_us FROM job WHERE state = 'waiting' AND strpos(?1, ' ' || kind || ' ') > 0 "
    "ORDER BY run_at_us, id LIMIT 1"};
static const struct sql claim = {
    "UPDATE job SET state = 'running', tries = tries + 1, runner = ?1, lease_us = ?2 WHERE id = "
    "(SELECT id FROM job WHERE state = 'waiting' AND run_at_us <= ?3 AND " KINDS
    " ORDER BY run_at_us, id LIMIT 1) RETURNING id, kind, payload, tries",
    "UPDATE job SET state = 'running', tries = tries + 1, runner = ?1, lease_us = ?2 WHERE id = "
    "(SELECT id FROM job WHERE state = 'waiting' AND run_at_us <= ?3 AND " KINDS_PG
    " ORDER BY run_at_us, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id, kind, payload, tries"};
static const struct sql end = {
    "UPDATE job SET state = ?3, last_error = ?4, ended_us = ?5, runner = NULL, lease_us = NULL "
    "WHERE id = ?1 AND state = 'running' AND runner = ?2"};
/* Back to the queue, unless a newer job with its key waits there: that one does the work. */
static const struct sql again = {
    "UPDATE job SET state = CASE WHEN EXISTS (SELECT 1 FROM job o WHERE o.key = job.key AND "
    "o.state = 'waiting') THEN 'done' ELSE 'waiting' END, last_error = ?3, run_at_us = ?4, "
    "ended_us = ?4, runner = NULL, lease_us = NULL WHERE id = ?1 AND state = 'running' AND runner "
    "= ?2"};
static const struct sql renew = {
    "UPDATE job SET lease_us = ?2 WHERE runner = ?1 AND state = 'running'"};
static const struct sql runners = {
    "SELECT DISTINCT runner FROM job WHERE state = 'running' AND runner <> ?1"};
static const struct sql of_runner = {
    "SELECT id, lease_us FROM job WHERE state = 'running' AND runner = ?1"};
/* A statement per state, so that each can use the index of that state. */
#define LIST(state)                                                                                \
	{                                                                                          \
		"SELECT id, kind, state, tries, run_at_us, created_us, last_error FROM job "       \
		"WHERE state = '" state "' AND id < ?1 ORDER BY id DESC LIMIT ?2"                  \
	}
#define COUNT_OF(state)                                                                            \
	{                                                                                          \
		"SELECT count(*) FROM (SELECT 1 FROM job WHERE state = '" state "' LIMIT ?1) AS t" \
	}
static const struct {
	const char *name;
	struct sql list, count;
} states[] = {
    {"waiting", LIST("waiting"), COUNT_OF("waiting")},
    {"running", LIST("running"), COUNT_OF("running")},
    {"dead", LIST("dead"), COUNT_OF("dead")},
    {"done", LIST("done"), COUNT_OF("done")},
};
static const struct sql list_all = {
    "SELECT id, kind, state, tries, run_at_us, created_us, last_error FROM job "
    "WHERE id < ?1 ORDER BY id DESC LIMIT ?2"};
static const struct sql retry = {
    "UPDATE job SET state = CASE WHEN EXISTS (SELECT 1 FROM job o WHERE o.key = job.key AND "
    "o.state = 'waiting') THEN 'done' ELSE 'waiting' END, tries = 0, run_at_us = ?2, "
    "ended_us = ?2 WHERE id = ?1 AND state = 'dead'"};
static const struct sql discard = {
    "DELETE FROM job WHERE id = ?1 AND state IN ('dead', 'waiting')"};
static const struct sql forget_done = {
    "DELETE FROM job WHERE id IN (SELECT id FROM job WHERE state = 'done' "
    "AND ended_us < ?1 ORDER BY ended_us LIMIT 1000)"};

const struct sql *const jobs_sql[] = {&add, &next_due, &claim, &end, &again, &renew, &runners,
    &of_runner, &list_all, &retry, &discard, &forget_done, NULL};
/* states[], a list and a number of each */
const struct sql *const jobs_state_sql[] = {&states[0].list, &states[0].count, &states[1].list,
    &states[1].count, &states[2].list, &states[2].count, &states[3].list, &states[3].count, NULL};

struct job_runner {
	struct store *store;
	const struct job_kind **kinds;
	int nkinds;
	void *context;
	char id[128];
	char *kind_names; /* " mail.send document.issue " */
	pthread_t *threads;
	int nthreads;
	pthread_t keeper;
	bool has_keeper;
	bool stopping; /* guarded by the store's jobs_lock */
	struct job_runner *next;
};

int job_add(struct db *db, const char *kind, json_t *payload, int64_t run_at_us, const char *key,
    struct err *err)
{
	struct buf text = {0};
	if (payload)
		json_canonical(&text, payload);
	else
		buf_puts(&text, "null");
	int64_t now = now_us();
	int rc = db_later(
	    db, err, &add, "tstii", kind, buf_to_str(&text), key, run_at_us ? run_at_us : now, now);
	buf_free(&text);
	db->wake_jobs = true;
	return rc;
}

void jobs_wake(struct store *st)
{
	pthread_mutex_lock(&st->jobs_lock);
	st->jobs_seq++;
	pthread_cond_broadcast(&st->jobs_cond);
	pthread_mutex_unlock(&st->jobs_lock);
}

/* --- one job --- */

struct job {
	struct job_runner *runner;
	struct arena *arena;
	int64_t id;
	const char *kind;
	char *payload;
	int tries;
	bool found;
	/* how it ended */
	const char *state;
	const char *error;
	int64_t run_at_us;
};

static int do_claim(struct db *db, void *arg, struct err *err)
{
	struct job *j = arg;
	j->found = false;
	struct rows *r = db_query(db, err, &claim, "tiit", j->runner->id,
	    clock_us(CLOCK_REALTIME) + LEASE_US, now_us(), j->runner->kind_names);
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	if (rc == 1) {
		j->found = true;
		j->id = rows_i64(r, 0);
		j->kind = rows_dup(r, 1, j->arena);
		j->payload = rows_dup(r, 2, j->arena);
		j->tries = (int)rows_i64(r, 3);
	}
	rows_end(r);
	return rc < 0 ? rc : 0;
}

static int do_end(struct db *db, void *arg, struct err *err)
{
	struct job *j = arg;
	int64_t rc;
	if (strcmp(j->state, "waiting") == 0) {
		rc = db_run(db, err, &again, "itti", j->id, j->runner->id, j->error, j->run_at_us);
		db->wake_jobs = true;
	} else {
		rc = db_run(
		    db, err, &end, "ittti", j->id, j->runner->id, j->state, j->error, now_us());
	}
	return rc < 0 ? (int)rc : 0;
}

static const struct job_kind *kind_of(const struct job_runner *r, const char *name)
{
	for (int i = 0; i < r->nkinds; i++)
		if (strcmp(r->kinds[i]->name, name) == 0)
			return r->kinds[i];
	return NULL; /* cannot be: only known kinds are claimed */
}

/* 10 s, 20 s, 40 s ... up to an hour, a fifth more or less so that failed jobs do not march in
 * step. */
static int64_t back_off_us(const struct job_kind *k, int tries)
{
	int64_t ms = k->retry_ms > 0 ? k->retry_ms : RETRY_MS;
	for (int i = 1; i < tries && ms < RETRY_MAX_MS; i++)
		ms *= 2;
	if (ms > RETRY_MAX_MS)
		ms = RETRY_MAX_MS;
	return ms * 800 + ms * 400 * (clock_us(CLOCK_MONOTONIC) % 1000) / 1000;
}

static void run_job(struct job *j)
{
	struct job_runner *r = j->runner;
	const struct job_kind *k = kind_of(r, j->kind);
	int max_tries = k->max_tries > 0 ? k->max_tries : MAX_TRIES;
	struct err err = {0};
	int rc = 0;
	j->state = "done";
	j->error = NULL;
	if (j->tries > max_tries) { /* its runners died each time */
		rc = err_set(
		    &err, ERR_INTERNAL, NULL, "stopped in the middle %d times", j->tries - 1);
	} else {
		json_t *payload = json_loads(j->payload, JSON_DECODE_ANY, NULL);
		if (!payload)
			rc = err_set(&err, ERR_INPUT, NULL, "the payload is not JSON");
		else
			rc = k->run(r->store, r->context, j->arena, payload, &err);
		json_decref(payload);
	}
	if (rc < 0) {
		enum err_kind kind = err.kind ? err.kind : ERR_INTERNAL;
		bool dead = kind == ERR_INPUT || kind == ERR_MISSING || j->tries >= max_tries;
		j->state = dead ? "dead" : "waiting";
		j->run_at_us = now_us() + back_off_us(k, j->tries);
		j->error = arena_printf(j->arena, "%s%s%s: %s", err_kind_name(kind),
		    err.msg ? " " : "", err.msg ? err.msg : "", err.detail);
		log_line(dead ? LOG_ERROR_ : LOG_WARN_, "job.failed", "%s %" PRId64 " try %d%s: %s",
		    j->kind, j->id, j->tries, dead ? ", dead" : "", j->error);
	}
	if (store_write(r->store, do_end, j, &err) < 0)
		log_err("job.end", &err); /* its lease ends, and it is run again */
}

/* Claims and runs one job; 1: ran, 0: none is due, <0. */
static int run_one(struct job_runner *r, struct err *err)
{
	struct job j = {.runner = r, .arena = arena_new()};
	int rc = store_write_flags(r->store, do_claim, &j, WRITE_READ_COMMITTED, err);
	if (rc == 0 && j.found) {
		run_job(&j);
		rc = 1;
	}
	arena_free(j.arena);
	return rc;
}

/* --- runners --- */

static void wait_until(struct store *st, uint64_t seq, int64_t us, const bool *stopping)
{
	struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
	pthread_mutex_lock(&st->jobs_lock);
	while (!*stopping && (seq == UINT64_MAX || st->jobs_seq == seq))
		if (pthread_cond_timedwait(&st->jobs_cond, &st->jobs_lock, &t) == ETIMEDOUT)
			break;
	pthread_mutex_unlock(&st->jobs_lock);
}

int64_t jobs_look(struct job_runner *r, struct err *err)
{
	int64_t due = 0, now = now_us();
	struct db *db = store_reader(r->store, err);
	int rc = db ? db_get_i64(db, err, &due, &next_due, "t", r->kind_names) : -(int)ERR_STORE;
	if (rc == 1 && due <= now)
		/* 0: another worker was faster, or a transaction has its row in hand; whichever
		 * it was wakes us, or is seen as jobs of other processes are. */
		rc = run_one(r, err);
	else if (rc == 1)
		return (due - now) / 1000 + 1 < POLL_MS ? (due - now) / 1000 + 1 : POLL_MS;
	return rc < 0 ? rc : rc == 1 ? 0 : POLL_MS;
}

static void *worker(void *arg)
{
	struct job_runner *r = arg;
	struct store *st = r->store;
	int fault_ms = 0;
	for (;;) {
		pthread_mutex_lock(&st->jobs_lock);
		uint64_t seq = st->jobs_seq;
		bool stop = r->stopping;
		pthread_mutex_unlock(&st->jobs_lock);
		if (stop)
			break;
		struct err err = {0};
		int64_t wait_ms = jobs_look(r, &err);
		bool fault = wait_ms < 0;
		if (wait_ms == 0) {
			fault_ms = 0;
			continue;
		}
		if (fault) { /* the store is away or full: slowly, and not a line each second */
			if (!fault_ms)
				log_err("job.claim", &err);
			fault_ms = fault_ms ? fault_ms * 2 : 500;
			if (fault_ms > 10000)
				fault_ms = 10000;
			wait_ms = fault_ms;
		}
		wait_until(st, fault ? UINT64_MAX : seq, clock_us(CLOCK_MONOTONIC) + wait_ms * 1000,
		    &r->stopping);
	}
	return NULL;
}

/* True when the runner was a process of this host that is gone, or a runner of this process that
 * has stopped. */
static bool is_gone(struct job_runner *self, const char *id)
{
	char host[64];
	(void)gethostname(host, sizeof(host));
	host[sizeof(host) - 1] = '\0';
	size_t n = strlen(host);
	if (strncmp(id, host, n) != 0 || id[n] != ':')
		return false;
	int64_t pid;
	struct str rest = str_from(id + n + 1), part;
	if (!str_cut(&rest, ':', &part) || !str_to_i64(part, 1, INT32_MAX, &pid))
		return false;
	if (pid != getpid())
		return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
	bool known = false;
	pthread_mutex_lock(&self->store->jobs_lock);
	for (struct job_runner *r = self->store->runners; r; r = r->next)
		known = known || strcmp(r->id, id) == 0;
	pthread_mutex_unlock(&self->store->jobs_lock);
	return !known;
}

struct lost {
	struct job_runner *self;
	const char *runner;
	bool gone;
};

static int give_back(struct db *db, void *arg, struct err *err)
{
	const struct lost *l = arg;
	int64_t now = clock_us(CLOCK_REALTIME);
	struct rows *r = db_query(db, err, &of_runner, "t", l->runner);
	if (!r)
		return -(int)ERR_STORE;
	int rc;
	while ((rc = rows_next(r)) == 1) {
		if (!l->gone && rows_i64(r, 1) > now)
			continue;
		int64_t n = db_run(db, err, &again, "itti", rows_i64(r, 0), l->runner,
		    "its process ended in the middle", now_us());
		if (n < 0) {
			rc = (int)n;
			break;
		}
		db->wake_jobs = true;
	}
	rows_end(r);
	return rc;
}

static int renew_leases(struct db *db, void *arg, struct err *err)
{
	const struct job_runner *r = arg;
	int64_t rc = db_run(db, err, &renew, "ti", r->id, clock_us(CLOCK_REALTIME) + LEASE_US);
	return rc < 0 ? (int)rc : 0;
}

static int look_after(struct job_runner *self, struct err *err)
{
	struct db *db = store_reader(self->store, err);
	if (!db)
		return -(int)ERR_STORE;
	struct arena *a = arena_new();
	int rc = 0;
	struct rows *r = db_query(db, err, &of_runner, "t", self->id);
	if (!r)
		rc = -(int)ERR_STORE;
	else
		rc = rows_next(r);
	rows_end(r);
	if (rc == 1)
		rc = store_write_flags(self->store, renew_leases, self, WRITE_READ_COMMITTED, err);
	struct str all[64];
	size_t n = 0;
	if (rc == 0) {
		r = db_query(db, err, &runners, "t", self->id);
		if (!r)
			rc = -(int)ERR_STORE;
		while (r && n < COUNT(all) && (rc = rows_next(r)) == 1)
			all[n++] = str_from(rows_dup(r, 0, a));
		rows_end(r);
	}
	for (size_t i = 0; rc >= 0 && i < n; i++) {
		struct lost l = {self, all[i].p, is_gone(self, all[i].p)};
		rc = store_write_flags(self->store, give_back, &l, WRITE_READ_COMMITTED, err);
	}
	arena_free(a);
	return rc < 0 ? rc : 0;
}

static void *keeper(void *arg)
{
	struct job_runner *r = arg;
	for (;;) {
		struct err err = {0};
		if (look_after(r, &err) < 0)
			log_err("job.keeper", &err);
		wait_until(
		    r->store, UINT64_MAX, clock_us(CLOCK_MONOTONIC) + KEEP_MS * 1000, &r->stopping);
		pthread_mutex_lock(&r->store->jobs_lock);
		bool stop = r->stopping;
		pthread_mutex_unlock(&r->store->jobs_lock);
		if (stop)
			break;
	}
	return NULL;
}

static void add_kind(struct job_runner *r, struct buf *names, const struct job_kind *kind)
{
	r->kinds[r->nkinds++] = kind;
	buf_printf(names, "%s ", kind->name);
}

/* own: a kind more, of the store itself; NULL: none. */
static struct job_runner *runner_new(struct store *st, const struct job_kind *const *kinds,
    int nkinds, const struct job_kind *own, void *context)
{
	static atomic_int number;
	struct job_runner *r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->store = st;
	r->context = context;
	r->kinds = calloc((size_t)nkinds + 1, sizeof(const struct job_kind *));
	if (!r->kinds)
		abort();
	struct buf names = {0};
	buf_putc(&names, ' ');
	for (int i = 0; i < nkinds; i++)
		add_kind(r, &names, kinds[i]);
	if (own)
		add_kind(r, &names, own);
	r->kind_names = names.p;
	char host[64];
	(void)gethostname(host, sizeof(host)); /* a name cut short is as good */
	host[sizeof(host) - 1] = '\0';
	(void)snprintf(r->id, sizeof(r->id), "%s:%d:%d-%" PRId64, host, (int)getpid(),
	    atomic_fetch_add(&number, 1), clock_us(CLOCK_REALTIME) % 1000000000);
	pthread_mutex_lock(&st->jobs_lock);
	r->next = st->runners;
	st->runners = r;
	pthread_mutex_unlock(&st->jobs_lock);
	return r;
}

static void runner_free(struct job_runner *r)
{
	pthread_mutex_lock(&r->store->jobs_lock);
	struct job_runner **at = &r->store->runners;
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	pthread_mutex_unlock(&r->store->jobs_lock);
	free(r->threads);
	free(r->kinds);
	free(r->kind_names);
	free(r);
}

/* --- housekeeping --- */

enum { CLEAN_EVERY_H = 1, DONE_KEPT_DAYS = 7 };
static const int64_t hour_us = (int64_t)3600 * 1000000;

static int clean_done(struct db *db, void *arg, struct err *err)
{
	int64_t *n = arg;
	*n = db_run(db, err, &forget_done, "i", now_us() - DONE_KEPT_DAYS * 24 * hour_us);
	return *n < 0 ? (int)*n : 0;
}

static int clean_later(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return job_add(
	    db, "store.clean", NULL, now_us() + CLEAN_EVERY_H * hour_us, "store.clean", err);
}

static int clean(struct store *st, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)context;
	(void)a;
	(void)payload;
	int64_t n;
	int rc = blobs_clean(st, 24 * hour_us, &n, err);
	for (n = 1; rc == 0 && n > 0;)
		rc = store_write_flags(st, clean_done, &n, WRITE_READ_COMMITTED, err);
	return rc < 0 ? rc : store_write(st, clean_later, NULL, err);
}

static const struct job_kind clean_kind = {
    .name = "store.clean", .max_tries = INT32_MAX, .run = clean};

/* --- public --- */

int jobs_start(struct store *st, const struct job_kind *const *kinds, int nkinds, int threads,
    void *context, struct job_runner **out, struct err *err)
{
	*out = NULL;
	struct job_runner *r = runner_new(st, kinds, nkinds, &clean_kind, context);
	int rc = store_write(st, clean_later, NULL, err);
	if (rc == 0) {
		r->threads = calloc((size_t)threads, sizeof(*r->threads));
		if (!r->threads)
			abort();
		r->has_keeper = pthread_create(&r->keeper, NULL, keeper, r) == 0;
		while (r->has_keeper && r->nthreads < threads &&
		       pthread_create(&r->threads[r->nthreads], NULL, worker, r) == 0)
			r->nthreads++;
		if (r->nthreads < threads)
			rc = err_set(err, ERR_INTERNAL, NULL, "cannot start the job threads");
	}
	if (rc < 0)
		jobs_stop(r);
	else
		*out = r;
	return rc;
}

void jobs_stop(struct job_runner *r)
{
	if (!r)
		return;
	struct store *st = r->store;
	pthread_mutex_lock(&st->jobs_lock);
	r->stopping = true;
	pthread_cond_broadcast(&st->jobs_cond);
	pthread_mutex_unlock(&st->jobs_lock);
	for (int i = 0; i < r->nthreads; i++)
		(void)pthread_join(r->threads[i], NULL); /* threads of ours, once */
	if (r->has_keeper)
		(void)pthread_join(r->keeper, NULL);
	runner_free(r);
}

int jobs_drain(struct store *st, const struct job_kind *const *kinds, int nkinds, void *context,
    struct err *err)
{
	struct job_runner *r = runner_new(st, kinds, nkinds, NULL, context);
	int ran = 0, rc = look_after(r, err);
	while (rc >= 0 && (rc = run_one(r, err)) == 1)
		ran++;
	runner_free(r);
	return rc < 0 ? rc : ran;
}

int jobs_list(struct db *db, struct arena *a, const char *state, int64_t before_id, int limit,
    struct job_info **out, struct err *err)
{
	if (before_id <= 0)
		before_id = INT64_MAX;
	const struct sql *sql = state ? NULL : &list_all;
	for (size_t i = 0; state && i < COUNT(states); i++)
		if (strcmp(states[i].name, state) == 0)
			sql = &states[i].list;
	if (!sql)
		return err_set(err, ERR_MISSING, "store.no_such_job", "no job state %.20s", state);
	struct rows *r = db_query(db, err, sql, "ii", before_id, (int64_t)limit);
	if (!r)
		return -(int)ERR_STORE;
	*out = arena_array(a, (size_t)limit, sizeof(**out));
	int n = 0, rc = 0;
	while (n < limit && (rc = rows_next(r)) == 1)
		(*out)[n++] = (struct job_info){
		    .id = rows_i64(r, 0),
		    .kind = rows_dup(r, 1, a),
		    .state = rows_dup(r, 2, a),
		    .tries = (int)rows_i64(r, 3),
		    .run_at_us = rows_i64(r, 4),
		    .created_us = rows_i64(r, 5),
		    .last_error = rows_dup(r, 6, a),
		};
	rows_end(r);
	return rc < 0 ? rc : n;
}

int jobs_retry(struct db *db, int64_t id, struct err *err)
{
	int64_t n = db_run(db, err, &retry, "ii", id, now_us());
	if (n == 0)
		return err_set(err, ERR_MISSING, "store.no_such_job", "no dead job %" PRId64, id);
	db->wake_jobs = true;
	return n < 0 ? (int)n : 0;
}

int jobs_discard(struct db *db, int64_t id, struct err *err)
{
	int64_t n = db_run(db, err, &discard, "i", id);
	if (n == 0)
		return err_set(
		    err, ERR_MISSING, "store.no_such_job", "no dead or waiting job %" PRId64, id);
	return n < 0 ? (int)n : 0;
}

int jobs_count(struct db *db, const char *state, int64_t most, int64_t *out, struct err *err)
{
	for (size_t i = 0; i < COUNT(states); i++)
		if (strcmp(states[i].name, state) == 0) {
			int rc = db_get_i64(db, err, out, &states[i].count, "i", most);
			return rc < 0 ? rc : 0;
		}
	return err_set(err, ERR_MISSING, "store.no_such_job", "no job state %.20s", state);
}
