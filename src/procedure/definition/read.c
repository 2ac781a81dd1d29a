#include "procedure/definition/shape.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool read_shape(
    struct loader *, const struct shape *, const struct yaml_node *, void *item, json_t *into);

static int count_names(const char *const *names)
{
	int n = 0;
	while (names[n])
		n++;
	return n;
}

static const char *join_names(struct arena *a, const char *const *names, int n)
{
	struct buf b;
	buf_init(&b, a);
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s`%s`", i == 0 ? "" : i + 1 == n ? " or " : ", ", names[i]);
	return b.p ? b.p : "";
}

/* "did you mean `x`?", or the whole list. */
static const char *remedy_names(struct loader *l, const char *text, const char *const *names, int n)
{
	const char *near = name_nearest(text, names, n);
	if (near)
		return arena_printf(l->scratch, "did you mean `%s`?", near);
	return arena_printf(l->scratch, "use %s", join_names(l->scratch, names, n));
}

static void problem_at(
    struct loader *l, const struct yaml_node *node, const char *remedy, const char *what)
{
	problem_add(l->problems, node->line, node->column, remedy, "%s", what);
}

static bool wants(struct loader *l, const struct yaml_node *node, const struct rule *r,
    enum yaml_kind kind, const char *what)
{
	if (node->kind == kind)
		return true;
	problem_at(l, node,
	    kind == YAML_MAP    ? "write `name: value` pairs, or {name: value}"
	    : kind == YAML_LIST ? "write a list: [a, b], or lines that begin with `- `"
	                        : "write one value",
	    arena_printf(l->scratch, "`%s` must be %s", r->key, what));
	return false;
}

static bool scalar(struct loader *l, const struct yaml_node *node, const struct rule *r)
{
	if (!wants(l, node, r, YAML_TEXT, "one value"))
		return false;
	if (node->text.n)
		return true;
	problem_at(l, node, "write a value, or take the key away",
	    arena_printf(l->scratch, "`%s` is empty", r->key));
	return false;
}

static json_t *text_json(const struct yaml_node *node)
{
	return json_stringn_nocheck(node->text.p, node->text.n);
}

/* A copy on the procedure's arena: the tree goes away. */
static const char *keep(struct loader *l, struct str s)
{
	return str_dup(l->p->arena, s);
}

static struct ref make_ref(struct loader *l, const struct yaml_node *node)
{
	return (struct ref){keep(l, node->text), {node->line, node->column}};
}

static int expr_add(struct loader *l, const struct yaml_node *node)
{
	struct procedure *p = l->p;
	if (p->nexprs == l->expr_cap) {
		l->expr_cap = l->expr_cap ? l->expr_cap * 2 : 64;
		struct expr *more = arena_array(p->arena, (size_t)l->expr_cap, sizeof(*more));
		if (p->nexprs)
			memcpy(more, p->exprs, (size_t)p->nexprs * sizeof(*more));
		p->exprs = more;
	}
	p->exprs[p->nexprs] = (struct expr){keep(l, node->text), node->line, node->column};
	return p->nexprs++;
}

static json_t *read_text(
    struct loader *l, const struct rule *r, const struct yaml_node *node, const char **at)
{
	if (!scalar(l, node, r))
		return NULL;
	size_t length = utf8_length(node->text);
	if (r->max && length > (size_t)r->max && !l->env->stored) {
		problem_at(l, node, arena_printf(l->scratch, "at most %d characters", (int)r->max),
		    arena_printf(l->scratch, "`%s` is too long", r->key));
		return NULL;
	}
	if (at)
		*at = keep(l, node->text);
	return text_json(node);
}

static json_t *read_name(struct loader *l, const struct rule *r, const struct yaml_node *node,
    const char **at, bool slug)
{
	if (!scalar(l, node, r))
		return NULL;
	const char *s = node->text.p;
	bool ok = node->text.n <= 60 &&
	          ((s[0] >= 'a' && s[0] <= 'z') || (slug && s[0] >= '0' && s[0] <= '9'));
	for (size_t i = 0; ok && i < node->text.n; i++)
		ok = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= '0' && s[i] <= '9') || s[i] == '_' ||
		     (slug && s[i] == '-');
	if (!ok) {
		problem_at(l, node,
		    slug ? "use small letters, digits, `-` and `_`, at most 60"
		         : "use small letters, digits and `_`, at most 60, a letter first",
		    arena_printf(l->scratch, "`%s` cannot be the `%s`", s, r->key));
		return NULL;
	}
	if (at)
		*at = keep(l, node->text);
	return text_json(node);
}

static const char *const languages[] = {"ja", "en", "zh", "ko", "ja-easy"};

static json_t *read_words(struct loader *l, const struct rule *r, const struct yaml_node *node)
{
	if (node->kind != YAML_MAP) {
		problem_at(l, node, "write {ja: …, en: …}",
		    arena_printf(l->scratch, "`%s` must be a text in each language", r->key));
		return NULL;
	}
	json_t *words = json_object();
	bool ok = true;
	for (const struct yaml_node *c = node->first; c; c = c->next) {
		bool known = false;
		for (size_t i = 0; i < COUNT(languages); i++)
			known |= str_is(c->key, languages[i]);
		if (!known) {
			problem_add(l->problems, c->key_line, c->key_column,
			    "languages are `ja`, `en`, `zh`, `ko`, `ja-easy`; a text with a comma "
			    "or a "
			    "colon in {…} needs quotes",
			    "unknown language `%s` in `%s`", c->key.p, r->key);
			ok = false;
		} else if (c->kind != YAML_TEXT || str_trim(c->text).n == 0) {
			problem_at(l, c, "write the text",
			    arena_printf(l->scratch, "`%s` has no text in `%s`", r->key, c->key.p));
			ok = false;
		} else {
			json_object_setn_new_nocheck(
			    words, c->key.p, c->key.n, json_stringn_nocheck(c->text.p, c->text.n));
		}
	}
	for (int i = 0; i < 2; i++)
		if (!yaml_get(node, languages[i])) {
			problem_at(l, node, arena_printf(l->scratch, "add `%s: …`", languages[i]),
			    arena_printf(l->scratch, "`%s` is missing in language `%s`", r->key,
			        languages[i]));
			ok = false;
		}
	if (ok)
		return words;
	json_decref(words);
	return NULL;
}

static bool whole_number(const struct yaml_node *node, int64_t min, int64_t max, int64_t *out)
{
	return node->kind == YAML_TEXT && node->plain && str_to_i64(node->text, min, max, out);
}

static json_t *read_int(
    struct loader *l, const struct rule *r, const struct yaml_node *node, int64_t *at)
{
	int64_t v;
	if (!scalar(l, node, r))
		return NULL;
	if (r->kind == V_YEARS && str_is(node->text, "permanent")) {
		if (at)
			*at = 0;
		return text_json(node);
	}
	if (!whole_number(node, r->min, r->max, &v)) {
		problem_at(l, node,
		    arena_printf(l->scratch,
		        "write a whole number from %lld to %lld without quotes%s",
		        (long long)r->min, (long long)r->max,
		        r->kind == V_YEARS ? ", or `permanent`" : ""),
		    arena_printf(l->scratch, "`%s` cannot be `%s`", r->key, node->text.p));
		return NULL;
	}
	if (at)
		*at = v;
	return json_integer(v);
}

static bool truth(const struct yaml_node *node, bool *out)
{
	if (node->kind != YAML_TEXT || !node->plain)
		return false;
	*out = str_is(node->text, "true");
	return *out || str_is(node->text, "false");
}

static json_t *read_bool(
    struct loader *l, const struct rule *r, const struct yaml_node *node, bool *at)
{
	bool v;
	if (!scalar(l, node, r))
		return NULL;
	if (!truth(node, &v)) {
		problem_at(l, node, "write `true` or `false`",
		    arena_printf(l->scratch, "`%s` cannot be `%s`", r->key, node->text.p));
		return NULL;
	}
	if (at)
		*at = v;
	return json_boolean(v);
}

static int read_one_of(struct loader *l, const struct rule *r, const struct yaml_node *node)
{
	if (!scalar(l, node, r))
		return -1;
	for (int i = 0; r->names[i]; i++)
		if (str_is(node->text, r->names[i]))
			return i;
	problem_at(l, node, remedy_names(l, node->text.p, r->names, count_names(r->names)),
	    arena_printf(l->scratch, "`%s` cannot be `%s`", r->key, node->text.p));
	return -1;
}

static json_t *read_set(
    struct loader *l, const struct rule *r, const struct yaml_node *node, int64_t *at)
{
	if (!wants(l, node, r, YAML_LIST, "a list"))
		return NULL;
	json_t *list = json_array();
	int64_t bits = 0;
	for (const struct yaml_node *c = node->first; c; c = c->next) {
		int i = read_one_of(l, r, c);
		if (i < 0)
			continue;
		if (bits & (INT64_C(1) << i))
			problem_at(l, c, "keep one", "twice in the list");
		bits |= INT64_C(1) << i;
		json_array_append_new(list, text_json(c));
	}
	if (!node->first)
		problem_at(l, node, "name at least one",
		    arena_printf(l->scratch, "`%s` is empty", r->key));
	if (at)
		*at = bits;
	return list;
}

static json_t *read_refs(
    struct loader *l, const struct rule *r, const struct yaml_node *node, struct list *at)
{
	if (!wants(l, node, r, YAML_LIST, "a list"))
		return NULL;
	json_t *list = json_array();
	struct ref *items = arena_array(l->p->arena, (size_t)node->count, sizeof(*items));
	int n = 0;
	for (const struct yaml_node *c = node->first; c; c = c->next) {
		if (!scalar(l, c, r))
			continue;
		items[n++] = make_ref(l, c);
		json_array_append_new(list, text_json(c));
	}
	if (n < r->min)
		problem_at(l, node, "name at least one",
		    arena_printf(l->scratch, "`%s` is empty", r->key));
	if (at)
		*at = (struct list){items, n};
	return list;
}

static json_t *read_expr(
    struct loader *l, const struct rule *r, const struct yaml_node *node, int *at)
{
	if (!scalar(l, node, r))
		return NULL;
	if (node->text.n > EXPR_TEXT_MAX) {
		problem_at(l, node, "make it shorter, or split it into computed values",
		    "the expression is too long");
		return NULL;
	}
	*at = expr_add(l, node);
	return text_json(node);
}

static json_t *read_cond(
    struct loader *l, const struct rule *r, const struct yaml_node *node, struct cond *at)
{
	bool v;
	if (node->kind == YAML_TEXT && truth(node, &v)) {
		at->kind = v ? COND_ALWAYS : COND_NEVER;
		return json_boolean(v);
	}
	at->kind = COND_EXPR;
	at->expr = NO_EXPR;
	return read_expr(l, r, node, &at->expr);
}

static json_t *read_date(
    struct loader *l, const struct rule *r, const struct yaml_node *node, struct date *at)
{
	const struct yaml_node *monthly = r->kind == V_DAY ? yaml_get(node, "month_day") : NULL;
	if (monthly && node->count == 1 && monthly->kind == YAML_TEXT) {
		/* 2000 is a leap year: 02-29 is a day of it. */
		char text[16];
		snprintf(text, sizeof(text), "2000-%.8s", monthly->text.p);
		struct date d;
		if (monthly->text.n == 5 && monthly->text.p[2] == '-' &&
		    date_parse(str_from(text), &d)) {
			if (at)
				*at = (struct date){0, d.month, d.day};
			return json_pack("{ss}", "month_day", monthly->text.p);
		}
		problem_at(l, monthly, "write {month_day: 06-01}", "no such day in a year");
		return NULL;
	}
	if (!scalar(l, node, r))
		return NULL;
	if (r->max && str_is(node->text, "today")) {
		if (at)
			*at = (struct date){.year = -1};
		return text_json(node);
	}
	struct date d;
	if (node->text.n != 10 || node->text.p[4] != '-' || node->text.p[7] != '-' ||
	    !date_parse(node->text, &d)) {
		problem_at(l, node,
		    r->max ? "write a day as 2026-04-01, or `today`"
		    : r->kind == V_DAY
		        ? "write a day as 2026-04-01, or {month_day: 06-01} for every year"
		        : "write a day as 2026-04-01",
		    arena_printf(l->scratch, "`%s` is no date: `%s`", r->key, node->text.p));
		return NULL;
	}
	if (at)
		*at = d;
	return text_json(node);
}

static json_t *read_raw(struct loader *l, const struct rule *r, const struct yaml_node *node)
{
	int64_t i;
	bool b;
	if (!scalar(l, node, r))
		return NULL;
	if (whole_number(node, INT64_MIN, INT64_MAX, &i))
		return json_integer(i);
	if (truth(node, &b))
		return json_boolean(b);
	char *end;
	double d = strtod(node->text.p, &end);
	if (node->plain && *end == 0 && isfinite(d))
		return json_real(d);
	return text_json(node);
}

static json_t *read_numbers(
    struct loader *l, const struct rule *r, const struct yaml_node *node, const json_t **at)
{
	if (!wants(l, node, r, YAML_MAP, "numbers by name"))
		return NULL;
	json_t *map = json_object();
	for (const struct yaml_node *c = node->first; c; c = c->next) {
		int64_t v;
		if (!whole_number(c, r->min, r->max, &v))
			problem_at(l, c, "write a whole number without quotes",
			    arena_printf(l->scratch, "`%s` has no number", c->key.p));
		else
			json_object_set_new_nocheck(map, c->key.p, json_integer(v));
	}
	*at = map;
	return map;
}

static const struct rule mail_rules[] = {
    {.key = "subject", .kind = V_WORDS, .required = true, .offset = NO_OFFSET},
    {.key = "body", .kind = V_WORDS, .required = true, .offset = NO_OFFSET},
};
static const struct shape mail_shape = {
    .what = "a notice", .rules = mail_rules, .nrules = COUNT(mail_rules)};

static json_t *read_notice(struct loader *l, const struct rule *r, const struct yaml_node *node)
{
	if (node->kind != YAML_TEXT) {
		json_t *json = json_object();
		read_shape(l, &mail_shape, node, NULL, json);
		return json;
	}
	if (str_is(node->text, "default") || str_is(node->text, "none"))
		return text_json(node);
	problem_at(l, node, "write `default`, `none` or {subject: …, body: …}",
	    arena_printf(l->scratch, "`%s` cannot be `%s`", r->key, node->text.p));
	return NULL;
}

static json_t *read_list(
    struct loader *l, const struct rule *r, const struct yaml_node *node, struct list *at)
{
	if (!wants(l, node, r, YAML_LIST, "a list"))
		return NULL;
	const struct shape *shape = r->shape;
	char *items = arena_array(l->p->arena, (size_t)node->count, shape->size ? shape->size : 1);
	json_t *list = json_array();
	int n = 0;
	if (r->max && node->count > r->max && !l->env->stored) {
		problem_at(l, node, NULL,
		    arena_printf(l->scratch, "`%s` has more than %d entries", r->key, (int)r->max));
	} else {
		for (const struct yaml_node *c = node->first; c; c = c->next) {
			json_t *json = json_object();
			read_shape(l, shape, c, items + (size_t)n * shape->size, json);
			json_array_append_new(list, json);
			n++;
		}
	}
	if (node->count < r->min)
		problem_at(l, node, arena_printf(l->scratch, "add %s", shape->what),
		    arena_printf(l->scratch, "`%s` is empty", r->key));
	if (at)
		*at = (struct list){items, n};
	return list;
}

/* Reads the value of a rule; at may be NULL (not stored). NULL: there was a problem. */
static json_t *read_value(
    struct loader *l, const struct rule *r, const struct yaml_node *node, void *at)
{
	json_t *json = NULL;
	int64_t i;
	switch (r->kind) {
	case V_TEXT:
		return read_text(l, r, node, at);
	case V_REF:
		json = read_text(l, r, node, NULL);
		if (json && at)
			*(struct ref *)at = make_ref(l, node);
		return json;
	case V_REFS:
		return read_refs(l, r, node, at);
	case V_NAME:
	case V_SLUG:
		return read_name(l, r, node, at, r->kind == V_SLUG);
	case V_WORDS_OR:
		if (node->kind == YAML_TEXT)
			return read_one_of(l, r, node) < 0 ? NULL : text_json(node);
		/* fall through */
	case V_WORDS:
		json = read_words(l, r, node);
		if (at)
			*(const json_t **)at = json;
		return json;
	case V_INT:
	case V_YEARS:
		return read_int(l, r, node, at);
	case V_BOOL:
		return read_bool(l, r, node, at);
	case V_ENUM:
		i = read_one_of(l, r, node);
		if (i >= 0 && at)
			*(int64_t *)at = i;
		return i < 0 ? NULL : text_json(node);
	case V_SET:
		return read_set(l, r, node, at);
	case V_EXPR:
		return read_expr(l, r, node, at);
	case V_COND:
		return read_cond(l, r, node, at);
	case V_DATE:
	case V_DAY:
		return read_date(l, r, node, at);
	case V_RAW:
		*(const struct yaml_node **)at = node;
		return read_raw(l, r, node);
	case V_NUMBERS:
		return read_numbers(l, r, node, at);
	case V_NOTICE:
		return read_notice(l, r, node);
	case V_MAP_OR:
		if (node->kind == YAML_TEXT)
			return read_one_of(l, r, node) < 0 ? NULL : text_json(node);
		/* fall through */
	case V_MAP:
		json = json_object();
		read_shape(l, r->shape, node, at, json);
		return json;
	case V_LIST:
		return read_list(l, r, node, at);
	}
	return NULL;
}

static const struct rule *rule_find(const struct shape *shape, struct str key)
{
	for (int i = 0; i < shape->nrules; i++)
		if (str_is(key, shape->rules[i].key))
			return &shape->rules[i];
	return NULL;
}

static void unknown_key(struct loader *l, const struct shape *shape, const struct yaml_node *c)
{
	const char **names = arena_array(l->scratch, (size_t)shape->nrules, sizeof(*names));
	for (int i = 0; i < shape->nrules; i++)
		names[i] = shape->rules[i].key;
	problem_add(l->problems, c->key_line, c->key_column,
	    str_starts(c->key, "　") ? "indent with narrow spaces: the line begins with wide ones"
	                             : remedy_names(l, c->key.p, names, shape->nrules),
	    "unknown key `%s` in %s", c->key.p, shape->what);
}

/* Was the key meant by one that is unknown? Then that was said already. */
static bool misspelt(const struct shape *shape, const struct yaml_node *node, const char *key)
{
	for (const struct yaml_node *c = node->first; c; c = c->next)
		if (!rule_find(shape, c->key) && name_nearest(c->key.p, &key, 1))
			return true;
	return false;
}

/* The absent value's default as a node: a list when the rule wants one. */
static const struct yaml_node *fallback_node(
    struct loader *l, const struct rule *r, const struct yaml_node *parent)
{
	struct yaml_node *text = arena_new_of(l->scratch, struct yaml_node);
	*text = (struct yaml_node){.kind = YAML_TEXT,
	    .plain = true,
	    .line = parent->line,
	    .column = parent->column,
	    .text = str_from(r->fallback)};
	if (r->kind != V_SET)
		return text;
	struct yaml_node *list = arena_new_of(l->scratch, struct yaml_node);
	*list =
	    (struct yaml_node){.kind = YAML_LIST, .line = parent->line, .column = parent->column};
	struct yaml_node **tail = &list->first;
	struct str rest = str_from(r->fallback), part;
	while (str_cut(&rest, ' ', &part)) {
		struct yaml_node *c = arena_new_of(l->scratch, struct yaml_node);
		*c = *text;
		c->text = (struct str){str_dup(l->scratch, part), part.n};
		*tail = c;
		tail = &c->next;
		list->count++;
	}
	return list;
}

/* "write {value: …, label: …}": what it must have. */
static const char *remedy_shape(struct loader *l, const struct shape *shape)
{
	struct buf b;
	buf_init(&b, l->scratch);
	for (int i = 0; i < shape->nrules; i++)
		if (shape->rules[i].required)
			buf_printf(&b, "%s%s: …", b.n ? ", " : "write {", shape->rules[i].key);
	if (!b.n)
		return "write `name: value` pairs, or {name: value}";
	buf_putc(&b, '}');
	return b.p;
}

static bool read_shape(struct loader *l, const struct shape *shape, const struct yaml_node *node,
    void *item, json_t *into)
{
	if (item && shape->size)
		*(struct place *)item = (struct place){node->line, node->column};
	if (item && shape->init)
		shape->init(item);
	if (node->kind != YAML_MAP) {
		problem_at(l, node, remedy_shape(l, shape),
		    arena_printf(l->scratch, "%s is wanted here", shape->what));
		return false;
	}
	for (const struct yaml_node *c = node->first; c; c = c->next)
		if (!rule_find(shape, c->key) && !l->env->stored)
			unknown_key(l, shape, c);
	for (int i = 0; i < shape->nrules; i++) {
		const struct rule *r = &shape->rules[i];
		const struct yaml_node *value = yaml_get(node, r->key);
		if (!value && r->fallback && !r->types)
			value = fallback_node(l, r, node);
		if (!value) {
			if (r->required && !misspelt(shape, node, r->key))
				problem_at(l, node, arena_printf(l->scratch, "add `%s: …`", r->key),
				    arena_printf(
				        l->scratch, "%s has no `%s`", shape->what, r->key));
			continue;
		}
		void *at = item && r->offset != NO_OFFSET ? (char *)item + r->offset : NULL;
		json_t *json = read_value(l, r, value, at);
		if (json)
			json_object_set_new_nocheck(into, r->key, json);
	}
	if (shape->after)
		shape->after(l, node, item, into);
	return true;
}

void definition_read(struct loader *l, struct yaml_node *root)
{
	l->p->json = json_object();
	read_shape(l, &procedure_shape, root, &l->p->d, l->p->json);
}
