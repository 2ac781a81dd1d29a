/* Fresh stores for unit tests of any module. Include it in the test's one .c file.
 *
 *   static void booking_twice(struct store *st) { ... assert_int_equal(...); }
 *   static void test_booking_twice(void **state) { (void)state; test_store_each(booking_twice); }
 */
#ifndef STORE_TEST_STORE_H
#define STORE_TEST_STORE_H

#include <ftw.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/resource.h"
#include "base/test.h"
#include "store/journal.h"
#include "store/store.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

/* OK(store_write(st, fn, arg, why)): the call must succeed; why takes its error. */
#define OK(call)                                                                                   \
	do {                                                                                       \
		struct err why_ = {0};                                                             \
		struct err *why = &why_;                                                           \
		if ((call) < 0)                                                                    \
			fail_msg("%s: %s: %s", #call, err_kind_name(why_.kind), why_.detail);      \
	} while (0)

struct test_store {
	char dir[64];
	char schema[64]; /* PostgreSQL */
	struct store_options options;
	char url[512];
	struct store *st;
};

static int test_store_rm(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* PostgreSQL schemas of the test's own, made and dropped over the store itself: a schema is a
 * search path in the URL. */
static inline void test_store_schema(const char *verb, const char *schema)
{
	char command[700];
	(void)snprintf(command, sizeof(command),
	    "PGOPTIONS='-c client_min_messages=warning' psql -qX -v ON_ERROR_STOP=1 -d '%s' -c '%s "
	    "\"%s\"%s' "
	    "2>&1 | grep -v NOTICE >&2",
	    getenv("MACHI_TEST_PG"), verb, schema, strncmp(verb, "DROP", 4) == 0 ? " CASCADE" : "");
	(void)!system(command); /* the following open tells when it failed */
}

/* Opens a fresh, empty store; not migrated. */
static inline void test_store_new(struct test_store *t, bool postgres)
{
	static atomic_int number;
	memset(t, 0, sizeof(*t));
	const char *tmp = getenv("TMPDIR");
	(void)snprintf(t->dir, sizeof(t->dir), "%.40s/machi-test-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(t->dir));
	if (postgres) {
		const char *url = getenv("MACHI_TEST_PG");
		(void)snprintf(t->schema, sizeof(t->schema), "t_%d_%d", (int)getpid(),
		    atomic_fetch_add(&number, 1));
		test_store_schema("CREATE SCHEMA", t->schema);
		(void)snprintf(t->url, sizeof(t->url),
		    "%s%coptions=-csearch_path%%3D%s&application_name=%s", url,
		    strchr(url, '?') ? '&' : '?', t->schema, t->schema);
	} else {
		(void)snprintf(t->url, sizeof(t->url), "sqlite:%s/store.db", t->dir);
	}
	t->options = (struct store_options){.url = t->url, .dir = t->dir, .writers = 4};
	struct err err = {0};
	if (store_open(&t->options, &t->st, &err) < 0)
		fail_msg("store_open: %s", err.detail);
}

static inline void test_store_free(struct test_store *t)
{
	store_close(t->st);
	if (t->schema[0])
		test_store_schema("DROP SCHEMA", t->schema);
	(void)nftw(t->dir, test_store_rm, 16, FTW_DEPTH | FTW_PHYS); /* a temporary directory */
}

/* A write that runs beside others, and its outcome. */
struct test_write {
	store_write_fn fn;
	void *arg; /* of fn */
	int rc;
	struct err err;
	sem_t *told;
};

static int test_store_one(struct db *db, void *arg, struct err *err)
{
	const struct test_write *w = arg;
	return w->fn(db, w->arg, err);
}

static void test_store_told(void *arg, int rc, const struct err *err)
{
	struct test_write *w = arg;
	w->rc = rc;
	w->err = *err;
	(void)sem_post(w->told); /* counts to a few */
}

/* Hands all of them to the store at once; returns when each has its outcome. */
static inline void test_store_together(struct store *st, struct test_write *w, int n)
{
	sem_t told;
	(void)sem_init(&told, 0, 0); /* a valid initial value */
	for (int i = 0; i < n; i++) {
		w[i].told = &told;
		store_submit(st, test_store_one, &w[i], test_store_told);
	}
	for (int i = 0; i < n; i++)
		while (sem_wait(&told) != 0)
			; /* a signal */
	(void)sem_destroy(&told);
}

/* All modules that have migrations, in the order of their dependencies. */
static const char *const test_modules[] = {
    "store", "vault", "web", "identity", "oidc", "notice", "document", "procedure", "trail"};

static inline void test_store_migrate(struct store *st)
{
	struct err err = {0};
	if (store_migrate(st, test_modules, (int)COUNT(test_modules), NULL, NULL, &err) < 0)
		fail_msg("store_migrate: %s", err.detail);
}

/* Runs fn on a fresh migrated SQLite store and, when the environment has MACHI_TEST_PG (a URL), on
 * fresh PostgreSQL too. */
static inline void test_store_each(void (*fn)(struct store *))
{
	for (int postgres = 0; postgres < 2; postgres++) {
		if (postgres && !getenv("MACHI_TEST_PG"))
			break;
		struct test_store t;
		test_store_new(&t, postgres);
		test_store_migrate(t.st);
		fn(t.st);
		test_store_free(&t);
	}
}

/* The first column of the first row, as text composed of constants only. */
static inline int64_t test_store_number(struct store *st, const char *sql)
{
	struct err err = {0};
	struct rows *r = db_query_text(store_reader(st, &err), &err, sql, "");
	if (!r || rows_next(r) != 1)
		fail_msg("%s: %s", sql, err.detail);
	int64_t n = rows_i64(r, 0);
	rows_end(r);
	return n;
}

/* A table of the store's own tests, thing (id BIGINT PRIMARY KEY, name TEXT NOT NULL), whose rows
 * are the states {"name"} of the subjects thing:ID. */
static inline int test_store_things(struct db *db,
    int (*state)(void *arg, const char *subject, json_t *state), void *arg, struct err *err)
{
	static const struct sql things = {"SELECT id, name FROM thing ORDER BY id"};
	struct rows *r = db_query(db, err, &things, "");
	int rc = -1;
	while (r && (rc = rows_next(r)) == 1) {
		char subject[32], name[64];
		(void)snprintf(subject, sizeof(subject), "thing:%lld", (long long)rows_i64(r, 0));
		(void)snprintf(name, sizeof(name), "%.*s", STR_ARG(rows_str(r, 1)));
		json_t *json = json_pack("{s:s}", "name", name);
		rc = state(arg, subject, json);
		json_decref(json);
		if (rc < 0)
			break;
	}
	rows_end(r);
	return rc;
}

static const struct journal_verifier test_thing_verifier = {"thing", test_store_things};
static const struct journal_verifier *const test_verifiers[] = {&test_thing_verifier};

#pragma GCC diagnostic pop

#endif
