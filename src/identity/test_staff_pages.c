/* Staff administration over HTTP: users, posts, roles, departments, absences, import, help desk. */
#include "identity/test_office.h"

static void test_rights(void **state)
{
	(void)state;
	CURL *clerk = signed_in("clerk"), *nobody = test_browser();
	add_resident("rights@example.jp");
	CURL *resident = signed_in("rights@example.jp");
	static const char *const paths[] = {"/staff/users", "/staff/users/new", "/staff/users/1",
	    "/staff/users/1/edit", "/staff/users/1/add/role", "/staff/users/import",
	    "/staff/residents", "/staff/departments", "/staff/departments/new"};
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct reply r = get(clerk, paths[i]);
		assert_int_equal(r.status, 403);
		reply_free(&r);
		r = get(resident, paths[i]);
		assert_int_equal(r.status, 403);
		reply_free(&r);
		r = get(nobody, paths[i]);
		assert_int_equal(r.status, 401);
		reply_free(&r);
	}
	struct reply r = post(clerk,
	    arena_printf(t.arena, "/staff/users/%lld/add/role", (long long)office.clerk), "role",
	    "identity_admin");
	assert_int_equal(r.status, 403);
	reply_free(&r);
	r = get(clerk, "/account/close"); /* staff do not close their own */
	assert_int_equal(r.status, 403);
	reply_free(&r);
	curl_easy_cleanup(clerk);
	curl_easy_cleanup(nobody);
	curl_easy_cleanup(resident);
}

static void test_users(void **state)
{
	(void)state;
	CURL *b = signed_in("admin");
	struct reply r = get_html(b, "/staff/users");
	shows(&r, 200, "窓口 花子");
	r = get_html(b, "/en/staff/users?q=%25");
	shows(&r, 200, "Nobody was found");
	r = get(
	    b, arena_printf(t.arena, "/staff/users?department=%lld", (long long)office.department));
	assert_int_equal(json_array_size(json_object_get(r.json, "users")), 1);
	reply_free(&r);

	r = post(b, "/staff/users/new", "login", "Bad Login!", "name", "");
	assert_int_equal(r.status, 422);
	reply_free(&r);
	r = post(b, "/staff/users/new", "login", "clerk", "name", "別人");
	shows(&r, 422, "もう使われています");
	mail.n = 0;
	r = post(b, "/staff/users/new", "login", "tanaka", "name", "田中 三郎", "kana",
	    "たなか さぶろう", "mail", "tanaka@city.example.jp");
	const char *page = arena_strdup(t.arena, reply_header(&t, &r, "Location"));
	assert_int_equal(r.status, 303);
	reply_free(&r);
	assert_int_equal(mail.n, 1);
	assert_string_equal(mail.kind, "identity/invite-staff");
	r = get_html(b, page);
	shows(&r, 200, "タナカ サブロウ");
	/* The link sets the first password; signing in works. */
	CURL *tanaka = test_browser();
	const char *link = arena_strdup(t.arena, mail_path());
	r = post(tanaka, link, "password", password);
	see_other(&r, "/login");
	r = post(tanaka, "/login", "login", "TANAKA", "password", password);
	see_other(&r, "/staff");

	const char *add = arena_printf(t.arena, "%s/add/", page);
	r = post(b, arena_printf(t.arena, "%spost", add), "department", "9999", "rank", "課長");
	shows(&r, 422, "部署を選んでください");
	r = post(b, arena_printf(t.arena, "%spost", add), "department",
	    arena_printf(t.arena, "%lld", (long long)office.department), "rank", "課長", "from",
	    "令和8年4月1日", "until", "2026-03-31");
	shows(&r, 422, "終わりの日が、始まりの日より前です");
	r = post(b, arena_printf(t.arena, "%spost", add), "department",
	    arena_printf(t.arena, "%lld", (long long)office.department), "rank", "課長", "from",
	    "令和8年4月1日");
	see_other(&r, page);
	r = post(b, arena_printf(t.arena, "%srole", add), "role", "auditor");
	see_other(&r, page);
	r = post(b, arena_printf(t.arena, "%srole", add), "role", "emperor");
	shows(&r, 422, "この役割はありません");
	/* Whoever manages staff manages all of them: not a right for one department. */
	r = post(b, arena_printf(t.arena, "%srole", add), "role", "identity_admin", "department",
	    arena_printf(t.arena, "%lld", (long long)office.department));
	shows(&r, 422, "この役割は部署ごとには付けられません");
	r = get(b, page);
	assert_string_equal(reply_text(&r, "posts.0.from"), "2026-04-01");
	assert_string_equal(reply_text(&r, "roles.0.role"), "auditor");
	const char *row = arena_printf(t.arena, "%lld",
	    (long long)json_integer_value(
	        json_object_get(json_array_get(json_object_get(r.json, "roles"), 0), "id")));
	reply_free(&r);
	r = get_html(b, page);
	shows(&r, 200, "この職員の不在と代決者");
	r = post(b, arena_printf(t.arena, "%s/end", page), "kind", "role", "row", row);
	see_other(&r, page);
	r = post(b, arena_printf(t.arena, "%s/end", page), "kind", "role", "row", "99999");
	assert_int_equal(r.status, 409); /* somebody else was quicker */
	reply_free(&r);

	/* An address that was changed by somebody else: the old one is told, and links that went
	 * to it end. */
	r = post(b, arena_printf(t.arena, "%s/do", page), "do", "reset");
	see_other(&r, page);
	link = arena_strdup(t.arena, mail_path());
	r = post(b, arena_printf(t.arena, "%s/edit", page), "name", "田中 三郎", "mail",
	    "saburo@city.example.jp");
	see_other(&r, page);
	assert_string_equal(mail.kind, "mail-changed");
	assert_string_equal(mail.to, "tanaka@city.example.jp");
	r = get_html(tanaka, link);
	assert_null(strstr(r.body.p, "name=\"password\""));
	reply_free(&r);

	/* Locking ends the session at once. */
	is_signed_in(tanaka, true);
	r = post(b, arena_printf(t.arena, "%s/do", page), "do", "lock");
	see_other(&r, page);
	is_signed_in(tanaka, false);
	r = post(tanaka, "/login", "login", "tanaka", "password", password);
	shows(&r, 422, "止められています");
	r = post(tanaka, "/login", "login", "tanaka", "password", "wrong wrong wrong");
	shows(&r, 422, "が違います"); /* only who knows the password learns it */
	r = post(b, arena_printf(t.arena, "%s/do", page), "do", "unlock");
	see_other(&r, page);
	r = post(b, arena_printf(t.arena, "/staff/users/%lld/do", (long long)office.admin), "do",
	    "lock");
	shows(&r, 409, "自分のアカウント");
	curl_easy_cleanup(b);
	curl_easy_cleanup(tanaka);
}

static int head_make(struct db *db, void *arg, struct err *err)
{
	int64_t account, *head = arg;
	int rc = staff_add(db, "kacho", good_hash, "課長 太郎", &account, head, err);
	return rc == 0 ? post_add(db, *head, office.department, RANK_SECTION, NULL, NULL, err) : rc;
}

static const char *days_from_now(int days)
{
	return date_format(t.arena, date_add_days(date_of_us(now_us()), days));
}

static void test_absences(void **state)
{
	(void)state;
	struct err err = {0};
	int64_t head;
	if (store_write(t.store.st, head_make, &head, &err) < 0)
		fail_msg("%s", err.detail);
	CURL *clerk = signed_in("clerk"), *boss = signed_in("kacho"), *admin = signed_in("admin");
	const char *own = "/staff/absences",
	           *add = arena_printf(
	               t.arena, "/staff/absences/%lld/absence/new", (long long)office.clerk);
	struct reply r = get_html(clerk, own);
	shows(&r, 200, "登録された不在はありません");
	r = post(clerk, add, "from", "", "until", days_from_now(-1));
	assert_non_null(strstr(r.body.p, "いつから休むか"));
	assert_non_null(strstr(r.body.p, "過ぎています"));
	shows(&r, 422, "理由を選んで");
	r = post(clerk, add, "from", days_from_now(1), "until", days_from_now(2), "reason", "sick");
	see_other(&r, own);
	r = post(clerk, add, "from", days_from_now(2), "until", days_from_now(5), "reason", "trip");
	shows(&r, 422, "別の不在が登録されています");
	r = post(clerk, "/staff/absences/1/absence/new", "from", days_from_now(1), "until",
	    days_from_now(2), "reason", "sick"); /* the administrator's */
	assert_int_equal(r.status, 404);
	reply_free(&r);

	/* The manager sees and changes it, and enters one for today. */
	r = get(boss, own);
	assert_string_equal(reply_text(&r, "people.0.name"), "窓口 花子");
	assert_string_equal(reply_text(&r, "people.0.absence.reason"), "sick");
	reply_free(&r);
	const char *clerks = arena_printf(t.arena, "%s/%lld", own, (long long)office.clerk);
	r = get(boss, clerks);
	const char *row = arena_printf(t.arena, "%lld",
	    (long long)json_integer_value(
	        json_object_get(json_array_get(json_object_get(r.json, "absences"), 0), "id")));
	reply_free(&r);
	const char *change = arena_printf(t.arena, "%s/absence/%s", clerks, row);
	r = get_html(boss, change);
	shows(&r, 200,
	    arena_printf(t.arena, "name=\"until.day\" type=\"text\" value=\"%d\"",
	        date_add_days(date_of_us(now_us()), 2).day));
	r = post(
	    boss, change, "from", days_from_now(0), "until", days_from_now(3), "reason", "trip");
	see_other(&r, clerks);
	r = get_html(clerk, own);
	shows(&r, 200, "不在中");
	r = get(clerk, own);
	assert_string_equal(reply_text(&r, "absences.0.reason_text"), "出張");
	reply_free(&r);
	r = get(clerk, arena_printf(t.arena, "%s/%lld", own, (long long)head));
	assert_int_equal(r.status, 404); /* not upwards */
	reply_free(&r);

	/* Deputies: by name, by post, by login; each says what is wrong with it. */
	const char *name = arena_printf(t.arena, "%s/%lld/deputy/new", own, (long long)head);
	r = post(boss, name, "deputy", "other", "login", "nobody");
	shows(&r, 422, "見つかりません");
	r = post(boss, name, "deputy", "");
	assert_int_equal(r.status, 422);
	reply_free(&r);
	r = post(boss, name, "deputy", "rank:係員");
	assert_int_equal(r.status, 422);
	reply_free(&r);
	r = post(boss, name, "deputy", "other", "login", "clerk", "place", "100");
	shows(&r, 422, "1から99まで");
	r = post(boss, name, "deputy", "other", "login", "kacho");
	shows(&r, 422, "本人を代決者");
	r = post(boss, name, "deputy", "rank:係長", "place", "2");
	see_other(&r, own);
	r = post(boss, name, "deputy", "other", "login", "ADMIN", "place", "1");
	see_other(&r, own);
	r = get(boss, own);
	assert_string_equal(reply_text(&r, "deputies.0.rank"), "係長");
	assert_string_equal(reply_text(&r, "deputies.1.name"), "管理 一郎");
	assert_string_equal(reply_text(&r, "acting.0.deputy"), "管理 一郎");
	const char *deputy = arena_printf(t.arena, "%lld",
	    (long long)json_integer_value(
	        json_object_get(json_array_get(json_object_get(r.json, "deputies"), 1), "id")));
	reply_free(&r);
	r = get_html(
	    boss, arena_printf(t.arena, "/en%s/%lld/deputy/%s", own, (long long)head, deputy));
	shows(&r, 200, "Change a deputy");
	r = post(boss, arena_printf(t.arena, "%s/%lld/deputy/%s", own, (long long)head, deputy),
	    "deputy", arena_printf(t.arena, "%lld", (long long)office.clerk), "place", "1");
	see_other(&r, own);
	/* Who is named hears of it: their rights change. */
	r = post(admin, arena_printf(t.arena, "/staff/users/%lld/edit", (long long)office.clerk),
	    "name", "窓口 花子", "mail", "clerk@city.example.jp");
	assert_int_equal(r.status, 303);
	reply_free(&r);
	mail.n = 0;
	r = post(boss, arena_printf(t.arena, "%s/%lld/deputy/%s", own, (long long)head, deputy),
	    "deputy", arena_printf(t.arena, "%lld", (long long)office.clerk), "place", "1", "until",
	    days_from_now(9));
	see_other(&r, own);
	assert_int_equal(mail.n, 1);
	assert_string_equal(mail.kind, "identity/deputy");
	assert_string_equal(mail.to, "clerk@city.example.jp");

	/* Whoever acts for an absent officer hears of it and sees it, and so does everybody below.
	 */
	mail.n = 0;
	r = post(boss, arena_printf(t.arena, "%s/%lld/absence/new", own, (long long)head), "from",
	    days_from_now(0), "until", days_from_now(0), "reason", "leave");
	see_other(&r, own);
	r = get(clerk, own);
	assert_string_equal(reply_text(&r, "away.0.name"), "課長 太郎");
	assert_null(json_object_get(json_array_get(json_object_get(r.json, "away"), 0),
	    "deputy")); /* she is away herself */
	reply_free(&r);
	r = post(boss, arena_printf(t.arena, "%s/end", clerks), "kind", "absence", "row", row);
	see_other(&r, clerks);
	r = get(clerk, own);
	assert_string_equal(reply_text(&r, "away.0.deputy"), "窓口 花子");
	assert_true(json_is_true(
	    json_object_get(json_array_get(json_object_get(r.json, "away"), 0), "by_you")));
	reply_free(&r);
	r = post(boss, arena_printf(t.arena, "%s/end", clerks), "kind", "post", "row", "1");
	assert_int_equal(r.status, 400);
	reply_free(&r);
	r = post(clerk, arena_printf(t.arena, "%s/%lld/end", own, (long long)head), "kind",
	    "deputy", "row", deputy);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	r = post(admin, arena_printf(t.arena, "%s/%lld/end", own, (long long)head), "kind",
	    "deputy", "row", deputy); /* who manages staff may */
	see_other(&r, arena_printf(t.arena, "%s/%lld", own, (long long)head));
	curl_easy_cleanup(clerk);
	curl_easy_cleanup(boss);
	curl_easy_cleanup(admin);
}

static void test_residents_page(void **state)
{
	(void)state;
	CURL *b = signed_in("admin");
	add_resident("help@example.jp");
	struct reply r =
	    post(b, "/staff/residents", "q", "help@example.jp", "reason", "電話の問合せ");
	shows(&r, 200, "香川 太郎");
	r = post(b, "/staff/residents", "q", "help", "reason", "電話の問合せ");
	shows(&r, 200, "見つかりませんでした"); /* exact matches only */
	struct err err;
	struct journal_entry *entries;
	int n = journal_of(store_reader(t.store.st, &err), t.arena,
	    arena_printf(t.arena, "look-up:staff:%lld", (long long)office.admin), &entries, &err);
	assert_int_equal(n, 2);
	assert_string_equal(entries[0].verb, "identity.looked_up");
	curl_easy_cleanup(b);
}

static void test_departments_page(void **state)
{
	(void)state;
	CURL *b = signed_in("admin");
	struct reply r = post(b, "/staff/departments/new", "code", "10", "name", "別の課");
	shows(&r, 422, "もう使われています");
	r = post(b, "/staff/departments/new", "code", "1010", "name", "窓口係", "name_en",
	    "Counter", "parent", arena_printf(t.arena, "%lld", (long long)office.department),
	    "from", "2026-04-01");
	see_other(&r, "/staff/departments");
	r = get_html(b, "/staff/departments"); /* today */
	shows(&r, 200, "窓口係");
	r = get_html(b, "/staff/departments?on=2026-99-31");
	shows(&r, 422, "日付として");
	r = get_html(b, "/staff/departments?on=2026-03-31");
	assert_null(strstr(r.body.p, "窓口係"));
	shows(&r, 200, "市民課");
	r = get_html(b, "/en/staff/departments?on=2026-04-01");
	shows(&r, 200, "Counter");
	r = post(b, arena_printf(t.arena, "/staff/departments/%lld", (long long)office.department),
	    "name", "", "parent", "");
	assert_int_equal(r.status, 422);
	reply_free(&r);
	r = get_html(
	    b, arena_printf(t.arena, "/staff/departments/%lld", (long long)office.department));
	shows(&r, 200, "value=\"市民課\"");
	curl_easy_cleanup(b);
}

static struct reply upload(CURL *b, const char *csv)
{
	struct buf body;
	buf_init(&body, t.arena);
	buf_printf(&body,
	    "--x\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n%s\r\n--x\r\n"
	    "Content-Disposition: form-data; name=\"file\"; filename=\"staff.csv\"\r\n"
	    "Content-Type: text/csv\r\n\r\n%s\r\n--x--\r\n",
	    csrf_of(b), csv);
	struct call c = {.curl = b,
	    .body = body.p,
	    .type = "multipart/form-data; boundary=x",
	    .headers = {"Accept: text/html"}};
	return test_call(&t, "/staff/users/import", &c);
}

static void test_import(void **state)
{
	(void)state;
	CURL *b = signed_in("admin");
	struct reply r = get_html(b, "/staff/users/import");
	assert_non_null(strstr(r.body.p, "type=\"file\""));
	shows(&r, 200, "組織コード");
	r = upload(b, "氏名\n山田\n");
	shows(&r, 422, "「ログイン名」の列がありません");
	r = upload(b, "ログイン名,氏名,メールアドレス,組織コード,職,開始日,役割\n"
	              "yamada,山田 一,yamada@city.example.jp,10,係長,2026-04-01,\n"
	              "Bad Login,,x,77,社長,2026-13-01,emperor\n");
	assert_non_null(strstr(r.body.p, "3行目"));
	assert_non_null(strstr(r.body.p, "「社長」"));
	shows(&r, 422, "「77」");
	r = upload(b, "ログイン名,氏名,組織コード,役割\nyamada,山田 一,10,operator\n");
	shows(&r, 422, "は市全体の役割です");
	r = get(b, "/staff/users?q=yamada");
	assert_int_equal(json_array_size(json_object_get(r.json, "users")), 0); /* all or nothing */
	reply_free(&r);
	mail.n = 0;
	const char *good = "ログイン名,氏名,メールアドレス,組織コード,職,開始日,役割\r\n"
	                   "yamada,山田 一,yamada@city.example.jp,10,係長,2026-04-01,records\r\n"
	                   "sato,佐藤 二,,10,,,\r\n";
	r = upload(b, good);
	see_other(&r, "/staff/users");
	assert_int_equal(mail.n, 1);
	r = get(b, "/staff/users?q=yamada");
	assert_string_equal(reply_text(&r, "users.0.posts.0.rank"), "係長");
	reply_free(&r);
	r = upload(b, good); /* once more changes nothing */
	see_other(&r, "/staff/users");
	assert_int_equal(mail.n, 1);
	r = upload(b, "login,name,from,until\nsato,佐藤 二,2026-04-02,2026-04-01\n");
	assert_non_null(strstr(r.body.p, "2行目"));
	shows(&r, 422, "終わりの日が、始まりの日より前です");
	/* The reading of a name alone; a file without it leaves it as it is. */
	r = upload(b, "login,name,kana\nyamada,山田 一,やまだ はじめ\n");
	see_other(&r, "/staff/users");
	/* Another address: the old one is told, and the invitation goes to the new one. */
	r = upload(b, "login,name,mail\nyamada,山田 壱,yamada2@city.example.jp\n");
	see_other(&r, "/staff/users");
	assert_int_equal(mail.n, 3);
	assert_string_equal(mail.kind, "identity/invite-staff");
	assert_string_equal(mail.to, "yamada2@city.example.jp");
	r = get(b, "/staff/users?q=yamada");
	json_t *yamada = json_array_get(json_object_get(r.json, "users"), 0);
	const char *at = arena_printf(t.arena, "/staff/users/%lld",
	    (long long)json_integer_value(json_object_get(yamada, "id")));
	reply_free(&r);
	r = get(b, at);
	assert_string_equal(reply_text(&r, "user_record.name"), "山田 壱");
	assert_string_equal(reply_text(&r, "user_record.kana"), "ヤマダ ハジメ");
	reply_free(&r);
	r = get(b, "/staff/users?q=yamada");
	assert_int_equal(json_array_size(json_object_get(
	                     json_array_get(json_object_get(r.json, "users"), 0), "posts")),
	    1);
	reply_free(&r);
	curl_easy_cleanup(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rights),
	    cmocka_unit_test(test_users),
	    cmocka_unit_test(test_absences),
	    cmocka_unit_test(test_residents_page),
	    cmocka_unit_test(test_departments_page),
	    cmocka_unit_test(test_import),
	};
	return test_both_stores("staff", tests, COUNT(tests), setup, teardown);
}
