/* Field types that are ticked or chosen, files, and notes. */
#include "procedure/form/private.h"

#include "base/individual.h"

#include <stdlib.h>
#include <string.h>

enum { RADIO_MAX = 6 };

static const struct option *option_of(const struct field *f, const char *value)
{
	LIST_EACH(const struct option, o, f->options)
		if (text_eq(o->value, value))
			return o;
	return NULL;
}

static json_t *options_view(struct form *fm, const struct field *f, const json_t *value)
{
	json_t *list = json_array();
	LIST_EACH(const struct option, o, f->options) {
		bool selected =
		    json_is_string(value) && text_eq(json_string_value(value), o->value);
		size_t i;
		json_t *v;
		json_array_foreach((json_t *)(json_is_array(value) ? value : NULL), i, v)
		    selected |= text_eq(json_string_value(v), o->value);
		json_t *option = json_pack("{s:s, s:s, s:b}", "value", o->value, "label",
		    words_in(o->label, fm->ctx->lang), "selected", selected);
		if (o->help)
			json_object_set_new(
			    option, "help", json_string(words_in(o->help, fm->ctx->lang)));
		json_array_append_new(list, option);
	}
	return list;
}

static json_t *options_schema(const struct field *f, const char *lang)
{
	json_t *list = json_array();
	LIST_EACH(const struct option, o, f->options)
		json_array_append_new(list,
		    json_pack("{s:s, s:s}", "const", o->value, "title", words_in(o->label, lang)));
	return json_pack("{s:s, s:o}", "type", "string", "oneOf", list);
}

static bool text_filled(const json_t *value)
{
	return !json_is_string(value) || json_string_length(value) > 0;
}

/* --- choice --- */

static json_t *take_choice(const struct take *t)
{
	const char *sent = control_get(t->controls, t->name);
	return text_or_none(clean_text(t->fm->arena, sent ? sent : "", false));
}

static void check_choice(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	if (!json_is_string(value) || !option_of(f, json_string_value(value)))
		form_say(fm, name, f, "form.choice", NULL);
}

static void view_choice(struct form *fm, const struct field *f, const char *name,
    const json_t *value, const char *mode, json_t *view)
{
	(void)name;
	json_object_set_new(view, "value", json_string(typed_text(value)));
	json_object_set_new(view, "options", options_view(fm, f, value));
	if (f->options.n > RADIO_MAX && !text_eq(mode, "paper"))
		json_object_set_new(view, "is_select", json_true());
}

static const char *text_of_choice(struct form *fm, const struct field *f, const json_t *value)
{
	const struct option *o = option_of(f, typed_text(value));
	return o ? words_in(o->label, fm->ctx->lang) : typed_text(value);
}

static json_t *example_choice(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)fm;
	const struct option *all = f->options.items;
	return json_string(all[seed_below(seed, f->options.n)].value);
}

const struct type_ops choice_ops = {.take = take_choice,
    .check = check_choice,
    .filled = text_filled,
    .view = view_choice,
    .text = text_of_choice,
    .schema = options_schema,
    .example = example_choice,
    .required_key = "form.required.choice",
    .absent_is_no = true};

/* --- multi_choice --- */

static json_t *take_multi(const struct take *t)
{
	int max = t->field->options.n * 2 + 10;
	const char **sent = arena_array(t->fm->arena, (size_t)max, sizeof(*sent));
	int n = control_all(t->controls, t->name, sent, max);
	json_t *list = json_array();
	for (int i = 0; i < n; i++) {
		const char *s = clean_text(t->fm->arena, sent[i], false);
		bool again = !s[0];
		size_t k;
		json_t *v;
		json_array_foreach(list, k, v) again |= text_eq(json_string_value(v), s);
		if (!again)
			json_array_append_new(list, json_string(s));
	}
	if (json_array_size(list))
		return list;
	json_decref(list);
	return NULL;
}

static bool list_filled(const json_t *value)
{
	return !json_is_array(value) || json_array_size(value) > 0;
}

static void check_multi(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	size_t n = json_array_size(value);
	bool known = json_is_array(value);
	for (size_t i = 0; known && i < n; i++)
		known = option_of(f, typed_text(json_array_get(value, i))) != NULL;
	if (!known)
		form_say(fm, name, f, "form.choice", NULL);
	else if (f->has_min && n < (size_t)f->min)
		form_say(fm, name, f, "form.choose_least", "min",
		    arena_printf(fm->arena, "%.0f", f->min), NULL);
	else if (f->has_max && n > (size_t)f->max)
		form_say(fm, name, f, "form.choose_most", "max",
		    arena_printf(fm->arena, "%.0f", f->max), NULL);
}

static void view_multi(struct form *fm, const struct field *f, const char *name,
    const json_t *value, const char *mode, json_t *view)
{
	(void)name;
	(void)mode;
	json_object_set_new(view, "options", options_view(fm, f, value));
}

static const char *text_of_multi(struct form *fm, const struct field *f, const json_t *value)
{
	struct buf b;
	buf_init(&b, fm->arena);
	size_t i;
	json_t *v;
	json_array_foreach((json_t *)value, i, v)
	{
		const struct option *o = option_of(f, typed_text(v));
		buf_printf(&b, "%s%s", i ? "\n" : "",
		    o ? words_in(o->label, fm->ctx->lang) : typed_text(v));
	}
	return b.p ? b.p : "";
}

static json_t *schema_multi(const struct field *f, const char *lang)
{
	json_t *s = json_pack(
	    "{s:s, s:o, s:b}", "type", "array", "items", options_schema(f, lang), "uniqueItems", 1);
	if (f->has_min)
		json_object_set_new(s, "minItems", json_integer((json_int_t)f->min));
	if (f->has_max)
		json_object_set_new(s, "maxItems", json_integer((json_int_t)f->max));
	return s;
}

static json_t *example_multi(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)fm;
	const struct option *all = f->options.items;
	int n = f->has_min && f->min > 1 ? (int)f->min : 1, from = seed_below(seed, f->options.n);
	json_t *list = json_array();
	for (int i = 0; i < n && i < f->options.n; i++)
		json_array_append_new(list, json_string(all[(from + i) % f->options.n].value));
	return list;
}

const struct type_ops multi_ops = {.take = take_multi,
    .check = check_multi,
    .filled = list_filled,
    .view = view_multi,
    .text = text_of_multi,
    .schema = schema_multi,
    .example = example_multi,
    .required_key = "form.required.choice",
    .absent_is_no = true};

/* --- yes_no, consent --- */

/* 1 yes, 0 no, -1 neither */
static int truth(const char *s)
{
	static const char *const yes[] = {"yes", "true", "1", "on"}, *const no[] = {
	                                                                 "no", "false", "0"};
	for (size_t i = 0; i < COUNT(yes); i++)
		if (strcasecmp(s, yes[i]) == 0)
			return 1;
	for (size_t i = 0; i < COUNT(no); i++)
		if (strcasecmp(s, no[i]) == 0)
			return 0;
	return -1;
}

static json_t *take_yes_no(const struct take *t)
{
	const char *sent = control_get(t->controls, t->name);
	int v = sent ? truth(sent) : -1;
	return v < 0 ? NULL : json_boolean(v);
}

static void check_yes_no(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	if (!json_is_boolean(value))
		form_say(fm, name, f, "form.choice", NULL);
}

static void view_yes_no(struct form *fm, const struct field *f, const char *name,
    const json_t *value, const char *mode, json_t *view)
{
	(void)f;
	(void)name;
	(void)mode;
	json_object_set_new(view, "options",
	    json_pack("[{s:s, s:s, s:b}, {s:s, s:s, s:b}]", "value", "yes", "label",
	        form_tr(fm, "form.yes", NULL), "selected", json_is_true(value), "value", "no",
	        "label", form_tr(fm, "form.no", NULL), "selected", json_is_false(value)));
	json_object_set_new(view, "value",
	    json_string(json_is_true(value)    ? "yes"
	                : json_is_false(value) ? "no"
	                                       : ""));
}

static const char *text_of_yes_no(struct form *fm, const struct field *f, const json_t *value)
{
	(void)f;
	return form_tr(fm, json_is_true(value) ? "form.yes" : "form.no", NULL);
}

static json_t *schema_yes_no(const struct field *f, const char *lang)
{
	(void)f;
	(void)lang;
	return json_pack("{s:s}", "type", "boolean");
}

static json_t *example_yes_no(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)fm;
	(void)f;
	return json_boolean(seed_below(seed, 2));
}

const struct type_ops yes_no_ops = {.take = take_yes_no,
    .check = check_yes_no,
    .view = view_yes_no,
    .text = text_of_yes_no,
    .schema = schema_yes_no,
    .example = example_yes_no,
    .required_key = "form.required.choice",
    .absent_is_no = true};

static json_t *take_consent(const struct take *t)
{
	const char *sent = control_get(t->controls, t->name);
	return sent && truth(sent) == 1 ? json_true() : NULL;
}

static bool consent_filled(const json_t *value)
{
	return !json_is_false(value);
}

static void view_consent(struct form *fm, const struct field *f, const char *name,
    const json_t *value, const char *mode, json_t *view)
{
	(void)name;
	(void)mode;
	json_object_set_new(view, "value", json_boolean(json_is_true(value)));
	if (f->text)
		json_object_set_new(
		    view, "statement", json_string(words_in(f->text, fm->ctx->lang)));
}

static const char *text_of_consent(struct form *fm, const struct field *f, const json_t *value)
{
	(void)f;
	return json_is_true(value) ? form_tr(fm, "form.agreed", NULL) : "";
}

static json_t *schema_consent(const struct field *f, const char *lang)
{
	(void)f;
	(void)lang;
	return json_pack("{s:b}", "const", 1);
}

static json_t *example_consent(struct form *fm, const struct field *f, uint64_t *seed)
{
	(void)fm;
	(void)f;
	(void)seed;
	return json_true();
}

const struct type_ops consent_ops = {.take = take_consent,
    .check = check_yes_no,
    .filled = consent_filled,
    .view = view_consent,
    .text = text_of_consent,
    .schema = schema_consent,
    .example = example_consent,
    .required_key = "form.required.consent",
    .absent_is_no = true};

/* --- file --- */

static const char *size_text(struct form *fm, int64_t bytes)
{
	if (bytes >= 1 << 20)
		return arena_printf(fm->arena, "%.3g MB", (double)bytes / (1 << 20));
	return arena_printf(fm->arena, "%lld KB", (long long)(bytes + 1023) / 1024);
}

static const char *kinds_text(struct form *fm, const struct field *f)
{
	struct buf b;
	buf_init(&b, fm->arena);
	for (int i = 0; i < FILE_KIND_COUNT; i++)
		if (f->kinds & (1 << i))
			buf_printf(&b, "%s%s", b.n ? form_tr(fm, "form.comma", NULL) : "",
			    form_tr(fm, arena_printf(fm->arena, "form.kind.%s", file_kinds[i].name),
			        NULL));
	return b.p ? b.p : "";
}

static bool kind_allowed(const struct field *f, const char *type)
{
	for (int i = 0; i < FILE_KIND_COUNT; i++)
		if ((f->kinds & (1 << i)) && text_eq(file_kinds[i].mime, type))
			return true;
	return false;
}

/* Why a file cannot be taken; NULL: it can. */
static const char *file_problem(const struct field *f, const json_t *file)
{
	if (!json_is_string(json_object_get(file, "blob")) ||
	    !kind_allowed(f, json_string_value(json_object_get(file, "type"))))
		return "form.file.kind";
	if (json_integer_value(json_object_get(file, "size")) > f->max_bytes)
		return "form.file.size";
	return json_integer_value(json_object_get(file, "size")) <= 0 ? "form.file.empty" : NULL;
}

static void say_file(
    struct form *fm, const char *name, const struct field *f, const char *key, const json_t *file)
{
	form_say(fm, name, f, key, "name", typed_text(json_object_get(file, "name")), "kinds",
	    kinds_text(fm, f), "max_size", size_text(fm, f->max_bytes), "max",
	    arena_printf(fm->arena, "%.0f", f->max), NULL);
}

static void check_file(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	size_t i;
	json_t *file;
	if (!json_is_array(value)) {
		form_say(fm, name, f, "form.required.file", NULL);
		return;
	}
	json_array_foreach((json_t *)value, i, file)
	{
		const char *wrong = file_problem(f, file);
		if (wrong)
			say_file(fm, name, f, wrong, file);
	}
	if (json_array_size(value) > (size_t)f->max)
		say_file(fm, name, f, "form.file.count", NULL);
	if (f->has_min && json_array_size(value) < (size_t)f->min)
		form_say(fm, name, f, "form.file.least", "min",
		    arena_printf(fm->arena, "%.0f", f->min), NULL);
}

static void view_file(struct form *fm, const struct field *f, const char *name, const json_t *value,
    const char *mode, json_t *view)
{
	(void)mode;
	json_t *files = json_array(), *file;
	size_t i;
	json_array_foreach((json_t *)(json_is_array(value) ? value : NULL), i, file)
	    json_array_append_new(
	        files, json_pack("{s:s, s:s, s:s, s:I, s:s}", "blob",
	                   typed_text(json_object_get(file, "blob")), "name",
	                   typed_text(json_object_get(file, "name")), "type",
	                   typed_text(json_object_get(file, "type")), "size",
	                   json_integer_value(json_object_get(file, "size")), "remove",
	                   arena_printf(fm->arena, "%s.%zu.remove", name, i)));
	struct buf accept;
	buf_init(&accept, fm->arena);
	for (int k = 0; k < FILE_KIND_COUNT; k++)
		if (f->kinds & (1 << k))
			buf_printf(&accept, "%s%s,%s", accept.n ? "," : "", file_kinds[k].mime,
			    file_kinds[k].extensions);
	json_object_set_new(view, "can_add", json_boolean(json_array_size(files) < (size_t)f->max));
	json_object_set_new(view, "files", files);
	json_object_set_new(view, "accept", json_string(accept.p ? accept.p : ""));
	json_object_set_new(view, "count_max", json_integer((json_int_t)f->max));
	if ((int)f->max == 1)
		json_object_set_new(view, "single", json_true());
	json_object_set_new(view, "max_bytes", json_integer(f->max_bytes));
	json_t *args = json_pack("{s:s, s:i, s:s}", "kinds", kinds_text(fm, f), "max", (int)f->max,
	    "max_size", size_text(fm, f->max_bytes));
	json_object_set_new(view, "kinds_text", json_string(form_tr(fm, "form.file.limits", args)));
	json_decref(args);
}

static const char *text_of_file(struct form *fm, const struct field *f, const json_t *value)
{
	(void)f;
	struct buf b;
	buf_init(&b, fm->arena);
	size_t i;
	json_t *file;
	json_array_foreach((json_t *)value, i, file)
	    buf_printf(&b, "%s%s", i ? "\n" : "", typed_text(json_object_get(file, "name")));
	return b.p ? b.p : "";
}

/* Files are uploaded, not posted: here only the buttons that take one away. */
static json_t *take_file(const struct take *t)
{
	json_t *kept = json_array(), *file;
	size_t i;
	json_array_foreach((json_t *)t->old, i,
	    file) if (!control_get(t->controls, arena_printf(t->fm->arena, "%s.%zu.remove", t->name,
	                                            i))) json_array_append(kept, file);
	if (json_array_size(kept))
		return kept;
	json_decref(kept);
	return NULL;
}

static json_t *schema_file(const struct field *f, const char *lang)
{
	(void)lang;
	json_t *type = json_array();
	for (int i = 0; i < FILE_KIND_COUNT; i++)
		if (f->kinds & (1 << i))
			json_array_append_new(type, json_string(file_kinds[i].mime));
	return json_pack(
	    "{s:s, s:i, s:{s:s, s:{s:{s:s}, s:{s:s}, s:{s:o}, s:{s:s, s:I}}, s:[ssss]}}", "type",
	    "array", "maxItems", (int)f->max, "items", "type", "object", "properties", "blob",
	    "type", "string", "name", "type", "string", "type", "enum", type, "size", "type",
	    "integer", "maximum", (json_int_t)f->max_bytes, "required", "blob", "name", "type",
	    "size");
}

const struct type_ops file_ops = {.take = take_file,
    .check = check_file,
    .filled = list_filled,
    .view = view_file,
    .text = text_of_file,
    .schema = schema_file,
    .required_key = "form.required.file",
    .wide = true};

bool form_file_wanted(const struct procedure *p, const char *control)
{
	const struct field *f = field_by_path(p, control);
	return f && f->type == FIELD_FILE;
}

static json_t *file_entry(const struct form_file *file)
{
	const char *blob = file->blob ? file->blob : "";
	json_t *entry = json_pack("{s:s, s:s, s:s, s:I}", "blob", blob, "name", file->name, "type",
	    file->type, "size", (json_int_t)file->size);
	return entry ? entry
	             : json_pack("{s:s, s:s, s:s, s:I}", "blob", blob, "name", "file", "type",
	                   file->type, "size", (json_int_t)file->size);
}

int form_file_check(const struct procedure *p, struct arena *a, const struct form_context *ctx,
    json_t *answers, const struct form_file *file, struct form_problem **problems)
{
	struct form fm = form_make(p, a, ctx, answers);
	const struct field *f = field_by_path(p, file->control);
	*problems = NULL;
	if (!f || f->type != FIELD_FILE)
		return 0;
	json_t *list = json_object_get(section_object(&fm, f->section), f->id);
	json_t *entry = file_entry(file);
	const char *wrong = file_problem(f, entry);
	if (!wrong && json_array_size(list) >= (size_t)f->max)
		wrong = "form.file.count";
	if (!wrong && individual_number_find(str_from(file->name), NULL))
		wrong = "form.number_in_text";
	if (!wrong && file->found)
		wrong = arena_printf(a, "form.file.%s", file->found);
	if (wrong)
		say_file(&fm, f->path, f, wrong, entry);
	json_decref(entry);
	*problems = fm.problems;
	return fm.n;
}

int form_file_add(const struct procedure *p, struct arena *a, const struct form_context *ctx,
    json_t *answers, const struct form_file *file, struct form_problem **problems)
{
	int n = form_file_check(p, a, ctx, answers, file, problems);
	if (n > 0 || !form_file_wanted(p, file->control))
		return n;
	struct form fm = form_make(p, a, ctx, answers);
	const struct field *f = field_by_path(p, file->control);
	json_t *object = section_object(&fm, f->section), *list = json_object_get(object, f->id);
	if (!json_is_array(list)) {
		list = json_array();
		json_object_set_new(object, f->id, list);
	}
	json_array_append_new(list, file_entry(file));
	return 0;
}

/* --- note --- */

static void view_note(struct form *fm, const struct field *f, const char *name, const json_t *value,
    const char *mode, json_t *view)
{
	(void)name;
	(void)value;
	(void)mode;
	/* The component shows label and help. */
	json_object_set_new(view, "help", json_string(words_in(f->text, fm->ctx->lang)));
}

static const char *text_of_note(struct form *fm, const struct field *f, const json_t *value)
{
	(void)fm;
	(void)f;
	(void)value;
	return "";
}

const struct type_ops note_ops = {.view = view_note, .text = text_of_note, .wide = true};
