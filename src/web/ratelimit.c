/* Token buckets per client (address or account) and class in a table of fixed size.
 *
 * The table has sets of WAYS buckets; a client may be in any of its set. When a set is full the
 * bucket that is nearest to full again is given away, since it forgets least: memory is bounded
 * whatever the number of clients, and a client that is being held back keeps its bucket longest.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "web/private.h"

enum { SETS = 4096, WAYS = 8, LOCKS = 64 };

struct bucket {
	uint64_t key;    /* 0: unused */
	int64_t full_us; /* when it is full again: one number for level and time */
};

struct ratelimit {
	uint64_t seed;
	int percent;
	pthread_mutex_t locks[LOCKS];
	struct bucket buckets[SETS][WAYS];
};

/* A whole office or school may stand behind one address, so that the normal class is wide. */
static const struct {
	int64_t interval_us; /* one token */
	int64_t burst;       /* tokens of a full bucket */
} classes[] = {
    [RATE_NORMAL] = {10 * 1000, 600},     /* 100 a second */
    [RATE_WRITE] = {200 * 1000, 150},     /* 5 a second */
    [RATE_LOGIN] = {6 * 1000 * 1000, 20}, /* 10 a minute */
    [RATE_HEAVY] = {3 * 1000 * 1000, 30}, /* 20 a minute */
};

struct ratelimit *ratelimit_new(int percent)
{
	if (percent <= 0)
		return NULL;
	struct ratelimit *r = calloc(1, sizeof(*r));
	if (!r)
		abort();
	r->percent = percent;
	if (getrandom(&r->seed, sizeof(r->seed), 0) != sizeof(r->seed))
		abort();
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_init(&r->locks[i], NULL);
	return r;
}

void ratelimit_free(struct ratelimit *r)
{
	if (!r)
		return;
	for (int i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&r->locks[i]);
	free(r);
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	return x ^ x >> 32;
}

/* IPv6 clients have a /64 each at least, so only the first half counts. */
uint64_t ratelimit_address(const struct address *a)
{
	static const unsigned char v4[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	uint64_t half = 0;
	memcpy(&half, memcmp(a->b, v4, sizeof(v4)) == 0 ? a->b + 8 : a->b, 8);
	return half;
}

uint64_t ratelimit_account(int city, int64_t account)
{
	return mix(mix((uint64_t)city + 1) + (uint64_t)account);
}

int ratelimit_take(struct ratelimit *r, uint64_t client, enum rate class, int64_t now)
{
	if (!r || class >= RATE_NONE)
		return 0;
	int64_t interval = classes[class].interval_us * 100 / r->percent;
	if (interval < 1)
		interval = 1;
	int64_t room = interval * classes[class].burst;
	uint64_t key = mix(mix(client ^ r->seed) + (uint64_t) class);
	if (key == 0)
		key = 1;
	struct bucket *set = r->buckets[key % SETS], *b = set;
	pthread_mutex_t *lock = &r->locks[key % LOCKS];
	pthread_mutex_lock(lock);
	for (int i = 0; i < WAYS; i++) {
		if (set[i].key == key) {
			b = &set[i];
			break;
		}
		if (set[i].full_us < b->full_us)
			b = &set[i];
	}
	if (b->key != key)
		*b = (struct bucket){.key = key, .full_us = now};
	if (b->full_us < now)
		b->full_us = now;
	int64_t over = b->full_us + interval - now - room;
	int wait = 0;
	if (over > 0)
		wait = (int)((over + 999999) / 1000000);
	else
		b->full_us += interval;
	pthread_mutex_unlock(lock);
	return wait;
}
