/* What a file is, by its first bytes. What a client says about its file is never believed. */
#include <string.h>
#include <strings.h>

#include "web/private.h"

struct magic {
	const char *type;
	size_t at;
	const char *bytes;
	size_t n;
};

#define MAGIC(t, offset, literal)                                                                  \
	{                                                                                          \
		.type = (t), .at = (offset), .bytes = (literal), .n = sizeof(literal) - 1          \
	}

static const struct magic magics[] = {
    MAGIC("application/pdf", 0, "%PDF-"),
    MAGIC("image/png", 0, "\x89PNG\r\n\x1a\n"),
    MAGIC("image/jpeg", 0, "\xff\xd8\xff"),
    MAGIC("image/gif", 0, "GIF87a"),
    MAGIC("image/gif", 0, "GIF89a"),
    MAGIC("image/webp", 8, "WEBPVP8"),
    MAGIC("image/tiff", 0, "II*\0"),
    MAGIC("image/tiff", 0, "MM\0*"),
    MAGIC("image/heic", 4, "ftypheic"),
    MAGIC("image/heic", 4, "ftypheix"),
    MAGIC("image/heic", 4, "ftypmif1"),
    MAGIC("image/avif", 4, "ftypavif"),
    MAGIC("video/mp4", 4, "ftyp"),
    MAGIC("application/gzip", 0, "\x1f\x8b"),
    MAGIC("application/x-7z-compressed", 0, "7z\xbc\xaf\x27\x1c"),
    MAGIC("application/x-ole-storage", 0, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    MAGIC("application/x-msdownload", 0, "MZ"),
    MAGIC("application/x-executable", 0,
        "\x7f"
        "ELF"),
};

static bool has(struct str s, const char *text)
{
	return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static bool has_word(struct str s, const char *text)
{
	size_t n = strlen(text);
	for (size_t i = 0; i + n <= s.n; i++)
		if (strncasecmp(s.p + i, text, n) == 0)
			return true;
	return false;
}

static const char *zip_type(struct str head)
{
	if (has(head, "mimetypeapplication/vnd.oasis.opendocument.text"))
		return "application/vnd.oasis.opendocument.text";
	if (has(head, "mimetypeapplication/vnd.oasis.opendocument.spreadsheet"))
		return "application/vnd.oasis.opendocument.spreadsheet";
	if (has(head, "[Content_Types].xml") || has(head, "_rels/.rels")) {
		if (has(head, "word/"))
			return "application/"
			       "vnd.openxmlformats-officedocument.wordprocessingml.document";
		if (has(head, "xl/"))
			return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
	}
	return "application/zip";
}

/* The last character may be cut in two by the end of head. */
static bool is_text(struct str head)
{
	for (size_t i = 0; i < head.n; i++) {
		unsigned char c = (unsigned char)head.p[i];
		if (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f')
			return false;
	}
	for (size_t cut = 0; cut < 4 && cut <= head.n; cut++)
		if (utf8_valid((struct str){head.p, head.n - cut}))
			return true;
	return false;
}

const char *filetype_detect(struct str head)
{
	if (head.n == 0)
		return "application/x-empty";
	for (size_t i = 0; i < COUNT(magics); i++) {
		const struct magic *m = &magics[i];
		if (head.n >= m->at + m->n && memcmp(head.p + m->at, m->bytes, m->n) == 0)
			return m->type;
	}
	if (head.n >= 4 && memcmp(head.p, "PK\x03\x04", 4) == 0)
		return zip_type(head);
	if (!is_text(head))
		return "application/octet-stream";
	struct str text = head;
	if (str_starts(text, "\xef\xbb\xbf"))
		text = (struct str){text.p + 3, text.n - 3};
	text = str_trim(text);
	if (text.n && text.p[0] == '<') {
		if (has_word(text, "<svg"))
			return "image/svg+xml";
		if (has_word(text, "<html") || has_word(text, "<!doctype html") ||
		    has_word(text, "<script"))
			return "text/html";
		if (str_starts(text, "<?xml"))
			return "application/xml";
	}
	return "text/plain";
}
