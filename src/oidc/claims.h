/* What a provider says of a person, in our own words. */
#ifndef OIDC_CLAIMS_H
#define OIDC_CLAIMS_H

#include "oidc/config.h"

/* {profile: {name, birthday, address, gender}, organisation: {number, name, account, department}},
 * each only as far as it was said and can be read; on the arena. */
json_t *claims_read(struct arena *, const struct profile *, const json_t *claims);
/* The identity proofing level that this answer gives: 0 when something is missing that the profile
 * wants for it. */
int claims_proof(const struct profile *, const json_t *read);
/* Puts what was said into a person's profile: all of it when proven, else only what is not there
 * yet. False when nothing changed. */
bool claims_fill(json_t *profile, const json_t *read, bool proven);

#endif
