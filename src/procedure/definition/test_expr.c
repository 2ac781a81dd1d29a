#include "procedure/definition/expr.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/resource.h"
#include "base/test.h"
#include "procedure/definition/private.h"

/* A procedure that holds nothing but one expression: what the checks of a definition refuse can be
 * run, too. The same serial twice: the same procedure. */
static int run_of(uint64_t serial, const char *text, const char *answers,
    struct expr_result *result, struct err *err)
{
	struct expr e = {text, 7, 3};
	struct field fields[] = {
	    {.id = "born", .type = FIELD_DATE, .when = NO_EXPR},
	    {.id = "n", .type = FIELD_NUMBER, .when = NO_EXPR},
	    {.id = "s", .type = FIELD_TEXT, .when = NO_EXPR},
	    {.id = "home", .type = FIELD_ADDRESS, .when = NO_EXPR},
	    {.id = "list", .type = FIELD_MULTI_CHOICE, .when = NO_EXPR},
	    {.id = "secret", .type = FIELD_MY_NUMBER, .when = NO_EXPR},
	};
	struct section sections[] = {
	    {.id = "a", .when = NO_EXPR, .fields = {fields, COUNT(fields)}},
	    {.id = "rows", .when = NO_EXPR, .repeats = true, .fields = {fields, COUNT(fields)}},
	};
	struct name names[] = {{"a", NAME_SECTION, &sections[0], NULL, -1},
	    {"n", NAME_FIELD, &sections[0], &fields[1], -1},
	    {"rows", NAME_SECTION, &sections[1], NULL, -1}};
	struct procedure p = {.serial = serial,
	    .file = "test.yaml",
	    .exprs = &e,
	    .nexprs = 1,
	    .names = names,
	    .nnames = COUNT(names)};
	p.d.fee = (struct fee){.amount = 300, .expr = NO_EXPR};
	struct form_context ctx = {
	    .lang = "ja", .applicant_kind = "resident", .today = {2026, 11, 20}, .fee_yen = -1};
	json_t *v = json_loads(answers ? answers : "{}", 0, NULL);
	assert_non_null(v);
	struct expr_scope scope = {.p = &p, .ctx = &ctx, .answers = v};
	int rc = expr_run(&scope, 0, true, result, err);
	json_decref(v);
	return rc;
}

static int run(const char *text, const char *answers, struct expr_result *result, struct err *err)
{
	static uint64_t serial = UINT64_C(1) << 60;
	return run_of(++serial, text, answers, result, err);
}

#define ANSWERS                                                                                       \
	"{\"a\":{\"born\":\"2000-11-21\",\"n\":3,\"s\":\"あい\",\"home\":{\"city\":\"高松市\"}," \
	"\"list\":[\"x\",\"y\"],\"secret\":\"123456789018\"},"                                        \
	"\"rows\":[{\"n\":1,\"born\":\"2020-01-01\"},{\"n\":2.5,\"born\":\"1990-01-01\"},{}]}"

static void test_values(void **state)
{
	(void)state;
	static const struct {
		const char *text, *value;
		bool unknown;
	} cases[] = {
	    {"a.n + 1", "4", false}, {"n * 300", "900", false}, {"a.s == 'あい'", "true", false},
	    {"a.home.city", "\"高松市\"", false}, {"a.home.town", NULL, false},
	    {"a.home.town.deeper.still", NULL, false}, {"nothing.at.all", NULL, false},
	    {"a.secret", NULL, false}, /* no rule may see it */
	    {"missing + 1", NULL, true}, {"missing < 3", "false", true},
	    {"3 >= missing", "false", true}, {"missing == nil", "true", false},
	    {"#missing", "0", false}, {"missing .. 'x'", NULL, true},
	    {"not missing", "true", false}, {"today()", "\"2026-11-20\"", false},
	    {"age(a.born)", "25", false}, {"age(a.born, '2026-11-21')", "26", false},
	    {"age(missing)", NULL, true}, {"age('not a date')", NULL, false},
	    {"days_between('2026-11-20', '2027-01-01')", "42", false},
	    {"add_days('2026-12-31', 1)", "\"2027-01-01\"", false},
	    {"add_months('2026-01-31', 1)", "\"2026-02-28\"", false},
	    {"fiscal_year('2027-03-31')", "2026", false}, {"is_empty(a.s)", "false", false},
	    {"is_empty(a.list) or is_empty(missing) and is_empty('')", "true", false},
	    {"length(a.s)", "2", false}, {"length(missing)", "0", false},
	    {"starts_with(a.s, 'あ')", "true", false},
	    {"matches(a.s, '[あ-ん]{2}')", "true", false}, {"matches(a.s, 'あ')", "false", false},
	    {"count(rows)", "3", false},
	    {"count(rows, function(r) return age(r.born) < 20 end)", "1", false},
	    {"any(rows, function(r) return r.n == 2.5 end)", "true", false},
	    {"find(rows, function(r) return r.n == 2.5 end).born", "\"1990-01-01\"", false},
	    {"all(rows, function(r) return r.n end)", "false", false},
	    {"all(missing, function(r) return false end)", "true", false},
	    {"sum(rows, 'n')", "3.5", false},
	    {"sum(rows, function(r) return r.n and 2 or 1 end)", "5", false},
	    {"sum(missing, 'n')", "0", false}, {"contains(a.list, 'y')", "true", false},
	    {"contains(a.list, 'z')", "false", false}, {"contains({1, 2}, 2)", "true", false},
	    {"min(3, 1, 2) + max(3, 1, 2)", "4", false}, {"max(missing, 1)", "1", true},
	    {"min()", NULL, false}, {"floor(2.7) + ceil(2.1)", "5", false},
	    {"floor(-2.5)", "-3", false}, {"#rows", "3", false}, {"rows[1].n", "1", false},
	    {"rows[9].n", NULL, false}, {"rows[0]", NULL, false},
	    {"a", NULL, false}, /* no value that JSON could hold for them */
	    {"fee", "300", false}, {"applicant_kind", "\"resident\"", false},
	    {"outcome", NULL, false},
	    {"1 // 0 == nil", NULL, false}, /* an error: attempt to perform 'n//0' */
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct expr_result result;
		struct err err = {0};
		int rc = run(cases[i].text, ANSWERS, &result, &err);
		if (strstr(cases[i].text, "//")) {
			assert_int_equal(rc, -(int)ERR_INTERNAL);
			continue;
		}
		if (rc < 0)
			fail_msg("%s: %s", cases[i].text, err.detail);
		json_t *wanted =
		    cases[i].value ? json_loads(cases[i].value, JSON_DECODE_ANY, NULL) : NULL;
		char *found = result.value ? json_dumps(result.value, JSON_ENCODE_ANY) : NULL;
		if ((wanted == NULL) != (result.value == NULL) ||
		    (wanted && !json_equal(wanted, result.value)))
			fail_msg("%s: %s", cases[i].text, found ? found : "nil");
		if (result.unknown != cases[i].unknown)
			fail_msg("%s: unknown is %d", cases[i].text, result.unknown);
		free(found);
		json_decref(wanted);
		json_decref(result.value);
	}
}

/* What must not work, and must end. */
static void test_limits(void **state)
{
	(void)state;
	static const char *const cases[] = {
	    /* no way out */
	    "os.exit(1)",
	    "io.open('/etc/passwd')",
	    "load('return 1')()",
	    "require('os')",
	    "string.rep('x', 1e9)",
	    "('x'):rep(1e9)",
	    "_G.os",
	    "_ENV.x.y()",
	    "debug.getinfo(1)",
	    "setmetatable({}, {})",
	    "getmetatable('').__index",
	    "pcall(today)",
	    "error('x')",
	    "print(1)",
	    "collectgarbage()",
	    "rawset(a, 'n', 5)",
	    "dofile('x')",
	    "coroutine.create(1)",
	    "(function() a.n = 5 end)()",
	    "(function() x = 5 end)()",
	    "(function() today = nil end)()",
	    "(function() _ENV.today = 1 end)()",
	    /* no end */
	    "(function() while true do end end)()",
	    "(function() for i = 1, 1e15 do end end)()",
	    "(function(f) return f(f) end)(function(f) return f(f) end)",
	    "(function(f) return 1 + f(f) end)(function(f) return 1 + f(f) end)",
	    "(function() ::a:: goto a end)()",
	    "any(rows, function(r) while true do end end)",
	    /* no end of memory */
	    "(function() local s = 'x' while true do s = s .. s end end)()",
	    "(function() local s = 'x' for i = 1, 16 do s = s .. s end return s end)()",
	    "(function() local s = 'x' for i = 1, 14 do s = s .. s end "
	    "return s .. s .. s end)() == ''",
	    "(function() local t = {} for i = 1, 1e9 do t[i] = i end end)()",
	    "(function() local t = {} while true do t = {t, {}, {}} end end)()",
	    "(function() local s = 'x' for i = 1, 17 do s = s .. s end for i = 1, 1e9 do local u = "
	    "s .. 'y' end end)()",
	    "(function() local f f = function(n) return any(rows, function(r) return f(n) end) end "
	    "return f(1) end)()",
	    "matches('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!', '(a*)*(a*)*(') == 1",
	    /* no numbers out of range, no wrong types */
	    "sum({9223372036854775807, 1}, function(x) return x end)",
	    "floor(1e300)",
	    "a + 1",
	    "a < 1",
	    "add_days('2026-01-01', 'x')",
	    "any(rows, 3)",
	    "sum(rows)",
	    "a.s()",
	    "a.s.x",
	    "3 < 'x'",
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct expr_result result;
		struct err err = {0};
		int rc = run(cases[i], ANSWERS, &result, &err);
		if (rc == 0 && !result.value && !result.truth)
			continue; /* what is not there is nil */
		if (rc != -(int)ERR_INTERNAL || strncmp(err.detail, "test.yaml:7:3: ", 15) != 0)
			fail_msg("%s: %d %s", cases[i], rc, err.detail);
	}
	/* The state is as good as before. */
	struct expr_result result;
	struct err err;
	assert_int_equal(run("a.n == 3 and today() == '2026-11-20'", ANSWERS, &result, &err), 0);
	assert_true(result.truth);
	json_decref(result.value);
}

/* What one expression does, another cannot see. */
static void test_nothing_stays(void **state)
{
	(void)state;
	struct expr_result result;
	struct err err;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(
		    run("(function() local t = {} t.x = 1 return t.x end)()", NULL, &result, &err),
		    0);
		json_decref(result.value);
		(void)run("(function() today = 5 end)()", NULL, &result, &err);
		assert_int_equal(run("today()", NULL, &result, &err), 0);
		assert_string_equal(json_string_value(result.value), "2026-11-20");
		json_decref(result.value);
	}
}

/* _ENV is all that a compiled expression could keep something in: another person's answers. */
static void test_no_answers_stay(void **state)
{
	(void)state;
	const char *text = "(function() local seen = a.s; _ENV = {a = a}; return seen end)()";
	for (int i = 0; i < 2; i++) {
		struct expr_result result;
		struct err err;
		char answers[40];
		snprintf(answers, sizeof(answers), "{\"a\":{\"s\":\"person %d\"}}", i);
		assert_int_equal(run_of(77, text, answers, &result, &err), 0);
		assert_memory_equal(json_string_value(result.value), answers + 11, 8);
		json_decref(result.value);
	}
}

/* More procedures than a thread keeps compiled. */
static void test_cache(void **state)
{
	(void)state;
	for (int round = 0; round < 100; round++) {
		struct expr_result result;
		struct err err;
		char text[40];
		snprintf(text, sizeof(text), "%d + 1", round);
		assert_int_equal(run(text, NULL, &result, &err), 0);
		assert_int_equal(json_integer_value(result.value), round + 1);
		json_decref(result.value);
	}
}

static void names_of(void *arg, const struct expr_chain *c)
{
	struct buf *b = arg;
	if (b->n)
		buf_putc(b, ' ');
	for (int i = 0; i < c->n; i++)
		buf_printf(b, "%s%.*s", i ? "." : "", STR_ARG(c->names[i]));
	if (c->called)
		buf_puts(b, "()");
	if (c->indexed)
		buf_puts(b, "[]");
}

static void test_names(void **state)
{
	(void)state;
	static const struct {
		const char *text, *names;
	} cases[] = {
	    {"dog.birthday <= today()", "dog.birthday today()"},
	    {"any(list, function(m) return m.x == y end)", "any() list y"},
	    {"'text.x' .. \"a\\\"b.c\" .. [[d.e]] .. [==[ f]]g ]==] .. h -- i.j", "h"},
	    {"a --[[ b ]] + c", "a c"},
	    {"{k = v, w}", "v w"},
	    {"x.y:z(1)", "x.y"},
	    {"1.5e3 + 0x1F .. n", "n"},
	    {"list[1].name", "list[]"},
	    {"(function() local a, b = c for i = d, 2 do end return a + b + i end)()", "c d"},
	    {"not (p and q) or nil == true", "p q"},
	    {"", ""},
	    {"'open", ""},
	    {"[==[ open", ""},
	    {"a.b.c.d.e.f.g.h", "a.b.c.d.e.f"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf b = {0};
		buf_puts(&b, "");
		expr_names(cases[i].text, names_of, &b);
		if (strcmp(b.p ? b.p : "", cases[i].names) != 0)
			fail_msg("%s: %s", cases[i].text, b.p);
		buf_free(&b);
	}
}

static void test_patterns(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool found;
	} cases[] = {
	    {"abc", "abc", true},
	    {"abc", "abcd", false},
	    {"abc", "", false},
	    {"", "", true},
	    {"^abc$", "abc", true},
	    {"a.c", "aあc", true},
	    {"a.c", "a\nc", false},
	    {"[a-c]+", "abcabc", true},
	    {"[a-c]+", "abd", false},
	    {"[^a-c]+", "xyz", true},
	    {"[^a-c]+", "xaz", false},
	    {"\\d{3}-\\d{4}", "760-8571", true},
	    {"\\d{3}-?\\d{4}", "7608571", true},
	    {"\\d{2,3}", "1", false},
	    {"\\d{2,3}", "123", true},
	    {"\\d{2,3}", "1234", false},
	    {"\\d{2,}", "12345", true},
	    {"(ab|cd)*e", "abcdabe", true},
	    {"(ab|cd)*e", "abce", false},
	    {"(?:a|b|c)x?", "c", true},
	    {"a|b|", "", true},
	    {"[ァ-ヶー]+", "カタカナー", true},
	    {"[ァ-ヶー]+", "かな", false},
	    {"\\w+\\s\\w+", "a b", true},
	    {"[\\]\\-a]+", "a]-", true},
	    {"[a-]", "-", true},
	    {"\\.", ".", true},
	    {"\\.", "x", false},
	    {"(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false},
	    {"(a?){20}a{20}", "aaaaaaaaaaaaaaaaaaaa", true},
	    {"((a{0,5}){0,5}){0,5}", "aaaa", true},
	    {"a{0}", "", true},
	    {"a{0}", "a", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena *a = arena_new();
		const char *what = NULL;
		struct pattern *p = pattern_compile(a, str_from(cases[i].pattern), &what);
		if (!p)
			fail_msg("%s: %s", cases[i].pattern, what);
		if (pattern_matches(p, str_from(cases[i].text)) != cases[i].found)
			fail_msg("%s on %s", cases[i].pattern, cases[i].text);
		arena_free(a);
	}
	static const char *const bad[] = {"(", ")", "a)", "(a", "[", "[]", "[^]", "[z-a]", "a**",
	    "a{", "a{x}", "a{3,2}", "a{1001}", "+", "*a", "\\q", "\\", "(?=a)", "a^b", "a$b",
	    "((a{1000}){1000})", "[[:alpha:]]", "\xff", "{"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct arena *a = arena_new();
		const char *what = NULL;
		if (pattern_compile(a, str_from(bad[i]), &what) || !what)
			fail_msg("%s", bad[i]);
		arena_free(a);
	}
}

static void *many_runs(void *arg)
{
	(void)arg;
	struct str text;
	struct arena *a = arena_new();
	assert_true(resource_find("packs/resident/procedures/dog-registration.yaml", &text));
	struct procedure *p = procedure_parse(a, "dog-registration.yaml", text, NULL, NULL);
	struct form_context ctx = {
	    .lang = "ja", .applicant_kind = "business", .today = {2026, 11, 20}, .fee_yen = -1};
	for (int i = 0; i < 20; i++) {
		struct form_problem *problems;
		json_t *answers = form_example(p, a, &ctx, (uint64_t)i, NULL);
		assert_int_equal(form_check(p, a, &ctx, answers, &problems), 0);
		json_decref(answers);
	}
	procedure_unref(p);
	arena_free(a);
	return NULL;
}

static void test_threads(void **state)
{
	(void)state;
	pthread_t threads[4];
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many_runs, NULL), 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_nothing_stays),
	    cmocka_unit_test(test_no_answers_stay),
	    cmocka_unit_test(test_cache),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_patterns),
	    cmocka_unit_test(test_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
