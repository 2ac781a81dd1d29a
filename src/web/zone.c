/* Network zones (三層の対策): from which addresses which functions answer, and with which factors.
 *
 *   zones:                       # in city.yaml
 *     - name: number
 *       title: {ja: 個人番号利用事務系, en: Number-use segment}
 *       addresses: [10.10.0.0/16]
 *       functions: [staff]       # resident, staff, a permission, or a path: /staff/users
 *       except: [identity.manage]
 *       authentication: 2        # factors that functions of staff need; left out: 1
 *
 * Without zones everything answers everywhere. Public pages always do (signing in is one). The most
 * specific range counts; what is in no zone gets what is public and the residents' own. Commands on
 * the server know no zones, so nobody is locked out for good. */
#include <stdarg.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "web/private.h"

enum { RANGES_MAX = 64, ZONES_MAX = 16, AUTHENTICATION_MAX = 3 };

static json_t *zones_of(const struct city *city)
{
	return json_object_get(city->settings, "zones");
}

/* The bits of the most specific range of the zone that holds the address; -1: none. */
static int fits(struct arena *a, const json_t *zone, const struct address *address)
{
	json_t *text;
	size_t i;
	int best = -1;
	json_array_foreach(json_object_get(zone, "addresses"), i, text)
	{
		struct address_range *r;
		struct err err;
		int n;
		const char *s = json_string_value(text);
		if (!s || address_ranges_parse(a, s, &r, &n, &err) < 0)
			continue; /* machi check says so */
		for (int k = 0; k < n; k++)
			if (r[k].bits > best && address_in(address, &r[k], 1))
				best = r[k].bits;
	}
	return best;
}

static json_t *zone_of(struct request *rq)
{
	json_t *zone, *found = NULL;
	size_t i;
	int best = -1;
	json_array_foreach(zones_of(rq->city), i, zone)
	{
		int bits = fits(rq->arena, zone, &rq->p->address);
		if (bits > best) {
			best = bits;
			found = zone;
		}
	}
	return found;
}

/* "public", "resident" or "staff". A page for whoever is signed in is public when it is about one's
 * own account; others (an application, its files) are a function of residents or of staff, as they
 * are one or the other. */
static const char *function_of(const struct request *rq)
{
	const char *perm = rq->route->perm;
	if (strcmp(perm, "public") == 0)
		return "public";
	if (strcmp(perm, "signed-in") == 0) {
		if (strncmp(rq->route->path, "/account", 8) == 0)
			return "public";
		return rq->actor.kind == ACTOR_STAFF ? "staff" : "resident";
	}
	return strcmp(perm, "resident") == 0 ? "resident" : "staff";
}

static bool listed(const json_t *list, const char *function, const struct request *rq)
{
	json_t *item;
	size_t i;
	json_array_foreach(list, i, item)
	{
		const char *s = json_string_value(item);
		size_t n = s ? strlen(s) : 0;
		if (!n)
			continue;
		if (strcmp(s, function) == 0 || strcmp(s, rq->route->perm) == 0)
			return true;
		if (s[0] == '/' && strncmp(rq->path, s, n) == 0 &&
		    (rq->path[n] == '\0' || rq->path[n] == '/' || rq->path[n] == '.'))
			return true;
	}
	return false;
}

static bool answers(const json_t *zone, const char *function, const struct request *rq)
{
	if (!zone)
		return strcmp(function, "resident") == 0;
	return listed(json_object_get(zone, "functions"), function, rq) &&
	       !listed(json_object_get(zone, "except"), function, rq);
}

static const char *title_of(const json_t *zone, const char *lang)
{
	const json_t *title = json_object_get(zone, "title");
	const char *s = json_string_value(json_object_get(title, lang));
	s = s ? s : json_string_value(json_object_get(title, "ja"));
	return s ? s : json_string_value(json_object_get(zone, "name"));
}

/* Says from where it works. */
static int refuse(struct request *rq, const char *function, struct err *err)
{
	struct buf where;
	json_t *zone;
	size_t i;
	buf_init(&where, rq->arena);
	json_array_foreach(zones_of(rq->city), i, zone)
	{
		const char *title = title_of(zone, rq->lang);
		if (title && answers(zone, function, rq))
			buf_printf(&where, "%s%s", where.n ? ", " : "", title);
	}
	rq->p->error_args =
	    json_on_arena(rq->arena, json_pack("{s:s}", "zones", where.p ? where.p : "–"));
	return err_set(
	    err, ERR_DENIED, "web.zone.refused", "%s does not answer to %s", rq->path, rq->address);
}

int zone_check(struct request *rq, struct err *err)
{
	if (!zones_of(rq->city) || rq->actor.kind == ACTOR_ANONYMOUS)
		return 0;
	const char *function = function_of(rq);
	if (strcmp(function, "public") == 0)
		return 0;
	const json_t *zone = zone_of(rq);
	if (!answers(zone, function, rq))
		return refuse(rq, function, err);
	int64_t level = 1;
	(void)str_to_i64(str_from(json_string_value(json_object_get(zone, "authentication"))), 1,
	    AUTHENTICATION_MAX, &level); /* looked at by machi check */
	if (strcmp(function, "staff") != 0 || rq->actor.level >= level)
		return 0;
	return authenticator_demand(rq, (int)level, err);
}

/* --- machi check --- */

struct checking {
	struct arena *arena;
	const json_t *lines;
	FILE *out;
	int problems;
	struct {
		struct address_range range;
		const char *text, *zone;
	} ranges[RANGES_MAX];
	int n;
};

static void problem(struct checking *c, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void problem(struct checking *c, const char *path, const char *fmt, ...)
{
	va_list args;
	fprintf(c->out,
	    "city.yaml:%lld: ", (long long)json_integer_value(json_object_get(c->lines, path)));
	va_start(args, fmt);
	vfprintf(c->out, fmt, args);
	va_end(args);
	fputc('\n', c->out);
	c->problems++;
}

static void check_functions(
    struct checking *c, const char *path, const json_t *zone, const char *name)
{
	json_t *list = json_object_get(zone, name), *item;
	size_t i;
	const char *at = arena_printf(c->arena, "%s.%s", path, name);
	if (list && !json_is_array(list))
		problem(c, at, "%s is a list: [staff]", name);
	json_array_foreach(list, i, item)
	{
		const char *s = json_string_value(item);
		bool known =
		    s && (s[0] == '/' || strcmp(s, "staff") == 0 || strcmp(s, "resident") == 0);
		for (int m = 0; s && m < nmodules && !known; m++)
			for (int k = 0; k < modules[m]->nperms; k++)
				known = known || strcmp(modules[m]->perms[k].name, s) == 0;
		if (!known)
			problem(c, at,
			    "\"%s\" is no function: resident, staff, a permission, or a path",
			    s ? s : "");
	}
}

static void check_ranges(struct checking *c, const char *path, const json_t *zone, const char *name)
{
	json_t *list = json_object_get(zone, "addresses"), *item;
	size_t i;
	const char *at = arena_printf(c->arena, "%s.addresses", path);
	if (!json_is_array(list) || json_array_size(list) == 0)
		problem(c, path, "the zone \"%s\" needs addresses: [10.1.0.0/16]", name);
	json_array_foreach(list, i, item)
	{
		struct address_range *r;
		struct err err;
		int n;
		const char *s = json_string_value(item);
		if (!s || address_ranges_parse(c->arena, s, &r, &n, &err) < 0 || n != 1) {
			problem(c, at, "\"%s\" is no range of addresses (10.1.0.0/16)", s ? s : "");
			continue;
		}
		for (int k = 0; k < c->n; k++) {
			const struct address_range *o = &c->ranges[k].range;
			bool whole = o->bits == 0 || r->bits == 0 || o->bits == 96 || r->bits == 96;
			bool same = o->bits == r->bits && address_in(&r->net, o, 1);
			if (strcmp(c->ranges[k].zone, name) != 0 &&
			    (same || (!whole &&
			                 (address_in(&r->net, o, 1) || address_in(&o->net, r, 1)))))
				problem(c, at, "%s of \"%s\" overlaps with %s of \"%s\"", s, name,
				    c->ranges[k].text, c->ranges[k].zone);
		}
		if (c->n < RANGES_MAX) {
			c->ranges[c->n].range = *r;
			c->ranges[c->n].text = s;
			c->ranges[c->n++].zone = name;
		}
	}
}

static void check_zone(struct checking *c, const char *path, const json_t *zone)
{
	static const char *const names[] = {
	    "name", "title", "addresses", "functions", "except", "authentication"};
	const char *key, *name = json_string_value(json_object_get(zone, "name"));
	int64_t level;
	json_t *value;
	json_object_foreach((json_t *)zone, key, value)
	{
		bool known = false;
		for (size_t i = 0; i < COUNT(names); i++)
			known = known || strcmp(names[i], key) == 0;
		const char *near = known ? NULL : name_nearest(key, names, (int)COUNT(names));
		if (!known)
			problem(c, arena_printf(c->arena, "%s.%s", path, key),
			    "\"%s\" is not known here%s%s", key, near ? "; did you mean " : "",
			    near ? near : "");
	}
	if (!name)
		problem(c, path, "a zone needs a name");
	check_ranges(c, path, zone, name ? name : "");
	check_functions(c, path, zone, "functions");
	check_functions(c, path, zone, "except");
	const char *factors = json_string_value(json_object_get(zone, "authentication"));
	if (json_object_get(zone, "authentication") &&
	    (!factors || !str_to_i64(str_from(factors), 1, AUTHENTICATION_MAX, &level)))
		problem(c, arena_printf(c->arena, "%s.authentication", path),
		    "authentication is 1, 2 or 3");
}

/* Addresses in no zone are no mistake of the file, but of the plan: staff there see nothing. */
static void check_holes(struct checking *c)
{
	static const struct {
		const char *text, *name;
	} all[] = {{"0.0.0.0/0", "IPv4"}, {"::/0", "IPv6"}};
	for (size_t i = 0; i < COUNT(all); i++) {
		struct address_range *r;
		struct err err;
		int n;
		bool covered = false;
		(void)address_ranges_parse(c->arena, all[i].text, &r, &n, &err); /* our own text */
		for (int k = 0; k < c->n; k++)
			covered = covered || (c->ranges[k].range.bits <= r->bits &&
			                         address_in(&r->net, &c->ranges[k].range, 1));
		if (!covered)
			problem(c, "zones",
			    "some %s addresses are in no zone: functions of staff do not answer "
			    "there; give a zone %s, perhaps with functions: [resident]",
			    all[i].name, all[i].text);
	}
}

int zones_check(const char *dir, FILE *out)
{
	struct checking c = {.arena = arena_new(), .out = out};
	struct str text;
	struct err err;
	json_t *file = NULL, *lines = json_object(), *zone;
	size_t i;
	if (file_read(c.arena, arena_printf(c.arena, "%s/city.yaml", dir), &text, &err) == 0 &&
	    yaml_json(text, "city.yaml", &file, lines, &err) == 0 &&
	    json_object_get(file, "zones")) {
		json_t *zones = json_object_get(file, "zones");
		c.lines = lines;
		if (json_array_size(zones) > ZONES_MAX)
			problem(&c, "zones", "more than %d zones", ZONES_MAX);
		json_array_foreach(zones, i, zone)
		{
			check_zone(&c, arena_printf(c.arena, "zones[%zu]", i), zone);
		}
		check_holes(&c);
	}
	json_decref(file);
	json_decref(lines);
	arena_free(c.arena);
	return c.problems;
}
