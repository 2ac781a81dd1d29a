/* Marks that are not text: the issuer's seal, QR codes, pictures, the ground of a page. */
#include "document/render.h"

#include <math.h>
#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

/* --- pictures --- */

struct reading {
	struct str rest;
};

static cairo_status_t read_png(void *closure, unsigned char *data, unsigned length)
{
	struct reading *r = closure;
	if (r->rest.n < length)
		return CAIRO_STATUS_READ_ERROR;
	memcpy(data, r->rest.p, length);
	r->rest.p += length;
	r->rest.n -= length;
	return CAIRO_STATUS_SUCCESS;
}

/* The image part of a name; NULL when there is none or it is no PNG. */
static cairo_surface_t *image_load(struct sheet *s, const char *name)
{
	double at = number_of(json_object_get(s->doc, "images"), name, -1);
	if (at < 0 || at >= s->nimages)
		return NULL;
	struct reading r = {s->images[(int)at]};
	cairo_surface_t *image = cairo_image_surface_create_from_png_stream(read_png, &r);
	if (cairo_surface_status(image) == CAIRO_STATUS_SUCCESS &&
	    cairo_image_surface_get_width(image) > 0)
		return image;
	cairo_surface_destroy(image);
	return NULL;
}

/* A picture in one colour (a seal): its alpha channel as a mask, and the colour. Smaller by half in
 * the PDF, and much quicker to pack. NULL when it has more than one colour. */
static cairo_surface_t *one_colour(cairo_surface_t *image, double rgb[3])
{
	int w = cairo_image_surface_get_width(image), h = cairo_image_surface_get_height(image);
	if (cairo_image_surface_get_format(image) != CAIRO_FORMAT_ARGB32)
		return NULL;
	cairo_surface_t *mask = cairo_image_surface_create(CAIRO_FORMAT_A8, w, h);
	if (cairo_surface_status(mask) != CAIRO_STATUS_SUCCESS) {
		cairo_surface_destroy(mask);
		return NULL;
	}
	const unsigned char *from = cairo_image_surface_get_data(image);
	unsigned char *to = cairo_image_surface_get_data(mask);
	int from_step = cairo_image_surface_get_stride(image),
	    to_step = cairo_image_surface_get_stride(mask);
	int seen[3] = {-1, -1, -1};
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++) {
			uint32_t pixel;
			memcpy(&pixel, from + (size_t)y * (size_t)from_step + (size_t)x * 4, 4);
			int alpha = (int)(pixel >> 24);
			to[(size_t)y * (size_t)to_step + (size_t)x] = (unsigned char)alpha;
			if (alpha < 128)
				continue; /* too pale to tell its colour */
			for (int i = 0; i < 3; i++) {
				int c = (int)((pixel >> (16 - 8 * i)) & 255) * 255 / alpha;
				if (seen[i] < 0) {
					seen[i] = c;
				} else if (abs(seen[i] - c) > 6) {
					cairo_surface_destroy(mask);
					return NULL;
				}
			}
		}
	}
	cairo_surface_mark_dirty(mask);
	for (int i = 0; i < 3; i++)
		rgb[i] = (seen[i] < 0 ? 0 : seen[i]) / 255.0;
	return mask;
}

static void image_paint(cairo_t *cr, cairo_surface_t *image)
{
	double rgb[3];
	cairo_surface_t *mask = one_colour(image, rgb);
	if (mask) {
		cairo_set_source_rgb(cr, rgb[0], rgb[1], rgb[2]);
		cairo_mask_surface(cr, mask, 0, 0);
		cairo_surface_destroy(mask);
	} else {
		cairo_set_source_surface(cr, image, 0, 0);
		cairo_paint(cr);
	}
}

/* Draws the image with this width; returns its height (0: no such image). */
static double image_draw(struct sheet *s, const char *name, double x, double y, double w)
{
	cairo_surface_t *image = image_load(s, name);
	if (!image)
		return 0;
	double scale = w / cairo_image_surface_get_width(image);
	double h = scale * cairo_image_surface_get_height(image);
	if (s->draw) {
		cairo_save(s->cr);
		cairo_translate(s->cr, x, y);
		cairo_scale(s->cr, scale, scale);
		image_paint(s->cr, image);
		cairo_restore(s->cr);
	}
	cairo_surface_destroy(image);
	return h;
}

void block_image(struct sheet *s, json_t *b, double x, double w)
{
	double size = MM(number_of(b, "size", 20));
	(void)w;
	sheet_need(s, size);
	s->y += image_draw(s, text_of(b, "name"), x, s->y, size);
}

/* Who issues it, towards the right edge; the seal stands over the end of the last line, as a seal
 * on paper is pressed over the last character of the name. */
void block_issuer(struct sheet *s, json_t *b, double x, double w)
{
	struct style st = style_of(s, b);
	const char *image = text_of(b, "seal");
	bool has = number_of(json_object_get(s->doc, "images"), image, -1) >= 0;
	double seal = has ? MM(number_of(b, "seal_size", 21)) : 0, edge = x + w - seal * 0.8;
	json_t *lines = json_object_get(b, "lines"), *v;
	size_t i, n = json_array_size(lines);
	double pitch = text_pitch(&st), widest = 0;
	sheet_need(s, (double)n * pitch + seal / 2);
	json_array_foreach(lines, i, v)
	{
		PangoLayout *l =
		    text_layout(s, json_string_value(v) ? json_string_value(v) : "", &st, -1);
		double t = text_width(l);
		widest = t > widest ? t : widest;
		g_object_unref(l);
	}
	double start = edge - widest > x ? edge - widest : x;
	json_array_foreach(lines, i, v)
	{
		PangoLayout *l =
		    text_layout(s, json_string_value(v) ? json_string_value(v) : "", &st, -1);
		tag_begin(s, "P", NULL);
		text_draw(s, l, &st, start, s->y, 0, 1);
		tag_end(s, "P");
		if (seal > 0 && i + 1 == n && s->draw)
			(void)image_draw(s, image, start + text_width(l) - seal * 0.2,
			    s->y + pitch / 2 - seal / 2, seal);
		s->y += pitch;
		g_object_unref(l);
	}
	if (seal > 0)
		s->y += seal / 2 - pitch / 2;
}

/* --- QR codes (JIS X 0510) --- */

void block_qr(struct sheet *s, json_t *b, double x, double w)
{
	double size = MM(number_of(b, "size", 24));
	size = size > w ? w : size;
	if (!text_of(b, "text")[0])
		return;
	sheet_need(s, size);
	QRcode *q = s->draw ? QRcode_encodeString8bit(text_of(b, "text"), 0, QR_ECLEVEL_M) : NULL;
	if (q) { /* NULL too for a text longer than a code can hold */
		/* Four modules of white all round are part of the symbol. */
		double m = size / (q->width + 8);
		cairo_set_source_rgb(s->cr, 1, 1, 1);
		cairo_rectangle(s->cr, x, s->y, size, size);
		cairo_fill(s->cr);
		cairo_set_source_rgb(s->cr, 0, 0, 0);
		for (int r = 0; r < q->width; r++) {
			for (int c = 0; c < q->width;) {
				int n = 0;
				while (c + n < q->width && (q->data[r * q->width + c + n] & 1))
					n++;
				if (n > 0)
					cairo_rectangle(
					    s->cr, x + (4 + c) * m, s->y + (4 + r) * m, n * m, m);
				c += n > 0 ? n : 1;
			}
		}
		cairo_fill(s->cr);
	}
	s->y += size;
	QRcode_free(q); /* NULL is allowed */
}

/* --- the ground --- */

/* Fine waves and a frame in a pale colour: a photocopy loses them, an edited page breaks them. */
static void draw_tint(struct sheet *s)
{
	cairo_t *cr = s->cr;
	double in = MM(9), w = s->width - 2 * in, h = s->height - 2 * in;
	cairo_save(cr);
	cairo_rectangle(cr, in, in, w, h);
	cairo_clip(cr);
	cairo_set_line_width(cr, 0.35);
	cairo_set_source_rgb(cr, 0.86, 0.91, 0.9);
	for (double y = in - MM(6); y < in + h + MM(6); y += MM(3.2)) {
		double phase = fmod(y, MM(6.4)) / MM(6.4) * 2 * M_PI;
		double step = MM(9);
		cairo_move_to(cr, in, y + MM(2.4) * sin(phase));
		for (double x = in; x < in + w; x += step) {
			double a = phase + (x - in) / MM(36) * 2 * M_PI,
			       b = phase + (x + step - in) / MM(36) * 2 * M_PI;
			double slope = MM(2.4) * 2 * M_PI / MM(36);
			cairo_curve_to(cr, x + step / 3,
			    y + MM(2.4) * sin(a) + slope * cos(a) * step / 3, x + step * 2 / 3,
			    y + MM(2.4) * sin(b) - slope * cos(b) * step / 3, x + step,
			    y + MM(2.4) * sin(b));
		}
	}
	cairo_stroke(cr);
	cairo_restore(cr);
	cairo_set_source_rgb(cr, 0.45, 0.6, 0.58);
	cairo_set_line_width(cr, 1.4);
	cairo_rectangle(cr, in, in, w, h);
	cairo_stroke(cr);
	cairo_set_line_width(cr, 0.4);
	cairo_rectangle(cr, in + MM(1.2), in + MM(1.2), w - MM(2.4), h - MM(2.4));
	cairo_stroke(cr);
}

/* Large pale letters across the page, as outlines: they are no text of the document. */
static void draw_watermark(struct sheet *s, const char *text)
{
	struct style st = {.font = "gothic", .size = 96, .line = 1, .spacing = 24};
	PangoLayout *l = text_layout(s, text, &st, -1);
	cairo_save(s->cr);
	cairo_translate(s->cr, s->width / 2, s->height / 2);
	cairo_rotate(s->cr, -M_PI / 5);
	double w = text_width(l);
	if (w > s->width)
		cairo_scale(s->cr, s->width / w, s->width / w);
	cairo_move_to(s->cr, -w / 2, -st.size / 2);
	pango_cairo_layout_path(s->cr, l);
	cairo_set_source_rgb(s->cr, 0.92, 0.92, 0.92);
	cairo_fill(s->cr);
	cairo_restore(s->cr);
	g_object_unref(l);
}

void draw_ground(struct sheet *s)
{
	json_t *page = json_object_get(s->doc, "page");
	const char *watermark = text_of(page, "watermark");
	if (strcmp(text_of(page, "background"), "tint") == 0)
		draw_tint(s);
	if (watermark[0])
		draw_watermark(s, watermark);
}
