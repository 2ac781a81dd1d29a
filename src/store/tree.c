#include "store/tree.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

/* struct sha256 is OpenSSL's context under a name of ours. Whatever fails here is out of memory. */
struct sha256 *sha256_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		abort();
	return (struct sha256 *)ctx;
}

void sha256_add(struct sha256 *s, const void *bytes, size_t n)
{
	if (EVP_DigestUpdate((EVP_MD_CTX *)s, bytes, n) != 1)
		abort();
}

void sha256_end(struct sha256 *s, tree_hash out)
{
	if (EVP_DigestFinal_ex((EVP_MD_CTX *)s, out, NULL) != 1)
		abort();
	EVP_MD_CTX_free((EVP_MD_CTX *)s);
}

void sha256(const void *bytes, size_t n, tree_hash out)
{
	sha256_2(bytes, n, "", 0, out);
}

void sha256_2(const void *a, size_t na, const void *b, size_t nb, tree_hash out)
{
	const struct str parts[] = {{a, na}, {b, nb}};
	hash_sha256(parts, 2, out);
}

void tree_leaf(const void *text, size_t n, tree_hash out)
{
	sha256_2("\0", 1, text, n, out);
}

void tree_node(const tree_hash left, const tree_hash right, tree_hash out)
{
	unsigned char both[1 + 2 * TREE_HASH] = {1};
	memcpy(both + 1, left, TREE_HASH);
	memcpy(both + 1 + TREE_HASH, right, TREE_HASH);
	sha256(both, sizeof(both), out);
}

void tree_empty(tree_hash out)
{
	sha256("", 0, out);
}

int tree_append(struct tree_edge *e, const tree_hash leaf,
    int (*done)(void *arg, int level, int64_t n, const tree_hash), void *arg)
{
	tree_hash h;
	memcpy(h, leaf, sizeof(h));
	int bit = 0;
	/* Adding one to a binary number: each carry joins two complete subtrees. */
	for (; e->size >> bit & 1; bit++) {
		tree_node(e->hash[bit], h, h);
		int next = bit + 1;
		if (done && next % TREE_TILE_BITS == 0) {
			int rc = done(arg, next / TREE_TILE_BITS, e->size >> next, h);
			if (rc < 0)
				return rc;
		}
	}
	memcpy(e->hash[bit], h, sizeof(h));
	e->size++;
	return 0;
}

void tree_edge_root(const struct tree_edge *e, tree_hash out)
{
	if (e->size == 0) {
		tree_empty(out);
		return;
	}
	int bit = __builtin_ctzll((unsigned long long)e->size);
	memcpy(out, e->hash[bit], TREE_HASH);
	for (bit++; e->size >> bit; bit++)
		if (e->size >> bit & 1)
			tree_node(e->hash[bit], out, out);
}

/* Root of the complete subtree of 2^bits leaves that starts at leaf first (a multiple of it). */
static int subtree(
    const struct tree_source *s, int64_t first, int bits, tree_hash out, struct err *err)
{
	int level = bits / TREE_TILE_BITS, count = 1 << bits % TREE_TILE_BITS;
	tree_hash h[1 << (TREE_TILE_BITS - 1)];
	int rc = s->read(s->arg, level, first >> level * TREE_TILE_BITS, count, h, err);
	if (rc < 0)
		return rc;
	for (; count > 1; count /= 2)
		for (int i = 0; i < count / 2; i++)
			tree_node(h[2 * i], h[2 * i + 1], h[i]);
	memcpy(out, h[0], TREE_HASH);
	return 0;
}

/* MTH(D[first:end]) of RFC 6962 §2.1, where first is a multiple of the largest power of two that
 * is in end - first: always so for the ranges that roots and proofs need. */
static int range(
    const struct tree_source *s, int64_t first, int64_t end, tree_hash out, struct err *err)
{
	int64_t n = end - first;
	assert(n > 0);
	bool any = false;
	/* From the right, smallest subtree first: the left ones are joined to what is there. */
	for (int bit = 0; n >> bit; bit++) {
		if (!(n >> bit & 1))
			continue;
		int64_t start = first + (n >> (bit + 1) << (bit + 1));
		tree_hash h;
		int rc = subtree(s, start, bit, h, err);
		if (rc < 0)
			return rc;
		if (any)
			tree_node(h, out, out);
		else
			memcpy(out, h, TREE_HASH);
		any = true;
	}
	return 0;
}

int tree_edge_load(const struct tree_source *s, int64_t size, struct tree_edge *e, struct err *err)
{
	*e = (struct tree_edge){.size = size};
	int64_t first = 0;
	for (int bit = 62; bit >= 0; bit--) {
		if (!(size >> bit & 1))
			continue;
		int rc = subtree(s, first, bit, e->hash[bit], err);
		if (rc < 0)
			return rc;
		first += (int64_t)1 << bit;
	}
	return 0;
}

int tree_root(const struct tree_source *s, int64_t size, tree_hash out, struct err *err)
{
	if (size == 0) {
		tree_empty(out);
		return 0;
	}
	return range(s, 0, size, out, err);
}

/* The largest power of two smaller than n, n > 1. */
static int64_t split(int64_t n)
{
	return (int64_t)1 << (63 - __builtin_clzll((unsigned long long)(n - 1)));
}

int tree_inclusion(const struct tree_source *s, int64_t leaf, int64_t size, tree_hash *path, int *n,
    struct err *err)
{
	/* PATH(m, D[n]): walk down from the root, noting the other half each time; the proof wants
	 * the deepest first. */
	*n = 0;
	int64_t first = 0, end = size;
	while (end - first > 1) {
		int64_t mid = first + split(end - first);
		int rc = leaf < mid ? range(s, mid, end, path[*n], err)
		                    : range(s, first, mid, path[*n], err);
		if (rc < 0)
			return rc;
		if (leaf < mid)
			end = mid;
		else
			first = mid;
		(*n)++;
	}
	for (int i = 0; i < *n / 2; i++) {
		tree_hash h;
		memcpy(h, path[i], sizeof(h));
		memcpy(path[i], path[*n - 1 - i], sizeof(h));
		memcpy(path[*n - 1 - i], h, sizeof(h));
	}
	return 0;
}

int tree_consistency(
    const struct tree_source *s, int64_t from, int64_t to, tree_hash *path, int *n, struct err *err)
{
	/* SUBPROOF(m, D[n], b): as above; whole says that the old tree ends inside the part that
	 * began at leaf 0 (its root is known to whoever checks). */
	*n = 0;
	int64_t first = 0, end = to;
	bool whole = true;
	int rc;
	while (end != from) {
		int64_t mid = first + split(end - first);
		if (from <= mid) {
			rc = range(s, mid, end, path[*n], err);
			end = mid;
		} else {
			rc = range(s, first, mid, path[*n], err);
			first = mid;
			whole = false;
		}
		if (rc < 0)
			return rc;
		(*n)++;
	}
	if (!whole) {
		rc = range(s, first, end, path[*n], err);
		if (rc < 0)
			return rc;
		(*n)++;
	}
	for (int i = 0; i < *n / 2; i++) {
		tree_hash h;
		memcpy(h, path[i], sizeof(h));
		memcpy(path[i], path[*n - 1 - i], sizeof(h));
		memcpy(path[*n - 1 - i], h, sizeof(h));
	}
	return 0;
}

bool tree_check_inclusion(const tree_hash leaf_hash, int64_t leaf, int64_t size,
    const tree_hash *path, int n, const tree_hash root)
{
	if (leaf < 0 || leaf >= size)
		return false;
	int64_t fn = leaf, sn = size - 1;
	tree_hash r;
	memcpy(r, leaf_hash, sizeof(r));
	for (int i = 0; i < n; i++) {
		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			tree_node(path[i], r, r);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			tree_node(r, path[i], r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && memcmp(r, root, sizeof(r)) == 0;
}

bool tree_check_consistency(int64_t from, int64_t to, const tree_hash *path, int n,
    const tree_hash root_from, const tree_hash root_to)
{
	if (from <= 0 || from > to)
		return false;
	if (from == to)
		return n == 0 && memcmp(root_from, root_to, TREE_HASH) == 0;
	int i = 0;
	tree_hash fr, sr;
	/* A complete old tree is itself the first node. */
	if ((from & (from - 1)) == 0) {
		memcpy(fr, root_from, sizeof(fr));
	} else {
		if (n == 0)
			return false;
		memcpy(fr, path[i++], sizeof(fr));
	}
	memcpy(sr, fr, sizeof(sr));
	int64_t fn = from - 1, sn = to - 1;
	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	for (; i < n; i++) {
		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			tree_node(path[i], fr, fr);
			tree_node(path[i], sr, sr);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			tree_node(sr, path[i], sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && memcmp(fr, root_from, TREE_HASH) == 0 &&
	       memcmp(sr, root_to, TREE_HASH) == 0;
}
