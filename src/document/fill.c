/* From a layout and a view to a page description: everything that needs the catalogue or knows what
 * a view is happens here, in the server; the worker only gets texts and places.
 *
 * - "{{title}}" is a value of the view, dots go into objects; "{{.}}" is the present item and
 *   "{{.title}}" a value of it only, never of what is around it;
 * - "{{t.some.key}}" is a text of the catalogue, in which {name} is a value of the view;
 * - {from: path} in place of a value is the view's value as it is (lists, tables);
 * - when: path, unless: path: the block or column is there only if the value is (not) there;
 * - {type: each, from: path, blocks: [...]} are the blocks once for each item;
 * - {type: use, part: name} are the blocks of parts.name, of this layout or of base.yaml;
 * - style: name adds the keys of styles.name that the block does not have itself. */
#include "document/private.h"

#include <string.h>

enum { DEPTH_MAX = 20, BLOCKS_MAX = 20000 };

struct scope {
	json_t *value;
	const struct scope *outer;
};

struct filling {
	const struct fill *f;
	struct arena *arena;
	int blocks;
	struct err *err;
};

static json_t *walk(json_t *v, const char *path)
{
	struct str rest = str_from(path), part;
	while (v && str_cut(&rest, '.', &part))
		v = json_is_object(v) ? json_object_getn(v, part.p, part.n) : NULL;
	return v;
}

/* The innermost item that has the path; borrowed, NULL when none has. */
static json_t *look_up(const struct scope *s, const char *path)
{
	if (strcmp(path, ".") == 0)
		return s->value;
	if (path[0] == '.')
		return walk(s->value, path + 1);
	for (; s; s = s->outer) {
		json_t *v = walk(s->value, path);
		if (v)
			return v;
	}
	return NULL;
}

static bool is_there(json_t *v)
{
	return v && !json_is_null(v) && !json_is_false(v) &&
	       !(json_is_string(v) && json_string_length(v) == 0) &&
	       !(json_is_array(v) && json_array_size(v) == 0) &&
	       !(json_is_object(v) && json_object_size(v) == 0);
}

/* What `when` and `unless` of a block or column say. */
static bool is_wanted(const struct scope *scope, json_t *block)
{
	const char *when = json_string_value(json_object_get(block, "when"));
	const char *unless = json_string_value(json_object_get(block, "unless"));
	return (!when || is_there(look_up(scope, when))) &&
	       (!unless || !is_there(look_up(scope, unless)));
}

static void put_value(struct buf *b, json_t *v)
{
	if (json_is_string(v))
		buf_puts(b, json_string_value(v));
	else if (json_is_integer(v))
		buf_i64(b, json_integer_value(v));
}

static void put_text(
    struct filling *w, struct buf *b, const struct scope *scope, const char *text, bool catalogue);

/* {name} of a catalogue text, or {{path}} of a layout's. */
static void put_hole(
    struct filling *w, struct buf *b, const struct scope *scope, struct str name, bool catalogue)
{
	char *path = str_dup(w->arena, str_trim(name));
	if (!catalogue && strncmp(path, "t.", 2) == 0) {
		const char *text =
		    w->f->i18n ? i18n_get(w->f->i18n, w->f->lang, path + 2) : path + 2;
		put_text(w, b, scope, text, true);
	} else {
		put_value(b, look_up(scope, path));
	}
}

static void put_text(
    struct filling *w, struct buf *b, const struct scope *scope, const char *text, bool catalogue)
{
	const char *open = catalogue ? "{" : "{{", *close = catalogue ? "}" : "}}";
	size_t n = strlen(open);
	for (;;) {
		const char *from = strstr(text, open), *to = from ? strstr(from, close) : NULL;
		if (!to)
			break;
		buf_add(b, text, (size_t)(from - text));
		put_hole(w, b, scope, (struct str){from + n, (size_t)(to - from) - n}, catalogue);
		text = to + n;
	}
	buf_puts(b, text);
}

static json_t *fill_value(struct filling *w, const struct scope *scope, json_t *v, int depth);

static int fill_list(
    struct filling *w, const struct scope *scope, json_t *blocks, json_t *out, int depth);

static json_t *fill_text(struct filling *w, const struct scope *scope, json_t *v)
{
	struct buf b;
	buf_init(&b, w->arena);
	put_text(w, &b, scope, json_string_value(v), false);
	json_t *text = json_stringn(b.p ? b.p : "", b.n);
	return text ? text : json_string(""); /* a value that is no UTF-8 cannot be in a view */
}

static json_t *fill_object(struct filling *w, const struct scope *scope, json_t *v, int depth)
{
	const char *key, *from = json_string_value(json_object_get(v, "from"));
	json_t *inner;
	if (from && json_object_size(v) == 1) {
		json_t *found = look_up(scope, from);
		return found ? json_deep_copy(found) : json_null();
	}
	json_t *out = json_object();
	json_object_foreach(v, key, inner)
	{
		json_t *filled = NULL;
		if (strcmp(key, "blocks") == 0) {
			filled = json_array();
			if (fill_list(w, scope, inner, filled, depth + 1) < 0) {
				json_decref(filled);
				filled = NULL;
			}
		} else {
			filled = fill_value(w, scope, inner, depth + 1);
		}
		if (!filled || json_object_set_new(out, key, filled) < 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static json_t *fill_value(struct filling *w, const struct scope *scope, json_t *v, int depth)
{
	if (depth > DEPTH_MAX) {
		(void)err_set(w->err, ERR_INPUT, NULL, "layout: too deep");
		return NULL;
	}
	if (json_is_string(v))
		return fill_text(w, scope, v);
	if (json_is_object(v))
		return fill_object(w, scope, v, depth);
	if (!json_is_array(v))
		return json_incref(v);
	json_t *out = json_array(), *inner;
	size_t i;
	json_array_foreach(v, i, inner)
	{
		json_t *filled = fill_value(w, scope, inner, depth + 1);
		if (!filled || json_array_append_new(out, filled) < 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

/* A named thing of the layout, else of the base. Borrowed. */
static json_t *named(struct filling *w, const char *kind, const char *name)
{
	json_t *v = json_object_get(json_object_get(w->f->layout, kind), name);
	return v ? v : json_object_get(json_object_get(w->f->base, kind), name);
}

static int fill_each(
    struct filling *w, const struct scope *scope, json_t *block, json_t *out, int depth)
{
	json_t *items = look_up(scope, json_string_value(json_object_get(block, "from")));
	size_t i;
	json_t *item;
	json_array_foreach(items, i, item)
	{
		struct scope inner = {item, scope};
		int rc = fill_list(w, &inner, json_object_get(block, "blocks"), out, depth + 1);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int fill_block(
    struct filling *w, const struct scope *scope, json_t *block, json_t *out, int depth)
{
	const char *type = json_string_value(json_object_get(block, "type"));
	const char *style = json_string_value(json_object_get(block, "style"));
	if (!type)
		return err_set(w->err, ERR_INPUT, NULL, "layout: a block without a type");
	if (!is_wanted(scope, block))
		return 0;
	if (++w->blocks > BLOCKS_MAX)
		return err_set(
		    w->err, ERR_TOO_LARGE, NULL, "layout: more than %d blocks", BLOCKS_MAX);
	if (strcmp(type, "each") == 0) {
		if (!json_is_string(json_object_get(block, "from")))
			return err_set(w->err, ERR_INPUT, NULL, "layout: each needs from");
		return fill_each(w, scope, block, out, depth);
	}
	if (strcmp(type, "use") == 0) {
		const char *part = json_string_value(json_object_get(block, "part"));
		json_t *blocks = part ? named(w, "parts", part) : NULL;
		if (!blocks)
			return err_set(
			    w->err, ERR_INPUT, NULL, "layout: no part %s", part ? part : "");
		return fill_list(w, scope, blocks, out, depth + 1);
	}
	json_t *filled = fill_object(w, scope, block, depth);
	if (!filled)
		return -(int)(w->err && w->err->kind ? w->err->kind : ERR_INTERNAL);
	if (style) {
		json_t *look = named(w, "styles", style);
		if (!look) {
			json_decref(filled);
			return err_set(w->err, ERR_INPUT, NULL, "layout: no style %s", style);
		}
		json_object_update_missing(filled, look);
	}
	return json_array_append_new(out, filled) < 0
	           ? err_set(w->err, ERR_INTERNAL, NULL, "layout")
	           : 0;
}

static int fill_list(
    struct filling *w, const struct scope *scope, json_t *blocks, json_t *out, int depth)
{
	size_t i;
	json_t *block;
	if (depth > DEPTH_MAX)
		return err_set(
		    w->err, ERR_INPUT, NULL, "layout: too deep (a part that uses itself?)");
	json_array_foreach(blocks, i, block)
	{
		int rc = fill_block(w, scope, block, out, depth);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* page, footer: the layout's keys before the base's. */
static json_t *fill_merged(struct filling *w, const struct scope *scope, const char *key)
{
	json_t *out = json_object(), *own = json_object_get(w->f->layout, key);
	if (own)
		json_object_update(out, own);
	json_t *base = json_object_get(w->f->base, key);
	if (base)
		json_object_update_missing(out, base);
	json_t *filled = fill_value(w, scope, out, 0);
	json_decref(out);
	return filled;
}

int fill_layout(struct arena *a, const struct fill *f, json_t **out, struct err *err)
{
	struct err none = {0};
	struct filling w = {.f = f, .arena = a, .err = err ? err : &none};
	struct scope scope = {f->view, NULL};
	json_t *doc = json_object(), *blocks = json_array();
	int rc = fill_list(&w, &scope, json_object_get(f->layout, "blocks"), blocks, 0);
	json_t *page = rc == 0 ? fill_merged(&w, &scope, "page") : NULL;
	json_t *footer = page ? fill_merged(&w, &scope, "footer") : NULL;
	if (rc == 0 && !footer)
		rc = -(int)w.err->kind;
	json_object_set_new(doc, "blocks", blocks);
	if (page)
		json_object_set_new(doc, "page", page);
	if (footer)
		json_object_set_new(doc, "footer", footer);
	json_object_set_new(doc, "lang", json_string(f->lang));
	if (rc < 0) {
		json_decref(doc);
		return rc;
	}
	*out = doc;
	return 0;
}
