/* Memory with the lifetime of a request, a job or a command. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena;

/* A place in an arena to go back to. Filled by arena_mark(). */
struct arena_mark {
	void *block;
	size_t used;
	void *cleanup;
};

/* Makes an empty arena; never NULL. One arena belongs to one thread at a time. */
struct arena *arena_new(void);

/* Runs the cleanups, newest first, and gives all memory back. NULL is allowed. */
void arena_free(struct arena *);

/* Zeroed memory, aligned for any type; never NULL (out of memory ends the process, the store
 * rolls back what was not acknowledged). A size of 0 gives a valid pointer. */
void *arena_alloc(struct arena *, size_t size);

/* As arena_alloc() for an array; ends the process when n * size overflows. */
void *arena_array(struct arena *, size_t n, size_t size);

#define arena_new_of(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

/* NUL-terminated copies. */
char *arena_strdup(struct arena *, const char *s);
char *arena_strndup(struct arena *, const char *s, size_t n);
char *arena_printf(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *, const char *fmt, va_list) __attribute__((format(printf, 2, 0)));

/* Calls fn(ptr) when the arena is freed or released to a mark set before this call. */
void arena_cleanup(struct arena *, void (*fn)(void *ptr), void *ptr);

/* Scratch memory: everything allocated after the mark is given back by the release. */
struct arena_mark arena_mark(struct arena *);
void arena_release(struct arena *, struct arena_mark);

/* Bytes asked for so far; for metrics and tests. */
size_t arena_used(const struct arena *);

#endif
