/* Keys and signatures; shared between the files of src/document only. */
#ifndef DOCUMENT_SIGN_H
#define DOCUMENT_SIGN_H

#include <openssl/x509.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* A signing key, its certificate and those up to (not needed: and with) the root. */
struct sign_key {
	EVP_PKEY *key;
	X509 *cert;
	STACK_OF(X509) * chain; /* may be NULL */
};

/* Reads dir/sign.key and dir/sign.crt (PEM; the signer's certificate first). When neither is there,
 * makes a test authority (ca.key, ca.crt) and a signer for the organisation's name. The result
 * belongs to the arena. */
int sign_key_load(struct arena *, const char *dir, const char *organisation, int64_t now_us,
    struct sign_key *out, struct err *);

/* Sets err to what OpenSSL says last of this thread, and forgets that; returns it. msgkey may be
 * NULL. */
int sign_failed(struct err *, const char *msgkey, const char *what);

struct sign_about {
	const char *name, *reason, *location; /* any may be NULL */
	int64_t at_us;
};
/* Appends a PAdES B-B signature. */
int sign_pdf(struct arena *, const struct sign_key *, const struct sign_about *, struct str pdf,
    struct str *out, struct err *);

#endif
