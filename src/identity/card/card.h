/* Signing in with the user authentication certificate of the My Number Card.
 *
 *   1. /login/card (the city's own address) leads to the listener that asks for the card, with a
 *      state that only this browser can use: its cookie's hash is sealed in it.
 *   2. WEB_CARD_PATH (the card's listener, or behind a proxy) verifies the certificate, and keeps
 *      what it found for the next step, once.
 *   3. /login/card/done (the city's own address again) signs in, raises the session, or links the
 *      card to the account of who is signed in.
 *
 * Linking one asks for the password once more, unless the session was raised (card_link_post()).
 *
 * A card is known by a keyed hash of issuer and serial number; the number itself is not kept. A
 * renewed card has another number: who is signed in links it, and it takes the place of the former.
 */
#ifndef IDENTITY_CARD_H
#define IDENTITY_CARD_H

#include "identity/assurance/assurance.h"
#include "identity/card_proof.h"

enum { SLOT_CARD = 3 };

bool card_offered(const struct city *);
/* For sign_in_methods[]. */
int card_state(
    struct request *, struct db *, const struct account *, const char **text, struct err *);

int card_get(struct request *, struct err *);
int card_present(struct request *, struct err *);
int card_done(struct request *, struct err *);
int card_link_post(struct request *, struct err *);
int card_account_get(struct request *, struct err *);
int card_account_remove(struct request *, struct err *);

/* --- proving who one is by a signature (prove.c, items.c) --- */

bool card_signs(const struct city *); /* are signatures of cards believed here? */
int card_prove_get(struct request *, struct err *);
int card_prove_post(struct request *, struct err *);
int card_text_get(struct request *, struct err *);
int card_confirm_get(struct request *, struct err *);
int card_confirm_post(struct request *, struct err *);
/* The items that this browser brought a moment ago and nobody has yet: 1, 0, <0. On the arena. */
int card_found(struct request *, struct db *, json_t **items, struct err *);
/* Does the profile say the same, all of it? */
bool card_agrees(struct arena *, const json_t *items, const json_t *profile);
/* {label, card, account, same, differs} of each item. New reference. */
json_t *card_rows(struct request *, const json_t *items, const json_t *profile);
/* What the profile does not have, or says otherwise, as the certificate has it. */
void card_fill(struct arena *, const json_t *items, json_t *profile);
/* Notes the proof: 1; 0: it was known; <0. */
int card_prove(struct db *, const char *actor, int64_t person, const json_t *items, struct err *);

int card_city_open(struct city *, struct err *);
void card_city_close(struct city *);

#endif
