/* PostgreSQL: a pool of writer threads, each with its connection, and the sequencer.
 *
 * Writes run SERIALIZABLE, so that a function means the same as under SQLite's one writer: what it
 * read is still true when it commits. Those that PostgreSQL refuses (40001, 40P01) run again, one
 * at a time (the "lane"), so that they do not refuse each other for ever.
 *
 * A connection lost in the middle of a write is ordinary: nothing is stored, the write runs again
 * on a new connection. Lost during COMMIT, the outcome is asked for by the transaction's number
 * (pg_xact_status), so that nothing is done twice and nothing acknowledged is missing. */
#include <errno.h>
#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/postgres.h"

enum {
	SEQUENCE_EVERY_MS = 20,
	SEQUENCE_POLL_MS = 2000,
	GROUP_MAX = 64,
	HOT_WITHIN_US = 20000,
	HOT_FOR_US = 200000
};

static void sleep_us(int64_t us)
{
	if (us > 0)
		(void)usleep((useconds_t)us); /* woken early is only sooner */
}

/* Connects, waiting for the database until the deadline. */
static int connected(struct db *db, int64_t until_us, struct err *err)
{
	if (db->conn && !db->lost)
		return 0;
	db->lost = true;
	db_drop(db);
	for (;;) {
		sleep_us(db->retry_at_us - clock_us(CLOCK_MONOTONIC));
		int rc = pg_connect(db, err);
		if (rc == 0)
			return 0;
		if (db->backoff_ms <= BACKOFF_MIN_MS)
			log_err("store.connect", err);
		if (clock_us(CLOCK_MONOTONIC) > until_us || atomic_load(&db_store(db)->leaving))
			return rc;
	}
}

/* After a connection was lost in COMMIT: 1 committed, 0 not, <0 could not be found out. */
static int ask_outcome(struct db *db, const char *xid, int64_t until_us, struct err *err)
{
	for (;;) {
		int rc = connected(db, until_us, err);
		if (rc < 0)
			break;
		char text[96], status[32] = "";
		(void)snprintf(text, sizeof(text), "SELECT pg_xact_status('%s'::xid8)", xid);
		rc = pg_exec(db, text, status, sizeof(status), err);
		if (rc == 0 && strcmp(status, "committed") == 0)
			return 1;
		if (rc == 0 && strcmp(status, "aborted") == 0)
			return 0;
		if (clock_us(CLOCK_MONOTONIC) >
		    until_us) /* "in progress": the server still works on it */
			break;
		sleep_us(20000);
	}
	return err_set(err, ERR_BUSY, "store.unknown",
	    "the connection was lost in COMMIT and the outcome is not known");
}

enum outcome {
	OUTCOME_OVER,  /* the rc of each write holds */
	OUTCOME_AGAIN, /* nothing is stored: run the same once more; whole says why */
	OUTCOME_SPLIT, /* nothing is stored: one is to blame, run each alone */
	OUTCOME_NONE,  /* nothing is stored and that is the answer to all: whole */
};

static void rollback(struct db *db)
{
	(void)pg_settle(db, NULL); /* its failure is why, or is no more of interest */
	if (!db->lost)
		(void)pg_exec(db, "ROLLBACK", NULL, 0, NULL); /* else lost, and rolled back so */
}

/* The answer to COMMIT, and what was outstanding; NULL when that failed: nothing was committed. */
static PGresult *send_commit(struct db *db, struct err *whole)
{
	/* Without the transaction's number nobody could tell the outcome of a COMMIT that was lost.
	 */
	if (!db->xid[0] && pg_settle(db, whole) < 0)
		return NULL;
	if (!db->nlater)
		return PQexec(db->conn, "COMMIT");
	PGresult *res = NULL;
	if (PQsendQueryParams(db->conn, "COMMIT", 0, NULL, NULL, NULL, NULL, 0) != 1) {
		(void)pg_fail(db, NULL, whole);
		return NULL;
	}
	if (pg_read_answers(db, &res, whole) == 0 || db->lost)
		return res;
	PQclear(res);
	return NULL;
}

static enum outcome commit(struct db *db, bool one, int64_t until_us, struct err *whole)
{
	PGresult *res = send_commit(db, whole);
	enum outcome outcome = OUTCOME_OVER;
	if (!res && !db->lost) {
		rollback(db);
		outcome = db->retry ? OUTCOME_AGAIN : one ? OUTCOME_NONE : OUTCOME_SPLIT;
	} else if (db->lost && !db->xid[0]) {
		outcome = OUTCOME_AGAIN; /* COMMIT was not sent */
	} else if (PQresultStatus(res) != PGRES_COMMAND_OK) {
		if (!db->lost)
			(void)pg_fail(db, res, whole);
		outcome = db->retry ? OUTCOME_AGAIN : OUTCOME_NONE;
		if (db->lost) {
			int known = ask_outcome(db, db->xid, until_us, whole);
			outcome = known > 0    ? OUTCOME_OVER
			          : known == 0 ? OUTCOME_AGAIN
			                       : OUTCOME_NONE;
		}
	} else if (strcmp(PQcmdStatus(res), "COMMIT") != 0) {
		(void)err_set(
		    whole, ERR_INTERNAL, NULL, "the database rolled the transaction back");
		outcome = OUTCOME_NONE;
	}
	PQclear(res);
	return outcome;
}

/* Runs all writes of the list in one transaction. A write that says no before it changed anything
 * does not disturb the others. */
static enum outcome attempt(struct db *db, struct write *list, int64_t until_us, struct err *whole)
{
	static const char *const begin[] = {
	    [WRITE_PLAIN] = "BEGIN ISOLATION LEVEL SERIALIZABLE",
	    [WRITE_READ_COMMITTED] = "BEGIN ISOLATION LEVEL READ COMMITTED",
	};
	if (connected(db, until_us, whole) < 0)
		return OUTCOME_NONE;
	db->retry = false;
	db->wake_jobs = db->wake_sequencer = db->kind_added = false;
	db->xid[0] = '\0';
	if (pg_send_later(db, begin[list->flags], whole) < 0 ||
	    pg_send_later(db, pg_ask_xid, whole) < 0)
		return db->lost || db->retry ? OUTCOME_AGAIN : OUTCOME_NONE;
	bool any = false;
	for (struct write *w = list; w; w = w->next) {
		db->changed = false;
		w->rc = write_call(db, w);
		any = any || w->rc == 0;
		if (w->rc == 0 || (!db->failed && !db->changed && !db->lost))
			continue;
		*whole = w->err;
		rollback(db);
		if (db->lost || db->retry)
			return OUTCOME_AGAIN;
		return list->next ? OUTCOME_SPLIT : OUTCOME_OVER;
	}
	if (any)
		return commit(db, !list->next, until_us, whole);
	rollback(db); /* nothing was changed */
	return OUTCOME_OVER;
}

/* Refusals of late, in a store where writes want the same rows (the next receipt number). */
static void note_refusal(struct store *st)
{
	int64_t now = clock_us(CLOCK_MONOTONIC);
	if (now - atomic_exchange(&st->refused_us, now) < HOT_WITHIN_US)
		atomic_store(&st->hot_until_us, now + HOT_FOR_US);
}

static bool is_hot(struct store *st)
{
	return clock_us(CLOCK_MONOTONIC) < atomic_load(&st->hot_until_us);
}

/* in_lane: the lane is held already. */
static void run_list(struct db *db, struct write *list, bool in_lane)
{
	struct store *st = db_store(db);
	int64_t until_us = clock_us(CLOCK_MONOTONIC) + st->busy_ms * 1000LL;
	enum outcome outcome = OUTCOME_AGAIN;
	struct err whole = {0};
	for (int n = 0; outcome == OUTCOME_AGAIN; n++) {
		bool take_lane = n && !in_lane;
		if (n && clock_us(CLOCK_MONOTONIC) > until_us) {
			outcome = OUTCOME_NONE;
			break;
		}
		if (n && db->retry)
			note_refusal(st);
		if (take_lane)
			pthread_mutex_lock(&st->lane);
		outcome = attempt(db, list, until_us, &whole);
		/* What it placed in the tree is not there; another process may place as much else.
		 */
		if (outcome != OUTCOME_OVER || list->rc < 0)
			journal_forget(db);
		if (take_lane)
			pthread_mutex_unlock(&st->lane);
	}
	if (outcome == OUTCOME_OVER)
		after_commit(db);
	while (list) {
		struct write *w = list;
		list = w->next; /* w may be gone after it was told */
		w->next = NULL;
		if (outcome == OUTCOME_SPLIT) {
			run_list(db, w, in_lane);
			continue;
		}
		if (outcome == OUTCOME_NONE) {
			w->err = whole;
			w->rc = -(int)whole.kind;
		}
		write_done(w, w->rc);
	}
}

static void run_group(struct db *db, struct write *list)
{
	while (list) { /* one isolation level at a time */
		struct write *last = list;
		while (last->next && last->next->flags == list->flags)
			last = last->next;
		struct write *rest = last->next;
		last->next = NULL;
		run_list(db, list, true);
		list = rest;
	}
}

/* Usually each write is a transaction of its own, side by side with the others. While they refuse
 * each other (all want the next number of one series, say), one connection at a time takes all that
 * wait in one transaction: among themselves they need not wait for commits. */
static void *writer(void *arg)
{
	struct db *db = arg;
	struct store *st = db_store(db);
	while (queue_wait(st)) {
		if (is_hot(st)) {
			pthread_mutex_lock(&st->lane);
			run_group(db, queue_more(st, GROUP_MAX));
			pthread_mutex_unlock(&st->lane);
		} else {
			struct write *w = queue_more(st, 1);
			if (w)
				run_list(db, w, false);
		}
	}
	db_close(db);
	free(db);
	return NULL;
}

/* --- the sequencer --- */

static int sequence(struct db *db, void *arg, struct err *err)
{
	int *n = arg;
	*n = journal_sequence(db, err);
	return *n < 0 ? *n : 0;
}

/* Gives new entries their place in the tree a moment after they were committed, many at a time. All
 * processes do it, one at a time; the poll finds what a killed process left. */
static void *sequencer(void *arg)
{
	struct db *db = arg;
	struct store *st = db_store(db);
	for (;;) {
		int64_t until = clock_us(CLOCK_MONOTONIC) + SEQUENCE_POLL_MS * 1000LL;
		struct timespec t = {.tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000};
		pthread_mutex_lock(&st->seq_lock);
		while (!st->seq_wanted && !atomic_load(&st->leaving))
			if (pthread_cond_timedwait(&st->seq_cond, &st->seq_lock, &t) == ETIMEDOUT)
				break;
		st->seq_wanted = false;
		bool last = atomic_load(&st->leaving);
		pthread_mutex_unlock(&st->seq_lock);
		int n;
		do {
			n = 0;
			struct write w = {.fn = sequence, .arg = &n, .flags = WRITE_READ_COMMITTED};
			run_list(db, &w, false);
			if (w.rc < 0 && !last && st->migrated)
				log_err("journal.sequence", &w.err);
			if (w.rc < 0)
				n = 0;
		} while (n > 0);
		if (last)
			break;
		sleep_us(SEQUENCE_EVERY_MS * 1000);
	}
	db_close(db);
	free(db);
	return NULL;
}

/* --- open and close --- */

/* Text must be UTF-8, and compare by code point as it does on SQLite. */
static int check_database(struct db *db, struct err *err)
{
	char text[64];
	int rc = pg_exec(db, "SHOW server_version_num", text, sizeof(text), err);
	int64_t version = 0;
	if (rc == 0 && (!str_to_i64(str_from(text), 0, INT64_MAX, &version) || version < 150000))
		return err_set(err, ERR_STORE, "store.too_old", "PostgreSQL 15 or newer is needed");
	if (rc == 0)
		rc = pg_exec(db, "SHOW server_encoding", text, sizeof(text), err);
	if (rc == 0 && strcmp(text, "UTF8") != 0)
		return err_set(err, ERR_STORE, "store.encoding",
		    "the database's encoding is %s, not UTF8", text);
	if (rc == 0)
		rc = pg_exec(db,
		    "SELECT datcollate FROM pg_database WHERE datname = current_database()", text,
		    sizeof(text), err);
	if (rc == 0 && text[0] != 'C' && strcmp(text, "POSIX") != 0)
		log_warn("store.collation",
		    "the database sorts by %s; make it with LC_COLLATE 'C' (or C.UTF-8)", text);
	return rc;
}

static int start_thread(struct store *st, void *(*fn)(void *))
{
	struct db *db = malloc(sizeof(*db));
	if (!db)
		abort();
	db_init(db, st, DB_WRITER);
	if (pthread_create(&st->threads[st->nthreads], NULL, fn, db) != 0) {
		free(db);
		return -1;
	}
	st->nthreads++;
	return 0;
}

int pg_open(struct store *st, struct err *err)
{
	struct db *db = malloc(sizeof(*db));
	if (!db)
		abort();
	db_init(db, st, DB_WRITER);
	int rc = pg_connect(db, err);
	if (rc == 0)
		rc = check_database(db, err);
	db_close(db);
	free(db);
	if (rc < 0)
		return rc;
	st->threads = calloc((size_t)st->writers + 1, sizeof(*st->threads));
	if (!st->threads)
		abort();
	rc = st->loading ? 0 : start_thread(st, sequencer);
	for (int i = 0; rc == 0 && i < st->writers; i++)
		rc = start_thread(st, writer);
	return rc < 0 ? err_set(err, ERR_INTERNAL, NULL, "cannot start the writer threads") : 0;
}

void pg_close(struct store *st)
{
	/* Writers first: what they commit the sequencer, the first thread, still places. */
	for (int i = st->nthreads - 1; i >= 0; i--) {
		if (i == 0) {
			pthread_mutex_lock(&st->seq_lock);
			atomic_store(&st->leaving, true);
			pthread_cond_signal(&st->seq_cond);
			pthread_mutex_unlock(&st->seq_lock);
		}
		(void)pthread_join(st->threads[i], NULL); /* a thread of ours, once */
	}
	st->nthreads = 0;
}
