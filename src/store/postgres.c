/* PostgreSQL through libpq: connections, statements, COPY. Who writes, and how often it is tried,
 * stands in postgres_write.c. */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "store/postgres.h"

enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_FLOAT8 = 701
};
enum { BACKOFF_MAX_MS = 5000 };

/* --- errors --- */

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* libpq ends its messages with a line break, and breaks them: one line for the log. */
static int unavailable(const char *text, struct err *err)
{
	int rc = err_set(err, ERR_BUSY, "store.unavailable", "%s", text);
	if (!err)
		return rc;
	size_t n = strlen(err->detail);
	while (n > 0 && err->detail[n - 1] == '\n')
		err->detail[--n] = '\0';
	for (char *p = err->detail; (p = strpbrk(p, "\n\t"));)
		*p = ' ';
	return rc;
}

/* Notes what happened to the connection and says it in our words. The server's DETAIL line is left
 * out: it holds the values of rows. */
int pg_fail(struct db *db, const PGresult *res, struct err *err)
{
	PGconn *conn = db->conn;
	const char *state = res ? PQresultErrorField(res, PG_DIAG_SQLSTATE) : NULL;
	const char *text = res ? PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	const char *name = res ? PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME) : NULL;
	if (PQstatus(conn) != CONNECTION_OK || !state || starts(state, "08") ||
	    starts(state, "57P")) {
		db->lost = true;
		return unavailable(text ? text : PQerrorMessage(conn), err);
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
 * They are sent in libpq's pipeline mode. Whatever needs an answer goes through pg_settle() first,
 * or is sent after them and read after theirs (run(), commit()): one trip to the server for all. */

const char pg_ask_xid[] = "SELECT pg_current_xact_id()";

/* Notes that a statement was sent. */
static void sent(struct db *db, const char *text)
{
	db->later[db->nlater++] = text;
}

/* Before something is sent whose answer is read later. */
static int pipeline(struct db *db, struct err *err)
{
	return db->nlater || PQenterPipelineMode(db->conn) == 1 ? 0 : pg_fail(db, NULL, err);
}

int pg_send_later(struct db *db, const char *text, struct err *err)
{
	if (pipeline(db, err) < 0 ||
	    PQsendQueryParams(db->conn, text, 0, NULL, NULL, NULL, NULL, 0) != 1)
		return pg_fail(db, NULL, err);
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
int pg_read_answers(struct db *db, PGresult **last, struct err *err)
{
	int rc = PQpipelineSync(db->conn) == 1 ? 0 : pg_fail(db, NULL, err);
	for (int i = 0; i < db->nlater; i++) {
		PGresult *res = answer(db);
		if (rc == 0 && !good(res)) {
			rc = pg_fail(db, res, err);
			(void)err_prefix(err, "%.120s: ", db->later[i]);
		} else if (rc == 0 && db->later[i] == pg_ask_xid) {
			(void)snprintf(db->xid, sizeof(db->xid), "%s", PQgetvalue(res, 0, 0));
		}
		PQclear(res);
	}
	db->nlater = 0;
	if (last)
		*last = answer(db);
	PQclear(answer(db)); /* of the synchronisation */
	if (PQexitPipelineMode(db->conn) != 1 && rc == 0)
		rc = pg_fail(db, NULL, err);
	return rc;
}

int pg_settle(struct db *db, struct err *err)
{
	return db->nlater ? pg_read_answers(db, NULL, err) : 0;
}

/* Runs a text without parameters; takes the first column of the first row when out is given. */
int pg_exec(struct db *db, const char *text, char *out, size_t size, struct err *err)
{
	int before = pg_settle(db, err);
	if (before < 0)
		return before;
	PGresult *res = PQexec(db->conn, text);
	ExecStatusType status = PQresultStatus(res);
	int rc = 0;
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
		rc = pg_fail(db, res, err);
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

int pg_connect(struct db *db, struct err *err)
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
		rc = unavailable(PQerrorMessage(conn), err);
	} else {
		(void)PQsetNoticeReceiver(conn, quiet, NULL);
		char text[512];
		(void)snprintf(text, sizeof(text),
		    "SET lock_timeout = %d; SET jit = off; SET default_transaction_read_only = %s; "
		    "SET bytea_output = hex; SET extra_float_digits = 1; "
		    "SELECT set_config('synchronous_commit', 'on', false) "
		    "WHERE current_setting('synchronous_commit') = 'off'",
		    st->busy_ms, writer ? "off" : "on");
		rc = pg_exec(db, text, NULL, 0, err);
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
	return poll(&p, 1, 0) == 0 || pg_exec(db, "SELECT 1", NULL, 0, NULL) == 0;
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
	int before = pg_settle(db, err);
	if (before < 0)
		return before;
	struct buf text = {0};
	translate(&text, s->text);
	char name[32];
	(void)snprintf(name, sizeof(name), "s%" PRIu64, ++db->tick);
	PGresult *res = PQprepare(db->conn, name, text.p ? text.p : "", n, types);
	int rc = 0;
	if (PQresultStatus(res) != PGRES_COMMAND_OK) {
		rc = pg_fail(db, res, err);
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
	} else if (PQsendQueryPrepared(db->conn, s->handle, n, p.values, p.lengths, p.formats, 0) !=
	           1) {
		(void)pg_fail(db, NULL, err);
		return NULL;
	} else if (pg_read_answers(db, &res, err) < 0) {
		db->changed = true;
		PQclear(res);
		return NULL;
	}
	if (!starts(PQcmdStatus(res), "SELECT"))
		db->changed = true;
	if (!good(res)) {
		(void)pg_fail(db, res, err);
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
		rc = pg_settle(db, err);
	if (rc == 0)
		rc = pipeline(db, err);
	if (rc < 0)
		return rc;
	db->changed = true;
	if (PQsendQueryPrepared(db->conn, s->handle, n, p.values, p.lengths, p.formats, 0) != 1)
		return pg_fail(db, NULL, err);
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
	int before = pg_settle(r->db, r->err);
	if (before < 0)
		return before;
	r->result = PQexec(r->db->conn, "FETCH 1000 FROM machi_scan");
	r->row = -1;
	r->nrows = PQntuples(r->result);
	if (PQresultStatus(r->result) == PGRES_TUPLES_OK)
		return 0;
	r->nrows = 0;
	return pg_fail(r->db, r->result, r->err);
}

static int pg_scan(struct rows *r, const char *text)
{
	struct buf sql = {0};
	buf_printf(&sql, "DECLARE machi_scan NO SCROLL CURSOR FOR %s", text);
	int rc = pg_exec(r->db, sql.p, NULL, 0, r->err);
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
		(void)pg_exec(r->db, "CLOSE machi_scan", NULL, 0,
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
	int rc = pg_exec(db, text, NULL, 0, err);
	if (rc < 0)
		db->failed = true;
	return rc;
}

/* --- COPY, text format --- */

enum { COPY_PIECE = 65536 };

static int pg_load_begin(struct db *db, const char *table, const char *columns, struct err *err)
{
	int before = pg_settle(db, err);
	if (before < 0)
		return before;
	struct buf sql = {0};
	buf_printf(&sql, "COPY \"%s\" (%s) FROM STDIN WITH (FREEZE)", table, columns);
	PGresult *res = PQexec(db->conn, sql.p);
	db->changed = true;
	int rc = PQresultStatus(res) == PGRES_COPY_IN ? 0 : pg_fail(db, res, err);
	PQclear(res);
	buf_free(&sql);
	return rc;
}

static int copy_flush(struct db *db, struct err *err)
{
	int rc = 0;
	if (db->copy.n && PQputCopyData(db->conn, db->copy.p, (int)db->copy.n) != 1)
		rc = pg_fail(db, NULL, err);
	buf_clear(&db->copy);
	return rc;
}

static void copy_text(struct buf *b, struct str s)
{
	static const char special[256] = {['\\'] = '\\',
	    ['\b'] = 'b',
	    ['\f'] = 'f',
	    ['\n'] = 'n',
	    ['\r'] = 'r',
	    ['\t'] = 't',
	    ['\v'] = 'v'};
	const char *end = s.p + s.n;
	for (const char *p = s.p, *plain = p;; p++) {
		if (p < end && !special[(unsigned char)*p])
			continue;
		buf_add(b, plain, (size_t)(p - plain));
		if (p == end)
			return;
		buf_putc(b, '\\');
		buf_putc(b, special[(unsigned char)*p]);
		plain = p + 1;
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
		rc = rc < 0 ? rc : pg_fail(db, NULL, err);
	buf_free(&db->copy);
	for (PGresult *res; (res = PQgetResult(db->conn)); PQclear(res))
		if (rc == 0 && good && PQresultStatus(res) != PGRES_COMMAND_OK)
			rc = pg_fail(db, res, err);
	if (rc < 0 || !good)
		db->failed = true;
	return rc;
}

static int pg_begin_snapshot(struct db *db, struct err *err)
{
	return pg_exec(
	    db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1", NULL, 0, err);
}

static void pg_end_snapshot(struct db *db)
{
	(void)pg_exec(db, "ROLLBACK", NULL, 0, NULL); /* nothing was written */
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
