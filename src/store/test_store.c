#include "store/test_store.h"

#include <pthread.h>
#include <sys/stat.h>

#include "store/blob.h"
#include "store/journal.h"

static const struct sql create = {"CREATE TABLE thing (id BIGINT PRIMARY KEY, name TEXT UNIQUE, "
                                  "bytes BYTEA, real DOUBLE PRECISION)"};
static const struct sql insert = {
    "INSERT INTO thing (id, name, bytes, real) VALUES (?1, ?2, ?3, ?4)"};
static const struct sql count = {"SELECT count(*) FROM thing"};
static const struct sql all = {"SELECT id, name, bytes, real FROM thing ORDER BY id"};

static int make_thing(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int64_t n = db_run(db, err, &create, "");
	return n < 0 ? (int)n : 0;
}

struct thing {
	int64_t id;
	const char *name;
	bool fail_after; /* the function says no after its insert */
	int rc;
	struct err err;
};

static int add_thing(struct db *db, void *arg, struct err *err)
{
	struct thing *t = arg;
	int64_t n = db_run(db, err, &insert, "itbd", t->id, t->name, STR("\0\xff\\x"), 1.5);
	if (n < 0)
		return (int)n;
	assert_int_equal(n, 1);
	if (t->fail_after)
		return err_set(err, ERR_INPUT, "test.no", "refused %lld", (long long)t->id);
	return 0;
}

static int64_t things(struct store *st)
{
	int64_t n = -1;
	struct db *db = store_reader(st, NULL);
	assert_non_null(db);
	OK(db_get_i64(db, why, &n, &count, ""));
	return n;
}

static void values(struct store *st)
{
	OK(store_write(st, make_thing, NULL, why));
	struct thing t = {.id = INT64_MAX, .name = "街"}, none = {.id = INT64_MIN};
	OK(store_write(st, add_thing, &t, why));
	OK(store_write(st, add_thing, &none, why));
	struct err err = {0};
	struct db *db = store_reader(st, &err);
	struct rows *r = db_query(db, &err, &all, "");
	assert_non_null(r);
	assert_int_equal(rows_next(r), 1);
	assert_true(rows_i64(r, 0) == INT64_MIN);
	assert_true(rows_null(r, 1));
	assert_null(rows_str(r, 1).p);
	assert_int_equal(rows_next(r), 1);
	assert_true(rows_i64(r, 0) == INT64_MAX);
	assert_true(str_is(rows_str(r, 1), "街"));
	assert_true(str_eq(rows_bytes(r, 2), STR("\0\xff\\x")));
	assert_true(rows_double(r, 3) == 1.5);
	/* The same statement inside the loop over its own rows. */
	struct rows *inner = db_query(db, &err, &all, "");
	assert_non_null(inner);
	assert_int_equal(rows_next(inner), 1);
	assert_int_equal(rows_next(inner), 1);
	assert_int_equal(rows_next(inner), 0);
	assert_int_equal(rows_next(inner), 0);
	rows_end(inner);
	assert_int_equal(rows_next(r), 0);
	rows_end(r);
	/* By text, and with no rows. */
	r = db_query_text(db, &err, "SELECT id FROM thing WHERE id = ?1", "i", (int64_t)3);
	assert_non_null(r);
	assert_int_equal(rows_next(r), 0);
	rows_end(r);
	struct db_arg arg = {.type = 's', .s = STR("街")};
	r = db_query_args(db, &err, "SELECT id FROM thing WHERE name = ?1", &arg, 1);
	assert_non_null(r);
	assert_int_equal(rows_next(r), 1);
	rows_end(r);
	/* More texts than are kept. */
	for (int i = 0; i < 300; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "SELECT %d", i);
		r = db_query_text(db, &err, text, "");
		assert_non_null(r);
		assert_int_equal(rows_next(r), 1);
		assert_int_equal(rows_i64(r, 0), i);
		rows_end(r);
	}
	/* A reader cannot write. */
	assert_true(db_run(db, &err, &insert, "itbd", (int64_t)9, "x", (struct str){0}, 0.0) < 0);
	assert_int_equal(things(st), 2);
}

static void conflict(struct store *st)
{
	OK(store_write(st, make_thing, NULL, why));
	struct thing t = {.id = 1, .name = "a"}, same = {.id = 2, .name = "a"};
	OK(store_write(st, add_thing, &t, why));
	struct err err = {0};
	assert_int_equal(store_write(st, add_thing, &same, &err), -(int)ERR_CONFLICT);
	assert_string_equal(err.msg, "store.conflict");
	assert_non_null(strstr(err.detail, "thing"));
	assert_int_equal(things(st), 1);
}

static int go_on_after_failure(struct db *db, void *arg, struct err *err)
{
	(void)add_thing(db, arg, err);
	return 0;
}

static int wait_inside(struct db *db, void *arg, struct err *err)
{
	return store_write(db_store(db), add_thing, arg, err);
}

static void failed_statement_cannot_commit(struct store *st)
{
	OK(store_write(st, make_thing, NULL, why));
	struct thing t = {.id = 1, .name = "a"};
	OK(store_write(st, add_thing, &t, why));
	struct err err = {0};
	assert_int_equal(store_write(st, go_on_after_failure, &t, &err), -(int)ERR_INTERNAL);
	struct thing other = {.id = 2, .name = "b"};
	assert_int_equal(store_write(st, wait_inside, &other, &err), -(int)ERR_INTERNAL);
	assert_int_equal(things(st), 1);
}

/* --- groups --- */

enum { MANY = 200 };

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool open;
	int left;
};

static int wait_at_gate(struct db *db, void *arg, struct err *err)
{
	(void)db;
	(void)err;
	struct gate *g = arg;
	pthread_mutex_lock(&g->lock);
	while (!g->open)
		pthread_cond_wait(&g->cond, &g->lock);
	pthread_mutex_unlock(&g->lock);
	return 0;
}

static struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};

static void thing_done(void *arg, int rc, const struct err *err)
{
	struct thing *t = arg;
	pthread_mutex_lock(&gate.lock);
	t->rc = rc;
	t->err = *err;
	gate.left--;
	pthread_cond_broadcast(&gate.cond);
	pthread_mutex_unlock(&gate.lock);
}

static void one_of_a_group_fails(struct store *st)
{
	OK(store_write(st, make_thing, NULL, why));
	static struct thing t[MANY];
	gate.open = false;
	gate.left = MANY;
	if (!store_is_postgres(st)) /* all the others wait behind this and make one group */
		store_submit(st, wait_at_gate, &gate, NULL);
	for (int i = 0; i < MANY; i++) {
		t[i] = (struct thing){.id = i % 10 == 3 ? i - 1 : i, .fail_after = i % 10 == 7};
		store_submit(st, add_thing, &t[i], thing_done);
	}
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.cond);
	while (gate.left > 0)
		pthread_cond_wait(&gate.cond, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
	for (int i = 0; i < MANY; i++) {
		if (i % 10 == 7)
			assert_int_equal(t[i].rc, -(int)ERR_INPUT);
		else if (!store_is_postgres(st)) /* there the pool has no order */
			assert_int_equal(t[i].rc, i % 10 == 3 ? -(int)ERR_CONFLICT : 0);
	}
	assert_int_equal(things(st), MANY * 8 / 10);
}

/* What a write sends without waiting for the answer: later statements see it, and when it breaks a
 * rule its own write fails, nobody else's. */
static int add_later(struct db *db, void *arg, struct err *err)
{
	const int64_t *id = arg;
	char name[32];
	(void)snprintf(name, sizeof(name), "later %d", (int)*id);
	static const struct sql mine = {"SELECT count(*) FROM thing WHERE name = ?1"};
	int64_t n = 0;
	int rc = db_later(db, err, &insert, "itbd", *id, name, (struct str){0}, 0.0);
	if (rc == 0 && (rc = db_get_i64(db, err, &n, &mine, "t", name)) == 1)
		rc = n == 1 ? 0 : err_set(err, ERR_INTERNAL, NULL, "%d rows", (int)n);
	/* The same again for every tenth; nothing asks before the commit. */
	if (rc == 0 && *id % 10 == 3)
		rc = db_later(db, err, &insert, "itbd", *id, name, (struct str){0}, 0.0);
	return rc;
}

static void later(struct store *st)
{
	OK(store_write(st, make_thing, NULL, why));
	static int64_t ids[MANY];
	static struct test_write writes[MANY];
	for (int i = 0; i < MANY; i++) {
		ids[i] = i;
		writes[i] = (struct test_write){.fn = add_later, .arg = &ids[i]};
	}
	test_store_together(st, writes, MANY);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(writes[i].rc, i % 10 == 3 ? -(int)ERR_CONFLICT : 0);
	assert_int_equal(things(st), MANY - MANY / 10);
}

/* More than fit into one trip, also when a write does nothing else. */
static int add_many_later(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int rc = 0;
	for (int64_t i = 0; i < 3 * MANY && rc == 0; i++) {
		char name[32];
		(void)snprintf(name, sizeof(name), "many %d", (int)i);
		rc = db_later(db, err, &insert, "itbd", i, name, (struct str){0}, 0.0);
	}
	return rc;
}

static void many_later(struct store *st)
{
	OK(store_write(st, make_thing, NULL, why));
	OK(store_write(st, add_many_later, NULL, why));
	assert_int_equal(things(st), 3 * MANY);
}

static void *many_writes(void *arg)
{
	struct store *st = arg;
	static atomic_int next;
	for (int i = 0; i < 50; i++) {
		struct thing t = {.id = 1000 + atomic_fetch_add(&next, 1)};
		OK(store_write(st, add_thing, &t, why));
		(void)things(st);
	}
	return NULL;
}

static void threads(struct store *st)
{
	OK(store_write(st, make_thing, NULL, why));
	pthread_t thread[8];
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, many_writes, st), 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(things(st), 400);
}

/* --- meta, series --- */

static int take_numbers(struct db *db, void *arg, struct err *err)
{
	int64_t *n = arg;
	int rc = series_next(db, "receipt/2026", &n[0], err);
	if (rc == 0)
		rc = series_next(db, "receipt/2026", &n[1], err);
	if (rc == 0)
		rc = meta_set(db, "name", n[0] == 1 ? "machi" : "街", err);
	if (rc == 0 && n[2])
		rc = err_set(err, ERR_INPUT, NULL, "rolled back");
	return rc;
}

static void numbers(struct store *st)
{
	int64_t n[3] = {0};
	OK(store_write(st, take_numbers, n, why));
	assert_int_equal(n[0], 1);
	assert_int_equal(n[1], 2);
	n[2] = 1;
	assert_true(store_write(st, take_numbers, n, NULL) < 0);
	n[2] = 0;
	OK(store_write(st, take_numbers, n, why));
	assert_int_equal(n[0], 3);
	struct arena *a = arena_new();
	char *name = NULL;
	OK(meta_get(store_reader(st, NULL), a, "name", &name, why));
	assert_string_equal(name, "街");
	struct err err;
	assert_int_equal(meta_get(store_reader(st, NULL), a, "none", &name, &err), 0);
	arena_free(a);
}

/* A snapshot does not see what is committed meanwhile. */
static int look_twice(struct db *db, void *arg, struct err *err)
{
	int64_t before, after;
	int rc = db_get_i64(db, err, &before, &count, "");
	if (rc < 0)
		return rc;
	struct thing t = {.id = 77};
	rc = store_write(arg, add_thing, &t, err);
	if (rc < 0)
		return rc;
	rc = db_get_i64(db, err, &after, &count, "");
	assert_int_equal(before, after);
	return rc < 0 ? rc : 0;
}

static void snapshot(struct store *st)
{
	OK(store_write(st, make_thing, NULL, why));
	OK(store_read(st, look_twice, st, why));
	assert_int_equal(things(st), 1);
}

static void migrated(struct store *st)
{
	int pending = -1;
	OK(store_pending(st, test_modules, (int)COUNT(test_modules), &pending, why));
	assert_int_equal(pending, 0);
	OK(store_migrate(st, test_modules, (int)COUNT(test_modules), NULL, NULL, why));
}

static int from_the_future(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	static const struct sql sql = {
	    "INSERT INTO store_step (module, step, name, at_us) VALUES ('store', 200, 'x', 0)"};
	int64_t n = db_run(db, err, &sql, "");
	return n < 0 ? (int)n : 0;
}

static void too_new(struct store *st)
{
	OK(store_write(st, from_the_future, NULL, why));
	struct err err = {0};
	assert_int_equal(store_migrate(st, NULL, 0, NULL, NULL, &err), -(int)ERR_STORE);
	assert_string_equal(err.msg, "store.too_new");
}

static void test_bad_urls(void **state)
{
	(void)state;
	static const char *const urls[] = {"", "mysql://x", "sqlite:/nonexistent/dir/x.db"};
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct err err = {0};
		struct store *st;
		assert_true(store_open(&(struct store_options){.url = urls[i], .dir = "/tmp"}, &st,
		                &err) < 0);
		assert_true(err.detail[0]);
		assert_null(st);
	}
}

/* One server of a SQLite store, any number of a PostgreSQL one; others may write beside it. */
static void test_one_server(void **state)
{
	(void)state;
	for (int postgres = 0; postgres < 2; postgres++) {
		if (postgres && !getenv("MACHI_TEST_PG"))
			break;
		struct test_store t;
		test_store_new(&t, postgres);
		test_store_migrate(t.st);
		OK(store_serve(t.st, why));
		OK(store_serve(t.st, why));
		struct store *other;
		OK(store_open(&t.options, &other, why));
		struct err err = {0};
		assert_int_equal(store_serve(other, &err), postgres ? 0 : -(int)ERR_CONFLICT);
		OK(store_write(other, make_thing, NULL, why));
		assert_int_equal(things(t.st), 0);
		store_close(t.st);
		if (!postgres) {
			char pid[32];
			assert_string_equal(err.msg, "store.served");
			(void)snprintf(pid, sizeof(pid), "(%d)", (int)getpid());
			assert_non_null(strstr(err.detail, pid));
			OK(store_serve(other, why));
		}
		t.st = other;
		test_store_free(&t);
	}
}

static int is_private(const char *path, const struct stat *s, int kind, struct FTW *ftw)
{
	(void)ftw;
	if ((s->st_mode & 0777) != (kind == FTW_D ? 0700 : 0600))
		fail_msg("%s has the mode %o", path, (unsigned)s->st_mode & 0777);
	return 0;
}

/* Nobody else on the machine reads a city's data, whatever the umask of who starts the program. */
static void test_private_files(void **state)
{
	(void)state;
	mode_t was = umask(0);
	for (int postgres = 0; postgres < 2; postgres++) {
		if (postgres && !getenv("MACHI_TEST_PG"))
			break;
		struct test_store t;
		test_store_new(&t, postgres);
		test_store_migrate(t.st);
		char name[BLOB_NAME_SIZE];
		OK(blob_put(t.st, STR("添付"), name, why));
		OK(journal_public_key(t.st, (unsigned char[32]){0}, why));
		assert_int_equal(nftw(t.dir, is_private, 16, FTW_PHYS), 0);
		test_store_free(&t);
	}
	(void)umask(was); /* cannot fail */
}

#define EACH(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(name);                                                             \
	}
EACH(values)
EACH(conflict)
EACH(failed_statement_cannot_commit)
EACH(one_of_a_group_fails)
EACH(later)
EACH(many_later)
EACH(threads)
EACH(numbers)
EACH(snapshot)
EACH(migrated)
EACH(too_new)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_conflict),
	    cmocka_unit_test(test_failed_statement_cannot_commit),
	    cmocka_unit_test(test_one_of_a_group_fails),
	    cmocka_unit_test(test_later),
	    cmocka_unit_test(test_many_later),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_snapshot),
	    cmocka_unit_test(test_migrated),
	    cmocka_unit_test(test_too_new),
	    cmocka_unit_test(test_bad_urls),
	    cmocka_unit_test(test_private_files),
	    cmocka_unit_test(test_one_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
