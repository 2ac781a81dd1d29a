#include "base/test.h"

#include <pthread.h>
#include <time.h>

#include "web/template.h"

/* --- a set whose templates are the members of a JSON object --- */
static int source_of(void *arg, struct arena *a, const char *name, struct str *out, struct err *err)
{
	json_t *v = arg ? json_object_get(arg, name) : NULL;
	if (!v)
		return err_set(err, ERR_MISSING, NULL, "%s", name);
	*out = (struct str){
	    arena_strndup(a, json_string_value(v), json_string_length(v)), json_string_length(v)};
	return 0;
}

static int failures;

static void compare(const char *test, struct str text, json_t *partials, const struct i18n *i18n,
    const char *lang, json_t *view, const char *want)
{
	struct buf out = {0};
	struct err err = {0};
	struct templates *set = templates_new(source_of, partials, i18n);
	int rc = template_render_text(set, text, lang, view, &out, &err);
	if (rc < 0 || !str_is(buf_to_str(&out), want)) {
		failures++;
		print_error("%s\n  template %.*s\n  expected %s\n  got      %.*s (%s)\n", test,
		    STR_ARG(text), want, STR_ARG(buf_to_str(&out)), err.detail);
	}
	templates_free(set);
	buf_free(&out);
}

/* --- the specification --- */
static void specification(void **state)
{
	(void)state;
	static const char *const files[] = {"comments", "delimiters", "interpolation", "inverted",
	    "partials", "sections", "inheritance"};
	struct buf path = {0};
	size_t run = 0;
	failures = 0;
	for (size_t i = 0; i < COUNT(files); i++) {
		buf_clear(&path);
		buf_printf(&path, "%s/tests/mustache/%s.json", getenv("MACHI_SOURCE"), files[i]);
		json_error_t e;
		json_t *doc = json_load_file(path.p, 0, &e), *test;
		assert_non_null(doc);
		size_t n;
		json_array_foreach(json_object_get(doc, "tests"), n, test)
		{
			json_t *text = json_object_get(test, "template");
			compare(json_string_value(json_object_get(test, "name")),
			    (struct str){json_string_value(text), json_string_length(text)},
			    json_object_get(test, "partials"), NULL, "en",
			    json_object_get(test, "data"),
			    json_string_value(json_object_get(test, "expected")));
			run++;
		}
		json_decref(doc);
	}
	buf_free(&path);
	assert_int_equal(failures, 0);
	assert_true(run > 150);
}

/* --- what is beyond it --- */
static const char catalogue_ja[] = "msgid \"\"\nmsgstr \"\"\n\n"
                                   "msgid \"x.hello\"\nmsgstr \"{name}さん、<こんにちは>\"\n\n"
                                   "msgid \"x.only_ja\"\nmsgstr \"日本語\"\n\n"
                                   "msgid \"x.markup\"\nmsgstr \"<b>{name}</b> {} {a b}\"\n";
static const char catalogue_en[] = "msgid \"\"\nmsgstr \"\"\n\n"
                                   "msgid \"x.hello\"\nmsgstr \"Hello {user.name}\"\n";

static const struct {
	const char *name, *lang, *text, *view, *want;
} cases[] = {
    {"catalogue text", "ja", "{{t.x.hello}}", "{\"name\":\"A&B\"}",
        "A&amp;Bさん、&lt;こんにちは&gt;"},
    {"dotted hole", "en", "{{ t.x.hello }}!", "{\"user\":{\"name\":\"Ai\"}}", "Hello Ai!"},
    {"falls back to ja", "en", "{{t.x.only_ja}}", "{}", "日本語"},
    {"markup of the catalogue, value escaped", "ja", "{{{t.x.markup}}}", "{\"name\":\"<i>\"}",
        "<b>&lt;i&gt;</b> {} {a b}"},
    {"tr", "en", "{{tr k}}", "{\"k\":\"x.hello\",\"user\":{\"name\":\"Bo\"}}", "Hello Bo"},
    {"tr of an unknown key", "ja", "{{tr k}}", "{\"k\":\"no.such\"}", "no.such"},
    {"tr absent", "ja", "[{{tr k}}]", "{}", "[]"},
    {"date ja", "ja", "{{date d}}", "{\"d\":\"2026-11-21\"}", "2026年11月21日"},
    {"date en", "en", "{{date d}}", "{\"d\":\"2026-11-21\"}", "21 November 2026"},
    {"date of instant", "ja", "{{date d}}", "{\"d\":1795190400000000}", "2026年11月21日"},
    {"era", "ja", "{{era d}}", "{\"d\":\"2026-11-21\"}", "令和8年11月21日"},
    {"date of nonsense", "ja", "{{date d}}", "{\"d\":\"<soon>\"}", "&lt;soon&gt;"},
    {"yen", "ja", "{{yen v}}", "{\"v\":1234567}", "1,234,567円"},
    {"yen en", "en", "{{yen v}}", "{\"v\":\"300\"}", "300 yen"},
    {"negative", "en", "{{number v}}", "{\"v\":-123456}", "-123,456"},
    {"number, small", "en", "{{number v}}", "{\"v\":12}", "12"},
    {"number of text", "en", "{{number v}}", "{\"v\":\"many\"}", "many"},
    {"sizes", "en", "{{bytes a}} {{bytes b}} {{bytes c}}", "{\"a\":0,\"b\":811001,\"c\":1400000}",
        "0 KB 812 KB 1.4 MB"},
    {"url", "en", "{{url v}}", "{\"v\":\"犬 &a/b\"}", "%E7%8A%AC%20%26a%2Fb"},
    {"json", "en", "{{json v}}", "{\"v\":{\"a\":[1,\"</x>'&\"]}}",
        "{\"a\":[1,\"\\u003c/x\\u003e\\u0027\\u0026\"]}"},
    {"json of text", "en", "{{{json v}}}", "{\"v\":\"a\\\"b\"}", "\"a\\\"b\""},
    {"0 is true, empty text is not", "en", "{{#a}}yes{{/a}}{{#b}}no{{/b}}{{^b}}none{{/b}}",
        "{\"a\":0,\"b\":\"\"}", "yesnone"},
    {"local look-up", "en", "{{#f}}[{{.help}}][{{help}}]{{#.help}}no{{/.help}}{{/f}}",
        "{\"help\":\"outer\",\"f\":{\"id\":1}}", "[][outer]"},
    {"local found", "en", "{{#f}}{{#.help}}{{.}} of {{id}}{{/.help}}{{/f}}",
        "{\"help\":\"outer\",\"f\":{\"id\":1,\"help\":\"in\"}}", "in of 1"},
    {"test of a list", "en", "{{#?l}}<ul>{{#l}}{{.}}{{/l}}{{v}}</ul>{{/?l}}{{#?e}}no{{/?e}}",
        "{\"l\":[1,2],\"e\":[],\"v\":3}", "<ul>123</ul>"},
    {"local test", "en", "{{#f}}{{#?.l}}no{{/?.l}}{{^?l}}no{{/?l}}{{/f}}", "{\"l\":[1],\"f\":{}}",
        ""},
    {"layout", "en", "{{<lay}}{{$main}}<p>{{v}}</p>{{/main}}{{/lay}}", "{\"v\":\"a\"}",
        "<main>[a]<p>a</p></main>"},
    {"blocks inside a partial of the layout", "en", "{{<lay2}}{{$main}}x{{/main}}{{/lay2}}", "{}",
        "(x)"},
    {"reals", "en", "{{a}} {{b}}", "{\"a\":0.1,\"b\":1e21}", "0.1 1e+21"},
};

static void beyond(void **state)
{
	(void)state;
	struct err err = {0};
	struct i18n *i18n = i18n_new();
	assert_int_equal(i18n_load(i18n, "ja", "ja.po", str_from(catalogue_ja), &err), 0);
	assert_int_equal(i18n_load(i18n, "en", "en.po", str_from(catalogue_en), &err), 0);
	json_t *partials =
	    json_pack("{s:s, s:s, s:s}", "lay", "<main>[{{v}}]{{$main}}{{/main}}</main>", "lay2",
	        "({{>inner}})", "inner", "{{$main}}default{{/main}}");
	failures = 0;
	for (size_t i = 0; i < COUNT(cases); i++) {
		json_error_t e;
		json_t *view = json_loads(cases[i].view, 0, &e);
		assert_non_null(view);
		compare(cases[i].name, str_from(cases[i].text), partials, i18n, cases[i].lang, view,
		    cases[i].want);
		json_decref(view);
	}
	json_decref(partials);
	i18n_free(i18n);
	assert_int_equal(failures, 0);
}

/* --- errors name the template and the line --- */
static const struct {
	const char *text, *want;
} broken[] = {
    {"a\n{{#b}}\nc", "(text):2: is not closed: b"},
    {"a\n\n{{/b}}", "(text):3: closes nothing: b"},
    {"{{#a}}\n{{/b}}", "(text):2: {{/b}} where {{#a}} of line 1 is open"},
    {"\n\n{{name", "(text):3: tag is not closed: {{name"},
    {"{{dote v}}", "(text):1: no such tag: dote v"},
    {"{{}}", "(text):1: empty tag: "},
    {"{{#a b}}{{/a b}}", "(text):1: a name must not contain white space: a b"},
    {"{{a..b}}", "(text):1: bad name: a..b"},
    {"x\n{{>bad}}", "bad:2: is not closed: y"},
    {"{{=x}}", "(text):1: tag is not closed: {{=x}}"},
    {"{{=x=}}", "(text):1: delimiters must be two words without '=': x"},
    {"{{>loop}}", "template loop: partials inside each other too deeply"},
    {"{{<self}}{{$a}}{{$a}}{{/a}}{{/a}}{{/self}}",
        "self:1: blocks inside each other too deeply: a"},
};

static void errors(void **state)
{
	(void)state;
	json_t *partials = json_pack(
	    "{s:s, s:s, s:s}", "bad", "\n{{#y}}", "loop", "a{{>loop}}", "self", "{{$a}}{{/a}}");
	struct templates *set = templates_new(source_of, partials, NULL);
	failures = 0;
	for (size_t i = 0; i < COUNT(broken); i++) {
		struct err err = {0};
		struct buf out = {0};
		buf_puts(&out, "before");
		int rc =
		    template_render_text(set, str_from(broken[i].text), "ja", NULL, &out, &err);
		if (rc >= 0 || strcmp(err.detail, broken[i].want) != 0 ||
		    strcmp(out.p, "before") != 0) {
			failures++;
			print_error("%s\n  expected %s\n  got      %d %s\n", broken[i].text,
			    broken[i].want, rc, err.detail);
		}
		buf_free(&out);
	}
	struct err err = {0};
	struct buf out = {0};
	assert_int_equal(template_render(set, "none", "ja", NULL, &out, &err), -(int)ERR_MISSING);
	assert_int_equal(template_render(set, "bad", "ja", NULL, &out, &err), -(int)ERR_INTERNAL);
	assert_int_equal(template_render(set, "bad", "ja", NULL, &out, &err), -(int)ERR_INTERNAL);
	templates_free(set);
	json_decref(partials);
	assert_int_equal(failures, 0);
}

static void too_deep(void **state)
{
	(void)state;
	struct buf text = {0}, out = {0};
	for (int i = 0; i < 100; i++)
		buf_puts(&text, "{{#a}}");
	struct err err = {0};
	struct templates *set = templates_new(source_of, NULL, NULL);
	assert_true(template_render_text(set, buf_to_str(&text), "ja", NULL, &out, &err) < 0);
	assert_non_null(strstr(err.detail, "nested too deeply"));
	/* 10^20 turns, but it ends. */
	buf_clear(&text);
	for (int i = 0; i < 20; i++)
		buf_puts(&text, "{{#a}}");
	for (int i = 0; i < 20; i++)
		buf_puts(&text, "{{/a}}");
	json_t *view = json_pack("{s:[i,i,i,i,i,i,i,i,i,i]}", "a", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
	assert_true(template_render_text(set, buf_to_str(&text), "ja", view, &out, &err) < 0);
	assert_non_null(strstr(err.detail, "too many steps"));
	json_decref(view);
	templates_free(set);
	buf_free(&text);
	buf_free(&out);
}

static void strict(void **state)
{
	(void)state;
	struct i18n *i18n = i18n_new();
	struct err err = {0};
	assert_int_equal(i18n_load(i18n, "ja", "ja.po", str_from(catalogue_ja), &err), 0);
	json_t *partials = json_pack("{s:s, s:s, s:s, s:s}", "ok", "{{t.x.only_ja}}{{>leaf}}",
	    "leaf", "", "nopartial", "\n{{>gone}}", "nokey", "{{t.x.gone}}");
	struct templates *set = templates_new(source_of, partials, i18n);
	struct buf out = {0};
	assert_int_equal(template_render(set, "nopartial", "ja", NULL, &out, &err), 0);
	assert_int_equal(template_check(set, "ok", "ja", &err), 0);
	assert_true(template_check(set, "ok", "en", &err) < 0);
	assert_string_equal(err.detail, "ok:1: no such text in the catalogue: t.x.only_ja");
	assert_true(template_check(set, "nopartial", "ja", &err) < 0);
	assert_string_equal(err.detail, "nopartial:2: no such template: gone");
	assert_true(template_check(set, "nokey", "ja", &err) < 0);
	buf_free(&out);
	templates_free(set);
	json_decref(partials);
	i18n_free(i18n);
}

/* Mails are not HTML. */
static void plain_texts(void **state)
{
	(void)state;
	struct err err = {0};
	json_t *view = json_pack("{s:s}", "name", "A & <B>");
	json_t *partials = json_pack("{s:s, s:s}", "mail.ja.txt",
	    "{{name}} {{>inner.txt}} {{>page}}", "inner.txt", "{{name}}");
	json_object_set_new(partials, "page", json_string("{{name}}"));
	struct templates *set = templates_new(source_of, partials, NULL);
	struct buf out = {0};
	assert_int_equal(template_render(set, "mail.ja.txt", "ja", view, &out, &err), 0);
	assert_string_equal(out.p, "A & <B> A & <B> A &amp; &lt;B&gt;");
	buf_clear(&out);
	assert_int_equal(template_render_plain(
	                     set, STR("{{name}} {{#name}}{{.}}{{/name}}"), "ja", view, &out, &err),
	    0);
	assert_string_equal(out.p, "A & <B> A & <B>");
	buf_free(&out);
	templates_free(set);
	json_decref(partials);
	json_decref(view);
}

/* --- several threads meet a cold set --- */
struct racer {
	struct templates *set;
	json_t *view;
	int bad;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	for (int i = 0; i < 200; i++) {
		struct buf out = {0};
		const char *name = i % 2 ? "a" : "b", *want = i % 2 ? "a-b-1" : "b-1";
		if (template_render(r->set, name, i % 3 ? "ja" : "en", r->view, &out, NULL) < 0 ||
		    strcmp(out.p, want) != 0)
			r->bad++;
		buf_free(&out);
	}
	return NULL;
}

static void threads(void **state)
{
	(void)state;
	json_t *partials = json_pack("{s:s, s:s}", "a", "a-{{>b}}", "b", "b-{{v}}");
	struct templates *set = templates_new(source_of, partials, NULL);
	struct racer racers[4];
	pthread_t t[COUNT(racers)];
	for (size_t i = 0; i < COUNT(racers); i++) {
		racers[i] = (struct racer){set, json_pack("{s:i}", "v", 1), 0};
		assert_int_equal(pthread_create(&t[i], NULL, race, &racers[i]), 0);
	}
	for (size_t i = 0; i < COUNT(racers); i++) {
		pthread_join(t[i], NULL);
		assert_int_equal(racers[i].bad, 0);
		json_decref(racers[i].view);
	}
	templates_free(set);
	json_decref(partials);
}

/* The view stands before the frame, rows before both; and whatever a rendering remembers of so many
 * names, each stays what it is. */
static void framed(void **state)
{
	(void)state;
	struct err err = {0};
	json_t *frame = json_object(), *view = json_object(), *rows = json_array();
	struct buf page = {0}, expected = {0}, out = {0};
	buf_puts(&page, "{{#rows}}{{.only}}{{none}}");
	for (int i = 0; i < 200; i++) {
		char name[8];
		(void)snprintf(name, sizeof(name), "n%d", i);
		json_object_set_new(frame, name, json_sprintf("f%d ", i));
		if (i % 2)
			json_object_set_new(view, name, json_sprintf("v%d ", i));
		buf_printf(&page, "{{%s}}", name);
	}
	buf_puts(&page, "{{n1}}{{/rows}}{{.n0}}");
	json_object_set_new(frame, "only", json_string("only in the frame"));
	for (int row = 0; row < 3; row++) {
		json_array_append_new(rows, json_pack("{s:s}", "n5", "row "));
		for (int i = 0; i < 200; i++)
			if (i == 5)
				buf_puts(&expected, "row ");
			else
				buf_printf(&expected, "%c%d ", i % 2 ? 'v' : 'f', i);
		buf_puts(&expected, "v1 ");
	}
	json_object_set_new(view, "rows", rows);
	json_t *partials = json_object();
	json_object_set_new(partials, "page", json_string(page.p));
	struct templates *set = templates_new(source_of, partials, NULL);
	assert_int_equal(template_render_in(set, "page", "ja", frame, view, &out, &err), 0);
	assert_string_equal(out.p, expected.p);
	json_decref(frame);
	json_decref(view);
	json_decref(partials);
	templates_free(set);
	buf_free(&page);
	buf_free(&expected);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(specification),
	    cmocka_unit_test(beyond),
	    cmocka_unit_test(errors),
	    cmocka_unit_test(too_deep),
	    cmocka_unit_test(strict),
	    cmocka_unit_test(plain_texts),
	    cmocka_unit_test(framed),
	    cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
