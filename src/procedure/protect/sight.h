/* Who sees which application beyond departments: protected people (支援措置), and emergency access
 * (緊急アクセス). Asked by the functions that read applications, never by pages. */
#ifndef PROCEDURE_SIGHT_H
#define PROCEDURE_SIGHT_H

#include "procedure/application/life.h"

/* Is it by or about a protected person, and the staff member (0: anybody) not named? On an error:
 * yes. */
bool sight_hides(struct db *, int64_t application, int64_t account, int64_t staff);

/* All that is hidden from a staff member, by id; what lists and counts leave out. */
struct hidden {
	int64_t id, department, bucket, order_key, assignee;
	const char *procedure;
};
/* The count or <0; on the arena, remembered while a page is made. */
int sight_hidden(
    struct db *, struct arena *, int64_t staff, const struct hidden **out, struct err *);

/* Where mails to the applicant go instead: 1 and *mail ("": none are sent), 0: as usual, <0. */
int sight_mail(struct db *, struct arena *, const struct application *, char **mail, struct err *);

/* Is another party asking about a protected person? 1 and *block, 0, <0. Names are looked for in
 * the answers and in the mandate. */
int sight_asks_about(struct db *, struct arena *, int64_t person, const json_t *answers,
    const json_t *mandate, int64_t *block, struct err *);

/* The same for what a mail is about: "application:12", "account:3". */
bool sight_hides_subject(struct db *, const char *about, int64_t staff);

/* Has the staff member opened it with a reason, and is the time not over? *until_us may be NULL. */
bool emergency_is_open(struct db *, int64_t application, int64_t staff, int64_t *until_us);

#define SIGHT_STATEMENTS(X)                                                                        \
	X(HIDES)                                                                                   \
	X(HIDDEN)                                                                                  \
	X(MAIL)                                                                                    \
	X(MARK)                                                                                    \
	X(MARKED)                                                                                  \
	X(OF_ACCOUNTS) X(EMERGENCY_ADD) X(EMERGENCY_OPEN) X(EMERGENCY_LIST) X(EMERGENCY_GET)       \
	    X(EMERGENCY_REVIEW) X(EMERGENCY_FIND)
enum sight_statement {
#define X(name) SIGHT_##name,
	SIGHT_STATEMENTS(X)
#undef X
	    SIGHT_SQL_COUNT
};
extern const struct sql sight_sql[SIGHT_SQL_COUNT];
extern const struct sql *const sight_statements[SIGHT_SQL_COUNT];

extern const struct module sight_pages;

#endif
