/* Bytes as a posted form: lines "name=value" for the first byte's section of a form with every type
 * of field. What was taken can be shown, checked and read again, and a checked form stays as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/resource.h"
#include "procedure/definition.h"

struct post {
	struct str text;
	struct arena *arena;
};

static void controls(
    void *src, void (*each)(void *sink, const char *name, const char *value), void *sink)
{
	const struct post *post = src;
	struct str rest = post->text, line;
	while (str_cut(&rest, '\n', &line)) {
		char *name = str_dup(post->arena, line), *eq = strchr(name, '=');
		if (eq)
			*eq = 0;
		each(sink, name, eq ? eq + 1 : "");
	}
}

static struct procedure *form(void)
{
	static struct procedure *p;
	if (!p) {
		struct str text;
		struct arena *a = arena_new();
		if (!resource_find("packs/resident/procedures/dog-registration.yaml", &text))
			abort();
		p = procedure_parse(a, "form", text, NULL, NULL);
		arena_free(a);
	}
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct procedure *p = form();
	struct arena *a = arena_new();
	struct post post = {{(const char *)data + 1, size - 1}, a};
	struct form_context ctx = {.lang = data[0] & 64 ? "en" : "ja",
	    .applicant_kind = data[0] & 128 ? "business" : "resident",
	    .today = {2026, 11, 20},
	    .fee_yen = -1};
	struct form_problem *problems;
	json_t *answers = json_object();
	int section = data[0] % (procedure_section_count(p) + 1);
	for (int round = 0; round < 2; round++) {
		int n = form_section_take(p, a, section, &ctx, answers, controls, &post, &problems);
		json_decref(form_section_view(
		    p, a, section, &ctx, answers, problems, n > 0 ? n : 0, "online"));
	}
	json_decref(form_answers_view(p, a, &ctx, answers));
	(void)form_check(p, a, &ctx, answers, &problems);
	json_t *before = json_deep_copy(answers);
	(void)form_check(p, a, &ctx, answers, &problems);
	if (!json_equal(before, answers))
		abort();
	json_decref(before);
	json_decref(answers);
	arena_free(a);
	return 0;
}
