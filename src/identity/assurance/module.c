/* The table of what this folder adds to the program. Its migrations are identity's. */
#include "identity/assurance/assurance.h"

static const struct input code_inputs[] = {
    {"code", "string", false, 40}, {"next", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input level_query[] = {{"identity", "string", false, 1},
    {"authentication", "string", false, 1}, {"next", "string", false, 0}, {NULL, NULL, false, 0}};

static const struct input counter_inputs[] = {{"documents", "string", false, 20},
    {"date", "date", false, 40}, {"until", "date", false, 40}, {NULL, NULL, false, 0}};

static const struct route routes[] = {
    {HTTP_GET, "/staff/residents/{id}/proof", counter_get, .perm = "identity.prove",
        .template = "identity/proof-counter",
        .summary = "Form for documents that were looked at over the counter."},
    {HTTP_POST, "/staff/residents/{id}/proof", counter_post, .perm = "identity.prove",
        .template = "identity/proof-counter", .inputs = counter_inputs, .rate = RATE_WRITE,
        .summary = "Notes that a resident's documents were looked at (identity level 2)."},
    {HTTP_GET, "/account/assurance", assurance_get, .perm = "signed-in",
        .template = "identity/assurance", .inputs = level_query,
        .summary = "What is needed to go on, and the ways to prove it."},
    {HTTP_GET, "/account/assurance/totp", assurance_code_get, .perm = "signed-in",
        .template = "identity/form", .summary = "Form for a code that raises the session."},
    {HTTP_POST, "/account/assurance/totp", assurance_code_post, .perm = "signed-in",
        .template = "identity/form", .inputs = code_inputs,
        .summary = "Raises the session with a code of the second factor.", .rate = RATE_LOGIN},
};

static const struct sql *const statements[] = {
#define X(name) &assurance_sql[ASSURANCE_##name],
    ASSURANCE_STATEMENTS(X)
#undef X
};

static const struct journal_verifier *const verifiers[] = {
    &credential_verifier, &identifier_verifier, &proof_verifier};

const struct module assurance_module = {
    .name = "identity.assurance",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
    .statements = statements,
    .nstatements = COUNT(statements),
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
};
