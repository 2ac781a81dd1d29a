/* What the store keeps only sealed: each purpose has data keys of its own, which stand in the store
 * wrapped under the city's master key. A sealed text names its key, so that former keys still open
 * what was sealed with them until a rotation has sealed it anew. */
#ifndef VAULT_VAULT_H
#define VAULT_VAULT_H

#include "base/secret.h"
#include "store/store.h"

struct vault_pass;

/* A purpose: what one line of keys protects. A row of a constant table of the module whose data it
 * is (struct module.protects), so that "which key protects what" can be read. */
struct protects {
	const char *name;  /* "application.my_number"; bound to every text sealed for it */
	const char *where; /* "application.answers, answer_version.answers" */
	const char *what;  /* catalogue key: in words */
	bool index;        /* its keys make indexes (vault_index()); else they seal */
	/* The key file of former versions below keys/; what was sealed with it still opens. NULL:
	 * there was none. */
	const char *former;
	/* Gives the next sealed values to vault_again(): see struct vault_pass. NULL: what was made
	 * with the key cannot be made anew, because other systems hold it; such a key stays. */
	int (*next)(struct vault_pass *, struct err *);
	const struct sql *top; /* the highest place there is, for the progress; NULL: few */
};

/* A walk over the values of a purpose, some at a time. next() looks at up to `limit` places after
 * `after`, hands each sealed value to vault_again(), writes and journals what that changed, and
 * sets `last` to the last place it looked at, or `end`. */
struct vault_pass {
	const struct protects *purpose;
	struct db *db;
	struct arena *arena; /* released after each next() */
	int64_t after, last;
	int limit;
	bool end;
	bool counting; /* nothing is changed; db may be a reader */
	int64_t moved; /* values that were sealed anew */
	struct vault_tally {
		int64_t key, values;
	} * tally; /* values by key, as they were found */
	int ntally;
};
/* 1: *fresh is the same value under the present key, on the pass's arena, and has to be written in
 * the place of `sealed`. 0: it stays. <0: it does not open. */
int vault_again(
    struct vault_pass *, struct str sealed, struct str context, const char **fresh, struct err *);

struct vault_options {
	/* Sources of master keys, separated by spaces: see docs/keys.md. The first one is for what
	 * is wrapped from now on; the others open what they wrapped. NULL: "file:keys/master.key",
	 * which is made when the store has no keys yet. */
	const char *sources;
	const struct protects *const *purposes;
	int n;
};
/* Opens the city's keys, makes those that are missing, and keeps them with the store until it
 * closes. ERR_STORE "vault.master" when no source has the master key that the store's keys are
 * wrapped with. Not inside a write. */
int vault_start(struct store *, const struct vault_options *, struct err *);

/* What the store's keys are wrapped with: 1, 0 when it has none; for whoever restored it. */
int vault_needs(
    struct db *, struct arena *, const char **fingerprint, const char **source, struct err *);

/* Appends the sealed text (base64url) to out. Inside a write, so that no rotation overlooks it.
 * context is bound to it: "account/12". purpose must be one of those that the vault was started
 * with. */
int vault_seal(struct db *, const struct protects *, struct str plain, struct str context,
    struct buf *out, struct err *);
/* ERR_STORE when it was sealed for something else, with a key that is gone, or was changed. The
 * caller frees *plain. Any thread. */
int vault_open(struct db *, const struct protects *, struct str sealed, struct str context,
    struct secret_bytes **plain, struct err *);
/* What is compared but cannot be read: hexadecimal HMAC-SHA-256 under a key of its own. value must
 * be normalised. Any thread. */
int vault_index(struct db *, const struct protects *, struct str value, struct arena *, char **out,
    struct err *);
/* The same as bytes. */
int vault_mac(struct db *, const struct protects *, struct str value, uint8_t out[static HASH_SIZE],
    struct err *);

#endif
