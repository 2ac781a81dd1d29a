/* Statements: arguments, the cache of prepared ones per connection, rows. */
#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

static int collect(struct err *err, const char *types, va_list ap, struct db_arg *args)
{
	int n = 0;
	for (; types[n]; n++) {
		assert(n < SQL_MAX_ARGS);
		struct db_arg *a = &args[n];
		*a = (struct db_arg){.type = types[n]};
		switch (types[n]) {
		case 'i':
			a->i = va_arg(ap, int64_t);
			break;
		case 'd':
			a->d = va_arg(ap, double);
			break;
		case 't':
			a->s = str_from(va_arg(ap, const char *));
			break;
		case 's':
		case 'b':
			a->s = va_arg(ap, struct str);
			break;
		case 'n':
			break;
		default:
			return err_set(err, ERR_INTERNAL, NULL, "argument type '%c'", types[n]);
		}
	}
	return n;
}

uint64_t store_statements(struct store *st)
{
	return atomic_load_explicit(&st->statements, memory_order_relaxed);
}

/* --- the cache --- */

static uint64_t hash_bytes(uint64_t h, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3u; /* FNV-1a */
	return h;
}

static void unlink_stmt(struct db *db, struct stmt *s)
{
	struct stmt **at = &db->buckets[s->hash % STMT_BUCKETS];
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	if (!s->sql)
		db->by_text--;
}

static void free_stmt(struct db *db, struct stmt *s)
{
	db->backend->forget(db, s);
	if (!s->sql)
		free((char *)s->text);
	free(s->types);
	free(s);
}

void db_forget_all(struct db *db)
{
	for (int i = 0; i < STMT_BUCKETS; i++) {
		struct stmt **at = &db->buckets[i];
		while (*at) {
			struct stmt *s = *at;
			if (s->busy) { /* its rows are still open: they free it */
				*at = s->next;
				s->loose = true;
				continue;
			}
			*at = s->next;
			free_stmt(db, s);
		}
	}
	db->by_text = 0;
}

/* Filters of lists make many texts: the one unused for longest goes. */
static void make_room(struct db *db)
{
	struct stmt *oldest = NULL;
	for (int i = 0; i < STMT_BUCKETS; i++)
		for (struct stmt *s = db->buckets[i]; s; s = s->next)
			if (!s->sql && !s->busy && (!oldest || s->used < oldest->used))
				oldest = s;
	if (oldest) {
		unlink_stmt(db, oldest);
		free_stmt(db, oldest);
	}
}

static bool same_types(const struct stmt *s, const struct db_arg *args, int n)
{
	if (!s->types)
		return true;
	for (int i = 0; i < n; i++)
		if (s->types[i] != args[i].type)
			return false;
	return s->types[n] == '\0';
}

static struct stmt *stmt_get(struct db *db, const struct sql *sql, const char *text,
    const struct db_arg *args, int nargs, struct err *err)
{
	uint64_t h = 0xcbf29ce484222325u;
	struct store *st = atomic_load_explicit(&db->store, memory_order_relaxed);
	if (st)
		atomic_fetch_add_explicit(&st->statements, 1, memory_order_relaxed);
	if (sql)
		h = hash_bytes(h, (const char *)&sql, sizeof(sql));
	else
		h = hash_bytes(h, text, strlen(text));
	char types[SQL_MAX_ARGS + 1] = "";
	if (db->backend->postgres) {
		for (int i = 0; i < nargs; i++)
			types[i] = args[i].type;
		types[nargs] = '\0';
		h = hash_bytes(h, types, (size_t)nargs);
	}
	bool cached = false;
	for (struct stmt *s = db->buckets[h % STMT_BUCKETS]; s; s = s->next) {
		if (s->hash != h || s->sql != sql || (!sql && strcmp(s->text, text) != 0) ||
		    !same_types(s, args, nargs))
			continue;
		cached = true;
		if (s->busy)
			break; /* a query inside the loop over its own rows */
		s->used = ++db->tick;
		return s;
	}
	struct stmt *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	*s = (struct stmt){.sql = sql, .hash = h, .used = ++db->tick, .loose = cached};
	if (sql)
		s->text = db->backend->postgres && sql->pg ? sql->pg : sql->text;
	else if (!(s->text = strdup(text)))
		abort();
	if (db->backend->postgres && !(s->types = strdup(types)))
		abort();
	if (db->backend->prepare(db, s, args, nargs, err) < 0) {
		free_stmt(db, s);
		return NULL;
	}
	if (!s->loose) {
		if (!sql && ++db->by_text > STMT_MAX_BY_TEXT)
			make_room(db);
		s->next = db->buckets[h % STMT_BUCKETS];
		db->buckets[h % STMT_BUCKETS] = s;
	}
	return s;
}

/* --- running --- */

/* PostgreSQL refuses everything after a failed statement until the transaction ends. So does this,
 * on both, so that a function that is tested on SQLite works on PostgreSQL. */
static int usable(struct db *db, struct err *err)
{
	if (db->in_tx && db->role == DB_WRITER && db->failed)
		return err_set(err, ERR_INTERNAL, NULL,
		    "a statement after a failed one in the same write: return the first error, or "
		    "use ON "
		    "CONFLICT");
	return 0;
}

static int64_t note(struct db *db, int64_t rc)
{
	if (rc < 0)
		db->failed = true;
	return rc;
}

/* Runs it with `how`, one of the backend's ways. */
static int64_t run_args(struct db *db, struct err *err, const struct sql *sql,
    const struct db_arg *args, int n,
    int64_t (*how)(struct db *, struct stmt *, const struct db_arg *, int, struct err *))
{
	if (n < 0 || usable(db, err) < 0)
		return -(int)ERR_INTERNAL;
	struct err own;
	if (!err)
		err = &own;
	struct stmt *s = stmt_get(db, sql, NULL, args, n, err);
	if (!s)
		return note(db, -(int)err->kind);
	int64_t rc = note(db, how(db, s, args, n, err));
	if (s->loose)
		free_stmt(db, s);
	return rc;
}

int64_t db_run(struct db *db, struct err *err, const struct sql *sql, const char *types, ...)
{
	struct db_arg args[SQL_MAX_ARGS];
	va_list ap;
	va_start(ap, types);
	int n = collect(err, types, ap, args);
	va_end(ap);
	return run_args(db, err, sql, args, n, db->backend->run);
}

int db_later(struct db *db, struct err *err, const struct sql *sql, const char *types, ...)
{
	struct db_arg args[SQL_MAX_ARGS];
	va_list ap;
	va_start(ap, types);
	int n = collect(err, types, ap, args);
	va_end(ap);
	bool waits = !db->backend->later || !db->in_tx;
	int64_t rc = run_args(db, err, sql, args, n, waits ? db->backend->run : db->backend->later);
	return rc < 0 ? (int)rc : 0;
}

/* A reader whose connection broke, outside of a snapshot, asks again on a new one. */
static bool again(struct db *db, int attempt, struct err *err)
{
	if (attempt > 0 || !db->lost || db->role != DB_READER || db->in_tx)
		return false;
	db_drop(db);
	return db->backend->connect(db, err) == 0;
}

/* brief: the rows end before the caller's arguments do. */
static struct rows *query(struct db *db, struct err *err, const struct sql *sql, const char *text,
    const struct db_arg *args, int n, bool brief)
{
	struct err own;
	if (usable(db, err) < 0)
		return NULL;
	for (int attempt = 0;; attempt++) {
		struct stmt *s = stmt_get(db, sql, text, args, n, err ? err : &own);
		if (s) {
			struct rows *r = db->unused;
			if (r)
				db->unused = r->next;
			else if (!(r = calloc(1, sizeof(*r))))
				abort();
			*r = (struct rows){.db = db, .stmt = s, .err = err, .brief = brief};
			s->busy = true;
			if (db->backend->start(r, args, n) == 0)
				return r;
			rows_end(r);
		}
		if (!again(db, attempt, err)) {
			note(db, -1);
			return NULL;
		}
	}
}

struct rows *db_query(struct db *db, struct err *err, const struct sql *sql, const char *types, ...)
{
	struct db_arg args[SQL_MAX_ARGS];
	va_list ap;
	va_start(ap, types);
	int n = collect(err, types, ap, args);
	va_end(ap);
	return n < 0 ? NULL : query(db, err, sql, NULL, args, n, false);
}

struct rows *db_query_text(struct db *db, struct err *err, const char *text, const char *types, ...)
{
	struct db_arg args[SQL_MAX_ARGS];
	va_list ap;
	va_start(ap, types);
	int n = collect(err, types, ap, args);
	va_end(ap);
	return n < 0 ? NULL : query(db, err, NULL, text, args, n, false);
}

struct rows *db_query_args(
    struct db *db, struct err *err, const char *sql, const struct db_arg *args, int nargs)
{
	if (nargs > SQL_MAX_ARGS) {
		(void)err_set(err, ERR_INTERNAL, NULL, "%d arguments", nargs);
		return NULL;
	}
	return query(db, err, NULL, sql, args, nargs, false);
}

struct rows *db_scan(struct db *db, struct err *err, const char *text)
{
	if (!db->backend->scan)
		return db_query_text(db, err, text, "");
	struct rows *r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->db = db;
	r->err = err;
	if (usable(db, err) < 0 || note(db, db->backend->scan(r, text)) < 0) {
		rows_end(r);
		return NULL;
	}
	return r;
}

int rows_next(struct rows *r)
{
	int rc = r->db->backend->next(r);
	return (int)note(r->db, rc);
}

int64_t rows_i64(struct rows *r, int column)
{
	return r->db->backend->i64(r, column);
}

double rows_double(struct rows *r, int column)
{
	return r->db->backend->real(r, column);
}

struct str rows_str(struct rows *r, int column)
{
	return r->db->backend->str(r, column);
}

struct str rows_bytes(struct rows *r, int column)
{
	return r->db->backend->bytes(r, column);
}

char *rows_dup(struct rows *r, int column, struct arena *a)
{
	struct str s = rows_str(r, column);
	return s.p ? str_dup(a, s) : NULL;
}

bool rows_null(struct rows *r, int column)
{
	return r->db->backend->null(r, column);
}

void rows_end(struct rows *r)
{
	if (!r)
		return;
	struct db *db = r->db;
	db->backend->end(r);
	if (r->stmt) {
		r->stmt->busy = false;
		if (r->stmt->loose)
			free_stmt(db, r->stmt);
	}
	*r = (struct rows){.next = db->unused};
	db->unused = r;
}

int db_get_i64(
    struct db *db, struct err *err, int64_t *out, const struct sql *sql, const char *types, ...)
{
	struct db_arg args[SQL_MAX_ARGS];
	struct err own;
	va_list ap;
	va_start(ap, types);
	int n = collect(err, types, ap, args);
	va_end(ap);
	if (n < 0)
		return n;
	struct rows *r = query(db, err ? err : &own, sql, NULL, args, n, true);
	if (!r)
		return -(int)(err ? err->kind : own.kind);
	int rc = rows_next(r);
	if (rc == 1)
		*out = rows_i64(r, 0);
	rows_end(r);
	return rc;
}

int db_get_text(struct db *db, struct err *err, struct arena *a, char **out, const struct sql *sql,
    const char *types, ...)
{
	struct db_arg args[SQL_MAX_ARGS];
	struct err own;
	va_list ap;
	va_start(ap, types);
	int n = collect(err, types, ap, args);
	va_end(ap);
	if (n < 0)
		return n;
	struct rows *r = query(db, err ? err : &own, sql, NULL, args, n, true);
	if (!r)
		return -(int)(err ? err->kind : own.kind);
	int rc = rows_next(r);
	if (rc == 1)
		*out = rows_dup(r, 0, a);
	rows_end(r);
	return rc;
}

struct store *db_store(struct db *db)
{
	return atomic_load_explicit(&db->store, memory_order_relaxed);
}

bool db_is_postgres(struct db *db)
{
	return db->backend->postgres;
}

void db_drop(struct db *db)
{
	db_forget_all(db);
	if (db->conn)
		db->backend->disconnect(db);
	db->conn = NULL;
}

void db_init(struct db *db, struct store *st, enum db_role role)
{
	memset(db, 0, sizeof(*db));
	atomic_init(&db->store, st);
	db->backend = st->backend;
	db->role = role;
}

void db_close(struct db *db)
{
	db_drop(db);
	while (db->unused) {
		struct rows *r = db->unused;
		db->unused = r->next;
		free(r);
	}
	search_rolled_back(db, 0);
	free(db->search);
	db->search = NULL;
	db->search_cap = 0;
	buf_free(&db->text);
	buf_free(&db->data);
	free(db->pending);
	db->pending = NULL;
	db->npending = db->pending_cap = 0;
}
