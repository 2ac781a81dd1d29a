/* What must hold when something breaks: an acknowledged write is there, one that failed left
 * nothing, and the journal verifies. */
#include "store/test_store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "store/blob.h"
#include "store/private.h"
#include "store/search.h"

static const struct sql thing_table = {
    "CREATE TABLE IF NOT EXISTS thing (id BIGINT PRIMARY KEY, name TEXT NOT NULL)"};
static const struct sql thing_add = {"INSERT INTO thing (id, name) VALUES (?1, ?2)"};
static const struct sql thing_has = {"SELECT 1 FROM thing WHERE id = ?1"};

static int make_table(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int64_t n = db_run(db, err, &thing_table, "");
	return n < 0 ? (int)n : 0;
}

/* One of everything that a submission writes. */
static int add_thing(struct db *db, void *arg, struct err *err)
{
	int64_t id = *(int64_t *)arg, number;
	char name[64], subject[32];
	(void)snprintf(name, sizeof(name), "名前%lld", (long long)id);
	(void)snprintf(subject, sizeof(subject), "thing:%lld", (long long)id);
	int64_t n = db_run(db, err, &thing_add, "it", id, name);
	int rc = n < 0 ? (int)n : series_next(db, "things", &number, err);
	if (rc == 0)
		rc = search_put(db, "thing", id, 1, name, err);
	json_t *state = json_pack("{s:s}", "name", name);
	if (rc == 0)
		rc = journal_add(db,
		    &(struct journal_change){.actor = "system",
		        .verb = "thing.added",
		        .subject = subject,
		        .data = state,
		        .state = state},
		    NULL, err);
	json_decref(state);
	return rc;
}

static bool has(struct store *st, int64_t id)
{
	int64_t one;
	int rc = 0;
	OK(rc = db_get_i64(store_reader(st, NULL), why, &one, &thing_has, "i", id));
	return rc == 1;
}

/* Nothing is half there. */
static int64_t check_whole(struct store *st)
{
	int64_t things = test_store_number(st, "SELECT count(*) FROM thing");
	assert_int_equal(things, test_store_number(st, "SELECT count(*) FROM journal"));
	assert_int_equal(things, test_store_number(st, "SELECT count(*) FROM search_doc"));
	assert_int_equal(
	    things, test_store_number(st, "SELECT coalesce(max(value), 0) FROM store_series"));
	struct verify_report report;
	OK(journal_verify(st, test_verifiers, 1, NULL, NULL, &report, why));
	if (report.problems)
		fail_msg("%s", report.first_bad);
	struct arena *a = arena_new();
	int64_t *ids;
	int n = 0;
	OK(n = search_find(store_reader(st, NULL), a,
	       &(struct search_query){.kind = "thing", .text = "名前", .limit = 1000000}, &ids,
	       why));
	assert_int_equal(n, things);
	arena_free(a);
	return things;
}

/* --- kill -9 --- */

static struct store *child_store;
static _Atomic int64_t next_id;

static void *child_writer(void *arg)
{
	(void)arg;
	for (;;) {
		int64_t id = atomic_fetch_add(&next_id, 1);
		if (store_write(child_store, add_thing, &id, NULL) == 0 &&
		    write(STDOUT_FILENO, &id, sizeof(id)) != sizeof(id))
			return NULL;
	}
}

/* This program started again as the victim: url, directory, first id. Acknowledged ids go to the
 * standard output. */
static int child_main(char **argv)
{
	struct err err;
	struct store_options o = {.url = argv[2], .dir = argv[3], .writers = 4};
	int64_t first;
	if (!str_to_i64(str_from(argv[4]), 0, INT64_MAX, &first) ||
	    store_open(&o, &child_store, &err) < 0)
		return 1;
	next_id = first;
	pthread_t threads[6];
	for (int i = 0; i < 6; i++)
		if (pthread_create(&threads[i], NULL, child_writer, NULL) != 0)
			return 1;
	(void)pthread_join(threads[0], NULL); /* never: it is killed */
	return 1;
}

static pid_t start_child(const struct test_store *t, int64_t first, int *out)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	char number_text[32];
	(void)snprintf(number_text, sizeof(number_text), "%lld", (long long)first);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)close(fds[0]);
		(void)close(fds[1]);
		(void)execl("/proc/self/exe", "test_fault", "--victim", t->url, t->dir, number_text,
		    (char *)NULL);
		_exit(1);
	}
	(void)close(fds[1]);
	*out = fds[0];
	return pid;
}

static void killed(int postgres)
{
	enum { ROUNDS = 6, ACKS_MAX = 100000 };
	struct test_store t;
	test_store_new(&t, postgres);
	test_store_migrate(t.st);
	OK(store_write(t.st, make_table, NULL, why));
	store_close(t.st);
	t.st = NULL;
	int64_t *acks = calloc(ACKS_MAX, sizeof(*acks));
	int n = 0;
	for (int round = 0; round < ROUNDS; round++) {
		int out;
		pid_t pid = start_child(&t, round * 1000000LL, &out);
		int enough = n + 20 + round * 37; /* killed at another point each time */
		while (n < ACKS_MAX && n < enough &&
		       read(out, &acks[n], sizeof(*acks)) == sizeof(*acks))
			n++;
		(void)usleep((useconds_t)(round * 700));
		assert_int_equal(kill(pid, SIGKILL), 0);
		while (n < ACKS_MAX && read(out, &acks[n], sizeof(*acks)) == sizeof(*acks))
			n++;
		(void)close(out);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		OK(store_open(&t.options, &t.st, why));
		for (int i = 0; i < n; i++)
			if (!has(t.st, acks[i]))
				fail_msg("round %d: %lld was acknowledged and is not there", round,
				    (long long)acks[i]);
		assert_true(check_whole(t.st) >= n);
		store_close(t.st);
		t.st = NULL;
	}
	free(acks);
	test_store_free(&t);
}

/* Two processes append to one journal at a time: each entry has its place, and each number was
 * given once. */
static void two_processes(int postgres)
{
	enum { EACH = 150 };
	struct test_store t;
	test_store_new(&t, postgres);
	test_store_migrate(t.st);
	OK(store_write(t.st, make_table, NULL, why));
	int out;
	pid_t pid = start_child(&t, 1000000, &out);
	int64_t id;
	int theirs = 0;
	assert_int_equal(read(out, &id, sizeof(id)), sizeof(id)); /* it is at it */
	theirs++;
	for (int64_t i = 0; i < EACH; i++)
		OK(store_write(t.st, add_thing, &i, why));
	while (theirs < EACH && read(out, &id, sizeof(id)) == sizeof(id))
		theirs++;
	assert_int_equal(kill(pid, SIGKILL), 0);
	while (read(out, &id, sizeof(id)) == sizeof(id))
		theirs++;
	(void)close(out); /* only read from */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int64_t i = EACH; i < 2 * EACH; i++)
		OK(store_write(t.st, add_thing, &i, why));
	assert_true(check_whole(t.st) >= 2 * EACH + theirs);
	test_store_free(&t);
}

static void test_two_processes(void **state)
{
	(void)state;
	two_processes(0);
	if (getenv("MACHI_TEST_PG"))
		two_processes(1);
}

static void test_killed(void **state)
{
	(void)state;
	killed(0);
	if (getenv("MACHI_TEST_PG"))
		killed(1);
}

/* --- no room --- */

static int script(struct db *db, void *arg, struct err *err)
{
	return db->backend->script(db, arg, err);
}

struct outcome {
	int64_t id;
	int rc;
	enum err_kind kind;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int left;

static void outcome_done(void *arg, int rc, const struct err *err)
{
	struct outcome *o = arg;
	pthread_mutex_lock(&lock);
	o->rc = rc;
	o->kind = rc < 0 ? err->kind : ERR_NONE;
	left--;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static int add_outcome(struct db *db, void *arg, struct err *err)
{
	struct outcome *o = arg;
	return add_thing(db, &o->id, err);
}

/* Many at once, so that they share commits. Returns how many were stored. */
static int add_many(struct store *st, int64_t first, int n)
{
	struct outcome *o = calloc((size_t)n, sizeof(*o));
	left = n;
	for (int i = 0; i < n; i++) {
		o[i].id = first + i;
		store_submit(st, add_outcome, &o[i], outcome_done);
	}
	pthread_mutex_lock(&lock);
	while (left > 0)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	int stored = 0;
	for (int i = 0; i < n; i++) {
		if (o[i].rc < 0 && o[i].kind != ERR_IO)
			fail_msg("a full disk is ERR_IO, not %s", err_kind_name(o[i].kind));
		if (has(st, o[i].id) != (o[i].rc == 0))
			fail_msg(
			    "%lld is %s", (long long)o[i].id, o[i].rc ? "stored" : "not stored");
		stored += o[i].rc == 0;
	}
	free(o);
	return stored;
}

static void test_database_full(void **state)
{
	(void)state;
	struct test_store t;
	test_store_new(&t, 0);
	test_store_migrate(t.st);
	OK(store_write(t.st, make_table, NULL, why));
	assert_int_equal(add_many(t.st, 0, 50), 50);
	char limit[64], no_limit[] = "PRAGMA max_page_count = 100000000";
	(void)snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %lld",
	    (long long)test_store_number(t.st, "PRAGMA page_count") + 10);
	OK(store_write(t.st, script, limit, why));
	int stored = add_many(t.st, 1000, 300);
	assert_true(stored < 300);
	(void)check_whole(t.st);
	OK(store_write(t.st, script, no_limit, why));
	assert_int_equal(add_many(t.st, 2000, 100), 100);
	assert_int_equal(check_whole(t.st), 150 + stored);
	test_store_free(&t);
}

/* The log and the attachments cannot grow. */
static void test_disk_full(void **state)
{
	(void)state;
	struct test_store t;
	test_store_new(&t, 0);
	test_store_migrate(t.st);
	OK(store_write(t.st, make_table, NULL, why));
	assert_int_equal(add_many(t.st, 0, 50), 50);
	struct rlimit was, small = {0};
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	small.rlim_cur = 300000;
	small.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int stored = add_many(t.st, 1000, 400);
	struct arena *a = arena_new();
	char name[BLOB_NAME_SIZE];
	struct err err = {0};
	struct str big = {arena_alloc(a, 400000), 400000};
	assert_int_equal(blob_put(t.st, big, name, &err), -(int)ERR_IO);
	assert_string_equal(err.msg, "store.full");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_true(stored < 400);
	(void)check_whole(t.st);
	assert_int_equal(add_many(t.st, 2000, 100), 100);
	assert_int_equal(check_whole(t.st), 150 + stored);
	OK(blob_put(t.st, big, name, why));
	arena_free(a);
	test_store_free(&t);
}

/* --- connections lost --- */

static atomic_bool stop;
static _Atomic int64_t acknowledged, refused;

static void *writer(void *arg)
{
	struct store *st = arg;
	while (!stop) {
		int64_t id = atomic_fetch_add(&next_id, 1);
		struct err err = {0};
		if (store_write(st, add_thing, &id, &err) == 0) {
			(void)atomic_fetch_add(&acknowledged, 1);
		} else {
			if (err.kind != ERR_BUSY)
				fail_msg("%s: %s", err_kind_name(err.kind), err.detail);
			(void)atomic_fetch_add(&refused, 1);
		}
	}
	return NULL;
}

/* The server ends our connections again and again, also in COMMIT. A write done twice would break
 * the primary key; one that was acknowledged and lost, or stored without answer, shows in the
 * count. */
static void test_connections_lost(void **state)
{
	(void)state;
	if (!getenv("MACHI_TEST_PG"))
		return;
	struct test_store t;
	test_store_new(&t, 1);
	test_store_migrate(t.st);
	OK(store_write(t.st, make_table, NULL, why));
	next_id = acknowledged = refused = 0;
	stop = false;
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, writer, t.st), 0);
	char command[800];
	(void)snprintf(command, sizeof(command),
	    "psql -qAtX -d '%s' -c \"SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
	    "WHERE application_name = '%s'\" >/dev/null",
	    getenv("MACHI_TEST_PG"), t.schema);
	for (int i = 0; i < 12; i++) {
		(void)usleep((useconds_t)(30000 + i * 7000));
		assert_int_equal(system(command), 0);
	}
	stop = true;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(acknowledged > 0);
	assert_int_equal(check_whole(t.st), acknowledged);
	assert_int_equal(refused, 0);
	test_store_free(&t);
}

/* --- order --- */

static const struct sql counter_read = {"SELECT value FROM store_series WHERE name = 'counter'"};
static const struct sql counter_write = {
    "UPDATE store_series SET value = ?1 WHERE name = 'counter'"};

/* Reads, then writes what it read plus one: right only if nobody else came between. */
static int count_up(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int64_t value = 0;
	int rc = db_get_i64(db, err, &value, &counter_read, "");
	if (rc < 0)
		return rc;
	int64_t n = db_run(db, err, &counter_write, "i", value + 1);
	return n < 0 ? (int)n : 0;
}

static int start_counter(struct db *db, void *arg, struct err *err)
{
	int64_t one;
	(void)arg;
	return series_next(db, "counter", &one, err);
}

static void *counter(void *arg)
{
	for (int i = 0; i < 50; i++)
		OK(store_write(arg, count_up, NULL, why));
	return NULL;
}

static void as_if_alone(struct store *st)
{
	OK(store_write(st, start_counter, NULL, why));
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, counter, st), 0);
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(
	    test_store_number(st, "SELECT value FROM store_series WHERE name = 'counter'"), 401);
}

static void test_as_if_alone(void **state)
{
	(void)state;
	test_store_each(as_if_alone);
}

/* --- the previous version --- */

static int one_step(void *arg, const char *module)
{
	(void)module;
	return *(int *)arg;
}

static int add_entry(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	json_t *data = json_pack("{s:s}", "name", "街");
	int rc = journal_add(db,
	    &(struct journal_change){
	        .actor = "system", .verb = "thing.added", .subject = "thing:1", .data = data},
	    NULL, err);
	json_decref(data);
	if (rc == 0)
		rc = meta_set(db, "name", "街", err);
	return rc;
}

/* From each step of the store's schema to the newest, with data. */
static void test_migrates(void **state)
{
	(void)state;
	int newest = migration_steps("store");
	for (int postgres = 0; postgres < 2; postgres++)
		for (int step = 1; step <= newest; step++) {
			if (postgres && !getenv("MACHI_TEST_PG"))
				break;
			struct test_store t;
			test_store_new(&t, postgres);
			int pending;
			OK(store_pending(t.st, NULL, 0, &pending, why));
			assert_int_equal(pending, newest);
			OK(migrate_to(t.st, NULL, 0, one_step, &step, NULL, NULL, why));
			OK(store_write(t.st, add_entry, NULL, why));
			OK(store_pending(t.st, NULL, 0, &pending, why));
			assert_int_equal(pending, newest - step);
			store_close(t.st);
			OK(store_open(&t.options, &t.st, why));
			OK(store_migrate(t.st, NULL, 0, NULL, NULL, why));
			OK(store_pending(t.st, NULL, 0, &pending, why));
			assert_int_equal(pending, 0);
			struct verify_report report;
			OK(journal_verify(t.st, NULL, 0, NULL, NULL, &report, why));
			assert_int_equal(report.problems, 0);
			assert_int_equal(report.entries, 1);
			test_store_free(&t);
		}
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "--victim") == 0)
		return child_main(argv);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_killed),
	    cmocka_unit_test(test_two_processes),
	    cmocka_unit_test(test_database_full),
	    cmocka_unit_test(test_disk_full),
	    cmocka_unit_test(test_connections_lost),
	    cmocka_unit_test(test_as_if_alone),
	    cmocka_unit_test(test_migrates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
