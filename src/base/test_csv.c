#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/csv.h"
#include "base/test.h"

/* All rows as "a|b¶c|d¶", or "!line: what" behind the rows before an error. */
static char *read_all(struct arena *a, struct csv_reader *r)
{
	struct buf out;
	buf_init(&out, a);
	buf_puts(&out, "");
	const struct str *fields;
	size_t n;
	struct err err = {0};
	int rc;
	while ((rc = csv_next(r, &fields, &n, &err)) == 1) {
		for (size_t i = 0; i < n; i++) {
			if (i)
				buf_putc(&out, '|');
			assert_int_equal(fields[i].p[fields[i].n], '\0');
			buf_str(&out, fields[i]);
		}
		buf_puts(&out, "¶");
	}
	if (rc)
		buf_printf(&out, "!%s %s", err.msg ? err.msg : "", err.detail);
	return out.p;
}

struct drip {
	struct str bytes;
};

/* One byte at a time: nothing may depend on where a read ends. */
static ssize_t drip_read(void *arg, char *into, size_t n)
{
	struct drip *d = arg;
	if (n == 0 || d->bytes.n == 0)
		return 0;
	*into = *d->bytes.p++;
	d->bytes.n--;
	return 1;
}

static void test_read(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		struct str bytes;
		const char *want;
		enum csv_encoding found;
	} cases[] = {
	    {"plain", STR("a,b\r\nc,d\r\n"), "a|b¶c|d¶", CSV_UTF8},
	    {"no last line end", STR("a,b\nc,d"), "a|b¶c|d¶", CSV_UTF8},
	    {"old line ends", STR("a,b\rc,d\r"), "a|b¶c|d¶", CSV_UTF8},
	    {"empty fields", STR(",\n,,\n\"\"\n"), "|¶||¶¶", CSV_UTF8},
	    {"empty lines", STR("\na\n\n\r\nb\n\n"), "a¶b¶", CSV_UTF8},
	    {"nothing", STR(""), "", CSV_UTF8},
	    {"quotes", STR("\"a,b\",\"c\"\"d\",\"\"\r\n\"x\ny\",z"), "a,b|c\"d|¶x\ny|z¶", CSV_UTF8},
	    {"quote inside", STR("a\"b,c\n"), "a\"b|c¶", CSV_UTF8},
	    {"byte order mark", STR("\xEF\xBB\xBF\"街\",b\n"), "街|b¶", CSV_UTF8},
	    {"tabs", STR("a\tb,c\nd\te"), "a|b,c¶d|e¶", CSV_UTF8},
	    {"tab in quotes", STR("\"a\tb\",c"), "a\tb|c¶", CSV_UTF8},
	    {"cp932", STR("\x8D\x82\x8F\xBC\x8E\x73,\xB1\xB2,\x87\x40\x81\x60\n"), "高松市|ｱｲ|①～¶",
	        CSV_CP932},
	    {"cp932 with second byte 5C", STR("\x95\x5C,x\n"), "表|x¶", CSV_CP932},
	    {"utf-16", STR("\xFF\xFE\x57\x88\t\0b\0\r\0\n\0"), "街|b¶", CSV_UTF16},
	    {"utf-16 big-endian", STR("\xFE\xFF\x88\x57\0,\0b"), "街|b¶", CSV_UTF16},
	    {"open quote", STR("a\n\"b\nc\n"),
	        "a¶!base.csv.quote line 2: a quote that opens here is never closed", CSV_UTF8},
	    {"behind a quote", STR("a\r\n\"b\"c\n"),
	        "a¶!base.csv.quote line 2: text behind a closing quote: quotes inside are written "
	        "twice",
	        CSV_UTF8},
	    {"line of an error behind many lines", STR("\"a\r\nb\rc\nd\"\r\n\"x"),
	        "a\r\nb\rc\nd¶!base.csv.quote line 5: a quote that opens here is never closed",
	        CSV_UTF8},
	    {"nul", STR("a\0b\n"), "!base.csv.binary line 1: a NUL byte: this is not CSV",
	        CSV_UTF8},
	    {"neither", STR("a\n\xFF\xFF\n"), "a¶!base.csv.encoding line 2: CP932 (Shift_JIS)",
	        CSV_CP932},
	    {"cut utf-16", STR("\xFF\xFE\x57"), "!base.csv.encoding line 1: UTF-16", CSV_UTF16},
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct csv_reader *r = csv_reader_of(a, cases[i].bytes, NULL);
		char *got = read_all(a, r);
		if (strcmp(got, cases[i].want) != 0 || csv_found(r) != cases[i].found)
			fail_msg("%s: %s", cases[i].name, got);
		struct drip d = {cases[i].bytes};
		got = read_all(a, csv_reader_new(a, drip_read, &d, NULL));
		if (strcmp(got, cases[i].want) != 0)
			fail_msg("%s, byte by byte: %s", cases[i].name, got);
	}
	struct csv_options utf8 = {.encoding = CSV_UTF8};
	char *got = read_all(a, csv_reader_of(a, STR("a\nb,\xFF\n"), &utf8));
	assert_string_equal(got, "a¶!base.csv.encoding line 2: UTF-8");
	struct csv_options tight = {.row_max = 5, .fields_max = 2};
	assert_string_equal(read_all(a, csv_reader_of(a, STR("ab,c\nabcdef\n"), &tight)),
	    "ab|c¶!base.csv.too_long line 2: the row is too long");
	assert_string_equal(read_all(a, csv_reader_of(a, STR("a,b\na,b,c\n"), &tight)),
	    "a|b¶!base.csv.too_long line 2: too many fields");
	arena_free(a);
}

static void test_large(void **state)
{
	(void)state;
	/* Larger than all buffers, from a file; each row knows its number. */
	FILE *f = tmpfile();
	assert_non_null(f);
	for (int i = 0; i < 20000; i++)
		fprintf(f, "%d,\"高松市\n%d\",x\r\n", i, i);
	assert_int_equal(fflush(f), 0);
	rewind(f);
	struct arena *a = arena_new();
	struct csv_reader *r = csv_reader_fd(a, fileno(f), NULL);
	const struct str *fields;
	size_t n;
	struct err err = {0};
	int rows = 0;
	while (csv_next(r, &fields, &n, &err) == 1) {
		int64_t v;
		assert_int_equal(n, 3);
		assert_true(str_to_i64(fields[0], rows, rows, &v));
		assert_int_equal(csv_line(r), rows * 2 + 1);
		rows++;
	}
	assert_int_equal(rows, 20000);
	assert_true(arena_used(a) < 100000);
	fclose(f);
	arena_free(a);
}

static void test_write(void **state)
{
	(void)state;
	static const struct {
		struct str fields[3];
		size_t n;
		const char *want;
	} cases[] = {
	    {{STR("a"), STR(""), STR("街")}, 3, "a,,街\r\n"},
	    {{STR("a,b"), STR("c\"d"), STR("e\nf")}, 3, "\"a,b\",\"c\"\"d\",\"e\nf\"\r\n"},
	    {{STR("\"")}, 1, "\"\"\"\"\r\n"},
	    {{STR("")}, 1, "\"\"\r\n"},
	    {{STR(" a"), STR("a "), STR("a b")}, 3, "\" a\",\"a \",a b\r\n"},
	    {{STR("=1+1"), STR("@x"), STR("\tx")}, 3, "'=1+1,'@x,\"'\tx\"\r\n"},
	    {{STR("＝1+1"), STR("＠SUM(A1)"), STR("\n=1")}, 3, "'＝1+1,'＠SUM(A1),\"'\n=1\"\r\n"},
	    {{STR("－5"), STR("＋ 小計"), STR("ー")}, 3, "'－5,'＋ 小計,ー\r\n"},
	    {{STR("-x,y"), STR("+cmd|' /C calc'!A0"), STR("-")}, 3,
	        "\"'-x,y\",'+cmd|' /C calc'!A0,'-\r\n"},
	    {{STR("-1"), STR("-1,234.5"), STR("+81")}, 3, "-1,\"-1,234.5\",+81\r\n"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = {0};
		csv_row(&b, cases[i].fields, cases[i].n);
		if (!str_is(buf_to_str(&b), cases[i].want))
			fail_msg("case %zu: %s", i, b.p);
		buf_free(&b);
	}
	struct buf b = {0};
	csv_begin(&b);
	assert_string_equal(b.p, "\xEF\xBB\xBF");
	buf_free(&b);
}

/* Texts that look like numbers or dates stay as they are in a spreadsheet, and come back bare. */
static void test_texts(void **state)
{
	(void)state;
	static const struct {
		struct str field;
		const char *want;
	} cases[] = {
	    {STR("08700012"), "\"=\"\"08700012\"\"\""},
	    {STR("1-8-15"), "\"=\"\"1-8-15\"\"\""},
	    {STR("+81878390000"), "\"=\"\"+81878390000\"\"\""},
	    {STR("1E5"), "\"=\"\"1E5\"\"\""},
	    {STR("1\""), "\"1\"\"\""},
	    {STR("1=2"), "1=2"},
	    {STR("-x"), "'-x"},
	    {STR("'x"), "'x"},
	    {STR("番町1-8-15"), "番町1-8-15"},
	    {STR(""), ""},
	    {STR("=\"1\""), "\"'=\"\"1\"\"\""},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new();
		struct buf b = {0};
		csv_put_text(&b, true, cases[i].field);
		if (!str_is(buf_to_str(&b), cases[i].want))
			fail_msg("case %zu: %s", i, b.p);
		buf_puts(&b, ",end\r\n");
		struct csv_reader *r = csv_reader_of(a, buf_to_str(&b), NULL);
		const struct str *fields;
		size_t n;
		assert_int_equal(csv_next(r, &fields, &n, NULL), 1);
		if (!str_eq(csv_bare(fields[0]), cases[i].field))
			fail_msg("case %zu came back as %.*s", i, (int)fields[0].n, fields[0].p);
		buf_free(&b);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_large),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
