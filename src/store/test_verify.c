/* Every kind of damage is found, and the first damaged entry is named. */
#include "store/test_store.h"

#include <fcntl.h>

#include "store/blob.h"
#include "store/private.h"

enum { THINGS = 10, ENTRIES = 600 };

static const struct sql thing_table = {
    "CREATE TABLE thing (id BIGINT PRIMARY KEY, name TEXT NOT NULL)"};
static const struct sql thing_put = {"INSERT INTO thing (id, name) VALUES (?1, ?2) ON CONFLICT "
                                     "(id) DO UPDATE SET name = excluded.name"};

static char blob[BLOB_NAME_SIZE];

static int fill(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int64_t n = db_run(db, err, &thing_table, "");
	int rc = n < 0 ? (int)n : blob_use(db, blob, "thing:0", err);
	for (int i = 0; rc == 0 && i < ENTRIES; i++) {
		char name[32], subject[32];
		(void)snprintf(name, sizeof(name), "名前%d", i);
		(void)snprintf(subject, sizeof(subject), "thing:%d", i % THINGS);
		n = db_run(db, err, &thing_put, "it", (int64_t)(i % THINGS), name);
		if (n < 0)
			return (int)n;
		json_t *state = json_pack("{s:s}", "name", name);
		rc = journal_add(db,
		    &(struct journal_change){.actor = "system",
		        .verb = "thing.named",
		        .subject = subject,
		        .data = i % 3 ? state : NULL,
		        .state = state},
		    NULL, err);
		json_decref(state);
	}
	return rc;
}

static int sequence(struct db *db, void *arg, struct err *err)
{
	int *n = arg;
	*n = journal_sequence(db, err);
	return *n < 0 ? *n : 0;
}

static int sign(struct db *db, void *arg, struct err *err)
{
	return journal_head(db, arg, err);
}

static int script(struct db *db, void *arg, struct err *err)
{
	return db->backend->script(db, arg, err);
}

static void check(struct store *st, const char *name, struct verify_report *report)
{
	struct err err = {0};
	if (journal_verify(st, test_verifiers, 1, NULL, NULL, report, &err) < 0)
		fail_msg("%s: %s", name, err.detail);
}

/* Ids are 1..600 in order on both: one transaction wrote them. */
static void fresh(struct test_store *t, int postgres)
{
	test_store_new(t, postgres);
	test_store_migrate(t->st);
	OK(blob_put(t->st, STR("attachment"), blob, why));
	OK(store_write(t->st, fill, NULL, why));
	int n;
	do
		OK(store_write(t->st, sequence, &n, why));
	while (n > 0);
	struct tree_head head;
	OK(store_write(t->st, sign, &head, why));
	assert_int_equal(head.size, ENTRIES);
}

static const struct {
	const char *name, *sql;
	int64_t entry; /* named as the first bad one; -2: no entry, but a problem */
	const char *says;
} cases[] = {
    {"nothing", NULL, -1, ""},
    {"actor", "UPDATE journal SET actor = 'cli' WHERE id IN (300, 40)", 40,
        "entry 40 (thing.named thing:9) was changed"},
    {"time", "UPDATE journal SET at_us = at_us + 1 WHERE id = 7", 7, "entry 7 "},
    {"data", "UPDATE journal SET data = '{\"name\":\"x\"}' WHERE id = 42", 42,
        "the data of entry 42"},
    {"data gone", "UPDATE journal SET data = NULL WHERE id = 42", 42, "the data of entry 42"},
    {"data erased without saying so", "UPDATE journal SET data = NULL, salt = NULL WHERE id = 42",
        42, "the data of entry 42 (thing.named thing:1) was removed"},
    {"data added", "UPDATE journal SET data = '1' WHERE id = 40", 40, "the data of entry 40"},
    {"an entry deleted", "DELETE FROM journal WHERE id = 99", 99,
        "1 entries are missing after entry 98"},
    {"the newest deleted", "DELETE FROM journal WHERE id > 597", 598, "the newest are missing"},
    {"all deleted", "DELETE FROM journal", 0, "the newest are missing"},
    {"leaf hash", "UPDATE journal SET leaf_hash = data_hash WHERE id = 512", 512, "entry 512 "},
    {"entry and hash in a full block",
        "UPDATE journal SET leaf_hash = (SELECT leaf_hash FROM journal j WHERE j.id = 3), id = "
        "1000 "
        "WHERE id = 300; UPDATE journal SET id = 300 WHERE id = 1000",
        300, "entry 300 "},
    {"two entries swapped",
        "UPDATE journal SET leaf = leaf + 10000 WHERE leaf IN (260, 261);"
        "UPDATE journal SET leaf = 260 WHERE leaf = 10261; UPDATE journal SET leaf = 261 WHERE "
        "leaf = 10260",
        262, "from 257 on"},
    {"two of the newest swapped",
        "UPDATE journal SET leaf = leaf + 10000 WHERE leaf IN (590, 591);"
        "UPDATE journal SET leaf = 590 WHERE leaf = 10591; UPDATE journal SET leaf = 591 WHERE "
        "leaf = 10590",
        -3, "a signed tree head differs"},
    {"node",
        "UPDATE journal_node SET hash = (SELECT leaf_hash FROM journal WHERE id = 1) WHERE n = 1",
        257, "node 1/1 of the tree differs"},
    {"node gone", "DELETE FROM journal_node WHERE n = 0", 1, "node 1/0 of the tree is missing"},
    {"signature", "UPDATE journal_head SET at_us = 0, origin = 'else'", -2, "signature"},
    {"state", "UPDATE thing SET name = 'x' WHERE id = 4", 595,
        "thing:4 is not as entry 595 left it"},
    {"subject gone", "DELETE FROM thing WHERE id = 4", 595, "thing:4 is missing"},
    {"subject added", "INSERT INTO thing VALUES (77, 'x')", -2, "thing:77 is in no entry"},
};

static void test_damage(void **state)
{
	(void)state;
	for (int postgres = 0; postgres < 2; postgres++)
		for (size_t i = 0; i < COUNT(cases); i++) {
			if (postgres && !getenv("MACHI_TEST_PG"))
				break;
			struct test_store t;
			fresh(&t, postgres);
			if (cases[i].sql)
				OK(store_write(t.st, script, (void *)(uintptr_t)cases[i].sql, why));
			struct verify_report r;
			check(t.st, cases[i].name, &r);
			bool good = cases[i].sql ? r.problems > 0 : r.problems == 0;
			if (cases[i].entry >= -1 &&
			    strcmp(cases[i].name, "two entries swapped") != 0)
				good = good && r.first_bad_entry == cases[i].entry;
			if (!good || !strstr(r.first_bad, cases[i].says))
				fail_msg("%s%s: %d problems, entry %d: %s", cases[i].name,
				    postgres ? " (postgres)" : "", r.problems,
				    (int)r.first_bad_entry, r.first_bad);
			if (!cases[i].sql) {
				assert_int_equal(r.entries, ENTRIES);
				assert_int_equal(r.subjects, THINGS);
				assert_int_equal(r.blobs, 1);
			}
			test_store_free(&t);
		}
}

static int erase(struct db *db, void *arg, struct err *err)
{
	static const struct sql drop = {"DELETE FROM thing WHERE id = 3"};
	int64_t n = db_run(db, err, &drop, "");
	return n < 0 ? (int)n : journal_erase(db, "system", arg, err);
}

static int gone(struct db *db, void *arg, struct err *err)
{
	static const struct sql drop = {"DELETE FROM thing WHERE id = 4"};
	(void)arg;
	int64_t n = db_run(db, err, &drop, "");
	json_t *none = json_null();
	return n < 0 ? (int)n
	             : journal_add(db,
	                   &(struct journal_change){.actor = "system",
	                       .verb = "thing.removed",
	                       .subject = "thing:4",
	                       .state = none},
	                   NULL, err);
}

/* What is erased or removed in the open is no damage. */
static void test_in_the_open(void **state)
{
	(void)state;
	for (int postgres = 0; postgres < 2; postgres++) {
		if (postgres && !getenv("MACHI_TEST_PG"))
			break;
		struct test_store t;
		fresh(&t, postgres);
		char subject[] = "thing:3";
		OK(store_write(t.st, erase, subject, why));
		OK(store_write(t.st, gone, NULL, why));
		struct verify_report r;
		check(t.st, "in the open", &r);
		if (r.problems)
			fail_msg("%s", r.first_bad);
		test_store_free(&t);
	}
}

static void test_blobs(void **state)
{
	(void)state;
	for (int postgres = 0; postgres < 2; postgres++)
		for (int missing = 0; missing < 2; missing++) {
			if (postgres && !getenv("MACHI_TEST_PG"))
				break;
			struct test_store t;
			fresh(&t, postgres);
			char path[256], change[] = "UPDATE blob_chunk SET bytes = 'attachmenT'",
			                remove_it[] = "DELETE FROM blob";
			(void)snprintf(
			    path, sizeof(path), "%s/blobs/%.2s/%s", t.dir, blob, blob + 2);
			if (postgres) {
				OK(store_write(t.st, script, missing ? remove_it : change, why));
			} else if (missing) {
				assert_int_equal(unlink(path), 0);
			} else {
				int fd = open(path, O_WRONLY);
				assert_int_equal(pwrite(fd, "T", 1, 9), 1);
				(void)close(fd);
			}
			struct verify_report r;
			check(t.st, "blob", &r);
			assert_int_equal(r.problems, 1);
			assert_int_equal(r.first_bad_entry, -1);
			assert_non_null(strstr(r.first_bad, missing ? "missing" : "was changed"));
			assert_non_null(strstr(r.first_bad, "thing:0"));
			test_store_free(&t);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_in_the_open),
	    cmocka_unit_test(test_blobs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
