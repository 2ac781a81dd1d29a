/* What the pages of this module share. Private to src/procedure. */
#ifndef PROCEDURE_PAGES_H
#define PROCEDURE_PAGES_H

#include "procedure/application.h"
#include "procedure/catalogue.h"
#include "procedure/definition.h"
#include "trail/trail.h"
#include "web/web.h"

/* Who acts, for the functions of application.h. */
struct app_actor rq_app_actor(const struct request *);

/* What forms and expressions may know of this request. The profile is read for residents; it and
 * the strings live on the request's arena. */
int rq_form_context(
    struct request *, const struct application *, struct form_context *, struct err *);

/* The definition in {id} of the path, current version; ERR_MISSING. Held until the request ends. */
int rq_procedure(struct request *, struct procedure **, struct err *);
/* The sections of the form to print and fill by hand, empty. New reference. */
json_t *rq_paper_sections(struct request *, const struct procedure *);
/* The version an application was made under. */
int app_procedure(struct request *, const struct application *, struct procedure **, struct err *);

/* The application in {id} of the path, when it is the actor's own: ERR_MISSING otherwise. */
int rq_own_application(struct request *, struct application **, struct err *);

/* Notes that staff are shown (something of) an application, before anything is put into the view;
 * for applicants nothing. subject: what of it ("document:…"), detail: its name; NULL. 1: go on. 0:
 * it is beyond their own work and they have not said why: the answer is the page that asks, and the
 * handler ends with 0. <0. */
int rq_reading(struct request *, const struct application *, enum trail_kind, const char *subject,
    const char *detail, struct err *);

/* The text of {"ja": ..., "en": ...} in the request's language. */
const char *rq_text_of(const struct request *, const json_t *texts);

/* What a list may be asked for by; for the inbox and its exports. */
#define FILTER_INPUTS                                                                              \
	{"scope", "string", false, 20}, {"tab", "string", false, 20},                              \
	    {"department", "integer", false, 20}, {"state", "string", false, 20},                  \
	    {"procedure", "string", false, 80}, {"assignee", "integer", false, 20},                \
	    {"overdue", "boolean", false, 5}, {"q", "string", false, 200},                         \
	    {"from", "date", false, 10}, {"until", "date", false, 10},                             \
	{                                                                                          \
		"after", "string", false, 200                                                      \
	}
/* The list filter that a page's query names; its strings are the request's. */
void rq_filter(struct request *, struct app_filter *);

/* A link for the browser: the path with the language's prefix. On the request's arena. */
const char *rq_href(const struct request *, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Sets view.title to a catalogue text. */
void rq_title(struct request *, const char *msgkey);

/* Takes a post's controls of one section into answers; see form_section_take(). */
int rq_take_section(struct request *, const struct procedure *, int section,
    const struct form_context *, json_t *answers, struct form_problem **problems);
/* Keeps what was uploaded for the form's file controls and adds it to the answers. Returns 1 and
 * the first problem when a file cannot be taken, 0, or <0. Writes files: call it from rq_defer().
 */
int rq_take_files(struct request *, const struct procedure *, const struct form_context *,
    json_t *answers, struct form_problem **problems, struct err *);
/* The controls of a form that take files: ["attachments.photo", ...]. On the request's arena. */
json_t *rq_file_controls(struct request *, const struct procedure *);
/* view.answers: the present answers for reading; what the last correction changed is marked, with
 * the text that stood there before. */
int rq_present_answers(struct request *, struct db *, const struct procedure *,
    const struct form_context *, const struct application *, struct err *);
/* {"sections": [...]} for web/answers, with links to files and, with change, to the steps. New
 * reference. */
json_t *rq_answers(struct request *, const struct procedure *, const struct form_context *,
    json_t *answers, int64_t id, bool change);
/* view.signature, of a procedure that is or may be signed. 1: it is, as it stands; 0; <0. */
int rq_signature(
    struct request *, const struct application *, const struct procedure *, struct err *);
/* view.has_fee, fee_yen, fee_due (something is still to be paid), fee_due_yen. */
void rq_fee(struct request *, const struct application *);
/* For pages of an application that is not there: when it was disposed of and the actor may know,
 * the page says so (status 410, view.disposed); else ERR_MISSING. */
int rq_disposed(struct request *, struct err *);
/* view.disposed and has_disposed: the records of the signed-in account's files, newest first. */
int rq_my_disposed(struct request *, int limit, struct err *);
/* A field of a page that is written by hand: labels and help are message keys. */
struct page_field {
	const char *name, *label, *help;
	bool required;
	int rows; /* of a text of several lines; 0: the caller says what it is */
};
/* Its view: what was typed (NULL: nothing) and its problem when the form came back. New reference.
 */
json_t *rq_field(
    struct request *, const struct page_field *, const char *id, bool posted, const char *typed);
/* act_fields.c: view.forms, {verb: {posted, <field>: a field's view}} for the acts in `can` and for
 * the route: what was typed and the problems noted so far are at the fields of the act that was
 * posted. */
void rq_act_forms(struct request *, const json_t *can);
/* A field of view.forms; NULL when the act is not there. Borrowed. */
json_t *rq_act_field(struct request *, const char *verb, const char *name);
/* Makes it a choice of options [{value, label}] (taken over): as typed, else as chosen. */
void rq_act_choice(
    struct request *, const char *verb, const char *name, json_t *options, const char *chosen);
/* The field for the reason to revoke one document. New reference. */
json_t *rq_revoke_field(struct request *, const char *code);
/* Notes a problem of an act; a missing text is told by its label. */
void rq_act_problem(struct request *, const char *verb, const char *name, const char *msgkey);
/* For struct route.describe: x-moves, and how answers are sent. */
void describe_moves(const char *path, json_t *operation);
void describe_answers(const char *path, json_t *operation);
/* Controls of a section's view show what was posted for them, as it was typed: the answers have
 * digits, dates and numbers in one form. Only for a page that comes back at once with its mistakes.
 */
void rq_show_typed(struct request *, json_t *view);
/* Turns problems of a form into the page's error summary. */
void rq_form_problems(struct request *, const struct form_problem *, int n);

#endif
