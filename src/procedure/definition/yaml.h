/* YAML as a tree that knows where each of its nodes stands. Private to the module. */
#ifndef PROCEDURE_YAML_H
#define PROCEDURE_YAML_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"
#include "procedure/definition.h"

/* Bounds of a file; the reader stops at the first that is passed. */
enum { YAML_BYTES_MAX = 1 << 20, YAML_NODES_MAX = 50000, YAML_DEEP_MAX = 16, YAML_KEYS_MAX = 512 };

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	bool plain; /* a text without quotes: may be a number or true/false */
	int line, column;
	struct str text; /* of a YAML_TEXT; NUL-terminated after the end */
	struct str key;  /* name of this node in its map */
	int key_line, key_column;
	struct yaml_node *first, *next; /* children; siblings */
	int count;                      /* children */
};

/* Problems of one file, in any order until problems_sort(). */
struct problems {
	struct arena *arena;
	const char *file;
	struct definition_problem *items;
	int n, cap;
	int warnings; /* among them */
	bool lenient; /* what is added from here on is a warning */
};

enum { PROBLEMS_MAX = 200 }; /* more are not kept */

/* remedy may be NULL; both are copied. */
void problem_add(struct problems *, int line, int column, const char *remedy, const char *what, ...)
    __attribute__((format(printf, 5, 6)));
void problems_sort(struct problems *);

/* The tree of the one document in text, on the arena; NULL when there is none or when the file is
 * no YAML, with a problem. Duplicate keys, anchors, aliases and tags are problems, too. */
struct yaml_node *yaml_tree(struct arena *, struct str text, struct problems *);

/* The child of a map; NULL when absent or when node is no map. */
struct yaml_node *yaml_get(const struct yaml_node *, const char *key);

#endif
