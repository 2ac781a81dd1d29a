#include "procedure/definition.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/resource.h"
#include "base/test.h"
#include "procedure/example_people.h"

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
		for (int i = 0; i < procedure_section_count(p); i++) {
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

/* --- tests/definitions: NAME.yaml and what is wrong with it in NAME.problems --- */

static char *listing(struct arena *a, const struct definition_problem *problems, int n)
{
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	for (int i = 0; i < n; i++) {
		buf_printf(
		    &b, "%d:%d: %s\n", problems[i].line, problems[i].column, problems[i].what);
		if (problems[i].remedy)
			buf_printf(&b, "    %s\n", problems[i].remedy);
	}
	return b.p ? b.p : arena_strdup(a, "");
}

static int yaml_files(const struct dirent *e)
{
	return str_ends(str_from(e->d_name), ".yaml");
}

static void test_problems(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const char *dir = arena_printf(a, "%s/tests/definitions", getenv("MACHI_SOURCE"));
	struct dirent **names;
	int n = scandir(dir, &names, yaml_files, alphasort), bad = 0;
	assert_true(n > 10);
	for (int i = 0; i < n; i++) {
		struct str text, expected = STR("");
		struct err err;
		struct definition_problem *problems;
		int count;
		const char *file = arena_printf(a, "%s/%s", dir, names[i]->d_name);
		const char *wanted = arena_printf(a, "%.*s.problems", (int)strlen(file) - 5, file);
		assert_int_equal(file_read(a, file, &text, &err), 0);
		struct procedure *p = procedure_parse(a, file, text, &problems, &count);
		assert_true((p == NULL) == (count > 0));
		procedure_unref(p);
		const char *found = listing(a, problems, count);
		if (getenv("MACHI_TEST_WRITE")) /* to look at in the diff */
			assert_int_equal(file_write(wanted, str_from(found), 0644, &err), 0);
		(void)file_read(a, wanted, &expected, &err); /* absent: none are expected */
		if (!str_is(expected, found)) {
			print_message("%s:\n%s", names[i]->d_name, found);
			bad++;
		}
		free(names[i]);
	}
	free(names);
	arena_free(a);
	assert_int_equal(bad, 0);
}

static struct procedure *parse_stored(struct arena *a, const char *name)
{
	static const struct definition_env env = {.stored = true};
	struct str text;
	struct err err;
	struct definition_problem *problems;
	int n;
	assert_int_equal(
	    file_read(a, arena_printf(a, "%s/tests/definitions/%s", getenv("MACHI_SOURCE"), name),
	        &text, &err),
	    0);
	return procedure_parse_in(a, name, text, &env, &problems, &n);
}

/* A 個人番号 that is asked for on no named ground is warned of, not refused. */
static void test_number_ground(void **state)
{
	static const char asked[] =
	    "id: allowance\ntitle: {ja: 手当, en: Allowance}\nsummary: {ja: 例, en: Example}\n"
	    "department: 課\nlife_events: [health]\nlaw: [{name: 条例}]\nsections:\n"
	    "  - {id: person, title: {ja: 人, en: P}, fields: [{id: number, type: my_number, label:"
	    " {ja: 個人番号, en: N}}]}\n"
	    "route: {steps: [{id: decide, kind: decide, post: 課長}]}\nretention: {years: 5}\n";
	(void)state;
	struct arena *a = arena_new();
	struct definition_problem *problems;
	int n;
	struct procedure *p = procedure_parse(a, "allowance.yaml", str_from(asked), &problems, &n);
	assert_non_null(p);
	assert_int_equal(n, 1);
	assert_true(problems[0].warning);
	assert_non_null(strstr(problems[0].what, "no legal ground"));
	procedure_unref(p);
	p = procedure_parse(a, "allowance.yaml",
	    str_from(arena_printf(a, "%smy_number: {ground: {ja: 番号法, en: Act}}\n", asked)),
	    &problems, &n);
	assert_int_equal(n, 0);
	assert_string_equal(procedure_text(p, "my_number.ground", "en"), "Act");
	procedure_unref(p);
	arena_free(a);
}

/* Applications run under versions that today's check refuses. */
static void test_stored(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct form_context ctx = {
	    .lang = "ja", .applicant_kind = "resident", .today = {2026, 11, 20}, .fee_yen = -1};
	struct form_problem *problems;
	struct procedure *p = parse_stored(a, "stored.yaml");
	assert_non_null(p);
	json_t *answers = json_pack(
	    "{s:{s:s}, s:{s:s}}", "person", "born", "2000-01-01", "findings", "place", "番町");
	assert_int_equal(form_check(p, a, &ctx, answers, &problems), 0);
	assert_string_equal(json_path_text(answers, "findings.place"), "番町");
	json_t *shown = form_answer_texts(p, a, &ctx, answers);
	json_t *row = form_answer_row(p, a, &ctx, answers, "findings.place");
	assert_string_equal(json_path_text(shown, "findings.place"), "番町");
	assert_string_equal(json_text(row, "text"), "番町");
	json_decref(row);
	json_decref(shown);
	json_object_del(json_object_get(answers, "findings"), "place");
	assert_int_equal(form_check(p, a, &ctx, answers, &problems), 1);
	assert_string_equal(problems[0].field, "findings.place");
	json_decref(answers);
	procedure_unref(p);
	/* What is no definition at all is refused all the same, and none of them does harm. */
	assert_null(parse_stored(a, "not-yaml.yaml"));
	struct dirent **names;
	int n = scandir(arena_printf(a, "%s/tests/definitions", getenv("MACHI_SOURCE")), &names,
	    yaml_files, alphasort);
	for (int i = 0; i < n; i++) {
		p = parse_stored(a, names[i]->d_name);
		free(names[i]);
		if (!p)
			continue;
		answers = form_example(p, a, &ctx, 1, "blob");
		(void)form_check(p, a, &ctx, answers, &problems);
		for (int s = 0; s < procedure_section_count(p); s++)
			json_decref(form_section_view(p, a, s, &ctx, answers, NULL, 0, "online"));
		json_decref(form_answers_view(p, a, &ctx, answers));
		json_decref(procedure_schema(p, "ja"));
		json_decref(answers);
		procedure_unref(p);
	}
	free(names);
	arena_free(a);
}

/* The same bytes are the same version; another byte is another. */
static void test_version(void **state)
{
	(void)state;
	struct str text;
	struct arena *a = arena_new();
	assert_true(resource_find("packs/resident/procedures/dog-registration.yaml", &text));
	struct procedure *p = parse(a, "a", text), *q = parse(a, "b", text);
	struct procedure *r =
	    parse(a, "c", str_from(arena_printf(a, "%.*s# more\n", STR_ARG(text))));
	assert_string_equal(procedure_version(p), procedure_version(q));
	assert_string_not_equal(procedure_version(p), procedure_version(r));
	assert_int_equal(strlen(procedure_version(p)), 16);
	assert_true(str_eq(procedure_source(p), text));
	procedure_unref(p);
	procedure_unref(q);
	procedure_unref(r);
	arena_free(a);
}

static struct procedure *entry(struct arena *a, const char *lines)
{
	return parse(a, "entry",
	    str_from(arena_printf(a,
	        "id: entry\ntitle: {ja: 題, en: Title}\nsummary: {ja: 約, en: Summary}\n"
	        "department: 税務課\nlife_events: [tax]\nlaw: [{name: 法}]\nonline: false\n"
	        "offline: {where: {ja: 窓口, en: Counter}, how: {ja: 来る, en: Come}}\n"
	        "retention: {years: 1}\n%s",
	        lines)));
}

static void test_window(void **state)
{
	(void)state;
	static const struct {
		const char *window;
		struct date on;
		bool open;
		struct date from, until;
	} cases[] = {
	    {"", {2026, 11, 20}, true, {0}, {0}},
	    {"window: {from: 2026-04-01, to: 2026-06-30}", {2026, 4, 1}, true, {2026, 4, 1},
	        {2026, 6, 30}},
	    {"window: {from: 2026-04-01, to: 2026-06-30}", {2026, 7, 1}, false, {2026, 4, 1},
	        {2026, 6, 30}},
	    {"window: {from: {month_day: 06-01}, to: {month_day: 06-30}}", {2026, 6, 30}, true,
	        {2026, 6, 1}, {2026, 6, 30}},
	    {"window: {from: {month_day: 06-01}, to: {month_day: 06-30}}", {2026, 7, 1}, false,
	        {2027, 6, 1}, {2027, 6, 30}},
	    {"window: {from: {month_day: 12-01}, to: {month_day: 02-29}}", {2027, 1, 5}, true,
	        {2026, 12, 1}, {2027, 2, 28}},
	    {"window: {from: {month_day: 12-01}, to: {month_day: 02-29}}", {2027, 3, 1}, false,
	        {2027, 12, 1}, {2028, 2, 29}},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new();
		struct procedure *p = entry(a, cases[i].window);
		struct date from, until;
		assert_non_null(p);
		bool open = procedure_open(p, cases[i].on, &from, &until);
		if (open != cases[i].open || date_compare(from, cases[i].from) != 0 ||
		    date_compare(until, cases[i].until) != 0)
			fail_msg("case %zu: %d %s %s", i, open, date_format(a, from),
			    date_format(a, until));
		procedure_unref(p);
		arena_free(a);
	}
}

/* The worked example of docs/writing-a-procedure.md: its first block, with what the later ones add
 * or replace, is a definition that is right. */
struct chapter {
	const char *key; /* top-level key of the lines */
	struct buf lines;
};

static struct chapter *chapter_of(struct arena *a, struct chapter *all, int *n, struct str line)
{
	struct str rest = line, key;
	(void)str_cut(&rest, ':', &key); /* a line that is not empty */
	struct chapter *c = NULL;
	for (int i = 0; i < *n; i++)
		if (str_is(key, all[i].key))
			c = &all[i];
	if (!c) {
		assert_true(*n < 40);
		c = &all[(*n)++];
		c->key = str_dup(a, key);
		buf_init(&c->lines, a);
	}
	buf_clear(&c->lines);
	return c;
}

static void test_documented(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct err err;
	struct str text, line;
	struct chapter all[40], *now = NULL;
	int n = 0, blocks = 0;
	bool inside = false;
	assert_int_equal(
	    file_read(a, arena_printf(a, "%s/docs/writing-a-procedure.md", getenv("MACHI_SOURCE")),
	        &text, &err),
	    0);
	while (str_cut(&text, '\n', &line)) {
		if (str_starts(line, "```")) {
			inside = str_is(line, "```yaml");
			blocks += inside;
			/* Lines that go in without a key of their own are fields of the form. */
			for (int i = 0; inside && i < n; i++)
				if (strcmp(all[i].key, "sections") == 0)
					now = &all[i];
			continue;
		}
		if (!inside || line.n == 0)
			continue;
		if (line.p[0] != ' ')
			now = chapter_of(a, all, &n, line);
		assert_non_null(now);
		buf_str(&now->lines, line);
		buf_putc(&now->lines, '\n');
	}
	assert_int_equal(blocks, 5);
	struct buf yaml;
	buf_init(&yaml, a);
	for (int i = 0; i < n; i++)
		buf_str(&yaml, buf_to_str(&all[i].lines));
	struct procedure *p = parse(a, "bicycle-permit.yaml", buf_to_str(&yaml));
	assert_non_null(p);
	procedure_unref(p);
	arena_free(a);
}

/* --- made-up answers look like real ones --- */

static const char *kana_of(const struct example_name *names, int n, const json_t *name)
{
	for (int i = 0; i < n; i++)
		if (text_eq(names[i].name, json_string_value(name)))
			return names[i].kana;
	return "";
}

/* The furigana of a section is the reading of its name. */
static int check_readings(const struct procedure *p, json_t *answers, const char *path)
{
	size_t i, k;
	json_t *section, *field;
	int read = 0;
	json_array_foreach(json_object_get(procedure_json(p), "sections"), i, section)
	{
		json_t *at =
		    json_object_get(answers, json_string_value(json_object_get(section, "id")));
		const json_t *name = NULL;
		json_array_foreach(json_object_get(section, "fields"), k, field)
		{
			const char *type = json_string_value(json_object_get(field, "type"));
			json_t *v =
			    json_object_get(at, json_string_value(json_object_get(field, "id")));
			if (text_eq(type, "name") && json_is_object(v))
				name = v;
			if (!text_eq(type, "furigana") || !v || !name)
				continue;
			const char *family = kana_of(
			    example_families, EXAMPLE_FAMILIES, json_object_get(name, "family"));
			const char *given =
			    kana_of(example_givens, EXAMPLE_GIVENS, json_object_get(name, "given"));
			if (!text_eq(family, json_string_value(json_object_get(v, "family"))) ||
			    !text_eq(given, json_string_value(json_object_get(v, "given"))))
				fail_msg("%s: %s", path, json_dumps(at, 0));
			read++;
		}
	}
	return read;
}

/* A text without examples of its own is filled with words that mean nothing. */
static int check_texts(const json_t *fields, const char *path)
{
	size_t i;
	const json_t *f;
	int bad = 0;
	json_array_foreach(fields, i, f)
	{
		if (text_eq(json_string_value(json_object_get(f, "type")), "text") &&
		    !json_object_get(f, "pattern") && !json_object_get(f, "examples")) {
			print_message("%s: %s has no examples\n", path,
			    json_string_value(json_object_get(f, "id")));
			bad++;
		}
	}
	return bad;
}

struct example_count {
	int read, bad;
};

static int check_examples(void *arg, const char *path, struct str text)
{
	struct example_count *n = arg;
	if (!strstr(path, "/procedures/") || !str_ends(str_from(path), ".yaml"))
		return 0;
	struct arena *a = arena_new();
	struct procedure *p = parse(a, path, text);
	size_t k;
	json_t *section;
	assert_non_null(p);
	json_array_foreach(json_object_get(procedure_json(p), "sections"), k, section) n->bad +=
	    check_texts(json_object_get(section, "fields"), path);
	n->bad += check_texts(json_object_get(procedure_json(p), "findings"), path);
	for (int i = 0; i < 40; i++) {
		struct form_context ctx = {.lang = "ja",
		    .applicant_kind = "resident",
		    .today = {2026, 11, 20},
		    .fee_yen = -1};
		json_t *answers = form_example(p, a, &ctx, (uint64_t)i, "blob");
		n->read += check_readings(p, answers, path);
		for (int o = 0; o < 2; o++) {
			struct form_problem *problems;
			ctx.outcome = o ? "refused" : "granted";
			json_t *findings = form_example_findings(p, a, &ctx, answers, (uint64_t)i);
			if (findings)
				json_object_set_new(answers, "findings", findings);
			assert_int_equal(
			    form_section_check(p, a, FORM_FINDINGS, &ctx, answers, &problems), 0);
			assert_true(procedure_has_findings(p) == (findings != NULL));
		}
		json_decref(answers);
	}
	procedure_unref(p);
	arena_free(a);
	return 0;
}

static void test_examples(void **state)
{
	(void)state;
	struct example_count n = {0};
	resource_each("packs/", check_examples, &n);
	assert_int_equal(n.bad, 0);
	assert_true(n.read > 100);
}

/* --- what the law says of ages --- */

static void test_ages(void **state)
{
	(void)state;
	static const struct {
		const char *id, *control, *born;
		struct date today;
		bool right;
	} cases[] = {
	    /* 児童手当法 第3条: until 31 March after the day on which 18 is reached, which is the
	     * day before the birthday (年齢計算ニ関スル法律). */
	    {"child-allowance-status", "children.0.birthday", "2008-04-01", {2026, 3, 31}, true},
	    {"child-allowance-status", "children.0.birthday", "2008-04-01", {2026, 4, 1}, false},
	    {"child-allowance-status", "children.0.birthday", "2008-04-02", {2026, 4, 1}, true},
	    {"child-allowance-status", "children.0.birthday", "2008-04-02", {2027, 3, 31}, true},
	    {"child-allowance-status", "children.0.birthday", "2008-04-02", {2027, 4, 1}, false},
	    {"child-allowance-status", "older.0.birthday", "2004-04-02", {2027, 3, 31}, true},
	    {"child-allowance-status", "older.0.birthday", "2004-04-01", {2026, 11, 20}, false},
	    {"child-allowance-status", "older.0.birthday", "2008-04-02", {2026, 11, 20}, false},
	    /* Six years old, and not yet at school. */
	    {"nursery-place", "child.birthday", "2020-04-02", {2026, 11, 20}, true},
	    {"nursery-place", "child.birthday", "2020-04-01", {2026, 11, 20}, false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new();
		struct str text;
		struct form_problem *problems;
		struct form_context ctx = {.lang = "ja",
		    .applicant_kind = "resident",
		    .today = cases[i].today,
		    .fee_yen = -1};
		const char *path =
		    arena_printf(a, "packs/resident/procedures/%s.yaml", cases[i].id);
		assert_true(resource_find(path, &text));
		struct procedure *p = parse(a, path, text);
		bool group = strstr(cases[i].control, ".0.") != NULL;
		char section[20];
		snprintf(section, sizeof(section), "%.*s", (int)strcspn(cases[i].control, "."),
		    cases[i].control);
		json_t *row = json_pack("{s:s}", "birthday", cases[i].born);
		json_t *answers =
		    group ? json_pack("{s:[o]}", section, row) : json_pack("{s:o}", section, row);
		int n = form_section_check(
		    p, a, procedure_section_find(p, section), &ctx, answers, &problems);
		bool right = true;
		for (int k = 0; k < n; k++)
			right = right && strcmp(problems[k].field, cases[i].control) != 0;
		if (right != cases[i].right)
			fail_msg("%s born %s", cases[i].control, cases[i].born);
		json_decref(answers);
		procedure_unref(p);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_built_in),
	    cmocka_unit_test(test_problems),
	    cmocka_unit_test(test_number_ground),
	    cmocka_unit_test(test_stored),
	    cmocka_unit_test(test_version),
	    cmocka_unit_test(test_window),
	    cmocka_unit_test(test_documented),
	    cmocka_unit_test(test_examples),
	    cmocka_unit_test(test_ages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
