/* Bytes as the body of a message between server and worker. */
#include <stdlib.h>

#include "document/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wire_message m = {0};
	size_t total = 0;
	if (wire_split((struct str){(const char *)data, size}, &m, NULL) < 0)
		return 0;
	if (m.nparts > WIRE_PARTS_MAX)
		abort();
	for (int i = 0; i < m.nparts; i++) {
		total += 4 + m.parts[i].n;
		if (m.parts[i].n > size)
			abort();
		for (size_t k = 0; k < m.parts[i].n; k++)
			total += m.parts[i].p[k] == 0 ? 0 : 0; /* every byte can be read */
	}
	if (total != size)
		abort();
	return 0;
}
