/* Shared between the files of this folder only. */
#ifndef IDENTITY_PROTECT_PRIVATE_H
#define IDENTITY_PROTECT_PRIVATE_H

#include "identity/private.h"
#include "identity/protect/protect.h"

#define PROTECT_STATEMENTS(X)                                                                      \
	X(ADD)                                                                                     \
	X(GET)                                                                                     \
	X(LIST)                                                                                    \
	X(OTHERS)                                                                                  \
	X(EXTEND)                                                                                  \
	X(END) X(DUE) X(TOLD) X(SUBJECT_ADD) X(SUBJECTS) X(SUBJECT_HAS) X(PERSON_BY_NAME)          \
	    X(PERSON_BY_MAIL) X(PARTY_ADD) X(PARTIES) X(STAFF_ADD) X(STAFF_DROP) X(STAFF_LIST)     \
	        X(STAFF_HAS) X(STAFF_BY_LOGIN) X(HIDES_ACCOUNT) X(SEND_MAIL) X(OF_PARTY) X(IDS)

enum protect_statement {
#define X(name) PROTECT_##name,
	PROTECT_STATEMENTS(X)
#undef X
	    PROTECT_SQL_COUNT
};
extern const struct sql protect_sql[PROTECT_SQL_COUNT];
extern const struct sql *const protect_statements[PROTECT_SQL_COUNT];
#define PSQL(name) (&protect_sql[PROTECT_##name])

struct block_fields {
	const char *ground, *opinion, *scope, *received_from, *forwarded_to, *send_to, *send_mail;
	struct term term; /* until left out: one year */
};
extern const char *const block_grounds[]; /* NULL-terminated */

/* All inside a write; each journals "identity.block_*" without names. The maker is named. */
int block_make(struct db *, const char *actor, int64_t staff, const struct block_fields *,
    int64_t *id, struct err *);
/* Adds the person, and every account of that name and birthday; mail (NULL: not said) names one. */
int block_add_subject(struct db *, const char *actor, int64_t block, const char *name,
    const char *birthday, const char *mail, struct err *);
int block_add_party(struct db *, const char *actor, int64_t block, const char *name,
    const char *birthday, struct err *);
int block_add_staff(struct db *, const char *actor, int64_t block, const char *login, struct err *);
/* The last one named stays. */
int block_drop_staff(struct db *, const char *actor, int64_t block, int64_t staff, struct err *);
/* From one month before the end; another year. */
int block_extend(struct db *, const char *actor, int64_t block, const char *opinion, struct err *);
int block_end(struct db *, const char *actor, int64_t block, const char *reason, struct err *);

/* All of it, for the journal; new reference. */
int block_state(struct db *, int64_t block, json_t **out, struct err *);
extern const struct journal_verifier block_verifier;

int protections_get(struct request *, struct err *);
int protection_new(struct request *, struct err *);
int protection_get(struct request *, struct err *);
int protection_do(struct request *, struct err *);

#endif
