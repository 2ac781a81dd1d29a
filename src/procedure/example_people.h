/* Names of people who do not exist, with their readings: for made-up answers and the demo city. */
#ifndef PROCEDURE_EXAMPLE_PEOPLE_H
#define PROCEDURE_EXAMPLE_PEOPLE_H

struct example_name {
	const char *name, *kana;
};

enum { EXAMPLE_FAMILIES = 24, EXAMPLE_GIVENS = 20 };
extern const struct example_name example_families[EXAMPLE_FAMILIES];
extern const struct example_name example_givens[EXAMPLE_GIVENS];

#endif
