#include "procedure/definition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/resource.h"
#include "base/test.h"
#include "procedure/definition/private.h"

static struct i18n *texts;
static struct procedure *form; /* all types of fields, see `yaml` */

static const char yaml[] =
    "id: form\ntitle: {ja: 題, en: Title}\nsummary: {ja: 約, en: Summary}\n"
    "department: 税務課\nlife_events: [tax]\nlaw: [{name: 法}]\n"
    "applicants: [resident, business, proxy]\n"
    "fee: {expr: \"main.copies * 300 + sum(family, 'cost')\", label: {ja: 料, en: Fee}}\n"
    "capacity: {field: main.pick, limits: {a: 2}}\n"
    "sections:\n"
    "  - id: main\n"
    "    title: {ja: 全部, en: All}\n"
    "    fields:\n"
    "      - {id: text, type: text, label: {ja: 文字, en: Text}, max: 5, min: 2}\n"
    "      - {id: lines, type: text, label: {ja: 文, en: Lines}, multiline: true}\n"
    "      - {id: code, type: text, label: {ja: 番号, en: Code}, pattern: '[A-Z]\\d{3}'}\n"
    "      - {id: kana, type: furigana, label: {ja: フリガナ, en: Kana}}\n"
    "      - {id: name, type: name, label: {ja: 氏名, en: Name}, prefill: profile.name}\n"
    "      - {id: day, type: date, label: {ja: 日, en: Day}, min: 1900-01-01, max: today}\n"
    "      - {id: address, type: address, label: {ja: 住所, en: Address}}\n"
    "      - {id: phone, type: phone, label: {ja: 電話, en: Phone}}\n"
    "      - {id: email, type: email, label: {ja: メール, en: Mail}}\n"
    "      - {id: copies, type: number, label: {ja: 通数, en: Copies}, min: 1, max: 9, "
    "unit: {ja: 通, en: copies}}\n"
    "      - {id: area, type: number, label: {ja: 面積, en: Area}, decimals: 2}\n"
    "      - {id: income, type: money, label: {ja: 収入, en: Income}, max: 2000000000}\n"
    "      - id: pick\n        type: choice\n        label: {ja: 選択, en: Pick}\n"
    "        options:\n"
    "          - {value: a, label: {ja: あ, en: A}}\n"
    "          - {value: 'い 1', label: {ja: い, en: B}}\n"
    "      - id: many\n        type: multi_choice\n        label: {ja: 複数, en: Many}\n"
    "        max: 2\n        options:\n"
    "          - {value: a, label: {ja: あ, en: A}}\n"
    "          - {value: b, label: {ja: い, en: B}}\n"
    "          - {value: c, label: {ja: う, en: C}}\n"
    "      - {id: yes, type: yes_no, label: {ja: はいか, en: 'Yes?'}}\n"
    "      - {id: number, type: my_number, label: {ja: 個人番号, en: Number}}\n"
    "      - {id: company, type: corporate_number, label: {ja: 法人番号, en: Company}}\n"
    "      - {id: bank, type: bank_account, label: {ja: 口座, en: Account}}\n"
    "      - {id: hint, type: note, text: {ja: 注意, en: Note}}\n"
    "      - id: rule\n        type: number\n        label: {ja: 規則, en: Rule}\n"
    "        check: [{expr: value % 2 == 0, message: {ja: 偶数を, en: Even numbers}}]\n"
    "      - {id: why, type: text, label: {ja: 理由, en: Why}, when: yes, required: true}\n"
    "      - {id: more, type: text, label: {ja: 追記, en: More}, when: yes}\n"
    "  - id: family\n"
    "    title: {ja: 家族, en: Family}\n"
    "    repeat: {min: 1, max: 3, item: {ja: 家族, en: Member}}\n"
    "    fields:\n"
    "      - {id: name, type: name, label: {ja: 氏名, en: Name}, required: true}\n"
    "      - {id: born, type: date, label: {ja: 生年月日, en: Born}}\n"
    "      - {id: school, type: text, label: {ja: 学校, en: School}, when: age(born) < 19, "
    "required: item.born ~= nil}\n"
    "      - {id: cost, type: money, label: {ja: 費用, en: Cost}}\n"
    "  - id: ends\n"
    "    title: {ja: 最後, en: End}\n"
    "    when: applicant_kind == 'resident' and not is_empty(main.text)\n"
    "    fields:\n"
    "      - {id: from, type: date, label: {ja: から, en: From}}\n"
    "      - {id: to, type: date, label: {ja: まで, en: To}}\n"
    "      - {id: agree, type: consent, label: {ja: 同意, en: Agree}}\n"
    "      - {id: paper, type: file, label: {ja: 書類, en: Paper}, max: 2, max_bytes: 2048}\n"
    "computed:\n"
    "  - {id: members, expr: count(family), type: number, label: {ja: 人数, en: Members}}\n"
    "  - {id: young, expr: \"any(family, function(m) return age(m.born) < 19 end)\", "
    "type: yes_no, label: {ja: 若い, en: Young}}\n"
    "attachments:\n"
    "  - {id: photo, label: {ja: 写真, en: Photo}, kinds: [jpeg], max: 2, required: main.yes}\n"
    "checks:\n"
    "  - {expr: ends.to >= ends.from, field: ends.to, message: {ja: 逆です, en: Reversed}}\n"
    "route:\n  steps:\n    - {id: decide, kind: decide, post: 課長, "
    "delegated: [{when: fee <= 1000, post: 係長}]}\n"
    "retention: {years: 1}\n";

static int add_texts(void *arg, const char *path, struct str po)
{
	(void)arg;
	struct err err;
	const char *lang = strstr(path, ".en.po") ? "en" : "ja";
	return i18n_load(texts, lang, path, po, &err);
}

static int set_up(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct definition_problem *problems;
	int n;
	texts = i18n_new();
	int rc = resource_each("i18n/procedure.form.", add_texts, NULL);
	if (rc == 0)
		rc = resource_each("i18n/web.frame.", add_texts, NULL);
	form = procedure_parse(a, "form.yaml", str_from(yaml), &problems, &n);
	for (int i = 0; i < n; i++)
		print_message(
		    "%d:%d: %s\n", problems[i].line, problems[i].column, problems[i].what);
	arena_free(a);
	return rc < 0 || !form ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	procedure_unref(form);
	i18n_free(texts);
	return 0;
}

static struct form_context context(void)
{
	return (struct form_context){.lang = "ja",
	    .applicant_kind = "resident",
	    .today = {2026, 11, 20},
	    .fee_yen = -1,
	    .i18n = texts};
}

/* "a.b=1;a.c=2": ; separates here. */
static void send(
    void *src, void (*each)(void *sink, const char *name, const char *value), void *sink)
{
	struct str rest = str_from(src), pair;
	struct arena *a = arena_new();
	while (str_cut(&rest, ';', &pair)) {
		const char *eq = memchr(pair.p, '=', pair.n);
		assert_non_null(eq);
		each(sink, arena_strndup(a, pair.p, (size_t)(eq - pair.p)),
		    arena_strndup(a, eq + 1, (size_t)(pair.p + pair.n - eq - 1)));
	}
	arena_free(a); /* the form keeps copies */
}

static int take(struct arena *a, const char *section, const char *post, json_t *answers,
    struct form_problem **problems)
{
	struct form_context ctx = context();
	return form_section_take(form, a, procedure_section_find(form, section), &ctx, answers,
	    send, (void *)post, problems);
}

static const char *fields_of(struct arena *a, const struct form_problem *problems, int n)
{
	struct buf b;
	buf_init(&b, a);
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", problems[i].field);
	return b.p ? b.p : "";
}

static json_t *json(const char *text)
{
	json_error_t error;
	json_t *v = json_loads(text, JSON_DECODE_ANY, &error);
	if (!v)
		fail_msg("%s: %s", text, error.text);
	return v;
}

/* What is typed, what is kept, and where the problems stand. */
static void test_types(void **state)
{
	(void)state;
	static const struct {
		const char *field, *post, *kept, *problems;
	} cases[] = {
	    {"text", "main.text=  あいう　", "\"あいう\"", ""},
	    {"text", "main.text=あいうえおか", "\"あいうえおか\"", "main.text"},
	    {"text", "main.text=あ", "\"あ\"", "main.text"},
	    {"text",
	        "main.text=a\x01\xff"
	        "b\xe2\x80\xae",
	        "\"ab\"", ""},
	    {"text", "main.text=a\r\nb", "\"a b\"", ""},
	    {"text", "main.text= \t　", NULL, ""},
	    {"lines", "main.lines= a\r\n\r\nb\n ", "\"a\\n\\nb\"", ""},
	    {"code", "main.code=Ａ１２３", "\"A123\"", ""},
	    {"code", "main.code=A12", "\"A12\"", "main.code"},
	    {"code", "main.code=A1234", "\"A1234\"", "main.code"},
	    {"kana", "main.kana.family=かがわ;main.kana.given=ﾊﾅｺ",
	        "{\"family\":\"カガワ\",\"given\":\"ハナコ\"}", ""},
	    {"kana", "main.kana.family=香川;main.kana.given=ハナコ",
	        "{\"family\":\"香川\",\"given\":\"ハナコ\"}", "main.kana.family"},
	    {"name", "main.name.family=香川;main.name.given=", "{\"family\":\"香川\"}",
	        "main.name.given"},
	    {"name", "main.name.family=;main.name.given= ", "null",
	        ""}, /* emptied: not filled again */
	    {"day", "main.day.era=R;main.day.year=8;main.day.month=11;main.day.day=20",
	        "\"2026-11-20\"", ""},
	    {"day", "main.day.era=reiwa;main.day.year=元;main.day.month=５;main.day.day=１",
	        "\"2019-05-01\"", ""},
	    {"day", "main.day.era=R;main.day.year=1;main.day.month=4;main.day.day=30",
	        "{\"era\":\"R\",\"year\":\"1\",\"month\":\"4\",\"day\":\"30\"}", "main.day"},
	    {"day", "main.day.era=H;main.day.year=31;main.day.month=4;main.day.day=30",
	        "\"2019-04-30\"", ""},
	    {"day", "main.day.era=S;main.day.year=64;main.day.month=1;main.day.day=7",
	        "\"1989-01-07\"", ""},
	    {"day", "main.day.era=S;main.day.year=64;main.day.month=1;main.day.day=8",
	        "{\"era\":\"S\",\"year\":\"64\",\"month\":\"1\",\"day\":\"8\"}", "main.day"},
	    {"day", "main.day.era=;main.day.year=2024;main.day.month=2;main.day.day=29",
	        "\"2024-02-29\"", ""},
	    {"day", "main.day.era=;main.day.year=2023;main.day.month=2;main.day.day=29",
	        "{\"era\":\"\",\"year\":\"2023\",\"month\":\"2\",\"day\":\"29\"}", "main.day"},
	    {"day", "main.day.era=;main.day.year=8;main.day.month=2;main.day.day=9",
	        "{\"era\":\"\",\"year\":\"8\",\"month\":\"2\",\"day\":\"9\"}", "main.day"},
	    {"day", "main.day.era=R;main.day.year=8;main.day.month=;main.day.day=9",
	        "{\"era\":\"R\",\"year\":\"8\",\"month\":\"\",\"day\":\"9\"}", "main.day.month"},
	    {"day", "main.day.era=R;main.day.year=;main.day.month=;main.day.day=", NULL, ""},
	    {"day", "main.day=令和８年１１月２０日", "\"2026-11-20\"", ""},
	    {"day", "main.day=H1.1.8", "\"1989-01-08\"", ""},
	    {"day", "main.day=yesterday", "\"yesterday\"", "main.day"},
	    {"day", "main.day=2026-11-21", "\"2026-11-21\"", "main.day"},
	    {"day", "main.day=1899-12-31", "\"1899-12-31\"", "main.day"},
	    {"address",
	        "main.address.postal_code=７６０ー８５７１;main.address.prefecture=香川県;"
	        "main.address.city=高松市;main.address.town=番町;main.address.street=１ー８ー１５",
	        "{\"postal_code\":\"760-8571\",\"prefecture\":\"香川県\",\"city\":\"高松市\","
	        "\"town\":\"番町\",\"street\":\"1-8-15\"}",
	        ""},
	    {"address", "main.address.postal_code=76;main.address.prefecture=香川",
	        "{\"postal_code\":\"76\",\"prefecture\":\"香川\"}",
	        "main.address.postal_code main.address.prefecture main.address.city "
	        "main.address.town"},
	    {"phone", "main.phone=０８７－８３９－２０１１", "\"087-839-2011\"", ""},
	    {"phone", "main.phone=839-2011", "\"839-2011\"", "main.phone"},
	    {"email", "main.email= Ａ@example.jp ", "\"A@example.jp\"", ""},
	    {"email", "main.email=a@b", "\"a@b\"", "main.email"},
	    {"copies", "main.copies=３", "3", ""},
	    {"copies", "main.copies=three", "\"three\"", "main.copies"},
	    {"copies", "main.copies=1.5", "\"1.5\"", "main.copies"},
	    {"copies", "main.copies=0", "0", "main.copies"},
	    {"copies", "main.copies=10", "10", "main.copies"},
	    {"copies", "main.copies=99999999999999999999999999999999999999999999",
	        "\"99999999999999999999999999999999999999999999\"", "main.copies"},
	    {"area", "main.area=１２．３４", "12.34", ""},
	    {"area", "main.area=12.345", "\"12.345\"", "main.area"},
	    {"area", "main.area=-1.5", "-1.5", ""},
	    {"area", "main.area=1e5", "\"1e5\"", "main.area"},
	    {"income", "main.income=￥１，２３４，０００円", "1234000", ""},
	    {"income", "main.income=-5", "-5", "main.income"},
	    {"income", "main.income=2000000001", "2000000001", "main.income"},
	    {"pick", "main.pick=い 1", "\"い 1\"", ""},
	    {"pick", "main.pick=z", "\"z\"", "main.pick"}, /* tampered */
	    {"pick", "main.pick=", NULL, ""},
	    {"many", "main.many=b;main.many=a;main.many=b", "[\"b\",\"a\"]", ""},
	    {"many", "main.many.0=c;main.many.1=a", "[\"c\",\"a\"]", ""},
	    {"many", "main.many=a;main.many=b;main.many=c", "[\"a\",\"b\",\"c\"]", "main.many"},
	    {"many", "main.many=a;main.many=x", "[\"a\",\"x\"]", "main.many"},
	    {"yes", "main.yes=no", "false", ""},
	    {"yes", "main.yes=true;main.why=w", "true", ""},
	    {"yes", "main.yes=perhaps", NULL, ""},
	    {"number", "main.number=１２３４ー５６７８－９０１８", "\"123456789018\"", ""},
	    {"number", "main.number=123456789012", "\"123456789012\"", "main.number"},
	    {"company", "main.company=7000012050002", "\"7000012050002\"", ""},
	    {"company", "main.company=7000012050003", "\"7000012050003\"", "main.company"},
	    {"bank",
	        "main.bank.bank=見本銀行;main.bank.branch=本店;main.bank.kind=ordinary;"
	        "main.bank.number=0123456;main.bank.holder=ｶｶﾞﾜ ﾊﾅｺ",
	        "{\"bank\":\"見本銀行\",\"branch\":\"本店\",\"kind\":\"ordinary\","
	        "\"number\":\"0123456\",\"holder\":\"カガワ ハナコ\"}",
	        ""},
	    {"bank", "main.bank.kind=ordinary;main.bank.bank=", NULL, ""},
	    {"bank", "main.bank.kind=gold;main.bank.bank=見本銀行;main.bank.number=12",
	        "{\"bank\":\"見本銀行\",\"kind\":\"gold\",\"number\":\"12\"}",
	        "main.bank.branch main.bank.kind main.bank.number main.bank.holder"},
	    {"rule", "main.rule=3", "3", "main.rule"},
	    {"rule", "main.rule=4", "4", ""},
	    {"unknown", "main.unknown=1;other.text=3;main=4;main.text.x=1;x=y", NULL, ""},
	    {"computed", "main.computed=1;computed.members=7", NULL, ""},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new();
		json_t *answers = json_object(), *kept = cases[i].kept ? json(cases[i].kept) : NULL;
		struct form_problem *problems;
		int n = take(a, "main", cases[i].post, answers, &problems);
		const json_t *found =
		    json_object_get(json_object_get(answers, "main"), cases[i].field);
		if ((found == NULL) != (kept == NULL) || (kept && !json_equal(found, kept)))
			fail_msg("%s: kept %s", cases[i].post,
			    found ? json_canonical_text(a, found) : "nothing");
		if (strcmp(fields_of(a, problems, n), cases[i].problems) != 0)
			fail_msg("%s: problems at %s", cases[i].post, fields_of(a, problems, n));
		for (int k = 0; k < n; k++)
			if (!problems[k].text || strchr(problems[k].text, '{'))
				fail_msg("%s: %s", cases[i].post, problems[k].text);
		json_decref(kept);
		json_decref(answers);
		arena_free(a);
	}
}

static json_t *view_of(struct arena *a, const char *section, json_t *answers,
    const struct form_problem *problems, int n, const char *mode)
{
	struct form_context ctx = context();
	return form_section_view(
	    form, a, procedure_section_find(form, section), &ctx, answers, problems, n, mode);
}

static json_t *field_of(const json_t *fields, const char *id)
{
	size_t i;
	json_t *f;
	json_array_foreach(
	    (json_t *)fields, i, f) if (str_ends(str_from(json_text(f, "name")), id)) return f;
	return NULL;
}

/* A form with mistakes comes back with everything as it was typed. */
static void test_kept_as_typed(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	json_t *answers = json_object();
	struct form_problem *problems;
	int n = take(a, "main",
	    "main.text=長すぎる文字です;main.day.era=S;main.day.year=64;main.day.month=2;main.day."
	    "day=30;"
	    "main.copies=x;main.name.family=香川;main.number=1234;main.pick=a;main.yes=no",
	    answers, &problems);
	json_t *view = view_of(a, "main", answers, problems, n, "online");
	json_t *fields = json_object_get(view, "fields");
	assert_string_equal(json_text(field_of(fields, "main.text"), "value"), "長すぎる文字です");
	assert_non_null(json_text(field_of(fields, "main.text"), "problem"));
	json_t *day = field_of(fields, "main.day");
	assert_string_equal(json_path_text(day, "parts.year.value"), "64");
	assert_string_equal(json_path_text(day, "parts.day.value"), "30");
	assert_string_equal(json_path_text(day, "parts.era.value"), "S");
	assert_true(json_on(json_path(day, "parts.era.options.3"), "selected"));
	assert_non_null(json_text(day, "problem"));
	assert_string_equal(json_text(field_of(fields, "main.copies"), "value"), "x");
	assert_string_equal(
	    json_path_text(field_of(fields, "main.name"), "parts.family.value"), "香川");
	assert_non_null(json_path_text(field_of(fields, "main.name"), "parts.given.problem"));
	assert_null(json_text(field_of(fields, "main.name"), "problem"));
	assert_string_equal(json_text(field_of(fields, "main.number"), "value"), "1234");
	assert_true(json_on(json_path(field_of(fields, "main.pick"), "options.0"), "selected"));
	assert_true(json_on(json_path(field_of(fields, "main.yes"), "options.1"), "selected"));
	json_decref(view);
	json_decref(answers);
	arena_free(a);
}

static void test_my_number(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	json_t *answers = json_object();
	struct form_problem *problems;
	assert_int_equal(take(a, "main", "main.number=123456789018", answers, &problems), 0);
	json_t *view = view_of(a, "main", answers, NULL, 0, "online");
	json_t *field = field_of(json_object_get(view, "fields"), "main.number");
	assert_string_equal(json_text(field, "value"), "");
	assert_true(json_on(field, "kept"));
	assert_null(strstr(json_canonical_text(a, view), "123456789018"));
	json_decref(view);
	/* Nothing typed keeps it. */
	assert_int_equal(take(a, "main", "main.number=;main.text=ab", answers, &problems), 0);
	assert_string_equal(json_path_text(answers, "main.number"), "123456789018");
	struct form_context ctx = context();
	view = form_answers_view(form, a, &ctx, answers);
	assert_null(strstr(json_canonical_text(a, view), "123456789018"));
	json_decref(view);
	json_decref(answers);
	arena_free(a);
}

static json_t *seal(void *arg, const json_t *value)
{
	int *n = arg;
	++*n;
	return json_is_object(value) ? json_string("123456789018")
	                             : json_pack("{s:s}", "sealed", "xyz");
}

/* A number in the wrong field is told, and not kept with what is stored. */
static void test_number_elsewhere(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	json_t *answers = json_object(), *numbers;
	struct form_problem *problems;
	int n = 0;
	assert_int_equal(
	    take(a, "main", "main.number=１２３４ ５６７８ ９０１８;main.text=1234-5678-9018",
	        answers, &problems),
	    1);
	assert_string_equal(problems[0].field, "main.text");
	assert_string_equal(problems[0].msgkey, "form.number_in_text");
	assert_string_equal(json_path_text(answers, "main.number"), "123456789018");
	numbers = form_numbers(form, "en", answers);
	assert_int_equal(json_array_size(numbers), 1);
	assert_string_equal(json_text(json_array_get(numbers, 0), "name"), "main.number");
	assert_string_equal(
	    json_string_value(form_number_at(answers, "main.number")), "123456789018");
	assert_null(form_number_at(answers, "main.0.number"));
	json_decref(numbers);
	form_secrets(form, answers, false, seal, &n);
	assert_null(strstr(json_canonical_text(a, answers), "5678"));
	json_decref(answers);
	arena_free(a);
}

static void test_secrets(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	json_t *answers = json("{\"main\":{\"number\":\"123456789018\",\"text\":\"ab\"}}"), *before;
	struct form_problem *problems;
	struct form_context ctx = context();
	int n = 0;
	before = json_deep_copy(answers);
	form_secrets(form, answers, false, seal, &n);
	assert_string_equal(json_path_text(answers, "main.number.sealed"), "xyz");
	form_secrets(form, answers, false, seal, &n); /* not twice */
	assert_int_equal(n, 1);
	assert_int_equal(take(a, "main", "main.number=", answers, &problems), 0);
	assert_string_equal(json_path_text(answers, "main.number.sealed"), "xyz");
	form_secrets(form, answers, true, seal, &n);
	assert_true(json_equal(json_object_get(answers, "main"), json_object_get(before, "main")));
	json_object_set_new(json_object_get(answers, "main"), "number", json_string("99"));
	form_secrets(form, answers, false, seal, &n);
	assert_null(json_path(answers, "main.number"));
	assert_int_equal(n, 2);
	(void)ctx;
	json_decref(before);
	json_decref(answers);
	arena_free(a);
}

/* Questions that appear are shown first, and judged when they were seen. */
static void test_conditions(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	json_t *answers = json_object();
	struct form_problem *problems;
	json_t *view = view_of(a, "main", answers, NULL, 0, "online");
	assert_null(field_of(json_object_get(view, "fields"), "main.why"));
	json_decref(view);
	assert_int_equal(take(a, "main", "main.yes=yes", answers, &problems), FORM_AGAIN);
	assert_int_equal(take(a, "main", "main.yes=yes;main.why=", answers, &problems), 1);
	assert_string_equal(problems[0].field, "main.why");
	view = view_of(a, "main", answers, problems, 1, "online");
	assert_non_null(
	    json_text(field_of(json_object_get(view, "fields"), "main.why"), "problem"));
	assert_true(json_on(field_of(json_object_get(view, "fields"), "main.why"), "required"));
	json_decref(view);
	assert_int_equal(
	    take(a, "main", "main.yes=yes;main.why=w;main.more=", answers, &problems), 0);
	json_decref(answers);
	answers = json_object();
	assert_int_equal(
	    take(a, "main", "main.yes=yes;main.why=w", answers, &problems), FORM_AGAIN);
	assert_int_equal(take(a, "main", "main.yes=yes;main.why=w", answers, &problems), 0);
	/* Boxes that are not sent were not ticked, if they were on the page. */
	assert_int_equal(take(a, "main", "main.text=ab", answers, &problems), 0);
	assert_null(json_path(answers, "main.yes"));
	/* What is hidden stays until submission, and is dropped then. */
	assert_string_equal(json_path_text(answers, "main.why"), "w");
	struct form_context ctx = context();
	(void)form_check(form, a, &ctx, answers, &problems);
	assert_null(json_path(answers, "main.why"));
	json_decref(answers);
	arena_free(a);
}

static void test_rows(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	json_t *answers = json_object();
	struct form_problem *problems;
	json_t *view = view_of(a, "family", answers, NULL, 0, "online");
	assert_int_equal(json_array_size(json_object_get(view, "rows")), 1);
	assert_string_equal(json_text(view, "add"), "family.add");
	assert_null(json_path(view, "rows.0.remove"));
	assert_string_equal(json_path_text(view, "rows.0.fields.0.name"), "family.0.name");
	json_decref(view);

	/* Adding keeps what was typed, even when it is wrong. */
	assert_int_equal(
	    take(a, "family", "family.0.name.family=香川;family.add=1", answers, &problems),
	    FORM_AGAIN);
	assert_int_equal(json_array_size(json_object_get(answers, "family")), 2);
	view = view_of(a, "family", answers, NULL, 0, "online");
	assert_string_equal(json_path_text(view, "rows.1.remove"), "family.1.remove");
	assert_string_equal(json_path_text(view, "rows.0.fields.0.parts.family.value"), "香川");
	json_decref(view);
	assert_int_equal(take(a, "family",
	                     "family.0.name.family=香川;family.0.name.given=花子;"
	                     "family.1.name.family=高松;family.1.name.given=太郎;family.add=1",
	                     answers, &problems),
	    FORM_AGAIN);
	assert_int_equal(take(a, "family",
	                     "family.0.name.family=香川;family.0.name.given=花子;"
	                     "family.1.name.family=高松;family.1.name.given=太郎;"
	                     "family.2.name.family=;family.2.name.given=;family.add=1",
	                     answers, &problems),
	    FORM_AGAIN);
	assert_int_equal(json_array_size(json_object_get(answers, "family")), 3); /* the greatest */
	view = view_of(a, "family", answers, NULL, 0, "online");
	assert_null(json_text(view, "add"));
	json_decref(view);
	/* Removing the middle one. */
	assert_int_equal(take(a, "family",
	                     "family.0.name.family=香川;family.0.name.given=花子;"
	                     "family.1.name.family=高松;family.1.name.given=太郎;"
	                     "family.2.name.family=屋島;family.2.name.given=葵;family.1.remove=1",
	                     answers, &problems),
	    FORM_AGAIN);
	assert_string_equal(json_path_text(answers, "family.1.name.family"), "屋島");
	/* Problems stand in their rows; a row's own condition. */
	int n = take(a, "family",
	    "family.0.name.family=香川;family.0.name.given=花子;family.0.born=2015-04-01;"
	    "family.1.name.family=屋島;family.1.name.given=;family.1.born=1980-01-01",
	    answers, &problems);
	assert_string_equal(fields_of(a, problems, n), "family.1.name.given");
	n = take(a, "family",
	    "family.0.name.family=香川;family.0.name.given=花子;family.0.born=2015-04-01;"
	    "family.1.name.family=屋島;family.1.name.given=;family.1.born=1980-01-01",
	    answers, &problems);
	assert_string_equal(fields_of(a, problems, n), "family.0.school family.1.name.given");
	assert_string_equal(problems[1].row, "家族 2");
	/* Numbers out of order, holes, and nonsense; never more rows than the form may have. */
	n = take(a, "family",
	    "family.7.name.family=香川;family.7.name.given=花子;family.3.name.family=高松;"
	    "family.3.name.given=太郎;family.99999.name.family=x;family.-1.name.family=y;family.x="
	    "1",
	    answers, &problems);
	assert_int_equal(n, 0);
	assert_int_equal(json_array_size(json_object_get(answers, "family")), 2);
	assert_string_equal(json_path_text(answers, "family.0.name.family"), "高松");
	struct buf b;
	buf_init(&b, a);
	for (int i = 0; i < 50; i++)
		buf_printf(&b, "family.%d.name.family=a;family.%d.name.given=b;", i, i);
	n = take(a, "family", b.p, answers, &problems);
	assert_string_equal(fields_of(a, problems, n), "family");
	json_decref(answers);
	arena_free(a);
}

static void test_files(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	json_t *answers = json("{\"main\":{\"text\":\"ab\"}}");
	struct form_context ctx = context();
	struct form_problem *problems;
	static const struct {
		struct form_file file;
		const char *key;
	} cases[] = {
	    {{"ends.paper", "b1", "a.pdf", "application/pdf", 100}, NULL},
	    {{"ends.paper", "b2", "a.exe", "application/octet-stream", 100}, "form.file.kind"},
	    {{"ends.paper", "b3", "a.pdf", "application/pdf", 3000}, "form.file.size"},
	    {{"ends.paper", "b4", "a.pdf", "application/pdf", 0}, "form.file.empty"},
	    {{"ends.paper", "b5", "b.png", "image/png", 2048}, NULL},
	    {{"ends.paper", "b6", "c.png", "image/png", 2048}, "form.file.count"},
	    {{"attachments.photo", "b7", "\xff", "image/jpeg", 10}, NULL},
	    {{"main.text", "b8", "x", "image/jpeg", 10}, NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int n = form_file_add(form, a, &ctx, answers, &cases[i].file, &problems);
		if (n != (cases[i].key != NULL) ||
		    (n && strcmp(problems[0].msgkey, cases[i].key) != 0))
			fail_msg("case %zu: %s", i, n ? problems[0].msgkey : "no problem");
	}
	assert_true(form_file_wanted(form, "attachments.photo"));
	assert_false(form_file_wanted(form, "main.text"));
	assert_false(form_file_wanted(form, "nothing"));
	assert_string_equal(json_path_text(answers, "main.text"), "ab");
	assert_int_equal(json_array_size(json_path(answers, "ends.paper")), 2);
	json_t *view = view_of(a, "ends", answers, NULL, 0, "online");
	json_t *field = field_of(json_object_get(view, "fields"), "ends.paper");
	assert_false(json_on(field, "can_add"));
	assert_string_equal(json_path_text(field, "files.1.remove"), "ends.paper.1.remove");
	json_decref(view);
	/* Posting cannot put files in, only take them out. */
	(void)take(
	    a, "ends", "ends.agree=yes;ends.paper.0.blob=b9;ends.paper=x", answers, &problems);
	assert_string_equal(json_path_text(answers, "ends.paper.0.blob"), "b1");
	assert_int_equal(
	    take(a, "ends", "ends.agree=yes;ends.paper.0.remove=1", answers, &problems),
	    FORM_AGAIN);
	assert_int_equal(json_array_size(json_path(answers, "ends.paper")), 1);
	assert_string_equal(json_path_text(answers, "ends.paper.0.blob"), "b5");

	/* Attachments are the last section. */
	int slots = procedure_section_count(form) - 1;
	assert_string_equal(procedure_section_id(form, slots), "attachments");
	assert_true(form_section_shown(form, slots, &ctx, answers));
	json_object_set_new(json_object_get(answers, "main"), "yes", json_true());
	assert_int_equal(take(a, "attachments", "", answers, &problems), 0);
	assert_int_equal(
	    take(a, "attachments", "attachments.photo.0.remove=1", answers, &problems), FORM_AGAIN);
	assert_int_equal(take(a, "attachments", "", answers, &problems), 1);
	assert_string_equal(problems[0].field, "attachments.photo");
	view = view_of(a, "attachments", answers, problems, 1, "online");
	assert_string_equal(json_text(view, "title"), "添付書類");
	assert_non_null(json_path_text(view, "fields.0.problem"));
	json_decref(view);
	json_decref(answers);
	arena_free(a);
}

static void test_prefill(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct form_context ctx = context();
	struct form_problem *problems;
	json_t *answers = json_object();
	ctx.profile = json("{\"name\":{\"family\":\"香川\",\"given\":\"花子\"}}");
	json_t *view = form_section_view(form, a, 0, &ctx, answers, NULL, 0, "online");
	json_t *name = field_of(json_object_get(view, "fields"), "main.name");
	assert_string_equal(json_path_text(name, "parts.family.value"), "香川");
	assert_non_null(json_path_text(name, "source.text"));
	assert_null(json_path(name, "source.empty"));
	json_decref(view);
	/* A proxy's profile is not the applicant's. */
	ctx.applicant_kind = "proxy";
	view = form_section_view(form, a, 0, &ctx, answers, NULL, 0, "online");
	name = field_of(json_object_get(view, "fields"), "main.name");
	assert_string_equal(json_path_text(name, "parts.family.value"), "");
	assert_null(json_path(name, "source"));
	json_decref(view);
	ctx.applicant_kind = "resident";
	/* Emptied by the person: stays empty. */
	(void)take(a, "main", "main.name.family=;main.name.given=", answers, &problems);
	view = form_section_view(form, a, 0, &ctx, answers, NULL, 0, "online");
	name = field_of(json_object_get(view, "fields"), "main.name");
	assert_string_equal(json_path_text(name, "parts.family.value"), "");
	json_decref(view);
	/* Changed: staff see that it differs. */
	(void)take(a, "main", "main.name.family=高松;main.name.given=花子", answers, &problems);
	view = form_answers_view(form, a, &ctx, answers);
	name = field_of(json_path(view, "0.rows"), "main.name");
	assert_true(json_on(name, "source_differs"));
	json_decref(view);
	/* The source has nothing: said, and typed by hand. */
	json_object_del(ctx.profile, "name");
	view = form_section_view(form, a, 0, &ctx, answers, NULL, 0, "online");
	name = field_of(json_object_get(view, "fields"), "main.name");
	assert_true(json_on(json_object_get(name, "source"), "empty"));
	json_decref(view);
	json_decref(ctx.profile);
	json_decref(answers);
	arena_free(a);
}

/* What goes over several fields is said as soon as it is known. */
static void test_across(void **state)
{
	(void)state;
	static const struct {
		const char *post, *problems;
	} cases[] = {
	    {"ends.from=2026-02-01;ends.to=2026-01-31;ends.agree=yes", "ends.to"},
	    {"ends.from=2026-02-01;ends.to=2026-02-01;ends.agree=yes", ""},
	    {"ends.from=;ends.to=2026-01-31;ends.agree=yes", ""},
	    {"ends.from=nonsense;ends.to=2026-01-31;ends.agree=yes", "ends.from"},
	    {"ends.from=2026-02-01;ends.to=nonsense", "ends.to ends.agree"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new();
		json_t *answers = json("{\"main\":{\"text\":\"ab\"}}");
		struct form_problem *problems;
		int n = take(a, "ends", cases[i].post, answers, &problems);
		if (strcmp(fields_of(a, problems, n), cases[i].problems) != 0)
			fail_msg("%s: problems at %s", cases[i].post, fields_of(a, problems, n));
		json_decref(answers);
		arena_free(a);
	}
}

/* Everything as at submission. */
static void test_check(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct form_context ctx = context();
	struct form_problem *problems;
	json_t *answers = json(
	    "{\"main\":{\"text\":\"ab\",\"copies\":2,\"secret\":1,\"why\":\"w\",\"hint\":\"x\"},"
	    "\"family\":[{\"name\":{\"family\":\"香\",\"given\":\"花\"},\"born\":\"2015-01-01\","
	    "\"school\":\"小学校\",\"cost\":100},{\"name\":{\"family\":\"香\",\"given\":\"太\"},"
	    "\"born\":\"1980-01-01\",\"school\":\"stale\",\"cost\":50},7],"
	    "\"ends\":{\"from\":\"2026-02-01\",\"to\":\"2026-01-01\",\"agree\":true},"
	    "\"other\":{\"x\":1},\"computed\":{\"members\":99}}");
	int n = form_check(form, a, &ctx, answers, &problems);
	assert_string_equal(fields_of(a, problems, n), "ends.to");
	assert_string_equal(problems[0].text, "逆です");
	assert_null(problems[0].msgkey);
	assert_null(json_path(answers, "main.secret"));
	assert_null(json_path(answers, "main.why"));
	assert_null(json_path(answers, "main.hint"));
	assert_null(json_path(answers, "other"));
	assert_int_equal(json_array_size(json_object_get(answers, "family")), 2);
	assert_null(json_path(answers, "family.1.school"));
	assert_int_equal(json_i64(json_object_get(answers, "computed"), "members", 0), 2);
	assert_true(json_on(json_object_get(answers, "computed"), "young"));
	int64_t yen;
	struct err err;
	assert_int_equal(form_fee(form, &ctx, answers, &yen, &err), 0);
	assert_int_equal(yen, 750);
	const char *key;
	int64_t limit;
	assert_false(form_capacity(form, answers, &key, &limit));
	json_object_set_new(json_object_get(answers, "main"), "pick", json_string("a"));
	assert_true(form_capacity(form, answers, &key, &limit));
	assert_string_equal(key, "a");
	assert_int_equal(limit, 2);
	bool yes;
	assert_int_equal(procedure_eval(form, "fee <= 1000", &ctx, answers, &yes, &err), 0);
	assert_true(yes);
	ctx.fee_yen = 1001;
	assert_int_equal(procedure_eval(form, "fee <= 1000", &ctx, answers, &yes, &err), 0);
	assert_false(yes);
	assert_int_equal(procedure_eval(form, NULL, &ctx, answers, &yes, &err), 0);
	assert_true(yes);
	assert_int_equal(
	    procedure_eval(form, "1 == 1", &ctx, answers, &yes, &err), -(int)ERR_INTERNAL);
	/* Another applicant does not see the last section, and it is dropped. */
	ctx.applicant_kind = "business";
	assert_false(form_section_shown(form, 2, &ctx, answers));
	assert_int_equal(form_check(form, a, &ctx, answers, &problems), 0);
	assert_null(json_path(answers, "ends"));
	/* Hiding goes on: without the text the section goes, too. */
	ctx.applicant_kind = "resident";
	assert_int_equal(form_check(form, a, &ctx, answers, &problems), 1); /* agree */
	json_decref(answers);
	/* Nothing at all, and wrong shapes. */
	static const char *const shapes[] = {"{}", "{\"main\":[],\"family\":{},\"ends\":3}",
	    "{\"main\":null,\"family\":[[],null,{}]}",
	    ("{\"main\":{\"text\":3,\"name\":\"x\",\"day\":[],\"many\":{},\"yes\":\"x\",\"copies\":"
	     "true,"
	     "\"bank\":[],\"number\":7,\"pick\":[],\"company\":{}},\"family\":[]}")};
	for (size_t i = 0; i < COUNT(shapes); i++) {
		answers = json(shapes[i]);
		assert_true(form_check(form, a, &ctx, answers, &problems) > 0);
		json_t *view = form_answers_view(form, a, &ctx, answers);
		json_decref(view);
		view = form_answer_texts(form, a, &ctx, answers);
		json_decref(view);
		for (int k = 0; k < 4; k++)
			json_decref(
			    form_section_view(form, a, k, &ctx, answers, problems, 0, "online"));
		json_decref(answers);
	}
	arena_free(a);
}

static void test_reading(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct form_context ctx = context();
	json_t *answers = json(
	    "{\"main\":{\"text\":\"ab\",\"lines\":\"a\\nb\",\"day\":\"2026-11-20\",\"copies\":3,"
	    "\"income\":1234567,\"area\":1.5,\"yes\":true,\"why\":\"w\",\"pick\":\"い 1\","
	    "\"many\":[\"a\",\"c\"],\"address\":{\"postal_code\":\"760-8571\",\"prefecture\":"
	    "\"香川県\","
	    "\"city\":\"高松市\",\"town\":\"番町\",\"street\":\"1-8-15\",\"building\":\"市役所\"},"
	    "\"bank\":{\"bank\":\"見本\",\"branch\":\"本店\",\"kind\":\"current\",\"number\":"
	    "\"0000001\","
	    "\"holder\":\"カガワ\"}},\"family\":[{\"name\":{\"family\":\"香川\",\"given\":\"花子\"}"
	    "}],"
	    "\"computed\":{\"members\":1}}");
	static const struct {
		const char *path, *ja, *en;
	} cases[] = {
	    {"main.day", "令和8年11月20日", "20 November 2026"},
	    {"main.copies", "3通", "3 copies"},
	    {"main.income", "1,234,567円", "1,234,567 yen"},
	    {"main.area", "1.5", "1.5"},
	    {"main.yes", "はい", "Yes"},
	    {"main.pick", "い", "B"},
	    {"main.address", "〒760-8571\n香川県高松市番町1-8-15 市役所",
	        "〒760-8571\n香川県高松市番町1-8-15 市役所"},
	    {"main.bank", "見本 本店\n当座 0000001\nカガワ", "見本 本店\nCurrent 0000001\nカガワ"},
	    {"main.phone", "", ""},
	    {"family.name", "香川　花子", "香川　花子"},
	    {"computed.members", "1", "1"},
	};
	for (int k = 0; k < 2; k++) {
		ctx.lang = k ? "en" : "ja";
		for (size_t i = 0; i < COUNT(cases); i++) {
			json_t *row = form_answer_row(form, a, &ctx, answers, cases[i].path);
			const char *wanted = k ? cases[i].en : cases[i].ja;
			if (!text_eq(json_text(row, "text"), wanted))
				fail_msg("%s: %s", cases[i].path, json_text(row, "text"));
			json_decref(row);
		}
	}
	assert_null(form_answer_row(form, a, &ctx, answers, "main.nothing"));
	json_t *view = form_answers_view(form, a, &ctx, answers);
	assert_string_equal(json_path_text(view, "0.rows.0.text"), "ab");
	assert_string_equal(
	    json_path_text(field_of(json_path(view, "0.rows"), "main.many"), "values.1"), "C");
	assert_string_equal(json_path_text(view, "1.groups.0.title"), "Member 1");
	json_decref(view);
	json_decref(answers);
	arena_free(a);
}

static void test_lookup(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	json_t *answers = json_object();
	struct form_problem *problems;
	assert_int_equal(take(a, "main", "main.address.postal_code=7608571;lookup=main.address",
	                     answers, &problems),
	    FORM_AGAIN);
	assert_string_equal(json_path_text(answers, "main.address.city"), "高松市");
	assert_int_equal(take(a, "main", "main.address.postal_code=0000000;lookup=main.address",
	                     answers, &problems),
	    1);
	assert_string_equal(problems[0].field, "main.address.postal_code");
	json_decref(answers);
	arena_free(a);
}

static void test_schema(void **state)
{
	(void)state;
	size_t before = arena_used(form->arena);
	json_t *schema = procedure_schema(form, "en");
	/* A procedure is shared by all threads: nothing is put into its arena when it is asked. */
	assert_int_equal(arena_used(form->arena), before);
	assert_non_null(json_object_get(schema, "$id"));
	assert_string_equal(
	    json_path_text(schema, "properties.main.properties.code.pattern"), "^(?:[A-Z]\\d{3})$");
	assert_string_equal(json_path_text(schema, "properties.family.type"), "array");
	assert_string_equal(
	    json_path_text(schema, "properties.main.properties.pick.oneOf.1.title"), "B");
	json_decref(schema);
}

static void test_examples(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		struct arena *a = arena_new();
		struct form_context ctx = context();
		struct form_problem *problems;
		if (i % 2)
			ctx.applicant_kind = "business";
		json_t *answers = form_example(form, a, &ctx, (uint64_t)i, "blob");
		json_t *again = form_example(form, a, &ctx, (uint64_t)i, "blob");
		int n = form_check(form, a, &ctx, answers, &problems);
		if (n)
			fail_msg("seed %d: %s", i, fields_of(a, problems, n));
		assert_true(json_equal(answers, again));
		json_decref(answers);
		json_decref(again);
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_kept_as_typed),
	    cmocka_unit_test(test_my_number),
	    cmocka_unit_test(test_number_elsewhere),
	    cmocka_unit_test(test_secrets),
	    cmocka_unit_test(test_conditions),
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_prefill),
	    cmocka_unit_test(test_across),
	    cmocka_unit_test(test_check),
	    cmocka_unit_test(test_reading),
	    cmocka_unit_test(test_lookup),
	    cmocka_unit_test(test_schema),
	    cmocka_unit_test(test_examples),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
