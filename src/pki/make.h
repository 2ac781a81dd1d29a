/* Making certificates: for test authorities and simulators. What is made says so in its names. */
#ifndef PKI_MAKE_H
#define PKI_MAKE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

/* One attribute of a name: {"O", "高松市"}. */
struct name_part {
	const char *key, *text;
};
struct extension_text {
	int nid;
	const char *value; /* as in openssl's configuration files; NULL: left out */
};

struct certificate_wish {
	const struct name_part *subject; /* ends with a NULL key */
	const struct extension_text *extensions;
	int nextensions;
	STACK_OF(X509_EXTENSION) * more; /* added as they are; NULL: none; stays the caller's */
	EVP_PKEY *key;
	X509 *issuer; /* NULL: itself */
	EVP_PKEY *issuer_key;
	int64_t from_us, until_us;
};
/* A certificate with a random serial number, signed with SHA-256; NULL: OpenSSL's errors say why.
 */
X509 *certificate_make(const struct certificate_wish *);
/* A name as the wish has it; NULL on an error. */
X509_NAME *name_make(const struct name_part *);

#endif
