/* Expressions: compiled once, and every name in them looked up, so that what is misspelt is told
 * before anybody applies. */
#include "procedure/definition/check.h"

#include <string.h>

struct scope {
	struct loader *l;
	const struct expr *expr;
	const struct section *section; /* where it stands; NULL: in the procedure */
	bool value;                    /* `value` is known */
	int computed;  /* of computed values, only those before this one are known */
	bool findings; /* the office has entered them */
};

static const char *const name_parts[] = {"family", "given", NULL};
static const char *const address_parts[] = {
    "postal_code", "prefecture", "city", "town", "street", "building", NULL};
static const char *const bank_parts[] = {"bank", "branch", "kind", "number", "holder", NULL};

static const char *const *parts_of(int64_t type)
{
	switch (type) {
	case FIELD_NAME:
	case FIELD_FURIGANA:
		return name_parts;
	case FIELD_ADDRESS:
		return address_parts;
	case FIELD_BANK_ACCOUNT:
		return bank_parts;
	default:
		return NULL;
	}
}

static void say_expr(struct scope *sc, const char *remedy, const char *what)
{
	say(sc->l, (struct place){sc->expr->line, sc->expr->column}, remedy, "%s in `%.60s`", what,
	    sc->expr->text);
}

static void check_parts(struct scope *sc, const struct field *f, const struct expr_chain *c, int i)
{
	if (i >= c->n || f->type < 0)
		return;
	const char *part = str_dup(sc->l->scratch, c->names[i]);
	const char *const *parts = parts_of(f->type);
	int n = 0;
	while (parts && parts[n])
		n++;
	if (!parts)
		say_expr(sc, NULL,
		    remedyf(sc->l, "`%s` is a %s and has no `%s`", f->id, field_type_names[f->type],
		        part));
	else if (!in_list(part, parts))
		say_expr(sc, did_you_mean(sc->l, part, parts, n, NULL),
		    remedyf(sc->l, "`%s` has no `%s`", f->id, part));
}

static void check_field_of(
    struct scope *sc, const struct section *s, const struct expr_chain *c, int i)
{
	if (i >= c->n)
		return;
	const char *id = str_dup(sc->l->scratch, c->names[i]);
	const struct field *f = section_field(s, id);
	if (f) {
		if (s->computed && f - (const struct field *)s->fields.items >= sc->computed)
			say_expr(sc, "use only computed values that stand above",
			    remedyf(sc->l, "`%s` is not yet known", id));
		check_parts(sc, f, c, i + 1);
		return;
	}
	const char **ids = arena_array(sc->l->scratch, (size_t)s->fields.n, sizeof(*ids));
	int n = 0;
	FIELDS_OF(s, o)
		if (o->id)
			ids[n++] = o->id;
	say_expr(sc, did_you_mean(sc->l, id, ids, n, NULL),
	    remedyf(sc->l, "section `%s` has no field `%s`", s->id, id));
}

static void unknown_name(struct scope *sc, const char *text)
{
	const struct procedure *p = sc->l->p;
	int n = 0, most = p->nnames + 64;
	const char **names = arena_array(sc->l->scratch, (size_t)most, sizeof(*names));
	for (int i = 0; i < p->nnames; i++)
		names[n++] = p->names[i].text;
	if (sc->value)
		names[n++] = "value";
	if (sc->section && sc->section->repeats)
		names[n++] = "item";
	for (int i = 0; expr_functions[i] && n < most; i++)
		names[n++] = expr_functions[i];
	for (int i = 0; expr_constants[i] && n < most; i++)
		names[n++] = expr_constants[i];
	static const char *const truths[] = {"yes", "no", "on", "off", "True", "False", NULL};
	say_expr(sc,
	    in_list(text, truths)
	        ? "write `true` or `false`"
	        : did_you_mean(sc->l, text, names, n,
	              "use a section's or field's id, or a function of docs/procedure-format.md"),
	    remedyf(sc->l, "unknown name `%s`", text));
}

static void check_call(
    struct scope *sc, const char *text, const struct expr_chain *c, const struct expr_arity *a)
{
	if (!c->called || (c->arguments >= a->least && c->arguments <= a->most))
		return;
	const char *wanted = a->least == a->most ? remedyf(sc->l, "%d", a->least)
	                     : a->most == EXPR_ANY_MANY
	                         ? remedyf(sc->l, "%d or more", a->least)
	                         : remedyf(sc->l, "%d or %d", a->least, a->most);
	say_expr(sc, remedyf(sc->l, "give it %s, as docs/procedure-format.md shows", wanted),
	    remedyf(
	        sc->l, "`%s` has %d argument%s", text, c->arguments, c->arguments == 1 ? "" : "s"));
}

static void check_chain(void *arg, const struct expr_chain *c)
{
	struct scope *sc = arg;
	const char *text = str_dup(sc->l->scratch, c->names[0]);
	int function = -1;
	for (int i = 0; expr_functions[i]; i++)
		if (strcmp(expr_functions[i], text) == 0)
			function = i;
	if (function >= 0) {
		check_call(sc, text, c, &expr_arities[function]);
		if (!c->called && !c->argument)
			say_expr(sc, remedyf(sc->l, "write `%s(…)`", text),
			    remedyf(sc->l, "`%s` is a function", text));
		return;
	}
	if (in_list(text, expr_constants))
		return;
	if (strcmp(text, "value") == 0 || strcmp(text, "item") == 0) {
		bool item = text[0] == 'i';
		if (item ? !(sc->section && sc->section->repeats) : !sc->value)
			say_expr(sc, NULL,
			    item ? "`item` is only known in a repeating group"
			         : "`value` is only known in a field's `check`");
		else if (item)
			check_field_of(sc, sc->section, c, 1);
		return;
	}
	if (strcmp(text, "computed") == 0) {
		check_field_of(sc, &sc->l->p->computed_section, c, 1);
		return;
	}
	/* A field of the own section goes before all others. */
	if (sc->section && section_field(sc->section, text)) {
		check_parts(sc, section_field(sc->section, text), c, 1);
		return;
	}
	const struct name *name = name_find(sc->l->p, c->names[0].p, c->names[0].n);
	if (!name) {
		unknown_name(sc, text);
		return;
	}
	switch (name->kind) {
	case NAME_SECTION:
		if (name->section->findings && !sc->findings)
			say_expr(sc, "use it in the route, in effects and documents",
			    "what the office finds is not known while the form is filled in,");
		else if (!name->section->repeats)
			check_field_of(sc, name->section, c, 1);
		else if (c->n > 1)
			say_expr(sc,
			    remedyf(sc->l, "use `any(%s, …)`, `sum(%s, …)` or `%s[1].…`", text,
			        text, text),
			    remedyf(sc->l, "`%s` is a list of rows", text));
		break;
	case NAME_FIELD:
		if (name->section->repeats)
			say_expr(sc,
			    remedyf(sc->l, "use `any(%s, …)` or `sum(%s, …)`", name->section->id,
			        name->section->id),
			    remedyf(sc->l, "`%s` is a field of a repeating group", text));
		else
			check_parts(sc, name->field, c, 1);
		break;
	case NAME_AMBIGUOUS:
		say_expr(sc, remedyf(sc->l, "write `%s.%s`", name->section->id, text),
		    remedyf(sc->l, "`%s` is a field of several sections", text));
		break;
	case NAME_COMPUTED:
		if (name->computed >= sc->computed)
			say_expr(sc, "use only computed values that stand above",
			    remedyf(sc->l, "`%s` is not yet known", text));
		break;
	}
}

static void check_in(struct scope *sc)
{
	int before = sc->l->problems->n;
	expr_compile_check(sc->expr, sc->l->problems);
	if (sc->l->problems->n > before)
		return;
	if (expr_has_bare_day(sc->expr->text))
		say_expr(sc, "write days in quotes: '2026-04-01'", "a day without quotes");
	expr_names(sc->expr->text, check_chain, sc);
}

/* An expression of the form: in a section (NULL: of the procedure), where `value` is known or not,
 * and the first `computed` of the computed values. */
static void check_expr(
    struct loader *l, int expr, const struct section *section, bool value, int computed)
{
	struct scope sc = {l, expr == NO_EXPR ? NULL : &l->p->exprs[expr], section, value, computed,
	    section && section->findings};
	if (sc.expr)
		check_in(&sc);
}

/* An expression of the route, of an effect or a document: everything is known. */
static void check_office_expr(struct loader *l, int expr)
{
	struct scope sc = {
	    l, expr == NO_EXPR ? NULL : &l->p->exprs[expr], NULL, false, l->p->d.computed.n, true};
	if (sc.expr)
		check_in(&sc);
}

static void check_field_exprs(struct loader *l, const struct section *s, int all)
{
	FIELDS_OF(s, f) {
		check_expr(l, f->when, s, false, all);
		if (f->required.kind == COND_EXPR)
			check_expr(l, f->required.expr, s, false, all);
		LIST_EACH(const struct check, c, f->checks)
			check_expr(l, c->expr, s, true, all);
	}
}

void check_exprs(struct loader *l)
{
	struct definition *d = &l->p->d;
	int all = d->computed.n, i = 0;
	LIST_EACH(const struct section, s, d->sections) {
		check_expr(l, s->when, NULL, false, all);
		check_field_exprs(l, s, all);
	}
	check_field_exprs(l, &l->p->findings_section, all);
	LIST_EACH(const struct computed, c, d->computed)
		check_expr(l, c->expr, NULL, false, i++);
	LIST_EACH(const struct check, c, d->checks)
		check_expr(l, c->expr, NULL, false, all);
	check_expr(l, d->fee.expr, NULL, false, all);
	LIST_EACH(const struct step, s, d->route.steps) {
		check_office_expr(l, s->when);
		LIST_EACH(const struct delegated, e, s->delegated)
			check_office_expr(l, e->when);
	}
	LIST_EACH(const struct effect, e, d->effects)
		check_office_expr(l, e->when);
	LIST_EACH(const struct output, o, d->documents)
		check_office_expr(l, o->when);
}
