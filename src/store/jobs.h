/* The job queue: work to be done after a transaction, kept in the store until it succeeded. */
#ifndef STORE_JOBS_H
#define STORE_JOBS_H

#include "store/store.h"

/* How a kind of job is done. run may read through store_reader() and write with store_write(); it
 * must bear being run twice. 0: done. Negative: tried again with back-off, or dead at once when the
 * error kind is ERR_INPUT or ERR_MISSING. context is what jobs_start() was given. */
struct job_kind {
	const char *name; /* "mail.send" */
	int max_tries;    /* 0: 8 */
	int retry_ms; /* wait after the first failure, doubled each time up to an hour; 0: 10 s */
	int (*run)(struct store *, void *context, struct arena *, json_t *payload, struct err *);
};

/* Queues a job inside a write. run_at_us 0: now. key: at most one waiting job has this key (NULL:
 * any number): a second one only makes the first one's time earlier. payload (NULL: JSON null) is
 * borrowed. */
int job_add(struct db *, const char *kind, json_t *payload, int64_t run_at_us, const char *key,
    struct err *);

struct job_runner;
/* Starts threads that claim and run jobs; safe with several processes. Also keeps house: done jobs
 * are forgotten after a week, unused blobs after a day (the job "store.clean"). kinds stay the
 * caller's. Stop the runner before the store is closed. */
int jobs_start(struct store *, const struct job_kind *const *kinds, int nkinds, int threads,
    void *context, struct job_runner **out, struct err *);
/* Finishes the jobs in hand and stops. */
void jobs_stop(struct job_runner *);
/* Runs everything that is due on the calling thread; returns how many ran. For tests and commands.
 */
int jobs_drain(
    struct store *, const struct job_kind *const *kinds, int nkinds, void *context, struct err *);

struct job_info {
	int64_t id;
	const char *kind, *state; /* waiting running dead done */
	int tries;
	int64_t run_at_us, created_us;
	const char *last_error;
};
/* Newest first, below before_id (0: from the top); state NULL: all. The count or <0. */
int jobs_list(struct db *, struct arena *, const char *state, int64_t before_id, int limit,
    struct job_info **out, struct err *);
/* A dead job waits again; or is done when a newer one with its key waits, which does the work. */
int jobs_retry(struct db *, int64_t id, struct err *);
int jobs_discard(struct db *, int64_t id, struct err *);
/* How many there are in a state, counted to `most`. */
int jobs_count(struct db *, const char *state, int64_t most, int64_t *out, struct err *);

#endif
