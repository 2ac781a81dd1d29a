/* Mustache source into a tree.
 *
 * Standalone tags (specification, "Standalone Lines"): a line that holds white space and one tag
 * that writes nothing itself is removed with its line end. For parents and blocks the line may hold
 * several such tags, because `{{<layout}}{{$title}}` is how people write them; a block opened and
 * closed in one line is not standalone, for its line is output. */
#include "web/template_private.h"

struct token {
	char kind; /* 0: text, else the tag's sigil; 'v' value, '&' unescaped value */
	int line;
	struct str text; /* text: at most one line end, as its last bytes */
};

struct parser {
	struct arena *arena;
	const char *name;
	struct err *err;
	struct token *tokens;
	size_t n, cap;
};

static void token_add(struct parser *p, char kind, int line, struct str text)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 64;
		struct token *more = arena_array(p->arena, cap, sizeof(*more));
		if (p->n)
			memcpy(more, p->tokens, p->n * sizeof(*more));
		p->tokens = more;
		p->cap = cap;
	}
	p->tokens[p->n++] = (struct token){.kind = kind, .line = line, .text = text};
}

static void text_add(struct parser *p, int *line, struct str s)
{
	while (s.n) {
		const char *nl = memchr(s.p, '\n', s.n);
		size_t n = nl ? (size_t)(nl - s.p) + 1 : s.n;
		token_add(p, 0, *line, (struct str){s.p, n});
		*line += nl != NULL;
		s.p += n;
		s.n -= n;
	}
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool has_space(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (is_space(s.p[i]))
			return true;
	return false;
}

static int fail(struct parser *p, int line, const char *what, struct str tag)
{
	return err_set(p->err, ERR_INTERNAL, NULL, "%s:%d: %s: %.*s", p->name, line, what,
	    tag.n > 80 ? 80 : (int)tag.n, tag.p ? tag.p : "");
}

/* {{=<% %>=}}: the content between the equals signs. */
static int delimiters(struct parser *p, int line, struct str s, struct str *open, struct str *close)
{
	s = str_trim(s);
	size_t i = 0;
	while (i < s.n && !is_space(s.p[i]))
		i++;
	struct str a = {s.p, i}, b = str_trim((struct str){s.p + i, s.n - i});
	if (a.n == 0 || b.n == 0 || has_space(b) || memchr(a.p, '=', a.n) || memchr(b.p, '=', b.n))
		return fail(p, line, "delimiters must be two words without '='", s);
	*open = a;
	*close = b;
	return 0;
}

static int tokenise(struct parser *p, struct str src)
{
	struct str open = STR("{{"), close = STR("}}");
	int line = 1;
	while (src.n) {
		const char *tag = memmem(src.p, src.n, open.p, open.n);
		size_t before = tag ? (size_t)(tag - src.p) : src.n;
		text_add(p, &line, (struct str){src.p, before});
		src.p += before;
		src.n -= before;
		if (!tag)
			break;
		struct str body = {src.p + open.n, src.n - open.n};
		char sigil = body.n ? body.p[0] : '\0';
		if (!sigil || !strchr("!#^/><$&={", sigil))
			sigil = 'v';
		else
			body.p++, body.n--;
		const char *end;
		size_t closing = close.n;
		if (sigil == '{' || sigil == '=') {
			char want = sigil == '{' ? '}' : '=';
			const char *from = body.p;
			for (;;) {
				size_t left = body.n - (size_t)(from - body.p);
				end = left ? memchr(from, want, left) : NULL;
				if (!end || (left - (size_t)(end - from) > close.n &&
				                memcmp(end + 1, close.p, close.n) == 0))
					break;
				from = end + 1;
			}
			closing++;
		} else {
			end = body.n ? memmem(body.p, body.n, close.p, close.n) : NULL;
		}
		if (!end)
			return fail(p, line, "tag is not closed",
			    (struct str){src.p, src.n > 40 ? 40 : src.n});
		struct str content = str_trim((struct str){body.p, (size_t)(end - body.p)});
		if (sigil == '=') {
			int rc = delimiters(p, line, content, &open, &close);
			if (rc < 0)
				return rc;
		} else if (sigil != '!' && content.n == 0) {
			return fail(p, line, "empty tag", (struct str){0});
		} else if (sigil != '!' && sigil != 'v' && sigil != '{' && sigil != '&' &&
		           has_space(content)) {
			return fail(p, line, "a name must not contain white space", content);
		}
		token_add(p, sigil == '{' ? '&' : sigil, line, content);
		for (const char *c = src.p; c < end; c++)
			line += *c == '\n';
		end += closing;
		src.n -= (size_t)(end - src.p);
		src.p = end;
	}
	return 0;
}

/* Which lines vanish; see the top. Inheritance tags: parent '<', block '$', and what closes them,
 * which is only known from `open`, the sigils of the pairs open before this line. */
static bool standalone(const struct token *t, size_t n, const char *open, size_t nopen)
{
	char pairs[NEST_MAX];
	size_t npairs = 0, tags = 0, closed_before = 0;
	bool inherit = true, parent_here = false, inline_block = false;
	for (size_t i = 0; i < n; i++) {
		if (!t[i].kind) {
			for (size_t k = 0; k < t[i].text.n; k++)
				if (!is_space(t[i].text.p[k]))
					return false;
			continue;
		}
		tags++;
		switch (t[i].kind) {
		case 'v':
		case '&':
			return false;
		case '<':
		case '$':
			if (npairs == NEST_MAX)
				return false;
			parent_here = parent_here || t[i].kind == '<';
			pairs[npairs++] = t[i].kind;
			break;
		case '/':
			if (npairs) {
				if (pairs[--npairs] == '$' && !parent_here)
					inline_block = true;
			} else {
				char c =
				    closed_before < nopen ? open[nopen - 1 - closed_before] : '#';
				closed_before++;
				inherit = inherit && (c == '<' || c == '$');
			}
			break;
		default:
			inherit = false;
		}
	}
	return tags == 1 || (tags > 1 && inherit && !inline_block);
}

struct builder {
	struct node **tail[NEST_MAX + 1]; /* where the next node of this level goes */
	struct node *pair[NEST_MAX + 1];
	char sigil[NEST_MAX + 1];
	size_t depth;
};

static struct node *node_add(struct parser *p, struct builder *b, struct node node)
{
	struct node *n = arena_new_of(p->arena, struct node);
	*n = node;
	*b->tail[b->depth] = n;
	b->tail[b->depth] = &n->next;
	return n;
}

static int tag_add(
    struct parser *p, struct builder *b, const struct token *t, bool own_line, struct str indent)
{
	struct node node = {
	    .own_line = own_line, .line = t->line, .text = t->text, .indent = indent};
	switch (t->kind) {
	case '!':
	case '=':
		return 0;
	case 'v':
	case '&':
		node.kind = NODE_VALUE;
		node.raw = t->kind == '&';
		node_add(p, b, node);
		return 0;
	case '>':
		node.kind = NODE_PARTIAL;
		node_add(p, b, node);
		return 0;
	case '/':
		if (b->depth == 0)
			return fail(p, t->line, "closes nothing", t->text);
		if (!str_eq(b->pair[b->depth]->text, t->text)) {
			int line = b->pair[b->depth]->line;
			struct str want = b->pair[b->depth]->text;
			return err_set(p->err, ERR_INTERNAL, NULL,
			    "%s:%d: {{/%.*s}} where {{%c%.*s}} of line %d is open", p->name,
			    t->line, STR_ARG(t->text), b->sigil[b->depth], STR_ARG(want), line);
		}
		b->depth--;
		return 0;
	default:
		break;
	}
	if (b->depth == NEST_MAX)
		return fail(p, t->line, "nested too deeply", t->text);
	node.kind = t->kind == '#'   ? NODE_SECTION
	            : t->kind == '^' ? NODE_INVERTED
	            : t->kind == '<' ? NODE_PARENT
	                             : NODE_BLOCK;
	struct node *n = node_add(p, b, node);
	b->depth++;
	b->pair[b->depth] = n;
	b->sigil[b->depth] = t->kind;
	b->tail[b->depth] = &n->child;
	return 0;
}

static int line_add(struct parser *p, struct builder *b, const struct token *t, size_t n)
{
	struct str indent = {"", 0};
	if (!t[0].kind) {
		indent.p = t[0].text.p;
		while (indent.n < t[0].text.n &&
		       (t[0].text.p[indent.n] == ' ' || t[0].text.p[indent.n] == '\t'))
			indent.n++;
	}
	bool alone = standalone(t, n, b->sigil + 1, b->depth);
	if (!alone)
		node_add(p, b, (struct node){.kind = NODE_LINE, .line = t[0].line, .text = indent});
	for (size_t i = 0; i < n; i++) {
		if (t[i].kind) {
			int rc = tag_add(p, b, &t[i], alone, indent);
			if (rc < 0)
				return rc;
		} else if (!alone) {
			struct str s = t[i].text;
			if (i == 0)
				s = (struct str){s.p + indent.n, s.n - indent.n};
			if (s.n)
				node_add(p, b,
				    (struct node){.kind = NODE_TEXT, .line = t[i].line, .text = s});
		}
	}
	return 0;
}

int template_parse(
    struct arena *a, const char *name, struct str source, struct node **out, struct err *err)
{
	struct parser p = {.arena = a, .name = name, .err = err};
	*out = NULL;
	if (source.n > SOURCE_MAX)
		return err_set(err, ERR_INTERNAL, NULL, "%s: template is larger than %d bytes",
		    name, SOURCE_MAX);
	int rc = tokenise(&p, source);
	if (rc < 0)
		return rc;
	struct builder *b = arena_new_of(a, struct builder);
	b->tail[0] = out;
	for (size_t i = 0; i < p.n;) {
		size_t end = i;
		while (end < p.n) {
			struct token *t = &p.tokens[end++];
			if (!t->kind && t->text.p[t->text.n - 1] == '\n')
				break;
		}
		rc = line_add(&p, b, p.tokens + i, end - i);
		if (rc < 0)
			return rc;
		i = end;
	}
	if (b->depth) {
		struct node *open = b->pair[b->depth];
		return fail(&p, open->line, "is not closed", open->text);
	}
	return 0;
}
