/* What the files of this folder share: finding answers, asking expressions, saying problems. */
#include "procedure/form/private.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

static const struct type_ops *const types[FIELD_TYPE_COUNT] = {
    [FIELD_TEXT] = &text_ops,
    [FIELD_FURIGANA] = &name_ops,
    [FIELD_NAME] = &name_ops,
    [FIELD_DATE] = &date_ops,
    [FIELD_ADDRESS] = &address_ops,
    [FIELD_PHONE] = &phone_ops,
    [FIELD_EMAIL] = &email_ops,
    [FIELD_NUMBER] = &number_ops,
    [FIELD_MONEY] = &money_ops,
    [FIELD_CHOICE] = &choice_ops,
    [FIELD_MULTI_CHOICE] = &multi_ops,
    [FIELD_YES_NO] = &yes_no_ops,
    [FIELD_CONSENT] = &consent_ops,
    [FIELD_FILE] = &file_ops,
    [FIELD_MY_NUMBER] = &my_number_ops,
    [FIELD_CORPORATE_NUMBER] = &corporate_ops,
    [FIELD_BANK_ACCOUNT] = &bank_ops,
    [FIELD_NOTE] = &note_ops,
};

const struct type_ops *ops_of(const struct field *f)
{
	return types[f->type];
}

struct form form_make(
    const struct procedure *p, struct arena *a, const struct form_context *ctx, json_t *answers)
{
	return (struct form){.p = p, .arena = a, .ctx = ctx, .answers = answers};
}

struct spot spot_of(const struct form *fm, const struct section *s)
{
	json_t *o = json_object_get(fm->answers, s->id);
	return (struct spot){s, json_is_object(o) ? o : NULL, -1};
}

int row_count(const struct form *fm, const struct section *s)
{
	size_t n = json_array_size(json_object_get(fm->answers, s->id));
	return n > ROWS_MAX ? ROWS_MAX : (int)n;
}

struct spot spot_of_row(const struct form *fm, const struct section *s, int row)
{
	json_t *o = json_array_get(json_object_get(fm->answers, s->id), (size_t)row);
	return (struct spot){s, json_is_object(o) ? o : NULL, row};
}

json_t *section_object(struct form *fm, const struct section *s)
{
	json_t *o = json_object_get(fm->answers, s->id);
	if (!json_is_object(o)) {
		o = json_object();
		json_object_set_new(fm->answers, s->id, o);
	}
	return o;
}

json_t *section_rows(struct form *fm, const struct section *s)
{
	json_t *rows = json_object_get(fm->answers, s->id);
	if (!json_is_array(rows)) {
		rows = json_array();
		json_object_set_new(fm->answers, s->id, rows);
	}
	return rows;
}

const char *control_name(struct form *fm, const struct spot *spot, const struct field *f)
{
	if (spot->row < 0)
		return f->path;
	return arena_printf(fm->arena, "%s.%d.%s", spot->section->id, spot->row, f->id);
}

const char *part_name(struct form *fm, const char *name, const char *part)
{
	return arena_printf(fm->arena, "%s.%s", name, part);
}

struct expr_scope scope_of(const struct form *fm, const struct spot *spot, const json_t *value)
{
	return (struct expr_scope){.p = fm->p,
	    .ctx = fm->ctx,
	    .answers = fm->answers,
	    .section = spot->section,
	    .item = spot->row < 0 ? NULL : spot->object,
	    .value = value};
}

bool section_shown(const struct form *fm, const struct section *s)
{
	if (s->attachments) {
		struct spot spot = spot_of(fm, s);
		LIST_EACH(const struct field, f, s->fields)
			if (field_shown(fm, &spot, f))
				return true;
		return false;
	}
	struct expr_scope scope = {.p = fm->p, .ctx = fm->ctx, .answers = fm->answers};
	return expr_true(&scope, s->when);
}

bool form_open(const struct form *fm, const struct section *s, const struct field *f)
{
	const json_t *only = fm->ctx->only;
	return !only || json_object_get(only, s->repeats ? s->id : f->path);
}

bool field_shown(const struct form *fm, const struct spot *spot, const struct field *f)
{
	if (f->when == NO_EXPR)
		return true;
	struct expr_scope scope = scope_of(fm, spot, NULL);
	return expr_true(&scope, f->when);
}

bool field_required(const struct form *fm, const struct spot *spot, const struct field *f)
{
	if (f->required.kind != COND_EXPR)
		return f->required.kind == COND_ALWAYS || f->type == FIELD_CONSENT;
	struct expr_scope scope = scope_of(fm, spot, NULL);
	return expr_true(&scope, f->required.expr);
}

bool answer_filled(const struct field *f, const json_t *value)
{
	if (!value || json_is_null(value))
		return false;
	const struct type_ops *ops = ops_of(f);
	return !ops->filled || ops->filled(value);
}

const char *form_tr(struct form *fm, const char *key, json_t *args)
{
	if (!fm->ctx->i18n)
		return key;
	return i18n_format(fm->ctx->i18n, fm->arena, fm->ctx->lang, key, args);
}

/* "Child 2" of "children.1.birthday"; NULL when the control is in no row. */
static const char *row_title(struct form *fm, const char *name)
{
	if (!fm->p) /* only looks whether there is a problem */
		return NULL;
	LIST_EACH(const struct section, s, fm->p->d.sections) {
		size_t n = strlen(s->id);
		if (s->repeats && strncmp(name, s->id, n) == 0 && name[n] == '.')
			return arena_printf(fm->arena, "%s %d",
			    words_in(s->repeat.item, fm->ctx->lang),
			    (int)strtol(name + n + 1, NULL, 10) + 1);
	}
	return NULL;
}

static struct form_problem *problem_new(struct form *fm, const char *name)
{
	if (fm->n >= FORM_PROBLEMS_MAX)
		return NULL;
	if (fm->n == fm->cap) {
		int cap = fm->cap ? fm->cap * 2 : 8;
		struct form_problem *more = arena_array(fm->arena, (size_t)cap, sizeof(*more));
		if (fm->n)
			memcpy(more, fm->problems, (size_t)fm->n * sizeof(*more));
		fm->problems = more;
		fm->cap = cap;
	}
	struct form_problem *problem = &fm->problems[fm->n++];
	*problem = (struct form_problem){.field = name, .row = row_title(fm, name)};
	return problem;
}

void form_say(struct form *fm, const char *name, const struct field *f, const char *key, ...)
{
	struct form_problem *problem = problem_new(fm, name);
	if (!problem)
		return;
	json_t *args = json_object();
	const char *label = words_in(f->label, fm->ctx->lang);
	json_object_set_new(args, "label", json_string(label ? label : ""));
	va_list ap;
	va_start(ap, key);
	for (const char *arg; (arg = va_arg(ap, const char *));)
		json_object_set_new(args, arg, json_string(va_arg(ap, const char *)));
	va_end(ap);
	json_on_arena(fm->arena, args);
	problem->msgkey = key;
	problem->args = args;
	if (fm->ctx->i18n)
		problem->text = form_tr(fm, key, args);
}

void form_say_text(struct form *fm, const char *name, const json_t *message)
{
	struct form_problem *problem = problem_new(fm, name);
	if (problem)
		problem->text = words_in(message, fm->ctx->lang);
}

/* --- text --- */

static bool drops(uint32_t c, bool multiline)
{
	/* Control characters, and marks that change the direction of what follows. */
	return (c < 0x20 && !(multiline && c == '\n')) || (c >= 0x7f && c < 0xa0) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

static bool is_blank(uint32_t c)
{
	return c == ' ' || c == '\n' || c == 0xa0 || c == 0x3000;
}

char *clean_text(struct arena *a, const char *value, bool multiline)
{
	struct str s = str_from(value);
	if (s.n > TEXT_BYTES_MAX)
		s.n = TEXT_BYTES_MAX;
	struct buf b;
	buf_init(&b, a);
	buf_reserve(&b, s.n + 1);
	size_t end = 0; /* after the last character that is not blank */
	bool started = false;
	while (s.n) {
		int32_t c = utf8_next(&s);
		if (c < 0) { /* a broken byte, or the cut at the end */
			s.p++;
			s.n--;
			continue;
		}
		if (c == '\r') {
			if (s.n && s.p[0] == '\n')
				continue;
			c = '\n';
		}
		if (c == '\t' || (c == '\n' && !multiline))
			c = ' ';
		if (drops((uint32_t)c, multiline) || (!started && is_blank((uint32_t)c)))
			continue;
		started = true;
		utf8_put(&b, (uint32_t)c);
		if (!is_blank((uint32_t)c))
			end = b.n;
	}
	if (!b.p)
		return arena_strdup(a, "");
	b.p[end] = 0;
	return b.p;
}

char *folded_text(struct arena *a, const char *value, void (*fold)(struct buf *, struct str))
{
	char *clean = clean_text(a, value, false);
	struct buf b;
	buf_init(&b, a);
	fold(&b, str_from(clean));
	/* Folding makes white space of some signs: again without it at the ends. */
	return b.p ? clean_text(a, b.p, false) : arena_strdup(a, "");
}

json_t *text_or_none(const char *text)
{
	return text && text[0] ? json_string(text) : NULL;
}

const char *typed_text(const json_t *value)
{
	return json_is_string(value) ? json_string_value(value) : "";
}

/* --- values to begin with --- */

json_t *prefill_value(const struct form *fm, const struct field *f)
{
	const struct form_context *ctx = fm->ctx;
	static const char *const keys[PREFILL_COUNT] = {NULL, "name", "furigana", "birthday",
	    "address", "phone", "email", "name", "corporate_number"};
	if (f->prefill == PREFILL_NONE || !ctx->profile || text_eq(ctx->applicant_kind, "proxy"))
		return NULL;
	/* The account is a person's; a company has a name of its own, known when they act for it.
	 */
	if (f->prefill == PREFILL_FULL_NAME && text_eq(ctx->applicant_kind, "business"))
		return json_incref(json_object_get(ctx->profile, "organisation"));
	const json_t *v = json_object_get(ctx->profile, keys[f->prefill]);
	if (f->prefill == PREFILL_FULL_NAME && json_is_object(v))
		return json_sprintf("%s　%s", typed_text(json_object_get(v, "family")),
		    typed_text(json_object_get(v, "given")));
	if (!v || !answer_filled(f, v))
		return NULL;
	return ops_of(f)->even ? ops_of(f)->even(fm, f, v) : json_deep_copy(v);
}

json_t *start_value(const struct form *fm, const struct field *f)
{
	json_t *v = prefill_value(fm, f);
	if (v)
		return v;
	if (!f->default_value)
		return NULL;
	if (f->type == FIELD_DATE && text_eq(json_string_value(f->default_value), "today")) {
		struct date d = fm->ctx->today;
		return json_sprintf("%04d-%02d-%02d", d.year, d.month, d.day);
	}
	return json_deep_copy(f->default_value);
}

uint64_t seed_next(uint64_t *seed)
{
	/* splitmix64 */
	uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}
