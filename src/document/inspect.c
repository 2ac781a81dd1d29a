/* Looking into files that somebody sent, in a worker. What opens for the clerk, and holds nothing
 * that acts by itself, may come in; each finding is a word that the form has a text for.
 *
 * - image/png, image/jpeg: every row is decoded, at most PIXELS_MAX of them in all;
 * - application/pdf: it can be opened without a password, and no object of it is a script, starts a
 *   program or carries another file.
 *
 * Other types are left alone: the form says which it takes. */
#include <png.h>
#include <qpdf/qpdf-c.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "document/private.h"

enum {
	PIXELS_MAX = 100 * 1000 * 1000, /* twice what a telephone's camera makes */
	OBJECTS_MAX = 200 * 1000,
	NESTING_MAX = 32,
};

/* --- PNG --- */

static const char *png_inspect(struct str bytes)
{
	png_image image = {.version = PNG_IMAGE_VERSION};
	if (!png_image_begin_read_from_memory(&image, bytes.p, bytes.n))
		return "damaged";
	if ((uint64_t)image.width * image.height > PIXELS_MAX) {
		png_image_free(&image);
		return "large";
	}
	image.format = PNG_FORMAT_GRAY; /* a byte for each pixel */
	uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
	png_color white = {0xff, 0xff, 0xff};
	bool good = pixels && png_image_finish_read(&image, &white, pixels, 0, NULL);
	free(pixels);
	png_image_free(&image);
	return good ? NULL : "damaged";
}

/* --- JPEG --- */

struct jpeg_stop {
	struct jpeg_error_mgr base;
	jmp_buf out;
	bool cut; /* the picture ends before its end */
};

static void jpeg_fatal(j_common_ptr c)
{
	longjmp(((struct jpeg_stop *)c->err)->out, 1);
}

/* Of the warnings only those count that a clerk would see; what cameras write beside the picture is
 * warned of, too. */
static void jpeg_quiet(j_common_ptr c, int level)
{
	struct jpeg_stop *stop = (struct jpeg_stop *)c->err;
	if (level < 0 && (c->err->msg_code == JWRN_JPEG_EOF || c->err->msg_code == JWRN_HIT_MARKER))
		stop->cut = true;
}

static const char *jpeg_inspect(struct str bytes)
{
	struct jpeg_decompress_struct jpeg;
	struct jpeg_stop stop = {.cut = false};
	const char *volatile wrong = "damaged";
	jpeg.err = jpeg_std_error(&stop.base);
	stop.base.error_exit = jpeg_fatal;
	stop.base.emit_message = jpeg_quiet;
	if (setjmp(stop.out) == 0) {
		jpeg_create_decompress(&jpeg);
		jpeg_mem_src(&jpeg, (const unsigned char *)bytes.p, bytes.n);
		(void)jpeg_read_header(&jpeg, TRUE);
		if ((uint64_t)jpeg.image_width * jpeg.image_height > PIXELS_MAX) {
			wrong = "large";
		} else {
			jpeg.scale_denom = 8; /* the same bytes are read, less is reckoned */
			(void)jpeg_start_decompress(&jpeg);
			JSAMPARRAY row = (*jpeg.mem->alloc_sarray)((j_common_ptr)&jpeg, JPOOL_IMAGE,
			    jpeg.output_width * (JDIMENSION)jpeg.output_components, 1);
			while (jpeg.output_scanline < jpeg.output_height)
				(void)jpeg_read_scanlines(&jpeg, row, 1);
			wrong = stop.cut ? "damaged" : NULL;
		}
	}
	jpeg_destroy_decompress(&jpeg);
	return wrong;
}

/* --- PDF --- */

static bool is_name(qpdf_data q, qpdf_oh o, const char *key, const char *const *names)
{
	if (!qpdf_oh_has_key(q, o, key))
		return false;
	qpdf_oh value = qpdf_oh_get_key(q, o, key);
	const char *name = qpdf_oh_is_name(q, value) ? qpdf_oh_get_name(q, value) : "";
	bool found = false;
	for (; *names && !found; names++)
		found = strcmp(*names, name) == 0;
	qpdf_oh_release(q, value);
	return found;
}

static bool has_key(qpdf_data q, qpdf_oh o, const char *const *keys)
{
	for (; *keys; keys++)
		if (qpdf_oh_has_key(q, o, *keys))
			return true;
	return false;
}

/* An action that runs something (ISO 32000-1 12.6.4), or a file within (7.11.4). */
static bool dict_acts(qpdf_data q, qpdf_oh dict)
{
	static const char *const actions[] = {
	    "/JavaScript", "/Launch", "/ImportData", "/Rendition", NULL};
	static const char *const keys[] = {
	    "/JS", "/JavaScript", "/EF", "/XFA", "/RichMediaContent", NULL};
	return is_name(q, dict, "/S", actions) || has_key(q, dict, keys);
}

/* What stands in the object itself; others that it refers to are looked at by themselves. */
static bool acts(qpdf_data q, qpdf_oh o, int depth)
{
	bool found = false;
	if (depth > NESTING_MAX)
		return true; /* nobody's drawing */
	if (qpdf_oh_is_stream(q, o)) {
		qpdf_oh dict = qpdf_oh_get_dict(q, o);
		found = acts(q, dict, depth + 1);
		qpdf_oh_release(q, dict);
	} else if (qpdf_oh_is_dictionary(q, o)) {
		found = dict_acts(q, o);
		struct buf keys = {0}; /* each with its NUL: one walk at a time */
		qpdf_oh_begin_dict_key_iter(q, o);
		while (qpdf_oh_dict_more_keys(q)) {
			buf_puts(&keys, qpdf_oh_dict_next_key(q));
			buf_putc(&keys, '\0');
		}
		for (size_t at = 0; at < keys.n && !found; at += strlen(keys.p + at) + 1) {
			qpdf_oh value = qpdf_oh_get_key(q, o, keys.p + at);
			if (!qpdf_oh_is_indirect(q, value))
				found = acts(q, value, depth + 1);
			qpdf_oh_release(q, value);
		}
		buf_free(&keys);
	} else if (qpdf_oh_is_array(q, o)) {
		int n = qpdf_oh_get_array_n_items(q, o);
		for (int i = 0; i < n && !found; i++) {
			qpdf_oh value = qpdf_oh_get_array_item(q, o, i);
			if (!qpdf_oh_is_indirect(q, value))
				found = acts(q, value, depth + 1);
			qpdf_oh_release(q, value);
		}
	}
	return found;
}

static const char *objects_inspect(qpdf_data q)
{
	qpdf_oh trailer = qpdf_get_trailer(q), size = qpdf_oh_get_key(q, trailer, "/Size");
	long long n = qpdf_oh_is_integer(q, size) ? qpdf_oh_get_int_value(q, size) : 0;
	qpdf_oh_release(q, size);
	qpdf_oh_release(q, trailer);
	if (n <= 1 || n > OBJECTS_MAX || qpdf_get_num_pages(q) < 1)
		return "damaged";
	for (int i = 1; i < (int)n; i++) {
		qpdf_oh o = qpdf_get_object_by_id(q, i, 0);
		bool found = acts(q, o, 0);
		qpdf_oh_release(q, o);
		if (found)
			return "active";
	}
	return NULL;
}

/* What a reader can reach, numbered anew without gaps, generations and old versions: nothing hides
 * in what the file says of its own objects. */
static const char *rewritten_inspect(qpdf_data q)
{
	const char *wrong = "damaged";
	if (qpdf_init_write_memory(q) & QPDF_ERRORS)
		return wrong;
	qpdf_set_preserve_encryption(q, QPDF_FALSE);
	qpdf_set_object_stream_mode(q, qpdf_o_disable);
	qpdf_set_stream_data_mode(q, qpdf_s_preserve);
	if (qpdf_write(q) & QPDF_ERRORS)
		return wrong;
	qpdf_data again = qpdf_init();
	qpdf_silence_errors(again);
	qpdf_set_suppress_warnings(again, QPDF_TRUE);
	if (!(qpdf_read_memory(again, "rewritten", (const char *)qpdf_get_buffer(q),
	          qpdf_get_buffer_length(q), NULL) &
	        QPDF_ERRORS))
		wrong = objects_inspect(again);
	qpdf_cleanup(&again);
	return wrong;
}

static const char *pdf_inspect(struct str bytes)
{
	qpdf_data q = qpdf_init();
	qpdf_silence_errors(q);
	qpdf_set_suppress_warnings(q, QPDF_TRUE);
	const char *wrong = "damaged";
	QPDF_ERROR_CODE rc = qpdf_read_memory(q, "upload", bytes.p, bytes.n, NULL);
	if (!(rc & QPDF_ERRORS))
		wrong = rewritten_inspect(q);
	else if (qpdf_has_error(q) && qpdf_get_error_code(q, qpdf_get_error(q)) == qpdf_e_password)
		wrong = "locked";
	qpdf_cleanup(&q);
	return wrong;
}

/* --- --- */

static const struct {
	const char *type;
	const char *(*inspect)(struct str bytes);
} kinds[] = {
    {"image/png", png_inspect},
    {"image/jpeg", jpeg_inspect},
    {"application/pdf", pdf_inspect},
};

bool inspect_knows(const char *type)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i].type, type) == 0)
			return true;
	return false;
}

const char *inspect_bytes(struct str type, struct str bytes)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (str_is(type, kinds[i].type))
			return kinds[i].inspect(bytes);
	return NULL;
}
