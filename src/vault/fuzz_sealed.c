/* Sealed texts and key files as they come from outside. */
#include "vault/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	int64_t id = sealed_key(text);
	if (id < -1 || id > UINT32_MAX)
		__builtin_trap();
	struct secret_bytes *key = key_of_hex(text);
	if (key && secret_size(key) != AEAD_KEY)
		__builtin_trap();
	secret_free(key);
	return 0;
}
