/* Shared between this folder's files only. */
#ifndef VAULT_PRIVATE_H
#define VAULT_PRIVATE_H

#include <pthread.h>

#include "store/journal.h"
#include "vault/vault.h"

/* --- master.c, master_file.c, master_token.c --- */
enum { FINGERPRINT_SIZE = 17, MASTER_SOURCE_MAX = 400 };

/* One master key that is at hand. Encryption is AES-256-GCM wherever the key is. */
struct master {
	const struct master_kind *kind;
	char source[MASTER_SOURCE_MAX];
	char fingerprint[FINGERPRINT_SIZE]; /* tells keys apart, and tells nothing of them */
	struct secret_bytes *key;           /* files and credentials */
	struct master_token *token;         /* PKCS#11 */
};

struct master_kind {
	const char *scheme; /* "file:" */
	/* words: the source without its scheme. ERR_MISSING when there is no such key. */
	int (*open)(struct master *, const char *words, const char *dir, struct err *);
	/* A new key at that place. ERR_CONFLICT when there is one. */
	int (*make)(const char *words, const char *dir, struct err *);
	/* out: nonce, cipher text, tag. */
	int (*seal)(struct master *, const uint8_t nonce[static AEAD_NONCE], struct str about,
	    struct str plain, uint8_t *out, struct err *);
	int (*unseal)(struct master *, struct str about, struct str sealed, struct secret_bytes **,
	    struct err *);
	void (*close)(struct master *);
};
extern const struct master_kind master_file, master_credential, master_pkcs11;

/* dir: the city's folder, for relative file names. */
int master_open(const char *source, const char *dir, struct master *out, struct err *);
void master_close(struct master *);
int master_make(const char *source, const char *dir, struct err *);
int master_wrap(struct master *, struct str about, const struct secret_bytes *key, struct buf *out,
    struct err *);
int master_unwrap(
    struct master *, struct str about, struct str wrapped, struct secret_bytes **out, struct err *);
/* ERR_DENIED when others than its owner may read the file, or it belongs to somebody else. */
int key_file_check(int fd, const char *path, struct err *);
/* 64 hexadecimal digits and white space. NULL: it is none. */
struct secret_bytes *key_of_hex(struct str);

/* --- the vault of a store (keys.c) --- */
enum { MASTERS_MAX = 4, PURPOSES_MAX = 32, TALLY_MAX = 64, KEYS_MAX = 256 };

struct key {
	int64_t id;
	const struct protects *purpose;
	bool former; /* sealed texts of the first form are its */
	struct secret_bytes *bytes;
};

struct vault {
	struct vault *former; /* of a start before: other threads may have asked for it */
	struct store *store;
	const struct protects *const *purposes;
	int npurposes;
	struct master masters[MASTERS_MAX];
	int nmasters;
	bool first;              /* the first source is at hand: it is masters[0] */
	pthread_mutex_t loading; /* masters, and that keys are read by one thread at a time */
	pthread_rwlock_t lock;   /* keys; not held while waiting for anything */
	struct key *keys;
	int nkeys;
	int64_t count; /* keys in the store when these were read, with those of unknown purposes */
};

/* The vault that vault_start() opened; NULL and err: nobody did. */
struct vault *vault_of(struct db *, struct err *);
const struct protects *purpose_find(const struct vault *, const char *name);
/* The master key that the store's keys are wrapped with; NULL and err when no source has it. */
struct master *vault_master(struct vault *, struct db *, int64_t *id, struct err *);
/* Reads the keys that the store has anew; those that are gone are wiped. */
int keys_load(struct vault *, struct db *, struct err *);
/* The number of the present key of a purpose, which is loaded. */
int key_current(struct vault *, struct db *, const struct protects *, int64_t *id, struct err *);
/* Inside a write: a new present key; the former one becomes 'old'. bytes NULL: random. */
int key_make(struct vault *, struct db *, const struct protects *, const char *actor,
    const struct secret_bytes *bytes, const char *state, bool former, int64_t *id, struct err *);
/* What a wrapped key is bound to. */
struct str key_about(struct arena *, int64_t id, const char *purpose);
int key_journal(struct db *, const char *actor, const char *verb, int64_t id, struct err *);

/* --- seal.c --- */
/* The number of the key in a sealed text; 0: of the first form. <0: no sealed text. */
int64_t sealed_key(struct str sealed);

/* clang-format off */
#define VAULT_STATEMENTS(X) \
	X(MASTER_CURRENT) X(MASTER_ADD) X(KEYS) X(KEY_CURRENT) X(KEY_ADD) X(KEY_OLD) X(KEY_FORMER) \
	X(KEY_STATE) X(KEY_STATES) X(KEY_COUNTED) X(KEYS_OLD) X(KEY_RETIRE) X(KEY_REWRAP) \
	X(KEYS_OF) X(MASTER_RETIRE) X(ROTATION_RUNNING) X(ROTATION_ADD) X(ROTATION_GET) \
	X(ROTATION_SAVE) X(ROTATION_DONE) X(ROTATION_LAST)
/* clang-format on */
enum vault_statement {
#define X(name) VAULT_##name,
	VAULT_STATEMENTS(X)
#undef X
	    VAULT_SQL_COUNT
};
extern const struct sql vault_sql[VAULT_SQL_COUNT];
#define VAULT(name) (&vault_sql[VAULT_##name])

extern const struct journal_verifier vault_key_verifier;

#endif
