/* Procedure definitions: YAML read into an immutable, compiled form; forms filled and checked.
 * Format: docs/procedure-format.md. */
#ifndef PROCEDURE_DEFINITION_H
#define PROCEDURE_DEFINITION_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/i18n.h"
#include "base/str.h"
#include "base/time.h"

enum field_type {
	FIELD_TEXT,
	FIELD_FURIGANA,
	FIELD_NAME,
	FIELD_DATE,
	FIELD_ADDRESS,
	FIELD_PHONE,
	FIELD_EMAIL,
	FIELD_NUMBER,
	FIELD_MONEY,
	FIELD_CHOICE,
	FIELD_MULTI_CHOICE,
	FIELD_YES_NO,
	FIELD_CONSENT,
	FIELD_FILE,
	FIELD_MY_NUMBER,
	FIELD_CORPORATE_NUMBER,
	FIELD_BANK_ACCOUNT,
	FIELD_NOTE,
	FIELD_TYPE_COUNT
};

enum step_kind { STEP_CHECK, STEP_APPROVE, STEP_CONSULT, STEP_DECIDE, STEP_KIND_COUNT };

struct procedure; /* one version of one definition; immutable, shared by threads, reference-counted
                   */

/* A problem in a definition: where, what, and what to do. */
struct definition_problem {
	const char *file;
	int line, column; /* from 1 */
	const char *what;
	const char *remedy; /* NULL: nothing better to say than `what` */
	bool warning;       /* the definition is read all the same */
};

/* Reads a definition. NULL when it has problems that are more than warnings; all of them are given
 * in *problems (on the arena), in the order of their lines. A definition that parses again from the
 * same bytes has the same version. Document templates are looked for among the built-in files. */
struct procedure *procedure_parse(struct arena *, const char *file, struct str yaml,
    struct definition_problem **problems, int *nproblems);

/* The same with what a city has of its own. Every member may be NULL: not looked at. stored: a
 * version that was accepted once and that applications run under: what is asked of new definitions
 * only (names, references, limits, keys that are unknown by now) are warnings. */
struct definition_env {
	void *arg;
	bool stored;
	bool (*template_exists)(void *arg, const char *name);
	bool (*life_event_exists)(void *arg, const char *key);
	bool (*department_exists)(void *arg, const char *name);
};
struct procedure *procedure_parse_in(struct arena *, const char *file, struct str yaml,
    const struct definition_env *, struct definition_problem **problems, int *nproblems);

struct procedure *procedure_ref(struct procedure *);
void procedure_unref(struct procedure *); /* NULL is allowed */
/* Gives one reference to the arena, which drops it at its end. */
void procedure_on_arena(struct arena *, struct procedure *);

const char *procedure_id(const struct procedure *);
const char *procedure_version(const struct procedure *); /* first 16 hex digits of the SHA-256 */
struct str procedure_source(const struct procedure *); /* the YAML bytes, kept with applications */
/* The definition as JSON, texts in both languages: what YAML says with defaults filled in.
 * Borrowed, immutable: take references, never change it. */
const json_t *procedure_json(const struct procedure *);
/* A text of the definition in a language: "title", "summary", "fee.label", "sections.0.title".
 * NULL when there is none. */
const char *procedure_text(const struct procedure *, const char *key, const char *lang);
bool procedure_online(const struct procedure *);
/* How well the applicant must be known, and how well their session proven to be theirs: 1 to 3. */
void procedure_assurance(const struct procedure *, int *identity, int *authentication);
/* What lists show, {id, title, summary, department, online}, and what the procedure's page says
 * whatever the day and the visitor, both in a language. Borrowed, immutable, as procedure_json().
 */
json_t *procedure_card(const struct procedure *, const char *lang);
json_t *procedure_facts(const struct procedure *, const char *lang);
/* Sections of the form, the steps of applying. Attachments, when there are any, are the last one:
 * its id is "attachments", its fields are the slots. */
int procedure_section_count(const struct procedure *);
const char *procedure_section_id(const struct procedure *, int section);
/* What the office enters when it drafts the decision (`findings`) is no step of the form, but a
 * section all the same: the functions below that take a section take this one, too. In the answers
 * it is the member "findings"; form_check(), and with it every submission, drops it. */
enum { FORM_FINDINGS = -2 };
/* Are there findings to enter? */
bool procedure_has_findings(const struct procedure *);
/* -1 when there is no such section, or when it is that of the findings: no post of the form reaches
 * it. */
int procedure_section_find(const struct procedure *, const char *id);

/* May it be applied for on that day? from and until (may be NULL) get the window that is open or
 * opens next, year 0: no limit. */
bool procedure_open(
    const struct procedure *, struct date on, struct date *from, struct date *until);

/* What a check or expression may know beside the answers. */
struct form_context {
	const char *lang;
	const char *applicant_kind; /* "resident", "business", "proxy" */
	bool mandate_on_record;     /* a proxy's mandate is known: nothing has to be shown of it */
	struct date today;
	json_t *profile;         /* {name, furigana, birthday, address, phone, email}; NULL: none */
	int64_t fee_yen;         /* -1: not known; then it is worked out from the definition */
	const char *outcome;     /* "granted", "refused"; NULL: not decided */
	const struct i18n *i18n; /* catalogue of the city; NULL: keys are given instead of texts */
	/* What is posted is a change of the answers, as programs send it: what is not there stays,
	 * "" takes away. Without it a control that is not there was not ticked. */
	bool merge;
	/* Names of what may be answered, as members ("dog.colour", and "children" for a repeating
	 * group): others are not shown and not taken. NULL: all. */
	const json_t *only;
	/* Bits of enum field_class (identity/field_class.h) that the reader lacks: answers for
	 * reading, tables and cells have a mask in their place. Not for forms, nor for their
	 * checks. */
	unsigned hides;
};

struct form_problem {
	const char *field;  /* control name: "dog.birthday", "household.0.name.family" */
	const char *msgkey; /* catalogue key, or NULL when text is the definition's own message */
	const char *text;   /* finished text in ctx->lang; NULL only when there is no i18n */
	const char *row;    /* title of the row it is in: "Child 2"; NULL: in none */
	json_t *args;       /* for the catalogue text; on the arena (freed with it); may be NULL */
};

/* The view model of one section for its template. New reference. Values come from answers (what the
 * person typed, kept as typed when invalid), else from prefill, else from the field's default.
 *
 *   {id, title, help, index, is_attachments, repeats, mode,
 *    changes: some questions depend on answers,
 *    fields: [field ...],                    when it does not repeat
 *    rows: [{index, number, title, fields: [field ...], remove: "household.0.remove" or absent}],
 *    add: "household.add" or absent, item: "世帯員"}
 *
 * field: {id, name (control name; id is the same), type, label, help, required, optional, value,
 * text (the value for reading), problem (finished text), is_<type>: true, wide, autocomplete,
 * inputmode, max, rows, unit, options: [{id, value, label, help, selected}], is_select (a choice
 * with many options), source: {text, empty, href} (prefill), parts: {...} and part_list: [...] for
 * composed types (each part is {id, name, label, value, autocomplete, inputmode, problem, max,
 * options})} date: parts era, year, month, day; name, furigana: family, given; address:
 * postal_code, prefecture, city, town, street, building; bank_account: bank, branch, kind, number,
 * holder file: files: [{name, size, type, remove: "attachments.photo.0.remove"}], accept, can_add,
 *         count_max, max_bytes, kinds_text
 *   my_number: value is never given back once valid; kept: true says that one is there
 *   note: text only
 *
 * mode is "online", "counter" or "paper" (paper: every field, hidden or not, with a `condition`
 * mark for those that are not always asked, and empty rows). */
json_t *form_section_view(const struct procedure *, struct arena *, int section,
    const struct form_context *, json_t *answers, const struct form_problem *problems,
    int nproblems, const char *mode);

/* Is the section shown with these answers? */
bool form_section_shown(
    const struct procedure *, int section, const struct form_context *, json_t *answers);

enum { FORM_AGAIN = -1 };

/* Takes the controls of one section from a form post (name, value pairs as sent) into answers
 * (changed in place): trims, folds width, turns eras into dates, digits into numbers; unknown names
 * are ignored. Then checks the section. Problems on the arena; returns their count.
 * FORM_AGAIN: not checked, show the section again: a row was added (`<section>.add`) or removed
 * (`<section>.<n>.remove`), a file was removed (`<field>.<n>.remove`), or the answers made
 * questions appear that were not on the page: those are not judged before they were seen. Answers
 * are changed and may be kept as a draft in every case. */
int form_section_take(const struct procedure *, struct arena *, int section,
    const struct form_context *, json_t *answers,
    void (*controls)(
        void *src, void (*each)(void *sink, const char *name, const char *value), void *sink),
    void *src, struct form_problem **problems);

/* A file that was uploaded for a control ("attachments.photo", "damage.photos"). form_file_check:
 * may it be added (kind, size, count, what was found in it)? form_file_add: the same, and it is
 * added to the answers as the blob. Call it before form_section_take(). Problem on the arena: 1,
 * else 0. form_file_wanted: is the control of a file field of this form? (so that no other upload
 * is kept) */
struct form_file {
	const char *control, *blob, *name, *type; /* type is what the bytes are */
	int64_t size;
	const char *found; /* as file_look() says it, or "day", "full": see app_upload_room() */
};
bool form_file_wanted(const struct procedure *, const char *control);
int form_file_check(const struct procedure *, struct arena *, const struct form_context *,
    json_t *answers, const struct form_file *, struct form_problem **problems);
int form_file_add(const struct procedure *, struct arena *, const struct form_context *,
    json_t *answers, const struct form_file *, struct form_problem **problems);

/* Checks everything as at submission: sections, attachments, computed values (set in answers under
 * "computed"), cross checks; drops answers of hidden sections and fields, and members that the
 * definition does not know. */
int form_check(const struct procedure *, struct arena *, const struct form_context *,
    json_t *answers, struct form_problem **problems);

/* Checks one section as it stands; problems on the arena, returns their count. */
int form_section_check(const struct procedure *, struct arena *, int section,
    const struct form_context *, json_t *answers, struct form_problem **problems);

/* The fee in yen for these answers, 0 when there is none. */
int form_fee(const struct procedure *, const struct form_context *, json_t *answers, int64_t *yen,
    struct err *);

/* Answers as label/value rows for reading, in sections: confirm page, staff view, print, PDF.
 * 個人番号 is masked. New reference.
 *   [{id, index, title, repeats, rows: [row ...]} or
 *    {..., groups: [{number, title, rows: [row ...]}]}]
 * row: {id, name, type, label, text, lines (text in lines), empty, files: [{name, size, type,
 * blob}], source_differs (prefilled but changed by the person)}; "computed" is the last section. */
json_t *form_answers_view(
    const struct procedure *, struct arena *, const struct form_context *, json_t *answers);
/* The same of one section: how the findings are read. NULL when nothing was answered there. */
json_t *form_section_answers(const struct procedure *, struct arena *, int section,
    const struct form_context *, json_t *answers);
/* One row by its path ("dog.name", "computed.total", "findings.grade"); NULL when there is no such
 * field. New reference. For documents. */
json_t *form_answer_row(const struct procedure *, struct arena *, const struct form_context *,
    json_t *answers, const char *path);
/* A repeating group as a table, {title, columns: [{label, width, align}], rows: [[text]]}; NULL
 * when there is no such group or it has no rows. New reference. For documents. */
json_t *form_answer_table(const struct procedure *, struct arena *, const struct form_context *,
    json_t *answers, const char *section);
/* The questions as columns of a table with a row for each application: [{name: "dog.birthday",
 * label, section (its title; null for attachments and computed values), type, repeats}]. Neither
 * 個人番号 nor findings. New reference. */
json_t *form_columns(const struct procedure *, const char *lang);
/* What stands in such a column: numbers and days as they are kept, else the text for reading, a
 * line for each row of a group; with stored everything as it is kept. NULL: no answer, or no such
 * column in this version. New reference. */
json_t *form_cell(const struct procedure *, struct arena *, const struct form_context *,
    json_t *answers, const char *name, bool stored);
/* The answers as texts, nested as the answers are, for {{dog.name}} in the definition's texts. */
json_t *form_answer_texts(
    const struct procedure *, struct arena *, const struct form_context *, json_t *answers);

/* Places of a procedure with limits (a course): the key of the answers ("" when the definition
 * counts them all together) and its limit. False: no limit for these answers. */
bool form_capacity(const struct procedure *, json_t *answers, const char **key, int64_t *limit);

/* The limit under a key that form_capacity() gave; false when there is none (any more). */
bool form_capacity_of(const struct procedure *, const char *key, int64_t *limit);

/* Does the form ask for a 個人番号? */
bool form_has_secrets(const struct procedure *);
/* Those that are answered: [{name: control, label}], with the row's title in the label of a
 * group's. New reference. */
json_t *form_numbers(const struct procedure *, const char *lang, const json_t *answers);
/* The answer at such a name; NULL: none. Borrowed. */
const json_t *form_number_at(const json_t *answers, const char *name);
/* Replaces every valid 個人番号 in the answers by fn's result (encrypted, {"sealed": ...}; new
 * reference), and drops invalid ones, so that none is stored in the open. With open the sealed ones
 * are given to fn instead, which returns the number as text. */
void form_secrets(const struct procedure *, json_t *answers, bool open,
    json_t *(*fn)(void *arg, const json_t *value), void *arg);

/* A boolean expression of the definition (route conditions, documents), or ERR_INTERNAL. expr is
 * the text as it stands in procedure_json(); NULL and "" are true. */
int procedure_eval(const struct procedure *, const char *expr, const struct form_context *,
    json_t *answers, bool *out, struct err *);

/* JSON Schema (2020-12) of the answers. New reference. */
json_t *procedure_schema(const struct procedure *, const char *lang);

/* Answers that pass form_check(), made from a seed: for tests, demo and bench. Files are left out
 * when they are not required, else named after `blob`. New reference. */
json_t *form_example(const struct procedure *, struct arena *, const struct form_context *,
    uint64_t seed, const char *blob);
/* Findings for the outcome of the context, as a draft of the decision has them; NULL when the
 * definition has none. New reference. */
json_t *form_example_findings(const struct procedure *, struct arena *, const struct form_context *,
    json_t *answers, uint64_t seed);

#endif
