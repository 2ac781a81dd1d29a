/* Bytes as a urlencoded body, a JSON body, a path, and as the header fields that are parsed. What
 * comes out is UTF-8 without NUL, whatever went in. */
#include <stdlib.h>

#include "web/private.h"

static void check_fields(const struct fields *f)
{
	if (f->n > FIELDS_MAX)
		abort();
	for (int i = 0; i < f->n; i++)
		if (!f->names[i][0] || !utf8_valid(str_from(f->names[i])) ||
		    !utf8_valid(str_from(f->values[i])))
			abort();
}

static void json(struct arena *a, struct str in)
{
	struct fields f = {.arena = a};
	json_t *body = NULL;
	if (json_body_parse(in, &body, NULL) == 0 && form_json_flatten(&f, body, NULL) == 0)
		check_fields(&f);
	json_decref(body);
}

static int never(struct request *rq, struct err *err)
{
	(void)rq;
	(void)err;
	return 0;
}

static void path(struct arena *a, struct str in)
{
	static const struct route routes[] = {
	    {HTTP_GET, "/", never, .perm = "public"},
	    {HTTP_GET, "/a/{b}/c", never, .perm = "public"},
	    {HTTP_GET, "/a/x{b}y", never, .perm = "public"},
	    {HTTP_GET, "/d/{e*}", never, .perm = "public"},
	};
	static const struct module m = {.name = "m", .routes = routes, .nroutes = 2};
	static const struct module n = {.name = "n", .routes = routes + 2, .nroutes = 2};
	static const struct module *const list[] = {&m, &n};
	static struct router *router;
	struct route_match found;
	if (!router && router_new(list, 2, &router, NULL) < 0)
		abort();
	if (router_find(router, a, in, HTTP_GET, &found) > 0)
		for (int i = 0; i < found.nparams; i++)
			if (!found.values[i].n || !utf8_valid(found.values[i]))
				abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct str in = {(const char *)data, size};
	struct fields f = {.arena = a};
	if (form_urlencoded_parse(&f, in, NULL) == 0)
		check_fields(&f);
	json(a, in);
	path(a, in);
	(void)cookie_find(in, "session");
	(void)accept_format(in);
	(void)accept_gzip(in);
	(void)accept_language(in);
	(void)etag_matches(in, "\"0123456789abcdef\"");
	(void)path_is_local(str_dup(a, in));
	(void)filetype_detect(in);
	unsigned char out[64];
	size_t n;
	(void)base64url_decode(in, out, sizeof(out), &n);
	struct address address;
	(void)address_parse(in, &address);
	arena_free(a);
	return 0;
}
