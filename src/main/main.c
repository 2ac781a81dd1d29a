/* machi: one program. Its commands are found in the modules' tables. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "main/cli.h"

static void list_commands(void)
{
	puts("machi: a digital city hall\n\nusage: machi COMMAND [options]\n");
	for (int i = 0; i < nmodules; i++)
		for (int k = 0; k < modules[i]->ncommands; k++)
			if (modules[i]->commands[k].summary)
				printf("  %-10s %s\n", modules[i]->commands[k].name,
				    modules[i]->commands[k].summary);
	puts("\nmachi COMMAND --help tells more.");
}

static const struct command *find_command(const char *name)
{
	for (int i = 0; i < nmodules; i++)
		for (int k = 0; k < modules[i]->ncommands; k++)
			if (strcmp(modules[i]->commands[k].name, name) == 0)
				return &modules[i]->commands[k];
	return NULL;
}

static int help(const struct command *c)
{
	static const char *const where[] = {"config", "data", NULL};
	printf("usage: %s\n\nSettings:\n", c->help);
	settings_help(stdout, c->all_settings ? NULL : where);
	puts(c->all_settings
	         ? "\nEach is also read from the environment (--smtp-url is MACHI_SMTP_URL) and "
	           "from the\n"
	           "configuration file; those from --store on also from a city's city.yaml."
	         : "\nEvery command takes all settings; machi serve --help lists them.");
	puts("Exit codes: 0 done, 1 failed, 2 wrong words or settings, 3 problems found.");
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN); /* a closed connection is an ordinary error */
	if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		if (argc > 2 && find_command(argv[2]))
			return help(find_command(argv[2]));
		list_commands();
		return argc < 2 ? EXIT_USAGE : EXIT_OK;
	}
	const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
	const struct command *c = find_command(name);
	if (!c) {
		fprintf(stderr, "machi: no command %s\nTry: machi --help\n", name);
		return EXIT_USAGE;
	}
	argc -= 2;
	argv += 2;
	if (cli_flag(&argc, argv, "help"))
		return help(c);
	log_level_set(
	    LOG_ERROR_); /* a command's own words are enough; serve logs as it is told to */
	return c->run(argc, argv);
}
