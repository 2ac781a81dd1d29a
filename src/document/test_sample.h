/* What the tests of this folder share: a city without a store, and views of documents. */
#ifndef DOCUMENT_TEST_SAMPLE_H
#define DOCUMENT_TEST_SAMPLE_H

#include <jansson.h>

#include "base/arena.h"
#include "base/str.h"
#include "web/city.h"

/* Answers as a worker when the test program is started as one; else sets the program up. */
int sample_main_begins(int argc, char **argv, int *code);
/* A city in a new temporary directory; sample_city_end() removes it. */
void sample_city(struct city *);
void sample_city_end(struct city *);
/* Ends the worker processes. */
void sample_workers_end(void);
/* A view by its name: "certificate", "decision", "refusal", "receipt", "application", "paper",
 * "long". New reference. */
json_t *sample_view(const char *name);
/* Writes the bytes to a file in the city's directory (in $MACHI_KEEP when it is set) and gives its
 * path. */
const char *sample_file(struct arena *, struct city *, const char *name, struct str bytes);
/* What a command prints, on the arena; fails the test when it ends with an error. */
struct str sample_run(struct arena *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
