/* One city's store: SQLite or PostgreSQL behind one interface.
 *
 * Reads run on the calling thread's own connection. Writes are functions that the store runs in a
 * transaction: on SQLite on the one writer thread, many functions (a savepoint each) per commit; on
 * PostgreSQL on a pool of writer connections. A write is answered only when it is durable.
 *
 * SQL is the portable subset of both: placeholders ?1 ?2 ..., RETURNING, ON CONFLICT; types BIGINT,
 * TEXT, BYTEA, DOUBLE PRECISION; JSON is TEXT; booleans are 0 and 1; instants are BIGINT
 * microseconds since 1970 UTC; civil dates are TEXT YYYY-MM-DD. In migrations the word @ID stands
 * for an auto-numbered BIGINT primary key. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct store;
struct db; /* a connection; belongs to one thread at a time */

/* One statement. Modules keep theirs as `static const struct sql` in their sql.c and list them in
 * their struct module; prepared once per connection, found by address, so a struct sql must have
 * static storage. A test prepares all of them on both databases and refuses one that reads a whole
 * table without an index and does not say why it may. */
struct sql {
	const char *text;
	const char *pg;    /* NULL when the text serves both */
	const char *whole; /* why it may read a whole table; NULL: it must not */
};

struct store_options {
	const char *url; /* "sqlite:PATH" or "postgresql://..." */
	const char *dir; /* data directory of the city: blobs and keys live here */
	int writers;     /* PostgreSQL writer connections; 0: default */
	int busy_ms;     /* how long to wait for a lock; 0: default */
	bool loading; /* nobody else uses it and one large write fills it: what store_restore() sets
	               */
};

/* Opens (SQLite: creates) the store and starts its writer. Not migrated yet. */
int store_open(const struct store_options *, struct store **out, struct err *);
/* Waits for writes in flight, then closes. NULL is allowed. */
void store_close(struct store *);
/* Says that this process serves the store, until store_close() or its end. SQLite has one server at
 * a time, for whose writer the others would wait: ERR_CONFLICT "store.served" names the process
 * that does it already. On PostgreSQL any number may. Commands beside a server (backup, verify) do
 * not say it. Saying it again is allowed. */
int store_serve(struct store *, struct err *);
/* What a module keeps with an open store, for functions that are given a db and no city: key is the
 * address of something of the module's own. The value is the module's, and must live until the
 * store closes, since other threads may have asked for it; release (may be NULL) frees it then. Any
 * thread; at most STORE_KEPT_MAX keys. */
enum { STORE_KEPT_MAX = 8 };
void store_keep(struct store *, const void *key, void *value, void (*release)(void *));
void *store_kept(struct store *, const void *key); /* NULL: nothing */
bool store_is_postgres(const struct store *);
const char *store_dir(const struct store *);

/* Brings the schema up to date, module by module in the order given, each step in one transaction.
 * The steps of a module are the built-in resources migrations/<module>/NNNN_name.sql (in the tree:
 * src/<module>/migrations/), numbered from 0001 and never edited after a release. "store" is run
 * first by itself. progress may be NULL; it gets parts of the work, of which a step is one and each
 * text that is indexed anew another. */
int store_migrate(struct store *, const char *const *modules, int nmodules,
    void (*progress)(void *arg, int done, int total), void *arg, struct err *);
/* How many steps are missing; a store newer than the program is ERR_STORE "store.too_new". */
int store_pending(
    struct store *, const char *const *modules, int nmodules, int *pending, struct err *);

/* This thread's read connection (opened on first use, closed by store_close or thread end).
 * NULL and err when it cannot be opened. Read-only: writing through it fails. */
struct db *store_reader(struct store *, struct err *);

/* Runs fn on this thread's reader with one snapshot of the data for all its queries. Returns what
 * fn returned. For pages that must not mix two states, and for exports. */
int store_read(
    struct store *, int (*fn)(struct db *, void *arg, struct err *), void *arg, struct err *);

/* Runs in a transaction; 0 commits, a negative value rolls everything back that fn did. fn may be
 * run again from its start (serialization failure), so what it changes outside the database must be
 * overwritten, not appended. It must not wait for other threads. After a statement failed the write
 * cannot commit (PostgreSQL would not, so SQLite does not either): return the error; where a broken
 * UNIQUE is expected write ON CONFLICT DO NOTHING and look at the number of rows. */
typedef int (*store_write_fn)(struct db *, void *arg, struct err *);

/* Returns when the outcome is durable. Never call it from inside a write function. */
int store_write(struct store *, store_write_fn, void *arg, struct err *);

/* The same without waiting. done runs on a store thread after the commit is durable (or the write
 * failed); it must be short. */
void store_submit(
    struct store *, store_write_fn, void *arg, void (*done)(void *arg, int rc, const struct err *));

struct store *db_store(struct db *);
/* Statements asked of the store by this process so far; for metrics. */
uint64_t store_statements(struct store *);
bool db_is_postgres(struct db *);

/* --- statements ---
 * types names one argument per placeholder:
 *   i int64_t   d double   t const char * (NULL: SQL NULL)   s struct str (p NULL: SQL NULL)
 *   b struct str as bytes (p NULL: SQL NULL)   n SQL NULL, takes no argument */

/* Runs a statement without rows; returns the number of rows changed or a negative error.
 * A broken UNIQUE constraint is ERR_CONFLICT "store.conflict", with the constraint in the detail.
 */
int64_t db_run(struct db *, struct err *, const struct sql *, const char *types, ...);

/* As db_run() for a change whose count nobody asks for. Over a network it travels with the next
 * statement or the commit instead of waiting for an answer of its own; what follows in the write
 * sees its effect. What goes wrong with it may be told by a later call or by the commit. */
int db_later(struct db *, struct err *, const struct sql *, const char *types, ...);

struct rows; /* rows of one running query; several may be open at a time */

/* Starts a query; NULL and err on failure. Free with rows_end(). */
struct rows *db_query(struct db *, struct err *, const struct sql *, const char *types, ...);
/* The same for text composed by a list builder from known names only; cached by text. */
struct rows *db_query_text(struct db *, struct err *, const char *sql, const char *types, ...);
/* As db_query_text() with n arguments given as an array. */
struct db_arg {
	char type; /* i d t s b n */
	int64_t i;
	double d;
	struct str s;
};
struct rows *db_query_args(
    struct db *, struct err *, const char *sql, const struct db_arg *args, int nargs);

/* 1: a row is there. 0: no more. Negative: error, given to the err of the query. */
int rows_next(struct rows *);
int64_t rows_i64(struct rows *, int column); /* NULL gives 0 */
double rows_double(struct rows *, int column);
/* Slices are valid until the next rows_next()/rows_end(); NULL gives {NULL, 0}. */
struct str rows_str(struct rows *, int column);
struct str rows_bytes(struct rows *, int column);
/* A copy on the arena; SQL NULL gives NULL. */
char *rows_dup(struct rows *, int column, struct arena *);
bool rows_null(struct rows *, int column);
void rows_end(struct rows *); /* NULL is allowed */

/* The first column of the first row: 1 found, 0 no row, negative error. */
int db_get_i64(struct db *, struct err *, int64_t *out, const struct sql *, const char *types, ...);
int db_get_text(struct db *, struct err *, struct arena *, char **out, const struct sql *,
    const char *types, ...);

/* --- what a page asks again and again ---
 * While a handler runs, its reader remembers what modules put there (names, rights), so that each
 * is asked of the database once. Writers never remember: a write sees what is true when it commits.
 */

/* From begin to end values may be remembered; they live on the arena. */
void db_memo_begin(struct db *, struct arena *);
void db_memo_end(struct db *);
/* The arena to put values on; NULL: nothing is remembered now. */
struct arena *db_memo(struct db *);
/* what: the address of something of the module's own, which tells one kind of value from others. */
void *db_recall(struct db *, const void *what, int64_t id); /* NULL: not remembered */
void db_remember(struct db *, const void *what, int64_t id, void *value);

/* --- small settings of a store --- */
int meta_get(struct db *, struct arena *, const char *key, char **out, struct err *); /* 1, 0, <0 */
int meta_set(struct db *, const char *key, const char *value, struct err *);

int store_is_empty(struct store *, bool *empty, struct err *); /* it has no tables */
/* Notes in the schema who makes the store: "init", "restore"; "" when it is whole. What a restore
 * loads replaces the note in the same transaction. */
int store_note_making(struct db *, const char *by, struct err *);
/* 1 and *by while that note stands: the making was ended, or goes on. 0: the store is whole. */
int store_making(struct store *, struct arena *, char **by, struct err *);

/* The next number of a gap-less series such as "receipt/dog-registration/2026"; starts at 1. Part
 * of the transaction: rolled back with it. */
int series_next(struct db *, const char *series, int64_t *out, struct err *);

/* --- backup --- */
/* Copies the whole store with its blobs, keys and the city's settings (<dir>/city.yaml, if there)
 * into a new directory or .tar file while it is in use; progress is called with bytes done and
 * total. restore needs an empty target; a city.yaml that is there is kept. */
int store_backup(struct store *, const char *target, void (*progress)(void *, int64_t, int64_t),
    void *arg, struct err *);
int store_restore(const char *source, const struct store_options *target,
    void (*progress)(void *, int64_t, int64_t), void *arg, struct err *);
/* The name of the city that the backup was made of (its folder's); NULL when it does not say. */
int store_backup_city(const char *source, struct arena *, const char **city, struct err *);

#endif
