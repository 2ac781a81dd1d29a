/* Blocks below each other, over the ends of pages. */
#include "document/render.h"

#include <string.h>

void block_text(struct sheet *s, const char *text, const struct style *st, double x, double w)
{
	PangoLayout *l = text_layout(s, text, st, w);
	double pitch = text_pitch(st);
	int n = text_lines(l);
	for (int from = 0; from < n;) {
		int fit = s->endless ? n : (int)((s->limit - s->y + 0.01) / pitch);
		/* No single line at the foot or head of a page when the paragraph is longer. */
		if (fit < 1 || (fit < 2 && n - from > 1 && from == 0)) {
			if (s->y > s->top + 0.01) {
				sheet_new_page(s);
				continue;
			}
			fit = 1;
		}
		int to = from + fit < n ? from + fit : n;
		if (to < n && n - to == 1 && to - from > 2)
			to--;
		tag_begin(s, st->tag, NULL);
		text_draw(s, l, st, x, s->y, from, to);
		tag_end(s, st->tag);
		s->y += (to - from) * pitch;
		from = to;
	}
	g_object_unref(l);
}

static void do_text(struct sheet *s, json_t *b, double x, double w)
{
	struct style st = style_of(s, b);
	block_text(s, text_of(b, "text"), &st, x, w);
}

static void do_lines(struct sheet *s, json_t *b, double x, double w)
{
	struct style st = style_of(s, b);
	double gap = MM(number_of(b, "gap", 0));
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(b, "lines"), i, v)
	{
		if (!json_is_string(v))
			continue;
		if (i > 0)
			s->y += gap;
		block_text(s, json_string_value(v), &st, x, w);
	}
}

static void do_space(struct sheet *s, json_t *b, double x, double w)
{
	(void)x;
	(void)w;
	s->y += MM(number_of(b, "mm", 4));
}

static void do_rule(struct sheet *s, json_t *b, double x, double w)
{
	if (s->draw) {
		double grey = number_of(b, "grey", 0);
		static const double dots[] = {1.5, 1.5};
		cairo_set_source_rgb(s->cr, grey, grey, grey);
		cairo_set_line_width(s->cr, number_of(b, "thick", 0.6));
		if (strcmp(text_of(b, "kind"), "dotted") == 0)
			cairo_set_dash(s->cr, dots, 2, 0);
		cairo_move_to(s->cr, x, s->y);
		cairo_line_to(s->cr, x + w, s->y);
		cairo_stroke(s->cr);
		cairo_set_dash(s->cr, NULL, 0, 0);
	}
	s->y += number_of(b, "thick", 0.6);
}

double flow_measure(struct sheet *s, json_t *blocks, double w)
{
	struct sheet m = sheet_endless(s);
	flow_blocks(&m, blocks, 0, w);
	return m.y;
}

/* Blocks that stay on one page if they fit on one. */
static void do_keep(struct sheet *s, json_t *b, double x, double w)
{
	json_t *blocks = json_object_get(b, "blocks");
	double h = flow_measure(s, blocks, w);
	if (h <= sheet_room(s))
		sheet_need(s, h);
	flow_blocks(s, blocks, x, w);
}

/* A frame round blocks. */
static void do_box(struct sheet *s, json_t *b, double x, double w)
{
	json_t *blocks = json_object_get(b, "blocks");
	double pad = MM(number_of(b, "pad", 3)), h = flow_measure(s, blocks, w - 2 * pad) + 2 * pad;
	bool whole = h <= sheet_room(s);
	if (whole)
		sheet_need(s, h);
	double top = s->y, fill = number_of(b, "fill", 1);
	if (s->draw && whole) {
		double thick = number_of(b, "thick", 0.6);
		cairo_rectangle(s->cr, x, top, w, h);
		if (fill < 1) {
			cairo_set_source_rgb(s->cr, fill, fill, fill);
			cairo_fill_preserve(s->cr);
		}
		cairo_set_source_rgb(s->cr, 0, 0, 0);
		cairo_set_line_width(s->cr, thick);
		if (thick > 0)
			cairo_stroke(s->cr);
		else
			cairo_new_path(s->cr);
	}
	s->y += pad;
	flow_blocks(s, blocks, x + pad, w - 2 * pad);
	s->y += pad;
}

/* columns: [{width: mm or share, blocks}] side by side; kept on one page. */
static void do_columns(struct sheet *s, json_t *b, double x, double w)
{
	json_t *columns = json_object_get(b, "columns"), *c;
	size_t i, n = json_array_size(columns);
	double gap = MM(number_of(b, "gap", 5)), fixed = 0, height = 0;
	double widths[8];
	int open = 0;
	if (n == 0 || n > COUNT(widths))
		return;
	json_array_foreach(columns, i, c)
	{
		widths[i] = MM(number_of(c, "width", 0));
		fixed += widths[i];
		open += widths[i] <= 0;
	}
	json_array_foreach(columns, i, c)
	{
		if (widths[i] <= 0)
			widths[i] = (w - fixed - gap * (double)(n - 1)) / open;
		double h = flow_measure(s, json_object_get(c, "blocks"), widths[i]);
		height = h > height ? h : height;
	}
	sheet_need(s, height);
	double top = s->y;
	json_array_foreach(columns, i, c)
	{
		s->y = top;
		flow_blocks(s, json_object_get(c, "blocks"), x, widths[i]);
		x += widths[i] + gap;
	}
	s->y = top + height;
}

/* At the foot of the last page. */
static void do_bottom(struct sheet *s, json_t *b, double x, double w)
{
	json_t *blocks = json_object_get(b, "blocks");
	double h = flow_measure(s, blocks, w);
	sheet_need(s, h);
	if (!s->endless && s->limit - h > s->y)
		s->y = s->limit - h;
	flow_blocks(s, blocks, x, w);
}

static void do_new_page(struct sheet *s, json_t *b, double x, double w)
{
	(void)b;
	(void)x;
	(void)w;
	if (s->y > s->top + 0.01)
		sheet_new_page(s);
}

static const struct {
	const char *type;
	void (*flow)(struct sheet *, json_t *, double x, double w);
} blocks_table[] = {
    {"text", do_text},                         /* text, style */
    {"lines", do_lines},                       /* lines: texts below each other, gap in mm */
    {"space", do_space},                       /* mm */
    {"rule", do_rule},                         /* thick in pt, kind: dotted */
    {"rows", block_rows},                      /* rows: [{label, value}], label_width in mm */
    {"table", block_table},                    /* columns, rows, widths: shares */
    {"box", do_box},                           /* blocks in a frame: pad, thick, fill */
    {"columns", do_columns},                   /* columns: [{width, blocks}] */
    {"keep", do_keep},                         /* blocks, on one page */
    {"group", do_keep}, {"bottom", do_bottom}, /* blocks at the foot of the last page */
    {"new_page", do_new_page},
    {"issuer", block_issuer}, /* lines, the official seal over the end of the last */
    {"qr", block_qr},         /* text, size in mm */
    {"image", block_image},   /* name, size in mm */
    {"form", block_form},     /* fields to fill in by hand */
};

bool flow_knows(const char *type)
{
	for (size_t k = 0; k < COUNT(blocks_table); k++)
		if (strcmp(blocks_table[k].type, type) == 0)
			return true;
	return false;
}

void flow_blocks(struct sheet *s, json_t *blocks, double x, double w)
{
	size_t i;
	json_t *b;
	if (s->depth >= BLOCK_DEPTH_MAX || w < 1)
		return;
	s->depth++;
	json_array_foreach(blocks, i, b)
	{
		const char *type = text_of(b, "type");
		/* Far more than a document may have: stop, the count is an error later. */
		if (s->page > PAGES_MAX)
			break;
		/* need: the block is not begun with less room than this, so that a heading stays
		 * with what it heads. */
		sheet_need(s, MM(number_of(b, "need", 0)));
		s->y += MM(number_of(b, "before", 0));
		double in = MM(number_of(b, "left", 0)), out = MM(number_of(b, "right", 0));
		for (size_t k = 0; k < COUNT(blocks_table); k++)
			if (strcmp(blocks_table[k].type, type) == 0)
				blocks_table[k].flow(s, b, x + in, w - in - out);
		s->y += MM(number_of(b, "after", 0));
	}
	s->depth--;
}
