/* Every module of the program: the engines, then the packs. */
#include "document/document.h"
#include "identity/identity.h"
#include "notice/notice.h"
#include "web/web.h"

const struct module *const modules[] = {
    &web_module,
    &identity_module,
    &notice_module,
    &document_module,
};
const int nmodules = sizeof(modules) / sizeof(modules[0]);
