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
	const char *name;     /* "smtp.url" */
	const char *value;    /* what stands for the value in --help: "URL"; NULL: yes or no */
	const char *fallback; /* default, NULL: none */
	const char *help;     /* one line */
	bool city;            /* may be set for each city in its city.yaml */
};

/* Terminated by a NULL name. */
extern const struct setting settings_table[];

struct settings;

/* Reads configuration file (--config or <data>/machi.yaml), environment and flags. Known flags are
 * taken out of argv (argc is lowered), so that what is left are the command's own words. */
int settings_load(int *argc, char **argv, struct settings **out, struct err *);
void settings_free(struct settings *);

/* The value, or NULL when there is none. Owned by settings. */
const char *settings_get(const struct settings *, const char *name);
int64_t settings_i64(const struct settings *, const char *name);
bool settings_on(const struct settings *, const char *name);

/* A city's settings as one object with dotted names as nested objects: its own file's, replaced by
 * what environment and flags say. New reference. */
json_t *settings_for_city(const struct settings *, json_t *city_file);

/* The lines for --help. */
void settings_help(FILE *);

/* A YAML file as JSON: mappings, sequences, and plain texts ("8080" stays text; true, false become
 * booleans). ERR_INPUT with line in the detail. New reference in *out. */
int yaml_json(struct str text, const char *name, json_t **out, struct err *);

#endif
