/* Thompson's construction: the pattern becomes a small program, and all of its threads go through
 * the text together, so that no pattern is slow. */
#include "procedure/definition/pattern.h"

#include <stdlib.h>
#include <string.h>

enum op_kind { OP_CHAR, OP_ANY, OP_SET, OP_SPLIT, OP_JUMP, OP_MATCH };

struct range {
	int32_t from, to;
};

struct op {
	enum op_kind kind;
	int32_t c;          /* OP_CHAR */
	int x, y;           /* where OP_SPLIT and OP_JUMP go */
	bool negated;       /* OP_SET */
	int range, nranges; /* in pattern.ranges */
};

struct pattern {
	struct op *code;
	int n;
	struct range *ranges;
	int nranges;
};

enum { RANGES_MAX = 500, NEST_MAX = 50, REPEAT_MAX = 1000 };

struct parser {
	struct pattern *p;
	struct str rest;
	const char *what;
	int depth;
};

static bool fail(struct parser *s, const char *what)
{
	if (!s->what)
		s->what = what;
	return false;
}

static int peek(const struct parser *s)
{
	return s->rest.n ? (unsigned char)s->rest.p[0] : -1;
}

static void skip(struct parser *s)
{
	s->rest.p++;
	s->rest.n--;
}

static bool emit(struct parser *s, struct op op)
{
	if (s->p->n == PATTERN_CODE_MAX)
		return fail(s, "make it shorter: it is too large");
	s->p->code[s->p->n++] = op;
	return true;
}

static bool add_range(struct parser *s, int32_t from, int32_t to)
{
	if (s->p->nranges == RANGES_MAX)
		return fail(s, "make it shorter: it has too many ranges");
	if (from > to)
		return fail(s, "write ranges upwards: [a-z]");
	s->p->ranges[s->p->nranges++] = (struct range){from, to};
	return true;
}

/* The ranges of \d, \w, \s; 0: another letter. */
static int add_class(struct parser *s, int letter)
{
	switch (letter) {
	case 'd':
		return add_range(s, '0', '9') ? 1 : -1;
	case 'w':
		return add_range(s, '0', '9') && add_range(s, 'A', 'Z') && add_range(s, '_', '_') &&
		               add_range(s, 'a', 'z')
		           ? 1
		           : -1;
	case 's':
		return add_range(s, '\t', '\r') && add_range(s, ' ', ' ') &&
		               add_range(s, 0x3000, 0x3000)
		           ? 1
		           : -1;
	default:
		return 0;
	}
}

static bool sign(int c)
{
	return c > 0 && c < 128 && strchr("\\^$.|?*+()[]{}/-", c);
}

/* One character inside or outside of [ ], after a backslash. */
static bool escaped_sign(struct parser *s, int32_t *out)
{
	int c = peek(s);
	if (!sign(c))
		return fail(s, "after \\ only d, w, s and signs may stand");
	*out = c;
	skip(s);
	return true;
}

static bool parse_set(struct parser *s)
{
	struct op op = {.kind = OP_SET, .range = s->p->nranges};
	if (peek(s) == '^') {
		op.negated = true;
		skip(s);
	}
	while (peek(s) != ']') {
		int32_t from = utf8_next(&s->rest), to;
		if (from < 0)
			return fail(s, "close the [ with ]");
		if (from == '[')
			return fail(s, "write \\[ inside of [ ]");
		if (from == '\\') {
			int kind = add_class(s, peek(s));
			if (kind < 0)
				return false;
			if (kind) {
				skip(s);
				continue;
			}
			if (!escaped_sign(s, &from))
				return false;
		}
		to = from;
		if (peek(s) == '-' && s->rest.n > 1 && s->rest.p[1] != ']') {
			skip(s);
			to = utf8_next(&s->rest);
			if (to == '\\' && !escaped_sign(s, &to))
				return false;
		}
		if (!add_range(s, from, to))
			return false;
	}
	skip(s);
	op.nranges = s->p->nranges - op.range;
	if (!op.nranges)
		return fail(s, "write characters between [ and ]");
	return emit(s, op);
}

static bool parse_choice(struct parser *);

static bool parse_atom(struct parser *s)
{
	int c = peek(s);
	struct op op = {.kind = OP_CHAR};
	switch (c) {
	case '(':
		skip(s);
		if (peek(s) == '?') {
			if (!str_starts(s->rest, "?:"))
				return fail(s, "groups are (…) or (?:…), nothing else");
			skip(s);
			skip(s);
		}
		if (++s->depth > NEST_MAX)
			return fail(s, "make it simpler: too many groups in groups");
		if (!parse_choice(s))
			return false;
		s->depth--;
		if (peek(s) != ')')
			return fail(s, "close the ( with )");
		skip(s);
		return true;
	case '[':
		skip(s);
		return parse_set(s);
	case '.':
		skip(s);
		return emit(s, (struct op){.kind = OP_ANY});
	case '\\': {
		skip(s);
		op = (struct op){.kind = OP_SET, .range = s->p->nranges};
		int kind = add_class(s, peek(s));
		if (kind < 0)
			return false;
		if (kind) {
			skip(s);
			op.nranges = s->p->nranges - op.range;
			return emit(s, op);
		}
		op = (struct op){.kind = OP_CHAR};
		return escaped_sign(s, &op.c) && emit(s, op);
	}
	case '*':
	case '+':
	case '?':
	case '{':
	case '}':
	case ']':
	case '^':
	case '$':
	case '/':
		return fail(s, "write \\ before the sign to mean the sign itself");
	default:
		op.c = utf8_next(&s->rest);
		return op.c < 0 ? fail(s, "it is no UTF-8") : emit(s, op);
	}
}

static bool parse_count(struct parser *s, int *out)
{
	int v = 0, digits = 0;
	for (; peek(s) >= '0' && peek(s) <= '9'; digits++) {
		v = v * 10 + peek(s) - '0';
		if (v > REPEAT_MAX)
			return fail(s, "repeat at most 1000 times");
		skip(s);
	}
	*out = v;
	return digits ? true : fail(s, "write counts as {2} or {2,4}");
}

/* {m,n}, ?, *, + as least and most; most -1: no end. False: none is there or it is wrong. */
static bool parse_repeat(struct parser *s, int *least, int *most)
{
	switch (peek(s)) {
	case '?':
		*least = 0;
		*most = 1;
		break;
	case '*':
		*least = 0;
		*most = -1;
		break;
	case '+':
		*least = 1;
		*most = -1;
		break;
	case '{':
		skip(s);
		if (!parse_count(s, least))
			return false;
		*most = *least;
		if (peek(s) == ',') {
			skip(s);
			*most = -1;
			if (peek(s) != '}' && !parse_count(s, most))
				return false;
		}
		if (peek(s) != '}')
			return fail(s, "close the { with }");
		if (*most >= 0 && *most < *least)
			return fail(s, "write the smaller count first");
		break;
	default:
		return false;
	}
	skip(s);
	return true;
}

/* Appends a copy of the code in [from, to). */
static bool copy_code(struct parser *s, const struct op *piece, int n, int from)
{
	int shift = s->p->n - from;
	for (int i = 0; i < n; i++) {
		struct op op = piece[i];
		if (op.kind == OP_SPLIT || op.kind == OP_JUMP) {
			op.x += shift;
			op.y += shift;
		}
		if (!emit(s, op))
			return false;
	}
	return true;
}

static bool repeat_code(struct parser *s, int from, int least, int most)
{
	static _Thread_local struct op piece[PATTERN_CODE_MAX];
	struct pattern *p = s->p;
	int n = p->n - from;
	memcpy(piece, p->code + from, (size_t)n * sizeof(*piece));
	p->n = from;
	for (int i = 0; i < least; i++)
		if (!copy_code(s, piece, n, from))
			return false;
	if (most < 0) {
		int start = p->n;
		return emit(s, (struct op){.kind = OP_SPLIT, .x = start + 1, .y = start + n + 2}) &&
		       copy_code(s, piece, n, from) &&
		       emit(s, (struct op){.kind = OP_JUMP, .x = start, .y = start});
	}
	for (int i = least; i < most; i++) {
		int start = p->n, end = start + (most - i) * (n + 1);
		if (!emit(s, (struct op){.kind = OP_SPLIT, .x = start + 1, .y = end}) ||
		    !copy_code(s, piece, n, from))
			return false;
	}
	return true;
}

static bool parse_sequence(struct parser *s)
{
	while (s->rest.n && peek(s) != '|' && peek(s) != ')') {
		if (peek(s) == '$' && s->rest.n == 1 && s->depth == 0) {
			skip(s);
			break;
		}
		int from = s->p->n, least, most;
		if (!parse_atom(s))
			return false;
		if (!parse_repeat(s, &least, &most)) {
			if (s->what)
				return false;
			continue;
		}
		if (!repeat_code(s, from, least, most))
			return false;
		int next = peek(s);
		if (next == '?' || next == '*' || next == '+' || next == '{')
			return fail(s, "only one of ? * + { } may follow");
	}
	return true;
}

static bool parse_choice(struct parser *s)
{
	int from = s->p->n;
	if (!parse_sequence(s))
		return false;
	while (peek(s) == '|') {
		skip(s);
		/* split first, rest; … first; jump end; rest */
		if (!emit(s, (struct op){0}))
			return false;
		struct pattern *p = s->p;
		memmove(p->code + from + 1, p->code + from,
		    (size_t)(p->n - from - 1) * sizeof(*p->code));
		for (int i = from + 1; i < p->n; i++) {
			p->code[i].x++;
			p->code[i].y++;
		}
		int jump = p->n;
		if (!emit(s, (struct op){.kind = OP_JUMP}))
			return false;
		p->code[from] = (struct op){.kind = OP_SPLIT, .x = from + 1, .y = p->n};
		if (!parse_sequence(s))
			return false;
		p->code[jump].x = p->code[jump].y = p->n;
	}
	return true;
}

struct pattern *pattern_compile(struct arena *a, struct str text, const char **what)
{
	struct arena *scratch = arena_new();
	struct pattern big = {.code = arena_array(scratch, PATTERN_CODE_MAX, sizeof(struct op)),
	    .ranges = arena_array(scratch, RANGES_MAX, sizeof(struct range))};
	struct parser s = {.p = &big, .rest = text};
	if (peek(&s) == '^')
		skip(&s);
	struct pattern *p = NULL;
	if (!utf8_valid(text))
		(void)fail(&s, "it is no UTF-8");
	else if (parse_choice(&s) && s.rest.n)
		(void)fail(&s, "a ) has no (");
	if (!s.what && emit(&s, (struct op){.kind = OP_MATCH})) {
		p = arena_new_of(a, struct pattern);
		*p = big;
		p->code = arena_array(a, (size_t)big.n, sizeof(*p->code));
		memcpy(p->code, big.code, (size_t)big.n * sizeof(*p->code));
		p->ranges = arena_array(a, (size_t)big.nranges, sizeof(*p->ranges));
		if (big.nranges)
			memcpy(p->ranges, big.ranges, (size_t)big.nranges * sizeof(*p->ranges));
	}
	*what = s.what;
	arena_free(scratch);
	return p;
}

/* The threads that wait for a character, each place of the code at most once. */
struct threads {
	int at[PATTERN_CODE_MAX];
	int n;
};

/* Follows jumps and splits from a place; stack instead of recursion. */
static void add_thread(
    const struct pattern *p, struct threads *t, unsigned *seen, unsigned turn, int start)
{
	/* Each place that is seen pushes at most two. */
	int stack[2 * PATTERN_CODE_MAX + 1], top = 0;
	stack[top++] = start;
	while (top) {
		int at = stack[--top];
		if (seen[at] == turn)
			continue;
		seen[at] = turn;
		const struct op *op = &p->code[at];
		if (op->kind == OP_SPLIT && seen[op->y] != turn)
			stack[top++] = op->y;
		if (op->kind == OP_SPLIT || op->kind == OP_JUMP) {
			if (seen[op->x] != turn)
				stack[top++] = op->x;
		} else {
			t->at[t->n++] = at;
		}
	}
}

static bool takes(const struct pattern *p, const struct op *op, int32_t c)
{
	if (op->kind == OP_ANY)
		return c != '\n';
	if (op->kind == OP_CHAR)
		return c == op->c;
	bool in = false;
	for (int i = 0; op->kind == OP_SET && i < op->nranges && !in; i++) {
		const struct range *r = &p->ranges[op->range + i];
		in = c >= r->from && c <= r->to;
	}
	return op->kind == OP_SET && in != op->negated;
}

bool pattern_matches(const struct pattern *p, struct str text)
{
	struct threads lists[2], *now = &lists[0], *next = &lists[1];
	unsigned seen[PATTERN_CODE_MAX] = {0}, turn = 1;
	now->n = 0;
	add_thread(p, now, seen, turn, 0);
	while (text.n && now->n) {
		int32_t c = utf8_next(&text);
		if (c < 0)
			return false;
		next->n = 0;
		turn++;
		for (int i = 0; i < now->n; i++)
			if (takes(p, &p->code[now->at[i]], c))
				add_thread(p, next, seen, turn, now->at[i] + 1);
		struct threads *t = now;
		now = next;
		next = t;
	}
	if (text.n)
		return false;
	for (int i = 0; i < now->n; i++)
		if (p->code[now->at[i]].kind == OP_MATCH)
			return true;
	return false;
}

size_t pattern_cost(const struct pattern *p, struct str text)
{
	return (size_t)p->n * (text.n + 1);
}
