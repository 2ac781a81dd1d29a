/* Reads gettext .po files. Only what catalogues of keys need: msgid and msgstr; contexts and plural
 * forms are refused with a message, since a key takes their place. */
#ifndef BASE_PO_H
#define BASE_PO_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct po_entry {
	struct str id;   /* NUL-terminated, in the arena given to po_parse() */
	struct str text; /* likewise; empty: not translated yet */
	bool fuzzy;      /* flagged "#, fuzzy": the translation is a guess */
	int line;        /* of msgid */
};

/* Calls fn for each entry but the header (msgid "") until it returns non-zero, and returns that.
 * A syntax error, bytes that are not UTF-8 and a charset other than UTF-8 are ERR_INPUT with
 * "name:line: what" as detail. Obsolete entries (#~) are skipped. */
int po_parse(struct arena *, struct str po, const char *name,
    int (*fn)(void *arg, const struct po_entry *, struct err *), void *arg, struct err *);

#endif
