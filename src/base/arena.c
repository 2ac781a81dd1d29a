#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 8 * 1024, ALIGN = 16 };

struct block {
	struct block *prev;
	size_t size;
	size_t used;
	_Alignas(ALIGN) char data[];
};

struct cleanup {
	struct cleanup *prev;
	void (*fn)(void *);
	void *ptr;
};

struct arena {
	struct block *block;
	struct cleanup *cleanup;
	size_t total;
};

static void *must(void *p)
{
	if (!p) {
		fputs("machi: out of memory\n", stderr);
		abort();
	}
	return p;
}

static struct block *block_new(struct block *prev, size_t size)
{
	struct block *b = must(malloc(sizeof(*b) + size));
	b->prev = prev;
	b->size = size;
	b->used = 0;
	return b;
}

struct arena *arena_new(void)
{
	struct arena *a = must(calloc(1, sizeof(*a)));
	a->block = block_new(NULL, BLOCK_SIZE - sizeof(struct block));
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	arena_release(a, (struct arena_mark){0});
	free(a);
}

void *arena_alloc(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2)
		must(NULL);
	size_t want = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (want == 0)
		want = ALIGN;
	struct block *b = a->block;
	if (!b || b->size - b->used < want) {
		size_t next = b ? b->size * 2 : BLOCK_SIZE;
		if (next > 1024 * 1024)
			next = 1024 * 1024;
		b = a->block = block_new(b, want > next ? want : next);
	}
	void *p = b->data + b->used;
	b->used += want;
	a->total += want;
	return memset(p, 0, want);
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(n, size, &bytes))
		must(NULL);
	return arena_alloc(a, bytes);
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);
	if (n)
		memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	char few[256]; /* most texts fit, and are not formatted again */
	int n = vsnprintf(few, sizeof(few), fmt, ap);
	if (n < 0)
		must(NULL);
	char *p = arena_alloc(a, (size_t)n + 1);
	if ((size_t)n < sizeof(few))
		memcpy(p, few, (size_t)n);
	else
		(void)vsnprintf(p, (size_t)n + 1, fmt, again); /* measured above */
	va_end(again);
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *p = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return p;
}

void arena_cleanup(struct arena *a, void (*fn)(void *), void *ptr)
{
	struct cleanup *c = arena_alloc(a, sizeof(*c));
	*c = (struct cleanup){.prev = a->cleanup, .fn = fn, .ptr = ptr};
	a->cleanup = c;
}

struct arena_mark arena_mark(struct arena *a)
{
	return (struct arena_mark){
	    .block = a->block, .used = a->block ? a->block->used : 0, .cleanup = a->cleanup};
}

void arena_release(struct arena *a, struct arena_mark mark)
{
	while (a->cleanup && a->cleanup != mark.cleanup) {
		struct cleanup *c = a->cleanup;
		a->cleanup = c->prev;
		c->fn(c->ptr);
	}
	while (a->block && a->block != mark.block) {
		struct block *b = a->block;
		a->block = b->prev;
		free(b);
	}
	if (a->block)
		a->block->used = mark.used;
}

size_t arena_used(const struct arena *a)
{
	return a->total;
}
