/* Procedure definitions: YAML read into an immutable, compiled form; forms filled and checked.
 * Format: docs/procedure-format.md. */
#ifndef PROCEDURE_DEFINITION_H
#define PROCEDURE_DEFINITION_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"

enum field_type {
	FIELD_TEXT, FIELD_FURIGANA, FIELD_NAME, FIELD_DATE, FIELD_ADDRESS, FIELD_PHONE, FIELD_EMAIL,
	FIELD_NUMBER, FIELD_MONEY, FIELD_CHOICE, FIELD_MULTI_CHOICE, FIELD_YES_NO, FIELD_CONSENT,
	FIELD_FILE, FIELD_MY_NUMBER, FIELD_CORPORATE_NUMBER, FIELD_BANK_ACCOUNT, FIELD_NOTE,
	FIELD_TYPE_COUNT
};

enum step_kind { STEP_CHECK, STEP_APPROVE, STEP_CONSULT, STEP_DECIDE, STEP_KIND_COUNT };

struct procedure; /* one version of one definition; immutable, shared by threads, reference-counted */

/* A problem in a definition: where, what, and what to do. */
struct definition_problem {
	const char *file;
	int line, column;
	const char *what;
	const char *remedy;
};

/* Reads a definition. NULL when it has problems; they are given in *problems (on the arena). A
 * definition that parses again from the same bytes has the same version. */
struct procedure *procedure_parse(struct arena *, const char *file, struct str yaml,
    struct definition_problem **problems, int *nproblems);
struct procedure *procedure_ref(struct procedure *);
void procedure_unref(struct procedure *); /* NULL is allowed */

const char *procedure_id(const struct procedure *);
const char *procedure_version(const struct procedure *); /* first 16 hex digits of the SHA-256 */
struct str procedure_source(const struct procedure *);   /* the YAML bytes, kept with applications */
/* The definition as JSON, texts in both languages: what YAML says with defaults filled in. Borrowed,
 * immutable: do not change, do not share its reference count between threads (use json_deep_copy). */
const json_t *procedure_json(const struct procedure *);
const char *procedure_text(const struct procedure *, const char *key, const char *lang); /* "title" */
bool procedure_online(const struct procedure *);
int procedure_section_count(const struct procedure *);

/* What a check or expression may know beside the answers. */
struct form_context {
	const char *lang;
	const char *applicant_kind; /* "resident", "business", "proxy" */
	struct date today;
	json_t *profile;   /* {name, furigana, birthday, address, phone, email}; NULL: none */
	int64_t fee_yen;   /* -1: not known */
	const char *outcome; /* "granted", "refused"; NULL: not decided */
};

struct form_problem {
	const char *field;  /* control name: "dog.birthday", "household.0.name.family" */
	const char *msgkey; /* catalogue key, or NULL when text is the definition's own message */
	const char *text;
	json_t *args;       /* for the catalogue text; on the arena (freed with it) */
};

/* The view model of one section for its template: title, help, groups, and per field: id, control
 * name, type flags ("is_date": true ...), label, help, required, value, options (with selected),
 * prefill source, problem. Values come from answers (what the person typed, kept as typed when
 * invalid), else from prefill. mode is "online", "counter" or "paper". New reference. */
json_t *form_section_view(const struct procedure *, struct arena *, int section,
    const struct form_context *, json_t *answers, const struct form_problem *problems, int nproblems,
    const char *mode);

/* Is the section shown with these answers? */
bool form_section_shown(
    const struct procedure *, int section, const struct form_context *, json_t *answers);

/* Takes the controls of one section from a form post (name, value pairs as sent) into answers
 * (changed in place): trims, folds width, turns eras into dates, digits into numbers; unknown names
 * are ignored. Then checks the section. Problems on the arena; returns their count. */
int form_section_take(const struct procedure *, struct arena *, int section,
    const struct form_context *, json_t *answers,
    void (*controls)(void *src, void (*each)(void *sink, const char *name, const char *value), void *sink),
    void *src, struct form_problem **problems);

/* Checks everything as at submission: sections, attachments, computed values (set in answers under
 * "computed"), cross checks; drops answers of hidden sections and fields. */
int form_check(const struct procedure *, struct arena *, const struct form_context *, json_t *answers,
    struct form_problem **problems);

/* The fee in yen for these answers, 0 when there is none. */
int form_fee(const struct procedure *, const struct form_context *, json_t *answers, int64_t *yen,
    struct err *);

/* Answers as label/value rows for reading, in sections: confirm page, staff view, print, PDF.
 * 個人番号 is masked. New reference. */
json_t *form_answers_view(
    const struct procedure *, struct arena *, const struct form_context *, json_t *answers);

/* A boolean expression of the definition (route conditions, documents), or ERR_INTERNAL. */
int procedure_eval(const struct procedure *, const char *expr, const struct form_context *,
    json_t *answers, bool *out, struct err *);

/* JSON Schema (2020-12) of the answers. New reference. */
json_t *procedure_schema(const struct procedure *, const char *lang);

#endif
