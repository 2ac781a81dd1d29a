/* Alerts and questions: their life, for the rules and the pages of this folder. */
#ifndef TRAIL_ALERT_H
#define TRAIL_ALERT_H

#include "base/time.h"
#include "trail/private.h"

struct alert {
	int64_t id, staff, person, count, assigned, raised_us, changed_us;
	const char *rule, *key, *state, *finding, *reason, *day, *text, *due;
};
/* 1, 0, <0. Strings on the arena. */
int alert_get(struct db *, struct arena *, int64_t id, struct alert *, struct err *);
/* Those of a state, newest first, below an id; the count (at most limit) or <0. */
int alert_list(struct db *, struct arena *, const char *state, int64_t below, int limit,
    struct alert **, struct err *);
/* Those that an officer looks into, not closed, the same way. */
int alert_mine(struct db *, struct arena *, int64_t officer, int64_t below, int limit,
    struct alert **, struct err *);
/* The questions of a person, newest first. */
int alert_questions(struct db *, struct arena *, int64_t person, struct alert **, struct err *);
struct alert_step {
	int64_t at_us;
	const char *actor, *what, *text;
};
int alert_steps(struct db *, struct arena *, int64_t id, struct alert_step **, struct err *);

/* Inside a write: raises it unless there is one with its key; 1 when it is new. */
int alert_raise(struct db *, const char *actor, struct alert *, struct err *);
/* Inside a write: a change by an officer (or the asker), with its step and the journal's entry. The
 * members of the alert that moved are as they shall be. ERR_DENIED when it is about the actor,
 * or about whom it is assigned to. */
int alert_change(struct db *, const char *actor, int64_t staff, struct alert *, const char *what,
    const char *text, struct err *);
extern const struct journal_verifier alert_verifier;

/* --- rules.c --- */
/* Inside a write: mails the officers that there is something new. */
int rules_tell(struct city *, struct arena *, struct db *, int n, struct err *);
/* Looks for what the rules know between two instants (of one day); urgent: only the worst. Raises
 * and mails. */
int rules_run(
    struct store *, struct city *, struct arena *, struct date day, bool urgent, struct err *);

#endif
