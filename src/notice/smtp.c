/* The mail server, through libcurl. */
#include "notice/private.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/fetch.h"

enum { CONNECT_SECONDS = 10, ALL_SECONDS = 60 };

static size_t read_message(char *to, size_t size, size_t n, void *arg)
{
	struct str *rest = arg;
	size_t room = size * n, some = rest->n < room ? rest->n : room;
	memcpy(to, rest->p, some);
	rest->p += some;
	rest->n -= some;
	return some;
}

static size_t ignore(char *from, size_t size, size_t n, void *arg)
{
	(void)from;
	(void)arg;
	return size * n;
}

/* Is the server on this machine? By its name or number alone, whole: "localhost.example.jp" is
 * somewhere else. */
static bool is_loopback(struct arena *a, const char *url)
{
	const char *host = strstr(url, "://");
	host = host ? host + 3 : url;
	if (strncmp(host, "[::1]", 5) == 0)
		return true;
	host = arena_strndup(a, host, strcspn(host, ":/"));
	struct in_addr ip;
	return strcasecmp(host, "localhost") == 0 ||
	       (inet_pton(AF_INET, host, &ip) == 1 && ntohl(ip.s_addr) >> 24 == IN_LOOPBACKNET);
}

int smtp_send(struct arena *a, const struct smtp *s, const char *from, const char *to,
    struct str message, struct err *err)
{
	char why[CURL_ERROR_SIZE] = "";
	fetch_start();
	CURL *c = curl_easy_init();
	if (!c)
		return err_set(err, ERR_IO, NULL, "mail: libcurl cannot start");
	const char *path = strstr(s->url, "://");
	path = strchr(path ? path + 3 : s->url, '/');
	/* The path is the name we say with EHLO. */
	const char *url = path ? s->url : arena_printf(a, "%s/%s", s->url, s->host);
	struct curl_slist *recipients = curl_slist_append(NULL, arena_printf(a, "<%s>", to));
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)ALL_SECONDS);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, why);
	bool user = s->user && s->user[0], ca = s->ca && s->ca[0];
	if (user) {
		curl_easy_setopt(c, CURLOPT_USERNAME, s->user);
		curl_easy_setopt(c, CURLOPT_PASSWORD, s->password ? s->password : "");
	}
	if (ca)
		curl_easy_setopt(c, CURLOPT_CAINFO, s->ca);
	/* A password goes over the network only under checked TLS. */
	if (ca || (user && !is_loopback(a, s->url))) {
		curl_easy_setopt(c, CURLOPT_USE_SSL, (long)CURLUSESSL_ALL);
	} else if (strncmp(s->url, "smtp:", 5) == 0) {
		/* Opportunistic (RFC 7435): better an unchecked certificate than no encryption. */
		curl_easy_setopt(c, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	curl_easy_setopt(c, CURLOPT_MAIL_FROM, arena_printf(a, "<%s>", from));
	curl_easy_setopt(c, CURLOPT_MAIL_RCPT, recipients);
	curl_easy_setopt(c, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(c, CURLOPT_READFUNCTION, read_message);
	curl_easy_setopt(c, CURLOPT_READDATA, &message);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, ignore);
	CURLcode code = curl_easy_perform(c);
	long answer = 0;
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &answer);
	curl_slist_free_all(recipients);
	curl_easy_cleanup(c);
	if (code == CURLE_OK)
		return 0;
	/* 5xx about this mail or address (RFC 5321 §4.2.1) will be the same tomorrow; what is about
	 * the server or our password may be put right. */
	bool never = answer >= 550 && answer <= 556 && code != CURLE_LOGIN_DENIED;
	const char *text = why[0] ? why : curl_easy_strerror(code);
	return answer >= 400 /* what it said before a refusal of our own explains nothing */
	           ? err_set(err, never ? ERR_INPUT : ERR_IO, "notice.not_sent", "%s (answer %ld)",
	                 text, answer)
	           : err_set(err, ERR_IO, "notice.not_sent", "%s", text);
}
