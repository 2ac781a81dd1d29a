/* Attachments and documents: bytes named by their SHA-256. Written and durable before the
 * transaction that refers to them; unreferenced ones are removed by a job after a day. */
#ifndef STORE_BLOB_H
#define STORE_BLOB_H

#include "store/store.h"

enum { BLOB_NAME_SIZE = 65 }; /* 64 hexadecimal digits and NUL */

/* Keeps the bytes; name gets the hexadecimal SHA-256. Thread-safe, may wait for the disk. */
int blob_put(struct store *, struct str bytes, char name[BLOB_NAME_SIZE], struct err *);
/* The same from an open file, from its start; streamed. */
int blob_put_fd(struct store *, int fd, char name[BLOB_NAME_SIZE], struct err *);
/* A file descriptor to read from (on PostgreSQL an unlinked temporary file) and the size.
 * ERR_MISSING when there is none. The caller closes it. */
int blob_open(struct store *, const char *name, int *fd, int64_t *size, struct err *);
/* The whole content on the arena. */
int blob_get(struct store *, struct arena *, const char *name, struct str *out, struct err *);
/* Says inside a write that subject needs the blob; machi verify, backup and cleaning follow this.
 */
int blob_use(struct db *, const char *name, const char *subject, struct err *);
int blob_unuse(struct db *, const char *name, const char *subject, struct err *);

#endif
