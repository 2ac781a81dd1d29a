/* Time stamps (RFC 3161): somebody else says that these bytes were there at that time. */
#include "pki/private.h"

#include <openssl/err.h>
#include <openssl/ts.h>
#include <string.h>

enum { RESPONSE_BYTES_MAX = 256 * 1024, SKEW_S = 600 };

static TS_REQ *request_make(struct str bytes)
{
	unsigned char digest[HASH_SIZE], random[16];
	hash_sha256(&bytes, 1, digest);
	random_bytes(random, sizeof(random));
	random[0] = (unsigned char)((random[0] & 0x7f) | 0x40); /* positive, 16 bytes long */
	BIGNUM *bn = BN_bin2bn(random, sizeof(random), NULL);
	ASN1_INTEGER *nonce = bn ? BN_to_ASN1_INTEGER(bn, NULL) : NULL;
	X509_ALGOR *algorithm = X509_ALGOR_new();
	TS_MSG_IMPRINT *imprint = TS_MSG_IMPRINT_new();
	TS_REQ *q = TS_REQ_new();
	if (!nonce || !algorithm || !imprint || !q)
		abort();
	X509_ALGOR_set_md(algorithm, EVP_sha256());
	bool ok = TS_MSG_IMPRINT_set_algo(imprint, algorithm) == 1 &&
	          TS_MSG_IMPRINT_set_msg(imprint, digest, sizeof(digest)) == 1 &&
	          TS_REQ_set_version(q, 1) == 1 && TS_REQ_set_msg_imprint(q, imprint) == 1 &&
	          TS_REQ_set_nonce(q, nonce) == 1 && TS_REQ_set_cert_req(q, 1) == 1;
	if (!ok)
		abort(); /* only without memory */
	BN_free(bn);
	ASN1_INTEGER_free(nonce);
	X509_ALGOR_free(algorithm);
	TS_MSG_IMPRINT_free(imprint);
	return q;
}

static X509_STORE *store_of(const struct pki *p, int64_t at_us)
{
	X509_STORE *s = X509_STORE_new();
	if (!s)
		abort();
	for (int i = 0; i < p->stamp.n; i++)
		X509_STORE_add_cert(s, p->stamp.list[i].x509);
	X509_VERIFY_PARAM_set_time(X509_STORE_get0_param(s), (time_t)(at_us / 1000000));
	return s;
}

/* Was it the authority's certificate, or what it signed? */
static enum pki_reason reason_of_errors(char *detail, size_t n)
{
	enum pki_reason r = PKI_STAMP_WRONG;
	unsigned long e, last = 0;
	while ((e = ERR_get_error()) != 0) {
		if (ERR_GET_LIB(e) == ERR_LIB_TS &&
		    ERR_GET_REASON(e) == TS_R_CERTIFICATE_VERIFY_ERROR)
			r = PKI_STAMP_AUTHORITY;
		last = e;
	}
	ERR_error_string_n(last, detail, n);
	return r;
}

/* request NULL: of bytes that are known, without a nonce to compare. */
static bool verify(const struct pki *p, TS_RESP *response, const TS_REQ *request, struct str bytes,
    int64_t *stamped_us, struct pki_verdict *v)
{
	const TS_TST_INFO *info = response ? TS_RESP_get_tst_info(response) : NULL;
	char why[120];
	*stamped_us = info ? instant_of(TS_TST_INFO_get_time(info)) : 0;
	if (!*stamped_us) {
		ERR_clear_error();
		return verdict(v, PKI_STAMP_REFUSED, "no time stamp in the answer");
	}
	TS_VERIFY_CTX *c =
	    request ? TS_REQ_to_TS_VERIFY_CTX((TS_REQ *)request, NULL) : TS_VERIFY_CTX_new();
	if (!c)
		abort();
	(void)TS_VERIFY_CTX_set_store(c, store_of(p, *stamped_us)); /* the context's from here on */
	if (request) {
		TS_VERIFY_CTX_add_flags(c, TS_VFY_SIGNATURE);
	} else {
		(void)TS_VERIFY_CTX_set_data(c, BIO_new_mem_buf(bytes.p, (int)bytes.n));
		TS_VERIFY_CTX_set_flags(c, TS_VFY_VERSION | TS_VFY_DATA | TS_VFY_SIGNATURE);
	}
	bool ok = TS_RESP_verify_response(c, response) == 1;
	TS_VERIFY_CTX_free(c);
	if (ok)
		return verdict(v, PKI_GOOD, "%s", "");
	enum pki_reason reason = reason_of_errors(why, sizeof(why));
	return verdict(v, reason, "%s", why);
}

static bool read_whole(struct str bytes, TS_RESP **out)
{
	const unsigned char *at = (const unsigned char *)bytes.p;
	*out = bytes.n > 0 && bytes.n <= RESPONSE_BYTES_MAX ? d2i_TS_RESP(NULL, &at, (long)bytes.n)
	                                                    : NULL;
	ERR_clear_error();
	return *out != NULL;
}

int pki_stamp_verify(struct pki *p, struct str response, struct str bytes, int64_t *stamped_us,
    struct pki_verdict *v, struct err *err)
{
	TS_RESP *r;
	(void)err;
	if (bytes.n > INT32_MAX || !read_whole(response, &r)) {
		(void)verdict(v, PKI_STAMP_WRONG, "no time stamp");
		return 0;
	}
	(void)verify(p, r, NULL, bytes, stamped_us, v);
	TS_RESP_free(r);
	return 0;
}

int pki_stamp(struct pki *p, struct arena *a, struct str bytes, int64_t now_us,
    struct str *response, int64_t *stamped_us, struct pki_verdict *v, struct err *err)
{
	if (!pki_stamps(p))
		return err_set(err, ERR_INTERNAL, NULL, "no time-stamp authority is configured");
	TS_REQ *q = request_make(bytes);
	TS_RESP *r = NULL;
	struct err why = {0};
	unsigned char *der = NULL;
	int n = i2d_TS_REQ(q, &der);
	if (n <= 0)
		abort();
	struct str body = {(char *)der, (size_t)n};
	if (ask(a, p->options.tsa, body, "application/timestamp-query", RESPONSE_BYTES_MAX,
	        response, &why) < 0)
		(void)verdict(v, PKI_STAMP_REFUSED, "%.150s", why.detail);
	else if (!read_whole(*response, &r))
		(void)verdict(v, PKI_STAMP_REFUSED, "no time-stamp answer");
	else if (verify(p, r, q, bytes, stamped_us, v) &&
	         llabs(*stamped_us - now_us) > SKEW_S * INT64_C(1000000))
		(void)verdict(v, PKI_STAMP_WRONG, "it is of another time than this clock's");
	TS_RESP_free(r);
	OPENSSL_free(der);
	TS_REQ_free(q);
	return 0;
}
