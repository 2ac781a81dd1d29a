/* Making a city. */
#ifndef MAIN_INIT_H
#define MAIN_INIT_H

#include "base/settings.h"

struct new_city {
	const char *id, *name, *name_en;
	const char *host;     /* NULL: answers to any */
	const char *base_url; /* NULL: none */
	bool demo;
	int64_t size, seed; /* of the demo */
};

/* Writes <dir>/city.yaml; ERR_CONFLICT when there is one. */
int city_file_write(
    const struct settings *, const struct new_city *, const char *dir, struct err *);

/* Makes the demo city in the data directory when there is no city in it yet; shows progress. */
int init_demo_if_empty(const struct settings *, struct err *);

#endif
