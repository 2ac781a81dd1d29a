/* A city's own roles: custom/roles.yaml. What it names replaces the program's role of that name,
 * what it adds comes after them.
 *
 *   roles:
 *     - name: welfare
 *       title: {ja: 福祉担当, en: Welfare officer}
 *       permissions: [application.read, application.check]
 *       procedures: [child-allowance]        # left out: every one
 *       fields: [basic, personal, sensitive] # left out: basic, personal
 *       whole-city: false
 *       home: /staff
 *   posts:                                   # the first that fits counts; else the rank's role
 *     - {rank: 係員, department: "2100", role: welfare}
 */
#include <stdarg.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "identity/rights/private.h"

static const char kept; /* key of store_keep() */

#define FILE_NAME "custom/roles.yaml"

struct reading {
	struct arena *arena;
	const char *name; /* of the file, for problems */
	const json_t *lines;
	struct role *roles;
	struct post_role *posts;
	struct role_set *set;
	FILE *out; /* where problems are told; NULL: only the first is kept */
	char first[400];
	int problems;
};

static void problem(struct reading *r, const char *path, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void problem(struct reading *r, const char *path, const char *fmt, ...)
{
	char text[256];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); /* a long name is cut */
	va_end(args);
	char line[400];
	(void)snprintf(line, sizeof(line), "%s:%lld: %s", r->name,
	    (long long)json_integer_value(json_object_get(r->lines, path)), text);
	if (r->out)
		fprintf(r->out, "%s\n", line);
	if (!r->problems++)
		(void)snprintf(r->first, sizeof(r->first), "%s", line);
}

static const struct perm *perm_find(const char *name)
{
	for (int m = 0; m < nmodules; m++)
		for (int i = 0; i < modules[m]->nperms; i++)
			if (text_eq(modules[m]->perms[i].name, name))
				return &modules[m]->perms[i];
	return NULL;
}

static const char *perm_nearest(struct arena *a, const char *name)
{
	int n = 0;
	for (int m = 0; m < nmodules; m++)
		n += modules[m]->nperms;
	const char **names = arena_array(a, (size_t)n + 1, sizeof(*names));
	n = 0;
	for (int m = 0; m < nmodules; m++)
		for (int i = 0; i < modules[m]->nperms; i++)
			names[n++] = modules[m]->perms[i].name;
	return name_nearest(name, names, n);
}

static const char *text_of(struct reading *r, const json_t *value)
{
	const char *s = json_string_value(value);
	return s ? arena_strdup(r->arena, s) : NULL;
}

/* Names that are not known here are told. */
static void known_names(
    struct reading *r, const char *path, const json_t *o, const char *const *names, int n)
{
	const char *name;
	json_t *value;
	json_object_foreach((json_t *)o, name, value)
	{
		bool known = false;
		for (int i = 0; i < n; i++)
			known = known || strcmp(names[i], name) == 0;
		const char *near = known ? NULL : name_nearest(name, names, n);
		if (!known)
			problem(r, arena_printf(r->arena, "%s%s%s", path, path[0] ? "." : "", name),
			    "\"%s\" is not known here%s%s", name, near ? "; did you mean " : "",
			    near ? near : "");
	}
}

/* A list of texts, NULL-terminated; NULL when the name is absent. */
static const char *const *list_of(
    struct reading *r, const char *path, const json_t *role, const char *name)
{
	json_t *list = json_object_get(role, name), *item;
	size_t i;
	if (!list)
		return NULL;
	const char **out = arena_array(r->arena, json_array_size(list) + 1, sizeof(*out));
	if (!json_is_array(list))
		problem(
		    r, arena_printf(r->arena, "%s.%s", path, name), "%s is a list: [a, b]", name);
	json_array_foreach(list, i, item)
	{
		out[i] = text_of(r, item);
		if (!out[i]) {
			problem(r, arena_printf(r->arena, "%s.%s", path, name),
			    "%s holds texts only", name);
			out[i] = "";
		}
	}
	return out;
}

static void read_perms(struct reading *r, const char *path, struct role *role)
{
	for (const char *const *p = role->perms; *p; p++) {
		const char *near = perm_find(*p) ? NULL : perm_nearest(r->arena, *p);
		if (!perm_find(*p))
			problem(r, arena_printf(r->arena, "%s.permissions", path),
			    "there is no permission \"%s\"%s%s (docs/rights.md lists them)", *p,
			    near ? "; did you mean " : "", near ? near : "");
	}
}

static unsigned read_classes(struct reading *r, const char *path, const json_t *item)
{
	const char *const *names = list_of(r, path, item, "fields");
	unsigned bits = 1u << CLASS_BASIC | (names ? 0 : 1u << CLASS_PERSONAL);
	for (; names && *names; names++) {
		int c = field_class_parse(*names);
		if (c < 0)
			problem(r, arena_printf(r->arena, "%s.fields", path),
			    "\"%s\" is no class of fields: basic, personal, sensitive, my-number",
			    *names);
		else
			bits |= 1u << c;
	}
	return bits;
}

static bool name_is_plain(const char *s)
{
	return s && s[0] && strlen(s) <= 40 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_-") == strlen(s);
}

static void read_role(struct reading *r, const char *path, const json_t *item)
{
	static const char *const names[] = {
	    "name", "title", "permissions", "procedures", "fields", "whole-city", "home"};
	static const char *const none[] = {NULL};
	known_names(r, path, item, names, COUNT(names));
	struct role role = {
	    .name = text_of(r, json_object_get(item, "name")),
	    .title_ja = text_of(r, json_object_get(json_object_get(item, "title"), "ja")),
	    .title_en = text_of(r, json_object_get(json_object_get(item, "title"), "en")),
	    .perms = list_of(r, path, item, "permissions"),
	    .procedures = list_of(r, path, item, "procedures"),
	    .whole_city = json_is_true(json_object_get(item, "whole-city")),
	    .home = text_of(r, json_object_get(item, "home")),
	    .classes = read_classes(r, path, item),
	};
	const char *at = arena_printf(r->arena, "%s.name", path);
	if (!name_is_plain(role.name)) {
		problem(r, json_object_get(r->lines, at) ? at : "roles",
		    "a role needs a name of small letters, digits, - and _");
		return;
	}
	int i = role_find(r->set, role.name);
	for (int k = roles_built_in.n; i >= roles_built_in.n && k < r->set->n; k++)
		if (i == k)
			problem(r, at, "the role \"%s\" is there twice: take one away", role.name);
	if (!role.title_ja && (i < 0 || i >= roles_built_in.n))
		problem(r, at, "the role \"%s\" needs a title: {ja: …, en: …}", role.name);
	if (!role.perms) {
		problem(
		    r, at, "the role \"%s\" needs permissions: [application.read, …]", role.name);
		role.perms = none;
	}
	read_perms(r, path, &role);
	if (role.home && (role.home[0] != '/' || role.home[1] == '/')) {
		problem(r, arena_printf(r->arena, "%s.home", path),
		    "home is a path of this site: /staff");
		role.home = NULL;
	}
	if (i < 0 && r->set->n == ROLES_MAX) {
		problem(r, at, "more than %d roles", ROLES_MAX);
		return;
	}
	r->roles[i < 0 ? r->set->n++ : i] = role;
}

static void read_post(struct reading *r, const char *path, const json_t *item)
{
	static const char *const names[] = {"rank", "department", "role"};
	known_names(r, path, item, names, COUNT(names));
	const char *role = json_string_value(json_object_get(item, "role")),
	           *rank = json_string_value(json_object_get(item, "rank"));
	struct post_role post = {.rank = rank_parse(rank),
	    .department = text_of(r, json_object_get(item, "department")),
	    .role = role_find(r->set, role)};
	if (post.rank < 0)
		problem(r, arena_printf(r->arena, "%s.rank", path),
		    "rank is one of 係員 係長 課長 部長 市長");
	if (post.role < 0)
		problem(r, arena_printf(r->arena, "%s.role", path), "there is no role \"%s\"",
		    role ? role : "");
	else if (r->set->list[post.role].whole_city)
		problem(r, arena_printf(r->arena, "%s.role", path),
		    "\"%s\" is for the whole city: it is granted, and comes with no post", role);
	else if (post.rank >= 0)
		r->posts[r->set->nposts++] = post;
}

static void read_all(struct reading *r, const json_t *file)
{
	static const char *const names[] = {"roles", "posts"};
	known_names(r, "", file, names, COUNT(names));
	json_t *roles = json_object_get(file, "roles"), *posts = json_object_get(file, "posts");
	json_t *item;
	size_t i;
	r->roles = arena_array(r->arena, ROLES_MAX, sizeof(*r->roles));
	memcpy(r->roles, roles_built_in.list, (size_t)roles_built_in.n * sizeof(*r->roles));
	r->posts = arena_array(r->arena, json_array_size(posts) + 1, sizeof(*r->posts));
	r->set = arena_new_of(r->arena, struct role_set);
	*r->set = (struct role_set){
	    .list = r->roles, .n = roles_built_in.n, .posts = r->posts, .arena = r->arena};
	json_array_foreach(roles, i, item)
	{
		read_role(r, arena_printf(r->arena, "roles[%zu]", i), item);
	}
	json_array_foreach(posts, i, item)
	{
		read_post(r, arena_printf(r->arena, "posts[%zu]", i), item);
	}
}

static int read_text(struct reading *r, struct str text, struct err *err)
{
	json_t *file = NULL, *lines = json_object();
	int rc = yaml_json(text, r->name, &file, lines, err);
	if (rc == 0) {
		r->lines = lines;
		read_all(r, file);
		r->lines = NULL;
		rc = r->problems ? err_set(err, ERR_INPUT, NULL, "%s", r->first) : 1;
	}
	json_decref(file);
	json_decref(lines);
	return rc;
}

/* 0: there is none. The set lives on the reading's arena. */
static int read_file(struct reading *r, const char *dir, struct err *err)
{
	struct str text;
	r->name = FILE_NAME;
	int rc = file_read(r->arena, arena_printf(r->arena, "%s/" FILE_NAME, dir), &text, err);
	if (rc == -(int)ERR_MISSING)
		return 0;
	return rc < 0 ? rc : read_text(r, text, err);
}

int roles_parse(
    struct arena *a, const char *name, struct str text, FILE *out, const struct role_set **set)
{
	struct reading r = {.arena = a, .name = name, .out = out};
	struct err err;
	if (read_text(&r, text, &err) < 0 && !r.problems) {
		fprintf(out, "%s\n", err.detail);
		r.problems = 1;
	}
	*set = r.set;
	return r.problems;
}

int roles_read(const char *dir, struct arena *a, const struct role_set **out, struct err *err)
{
	struct reading r = {.arena = a};
	int rc = read_file(&r, dir, err);
	*out = rc > 0 ? r.set : &roles_built_in;
	return rc < 0 ? rc : 0;
}

int roles_check_city(const char *dir, FILE *out)
{
	struct reading r = {.arena = arena_new(), .out = out};
	struct err err;
	int rc = read_file(&r, dir, &err);
	if (rc < 0 && !r.problems) {
		fprintf(out, "%s\n", err.detail);
		r.problems = 1;
	}
	arena_free(r.arena);
	return r.problems;
}

int roles_load(struct city *city, struct err *err)
{
	if (!city->dir)
		return 0;
	struct reading r = {.arena = arena_new()};
	struct role_set *former = store_kept(city->store, &kept);
	int rc = read_file(&r, city->dir, err);
	if (rc == 0 && former) { /* the file was taken away: the program's own again */
		r.set = arena_new_of(r.arena, struct role_set);
		*r.set = roles_built_in;
		r.set->arena = r.arena;
		rc = 1;
	}
	if (rc <= 0) {
		arena_free(r.arena);
		return rc;
	}
	/* Requests in flight may still read the former ones. */
	r.set->former = former;
	store_keep(city->store, &kept, r.set, NULL);
	return 0;
}

void roles_close(struct city *city)
{
	struct role_set *set = city->store ? store_kept(city->store, &kept) : NULL;
	if (set)
		store_keep(city->store, &kept, NULL, NULL);
	while (set) {
		struct role_set *former = set->former;
		arena_free(set->arena);
		set = former;
	}
}

const struct role_set *roles_of(struct db *db)
{
	const struct role_set *set = store_kept(db_store(db), &kept);
	return set ? set : &roles_built_in;
}
