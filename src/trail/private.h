/* Shared between the files of trail only. */
#ifndef TRAIL_PRIVATE_H
#define TRAIL_PRIVATE_H

#include "base/json.h"
#include "identity/identity.h"
#include "trail/trail.h"

/* Every statement; the texts are in sql.c. */
/* clang-format off */
#define TRAIL_STATEMENTS(X) \
	X(ADD) X(BATCH_ADD) X(UNSEALED) X(SEAL) X(BATCH_ROWS) X(BATCHES) X(BATCH_OLD) X(ERASE_ROWS) \
	X(ERASE_BATCH) X(COUNT_READ) X(COUNT_EXPORT) X(COUNT_NUMBER) X(COUNT_CHANGE) X(COUNT_OFF) X(PAIRS) X(PROFILE_OF) \
	X(ALERT_GET) X(ALERT_LIST) X(ALERT_MINE) X(ALERT_QUESTIONS) X(ALERT_STEPS) X(ALERT_ADD) X(ALERT_SET) \
	X(ALERT_STEP_ADD) X(ALERT_NEXT) X(BY_NUMBER) X(NUMBER_OF) X(REASON_GET) X(REASON_PUT) X(REASON_EXPIRE)
/* clang-format on */

enum trail_statement {
#define X(name) TRAIL_##name##_SQL,
	TRAIL_STATEMENTS(X)
#undef X
	    TRAIL_SQL_COUNT
};
extern const struct sql trail_sql[TRAIL_SQL_COUNT];
extern const struct sql *const trail_statements[TRAIL_SQL_COUNT];
#define SQL(name) (&trail_sql[TRAIL_##name##_SQL])

enum { SLOT_TRAIL = 2 };

/* A note on its way, with all its texts. */
struct note {
	struct note *next;
	int64_t at_us, staff;
	bool token;
	const char *address;
	struct reading reading;
};

/* --- record.c: from a page to the store --- */
int trail_open(struct city *, struct err *);
void trail_close(struct city *);

/* --- rows.c: what is in the store --- */
enum { BATCH_MAX = 500 };
/* Inside a write: puts these rows and seals them together with what changes added. */
int trail_put(struct db *, const struct note *, struct err *);
extern const struct journal_verifier trail_verifier;
/* Removes batches older than an instant, some in each write. */
int trail_expire(struct store *, int64_t before_us, struct err *);

#endif
