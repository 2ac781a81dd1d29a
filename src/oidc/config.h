/* <city>/sign-in.yaml: the providers that people may sign in through, and the systems that sign
 * people in through machi. docs/sign-in.md describes it. */
#ifndef OIDC_CONFIG_H
#define OIDC_CONFIG_H

#include <pthread.h>

#include "base/arena.h"
#include "base/json.h"
#include "oidc/client.h"
#include "oidc/jose.h"
#include "web/city.h"

enum { PROVIDER_NAME_MAX = 40, ACR_MAX = 8 };

enum client_auth { AUTH_PRIVATE_KEY, AUTH_BASIC, AUTH_POST, AUTH_COUNT };

/* What is known beforehand of a kind of provider; a city's file goes before it. */
struct profile {
	const char *name;
	const char *scopes, *acr_values;
	enum client_auth auth;
	unsigned algs;
	struct {
		const char *acr;
		int level;
	} acr[ACR_MAX];
	int level;        /* of a sign-in whose acr says nothing */
	bool userinfo;    /* the claims are there, not in the ID token */
	int proof;        /* identity proofing that a complete answer gives; 0: none */
	bool delegations; /* other companies' delegations are asked for (委任情報) */
};
const struct profile *profile_find(const char *name); /* NULL: none */

/* What the provider's servers told us, and when; shared between threads. */
struct remote {
	pthread_mutex_t lock;
	char *metadata, *keys; /* as they came; NULL: not yet */
	int64_t metadata_us, keys_us, failed_us;
	int64_t window_us; /* in which keys were asked for anew so often */
	int window_n;
};

struct provider {
	const char *name; /* in addresses: "digital-auth" */
	const struct profile *profile;
	const char *label_ja, *label_en;
	const char *issuer, *client, *secret; /* secret NULL: private_key_jwt */
	enum client_auth auth;
	const char *scopes, *acr_values;
	const json_t *acr;       /* {"aal3": 3}: before the profile's; NULL: none */
	const json_t *endpoints; /* fixed ones; NULL: by discovery */
	unsigned algs;
	enum jose_alg assertion_alg; /* of private_key_jwt */
	const char *ca;
	bool private_addresses, residents, staff;
	struct remote *remote;
};

struct config {
	struct config
	    *older; /* of before a reload: requests may still hold it until the city closes */
	struct arena *arena;
	struct provider *provider;
	size_t nproviders;
	struct client *client; /* of the file; others are in the store */
	size_t nclients;
};

/* Reads the file's text. Every problem goes to say(arg, line, text); returns how many. */
int config_read(struct config *, const char *dir, struct str text,
    void (*say)(void *arg, int64_t line, const char *text), void *arg);

int config_open(struct city *, struct err *); /* also to reload: keeps the old one on error */
void config_close(struct city *);
/* The city's present one; never NULL, valid until the city closes. */
const struct config *config_of(const struct city *);
/* NULL: none of that name. */
const struct provider *provider_find(const struct city *, const char *name);
const char *provider_label(const struct provider *, const char *lang);
/* The authentication level that an acr (NULL: none was said) stands for, 1 to 3. */
int provider_level(const struct provider *, const char *acr);

/* https, or on this machine and where that is allowed http; nothing else, no user, no fragment. */
bool url_is_plain(const char *url, bool private_addresses);

#endif
