/* Blobs as files: <dir>/blobs/ab/<62 more digits>, for SQLite.
 *
 * A file is complete and on the disk before it gets its name. Putting a blob that is there already
 * renews its modification time; the cleaner removes only files that are old and unused. The file
 * blobs/lock keeps the two apart: shared by those who put, exclusive while one file is removed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/blob.h"
#include "store/private.h"

static const struct sql is_used = {"SELECT 1 FROM blob_use WHERE name = ?1 LIMIT 1"};

const struct sql *const blob_file_sql[] = {&is_used, NULL};

struct path {
	char text[4096];
};

static struct path path_of(struct store *st, const char *what)
{
	struct path p;
	(void)snprintf(
	    p.text, sizeof(p.text), "%s/blobs/%s", st->dir, what); /* dir fits, see open */
	return p;
}

static struct path blob_path(struct store *st, const char *name)
{
	char place[BLOB_NAME_SIZE + 16];
	(void)snprintf(place, sizeof(place), "%.2s/%.62s", name, name + 2);
	return path_of(st, place);
}

static int io(struct err *err, const char *path)
{
	int code = errno;
	return err_set(err, ERR_IO,
	    code == ENOSPC || code == EDQUOT || code == EFBIG ? "store.full" : "store.io", "%s: %s",
	    path, strerror(code));
}

static int sync_dir(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) != 0 ? io(err, path) : 0;
	if (fd >= 0)
		(void)close(fd); /* nothing was written through it */
	return rc;
}

/* Makes the folder if it is not there; new ones are durable when this returns. */
static int make_dir(struct store *st, const char *what, struct err *err)
{
	struct path p = path_of(st, what);
	if (mkdir(p.text, 0700) == 0) {
		char *slash = strrchr(p.text, '/');
		*slash = '\0';
		return sync_dir(p.text, err);
	}
	return errno == EEXIST ? 0 : io(err, p.text);
}

static int lock(struct store *st, int how, struct err *err)
{
	struct path p = path_of(st, "lock");
	int fd = open(p.text, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, how) != 0) {
		int rc = io(err, p.text);
		(void)close(fd);
		return rc;
	}
	return fd >= 0 ? fd : io(err, p.text);
}

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		p += put;
		n -= (size_t)put;
	}
	return 0;
}

static int write_file(int fd, const char *path, const struct blob_input *in, struct err *err)
{
	char block[BLOB_BLOCK];
	for (int64_t at = 0; at < in->size;) {
		int64_t left = in->size - at;
		size_t n = left < (int64_t)sizeof(block) ? (size_t)left : sizeof(block);
		int rc = blob_input_read(in, at, block, n, err);
		if (rc < 0)
			return rc;
		if (write_all(fd, block, n) != 0)
			return io(err, path);
		at += (int64_t)n;
	}
	return fsync(fd) == 0 ? 0 : io(err, path);
}

/* True when the whole blob is there already; it is then as young as a new one. */
static bool renew(const char *path, int64_t size)
{
	struct stat s;
	return stat(path, &s) == 0 && s.st_size == size && utimensat(AT_FDCWD, path, NULL, 0) == 0;
}

int file_blob_put(struct store *st, const char *name, const struct blob_input *in, struct err *err)
{
	char folder[3] = {name[0], name[1], '\0'};
	int rc = make_dir(st, "", err);
	if (rc == 0)
		rc = make_dir(st, "tmp", err);
	if (rc == 0)
		rc = make_dir(st, folder, err);
	if (rc < 0)
		return rc;
	int held = lock(st, LOCK_SH, err);
	if (held < 0)
		return held;
	struct path to = blob_path(st, name);
	if (!renew(to.text, in->size)) {
		struct path temp = path_of(st, "tmp/XXXXXX");
		int fd = mkostemp(temp.text, O_CLOEXEC);
		rc = fd < 0 ? io(err, temp.text) : write_file(fd, temp.text, in, err);
		if (fd >= 0 && close(fd) != 0 && rc == 0)
			rc = io(err, temp.text);
		if (rc == 0 && rename(temp.text, to.text) != 0)
			rc = io(err, to.text);
		if (rc < 0 && fd >= 0)
			(void)unlink(temp.text); /* or the cleaner does it */
	}
	/* Also of one that was there: whoever put it may not have come so far yet. */
	if (rc == 0)
		rc = sync_dir(path_of(st, folder).text, err);
	(void)close(held); /* gives the lock back */
	return rc;
}

int file_blob_open(struct store *st, const char *name, int *fd, int64_t *size, struct err *err)
{
	struct path p = blob_path(st, name);
	*fd = open(p.text, O_RDONLY | O_CLOEXEC);
	struct stat s;
	if (*fd < 0 || fstat(*fd, &s) != 0) {
		int rc = errno == ENOENT ? err_set(err, ERR_MISSING, NULL, "%s", p.text)
		                         : io(err, p.text);
		if (*fd >= 0)
			(void)close(*fd);
		*fd = -1;
		return rc;
	}
	*size = s.st_size;
	return 0;
}

int file_blob_exists(struct db *db, const char *name, struct err *err)
{
	struct path p = blob_path(db_store(db), name);
	if (access(p.text, F_OK) == 0)
		return 1;
	return errno == ENOENT ? 0 : io(err, p.text);
}

static bool older(const char *path, int64_t before_s)
{
	struct stat s;
	return stat(path, &s) == 0 && S_ISREG(s.st_mode) && s.st_mtim.tv_sec < before_s;
}

/* Removes one blob if it is still old and unused when nobody can put it. */
static int remove_unused(
    struct store *st, const char *name, int64_t before_s, int64_t *removed, struct err *err)
{
	struct path p = blob_path(st, name);
	if (!older(p.text, before_s))
		return 0;
	int64_t one;
	struct db *db = store_reader(st, err);
	int rc = db ? db_get_i64(db, err, &one, &is_used, "t", name) : -(int)ERR_STORE;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	int held = lock(st, LOCK_EX, err);
	if (held < 0)
		return held;
	rc = db_get_i64(db, err, &one, &is_used, "t", name);
	if (rc == 0 && older(p.text, before_s)) {
		rc = unlink(p.text) == 0 ? 0 : io(err, p.text);
		*removed += rc == 0;
	}
	(void)close(held); /* gives the lock back */
	return rc < 0 ? rc : 0;
}

int file_blobs_clean(struct store *st, int64_t age_us, int64_t *removed, struct err *err)
{
	int64_t before_s = (clock_us(CLOCK_REALTIME) - age_us) / 1000000;
	struct path top = path_of(st, "");
	int rc = 0;
	for (int i = -1; rc == 0 && i < 256; i++) {
		char folder[4];
		(void)snprintf(folder, sizeof(folder), i < 0 ? "tmp" : "%02x", (unsigned)i);
		struct path p = path_of(st, folder);
		DIR *d = opendir(p.text);
		if (!d && errno == ENOENT)
			continue;
		if (!d)
			return io(err, top.text);
		struct dirent *e;
		while (rc == 0 && (e = readdir(d))) {
			char name[300];
			(void)snprintf(name, sizeof(name), "%s%s", folder, e->d_name); /* checked */
			if (i >= 0 && blob_name_valid(name)) {
				rc = remove_unused(st, name, before_s, removed, err);
			} else if (i < 0 && e->d_name[0] != '.') {
				/* What a killed process left. */
				struct path t = p;
				size_t n = strlen(t.text);
				(void)snprintf(t.text + n, sizeof(t.text) - n, "/%s", e->d_name);
				if (older(t.text, before_s) && unlink(t.text) != 0)
					log_warn("blob.clean", "%s: %s", t.text, strerror(errno));
			}
		}
		(void)closedir(d); /* only read */
	}
	return rc;
}
