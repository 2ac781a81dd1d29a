/* The module's table. */
#include "identity/protect/private.h"

static const struct input new_inputs[] = {{"ground", "string", false, 20},
    {"opinion", "string", false, 200}, {"from", "date", false, 40}, {"until", "date", false, 40},
    {"scope", "string", false, 400}, {"received_from", "string", false, 200},
    {"forwarded_to", "string", false, 200}, {"send_to", "string", false, 300},
    {"send_mail", "string", false, 254}, {NULL, NULL, false, 0}};
static const struct input do_inputs[] = {{"name", "string", false, 60},
    {"birthday", "date", false, 40}, {"mail", "string", false, 254}, {"login", "string", false, 64},
    {"staff", "integer", false, 20}, {"opinion", "string", false, 200},
    {"reason", "string", false, 200}, {NULL, NULL, false, 0}};

#define MANAGE .perm = "protect.manage"

static const struct route routes[] = {
    {HTTP_GET, "/staff/protection", protections_get, MANAGE, .template = "identity/protections",
        .summary = "Protected persons one is named for, and the tasks before their end."},
    {HTTP_GET, "/staff/protection/new", protection_new, MANAGE, .template = "identity/form-staff",
        .summary = "Form for a new protection."},
    {HTTP_POST, "/staff/protection/new", protection_new, MANAGE, .template = "identity/form-staff",
        .inputs = new_inputs, .summary = "Makes a protection.", .rate = RATE_WRITE},
    {HTTP_GET, "/staff/protection/{id}", protection_get, MANAGE, .template = "identity/protection",
        .summary = "A protection, for those named."},
    {HTTP_POST, "/staff/protection/{id}/{do}", protection_do, MANAGE,
        .template = "identity/protection", .inputs = do_inputs,
        .summary = "Adds a person, another party or staff; extends or ends a protection.",
        .rate = RATE_WRITE},
};

static const struct perm perms[] = {
    {"protect.manage", "identity.perm.protect"},
};

static const struct menu_item menu[] = {
    {"identity.menu.protect", "/staff/protection", "protect.manage", "staff", 60},
};

static const struct journal_verifier *const verifiers[] = {&block_verifier};

const struct module protect_module = {
    .name = "identity.protect",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
    .perms = perms,
    .nperms = COUNT(perms),
    .menu = menu,
    .nmenu = COUNT(menu),
    .statements = protect_statements,
    .nstatements = PROTECT_SQL_COUNT,
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
};
