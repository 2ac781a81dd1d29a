/* Asking an OCSP responder (RFC 6960): is this certificate revoked at this moment?
 *
 *   1. An answer counts when it repeats our nonce, is about our certificate, is of this time, and
 * is signed by the issuer or by a responder that the issuer named (RFC 6960 §4.2.2.2).
 *   2. "unknown" is no answer.
 *   3. An answer is kept some minutes, for the moment in which one person does several things. */
#include "pki/private.h"

#include <openssl/ocsp.h>
#include <pthread.h>
#include <string.h>

enum { PLACES = 1024, ANSWER_BYTES_MAX = 256 * 1024, SKEW_S = 300 };

struct kept {
	unsigned char of[HASH_SIZE];
	int64_t until_us;
	bool revoked;
	int reason;
	int64_t said_us;
	char *bytes;
	size_t n;
};

struct ocsp_cache {
	pthread_mutex_t lock;
	struct kept places[PLACES];
};

struct ocsp_cache *ocsp_cache_new(void)
{
	struct ocsp_cache *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void ocsp_cache_free(struct ocsp_cache *c)
{
	if (!c)
		return;
	for (int i = 0; i < PLACES; i++)
		free(c->places[i].bytes);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void key_of(const struct pki_certificate *of, unsigned char out[HASH_SIZE])
{
	struct str parts[] = {of->issuer, of->serial};
	hash_sha256(parts, COUNT(parts), out);
}

static struct kept *place_of(struct ocsp_cache *c, const unsigned char key[HASH_SIZE])
{
	return &c->places[(key[0] << 8 | key[1]) % PLACES];
}

static bool cache_find(struct ocsp_cache *c, const unsigned char key[HASH_SIZE], int64_t now_us,
    struct arena *a, struct revocation *r)
{
	pthread_mutex_lock(&c->lock);
	const struct kept *k = place_of(c, key);
	bool found = k->bytes && memcmp(k->of, key, HASH_SIZE) == 0 && now_us < k->until_us &&
	             now_us >= k->said_us - SKEW_S * INT64_C(1000000);
	if (found) {
		char *copy = arena_alloc(a, k->n);
		memcpy(copy, k->bytes, k->n);
		*r = (struct revocation){.source = "ocsp",
		    .revoked = k->revoked,
		    .reason = k->reason,
		    .said_us = k->said_us,
		    .bytes = {copy, k->n}};
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}

static void cache_keep(struct ocsp_cache *c, const unsigned char key[HASH_SIZE], int64_t until_us,
    const struct revocation *r)
{
	char *copy = malloc(r->bytes.n);
	if (!copy)
		abort();
	memcpy(copy, r->bytes.p, r->bytes.n);
	pthread_mutex_lock(&c->lock);
	struct kept *k = place_of(c, key);
	free(k->bytes);
	*k = (struct kept){.until_us = until_us,
	    .revoked = r->revoked,
	    .reason = r->reason,
	    .said_us = r->said_us,
	    .bytes = copy,
	    .n = r->bytes.n};
	memcpy(k->of, key, HASH_SIZE);
	pthread_mutex_unlock(&c->lock);
}

/* --- one question --- */

struct question {
	OCSP_REQUEST *request;
	OCSP_CERTID *id; /* the request's */
	unsigned char *der;
	int n;
};

static bool question_make(const struct anchor *issuer, struct str serial, struct question *q)
{
	BIGNUM *bn = BN_bin2bn((const unsigned char *)serial.p, (int)serial.n, NULL);
	ASN1_INTEGER *number = bn ? BN_to_ASN1_INTEGER(bn, NULL) : NULL;
	BN_free(bn);
	OCSP_CERTID *id = number ? OCSP_cert_id_new(EVP_sha1(), /* what all responders know */
	                               X509_get_subject_name(issuer->x509),
	                               X509_get0_pubkey_bitstr(issuer->x509), number)
	                         : NULL;
	ASN1_INTEGER_free(number);
	q->request = OCSP_REQUEST_new();
	if (!id || !q->request || !OCSP_request_add0_id(q->request, id)) {
		OCSP_CERTID_free(id);
		return false;
	}
	q->id = id;
	return OCSP_request_add1_nonce(q->request, NULL, 16) == 1 &&
	       (q->n = i2d_OCSP_REQUEST(q->request, &q->der)) > 0;
}

static void question_free(struct question *q)
{
	OPENSSL_free(q->der);
	OCSP_REQUEST_free(q->request);
}

/* Rule 1's signature. */
static bool signed_by_issuer(const struct anchor *issuer, OCSP_BASICRESP *basic, int64_t now_us)
{
	X509_STORE *store = X509_STORE_new();
	bool ok = store && X509_STORE_add_cert(store, issuer->x509) == 1;
	if (ok) {
		X509_VERIFY_PARAM_set_time(
		    X509_STORE_get0_param(store), (time_t)(now_us / 1000000));
		ok = OCSP_basic_verify(basic, NULL, store, 0) == 1;
	}
	X509_STORE_free(store);
	return ok;
}

static bool read_answer(const struct anchor *issuer, const struct question *q, struct str bytes,
    int64_t now_us, struct revocation *r, int64_t *next_us)
{
	const unsigned char *at = (const unsigned char *)bytes.p;
	const char *why = NULL;
	int status = -1, reason = -1;
	ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
	OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &at, (long)bytes.n);
	OCSP_BASICRESP *basic = response ? OCSP_response_get1_basic(response) : NULL;
	if (!basic)
		why = "the responder's answer is no OCSP answer, or a refusal";
	else if (OCSP_check_nonce(q->request, basic) != 1)
		why = "the responder did not repeat the nonce";
	else if (!signed_by_issuer(issuer, basic, now_us))
		why = "the responder is not the issuer's";
	else if (OCSP_resp_find_status(
	             basic, q->id, &status, &reason, NULL, &this_update, &next_update) != 1)
		why = "the responder answered about another certificate";
	else if (status != V_OCSP_CERTSTATUS_GOOD && status != V_OCSP_CERTSTATUS_REVOKED)
		why = "the responder does not know the certificate";
	r->said_us = instant_of(this_update);
	*next_us = next_update ? instant_of(next_update) : INT64_MAX;
	int64_t skew = SKEW_S * INT64_C(1000000);
	if (!why && (r->said_us > now_us + skew || *next_us < now_us - skew ||
	                r->said_us < now_us - INT64_C(24) * 3600 * 1000000))
		why = "the responder's answer is of another time";
	OCSP_BASICRESP_free(basic);
	OCSP_RESPONSE_free(response);
	char said[120];
	(void)openssl_said(said, sizeof(said));
	if (why) {
		(void)snprintf(r->detail, sizeof(r->detail), "%s", why);
		return false;
	}
	r->source = "ocsp";
	r->revoked = status == V_OCSP_CERTSTATUS_REVOKED;
	r->reason = r->revoked ? reason : -1;
	r->bytes = bytes;
	return true;
}

void ocsp_ask(struct pki *p, const struct anchor *issuer, const struct pki_certificate *of,
    int64_t now_us, struct arena *a, struct revocation *r)
{
	unsigned char key[HASH_SIZE];
	struct question q = {0};
	struct err err = {0};
	struct str answer;
	int64_t next_us = 0, keep_us = p->options.ocsp_minutes * 60 * INT64_C(1000000);
	key_of(of, key);
	if (cache_find(p->answers, key, now_us, a, r))
		return;
	if (!question_make(issuer, of->serial, &q)) {
		(void)openssl_said(r->detail, sizeof(r->detail));
	} else {
		struct str body = {(char *)q.der, (size_t)q.n};
		if (ask(a, p->options.ocsp, body, "application/ocsp-request", ANSWER_BYTES_MAX,
		        &answer, &err) < 0)
			(void)snprintf(r->detail, sizeof(r->detail), "%.110s", err.detail);
		else if (read_answer(issuer, &q, answer, now_us, r, &next_us) && keep_us > 0)
			cache_keep(p->answers, key,
			    next_us < now_us + keep_us ? next_us : now_us + keep_us, r);
	}
	question_free(&q);
}
