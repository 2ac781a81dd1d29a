/* Slices of text, and a text that grows. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A slice: n bytes at p, not NUL-terminated, owned by someone else. {NULL, 0} is "absent". */
struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_ARG(s) (int)(s).n, (s).p /* for "%.*s" */

struct str str_from(const char *s); /* NULL gives {NULL, 0} */
bool str_eq(struct str, struct str);
bool str_is(struct str, const char *s);
bool str_starts(struct str, const char *prefix);
bool str_ends(struct str, const char *suffix);
struct str str_trim(struct str); /* ASCII white space at both ends */

/* Cuts the part before the first c off *rest. False when *rest is used up. An empty last part
 * after a trailing c is not returned. */
bool str_cut(struct str *rest, char c, struct str *part);

/* The slice as a NUL-terminated copy. */
char *str_dup(struct arena *, struct str);

/* A whole decimal number in [min, max], with nothing before or after it. */
bool str_to_i64(struct str, int64_t min, int64_t max, int64_t *out);

/* NULL-safe equality of C strings: two NULLs are equal. */
bool text_eq(const char *a, const char *b);

/* A text that grows. Always NUL-terminated once something was added; p may be NULL before.
 * With an arena the memory is the arena's; without (zero-initialised) call buf_free(). */
struct buf {
	char *p;
	size_t n;
	size_t cap;
	struct arena *arena;
};

void buf_init(struct buf *, struct arena *); /* arena may be NULL */
void buf_free(struct buf *);
void buf_clear(struct buf *); /* keeps the memory */
void buf_puts(struct buf *, const char *s);
void buf_i64(struct buf *, int64_t);
void buf_printf(struct buf *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *, const char *fmt, va_list) __attribute__((format(printf, 2, 0)));
struct str buf_to_str(const struct buf *);

/* The small steps that all output is made of. */
void buf_grow(struct buf *, size_t more);                  /* buf_reserve() when there is no room */
static inline void buf_reserve(struct buf *b, size_t more) /* and the NUL */
{
	if (b->cap - b->n <= more) /* n is below cap, or both are 0 */
		buf_grow(b, more);
}
static inline void buf_add(struct buf *b, const void *bytes, size_t n)
{
	buf_reserve(b, n);
	if (n)
		memcpy(b->p + b->n, bytes, n);
	b->n += n;
	b->p[b->n] = '\0';
}
static inline void buf_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}
static inline void buf_putc(struct buf *b, char c)
{
	buf_reserve(b, 1);
	b->p[b->n++] = c;
	b->p[b->n] = '\0';
}

/* Text safe inside HTML text and inside a quoted attribute: & < > " ' are written as entities. */
void buf_html(struct buf *, struct str);
/* RFC 3986 percent-encoding of everything but unreserved characters. */
void buf_url(struct buf *, struct str);
/* A JSON string with its quotes, as RFC 8785 §3.2.2.2 writes it. The bytes must be UTF-8. */
void buf_json(struct buf *, struct str);
/* Lower-case hexadecimal, and unpadded base64url (RFC 4648 §5). */
void buf_hex(struct buf *, const void *bytes, size_t n);
void buf_base64url(struct buf *, const void *bytes, size_t n);
/* Back, strictly: no padding, and bits left over must be 0, so that there is one text for some
 * bytes. False for another text, and for more than size bytes. */
bool base64url_decode(struct str, void *out, size_t size, size_t *n);

/* True when the bytes are well-formed UTF-8 without NUL (RFC 3629). */
bool utf8_valid(struct str);
/* Decodes one code point of valid UTF-8 at s.p, moves s on; -1 at the end or on a bad byte. */
int32_t utf8_next(struct str *s);
void utf8_put(struct buf *, uint32_t code_point);
size_t utf8_length(struct str); /* code points */

/* The nearest of n names, for "did you mean"; NULL when none is near. */
const char *name_nearest(const char *text, const char *const *names, int n);

#endif
