/* OpenID Connect both ways: the city's people sign in through providers, and the city's other
 * systems sign people in through machi. */
#ifndef OIDC_OIDC_H
#define OIDC_OIDC_H

#include <stdio.h>

#include "identity/assurance/assurance.h"
#include "web/web.h"

extern const struct module oidc_module;

/* Writes what is wrong with <dir>/sign-in.yaml, a line each with file and line; returns how many
 * problems (no such file: none). */
int oidc_check_city(const char *dir, FILE *out);

/* The row of the table of ways to sign in (identity/assurance/methods.c). */
bool oidc_offered(const struct city *);
int oidc_state(
    struct request *, struct db *, const struct account *, const char **text, struct err *);
/* The name that a provider told this browser's owner a moment ago, as {family, given} (new
 * reference); NULL: none did. 0 or <0. */
int oidc_found_name(struct request *, struct db *, json_t **name, struct err *);
void oidc_entries(struct request *, const struct sign_in_method *, const char *page,
    const char *next, json_t *ways);

#endif
