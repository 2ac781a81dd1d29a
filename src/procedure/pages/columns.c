#include "procedure/pages/columns.h"

#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/time.h"

enum { CELL_MAX = 32000, WIDTH_TEXT = 18, WIDTH_DAY = 12, WIDTH_INSTANT = 17 };

struct columns *columns_new(struct request *rq, const struct column *all, size_t n)
{
	struct columns *c = arena_new_of(rq->arena, struct columns);
	*c = (struct columns){.rq = rq, .named = text_eq(rq_query(rq, "columns"), "names")};
	for (size_t i = 0; i < n; i++)
		columns_add(c, &all[i]);
	return c;
}

void columns_add(struct columns *c, const struct column *column)
{
	if (!c->named && !column->key && !column->label)
		return;
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 32;
		struct column *more = arena_array(c->rq->arena, c->cap, sizeof(*more));
		if (c->n)
			memcpy(more, c->items, c->n * sizeof(*more));
		c->items = more;
	}
	c->items[c->n++] = *column;
}

static const char *heading(const struct columns *c, const struct column *column)
{
	return c->named ? column->name : column->label ? column->label : rq_tr(c->rq, column->key);
}

static const char *plain(struct arena *a, const json_t *v)
{
	if (json_is_string(v))
		return json_string_value(v);
	if (json_is_boolean(v))
		return json_is_true(v) ? "1" : "0";
	if (json_is_integer(v))
		return arena_printf(a, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	if (json_is_real(v))
		return arena_printf(a, "%.15g", json_real_value(v));
	return v && !json_is_null(v) ? json_canonical_text(a, v) : "";
}

/* "2026-11-21 18:46" in Japan. */
static const char *instant_cell(struct arena *a, int64_t us)
{
	struct date d = date_of_us(us);
	int64_t minute = (us - date_start_us(d)) / 60000000;
	return arena_printf(
	    a, "%s %02d:%02d", date_format(a, d), (int)(minute / 60), (int)(minute % 60));
}

static const char *cell_text(
    const struct columns *c, struct arena *a, const struct column *column, const json_t *v)
{
	bool empty = !v || json_is_null(v) || (json_is_string(v) && !json_string_length(v));
	if (column->kind == COLUMN_INSTANT) {
		int64_t us = json_integer_value(v);
		return us == 0 ? "" : c->named ? instant_format(a, us) : instant_cell(a, us);
	}
	if (empty || c->named)
		return plain(a, v);
	if (column->kind == COLUMN_CODE)
		return rq_tr(c->rq, arena_printf(a, "%s.%s", column->codes, plain(a, v)));
	if (column->kind == COLUMN_YES_NO)
		return rq_tr(c->rq, json_is_true(v) ? "form.yes" : "form.no");
	return plain(a, v);
}

void columns_csv_begin(const struct columns *c, struct buf *out)
{
	csv_begin(out);
	for (size_t i = 0; i < c->n; i++)
		csv_put(out, i == 0, str_from(heading(c, &c->items[i])));
	csv_end(out);
}

void columns_csv_row(const struct columns *c, struct arena *a, struct buf *out, const json_t *row)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct column *column = &c->items[i];
		const json_t *v = json_object_get(row, column->name);
		struct str text = str_from(cell_text(c, a, column, v));
		bool words = column->kind == COLUMN_TEXT && !c->named && !json_is_number(v);
		if (words)
			csv_put_text(out, i == 0, text);
		else
			csv_put(out, i == 0, text);
	}
	csv_end(out);
}

/* --- XLSX --- */

void columns_sheet_begin(const struct columns *c, struct columns_sheet *s, lxw_workbook *book)
{
	*s = (struct columns_sheet){.sheet = workbook_add_worksheet(book, NULL),
	    .head = workbook_add_format(book),
	    .text = workbook_add_format(book),
	    .day = workbook_add_format(book),
	    .instant = workbook_add_format(book)};
	format_set_bold(s->head);
	format_set_text_wrap(s->head);
	format_set_text_wrap(s->text);
	format_set_num_format(s->text, "@");
	format_set_num_format(s->day, "yyyy-mm-dd");
	format_set_num_format(s->instant, "yyyy-mm-dd hh:mm");
	lxw_format *const tops[] = {s->head, s->text, s->day, s->instant};
	for (size_t i = 0; i < COUNT(tops); i++)
		format_set_align(tops[i], LXW_ALIGN_VERTICAL_TOP);
	worksheet_freeze_panes(s->sheet, 1, 0);
	for (size_t i = 0; i < c->n; i++) {
		enum column_kind kind = c->items[i].kind;
		worksheet_set_column(s->sheet, (lxw_col_t)i, (lxw_col_t)i,
		    kind == COLUMN_DAY       ? WIDTH_DAY
		    : kind == COLUMN_INSTANT ? WIDTH_INSTANT
		                             : WIDTH_TEXT,
		    NULL);
	}
	for (size_t i = 0; i < c->n; i++)
		worksheet_write_string(
		    s->sheet, 0, (lxw_col_t)i, heading(c, &c->items[i]), s->head);
}

/* A sheet knows days from 1900-01-01; those before stay texts. */
static bool write_day(struct columns_sheet *s, lxw_col_t col, struct date d, int64_t minute)
{
	lxw_datetime when = {.year = d.year,
	    .month = d.month,
	    .day = d.day,
	    .hour = (int)(minute < 0 ? 0 : minute / 60),
	    .min = (int)(minute < 0 ? 0 : minute % 60)};
	if (d.year < 1900)
		return false;
	worksheet_write_datetime(s->sheet, s->line, col, &when, minute < 0 ? s->day : s->instant);
	return true;
}

/* A cell holds 32,767 characters. */
static const char *cut(struct arena *a, const char *text)
{
	size_t n = 0, chars = 0;
	while (text[n] && chars <= CELL_MAX)
		chars += ((unsigned char)text[n++] & 0xC0) != 0x80;
	return chars <= CELL_MAX ? text : arena_printf(a, "%.*s…", (int)(n - 1), text);
}

static void sheet_cell(
    const struct columns *c, struct arena *a, struct columns_sheet *s, size_t i, const json_t *v)
{
	const struct column *column = &c->items[i];
	lxw_col_t col = (lxw_col_t)i;
	struct date d;
	if (json_is_number(v) && column->kind != COLUMN_INSTANT) {
		worksheet_write_number(s->sheet, s->line, col, json_number_value(v), NULL);
		return;
	}
	if (!c->named && column->kind == COLUMN_INSTANT && json_integer_value(v)) {
		int64_t us = json_integer_value(v);
		d = date_of_us(us);
		if (write_day(s, col, d, (us - date_start_us(d)) / 60000000))
			return;
	}
	if (!c->named && column->kind == COLUMN_DAY && json_is_string(v) &&
	    date_parse(str_from(json_string_value(v)), &d) && write_day(s, col, d, -1))
		return;
	const char *text = cell_text(c, a, column, v);
	if (text[0])
		worksheet_write_string(s->sheet, s->line, col, cut(a, text), s->text);
}

void columns_sheet_row(
    const struct columns *c, struct arena *a, struct columns_sheet *s, const json_t *row)
{
	s->line++;
	for (size_t i = 0; i < c->n; i++)
		sheet_cell(c, a, s, i, json_object_get(row, c->items[i].name));
}
