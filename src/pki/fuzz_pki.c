/* Bytes as a certificate, a signature and a revocation list: never a crash, every slice lies in the
 * bytes. */
#include <stdlib.h>

#include <openssl/err.h>

#include "pki/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct str all, struct str part)
{
	if (part.p && (part.p < all.p || part.p + part.n > all.p + all.n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size};
	struct pki_certificate c;
	struct pki_cms cms;
	struct pki_verdict v;
	struct arena *a = arena_new();
	if (pki_certificate_read(all, &c)) {
		const struct str slices[] = {c.tbs, c.signature, c.serial, c.issuer, c.subject,
		    c.key, c.policies, c.crl_point, c.basic.name, c.basic.address};
		for (size_t i = 0; i < COUNT(slices); i++)
			inside(all, slices[i]);
		(void)pki_name_text(a, c.subject);
		(void)pki_serial_text(a, c.serial);
		(void)pki_with_substitutes(a, c.basic.name, c.basic.name_substitutes);
		(void)pki_has_policy(&c, "1.2.392.200149.8.5.1.1.20");
		key_free(key_new(c.key));
	}
	if (pki_cms_read(all, &cms, &v)) {
		inside(all, cms.certificate);
		inside(all, cms.attributes);
		(void)pki_cms_verify(&(struct pki){.algorithms = ~0u}, &cms, STR("x"), &v);
	}
	(void)crl_readable(all);
	ERR_clear_error();
	arena_free(a);
	return 0;
}
