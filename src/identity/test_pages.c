/* Signing in and everything around it from outside, over HTTP. */
#include "web/test_web.h"

#include "base/time.h"
#include "identity/private.h"
#include "notice/notice.h"

const struct module *const modules[] = {&web_module, &identity_module};
const int nmodules = 2;
const char *const test_templates[][2] = {{NULL, NULL}};

static struct test_city t;

/* --- mails: kept instead of sent --- */

static struct {
	int n;
	char to[256], lang[8], kind[64], url[512];
} mail;

int notice_mail(struct db *db, const char *to, const char *lang, const char *kind,
    const char *subject, json_t *view, struct err *err)
{
	(void)db;
	(void)subject;
	(void)err;
	const char *url = json_string_value(json_object_get(view, "url"));
	mail.n++;
	(void)snprintf(mail.to, sizeof(mail.to), "%s", to);
	(void)snprintf(mail.lang, sizeof(mail.lang), "%s", lang);
	(void)snprintf(mail.kind, sizeof(mail.kind), "%s", kind);
	(void)snprintf(mail.url, sizeof(mail.url), "%s", url ? url : "");
	return 0;
}

/* The path of the link in the last mail. */
static const char *mail_path(void)
{
	assert_non_null(strstr(mail.url, t.city.base_url));
	return mail.url + strlen(t.city.base_url);
}

/* --- a browser --- */

static const char *encode(const char *text)
{
	struct buf b;
	buf_init(&b, t.arena);
	buf_url(&b, str_from(text));
	return b.p ? b.p : "";
}

static struct reply get(CURL *browser, const char *path)
{
	struct call c = {.curl = browser, .headers = {"Accept: application/json"}};
	return test_call(&t, path, &c);
}

static struct reply get_html(CURL *browser, const char *path)
{
	struct call c = {.curl = browser, .headers = {"Accept: text/html"}};
	return test_call(&t, path, &c);
}

/* The form token of a page, as a browser has it. */
static const char *csrf_of(CURL *browser)
{
	static const char mark[] = "name=\"csrf\" value=\"";
	struct reply r = get_html(browser, "/register");
	if (r.status == 303) /* signed in */
		r = get_html(browser, "/account");
	if (r.status != 200)
		r = get_html(browser, "/account/sessions");
	const char *at = strstr(r.body.p, mark);
	if (!at)
		fail_msg("no form token: %ld %s", r.status, r.body.p);
	at += sizeof(mark) - 1;
	return arena_strndup(t.arena, at, strcspn(at, "\""));
}

/* Posts pairs (name, value, ..., NULL) as a form of a page; redirects are not followed. */
static struct reply post(CURL *browser, const char *path, ...)
{
	struct buf body;
	buf_init(&body, t.arena);
	buf_printf(&body, "csrf=%s", encode(csrf_of(browser)));
	va_list ap;
	va_start(ap, path);
	for (const char *name; (name = va_arg(ap, const char *));)
		buf_printf(&body, "&%s=%s", name, encode(va_arg(ap, const char *)));
	va_end(ap);
	struct call c = {.curl = browser, .body = body.p, .headers = {"Accept: text/html"}};
	return test_call(&t, path, &c);
}

#define post(...) post(__VA_ARGS__, (const char *)NULL)

static void see_other(struct reply *r, const char *where)
{
	const char *location = reply_header(&t, r, "Location");
	if (r->status != 303 || !text_eq(location, where))
		fail_msg("%ld %s\n%s", r->status, location ? location : "", r->body.p);
	reply_free(r);
}

static void shows(struct reply *r, long status, const char *text)
{
	if (r->status != status || !strstr(r->body.p, text))
		fail_msg("%ld, not %ld with \"%s\":\n%s", r->status, status, text, r->body.p);
	reply_free(r);
}

static void is_signed_in(CURL *browser, bool wanted)
{
	struct reply r = get(browser, "/account");
	assert_int_equal(r.status, wanted ? 200 : 401);
	reply_free(&r);
}

static const char password[] = "udon to olive no shima";
static const char *good_hash;

/* --- the office --- */

static struct {
	int64_t department, admin, clerk;
} office;

static int office_make(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int64_t account;
	int rc = department_add(db, "10", "市民課", "Citizens", 0, &office.department, err);
	if (rc == 0)
		rc = staff_add(db, "admin", good_hash, "管理 一郎", &account, &office.admin, err);
	if (rc == 0)
		rc = role_grant(db, office.admin, "identity_admin", 0, err);
	if (rc == 0)
		rc = staff_add(db, "clerk", good_hash, "窓口 花子", &account, &office.clerk, err);
	if (rc == 0)
		rc = post_add(db, office.clerk, office.department, RANK_STAFF, NULL, NULL, err);
	return rc;
}

static int resident_one(struct db *db, void *arg, struct err *err)
{
	int64_t account, person;
	json_t *profile = json_pack("{s:{s:s,s:s}}", "name", "family", "香川", "given", "太郎");
	int rc = resident_add(db, arg, good_hash, profile, "ja", &account, &person, err);
	json_decref(profile);
	return rc;
}

static void add_resident(const char *address)
{
	struct err err = {0};
	if (store_write(t.store.st, resident_one, arena_strdup(t.arena, address), &err) < 0)
		fail_msg("%s", err.detail);
}

static CURL *signed_in(const char *login)
{
	CURL *browser = test_browser();
	struct reply r = post(browser, "/login", "login", login, "password", password);
	see_other(&r, strchr(login, '@') ? "/my" : "/staff");
	return browser;
}

static int setup(void **state)
{
	(void)state;
	struct err err = {0};
	web_set_authenticator(&identity_authenticator);
	test_city_open(&t);
	t.city.base_url = "https://city.example";
	assert_int_equal(password_hash(t.arena, password, (char **)&good_hash, &err), 0);
	if (store_write(t.store.st, office_make, NULL, &err) < 0)
		fail_msg("%s", err.detail);
	static const struct web_options options = {.address = "127.0.0.1",
	    .threads = 1,
	    .body_max = 100000,
	    .upload_max = 1000000,
	    .connection_max = 100,
	    .timeout_s = 20};
	test_city_serve(&t, &options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_city_close(&t);
	return 0;
}

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
		see_other(&r, "/");
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
static void test_session_age(void **state)
{
	(void)state;
	struct err err = {0};
	int64_t start = now_us(), minutes = 0;
	add_resident("age@example.jp");
	now_set_us(start);
	CURL *b = signed_in("age@example.jp");
	for (; minutes < 24 * 60; minutes += 20) {
		now_set_us(start + minutes * INT64_C(60000000));
		is_signed_in(b, true);
		/* "Last seen" is written behind the answer; writes are done in their order. */
		assert_int_equal(store_write(t.store.st, nothing, NULL, &err), 0);
	}
	now_set_us(start + minutes * INT64_C(60000000));
	is_signed_in(b, false);
	now_set_us(0);
	curl_easy_cleanup(b);
}

static void test_own_changes(void **state)
{
	(void)state;
	add_resident("own@example.jp");
	CURL *b = signed_in("own@example.jp"), *other = signed_in("own@example.jp");
	struct reply r = get_html(b, "/account/profile");
	shows(&r, 200, "value=\"香川\"");
	r = post(b, "/account/profile", "name.family", "香川", "name.given", "太郎",
	    "furigana.family", "かがわ", "furigana.given", "x", "birthday.era", "reiwa",
	    "birthday.year", "99", "birthday.month", "1", "birthday.day", "1",
	    "address.postal_code", "12", "phone", "abc", "lang", "ja");
	assert_int_equal(r.status, 422);
	assert_non_null(strstr(r.body.p, "カタカナで"));
	assert_non_null(strstr(r.body.p, "生年月日を正しく"));
	assert_non_null(strstr(r.body.p, "郵便番号は7桁"));
	assert_non_null(strstr(r.body.p, "電話番号を正しく"));
	reply_free(&r);
	r = post(b, "/account/profile", "name.family", "香川", "name.given", "太郎",
	    "furigana.family", "かがわ", "furigana.given", "ﾀﾛｳ", "birthday.era", "heisei",
	    "birthday.year", "２", "birthday.month", "4", "birthday.day", "1",
	    "address.postal_code", "７６０ー８５７１", "address.prefecture", "香川県",
	    "address.city", "高松市", "address.town", "番町", "address.street", "１−８−１５",
	    "phone", "087-839-2011", "lang", "en");
	see_other(&r, "/account");
	r = get(b, "/account");
	assert_string_equal(reply_text(&r, "profile.furigana.family"), "カガワ");
	assert_string_equal(reply_text(&r, "profile.furigana.given"), "タロウ");
	assert_string_equal(reply_text(&r, "profile.birthday"), "1990-04-01");
	assert_string_equal(reply_text(&r, "profile.address.postal_code"), "7608571");
	assert_string_equal(reply_text(&r, "profile.email"), "own@example.jp");
	assert_string_equal(reply_text(&r, "account.lang"), "en");
	reply_free(&r);
	/* The button of the postal code, without a script. */
	r = post(b, "/account/profile", "lookup", "address.postal_code", "name.family", "香川",
	    "address.postal_code", "760-8571");
	shows(&r, 200, "香川県");

	r = post(
	    b, "/account/password", "password", "wrong", "new_password", "a brand new password");
	shows(&r, 422, "今のパスワードと違います");
	r = post(b, "/account/password", "password", password, "new_password", "1234567890");
	shows(&r, 422, "すぐに当てられて");
	r = post(
	    b, "/account/password", "password", password, "new_password", "a brand new password");
	see_other(&r, "/account");
	assert_string_equal(mail.kind, "password-changed");
	assert_string_equal(mail.lang, "en");
	is_signed_in(b, true);
	is_signed_in(other, false);

	r = post(b, "/account/mail", "mail", "own2@example.jp", "password", "a brand new password");
	see_other(&r, "/account");
	assert_string_equal(mail.kind, "confirm-mail");
	assert_string_equal(mail.to, "own2@example.jp");
	const char *link = arena_strdup(t.arena, mail_path());
	r = get_html(other, link);
	shows(&r, 200, "own2@example.jp");
	r = post(other, link);
	see_other(&r, "/en/login"); /* the link is in the account's language */
	assert_string_equal(mail.kind, "mail-changed");
	assert_string_equal(mail.to, "own@example.jp"); /* the old address is told */
	r = get(b, "/account");
	assert_string_equal(reply_text(&r, "account.login"), "own2@example.jp");
	assert_string_equal(reply_text(&r, "profile.email"), "own2@example.jp");
	reply_free(&r);

	/* Sessions. */
	r = post(other, "/login", "login", "own2@example.jp", "password", "a brand new password");
	see_other(&r, "/my");
	r = get(b, "/account/sessions");
	json_t *list = json_object_get(r.json, "sessions");
	assert_int_equal(json_array_size(list), 2);
	const char *theirs = NULL;
	size_t i;
	json_t *one;
	json_array_foreach(list, i, one)
	{
		if (!json_is_true(json_object_get(one, "current")))
			theirs =
			    arena_strdup(t.arena, json_string_value(json_object_get(one, "id")));
	}
	reply_free(&r);
	r = get_html(b, "/account/sessions");
	shows(&r, 200, "この機器");
	r = post(b, "/account/sessions", "session", theirs);
	see_other(&r, "/account/sessions");
	is_signed_in(other, false);
	r = post(other, "/login", "login", "own2@example.jp", "password", "a brand new password");
	see_other(&r, "/my");
	r = post(b, "/account/sessions", "session", "all");
	see_other(&r, "/account/sessions");
	is_signed_in(other, false);
	is_signed_in(b, true);

	r = post(b, "/account/close", "password", "wrong");
	assert_int_equal(r.status, 422);
	reply_free(&r);
	r = post(b, "/account/close", "password", "a brand new password");
	see_other(&r, "/");
	is_signed_in(b, false);
	r = post(b, "/login", "login", "own2@example.jp", "password", "a brand new password");
	assert_int_equal(r.status, 422);
	reply_free(&r);
	curl_easy_cleanup(b);
	curl_easy_cleanup(other);
}

/* --- second factor --- */

static void base32_decode(const char *text, unsigned char out[TOTP_SECRET_SIZE])
{
	uint64_t bits = 0;
	int have = 0, n = 0;
	for (; *text && n < TOTP_SECRET_SIZE; text++) {
		if (*text == ' ')
			continue;
		bits = bits << 5 | (uint64_t)(*text >= 'A' ? *text - 'A' : *text - '2' + 26);
		have += 5;
		if (have >= 8) {
			have -= 8;
			out[n++] = (unsigned char)(bits >> have);
		}
	}
	assert_int_equal(n, TOTP_SECRET_SIZE);
}

static const char *code_now(const unsigned char *secret)
{
	return arena_printf(t.arena, "%06d", totp_code(secret, now_us() / 1000000 / TOTP_STEP_S));
}

static void test_second(void **state)
{
	(void)state;
	add_resident("second@example.jp");
	now_set_us(now_us()); /* codes depend on it */
	CURL *b = signed_in("second@example.jp");
	struct reply r = get_html(b, "/account/totp");
	shows(&r, 200, "設定を始める");
	r = post(b, "/account/totp/start");
	see_other(&r, "/account/totp");
	r = get_html(b, "/account/totp");
	shows(&r, 200, "<svg class=\"m-qr\"");
	r = get(b, "/account/totp");
	unsigned char secret[TOTP_SECRET_SIZE];
	base32_decode(reply_text(&r, "pending.key"), secret);
	reply_free(&r);
	r = post(b, "/account/totp", "code", "12345");
	assert_non_null(strstr(r.body.p, "<svg")); /* the QR code is still there */
	shows(&r, 422, "コードが違うか");
	r = post(b, "/account/totp", "code", code_now(secret));
	assert_int_equal(r.status, 200);
	assert_string_equal(mail.kind, "second-added");
	const char *recovery = strstr(r.body.p, "<code>");
	assert_non_null(recovery);
	recovery = arena_strndup(t.arena, recovery + 6, RECOVERY_LENGTH + 1);
	reply_free(&r);
	r = post(b, "/logout");
	see_other(&r, "/");

	r = post(
	    b, "/login", "login", "second@example.jp", "password", password, "next", "/account");
	see_other(&r, "/login/totp");
	is_signed_in(b, false);
	r = get_html(b, "/login/totp");
	shows(&r, 200, "確認コード");
	r = post(b, "/login/totp", "code", code_now(secret));
	assert_int_equal(r.status, 422); /* used when it was turned on */
	reply_free(&r);
	now_set_us(now_us() + INT64_C(30000000));
	const char *code = code_now(secret);
	r = post(b, "/login/totp", "code", code);
	see_other(&r, "/account");
	is_signed_in(b, true);
	r = post(b, "/login/totp", "code", code); /* the step is over */
	see_other(&r, "/login");

	/* Replay in another browser; then a recovery code, once. */
	CURL *other = test_browser();
	r = post(other, "/login", "login", "second@example.jp", "password", password);
	see_other(&r, "/login/totp");
	r = post(other, "/login/totp", "code", code);
	assert_int_equal(r.status, 422);
	reply_free(&r);
	r = post(other, "/login/totp", "code", recovery);
	see_other(&r, "/my");
	r = post(other, "/logout");
	see_other(&r, "/");
	r = post(other, "/login", "login", "second@example.jp", "password", password);
	see_other(&r, "/login/totp");
	r = post(other, "/login/totp", "code", recovery);
	assert_int_equal(r.status, 422);
	reply_free(&r);
	/* Guessing has to wait. */
	for (int i = 0; i < 4; i++) {
		r = post(other, "/login/totp", "code", "000000");
		reply_free(&r);
	}
	r = post(other, "/login/totp", "code", "000000");
	assert_int_equal(r.status, 429);
	reply_free(&r);
	/* Too late: from the start. */
	now_set_us(now_us() + INT64_C(700000000));
	r = post(other, "/login/totp", "code", code_now(secret));
	see_other(&r, "/login");

	r = post(b, "/account/totp/codes", "password", password, "do", "codes");
	shows(&r, 200, "<code>");
	r = get_html(b, "/account/totp");
	shows(&r, 200, "残っている回復コード：10個");
	r = post(b, "/account/totp/codes", "password", "wrong", "do", "remove");
	assert_int_equal(r.status, 422);
	reply_free(&r);
	r = post(b, "/account/totp/codes", "password", password, "do", "remove");
	see_other(&r, "/account");
	r = post(other, "/login", "login", "second@example.jp", "password", password);
	see_other(&r, "/my");
	now_set_us(0);
	curl_easy_cleanup(b);
	curl_easy_cleanup(other);
}

/* --- API tokens --- */

static struct reply with_token(
    const char *token, const char *method, const char *path, const char *body)
{
	struct call c = {.method = method,
	    .body = body,
	    .headers = {arena_printf(t.arena, "Authorization: Bearer %s", token),
	        "Accept: application/json"}};
	return test_call(&t, path, &c);
}

static int second_clear(struct db *db, void *arg, struct err *err)
{
	return account_set_totp(db, "system", *(int64_t *)arg, NULL, 0, err);
}

/* The setting second-factor.staff. */
static void test_second_required(void **state)
{
	(void)state;
	struct err err = {0};
	now_set_us(now_us());
	CURL *before = signed_in("clerk"), *b = test_browser(), *resident = test_browser();
	add_resident("no-second@example.jp");
	json_t *was = json_deep_copy(t.city.settings);
	json_object_set_new(
	    t.city.settings, "second-factor", json_pack("{s:s}", "staff", "required"));

	/* A session from before ends; residents are free to use one. */
	is_signed_in(before, false);
	struct reply r =
	    post(resident, "/login", "login", "no-second@example.jp", "password", password);
	see_other(&r, "/my");

	r = get_html(b, "/login/setup"); /* nobody proved a password */
	see_other(&r, "/login");
	r = post(b, "/login", "login", "clerk", "password", password, "next", "/account/history");
	see_other(&r, "/login/setup");
	is_signed_in(b, false);
	r = get_html(b, "/staff/absences");
	assert_int_equal(r.status, 303);
	reply_free(&r);
	r = post(b, "/login/totp", "code", "123456"); /* not around it */
	see_other(&r, "/login");
	r = get_html(b, "/en/login/setup");
	shows(&r, 200, "<svg class=\"m-qr\"");
	r = get(b, "/login/setup");
	unsigned char secret[TOTP_SECRET_SIZE];
	base32_decode(reply_text(&r, "pending.key"), secret);
	reply_free(&r);
	r = post(b, "/login/setup", "code", "000000");
	assert_non_null(strstr(r.body.p, "<svg"));
	shows(&r, 422, "コードが違うか");
	is_signed_in(b, false);
	r = post(b, "/login/setup", "code", code_now(secret));
	assert_non_null(strstr(r.body.p, "<code>"));
	shows(&r, 200, "/login?next=%2Faccount%2Fhistory");
	is_signed_in(b, true);
	r = get_html(b, "/login?next=%2Faccount%2Fhistory");
	see_other(&r, "/account/history");

	/* From now on it is asked for, and stays. */
	r = get_html(b, "/account/totp");
	assert_null(strstr(r.body.p, "value=\"remove\""));
	shows(&r, 200, "新しい回復コードを作る");
	r = post(b, "/account/totp/codes", "password", password, "do", "remove");
	shows(&r, 403, "やめることはできません");
	CURL *other = test_browser();
	r = post(other, "/login", "login", "clerk", "password", password);
	see_other(&r, "/login/totp");
	r = get_html(other, "/login/setup");
	see_other(&r, "/login/totp");
	curl_easy_cleanup(other);

	int64_t account = staff_account(store_reader(t.store.st, &err), office.clerk);
	json_object_update(t.city.settings, was);
	json_object_del(t.city.settings, "second-factor");
	json_decref(was);
	assert_int_equal(store_write(t.store.st, second_clear, &account, &err), 0);
	now_set_us(0);
	curl_easy_cleanup(before);
	curl_easy_cleanup(b);
	curl_easy_cleanup(resident);
}

static void test_tokens(void **state)
{
	(void)state;
	CURL *b = signed_in("admin");
	struct reply r = get_html(b, "/account/tokens");
	shows(&r, 200, "新しいトークン");
	r = post(b, "/account/tokens", "name", "", "password", password);
	shows(&r, 422, "名前を入力してください");
	static const struct {
		const char *scope, *rights;
		long read, write;
	} cases[] = {
	    {"read", "identity.manage", 200, 403}, {"write", "identity.manage", 200, 303},
	    {"write", "operate", 403, 403}, /* the right was not given to the token */
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		r = post(b, "/account/tokens", "name", "test", "scope", cases[i].scope, "rights",
		    cases[i].rights, "days", "7", "password", password);
		assert_int_equal(r.status, 200);
		const char *token = strstr(r.body.p, "machi_");
		assert_non_null(token);
		token = arena_strndup(t.arena, token, 6 + 43);
		reply_free(&r);
		r = with_token(token, NULL, "/staff/users", NULL);
		assert_int_equal(r.status, cases[i].read);
		reply_free(&r);
		struct call change = {.body = "name=%E7%AA%93%E5%8F%A3+%E8%8A%B1%E5%AD%90",
		    .headers = {arena_printf(t.arena, "Authorization: Bearer %s", token),
		        "Accept: text/html"}};
		r = test_call(&t,
		    arena_printf(t.arena, "/staff/users/%lld/edit", (long long)office.clerk),
		    &change);
		assert_int_equal(r.status, cases[i].write);
		reply_free(&r);
		/* Never what protects the account itself. */
		r = with_token(token, NULL, "/account/tokens", NULL);
		assert_int_equal(r.status, 403);
		reply_free(&r);
	}
	r = with_token("machi_nonsense", NULL, "/staff/users", NULL);
	assert_int_equal(r.status, 401);
	reply_free(&r);

	r = post(b, "/account/tokens", "name", "short", "scope", "read", "rights",
	    "identity.manage", "days", "7", "password", password);
	const char *token = arena_strndup(t.arena, strstr(r.body.p, "machi_"), 6 + 43);
	reply_free(&r);
	now_set_us(now_us() + INT64_C(8) * 24 * 3600 * 1000000);
	r = with_token(token, NULL, "/staff/users", NULL);
	assert_int_equal(r.status, 401); /* expired */
	reply_free(&r);
	now_set_us(0);
	r = get(b, "/account/tokens");
	json_t *first = json_array_get(json_object_get(r.json, "tokens"), 0);
	const char *revoke = arena_printf(t.arena, "/account/tokens/%lld/revoke",
	    (long long)json_integer_value(json_object_get(first, "id")));
	reply_free(&r);
	CURL *clerk = signed_in("clerk");
	r = post(clerk, revoke);
	assert_int_equal(r.status, 404); /* somebody else's */
	reply_free(&r);
	r = post(b, revoke);
	see_other(&r, "/account/tokens");
	r = with_token(token, NULL, "/staff/users", NULL);
	assert_int_equal(r.status, 401);
	reply_free(&r);
	curl_easy_cleanup(b);
	curl_easy_cleanup(clerk);
}

/* --- staff administration --- */

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
	assert_int_equal(r.status, 404);
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
	shows(&r, 200, days_from_now(2));
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

	/* Whoever acts for an absent officer sees it, and so does everybody below. */
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
	struct reply r = post(b, "/staff/residents", "q", "help@example.jp");
	shows(&r, 200, "香川 太郎");
	r = post(b, "/staff/residents", "q", "help");
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
	shows(&r, 422, "日付を正しく");
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
	    cmocka_unit_test(test_register),
	    cmocka_unit_test(test_login),
	    cmocka_unit_test(test_waiting),
	    cmocka_unit_test(test_reset),
	    cmocka_unit_test(test_register_flood),
	    cmocka_unit_test(test_session_age),
	    cmocka_unit_test(test_own_changes),
	    cmocka_unit_test(test_second),
	    cmocka_unit_test(test_second_required),
	    cmocka_unit_test(test_tokens),
	    cmocka_unit_test(test_rights),
	    cmocka_unit_test(test_users),
	    cmocka_unit_test(test_absences),
	    cmocka_unit_test(test_residents_page),
	    cmocka_unit_test(test_departments_page),
	    cmocka_unit_test(test_import),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
