#include "store/test_store.h"

#include "store/search.h"

static const char *const texts[] = {
    [1] = "犬の登録 高松市番町一丁目8番15号 田中 太郎",
    [2] = "児童手当 現況届 ｻﾝﾎﾟｰﾄ高松 髙橋花子 TANAKA",
    [3] = "公文書開示請求書 東京都港区",
    [4] = "京都の東 港",
    [5] = "印鑑登録証明書 R8-000123",
    [6] = "屋外広告物許可申請 木造2階建て",
};

static int put_all(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	for (size_t i = 1; i < COUNT(texts); i++) {
		int rc = search_put(db, "application", (int64_t)i, texts[i], err);
		if (rc == 0)
			rc = search_put(db, "page", (int64_t)i, "田中 登録", err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int refuse(struct db *db, void *arg, struct err *err)
{
	int rc = put_all(db, arg, err);
	if (rc == 0)
		rc = search_put(db, "application", 99, "田中", err);
	return rc < 0 ? rc : err_set(err, ERR_INPUT, NULL, "no");
}

static int replace(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int rc = search_put(db, "application", 1, "猫の登録", err);
	if (rc == 0)
		rc = search_put(db, "application", 1, "猫の届出", err);
	if (rc == 0)
		rc = search_put(db, "application", 5, "", err);
	return rc;
}

static char *found(struct store *st, struct arena *a, const char *query, int64_t before, int limit)
{
	int64_t *ids;
	int n = 0;
	OK(n = search_find(
	       store_reader(st, NULL), a, "application", query, before, limit, &ids, why));
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s%lld", i ? " " : "", (long long)ids[i]);
	return b.p;
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
	    {"証明書", "5"},
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
	int64_t *ids;
	struct err err;
	assert_int_equal(
	    search_find(store_reader(st, NULL), a, "nothing", "田中", 0, 10, &ids, &err), 0);
	arena_free(a);
}

static void test_finds(void **state)
{
	(void)state;
	test_store_each(finds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_finds)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
