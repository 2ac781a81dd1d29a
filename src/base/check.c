#include "base/check.h"

#include <string.h>

#include "base/secret.h"
#include "base/text.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool all_digits(struct str s, size_t n)
{
	if (s.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_digit(s.p[i]))
			return false;
	return true;
}

char check_individual_digit(const char digits[static 11])
{
	int sum = 0;
	for (int n = 1; n <= 11; n++) { /* from the right */
		int weight = n <= 6 ? n + 1 : n - 5;
		sum += (digits[11 - n] - '0') * weight;
	}
	int rest = sum % 11;
	return (char)('0' + (rest <= 1 ? 0 : 11 - rest));
}

bool check_individual_number(struct str s)
{
	return all_digits(s, 12) && check_individual_digit(s.p) == s.p[11];
}

bool check_corporate_number(struct str s)
{
	if (!all_digits(s, 13))
		return false;
	int sum = 0;
	for (int n = 1; n <= 12; n++) /* from the right */
		sum += (s.p[13 - n] - '0') * (n % 2 ? 1 : 2);
	return s.p[0] - '0' == 9 - sum % 9;
}

bool check_email(struct str s)
{
	const char *at = s.n ? memchr(s.p, '@', s.n) : NULL;
	if (!at || s.n > 254)
		return false;
	size_t local = (size_t)(at - s.p);
	if (local < 1 || local > 64)
		return false;
	for (size_t i = 0; i < local; i++) {
		char c = s.p[i];
		if (!is_digit(c) && !is_letter(c) &&
		    (c == '\0' || !strchr(".!#$%&'*+/=?^_`{|}~-", c)))
			return false;
	}
	struct str domain = {at + 1, s.n - local - 1}, label;
	int labels = 0;
	if (domain.n == 0 || domain.p[domain.n - 1] == '.')
		return false;
	while (str_cut(&domain, '.', &label)) {
		labels++;
		if (label.n < 1 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
			return false;
		for (size_t i = 0; i < label.n; i++)
			if (!is_digit(label.p[i]) && !is_letter(label.p[i]) && label.p[i] != '-')
				return false;
	}
	return labels >= 2;
}

bool check_phone(struct str s)
{
	bool international = s.n && s.p[0] == '+';
	char digits[16];
	size_t n = 0;
	bool open = false, between = false; /* a sign may stand between digits only */
	for (size_t i = international; i < s.n; i++) {
		char c = s.p[i];
		if (is_digit(c)) {
			if (n == sizeof(digits))
				return false;
			digits[n++] = c;
			between = true;
		} else if (c == '-') {
			if (!between || i + 1 == s.n)
				return false;
			between = false;
		} else if (c == '(') {
			if (open || i + 1 == s.n)
				return false;
			open = true;
			between = false;
		} else if (c == ')') {
			if (!open || !between)
				return false;
			open = false;
		} else {
			return false;
		}
	}
	if (open)
		return false;
	if (international)
		return n >= 7 && n <= 15 && digits[0] != '0';
	/* 0x0 is mobile, IP and data: 11 digits; 0120, 0570 and areas: 10; 0800 is free: 11 */
	bool eleven = n == 11 && digits[0] == '0' && digits[1] != '0' && digits[2] == '0';
	return eleven || (n == 10 && digits[0] == '0' && digits[1] != '0');
}

bool check_postal_code(struct str s)
{
	if (s.n == 8 && s.p[3] == '-')
		return all_digits((struct str){s.p, 3}, 3) &&
		       all_digits((struct str){s.p + 4, 4}, 4);
	return all_digits(s, 7);
}

bool check_account_number(struct str s)
{
	return all_digits(s, 7);
}

/* --- receipt numbers --- */

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* c·x in GF(32), reduced by x^5 = x^2 + 1. */
static unsigned times_x(unsigned c)
{
	c <<= 1;
	return c & 32 ? c ^ 0x25 : c;
}

/* Σ c_i·x^i by Horner's rule from the highest power; c_0 is the last character. */
static unsigned syndrome(const unsigned c[static 12])
{
	unsigned sum = 0;
	for (int i = 0; i < 12; i++)
		sum = times_x(sum) ^ c[i];
	return sum;
}

static void write_groups(const unsigned c[static 12], char out[static RECEIPT_NUMBER_SIZE])
{
	size_t at = 0;
	for (int i = 0; i < 12; i++) {
		if (i == 4 || i == 8)
			out[at++] = '-';
		out[at++] = alphabet[c[i]];
	}
	out[at] = '\0';
}

void receipt_number_format(uint64_t value, char out[static RECEIPT_NUMBER_SIZE])
{
	unsigned c[12] = {0};
	for (int i = 10; i >= 0; i--) {
		c[i] = value & 31;
		value >>= 5;
	}
	c[11] = syndrome(c); /* its weight is 1, so that the sum becomes 0 */
	write_groups(c, out);
}

void receipt_number_random(char out[static RECEIPT_NUMBER_SIZE])
{
	uint64_t value;
	random_bytes(&value, sizeof(value));
	receipt_number_format(value, out);
}

bool receipt_number_parse(struct str typed, char out[static RECEIPT_NUMBER_SIZE])
{
	struct buf plain = {0};
	text_fold_digits(&plain, typed);
	unsigned c[12];
	bool ok = plain.n == 12;
	for (size_t i = 0; ok && i < 12; i++) {
		char letter = plain.p[i];
		if (letter >= 'a' && letter <= 'z')
			letter = (char)(letter - 'a' + 'A');
		letter = letter == 'O' ? '0' : letter == 'I' || letter == 'L' ? '1' : letter;
		letter = letter == 'U' ? 'V' : letter;
		const char *at = letter ? strchr(alphabet, letter) : NULL;
		ok = at != NULL;
		c[i] = ok ? (unsigned)(at - alphabet) : 0;
	}
	buf_free(&plain);
	if (!ok || syndrome(c) != 0)
		return false;
	write_groups(c, out);
	return true;
}
