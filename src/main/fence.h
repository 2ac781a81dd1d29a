/* The rights that `machi serve` gives up. */
#ifndef MAIN_FENCE_H
#define MAIN_FENCE_H

#include "base/settings.h"
#include "web/city.h"

/* Started as root: becomes the setting user's, or the owner of the data directory. When that is
 * root, too, it stays root and says so in the log. Before threads start and files are made. */
int serve_become(const struct settings *, struct err *);

/* No new privileges, no core dump, no tracing, no code in writable memory; files and system calls
 * are fenced in (base/confine.h). Before the cities are opened: their stores start threads. */
void serve_fence(const struct settings *);

#endif
