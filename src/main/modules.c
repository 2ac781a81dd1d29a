/* Every module of the program: the engines, then the packs. */
#include "document/document.h"
#include "identity/identity.h"
#include "identity/mandate/mandate.h"
#include "identity/protect/protect.h"
#include "main/cli.h"
#include "notice/notice.h"
#include "oidc/oidc.h"
#include "procedure/mandate/pages.h"
#include "procedure/procedure.h"
#include "simulate/simulate.h"
#include "trail/trail.h"
#include "vault/module.h"
#include "procedure/protect/sight.h"
#include "web/web.h"

/* The program's own commands. */
static const struct module main_module = {
    .name = "main",
    .slot = -1,
    .commands = main_commands,
    .ncommands = MAIN_COMMAND_COUNT,
};

const struct module *const modules[] = {
    &main_module,
    &vault_module,
    &web_module,
    &identity_module,
    &assurance_module,
    &passkey_module,
    &card_module,
    &protect_module,
    &mandate_module,
    &oidc_module,
    &notice_module,
    &document_module,
    &procedure_module,
    &public_pages,
    &apply_pages,
    &application_pages,
    &correct_pages,
    &signature_pages,
    &number_pages,
    &inbox_pages,
    &staff_pages,
    &disposal_pages,
    &sight_pages,
    &mandate_own_pages,
    &mandate_staff_pages,
    &mail_pages,
    &inventory_pages,
    &export_pages,
    &bulk_pages,
    &print_pages,
    &simulate_module,
    &trail_module,
};
const int nmodules = sizeof(modules) / sizeof(modules[0]);
