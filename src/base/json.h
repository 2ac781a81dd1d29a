/* Helpers over jansson, canonical text, and a writer for outputs that are too hot or too long to be
 * built as a tree first. */
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
struct str json_str(const json_t *obj, const char *key); /* {NULL, 0}: absent or no text */
int64_t json_i64(const json_t *obj, const char *key, int64_t fallback); /* whole numbers only */
bool json_on(const json_t *obj, const char *key);                       /* true only for true */

/* The value at a dotted path: "applicant.address.postal_code", "children.0.name". Keys with a dot
 * in them cannot be reached. NULL when there is none. Borrowed. */
json_t *json_path(const json_t *, const char *path);
const char *json_path_text(const json_t *, const char *path);

/* Reads one JSON document: ERR_MALFORMED with line and column in the detail. Duplicate keys are
 * refused; depth is limited. New reference, NULL on error. */
json_t *json_read(struct str text, struct err *);

/* Gives one reference to the arena, which drops it at its end. Returns j; NULL is allowed. */
json_t *json_on_arena(struct arena *, json_t *j);

/* Appends a value without white space, with keys sorted, as RFC 8785 (JCS) has it; one difference:
 * whole numbers are exact in the range of int64_t, not rounded to doubles. Equal values give equal
 * bytes, so the result can be hashed and signed. */
void json_canonical(struct buf *, const json_t *);
/* As json_canonical() on the arena. */
char *json_canonical_text(struct arena *, const json_t *);

/* Writes JSON step by step, commas by itself. Wrong order is a mistake of the program (assert). */
struct json_writer {
	struct buf *out;
	uint64_t objects; /* bit for each open level: object or array */
	int depth;        /* at most 64 */
	bool first;       /* no comma before the next value */
	bool keyed;       /* a key was written, its value is due */
};

void jw_init(struct json_writer *, struct buf *out);
void jw_object(struct json_writer *); /* { */
void jw_array(struct json_writer *);  /* [ */
void jw_end(struct json_writer *);    /* } or ] */
void jw_key(struct json_writer *, const char *key);
void jw_str(struct json_writer *, struct str);    /* must be UTF-8; {NULL, 0} is null */
void jw_text(struct json_writer *, const char *); /* NULL is null */
void jw_i64(struct json_writer *, int64_t);
void jw_real(
    struct json_writer *, double); /* shortest text that reads back the same; not finite: null */
void jw_bool(struct json_writer *, bool);
void jw_null(struct json_writer *);
void jw_value(struct json_writer *, const json_t *); /* canonical text of a tree */
void jw_raw(struct json_writer *, struct str json);  /* a text that is JSON already */

/* The shortest text that reads back as the same double, as ECMAScript writes it ("1e+21", "0.1").
 */
void buf_real(struct buf *, double);

#endif
