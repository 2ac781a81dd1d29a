#include "web/city.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/progress.h"
#include "base/resource.h"
#include "web/private.h"
#include "web/template.h"

/* What a city owns beside the public struct. */
struct city_owned {
	struct city city; /* first: a struct city * is a struct city_owned * */
	struct arena *arena;
	int modules_open;
	struct city_texts
	    *texts; /* the newest first; requests in flight may still read the others */
};

const char *city_setting(const struct city *city, const char *key, const char *fallback)
{
	json_t *v = city->settings;
	struct str rest = str_from(key), part;
	while (str_cut(&rest, '.', &part))
		v = json_object_getn(v, part.p, part.n);
	return json_is_string(v) ? json_string_value(v) : fallback;
}

int64_t city_setting_i64(const struct city *city, const char *key, int64_t fallback)
{
	int64_t v;
	return str_to_i64(str_from(city_setting(city, key, NULL)), INT64_MIN, INT64_MAX, &v)
	           ? v
	           : fallback;
}

const char *city_own_path(const struct city *city, struct arena *a, const char *path)
{
	const char *own = city->dir ? arena_printf(a, "%s/custom/%s", city->dir, path) : NULL;
	if (own && access(own, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR))
		own = NULL; /* what cannot be read is told when it is read */
	return own;
}

int city_resource(
    const struct city *city, struct arena *a, const char *path, struct str *out, struct err *err)
{
	if (strstr(path, ".."))
		return err_set(err, ERR_MISSING, NULL, "no resource %s", path);
	const char *own = city_own_path(city, a, path);
	if (own)
		return file_read(a, own, out, err);
	return resource_find(path, out) ? 0
	                                : err_set(err, ERR_MISSING, NULL, "no resource %s", path);
}

struct path_list {
	struct arena *arena;
	const char **paths;
	size_t n, cap;
	const char *prefix;
};

static void path_add(struct path_list *l, const char *path)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		const char **paths = arena_array(l->arena, cap, sizeof(*paths));
		for (size_t i = 0; i < l->n; i++)
			paths[i] = l->paths[i];
		l->paths = paths;
		l->cap = cap;
	}
	l->paths[l->n++] = path;
}

static int path_embedded(void *arg, const char *path, struct str bytes)
{
	(void)bytes;
	path_add(arg, path);
	return 0;
}

/* Adds the files below dir; name is the resource path of dir, "" at the top. */
static void path_walk(struct path_list *l, const char *dir, const char *name, int depth)
{
	DIR *d = depth < 16 ? opendir(dir) : NULL;
	if (!d)
		return;
	for (struct dirent *e; (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		const char *full = arena_printf(l->arena, "%s/%s", dir, e->d_name);
		const char *path =
		    arena_printf(l->arena, "%s%s%s", name, name[0] ? "/" : "", e->d_name);
		if (e->d_type == DT_DIR)
			path_walk(l, full, path, depth + 1);
		else if (strncmp(path, l->prefix, strlen(l->prefix)) == 0)
			path_add(l, path);
	}
	(void)closedir(d); /* only read from */
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int each_path(struct path_list *l, int (*fn)(void *arg, const char *path), void *arg)
{
	if (l->n)
		qsort(l->paths, l->n, sizeof(*l->paths), compare_paths);
	int rc = 0;
	for (size_t i = 0; i < l->n && rc == 0; i++)
		if (i == 0 || strcmp(l->paths[i], l->paths[i - 1]) != 0)
			rc = fn(arg, l->paths[i]);
	arena_free(l->arena);
	return rc;
}

static void own_paths(struct path_list *l, const struct city *city)
{
	if (city->dir)
		path_walk(l, arena_printf(l->arena, "%s/custom", city->dir), "", 0);
}

int city_resource_each(
    const struct city *city, const char *prefix, int (*fn)(void *arg, const char *path), void *arg)
{
	struct path_list l = {.arena = arena_new(), .prefix = prefix};
	(void)resource_each(prefix, path_embedded, &l); /* path_embedded never stops it */
	own_paths(&l, city);
	return each_path(&l, fn, arg);
}

int city_own_each(
    const struct city *city, const char *prefix, int (*fn)(void *arg, const char *path), void *arg)
{
	struct path_list l = {.arena = arena_new(), .prefix = prefix};
	own_paths(&l, city);
	return each_path(&l, fn, arg);
}

/* --- opening --- */

int city_settings(const struct settings *s, const char *dir, json_t **out, struct err *err)
{
	struct arena *a = arena_new();
	int rc = settings_city_file(s, arena_printf(a, "%s/city.yaml", dir), out, err);
	arena_free(a);
	return rc;
}

const char *city_store_url(struct arena *a, const char *dir, const json_t *settings)
{
	const char *url = json_string_value(json_object_get(settings, "store"));
	if (!url)
		url = "sqlite:store.db";
	if (strncmp(url, "sqlite:", 7) == 0 && url[7] != '/')
		return arena_printf(a, "sqlite:%s/%s", dir, url + 7);
	return arena_strdup(a, url);
}

static void migrated(void *progress, int done, int total)
{
	progress_set(progress, done, total);
}

static int migrate_store(struct city *city, bool migrate, struct err *err)
{
	const char *names[64];
	int n = 0, pending = 0;
	for (int i = 0; i < nmodules; i++)
		if (modules[i]->migrations)
			names[n++] = modules[i]->name;
	int rc = store_pending(city->store, names, n, &pending, err);
	if (rc < 0 || pending == 0)
		return rc;
	if (!migrate)
		return err_set(err, ERR_STORE, "store.behind",
		    "%s: %d schema steps are missing; run: machi migrate", city->id, pending);
	log_info("store.migrate", "%s: %d schema steps", city->id, pending);
	struct progress *p = progress_new(city->id);
	rc = store_migrate(city->store, names, n, migrated, p, err);
	progress_free(p);
	return rc;
}

static const char *const *hosts_of(struct arena *a, json_t *settings)
{
	json_t *list = json_object_get(settings, "hosts");
	size_t n = json_array_size(list);
	const char **hosts = arena_array(a, n + 1, sizeof(*hosts));
	for (size_t i = 0; i < n; i++)
		hosts[i] = json_string_value(json_array_get(list, i));
	return hosts;
}

static int texts_reload(struct city_owned *o, struct err *err)
{
	struct city_texts *texts;
	int rc = texts_load(&o->city, &texts, err);
	if (rc < 0)
		return rc;
	texts->next = o->texts;
	o->texts = texts;
	__atomic_store_n(&o->city.i18n, texts->i18n, __ATOMIC_RELEASE);
	__atomic_store_n(&o->city.templates, texts->templates, __ATOMIC_RELEASE);
	return 0;
}

static int open_parts(struct city_owned *o, const struct settings *s, bool migrate, struct err *err)
{
	struct city *city = &o->city;
	struct arena *a = o->arena;
	int rc = city_settings(s, city->dir, &city->settings, err);
	if (rc < 0)
		return rc;
	city->hosts = hosts_of(a, city->settings);
	city->base_url = city_setting(city, "base-url", NULL);
	if (!city->base_url)
		city->base_url = arena_printf(a, "http%s://localhost:%s",
		    settings_get(s, "tls.cert") ? "s" : "", settings_get(s, "port"));
	city->demo = json_is_true(json_object_get(city->settings, "demo"));
	rc = texts_reload(o, err);
	if (rc < 0)
		return rc;
	struct store_options options = {
	    .url = city_store_url(a, city->dir, city->settings),
	    .dir = city->dir,
	    .writers = (int)city_setting_i64(city, "store-writers", 0),
	};
	rc = store_open(&options, &city->store, err);
	if (rc < 0 || (rc = migrate_store(city, migrate, err)) < 0)
		return rc;
	for (; o->modules_open < nmodules; o->modules_open++) {
		const struct module *m = modules[o->modules_open];
		if (m->city_open && (rc = m->city_open(city, err)) < 0)
			return rc;
	}
	return 0;
}

static struct city_owned *city_new(const char *dir)
{
	struct city_owned *o = calloc(1, sizeof(*o));
	if (!o)
		abort();
	o->arena = arena_new();
	o->city.dir = arena_strdup(o->arena, dir);
	const char *slash = strrchr(dir, '/');
	o->city.id = arena_strdup(o->arena, slash ? slash + 1 : dir);
	return o;
}

int city_open(
    const struct settings *s, const char *dir, bool migrate, struct city **out, struct err *err)
{
	struct city_owned *o = city_new(dir);
	int rc = open_parts(o, s, migrate, err);
	if (rc < 0) {
		city_close(&o->city);
		return err_prefix(err, "%s: ", dir);
	}
	*out = &o->city;
	return 0;
}

/* The city as far as its settings go: who asks for its names must not meet another city. */
static int city_unserved(
    const struct settings *s, const char *dir, struct city **out, struct err *err)
{
	struct city_owned *o = city_new(dir);
	int rc = city_settings(s, dir, &o->city.settings, err);
	if (rc < 0) {
		city_close(&o->city);
		return rc;
	}
	o->city.hosts = hosts_of(o->arena, o->city.settings);
	*out = &o->city;
	return 0;
}

void city_close(struct city *city)
{
	if (!city)
		return;
	struct city_owned *o = (struct city_owned *)city;
	jobs_stop(city->jobs);
	while (o->modules_open > 0) {
		const struct module *m = modules[--o->modules_open];
		if (m->city_close)
			m->city_close(city);
	}
	store_close(city->store);
	for (struct city_texts *t = o->texts, *next; t; t = next) {
		next = t->next;
		texts_free(t);
	}
	json_decref(city->settings);
	arena_free(o->arena);
	free(o);
}

void cities_close(struct city **cities, int n)
{
	for (int i = 0; i < n; i++)
		city_close(cities[i]);
	free(cities);
}

static int is_city(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int check_whole(struct city *city, struct err *err)
{
	struct arena *a = arena_new();
	char *by;
	int rc = store_making(city->store, a, &by, err);
	if (rc == 1)
		rc = err_set(err, ERR_CONFLICT, "store.unfinished",
		    "the store is not whole: machi %s was ended before its end. Run it again; it "
		    "says what must be removed first",
		    by);
	arena_free(a);
	return rc;
}

static int city_open_whole(
    const struct settings *s, const char *dir, bool migrate, struct city **out, struct err *err)
{
	int rc = city_open(s, dir, migrate, out, err);
	if (rc == 0 && (rc = check_whole(*out, err)) < 0) {
		city_close(*out);
		return err_prefix(err, "%s: ", dir);
	}
	return rc;
}

/* The folders below the data directory that have a city.yaml, in the order of their names. */
static int city_folders(struct arena *a, const char *data, const char ***out)
{
	struct dirent **names = NULL;
	int count = scandir(data, &names, is_city, alphasort), n = 0;
	*out = arena_array(a, count > 0 ? (size_t)count : 1, sizeof(**out));
	for (int i = 0; i < count; i++) {
		const char *dir = arena_printf(a, "%s/%s", data, names[i]->d_name);
		if (access(arena_printf(a, "%s/city.yaml", dir), F_OK) == 0)
			(*out)[n++] = dir;
		free(names[i]);
	}
	free(names);
	return n;
}

json_t *cities_settings(const struct settings *s)
{
	struct arena *a = arena_new();
	const char **dirs;
	int n = city_folders(a, settings_get(s, "data"), &dirs);
	json_t *all = json_object(), *one;
	for (int i = 0; i < n; i++) {
		struct err ignored = {0}; /* opening it says what is wrong */
		if (city_settings(s, dirs[i], &one, &ignored) == 0)
			json_object_set_new(all, dirs[i], one);
	}
	arena_free(a);
	return all;
}

/* Opens those that are in the data directory; with unserved, what fails stays in the list without a
 * store, and *unserved counts. */
static int open_all(const struct settings *s, bool migrate, int *unserved, struct city ***out,
    int *n, struct err *err)
{
	const char *data = settings_get(s, "data"), **dirs;
	struct arena *a = arena_new();
	int count = city_folders(a, data, &dirs), rc = 0, opened = 0;
	struct city **cities = calloc(count > 0 ? (size_t)count : 1, sizeof(*cities));
	if (!cities)
		abort();
	for (int i = 0; i < count && rc == 0; i++) {
		struct err why = {0};
		rc = city_open_whole(s, dirs[i], migrate, &cities[opened], err);
		if (rc < 0 && unserved && city_unserved(s, dirs[i], &cities[opened], &why) == 0) {
			log_error("city.unserved", "%s", err->detail);
			++*unserved;
			rc = 0;
		}
		opened += rc == 0;
	}
	arena_free(a);
	if (rc == 0 && opened == 0)
		rc = err_set(err, ERR_MISSING, NULL,
		    "no city in %s; make one with: machi init --data %s", data, data);
	if (rc == 0 && unserved && *unserved == opened)
		rc = -(int)err->kind; /* why the last one is not served */
	if (rc < 0) {
		cities_close(cities, opened);
		return rc;
	}
	*out = cities;
	*n = opened;
	return 0;
}

int cities_open(const struct settings *s, bool migrate, struct city ***out, int *n, struct err *err)
{
	return open_all(s, migrate, NULL, out, n, err);
}

int cities_open_served(const struct settings *s, struct city ***out, int *n, struct err *err)
{
	int unserved = 0;
	return open_all(s, true, &unserved, out, n, err);
}

int city_open_one(const struct settings *s, const char *id, struct city **out, struct err *err)
{
	struct city **cities;
	int n;
	if (id) {
		struct arena *a = arena_new();
		int rc = city_open(
		    s, arena_printf(a, "%s/%s", settings_get(s, "data"), id), false, out, err);
		arena_free(a);
		return rc;
	}
	int rc = cities_open(s, false, &cities, &n, err);
	if (rc < 0)
		return rc;
	if (n > 1) {
		cities_close(cities, n);
		return err_set(
		    err, ERR_INPUT, NULL, "there are %d cities; name one with --city", n);
	}
	*out = cities[0];
	free(cities);
	return 0;
}

int city_start_jobs(struct city *city, int threads, struct err *err)
{
	const struct job_kind *kinds[128];
	int n = 0;
	for (int i = 0; i < nmodules; i++)
		for (int k = 0; k < modules[i]->njobs; k++)
			kinds[n++] = &modules[i]->jobs[k];
	return jobs_start(city->store, kinds, n, threads, city, &city->jobs, err);
}

int city_reload(struct city *city, struct err *err)
{
	int rc = texts_reload((struct city_owned *)city, err);
	for (int i = 0; i < nmodules; i++)
		if (modules[i]->city_reload && modules[i]->city_reload(city, err) < 0)
			rc = err_prefix(err, "%s: ", modules[i]->name);
	return rc;
}
