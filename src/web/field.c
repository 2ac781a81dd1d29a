/* Fields of hand-written pages that the web layer knows about: dates in parts, and the problems
 * noted at a field. */
#include <limits.h>
#include <string.h>

#include "base/json.h"
#include "web/date_parts.h"
#include "web/private.h"

/* What was sent as the parts of a date; false when none of year, month, day was typed. */
static bool parts_sent(
    const struct fields *f, struct arena *a, const char *name, struct date_parts *out)
{
	const char *const words[] = {"era", "year", "month", "day"};
	const char *sent[COUNT(words)];
	for (size_t i = 0; i < COUNT(words); i++) {
		sent[i] = fields_get(f, arena_printf(a, "%s.%s", name, words[i]));
		if (!sent[i])
			sent[i] = "";
	}
	*out = (struct date_parts){sent[0], sent[1], sent[2], sent[3]};
	return sent[1][0] || sent[2][0] || sent[3][0];
}

static struct fields *fields_of(struct request *rq)
{
	return rq->method == HTTP_GET ? &rq->p->query : &rq->p->form;
}

void date_join(struct request *rq, const char *name)
{
	struct fields *f = fields_of(rq);
	struct date_parts typed;
	struct date d;
	if (fields_get(f, name) || !parts_sent(f, rq->arena, name, &typed))
		return;
	bool ok = date_parts_read(rq->arena, &typed, &d);
	fields_add(f, arena_strdup(rq->arena, name),
	    ok ? date_format(rq->arena, d) : "?" /* refused as no date */);
}

void rq_date_field(struct request *rq, json_t *field, const char *value)
{
	const char *name = json_string_value(json_object_get(field, "name")),
	           *id = json_string_value(json_object_get(field, "id"));
	struct date_parts parts;
	struct date d;
	if (!parts_sent(fields_of(rq), rq->arena, name, &parts))
		parts = date_parse(str_from(value), &d) ? date_parts_of(rq->arena, d, rq->lang)
		                                        : date_parts_none(rq->lang);
	json_object_set_new(field, "is_date", json_true());
	json_object_set_new(field, "value", json_string(value ? value : ""));
	date_parts_view(
	    field, rq->arena, city_texts(rq->city), rq->lang, id ? id : name, name, &parts);
}

const char *rq_problem_at(struct request *rq, const char *field)
{
	size_t i;
	json_t *one;
	json_array_foreach(rq->p->problems, i, one)
	{
		if (text_eq(json_string_value(json_object_get(one, "field")), field))
			return json_string_value(json_object_get(one, "text"));
	}
	return NULL;
}

/* Where a field of this name or id first stands in the view, counted in *seen; -1: nowhere. */
static int place_of(const json_t *view, const char *field, int *seen)
{
	const char *key;
	json_t *one;
	size_t i;
	int at = -1;
	if (json_is_object(view)) {
		++*seen;
		if (text_eq(json_string_value(json_object_get(view, "id")), field) ||
		    text_eq(json_string_value(json_object_get(view, "name")), field))
			return *seen;
		json_object_foreach((json_t *)view, key, one)
		{
			if (at < 0)
				at = place_of(one, field, seen);
		}
	}
	json_array_foreach(view, i, one)
	{
		if (at < 0)
			at = place_of(one, field, seen);
	}
	return at;
}

void page_problems_sort(struct request *rq)
{
	json_t *problems = rq->p->problems, *one;
	size_t n = json_array_size(problems), i, k;
	struct arena_mark mark = arena_mark(rq->arena);
	int *places = arena_array(rq->arena, n + 1, sizeof(*places));
	json_array_foreach(problems, i, one)
	{
		const char *field = json_string_value(json_object_get(one, "field"));
		int seen = 0, at = field[0] ? place_of(rq->view, field, &seen) : 0;
		int place = at < 0 ? INT_MAX : at;
		json_incref(one);
		for (k = i; k > 0 && places[k - 1] > place; k--)
			places[k] = places[k - 1];
		places[k] = place;
		json_array_remove(problems, i);
		json_array_insert_new(problems, k, one);
	}
	arena_release(rq->arena, mark);
}
