/* Residents, staff, departments, posts, roles: who is acting and what they may do. */
#ifndef IDENTITY_IDENTITY_H
#define IDENTITY_IDENTITY_H

#include <jansson.h>

#include "store/store.h"
#include "web/web.h"

/* Ranks of posts (職位), low to high; routes name them in Japanese as in the definitions. */
enum rank { RANK_STAFF, RANK_CHIEF, RANK_SECTION, RANK_DIVISION, RANK_MAYOR, RANK_COUNT };
/* 係員 係長 課長 部長 市長; -1 when the name is none of them. */
int rank_parse(const char *name);
const char *rank_name(enum rank);

/* The resident's profile for prefill: {name:{family,given}, furigana:{...}, birthday, address:{...},
 * phone, email}. NULL when there is no such person. On the arena. */
int person_profile(struct db *, struct arena *, int64_t person, json_t **out, struct err *);
int person_mail(struct db *, struct arena *, int64_t person, char **mail, char **lang, struct err *);

int department_by_name(struct db *, const char *name, int64_t *id, struct err *); /* 1, 0, <0 */
char *department_name(struct db *, struct arena *, int64_t id, struct err *);
char *staff_name(struct db *, struct arena *, int64_t staff, struct err *);

/* Staff who hold a rank in a department today (concurrent posts and terms considered). */
int staff_of_post(struct db *, struct arena *, int64_t department, enum rank, int64_t **staff,
    struct err *);
bool staff_holds(struct db *, int64_t staff, int64_t department, enum rank);
/* The deputy registered for an absent officer today; 0: none. */
int64_t staff_deputy_of(struct db *, int64_t staff, int64_t department);
bool staff_is_absent(struct db *, int64_t staff);
/* Has the staff member this permission in this department (0: in any)? */
bool staff_may(struct db *, int64_t staff, const char *perm, int64_t department);

/* Test and demo makers, also used by `machi user`: all inside a write. */
int resident_add(struct db *, const char *mail, const char *password_hash, json_t *profile,
    const char *lang, int64_t *account, int64_t *person, struct err *);
int department_add(struct db *, const char *code, const char *name, const char *name_en, int64_t parent,
    int64_t *id, struct err *);
int staff_add(struct db *, const char *login, const char *password_hash, const char *name,
    int64_t *account, int64_t *staff, struct err *);
int post_add(struct db *, int64_t staff, int64_t department, enum rank, const char *from,
    const char *until, struct err *);
int role_grant(struct db *, int64_t staff, const char *role, int64_t department, struct err *);
/* argon2id with the parameters of docs/decisions; slow on purpose: call from rq_defer or commands. */
int password_hash(struct arena *, const char *password, char **out, struct err *);
bool password_verify(const char *hash, const char *password);

#endif
