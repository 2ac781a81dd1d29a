/* The procedure engine's entries in the list of modules: definitions and applications, and each
 * group of pages with its own routing table. */
#ifndef PROCEDURE_PROCEDURE_H
#define PROCEDURE_PROCEDURE_H

#include "web/web.h"

extern const struct module procedure_module;
extern const struct module public_pages;
extern const struct module apply_pages;
extern const struct module application_pages;
extern const struct module correct_pages;
extern const struct module signature_pages;
extern const struct module number_pages;
extern const struct module inbox_pages;
extern const struct module disposal_pages;
extern const struct module mail_pages;
extern const struct module staff_pages;
extern const struct module inventory_pages;
extern const struct module export_pages;
extern const struct module bulk_pages;
extern const struct module print_pages;

#endif
