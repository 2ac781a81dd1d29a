/* Checks of answers: one section, or everything as at submission. */
#include "procedure/form/private.h"

#include "base/individual.h"

#include <math.h>
#include <string.h>

#include "base/log.h"

static void check_rule(
    struct form *fm, const struct check *c, const struct expr_scope *scope, const char *name)
{
	struct expr_result result;
	struct err err;
	if (expr_run(scope, c->expr, false, &result, &err) < 0) {
		/* A rule that cannot be judged must not let something through in silence. */
		log_err("procedure.expression", &err);
		result = (struct expr_result){0};
	}
	/* Something it needs was not answered: that has its own message when it matters. */
	if (!result.truth && !result.unknown)
		form_say_text(fm, name, c->message);
}

static void check_field(struct form *fm, const struct spot *spot, const struct field *f)
{
	const struct type_ops *ops = ops_of(f);
	const char *name = control_name(fm, spot, f);
	const json_t *value = json_object_get(spot->object, f->id);
	if (!answer_filled(f, value)) {
		if (ops->required_key && field_required(fm, spot, f))
			form_say(fm, name, f, ops->required_key, NULL);
		return;
	}
	int before = fm->n;
	if (field_leaks_number(f, value)) {
		form_say(fm, name, f, "form.number_in_text", NULL);
		return;
	}
	if (ops->check)
		ops->check(fm, f, name, value);
	if (fm->n > before)
		return;
	struct expr_scope scope = scope_of(fm, spot, value);
	LIST_EACH(const struct check, c, f->checks)
		check_rule(fm, c, &scope, name);
}

static void check_spot(struct form *fm, const struct spot *spot)
{
	LIST_EACH(const struct field, f, spot->section->fields)
		if (field_shown(fm, spot, f))
			check_field(fm, spot, f);
}

void check_section(struct form *fm, const struct section *s)
{
	if (!s->repeats) {
		struct spot spot = spot_of(fm, s);
		check_spot(fm, &spot);
		return;
	}
	int n = row_count(fm, s);
	const struct field named = {.label = s->repeat.item};
	if (n < s->repeat.min)
		form_say(fm, s->id, &named, "form.rows_least", "min",
		    arena_printf(fm->arena, "%lld", (long long)s->repeat.min), NULL);
	if (n > s->repeat.max)
		form_say(fm, s->id, &named, "form.rows_most", "max",
		    arena_printf(fm->arena, "%lld", (long long)s->repeat.max), NULL);
	for (int i = 0; i < n; i++) {
		struct spot spot = spot_of_row(fm, s, i);
		check_spot(fm, &spot);
	}
}

/* --- submission --- */

/* Drops members of an object that are not fields, or are not shown; true when something went that
 * an expression could have seen. */
static bool prune_object(struct form *fm, const struct spot *spot)
{
	bool changed = false;
	const char *key;
	json_t *value;
	void *next;
	json_object_foreach_safe(spot->object, next, key, value)
	{
		const struct field *f = section_field(spot->section, key);
		if (f && f->type != FIELD_NOTE && answer_filled(f, value) &&
		    field_shown(fm, spot, f))
			continue;
		changed |= f != NULL;
		json_object_del(spot->object, key);
	}
	return changed;
}

static bool prune_section(struct form *fm, const struct section *s)
{
	bool changed = false;
	if (!s->repeats) {
		struct spot spot = spot_of(fm, s);
		return spot.object && prune_object(fm, &spot);
	}
	json_t *rows = json_object_get(fm->answers, s->id);
	for (size_t i = 0; i < json_array_size(rows);) {
		if (!json_is_object(json_array_get(rows, i)) || i >= ROWS_MAX) {
			json_array_remove(rows, i);
			changed = true;
			continue;
		}
		struct spot spot = spot_of_row(fm, s, (int)i++);
		changed |= prune_object(fm, &spot);
	}
	return changed;
}

/* One pass over all answers; what a pass drops may hide more. */
static bool prune(struct form *fm)
{
	bool changed = false;
	const char *key;
	json_t *value;
	void *next;
	json_object_foreach_safe(fm->answers, next, key, value)
	{
		int i = procedure_section_find(fm->p, key);
		const struct section *s = section_at(fm->p, i);
		bool right = s && (s->repeats ? json_is_array(value) : json_is_object(value));
		if (right && section_shown(fm, s)) {
			changed |= prune_section(fm, s);
			continue;
		}
		changed |= s != NULL;
		json_object_del(fm->answers, key);
	}
	return changed;
}

/* A computed value as its type has it; NULL: none. */
static json_t *as_type(int64_t type, json_t *v)
{
	if (!v || (type == FIELD_NUMBER && json_is_number(v)) ||
	    (type == FIELD_YES_NO && json_is_boolean(v)) ||
	    ((type == FIELD_TEXT || type == FIELD_DATE) && json_is_string(v)))
		return v;
	json_t *fit = NULL;
	double d = json_number_value(v);
	if (type == FIELD_MONEY && json_is_number(v) && fabs(d) < 1e15)
		fit =
		    json_integer(json_is_integer(v) ? json_integer_value(v) : (json_int_t)floor(d));
	if (type == FIELD_TEXT && json_is_integer(v))
		fit = json_sprintf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	json_decref(v);
	return fit;
}

static void compute(struct form *fm)
{
	if (!fm->p->d.computed.n)
		return;
	json_t *values = json_object();
	struct expr_scope scope = {.p = fm->p, .ctx = fm->ctx, .answers = fm->answers};
	LIST_EACH(const struct computed, c, fm->p->d.computed) {
		struct expr_result result;
		struct err err;
		if (expr_run(&scope, c->expr, true, &result, &err) < 0) {
			log_err("procedure.expression", &err);
			continue;
		}
		json_t *v = as_type(c->type, result.value);
		if (v)
			json_object_set_new(values, c->id, v);
	}
	json_object_set_new(fm->answers, "computed", values);
}

/* A check across fields says nothing when its place is not shown, or has a problem already. */
void check_across(struct form *fm, const struct section *only)
{
	LIST_EACH(const struct check, c, fm->p->d.checks) {
		const struct field *f = field_by_path(fm->p, c->field.text);
		if (only && (!f || f->section != only))
			continue;
		struct expr_scope scope = {.p = fm->p, .ctx = fm->ctx, .answers = fm->answers};
		if (f && !f->computed) {
			struct spot spot = spot_of(fm, f->section);
			if (!section_shown(fm, f->section) || !field_shown(fm, &spot, f))
				continue;
		}
		bool said = false;
		for (int i = 0; i < fm->n; i++)
			said |= strcmp(fm->problems[i].field, c->field.text) == 0;
		if (!said)
			check_rule(fm, c, &scope, c->field.text);
	}
}

int form_section_check(const struct procedure *p, struct arena *a, int section,
    const struct form_context *ctx, json_t *answers, struct form_problem **problems)
{
	struct form fm = form_make(p, a, ctx, answers);
	const struct section *s = section_at(p, section);
	if (s)
		check_section(&fm, s);
	*problems = fm.problems;
	return fm.n;
}

int form_check(const struct procedure *p, struct arena *a, const struct form_context *ctx,
    json_t *answers, struct form_problem **problems)
{
	enum { PASSES = 8 };
	struct form fm = form_make(p, a, ctx, answers);
	for (int i = 0; i < PASSES && prune(&fm); i++)
		;
	LIST_EACH(const struct section, s, p->d.sections)
		if (section_shown(&fm, s))
			check_section(&fm, s);
	compute(&fm);
	check_across(&fm, NULL);
	*problems = fm.problems;
	return fm.n;
}

int form_fee(const struct procedure *p, const struct form_context *ctx, json_t *answers,
    int64_t *yen, struct err *err)
{
	const struct fee *fee = &p->d.fee;
	struct expr_scope scope = {.p = p, .ctx = ctx, .answers = answers};
	struct expr_result result;
	*yen = fee->amount > 0 ? fee->amount : 0;
	if (!fee->at.line || fee->expr == NO_EXPR)
		return 0;
	int rc = expr_run(&scope, fee->expr, true, &result, err);
	if (rc < 0)
		return rc;
	double d = json_number_value(result.value);
	bool number = json_is_number(result.value);
	*yen = json_is_integer(result.value) ? json_integer_value(result.value)
	       : fabs(d) < 1e15              ? (int64_t)floor(d)
	                                     : -1;
	json_decref(result.value);
	if (!number && result.unknown) { /* nothing to reckon with yet */
		*yen = 0;
		return 0;
	}
	if (!number || *yen < 0 || *yen > INT64_C(1000000000))
		return err_set(err, ERR_INTERNAL, NULL, "%s: the fee is no amount", p->d.id.text);
	return 0;
}

bool form_capacity(const struct procedure *p, json_t *answers, const char **key, int64_t *limit)
{
	const struct field *by = p->d.capacity.by;
	*key = by ? json_string_value(
	                json_object_get(json_object_get(answers, by->section->id), by->id))
	          : "";
	return *key && form_capacity_of(p, *key, limit);
}

bool form_capacity_of(const struct procedure *p, const char *key, int64_t *limit)
{
	const struct capacity *c = &p->d.capacity;
	const json_t *number = c->by ? json_object_get(c->limits, key) : NULL;
	*limit = c->by ? json_integer_value(number) : c->limit;
	return c->at.line && (c->by ? number != NULL : !key[0] && c->limit >= 0);
}

/* --- numbers that are kept encrypted --- */

static bool holds_number(const json_t *value)
{
	const char *key;
	json_t *one;
	size_t i;
	if (json_is_string(value))
		return individual_number_find(
		    (struct str){json_string_value(value), json_string_length(value)}, NULL);
	json_object_foreach((json_t *)value, key, one) if (holds_number(one)) return true;
	json_array_foreach((json_t *)value, i, one) if (holds_number(one)) return true;
	return false;
}

bool field_leaks_number(const struct field *f, const json_t *value)
{
	bool own = f->type == FIELD_MY_NUMBER || f->type == FIELD_FILE || f->pattern;
	return !own && holds_number(value);
}

static void secret_of(const struct field *f, json_t *object, bool open,
    json_t *(*fn)(void *arg, const json_t *value), void *arg)
{
	const json_t *value = json_object_get(object, f->id);
	bool sealed = json_is_object(value);
	if (f->type != FIELD_MY_NUMBER) { /* in the wrong place: check() has told */
		if (!open && field_leaks_number(f, value))
			json_object_del(object, f->id);
		return;
	}
	if (!value || sealed != open)
		return;
	struct arena *a = arena_new();
	struct form_context ctx = {0};
	struct form fm = form_make(NULL, a, &ctx, NULL);
	if (!sealed)
		ops_of(f)->check(&fm, f, f->path, value);
	json_t *result = fm.n == 0 ? fn(arg, value) : NULL;
	arena_free(a);
	if (result)
		json_object_set_new(object, f->id, result);
	else
		json_object_del(object, f->id);
}

bool form_has_secrets(const struct procedure *p)
{
	LIST_EACH(const struct section, s, p->d.sections)
		LIST_EACH(const struct field, f, s->fields)
			if (f->type == FIELD_MY_NUMBER)
				return true;
	return false;
}

void form_secrets(const struct procedure *p, json_t *answers, bool open,
    json_t *(*fn)(void *arg, const json_t *value), void *arg)
{
	if (!form_has_secrets(p))
		return;
	LIST_EACH(const struct section, s, p->d.sections)
		LIST_EACH(const struct field, f, s->fields) {
			json_t *at = json_object_get(answers, s->id), *row;
			size_t i;
			if (json_is_object(at))
				secret_of(f, at, open, fn, arg);
			json_array_foreach(json_is_array(at) ? at : NULL, i, row)
			    secret_of(f, row, open, fn, arg);
		}
}

static void add_number(
    json_t *out, const struct field *f, const char *lang, const json_t *object, int row)
{
	if (!json_object_get(object, f->id))
		return;
	const char *label = words_in(f->label, lang);
	const struct section *s = f->section;
	json_array_append_new(out,
	    row < 0
	        ? json_pack("{s:s, s:s}", "name", f->path, "label", label)
	        : json_pack("{s:o, s:o}", "name", json_sprintf("%s.%d.%s", s->id, row, f->id),
	              "label",
	              json_sprintf("%s %d: %s", words_in(s->repeat.item, lang), row + 1, label)));
}

json_t *form_numbers(const struct procedure *p, const char *lang, const json_t *answers)
{
	json_t *out = json_array();
	LIST_EACH(const struct section, s, p->d.sections)
		LIST_EACH(const struct field, f, s->fields) {
			const json_t *at = json_object_get(answers, s->id);
			if (f->type != FIELD_MY_NUMBER)
				continue;
			if (!s->repeats)
				add_number(out, f, lang, at, -1);
			for (size_t i = 0; s->repeats && i < json_array_size(at); i++)
				add_number(out, f, lang, json_array_get(at, i), (int)i);
		}
	return out;
}

const json_t *form_number_at(const json_t *answers, const char *name)
{
	struct str rest = str_from(name), part;
	while (answers && str_cut(&rest, '.', &part)) {
		int64_t row;
		answers = json_is_array(answers) ? str_to_i64(part, 0, INT32_MAX, &row)
		                                       ? json_array_get(answers, (size_t)row)
		                                       : NULL
		                                 : json_object_getn(answers, part.p, part.n);
	}
	return answers;
}
