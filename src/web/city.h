/* One municipality of this process: its store, resources, catalogues and templates. Nothing is
 * shared between two cities but code. */
#ifndef WEB_CITY_H
#define WEB_CITY_H

#include <jansson.h>
#include <stdbool.h>

#include "base/i18n.h"
#include "base/settings.h"
#include "store/jobs.h"
#include "store/store.h"

enum { CITY_SLOTS = 16 };

struct city {
	const char *id;           /* folder name and key: "takamatsu" */
	const char *const *hosts; /* host names it answers to, NULL-terminated; empty: any */
	const char *dir;          /* its data directory */
	const char
	    *base_url; /* "https://city.example" without a slash at the end; for mails and QR */
	bool demo;
	json_t *settings;    /* the city's part of the configuration, as read */
	struct store *store; /* NULL: it could not be opened, and is not served */
	struct i18n *i18n;
	struct templates *templates;
	struct job_runner *jobs;
	void *slot[CITY_SLOTS]; /* what modules keep per city, by struct module.slot */
};

/* A setting of the city ("name.ja", "smtp.url"): dots walk into objects. NULL when absent. */
const char *city_setting(const struct city *, const char *key, const char *fallback);
int64_t city_setting_i64(const struct city *, const char *key, int64_t fallback);

/* A file of the city: <dir>/custom/<path> when the city has its own, else the one built into the
 * program (templates/, i18n/, assets/, packs/ ...). On the arena; ERR_MISSING when neither is. */
int city_resource(
    const struct city *, struct arena *, const char *path, struct str *out, struct err *);
/* Calls fn once per resource path below prefix, the city's own ones included, sorted. */
int city_resource_each(
    const struct city *, const char *prefix, int (*fn)(void *arg, const char *path), void *arg);

/* The same of the files that the city brings itself. */
int city_own_each(
    const struct city *, const char *prefix, int (*fn)(void *arg, const char *path), void *arg);
/* Where the city's own file of this name is, on the arena; NULL when it has none. */
const char *city_own_path(const struct city *, struct arena *, const char *path);

/* The settings of a city's folder: its city.yaml, replaced by what environment and flags say. New
 * reference. ERR_MISSING when there is no city.yaml. */
int city_settings(const struct settings *, const char *dir, json_t **out, struct err *);
/* The same of every city below the data directory: {folder: settings}, without those that have a
 * wrong city.yaml. New reference. */
json_t *cities_settings(const struct settings *);
/* Where the store of such a city is, as store_open() wants it; on the arena. */
const char *city_store_url(struct arena *, const char *dir, const json_t *settings);

/* Opens the city of a folder that has a city.yaml: store, catalogues, templates, then every
 * module's city_open. With migrate the schema is brought up to date first, else a store that is
 * behind is ERR_STORE "store.behind". Starts no jobs. */
int city_open(
    const struct settings *, const char *dir, bool migrate, struct city **out, struct err *);
/* All cities below the data directory, in the order of their names; none is ERR_MISSING. A store
 * whose making did not end (store_making()) is an error. */
int cities_open(const struct settings *, bool migrate, struct city ***out, int *n, struct err *);
/* The same for a server: a city that cannot be opened is logged and stays in the list without a
 * store, so that its neighbours are served. When none can be opened, or a city.yaml is wrong, it
 * fails. */
int cities_open_served(const struct settings *, struct city ***out, int *n, struct err *);
/* One of them by id; id NULL: the only one. For commands. */
int city_open_one(const struct settings *, const char *id, struct city **out, struct err *);
void city_close(struct city *); /* NULL is allowed */
void cities_close(struct city **, int n);

/* Runs the modules' jobs of the city in threads; stopped by city_close(). */
int city_start_jobs(struct city *, int threads, struct err *);
/* Reads catalogues, templates and definitions anew; keeps the old ones of what fails. */
int city_reload(struct city *, struct err *);
/* Writes what is wrong with the catalogues and templates in the folder's custom/, a line each with
 * file and line; returns how many. The city need not be open. */
int zones_check(const char *dir, FILE *out); /* the same of the zones in its city.yaml */
int city_check_texts(const char *dir, FILE *out);

#endif
