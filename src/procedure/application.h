/* Applications: from draft to filed. Every function that changes something runs inside a write, and
 * appends to the journal. Who may do it is checked here, not in pages.
 *
 * States: draft, submitted, accepted, reviewing, correction, approval, payment, granted, refused,
 * withdrawn, cancelled, closed. app_moves() is the one table of moves (from, verb, to, who); a move
 * that it does not hold is ERR_CONFLICT "application.wrong_state". Someone else's application is
 * ERR_MISSING; one that may be seen but not handled so is ERR_DENIED. */
#ifndef PROCEDURE_APPLICATION_H
#define PROCEDURE_APPLICATION_H

#include <jansson.h>

#include "procedure/definition.h"
#include "store/jobs.h"
#include "store/journal.h"
#include "store/store.h"

enum app_state {
	APP_DRAFT,
	APP_SUBMITTED,
	APP_ACCEPTED,
	APP_REVIEWING,
	APP_CORRECTION,
	APP_APPROVAL,
	APP_PAYMENT,
	APP_GRANTED,
	APP_REFUSED,
	APP_WITHDRAWN,
	APP_CANCELLED,
	APP_CLOSED,
	APP_STATE_COUNT
};
const char *app_state_name(enum app_state);
enum app_state app_state_parse(const char *name); /* APP_STATE_COUNT when there is none */

/* Whose turn it is; every list is one of these. */
enum app_bucket {
	APP_BUCKET_DRAFT,   /* the applicant's, not sent yet */
	APP_BUCKET_OFFICE,  /* the office's turn */
	APP_BUCKET_WAITING, /* the applicant's turn: correction, payment */
	APP_BUCKET_DONE,
	APP_BUCKET_COUNT
};
enum app_bucket app_state_bucket(enum app_state);

/* Who may make a move. */
enum app_who {
	APP_WHO_APPLICANT = 1, /* who made it: the resident's account, or the counter for its own */
	APP_WHO_CHECKER = 2,   /* staff with application.check in its department */
	APP_WHO_DECIDER = 4,   /* staff with application.decide in its department */
	APP_WHO_ROUTE = 8,     /* whom the open step of the route waits for */
	APP_WHO_DRAFTER = 16,  /* who drafted the decision */
	APP_WHO_FORWARDER = 32, /* staff with application.forward */
	APP_WHO_CASHIER = 64,   /* staff with application.payment */
	APP_WHO_SYSTEM = 128,
	APP_WHO_REVOKER = 256 /* staff with document.revoke */
};

struct app_move {
	enum app_state from;
	const char *verb;
	enum app_state to; /* APP_STATE_COUNT: the application is removed (a draft) */
	int who;
};
/* The table of moves, in the order of the life-cycle. */
const struct app_move *app_moves(int *n);
/* "applicant|checker", for documents. On the arena. */
const char *app_who_text(struct arena *, int who);

/* Who acts: "resident:12" with account and person, "staff:3" with person = staff row, "system". */
struct app_actor {
	const char *id;
	bool staff;
	int64_t account, person;
	/* Of an API token: what its owner ticked (request_scopes()); NULL: everything. */
	const char *scopes;
	/* application.turn as the person saw it; when the application has moved since, functions
	 * that change something answer ERR_CONFLICT "application.changed". 0: not checked. */
	int64_t seen;
};
extern const struct app_actor app_system;

struct application {
	int64_t id;
	const char *procedure, *version;
	enum app_state state;
	int64_t turn;               /* grows with each change; send it along with forms */
	const char *receipt_number; /* 到達番号, NULL while a draft */
	const char *serial;         /* 受付番号 "2026-犬登-000123", NULL while a draft */
	int64_t account, applicant_person;
	const char *applicant_name, *applicant_kind, *channel; /* online, counter */
	const char *created_by;                                /* actor id */
	json_t *mandate;              /* proxy: principal, ground, document, period; NULL: none */
	int64_t department, assignee; /* staff row; 0: nobody */
	json_t *answers;              /* 個人番号 sealed: see app_unseal() */
	const char *answers_text;     /* the same as it is stored */
	int revision;                 /* of the answers; each correction makes a new one */
	const char *due;              /* YYYY-MM-DD, NULL: none */
	int period_days;              /* legal processing period; 0: none */
	const char *period_kind;      /* "business", "calendar" */
	int64_t clock_stopped_us;     /* correction asked for; 0: running */
	int stopped_days;             /* by which due was moved so far */
	int64_t created_us, submitted_us, accepted_us, decided_us, updated_us;
	int64_t fee_yen, paid_yen;
	bool fee_before;               /* the fee is paid before the decision takes effect */
	const char *outcome, *reason;  /* of the drafted or taken decision */
	int round;                     /* how many times a decision was drafted */
	int64_t drafter;               /* staff of the present draft decision; 0: none */
	const char *place, *place_key; /* capacity: "taken", "waiting", NULL */
	json_t *numbers;               /* given by effects: {"dog-tag": 12}; NULL: none */
	int retention_years;           /* 0: permanent; -1: not decided yet */
	const char
	    *disposal_on; /* 31 March when the file's period ends; NULL: not known or never */
	const char *hold_reason; /* disposal is stopped; NULL: not */
	int step;                /* furthest form step of a draft */
	int64_t kids;            /* internal: which child tables have rows */
};

/* Without a check of rights: for jobs and functions that check themselves. json_t members live as
 * long as the arena. ERR_MISSING when there is none. */
int app_get(struct db *, struct arena *, int64_t id, struct application **, struct err *);
/* Is it the actor's own: made under the account, typed in at the counter by this staff member, or
 * theirs by a mandate on record? What they may do with it, as bits of enum mandate_act; 0: it is
 * not. */
unsigned app_own_acts(struct db *, const struct application *, const struct app_actor *);
/* For pages: ERR_MISSING unless the actor made it, or is staff who may read it (application.read in
 * its department, assigned, or asked by its route). */
int app_read(struct db *, struct arena *, const struct app_actor *, int64_t id,
    struct application **, struct err *);
/* Is looking at it the work of this member of staff: not ended for more than a week, and of a
 * department of theirs, assigned to them, or with a route that asks them? Else a reason is asked
 * for. */
bool app_is_work_of(struct db *, const struct app_actor *, const struct application *);
/* The classes of fields (bits) that a member of staff lacks who sees it. Whoever it was assigned
 * to, who is asked by its route or opened it in an emergency sees what their roles show elsewhere.
 */
unsigned app_hides(struct db *, int64_t staff, const struct application *);
/* May the actor make this move now (state, rights, route)? For buttons; nothing is changed. */
bool app_may(struct db *, struct arena *, const struct app_actor *, const struct application *,
    const char *verb);

/* --- 個人番号 ---
 * Answers are stored with every my_number field sealed, {"sealed": ...} (AES-256-GCM, key in
 * store_dir()/keys).
 * app_draft_save() and all others that store answers seal what is not sealed. form_answers_view()
 * masks sealed values. app_unseal() gives a copy with the numbers readable: for the applicant's own
 * form, for checks, and for staff on request (journal it). New reference. */
int app_unseal(
    struct db *, const struct procedure *, json_t *answers, json_t **plain, struct err *);

/* --- the applicant's side --- */
/* applicant_kind: one of the definition's `applicants`. channel: "online", or "counter" by staff
 * with application.counter. answers may be NULL. */
int app_draft_new(struct db *, const struct app_actor *, const struct procedure *,
    const char *applicant_kind, const char *channel, json_t *answers, int64_t *id, struct err *);
int app_draft_save(struct db *, const struct app_actor *, const struct procedure *, int64_t id,
    json_t *answers, int step, struct err *);
int app_draft_discard(struct db *, const struct app_actor *, int64_t id, struct err *);
/* For whom a proxy acts. An object of texts: principal_name, principal_address, principal_mail,
 * ground (letter, guardian, household, professional, corporate), document (attachment's name),
 * scope, valid_from, valid_until. NULL removes it. Only while a draft. */
int app_mandate_set(
    struct db *, const struct app_actor *, int64_t id, json_t *mandate, struct err *);
/* The same by a mandate on record that covers the procedure: ERR_MISSING when the actor may not
 * apply by it today. It is looked at again with whatever they do later. */
struct mandate;
int app_mandate_use(
    struct db *, const struct app_actor *, int64_t id, const struct mandate *, struct err *);
/* The mandate on record that an application was made by, as it was then {record, ground, scope,
 * acts, from, until, proof, proof_text, corporate_number, unit}, and the principal's account (0:
 * none): 1, 0 there is none, <0. On the arena. */
int app_mandate_used(
    struct db *, struct arena *, int64_t id, json_t **out, int64_t *account, struct err *);
/* Was it made by a mandate on record? */
bool app_on_record(const struct application *);
/* Checks a draft's answers and makes them ready for app_submit(), which then need not do it in the
 * writer's turn: for any thread. answers: app_unseal() of the draft's; changed in place, and not to
 * be touched while it is being submitted. Returns the number of problems, 0: *out is ready, and
 * lives as long as the arena and answers. */
struct city;
struct app_prepared;
int app_prepare(struct db *, struct arena *, const struct procedure *, const struct application *,
    const struct form_context *, json_t *answers, struct app_prepared **out,
    struct form_problem **problems, struct err *);
/* 1: no place is left for these answers, who submits them now waits; 0: there is one, or the
 * procedure has no capacity. It may be otherwise a moment later. */
int app_full(struct db *, const struct procedure *, json_t *answers, struct err *);
/* Gives the numbers, queues the receipt. Answers that are not those prepared (NULL: none were), or
 * were for another day, are checked here; a problem is ERR_INPUT with the first field named.
 * Idempotent: a second submission of the same draft gives the same receipt number. */
int app_submit(struct db *, struct arena *, const struct app_actor *, const struct procedure *,
    int64_t id, const struct form_context *, const struct app_prepared *, char **receipt_number,
    struct err *);
int app_withdraw(
    struct db *, const struct app_actor *, int64_t id, const char *reason, struct err *);
/* Keeps all answers as they would be once an open correction request is answered, in place of what
 * was kept before; the submitted ones stay as they are. Nobody but the applicant sees it. */
int app_correction_save(struct db *, const struct app_actor *, const struct procedure *, int64_t id,
    json_t *answers, struct err *);
/* What was kept so (個人番号 sealed), on the arena: 1, 0 nothing, <0. */
int app_correction_draft(struct db *, struct arena *, const struct application *, json_t **answers,
    int64_t *saved_us, struct err *);
/* Answers a correction request; both versions are kept. Starts the clock again. */
int app_correct(struct db *, struct arena *, const struct app_actor *, const struct procedure *,
    int64_t id, const struct form_context *, json_t *answers, struct err *);
/* kind: "applicant" (both see), "note" (staff only). */
int app_message(struct db *, const struct app_actor *, int64_t id, const char *kind,
    const char *text, struct err *);

/* --- signatures (application/signature.c) --- */
/* Does the procedure ask for one? 2: it must be signed before it is sent, 1: it may be, 0: no. */
int procedure_signature(const struct procedure *);
/* What is signed: the stored answers and digests of the files, in canonical form. On the arena. */
struct str app_signature_document(struct arena *, int64_t id, const char *procedure,
    const char *version, const char *answers_text);
struct app_signature {
	const char *digest; /* SHA-256 of the document that was signed */
	json_t *summary;    /* for pages; on the arena */
	int64_t signed_us;
};
/* 1, 0, <0. */
int app_signature_find(
    struct db *, struct arena *, int64_t id, struct app_signature *, struct err *);
/* SHA-256 of what is signed, as the signature's row has it; on the arena. */
const char *app_signature_digest(struct arena *, struct str document);
bool app_signature_fits(struct arena *, const struct app_signature *, struct str document);
/* The tar of all that proves it: 1, 0, <0. */
int app_signature_package(struct db *, struct arena *, int64_t id, struct str *tar, struct err *);
/* Keeps a signature that was verified, in place of one before; only while a draft. */
int app_signature_set(struct db *, struct arena *, const struct app_actor *, int64_t id,
    struct str document, struct str tar, const json_t *summary, struct err *);

/* --- the office's side --- */
int app_accept(struct db *, const struct app_actor *, int64_t id, struct err *);
/* staff 0: nobody. An accepted application is under review from here on. */
int app_assign(struct db *, const struct app_actor *, int64_t id, int64_t staff, struct err *);
/* During a decision's route only the steps still open move to the new department (reorganisation);
 * else it arrives there anew. */
int app_forward(struct db *, const struct app_actor *, int64_t id, int64_t department,
    const char *reason, struct err *);
/* fields: array of {field, message}; due: date text. Stops the clock. */
int app_request_correction(struct db *, const struct app_actor *, int64_t id, json_t *fields,
    const char *message, const char *due, struct err *);
/* Takes the request back: the clock runs again. */
int app_cancel_correction(
    struct db *, const struct app_actor *, int64_t id, const char *reason, struct err *);
/* The whole open amount. method: "cash", "transfer", "card", "slip", ... The last condition of a
 * decision that waits for its fee: the effects follow. */
int app_record_payment(struct db *, struct arena *, const struct app_actor *,
    const struct procedure *, int64_t id, int64_t yen, const char *method, struct err *);
/* The fee is not asked for (減免). */
int app_waive_fee(struct db *, struct arena *, const struct app_actor *, const struct procedure *,
    int64_t id, const char *reason, struct err *);
/* An issued document, by its code, is no longer valid; the applicant is told why. */
int app_document_revoke(struct db *, const struct app_actor *, int64_t id, const char *code,
    const char *reason, struct err *);
/* The kind of a revoked document is issued anew, with a new number, by the job
 * application.documents. ERR_CONFLICT while another of the kind is valid. */
int app_document_reissue(
    struct db *, const struct app_actor *, int64_t id, const char *code, struct err *);
/* 職権取消: by whoever may decide; reason is a must. Its documents are revoked with it. */
int app_cancel(struct db *, const struct app_actor *, int64_t id, const char *reason, struct err *);
int app_close(struct db *, const struct app_actor *, int64_t id, struct err *);
/* Stops (reason) or allows (NULL) the disposal of the file. */
int app_hold(struct db *, const struct app_actor *, int64_t id, const char *reason, struct err *);

/* --- the route: 起案, 回議, 合議, 決裁 --- */
/* Drafts the decision ("granted"/"refused", reason) and opens the route's first step. A leading
 * `check` step is done by the drafter's act itself. findings: what the definition's `findings` ask
 * the office for, as form_section_take() gives them (borrowed; NULL: nothing). ERR_INPUT at their
 * field. */
int route_start(struct db *, struct arena *, const struct app_actor *, const struct procedure *,
    int64_t id, const char *outcome, const char *reason, const json_t *findings, struct err *);
/* action: approve (also decides), send_back (to_step < 0: to the drafter, else to that earlier step
 * of the definition), reject (line: 廃案; consult: 不同意), pull_back (drafter, while nobody
 * acted), comment. Nobody acts on their own draft. A deputy's act (代決) and steps passed over
 * (引上げ, absence) are marked for later review (後閲). */
int route_act(struct db *, struct arena *, const struct app_actor *, const struct procedure *,
    int64_t id, const char *action, int64_t to_step, const char *comment, struct err *);
/* 後閲 done: every step of this application that waits for the actor's review. */
int route_review(struct db *, const struct app_actor *, int64_t id, struct err *);

/* --- lists --- */
enum app_scope {
	APP_SCOPE_MINE,       /* assigned to me */
	APP_SCOPE_TURN,       /* the route waits for me */
	APP_SCOPE_REVIEW,     /* 後閲 waits for me */
	APP_SCOPE_DEPARTMENT, /* filter.department */
	APP_SCOPE_ALL,        /* every department where I may read */
	APP_SCOPE_COUNT
};

struct app_filter {
	enum app_scope scope;
	enum app_bucket bucket; /* the tab: DRAFT is only for MINE (counter drafts) */
	int64_t department;     /* a must for DEPARTMENT; narrows others; 0: any */
	const char *state;      /* NULL: any of the bucket */
	const char *procedure;  /* NULL: any */
	int64_t assignee;       /* -1: nobody yet; 0: any */
	bool overdue;
	const char *text; /* search words or a number; NULL: none. Any bucket, newest first. */
	const char *from, *until; /* submission dates, inclusive; newest first, any bucket */
	const char *after;        /* cursor: `next` of the page before; NULL: from the start */
	int limit;                /* 1 to 200; 0: 50 */
};
/* One page: {"items": [row...], "next": cursor or null}. A row: id, number, serial, procedure,
 * applicant, applicant_kind, channel, state, state_key, due, days_left, overdue, warn, department,
 * department_name, assignee, assignee_name, submitted (µs), fee_yen, fee_open. Open ones overdue
 * first, done ones newest first. Never more than a bounded number of rows is looked at: a page may
 * be short although `next` is there. New reference. */
int app_list(struct db *, struct arena *, const struct app_actor *, const struct app_filter *,
    const char *lang, json_t **page, struct err *);
enum { APP_COUNT_MAX = 1000 };
/* {"office": n, "waiting": n, "overdue": n} for the filter's scope and department; {"mine": n,
 * "turn": n, "review": n, "late": n, "all": n} of what is open for the person: theirs, waiting for
 * their decision or later review, overdue and all of what they may read. Each counts to
 * APP_COUNT_MAX at most, in a handful of statements (for a few departments each). New reference. */
int app_counts(struct db *, struct arena *, const struct app_actor *, const struct app_filter *,
    json_t **counts, struct err *);
/* What a resident has: {"drafts": [...], "action": [...], "open": [...], "done": [...]}, newest
 * first, `limit` each; rows as in app_list. New reference. */
int app_of_person(struct db *, struct arena *, int64_t account, int limit, const char *lang,
    json_t **out, struct err *);
/* Whole applications for export: the next ones after after_id (0: from the start) of those that
 * app_list() shows on all pages of the filter, but drafts, and that the actor may export
 * (application.export); by id, what words find newest first. At most 200. *last is where to go on.
 * Returns how many, 0 at the end (then *last is unchanged), or <0; a window without a match gives 0
 * items only at the end. */
int app_export_next(struct db *, struct arena *, const struct app_actor *,
    const struct app_filter *, int64_t after_id, int limit, struct application ***out,
    int64_t *last, struct err *);
/* {"as_of": µs, "procedures": [{procedure, department, submitted, open, overdue, granted, refused,
 * withdrawn, online, counter, days_mean}]}, as the nightly job computed it. New reference. */
int app_statistics(struct db *, struct arena *, json_t **out, struct err *);
int app_statistics_refresh(struct db *, struct err *);

/* --- view models ---
 * All give a new reference. Texts are catalogue keys ("application.state.approval") or finished. */
enum app_audience { APP_FOR_APPLICANT, APP_FOR_STAFF };
/* id, turn, number, serial, procedure, title, state, state_key, public_key (送信済 処理中 …),
 * department_name, applicant {name, kind, kind_key}, mandate, channel, submitted, updated, decided,
 * kept_until (NULL: not decided yet), kept_forever, due_on, days_left, overdue, warn,
 * clock_stopped, fee {yen, open, paid, charges: [...]}, outcome, outcome_key, reason, place,
 * on_waiting_list, waiting_number (1: the next), has_place (not decided yet), revision, correction
 * (the open one), can: {verb: true}; for staff also assignee, assignee_name, step, retention, hold,
 * period. proc may be NULL (title is missing then). */
int app_view(struct db *, struct arena *, const struct app_actor *, const struct application *,
    const struct procedure *, const char *lang, enum app_audience, json_t **out, struct err *);
/* The statement of appeal rights (教示) of a refusal by this procedure, a list of paragraphs; new
 * reference, NULL where the law knows no appeal. */
json_t *app_appeal(const struct procedure *, const struct i18n *, const char *lang);
/* [{at, key, args, actor_kind, actor_name}] oldest first; the applicant's has no inner matters. */
int app_history(
    struct db *, struct arena *, int64_t id, enum app_audience, json_t **out, struct err *);
/* {steps: [...], rounds, can: {approve, send_back, ...}, back_to: [...]} of the present round; log:
 * every act in its order; former: those of them that are not in steps. A step: stage, id, kind,
 * kind_key, post, department_name, state, state_key, officer_names, acted_name, acting_for_name,
 * at, comment, review, review_name, delegated. */
int app_route_view(struct db *, struct arena *, const struct app_actor *,
    const struct application *, const struct procedure *, json_t **out, struct err *);
/* [{id, kind, from_staff, author, body, at, mine}] */
int app_messages(struct db *, struct arena *, const struct app_actor *, int64_t id,
    enum app_audience, json_t **out, struct err *);
/* How many bytes of files an account (0: the office, which has no limit a day) may still bring
 * today, and an application with these answers still hold; INT64_MAX: as many as it likes. Settings
 * upload.day and upload.application. */
struct upload_room {
	int64_t day, application;
};
int app_upload_room(struct db *, struct arena *, const struct city *, int64_t account,
    json_t *answers, struct upload_room *, struct err *);
/* [{id, field, name, type, size, blob, revision, removed}] newest revision first. */
int app_attachments(struct db *, struct arena *, int64_t id, json_t **out, struct err *);
/* [{message, due, asked, answered, state, fields: [{field, message}], from_revision, to_revision}]
 */
int app_corrections(struct db *, struct arena *, int64_t id, json_t **out, struct err *);
/* The answers of a revision as they were (sealed); ERR_MISSING when there is no such revision. */
int app_answers_of_revision(
    struct db *, struct arena *, int64_t id, int revision, json_t **out, struct err *);

/* --- what the module's table takes from here --- */
extern const struct journal_verifier application_verifier;
/* application.notice (mails to the applicant), application.documents (asks for the documents of a
 * decision), application.sweep (deadlines, expiry, absences, closing, statistics; once a day).
 * Their context is the struct city. */
enum { APPLICATION_JOB_COUNT = 3 };
extern const struct job_kind application_jobs[APPLICATION_JOB_COUNT];
/* Who may read an application's documents, and whom to tell: for document_set_hooks(). */
struct document_hooks;
struct document;
struct request;
int application_document_read(struct request *, const struct document *, struct err *);
extern const struct document_hooks application_document_hooks;
/* Makes sure that the daily job is waiting; from city_open, inside a write. */
int app_schedule(struct db *, struct err *);

#endif
