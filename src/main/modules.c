/* Every module of the program: the engines, then the packs. */
#include "web/web.h"

const struct module *const modules[] = {
    &web_module,
};
const int nmodules = sizeof(modules) / sizeof(modules[0]);
