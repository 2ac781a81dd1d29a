/* The demo city: fictional people and staff in real departments, applications in every state. */
#ifndef MAIN_DEMO_H
#define MAIN_DEMO_H

#include "web/city.h"

enum { DEMO_SIZE_DEFAULT = 400, DEMO_SEED_DEFAULT = 20261121, DEMO_SIZE_MAX = 10000000 };

/* Fills an empty, open city: departments, staff, residents, `size` applications. The same seed
 * makes the same city. Shows progress. */
int demo_fill(struct city *, int64_t size, int64_t seed, struct err *);

#endif
