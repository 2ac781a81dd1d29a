#include "procedure/definition/shape.h"

#include <string.h>

#include "base/json.h"

const char *const field_type_names[FIELD_TYPE_COUNT] = {
    [FIELD_TEXT] = "text",
    [FIELD_FURIGANA] = "furigana",
    [FIELD_NAME] = "name",
    [FIELD_DATE] = "date",
    [FIELD_ADDRESS] = "address",
    [FIELD_PHONE] = "phone",
    [FIELD_EMAIL] = "email",
    [FIELD_NUMBER] = "number",
    [FIELD_MONEY] = "money",
    [FIELD_CHOICE] = "choice",
    [FIELD_MULTI_CHOICE] = "multi_choice",
    [FIELD_YES_NO] = "yes_no",
    [FIELD_CONSENT] = "consent",
    [FIELD_FILE] = "file",
    [FIELD_MY_NUMBER] = "my_number",
    [FIELD_CORPORATE_NUMBER] = "corporate_number",
    [FIELD_BANK_ACCOUNT] = "bank_account",
    [FIELD_NOTE] = "note",
};

const char *const post_names[] = {"係員", "係長", "課長", "部長", "市長", NULL};

const struct file_kind file_kinds[FILE_KIND_COUNT] = {
    {"pdf", "application/pdf", ".pdf"},
    {"jpeg", "image/jpeg", ".jpg,.jpeg"},
    {"png", "image/png", ".png"},
    {"heic", "image/heic", ".heic,.heif"},
    {"text", "text/plain", ".txt"},
    {"csv", "text/csv", ".csv"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"},
};

static const char *const kind_names[] = {
    "pdf", "jpeg", "png", "heic", "text", "csv", "docx", "xlsx", NULL};
_Static_assert(COUNT(kind_names) == FILE_KIND_COUNT + 1, "a name for each kind of file");

static const char *const type_names[] = {"text", "furigana", "name", "date", "address", "phone",
    "email", "number", "money", "choice", "multi_choice", "yes_no", "consent", "file", "my_number",
    "corporate_number", "bank_account", "note", NULL};
_Static_assert(COUNT(type_names) == FIELD_TYPE_COUNT + 1, "a name for each type");

/* As field_class_name(); 個人番号 is a type of its own, so that nothing else is taken for one. */
static const char *const class_names[] = {"basic", "personal", "sensitive", NULL};

static const char *const applicant_names[] = {"resident", "business", "proxy", NULL};
/* Words for both levels being 1, 2, 3. */
enum { ASSURANCE_LEVEL_MAX = 3 };
static const char *const signature_names[] = {"none", "allowed", "required", NULL};
/* What staff may look at a 個人番号 for, within the duty that the ground names. */
static const char *const number_purpose_names[] = {"decide", "inquire", "register", "report", NULL};
static const char *const number_check_names[] = {"none", "required", NULL};
static const char *const assurance_names[] = {"low", "substantial", "high", NULL};
_Static_assert(COUNT(assurance_names) == ASSURANCE_LEVEL_MAX + 1, "a word for each level");
static const char *const fee_names[] = {"after_decision", "before_decision", NULL};
static const char *const period_names[] = {"calendar", "business", NULL};
static const char *const step_names[] = {"check", "approve", "consult", "decide", NULL};
static const char *const effect_names[] = {"charge", "number", NULL};
static const char *const retention_names[] = {"decision", "submission", "fiscal_year_end", NULL};
static const char *const appeal_names[] = {"default", "none", NULL};

#define T(type) (1u << FIELD_##type)

#define AT(type, member) offsetof(struct type, member)
#define SHAPE(name, text, type, ...)                                                               \
	static const struct shape name = {.what = text,                                            \
	    .size = sizeof(struct type),                                                           \
	    .rules = name##_rules,                                                                 \
	    .nrules = COUNT(name##_rules),                                                         \
	    __VA_ARGS__}
#define BARE_SHAPE(name, text)                                                                     \
	static const struct shape name = {                                                         \
	    .what = text, .rules = name##_rules, .nrules = COUNT(name##_rules)}

/* --- fields --- */

static const struct rule option_shape_rules[] = {
    {.key = "value", .kind = V_TEXT, .required = true, .offset = AT(option, value), .max = 60},
    {.key = "label", .kind = V_WORDS, .required = true, .offset = AT(option, label)},
    {.key = "help", .kind = V_WORDS, .offset = AT(option, help)},
};
SHAPE(option_shape, "an option", option);

static const struct rule check_shape_rules[] = {
    {.key = "expr", .kind = V_EXPR, .required = true, .offset = AT(check, expr)},
    {.key = "message", .kind = V_WORDS, .required = true, .offset = AT(check, message)},
};
static void check_init(void *item)
{
	((struct check *)item)->expr = NO_EXPR;
}
SHAPE(check_shape, "a check", check, .init = check_init);

static void field_init(void *item)
{
	struct field *f = item;
	f->type = -1;
	f->class = -1;
	f->when = NO_EXPR;
}
static void field_after(struct loader *, const struct yaml_node *, void *item, json_t *json);

static const struct rule field_shape_rules[] = {
    {.key = "id", .kind = V_NAME, .required = true, .offset = AT(field, id)},
    {.key = "type",
        .kind = V_ENUM,
        .required = true,
        .offset = AT(field, type),
        .names = type_names},
    {.key = "class", .kind = V_ENUM, .offset = AT(field, class), .names = class_names},
    {.key = "label", .kind = V_WORDS, .offset = AT(field, label)},
    {.key = "help", .kind = V_WORDS, .offset = AT(field, help)},
    {.key = "required", .kind = V_COND, .fallback = "false", .offset = AT(field, required)},
    {.key = "when", .kind = V_EXPR, .offset = AT(field, when)},
    {.key = "check", .kind = V_LIST, .offset = AT(field, checks), .shape = &check_shape, .max = 20},
    {.key = "prefill", .kind = V_REF, .offset = AT(field, prefill_ref)},
    {.key = "default",
        .kind = V_RAW,
        .offset = AT(field, default_node),
        .types = T(TEXT) | T(NUMBER) | T(MONEY) | T(CHOICE) | T(YES_NO) | T(DATE)},
    {.key = "text", .kind = V_WORDS, .offset = AT(field, text), .types = T(NOTE) | T(CONSENT)},
    {.key = "min",
        .kind = V_RAW,
        .offset = AT(field, min_node),
        .types = T(TEXT) | T(NUMBER) | T(MONEY) | T(DATE) | T(MULTI_CHOICE) | T(FILE)},
    {.key = "max",
        .kind = V_RAW,
        .offset = AT(field, max_node),
        .types = T(TEXT) | T(NUMBER) | T(MONEY) | T(DATE) | T(MULTI_CHOICE) | T(FILE)},
    {.key = "decimals", .kind = V_INT, .offset = AT(field, decimals), .max = 3, .types = T(NUMBER)},
    {.key = "unit", .kind = V_WORDS, .offset = AT(field, unit), .types = T(NUMBER)},
    {.key = "multiline", .kind = V_BOOL, .offset = AT(field, multiline), .types = T(TEXT)},
    {.key = "pattern",
        .kind = V_REF,
        .offset = AT(field, pattern_ref),
        .max = 400,
        .types = T(TEXT)},
    {.key = "pattern_message",
        .kind = V_WORDS,
        .offset = AT(field, pattern_message),
        .types = T(TEXT)},
    {.key = "options",
        .kind = V_LIST,
        .offset = AT(field, options),
        .shape = &option_shape,
        .min = 1,
        .max = 1000,
        .types = T(CHOICE) | T(MULTI_CHOICE)},
    {.key = "examples",
        .kind = V_REFS,
        .offset = AT(field, examples),
        .min = 1,
        .types =
            T(TEXT) | T(NUMBER) | T(MONEY) | T(CHOICE) | T(MULTI_CHOICE) | T(YES_NO) | T(DATE)},
    {.key = "kinds",
        .kind = V_SET,
        .offset = AT(field, kinds),
        .names = kind_names,
        .types = T(FILE)},
    {.key = "max_bytes",
        .kind = V_INT,
        .offset = AT(field, max_bytes),
        .min = 1024,
        .max = 1 << 30,
        .types = T(FILE)},
};
SHAPE(field_shape, "a field", field, .init = field_init, .after = field_after);

static void field_after(struct loader *l, const struct yaml_node *node, void *item, json_t *json)
{
	struct field *f = item;
	if (f->type < 0)
		return;
	for (size_t i = 0; i < COUNT(field_shape_rules); i++) {
		const struct rule *r = &field_shape_rules[i];
		const struct yaml_node *c = yaml_get(node, r->key);
		if (c && r->types && !(r->types & (1u << f->type)) && !l->env->stored)
			problem_add(l->problems, c->key_line, c->key_column, "take it away",
			    "`%s` does not go with type `%s`", r->key, field_type_names[f->type]);
	}
	if (f->type == FIELD_FILE && !f->kinds) {
		f->kinds = 7;
		json_object_set_new(json, "kinds", json_pack("[sss]", "pdf", "jpeg", "png"));
	}
	if (f->type == FIELD_FILE && !f->max_bytes) {
		f->max_bytes = 10485760;
		json_object_set_new(json, "max_bytes", json_integer(f->max_bytes));
	}
	if (!f->label && f->type != FIELD_NOTE && !yaml_get(node, "label"))
		problem_add(l->problems, node->line, node->column, "add `label: {ja: …, en: …}`",
		    "a field has no `label`");
}

/* An attachment is a field of type file in a section that the loader makes. */
static void attachment_init(void *item)
{
	field_init(item);
	((struct field *)item)->type = FIELD_FILE;
}

static const struct rule attachment_shape_rules[] = {
    {.key = "id", .kind = V_NAME, .required = true, .offset = AT(field, id)},
    {.key = "label", .kind = V_WORDS, .required = true, .offset = AT(field, label)},
    {.key = "help", .kind = V_WORDS, .offset = AT(field, help)},
    {.key = "required", .kind = V_COND, .fallback = "false", .offset = AT(field, required)},
    {.key = "when", .kind = V_EXPR, .offset = AT(field, when)},
    {.key = "kinds",
        .kind = V_SET,
        .fallback = "pdf jpeg png",
        .offset = AT(field, kinds),
        .names = kind_names},
    {.key = "min", .kind = V_RAW, .offset = AT(field, min_node)},
    {.key = "max", .kind = V_RAW, .offset = AT(field, max_node)},
    {.key = "max_bytes",
        .kind = V_INT,
        .fallback = "10485760",
        .offset = AT(field, max_bytes),
        .min = 1024,
        .max = 1 << 30},
};
SHAPE(attachment_shape, "an attachment", field, .init = attachment_init);

/* --- sections --- */

static const struct rule repeat_shape_rules[] = {
    {.key = "min", .kind = V_INT, .fallback = "0", .offset = AT(repeat, min), .max = 100},
    {.key = "max",
        .kind = V_INT,
        .required = true,
        .offset = AT(repeat, max),
        .min = 1,
        .max = 100},
    {.key = "item", .kind = V_WORDS, .required = true, .offset = AT(repeat, item)},
};
SHAPE(repeat_shape, "a repetition", repeat);

static void section_init(void *item)
{
	((struct section *)item)->when = NO_EXPR;
}
static void section_after(struct loader *l, const struct yaml_node *node, void *item, json_t *json)
{
	(void)l;
	(void)json;
	((struct section *)item)->repeats = yaml_get(node, "repeat") != NULL;
}

static const struct rule section_shape_rules[] = {
    {.key = "id", .kind = V_NAME, .required = true, .offset = AT(section, id)},
    {.key = "title", .kind = V_WORDS, .required = true, .offset = AT(section, title)},
    {.key = "help", .kind = V_WORDS, .offset = AT(section, help)},
    {.key = "when", .kind = V_EXPR, .offset = AT(section, when)},
    {.key = "repeat", .kind = V_MAP, .offset = AT(section, repeat), .shape = &repeat_shape},
    {.key = "fields",
        .kind = V_LIST,
        .required = true,
        .offset = AT(section, fields),
        .shape = &field_shape,
        .min = 1,
        .max = 200},
};
SHAPE(section_shape, "a section", section, .init = section_init, .after = section_after);

/* --- the rest of the form --- */

static const struct rule computed_shape_rules[] = {
    {.key = "id", .kind = V_NAME, .required = true, .offset = AT(computed, id)},
    {.key = "expr", .kind = V_EXPR, .required = true, .offset = AT(computed, expr)},
    {.key = "type",
        .kind = V_ENUM,
        .required = true,
        .offset = AT(computed, type),
        .names = type_names},
    {.key = "label", .kind = V_WORDS, .required = true, .offset = AT(computed, label)},
    {.key = "unit", .kind = V_WORDS, .offset = AT(computed, unit)},
    {.key = "hidden", .kind = V_BOOL, .fallback = "false", .offset = AT(computed, hidden)},
};
static void computed_init(void *item)
{
	((struct computed *)item)->expr = NO_EXPR;
	((struct computed *)item)->type = -1;
}
SHAPE(computed_shape, "a computed value", computed, .init = computed_init);

static const struct rule form_check_shape_rules[] = {
    {.key = "expr", .kind = V_EXPR, .required = true, .offset = AT(check, expr)},
    {.key = "field", .kind = V_REF, .required = true, .offset = AT(check, field)},
    {.key = "message", .kind = V_WORDS, .required = true, .offset = AT(check, message)},
};
SHAPE(form_check_shape, "a check", check, .init = check_init);

/* --- what the procedure is --- */

static const struct rule law_shape_rules[] = {
    {.key = "name", .kind = V_TEXT, .required = true, .offset = AT(law, name)},
    {.key = "article", .kind = V_TEXT, .offset = AT(law, article)},
    {.key = "url", .kind = V_REF, .offset = AT(law, url)},
};
SHAPE(law_shape, "a law", law);

static const struct rule offline_shape_rules[] = {
    {.key = "where", .kind = V_WORDS, .required = true, .offset = NO_OFFSET},
    {.key = "how", .kind = V_WORDS, .required = true, .offset = NO_OFFSET},
};
BARE_SHAPE(offline_shape, "`offline`");

static const struct rule window_shape_rules[] = {
    {.key = "from", .kind = V_DAY, .required = true, .offset = AT(window, from)},
    {.key = "to", .kind = V_DAY, .required = true, .offset = AT(window, to)},
};
SHAPE(window_shape, "a window", window);

static const struct rule period_shape_rules[] = {
    {.key = "days",
        .kind = V_INT,
        .required = true,
        .offset = AT(period, days),
        .min = 1,
        .max = 1000},
    {.key = "kind",
        .kind = V_ENUM,
        .fallback = "calendar",
        .offset = AT(period, kind),
        .names = period_names},
};
SHAPE(period_shape, "a period", period);

static const struct rule assurance_shape_rules[] = {
    {.key = "identity",
        .kind = V_INT,
        .fallback = "1",
        .offset = NO_OFFSET,
        .min = 1,
        .max = ASSURANCE_LEVEL_MAX},
    {.key = "authentication",
        .kind = V_INT,
        .fallback = "1",
        .offset = NO_OFFSET,
        .min = 1,
        .max = ASSURANCE_LEVEL_MAX},
};
BARE_SHAPE(assurance_shape, "the assurance");

static const struct rule my_number_shape_rules[] = {
    {.key = "ground", .kind = V_WORDS, .required = true, .offset = NO_OFFSET},
    {.key = "purposes",
        .kind = V_SET,
        .fallback = "decide",
        .offset = NO_OFFSET,
        .names = number_purpose_names},
    {.key = "check",
        .kind = V_ENUM,
        .fallback = "none",
        .offset = NO_OFFSET,
        .names = number_check_names},
};
BARE_SHAPE(my_number_shape, "`my_number`");

static const struct rule fee_shape_rules[] = {
    {.key = "amount", .kind = V_INT, .offset = AT(fee, amount), .max = 1000000000},
    {.key = "expr", .kind = V_EXPR, .offset = AT(fee, expr)},
    {.key = "label", .kind = V_WORDS, .required = true, .offset = NO_OFFSET},
    {.key = "note", .kind = V_WORDS, .offset = NO_OFFSET},
    {.key = "when",
        .kind = V_ENUM,
        .fallback = "after_decision",
        .offset = NO_OFFSET,
        .names = fee_names},
};
static void fee_init(void *item)
{
	((struct fee *)item)->amount = -1;
	((struct fee *)item)->expr = NO_EXPR;
}
SHAPE(fee_shape, "a fee", fee, .init = fee_init);

static const struct rule capacity_shape_rules[] = {
    {.key = "limit", .kind = V_INT, .offset = AT(capacity, limit), .max = 1000000},
    {.key = "field", .kind = V_REF, .offset = AT(capacity, field)},
    {.key = "limits", .kind = V_NUMBERS, .offset = AT(capacity, limits), .max = 1000000},
};
static void capacity_init(void *item)
{
	((struct capacity *)item)->limit = -1;
}
SHAPE(capacity_shape, "a capacity", capacity, .init = capacity_init);

static const struct rule held_shape_rules[] = {
    {.key = "document", .kind = V_WORDS, .required = true, .offset = NO_OFFSET},
    {.key = "law", .kind = V_MAP, .required = true, .offset = NO_OFFSET, .shape = &law_shape},
};
BARE_SHAPE(held_shape, "a document held by the city");

/* --- the decision --- */

static const struct rule delegated_shape_rules[] = {
    {.key = "when", .kind = V_EXPR, .required = true, .offset = AT(delegated, when)},
    {.key = "post", .kind = V_REF, .required = true, .offset = AT(delegated, post)},
};
static void delegated_init(void *item)
{
	((struct delegated *)item)->when = NO_EXPR;
}
SHAPE(delegated_shape, "a delegation", delegated, .init = delegated_init);

static const struct rule step_shape_rules[] = {
    {.key = "id", .kind = V_SLUG, .required = true, .offset = AT(step, id)},
    {.key = "kind",
        .kind = V_ENUM,
        .required = true,
        .offset = AT(step, kind),
        .names = step_names},
    {.key = "post", .kind = V_REF, .offset = AT(step, post)},
    {.key = "department", .kind = V_REF, .offset = AT(step, department)},
    {.key = "departments", .kind = V_REFS, .offset = AT(step, departments), .min = 1},
    {.key = "parallel", .kind = V_BOOL, .offset = AT(step, parallel)},
    {.key = "when", .kind = V_EXPR, .offset = AT(step, when)},
    {.key = "delegated",
        .kind = V_LIST,
        .offset = AT(step, delegated),
        .shape = &delegated_shape,
        .min = 1,
        .max = 10},
};
static void step_init(void *item)
{
	struct step *s = item;
	s->kind = -1;
	s->when = NO_EXPR;
	s->parallel = true;
}
static void step_after(struct loader *l, const struct yaml_node *node, void *item, json_t *json)
{
	static const struct {
		const char *key;
		unsigned kinds, needed;
	} keys[] = {
	    {"post", 1 << STEP_CHECK | 1 << STEP_APPROVE | 1 << STEP_DECIDE,
	        1 << STEP_CHECK | 1 << STEP_APPROVE | 1 << STEP_DECIDE},
	    {"department", 1 << STEP_CHECK | 1 << STEP_APPROVE | 1 << STEP_DECIDE, 0},
	    {"departments", 1 << STEP_CONSULT, 1 << STEP_CONSULT},
	    {"parallel", 1 << STEP_CONSULT, 0},
	    {"when", 1 << STEP_APPROVE | 1 << STEP_CONSULT, 0},
	    {"delegated", 1 << STEP_DECIDE, 0},
	};
	const struct step *s = item;
	if (s->kind < 0)
		return;
	if (s->kind == STEP_CONSULT)
		json_object_set_new(json, "parallel", json_boolean(s->parallel));
	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct yaml_node *c = yaml_get(node, keys[i].key);
		if (c && !(keys[i].kinds & (1u << s->kind)))
			problem_add(l->problems, c->key_line, c->key_column, "take it away",
			    "`%s` does not go with a step of kind `%s`", keys[i].key,
			    step_names[s->kind]);
		if (!c && keys[i].needed & (1u << s->kind))
			problem_add(l->problems, node->line, node->column,
			    arena_printf(l->scratch, "add `%s: …`", keys[i].key),
			    "a step of kind `%s` has no `%s`", step_names[s->kind], keys[i].key);
	}
}
SHAPE(step_shape, "a step", step, .init = step_init, .after = step_after);

static const struct rule route_shape_rules[] = {
    {.key = "steps",
        .kind = V_LIST,
        .required = true,
        .offset = AT(route, steps),
        .shape = &step_shape,
        .min = 1,
        .max = 20},
};
SHAPE(route_shape, "a route", route);

static const struct rule effect_shape_rules[] = {
    {.key = "kind",
        .kind = V_ENUM,
        .required = true,
        .offset = AT(effect, kind),
        .names = effect_names},
    {.key = "series", .kind = V_REF, .offset = AT(effect, series), .max = 100},
    {.key = "when", .kind = V_EXPR, .fallback = "outcome == 'granted'", .offset = AT(effect, when)},
};
static void effect_init(void *item)
{
	((struct effect *)item)->kind = -1;
	((struct effect *)item)->when = NO_EXPR;
}
SHAPE(effect_shape, "an effect", effect, .init = effect_init);

static const struct rule notices_shape_rules[] = {
    {.key = "submitted", .kind = V_NOTICE, .offset = NO_OFFSET, .fallback = "default"},
    {.key = "accepted", .kind = V_NOTICE, .offset = NO_OFFSET, .fallback = "default"},
    {.key = "correction", .kind = V_NOTICE, .offset = NO_OFFSET, .fallback = "default"},
    {.key = "message", .kind = V_NOTICE, .offset = NO_OFFSET, .fallback = "default"},
    {.key = "decided", .kind = V_NOTICE, .offset = NO_OFFSET, .fallback = "default"},
    {.key = "document", .kind = V_NOTICE, .offset = NO_OFFSET, .fallback = "default"},
    {.key = "reminder", .kind = V_NOTICE, .offset = NO_OFFSET, .fallback = "default"},
    {.key = "withdrawn", .kind = V_NOTICE, .offset = NO_OFFSET, .fallback = "default"},
};
BARE_SHAPE(notices_shape, "the notices");

static const struct rule output_shape_rules[] = {
    {.key = "id", .kind = V_SLUG, .required = true, .offset = AT(output, id)},
    {.key = "template", .kind = V_REF, .required = true, .offset = AT(output, template)},
    {.key = "title", .kind = V_WORDS, .required = true, .offset = AT(output, title)},
    {.key = "body", .kind = V_WORDS, .offset = AT(output, body)},
    {.key = "closing", .kind = V_WORDS, .offset = AT(output, closing)},
    {.key = "rows", .kind = V_REFS, .offset = AT(output, rows)},
    {.key = "when", .kind = V_EXPR, .fallback = "outcome == 'granted'", .offset = AT(output, when)},
    {.key = "series", .kind = V_REF, .offset = AT(output, series), .max = 100},
    {.key = "seal", .kind = V_BOOL, .fallback = "false", .offset = AT(output, seal)},
    {.key = "appeal", .kind = V_BOOL, .offset = NO_OFFSET},
};
static void output_init(void *item)
{
	((struct output *)item)->when = NO_EXPR;
}
SHAPE(output_shape, "a document", output, .init = output_init);

static const struct rule retention_shape_rules[] = {
    {.key = "years", .kind = V_YEARS, .required = true, .offset = NO_OFFSET, .min = 1, .max = 100},
    {.key = "from",
        .kind = V_ENUM,
        .fallback = "decision",
        .offset = NO_OFFSET,
        .names = retention_names},
};
BARE_SHAPE(retention_shape, "the retention");

static const struct rule procedure_rules[] = {
    {.key = "id", .kind = V_SLUG, .required = true, .offset = AT(definition, id.text)},
    {.key = "abbreviation", .kind = V_TEXT, .offset = NO_OFFSET, .max = 6},
    {.key = "title", .kind = V_WORDS, .required = true, .offset = AT(definition, title)},
    {.key = "summary", .kind = V_WORDS, .required = true, .offset = AT(definition, summary)},
    {.key = "guide", .kind = V_WORDS, .offset = NO_OFFSET},
    {.key = "keywords", .kind = V_REFS, .offset = AT(definition, keywords)},
    {.key = "department", .kind = V_REF, .required = true, .offset = AT(definition, department)},
    {.key = "life_events",
        .kind = V_REFS,
        .required = true,
        .offset = AT(definition, life_events),
        .min = 1},
    {.key = "online", .kind = V_BOOL, .fallback = "true", .offset = AT(definition, online)},
    {.key = "offline", .kind = V_MAP, .offset = NO_OFFSET, .shape = &offline_shape},
    {.key = "law",
        .kind = V_LIST,
        .required = true,
        .offset = AT(definition, laws),
        .shape = &law_shape,
        .min = 1,
        .max = 20},
    {.key = "applicants",
        .kind = V_SET,
        .fallback = "resident",
        .offset = NO_OFFSET,
        .names = applicant_names},
    {.key = "assurance",
        .kind = V_MAP_OR,
        .fallback = "low",
        .offset = NO_OFFSET,
        .shape = &assurance_shape,
        .names = assurance_names},
    {.key = "signature",
        .kind = V_ENUM,
        .fallback = "none",
        .offset = NO_OFFSET,
        .names = signature_names},
    {.key = "my_number", .kind = V_MAP, .offset = NO_OFFSET, .shape = &my_number_shape},
    {.key = "window", .kind = V_MAP, .offset = AT(definition, window), .shape = &window_shape},
    {.key = "period", .kind = V_MAP, .offset = AT(definition, period), .shape = &period_shape},
    {.key = "yearly_volume", .kind = V_INT, .offset = NO_OFFSET, .max = 1000000000},
    {.key = "fee", .kind = V_MAP, .offset = AT(definition, fee), .shape = &fee_shape},
    {.key = "capacity",
        .kind = V_MAP,
        .offset = AT(definition, capacity),
        .shape = &capacity_shape},
    {.key = "held_by_city", .kind = V_LIST, .offset = NO_OFFSET, .shape = &held_shape, .max = 20},
    {.key = "sections",
        .kind = V_LIST,
        .offset = AT(definition, sections),
        .shape = &section_shape,
        .min = 1,
        .max = 50},
    {.key = "computed",
        .kind = V_LIST,
        .offset = AT(definition, computed),
        .shape = &computed_shape,
        .max = 100},
    {.key = "attachments",
        .kind = V_LIST,
        .offset = AT(definition, attachments),
        .shape = &attachment_shape,
        .max = 50},
    {.key = "checks",
        .kind = V_LIST,
        .offset = AT(definition, checks),
        .shape = &form_check_shape,
        .max = 200},
    {.key = "findings",
        .kind = V_LIST,
        .offset = AT(definition, findings),
        .shape = &field_shape,
        .min = 1,
        .max = 50},
    {.key = "route", .kind = V_MAP, .offset = AT(definition, route), .shape = &route_shape},
    {.key = "effects",
        .kind = V_LIST,
        .offset = AT(definition, effects),
        .shape = &effect_shape,
        .max = 20},
    {.key = "notices", .kind = V_MAP, .offset = NO_OFFSET, .shape = &notices_shape},
    {.key = "documents",
        .kind = V_LIST,
        .offset = AT(definition, documents),
        .shape = &output_shape,
        .max = 20},
    {.key = "appeal",
        .kind = V_WORDS_OR,
        .fallback = "default",
        .offset = NO_OFFSET,
        .names = appeal_names},
    {.key = "retention",
        .kind = V_MAP,
        .required = true,
        .offset = NO_OFFSET,
        .shape = &retention_shape},
};

static void procedure_init(void *item)
{
	struct definition *d = item;
	fee_init(&d->fee);
	capacity_init(&d->capacity);
}

/* `assurance: high` stands for {identity: 3, authentication: 3}. */
static void assurance_levels(json_t *json)
{
	const char *word = json_text(json, "assurance");
	for (int i = 0; assurance_names[i]; i++)
		if (text_eq(word, assurance_names[i])) {
			json_object_set_new(json, "assurance",
			    json_pack("{s:i, s:i}", "identity", i + 1, "authentication", i + 1));
			return;
		}
}

static void procedure_after(
    struct loader *l, const struct yaml_node *node, void *item, json_t *json)
{
	struct definition *d = item;
	assurance_levels(json);
	const struct yaml_node *id = yaml_get(node, "id");
	const struct yaml_node *offline = yaml_get(node, "offline"),
	                       *route = yaml_get(node, "route");
	if (id)
		d->id.at = (struct place){id->line, id->column};
	if (d->online && !yaml_get(node, "sections"))
		problem_add(l->problems, node->line, node->column,
		    "add `sections: …`, or `online: false`", "the procedure has no `sections`");
	if (d->online && !route)
		problem_add(l->problems, node->line, node->column,
		    "add `route: …`, or `online: false`", "the procedure has no `route`");
	if (!d->online && !offline)
		problem_add(l->problems, node->line, node->column,
		    "add `offline: {where: …, how: …}`",
		    "a procedure that is not online has no `offline`");
}

const struct shape procedure_shape = {.what = "the procedure",
    .size = sizeof(struct definition),
    .rules = procedure_rules,
    .nrules = COUNT(procedure_rules),
    .init = procedure_init,
    .after = procedure_after};
