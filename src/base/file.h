/* Whole files and folders. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A whole file on the arena; ERR_MISSING when it does not exist. */
int file_read(struct arena *, const char *path, struct str *out, struct err *);
/* Writes a file so that it is there whole or not at all, and on disk; mode as in open(2). */
int file_write(const char *path, struct str bytes, int mode, struct err *);
/* The folder that path stands in, on disk: names that were made or changed in it are durable. */
int file_sync_folder(const char *path, struct err *);
/* mkdir -p; what it made is durable. */
int dir_make(const char *path, int mode, struct err *);

#endif
