/* An incremental update of a PDF (ISO 32000-1 §7.5.6): the bytes of the file stay as they are, new
 * objects, a cross-reference table and a trailer are appended. It reads what Cairo writes: classic
 * cross-reference tables (§7.5.4), also several of them linked by Prev; files with cross-reference
 * streams are refused. The bytes come from a worker that may have gone bad, so nothing in them is
 * believed: every offset, number and nesting depth is checked. */
#include "document/private.h"

#include <openssl/sha.h>
#include <string.h>
#include <time.h>

enum { OBJECTS_MAX = 1000000, DEPTH_MAX = 64, REVISIONS_MAX = 64, NEW_MAX = 64 };

struct pdf_update {
	struct arena *arena;
	struct str pdf;
	size_t *offsets; /* by object number; 0: free */
	int known;       /* of the file: offsets has so many */
	int size;        /* numbers below it are used, by the file or by pdf_update_new() */
	size_t startxref;
	struct str trailer;
	int catalog;
	struct buf out;
	int nput;
	struct {
		int number;
		size_t offset;
	} put[NEW_MAX];
};

static int broken(struct err *err, const char *what)
{
	return err_set(err, ERR_INPUT, "document.not_a_pdf", "PDF: %s", what);
}

/* --- reading PDF's own notation (§7.2, §7.3) --- */

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == '\0';
}

static bool is_delimiter(char c)
{
	return strchr("()<>[]{}/%", c) != NULL && c != '\0';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_space(struct str *s)
{
	while (s->n > 0) {
		if (is_space(*s->p)) {
			s->p++;
			s->n--;
		} else if (*s->p == '%') {
			while (s->n > 0 && *s->p != '\n' && *s->p != '\r') {
				s->p++;
				s->n--;
			}
		} else {
			break;
		}
	}
}

static bool skip(struct str *s, const char *word)
{
	size_t n = strlen(word);
	if (s->n < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

static bool take_number(struct str *s, int64_t max, int64_t *out)
{
	skip_space(s);
	size_t n = 0;
	while (n < s->n && is_digit(s->p[n]))
		n++;
	if (!str_to_i64((struct str){s->p, n}, 0, max, out))
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

static bool skip_value(struct str *s, int depth);

static bool skip_string(struct str *s)
{
	int open = 0;
	while (s->n > 0) {
		char c = *s->p;
		size_t step = c == '\\' && s->n > 1 ? 2 : 1;
		s->p += step;
		s->n -= step;
		if (step == 2)
			continue;
		open += (c == '(') - (c == ')');
		if (open == 0)
			return true;
	}
	return false;
}

static bool skip_until(struct str *s, const char *end, int depth)
{
	for (;;) {
		skip_space(s);
		if (skip(s, end))
			return true;
		if (!skip_value(s, depth + 1))
			return false;
	}
}

/* Moves over one value; a reference "12 0 R" is one value. */
static bool skip_value(struct str *s, int depth)
{
	skip_space(s);
	if (s->n == 0 || depth > DEPTH_MAX)
		return false;
	if (skip(s, "<<"))
		return skip_until(s, ">>", depth);
	if (skip(s, "["))
		return skip_until(s, "]", depth);
	if (*s->p == '(')
		return skip_string(s);
	if (*s->p == '<') {
		const char *end = memchr(s->p, '>', s->n);
		if (!end)
			return false;
		s->n -= (size_t)(end + 1 - s->p);
		s->p = end + 1;
		return true;
	}
	struct str after = *s;
	int64_t number;
	if (take_number(&after, OBJECTS_MAX, &number) && take_number(&after, 65535, &number)) {
		skip_space(&after);
		if (skip(&after, "R") &&
		    (after.n == 0 || is_space(*after.p) || is_delimiter(*after.p))) {
			*s = after;
			return true;
		}
	}
	size_t n = *s->p == '/' ? 1 : 0;
	while (n < s->n && !is_space(s->p[n]) && !is_delimiter(s->p[n]))
		n++;
	s->p += n;
	s->n -= n;
	return n > 0;
}

bool pdf_dict_find(struct str dict, const char *key, struct str *value)
{
	struct str s = dict;
	skip_space(&s);
	if (!skip(&s, "<<"))
		return false;
	for (;;) {
		skip_space(&s);
		if (s.n < 2 || *s.p != '/')
			return false;
		struct str name = s;
		if (!skip_value(&s, 0))
			return false;
		name.n -= s.n;
		skip_space(&s);
		struct str v = s;
		if (!skip_value(&s, 0))
			return false;
		v.n -= s.n;
		if (str_is((struct str){name.p + 1, name.n - 1}, key)) {
			*value = v;
			return true;
		}
	}
}

int pdf_dict_set(struct arena *a, struct str dict, const char *key, const char *value,
    struct str *out, struct err *err)
{
	struct str old;
	struct buf b;
	buf_init(&b, a);
	if (pdf_dict_find(dict, key, &old)) {
		buf_add(&b, dict.p, (size_t)(old.p - dict.p));
		buf_puts(&b, value);
		const char *rest = old.p + old.n;
		buf_add(&b, rest, (size_t)(dict.p + dict.n - rest));
	} else {
		struct str d = str_trim(dict);
		if (d.n < 4 || !str_ends(d, ">>"))
			return broken(err, "a dictionary does not end");
		buf_add(&b, d.p, d.n - 2);
		buf_printf(&b, " /%s %s >>", key, value);
	}
	*out = buf_to_str(&b);
	return 0;
}

static bool reference(struct str value, int *number)
{
	int64_t n, generation;
	if (!take_number(&value, OBJECTS_MAX, &n) || !take_number(&value, 65535, &generation))
		return false;
	skip_space(&value);
	*number = (int)n;
	return str_is(value, "R");
}

/* --- cross-reference tables --- */

/* One section and its trailer; entries that a newer revision has stay. */
static int read_section(struct pdf_update *u, struct str s, struct str *trailer, struct err *err)
{
	if (!skip(&s, "xref"))
		return broken(err, "no classic cross-reference table");
	for (;;) {
		int64_t first, count, offset, generation;
		skip_space(&s);
		if (skip(&s, "trailer"))
			break;
		if (!take_number(&s, OBJECTS_MAX, &first) || !take_number(&s, OBJECTS_MAX, &count))
			return broken(err, "cross-reference table is cut short");
		for (int64_t i = first; i < first + count; i++) {
			if (!take_number(&s, INT32_MAX, &offset) ||
			    !take_number(&s, 65535, &generation))
				return broken(err, "cross-reference entry is broken");
			skip_space(&s);
			bool used = skip(&s, "n");
			if (!used && !skip(&s, "f"))
				return broken(err, "cross-reference entry is broken");
			if (used && i < u->known && u->offsets[i] == 0)
				u->offsets[i] = (size_t)offset;
		}
	}
	skip_space(&s);
	*trailer = s;
	if (!skip_value(&s, 0))
		return broken(err, "trailer is broken");
	trailer->n -= s.n;
	return 0;
}

static int section_at(struct pdf_update *u, int64_t offset, struct str *out, struct err *err)
{
	if (offset <= 0 || (size_t)offset >= u->pdf.n)
		return broken(err, "an offset leads out of the file");
	*out = (struct str){u->pdf.p + offset, u->pdf.n - (size_t)offset};
	return 0;
}

/* The trailer's Size must be known before the entries: it comes after them. */
static int find_size(struct pdf_update *u, struct str s, struct err *err)
{
	struct str value;
	const char *t = s.n > 7 ? memmem(s.p, s.n, "trailer", 7) : NULL;
	int64_t size;
	if (!t)
		return broken(err, "no trailer");
	struct str d = {t + 7, s.n - (size_t)(t + 7 - s.p)};
	if (!pdf_dict_find(d, "Size", &value) || !take_number(&value, OBJECTS_MAX, &size) ||
	    size < 2) /* the free head and the catalog at least */
		return broken(err, "trailer without Size");
	u->known = u->size = (int)size;
	u->offsets = arena_array(u->arena, (size_t)size, sizeof(*u->offsets));
	return 0;
}

static int find_startxref(struct pdf_update *u, int64_t *out, struct err *err)
{
	size_t window = u->pdf.n < 2048 ? u->pdf.n : 2048;
	struct str tail = {u->pdf.p + u->pdf.n - window, window};
	const char *at = NULL;
	for (size_t i = 0; i + 9 <= tail.n; i++)
		if (memcmp(tail.p + i, "startxref", 9) == 0)
			at = tail.p + i + 9;
	if (!at)
		return broken(err, "no startxref");
	struct str s = {at, (size_t)(tail.p + tail.n - at)};
	return take_number(&s, INT32_MAX, out) ? 0 : broken(err, "startxref is no number");
}

int pdf_update_begin(struct arena *a, struct str pdf, struct pdf_update **out, struct err *err)
{
	struct pdf_update *u = arena_new_of(a, struct pdf_update);
	struct str s, trailer, value;
	int64_t at;
	u->arena = a;
	u->pdf = pdf;
	if (pdf.n < 64 || memcmp(pdf.p, "%PDF-1.", 7) != 0)
		return broken(err, "it does not begin as a PDF");
	int rc = find_startxref(u, &at, err);
	if (rc < 0 || (rc = section_at(u, at, &s, err)) < 0 || (rc = find_size(u, s, err)) < 0)
		return rc;
	u->startxref = (size_t)at;
	for (int revision = 0; revision < REVISIONS_MAX; revision++) {
		rc = read_section(u, s, &trailer, err);
		if (rc < 0)
			return rc;
		if (revision == 0)
			u->trailer = trailer;
		if (!pdf_dict_find(trailer, "Prev", &value))
			break;
		if (!take_number(&value, INT32_MAX, &at))
			return broken(err, "Prev is no number");
		rc = section_at(u, at, &s, err);
		if (rc < 0)
			return rc;
	}
	if (!pdf_dict_find(u->trailer, "Root", &value) || !reference(value, &u->catalog))
		return broken(err, "trailer without Root");
	if (pdf_dict_find(u->trailer, "Encrypt", &value))
		return broken(err, "it is encrypted");
	buf_init(&u->out, a);
	buf_reserve(&u->out, pdf.n + 64 * 1024);
	buf_str(&u->out, pdf);
	if (pdf.p[pdf.n - 1] != '\n')
		buf_putc(&u->out, '\n');
	*out = u;
	return 0;
}

int pdf_update_catalog(const struct pdf_update *u)
{
	return u->catalog;
}

int pdf_update_object(struct pdf_update *u, int number, struct str *out, struct err *err)
{
	int64_t n, generation;
	struct str s;
	if (number <= 0 || number >= u->known || u->offsets[number] == 0)
		return broken(err, "a reference leads nowhere");
	int rc = section_at(u, (int64_t)u->offsets[number], &s, err);
	if (rc < 0)
		return rc;
	if (!take_number(&s, OBJECTS_MAX, &n) || !take_number(&s, 65535, &generation) ||
	    n != number)
		return broken(err, "an object is not where the table says");
	skip_space(&s);
	if (!skip(&s, "obj"))
		return broken(err, "an object is not where the table says");
	skip_space(&s);
	*out = s;
	if (!skip_value(&s, 0))
		return broken(err, "an object is broken");
	out->n -= s.n;
	return 0;
}

int pdf_update_first_page(struct pdf_update *u, struct err *err)
{
	struct str node, value;
	int number;
	int rc = pdf_update_object(u, u->catalog, &node, err);
	if (rc < 0)
		return rc;
	if (!pdf_dict_find(node, "Pages", &value) || !reference(value, &number))
		return broken(err, "catalog without Pages");
	for (int depth = 0; depth < 32; depth++) {
		rc = pdf_update_object(u, number, &node, err);
		if (rc < 0)
			return rc;
		if (!pdf_dict_find(node, "Kids", &value))
			return number;
		if (!skip(&value, "["))
			return broken(err, "Kids is no array");
		skip_space(&value);
		struct str kid = value;
		if (!skip_value(&value, 0))
			return broken(err, "no first page");
		kid.n -= value.n;
		if (!reference(kid, &number))
			return broken(err, "no first page");
	}
	return broken(err, "the page tree is too deep");
}

/* --- writing --- */

int pdf_update_new(struct pdf_update *u)
{
	return u->size++;
}

size_t pdf_update_put(struct pdf_update *u, int number, struct str value, struct str stream)
{
	if (u->nput == NEW_MAX)
		abort(); /* our own mistake: an update has a handful of objects */
	u->put[u->nput].number = number;
	u->put[u->nput++].offset = u->out.n;
	buf_printf(&u->out, "%d 0 obj\n", number);
	size_t at = u->out.n;
	buf_str(&u->out, value);
	if (stream.p) {
		buf_puts(&u->out, "\nstream\n");
		buf_str(&u->out, stream);
		buf_puts(&u->out, "\nendstream");
	}
	buf_puts(&u->out, "\nendobj\n");
	return at;
}

static void sort_put(struct pdf_update *u)
{
	for (int i = 1; i < u->nput; i++)
		for (int k = i; k > 0 && u->put[k].number < u->put[k - 1].number; k--) {
			int number = u->put[k].number;
			size_t offset = u->put[k].offset;
			u->put[k] = u->put[k - 1];
			u->put[k - 1].number = number;
			u->put[k - 1].offset = offset;
		}
}

int pdf_update_end(struct pdf_update *u, struct str *out, struct err *err)
{
	struct str value;
	size_t at = u->out.n;
	if (at > INT32_MAX)
		return err_set(err, ERR_TOO_LARGE, NULL, "PDF: larger than 2 GB");
	sort_put(u);
	buf_puts(&u->out, "xref\n");
	for (int i = 0; i < u->nput;) {
		int n = 1;
		while (i + n < u->nput && u->put[i + n].number == u->put[i].number + n)
			n++;
		buf_printf(&u->out, "%d %d\n", u->put[i].number, n);
		for (; n > 0; n--, i++)
			buf_printf(&u->out, "%010zu 00000 n \n", u->put[i].offset);
	}
	buf_printf(&u->out, "trailer\n<< /Size %d /Root %d 0 R /Prev %zu", u->size, u->catalog,
	    u->startxref);
	if (pdf_dict_find(u->trailer, "Info", &value))
		buf_printf(&u->out, " /Info %.*s", STR_ARG(value));
	/* §14.4: the first half names the document, the second this revision. */
	unsigned char now[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)u->out.p, u->out.n, now);
	struct str id, first = {0};
	buf_puts(&u->out, " /ID [");
	if (pdf_dict_find(u->trailer, "ID", &id) && skip(&id, "[")) {
		skip_space(&id);
		first = id;
		if (skip_value(&id, 0))
			first.n -= id.n;
		else
			first = (struct str){0};
	}
	if (first.n > 2 && first.n < 128) {
		buf_str(&u->out, first);
	} else {
		buf_putc(&u->out, '<');
		buf_hex(&u->out, now, 16);
		buf_putc(&u->out, '>');
	}
	buf_puts(&u->out, " <");
	buf_hex(&u->out, now, 16);
	buf_printf(&u->out, ">] >>\nstartxref\n%zu\n%%%%EOF\n", at);
	*out = buf_to_str(&u->out);
	return 0;
}

void pdf_text(struct buf *b, const char *utf8)
{
	struct str s = str_from(utf8);
	bool ascii = true;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] > 0x7e)
			ascii = false;
	if (ascii) {
		buf_putc(b, '(');
		for (size_t i = 0; i < s.n; i++) {
			if (strchr("()\\", s.p[i]))
				buf_putc(b, '\\');
			buf_putc(b, s.p[i]);
		}
		buf_putc(b, ')');
		return;
	}
	buf_puts(b, "<FEFF");
	for (int32_t c; (c = utf8_next(&s)) >= 0;) {
		if (c < 0x10000)
			buf_printf(b, "%04X", (unsigned)c);
		else
			buf_printf(b, "%04X%04X", 0xd7c0u + ((unsigned)c >> 10),
			    0xdc00u + ((unsigned)c & 0x3ff));
	}
	buf_putc(b, '>');
}

void pdf_date(struct buf *b, int64_t us)
{
	time_t local = (time_t)(us / 1000000 + 9 * 3600); /* Japan: UTC+9 all year */
	struct tm t;
	char text[32];
	(void)gmtime_r(&local, &t);
	(void)strftime(text, sizeof(text), "%Y%m%d%H%M%S", &t); /* always fits */
	buf_printf(b, "(D:%s+09'00')", text);
}
