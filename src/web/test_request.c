/* What is read from a client, without a server: escapes, forms, cookies, Accept, file types,
 * addresses, the router, rate limits. */
#include "base/test.h"

#include "web/private.h"

/* Made up by each test. */
static const struct module *list[3];
const struct module *const modules[] = {NULL};
const int nmodules = 0;

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static char *fields_text(const struct fields *f)
{
	struct buf b;
	buf_init(&b, arena);
	buf_puts(&b, "");
	for (int i = 0; i < f->n; i++)
		buf_printf(&b, "%s%s=%s", i ? "|" : "", f->names[i], f->values[i]);
	return b.p;
}

static void test_urlencoded(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want; /* NULL: refused */
	} cases[] = {
	    {"", ""},
	    {"a=1&b=2", "a=1|b=2"},
	    {"a", "a="},
	    {"a=", "a="},
	    {"a=b=c", "a=b=c"},
	    {"&&a=1&", "a=1"},
	    {"a+b=c+d", "a b=c d"},
	    {"%61=%2B%26%3d", "a=+&="},
	    {"a=%E4%BD%8F%E6%89%80", "a=住所"},
	    {"=x", NULL},
	    {"a=%", NULL},
	    {"a=%1", NULL},
	    {"a=%GG", NULL},
	    {"a=%00", NULL},
	    {"a=%C0%80", NULL},
	    {"a=%ED%A0%80", NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fields f = {.arena = arena};
		struct err err = {0};
		int rc = form_urlencoded_parse(&f, str_from(cases[i].in), &err);
		if ((rc == 0) != (cases[i].want != NULL) ||
		    (rc == 0 && strcmp(fields_text(&f), cases[i].want) != 0))
			fail_msg("%s: %d %s", cases[i].in, rc, fields_text(&f));
		assert_true(rc == 0 || err.kind == ERR_MALFORMED);
	}
}

static void test_json(void **state)
{
	(void)state;
	static const struct {
		const char *in, *want;
	} cases[] = {
	    {"{}", ""},
	    {"{\"a\":1,\"b\":\"x\",\"c\":true,\"d\":false,\"e\":null}", "a=1|b=x|c=true|d=false"},
	    {"{\"a\":1.5,\"b\":-9007199254740993}", "a=1.5|b=-9007199254740993"},
	    {"{\"a\":{\"b\":{\"c\":\"x\"}}}", "a.b.c=x"},
	    {"{\"a\":[1,2,[3]]}", "a=1|a=2|a.2=3"},
	    {"{\"a\":[{\"b\":1},{\"b\":[2,3]}]}", "a.0.b=1|a.1.b=2|a.1.b=3"},
	    {"[1,2]", ""},
	    {"{\"\":1}", NULL},
	    {"{", NULL},
	    {"1", NULL},
	    {"{\"a\":1}x", NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct fields f = {.arena = arena};
		struct err err = {0};
		json_t *json = NULL;
		int rc = json_body_parse(str_from(cases[i].in), &json, &err);
		if (rc == 0)
			rc = form_json_flatten(&f, json, &err);
		json_decref(json);
		if ((rc == 0) != (cases[i].want != NULL) ||
		    (rc == 0 && strcmp(fields_text(&f), cases[i].want) != 0))
			fail_msg("%s: %d %s", cases[i].in, rc, fields_text(&f));
	}
	struct buf deep;
	buf_init(&deep, arena);
	for (int i = 0; i < 100; i++)
		buf_puts(&deep, "{\"a\":");
	buf_puts(&deep, "1");
	for (int i = 0; i < 100; i++)
		buf_puts(&deep, "}");
	struct fields f = {.arena = arena};
	struct err err = {0};
	json_t *json = NULL;
	assert_int_equal(json_body_parse(buf_to_str(&deep), &json, &err), 0);
	assert_int_equal(form_json_flatten(&f, json, &err), -(int)ERR_MALFORMED);
	json_decref(json);
}

static void test_cookies(void **state)
{
	(void)state;
	static const struct {
		const char *header, *name, *want;
	} cases[] = {
	    {"a=1; b=2", "b", "2"},
	    {"a=1;b=\"2\"", "b", "2"},
	    {"ab=1; b=2", "b", "2"},
	    {"b=1; b=2", "b", "1"},
	    {"b=", "b", ""},
	    {"b", "b", NULL},
	    {"", "b", NULL},
	    {";;=;b =2", "b", NULL},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct str v = cookie_find(str_from(cases[i].header), cases[i].name);
		if ((v.p == NULL) != (cases[i].want == NULL) || (v.p && !str_is(v, cases[i].want)))
			fail_msg("%s: %.*s", cases[i].header, STR_ARG(v));
	}
}

static void test_accept(void **state)
{
	(void)state;
	static const struct {
		const char *header;
		enum format want;
	} formats[] = {
	    {"", FORMAT_ANY},
	    {"*/*", FORMAT_ANY},
	    {"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", FORMAT_HTML},
	    {"application/json", FORMAT_JSON},
	    {"application/json, text/html;q=0.9", FORMAT_JSON},
	    {"application/json;q=0.5, text/html", FORMAT_HTML},
	    {"APPLICATION/JSON ; q=1.000", FORMAT_JSON},
	    {"application/problem+json", FORMAT_JSON},
	    {"application/json;q=0", FORMAT_ANY},
	    {"application/json;q=x, text/html;q=0.001", FORMAT_HTML},
	    {",,;q=1,", FORMAT_ANY},
	};
	for (size_t i = 0; i < COUNT(formats); i++)
		if (accept_format(str_from(formats[i].header)) != formats[i].want)
			fail_msg("%s", formats[i].header);
	assert_true(accept_gzip(STR("gzip, deflate, br")));
	assert_true(accept_gzip(STR("br;q=1.0, gzip;q=0.1")));
	assert_false(accept_gzip(STR("gzip;q=0")));
	assert_false(accept_gzip(STR("br")));
	assert_string_equal(accept_language(STR("en-US,en;q=0.9,ja;q=0.8")), "en");
	assert_string_equal(accept_language(STR("ja,en;q=0.8")), "ja");
	assert_string_equal(accept_language(STR("fr, de")), "ja");
	assert_string_equal(accept_language(STR("eng")), "ja");
}

static void test_types(void **state)
{
	(void)state;
	static const struct {
		struct str head;
		const char *want;
	} cases[] = {
	    {{"", 0}, "application/x-empty"},
	    {STR("%PDF-1.7\n"), "application/pdf"},
	    {STR("\x89PNG\r\n\x1a\n\0\0"), "image/png"},
	    {STR("\xff\xd8\xff\xe0"), "image/jpeg"},
	    {STR("RIFF\x10\0\0\0WEBPVP8 "), "image/webp"},
	    {STR("\0\0\0\x18"
	         "ftypheic"),
	        "image/heic"},
	    {STR("PK\x03\x04....[Content_Types].xml....xl/workbook.xml"),
	        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	    {STR("PK\x03\x04....[Content_Types].xml....word/document.xml"),
	        "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	    {STR("PK\x03\x04"
	         "anything"),
	        "application/zip"},
	    {STR("MZ\x90"), "application/x-msdownload"},
	    {STR("  <!DOCTYPE HTML><p>"), "text/html"},
	    {STR("<p><SCRIPT>"), "text/html"},
	    {STR("<?xml version=\"1.0\"?><svg>"), "image/svg+xml"},
	    {STR("<?xml version=\"1.0\"?><a>"), "application/xml"},
	    {STR("氏名,住所\r\n"), "text/plain"},
	    {STR("\xef\xbb\xbf"
	         "a,b"),
	        "text/plain"},
	    {STR("text cut in a character \xe4\xbd"), "text/plain"},
	    {STR("\x93\xfa\x96\x7b"), "application/octet-stream"},
	    {STR("a\0b"), "application/octet-stream"},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(filetype_detect(cases[i].head), cases[i].want);
}

/* Every way of cutting a body into two pieces gives the same fields. */
static void test_multipart_pieces(void **state)
{
	(void)state;
	static const char body[] =
	    "preamble\r\n--b\r\nContent-Disposition: form-data; "
	    "name=\"a\"\r\n\r\n\r\n--\r\n--\r\n-b\r\n--b\r\n"
	    "content-disposition: form-data; name=c\r\nContent-Type: text/plain\r\n\r\n\r\n--b\r\n"
	    "Content-Disposition: form-data; filename=\"x.txt\"; "
	    "name=\"f\"\r\n\r\n\r\n-file-\r\n--b--\r\nend";
	for (size_t cut = 0; cut < sizeof(body); cut++) {
		struct arena *a = arena_new();
		struct fields f = {.arena = a};
		struct err err = {0};
		struct multipart *m;
		struct multipart_options o = {
		    .arena = a, .fields = &f, .files = true, .fields_max = 1000, .files_max = 1000};
		assert_int_equal(
		    multipart_new(&o, STR("multipart/form-data; boundary=\"b\""), &m, &err), 0);
		size_t n = sizeof(body) - 1;
		size_t first = cut < n ? cut : n;
		assert_int_equal(multipart_feed(m, (struct str){body, first}, &err), 0);
		assert_int_equal(multipart_feed(m, (struct str){body + first, n - first}, &err), 0);
		assert_int_equal(multipart_end(m, &err), 0);
		assert_string_equal(fields_text(&f), "a=\r\n--\r\n--\r\n-b|c=");
		const struct upload *u;
		assert_int_equal(multipart_uploads(m, &u), 1);
		assert_string_equal(u->filename, "x.txt");
		char content[16] = "";
		assert_int_equal(read(u->fd, content, sizeof(content)), 8);
		assert_memory_equal(content, "\r\n-file-", 8);
		arena_free(a);
	}
}

/* Files that are left empty have no bytes, but names: thousands of long ones are too much as well.
 */
static void test_multipart_names(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct fields f = {.arena = a};
	struct err err = {0};
	struct multipart *m;
	struct multipart_options o = {
	    .arena = a, .fields = &f, .files = true, .fields_max = 10000, .files_max = 1000};
	struct buf part;
	buf_init(&part, a);
	buf_puts(&part, "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"");
	for (int i = 0; i < 1000; i++)
		buf_putc(&part, 'x');
	buf_puts(&part, "\"\r\n\r\n\r\n");
	assert_int_equal(
	    multipart_new(&o, STR("multipart/form-data; boundary=\"b\""), &m, &err), 0);
	int n = 0, rc = 0;
	while (rc == 0 && n++ < 20)
		rc = multipart_feed(m, buf_to_str(&part), &err);
	assert_int_equal(rc, -(int)ERR_TOO_LARGE);
	assert_string_equal(err.field, "f");
	assert_int_equal(n, 10);
	arena_free(a);
}

static void test_addresses(void **state)
{
	(void)state;
	static const struct {
		const char *ranges, *address;
		bool in;
	} cases[] = {
	    {"127.0.0.1", "127.0.0.1", true},
	    {"127.0.0.1", "127.0.0.2", false},
	    {"10.0.0.0/8, 192.168.1.0/25", "192.168.1.127", true},
	    {"10.0.0.0/8,192.168.1.0/25", "192.168.1.128", false},
	    {"::1,fe80::/10", "fe80::1", true},
	    {"::1", "127.0.0.1", false},
	    {"0.0.0.0/0", "203.0.113.5", true},
	    {"0.0.0.0/0", "2001:db8::1", false},
	    {"::1", "[::1]:443", true},
	    {"10.0.0.1", "10.0.0.1:8080", true},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct address_range *r;
		struct address a;
		int n;
		struct err err = {0};
		assert_int_equal(address_ranges_parse(arena, cases[i].ranges, &r, &n, &err), 0);
		assert_true(address_parse(str_from(cases[i].address), &a));
		if (address_in(&a, r, n) != cases[i].in)
			fail_msg("%s %s", cases[i].ranges, cases[i].address);
	}
	static const char *const bad[] = {"x", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "::1/129"};
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct address_range *r;
		int n;
		struct err err = {0};
		assert_int_equal(
		    address_ranges_parse(arena, bad[i], &r, &n, &err), -(int)ERR_INPUT);
	}
}

static void test_local_paths(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		bool local;
	} cases[] = {
	    {"/", true},
	    {"/a?b=c#d", true},
	    {"/en/a", true},
	    {"", false},
	    {"a", false},
	    {"//evil", false},
	    {"/\\evil", false},
	    {"/a\\b", false},
	    {"/\t/evil", false},
	    {"https://evil", false},
	    {"/a\r\nb", false},
	    {"\\\\evil", false},
	};
	for (size_t i = 0; i < COUNT(cases); i++)
		if (path_is_local(cases[i].path) != cases[i].local)
			fail_msg("%s", cases[i].path);
}

/* --- router --- */

static int never(struct request *rq, struct err *err)
{
	(void)rq;
	(void)err;
	return 0;
}

#define GET(p)                                                                                     \
	{                                                                                          \
		HTTP_GET, (p), never, .perm = "public"                                             \
	}

static void test_router_finds(void **state)
{
	(void)state;
	static const struct route routes[] = {
	    GET("/"),
	    GET("/a"),
	    GET("/a/{id}"),
	    GET("/a/new"),
	    GET("/a/{id}/b"),
	    GET("/d/{code}.pdf"),
	    GET("/d/{code}"),
	    GET("/d/v-{code}.pdf"),
	    GET("/assets/{path*}"),
	    GET("/assets/special"),
	    {HTTP_POST, "/a/{other}/b", never, .perm = "public"},
	    {HTTP_POST, "/a/new/b", never, .perm = "public"},
	};
	static const struct module m = {.name = "m", .routes = routes, .nroutes = COUNT(routes)};
	static const struct {
		const char *path, *route, *params;
		int rc;
	} cases[] = {
	    {"/", "/", "", 1},
	    {"/a", "/a", "", 1},
	    {"/a/5", "/a/{id}", "id=5", 1},
	    {"/a/new", "/a/new", "", 1},
	    {"/a/new/b", "/a/{id}/b", "id=new", 1},
	    {"/a/%E3%81%82%2F", "/a/{id}", "id=あ/", 1},
	    {"/d/x.pdf", "/d/{code}.pdf", "code=x", 1},
	    {"/d/v-1.pdf", "/d/v-{code}.pdf", "code=1", 1},
	    {"/d/.pdf", "/d/{code}", "code=.pdf", 1},
	    {"/d/x", "/d/{code}", "code=x", 1},
	    {"/assets/css/a.css", "/assets/{path*}", "path=css/a.css", 1},
	    {"/assets/special", "/assets/special", "", 1},
	    {"/assets", NULL, "", 0},
	    {"/b", NULL, "", 0},
	    {"/a/5/c", NULL, "", 0},
	    {"/a//b", NULL, "", 0},
	    {"/a/", NULL, "", 0},
	    {"", NULL, "", -(int)ERR_MALFORMED},
	    {"/a/..", NULL, "", -(int)ERR_MALFORMED},
	    {"/a/%ff", NULL, "", -(int)ERR_MALFORMED},
	};
	struct router *r;
	struct err err = {0};
	list[0] = &m;
	assert_int_equal(router_new(list, 1, &r, &err), 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct route_match found;
		int rc = router_find(r, arena, str_from(cases[i].path), HTTP_GET, &found);
		struct buf b;
		buf_init(&b, arena);
		buf_puts(&b, "");
		for (int k = 0; k < found.nparams; k++)
			buf_printf(
			    &b, "%.*s=%.*s", STR_ARG(found.names[k]), STR_ARG(found.values[k]));
		const char *route = found.route ? found.route->path : NULL;
		if (rc != cases[i].rc || !text_eq(route, cases[i].route) ||
		    strcmp(b.p, cases[i].params) != 0)
			fail_msg("%s: %d %s %s", cases[i].path, rc, route ? route : "none", b.p);
	}
	struct route_match found;
	assert_int_equal(router_find(r, arena, STR("/a/7/b"), HTTP_POST, &found), 1);
	assert_true(str_is(found.names[0], "other"));
	assert_int_equal(router_find(r, arena, STR("/a/7/b"), HTTP_DELETE, &found), 0);
	assert_int_equal(found.methods, 1 << HTTP_GET | 1 << HTTP_POST);
	router_free(r);
}

static void test_router_refuses(void **state)
{
	(void)state;
	static const struct {
		struct route routes[2];
		const char *detail;
	} cases[] = {
	    {{{HTTP_GET, "/a", never}}, "m: GET /a has no permission"},
	    {{{HTTP_GET, "/a", never, .perm = "x.y"}}, "no module has a permission \"x.y\""},
	    {{{HTTP_GET, "a", never, .perm = "public"}}, "without path"},
	    {{{HTTP_GET, "/a", NULL, .perm = "public"}}, "without path or handler"},
	    {{GET("/a/{}")}, "bad path"},
	    {{GET("/a/{b")}, "bad path"},
	    {{GET("/a//b")}, "bad path"},
	    {{GET("/{a*}/b")}, "bad path"},
	    {{GET("/a/{b}"), GET("/a/{c}")}, "taken by /a/{b} of module m"},
	    {{{HTTP_GET, "/a", never, .perm = "staff", .flags = ROUTE_CACHE}}, "only public pages"},
	    {{GET("/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}")}, "too many holes"},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct module m = {.name = "m",
		    .routes = cases[i].routes,
		    .nroutes = cases[i].routes[1].path ? 2 : 1};
		struct router *r = NULL;
		struct err err = {0};
		list[0] = &m;
		int rc = router_new(list, 1, &r, &err);
		if (rc != -(int)ERR_INTERNAL || !strstr(err.detail, cases[i].detail))
			fail_msg("%s: %d %s", cases[i].detail, rc, err.detail);
	}
}

static void test_rate(void **state)
{
	(void)state;
	struct ratelimit *r = ratelimit_new(100);
	struct address a, b;
	assert_true(address_parse(STR("198.51.100.1"), &a));
	assert_true(address_parse(STR("198.51.100.2"), &b));
	const uint64_t of_a = ratelimit_address(&a);
	int64_t now = 1000000000;
	for (int i = 0; i < 20; i++)
		assert_int_equal(ratelimit_take(r, of_a, RATE_LOGIN, now), 0);
	assert_in_range(ratelimit_take(r, of_a, RATE_LOGIN, now), 1, 6);
	assert_int_equal(ratelimit_take(r, of_a, RATE_WRITE, now), 0); /* classes are apart */
	assert_int_equal(ratelimit_take(r, ratelimit_address(&b), RATE_LOGIN, now), 0);
	assert_int_equal(ratelimit_take(r, of_a, RATE_LOGIN, now + 6100000), 0);
	assert_true(ratelimit_take(r, of_a, RATE_LOGIN, now + 6100000) > 0);
	/* An account is somebody else than an address, and than the same number in another city. */
	assert_int_equal(ratelimit_take(r, ratelimit_account(0, 7), RATE_LOGIN, now + 6100000), 0);
	assert_true(ratelimit_account(0, 7) != ratelimit_account(1, 7));
	/* A flood of other addresses does not grow it, nor set the limited one free at once. */
	for (int i = 0; i < 20000; i++) {
		memcpy(b.b + 12, &i, 4);
		(void)ratelimit_take(r, ratelimit_address(&b), RATE_NORMAL, now + 6100000);
	}
	assert_true(ratelimit_take(r, of_a, RATE_LOGIN, now + 6100000) > 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ratelimit_take(r, of_a, RATE_NONE, now), 0);
	ratelimit_free(r);
	assert_null(ratelimit_new(0));
}

static void test_etags(void **state)
{
	(void)state;
	char one[24], two[24];
	etag_of(STR("a"), one);
	etag_of(STR("b"), two);
	assert_string_not_equal(one, two);
	assert_true(etag_matches(str_from(one), one));
	assert_true(etag_matches(STR("*"), one));
	assert_true(etag_matches(str_from(arena_printf(arena, "%s , W/%s", two, one)), one));
	assert_true(etag_matches(
	    str_from(arena_printf(arena, "%.*s-gzip\"", (int)strlen(one) - 1, one)), one));
	assert_false(etag_matches(str_from(two), one));
	assert_false(etag_matches(STR("\""), one));
	assert_false(etag_matches(STR(""), one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_urlencoded),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_cookies),
	    cmocka_unit_test(test_accept),
	    cmocka_unit_test(test_types),
	    cmocka_unit_test(test_multipart_pieces),
	    cmocka_unit_test(test_multipart_names),
	    cmocka_unit_test(test_addresses),
	    cmocka_unit_test(test_local_paths),
	    cmocka_unit_test(test_router_finds),
	    cmocka_unit_test(test_router_refuses),
	    cmocka_unit_test(test_rate),
	    cmocka_unit_test(test_etags),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
