/* Durable submissions per second by the whole way an application goes: a draft, then its submission
 * with every check, number, journal entry, search word and job, in one durable write.
 *
 *   bench_submit [--seconds N] [--raw] --data DIR      a demo city; it is written to
 *
 * With --raw the same rows are then written by prepared statements alone, on one connection of
 * SQLite, one by one and in groups of 64: each submission copies the rows that a real one left in
 * the same tables with the same indexes. With --script FILE a city on PostgreSQL leaves such a
 * transaction as a script for pgbench. Prints lines: name, clients, submissions per second. */
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/settings.h"
#include "procedure/application.h"
#include "procedure/catalogue.h"
#include "store/search.h"
#include "web/city.h"

enum { CLIENTS_MAX = 64, GROUP = 64 };

static double seconds = 2;
static struct city *city;
static struct procedure *procedure;
static struct app_actor actors[CLIENTS_MAX];

static double now_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with a valid clock */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_submit: %s: %s\n", what, why);
	exit(1);
}

/* --- our way --- */

struct client {
	const struct app_actor *actor;
	struct form_context context;
	json_t *answers;
	struct arena *arena; /* of the write at hand */
	struct app_prepared *prepared;
	int64_t id; /* of the last application */
	double until;
	int64_t done;
};

static int submit(struct db *db, void *arg, struct err *err)
{
	struct client *c = arg;
	char *receipt;
	int rc =
	    app_draft_new(db, c->actor, procedure, "resident", "online", c->answers, &c->id, err);
	if (rc == 0)
		rc = app_submit(db, c->arena, c->actor, procedure, c->id, &c->context, c->prepared,
		    &receipt, err);
	return rc;
}

static void submit_once(struct client *c)
{
	struct err err = {0};
	struct form_problem *problems;
	c->arena = arena_new();
	/* As the page does it: the check is made on the client's own thread. */
	const struct application draft = {.applicant_kind = c->context.applicant_kind,
	    .answers_text = json_canonical_text(c->arena, c->answers)};
	json_t *answers = json_on_arena(c->arena, json_deep_copy(c->answers));
	if (app_prepare(store_reader(city->store, &err), c->arena, procedure, &draft, &c->context,
	        answers, &c->prepared, &problems, &err) != 0)
		die("prepare", err.detail);
	if (store_write(city->store, submit, c, &err) < 0)
		die("write", err.detail);
	arena_free(c->arena);
	c->done++;
}

static void *client_main(void *arg)
{
	struct client *c = arg;
	while (now_s() < c->until)
		submit_once(c);
	return NULL;
}

static void client_init(struct client *c, int number)
{
	struct arena *a = arena_new();
	*c = (struct client){.actor = &actors[number],
	    .context = {.lang = "ja",
	        .applicant_kind = "resident",
	        .today = date_of_us(now_us()),
	        .fee_yen = -1,
	        .i18n = city->i18n}};
	c->answers = form_example(procedure, a, &c->context, (uint64_t)number + 1, NULL);
	arena_free(a);
}

static double run_clients(int n)
{
	pthread_t thread[CLIENTS_MAX];
	static struct client client[CLIENTS_MAX];
	for (int i = 0; i < n; i++)
		client_init(&client[i], i);
	double start = now_s();
	for (int i = 0; i < n; i++) {
		client[i].until = start + seconds;
		if (pthread_create(&thread[i], NULL, client_main, &client[i]) != 0)
			die("thread", "cannot start");
	}
	int64_t done = 0;
	for (int i = 0; i < n; i++) {
		pthread_join(thread[i], NULL);
		done += client[i].done;
	}
	double rate = (double)done / (now_s() - start);
	for (int i = 0; i < n; i++)
		json_decref(client[i].answers);
	return rate;
}

/* --- SQLite alone --- */

static int64_t number_of(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
		die(sql, sqlite3_errmsg(db));
	int64_t n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	(void)sqlite3_finalize(s); /* its error would have shown */
	return n;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s;
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
		die(sql, sqlite3_errmsg(db));
	return s;
}

/* INSERT that copies rows of a table under the condition, with some columns computed. */
static sqlite3_stmt *copy_of(sqlite3 *db, struct arena *a, const char *table,
    const char *const (*computed)[2], const char *where)
{
	struct buf to, from;
	buf_init(&to, a);
	buf_init(&from, a);
	sqlite3_stmt *s =
	    prepare(db, arena_printf(a, "SELECT name FROM pragma_table_info('%s')", table));
	while (sqlite3_step(s) == SQLITE_ROW) {
		const char *column = (const char *)sqlite3_column_text(s, 0), *value = column;
		for (int i = 0; computed[i][0]; i++)
			if (strcmp(computed[i][0], column) == 0)
				value = computed[i][1];
		buf_printf(&to, "%s%s", to.n ? ", " : "", column);
		buf_printf(&from, "%s%s", from.n ? ", " : "", value);
	}
	(void)sqlite3_finalize(s); /* its error would show below */
	return prepare(db, arena_printf(a, "INSERT INTO %s (%s) SELECT %s FROM %s WHERE %s", table,
	                       to.p, from.p, table, where));
}

struct raw {
	sqlite3 *db;
	sqlite3_stmt *begin, *commit, *series, *steps[4], *words;
	char *tokens;
	int64_t next; /* what is added to each id */
};

static void step(struct raw *r, sqlite3_stmt *s)
{
	int rc;
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		;
	if (rc != SQLITE_DONE)
		die(sqlite3_sql(s), sqlite3_errmsg(r->db));
	(void)sqlite3_reset(s); /* repeats the step's error */
}

/* The rows that one real submission leaves: application `id`, journal and jobs after the marks. */
static void raw_open(struct raw *r, struct arena *a, const char *path, struct client *c)
{
	static const char *const application[][2] = {{"id", "id + ?1"},
	    {"receipt_number", "receipt_number || ?1"}, {"serial", "serial || ?1"}, {NULL, NULL}};
	static const char *const journal[][2] = {{"id", "id + 10 * ?1"}, {"leaf", "leaf + 10 * ?1"},
	    {"subject", "subject || ?1"}, {NULL, NULL}};
	static const char *const job[][2] = {
	    {"id", "id + 10 * ?1"}, {"key", "key || ?1"}, {NULL, NULL}};
	static const char *const doc[][2] = {{"doc", "doc + ?1"}, {NULL, NULL}};
	if (sqlite3_open(path, &r->db) != SQLITE_OK ||
	    sqlite3_exec(r->db,
	        "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;"
	        "PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;",
	        NULL, NULL, NULL) != SQLITE_OK)
		die(path, sqlite3_errmsg(r->db));
	int64_t entry = number_of(r->db, "SELECT max(id) FROM journal");
	int64_t task = number_of(r->db, "SELECT max(id) FROM job");
	submit_once(c);
	int64_t kind = number_of(r->db, "SELECT n FROM search_kind WHERE name = 'application'")
	               << 48;
	r->begin = prepare(r->db, "BEGIN IMMEDIATE");
	r->commit = prepare(r->db, "COMMIT");
	r->series = prepare(r->db, "UPDATE store_series SET value = value + 1 WHERE name = (SELECT "
	                           "max(name) FROM store_series)");
	r->steps[0] =
	    copy_of(r->db, a, "application", application, arena_printf(a, "id = %" PRId64, c->id));
	r->steps[1] = copy_of(r->db, a, "journal", journal,
	    arena_printf(a, "id > %" PRId64 " AND id <= %" PRId64, entry,
	        number_of(r->db, "SELECT max(id) FROM journal")));
	r->steps[2] = copy_of(r->db, a, "job", job,
	    arena_printf(a, "id > %" PRId64 " AND id <= %" PRId64, task,
	        number_of(r->db, "SELECT max(id) FROM job")));
	r->steps[3] =
	    copy_of(r->db, a, "search_doc", doc, arena_printf(a, "doc = %" PRId64, kind + c->id));
	sqlite3_stmt *s = prepare(r->db,
	    arena_printf(a, "SELECT body FROM search_doc WHERE doc = %" PRId64, kind + c->id));
	if (sqlite3_step(s) == SQLITE_ROW)
		r->tokens = search_tokens(a, (const char *)sqlite3_column_text(s, 0));
	(void)sqlite3_finalize(s); /* was read */
	r->words = prepare(
	    r->db, arena_printf(a,
	               "INSERT INTO search_index (rowid, tokens) VALUES (%" PRId64 " + ?1, ?2)",
	               kind + c->id));
	r->next = 1000000;
}

static double run_raw(struct raw *r, int group)
{
	double start = now_s();
	int64_t done = 0;
	while (now_s() < start + seconds) {
		step(r, r->begin);
		for (int i = 0; i < group; i++, done++, r->next++) {
			step(r, r->series);
			for (size_t k = 0; k < COUNT(r->steps); k++) {
				(void)sqlite3_bind_int64(r->steps[k], 1, r->next);
				step(r, r->steps[k]);
			}
			(void)sqlite3_bind_int64(r->words, 1, r->next);
			(void)sqlite3_bind_text(r->words, 2, r->tokens, -1, SQLITE_STATIC);
			step(r, r->words);
		}
		step(r, r->commit);
	}
	return (double)done / (now_s() - start);
}

static void bench_raw(void)
{
	struct raw r;
	struct client c;
	struct arena *a = arena_new();
	client_init(&c, 0);
	raw_open(&r, a, arena_printf(a, "%s/store.db", city->dir), &c);
	printf("raw 1 %.0f\n", run_raw(&r, 1));
	printf("raw %d %.0f\n", GROUP, run_raw(&r, GROUP));
	sqlite3_stmt *all[] = {
	    r.begin, r.commit, r.series, r.steps[0], r.steps[1], r.steps[2], r.steps[3], r.words};
	for (size_t i = 0; i < COUNT(all); i++)
		(void)sqlite3_finalize(all[i]); /* their errors were seen */
	(void)sqlite3_close(r.db);
	json_decref(c.answers);
	arena_free(a);
}

/* --- PostgreSQL alone: a script for pgbench --- */

struct script {
	FILE *out;
	struct client *client;
	int64_t entry, task; /* the newest before the submission */
};

static int64_t pg_number(struct db *db, const char *sql, struct err *err)
{
	struct rows *r = db_query_text(db, err, sql, "");
	if (!r || rows_next(r) != 1)
		die(sql, err->detail);
	int64_t n = rows_i64(r, 0);
	rows_end(r);
	return n;
}

static int note_newest(struct db *db, void *arg, struct err *err)
{
	struct script *s = arg;
	s->entry = pg_number(db, "SELECT max(id) FROM journal", err);
	s->task = pg_number(db, "SELECT max(id) FROM job", err);
	return 0;
}

/* As copy_of(): every column as it was, but those named; those with NULL are left to the database.
 */
static void script_copy(struct script *s, struct db *db, const char *table,
    const char *const (*computed)[2], const char *where, struct err *err)
{
	struct buf to = {0}, from = {0};
	struct rows *r = db_query_text(db, err,
	    "SELECT column_name FROM information_schema.columns WHERE table_name = ?1 "
	    "AND is_generated = 'NEVER' "
	    "ORDER BY ordinal_position",
	    "t", table);
	while (r && rows_next(r) == 1) {
		struct str column = rows_str(r, 0), value = column;
		for (int i = 0; computed[i][0]; i++)
			if (str_is(column, computed[i][0]))
				value = str_from(computed[i][1]);
		if (!value.p)
			continue;
		buf_printf(&to, "%s%.*s", to.n ? ", " : "", (int)column.n, column.p);
		buf_printf(&from, "%s%.*s", from.n ? ", " : "", (int)value.n, value.p);
	}
	rows_end(r);
	if (!to.n)
		die(table, err->detail);
	fprintf(s->out, "INSERT INTO %s (%s) SELECT %s FROM %s WHERE %s;\n", table, to.p, from.p,
	    table, where);
	buf_free(&to);
	buf_free(&from);
}

static int script_write(struct db *db, void *arg, struct err *err)
{
	static const char *const application[][2] = {{"id", NULL},
	    {"receipt_number", "receipt_number || (:u)::text"}, {"serial", "serial || (:u)::text"},
	    {NULL, NULL}};
	static const char *const journal[][2] = {
	    {"id", "nextval('journal_id_seq')"}, {"leaf", NULL}, {NULL, NULL}};
	static const char *const job[][2] = {
	    {"id", NULL}, {"key", "key || (:u)::text"}, {NULL, NULL}};
	static const char *const doc[][2] = {{"doc", "doc + (:u)::bigint"}, {NULL, NULL}};
	struct script *s = arg;
	struct arena *a = arena_new();
	int64_t kind = pg_number(db, "SELECT n FROM search_kind WHERE name = 'application'", err)
	               << 48;
	fprintf(s->out, "\\set u random(1, 100000000000000)\nBEGIN;\n"
	                "UPDATE store_series SET value = value + 1 "
	                "WHERE name = (SELECT max(name) FROM store_series);\n");
	script_copy(s, db, "application", application,
	    arena_printf(a, "id = %" PRId64, s->client->id), err);
	script_copy(s, db, "journal", journal,
	    arena_printf(a, "id > %" PRId64 " AND id <= %" PRId64, s->entry,
	        pg_number(db, "SELECT max(id) FROM journal", err)),
	    err);
	script_copy(s, db, "job", job,
	    arena_printf(a, "id > %" PRId64 " AND id <= %" PRId64, s->task,
	        pg_number(db, "SELECT max(id) FROM job", err)),
	    err);
	script_copy(
	    s, db, "search_doc", doc, arena_printf(a, "doc = %" PRId64, kind + s->client->id), err);
	fprintf(s->out, "COMMIT;\n");
	arena_free(a);
	return 0;
}

static void bench_script(const char *path)
{
	struct err err = {0};
	struct client c;
	client_init(&c, 0);
	struct script s = {.out = fopen(path, "w"), .client = &c};
	if (!s.out)
		die(path, "cannot be written");
	if (store_read(city->store, note_newest, &s, &err) < 0)
		die("script", err.detail);
	submit_once(&c);
	if (store_read(city->store, script_write, &s, &err) < 0 || fclose(s.out) != 0)
		die("script", err.detail);
	json_decref(c.answers);
}

/* --- --- */

static int find_residents(struct db *db, void *arg, struct err *err)
{
	struct arena *a = arg;
	int n = 0, rc;
	struct rows *r = db_query_text(db, err,
	    "SELECT DISTINCT account, applicant_person FROM application WHERE account > 0"
	    " ORDER BY account LIMIT 64",
	    "");
	if (!r)
		return -(int)ERR_STORE;
	while ((rc = rows_next(r)) == 1 && n < CLIENTS_MAX) {
		struct app_actor *x = &actors[n++];
		x->account = rows_i64(r, 0);
		x->person = rows_i64(r, 1);
		x->id = arena_printf(a, "resident:%" PRId64, x->account);
	}
	rows_end(r);
	return rc < 0 ? rc : n;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	bool raw = false;
	const char *script = NULL;
	if (settings_load(&argc, argv, &s, &err) < 0)
		die("settings", err.detail);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--raw") == 0)
			raw = true;
		else if (strcmp(argv[i], "--script") == 0 && i + 1 < argc)
			script = argv[++i];
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			seconds = strtod(argv[++i], NULL);
	}
	struct arena *a = arena_new();
	if (city_open_one(s, NULL, &city, &err) < 0)
		die("city", err.detail);
	procedure = procedure_find(city, "dog-registration");
	int found = store_read(city->store, find_residents, a, &err);
	if (!procedure || found < CLIENTS_MAX)
		die("city", "needs a demo city with 200 applications or more");
	static const int clients[] = {1, 8, 64};
	for (size_t i = 0; i < COUNT(clients); i++) {
		printf("ours %d %.0f\n", clients[i], run_clients(clients[i]));
		fflush(stdout);
	}
	if (raw && !store_is_postgres(city->store))
		bench_raw();
	if (script && store_is_postgres(city->store))
		bench_script(script);
	procedure_unref(procedure);
	city_close(city);
	settings_free(s);
	arena_free(a);
	return 0;
}
