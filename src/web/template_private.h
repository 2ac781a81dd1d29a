/* Shared between the template files only.
 *
 *   source --template_parse()--> tree --template_compile()--> program --template_run()--> bytes
 *
 * Trees live as long as one compilation; programs as long as the set. What must hold:
 *   1. A program is immutable once it is in the table, and everything it calls is in the table too:
 *      rendering takes no lock.
 *   2. Nothing a template or a view contains makes rendering unbounded: nesting, calls, steps and
 *      output have the limits below.
 *   3. A failed compilation leaves nothing behind (its unit's arena is freed). */
#ifndef WEB_TEMPLATE_PRIVATE_H
#define WEB_TEMPLATE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "web/template.h"

enum {
	NEST_MAX = 32,         /* sections, parents and blocks inside each other, in one program */
	CALL_MAX = 48,         /* partials inside each other while rendering */
	STACK_MAX = 256,       /* objects on the context stack */
	OPS_MAX = 1 << 16,     /* instructions of one program */
	SOURCE_MAX = 1 << 20,  /* bytes of one template */
	OUTPUT_MAX = 64 << 20, /* bytes of one rendering */
	STEPS_MAX = 20 * 1000 * 1000, /* loop turns and calls of one rendering */
	BUCKETS = 512,                /* of the table of programs; a power of two */
	KNOWN_MAX = 64                /* names of the view that a rendering remembers; likewise */
};

/* --- tree --- */
enum node_kind {
	NODE_TEXT,
	NODE_LINE, /* start of a source line that is not standalone: its leading white space */
	NODE_VALUE,
	NODE_SECTION,
	NODE_INVERTED,
	NODE_PARTIAL,
	NODE_PARENT,
	NODE_BLOCK
};

struct node {
	enum node_kind kind;
	bool raw;      /* NODE_VALUE: not escaped */
	bool own_line; /* the tag (of a pair: the opening one) stands alone on its line */
	int line;
	struct str text;   /* TEXT, LINE: bytes; others: the tag's content */
	struct str indent; /* white space in front of the tag's line */
	struct node *child, *next;
};

/* The tree points into source, which must outlive it. */
int template_parse(
    struct arena *, const char *name, struct str source, struct node **out, struct err *);

/* --- program --- */
enum op_kind {
	OP_TEXT,
	OP_VALUE,
	OP_SECTION,  /* false: go to jump (behind its OP_END) */
	OP_INVERTED, /* true: go to jump; has no end of its own */
	OP_END,      /* next turn of the innermost section, or on */
	OP_CALL
};

enum format {
	FORMAT_PLAIN,
	FORMAT_TR,
	FORMAT_DATE,
	FORMAT_ERA,
	FORMAT_DATETIME,
	FORMAT_YEN,
	FORMAT_NUMBER,
	FORMAT_BYTES,
	FORMAT_URL,
	FORMAT_JSON,
	FORMAT_COUNT
};

enum op_flag {
	OP_RAW = 1,
	OP_LOCAL = 2, /* looked up in the innermost object only */
	OP_TEST = 4   /* {{#?x}}: true or false, neither a list nor a context */
};

struct program;

/* A part of a dotted name. */
struct part {
	struct str name;
	unsigned slot; /* below KNOWN_MAX, the same for the same name */
};

struct op {
	unsigned char kind, format, flags, nparts; /* nparts 0: the innermost value itself, {{.}} */
	uint32_t jump;
	union {
		struct str text;
		const struct part *path;
		const struct program *call;
	};
};

struct program {
	const char *name, *lang;
	struct str indent; /* put in front of each line: a partial that stood indented */
	const struct op *ops;
	uint32_t nops;
	atomic_size_t size_seen; /* bytes of the largest rendering, to reserve them at once */
	struct program *next;    /* in its bucket, or in the unit being compiled */
};

struct unit { /* what one compilation made; freed with the set */
	struct arena *arena;
	struct unit *next;
};

struct templates {
	template_source_fn source;
	void *source_arg;
	const struct i18n *i18n;
	pthread_mutex_t lock; /* held while compiling; guards units */
	struct unit *units;
	_Atomic(struct program *) table[BUCKETS]; /* read without the lock, only ever grows */
};

const struct program *templates_find(
    const struct templates *, const char *name, const char *lang, struct str indent);

/* Compiles text, or the named template when text.p is NULL, and what it calls. New programs are
 * chained in *made (the last one first, *out among them); memory is keep's. strict: missing
 * partials and missing catalogue keys are errors. The set's lock is held, or text is given. */
int template_compile(struct templates *, struct arena *keep, const char *name, struct str text,
    const char *lang, bool strict, struct program **out, struct program **made, struct err *);

/* frame may be NULL. */
int template_run(const struct templates *, const struct program *, const char *lang, json_t *frame,
    json_t *view, struct buf *out, struct err *);

/* The places of "{name}" holes in a catalogue text: cuts the literal part off *rest; true with the
 * hole's name when one follows it. */
bool template_hole(struct str *rest, struct str *literal, struct str *hole);

#endif
