#include "base/text.h"

#include <stdio.h>
#include <string.h>

#include "base/text_private.h"

/* A text goes through in one pass, one character behind: a voicing mark joins the character before
 * it. What is done to a character:
 *
 *   1. width: full-width ASCII, half-width kana, the ideographic space
 *   2. a voicing mark (combining, half-width, or the sign ゛) joins the kana before it
 *   3. a dash becomes - or ー by what stands before it
 *   4. kana are turned, letters lowered, variants replaced, as the mode says
 *
 * The order matters: 2 needs the kana of 1, and 3 sees what 4 has written. */
enum mode {
	MODE_KATAKANA = 1,
	MODE_HIRAGANA = 2,
	MODE_SEARCH = 4,   /* case, variants, numerals, white space made one */
	MODE_NO_SPACE = 8, /* white space is left out */
	MODE_NO_DASH = 16,
};

struct folder {
	struct buf *out;
	unsigned mode;
	uint32_t held; /* after steps 1 and 2, not yet written; 0: none */
	uint32_t last; /* the last character written; 0: none */
	bool space;    /* MODE_SEARCH: white space waits for a character behind it */
};

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_latin(uint32_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_kana(uint32_t c)
{
	return (c >= 0x3041 && c <= 0x3096) || (c >= 0x30A1 && c <= 0x30FA) || c == 0x30FC;
}

static bool is_space(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xA0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
	       c == 0x205F || c == 0x3000;
}

/* Step 1. */
static uint32_t to_even_width(uint32_t c)
{
	static const uint16_t kana[] = {/* U+FF61 … U+FF9F */
	    u'。', u'「', u'」', u'、', u'・', u'ヲ', u'ァ', u'ィ', u'ゥ', u'ェ', u'ォ', u'ャ',
	    u'ュ', u'ョ', u'ッ', u'ー', u'ア', u'イ', u'ウ', u'エ', u'オ', u'カ', u'キ', u'ク',
	    u'ケ', u'コ', u'サ', u'シ', u'ス', u'セ', u'ソ', u'タ', u'チ', u'ツ', u'テ', u'ト',
	    u'ナ', u'ニ', u'ヌ', u'ネ', u'ノ', u'ハ', u'ヒ', u'フ', u'ヘ', u'ホ', u'マ', u'ミ',
	    u'ム', u'メ', u'モ', u'ヤ', u'ユ', u'ヨ', u'ラ', u'リ', u'ル', u'レ', u'ロ', u'ワ',
	    u'ン', u'゛', u'゜'};
	_Static_assert(COUNT(kana) == 0xFFA0 - 0xFF61, "one for each");
	if (c >= 0xFF01 && c <= 0xFF5E)
		return c - 0xFEE0;
	if (c >= 0xFF61 && c <= 0xFF9F)
		return kana[c - 0xFF61];
	switch (c) {
	case 0x3000:
		return ' ';
	case 0xFFE0: /* ￠ */
		return 0xA2;
	case 0xFFE1: /* ￡ */
		return 0xA3;
	case 0xFFE5: /* ￥ */
		return 0xA5;
	default:
		return c;
	}
}

/* Step 2: the kana with its mark (voiced or half-voiced), or 0 when it has no such form. */
static uint32_t join_mark(uint32_t c, bool half)
{
	bool katakana = c >= 0x30A1 && c <= 0x30FA;
	uint32_t k = katakana ? c - 0x60 : c; /* as hiragana */
	bool h_row = k >= u'は' && k <= u'ほ' && (k - u'は') % 3 == 0;
	if (half)
		return h_row ? c + 2 : 0;
	if (h_row)
		return c + 1;
	if (k >= u'か' && k <= u'ぢ' && k % 2 == 1) /* か to ち stand at odd places */
		return c + 1;
	if (k == u'つ' || k == u'て' || k == u'と')
		return c + 1;
	if (k == u'う')
		return c + (u'ゔ' - u'う');
	if (katakana && c >= u'ワ' && c <= u'ヲ')
		return c + (u'ヷ' - u'ワ');
	return 0;
}

static uint32_t to_lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
	if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) ||
	    (c >= 0x410 && c <= 0x42F))
		return c + 0x20;
	if (c >= 0x400 && c <= 0x40F)
		return c + 0x50;
	/* Latin Extended-A: pairs, capital first; in two stretches the capital is odd */
	bool odd = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E);
	if (c >= 0x100 && c <= 0x17E && c != 0x130 && c != 0x131 && c != 0x138 && c != 0x149 &&
	    c != 0x178)
		return c % 2 == odd ? c + 1 : c;
	return c;
}

static uint32_t to_usual(uint32_t c)
{
	if (c < text_variants[0])
		return c;
	size_t low = 0, high = text_variants_count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (text_variants[mid * 2] < c)
			low = mid + 1;
		else
			high = mid;
	}
	bool found = low < text_variants_count && text_variants[low * 2] == c;
	return found ? text_variants[low * 2 + 1] : c;
}

static void put(struct folder *f, uint32_t c)
{
	if (f->space && f->last)
		utf8_put(f->out, ' ');
	f->space = false;
	utf8_put(f->out, c);
	f->last = c;
}

/* Characters that are several plain ones. */
static const char *spelled(uint32_t c, char digits[static 4])
{
	static const char *const roman[] = {
	    "i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"};
	if (c >= 0x2460 && c <= 0x2473) { /* ① … ⑳ */
		(void)snprintf(digits, 4, "%u", (unsigned)(c - 0x2460 + 1) & 31);
		return digits;
	}
	if (c >= 0x2160 && c <= 0x216B)
		return roman[c - 0x2160];
	if (c >= 0x2170 && c <= 0x217B)
		return roman[c - 0x2170];
	switch (c) {
	case 0x3231:
		return "(株)";
	case 0x3232:
		return "(有)";
	case 0x3239:
		return "(代)";
	default:
		return NULL;
	}
}

static bool is_dash(uint32_t c)
{
	return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xFE63 ||
	       c == 0x2500 || c == 0x2501 || c == 0x30FC;
}

/* Steps 3 and 4. */
static void write(struct folder *f, uint32_t c)
{
	if (is_space(c) || (c == TEXT_MARK && (f->mode & MODE_SEARCH))) {
		if (f->mode & MODE_NO_SPACE)
			return;
		if (f->mode & MODE_SEARCH)
			f->space = true;
		else
			put(f, c);
		return;
	}
	bool kana_wanted = f->mode & (MODE_KATAKANA | MODE_HIRAGANA);
	if (is_dash(c)) {
		bool numbers = f->mode & (MODE_NO_SPACE | MODE_NO_DASH);
		if (numbers || is_digit(f->last) || is_latin(f->last))
			c = '-';
		else if (kana_wanted && is_kana(f->last) && !f->space)
			c = 0x30FC;
		else if ((f->mode & MODE_SEARCH) && c != 0x30FC)
			c = '-';
		if (c == '-' && (f->mode & MODE_NO_DASH))
			return;
	}
	if (f->mode & MODE_KATAKANA) {
		if ((c >= 0x3041 && c <= 0x3096) || c == 0x309D || c == 0x309E)
			c += 0x60;
	} else if (f->mode & MODE_HIRAGANA) {
		if ((c >= 0x30A1 && c <= 0x30F6) || c == 0x30FD || c == 0x30FE)
			c -= 0x60;
	}
	if (f->mode & MODE_SEARCH) {
		char digits[4];
		const char *plain = spelled(c, digits);
		if (plain) {
			for (struct str s = str_from(plain); s.n;)
				put(f, (uint32_t)utf8_next(&s));
			return;
		}
		c = c == u'ヶ' ? u'ケ' : c == u'ヵ' ? u'カ' : to_usual(to_lower(c));
	}
	put(f, c);
}

static bool is_invisible(uint32_t c)
{
	return c == 0xAD || (c >= 0x200B && c <= 0x200F) || c == 0x2060 || c == 0xFEFF ||
	       (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0xE0100 && c <= 0xE01EF);
}

static void take(struct folder *f, uint32_t c)
{
	bool combining = c == 0x3099 || c == 0x309A || c == 0xFF9E || c == 0xFF9F;
	if ((f->mode & MODE_SEARCH) && is_invisible(c))
		return;
	c = to_even_width(c);
	bool spacing = (f->mode & MODE_SEARCH) && (c == u'゛' || c == u'゜');
	if (f->held && (combining || spacing)) {
		uint32_t joined = join_mark(f->held, c == 0x309A || c == u'゜');
		if (joined) {
			f->held = joined;
			return;
		}
	}
	if (f->held)
		write(f, f->held);
	f->held = c;
}

static void fold(struct buf *out, struct str s, unsigned mode)
{
	struct folder f = {.out = out, .mode = mode};
	buf_reserve(out, s.n);
	while (s.n) {
		int32_t c = utf8_next(&s);
		if (c < 0) {
			c = 0xFFFD;
			s.p++;
			s.n--;
		}
		/* NUL would end the text for C; it cannot be held either. */
		take(&f, c ? (uint32_t)c : 0xFFFD);
	}
	if (f.held)
		write(&f, f.held);
}

void text_to_half_width(struct buf *out, struct str s)
{
	fold(out, s, 0);
}

void text_fold_number(struct buf *out, struct str s)
{
	fold(out, s, MODE_NO_SPACE);
}

void text_fold_digits(struct buf *out, struct str s)
{
	fold(out, s, MODE_NO_SPACE | MODE_NO_DASH);
}

void text_to_katakana(struct buf *out, struct str s)
{
	fold(out, s, MODE_KATAKANA);
}

void text_to_hiragana(struct buf *out, struct str s)
{
	fold(out, s, MODE_HIRAGANA);
}

void text_fold_search(struct buf *out, struct str s)
{
	fold(out, s, MODE_SEARCH | MODE_KATAKANA);
}

bool text_has_words(struct str folded, struct str words)
{
	struct str word;
	while (str_cut(&words, ' ', &word))
		if (word.n && (!folded.n || !memmem(folded.p, folded.n, word.p, word.n)))
			return false;
	return true;
}

bool text_is_katakana(struct str s)
{
	bool some = false;
	while (s.n) {
		int32_t c = utf8_next(&s);
		if (c < 0)
			return false;
		if ((c >= 0x30A1 && c <= 0x30FA) || c == 0x30FD || c == 0x30FE)
			some = true;
		else if (c != 0x30FB && c != 0x30FC && c != ' ' && c != 0x3000)
			return false;
	}
	return some;
}

/* --- tokens --- */

enum script { SCRIPT_NONE, SCRIPT_WORD, SCRIPT_PAIRS };

/* Of a folded character. */
static enum script script_of(uint32_t c)
{
	if (is_digit(c) || is_latin(c) || c == TEXT_MARK)
		return SCRIPT_WORD;
	if (c < 0xAA)
		return SCRIPT_NONE;
	if (c < 0x1100) /* letters of alphabets; their signs do no harm */
		return c == 0xAA || c == 0xB5 || c == 0xBA || (c >= 0xC0 && c != 0xD7 && c != 0xF7)
		           ? SCRIPT_WORD
		           : SCRIPT_NONE;
	if (c < 0x1200) /* hangul jamo */
		return SCRIPT_PAIRS;
	if (c < 0x2000)
		return SCRIPT_WORD;
	if ((c >= 0x2E80 && c <= 0x2FDF) || (c >= 0x3005 && c <= 0x3007) ||
	    (c >= 0x3021 && c <= 0x3029) || (c >= 0x3031 && c <= 0x3035) ||
	    (c >= 0x3038 && c <= 0x303C) || (c >= 0x3041 && c <= 0x3096) || c == 0x309D ||
	    c == 0x309E || (c >= 0x30A1 && c <= 0x30FA) || (c >= 0x30FC && c <= 0x318E) ||
	    (c >= 0x31A0 && c <= 0x31FF) || (c >= 0x3400 && c <= 0x4DBF) ||
	    (c >= 0x4E00 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7FF) ||
	    (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x1B000 && c <= 0x1B16F) ||
	    (c >= 0x20000 && c <= 0x3FFFD))
		return SCRIPT_PAIRS;
	return SCRIPT_NONE;
}

/* A token more: the text from begin to end. */
static void add_token(struct buf *out, size_t start, const char *begin, const char *end)
{
	if (out->n > start)
		buf_putc(out, ' ');
	buf_add(out, begin, (size_t)(end - begin));
}

/* Where the first character of what stands from p to end is over. */
static const char *after_one(const char *p, const char *end)
{
	struct str rest = {p, (size_t)(end - p)};
	(void)utf8_next(&rest); /* folded text is UTF-8 */
	return rest.p;
}

/* A run of kanji, kana or hangul, which is not empty. */
static void run_tokens(
    struct buf *out, size_t start, const char *begin, const char *end, bool single_too)
{
	const char *second = after_one(begin, end);
	if (single_too || second == end)
		add_token(out, start, begin, second);
	for (const char *first = begin; second != end;
	     first = second, second = after_one(second, end)) {
		const char *pair_end = after_one(second, end);
		add_token(out, start, first, pair_end);
		if (single_too)
			add_token(out, start, second, pair_end);
	}
}

static void tokens_of_folded(struct buf *out, struct str folded, bool single_too)
{
	size_t start = out->n;
	for (struct str s = folded; s.n;) {
		struct str run = s;
		enum script script = script_of((uint32_t)utf8_next(&s));
		for (struct str rest = s;
		     rest.n && script_of((uint32_t)utf8_next(&rest)) == script;)
			s = rest;
		if (script == SCRIPT_WORD)
			add_token(out, start, run.p, s.p);
		else if (script == SCRIPT_PAIRS)
			run_tokens(out, start, run.p, s.p, single_too);
	}
}

static void tokens(struct buf *out, struct str text, bool single_too)
{
	struct buf folded = {0};
	text_fold_search(&folded, text);
	tokens_of_folded(out, buf_to_str(&folded), single_too);
	buf_free(&folded);
}

void text_bigrams(struct buf *out, struct str s)
{
	tokens(out, s, false);
}

void text_index_tokens(struct buf *out, struct str s)
{
	tokens(out, s, true);
}

void text_folded_tokens(struct buf *out, struct str folded)
{
	tokens_of_folded(out, folded, true);
}
