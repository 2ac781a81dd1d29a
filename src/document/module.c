#include "document/issue.h"
#include "document/private.h"
#include "web/web.h"

static const struct command commands[] = {
    {
        .name = "worker",
        .summary = "(started by machi itself)",
        .help =
            "machi worker\n\n"
            "The helper process that lays out documents. machi serve starts it when it is needed;\n"
            "it speaks on file descriptor 3 and has nothing to say to people.",
        .run = worker_main,
    },
};

static const struct journal_verifier *const verifiers[] = {&document_verifier};

const struct module document_module = {
    .name = "document",
    .slot = -1,
    .migrations = true,
    .jobs = document_jobs,
    .njobs = 1,
    .commands = commands,
    .ncommands = COUNT(commands),
    .statements = document_statements,
    .nstatements = DOCUMENT_SQL_COUNT,
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
};
