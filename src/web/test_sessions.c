/* Who asks: form tokens, sessions, API tokens; and writes, which are answered when they are
 * durable. */
#include "web/test_site.h"

#include <pthread.h>

static void test_csrf(void **state)
{
	(void)state;
	CURL *curl = test_browser();
	struct call get = {.curl = curl};
	struct reply form = test_call(&t, "/form", &get);
	assert_int_equal(form.status, 200);
	assert_non_null(reply_header(&t, &form, "Set-Cookie"));
	char *token = token_of(&form);
	struct reply other = test_call(&t, "/form", &get); /* never from the cache, masked anew */
	assert_null(reply_header(&t, &other, "Set-Cookie"));
	assert_string_not_equal(token, token_of(&other));
	reply_free(&other);
	static const struct {
		const char *name;
		bool cookie;
		int token; /* 0 none, 1 good, 2 broken */
		const char *header;
		long status;
	} cases[] = {
	    {"no token", true, 0, NULL, 403},
	    {"broken token", true, 2, NULL, 403},
	    {"no cookie", false, 1, NULL, 403},
	    {"nothing", false, 0, NULL, 403},
	    {"from here, says the browser", true, 0, "Sec-Fetch-Site: same-origin", 303},
	    {"broken token from here", true, 2, "Sec-Fetch-Site: same-origin", 403},
	    {"from another site", true, 1, "Sec-Fetch-Site: cross-site", 403},
	    {"good", true, 1, NULL, 303},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *sent = arena_strdup(t.arena, token);
		sent[20] = cases[i].token == 2 ? (sent[20] == 'A' ? 'B' : 'A') : sent[20];
		struct call c = {.curl = cases[i].cookie ? curl : NULL,
		    .body = arena_printf(t.arena, "name=x&csrf=%s", cases[i].token ? sent : ""),
		    .headers = {"Accept: text/html", cases[i].header}};
		struct reply r = test_call(&t, "/things", &c);
		if (r.status != cases[i].status)
			fail_msg("%s: %ld %s", cases[i].name, r.status, r.body.p);
		reply_free(&r);
	}
	/* JSON without a session needs no token, and gets the resource. */
	struct call json = {.body = "{\"name\":\"x\"}",
	    .type = "application/json",
	    .headers = {"Accept: application/json"}};
	struct reply r = test_call(&t, "/things", &json);
	assert_int_equal(r.status, 201);
	assert_non_null(reply_header(&t, &r, "Location"));
	reply_free(&r);
	struct call program = {.body = "{\"name\":\"x\"}", .type = "application/json"};
	r = test_call(&t, "/things", &program); /* sends JSON and says nothing else: a program */
	assert_int_equal(r.status, 201);
	reply_free(&r);
	/* The flash message comes once. */
	r = test_call(&t, "/page", &get);
	assert_non_null(strstr(r.body.p, "<b>"));
	reply_free(&r);
	r = test_call(&t, "/page", &get);
	assert_null(strstr(r.body.p, "<b>"));
	reply_free(&r);
	reply_free(&form);
	curl_easy_cleanup(curl);
}

static CURL *signed_in(const char *who_text)
{
	CURL *curl = test_browser();
	struct call get = {.curl = curl};
	struct reply form = test_call(&t, "/login", &get);
	struct call post = {.curl = curl,
	    .body = arena_printf(t.arena, "who=%s&csrf=%s", who_text, token_of(&form)),
	    .headers = {"Accept: text/html"}};
	struct reply r = test_call(&t, "/sign-in", &post);
	assert_int_equal(r.status, 303);
	assert_string_equal(reply_header(&t, &r, "Location"), "/secret");
	reply_free(&form);
	reply_free(&r);
	return curl;
}

static void test_sessions(void **state)
{
	(void)state;
	struct call html = {.headers = {"Accept: text/html"}};
	struct reply r = test_call(&t, "/en/secret?a=b", &html);
	assert_int_equal(r.status, 303);
	assert_string_equal(reply_header(&t, &r, "Location"), "/en/login?next=%2Fsecret%3Fa%3Db");
	reply_free(&r);
	struct call json = {.headers = {"Accept: application/json"}};
	r = test_call(&t, "/secret", &json);
	assert_int_equal(r.status, 401);
	assert_non_null(reply_header(&t, &r, "WWW-Authenticate"));
	reply_free(&r);

	CURL *one = signed_in("resident"), *two = signed_in("resident");
	struct call c = {
	    .curl = one, .headers = {"Accept: application/json", "User-Agent: あ one"}};
	r = test_call(&t, "/secret", &c);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_text(&r, "actor"), "resident:1");
	assert_int_equal(json_array_size(json_object_get(r.json, "sessions")), 2);
	assert_string_equal(reply_header(&t, &r, "Cache-Control"), "private, no-store");
	char *token = arena_strdup(t.arena, reply_text(&r, "csrf"));
	reply_free(&r);
	/* Signing in anew ends the session that the browser had. */
	struct call again = {.curl = one,
	    .body = arena_printf(t.arena, "who=staff&csrf=%s", token),
	    .headers = {"Accept: text/html"}};
	r = test_call(&t, "/sign-in", &again);
	assert_int_equal(r.status, 303);
	reply_free(&r);
	r = test_call(&t, "/sign-in", &again); /* the old token is of no use now */
	assert_int_equal(r.status, 403);
	reply_free(&r);
	struct call other = {.curl = two, .headers = {"Accept: application/json"}};
	r = test_call(&t, "/secret", &other);
	assert_int_equal(json_array_size(json_object_get(r.json, "sessions")), 1);
	reply_free(&r);
	/* A kept page opened before signing in has no token; afterwards it has one. */
	r = test_call(&t, "/kept-form", NULL);
	assert_non_null(strstr(r.body.p, "value=\"\""));
	assert_null(reply_header(&t, &r, "Set-Cookie"));
	reply_free(&r);
	struct call kept = {.curl = one};
	r = test_call(&t, "/kept-form", &kept);
	assert_null(strstr(r.body.p, "value=\"\""));
	reply_free(&r);
	/* Who is asked to sign in on sending a form comes back to the form's page. */
	struct call sent = {.body = "",
	    .method = "POST",
	    .headers = {
	        "Accept: text/html", arena_printf(t.arena, "Referer: %s/en/page?a=b", t.base)}};
	r = test_call(&t, "/en/sign-out", &sent);
	assert_string_equal(
	    reply_header(&t, &r, "Location"), "/en/login?next=%2Fen%2Fpage%3Fa%3Db");
	reply_free(&r);
	sent.headers[1] = "Referer: http://evil.example/page";
	r = test_call(&t, "/en/sign-out", &sent);
	assert_string_equal(reply_header(&t, &r, "Location"), "/en/login");
	reply_free(&r);
	/* Rights: staff may, a resident may not. */
	r = test_call(&t, "/staff/jobs", &c);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	struct call staff_html = {.curl = one};
	r = test_call(&t, "/staff/jobs", &staff_html);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body.p, "処理の状況"));
	assert_non_null(strstr(r.body.p, "係員"));
	reply_free(&r);
	r = test_call(&t, "/staff/jobs", &other);
	assert_int_equal(r.status, 403);
	reply_free(&r);
	/* Signing out. */
	r = test_call(&t, "/secret", &other);
	struct call out = {.curl = two,
	    .method = "POST",
	    .body = "",
	    .headers = {arena_printf(t.arena, "X-CSRF-Token: %s", reply_text(&r, "csrf"))}};
	reply_free(&r);
	r = test_call(&t, "/sign-out", &out);
	assert_int_equal(r.status, 303);
	reply_free(&r);
	r = test_call(&t, "/secret", &other);
	assert_int_equal(r.status, 401);
	reply_free(&r);
	/* A made-up cookie is nobody. */
	struct call fake = {.headers = {"Accept: application/json",
	                        "Cookie: session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}};
	r = test_call(&t, "/secret", &fake);
	assert_int_equal(r.status, 401);
	reply_free(&r);
	curl_easy_cleanup(one);
	curl_easy_cleanup(two);
}

static void test_tokens(void **state)
{
	(void)state;
	struct call good = {
	    .headers = {"Authorization: Bearer good"}, .body = "", .method = "POST"};
	struct reply r = test_call(&t, "/sign-out", &good); /* no CSRF check */
	assert_int_equal(r.status, 200);
	reply_free(&r);
	struct call bad = {.headers = {"Authorization: Bearer bad", "Accept: application/json"}};
	r = test_call(&t, "/secret", &bad);
	assert_int_equal(r.status, 401);
	reply_free(&r);
}

static void test_writes(void **state)
{
	(void)state;
	struct call page_call = {.body = "page=1", .headers = {"Accept: application/json"}};
	struct reply r = test_call(&t, "/conflict", &page_call);
	assert_int_equal(r.status, 422);
	assert_string_equal(reply_text(&r, "errors.0.field"), "name");
	reply_free(&r);
	struct call c = {.body = "", .method = "POST", .headers = {"Accept: application/json"}};
	r = test_call(&t, "/conflict", &c);
	assert_int_equal(r.status, 409);
	assert_string_equal(reply_text(&r, "code"), "store.conflict");
	reply_free(&r);
	struct err err = {0};
	char *kept;
	assert_int_equal(
	    meta_get(store_reader(t.city.store, &err), t.arena, "never", &kept, &err), 0);
	/* What the first run noted is gone after the second. */
	r = test_call(&t, "/twice", &c);
	assert_int_equal(r.status, 422);
	assert_int_equal(json_array_size(json_object_get(r.json, "errors")), 1);
	reply_free(&r);
	/* A worker, then the store. */
	struct call slow_write = {.body = "name=slow", .headers = {"Accept: application/json"}};
	r = test_call(&t, "/slow", &slow_write);
	assert_int_equal(r.status, 201);
	reply_free(&r);
}

enum { WRITERS = 8, WRITES = 40 };

static void *writer(void *arg)
{
	struct arena *a = arena_new();
	int *ok = arg;
	CURL *curl = curl_easy_init();
	struct buf body;
	buf_init(&body, a);
	curl_easy_setopt(curl, CURLOPT_URL, arena_printf(a, "%s/free", t.base));
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "name=x");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, test_take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
	for (int i = 0; i < WRITES; i++) {
		long status = 0;
		if (curl_easy_perform(curl) == CURLE_OK)
			curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		*ok += status == 303;
	}
	curl_easy_cleanup(curl);
	arena_free(a);
	return NULL;
}

static int count_things(int64_t *out)
{
	static const struct sql sql = {
	    .text = "SELECT count(*) FROM store_meta WHERE key LIKE 'thing.%'"};
	struct err err = {0};
	return db_get_i64(store_reader(t.city.store, &err), &err, out, &sql, "");
}

static void test_concurrent_writes(void **state)
{
	(void)state;
	int64_t before = 0, after = 0;
	assert_int_equal(count_things(&before), 1);
	pthread_t threads[WRITERS];
	int ok[WRITERS] = {0}, total = 0;
	for (int i = 0; i < WRITERS; i++)
		pthread_create(&threads[i], NULL, writer, &ok[i]);
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		total += ok[i];
	}
	assert_int_equal(total, WRITERS * WRITES);
	assert_int_equal(count_things(&after), 1);
	assert_int_equal(after - before, WRITERS * WRITES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_csrf),
	    cmocka_unit_test(test_sessions),
	    cmocka_unit_test(test_tokens),
	    cmocka_unit_test(test_writes),
	    cmocka_unit_test(test_concurrent_writes),
	};
	return test_both_stores("sessions", tests, COUNT(tests), setup, teardown);
}
