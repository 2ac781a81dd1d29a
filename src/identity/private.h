/* Shared between the files of identity only. */
#ifndef IDENTITY_PRIVATE_H
#define IDENTITY_PRIVATE_H

#include "base/json.h"
#include "base/secret.h"
#include "identity/identity.h"

/* Every statement; the texts are in sql.c. */
/* clang-format off */
#define IDENTITY_STATEMENTS(X) \
	X(ACCOUNT_ADD) X(ACCOUNT_BY_ID) X(ACCOUNT_BY_LOGIN) X(ACCOUNT_SET_PASSWORD) \
	X(ACCOUNT_SET_STATE) X(ACCOUNT_SET_LOGIN) X(ACCOUNT_SET_MAIL) X(ACCOUNT_SET_LANG) \
	X(ACCOUNT_SET_TOTP) X(ACCOUNT_CLOSE) X(ACCOUNT_STATE) X(ACCOUNT_STATES) \
	X(ACCOUNT_ACTOR) X(PERSON_ADD) X(PERSON_SET) X(PERSON_ROW) X(PERSON_STATES) \
	X(STAFF_ADD) X(STAFF_SET) X(STAFF_ROW) X(STAFF_IDS) X(STAFF_MAIL) X(STAFF_POSTS) \
	X(STAFF_ROLES) X(STAFF_ABSENCES) X(STAFF_DEPUTIES) X(DEPARTMENT_ADD) X(DEPARTMENT_SET) \
	X(DEPARTMENT_ROW) X(DEPARTMENT_ALL) X(DEPARTMENT_BY_NAME) X(DEPARTMENT_BY_CODE) \
	X(DEPARTMENT_ABOVE) X(POST_ADD) X(POST_END) X(POST_DROP) X(POST_HOLDERS) \
	X(POST_MEMBERS) X(ABSENCE_ADD) X(ABSENCE_SET) X(ABSENCE_ROW) X(ABSENCE_OVERLAP) \
	X(ABSENCE_END) X(ABSENCE_DROP) X(ABSENT) X(AWAY) X(MANAGED) X(DEPUTY_ADD) \
	X(DEPUTY_SET) X(DEPUTY_ROW) X(DEPUTY_CANDIDATES) X(DEPUTY_END) X(DEPUTY_DROP) X(DEPUTY_OF) X(ROLE_ADD) X(ROLE_END) X(ROLE_DROP) X(ROLE_HOLDERS) X(ROLE_GRANTS) \
	X(RIGHTS_IN) X(RIGHTS_ANY) X(ACCOUNT_SIGNED_IN) X(ACCOUNT_SET_STEP) \
	X(ACCOUNT_SET_PENDING) X(TOTP_AFTER) X(TOTP_RESEAL) X(ACCOUNT_TOP) X(REGISTRATION_ADD) X(REGISTRATION_GET) X(REGISTRATION_DROP) \
	X(REGISTRATION_EXPIRE) X(ONCE_ADD) X(ONCE_GET) X(ONCE_DROP) X(ONCE_COUNT) \
	X(ONCE_EXPIRE) X(RECOVERY_ADD) X(RECOVERY_USE) X(RECOVERY_CLEAR) X(RECOVERY_COUNT) \
	X(TOKEN_ADD) X(TOKEN_BY_HASH) X(TOKENS_OF) X(TOKEN_REVOKE) X(TOKEN_USED) \
	X(TOKEN_STATE) X(TOKEN_STATES) X(DEVICE_FIND) X(DEVICE_SEEN) X(DEVICE_FORGET) \
	X(ATTEMPT_GET) X(ATTEMPT_PUT) X(ATTEMPT_CLEAR) X(ATTEMPT_EXPIRE) X(SIGN_IN_ADD) \
	X(SIGN_IN_OF) X(SIGN_IN_EXPIRE) X(USERS) X(RESIDENTS) X(DEPARTMENT_STAFF)
/* clang-format on */

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
/* The day before the request's: the last day of what ends at once. */
const char *yesterday(struct request *);
/* NULL or "" become the fallback; false when the text is no date. */
bool day_of(const char *text, const char *fallback, char out[DAY_SIZE]);

/* Half-width, lower-case, trimmed: two logins that fold to the same text are the same. */
char *login_fold(struct arena *, const char *login);
/* Text without spaces of any kind, for look-up of names. */
char *name_fold(struct arena *, const char *name);
/* A LIKE pattern for texts that hold the folded name; its wildcards are escaped with !. */
char *name_pattern(struct arena *, const char *text);
bool mail_is_plain(const char *mail);
bool login_is_plain(const char *login);

/* --- accounts (account.c) --- */
struct account {
	int64_t id;
	const char *kind, *login, *mail, *hash, *totp, *pending, *state, *lang;
	int64_t totp_step, created_us, signed_in_us, password_us;
	int64_t person, staff; /* 0: none */
	const char *name;
	bool has_passkey; /* an active one */
};
/* A time-based code or a passkey. */
bool account_has_second(const struct account *);
/* 1 found, 0 not, <0. Strings on the arena. */
int account_get(struct db *, struct arena *, int64_t id, struct account *, struct err *);
int account_find(struct db *, struct arena *, const char *kind, const char *login, struct account *,
    struct err *);
bool account_is_staff(const struct account *);
bool account_is_active(const struct account *);
/* "resident:12" or "staff:3" for the journal. */
char *account_actor(struct arena *, const struct account *);

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
/* The same secrets under another key. */
int account_resealed(struct db *, int64_t id, const char *totp, const char *pending, struct err *);
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
/* reason "": not said. */
int role_make(struct db *, const char *actor, int64_t staff, const char *role, int64_t department,
    struct term, const char *reason, struct err *);
/* Ends a row of a staff member on a day (its last day); rows that had not begun are removed.
 * ERR_MISSING when the row is not this staff member's. */
enum staff_row { ROW_POST, ROW_ROLE, ROW_ABSENCE, ROW_DEPUTY };
int staff_row_end(struct db *, const char *actor, int64_t staff, enum staff_row, int64_t row,
    const char *last_day, struct err *);
/* Ends a change: with rc >= 0 journals it with the staff member's state; lets go of data. 0 or <0.
 */
int staff_changed(struct db *, const char *actor, const char *verb, int64_t staff, int rc,
    json_t *data, struct err *);

/* --- absences and deputies (absence.c); days that overlap another absence are ERR_CONFLICT --- */
extern const char *const absence_reasons[]; /* NULL-terminated; texts: identity.absence.reason.* */
struct absence_fields {
	struct term term;
	const char *reason; /* "": not said */
};
int absence_make(
    struct db *, const char *actor, int64_t staff, const struct absence_fields *, struct err *);
/* ERR_MISSING when the row is not this staff member's. */
int absence_change(struct db *, const char *actor, int64_t staff, int64_t row,
    const struct absence_fields *, struct err *);

enum { DEPUTY_PLACES = 99 };
struct deputy_fields {
	int64_t deputy;     /* 0: whoever holds the rank in the department that the case is in */
	enum rank rank;     /* RANK_STAFF when there is a deputy */
	int64_t department; /* 0: every one */
	int64_t place;      /* 0: asked first */
	struct term term;
};
int deputy_make(
    struct db *, const char *actor, int64_t staff, const struct deputy_fields *, struct err *);
int deputy_change(struct db *, const char *actor, int64_t staff, int64_t row,
    const struct deputy_fields *, struct err *);
/* As staff_deputy_of(), also when the officer is there. */
int64_t staff_deputy_if_absent(struct db *, int64_t staff, int64_t department);
/* Is the boss 課長 or higher in a department of theirs or above it, with a higher rank? */
bool staff_manages(struct db *, int64_t boss, int64_t staff);

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

/* --- roles (roles.c, rights/file.c) --- */
struct role {
	const char *name; /* "clerk" */
	const char *const *perms;
	bool whole_city;  /* its permissions know no department: granted for the whole city only */
	const char *home; /* the page of its work; NULL: the inbox */
	unsigned classes; /* bits of enum field_class that it may see */
	/* Kinds of record, names of procedures; NULL: every one. */
	const char *const *procedures;
	/* Of a role of the city's own; NULL: identity.role.<name> of the catalogues. */
	const char *title_ja, *title_en;
};
/* The city's rule which role a post brings instead of its rank's. */
struct post_role {
	int rank;
	const char *department; /* code; NULL: every one */
	int role;
};
enum { ROLES_MAX = 64 }; /* a set of bits */
/* The roles of a city: those of the program, and its own in custom/roles.yaml. Immutable. */
struct role_set {
	const struct role *list;
	int n;
	const struct post_role *posts;
	int nposts;
	struct arena *arena;     /* NULL: the program's */
	struct role_set *former; /* what was used before it was read anew */
};
extern const struct role_set roles_built_in;
const struct role_set *roles_of(struct db *);
/* The roles of the city in this folder, which need not be open: those of its custom/roles.yaml, or
 * the program's. On the arena. ERR_INPUT names file and line. */
int roles_read(const char *dir, struct arena *, const struct role_set **, struct err *);
/* Reads custom/roles.yaml into the store's set; ERR_INPUT names file and line. */
int roles_load(struct city *, struct err *);
void roles_close(struct city *);
int role_find(const struct role_set *, const char *name); /* index, -1 */
/* The role that a post brings. */
int role_of_post(const struct role_set *, enum rank, struct str department_code);
/* As right_explain() for all that gives anything anywhere, if these were the roles. */
int right_explain_under(struct db *, struct arena *, const struct role_set *, int64_t staff,
    struct right_reason **out, struct err *);
bool role_has(const struct role *, const char *perm);
bool role_takes(const struct role *, const char *procedure); /* NULL: any */
const char *role_text(struct request *, const struct role_set *, const char *name);
/* --- granted roles (rights/grants.c) --- */
struct granted {
	int64_t staff;
	const char *role, *reason;
	struct term term;
};
/* Mails the heads of the departments where the staff member has a post. Inside a write. */
int grant_tell(struct request *, struct db *, const struct granted *, struct err *);
/* All of today and later, the first to end first. New reference. */
int grants_view(struct request *, struct db *, json_t **out, struct err *);

/* Bits of the roles that a staff member has anywhere today. */
int staff_roles(struct db *, int64_t staff, uint64_t *bits, struct err *);
bool roles_have(const struct role_set *, uint64_t bits, const char *perm);

/* First column of all rows; ends r (NULL: the query failed). Returns the count or <0. */
int id_list(struct rows *, struct arena *, int64_t **out);

/* --- tokens (token.c) --- */
enum {
	TOKEN_HASH_SIZE = 65,       /* hexadecimal SHA-256 and NUL */
	REGISTRATION_S = 24 * 3600, /* how long the link in the mail works */
	RESET_S = 3600,
	INVITE_S = 7 * 24 * 3600, /* first password of staff */
	SECOND_S = 10 * 60,       /* between password and second factor */
	RECOVERY_CODES = 10,
	RECOVERY_LENGTH = 10,
	SIGN_IN_KEPT_DAYS = 400
};
void token_hash(const char *token, char out[TOKEN_HASH_SIZE]);

/* A token that works once, for an account; kind "reset", "mail" or "second"; data may be NULL. */
int once_make(struct db *, struct arena *, const char *kind, int64_t account, const char *data,
    int64_t lifetime_s, char **token, struct err *);
/* 1 found, 0 unknown, used or expired, <0. data may be NULL. */
int once_find(struct db *, struct arena *, const char *kind, const char *token, int64_t *account,
    char **data, struct err *);
/* Ends all tokens of that kind. */
int once_drop(struct db *, int64_t account, const char *kind, struct err *);
/* Ends all tokens of the account, whatever they are for. */
int once_drop_all(struct db *, int64_t account, struct err *);

struct registration {
	const char *mail, *hash, *profile, *lang; /* profile: JSON text */
	const char *next;                         /* where confirming leads; NULL: not said */
};
int registration_make(
    struct db *, struct arena *, const struct registration *, char **token, struct err *);
int registration_find(
    struct db *, struct arena *, const char *token, struct registration *, struct err *);
int registration_drop(struct db *, const char *token, struct err *);

/* Ten new codes, "ABCDE-FGHIJ", in place of the old ones; the array is on the arena. */
int recovery_make(struct db *, struct arena *, int64_t account, json_t **codes, struct err *);
/* 1 when it was one of them (it is gone now), 0 not. */
int recovery_use(struct db *, struct arena *, int64_t account, const char *typed, struct err *);

int api_token_make(struct db *, struct arena *, const char *actor, int64_t account,
    const char *name, const char *scopes, int64_t lifetime_s, char **token, struct err *);
int api_token_revoke(struct db *, const char *actor, int64_t account, int64_t id, struct err *);
int api_token_revoke_all(struct db *, const char *actor, int64_t account, struct err *);
bool scope_has(const char *scopes, const char *scope);

/* Bound to the account. Sealing: inside a write. */
int totp_seal(struct db *, struct arena *, int64_t account,
    const unsigned char secret[TOTP_SECRET_SIZE], char **out, struct err *);
int totp_open(struct db *, struct arena *, int64_t account, const char *sealed,
    unsigned char secret[TOTP_SECRET_SIZE], struct err *);
extern const struct protects totp_protects, card_protects;

/* What is compared but not to be read: hexadecimal HMAC-SHA-256 under a key of the city. Any
 * thread. */
int identity_blind(
    struct db *, struct arena *, const char *context, struct str value, char **out, struct err *);

/* --- signing in (signin.c) --- */
/* How long to wait after so many failures. */
int64_t attempt_wait_us(int64_t failed);
void attempt_key(const char *kind, const char *what, char out[TOKEN_HASH_SIZE]);
/* Counts an attempt; *wait_us > 0: not now, it was not counted. Inside a write. */
int attempt_begin(struct db *, const char *key, int64_t now, int64_t *wait_us, struct err *);
int attempt_clear(struct db *, const char *key, struct err *);
/* 1 when this browser signed in to the account before. */
int device_find(struct request *, struct db *, int64_t account, int64_t *device, struct err *);
/* method: with what ("password"); outcome as in the table sign_in; account NULL: unknown. */
int sign_in_log(struct request *, struct db *, const struct account *, const char *method,
    const char *outcome, struct err *);
/* What somebody signed in with: the name of a method, and its authentication level (1 to 3). */
struct sign_in_how {
	const char *method;
	int level;
};
/* Session, device, log, notice. attempt: the count to forget, NULL: none. Inside a write. */
int sign_in_finish(struct request *, struct db *, const struct account *,
    const struct sign_in_how *, const char *attempt, struct err *);
/* Do staff of this city need a second factor? Without one they are nobody until they have set it
 * up. */
bool second_required(const struct city *);
/* A mail to the account's own address, in its language; view (taken over, may be NULL) gets name,
 * city and, unless it has one, login_url. Nothing when there is no address. */
int account_mail(struct request *, struct db *, const struct account *, const char *kind,
    json_t *view, struct err *);
/* Another address (NULL: none, staff only), which is also a resident's login: the old one is told,
 * so that a theft does not go unseen, and links that went to it end. */
int account_mail_change(struct request *, struct db *, const char *actor, const struct account *,
    const char *mail, struct err *);
const char *city_name(const struct city *, const char *lang);
const char *home_of(struct db *, const struct account *); /* where a sign-in leads to */
/* Where the person was when they had to sign in, as the request says it ("next"): a path of this
 * site, or NULL. */
const char *next_of(struct request *);
/* path, taking next (NULL: none) along; on the arena. */
const char *next_along(struct arena *, const char *path, const char *next);
/* Lets the page's form, its links to sign in or register and its other languages take next along
 * (NULL: nowhere). After page_form(). */
void page_next(struct request *, const char *path, const char *next);
int tidy_job(struct store *, void *context, struct arena *, json_t *payload, struct err *);
int identity_city_open(struct city *, struct err *);

/* What a page of an account needs: the account of the session. ERR_DENIED for API tokens, which
 * must not change how somebody signs in. */
int own_account(struct request *, struct db *, struct account *, struct err *);

/* Between password and second factor: who proved the password a moment ago, and where it leads to
 * (may be NULL). 1; 0 and a redirect to /login when nobody did; <0. */
int second_account(struct request *, struct db *, struct account *, char **next, struct err *);
/* Ends that state after a success: the session begins. attempt as in sign_in_finish(). */
int second_done(struct request *, struct db *, const struct account *, const struct sign_in_how *,
    const char *attempt, struct err *);
/* Counts an attempt at the second factor; wait_us > 0: not now, which is noted and logged. */
int second_attempt(struct request *, struct db *, const struct account *,
    char attempt[TOKEN_HASH_SIZE], int64_t *wait_us, struct err *);
/* Is it the account's present time-based code, or one of its recovery codes? 1 (it is used up, and
 * *how says what it was), 0, <0. */
int second_fits(struct request *, struct db *, const struct account *, const char *code,
    struct sign_in_how *how, struct err *);
/* Makes a secret that waits to be proven by a code. */
int second_secret(struct request *, struct db *, int64_t account, struct err *);

/* "Too many attempts, try again in ...": status 429. */
void wait_problem(struct request *, const char *field, int64_t wait_us);
/* Mails a link to choose a (new) password. kind "password-reset" or "identity/invite-staff". next:
 * where signing in with it leads, NULL: home. */
int reset_send(struct request *, struct db *, const struct account *, const char *kind,
    int64_t lifetime_s, const char *next, struct err *);
/* The address of a page with a token, for a mail. */
const char *mail_link(struct request *, const char *lang, const char *path, const char *token);
char *mail_tidy(struct arena *, const char *typed);
void check_new_password(
    struct request *, const char *field, const char *password, const char *const *names);

/* --- pages of one's own account (pages_account.c) --- */
struct own {
	struct account account;
	int (*write)(struct request *, struct db *, struct err *);
	const char *new_password; /* hashed before write, NULL: none */
	char *hash;
	const char *mail;
	json_t *profile;
	int64_t wait_us;
	char attempt[TOKEN_HASH_SIZE];
};
/* The account of the session, in *out, and the breadcrumb. */
int own_open(struct request *, struct own **out, struct err *);
/* Ends a handler: o->write runs when the form's "password" is the account's own; else the view that
 * was built is shown again with what is wrong. */
int with_password(struct request *, struct own *o);
/* The same, but who proved two factors a moment ago (level 2) is not asked for the password. */
int with_fresh(struct request *, struct own *o);
/* The form's field for that password, when it will be asked for. */
void fresh_field(struct request *, json_t *form);
void account_crumb(struct request *);
/* Where an account is signed in, and its sign-ins (older ones at path): view.sessions, .history. */
int sessions_view(struct request *, struct db *, int64_t account, struct err *);
int history_view(struct request *, struct db *, int64_t account, const char *path, struct err *);
/* "Firefox, Linux" for a User-Agent header. */
const char *agent_text(struct request *, const char *agent);
/* Ends everything that can sign in: sessions, links, API tokens. */
int account_shut(struct db *, const char *actor, int64_t account, struct err *);

/* --- pages of staff and departments --- */
const char *rank_text(struct request *, enum rank);
/* Into a row of a view: "from" and "until" (left out when open), "now", "past" on that day. */
/* "from" and "until" of a term; days that say "always" are left out. */
void put_term(json_t *row, const char *from, const char *until);
void put_when(json_t *row, const char *from, const char *until, const char *day);
/* Notes that a colleague's record is shown. */
int note_colleague(struct request *, int64_t staff, struct err *);
/* Posts of a staff member; with only_now only those of today. New reference. */
json_t *posts_view(struct request *, struct db *, int64_t staff, bool only_now, struct err *err);
/* Makes the field a select of today's departments as a tree; none: key of a choice without one. */
int department_options(
    struct request *, struct db *, json_t *field, int64_t selected, const char *none, struct err *);
/* For rq_write_or(): a refused change as a problem at its field. */
int problem_page(struct request *, struct err *);
/* A link to choose the first password: by mail, or shown once to be handed over. */
int invite(struct request *, struct db *, int64_t account, struct err *);

/* Of what a form showed, so that a change in between is noticed: hidden in it as "seen".
 * form_kept() compares inside the write; ERR_CONFLICT at `field`. A program that does not say it is
 * not asked. */
const char *form_state(struct request *, const char *const *values, size_t n);
int form_kept(struct request *, const char *state, const char *field, struct err *);

/* --- handlers (pages_*.c) --- */
/* clang-format off */
#define HANDLERS(X) \
	X(login_get) X(login_post) X(second_get) X(second_post) X(setup_get) X(setup_post) X(logout_get) X(logout_post) \
	X(register_get) X(register_post) X(register_sent) X(confirm_get) X(confirm_post) \
	X(reset_get) X(reset_post) X(reset_sent) X(choose_get) X(choose_post) \
	X(account_get_page) X(profile_get) X(profile_post) X(password_get) X(password_post) \
	X(mail_get) X(mail_post) X(sessions_get) X(sessions_post) X(history_get) \
	X(close_get) X(close_post) X(totp_get) X(totp_start) X(totp_post) X(codes_post) \
	X(tokens_get) X(tokens_post) X(tokens_revoke) \
	X(absences_get) X(absence_get) X(absence_post) X(deputy_get) X(deputy_post) \
	X(absence_end_post) X(users_get) X(user_new_get) X(user_new_post) X(user_get) X(user_edit_get) \
	X(user_edit_post) X(user_add_get) X(user_add_post) X(user_end_post) X(user_do_post) X(user_sessions_get) X(user_sessions_post) \
	X(residents_get) X(residents_post) X(resident_do_post) \
	X(rights_get) X(roles_get) X(roles_try_get) X(roles_try_post) X(departments_get) X(department_new) X(department_edit) X(import_get) X(import_post)
#define X(name) int name(struct request *, struct err *);
HANDLERS(X)
#undef X
/* clang-format on */

/* --- forms of pages (form.c) --- */
struct form_field_spec {
	const char *name, *label, *help; /* label, help: catalogue keys; help may be NULL */
	const char *type;                /* the component's flag: "is_text" */
	const char *autocomplete;
	bool required;
	int max;
};
void page_title(struct request *, const char *key);
/* The page shows, or its address is, what lets somebody in: browsers must not keep it. */
void page_secret(struct request *);
/* What was typed, trimmed; "" when absent. */
const char *form_value(struct request *, const char *name);
/* view.form: {action, button, fields, hidden}. Borrowed. button is a catalogue key. */
json_t *page_form(struct request *, const char *action, const char *button);
void form_hidden(json_t *form, const char *name, const char *value);
/* Appends a field; value (taken over, may be NULL) is a text, or an object of parts. Borrowed. */
json_t *form_field(struct request *, json_t *form, const struct form_field_spec *, json_t *value);
void form_option(json_t *field, const char *value, const char *label, bool selected);
/* What was typed for a field: a text, or an object of parts. New reference. */
json_t *form_values(struct request *, const char *type, const char *name);
/* A problem in the summary and at its field of view.form. */
void form_problem(struct request *, const char *name, const char *key, json_t *args);

enum { IDENTITY_COMMAND_COUNT = 2 };
extern const struct command identity_commands[IDENTITY_COMMAND_COUNT];
int run_rights(int argc, char **argv); /* rights/table.c */
extern const struct journal_verifier token_verifier;
extern const struct journal_verifier account_verifier, person_verifier, staff_verifier,
    department_verifier;

#endif
