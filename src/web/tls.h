/* Certificate and key of the server. Private to src/web. */
#ifndef WEB_TLS_H
#define WEB_TLS_H

#include <gnutls/abstract.h>

#include "base/err.h"

/* Takes the pair from two PEM files for the handshakes from now on. When they cannot be used, err
 * says why and the pair from before stays. From one thread at a time. */
int tls_load(const char *cert_path, const char *key_path, struct err *err);
/* Frees all pairs; the server has stopped. */
void tls_free(void);

/* For MHD_OPTION_HTTPS_CERT_CALLBACK; on network threads. */
int tls_retrieve(gnutls_session_t, const gnutls_datum_t *authorities, int nauthorities,
    const gnutls_pk_algorithm_t *, int nalgorithms, gnutls_pcert_st **chain, unsigned *n,
    gnutls_privkey_t *key);

#endif
