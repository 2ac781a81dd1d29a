/* Every module of the program: the engines, then the packs. */
#include "web/web.h"

const struct module *const modules[] = {
    NULL,
};
const int nmodules = 0;
