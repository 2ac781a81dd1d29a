/* A form of 100 fields and 100 rules: loading the definition, showing a step, checking a
 * submission.
 *
 *   bench_forms [--seconds N] [--json]
 *
 * One section holds all fields (the worst step there is), each with a label and help in two
 * languages; of the rules 40 show a field, 30 make one required, 30 check an answer; 10 checks
 * across fields come on top. Goals: 50 ms to load, 2 ms to show, 2 ms to check. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/resource.h"
#include "procedure/definition.h"

enum { FIELDS = 100, ROUNDS_MAX = 20000 };

static struct i18n *texts;

static double now_us_(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int add_texts(void *arg, const char *path, struct str po)
{
	(void)arg;
	return i18n_load(texts, strstr(path, ".en.po") ? "en" : "ja", path, po, NULL);
}

static void write_field(struct buf *b, int i)
{
	static const char *const types[] = {"text", "number", "date", "yes_no", "choice", "name",
	    "address", "phone", "email", "money"};
	const char *type = types[i % 10];
	buf_printf(b,
	    "      - id: f%d\n        type: %s\n"
	    "        label: {ja: 質問その%d, en: Question %d}\n"
	    "        help: {ja: 答えを入力してください。, en: Please enter your answer.}\n",
	    i, type, i, i);
	if (strcmp(type, "choice") == 0)
		for (int k = 0; k < 5; k++)
			buf_printf(b,
			    "%s          - {value: v%d, label: {ja: 選択肢%d, en: Option %d}}\n",
			    k ? "" : "        options:\n", k, k, k);
	/* Rules look at the number, the date and the yes/no of this group of ten. */
	int group = i / 10 * 10;
	switch (i % 10) {
	case 0:
	case 4:
	case 5:
	case 6:
		buf_printf(b, "        when: \"f%d == nil or f%d or age(f%d) < 120\"\n", group + 1,
		    group + 3, group + 2);
		break;
	case 7:
	case 8:
	case 9:
		buf_printf(b, "        required: \"f%d == true and not is_empty(f%d)\"\n",
		    group + 3, group + 1);
		break;
	case 1:
		buf_puts(b, "        check: [{expr: value >= 0 and value < 1000, message: {ja: "
		            "範囲外です。, en: Out of range.}}]\n");
		break;
	case 2:
		buf_puts(b, "        check: [{expr: value <= today(), message: {ja: 先の日です。, "
		            "en: In the future.}}]\n");
		break;
	default:
		buf_printf(b,
		    "        check: [{expr: \"value or f%d == nil or f%d >= 0\", message: {ja: "
		    "確かめてください。, en: Check it.}}]\n",
		    group + 1, group + 1);
	}
}

static struct str definition(struct arena *a)
{
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b,
	    "id: big\ntitle: {ja: 大きな様式, en: Big form}\nsummary: {ja: 約, en: Summary}\n"
	    "department: 税務課\nlife_events: [tax]\nlaw: [{name: 法}]\n"
	    "sections:\n  - id: all_of_it\n    title: {ja: 全部, en: All}\n    fields:\n");
	for (int i = 0; i < FIELDS; i++)
		write_field(&b, i);
	buf_puts(&b, "checks:\n");
	for (int i = 0; i < 10; i++)
		buf_printf(&b,
		    "  - {expr: \"f%d + f%d >= 0\", field: all_of_it.f%d, message: {ja: "
		    "合いません。, en: Does not add up.}}\n",
		    i * 10 + 1, (i + 1) % 10 * 10 + 1, i * 10 + 1);
	buf_puts(&b, "route:\n  steps:\n    - {id: decide, kind: decide, post: 課長}\nretention: "
	             "{years: 1}\n");
	return buf_to_str(&b);
}

struct subject {
	struct str yaml;
	struct procedure *p;
	json_t *answers;
	struct form_context ctx;
};

static void load(struct subject *s, struct arena *a)
{
	procedure_unref(procedure_parse(a, "big.yaml", s->yaml, NULL, NULL));
}

static void show(struct subject *s, struct arena *a)
{
	json_decref(form_section_view(s->p, a, 0, &s->ctx, s->answers, NULL, 0, "online"));
}

static void check(struct subject *s, struct arena *a)
{
	struct form_problem *problems;
	if (form_check(s->p, a, &s->ctx, s->answers, &problems) != 0)
		abort();
}

static void controls(
    void *src, void (*each)(void *sink, const char *name, const char *value), void *sink)
{
	const char *section, *key, *part;
	json_t *fields, *value, *text;
	json_object_foreach((json_t *)src, section, fields)
	{
		json_object_foreach(fields, key, value)
		{
			char name[80], number[40];
			snprintf(name, sizeof(name), "%s.%s", section, key);
			if (json_is_integer(value)) {
				snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
				    json_integer_value(value));
				each(sink, name, number);
			} else if (json_is_string(value)) {
				each(sink, name, json_string_value(value));
			} else if (json_is_boolean(value)) {
				each(sink, name, json_is_true(value) ? "yes" : "no");
			}
			json_object_foreach(value, part, text)
			{
				snprintf(name, sizeof(name), "%s.%s.%s", section, key, part);
				each(sink, name, json_string_value(text));
			}
		}
	}
}

static void take(struct subject *s, struct arena *a)
{
	struct form_problem *problems;
	json_t *answers = json_object();
	if (form_section_take(s->p, a, 0, &s->ctx, answers, controls, s->answers, &problems) > 0)
		abort();
	json_decref(answers);
}

static void read_answers(struct subject *s, struct arena *a)
{
	json_decref(form_answers_view(s->p, a, &s->ctx, s->answers));
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void measure(const char *what, const char *key, double goal_us,
    void (*fn)(struct subject *, struct arena *), struct subject *s, double seconds, bool as_json)
{
	static double took[ROUNDS_MAX];
	int n = 0;
	double end = now_us_() + seconds * 1e6;
	while (n < ROUNDS_MAX && (n < 20 || now_us_() < end)) {
		struct arena *a = arena_new();
		double start = now_us_();
		fn(s, a);
		arena_free(a);
		took[n++] = now_us_() - start;
	}
	qsort(took, (size_t)n, sizeof(*took), by_value);
	double p50 = took[n / 2], p99 = took[n * 99 / 100];
	if (as_json)
		printf(
		    "{\"bench\":\"forms.%s\",\"p50_us\":%.1f,\"p99_us\":%.1f,\"goal_us\":%.0f}\n",
		    key, p50, p99, goal_us);
	else
		printf("  %-34s %9.3f ms %9.3f ms %9.0f ms %8.0f x\n", what, p50 / 1e3, p99 / 1e3,
		    goal_us / 1e3, goal_us / p50);
}

int main(int argc, char **argv)
{
	double seconds = 1;
	bool as_json = false;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			as_json = true;
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			seconds = strtod(argv[++i], NULL);
	}
	struct arena *a = arena_new();
	texts = i18n_new();
	(void)resource_each("i18n/procedure.form.", add_texts, NULL); /* built in */
	struct subject s = {.yaml = definition(a),
	    .ctx = {.lang = "ja",
	        .applicant_kind = "resident",
	        .today = {2026, 11, 20},
	        .fee_yen = -1,
	        .i18n = texts}};
	struct definition_problem *problems;
	int n;
	size_t before = mallinfo2().uordblks;
	s.p = procedure_parse(a, "big.yaml", s.yaml, &problems, &n);
	if (!s.p) {
		fprintf(
		    stderr, "%s:%d: %s\n", problems[0].file, problems[0].line, problems[0].what);
		return 1;
	}
	size_t kept = mallinfo2().uordblks - before;
	s.answers = form_example(s.p, a, &s.ctx, 7, NULL);
	if (!as_json)
		printf("A form of %d fields and 100 rules (%zu KB of YAML, %zu KB in memory)\n"
		       "  %-34s %12s %12s %12s %10s\n",
		    FIELDS, s.yaml.n / 1024, kept / 1024, "", "p50", "p99", "goal", "better");
	measure("load the definition", "load", 50000, load, &s, seconds, as_json);
	measure("show a step of all 100 fields", "show", 2000, show, &s, seconds, as_json);
	measure("take and check a posted step", "take", 2000, take, &s, seconds, as_json);
	measure("check a submission", "check", 2000, check, &s, seconds, as_json);
	measure("answers for reading", "read", 2000, read_answers, &s, seconds, as_json);
	json_decref(s.answers);
	procedure_unref(s.p);
	i18n_free(texts);
	arena_free(a);
	return 0;
}
