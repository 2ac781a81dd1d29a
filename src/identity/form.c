/* Fields of hand-written pages, in the shape that the components of src/web/templates take. */
#include "identity/private.h"

#include <string.h>

#include "base/time.h"

void page_title(struct request *rq, const char *key)
{
	json_object_set_new(rq->view, "title", json_string(rq_tr(rq, key)));
}

void page_secret(struct request *rq)
{
	rq_set_header(rq, "Cache-Control", "no-store");
	json_object_set_new(
	    rq->view, "signing_in", json_true()); /* its address leads nobody back */
}

const char *form_value(struct request *rq, const char *name)
{
	const char *value = rq_form(rq, name);
	return value ? str_dup(rq->arena, str_trim(str_from(value))) : "";
}

json_t *page_form(struct request *rq, const char *action, const char *button)
{
	json_t *form = json_pack("{s:s, s:s, s:[], s:[]}", "action", action, "button",
	    rq_tr(rq, button), "fields", "hidden");
	json_object_set_new(rq->view, "form", form);
	return form;
}

void form_hidden(json_t *form, const char *name, const char *value)
{
	json_array_append_new(json_object_get(form, "hidden"),
	    json_pack("{s:s, s:s}", "name", name, "value", value ? value : ""));
}

/* The parts of composed fields: their names, label keys and what browsers may fill in. */
struct part {
	const char *name, *label, *autocomplete, *inputmode;
	int max;
};
static const struct part name_parts[] = {
    {"family", "identity.field.family", "family-name", NULL, 50},
    {"given", "identity.field.given", "given-name", NULL, 50},
};
static const struct part kana_parts[] = {
    {"family", "identity.field.family_kana", NULL, NULL, 50},
    {"given", "identity.field.given_kana", NULL, NULL, 50},
};
static const struct part address_parts[] = {
    {"postal_code", "identity.field.postal_code", "postal-code", "numeric", 8},
    {"prefecture", "identity.field.prefecture", "address-level1", NULL, 10},
    {"city", "identity.field.city", "address-level2", NULL, 50},
    {"town", "identity.field.town", "address-level3", NULL, 100},
    {"street", "identity.field.street", "address-line1", NULL, 100},
    {"building", "identity.field.building", "address-line2", NULL, 100},
};

static const struct {
	const char *flag;
	const struct part *parts;
	size_t n;
} composed[] = {
    {"is_name", name_parts, COUNT(name_parts)},
    {"is_furigana", kana_parts, COUNT(kana_parts)},
    {"is_address", address_parts, COUNT(address_parts)},
};

static json_t *part_view(struct request *rq, const char *name, const struct part *p, json_t *values)
{
	const char *value = json_string_value(json_object_get(values, p->name));
	json_t *part = json_pack("{s:o, s:o, s:s, s:s, s:s*, s:s*}", "id",
	    json_sprintf("%s.%s", name, p->name), "name", json_sprintf("%s.%s", name, p->name),
	    "label", rq_tr(rq, p->label), "value", value ? value : "", "autocomplete",
	    p->autocomplete, "inputmode", p->inputmode);
	if (p->max)
		json_object_set_new(part, "max", json_integer(p->max));
	return part;
}

json_t *form_field(struct request *rq, json_t *form, const struct form_field_spec *f, json_t *value)
{
	/* The parts of a date are named after the word: "off" has none. */
	bool off = text_eq(f->type, "is_date") && text_eq(f->autocomplete, "off");
	json_t *field = json_pack("{s:s, s:s, s:s, s:s, s:s*, s:b, s:b, s:b}", "id", f->name,
	    "name", f->name, "label", rq_tr(rq, f->label), "help",
	    f->help ? rq_tr(rq, f->help) : "", "autocomplete", off ? NULL : f->autocomplete,
	    "required", (int)f->required, "optional", (int)!f->required, f->type, 1);
	if (!f->help)
		json_object_del(field, "help");
	if (f->max)
		json_object_set_new(field, "max", json_integer(f->max));
	for (size_t i = 0; i < COUNT(composed); i++) {
		if (!text_eq(composed[i].flag, f->type))
			continue;
		json_t *parts = json_object(), *list = json_array();
		for (size_t k = 0; k < composed[i].n; k++) {
			json_t *part = part_view(rq, f->name, &composed[i].parts[k], value);
			json_object_set(parts, composed[i].parts[k].name, part);
			json_array_append_new(list, part);
		}
		json_object_set_new(field, "parts", parts);
		json_object_set_new(field, "part_list", list);
	}
	if (text_eq(f->type, "is_date"))
		rq_date_field(rq, field, json_string_value(value));
	else if (value && !text_eq(f->type, "is_password"))
		json_object_set(field, "value", value);
	json_decref(value);
	if (rq_problem_at(rq, f->name))
		json_object_set_new(field, "problem", json_string(rq_problem_at(rq, f->name)));
	json_array_append_new(json_object_get(form, "fields"), field);
	return field;
}

void form_option(json_t *field, const char *value, const char *label, bool selected)
{
	json_t *options = json_object_get(field, "options");
	if (!options) {
		options = json_array();
		json_object_set_new(field, "options", options);
	}
	const char *name = json_string_value(json_object_get(field, "name"));
	json_array_append_new(
	    options, json_pack("{s:o, s:s, s:s, s:b}", "id",
	                 json_sprintf("%s.%d", name, (int)json_array_size(options)), "value", value,
	                 "label", label, "selected", (int)selected));
}

json_t *form_values(struct request *rq, const char *type, const char *name)
{
	for (size_t i = 0; i < COUNT(composed); i++) {
		if (!text_eq(composed[i].flag, type))
			continue;
		json_t *out = json_object();
		for (size_t k = 0; k < composed[i].n; k++) {
			const char *part = composed[i].parts[k].name;
			json_object_set_new(out, part,
			    json_string(
			        form_value(rq, arena_printf(rq->arena, "%s.%s", name, part))));
		}
		return out;
	}
	return json_string(form_value(rq, name));
}

/* Puts the text at the field of that name, or at the part of a composed field. */
static void mark(json_t *form, const char *name, const char *text)
{
	size_t i;
	json_t *field;
	json_array_foreach(json_object_get(form, "fields"), i, field)
	{
		const char *id = json_string_value(json_object_get(field, "name"));
		size_t n = id ? strlen(id) : 0;
		if (text_eq(id, name)) {
			json_object_set_new(field, "problem", json_string(text));
			return;
		}
		if (n && strncmp(id, name, n) == 0 && name[n] == '.') {
			json_t *part =
			    json_object_get(json_object_get(field, "parts"), name + n + 1);
			json_object_set_new(part ? part : field, "problem", json_string(text));
			return;
		}
	}
}

void form_problem(struct request *rq, const char *name, const char *key, json_t *args)
{
	const char *text = i18n_format(rq->city->i18n, rq->arena, rq->lang, key, args);
	mark(json_object_get(rq->view, "form"), name, text);
	rq_problem(rq, name, key, args);
}

const char *form_state(struct request *rq, const char *const *values, size_t n)
{
	struct buf text;
	buf_init(&text, rq->arena);
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s\n", values[i] ? values[i] : "");
	char *out = arena_alloc(rq->arena, TOKEN_HASH_SIZE);
	token_hash(text.p, out);
	return out;
}

int form_kept(struct request *rq, const char *state, const char *field, struct err *err)
{
	const char *seen = rq_form(rq, "seen");
	return !seen || text_eq(seen, state)
	           ? 0
	           : err_field(err, ERR_CONFLICT, field, "identity.changed_meanwhile",
	                 "%s was changed by somebody else", rq->path);
}
