/* Output documents: PDF from a template and a view, sealed, signed (PAdES), verifiable. */
#ifndef DOCUMENT_DOCUMENT_H
#define DOCUMENT_DOCUMENT_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "web/city.h"

/* What a page template of templates/pdf/<name>.yaml is given:
 *   title, number, date_text, to: [lines], from: [lines], body: [paragraphs],
 *   rows: [{label, value}], tables: [{title, columns:[...], rows:[[...]]}], notes: [...],
 *   appeal: [paragraphs], verify_url, seal: bool, lang, watermark */

/* Renders an unsigned PDF (Cairo, Pango, embedded fonts) in the worker process. */
int document_render(struct city *, struct arena *, const char *template, json_t *view,
    struct str *pdf, struct err *);
/* Appends a PAdES B-B signature (ETSI EN 319 142-1) as an incremental update, with the city's key:
 * <dir>/keys/sign.key + sign.crt, or a test authority's that is made on first use. */
int document_sign(struct city *, struct arena *, struct str pdf, const char *reason, struct str *out,
    struct err *);

struct document {
	int64_t id;
	const char *code;     /* 16 base32 characters; the verification page is /verify/<code> */
	const char *kind, *number, *title, *blob, *subject; /* subject "application:12" */
	int64_t issued_us, journal_id;
	bool revoked;
};
/* Queues making a document inside a write; the job document.issue renders, signs, stores, journals
 * ("document.issued") and sends the notice `notice_kind` (NULL: none) to the applicant. */
int document_request(struct db *, const char *subject, const char *kind, const char *template,
    const char *lang, json_t *view, const char *notice_kind, struct err *);
int document_of(struct db *, struct arena *, const char *subject, struct document **out, struct err *);
int document_by_code(struct db *, struct arena *, const char *code, struct document **out,
    struct err *); /* 1, 0, <0 */

#endif
