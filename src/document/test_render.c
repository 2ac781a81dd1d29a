/* Pages come out as they should: checked with other people's programs. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/resource.h"
#include "base/test.h"
#include "document/document.h"
#include "document/private.h"
#include "document/test_sample.h"

static const struct {
	const char *template, *view, *lang;
	int pages;
	const char *texts[8]; /* must be extracted, in this order */
} cases[] = {
    {"certificate", "certificate", "ja", 1,
        {"高市税第1045号", "課税（非課税）証明書", "合計所得金額", "3,256,000円",
            "上記のとおり証明します。", "令和8年11月21日", "高松市長見本花子"}},
    {"decision", "decision", "ja", 1,
        {"高生衛第123号", "見本太郎様", "高松市長", "犬の登録決定通知書", "記", "柴犬",
            "7K2M-9QXD-41VB-T8ZR"}},
    {"refusal", "refusal", "ja", 1,
        {"公文書不開示決定通知書", "理由", "個人に関する情報", "教示", "審査請求"}},
    {"receipt", "receipt", "ja", 1, {"申請受付票", "到達番号", "7Q3K-41MX-9", "14日以内"}},
    {"application", "application", "ja", 1,
        {"（宛先）高松市長", "飼い主について", "ミホン タロウ", "2頭目", "ハナ"}},
    {"paper", "paper", "ja", 2, {"（宛先）高松市長", "氏名 *", "個人番号", "同意します"}},
    {"decision", "long", "ja", 9,
        {"長い自由記述の1行目です。", "自由記述の400行目", "明細の品名", "120,000円"}},
    {"decision", "decision", "en", 1, {"Details", "Contact", "Verification code"}},
};

static bool has_in_order(struct arena *a, struct str text, const char *const *wanted, int n)
{
	/* Without white space: where lines break is not what is asked here. */
	struct buf b;
	buf_init(&b, a);
	for (size_t i = 0; i < text.n; i++)
		if (strncmp(text.p + i, "　", 3) == 0)
			i += 2;
		else if (!strchr(" \n\r\f", text.p[i]))
			buf_putc(&b, text.p[i]);
	const char *at = b.p;
	for (int i = 0; i < n && wanted[i]; i++) {
		char *word = arena_strdup(a, wanted[i]), *to = word;
		for (const char *from = wanted[i]; *from; from++)
			if (*from != ' ')
				*to++ = *from;
		*to = '\0';
		at = strstr(at, word);
		if (!at) {
			print_error("missing: %s in\n%s\n", wanted[i], b.p);
			return false;
		}
	}
	return true;
}

static void pages_and_texts(void **state)
{
	struct city *city = *state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new();
		struct err err = {0};
		struct str pdf = {0};
		json_t *view = sample_view(cases[i].view);
		if (document_render(city, a, cases[i].template, cases[i].lang, view, &pdf, &err) <
		    0)
			fail_msg("%s: %s", cases[i].template, err.detail);
		const char *path = sample_file(a, city,
		    arena_printf(
		        a, "%s-%s-%s.pdf", cases[i].template, cases[i].view, cases[i].lang),
		    pdf);
		struct str info = sample_run(a, "pdfinfo %s 2>&1", path);
		const char *pages = arena_printf(a, "Pages:           %d\n", cases[i].pages);
		if (!strstr(info.p, pages))
			fail_msg(
			    "%s: not %d pages:\n%s", cases[i].template, cases[i].pages, info.p);
		assert_non_null(strstr(info.p, json_string_value(json_object_get(view, "title"))));
		assert_non_null(strstr(info.p, "Tagged:          yes"));
		struct str text = sample_run(a, "pdftotext -layout %s - 2>&1", path);
		if (!has_in_order(a, text, cases[i].texts, (int)COUNT(cases[i].texts)))
			fail_msg("%s", cases[i].template);
		struct str fonts = sample_run(a, "pdffonts %s 2>&1 | tail -n +3", path);
		while (fonts.n > 0) {
			struct str line;
			if (!str_cut(&fonts, '\n', &line) || line.n == 0)
				break;
			/* embedded, a subset, with a map to Unicode */
			if (!memmem(line.p, line.n, "yes yes yes", 11))
				fail_msg("%s: %.*s", cases[i].template, STR_ARG(line));
		}
		assert_non_null(memmem(pdf.p, pdf.n, "/Lang (", 7));
		json_decref(view);
		arena_free(a);
	}
}

static void layout_errors_name_the_cause(void **state)
{
	struct city *city = *state;
	struct arena *a = arena_new();
	struct err err = {0};
	struct str pdf;
	json_t *view = sample_view("decision");
	assert_int_equal(
	    document_render(city, a, "none-such", "ja", view, &pdf, &err), -(int)ERR_MISSING);
	assert_int_equal(document_render(city, a, "../../etc/passwd", "ja", view, &pdf, &err),
	    -(int)ERR_MISSING);
	json_decref(view);
	arena_free(a);
}

static void layouts_are_checked(void **state)
{
	struct city *city = *state;
	static const struct {
		const char *layout, *want; /* NULL: it is good */
	} layouts[] = {
	    {"blocks:\n  - {type: text, style: title, text: x}\n  - {type: use, part: body}\n",
	        NULL},
	    {"styles: {mine: {size: 9}}\nparts:\n  own:\n    - {type: rule, style: mine}\n"
	     "blocks:\n  - {type: use, part: own}\n",
	        NULL},
	    {"blocks:\n  - type: text\n  - type: tekst\n",
	        "x.yaml:3: there is no block type tekst"},
	    {"blocks:\n\n  - {text: x}\n", "x.yaml:3: a block without a type"},
	    {"blocks:\n  - type: text\n    style: titel\n", "x.yaml:3: there is no style titel"},
	    {"blocks:\n  - {type: use, part: bodi}\n", "x.yaml:2: there is no part bodi"},
	    {"blocks:\n  - type: each\n    from: {a: b}\n",
	        "x.yaml:3: each needs from, a name in the view"},
	    {"blocks:\n  - type: columns\n    columns:\n      - width: 3\n      - blocks:\n"
	     "          - {type: box, blocks: [{type: no}]}\n",
	        "x.yaml:6: there is no block type no"},
	    {"parts:\n  mine:\n    - {type: none}\n", "x.yaml:3: there is no block type none"},
	};
	for (size_t i = 0; i < COUNT(layouts); i++) {
		struct err err = {0};
		int rc = layout_check(city->templates, "x.yaml", str_from(layouts[i].layout), &err);
		if (layouts[i].want ? rc == 0 || strcmp(err.detail, layouts[i].want) != 0 : rc != 0)
			fail_msg("%s: %s", layouts[i].layout, err.detail);
	}
}

static int built_in_is_good(void *arg, const char *path, struct str text)
{
	struct err err = {0};
	if (strstr(path, "/pdf/") && layout_check(arg, path, text, &err) < 0)
		fail_msg("%s", err.detail);
	return 0;
}

static void built_in_layouts_are_good(void **state)
{
	struct city *city = *state;
	assert_int_equal(resource_each("templates/", built_in_is_good, city->templates), 0);
}

static void a_killed_worker_is_replaced(void **state)
{
	struct city *city = *state;
	struct arena *a = arena_new();
	struct err err = {0};
	struct str pdf;
	json_t *view = sample_view("receipt");
	pid_t pids[8];
	assert_int_equal(document_render(city, a, "receipt", "ja", view, &pdf, &err), 0);
	int n = worker_pids(pids, 8);
	assert_true(n >= 1);
	for (int i = 0; i < n; i++)
		assert_int_equal(kill(pids[i], SIGKILL), 0);
	/* It was idle: nobody notices. */
	assert_int_equal(document_render(city, a, "receipt", "ja", view, &pdf, &err), 0);
	/* Too late: an error that may be tried again, and the next call works. */
	struct str parts[1] = {STR("{\"blocks\":[{\"type\":\"text\",\"text\":\"x\"}]}")};
	assert_int_equal(worker_call(a, "render", parts, 1, 0, &pdf, &err), -(int)ERR_IO);
	assert_int_equal(worker_call(a, "render", parts, 1, 20000, &pdf, &err), 0);
	json_decref(view);
	arena_free(a);
}

static void the_worker_has_few_rights(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct err err = {0};
	struct str out;
	struct str parts[1] = {STR("{\"blocks\":[]}")};
	pid_t pids[8];
	assert_int_equal(worker_call(a, "render", parts, 1, 20000, &out, &err), 0);
	assert_true(worker_pids(pids, 8) >= 1);
	struct str status = sample_run(a, "cat /proc/%d/status", (int)pids[0]);
	assert_non_null(strstr(status.p, "NoNewPrivs:\t1"));
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_non_null(strstr(status.p, "Seccomp:\t2"));
#endif
	arena_free(a);
}

static void nonsense_is_refused_not_fatal(void **state)
{
	(void)state;
	static const struct str calls[] = {
	    STR("{"),
	    STR("[]"),
	    STR("{}"),
	    STR("{\"blocks\":{}}"),
	    STR("{\"blocks\":[1,null,{\"type\":7},{\"type\":\"table\",\"columns\":[],\"rows\":[[]]}"
	        "]}"),
	    STR("{\"page\":{\"margin\":[\"x\",-1,1e9]},\"blocks\":[{\"type\":\"space\",\"mm\":"
	        "1e300}]}"),
	    STR("{\"blocks\":[{\"type\":\"text\",\"size\":9000,\"text\":\"あ\"}]}"),
	    STR("{\"blocks\":[{\"type\":\"rows\",\"size\":5000,\"rows\":[{\"label\":\"a\","
	        "\"value\":\"b\"}]}]}"),
	    STR("{\"images\":{\"seal\":5},\"blocks\":[{\"type\":\"issuer\",\"seal\":\"seal\","
	        "\"lines\":[\"x\"]}]}"),
	};
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(calls); i++) {
		struct err err = {0};
		struct str pdf = {0};
		int rc = worker_call(a, "render", &calls[i], 1, 20000, &pdf, &err);
		if (rc == -(int)ERR_IO)
			fail_msg("%zu: %s", i, err.detail);
	}
	pid_t pids[8];
	assert_true(worker_pids(pids, 8) >= 1);
	struct err err = {0};
	struct str out;
	assert_int_equal(worker_call(a, "none", calls, 1, 5000, &out, &err), -(int)ERR_MALFORMED);
	arena_free(a);
}

int main(int argc, char **argv)
{
	int code;
	if (sample_main_begins(argc, argv, &code))
		return code;
	struct city city;
	sample_city(&city);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_prestate(pages_and_texts, &city),
	    cmocka_unit_test_prestate(layout_errors_name_the_cause, &city),
	    cmocka_unit_test_prestate(layouts_are_checked, &city),
	    cmocka_unit_test_prestate(built_in_layouts_are_good, &city),
	    cmocka_unit_test_prestate(a_killed_worker_is_replaced, &city),
	    cmocka_unit_test_prestate(the_worker_has_few_rights, &city),
	    cmocka_unit_test_prestate(nonsense_is_refused_not_fatal, &city),
	};
	code = cmocka_run_group_tests(tests, NULL, NULL);
	sample_city_end(&city);
	return code;
}
