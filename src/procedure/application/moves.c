#include "procedure/application.h"

#include "procedure/application/life.h"

static const char *const state_names[APP_STATE_COUNT] = {
    [APP_DRAFT] = "draft",
    [APP_SUBMITTED] = "submitted",
    [APP_ACCEPTED] = "accepted",
    [APP_REVIEWING] = "reviewing",
    [APP_CORRECTION] = "correction",
    [APP_APPROVAL] = "approval",
    [APP_PAYMENT] = "payment",
    [APP_GRANTED] = "granted",
    [APP_REFUSED] = "refused",
    [APP_WITHDRAWN] = "withdrawn",
    [APP_CANCELLED] = "cancelled",
    [APP_CLOSED] = "closed",
};

const char *app_state_name(enum app_state s)
{
	return s < APP_STATE_COUNT ? state_names[s] : "";
}

enum app_state app_state_parse(const char *name)
{
	enum app_state s = 0;
	while (s < APP_STATE_COUNT && !text_eq(state_names[s], name))
		s++;
	return s;
}

enum app_bucket app_state_bucket(enum app_state s)
{
	switch (s) {
	case APP_DRAFT:
		return APP_BUCKET_DRAFT;
	case APP_CORRECTION:
	case APP_PAYMENT:
		return APP_BUCKET_WAITING;
	case APP_GRANTED:
	case APP_REFUSED:
	case APP_WITHDRAWN:
	case APP_CANCELLED:
	case APP_CLOSED:
		return APP_BUCKET_DONE;
	default:
		return APP_BUCKET_OFFICE;
	}
}

#define A APP_WHO_APPLICANT
#define C APP_WHO_CHECKER
#define D APP_WHO_DECIDER
#define R APP_WHO_ROUTE
#define CASH APP_WHO_CASHIER
#define SYS APP_WHO_SYSTEM
#define REV APP_WHO_REVOKER

/* The one table of moves. Where a verb may end in several states, the rows stand together and the
 * code that makes the move picks one of them. */
static const struct app_move moves[] = {
    {APP_DRAFT, "save", APP_DRAFT, A},
    {APP_DRAFT, "submit", APP_SUBMITTED, A},
    {APP_DRAFT, "discard", APP_STATE_COUNT, A | SYS},

    {APP_SUBMITTED, "accept", APP_ACCEPTED, C},
    {APP_SUBMITTED, "assign", APP_SUBMITTED, C},
    {APP_SUBMITTED, "request_correction", APP_CORRECTION, C},
    {APP_SUBMITTED, "forward", APP_SUBMITTED, APP_WHO_FORWARDER},
    {APP_SUBMITTED, "withdraw", APP_WITHDRAWN, A},
    {APP_SUBMITTED, "cancel", APP_CANCELLED, D},
    {APP_SUBMITTED, "pay", APP_SUBMITTED, CASH},
    {APP_SUBMITTED, "waive", APP_SUBMITTED, CASH},
    {APP_SUBMITTED, "message", APP_SUBMITTED, A | C},
    {APP_SUBMITTED, "note", APP_SUBMITTED, C},
    {APP_SUBMITTED, "check_number", APP_SUBMITTED, C},

    {APP_ACCEPTED, "assign", APP_REVIEWING, C},
    {APP_ACCEPTED, "request_correction", APP_CORRECTION, C},
    {APP_ACCEPTED, "draft_decision", APP_APPROVAL, C},
    {APP_ACCEPTED, "forward", APP_SUBMITTED, APP_WHO_FORWARDER},
    {APP_ACCEPTED, "withdraw", APP_WITHDRAWN, A},
    {APP_ACCEPTED, "cancel", APP_CANCELLED, D},
    {APP_ACCEPTED, "pay", APP_ACCEPTED, CASH},
    {APP_ACCEPTED, "waive", APP_ACCEPTED, CASH},
    {APP_ACCEPTED, "message", APP_ACCEPTED, A | C},
    {APP_ACCEPTED, "note", APP_ACCEPTED, C},
    {APP_ACCEPTED, "check_number", APP_ACCEPTED, C},

    {APP_REVIEWING, "assign", APP_REVIEWING, C},
    {APP_REVIEWING, "request_correction", APP_CORRECTION, C},
    {APP_REVIEWING, "draft_decision", APP_APPROVAL, C},
    {APP_REVIEWING, "forward", APP_SUBMITTED, APP_WHO_FORWARDER},
    {APP_REVIEWING, "withdraw", APP_WITHDRAWN, A},
    {APP_REVIEWING, "cancel", APP_CANCELLED, D},
    {APP_REVIEWING, "pay", APP_REVIEWING, CASH},
    {APP_REVIEWING, "waive", APP_REVIEWING, CASH},
    {APP_REVIEWING, "message", APP_REVIEWING, A | C},
    {APP_REVIEWING, "note", APP_REVIEWING, C},
    {APP_REVIEWING, "check_number", APP_REVIEWING, C},

    {APP_CORRECTION, "save_answer", APP_CORRECTION, A},
    {APP_CORRECTION, "correct", APP_REVIEWING, A},
    {APP_CORRECTION, "cancel_correction", APP_REVIEWING, C},
    {APP_CORRECTION, "assign", APP_CORRECTION, C},
    {APP_CORRECTION, "forward", APP_CORRECTION, APP_WHO_FORWARDER},
    {APP_CORRECTION, "withdraw", APP_WITHDRAWN, A},
    {APP_CORRECTION, "cancel", APP_CANCELLED, D},
    {APP_CORRECTION, "pay", APP_CORRECTION, CASH},
    {APP_CORRECTION, "waive", APP_CORRECTION, CASH},
    {APP_CORRECTION, "message", APP_CORRECTION, A | C},
    {APP_CORRECTION, "note", APP_CORRECTION, C},
    {APP_CORRECTION, "check_number", APP_CORRECTION, C},

    {APP_APPROVAL, "approve", APP_APPROVAL, R},
    {APP_APPROVAL, "approve", APP_PAYMENT, R},
    {APP_APPROVAL, "approve", APP_GRANTED, R},
    {APP_APPROVAL, "approve", APP_REFUSED, R},
    {APP_APPROVAL, "approve", APP_REVIEWING, R}, /* the last one asked, after another objected */
    {APP_APPROVAL, "reject", APP_APPROVAL, R},
    {APP_APPROVAL, "reject", APP_REVIEWING, R},
    {APP_APPROVAL, "send_back", APP_APPROVAL, R},
    {APP_APPROVAL, "send_back", APP_REVIEWING, R},
    {APP_APPROVAL, "comment", APP_APPROVAL, R | APP_WHO_DRAFTER},
    {APP_APPROVAL, "pull_back", APP_REVIEWING, APP_WHO_DRAFTER},
    {APP_APPROVAL, "assign", APP_APPROVAL, C},
    {APP_APPROVAL, "forward", APP_APPROVAL, APP_WHO_FORWARDER},
    {APP_APPROVAL, "withdraw", APP_WITHDRAWN, A},
    {APP_APPROVAL, "cancel", APP_CANCELLED, D},
    {APP_APPROVAL, "pay", APP_APPROVAL, CASH},
    {APP_APPROVAL, "waive", APP_APPROVAL, CASH},
    {APP_APPROVAL, "message", APP_APPROVAL, A | C},
    {APP_APPROVAL, "note", APP_APPROVAL, C | R},

    {APP_PAYMENT, "pay", APP_GRANTED, CASH},
    {APP_PAYMENT, "waive", APP_GRANTED, CASH},
    {APP_PAYMENT, "assign", APP_PAYMENT, C},
    {APP_PAYMENT, "withdraw", APP_WITHDRAWN, A},
    {APP_PAYMENT, "cancel", APP_CANCELLED, D},
    {APP_PAYMENT, "review", APP_PAYMENT, R},
    {APP_PAYMENT, "message", APP_PAYMENT, A | C},
    {APP_PAYMENT, "note", APP_PAYMENT, C},

    {APP_GRANTED, "pay", APP_GRANTED, CASH},
    {APP_GRANTED, "waive", APP_GRANTED, CASH},
    {APP_GRANTED, "cancel", APP_CANCELLED, D},
    {APP_GRANTED, "close", APP_CLOSED, C | SYS},
    {APP_GRANTED, "review", APP_GRANTED, R},
    {APP_GRANTED, "hold", APP_GRANTED, C},
    {APP_GRANTED, "revoke_document", APP_GRANTED, REV},
    {APP_GRANTED, "reissue_document", APP_GRANTED, REV},
    {APP_GRANTED, "message", APP_GRANTED, A | C},
    {APP_GRANTED, "note", APP_GRANTED, C},

    {APP_REFUSED, "close", APP_CLOSED, C | SYS},
    {APP_REFUSED, "cancel", APP_CANCELLED, D},
    {APP_REFUSED, "review", APP_REFUSED, R},
    {APP_REFUSED, "hold", APP_REFUSED, C},
    {APP_REFUSED, "revoke_document", APP_REFUSED, REV},
    {APP_REFUSED, "reissue_document", APP_REFUSED, REV},
    {APP_REFUSED, "message", APP_REFUSED, A | C},
    {APP_REFUSED, "note", APP_REFUSED, C},

    {APP_WITHDRAWN, "hold", APP_WITHDRAWN, C},
    {APP_WITHDRAWN, "note", APP_WITHDRAWN, C},

    {APP_CANCELLED, "review", APP_CANCELLED, R},
    {APP_CANCELLED, "hold", APP_CANCELLED, C},
    {APP_CANCELLED, "note", APP_CANCELLED, C},

    {APP_CLOSED, "review", APP_CLOSED, R},
    {APP_CLOSED, "hold", APP_CLOSED, C},
    {APP_CLOSED, "revoke_document", APP_CLOSED, REV},
    {APP_CLOSED, "reissue_document", APP_CLOSED, REV},
    {APP_CLOSED, "note", APP_CLOSED, C},
};

const struct app_move *app_moves(int *n)
{
	*n = (int)COUNT(moves);
	return moves;
}

const struct app_move *move_find(enum app_state from, const char *verb)
{
	for (size_t i = 0; i < COUNT(moves); i++)
		if (moves[i].from == from && strcmp(moves[i].verb, verb) == 0)
			return &moves[i];
	return NULL;
}

bool move_exists(enum app_state from, const char *verb, enum app_state to)
{
	for (size_t i = 0; i < COUNT(moves); i++)
		if (moves[i].from == from && moves[i].to == to && strcmp(moves[i].verb, verb) == 0)
			return true;
	return false;
}

const char *app_who_text(struct arena *a, int who)
{
	static const char *const names[] = {"applicant", "checker", "decider", "route", "drafter",
	    "forwarder", "cashier", "system", "revoker"};
	struct buf b;
	buf_init(&b, a);
	for (size_t i = 0; i < COUNT(names); i++)
		if (who & (1 << i))
			buf_printf(&b, "%s%s", b.n ? "|" : "", names[i]);
	return b.p ? b.p : "";
}
