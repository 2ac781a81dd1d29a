/* The tree of all routes, compiled from the modules' tables when the server starts.
 *
 * A node is a path segment. Below a node, a written word wins over a segment with a hole
 * ("{code}.pdf", "{id}"), the hole with the longer fixed part wins over the shorter, and a rest
 * ("{path*}", the last segment only) comes last. What does not lead to a route is tried again with
 * the next candidate, so "/documents/{code}.pdf" and "/documents/{code}" may stand side by side. */
#include <ctype.h>
#include <string.h>

#include "web/private.h"

enum segment_kind { SEGMENT_WORD, SEGMENT_HOLE, SEGMENT_REST };

/* A route at the end of its path; two routes may name the same hole differently. */
struct leaf {
	const struct route *route;
	struct str names[ROUTE_PARAMS_MAX];
};

struct node {
	enum segment_kind kind;
	struct str word;                /* SEGMENT_WORD */
	struct str before, name, after; /* SEGMENT_HOLE: fixed text around the hole */
	struct node *children, *next;   /* in the order in which they are tried */
	struct leaf *leaves[HTTP_METHOD_COUNT];
	unsigned methods;
};

struct router {
	struct arena *arena;
	struct node root;
	const struct module *const *list;
	int nlist;
};

static const char *const method_names[] = {
    [HTTP_GET] = "GET", [HTTP_POST] = "POST", [HTTP_PUT] = "PUT", [HTTP_DELETE] = "DELETE"};
_Static_assert(COUNT(method_names) == HTTP_METHOD_COUNT, "a name for each method");

const char *method_name(enum method m)
{
	return method_names[m];
}

static bool segment_parse(struct str s, struct node *out)
{
	const char *open = memchr(s.p, '{', s.n), *close = memchr(s.p, '}', s.n);
	*out = (struct node){.kind = SEGMENT_WORD, .word = s};
	if (!open && !close)
		return s.n > 0;
	if (!open || !close || close < open + 2)
		return false;
	out->before = (struct str){s.p, (size_t)(open - s.p)};
	out->name = (struct str){open + 1, (size_t)(close - open - 1)};
	out->after = (struct str){close + 1, (size_t)(s.p + s.n - close - 1)};
	out->kind = SEGMENT_HOLE;
	out->word = (struct str){0};
	if (str_ends(out->name, "*")) {
		out->kind = SEGMENT_REST;
		out->name.n--;
		if (out->before.n || out->after.n)
			return false;
	}
	for (size_t i = 0; i < out->name.n; i++)
		if (!islower((unsigned char)out->name.p[i]) && out->name.p[i] != '_')
			return false;
	return out->name.n > 0 && !memchr(out->after.p, '{', out->after.n);
}

static bool same_segment(const struct node *a, const struct node *b)
{
	return a->kind == b->kind && str_eq(a->word, b->word) && str_eq(a->before, b->before) &&
	       str_eq(a->after, b->after);
}

static bool tried_before(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind;
	return a->before.n + a->after.n > b->before.n + b->after.n;
}

static struct node *child_of(struct router *r, struct node *parent, const struct node *segment)
{
	struct node **at = &parent->children;
	for (struct node *c = *at; c; c = c->next)
		if (same_segment(c, segment))
			return c;
	while (*at && !tried_before(segment, *at))
		at = &(*at)->next;
	struct node *n = arena_new_of(r->arena, struct node);
	*n = *segment;
	n->next = *at;
	*at = n;
	return n;
}

static bool perm_known(const struct router *r, const char *perm)
{
	static const char *const general[] = {"public", "signed-in", "resident", "staff"};
	for (size_t i = 0; i < COUNT(general); i++)
		if (strcmp(perm, general[i]) == 0)
			return true;
	for (int m = 0; m < r->nlist; m++)
		for (int i = 0; i < r->list[m]->nperms; i++)
			if (strcmp(perm, r->list[m]->perms[i].name) == 0)
				return true;
	return false;
}

static int route_add(
    struct router *r, const struct module *m, const struct route *route, struct err *err)
{
	if (!route->path || route->path[0] != '/' || !route->handler)
		return err_set(
		    err, ERR_INTERNAL, NULL, "%s: a route without path or handler", m->name);
	const char *method = method_names[route->method];
	if (!route->perm)
		return err_set(err, ERR_INTERNAL, NULL, "%s: %s %s has no permission", m->name,
		    method, route->path);
	if (!perm_known(r, route->perm))
		return err_set(err, ERR_INTERNAL, NULL,
		    "%s: %s %s: no module has a permission \"%s\"", m->name, method, route->path,
		    route->perm);
	if ((route->flags & ROUTE_CACHE) &&
	    (route->method != HTTP_GET || strcmp(route->perm, "public") != 0))
		return err_set(err, ERR_INTERNAL, NULL,
		    "%s: %s %s: only public pages may be cached", m->name, method, route->path);
	struct str rest = {route->path + 1, strlen(route->path) - 1}, part;
	struct node *at = &r->root;
	struct leaf *leaf = arena_new_of(r->arena, struct leaf);
	leaf->route = route;
	int depth = 0, params = 0;
	while (str_cut(&rest, '/', &part)) {
		struct node segment;
		if (at->kind == SEGMENT_REST || ++depth > PATH_DEPTH_MAX ||
		    !segment_parse(part, &segment))
			return err_set(err, ERR_INTERNAL, NULL, "%s: %s %s: bad path", m->name,
			    method, route->path);
		if (segment.kind != SEGMENT_WORD) {
			if (params == ROUTE_PARAMS_MAX)
				return err_set(err, ERR_INTERNAL, NULL, "%s: %s %s: too many holes",
				    m->name, method, route->path);
			leaf->names[params++] = segment.name;
		}
		at = child_of(r, at, &segment);
	}
	const struct leaf *taken = at->leaves[route->method];
	if (taken)
		return err_set(err, ERR_INTERNAL, NULL, "%s: %s %s: taken by %s of module %s",
		    m->name, method, route->path, taken->route->path,
		    router_module_of(r, taken->route)->name);
	at->leaves[route->method] = leaf;
	at->methods |= 1u << route->method;
	return 0;
}

int router_new(const struct module *const *list, int n, struct router **out, struct err *err)
{
	struct arena *arena = arena_new();
	struct router *r = arena_new_of(arena, struct router);
	*r = (struct router){.arena = arena, .list = list, .nlist = n};
	for (int m = 0; m < n; m++) {
		for (int i = 0; i < list[m]->nroutes; i++) {
			int rc = route_add(r, list[m], &list[m]->routes[i], err);
			if (rc < 0) {
				arena_free(arena);
				return rc;
			}
		}
	}
	*out = r;
	return 0;
}

void router_free(struct router *r)
{
	if (r)
		arena_free(r->arena);
}

const struct module *router_module_of(const struct router *r, const struct route *route)
{
	for (int m = 0; m < r->nlist; m++)
		if (route >= r->list[m]->routes && route < r->list[m]->routes + r->list[m]->nroutes)
			return r->list[m];
	return NULL;
}

struct search {
	enum method method;
	struct str segments[PATH_DEPTH_MAX];
	struct str rest[PATH_DEPTH_MAX]; /* from this segment to the end, raw */
	int n;
	struct route_match *out;
};

static bool hole_fits(const struct node *n, struct str s, struct str *value)
{
	if (s.n <= n->before.n + n->after.n || memcmp(s.p, n->before.p, n->before.n) != 0 ||
	    memcmp(s.p + s.n - n->after.n, n->after.p, n->after.n) != 0)
		return false;
	*value = (struct str){s.p + n->before.n, s.n - n->before.n - n->after.n};
	return true;
}

/* True when a route for the method was found; methods gathers those of every node that fits. */
static bool descend(struct search *s, const struct node *at, int depth)
{
	struct route_match *m = s->out;
	if (depth == s->n || at->kind == SEGMENT_REST) {
		const struct leaf *leaf = at->leaves[s->method];
		m->methods |= at->methods;
		if (!leaf)
			return false;
		m->route = leaf->route;
		memcpy(m->names, leaf->names, sizeof(m->names));
		return true;
	}
	struct str segment = s->segments[depth];
	for (const struct node *c = at->children; c; c = c->next) {
		int params = m->nparams;
		if (c->kind == SEGMENT_WORD) {
			if (!str_eq(c->word, segment))
				continue;
		} else {
			struct str value = s->rest[depth];
			if (c->kind == SEGMENT_HOLE && !hole_fits(c, segment, &value))
				continue;
			m->values[m->nparams++] = value;
		}
		if (descend(s, c, depth + 1))
			return true;
		m->nparams = params;
	}
	return false;
}

int router_find(const struct router *r, struct arena *a, struct str path, enum method method,
    struct route_match *out)
{
	struct search s = {.method = method, .out = out};
	*out = (struct route_match){0};
	if (path.n == 0 || path.p[0] != '/')
		return -(int)ERR_MALFORMED;
	struct str rest = {path.p + 1, path.n - 1};
	struct str part;
	for (struct str all = rest; str_cut(&rest, '/', &part); all = rest) {
		if (s.n == PATH_DEPTH_MAX || part.n == 0)
			return 0;
		if (!url_decode(a, part, false, &s.segments[s.n]))
			return -(int)ERR_MALFORMED;
		if (str_is(s.segments[s.n], ".") || str_is(s.segments[s.n], ".."))
			return -(int)ERR_MALFORMED;
		if (!url_decode(a, all, false, &s.rest[s.n]))
			return -(int)ERR_MALFORMED;
		s.n++;
	}
	if (path.n > 1 && path.p[path.n - 1] == '/')
		return 0; /* a path has one spelling */
	return descend(&s, &r->root, 0);
}
