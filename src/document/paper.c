/* The blank paper form: the same fields as the online form (form_section_view() in mode "paper"),
 * as cells to write in by hand. Words come with the block ("texts"), as the renderer knows no
 * language. */
#include "document/render.h"

#include <string.h>

struct paper {
	struct sheet *s;
	json_t *texts;
	struct style style, small;
	double x, w, label;
};

static const char *word(const struct paper *p, const char *key)
{
	return text_of(p->texts, key);
}

/* "□ A　□ B": boxes to tick. */
static char *ticks(const struct paper *p, json_t *options)
{
	struct buf b;
	size_t i, longest = 0;
	json_t *v;
	buf_init(&b, p->s->arena);
	json_array_foreach(options, i, v)
	{
		size_t n = utf8_length(str_from(text_of(v, "label")));
		longest = n > longest ? n : longest;
	}
	json_array_foreach(options, i, v)
	{
		if (i > 0)
			buf_puts(&b, longest > 16 ? "\n" : "　 ");
		buf_puts(&b, "□ ");
		buf_puts(&b, text_of(v, "label"));
	}
	buf_puts(&b, "");
	return b.p ? b.p : arena_strdup(p->s->arena, "");
}

static char *tick(const struct paper *p, const char *label)
{
	return arena_printf(p->s->arena, "□ %s", label);
}

static const char *part_label(json_t *field, const char *part)
{
	return text_of(json_object_get(json_object_get(field, "parts"), part), "label");
}

static json_t *part_options(json_t *field, const char *part)
{
	return json_object_get(json_object_get(json_object_get(field, "parts"), part), "options");
}

static bool is_type(json_t *field, const char *type)
{
	return strcmp(text_of(field, "type"), type) == 0;
}

static struct cell label_cell(const struct paper *p, json_t *field)
{
	json_t *condition = json_object_get(field, "condition");
	struct style style = p->style;
	struct buf b;
	buf_init(&b, p->s->arena);
	buf_puts(&b, text_of(field, "label"));
	if (json_is_true(json_object_get(field, "required")))
		buf_puts(&b, word(p, "required"));
	if (json_is_true(condition) || json_string_length(condition) > 0) {
		style.small_from = b.n;
		buf_printf(&b, "\n%s",
		    json_is_string(condition) ? json_string_value(condition)
		                              : word(p, "condition"));
	}
	return (struct cell){.text = b.p, .style = style, .head = true, .middle = true};
}

/* An empty cell with a small word in its corner. */
static struct cell blank(const struct paper *p, const char *corner, double height_mm)
{
	return (struct cell){.text = corner, .style = p->small, .min_height = MM(height_mm)};
}

static struct cell filled(const struct paper *p, const char *text, double height_mm)
{
	return (struct cell){
	    .text = text, .style = p->style, .middle = true, .min_height = MM(height_mm)};
}

/* The cell to write in, of fields that need only one. */
static struct cell answer_cell(const struct paper *p, json_t *f)
{
	json_t *options = json_object_get(f, "options");
	struct arena *a = p->s->arena;
	if (is_type(f, "choice") || is_type(f, "multi_choice"))
		return filled(p, ticks(p, options), 9);
	if (is_type(f, "yes_no"))
		return filled(p,
		    json_array_size(options)
		        ? ticks(p, options)
		        : arena_printf(a, "□ %s　 □ %s", word(p, "yes"), word(p, "no")),
		    9);
	if (is_type(f, "consent"))
		return filled(p, tick(p, word(p, "consent")), 9);
	if (is_type(f, "file"))
		return filled(p, tick(p, word(p, "attached")), 9);
	if (is_type(f, "date"))
		return filled(p,
		    arena_printf(a, "%s\n%s", ticks(p, part_options(f, "era")), word(p, "date")),
		    14);
	if (is_type(f, "address"))
		return blank(p, word(p, "postal"), 17);
	if (is_type(f, "my_number") || is_type(f, "corporate_number")) {
		struct cell c = blank(p, "", 10);
		c.boxes = is_type(f, "my_number") ? 12 : 13;
		return c;
	}
	if (is_type(f, "number") || is_type(f, "money")) {
		struct cell c = filled(p, text_of(f, "unit"), 9);
		c.style.align = PANGO_ALIGN_RIGHT;
		return c;
	}
	return blank(p, "",
	    number_of(f, "rows", 1) > 1 || json_is_true(json_object_get(f, "is_multiline")) ? 28
	                                                                                    : 9);
}

static void put_row(
    const struct paper *p, struct cell label, struct cell one, const struct cell *two)
{
	struct row r = {.n = two ? 3 : 2, .widths = {p->label}};
	double rest = p->w - p->label;
	r.cells[0] = label;
	r.cells[1] = one;
	r.widths[1] = two ? rest / 2 : rest;
	if (two) {
		r.cells[2] = *two;
		r.widths[2] = rest / 2;
	}
	row_flow(p->s, &r, NULL, p->x);
}

static void put_field(const struct paper *p, json_t *f)
{
	struct cell label = label_cell(p, f), more = {.text = "", .style = p->style, .head = true};
	if (is_type(f, "note")) {
		struct row r = {.n = 1, .widths = {p->w}};
		r.cells[0] = filled(p, text_of(f, "text"), 0);
		row_flow(p->s, &r, NULL, p->x);
	} else if (is_type(f, "name") || is_type(f, "furigana")) {
		double height = is_type(f, "name") ? 12 : 8;
		struct cell given = blank(p, part_label(f, "given"), height);
		put_row(p, label, blank(p, part_label(f, "family"), height), &given);
	} else if (is_type(f, "bank_account")) {
		struct cell branch = blank(p, part_label(f, "branch"), 11);
		put_row(p, label, blank(p, part_label(f, "bank"), 11), &branch);
		struct cell number = blank(p, part_label(f, "number"), 11);
		number.boxes = 7;
		more.text = part_label(f, "number");
		more.middle = true;
		put_row(p, more, filled(p, ticks(p, part_options(f, "kind")), 11), &number);
		more.text = part_label(f, "holder");
		put_row(p, more, blank(p, "", 9), NULL);
	} else {
		put_row(p, label, answer_cell(p, f), NULL);
	}
}

/* Many short fields in few rows: a table with a column for each. */
static bool is_narrow(json_t *fields)
{
	static const char *const wide[] = {
	    "address", "bank_account", "my_number", "corporate_number", "note", "furigana"};
	size_t i;
	json_t *f;
	if (json_array_size(fields) > 5)
		return false;
	json_array_foreach(fields, i, f)
	{
		for (size_t k = 0; k < COUNT(wide); k++)
			if (is_type(f, wide[k]))
				return false;
		if (number_of(f, "rows", 1) > 1 ||
		    json_array_size(json_object_get(f, "options")) > 3)
			return false;
	}
	return true;
}

static void put_columns(const struct paper *p, json_t *fields, size_t rows)
{
	struct row head = {.n = (int)json_array_size(fields) + 1}, r = head;
	size_t i;
	json_t *f;
	head.widths[0] = MM(8);
	head.cells[0] = (struct cell){.text = "", .style = p->style, .head = true};
	json_array_foreach(fields, i, f)
	{
		head.widths[i + 1] = (p->w - MM(8)) / (double)json_array_size(fields);
		head.cells[i + 1] = label_cell(p, f);
	}
	for (size_t k = 0; k < rows; k++) {
		r = head;
		r.cells[0] = filled(p, arena_printf(p->s->arena, "%zu", k + 1), 11);
		r.cells[0].head = true;
		json_array_foreach(fields, i, f)
		{
			r.cells[i + 1] = is_type(f, "name")   ? blank(p, "", 11)
			                 : is_type(f, "date") ? filled(p, word(p, "date_short"), 11)
			                                      : answer_cell(p, f);
			r.cells[i + 1].style.size = p->style.size - 1;
		}
		if (k == 0) {
			sheet_need(p->s, MM(24));
			struct row h = head;
			row_flow(p->s, &h, NULL, p->x);
		}
		row_flow(p->s, &r, &head, p->x);
	}
}

static void put_head(const struct paper *p, json_t *section)
{
	struct style title = p->style;
	title.font = "gothic";
	title.size += 1;
	title.tag = "H2";
	block_text(p->s, text_of(section, "title"), &title, p->x, p->w);
	if (text_of(section, "help")[0]) {
		struct style help = p->small;
		help.size = 8.5;
		help.grey = 0.15;
		help.line = 1.45;
		block_text(p->s, text_of(section, "help"), &help, p->x, p->w);
	}
	p->s->y += MM(1.2);
}

static void put_fields(const struct paper *p, json_t *of)
{
	size_t i;
	json_t *f;
	json_array_foreach(json_object_get(of, "fields"), i, f) put_field(p, f);
}

/* One row of a repeating group: its title and its fields. */
static void put_group(const struct paper *p, json_t *row)
{
	if (text_of(row, "title")[0])
		block_text(p->s, text_of(row, "title"), &p->style, p->x, p->w);
	put_fields(p, row);
}

static double height_of(
    const struct paper *p, void (*put)(const struct paper *, json_t *), json_t *what)
{
	struct sheet endless = sheet_endless(p->s);
	struct paper probe = *p;
	probe.s = &endless;
	put(&probe, what);
	return endless.y;
}

/* Stays on one page, if it fits on one. */
static void keep(const struct paper *p, double height)
{
	sheet_need(p->s, height <= sheet_room(p->s) ? height : MM(26));
}

/* A heading stays with the first field, the first row of a table or the first group; a group stays
 * on one page, and so does a section that takes less than half of one. */
static void put_section(const struct paper *p, json_t *section)
{
	json_t *rows = json_object_get(section, "rows"), *row;
	json_t *fields = json_object_get(section, "fields"), *group = json_array_get(rows, 0);
	json_t *columns = json_object_get(group, "fields");
	bool narrow = columns && is_narrow(columns);
	size_t i;
	p->s->y += MM(4);
	double head = height_of(p, put_head, section),
	       all = head + height_of(p, put_fields, section);
	double first = narrow  ? MM(24)
	               : group ? height_of(p, put_group, group)
	               : json_array_size(fields)
	                   ? height_of(p, put_field, json_array_get(fields, 0))
	                   : 0;
	keep(p, !group && all <= sheet_room(p->s) / 2 ? all : head + first);
	put_head(p, section);
	put_fields(p, section);
	if (narrow) {
		put_columns(p, columns, json_array_size(rows));
		return;
	}
	json_array_foreach(rows, i, row)
	{
		p->s->y += i > 0 ? MM(2) : 0;
		keep(p, height_of(p, put_group, row));
		put_group(p, row);
	}
}

/* sections: [section views], texts: {required, condition, date, date_short, postal, yes, no,
 * consent, attached} */
void block_form(struct sheet *s, json_t *b, double x, double w)
{
	struct paper p = {.s = s, .texts = json_object_get(b, "texts"), .x = x, .w = w};
	size_t i;
	json_t *section;
	p.style = style_of(s, b);
	p.style.line = 1.35;
	p.small = p.style;
	p.small.size = 7;
	p.small.grey = 0.35;
	p.label = MM(number_of(b, "label_width", 46));
	json_array_foreach(json_object_get(b, "sections"), i, section) put_section(&p, section);
}
