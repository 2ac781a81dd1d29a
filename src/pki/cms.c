/* Detached CMS signatures: read as slices of the bytes, and verified. */
#include "pki/private.h"

#include <string.h>

#define OID_SIGNED_DATA OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")
#define OID_DATA OID("\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01")

struct signer_id {
	struct str issuer, serial, key; /* issuer and serial, or key identifier */
};

static bool is_signer(const struct signer_id *id, const struct pki_certificate *c)
{
	return id->key.p ? c->own_key.p && str_eq(id->key, c->own_key)
	                 : str_eq(id->issuer, c->issuer) && str_eq(id->serial, c->serial);
}

static bool find_signer(struct str list, const struct signer_id *id, struct str *out)
{
	struct pki_certificate c;
	struct str one;
	int tag;
	while (der_next(&list, &tag, NULL, &one)) {
		if (tag != DER_SEQUENCE || !pki_certificate_read(one, &c) || !is_signer(id, &c))
			continue;
		*out = one;
		return true;
	}
	return false;
}

static bool read_signer_id(struct str *info, struct signer_id *id)
{
	struct str both;
	*id = (struct signer_id){0};
	if (der_take(info, DER_CONTEXT | 0, &id->key))
		return true;
	return der_take(info, DER_SEQUENCE, &both) && der_next(&both, NULL, NULL, &id->issuer) &&
	       der_only(both, DER_INTEGER, &id->serial);
}

static bool algorithm_oid(struct str *in, struct str *oid)
{
	struct str s;
	return der_take(in, DER_SEQUENCE, &s) && der_take(&s, DER_OID, oid);
}

static bool one_of_set(struct str set, int tag, struct str *out)
{
	return der_only(set, tag, out);
}

/* One attribute; false: it is broken, or there twice. */
static bool read_attribute(struct str a, struct pki_cms *c, struct str *type)
{
	struct str oid, set, value;
	if (!der_take(&a, DER_OID, &oid) || !der_only(a, DER_SET, &set))
		return false;
	if (der_is_oid(oid, OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03"))) /* content-type */
		return !type->p && one_of_set(set, DER_OID, type);
	if (der_is_oid(oid, OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04"))) /* message-digest */
		return !c->message_digest.p && one_of_set(set, DER_OCTETS, &c->message_digest);
	if (der_is_oid(oid, OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05"))) { /* signing-time */
		value = set;
		return !c->signing_us && der_time(&value, &c->signing_us) && value.n == 0;
	}
	/* signing-certificate-v2, 1.2.840.113549.1.9.16.2.47 */
	if (der_is_oid(oid, OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x02\x2f")))
		return !c->signing_certificate.p &&
		       one_of_set(set, DER_SEQUENCE, &c->signing_certificate);
	return true;
}

static bool read_attributes(struct pki_cms *c, struct pki_verdict *v)
{
	struct str list = c->attributes, one, type = {0};
	while (list.n > 0)
		if (!der_take(&list, DER_SEQUENCE, &one) || !read_attribute(one, c, &type))
			return verdict(v, PKI_MALFORMED, "signed attributes");
	if (!c->message_digest.p || !type.p || !der_is_oid(type, OID_DATA))
		return verdict(v, PKI_MALFORMED, "no message digest or content type is signed");
	return true;
}

static bool read_signer(
    struct str info, struct str certificates, struct pki_cms *c, struct pki_verdict *v)
{
	struct signer_id id;
	int64_t version;
	if (!der_small(&info, &version) || !read_signer_id(&info, &id) ||
	    !algorithm_oid(&info, &c->digest_oid))
		return verdict(v, PKI_MALFORMED, "signer");
	if (!der_take(&info, DER_INSIDE | 0, &c->attributes))
		return verdict(v, PKI_MALFORMED, "nothing but the content is signed");
	if (!algorithm_oid(&info, &c->signature_oid) || !der_take(&info, DER_OCTETS, &c->signature))
		return verdict(v, PKI_MALFORMED, "signature of the signer");
	if (!find_signer(certificates, &id, &c->certificate))
		return verdict(v, PKI_NO_SIGNER, "the signer's certificate is not in it");
	return read_attributes(c, v);
}

bool pki_cms_read(struct str der, struct pki_cms *c, struct pki_verdict *v)
{
	struct str content, type, wrapped, data, encap, kind, certificates = {0}, infos, info;
	int64_t version;
	*c = (struct pki_cms){0};
	*v = (struct pki_verdict){0};
	if (!der_only(der, DER_SEQUENCE, &content) || !der_take(&content, DER_OID, &type) ||
	    !der_is_oid(type, OID_SIGNED_DATA) || !der_only(content, DER_INSIDE | 0, &wrapped) ||
	    !der_only(wrapped, DER_SEQUENCE, &data))
		return verdict(v, PKI_MALFORMED, "no CMS SignedData in DER");
	if (!der_small(&data, &version) || !der_take(&data, DER_SET, NULL) ||
	    !der_take(&data, DER_SEQUENCE, &encap) || !der_take(&encap, DER_OID, &kind) ||
	    !der_is_oid(kind, OID_DATA))
		return verdict(v, PKI_MALFORMED, "SignedData");
	if (encap.n > 0)
		return verdict(v, PKI_MALFORMED, "the content is inside: a detached one is wanted");
	(void)der_take(&data, DER_INSIDE | 0, &certificates); /* optional */
	(void)der_take(&data, DER_INSIDE | 1, NULL);          /* revocation lists; optional */
	if (!der_only(data, DER_SET, &infos))
		return verdict(v, PKI_MALFORMED, "signers");
	if (!der_take(&infos, DER_SEQUENCE, &info) || infos.n > 0)
		return verdict(v, PKI_NO_SIGNER, "not one signer");
	return read_signer(info, certificates, c, v);
}

/* --- verification --- */

/* RFC 5035 §4: the first ESSCertIDv2 is of the signer's certificate. */
static bool names_certificate(const struct pki_cms *c, struct pki_verdict *v)
{
	struct str value = c->signing_certificate, list, first, oid, hash, s;
	unsigned char is[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (!value.p)
		return verdict(v, PKI_SIGNING_CERTIFICATE, "no signing-certificate-v2 is signed");
	const EVP_MD *md = digest_find(OID("\x60\x86\x48\x01\x65\x03\x04\x02\x01"));
	if (!der_take(&value, DER_SEQUENCE, &list) || !der_take(&list, DER_SEQUENCE, &first))
		return verdict(v, PKI_SIGNING_CERTIFICATE, "signing-certificate-v2 is broken");
	if (der_take(&first, DER_SEQUENCE, &s))
		md = der_take(&s, DER_OID, &oid) ? digest_find(oid) : NULL;
	if (!md || !der_take(&first, DER_OCTETS, &hash))
		return verdict(v, PKI_SIGNING_CERTIFICATE, "signing-certificate-v2: digest");
	if (EVP_Digest(c->certificate.p, c->certificate.n, is, &n, md, NULL) != 1)
		abort();
	if (hash.n != n || memcmp(hash.p, is, n) != 0)
		return verdict(v, PKI_SIGNING_CERTIFICATE, "it names another certificate");
	return true;
}

static bool signature_fits(const struct pki_cms *c, const struct algorithm *a,
    const struct pki_certificate *signer, struct pki_verdict *v)
{
	struct key *k = key_new(signer->key);
	if (!k)
		return verdict(v, PKI_ALGORITHM, "key of the signer");
	/* What is signed is the SET OF (RFC 5652 §5.4); it stands there with another tag. The head
	 * is as long, for the length is the same. */
	size_t head = (size_t)(c->attributes.n < 0x80      ? 2
	                       : c->attributes.n < 0x100   ? 3
	                       : c->attributes.n < 0x10000 ? 4
	                                                   : 5);
	struct buf b = {0};
	buf_add(&b, c->attributes.p - head, head + c->attributes.n);
	b.p[0] = DER_SET;
	bool ok = key_verify(k, a, buf_to_str(&b), c->signature);
	buf_free(&b);
	key_free(k);
	return ok || verdict(v, PKI_SIGNATURE_WRONG, "not made with the certificate's key");
}

static void verify(const struct pki *p, const struct pki_cms *c,
    const struct pki_certificate *signer, struct str content, struct pki_verdict *v)
{
	unsigned char is[EVP_MAX_MD_SIZE];
	size_t n;
	const struct algorithm *a = algorithm_find(p->algorithms, c->signature_oid, c->digest_oid);
	if (!a) {
		(void)verdict(v, PKI_ALGORITHM, "signature or digest algorithm");
		return;
	}
	algorithm_digest(a, content, is, &n);
	if (c->message_digest.n != n || memcmp(c->message_digest.p, is, n) != 0) {
		(void)verdict(v, PKI_ALTERED, "the message digest is of other bytes");
		return;
	}
	if (names_certificate(c, v) && signature_fits(c, a, signer, v))
		(void)verdict(v, PKI_GOOD, "%s", "");
}

int pki_cms_verify(
    struct pki *p, const struct pki_cms *c, struct str content, struct pki_verdict *v)
{
	struct pki_certificate signer;
	if (!pki_certificate_read(c->certificate, &signer))
		(void)verdict(v, PKI_MALFORMED, "certificate of the signer");
	else
		verify(p, c, &signer, content, v);
	return 0;
}

int pki_verify(struct pki *p, struct arena *a, struct str cms, struct str content, int64_t now_us,
    bool evidence, struct pki_checked *out, struct pki_verdict *v, struct err *err)
{
	struct pki_cms c;
	*out = (struct pki_checked){0};
	if (!pki_cms_read(cms, &c, v))
		return 0;
	int rc = pki_cms_verify(p, &c, content, v);
	if (rc < 0 || v->reason != PKI_GOOD)
		return rc;
	return pki_check(p, a, c.certificate, PKI_SIGNATURE, now_us, evidence, out, v, err);
}
