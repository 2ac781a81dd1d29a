#include "store/test_store.h"

#include "store/private.h" /* migrate_to() */
#include "store/search.h"

static const char *const texts[] = {
    [1] = "犬の登録 高松市番町一丁目8番15号 田中 太郎",
    [2] = "児童手当 現況届 ｻﾝﾎﾟｰﾄ高松 髙橋花子 TANAKA",
    [3] = "公文書開示請求書 東京都港区",
    [4] = "京都の東 港",
    [5] = "印鑑登録証明書 R8-000123",
    [6] = "屋外広告物許可申請 木造2階建て",
    [7] = "香川 葵 香川葵 課税証明書の交付",
    [8] = "香川 葵子 香川葵子 カガワ アオイコ",
    [9] = "向日葵まつり 香川 ア 주민",
};

/* 1 for the odd ones, 2 for the even ones but the last. */
static int64_t group_of(size_t i)
{
	return i == 8 ? 0 : i % 2 ? 1 : 2;
}

static int put_all(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	for (size_t i = 1; i < COUNT(texts); i++) {
		int rc = search_put(db, "application", (int64_t)i, group_of(i), texts[i], err);
		if (rc == 0)
			rc = search_put(db, "page", (int64_t)i, 0, "田中 登録", err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int refuse(struct db *db, void *arg, struct err *err)
{
	int rc = put_all(db, arg, err);
	if (rc == 0)
		rc = search_put(db, "application", 99, 1, "田中", err);
	return rc < 0 ? rc : err_set(err, ERR_INPUT, NULL, "no");
}

static int replace(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int rc = search_put(db, "application", 1, 3, "猫の登録", err);
	if (rc == 0)
		rc = search_put(db, "application", 1, 3, "猫の届出", err);
	if (rc == 0)
		rc = search_put(db, "application", 5, 2, "", err);
	return rc;
}

static char *found_in(struct store *st, struct arena *a, const struct search_query *query)
{
	int64_t *ids;
	int n = 0;
	OK(n = search_find(store_reader(st, NULL), a, query, &ids, why));
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s%lld", i ? " " : "", (long long)ids[i]);
	return b.p;
}

static char *found(struct store *st, struct arena *a, const char *text, int64_t before, int limit)
{
	return found_in(st, a,
	    &(struct search_query){
	        .kind = "application", .text = text, .before_id = before, .limit = limit});
}

/* Only of these groups, the second 0: of the first alone. */
static char *of_groups(struct store *st, struct arena *a, const char *text, int64_t x, int64_t y)
{
	return found_in(st, a,
	    &(struct search_query){.kind = "application",
	        .text = text,
	        .groups = (const int64_t[]){x, y},
	        .ngroups = y ? 2 : 1,
	        .limit = 10});
}

static void finds(struct store *st)
{
	static const struct {
		const char *query, *ids;
	} cases[] = {
	    {"田中", "1"},       /* two characters */
	    {"登録", "5 1"},     /* newest first */
	    {"登録　田中", "1"}, /* both words, an ideographic space between */
	    {"高松", "2 1"},
	    {"高橋", "2"},       /* written 髙橋 in the text */
	    {"サンポート", "2"}, /* half-width in the text */
	    {"さんぽーと", "2"}, /* hiragana in the query */
	    {"tanaka", "2"},
	    {"東京都", "3"}, /* not the text that has 京都 and 東 apart */
	    {"京都", "4 3"},
	    {"造", "6"},   /* one character, in the middle */
	    {"港", "4 3"}, /* one character, at an end and alone */
	    {"犬", "1"},   /* at the beginning */
	    /* One character is found wherever it stands, inside a longer word, too. */
	    {"葵", "9 8 7"},
	    {"香川 葵", "9 8 7"},
	    {"香川葵", "8 7"},
	    {"香川 葵 証", "7"},
	    {"の", "7 4 1"},
	    {"課税証明書の", "7"},
	    {"ア", "9 8"},
	    {"민", "9"},
	    {"証明書", "7 5"},
	    {"000123", "5"},
	    {"R8-000123", "5"},
	    {"２階", "6"},
	    {"役所", ""},
	    {"", ""},
	    {"「」!?\"'()*:&|\\", ""},
	    {"田中\" \"登録", "1"},
	    {"田中\" OR \"登録", ""},
	    {"請求 請求", "3"},
	};
	OK(store_write(st, put_all, NULL, why));
	assert_int_equal(store_write(st, refuse, NULL, NULL), -(int)ERR_INPUT);
	struct arena *a = arena_new();
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *got = found(st, a, cases[i].query, 0, 10);
		if (strcmp(got, cases[i].ids) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", cases[i].query, got, cases[i].ids);
	}
	assert_string_equal(found(st, a, "登録", 0, 1), "5");
	assert_string_equal(found(st, a, "登録", 5, 10), "1");
	assert_string_equal(found(st, a, "登録", 1, 10), "");
	OK(store_write(st, replace, NULL, why));
	assert_string_equal(found(st, a, "登録", 0, 10), "");
	assert_string_equal(found(st, a, "届出", 0, 10), "1");
	assert_string_equal(found(st, a, "田中", 0, 10), "");
	assert_string_equal(
	    found_in(st, a, &(struct search_query){.kind = "nothing", .text = "田中", .limit = 10}),
	    "");
	arena_free(a);
}

static void test_finds(void **state)
{
	(void)state;
	test_store_each(finds);
}

/* --- of some groups --- */

/* As a former program left it, whose tokens were others. */
static int forget_index(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return db->backend->script(db,
	    db_is_postgres(db) ? "UPDATE search_doc SET tokens = ''"
	                       : "INSERT INTO search_index (search_index) VALUES ('delete-all')",
	    err);
}

static void nothing(void *arg, int64_t n)
{
	(void)arg;
	(void)n;
}

static int rebuild(struct db *db, void *arg, struct err *err)
{
	return search_rebuild(db, nothing, arg, err);
}

static int regroup(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int rc = search_regroup(db, "application", 9, 2, err);
	if (rc == 0)
		rc = search_regroup(db, "application", 1234, 2, err); /* nobody indexed it */
	return rc;
}

/* Someone whose name is, to the eye, a group. */
static int put_mark(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return search_put(db, "application", 20, 1, "\uF8FF2 葵", err);
}

static void finds_in_groups(struct store *st)
{
	struct arena *a = arena_new();
	OK(store_write(st, put_all, NULL, why));
	assert_string_equal(of_groups(st, a, "葵", 1, 0), "9 7");
	assert_string_equal(of_groups(st, a, "葵", 2, 0), "");
	assert_string_equal(of_groups(st, a, "葵", 2, 1), "9 7");
	assert_string_equal(of_groups(st, a, "高松", 2, 0), "2");
	assert_string_equal(of_groups(st, a, "高松", 1, 2), "2 1");
	assert_string_equal(of_groups(st, a, "葵 \uF8FF1", 2, 0), "");
	assert_string_equal(found(st, a, "\uF8FF1", 0, 10), "");
	OK(store_write(st, regroup, NULL, why));
	assert_string_equal(of_groups(st, a, "葵", 1, 0), "7");
	assert_string_equal(of_groups(st, a, "葵", 2, 0), "9");
	assert_string_equal(found(st, a, "葵", 0, 10), "9 8 7");
	OK(store_write(st, put_mark, NULL, why));
	assert_string_equal(of_groups(st, a, "葵", 2, 0), "9");
	assert_string_equal(of_groups(st, a, "葵", 1, 0), "20 7");
	/* An index that is made anew keeps them. */
	OK(store_write(st, forget_index, NULL, why));
	OK(store_write(st, rebuild, NULL, why));
	assert_string_equal(of_groups(st, a, "葵", 1, 0), "20 7");
	OK(store_write(st, replace, NULL, why));
	assert_string_equal(of_groups(st, a, "届出", 1, 0), "");
	assert_string_equal(of_groups(st, a, "届出", 3, 0), "1");
	arena_free(a);
}

static void test_finds_in_groups(void **state)
{
	(void)state;
	test_store_each(finds_in_groups);
}

/* --- more than are looked through first --- */

enum { MANY = 6000 };
static const struct {
	const char *word;
	int step, below; /* every step-th document has it, of those below a number */
} seldom[] = {
    {"届出", 1, MANY + 1}, {"時々", 50, MANY + 1}, {"随分", 700, MANY + 1}, {"太古", 1, 9}};

static int put_many(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int rc = 0;
	for (int i = 1; rc == 0 && i <= MANY; i++) {
		struct buf text = {0};
		for (size_t k = 0; k < COUNT(seldom); k++)
			if (i % seldom[k].step == 0 && i < seldom[k].below)
				buf_printf(&text, "%s ", seldom[k].word);
		rc = search_put(db, "application", i, i % 3, text.p, err);
		buf_free(&text);
	}
	return rc;
}

/* Every limit, for one word and some groups. */
static void finds_all_that(struct store *st, struct arena *a, size_t k, int ngroups)
{
	static const int limits[] = {1, 50, 60, MANY};
	static const int64_t groups[] = {1, 2};
	for (size_t l = 0; l < COUNT(limits); l++) {
		int64_t *ids;
		int n = 0, want = 0;
		OK(n = search_find(store_reader(st, NULL), a,
		       &(struct search_query){.kind = "application",
		           .text = seldom[k].word,
		           .groups = groups,
		           .ngroups = ngroups,
		           .limit = limits[l]},
		       &ids, why));
		for (int i = MANY; i > 0 && want < limits[l]; i--)
			if (i % seldom[k].step == 0 && i < seldom[k].below &&
			    (ngroups == 0 || (i % 3 != 0 && i % 3 <= ngroups))) {
				assert_true(want < n);
				assert_int_equal(ids[want++], i);
			}
		assert_int_equal(n, want);
	}
}

static void finds_among_many(struct store *st)
{
	OK(store_write(st, put_many, NULL, why));
	struct arena *a = arena_new();
	for (size_t k = 0; k < COUNT(seldom); k++)
		for (int ngroups = 0; ngroups <= 2; ngroups++)
			finds_all_that(st, a, k, ngroups);
	arena_free(a);
}

static void test_finds_among_many(void **state)
{
	(void)state;
	test_store_each(finds_among_many);
}

/* --- an index that a former program made --- */

static int only_five(void *arg, const char *module)
{
	(void)arg;
	(void)module;
	return 5;
}

static void migrated(void *arg, int done, int total)
{
	int *last = arg;
	assert_true(done > last[0] && done <= total);
	last[0] = done;
	last[1] = total;
}

static void migrates(bool postgres)
{
	struct test_store t;
	struct arena *a = arena_new();
	int progress[2] = {0};
	test_store_new(&t, postgres);
	OK(migrate_to(t.st, NULL, 0, only_five, NULL, NULL, NULL, why));
	OK(store_write(t.st, put_all, NULL, why));
	OK(store_write(t.st, forget_index, NULL, why));
	assert_string_equal(found(t.st, a, "登録", 0, 10), "");
	OK(store_migrate(t.st, NULL, 0, migrated, progress, why));
	assert_int_equal(progress[0], progress[1]);
	assert_true(progress[1] > 2 * ((int)COUNT(texts) - 1)); /* both kinds, and the step */
	assert_string_equal(found(t.st, a, "登録", 0, 10), "5 1");
	assert_string_equal(found(t.st, a, "香川 葵", 0, 10), "9 8 7");
	/* What is changed afterwards leaves nothing behind. */
	OK(store_write(t.st, replace, NULL, why));
	assert_string_equal(found(t.st, a, "登録", 0, 10), "");
	assert_string_equal(found(t.st, a, "届出", 0, 10), "1");
	assert_string_equal(found(t.st, a, "田", 0, 10), "");
	arena_free(a);
	test_store_free(&t);
}

static void test_migrates(void **state)
{
	(void)state;
	migrates(false);
	if (getenv("MACHI_TEST_PG"))
		migrates(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_finds),
	    cmocka_unit_test(test_finds_in_groups),
	    cmocka_unit_test(test_finds_among_many),
	    cmocka_unit_test(test_migrates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
