#include "store/test_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "store/blob.h"
#include "store/jobs.h"
#include "store/private.h"

struct use {
	const char *name, *subject;
};

static int do_use(struct db *db, void *arg, struct err *err)
{
	struct use *u = arg;
	return blob_use(db, u->name, u->subject, err);
}

static int do_unuse(struct db *db, void *arg, struct err *err)
{
	struct use *u = arg;
	return blob_unuse(db, u->name, u->subject, err);
}

static bool there(struct store *st, const char *name)
{
	int fd;
	int64_t size;
	struct err err;
	int rc = blob_open(st, name, &fd, &size, &err);
	if (rc == 0)
		(void)close(fd);
	else
		assert_int_equal(rc, -(int)ERR_MISSING);
	return rc == 0;
}

static void put_and_get(struct store *st)
{
	char name[BLOB_NAME_SIZE], again[BLOB_NAME_SIZE], empty[BLOB_NAME_SIZE];
	OK(blob_put(st, STR("街\0\xff"), name, why));
	OK(blob_put(st, STR("街\0\xff"), again, why));
	assert_string_equal(name, again);
	OK(blob_put(st, STR(""), empty, why));
	assert_string_equal(
	    empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	struct arena *a = arena_new();
	struct str got;
	OK(blob_get(st, a, name, &got, why));
	assert_true(str_eq(got, STR("街\0\xff")));
	OK(blob_get(st, a, empty, &got, why));
	assert_int_equal(got.n, 0);

	/* A file of more than one chunk. */
	char path[] = "/tmp/machi-test-blob-XXXXXX", big[BLOB_NAME_SIZE];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)unlink(path);
	size_t n = 700001;
	char *bytes = arena_alloc(a, n);
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 31 + i / 1000);
	assert_int_equal(write(fd, bytes, n), n);
	OK(blob_put_fd(st, fd, big, why));
	(void)close(fd);
	OK(blob_put(st, (struct str){bytes, n}, again, why));
	assert_string_equal(big, again);
	OK(blob_get(st, a, big, &got, why));
	assert_true(str_eq(got, (struct str){bytes, n}));
	arena_free(a);

	static const char *const none[] = {"", "../../etc/passwd",
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"};
	for (size_t i = 0; i < COUNT(none); i++) {
		assert_false(there(st, none[i]));
		assert_int_equal(store_write(st, do_use, &(struct use){none[i], "thing:1"}, NULL),
		    -(int)ERR_MISSING);
	}
}

static void cleaning(struct store *st)
{
	char used[BLOB_NAME_SIZE], unused[BLOB_NAME_SIZE], dropped[BLOB_NAME_SIZE];
	OK(blob_put(st, STR("used"), used, why));
	OK(blob_put(st, STR("unused"), unused, why));
	OK(blob_put(st, STR("dropped"), dropped, why));
	OK(store_write(st, do_use, &(struct use){used, "thing:1"}, why));
	OK(store_write(st, do_use, &(struct use){used, "thing:1"}, why));
	OK(store_write(st, do_use, &(struct use){dropped, "thing:1"}, why));
	OK(store_write(st, do_use, &(struct use){dropped, "thing:2"}, why));
	OK(store_write(st, do_unuse, &(struct use){dropped, "thing:1"}, why));
	int64_t removed;
	OK(blobs_clean(st, (int64_t)3600 * 1000000, &removed, why)); /* all are young */
	assert_int_equal(removed, 0);
	OK(blobs_clean(st, -(int64_t)10 * 1000000, &removed, why));
	assert_int_equal(removed, 1);
	assert_true(there(st, used));
	assert_false(there(st, unused));
	OK(store_write(st, do_unuse, &(struct use){dropped, "thing:2"}, why));
	OK(blobs_clean(st, -(int64_t)10 * 1000000, &removed, why));
	assert_int_equal(removed, 1);
	assert_false(there(st, dropped));
}

#define EACH(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(name);                                                             \
	}
EACH(put_and_get)
EACH(cleaning)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_put_and_get),
	    cmocka_unit_test(test_cleaning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
