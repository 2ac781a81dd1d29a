/* Pages: size, margins, ends; and the document around them. */
#include "document/private.h"
#include "document/render.h"

#include <cairo-pdf.h>
#include <stdlib.h>
#include <string.h>

double number_of(json_t *object, const char *key, double fallback)
{
	json_t *v = json_object_get(object, key);
	if (json_is_number(v))
		return json_number_value(v);
	if (!json_is_string(v) || json_string_length(v) == 0)
		return fallback;
	char *end;
	double d = strtod(json_string_value(v), &end);
	return *end == '\0' && d > -10000 && d < 10000 ? d : fallback;
}

const char *text_of(json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s ? s : "";
}

static bool is_on(json_t *object, const char *key)
{
	json_t *v = json_object_get(object, key);
	return json_is_true(v) || (json_is_string(v) && strcmp(json_string_value(v), "true") == 0);
}

struct style style_of(const struct sheet *s, json_t *b)
{
	const char *align = text_of(b, "align");
	struct style st = {
	    .font = text_of(b, "font"),
	    .size = number_of(b, "size", s->size),
	    .line = number_of(b, "line", s->line),
	    .bold = is_on(b, "bold"),
	    .justify = is_on(b, "justify"),
	    .grey = number_of(b, "grey", 0),
	    .tag = text_of(b, "tag"),
	    .align = PANGO_ALIGN_LEFT,
	};
	/* In ems, as typographers count. */
	/* Titles are spaced out in Japanese; words of letters fall apart. */
	if (strcmp(text_of(s->doc, "lang"), "en") != 0)
		st.spacing = number_of(b, "spacing", 0) * st.size;
	st.indent = number_of(b, "indent", 0) * st.size;
	st.hang = number_of(b, "hang", 0) * st.size;
	if (!st.font[0])
		st.font = s->font;
	if (!st.tag[0])
		st.tag = "P";
	if (strcmp(align, "center") == 0)
		st.align = PANGO_ALIGN_CENTER;
	else if (strcmp(align, "right") == 0)
		st.align = PANGO_ALIGN_RIGHT;
	return st;
}

struct sheet sheet_endless(const struct sheet *s)
{
	struct sheet m = *s;
	m.draw = false;
	m.endless = true;
	m.top = -1e6; /* nothing is at the top of a page */
	m.y = 0;
	m.limit = 1e9;
	return m;
}

double sheet_room(const struct sheet *s)
{
	return s->height - s->top - s->bottom;
}

/* Replaces {page} and {pages}. */
static char *page_text(struct sheet *s, const char *text)
{
	struct buf b;
	buf_init(&b, s->arena);
	while (*text) {
		if (strncmp(text, "{page}", 6) == 0) {
			buf_i64(&b, s->page);
			text += 6;
		} else if (strncmp(text, "{pages}", 7) == 0) {
			buf_i64(&b, s->pages);
			text += 7;
		} else {
			buf_putc(&b, *text++);
		}
	}
	return b.n ? b.p : arena_strdup(s->arena, "");
}

static void draw_footer(struct sheet *s)
{
	static const struct {
		const char *key;
		PangoAlignment align;
	} parts[] = {
	    {"left", PANGO_ALIGN_LEFT}, {"page", PANGO_ALIGN_CENTER}, {"right", PANGO_ALIGN_RIGHT}};
	json_t *footer = json_object_get(s->doc, "footer");
	struct style st = style_of(s, footer);
	st.size = number_of(footer, "size", 8);
	st.grey = 0.25;
	double w = s->width - s->left - s->right;
	for (size_t i = 0; i < COUNT(parts); i++) {
		const char *text = text_of(footer, parts[i].key);
		if (!text[0])
			continue;
		st.align = parts[i].align;
		PangoLayout *l = text_layout(s, page_text(s, text), &st, w);
		text_draw(s, l, &st, s->left, s->height - s->bottom + MM(4), 0, 1);
		g_object_unref(l);
	}
}

static void begin_page(struct sheet *s)
{
	s->page++;
	s->y = s->top;
	s->limit = s->height - s->bottom;
	if (s->draw)
		draw_ground(s);
}

static void end_page(struct sheet *s)
{
	if (!s->draw)
		return;
	draw_footer(s);
	cairo_show_page(s->cr);
}

void sheet_new_page(struct sheet *s)
{
	if (s->endless)
		return;
	end_page(s);
	begin_page(s);
}

void sheet_need(struct sheet *s, double height)
{
	if (!s->endless && s->y + height > s->limit + 0.01 && s->y > s->top + 0.01)
		sheet_new_page(s);
}

/* --- the document --- */

static cairo_status_t to_buf(void *closure, const unsigned char *bytes, unsigned length)
{
	buf_add(closure, bytes, length);
	return CAIRO_STATUS_SUCCESS;
}

static void set_up(struct sheet *s)
{
	json_t *page = json_object_get(s->doc, "page");
	json_t *margin = json_object_get(page, "margin");
	static const double fallback[] = {25, 22, 22, 25};
	double *edges[] = {&s->top, &s->right, &s->bottom, &s->left};
	s->width = MM(210);
	s->height = MM(297);
	if (strcmp(text_of(page, "size_name"), "A5") == 0) {
		s->width = MM(148);
		s->height = MM(210);
	}
	for (size_t i = 0; i < 4; i++) {
		json_t *v = json_array_get(margin, i);
		double mm = json_is_string(v)   ? strtod(json_string_value(v), NULL)
		            : json_is_number(v) ? json_number_value(v)
		                                : fallback[i];
		*edges[i] = MM(mm >= 5 && mm <= 60 ? mm : fallback[i]);
	}
	s->font = text_of(page, "font");
	if (!s->font[0])
		s->font = "mincho";
	s->size = number_of(page, "size", 10.5);
	s->line = number_of(page, "line", 1.6);
}

static PangoContext *context(struct sheet *s)
{
	PangoContext *pc = pango_cairo_create_context(s->cr);
	cairo_font_options_t *o = cairo_font_options_create();
	/* Positions must not depend on a screen's pixels. */
	cairo_font_options_set_hint_style(o, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(o, CAIRO_HINT_METRICS_OFF);
	pango_cairo_context_set_font_options(pc, o);
	cairo_font_options_destroy(o);
	pango_cairo_context_set_resolution(pc, 72);
	pango_context_set_round_glyph_positions(pc, FALSE);
	const char *lang = text_of(s->doc, "lang");
	pango_context_set_language(pc, pango_language_from_string(lang[0] ? lang : "ja"));
	return pc;
}

static void flow_document(struct sheet *s)
{
	s->page = 0;
	begin_page(s);
	flow_blocks(s, json_object_get(s->doc, "blocks"), s->left, s->width - s->left - s->right);
	end_page(s);
}

static void set_info(struct sheet *s, cairo_surface_t *surface)
{
	static const struct {
		const char *key;
		cairo_pdf_metadata_t what;
	} infos[] = {
	    {"title", CAIRO_PDF_METADATA_TITLE},
	    {"author", CAIRO_PDF_METADATA_AUTHOR},
	    {"subject", CAIRO_PDF_METADATA_SUBJECT},
	    {"created", CAIRO_PDF_METADATA_CREATE_DATE},
	};
	for (size_t i = 0; i < COUNT(infos); i++) {
		const char *text = text_of(s->doc, infos[i].key);
		if (text[0])
			cairo_pdf_surface_set_metadata(surface, infos[i].what, text);
	}
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "machi");
}

/* XML text (XMP packets). */
static void put_xml(struct buf *b, const char *text)
{
	buf_html(b, str_from(text));
}

/* What Cairo cannot say: the language, that a window shows the title, and the same as XMP. */
static int add_catalog(
    struct arena *a, json_t *doc, struct str pdf, struct buf *out, struct err *err)
{
	struct pdf_update *u;
	struct str catalog, whole;
	const char *lang = text_of(doc, "lang")[0] ? text_of(doc, "lang") : "ja";
	struct buf text, xmp;
	buf_init(&text, a);
	buf_init(&xmp, a);
	int rc = pdf_update_begin(a, pdf, &u, err);
	if (rc == 0)
		rc = pdf_update_object(u, pdf_update_catalog(u), &catalog, err);
	if (rc < 0)
		return rc;
	int metadata = pdf_update_new(u);
	pdf_text(&text, lang);
	rc = pdf_dict_set(a, catalog, "Lang", text.p, &catalog, err);
	if (rc == 0)
		rc = pdf_dict_set(
		    a, catalog, "ViewerPreferences", "<< /DisplayDocTitle true >>", &catalog, err);
	/* The structure is complete: Cairo writes it, but not the mark. */
	if (rc == 0 && pdf_dict_find(catalog, "StructTreeRoot", &whole))
		rc = pdf_dict_set(a, catalog, "MarkInfo", "<< /Marked true >>", &catalog, err);
	if (rc == 0)
		rc = pdf_dict_set(
		    a, catalog, "Metadata", arena_printf(a, "%d 0 R", metadata), &catalog, err);
	if (rc < 0)
		return rc;
	(void)pdf_update_put(u, pdf_update_catalog(u), catalog, (struct str){0});
	buf_puts(&xmp,
	    "<?xpacket begin=\"\xef\xbb\xbf\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n"
	    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\">"
	    "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">"
	    "<rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">"
	    "<dc:format>application/pdf</dc:format><dc:title><rdf:Alt>"
	    "<rdf:li xml:lang=\"x-default\">");
	put_xml(&xmp, text_of(doc, "title"));
	buf_puts(&xmp, "</rdf:li></rdf:Alt></dc:title><dc:language><rdf:Bag><rdf:li>");
	put_xml(&xmp, lang);
	buf_puts(&xmp, "</rdf:li></rdf:Bag></dc:language><dc:creator><rdf:Seq><rdf:li>");
	put_xml(&xmp, text_of(doc, "author"));
	buf_puts(&xmp, "</rdf:li></rdf:Seq></dc:creator></rdf:Description></rdf:RDF></x:xmpmeta>\n"
	               "<?xpacket end=\"r\"?>");
	(void)pdf_update_put(u, metadata,
	    str_from(arena_printf(a, "<< /Type /Metadata /Subtype /XML /Length %zu >>", xmp.n)),
	    buf_to_str(&xmp));
	rc = pdf_update_end(u, &whole, err);
	if (rc == 0)
		buf_str(out, whole);
	return rc;
}

int render_pages(struct arena *a, json_t *description, const struct str *images, int nimages,
    struct buf *out, struct err *err)
{
	struct sheet s = {.arena = a, .doc = description, .images = images, .nimages = nimages};
	struct buf pdf;
	buf_init(&pdf, a);
	set_up(&s);
	cairo_surface_t *surface =
	    cairo_pdf_surface_create_for_stream(to_buf, &pdf, s.width, s.height);
	s.cr = cairo_create(surface);
	s.pango = context(&s);
	set_info(&s, surface);
	flow_document(&s);
	s.pages = s.page;
	int rc = 0;
	if (s.pages > PAGES_MAX) {
		rc = err_set(err, ERR_TOO_LARGE, NULL, "render: %d pages", s.pages);
	} else {
		s.draw = true;
		flow_document(&s);
	}
	g_object_unref(s.pango);
	cairo_surface_finish(surface);
	cairo_status_t status = cairo_status(s.cr);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(surface);
	cairo_destroy(s.cr);
	cairo_surface_destroy(surface);
	if (rc < 0)
		return rc;
	if (status != CAIRO_STATUS_SUCCESS)
		return err_set(
		    err, ERR_INTERNAL, NULL, "render: %s", cairo_status_to_string(status));
	return add_catalog(a, description, buf_to_str(&pdf), out, err);
}
