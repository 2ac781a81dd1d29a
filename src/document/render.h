/* The renderer: a page description flows over pages. Shared between the files of src/document only.
 *
 * A page description is an object:
 *
 * - title, author, subject, created, lang
 * - page: margin [top, right, bottom, left], font, size, line, background: tint, watermark: text
 * - footer: left, right, page: "{page} / {pages}"
 * - images: {name: index of the image part}
 * - blocks: [{type, ...}], see blocks_table in flow.c
 *
 * Everything runs twice: first without drawing, to know the number of pages. Lengths in page
 * descriptions are millimetres, sizes of type are points; here all lengths are points. */
#ifndef DOCUMENT_RENDER_H
#define DOCUMENT_RENDER_H

#include <cairo.h>
#include <jansson.h>
#include <pango/pangocairo.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define MM(v) ((v) * (72.0 / 25.4))

enum { PAGES_MAX = 500, BLOCK_DEPTH_MAX = 16 };

struct sheet {
	struct arena *arena;
	cairo_t *cr;
	PangoContext *pango;
	json_t *doc;
	const struct str *images;
	int nimages;
	double width, height, top, right, bottom, left;
	double y;     /* where the next block begins */
	double limit; /* how far down a page may be filled */
	int page, pages;
	bool draw;    /* the second run */
	bool endless; /* measuring: there is no end of page */
	int depth;
	const char *font;
	double size, line;
};

/* How a text looks. */
struct style {
	const char *font; /* "mincho", "gothic" or a family name */
	double size, line, spacing, indent, hang;
	bool bold, justify;
	PangoAlignment align;
	double grey;       /* 0 black */
	size_t small_from; /* from this byte on the type is smaller; 0: none */
	const char *tag;
};

/* --- sheet.c --- */
void sheet_new_page(struct sheet *);
/* Begins a new page when less than height is left, unless the page is empty. */
void sheet_need(struct sheet *, double height);
/* A sheet like this one on which nothing is drawn and no page ends, to measure: y begins at 0. */
struct sheet sheet_endless(const struct sheet *);
/* Height of the part of a page that blocks may fill. */
double sheet_room(const struct sheet *);
double number_of(json_t *object, const char *key, double fallback); /* a number, or text with one */
const char *text_of(json_t *object, const char *key);               /* never NULL */
struct style style_of(const struct sheet *, json_t *block);

/* --- text.c --- */
/* A laid out text of width w (<0: one line). The caller unrefs. */
PangoLayout *text_layout(struct sheet *, const char *text, const struct style *, double w);
double text_pitch(const struct style *); /* from baseline to baseline */
int text_lines(PangoLayout *);
double text_width(PangoLayout *); /* of the widest line */
/* Draws lines [from, to) at (x, y); alignment is in the layout. */
void text_draw(
    struct sheet *, PangoLayout *, const struct style *, double x, double y, int from, int to);
void tag_begin(struct sheet *, const char *tag, const char *attributes);
void tag_end(struct sheet *, const char *tag);

/* --- flow.c --- */
/* Is there such a type of block? */
bool flow_knows(const char *type);
/* Lays blocks below each other. */
void flow_blocks(struct sheet *, json_t *blocks, double x, double w);
double flow_measure(struct sheet *, json_t *blocks, double w);
void block_text(struct sheet *, const char *text, const struct style *, double x, double w);

/* --- table.c --- */
enum { CELLS_MAX = 24 };
struct cell {
	const char *text;
	struct style style;
	bool head;   /* grey ground, a header for screen readers */
	bool middle; /* centred vertically */
	double min_height;
	int boxes; /* draws this many boxes for digits in place of text */
	PangoLayout *layout;
	int next, lines;
};
/* One row with borders; breaks over pages, with the head row (may be NULL) drawn again. widths in
 * points. */
struct row {
	struct cell cells[CELLS_MAX];
	double widths[CELLS_MAX];
	int n;
};
void row_flow(struct sheet *, struct row *, struct row *head, double x);
void block_rows(struct sheet *, json_t *, double x, double w);
void block_table(struct sheet *, json_t *, double x, double w);

/* --- paper.c --- */
void block_form(struct sheet *, json_t *, double x, double w);

/* --- marks.c --- */
void block_issuer(struct sheet *, json_t *, double x, double w);
void block_qr(struct sheet *, json_t *, double x, double w);
void block_image(struct sheet *, json_t *, double x, double w);
/* What stands under the text of every page: tint, watermark. */
void draw_ground(struct sheet *);

#endif
