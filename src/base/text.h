/* Japanese text: width, kana, folding for search, and the tokens that search indexes. All functions
 * append to a buffer; bytes that are not UTF-8 become U+FFFD, one for each broken byte. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>

#include "base/str.h"

/* What a person typed, made even: full-width ASCII and spaces become half-width, half-width kana
 * become full-width, kana with separate voicing marks become one character, and what looks like a
 * dash becomes "-" when it follows a digit or a Latin letter ("１ー２" is "1-2"; the ー of
 * "サーバー" stays). For addresses, names of buildings, anything mixed. */
void text_to_half_width(struct buf *, struct str);
/* As text_to_half_width(), and without any white space: telephone numbers, mail addresses. */
void text_fold_number(struct buf *, struct str);
/* As text_fold_number(), and without dashes: account, postal and individual numbers. Other
 * characters stay, so that a check finds them. */
void text_fold_digits(struct buf *, struct str);

/* As text_to_half_width(), and hiragana become katakana (or back); a dash after kana becomes ー. */
void text_to_katakana(struct buf *, struct str);
void text_to_hiragana(struct buf *, struct str);

/* What is compared in a search: as text_to_katakana(); letters in lower case; variation selectors
 * (IVS: 葛󠄀 is 葛), zero-width characters and soft hyphens left out; ヶ and ヵ as ケ and
 * カ; circled and Roman numerals, ㈱, ㈲ and ㈹ as plain characters; common variant kanji of names
 * as their usual form (髙 is 高, 﨑 is 崎, 邊 and 邉 are 辺); runs of white space as one space,
 * none at the ends. The result of folding folds to itself. */
void text_fold_search(struct buf *, struct str);
/* Every word of a text that text_fold_search() has made is in another one. */
bool text_has_words(struct str folded, struct str words);
/* Adds the hiragana that somebody means who writes Japanese in Latin letters (Hepburn or 訓令式);
 * long vowels as they are spelled. False, with nothing of use added, when the text is not only such
 * syllables and spaces. */
bool text_romaji(struct buf *, struct str);
/* Private use: begins a word that no folded text holds, for what search adds to a text. */
enum { TEXT_MARK = 0xF8FF };

/* True when the text is katakana, ー, ・ and spaces with at least one katakana. Half-width kana and
 * hiragana are not: make them katakana first. */
bool text_is_katakana(struct str);

/* The tokens of a text, folded, separated by one space: Latin, Greek and Cyrillic words and numbers
 * whole; runs of kanji, kana and hangul as overlapping pairs, or as the character when the run has
 * only one. Signs separate and are left out. "東京都のRC造" is "東京 京都 都ノ rc 造". For queries.
 */
void text_bigrams(struct buf *, struct str);
/* For what is indexed: as text_bigrams(), and each character of a run as a token of its own, so
 * that a query of one character finds it at every place. "東京" is "東 東京 京". */
void text_index_tokens(struct buf *, struct str);
/* The same of a text that text_fold_search() has made. */
void text_folded_tokens(struct buf *, struct str folded);

#endif
