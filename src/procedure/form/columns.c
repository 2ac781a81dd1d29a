/* The questions of a form as the columns of a table with a row for each application. */
#include "procedure/form/private.h"

#include "identity/field_class.h"

#include <string.h>

/* 個人番号 leaves in no table. */
static bool is_column(const struct field *f)
{
	return f->type != FIELD_NOTE && f->type != FIELD_MY_NUMBER && !f->hidden;
}

static const char *title_of(const struct section *s, const char *lang)
{
	return s->attachments || s->computed ? NULL : words_in(s->title, lang);
}

static void add_columns(json_t *out, const struct section *s, const char *lang)
{
	LIST_EACH(const struct field, f, s->fields) {
		if (!is_column(f))
			continue;
		json_array_append_new(
		    out, json_pack("{s:s, s:s?, s:s?, s:s, s:b}", "name", f->path, "label",
		             words_in(f->label, lang), "section", title_of(s, lang), "type",
		             field_type_names[f->type], "repeats", (int)s->repeats));
	}
}

json_t *form_columns(const struct procedure *p, const char *lang)
{
	json_t *out = json_array();
	LIST_EACH(const struct section, s, p->d.sections)
		add_columns(out, s, lang);
	add_columns(out, &p->computed_section, lang);
	return out;
}

/* What a field holds, unless its definition says otherwise. */
static enum field_class class_of(const struct field *f)
{
	switch (f->type) {
	case FIELD_MY_NUMBER:
		return CLASS_NUMBER;
	case FIELD_NAME:
	case FIELD_FURIGANA:
	case FIELD_ADDRESS:
	case FIELD_PHONE:
	case FIELD_EMAIL:
	case FIELD_BANK_ACCOUNT:
	case FIELD_FILE:
		return CLASS_PERSONAL;
	default:
		return CLASS_BASIC;
	}
}

bool field_masked(const struct form *fm, const struct field *f)
{
	/* 個人番号 has its own mask, for everybody. */
	enum field_class c =
	    f->class >= 0 && f->type != FIELD_MY_NUMBER ? (enum field_class)f->class : class_of(f);
	return c != CLASS_NUMBER && (fm->ctx->hides >> c & 1);
}

const char *field_reading(struct form *fm, const struct field *f, const json_t *value)
{
	struct buf names;
	size_t i;
	json_t *file;
	if (field_masked(fm, f))
		return form_tr(fm, "form.masked", NULL);
	if (f->type != FIELD_FILE)
		return ops_of(f)->text(fm, f, value);
	buf_init(&names, fm->arena);
	json_array_foreach(value, i, file)
	{
		buf_printf(
		    &names, "%s%s", i ? "\n" : "", typed_text(json_object_get(file, "name")));
	}
	return names.p ? names.p : "";
}

static json_t *cell_of(struct form *fm, const struct spot *spot, const struct field *f, bool stored)
{
	json_t *value = json_object_get(spot->object, f->id);
	if (!answer_filled(f, value))
		return NULL;
	bool number = (f->type == FIELD_NUMBER || f->type == FIELD_MONEY) && json_is_number(value);
	if (field_masked(fm, f))
		return json_string(field_reading(fm, f, value));
	if (stored || number || f->type == FIELD_DATE)
		return json_incref(value);
	return json_string(field_reading(fm, f, value));
}

/* Every row of a group has its line, so that the lines of two columns belong together. */
static json_t *group_cell(struct form *fm, const struct field *f, bool stored)
{
	int n = row_count(fm, f->section);
	json_t *all = stored ? json_array() : NULL;
	struct buf lines;
	buf_init(&lines, fm->arena);
	for (int i = 0; i < n; i++) {
		struct spot spot = spot_of_row(fm, f->section, i);
		const json_t *value = json_object_get(spot.object, f->id);
		bool filled = answer_filled(f, value);
		buf_printf(
		    &lines, "%s%s", i ? "\n" : "", filled ? field_reading(fm, f, value) : "");
		json_t *cell = cell_of(fm, &spot, f, true);
		json_array_append_new(all, cell ? cell : json_null());
	}
	return stored ? all : n ? json_string(lines.p) : NULL;
}

json_t *form_cell(const struct procedure *p, struct arena *a, const struct form_context *ctx,
    json_t *answers, const char *name, bool stored)
{
	struct form fm = form_make(p, a, ctx, answers);
	const struct field *f = field_by_path(p, name);
	if (!f || !is_column(f))
		return NULL;
	if (f->section->repeats)
		return group_cell(&fm, f, stored);
	struct spot spot = spot_of(&fm, f->section);
	return cell_of(&fm, &spot, f, stored);
}
