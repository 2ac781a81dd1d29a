/* A row of a backup's table, read without a tree of its values: a restore does little else. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "store/private.h"

struct reader {
	const char *p, *end;
	struct arena *arena;
};

static void skip_blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r' || *r->p == '\n'))
		r->p++;
}

/* The character c, with blanks around it. */
static bool take(struct reader *r, char c)
{
	skip_blanks(r);
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	skip_blanks(r);
	return true;
}

static bool take_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
		return false;
	r->p += n;
	return true;
}

/* Four hexadecimal digits; -1 when they are not there. */
static int32_t take_unit(struct reader *r)
{
	int32_t v = 0;
	if (r->end - r->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = *r->p++;
		int digit = c >= '0' && c <= '9'   ? c - '0'
		            : c >= 'a' && c <= 'f' ? c - 'a' + 10
		            : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                   : -1;
		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* What stands after a backslash. */
static bool take_escape(struct reader *r, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (r->p == r->end)
		return false;
	char c = *r->p++;
	const char *at = c ? strchr(from, c) : NULL;
	if (at) {
		buf_putc(out, to[at - from]);
		return true;
	}
	int32_t v = c == 'u' ? take_unit(r) : -1;
	if (v >= 0xD800 && v < 0xDC00) { /* a pair */
		int32_t low = take_word(r, "\\u") ? take_unit(r) : -1;
		v = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00)
		                                  : -1;
	}
	if (v < 0 || (v >= 0xDC00 && v < 0xE000))
		return false;
	utf8_put(out, (uint32_t)v);
	return true;
}

/* A string behind its first quote; without escapes it stays where it is. */
static bool take_string(struct reader *r, struct str *out)
{
	struct buf copy = {0};
	const char *start = r->p;
	for (; r->p < r->end && *r->p != '"'; start = r->p) {
		while (
		    r->p < r->end && *r->p != '"' && *r->p != '\\' && (unsigned char)*r->p >= 0x20)
			r->p++;
		if (r->p == r->end || (unsigned char)*r->p < 0x20)
			return false;
		if (*r->p == '"' && !copy.arena)
			break;
		if (!copy.arena)
			buf_init(&copy, r->arena);
		buf_add(&copy, start, (size_t)(r->p - start));
		if (*r->p == '\\' && (r->p++, !take_escape(r, &copy)))
			return false;
	}
	if (r->p == r->end)
		return false;
	*out = copy.arena ? buf_to_str(&copy) : (struct str){start, (size_t)(r->p - start)};
	r->p++;
	return true;
}

/* RFC 8259 §6. */
static bool take_number(struct reader *r, struct db_arg *out)
{
	const char *start = r->p, *digits = start + (*start == '-');
	char text[64];
	while (r->p < r->end && *r->p && strchr("+-.0123456789Ee", *r->p))
		r->p++;
	struct str number = {start, (size_t)(r->p - start)};
	if (number.n == 0 || number.n >= sizeof(text) || digits == r->p || *digits < '0' ||
	    *digits > '9' ||
	    (*digits == '0' && r->p - digits > 1 && digits[1] >= '0' && digits[1] <= '9'))
		return false;
	*out = (struct db_arg){.type = 'i'};
	if (str_to_i64(number, INT64_MIN, INT64_MAX, &out->i))
		return true;
	(void)snprintf(text, sizeof(text), "%.*s", STR_ARG(number)); /* it fits */
	char *end, *point = strchr(text, '.');
	if (!strpbrk(text, ".Ee") || (point && (point[1] < '0' || point[1] > '9')))
		return false;
	*out = (struct db_arg){.type = 'd', .d = strtod(text, &end)};
	return *end == '\0' && out->d - out->d == 0; /* finite */
}

/* {"b": base64} */
static bool take_bytes(struct reader *r, struct db_arg *out)
{
	struct str text;
	if (!take_word(r, "\"b\"") || !take(r, ':') || !take_word(r, "\"") ||
	    !take_string(r, &text) || !take(r, '}') || text.n % 4 || text.n > INT32_MAX)
		return false;
	unsigned char *bytes = arena_alloc(r->arena, text.n / 4 * 3 + 1);
	int got = EVP_DecodeBlock(bytes, (const unsigned char *)text.p, (int)text.n);
	size_t pad = text.n ? (text.p[text.n - 1] == '=') + (text.p[text.n - 2] == '=') : 0;
	if (got < 0)
		return false;
	*out = (struct db_arg){.type = 'b', .s = {(char *)bytes, (size_t)got - pad}};
	return true;
}

static bool take_value(struct reader *r, struct db_arg *out)
{
	skip_blanks(r);
	if (r->p == r->end)
		return false;
	switch (*r->p) {
	case 'n':
		*out = (struct db_arg){.type = 'n'};
		return take_word(r, "null");
	case '"':
		*out = (struct db_arg){.type = 's'};
		r->p++;
		return take_string(r, &out->s);
	case '{':
		(void)take(r, '{'); /* it is there */
		return take_bytes(r, out);
	default:
		return take_number(r, out);
	}
}

int backup_row(struct str line, struct arena *a, struct db_arg *values, int max)
{
	struct reader r = {line.p, line.p + line.n, a};
	int n = 0;
	bool good = utf8_valid(line) && take(&r, '[');
	if (good && !take(&r, ']'))
		do
			good = n < max && take_value(&r, &values[n++]);
		while (good && take(&r, ','));
	else
		return good && r.p == r.end ? 0 : -1;
	return good && take(&r, ']') && r.p == r.end ? n : -1;
}
