#include "base/i18n.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the bytes are, loading ends with a catalogue or a message. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct i18n *t = i18n_new();
	struct err err = {0};
	int rc = i18n_load(t, "ja", "fuzz.po", (struct str){(const char *)data, size}, &err);
	if (rc && (err.kind != ERR_INPUT || !err.detail[0]))
		__builtin_trap();
	struct arena *a = arena_new();
	json_t *args = json_pack("{s:s, s:i}", "name", "x", "n", 3);
	(void)i18n_format(t, a, "en", "k", args);
	json_decref(args);
	arena_free(a);
	i18n_free(t);
	return 0;
}
