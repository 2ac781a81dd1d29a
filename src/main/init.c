/* machi init: a city's folder, its settings and its store. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "main/cli.h"
#include "main/demo.h"
#include "main/init.h"

enum { BASE_URL_MAX = 100 }; /* it stands in the journal's name, see struct tree_head */

static int file_is_new(const char *path, struct err *err)
{
	return access(path, F_OK) == 0
	           ? err_set(err, ERR_CONFLICT, NULL, "%s is there already", path)
	           : 0;
}

int city_file_write(
    const struct settings *s, const struct new_city *n, const char *dir, struct err *err)
{
	struct buf yaml = {0};
	buf_puts(&yaml, "# This city's settings; machi serve --help lists them.\nname:\n  ja: ");
	buf_json(&yaml, str_from(n->name)); /* a JSON text is a YAML text */
	buf_puts(&yaml, "\n  en: ");
	buf_json(&yaml, str_from(n->name_en));
	buf_printf(&yaml, "\ndemo: %s\n", n->demo ? "true" : "false");
	if (n->host) {
		buf_puts(&yaml, "hosts:\n  - ");
		buf_json(&yaml, str_from(n->host));
		buf_putc(&yaml, '\n');
	}
	if (n->base_url) {
		buf_puts(&yaml, "base-url: ");
		buf_json(&yaml, str_from(n->base_url));
		buf_putc(&yaml, '\n');
	}
	if (n->demo)
		buf_puts(&yaml,
		    "mayor:\n"
		    "  ja: 讃岐 さくら\n"
		    "  en: Sakura Sanuki\n"
		    "credits:\n"
		    "  - label:\n"
		    "      ja: 高松市オープンデータ（組織・施設・町の名前、CC BY 4.0）\n"
		    "      en: Takamatsu City Open Data (offices, facilities, towns; CC BY 4.0)\n"
		    "    href: https://github.com/takamatsu-city/opendata\n");
	buf_puts(&yaml, "store: ");
	buf_json(&yaml, str_from(settings_get(s, "store")));
	buf_putc(&yaml, '\n');
	struct buf file = {0};
	buf_printf(&file, "%s/city.yaml", dir);
	int rc = file_is_new(file.p, err);
	if (rc == 0)
		rc = dir_make(dir, 0700, err);
	if (rc == 0)
		rc = file_write(file.p, buf_to_str(&yaml), 0600, err);
	buf_free(&file);
	buf_free(&yaml);
	return rc;
}

/* The name that the journal has in its signed heads (C2SP checkpoint: a URL without its scheme) is
 * given before the first entry and stays: heads under another name are another journal for those
 * who keep them. */
static int begin(struct db *db, void *arg, struct err *err)
{
	const struct new_city *n = arg;
	char origin[BASE_URL_MAX + sizeof("/journal")];
	int rc = n->demo ? store_note_making(db, "init", err) : 0;
	if (rc < 0 || !n->base_url)
		return rc;
	(void)snprintf(origin, sizeof(origin), "%s/journal", strstr(n->base_url, "://") + 3);
	return meta_set(db, "journal.origin", origin, err);
}

static int end(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return store_note_making(db, "", err);
}

/* The store before it is a city's. A demo goes into an empty one: that of another city must not be
 * noted as being made. */
static int begin_store(const struct store_options *o, const struct new_city *n, struct err *err)
{
	struct store *st;
	bool empty = false;
	int rc = store_open(o, &st, err);
	if (rc == 0)
		rc = store_is_empty(st, &empty, err);
	if (rc == 0 && n->demo && !empty)
		rc = err_set(err, ERR_CONFLICT, NULL, "the store has tables already");
	if (rc == 0)
		rc = store_migrate(st, NULL, 0, NULL, NULL, err);
	if (rc == 0)
		rc = store_write(st, begin, (void *)n, err);
	store_close(st);
	return rc;
}

/* Whether an init that was ended left this store. What cannot be looked at is no such store. */
static bool is_left(const struct store_options *o, const char *file, struct err *err)
{
	struct err none;
	struct store *st = NULL;
	char *by = "";
	struct arena *a = arena_new();
	bool left = (!file || access(file, F_OK) == 0) && store_open(o, &st, &none) == 0 &&
	            store_making(st, a, &by, &none) == 1 && strcmp(by, "init") == 0;
	arena_free(a);
	/* The one who makes it is at work still. */
	bool busy = left && store_serve(st, err) < 0;
	store_close(st);
	return left && !busy;
}

/* Takes away what an init left that was ended before the city was whole. */
static int clear_left(
    struct arena *a, const struct store_options *o, const char *dir, struct err *err)
{
	const char *file = strncmp(o->url, "sqlite:", 7) == 0 ? o->url + 7 : NULL;
	*err = (struct err){0};
	if (!is_left(o, file, err))
		return -(int)err->kind;
	if (!file) /* it may hold more than this city */
		return err_set(err, ERR_CONFLICT, NULL,
		    "machi init was ended before the city was whole: empty its database, then "
		    "try again");
	/* The one that says what it is goes last. */
	const char *const paths[] = {arena_printf(a, "%s/city.yaml", dir),
	    arena_printf(a, "%s-wal", file), arena_printf(a, "%s-shm", file), file};
	for (size_t i = 0; i < COUNT(paths); i++)
		if (unlink(paths[i]) != 0 && errno != ENOENT)
			return err_set(err, ERR_IO, NULL, "%s: %s", paths[i], strerror(errno));
	return 0;
}

static int make_city(const struct settings *s, const struct new_city *n, struct err *err)
{
	struct arena *a = arena_new();
	const char *dir = arena_printf(a, "%s/%s", settings_get(s, "data"), n->id);
	const char *file = arena_printf(a, "%s/city.yaml", dir);
	json_t *settings = settings_for_city(s, NULL);
	struct store_options o = {.url = city_store_url(a, dir, settings), .dir = dir};
	json_decref(settings);
	struct city *city = NULL;
	int rc = clear_left(a, &o, dir, err);
	if (rc == 0 && (rc = file_is_new(file, err)) == 0 && (rc = dir_make(dir, 0700, err)) == 0) {
		if (n->demo || n->base_url)
			rc = begin_store(&o, n, err);
		if (rc == 0)
			rc = city_file_write(s, n, dir, err);
		if (rc == 0)
			rc = city_open(s, dir, true, &city, err);
		if (rc == 0 && n->demo && (rc = demo_fill(city, n->size, n->seed, err)) == 0)
			rc = store_write(city->store, end, NULL, err);
		if (rc < 0)
			(void)unlink(file); /* init can be tried again */
	}
	city_close(city);
	arena_free(a);
	return rc;
}

/* Without the slash at its end. */
static int base_url_of(const struct settings *s, struct arena *a, const char **out, struct err *err)
{
	const char *url = settings_get(s, "base-url");
	*out = NULL;
	if (!url)
		return 0;
	struct str u = str_from(url), host = u;
	while (str_ends(u, "/"))
		u.n--;
	if (str_starts(u, "https://"))
		host = (struct str){u.p + 8, u.n - 8};
	else if (str_starts(u, "http://"))
		host = (struct str){u.p + 7, u.n - 7};
	bool plain = host.p != u.p && host.n > 0 && host.n <= BASE_URL_MAX && host.p[0] != '/';
	for (size_t i = 0; plain && i < host.n; i++)
		plain = host.p[i] > ' ' && host.p[i] < 0x7f && !strchr("\"\\<>?#@", host.p[i]);
	if (!plain)
		return err_set(err, ERR_INPUT, NULL,
		    "--base-url is the address that people use, like https://www.city.example (got "
		    "%.60s)",
		    url);
	*out = str_dup(a, u);
	return 0;
}

static bool has_city(const char *data)
{
	DIR *d = opendir(data);
	bool found = false;
	for (struct dirent *e; d && (e = readdir(d));) {
		struct buf path = {0};
		buf_printf(&path, "%s/%s/city.yaml", data, e->d_name);
		found = found || access(path.p, F_OK) == 0;
		buf_free(&path);
	}
	if (d)
		(void)closedir(d); /* only read from */
	return found;
}

int init_demo_if_empty(const struct settings *s, struct err *err)
{
	if (has_city(settings_get(s, "data")))
		return 0;
	struct new_city demo = {.id = "demo",
	    .name = "街市",
	    .name_en = "Machi City",
	    .demo = true,
	    .size = DEMO_SIZE_DEFAULT,
	    .seed = DEMO_SEED_DEFAULT};
	struct arena *a = arena_new();
	int rc = base_url_of(s, a, &demo.base_url, err);
	if (rc == 0)
		rc = make_city(s, &demo, err);
	arena_free(a);
	return rc;
}

int run_init(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	struct new_city n = {.size = DEMO_SIZE_DEFAULT, .seed = DEMO_SEED_DEFAULT};
	const char *size = cli_option(&argc, argv, "demo-size");
	const char *seed = cli_option(&argc, argv, "seed");
	n.demo = cli_flag(&argc, argv, "demo") || size;
	n.id = cli_option(&argc, argv, "city");
	n.name = cli_option(&argc, argv, "name");
	n.name_en = cli_option(&argc, argv, "name-en");
	n.host = cli_option(&argc, argv, "host");
	if (!n.id)
		n.id = n.demo ? "demo" : "city";
	if (!n.name)
		n.name = "街市";
	if (!n.name_en)
		n.name_en = "Machi City";
	if (size && !str_to_i64(str_from(size), 1, DEMO_SIZE_MAX, &n.size))
		return cli_usage("init", "--demo-size is a number of applications", size);
	if (seed && !str_to_i64(str_from(seed), 0, INT64_MAX, &n.seed))
		return cli_usage("init", "--seed is a number", seed);
	if (!cli_city_id(n.id))
		return cli_usage("init", "--city takes small letters, digits and -", n.id);
	int code = cli_settings("init", &argc, argv, &s);
	if (code != EXIT_OK)
		return code;
	struct arena *a = arena_new();
	if (argc > 0)
		code = cli_usage("init", "unknown word", argv[0]);
	else if (base_url_of(s, a, &n.base_url, &err) < 0 || make_city(s, &n, &err) < 0)
		code = cli_fail("init", &err);
	arena_free(a);
	if (code == EXIT_OK)
		printf("%s/%s is ready. Next: machi serve --data %s\n", settings_get(s, "data"),
		    n.id, settings_get(s, "data"));
	settings_free(s);
	return code;
}
