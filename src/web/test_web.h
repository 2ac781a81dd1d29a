/* A small city with a module table of its own, served on a free port, and a client. Include it in a
 * test's one .c file, which defines `modules`. */
#ifndef WEB_TEST_WEB_H
#define WEB_TEST_WEB_H

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/resource.h"
#include "store/test_store.h"
#include "vault/module.h"
#include "web/private.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

struct test_city {
	struct test_store store;
	struct city city;
	struct web *web;
	const char *base; /* "http://127.0.0.1:1234" */
	char base_text[64];
	struct arena *arena;
};

/* Templates of the test itself: name, text; ends with NULL. */
extern const char *const test_templates[][2];

static int test_city_source(
    void *arg, struct arena *a, const char *name, struct str *out, struct err *err)
{
	(void)arg;
	for (size_t i = 0; test_templates[i][0]; i++) {
		if (strcmp(test_templates[i][0], name) == 0) {
			*out = str_from(test_templates[i][1]);
			return 0;
		}
	}
	const char *dot = strrchr(name, '.'); /* mails name their file in full */
	return resource_find(arena_printf(a, "templates/%s%s", name, dot ? "" : ".html"), out)
	           ? 0
	           : err_set(err, ERR_MISSING, NULL, "no template %s", name);
}

static int test_city_catalogue(void *arg, const char *path, struct str po)
{
	struct err err = {0};
	char lang[3] = {path[strlen(path) - 5], path[strlen(path) - 4], '\0'};
	if (i18n_load(arg, lang, path, po, &err) < 0)
		fail_msg("%s", err.detail);
	return 0;
}

static bool test_on_postgres; /* the stores of the cities that are opened next */

static void test_city_open(struct test_city *t)
{
	*t = (struct test_city){.arena = arena_new()};
	test_store_new(&t->store, test_on_postgres);
	test_store_migrate(t->store.st);
	OK(vault_start_all(t->store.st, NULL, why));
	t->city = (struct city){.id = "test", .dir = t->store.dir, .store = t->store.st};
	t->city.settings = json_pack("{s:{s:s,s:s}}", "name", "ja", "試験市", "en", "Testville");
	t->city.i18n = i18n_new();
	(void)resource_each("i18n/", test_city_catalogue, t->city.i18n); /* never stops */
	t->city.templates = templates_new(test_city_source, NULL, t->city.i18n);
}

static void test_city_serve(struct test_city *t, const struct web_options *o)
{
	struct err err = {0};
	struct city *cities[] = {&t->city};
	if (web_start(o, cities, 1, &t->web, &err) < 0)
		fail_msg("web_start: %s", err.detail);
	(void)snprintf(t->base_text, sizeof(t->base_text), "http%s://127.0.0.1:%d",
	    o->tls_cert ? "s" : "", web_port(t->web));
	t->base = t->base_text;
}

static void test_city_close(struct test_city *t)
{
	web_stop(t->web);
	templates_free(t->city.templates);
	i18n_free(t->city.i18n);
	json_decref(t->city.settings);
	test_store_free(&t->store);
	arena_free(t->arena);
}

/* --- a client --- */

struct reply {
	long status;
	struct buf head, body;
	json_t *json; /* when the body is JSON */
	int error;    /* of the transfer */
};

static size_t test_take(char *p, size_t size, size_t n, void *buf)
{
	buf_add(buf, p, size * n);
	return size * n;
}

struct call {
	const char *method; /* NULL: GET, or POST with a body */
	const char *body;
	size_t size;      /* 0: strlen */
	const char *type; /* Content-Type */
	const char *headers[8];
	CURL *curl; /* a handle with cookies and connection; NULL: a fresh one */
};

static struct reply test_call(struct test_city *t, const char *path, const struct call *c)
{
	static const struct call plain;
	c = c ? c : &plain;
	struct reply r = {0};
	CURL *curl = c->curl ? c->curl : curl_easy_init();
	char *url = arena_printf(t->arena, "%s%s", t->base, path);
	struct curl_slist *headers = NULL;
	buf_init(&r.head, t->arena);
	buf_init(&r.body, t->arena);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, test_take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &r.body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, test_take);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &r.head);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
	curl_easy_setopt(curl, CURLOPT_NOBODY, 0L);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
	if (c->body) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, c->body);
		curl_easy_setopt(
		    curl, CURLOPT_POSTFIELDSIZE, (long)(c->size ? c->size : strlen(c->body)));
	}
	if (c->method && strcmp(c->method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else if (c->method)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, c->method);
	if (c->type)
		headers =
		    curl_slist_append(headers, arena_printf(t->arena, "Content-Type: %s", c->type));
	for (size_t i = 0; i < COUNT(c->headers) && c->headers[i]; i++)
		headers = curl_slist_append(headers, c->headers[i]);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	r.error = (int)curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &r.status);
	curl_slist_free_all(headers);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	if (!c->curl)
		curl_easy_cleanup(curl);
	buf_puts(&r.head, "");
	buf_puts(&r.body, "");
	r.json = json_loads(r.body.p, 0, NULL);
	return r;
}

static void reply_free(struct reply *r)
{
	json_decref(r->json);
	r->json = NULL;
}

/* The value of a header, on the arena; NULL when there is none. */
static char *reply_header(struct test_city *t, const struct reply *r, const char *name)
{
	struct str head = buf_to_str(&r->head), line;
	size_t n = strlen(name);
	while (str_cut(&head, '\n', &line))
		if (line.n > n && line.p[n] == ':' && strncasecmp(line.p, name, n) == 0)
			return str_dup(
			    t->arena, str_trim((struct str){line.p + n + 1, line.n - n - 1}));
	return NULL;
}

static const char *reply_text(const struct reply *r, const char *key)
{
	json_t *v = r->json;
	struct str rest = str_from(key), part;
	while (str_cut(&rest, '.', &part)) {
		int64_t i;
		v = json_is_array(v) && str_to_i64(part, 0, 1000000, &i)
		        ? json_array_get(v, (size_t)i)
		        : json_object_getn(v, part.p, part.n);
	}
	return json_string_value(v);
}

/* A client that keeps cookies and its connection. */
static CURL *test_browser(void)
{
	CURL *curl = curl_easy_init();
	curl_easy_setopt(curl, CURLOPT_COOKIEFILE, "");
	return curl;
}

/* --- bytes as they are --- */

static int test_connect(struct test_city *t)
{
	struct sockaddr_in in = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)web_port(t->web))};
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	struct timeval wait = {.tv_sec = 2};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	return fd;
}

static void test_send(int fd, const void *bytes, size_t n)
{
	assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

/* Sends bytes and gives all that comes back until the server closes. */
static char *test_raw(struct test_city *t, const void *bytes, size_t n)
{
	int fd = test_connect(t);
	test_send(fd, bytes, n);
	(void)shutdown(fd, SHUT_WR); /* the server may have closed already */
	struct buf out;
	buf_init(&out, t->arena);
	buf_puts(&out, "");
	char chunk[4096];
	for (ssize_t got; (got = recv(fd, chunk, sizeof(chunk), 0)) > 0;)
		buf_add(&out, chunk, (size_t)got);
	(void)close(fd); /* only read from */
	return out.p;
}

/* Runs the tests on SQLite and, when the environment has MACHI_TEST_PG, on PostgreSQL. */
static int test_both_stores(const char *name, const struct CMUnitTest *tests, size_t n,
    CMFixtureFunction setup, CMFixtureFunction teardown)
{
	log_level_set(getenv("MACHI_TEST_LOG") ? LOG_DEBUG_ : LOG_ERROR_ + 1);
	int failed = _cmocka_run_group_tests(name, tests, n, setup, teardown);
	if (getenv("MACHI_TEST_PG")) {
		test_on_postgres = true;
		failed += _cmocka_run_group_tests("postgres", tests, n, setup, teardown);
	}
	return failed;
}

#pragma GCC diagnostic pop

#endif
