/* SQLite: WAL, synchronous=FULL, one writer thread whose commits carry many writes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/log.h"
#include "store/private.h"

/* A group ends at whichever comes first; both bound how long an answer waits for its neighbours. */
enum { GROUP_MAX = 1024, GROUP_US = 20000 };

static pthread_once_t config_once = PTHREAD_ONCE_INIT;

static void configure(void)
{
	/* Its counters take a process-wide lock at each allocation. Fails when something in the
	 * process uses SQLite already; then it is only slower. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int fail(sqlite3 *db, int code, struct err *err)
{
	const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(code);
	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
		switch (code) {
		case SQLITE_CONSTRAINT_UNIQUE:
		case SQLITE_CONSTRAINT_PRIMARYKEY:
		case SQLITE_CONSTRAINT_ROWID:
			return err_set(err, ERR_CONFLICT, "store.conflict", "%s", text);
		default:
			return err_set(err, ERR_STORE, "store.constraint", "%s", text);
		}
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_BUSY, "store.busy", "%s", text);
	case SQLITE_FULL:
		return err_set(err, ERR_IO, "store.full", "%s", text);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return err_set(err, ERR_IO, "store.io", "%s (%d)", text, code);
	case SQLITE_NOMEM:
		abort();
	default:
		return err_set(err, ERR_STORE, NULL, "%s (%d)", text, code);
	}
}

static int exec(sqlite3 *db, const char *text, struct err *err)
{
	int code = sqlite3_exec(db, text, NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : fail(db, sqlite3_extended_errcode(db), err);
}

static const char reader_settings[] =
    "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;";
static const char writer_settings[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;"
    "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 0;"
    "PRAGMA journal_size_limit = 67108864;";
/* One write fills an empty file: the old pages are few, the new ones many. With a rollback journal
 * each new page is written once. Whoever sets it checks the foreign keys. */
static const char loading_settings[] =
    "PRAGMA journal_mode = TRUNCATE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;"
    "PRAGMA cache_size = -131072;";

static int sq_connect(struct db *db, struct err *err)
{
	struct store *st = db_store(db);
	sqlite3 *conn = NULL;
	int code = sqlite3_open_v2(st->path, &conn,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
	        SQLITE_OPEN_EXRESCODE,
	    NULL);
	int rc = 0;
	if (code != SQLITE_OK)
		rc = fail(conn, code, err);
	if (rc == 0) {
		(void)sqlite3_busy_timeout(conn, st->busy_ms); /* only sets a number */
		rc = exec(conn,
		    db->role == DB_READER ? reader_settings
		    : st->loading         ? loading_settings
		                          : writer_settings,
		    err);
	}
	if (rc < 0) {
		(void)sqlite3_close_v2(conn); /* nothing was written */
		return err_prefix(err, "%s: ", st->path);
	}
	db->conn = conn;
	return 0;
}

static void sq_disconnect(struct db *db)
{
	(void)sqlite3_close_v2(db->conn); /* open rows, if any, end later */
}

static int sq_prepare(
    struct db *db, struct stmt *s, const struct db_arg *args, int n, struct err *err)
{
	(void)args;
	sqlite3_stmt *h = NULL;
	int code = sqlite3_prepare_v3(
	    db->conn, s->text, -1, s->loose ? 0 : SQLITE_PREPARE_PERSISTENT, &h, NULL);
	if (code != SQLITE_OK) {
		int rc = fail(db->conn, code, err);
		(void)err_prefix(err, "%.200s: ", s->text);
		return rc;
	}
	if (sqlite3_bind_parameter_count(h) != n) {
		int want = sqlite3_bind_parameter_count(h);
		(void)sqlite3_finalize(h); /* never run */
		return err_set(err, ERR_INTERNAL, NULL, "%.200s: %d arguments for %d places",
		    s->text, n, want);
	}
	s->handle = h;
	return 0;
}

static void sq_forget(struct db *db, struct stmt *s)
{
	(void)db;
	(void)sqlite3_finalize(s->handle); /* repeats the last step's error, reported then */
}

/* Arguments live until the statement is reset, which is before the caller's call returns or, for
 * queries, not guaranteed: rows are read later. So queries copy, runs do not. */
static void bind(sqlite3_stmt *h, const struct db_arg *args, int n, sqlite3_destructor_type life)
{
	for (int i = 0; i < n; i++) {
		const struct db_arg *a = &args[i];
		switch (a->type) {
		case 'i':
			(void)sqlite3_bind_int64(h, i + 1, a->i);
			break;
		case 'd':
			(void)sqlite3_bind_double(h, i + 1, a->d);
			break;
		case 't':
		case 's':
			if (a->s.p)
				(void)sqlite3_bind_text64(
				    h, i + 1, a->s.p, a->s.n, life, SQLITE_UTF8);
			else
				(void)sqlite3_bind_null(h, i + 1);
			break;
		case 'b':
			if (a->s.p)
				(void)sqlite3_bind_blob64(h, i + 1, a->s.p, a->s.n, life);
			else
				(void)sqlite3_bind_null(h, i + 1);
			break;
		default:
			(void)sqlite3_bind_null(h, i + 1);
		}
	}
}

static int64_t sq_run(
    struct db *db, struct stmt *s, const struct db_arg *args, int n, struct err *err)
{
	sqlite3_stmt *h = s->handle;
	bind(h, args, n, SQLITE_STATIC);
	int code;
	do
		code = sqlite3_step(h);
	while (code == SQLITE_ROW);
	int64_t rc = 0;
	if (code == SQLITE_DONE)
		rc = sqlite3_stmt_readonly(h) ? 0 : sqlite3_changes64(db->conn);
	else
		rc = fail(db->conn, code, err);
	(void)sqlite3_reset(h); /* repeats the step's error */
	(void)sqlite3_clear_bindings(h);
	return rc;
}

static int sq_start(struct rows *r, const struct db_arg *args, int n)
{
	sqlite3_stmt *h = r->stmt->handle;
	bind(h, args, n, r->brief ? SQLITE_STATIC : SQLITE_TRANSIENT);
	r->first = sqlite3_step(h);
	if (r->first != SQLITE_ROW && r->first != SQLITE_DONE)
		return fail(r->db->conn, r->first, r->err);
	return 0;
}

static int sq_next(struct rows *r)
{
	int code = r->first;
	if (code)
		r->first = 0;
	else
		code = sqlite3_step(r->stmt->handle);
	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE) {
		r->first = SQLITE_DONE; /* asked again: still the end, not a new start */
		return 0;
	}
	return fail(r->db->conn, code, r->err);
}

static void sq_end(struct rows *r)
{
	(void)sqlite3_reset(r->stmt->handle); /* repeats the step's error */
	(void)sqlite3_clear_bindings(r->stmt->handle);
}

static int64_t sq_i64(struct rows *r, int column)
{
	return sqlite3_column_int64(r->stmt->handle, column);
}

static double sq_real(struct rows *r, int column)
{
	return sqlite3_column_double(r->stmt->handle, column);
}

static struct str sq_str(struct rows *r, int column)
{
	const unsigned char *p = sqlite3_column_text(r->stmt->handle, column);
	if (!p)
		return (struct str){0};
	return (struct str){(const char *)p, (size_t)sqlite3_column_bytes(r->stmt->handle, column)};
}

static bool sq_null(struct rows *r, int column)
{
	return sqlite3_column_type(r->stmt->handle, column) == SQLITE_NULL;
}

static struct str sq_bytes(struct rows *r, int column)
{
	if (sq_null(r, column))
		return (struct str){0};
	const void *p = sqlite3_column_blob(r->stmt->handle, column);
	return (struct str){p ? p : "", (size_t)sqlite3_column_bytes(r->stmt->handle, column)};
}

static char sq_type(struct rows *r, int column)
{
	switch (sqlite3_column_type(r->stmt->handle, column)) {
	case SQLITE_INTEGER:
		return 'i';
	case SQLITE_FLOAT:
		return 'd';
	case SQLITE_TEXT:
		return 't';
	case SQLITE_BLOB:
		return 'b';
	default:
		return 'n';
	}
}

static int sq_script(struct db *db, const char *text, struct err *err)
{
	db->scripted = true;
	return exec(db->conn, text, err);
}

static int sq_begin_snapshot(struct db *db, struct err *err)
{
	/* BEGIN alone takes the snapshot only at the first read. */
	return exec(db->conn, "BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1", err);
}

static void sq_end_snapshot(struct db *db)
{
	(void)exec(db->conn, "ROLLBACK", NULL); /* nothing was written */
}

/* --- telling who waits ---
 *
 * A thread of its own wakes the waiting threads and calls the callbacks of a group, so that the
 * writer is at the next group meanwhile. */

enum { NOTIFY_DIRECTLY = 2 };

struct notifier {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct write *head, **tail;
	bool stopping;
};

static void tell(struct write *list)
{
	while (list) {
		struct write *w = list;
		list = w->next; /* w may be gone after this */
		write_done(w, w->rc);
	}
}

static void *notifier_main(void *arg)
{
	struct notifier *n = arg;
	for (;;) {
		pthread_mutex_lock(&n->lock);
		while (!n->head && !n->stopping)
			pthread_cond_wait(&n->more, &n->lock);
		struct write *list = n->head;
		n->head = NULL;
		n->tail = &n->head;
		pthread_mutex_unlock(&n->lock);
		if (!list)
			return NULL;
		tell(list);
	}
}

static void notify(struct notifier *n, struct write *list)
{
	int count = 0;
	for (struct write *w = list; w && count <= NOTIFY_DIRECTLY; w = w->next)
		count++;
	if (count <= NOTIFY_DIRECTLY) { /* sooner than through another thread */
		tell(list);
		return;
	}
	pthread_mutex_lock(&n->lock);
	*n->tail = list;
	while (list->next)
		list = list->next;
	n->tail = &list->next;
	pthread_cond_signal(&n->more);
	pthread_mutex_unlock(&n->lock);
}

static int notifier_start(struct notifier **out, struct err *err)
{
	struct notifier *n = calloc(1, sizeof(*n));
	if (!n)
		abort();
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->more, NULL);
	n->tail = &n->head;
	if (pthread_create(&n->thread, NULL, notifier_main, n) != 0) {
		free(n);
		return err_set(err, ERR_INTERNAL, NULL, "cannot start a thread");
	}
	(void)pthread_setname_np(n->thread, "store-notify"); /* for top and gdb */
	*out = n;
	return 0;
}

/* Whatever was given to it has been told when this returns. */
static void notifier_stop(struct notifier *n)
{
	if (!n)
		return;
	pthread_mutex_lock(&n->lock);
	n->stopping = true;
	pthread_cond_signal(&n->more);
	pthread_mutex_unlock(&n->lock);
	(void)pthread_join(n->thread, NULL); /* a thread of ours, once */
	pthread_mutex_destroy(&n->lock);
	pthread_cond_destroy(&n->more);
	free(n);
}

/* --- checkpoints ---
 *
 * Copying the log into the database waits for the disk, several times as long as a commit. A thread
 * does it beside the writer, every CHECKPOINT_PAGES. But under constant load the log would never
 * end, since the writer is always a little ahead: when it is long, the writer waits for the short
 * rest, and its next transaction begins the log anew.
 *
 * What must hold: a checkpoint begins only while the log has pages that none has copied. SQLite
 * before 3.44.6, 3.50.7 and 3.51.3 loses commits when a checkpoint begins on a log that is copied
 * whole while another connection begins that log anew: it then takes the new pages for copied
 * (https://www.sqlite.org/wal.html#walresetbug). So
 * 1. only the process that serves the store checkpoints, and in it only this thread;
 * 2. the thread is asked by a commit that found it idle before its transaction began: nobody can
 *    have copied that commit's pages, and until they are, nobody begins the log anew;
 * 3. it forgets nothing and remembers nothing: who finds it busy does not ask.
 * The last connection that is closed copies the rest, which SQLite does alone. */

enum { CHECKPOINT_PAGES = 2000, LOG_LONG_PAGES = 16000 };

struct checkpointer {
	sqlite3 *conn; /* NULL: this process does not serve */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more, done;
	bool busy, stopping; /* busy from when it is asked; at first, until there is a thread */

	/* The writer thread's own: */
	bool idle;     /* before this transaction */
	bool asked;    /* by this transaction */
	int pages;     /* of the log after the last commit */
	int next;      /* ask for a checkpoint at this length */
	int long_next; /* and wait for it at this one */
};

/* The hook of the writer's commits. */
static int log_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
	(void)db;
	(void)name;
	struct checkpointer *c = arg;
	c->pages = pages;
	if (pages < c->next - CHECKPOINT_PAGES) /* it began anew */
		c->next = CHECKPOINT_PAGES;
	if (pages < LOG_LONG_PAGES)
		c->long_next = LOG_LONG_PAGES;
	if (pages < c->next || !c->idle)
		return SQLITE_OK;
	c->next = pages + CHECKPOINT_PAGES;
	c->asked = true;
	pthread_mutex_lock(&c->lock);
	c->busy = true;
	pthread_cond_signal(&c->more);
	pthread_mutex_unlock(&c->lock);
	return SQLITE_OK;
}

/* On the writer thread, before a transaction. */
static void checkpointer_look(struct checkpointer *c)
{
	pthread_mutex_lock(&c->lock);
	c->idle = !c->busy;
	pthread_mutex_unlock(&c->lock);
	c->asked = false;
}

/* On the writer thread, after one. Readers of old pages keep the log long; it is tried again when
 * it has grown by as much as between usual checkpoints. */
static void checkpointer_wait_if_long(struct checkpointer *c)
{
	if (!c->asked || c->pages < c->long_next)
		return;
	c->long_next = c->pages + CHECKPOINT_PAGES;
	pthread_mutex_lock(&c->lock);
	while (c->busy)
		pthread_cond_wait(&c->done, &c->lock);
	pthread_mutex_unlock(&c->lock);
}

static void *checkpointer_main(void *arg)
{
	struct checkpointer *c = arg;
	pthread_mutex_lock(&c->lock);
	for (;;) {
		c->busy = false;
		pthread_cond_signal(&c->done);
		while (!c->busy && !c->stopping)
			pthread_cond_wait(&c->more, &c->lock);
		if (c->stopping)
			break;
		pthread_mutex_unlock(&c->lock);
		int code =
		    sqlite3_wal_checkpoint_v2(c->conn, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
		if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
			log_warn("store.checkpoint", "%s", sqlite3_errmsg(c->conn));
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

static struct checkpointer *checkpointer_new(sqlite3 *writer)
{
	struct checkpointer *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->more, NULL);
	pthread_cond_init(&c->done, NULL);
	c->busy = true;
	c->next = CHECKPOINT_PAGES;
	c->long_next = LOG_LONG_PAGES;
	(void)sqlite3_wal_hook(writer, log_grew, c); /* the one before: none */
	return c;
}

static int checkpointer_start(struct checkpointer *c, const char *path, struct err *err)
{
	int code =
	    sqlite3_open_v2(path, &c->conn, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	/* The first looks into the file: it would not know that there is a log. */
	int rc = code == SQLITE_OK
	             ? exec(c->conn, "PRAGMA journal_mode; PRAGMA synchronous = FULL", err)
	             : fail(c->conn, code, err);
	if (rc == 0 && pthread_create(&c->thread, NULL, checkpointer_main, c) != 0)
		rc = err_set(err, ERR_INTERNAL, NULL, "cannot start a thread");
	if (rc < 0) {
		(void)sqlite3_close_v2(c->conn); /* nothing was written */
		c->conn = NULL;
		return rc;
	}
	(void)pthread_setname_np(c->thread, "store-ckpt"); /* for top and gdb */
	return 0;
}

/* The writer thread has ended. */
static void checkpointer_free(struct checkpointer *c)
{
	if (!c)
		return;
	if (c->conn) {
		pthread_mutex_lock(&c->lock);
		c->stopping = true;
		pthread_cond_signal(&c->more);
		pthread_mutex_unlock(&c->lock);
		(void)pthread_join(c->thread, NULL); /* a thread of ours, once */
		(void)sqlite3_close_v2(c->conn);     /* nothing of it is open */
	}
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->more);
	pthread_cond_destroy(&c->done);
	free(c);
}

/* --- the writer --- */

struct control {
	sqlite3_stmt *begin, *savepoint, *release, *undo, *commit, *rollback;
};

static void control_prepare(sqlite3 *db, struct control *c)
{
	static const char *const texts[] = {
	    "BEGIN IMMEDIATE", "SAVEPOINT w", "RELEASE w", "ROLLBACK TO w", "COMMIT", "ROLLBACK"};
	sqlite3_stmt **at[] = {
	    &c->begin, &c->savepoint, &c->release, &c->undo, &c->commit, &c->rollback};
	for (size_t i = 0; i < COUNT(texts); i++)
		if (sqlite3_prepare_v3(db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, at[i], NULL) !=
		    SQLITE_OK)
			abort(); /* constant texts: only out of memory */
}

static void control_release(struct control *c)
{
	sqlite3_stmt *all[] = {c->begin, c->savepoint, c->release, c->undo, c->commit, c->rollback};
	for (size_t i = 0; i < COUNT(all); i++)
		(void)sqlite3_finalize(all[i]); /* repeats an error that was reported */
}

static int step(struct db *db, sqlite3_stmt *h, struct err *err)
{
	int code = sqlite3_step(h);
	int rc = code == SQLITE_DONE ? 0 : fail(db->conn, code, err);
	(void)sqlite3_reset(h); /* repeats the step's error */
	return rc;
}

/* A group runs without savepoints first: they copy every page that a write touches, a third of the
 * whole work. When a write fails after it changed something, the transaction is rolled back and the
 * group runs again with a savepoint per write, and so do the next SAFE_GROUPS: where one failed,
 * others do. */
enum { WARN_EVERY_US = 10000000, SAFE_GROUPS = 32, GATHER_MIN_US = 10, GATHER_MAX_US = 150 };
enum group { GROUP_DONE, GROUP_AGAIN, GROUP_BROKEN, GROUP_NOT_BEGUN };

struct writer {
	struct db *db;
	struct control c;
	int safe; /* so many groups more with savepoints */
	int64_t warn_after_us;
	int usual;         /* writes that waited when recent groups began */
	int64_t commit_us; /* how long recent commits took */
	struct notifier *notifier;
	struct checkpointer *checkpointer;
	int serving; /* the locked file; -1: this process does not serve */
};

/* Runs the writes of one transaction: as many from the front of the list as time allows, *n of
 * them; rc of each says what its function returned. Whoever comes meanwhile joins the list, unless
 * it is closed. GROUP_BROKEN: the transaction as a whole failed, nothing of it is stored, and whole
 * says why. GROUP_AGAIN: nothing of it is stored, run it with savepoints. */
static enum group run_group(
    struct writer *wr, struct write *list, bool closed, bool safe, int *n, struct err *whole)
{
	struct db *db = wr->db;
	struct control *c = &wr->c;
	*n = 0;
	db->wake_jobs = db->wake_sequencer = db->kind_added = false;
	checkpointer_look(wr->checkpointer);
	if (step(db, c->begin, whole) < 0)
		return GROUP_NOT_BEGUN;
	journal_begin(db);
	enum group outcome = GROUP_BROKEN;
	int64_t until = clock_us(CLOCK_MONOTONIC) + GROUP_US;
	bool any = false;
	for (struct write *w = list; w; w = w->next) {
		if (*n && clock_us(CLOCK_MONOTONIC) > until)
			break;
		++*n;
		struct journal_mark mark = journal_mark(db);
		size_t nsearch = db->nsearch;
		int64_t changes = sqlite3_total_changes64(db->conn);
		db->scripted = false;
		if (safe && step(db, c->savepoint, whole) < 0)
			goto failed;
		w->rc = write_call(db, w);
		/* A full disk or an I/O error undoes the whole transaction by itself. */
		if (sqlite3_get_autocommit(db->conn)) {
			*whole = w->err;
			goto failed;
		}
		if (w->rc < 0) {
			bool changed = db->scripted || changes != sqlite3_total_changes64(db->conn);
			if (changed && !safe) {
				outcome = GROUP_AGAIN;
				goto failed;
			}
			journal_rolled_back(db, mark);
			search_rolled_back(db, nsearch);
			if (safe && step(db, c->undo, whole) < 0)
				goto failed;
		} else {
			any = true;
		}
		if (safe && step(db, c->release, whole) < 0)
			goto failed;
		if (!w->next && !closed && *n < GROUP_MAX)
			w->next = queue_more(db_store(db), GROUP_MAX - *n);
	}
	if (!any)
		return step(db, c->rollback, whole) < 0 ? GROUP_BROKEN : GROUP_DONE;
	if (journal_commit(db, whole) == 0 && search_commit(db, whole) == 0) {
		int64_t start = clock_us(CLOCK_MONOTONIC);
		if (step(db, c->commit, whole) == 0) {
			wr->commit_us += (clock_us(CLOCK_MONOTONIC) - start - wr->commit_us) / 8;
			return GROUP_DONE;
		}
	}
failed:
	if (!sqlite3_get_autocommit(db->conn))
		(void)step(db, c->rollback, NULL); /* the first error is told */
	journal_forget(db);
	search_rolled_back(db, 0);
	return outcome;
}

static void run_list(struct writer *wr, struct write *list, bool closed)
{
	while (list) {
		struct err whole = {0};
		int n;
		enum group g = run_group(wr, list, closed, wr->safe > 0, &n, &whole);
		if (g == GROUP_AGAIN) {
			wr->safe = SAFE_GROUPS;
			g = run_group(wr, list, closed, true, &n, &whole);
		} else if (wr->safe > 0) {
			wr->safe--;
		}
		if (g == GROUP_BROKEN && n > 1) {
			/* One of them may be to blame, or the disk: alone each gets its own answer.
			 */
			int64_t now = clock_us(CLOCK_MONOTONIC);
			if (now > wr->warn_after_us) { /* a full disk says it all the time */
				wr->warn_after_us = now + WARN_EVERY_US;
				log_warn("store.group", "%d writes are tried one by one: %s", n,
				    whole.detail);
			}
			for (; n > 0; n--) {
				struct write *w = list;
				list = w->next;
				w->next = NULL;
				run_list(wr, w, true);
			}
			continue;
		}
		if (g == GROUP_DONE)
			after_commit(wr->db);
		struct write *first = list, *last = list;
		for (int i = 1;; i++, last = last->next) {
			if (g != GROUP_DONE) {
				last->err = whole;
				last->rc = -(int)whole.kind;
			}
			/* Not begun: the same for everybody who waits. */
			if (!last->next || (i == n && g != GROUP_NOT_BEGUN))
				break;
		}
		list = last->next;
		last->next = NULL;
		notify(wr->notifier, first);
		checkpointer_wait_if_long(wr->checkpointer);
	}
}

/* Those whom the last group answered come again a moment later. When far fewer are here than were
 * in it, a short wait, small against the commit, saves the second commit for the rest. */
static struct write *gather(struct writer *wr, struct write *list)
{
	int n = 0;
	struct write *last = NULL;
	for (struct write *w = list; w; w = w->next, n++)
		last = w;
	if (n < wr->usual / 2 && wr->commit_us >= 8 * GATHER_MIN_US) {
		int64_t us = wr->commit_us / 4;
		(void)usleep((useconds_t)(us < GATHER_MAX_US ? us : GATHER_MAX_US));
		last->next = queue_more(db_store(wr->db), GROUP_MAX);
		for (; last->next; last = last->next)
			n++;
	}
	/* Goes up at once and down slowly: one lonely write does not forget the crowd. */
	wr->usual = n > wr->usual ? n : wr->usual - (wr->usual - n + 7) / 8;
	return list;
}

static void *writer_main(void *arg)
{
	struct writer *wr = arg;
	struct write *list;
	while ((list = queue_take(db_store(wr->db), GROUP_MAX))) {
		list = gather(wr, list);
		run_list(wr, list, false);
	}
	return NULL;
}

/* --- open and close --- */

static void sq_close(struct store *st)
{
	struct writer *wr = st->writer;
	if (!wr)
		return;
	for (int i = 0; i < st->nthreads; i++)
		(void)pthread_join(st->threads[i], NULL); /* a thread of ours, once */
	st->nthreads = 0;
	notifier_stop(wr->notifier);
	control_release(&wr->c);
	db_close(wr->db);
	checkpointer_free(wr->checkpointer);
	if (wr->serving >= 0)
		(void)close(wr->serving); /* and the lock with it */
	free(wr->db);
	free(wr);
	st->writer = NULL;
}

/* It holds personal data, whatever the umask says; SQLite gives its log the same mode. Why it
 * cannot be made, SQLite says when it tries. */
static void make_private(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)close(fd); /* nothing was written */
}

static int sq_open(struct store *st, struct err *err)
{
	(void)pthread_once(&config_once, configure); /* cannot fail */
	make_private(st->path);
	struct writer *wr = st->writer = calloc(1, sizeof(*wr));
	st->threads = calloc(1, sizeof(*st->threads));
	if (!wr || !st->threads || !(wr->db = malloc(sizeof(*wr->db))))
		abort();
	wr->serving = -1;
	db_init(wr->db, st, DB_WRITER);
	int rc = sq_connect(wr->db, err);
	if (rc < 0)
		return rc; /* store_close() frees */
	control_prepare(wr->db->conn, &wr->c);
	wr->checkpointer = checkpointer_new(wr->db->conn);
	rc = notifier_start(&wr->notifier, err);
	if (rc == 0 && pthread_create(&st->threads[0], NULL, writer_main, wr) != 0)
		rc = err_set(err, ERR_INTERNAL, NULL, "cannot start the writer thread");
	if (rc < 0)
		return rc;
	(void)pthread_setname_np(st->threads[0], "store-writer"); /* for top and gdb */
	st->nthreads = 1;
	return 0;
}

/* The lock ends with the process, however that ends. The file stays: its content is only for the
 * message. */
static int sq_serve(struct store *st, struct err *err)
{
	struct writer *wr = st->writer;
	if (wr->serving >= 0)
		return 0;
	struct buf path = {0};
	buf_printf(&path, "%s-server", st->path);
	char pid[32] = {0};
	int rc = 0, fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = err_set(err, ERR_IO, "store.io", "%s: %s", path.p, strerror(errno));
	} else if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		(void)!read(fd, pid, sizeof(pid) - 1); /* only for the message */
		rc = err_set(err, ERR_CONFLICT, "store.served",
		    "%s: another process (%s) serves this store, and SQLite has one server at a "
		    "time; stop that one first, or use PostgreSQL",
		    st->path, pid);
	} else if ((rc = checkpointer_start(wr->checkpointer, st->path, err)) == 0) {
		int n = snprintf(pid, sizeof(pid), "%d", (int)getpid());
		if (ftruncate(fd, 0) == 0)
			(void)!write(fd, pid, (size_t)n); /* only for the message */
		wr->serving = fd;
		fd = -1;
	}
	if (fd >= 0)
		(void)close(fd); /* nothing was written */
	buf_free(&path);
	return rc;
}

const struct backend sqlite_backend = {
    .open = sq_open,
    .close = sq_close,
    .serve = sq_serve,
    .connect = sq_connect,
    .disconnect = sq_disconnect,
    .prepare = sq_prepare,
    .forget = sq_forget,
    .run = sq_run,
    .start = sq_start,
    .next = sq_next,
    .end = sq_end,
    .i64 = sq_i64,
    .real = sq_real,
    .str = sq_str,
    .bytes = sq_bytes,
    .null = sq_null,
    .type = sq_type,
    .script = sq_script,
    .begin_snapshot = sq_begin_snapshot,
    .end_snapshot = sq_end_snapshot,
    .blob_put = file_blob_put,
    .blob_open = file_blob_open,
    .blob_exists = file_blob_exists,
    .blobs_clean = file_blobs_clean,
};
