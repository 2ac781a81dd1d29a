#include "identity/basic.h"

#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "base/text.h"

json_t *basic_name(struct arena *a, const char *text)
{
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	struct str rest = str_from(text);
	for (int32_t c; (c = utf8_next(&rest)) >= 0;)
		utf8_put(&b, c == 0x3000 ? ' ' : (uint32_t)c);
	struct str all = str_trim(buf_to_str(&b));
	size_t n = 0;
	while (n < all.n && all.p[n] != ' ')
		n++;
	struct str given = str_trim((struct str){all.p + n, all.n - n});
	if (!all.n || all.n > 200)
		return NULL;
	return json_pack(
	    "{s:s%, s:s%}", "family", all.p, n, "given", given.n ? given.p : "", given.n);
}

json_t *basic_address(struct arena *a, const char *text)
{
	static const char *const ends[] = {"都", "道", "府", "県"};
	if (!text || !text[0] || strlen(text) > 400)
		return NULL;
	struct str rest = str_from(text);
	size_t cut = 0;
	for (int i = 1; i <= 4 && !cut && utf8_next(&rest) >= 0; i++) {
		size_t at = (size_t)(rest.p - text);
		for (size_t k = 0; i >= 3 && k < COUNT(ends) && !cut; k++)
			if (str_ends((struct str){text, at}, ends[k]))
				cut = at;
	}
	return json_pack(
	    "{s:s, s:s}", "prefecture", arena_strndup(a, text, cut), "town", text + cut);
}

const char *basic_text(struct arena *a, const json_t *item)
{
	static const char *const parts[] = {
	    "family", "given", "prefecture", "city", "town", "street", "building"};
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, json_is_string(item) ? json_string_value(item) : "");
	for (size_t i = 0; i < COUNT(parts); i++)
		buf_puts(&b, json_text_or(item, parts[i], ""));
	return b.p;
}

/* --- comparing --- */

enum { GETA = 0x3013 }; /* 〓 */

static bool digit(int32_t c)
{
	return c >= '0' && c <= '9';
}

/* What stands between two numbers of an address, cut off; the number of a block may be in kanji.
 * Folded: the の is katakana. */
static bool cut_mark(struct str *s)
{
	static const char *const marks[] = {"丁目", "番地", "番", "号", "ノ", "-"};
	for (size_t i = 0; i < COUNT(marks); i++)
		if (str_starts(*s, marks[i])) {
			size_t n = strlen(marks[i]);
			*s = (struct str){s->p + n, s->n - n};
			return true;
		}
	return false;
}

/* 一 to 九十九 in front of 丁目, 番 or 号; 0: there is none. */
static int cut_kanji_number(struct str *s)
{
	static const char digits[] = "一二三四五六七八九";
	struct str rest = *s;
	int number = 0, ones = 0;
	for (;;) {
		struct str next = rest;
		char one[5] = "";
		int32_t c = utf8_next(&next);
		size_t n = (size_t)(next.p - rest.p);
		if (c < 0)
			return 0;
		memcpy(one, rest.p, n < sizeof(one) ? n : 0);
		const char *at = n == 3 ? strstr(digits, one) : NULL;
		if (at)
			ones = (int)(at - digits) / 3 + 1;
		else if (strcmp(one, "十") == 0 && number == 0)
			number = ones ? ones * 10 : 10, ones = 0;
		else
			break;
		rest = next;
	}
	number += ones;
	if (number == 0 ||
	    !(str_starts(rest, "丁目") || str_starts(rest, "番") || str_starts(rest, "号")))
		return 0;
	*s = rest;
	return number;
}

static struct str folded(struct arena *a, const char *text)
{
	struct buf b, out;
	buf_init(&b, a);
	buf_init(&out, a);
	buf_puts(&out, "");
	text_fold_search(&b, str_from(text));
	struct str rest = buf_to_str(&b);
	bool after_digit = false, mark = false;
	while (rest.n > 0) {
		int number = cut_kanji_number(&rest);
		struct str next = rest;
		int32_t c = number ? '0' : utf8_next(&next);
		if (c == ' ' || c < 0) {
			rest = next;
			continue;
		}
		if (!number && after_digit && cut_mark(&rest)) {
			mark = true;
			continue;
		}
		if (mark && digit(c))
			buf_putc(&out, '-');
		mark = false;
		after_digit = digit(c);
		if (number) {
			buf_printf(&out, "%d", number);
		} else {
			utf8_put(&out, (uint32_t)c);
			rest = next;
		}
	}
	return buf_to_str(&out);
}

bool basic_same(struct arena *a, const char *proven, const char *typed)
{
	struct str x = folded(a, proven), y = folded(a, typed);
	while (x.n > 0 && y.n > 0) {
		int32_t c = utf8_next(&x), d = utf8_next(&y);
		if (c != d && c != GETA)
			return false;
	}
	return x.n == 0 && y.n == 0;
}
