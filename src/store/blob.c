/* Blobs: what both kinds of store have in common. Where the bytes lie is the backend's: files
 * (blob_file.c) or a table (blob_table.c). */
#include "store/blob.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/private.h"
#include "store/tree.h"

static const struct sql use = {
    "INSERT INTO blob_use (name, subject) VALUES (?1, ?2) ON CONFLICT (name, subject) DO NOTHING"};
static const struct sql unuse = {"DELETE FROM blob_use WHERE name = ?1 AND subject = ?2"};

const struct sql *const blob_sql[] = {&use, &unuse, NULL};

bool blob_name_valid(const char *name)
{
	size_t n = name ? strlen(name) : 0;
	return n == BLOB_NAME_SIZE - 1 && strspn(name, "0123456789abcdef") == n;
}

static int no_blob(const char *name, struct err *err)
{
	return err_set(err, ERR_MISSING, "store.no_such_blob", "no blob %.80s", name ? name : "");
}

int blob_input_read(const struct blob_input *in, int64_t at, void *out, size_t n, struct err *err)
{
	if (in->fd < 0) {
		memcpy(out, in->bytes.p + in->at + at, n);
		return 0;
	}
	while (n > 0) {
		ssize_t got = pread(in->fd, out, n, in->at + at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(err, ERR_IO, "store.io", "reading a file to keep: %s",
			    got ? strerror(errno) : "it became shorter");
		out = (char *)out + got;
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

int blob_name_of(const struct blob_input *in, char name[BLOB_NAME_SIZE], struct err *err)
{
	tree_hash h;
	if (in->fd < 0) {
		sha256(in->bytes.p, in->bytes.n, h);
	} else {
		struct sha256 *s = sha256_new();
		char block[BLOB_BLOCK];
		int rc = 0;
		for (int64_t at = 0; rc == 0 && at < in->size;) {
			int64_t left = in->size - at;
			size_t n = left < (int64_t)sizeof(block) ? (size_t)left : sizeof(block);
			rc = blob_input_read(in, at, block, n, err);
			if (rc == 0)
				sha256_add(s, block, n);
			at += (int64_t)n;
		}
		sha256_end(s, h);
		if (rc < 0)
			return rc;
	}
	struct buf hex = {0};
	buf_hex(&hex, h, sizeof(h));
	memcpy(name, hex.p, BLOB_NAME_SIZE);
	buf_free(&hex);
	return 0;
}

static int put(
    struct store *st, const struct blob_input *in, char name[BLOB_NAME_SIZE], struct err *err)
{
	int rc = blob_name_of(in, name, err);
	return rc < 0 ? rc : st->backend->blob_put(st, name, in, err);
}

int blob_put(struct store *st, struct str bytes, char name[BLOB_NAME_SIZE], struct err *err)
{
	struct blob_input in = {.fd = -1, .bytes = bytes, .size = (int64_t)bytes.n};
	return put(st, &in, name, err);
}

int blob_put_fd(struct store *st, int fd, char name[BLOB_NAME_SIZE], struct err *err)
{
	struct stat s;
	if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode))
		return err_set(err, ERR_IO, "store.io", "what is to be kept is not a file");
	struct blob_input in = {.fd = fd, .size = s.st_size};
	return put(st, &in, name, err);
}

int blob_open(struct store *st, const char *name, int *fd, int64_t *size, struct err *err)
{
	*fd = -1;
	if (!blob_name_valid(name))
		return no_blob(name, err);
	int rc = st->backend->blob_open(st, name, fd, size, err);
	return rc == -(int)ERR_MISSING ? no_blob(name, err) : rc;
}

int blob_get(struct store *st, struct arena *a, const char *name, struct str *out, struct err *err)
{
	int fd;
	int64_t size;
	int rc = blob_open(st, name, &fd, &size, err);
	if (rc < 0)
		return rc;
	char *p = arena_alloc(a, (size_t)size + 1);
	struct blob_input in = {.fd = fd, .size = size};
	rc = blob_input_read(&in, 0, p, (size_t)size, err);
	(void)close(fd); /* only read */
	*out = (struct str){p, (size_t)size};
	return rc;
}

int blob_use(struct db *db, const char *name, const char *subject, struct err *err)
{
	if (!blob_name_valid(name))
		return no_blob(name, err);
	int rc = db->backend->blob_exists(db, name, err);
	if (rc == 0)
		return no_blob(name, err);
	int64_t n = rc < 0 ? rc : db_run(db, err, &use, "tt", name, subject);
	return n < 0 ? (int)n : 0;
}

int blob_unuse(struct db *db, const char *name, const char *subject, struct err *err)
{
	int64_t n = db_run(db, err, &unuse, "tt", name, subject);
	return n < 0 ? (int)n : 0;
}

int blobs_clean(struct store *st, int64_t age_us, int64_t *removed, struct err *err)
{
	*removed = 0;
	return st->backend->blobs_clean(st, age_us, removed, err);
}
