/* Hostile files that are searched for the mark of an export. */
#include "procedure/export/bulk.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char mark[MARK_SIZE] = "";
	if (mark_find((struct str){(const char *)data, size}, mark) &&
	    (strlen(mark) != MARK_SIZE - 2 || strncmp(mark, "X-", 2) != 0))
		abort();
	return 0;
}
