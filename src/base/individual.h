/* 個人番号 where none belongs: in an address, in free text, in a line of the log. What people type
 * is found as they type it: half or full width, in groups with spaces or hyphens, percent-encoded.
 */
#ifndef BASE_INDIVIDUAL_H
#define BASE_INDIVIDUAL_H

#include <stdbool.h>

#include "base/str.h"

/* The first run of twelve digits with a right check digit that stands for itself: no further digit,
 * letter, or hyphen with such a one is beside it (receipt numbers, hexadecimal names and phone
 * numbers with a country code are none). found may be NULL. */
bool individual_number_find(struct str, struct str *found);

/* Writes asterisks over every such run, whatever letters are beside it. For what is kept or sent
 * where nobody needs it: one of eleven other numbers of twelve digits is lost with them. */
void individual_number_mask(char *text, size_t n);

#endif
