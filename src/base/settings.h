/* Settings of the process and of its cities: one table (settings.c) gives name, flag, environment
 * variable, default and help of each. Later wins: default, machi.yaml, <city>/city.yaml,
 * environment, flag. "smtp.url" is --smtp-url and MACHI_SMTP_URL. */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct setting {
	const char *name; /* "smtp.url" */
	const char
	    *value; /* what stands for the value in --help; N, BYTES, … are numbers, a|b a choice */
	const char *fallback; /* default, NULL: none */
	const char *help;     /* one line */
	bool city;            /* may be set for each city in its city.yaml */
};

/* Terminated by a NULL name. */
extern const struct setting settings_table[];

struct settings;

/* Reads configuration file (--config or <data>/machi.yaml), environment and flags. Known flags are
 * taken out of argv (argc is lowered), so that what is left are the command's own words. A name
 * that is no setting and a value of the wrong kind are ERR_INPUT, with file and line, variable or
 * flag in the detail. */
int settings_load(int *argc, char **argv, struct settings **out, struct err *);
void settings_free(struct settings *);

/* The value, or NULL when there is none. Owned by settings. */
const char *settings_get(const struct settings *, const char *name);
int64_t settings_i64(const struct settings *, const char *name);
bool settings_on(const struct settings *, const char *name);

/* A city's settings as one object with dotted names as nested objects: its own file's, replaced by
 * what environment and flags say. New reference. */
json_t *settings_for_city(const struct settings *, json_t *city_file);

/* The same of a city's file, which may hold what only a city has (name, hosts, …); checked like the
 * configuration file. ERR_MISSING when there is no such file. */
int settings_city_file(const struct settings *, const char *path, json_t **out, struct err *);

/* The lines for --help, of these names (terminated by NULL) or, with NULL, of all settings. */
void settings_help(FILE *, const char *const *names);

/* A YAML file as JSON: mappings, sequences, and plain texts ("8080" stays text; true, false become
 * booleans). ERR_INPUT with line in the detail; no name may be there twice. New reference in *out.
 * lines, an object or NULL, gets the line of each name: {"smtp": 2, "smtp.url": 3, "list": 4,
 * "list[0].name": 5}. */
int yaml_json(struct str text, const char *name, json_t **out, json_t *lines, struct err *);

#endif
