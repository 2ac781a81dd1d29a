/* A text is read as characters: percent escapes count as the bytes they stand for, so that an
 * address can be looked at as it came. A run is digits in groups, with one separator between two of
 * them:
 *
 *  1. Hyphens hold a run together; a run with fewer or more digits than twelve is no number.
 *  2. At a space a run may end or begin as well, so that "5 123456789018" has the number in it. */
#include "base/individual.h"

#include <string.h>

#include "base/check.h"

enum { DIGITS = 12 };

enum kind { DIGIT, SPACE, HYPHEN, LETTER, OTHER };

struct sign {
	enum kind kind;
	int digit;
	size_t bytes; /* in the text */
	bool plus;
};

static int hex(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
	                                            : -1;
}

/* A byte and its place in the text: one, or three as an escape; 0 at the end. */
static size_t byte_at(struct str s, size_t i, unsigned *byte)
{
	if (i >= s.n)
		return 0;
	*byte = (unsigned char)s.p[i];
	if (*byte != '%' || i + 2 >= s.n || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
		return 1;
	*byte = (unsigned)(hex(s.p[i + 1]) << 4 | hex(s.p[i + 2]));
	return 3;
}

static struct sign sign_at(struct str s, size_t i)
{
	struct sign out = {.kind = OTHER};
	unsigned byte, code;
	size_t n = byte_at(s, i, &byte);
	code = byte;
	out.bytes = n;
	if (byte >= 0xE0 &&
	    byte < 0xF0) { /* what follows is of three bytes: digits and spaces of Japanese */
		unsigned second = 0, third = 0;
		size_t b = byte_at(s, i + n, &second), c = b ? byte_at(s, i + n + b, &third) : 0;
		if (c && second >> 6 == 2 && third >> 6 == 2) {
			code = (byte & 15) << 12 | (second & 63) << 6 | (third & 63);
			out.bytes = n + b + c;
		}
	}
	if ((code >= '0' && code <= '9') || (code >= 0xFF10 && code <= 0xFF19)) {
		out.kind = DIGIT;
		out.digit = (int)(code >= 0xFF10 ? code - 0xFF10 : code - '0');
	} else if (code == ' ' || code == '+' || code == '\t' || code == 0x3000) {
		out.kind = SPACE;
		out.plus = code == '+' && n == 1;
	} else if (code == '-' || (code >= 0x2010 && code <= 0x2015) || code == 0x2212 ||
	           code == 0xFF0D || code == 0x30FC) {
		out.kind = HYPHEN;
	} else if ((code >= 'a' && code <= 'z') || (code >= 'A' && code <= 'Z')) {
		out.kind = LETTER;
	}
	return out;
}

/* Does a digit or letter follow, also behind a hyphen? */
static bool goes_on(struct str s, size_t i)
{
	struct sign next = i < s.n ? sign_at(s, i) : (struct sign){.kind = OTHER};
	if (next.kind == HYPHEN && i + next.bytes < s.n)
		next = sign_at(s, i + next.bytes);
	return next.kind == DIGIT || next.kind == LETTER;
}

/* The number that begins at i; its length in bytes, or 0. */
static size_t number_at(struct str s, size_t i, bool alone)
{
	char digits[DIGITS];
	int n = 0;
	size_t at = i;
	while (n < DIGITS) {
		struct sign sign = at < s.n ? sign_at(s, at) : (struct sign){.kind = OTHER};
		if (n > 0 && (sign.kind == SPACE || sign.kind == HYPHEN)) {
			at += sign.bytes;
			sign = at < s.n ? sign_at(s, at) : (struct sign){.kind = OTHER};
		}
		if (sign.kind != DIGIT)
			return 0;
		digits[n++] = (char)('0' + sign.digit);
		at += sign.bytes;
	}
	if (!check_individual_number((struct str){digits, DIGITS}))
		return 0;
	struct sign next = at < s.n ? sign_at(s, at) : (struct sign){.kind = OTHER};
	if (alone ? goes_on(s, at) : next.kind == DIGIT)
		return 0;
	return at - i;
}

/* The next number from *at on; its length, 0: none. *at is where it begins. */
static size_t next_number(struct str s, size_t *at, bool alone)
{
	struct sign before = {.kind = OTHER}, last = {.kind = OTHER};
	for (size_t i = *at; i < s.n;) {
		struct sign sign = sign_at(s, i);
		bool follows = last.kind == DIGIT ||
		               (alone && (last.kind == LETTER || last.plus ||
		                             (last.kind == HYPHEN &&
		                                 (before.kind == DIGIT || before.kind == LETTER))));
		size_t n = sign.kind == DIGIT && !follows ? number_at(s, i, alone) : 0;
		if (n) {
			*at = i;
			return n;
		}
		before = last;
		last = sign;
		i += sign.bytes;
	}
	return 0;
}

bool individual_number_find(struct str s, struct str *found)
{
	size_t at = 0, n = next_number(s, &at, true);
	if (n && found)
		*found = (struct str){s.p + at, n};
	return n > 0;
}

void individual_number_mask(char *text, size_t n)
{
	struct str s = {text, n};
	for (size_t at = 0, size; (size = next_number(s, &at, false)) > 0; at += size)
		memset(text + at, '*', size);
}
