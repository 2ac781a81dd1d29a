#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/fetch.h"
#include "base/test.h"

static void test_private(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool hidden;
	} cases[] = {
	    {"8.8.8.8", false},
	    {"203.0.114.1", false},
	    {"172.15.0.1", false},
	    {"172.32.0.1", false},
	    {"0.0.0.0", true},
	    {"10.1.2.3", true},
	    {"100.64.0.1", true},
	    {"127.0.0.1", true},
	    {"169.254.169.254", true},
	    {"172.16.0.1", true},
	    {"172.31.255.255", true},
	    {"192.168.0.1", true},
	    {"224.0.0.1", true},
	    {"255.255.255.255", true},
	    {"2001:4860:4860::8888", false},
	    {"::", true},
	    {"::1", true},
	    {"::ffff:127.0.0.1", true},
	    {"::ffff:8.8.8.8", false},
	    {"64:ff9b::a00:1", true},
	    {"fe80::1", true},
	    {"fd00::1", true},
	    {"ff02::1", true},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sockaddr_in v4 = {.sin_family = AF_INET};
		struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
		bool is4 = inet_pton(AF_INET, cases[i].text, &v4.sin_addr) == 1;
		if (!is4)
			assert_int_equal(inet_pton(AF_INET6, cases[i].text, &v6.sin6_addr), 1);
		if (address_is_private(is4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6) !=
		    cases[i].hidden)
			fail_msg("%s", cases[i].text);
	}
}

/* What must not even be tried. */
static void test_refused(void **state)
{
	(void)state;
	static const char *const urls[] = {"http://127.0.0.1:9/", "https://127.0.0.1:9/",
	    "https://localhost:9/", "https://[::1]:9/", "file:///etc/passwd", "ftp://127.0.0.1/",
	    "http://example.jp/"};
	for (size_t i = 0; i < COUNT(urls); i++) {
		struct arena *a = arena_new();
		struct fetch f = {.url = urls[i]};
		struct fetch_answer answer;
		struct err err = {0};
		assert_int_equal(fetch(a, &f, &answer, &err), -ERR_IO);
		if (strncmp(urls[i], "https", 5) == 0)
			assert_non_null(strstr(err.detail, "own network"));
		arena_free(a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_private),
	    cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
