/* What the commands of the program share. */
#ifndef MAIN_CLI_H
#define MAIN_CLI_H

#include <stdbool.h>

#include "base/err.h"
#include "base/settings.h"
#include "web/web.h"

/* Exit codes of every command. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_PROBLEMS = 3 };

#define MACHI_VERSION "0.1.0"

/* Takes "--name VALUE" or "--name=VALUE" out of argv; NULL when it is not there. */
const char *cli_option(int *argc, char **argv, const char *name);
/* Takes "--name" out of argv. */
bool cli_flag(int *argc, char **argv, const char *name);
/* Says what was wrong with the words of a command, and gives EXIT_USAGE. */
int cli_usage(const char *command, const char *what, const char *word);
/* Prints the error for a person and gives EXIT_FAILED. */
int cli_fail(const char *command, const struct err *);

/* Loads the settings and takes them out of argv. EXIT_OK, or the error is told: EXIT_USAGE when a
 * setting is wrong. */
int cli_settings(const char *command, int *argc, char **argv, struct settings **out);

/* True for what may name a city's folder: small letters, digits and -. */
bool cli_city_id(const char *);
/* The shared beginning of a command on one city: takes --city and the settings out of argv, opens
 * it. EXIT_OK, or the error is told. */
struct cli_city {
	struct settings *settings;
	struct city *city;
};
int cli_city_open(const char *command, int *argc, char **argv, struct cli_city *);
int cli_city_close(struct cli_city *, int code); /* returns code */
/* Shows done of total on the struct progress arg. */
void cli_progress(void *arg, int64_t done, int64_t total);

/* serve is in serve.c, init in init.c, backup and restore in backup.c, the other
 * commands of the operator in admin.c, their table in commands.c. */
enum { MAIN_COMMAND_COUNT = 8 };
extern const struct command main_commands[];

int run_serve(int argc, char **argv);
int run_init(int argc, char **argv);
int run_migrate(int argc, char **argv);
int run_check(int argc, char **argv);
int run_backup(int argc, char **argv);
int run_restore(int argc, char **argv);
int run_verify(int argc, char **argv);
int run_version(int argc, char **argv);

#endif
