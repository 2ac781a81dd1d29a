#include <math.h>
#include <string.h>

#include "store/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct db_arg *ours, json_t *theirs)
{
	json_t *bytes = json_object_get(theirs, "b");
	if (ours->type == 'n'   ? json_is_null(theirs)
	    : ours->type == 'i' ? json_is_integer(theirs) && json_integer_value(theirs) == ours->i
	    : ours->type == 'd'
	        ? json_is_real(theirs) && fabs(json_real_value(theirs) - ours->d) <= 0
	    : ours->type == 's'
	        ? json_is_string(theirs) && json_string_length(theirs) == ours->s.n &&
	              memcmp(json_string_value(theirs), ours->s.p, ours->s.n) == 0
	        : json_object_size(theirs) == 1 && json_string_length(bytes) / 4 * 3 >= ours->s.n)
		return;
	__builtin_trap();
}

/* What is taken for a row is one, with the same values, for the general reader, too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct db_arg values[SQL_MAX_ARGS];
	int n = backup_row((struct str){(const char *)data, size}, a, values, SQL_MAX_ARGS);
	if (n >= 0) {
		json_t *row = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
		if (!json_is_array(row) || json_array_size(row) != (size_t)n)
			__builtin_trap();
		for (int i = 0; i < n; i++)
			same(&values[i], json_array_get(row, (size_t)i));
		json_decref(row);
	}
	arena_free(a);
	return 0;
}
