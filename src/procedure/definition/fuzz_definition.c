/* Bytes as a definition; one that is right is used: shown, filled, checked, read. */
#include <stdlib.h>

#include "procedure/definition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct definition_problem *problems;
	int n;
	struct form_context ctx = {
	    .lang = "ja", .applicant_kind = "resident", .today = {2026, 11, 20}, .fee_yen = -1};
	struct procedure *p =
	    procedure_parse(a, "fuzz", (struct str){(const char *)data, size}, &problems, &n);
	if (!p && n == 0)
		abort(); /* refused without a reason */
	for (int i = 0; i < n; i++)
		if (problems[i].line < 1 || problems[i].column < 1 || !problems[i].what)
			abort();
	if (p) {
		struct form_problem *found;
		struct err err;
		int64_t yen;
		json_t *answers = json_object();
		for (int i = 0; i < procedure_section_count(p); i++)
			json_decref(form_section_view(p, a, i, &ctx, answers, NULL, 0, "online"));
		(void)form_check(p, a, &ctx, answers, &found);
		(void)form_fee(p, &ctx, answers, &yen, &err);
		json_decref(form_answers_view(p, a, &ctx, answers));
		json_decref(procedure_schema(p, "en"));
		json_decref(answers);
	}
	procedure_unref(p);
	arena_free(a);
	return 0;
}
