/* Hostile pictures and PDFs for what the worker does with them; the first byte says which. */
#include "document/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const types[] = {"image/png", "image/jpeg", "application/pdf"};
	if (size == 0)
		return 0;
	struct str bytes = {(const char *)data + 1, size - 1};
	(void)inspect_bytes(str_from(types[data[0] % COUNT(types)]), bytes);
	return 0;
}
