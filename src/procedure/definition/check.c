/* What the tables of shapes.c cannot say: names that point to each other, and values
 * that must agree. Parts of a definition that had problems before are NULL here. */
#include "procedure/definition/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "procedure/catalogue.h"

void say(struct loader *l, struct place at, const char *remedy, const char *what, ...)
{
	va_list ap;
	va_start(ap, what);
	problem_add(
	    l->problems, at.line, at.column, remedy, "%s", arena_vprintf(l->scratch, what, ap));
	va_end(ap);
}

/* Not the file is wrong, but the city is not as it says. */
static void say_warning(struct loader *l, struct place at, const char *remedy, const char *what,
    ...) __attribute__((format(printf, 4, 5)));
static void say_warning(
    struct loader *l, struct place at, const char *remedy, const char *what, ...)
{
	bool before = l->problems->lenient;
	va_list ap;
	va_start(ap, what);
	l->problems->lenient = true;
	problem_add(
	    l->problems, at.line, at.column, remedy, "%s", arena_vprintf(l->scratch, what, ap));
	l->problems->lenient = before;
	va_end(ap);
}

const char *did_you_mean(
    struct loader *l, const char *text, const char *const *names, int n, const char *otherwise)
{
	const char *near = name_nearest(text, names, n);
	return near ? remedyf(l, "did you mean `%s`?", near) : otherwise;
}

/* --- names --- */

static const char *const reserved[] = {"and", "break", "do", "else", "elseif", "end", "false",
    "for", "function", "goto", "if", "in", "local", "nil", "not", "or", "repeat", "return", "then",
    "true", "until", "while", "value", "item", "computed", "attachments", "findings", "add",
    "remove", "kept", "lookup"};

bool in_list(const char *text, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (strcmp(names[i], text) == 0)
			return true;
	return false;
}

static void check_name(struct loader *l, struct place at, const char *id)
{
	bool taken = in_list(id, expr_functions) || in_list(id, expr_constants);
	for (size_t i = 0; i < COUNT(reserved); i++)
		taken |= strcmp(reserved[i], id) == 0;
	if (taken)
		say(l, at, "choose another id", "`%s` has a meaning of its own in expressions", id);
}

static void check_unique(
    struct loader *l, struct place at, const char *id, struct place first, const char *what)
{
	say(l, at, "choose another id", "%s `%s` is there twice (first in line %d)", what, id,
	    first.line);
}

/* Every two entries of a list whose ids (a const char * at offset) are equal. */
static void check_ids(
    struct loader *l, struct list list, size_t size, size_t offset, const char *what)
{
	const char *items = list.items;
	for (int i = 0; i < list.n; i++) {
		const char *item = items + (size_t)i * size;
		const char *id = *(const char *const *)(const void *)(item + offset);
		for (int k = 0; id && k < i; k++) {
			const char *other = items + (size_t)k * size;
			const char *before = *(const char *const *)(const void *)(other + offset);
			if (before && strcmp(before, id) == 0) {
				check_unique(l, *(const struct place *)(const void *)item, id,
				    *(const struct place *)(const void *)other, what);
				break;
			}
		}
	}
}

static int name_order(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = strcmp(x->text, y->text);
	/* A section goes before a field of the same name, and hides it. */
	return order ? order : (int)x->kind - (int)y->kind;
}

const struct name *name_find(const struct procedure *p, const char *text, size_t n)
{
	int low = 0, high = p->nnames - 1;
	while (low <= high) {
		int mid = (low + high) / 2;
		const char *name = p->names[mid].text;
		int order = strncmp(name, text, n);
		if (order == 0)
			order = (unsigned char)name[n];
		if (order == 0)
			return &p->names[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid - 1;
	}
	return NULL;
}

static void link_fields(struct procedure *p, struct section *s)
{
	LIST_EACH(struct field, f, s->fields) {
		f->section = s;
		f->path = arena_printf(p->arena, "%s.%s", s->id ? s->id : "", f->id ? f->id : "");
	}
}

/* The sections that follow from attachments, computed values and findings, and the way back from
 * fields. */
static void link_sections(struct loader *l)
{
	struct procedure *p = l->p;
	struct definition *d = &p->d;
	if (d->attachments.n) {
		struct section *all =
		    arena_array(p->arena, (size_t)d->sections.n + 1, sizeof(*all));
		if (d->sections.n)
			memcpy(all, d->sections.items, (size_t)d->sections.n * sizeof(*all));
		all[d->sections.n] = (struct section){.id = "attachments",
		    .when = NO_EXPR,
		    .fields = d->attachments,
		    .attachments = true};
		d->sections = (struct list){all, d->sections.n + 1};
	}
	struct field *values = arena_array(p->arena, (size_t)d->computed.n, sizeof(*values));
	int n = 0;
	LIST_EACH(const struct computed, c, d->computed)
		values[n++] = (struct field){.at = c->at,
		    .id = c->id,
		    .type = c->type,
		    .label = c->label,
		    .unit = c->unit,
		    .when = NO_EXPR,
		    .computed = true,
		    .hidden = c->hidden,
		    .decimals = 3};
	p->computed_section = (struct section){.id = "computed",
	    .when = NO_EXPR,
	    .fields = {values, n},
	    .computed = true,
	    .index = -1};
	p->findings_section = (struct section){.id = "findings",
	    .when = NO_EXPR,
	    .fields = d->findings,
	    .findings = true,
	    .index = FORM_FINDINGS};
	int index = 0;
	LIST_EACH(struct section, s, d->sections) {
		s->index = index++;
		link_fields(p, s);
	}
	link_fields(p, &p->computed_section);
	link_fields(p, &p->findings_section);
}

static void build_names(struct loader *l)
{
	struct procedure *p = l->p;
	struct definition *d = &p->d;
	int n = d->sections.n + d->computed.n + 2;
	LIST_EACH(const struct section, s, d->sections)
		n += s->fields.n;
	struct name *names = arena_array(p->arena, (size_t)n, sizeof(*names));
	n = 0;
	LIST_EACH(const struct section, s, d->sections) {
		if (s->id)
			names[n++] = (struct name){s->id, NAME_SECTION, s, NULL, -1};
		FIELDS_OF(s, f)
			if (f->id && !s->attachments)
				names[n++] = (struct name){f->id, NAME_FIELD, s, f, -1};
	}
	if (d->findings.n)
		names[n++] =
		    (struct name){"findings", NAME_SECTION, &p->findings_section, NULL, -1};
	int i = 0;
	LIST_EACH(const struct computed, c, d->computed) {
		if (c->id)
			names[n++] = (struct name){c->id, NAME_COMPUTED, &p->computed_section,
			    (const struct field *)p->computed_section.fields.items + i, i};
		i++;
	}
	qsort(names, (size_t)n, sizeof(*names), name_order);
	int kept = 0;
	for (int k = 0; k < n; k++) {
		if (kept && strcmp(names[kept - 1].text, names[k].text) == 0) {
			if (names[kept - 1].kind == NAME_FIELD && names[k].kind == NAME_FIELD)
				names[kept - 1].kind = NAME_AMBIGUOUS;
			continue;
		}
		names[kept++] = names[k];
	}
	p->names = names;
	p->nnames = kept;
}

const struct field *section_field(const struct section *s, const char *id)
{
	FIELDS_OF(s, f)
		if (f->id && strcmp(f->id, id) == 0)
			return f;
	return NULL;
}

const struct field *field_by_path(const struct procedure *p, const char *path)
{
	const char *dot = strchr(path, '.');
	if (!dot)
		return NULL;
	/* First: stored versions may have a section whose name was not taken then. */
	LIST_EACH(const struct section, s, p->d.sections)
		if (s->id && strlen(s->id) == (size_t)(dot - path) &&
		    strncmp(s->id, path, (size_t)(dot - path)) == 0)
			return section_field(s, dot + 1);
	if (strncmp(path, "computed.", 9) == 0)
		return section_field(&p->computed_section, dot + 1);
	if (strncmp(path, "findings.", 9) == 0)
		return section_field(&p->findings_section, dot + 1);
	return NULL;
}

/* --- fields --- */

static const struct {
	const char *path;
	int64_t type;
} prefills[PREFILL_COUNT] = {
    [PREFILL_NAME] = {"profile.name", FIELD_NAME},
    [PREFILL_FURIGANA] = {"profile.furigana", FIELD_FURIGANA},
    [PREFILL_BIRTHDAY] = {"profile.birthday", FIELD_DATE},
    [PREFILL_ADDRESS] = {"profile.address", FIELD_ADDRESS},
    [PREFILL_PHONE] = {"profile.phone", FIELD_PHONE},
    [PREFILL_EMAIL] = {"profile.email", FIELD_EMAIL},
    [PREFILL_FULL_NAME] = {"profile.full_name", FIELD_TEXT},
    [PREFILL_CORPORATE_NUMBER] = {"profile.corporate_number", FIELD_CORPORATE_NUMBER},
};

static void check_prefill(struct loader *l, struct field *f)
{
	const char *paths[PREFILL_COUNT - 1];
	if (!f->prefill_ref.text)
		return;
	for (int i = 1; i < PREFILL_COUNT; i++) {
		paths[i - 1] = prefills[i].path;
		if (strcmp(prefills[i].path, f->prefill_ref.text) == 0)
			f->prefill = (enum prefill)i;
	}
	if (f->prefill == PREFILL_NONE)
		say(l, f->prefill_ref.at,
		    did_you_mean(l, f->prefill_ref.text, paths, PREFILL_COUNT - 1,
		        "known are `profile.name`, `.furigana`, `.birthday`, `.address`, `.phone`, "
		        "`.email`, `.full_name`, `.corporate_number`"),
		    "unknown prefill path `%s`", f->prefill_ref.text);
	else if (f->type >= 0 && prefills[f->prefill].type != f->type)
		say(l, f->prefill_ref.at,
		    remedyf(l, "use type `%s`", field_type_names[prefills[f->prefill].type]),
		    "`%s` does not fit a field of type `%s`", f->prefill_ref.text,
		    field_type_names[f->type]);
	else if (f->section->repeats)
		say(l, f->prefill_ref.at, "take it away",
		    "a repeating group cannot be filled from the profile");
}

static void say_node(
    struct loader *l, const struct yaml_node *node, const char *remedy, const char *what)
{
	say(l, (struct place){node->line, node->column}, remedy, "%s", what);
}

static bool node_number(const struct yaml_node *node, double *out)
{
	char *end;
	if (node->kind != YAML_TEXT || !node->plain || !node->text.n)
		return false;
	*out = strtod(node->text.p, &end);
	return *end == 0 && *out >= -1e15 && *out <= 1e15;
}

static bool node_date(const struct yaml_node *node, struct date *out)
{
	if (node->kind != YAML_TEXT)
		return false;
	if (str_is(node->text, "today")) {
		*out = (struct date){.year = -1};
		return true;
	}
	return node->text.n == 10 && node->text.p[4] == '-' && date_parse(node->text, out);
}

static void check_limit(struct loader *l, struct field *f, const struct yaml_node *node, bool *has,
    double *number, struct date *date)
{
	if (!node)
		return;
	if (f->type == FIELD_DATE) {
		if (!node_date(node, date))
			say_node(l, node, "write a day as 2026-04-01, or `today`", "not a day");
		return;
	}
	*has = node_number(node, number);
	bool counts = f->type != FIELD_NUMBER;
	if (!*has)
		say_node(l, node, "write a number without quotes", "not a number");
	else if (counts && (*number != (double)(int64_t)*number || *number < 0))
		say_node(l, node, "write a whole number, 0 or more", "not a count");
}

static void check_limits(struct loader *l, struct field *f)
{
	check_limit(l, f, f->min_node, &f->has_min, &f->min, &f->min_date);
	check_limit(l, f, f->max_node, &f->has_max, &f->max, &f->max_date);
	if (f->has_min && f->has_max && f->min > f->max)
		say_node(l, f->max_node, "exchange them", "`max` is less than `min`");
	if (f->min_date.year > 0 && f->max_date.year > 0 &&
	    date_compare(f->min_date, f->max_date) > 0)
		say_node(l, f->max_node, "exchange them", "`max` is before `min`");
	double most = f->type == FIELD_TEXT ? 20000 : f->type == FIELD_FILE ? 50 : 1e15;
	if (f->has_max && f->max > most)
		say_node(l, f->max_node, remedyf(l, "at most %.0f", most), "`max` is too large");
	switch (f->type) {
	case FIELD_TEXT:
		if (!f->has_max)
			f->max = f->multiline ? 4000 : 200;
		f->has_max = true;
		break;
	case FIELD_MONEY:
		f->has_min = true;
		break;
	case FIELD_FILE:
		if (!f->has_max)
			f->max = f->min > 1 ? f->min : 1;
		f->has_max = true;
		break;
	default:
		break;
	}
	f->min_node = f->max_node = NULL; /* the tree goes away */
}

static const struct option *option_find(const struct field *f, const char *value)
{
	LIST_EACH(const struct option, o, f->options)
		if (o->value && strcmp(o->value, value) == 0)
			return o;
	return NULL;
}

static void check_default(struct loader *l, struct field *f)
{
	const struct yaml_node *node = f->default_node;
	f->default_node = NULL;
	if (!node || node->kind != YAML_TEXT)
		return;
	bool yes = str_is(node->text, "true"), ok = false;
	double number = 0;
	struct date date;
	json_t *value = NULL;
	switch (f->type) {
	case FIELD_TEXT:
		ok = true;
		value = json_stringn_nocheck(node->text.p, node->text.n);
		break;
	case FIELD_CHOICE:
		ok = option_find(f, node->text.p) != NULL;
		value = json_stringn_nocheck(node->text.p, node->text.n);
		break;
	case FIELD_YES_NO:
		ok = node->plain && (yes || str_is(node->text, "false"));
		value = json_boolean(yes);
		break;
	case FIELD_NUMBER:
	case FIELD_MONEY:
		ok = node_number(node, &number);
		if (ok)
			value = f->decimals ? json_real(number) : json_integer((int64_t)number);
		break;
	case FIELD_DATE:
		ok = node_date(node, &date);
		value = json_stringn_nocheck(node->text.p, node->text.n);
		break;
	default:
		ok = true; /* said before: the key does not go with the type */
	}
	if (value && (f->type == FIELD_NUMBER || f->type == FIELD_MONEY))
		ok = (f->decimals || number == floor(number)) &&
		     (!f->has_min || number >= f->min) && (!f->has_max || number <= f->max);
	if (ok && value) {
		json_array_append(l->p->defaults, value); /* owns it */
		f->default_value = value;
	}
	json_decref(value);
	if (!ok)
		say_node(l, node, "write a value of the field's type and limits",
		    "the default does not fit the field");
}

static void check_field(struct loader *l, struct field *f)
{
	if (f->id)
		check_name(l, f->at, f->id);
	check_prefill(l, f);
	check_ids(l, f->options, sizeof(struct option), offsetof(struct option, value), "option");
	if ((f->type == FIELD_CHOICE || f->type == FIELD_MULTI_CHOICE) && !f->options.n)
		say(l, f->at, "add `options: …`", "a field of type `%s` has no `options`",
		    field_type_names[f->type]);
	if (f->type == FIELD_NOTE && !f->text)
		say(l, f->at, "add `text: {ja: …, en: …}`", "a note has no `text`");
	if (f->type == FIELD_NOTE && f->required.kind != COND_NEVER)
		say(l, f->at, "take `required` away", "a note cannot be required");
	if (f->pattern_ref.text) {
		const char *what = NULL;
		f->pattern = pattern_compile(l->p->arena, str_from(f->pattern_ref.text), &what);
		if (!f->pattern)
			say(l, f->pattern_ref.at, what, "the pattern cannot be used");
	}
	check_limits(l, f);
	check_default(l, f);
	LIST_EACH(const struct ref, r, f->examples)
		if (!example_fits(f, r->text))
			say(l, r->at, "write a value of the field's type and limits",
			    "the example does not fit the field");
}

static void check_sections(struct loader *l)
{
	struct definition *d = &l->p->d;
	check_ids(l, d->sections, sizeof(struct section), offsetof(struct section, id), "section");
	int fields = 0;
	LIST_EACH(struct section, s, d->sections) {
		if (s->id && !s->attachments)
			check_name(l, s->at, s->id);
		if (s->repeats && s->repeat.max && s->repeat.min > s->repeat.max)
			say(l, s->repeat.at, "exchange them", "`max` is less than `min`");
		check_ids(l, s->fields, sizeof(struct field), offsetof(struct field, id),
		    s->attachments ? "attachment" : "field");
		LIST_EACH(struct field, f, s->fields) {
			check_field(l, f);
			if (s->repeats && f->type == FIELD_FILE)
				say(l, f->at, "use an attachment with more than one file",
				    "a repeating group cannot have files");
		}
		fields += s->fields.n;
	}
	if (fields > 1000)
		say(l, d->at, "split the procedure", "the form has more than 1000 fields");
}

/* 番号法 第9条: a number may be asked for where the law says so, and people are told where. */
static void check_my_number(struct loader *l)
{
	const struct field *first = NULL;
	LIST_EACH(const struct section, s, l->p->d.sections)
		LIST_EACH(const struct field, f, s->fields)
			if (f->type == FIELD_MY_NUMBER && !first)
				first = f;
	if (first && !json_object_get(l->p->json, "my_number"))
		say_warning(l, first->at, "add `my_number: {ground: {ja: …, en: …}}`",
		    "a 個人番号 is asked for, and no legal ground is named");
}

/* What the office enters stands in one form with the draft of the decision. */
static void check_findings(struct loader *l)
{
	const struct section *s = &l->p->findings_section;
	const unsigned unfit = 1u << FIELD_FILE | 1u << FIELD_MY_NUMBER | 1u << FIELD_CONSENT |
	                       1u << FIELD_NOTE | 1u << FIELD_ADDRESS;
	check_ids(l, s->fields, sizeof(struct field), offsetof(struct field, id), "finding");
	LIST_EACH(struct field, f, s->fields) {
		check_field(l, f);
		if (f->type >= 0 && unfit & (1u << f->type))
			say(l, f->at, "use another type", "a finding cannot be of type `%s`",
			    field_type_names[f->type]);
		if (f->prefill != PREFILL_NONE)
			say(l, f->prefill_ref.at, "take it away",
			    "a finding cannot be filled from the profile");
		if (f->when != NO_EXPR)
			say(l, f->at, "make `required` the expression",
			    "a finding is always shown: it cannot have `when`");
	}
}

static void check_computed(struct loader *l)
{
	struct definition *d = &l->p->d;
	const unsigned fit = 1u << FIELD_NUMBER | 1u << FIELD_MONEY | 1u << FIELD_TEXT |
	                     1u << FIELD_DATE | 1u << FIELD_YES_NO;
	check_ids(l, d->computed, sizeof(struct computed), offsetof(struct computed, id),
	    "computed value");
	LIST_EACH(const struct computed, c, d->computed) {
		if (c->id) {
			check_name(l, c->at, c->id);
			const struct name *name = name_find(l->p, c->id, strlen(c->id));
			if (name && name->kind != NAME_COMPUTED)
				say(l, c->at, "choose another id",
				    "a section or field has the id `%s`, too", c->id);
		}
		if (c->type >= 0 && !(fit & (1u << c->type)))
			say(l, c->at, "use `number`, `money`, `text`, `date` or `yes_no`",
			    "a computed value cannot be of type `%s`", field_type_names[c->type]);
	}
}

/* --- references --- */

static void unknown_field(struct loader *l, struct place at, const char *path)
{
	const struct procedure *p = l->p;
	int n = 0, most = p->computed_section.fields.n + p->findings_section.fields.n;
	LIST_EACH(const struct section, s, p->d.sections)
		most += s->fields.n;
	const char **paths = arena_array(l->scratch, (size_t)most, sizeof(*paths));
	LIST_EACH(const struct section, s, p->d.sections)
		FIELDS_OF(s, f)
			paths[n++] = f->path;
	FIELDS_OF(&p->computed_section, f)
		paths[n++] = f->path;
	FIELDS_OF(&p->findings_section, f)
		paths[n++] = f->path;
	const char *remedy = did_you_mean(l, path, paths, n, "write it as `section.field`");
	for (int i = 0; i < n; i++) /* only the section was left out */
		if (text_eq(strchr(paths[i], '.') + 1, path))
			remedy = remedyf(l, "did you mean `%s`?", paths[i]);
	say(l, at, remedy, "no field `%s`", path);
}

static void check_checks(struct loader *l)
{
	LIST_EACH(struct check, c, l->p->d.checks) {
		if (!c->field.text)
			continue;
		const struct field *f = field_by_path(l->p, c->field.text);
		if (!f)
			unknown_field(l, c->field.at, c->field.text);
		else if (f->section->findings)
			say(l, c->field.at, "put a `check` into the finding itself",
			    "the message cannot stand at `%s`: the applicant does not see it",
			    c->field.text);
		else if (f->section->repeats)
			say(l, c->field.at, "name a field outside of repeating groups",
			    "the message cannot stand at `%s`: it is in a repeating group",
			    c->field.text);
	}
}

static void check_capacity(struct loader *l)
{
	struct capacity *c = &l->p->d.capacity;
	if (!c->at.line)
		return;
	if ((c->limit >= 0) == (c->field.text != NULL) || (c->field.text && !c->limits) ||
	    (c->limits && !c->field.text)) {
		say(l, c->at, "write {limit: 20}, or {field: section.field, limits: {a: 20}}",
		    "a capacity has either `limit`, or `field` and `limits`");
		return;
	}
	if (!c->field.text)
		return;
	c->by = field_by_path(l->p, c->field.text);
	if (!c->by)
		unknown_field(l, c->field.at, c->field.text);
	else if (c->by->type != FIELD_CHOICE || c->by->section->repeats || c->by->section->findings)
		say(l, c->field.at, "name a field of type `choice` outside of repeating groups",
		    "places cannot be counted by `%s`", c->field.text);
	if (!c->by || c->by->type != FIELD_CHOICE)
		return;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)c->limits, key, value) if (!option_find(c->by, key)) say(l,
	    c->at, "use the values of its options", "`%s` has no option `%s`", c->field.text, key);
}

static bool template_exists(struct loader *l, const char *name)
{
	return l->env->template_exists(l->env->arg, name);
}

/* {{dog.name}} in a document's text, as Mustache writes it. */
static void check_text(struct loader *l, const struct output *o, const char *text)
{
	static const char *const known[] = {"number", "receipt_number", "serial", "outcome",
	    "reason", "applicant", "date", "fee", "department", "city", NULL};
	int depth = 0;
	for (const char *p = text; p && (p = strstr(p, "{{")); p += 2) {
		const char *end = strstr(p, "}}");
		if (!end) {
			say(l, o->at, "write {{section.field}}", "a {{ without }} in the text");
			return;
		}
		struct str name = str_trim((struct str){p + 2, (size_t)(end - p - 2)});
		char sign = name.n ? name.p[0] : 0;
		depth += sign == '#' || sign == '^' ? 1 : sign == '/' ? -1 : 0;
		if (depth > 0 || (sign && strchr("#^/!", sign)))
			continue; /* inside of a section names are those of its rows */
		const char *path = str_dup(l->scratch, name);
		if (!field_by_path(l->p, path) && !in_list(path, known))
			unknown_field(l, o->at, path);
	}
}

/* A repeating group that a document shows as a table. */
static bool group_of(const struct procedure *p, const char *id)
{
	const struct section *s = section_at(p, procedure_section_find(p, id));
	return s && s->repeats;
}

static void check_documents(struct loader *l)
{
	struct definition *d = &l->p->d;
	check_ids(l, d->documents, sizeof(struct output), offsetof(struct output, id), "document");
	LIST_EACH(const struct output, o, d->documents) {
		if (o->template.text && l->env->template_exists &&
		    !template_exists(l, o->template.text))
			say(l, o->template.at,
			    "use `certificate`, `decision` or `refusal`, or add the template",
			    "there is no document template `%s`", o->template.text);
		LIST_EACH(const struct ref, r, o->rows)
			if (!field_by_path(l->p, r->text) && !group_of(l->p, r->text))
				unknown_field(l, r->at, r->text);
		if (o->series.text && !strstr(o->series.text, "{n}"))
			say(l, o->series.at, "write {n} where the number goes",
			    "the series has no {n}");
		const json_t *const texts[] = {o->title, o->body, o->closing};
		for (size_t i = 0; i < COUNT(texts); i++) {
			const char *lang;
			json_t *text;
			json_object_foreach((json_t *)texts[i], lang, text)
			    check_text(l, o, json_string_value(text));
		}
	}
	LIST_EACH(const struct effect, e, d->effects)
		if (e->kind == 1 && !e->series.text)
			say(l, e->at, "add `series: …`",
			    "an effect of kind `number` has no `series`");
}

/* --- the route and the rest --- */

static void check_post(struct loader *l, struct ref post)
{
	if (post.text && !in_list(post.text, post_names))
		say(l, post.at, "use 係員, 係長, 課長, 部長 or 市長", "unknown post `%s`",
		    post.text);
}

static void check_department(struct loader *l, struct ref name)
{
	if (name.text && l->env->department_exists &&
	    !l->env->department_exists(l->env->arg, name.text))
		say_warning(l, name.at,
		    "add the department, or name one of /staff/departments here; until then "
		    "applications go to "
		    "the city's `fallback-department`",
		    "there is no department `%s`", name.text);
}

static void check_route(struct loader *l)
{
	struct route *r = &l->p->d.route;
	check_ids(l, r->steps, sizeof(struct step), offsetof(struct step, id), "step");
	int i = 0;
	LIST_EACH(const struct step, s, r->steps) {
		bool last = ++i == r->steps.n;
		check_post(l, s->post);
		LIST_EACH(const struct delegated, e, s->delegated)
			check_post(l, e->post);
		check_department(l, s->department);
		LIST_EACH(const struct ref, name, s->departments)
			check_department(l, *name);
		if (s->kind < 0)
			continue;
		if (last && s->kind != STEP_DECIDE)
			say(l, s->at, "put a step of kind `decide` last",
			    "the route does not end with a decision");
		if (!last && s->kind == STEP_DECIDE)
			say(l, s->at, "decide in the last step only",
			    "a decision is in the middle of the route");
	}
}

static void unknown_life_event(struct loader *l, const struct ref *e)
{
	const struct life_event *events;
	int n = procedure_life_events(&events);
	struct buf b;
	buf_init(&b, l->scratch);
	buf_puts(&b, "use ");
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s%s (%s)", i ? ", " : "", events[i].key, events[i].ja);
	say(l, e->at, b.p, "unknown life event `%s`", e->text);
}

/* It becomes a link. */
static void check_laws(struct loader *l)
{
	LIST_EACH(const struct law, w, l->p->d.laws)
		if (w->url.text && strncmp(w->url.text, "https://", 8) != 0 &&
		    strncmp(w->url.text, "http://", 7) != 0)
			say(l, w->url.at, "write an address that begins with https://",
			    "the `url` of a law cannot be `%s`", w->url.text);
}

static void check_header(struct loader *l)
{
	struct definition *d = &l->p->d;
	const char *file = strrchr(l->p->file, '/');
	file = file ? file + 1 : l->p->file;
	size_t n = strlen(file);
	if (d->id.text && n > 5 && strcmp(file + n - 5, ".yaml") == 0 &&
	    (strlen(d->id.text) != n - 5 || strncmp(d->id.text, file, n - 5) != 0))
		say(l, d->id.at, remedyf(l, "name the file `%s.yaml`", d->id.text),
		    "the id is not the file's name");
	check_department(l, d->department);
	check_laws(l);
	LIST_EACH(const struct ref, e, d->life_events)
		if (l->env->life_event_exists && !l->env->life_event_exists(l->env->arg, e->text))
			unknown_life_event(l, e);
	struct window *w = &d->window;
	if (w->from.month && w->to.month) {
		if (!w->from.year != !w->to.year)
			say(l, w->at, "write two dates, or two {month_day: …}",
			    "the window has a date and a day of every year");
		else if (w->from.year && date_compare(w->from, w->to) > 0)
			say(l, w->at, "exchange them", "the window ends before it begins");
	}
	if (d->fee.at.line && (d->fee.amount >= 0) == (d->fee.expr != NO_EXPR))
		say(l, d->fee.at, "write either `amount: …` or `expr: …`",
		    "a fee has one of `amount` and `expr`");
}

void definition_check(struct loader *l)
{
	l->problems->lenient = l->env->stored;
	link_sections(l);
	build_names(l);
	check_header(l);
	check_sections(l);
	check_my_number(l);
	check_findings(l);
	check_computed(l);
	check_exprs(l);
	check_checks(l);
	check_capacity(l);
	check_route(l);
	check_documents(l);
}
