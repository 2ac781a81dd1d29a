/* Shared between the files of this folder and the folders route/ and disposal/ only. */
#ifndef PROCEDURE_LIFE_H
#define PROCEDURE_LIFE_H

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "procedure/application.h"
#include "procedure/city_rules.h"
#include "base/time.h"

/* --- columns of the application table: (I integer or T text, name) ---
 * One list gives the SELECT, the INSERT, the UPDATE and the state that the journal's hash covers.
 * answers comes last in the SQL; in the state it stands as its digest. */
#define APP_COLUMNS_FIXED(X)                                                                       \
	X(T, procedure)                                                                            \
	X(T, version)                                                                              \
	X(I, account)                                                                              \
	X(I, applicant_person)                                                                     \
	X(T, applicant_kind)                                                                       \
	X(T, channel)                                                                              \
	X(T, created_by)                                                                           \
	X(I, created_us)

#define APP_COLUMNS_MOVING(X)                                                                      \
	X(T, state)                                                                                \
	X(I, bucket)                                                                               \
	X(I, order_key)                                                                            \
	X(I, turn)                                                                                 \
	X(I, kids)                                                                                 \
	X(T, receipt_number)                                                                       \
	X(T, serial)                                                                               \
	X(T, applicant_name)                                                                       \
	X(I, department)                                                                           \
	X(I, assignee)                                                                             \
	X(I, revision)                                                                             \
	X(I, step)                                                                                 \
	X(T, due)                                                                                  \
	X(I, period_days)                                                                          \
	X(T, period_kind)                                                                          \
	X(I, clock_stopped_us)                                                                     \
	X(I, stopped_days)                                                                         \
	X(I, fee_yen)                                                                              \
	X(I, paid_yen)                                                                             \
	X(I, fee_before)                                                                           \
	X(T, outcome)                                                                              \
	X(T, reason)                                                                               \
	X(I, round)                                                                                \
	X(I, drafter)                                                                              \
	X(T, place)                                                                                \
	X(T, place_key)                                                                            \
	X(T, numbers)                                                                              \
	X(I, retention_years)                                                                      \
	X(T, disposal_on)                                                                          \
	X(T, hold_reason)                                                                          \
	X(I, updated_us)                                                                           \
	X(I, submitted_us)                                                                         \
	X(I, accepted_us)                                                                          \
	X(I, decided_us)

#define APP_COLUMN_I(name) int64_t name;
#define APP_COLUMN_T(name) const char *name;
#define APP_COLUMN(type, name) APP_COLUMN_##type(name)

/* A row as the store has it. Functions load it for change, set members, and end with
 * change_end(), which writes it back and journals. */
struct app_row {
	int64_t id;
	APP_COLUMNS_FIXED(APP_COLUMN)
	APP_COLUMNS_MOVING(APP_COLUMN)
	const char *answers;
};

/* Bits of application.kids: which child tables have rows, so that the digest looks only there. */
enum app_kid {
	KID_VERSION = 1,
	KID_ATTACHMENT = 2,
	KID_CORRECTION = 4,
	KID_MESSAGE = 8,
	KID_ROUTE = 16,
	KID_CHARGE = 32,
	KID_MANDATE = 64,
	KID_CORRECTION_DRAFT = 128,
	KID_SIGNATURE = 256,
	KID_MANDATE_USE = 512,
	KID_NUMBER_CHECK = 1024
};

/* --- mandate.c --- */
/* What a proxy said; NULL: nothing. New reference. */
json_t *mandate_of(struct db *, int64_t id, struct err *err);
/* What an account of a resident may do with an application (bits of enum mandate_act): all with its
 * own; 0: it is not theirs. */
unsigned owner_acts(struct db *, int64_t account, const struct app_row *);
/* Of an application by a mandate on record: may who made it read on, and the principal's own mail
 * address (NULL: none). */
int use_mails(struct db *, struct arena *, const struct application *, bool *reads,
    char **principal, struct err *);

/* --- signature.c --- */
/* Is a draft of a procedure that must be signed signed as it stands? ERR_INPUT: not. */
int signature_check(
    struct db *, struct arena *, const struct procedure *, struct app_row *, struct err *);

/* --- row.c --- */
/* lock: the row is locked until the transaction ends (PostgreSQL; on SQLite the writer is alone).
 */
int row_load(struct db *, struct arena *, int64_t id, bool lock, struct app_row **, struct err *);
int row_to_application(
    struct db *, struct arena *, const struct app_row *, struct application **, struct err *);
enum app_state row_state(const struct app_row *);
void row_set_state(struct app_row *, enum app_state);
/* A stored JSON text; new reference. */
int json_of_text(const char *text, json_t **, struct err *);
/* Answers of a row; new reference. */
int row_answers(const struct app_row *, json_t **, struct err *);
void row_set_answers(struct arena *, struct app_row *, json_t *answers);
/* A change on its way. */
struct change {
	struct db *db;
	struct arena *arena;
	const struct app_actor *actor;
	struct app_row *row;
	const char *verb; /* of the table of moves */
	enum app_state from;
	enum app_state
	    to; /* first state the table names for it; change it where there are several */
};
/* Begins a change: loads and locks the row, checks that the actor may see it (ERR_MISSING), that it
 * has not moved since the actor looked (actor->seen), that the table of moves has (state, verb),
 * and that the actor is one of those it names (ERR_DENIED; whom the route waits for is checked
 * there). */
int change_begin(struct change *, struct db *, struct arena *, const struct app_actor *, int64_t id,
    const char *verb, struct err *);
/* Ends it: state, turn, bucket, order and time are set, the row is written, and the journal gets
 * event ("application.submitted") and data (its reference is taken; NULL: none). */
int change_end(struct change *, const char *event, json_t *data, struct err *);
/* The same for a row that was loaded and locked without a move (place given by the waiting list).
 */
int row_changed(struct db *, struct arena *, const struct app_actor *, struct app_row *,
    const char *event, json_t *data, struct err *);
int row_insert(struct db *, struct app_row *, struct err *);
/* Only the entry, for a row that stands as it is. */
int row_journal(struct db *, struct arena *, const struct app_actor *, const struct app_row *,
    const char *event, json_t *data, struct err *);
/* The state that the journal hashes. New reference. */
int row_state_json(struct db *, struct arena *, const struct app_row *, json_t **, struct err *);
bool actor_is_system(const struct app_actor *);
/* Is the actor staff with this permission in the department, for the kind of record (NULL: any)? An
 * API token needs it, too. */
bool actor_has(struct db *, const struct app_actor *, const char *perm, int64_t department,
    const char *procedure);
/* Whether the actor is the applicant: its account, who may act by a mandate (mandate.c), or for one
 * made at the counter staff with
 * application.counter in its department. */
bool actor_owns(struct db *, const struct app_actor *, const struct app_row *);
bool actor_sees(struct db *, const struct app_actor *, const struct app_row *);
bool actor_may(
    struct db *, struct arena *, const struct app_actor *, const struct app_row *, int who);
const char *subject_of(struct arena *, int64_t id);

/* --- moves.c --- */
const struct app_move *move_find(enum app_state from, const char *verb);
/* Does the table hold exactly this move? change_end() asserts it. */
bool move_exists(enum app_state from, const char *verb, enum app_state to);

/* --- secret.c, reseal.c --- */
extern const struct protects number_protects;
extern const struct str number_context;
/* Seals every my_number field of answers (changed in place). */
int answers_seal(struct db *, const struct procedure *, json_t *answers, struct err *);
int answers_unseal(struct db *, const struct procedure *, json_t *answers, struct err *);
/* The same for answers that shall stay as they are (NULL: none): *out is a copy, or another
 * reference where the form has no such field; NULL on error. */
int answers_sealed(
    struct db *, const struct procedure *, json_t *answers, json_t **out, struct err *);

/* --- number.c --- */
/* 15 characters: 12 random digits and a check character (ISO 7064 MOD 11-2), grouped by hyphens. */
char *receipt_number_new(struct arena *);
bool receipt_number_valid(struct str);
/* What a person typed, in the form that is stored; NULL when it is no receipt number. */
char *receipt_number_fold(struct arena *, struct str);
int serial_new(struct db *, struct arena *, const struct procedure *, struct date on, char **out,
    struct err *);

/* --- clock.c --- */
/* Last day of the period from a day on; NULL: no period. */
char *period_due(
    const struct calendar *, struct arena *, struct date from, int days, const char *kind);
/* Days of the kind after `from` up to and with `until`. */
int period_days_between(
    const struct calendar *, struct date from, struct date until, const char *kind);
/* When 70 % of the period are used. */
struct date period_warn(struct date submitted, struct date due);
void clock_stop(struct app_row *, int64_t now);
int clock_start(struct db *, struct arena *, struct app_row *, int64_t now, struct err *);
int64_t order_key_of(const struct app_row *);
enum { ORDER_LAST = 99999999, DRAFT_DAYS = 60, DRAFT_NOTICE_DAYS = 7, CLOSE_DAYS = 90 };
/* The retention period's last day: years from 1 April after the fiscal year of completion. */
char *retention_end(struct arena *, struct date completed, int years);

/* --- place.c --- */
/* Takes a place of the definition's capacity, or one on the waiting list; sets place, place_key,
 * and due, which is NULL for who waits. Those who wait come first when there are places again. */
int place_take(struct db *, struct arena *, const struct procedure *, struct app_row *,
    json_t *answers, struct err *);
/* Gives those who wait under the key what places the definition has by now. */
int places_advance(
    struct db *, struct arena *, const struct procedure *, const char *key, struct err *);
/* Sets place, on_waiting_list, waiting_number (1: the next) and has_place of a view. */
int place_view(struct db *, json_t *view, const struct application *, struct err *);
/* Gives the place back; the first of the waiting list gets it, with a notice. */
int place_free(struct db *, struct arena *, struct app_row *, struct err *);

/* --- effects.c --- */
/* Queues telling the applicant about an event ("submitted", "correction", ...): the job
 * application.notice finds address, language and text. more: further members of the view, borrowed,
 * may be NULL. */
int tell_applicant(struct db *, struct arena *, const struct app_row *, const char *event,
    json_t *more, struct err *);
/* What follows the decision that takes effect now: numbers, charge, retention, documents, notice.
 */
int effects_run(
    struct db *, struct arena *, const struct procedure *, struct app_row *, struct err *);
/* The file is complete: from when its retention counts. */
void retention_begin(struct arena *, struct app_row *, int64_t now);
/* Makes the open charge when there is a fee and none was made. */
int charge_make(struct db *, struct app_row *, struct err *);
int charges_cancel(struct db *, struct app_row *, struct err *);
/* An expression of the definition about a row; NULL and "" are true. */
int row_eval(const struct procedure *, const struct app_row *, json_t *answers, const char *expr,
    bool *out, struct err *);

/* --- draft.c --- */
/* ERR_CONFLICT on a day when the procedure takes no applications. */
int window_check(const struct procedure *, struct date on, struct err *);
/* The definition's department; when it is not there (any more), the city's fallback; else the first
 * of the organisation. 0 only where there is no department at all. */
int department_of(
    struct db *, struct arena *, const struct procedure *, int64_t *department, struct err *);

/* --- answers.c --- */
/* Brings attachment rows and blob references in line with the answers. */
int attachments_sync(struct db *, struct arena *, struct app_row *, json_t *answers, struct err *);
/* The same for answers that are not the application's: references of subject to the files of
 * `before` become references to those of `after`; NULL: none. */
int blobs_sync(
    struct db *, struct arena *, const char *subject, json_t *before, json_t *after, struct err *);
/* The name to show for answers: the applicant's field, else the profile's; NULL: none. */
const char *applicant_name_of(struct arena *, const struct procedure *, const char *applicant_kind,
    json_t *answers, json_t *profile);
/* What is searched for in answers: the names in them and the procedure's title. */
const char *answers_words(struct arena *, const struct procedure *, json_t *answers);
/* Puts numbers, the applicant and those words into the search index. */
int row_index(struct db *, struct arena *, const struct app_row *, const char *words, struct err *);
/* Array of "section.field" whose answers differ. New reference. */
json_t *answers_changed(json_t *before, json_t *after);

/* --- correction.c --- */
/* Ends the open correction request ("answered", "cancelled"; to_revision 0: it brought none), and
 * drops what was kept of an answer to it. */
int correction_end(struct change *, const char *state, int64_t to_revision, struct err *);

/* --- route/route.c, route/people.c --- */
/* One member of one stage of the present round; see route_step in the migration. */
struct route_step {
	int64_t id, round, pass, stage, member, parallel, department, post, delegated;
	int64_t opened_us, acted_by, acting_for, acted_us, review_by, review_us;
	const char *step, *kind, *state, *skip, *department_name, *acted_name, *acting_for_name;
	const char *comment, *review, *review_name;
};
/* The newest pass of each member of a round, in order; rows that a later pass replaced are left out
 * unless all. Returns the count or <0. */
int route_load(struct db *, struct arena *, int64_t application, int64_t round, bool all,
    struct route_step **, struct err *);
bool step_is(const struct route_step *, const char *state);
bool step_kind_is(const struct route_step *, const char *kind);

/* By what right somebody acts on an open step. */
enum route_right {
	RIGHT_NONE,
	RIGHT_OWN,
	RIGHT_DEPUTY,  /* 代決: for an absent decider (or consulted officer) */
	RIGHT_PULL_UP, /* 引上げ: a superior of a reviewer who has not acted */
	RIGHT_SUPERIOR /* of a decider for whom nobody can act */
};
enum route_right route_right_of(struct db *, struct arena *, const struct route_step *,
    int64_t drafter, const struct app_actor *, int64_t *acting_for);
/* Who is asked: those for whom the step stands in the inbox. Returns the count or <0. */
int route_asked(struct db *, struct arena *, const struct route_step *, int64_t drafter,
    int64_t **staff, struct err *);
/* Why a reviewer's step is passed over ("vacant", "drafter", "absent"), or NULL: it is not.
 * *officer is who reads it afterwards; 0: nobody. */
const char *route_skip_reason(
    struct db *, struct arena *, const struct route_step *, int64_t drafter, int64_t *officer);

/* Ends the round: open and waiting steps become void, nobody's turn is left, 後閲 is not needed. */
int route_void(struct db *, struct app_row *, struct err *);
/* Open and waiting steps of the application's own department move to another. */
int route_move(
    struct db *, struct arena *, struct app_row *, int64_t from, int64_t to, struct err *);
/* Passes over reviewers who are away now and computes anew whom open steps wait for; *passed says
 * that a step was passed over. For the daily job. */
int route_refresh(struct db *, struct arena *, struct app_row *, bool *passed, struct err *);
/* Could this actor, of the staff, act on an open step? */
bool route_waits_for(struct db *, struct arena *, const struct app_row *, const struct app_actor *);
/* May the staff member see it because of the route: asked now, or acted in it? */
bool route_knows(struct db *, int64_t application, int64_t staff);

/* --- office.c --- */
/* A text a person typed: there when it is required, UTF-8, and at most 4000 characters; ERR_INPUT
 * at the field. */
int text_check(const char *field, const char *text, bool required, struct err *);

/* --- list.c, view.c --- */
/* Where a member of staff has a permission. */
struct reach {
	int64_t *departments;
	int n;
	bool all;                    /* every department, and what belongs to none */
	bool narrow;                 /* for some kinds of record only: departments do not say all */
	const struct hidden *hidden; /* protected people's, by id; see protect/sight.h */
	int nhidden;
	struct db *db;
	int64_t staff;
	const char *perm;
};
int reach_of(struct db *, struct arena *, const struct app_actor *, const char *perm,
    struct reach *, struct err *);
bool reach_has(const struct reach *, int64_t department);
/* Is it a protected person's that the staff member may not see? */
bool reach_hides(const struct reach *, int64_t id);
/* Does it take this kind of record in one of its departments? */
bool reach_takes(const struct reach *, int64_t department, const char *procedure);
/* Where a page of a list ended: the key of its order and the id, as "key.id". */
struct cursor {
	int64_t key, id;
	bool set;
};
/* text NULL: none is set. ERR_INPUT at "after". */
int cursor_parse(const char *text, struct cursor *, struct err *);
/* The catalogue key of the wording for the applicant: 送信済, 処理中, 処理完了 ... */
const char *public_key(struct arena *, const char *state, const char *outcome);
/* Sets due, days_left, overdue, warn. */
void due_view(json_t *out, const char *due, int64_t submitted_us, enum app_bucket);

/* --- staff.c: mails to the office --- */
enum wish { WISH_SUBMITTED, WISH_MESSAGE, WISH_CORRECTED, WISH_TURN, WISH_DIGEST, WISH_COUNT };
extern const char *const wish_names[WISH_COUNT];
int wishes_get(struct db *, int64_t staff, bool out[WISH_COUNT], struct err *);
/* The actor's own; journalled. */
int wishes_set(struct db *, const struct app_actor *, const bool in[WISH_COUNT], struct err *);
/* Inside a write: queues telling the office about an event: "applicant-message", "corrected",
 * "turn".
 * ("submitted" needs none: the applicant's notice tells both.) */
int tell_staff(struct db *, const struct app_row *, const char *event, struct err *);
/* Is the office told of this event? */
bool staff_event(const char *event);
/* From the job application.notice: the mails themselves. turn: of the application when it happened.
 */
struct city;
int staff_tell(struct store *, struct city *, struct arena *, const struct application *,
    const struct procedure *, const char *event, int64_t turn, struct err *);
/* Inside a write: tells who may approve a proposal of disposal or extension that it waits for them.
 */
int staff_tell_disposal(struct db *, const struct app_actor *, int64_t proposal, int64_t department,
    bool extends, int64_t files, struct err *);
/* From the daily round. */
int staff_digests(struct store *, struct city *, struct db *, struct err *);

/* --- jobs.c --- */
/* The present title of a procedure in Japanese, on the arena; NULL when it is gone. */
const char *procedure_title(struct city *, struct arena *, const char *id);

/* --- sweep.c --- */
int sweep_run(struct store *, void *context, struct arena *, json_t *payload, struct err *);

/* --- sql.c --- */
enum life_sql {
	SQL_ROW,
	SQL_ROW_LOCK,
	SQL_ROW_INSERT,
	SQL_ROW_UPDATE,
	SQL_ROW_DELETE,
	SQL_ROW_KIDS,
	SQL_ROW_AFTER,
	SQL_ROW_TOP,
	SQL_ROW_RESEAL,
	SQL_BY_RECEIPT,
	SQL_BY_SERIAL,
	SQL_RECEIPT_TAKEN,
	SQL_VERSION_ADD,
	SQL_VERSION_GET,
	SQL_VERSION_DIGEST,
	SQL_VERSION_RESEAL,
	SQL_ATTACHMENT_ADD,
	SQL_ATTACHMENT_OF,
	SQL_ATTACHMENT_REMOVE,
	SQL_ATTACHMENT_DELETE,
	SQL_UPLOAD_ADD,
	SQL_UPLOAD_OF,
	SQL_UPLOAD_FORGET,
	SQL_CORRECTION_ADD,
	SQL_CORRECTION_FIELD_ADD,
	SQL_CORRECTION_OF,
	SQL_CORRECTION_FIELDS,
	SQL_CORRECTION_END,
	SQL_CORRECTION_DRAFT_GET,
	SQL_CORRECTION_DRAFT_PUT,
	SQL_CORRECTION_DRAFT_DROP,
	SQL_SIGNATURE_GET,
	SQL_SIGNATURE_PACKAGE,
	SQL_SIGNATURE_PUT,
	SQL_SIGNATURE_DROP,
	SQL_SIGNATURE_RESEAL,
	SQL_CORRECTION_DRAFT_RESEAL,
	SQL_NUMBER_CHECK_ADD,
	SQL_NUMBER_CHECK_OF,
	SQL_MESSAGE_ADD,
	SQL_MESSAGE_OF,
	SQL_STEP_ADD,
	SQL_STEP_OF,
	SQL_STEP_ALL,
	SQL_STEP_OPEN,
	SQL_STEP_ACT,
	SQL_STEP_SKIP,
	SQL_STEP_VOID,
	SQL_STEP_DEPARTMENT,
	SQL_STEP_REVIEW,
	SQL_STEP_REVIEWED,
	SQL_STEP_KNOWN,
	SQL_TURN_ADD,
	SQL_TURN_CLEAR,
	SQL_TURN_CLEAR_ONE,
	SQL_TURN_HAS,
	SQL_CHARGE_ADD,
	SQL_CHARGE_OF,
	SQL_CHARGE_PAY,
	SQL_CHARGE_WAIVE,
	SQL_CHARGE_CANCEL,
	SQL_MANDATE_SET,
	SQL_MANDATE_DELETE,
	SQL_MANDATE_GET,
	SQL_USE_SET,
	SQL_USE_DELETE,
	SQL_USE_GET,
	SQL_USE_DIGEST,
	SQL_REMINDER_ADD,
	SQL_EFFECT_ADD,
	SQL_CAPACITY_ADD,
	SQL_CAPACITY_TAKE,
	SQL_CAPACITY_GIVE,
	SQL_WAITING_ADD,
	SQL_WAITING_FIRST,
	SQL_WAITING_DELETE,
	SQL_WAITING_PLACE,
	SQL_CAPACITY_FULL,
	SQL_WAITING_KEYS,
	SQL_OF_ACCOUNT,
	SQL_OF_PRINCIPAL,
	SQL_OF_ORGANISATION,
	SQL_DUE_AFTER,
	SQL_STATE_AFTER,
	SQL_CORRECTION_DUE,
	SQL_COUNT_DEPARTMENT,
	SQL_COUNT_DEPARTMENT_DUE,
	SQL_COUNT_KINDS,
	SQL_COUNT_ALL,
	SQL_COUNT_ALL_DUE,
	SQL_COUNT_MINE,
	SQL_COUNT_MINE_DUE,
	SQL_COUNT_TURN,
	SQL_RULE_ALL,
	SQL_RULE_KIND,
	SQL_RULE_CLEAR,
	SQL_RULE_ADD,
	SQL_STAFF_NOTICE_GET,
	SQL_STAFF_NOTICE_SET,
	SQL_STAFF_NOTICE_DIGEST,
	SQL_STAT_CLEAR,
	SQL_STAT_FILL,
	SQL_STAT_LIST,
	LIFE_SQL_COUNT
};
extern const struct sql life_sql[LIFE_SQL_COUNT];
extern const struct sql *const application_statements[LIFE_SQL_COUNT]; /* all of life_sql */
/* Columns of a row in order, for composed lists; and how many placeholders they are. */
extern const char *const row_columns;
struct app_row *row_read(struct arena *, struct rows *, bool with_answers);

#endif
