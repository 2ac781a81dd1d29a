/* Clients' addresses, and ranges of them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "web/private.h"

static const unsigned char v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool address_parse(struct str s, struct address *out)
{
	char text[INET6_ADDRSTRLEN];
	s = str_trim(s);
	/* X-Forwarded-For of some proxies: "[::1]:443", "10.0.0.1:443". */
	if (s.n && s.p[0] == '[') {
		const char *end = memchr(s.p, ']', s.n);
		if (!end)
			return false;
		s = (struct str){s.p + 1, (size_t)(end - s.p - 1)};
	} else {
		const char *colon = s.n ? memchr(s.p, ':', s.n) : NULL;
		if (colon && !memchr(colon + 1, ':', s.n - (size_t)(colon + 1 - s.p)))
			s.n = (size_t)(colon - s.p);
	}
	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, out->b + 12) == 1) {
		memcpy(out->b, v4_prefix, sizeof(v4_prefix));
		return true;
	}
	return inet_pton(AF_INET6, text, out->b) == 1;
}

void address_of_socket(const struct sockaddr *sa, struct address *out)
{
	memset(out, 0, sizeof(*out));
	if (sa && sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)sa;
		memcpy(out->b, v4_prefix, sizeof(v4_prefix));
		memcpy(out->b + 12, &in->sin_addr, 4);
	} else if (sa && sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)sa;
		memcpy(out->b, &in6->sin6_addr, 16);
	}
}

void address_format(const struct address *a, char out[46])
{
	bool v4 = memcmp(a->b, v4_prefix, sizeof(v4_prefix)) == 0;
	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->b + 12 : a->b, out, 46))
		out[0] = '\0';
}

int address_ranges_parse(
    struct arena *arena, const char *text, struct address_range **out, int *n, struct err *err)
{
	struct str rest = str_from(text), part;
	size_t count = 1;
	for (const char *c = text; c && *c; c++)
		count += *c == ',';
	*out = arena_array(arena, count, sizeof(**out));
	*n = 0;
	while (str_cut(&rest, ',', &part)) {
		part = str_trim(part);
		if (part.n == 0)
			continue;
		struct address_range *r = &(*out)[*n];
		const char *slash = memchr(part.p, '/', part.n);
		struct str host = {part.p, slash ? (size_t)(slash - part.p) : part.n};
		if (!address_parse(host, &r->net))
			return err_set(
			    err, ERR_INPUT, NULL, "%.*s is not an address or range", STR_ARG(part));
		bool v4 = memcmp(r->net.b, v4_prefix, sizeof(v4_prefix)) == 0;
		int64_t bits = v4 ? 32 : 128;
		if (slash &&
		    !str_to_i64((struct str){slash + 1, part.n - host.n - 1}, 0, bits, &bits))
			return err_set(
			    err, ERR_INPUT, NULL, "%.*s: bad length of the range", STR_ARG(part));
		r->bits = (int)bits + (v4 ? 96 : 0);
		++*n;
	}
	return 0;
}

bool address_in(const struct address *a, const struct address_range *ranges, int n)
{
	for (int i = 0; i < n; i++) {
		const struct address_range *r = &ranges[i];
		size_t whole = (size_t)r->bits / 8;
		int rest = r->bits % 8;
		unsigned char mask = (unsigned char)(0xff << (8 - rest));
		if (memcmp(a->b, r->net.b, whole) == 0 &&
		    (rest == 0 || ((a->b[whole] ^ r->net.b[whole]) & mask) == 0))
			return true;
	}
	return false;
}
