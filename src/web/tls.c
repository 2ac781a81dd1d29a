/* The certificate and key that the server shows; they may be renewed while it serves.
 *
 * GnuTLS asks for them at each handshake, without saying for which server: one server with TLS in a
 * process. A pair that was replaced may still be in use by a handshake that has begun; it is kept
 * until the server stops (some kilobytes, every few months). */
#include "web/tls.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "web/private.h"

enum { CHAIN_MAX = 16, KEY_ID_SIZE = 32 };

struct tls_pair {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned n;
	gnutls_privkey_t key;
	struct tls_pair *older;
};

static _Atomic(struct tls_pair *) newest;

int tls_retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int nauthorities,
    const gnutls_pk_algorithm_t *algorithms, int nalgorithms, gnutls_pcert_st **chain, unsigned *n,
    gnutls_privkey_t *key)
{
	(void)session;
	(void)authorities;
	(void)nauthorities;
	(void)algorithms;
	(void)nalgorithms;
	struct tls_pair *p = atomic_load(&newest);
	if (!p)
		return GNUTLS_E_NO_CERTIFICATE_FOUND;
	*chain = p->chain;
	*n = p->n;
	*key = p->key;
	return 0;
}

static void pair_free(struct tls_pair *p)
{
	for (unsigned i = 0; i < p->n; i++)
		gnutls_pcert_deinit(&p->chain[i]);
	gnutls_privkey_deinit(p->key);
	free(p);
}

/* Do the first certificate and the key belong together? Their key ids are compared; credentials
 * would say it, too, but GnuTLS 3.7 leaks a certificate that does not fit. */
static int check_pair(const struct tls_pair *p)
{
	gnutls_pubkey_t pub;
	unsigned char ids[2][KEY_ID_SIZE] = {0};
	size_t n[2] = {KEY_ID_SIZE, KEY_ID_SIZE};
	int code = gnutls_pubkey_init(&pub);
	if (code < 0)
		return code;
	code = gnutls_pubkey_import_privkey(pub, p->key, 0, 0);
	if (code >= 0)
		code = gnutls_pubkey_get_key_id(pub, GNUTLS_KEYID_USE_SHA256, ids[0], &n[0]);
	if (code >= 0)
		code = gnutls_pubkey_get_key_id(
		    p->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, ids[1], &n[1]);
	gnutls_pubkey_deinit(pub);
	if (code >= 0 && (n[0] != n[1] || memcmp(ids[0], ids[1], n[0]) != 0))
		code = GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
	return code;
}

static int pair_parse(struct str cert, struct str key, struct tls_pair **out)
{
	gnutls_datum_t c = {(unsigned char *)cert.p, (unsigned)cert.n},
	               k = {(unsigned char *)key.p, (unsigned)key.n};
	struct tls_pair *p = calloc(1, sizeof(*p));
	if (!p || gnutls_privkey_init(&p->key) < 0)
		abort();
	unsigned n = CHAIN_MAX;
	int code = gnutls_pcert_list_import_x509_raw(p->chain, &n, &c, GNUTLS_X509_FMT_PEM, 0);
	if (code >= 0) {
		p->n = n;
		code = gnutls_privkey_import_x509_raw(p->key, &k, GNUTLS_X509_FMT_PEM, NULL, 0);
	}
	if (code >= 0)
		code = check_pair(p);
	if (code < 0)
		pair_free(p);
	else
		*out = p;
	return code;
}

int tls_load(const char *cert_path, const char *key_path, struct err *err)
{
	struct arena *a = arena_new();
	struct str cert = {0}, key = {0};
	struct tls_pair *p = NULL;
	int rc = file_read(a, cert_path, &cert, err);
	if (rc == 0)
		rc = file_read(a, key_path, &key, err);
	if (rc == 0) {
		int code = pair_parse(cert, key, &p);
		if (code < 0)
			rc = err_set(err, ERR_INPUT, NULL, "certificate %s with key %s: %s",
			    cert_path, key_path, gnutls_strerror(code));
		explicit_bzero((char *)key.p, key.n); /* on our arena */
	}
	arena_free(a);
	if (rc < 0)
		return rc;
	p->older = atomic_load(&newest);
	atomic_store(&newest, p);
	return 0;
}

void tls_free(void)
{
	for (struct tls_pair *p = atomic_exchange(&newest, NULL), *older; p; p = older) {
		older = p->older;
		pair_free(p);
	}
}

struct str rq_client_certificate(struct request *rq)
{
	const struct connection *c = rq->p->x->connection;
	const struct web *w = rq->p->web;
	struct str out = {0};
	if (c && c->card) {
		unsigned n = 0;
		const union MHD_ConnectionInfo *info =
		    MHD_get_connection_info(rq->p->x->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
		const gnutls_datum_t *list =
		    info ? gnutls_certificate_get_peers(info->tls_session, &n) : NULL;
		if (list && n > 0) {
			char *copy = arena_alloc(rq->arena, list[0].size);
			memcpy(copy, list[0].data, list[0].size);
			out = (struct str){copy, list[0].size};
		}
	} else if (c && w->options.card_proxy_header &&
	           address_in(&c->address, w->card_proxies, w->ncard_proxies)) {
		struct str field = str_from(rq_header(rq, w->options.card_proxy_header));
		if (!url_decode(rq->arena, field, false, &out))
			out = (struct str){0};
	}
	return out;
}
