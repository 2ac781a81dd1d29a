/* Answers made up for tests, benchmarks and the demo city: from a seed, always the same. What a
 * field has of its own in `examples` goes before what its type makes up, and the profile before
 * both. */
#include "procedure/form/private.h"

#include <math.h>
#include <string.h>

#include "procedure/example_people.h"

const struct example_name example_families[] = {{"佐藤", "サトウ"}, {"鈴木", "スズキ"},
    {"高橋", "タカハシ"}, {"田中", "タナカ"}, {"伊藤", "イトウ"}, {"渡辺", "ワタナベ"},
    {"山本", "ヤマモト"}, {"中村", "ナカムラ"}, {"小林", "コバヤシ"}, {"加藤", "カトウ"},
    {"吉田", "ヨシダ"}, {"山田", "ヤマダ"}, {"佐々木", "ササキ"}, {"山口", "ヤマグチ"},
    {"松本", "マツモト"}, {"井上", "イノウエ"}, {"木村", "キムラ"}, {"林", "ハヤシ"},
    {"斎藤", "サイトウ"}, {"清水", "シミズ"}, {"大西", "オオニシ"}, {"多田", "タダ"},
    {"香川", "カガワ"}, {"三好", "ミヨシ"}};
const struct example_name example_givens[] = {{"葵", "アオイ"}, {"陽翔", "ハルト"}, {"凛", "リン"},
    {"蓮", "レン"}, {"結菜", "ユイナ"}, {"湊", "ミナト"}, {"さくら", "サクラ"}, {"大和", "ヤマト"},
    {"美咲", "ミサキ"}, {"健一", "ケンイチ"}, {"由美", "ユミ"}, {"誠", "マコト"},
    {"恵子", "ケイコ"}, {"太郎", "タロウ"}, {"花子", "ハナコ"}, {"直樹", "ナオキ"},
    {"明美", "アケミ"}, {"翔太", "ショウタ"}, {"真由", "マユ"}, {"修", "オサム"}};
_Static_assert(
    COUNT(example_families) == EXAMPLE_FAMILIES && COUNT(example_givens) == EXAMPLE_GIVENS,
    "as the header says");

/* --- people --- */

static const char *reading(const struct example_name *names, int n, const json_t *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(names[i].name, typed_text(name)) == 0)
			return names[i].kana;
	return NULL;
}

/* The furigana of a name of the tables; NULL: it has others. New reference. */
static json_t *furigana_of(const json_t *name)
{
	const char *family =
	    reading(example_families, EXAMPLE_FAMILIES, json_object_get(name, "family"));
	const char *given = reading(example_givens, EXAMPLE_GIVENS, json_object_get(name, "given"));
	return family && given ? json_pack("{s:s, s:s}", "family", family, "given", given) : NULL;
}

/* The first answer of a type outside of groups: who the application is about. Borrowed. */
static const json_t *first_answer(const struct form *fm, enum field_type type)
{
	LIST_EACH(const struct section, s, fm->p->d.sections) {
		struct spot spot = spot_of(fm, s);
		LIST_EACH(const struct field, f, s->fields)
			if (f->type == type && !s->repeats && json_object_get(spot.object, f->id))
				return json_object_get(spot.object, f->id);
	}
	return NULL;
}

/* Somebody of the family that the application is about; the doctor of a form is in its `examples`.
 */
json_t *example_name(struct form *fm, const struct field *f, uint64_t *seed)
{
	struct spot spot = spot_of(fm, f->section);
	if (f->type == FIELD_FURIGANA) {
		LIST_EACH(const struct field, other, f->section->fields)
			if (other->type == FIELD_NAME) {
				json_t *kana = furigana_of(json_object_get(spot.object, other->id));
				if (kana)
					return kana;
			}
	}
	const json_t *known = first_answer(fm, FIELD_NAME);
	if (!known)
		known = json_object_get(fm->ctx->profile, "name");
	const struct example_name *family = &example_families[seed_below(seed, EXAMPLE_FAMILIES)],
	                          *given = &example_givens[seed_below(seed, EXAMPLE_GIVENS)];
	bool kana = f->type == FIELD_FURIGANA;
	const char *name = kana ? family->kana : family->name;
	if (!kana && typed_text(json_object_get(known, "family"))[0])
		name = typed_text(json_object_get(known, "family"));
	return json_pack("{s:s, s:s}", "family", name, "given", kana ? given->kana : given->name);
}

/* The holder of an account: who the application is about. */
const char *example_holder(struct form *fm)
{
	const json_t *kana = first_answer(fm, FIELD_FURIGANA);
	if (!kana)
		kana = json_object_get(fm->ctx->profile, "furigana");
	return json_is_object(kana)
	           ? arena_printf(fm->arena, "%s %s", typed_text(json_object_get(kana, "family")),
	                 typed_text(json_object_get(kana, "given")))
	           : "カガワ ハナコ";
}

/* --- examples of the definition --- */

/* A number, or a day as the number of days from today: `today`, `today-30`, `2026-04-01`. */
static bool bound(const struct field *f, struct str text, struct date today, double *out)
{
	char number[40];
	if (text.n == 0 || text.n >= sizeof(number))
		return false;
	memcpy(number, text.p, text.n);
	number[text.n] = 0;
	struct date day;
	if (f->type == FIELD_DATE && !str_starts(text, "today")) {
		bool good = date_parse(text, &day);
		*out = good ? date_to_days(day) : 0;
		return good;
	}
	char *from = number, *end;
	if (f->type == FIELD_DATE) {
		from += strlen("today");
		*out = date_to_days(today);
		if (!*from)
			return true;
		if (*from != '-' && *from != '+')
			return false;
	}
	double v = strtod(from, &end);
	*out = f->type == FIELD_DATE ? date_to_days(today) + v : v;
	return *end == 0 && end > from && isfinite(v);
}

/* `3`, `1..5`, `today-30..today`. */
static bool range_of(
    const struct field *f, const char *text, struct date today, double *low, double *high)
{
	const char *dots = strstr(text, "..");
	struct str first = dots ? (struct str){text, (size_t)(dots - text)} : str_from(text);
	if (!bound(f, first, today, low))
		return false;
	*high = *low;
	return !dots || (bound(f, str_from(dots + 2), today, high) && *low <= *high);
}

bool example_fits(const struct field *f, const char *text)
{
	double low, high;
	struct date today = {2026, 4, 1};
	switch (f->type) {
	case FIELD_TEXT:
		return utf8_length(str_from(text)) <= (size_t)f->max &&
		       (!f->pattern || pattern_matches(f->pattern, str_from(text)));
	case FIELD_CHOICE:
	case FIELD_MULTI_CHOICE:
		LIST_EACH(const struct option, o, f->options)
			if (o->value && strcmp(o->value, text) == 0)
				return true;
		return false;
	case FIELD_YES_NO:
		return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
	case FIELD_DATE:
		return range_of(f, text, today, &low, &high);
	default:
		return range_of(f, text, today, &low, &high) && (!f->has_min || low >= f->min) &&
		       (!f->has_max || high <= f->max);
	}
}

/* One of the field's own examples: those at the same place of the lists of a section go together,
 * and a group's rows take theirs in order. New reference. */
static json_t *listed(struct form *fm, const struct field *f, int turn, uint64_t *seed)
{
	const struct ref *all = f->examples.items;
	const char *text = all[turn % f->examples.n].text;
	double low = 0, high = 0;
	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_CHOICE:
		return json_string(text);
	case FIELD_MULTI_CHOICE:
		return json_pack("[s]", text);
	case FIELD_YES_NO:
		return json_boolean(strcmp(text, "true") == 0);
	default:
		if (!range_of(f, text, fm->ctx->today, &low, &high))
			return NULL;
	}
	double step = pow(10, -(double)f->decimals);
	double v = low + seed_below(seed, (int)((high - low) / step) + 1) * step;
	if (f->type == FIELD_DATE) {
		struct date d = date_from_days((int32_t)v);
		return json_sprintf("%04d-%02d-%02d", d.year, d.month, d.day);
	}
	return f->decimals ? json_real(round(v / step) * step) : json_integer((json_int_t)v);
}

/* --- the form --- */

static void make_field(struct form *fm, const struct spot *spot, const struct field *f, int turn,
    uint64_t *seed, const char *blob)
{
	const struct type_ops *ops = ops_of(f);
	json_t *v = NULL;
	if (f->type == FIELD_FILE) {
		int n = f->has_min && f->min > 1 ? (int)f->min : 1;
		if (!field_required(fm, spot, f) || !blob)
			return;
		v = json_array();
		int kind = 0;
		while (!(f->kinds & (1 << kind)))
			kind++;
		for (int i = 0; i < n; i++)
			json_array_append_new(
			    v, json_pack("{s:s, s:s, s:s, s:i}", "blob", blob, "name",
			           arena_printf(
			               fm->arena, "%s-%d.%s", f->id, i + 1, file_kinds[kind].name),
			           "type", file_kinds[kind].mime, "size", 1024));
	} else if (!(v = prefill_value(fm, f))) {
		v = f->examples.n  ? listed(fm, f, turn, seed)
		    : ops->example ? ops->example(fm, f, seed)
		                   : NULL;
	}
	if (v)
		json_object_set_new(spot->object, f->id, v);
}

/* Fills what is shown; an optional answer is left out now and then. What an answer shows later is
 * filled by the next pass. */
static void make_spot(struct form *fm, const struct spot *spot, uint64_t *seed, const char *blob)
{
	int turn = spot->row >= 0 ? spot->row : seed_below(seed, 1 << 20);
	LIST_EACH(const struct field, f, spot->section->fields) {
		if (json_object_get(spot->object, f->id) || !field_shown(fm, spot, f))
			continue;
		if (field_required(fm, spot, f) || seed_below(seed, 4) > 0)
			make_field(fm, spot, f, turn, seed, blob);
	}
}

static void make_section(struct form *fm, const struct section *s, uint64_t *seed, const char *blob)
{
	if (!section_shown(fm, s))
		return;
	if (!s->repeats) {
		struct spot spot = {s, section_object(fm, s), -1};
		make_spot(fm, &spot, seed, blob);
		return;
	}
	json_t *rows = section_rows(fm, s);
	int wanted = (int)s->repeat.min + seed_below(seed, 3);
	if (wanted > s->repeat.max)
		wanted = (int)s->repeat.max;
	while (json_array_size(rows) == 0 && wanted-- > 0)
		for (int i = 0; i <= wanted; i++)
			json_array_append_new(rows, json_object());
	for (int i = 0; i < row_count(fm, s); i++) {
		struct spot spot = spot_of_row(fm, s, i);
		make_spot(fm, &spot, seed, blob);
	}
}

/* Makes the answer that a problem names anew, so that another value is tried. */
static void forget(struct form *fm, const char *field)
{
	struct str rest = str_from(field), part;
	json_t *at = fm->answers;
	const struct section *s = NULL;
	while (str_cut(&rest, '.', &part)) {
		char key[80];
		snprintf(key, sizeof(key), "%.*s", STR_ARG(part));
		int64_t i;
		if (!s) {
			s = section_at(fm->p, procedure_section_find(fm->p, key));
			at = json_object_get(at, key);
			if (!s)
				return;
		} else if (json_is_array(at)) {
			if (!str_to_i64(part, 0, ROWS_MAX, &i))
				return;
			at = json_array_get(at, (size_t)i);
		} else {
			json_object_del(at, key);
			return;
		}
	}
	if (json_is_array(at))
		json_array_clear(at);
}

json_t *form_example(const struct procedure *p, struct arena *a, const struct form_context *ctx,
    uint64_t seed, const char *blob)
{
	enum {
		TRIES = 1000
	}; /* some values break a rule by chance; 60 were too few once in 300,000 */
	json_t *answers = json_object();
	struct form_context nobody = *ctx;
	struct form fm = form_make(p, a, ctx, answers);
	nobody.profile = NULL;
	for (int i = 0; i < TRIES; i++) {
		for (int pass = 0; pass < 3; pass++)
			LIST_EACH(const struct section, s, p->d.sections)
				make_section(&fm, s, &seed, blob);
		struct form_problem *problems;
		struct arena_mark mark = arena_mark(a);
		int n = form_check(p, a, ctx, answers, &problems);
		for (int k = 0; k < n; k++) {
			const struct field *f = field_by_path(p, problems[k].field);
			forget(&fm, problems[k].field);
			/* The profile is of somebody who may not apply: then it is somebody else.
			 */
			if (f && f->prefill != PREFILL_NONE && fm.ctx != &nobody) {
				fm.ctx = &nobody;
				json_object_clear(answers);
			}
		}
		arena_release(a, mark);
		if (n == 0)
			break;
		/* A cross check may blame a field that is right: begin anew at times. */
		if (i % 10 == 9 && i + 1 < TRIES)
			json_object_clear(answers);
	}
	return answers;
}

json_t *form_example_findings(const struct procedure *p, struct arena *a,
    const struct form_context *ctx, json_t *answers, uint64_t seed)
{
	enum { TRIES = 100 };
	const struct section *s = section_at(p, FORM_FINDINGS);
	if (!s)
		return NULL;
	json_t *with = json_copy(answers);
	struct form fm = form_make(p, a, ctx, with);
	struct form_problem *problems;
	for (int i = 0, n = 1; i < TRIES && n > 0; i++) {
		json_object_set_new(with, s->id, json_object());
		struct spot spot = spot_of(&fm, s);
		make_spot(&fm, &spot, &seed, NULL);
		n = form_section_check(p, a, FORM_FINDINGS, ctx, with, &problems);
	}
	json_t *findings = json_incref(json_object_get(with, s->id));
	json_decref(with);
	return findings;
}
