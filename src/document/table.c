/* Tables: rows with borders, broken over pages between rows and, where a row is long, inside it. */
#include "document/render.h"

#include <string.h>

static const double PAD = 4.5; /* points inside a cell */

static double cell_lines_height(const struct cell *c, int lines)
{
	return lines * text_pitch(&c->style);
}

static void cell_prepare(struct sheet *s, struct cell *c, double w)
{
	c->layout = text_layout(s, c->text ? c->text : "", &c->style, w - 2 * PAD);
	c->lines = text_lines(c->layout);
	c->next = 0;
}

/* Boxes for the digits of a number, one for each. */
static void draw_boxes(
    struct sheet *s, const struct cell *c, double x, double y, double w, double h)
{
	double side = (w - 2 * PAD) / c->boxes;
	side = side > MM(6) ? MM(6) : side;
	cairo_set_line_width(s->cr, 0.5);
	cairo_set_source_rgb(s->cr, 0.3, 0.3, 0.3);
	for (int i = 0; i < c->boxes; i++)
		cairo_rectangle(s->cr, x + PAD + i * side, y + (h - side) / 2, side, side);
	cairo_stroke(s->cr);
}

/* Draws lines [c->next, to) of every cell in a row segment of this height, with borders. */
static void draw_segment(struct sheet *s, struct row *r, const int *to, double x, double h)
{
	if (!s->draw)
		return;
	tag_begin(s, "TR", NULL);
	for (int i = 0; i < r->n; i++) {
		struct cell *c = &r->cells[i];
		double w = r->widths[i];
		const char *tag = c->head ? "TH" : "TD";
		if (c->head) {
			cairo_set_source_rgb(s->cr, 0.945, 0.945, 0.945);
			cairo_rectangle(s->cr, x, s->y, w, h);
			cairo_fill(s->cr);
		}
		cairo_set_source_rgb(s->cr, 0, 0, 0);
		cairo_set_line_width(s->cr, 0.5);
		cairo_rectangle(s->cr, x, s->y, w, h);
		cairo_stroke(s->cr);
		double text = cell_lines_height(c, to[i] - c->next), top = s->y + PAD;
		if (c->middle && h - 2 * PAD > text)
			top = s->y + (h - text) / 2;
		tag_begin(s, tag, NULL);
		if (c->boxes)
			draw_boxes(s, c, x, s->y, w, h);
		else
			text_draw(s, c->layout, &c->style, x + PAD, top, c->next, to[i]);
		tag_end(s, tag);
		x += w;
	}
	tag_end(s, "TR");
}

static double row_height(const struct row *r)
{
	double h = 0;
	for (int i = 0; i < r->n; i++) {
		const struct cell *c = &r->cells[i];
		double one = cell_lines_height(c, c->lines - c->next) + 2 * PAD;
		one = one > c->min_height ? one : c->min_height;
		h = one > h ? one : h;
	}
	return h;
}

static void row_prepare(struct sheet *s, struct row *r)
{
	for (int i = 0; i < r->n; i++)
		cell_prepare(s, &r->cells[i], r->widths[i]);
}

static void row_release(struct row *r)
{
	for (int i = 0; i < r->n; i++)
		g_object_unref(r->cells[i].layout);
}

static void row_head(struct sheet *s, struct row *head, double x)
{
	if (!head)
		return;
	int to[CELLS_MAX];
	row_prepare(s, head);
	for (int i = 0; i < head->n; i++)
		to[i] = head->cells[i].lines;
	double h = row_height(head);
	draw_segment(s, head, to, x, h);
	s->y += h;
	row_release(head);
}

void row_flow(struct sheet *s, struct row *r, struct row *head, double x)
{
	int to[CELLS_MAX];
	row_prepare(s, r);
	double h = row_height(r);
	bool fits = s->endless || s->y + h <= s->limit + 0.01;
	/* A row that fills less than half a page goes to the next page whole. */
	if (!fits && h <= sheet_room(s) / 2) {
		sheet_new_page(s);
		row_head(s, head, x);
		fits = true;
	}
	while (!fits) {
		double room = s->limit - s->y - 2 * PAD, used = 0;
		bool some = false;
		for (int i = 0; i < r->n; i++) {
			struct cell *c = &r->cells[i];
			int fit = room > 0 ? (int)(room / text_pitch(&c->style)) : 0;
			to[i] = c->next + fit < c->lines ? c->next + fit : c->lines;
			some = some || to[i] > c->next;
			double one = cell_lines_height(c, to[i] - c->next);
			used = one > used ? one : used;
		}
		/* Not even a line: on an empty page too, when the type is larger than the page. */
		if (some) {
			draw_segment(s, r, to, x, used + 2 * PAD);
			s->y += used + 2 * PAD;
			for (int i = 0; i < r->n; i++)
				r->cells[i].next = to[i];
		} else if (s->y <= s->top + 0.01) {
			break;
		}
		sheet_new_page(s);
		row_head(s, head, x);
		if (s->page > PAGES_MAX)
			break;
		h = row_height(r);
		fits = s->y + h <= s->limit + 0.01;
	}
	for (int i = 0; i < r->n; i++)
		to[i] = r->cells[i].lines;
	draw_segment(s, r, to, x, h);
	s->y += h;
	row_release(r);
}

/* rows: [{label, value}], the label in a grey cell. A row without a value is a heading. */
void block_rows(struct sheet *s, json_t *b, double x, double w)
{
	struct style st = style_of(s, b);
	double label = MM(number_of(b, "label_width", 48)), height = MM(number_of(b, "row", 8));
	size_t i;
	json_t *v;
	st.line = number_of(b, "line", 1.4);
	tag_begin(s, "Table", NULL);
	json_array_foreach(json_object_get(b, "rows"), i, v)
	{
		bool heading = !json_object_get(v, "value");
		struct row r = {.n = heading ? 1 : 2, .widths = {heading ? w : label, w - label}};
		r.cells[0] = (struct cell){.text = text_of(v, "label"),
		    .style = st,
		    .head = true,
		    .middle = true,
		    .min_height = height};
		r.cells[1] = (struct cell){
		    .text = text_of(v, "value"), .style = st, .middle = true, .min_height = height};
		row_flow(s, &r, NULL, x);
	}
	tag_end(s, "Table");
}

static const char *column_text(json_t *c)
{
	return json_is_object(c)   ? text_of(c, "label")
	       : json_is_string(c) ? json_string_value(c)
	                           : "";
}

/* columns: names, or {label, width: share, align}; rows: arrays of texts. */
void block_table(struct sheet *s, json_t *b, double x, double w)
{
	json_t *columns = json_object_get(b, "columns"), *rows = json_object_get(b, "rows"), *v,
	       *row;
	struct style st = style_of(s, b);
	struct row head = {.n = (int)json_array_size(columns)};
	double share = 0, height = MM(number_of(b, "row", 7));
	size_t i, k;
	st.line = number_of(b, "line", 1.35);
	if (head.n < 1 || head.n > CELLS_MAX)
		return;
	json_array_foreach(columns, i, v)
	{
		head.widths[i] = json_is_object(v) ? number_of(v, "width", 1) : 1;
		share += head.widths[i];
	}
	json_array_foreach(columns, i, v)
	{
		head.widths[i] *= w / (share > 0 ? share : 1);
		head.cells[i] = (struct cell){.text = column_text(v),
		    .style = st,
		    .head = true,
		    .middle = true,
		    .min_height = height};
		head.cells[i].style.align = PANGO_ALIGN_CENTER;
	}
	/* The head is not left alone at the foot of a page. */
	sheet_need(s, 3 * height);
	tag_begin(s, "Table", NULL);
	row_head(s, &head, x);
	json_array_foreach(rows, k, row)
	{
		struct row r = {.n = head.n};
		json_array_foreach(columns, i, v)
		{
			json_t *cell = json_array_get(row, i);
			struct style cs = st;
			const char *align = text_of(v, "align");
			if (strcmp(align, "right") == 0)
				cs.align = PANGO_ALIGN_RIGHT;
			else if (strcmp(align, "center") == 0)
				cs.align = PANGO_ALIGN_CENTER;
			r.widths[i] = head.widths[i];
			r.cells[i] = (struct cell){
			    .text = json_is_string(cell) ? json_string_value(cell) : "",
			    .style = cs,
			    .middle = true,
			    .min_height = height};
		}
		row_flow(s, &r, &head, x);
	}
	tag_end(s, "Table");
}
