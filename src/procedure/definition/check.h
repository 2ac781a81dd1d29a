/* Shared by the files check*.c: saying what is wrong. */
#ifndef PROCEDURE_DEFINITION_CHECK_H
#define PROCEDURE_DEFINITION_CHECK_H

#include "procedure/definition/private.h"

#define FIELDS_OF(s, f) LIST_EACH(const struct field, f, (s)->fields)
/* A text made for a remedy, on the loader's scratch. */
#define remedyf(l, ...) arena_printf((l)->scratch, __VA_ARGS__)

void say(struct loader *, struct place at, const char *remedy, const char *what, ...)
    __attribute__((format(printf, 4, 5)));
/* The nearest of n names as a remedy, else `otherwise` (may be NULL). */
const char *did_you_mean(
    struct loader *, const char *text, const char *const *names, int n, const char *otherwise);
/* names ends with NULL. */
bool in_list(const char *text, const char *const *names);

/* check_exprs.c: every expression is compiled, and knows the names it uses. */
void check_exprs(struct loader *);

#endif
