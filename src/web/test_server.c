/* The server itself: slow clients, rate limits, host names, TLS, reloading and stopping. */
#include "web/test_site.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>

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
	    {"GET /stream/3000000 HTTP/1.1\r\nHost: x\r\n\r\n", false}, /* reads nothing */
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
		const char *host, *path;
		long status;
	} cases[] = {
	    {"Host: one.example", "/hello", 200},
	    {"Host: WWW.One.Example:8080", "/hello", 200},
	    {"Host: two.example", "/hello", 421},
	    {"Host: one.example.evil", "/hello", 421},
	    {"Host: [::1]:80", "/hello", 421},
	    /* Who watches the process asks it by its address. */
	    {"Host: 127.0.0.1", "/healthz", 200},
	    {"Host: 127.0.0.1", "/metrics", 200},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct call c = {.headers = {cases[i].host}};
		struct reply r = test_call(&s, cases[i].path, &c);
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

/* Does a new connection meet this certificate? */
static bool shows(const struct test_city *s, const char *cert_path)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	BIO *bio = BIO_new_ssl_connect(context);
	SSL *ssl = NULL;
	BIO_get_ssl(bio, &ssl);
	BIO_set_conn_hostname(bio, strstr(s->base, "//") + 2);
	assert_int_equal(BIO_do_handshake(bio), 1);
	X509 *met = SSL_get1_peer_certificate(ssl);
	FILE *f = fopen(cert_path, "r");
	X509 *wanted = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	bool same = X509_cmp(met, wanted) == 0;
	X509_free(met);
	X509_free(wanted);
	BIO_free_all(bio);
	SSL_CTX_free(context);
	return same;
}

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_true(fputs(text, f) >= 0);
	fclose(f);
}

/* A renewed pair counts at once, also for people on connections from before; a broken one never. */
static void test_tls_renewed(void **state)
{
	(void)state;
	struct test_city s;
	struct web_options o = options;
	struct err err = {0};
	test_city_open(&s);
	o.tls_key = arena_printf(s.arena, "%s/key.pem", s.store.dir);
	o.tls_cert = arena_printf(s.arena, "%s/cert.pem", s.store.dir);
	const char *kept = arena_printf(s.arena, "%s/kept.pem", s.store.dir);
	make_certificate(o.tls_key, o.tls_cert);
	test_city_serve(&s, &o);
	struct call c = {.curl = test_browser()};
	struct reply r = test_call(&s, "/hello", &c);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	assert_true(shows(&s, o.tls_cert));
	make_certificate(o.tls_key, o.tls_cert);
	assert_false(shows(&s, o.tls_cert)); /* not before it is told */
	assert_int_equal(web_reload(s.web, &err), 0);
	assert_true(shows(&s, o.tls_cert));
	r = test_call(&s, "/hello", &c);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	curl_easy_cleanup(c.curl);

	assert_int_equal(rename(o.tls_cert, kept), 0);
	static const char *const broken[] = {NULL, "", "-----BEGIN CERTIFICATE-----\nxx\n"};
	for (size_t i = 0; i < COUNT(broken); i++) {
		if (broken[i])
			put_file(o.tls_cert, broken[i]);
		assert_true(web_reload(s.web, &err) < 0);
		assert_non_null(strstr(err.detail, "cert.pem"));
		assert_true(shows(&s, kept));
	}
	/* The certificate is renewed, the key not yet. */
	make_certificate(arena_printf(s.arena, "%s/other.pem", s.store.dir), o.tls_cert);
	assert_true(web_reload(s.web, &err) < 0);
	assert_true(shows(&s, kept));
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
	if (getenv("MACHI_TEST_SERVE")) { /* for wrk: serves until standard input ends */
		(void)setup(NULL);
		printf("%s\n", t.base);
		fflush(stdout);
		while (getchar() != EOF)
			;
		return teardown(NULL);
	}
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_slow_clients),
	    cmocka_unit_test(test_rate_limit),
	    cmocka_unit_test(test_hosts),
	    cmocka_unit_test(test_reload),
	    cmocka_unit_test(test_tls),
	    cmocka_unit_test(test_tls_renewed),
	    cmocka_unit_test(test_graceful_stop),
	};
	return test_both_stores("server", tests, COUNT(tests), setup, teardown);
}
