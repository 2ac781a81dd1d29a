/* The server from outside: requests and the answers wanted, over real connections. */
#include "web/test_web.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>

#include "base/log.h"
#include "base/time.h"
#include "store/blob.h"

/* --- the module under test --- */

static atomic_int made; /* how often the cached page was made */
static atomic_int write_runs;

static int hello(struct request *rq, struct err *err)
{
	(void)err;
	json_object_set_new(rq->view, "hello", json_string(rq->lang));
	json_object_set_new(rq->view, "url", json_string(rq->url));
	json_object_set_new(rq->view, "address", json_string(rq->address));
	return 0;
}

static int page(struct request *rq, struct err *err)
{
	(void)err;
	json_object_set_new(rq->view, "words", json_string("<&>"));
	return 0;
}

static int cached(struct request *rq, struct err *err)
{
	(void)err;
	json_object_set_new(rq->view, "made", json_integer(++made));
	struct buf b;
	buf_init(&b, rq->arena);
	for (int i = 0; i < 200; i++)
		buf_puts(&b, "many words ");
	json_object_set_new(rq->view, "words", json_string(b.p));
	return 0;
}

static int thing(struct request *rq, struct err *err)
{
	if (rq_param_i64(rq, "id") == 404)
		return err_set(err, ERR_MISSING, NULL, "no thing");
	json_object_set_new(rq->view, "id", json_string(rq_param(rq, "id")));
	return 0;
}

static int thing_write(struct request *rq, struct db *db, struct err *err)
{
	write_runs++;
	int64_t n;
	int rc = series_next(db, "thing", &n, err);
	if (rc < 0)
		return rc;
	rc = meta_set(
	    db, arena_printf(rq->arena, "thing.%lld", (long long)n), rq_form(rq, "name"), err);
	if (rc < 0)
		return rc;
	struct journal_change change = {
	    .actor = "system", .verb = "thing.made", .subject = "thing:1"};
	if ((rc = journal_add(db, &change, NULL, err)) < 0)
		return rc;
	json_object_set_new(rq->view, "id", json_integer(n));
	rq_flash(rq, "success", "web.jobs.retried", NULL);
	rq->status = 201;
	return rq_redirect(rq, "/things/%lld", (long long)n);
}

static int thing_add(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, thing_write);
}

/* Fails until it was run twice, as after a serialization failure. */
static int twice_write(struct request *rq, struct db *db, struct err *err)
{
	(void)db;
	int *runs = rq_data(rq);
	rq_problem(rq, "name", "web.input.required", NULL);
	rq_flash(rq, "info", "web.jobs.retried", NULL);
	rq_crumb(rq, "x", "/x");
	if (++*runs == 1)
		return err_set(err, ERR_CONFLICT, "web.csrf", "first");
	return 0;
}

static int twice_failed(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, twice_write);
}

static int twice(struct request *rq, struct err *err)
{
	(void)err;
	rq_set_data(rq, arena_alloc(rq->arena, sizeof(int)));
	return rq_write_or(rq, twice_write, twice_failed);
}

static int conflict_write(struct request *rq, struct db *db, struct err *err)
{
	(void)rq;
	int rc = meta_set(db, "never", "kept", err);
	return rc < 0 ? rc : err_field(err, ERR_CONFLICT, "name", "store.conflict", "taken");
}

static int conflict_failed(struct request *rq, struct err *err)
{
	rq_problem(rq, err->field, err->msg, NULL);
	return 0;
}

static int conflict(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write_or(rq, conflict_write, rq_form(rq, "page") ? conflict_failed : NULL);
}

static int later(struct request *rq, struct err *err)
{
	(void)err;
	struct timespec t = {.tv_nsec = 200 * 1000 * 1000};
	(void)nanosleep(&t, NULL);
	return rq_form(rq, "name") ? rq_write(rq, thing_write) : 0;
}

static int slow(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, later);
}

static void echo_one(void *arg, const char *name, const char *value)
{
	json_array_append_new(arg, json_pack("[s,s]", name, value));
}

static int echo(struct request *rq, struct err *err)
{
	(void)err;
	json_t *fields = json_array();
	rq_form_each(rq, echo_one, fields);
	json_object_set_new(rq->view, "fields", fields);
	return 0;
}

static int upload(struct request *rq, struct err *err)
{
	json_t *files = json_array();
	json_object_set_new(rq->view, "files", files);
	for (int i = 0; i < rq_upload_count(rq, "file"); i++) {
		const struct upload *u = rq_upload(rq, "file", i);
		char name[BLOB_NAME_SIZE];
		int rc = blob_put_fd(rq->city->store, u->fd, name, err);
		if (rc < 0)
			return rc;
		json_array_append_new(
		    files, json_pack("{s:s,s:s,s:I,s:s}", "name", u->filename, "type", u->type,
		               "size", (json_int_t)u->size, "blob", name));
	}
	return echo(rq, err);
}

static int blob(struct request *rq, struct err *err)
{
	return rq_send_blob(rq, rq_param(rq, "blob"), rq_query(rq, "type"), "書類 1.pdf",
	    rq_query(rq, "save") != NULL, err);
}

static int go(struct request *rq, struct err *err)
{
	(void)err;
	const char *next = rq_form(rq, "next");
	return rq_redirect(rq, "%s", next ? next : "/hello");
}

static int rows_made(struct request *rq, void *state, struct buf *out, struct err *err)
{
	int *n = state;
	int64_t end = rq_param_i64(rq, "rows");
	if (*n == 70000 && end == 70001)
		return err_set(err, ERR_STORE, NULL, "broken in the middle");
	buf_printf(out, "%d,row\r\n", (*n)++);
	return *n < end;
}

static int stream(struct request *rq, struct err *err)
{
	(void)err;
	return rq_stream(rq, "text/csv; charset=utf-8", "rows.csv", rows_made,
	    arena_alloc(rq->arena, sizeof(int)));
}

static int sign_in_write(struct request *rq, struct db *db, struct err *err)
{
	int64_t account = strcmp(rq_form(rq, "who"), "staff") == 0 ? 2 : 1;
	int rc = session_start(rq, db, account, 3600, err);
	return rc < 0 ? rc : rq_redirect(rq, "/secret");
}

static int sign_in(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, sign_in_write);
}

static int sign_out_write(struct request *rq, struct db *db, struct err *err)
{
	int rc = session_end(rq, db, err);
	return rc < 0 ? rc : rq_redirect(rq, "/");
}

static int sign_out(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, sign_out_write);
}

static int sessions(struct request *rq, struct err *err)
{
	struct session_info *list;
	int n = session_list(rq, rq_db(rq, err), rq->actor.account, &list, err);
	if (n < 0)
		return n;
	json_t *out = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(out, json_pack("{s:s,s:b,s:s}", "id", list[i].id, "current",
		                               list[i].current, "agent", list[i].agent));
	json_object_set_new(rq->view, "sessions", out);
	json_object_set_new(rq->view, "actor", json_string(rq->actor.id));
	return 0;
}

static const struct input thing_inputs[] = {
    {"name", "string", true, 10},
    {"count", "integer", false, 0},
    {"day", "date", false, 0},
    {0},
};

static const struct route routes[] = {
    {HTTP_GET, "/hello", hello, .perm = "public"},
    {HTTP_GET, "/", page, .perm = "public", .template = "test/page", .flags = ROUTE_CACHE},
    {HTTP_GET, "/page", page, .perm = "public", .template = "test/page"},
    {HTTP_GET, "/form", page, .perm = "public", .template = "test/form"},
    {HTTP_GET, "/kept-form", page, .perm = "public", .template = "test/form", .flags = ROUTE_CACHE},
    {HTTP_GET, "/broken", page, .perm = "public", .template = "test/broken"},
    {HTTP_GET, "/cached", cached, .perm = "public", .template = "test/page", .flags = ROUTE_CACHE},
    {HTTP_GET, "/things/{id}", thing, .perm = "public"},
    {HTTP_POST, "/things", thing_add, .perm = "public", .inputs = thing_inputs},
    {HTTP_POST, "/free", thing_add, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_POST, "/twice", twice, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_POST, "/conflict", conflict, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_GET, "/slow", slow, .perm = "public"},
    {HTTP_POST, "/slow", slow, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_POST, "/echo", echo, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_PUT, "/echo", echo, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_POST, "/upload", upload, .perm = "public", .flags = ROUTE_NO_CSRF | ROUTE_UPLOAD},
    {HTTP_GET, "/blobs/{blob}.pdf", blob, .perm = "public"},
    {HTTP_POST, "/go", go, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_GET, "/stream/{rows}", stream, .perm = "public"},
    {HTTP_GET, "/secret", sessions, .perm = "signed-in", .template = "test/form"},
    {HTTP_GET, "/login", page, .perm = "public", .template = "test/form"},
    {HTTP_POST, "/sign-in", sign_in, .perm = "public", .rate = RATE_LOGIN},
    {HTTP_POST, "/sign-out", sign_out, .perm = "signed-in"},
    {HTTP_GET, "/limited", hello, .perm = "public", .rate = RATE_LOGIN},
};

static const struct module test_module = {
    .name = "test", .slot = -1, .routes = routes, .nroutes = COUNT(routes)};
const struct module *const modules[] = {&web_module, &test_module};
const int nmodules = COUNT(modules);

const char *const test_templates[][2] = {
    {"test/page",
        "<!doctype html><html lang=\"{{lang}}\"><title>{{city.name}}</title><p>{{words}}</p>"
        "{{#flash}}<b>{{text}}</b>{{/flash}}<i>{{made}}</i>"},
    {"test/form",
        "<!doctype html><form><input name=\"csrf\" value=\"{{csrf}}\"></form>{{user.name}}"},
    {"test/broken", "{{#never}}"},
    {NULL, NULL},
};

static int who(struct request *rq, struct db *db, int64_t account, struct actor *a, struct err *err)
{
	(void)db;
	(void)err;
	*a = (struct actor){.kind = account == 2 ? ACTOR_STAFF : ACTOR_RESIDENT,
	    .account = account,
	    .person = account,
	    .name = account == 2 ? "係員" : "住民",
	    .id = arena_printf(
	        rq->arena, "%s:%lld", account == 2 ? "staff" : "resident", (long long)account)};
	return 0;
}

static int bearer(
    struct request *rq, struct db *db, const char *token, struct actor *a, struct err *err)
{
	return strcmp(token, "good") == 0 ? who(rq, db, 2, a, err) : 0;
}

static bool allows(struct request *rq, const char *perm)
{
	return rq->actor.kind == ACTOR_STAFF && strcmp(perm, "operate") == 0;
}

static const struct authenticator authenticator = {who, bearer, allows};

/* --- the stories --- */

static struct test_city t;

static const struct web_options options = {.address = "127.0.0.1",
    .threads = 2,
    .body_max = 64 * 1024,
    .upload_max = 1024 * 1024,
    .timeout_s = 5,
    .trusted_proxy = "127.0.0.0/8"};

static int setup(void **state)
{
	(void)state;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	web_set_authenticator(&authenticator);
	test_city_open(&t);
	test_city_serve(&t, &options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_city_close(&t);
	curl_global_cleanup();
	return 0;
}

/* The form token of a page, on the arena. */
static char *token_of(const struct reply *r)
{
	const char *at = strstr(r->body.p, "value=\"");
	assert_non_null(at);
	return arena_strndup(t.arena, at + 7, 43);
}

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

static bool closed_within(int fd, int seconds)
{
	struct timeval wait = {.tv_sec = seconds};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	char chunk[256];
	ssize_t n;
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		;
	return n == 0;
}

static void test_slow_clients(void **state)
{
	(void)state;
	struct test_city s;
	struct web_options o = options;
	o.timeout_s = 1;
	test_city_open(&s);
	test_city_serve(&s, &o);
	/* Silent from the start, in the header, in the body; then one byte now and then. All at
	 * once. */
	static const struct {
		const char *begin;
		bool dribble;
	} clients[] = {
	    {"", false},
	    {"GET /hello HTTP/1.1\r\nHost:", false},
	    {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\na=", false},
	    {"GET /hello HTTP/1.1\r\nHost: ", true},
	    {"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", true},
	};
	int fds[COUNT(clients)], sent[COUNT(clients)] = {0};
	for (size_t i = 0; i < COUNT(clients); i++) {
		fds[i] = test_connect(&s);
		if (clients[i].begin[0])
			test_send(fds[i], clients[i].begin, strlen(clients[i].begin));
	}
	struct timespec moment = {.tv_nsec = 100 * 1000 * 1000};
	for (int turn = 0; turn < 45; turn++) {
		(void)nanosleep(&moment, NULL);
		for (size_t i = 0; i < COUNT(clients); i++)
			if (clients[i].dribble && send(fds[i], "a", 1, MSG_NOSIGNAL) == 1)
				sent[i]++;
	}
	for (size_t i = 0; i < COUNT(clients); i++) {
		if (clients[i].dribble ? sent[i] < 8 || sent[i] > 40 : !closed_within(fds[i], 1))
			fail_msg("client %zu stayed, %d", i, sent[i]);
		(void)close(fds[i]);
	}
	test_city_close(&s);
}

static void test_rate_limit(void **state)
{
	(void)state;
	struct test_city s;
	struct web_options o = options;
	o.rate_percent = 100;
	test_city_open(&s);
	test_city_serve(&s, &o);
	long last = 0;
	int n = 0;
	for (; n < 40 && last != 429; n++) {
		struct reply r = test_call(&s, "/limited", NULL);
		last = r.status;
		if (last == 429)
			assert_non_null(reply_header(&s, &r, "Retry-After"));
		reply_free(&r);
	}
	assert_in_range(n, 20, 23);
	struct reply r = test_call(&s, "/hello", NULL);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	test_city_close(&s);
}

static void test_hosts(void **state)
{
	(void)state;
	static const char *const hosts[] = {"one.example", "www.one.example", NULL};
	struct test_city s;
	test_city_open(&s);
	s.city.hosts = hosts;
	test_city_serve(&s, &options);
	static const struct {
		const char *host;
		long status;
	} cases[] = {
	    {"Host: one.example", 200},
	    {"Host: WWW.One.Example:8080", 200},
	    {"Host: two.example", 421},
	    {"Host: one.example.evil", 421},
	    {"Host: [::1]:80", 421},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = {.headers = {cases[i].host}};
		struct reply r = test_call(&s, "/hello", &c);
		if (r.status != cases[i].status)
			fail_msg("%s: %ld", cases[i].host, r.status);
		reply_free(&r);
	}
	test_city_close(&s);
}

/* What a reload replaces is not shown from the cache, and assets get a new version. */
static void test_reload(void **state)
{
	(void)state;
	struct test_city s;
	test_city_open(&s);
	test_city_serve(&s, &options);
	CURL *curl = test_browser();
	struct call c = {.curl = curl};
	made = 0;
	for (int i = 0; i < 3; i++) {
		struct reply r = test_call(&s, "/cached", &c);
		reply_free(&r);
	}
	assert_int_equal(made, 1);
	struct templates *old = s.city.templates;
	__atomic_store_n(&s.city.templates, templates_new(test_city_source, NULL, s.city.i18n),
	    __ATOMIC_RELEASE);
	struct reply r = test_call(&s, "/cached", &c);
	assert_int_equal(made, 2);
	reply_free(&r);
	curl_easy_cleanup(curl);
	templates_free(old);
	test_city_close(&s);
}

/* A key and a certificate for 127.0.0.1, in PEM files. */
static void make_certificate(const char *key_path, const char *cert_path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_set_pubkey(cert, key);
	X509_NAME *name = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const unsigned char *)"127.0.0.1", -1, -1, 0);
	X509_set_issuer_name(cert, name);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	FILE *f = fopen(key_path, "w");
	assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(f);
	f = fopen(cert_path, "w");
	assert_int_equal(PEM_write_X509(f, cert), 1);
	fclose(f);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void test_tls(void **state)
{
	(void)state;
	struct test_city s;
	struct web_options o = options;
	test_city_open(&s);
	o.tls_key = arena_printf(s.arena, "%s/key.pem", s.store.dir);
	o.tls_cert = arena_printf(s.arena, "%s/cert.pem", s.store.dir);
	make_certificate(o.tls_key, o.tls_cert);
	test_city_serve(&s, &o);
	struct reply r = test_call(&s, "/login", NULL);
	assert_int_equal(r.status, 200);
	assert_non_null(reply_header(&s, &r, "Strict-Transport-Security"));
	const char *cookie = reply_header(&s, &r, "Set-Cookie");
	assert_non_null(cookie);
	assert_int_equal(strncmp(cookie, "__Host-csrf=", 12), 0);
	assert_non_null(strstr(cookie, "; Secure"));
	assert_non_null(strstr(cookie, "; HttpOnly; SameSite=Lax"));
	reply_free(&r);
	struct call write = {.body = "name=tls"};
	r = test_call(&s, "/free", &write);
	assert_int_equal(r.status, 303);
	reply_free(&r);
	test_city_close(&s);
}

static void *slow_get(void *arg)
{
	struct test_city *s = arg;
	struct reply r = {0};
	CURL *curl = curl_easy_init();
	struct arena *a = arena_new();
	buf_init(&r.body, a);
	curl_easy_setopt(curl, CURLOPT_URL, arena_printf(a, "%s/slow", s->base));
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, test_take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &r.body);
	long status = 0;
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	arena_free(a);
	return (void *)(intptr_t)status;
}

static void test_graceful_stop(void **state)
{
	(void)state;
	struct test_city s;
	test_city_open(&s);
	test_city_serve(&s, &options);
	int idle = test_connect(&s);
	pthread_t threads[4];
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_create(&threads[i], NULL, slow_get, &s);
	struct timespec moment = {.tv_nsec = 100 * 1000 * 1000};
	(void)nanosleep(&moment, NULL);
	web_stop(s.web);
	s.web = NULL;
	for (size_t i = 0; i < COUNT(threads); i++) {
		void *status;
		pthread_join(threads[i], &status);
		assert_int_equal((intptr_t)status, 200);
	}
	(void)close(idle);
	test_city_close(&s);
}

int main(void)
{
	log_level_set(getenv("MACHI_TEST_LOG") ? LOG_DEBUG_ : LOG_ERROR_ + 1);
	if (getenv("MACHI_TEST_SERVE")) { /* for wrk: serves until standard input ends */
		(void)setup(NULL);
		printf("%s\n", t.base);
		fflush(stdout);
		while (getchar() != EOF)
			;
		return teardown(NULL);
	}
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_negotiation),
	    cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_paths),
	    cmocka_unit_test(test_problems),
	    cmocka_unit_test(test_redirects),
	    cmocka_unit_test(test_bodies),
	    cmocka_unit_test(test_uploads),
	    cmocka_unit_test(test_blobs),
	    cmocka_unit_test(test_sizes),
	    cmocka_unit_test(test_raw_requests),
	    cmocka_unit_test(test_keep_alive_and_head),
	    cmocka_unit_test(test_etag_gzip_cache),
	    cmocka_unit_test(test_csrf),
	    cmocka_unit_test(test_sessions),
	    cmocka_unit_test(test_tokens),
	    cmocka_unit_test(test_writes),
	    cmocka_unit_test(test_concurrent_writes),
	    cmocka_unit_test(test_streams),
	    cmocka_unit_test(test_health),
	    cmocka_unit_test(test_assets),
	    cmocka_unit_test(test_slow_clients),
	    cmocka_unit_test(test_rate_limit),
	    cmocka_unit_test(test_graceful_stop),
	    cmocka_unit_test(test_tls),
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_reload),
	};
	int failed = cmocka_run_group_tests(tests, setup, teardown);
	if (getenv("MACHI_TEST_PG")) {
		test_on_postgres = true;
		failed += cmocka_run_group_tests_name("postgres", tests, setup, teardown);
	}
	return failed;
}
