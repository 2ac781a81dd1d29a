#include "store/test_store.h"

#include "base/str.h"
#include "store/journal.h"
#include "store/private.h"
#include "store/tree.h"

struct add {
	int n;
	bool fail;
};

static int add(struct db *db, void *arg, struct err *err)
{
	struct add *a = arg;
	for (int i = 0; i < a->n; i++) {
		json_t *data = json_pack("{s:i,s:s}", "i", i, "名", "街");
		char subject[32];
		(void)snprintf(subject, sizeof(subject), "thing:%d", i % 7);
		int rc = journal_add(db,
		    &(struct journal_change){.actor = "system",
		        .verb = "thing.changed",
		        .subject = subject,
		        .data = data,
		        .state = i % 2 ? data : NULL},
		    NULL, err);
		json_decref(data);
		if (rc < 0)
			return rc;
	}
	return a->fail ? err_set(err, ERR_INPUT, NULL, "no") : 0;
}

static int sequence(struct db *db, void *arg, struct err *err)
{
	int *n = arg;
	*n = journal_sequence(db, err);
	return *n < 0 ? *n : 0;
}

static void sequence_all(struct store *st)
{
	int n;
	do
		OK(store_write(st, sequence, &n, why));
	while (n > 0);
}

static int cut_hash(struct db *db, void *arg, struct err *err)
{
	static const struct sql sql = {"UPDATE journal SET leaf = NULL, leaf_hash = ?1 WHERE id = "
	                               "(SELECT max(id) FROM journal)"};
	(void)arg;
	int64_t n = db_run(db, err, &sql, "b", STR("short"));
	return n < 0 ? (int)n : 0;
}

/* As out of a damaged backup: it is told, not read past its end. */
static void short_hash(struct store *st)
{
	OK(store_write(st, add, &(struct add){.n = 3}, why));
	OK(store_write(st, cut_hash, NULL, why));
	int n;
	struct err err = {0};
	assert_int_equal(store_write(st, sequence, &n, &err), -(int)ERR_STORE);
	assert_string_equal(err.msg, "journal.damaged");
}

static void head_of(struct store *st, struct tree_head *head)
{
	sequence_all(st);
	OK(journal_head(store_reader(st, NULL), head, why));
	unsigned char key[32];
	OK(journal_public_key(st, key, why));
	assert_true(tree_head_valid(head, key));
	head->root[0] ^= 1;
	assert_false(tree_head_valid(head, key));
	head->root[0] ^= 1;
}

/* Grows the tree past two stored nodes; every proof holds, from leaf texts on. */
static void proofs(struct store *st)
{
	static const int steps[] = {1, 1, 5, 249, 1, 255, 3, 85};
	struct tree_head old = {0}, head;
	struct arena *a = arena_new();
	head_of(st, &head);
	assert_int_equal(head.size, 0);
	for (size_t i = 0; i < COUNT(steps); i++) {
		OK(store_write(st, add, &(struct add){.n = steps[i]}, why));
		assert_true(store_write(st, add, &(struct add){.n = 3, .fail = true}, NULL) < 0);
		head_of(st, &head);
		assert_int_equal(head.size, old.size + steps[i]);
		struct db *db = store_reader(st, NULL);
		unsigned char(*path)[HASH_SIZE];
		int n;
		for (int64_t leaf = 0; leaf < head.size; leaf += 1 + leaf % 5) {
			char *text;
			tree_hash h;
			OK(journal_leaf_text(db, a, leaf, &text, why));
			tree_leaf(text, strlen(text), h);
			OK(journal_inclusion(db, a, leaf, head.size, &path, &n, why));
			assert_true(tree_check_inclusion(
			    h, leaf, head.size, (const tree_hash *)path, n, head.root));
		}
		OK(journal_consistency(db, a, old.size, head.size, &path, &n, why));
		if (old.size)
			assert_true(tree_check_consistency(
			    old.size, head.size, (const tree_hash *)path, n, old.root, head.root));
		struct err err;
		assert_int_equal(journal_inclusion(db, a, head.size, head.size, &path, &n, &err),
		    -(int)ERR_MISSING);
		assert_int_equal(
		    journal_inclusion(db, a, 0, head.size + 1, &path, &n, &err), -(int)ERR_MISSING);
		assert_int_equal(journal_consistency(db, a, 1, head.size + 1, &path, &n, &err),
		    -(int)ERR_MISSING);
		old = head;
	}
	assert_string_equal(tree_head_text(a, "x", &(struct tree_head){.size = 5}),
	    "x\n5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
	arena_free(a);
}

static int erase(struct db *db, void *arg, struct err *err)
{
	return journal_erase(db, "cli", arg, err);
}

static void feeds(struct store *st)
{
	OK(store_write(st, add, &(struct add){.n = 20}, why));
	sequence_all(st);
	struct arena *a = arena_new();
	struct db *db = store_reader(st, NULL);
	struct err err = {0};
	struct journal_entry *e;
	assert_int_equal(journal_of(db, a, "thing:3", &e, &err), 3);
	assert_int_equal(json_integer_value(json_object_get(e[1].data, "i")), 10);
	assert_string_equal(e[2].verb, "thing.changed");
	int seen = 0;
	int64_t at = 0;
	for (int n; (n = journal_after(db, a, at, 6, &e, &err)) != 0; at = e[n - 1].id) {
		assert_true(n > 0);
		for (int i = 0; i < n; i++)
			assert_int_equal(e[i].leaf, seen++);
	}
	assert_int_equal(seen, 20);
	assert_int_equal(journal_after(db, a, 999, 6, &e, &err), -(int)ERR_MISSING);
	char subject[] = "thing:3";
	OK(store_write(st, erase, subject, why));
	assert_int_equal(journal_of(db, a, "thing:3", &e, &err), 4);
	assert_null(e[0].data);
	assert_string_equal(e[3].verb, "journal.erased");
	arena_free(a);
}

static int add_bad(struct db *db, void *arg, struct err *err)
{
	return journal_add(db,
	    &(struct journal_change){.actor = "system", .verb = "x", .subject = arg}, NULL, err);
}

static void refuses_lines(struct store *st)
{
	char two[] = "a\nb", none[] = "";
	assert_int_equal(store_write(st, add_bad, two, NULL), -(int)ERR_INTERNAL);
	assert_int_equal(store_write(st, add_bad, none, NULL), -(int)ERR_INTERNAL);
}

static int sequence_and_fail(struct db *db, void *arg, struct err *err)
{
	int rc = sequence(db, arg, err);
	return rc < 0 ? rc : err_set(err, ERR_INPUT, NULL, "no");
}

static int remove_all(struct db *db, void *arg, struct err *err)
{
	static const struct sql sql = {"DELETE FROM journal"};
	(void)arg;
	int64_t n = db_run(db, err, &sql, "");
	return n < 0 ? (int)n : 0;
}

/* Is the edge that was kept the one of the entries that are there? */
static int compare_edge(struct db *db, void *arg, struct err *err)
{
	tree_hash kept, there;
	int rc = sequence(db, arg, err);
	if (rc < 0)
		return rc;
	struct tree_source source = {journal_read_hashes, db};
	tree_edge_root(&db->edge, kept);
	rc = tree_root(&source, db->edge.size, there, err);
	if (rc == 0 && memcmp(kept, there, sizeof(kept)) != 0)
		rc = err_set(err, ERR_INTERNAL, NULL, "another tree");
	return rc;
}

/* Places that were given in a transaction which was not committed; meanwhile another process placed
 * as many entries, but others. */
static void test_places_not_committed(void **state)
{
	(void)state;
	if (!getenv("MACHI_TEST_PG"))
		skip();
	struct test_store t;
	test_store_new(&t, true);
	test_store_migrate(t.st);
	store_close(t.st);
	struct store *other;
	t.options.loading = true; /* nobody else gives places */
	t.options.writers = 1;
	OK(store_open(&t.options, &t.st, why));
	OK(store_open(&t.options, &other, why));
	int n;
	OK(store_write(t.st, add, &(struct add){.n = 1}, why));
	assert_int_equal(store_write(t.st, sequence_and_fail, &n, NULL), -(int)ERR_INPUT);
	OK(store_write(other, remove_all, NULL, why));
	OK(store_write(other, add, &(struct add){.n = 1}, why));
	OK(store_write(other, sequence, &n, why));
	assert_int_equal(n, 1);
	OK(store_write(t.st, add, &(struct add){.n = 1}, why));
	OK(store_write(t.st, compare_edge, &n, why));
	store_close(other);
	test_store_free(&t);
}

#define EACH(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(name);                                                             \
	}
EACH(proofs)
EACH(feeds)
EACH(refuses_lines)
EACH(short_hash)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_proofs),
	    cmocka_unit_test(test_feeds),
	    cmocka_unit_test(test_refuses_lines),
	    cmocka_unit_test(test_short_hash),
	    cmocka_unit_test(test_places_not_committed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
