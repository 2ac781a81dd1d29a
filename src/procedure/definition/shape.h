/* Tables that say what a mapping of a definition may hold, and where its values go. A definition is
 * read by walking the YAML tree along these tables: the same walk fills the C structures and the
 * definition's JSON, puts in the defaults, and finds unknown, missing and misshapen values. */
#ifndef PROCEDURE_DEFINITION_SHAPE_H
#define PROCEDURE_DEFINITION_SHAPE_H

#include "procedure/definition/private.h"

enum value_kind {
	V_TEXT,     /* const char *; min..max characters */
	V_REF,      /* struct ref */
	V_REFS,     /* struct list of struct ref */
	V_NAME,     /* const char *: [a-z][a-z0-9_]* */
	V_SLUG,     /* const char *: [a-z0-9][a-z0-9_-]* */
	V_WORDS,    /* const json_t *: {ja, en} */
	V_WORDS_OR, /* the same, or one of names[] (then NULL is stored) */
	V_INT,      /* int64_t in min..max */
	V_YEARS,    /* int64_t in min..max, or "permanent" (0) */
	V_BOOL,     /* bool */
	V_ENUM,     /* int64_t: index in names[] */
	V_SET,      /* int64_t: bits of names[] */
	V_EXPR,     /* int: number of the expression */
	V_COND,     /* struct cond */
	V_DATE,     /* struct date; "today" when max is 1 */
	V_DAY,      /* struct date, or {month_day: 06-01} (year 0) */
	V_RAW,      /* struct yaml_node *: looked at later */
	V_NUMBERS,  /* const json_t *: {slug: number} */
	V_NOTICE,   /* default, none, or {subject, body} */
	V_MAP,      /* a struct of shape */
	V_MAP_OR,   /* the same, or one of names[] */
	V_LIST      /* struct list of structs of shape; min..max of them */
};

enum { NO_OFFSET = -1 };

struct rule {
	const char *key;
	enum value_kind kind;
	bool required;
	const char *fallback;     /* what stands for an absent value, as YAML text */
	int offset;               /* in the C structure, or NO_OFFSET */
	const char *const *names; /* NULL-terminated */
	const struct shape *shape;
	int64_t min, max;
	unsigned types; /* keys of fields: bits of the field types that have it; 0: all */
};

struct shape {
	const char *what; /* "a section": for messages */
	size_t size;      /* 0: nothing is stored */
	const struct rule *rules;
	int nrules;
	void (*init)(void *item);
	/* After the rules; may look at the node again. */
	void (*after)(struct loader *, const struct yaml_node *, void *item, json_t *json);
};

extern const struct shape procedure_shape;

#endif
