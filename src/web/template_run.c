/* Running a program over a view. No allocation per tag but for formatted dates and JSON, and those
 * on a scratch arena that is made when the first one comes.
 *
 * The context begins with the frame, when there is one, and the view; sections push on top of them.
 * Frame and view do not change meanwhile, so what a name is in them is looked up once: a list asks
 * again for each of its rows ({{base}} in every link). */
#include "web/template_private.h"

#include <math.h>

#include "base/time.h"

struct run {
	const struct templates *set;
	const char *lang;
	struct buf *out;
	size_t start; /* out->n before */
	struct arena *scratch;
	struct known {           /* what a name is in frame and view; v NULL: nothing */
		struct str name; /* p NULL: not asked for yet */
		json_t *v;
	} known[KNOWN_MAX];
	int calls;
	int64_t steps;
	struct err *err;
	int view;                 /* index of the view: 0, or 1 above a frame */
	int top;                  /* index of the innermost */
	json_t *stack[STACK_MAX]; /* the context; borrowed */
};

struct turn {          /* an open section */
	json_t *array; /* NULL: not a list */
	size_t index;
	uint32_t begin; /* first instruction inside */
	bool pushed;
};

/* NULL also for what is no object. */
static json_t *member(const json_t *v, const struct part *p)
{
	return json_object_getn(v, p->name.p, p->name.n);
}

static json_t *look_up_outside(struct run *r, const struct part *p)
{
	struct known *k = &r->known[p->slot];
	if (!str_eq(k->name, p->name)) {
		k->name = p->name;
		k->v = NULL;
		for (int i = r->view; i >= 0 && !k->v; i--)
			k->v = member(r->stack[i], p);
	}
	return k->v;
}

static json_t *look_up(struct run *r, const struct op *op)
{
	json_t *v = NULL;
	if (op->nparts == 0)
		return r->stack[r->top];
	const struct part *path = op->path;
	if (op->flags & OP_LOCAL) {
		v = member(r->stack[r->top], path);
	} else {
		for (int i = r->top; i > r->view && !v; i--)
			v = member(r->stack[i], path);
		if (!v)
			v = look_up_outside(r, path);
	}
	/* No way back to an outer object once the first part was found (specification, sections,
	 * "Dotted Names - Context Precedence"). */
	for (unsigned i = 1; v && i < op->nparts; i++)
		v = member(v, &path[i]);
	return v;
}

static bool is_true(const json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_NULL:
	case JSON_FALSE:
		return false;
	case JSON_STRING:
		return json_string_length(v) > 0;
	case JSON_ARRAY:
		return json_array_size(v) > 0;
	default:
		return true;
	}
}

/* --- values --- */
static struct arena *scratch(struct run *r)
{
	if (!r->scratch)
		r->scratch = arena_new();
	return r->scratch;
}

static void put_text(struct run *r, struct str s, bool raw)
{
	if (raw)
		buf_str(r->out, s);
	else
		buf_html(r->out, s);
}

static void put_real(struct buf *out, double v)
{
	char text[40];
	int n = 0;
	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_add(out, text, (size_t)n);
}

static void put_plain(struct run *r, json_t *v, bool raw)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		put_text(r, (struct str){json_string_value(v), json_string_length(v)}, raw);
		break;
	case JSON_INTEGER:
		buf_i64(r->out, json_integer_value(v));
		break;
	case JSON_REAL:
		put_real(r->out, json_real_value(v));
		break;
	case JSON_TRUE:
		buf_puts(r->out, "true");
		break;
	case JSON_FALSE:
		buf_puts(r->out, "false");
		break;
	default: /* null, objects and lists have no text */
		break;
	}
}

/* Grouped by three digits, as Japanese and English write numbers. */
static void put_grouped(struct buf *out, int64_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%lld", (long long)v);
	for (int i = 0; i < n; i++) {
		buf_putc(out, digits[i]);
		int left = n - 1 - i;
		if (left && left % 3 == 0 && digits[i] != '-')
			buf_putc(out, ',');
	}
}

/* Sizes of files for people: "812 KB", "1.4 MB"; decimal units, rounded up. */
static void put_size(struct buf *out, int64_t bytes)
{
	if (bytes < 1000 * 1000) {
		buf_i64(out, bytes / 1000 + (bytes % 1000 != 0));
		buf_puts(out, " KB");
	} else {
		int64_t tenths = bytes / 100000 + (bytes % 100000 != 0);
		put_grouped(out, tenths / 10);
		buf_putc(out, '.');
		buf_i64(out, tenths % 10);
		buf_puts(out, " MB");
	}
}

static bool whole_number(const json_t *v, int64_t *n)
{
	if (json_is_integer(v)) {
		*n = json_integer_value(v);
		return true;
	}
	return json_is_string(v) &&
	       str_to_i64((struct str){json_string_value(v), json_string_length(v)}, INT64_MIN,
	           INT64_MAX, n);
}

/* Calendar dates as ISO text, or instants in microseconds. */
static bool date_value(const json_t *v, struct date *d)
{
	if (json_is_integer(v)) {
		*d = date_of_us(json_integer_value(v));
		return true;
	}
	if (!json_is_string(v))
		return false;
	struct str s = {json_string_value(v), json_string_length(v)};
	int64_t us;
	if (s.n > 10 && instant_parse(s, &us)) {
		*d = date_of_us(us);
		return true;
	}
	return date_parse(s, d) && date_valid(*d);
}

static bool instant_value(const json_t *v, int64_t *us)
{
	if (json_is_integer(v)) {
		*us = json_integer_value(v);
		return true;
	}
	return json_is_string(v) &&
	       instant_parse((struct str){json_string_value(v), json_string_length(v)}, us);
}

static int json_sink(const char *bytes, size_t n, void *arg)
{
	struct buf *out = arg;
	for (size_t i = 0; i < n; i++) {
		/* These stand only inside JSON strings; escaped, the text may stand in a script
		 * element and in a single-quoted attribute. */
		switch (bytes[i]) {
		case '<':
			buf_puts(out, "\\u003c");
			break;
		case '>':
			buf_puts(out, "\\u003e");
			break;
		case '&':
			buf_puts(out, "\\u0026");
			break;
		case '\'':
			buf_puts(out, "\\u0027");
			break;
		default:
			buf_putc(out, bytes[i]);
		}
	}
	return 0;
}

static void put_translated(struct run *r, json_t *v, bool raw)
{
	if (!json_is_string(v))
		return;
	const char *key = json_string_value(v);
	struct str rest = str_from(r->set->i18n ? i18n_get(r->set->i18n, r->lang, key) : key);
	struct str literal, hole;
	for (;;) {
		bool more = template_hole(&rest, &literal, &hole);
		put_text(r, literal, raw);
		if (!more)
			break;
		json_t *filling = NULL;
		struct str part;
		for (int i = r->top; i >= 0 && !filling; i--) {
			struct str path = hole;
			filling = r->stack[i];
			while (filling && str_cut(&path, '.', &part))
				filling = json_object_getn(filling, part.p, part.n);
		}
		if (filling)
			put_plain(r, filling, false);
	}
}

static void put_value(struct run *r, const struct op *op, json_t *v)
{
	bool raw = op->flags & OP_RAW, japanese = strcmp(r->lang, "ja") == 0;
	struct date d;
	int64_t n;
	const char *text = NULL;
	switch ((enum format)op->format) {
	case FORMAT_TR:
		put_translated(r, v, raw);
		return;
	case FORMAT_DATE:
		if (date_value(v, &d))
			text = date_text(scratch(r), d, r->lang);
		break;
	case FORMAT_ERA:
		if (date_value(v, &d))
			text = date_era_text(scratch(r), d, r->lang);
		break;
	case FORMAT_DATETIME:
		if (instant_value(v, &n))
			text = instant_text(scratch(r), n, r->lang);
		break;
	case FORMAT_YEN:
	case FORMAT_NUMBER:
		if (!whole_number(v, &n))
			break;
		put_grouped(r->out, n);
		if (op->format == FORMAT_YEN)
			buf_puts(r->out, japanese ? "円" : " yen");
		return;
	case FORMAT_BYTES:
		if (!whole_number(v, &n) || n < 0)
			break;
		put_size(r->out, n);
		return;
	case FORMAT_URL: {
		struct buf plain;
		if (json_is_string(v)) {
			buf_url(r->out, (struct str){json_string_value(v), json_string_length(v)});
			return;
		}
		buf_init(&plain, scratch(r));
		struct buf *out = r->out;
		r->out = &plain;
		put_plain(r, v, true);
		r->out = out;
		buf_url(r->out, buf_to_str(&plain));
		return;
	}
	case FORMAT_JSON:
		(void)json_dump_callback(/* a view is a tree: it cannot fail */
		    v, json_sink, r->out, JSON_COMPACT | JSON_ENCODE_ANY);
		return;
	case FORMAT_PLAIN:
	case FORMAT_COUNT:
		break;
	}
	if (text) /* else: shown as it is, so that a wrong value is seen, not lost */
		put_text(r, str_from(text), raw);
	else
		put_plain(r, v, raw);
}

/* --- the machine --- */
static int too_much(struct run *r, const struct program *p, const char *what)
{
	return err_set(r->err, ERR_INTERNAL, NULL, "template %s: %s", p->name, what);
}

static int bounded(struct run *r, const struct program *p)
{
	if (++r->steps > STEPS_MAX)
		return too_much(r, p, "too many steps");
	if (r->out->n - r->start > OUTPUT_MAX)
		return too_much(r, p, "too much output");
	return 0;
}

static int run(struct run *r, const struct program *p)
{
	struct turn turns[NEST_MAX + 1], *turn = turns; /* turns[0] is never open */
	const struct op *ops = p->ops;
	int rc;
	for (uint32_t i = 0; i < p->nops;) {
		const struct op *op = &ops[i++];
		json_t *v;
		switch ((enum op_kind)op->kind) {
		case OP_TEXT:
			buf_add(r->out, op->text.p, op->text.n);
			break;
		case OP_VALUE:
			v = look_up(r, op);
			if (!v)
				break;
			if (op->format == FORMAT_PLAIN)
				put_plain(r, v, op->flags & OP_RAW);
			else
				put_value(r, op, v);
			break;
		case OP_INVERTED:
			if (is_true(look_up(r, op)))
				i = op->jump;
			break;
		case OP_SECTION:
			v = look_up(r, op);
			if (!is_true(v)) {
				i = op->jump;
				break;
			}
			*++turn = (struct turn){.begin = i};
			if (json_is_true(v) || (op->flags & OP_TEST)) /* no new context */
				break;
			if (r->top + 1 == STACK_MAX)
				return too_much(r, p, "context is too deep");
			if (json_is_array(v)) {
				turn->array = v;
				v = json_array_get(v, 0);
			}
			turn->pushed = true;
			r->stack[++r->top] = v;
			break;
		case OP_END:
			rc = bounded(r, p);
			if (rc < 0)
				return rc;
			if (turn->array && ++turn->index < json_array_size(turn->array)) {
				r->stack[r->top] = json_array_get(turn->array, turn->index);
				i = turn->begin;
				break;
			}
			r->top -= turn->pushed;
			turn--;
			break;
		case OP_CALL:
			rc = bounded(r, p);
			if (rc < 0)
				return rc;
			if (++r->calls > CALL_MAX)
				return too_much(r, p, "partials inside each other too deeply");
			rc = run(r, op->call);
			if (rc < 0)
				return rc;
			r->calls--;
			break;
		}
	}
	return 0;
}

int template_run(const struct templates *set, const struct program *p, const char *lang,
    json_t *frame, json_t *view, struct buf *out, struct err *err)
{
	struct run r; /* member by member: the stack is large, and written before it is read */
	r.set = set;
	r.lang = lang;
	r.out = out;
	r.start = out->n;
	r.scratch = NULL;
	memset(r.known, 0, sizeof(r.known));
	r.calls = 0;
	r.steps = 0;
	r.err = err;
	r.view = frame != NULL;
	r.top = r.view;
	r.stack[0] = frame;
	r.stack[r.top] = view;
	int rc = run(&r, p);
	arena_free(r.scratch);
	if (rc < 0) {
		out->n = r.start;
		if (out->p)
			out->p[out->n] = '\0';
	}
	return rc;
}
