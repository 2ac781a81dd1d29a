#include <string.h>
#include <yaml.h>

#include "base/settings.h"

enum { YAML_DEPTH_MAX = 16 };

static int bad(struct err *err, const char *name, size_t line, const char *what)
{
	return err_set(err, ERR_INPUT, NULL, "%s:%zu: %s", name, line + 1, what);
}

static json_t *scalar(const yaml_event_t *e)
{
	const char *text = (const char *)e->data.scalar.value;
	if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		if (strcmp(text, "true") == 0)
			return json_true();
		if (strcmp(text, "false") == 0)
			return json_false();
		if (strcmp(text, "null") == 0 || strcmp(text, "~") == 0 || !text[0])
			return json_null();
	}
	return json_stringn(text, e->data.scalar.length);
}

struct reader {
	yaml_parser_t p;
	const char *name;
	json_t *lines; /* may be NULL */
	struct err *err;
};

static int value(struct reader *, yaml_event_t *, const char *path, int depth, json_t **out);

static int next(struct reader *r, yaml_event_t *e)
{
	return yaml_parser_parse(&r->p, e)
	           ? 0
	           : bad(r->err, r->name, r->p.problem_mark.line, r->p.problem);
}

/* Reads the value of the name in event key into the object. path is the object's, "" at the top. */
static int member(
    struct reader *r, const yaml_event_t *key, const char *path, int depth, json_t *object)
{
	if (key->type != YAML_SCALAR_EVENT)
		return bad(r->err, r->name, key->start_mark.line, "a name is wanted here");
	const char *name = (const char *)key->data.scalar.value;
	struct buf full = {0};
	buf_printf(&full, "%s%s%s", path, path[0] ? "." : "", name);
	yaml_event_t e;
	json_t *item = NULL;
	int rc = json_object_get(object, name)
	             ? bad(r->err, r->name, key->start_mark.line, "this name is there already")
	             : next(r, &e);
	if (rc == 0 && r->lines)
		json_object_set_new(
		    r->lines, full.p, json_integer((json_int_t)key->start_mark.line + 1));
	if (rc == 0)
		rc = value(r, &e, full.p, depth + 1, &item);
	if (rc == 0)
		json_object_set_new(object, name, item);
	buf_free(&full);
	return rc;
}

/* Reads the value that starts at event e, which it deletes. */
static int value(struct reader *r, yaml_event_t *e, const char *path, int depth, json_t **out)
{
	size_t line = e->start_mark.line;
	yaml_event_type_t type = e->type;
	json_t *made = type == YAML_SCALAR_EVENT           ? scalar(e)
	               : type == YAML_MAPPING_START_EVENT  ? json_object()
	               : type == YAML_SEQUENCE_START_EVENT ? json_array()
	                                                   : NULL;
	yaml_event_delete(e);
	if (!made)
		return bad(r->err, r->name, line, "a text, a list or a mapping is wanted here");
	int rc = depth > YAML_DEPTH_MAX ? bad(r->err, r->name, line, "too deeply nested") : 0;
	while (rc == 0 && (json_is_object(made) || json_is_array(made))) {
		yaml_event_t inner;
		rc = next(r, &inner);
		if (rc < 0)
			break;
		if (inner.type == YAML_MAPPING_END_EVENT || inner.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&inner);
			break;
		}
		if (json_is_object(made)) {
			rc = member(r, &inner, path, depth, made);
			yaml_event_delete(&inner);
			continue;
		}
		json_t *item = NULL;
		struct buf full = {0};
		buf_printf(&full, "%s[%zu]", path, json_array_size(made));
		rc = value(r, &inner, full.p, depth + 1, &item);
		buf_free(&full);
		if (rc == 0)
			json_array_append_new(made, item);
	}
	if (rc < 0)
		json_decref(made);
	else
		*out = made;
	return rc;
}

int yaml_json(struct str text, const char *name, json_t **out, json_t *lines, struct err *err)
{
	struct reader r = {.name = name, .lines = lines, .err = err};
	*out = NULL;
	if (!yaml_parser_initialize(&r.p))
		return err_set(err, ERR_INTERNAL, NULL, "%s: no YAML parser", name);
	yaml_parser_set_input_string(&r.p, (const unsigned char *)text.p, text.n);
	int rc = 0;
	while (rc == 0) {
		yaml_event_t e;
		if ((rc = next(&r, &e)) < 0)
			break;
		yaml_event_type_t type = e.type;
		if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
		    type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&e);
			if (type == YAML_STREAM_END_EVENT)
				break;
		} else if (*out) {
			rc = bad(err, name, e.start_mark.line, "only one document is wanted");
			yaml_event_delete(&e);
		} else {
			rc = value(&r, &e, "", 0, out);
		}
	}
	yaml_parser_delete(&r.p);
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
	} else if (!*out) {
		*out = json_object();
	}
	return rc;
}
