/* Shared between the files of oidc only. */
#ifndef OIDC_PRIVATE_H
#define OIDC_PRIVATE_H

#include "identity/assurance/assurance.h"
#include "oidc/config.h"
#include "oidc/oidc.h"

/* city->slot[…]; see struct city. */
enum { OIDC_SLOT = 5 };

/* Every statement; the texts are in sql.c. */
/* clang-format off */
#define OIDC_STATEMENTS(X) \
	X(KEY_ADD) X(KEY_SIGNING) X(KEYS_PUBLISHED) X(KEYS_TO_RENEW) X(KEY_EXPIRE) X(KEYS_SEALED) X(KEY_RESEAL) \
	X(CLIENT_ADD) X(CLIENT_SET) X(CLIENT_BY_NAME) X(CLIENT_BY_ID) X(CLIENT_ALL) \
	X(CONSENT_PUT) X(CONSENT_GET) X(CONSENTS_OF) X(CONSENT_DROP) X(GRANT_ADD) X(GRANT_CODE) \
	X(GRANT_USE) X(GRANT_TOKEN) X(GRANT_GET) X(GRANT_END) X(GRANTS_OF) X(GRANTS_OPEN) \
	X(GRANT_EXPIRE) X(SEEN_ADD) X(SEEN_EXPIRE)
/* clang-format on */
enum oidc_statement {
#define X(name) OIDC_##name,
	OIDC_STATEMENTS(X)
#undef X
	    OIDC_SQL_COUNT
};
extern const struct sql oidc_sql[OIDC_SQL_COUNT];
extern const struct sql *const oidc_statements[OIDC_SQL_COUNT];
#define OIDC(name) (&oidc_sql[OIDC_##name])

/* --- our own keys (keys.c) --- */

/* KEYS_CLIENT: what we show providers that we are. KEYS_PROVIDER: what our own ID tokens are signed
 * with. */
enum keys_of { KEYS_CLIENT, KEYS_PROVIDER };
/* The private key that signs now; the first one is made when it is asked for. On worker threads: it
 * may write. */
int key_to_sign(
    struct store *, struct arena *, enum keys_of, enum jose_alg, json_t **jwk, struct err *);
/* What may be published: {keys: [...]}, on the arena. On worker threads. */
int keys_published(struct store *, struct arena *, enum keys_of, json_t **out, struct err *);
/* Makes the next key in time, and forgets those that are long gone. */
extern const struct protects oidc_key_protects, oidc_subject_protects;
int keys_tidy(struct store *, struct arena *, struct err *);

/* --- clients (config.c, clients.c) --- */
/* e stays the caller's, as long as c. */
void client_take(struct arena *, json_t *e, struct client *c);
/* Says what is wrong with a client's object; returns how many. */
int client_check(
    struct arena *, json_t *e, void (*say)(void *, int64_t line, const char *), void *arg);

/* --- handlers --- */
/* clang-format off */
#define OIDC_HANDLERS(X) \
	X(with_get) X(with_callback) X(with_keys) X(with_found) X(with_logout_get) X(with_logout_post) \
	X(identities_get) X(identities_post) X(link_get) X(link_post) \
	X(authorize_get) X(go_get) X(go_post) X(consents_get) X(consents_post) X(discovery_get) \
	X(provider_keys_get) X(token_post) X(userinfo_get) X(end_session_get) X(end_session_post) \
	X(clients_get) X(client_new) X(client_edit)
#define X(name) int name(struct request *, struct err *);
OIDC_HANDLERS(X)
#undef X
/* clang-format on */

#endif
