/* Shared between the files of src/store only. */
#ifndef STORE_PRIVATE_H
#define STORE_PRIVATE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "store/journal.h"
#include "store/store.h"
#include "store/tree.h"

enum {
	SQL_MAX_ARGS = 64,
	STMT_BUCKETS = 256,
	STMT_MAX_BY_TEXT = 128,
	LATER_MAX = 64,
	MEMO_BUCKETS = 64
};

/* A prepared statement of one connection. */
struct stmt {
	struct stmt *next;     /* in its bucket */
	const struct sql *sql; /* key of a module's statement; NULL: found by text */
	const char *text;      /* what is sent; owned when sql is NULL */
	char *types;           /* PostgreSQL: parameter types are part of the key */
	uint64_t hash;
	uint64_t used; /* for throwing out the least recently used one found by text */
	bool busy;     /* rows of it are open */
	bool loose;    /* not in the cache: freed when its rows end */
	void *handle;  /* the backend's */
};

struct rows {
	struct rows *next; /* in the connection's list of unused ones */
	struct db *db;
	struct stmt *stmt;
	struct err *err;
	int first;    /* SQLite: result of the step made when the query was started */
	void *result; /* PostgreSQL: PGresult */
	bool brief;   /* SQLite: the arguments outlive the rows, no need to copy them */
	int row, nrows;
	bool cursor;           /* PostgreSQL: more rows are fetched when these are used up */
	struct arena *scratch; /* PostgreSQL: decoded bytea of this row; NULL: none yet */
};

enum db_role { DB_READER, DB_WRITER };

/* A connection. Its thread is the only one to touch it, except that store_close() closes readers.
 */
struct db {
	_Atomic(struct store *) store; /* NULL once the store is closed (readers only) */
	const struct backend *backend;
	enum db_role role;
	void *conn; /* sqlite3 or PGconn; NULL: not connected */
	struct stmt *buckets[STMT_BUCKETS];
	int by_text; /* statements that were found by text */
	uint64_t tick;
	struct rows *unused;
	bool in_tx;   /* a write function or a snapshot runs */
	bool failed;  /* a statement of the running write function failed: it cannot commit */
	bool changed; /* PostgreSQL: the running function may have changed something */
	bool lost;    /* PostgreSQL: the connection broke */
	bool retry;   /* PostgreSQL: the failure was 40001 or 40P01: run again */
	/* PostgreSQL: statements that were sent and whose answers were not read; for messages. */
	const char *later[LATER_MAX];
	int nlater;
	char xid[24];        /* PostgreSQL: of the running transaction; "": not known yet */
	int64_t retry_at_us; /* PostgreSQL: no new attempt to connect before */
	int backoff_ms;

	/* Numbers of kinds of searchable things, as far as they were asked for and stand committed.
	 */
	struct search_kind {
		char name[32];
		int64_t n;
	} kinds[16];
	int nkinds;
	bool kind_added; /* by the running transaction */

	struct arena *memo; /* NULL: nothing is remembered; memo.c */
	struct memo_item *memo_items[MEMO_BUCKETS];

	struct buf copy; /* PostgreSQL: rows on their way in COPY */

	/* What the running writes will cause once they are committed. */
	bool wake_jobs, wake_sequencer;
	/* journal_add(): what it writes, and random bytes not yet used. */
	struct buf text, data;
	unsigned char salt[1024];
	size_t nsalt;
	/* SQLite: leaf hashes of entries that this transaction added, in order, not yet in `edge`.
	 */
	unsigned char (*pending)[HASH_SIZE];
	size_t npending, pending_cap;
	int64_t last_id;  /* the newest entry's id */
	bool edge_loaded; /* edge and last_id were checked against the table in this transaction */
	struct tree_edge edge; /* the tree's right edge, kept between transactions */
	/* SQLite: what this transaction changes in the search index, done before the commit. */
	bool scripted; /* a script ran, whose changes are not counted */
	struct search_change *search;
	size_t nsearch, search_cap;
};

/* A write on its way. */
struct write {
	struct write *next;
	store_write_fn fn;
	void *arg;
	void (*done)(void *arg, int rc, const struct err *);
	void *done_arg;
	enum write_flags { WRITE_PLAIN = 0, WRITE_READ_COMMITTED = 1 } flags;
	bool owned; /* freed after done */
	int rc;
	struct err err;
};

struct reader_slot; /* store.c */

static inline int64_t clock_us(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t); /* cannot fail with a valid clock */
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct store {
	const struct backend *backend;
	char *url, *path, *dir;
	int writers, busy_ms;
	bool loading;
	_Atomic uint64_t statements;

	pthread_mutex_t lock; /* guards the queue and closing */
	pthread_cond_t more;  /* the queue grew, or closing */
	struct write *head, **tail;
	bool closing;

	pthread_t *threads;
	int nthreads;
	struct writer *writer; /* SQLite */

	struct reader_slot *slots; /* readers of all threads; guarded by slots_lock of store.c */

	/* Signing key of the journal's heads, read on first use; keys.c. */
	pthread_mutex_t key_lock;
	void *key;
	_Atomic int64_t head_at_us; /* when the newest head was signed, as far as known here */

	/* store_keep(); keys are only added, under slots_lock of store.c. */
	struct {
		_Atomic(const void *) key;
		_Atomic(void *) value;
		void (*release)(void *);
	} kept[STORE_KEPT_MAX];

	/* Job runners that wait for work; jobs.c. */
	pthread_mutex_t jobs_lock;
	pthread_cond_t jobs_cond;
	uint64_t jobs_seq;
	struct job_runner *runners;

	/* PostgreSQL: the sequencer's alarm clock; writes that were refused once go one by one. */
	pthread_mutex_t seq_lock, lane;
	pthread_cond_t seq_cond;
	bool seq_wanted;
	_Atomic int64_t refused_us, hot_until_us;
	atomic_bool leaving;            /* closing, and the writers have ended */
	atomic_bool migrated;           /* the tables are there */
	_Atomic uint64_t journal_moves; /* commits with journal entries; store.c */
};

/* Bytes to keep: an open file, or memory when fd is -1. */
struct blob_input {
	int fd;
	int64_t at; /* where in the file they begin */
	struct str bytes;
	int64_t size;
};

/* What differs between the databases. Text that comes in is already in the backend's dialect. */
struct backend {
	bool postgres;
	/* Checks that the database is there and usable, starts the writer threads. */
	int (*open)(struct store *, struct err *);
	/* The queue is closed and will be empty: waits for the threads. */
	void (*close)(struct store *);
	int (*serve)(struct store *, struct err *); /* NULL: nothing to do */
	int (*connect)(struct db *, struct err *);
	void (*disconnect)(struct db *); /* statements are forgotten already */
	bool (*alive)(struct db *);      /* false: connect again. NULL: always */
	int (*prepare)(struct db *, struct stmt *, const struct db_arg *, int n, struct err *);
	void (*forget)(struct db *, struct stmt *);
	int64_t (*run)(struct db *, struct stmt *, const struct db_arg *, int n, struct err *);
	/* db_later(); the same, 0 for the count. NULL: by run. */
	int64_t (*later)(struct db *, struct stmt *, const struct db_arg *, int n, struct err *);
	int (*start)(struct rows *, const struct db_arg *, int n);
	int (*next)(struct rows *);
	void (*end)(struct rows *);
	int64_t (*i64)(struct rows *, int column);
	double (*real)(struct rows *, int column);
	struct str (*str)(struct rows *, int column);
	struct str (*bytes)(struct rows *, int column);
	bool (*null)(struct rows *, int column);
	char (*type)(struct rows *, int column); /* i d t b n, as of struct db_arg */
	/* Starts a query whose rows are not all kept in memory. NULL: as any query. */
	int (*scan)(struct rows *, const char *text);
	/* Many rows into one table, columns as a list. NULL: by INSERT. The transaction made the
	 * table or emptied it by TRUNCATE. Nothing else may be asked of the connection between
	 * begin and end. */
	int (*load_begin)(struct db *, const char *table, const char *columns, struct err *);
	int (*load_row)(struct db *, const struct db_arg *, int n, struct err *);
	int (*load_end)(struct db *, bool good, struct err *);
	/* Several statements without parameters and results. */
	int (*script)(struct db *, const char *text, struct err *);
	int (*begin_snapshot)(struct db *, struct err *);
	void (*end_snapshot)(struct db *);
	/* Names are valid here. */
	int (*blob_put)(struct store *, const char *name, const struct blob_input *, struct err *);
	int (*blob_open)(struct store *, const char *name, int *fd, int64_t *size, struct err *);
	int (*blob_exists)(struct db *, const char *name, struct err *); /* 1, 0, <0 */
	int (*blobs_clean)(struct store *, int64_t age_us, int64_t *removed, struct err *);
};
extern const struct backend sqlite_backend, postgres_backend;

/* Every statement of each file, NULL-terminated, for the test that prepares them; jobs.c has a
 * second list, of what it asks of each state. */
extern const struct sql *const backup_sql[],
    *const blob_sql[], *const blob_file_sql[], *const blob_table_sql[],
                                                   *const jobs_sql[],
                                                       *const jobs_state_sql[],
                                                           *const journal_sql[],
                                                               *const migrate_sql[],
                                                                   *const restore_sql[],
                                                                       *const search_sql[],
                                                                           *const store_sql[],
                                                                               *const verify_sql[];

/* --- store.c --- */
/* The next writes, at most max, in order; waits for one. NULL: closing and nothing left. */
struct write *queue_take(struct store *, int max);
/* Waits until there is one to take; false: closing and nothing left. */
bool queue_wait(struct store *);
/* The same without waiting: NULL when there are none. */
struct write *queue_more(struct store *, int max);
/* Sets the outcome and tells whoever waits. w may be gone afterwards. */
void write_done(struct write *, int rc);
/* Runs the function of a write, with the rule that a failed statement cannot be committed. */
int write_call(struct db *, struct write *);
/* What a commit causes: job runners and the sequencer wake up. */
void after_commit(struct db *);
int store_write_flags(struct store *, store_write_fn, void *arg, enum write_flags, struct err *);
void db_init(struct db *, struct store *, enum db_role);
/* Closes statements and the connection; it can be connected again. */
void db_drop(struct db *);
/* The same, and frees what else it holds. */
void db_close(struct db *);
/* Forgets all statements: after a reconnection. */
void db_forget_all(struct db *);

/* A query for many rows, inside store_read() or a write; one at a time on a connection. */
struct rows *db_scan(struct db *, struct err *, const char *text);

/* --- backup.c --- */
struct name_list {
	const char **name;
	int n;
};
extern const char settings_name[]; /* of the city's settings in a backup */
/* The tables that a backup holds, and their columns. */
int store_tables(struct db *, struct arena *, struct name_list *, struct err *);
int store_columns(struct db *, struct arena *, const char *table, struct name_list *, struct err *);

/* --- backup_row.c --- */
/* Reads a line of a table's file, a JSON array of what columns can hold. Returns how many values
 * there are, or -1 when it is something else or has more than max. They live in the line or on the
 * arena. */
int backup_row(struct str line, struct arena *, struct db_arg *values, int max);

/* --- migrate.c --- */
int migration_steps(const char *module); /* how many this program has */
/* The step's text in one dialect: @ID replaced, sections of the other dialect left out. */
void migration_text(struct buf *, struct str text, bool postgres);
/* As store_migrate(), but no step of a module above limit(arg, module). */
int migrate_to(struct store *, const char *const *modules, int nmodules,
    int (*limit)(void *arg, const char *module), void *limit_arg,
    void (*progress)(void *, int, int), void *arg, struct err *);

/* --- journal.c --- */
struct journal_leaf { /* what the leaf's text is made of; see journal.h */
	int64_t id, at_us;
	struct str actor, verb, subject, data_hash, state_hash; /* p NULL: none */
};
void journal_entry_text(struct buf *, const struct journal_leaf *);
void journal_entry_rest(struct buf *, const struct journal_leaf *); /* from the third line on */
enum { SALT_SIZE = 16 };
void journal_state_hash(const void *salt, json_t *state, unsigned char out[HASH_SIZE]);
/* A row of size, at_us, origin, root, signature; false when it is damaged. */
bool journal_head_row(struct rows *, struct tree_head *);
/* Gives places to the entries of this transaction and stores finished nodes. SQLite only. */
int journal_commit(struct db *, struct err *);
/* A transaction begins: what is known of the tree must be checked before it is used. */
void journal_begin(struct db *);
struct journal_mark {
	size_t npending;
	int64_t last_id;
};
struct journal_mark journal_mark(const struct db *);
void journal_rolled_back(struct db *, struct journal_mark);
void journal_forget(struct db *); /* the transaction failed: read the edge again */
/* Hashes of the stored tree; arg is the struct db. */
int journal_read_hashes(
    void *db, int level, int64_t first, int count, tree_hash *out, struct err *);

/* --- search.c --- */
int search_commit(struct db *, struct err *);   /* SQLite only */
void search_rolled_back(struct db *, size_t n); /* back to so many changes */
/* Fills an empty search_doc (PostgreSQL: or another table with its columns) with many documents.
 * Texts are folded already. On PostgreSQL it is a COPY: nothing else may be asked meanwhile. */
struct search_load {
	struct db *db;
	struct buf tokens;
};
int search_load_begin(struct search_load *, struct db *, const char *table, struct err *);
int search_load_row(struct search_load *, int64_t doc, struct str body, struct err *);
int search_load_end(struct search_load *, bool good, struct err *);
/* Makes the index anew from the texts, after the way of cutting them changed. progress gets the
 * number of documents done. */
int search_rebuild(struct db *, void (*progress)(void *, int64_t), void *arg, struct err *);
int search_count(
    struct db *, int64_t *n, struct err *); /* of documents; 0 before there is a table */

/* --- keys.c --- */
void journal_key_free(struct store *);
int journal_sign(struct store *, const void *text, size_t n, unsigned char sig[64], struct err *);
bool journal_signed(
    const unsigned char key[32], const void *text, size_t n, const unsigned char sig[64]);

/* --- blob.c, blob_file.c, blob_table.c --- */
enum { BLOB_BLOCK = 65536 };
bool blob_name_valid(const char *name); /* also what keeps "../" out of paths */
/* The name that the bytes have: their SHA-256 in hexadecimal. */
int blob_name_of(const struct blob_input *, char name[65], struct err *);
int blob_input_read(const struct blob_input *, int64_t at, void *out, size_t n, struct err *);
int file_blob_put(struct store *, const char *name, const struct blob_input *, struct err *);
int file_blob_open(struct store *, const char *name, int *fd, int64_t *size, struct err *);
int file_blob_exists(struct db *, const char *name, struct err *);
int file_blobs_clean(struct store *, int64_t age_us, int64_t *removed, struct err *);
int table_blob_put(struct store *, const char *name, const struct blob_input *, struct err *);
int table_blob_open(struct store *, const char *name, int *fd, int64_t *size, struct err *);
int table_blob_exists(struct db *, const char *name, struct err *);
int table_blobs_clean(struct store *, int64_t age_us, int64_t *removed, struct err *);
/* Removes blobs that nobody uses and that were put longer ago than age_us. */
int blobs_clean(struct store *, int64_t age_us, int64_t *removed, struct err *);

/* --- jobs.c --- */
void jobs_wake(struct store *);
/* One look at the queue, as each of a runner's threads takes it: 0 when a job was run (there may be
 * another), else for how many ms at most to wait before the next look; <0. */
int64_t jobs_look(struct job_runner *, struct err *);

#endif
