/* What is answered: forms of a page, header fields, paths, errors, redirects, kept and streamed
 * answers. */
#include "web/test_site.h"

static void test_negotiation(void **state)
{
	(void)state;
	static const struct {
		const char *path, *accept, *type, *has;
	} cases[] = {
	    {"/page", NULL, "text/html; charset=utf-8", "&lt;&amp;&gt;"},
	    {"/page", "Accept: application/json", "application/json", "{\"words\":\"<&>\"}"},
	    {"/page?format=json", NULL, "application/json", "\"words\""},
	    {"/page", "Accept: text/html;q=0.5, application/json;q=0.4", "text/html; charset=utf-8",
	        "<p>"},
	    {"/hello", NULL, "application/json", "\"hello\":\"ja\""},
	    {"/hello", "Accept: text/html", "application/json", "\"hello\":\"ja\""},
	    {"/en/hello?x=1", NULL, "application/json", "\"hello\":\"en\",\"url\":\"/hello?x=1\""},
	    {"/en", NULL, "text/html; charset=utf-8", "Testville"},
	    {"/", NULL, "text/html; charset=utf-8", "試験市"},
	    {"/?lang=en", NULL, "text/html; charset=utf-8", "Testville"},
	    {"/", "Accept-Language: en-GB,en;q=0.9", "text/html; charset=utf-8", "Testville"},
	    {"/", "Accept-Language: en;q=0.3,ja;q=0.9", "text/html; charset=utf-8", "試験市"},
	    {"/", "Cookie: lang=en", "text/html; charset=utf-8", "Testville"},
	    {"/page", "Accept-Language: en", "text/html; charset=utf-8", "試験市"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = {.headers = {cases[i].accept}};
		struct reply r = test_call(&t, cases[i].path, &c);
		if (r.status != 200 ||
		    !text_eq(reply_header(&t, &r, "Content-Type"), cases[i].type) ||
		    !strstr(r.body.p, cases[i].has))
			fail_msg("%s %s: %ld\n%s\n%s", cases[i].path,
			    cases[i].accept ? cases[i].accept : "", r.status, r.head.p, r.body.p);
		reply_free(&r);
	}
}

static void test_headers(void **state)
{
	(void)state;
	struct reply r = test_call(&t, "/page", NULL);
	const char *csp = reply_header(&t, &r, "Content-Security-Policy");
	assert_non_null(csp);
	assert_non_null(strstr(csp, "default-src 'self'"));
	assert_null(strstr(csp, "unsafe"));
	assert_string_equal(reply_header(&t, &r, "X-Content-Type-Options"), "nosniff");
	assert_non_null(reply_header(&t, &r, "Referrer-Policy"));
	assert_non_null(reply_header(&t, &r, "Cross-Origin-Opener-Policy"));
	assert_string_equal(reply_header(&t, &r, "Cross-Origin-Resource-Policy"), "same-origin");
	assert_non_null(strstr(reply_header(&t, &r, "Permissions-Policy"), "camera=()"));
	assert_null(reply_header(&t, &r, "Strict-Transport-Security"));
	reply_free(&r);
	/* Behind a proxy that speaks TLS. */
	struct call c = {.headers = {"X-Forwarded-Proto: https",
	                     "X-Forwarded-For: 1.2.3.4, 203.0.113.9, 127.0.0.2"}};
	r = test_call(&t, "/hello", &c);
	assert_non_null(reply_header(&t, &r, "Strict-Transport-Security"));
	assert_string_equal(reply_text(&r, "address"), "203.0.113.9");
	reply_free(&r);
}

static void test_paths(void **state)
{
	(void)state;
	static const struct {
		const char *method, *path;
		long status;
		const char *header, *value;
	} cases[] = {
	    {"GET", "/nothing", 404, NULL, NULL},
	    {"GET", "/things/5", 200, NULL, NULL},
	    {"GET", "/things/404", 404, NULL, NULL},
	    {"GET", "/things", 405, "Allow", "POST, OPTIONS"},
	    {"DELETE", "/echo", 405, "Allow", "POST, PUT, OPTIONS"},
	    {"PATCH", "/hello", 405, "Allow", "GET, HEAD, OPTIONS"},
	    {"OPTIONS", "/hello", 204, "Allow", "GET, HEAD, OPTIONS"},
	    {"OPTIONS", "/nothing", 404, NULL, NULL},
	    {"GET", "/hello/", 301, "Location", "/hello"},
	    {"GET", "/en/hello/?a=b", 301, "Location", "/en/hello?a=b"},
	    {"GET", "/nothing/", 404, NULL, NULL},
	    {"GET", "//hello", 404, NULL, NULL},
	    {"GET", "/things/%E3%81%82", 200, NULL, NULL},
	    {"GET", "/things/%FF", 400, NULL, NULL},
	    {"GET", "/things/%00", 400, NULL, NULL},
	    {"GET", "/things/%4", 400, NULL, NULL},
	    {"GET", "/things/%zz", 400, NULL, NULL},
	    {"GET", "/things/%2e%2e", 400, NULL, NULL},
	    {"GET", "/hello?a=%C3%28", 400, NULL, NULL},
	    {"GET", "/assets/../main.c", 400, NULL, NULL},
	    {"GET", "/assets/%2e%2e%2fmain.css", 404, NULL, NULL},
	    {"GET", "/broken", 500, NULL, NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = {.method = cases[i].method};
		struct reply r = test_call(&t, cases[i].path, &c);
		if (r.status != cases[i].status ||
		    (cases[i].header &&
		        !text_eq(reply_header(&t, &r, cases[i].header), cases[i].value)))
			fail_msg(
			    "%s %s: %ld\n%s", cases[i].method, cases[i].path, r.status, r.head.p);
		reply_free(&r);
	}
}

static void test_problems(void **state)
{
	(void)state;
	struct call c = {.headers = {"Accept: application/json"}};
	struct reply r = test_call(&t, "/en/nothing", &c);
	assert_int_equal(r.status, 404);
	assert_string_equal(reply_header(&t, &r, "Content-Type"), "application/problem+json");
	assert_string_equal(reply_text(&r, "type"), "urn:machi:problem:missing");
	assert_string_equal(reply_text(&r, "title"), "Page not found");
	assert_string_equal(reply_text(&r, "instance"), "/nothing");
	reply_free(&r);

	struct call bad = {
	    .body = "{\"count\":\"x\",\"day\":\"2026-02-30\"}", .type = "application/json"};
	r = test_call(&t, "/en/things", &bad);
	assert_int_equal(r.status, 422);
	assert_int_equal(json_array_size(json_object_get(r.json, "errors")), 3);
	assert_string_equal(reply_text(&r, "errors.0.field"), "name");
	assert_string_equal(reply_text(&r, "errors.0.code"), "web.input.required");
	assert_string_equal(reply_text(&r, "errors.1.detail"), "Enter a whole number.");
	assert_string_equal(reply_text(&r, "errors.2.field"), "day");
	reply_free(&r);

	r = test_call(&t, "/nothing", NULL); /* a browser's error page */
	assert_non_null(strstr(r.body.p, "ページが見つかりません"));
	assert_non_null(strstr(r.body.p, "試験市"));
	reply_free(&r);
	r = test_call(&t, "/broken", NULL); /* with a number for the log */
	assert_non_null(strstr(r.body.p, "お問い合わせのときは"));
	reply_free(&r);
}

static void test_redirects(void **state)
{
	(void)state;
	static const struct {
		const char *next, *location;
	} cases[] = {
	    {"/hello", "/hello"},
	    {"/hello%3Fa%3Db%26c", "/hello?a=b&c"},
	    {"//evil.example/", "/"},
	    {"/%5Cevil.example", "/"},
	    {"https://evil.example/", "/"},
	    {"javascript:alert(1)", "/"},
	    {"/%09/evil.example", "/"},
	    {"/x%0D%0ASet-Cookie:%20a=b", "/"},
	    {"", "/"},
	    {"/%E6%89%8B%E7%B6%9A", "/%E6%89%8B%E7%B6%9A"},
	    {"/\"><script>", "/%22%3E%3Cscript%3E"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = {.body = arena_printf(t.arena, "next=%s", cases[i].next),
		    .headers = {"Accept: text/html"}};
		struct reply r = test_call(&t, "/go", &c);
		assert_int_equal(r.status, 303);
		assert_string_equal(reply_header(&t, &r, "Location"), cases[i].location);
		reply_free(&r);
	}
	struct call c = {.body = "next=/hello"};
	struct reply r = test_call(&t, "/en/go", &c);
	assert_string_equal(reply_header(&t, &r, "Location"), "/en/hello");
	reply_free(&r);
	c.body = "next=/en/hello";
	r = test_call(&t, "/en/go", &c);
	assert_string_equal(reply_header(&t, &r, "Location"), "/en/hello");
	reply_free(&r);
}

static void test_keep_alive_and_head(void **state)
{
	(void)state;
	CURL *curl = test_browser();
	struct call c = {.curl = curl};
	long connects = 0;
	for (int i = 0; i < 5; i++) {
		struct reply r = test_call(&t, "/hello", &c);
		assert_int_equal(r.status, 200);
		reply_free(&r);
		long n;
		curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &n);
		connects += n;
	}
	assert_int_equal(connects, 1);
	struct call head = {.curl = curl, .method = "HEAD"};
	struct reply get = test_call(&t, "/page", &c), r = test_call(&t, "/page", &head);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.body.n, 0);
	assert_string_equal(
	    reply_header(&t, &r, "Content-Length"), reply_header(&t, &get, "Content-Length"));
	reply_free(&get);
	reply_free(&r);
	curl_easy_cleanup(curl);
}

static void test_etag_gzip_cache(void **state)
{
	(void)state;
	made = 0;
	CURL *curl = test_browser(); /* one connection: one network thread, one cache */
	struct call c = {.curl = curl};
	struct reply first = test_call(&t, "/cached", &c), second = test_call(&t, "/cached", &c);
	assert_string_equal(first.body.p, second.body.p);
	assert_int_equal(made, 1);
	char *etag = reply_header(&t, &first, "ETag");
	assert_non_null(etag);
	struct call again = {
	    .curl = curl, .headers = {arena_printf(t.arena, "If-None-Match: \"x\", W/%s", etag)}};
	struct reply r = test_call(&t, "/cached", &again);
	assert_int_equal(r.status, 304);
	assert_int_equal(r.body.n, 0);
	assert_string_equal(reply_header(&t, &r, "ETag"), etag);
	reply_free(&r);
	struct call zip = {.curl = curl, .headers = {"Accept-Encoding: br;q=1, gzip"}};
	r = test_call(&t, "/cached", &zip);
	assert_string_equal(reply_header(&t, &r, "Content-Encoding"), "gzip");
	assert_true(r.body.n < first.body.n / 2);
	reply_free(&r);
	assert_int_equal(made, 2); /* nobody had asked for gzip yet; now it is kept */
	r = test_call(&t, "/cached", &zip);
	assert_string_equal(reply_header(&t, &r, "Content-Encoding"), "gzip");
	reply_free(&r);
	made = 1;
	struct call no = {.curl = curl, .headers = {"Accept-Encoding: gzip;q=0"}};
	r = test_call(&t, "/cached", &no);
	assert_null(reply_header(&t, &r, "Content-Encoding"));
	reply_free(&r);
	assert_int_equal(made, 1);
	/* Other languages and formats are other answers. */
	r = test_call(&t, "/en/cached", &c);
	assert_int_equal(made, 2);
	reply_free(&r);
	struct call json = {.curl = curl, .headers = {"Accept: application/json"}};
	r = test_call(&t, "/cached", &json);
	assert_int_equal(made, 3);
	assert_non_null(r.json);
	reply_free(&r);
	/* What one client asked for in its own way is not kept for others. */
	struct call odd = {.curl = curl, .type = "application/json"};
	r = test_call(&t, "/en/cached", &odd);
	assert_non_null(r.json);
	reply_free(&r);
	r = test_call(&t, "/en/cached", &c);
	assert_null(r.json);
	reply_free(&r);
	made = 3;
	/* A write makes it anew. */
	struct call write = {.curl = curl, .body = "name=x"};
	r = test_call(&t, "/free", &write);
	assert_int_equal(r.status, 303);
	reply_free(&r);
	struct call nothing = {.curl = curl, .headers = {"Cookie:"}};
	r = test_call(&t, "/cached", &nothing);
	assert_int_equal(made, 4);
	reply_free(&r);
	reply_free(&first);
	reply_free(&second);
	curl_easy_cleanup(curl);
}

static void test_streams(void **state)
{
	(void)state;
	struct reply r = test_call(&t, "/stream/100000", NULL);
	assert_int_equal(r.error, 0);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body.p, "\r\n99999,row\r\n"));
	assert_string_equal(reply_header(&t, &r, "Content-Disposition"),
	    "attachment; filename=\"rows.csv\"; filename*=UTF-8''rows.csv");
	reply_free(&r);
	r = test_call(&t, "/stream/70001", NULL); /* cut: the client can tell */
	assert_int_not_equal(r.error, 0);
	reply_free(&r);
	/* A client that goes away in the middle. */
	int fd = test_connect(&t);
	static const char get[] = "GET /stream/100000000 HTTP/1.1\r\nHost: x\r\n\r\n";
	test_send(fd, get, sizeof(get) - 1);
	char chunk[1000];
	assert_true(recv(fd, chunk, sizeof(chunk), 0) > 0);
	(void)close(fd);
}

static void test_health(void **state)
{
	(void)state;
	struct reply r = test_call(&t, "/healthz", NULL);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	r = test_call(&t, "/metrics", NULL);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body.p, "machi_http_requests_total{status=\"200\"} "));
	assert_non_null(
	    strstr(r.body.p, "machi_http_request_duration_seconds_bucket{le=\"+Inf\"}"));
	assert_non_null(strstr(r.body.p, "machi_jobs{city=\"test\",state=\"dead\"} 0"));
	reply_free(&r);
	r = test_call(&t, "/api/openapi.json", NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_text(&r, "openapi"), "3.1.0");
	assert_non_null(json_object_get(
	    json_object_get(json_object_get(r.json, "paths"), "/things/{id}"), "get"));
	reply_free(&r);
}

static void test_assets(void **state)
{
	(void)state;
	struct reply r = test_call(&t, "/assets/machi.css", NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_header(&t, &r, "Content-Type"), "text/css; charset=utf-8");
	assert_string_equal(reply_header(&t, &r, "Cache-Control"), "public, no-cache");
	assert_non_null(reply_header(&t, &r, "ETag"));
	reply_free(&r);
	const char *version = assets_version(t.web, &t.web->cities[0]);
	r = test_call(&t, arena_printf(t.arena, "/assets/machi.css?v=%s", version), NULL);
	assert_non_null(strstr(reply_header(&t, &r, "Cache-Control"), "immutable"));
	reply_free(&r);
	r = test_call(&t, "/assets/nothing.css", NULL);
	assert_int_equal(r.status, 404);
	reply_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_negotiation),
	    cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_problems),
	    cmocka_unit_test(test_redirects),
	    cmocka_unit_test(test_keep_alive_and_head),
	    cmocka_unit_test(test_etag_gzip_cache),
	    cmocka_unit_test(test_streams),
	    cmocka_unit_test(test_health),
	    cmocka_unit_test(test_assets),
	};
	return test_both_stores("answers", tests, COUNT(tests), setup, teardown);
}
