/* JSON Schema of the answers, and answers made up for tests and the demo city. */
#include "procedure/form/private.h"

#include <string.h>

static json_t *object_schema(const struct section *s, const char *lang)
{
	json_t *properties = json_object(), *required = json_array();
	LIST_EACH(const struct field, f, s->fields) {
		const struct type_ops *ops = ops_of(f);
		if (!ops->schema)
			continue;
		json_t *one = ops->schema(f, lang);
		const char *label = words_in(f->label, lang), *help = words_in(f->help, lang);
		if (label)
			json_object_set_new(one, "title", json_string(label));
		if (help)
			json_object_set_new(one, "description", json_string(help));
		json_object_set_new(properties, f->id, one);
		/* Only what is asked of everybody can be required in a schema. */
		bool always = f->required.kind == COND_ALWAYS || f->type == FIELD_CONSENT;
		if (always && f->when == NO_EXPR && !f->computed)
			json_array_append_new(required, json_string(f->id));
	}
	return json_pack("{s:s, s:o, s:o, s:b}", "type", "object", "properties", properties,
	    "required", required, "additionalProperties", 0);
}

json_t *procedure_schema(const struct procedure *p, const char *lang)
{
	json_t *properties = json_object(), *required = json_array();
	LIST_EACH(const struct section, s, p->d.sections) {
		json_t *one = object_schema(s, lang);
		const char *title = words_in(s->title, lang);
		if (s->repeats)
			one = json_pack("{s:s, s:o, s:I, s:I}", "type", "array", "items", one,
			    "minItems", (json_int_t)s->repeat.min, "maxItems",
			    (json_int_t)s->repeat.max);
		if (title)
			json_object_set_new(one, "title", json_string(title));
		json_object_set_new(properties, s->id, one);
		if (s->when == NO_EXPR && !s->attachments && (!s->repeats || s->repeat.min > 0))
			json_array_append_new(required, json_string(s->id));
	}
	if (p->computed_section.fields.n)
		json_object_set_new(
		    properties, "computed", object_schema(&p->computed_section, lang));
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b}", "$schema",
	    "https://json-schema.org/draft/2020-12/schema", "$id",
	    arena_printf(p->arena, "/procedures/%s/schema", p->d.id.text), "title",
	    words_in(p->d.title, lang), "type", "object", "properties", properties, "required",
	    required, "additionalProperties", 0);
}

/* --- examples --- */

static void make_field(struct form *fm, const struct spot *spot, const struct field *f,
    uint64_t *seed, const char *blob)
{
	const struct type_ops *ops = ops_of(f);
	json_t *v = NULL;
	if (f->type == FIELD_FILE) {
		int n = f->has_min && f->min > 1 ? (int)f->min : 1;
		if (!field_required(fm, spot, f) || !blob)
			return;
		v = json_array();
		int kind = 0;
		while (!(f->kinds & (1 << kind)))
			kind++;
		for (int i = 0; i < n; i++)
			json_array_append_new(
			    v, json_pack("{s:s, s:s, s:s, s:i}", "blob", blob, "name",
			           arena_printf(
			               fm->arena, "%s-%d.%s", f->id, i + 1, file_kinds[kind].name),
			           "type", file_kinds[kind].mime, "size", 1024));
	} else if (ops->example) {
		v = ops->example(fm, f, seed);
	}
	if (v)
		json_object_set_new(spot->object, f->id, v);
}

/* Fills what is shown; an optional answer is left out now and then. What an answer shows later is
 * filled by the next pass. */
static void make_spot(struct form *fm, const struct spot *spot, uint64_t *seed, const char *blob)
{
	LIST_EACH(const struct field, f, spot->section->fields) {
		if (json_object_get(spot->object, f->id) || !field_shown(fm, spot, f))
			continue;
		if (field_required(fm, spot, f) || seed_below(seed, 4) > 0)
			make_field(fm, spot, f, seed, blob);
	}
}

static void make_section(struct form *fm, const struct section *s, uint64_t *seed, const char *blob)
{
	if (!section_shown(fm, s))
		return;
	if (!s->repeats) {
		struct spot spot = {s, section_object(fm, s), -1};
		make_spot(fm, &spot, seed, blob);
		return;
	}
	json_t *rows = section_rows(fm, s);
	int wanted = (int)s->repeat.min + seed_below(seed, 3);
	if (wanted > s->repeat.max)
		wanted = (int)s->repeat.max;
	while (json_array_size(rows) == 0 && wanted-- > 0)
		for (int i = 0; i <= wanted; i++)
			json_array_append_new(rows, json_object());
	for (int i = 0; i < row_count(fm, s); i++) {
		struct spot spot = spot_of_row(fm, s, i);
		make_spot(fm, &spot, seed, blob);
	}
}

/* Makes the answer that a problem names anew, so that another value is tried. */
static void forget(struct form *fm, const char *field)
{
	struct str rest = str_from(field), part;
	json_t *at = fm->answers;
	const struct section *s = NULL;
	while (str_cut(&rest, '.', &part)) {
		char key[80];
		snprintf(key, sizeof(key), "%.*s", STR_ARG(part));
		int64_t i;
		if (!s) {
			s = section_at(fm->p, procedure_section_find(fm->p, key));
			at = json_object_get(at, key);
			if (!s)
				return;
		} else if (json_is_array(at)) {
			if (!str_to_i64(part, 0, ROWS_MAX, &i))
				return;
			at = json_array_get(at, (size_t)i);
		} else {
			json_object_del(at, key);
			return;
		}
	}
	if (json_is_array(at))
		json_array_clear(at);
}

json_t *form_example(const struct procedure *p, struct arena *a, const struct form_context *ctx,
    uint64_t seed, const char *blob)
{
	enum { TRIES = 1000 }; /* some values break a rule by chance; 60 were too few once in 300,000 */
	json_t *answers = json_object();
	struct form fm = form_make(p, a, ctx, answers);
	for (int i = 0; i < TRIES; i++) {
		for (int pass = 0; pass < 3; pass++)
			LIST_EACH(const struct section, s, p->d.sections)
				make_section(&fm, s, &seed, blob);
		struct form_problem *problems;
		struct arena_mark mark = arena_mark(a);
		int n = form_check(p, a, ctx, answers, &problems);
		for (int k = 0; k < n; k++)
			forget(&fm, problems[k].field);
		arena_release(a, mark);
		if (n == 0)
			break;
		/* A cross check may blame a field that is right: begin anew at times. */
		if (i % 10 == 9 && i + 1 < TRIES)
			json_object_clear(answers);
	}
	return answers;
}
