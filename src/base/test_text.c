#include <string.h>

#include "base/test.h"
#include "base/text.h"
#include "base/text_private.h"

typedef void (*fold_fn)(struct buf *, struct str);

struct fold_case {
	const char *from, *want;
};

static void check_folds(fold_fn fn, const char *name, const struct fold_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf b = {0}, again = {0};
		buf_puts(&b, "");
		fn(&b, str_from(cases[i].from));
		if (strcmp(b.p, cases[i].want) != 0)
			fail_msg(
			    "%s: %s became %s, not %s", name, cases[i].from, b.p, cases[i].want);
		buf_puts(&again, "");
		fn(&again, buf_to_str(&b));
		if (strcmp(b.p, again.p) != 0)
			fail_msg("%s: %s is not stable: %s", name, b.p, again.p);
		buf_free(&b);
		buf_free(&again);
	}
}

static void test_half_width(void **state)
{
	(void)state;
	static const struct fold_case cases[] = {
	    {"", ""},
	    {"ＡＢＣ　ｘｙｚ　０９！", "ABC xyz 09!"},
	    {"ｶﾞｷﾞﾊﾟｳﾞﾜﾞｱﾞ", "ガギパヴヷア゛"},
	    {"か\u3099は\u309Aカ\u3099", "がぱガ"},
	    {"１丁目２−３", "1丁目2-3"},
	    {"１ー２‐３―４ｰ５", "1-2-3-4-5"},
	    {"サーバー", "サーバー"},
	    {"ｻｰﾊﾞｰ", "サーバー"},
	    {"￥１００", "¥100"},
	    {"\xFFx", "\uFFFDx"},
	    {"葛\U000E0100城", "葛\U000E0100城"},
	    {"髙橋", "髙橋"},
	};
	check_folds(text_to_half_width, "half width", cases, COUNT(cases));
}

static void test_numbers(void **state)
{
	(void)state;
	static const struct fold_case number[] = {
	    {"０８７－８３９－２０１１", "087-839-2011"},
	    {" 087 ー 839 ー 2011 ", "087-839-2011"},
	    {"（０８７）８３９", "(087)839"},
	    {"ａ＠ｅｘａｍｐｌｅ．ｊｐ", "a@example.jp"},
	};
	check_folds(text_fold_number, "number", number, COUNT(number));
	static const struct fold_case digits[] = {
	    {"〒７６０－８５７１", "〒7608571"},
	    {"1234 5678 9018", "123456789018"},
	    {"12ー34", "1234"},
	    {"12x", "12x"},
	};
	check_folds(text_fold_digits, "digits", digits, COUNT(digits));
}

static void test_kana(void **state)
{
	(void)state;
	static const struct fold_case to_katakana[] = {
	    {"やまだ　はなこ", "ヤマダ ハナコ"},
	    {"ﾔﾏﾀﾞ ﾊﾅｺ", "ヤマダ ハナコ"},
	    {"らーめん ゝゞ ゔ", "ラーメン ヽヾ ヴ"},
	    {"スズキ−", "スズキー"},
	    {"漢字Abc", "漢字Abc"},
	};
	check_folds(text_to_katakana, "katakana", to_katakana, COUNT(to_katakana));
	static const struct fold_case to_hiragana[] = {
	    {"ヤマダ ハナコ", "やまだ はなこ"},
	    {"ラーメン ヴ ヽ", "らーめん ゔ ゝ"},
	};
	check_folds(text_to_hiragana, "hiragana", to_hiragana, COUNT(to_hiragana));

	static const struct {
		const char *text;
		bool yes;
	} is[] = {
	    {"ヤマダ ハナコ", true},
	    {"ヤマダ　ハナコ", true},
	    {"マリー・アンヌ", true},
	    {"ヴィクトリア", true},
	    {"やまだ", false},
	    {"ﾔﾏﾀﾞ", false},
	    {"山田", false},
	    {"ヤマダ1", false},
	    {"", false},
	    {" ー", false},
	    {"ヤ\xFF", false},
	};
	for (size_t i = 0; i < COUNT(is); i++)
		if (text_is_katakana(str_from(is[i].text)) != is[i].yes)
			fail_msg("%s", is[i].text);
}

static void test_search(void **state)
{
	(void)state;
	static const struct fold_case cases[] = {
	    {"  Ｍａｃｈｉ　　市役所 ", "machi 市役所"},
	    {"ひらがな", "ヒラガナ"},
	    {"ﾊﾝｶｸ", "ハンカク"},
	    {"サ－ビス", "サービス"},
	    {"１ー２", "1-2"},
	    {"１丁目−２", "1丁目-2"},
	    {"髙橋 渡邉 渡邊 山﨑 齋藤 𠮷田", "高橋 渡辺 渡辺 山崎 斎藤 吉田"},
	    {"葛\U000E0100城", "葛城"},
	    {"\uFA19社", "神社"},
	    {"が\u200Bっこう", "ガッコウ"},
	    {"霞ヶ関", "霞ケ関"},
	    {"①②⑳", "1220"},
	    {"第Ⅳ章", "第iv章"},
	    {"㈱まち", "(株)マチ"},
	    {"ÀÉ Œuvre Ž ΑΒΓ ЖЁ", "àé œuvre ž αβγ жё"},
	    {"か゛", "ガ"},
	    {"\n\t", ""},
	};
	check_folds(text_fold_search, "search", cases, COUNT(cases));
}

static void test_tokens(void **state)
{
	(void)state;
	static const struct {
		const char *text, *query, *index;
	} cases[] = {
	    {"", "", ""},
	    {"東京都", "東京 京都", "東 東京 京 京都 都"},
	    {"犬", "犬", "犬"},
	    {"東京都のRC造", "東京 京都 都ノ rc 造", "東 東京 京 京都 都 都ノ ノ rc 造"},
	    {"Dog registration", "dog registration", "dog registration"},
	    {"令和8年度", "令和 8 年度", "令 令和 和 8 年 年度 度"},
	    {"サーバー", "サー ーバ バー", "サ サー ー ーバ バ バー ー"},
	    {"佐々木", "佐々 々木", "佐 佐々 々 々木 木"},
	    {"保育所、入所。", "保育 育所 入所", "保 保育 育 育所 所 入 入所 所"},
	    {"a-b_c", "a b c", "a b c"},
	    {"café über", "café über", "café über"},
	    {"주민", "주민", "주 주민 민"},
	    {"𠮟る", "叱ル", "叱 叱ル ル"},
	    {"！？…", "", ""},
	    {"😀犬", "犬", "犬"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf q = {0}, x = {0}, folded = {0}, same = {0};
		text_bigrams(&q, str_from(cases[i].text));
		text_index_tokens(&x, str_from(cases[i].text));
		text_fold_search(&folded, str_from(cases[i].text));
		text_folded_tokens(&same, buf_to_str(&folded));
		if (!str_eq(buf_to_str(&same), buf_to_str(&x)))
			fail_msg("folded %s: %s", cases[i].text, same.p);
		if (!str_is(buf_to_str(&q), cases[i].query))
			fail_msg("query %s: %s", cases[i].text, q.p);
		if (!str_is(buf_to_str(&x), cases[i].index))
			fail_msg("index %s: %s", cases[i].text, x.p);
		buf_free(&q);
		buf_free(&x);
		buf_free(&folded);
		buf_free(&same);
	}
}

static void test_romaji(void **state)
{
	(void)state;
	static const struct {
		const char *text, *kana;
	} cases[] = {
	    {"inu", "いぬ"},
	    {"Hikkoshi", "ひっこし"},
	    {"HOIKUEN", "ほいくえん"},
	    {"ｋａｚｅｉ", "かぜい"},
	    {"jido teate", "じど てあて"},
	    {"zidou", "じどう"},
	    {"shinsei", "しんせい"},
	    {"annai", "あんない"},
	    {"matcha", "まっちゃ"},
	    {"kyuukyuusha", "きゅうきゅうしゃ"},
	    {"genkyoutodoke", "げんきょうとどけ"},
	    {"dog", NULL},
	    {"犬", NULL},
	    {"kk", NULL},
	    {"", NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = {0};
		bool yes = text_romaji(&b, str_from(cases[i].text));
		if (yes != (cases[i].kana != NULL) ||
		    (yes && !str_is(buf_to_str(&b), cases[i].kana)))
			fail_msg("%s: %s", cases[i].text, b.p ? b.p : "");
		buf_free(&b);
	}
	assert_true(text_has_words(STR("転入届 出"), STR("転入 出")));
	assert_false(text_has_words(STR("転入届"), STR("転入 出")));
	assert_true(text_has_words(STR(""), STR(" ")));
	assert_false(text_has_words(STR(""), STR("a")));
}

static void test_variants_are_sorted(void **state)
{
	(void)state;
	for (size_t i = 0; i < text_variants_count; i++) {
		if (i && text_variants[i * 2] <= text_variants[i * 2 - 2])
			fail_msg("pair %zu", i);
		for (size_t k = 0; k < text_variants_count; k++)
			if (text_variants[k * 2] == text_variants[i * 2 + 1])
				fail_msg("U+%X becomes a variant", (unsigned)text_variants[i * 2]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_half_width),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_kana),
	    cmocka_unit_test(test_search),
	    cmocka_unit_test(test_tokens),
	    cmocka_unit_test(test_romaji),
	    cmocka_unit_test(test_variants_are_sorted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
