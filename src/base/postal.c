#include "base/postal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/log.h"
#include "base/resource.h"
#include "base/text.h"

/* The format is described in tools/postal.py, which makes the table. */
enum { HEAD = 20, ENTRY = 8, FIELDS = 11 };

static _Noreturn void fail(const char *what)
{
	log_error("postal", "data/postal-code/postal.bin: %s", what);
	abort(); /* built into the program: only a broken build gets here */
}

static uint32_t u32_at(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static struct str table(void)
{
	struct str t;
	if (!resource_find("data/postal-code/postal.bin", &t) || t.n < HEAD + ENTRY ||
	    !str_starts(t, "machipc1") || t.p[15] != '\0' ||
	    (t.n - HEAD) / ENTRY <= u32_at(t.p + 16) || u32_at(t.p + 16) == 0)
		fail("missing or broken");
	return t;
}

const char *postal_version(void)
{
	return table().p + 8; /* NUL-terminated, see table() */
}

/* The block that would hold the code, unpacked. */
static void unpack(uint32_t code, struct buf *out)
{
	struct str t = table();
	size_t low = 0, high = u32_at(t.p + 16);
	while (high - low > 1) { /* entry low is at most the code, entry high is above it */
		size_t mid = low + (high - low) / 2;
		if (u32_at(t.p + HEAD + mid * ENTRY) <= code)
			low = mid;
		else
			high = mid;
	}
	const char *entry = t.p + HEAD + low * ENTRY;
	uint32_t from = u32_at(entry + 4), to = u32_at(entry + ENTRY + 4);
	if (from > to || to > t.n)
		fail("broken index");
	z_stream z = {0};
	z.next_in = (unsigned char *)(uintptr_t)(t.p + from); /* zlib does not write to it */
	z.avail_in = to - from;
	int rc = inflateInit(&z);
	while (rc == Z_OK) {
		buf_reserve(out, 1 << 16);
		size_t room = out->cap - out->n - 1;
		z.next_out = (unsigned char *)out->p + out->n;
		z.avail_out = (unsigned)room;
		rc = inflate(&z, Z_NO_FLUSH);
		out->n += room - z.avail_out;
	}
	(void)inflateEnd(&z); /* nothing more to learn from it */
	if (rc != Z_STREAM_END)
		fail("broken block");
	out->p[out->n] = '\0';
}

size_t postal_find(struct arena *a, struct str typed, struct postal_address **out)
{
	struct buf digits = {0}, text = {0};
	int64_t code;
	text_fold_digits(&digits, typed);
	struct str plain = buf_to_str(&digits);
	if (str_starts(plain, "〒"))
		plain = (struct str){plain.p + strlen("〒"), plain.n - strlen("〒")};
	bool ok = plain.n == 7 && str_to_i64(plain, 0, 9999999, &code);
	*out = NULL;
	if (!ok) {
		buf_free(&digits);
		return 0;
	}
	unpack((uint32_t)code, &text);
	struct str rest = buf_to_str(&text), line, fields[FIELDS] = {0};
	struct str found[128][FIELDS]; /* the most that a code has are 66 */
	size_t n = 0;
	while (n < COUNT(found) && str_cut(&rest, '\n', &line)) {
		for (int i = 0; i < FIELDS; i++) {
			struct str field = {"", 0};
			(void)str_cut(&line, '\t', &field); /* the last ones may be empty */
			if (!str_is(field, "="))
				fields[i] = field;
		}
		if (str_eq(fields[0], plain))
			memcpy(found[n++], fields, sizeof(fields));
	}
	struct postal_address *list = n ? arena_array(a, n, sizeof(*list)) : NULL;
	for (size_t i = 0; i < n; i++) {
		const char *copy[FIELDS];
		for (int k = 0; k < FIELDS; k++)
			copy[k] = str_dup(a, found[i][k]);
		list[i] = (struct postal_address){.code = copy[0],
		    .city_code = copy[1],
		    .prefecture = copy[2],
		    .city = copy[3],
		    .town = copy[4],
		    .prefecture_kana = copy[5],
		    .city_kana = copy[6],
		    .town_kana = copy[7],
		    .street = copy[8],
		    .office = copy[9],
		    .office_kana = copy[10]};
	}
	buf_free(&digits);
	buf_free(&text);
	*out = list;
	return n;
}
