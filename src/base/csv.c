#include "base/csv.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes come from the source into raw, become UTF-8 in text, and are cut into rows there. A row's
 * fields are collected in row, one after another with a NUL behind each, since quotes make them
 * shorter than what was read. Their places are kept as offsets until the row is whole, because row
 * may move. */
struct csv_reader {
	csv_source source;
	void *arg;
	struct csv_options options;
	bool begun, ended;

	char raw[16384];
	size_t raw_n;
	iconv_t convert; /* (iconv_t)-1: the bytes are UTF-8 already */
	struct buf text;
	size_t at; /* place in text */
	bool text_ended;

	struct buf row;
	size_t *ends; /* end of each field in row, without its NUL */
	struct str *fields;
	size_t n, cap;
	size_t line, row_line;

	struct str bytes; /* csv_reader_of() */
	int fd;           /* csv_reader_fd() */
};

static void reader_free(void *arg)
{
	struct csv_reader *r = arg;
	if (r->convert != (iconv_t)-1)
		(void)iconv_close(r->convert); /* a valid descriptor: cannot fail */
	buf_free(&r->text);
	buf_free(&r->row);
	free(r->ends);
	free(r->fields);
}

struct csv_reader *csv_reader_new(
    struct arena *a, csv_source source, void *arg, const struct csv_options *options)
{
	struct csv_reader *r = arena_new_of(a, struct csv_reader);
	r->source = source;
	r->arg = arg;
	if (options)
		r->options = *options;
	if (r->options.row_max == 0)
		r->options.row_max = 1 << 20;
	if (r->options.fields_max == 0)
		r->options.fields_max = 4096;
	r->convert = (iconv_t)-1;
	r->line = 1;
	arena_cleanup(a, reader_free, r);
	return r;
}

static ssize_t read_bytes(void *arg, char *into, size_t n)
{
	struct csv_reader *r = arg;
	if (n > r->bytes.n)
		n = r->bytes.n;
	if (n)
		memcpy(into, r->bytes.p, n);
	r->bytes.p += n;
	r->bytes.n -= n;
	return (ssize_t)n;
}

static ssize_t read_fd(void *arg, char *into, size_t n)
{
	const struct csv_reader *r = arg;
	ssize_t got;
	do
		got = read(r->fd, into, n);
	while (got < 0 && errno == EINTR);
	return got;
}

struct csv_reader *csv_reader_of(
    struct arena *a, struct str bytes, const struct csv_options *options)
{
	struct csv_reader *r = csv_reader_new(a, read_bytes, NULL, options);
	r->arg = r;
	r->bytes = bytes;
	return r;
}

struct csv_reader *csv_reader_fd(struct arena *a, int fd, const struct csv_options *options)
{
	struct csv_reader *r = csv_reader_new(a, read_fd, NULL, options);
	r->arg = r;
	r->fd = fd;
	return r;
}

size_t csv_line(const struct csv_reader *r)
{
	return r->row_line;
}

enum csv_encoding csv_found(const struct csv_reader *r)
{
	return r->options.encoding;
}

static int fill_raw(struct csv_reader *r, struct err *err)
{
	while (!r->ended && r->raw_n < sizeof(r->raw)) {
		ssize_t got = r->source(r->arg, r->raw + r->raw_n, sizeof(r->raw) - r->raw_n);
		if (got < 0)
			return err_set(err, ERR_IO, NULL, "reading CSV: %s", strerror(errno));
		if (got == 0)
			r->ended = true;
		r->raw_n += (size_t)got;
	}
	return 0;
}

static void drop_raw(struct csv_reader *r, size_t n)
{
	memmove(r->raw, r->raw + n, r->raw_n - n);
	r->raw_n -= n;
}

/* How many bytes at the end may be the begin of a character. */
static size_t utf8_open_end(struct str s)
{
	for (size_t back = 1; back <= 3 && back <= s.n; back++) {
		unsigned char c = (unsigned char)s.p[s.n - back];
		if (c >= 0xC0) {
			size_t length = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
			return length > back ? back : 0;
		}
		if (c < 0x80)
			return 0;
	}
	return 0;
}

static enum csv_encoding guess(const struct csv_reader *r)
{
	struct str s = {r->raw, r->raw_n};
	if (str_starts(s, "\xFF\xFE") || str_starts(s, "\xFE\xFF"))
		return CSV_UTF16;
	if (!r->ended)
		s.n -= utf8_open_end(s);
	/* A NUL is not what tells the encodings apart; it is refused later, with its line. */
	while (s.n)
		if (utf8_next(&s) < 0)
			return CSV_CP932;
	return CSV_UTF8;
}

static int begin(struct csv_reader *r, struct err *err)
{
	r->begun = true;
	int rc = fill_raw(r, err);
	if (rc)
		return rc;
	if (r->options.encoding == CSV_GUESS)
		r->options.encoding = guess(r);
	const char *name = NULL;
	struct str s = {r->raw, r->raw_n};
	if (r->options.encoding == CSV_CP932) {
		name = "CP932";
	} else if (r->options.encoding == CSV_UTF16) {
		name = str_starts(s, "\xFE\xFF") ? "UTF-16BE" : "UTF-16LE";
		if (str_starts(s, "\xFF\xFE") || str_starts(s, "\xFE\xFF"))
			drop_raw(r, 2);
	} else if (str_starts(s, "\xEF\xBB\xBF")) {
		drop_raw(r, 3);
	}
	if (name) {
		r->convert = iconv_open("UTF-8", name);
		if (r->convert == (iconv_t)-1)
			return err_set(err, ERR_INTERNAL, NULL, "iconv does not know %s", name);
	}
	return 0;
}

static int broken(const struct csv_reader *r, struct err *err, const char *msg, const char *what)
{
	return err_set(err, ERR_INPUT, msg, "line %zu: %s", r->row_line, what);
}

static int bad_encoding(const struct csv_reader *r, struct err *err)
{
	static const char *const names[] = {"", "UTF-8", "CP932 (Shift_JIS)", "UTF-16"};
	return broken(r, err, "base.csv.encoding", names[r->options.encoding]);
}

/* Makes more text behind what is there; sets text_ended when there is no more. */
static int fill_text(struct csv_reader *r, struct err *err)
{
	/* Forget what was cut into rows already. */
	if (r->at) {
		memmove(r->text.p, r->text.p + r->at, r->text.n - r->at);
		r->text.n -= r->at;
		r->at = 0;
	}
	int rc = fill_raw(r, err);
	if (rc)
		return rc;
	if (r->raw_n == 0) {
		r->text_ended = true;
		return 0;
	}
	if (r->convert == (iconv_t)-1) {
		struct str s = {r->raw, r->raw_n};
		if (!r->ended)
			s.n -= utf8_open_end(s);
		struct str rest = s;
		while (rest.n)
			if (utf8_next(&rest) < 0)
				break;
		size_t good = s.n - rest.n;
		buf_add(&r->text, r->raw, good);
		drop_raw(r, good);
		/* Rows before the broken byte are still given, so that the error names its line. */
		if (rest.n && good == 0)
			return bad_encoding(r, err);
		return 0;
	}
	char *in = r->raw;
	size_t in_n = r->raw_n;
	buf_reserve(&r->text, in_n * 3 + 16);
	char *out = r->text.p + r->text.n;
	size_t out_n = r->text.cap - r->text.n - 1;
	size_t room = out_n;
	errno = 0;
	size_t bad = iconv(r->convert, &in, &in_n, &out, &out_n);
	int why = errno;
	r->text.n += room - out_n;
	r->text.p[r->text.n] = '\0';
	size_t used = r->raw_n - in_n;
	drop_raw(r, used);
	bool stuck = bad == (size_t)-1 && used == 0 && why != E2BIG;
	if (stuck && (why == EILSEQ || r->ended))
		return bad_encoding(r, err);
	return 0;
}

/* The byte at the place, or -1 at the end, or -2 with *rc set. */
static int peek(struct csv_reader *r, size_t ahead, int *rc, struct err *err)
{
	while (r->at + ahead >= r->text.n && !r->text_ended) {
		*rc = fill_text(r, err);
		if (*rc)
			return -2;
	}
	return r->at + ahead < r->text.n ? (unsigned char)r->text.p[r->at + ahead] : -1;
}

static int end_field(struct csv_reader *r, struct err *err)
{
	if (r->n == r->options.fields_max)
		return broken(r, err, "base.csv.too_long", "too many fields");
	if (r->n == r->cap) {
		r->cap = r->cap ? r->cap * 2 : 32;
		r->ends = realloc(r->ends, r->cap * sizeof(*r->ends));
		r->fields = realloc(r->fields, r->cap * sizeof(*r->fields));
		if (!r->ends || !r->fields)
			abort();
	}
	r->ends[r->n++] = r->row.n;
	buf_putc(&r->row, '\0');
	return 0;
}

/* CR LF, LF or CR at the place: moves behind it. */
static bool end_of_line(struct csv_reader *r, int c, int *rc, struct err *err)
{
	if (c != '\n' && c != '\r')
		return false;
	if (c == '\r' && peek(r, 1, rc, err) == '\n')
		r->at++;
	r->at++;
	r->line++;
	return true;
}

static int add_byte(struct csv_reader *r, int c, struct err *err)
{
	if (c == '\0')
		return broken(r, err, "base.csv.binary", "a NUL byte: this is not CSV");
	if (r->row.n >= r->options.row_max)
		return broken(r, err, "base.csv.too_long", "the row is too long");
	buf_putc(&r->row, (char)c);
	return 0;
}

/* A quoted field from its opening quote to behind its closing one. */
static int quoted(struct csv_reader *r, struct err *err)
{
	r->at++;
	for (;;) {
		int rc = 0, c = peek(r, 0, &rc, err);
		if (c == -2)
			return rc;
		if (c == -1)
			return broken(
			    r, err, "base.csv.quote", "a quote that opens here is never closed");
		if (c == '"') {
			int next = peek(r, 1, &rc, err);
			if (next == -2)
				return rc;
			r->at++;
			if (next != '"')
				return 0;
		} else if (c == '\n') {
			r->line++;
		} else if (c == '\r') {
			int next = peek(r, 1, &rc, err);
			if (next == -2)
				return rc;
			r->line += next != '\n'; /* the LF counts */
		}
		rc = add_byte(r, c, err);
		if (rc)
			return rc;
		r->at++;
	}
}

/* Tab or comma, whichever the first line has outside quotes. */
static int find_separator(struct csv_reader *r, struct err *err)
{
	bool inside = false;
	r->options.separator = ',';
	for (size_t i = 0; i < sizeof(r->raw); i++) {
		int rc = 0, c = peek(r, i, &rc, err);
		if (c == -2)
			return rc;
		if (c == '"')
			inside = !inside;
		if (!inside && (c == '\t' || c == ','))
			r->options.separator = (char)c;
		if (c == -1 || (!inside && (c == '\t' || c == ',' || c == '\n' || c == '\r')))
			break;
	}
	return 0;
}

int csv_next(struct csv_reader *r, const struct str **fields, size_t *n, struct err *err)
{
	r->row_line = r->line;
	int rc = 0;
	if (!r->begun && (rc = begin(r, err)) != 0)
		return rc;
	if (!r->options.separator && (rc = find_separator(r, err)) != 0)
		return rc;
	buf_clear(&r->row);
	r->n = 0;
	bool any = false; /* a byte of this row was seen */
	for (;;) {
		r->row_line = any ? r->row_line : r->line;
		int c = peek(r, 0, &rc, err);
		if (c == -2)
			return rc;
		if (c == -1) {
			if (!any)
				return 0;
			break;
		}
		if (end_of_line(r, c, &rc, err)) {
			if (rc)
				return rc;
			if (!any)
				continue; /* an empty line */
			break;
		}
		bool field_begins = r->row.n == (r->n ? r->ends[r->n - 1] + 1 : 0);
		if (c == '"' && field_begins) {
			any = true;
			if ((rc = quoted(r, err)) != 0)
				return rc;
			c = peek(r, 0, &rc, err);
			if (c == -2)
				return rc;
			if (c != -1 && c != '\n' && c != '\r' && c != r->options.separator)
				return broken(r, err, "base.csv.quote",
				    "text behind a closing quote: quotes inside are written twice");
			if (c != r->options.separator)
				continue;
		}
		any = true;
		if (c == r->options.separator)
			rc = end_field(r, err);
		else
			rc = add_byte(r, c, err);
		if (rc)
			return rc;
		r->at++;
	}
	if ((rc = end_field(r, err)) != 0)
		return rc;
	size_t from = 0;
	for (size_t i = 0; i < r->n; i++) {
		r->fields[i] = (struct str){r->row.p + from, r->ends[i] - from};
		from = r->ends[i] + 1;
	}
	*fields = r->fields;
	*n = r->n;
	return 1;
}

/* --- writing --- */

/* A number that a spreadsheet shows as it is: -1,234.5 */
static bool is_plain_number(struct str s)
{
	size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+'), digits = 0;
	for (; i < s.n; i++) {
		if (s.p[i] >= '0' && s.p[i] <= '9')
			digits++;
		else if ((s.p[i] != '.' && s.p[i] != ',') || digits == 0)
			return false;
	}
	return digits > 0;
}

/* What makes a spreadsheet run a field; Japanese ones read the wide signs, too. */
static bool begins_formula(struct str s)
{
	static const char *const signs[] = {
	    "=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"};
	for (size_t i = 0; i < COUNT(signs); i++)
		if (str_starts(s, signs[i]))
			return !is_plain_number(s);
	return false;
}

void csv_put(struct buf *b, bool first, struct str field)
{
	if (!first)
		buf_putc(b, ',');
	bool formula = begins_formula(field);
	bool quote = false;
	for (size_t i = 0; i < field.n && !quote; i++)
		quote = memchr(",\"\r\n\t", field.p[i], 5) != NULL;
	/* A space at an end would be lost by programs that trim. */
	quote = quote || (field.n && (field.p[0] == ' ' || field.p[field.n - 1] == ' '));
	if (quote)
		buf_putc(b, '"');
	if (formula)
		buf_putc(b, '\'');
	size_t start = 0;
	for (size_t i = 0; i < field.n; i++) {
		if (field.p[i] == '"') {
			buf_add(b, field.p + start, i + 1 - start);
			start = i; /* written twice */
		}
	}
	buf_add(b, field.p + start, field.n - start);
	if (quote)
		buf_putc(b, '"');
}

/* Digits, and what stands between them in dates, times and powers of ten. */
static bool is_taken_for_number(struct str s)
{
	size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
	if (i == s.n || s.p[i] < '0' || s.p[i] > '9')
		return false;
	while (i < s.n && memchr("0123456789-/.,: eE", s.p[i], 18))
		i++;
	return i == s.n;
}

void csv_put_text(struct buf *b, bool first, struct str field)
{
	if (is_taken_for_number(field))
		buf_printf(b, "%s\"=\"\"%.*s\"\"\"", first ? "" : ",", (int)field.n, field.p);
	else
		csv_put(b, first, field);
}

struct str csv_bare(struct str s)
{
	if (s.n > 3 && s.p[0] == '=' && s.p[1] == '"' && s.p[s.n - 1] == '"') {
		struct str inside = {s.p + 2, s.n - 3};
		return is_taken_for_number(inside) ? inside : s;
	}
	struct str rest = {s.p + 1, s.n - 1};
	return s.n > 1 && s.p[0] == '\'' && begins_formula(rest) ? rest : s;
}

void csv_end(struct buf *b)
{
	buf_puts(b, "\r\n");
}

void csv_row(struct buf *b, const struct str *fields, size_t n)
{
	for (size_t i = 0; i < n; i++)
		csv_put(b, i == 0, fields[i]);
	if (n == 1 && fields[0].n == 0)
		buf_puts(b, "\"\""); /* a line without any byte would be skipped */
	csv_end(b);
}

void csv_begin(struct buf *b)
{
	buf_puts(b, "\xEF\xBB\xBF");
}
