#include "document/issue.h"
#include "document/pages.h"
#include "document/private.h"

static const struct input verify_inputs[] = {
    {"code", "string", false, 40},
    {"sha256", "string", false, 64},
    {0},
};
static const struct input verify_file[] = {
    {"pdf", "file", false, 0},
    {0},
};
static const struct input compare_inputs[] = {
    {"sha256", "string", false, 64},
    {0},
};
static const struct input file_inputs[] = {
    {"download", "string", false, 5},
    {0},
};
static const struct input journal_inputs[] = {
    {"leaf", "string", false, 20},
    {0},
};
static const struct input format_inputs[] = {
    {"format", "string", false, 10},
    {0},
};
static const struct input inclusion_inputs[] = {
    {"leaf", "integer", true, 20},
    {"size", "integer", false, 20},
    {"format", "string", false, 10},
    {0},
};
static const struct input consistency_inputs[] = {
    {"from", "integer", true, 20},
    {"to", "integer", false, 20},
    {"format", "string", false, 10},
    {0},
};

static const struct route routes[] = {
    {HTTP_GET, "/verify", verify_form, .perm = "public", .template = "document/verify",
        .inputs = verify_inputs,
        .summary = "Finds a document by its verification code or SHA-256."},
    {HTTP_POST, "/verify", verify_upload, .perm = "public", .template = "document/verify",
        .inputs = verify_file, .flags = ROUTE_UPLOAD, .rate = RATE_WRITE,
        .summary = "Finds the document that an uploaded file is."},
    {HTTP_GET, "/verify/{code}", verify_show, .perm = "public", .template = "document/verified",
        .inputs = compare_inputs,
        .summary = "What the city issued under a code, with the proof from the journal."},
    {HTTP_POST, "/verify/{code}", verify_upload, .perm = "public", .template = "document/verify",
        .inputs = verify_file, .flags = ROUTE_UPLOAD, .rate = RATE_WRITE,
        .summary = "Compares an uploaded file with the document of a code."},
    {HTTP_GET, "/documents/{code}.pdf", document_file, .perm = "signed-in", .inputs = file_inputs,
        .flags = ROUTE_RAW,
        .summary = "The document's file, for the applicant and for staff with rights."},
    {HTTP_GET, "/journal", journal_page, .perm = "public", .template = "document/journal",
        .inputs = journal_inputs,
        .summary = "The public journal: its signed head and how to check it."},
    {HTTP_GET, "/journal/head", journal_head_show, .perm = "public", .inputs = format_inputs,
        .flags = ROUTE_RAW, .summary = "The newest signed head of the journal."},
    {HTTP_GET, "/journal/checkpoint", journal_checkpoint_show, .perm = "public", .flags = ROUTE_RAW,
        .summary = "The newest signed head as a C2SP signed note."},
    {HTTP_GET, "/journal/entries/{leaf}", journal_entry_show, .perm = "public",
        .inputs = format_inputs, .flags = ROUTE_RAW, .summary = "The canonical text of an entry."},
    {HTTP_GET, "/journal/inclusion", journal_inclusion_show, .perm = "public",
        .inputs = inclusion_inputs, .flags = ROUTE_RAW,
        .summary = "RFC 6962 proof that an entry is in the tree."},
    {HTTP_GET, "/journal/consistency", journal_consistency_show, .perm = "public",
        .inputs = consistency_inputs, .flags = ROUTE_RAW,
        .summary = "RFC 6962 proof that a former tree is the start of a later one."},
    {HTTP_GET, "/journal/key", journal_key_show, .perm = "public", .flags = ROUTE_RAW | ROUTE_CACHE,
        .summary = "The public key of the signed heads (Ed25519, PEM)."},
};

static const struct menu_item menu[] = {
    {.label = "document.menu.verify",
        .href = "/verify",
        .perm = "public",
        .area = "public",
        .order = 300},
    {.label = "document.menu.journal",
        .href = "/journal",
        .perm = "staff",
        .area = "staff",
        .order = 50},
};

static const struct command commands[] = {
    {
        .name = "worker",
        .summary = NULL, /* not for people */
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
    .layout_check = layout_check,
    .routes = routes,
    .nroutes = COUNT(routes),
    .menu = menu,
    .nmenu = COUNT(menu),
    .jobs = document_jobs,
    .njobs = 1,
    .commands = commands,
    .ncommands = COUNT(commands),
    .statements = document_statements,
    .nstatements = DOCUMENT_SQL_COUNT,
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
};
