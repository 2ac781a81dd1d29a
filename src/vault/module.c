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

static const struct job_kind jobs[] = {
    {.name = "vault.rotate", .max_tries = 20, .run = rotation_job},
};

static const struct journal_verifier *const verifiers[] = {&vault_key_verifier};

const struct module vault_module = {
    .name = "vault",
    .slot = -1,
    .migrations = true,
    .jobs = jobs,
    .njobs = COUNT(jobs),
    .statements = statements,
    .nstatements = COUNT(statements),
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
    .city_open = opened,
};
