/* The procedures of a city: read from packs/<pack>/procedures/<id>.yaml, the city's own ones
 * included; replaced as a whole on reload. Old versions stay in the table procedure_version for the
 * applications that were made under them. Everything here is safe to call from any thread, but
 * loading and freeing, which the city's opening, reload and close do. */
#ifndef PROCEDURE_CATALOGUE_H
#define PROCEDURE_CATALOGUE_H

#include <stdio.h>

#include "procedure/definition.h"
#include "web/city.h"

/* Where the city keeps the catalogue: city->slot[]. The module's table says the same. */
enum { SLOT_PROCEDURE = 1 };

/* Reads all definitions of the city, keeps their versions in the store (a new one is journalled as
 * "procedure.loaded"), and makes them the present ones. On a problem nothing is replaced; err names
 * the first, the log names all. */
int catalogue_load(struct city *, struct err *);
void catalogue_free(struct city *);

/* The present version; NULL when there is none. A new reference: procedure_unref(). */
struct procedure *procedure_find(struct city *, const char *id);
/* The version an application was made under, from memory or from the table procedure_version. db
 * may be a reader or a writer. A new reference; ERR_MISSING when it never was here. */
int procedure_find_version(struct city *, struct db *, const char *id, const char *version,
    struct procedure **out, struct err *);

/* All present procedures, sorted by title in Japanese order of code points; held until the arena
 * ends. Includes the catalogue entries that are not online. */
struct procedure_list {
	struct procedure **items;
	int n;
	/* What is known of the whole set; not filled in by procedures_filter(). */
	struct procedure **by_volume; /* those online, the most used first */
	int nonline;
};
struct procedure_list *procedures_of(struct city *, struct arena *);

/* Those of a list that fit; NULL or "": any. query: all its words must be in the search text. */
struct procedure_filter {
	const char *life_event, *department, *query;
	bool online_only;
};
struct procedure_list *procedures_filter(
    const struct procedure_list *, struct arena *, const struct procedure_filter *);

struct request;
/* How many there are, the inventory's entries that have no definition included: {all, ja:
 * {life_events:
 * [{key, label, count, selected: false}], departments: [{name, label, count, selected: false}]},
 * en: ...}; only those that hold something. Immutable, kept for a minute. New reference. */
int catalogue_counts(struct city *, struct request *, json_t **out, struct err *);
/* The inventory has changed: counts anew at the next question. */
void catalogue_recount(struct city *);

/* Title, summary, law, department and life events in both languages, folded by text_fold_search().
 */
const char *procedure_search_text(const struct procedure *);

/* The life events of data/life-events.csv, in its order; returns the count. */
struct life_event {
	const char *key, *kind, *ja, *en;
};
int procedure_life_events(const struct life_event **out);
bool life_event_exists(void *unused, const char *key); /* for struct definition_env */

/* Checks definition files (paths of the file system; of a folder every *.yaml below a folder
 * "procedures") and prints each problem with file, line, column and remedy. Returns the number of
 * problems, -1 when a path cannot be read (that is printed, too). For `machi check`. */
int procedures_check_files(const char *const *paths, int n, FILE *out);
/* The same for all definitions a city would load; dir NULL: the built-in ones. With its store also
 * the departments they name. */
int procedures_check_city(const char *dir, struct db *, FILE *out);

enum { CATALOGUE_STATEMENT_COUNT = 2 };
extern const struct sql *const catalogue_statements[CATALOGUE_STATEMENT_COUNT];

#endif
