/* The log of a SQLite store: it is copied and begun anew under load, and no checkpoint begins on a
 * log that is copied whole (see "checkpoints" in sqlite.c). A VFS between SQLite and the system
 * looks into the shared index of the log whenever a connection takes the lock for a checkpoint. */
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "store/test_store.h"

enum { CHECKPOINT_LOCK = 1, MAX_FRAME = 16, COPIED = 96, INDEX_BYTES = 32768 }; /* SQLite's wal.c */

static sqlite3_vfs watching;
static const sqlite3_io_methods *below;
static sqlite3_io_methods methods;
static atomic_int checkpoints, needless;

static int watch_lock(sqlite3_file *file, int offset, int n, int flags)
{
	int rc = below->xShmLock(file, offset, n, flags);
	if (rc != SQLITE_OK || offset != CHECKPOINT_LOCK || n != 1 || !(flags & SQLITE_SHM_LOCK))
		return rc;
	uint32_t last, copied;
	void volatile *index;
	if (below->xShmMap(file, 0, INDEX_BYTES, 0, &index) == SQLITE_OK && index) {
		memcpy(&last, (const char *)index + MAX_FRAME, sizeof(last));
		memcpy(&copied, (const char *)index + COPIED, sizeof(copied));
		atomic_fetch_add(&checkpoints, 1);
		if (copied >= last)
			atomic_fetch_add(&needless, 1);
	}
	return rc;
}

static int watch_open(
    sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out)
{
	sqlite3_vfs *system = sqlite3_vfs_find("unix");
	(void)vfs;
	int rc = system->xOpen(system, name, file, flags, out);
	if (rc != SQLITE_OK || !(flags & SQLITE_OPEN_MAIN_DB))
		return rc;
	if (!below) { /* the first file is opened before there are threads */
		below = file->pMethods;
		methods = *below;
		methods.xShmLock = watch_lock;
	}
	file->pMethods = &methods;
	return rc;
}

static const struct sql create = {"CREATE TABLE thing (id BIGINT PRIMARY KEY, bytes BYTEA)"};
static const struct sql put = {"INSERT INTO thing (id, bytes) VALUES (?1, ?2) "
                               "ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes"};

static int make(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db_run(db, err, &create, "") < 0 ? -1 : 0;
}

static char bytes[4 << 20];

static int put_bytes(struct db *db, void *arg, struct err *err)
{
	size_t n = *(const size_t *)arg;
	memset(bytes, bytes[0] + 1, n); /* what is the same is not written */
	return db_run(db, err, &put, "ib", (int64_t)n, (struct str){bytes, n}) < 0 ? -1 : 0;
}

/* Bytes 12 to 15 of the log's head count how often it was begun anew. */
static uint32_t log_number(const struct test_store *t, int64_t *size)
{
	char path[sizeof(t->dir) + 16];
	(void)snprintf(path, sizeof(path), "%s/store.db-wal", t->dir);
	unsigned char head[16] = {0};
	struct stat at;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	*size = fd >= 0 && fstat(fd, &at) == 0 ? (int64_t)at.st_size : -1;
	if (fd >= 0) {
		assert_int_equal(read(fd, head, sizeof(head)), sizeof(head));
		(void)close(fd); /* nothing was written */
	}
	return (uint32_t)head[12] << 24 | (uint32_t)head[13] << 16 | (uint32_t)head[14] << 8 |
	       head[15];
}

/* Writes 4 MB; another process comes and goes, with or without a write of its own. */
static void load(struct test_store *t, int i)
{
	size_t n = sizeof(bytes);
	OK(store_write(t->st, put_bytes, &n, why));
	struct store *other;
	OK(store_open(&t->options, &other, why));
	n = 1;
	if (i % 4 == 0)
		OK(store_write(other, put_bytes, &n, why));
	store_close(other);
}

static int load_beside_reader(struct db *reader, void *arg, struct err *err)
{
	(void)reader;
	(void)err;
	for (int i = 0; i < 20; i++)
		load(arg, i);
	return 0;
}

static void load_until_begun_anew(struct test_store *t)
{
	int64_t size;
	uint32_t number = log_number(t, &size);
	int i = 0;
	while (i < 200 && log_number(t, &size) == number)
		load(t, i++);
	assert_true(i < 200);
}

static void test_copied_once(void **state)
{
	(void)state;
	watching = *sqlite3_vfs_find("unix");
	watching.zName = "watching";
	watching.xOpen = watch_open;
	assert_int_equal(sqlite3_vfs_register(&watching, 1), SQLITE_OK);

	struct test_store t;
	test_store_new(&t, false);
	OK(store_migrate(t.st, NULL, 0, NULL, NULL, why)); /* serves */
	OK(store_write(t.st, make, NULL, why));
	load_until_begun_anew(&t);
	load_until_begun_anew(&t);

	int64_t size;
	size_t n = 1; /* in the log when the reader begins, or it would need none of it */
	OK(store_write(t.st, put_bytes, &n, why));
	uint32_t number = log_number(&t, &size);
	OK(store_read(t.st, load_beside_reader, &t, why));
	assert_int_equal(log_number(&t, &size), number);
	assert_true(size > 80 << 20);
	load_until_begun_anew(&t);
	(void)log_number(&t, &size);
	assert_in_range(size, 1, 70 << 20); /* it was cut */

	store_close(t.st);
	(void)log_number(&t, &size);
	assert_int_equal(size, -1); /* the last connection copied it and took it away */
	OK(store_open(&t.options, &t.st, why));
	test_store_free(&t);
	assert_true(atomic_load(&checkpoints) >= 10);
	assert_int_equal(atomic_load(&needless), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_copied_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
