/* Disposal (廃棄) and extension (延長) of files whose retention period has ended: proposed by one
 * person for one department, decided by another, carried out by a job. What stays of a file that
 * was disposed of is its row of disposal_item: the disposal record. Private to src/procedure. */
#ifndef PROCEDURE_DISPOSAL_H
#define PROCEDURE_DISPOSAL_H

#include "procedure/application/life.h"

enum {
	DUE_LIMIT = 50,            /* files on a page */
	DISPOSAL_ITEMS_MAX = 5000, /* files in one act of proposing */
	DISPOSAL_ITEMS_SHOWN = 200
};

/* --- files whose retention period has ended --- */
struct due_filter {
	int64_t department;            /* 0: all in which the actor may */
	int64_t years;                 /* retention class; -1: any */
	int year;                      /* in which the period ended; 0: any */
	const char *procedure, *after; /* NULL: any; NULL: from the start */
	int limit;                     /* 1 to 200; 0: DUE_LIMIT */
};
/* {"items": [row...], "next": cursor or null}, oldest first: id, serial, number, procedure,
 * department, department_name, state, state_key, outcome, submitted, decided, kept_until, years,
 * and either free: true, or why_key (held, in a proposal, not closed) with proposal. Files of
 * departments without application.dispose are left out, so a page may be short although `next` is
 * there. New reference. */
int disposal_due(struct db *, struct arena *, const struct app_actor *, const struct due_filter *,
    const char *lang, json_t **page, struct err *);

/* --- proposals --- */
struct disposal_wish {
	const char *kind;   /* "dispose", "extend" */
	const char *reason; /* a must */
	const char *until;  /* extend: the new last day, after today; else NULL */
	const int64_t *ids; /* applications; or, when n is 0, all of a filter */
	int n;
	const struct due_filter *all;
	int most; /* of a filter at most so many files; 0: DISPOSAL_ITEMS_MAX */
};
struct disposal_made {
	int proposals; /* one for each department */
	int64_t last;  /* the newest of them */
	int files;     /* in them */
	int left;      /* asked for, but held, proposed already, not due, or not the actor's */
};
/* Inside a write. ERR_INPUT at "kind", "reason", "until"; ERR_CONFLICT "disposal.none" when no file
 * can be taken. */
int disposal_propose(struct db *, struct arena *, const struct app_actor *,
    const struct disposal_wish *, struct disposal_made *, struct err *);
/* Inside a write. verb: "approve" (queues the work), "refuse" (comment is a must), "take_back" (by
 * who proposed it). ERR_DENIED "disposal.own" for one's own proposal, ERR_CONFLICT
 * "disposal.decided", ERR_MISSING. */
int disposal_decide(struct db *, struct arena *, const struct app_actor *, int64_t id,
    const char *verb, const char *comment, struct err *);

/* Newest first, those of departments where the actor may: {"items": [view...], "next": id or null};
 * open: only those that wait for a decision. New reference. */
int disposal_list(struct db *, struct arena *, const struct app_actor *, bool open, int64_t before,
    const char *lang, json_t **page, struct err *);
/* id, kind, kind_key, state, state_key, number, department_name, reason, until, files, proposed_by
 * (name), proposed, decided_by, decided, comment, done, progress {done, left, files, percent},
 * working, can {approve, refuse, take_back}. ERR_MISSING when there is none for the actor. New
 * reference. */
int disposal_view(struct db *, struct arena *, const struct app_actor *, int64_t id,
    const char *lang, json_t **view, struct err *);
/* Its files after one of them (0: from the first), at most limit: id, application, serial, number,
 * procedure, title (NULL: look it up), state, state_key, why_key, final_state_key, outcome,
 * submitted, decided, years, kept_until, done. New reference. */
int disposal_items(struct db *, struct arena *, int64_t id, int64_t after, int limit,
    json_t **items, struct err *);

/* --- what stays --- */
/* The record of an application that was disposed of, for who may know: its account, or staff with
 * application.read in its department. Like an item, with record {number, reason, proposed_by,
 * proposed, decided_by, decided} for staff. 1, 0, <0. New reference. */
int disposal_record(struct db *, struct arena *, const struct app_actor *, int64_t application,
    json_t **record, struct err *);
/* An account's, newest first. New reference. */
int disposal_of_account(
    struct db *, struct arena *, int64_t account, int limit, json_t **items, struct err *);

/* The job application.dispose: carries out an approved proposal, some files in a write. */
int disposal_run(struct store *, void *context, struct arena *, json_t *payload, struct err *);

/* --- shared by disposal*.c --- */
int disposal_journal(struct db *, struct arena *, const char *actor, const char *verb, int64_t id,
    json_t *data, struct err *);
int disposal_item_journal(
    struct db *, struct arena *, const char *verb, int64_t item, struct err *);

/* clang-format off */
#define DISPOSAL_STATEMENTS(X) \
	X(DUE) X(CANDIDATE) X(ADD) X(ITEM_ADD) X(COUNTED) X(GET) X(DECIDE) X(RELEASE) X(LIST) \
	X(LIST_OPEN) X(PROGRESS) X(ITEMS) X(ITEMS_OPEN) X(ITEM_GET) X(ITEM_DONE) X(ITEM_LEFT) \
	X(ITEM_IDS) X(FINISH) X(RECORD) X(OF_ACCOUNT) X(STATES) X(ITEM_STATES) X(ERASE)
/* clang-format on */
enum disposal_statement {
#define X(name) DISPOSAL_##name,
	DISPOSAL_STATEMENTS(X)
#undef X
	    DISPOSAL_SQL_COUNT
};
extern const struct sql disposal_sql[DISPOSAL_SQL_COUNT];
extern const struct sql *const disposal_statements[DISPOSAL_SQL_COUNT];
extern const struct journal_verifier disposal_verifier, disposal_item_verifier;

#endif
