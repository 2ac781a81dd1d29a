/* Controls of a posted section into answers. */
#include "procedure/form/private.h"

#include <stdlib.h>
#include <string.h>

#include "base/postal.h"

enum { CONTROLS_MAX = 20000, INDEX_DIGITS = 3 };

/* --- controls --- */

static void collect(void *sink, const char *name, const char *value)
{
	struct controls *c = sink;
	if (!name || !value || c->n == CONTROLS_MAX ||
	    (!str_starts(str_from(name), c->prefix) && strcmp(name, c->section) != 0 &&
	        strcmp(name, "lookup") != 0))
		return;
	if (c->n == c->cap) {
		int cap = c->cap ? c->cap * 2 : 64;
		struct control *more = arena_array(c->arena, (size_t)cap, sizeof(*more));
		if (c->n)
			memcpy(more, c->items, (size_t)c->n * sizeof(*more));
		c->items = more;
		c->cap = cap;
	}
	c->items[c->n] =
	    (struct control){arena_strdup(c->arena, name), arena_strdup(c->arena, value), c->n};
	c->n++;
}

static int by_name(const void *a, const void *b)
{
	const struct control *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order ? order : x->order - y->order;
}

/* The first control that is not below the name. */
static int lower_bound(const struct controls *c, const char *name)
{
	int low = 0, high = c->n;
	while (low < high) {
		int mid = (low + high) / 2;
		if (strcmp(c->items[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const char *control_get(const struct controls *c, const char *name)
{
	int i = lower_bound(c, name);
	return i < c->n && strcmp(c->items[i].name, name) == 0 ? c->items[i].value : NULL;
}

/* "12" of "name.12", -1 when what follows the name is no number. */
static int index_after(const char *text)
{
	int v = 0, n = 0;
	for (; text[n] >= '0' && text[n] <= '9'; n++) {
		if (n == INDEX_DIGITS)
			return -1;
		v = v * 10 + text[n] - '0';
	}
	return n && (text[n] == 0 || text[n] == '.') ? v : -1;
}

int control_all(const struct controls *c, const char *name, const char **out, int max)
{
	size_t length = strlen(name);
	int n = 0;
	for (int i = lower_bound(c, name); i < c->n && n < max; i++) {
		const char *found = c->items[i].name;
		if (strncmp(found, name, length) != 0)
			break;
		if (!found[length] ||
		    (found[length] == '.' && index_after(found + length + 1) >= 0))
			out[n++] = c->items[i].value;
	}
	return n;
}

bool control_below(const struct controls *c, const char *name)
{
	size_t length = strlen(name);
	for (int i = lower_bound(c, name); i < c->n; i++) {
		const char *found = c->items[i].name;
		if (strncmp(found, name, length) != 0)
			return false;
		if (!found[length] || found[length] == '.')
			return true;
	}
	return false;
}

/* --- fields --- */

/* Taken away as a whole by a program: "dog.colour", or all of "dog", without a value. */
static bool taken_away(const struct form *fm, const struct controls *c, const char *name)
{
	const char *sent = fm->ctx->merge ? control_get(c, name) : NULL;
	return sent && !sent[0];
}

static void take_field(struct form *fm, const struct controls *c, const struct spot *spot,
    const struct field *f, bool shown)
{
	const struct type_ops *ops = ops_of(f);
	const char *name = control_name(fm, spot, f);
	bool away =
	    taken_away(fm, c, name) || (!spot->section->repeats && taken_away(fm, c, c->section));
	bool unticked = ops->absent_is_no && shown && !fm->ctx->merge;
	if (!form_open(fm, spot->section, f) || !ops->take ||
	    (!away && !control_below(c, name) && !unticked))
		return;
	struct take t = {fm, c, f, name, json_object_get(spot->object, f->id), shown};
	json_t *value = away ? NULL : ops->take(&t);
	if (!value && (f->prefill != PREFILL_NONE || f->default_value))
		value = json_null(); /* emptied on purpose: not to be filled again */
	if (value)
		json_object_set_new(spot->object, f->id, value);
	else
		json_object_del(spot->object, f->id);
}

static bool *shown_fields(struct form *fm, const struct spot *spot)
{
	bool *shown = arena_array(fm->arena, (size_t)spot->section->fields.n, sizeof(*shown));
	int i = 0;
	LIST_EACH(const struct field, f, spot->section->fields)
		shown[i++] = field_shown(fm, spot, f);
	return shown;
}

/* Takes the fields of a section or row, and notes the questions that the answers made appear and
 * that were not on the page: nobody saw them yet. (A program has no page.) place: the row's present
 * number, -1 when it is not a row. */
static void take_spot(struct form *fm, const struct controls *c, const struct spot *spot, int place)
{
	const struct spot now = {spot->section, spot->object, place};
	bool *before = shown_fields(fm, spot);
	int i = 0;
	LIST_EACH(const struct field, f, spot->section->fields)
		take_field(fm, c, spot, f, before[i++]);
	i = 0;
	LIST_EACH(const struct field, f, spot->section->fields)
		if (!before[i++] && !fm->ctx->merge &&
		    !control_below(c, control_name(fm, spot, f)) &&
		    !json_object_get(spot->object, f->id) && field_shown(fm, spot, f)) {
			struct appeared *one = arena_new_of(fm->arena, struct appeared);
			*one = (struct appeared){control_name(fm, &now, f), fm->appeared};
			fm->appeared = one;
		}
}

/* What appeared is asked first, and judged when it was on a page. */
static void forget_unseen(struct form *fm)
{
	int kept = 0;
	for (int i = 0; i < fm->n; i++) {
		const struct appeared *a = fm->appeared;
		while (a && strcmp(a->name, fm->problems[i].field) != 0)
			a = a->next;
		if (!a)
			fm->problems[kept++] = fm->problems[i];
	}
	fm->n = kept;
}

/* --- rows --- */

/* Browsers send no radio buttons and boxes that are not ticked: a row of only those may be there
 * without any control. */
static bool may_send_nothing(const struct section *s)
{
	LIST_EACH(const struct field, f, s->fields)
		if (f->when == NO_EXPR && !ops_of(f)->absent_is_no && f->type != FIELD_NOTE)
			return false;
	return true;
}

/* Which rows were posted, in order; their numbers go to out. */
static int posted_rows(const struct form *fm, const struct controls *c, const struct section *s,
    int present, int out[static ROWS_MAX])
{
	bool seen[1000] = {false};
	size_t length = strlen(s->id) + 1;
	bool any = false;
	for (int i = 0; i < c->n; i++) {
		const char *name = c->items[i].name;
		if (strncmp(name, s->id, length - 1) != 0 || name[length - 1] != '.')
			continue;
		int row = index_after(name + length);
		if (row >= 0) {
			seen[row] = true;
			any = true;
		}
	}
	bool away = taken_away(fm, c, s->id);
	if (fm->ctx->merge ? !any && !away : !any || may_send_nothing(s))
		for (int i = 0; i < present; i++)
			seen[i] = true;
	int n = 0;
	for (int i = 0; i < 1000 && n < ROWS_MAX; i++)
		if (seen[i])
			out[n++] = i;
	return n;
}

/* The rows as they were on the page. */
static void take_rows(struct form *fm, const struct controls *c, const struct section *s)
{
	json_t *old = json_incref(section_rows(fm, s)), *rows = json_array();
	int numbers[ROWS_MAX], n = posted_rows(fm, c, s, row_count(fm, s), numbers);
	for (int i = 0; i < n; i++) {
		json_t *row = json_array_get(old, (size_t)numbers[i]);
		json_array_append_new(
		    rows, json_is_object(row) ? json_deep_copy(row) : json_object());
	}
	json_object_set_new(fm->answers, s->id, rows);
	for (int i = 0; i < n; i++) {
		/* Controls have the number of the page, the answer its place now. */
		struct spot spot = {s, json_array_get(rows, (size_t)i), numbers[i]};
		take_spot(fm, c, &spot, i);
	}
	json_decref(old);
}

/* The buttons that add and remove rows. */
static bool change_rows(struct form *fm, const struct controls *c, const struct section *s)
{
	json_t *rows = section_rows(fm, s);
	bool changed = false;
	int numbers[ROWS_MAX], n = posted_rows(fm, c, s, (int)json_array_size(rows), numbers);
	for (int i = n - 1; i >= 0; i--)
		if (control_get(c, arena_printf(fm->arena, "%s.%d.remove", s->id, numbers[i]))) {
			json_array_remove(rows, (size_t)i);
			changed = true;
		}
	if (control_get(c, arena_printf(fm->arena, "%s.add", s->id))) {
		/* Empty rows that are on the page, but were never kept, count. */
		while ((int)json_array_size(rows) < s->repeat.min)
			json_array_append_new(rows, json_object());
		if ((int)json_array_size(rows) < s->repeat.max)
			json_array_append_new(rows, json_object());
		changed = true;
	}
	return changed;
}

static bool files_removed(const struct controls *c, const struct section *s)
{
	LIST_EACH(const struct field, f, s->fields) {
		size_t length = strlen(f->path);
		if (f->type != FIELD_FILE)
			continue;
		for (int i = lower_bound(c, f->path); i < c->n; i++) {
			const char *name = c->items[i].name;
			if (strncmp(name, f->path, length) != 0)
				break;
			if (str_ends(str_from(name), ".remove"))
				return true;
		}
	}
	return false;
}

/* The postal code button of a page without scripts: fills the address in. Returns true when one of
 * this section was pressed. */
static bool look_up(struct form *fm, const struct controls *c, const struct section *s)
{
	const char *wanted = control_get(c, "lookup");
	if (!wanted)
		return false;
	int n = s->repeats ? row_count(fm, s) : 1;
	for (int i = 0; i < n; i++) {
		struct spot spot = s->repeats ? spot_of_row(fm, s, i) : spot_of(fm, s);
		LIST_EACH(const struct field, f, s->fields) {
			const char *name = control_name(fm, &spot, f);
			json_t *value = json_object_get(spot.object, f->id);
			if (f->type != FIELD_ADDRESS || strcmp(name, wanted) != 0 ||
			    !form_open(fm, s, f))
				continue;
			struct postal_address *found;
			const char *code = typed_text(json_object_get(value, "postal_code"));
			size_t count = code[0] ? postal_find(fm->arena, str_from(code), &found) : 0;
			if (!count) {
				form_say(fm, part_name(fm, name, "postal_code"), f,
				    "form.postal_unknown", NULL);
				return true;
			}
			json_object_set_new(value, "prefecture", json_string(found->prefecture));
			json_object_set_new(value, "city", json_string(found->city));
			if (count == 1)
				json_object_set_new(value, "town", json_string(found->town));
			return true;
		}
	}
	return false;
}

int form_section_take(const struct procedure *p, struct arena *a, int section,
    const struct form_context *ctx, json_t *answers,
    void (*source)(
        void *src, void (*each)(void *sink, const char *name, const char *value), void *sink),
    void *src, struct form_problem **problems)
{
	const struct section *s = section_at(p, section);
	*problems = NULL;
	if (!s)
		return 0;
	struct form fm = form_make(p, a, ctx, answers);
	struct controls c = {.arena = a, .section = s->id, .prefix = arena_printf(a, "%s.", s->id)};
	source(src, collect, &c);
	if (c.n > 1)
		qsort(c.items, (size_t)c.n, sizeof(*c.items), by_name);
	bool changed;
	if (s->repeats) {
		take_rows(&fm, &c, s);
		changed = change_rows(&fm, &c, s);
	} else {
		struct spot spot = {s, section_object(&fm, s), -1};
		changed = files_removed(&c, s);
		take_spot(&fm, &c, &spot, -1);
	}
	if (!changed && look_up(&fm, &c, s)) {
		*problems = fm.problems;
		return fm.n ? fm.n : FORM_AGAIN;
	}
	if (changed)
		return FORM_AGAIN;
	check_section(&fm, s);
	check_across(&fm, s); /* what needs later answers is not judged yet */
	forget_unseen(&fm);
	*problems = fm.problems;
	return fm.n ? fm.n : fm.appeared ? FORM_AGAIN : 0;
}
