/* OCSP (RFC 6960), time stamps (RFC 3161) and revocation lists of the simulated authorities, over
 * HTTP on this machine. Everything is read from the folder for each request, so that a card that
 * was revoked a moment ago is revoked. */
#include "simulate/http.h"
#include "simulate/private.h"

#include <openssl/ocsp.h>
#include <openssl/ts.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

/* --- OCSP --- */

struct ocsp_way {
	bool no_nonce, other;
};

/* Which of the two authorities is the question about? */
static int kind_of(struct arena *a, const char *dir, OCSP_CERTID *id)
{
	ASN1_OCTET_STRING *key_hash = NULL;
	(void)OCSP_id_get0_info(NULL, NULL, &key_hash, NULL, id);
	for (int kind = 0; kind < PKI_KIND_COUNT; kind++) {
		struct pair ca;
		if (pair_load(a, dir, kind_names[kind], &ca, NULL) < 0)
			continue;
		OCSP_CERTID *own = OCSP_cert_id_new(EVP_sha1(), X509_get_subject_name(ca.cert),
		    X509_get0_pubkey_bitstr(ca.cert), X509_get0_serialNumber(ca.cert));
		ASN1_OCTET_STRING *own_hash = NULL;
		(void)OCSP_id_get0_info(NULL, NULL, &own_hash, NULL, own);
		bool same = own_hash && key_hash && ASN1_OCTET_STRING_cmp(own_hash, key_hash) == 0;
		OCSP_CERTID_free(own);
		if (same)
			return kind;
	}
	return -1;
}

static const char *serial_text(struct arena *a, OCSP_CERTID *id)
{
	ASN1_INTEGER *serial = NULL;
	(void)OCSP_id_get0_info(NULL, NULL, NULL, &serial, id);
	BIGNUM *bn = ASN1_INTEGER_to_BN(serial, NULL);
	char *hex = BN_bn2hex(bn);
	const char *out = arena_strdup(a, hex);
	OPENSSL_free(hex);
	BN_free(bn);
	return out;
}

static OCSP_BASICRESP *ocsp_basic(
    struct arena *a, const char *dir, const struct ocsp_way *way, OCSP_REQUEST *q)
{
	OCSP_ONEREQ *one = OCSP_request_onereq_get0(q, 0);
	OCSP_CERTID *id = one ? OCSP_onereq_get0_id(one) : NULL;
	int kind = id ? kind_of(a, dir, id) : -1, reason;
	int64_t at_us;
	struct pair signer;
	if (kind < 0)
		return NULL;
	int who = way->other ? !kind : kind;
	if (pair_load(a, dir, arena_printf(a, "ocsp-%s", kind_names[who]), &signer, NULL) < 0)
		return NULL;
	bool revoked =
	    serial_revoked(revoked_load(a, dir), kind, serial_text(a, id), &at_us, &reason);
	time_t now = (time_t)(now_us() / 1000000);
	ASN1_TIME *from = ASN1_TIME_set(NULL, now), *next = ASN1_TIME_set(NULL, now + 3600);
	ASN1_TIME *when = ASN1_TIME_set(NULL, (time_t)(at_us / 1000000));
	OCSP_BASICRESP *b = OCSP_BASICRESP_new();
	bool ok = OCSP_basic_add1_status(b, id,
	              revoked ? V_OCSP_CERTSTATUS_REVOKED : V_OCSP_CERTSTATUS_GOOD, reason,
	              revoked ? when : NULL, from, next) != NULL;
	if (ok && !way->no_nonce)
		(void)OCSP_copy_nonce(b, q); /* without one in the question there is none */
	ok = ok && OCSP_basic_sign(b, signer.cert, signer.key, EVP_sha256(), NULL, 0) == 1;
	ASN1_TIME_free(from);
	ASN1_TIME_free(next);
	ASN1_TIME_free(when);
	if (ok)
		return b;
	OCSP_BASICRESP_free(b);
	return NULL;
}

static bool ocsp_answer(
    struct arena *a, const char *dir, const struct ocsp_way *way, struct str body, struct str *out)
{
	const unsigned char *at = (const unsigned char *)body.p;
	OCSP_REQUEST *q = d2i_OCSP_REQUEST(NULL, &at, (long)body.n);
	OCSP_BASICRESP *b = q ? ocsp_basic(a, dir, way, q) : NULL;
	OCSP_RESPONSE *r = OCSP_response_create(
	    b ? OCSP_RESPONSE_STATUS_SUCCESSFUL : OCSP_RESPONSE_STATUS_UNAUTHORIZED, b);
	unsigned char *der = NULL;
	int n = i2d_OCSP_RESPONSE(r, &der);
	if (n > 0) {
		char *copy = arena_alloc(a, (size_t)n);
		memcpy(copy, der, (size_t)n);
		*out = (struct str){copy, (size_t)n};
	}
	OPENSSL_free(der);
	OCSP_RESPONSE_free(r);
	OCSP_BASICRESP_free(b);
	OCSP_REQUEST_free(q);
	return n > 0;
}

/* --- time stamps --- */

static ASN1_INTEGER *stamp_serial(TS_RESP_CTX *c, void *arg)
{
	(void)c;
	(void)arg;
	ASN1_INTEGER *n = ASN1_INTEGER_new();
	if (n && ASN1_INTEGER_set_uint64(n, (uint64_t)now_us()) != 1)
		abort();
	return n;
}

static int stamp_time(TS_RESP_CTX *c, void *arg, long *seconds, long *micro)
{
	(void)c;
	(void)arg;
	*seconds = (long)(now_us() / 1000000);
	*micro = (long)(now_us() % 1000000);
	return 1;
}

static bool stamp_answer(
    struct arena *a, const char *dir, const char *who, struct str body, struct str *out)
{
	struct pair signer;
	if (pair_load(a, dir, who, &signer, NULL) < 0)
		return false;
	TS_RESP_CTX *c = TS_RESP_CTX_new();
	ASN1_OBJECT *policy = OBJ_txt2obj("1.3.6.1.4.1.32473.1", 1); /* RFC 5612: for examples */
	BIO *b = BIO_new_mem_buf(body.p, (int)body.n);
	bool ok = c && policy && b && TS_RESP_CTX_set_signer_cert(c, signer.cert) == 1 &&
	          TS_RESP_CTX_set_signer_key(c, signer.key) == 1 &&
	          TS_RESP_CTX_set_signer_digest(c, EVP_sha256()) == 1 &&
	          TS_RESP_CTX_set_ess_cert_id_digest(c, EVP_sha256()) == 1 &&
	          TS_RESP_CTX_set_def_policy(c, policy) == 1 &&
	          TS_RESP_CTX_add_md(c, EVP_sha256()) == 1;
	TS_RESP *r = NULL;
	unsigned char *der = NULL;
	int n = 0;
	if (ok) {
		TS_RESP_CTX_set_serial_cb(c, stamp_serial, NULL);
		TS_RESP_CTX_set_time_cb(c, stamp_time, NULL);
		r = TS_RESP_create_response(c, b);
		n = r ? i2d_TS_RESP(r, &der) : 0;
	}
	if (n > 0) {
		char *copy = arena_alloc(a, (size_t)n);
		memcpy(copy, der, (size_t)n);
		*out = (struct str){copy, (size_t)n};
	}
	OPENSSL_free(der);
	TS_RESP_free(r);
	BIO_free(b);
	ASN1_OBJECT_free(policy);
	TS_RESP_CTX_free(c);
	return n > 0;
}

/* --- HTTP --- */

static bool find(struct sim_exchange *x, const char *dir, struct str *out, const char **type)
{
	const char *path = x->path;
	static const struct {
		const char *path;
		struct ocsp_way way;
	} ocsp[] = {{"/ocsp", {false, false}}, {"/ocsp/no-nonce", {.no_nonce = true}},
	    {"/ocsp/other", {.other = true}}};
	struct str body = x->body;
	for (size_t i = 0; i < COUNT(ocsp); i++)
		if (text_eq(path, ocsp[i].path)) {
			*type = "application/ocsp-response";
			return ocsp_answer(x->arena, dir, &ocsp[i].way, body, out);
		}
	*type = "application/timestamp-reply";
	if (text_eq(path, "/tsa"))
		return stamp_answer(x->arena, dir, "stamp", body, out);
	if (text_eq(path, "/tsa/expired"))
		return stamp_answer(x->arena, dir, "stamp-expired", body, out);
	*type = "application/pkix-crl";
	for (int kind = 0; kind < PKI_KIND_COUNT; kind++)
		if (text_eq(path, arena_printf(x->arena, "/%s.crl", kind_names[kind])))
			return crl_make(x->arena, dir, kind, now_us(), 24, out, NULL) == 0;
	return false;
}

static void answer(struct sim_exchange *x, void *dir)
{
	if (find(x, dir, &x->out, &x->type))
		x->status = 200;
}

int responder_serve(const char *dir, int port, struct err *err)
{
	return sim_serve(port, "OCSP, time stamps and revocation lists", answer, (void *)dir, err);
}
