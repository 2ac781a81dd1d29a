#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read(struct arena *a, const char *path, struct str *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno == ENOENT || errno == ENOTDIR ? ERR_MISSING : ERR_IO,
		    NULL, "%s: %s", path, strerror(errno));
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd); /* only read from */
		return err_set(err, ERR_MISSING, NULL, "%s: not a file", path);
	}
	size_t size = (size_t)st.st_size, n = 0;
	char *p = arena_alloc(a, size + 1);
	while (n < size) {
		ssize_t got = read(fd, p + n, size - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	(void)close(fd); /* only read from */
	if (n < size)
		return err_set(err, ERR_IO, NULL, "%s: cannot be read whole", path);
	*out = (struct str){p, n};
	return 0;
}

static int write_all(int fd, struct str bytes)
{
	size_t n = 0;
	while (n < bytes.n) {
		ssize_t put = write(fd, bytes.p + n, bytes.n - n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return -1;
		n += (size_t)put;
	}
	return fsync(fd);
}

/* A new name in a folder is there after a power cut only once the folder is on the disk. */
static int sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct buf folder = {0};
	if (slash)
		buf_add(&folder, path, slash == path ? 1 : (size_t)(slash - path));
	else
		buf_puts(&folder, ".");
	int fd = open(folder.p, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 ? -1 : fsync(fd);
	int why = errno;
	if (fd >= 0)
		(void)close(fd); /* nothing was written through it */
	errno = why;
	buf_free(&folder);
	return rc;
}

int file_write(const char *path, struct str bytes, int mode, struct err *err)
{
	static atomic_uint number; /* threads that write the same file do not meet */
	struct buf temp = {0};
	buf_printf(&temp, "%s.%ld-%u.new", path, (long)getpid(), atomic_fetch_add(&number, 1));
	int fd = open(temp.p, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
	int rc = fd < 0 ? -1 : write_all(fd, bytes);
	if (fd >= 0 && close(fd) < 0)
		rc = -1;
	if (rc == 0)
		rc = rename(temp.p, path);
	if (rc == 0)
		rc = sync_folder_of(path);
	if (rc < 0) {
		int why = errno;
		(void)unlink(temp.p); /* may not have been made */
		rc = err_set(err, ERR_IO, NULL, "%s: %s", path, strerror(why));
	}
	buf_free(&temp);
	return rc;
}

int file_sync_folder(const char *path, struct err *err)
{
	return sync_folder_of(path) == 0
	           ? 0
	           : err_set(err, ERR_IO, NULL, "the folder of %s: %s", path, strerror(errno));
}

int dir_make(const char *path, int mode, struct err *err)
{
	struct buf b = {0};
	buf_puts(&b, path);
	int rc = 0;
	for (size_t i = 1; i <= b.n && rc == 0; i++) {
		if (i < b.n && b.p[i] != '/')
			continue;
		char was = b.p[i];
		b.p[i] = '\0';
		if (mkdir(b.p, (mode_t)mode) == 0 ? sync_folder_of(b.p) < 0 : errno != EEXIST)
			rc = err_set(err, ERR_IO, NULL, "%s: %s", b.p, strerror(errno));
		b.p[i] = was;
	}
	buf_free(&b);
	return rc;
}
