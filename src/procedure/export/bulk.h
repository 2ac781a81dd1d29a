/* Exports of many people: a second person approves, the file is fetched once and names its export.
 */
#ifndef PROCEDURE_BULK_H
#define PROCEDURE_BULK_H

#include "store/journal.h"
#include "web/web.h"

struct bulk {
	int64_t id, staff, people, asked_us, decided_by, decided_us, until_us, fetched_us;
	const char *mark, *state, *format, *query, *procedure, *from, *until, *purpose, *comment;
};

enum { MARK_SIZE = 16 }; /* "X-" and 12 characters, NUL */

/* --- bulk.c: rows --- */
int bulk_get(struct db *, struct arena *, int64_t id, struct bulk *, struct err *); /* 1, 0, <0 */
int bulk_by_mark(struct db *, struct arena *, const char *mark, struct bulk *, struct err *);
/* Newest first: those of a member of staff; those that wait. At most 100. */
int bulk_of(struct db *, struct arena *, int64_t staff, struct bulk **, struct err *);
int bulk_waiting(struct db *, struct arena *, struct bulk **, struct err *);
/* Inside a write; journalled as actor. */
int bulk_ask(struct db *, const char *actor, struct bulk *, struct err *);
int bulk_decide(struct db *, const char *actor, const struct bulk *, bool approve, int64_t by,
    const char *comment, struct err *);
/* ERR_CONFLICT when it is not (any more) to be fetched. */
int bulk_fetched(struct db *, const char *actor, const struct bulk *, struct err *);
extern const struct journal_verifier bulk_verifier;
enum { BULK_STATEMENTS = 8 };
extern const struct sql *const bulk_statements[BULK_STATEMENTS];

/* --- mark.c --- */
void mark_new(char out[MARK_SIZE]);
/* The mark in a file: CSV or other text as it is, and whatever is packed in a ZIP (XLSX), unpacked
 * to a bounded size. False: none. */
bool mark_find(struct str file, char out[MARK_SIZE]);

#endif
