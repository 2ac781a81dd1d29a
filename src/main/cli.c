#include "main/cli.h"

#include <stdio.h>
#include <string.h>

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
