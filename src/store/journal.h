/* The journal: one entry per change of state, in the transaction of the change.
 *
 * Entries become leaves of an RFC 6962 Merkle tree in commit order. A leaf holds no personal data:
 * it is the canonical text of (id, at, actor, verb, subject, SHA-256(salt || data),
 * SHA-256(salt || state)), so that data may be erased after its retention while the tree still
 * verifies. The text, each line ending with a newline ("-" where there is no data or state):
 *
 *   machi-entry/1
 *   <id>
 *   <at: microseconds since 1970 UTC>
 *   <actor>
 *   <verb>
 *   <subject>
 *   <hexadecimal SHA-256(salt || data as canonical JSON, see json_canonical())>
 *   <hexadecimal SHA-256(salt || state likewise)> */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "base/secret.h" /* HASH_SIZE */
#include "store/store.h"

struct journal_change {
	const char *actor;   /* "resident:12", "staff:3", "system", "cli:root" */
	const char *verb;    /* "application.submitted" */
	const char *subject; /* "application:123": what changed */
	json_t *data;        /* the change itself; NULL: none. Borrowed. */
	json_t *state;       /* the whole state after the change, for subjects that machi verify
	                      * recomputes from their tables; NULL: says nothing about the state;
	                      * JSON null: the subject is gone from its tables. Borrowed. */
};

/* Appends inside a write; *id (may be NULL) is the entry's number. */
int journal_add(struct db *, const struct journal_change *, int64_t *id, struct err *);

struct journal_entry {
	int64_t id;
	int64_t leaf; /* place in the tree; -1 until sequenced */
	int64_t at_us;
	const char *actor, *verb, *subject;
	json_t *data; /* NULL when erased or none; owned by the arena */
};

/* How often this process has committed journal entries. It moves before the write is answered: what
 * was read before it moved may be out of date (caches). Lock-free. */
uint64_t journal_moves(const struct store *);

/* Removes the data of a subject's entries after its retention (their leaves stay) and appends an
 * entry "journal.erased" that says so. */
int journal_erase(struct db *, const char *actor, const char *subject, struct err *);

/* Entries of a subject, oldest first. Entries that got their place in the tree after the entry id
 * (0: from the first), in the tree's order, for feeds: none is ever skipped, although on PostgreSQL
 * a smaller id may be committed later. Both return the count or <0. */
int journal_of(
    struct db *, struct arena *, const char *subject, struct journal_entry **out, struct err *);
int journal_after(
    struct db *, struct arena *, int64_t id, int limit, struct journal_entry **out, struct err *);

struct tree_head {
	int64_t size;
	int64_t at_us;
	unsigned char root[HASH_SIZE];
	unsigned char signature[64]; /* Ed25519 over tree_head_text() */
	char origin[128];            /* what it was signed as */
};

/* The name of this journal in its heads: the setting "journal.origin" of meta_set(), or a name made
 * from the public key. */
int journal_origin(struct db *, struct arena *, char **out, struct err *);
/* The newest signed head (a new one is signed when the tree has grown). A head also gets made from
 * time to time without anybody asking. */
int journal_head(struct db *, struct tree_head *, struct err *);
/* The signed text: a C2SP checkpoint body: origin, size, base64 root, each ending with newline. */
char *tree_head_text(struct arena *, const char *origin, const struct tree_head *);
/* True when the signature is the key's over tree_head_text() with the head's own origin. */
bool tree_head_valid(const struct tree_head *, const unsigned char public_key[32]);
/* RFC 6962 §2.1.1 and §2.1.2; hashes on the arena; ERR_MISSING for a leaf or size not in the tree.
 */
int journal_inclusion(struct db *, struct arena *, int64_t leaf, int64_t size,
    unsigned char (**path)[HASH_SIZE], int *n, struct err *);
int journal_consistency(struct db *, struct arena *, int64_t from, int64_t to,
    unsigned char (**path)[HASH_SIZE], int *n, struct err *);
/* The leaf's canonical bytes, for whoever recomputes its hash. */
int journal_leaf_text(struct db *, struct arena *, int64_t leaf, char **out, struct err *);
/* Ed25519 public key of this store, 32 bytes; made on first use, kept in
 * store_dir()/keys/journal.key (PKCS #8, PEM). Processes that serve one PostgreSQL store need the
 * same file. */
int journal_public_key(struct store *, unsigned char out[32], struct err *);

/* Gives tree places to entries that have none yet, inside a write; returns how many got one (on
 * PostgreSQL at most a batch: call again until 0) or <0. On PostgreSQL a background thread of the
 * store does it; on SQLite entries have their place from the start, and only restored ones lack it.
 */
int journal_sequence(struct db *, struct err *);

/* What `machi verify` recomputes: a kind of subject ("application") and a function that gives the
 * present state of every such subject. */
struct journal_verifier {
	const char *kind;
	int (*each)(struct db *, int (*state)(void *arg, const char *subject, json_t *state),
	    void *arg, struct err *);
};

struct verify_report {
	int64_t entries, subjects, blobs;
	int64_t first_bad_entry; /* -1: none */
	char first_bad[256];     /* what is wrong with it, in words */
	int problems;
};

/* Recomputes every leaf, the tree and its signed heads, each verifier's subjects against their last
 * entry, and every blob against its name. Problems are not errors: they are in the report. */
int journal_verify(struct store *, const struct journal_verifier *const *verifiers, int n,
    void (*progress)(void *arg, int64_t done, int64_t total), void *arg, struct verify_report *,
    struct err *);

#endif
