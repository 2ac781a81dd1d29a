/* Threads for work that would hold up a network thread.
 *
 * Every worker has its own queue, and there is a common one. A stream keeps to one worker (its
 * lane), because the rows that it reads belong to that thread's connection. */
#include <stdlib.h>

#include "web/private.h"

enum { QUEUE_MAX = 4096 };

struct task {
	struct task *next;
	void (*fn)(void *);
	void *arg;
};

struct queue {
	struct task *head, **tail;
	int n;
};

struct worker {
	struct workers *all;
	pthread_t thread;
	struct queue own;
};

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	int n, next_lane;
	struct queue common;
	struct worker worker[];
};

static void queue_put(struct queue *q, struct task *t)
{
	*q->tail = t;
	q->tail = &t->next;
	q->n++;
}

static struct task *queue_take(struct queue *q)
{
	struct task *t = q->head;
	if (t) {
		q->head = t->next;
		q->n--;
		if (!q->head)
			q->tail = &q->head;
	}
	return t;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct workers *all = w->all;
	pthread_mutex_lock(&all->lock);
	for (;;) {
		struct task *t = queue_take(&w->own);
		if (!t)
			t = queue_take(&all->common);
		if (!t) {
			if (all->stop)
				break;
			pthread_cond_wait(&all->wake, &all->lock);
			continue;
		}
		pthread_mutex_unlock(&all->lock);
		t->fn(t->arg);
		free(t);
		pthread_mutex_lock(&all->lock);
	}
	pthread_mutex_unlock(&all->lock);
	return NULL;
}

struct workers *workers_new(int threads)
{
	struct workers *all = calloc(1, sizeof(*all) + (size_t)threads * sizeof(struct worker));
	if (!all)
		abort();
	pthread_mutex_init(&all->lock, NULL);
	pthread_cond_init(&all->wake, NULL);
	all->common.tail = &all->common.head;
	for (int i = 0; i < threads; i++) {
		struct worker *w = &all->worker[i];
		w->all = all;
		w->own.tail = &w->own.head;
		if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
			abort();
		all->n++;
	}
	return all;
}

void workers_free(struct workers *all)
{
	if (!all)
		return;
	pthread_mutex_lock(&all->lock);
	all->stop = true;
	pthread_cond_broadcast(&all->wake);
	pthread_mutex_unlock(&all->lock);
	for (int i = 0; i < all->n; i++)
		pthread_join(all->worker[i].thread, NULL);
	pthread_mutex_destroy(&all->lock);
	pthread_cond_destroy(&all->wake);
	free(all);
}

bool workers_run(struct workers *all, int lane, void (*fn)(void *), void *arg)
{
	struct task *t = malloc(sizeof(*t));
	if (!t)
		abort();
	*t = (struct task){.fn = fn, .arg = arg};
	pthread_mutex_lock(&all->lock);
	struct queue *q = lane < 0 ? &all->common : &all->worker[lane].own;
	/* A lane's work was already admitted when its stream began. */
	bool room = lane >= 0 || q->n < QUEUE_MAX;
	if (room) {
		queue_put(q, t);
		if (lane < 0)
			pthread_cond_signal(&all->wake);
		else
			pthread_cond_broadcast(&all->wake); /* the one who must wake */
	}
	pthread_mutex_unlock(&all->lock);
	if (!room)
		free(t);
	return room;
}

int workers_lane(struct workers *all)
{
	pthread_mutex_lock(&all->lock);
	int lane = all->next_lane++ % all->n;
	pthread_mutex_unlock(&all->lock);
	return lane;
}
