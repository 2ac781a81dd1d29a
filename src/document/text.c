/* Texts: fonts, lines of one pitch, structure for screen readers. */
#include "document/render.h"

#include <string.h>

static const char *family_of(const char *font)
{
	if (strcmp(font, "mincho") == 0)
		return "IPAexMincho,Noto Serif CJK JP,serif";
	if (strcmp(font, "gothic") == 0)
		return "IPAexGothic,Noto Sans CJK JP,sans-serif";
	return font;
}

double text_pitch(const struct style *st)
{
	return st->size * st->line;
}

PangoLayout *text_layout(struct sheet *s, const char *text, const struct style *st, double w)
{
	PangoLayout *l = pango_layout_new(s->pango);
	PangoFontDescription *d = pango_font_description_new();
	pango_font_description_set_family_static(d, family_of(st->font));
	pango_font_description_set_absolute_size(d, st->size * PANGO_SCALE);
	if (st->bold)
		pango_font_description_set_weight(d, PANGO_WEIGHT_BOLD);
	pango_layout_set_font_description(l, d);
	pango_font_description_free(d);
	pango_layout_set_wrap(l, PANGO_WRAP_WORD_CHAR);
	pango_layout_set_alignment(l, st->align);
	pango_layout_set_justify(l, st->justify);
	if (w >= 0)
		pango_layout_set_width(l, (int)(w * PANGO_SCALE));
	/* Negative indent: all lines but the first are moved in. */
	if (st->indent != 0 || st->hang != 0)
		pango_layout_set_indent(
		    l, (int)((st->hang != 0 ? -st->hang : st->indent) * PANGO_SCALE));
	const char *box = strstr(text, "□ ");
	if (st->spacing != 0 || st->small_from > 0 || box) {
		PangoAttrList *list = pango_attr_list_new();
		/* A box to tick and its label stay on one line. */
		for (const char *end; box; box = strstr(end, "□ ")) {
			end = box + strcspn(box, "\n");
			const char *gap = strstr(box, "　 ");
			end = gap && gap < end ? gap : end;
			PangoAttribute *whole = pango_attr_allow_breaks_new(FALSE);
			whole->start_index = (unsigned)(box - text);
			whole->end_index = (unsigned)(end - text);
			pango_attr_list_insert(list, whole);
		}
		if (st->spacing != 0)
			pango_attr_list_insert(
			    list, pango_attr_letter_spacing_new((int)(st->spacing * PANGO_SCALE)));
		if (st->small_from > 0) {
			PangoAttribute *small = pango_attr_scale_new(0.66);
			small->start_index = (unsigned)st->small_from;
			pango_attr_list_insert(list, small);
		}
		pango_layout_set_attributes(l, list);
		pango_attr_list_unref(list);
	}
	pango_layout_set_text(l, text, -1);
	return l;
}

int text_lines(PangoLayout *l)
{
	return pango_layout_get_line_count(l);
}

double text_width(PangoLayout *l)
{
	PangoRectangle r;
	pango_layout_get_extents(l, NULL, &r);
	return (double)r.width / PANGO_SCALE;
}

void tag_begin(struct sheet *s, const char *tag, const char *attributes)
{
	if (s->draw && tag[0])
		cairo_tag_begin(s->cr, tag, attributes);
}

void tag_end(struct sheet *s, const char *tag)
{
	if (s->draw && tag[0])
		cairo_tag_end(s->cr, tag);
}

void text_draw(
    struct sheet *s, PangoLayout *l, const struct style *st, double x, double y, int from, int to)
{
	if (!s->draw)
		return;
	double pitch = text_pitch(st);
	PangoLayoutIter *iter = pango_layout_get_iter(l);
	cairo_set_source_rgb(s->cr, st->grey, st->grey, st->grey);
	for (int i = 0; i < to; i++) {
		if (i >= from) {
			PangoRectangle r;
			pango_layout_iter_get_line_extents(iter, NULL, &r);
			/* A Japanese em box: 0.88 above the baseline, 0.12 below. Fallback fonts
			 * with other heights do not move the lines. */
			double base =
			    y + (i - from) * pitch + (pitch - st->size) / 2 + st->size * 0.88;
			cairo_move_to(s->cr, x + (double)r.x / PANGO_SCALE, base);
			pango_cairo_show_layout_line(
			    s->cr, pango_layout_iter_get_line_readonly(iter));
		}
		if (!pango_layout_iter_next_line(iter))
			break;
	}
	pango_layout_iter_free(iter);
}
