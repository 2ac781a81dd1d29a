/* Message catalogues: gettext .po files, msgid is a key ("form.required"), ja is the source. */
#ifndef BASE_I18N_H
#define BASE_I18N_H

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

struct i18n;

struct i18n *i18n_new(void);
void i18n_free(struct i18n *);
/* Adds a .po file's messages for a language; later files replace earlier keys. name is for errors:
 * "file:line: what". */
int i18n_load(struct i18n *, const char *lang, const char *name, struct str po, struct err *);
/* The text of a key; falls back to ja, then to the key itself. Owned by the catalogue. */
const char *i18n_get(const struct i18n *, const char *lang, const char *key);
/* NULL instead of a fallback. */
const char *i18n_find(const struct i18n *, const char *lang, const char *key);
/* Replaces {name} in the text by args' member (text or whole number; other types as JSON). args may
 * be NULL. On the arena. */
char *i18n_format(
    const struct i18n *, struct arena *, const char *lang, const char *key, json_t *args);

#endif
