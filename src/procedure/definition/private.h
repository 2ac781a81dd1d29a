/* The compiled form of a definition. Private to the folders definition/ and form/.
 *
 * Everything is made once by procedure_parse(), lives on the procedure's own arena, and is only
 * read afterwards, by any number of threads. Texts for people are borrowed JSON objects {"ja",
 * "en", …} of the definition's JSON; their reference counts are never touched. */
#ifndef PROCEDURE_DEFINITION_PRIVATE_H
#define PROCEDURE_DEFINITION_PRIVATE_H

#include <stdatomic.h>

#include "procedure/definition.h"
#include "procedure/definition/expr.h"
#include "procedure/definition/pattern.h"
#include "procedure/definition/yaml.h"

struct place {
	int line, column;
};

/* An array on the procedure's arena. */
struct list {
	void *items;
	int n;
};

/* A name that points to something else in the definition, or to the city's. */
struct ref {
	const char *text; /* NULL: absent */
	struct place at;
};

enum cond_kind { COND_NEVER, COND_ALWAYS, COND_EXPR };

/* "yes/no or expression". */
struct cond {
	enum cond_kind kind;
	int expr;
};

enum { NO_EXPR = -1 };

struct check {
	struct place at;
	int expr;
	const json_t *message;
	struct ref field;    /* of checks across fields */
	int section, target; /* found from field */
};

struct option {
	struct place at;
	const char *value;
	const json_t *label, *help;
};

enum prefill {
	PREFILL_NONE,
	PREFILL_NAME,
	PREFILL_FURIGANA,
	PREFILL_BIRTHDAY,
	PREFILL_ADDRESS,
	PREFILL_PHONE,
	PREFILL_EMAIL,
	PREFILL_FULL_NAME,
	PREFILL_CORPORATE_NUMBER,
	PREFILL_COUNT
};

struct section;

struct field {
	struct place at;
	const char *id;
	int64_t type;  /* enum field_type */
	int64_t class; /* enum field_class; -1: that of the type */
	const json_t *label, *help, *text, *unit;
	struct cond required;
	int when;           /* NO_EXPR: always asked */
	struct list checks; /* struct check */
	struct ref prefill_ref;
	enum prefill prefill;
	struct yaml_node *min_node, *max_node, *default_node; /* NULL after loading */
	bool has_min, has_max;
	double min, max;
	struct date min_date, max_date; /* year 0: no limit; year -1: today */
	const json_t *default_value;
	int64_t decimals;
	bool multiline;
	struct ref pattern_ref;
	struct pattern *pattern;
	const json_t *pattern_message;
	struct list options;  /* struct option */
	struct list examples; /* struct ref */
	int64_t kinds;        /* bits of file_kinds[] */
	int64_t max_bytes;
	bool computed; /* a computed value in field's clothes */
	bool hidden;   /* of these: not shown */
	const struct section *section;
	const char *path; /* "dog.birthday" */
};

struct section {
	struct place at;
	const char *id;
	const json_t *title, *help;
	int when;
	bool repeats;
	struct repeat {
		struct place at;
		int64_t min, max;
		const json_t *item;
	} repeat;
	struct list fields; /* struct field */
	int index;
	bool attachments;
	bool computed;
	bool findings; /* what the office enters when it drafts the decision */
};

struct computed {
	struct place at;
	const char *id;
	int expr;
	int64_t type;
	const json_t *label, *unit;
	bool hidden;
};

struct delegated {
	struct place at;
	int when;
	struct ref post;
};

struct step {
	struct place at;
	const char *id;
	int64_t kind; /* enum step_kind */
	struct ref post, department;
	struct list departments; /* struct ref */
	bool parallel;
	int when;
	struct list delegated; /* struct delegated */
};

struct effect {
	struct place at;
	int64_t kind;
	struct ref series;
	int when;
};

struct output {
	struct place at;
	const char *id;
	struct ref template;
	const json_t *title, *body, *closing;
	struct list rows; /* struct ref */
	int when;
	struct ref series;
	bool seal;
};

struct definition {
	struct place at;
	struct ref id;
	const json_t *title, *summary;
	struct ref department;
	struct list life_events; /* struct ref */
	bool online;
	struct list keywords; /* struct ref */
	struct list laws;     /* struct law */
	struct window {
		struct place at;
		struct date from, to;
	} window;
	struct period {
		struct place at;
		int64_t days, kind;
	} period;
	struct fee {
		struct place at;
		int64_t amount; /* -1: none */
		int expr;
	} fee;
	struct capacity {
		struct place at;
		int64_t limit; /* -1: none */
		struct ref field;
		const struct field *by;
		const json_t *limits;
	} capacity;
	struct list sections;    /* struct section, the attachments' one last */
	struct list computed;    /* struct computed */
	struct list attachments; /* struct field */
	struct list checks;      /* struct check */
	struct list findings;    /* struct field */
	struct route {
		struct place at;
		struct list steps; /* struct step */
	} route;
	struct list effects;   /* struct effect */
	struct list documents; /* struct output */
};

struct law {
	struct place at;
	const char *name, *article;
	struct ref url;
};

/* What a name means in an expression. */
enum name_kind { NAME_SECTION, NAME_FIELD, NAME_AMBIGUOUS, NAME_COMPUTED };

struct name {
	const char *text;
	enum name_kind kind;
	const struct section *section;
	const struct field *field;
	int computed;
};

struct procedure {
	atomic_int refs;
	uint64_t serial; /* never used twice in a process: names compiled expressions in caches */
	struct arena *arena;
	const char *file, *version;
	struct str source;
	json_t *json, *defaults; /* defaults: an array that owns the fields' default_value */
	struct definition d;
	struct section computed_section; /* its fields are the computed values */
	struct section findings_section; /* id "findings" */
	struct expr *exprs;
	int nexprs;
	struct name *names; /* sorted by text */
	int nnames;
	const char *search_text;
	json_t *cards, *facts; /* by language */
};

#define LIST_EACH(type, var, list)                                                                 \
	for (type *var = (list).items, *var##_end = var ? var + (list).n : NULL; var < var##_end;  \
	     var++)

/* Fills cards and facts. */
void definition_views_make(struct procedure *);

/* A text in a language, else in Japanese; NULL when there is none. */
const char *words_in(const json_t *words, const char *lang);

/* index: of the form's sections, or FORM_FINDINGS. NULL: none. */
const struct section *section_at(const struct procedure *, int index);
const struct field *section_field(const struct section *, const char *id);
/* "dog.name", "computed.total", "attachments.photo"; NULL: none. */
const struct field *field_by_path(const struct procedure *, const char *path);
const struct name *name_find(const struct procedure *, const char *text, size_t n);

/* --- loading --- */
struct loader {
	struct arena *scratch;
	struct procedure *p;
	struct problems *problems;
	const struct definition_env *env;
	int expr_cap;
};

/* read.c: reads the tree into p->d and p->json. */
void definition_read(struct loader *, struct yaml_node *root);
/* check.c: what the tables cannot say; p->names, references, expressions. */
void definition_check(struct loader *);

/* form/example.c: may an example stand for a field? As in docs/procedure-format.md. */
bool example_fits(const struct field *, const char *text);

extern const char *const field_type_names[FIELD_TYPE_COUNT];
extern const char *const post_names[];
enum { POST_COUNT = 5 };

struct file_kind {
	const char *name, *mime, *extensions;
};
enum { FILE_KIND_COUNT = 8 };
extern const struct file_kind file_kinds[FILE_KIND_COUNT];

#endif
