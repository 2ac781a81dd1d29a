/* How sure the city is of who is acting (DS-511, two axes), and what people sign in with.
 *
 *  - Identity proofing (身元確認保証レベル) is of the PERSON, dated: 1 self-asserted (mail address
 *    confirmed), 2 checked (documents, at the counter or by a provider), 3 proven by the My Number
 *    Card's certificate. proof_add() adds a row; nothing else changes the level.
 *  - Authentication (当人認証保証レベル) is of the SESSION: 1 one factor, 2 two factors, 3 hardware
 *    and resistant to phishing. It comes with sign_in_finish() and session_raise(), and above 1
 *    steps down after `step-up.minutes`.
 *
 * To add a way to sign in: a row in sign_in_methods[] (methods.c), texts identity.method.<name> and
 * identity.method.<name>_help, and pages that end in sign_in_finish() (a new session) or
 * session_raise() (the present one). What these pages need between two requests is a challenge;
 * whom they find is a credential (a key of one account) or an identifier (a name at an outside
 * issuer). All changes are journalled. */
#ifndef IDENTITY_ASSURANCE_H
#define IDENTITY_ASSURANCE_H

#include "identity/private.h"

enum { ASSURANCE_MAX = 3 };

/* --- the session (assurance.c) --- */

/* sign_in_finish() and its struct sign_in_how are in identity/private.h. */

/* Step-up: the present session gets this level and a new cookie, and the sign-in log a line. Inside
 * a write. */
int session_raise(struct request *, struct db *, const struct sign_in_how *, struct err *);
/* The level that a session gets now, and until when. */
struct session_level session_level_of(const struct request *, const struct sign_in_how *);

/* --- ways to sign in (methods.c) --- */

struct sign_in_method {
	const char
	    *name; /* of the session's method: "passkey"; texts identity.method.<name>[_help] */
	int level; /* the highest authentication level that it gives; 0: none */
	int proof; /* the identity proofing level that it brings; 0: none */
	/* Pages. The first two take ?next= along and end there; NULL: there is none. */
	const char
	    *sign_in; /* where signing in begins, linked from /login; NULL: its form is there */
	const char *raise;  /* raises the present session, for who has it set up */
	const char *manage; /* its own page of /account */
	bool (*offered)(const struct city *); /* NULL: in every city */
	/* Has the account this? 1, 0, <0; *text (may be left NULL): the finished text that /account
	 * shows, "on", "2 passkeys". NULL: it is no business of accounts. */
	int (*state)(
	    struct request *, struct db *, const struct account *, const char **text, struct err *);
	/* A way that is several (a provider each): adds an entry for each with way_add(). NULL: one
	 * entry with the method's own texts. page is one of the pages above. */
	void (*entries)(struct request *, const struct sign_in_method *, const char *page,
	    const char *next, json_t *ways);
};
extern const struct sign_in_method sign_in_methods[];
extern const int nsign_in_methods;
/* NULL: none of that name. */
const struct sign_in_method *sign_in_method_find(const char *name);
/* The name of a session's method for people: identity.method.<name>. */
const char *method_text(struct request *, const char *name);
/* {name, label, help, href}; href without language prefix. label and help are finished texts. */
void way_add(struct request *, json_t *ways, const char *name, const char *label, const char *help,
    const char *page, const char *next);

/* Adds the method's entries: its own entries(), or one. */
void way_entries(struct request *, const struct sign_in_method *, const char *page,
    const char *next, json_t *ways);
bool method_offered(const struct request *, const struct sign_in_method *);
/* What /login links to beside its own form. New reference, an array of ways. */
json_t *ways_to_sign_in(struct request *, const char *next);
/* What /account shows: {name, label, text, href, on} of each way that the account has or may have.
 */
int account_ways(struct request *, struct db *, const struct account *, json_t *rows, struct err *);

/* --- keys of one account (credential.c) --- */

struct credential {
	int64_t id, account;
	const char *kind, *name, *handle, *data, *state;
	int64_t counter, created_us, used_us;
};
/* ERR_CONFLICT when the handle is taken. */
int credential_add(
    struct db *, const char *actor, const struct credential *, int64_t *id, struct err *);
/* Active and blocked ones. 1, 0, <0; strings on the arena. */
int credential_find(struct db *, struct arena *, const char *kind, const char *handle,
    struct credential *, struct err *);
/* Those of an account that are not removed, oldest first. Returns the count or <0. */
int credential_list(struct db *, struct arena *, int64_t account, const char *kind,
    struct credential **, struct err *);
int credential_count(struct db *, int64_t account, const char *kind, int64_t *n, struct err *);
/* It signed: counter and day of use (not journalled, like sign-in times). counter 0: it does not
 * count. 1; 0 when the counter had moved on meanwhile: somebody else has the key. */
int credential_used(struct db *, int64_t id, int64_t counter, int64_t now_us, struct err *);
int credential_rename(
    struct db *, const char *actor, int64_t account, int64_t id, const char *name, struct err *);
/* state "blocked" or "removed"; removed ones lose handle and data. ERR_MISSING when it is not the
 * account's. */
int credential_end(
    struct db *, const char *actor, int64_t account, int64_t id, const char *state, struct err *);

/* --- names at outside issuers (identifier.c) --- */

struct identifier {
	int64_t id, account;
	const char *kind, *issuer, *subject, *state, *data;
	const char *valid_from, *valid_until; /* YYYY-MM-DD; NULL: open */
	int64_t created_us, used_us;
};
/* The active one. 1, 0, <0. */
int identifier_find(struct db *, struct arena *, const char *kind, const char *issuer,
    const char *subject, struct identifier *, struct err *);
/* All of an account, newest first; kind NULL: of every kind. Returns the count or <0. */
int identifier_list(struct db *, struct arena *, int64_t account, const char *kind,
    struct identifier **, struct err *);
/* ERR_CONFLICT when it is another account's. */
int identifier_link(
    struct db *, const char *actor, const struct identifier *, int64_t *id, struct err *);
/* A renewed card: the account's row `old` becomes 'replaced', and the new one is linked. */
int identifier_replace(struct db *, const char *actor, int64_t old, const struct identifier *,
    int64_t *id, struct err *);
/* state "revoked" or "removed". ERR_MISSING when it is not the account's or not active. */
int identifier_end(
    struct db *, const char *actor, int64_t account, int64_t id, const char *state, struct err *);
int identifier_used(struct db *, int64_t id, int64_t now_us, struct err *);

/* --- proofing (proof.c) --- */

struct proof {
	int64_t person;
	int level; /* 2 or 3 */
	const char *method, *issuer, *reference;
	const char *from, *until; /* YYYY-MM-DD; NULL: today, no end */
	const char *data;         /* JSON: what was looked at; NULL: nothing */
	int64_t id, created_us,
	    ended_us; /* of proof_list(); ended_us 0: it holds until its last day */
};
int proof_add(struct db *, const char *actor, const struct proof *, struct err *);
/* The person's, newest first; the count or <0. Strings on the arena. */
int proof_list(struct db *, struct arena *, int64_t person, struct proof **, struct err *);
/* A proof is of the items that the person's profile had: ends all that were of other ones. Adding
 * an item that was not there ends nothing. Called by whatever changes a profile, before it. */
int proofs_end_if_changed(
    struct db *, const char *actor, int64_t person, const json_t *profile, struct err *);
/* The person's level today, 1 to 3, or <0. */
int proof_level(struct db *, int64_t person, struct err *);

/* --- between two requests (challenge.c) --- */

/* Something that is waited for: *token (on the arena) finds it, once, for lifetime_s. account 0:
 * not known yet. data may be NULL. Inside a write. */
int challenge_make(struct db *, struct arena *, const char *kind, int64_t account, const char *data,
    int64_t lifetime_s, char **token, struct err *);
/* Takes it: 1 (it is gone now), 0 unknown, used or expired, <0. account and data may be NULL.
 * Inside a write; what the write does when the answer turns out wrong must be kept (no error), or
 * the challenge is there again. */
int challenge_take(struct db *, struct arena *, const char *kind, const char *token,
    int64_t *account, char **data, struct err *);
/* Looks without taking. */
int challenge_look(struct db *, struct arena *, const char *kind, const char *token,
    int64_t *account, char **data, struct err *);

/* The name of a document that was looked at ("licence"), for people. */
const char *document_text(struct request *, const char *name);

int counter_get(struct request *, struct err *);
int counter_post(struct request *, struct err *);
int assurance_get(struct request *, struct err *);
int assurance_code_get(struct request *, struct err *);
int assurance_code_post(struct request *, struct err *);

/* All statements of this folder; identity/assurance/sql.c. */
/* clang-format off */
#define ASSURANCE_STATEMENTS(X) \
	X(PROOF_ADD) X(PROOF_LEVEL) X(PROOF_LIST) X(PROOF_END) X(PROOF_STATE) X(PROOF_STATES) \
	X(CREDENTIAL_ADD) X(CREDENTIAL_FIND) X(CREDENTIAL_LIST) X(CREDENTIAL_COUNT) X(CREDENTIAL_USED) \
	X(CREDENTIAL_RENAME) X(CREDENTIAL_END) X(CREDENTIAL_REMOVE) X(CREDENTIAL_STATE) X(CREDENTIAL_STATES) \
	X(IDENTIFIER_ADD) X(IDENTIFIER_FIND) X(IDENTIFIER_LIST) X(IDENTIFIER_END) X(IDENTIFIER_USED) \
	X(IDENTIFIER_STATE) X(IDENTIFIER_STATES) \
	X(CHALLENGE_ADD) X(CHALLENGE_GET) X(CHALLENGE_DROP) X(CHALLENGE_EXPIRE)
/* clang-format on */
enum assurance_statement {
#define X(name) ASSURANCE_##name,
	ASSURANCE_STATEMENTS(X)
#undef X
	    ASSURANCE_SQL_COUNT
};
extern const struct sql assurance_sql[ASSURANCE_SQL_COUNT];
#define ASSURANCE(name) (&assurance_sql[ASSURANCE_##name])

extern const struct journal_verifier credential_verifier, identifier_verifier, proof_verifier;

/* --- rows with a journalled state (record.c) --- */

/* A kind of row whose state the journal keeps: the subject is "<kind>:<id>". */
struct record_kind {
	const char *kind;
	enum assurance_statement one, all; /* id first, then the columns; ?1 of `one` is the id */
	const char *const *columns; /* names after the id, NULL-terminated; '#name': a number;
	                             '?name', '#?name': not in the state when '' or 0 */
};
int record_journal(struct db *, const char *actor, const char *verb, const struct record_kind *,
    int64_t id, json_t *data, struct err *);
int record_each(struct db *, const struct record_kind *,
    int (*take)(void *arg, const char *subject, json_t *state), void *arg, struct err *);

#endif
