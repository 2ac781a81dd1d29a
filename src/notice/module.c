#include "notice/pages.h"
#include "notice/private.h"

static const struct input outbox_inputs[] = {
    {"state", "string", false, 20},
    {"before", "integer", false, 20},
    {0},
};

static const struct route routes[] = {
    {HTTP_GET, "/staff/outbox", outbox_show, .perm = "operate", .template = "notice/outbox",
        .inputs = outbox_inputs, .summary = "Mails by state, newest first."},
    {HTTP_GET, "/staff/outbox/{id}", outbox_one, .perm = "operate", .template = "notice/one",
        .summary = "One mail with its text."},
    {HTTP_POST, "/staff/outbox/{id}/send", outbox_send, .perm = "operate", .rate = RATE_WRITE,
        .summary = "Sends a mail (again)."},
    {HTTP_POST, "/staff/outbox/{id}/discard", outbox_discard, .perm = "operate", .rate = RATE_WRITE,
        .summary = "Gives a mail up and forgets its text."},
};

static const struct menu_item menu[] = {
    {.label = "notice.menu.outbox",
        .href = "/staff/outbox",
        .perm = "operate",
        .area = "admin",
        .order = 890},
};

const struct module notice_module = {
    .name = "notice",
    .slot = -1,
    .migrations = true,
    .routes = routes,
    .nroutes = COUNT(routes),
    .menu = menu,
    .nmenu = COUNT(menu),
    .jobs = notice_jobs,
    .njobs = 2,
    .statements = notice_statements,
    .nstatements = NOTICE_SQL_COUNT,
};
