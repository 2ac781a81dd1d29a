/* Making a city. */
#ifndef MAIN_INIT_H
#define MAIN_INIT_H

#include "base/settings.h"

/* Makes the demo city in the data directory when there is no city in it yet; shows progress. */
int init_demo_if_empty(const struct settings *, struct err *);

#endif
