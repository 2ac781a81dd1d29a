/* The operator's commands: init, migrate, check, backup, restore, verify, version. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/progress.h"
#include "main/cli.h"
#include "main/demo.h"
#include "main/init.h"
#include "procedure/catalogue.h"

/* The shared beginning of a command on one city. */
struct opened {
	struct settings *settings;
	struct city *city;
};

static int open_for(const char *command, int *argc, char **argv, struct opened *o)
{
	struct err err = {0};
	const char *id = cli_option(argc, argv, "city");
	if (settings_load(argc, argv, &o->settings, &err) < 0)
		return cli_fail(command, &err);
	if (city_open_one(o->settings, id, &o->city, &err) < 0) {
		settings_free(o->settings);
		return cli_fail(command, &err);
	}
	return EXIT_OK;
}

static int close_with(struct opened *o, int code)
{
	city_close(o->city);
	settings_free(o->settings);
	return code;
}

/* --- init --- */

struct new_city {
	const char *id, *name, *name_en, *host;
	bool demo;
	int64_t size, seed;
};

static bool id_is_plain(const char *id)
{
	return id[0] && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(id);
}

/* Writes the city's settings file, unless there is one. */
static int write_city_file(
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
	if (n->demo)
		buf_puts(&yaml, "credits:\n"
				"  - label:\n"
				"      ja: 高松市オープンデータ（組織・施設・町の名前、CC BY 4.0）\n"
				"      en: Takamatsu City Open Data (offices, facilities, towns; CC BY 4.0)\n"
				"    href: https://github.com/takamatsu-city/opendata\n");
	buf_puts(&yaml, "store: ");
	buf_json(&yaml, str_from(settings_get(s, "store")));
	buf_putc(&yaml, '\n');
	struct buf file = {0};
	buf_printf(&file, "%s/city.yaml", dir);
	int rc = access(file.p, F_OK) == 0
	             ? err_set(err, ERR_CONFLICT, NULL, "%s is there already", file.p)
	             : dir_make(dir, 0700, err);
	if (rc == 0)
		rc = file_write(file.p, buf_to_str(&yaml), 0600, err);
	buf_free(&file);
	buf_free(&yaml);
	return rc;
}

static int make_city(const struct settings *s, const struct new_city *n, struct err *err)
{
	struct arena *a = arena_new();
	const char *dir = arena_printf(a, "%s/%s", settings_get(s, "data"), n->id);
	int rc = write_city_file(s, n, dir, err);
	struct city *city = NULL;
	if (rc == 0)
		rc = city_open(s, dir, true, &city, err);
	if (rc == 0 && n->demo)
		rc = demo_fill(city, n->size, n->seed, err);
	if (rc < 0 && rc != -(int)ERR_CONFLICT)
		(void)unlink(arena_printf(a, "%s/city.yaml", dir)); /* init can be tried again */
	city_close(city);
	arena_free(a);
	return rc;
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
	return make_city(s, &demo, err);
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
	if (!id_is_plain(n.id))
		return cli_usage("init", "--city takes small letters, digits and -", n.id);
	if (settings_load(&argc, argv, &s, &err) < 0)
		return cli_fail("init", &err);
	int code = argc > 0 ? cli_usage("init", "unknown word", argv[0])
	           : make_city(s, &n, &err) < 0 ? cli_fail("init", &err)
	                                        : EXIT_OK;
	if (code == EXIT_OK)
		printf("%s/%s is ready. Next: machi serve --data %s\n", settings_get(s, "data"), n.id,
		    settings_get(s, "data"));
	settings_free(s);
	return code;
}

/* --- migrate --- */

int run_migrate(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	struct city **cities;
	int n;
	if (settings_load(&argc, argv, &s, &err) < 0)
		return cli_fail("migrate", &err);
	if (argc > 0) {
		settings_free(s);
		return cli_usage("migrate", "unknown word", argv[0]);
	}
	int rc = cities_open(s, true, &cities, &n, &err);
	if (rc == 0) {
		printf("%d %s up to date\n", n, n == 1 ? "city is" : "cities are");
		cities_close(cities, n);
	}
	settings_free(s);
	return rc < 0 ? cli_fail("migrate", &err) : EXIT_OK;
}

/* --- check --- */

int run_check(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	const char *id = cli_option(&argc, argv, "city");
	if (settings_load(&argc, argv, &s, &err) < 0)
		return cli_fail("check", &err);
	struct arena *a = arena_new();
	int problems = 0;
	if (argc > 0)
		problems = procedures_check_files((const char *const *)argv, argc, stdout);
	else
		problems = procedures_check_city(
		    id ? arena_printf(a, "%s/%s", settings_get(s, "data"), id) : NULL, stdout);
	arena_free(a);
	settings_free(s);
	if (problems < 0)
		return EXIT_FAILED;
	printf("%d %s\n", problems, problems == 1 ? "problem" : "problems");
	return problems ? EXIT_PROBLEMS : EXIT_OK;
}

/* --- backup and restore --- */

static void show_progress(void *arg, int64_t done, int64_t total)
{
	progress_set(arg, done, total);
}

int run_backup(int argc, char **argv)
{
	struct opened o;
	int code = open_for("backup", &argc, argv, &o);
	if (code != EXIT_OK)
		return code;
	if (argc != 1)
		return close_with(&o, cli_usage("backup", "one target is wanted", NULL));
	struct err err = {0};
	struct progress *p = progress_new("backup");
	int rc = store_backup(o.city->store, argv[0], show_progress, p, &err);
	progress_free(p);
	return close_with(&o, rc < 0 ? cli_fail("backup", &err) : EXIT_OK);
}

int run_restore(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	const char *id = cli_option(&argc, argv, "city");
	if (settings_load(&argc, argv, &s, &err) < 0)
		return cli_fail("restore", &err);
	if (argc != 1 || (id && !id_is_plain(id))) {
		settings_free(s);
		return cli_usage("restore", "one backup is wanted", NULL);
	}
	struct arena *a = arena_new();
	const char *dir = arena_printf(a, "%s/%s", settings_get(s, "data"), id ? id : "city");
	const char *url = settings_get(s, "store");
	if (strncmp(url, "sqlite:", 7) == 0 && url[7] != '/')
		url = arena_printf(a, "sqlite:%s/%s", dir, url + 7);
	struct store_options target = {.url = url, .dir = dir};
	struct progress *p = progress_new("restore");
	int rc = dir_make(dir, 0700, &err);
	if (rc == 0)
		rc = store_restore(argv[0], &target, show_progress, p, &err);
	progress_free(p);
	/* A city that was lost with its folder can be served again; its own file is kept. */
	struct new_city n = {.name = "街市", .name_en = "Machi City"};
	struct err there;
	if (rc == 0 && (rc = write_city_file(s, &n, dir, &there)) < 0)
		rc = there.kind == ERR_CONFLICT ? 0 : (err = there, rc);
	arena_free(a);
	settings_free(s);
	return rc < 0 ? cli_fail("restore", &err) : EXIT_OK;
}

/* --- verify --- */

int run_verify(int argc, char **argv)
{
	struct opened o;
	int code = open_for("verify", &argc, argv, &o);
	if (code != EXIT_OK)
		return code;
	if (argc != 0)
		return close_with(&o, cli_usage("verify", "unknown word", argv[0]));
	const struct journal_verifier *verifiers[64];
	int n = 0;
	for (int i = 0; i < nmodules; i++)
		for (int k = 0; k < modules[i]->nverifiers; k++)
			verifiers[n++] = modules[i]->verifiers[k];
	struct err err = {0};
	struct verify_report report;
	struct progress *p = progress_new("verify");
	int rc = journal_verify(o.city->store, verifiers, n, show_progress, p, &report, &err);
	progress_free(p);
	if (rc < 0)
		return close_with(&o, cli_fail("verify", &err));
	printf("entries: %lld\nrecords: %lld\nfiles: %lld\nproblems: %d\n", (long long)report.entries,
	    (long long)report.subjects, (long long)report.blobs, report.problems);
	if (report.problems)
		printf("first damaged entry: %lld: %s\n", (long long)report.first_bad_entry,
		    report.first_bad);
	return close_with(&o, report.problems ? EXIT_PROBLEMS : EXIT_OK);
}

int run_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("machi " MACHI_VERSION);
	return EXIT_OK;
}
