/* machi backup, machi restore. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/progress.h"
#include "main/cli.h"
#include "main/init.h"

int run_backup(int argc, char **argv)
{
	struct cli_city o;
	int code = cli_city_open("backup", &argc, argv, &o);
	if (code != EXIT_OK)
		return code;
	if (argc != 1)
		return cli_city_close(&o, cli_usage("backup", "one target is wanted", NULL));
	struct err err = {0};
	struct progress *p = progress_new("backup");
	int rc = store_backup(o.city->store, argv[0], cli_progress, p, &err);
	progress_free(p);
	return cli_city_close(&o, rc < 0 ? cli_fail("backup", &err) : EXIT_OK);
}

/* The restored settings name the store that the backup was made of: they shall name the new one.
 * The store is a text of one line, or of several that are indented. */
static int name_store(struct arena *a, const char *path, const char *url, struct err *err)
{
	struct str text, line;
	int rc = file_read(a, path, &text, err);
	if (rc < 0)
		return rc;
	struct buf out;
	buf_init(&out, a);
	bool old = false;
	while (str_cut(&text, '\n', &line)) {
		old = str_starts(line, "store:") ||
		      (old && (str_starts(line, " ") || str_starts(line, "\t")));
		if (!old && (line.n || text.n))
			buf_printf(&out, "%.*s\n", STR_ARG(line));
	}
	buf_puts(&out, "store: ");
	buf_json(&out, str_from(url)); /* a JSON text is a YAML text */
	buf_putc(&out, '\n');
	return file_write(path, buf_to_str(&out), 0600, err);
}

/* The city's folder as it was, or the store that the city's own settings there name. */
static int restore(const struct settings *s, const char *source, const char *dir, struct err *err)
{
	struct arena *a = arena_new();
	const char *path = arena_printf(a, "%s/city.yaml", dir);
	json_t *settings = NULL;
	int rc = city_settings(s, dir, &settings, err);
	bool there = rc == 0;
	if (rc == -(int)ERR_MISSING) {
		settings = settings_for_city(s, NULL);
		rc = dir_make(dir, 0700, err);
	}
	struct progress *p = progress_new("restore");
	if (rc == 0)
		rc = store_restore(source,
		    &(struct store_options){.url = city_store_url(a, dir, settings), .dir = dir},
		    cli_progress, p, err);
	progress_free(p);
	/* A city that was lost with its folder can be served again. */
	if (rc == 0 && !there && access(path, F_OK) == 0)
		rc = name_store(a, path, settings_get(s, "store"), err);
	else if (rc == 0 && !there)
		rc = city_file_write(
		    s, &(struct new_city){.name = "街市", .name_en = "Machi City"}, dir, err);
	json_decref(settings);
	arena_free(a);
	return rc;
}

/* A backup holds the keys only as they are wrapped. One of a former version has none. */
static void tell_master(const struct settings *s, const char *dir)
{
	struct arena *a = arena_new();
	struct err err = {0};
	struct store *st = NULL;
	json_t *settings = NULL;
	const char *fingerprint, *source;
	struct store_options options = {.dir = dir};
	if (city_settings(s, dir, &settings, &err) == 0) {
		options.url = city_store_url(a, dir, settings);
		struct db *db =
		    store_open(&options, &st, &err) == 0 ? store_reader(st, &err) : NULL;
		if (db && vault_needs(db, a, &fingerprint, &source, &err) > 0)
			printf(
			    "What is sealed in it opens with the master key %s, which was at %s:\n"
			    "put it there, or name its place in keys.master (docs/keys.md).\n",
			    fingerprint, source);
	}
	store_close(st);
	json_decref(settings);
	arena_free(a);
}

int run_restore(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	const char *id = cli_option(&argc, argv, "city");
	int code = cli_settings("restore", &argc, argv, &s);
	if (code != EXIT_OK)
		return code;
	struct arena *a = arena_new();
	int rc = 0;
	if (argc != 1)
		code = cli_usage("restore", "one backup is wanted", NULL);
	else if (!id)
		rc = store_backup_city(argv[0], a, &id, &err);
	if (code == EXIT_OK && rc == 0 && (!id || !cli_city_id(id)))
		code = cli_usage("restore",
		    id ? "--city takes small letters, digits and -"
		       : "the backup does not say of which city it is; say --city",
		    id);
	const char *dir = arena_printf(a, "%s/%s", settings_get(s, "data"), id ? id : "");
	if (code == EXIT_OK && (rc < 0 || (rc = restore(s, argv[0], dir, &err)) < 0))
		code = cli_fail("restore", &err);
	if (code == EXIT_OK)
		tell_master(s, dir);
	if (code == EXIT_OK)
		printf("%s is restored. Next: machi verify --data %s --city %s\n", dir,
		    settings_get(s, "data"), id);
	arena_free(a);
	settings_free(s);
	return code;
}
