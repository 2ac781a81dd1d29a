#include "store/test_store.h"

#include <pthread.h>

#include "base/time.h"
#include "store/jobs.h"
#include "store/private.h"

static sem_t counted; /* once for each job that ran */
static atomic_int ran, sum, failures_left, inside, most_inside;

static int count_up(
    struct store *st, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)st;
	(void)context;
	(void)a;
	(void)err;
	int now = atomic_fetch_add(&inside, 1) + 1;
	if (now > most_inside)
		most_inside = now;
	(void)atomic_fetch_add(&sum, (int)json_integer_value(payload));
	(void)atomic_fetch_add(&ran, 1);
	(void)atomic_fetch_sub(&inside, 1);
	(void)sem_post(&counted); /* counts to some hundred */
	return 0;
}

static int fail_some(
    struct store *st, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)st;
	(void)context;
	(void)a;
	(void)payload;
	(void)atomic_fetch_add(&ran, 1);
	if (atomic_fetch_sub(&failures_left, 1) > 0)
		return err_set(err, ERR_IO, "store.io", "the other side is away");
	return 0;
}

static int wrong_input(
    struct store *st, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)st;
	(void)context;
	(void)a;
	(void)payload;
	return err_set(err, ERR_INPUT, NULL, "no such address");
}

static const struct job_kind counting = {.name = "test.count", .run = count_up};
static const struct job_kind failing = {
    .name = "test.fail", .max_tries = 3, .retry_ms = 1, .run = fail_some};
static const struct job_kind wrong = {.name = "test.wrong", .max_tries = 3, .run = wrong_input};
static const struct job_kind *const kinds[] = {&counting, &failing, &wrong};

struct add {
	const char *kind, *key;
	int n;
	int64_t run_at_us;
};

static int add(struct db *db, void *arg, struct err *err)
{
	struct add *a = arg;
	for (int i = 0; i < a->n; i++) {
		json_t *payload = json_integer(i);
		int rc = job_add(db, a->kind, payload, a->run_at_us, a->key, err);
		json_decref(payload);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int64_t in_state(struct store *st, const char *state)
{
	int64_t n = -1;
	OK(jobs_count(store_reader(st, NULL), state, INT64_MAX, &n, why));
	return n;
}

static int drain(struct store *st)
{
	int n = 0;
	OK(n = jobs_drain(st, kinds, COUNT(kinds), NULL, why));
	return n;
}

static void drained(struct store *st)
{
	ran = sum = 0;
	OK(store_write(st, add, &(struct add){.kind = "test.count", .n = 10}, why));
	OK(store_write(st, add, &(struct add){.kind = "test.unknown", .n = 1}, why));
	OK(store_write(st, add,
	    &(struct add){.kind = "test.count", .n = 1, .run_at_us = now_us() + 3600 * 1000000LL},
	    why));
	assert_int_equal(drain(st), 10);
	assert_int_equal(sum, 45);
	assert_int_equal(in_state(st, "done"), 10);
	assert_int_equal(in_state(st, "waiting"), 2);
}

static void keys(struct store *st)
{
	ran = 0;
	int64_t later = now_us() + 3600 * 1000000LL;
	OK(store_write(st, add, &(struct add){.kind = "test.count", .key = "a", .n = 3}, why));
	OK(store_write(st, add,
	    &(struct add){.kind = "test.count", .key = "b", .n = 1, .run_at_us = later}, why));
	assert_int_equal(in_state(st, "waiting"), 2);
	assert_int_equal(drain(st), 1);
	OK(store_write(st, add, &(struct add){.kind = "test.count", .key = "b", .n = 1}, why));
	assert_int_equal(drain(st), 1); /* made earlier */
	OK(store_write(st, add, &(struct add){.kind = "test.count", .key = "a", .n = 1}, why));
	assert_int_equal(drain(st), 1); /* the key is free again */
}

static int retry(struct db *db, void *arg, struct err *err)
{
	return jobs_retry(db, *(int64_t *)arg, err);
}

static int discard(struct db *db, void *arg, struct err *err)
{
	return jobs_discard(db, *(int64_t *)arg, err);
}

/* What is due now, and what will be within some hours. */
static int drain_for_hours(struct store *st)
{
	int n = 0;
	for (int hour = 0; hour < 4; hour++) {
		n += drain(st);
		now_set_us(now_us() + 3600 * 1000000LL);
	}
	now_set_us(0);
	return n;
}

static void retries(struct store *st)
{
	ran = 0;
	failures_left = 2;
	OK(store_write(st, add, &(struct add){.kind = "test.fail", .n = 1}, why));
	assert_int_equal(drain_for_hours(st), 3);
	assert_int_equal(in_state(st, "done"), 1);

	failures_left = 3;
	OK(store_write(st, add, &(struct add){.kind = "test.fail", .n = 1}, why));
	OK(store_write(st, add, &(struct add){.kind = "test.wrong", .n = 1}, why));
	assert_int_equal(drain_for_hours(st), 4); /* the wrong one is dead at once */
	assert_int_equal(in_state(st, "dead"), 2);
	struct arena *a = arena_new();
	struct job_info *jobs;
	struct err err;
	assert_int_equal(jobs_list(store_reader(st, NULL), a, "dead", 0, 10, &jobs, &err), 2);
	assert_string_equal(jobs[0].kind, "test.wrong");
	assert_int_equal(jobs[0].tries, 1);
	assert_string_equal(jobs[0].last_error, "input: no such address");
	assert_string_equal(jobs[1].last_error, "io store.io: the other side is away");
	assert_int_equal(
	    jobs_list(store_reader(st, NULL), a, NULL, jobs[0].id, 10, &jobs, &err), 2);
	OK(jobs_list(store_reader(st, NULL), a, "dead", 0, 10, &jobs, why));
	OK(store_write(st, retry, &jobs[1].id, why));
	assert_int_equal(store_write(st, retry, &jobs[1].id, NULL), -(int)ERR_MISSING);
	failures_left = 0;
	assert_int_equal(drain(st), 1);
	OK(store_write(st, discard, &jobs[0].id, why));
	assert_int_equal(store_write(st, discard, &jobs[0].id, NULL), -(int)ERR_MISSING);
	assert_int_equal(in_state(st, "dead"), 0);
	arena_free(a);
}

/* Work that somebody has queued anew meanwhile is done by that one. */
static void retried_beside_a_newer_one(struct store *st)
{
	struct arena *a = arena_new();
	struct job_info *jobs;
	struct add again = {.kind = "test.wrong", .key = "k", .n = 1};
	OK(store_write(st, add, &again, why));
	assert_int_equal(drain(st), 1);
	OK(store_write(st, add, &again, why));
	OK(jobs_list(store_reader(st, NULL), a, "dead", 0, 10, &jobs, why));
	OK(store_write(st, retry, &jobs[0].id, why));
	assert_int_equal(in_state(st, "dead"), 0);
	assert_int_equal(in_state(st, "done"), 1);
	assert_int_equal(in_state(st, "waiting"), 1);
	arena_free(a);
}

/* Each job runs once, however many look for work. */
static void two_runners(struct store *st)
{
	ran = sum = inside = most_inside = 0;
	(void)sem_init(&counted, 0, 0); /* a valid initial value */
	struct job_runner *one, *two;
	OK(jobs_start(st, kinds, COUNT(kinds), 2, NULL, &one, why));
	OK(jobs_start(st, kinds, COUNT(kinds), 2, NULL, &two, why));
	for (int i = 0; i < 10; i++)
		OK(store_write(st, add, &(struct add){.kind = "test.count", .n = 20}, why));
	for (int i = 0; i < 200; i++)
		while (sem_wait(&counted) != 0)
			; /* a signal */
	jobs_stop(one);
	jobs_stop(two);
	assert_int_equal(ran, 200);
	assert_int_equal(sum, 1900);
	assert_int_equal(in_state(st, "done"), 200);
	assert_int_equal(in_state(st, "running"), 0);
}

static int seize(struct db *db, void *arg, struct err *err)
{
	static const struct sql sql = {
	    "UPDATE job SET state = 'running', tries = tries + 1, runner = ?1, lease_us = ?2"};
	int64_t n = db_run(
	    db, err, &sql, "ti", (const char *)arg, clock_us(CLOCK_REALTIME) + 3600 * 1000000LL);
	return n < 0 ? (int)n : 0;
}

/* A job whose process died comes back; one whose process lives elsewhere does not. */
static void given_back(struct store *st)
{
	ran = 0;
	char host[64], gone[128], elsewhere[] = "another-host.example:1:1-1";
	(void)gethostname(host, sizeof(host));
	(void)snprintf(gone, sizeof(gone), "%s:4194304:1-1", host); /* above the largest pid */
	OK(store_write(st, add, &(struct add){.kind = "test.count", .n = 1}, why));
	OK(store_write(st, seize, elsewhere, why));
	assert_int_equal(drain(st), 0);
	OK(store_write(st, seize, gone, why));
	assert_int_equal(drain(st), 1);
	assert_int_equal(in_state(st, "done"), 1);
}

/* A job that is due and that a transaction has in hand is waited for, not asked for without end. */
static void *look(void *arg)
{
	assert_true(jobs_look(arg, NULL) > 0);
	return NULL;
}

static int look_beside(struct db *db, void *arg, struct err *err)
{
	pthread_t other; /* a write waits for no other write */
	static const struct sql hold = {"UPDATE job SET tries = tries WHERE kind = 'test.count'"};
	int64_t n = db_run(db, err, &hold, "");
	assert_int_equal(pthread_create(&other, NULL, look, arg), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	return n < 0 ? (int)n : 0;
}

static void held(struct store *st)
{
	struct job_runner *r;
	ran = 0;
	OK(jobs_start(st, kinds, COUNT(kinds), 0, NULL, &r, why));
	assert_true(jobs_look(r, NULL) > 0);
	OK(store_write(st, add, &(struct add){.kind = "test.count", .n = 1}, why));
	if (st->backend == &postgres_backend) /* SQLite writes one after the other */
		OK(store_write(st, look_beside, r, why));
	assert_int_equal(ran, 0);
	assert_int_equal(jobs_look(r, NULL), 0);
	assert_int_equal(ran, 1);
	assert_true(jobs_look(r, NULL) > 0);
	jobs_stop(r);
}

#define EACH(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(name);                                                             \
	}
EACH(drained)
EACH(keys)
EACH(retries)
EACH(retried_beside_a_newer_one)
EACH(two_runners)
EACH(given_back)
EACH(held)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_drained),
	    cmocka_unit_test(test_keys),
	    cmocka_unit_test(test_retries),
	    cmocka_unit_test(test_retried_beside_a_newer_one),
	    cmocka_unit_test(test_two_runners),
	    cmocka_unit_test(test_given_back),
	    cmocka_unit_test(test_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
