/* Japanese in Latin letters, as somebody types it whose keyboard has nothing else. */
#include <string.h>

#include "base/text.h"

/* clang-format off */
static const struct {
	const char *latin, *kana;
} syllables[] = {
    {"a", "あ"}, {"i", "い"}, {"u", "う"}, {"e", "え"}, {"o", "お"}, {"ka", "か"}, {"ki", "き"},
    {"ku", "く"}, {"ke", "け"}, {"ko", "こ"}, {"sa", "さ"}, {"si", "し"}, {"su", "す"},
    {"se", "せ"}, {"so", "そ"}, {"ta", "た"}, {"ti", "ち"}, {"tu", "つ"}, {"te", "て"},
    {"to", "と"}, {"na", "な"}, {"ni", "に"}, {"nu", "ぬ"}, {"ne", "ね"}, {"no", "の"},
    {"ha", "は"}, {"hi", "ひ"}, {"hu", "ふ"}, {"he", "へ"}, {"ho", "ほ"}, {"ma", "ま"},
    {"mi", "み"}, {"mu", "む"}, {"me", "め"}, {"mo", "も"}, {"ra", "ら"}, {"ri", "り"},
    {"ru", "る"}, {"re", "れ"}, {"ro", "ろ"}, {"ga", "が"}, {"gi", "ぎ"}, {"gu", "ぐ"},
    {"ge", "げ"}, {"go", "ご"}, {"za", "ざ"}, {"zi", "じ"}, {"zu", "ず"}, {"ze", "ぜ"},
    {"zo", "ぞ"}, {"da", "だ"}, {"di", "ぢ"}, {"du", "づ"}, {"de", "で"}, {"do", "ど"},
    {"ba", "ば"}, {"bi", "び"}, {"bu", "ぶ"}, {"be", "べ"}, {"bo", "ぼ"}, {"pa", "ぱ"},
    {"pi", "ぴ"}, {"pu", "ぷ"}, {"pe", "ぺ"}, {"po", "ぽ"}, {"ya", "や"}, {"yu", "ゆ"},
    {"yo", "よ"}, {"wa", "わ"}, {"wo", "を"}, {"shi", "し"}, {"chi", "ち"}, {"tsu", "つ"},
    {"fu", "ふ"}, {"ji", "じ"}, {"kya", "きゃ"}, {"kyu", "きゅ"}, {"kyo", "きょ"}, {"sha", "しゃ"},
    {"shu", "しゅ"}, {"sho", "しょ"}, {"sya", "しゃ"}, {"syu", "しゅ"}, {"syo", "しょ"},
    {"cha", "ちゃ"}, {"chu", "ちゅ"}, {"cho", "ちょ"}, {"tya", "ちゃ"}, {"tyu", "ちゅ"},
    {"tyo", "ちょ"}, {"nya", "にゃ"}, {"nyu", "にゅ"}, {"nyo", "にょ"}, {"hya", "ひゃ"},
    {"hyu", "ひゅ"}, {"hyo", "ひょ"}, {"mya", "みゃ"}, {"myu", "みゅ"}, {"myo", "みょ"},
    {"rya", "りゃ"}, {"ryu", "りゅ"}, {"ryo", "りょ"}, {"gya", "ぎゃ"}, {"gyu", "ぎゅ"},
    {"gyo", "ぎょ"}, {"ja", "じゃ"}, {"ju", "じゅ"}, {"jo", "じょ"}, {"jya", "じゃ"}, {"jyu", "じゅ"},
    {"jyo", "じょ"}, {"zya", "じゃ"}, {"zyu", "じゅ"}, {"zyo", "じょ"}, {"bya", "びゃ"},
    {"byu", "びゅ"}, {"byo", "びょ"}, {"pya", "ぴゃ"}, {"pyu", "ぴゅ"}, {"pyo", "ぴょ"},
};
/* clang-format on */

/* The longest syllable that the text begins with; NULL: none. */
static const char *syllable(struct str s, size_t *used)
{
	const char *kana = NULL;
	*used = 0;
	for (size_t i = 0; i < COUNT(syllables); i++) {
		size_t n = strlen(syllables[i].latin);
		if (n > *used && n <= s.n && memcmp(s.p, syllables[i].latin, n) == 0) {
			kana = syllables[i].kana;
			*used = n;
		}
	}
	return kana;
}

/* A consonant written twice is a stop (kk), also tch; nn is not. */
static bool stops(struct str s)
{
	return s.n > 2 && ((s.p[0] == s.p[1] && strchr("kstpgzdb", s.p[0])) ||
	                      (s.p[0] == 't' && s.p[1] == 'c' && s.p[2] == 'h'));
}

bool text_romaji(struct buf *out, struct str text)
{
	struct buf folded = {0};
	text_fold_search(&folded, text);
	struct str s = buf_to_str(&folded);
	bool ok = s.n > 0;
	while (ok && s.n > 0) {
		size_t used = 1;
		const char *kana = s.p[0] == ' ' ? " " : stops(s) ? "っ" : syllable(s, &used);
		if (!kana && s.p[0] == 'n') { /* not before a vowel; n' says so */
			kana = "ん";
			used = s.n > 1 && (s.p[1] == '\'' || (s.p[1] == 'n' && s.n == 2)) ? 2 : 1;
		}
		ok = kana != NULL;
		if (ok) {
			buf_puts(out, kana);
			s = (struct str){s.p + used, s.n - used};
		}
	}
	buf_free(&folded);
	return ok;
}
