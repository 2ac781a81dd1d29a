/* What every module's table must hold: one wrong line in any of them fails here, not in front of a
 * person. */
#include "base/test.h"

#include "base/resource.h"
#include "web/private.h"

static struct i18n *texts;

static int catalogue(void *arg, const char *path, struct str po)
{
	struct err err = {0};
	char lang[3] = {path[strlen(path) - 5], path[strlen(path) - 4], '\0'};
	if (i18n_load(arg, lang, path, po, &err) < 0)
		fail_msg("%s", err.detail);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	texts = i18n_new();
	(void)resource_each("i18n/", catalogue, texts); /* never stops */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	i18n_free(texts);
	return 0;
}

static void need_text(const char *module, const char *key)
{
	static const char *const langs[] = {"ja", "en"};
	if (!key)
		fail_msg("%s: a text key is missing", module);
	for (size_t i = 0; i < COUNT(langs); i++)
		if (!i18n_find(texts, langs[i], key))
			fail_msg("%s: %s has no text in %s", module, key, langs[i]);
}

static void test_router(void **state)
{
	(void)state;
	struct router *r;
	struct err err = {0};
	if (router_new(modules, nmodules, &r, &err) < 0)
		fail_msg("%s", err.detail);
	for (int m = 0; m < nmodules; m++)
		for (int i = 0; i < modules[m]->nroutes; i++)
			assert_ptr_equal(router_module_of(r, &modules[m]->routes[i]), modules[m]);
	router_free(r);
}

static void check_route(const struct module *m, const struct route *r)
{
	static const char *const types[] = {"string", "integer", "boolean", "date", "file"};
	if (!r->summary)
		fail_msg("%s: %s has no summary", m->name, r->path);
	struct str bytes;
	char path[256];
	(void)snprintf(path, sizeof(path), "templates/%s.html", r->template);
	if (r->template && !resource_find(path, &bytes))
		fail_msg("%s: %s: there is no %s", m->name, r->path, path);
	if (r->method != HTTP_GET && r->rate == RATE_NONE)
		fail_msg("%s: %s changes something and has no rate limit", m->name, r->path);
	bool file = false;
	for (const struct input *in = r->inputs; in && in->name; in++) {
		size_t k = 0;
		while (k < COUNT(types) && strcmp(types[k], in->type) != 0)
			k++;
		if (k == COUNT(types))
			fail_msg("%s: %s: input %s of unknown type %s", m->name, r->path, in->name,
			    in->type);
		file = file || strcmp(in->type, "file") == 0;
	}
	if (file && !(r->flags & ROUTE_UPLOAD))
		fail_msg("%s: %s has a file input and does not take uploads", m->name, r->path);
}

static void test_routes(void **state)
{
	(void)state;
	for (int m = 0; m < nmodules; m++)
		for (int i = 0; i < modules[m]->nroutes; i++)
			check_route(modules[m], &modules[m]->routes[i]);
}

/* What two modules keep for a city in one place, one of them reads as its own. */
static void test_slots(void **state)
{
	(void)state;
	const struct module *holder[CITY_SLOTS] = {0};
	for (int m = 0; m < nmodules; m++) {
		int slot = modules[m]->slot;
		if (slot < 0)
			continue;
		assert_true(slot < CITY_SLOTS);
		if (slot > 0 && holder[slot])
			fail_msg(
			    "%s and %s have slot %d", holder[slot]->name, modules[m]->name, slot);
		holder[slot] = modules[m];
	}
}

static void test_texts(void **state)
{
	(void)state;
	static const char *const areas[] = {"public", "resident", "staff", "admin"};
	for (int m = 0; m < nmodules; m++) {
		const struct module *mod = modules[m];
		for (int i = 0; i < mod->nperms; i++)
			need_text(mod->name, mod->perms[i].summary);
		for (int i = 0; i < mod->nmenu; i++) {
			size_t k = 0;
			need_text(mod->name, mod->menu[i].label);
			while (k < COUNT(areas) && !text_eq(areas[k], mod->menu[i].area))
				k++;
			if (k == COUNT(areas))
				fail_msg("%s: a menu entry in the unknown area %s", mod->name,
				    mod->menu[i].area);
		}
	}
	for (int kind = 1; kind < ERR_COUNT; kind++) {
		char key[64];
		(void)snprintf(
		    key, sizeof(key), "web.error.%d.title", err_http_status((enum err_kind)kind));
		need_text("web", key);
		(void)snprintf(
		    key, sizeof(key), "web.error.%d.text", err_http_status((enum err_kind)kind));
		need_text("web", key);
	}
}

/* Every menu entry leads to a page, and nobody is shown an entry that the page then refuses. */
static void test_menu(void **state)
{
	(void)state;
	struct router *r;
	struct err err = {0};
	struct arena *a = arena_new();
	assert_int_equal(router_new(modules, nmodules, &r, &err), 0);
	for (int m = 0; m < nmodules; m++) {
		for (int i = 0; i < modules[m]->nmenu; i++) {
			const struct menu_item *item = &modules[m]->menu[i];
			struct route_match found;
			const char *query = strchr(item->href, '?');
			struct str path = {
			    item->href, query ? (size_t)(query - item->href) : strlen(item->href)};
			if (router_find(r, a, path, HTTP_GET, &found) <= 0)
				fail_msg("%s: the menu leads to %s, which is no page",
				    modules[m]->name, item->href);
		}
	}
	arena_free(a);
	router_free(r);
}

static void test_openapi(void **state)
{
	(void)state;
	json_t *doc = openapi_build(modules, nmodules), *item, *operation;
	assert_non_null(doc);
	json_t *ids = json_object();
	const char *path, *method;
	json_object_foreach(json_object_get(doc, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			const char *id =
			    json_string_value(json_object_get(operation, "operationId"));
			assert_non_null(id);
			if (json_object_get(ids, id))
				fail_msg(
				    "%s %s: the operation %s is there twice", method, path, id);
			json_object_set_new(ids, id, json_true());
			assert_non_null(json_object_get(operation, "responses"));
			assert_non_null(json_object_get(operation, "security"));
		}
	}
	json_decref(ids);
	json_decref(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_router),
	    cmocka_unit_test(test_routes),
	    cmocka_unit_test(test_slots),
	    cmocka_unit_test(test_texts),
	    cmocka_unit_test(test_menu),
	    cmocka_unit_test(test_openapi),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
