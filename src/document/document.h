/* Output documents: PDF from a template and a view, sealed, signed (PAdES), verifiable. */
#ifndef DOCUMENT_DOCUMENT_H
#define DOCUMENT_DOCUMENT_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "web/city.h"

/* --- pages ---
 * A page template is a layout, templates/document/pdf/<name>.yaml ("pack/name":
 * templates/<pack>/pdf/ <name>.yaml); a city's own are in <city>/custom/. There are: certificate,
 * decision, refusal, receipt, application (answers as submitted), paper (blank form). The view has,
 * each as it is needed: title, number, date_text, to: [lines], from: [lines; the last is who
 * signs], body: [paragraphs], rows: [{label, value}], tables: [{title, columns: [text or {label,
 * width, align}], rows: [[...]]}], notes: [...], reason: [paragraphs], appeal: [paragraphs],
 * contact: [lines], seal: bool, closing: text after the rows, certify: bool
 * (上記のとおり証明します。), watermark, code_text, verify_url, verify_page (all three set by
 * document.issue) receipt: receipt_number, status_url application: sections: [{title, rows or
 * groups: [{title, rows}]}], receipt_number paper: sections: form_section_view() in mode "paper",
 * procedure, version, apply_url Values are plain text. */

/* Renders an unsigned PDF (Cairo, Pango, embedded fonts) in a worker process. Thread-safe; waits.
 */
int document_render(struct city *, struct arena *, const char *template, const char *lang,
    json_t *view, struct str *pdf, struct err *);
/* Appends a PAdES B-B signature (ETSI EN 319 142-1) as an incremental update, with the city's key:
 * <dir>/keys/sign.key + sign.crt, or a test authority's that is made on first use. */
int document_sign(struct city *, struct arena *, struct str pdf, const char *reason,
    struct str *out, struct err *);

/* --- worker processes ---
 * Has a worker process do a task ("render", "seal"): parts go there, *out (on the arena) comes
 * back. A worker that dies or is later than timeout_ms is killed and replaced; then ERR_IO, and the
 * call may be made again. Thread-safe; waits. */
int worker_call(struct arena *, const char *task, const struct str *parts, int nparts,
    int timeout_ms, struct str *out, struct err *);

/* --- documents that were issued --- */
struct document {
	int64_t id;
	const char *code; /* 16 base32 characters; the verification page is /verify/<code> */
	const char *kind, *number, *title, *blob, *subject; /* subject "application:12" */
	int64_t issued_us, journal_id;
	bool revoked;
};
/* Queues making a document inside a write; the job document.issue renders, signs, stores, journals
 * ("document.issued") and sends the notice `notice_kind` (NULL: none) to the applicant. */
int document_request(struct db *, const char *subject, const char *kind, const char *template,
    const char *lang, json_t *view, const char *notice_kind, struct err *);
int document_of(
    struct db *, struct arena *, const char *subject, struct document **out, struct err *);
int document_by_code(struct db *, struct arena *, const char *code, struct document **out,
    struct err *); /* 1, 0, <0 */

#endif
