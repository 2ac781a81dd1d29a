/* Numbers of an application. 到達番号 means nothing, is unique and printable, and shows a slip of
 * the pen by its check character. 受付番号 is the office's yearly series of a procedure. */
#include "procedure/application/life.h"

#include "base/secret.h"

enum { DIGITS = 12 };

/* ISO/IEC 7064 MOD 11-2: finds every wrong digit and every swap of neighbours. */
static char check_character(const char *digits)
{
	int p = 0;
	for (int i = 0; i < DIGITS; i++)
		p = (p + digits[i] - '0') * 2 % 11;
	int c = (12 - p) % 11;
	return c == 10 ? 'X' : (char)('0' + c);
}

static char *grouped(struct arena *a, const char *digits)
{
	return arena_printf(
	    a, "%.4s-%.4s-%.4s-%c", digits, digits + 4, digits + 8, check_character(digits));
}

char *receipt_number_new(struct arena *a)
{
	char digits[DIGITS + 1];
	snprintf(digits, sizeof(digits), "%012" PRIu64, random_below(UINT64_C(1000000000000)));
	return grouped(a, digits);
}

char *receipt_number_fold(struct arena *a, struct str typed)
{
	char digits[DIGITS + 1] = "";
	char check = 0;
	int n = 0;
	struct str s = typed;
	for (int32_t c; (c = utf8_next(&s)) >= 0;) {
		if (c >= 0xFF01 && c <= 0xFF5E) /* full width */
			c -= 0xFEE0;
		if (c == '-' || c == ' ' || c == 0x3000 || c == 0x2010 || c == 0x2212 ||
		    c == 0x30FC)
			continue;
		if (n < DIGITS && c >= '0' && c <= '9')
			digits[n] = (char)c;
		else if (n == DIGITS && ((c >= '0' && c <= '9') || c == 'X' || c == 'x'))
			check = c == 'x' ? 'X' : (char)c;
		else
			return NULL;
		n++;
	}
	if (n != DIGITS + 1 || check != check_character(digits))
		return NULL;
	return grouped(a, digits);
}

bool receipt_number_valid(struct str s)
{
	struct arena *a = arena_new();
	const char *folded = receipt_number_fold(a, s);
	bool ok = folded && str_is(s, folded);
	arena_free(a);
	return ok;
}

/* The definition's `abbreviation`, else the first two Chinese characters of its title (犬の登録:
 * 犬登), else its id. */
static const char *abbreviation(struct arena *a, const struct procedure *proc)
{
	const char *own = json_string_value(json_object_get(procedure_json(proc), "abbreviation"));
	if (own && own[0])
		return own;
	struct buf b;
	buf_init(&b, a);
	struct str title = str_from(procedure_text(proc, "title", "ja"));
	int n = 0;
	for (int32_t c; n < 2 && (c = utf8_next(&title)) >= 0;)
		if (c >= 0x4E00 && c <= 0x9FFF) {
			utf8_put(&b, (uint32_t)c);
			n++;
		}
	return n == 2 ? b.p : procedure_id(proc);
}

int serial_new(struct db *db, struct arena *a, const struct procedure *proc, struct date on,
    char **out, struct err *err)
{
	int year = date_fiscal_year(on);
	int64_t n;
	int rc =
	    series_next(db, arena_printf(a, "serial/%s/%d", procedure_id(proc), year), &n, err);
	if (rc == 0)
		*out = arena_printf(a, "%d-%s-%06" PRId64, year, abbreviation(a, proc), n);
	return rc;
}
