/* Dates: typed by era or western year, kept as YYYY-MM-DD. */
#include "procedure/form/private.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "web/date_parts.h"

static const struct {
	const char *key, *label;
} parts[] = {{"year", "web.date.year"}, {"month", "web.date.month"}, {"day", "web.date.day"}};

static const char *iso(struct arena *a, struct date d)
{
	return arena_printf(a, "%04d-%02d-%02d", d.year, d.month, d.day);
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
	era = date_parts_era(era ? era : "");
	struct date_parts whole_date = {era, typed[0], typed[1], typed[2]};
	if (date_parts_read(a, &whole_date, &d))
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
	struct date_parts p = date_parts_none(fm->ctx->lang);
	struct date d;
	if (iso_date(value, &d)) {
		p = date_parts_of(fm->arena, d, fm->ctx->lang);
	} else if (json_is_object(value)) {
		p = (struct date_parts){typed_text(json_object_get(value, "era")),
		    typed_text(json_object_get(value, "year")),
		    typed_text(json_object_get(value, "month")),
		    typed_text(json_object_get(value, "day"))};
	} else if (value) {
		p = (struct date_parts){"", typed_text(value), "", ""};
	} else if (p.era[0] && f->prefill == PREFILL_BIRTHDAY) {
		p.era = "S"; /* who types a date of birth seldom needs the present era */
	}
	date_parts_view(view, fm->arena, fm->ctx->i18n, fm->ctx->lang, name, name, &p);
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
