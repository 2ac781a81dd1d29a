/* A tree into a program: one flat array of instructions.
 *
 * Parents and their blocks are expanded here, so a page with its layout is one program. A partial
 * becomes a call, so that pages share it and it may recurse; only where blocks of an outer parent
 * are to be filled inside it is it expanded too.
 *
 * White space (specification, partials and ~inheritance): every source line of an expansion gets
 * `add` in front and loses `strip` bytes of its own indentation. A partial on its own line adds the
 * white space in front of its tag. The body that fills a block loses the indentation of its first
 * line, and gets that of the block's default content, or of the block's tag. */
#include "web/template_private.h"

struct source { /* a parsed template of this compilation */
	const char *name;
	struct node *tree;
	bool visiting;
	struct source *next;
};

struct fill { /* what fills a block; an outer parent's comes first and wins */
	struct str name;
	const struct node *body;
	struct fill *next;
};

struct layout {
	struct str add;
	size_t strip;
	const struct fill *fills;
};

struct compiler {
	struct templates *set;
	struct arena *keep, *scratch;
	const char *lang;
	bool strict;
	struct source *sources;
	struct program *made;
	int depth;
	struct err *err;
};

struct emitter { /* one program in the making */
	struct compiler *c;
	const char *name;
	struct op *ops;
	size_t n, cap;
	struct buf text; /* literal bytes not yet emitted */
	int sections;    /* open in the program at this point */
};

static int program_make(
    struct compiler *, const char *name, struct str text, struct str indent, struct program **out);
static int emit(struct emitter *, const struct node *, const struct layout *, const char *file);

static int fail(struct emitter *e, const char *file, int line, const char *what, struct str tag)
{
	return err_set(e->c->err, ERR_INTERNAL, NULL, "%s:%d: %s: %.*s", file, line, what,
	    tag.n > 80 ? 80 : (int)tag.n, tag.p ? tag.p : "");
}

static struct op *op_add(struct emitter *e, struct op op)
{
	if (e->n == e->cap) {
		size_t cap = e->cap ? e->cap * 2 : 64;
		struct op *more = arena_array(e->c->scratch, cap, sizeof(*more));
		if (e->n)
			memcpy(more, e->ops, e->n * sizeof(*more));
		e->ops = more;
		e->cap = cap;
	}
	e->ops[e->n] = op;
	return &e->ops[e->n++];
}

static void text_flush(struct emitter *e)
{
	if (!e->text.n)
		return;
	struct str kept = {arena_strndup(e->c->keep, e->text.p, e->text.n), e->text.n};
	op_add(e, (struct op){.kind = OP_TEXT, .text = kept});
	buf_clear(&e->text);
}

/* --- names --- */
static const struct {
	const char *word;
	enum format format;
} formats[] = {
    {"tr", FORMAT_TR},
    {"date", FORMAT_DATE},
    {"era", FORMAT_ERA},
    {"datetime", FORMAT_DATETIME},
    {"yen", FORMAT_YEN},
    {"number", FORMAT_NUMBER},
    {"bytes", FORMAT_BYTES},
    {"url", FORMAT_URL},
    {"json", FORMAT_JSON},
};
_Static_assert(COUNT(formats) == FORMAT_COUNT - 1, "every format but the plain one has a word");

static struct part part_of(struct arena *a, struct str name)
{
	unsigned h = 2166136261u; /* FNV-1a */
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	return (struct part){.name = {arena_strndup(a, name.p, name.n), name.n},
	    .slot = (h ^ h >> 16) & (KNOWN_MAX - 1)};
}

/* "a.b.c" into parts; "." is the innermost value; ".a" looks in the innermost object only. */
static bool path_parse(struct emitter *e, struct str name, struct op *op)
{
	op->nparts = 0;
	if (str_is(name, "."))
		return true;
	if (name.n && name.p[0] == '.') {
		op->flags |= OP_LOCAL;
		name.p++;
		name.n--;
	}
	size_t n = 1;
	for (size_t i = 0; i < name.n; i++)
		n += name.p[i] == '.';
	if (n > 16)
		return false;
	struct part *parts = arena_array(e->c->keep, n, sizeof(*parts));
	const char *from = name.p, *end = name.p + name.n;
	for (size_t i = 0; i < n; i++) {
		const char *dot = from < end ? memchr(from, '.', (size_t)(end - from)) : NULL;
		size_t len = (size_t)((dot ? dot : end) - from);
		if (len == 0)
			return false;
		parts[i] = part_of(e->c->keep, (struct str){from, len});
		from = dot ? dot + 1 : end;
	}
	op->path = parts;
	op->nparts = (unsigned char)n;
	return true;
}

bool template_hole(struct str *rest, struct str *literal, struct str *hole)
{
	*literal = *rest;
	for (size_t i = 0; i < rest->n; i++) {
		if (rest->p[i] != '{')
			continue;
		size_t k = i + 1;
		while (k < rest->n && ((rest->p[k] >= 'a' && rest->p[k] <= 'z') ||
		                          (rest->p[k] >= 'A' && rest->p[k] <= 'Z') ||
		                          (rest->p[k] >= '0' && rest->p[k] <= '9') ||
		                          rest->p[k] == '_' || rest->p[k] == '.'))
			k++;
		if (k < rest->n && rest->p[k] == '}' && k > i + 1 && rest->p[i + 1] != '.' &&
		    rest->p[k - 1] != '.') {
			literal->n = i;
			*hole = (struct str){rest->p + i + 1, k - i - 1};
			rest->p += k + 1;
			rest->n -= k + 1;
			return true;
		}
	}
	rest->p += rest->n;
	rest->n = 0;
	return false;
}

/* Is it a plain text (a mail)? Then nothing in it is escaped. */
static bool is_plain_text(const char *file)
{
	return str_ends(str_from(file), ".txt");
}

/* {{t.key}}: the catalogue's text is part of the program, its holes are values. */
static int text_of_catalogue(
    struct emitter *e, const struct node *n, const char *key, const char *file)
{
	const struct i18n *i18n = e->c->set->i18n;
	if (e->c->strict && !i18n_find(i18n, e->c->lang, key))
		return fail(e, file, n->line, "no such text in the catalogue", n->text);
	struct str rest = str_from(i18n_get(i18n, e->c->lang, key)), literal, hole;
	bool more, plain = is_plain_text(file);
	do {
		more = template_hole(&rest, &literal, &hole);
		if (n->raw || plain)
			buf_str(&e->text, literal);
		else
			buf_html(&e->text, literal);
		if (more) {
			struct op op = {.kind = OP_VALUE, .flags = plain ? OP_RAW : 0};
			if (!path_parse(e, hole, &op))
				return fail(e, file, n->line, "bad hole in the text", hole);
			text_flush(e);
			op_add(e, op);
		}
	} while (more);
	return 0;
}

static int value_emit(struct emitter *e, const struct node *n, const char *file)
{
	struct str name = n->text;
	if (e->c->set->i18n && str_starts(name, "t.") && !memchr(name.p, ' ', name.n))
		return text_of_catalogue(
		    e, n, arena_strndup(e->c->scratch, name.p + 2, name.n - 2), file);
	struct op op = {.kind = OP_VALUE, .flags = n->raw || is_plain_text(file) ? OP_RAW : 0};
	size_t word = 0;
	while (word < name.n && !strchr(" \t\r\n", name.p[word]))
		word++;
	if (word < name.n) {
		struct str first = {name.p, word};
		for (size_t i = 0; i < COUNT(formats); i++)
			if (str_is(first, formats[i].word))
				op.format = (unsigned char)formats[i].format;
		if (op.format == FORMAT_PLAIN)
			return fail(e, file, n->line, "no such tag", name);
		name = str_trim((struct str){name.p + word, name.n - word});
	}
	for (size_t i = 0; i < name.n; i++)
		if (strchr(" \t\r\n", name.p[i]))
			return fail(e, file, n->line, "a name must not contain white space", name);
	if (!path_parse(e, name, &op))
		return fail(e, file, n->line, "bad name", name);
	text_flush(e);
	op_add(e, op);
	return 0;
}

/* --- white space --- */
static struct str line_indent(struct emitter *e, const struct layout *l, struct str ws)
{
	size_t strip = l->strip < ws.n ? l->strip : ws.n;
	ws.p += strip;
	ws.n -= strip;
	if (!l->add.n)
		return ws;
	if (!ws.n)
		return l->add;
	char *p = arena_alloc(e->c->scratch, l->add.n + ws.n);
	memcpy(p, l->add.p, l->add.n);
	memcpy(p + l->add.n, ws.p, ws.n);
	return (struct str){p, l->add.n + ws.n};
}

/* --- other templates --- */
/* 1 with *out, 0 when there is none, <0 on errors. */
static int source_get(struct compiler *c, const char *name, struct source **out)
{
	for (struct source *s = c->sources; s; s = s->next)
		if (strcmp(s->name, name) == 0) {
			*out = s;
			return 1;
		}
	struct str text;
	struct err err = {0};
	int rc = c->set->source(c->set->source_arg, c->scratch, name, &text, &err);
	if (rc == -(int)ERR_MISSING)
		return 0;
	if (rc < 0) {
		if (c->err)
			*c->err = err;
		return rc;
	}
	struct source *s = arena_new_of(c->scratch, struct source);
	s->name = name;
	rc = template_parse(c->scratch, name, text, &s->tree, c->err);
	if (rc < 0)
		return rc;
	s->next = c->sources;
	c->sources = s;
	*out = s;
	return 1;
}

static int tree_has_blocks(struct compiler *c, const struct node *n)
{
	for (; n; n = n->next) {
		if (n->kind == NODE_BLOCK || n->kind == NODE_PARENT)
			return 1;
		int rc = n->child ? tree_has_blocks(c, n->child) : 0;
		if (rc == 0 && n->kind == NODE_PARTIAL) {
			struct source *s;
			rc = source_get(c, str_dup(c->scratch, n->text), &s);
			if (rc > 0 && !s->visiting) {
				s->visiting = true;
				rc = tree_has_blocks(c, s->tree);
				s->visiting = false;
			} else if (rc > 0) {
				rc = 0;
			}
		}
		if (rc)
			return rc;
	}
	return 0;
}

static const struct program *program_find(struct compiler *c, const char *name, struct str indent)
{
	for (struct program *p = c->made; p; p = p->next)
		if (strcmp(p->name, name) == 0 && str_eq(p->indent, indent))
			return p;
	/* What is in the table was compiled leniently. */
	return c->strict ? NULL : templates_find(c->set, name, c->lang, indent);
}

static int partial_emit(struct emitter *e, const struct node *n, const struct layout *l,
    const struct layout *inner, const char *name, const char *file)
{
	struct compiler *c = e->c;
	const struct program *found = program_find(c, name, inner->add);
	bool expand = false;
	if (!found || l->fills) {
		struct source *s;
		int rc = source_get(c, name, &s);
		if (rc < 0)
			return rc;
		if (rc == 0) {
			if (c->strict)
				return fail(e, file, n->line, "no such template", n->text);
			return 0;
		}
		if (l->fills) {
			s->visiting = true;
			rc = tree_has_blocks(c, s->tree);
			s->visiting = false;
			if (rc < 0)
				return rc;
			expand = rc > 0;
		}
		if (expand)
			return emit(e, s->tree, inner, name);
	}
	if (!found) {
		struct program *made;
		int rc = program_make(c, name, (struct str){0}, inner->add, &made);
		if (rc < 0)
			return rc;
		found = made;
	}
	text_flush(e);
	op_add(e, (struct op){.kind = OP_CALL, .call = found});
	return 0;
}

static int parent_emit(struct emitter *e, const struct node *n, const struct layout *l,
    struct layout *inner, const char *name, const char *file)
{
	struct compiler *c = e->c;
	struct source *s;
	int rc = source_get(c, name, &s);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return c->strict ? fail(e, file, n->line, "no such template", n->text) : 0;
	/* The outer fills first, then ours: the first of a name wins. */
	struct fill *first = NULL, **tail = &first;
	for (const struct fill *f = l->fills; f; f = f->next) {
		*tail = arena_new_of(c->scratch, struct fill);
		**tail = (struct fill){.name = f->name, .body = f->body};
		tail = &(*tail)->next;
	}
	for (const struct node *b = n->child; b; b = b->next) {
		if (b->kind != NODE_BLOCK)
			continue;
		*tail = arena_new_of(c->scratch, struct fill);
		**tail = (struct fill){.name = b->text, .body = b->child};
		tail = &(*tail)->next;
	}
	inner->fills = first;
	return emit(e, s->tree, inner, name);
}

/* A parent or partial gives its lines the white space that stands in front of it, when it has the
 * line for itself. */
static int other_emit(
    struct emitter *e, const struct node *n, const struct layout *l, const char *file)
{
	struct compiler *c = e->c;
	struct layout inner = {.fills = l->fills};
	if (n->own_line)
		inner.add = line_indent(e, l, n->indent);
	const char *name = str_dup(c->scratch, n->text);
	if (++c->depth > CALL_MAX)
		return fail(e, file, n->line, "templates inside each other too deeply", n->text);
	int rc = n->kind == NODE_PARTIAL ? partial_emit(e, n, l, &inner, name, file)
	                                 : parent_emit(e, n, l, &inner, name, file);
	c->depth--;
	return rc;
}

static int block_emit(
    struct emitter *e, const struct node *n, const struct layout *l, const char *file)
{
	const struct fill *f = l->fills;
	while (f && !str_eq(f->name, n->text))
		f = f->next;
	if (!f)
		return emit(e, n->child, l, file);
	struct str site = n->indent;
	if (n->own_line && n->child && n->child->kind == NODE_LINE)
		site = n->child->text;
	struct layout inner = {.add = line_indent(e, l, site), .fills = l->fills};
	const struct node *body = f->body;
	bool lines = body && body->kind == NODE_LINE;
	if (lines) {
		inner.strip = body->text.n;
		if (!n->own_line)
			body = body->next; /* the block's line has begun already */
	} else if (n->own_line && body) {
		buf_str(&e->text, inner.add);
	}
	if (++e->c->depth > CALL_MAX)
		return fail(e, file, n->line, "blocks inside each other too deeply", n->text);
	int rc = emit(e, body, &inner, file);
	e->c->depth--;
	return rc;
}

static int section_emit(
    struct emitter *e, const struct node *n, const struct layout *l, const char *file)
{
	bool section = n->kind == NODE_SECTION;
	struct op op = {.kind = section ? OP_SECTION : OP_INVERTED};
	struct str path = n->text;
	if (path.p[0] == '?') {
		op.flags |= OP_TEST;
		path.p++;
		path.n--;
	}
	if (!path_parse(e, path, &op))
		return fail(e, file, n->line, "bad name", n->text);
	if (section && ++e->sections > NEST_MAX)
		return fail(e, file, n->line, "nested too deeply", n->text);
	text_flush(e);
	size_t at = e->n;
	op_add(e, op);
	int rc = emit(e, n->child, l, file);
	if (rc < 0)
		return rc;
	text_flush(e);
	if (section) {
		op_add(e, (struct op){.kind = OP_END});
		e->sections--;
	}
	e->ops[at].jump = (uint32_t)e->n;
	return 0;
}

static int emit(struct emitter *e, const struct node *n, const struct layout *l, const char *file)
{
	for (int rc = 0; n; n = n->next) {
		switch (n->kind) {
		case NODE_TEXT:
			buf_str(&e->text, n->text);
			break;
		case NODE_LINE:
			buf_str(&e->text, line_indent(e, l, n->text));
			break;
		case NODE_VALUE:
			rc = value_emit(e, n, file);
			break;
		case NODE_SECTION:
		case NODE_INVERTED:
			rc = section_emit(e, n, l, file);
			break;
		case NODE_PARTIAL:
		case NODE_PARENT:
			rc = other_emit(e, n, l, file);
			break;
		case NODE_BLOCK:
			rc = block_emit(e, n, l, file);
			break;
		}
		if (rc < 0)
			return rc;
		if (e->n > OPS_MAX || e->text.n > OUTPUT_MAX)
			return fail(e, file, n->line, "program is too large", n->text);
	}
	return 0;
}

static int program_make(
    struct compiler *c, const char *name, struct str text, struct str indent, struct program **out)
{
	struct source *s;
	if (text.p) {
		s = arena_new_of(c->scratch, struct source);
		int rc = template_parse(c->scratch, name, text, &s->tree, c->err);
		if (rc < 0)
			return rc;
	} else {
		int rc = source_get(c, name, &s);
		if (rc < 0)
			return rc;
		if (rc == 0)
			return err_set(c->err, ERR_MISSING, NULL, "template %s", name);
	}
	struct program *p = arena_new_of(c->keep, struct program);
	p->name = arena_strdup(c->keep, name);
	p->lang = arena_strdup(c->keep, c->lang);
	p->indent =
	    (struct str){arena_strndup(c->keep, indent.p ? indent.p : "", indent.n), indent.n};
	p->next = c->made; /* known from here on: it may call itself */
	c->made = p;

	struct emitter e = {.c = c, .name = name};
	buf_init(&e.text, c->scratch);
	struct layout l = {.add = indent};
	int rc = emit(&e, s->tree, &l, name);
	if (rc < 0)
		return rc;
	text_flush(&e);
	struct op *ops = arena_array(c->keep, e.n, sizeof(*ops));
	if (e.n)
		memcpy(ops, e.ops, e.n * sizeof(*ops));
	p->ops = ops;
	p->nops = (uint32_t)e.n;
	*out = p;
	return 0;
}

int template_compile(struct templates *set, struct arena *keep, const char *name, struct str text,
    const char *lang, bool strict, struct program **out, struct program **made, struct err *err)
{
	struct compiler c = {.set = set,
	    .keep = keep,
	    .scratch = arena_new(),
	    .lang = lang,
	    .strict = strict,
	    .err = err};
	int rc = program_make(&c, name, text, (struct str){"", 0}, out);
	*made = rc < 0 ? NULL : c.made;
	arena_free(c.scratch);
	return rc;
}
