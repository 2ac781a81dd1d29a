/* Rows of the trail: gathered, sealed, proven, erased when their time is over; on both databases.
 */
#include "store/test_store.h"

#include "base/time.h"
#include "trail/alert.h"
#include "trail/private.h"

enum { NOTES = 1200 };

static int problems(struct store *st)
{
	static const struct journal_verifier *const verifiers[] = {
	    &trail_verifier, &alert_verifier};
	struct verify_report report;
	struct err err = {0};
	if (journal_verify(st, verifiers, COUNT(verifiers), NULL, NULL, &report, &err) < 0)
		fail_msg("%s", err.detail);
	return report.problems;
}

static struct request request_of(struct city *city)
{
	return (struct request){.city = city,
	    .now_us = now_us(),
	    .address = "192.0.2.7",
	    .actor = {.kind = ACTOR_STAFF, .person = 3, .id = "staff:3"}};
}

/* Notes of pages and a change of a write. */
static int change(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	const struct reading r = {
	    .kind = TRAIL_CHANGE, .verb = "application.accepted", .person = 5, .application = 7};
	return trail_add(db, 3, false, "", &r, err);
}

static void record(struct store *st)
{
	struct city city = {.id = "test", .store = st};
	struct err err = {0};
	assert_int_equal(trail_open(&city, &err), 0);
	struct request rq = request_of(&city);
	for (int i = 0; i < NOTES; i++)
		assert_int_equal(reading_note(&rq,
		                     &(struct reading){.kind = TRAIL_READ,
		                         .person = 5,
		                         .application = i + 1,
		                         .detail = i % 2 ? "山田" : NULL},
		                     &err),
		    0);
	assert_int_equal(store_write(st, change, NULL, &err), 0);
	rq.actor.kind = ACTOR_RESIDENT; /* their own data */
	assert_int_equal(reading_note(&rq, &(struct reading){.kind = TRAIL_READ}, &err), 0);
	trail_close(&city); /* writes what waits */
}

static int run_sql(struct db *db, void *sql, struct err *err)
{
	const struct sql *s = sql;
	int64_t n = db_run(db, err, s, "");
	return n < 0 ? (int)n : 0;
}

static void sealed(struct store *st)
{
	record(st);
	assert_int_equal(test_store_number(st, "SELECT COUNT(*) FROM trail"), NOTES + 1);
	assert_int_equal(test_store_number(st, "SELECT COUNT(*) FROM trail WHERE batch = 0"), 0);
	assert_int_equal(
	    test_store_number(st, "SELECT CAST(SUM(rows) AS BIGINT) FROM trail_batch"), NOTES + 1);
	assert_true(test_store_number(st, "SELECT MAX(rows) FROM trail_batch") <= 2 * BATCH_MAX);
	assert_int_equal(problems(st), 0);
}

/* Whoever changes, adds or takes away a row behind the program's back is found out. */
static void changed(struct store *st)
{
	static const struct sql harm[] = {
	    {"UPDATE trail SET staff = 4 WHERE application = 9"},
	    {"UPDATE trail SET staff = 3 WHERE application = 9"},
	    {"UPDATE trail SET reason = 'x' WHERE application = 10"},
	    {"UPDATE trail SET reason = NULL WHERE application = 10"},
	    {"DELETE FROM trail WHERE application = 11"},
	};
	static const bool found[] = {true, false, true, false, true};
	struct err err = {0};
	record(st);
	for (size_t i = 0; i < COUNT(harm); i++) {
		assert_int_equal(store_write(st, run_sql, (void *)(uintptr_t)&harm[i], &err), 0);
		if ((problems(st) > 0) != found[i])
			fail_msg("%s", harm[i].text);
	}
}

static void erased(struct store *st)
{
	struct err err = {0};
	record(st);
	assert_int_equal(trail_expire(st, now_us() - INT64_C(3600000000), &err), 0);
	assert_int_equal(test_store_number(st, "SELECT COUNT(*) FROM trail"), NOTES + 1);
	assert_int_equal(trail_expire(st, now_us() + 1, &err), 0);
	assert_int_equal(test_store_number(st, "SELECT COUNT(*) FROM trail"), 0);
	assert_int_equal(test_store_number(st, "SELECT COUNT(*) FROM trail_batch"), 0);
	assert_int_equal(problems(st), 0);
}

/* While nothing can be written notes wait; when too many do, nothing is shown any more. Then they
 * are written after all. */
static void full(struct store *st)
{
	static const struct sql away = {"ALTER TABLE trail RENAME TO hidden"},
	                        back = {"ALTER TABLE hidden RENAME TO trail"};
	enum { MOST = 10000 };
	struct city city = {.id = "test", .store = st};
	struct err err = {0};
	int n = 0;
	assert_int_equal(store_write(st, run_sql, (void *)(uintptr_t)&away, &err), 0);
	assert_int_equal(trail_open(&city, &err), 0);
	struct request rq = request_of(&city);
	while (n <= MOST &&
	       reading_note(
	           &rq, &(struct reading){.kind = TRAIL_READ, .application = n + 1}, &err) == 0)
		n++;
	trail_settle(&city); /* tried, and kept */
	while (n <= 2 * MOST &&
	       reading_note(
	           &rq, &(struct reading){.kind = TRAIL_READ, .application = n + 1}, &err) == 0)
		n++;
	assert_int_equal(n, MOST);
	assert_int_equal(err.kind, ERR_BUSY);
	assert_int_equal(store_write(st, run_sql, (void *)(uintptr_t)&back, &err), 0);
	trail_close(&city);
	assert_int_equal(test_store_number(st, "SELECT COUNT(*) FROM trail"), MOST);
	assert_int_equal(problems(st), 0);
}

#define EACH(fn)                                                                                   \
	static void test_##fn(void **state)                                                        \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(fn);                                                               \
	}
EACH(sealed)
EACH(changed)
EACH(erased)
EACH(full)

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_sealed),
	    cmocka_unit_test(test_changed), cmocka_unit_test(test_erased),
	    cmocka_unit_test(test_full)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
