/* PostgreSQL through libpq: a pool of writer threads, each with its connection, and one connection
 * per reading thread.
 *
 * Writes run SERIALIZABLE, so that a function means the same as under SQLite's one writer: what it
 * read is still true when it commits. Those that PostgreSQL refuses (40001, 40P01) run again, one
 * at a time (the "lane"), so that they do not refuse each other for ever.
 *
 * A connection lost in the middle of a write is ordinary: nothing is stored, the write runs again
 * on a new connection. Lost during COMMIT, the outcome is asked for by the transaction's number
 * (pg_xact_status), so that nothing is done twice and nothing acknowledged is missing. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/private.h"

enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_FLOAT8 = 701
};
enum {
	BACKOFF_MIN_MS = 50,
	BACKOFF_MAX_MS = 5000,
	SEQUENCE_EVERY_MS = 20,
	SEQUENCE_POLL_MS = 2000,
	GROUP_MAX = 64,
	HOT_WITHIN_US = 20000,
	HOT_FOR_US = 200000
};

/* --- errors --- */

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Notes what happened to the connection and says it in our words. The server's DETAIL line is left
 * out: it holds the values of rows. */
static int fail(struct db *db, const PGresult *res, struct err *err)
{
	PGconn *conn = db->conn;
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *text = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char *name = res ? PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME) : NULL;
	if (PQstatus(conn) != CONNECTION_OK || !state || starts(state, "08") ||
	    starts(state, "57P")) {
		db->lost = true;
		return err_set(
		    err, ERR_BUSY, "store.unavailable", "%s", text ? text : PQerrorMessage(conn));
	}
	/* A plan or statement this connection remembers is not good any more, or the server became
	 * a standby: a new connection helps. */
	if (strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0 ||
	    (strcmp(state, "25006") == 0 && db->role == DB_WRITER))
		db->lost = true;
	if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0) {
		db->retry = true;
		return err_set(err, ERR_BUSY, "store.busy", "%s", text);
	}
	if (strcmp(state, "23505") == 0)
		return err_set(
		    err, ERR_CONFLICT, "store.conflict", "%s (%s)", text, name ? name : "");
	if (starts(state, "23"))
		return err_set(
		    err, ERR_STORE, "store.constraint", "%s (%s)", text, name ? name : "");
	if (strcmp(state, "53100") == 0)
		return err_set(err, ERR_IO, "store.full", "%s", text);
	if (starts(state, "53") || strcmp(state, "55P03") == 0 || strcmp(state, "57014") == 0)
		return err_set(err, ERR_BUSY, "store.busy", "%s", text);
	return err_set(err, ERR_STORE, NULL, "%s (%s)", text, state);
}

/* --- statements whose answers are read later ---
 *
 * They are sent in libpq's pipeline mode. Whatever needs an answer goes through settle() first, or is
 * sent after them and read after theirs (run(), commit()): one trip to the server for all. */

static const char begin_plain[] = "BEGIN ISOLATION LEVEL SERIALIZABLE",
		  begin_read_committed[] = "BEGIN ISOLATION LEVEL READ COMMITTED",
		  ask_xid[] = "SELECT pg_current_xact_id()";

/* Notes that a statement was sent. */
static void sent(struct db *db, const char *text)
{
	db->later[db->nlater++] = text;
}

/* Before something is sent whose answer is read later. */
static int pipeline(struct db *db, struct err *err)
{
	return db->nlater || PQenterPipelineMode(db->conn) == 1 ? 0 : fail(db, NULL, err);
}

static int send_later(struct db *db, const char *text, struct err *err)
{
	if (pipeline(db, err) < 0 ||
	    PQsendQueryParams(db->conn, text, 0, NULL, NULL, NULL, NULL, 0) != 1)
		return fail(db, NULL, err);
	sent(db, text);
	return 0;
}

/* Reads one answer and the NULL after it. */
static PGresult *answer(struct db *db)
{
	PGresult *res = PQgetResult(db->conn);
	if (res && PQresultStatus(res) != PGRES_PIPELINE_SYNC)
		PQclear(PQgetResult(db->conn));
	return res;
}

static bool good(const PGresult *res)
{
	ExecStatusType status = PQresultStatus(res);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	       status == PGRES_EMPTY_QUERY;
}

/* Reads what is outstanding; *last, when given, gets the answer of one statement more that was sent
 * after them. The first failure is the one told: the server skipped what came after it. */
static int read_answers(struct db *db, PGresult **last, struct err *err)
{
	int rc = PQpipelineSync(db->conn) == 1 ? 0 : fail(db, NULL, err);
	for (int i = 0; i < db->nlater; i++) {
		PGresult *res = answer(db);
		if (rc == 0 && !good(res)) {
			rc = fail(db, res, err);
			(void)err_prefix(err, "%.120s: ", db->later[i]);
		} else if (rc == 0 && db->later[i] == ask_xid) {
			(void)snprintf(db->xid, sizeof(db->xid), "%s", PQgetvalue(res, 0, 0));
		}
		PQclear(res);
	}
	db->nlater = 0;
	if (last)
		*last = answer(db);
	PQclear(answer(db)); /* of the synchronisation */
	if (PQexitPipelineMode(db->conn) != 1 && rc == 0)
		rc = fail(db, NULL, err);
	return rc;
}

static int settle(struct db *db, struct err *err)
{
	return db->nlater ? read_answers(db, NULL, err) : 0;
}

/* Runs a text without parameters; takes the first column of the first row when out is given. */
static int exec(struct db *db, const char *text, char *out, size_t size, struct err *err)
{
	int before = settle(db, err);
	if (before < 0)
		return before;
	PGresult *res = PQexec(db->conn, text);
	ExecStatusType status = PQresultStatus(res);
	int rc = 0;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
		rc = fail(db, res, err);
	else if (out)
		(void)snprintf(out, size, "%s", /* numbers and words of ours */
		    PQntuples(res) ? PQgetvalue(res, 0, 0) : "");
	PQclear(res);
	return rc;
}

/* --- connections --- */

static void quiet(void *arg, const PGresult *res)
{
	(void)arg;
	const char *text = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	log_debug("store.notice", "%s", text ? text : "");
}

static int pg_connect(struct db *db, struct err *err)
{
	struct store *st = db_store(db);
	bool writer = db->role == DB_WRITER;
	if (clock_us(CLOCK_MONOTONIC) < db->retry_at_us)
		return err_set(err, ERR_BUSY, "store.unavailable", "the database is away");
	/* What stands before dbname the URL may set otherwise. */
	const char *names[] = {"connect_timeout", "fallback_application_name",
	    "target_session_attrs", "keepalives_idle", "dbname", "client_encoding", NULL};
	const char *values[] = {
	    "5", "machi", writer ? "read-write" : "any", "30", st->url, "UTF8", NULL};
	PGconn *conn = PQconnectdbParams(names, values, 1);
	db->conn = conn;
	db->lost = false;
	db->nlater = 0;
	if (!conn)
		abort();
	int rc = 0;
	if (PQstatus(conn) != CONNECTION_OK) {
		rc = err_set(err, ERR_BUSY, "store.unavailable", "%s", PQerrorMessage(conn));
	} else {
		(void)PQsetNoticeReceiver(conn, quiet, NULL);
		char text[512];
		(void)snprintf(text, sizeof(text),
		    "SET lock_timeout = %d; SET jit = off; SET default_transaction_read_only = %s; "
		    "SET bytea_output = hex; SET extra_float_digits = 1; "
		    "SELECT set_config('synchronous_commit', 'on', false) "
		    "WHERE current_setting('synchronous_commit') = 'off'",
		    st->busy_ms, writer ? "off" : "on");
		rc = exec(db, text, NULL, 0, err);
	}
	if (rc < 0) {
		PQfinish(conn);
		db->conn = NULL;
		db->backoff_ms = db->backoff_ms ? db->backoff_ms * 2 : BACKOFF_MIN_MS;
		if (db->backoff_ms > BACKOFF_MAX_MS)
			db->backoff_ms = BACKOFF_MAX_MS;
		db->retry_at_us = clock_us(CLOCK_MONOTONIC) + db->backoff_ms * 1000LL;
		return rc;
	}
	db->backoff_ms = 0;
	db->retry_at_us = 0;
	return 0;
}

static void pg_disconnect(struct db *db)
{
	PQfinish(db->conn);
}

/* Nothing comes to an idle connection but bad news: then the server is asked. */
static bool pg_alive(struct db *db)
{
	if (db->lost)
		return false;
	struct pollfd p = {.fd = PQsocket(db->conn), .events = POLLIN};
	return poll(&p, 1, 0) == 0 || exec(db, "SELECT 1", NULL, 0, NULL) == 0;
}

/* --- statements --- */

/* ?12 becomes $12, outside of quotes. */
static void translate(struct buf *b, const char *text)
{
	char quote = 0;
	for (; *text; text++) {
		if (quote) {
			if (*text == quote)
				quote = 0;
		} else if (*text == '\'' || *text == '"') {
			quote = *text;
		} else if (*text == '?' && text[1] >= '0' && text[1] <= '9') {
			buf_putc(b, '$');
			continue;
		}
		buf_putc(b, *text);
	}
}

static int pg_prepare(
    struct db *db, struct stmt *s, const struct db_arg *args, int n, struct err *err)
{
	Oid types[SQL_MAX_ARGS] = {0};
	for (int i = 0; i < n; i++) {
		switch (args[i].type) {
		case 'i':
			types[i] = OID_INT8;
			break;
		case 'd':
			types[i] = OID_FLOAT8;
			break;
		case 't':
		case 's':
			types[i] = OID_TEXT;
			break;
		case 'b':
			types[i] = OID_BYTEA;
			break;
		}
	}
	int before = settle(db, err);
	if (before < 0)
		return before;
	struct buf text = {0};
	translate(&text, s->text);
	char name[32];
	(void)snprintf(name, sizeof(name), "s%" PRIu64, ++db->tick);
	PGresult *res = PQprepare(db->conn, name, text.p ? text.p : "", n, types);
	int rc = 0;
	if (PQresultStatus(res) != PGRES_COMMAND_OK) {
		rc = fail(db, res, err);
		(void)err_prefix(err, "%.200s: ", s->text);
	} else if (!(s->handle = strdup(name))) {
		abort();
	}
	PQclear(res);
	buf_free(&text);
	return rc;
}

static void pg_forget(struct db *db, struct stmt *s)
{
	if (s->handle && db->conn && !db->lost && !db->nlater) {
		char text[64];
		(void)snprintf(text, sizeof(text), "DEALLOCATE %s", (const char *)s->handle);
		PQclear(PQexec(db->conn, text)); /* a name too many does no harm */
	}
	free(s->handle);
}

/* The arguments in the binary format that libpq takes. */
struct parameters {
	const char *values[SQL_MAX_ARGS];
	int lengths[SQL_MAX_ARGS], formats[SQL_MAX_ARGS];
	uint64_t numbers[SQL_MAX_ARGS];
};

static int parameters(struct parameters *p, const struct db_arg *args, int n, struct err *err)
{
	for (int i = 0; i < n; i++) {
		const struct db_arg *a = &args[i];
		p->formats[i] = 1;
		p->lengths[i] = 8;
		p->values[i] = (const char *)&p->numbers[i];
		switch (a->type) {
		case 'i':
			p->numbers[i] = htobe64((uint64_t)a->i);
			break;
		case 'd':
			memcpy(&p->numbers[i], &a->d, 8);
			p->numbers[i] = htobe64(p->numbers[i]);
			break;
		case 't':
		case 's':
		case 'b':
			if (a->s.n > INT32_MAX)
				return err_set(
				    err, ERR_TOO_LARGE, NULL, "an argument of %zu bytes", a->s.n);
			p->values[i] = a->s.p;
			p->lengths[i] = (int)a->s.n;
			break;
		default:
			p->values[i] = NULL;
		}
	}
	return 0;
}

/* Waits for the answer, and for those that are outstanding. */
static PGresult *run(
    struct db *db, struct stmt *s, const struct db_arg *args, int n, struct err *err)
{
	struct parameters p;
	if (parameters(&p, args, n, err) < 0)
		return NULL;
	PGresult *res = NULL;
	if (!db->nlater) {
		res = PQexecPrepared(db->conn, s->handle, n, p.values, p.lengths, p.formats, 0);
	} else if (PQsendQueryPrepared(
		       db->conn, s->handle, n, p.values, p.lengths, p.formats, 0) != 1) {
		(void)fail(db, NULL, err);
		return NULL;
	} else if (read_answers(db, &res, err) < 0) {
		db->changed = true;
		PQclear(res);
		return NULL;
	}
	if (!starts(PQcmdStatus(res), "SELECT"))
		db->changed = true;
	if (!good(res)) {
		(void)fail(db, res, err);
		(void)err_prefix(err, "%.120s: ", s->text);
		PQclear(res);
		return NULL;
	}
	return res;
}

static int64_t pg_later(
    struct db *db, struct stmt *s, const struct db_arg *args, int n, struct err *err)
{
	struct parameters p;
	int rc = parameters(&p, args, n, err);
	if (rc == 0 && db->nlater == LATER_MAX)
		rc = settle(db, err);
	if (rc == 0)
		rc = pipeline(db, err);
	if (rc < 0)
		return rc;
	db->changed = true;
	if (PQsendQueryPrepared(db->conn, s->handle, n, p.values, p.lengths, p.formats, 0) != 1)
		return fail(db, NULL, err);
	sent(db, s->text);
	return 0;
}

static int64_t pg_run(
    struct db *db, struct stmt *s, const struct db_arg *args, int n, struct err *err)
{
	PGresult *res = run(db, s, args, n, err);
	if (!res)
		return -(int)err->kind;
	int64_t changed = 0;
	if (PQresultStatus(res) == PGRES_COMMAND_OK)
		(void)str_to_i64(str_from(PQcmdTuples(res)), 0, INT64_MAX, &changed); /* "": none */
	PQclear(res);
	return changed;
}

static int pg_start(struct rows *r, const struct db_arg *args, int n)
{
	struct err own;
	PGresult *res = run(r->db, r->stmt, args, n, r->err ? r->err : &own);
	if (!res)
		return -1;
	r->result = res;
	r->row = -1;
	r->nrows = PQntuples(res);
	return 0;
}

static int fetch(struct rows *r)
{
	PQclear(r->result);
	r->result = NULL;
	r->nrows = 0;
	int before = settle(r->db, r->err);
	if (before < 0)
		return before;
	r->result = PQexec(r->db->conn, "FETCH 1000 FROM machi_scan");
	r->row = -1;
	r->nrows = PQntuples(r->result);
	if (PQresultStatus(r->result) == PGRES_TUPLES_OK)
		return 0;
	r->nrows = 0;
	return fail(r->db, r->result, r->err);
}

static int pg_scan(struct rows *r, const char *text)
{
	struct buf sql = {0};
	buf_printf(&sql, "DECLARE machi_scan NO SCROLL CURSOR FOR %s", text);
	int rc = exec(r->db, sql.p, NULL, 0, r->err);
	buf_free(&sql);
	r->cursor = rc == 0;
	return rc < 0 ? rc : fetch(r);
}

static int pg_next(struct rows *r)
{
	if (r->scratch)
		arena_release(r->scratch, (struct arena_mark){0});
	if (r->row + 1 >= r->nrows && r->cursor && r->nrows > 0) {
		int rc = fetch(r);
		if (rc < 0)
			return rc;
	}
	if (r->row + 1 >= r->nrows)
		return 0;
	r->row++;
	return 1;
}

static void pg_end(struct rows *r)
{
	PQclear(r->result);
	arena_free(r->scratch);
	if (r->cursor && !r->db->lost)
		(void)exec(r->db, "CLOSE machi_scan", NULL, 0,
		    NULL); /* or the transaction's end does it */
}

static bool pg_null(struct rows *r, int column)
{
	return PQgetisnull(r->result, r->row, column);
}

static char pg_type(struct rows *r, int column)
{
	if (pg_null(r, column))
		return 'n';
	switch (PQftype(r->result, column)) {
	case OID_BYTEA:
		return 'b';
	case OID_FLOAT8:
		return 'd';
	case OID_INT8:
	case OID_INT4:
	case OID_INT2:
	case OID_BOOL:
		return 'i';
	default:
		return 't';
	}
}

static int64_t pg_i64(struct rows *r, int column)
{
	const char *v = PQgetvalue(r->result, r->row, column);
	if (*v == 't' || *v == 'f') /* a boolean expression */
		return *v == 't';
	return strtoll(v, NULL, 10); /* NULL is "", which gives 0 */
}

static double pg_real(struct rows *r, int column)
{
	return strtod(PQgetvalue(r->result, r->row, column), NULL);
}

static struct str pg_str(struct rows *r, int column)
{
	if (pg_null(r, column))
		return (struct str){0};
	return (struct str){
	    PQgetvalue(r->result, r->row, column), (size_t)PQgetlength(r->result, r->row, column)};
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c - 'a' + 10;
}

static struct str pg_bytes(struct rows *r, int column)
{
	struct str hex = pg_str(r, column); /* \x0123... since PostgreSQL 9.0 */
	if (!hex.p || hex.n < 2)
		return (struct str){0};
	if (!r->scratch)
		r->scratch = arena_new();
	size_t n = (hex.n - 2) / 2;
	char *p = arena_alloc(r->scratch, n);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(hex_digit(hex.p[2 + 2 * i]) << 4 | hex_digit(hex.p[3 + 2 * i]));
	return (struct str){p, n};
}

static int pg_script(struct db *db, const char *text, struct err *err)
{
	db->changed = true;
	int rc = exec(db, text, NULL, 0, err);
	if (rc < 0)
		db->failed = true;
	return rc;
}

/* --- COPY, text format --- */

enum { COPY_PIECE = 65536 };

static int pg_load_begin(struct db *db, const char *table, const char *columns, struct err *err)
{
	int before = settle(db, err);
	if (before < 0)
		return before;
	struct buf sql = {0};
	buf_printf(&sql, "COPY \"%s\" (%s) FROM STDIN", table, columns);
	PGresult *res = PQexec(db->conn, sql.p);
	db->changed = true;
	int rc = PQresultStatus(res) == PGRES_COPY_IN ? 0 : fail(db, res, err);
	PQclear(res);
	buf_free(&sql);
	return rc;
}

static int copy_flush(struct db *db, struct err *err)
{
	int rc = 0;
	if (db->copy.n && PQputCopyData(db->conn, db->copy.p, (int)db->copy.n) != 1)
		rc = fail(db, NULL, err);
	buf_clear(&db->copy);
	return rc;
}

static void copy_text(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char *special = memchr("\\\b\f\n\r\t\v", s.p[i], 7);
		if (special) {
			buf_putc(b, '\\');
			buf_putc(b, "\\bfnrtv"[special - "\\\b\f\n\r\t\v"]);
		} else {
			buf_putc(b, s.p[i]);
		}
	}
}

static int pg_load_row(struct db *db, const struct db_arg *args, int n, struct err *err)
{
	struct buf *b = &db->copy;
	for (int i = 0; i < n; i++) {
		char text[64];
		if (i)
			buf_putc(b, '\t');
		switch (args[i].type) {
		case 'i':
			buf_i64(b, args[i].i);
			break;
		case 'd':
			(void)snprintf(text, sizeof(text), "%.17g", args[i].d);
			buf_puts(b, text);
			break;
		case 't':
		case 's':
			copy_text(b, args[i].s);
			break;
		case 'b':
			buf_puts(b, "\\\\x");
			buf_hex(b, args[i].s.p, args[i].s.n);
			break;
		default:
			buf_puts(b, "\\N");
		}
	}
	buf_putc(b, '\n');
	return b->n > COPY_PIECE ? copy_flush(db, err) : 0;
}

static int pg_load_end(struct db *db, bool good, struct err *err)
{
	int rc = good ? copy_flush(db, err) : 0;
	if (PQputCopyEnd(db->conn, good && rc == 0 ? NULL : "stopped") != 1)
		rc = rc < 0 ? rc : fail(db, NULL, err);
	buf_free(&db->copy);
	for (PGresult *res; (res = PQgetResult(db->conn)); PQclear(res))
		if (rc == 0 && good && PQresultStatus(res) != PGRES_COMMAND_OK)
			rc = fail(db, res, err);
	if (rc < 0 || !good)
		db->failed = true;
	return rc;
}

static int pg_begin_snapshot(struct db *db, struct err *err)
{
	return exec(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1", NULL, 0, err);
}

static void pg_end_snapshot(struct db *db)
{
	(void)exec(db, "ROLLBACK", NULL, 0, NULL); /* nothing was written */
}

/* --- writers --- */

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
		rc = exec(db, text, status, sizeof(status), err);
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
	(void)settle(db, NULL); /* its failure is why, or is no more of interest */
	if (!db->lost)
		(void)exec(db, "ROLLBACK", NULL, 0, NULL); /* else lost, and rolled back so */
}

/* The answer to COMMIT, and what was outstanding; NULL when that failed: nothing was committed. */
static PGresult *send_commit(struct db *db, struct err *whole)
{
	/* Without the transaction's number nobody could tell the outcome of a COMMIT that was lost. */
	if (!db->xid[0] && settle(db, whole) < 0)
		return NULL;
	if (!db->nlater)
		return PQexec(db->conn, "COMMIT");
	PGresult *res = NULL;
	if (PQsendQueryParams(db->conn, "COMMIT", 0, NULL, NULL, NULL, NULL, 0) != 1) {
		(void)fail(db, NULL, whole);
		return NULL;
	}
	if (read_answers(db, &res, whole) == 0 || db->lost)
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
			(void)fail(db, res, whole);
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
	    [WRITE_PLAIN] = begin_plain,
	    [WRITE_READ_COMMITTED] = begin_read_committed,
	};
	if (connected(db, until_us, whole) < 0)
		return OUTCOME_NONE;
	db->retry = false;
	db->wake_jobs = db->wake_sequencer = db->kind_added = false;
	db->xid[0] = '\0';
	if (send_later(db, begin[list->flags], whole) < 0 || send_later(db, ask_xid, whole) < 0)
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
	int rc = exec(db, "SHOW server_version_num", text, sizeof(text), err);
	int64_t version = 0;
	if (rc == 0 && (!str_to_i64(str_from(text), 0, INT64_MAX, &version) || version < 150000))
		return err_set(err, ERR_STORE, "store.too_old", "PostgreSQL 15 or newer is needed");
	if (rc == 0)
		rc = exec(db, "SHOW server_encoding", text, sizeof(text), err);
	if (rc == 0 && strcmp(text, "UTF8") != 0)
		return err_set(err, ERR_STORE, "store.encoding",
		    "the database's encoding is %s, not UTF8", text);
	if (rc == 0)
		rc = exec(db,
		    "SELECT datcollate FROM pg_database WHERE datname = current_database()", text,
		    sizeof(text), err);
	if (rc == 0 && !starts(text, "C") && strcmp(text, "POSIX") != 0)
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

static int pg_open(struct store *st, struct err *err)
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
	rc = start_thread(st, sequencer);
	for (int i = 0; rc == 0 && i < st->writers; i++)
		rc = start_thread(st, writer);
	return rc < 0 ? err_set(err, ERR_INTERNAL, NULL, "cannot start the writer threads") : 0;
}

static void pg_close(struct store *st)
{
	/* Writers first: what they commit the sequencer still places. */
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

const struct backend postgres_backend = {
    .postgres = true,
    .open = pg_open,
    .close = pg_close,
    .connect = pg_connect,
    .disconnect = pg_disconnect,
    .alive = pg_alive,
    .prepare = pg_prepare,
    .forget = pg_forget,
    .run = pg_run,
    .later = pg_later,
    .start = pg_start,
    .next = pg_next,
    .end = pg_end,
    .i64 = pg_i64,
    .real = pg_real,
    .str = pg_str,
    .bytes = pg_bytes,
    .null = pg_null,
    .type = pg_type,
    .scan = pg_scan,
    .load_begin = pg_load_begin,
    .load_row = pg_load_row,
    .load_end = pg_load_end,
    .script = pg_script,
    .begin_snapshot = pg_begin_snapshot,
    .end_snapshot = pg_end_snapshot,
    .blob_put = table_blob_put,
    .blob_open = table_blob_open,
    .blob_exists = table_blob_exists,
    .blobs_clean = table_blobs_clean,
};
