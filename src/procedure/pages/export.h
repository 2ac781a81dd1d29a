/* What pages/export.c offers to the pages of exports of many people. */
#ifndef PROCEDURE_PAGES_EXPORT_H
#define PROCEDURE_PAGES_EXPORT_H

#include "web/web.h"

/* How many people an export may have that nobody else approves. */
int64_t export_limit(const struct request *);
/* How many the query of the request would export, counted no further than most. From a worker
 * thread when that may be many. */
int export_people(struct request *, int64_t most, int64_t *people, struct err *);

#endif
