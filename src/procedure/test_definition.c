#include "procedure/definition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/resource.h"
#include "base/test.h"

static struct procedure *parse(struct arena *a, const char *path, struct str text)
{
	struct definition_problem *problems;
	int n;
	struct procedure *p = procedure_parse(a, path, text, &problems, &n);
	for (int i = 0; i < n; i++)
		print_message("%s:%d:%d: %s (%s)\n", problems[i].file, problems[i].line,
		    problems[i].column, problems[i].what,
		    problems[i].remedy ? problems[i].remedy : "");
	return p;
}

static struct i18n *texts;

static int add_texts(void *arg, const char *path, struct str po)
{
	(void)arg;
	struct err err;
	const char *lang = strstr(path, ".en.po") ? "en" : "ja";
	if (i18n_load(texts, lang, path, po, &err) < 0)
		fail_msg("%s", err.detail);
	return 0;
}

/* No text of a view may be a bare catalogue key. */
static void check_no_keys(const json_t *v, const char *path)
{
	const char *key;
	json_t *member;
	size_t i;
	if (json_is_string(v) && str_starts(str_from(json_string_value(v)), "form."))
		fail_msg("%s: no text for %s", path, json_string_value(v));
	json_object_foreach((json_t *)v, key, member) check_no_keys(member, path);
	json_array_foreach((json_t *)v, i, member) check_no_keys(member, path);
}

/* Made-up answers pass the checks, and every view of them can be made. */
static void check_example(struct arena *a, const struct procedure *p, const char *path)
{
	static const char *const langs[] = {"ja", "en"}, *const modes[] = {
	                                                     "online", "counter", "paper"};
	static const char *const kinds[] = {"resident", "business", "proxy"};
	for (int k = 0; k < 6; k++) {
		struct form_context ctx = {.lang = langs[k % 2],
		    .applicant_kind = kinds[k % 3],
		    .today = {2026, 11, 20},
		    .fee_yen = -1,
		    .i18n = texts};
		struct form_problem *problems;
		json_t *answers = form_example(p, a, &ctx, (uint64_t)k, "blob");
		int n = form_check(p, a, &ctx, answers, &problems);
		for (int i = 0; i < n; i++)
			print_message("%s: %s: %s\n", path, problems[i].field, problems[i].text);
		assert_int_equal(n, 0);
		int64_t fee;
		struct err err;
		assert_int_equal(form_fee(p, &ctx, answers, &fee, &err), 0);
		for (int i = 0; i <= procedure_section_count(p); i++) {
			json_t *view =
			    form_section_view(p, a, i, &ctx, answers, NULL, 0, modes[k % 3]);
			check_no_keys(view, path);
			json_decref(view);
		}
		json_t *view = form_answers_view(p, a, &ctx, answers),
		       *schema = procedure_schema(p, ctx.lang);
		check_no_keys(view, path);
		json_decref(view);
		json_decref(schema);
		json_decref(answers);
	}
}

static int check_built_in(void *arg, const char *path, struct str text)
{
	int *bad = arg;
	if (!strstr(path, "/procedures/") || !str_ends(str_from(path), ".yaml"))
		return 0;
	struct arena *a = arena_new();
	struct procedure *p = parse(a, path, text);
	*bad += p == NULL;
	if (p && procedure_online(p))
		check_example(a, p, path);
	procedure_unref(p);
	arena_free(a);
	return 0;
}

/* Every definition that comes with the program is right. */
static void test_built_in(void **state)
{
	(void)state;
	int bad = 0;
	texts = i18n_new();
	resource_each("i18n/procedure.form.", add_texts, NULL);
	resource_each("packs/", check_built_in, &bad);
	i18n_free(texts);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_built_in),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
