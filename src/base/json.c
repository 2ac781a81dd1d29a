#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *json_text(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

const char *json_text_or(const json_t *obj, const char *key, const char *fallback)
{
	const char *s = json_text(obj, key);
	return s ? s : fallback;
}

int64_t json_i64(const json_t *obj, const char *key, int64_t fallback)
{
	const json_t *v = json_object_get(obj, key);
	return json_is_integer(v) ? json_integer_value(v) : fallback;
}

bool json_on(const json_t *obj, const char *key)
{
	return json_is_true(json_object_get(obj, key));
}

json_t *json_path(const json_t *v, const char *path)
{
	for (struct str rest = str_from(path), part; v && str_cut(&rest, '.', &part);) {
		if (json_is_array(v)) {
			int64_t i;
			if (!str_to_i64(part, 0, INT32_MAX, &i))
				return NULL;
			v = json_array_get(v, (size_t)i);
			continue;
		}
		v = json_object_getn(v, part.p, part.n);
	}
	return (json_t *)
	    v; /* as jansson's own accessors: what holds it says whether it may be changed */
}

const char *json_path_text(const json_t *v, const char *path)
{
	return json_string_value(json_path(v, path));
}

static void drop(void *json)
{
	json_decref(json);
}

json_t *json_on_arena(struct arena *a, json_t *j)
{
	if (j)
		arena_cleanup(a, drop, j);
	return j;
}

/* --- texts --- */

/* ECMAScript's Number::toString, which RFC 8785 §3.2.2.3 asks for. */
void buf_real(struct buf *b, double v)
{
	if (v == 0) {
		buf_putc(b, '0'); /* -0 as well */
		return;
	}
	/* The fewest digits that read back the same: 17 always do. */
	char text[40];
	for (int precision = 0; precision <= 16; precision++) {
		(void)snprintf(text, sizeof(text), "%.*e", precision, v); /* fits: 25 at most */
		if (strtod(text, NULL) == v)
			break;
	}
	/* "-1.2345e+21": digits and the power of ten of the first one */
	char digits[20] = "0";
	int k = 0;
	const char *p = text;
	if (*p == '-') {
		buf_putc(b, '-');
		p++;
	}
	for (; *p && *p != 'e'; p++)
		if (*p >= '0' && *p <= '9')
			digits[k++] = *p;
	int n = (int)strtol(p + 1, NULL, 10) + 1; /* value = 0.digits × 10^n */
	while (k > 1 && digits[k - 1] == '0')
		k--;
	if (n > 21 || n < -5) {
		buf_putc(b, digits[0]);
		if (k > 1) {
			buf_putc(b, '.');
			buf_add(b, digits + 1, (size_t)(k - 1));
		}
		buf_printf(b, "e%+d", n - 1);
	} else if (n <= 0) {
		buf_puts(b, "0.");
		for (int i = n; i < 0; i++)
			buf_putc(b, '0');
		buf_add(b, digits, (size_t)k);
	} else {
		for (int i = 0; i < n; i++)
			buf_putc(b, i < k ? digits[i] : '0');
		if (k > n) {
			buf_putc(b, '.');
			buf_add(b, digits + n, (size_t)(k - n));
		}
	}
}

struct member {
	const char *key;
	const json_t *value;
};

/* By UTF-16 code units, as RFC 8785 §3.2.3 says. That is the order of UTF-8 bytes, except that the
 * characters above U+FFFF (first byte F0 to F4) stand before U+E000 to U+FFFF (EE and EF). */
static int compare_members(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)((const struct member *)a)->key;
	const unsigned char *y = (const unsigned char *)((const struct member *)b)->key;
	while (*x && *x == *y) {
		x++;
		y++;
	}
	if (*x >= 0xEE && *y >= 0xEE && (*x >= 0xF0) != (*y >= 0xF0))
		return *x >= 0xF0 ? -1 : 1;
	return *x - *y;
}

void json_canonical(struct buf *b, const json_t *v)
{
	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT: {
		size_t n = json_object_size(v), i = 0;
		struct member few[32],
		    *members = n > COUNT(few) ? malloc(n * sizeof(*members)) : few;
		if (!members)
			abort();
		/* jansson's iterators want the object unqualified; it is not changed */
		json_t *object = (json_t *)v;
		for (void *it = json_object_iter(object); it;
		     it = json_object_iter_next(object, it))
			members[i++] =
			    (struct member){json_object_iter_key(it), json_object_iter_value(it)};
		qsort(members, n, sizeof(*members), compare_members);
		buf_putc(b, '{');
		for (i = 0; i < n; i++) {
			if (i)
				buf_putc(b, ',');
			buf_json(b, str_from(members[i].key));
			buf_putc(b, ':');
			json_canonical(b, members[i].value);
		}
		buf_putc(b, '}');
		if (members != few)
			free(members);
		break;
	}
	case JSON_ARRAY:
		buf_putc(b, '[');
		for (size_t i = 0; i < json_array_size(v); i++) {
			if (i)
				buf_putc(b, ',');
			json_canonical(b, json_array_get(v, i));
		}
		buf_putc(b, ']');
		break;
	case JSON_STRING:
		buf_json(b, (struct str){json_string_value(v), json_string_length(v)});
		break;
	case JSON_INTEGER:
		buf_i64(b, json_integer_value(v));
		break;
	case JSON_REAL:
		buf_real(b, json_real_value(v)); /* jansson holds finite ones only */
		break;
	case JSON_TRUE:
		buf_puts(b, "true");
		break;
	case JSON_FALSE:
		buf_puts(b, "false");
		break;
	case JSON_NULL:
		buf_puts(b, "null");
		break;
	}
}

char *json_canonical_text(struct arena *a, const json_t *v)
{
	struct buf b;
	buf_init(&b, a);
	json_canonical(&b, v);
	return b.p;
}
