/* The trail: who read or changed personal data, when, for what purpose (目的) and why.
 *
 * Every page that shows personal data to staff calls reading_note(), whichever form the answer has.
 * Notes are gathered and written within a second, in one write for many; the page does not wait. A
 * change calls trail_add() in its own write. What is written is sealed in batches, each of which is
 * one entry of the journal: `machi verify` recomputes them. Residents reading their own data leave
 * no note. */
#ifndef TRAIL_TRAIL_H
#define TRAIL_TRAIL_H

#include "web/web.h"

enum trail_kind {
	TRAIL_READ,     /* a case was opened */
	TRAIL_LIST,     /* among others of a list */
	TRAIL_SEARCH,   /* found by words */
	TRAIL_LOOK_UP,  /* a person was looked up */
	TRAIL_FILE,     /* an attachment */
	TRAIL_DOCUMENT, /* a document that was issued */
	TRAIL_PRINT,
	TRAIL_EXPORT,
	TRAIL_STAFF,  /* a colleague's record */
	TRAIL_MAIL,   /* a mail of the outbox */
	TRAIL_NUMBER, /* a 個人番号 was shown; verb "my-number.<purpose>" */
	TRAIL_CHANGE,
	TRAIL_KIND_COUNT
};
/* "read", "look-up"; NULL-safe parse gives TRAIL_KIND_COUNT for none. */
const char *trail_kind_name(enum trail_kind);
enum trail_kind trail_kind_parse(const char *name);

/* Classes of fields, as bits. */
enum trail_field {
	TRAIL_BASIC = 1,    /* name, address, birthday, sex */
	TRAIL_PERSONAL = 2, /* what a form asks, contact, payments */
	TRAIL_SENSITIVE = 4,
	TRAIL_MY_NUMBER = 8
};

struct reading {
	enum trail_kind kind;
	const char *verb;      /* of a change, of a number shown; NULL */
	int64_t person;        /* whom; 0: several, or not known */
	int64_t application;   /* 0: none */
	int64_t department;    /* whose work; 0: not known */
	const char *subject;   /* "document:…", "staff:3"; NULL: what stands above says it */
	const char *procedure; /* the purpose: the procedure whose work it is; NULL: that of the
	                        * kind */
	unsigned fields;       /* 0: basic and personal */
	int64_t count;         /* people shown; 0: one */
	bool beyond;           /* outside the reader's own work: reason is a must */
	const char *reason;    /* NULL: the work at hand */
	const char *detail;    /* words searched for, name of a file; NULL */
};

/* Notes what a request of staff shows; nothing for others. Copies everything; no query, no wait.
 * ERR_BUSY when notes could not be written for so long that no more may wait: then nothing may be
 * shown. Any thread. */
int reading_note(struct request *, const struct reading *, struct err *);

/* Whom a list shows. */
struct reading_of {
	int64_t person, application, department;
	const char *procedure;
};
/* A note for each of the list when they are few (up to TRAIL_NAMED), else one with the number. */
enum { TRAIL_NAMED = 10 };
int reading_note_list(
    struct request *, const struct reading *common, const struct reading_of *, int n, struct err *);

/* Inside a write: staff (their row) changed something, or read what must be on disk before it is
 * shown (an export). address and token as of the request; "" when there is none. */
int trail_add(struct db *, int64_t staff, bool token, const char *address, const struct reading *,
    struct err *);
/* The same as the actor of the request; nothing unless it is staff. */
int trail_add_of(struct request *, struct db *, const struct reading *, struct err *);

/* The reason that staff gave for looking at a subject ("application:12") beyond their own work, as
 * long as it counts: 1 and *reason (on the arena), 0 none, <0. */
int trail_reason(
    struct db *, struct arena *, int64_t staff, const char *subject, char **reason, struct err *);
/* Inside a write: keeps such a reason for some hours. For whatever else opens records beyond the
 * usual (break-glass access): its reason stands with each reading then. */
int trail_reason_give(struct db *, int64_t staff, const char *subject, const char *reason,
    int64_t lifetime_us, struct err *);

/* For pages: may this request of staff show a subject that is beyond their own work? 1 and *reason:
 * they said why. 0: not yet, and the answer is now the page that asks (status 403; its form leads
 * back here): the handler ends with 0. <0. */
int reading_beyond(struct request *, struct db *, const char *subject, char **reason, struct err *);

/* The field "reason" of a form that asks for it, as it was typed. New reference. */
json_t *reading_reason_field(struct request *);

/* Waits until everything noted so far is written (or could not be: then nothing is lost, it is
 * tried again). From a worker thread or a test; never inside a write. */
void trail_settle(struct city *);

extern const struct module trail_module;

#endif
