/* Postal codes and addresses, from the built-in table of Japan Post (data/postal-code).
 * Thread-safe; a look-up unpacks one block of the table (some 10 KB) and keeps nothing. */
#ifndef BASE_POSTAL_H
#define BASE_POSTAL_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct postal_address {
	const char *code; /* "7608571" */
	/* 全国地方公共団体コード, 6 digits, of the city or ward; "" when it is not known */
	const char *city_code;
	const char *prefecture, *city, *town; /* "香川県", "高松市", "番町" ("" for none) */
	const char *prefecture_kana, *city_kana, *town_kana; /* "カガワケン" … */
	const char *street, *office, *office_kana; /* of a large office's own code; "" for areas */
};

/* The addresses of a code (any width, hyphen or not), most have one, some dozens: on the arena, and
 * returns their number; 0 when there is no such code. */
size_t postal_find(struct arena *, struct str code, struct postal_address **out);

/* The day of the table: "2026-08". */
const char *postal_version(void);

#endif
