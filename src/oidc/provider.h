/* Between the files that make machi a provider (OpenID Connect Core, RFC 6749, 7636, 9207, 9700).
 */
#ifndef OIDC_PROVIDER_H
#define OIDC_PROVIDER_H

#include "oidc/private.h"

enum {
	REQUEST_SECONDS = 1800, /* to sign in and to allow */
	CODE_SECONDS = 60,
	ACCESS_SECONDS = 600,
	ID_TOKEN_SECONDS = 600,
	LOGOUT_TOKEN_SECONDS = 120,
};

/* --- clients (client.c) --- */

/* Of the file, or of the store. 1, 0, <0. Strings on the arena, or the configuration's own. */
int client_find(struct request *, struct db *, const char *id, struct client *, struct err *);
int client_find_in(
    struct city *, struct db *, struct arena *, const char *id, struct client *, struct err *);
const char *client_label(const struct client *, const char *lang);
/* Is it one of these, character for character (RFC 9700 §2.1)? */
bool uri_is_one_of(const char *uri, const char *const list[CLIENT_URIS_MAX]);
/* May it sign this actor in? */
bool client_serves(const struct client *, enum actor_kind);
/* The words of `asked` that are in `allowed`, in that order; on the arena. */
const char *scopes_among(struct arena *, const char *asked, const char *allowed);
bool scopes_cover(const char *have, const char *asked);

/* Who a token request is of, by a secret or by a signed assertion. 1; 0: it is nobody; <0. On a
 * worker thread. */
int client_prove(struct request *, struct client *, struct err *);

/* --- grants (grant.c) --- */

struct grant {
	int64_t id, account, until_us;
	const char *client, *session, *state;
	json_t *data; /* scopes, redirect_uri, code_challenge, nonce, acr, amr, auth_time */
};
enum grant_by { GRANT_OF_CODE, GRANT_OF_TOKEN };
/* 1, 0, <0; on the arena. */
int grant_find(
    struct db *, struct arena *, enum grant_by, const char *secret, struct grant *, struct err *);
int grant_of(struct db *, struct arena *, int64_t id, struct grant *, struct err *);
/* A code for a person and a system. Inside a write. */
int grant_make(
    struct request *, struct db *, const struct client *, json_t *data, char **code, struct err *);
/* Ends it ("revoked", "ended"); the system is told by a job when it wants to be. */
int grant_end(struct db *, int64_t id, const char *state, struct err *);
/* All of an account at a system. */
int grants_end(struct db *, int64_t account, const char *client, struct err *);
/* What the system knows the person by. */
int client_subject(struct store *, struct arena *, const struct client *, int64_t account,
    char **out, struct err *);
/* Jobs: which sessions have ended meanwhile; telling one system of it. */
int watch_job(struct store *, void *context, struct arena *, json_t *payload, struct err *);
int tell_job(struct store *, void *context, struct arena *, json_t *payload, struct err *);

#endif
