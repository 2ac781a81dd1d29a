/* Residents, staff, departments, posts, roles: who is acting and what they may do.
 *
 * Dates are YYYY-MM-DD; a period holds its first and its last day. "Today" is the day in Japan. */
#ifndef IDENTITY_IDENTITY_H
#define IDENTITY_IDENTITY_H

#include <jansson.h>
#include <stdio.h>

#include "identity/field_class.h"
#include "store/store.h"
#include "web/web.h"

/* Ranks of posts (職位), low to high; routes name them in Japanese as in the definitions. */
enum rank { RANK_STAFF, RANK_CHIEF, RANK_SECTION, RANK_DIVISION, RANK_MAYOR, RANK_COUNT };
/* 係員 係長 課長 部長 市長; -1 when the name is none of them. */
int rank_parse(const char *name);
const char *rank_name(enum rank);

/* The resident's profile for prefill: {name:{family,given}, furigana:{...}, birthday,
 * address:{...}, phone, email}. NULL when there is no such person. On the arena (freed with it;
 * take a reference to keep it longer). */
int person_profile(struct db *, struct arena *, int64_t person, json_t **out, struct err *);
/* Where notices for a person go, and in which language. *mail is NULL when there is none; a person
 * that does not exist is ERR_MISSING. */
int person_mail(
    struct db *, struct arena *, int64_t person, char **mail, char **lang, struct err *);

/* A department that exists today. */
int department_by_name(struct db *, const char *name, int64_t *id, struct err *); /* 1, 0, <0 */
/* Names of present and past departments and staff; "" when there is none with this id. */
char *department_name(struct db *, struct arena *, int64_t id, struct err *);
char *department_name_in(struct db *, struct arena *, int64_t id, const char *lang,
    struct err *); /* en falls back to ja */
char *staff_name(struct db *, struct arena *, int64_t staff, struct err *);
/* The page where the work of somebody with these roles is: the inbox (also on an error), unless
 * none of them has to do with it. Static. */
const char *staff_home(struct db *, int64_t staff);
/* Persons whose name, reading or mail address is exactly what was typed; staff whose name or login
 * has it. At most 20, on the arena; the count or <0. */
int people_find(struct db *, struct arena *, const char *typed, int64_t **persons, struct err *);
int staff_find(struct db *, struct arena *, const char *typed, int64_t **staff, struct err *);
/* Department and post of a staff member on a day, for people to read: "生活衛生課 係長". On the
 * request's arena. */
char *staff_place_on(struct request *, struct db *, int64_t staff, const char *day, struct err *);
/* The staff member's own mail address and language; *mail NULL when there is none. */
int staff_mail(struct db *, struct arena *, int64_t staff, char **mail, char **lang, struct err *);

struct department {
	int64_t id, parent; /* 0: top */
	const char *code, *name, *name_en, *from, *until;
	int depth; /* 0: top */
};
/* The departments that exist on a day (NULL: all, also past ones) as a tree: each one is followed
 * by those below it, in the order of their codes. Returns the count or <0. */
int department_tree(
    struct db *, struct arena *, const char *on, struct department **out, struct err *);

/* Staff who hold a rank in a department today (concurrent posts and terms considered), oldest post
 * first. 係員 are those of the department itself; for the higher ranks, a department that has none
 * asks the one above it, so that 部長 of a section is the head of its division. Returns the count
 * or <0. */
int staff_of_post(
    struct db *, struct arena *, int64_t department, enum rank, int64_t **staff, struct err *);
bool staff_holds(struct db *, int64_t staff, int64_t department, enum rank);
/* Everybody with a post in the department itself today. Returns the count or <0. */
int staff_of_department(
    struct db *, struct arena *, int64_t department, int64_t **staff, struct err *);

/* The deputy (代決者) who may act for an officer today in a case of the department (0: any): named,
 * or the holder of the post that was named; the officer absent, the deputy not. 0: none. */
int64_t staff_deputy_of(struct db *, int64_t staff, int64_t department);
bool staff_is_absent(struct db *, int64_t staff);

/* Has the staff member this permission in this department (0: in any)? From a post: its rank's
 * role, in the department, and from 課長 up also in those below it; from a granted role: in the
 * department and those below it, or everywhere; from an absent officer one is the deputy of. One
 * query. */
bool staff_may(struct db *, int64_t staff, const char *perm, int64_t department);
/* The same for one kind of record: roles may be for some procedures only. */
bool staff_may_in(
    struct db *, int64_t staff, const char *perm, int64_t department, const char *procedure);
/* Does every role that gives the staff member this permission give it for all procedures? Then
 * departments say all about what they may. */
bool staff_may_all_procedures(struct db *, int64_t staff, const char *perm);

/* The classes (bits) that the staff member's roles with application.read show of a record. */
unsigned staff_sees_classes(struct db *, int64_t staff, int64_t department, const char *procedure);

/* Why somebody has a permission: a row for each role that gives it. */
struct right_reason {
	const char *source; /* "post", "grant", "deputy" */
	const char *role;
	int rank;           /* of a post or of the officer's; -1: granted */
	int64_t department; /* 0: the whole city */
	bool reaches;       /* the departments below, too */
	const char *from, *until;
	int64_t officer;               /* who is away, of a deputy; 0: none */
	const char *const *procedures; /* NULL: every kind of record */
};
/* The reasons for which staff_may_in() says yes (perm NULL: all that gives anything); the count, 0:
 * it says no, <0. On the arena. Department 0: anywhere. */
int right_explain(struct db *, struct arena *, int64_t staff, const char *perm, int64_t department,
    const char *procedure, struct right_reason **out, struct err *);
/* Has the staff member it there because the department is theirs (a post, a role granted for it or
 * for one above, an absent officer's), not because of a role for the whole city? */
bool staff_works_in(
    struct db *, int64_t staff, const char *perm, int64_t department, const char *procedure);
/* staff_may() for who makes the request, API token scopes considered. False for residents. */
bool request_may(struct request *, struct db *, const char *perm, int64_t department);
/* The permissions that the request's API token has of its owner's, parted by spaces; NULL: it came
 * without one and has them all. staff_may() knows nothing of them: ask scope_allows() as well. */
const char *request_scopes(const struct request *);
bool scope_allows(const char *scopes, const char *perm);
/* All present departments where the staff member has the permission. Returns the count or <0. */
int staff_departments(
    struct db *, struct arena *, int64_t staff, const char *perm, int64_t **ids, struct err *);

/* Whom to tell that something in a department waits for who has a permission: the holders of a post
 * there (or further up the line), and who was granted a role that gives it. Returns the count or
 * <0. */
int staff_to_ask(struct db *, struct arena *, const char *perm, enum rank rank, int64_t department,
    int64_t **staff, struct err *);

/* How well the person must be known (身元確認保証レベル), and how well the session must have been
 * proven to be theirs (当人認証保証レベル); 1 to 3, see assurance/assurance.h. */
struct assurance {
	int identity, authentication;
};
/* 0: go on. 1: it is not enough, and the answer leads to the page where it is raised; the handler
 * returns 0. From there it leads to next (a path of this site; NULL: the present address, which
 * must be a page). Programs get ERR_DENIED "identity.assurance.needed" with what is needed. <0. */
int assurance_demand(struct request *, struct assurance needed, const char *next, struct err *);

/* Test and demo makers, also used by `machi user`: all inside a write. The journal says "system".
 */
int resident_add(struct db *, const char *mail, const char *password_hash, json_t *profile,
    const char *lang, int64_t *account, int64_t *person, struct err *);
/* parent 0: top; name_en NULL: none. */
int department_add(struct db *, const char *code, const char *name, const char *name_en,
    int64_t parent, int64_t *id, struct err *);
int staff_add(struct db *, const char *login, const char *password_hash, const char *name,
    int64_t *account, int64_t *staff, struct err *);
/* from NULL: since ever; until NULL: no end. */
int post_add(struct db *, int64_t staff, int64_t department, enum rank, const char *from,
    const char *until, struct err *);
int absence_add(struct db *, int64_t staff, const char *from, const char *until, struct err *);
/* department 0: in every department. */
int deputy_add(struct db *, int64_t staff, int64_t deputy, int64_t department, const char *from,
    const char *until, struct err *);
/* Roles: clerk chief manager records accounting procedures operator identity_admin identity_check
 * security auditor (roles.c says what each may do), and those of the city's own. department 0: the
 * whole city. */
int role_grant(struct db *, int64_t staff, const char *role, int64_t department, struct err *);

/* argon2id (19 MiB, 2 passes, 1 lane); slow on purpose: call from rq_defer or commands. Only a few
 * run at a time, others wait. */
int password_hash(struct arena *, const char *password, char **out, struct err *);
bool password_verify(const char *hash, const char *password);

/* Writes what is wrong with the roles in a city's folder, a line with file, line and remedy;
 * returns how many. The city need not be open. */
int roles_check_city(const char *dir, FILE *out);

/* Looks at a file of roles that is not in use: what is wrong with it, and with a store (db may be
 * NULL) whose rights it would change from those of the city in dir, a line each. The count of
 * problems, or <0. */
int roles_check_file(const char *path, const char *dir, struct db *, FILE *out, struct err *);

/* What the city trusts of cards and time stamps, as its settings card.* and <city>/trust say. The
 * city's; any thread. */
struct pki *city_pki(const struct city *);
/* PEM of the authorities whose cards the city knows people by; no bytes: none. */
struct str card_authorities(const struct city *);

extern const struct module card_module;
extern const struct module identity_module, assurance_module, passkey_module;
/* For web_set_authenticator(), once at start. */
extern const struct authenticator identity_authenticator;

#endif
