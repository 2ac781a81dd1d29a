/* Output documents: PDF from a template and a view, sealed, signed (PAdES), verifiable. */
#ifndef DOCUMENT_DOCUMENT_H
#define DOCUMENT_DOCUMENT_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "web/city.h"

struct module;
struct request;

/* --- pages ---
 *
 * A page template is a layout: "certificate" is templates/document/pdf/certificate.yaml, "dogs/tag"
 * is templates/dogs/pdf/tag.yaml; a city's own are in <city>/custom/. Texts of the view, all plain
 * text and each only where it is needed:
 *
 * - title, number, date_text, watermark
 * - to: lines of the addressee; from: lines of the issuer, the last is who signs; contact: lines
 * - body, reason, appeal: paragraphs; notes: texts; closing: text after the rows
 * - certify: true adds 上記のとおり証明します。; seal: true adds the official seal
 * - rows: [{label, value}]
 * - tables: [{title, columns: [text or {label, width, align}], rows: [[text]]}]
 * - code_text, verify_url, verify_page: the foot for checking; document.issue sets them
 *
 * Templates: certificate, decision, refusal; receipt (receipt_number, status_url); application
 * (receipt_number, sections: [{title, rows or groups: [{title, rows}]}]); paper (sections: of
 * form_section_view() in mode "paper", procedure, version, apply_url). */

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

/* --- files that somebody sent --- */

/* Looks at a file before it is kept: by the virus scanner (setting clamd; any type), and in a
 * worker (PDF, PNG, JPEG: type as found from the bytes, not as said). *found is NULL when it may
 * come in, else "infected", "unchecked" (the scanner did not answer), "damaged", "locked" (a
 * password), "active" (scripts, programs or files inside) or "large" (pixels); static. Thread-safe;
 * waits: call it from rq_defer. <0: the file cannot be read. */
int file_look(
    struct city *, const char *type, int fd, int64_t size, const char **found, struct err *);

/* --- documents that were issued --- */

struct document {
	int64_t id;
	const char *code; /* 16 characters of Crockford's base32; the page is /verify/<code> */
	const char *kind, *number, *title; /* number may be NULL */
	const char *subject;               /* what it is about: "application:12" */
	const char *lang;
	const char *blob; /* the file; the name is its SHA-256 */
	int64_t size;
	int64_t issued_us, journal_id;
	bool revoked;
	int64_t revoked_us;
	const char *revoked_reason; /* for staff; NULL when valid */
};

/* Inside a write: takes number and code, and queues the job document.issue, which renders, signs,
 * stores and journals the document ("document.issued", subject "document:<SHA-256 of the file>")
 * and sends the notice notice_kind (NULL: none) to whom the hook `recipient` names. kind is the
 * definition's id of the document ("certificate"). The view is that of document_render(); besides
 *
 * - series: the number's pattern, {n} is the next of its series in this fiscal year, {y} the year
 * of the era: "高生衛第{n}号" (or number: as it is, or neither)
 * - date_text: of today when it is missing
 *
 * A subject has one valid document of a kind: asked again, it is left as it is, and *id (may be
 * NULL) is its row. To issue it anew revoke it first. */
int document_request(struct db *, const char *subject, const char *kind, const char *template,
    const char *lang, json_t *view, const char *notice_kind, int64_t *id, struct err *);
/* The documents of a subject that are issued, oldest first; returns the count or <0. */
int document_of(
    struct db *, struct arena *, const char *subject, struct document **out, struct err *);
/* 1, 0, <0. Codes are found with hyphens, spaces and small letters too, and with O, I, L for 0,
 * 1, 1. */
int document_by_code(
    struct db *, struct arena *, const char *code, struct document **out, struct err *);
/* By the SHA-256 of the file, hexadecimal. 1, 0, <0. */
int document_by_hash(
    struct db *, struct arena *, const char *hash, struct document **out, struct err *);
/* Inside a write: the document is no longer valid (a mistake, a newer one, a cancelled decision).
 * ERR_CONFLICT "document.revoked_already". */
int document_revoke(struct db *, int64_t id, const char *actor, const char *reason, struct err *);
/* Inside a write: all of a subject that are valid, when what they rest on is gone (a cancelled
 * decision). One that is still being made is revoked as soon as it is there: see void_reason below.
 * Returns how many, or <0. */
int document_revoke_all(
    struct db *, const char *subject, const char *actor, const char *reason, struct err *);
/* Inside a write, at the end of the retention period: the files and views of a subject's documents
 * go, and what the journal says of them beyond its leaves; kind, title, number, code and hash stay,
 * so that a copy can still be verified. */
int document_erase(struct db *, const char *subject, struct err *);
/* The code as people read it: "7K2M-9QXD-41VB-T8ZR". */
char *document_code_text(struct arena *, const char *code);

/* What only the modules above know of a subject. Set once at start; a member may be NULL. */
struct document_hooks {
	/* May who asks read the files of this subject ("application:12")? The applicant and staff
	 * with rights. Without the hook nobody may. */
	bool (*may_read)(struct request *, struct db *, const char *subject);
	/* Who asks may, and gets the file now: to be noted. 1: go on; 0: the answer is another page
	 * (which asks why), <0. */
	int (*read)(struct request *, const struct document *, struct err *);
	/* Inside the write that issued a document: whom to tell. Leaves *mail NULL for nobody.
	 * *view (new reference, may stay NULL) is what the mail needs beside document: {title,
	 * number, url, verify_url}. */
	int (*recipient)(struct db *, struct arena *, const char *subject, const char **mail,
	    const char **lang, json_t **view, struct err *);
	/* Inside the write that issued a document: is what it rests on gone meanwhile? 1 and why,
	 * then it is revoked at once and nobody is told; 0, or <0. */
	int (*void_reason)(
	    struct db *, struct arena *, const char *subject, const char **reason, struct err *);
};
void document_set_hooks(const struct document_hooks *);

extern const struct module document_module;

#endif
