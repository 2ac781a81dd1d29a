/* Bytes as a template, and as the partials "a" and "b", over a small view. */
#include "web/template.h"

#include <stdlib.h>

struct input {
	struct str part[3];
};

static int source(void *arg, struct arena *a, const char *name, struct str *out, struct err *err)
{
	struct input *in = arg;
	(void)a;
	int i = strcmp(name, "a") == 0 ? 1 : strcmp(name, "b") == 0 ? 2 : 0;
	if (i == 0)
		return err_set(err, ERR_MISSING, NULL, "%s", name);
	*out = in->part[i];
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = {(const char *)data, size};
	struct input in = {{{"", 0}, {"", 0}, {"", 0}}};
	for (int i = 0; i < 3; i++)
		if (!str_cut(&rest, '\0', &in.part[i]))
			in.part[i] = (struct str){"", 0};
	json_t *view = json_pack("{s:s, s:[i,{s:s}], s:{s:{s:f}}, s:b, s:s}", "v", "<&>", "l", 1,
	    "v", "2026-11-21", "o", "o", "v", 1.5, "t", 1, "x", "");
	struct templates *set = templates_new(source, &in, NULL);
	struct buf out = {0};
	(void)template_render_text(set, in.part[0], "ja", view, &out, NULL);
	buf_clear(&out);
	(void)template_render(set, "a", "en", view, &out, NULL);
	(void)template_check(set, "b", "en", NULL);
	buf_free(&out);
	templates_free(set);
	json_decref(view);
	return 0;
}
