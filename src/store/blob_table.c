/* Blobs in tables, for PostgreSQL: a row that names it, and its bytes in pieces. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "store/blob.h"
#include "store/private.h"

enum { CHUNK = 256 * 1024 };

/* xmax is 0 for a row that this statement inserted: then its pieces are missing. */
static const struct sql add = {"",
    "INSERT INTO blob (name, size, put_us) VALUES (?1, ?2, ?3) ON CONFLICT (name) "
    "DO UPDATE SET put_us = excluded.put_us RETURNING (xmax = 0)"};
static const struct sql add_chunk = {
    "", "INSERT INTO blob_chunk (name, n, bytes) VALUES (?1, ?2, ?3)"};
static const struct sql size_of = {"", "SELECT size FROM blob WHERE name = ?1"};
static const struct sql chunk = {"", "SELECT bytes FROM blob_chunk WHERE name = ?1 AND n = ?2"};
static const struct sql remove_unused = {"",
    "DELETE FROM blob WHERE name IN (SELECT b.name FROM blob b WHERE b.put_us < ?1 AND NOT EXISTS "
    "(SELECT 1 FROM blob_use u WHERE u.name = b.name) LIMIT 200)"};

const struct sql *const blob_table_sql[] = {
    &add, &add_chunk, &size_of, &chunk, &remove_unused, NULL};

struct put {
	const char *name;
	const struct blob_input *in;
};

static int put(struct db *db, void *arg, struct err *err)
{
	const struct put *p = arg;
	int64_t fresh = 0;
	int rc = db_get_i64(
	    db, err, &fresh, &add, "tii", p->name, p->in->size, clock_us(CLOCK_REALTIME));
	if (rc < 0 || !fresh)
		return rc < 0 ? rc : 0;
	struct arena *a = arena_new();
	char *bytes = arena_alloc(a, CHUNK);
	int64_t n = 0;
	for (int64_t at = 0; rc >= 0 && at < p->in->size; n++) {
		int64_t left = p->in->size - at;
		size_t size = left < CHUNK ? (size_t)left : CHUNK;
		rc = blob_input_read(p->in, at, bytes, size, err);
		if (rc == 0) {
			int64_t done = db_run(
			    db, err, &add_chunk, "tib", p->name, n, (struct str){bytes, size});
			rc = done < 0 ? (int)done : 0;
		}
		at += (int64_t)size;
	}
	arena_free(a);
	return rc < 0 ? rc : 0;
}

int table_blob_put(struct store *st, const char *name, const struct blob_input *in, struct err *err)
{
	struct put p = {name, in};
	return store_write_flags(st, put, &p, WRITE_READ_COMMITTED, err);
}

static int copy_out(struct db *db, const char *name, int fd, int64_t *size, struct err *err)
{
	int rc = db_get_i64(db, err, size, &size_of, "t", name);
	if (rc <= 0)
		return rc < 0 ? rc : -(int)ERR_MISSING;
	for (int64_t at = 0, n = 0; at < *size; n++) {
		struct rows *r = db_query(db, err, &chunk, "ti", name, n);
		if (!r)
			return -(int)ERR_STORE;
		rc = rows_next(r);
		struct str bytes = rc == 1 ? rows_bytes(r, 0) : (struct str){0};
		ssize_t put_n = bytes.n ? pwrite(fd, bytes.p, bytes.n, at) : 0;
		rows_end(r);
		if (rc < 0)
			return rc;
		if (put_n != (ssize_t)bytes.n)
			return err_set(
			    err, ERR_IO, "store.full", "temporary file: %s", strerror(errno));
		if (bytes.n == 0)
			return err_set(err, ERR_STORE, "store.io", "blob %s lacks piece %lld", name,
			    (long long)n);
		at += (int64_t)bytes.n;
	}
	return 0;
}

int table_blob_open(struct store *st, const char *name, int *fd, int64_t *size, struct err *err)
{
	struct db *db = store_reader(st, err);
	if (!db)
		return -(int)ERR_STORE;
	*fd = open(st->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*fd < 0)
		return err_set(err, ERR_IO, "store.io", "%s: %s", st->dir, strerror(errno));
	int rc = copy_out(db, name, *fd, size, err);
	if (rc < 0) {
		(void)close(*fd); /* a nameless file */
		*fd = -1;
	}
	return rc;
}

int table_blob_exists(struct db *db, const char *name, struct err *err)
{
	int64_t size;
	return db_get_i64(db, err, &size, &size_of, "t", name);
}

struct clean {
	int64_t before_us, removed;
};

/* Serializable like every write: whoever refers to one of them at the same time makes one of the
 * two run again. */
static int clean(struct db *db, void *arg, struct err *err)
{
	struct clean *c = arg;
	c->removed = db_run(db, err, &remove_unused, "i", c->before_us);
	return c->removed < 0 ? (int)c->removed : 0;
}

int table_blobs_clean(struct store *st, int64_t age_us, int64_t *removed, struct err *err)
{
	struct clean c = {.before_us = clock_us(CLOCK_REALTIME) - age_us};
	int rc;
	do {
		rc = store_write(st, clean, &c, err);
		*removed += rc == 0 ? c.removed : 0;
	} while (rc == 0 && c.removed > 0);
	return rc;
}
