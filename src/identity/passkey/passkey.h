/* Passkeys (W3C Web Authentication Level 2 and 3): keys in a telephone, computer or stick that ask
 * for a finger, face or PIN before they sign, and answer this city's address only. */
#ifndef IDENTITY_PASSKEY_H
#define IDENTITY_PASSKEY_H

#include "identity/assurance/assurance.h"

/* --- what the browser says (webauthn.c): pure, hostile bytes in, libfido2 reads the CBOR --- */

enum { WEBAUTHN_PART_MAX = 8192 }; /* bytes of any part that is sent */

/* Who asks: from the city's base-url. */
struct webauthn_site {
	const char *origin; /* "https://city.example:8443" */
	const char *rp;     /* "city.example" */
};
struct webauthn_site webauthn_site_of(struct arena *, const char *base_url);

struct webauthn_key {
	int64_t algorithm;  /* COSE: -7 ES256, -8 EdDSA, -257 RS256 */
	struct str id, key; /* credential id; public key as libfido2 gives and takes it */
	int64_t counter;    /* of signatures; 0: it does not count */
	bool synced;        /* the key may be copied to the person's other devices */
};

/* The browser's word (clientDataJSON): of this type, for this origin, in no frame of another site.
 * *challenge on the arena. False: it is not. */
bool webauthn_client(struct arena *, const struct webauthn_site *, const char *type,
    struct str client_data, const char **challenge);
/* A new key from authenticator data: for this site, user present and verified, an algorithm that we
 * take. Attestation is not asked for and not looked at. False: it is not. */
bool webauthn_created(struct arena *, const struct webauthn_site *, struct str authenticator_data,
    struct webauthn_key *);
/* Did the key sign this? For this site, user present and verified; *counter is what it says now. */
bool webauthn_signed(const struct webauthn_site *, const struct webauthn_key *,
    struct str client_data, struct str authenticator_data, struct str signature, int64_t *counter);

/* --- records (keys.c) --- */

struct passkey {
	struct credential row;
	struct webauthn_key key;
};
/* 1, 0, <0 */
int passkey_find(struct db *, struct arena *, struct str id, struct passkey *, struct err *);
int passkey_add(struct db *, struct arena *, const struct account *, const char *name,
    const struct webauthn_key *, struct err *);
/* The account's opaque name for authenticators (user handle): base64url. */
const char *passkey_user(struct request *, int64_t account);
/* All of the account are removed. */
int passkeys_remove(struct db *, const char *actor, int64_t account, struct err *);
/* With them the time-based codes and the recovery codes: an administrator helps somebody who lost
 * all of it. */
int seconds_remove(struct db *, const char *actor, int64_t account, struct err *);

/* --- the row of sign_in_methods[] and the handlers (pages.c, use.c) --- */
bool passkey_offered(const struct city *);
int passkey_state(
    struct request *, struct db *, const struct account *, const char **text, struct err *);

int passkeys_get(struct request *, struct err *);
int passkeys_add(struct request *, struct err *);
int passkey_get(struct request *, struct err *);
int passkey_post(struct request *, struct err *);
int create_options(struct request *, struct err *);
int get_options(struct request *, struct err *);
int sign_in_passkey_get(struct request *, struct err *);
int sign_in_passkey_post(struct request *, struct err *);
int raise_passkey_get(struct request *, struct err *);
int raise_passkey_post(struct request *, struct err *);

/* A base64url field of the form as bytes on the arena; {NULL, 0} when it is none or too long. */
struct str passkey_bytes(struct request *, const char *name);
/* The challenge that the browser says it answers: 1 and whose it was (0: nobody's yet); 0: unknown,
 * used, or not of this type and origin. Inside a write. */
int passkey_challenge(struct request *, struct db *, const char *type, struct str client_data,
    int64_t *account, struct err *);

#endif
