#include "store/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { BLOCK = 512, BUFFER = 256 * 1024 };

/* POSIX.1-1988 ustar. */
struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100],
	    magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct tar_header) == BLOCK, "a tar block");

static bool is_tar(const char *path)
{
	return str_ends(str_from(path), ".tar");
}

static int io(struct err *err, const char *path)
{
	int code = errno;
	return err_set(err, ERR_IO, code == ENOSPC || code == EDQUOT ? "store.full" : "store.io",
	    "%s: %s", path, strerror(code));
}

/* --- writing ---
 *
 * Nothing is waited for until the end: a backup that is cut off has no name and counts for nothing.
 * Then the file system is asked once to write all of it (syncfs; since Linux 5.8 it also tells what
 * could not be written since `top` was opened), and only what is on the disk gets its name. */

struct archive_out {
	char *path, *part; /* the name it gets, and the one it has meanwhile */
	bool tar;
	int top; /* the .tar file or the folder, open from the start */
	int fd;  /* of the .tar file, or of the file being written */
	char name[100];
	int64_t header_at, size;
	struct sha256 *sum;
	char *buffer;
	size_t used;
};

/* "/backup/monday/" as people's shells complete it. */
static void cut_slashes(char *path)
{
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
}

int archive_new(const char *path, struct archive_out **out, struct err *err)
{
	*out = NULL;
	if (access(path, F_OK) == 0)
		return err_set(
		    err, ERR_CONFLICT, "store.backup_exists", "%s is there already", path);
	struct archive_out *a = calloc(1, sizeof(*a));
	if (!a)
		abort();
	a->fd = -1;
	a->path = strdup(path);
	a->buffer = malloc(BUFFER);
	if (!a->path || !a->buffer)
		abort();
	cut_slashes(a->path);
	a->tar = is_tar(a->path);
	struct buf part = {0};
	buf_printf(&part, "%s.part-%d", a->path, (int)getpid());
	a->part = part.p;
	bool made = a->tar || mkdir(a->part, 0700) == 0;
	a->top = !made    ? -1
	         : a->tar ? open(a->part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
	                  : open(a->part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (a->tar)
		a->fd = a->top;
	if (a->top < 0) {
		int rc = io(err, a->part);
		free(a->part);
		free(a->path);
		free(a->buffer);
		free(a);
		return rc;
	}
	*out = a;
	return 0;
}

static int flush(struct archive_out *a, struct err *err)
{
	for (size_t at = 0; at < a->used;) {
		ssize_t n = write(a->fd, a->buffer + at, a->used - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return io(err, a->part);
		at += (size_t)n;
	}
	a->used = 0;
	return 0;
}

static int put(struct archive_out *a, const void *bytes, size_t n, struct err *err)
{
	const char *p = bytes;
	while (n > 0) {
		size_t take = BUFFER - a->used < n ? BUFFER - a->used : n;
		memcpy(a->buffer + a->used, p, take);
		a->used += take;
		p += take;
		n -= take;
		if (a->used == BUFFER) {
			int rc = flush(a, err);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

/* Makes the folders of a name. */
static int make_folders(const char *path, size_t from, struct err *err)
{
	struct buf p = {0};
	buf_puts(&p, path);
	int rc = 0;
	for (char *slash = strchr(p.p + from, '/'); rc == 0 && slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(p.p, 0700) != 0 && errno != EEXIST)
			rc = io(err, p.p);
		*slash = '/';
	}
	buf_free(&p);
	return rc;
}

int archive_begin(struct archive_out *a, const char *name, struct err *err)
{
	static const struct tar_header empty;
	if (strlen(name) >= sizeof(a->name))
		return err_set(err, ERR_INTERNAL, NULL, "a name too long: %s", name);
	(void)snprintf(a->name, sizeof(a->name), "%s", name); /* checked */
	a->size = 0;
	a->sum = sha256_new();
	if (a->tar) {
		int rc = flush(a, err);
		a->header_at = lseek(a->fd, 0, SEEK_CUR);
		return rc < 0 ? rc : put(a, &empty, sizeof(empty), err);
	}
	struct buf path = {0};
	buf_printf(&path, "%s/%s", a->part, name);
	int rc = make_folders(path.p, strlen(a->part) + 1, err);
	if (rc == 0) {
		a->fd = open(path.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (a->fd < 0)
			rc = io(err, path.p);
	}
	buf_free(&path);
	return rc;
}

int archive_write(struct archive_out *a, const void *bytes, size_t n, struct err *err)
{
	sha256_add(a->sum, bytes, n);
	a->size += (int64_t)n;
	return put(a, bytes, n, err);
}

static unsigned checksum(const struct tar_header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += i >= offsetof(struct tar_header, checksum) &&
		               i < offsetof(struct tar_header, checksum) + sizeof(h->checksum)
		           ? ' '
		           : p[i];
	return sum;
}

static void make_header(struct tar_header *h, const char *name, int64_t size)
{
	*h = (struct tar_header){.type = '0', .magic = "ustar", .version = {'0', '0'}};
	memcpy(h->name, name, strlen(name)); /* shorter than the field */
	memcpy(h->mode, "0000600", 8);
	memcpy(h->uid, "0000000", 8);
	memcpy(h->gid, "0000000", 8);
	memcpy(h->mtime, "00000000000", 12);
	char digits[32];
	if (size < (int64_t)1 << 33) {
		(void)snprintf(digits, sizeof(digits), "%011" PRIo64, (uint64_t)size);
		memcpy(h->size, digits, 12);
	} else { /* the usual extension: a big-endian number with the first bit set */
		h->size[0] = (char)0x80;
		for (int i = 0; i < 8; i++)
			h->size[11 - i] = (char)(size >> 8 * i);
	}
	(void)snprintf(digits, sizeof(digits), "%06o", checksum(h));
	memcpy(h->checksum, digits, 7);
	h->checksum[7] = ' ';
}

int archive_end(struct archive_out *a, int64_t *size, tree_hash hash, struct err *err)
{
	static const char zeros[BLOCK];
	tree_hash own;
	sha256_end(a->sum, hash ? hash : own);
	a->sum = NULL;
	if (size)
		*size = a->size;
	int rc = 0;
	if (a->tar && a->size % BLOCK)
		rc = put(a, zeros, (size_t)(BLOCK - a->size % BLOCK), err);
	if (rc == 0)
		rc = flush(a, err);
	if (rc == 0 && a->tar) {
		struct tar_header h;
		make_header(&h, a->name, a->size);
		if (pwrite(a->fd, &h, sizeof(h), a->header_at) != (ssize_t)sizeof(h))
			rc = io(err, a->part);
	} else if (rc == 0) {
		if (close(a->fd) != 0)
			rc = io(err, a->name);
		a->fd = -1;
	}
	return rc;
}

static void out_free(struct archive_out *a)
{
	if (a->fd >= 0 && a->fd != a->top)
		(void)close(a->fd); /* not wanted */
	(void)close(a->top);        /* synced, or not wanted */
	if (a->sum) {
		tree_hash ignored;
		sha256_end(a->sum, ignored);
	}
	free(a->part);
	free(a->path);
	free(a->buffer);
	free(a);
}

int archive_finish(struct archive_out *a, struct err *err)
{
	static const char end[2 * BLOCK];
	int rc = 0;
	if (a->tar) {
		rc = put(a, end, sizeof(end), err);
		if (rc == 0)
			rc = flush(a, err);
	}
	if (rc == 0 && (a->tar ? fsync(a->top) : syncfs(a->top)) != 0)
		rc = io(err, a->part);
	if (rc == 0 && rename(a->part, a->path) != 0)
		rc = io(err, a->path);
	if (rc < 0) {
		archive_abandon(a);
		return rc;
	}
	rc = file_sync_folder(a->path, err); /* its new name */
	out_free(a);
	return rc;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	(void)remove(path); /* what cannot be removed is left, with its telling name */
	return 0;
}

void archive_abandon(struct archive_out *a)
{
	if (!a)
		return;
	(void)nftw(a->part, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* as above */
	out_free(a);
}

/* --- reading --- */

struct archive_in {
	char *path;
	bool tar;
	struct arena *arena;
	struct archive_file *files;
	size_t n, cap;
};

static void add_file(struct archive_in *a, const char *name, int64_t size, int64_t at)
{
	if (a->n == a->cap) {
		a->cap = a->cap ? a->cap * 2 : 64;
		a->files = reallocarray(a->files, a->cap, sizeof(*a->files));
		if (!a->files)
			abort();
	}
	a->files[a->n++] = (struct archive_file){arena_strdup(a->arena, name), size, at};
}

static int by_name(const void *x, const void *y)
{
	const struct archive_file *a = x, *b = y;
	return strcmp(a->name, b->name);
}

static int64_t number(const char *p, size_t n)
{
	int64_t v = 0;
	if (p[0] & 0x80) {
		for (size_t i = 1; i < n; i++)
			v = (int64_t)((uint64_t)v << 8 | (unsigned char)p[i]);
		return v;
	}
	for (size_t i = 0; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		v = v * 8 + (p[i] - '0');
	return v;
}

static int read_tar(struct archive_in *a, int fd, struct err *err)
{
	struct tar_header h;
	int64_t at = 0, end = lseek(fd, 0, SEEK_END);
	for (;;) {
		if (pread(fd, &h, sizeof(h), at) != (ssize_t)sizeof(h))
			return err_set(err, ERR_INPUT, "store.bad_backup",
			    "%s: it ends in the middle", a->path);
		if (h.name[0] == '\0')
			return 0;
		int64_t size = number(h.size, sizeof(h.size));
		char name[101];
		(void)snprintf(name, sizeof(name), "%.100s", h.name);
		if ((unsigned)number(h.checksum, sizeof(h.checksum)) != checksum(&h) || size < 0 ||
		    size > end - at - BLOCK)
			return err_set(err, ERR_INPUT, "store.bad_backup",
			    "%s: damaged at byte %" PRId64, a->path, at);
		if (h.type == '0' || h.type == '\0')
			add_file(
			    a, strncmp(name, "./", 2) == 0 ? name + 2 : name, size, at + BLOCK);
		at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
	}
}

/* nftw() has no argument for the caller. */
static _Thread_local struct archive_in *walking;

static int take_file(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)ftw;
	if (kind == FTW_F && S_ISREG(st->st_mode))
		add_file(walking, path + strlen(walking->path) + 1, st->st_size, 0);
	return 0;
}

int archive_open(const char *path, struct archive_in **out, struct err *err)
{
	*out = NULL;
	struct archive_in *a = calloc(1, sizeof(*a));
	if (!a)
		abort();
	a->arena = arena_new();
	a->path = arena_strdup(a->arena, path);
	cut_slashes(a->path);
	struct stat st;
	int rc = 0;
	if (stat(a->path, &st) != 0) {
		rc = io(err, a->path);
	} else if (S_ISDIR(st.st_mode)) {
		walking = a;
		if (nftw(a->path, take_file, 16, FTW_PHYS) != 0)
			rc = io(err, a->path);
		walking = NULL;
	} else {
		a->tar = true;
		int fd = open(a->path, O_RDONLY | O_CLOEXEC);
		rc = fd < 0 ? io(err, a->path) : read_tar(a, fd, err);
		if (fd >= 0)
			(void)close(fd); /* only read */
	}
	if (rc < 0) {
		archive_close(a);
		return rc;
	}
	if (a->n)
		qsort(a->files, a->n, sizeof(*a->files), by_name);
	*out = a;
	return 0;
}

void archive_close(struct archive_in *a)
{
	if (!a)
		return;
	arena_free(a->arena);
	free(a->files);
	free(a);
}

const struct archive_file *archive_files(const struct archive_in *a, size_t *n)
{
	*n = a->n;
	return a->files;
}

const struct archive_file *archive_find(const struct archive_in *a, const char *name)
{
	struct archive_file key = {.name = name};
	return a->n ? bsearch(&key, a->files, a->n, sizeof(*a->files), by_name) : NULL;
}

int archive_fd(
    const struct archive_in *a, const struct archive_file *f, int64_t *at, struct err *err)
{
	struct buf path = {0};
	buf_puts(&path, a->path);
	if (!a->tar)
		buf_printf(&path, "/%s", f->name);
	int fd = open(path.p, O_RDONLY | O_CLOEXEC);
	int rc = fd < 0 ? io(err, path.p) : fd;
	*at = f->at;
	buf_free(&path);
	return rc;
}
