/* From a page to the store: notes wait in memory for at most a second and are written together, so
 * that a page costs a copy of its note and nothing else.
 *
 * 1. What waits is written before the city closes; an ordered stop loses nothing. A crash loses the
 *    notes of its last second. What must not be lost (a change, an export) goes through
 * trail_add().
 * 2. While writing fails, notes are kept and it is tried again each second. When PENDING_MAX wait,
 *    reading_note() refuses, and with it the pages: nobody reads unrecorded.
 * 3. Lock order: trail.lock is never held during a write. */
#include "trail/private.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"

enum { PENDING_MAX = 10000 };

struct trail {
	struct city *city;
	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	pthread_t thread;
	struct note *first, **end;
	int n;              /* waiting, or being written */
	uint64_t in, tried; /* counts of notes: taken in, and of which writing was tried */
	uint64_t moves;     /* of the journal: a change may wait to be sealed when it moved */
	bool running, stop, hurry;
};

static void notes_free(struct note *n)
{
	while (n) {
		struct note *next = n->next;
		free(n);
		n = next;
	}
}

static int write_notes(struct db *db, void *arg, struct err *err)
{
	return trail_put(db, arg, err);
}

/* Cuts the first BATCH_MAX off. */
static struct note *take(struct trail *t, int *n)
{
	struct note *first = t->first, *last = first;
	*n = first ? 1 : 0;
	while (last && last->next && *n < BATCH_MAX) {
		last = last->next;
		++*n;
	}
	if (last) {
		t->first = last->next;
		last->next = NULL;
	}
	if (!t->first)
		t->end = &t->first;
	return first;
}

static void put_back(struct trail *t, struct note *notes)
{
	struct note *last = notes;
	while (last->next)
		last = last->next;
	last->next = t->first;
	if (!t->first)
		t->end = &last->next;
	t->first = notes;
}

/* Writes what waits, also what changes added; the lock is held but while writing. False: it failed.
 */
static bool flush(struct trail *t)
{
	bool good = true, again = true;
	uint64_t upto = t->in;
	while (good && again) {
		int n;
		struct note *notes = take(t, &n);
		pthread_mutex_unlock(&t->lock);
		struct err err;
		good = store_write(t->city->store, write_notes, notes, &err) == 0;
		if (!good)
			log_err("trail.write", &err);
		pthread_mutex_lock(&t->lock);
		if (good) {
			notes_free(notes);
			t->n -= n;
		} else if (notes) {
			put_back(t, notes);
		}
		again = t->first != NULL;
	}
	t->tried = upto;
	t->hurry = false;
	pthread_cond_broadcast(&t->done);
	return good;
}

static void wait_a_second(struct trail *t)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec++;
	while (
	    !t->stop && !t->hurry && pthread_cond_timedwait(&t->wake, &t->lock, &at) != ETIMEDOUT) {
	}
}

static void *run(void *arg)
{
	struct trail *t = arg;
	pthread_mutex_lock(&t->lock);
	do {
		wait_a_second(t);
		uint64_t moves = journal_moves(t->city->store);
		if (t->first || t->hurry || moves != t->moves)
			(void)flush(t); /* logged; tried again */
		t->moves = journal_moves(t->city->store);
	} while (!t->stop);
	if (t->first)
		(void)flush(t); /* what came while the last ones were written */
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

/* With the lock held: the thread begins with the first note. */
static bool start(struct trail *t)
{
	if (!t->running)
		t->running = pthread_create(&t->thread, NULL, run, t) == 0;
	return t->running;
}

int trail_open(struct city *city, struct err *err)
{
	(void)err;
	struct trail *t = calloc(1, sizeof(*t));
	pthread_condattr_t monotonic;
	if (!t)
		abort();
	t->city = city;
	t->end = &t->first;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &monotonic);
	pthread_cond_init(&t->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	city->slot[SLOT_TRAIL] = t;
	return 0;
}

void trail_close(struct city *city)
{
	struct trail *t = city->slot[SLOT_TRAIL];
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	if (t->running)
		pthread_join(t->thread, NULL);
	if (t->first)
		log_error("trail.lost", "%d notes of readings could not be written", t->n);
	notes_free(t->first);
	pthread_cond_destroy(&t->done);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t);
	city->slot[SLOT_TRAIL] = NULL;
}

/* --- notes --- */

static char *copy(char **at, const char *text)
{
	if (!text)
		return NULL;
	size_t n = strlen(text) + 1;
	char *to = memcpy(*at, text, n);
	*at += n;
	return to;
}

/* One piece of memory with all its texts. */
static struct note *note_new(const struct request *rq, const struct reading *r)
{
	const char *texts[] = {rq->address ? rq->address : "", r->verb, r->subject, r->procedure,
	    r->reason, r->detail};
	size_t size = sizeof(struct note);
	for (size_t i = 0; i < COUNT(texts); i++)
		size += texts[i] ? strlen(texts[i]) + 1 : 0;
	struct note *n = malloc(size);
	if (!n)
		abort();
	char *at = (char *)(n + 1);
	*n = (struct note){.at_us = rq->now_us,
	    .staff = rq->actor.person,
	    .token = rq->actor.token,
	    .reading = *r};
	n->address = copy(&at, texts[0]);
	n->reading.verb = copy(&at, r->verb);
	n->reading.subject = copy(&at, r->subject);
	n->reading.procedure = copy(&at, r->procedure);
	n->reading.reason = copy(&at, r->reason);
	n->reading.detail = copy(&at, r->detail);
	return n;
}

int reading_note(struct request *rq, const struct reading *r, struct err *err)
{
	struct trail *t = rq->city->slot[SLOT_TRAIL];
	if (rq->actor.kind != ACTOR_STAFF || !t)
		return 0;
	struct note *n = note_new(rq, r);
	pthread_mutex_lock(&t->lock);
	bool good = t->n < PENDING_MAX && start(t);
	if (good) {
		*t->end = n;
		t->end = &n->next;
		t->n++;
		t->in++;
		if (t->n >= BATCH_MAX && !t->hurry) { /* not a second's worth of memory */
			t->hurry = true;
			pthread_cond_signal(&t->wake);
		}
	}
	pthread_mutex_unlock(&t->lock);
	if (good)
		return 0;
	free(n);
	return err_set(err, ERR_BUSY, "trail.full", "%d notes of readings wait", PENDING_MAX);
}

int reading_note_list(struct request *rq, const struct reading *common, const struct reading_of *of,
    int n, struct err *err)
{
	struct reading r = *common;
	int rc = 0;
	r.count = n;
	if (n > TRAIL_NAMED)
		return reading_note(rq, &r, err);
	for (int i = 0; i < n && rc == 0; i++) {
		r.person = of[i].person;
		r.application = of[i].application;
		r.department = of[i].department;
		r.procedure = of[i].procedure;
		rc = reading_note(rq, &r, err);
	}
	return rc;
}

void trail_settle(struct city *city)
{
	struct trail *t = city->slot[SLOT_TRAIL];
	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	uint64_t upto = t->in;
	while (t->running && t->tried < upto) {
		t->hurry = true;
		pthread_cond_signal(&t->wake);
		pthread_cond_wait(&t->done, &t->lock);
	}
	pthread_mutex_unlock(&t->lock);
}
