/* What the request line and the header fields say, before anything is made or copied. */
#include <string.h>
#include <strings.h>

#include "web/private.h"

static void head_set(struct str *at, struct str value, bool *twice)
{
	if (at->p)
		*twice = true;
	*at = value;
}

static enum MHD_Result head_seen(void *cls, enum MHD_ValueKind kind, const char *key, size_t nkey,
    const char *text, size_t ntext)
{
	(void)kind;
	struct heads *h = cls;
	struct str v = {text ? text : "", text ? ntext : 0};
	bool again = false;
#define IS(name) (nkey == sizeof(name) - 1 && strncasecmp(key, name, nkey) == 0)
	switch (nkey) {
	case 4:
		if (IS("Host"))
			head_set(&h->host, v, &h->twice);
		break;
	case 6:
		if (IS("Cookie"))
			head_set(&h->cookie, v, &again);
		else if (IS("Accept"))
			head_set(&h->accept, v, &again);
		else if (IS("Expect"))
			head_set(&h->expect, v, &again);
		break;
	case 12:
		if (IS("Content-Type"))
			head_set(&h->content_type, v, &again);
		break;
	case 13:
		if (IS("Authorization"))
			head_set(&h->authorization, v, &again);
		else if (IS("If-None-Match"))
			head_set(&h->if_none_match, v, &again);
		break;
	case 14:
		if (IS("Content-Length"))
			head_set(&h->content_length, v, &h->twice);
		else if (IS("Sec-Fetch-Site"))
			head_set(&h->fetch_site, v, &again);
		break;
	case 15:
		if (IS("Accept-Encoding"))
			head_set(&h->accept_encoding, v, &again);
		else if (IS("Accept-Language"))
			head_set(&h->accept_language, v, &again);
		else if (IS("X-Forwarded-For"))
			head_set(&h->forwarded_for, v, &again);
		break;
	case 17:
		if (IS("Transfer-Encoding"))
			head_set(&h->transfer_encoding, v, &h->twice);
		else if (IS("X-Forwarded-Proto"))
			head_set(&h->forwarded_proto, v, &again);
		break;
	default:
		break;
	}
#undef IS
	return MHD_YES;
}

bool media_type_is(struct str header, const char *type)
{
	const char *end = header.n ? memchr(header.p, ';', header.n) : NULL;
	struct str t = str_trim((struct str){header.p, end ? (size_t)(end - header.p) : header.n});
	return t.n == strlen(type) && strncasecmp(t.p, type, t.n) == 0;
}

bool heads_want_json(const struct heads *h)
{
	enum format wanted = accept_format(h->accept);
	if (wanted != FORMAT_ANY)
		return wanted == FORMAT_JSON;
	return media_type_is(h->content_type, "application/json") || h->authorization.p;
}

/* Two lengths, or a length and a coding, are how one request is smuggled inside another
 * (RFC 9112 §6.3). */
bool heads_framing_ok(const struct heads *h)
{
	if (h->twice || (h->content_length.p && h->transfer_encoding.p))
		return false;
	if (h->transfer_encoding.p &&
	    (h->transfer_encoding.n != 7 || strncasecmp(h->transfer_encoding.p, "chunked", 7) != 0))
		return false;
	int64_t length;
	return !h->content_length.p || str_to_i64(h->content_length, 0, INT64_MAX, &length);
}

bool method_parse(const char *text, enum method *out, bool *head)
{
	*out = HTTP_GET;
	*head = strcmp(text, "HEAD") == 0;
	if (*head) {
		*out = HTTP_GET;
		return true;
	}
	for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
		if (strcmp(text, method_name((enum method)m)) == 0) {
			*out = (enum method)m;
			return true;
		}
	}
	return false;
}

/* The city that answers to a host name; a city without names answers to any. */
struct web_city *web_city_of(struct web *w, struct str host)
{
	struct web_city *any = NULL;
	if (host.n && host.p[0] != '[') { /* an IPv6 address is no city's name */
		const char *colon = memchr(host.p, ':', host.n);
		if (colon)
			host.n = (size_t)(colon - host.p);
	}
	for (int i = 0; i < w->ncities; i++) {
		const char *const *name = w->cities[i].city->hosts;
		if (!name || !*name) {
			any = any ? any : &w->cities[i];
			continue;
		}
		for (; *name; name++)
			if (strlen(*name) == host.n && strncasecmp(*name, host.p, host.n) == 0)
				return &w->cities[i];
	}
	return any;
}

bool line_parse(const struct exchange *x, const struct heads *h, struct line *out)
{
	struct str uri = {x->uri, x->uri_size};
	if (uri.n && uri.p[0] != '/') { /* absolute form: http://host/path (RFC 9112 §3.2.2) */
		const char *slashes = memmem(uri.p, uri.n, "://", 3);
		if (!slashes || slashes - uri.p > 5)
			return false;
		const char *path = memchr(slashes + 3, '/', uri.n - (size_t)(slashes + 3 - uri.p));
		uri = path ? (struct str){path, uri.n - (size_t)(path - uri.p)} : STR("/");
	}
	if (uri.n == 0)
		return false;
	const char *mark = memchr(uri.p, '?', uri.n);
	out->path = (struct str){uri.p, mark ? (size_t)(mark - uri.p) : uri.n};
	out->query = (struct str){NULL, 0};
	if (mark)
		out->query = (struct str){mark + 1, uri.n - out->path.n - 1};
	out->lang = "ja";
	out->base = "";
	if (out->path.n >= 3 && memcmp(out->path.p, "/en", 3) == 0 &&
	    (out->path.n == 3 || out->path.p[3] == '/')) {
		out->lang = "en";
		out->base = "/en";
		out->path = (struct str){out->path.p + 3, out->path.n - 3};
		if (out->path.n == 0)
			out->path = STR("/");
	} else if (out->path.n == 1) {
		/* Only the front page asks the browser; every other address says its language. */
		struct str wish = cookie_find(h->cookie, "__Host-lang");
		if (!wish.p)
			wish = cookie_find(h->cookie, "lang");
		if (str_is(wish, "en") ||
		    (!wish.p && h->accept_language.n &&
		        strcmp(accept_language(h->accept_language), "en") == 0)) {
			out->lang = "en";
			out->base = "/en";
		}
	}
	return true;
}

bool heads_have_body(const struct heads *h)
{
	return h->transfer_encoding.p || (h->content_length.p && !str_is(h->content_length, "0"));
}

void heads_read(struct MHD_Connection *mhd, struct heads *out)
{
	*out = (struct heads){0};
	(void)MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, head_seen, out); /* a count */
}
