#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct str str_from(const char *s)
{
	return s ? (struct str){s, strlen(s)} : (struct str){0};
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_is(struct str a, const char *s)
{
	return str_eq(a, str_from(s));
}

bool str_starts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);
	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

bool str_ends(struct str s, const char *suffix)
{
	size_t n = strlen(suffix);
	return s.n >= n && memcmp(s.p + s.n - n, suffix, n) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
	while (s.n && is_space(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_cut(struct str *rest, char c, struct str *part)
{
	if (rest->n == 0)
		return false;
	const char *end = memchr(rest->p, c, rest->n);
	if (!end) {
		*part = *rest;
		*rest = (struct str){rest->p + rest->n, 0};
		return true;
	}
	*part = (struct str){rest->p, (size_t)(end - rest->p)};
	rest->n -= part->n + 1;
	rest->p = end + 1;
	return true;
}

char *str_dup(struct arena *a, struct str s)
{
	return arena_strndup(a, s.p, s.n);
}

bool str_to_i64(struct str s, int64_t min, int64_t max, int64_t *out)
{
	bool negative = s.n && s.p[0] == '-';
	size_t i = negative;
	if (i >= s.n || s.n - i > 19)
		return false;
	int64_t v = 0;
	for (; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		int digit = s.p[i] - '0';
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_sub_overflow(v, digit, &v)) /* downwards: INT64_MIN fits */
			return false;
	}
	if (!negative && __builtin_sub_overflow((int64_t)0, v, &v))
		return false;
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

bool text_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

void buf_init(struct buf *b, struct arena *a)
{
	*b = (struct buf){.arena = a};
}

void buf_free(struct buf *b)
{
	if (!b->arena)
		free(b->p);
	*b = (struct buf){.arena = b->arena};
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = '\0';
}

void buf_grow(struct buf *b, size_t more)
{
	size_t want;
	if (__builtin_add_overflow(b->n, more, &want) || __builtin_add_overflow(want, 1, &want))
		abort();
	size_t cap = b->cap ? b->cap : 128;
	while (cap < want)
		cap = cap > SIZE_MAX / 2 ? want : cap * 2;
	if (b->arena) {
		char *p = arena_alloc(b->arena, cap);
		if (b->n)
			memcpy(p, b->p, b->n + 1);
		b->p = p;
	} else {
		char *p = realloc(b->p, cap);
		if (!p) {
			fputs("machi: out of memory\n", stderr);
			abort();
		}
		b->p = p;
	}
	b->cap = cap;
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_i64(struct buf *b, int64_t v)
{
	char digits[24], *p = digits + sizeof(digits);
	uint64_t left = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	do
		*--p = (char)('0' + left % 10);
	while ((left /= 10) != 0);
	if (v < 0)
		*--p = '-';
	buf_add(b, p, (size_t)(digits + sizeof(digits) - p));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	size_t room = b->cap - b->n;
	int n = vsnprintf(room ? b->p + b->n : NULL, room, fmt, ap);
	if (n < 0)
		abort();
	if ((size_t)n >= room) {
		buf_reserve(b, (size_t)n);
		(void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again); /* measured above */
	}
	va_end(again);
	b->n += (size_t)n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

struct str buf_to_str(const struct buf *b)
{
	return (struct str){b->p ? b->p : "", b->n};
}

/* Sixteen bytes that the compiler compares at once, with the vector unit where there is one. */
typedef unsigned char bytes16 __attribute__((vector_size(16)));

static inline bool any_set(bytes16 b)
{
	uint64_t half[2];
	memcpy(half, &b, sizeof(half));
	return (half[0] | half[1]) != 0;
}

/* True when one of the bytes is marked by `specials`, which does not mark spaces. */
static inline __attribute__((always_inline)) bool has_special(
    struct str s, bytes16 (*specials)(bytes16))
{
	bytes16 b;
	for (; s.n >= sizeof(b); s.p += sizeof(b), s.n -= sizeof(b)) {
		memcpy(&b, s.p, sizeof(b));
		if (any_set(specials(b)))
			return true;
	}
	b = (bytes16){0} + ' ';
	if (s.n)
		memcpy(&b, s.p, s.n);
	return any_set(specials(b));
}

/* '&' and '\'' differ in one bit, and so do '<' and '>'. */
static inline bytes16 html_specials(bytes16 b)
{
	return (bytes16)((b & 0xfe) == '&') | (bytes16)((b & 0xfd) == '<') | (bytes16)(b == '"');
}

static inline bytes16 json_specials(bytes16 b)
{
	return (bytes16)(b < ' ') | (bytes16)(b == '"') | (bytes16)(b == '\\');
}

void buf_html(struct buf *b, struct str s)
{
	static const char *const entities[256] = {
	    ['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;", ['"'] = "&quot;", ['\''] = "&#39;"};
	size_t start = 0;
	for (size_t i = has_special(s, html_specials) ? 0 : s.n; i < s.n; i++) {
		const char *entity = entities[(unsigned char)s.p[i]];
		if (!entity)
			continue;
		buf_add(b, s.p + start, i - start);
		buf_puts(b, entity);
		start = i + 1;
	}
	buf_add(b, s.p + start, s.n - start);
}

static const char hex_digits[] = "0123456789abcdef";

static bool url_safe(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

void buf_url(struct buf *b, struct str s)
{
	static const char upper[] = "0123456789ABCDEF";
	size_t start = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (url_safe(c))
			continue;
		buf_add(b, s.p + start, i - start);
		buf_add(b, (char[3]){'%', upper[c >> 4], upper[c & 15]}, 3);
		start = i + 1;
	}
	buf_add(b, s.p + start, s.n - start);
}

void buf_json(struct buf *b, struct str s)
{
	static const char from[] = "\b\t\n\f\r\"\\", to[] = "btnfr\"\\";
	buf_putc(b, '"');
	size_t start = 0;
	for (size_t i = has_special(s, json_specials) ? 0 : s.n; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(b, s.p + start, i - start);
		start = i + 1;
		const char *at = c ? strchr(from, c) : NULL;
		if (at)
			buf_add(b, (char[2]){'\\', to[at - from]}, 2);
		else
			buf_add(b,
			    (char[6]){'\\', 'u', '0', '0', hex_digits[c >> 4], hex_digits[c & 15]},
			    6);
	}
	buf_add(b, s.p + start, s.n - start);
	buf_putc(b, '"');
}

void buf_hex(struct buf *b, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;
	buf_reserve(b, n * 2);
	for (size_t i = 0; i < n; i++)
		buf_add(b, (char[2]){hex_digits[p[i] >> 4], hex_digits[p[i] & 15]}, 2);
}

void buf_base64url(struct buf *b, const void *bytes, size_t n)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *p = bytes;
	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		uint32_t v = (uint32_t)p[i] << 16;
		if (left > 1)
			v |= (uint32_t)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		char out[4] = {
		    digits[v >> 18], digits[v >> 12 & 63], digits[v >> 6 & 63], digits[v & 63]};
		buf_add(b, out, left > 2 ? 4 : left + 1);
	}
}

static int base64url_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64url_decode(struct str s, void *out, size_t size, size_t *n)
{
	unsigned char *to = out;
	uint32_t bits = 0;
	int have = 0;
	*n = 0;
	for (size_t i = 0; i < s.n; i++) {
		int d = base64url_digit(s.p[i]);
		if (d < 0)
			return false;
		bits = bits << 6 | (uint32_t)d;
		have += 6;
		if (have >= 8) {
			if (*n == size)
				return false;
			have -= 8;
			to[(*n)++] = (unsigned char)(bits >> have);
			bits &= (1u << have) - 1;
		}
	}
	return have < 6 && bits == 0;
}

int32_t utf8_next(struct str *s)
{
	if (s->n == 0)
		return -1;
	const unsigned char *p = (const unsigned char *)s->p;
	uint32_t c = p[0];
	size_t extra;
	if (c < 0x80)
		extra = 0;
	else if (c >= 0xC2 && c <= 0xDF)
		extra = 1;
	else if (c >= 0xE0 && c <= 0xEF)
		extra = 2;
	else if (c >= 0xF0 && c <= 0xF4)
		extra = 3;
	else
		return -1;
	if (s->n <= extra)
		return -1;
	if (extra)
		c &= 0x3Fu >> extra;
	for (size_t i = 1; i <= extra; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return -1;
		c = c << 6 | (p[i] & 0x3F);
	}
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	if (c < least[extra] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
		return -1;
	s->p += extra + 1;
	s->n -= extra + 1;
	return (int32_t)c;
}

bool utf8_valid(struct str s)
{
	while (s.n) {
		if (utf8_next(&s) <= 0)
			return false;
	}
	return true;
}

void utf8_put(struct buf *b, uint32_t c)
{
	if (c < 0x80)
		buf_putc(b, (char)c);
	else if (c < 0x800)
		buf_add(b, (char[2]){(char)(0xC0 | c >> 6), (char)(0x80 | (c & 63))}, 2);
	else if (c < 0x10000)
		buf_add(b,
		    (char[3]){(char)(0xE0 | c >> 12), (char)(0x80 | (c >> 6 & 63)),
		        (char)(0x80 | (c & 63))},
		    3);
	else
		buf_add(b,
		    (char[4]){(char)(0xF0 | c >> 18), (char)(0x80 | (c >> 12 & 63)),
		        (char)(0x80 | (c >> 6 & 63)), (char)(0x80 | (c & 63))},
		    4);
}

size_t utf8_length(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += (s.p[i] & 0xC0) != 0x80;
	return n;
}

/* Optimal string alignment distance of two short names. */
static int distance(const char *a, const char *b)
{
	enum { LONGEST = 40 };
	int n = (int)strnlen(a, LONGEST), m = (int)strnlen(b, LONGEST);
	int rows[3][LONGEST + 1];
	int *before = rows[0], *last = rows[1], *now = rows[2];
	for (int j = 0; j <= m; j++)
		last[j] = j;
	for (int i = 1; i <= n; i++) {
		now[0] = i;
		for (int j = 1; j <= m; j++) {
			int cost = a[i - 1] != b[j - 1];
			int best = last[j - 1] + cost;
			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		int *turn = before;
		before = last;
		last = now;
		now = turn;
	}
	return last[m];
}

const char *name_nearest(const char *text, const char *const *names, int n)
{
	int length = (int)strlen(text), best = length <= 3 ? 2 : length <= 6 ? 3 : 4;
	const char *found = NULL;
	for (int i = 0; i < n; i++) {
		int d = distance(text, names[i]);
		if (d < best) {
			best = d;
			found = names[i];
		}
	}
	return found;
}
