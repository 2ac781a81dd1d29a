/* Shows on standard error how far long work is: a bar on a terminal, else a line every ten seconds,
 * so that a log stays readable. Nothing is shown for work that ends within a second. */
#ifndef BASE_PROGRESS_H
#define BASE_PROGRESS_H

#include <stdint.h>

struct progress;

/* what stands before the bar ("backup"); copied. Never NULL. */
struct progress *progress_new(const char *what);
/* total 0: not known. Cheap enough to be called for each record; any thread may call it. */
void progress_set(struct progress *, int64_t done, int64_t total);
/* Completes the line. NULL is allowed. */
void progress_free(struct progress *);

#endif
