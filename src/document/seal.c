/* An official seal (公印) for a city that has none of its own yet: the name in a square, written in
 * columns from the right, every character stretched to fill its cell as in carved seals. */
#include "document/private.h"

#include <cairo.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <string.h>

enum { SIDE = 336 /* 21 mm at 400 dpi */, CHARACTERS_MAX = 25 };

static cairo_status_t to_buf(void *closure, const unsigned char *bytes, unsigned length)
{
	buf_add(closure, bytes, length);
	return CAIRO_STATUS_SUCCESS;
}

static void draw_character(cairo_t *cr, struct str c, double x, double y, double w, double h)
{
	PangoLayout *l = pango_cairo_create_layout(cr);
	PangoFontDescription *d = pango_font_description_new();
	PangoRectangle ink;
	pango_font_description_set_family_static(d, "Noto Serif CJK JP,IPAexMincho,serif");
	pango_font_description_set_weight(d, PANGO_WEIGHT_BOLD);
	pango_font_description_set_absolute_size(d, 200.0 * PANGO_SCALE);
	pango_layout_set_font_description(l, d);
	pango_font_description_free(d);
	pango_layout_set_text(l, c.p, (int)c.n);
	pango_layout_get_pixel_extents(l, &ink, NULL);
	if (ink.width > 0 && ink.height > 0) {
		/* Thin characters (一, 小) are not blown up beyond likeness. */
		double sx = w / ink.width, sy = h / ink.height;
		sx = fmin(sx, 1.35 * w / 200);
		sy = fmin(sy, 1.5 * h / 200);
		cairo_save(cr);
		cairo_translate(cr, x + (w - ink.width * sx) / 2, y + (h - ink.height * sy) / 2);
		cairo_scale(cr, sx, sy);
		cairo_move_to(cr, -ink.x, -ink.y);
		pango_cairo_layout_path(cr, l);
		cairo_restore(cr);
		cairo_fill_preserve(cr);
		cairo_set_line_width(cr, SIDE * 0.0045);
		cairo_stroke(cr);
	}
	g_object_unref(l);
}

/* Small specks without ink, the same on every run. */
static void wear(cairo_t *cr)
{
	uint32_t seed = 20261121;
	cairo_set_operator(cr, CAIRO_OPERATOR_DEST_OUT);
	for (int i = 0; i < 120; i++) {
		double v[4];
		for (int k = 0; k < 4; k++) {
			seed = seed * 1664525u + 1013904223u;
			v[k] = (seed >> 8) / 16777216.0;
		}
		cairo_set_source_rgba(cr, 0, 0, 0, 0.25 + 0.6 * v[3]);
		cairo_arc(cr, v[0] * SIDE, v[1] * SIDE, 0.5 + 1.4 * v[2] * v[2], 0, 2 * M_PI);
		cairo_fill(cr);
	}
}

int seal_png(struct arena *a, const char *text, struct buf *png, struct err *err)
{
	struct str characters[CHARACTERS_MAX], rest = str_from(text);
	int n = 0;
	while (rest.n > 0) {
		struct str c = {rest.p, 0};
		if (n == CHARACTERS_MAX || utf8_next(&rest) < 0)
			return err_set(err, ERR_INPUT, NULL, "seal: text too long");
		c.n = (size_t)(rest.p - c.p);
		characters[n++] = c;
	}
	if (n == 0)
		return err_set(err, ERR_INPUT, NULL, "seal: no text");
	int columns = (int)ceil(sqrt(n)), per = (n + columns - 1) / columns;
	cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, SIDE, SIDE);
	cairo_t *cr = cairo_create(surface);
	cairo_set_source_rgba(cr, 0.80, 0.13, 0.09, 0.88);
	cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
	cairo_set_line_width(cr, SIDE * 0.034);
	cairo_rectangle(cr, SIDE * 0.02, SIDE * 0.02, SIDE * 0.96, SIDE * 0.96);
	cairo_stroke(cr);
	double in = SIDE * 0.065, inner = SIDE - 2 * in, w = inner / columns;
	for (int i = 0, column = 0; column < columns && i < n; column++) {
		int left = n - i, here = column + 1 == columns ? left : per < left ? per : left;
		double h = inner / here;
		for (int row = 0; row < here; row++, i++)
			draw_character(cr, characters[i], in + inner - (column + 1) * w + w * 0.05,
			    in + row * h + h * 0.04, w * 0.90, h * 0.92);
	}
	wear(cr);
	cairo_destroy(cr);
	cairo_status_t status = cairo_surface_write_to_png_stream(surface, to_buf, png);
	cairo_surface_destroy(surface);
	(void)a;
	return status == CAIRO_STATUS_SUCCESS
	           ? 0
	           : err_set(err, ERR_INTERNAL, NULL, "seal: %s", cairo_status_to_string(status));
}
