/* Files built into the program by tools/embed.py, so that one file is the whole of machi.
 *
 *   in the tree                          path here
 *   src/<module>/migrations/X.sql        migrations/<module>/X.sql
 *   src/<module>/templates/X             templates/<module>/X      (packs/<pack>/templates
 * likewise) src/<module>/i18n/ja.po              i18n/<module>.ja.po       (packs likewise)
 *   assets/X                             assets/X
 *   packs/<pack>/procedures/X.yaml       packs/<pack>/procedures/X.yaml
 *   data/X                               data/X
 */
#ifndef BASE_RESOURCE_H
#define BASE_RESOURCE_H

#include <stdbool.h>

#include "base/str.h"

/* The bytes of a built-in file (NUL-terminated after the end); false when there is none. */
bool resource_find(const char *path, struct str *out);

/* Calls fn for each path that starts with prefix, in sorted order, until fn returns non-zero, and
 * returns that. */
int resource_each(
    const char *prefix, int (*fn)(void *arg, const char *path, struct str bytes), void *arg);

#endif
