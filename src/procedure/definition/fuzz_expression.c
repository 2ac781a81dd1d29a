/* Bytes as an expression: its names are read, it is compiled and run against answers. */
#include <stdlib.h>

#include "procedure/definition/private.h"

static void each(void *arg, const struct expr_chain *c)
{
	*(int *)arg += c->n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t serial = UINT64_C(1) << 60;
	static json_t *answers;
	if (size > EXPR_TEXT_MAX)
		return 0;
	if (!answers)
		answers = json_loads("{\"a\":{\"d\":\"2000-11-21\",\"n\":3,\"s\":\"あい\"},"
		                     "\"r\":[{\"n\":1},{\"n\":2.5},{}]}",
		    0, NULL);
	struct arena *a = arena_new();
	struct str text = {(const char *)data, size};
	struct expr e = {str_dup(a, text), 1, 1};
	struct field fields[] = {{.id = "d", .type = FIELD_DATE, .when = NO_EXPR},
	    {.id = "n", .type = FIELD_NUMBER, .when = NO_EXPR},
	    {.id = "s", .type = FIELD_TEXT, .when = NO_EXPR}};
	struct section sections[] = {
	    {.id = "a", .when = NO_EXPR, .fields = {fields, COUNT(fields)}},
	    {.id = "r", .when = NO_EXPR, .repeats = true, .fields = {fields, COUNT(fields)}}};
	struct name names[] = {{"a", NAME_SECTION, &sections[0], NULL, -1},
	    {"n", NAME_FIELD, &sections[0], &fields[1], -1},
	    {"r", NAME_SECTION, &sections[1], NULL, -1}};
	serial++;
	struct procedure p = {.serial = serial,
	    .file = "fuzz",
	    .exprs = &e,
	    .nexprs = 1,
	    .names = names,
	    .nnames = COUNT(names)};
	struct form_context ctx = {.lang = "ja", .today = {2026, 11, 20}, .fee_yen = 300};
	struct expr_scope scope = {.p = &p, .ctx = &ctx, .answers = answers};
	struct expr_result result;
	struct err err;
	int n = 0;
	expr_names(e.text, each, &n);
	if (expr_run(&scope, 0, true, &result, &err) == 0)
		json_decref(result.value);
	arena_free(a);
	return 0;
}
