/* The operator's commands: migrate, check, verify, version. */
#include <stdio.h>
#include <unistd.h>

#include "base/progress.h"
#include "identity/identity.h"
#include "main/cli.h"
#include "oidc/oidc.h"
#include "procedure/catalogue.h"

/* --- migrate --- */

int run_migrate(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	struct city **cities;
	int n;
	int code = cli_settings("migrate", &argc, argv, &s);
	if (code != EXIT_OK)
		return code;
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

/* The city's store, to look at; *st is NULL when it fails. */
static int look_at(
    struct arena *a, const char *dir, const json_t *settings, struct store **st, struct err *err)
{
	struct store_options o = {.url = city_store_url(a, dir, settings), .dir = dir};
	/* Looking does not make a store. */
	if (strncmp(o.url, "sqlite:", 7) == 0 && access(o.url + 7, F_OK) != 0)
		return err_set(err, ERR_MISSING, NULL, "%s is not there", o.url);
	return store_open(&o, st, err);
}

/* What outsiders know the city by. */
static int show_city(struct arena *a, const json_t *settings, struct db *db, struct err *err)
{
	const char *base = json_string_value(json_object_get(settings, "base-url"));
	char *origin = NULL;
	int rc = meta_get(db, a, "journal.origin", &origin, err);
	printf("base-url: %s\n",
	    base ? base : "not set; links in mails and QR codes lead to this machine only");
	if (rc >= 0)
		printf("journal: %s\n",
		    origin ? origin : "named after its key (machi init had no --base-url)");
	return rc < 0 ? rc : 0;
}

static int check_city(
    const struct settings *s, struct arena *a, const char *dir, int *problems, struct err *err)
{
	json_t *settings;
	struct store *st = NULL;
	int rc = city_settings(s, dir, &settings, err);
	if (rc < 0)
		return rc;
	rc = look_at(a, dir, settings, &st, err);
	struct db *db = st ? store_reader(st, err) : NULL;
	if (rc == 0 && !db)
		rc = -(int)ERR_STORE;
	/* The definitions are looked at also when the store cannot be. */
	*problems = procedures_check_city(dir, db, stdout);
	*problems += roles_check_city(dir, stdout);
	*problems += zones_check(dir, stdout);
	*problems += city_check_texts(dir, stdout);
	*problems += oidc_check_city(dir, stdout);
	if (rc == 0)
		rc = show_city(a, settings, db, err);
	store_close(st);
	json_decref(settings);
	return rc;
}

/* A file of roles; with a city also whose rights it would change there. */
static int check_roles(const struct settings *s, struct arena *a, const char *dir, const char *file,
    int *problems, struct err *err)
{
	json_t *settings = NULL;
	struct store *st = NULL;
	struct db *db = NULL;
	int rc = dir ? city_settings(s, dir, &settings, err) : 0;
	if (rc == 0 && dir)
		rc = look_at(a, dir, settings, &st, err);
	if (rc == 0 && dir && !(db = store_reader(st, err)))
		rc = -(int)err->kind;
	if (rc == 0)
		rc = roles_check_file(file, dir, db, stdout, err);
	*problems = rc > 0 ? rc : 0;
	store_close(st);
	json_decref(settings);
	return rc < 0 ? rc : 0;
}

int run_check(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	const char *id = cli_option(&argc, argv, "city"), *roles = cli_option(&argc, argv, "roles");
	int code = cli_settings("check", &argc, argv, &s);
	if (code != EXIT_OK)
		return code;
	struct arena *a = arena_new();
	const char *dir = id ? arena_printf(a, "%s/%s", settings_get(s, "data"), id) : NULL;
	int problems = 0;
	int rc = 0;
	if (roles)
		rc = check_roles(s, a, dir, roles, &problems, &err);
	else if (argc > 0)
		problems = procedures_check_files((const char *const *)argv, argc, stdout);
	else if (!dir)
		problems = procedures_check_city(NULL, NULL, stdout);
	else
		rc = check_city(s, a, dir, &problems, &err);
	if (rc < 0) {
		(void)cli_fail("check", &err);
		problems++;
	}
	arena_free(a);
	settings_free(s);
	if (problems < 0)
		return EXIT_FAILED;
	printf("%d %s\n", problems, problems == 1 ? "problem" : "problems");
	return problems ? EXIT_PROBLEMS : EXIT_OK;
}

/* --- verify --- */

int run_verify(int argc, char **argv)
{
	struct cli_city o;
	int code = cli_city_open("verify", &argc, argv, &o);
	if (code != EXIT_OK)
		return code;
	if (argc != 0)
		return cli_city_close(&o, cli_usage("verify", "unknown word", argv[0]));
	const struct journal_verifier *verifiers[64];
	int n = 0;
	for (int i = 0; i < nmodules; i++)
		for (int k = 0; k < modules[i]->nverifiers; k++)
			verifiers[n++] = modules[i]->verifiers[k];
	struct err err = {0};
	struct verify_report report;
	struct progress *p = progress_new("verify");
	int rc = journal_verify(o.city->store, verifiers, n, cli_progress, p, &report, &err);
	progress_free(p);
	if (rc < 0)
		return cli_city_close(&o, cli_fail("verify", &err));
	printf("entries: %lld\nrecords: %lld\nfiles: %lld\nproblems: %d\n",
	    (long long)report.entries, (long long)report.subjects, (long long)report.blobs,
	    report.problems);
	if (report.problems && report.first_bad_entry >= 0)
		printf("first damaged entry: %lld: %s\n", (long long)report.first_bad_entry,
		    report.first_bad);
	else if (report.problems) /* no entry is at fault: a file, a head */
		printf("first damage: %s\n", report.first_bad);
	return cli_city_close(&o, report.problems ? EXIT_PROBLEMS : EXIT_OK);
}

int run_version(int argc, char **argv)
{
	if (argc > 0)
		return cli_usage("version", "unknown word", argv[0]);
	puts("machi " MACHI_VERSION);
	return EXIT_OK;
}
