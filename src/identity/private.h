/* Shared between the files of identity only. */
#ifndef IDENTITY_PRIVATE_H
#define IDENTITY_PRIVATE_H

#include "identity/identity.h"

/* Every statement; the texts are in sql.c. */
#define IDENTITY_STATEMENTS(X)                                                                     \
	X(ACCOUNT_ADD)                                                                             \
	X(ACCOUNT_BY_ID)                                                                           \
	X(ACCOUNT_BY_LOGIN)                                                                        \
	X(ACCOUNT_SET_PASSWORD) X(ACCOUNT_SET_STATE) X(ACCOUNT_SET_LOGIN) X(ACCOUNT_SET_MAIL)      \
	    X(ACCOUNT_SET_LANG) X(ACCOUNT_SET_TOTP) X(ACCOUNT_CLOSE) X(ACCOUNT_STATE) X(           \
	        ACCOUNT_STATES) X(ACCOUNT_ACTOR) X(PERSON_ADD) X(PERSON_SET) X(PERSON_ROW)         \
	        X(PERSON_STATES) X(STAFF_ADD) X(STAFF_SET) X(STAFF_ROW) X(STAFF_IDS) X(STAFF_MAIL) \
	            X(STAFF_POSTS) X(STAFF_ROLES) X(STAFF_ABSENCES) X(STAFF_DEPUTIES)              \
	                X(DEPARTMENT_ADD) X(DEPARTMENT_SET) X(DEPARTMENT_ROW) X(DEPARTMENT_ALL)    \
	                    X(DEPARTMENT_BY_NAME) X(DEPARTMENT_BY_CODE) X(DEPARTMENT_ABOVE)        \
	                        X(POST_ADD) X(POST_END) X(POST_DROP) X(POST_HOLDERS)               \
	                            X(POST_MEMBERS) X(ABSENCE_ADD) X(ABSENCE_END) X(ABSENCE_DROP)  \
	                                X(ABSENT) X(DEPUTY_ADD) X(DEPUTY_END) X(DEPUTY_DROP)       \
	                                    X(DEPUTY_OF) X(ROLE_ADD) X(ROLE_END) X(ROLE_DROP)      \
	                                        X(RIGHTS_IN) X(RIGHTS_ANY)

enum identity_statement {
#define X(name) SQL_##name,
	IDENTITY_STATEMENTS(X)
#undef X
	    SQL_COUNT
};
extern const struct sql identity_sql[SQL_COUNT];
extern const struct sql *const identity_statements[SQL_COUNT];
#define SQL(name) (&identity_sql[SQL_##name])

enum { DAY_SIZE = 11 };
#define DAY_FIRST "0001-01-01"
#define DAY_LAST "9999-12-31"
void today(char out[DAY_SIZE]);
/* NULL or "" become the fallback; false when the text is no date. */
bool day_of(const char *text, const char *fallback, char out[DAY_SIZE]);

/* Half-width, lower-case, trimmed: two logins that fold to the same text are the same. */
char *login_fold(struct arena *, const char *login);
/* Text without spaces of any kind, for look-up of names. */
char *name_fold(struct arena *, const char *name);
bool mail_is_plain(const char *mail);
bool login_is_plain(const char *login);

/* json_decref at the end of the arena. Returns j. */
json_t *json_on_arena(struct arena *, json_t *j);

/* --- accounts (account.c) --- */
struct account {
	int64_t id;
	const char *kind, *login, *mail, *hash, *totp, *pending, *state, *lang;
	int64_t totp_step, created_us, signed_in_us, password_us;
	int64_t person, staff; /* 0: none */
	const char *name;
};
/* 1 found, 0 not, <0. Strings on the arena. */
int account_get(struct db *, struct arena *, int64_t id, struct account *, struct err *);
int account_find(struct db *, struct arena *, const char *kind, const char *login, struct account *,
    struct err *);
bool account_is_staff(const struct account *);
bool account_is_active(const struct account *);

/* The changes: each journals "identity.<verb>" as actor. */
int account_set_password(
    struct db *, const char *actor, int64_t id, const char *hash, struct err *);
int account_set_state(struct db *, const char *actor, int64_t id, const char *state, struct err *);
int account_set_login(
    struct db *, const char *actor, int64_t id, const char *login, const char *mail, struct err *);
int account_set_mail(struct db *, const char *actor, int64_t id, const char *mail, struct err *);
int account_set_lang(struct db *, const char *actor, int64_t id, const char *lang, struct err *);
/* sealed NULL: no second factor any more */
int account_set_totp(
    struct db *, const char *actor, int64_t id, const char *sealed, int64_t step, struct err *);
/* Gives the login back and forgets password and second factor; person or staff row stays. */
int account_close(struct db *, const char *actor, int64_t id, struct err *);
/* Appends to the journal with the account's state as it is now. */
int account_journal(
    struct db *, const char *actor, const char *verb, int64_t id, json_t *data, struct err *);

int resident_make(struct db *, const char *actor, const char *mail, const char *hash,
    json_t *profile, const char *lang, int64_t *account, int64_t *person, struct err *);
int person_set(struct db *, const char *actor, int64_t person, json_t *profile, const char *lang,
    struct err *);

/* --- passwords (password.c, password_rules.c) --- */
/* Takes the same time when there is no hash (NULL), so that the answer's time does not tell whether
 * an account exists. */
bool password_verify_or_waste(const char *hash, const char *password);
/* NULL when the new password may be used, else the catalogue key of what is wrong with it. names:
 * NULL-terminated texts that must not be the password's main part (mail address, name). */
const char *password_problem(const char *password, const char *const *names);

/* --- time-based codes (totp.c), RFC 6238 with SHA-1, 6 digits, 30 seconds --- */
enum { TOTP_SECRET_SIZE = 20, TOTP_STEP_S = 30 };
/* The code of a time step. */
int totp_code(const unsigned char secret[TOTP_SECRET_SIZE], int64_t step);
/* The step that the typed code belongs to, within one step around now and after `last`; 0: none. */
int64_t totp_check(
    const unsigned char secret[TOTP_SECRET_SIZE], const char *typed, int64_t now_us, int64_t last);
/* Key as people type it: base32 (RFC 4648 §6) in groups of four. */
char *totp_base32(struct arena *, const unsigned char *bytes, size_t n, bool groups);
/* otpauth://totp/... for the QR code. */
char *totp_uri(struct arena *, const unsigned char secret[TOTP_SECRET_SIZE], const char *issuer,
    const char *login);
/* The text as a QR code: an SVG element with a title for screen readers. */
int qr_svg(struct arena *, const char *text, const char *title, char **out, struct err *);

/* --- staff (staff.c, department.c) --- */
struct staff_fields {
	const char *login, *mail, *name, *kana; /* mail, kana may be NULL */
	const char *hash;                       /* NULL: no password yet */
	const char *lang;                       /* NULL: ja */
};
int staff_make(struct db *, const char *actor, const struct staff_fields *, int64_t *account,
    int64_t *staff, struct err *);
int staff_set(struct db *, const char *actor, int64_t staff, const char *name, const char *kana,
    const char *state, struct err *);
int64_t staff_account(struct db *, int64_t staff); /* 0: none */
int staff_journal(
    struct db *, const char *actor, const char *verb, int64_t staff, json_t *data, struct err *);

struct term {
	const char *from, *until; /* NULL or "": open */
};
/* Its days, checked; problems name the fields "from" and "until". */
int term_days(const struct term *, char from[DAY_SIZE], char until[DAY_SIZE], struct err *);
int post_make(struct db *, const char *actor, int64_t staff, int64_t department, enum rank,
    bool acting, struct term, struct err *);
int absence_make(struct db *, const char *actor, int64_t staff, struct term, struct err *);
int deputy_make(struct db *, const char *actor, int64_t staff, int64_t deputy, int64_t department,
    struct term, struct err *);
int role_make(struct db *, const char *actor, int64_t staff, const char *role, int64_t department,
    struct term, struct err *);
/* Ends a row of a staff member on a day (its last day); rows that had not begun are removed.
 * ERR_MISSING when the row is not this staff member's. */
enum staff_row { ROW_POST, ROW_ROLE, ROW_ABSENCE, ROW_DEPUTY };
int staff_row_end(struct db *, const char *actor, int64_t staff, enum staff_row, int64_t row,
    const char *last_day, struct err *);

struct department_fields {
	const char *code, *name, *name_en;
	int64_t parent;
	struct term term;
};
int department_make(
    struct db *, const char *actor, const struct department_fields *, int64_t *id, struct err *);
int department_set(
    struct db *, const char *actor, int64_t id, const struct department_fields *, struct err *);
/* 1, 0, <0 */
int department_get(struct db *, struct arena *, int64_t id, struct department *, struct err *);
int department_by_code(struct db *, const char *code, int64_t *id, struct err *);

/* --- roles (roles.c) --- */
struct role {
	const char *name; /* "clerk"; the text is identity.role.<name> in the catalogue */
	const char *const *perms;
};
extern const struct role roles[];
extern const int nroles;
int role_find(const char *name); /* index, -1 */
/* The role that comes with a rank. */
int role_of_rank(enum rank);
bool role_has(int role, const char *perm);
/* Bits of the roles that a staff member has anywhere today. */
int staff_roles(struct db *, int64_t staff, uint64_t *bits, struct err *);
bool roles_have(uint64_t bits, const char *perm);

extern const struct journal_verifier account_verifier, person_verifier, staff_verifier,
    department_verifier;

#endif
