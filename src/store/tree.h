/* Merkle trees of RFC 6962 §2.1: leaf SHA-256(0x00 || text), node SHA-256(0x01 || left || right).
 *
 * The tree is kept as leaf hashes (level 0) and the roots of complete subtrees of 256^level leaves
 * (level 1, 2, ...), as c2sp.org/tlog-tiles does, so that any proof needs a few reads of at most
 * 128 neighbouring hashes each. */
#ifndef STORE_TREE_H
#define STORE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

enum { TREE_HASH = 32, TREE_TILE_BITS = 8, TREE_MAX_PATH = 128 };

typedef unsigned char tree_hash[TREE_HASH];

void sha256(const void *bytes, size_t n, tree_hash out);
/* SHA-256 of the parts one after another. */
void sha256_2(const void *a, size_t na, const void *b, size_t nb, tree_hash out);
/* The same in pieces; sha256_end() also frees. */
struct sha256;
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *, const void *bytes, size_t n);
void sha256_end(struct sha256 *, tree_hash out);

void tree_leaf(const void *text, size_t n, tree_hash out);
void tree_node(const tree_hash left, const tree_hash right, tree_hash out);
void tree_empty(tree_hash out); /* the root of no leaves: SHA-256 of nothing */

/* Where a tree's hashes are read from: count of them at a level, from number first on. 0 or <0. */
struct tree_source {
	int (*read)(void *arg, int level, int64_t first, int count, tree_hash *out, struct err *);
	void *arg;
};

/* The right edge: for each bit i set in size, hash[i] is the root of the complete subtree of 2^i
 * leaves there. It is all that is needed to append and to know the root. */
struct tree_edge {
	int64_t size;
	tree_hash hash[63];
};

/* Appends a leaf hash. done (may be NULL) is called for each stored node that this completes. */
int tree_append(struct tree_edge *, const tree_hash leaf,
    int (*done)(void *arg, int level, int64_t n, const tree_hash), void *arg);
void tree_edge_root(const struct tree_edge *, tree_hash out);
int tree_edge_load(const struct tree_source *, int64_t size, struct tree_edge *, struct err *);

/* Root of the first size leaves. */
int tree_root(const struct tree_source *, int64_t size, tree_hash out, struct err *);
/* RFC 6962 §2.1.1 and §2.1.2; path holds TREE_MAX_PATH; *n gets the length. The caller has checked
 * 0 <= leaf < size and 0 < from <= to. */
int tree_inclusion(
    const struct tree_source *, int64_t leaf, int64_t size, tree_hash *path, int *n, struct err *);
int tree_consistency(
    const struct tree_source *, int64_t from, int64_t to, tree_hash *path, int *n, struct err *);

/* The checks of RFC 9162 §2.1.3.2 and §2.1.4.2, for tests and for `machi verify`. */
bool tree_check_inclusion(const tree_hash leaf_hash, int64_t leaf, int64_t size,
    const tree_hash *path, int n, const tree_hash root);
bool tree_check_consistency(int64_t from, int64_t to, const tree_hash *path, int n,
    const tree_hash root_from, const tree_hash root_to);

#endif
