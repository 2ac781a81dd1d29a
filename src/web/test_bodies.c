/* What is sent: bodies of every type, files, sizes, and bytes that are no request. */
#include "web/test_site.h"

#define BOUNDARY "xXx"
#define PART(name) "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"
#define FILEPART(name, file)                                                                       \
	"--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" file    \
	"\"\r\nContent-Type: text/plain\r\n\r\n"
#define END "\r\n--" BOUNDARY "--\r\n"
#define MULTIPART "multipart/form-data; boundary=" BOUNDARY

static void test_bodies(void **state)
{
	(void)state;
	static const char same[] =
	    "{\"fields\":[[\"a.b\",\"1\"],[\"a.c\",\"x y\"],[\"list\",\"p\"],[\"list\",\"q\"],"
	    "[\"rows.0.n\",\"あ\"],[\"rows.1.n\",\"true\"]]}";
	static const struct {
		const char *name, *type, *body;
		long status;
		const char *want;
	} cases[] = {
	    {"form", "application/x-www-form-urlencoded",
	        "a.b=1&a.c=x+y&list=p&list=q&rows.0.n=%E3%81%82&rows.1.n=true", 200, same},
	    {"json", "application/json",
	        "{\"a\":{\"b\":1,\"c\":\"x y\"},\"list\":[\"p\",\"q\"],\"none\":null,"
	        "\"rows\":[{\"n\":\"あ\"},{\"n\":true}]}",
	        200, same},
	    {"multipart", MULTIPART,
	        PART("a.b") "1\r\n" PART("a.c") "x y\r\n" PART("list") "p\r\n" PART(
	            "list") "q\r\n" PART("rows.0.n") "あ\r\n" PART("rows.1.n") "true" END,
	        200, same},
	    {"empty", "application/x-www-form-urlencoded", "", 200, "{\"fields\":[]}"},
	    {"no type", "", "a=1", 200, "{\"fields\":[[\"a\",\"1\"]]}"},
	    {"bad utf-8", "application/x-www-form-urlencoded", "a=%FF", 400, NULL},
	    {"raw bad utf-8", "application/x-www-form-urlencoded", "a=\xff", 400, NULL},
	    {"nul", "application/x-www-form-urlencoded", "a=b%00c", 400, NULL},
	    {"bad json", "application/json", "{\"a\":", 400, NULL},
	    {"json nul", "application/json", "{\"a\":\"\\u0000\"}", 400, NULL},
	    {"json utf-8", "application/json", "{\"a\":\"\xff\"}", 400, NULL},
	    {"json twice", "application/json", "{\"a\":1,\"a\":2}", 400, NULL},
	    {"no boundary", "multipart/form-data", PART("a") "1" END, 400, NULL},
	    {"not closed", MULTIPART, PART("a") "1\r\n", 400, NULL},
	    {"no name", MULTIPART, "--" BOUNDARY "\r\nX: y\r\n\r\n1" END, 400, NULL},
	    {"multipart utf-8", MULTIPART, PART("a") "\xff" END, 400, NULL},
	    {"file where none is taken", MULTIPART, FILEPART("f", "x") "1" END, 415, NULL},
	    {"no file chosen", MULTIPART, FILEPART("f", "") "" END, 200, "{\"fields\":[]}"},
	    {"another type", "application/pdf", "%PDF-", 415, NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = {.body = cases[i].body, .type = cases[i].type};
		if (!cases[i].type[0])
			c = (struct call){.body = cases[i].body, .headers = {"Content-Type:"}};
		struct reply r = test_call(&t, "/echo", &c);
		if (r.status != cases[i].status ||
		    (cases[i].want && strcmp(r.body.p, cases[i].want)))
			fail_msg("%s: %ld\n%s", cases[i].name, r.status, r.body.p);
		reply_free(&r);
	}
}

static void test_uploads(void **state)
{
	(void)state;
	static const char body[] = PART("note") "x\r\n" FILEPART("file",
	    "C:\\dir\\報告\\\"1\\\".pdf") "%PDF-1.7 first\r\n--xX\r\n\r\n-- end\r\n" FILEPART("fil"
	                                                                                      "e",
	    "../a.html") "<html><script>1</script>\r\n" FILEPART("file", "") "" END;
	struct call c = {.body = body, .size = sizeof(body) - 1, .type = MULTIPART};
	struct reply r = test_call(&t, "/upload", &c);
	assert_int_equal(r.status, 200);
	assert_int_equal(json_array_size(json_object_get(r.json, "files")), 2);
	assert_string_equal(reply_text(&r, "files.0.name"), "報告\"1\".pdf");
	reply_free(&r);
}

static void test_blobs(void **state)
{
	(void)state;
	static const char body[] = FILEPART("file", "報告.pdf") "%PDF-1.7 text" END;
	struct call c = {.body = body, .type = MULTIPART};
	struct reply up = test_call(&t, "/upload", &c);
	assert_string_equal(reply_text(&up, "files.0.name"), "報告.pdf");
	assert_string_equal(reply_text(&up, "files.0.type"), "application/pdf");
	const char *name = reply_text(&up, "files.0.blob");
	struct reply r =
	    test_call(&t, arena_printf(t.arena, "/blobs/%s.pdf?type=application/pdf", name), NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body.p, "%PDF-1.7 text");
	assert_string_equal(reply_header(&t, &r, "Content-Disposition"),
	    "inline; filename=\"______ 1.pdf\"; filename*=UTF-8''%E6%9B%B8%E9%A1%9E%201.pdf");
	char *etag = reply_header(&t, &r, "ETag");
	reply_free(&r);
	struct call again = {.headers = {arena_printf(t.arena, "If-None-Match: %s", etag)}};
	r = test_call(
	    &t, arena_printf(t.arena, "/blobs/%s.pdf?type=application/pdf", name), &again);
	assert_int_equal(r.status, 304);
	reply_free(&r);
	/* What could run as our page is only ever saved. */
	r = test_call(&t, arena_printf(t.arena, "/blobs/%s.pdf?type=text/html", name), NULL);
	assert_non_null(strstr(reply_header(&t, &r, "Content-Disposition"), "attachment"));
	assert_non_null(strstr(reply_header(&t, &r, "Content-Security-Policy"), "sandbox"));
	reply_free(&r);
	reply_free(&up);
	r = test_call(&t, "/blobs/00.pdf?type=a/b", NULL);
	assert_int_equal(r.status, 404);
	reply_free(&r);
}

static void test_sizes(void **state)
{
	(void)state;
	size_t n = 100 * 1024;
	char *big = arena_alloc(t.arena, n + 1);
	memset(big, 'a', n);
	static const struct {
		const char *name, *path, *type, *header;
		size_t n;
		long status;
	} cases[] = {
	    {"fits", "/echo", "application/x-www-form-urlencoded", NULL, 1000, 200},
	    {"name too long", "/echo", "application/x-www-form-urlencoded", NULL, 60 * 1024, 400},
	    {"too large", "/echo", "application/x-www-form-urlencoded", "Expect:", 100 * 1024, 413},
	    {"asks first", "/echo", "application/json", "Expect: 100-continue", 100 * 1024, 413},
	    {"chunked", "/echo", "application/json", "Transfer-Encoding: chunked", 100 * 1024, 413},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *body = arena_strndup(t.arena, big, cases[i].n);
		if (cases[i].status == 200)
			body[1] = '=';
		struct call c = {.body = body, .type = cases[i].type, .headers = {cases[i].header}};
		struct reply r = test_call(&t, cases[i].path, &c);
		if (r.status != cases[i].status)
			fail_msg("%s: %ld", cases[i].name, r.status);
		reply_free(&r);
	}
	/* Files have a limit of their own. */
	struct buf b;
	buf_init(&b, t.arena);
	buf_puts(&b, FILEPART("file", "big"));
	for (int i = 0; i < 11; i++)
		buf_add(&b, big, n);
	buf_puts(&b, END);
	struct call c = {.body = b.p, .size = b.n, .type = MULTIPART, .headers = {"Expect:"}};
	struct reply r = test_call(&t, "/upload", &c);
	assert_int_equal(r.status, 413);
	reply_free(&r);
	/* A long line and a long header. */
	r = test_call(&t, arena_printf(t.arena, "/hello?%.*s", 40000, big), NULL);
	assert_true(r.status == 414 || r.status == 431 || r.status == 413);
	reply_free(&r);
}

static void test_raw_requests(void **state)
{
	(void)state;
#define H "Host: x\r\n"
#define LAST "Connection: close\r\n"
	static const struct {
		const char *name, *bytes, *want;
	} cases[] = {
	    {"two lengths",
	        "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=b",
	        "400"},
	    {"length and coding",
	        "POST /echo HTTP/1.1\r\n" H
	        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	        "400"},
	    {"unknown coding", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n",
	        "400"},
	    {"bad length", "POST /echo HTTP/1.1\r\n" H "Content-Length: x\r\n\r\n", "400"},
	    {"no host", "GET /hello HTTP/1.1\r\n\r\n", "400"},
	    {"two hosts", "GET /hello HTTP/1.1\r\n" H H "\r\n", "400"},
	    {"absolute form", "GET http://x/en/hello HTTP/1.1\r\n" H LAST "\r\n",
	        "\"hello\":\"en\""},
	    {"old client", "GET /hello HTTP/1.0\r\n\r\n", "\"hello\""},
	    {"a body of a GET",
	        "GET /hello HTTP/1.1\r\n" H "Content-Length: 5\r\n" LAST "\r\nhello", "\"hello\""},
	    {"cut body", "POST /echo HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\na=", ""},
	    {"nonsense", "\x01\x02\x03\r\n\r\n", ""},
	    {"two in one packet",
	        "GET /things/1 HTTP/1.1\r\n" H "\r\nGET /things/2 HTTP/1.1\r\n" H LAST "\r\n",
	        "\"2\""},
	};
#undef H
#undef LAST
	for (size_t i = 0; i < COUNT(cases); i++) {
		char *out = test_raw(&t, cases[i].bytes, strlen(cases[i].bytes));
		if (!strstr(out, cases[i].want))
			fail_msg("%s: %s", cases[i].name, out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bodies),
	    cmocka_unit_test(test_uploads),
	    cmocka_unit_test(test_blobs),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_raw_requests),
	};
	return test_both_stores("bodies", tests, COUNT(tests), setup, teardown);
}
