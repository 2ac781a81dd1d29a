/* Reading what a client wrote: escapes, form bodies, JSON bodies, cookies, Accept headers. Nothing
 * here knows of a connection; all of it has fuzz targets. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "web/private.h"

void fields_add(struct fields *f, const char *name, const char *value)
{
	if (f->n == f->cap) {
		int cap = f->cap ? f->cap * 2 : 16;
		const char **names = arena_array(f->arena, (size_t)cap, sizeof(*names));
		const char **values = arena_array(f->arena, (size_t)cap, sizeof(*values));
		for (int i = 0; i < f->n; i++) {
			names[i] = f->names[i];
			values[i] = f->values[i];
		}
		f->names = names;
		f->values = values;
		f->cap = cap;
	}
	f->names[f->n] = name;
	f->values[f->n++] = value;
}

const char *fields_get(const struct fields *f, const char *name)
{
	for (int i = 0; i < f->n; i++)
		if (strcmp(f->names[i], name) == 0)
			return f->values[i];
	return NULL;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool url_decode(struct arena *a, struct str s, bool plus, struct str *out)
{
	if (!memchr(s.p, '%', s.n) && !(plus && memchr(s.p, '+', s.n))) {
		*out = s;
		return utf8_valid(s);
	}
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '+' && plus) {
			c = ' ';
		} else if (c == '%') {
			int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(s.p[i + 2]) : -1;
			if (low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		}
		p[n++] = c;
	}
	*out = (struct str){p, n};
	return utf8_valid(*out);
}

int form_urlencoded_parse(struct fields *f, struct str body, struct err *err)
{
	struct str pair;
	while (str_cut(&body, '&', &pair)) {
		if (pair.n == 0)
			continue;
		const char *eq = memchr(pair.p, '=', pair.n);
		struct str name = {pair.p, eq ? (size_t)(eq - pair.p) : pair.n};
		struct str value = {name.p + name.n, 0};
		if (eq)
			value = (struct str){eq + 1, pair.n - name.n - 1};
		if (!url_decode(f->arena, name, true, &name) ||
		    !url_decode(f->arena, value, true, &value))
			return err_set(err, ERR_MALFORMED, "web.bad_encoding",
			    "form: bad escape, or bytes that are not UTF-8");
		if (name.n == 0 || name.n > FIELD_NAME_MAX || f->n >= FIELDS_MAX)
			return err_set(err, ERR_MALFORMED, "web.bad_form",
			    "form: a name of %zu bytes, or more than %d fields", name.n,
			    FIELDS_MAX);
		fields_add(f, str_dup(f->arena, name), str_dup(f->arena, value));
	}
	return 0;
}

int json_body_parse(struct str body, json_t **out, struct err *err)
{
	json_error_t e;
	/* An object or a list; jansson refuses bytes that are not UTF-8 and, without
	 * JSON_ALLOW_NUL, the character U+0000. */
	*out = json_loadb(body.p ? body.p : "", body.n, JSON_REJECT_DUPLICATES, &e);
	if (!*out)
		return err_set(
		    err, ERR_MALFORMED, "web.bad_json", "JSON: line %d: %s", e.line, e.text);
	return 0;
}

struct flattening {
	struct fields *fields;
	struct err *err;
	char name[FIELD_NAME_MAX + 1];
};

static int flatten(struct flattening *f, size_t n, json_t *v, int depth);

/* Adds ".key" (or "key" at the top) to the name; the new length, or 0 when it does not fit. */
static size_t name_push(struct flattening *f, size_t n, const char *key)
{
	size_t k = strlen(key);
	if (k == 0 || n + 1 + k > FIELD_NAME_MAX)
		return 0;
	if (n)
		f->name[n++] = '.';
	memcpy(f->name + n, key, k + 1);
	return n + k;
}

static int flatten_scalar(struct flattening *f, size_t n, json_t *v)
{
	struct arena *a = f->fields->arena;
	const char *value = NULL;
	char number[64];
	if (n == 0 || f->fields->n >= FIELDS_MAX)
		return err_set(
		    f->err, ERR_MALFORMED, "web.bad_form", "JSON: too many fields, or no object");
	switch (json_typeof(v)) {
	case JSON_STRING:
		value = json_string_value(v);
		break;
	case JSON_INTEGER:
		(void)snprintf(
		    number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		value = number;
		break;
	case JSON_REAL: {
		size_t size = json_dumpb(v, number, sizeof(number) - 1, JSON_ENCODE_ANY);
		number[size < sizeof(number) ? size : 0] = '\0';
		value = number;
		break;
	}
	case JSON_TRUE:
		value = "true";
		break;
	case JSON_FALSE:
		value = "false";
		break;
	default:
		return 0;
	}
	fields_add(f->fields, arena_strndup(a, f->name, n), arena_strdup(a, value));
	return 0;
}

static int flatten_object(struct flattening *f, size_t n, json_t *v, int depth)
{
	const char *key;
	json_t *member;
	json_object_foreach(v, key, member)
	{
		size_t m = name_push(f, n, key);
		if (m == 0)
			return err_set(f->err, ERR_MALFORMED, "web.bad_form",
			    "JSON: a name is empty or too long");
		int rc = flatten(f, m, member, depth + 1);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int flatten(struct flattening *f, size_t n, json_t *v, int depth)
{
	if (depth > JSON_DEPTH_MAX)
		return err_set(f->err, ERR_MALFORMED, "web.bad_form", "JSON: too deep");
	if (json_is_object(v))
		return flatten_object(f, n, v, depth);
	if (!json_is_array(v))
		return flatten_scalar(f, n, v);
	size_t i;
	json_t *item;
	json_array_foreach(v, i, item)
	{
		size_t m = n;
		if (json_is_object(item) || json_is_array(item)) {
			char index[24];
			(void)snprintf(index, sizeof(index), "%zu", i);
			m = name_push(f, n, index);
			if (m == 0)
				return err_set(f->err, ERR_MALFORMED, "web.bad_form",
				    "JSON: a name is too long");
		}
		int rc = flatten(f, m, item, depth + 1);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int form_json_flatten(struct fields *fields, json_t *body, struct err *err)
{
	struct flattening f = {.fields = fields, .err = err};
	return json_is_object(body) ? flatten(&f, 0, body, 0) : 0;
}

struct str cookie_find(struct str header, const char *name)
{
	size_t n = strlen(name);
	struct str part;
	while (str_cut(&header, ';', &part)) {
		part = str_trim(part);
		if (part.n <= n || part.p[n] != '=' || memcmp(part.p, name, n) != 0)
			continue;
		struct str value = {part.p + n + 1, part.n - n - 1};
		if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
			value = (struct str){value.p + 1, value.n - 2};
		return value;
	}
	return (struct str){NULL, 0};
}

/* q of one element, in thousandths: ";q=0.5" gives 500, none gives 1000, nonsense 0. */
static int quality(struct str params)
{
	struct str part;
	while (str_cut(&params, ';', &part)) {
		part = str_trim(part);
		if (part.n < 3 || (part.p[0] | 0x20) != 'q' || part.p[1] != '=')
			continue;
		int q = 0, digits = 0;
		for (size_t i = 2; i < part.n; i++) {
			char c = part.p[i];
			if (c == '.' && i == 3)
				continue;
			if (c < '0' || c > '9' || ++digits > 4)
				return 0;
			q = q * 10 + (c - '0');
		}
		for (; digits < 4; digits++)
			q *= 10;
		return q > 1000 ? 1000 : q;
	}
	return 1000;
}

static struct str element_name(struct str element, struct str *params)
{
	const char *semicolon = element.n ? memchr(element.p, ';', element.n) : NULL;
	struct str name = {element.p, semicolon ? (size_t)(semicolon - element.p) : element.n};
	*params = (struct str){element.p + element.n, 0};
	if (semicolon)
		*params = (struct str){semicolon + 1, element.n - name.n - 1};
	return str_trim(name);
}

static bool name_is(struct str name, const char *text)
{
	return name.n == strlen(text) && strncasecmp(name.p, text, name.n) == 0;
}

static void raise_to(int *at, int q)
{
	if (q > *at)
		*at = q;
}

enum format accept_format(struct str header)
{
	int html = -1, json = -1;
	struct str element, params;
	while (str_cut(&header, ',', &element)) {
		struct str name = element_name(element, &params);
		if (name_is(name, "text/html") || name_is(name, "application/xhtml+xml"))
			raise_to(&html, quality(params));
		else if (name_is(name, "application/json") ||
		         name_is(name, "application/problem+json") ||
		         name_is(name, "application/ld+json"))
			raise_to(&json, quality(params));
	}
	if (html <= 0 && json <= 0)
		return FORMAT_ANY;
	return json > html ? FORMAT_JSON : FORMAT_HTML;
}

bool accept_gzip(struct str header)
{
	struct str element, params;
	while (str_cut(&header, ',', &element)) {
		struct str name = element_name(element, &params);
		if (name_is(name, "gzip") || name_is(name, "x-gzip"))
			return quality(params) > 0;
	}
	return false;
}

const char *accept_language(struct str header)
{
	int ja = 0, en = 0;
	struct str element, params;
	while (str_cut(&header, ',', &element)) {
		struct str name = element_name(element, &params);
		if (name.n >= 2 && (name.n == 2 || name.p[2] == '-')) {
			struct str two = {name.p, 2};
			if (name_is(two, "ja"))
				raise_to(&ja, quality(params));
			else if (name_is(two, "en"))
				raise_to(&en, quality(params));
		}
	}
	return en > ja ? "en" : "ja";
}
