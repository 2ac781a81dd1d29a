/* Reading the trail, for the pages of this folder. */
#ifndef TRAIL_LIST_H
#define TRAIL_LIST_H

#include "trail/private.h"

struct trail_filter {
	const int64_t *persons, *staff; /* any of them; NULL: all */
	int npersons, nstaff;
	int64_t application, department; /* 0: any */
	const char *kind, *procedure, *words;
	bool beyond;                /* only beyond the reader's own work */
	int64_t from_us, before_us; /* 0: open */
	int64_t at_us, id;          /* after this row; 0: from the newest */
	int limit;
};
/* Goes on after the row that a link names; false: it names none. */
bool trail_cursor(struct trail_filter *, const char *text);

struct trail_row {
	int64_t id, at_us, staff, person, application, department, count;
	const char *address, *kind, *verb, *subject, *procedure, *reason, *detail;
	unsigned fields;
	bool token, beyond;
};
/* Newest first; the count (at most limit) or <0. */
int trail_read(struct db *, struct arena *, const struct trail_filter *, struct trail_row **,
    bool *more, struct err *);

/* Rows in words; what several share is looked up once. */
struct trail_words {
	struct request *rq;
	struct db *db;
	json_t *known;
};
void trail_words_begin(struct trail_words *, struct request *, struct db *);
/* New reference. For residents without what only the office needs; names of staff by the setting
 * trail.names. */
json_t *trail_view(struct trail_words *, const struct trail_row *, bool for_resident, struct err *);
const char *trail_procedure_title(struct trail_words *, const char *id);

/* CSV of at most CSV_MAX rows of a filter, as the answer. With what was noted up to now. */
enum { TRAIL_CSV_MAX = 20000 };
int trail_csv(struct request *, struct trail_filter *, bool for_resident, struct err *);

#endif
