/* The view model of a section for its template. */
#include "procedure/form/private.h"

#include <string.h>

static void set(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, json_string(text));
}

static void set_true(json_t *o, const char *key, bool value)
{
	if (value)
		json_object_set_new(o, key, json_true());
}

static const char *const type_flags[FIELD_TYPE_COUNT] = {"is_text", "is_furigana", "is_name",
    "is_date", "is_address", "is_phone", "is_email", "is_number", "is_money", "is_choice",
    "is_multi_choice", "is_yes_no", "is_consent", "is_file", "is_my_number", "is_corporate_number",
    "is_bank_account", "is_note"};

static const char *const autocompletes[PREFILL_COUNT] = {[PREFILL_BIRTHDAY] = "bday",
    [PREFILL_PHONE] = "tel",
    [PREFILL_EMAIL] = "email",
    [PREFILL_FULL_NAME] = "name"};

static const char *problem_text(struct form *fm, const struct form_problem *p)
{
	return p->text ? p->text : p->msgkey ? form_tr(fm, p->msgkey, p->args) : "";
}

/* A problem of a part stands at the part, one of the whole at the field. */
static void place_problems(
    struct form *fm, const char *name, const struct form_problem *ps, int n, json_t *view)
{
	size_t length = strlen(name), i;
	for (int k = 0; k < n; k++) {
		const char *field = ps[k].field;
		if (strncmp(field, name, length) != 0 || (field[length] && field[length] != '.'))
			continue;
		json_t *at = view, *part;
		if (field[length]) {
			set_true(view, "part_problem", true);
			json_array_foreach(json_object_get(view, "part_list"), i,
			    part) if (text_eq(json_string_value(json_object_get(part, "name")),
			                  field)) at = part;
		}
		if (!json_object_get(at, "problem"))
			set(at, "problem", problem_text(fm, &ps[k]));
	}
}

/* Where the value came from, or that the source had none. */
static void view_source(struct form *fm, const struct field *f, bool used, json_t *view)
{
	if (f->prefill == PREFILL_NONE || !fm->ctx->profile ||
	    text_eq(fm->ctx->applicant_kind, "proxy"))
		return;
	json_t *there = prefill_value(fm, f);
	bool empty = there == NULL;
	json_decref(there);
	if (!empty && !used)
		return; /* the person typed something else */
	json_t *source = json_pack("{s:s, s:s}", "text",
	    form_tr(fm, empty ? "form.source.empty" : "form.source.profile", NULL), "href",
	    "/account");
	set_true(source, "empty", empty);
	json_object_set_new(view, "source", source);
}

static json_t *field_view(struct form *fm, const struct spot *spot, const struct field *f,
    const struct form_problem *ps, int n, const char *mode)
{
	const struct type_ops *ops = ops_of(f);
	bool paper = text_eq(mode, "paper");
	const char *name = control_name(fm, spot, f), *lang = fm->ctx->lang;
	json_t *view = json_object();
	json_t *value = json_incref(json_object_get(spot->object, f->id));
	bool prefilled = false;
	if (!value && !paper)
		value = start_value(fm, f);
	if (json_is_null(value)) /* was emptied: not filled again */
		value = NULL;
	json_t *source = prefill_value(fm, f);
	prefilled = source && value && json_equal(source, value);
	json_decref(source);
	set(view, "id", name);
	set(view, "name", name);
	set(view, "type", field_type_names[f->type]);
	set_true(view, type_flags[f->type], true);
	set(view, "label", words_in(f->label, lang));
	set(view, "help", words_in(f->help, lang));
	bool required = ops->required_key && field_required(fm, spot, f);
	set_true(view, "required", required);
	set_true(view, "optional", !required && ops->required_key);
	set_true(view, "wide", ops->wide);
	set(view, "autocomplete", autocompletes[f->prefill]);
	if (ops->view)
		ops->view(fm, f, name, value, mode, view);
	set(view, "text", value && answer_filled(f, value) ? ops->text(fm, f, value) : "");
	if (paper && f->when != NO_EXPR)
		set(view, "condition", form_tr(fm, "form.condition", NULL));
	if (!paper)
		view_source(fm, f, prefilled, view);
	place_problems(fm, name, ps, n, view);
	json_decref(value);
	return view;
}

static json_t *fields_view(struct form *fm, const struct spot *spot, const struct form_problem *ps,
    int n, const char *mode)
{
	json_t *list = json_array();
	bool all = text_eq(mode, "paper");
	LIST_EACH(const struct field, f, spot->section->fields)
		if (all || (field_shown(fm, spot, f) &&
		               (f->type == FIELD_NOTE || form_open(fm, spot->section, f))))
			json_array_append_new(list, field_view(fm, spot, f, ps, n, mode));
	return list;
}

static json_t *rows_view(struct form *fm, const struct section *s, const struct form_problem *ps,
    int n, const char *mode, json_t *view)
{
	enum { PAPER_ROWS = 3 };
	json_t *rows = json_array();
	const char *item = words_in(s->repeat.item, fm->ctx->lang);
	bool paper = text_eq(mode, "paper");
	int have = row_count(fm, s), count = have > s->repeat.min ? have : (int)s->repeat.min;
	if (paper)
		count = s->repeat.max < PAPER_ROWS ? (int)s->repeat.max : PAPER_ROWS;
	for (int i = 0; i < count; i++) {
		struct spot spot = spot_of_row(fm, s, i);
		json_t *row = json_pack("{s:i, s:i, s:s, s:o}", "index", i, "number", i + 1,
		    "title", arena_printf(fm->arena, "%s %d", item, i + 1), "fields",
		    fields_view(fm, &spot, ps, n, mode));
		if (count > s->repeat.min && !paper)
			set(row, "remove", arena_printf(fm->arena, "%s.%d.remove", s->id, i));
		json_array_append_new(rows, row);
	}
	set_true(view, "repeats", true);
	set(view, "item", item);
	if (count < s->repeat.max && !paper)
		set(view, "add", arena_printf(fm->arena, "%s.add", s->id));
	for (int i = 0; i < n; i++)
		if (strcmp(ps[i].field, s->id) == 0)
			set(view, "problem", problem_text(fm, &ps[i]));
	return rows;
}

static const char *section_title(struct form *fm, const struct section *s)
{
	if (s->attachments)
		return form_tr(fm, "form.attachments.title", NULL);
	if (s->computed)
		return form_tr(fm, "form.computed.title", NULL);
	if (s->findings)
		return form_tr(fm, "form.findings.title", NULL);
	return words_in(s->title, fm->ctx->lang);
}

json_t *form_section_view(const struct procedure *p, struct arena *a, int section,
    const struct form_context *ctx, json_t *answers, const struct form_problem *problems,
    int nproblems, const char *mode)
{
	const struct section *s = section_at(p, section);
	struct form fm = form_make(p, a, ctx, answers);
	json_t *view = json_object();
	if (!s)
		return view;
	set(view, "id", s->id);
	set(view, "title", section_title(&fm, s));
	set(view, "help",
	    s->attachments
	        ? form_tr(&fm,
	              text_eq(mode, "paper") ? "form.attachments.paper" : "form.attachments.help",
	              NULL)
	    : s->findings ? form_tr(&fm, "form.findings.help", NULL)
	                  : words_in(s->help, ctx->lang));
	json_object_set_new(view, "index", json_integer(section));
	set(view, "mode", mode);
	set_true(view, "is_attachments", s->attachments);
	LIST_EACH(const struct field, f, s->fields)
		if (f->when != NO_EXPR)
			set_true(view, "changes", true);
	if (s->repeats) {
		json_object_set_new(
		    view, "rows", rows_view(&fm, s, problems, nproblems, mode, view));
	} else {
		struct spot spot = spot_of(&fm, s);
		json_object_set_new(
		    view, "fields", fields_view(&fm, &spot, problems, nproblems, mode));
	}
	return view;
}

bool form_section_shown(
    const struct procedure *p, int section, const struct form_context *ctx, json_t *answers)
{
	const struct section *s = section_at(p, section);
	struct form fm = form_make(p, NULL, ctx, answers);
	return s && section_shown(&fm, s);
}

/* --- answers for reading --- */

static json_t *row_view(struct form *fm, const struct spot *spot, const struct field *f)
{
	const json_t *value = json_object_get(spot->object, f->id);
	bool filled = answer_filled(f, value);
	const char *text = !filled ? ""
	                   : f->type == FIELD_FILE && !field_masked(fm, f)
	                       ? ops_of(f)->text(fm, f, value)
	                       : field_reading(fm, f, value);
	json_t *row = json_object(), *lines = json_array();
	set(row, "id", f->id);
	set(row, "name", control_name(fm, spot, f));
	set(row, "type", field_type_names[f->type]);
	set(row, "label", words_in(f->label, fm->ctx->lang));
	struct str rest = str_from(text), line;
	int n = 0;
	while (str_cut(&rest, '\n', &line)) {
		json_array_append_new(lines, json_stringn(line.p, line.n));
		n++;
	}
	json_object_set_new(row, "lines", lines);
	if (n > 1 && f->type == FIELD_MULTI_CHOICE) /* a list for the component */
		json_object_set(row, "values", lines);
	else
		set(row, "text", text);
	set_true(row, "empty", !filled);
	set_true(row, "masked", filled && field_masked(fm, f));
	if (f->type == FIELD_FILE && !field_masked(fm, f)) {
		json_object_set_new(row, "files", filled ? json_deep_copy(value) : json_array());
		json_object_del(row, "text");
	}
	json_t *source = prefill_value(fm, f);
	set_true(row, "source_differs",
	    source && filled && !field_masked(fm, f) && !json_equal(source, value));
	json_decref(source);
	return row;
}

static json_t *rows_of(struct form *fm, const struct spot *spot)
{
	json_t *rows = json_array();
	LIST_EACH(const struct field, f, spot->section->fields)
		if (f->type != FIELD_NOTE && field_shown(fm, spot, f))
			json_array_append_new(rows, row_view(fm, spot, f));
	return rows;
}

static json_t *section_answers(struct form *fm, const struct section *s)
{
	json_t *view = json_object();
	set(view, "id", s->id);
	set(view, "title", section_title(fm, s));
	json_object_set_new(view, "index", json_integer(s->index));
	if (!s->repeats) {
		struct spot spot = spot_of(fm, s);
		json_object_set_new(view, "rows", rows_of(fm, &spot));
		return view;
	}
	json_t *groups = json_array();
	const char *item = words_in(s->repeat.item, fm->ctx->lang);
	for (int i = 0; i < row_count(fm, s); i++) {
		struct spot spot = spot_of_row(fm, s, i);
		json_array_append_new(groups,
		    json_pack("{s:i, s:s, s:o}", "number", i + 1, "title",
		        arena_printf(fm->arena, "%s %d", item, i + 1), "rows", rows_of(fm, &spot)));
	}
	set_true(view, "repeats", true);
	json_object_set_new(view, "groups", groups);
	return view;
}

json_t *form_answers_view(
    const struct procedure *p, struct arena *a, const struct form_context *ctx, json_t *answers)
{
	struct form fm = form_make(p, a, ctx, answers);
	json_t *list = json_array();
	LIST_EACH(const struct section, s, p->d.sections)
		if (section_shown(&fm, s))
			json_array_append_new(list, section_answers(&fm, s));
	const struct section *computed = &p->computed_section;
	struct spot spot = spot_of(&fm, computed);
	json_t *rows = json_array();
	LIST_EACH(const struct field, f, computed->fields)
		if (!f->hidden && json_object_get(spot.object, f->id))
			json_array_append_new(rows, row_view(&fm, &spot, f));
	if (json_array_size(rows))
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:i, s:O}", "id", "computed", "title",
		              section_title(&fm, computed), "index", -1, "rows", rows));
	json_decref(rows);
	return list;
}

json_t *form_section_answers(const struct procedure *p, struct arena *a, int section,
    const struct form_context *ctx, json_t *answers)
{
	const struct section *s = section_at(p, section);
	struct form fm = form_make(p, a, ctx, answers);
	return s && json_object_get(answers, s->id) ? section_answers(&fm, s) : NULL;
}

json_t *form_answer_row(const struct procedure *p, struct arena *a, const struct form_context *ctx,
    json_t *answers, const char *path)
{
	struct form fm = form_make(p, a, ctx, answers);
	const struct field *f = field_by_path(p, path);
	if (!f)
		return NULL;
	if (!f->section->repeats) {
		struct spot spot = spot_of(&fm, f->section);
		return row_view(&fm, &spot, f);
	}
	/* A field of a repeating group: all rows' texts, one a line. */
	struct buf b;
	buf_init(&b, a);
	json_t *lines = json_array();
	for (int i = 0; i < row_count(&fm, f->section); i++) {
		struct spot spot = spot_of_row(&fm, f->section, i);
		const json_t *value = json_object_get(spot.object, f->id);
		if (!answer_filled(f, value))
			continue;
		const char *text = field_masked(&fm, f) ? field_reading(&fm, f, value)
		                                        : ops_of(f)->text(&fm, f, value);
		buf_printf(&b, "%s%s", b.n ? "\n" : "", text);
		json_array_append_new(lines, json_string(text));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "id", f->id, "name", f->path, "type",
	    field_type_names[f->type], "label", words_in(f->label, ctx->lang), "text",
	    b.p ? b.p : "", "lines", lines);
}

/* How wide a column is, as a share. */
static int column_width(const struct field *f)
{
	switch (f->type) {
	case FIELD_NUMBER:
	case FIELD_YES_NO:
		return 2;
	case FIELD_ADDRESS:
	case FIELD_BANK_ACCOUNT:
		return 6;
	case FIELD_TEXT:
		return f->multiline ? 6 : 4;
	default:
		return 3;
	}
}

json_t *form_answer_table(const struct procedure *p, struct arena *a,
    const struct form_context *ctx, json_t *answers, const char *section)
{
	struct form fm = form_make(p, a, ctx, answers);
	const struct section *s = section_at(p, procedure_section_find(p, section));
	int n = s && s->repeats ? row_count(&fm, s) : 0;
	if (n == 0)
		return NULL;
	json_t *columns = json_array(), *rows = json_array();
	LIST_EACH(const struct field, f, s->fields)
		if (f->type != FIELD_NOTE)
			json_array_append_new(
			    columns, json_pack("{s:s, s:i, s:s}", "label",
			                 words_in(f->label, ctx->lang), "width", column_width(f),
			                 "align", f->type == FIELD_NUMBER ? "right" : "left"));
	for (int i = 0; i < n; i++) {
		struct spot spot = spot_of_row(&fm, s, i);
		json_t *row = json_array();
		LIST_EACH(const struct field, f, s->fields) {
			const json_t *value = json_object_get(spot.object, f->id);
			bool filled = f->type != FIELD_NOTE && answer_filled(f, value);
			if (f->type != FIELD_NOTE)
				json_array_append_new(
				    row, json_string(!filled ? ""
				                     : field_masked(&fm, f)
				                         ? field_reading(&fm, f, value)
				                         : ops_of(f)->text(&fm, f, value)));
		}
		json_array_append_new(rows, row);
	}
	return json_pack(
	    "{s:s, s:o, s:o}", "title", section_title(&fm, s), "columns", columns, "rows", rows);
}

static json_t *texts_of(struct form *fm, const struct spot *spot)
{
	json_t *o = json_object();
	LIST_EACH(const struct field, f, spot->section->fields) {
		const json_t *value = json_object_get(spot->object, f->id);
		if (f->type == FIELD_NOTE || !answer_filled(f, value))
			continue;
		json_object_set_new(o, f->id, json_string(ops_of(f)->text(fm, f, value)));
	}
	return o;
}

json_t *form_answer_texts(
    const struct procedure *p, struct arena *a, const struct form_context *ctx, json_t *answers)
{
	struct form fm = form_make(p, a, ctx, answers);
	json_t *all = json_object();
	LIST_EACH(const struct section, s, p->d.sections) {
		if (!s->repeats) {
			struct spot spot = spot_of(&fm, s);
			json_object_set_new(all, s->id, texts_of(&fm, &spot));
			continue;
		}
		json_t *rows = json_array();
		for (int i = 0; i < row_count(&fm, s); i++) {
			struct spot spot = spot_of_row(&fm, s, i);
			json_array_append_new(rows, texts_of(&fm, &spot));
		}
		json_object_set_new(all, s->id, rows);
	}
	const struct section *const more[] = {&p->computed_section, &p->findings_section};
	for (size_t i = 0; i < COUNT(more); i++) {
		if (!more[i]->fields.n)
			continue;
		struct spot spot = spot_of(&fm, more[i]);
		json_object_set_new(all, more[i]->id, texts_of(&fm, &spot));
	}
	return all;
}
