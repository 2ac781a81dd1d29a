/* What a city trusts: authorities that an operator pinned by file, and nobody else. */
#include "pki/private.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"

/* Every authority of a simulator says so in its name, and so does every certificate it makes. */
#define SIMULATOR_MARK "SIMULATOR"

int64_t instant_of(const ASN1_TIME *t)
{
	struct tm tm;
	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	struct date d = {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday};
	int64_t s =
	    date_to_days(d) * INT64_C(86400) + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
	return s * 1000000;
}

struct str pki_pem(struct arena *a, struct str bytes, const char *label)
{
	struct str out = {0};
	if (!memmem(bytes.p, bytes.n, "-----BEGIN ", 11))
		return bytes;
	if (bytes.n > INT32_MAX)
		return out;
	BIO *b = BIO_new_mem_buf(bytes.p, (int)bytes.n);
	char *name, *header;
	unsigned char *data;
	long n;
	while (b && !out.p && PEM_read_bio(b, &name, &header, &data, &n) == 1) {
		if (!label || strcmp(name, label) == 0)
			out = (struct str){arena_strndup(a, "", 0), 0};
		if (out.p) {
			char *copy = arena_alloc(a, (size_t)n + 1);
			memcpy(copy, data, (size_t)n);
			out = (struct str){copy, (size_t)n};
		}
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_free(data);
	}
	BIO_free(b);
	char why[120];
	(void)openssl_said(why, sizeof(why)); /* the end of the file is an error, too */
	return out;
}

char *pki_to_pem(struct arena *a, struct str der, const char *label)
{
	BIO *b = BIO_new(BIO_s_mem());
	char *p;
	if (!b || PEM_write_bio(b, label, "", (const unsigned char *)der.p, (long)der.n) <= 0)
		abort();
	long n = BIO_get_mem_data(b, &p);
	char *out = arena_strndup(a, p, (size_t)n);
	BIO_free(b);
	return out;
}

/* --- reading the files --- */

static void free_x509(void *p)
{
	X509_free(p);
}

static void free_key(void *p)
{
	key_free(p);
}

static int add_anchor(
    struct pki *p, struct anchors *list, const char *path, X509 *x, struct err *err)
{
	struct anchor *t = &list->list[list->n];
	unsigned char *der = NULL;
	int n = i2d_X509(x, &der);
	if (n <= 0)
		abort();
	char *copy = arena_alloc(p->arena, (size_t)n);
	memcpy(copy, der, (size_t)n);
	OPENSSL_free(der);
	*t = (struct anchor){.der = {copy, (size_t)n}, .x509 = x};
	if (!pki_certificate_read(t->der, &t->certificate) || !t->certificate.authority ||
	    (t->certificate.usage >= 0 && !(t->certificate.usage & PKI_CERT_SIGN)))
		return err_set(err, ERR_INPUT, NULL, "%s: certificate %d is not an authority's",
		    path, list->n + 1);
	if (!(t->key = key_new(t->certificate.key)))
		return err_set(err, ERR_INPUT, NULL,
		    "%s: certificate %d has a key that is not taken (RSA from 2048 bits, P-256, "
		    "P-384 and P-521 are)",
		    path, list->n + 1);
	arena_cleanup(p->arena, free_key, t->key);
	list->n++;
	if (!p->options.simulator &&
	    memmem(t->der.p, t->der.n, SIMULATOR_MARK, sizeof(SIMULATOR_MARK) - 1))
		return err_set(err, ERR_INPUT, NULL,
		    "%s: certificate %d is a simulator's, which anybody can make; take it out, or "
		    "for a city that is only for trying things say card.simulator: true",
		    path, list->n);
	return 0;
}

static int read_anchors(struct pki *p, const char *name, struct anchors *out, struct err *err)
{
	enum { ANCHORS_MAX = 64 };
	const char *path = arena_printf(p->arena, "%s/%s", p->options.dir, name);
	int rc = file_read(p->arena, path, &out->pem, err);
	if (rc == -(int)ERR_MISSING)
		return 0;
	if (rc < 0)
		return rc;
	out->list = arena_array(p->arena, ANCHORS_MAX, sizeof(*out->list));
	BIO *b = BIO_new_mem_buf(out->pem.p, (int)out->pem.n);
	X509 *x;
	while (rc == 0 && out->n < ANCHORS_MAX && (x = PEM_read_bio_X509(b, NULL, NULL, NULL))) {
		arena_cleanup(p->arena, free_x509, x);
		rc = add_anchor(p, out, path, x, err);
	}
	BIO_free(b);
	char why[120];
	(void)openssl_said(why, sizeof(why)); /* the end of the file */
	return rc == 0 && out->n == 0
	           ? err_set(err, ERR_INPUT, NULL, "%s: there is no certificate (PEM) in it", path)
	           : rc;
}

static const char *copy(struct arena *a, const char *text)
{
	return text && text[0] ? arena_strdup(a, text) : NULL;
}

int pki_open(const struct pki_options *o, struct pki **out, struct err *err)
{
	static const char *const files[PKI_KIND_COUNT] = {
	    "card-authentication.pem", "card-signature.pem"};
	static const char *const policies[PKI_KIND_COUNT] = {
	    "1.2.392.200149.8.5.1.3.30", "1.2.392.200149.8.5.1.1.20"};
	struct arena *a = arena_new();
	struct pki *p = arena_new_of(a, struct pki);
	*p = (struct pki){.arena = a, .options = *o};
	p->options.dir = arena_strdup(a, o->dir);
	p->options.algorithms = copy(a, o->algorithms);
	p->options.crl = copy(a, o->crl);
	p->options.ocsp = copy(a, o->ocsp);
	p->options.tsa = copy(a, o->tsa);
	int rc = algorithms_parse(p->options.algorithms, &p->algorithms, err);
	for (int i = 0; rc == 0 && i < PKI_KIND_COUNT; i++) {
		p->policies[i] = oid_of_text(a, policies[i]);
		rc = read_anchors(p, files[i], &p->kinds[i], err);
	}
	if (rc == 0)
		rc = read_anchors(p, "timestamp.pem", &p->stamp, err);
	if (rc == 0)
		rc = crls_new(a, &p->options, &p->crls, err);
	p->answers = ocsp_cache_new();
	if (rc < 0)
		pki_close(p);
	else
		*out = p;
	return rc;
}

void pki_close(struct pki *p)
{
	if (!p)
		return;
	crls_free(p->crls);
	ocsp_cache_free(p->answers);
	arena_free(p->arena);
}

bool pki_ready(const struct pki *p, enum pki_kind kind)
{
	return p && p->kinds[kind].n > 0 && (p->options.crl || p->options.ocsp);
}

bool pki_stamps(const struct pki *p)
{
	return p && p->stamp.n > 0 && p->options.tsa;
}

struct str pki_anchors_pem(const struct pki *p, enum pki_kind kind)
{
	return p->kinds[kind].pem;
}

struct str pki_stamp_anchors_pem(const struct pki *p)
{
	return p->stamp.pem;
}

/* --- the issuer of a card's certificate --- */

static bool could_have_signed(const struct anchor *t, const struct pki_certificate *c)
{
	const struct pki_certificate *ca = &t->certificate;
	return str_eq(ca->subject, c->issuer) &&
	       (!c->authority_key.p || !ca->own_key.p || str_eq(c->authority_key, ca->own_key));
}

const struct anchor *anchor_of(const struct pki *p, enum pki_kind kind,
    const struct pki_certificate *c, int64_t now_us, struct pki_verdict *v)
{
	const struct anchors *all = &p->kinds[kind];
	const struct algorithm *algorithm =
	    algorithm_find(p->algorithms, c->signature_oid, (struct str){0});
	if (!algorithm) {
		(void)verdict(v, PKI_ALGORITHM, "of the certificate's signature");
		return NULL;
	}
	for (int i = 0; i < all->n; i++) {
		const struct anchor *t = &all->list[i];
		if (!could_have_signed(t, c) ||
		    !key_verify(t->key, algorithm, c->tbs, c->signature))
			continue;
		if (now_us >= t->certificate.from_us && now_us <= t->certificate.until_us)
			return t;
		(void)verdict(v, PKI_ISSUER, "the authority's own certificate is not valid now");
		return NULL;
	}
	(void)verdict(v, PKI_ISSUER, "none of %d trusted authorities signed it", all->n);
	return NULL;
}
