/* Applications: from draft to filed. Every function that changes something runs inside a write, and
 * appends to the journal. Who may do it is checked here, not in pages.
 *
 * States (procedures.md §2): draft, submitted, accepted, reviewing, correction, approval, payment,
 * granted, refused, withdrawn, cancelled, closed. A move that the table of moves does not hold is
 * ERR_CONFLICT "application.state". Someone else's application is ERR_MISSING. */
#ifndef PROCEDURE_APPLICATION_H
#define PROCEDURE_APPLICATION_H

#include <jansson.h>

#include "procedure/definition.h"
#include "store/journal.h"
#include "store/store.h"

enum app_state {
	APP_DRAFT, APP_SUBMITTED, APP_ACCEPTED, APP_REVIEWING, APP_CORRECTION, APP_APPROVAL,
	APP_PAYMENT, APP_GRANTED, APP_REFUSED, APP_WITHDRAWN, APP_CANCELLED, APP_CLOSED,
	APP_STATE_COUNT
};
const char *app_state_name(enum app_state);

/* Who acts: "resident:12" with account and person, "staff:3", or the system. */
struct app_actor {
	const char *id;
	bool staff;
	int64_t account, person;
};

struct application {
	int64_t id;
	const char *procedure, *version;
	enum app_state state;
	const char *receipt_number;  /* 到達番号, NULL while a draft */
	const char *serial;          /* 受付番号 "2026-犬登-000123" */
	int64_t account, applicant_person;
	const char *applicant_name, *applicant_kind, *channel; /* online, counter */
	json_t *mandate;             /* proxy: principal, ground, document, period; NULL: none */
	int64_t department, assignee; /* staff row; 0: nobody */
	json_t *answers;
	int revision;                /* of the answers; each correction makes a new one */
	const char *due;             /* YYYY-MM-DD, NULL: none */
	int64_t submitted_us, decided_us, updated_us;
	int64_t fee_yen, paid_yen;
	const char *outcome, *reason;
	int step;                    /* furthest form step of a draft */
};

int app_get(struct db *, struct arena *, int64_t id, struct application **, struct err *);
int app_find_by_receipt(struct db *, struct arena *, const char *number, struct application **,
    struct err *); /* 1, 0, <0 */

int app_draft_new(struct db *, const struct app_actor *, const struct procedure *,
    const char *applicant_kind, const char *channel, json_t *answers, int64_t *id, struct err *);
int app_draft_save(struct db *, const struct app_actor *, int64_t id, json_t *answers, int step,
    struct err *);
/* Idempotent: a second submission of the same draft gives the same receipt number. */
int app_submit(struct db *, struct arena *, const struct app_actor *, const struct procedure *,
    int64_t id, const struct form_context *, char **receipt_number, struct err *);
int app_withdraw(struct db *, const struct app_actor *, int64_t id, const char *reason, struct err *);
int app_accept(struct db *, const struct app_actor *, int64_t id, struct err *);
int app_assign(struct db *, const struct app_actor *, int64_t id, int64_t staff, struct err *);
int app_forward(struct db *, const struct app_actor *, int64_t id, int64_t department,
    const char *reason, struct err *);
/* fields: array of {field, message}; due: date text. Stops the clock. */
int app_request_correction(struct db *, const struct app_actor *, int64_t id, json_t *fields,
    const char *message, const char *due, struct err *);
int app_correct(struct db *, const struct app_actor *, int64_t id, json_t *answers, struct err *);
/* kind: "applicant" (both see), "note" (staff only). */
int app_message(struct db *, const struct app_actor *, int64_t id, const char *kind, const char *text,
    struct err *);
int app_record_payment(struct db *, const struct app_actor *, int64_t id, int64_t yen,
    const char *method, struct err *);

/* --- the route: 起案, 回議, 合議, 決裁 --- */
/* Drafts the decision ("granted"/"refused", reason) and opens the route's first stage. */
int route_start(struct db *, const struct app_actor *, const struct procedure *, int64_t id,
    const char *outcome, const char *reason, struct err *);
/* action: approve, send_back (to drafter or step), reject, pull_back (drafter), comment. Nobody acts
 * on their own draft; a deputy's act (代決) is marked for later review (後閲). */
int route_act(struct db *, struct arena *, const struct app_actor *, const struct procedure *,
    int64_t id, const char *action, int to_step, const char *comment, struct err *);
int route_review(struct db *, const struct app_actor *, int64_t id, struct err *); /* 後閲 done */

#endif
