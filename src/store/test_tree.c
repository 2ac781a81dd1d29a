/* The tree against a naive reading of RFC 6962 §2.1, for all sizes up to 600. */
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/test.h"
#include "store/tree.h"

enum { N = 600 };

static tree_hash leaves[N];
static tree_hash nodes[3][N]; /* what tree_append() says is finished */
static int64_t nnodes[3];

/* MTH(D[n]), the recursion of the RFC, hashed with another function than the tree's. */
static void naive_root(const tree_hash *d, int64_t n, tree_hash out)
{
	if (n == 0) {
		SHA256((const unsigned char *)"", 0, out);
		return;
	}
	if (n == 1) {
		memcpy(out, d[0], TREE_HASH);
		return;
	}
	int64_t k = 1;
	while (k * 2 < n)
		k *= 2;
	unsigned char both[1 + 2 * TREE_HASH] = {1};
	naive_root(d, k, both + 1);
	naive_root(d + k, n - k, both + 1 + TREE_HASH);
	SHA256(both, sizeof(both), out);
}

static int naive_path(int64_t m, const tree_hash *d, int64_t n, tree_hash *path)
{
	if (n == 1)
		return 0;
	int64_t k = 1;
	while (k * 2 < n)
		k *= 2;
	int len = m < k ? naive_path(m, d, k, path) : naive_path(m - k, d + k, n - k, path);
	if (m < k)
		naive_root(d + k, n - k, path[len]);
	else
		naive_root(d, k, path[len]);
	return len + 1;
}

static int naive_subproof(int64_t m, const tree_hash *d, int64_t n, bool b, tree_hash *path)
{
	if (m == n) {
		if (b)
			return 0;
		naive_root(d, n, path[0]);
		return 1;
	}
	int64_t k = 1;
	while (k * 2 < n)
		k *= 2;
	int len;
	if (m <= k) {
		len = naive_subproof(m, d, k, b, path);
		naive_root(d + k, n - k, path[len]);
	} else {
		len = naive_subproof(m - k, d + k, n - k, false, path);
		naive_root(d, k, path[len]);
	}
	return len + 1;
}

static int read_hashes(
    void *arg, int level, int64_t first, int count, tree_hash *out, struct err *err)
{
	(void)arg;
	(void)err;
	const tree_hash *from = level == 0 ? leaves : nodes[level];
	if (level > 0)
		/* cppcheck-suppress arrayIndexOutOfBoundsCond; trees this small have levels 1 and 2
		 */
		assert_true(first + count <= nnodes[level]);
	memcpy(out, from + first, (size_t)count * TREE_HASH);
	return 0;
}

static int node_done(void *arg, int level, int64_t n, const tree_hash hash)
{
	(void)arg;
	assert_int_equal(n, nnodes[level]);
	memcpy(nodes[level][nnodes[level]++], hash, TREE_HASH);
	return 0;
}

static const struct tree_source source = {read_hashes, NULL};

static void test_against_naive(void **state)
{
	(void)state;
	struct tree_edge edge = {0};
	for (int64_t size = 0; size <= N; size++) {
		tree_hash want, got, path[TREE_MAX_PATH], naive[TREE_MAX_PATH];
		naive_root(leaves, size, want);
		tree_edge_root(&edge, got);
		assert_memory_equal(got, want, TREE_HASH);
		assert_int_equal(tree_root(&source, size, got, NULL), 0);
		assert_memory_equal(got, want, TREE_HASH);
		struct tree_edge loaded;
		assert_int_equal(tree_edge_load(&source, size, &loaded, NULL), 0);
		tree_edge_root(&loaded, got);
		assert_memory_equal(got, want, TREE_HASH);
		/* Each leaf and each older size of some trees; a few of all. */
		int64_t stride = size % 256 < 2 || size == N ? 1 : 53;
		for (int64_t m = size % stride; m < size; m += stride) {
			int n;
			assert_int_equal(tree_inclusion(&source, m, size, path, &n, NULL), 0);
			assert_int_equal(n, naive_path(m, leaves, size, naive));
			assert_memory_equal(path, naive, (size_t)n * TREE_HASH);
			assert_true(tree_check_inclusion(leaves[m], m, size, path, n, want));
			assert_false(
			    tree_check_inclusion(leaves[(m + 1) % N], m, size, path, n, want));
			if (m == 0)
				continue;
			assert_int_equal(tree_consistency(&source, m, size, path, &n, NULL), 0);
			assert_int_equal(n, naive_subproof(m, leaves, size, true, naive));
			assert_memory_equal(path, naive, (size_t)n * TREE_HASH);
			tree_hash old;
			naive_root(leaves, m, old);
			assert_true(tree_check_consistency(m, size, path, n, old, want));
			old[5] ^= 1;
			assert_false(tree_check_consistency(m, size, path, n, old, want));
		}
		if (size < N)
			assert_int_equal(tree_append(&edge, leaves[size], node_done, NULL), 0);
	}
	assert_int_equal(nnodes[1], N / 256);
}

/* The test vectors of the Certificate Transparency project for the eight well-known leaves. */
static void test_known_roots(void **state)
{
	(void)state;
	static const struct {
		const char *leaf, *root;
	} cases[] = {
	    {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
	    {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
	    {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
	    {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
	    {"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
	    {"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
	    {"5051525354555657",
	        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
	    {"606162636465666768696a6b6c6d6e6f",
	        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
	};
	struct tree_edge edge = {0};
	for (size_t i = 0; i < COUNT(cases); i++) {
		unsigned char leaf[16];
		size_t n = strlen(cases[i].leaf) / 2;
		for (size_t k = 0; k < n; k++)
			leaf[k] = (unsigned char)strtol(
			    (char[3]){cases[i].leaf[2 * k], cases[i].leaf[2 * k + 1], 0}, NULL, 16);
		tree_hash h, root;
		tree_leaf(leaf, n, h);
		assert_int_equal(tree_append(&edge, h, NULL, NULL), 0);
		tree_edge_root(&edge, root);
		struct buf hex = {0};
		buf_hex(&hex, root, TREE_HASH);
		assert_string_equal(hex.p, cases[i].root);
		buf_free(&hex);
	}
}

int main(void)
{
	for (int i = 0; i < N; i++)
		tree_leaf(&i, sizeof(i), leaves[i]);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_against_naive),
	    cmocka_unit_test(test_known_roots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
