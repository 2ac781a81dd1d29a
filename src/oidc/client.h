/* A system that signs people in through machi. */
#ifndef OIDC_CLIENT_H
#define OIDC_CLIENT_H

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "oidc/jose.h"
#include "store/store.h"

struct city;

enum { CLIENT_URIS_MAX = 10, CLIENT_ID_MAX = 60 };

/* Kept as one JSON object of these names, in sign-in.yaml and in the table oidc_client. */
struct client {
	int64_t row;    /* 0: of the file */
	const char *id; /* "redmine" */
	const char *label_ja, *label_en;
	const char *secret_hash; /* SHA-256 of the secret; NULL: it signs with a key of `keys` */
	const char *keys;        /* JWK set */
	const char *redirect[CLIENT_URIS_MAX]; /* NULL-terminated unless full */
	const char *after_logout[CLIENT_URIS_MAX];
	const char *backchannel; /* where signing out is told; NULL: nowhere */
	const char *scopes;      /* that it may ask for */
	enum jose_alg alg;       /* its ID tokens are signed by */
	bool residents, staff;   /* whom it may sign in */
	bool pairwise;           /* a sub of its own, that no other system knows people by */
	bool trusted;            /* of the city itself: nobody is asked for consent */
	bool private_addresses;  /* its backchannel address is in our own network */
};

#endif
