/* The table of what this folder adds to the program. Its migrations are identity's, its pages
 * src/procedure/mandate/. */
#include "identity/mandate/mandate.h"
#include "identity/private.h"

static const struct perm perms[] = {{"mandate.manage", "mandate.perm"}};

static const struct sql *const statements[] = {
#define X(name) &mandate_sql[MANDATE_SQL_##name],
    MANDATE_STATEMENTS(X)
#undef X
};

static const struct journal_verifier *const verifiers[] = {&mandate_verifier};

const struct module mandate_module = {
    .name = "identity.mandate",
    .slot = -1,
    .perms = perms,
    .nperms = COUNT(perms),
    .statements = statements,
    .nstatements = COUNT(statements),
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
};
