/* Checks of numbers and addresses that forms ask for. Texts must be folded first (base/text.h):
 * text_fold_digits() for plain numbers, text_fold_number() for phone and mail. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

/* 個人番号: 12 digits, the last one a check digit (番号法総務省令 第5条: 11 - Σ P_n·Q_n mod 11, 0
 * for a remainder of 0 or 1). Nothing is kept or logged. */
bool check_individual_number(struct str digits);
/* The check digit for 11 digits, '0'…'9'; for test data. */
char check_individual_digit(const char digits[static 11]);

/* 法人番号: 13 digits, the first one a check digit (9 - Σ P_n·Q_n mod 9). */
bool check_corporate_number(struct str digits);

/* One address as an HTML form accepts it (WHATWG HTML, "valid e-mail address"), with at least one
 * dot in the domain, and lengths of RFC 5321 §4.5.3.1. Has no line breaks, spaces or quotes, so it
 * is safe in an SMTP command and a header. */
bool check_email(struct str);
/* A Japanese number: 10 digits (11 for 0x0 mobile and IP numbers) that begin with 0, or +, country
 * code and up to 15 digits; hyphens between and parentheses around groups of digits are allowed. */
bool check_phone(struct str);
/* 7 digits, or 3 and 4 with a hyphen. Whether it exists: base/postal.h. */
bool check_postal_code(struct str);
/* 7 digits. */
bool check_account_number(struct str);

/* Receipt numbers (到達番号) and other numbers that people read out and copy by hand.
 *
 * 12 characters in three groups: "7KQ2-M9XC-4T0H". 32 digits and letters without I, L, O and U
 * (Crockford's base 32); the first 11 characters are a number below 2^55, the last one checks: with
 * the characters as elements of GF(32) = GF(2)[x]/(x^5+x^2+1), Σ c_i·x^i = 0 for i = 0…11. One
 * wrong character and two exchanged ones are always noticed, since the weights x^i differ and none
 * is 0. */
enum { RECEIPT_NUMBER_SIZE = 15 }; /* with hyphens and NUL */

/* The number for a value below 2^55; higher bits are ignored. A caller that draws values at random
 * (nobody can guess a neighbour's) relies on a unique column and draws again. */
void receipt_number_format(uint64_t value, char out[static RECEIPT_NUMBER_SIZE]);
/* A random one, from the system's random numbers. */
void receipt_number_random(char out[static RECEIPT_NUMBER_SIZE]);
/* Reads what a person typed: any width, case, spaces and hyphens; O as 0, I and L as 1, U as V.
 * Gives the form of receipt_number_format(). False when a character is wrong. */
bool receipt_number_parse(struct str typed, char out[static RECEIPT_NUMBER_SIZE]);

#endif
