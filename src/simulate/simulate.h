/* `machi simulate`: stand-ins for what a city is connected to, so that anybody can try it out. */
#ifndef SIMULATE_SIMULATE_H
#define SIMULATE_SIMULATE_H

#include "web/web.h"

extern const struct module simulate_module;

#endif
