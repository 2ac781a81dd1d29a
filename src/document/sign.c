/* PAdES baseline B-B signatures (ETSI EN 319 142-1 §6): what a reader needs to see who sealed a
 * document and that nothing was changed since.
 *
 *   1. The signature is a field without appearance, added by an incremental update; its
 *      dictionary has SubFilter ETSI.CAdES.detached, M (the claimed time) and a ByteRange over
 *      the whole file but the Contents value.
 *   2. Contents is a detached CMS SignedData (RFC 5652) over exactly these bytes: SHA-256, the
 *      signed attributes content-type, message-digest and signing-certificate-v2 (RFC 5035),
 *      and no signing-time: EN 319 142-1 §6.3 forbids it beside M.
 *   3. The first signature certifies the document (DocMDP, P 1): a viewer shows any change. */
#include "document/private.h"
#include "document/sign.h"

#include <openssl/cms.h>
#include <openssl/evp.h>
#include <string.h>

enum { RANGE_DIGITS = 10, CMS_ROOM = 3072 };

/* --- the CMS --- */

struct der {
	unsigned char *p;
	int n;
};

static int compare_der(const void *a, const void *b)
{
	const struct der *x = a, *y = b;
	int c = memcmp(x->p, y->p, (size_t)(x->n < y->n ? x->n : y->n));
	return c ? c : x->n - y->n;
}

/* The signed attributes as the DER SET OF that is signed (RFC 5652 §5.4). */
static int attributes_der(
    struct arena *a, const CMS_SignerInfo *si, struct str *out, struct err *err)
{
	int count = CMS_signed_get_attr_count(si);
	struct der *list = arena_array(a, count > 0 ? (size_t)count : 1, sizeof(*list));
	size_t total = 0;
	for (int i = 0; i < count; i++) {
		X509_ATTRIBUTE *attribute = CMS_signed_get_attr(si, i);
		int n = i2d_X509_ATTRIBUTE(attribute, NULL);
		if (n <= 0)
			return sign_failed(err, NULL, "signed attribute");
		list[i].p = arena_alloc(a, (size_t)n);
		unsigned char *end = list[i].p;
		list[i].n = i2d_X509_ATTRIBUTE(attribute, &end);
		total += (size_t)list[i].n;
	}
	qsort(list, (size_t)(count > 0 ? count : 0), sizeof(*list), compare_der);
	int whole = ASN1_object_size(1, (int)total, V_ASN1_SET);
	unsigned char *bytes = arena_alloc(a, (size_t)whole), *at = bytes;
	ASN1_put_object(&at, 1, (int)total, V_ASN1_SET, V_ASN1_UNIVERSAL);
	for (int i = 0; i < count; i++) {
		memcpy(at, list[i].p, (size_t)list[i].n);
		at += list[i].n;
	}
	*out = (struct str){(char *)bytes, (size_t)whole};
	return 0;
}

/* OpenSSL always adds signing-time; takes it out and signs the attributes anew. */
static int drop_signing_time(struct arena *a, CMS_SignerInfo *si, EVP_PKEY *key, struct err *err)
{
	int at = CMS_signed_get_attr_by_NID(si, NID_pkcs9_signingTime, -1);
	if (at < 0)
		return 0;
	X509_ATTRIBUTE_free(CMS_signed_delete_attr(si, at));
	struct str attributes = {0};
	int rc = attributes_der(a, si, &attributes, err);
	if (rc < 0)
		return rc;
	const unsigned char *bytes = (const unsigned char *)attributes.p;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t n = 0;
	unsigned char *signature = NULL;
	rc = sign_failed(err, NULL, "signing");
	if (md && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(md, NULL, &n, bytes, attributes.n) == 1) {
		signature = arena_alloc(a, n);
		if (EVP_DigestSign(md, signature, &n, bytes, attributes.n) == 1 &&
		    ASN1_OCTET_STRING_set(CMS_SignerInfo_get0_signature(si), signature, (int)n) ==
		        1)
			rc = 0;
	}
	EVP_MD_CTX_free(md);
	return rc;
}

/* The detached CMS over two slices. */
static int make_cms(struct arena *a, const struct sign_key *k, struct str first, struct str second,
    struct str *out, struct err *err)
{
	const unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP;
	char *all = arena_alloc(a, first.n + second.n);
	memcpy(all, first.p, first.n);
	memcpy(all + first.n, second.p, second.n);
	BIO *data = BIO_new_mem_buf(all, (int)(first.n + second.n));
	CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, flags | CMS_PARTIAL);
	unsigned char *der = NULL;
	int rc = sign_failed(err, NULL, "CMS of the signature");
	CMS_SignerInfo *si =
	    cms ? CMS_add1_signer(cms, k->cert, k->key, EVP_sha256(), flags | CMS_CADES) : NULL;
	bool ok = data && si != NULL;
	for (int i = 0; ok && i < sk_X509_num(k->chain); i++)
		ok = CMS_add1_cert(cms, sk_X509_value(k->chain, i)) == 1;
	if (ok && CMS_final(cms, data, NULL, flags) == 1) {
		rc = drop_signing_time(a, si, k->key, err);
		int n = rc == 0 ? i2d_CMS_ContentInfo(cms, &der) : 0;
		if (rc == 0 && n <= 0)
			rc = sign_failed(err, NULL, "CMS of the signature");
		if (rc == 0) {
			char *copy = arena_alloc(a, (size_t)n);
			memcpy(copy, der, (size_t)n);
			*out = (struct str){copy, (size_t)n};
		}
	} else {
		rc = sign_failed(err, NULL, "CMS of the signature");
	}
	OPENSSL_free(der);
	CMS_ContentInfo_free(cms);
	BIO_free(data);
	return rc;
}

/* Bytes to keep free for the CMS: certificates, two signatures' worth, attributes. */
static size_t cms_room(const struct sign_key *k)
{
	size_t n = CMS_ROOM + (size_t)EVP_PKEY_get_size(k->key);
	n += (size_t)i2d_X509(k->cert, NULL);
	for (int i = 0; i < sk_X509_num(k->chain); i++)
		n += (size_t)i2d_X509(sk_X509_value(k->chain, i), NULL);
	return n;
}

/* --- the PDF --- */

/* Places in the new file that are filled in at the end. */
struct holes {
	size_t range;    /* first digit of the ByteRange's numbers, RANGE_DIGITS wide each */
	size_t contents; /* the "<" of Contents */
	size_t room;     /* bytes of CMS that fit */
};

static void signature_value(
    struct buf *b, const struct sign_about *about, int signature, struct holes *h)
{
	(void)signature;
	buf_puts(b,
	    "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /ByteRange [0 ");
	h->range = b->n;
	for (int i = 0; i < 3; i++)
		buf_printf(b, "%*s ", RANGE_DIGITS, "0");
	buf_puts(b, "] /Contents ");
	h->contents = b->n;
	buf_putc(b, '<');
	for (size_t i = 0; i < h->room; i++)
		buf_puts(b, "00");
	buf_puts(b, "> /M ");
	pdf_date(b, about->at_us);
	const struct {
		const char *key, *text;
	} texts[] = {
	    {"Name", about->name}, {"Reason", about->reason}, {"Location", about->location}};
	for (size_t i = 0; i < COUNT(texts); i++) {
		if (!texts[i].text)
			continue;
		buf_printf(b, " /%s ", texts[i].key);
		pdf_text(b, texts[i].text);
	}
	buf_puts(b, " /Reference [<< /Type /SigRef /TransformMethod /DocMDP /TransformParams "
	            "<< /Type /TransformParams /P 1 /V /1.2 >> >>] >>");
}

/* Adds the field to the first page's annotations and to the catalog's form. */
static int add_field(
    struct arena *a, struct pdf_update *u, int signature, int field, struct err *err)
{
	struct str catalog, page, annots;
	int number = pdf_update_first_page(u, err);
	if (number < 0)
		return number;
	int rc = pdf_update_object(u, number, &page, err);
	if (rc == 0)
		rc = pdf_update_object(u, pdf_update_catalog(u), &catalog, err);
	if (rc < 0)
		return rc;
	if (pdf_dict_find(catalog, "AcroForm", &annots))
		return err_set(
		    err, ERR_INPUT, "document.signed_already", "PDF: it has a form already");
	const char *list = arena_printf(a, "[%d 0 R]", field);
	if (pdf_dict_find(page, "Annots", &annots)) {
		annots = str_trim(annots);
		if (annots.n < 2 || annots.p[0] != '[' || annots.p[annots.n - 1] != ']')
			return err_set(
			    err, ERR_INPUT, NULL, "PDF: annotations that are no plain array");
		list = arena_printf(a, "%.*s %d 0 R]", (int)annots.n - 1, annots.p, field);
	}
	rc = pdf_dict_set(a, page, "Annots", list, &page, err);
	if (rc == 0)
		rc = pdf_dict_set(a, catalog, "AcroForm",
		    arena_printf(a, "<< /Fields [%d 0 R] /SigFlags 3 >>", field), &catalog, err);
	if (rc == 0)
		rc = pdf_dict_set(a, catalog, "Perms",
		    arena_printf(a, "<< /DocMDP %d 0 R >>", signature), &catalog, err);
	if (rc == 0)
		rc = pdf_dict_set(a, catalog, "Version", "/1.7", &catalog, err);
	if (rc < 0)
		return rc;
	(void)pdf_update_put(u, number, page, (struct str){0});
	(void)pdf_update_put(u, pdf_update_catalog(u), catalog, (struct str){0});
	/* Table 164, 165: not shown, but printed with the page; locked. */
	(void)pdf_update_put(u, field,
	    str_from(arena_printf(a,
	        "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature1) /V %d 0 R /F 132 "
	        "/Rect [0 0 0 0] /P %d 0 R >>",
	        signature, number)),
	    (struct str){0});
	return 0;
}

int sign_pdf(struct arena *a, const struct sign_key *key, const struct sign_about *about,
    struct str pdf, struct str *out, struct err *err)
{
	struct pdf_update *u;
	int rc = pdf_update_begin(a, pdf, &u, err);
	if (rc < 0)
		return rc;
	int signature = pdf_update_new(u), field = pdf_update_new(u);
	rc = add_field(a, u, signature, field, err);
	if (rc < 0)
		return rc;
	struct holes h = {.room = cms_room(key)};
	struct buf value;
	buf_init(&value, a);
	signature_value(&value, about, signature, &h);
	size_t base = pdf_update_put(u, signature, buf_to_str(&value), (struct str){0});
	struct str whole = {0};
	rc = pdf_update_end(u, &whole, err);
	if (rc < 0)
		return rc;
	char *bytes = (char *)whole.p; /* the update's own buffer, on our arena */
	size_t from = base + h.contents, after = from + h.room * 2 + 2;
	char range[3 * (RANGE_DIGITS + 1) + 1];
	(void)snprintf(range, sizeof(range), "%*zu %*zu %*zu ", RANGE_DIGITS, from, RANGE_DIGITS,
	    after, RANGE_DIGITS, whole.n - after);
	memcpy(bytes + base + h.range, range, sizeof(range) - 1);
	struct str cms = {0};
	rc = make_cms(a, key, (struct str){bytes, from},
	    (struct str){bytes + after, whole.n - after}, &cms, err);
	if (rc < 0)
		return rc;
	if (cms.n > h.room)
		return err_set(
		    err, ERR_INTERNAL, NULL, "signature: %zu bytes, room for %zu", cms.n, h.room);
	struct buf hex;
	buf_init(&hex, a);
	buf_hex(&hex, cms.p, cms.n);
	memcpy(bytes + from + 1, hex.p, hex.n);
	*out = whole;
	return 0;
}
