/* Mandates on record (代理・委任): a principal, who may act for them, on what ground, in what, from
 * when until when, and what proves it. This keeps them and says what they allow today; which
 * procedure a scope covers, and the pages, are src/procedure/mandate/.
 *
 * proposed -> active -> ended, or proposed -> refused. What is over by its date stays `active` and
 * allows nothing: a parent's ends by itself on the day before the child is 18. Who is the other
 * party (相手方) of a protected person may not act for them, whatever stands here. All changes are
 * journalled (subject "mandate:<id>"), inside a write. */
#ifndef IDENTITY_MANDATE_H
#define IDENTITY_MANDATE_H

#include "identity/identity.h"

enum mandate_act { MANDATE_APPLY = 1, MANDATE_READ = 2, MANDATE_RECEIVE = 4, MANDATE_ALL = 7 };

struct mandate {
	int64_t id;
	const char *state;
	const char *ground;
	int64_t principal; /* person; 0: without account, or an organisation */
	const char *name, *birthday, *address;
	const char *corporate_number; /* "": a person */
	const char *unit;
	bool sees_all;
	int64_t agent;       /* account; 0: invited */
	const char *invited; /* mail address */
	unsigned acts;       /* bits of enum mandate_act */
	const char *scope;   /* words; "": every procedure */
	const char *from, *until;
	const char *proof, *proof_text;
	const char *file, *file_name, *file_type;
	const char *reason, *made_by, *decided_by;
	int64_t created_us, decided_us, ended_us;
	/* Read along; not to be set. */
	int64_t principal_account;
	const char *agent_name;
};

extern const char *const mandate_grounds[]; /* NULL-terminated; texts: mandate.ground.* */

/* Reading. The row (1, 0, <0) or the rows (count, <0), on the arena, newest first. */
int mandate_get(struct db *, struct arena *, int64_t id, struct mandate *, struct err *);
int mandate_of_agent(
    struct db *, struct arena *, int64_t account, struct mandate **out, struct err *);
int mandate_of_principal(
    struct db *, struct arena *, int64_t person, struct mandate **out, struct err *);
/* For a member of staff; those of protected persons are there for who is named only: one, those
 * that wait to be looked at (oldest first), and those of a principal or agent of exactly this name,
 * or of a corporate number. */
int mandate_for_staff(
    struct db *, struct arena *, int64_t staff, int64_t id, struct mandate *, struct err *);
int mandate_waiting(struct db *, struct arena *, int64_t staff, struct mandate **, struct err *);
int mandate_search(
    struct db *, struct arena *, int64_t staff, const char *typed, struct mandate **, struct err *);

/* What the account may do today by this mandate: bits of enum mandate_act; 0: nothing. */
int mandate_lets(struct db *, int64_t account, int64_t id, struct err *);
/* The same for an organisation's applications: those of one's own (own), or those that others made,
 * too. */
int mandate_lets_for(
    struct db *, int64_t account, const char *corporate_number, bool own, struct err *);

/* What a company's account (GBizID) says of itself, {number, name, account: "prime" or "member",
 * department, delegations: [{number, name, from, until, services}]}, as mandates of this resident's
 * account with the proof "gbizid": made, changed and ended so that they are those. They hold for
 * MANDATE_TRUST_DAYS, so that signing in with it renews them; NULL or without a number: all end. A
 * prime sees all applications of the company. */
enum { MANDATE_TRUST_DAYS = 30 };
int mandate_organisations(
    struct db *, const char *actor, int64_t account, const json_t *organisation, struct err *);
/* Of a mandate of that kind: name, unit, sees_all, scope and period as given. */
int mandate_renew(struct db *, const char *actor, int64_t id, const struct mandate *, struct err *);
/* Does it hold on this day? (Who the agent is, and protection, are mandate_lets()'s.) */
bool mandate_holds(const struct mandate *, const char *day);
/* Is the word in the scope, or does the scope hold everything? */
bool mandate_scope_has(const struct mandate *, const char *word);

/* A new one in state "proposed" or "active". Checked here: names, ground, dates, acts, a parent's
 * end. Left out: from today, until in a year (parent: the 18th birthday). NULL texts are "".
 * Problems name the field. */
int mandate_make(struct db *, const char *actor, const struct mandate *, int64_t *id, struct err *);
/* An invited agent says yes; ERR_CONFLICT when it is not open any more, or one's own. */
int mandate_accept(
    struct db *, const char *actor, int64_t id, int64_t agent, int64_t person, struct err *);
/* Staff looked at the proof. text: the documents that were seen, or why not; a must. principal: the
 * person of the principal's account, when they have one; 0. */
int mandate_decide(struct db *, const char *actor, int64_t id, bool yes, const char *text,
    int64_t principal, struct err *);
/* Either side or staff. What was only proposed is "refused" when the other side or staff ends it,
 * which `refuse` says. ERR_CONFLICT when it had ended. */
int mandate_end(
    struct db *, const char *actor, int64_t id, bool refuse, const char *reason, struct err *);

#define MANDATE_STATEMENTS(X)                                                                      \
	X(ADD)                                                                                     \
	X(GET)                                                                                     \
	X(OF_AGENT)                                                                                \
	X(OF_PRINCIPAL)                                                                            \
	X(STAFF_GET)                                                                               \
	X(WAITING) X(BY_NAME) X(BY_AGENT) X(BY_NUMBER) X(LETS) X(LETS_FOR) X(RENEW) X(ACCEPT)      \
	    X(DECIDE) X(END) X(STATES)
enum mandate_statement {
#define X(name) MANDATE_SQL_##name,
	MANDATE_STATEMENTS(X)
#undef X
	    MANDATE_SQL_COUNT
};
extern const struct sql mandate_sql[MANDATE_SQL_COUNT];
extern const struct journal_verifier mandate_verifier;
extern const struct module mandate_module;

#endif
