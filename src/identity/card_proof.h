/* The signature certificate of the My Number Card as proof of who somebody is: the four basic items
 * stand in it. For pages that take signatures. */
#ifndef IDENTITY_CARD_PROOF_H
#define IDENTITY_CARD_PROOF_H

#include "pki/pki.h"
#include "store/store.h"
#include "web/web.h"

/* Verifies the file of the field "signature" as a signature over the document: 1 (look at the
 * verdict), 0: no file, or too large a one; <0. *cms: its bytes. evidence as in pki_verify(). On a
 * worker: revocation is asked for. */
int card_signature(struct request *, struct str document, bool evidence, struct str *cms,
    struct pki_checked *, struct pki_verdict *, struct err *);
/* What the certificate says, to be kept between two requests: {name, name_marked, birthday,
 * address, address_marked, issuer, reference, until}; the serial number only as a keyed hash. On
 * the arena. */
int card_items(struct request *, const struct pki_certificate *, json_t **, struct err *);
/* When the account of who asks says the same, all of it, the person is proven by it (level 3): 1.
 * 0: it does not, or it was known. <0. Inside a write. */
int card_prove_if_agrees(struct request *, struct db *, const json_t *items, struct err *);

#endif
