/* What the web module itself answers. */
#include "web/private.h"
#include "web/sql.h"

static const struct input jobs_inputs[] = {
    {"state", "string", false, 20},
    {"before", "integer", false, 20},
    {0},
};

static const struct route routes[] = {
    {HTTP_GET, "/healthz", health_show, .perm = "public", .rate = RATE_NONE,
        .flags = ROUTE_RAW | ROUTE_NO_CSRF | ROUTE_ANY_HOST,
        .summary = "Answers 200 when the server can serve."},
    {HTTP_GET, "/metrics", metrics_show, .perm = "public", .rate = RATE_NONE,
        .flags = ROUTE_RAW | ROUTE_HIDDEN | ROUTE_ANY_HOST, .summary = "Counters for Prometheus."},
    {HTTP_GET, "/api/openapi.json", openapi_show, .perm = "public",
        .flags = ROUTE_RAW | ROUTE_CACHE | ROUTE_HIDDEN, .summary = "This description."},
    {HTTP_GET, "/assets/{path*}", asset_show, .perm = "public", .rate = RATE_NONE,
        .flags = ROUTE_RAW | ROUTE_CACHE | ROUTE_HIDDEN,
        .summary = "A style sheet, script or picture."},
    {HTTP_GET, "/staff/jobs", jobs_show, .perm = "operate", .template = "web/jobs",
        .inputs = jobs_inputs, .summary = "The queue of work by state."},
    {HTTP_POST, "/staff/jobs/{id}/retry", jobs_retry_post, .perm = "operate", .rate = RATE_WRITE,
        .summary = "Lets a failed job wait again."},
    {HTTP_POST, "/staff/jobs/{id}/discard", jobs_discard_post, .perm = "operate",
        .rate = RATE_WRITE, .summary = "Removes a job that will not be done."},
};

static const struct perm perms[] = {
    {"operate", "web.perm.operate"},
};

static const struct menu_item menu[] = {
    {.label = "web.menu.jobs",
        .href = "/staff/jobs",
        .perm = "operate",
        .area = "admin",
        .order = 900},
};

static const struct protects *const protects[] = {&web_key_protects};

const struct module web_module = {
    .name = "web",
    .slot = -1,
    .migrations = true,
    .routes = routes,
    .nroutes = COUNT(routes),
    .perms = perms,
    .nperms = COUNT(perms),
    .menu = menu,
    .nmenu = COUNT(menu),
    .statements = web_statements,
    .nstatements = NWEB_STATEMENTS,
    .protects = protects,
    .nprotects = COUNT(protects),
};
