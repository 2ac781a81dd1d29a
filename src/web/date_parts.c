#include "web/date_parts.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static const struct {
	const char *letter, *latin, *name, *key;
} eras[] = {
    {"", "western", "西暦", "web.date.western"},
    {"R", "reiwa", "令和", "web.date.reiwa"},
    {"H", "heisei", "平成", "web.date.heisei"},
    {"S", "showa", "昭和", "web.date.showa"},
    {"T", "taisho", "大正", "web.date.taisho"},
    {"M", "meiji", "明治", "web.date.meiji"},
};

const char *date_parts_era(const char *sent)
{
	for (size_t i = 1; i < COUNT(eras); i++)
		if (strcasecmp(eras[i].letter, sent) == 0 || strcasecmp(eras[i].latin, sent) == 0 ||
		    strcmp(eras[i].name, sent) == 0)
			return eras[i].letter;
	return "";
}

struct date_parts date_parts_of(struct arena *a, struct date d, const char *lang)
{
	const struct era *e = text_eq(lang, "en") ? NULL : era_of(d);
	return (struct date_parts){
	    .era = e ? e->letter : "",
	    .year = arena_printf(a, "%d", e ? d.year - e->from.year + 1 : d.year),
	    .month = arena_printf(a, "%d", d.month),
	    .day = arena_printf(a, "%d", d.day),
	};
}

struct date_parts date_parts_none(const char *lang)
{
	return (struct date_parts){text_eq(lang, "en") ? "" : "R", "", "", ""};
}

static const char *folded(struct arena *a, const char *typed)
{
	struct buf b;
	buf_init(&b, a);
	text_fold_digits(&b, str_from(typed));
	return b.p ? str_dup(a, str_trim(buf_to_str(&b))) : "";
}

static bool all_digits(const char *s)
{
	return s[strspn(s, "0123456789")] == '\0';
}

bool date_parts_read(struct arena *a, const struct date_parts *p, struct date *out)
{
	const char *era = date_parts_era(p->era), *year = folded(a, p->year),
	           *month = folded(a, p->month), *day = folded(a, p->day);
	if (!all_digits(month) || !all_digits(day))
		return false;
	/* An era's year is short; a western one has four digits, so that 2 is not the year 2. */
	size_t digits = strspn(year, "0123456789");
	if (era[0] ? digits > 2 : digits != 4)
		return false;
	return date_parse(
	    str_from(arena_printf(a, era[0] ? "%s%s.%s.%s" : "%s%s-%s-%s", era, year, month, day)),
	    out);
}

void date_parts_view(json_t *view, struct arena *a, const struct i18n *i18n, const char *lang,
    const char *id, const char *name, const struct date_parts *p)
{
	const struct {
		const char *part, *key, *value;
		int max;
	} all[] = {{"era", "web.date.era", date_parts_era(p->era), 0},
	    {"year", "web.date.year", p->year, 4}, {"month", "web.date.month", p->month, 2},
	    {"day", "web.date.day", p->day, 2}};
	json_t *parts = json_object(), *list = json_array();
	for (size_t i = 0; i < COUNT(all); i++) {
		json_t *one = json_pack("{s:s, s:s, s:s, s:s}", "id",
		    arena_printf(a, "%s.%s", id, all[i].part), "name",
		    arena_printf(a, "%s.%s", name, all[i].part), "label",
		    i18n ? i18n_get(i18n, lang, all[i].key) : all[i].key, "value", all[i].value);
		if (all[i].max) {
			json_object_set_new(one, "max", json_integer(all[i].max));
			json_object_set_new(one, "inputmode", json_string("numeric"));
		} else {
			json_t *options = json_array();
			for (size_t k = 0; k < COUNT(eras); k++)
				json_array_append_new(options,
				    json_pack("{s:s, s:s, s:b}", "value", eras[k].letter, "label",
				        i18n ? i18n_get(i18n, lang, eras[k].key) : eras[k].key,
				        "selected", strcmp(eras[k].letter, all[i].value) == 0));
			json_object_set_new(one, "options", options);
		}
		json_object_set(parts, all[i].part, one);
		json_array_append_new(list, one);
	}
	json_object_set_new(view, "parts", parts);
	json_object_set_new(view, "part_list", list);
}
