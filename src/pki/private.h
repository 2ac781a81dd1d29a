/* Shared between the files of src/pki only. */
#ifndef PKI_PRIVATE_H
#define PKI_PRIVATE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/secret.h"
#include "pki/der.h"
#include "pki/pki.h"

/* Fills the verdict; returns false, so that a check can end with `return verdict(v, PKI_…, …)`. */
bool verdict(struct pki_verdict *, enum pki_reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Content bytes of "1.2.392…"; no bytes when it is none. */
struct str oid_of_text(struct arena *, const char *text);
bool certificate_has_policy(const struct pki_certificate *, struct str oid);

/* --- algorithms (algorithm.c) --- */
/* The configured set as bits; ERR_INPUT names the unknown one. NULL: all. */
int algorithms_parse(const char *names, unsigned *set, struct err *);
/* A signature algorithm of the set, by its OID; digest_oid: of the signer info, for CMS that name
 * only the key's algorithm; absent in certificates. NULL: none. */
struct algorithm;
const struct algorithm *algorithm_find(unsigned set, struct str oid, struct str digest_oid);
void algorithm_digest(const struct algorithm *, struct str bytes, unsigned char *out, size_t *n);
/* Of a digest algorithm in the set's algorithms; NULL: none. */
const EVP_MD *digest_find(struct str oid);

/* A public key made ready. */
struct key;
/* From a SubjectPublicKeyInfo; NULL: of another kind, or too short (RSA below 2048 bits). */
struct key *key_new(struct str spki);
void key_free(struct key *); /* NULL is allowed */
bool key_verify(
    const struct key *, const struct algorithm *, struct str signed_bytes, struct str signature);

/* --- trust (trust.c) --- */
struct anchor {
	struct str der; /* owned by pki */
	struct pki_certificate certificate;
	struct key *key;
	X509 *x509;
	struct crl *crl;
};
struct anchors {
	struct anchor *list;
	int n;
	struct str pem;
};
struct pki {
	struct arena *arena;
	struct pki_options options;
	unsigned algorithms;
	struct str policies[PKI_KIND_COUNT];
	struct anchors kinds[PKI_KIND_COUNT], stamp;
	struct crls *crls;
	struct ocsp_cache *answers;
};
/* Issuer and signature of a certificate: NULL with the verdict said. */
const struct anchor *anchor_of(const struct pki *, enum pki_kind, const struct pki_certificate *,
    int64_t now_us, struct pki_verdict *);

/* --- revocation --- */
struct revocation {
	const char *source; /* "crl", "ocsp"; NULL: nobody said anything */
	bool revoked;
	int reason; /* RFC 5280 §5.3.1; -1: none */
	int64_t said_us;
	struct str bytes; /* on the arena */
	bool stale;       /* there is a list, but it is too old */
	char detail[120]; /* why nobody said anything */
};
const char *revocation_reason_name(int reason); /* NULL: none */

/* crl.c */
bool crl_readable(struct str bytes); /* for the fuzz target */
int crls_new(struct arena *, const struct pki_options *, struct crls **out, struct err *);
void crls_free(struct crls *);
/* Looks the certificate up in the newest list of its issuer. Reads files that changed and fetches
 * URLs that are due first (network). */
void crl_ask(struct pki *, const struct anchor *, const struct pki_certificate *, int64_t now_us,
    bool evidence, struct arena *, struct revocation *);

/* ocsp.c */
struct ocsp_cache *ocsp_cache_new(void);
void ocsp_cache_free(struct ocsp_cache *);
void ocsp_ask(struct pki *, const struct anchor *, const struct pki_certificate *, int64_t now_us,
    struct arena *, struct revocation *);

/* An answer with status 200; from the operator's URL, so wherever it is, and by plain HTTP (RFC
 * 6960 §A, RFC 3161 §3.4, RFC 5280 §8: what comes back is signed). bytes absent: GET. Network. */
int ask(struct arena *, const char *url, struct str bytes, const char *type, size_t max,
    struct str *out, struct err *err);

/* ASN1_TIME as an instant; 0 when it is none. */
int64_t instant_of(const ASN1_TIME *);
/* OpenSSL's last error of this thread as text; forgets it. */
const char *openssl_said(char *to, size_t n);

#endif
