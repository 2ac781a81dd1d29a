/* Shared by the text*.c files only. */
#ifndef BASE_TEXT_PRIVATE_H
#define BASE_TEXT_PRIVATE_H

#include <uchar.h>

#include "base/str.h"

/* Pairs of a variant and its usual form, sorted by the variant; no usual form is a variant of
 * another. */
extern const char32_t text_variants[];
extern const size_t text_variants_count; /* pairs */

#endif
