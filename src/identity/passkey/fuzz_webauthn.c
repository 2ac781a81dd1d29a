/* Bytes from outside: what browsers and authenticators send. */
#include <stdint.h>

#include "identity/passkey/passkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned char x[64] = {1}; /* no point of the curve */
	struct arena *a = arena_new();
	struct webauthn_site site = webauthn_site_of(a, "https://city.example:8443");
	struct str in = {(const char *)data, size};
	struct webauthn_key key;
	const char *challenge;
	int64_t counter;
	(void)webauthn_client(a, &site, "webauthn.get", in, &challenge);
	/* Behind the check of the site, where the CBOR is. */
	unsigned char hash[HASH_SIZE];
	struct str rp = str_from(site.rp);
	hash_sha256(&rp, 1, hash);
	struct buf b;
	buf_init(&b, a);
	buf_add(&b, hash, sizeof(hash));
	buf_add(&b, data, size);
	if (b.n > HASH_SIZE)
		b.p[HASH_SIZE] |= 0x05; /* present, verified */
	if (webauthn_created(a, &site, buf_to_str(&b), &key) &&
	    (key.id.n == 0 || key.key.n == 0 || key.counter < 0))
		abort();
	key = (struct webauthn_key){.algorithm = -7, .key = {(const char *)x, sizeof(x)}};
	if (webauthn_signed(&site, &key, in, buf_to_str(&b), in, &counter))
		abort();
	arena_free(a);
	return 0;
}
