#include <stdio.h>
#include <string.h>

#include "base/i18n.h"
#include "base/po.h"
#include "base/resource.h"
#include "base/test.h"

static void test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *name, *po;
		const char *key, *want; /* want NULL: the key is not there */
		const char *problem;    /* NULL: loads */
	} cases[] = {
	    {"plain", "msgid \"a\"\nmsgstr \"x\"\n", "a", "x", NULL},
	    {"no last newline", "msgid \"a\"\nmsgstr \"x\"", "a", "x", NULL},
	    {"crlf", "msgid \"a\"\r\nmsgstr \"x\"\r\n", "a", "x", NULL},
	    {"bom", "\xEF\xBB\xBFmsgid \"a\"\nmsgstr \"x\"\n", "a", "x", NULL},
	    {"many lines", "msgid \"\"\n\"a.\"\n\"b\"\nmsgstr \"\"\n\"one \"\n\"two\"\n", "a.b",
	        "one two", NULL},
	    {"escapes", "msgid \"a\"\nmsgstr \"\\\"\\\\\\n\\t\\x41\"\n", "a", "\"\\\n\tA", NULL},
	    {"comments", "# c\n#. c\n#: f:1\nmsgid \"a\"\nmsgstr \"x\"\n#~ msgid \"b\"\n", "a", "x",
	        NULL},
	    {"header", "msgid \"\"\nmsgstr \"charset=UTF-8\\n\"\n\nmsgid \"a\"\nmsgstr \"x\"\n", "",
	        NULL, NULL},
	    {"untranslated", "msgid \"a\"\nmsgstr \"\"\n", "a", NULL, NULL},
	    {"fuzzy", "#, fuzzy, c-format\nmsgid \"a\"\nmsgstr \"x\"\n", "a", NULL, NULL},
	    {"not fuzzy",
	        "#, fuzzy\n#~ msgid \"b\"\n#~ msgstr \"x\"\n\nmsgid \"a\"\nmsgstr \"x\"\n", "a",
	        "x", NULL},
	    {"after fuzzy", "#, fuzzy\nmsgid \"b\"\nmsgstr \"y\"\nmsgid \"a\"\nmsgstr \"x\"\n", "a",
	        "x", NULL},
	    {"empty", "", "a", NULL, NULL},
	    {"twice", "msgid \"a\"\nmsgstr \"x\"\n\nmsgid \"a\"\nmsgstr \"y\"\n", "a", NULL,
	        "t.po:4: the key a was there before: remove one"},
	    {"open quote", "msgid \"a\"\nmsgstr \"x\n", "a", NULL,
	        "t.po:2: the closing quote is missing"},
	    {"after quote", "msgid \"a\" b\n", "a", NULL,
	        "t.po:1: nothing may follow the closing quote"},
	    {"no quote", "msgid a\n", "a", NULL, "t.po:1: a text in double quotes is expected"},
	    {"no msgid", "msgstr \"a\"\n", "a", NULL, "t.po:1: msgstr without msgid"},
	    {"no msgstr", "msgid \"a\"\n\n", "a", NULL,
	        "t.po:2: msgstr is missing before this line"},
	    {"stray", "\"a\"\n", "a", NULL, "t.po:1: a text that belongs to nothing"},
	    {"word", "hello\n", "a", NULL,
	        "t.po:1: msgid, msgstr, a comment or a quoted text is expected"},
	    {"context", "msgctxt \"a\"\n", "a", NULL,
	        "t.po:1: msgctxt is not used here: write it into the key"},
	    {"plural", "msgid \"a\"\nmsgid_plural \"b\"\n", "a", NULL,
	        "t.po:2: plural forms are not used here: make a key for each"},
	    {"escape", "msgid \"\\q\"\n", "a", NULL,
	        "t.po:1: unknown escape; use \\n, \\t, \\\" or \\\\"},
	    {"not utf-8", "msgid \"\xFF\"\n", "a", NULL, "t.po:1: not UTF-8"},
	    {"escaped rubbish", "msgid \"a\"\nmsgstr \"\\xFF\"\n\n", "a", NULL,
	        "t.po:3: the text before this line is not UTF-8"},
	    {"charset", "msgid \"\"\nmsgstr \"text/plain; charset=EUC-JP\\n\"\n\n", "a", NULL,
	        "t.po:3: the charset must be UTF-8"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct i18n *t = i18n_new();
		struct err err = {0};
		int rc = i18n_load(t, "ja", "t.po", str_from(cases[i].po), &err);
		if ((rc != 0) != (cases[i].problem != NULL) ||
		    (rc && (rc != -ERR_INPUT || strcmp(err.detail, cases[i].problem) != 0)))
			fail_msg("%s: %d %s", cases[i].name, rc, err.detail);
		if (rc == 0 && !text_eq(i18n_find(t, "ja", cases[i].key), cases[i].want))
			fail_msg("%s: wrong text", cases[i].name);
		i18n_free(t);
	}
}

static void test_fallback_and_override(void **state)
{
	(void)state;
	struct i18n *t = i18n_new();
	struct err err = {0};
	assert_int_equal(i18n_load(t, "ja", "1", STR("msgid \"a\"\nmsgstr \"あ\"\n"), &err), 0);
	assert_int_equal(i18n_load(t, "en", "2", STR("msgid \"b\"\nmsgstr \"B\"\n"), &err), 0);
	assert_string_equal(i18n_get(t, "en", "a"), "あ");
	assert_string_equal(i18n_get(t, "zh", "a"), "あ");
	assert_string_equal(i18n_get(t, "en", "b"), "B");
	assert_string_equal(i18n_get(t, "ja", "b"), "b");
	assert_null(i18n_find(t, "en", "a"));
	/* a city's own file replaces a text */
	assert_int_equal(i18n_load(t, "ja", "3", STR("msgid \"a\"\nmsgstr \"市\"\n"), &err), 0);
	assert_string_equal(i18n_get(t, "ja", "a"), "市");
	i18n_free(t);
}

static void test_format(void **state)
{
	(void)state;
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"hello", "hello"},
	    {"{name}さん", "花子さん"},
	    {"{n} of {n}", "3 of 3"},
	    {"{f}{list}{yes}", "1.5[1,2]true"},
	    {"{nobody} {name", "{nobody} {name"},
	    {"{{name}}", "{花子}"},
	    {"", ""},
	};
	struct arena *a = arena_new();
	json_t *args = json_pack("{s:s, s:i, s:f, s:[i,i], s:b}", "name", "花子", "n", 3, "f", 1.5,
	    "list", 1, 2, "yes", 1);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct i18n *t = i18n_new();
		char *po = arena_printf(a, "msgid \"k\"\nmsgstr \"%s\"\n", cases[i].text);
		assert_int_equal(i18n_load(t, "ja", "t.po", str_from(po), NULL), 0);
		const char *want = cases[i].text[0] ? cases[i].want : "k";
		assert_string_equal(i18n_format(t, a, "ja", "k", args), want);
		i18n_free(t);
	}
	struct i18n *t = i18n_new();
	assert_string_equal(i18n_format(t, a, "ja", "no {such} key", NULL), "no {such} key");
	i18n_free(t);
	json_decref(args);
	arena_free(a);
}

/* The catalogues that are built in: each module has all its texts in both languages, and a text
 * names the same values in both. */

struct check {
	struct arena *arena;
	const struct i18n *other;
	const char *other_lang;
	const char *path;
	int problems;
};

/* How often {name} stands in a text. */
static int count_place(const char *text, const char *place)
{
	int n = 0;
	for (const char *at = text; (at = strstr(at, place)) != NULL; at++)
		n++;
	return n;
}

static int check_entry(void *arg, const struct po_entry *e, struct err *err)
{
	(void)err;
	struct check *c = arg;
	const char *other = i18n_find(c->other, c->other_lang, e->id.p);
	if (e->text.n == 0 || e->fuzzy || !other) {
		print_error("%s:%d: %s has no text in %s\n", c->path, e->line, e->id.p,
		    other ? "this language" : c->other_lang);
		c->problems++;
		return 0;
	}
	for (const char *open = e->text.p; (open = strchr(open, '{')) != NULL; open++) {
		const char *close = strchr(open, '}');
		if (!close)
			break;
		const char *place = arena_strndup(c->arena, open, (size_t)(close - open) + 1);
		if (count_place(other, place) == 0) {
			print_error("%s:%d: %s is not in the text of %s\n", c->path, e->line, place,
			    c->other_lang);
			c->problems++;
		}
	}
	return 0;
}

static int check_catalogue(void *arg, const char *path, struct str bytes)
{
	int *problems = arg;
	bool ja = str_ends(str_from(path), ".ja.po");
	if (!ja && !str_ends(str_from(path), ".en.po"))
		return 0;
	struct arena *a = arena_new();
	char *other_path = arena_strdup(a, path);
	memcpy(other_path + strlen(path) - strlen("ja.po"), ja ? "en" : "ja", 2);
	struct i18n *t = i18n_new();
	struct str other;
	struct err err = {0};
	const char *other_lang = ja ? "en" : "ja";
	struct check check = {.arena = a, .other = t, .other_lang = other_lang, .path = path};
	if (!resource_find(other_path, &other)) {
		print_error("%s is missing\n", other_path);
		check.problems++;
	} else if (i18n_load(t, other_lang, other_path, other, &err) != 0 ||
	           po_parse(a, bytes, path, check_entry, &check, &err) != 0) {
		print_error("%s\n", err.detail);
		check.problems++;
	}
	*problems += check.problems;
	i18n_free(t);
	arena_free(a);
	return 0;
}

static void test_built_in_catalogues(void **state)
{
	(void)state;
	int problems = 0;
	(void)resource_each("i18n/", check_catalogue, &problems);
	assert_int_equal(problems, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parse),
	    cmocka_unit_test(test_fallback_and_override),
	    cmocka_unit_test(test_format),
	    cmocka_unit_test(test_built_in_catalogues),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
