/* Patterns of text fields: the common part of ECMAScript, HTML and JSON Schema patterns that can be
 * matched in time proportional to pattern times text, whatever they say. Private to the module.
 *
 * characters, `.`, [a-z] and [^…] with ranges, \d \w \s and \ before a sign, ( ) and (?: ), |, ? *
 * +, {m} {m,} {m,n}. A pattern must match the whole text; ^ at the start and $ at the end may
 * stand. */
#ifndef PROCEDURE_PATTERN_H
#define PROCEDURE_PATTERN_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

struct pattern;

enum { PATTERN_CODE_MAX = 2000 };

/* On the arena; NULL with *what (a short English text) when it cannot be used. */
struct pattern *pattern_compile(struct arena *, struct str text, const char **what);
bool pattern_matches(const struct pattern *, struct str text);
/* Steps a match of that text may take: for accounting. */
size_t pattern_cost(const struct pattern *, struct str text);

#endif
