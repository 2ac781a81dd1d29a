/* Shared between the files of src/simulate only. */
#ifndef SIMULATE_PRIVATE_H
#define SIMULATE_PRIVATE_H

#include <jansson.h>
#include <openssl/x509.h>

#include "pki/pki.h"
#include "simulate/simulate.h"

/* machi simulate card-ca … (card_ca.c) */
int run_card_ca(const char *name, int argc, char **argv);
/* machi simulate digital-auth, machi simulate gbizid (openid.c) */
int run_openid(const char *name, int argc, char **argv);

/* --- the authorities in a folder (authority.c) ---
 * <name>.key, <name>.crt (PEM): authentication and signature (the card's two authorities),
 * ocsp-authentication, ocsp-signature, timestamp (an authority), stamp, stamp-expired.
 * cards/<card>/authentication.* and signature.* with .p12, and card.json. revoked.json. */
struct pair {
	EVP_PKEY *key;
	X509 *cert;
};
/* The pair of <dir>/<name>; freed with the arena. */
int pair_load(struct arena *, const char *dir, const char *name, struct pair *, struct err *);

extern const char *const kind_names[PKI_KIND_COUNT]; /* "authentication", "signature" */

int authority_init(struct arena *, const char *dir, struct err *);

struct card_wish {
	const char *name, *address, *birth, *sex; /* birth: EYYYYMMDD */
	const char *name_substitutes, *address_substitutes;
	const char *fault; /* NULL: none; else one of card_faults */
	const char *key;   /* "rsa", "ec" */
};
extern const char *const card_faults[]; /* NULL-terminated */
int card_make(
    struct arena *, const char *dir, const char *card, const struct card_wish *, struct err *);
/* The items with which a card was made; on the arena. */
int card_load(struct arena *, const char *dir, const char *card, json_t **out, struct err *);
/* reason: a number of RFC 5280 §5.3.1. */
int card_revoke(
    struct arena *, const char *dir, const char *card, enum pki_kind, int reason, struct err *);
/* The number of "superseded", …; -1: none. */
int reason_parse(const char *name);
/* Is it revoked? Since when, for what. */
bool serial_revoked(
    const json_t *revoked, enum pki_kind, const char *serial, int64_t *at_us, int *reason);
json_t *revoked_load(struct arena *, const char *dir); /* on the arena */
/* Writes <dir>/<kind>.crl (PEM); made_us: when it says it was made; hours: how long it holds. */
int crl_make(struct arena *, const char *dir, enum pki_kind, int64_t made_us, int64_t hours,
    struct str *pem, struct err *);
int card_sign(struct arena *, const char *dir, const char *card, struct str content,
    struct str *cms, struct err *);

/* --- OCSP, time stamps and lists over HTTP on this machine (responder.c) --- */
int responder_serve(const char *dir, int port, struct err *);

#endif
