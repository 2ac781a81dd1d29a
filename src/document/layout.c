/* Looks through a layout before it is used: fill.c and flow.c would stop at a mistake, or leave the
 * block out, only when a document is made. */
#include "document/private.h"

#include <string.h>

#include "base/settings.h"
#include "document/render.h"
#include "web/template.h"

enum { DEPTH_MAX = 20 };

struct checking {
	struct arena *arena;
	const char *name;
	json_t *layout, *base, *lines; /* base: what all layouts share; NULL: none */
	struct err *err;
};

static int bad(struct checking *c, const char *path, json_t *block, const char *key,
    const char *what, const char *word)
{
	const char *first = json_object_iter_key(json_object_iter(block));
	if (!json_object_get(block, key))
		key = first ? first : "";
	json_t *line = json_object_get(c->lines, arena_printf(c->arena, "%s.%s", path, key));
	return err_set(c->err, ERR_INPUT, NULL, "%s:%d: %s%s", c->name,
	    line ? (int)json_integer_value(line) : 1, what, word ? word : "");
}

static bool is_named(const struct checking *c, const char *kind, const char *name)
{
	return json_object_get(json_object_get(c->layout, kind), name) ||
	       json_object_get(json_object_get(c->base, kind), name);
}

static int check_blocks(struct checking *c, const char *path, json_t *blocks, int depth);

static int check_block(struct checking *c, const char *path, json_t *b, int depth)
{
	const char *type = json_string_value(json_object_get(b, "type"));
	json_t *style = json_object_get(b, "style");
	const char *part = json_string_value(json_object_get(b, "part"));
	if (!type)
		return bad(c, path, b, "type", "a block without a type", NULL);
	bool each = strcmp(type, "each") == 0, use = strcmp(type, "use") == 0;
	if (!each && !use && !flow_knows(type))
		return bad(c, path, b, "type", "there is no block type ", type);
	if (each && !json_is_string(json_object_get(b, "from")))
		return bad(c, path, b, "from", "each needs from, a name in the view", NULL);
	if (use && (!part || !is_named(c, "parts", part)))
		return bad(c, path, b, "part", "there is no part ", part);
	if (style && (!json_is_string(style) || !is_named(c, "styles", json_string_value(style))))
		return bad(c, path, b, "style", "there is no style ", json_string_value(style));
	int rc = check_blocks(
	    c, arena_printf(c->arena, "%s.blocks", path), json_object_get(b, "blocks"), depth + 1);
	size_t i;
	json_t *column;
	json_array_foreach(json_object_get(b, "columns"), i, column)
	{
		if (rc == 0)
			rc = check_blocks(c,
			    arena_printf(c->arena, "%s.columns[%zu].blocks", path, i),
			    json_object_get(column, "blocks"), depth + 1);
	}
	return rc;
}

static int check_blocks(struct checking *c, const char *path, json_t *blocks, int depth)
{
	size_t i;
	json_t *b;
	int rc = 0;
	if (depth > DEPTH_MAX)
		return err_set(c->err, ERR_INPUT, NULL, "%s: nested too deeply", c->name);
	json_array_foreach(blocks, i, b)
	{
		if (rc == 0)
			rc = check_block(c, arena_printf(c->arena, "%s[%zu]", path, i), b, depth);
	}
	return rc;
}

int layout_check(struct templates *t, const char *name, struct str text, struct err *err)
{
	struct checking c = {
	    .arena = arena_new(), .name = name, .lines = json_object(), .err = err};
	struct str base;
	const char *key;
	json_t *part;
	int rc = yaml_json(text, name, &c.layout, c.lines, err);
	if (rc == 0)
		rc = template_text(t, c.arena, "document/pdf/base.yaml", &base, err);
	if (rc == 0)
		rc = yaml_json(base, "base.yaml", &c.base, NULL, err);
	if (rc == 0)
		rc = check_blocks(&c, "blocks", json_object_get(c.layout, "blocks"), 0);
	json_object_foreach(json_object_get(c.layout, "parts"), key, part)
	{
		if (rc == 0)
			rc = check_blocks(&c, arena_printf(c.arena, "parts.%s", key), part, 0);
	}
	json_decref(c.base);
	json_decref(c.layout);
	json_decref(c.lines);
	arena_free(c.arena);
	return rc;
}
