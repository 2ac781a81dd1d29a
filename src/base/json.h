/* Helpers over jansson, and canonical text. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Members of an object, by key; obj may be NULL or no object. Borrowed: they live as long as obj.
 */
const char *json_text(const json_t *obj, const char *key); /* NULL: absent or no text */
const char *json_text_or(const json_t *obj, const char *key, const char *fallback);
int64_t json_i64(const json_t *obj, const char *key, int64_t fallback); /* whole numbers only */
bool json_on(const json_t *obj, const char *key);                       /* true only for true */

/* The value at a dotted path: "applicant.address.postal_code", "children.0.name". Keys with a dot
 * in them cannot be reached. NULL when there is none. Borrowed. */
json_t *json_path(const json_t *, const char *path);
const char *json_path_text(const json_t *, const char *path);

/* Gives one reference to the arena, which drops it at its end. Returns j; NULL is allowed. */
json_t *json_on_arena(struct arena *, json_t *j);

/* Appends a value without white space, with keys sorted, as RFC 8785 (JCS) has it; one difference:
 * whole numbers are exact in the range of int64_t, not rounded to doubles. Equal values give equal
 * bytes, so the result can be hashed and signed. */
void json_canonical(struct buf *, const json_t *);
/* As json_canonical() on the arena. */
char *json_canonical_text(struct arena *, const json_t *);

/* The shortest text that reads back as the same double, as ECMAScript writes it ("1e+21", "0.1").
 */
void buf_real(struct buf *, double);

#endif
