#include "base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte chooses the encoding. What was read, written and read again is the same, but for
 * the apostrophe that keeps a spreadsheet from running it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct csv_options options = {.encoding = data[0] % 4, .row_max = 4096};
	struct arena *a = arena_new();
	struct str bytes = {(const char *)data + 1, size - 1};
	struct csv_reader *r = csv_reader_of(a, bytes, &options), *again;
	const struct str *fields, *back;
	size_t n, back_n;
	struct err err = {0};
	int rc;
	while ((rc = csv_next(r, &fields, &n, &err)) == 1) {
		struct buf b = {0};
		csv_row(&b, fields, n);
		struct csv_options plain = {.encoding = CSV_UTF8, .separator = ','};
		again = csv_reader_of(a, buf_to_str(&b), &plain);
		/* A row that begins with a byte order mark loses it: it has no place there. */
		if (!str_starts(buf_to_str(&b), "\xEF\xBB\xBF")) {
			if (csv_next(again, &back, &back_n, &err) != 1 || back_n != n)
				__builtin_trap();
			for (size_t i = 0; i < n; i++) {
				struct str f = back[i];
				if (f.n == fields[i].n + 1 && f.p[0] == '\'')
					f = (struct str){f.p + 1, f.n - 1};
				if (!str_eq(f, fields[i]) || !utf8_valid(f))
					__builtin_trap();
			}
			if (csv_next(again, &back, &back_n, &err) != 0)
				__builtin_trap();
		}
		buf_free(&b);
	}
	if (rc < 0 && err.kind != ERR_INPUT)
		__builtin_trap();
	arena_free(a);
	return 0;
}
