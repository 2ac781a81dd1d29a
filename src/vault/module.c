/* The table of the module: what it adds to the program. */
#include "vault/module.h"
#include "vault/rotate.h"

int vault_start_all(struct store *st, const char *sources, struct err *err)
{
	static const struct protects *purposes[PURPOSES_MAX];
	int n = 0;
	for (int i = 0; i < nmodules; i++)
		for (int k = 0; k < modules[i]->nprotects && n < PURPOSES_MAX; k++)
			purposes[n++] = modules[i]->protects[k];
	return vault_start(
	    st, &(struct vault_options){.sources = sources, .purposes = purposes, .n = n}, err);
}

static int opened(struct city *city, struct err *err)
{
	return vault_start_all(city->store, city_setting(city, "keys.master", NULL), err);
}

static const struct sql *const statements[] = {
#define X(name) &vault_sql[VAULT_##name],
    VAULT_STATEMENTS(X)
#undef X
};

static const struct route routes[] = {
    {HTTP_GET, "/staff/keys", keys_show, .perm = "operate", .template = "vault/keys",
        .summary = "Which key protects what, since when, and rotations."},
    {HTTP_POST, "/staff/keys/rewrap", keys_rewrap, .perm = "operate", .rate = RATE_WRITE,
        .summary = "Wraps all keys with the first master key of keys.master."},
    {HTTP_POST, "/staff/keys/{purpose}/rotate", keys_rotate, .perm = "operate", .rate = RATE_WRITE,
        .summary = "A new key for a purpose; all its values are sealed anew."},
};

static const struct menu_item menu[] = {
    {"vault.menu", "/staff/keys", "operate", "admin", 910},
};

static const struct command commands[] = {
    {
        .name = "keys",
        .summary = "which key protects what; new keys, another master key",
        .help = "machi keys [list] [--data DIR] [--city ID]\n"
                "machi keys rotate [PURPOSE]\n"
                "machi keys new-master SOURCE\n"
                "machi keys rewrap\n\n"
                "list: the master key, and for each purpose its keys and how many values each "
                "protects.\n"
                "rotate: a new key for a purpose, or for all; everything is sealed anew, then the "
                "former\n"
                "keys are destroyed. The city may go on working; when it was ended, run it again "
                "or let\n"
                "the server finish it.\n"
                "new-master: makes a master key at file:PATH or pkcs11:… and prints its "
                "fingerprint.\n"
                "rewrap: wraps all keys with the first master key of keys.master. See "
                "docs/keys.md.",
        .run = run_keys,
    },
};

static const struct job_kind jobs[] = {
    {.name = "vault.rotate", .max_tries = 20, .run = rotation_job},
};

static const struct journal_verifier *const verifiers[] = {&vault_key_verifier};

const struct module vault_module = {
    .name = "vault",
    .slot = -1,
    .migrations = true,
    .routes = routes,
    .nroutes = COUNT(routes),
    .menu = menu,
    .nmenu = COUNT(menu),
    .commands = commands,
    .ncommands = COUNT(commands),
    .jobs = jobs,
    .njobs = COUNT(jobs),
    .statements = statements,
    .nstatements = COUNT(statements),
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
    .city_open = opened,
};
