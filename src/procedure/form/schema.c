/* JSON Schema of the answers. */
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
	return json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:b}", "$schema",
	    "https://json-schema.org/draft/2020-12/schema", "$id",
	    json_sprintf("/procedures/%s/schema", p->d.id.text), "title",
	    words_in(p->d.title, lang), "type", "object", "properties", properties, "required",
	    required, "additionalProperties", 0);
}
