#include "pki/make.h"

#include <openssl/conf.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

X509_NAME *name_make(const struct name_part *parts)
{
	X509_NAME *n = X509_NAME_new();
	for (; n && parts->key; parts++)
		if (X509_NAME_add_entry_by_txt(n, parts->key, MBSTRING_UTF8,
		        (const unsigned char *)parts->text, -1, -1, 0) != 1) {
			X509_NAME_free(n);
			return NULL;
		}
	return n;
}

static bool add_extension(X509 *c, X509 *issuer, const struct extension_text *e)
{
	X509V3_CTX ctx;
	CONF *none = NCONF_new(NULL); /* certificatePolicies asks for a configuration */
	X509V3_set_ctx(&ctx, issuer, c, NULL, NULL, 0);
	if (none)
		X509V3_set_nconf(&ctx, none);
	X509_EXTENSION *x = X509V3_EXT_conf_nid(NULL, &ctx, e->nid, e->value);
	bool ok = x && X509_add_ext(c, x, -1) == 1;
	X509_EXTENSION_free(x);
	NCONF_free(none);
	return ok;
}

static bool set_serial(X509 *c)
{
	unsigned char serial[16];
	if (RAND_bytes(serial, sizeof(serial)) != 1)
		return false;
	serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40); /* positive, always as long */
	BIGNUM *bn = BN_bin2bn(serial, sizeof(serial), NULL);
	bool ok = bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(c)) != NULL;
	BN_free(bn);
	return ok;
}

static bool set_time(ASN1_TIME *t, int64_t us)
{
	time_t s = (time_t)(us / 1000000);
	return X509_time_adj_ex(t, 0, 0, &s) != NULL;
}

X509 *certificate_make(const struct certificate_wish *w)
{
	X509 *c = X509_new();
	X509_NAME *subject = name_make(w->subject);
	X509 *issuer = w->issuer ? w->issuer : c;
	bool ok = c && subject && X509_set_version(c, X509_VERSION_3) == 1 && set_serial(c) &&
	          X509_set_subject_name(c, subject) == 1 &&
	          X509_set_issuer_name(c, X509_get_subject_name(issuer)) == 1 &&
	          set_time(X509_getm_notBefore(c), w->from_us) &&
	          set_time(X509_getm_notAfter(c), w->until_us) && X509_set_pubkey(c, w->key) == 1;
	for (int i = 0; ok && i < w->nextensions; i++)
		ok = !w->extensions[i].value || add_extension(c, issuer, &w->extensions[i]);
	for (int i = 0; ok && i < sk_X509_EXTENSION_num(w->more); i++)
		ok = X509_add_ext(c, sk_X509_EXTENSION_value(w->more, i), -1) == 1;
	ok = ok && X509_sign(c, w->issuer_key, EVP_sha256()) > 0;
	X509_NAME_free(subject);
	if (ok)
		return c;
	X509_free(c);
	return NULL;
}
