/* A store goes through a backup into each kind of store, and is the same there. */
#include "store/test_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "store/blob.h"
#include "store/jobs.h"
#include "store/private.h"
#include "store/search.h"

enum { ENTRIES = 300 };

static char blobs[2][BLOB_NAME_SIZE];

static int fill(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int rc = 0;
	for (int i = 0; rc == 0 && i < ENTRIES; i++) {
		json_t *data =
		    json_pack("{s:s,s:f,s:i}", "名\n\t\"\\", "街\x7f", "pi", 3.25, "i", i);
		char subject[32];
		(void)snprintf(subject, sizeof(subject), "thing:%d", i % 7);
		rc = journal_add(db,
		    &(struct journal_change){.actor = "system",
		        .verb = "thing.changed",
		        .subject = subject,
		        .data = i % 2 ? data : NULL},
		    NULL, err);
		if (rc == 0)
			rc = search_put(db, "thing", i, 1, i % 10 ? "犬の登録" : "児童手当", err);
		if (rc == 0 && i < 20)
			rc = job_add(db, "test.unknown", data, 0, i % 2 ? NULL : subject, err);
		json_decref(data);
	}
	int64_t n;
	if (rc == 0)
		rc = series_next(db, "receipt", &n, err);
	if (rc == 0)
		rc = meta_set(db, "name", "改行\nタブ\tと\\N", err);
	for (int i = 0; rc == 0 && i < 2; i++)
		rc = blob_use(db, blobs[i], "thing:1", err);
	return rc;
}

/* A row that stands before the one it refers to. */
static int add_departments(struct db *db, void *arg, struct err *err)
{
	static const struct sql department = {
	    "INSERT INTO department (id, code, name, name_en, parent, from_date, until_date) "
	    "VALUES (?1, ?2, 'x', '', ?3, '2026-04-01', '2027-03-31')"};
	(void)arg;
	int64_t n = db_run(db, err, &department, "itn", (int64_t)20, "top");
	if (n >= 0)
		n = db_run(db, err, &department, "iti", (int64_t)10, "sub", (int64_t)20);
	return n < 0 ? (int)n : 0;
}

static int discard_newest(struct db *db, void *arg, struct err *err)
{
	static const struct sql sql = {"DELETE FROM job WHERE id = (SELECT max(id) FROM job)"};
	(void)arg;
	int64_t n = db_run(db, err, &sql, "");
	return n < 0 ? (int)n : 0;
}

static int64_t largest_job;

static int add_job(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return job_add(db, "test.unknown", NULL, 0, NULL, err);
}

static int sequence(struct db *db, void *arg, struct err *err)
{
	int *n = arg;
	*n = journal_sequence(db, err);
	return *n < 0 ? *n : 0;
}

static void compare(struct store *from, struct store *to)
{
	static const char *const numbers[] = {"SELECT count(*) FROM journal",
	    "SELECT count(*) FROM search_doc", "SELECT count(*) FROM job WHERE state = 'waiting'",
	    "SELECT sum(length(data)) FROM journal", "SELECT count(*) FROM blob_use",
	    "SELECT sum(parent) FROM department",
	    "SELECT sum(tries + run_at_us % 1000003) FROM job"};
	for (size_t i = 0; i < COUNT(numbers); i++)
		assert_int_equal(
		    test_store_number(from, numbers[i]), test_store_number(to, numbers[i]));
	struct arena *a = arena_new();
	char *name, *text[2];
	OK(meta_get(store_reader(to, NULL), a, "name", &name, why));
	assert_string_equal(name, "改行\nタブ\tと\\N");
	struct tree_head head[2];
	int n;
	OK(store_write(from, sequence, &n, why));
	OK(store_write(to, sequence, &n, why));
	OK(journal_head(store_reader(from, NULL), &head[0], why));
	OK(journal_head(store_reader(to, NULL), &head[1], why));
	assert_int_equal(head[0].size, ENTRIES);
	assert_int_equal(head[1].size, ENTRIES);
	for (int64_t leaf = 0; leaf < ENTRIES; leaf += 13) {
		OK(journal_leaf_text(store_reader(from, NULL), a, leaf, &text[0], why));
		OK(journal_leaf_text(store_reader(to, NULL), a, leaf, &text[1], why));
		assert_string_equal(text[0], text[1]);
	}
	assert_memory_equal(head[0].root, head[1].root, HASH_SIZE);
	unsigned char key[2][32];
	OK(journal_public_key(from, key[0], why));
	OK(journal_public_key(to, key[1], why));
	assert_memory_equal(key[0], key[1], 32);
	int64_t *ids;
	OK(n = search_find(store_reader(to, NULL), a,
	       &(struct search_query){.kind = "thing", .text = "児童", .limit = 100}, &ids, why));
	assert_int_equal(n, ENTRIES / 10);
	struct verify_report report;
	OK(journal_verify(to, NULL, 0, NULL, NULL, &report, why));
	if (report.problems)
		fail_msg("%s", report.first_bad);
	assert_int_equal(report.blobs, 2);
	/* Numbers go on: not even that of a deleted row comes again. */
	OK(store_write(to, add_job, NULL, why));
	assert_true(test_store_number(to, "SELECT max(id) FROM job") > largest_job);
	arena_free(a);
}

static void progressed(void *arg, int64_t done, int64_t total)
{
	assert_true(done >= 0 && done <= total);
	*(bool *)arg = done == total;
}

/* Tables, indexes and constraints, with what they say, as one number. */
static int64_t schema_of(struct store *st)
{
	return test_store_number(st,
	    store_is_postgres(st)
	        ? "SELECT sum(length(said) + 1000) FROM (SELECT "
	          "replace(pg_get_indexdef(indexrelid), "
	          "current_schema(), '') AS said FROM pg_index JOIN pg_class t ON t.oid = indrelid "
	          "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace UNION ALL "
	          "SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint "
	          "WHERE connamespace = current_schema()::regnamespace) s"
	        : "SELECT sum(length(sql) + 1000) FROM sqlite_schema");
}

static void there_and_back(int from_pg, int to_pg, bool tar)
{
	struct test_store from, to;
	test_store_new(&from, from_pg);
	test_store_migrate(from.st);
	OK(blob_put(from.st, STR(""), blobs[0], why));
	OK(blob_put(from.st, STR("attachment \0\xff"), blobs[1], why));
	OK(store_write(from.st, fill, NULL, why));
	largest_job = test_store_number(from.st, "SELECT max(id) FROM job");
	OK(store_write(from.st, discard_newest, NULL, why));
	OK(store_write(from.st, add_departments, NULL, why));
	struct tree_head head;
	OK(journal_head(store_reader(from.st, NULL), &head, why));

	char path[128];
	(void)snprintf(path, sizeof(path), "%s/backup%s", from.dir, tar ? ".tar" : "");
	bool done = false;
	OK(store_backup(from.st, path, progressed, &done, why));
	assert_true(done);
	assert_int_equal(store_backup(from.st, path, NULL, NULL, NULL), -(int)ERR_CONFLICT);

	test_store_new(&to, to_pg); /* makes the folder or the schema */
	store_close(to.st);
	to.st = NULL;
	done = false;
	OK(store_restore(path, &to.options, progressed, &done, why));
	assert_true(done);
	struct err err;
	assert_int_equal(store_restore(path, &to.options, NULL, NULL, &err), -(int)ERR_CONFLICT);
	assert_string_equal(err.msg, "store.not_empty");
	OK(store_open(&to.options, &to.st, why));
	test_store_migrate(to.st);
	compare(from.st, to.st);
	if (from_pg == to_pg)
		assert_int_equal(schema_of(from.st), schema_of(to.st));
	test_store_free(&from);
	test_store_free(&to);
}

static void test_there_and_back(void **state)
{
	(void)state;
	int kinds = getenv("MACHI_TEST_PG") ? 2 : 1;
	for (int from = 0; from < kinds; from++)
		for (int to = 0; to < kinds; to++)
			for (int tar = 0; tar < 2; tar++)
				there_and_back(from, to, tar);
}

/* One byte changed anywhere in a backup's files must not be restored in silence. */
static void test_damaged(void **state)
{
	(void)state;
	static const char *const files[] = {"tables/journal.jsonl", "tables/job.jsonl",
	    "keys/journal.key", "manifest.json", "blobs"};
	for (size_t i = 0; i < COUNT(files); i++)
		for (int gone = 0; gone < 2; gone++) {
			struct test_store from, to;
			test_store_new(&from, 0);
			test_store_migrate(from.st);
			for (int k = 0; k < 2; k++)
				OK(blob_put(from.st, STR("attachment"), blobs[k], why));
			OK(store_write(from.st, fill, NULL, why));
			char path[128], file[400];
			(void)snprintf(path, sizeof(path), "%s/backup", from.dir);
			OK(store_backup(from.st, path, NULL, NULL, why));
			(void)snprintf(file, sizeof(file), "%s/%s", path, files[i]);
			if (strcmp(files[i], "blobs") == 0)
				(void)snprintf(file, sizeof(file), "%s/blobs/%.2s/%s", path,
				    blobs[0], blobs[0] + 2);
			if (gone) {
				assert_int_equal(unlink(file), 0);
			} else {
				int fd = open(file, O_RDWR);
				char c;
				off_t at = lseek(fd, 0, SEEK_END) / 2;
				assert_int_equal(pread(fd, &c, 1, at), 1);
				c ^= 1;
				assert_int_equal(pwrite(fd, &c, 1, at), 1);
				(void)close(fd);
			}
			test_store_new(&to, 0);
			store_close(to.st);
			to.st = NULL;
			struct err err = {0};
			if (store_restore(path, &to.options, NULL, NULL, &err) == 0 ||
			    (err.kind != ERR_INPUT && err.kind != ERR_STORE))
				fail_msg("%s %s: %s %s", files[i], gone ? "gone" : "changed",
				    err_kind_name(err.kind), err.detail);
			test_store_free(&from);
			test_store_free(&to);
		}
}

/* A backup that cannot be whole is none: nothing of it stays, and the next one is made. */
static void test_abandoned(void **state)
{
	(void)state;
	for (int tar = 0; tar < 2; tar++) {
		struct test_store t;
		test_store_new(&t, 0);
		test_store_migrate(t.st);
		for (int k = 0; k < 2; k++)
			OK(blob_put(t.st, STR("attachment"), blobs[k], why));
		OK(store_write(t.st, fill, NULL, why));
		char path[128], blob[400], aside[128];
		(void)snprintf(path, sizeof(path), "%s/backup%s", t.dir, tar ? ".tar" : "");
		(void)snprintf(
		    blob, sizeof(blob), "%s/blobs/%.2s/%s", t.dir, blobs[0], blobs[0] + 2);
		(void)snprintf(aside, sizeof(aside), "%s/aside", t.dir);
		assert_int_equal(rename(blob, aside), 0);
		struct err err = {0};
		assert_true(store_backup(t.st, path, NULL, NULL, &err) < 0);
		DIR *d = opendir(t.dir);
		for (struct dirent *e; (e = readdir(d));)
			if (strncmp(e->d_name, "backup", 6) == 0)
				fail_msg("%s is left", e->d_name);
		assert_int_equal(closedir(d), 0);
		assert_int_equal(rename(aside, blob), 0);
		OK(store_backup(t.st, path, NULL, NULL, why));
		test_store_free(&t);
	}
}

/* What an operator types, and what configuration management makes of city.yaml. */
static void test_links_and_slashes(void **state)
{
	(void)state;
	struct test_store t;
	test_store_new(&t, 0);
	test_store_migrate(t.st);
	char path[128], text[128], link[128], keys[128];
	(void)snprintf(path, sizeof(path), "%s/backup/", t.dir);
	(void)snprintf(text, sizeof(text), "%s/elsewhere.yaml", t.dir);
	(void)snprintf(link, sizeof(link), "%s/city.yaml", t.dir);
	(void)snprintf(keys, sizeof(keys), "%s/keys", t.dir);
	struct err err = {0};
	assert_int_equal(file_write(text, STR("demo: true\n"), 0600, &err), 0);
	assert_int_equal(symlink("elsewhere.yaml", link), 0);
	assert_true(mkdir(keys, 0700) == 0 || errno == EEXIST);
	(void)snprintf(link, sizeof(link), "%s/keys/pipe", t.dir);
	assert_int_equal(mkfifo(link, 0600), 0); /* no plain file: left out, not waited for */
	OK(store_backup(t.st, path, NULL, NULL, why));
	struct arena *a = arena_new();
	struct str kept;
	OK(file_read(a, arena_printf(a, "%ssettings/city.yaml", path), &kept, why));
	assert_true(str_is(kept, "demo: true\n"));
	assert_int_equal(
	    file_read(a, arena_printf(a, "%skeys/pipe", path), &kept, &err), -(int)ERR_MISSING);
	arena_free(a);
	test_store_free(&t);
}

static int add_orphan(struct db *db, void *arg, struct err *err)
{
	static const struct sql department = {
	    "INSERT INTO department (code, name, name_en, parent, from_date, until_date) "
	    "VALUES ('lost', 'x', '', 999, '2026-04-01', '2027-03-31')"};
	(void)arg;
	int64_t n = db_run(db, err, &department, "");
	return n < 0 ? (int)n : 0;
}

/* A row that refers to one that is not there: nothing is restored. */
static void test_orphan(void **state)
{
	(void)state;
	for (int postgres = 0; postgres < (getenv("MACHI_TEST_PG") ? 2 : 1); postgres++) {
		struct test_store from, to;
		char path[128];
		test_store_new(&from, false);
		test_store_migrate(from.st);
		store_close(from.st);
		from.options.loading = true; /* nobody looks at foreign keys */
		OK(store_open(&from.options, &from.st, why));
		OK(store_write(from.st, add_orphan, NULL, why));
		(void)snprintf(path, sizeof(path), "%s/backup", from.dir);
		OK(store_backup(from.st, path, NULL, NULL, why));
		test_store_new(&to, postgres);
		store_close(to.st);
		to.st = NULL;
		struct err err = {0};
		assert_true(store_restore(path, &to.options, NULL, NULL, &err) < 0);
		if (!strstr(err.detail, "department"))
			fail_msg("%s", err.detail);
		OK(store_open(&to.options, &to.st, why));
		assert_int_equal(test_store_number(to.st, "SELECT count(*) FROM department"), 0);
		test_store_free(&from);
		test_store_free(&to);
	}
}

static void test_no_backup(void **state)
{
	(void)state;
	struct test_store t;
	test_store_new(&t, 0);
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/x.tar", t.dir);
	assert_true(store_restore(path, &t.options, NULL, NULL, NULL) < 0);
	int fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "not a tar file", 14), 14);
	(void)close(fd);
	assert_int_equal(store_restore(path, &t.options, NULL, NULL, NULL), -(int)ERR_INPUT);
	test_store_free(&t);
}

static void test_row(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		int n;
	} rows[] = {
	    {"[]", 0}, {" [ 1 , null , \"x\" ] ", 3},
	    {"[-9223372036854775808,9223372036854775807,-0]", 3}, {"[1.5,-2e-3,0.0]", 3},
	    {"[{\"b\":\"\"},{ \"b\" : \"aGVsbG8=\" }]", 2}, {"", -1}, {"[", -1}, {"[1", -1},
	    {"[1,]", -1}, {"[1]x", -1}, {"[01]", -1}, {"[+1]", -1}, {"[-]", -1}, {"[1.]", -1},
	    {"[1e]", -1}, {"[1e999]", -1}, {"[9223372036854775808]", -1}, {"[true]", -1},
	    {"[[1]]", -1}, {"[\"a]", -1}, {"[\"a\tb\"]", -1}, {"[\"\\x\"]", -1},
	    {"[\"\\ud800\"]", -1}, {"[\"\\udc00\\ud800\"]", -1}, {"[\"\\u12g4\"]", -1},
	    {"[\"\xff\"]", -1}, {"[{\"b\":\"aGVsbG8\"}]", -1}, {"[{\"b\":1}]", -1},
	    {"[{\"c\":\"\"}]", -1}, {"[1,2,3,4]", -1}, /* one too many */
	};
	struct arena *a = arena_new();
	struct db_arg v[3];
	for (size_t i = 0; i < COUNT(rows); i++)
		if (backup_row(str_from(rows[i].line), a, v, 3) != rows[i].n)
			fail_msg("%s", rows[i].line);
	assert_int_equal(
	    backup_row(
	        str_from("[\"犬\\n\\u3042\\ud83d\\ude00\\u0000\\/\",{\"b\":\"aGVsbG8=\"},-7]"), a,
	        v, 3),
	    3);
	static const char text[] = "犬\nあ😀\0/";
	assert_int_equal(v[0].s.n, sizeof(text) - 1);
	assert_memory_equal(v[0].s.p, text, sizeof(text) - 1);
	assert_int_equal(v[1].type, 'b');
	assert_true(str_is(v[1].s, "hello"));
	assert_int_equal(v[2].i, -7);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_row),
	    cmocka_unit_test(test_there_and_back),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_abandoned),
	    cmocka_unit_test(test_links_and_slashes),
	    cmocka_unit_test(test_orphan),
	    cmocka_unit_test(test_no_backup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
