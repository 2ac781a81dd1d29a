/* Every page template of the program compiles in both languages with nothing missing, and the style
 * guide renders. MACHI_STYLEGUIDE=<folder> keeps its pages as files, for the browser. */
#include "base/test.h"

#include <time.h>

#include "base/file.h"
#include "base/resource.h"
#include "web/template.h"

static const char *const langs[] = {"ja", "en"};

static int source(void *arg, struct arena *a, const char *name, struct str *out, struct err *err)
{
	(void)arg;
	if (strncmp(name, "styleguide/", 11) == 0)
		return file_read(
		    a, arena_printf(a, "%s/tests/%s.html", getenv("MACHI_SOURCE"), name), out, err);
	char *path = arena_printf(a, "templates/%s.html", name);
	return resource_find(path, out) ? 0 : err_set(err, ERR_MISSING, NULL, "%s", path);
}

static int catalogue(void *arg, const char *path, struct str po)
{
	struct err err = {0};
	size_t n = strlen(path);
	char lang[3] = {path[n - 5], path[n - 4], '\0'};
	if (i18n_load(arg, lang, path, po, &err) < 0)
		fail_msg("%s", err.detail);
	return 0;
}

static struct i18n *i18n;
static struct templates *set;

static int setup(void **state)
{
	(void)state;
	i18n = i18n_new();
	(void)resource_each("i18n/", catalogue, i18n); /* catalogue never stops it */
	set = templates_new(source, NULL, i18n);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	templates_free(set);
	i18n_free(i18n);
	return 0;
}

static int checked, broken;

static int check(void *arg, const char *path, struct str bytes)
{
	(void)arg;
	(void)bytes;
	if (!str_ends(str_from(path), ".html"))
		return 0;
	struct arena *a = arena_new();
	char *name = arena_strdup(a, path + strlen("templates/"));
	name[strlen(name) - strlen(".html")] = '\0';
	for (size_t i = 0; i < COUNT(langs); i++) {
		struct err err = {0};
		checked++;
		if (template_check(set, name, langs[i], &err) < 0) {
			broken++;
			print_error("%s: %s\n", langs[i], err.detail);
		}
	}
	arena_free(a);
	return 0;
}

static void complete(void **state)
{
	(void)state;
	(void)resource_each("templates/", check, NULL);
	assert_int_equal(broken, 0);
	assert_true(checked > 50);
}

/* The sample has texts as {"ja": …, "en": …}: takes one of them. */
static json_t *in_language(json_t *v, const char *lang)
{
	const char *key;
	json_t *member, *out;
	size_t i;
	if (json_is_object(v)) {
		if (json_object_size(v) == 2 && json_object_get(v, "ja") &&
		    json_object_get(v, "en"))
			return in_language(json_object_get(v, lang), lang);
		out = json_object();
		json_object_foreach(v, key, member)
		    json_object_set_new(out, key, in_language(member, lang));
		return out;
	}
	if (json_is_array(v)) {
		out = json_array();
		json_array_foreach(v, i, member)
		    json_array_append_new(out, in_language(member, lang));
		return out;
	}
	return json_incref(v);
}

static void keep(const char *name, const char *lang, const struct buf *page)
{
	const char *folder = getenv("MACHI_STYLEGUIDE");
	if (!folder)
		return;
	struct buf path = {0};
	buf_printf(&path, "%s/%s.%s.html", folder, name, lang);
	FILE *f = fopen(path.p, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(page->p, 1, page->n, f), page->n);
	assert_int_equal(fclose(f), 0);
	buf_free(&path);
}

static void style_guide(void **state)
{
	(void)state;
	struct buf path = {0};
	buf_printf(&path, "%s/tests/styleguide/sample.json", getenv("MACHI_SOURCE"));
	json_error_t e;
	json_t *sample = json_load_file(path.p, 0, &e);
	if (!sample)
		fail_msg("%s:%d: %s", path.p, e.line, e.text);
	buf_free(&path);
	for (size_t i = 0; i < COUNT(langs); i++) {
		json_t *pages = json_object_get(sample, "pages"), *extra;
		const char *name;
		json_object_foreach(pages, name, extra)
		{
			json_t *view = in_language(json_object_get(sample, "frame"), langs[i]);
			json_t *own = in_language(extra, langs[i]);
			json_object_update(view, own);
			json_decref(own);
			struct buf out = {0};
			struct err err = {0};
			const char *t = json_string_value(json_object_get(view, "template"));
			assert_non_null(t);
			if (template_render(set, t, langs[i], view, &out, &err) < 0)
				fail_msg("%s: %s", name, err.detail);
			keep(name, langs[i], &out);
			buf_free(&out);
			json_decref(view);
		}
	}
	json_decref(sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(complete),
	    cmocka_unit_test(style_guide),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
