/* The module's table; it stands above web, while vault.h stands below. */
#ifndef VAULT_MODULE_H
#define VAULT_MODULE_H

#include "web/web.h"

extern const struct module vault_module;

int keys_show(struct request *, struct err *);
int keys_rotate(struct request *, struct err *);
int keys_rewrap(struct request *, struct err *);
int run_keys(int argc, char **argv);

/* vault_start() with the purposes of all modules. sources NULL: the default. */
int vault_start_all(struct store *, const char *sources, struct err *);

#endif
