/* machi rights: roles × permissions and routes × permissions, as Markdown. docs/permissions.md is
 * its output, so that whoever changes a right sees it in the diff, and tests/http/rights.test.mjs
 * holds the server to it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/settings.h"
#include "identity/private.h"
#include "main/cli.h"

static const char mark[] = "✓";

static void heads(struct buf *out, const struct role_set *set)
{
	for (int i = 0; i < set->n; i++)
		buf_printf(out, " %s |", set->list[i].name);
	buf_printf(out, "\n|---|");
	for (int i = 0; i < set->n; i++)
		buf_printf(out, ":-:|");
	buf_puts(out, "\n");
}

static void cells(struct buf *out, const struct role_set *set,
    bool (*has)(const struct role *, const void *), const void *what)
{
	for (int i = 0; i < set->n; i++)
		buf_printf(out, " %s |", has(&set->list[i], what) ? mark : "");
	buf_puts(out, "\n");
}

static bool has_perm(const struct role *role, const void *perm)
{
	return role_has(role, perm);
}

static bool has_class(const struct role *role, const void *class)
{
	return role->classes >> *(const int *)class & 1;
}

static bool has_no_department(const struct role *role, const void *none)
{
	(void)none;
	return role->whole_city;
}

static void print_roles(struct buf *out, const struct role_set *set)
{
	buf_printf(out, "## What each role may do\n\n| permission |");
	heads(out, set);
	for (int m = 0; m < nmodules; m++)
		for (int i = 0; i < modules[m]->nperms; i++) {
			buf_printf(out, "| %s |", modules[m]->perms[i].name);
			cells(out, set, has_perm, modules[m]->perms[i].name);
		}
	buf_printf(out,
	    "\n## Which classes of fields it shows, and whether it is for the whole city "
	    "only\n\n| |");
	heads(out, set);
	for (int c = 0; c < CLASS_COUNT; c++) {
		buf_printf(out, "| %s |", field_class_name((enum field_class)c));
		cells(out, set, has_class, &c);
	}
	buf_printf(out, "| whole city |");
	cells(out, set, has_no_department, NULL);
	buf_printf(out, "\n## Which role comes with a post\n\n| rank | role |\n|---|---|\n");
	for (int i = 0; i < RANK_COUNT; i++)
		buf_printf(out, "| %s | %s |\n", rank_name((enum rank)i),
		    set->list[role_of_post(set, (enum rank)i, STR(""))].name);
	for (int i = 0; i < set->nposts; i++)
		if (set->posts[i].department)
			buf_printf(out, "| %s (%s) | %s |\n",
			    rank_name((enum rank)set->posts[i].rank), set->posts[i].department,
			    set->list[set->posts[i].role].name);
}

static int by_path(const void *a, const void *b)
{
	const struct route *x = *(const struct route *const *)a,
	                   *y = *(const struct route *const *)b;
	int order = strcmp(x->path, y->path);
	return order ? order : (int)x->method - (int)y->method;
}

static void print_routes(struct buf *out)
{
	int n = 0, at = 0;
	for (int m = 0; m < nmodules; m++)
		n += modules[m]->nroutes;
	const struct route **all = arena_array(out->arena, (size_t)n + 1, sizeof(*all));
	for (int m = 0; m < nmodules; m++)
		for (int i = 0; i < modules[m]->nroutes; i++)
			all[at++] = &modules[m]->routes[i];
	qsort(all, (size_t)n, sizeof(*all), by_path);
	buf_printf(
	    out, "\n## What each route asks for\n\n| | route | permission |\n|---|---|---|\n");
	for (int i = 0; i < n; i++)
		buf_printf(out, "| %s | %s | %s |\n", method_name(all[i]->method), all[i]->path,
		    all[i]->perm);
}

static void print(struct buf *out, const struct role_set *set)
{
	buf_printf(out,
	    "# Roles, permissions, routes\n\n"
	    "Written by `machi rights`, never by hand; a test compares it with the program.\n"
	    "`public` is everybody, `signed-in` every account, `resident` and `staff` those of "
	    "that kind; all others are\npermissions that a role gives. Many pages of staff then "
	    "ask for more, in the department of what they show.\n\n");
	print_roles(out, set);
	print_routes(out);
}

int run_rights(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	const char *city = cli_option(&argc, argv, "city");
	int code = cli_settings("rights", &argc, argv, &s);
	if (code != EXIT_OK)
		return code;
	struct arena *a = arena_new();
	const struct role_set *set = &roles_built_in;
	if (argc > 0)
		code = cli_usage("rights", "unknown word", argv[0]);
	else if (city && !cli_city_id(city))
		code = cli_usage("rights", "no name of a city", city);
	else if (city && roles_read(arena_printf(a, "%s/%s", settings_get(s, "data"), city), a,
	                     &set, &err) < 0)
		code = cli_fail("rights", &err);
	if (code == EXIT_OK) {
		struct buf out;
		buf_init(&out, a);
		print(&out, set);
		(void)fwrite(out.p, 1, out.n, stdout); /* a closed pipe wants no more */
	}
	arena_free(a);
	settings_free(s);
	return code;
}
