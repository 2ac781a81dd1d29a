/* A backup's files: in a folder, or in one .tar file (POSIX ustar). Private to src/store. */
#ifndef STORE_ARCHIVE_H
#define STORE_ARCHIVE_H

#include "base/err.h"
#include "base/str.h"
#include "store/tree.h"

struct archive_out;
/* Starts a new archive at path (a .tar file when the name ends so, else a folder), which must not
 * be there yet. It gets its name only by archive_finish(). */
int archive_new(const char *path, struct archive_out **, struct err *);
int archive_begin(struct archive_out *, const char *name, struct err *);
int archive_write(struct archive_out *, const void *bytes, size_t n, struct err *);
/* Ends the file and gives its length and SHA-256 (both may be NULL). */
int archive_end(struct archive_out *, int64_t *size, tree_hash hash, struct err *);
/* Makes everything durable under its name, and frees. */
int archive_finish(struct archive_out *, struct err *);
/* Removes what was written, and frees. NULL is allowed. */
void archive_abandon(struct archive_out *);

struct archive_in;
struct archive_file {
	const char *name;
	int64_t size;
	int64_t at; /* in the .tar file */
};
int archive_open(const char *path, struct archive_in **, struct err *);
void archive_close(struct archive_in *);
/* All files, sorted by name; owned by the archive. */
const struct archive_file *archive_files(const struct archive_in *, size_t *n);
const struct archive_file *archive_find(const struct archive_in *, const char *name);
/* An own descriptor to read the file from; it starts at *at. */
int archive_fd(const struct archive_in *, const struct archive_file *, int64_t *at, struct err *);

#endif
