/* One's own account: changes, second factors, API tokens, over HTTP. */
#include "identity/test_office.h"

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
	r = post(b, "/account/totp/start", "password", "wrong");
	shows(&r, 422, "今のパスワードと違います");
	r = post(b, "/account/totp/start", "password", password);
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
	r = get_html(b, "/account/tokens"); /* in words, not in codes */
	shows(&r, 200, "<span class=\"m-tag m-tag--plain\">見るだけ</span>");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_own_changes),
	    cmocka_unit_test(test_second),
	    cmocka_unit_test(test_second_required),
	    cmocka_unit_test(test_tokens),
	};
	return test_both_stores("account", tests, COUNT(tests), setup, teardown);
}
