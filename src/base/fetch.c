#include "base/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static pthread_once_t started = PTHREAD_ONCE_INIT;

static void start(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

void fetch_start(void)
{
	(void)pthread_once(&started, start);
}

/* --- where to --- */

static bool v4_is_private(uint32_t ip)
{
	static const struct {
		uint32_t net;
		int bits;
	} ranges[] = {
	    {0x00000000, 8},  /* this network */
	    {0x0a000000, 8},  /* private */
	    {0x64400000, 10}, /* shared with the carrier */
	    {0x7f000000, 8},  /* this machine */
	    {0xa9fe0000, 16}, /* link */
	    {0xac100000, 12}, /* private */
	    {0xc0000000, 24}, /* protocol assignments */
	    {0xc0a80000, 16}, /* private */
	    {0xc6120000, 15}, /* benchmarks */
	    {0xe0000000, 3},  /* multicast, reserved, broadcast */
	};
	for (size_t i = 0; i < COUNT(ranges); i++)
		if ((ip ^ ranges[i].net) >> (32 - ranges[i].bits) == 0)
			return true;
	return false;
}

static bool v6_is_private(const unsigned char ip[16])
{
	static const unsigned char zeros[12];
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
	if (memcmp(ip, zeros, 12) == 0 || memcmp(ip, mapped, 12) == 0 ||
	    memcmp(ip, nat64, 12) == 0) {
		uint32_t v4 = (uint32_t)ip[12] << 24 | (uint32_t)ip[13] << 16 |
		              (uint32_t)ip[14] << 8 | ip[15];
		return v4_is_private(v4); /* :: and ::1 are in 0.0.0.0/8 */
	}
	return (ip[0] & 0xe0) != 0x20; /* global unicast is 2000::/3 */
}

bool address_is_private(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return v4_is_private(ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr));
	if (sa->sa_family == AF_INET6)
		return v6_is_private(((const struct sockaddr_in6 *)sa)->sin6_addr.s6_addr);
	return true;
}

/* The address as it is connected to, after the name was looked up: a name cannot mean one address
 * when it is checked and another when it is used. */
static curl_socket_t open_public(void *refused, curlsocktype purpose, struct curl_sockaddr *to)
{
	if (purpose == CURLSOCKTYPE_IPCXN && address_is_private(&to->addr)) {
		*(bool *)refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* --- what comes back --- */

struct reading {
	struct buf body;
	size_t max;
	bool too_long;
};

static size_t take(char *from, size_t size, size_t n, void *arg)
{
	struct reading *r = arg;
	if (r->body.n + size * n > r->max) {
		r->too_long = true;
		return 0;
	}
	buf_add(&r->body, from, size * n);
	return size * n;
}

static const char *encoded(struct arena *a, const char *text)
{
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	buf_url(&b, str_from(text));
	return b.p;
}

/* Plain HTTP only to this machine, and only where that is allowed at all. */
static bool is_this_machine(const char *url)
{
	static const char *const hosts[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
	for (size_t i = 0; i < COUNT(hosts); i++) {
		size_t n = strlen(hosts[i]);
		if (strncasecmp(url, hosts[i], n) == 0 && (url[n] == ':' || url[n] == '/'))
			return true;
	}
	return false;
}

int fetch(struct arena *a, const struct fetch *f, struct fetch_answer *out, struct err *err)
{
	char why[CURL_ERROR_SIZE] = "";
	bool refused = false;
	struct reading r = {.max = f->max ? f->max : FETCH_MAX};
	buf_init(&r.body, a);
	buf_puts(&r.body, "");
	fetch_start();
	CURL *c = curl_easy_init();
	if (!c)
		return err_set(err, ERR_IO, NULL, "libcurl cannot start");
	struct curl_slist *headers = curl_slist_append(
	    NULL, arena_printf(a, "Accept: %s", f->accept ? f->accept : "application/json"));
	if (f->bearer)
		headers = curl_slist_append(
		    headers, arena_printf(a, "Authorization: Bearer %s", f->bearer));
	if (f->bytes.p)
		headers =
		    curl_slist_append(headers, arena_printf(a, "Content-Type: %s", f->bytes_type));
	bool machine = f->private_addresses && is_this_machine(f->url);
	curl_easy_setopt(c, CURLOPT_URL, f->url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR,
	    f->plain  ? "http,https"
	    : machine ? "http"
	              : "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, 5L);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)FETCH_SECONDS);
	curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "machi");
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &r);
	if (!f->private_addresses) {
		curl_easy_setopt(c, CURLOPT_OPENSOCKETFUNCTION, open_public);
		curl_easy_setopt(c, CURLOPT_OPENSOCKETDATA, &refused);
	}
	if (f->ca && f->ca[0])
		curl_easy_setopt(c, CURLOPT_CAINFO, f->ca);
	if (f->user) {
		curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(c, CURLOPT_USERNAME, encoded(a, f->user));
		curl_easy_setopt(c, CURLOPT_PASSWORD, encoded(a, f->password ? f->password : ""));
	}
	if (f->body)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->body);
	if (f->bytes.p) {
		curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->bytes.n);
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, f->bytes.p);
	}
	CURLcode code = curl_easy_perform(c);
	long status = 0;
	char *type = NULL;
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &type);
	*out = (struct fetch_answer){.status = (int)status,
	    .body = buf_to_str(&r.body),
	    .type = type ? arena_strndup(a, type, strcspn(type, "; ")) : ""};
	curl_slist_free_all(headers);
	curl_easy_cleanup(c);
	if (code == CURLE_OK)
		return 0;
	return err_set(err, ERR_IO, NULL, "%s: %s", f->url,
	    refused      ? "an address that only our own network reaches"
	    : r.too_long ? "the answer is too long"
	    : why[0]     ? why
	                 : curl_easy_strerror(code));
}
