/* Registering, signing in, new passwords and how long a session lasts, over HTTP. */
#include "identity/test_office.h"

/* --- registering --- */

static void test_register(void **state)
{
	(void)state;
	CURL *b = test_browser(), *stranger = test_browser();
	struct reply r = get_html(b, "/register");
	shows(&r, 200, "利用者登録");
	r = post(b, "/register", "name.family", "香川", "name.given", "", "mail", "not a mail",
	    "password", "short");
	assert_int_equal(r.status, 422);
	assert_non_null(strstr(r.body.p, "名を入力してください"));
	assert_non_null(strstr(r.body.p, "メールアドレスを正しく"));
	assert_non_null(strstr(r.body.p, "10文字以上"));
	assert_non_null(strstr(r.body.p, "value=\"香川\"")); /* what was typed is kept */
	assert_null(strstr(r.body.p, "\"short\""));
	reply_free(&r);

	/* A stranger types the address first, with a password of their own. */
	r = post(stranger, "/en/register", "name.family", "X", "name.given", "Y", "mail",
	    "Hanako@Example.JP", "password", "the stranger's own words");
	see_other(&r, "/en/register/sent");
	const char *strangers_link = arena_strdup(t.arena, mail_path());
	r = post(b, "/register", "name.family", "香川", "name.given", "花子", "mail",
	    "Ｈａｎａｋｏ@example.jp", "password", password);
	see_other(&r, "/register/sent");
	assert_string_equal(mail.kind, "confirm-address");
	assert_string_equal(mail.to, "Hanako@example.jp");
	const char *link = arena_strdup(t.arena, mail_path());

	/* The owner opens the stranger's link: her password does not fit. */
	r = get_html(b, strangers_link);
	shows(&r, 200, "Hanako@example.jp");
	r = post(b, strangers_link, "password", password);
	assert_int_equal(r.status, 422);
	reply_free(&r);
	is_signed_in(b, false);
	r = post(b, link, "password", password);
	see_other(&r, "/account/profile");
	is_signed_in(b, true);
	/* Used; and the stranger's cannot be used any more. */
	r = get_html(b, link);
	shows(&r, 404, "リンクが使えません");
	r = post(stranger, strangers_link, "password", "the stranger's own words");
	assert_int_equal(r.status, 404);
	reply_free(&r);
	is_signed_in(stranger, false);

	/* Registering again gives the same answer, and a mail that tells the owner. */
	r = post(stranger, "/register", "name.family", "X", "name.given", "Y", "mail",
	    "hanako@example.jp", "password", "some other long password");
	see_other(&r, "/register/sent");
	assert_string_equal(mail.kind, "already-registered");
	r = get_html(b, "/confirm/nothing-like-a-token");
	assert_int_equal(r.status, 404);
	reply_free(&r);
	curl_easy_cleanup(b);
	curl_easy_cleanup(stranger);
}

/* Who registers, or chooses a new password, on the way to something comes back to it. */
static void test_register_goes_back(void **state)
{
	(void)state;
	static const char onward[] = "/procedures/dog-registration?lang=ja&x=1",
	                  along[] = "next=%2Fprocedures%2Fdog-registration%3Flang%3Dja%26x%3D1";
	CURL *b = test_browser(), *other = test_browser();
	struct reply r = get_html(b, arena_printf(t.arena, "/login?%s", along));
	shows(&r, 200, arena_printf(t.arena, "href=\"/register?%s\"", along));
	r = get_html(b, arena_printf(t.arena, "/register?%s", along));
	assert_non_null(strstr(r.body.p, arena_printf(t.arena, "href=\"/login?%s\"", along)));
	shows(&r, 200, "value=\"/procedures/dog-registration?lang=ja&amp;x=1\"");
	r = post(b, "/register", "name.family", "", "name.given", "太郎", "mail", "back@example.jp",
	    "password", password, "next", onward);
	shows(&r, 422, "value=\"/procedures/dog-registration?lang=ja&amp;x=1\"");
	r = post(b, "/register", "name.family", "高松", "name.given", "太郎", "mail",
	    "back@example.jp", "password", password, "next", onward);
	const char *sent = arena_printf(t.arena, "/register/sent?%s", along);
	see_other(&r, sent);
	const char *link = arena_strdup(t.arena, mail_path());
	r = get_html(b, sent);
	shows(&r, 200, "始めた手続");
	/* The mail is read in another browser. */
	r = post(other, link, "password", password);
	see_other(&r, onward);
	r = get_html(other, sent); /* a tab from before */
	see_other(&r, onward);
	r = post(b, "/register", "name.family", "高松", "name.given", "太郎", "mail",
	    "back@example.jp", "password", password, "next", onward);
	see_other(&r, sent);
	assert_string_equal(mail.kind, "already-registered");
	assert_non_null(strstr(mail.url, along));

	r = post(b, "/password/reset", "login", "back@example.jp", "next", onward);
	see_other(&r, "/password/reset/sent");
	link = arena_strdup(t.arena, mail_path());
	r = post(b, link, "password", "another long password");
	see_other(&r, arena_printf(t.arena, "/login?%s", along));

	/* Another site is nowhere to go back to, nor is an endless address. */
	const char *bad[] = {
	    "//evil.example/", "https://evil.example/", arena_printf(t.arena, "/%0600d", 1)};
	for (size_t i = 0; i < COUNT(bad); i++) {
		CURL *c = test_browser();
		r = post(c, "/register", "name.family", "高松", "name.given", "次郎", "mail",
		    arena_printf(t.arena, "bad%zu@example.jp", i), "password", password, "next",
		    bad[i]);
		see_other(&r, "/register/sent");
		link = arena_strdup(t.arena, mail_path());
		r = post(c, link, "password", password);
		see_other(&r, "/account/profile");
		curl_easy_cleanup(c);
	}
	curl_easy_cleanup(b);
	curl_easy_cleanup(other);
}

/* --- signing in --- */

static void test_login(void **state)
{
	(void)state;
	add_resident("login@example.jp");
	CURL *b = test_browser();
	struct reply r = get_html(b, "/login?next=/account/history");
	shows(&r, 200, "value=\"/account/history\"");
	static const struct {
		const char *login, *password, *text;
	} wrong[] = {
	    {"", "", "メールアドレスまたはログイン名を入力してください"},
	    {"login@example.jp", "", "パスワードを入力してください"},
	    {"login@example.jp", "wrong password", "が違います"},
	    {"nobody@example.jp", "wrong password", "が違います"},
	    {"nobody", "wrong password", "が違います"},
	    {"login@example.jp' OR 1=1 --", "x", "が違います"},
	};
	for (size_t i = 0; i < COUNT(wrong); i++) {
		r = post(b, "/login", "login", wrong[i].login, "password", wrong[i].password);
		if (r.status != 422 || !strstr(r.body.p, wrong[i].text))
			fail_msg("case %zu: %ld %s", i, r.status, r.body.p);
		assert_null(strstr(r.body.p, "wrong password"));
		reply_free(&r);
	}
	is_signed_in(b, false);
	/* The cookie from before signing in is not the session's (fixation). */
	r = post(b, "/login", "login", "ＬＯＧＩＮ@example.jp", "password", password, "next",
	    "/account/history");
	assert_non_null(strstr(r.head.p, "session="));
	see_other(&r, "/account/history");
	is_signed_in(b, true);
	r = get_html(b, "/login");
	see_other(&r, "/my");
	r = get_html(b, "/account/history");
	assert_non_null(strstr(r.body.p, "パスワードの間違い"));
	shows(&r, 200, "127.0.0.1");
	r = get_html(b, "/en/account");
	shows(&r, 200, "Your account");
	r = post(b, "/logout");
	see_other(&r, "/");
	is_signed_in(b, false);

	static const char *const elsewhere[] = {
	    "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"};
	for (size_t i = 0; i < COUNT(elsewhere); i++) {
		CURL *c = test_browser();
		r = post(c, "/login", "login", "login@example.jp", "password", password, "next",
		    elsewhere[i]);
		see_other(&r, "/my");
		curl_easy_cleanup(c);
	}
	/* JSON as any client. */
	struct call json = {.curl = b,
	    .type = "application/json",
	    .headers = {"Accept: application/json"},
	    .body = arena_printf(t.arena,
	        "{\"login\":\"login@example.jp\",\"password\":\"no\",\"csrf\":\"%s\"}",
	        csrf_of(b))};
	r = test_call(&t, "/en/login", &json);
	assert_int_equal(r.status, 422);
	assert_string_equal(reply_text(&r, "errors.0.field"), "login");
	reply_free(&r);
	/* Without the form token nothing happens. */
	struct call bare = {.curl = b, .body = "login=login@example.jp&password=x"};
	r = test_call(&t, "/login", &bare);
	assert_int_equal(r.status, 403);
	reply_free(&r);
	curl_easy_cleanup(b);
}

static void test_waiting(void **state)
{
	(void)state;
	add_resident("wait@example.jp");
	CURL *known = signed_in("wait@example.jp"), *b = test_browser();
	static const char *const logins[] = {"wait@example.jp", "not-there@example.jp"};
	for (size_t k = 0; k < COUNT(logins); k++) {
		/* The same for who exists and who does not. */
		for (int i = 0; i < 5; i++) {
			struct reply r = post(b, "/login", "login", logins[k], "password", "wrong");
			assert_int_equal(r.status, 422);
			reply_free(&r);
		}
		struct reply r = post(b, "/login", "login", logins[k], "password", "wrong");
		assert_string_equal(reply_header(&t, &r, "Retry-After"), "30");
		shows(&r, 429, "しばらくログインできません");
	}
	/* Even the right password waits; but not in a browser that signed in before. */
	struct reply r = post(b, "/login", "login", "wait@example.jp", "password", password);
	assert_int_equal(r.status, 429);
	reply_free(&r);
	r = post(known, "/logout");
	see_other(&r, "/");
	r = post(known, "/login", "login", "wait@example.jp", "password", password);
	see_other(&r, "/my");
	/* Half a minute later there is one more attempt, then the wait is longer. */
	now_set_us(now_us() + INT64_C(31000000));
	r = post(b, "/login", "login", "wait@example.jp", "password", "wrong");
	assert_int_equal(r.status, 422);
	reply_free(&r);
	r = post(b, "/login", "login", "wait@example.jp", "password", "wrong");
	assert_string_equal(reply_header(&t, &r, "Retry-After"), "60");
	reply_free(&r);
	now_set_us(now_us() + INT64_C(61000000));
	mail.n = 0;
	r = post(b, "/login", "login", "wait@example.jp", "password", password);
	see_other(&r, "/my");
	assert_int_equal(mail.n, 1);
	assert_string_equal(mail.kind, "new-device");
	now_set_us(0);
	curl_easy_cleanup(known);
	curl_easy_cleanup(b);
	assert_int_equal(attempt_wait_us(4), 0);
	assert_int_equal(attempt_wait_us(5), 30 * 1000000);
	assert_int_equal(attempt_wait_us(1000000), 900 * INT64_C(1000000));
}

/* --- passwords --- */

static void test_reset(void **state)
{
	(void)state;
	add_resident("reset@example.jp");
	CURL *b = test_browser(), *other = signed_in("reset@example.jp");
	mail.n = 0;
	struct reply r = post(b, "/password/reset", "login", "nobody@example.jp");
	see_other(&r, "/password/reset/sent");
	assert_int_equal(mail.n, 0);
	r = post(b, "/password/reset", "login", "");
	shows(&r, 422, "入力してください");
	r = post(b, "/password/reset", "login", "reset@example.jp");
	see_other(&r, "/password/reset/sent");
	assert_int_equal(mail.n, 1);
	assert_string_equal(mail.kind, "password-reset");
	const char *link = arena_strdup(t.arena, mail_path());
	for (int i = 0; i < 5; i++) {
		r = post(b, "/password/reset", "login", "reset@example.jp");
		see_other(&r, "/password/reset/sent");
	}
	assert_int_equal(mail.n, 3); /* no flood */
	r = get_html(b, link);
	shows(&r, 200, "新しいパスワード");
	r = post(b, link, "password", "reset@example.jp");
	shows(&r, 422, "近いパスワードは使えません");
	/* What somebody with the old password began ends with it. */
	r = post(other, "/account/mail", "mail", "thief@example.jp", "password", password);
	see_other(&r, "/account");
	const char *thief = arena_strdup(t.arena, mail_path());
	r = post(other, "/account/tokens", "name", "robot", "password", password);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	r = get(other, "/account/tokens");
	assert_int_equal(json_array_size(json_object_get(r.json, "tokens")), 1);
	reply_free(&r);
	r = get_html(b, link);
	assert_string_equal(reply_header(&t, &r, "Cache-Control"), "no-store");
	reply_free(&r);
	r = post(b, link, "password", "a quite new password");
	see_other(&r, "/login");
	r = post(b, thief);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	assert_string_equal(mail.kind, "password-changed");
	is_signed_in(other, false); /* signed out everywhere */
	r = post(b, link, "password", "yet another password");
	assert_int_equal(r.status, 404);
	reply_free(&r);
	r = post(b, "/login", "login", "reset@example.jp", "password", password);
	assert_int_equal(r.status, 422);
	reply_free(&r);
	r = post(b, "/login", "login", "reset@example.jp", "password", "a quite new password");
	see_other(&r, "/my");
	r = get(b, "/account/tokens");
	assert_int_equal(json_array_size(json_object_get(r.json, "tokens")), 0);
	reply_free(&r);
	/* An old link does not work. */
	r = post(b, "/password/reset", "login", "reset@example.jp");
	see_other(&r, "/password/reset/sent");
	link = arena_strdup(t.arena, mail_path());
	now_set_us(now_us() + INT64_C(3601000000));
	r = get_html(b, link);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	now_set_us(0);
	curl_easy_cleanup(b);
	curl_easy_cleanup(other);
}

/* Neither new nor known addresses get more mails than a few; the answer does not change. */
static void test_register_flood(void **state)
{
	(void)state;
	add_resident("known@example.jp");
	CURL *b = test_browser();
	static const char *const addresses[] = {"known@example.jp", "unknown@example.jp"};
	for (size_t i = 0; i < COUNT(addresses); i++) {
		mail.n = 0;
		for (int k = 0; k < 8; k++) {
			struct reply r = post(b, "/register", "name.family", "香川", "name.given",
			    "花子", "mail", addresses[i], "password", password);
			see_other(&r, "/register/sent");
		}
		assert_int_equal(mail.n, 5);
	}
	curl_easy_cleanup(b);
}

static int nothing(struct db *db, void *arg, struct err *err)
{
	(void)db;
	(void)arg;
	(void)err;
	return 0;
}

/* Used all the time, a session still ends after a day. */
/* "Last seen" is written after the answer was given. */
static void was_seen(int64_t us)
{
	enum { TURNS = 10000 };
	struct err err;
	for (int i = 0; test_store_number(t.store.st, "SELECT max(seen_us) FROM web_session") < us;
	     i++) {
		assert_true(i < TURNS);
		assert_int_equal(store_write(t.store.st, nothing, NULL, &err), 0);
	}
}

static void test_session_age(void **state)
{
	(void)state;
	int64_t start = now_us(), minutes = 0;
	add_resident("age@example.jp");
	now_set_us(start);
	CURL *b = signed_in("age@example.jp");
	for (; minutes < 24 * 60; minutes += 20) {
		now_set_us(start + minutes * INT64_C(60000000));
		is_signed_in(b, true);
		was_seen(now_us());
	}
	now_set_us(start + minutes * INT64_C(60000000));
	is_signed_in(b, false);
	now_set_us(0);
	curl_easy_cleanup(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_register),
	    cmocka_unit_test(test_register_goes_back),
	    cmocka_unit_test(test_login),
	    cmocka_unit_test(test_waiting),
	    cmocka_unit_test(test_reset),
	    cmocka_unit_test(test_register_flood),
	    cmocka_unit_test(test_session_age),
	};
	return test_both_stores("sign-in", tests, COUNT(tests), setup, teardown);
}
