#include "main/cli.h"

#include <stdio.h>
#include <string.h>

#include "base/progress.h"

static void take(int *argc, char **argv, int at, int n)
{
	for (int i = at; i + n < *argc; i++)
		argv[i] = argv[i + n];
	*argc -= n;
}

const char *cli_option(int *argc, char **argv, const char *name)
{
	size_t n = strlen(name);
	for (int i = 0; i < *argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0 || strncmp(argv[i] + 2, name, n) != 0)
			continue;
		const char *rest = argv[i] + 2 + n;
		if (*rest == '=') {
			take(argc, argv, i, 1);
			return rest + 1;
		}
		if (*rest == '\0' && i + 1 < *argc) {
			const char *value = argv[i + 1];
			take(argc, argv, i, 2);
			return value;
		}
	}
	return NULL;
}

bool cli_flag(int *argc, char **argv, const char *name)
{
	for (int i = 0; i < *argc; i++) {
		if (strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i] + 2, name) == 0) {
			take(argc, argv, i, 1);
			return true;
		}
	}
	return false;
}

int cli_usage(const char *command, const char *what, const char *word)
{
	fprintf(stderr, "machi %s: %s%s%s\nTry: machi %s --help\n", command, what, word ? ": " : "",
	    word ? word : "", command);
	return EXIT_USAGE;
}

int cli_fail(const char *command, const struct err *err)
{
	fprintf(stderr, "machi %s: %s\n", command,
	    err->detail[0] ? err->detail : err_kind_name(err->kind));
	return EXIT_FAILED;
}

int cli_settings(const char *command, int *argc, char **argv, struct settings **out)
{
	struct err err = {0};
	if (settings_load(argc, argv, out, &err) == 0)
		return EXIT_OK;
	(void)cli_fail(command, &err);
	return err.kind == ERR_INPUT ? EXIT_USAGE : EXIT_FAILED;
}

bool cli_city_id(const char *id)
{
	return id[0] && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(id);
}

int cli_city_open(const char *command, int *argc, char **argv, struct cli_city *o)
{
	struct err err = {0};
	const char *id = cli_option(argc, argv, "city");
	int code = cli_settings(command, argc, argv, &o->settings);
	if (code != EXIT_OK)
		return code;
	if (city_open_one(o->settings, id, &o->city, &err) < 0) {
		settings_free(o->settings);
		return cli_fail(command, &err);
	}
	return EXIT_OK;
}

int cli_city_close(struct cli_city *o, int code)
{
	city_close(o->city);
	settings_free(o->settings);
	return code;
}

void cli_progress(void *arg, int64_t done, int64_t total)
{
	progress_set(arg, done, total);
}
