#include "procedure/definition/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

void problem_add(
    struct problems *ps, int line, int column, const char *remedy, const char *what, ...)
{
	if (ps->n == PROBLEMS_MAX)
		return;
	if (ps->n == ps->cap) {
		int cap = ps->cap ? ps->cap * 2 : 8;
		struct definition_problem *items =
		    arena_array(ps->arena, (size_t)cap, sizeof(*items));
		if (ps->n)
			memcpy(items, ps->items, (size_t)ps->n * sizeof(*items));
		ps->items = items;
		ps->cap = cap;
	}
	va_list ap;
	va_start(ap, what);
	ps->items[ps->n++] = (struct definition_problem){
	    .file = ps->file,
	    .line = line,
	    .column = column,
	    .what = arena_vprintf(ps->arena, what, ap),
	    .remedy = remedy ? arena_strdup(ps->arena, remedy) : NULL,
	    .warning = ps->lenient,
	};
	ps->warnings += ps->lenient;
	va_end(ap);
}

static int by_place(const void *a, const void *b)
{
	const struct definition_problem *x = a, *y = b;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->what, y->what);
}

void problems_sort(struct problems *ps)
{
	if (ps->n > 1)
		qsort(ps->items, (size_t)ps->n, sizeof(*ps->items), by_place);
}

struct reader {
	yaml_parser_t parser;
	struct str text;
	struct arena *arena;
	struct problems *problems;
	int nodes;
};

static bool stop(struct reader *r, yaml_mark_t at, const char *remedy, const char *what)
{
	problem_add(r->problems, (int)at.line + 1, (int)at.column + 1, remedy, "%s",
	    what ? what : "not YAML");
	return false;
}

/* A line of the file, from 0. */
static struct str line_at(const struct reader *r, size_t n)
{
	struct str rest = r->text, line = {NULL, 0};
	for (size_t i = 0; i <= n && str_cut(&rest, '\n', &line); i++)
		;
	return line;
}

static bool has_tab_in_front(struct str line)
{
	size_t i = 0;
	while (i < line.n && line.p[i] == ' ')
		i++;
	return i < line.n && line.p[i] == '\t';
}

/* Signs of a Japanese keyboard that look like those of YAML; NULL: the line has none. */
static const char *wide_sign(struct str line)
{
	static const char *const signs[] = {
	    "：", "，", "、", "　", "“", "”", "｛", "｝", "［", "］", "＃"};
	for (size_t i = 0; i < COUNT(signs); i++)
		if (memmem(line.p, line.n, signs[i], strlen(signs[i])))
			return signs[i];
	return NULL;
}

/* What libyaml says when one of these mistakes was made. context: it is where its context begins
 * that the mistake is, and not where it was noticed. */
static const struct {
	const char *problem, *context, *remedy;
	bool at_context;
} mistakes[] = {
    {"tab character", NULL, "indent with spaces: the line has a tab", false},
    {"cannot start any token", NULL,
        "put the text in quotes: it begins with @, %, ` or another sign of YAML", false},
    {"expected ':'", NULL, "write `name: value`, with a space after the colon", true},
    {"did not find", "flow",
        "close what opens here; in {…} and […], a text with `,`, `:` or `#` needs quotes", true},
    {"did not find", "quoted scalar", "close the quotes that open here", true},
    {"did not find", "block",
        "indent this line as those beside it: it stands further left or right", false},
    {"mapping values", NULL, "put a text with a colon in quotes", false},
};

static bool next_event(struct reader *r, yaml_event_t *e)
{
	const yaml_parser_t *p = &r->parser;
	if (yaml_parser_parse(&r->parser, e))
		return true;
	if (p->error == YAML_READER_ERROR)
		return stop(r, p->problem_mark, "save the file as UTF-8", p->problem);
	const char *problem = p->problem ? p->problem : "", *context = p->context ? p->context : "";
	const char *remedy = "look at indentation, colons and quotes near here";
	yaml_mark_t at = p->problem_mark;
	for (size_t i = 0; i < COUNT(mistakes); i++)
		if (strstr(problem, mistakes[i].problem) &&
		    (!mistakes[i].context || strstr(context, mistakes[i].context))) {
			remedy = mistakes[i].remedy;
			at = mistakes[i].at_context && context[0] ? p->context_mark : at;
			break;
		}
	const struct str line = line_at(r, at.line);
	if (has_tab_in_front(line))
		remedy = mistakes[0].remedy;
	const char *sign = wide_sign(line);
	if (sign)
		remedy = arena_printf(r->arena,
		    "%s (`%s` is a wide sign: outside of texts write the narrow one)", remedy,
		    sign);
	return stop(r, at, remedy,
	    arena_printf(r->arena, "%s%s%s", problem, context[0] ? " " : "", context));
}

/* Anchors and tags have no use here and make files hard to read; aliases could also make a small
 * file large. */
static bool plain_event(struct reader *r, const yaml_event_t *e)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		anchor = e->data.scalar.anchor;
		tag = e->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = e->data.sequence_start.anchor;
		tag = e->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = e->data.mapping_start.anchor;
		tag = e->data.mapping_start.tag;
		break;
	case YAML_ALIAS_EVENT:
		return stop(
		    r, e->start_mark, "write the value out", "aliases (*name) are not allowed");
	default:
		break;
	}
	if (anchor)
		return stop(r, e->start_mark, "take it away", "anchors (&name) are not allowed");
	if (tag)
		return stop(r, e->start_mark, "put texts that begin with ! in quotes",
		    "tags (!name) are not allowed");
	return true;
}

static struct yaml_node *node_new(struct reader *r, enum yaml_kind kind, yaml_mark_t at)
{
	if (++r->nodes > YAML_NODES_MAX) {
		stop(r, at, "split it", "the file has too many values");
		return NULL;
	}
	struct yaml_node *node = arena_new_of(r->arena, struct yaml_node);
	node->kind = kind;
	node->line = (int)at.line + 1;
	node->column = (int)at.column + 1;
	return node;
}

static struct str copy(struct reader *r, const yaml_event_t *e)
{
	const char *p = (const char *)e->data.scalar.value;
	size_t n = e->data.scalar.length;
	return (struct str){arena_strndup(r->arena, p, n), n};
}

static struct yaml_node *read_value(struct reader *, yaml_event_t *, int depth);

/* The key of the pair that begins with event e; false on a problem that ends the reading. */
static bool read_key(struct reader *r, const yaml_event_t *e, struct str *key)
{
	if (e->type != YAML_SCALAR_EVENT)
		return stop(r, e->start_mark, "write `name: value`", "a name is wanted here");
	if (!plain_event(r, e))
		return false;
	*key = copy(r, e);
	if (!utf8_valid(*key))
		return stop(r, e->start_mark, "take it away", "a character that no name can have");
	return true;
}

static bool read_children(struct reader *r, struct yaml_node *node, int depth)
{
	struct yaml_node **tail = &node->first;
	for (;;) {
		yaml_event_t e;
		if (!next_event(r, &e))
			return false;
		if (e.type == YAML_MAPPING_END_EVENT || e.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&e);
			return true;
		}
		yaml_mark_t at = e.start_mark;
		struct str key = {NULL, 0};
		if (node->kind == YAML_MAP) {
			bool ok = read_key(r, &e, &key);
			yaml_event_delete(&e);
			if (!ok || !next_event(r, &e))
				return false;
		}
		struct yaml_node *child = read_value(r, &e, depth + 1);
		yaml_event_delete(&e);
		if (!child)
			return false;
		child->key = key;
		child->key_line = (int)at.line + 1;
		child->key_column = (int)at.column + 1;
		if (node->kind == YAML_MAP) {
			if (node->count >= YAML_KEYS_MAX)
				return stop(r, at, NULL, "too many keys in one place");
			const struct yaml_node *same = key.n ? yaml_get(node, key.p) : NULL;
			if (same) {
				problem_add(r->problems, child->key_line, child->key_column,
				    "keep one of the two", "`%s` is here twice (first in line %d)",
				    key.p, same->key_line);
				continue;
			}
		}
		*tail = child;
		tail = &child->next;
		node->count++;
	}
}

static struct yaml_node *read_value(struct reader *r, yaml_event_t *e, int depth)
{
	if (!plain_event(r, e))
		return NULL;
	if (depth > YAML_DEEP_MAX) {
		stop(r, e->start_mark, NULL, "too deeply nested");
		return NULL;
	}
	enum yaml_kind kind = e->type == YAML_SCALAR_EVENT          ? YAML_TEXT
	                      : e->type == YAML_MAPPING_START_EVENT ? YAML_MAP
	                                                            : YAML_LIST;
	struct yaml_node *node = node_new(r, kind, e->start_mark);
	if (!node)
		return NULL;
	if (kind == YAML_TEXT) {
		node->text = copy(r, e);
		node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		if (!utf8_valid(node->text)) {
			stop(r, e->start_mark, "take it away", "a character that no text can have");
			return NULL;
		}
		return node;
	}
	return read_children(r, node, depth) ? node : NULL;
}

static struct yaml_node *read_document(struct reader *r)
{
	struct yaml_node *root = NULL;
	for (bool more = true; more;) {
		yaml_event_t e;
		if (!next_event(r, &e))
			return NULL;
		switch (e.type) {
		case YAML_STREAM_END_EVENT:
			more = false;
			break;
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		default:
			if (root) {
				stop(r, e.start_mark, "put each procedure into a file of its own",
				    "a second document begins here");
				root = NULL;
				more = false;
			} else {
				root = read_value(r, &e, 0);
				more = root != NULL;
			}
		}
		yaml_event_delete(&e);
	}
	if (!root && r->problems->n == 0)
		problem_add(r->problems, 1, 1, "begin with `id: …`", "the file is empty");
	return root;
}

struct yaml_node *yaml_tree(struct arena *a, struct str text, struct problems *ps)
{
	if (text.n > YAML_BYTES_MAX) {
		problem_add(
		    ps, 1, 1, "split it", "the file is larger than %d bytes", YAML_BYTES_MAX);
		return NULL;
	}
	/* Some editors begin a file with a byte order mark. */
	if (str_starts(text, "\xef\xbb\xbf"))
		text = (struct str){text.p + 3, text.n - 3};
	struct reader r = {.text = text, .arena = a, .problems = ps};
	if (!yaml_parser_initialize(&r.parser))
		abort();
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
	struct yaml_node *root = read_document(&r);
	yaml_parser_delete(&r.parser);
	return root;
}

struct yaml_node *yaml_get(const struct yaml_node *node, const char *key)
{
	if (!node || node->kind != YAML_MAP)
		return NULL;
	for (struct yaml_node *c = node->first; c; c = c->next)
		if (str_is(c->key, key))
			return c;
	return NULL;
}
