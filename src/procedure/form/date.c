/* Dates: typed by era or western year, kept as YYYY-MM-DD. */
#include "procedure/form/private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static const struct {
	const char *letter, *key;
} eras[] = {
    {"", "form.era.western"},
    {"R", "form.era.reiwa"},
    {"H", "form.era.heisei"},
    {"S", "form.era.showa"},
    {"T", "form.era.taisho"},
    {"M", "form.era.meiji"},
};

static const struct {
	const char *key, *label;
	int max;
} parts[] = {
    {"year", "form.date.year", 4}, {"month", "form.date.month", 2}, {"day", "form.date.day", 2}};

static const char *iso(struct arena *a, struct date d)
{
	return arena_printf(a, "%04d-%02d-%02d", d.year, d.month, d.day);
}

/* "reiwa" and "令和" may come from programs. */
static const char *era_letter(const char *sent)
{
	static const char *const names[][3] = {{"R", "reiwa", "令和"}, {"H", "heisei", "平成"},
	    {"S", "showa", "昭和"}, {"T", "taisho", "大正"}, {"M", "meiji", "明治"}};
	for (size_t i = 0; i < COUNT(names); i++)
		for (size_t k = 0; k < 3; k++)
			if (strcasecmp(names[i][k], sent) == 0)
				return names[i][0];
	return "";
}

static bool parse_parts(struct arena *a, const char *era, const char *year, const char *month,
    const char *day, struct date *out)
{
	if (strspn(month, "0123456789") != strlen(month) ||
	    strspn(day, "0123456789") != strlen(day))
		return false;
	/* An era's year is short; a western one has four digits, so that 2 is not the year 2. */
	size_t digits = strspn(year, "0123456789");
	if (era[0] ? digits > 2 : digits != 4)
		return false;
	return date_parse(str_from(era[0] ? arena_printf(a, "%s%s.%s.%s", era, year, month, day)
	                                  : arena_printf(a, "%s-%s-%s", year, month, day)),
	    out);
}

static json_t *take_date(const struct take *t)
{
	struct arena *a = t->fm->arena;
	struct date d;
	const char *whole = control_get(t->controls, t->name);
	if (whole) {
		const char *s = clean_text(a, whole, false);
		if (!s[0])
			return NULL;
		return json_string(date_parse(str_from(s), &d) ? iso(a, d) : s);
	}
	const char *typed[3];
	const char *era = control_get(t->controls, part_name(t->fm, t->name, "era"));
	bool any = false;
	for (size_t i = 0; i < COUNT(parts); i++) {
		const char *sent =
		    control_get(t->controls, part_name(t->fm, t->name, parts[i].key));
		typed[i] = folded_text(a, sent ? sent : "", text_fold_digits);
		any |= typed[i][0] != 0;
	}
	if (!any)
		return NULL;
	era = era_letter(era ? era : "");
	if (parse_parts(a, era, typed[0], typed[1], typed[2], &d))
		return json_string(iso(a, d));
	return json_pack("{s:s, s:s, s:s, s:s}", "era", era, "year", typed[0], "month", typed[1],
	    "day", typed[2]);
}

static bool iso_date(const json_t *value, struct date *d)
{
	struct str s = str_from(json_string_value(value));
	return s.n == 10 && s.p[4] == '-' && s.p[7] == '-' && date_parse(s, d);
}

static const char *day_text(struct form *fm, struct date d)
{
	return text_eq(fm->ctx->lang, "en") ? date_text(fm->arena, d, "en")
	                                    : date_era_text(fm->arena, d, fm->ctx->lang);
}

static struct date limit_of(struct form *fm, struct date d)
{
	return d.year < 0 ? fm->ctx->today : d;
}

static void check_date(
    struct form *fm, const struct field *f, const char *name, const json_t *value)
{
	struct date d, min = limit_of(fm, f->min_date), max = limit_of(fm, f->max_date);
	if (!iso_date(value, &d)) {
		bool part_missing = false;
		for (size_t i = 0; json_is_object(value) && i < COUNT(parts); i++) {
			if (typed_text(json_object_get(value, parts[i].key))[0])
				continue;
			form_say(fm, part_name(fm, name, parts[i].key), f, "form.required.part",
			    "part", form_tr(fm, parts[i].label, NULL), NULL);
			part_missing = true;
		}
		if (!part_missing)
			form_say(fm, name, f, "form.date", NULL);
	} else if (min.year && date_compare(d, min) < 0) {
		form_say(fm, name, f, "form.date.least", "min", day_text(fm, min), NULL);
	} else if (max.year && date_compare(d, max) > 0) {
		form_say(fm, name, f, "form.date.most", "max", day_text(fm, max), NULL);
	}
}

/* The parts as they are shown: of a date, in the era if it was in one that people use for it. */
static void view_date(struct form *fm, const struct field *f, const char *name, const json_t *value,
    const char *mode, json_t *view)
{
	(void)mode;
	const char *era = "", *typed[3] = {"", "", ""};
	struct date d;
	bool japanese = !text_eq(fm->ctx->lang, "en");
	if (iso_date(value, &d)) {
		const struct era *e = japanese ? era_of(d) : NULL;
		era = e ? e->letter : "";
		typed[0] = arena_printf(fm->arena, "%d", e ? d.year - e->from.year + 1 : d.year);
		typed[1] = arena_printf(fm->arena, "%d", d.month);
		typed[2] = arena_printf(fm->arena, "%d", d.day);
	} else if (json_is_object(value)) {
		era = typed_text(json_object_get(value, "era"));
		for (size_t i = 0; i < COUNT(parts); i++)
			typed[i] = typed_text(json_object_get(value, parts[i].key));
	} else if (!value) {
		era = japanese ? "R" : "";
		/* Who types a date of birth seldom needs the present era. */
		if (japanese && f->prefill == PREFILL_BIRTHDAY)
			era = "S";
	} else {
		typed[0] = typed_text(value);
	}
	json_t *options = json_array(), *all = json_object(), *list = json_array();
	for (size_t i = 0; i < COUNT(eras); i++)
		json_array_append_new(options, json_pack("{s:s, s:s, s:b}", "value", eras[i].letter,
		                                   "label", form_tr(fm, eras[i].key, NULL),
		                                   "selected", strcmp(eras[i].letter, era) == 0));
	json_t *part = part_view(fm, name, "era", "form.date.era", era, 0);
	json_object_set_new(part, "options", options);
	json_object_set(all, "era", part);
	json_array_append_new(list, part);
	for (size_t i = 0; i < COUNT(parts); i++) {
		part = part_view(fm, name, parts[i].key, parts[i].label, typed[i], parts[i].max);
		json_object_set_new(part, "inputmode", json_string("numeric"));
		json_object_set(all, parts[i].key, part);
		json_array_append_new(list, part);
	}
	json_object_set_new(view, "parts", all);
	json_object_set_new(view, "part_list", list);
	json_object_set_new(view, "value",
	    json_is_string(value) ? json_string(json_string_value(value)) : json_string(""));
}

static const char *text_of_date(struct form *fm, const struct field *f, const json_t *value)
{
	(void)f;
	struct date d;
	if (iso_date(value, &d))
		return day_text(fm, d);
	if (!json_is_object(value))
		return typed_text(value);
	return arena_printf(fm->arena, "%s %s %s %s", typed_text(json_object_get(value, "era")),
	    typed_text(json_object_get(value, "year")), typed_text(json_object_get(value, "month")),
	    typed_text(json_object_get(value, "day")));
}

static json_t *schema_date(const struct field *f, const char *lang)
{
	(void)f;
	(void)lang;
	return json_pack("{s:s, s:s}", "type", "string", "format", "date");
}

static json_t *example_date(struct form *fm, const struct field *f, uint64_t *seed)
{
	struct date from = limit_of(fm, f->min_date), to = limit_of(fm, f->max_date);
	struct date today = fm->ctx->today;
	if (!from.year && !to.year)
		to = today;
	int32_t first, last;
	if (from.year) {
		first = date_to_days(from);
		last = to.year ? date_to_days(to) : first + 60;
	} else {
		last = date_to_days(to);
		first = last - (f->prefill == PREFILL_BIRTHDAY ? 25000 : 700);
	}
	int32_t span = last - first;
	return json_string(
	    iso(fm->arena, date_from_days(first + seed_below(seed, span > 0 ? span + 1 : 1))));
}

static bool date_filled(const json_t *value)
{
	return !json_is_string(value) || json_string_length(value) > 0;
}

const struct type_ops date_ops = {.take = take_date,
    .check = check_date,
    .filled = date_filled,
    .view = view_date,
    .text = text_of_date,
    .schema = schema_date,
    .example = example_date,
    .required_key = "form.required.text"};
