#include "notice/private.h"
#include "web/web.h"

const struct module notice_module = {
    .name = "notice",
    .slot = -1,
    .migrations = true,
    .jobs = notice_jobs,
    .njobs = 2,
    .statements = notice_statements,
    .nstatements = NOTICE_SQL_COUNT,
};
