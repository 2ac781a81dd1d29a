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

/* Reads the value that starts at event e, which it deletes. */
static int value(
    yaml_parser_t *p, yaml_event_t *e, const char *name, int depth, json_t **out, struct err *err)
{
	size_t line = e->start_mark.line;
	yaml_event_type_t type = e->type;
	json_t *made = type == YAML_SCALAR_EVENT           ? scalar(e)
	               : type == YAML_MAPPING_START_EVENT  ? json_object()
	               : type == YAML_SEQUENCE_START_EVENT ? json_array()
	                                                   : NULL;
	yaml_event_delete(e);
	if (!made)
		return bad(err, name, line, "a text, a list or a mapping is wanted here");
	if (depth > YAML_DEPTH_MAX) {
		json_decref(made);
		return bad(err, name, line, "too deeply nested");
	}
	int rc = 0;
	while (rc == 0 && !json_is_string(made) && (json_is_object(made) || json_is_array(made))) {
		yaml_event_t next;
		if (!yaml_parser_parse(p, &next)) {
			rc = bad(err, name, p->problem_mark.line, p->problem);
			break;
		}
		if (next.type == YAML_MAPPING_END_EVENT || next.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&next);
			break;
		}
		json_t *item = NULL;
		if (json_is_array(made)) {
			rc = value(p, &next, name, depth + 1, &item, err);
			if (rc == 0)
				json_array_append_new(made, item);
			continue;
		}
		if (next.type != YAML_SCALAR_EVENT) {
			rc = bad(err, name, next.start_mark.line, "a name is wanted here");
			yaml_event_delete(&next);
			break;
		}
		yaml_event_t inner;
		if (!yaml_parser_parse(p, &inner)) {
			rc = bad(err, name, p->problem_mark.line, p->problem);
		} else {
			rc = value(p, &inner, name, depth + 1, &item, err);
			if (rc == 0)
				json_object_set_new(made, (const char *)next.data.scalar.value, item);
		}
		yaml_event_delete(&next);
	}
	if (rc < 0)
		json_decref(made);
	else
		*out = made;
	return rc;
}

int yaml_json(struct str text, const char *name, json_t **out, struct err *err)
{
	yaml_parser_t p;
	if (!yaml_parser_initialize(&p))
		return err_set(err, ERR_INTERNAL, NULL, "%s: no YAML parser", name);
	yaml_parser_set_input_string(&p, (const unsigned char *)text.p, text.n);
	int rc = 0;
	*out = NULL;
	while (rc == 0) {
		yaml_event_t e;
		if (!yaml_parser_parse(&p, &e)) {
			rc = bad(err, name, p.problem_mark.line, p.problem);
			break;
		}
		yaml_event_type_t type = e.type;
		if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
		    type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT) {
			yaml_event_delete(&e);
			if (type == YAML_STREAM_END_EVENT)
				break;
		} else if (*out) {
			yaml_event_delete(&e);
			rc = bad(err, name, 0, "only one document is wanted");
		} else {
			rc = value(&p, &e, name, 0, out, err);
		}
	}
	yaml_parser_delete(&p);
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
	} else if (!*out) {
		*out = json_object();
	}
	return rc;
}
