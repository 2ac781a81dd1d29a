/* The basic items of a person (基本4情報) as outsiders write them, a card's certificate or an
 * OpenID provider, and as people type them. */
#ifndef IDENTITY_BASIC_H
#define IDENTITY_BASIC_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"

/* "山田 太郎" and "山田　太郎" as {family, given} of a profile. Without a space the whole is the
 * family name: nobody guesses where it ends. New reference; NULL: nothing, or too long. */
json_t *basic_name(struct arena *, const char *text);
/* "香川県高松市番町一丁目8番15号" as an address of a profile: the prefecture ends where it says so;
 * the rest stays together, to be looked through by its owner. New reference; NULL as above. */
json_t *basic_address(struct arena *, const char *text);
/* An item of a profile or of a form (a text, a name, an address) in one line without the postal
 * code; "" for none. On the arena. */
const char *basic_text(struct arena *, const json_t *item);
/* Do both say the same? Spaces, widths, variant kanji and ways to write a house number do not count
 * ("一丁目８番１５号" is "1-8-15"); 〓 in `proven` stands for any one character. */
bool basic_same(struct arena *, const char *proven, const char *typed);

#endif
