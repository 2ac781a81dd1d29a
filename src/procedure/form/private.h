/* Shared by the files of this folder: one form being filled, and the table of field types. */
#ifndef PROCEDURE_FORM_PRIVATE_H
#define PROCEDURE_FORM_PRIVATE_H

#include "procedure/definition/private.h"

/* One call of a form_* function. */
struct form {
	const struct procedure *p;
	struct arena *arena;
	const struct form_context *ctx;
	json_t *answers; /* an object */
	struct form_problem *problems;
	int n, cap;
	struct appeared *appeared; /* questions that the posted answers brought */
};

/* A question that was not on the page that was posted. */
struct appeared {
	const char *name; /* of its control, by its row's present number */
	struct appeared *next;
};

/* Where a field stands: in its section, or in a row of a repeating group. */
struct spot {
	const struct section *section;
	json_t *object; /* answers of the section or row; NULL: none yet */
	int row;        /* -1: not a row */
};

enum { FORM_PROBLEMS_MAX = 500, TEXT_BYTES_MAX = 64 * 1024, ROWS_MAX = 100 };

struct form form_make(
    const struct procedure *, struct arena *, const struct form_context *, json_t *answers);

/* The object of a section that does not repeat; NULL when there is none. */
struct spot spot_of(const struct form *, const struct section *);
struct spot spot_of_row(const struct form *, const struct section *, int row);
int row_count(const struct form *, const struct section *);
/* The same, made when it is not there. */
json_t *section_object(struct form *, const struct section *);
json_t *section_rows(struct form *, const struct section *);

/* "dog.birthday", "household.0.birthday"; on the arena unless it is the field's own path. */
const char *control_name(struct form *, const struct spot *, const struct field *);
const char *part_name(struct form *, const char *name, const char *part);

bool section_shown(const struct form *, const struct section *);
/* May it be answered here? See form_context.only. */
bool form_open(const struct form *, const struct section *, const struct field *);
bool field_shown(const struct form *, const struct spot *, const struct field *);
bool field_required(const struct form *, const struct spot *, const struct field *);
struct expr_scope scope_of(const struct form *, const struct spot *, const json_t *value);

/* Adds a problem from the catalogue; args is "name", "text", … ending with NULL; {label} is put in
 * by itself. */
void form_say(struct form *, const char *name, const struct field *, const char *key, ...)
    __attribute__((sentinel));
void form_say_text(struct form *, const char *name, const json_t *message);

/* Catalogue text in the form's language; the key itself without a catalogue. */
const char *form_tr(struct form *, const char *key, json_t *args);

/* Is there a 個人番号 in the answer of a field that is not for one? Texts with a pattern are:
 * theirs are other numbers. */
bool field_leaks_number(const struct field *, const json_t *value);

/* --- controls as posted --- */
struct control {
	const char *name, *value;
	int order; /* of sending */
};
struct controls {
	struct control *items; /* sorted by name, order of sending kept */
	int n, cap;
	struct arena *arena;
	const char *section,
	    *prefix; /* only "<section>", "<section>." and what names the whole post */
};
/* First value of that name, NULL when it was not sent. */
const char *control_get(const struct controls *, const char *name);
/* All values of name, name.0, name.1, …; returns the count. */
int control_all(const struct controls *, const char *name, const char **out, int max);
bool control_below(const struct controls *, const char *name); /* name or name.anything */

struct take {
	struct form *fm;
	const struct controls *controls;
	const struct field *field;
	const char *name;
	const json_t *old; /* present answer */
	bool shown;        /* was on the page */
};

/* What a type does. Every member but take, valid and text may be NULL. */
struct type_ops {
	/* The answer from the controls, new reference: NULL when there is none. What cannot be read
	 * is given as it was typed: valid() refuses it, view() shows it. Not called when no control
	 * of the field was sent, unless absent_is_no. */
	json_t *(*take)(const struct take *);
	/* What is known of the person, written as take() would write it; new reference. */
	json_t *(*even)(const struct form *, const struct field *, const json_t *value);
	/* Says what is wrong with an answer that is not empty. */
	void (*check)(struct form *, const struct field *, const char *name, const json_t *value);
	/* Is it there? NULL: it is when it is not null. */
	bool (*filled)(const json_t *value);
	/* Adds the type's own members of the view; value may be NULL. */
	void (*view)(struct form *, const struct field *, const char *name, const json_t *value,
	    const char *mode, json_t *view);
	/* The answer for reading, lines separated by \n; on the arena. */
	const char *(*text)(struct form *, const struct field *, const json_t *value);
	json_t *(*schema)(const struct field *, const char *lang);
	json_t *(*example)(struct form *, const struct field *, uint64_t *seed);
	const char *required_key; /* catalogue key for a missing answer */
	bool absent_is_no;        /* browsers send nothing for what is not ticked */
	bool wide;
};

extern const struct type_ops text_ops, phone_ops, email_ops, number_ops, money_ops, my_number_ops,
    corporate_ops;
extern const struct type_ops name_ops, date_ops, address_ops, bank_ops;
extern const struct type_ops choice_ops, multi_ops, yes_no_ops, consent_ops, file_ops, note_ops;
const struct type_ops *ops_of(const struct field *);

bool answer_filled(const struct field *, const json_t *value);

/* Valid UTF-8 without control characters and white space at the ends; lines kept when multiline. */
char *clean_text(struct arena *, const char *value, bool multiline);
/* clean_text() and a folding function of base/text.h. */
char *folded_text(struct arena *, const char *value, void (*fold)(struct buf *, struct str));
json_t *text_or_none(const char *text);      /* NULL for "" */
const char *typed_text(const json_t *value); /* "" unless it is a text */
json_t *part_view(struct form *, const char *name, const char *part, const char *label_key,
    const char *value, int max);

/* Checks of check.c, also for one section. */
void check_section(struct form *, const struct section *);
/* The checks across fields; only: those whose message stands in that section. */
void check_across(struct form *, const struct section *only);

/* The value shown for a field that has no answer: prefill or default; NULL: none. New reference. */
json_t *start_value(const struct form *, const struct field *);
json_t *prefill_value(const struct form *, const struct field *);

/* form/example.c: a name (or its furigana) and the holder of an account that fit the other answers.
 */
json_t *example_name(struct form *, const struct field *, uint64_t *seed);
const char *example_holder(struct form *);

uint64_t seed_next(uint64_t *seed);
#define seed_below(seed, n) ((int)(seed_next(seed) % (uint64_t)(n)))

/* --- what the reader lacks the class for --- */
bool field_masked(const struct form *, const struct field *);
/* The value for reading, of files their names; the mask when the reader lacks its class. */
const char *field_reading(struct form *, const struct field *, const json_t *value);

#endif
