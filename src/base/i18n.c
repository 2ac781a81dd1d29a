#include "base/i18n.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/po.h"

struct message {
	const char *key;
	const char *text;
	int load; /* number of the file it came from: a key twice in one file is a mistake */
	UT_hash_handle hh;
};

struct language {
	const char *name;
	struct message *messages; /* by key */
	struct language *next;
};

struct i18n {
	struct arena *arena;
	struct language *languages;
	int loads;
};

struct i18n *i18n_new(void)
{
	struct arena *a = arena_new();
	struct i18n *t = arena_new_of(a, struct i18n);
	t->arena = a;
	return t;
}

void i18n_free(struct i18n *t)
{
	if (!t)
		return;
	for (struct language *l = t->languages; l; l = l->next)
		HASH_CLEAR(hh, l->messages);
	arena_free(t->arena);
}

static struct language *find_language(const struct i18n *t, const char *name)
{
	for (struct language *l = t->languages; l; l = l->next)
		if (strcmp(l->name, name) == 0)
			return l;
	return NULL;
}

struct loading {
	struct i18n *i18n;
	struct language *language;
	const char *file;
};

static int add(void *arg, const struct po_entry *entry, struct err *err)
{
	struct loading *loading = arg;
	struct i18n *t = loading->i18n;
	if (entry->fuzzy || entry->text.n == 0)
		return 0; /* not translated: the fallback shows */
	struct message *m;
	HASH_FIND(hh, loading->language->messages, entry->id.p, entry->id.n, m);
	if (!m) {
		m = arena_new_of(t->arena, struct message);
		m->key = entry->id.p;
		HASH_ADD_KEYPTR(hh, loading->language->messages, m->key, entry->id.n, m);
	} else if (m->load == t->loads) {
		return err_set(err, ERR_INPUT, NULL,
		    "%s:%d: the key %s was there before: remove one", loading->file, entry->line,
		    m->key);
	}
	m->text = entry->text.p;
	m->load = t->loads;
	return 0;
}

int i18n_load(struct i18n *t, const char *lang, const char *name, struct str po, struct err *err)
{
	struct language *l = find_language(t, lang);
	if (!l) {
		l = arena_new_of(t->arena, struct language);
		l->name = arena_strdup(t->arena, lang);
		l->next = t->languages;
		t->languages = l;
	}
	t->loads++;
	struct loading loading = {.i18n = t, .language = l, .file = name};
	return po_parse(t->arena, po, name, add, &loading, err);
}

const char *i18n_find(const struct i18n *t, const char *lang, const char *key)
{
	const struct language *l = find_language(t, lang);
	struct message *m = NULL;
	if (l)
		HASH_FIND_STR(l->messages, key, m);
	return m ? m->text : NULL;
}

const char *i18n_get(const struct i18n *t, const char *lang, const char *key)
{
	const char *text = i18n_find(t, lang, key);
	if (!text && strcmp(lang, "ja") != 0)
		text = i18n_find(t, "ja", key);
	return text ? text : key;
}

static void put_value(struct buf *out, json_t *value)
{
	if (json_is_string(value)) {
		buf_add(out, json_string_value(value), json_string_length(value));
	} else if (json_is_integer(value)) {
		buf_i64(out, json_integer_value(value));
	} else {
		char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		if (text)
			buf_puts(out, text);
		free(text);
	}
}

char *i18n_format(
    const struct i18n *t, struct arena *a, const char *lang, const char *key, json_t *args)
{
	struct buf out;
	buf_init(&out, a);
	const char *text = i18n_get(t, lang, key);
	for (const char *open; (open = strchr(text, '{')) != NULL;) {
		const char *close = strchr(open, '}');
		if (!close)
			break;
		buf_add(&out, text, (size_t)(open - text));
		const char *name = arena_strndup(a, open + 1, (size_t)(close - open - 1));
		json_t *value = json_object_get(args, name);
		if (value) {
			put_value(&out, value);
			text = close + 1;
		} else { /* not ours: shown as it is, so that the mistake is seen */
			buf_putc(&out, '{');
			text = open + 1;
		}
	}
	buf_puts(&out, text);
	return out.p;
}
