/* Mustache templates (the official specification with inheritance), compiled once per language,
 * auto-escaped.
 *
 * False for a section: false, null, absent, "" and []. Everything else is true, also 0 and {}.
 * Layouts are parents: {{<web/layout}}{{$main}}...{{/main}}{{/web/layout}}.
 *
 * Beyond the specification, all inside ordinary tags:
 *   {{t.some.key}}      text of the message catalogue in the template's language, put in when the
 *                       template is compiled; {name} holes are filled from the view
 *   {{tr label}}        catalogue text whose key is the view's value `label`, holes as above
 *   {{.help}}           only in the innermost object, never from an outer one; also {{#.help}}.
 *                       Components use it, so that a field without help does not show its section's
 *   {{#?rows}} … {{/?rows}}   once when rows is true, without going into it: the frame of a list
 *   {{date v}} {{era v}} {{datetime v}} {{yen v}} {{number v}} {{bytes v}}
 *                       formatted values; dates are 2026年11月21日, 令和8年11月21日,
 *                       21 November 2026; instants are microseconds UTC
 *   {{url v}}           percent-encoded for a query or path part
 *   {{json v}}          JSON, safe inside a single-quoted attribute or a script data block
 *   {{> name}}          partial templates/name.html
 * A value that is not what its tag formats is shown as it is.
 * Templates whose name ends with .txt are plain text: nothing in them is escaped.
 * {{{v}}} and {{&v}} are unescaped; in {{{t.key}}} the catalogue's text is, what fills its holes is
 * not. */
#ifndef WEB_TEMPLATE_H
#define WEB_TEMPLATE_H

#include <jansson.h>

#include "base/err.h"
#include "base/i18n.h"
#include "base/str.h"

struct templates; /* a set: compiled templates of one city, by (name, language) */

/* Finds the source of a template; 0 and *out, or ERR_MISSING. */
typedef int (*template_source_fn)(
    void *arg, struct arena *, const char *name, struct str *out, struct err *);

struct templates *templates_new(template_source_fn, void *arg, const struct i18n *);
void templates_free(struct templates *);

/* Renders into out; compiles on first use (thread-safe). Unknown keys render as nothing. */
int template_render(struct templates *, const char *name, const char *lang, json_t *view,
    struct buf *out, struct err *);

/* The same inside a frame, an object that the view is looked at before: what many pages share need
 * not be copied into each view. NULL: none. */
int template_render_in(struct templates *, const char *name, const char *lang, json_t *frame,
    json_t *view, struct buf *out, struct err *err);

/* Compiles and renders one text; for tests, mails, and texts of definitions. */
int template_render_text(struct templates *, struct str text, const char *lang, json_t *view,
    struct buf *out, struct err *);

/* The same for a text that is no HTML (mails, values of documents): nothing is escaped. */
int template_render_plain(struct templates *, struct str text, const char *lang, json_t *view,
    struct buf *out, struct err *err);

/* Compiles without keeping anything, and is strict: a partial or a catalogue text (in this
 * language) that does not exist is an error, as is whatever template_render() refuses. For tests
 * and `machi check`. */
int template_check(struct templates *, const char *name, const char *lang, struct err *);

/* The text of another file among the templates ("document/pdf/receipt.yaml"), as it was when they
 * were read; on the arena, or as long as the set. ERR_MISSING when there is none. Any thread. */
int template_text(
    struct templates *, struct arena *, const char *name, struct str *out, struct err *);

#endif
