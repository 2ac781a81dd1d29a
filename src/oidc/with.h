/* Between the files that sign people in through a provider. */
#ifndef OIDC_WITH_H
#define OIDC_WITH_H

#include "oidc/config.h"
#include "oidc/private.h"

enum { WITH_SECONDS = 600, FOUND_SECONDS = 7200 };
#define LINK_PAGE "/account/providers/link"

enum with_outcome {
	WITH_DOWN,    /* the provider does not answer */
	WITH_REFUSED, /* it refused, or what it said cannot be believed */
	WITH_STOPPED, /* the person stopped there */
	WITH_FAILED,  /* it says that something went wrong */
	WITH_OLD,     /* nobody here waits for this answer (any more) */
	WITH_MIXED,   /* it is another provider's */
	WITH_LOW,     /* not a stronger sign-in than the one that is there */
	WITH_OTHER,   /* another account's identity */
	WITH_CLOSED,  /* the account is locked, or is not for this provider */
	WITH_UNBOUND, /* an account over there that nobody has checked */
};
/* The page that says so, and what to do next. Returns 0. */
int with_problem(struct request *, const struct provider *, enum with_outcome, const char *next);
/* Notes what the provider proved of the person (0: staff, nothing), unless it is known. */
int with_proof(struct db *, const struct provider *, const char *actor, int64_t person,
    const char *subject, const json_t *read, struct err *);

/* For the table of ways to sign in (identity/assurance/methods.c). */
#endif
