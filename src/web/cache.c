/* Answers kept for clients without any state: pages of ROUTE_CACHE and assets.
 *
 * 1. Every network thread has its own cache, so nothing is locked and nothing is shared; the price
 * is that a page is made once per thread.
 * 2. A page is true as long as the city's generation (the journal's moves in this process) is the
 * one from before its handler read, the city has not reloaded, and it is younger than TTL_US:
 * another process on the same store cannot tell us of its writes.
 * 3. An asset is true until the city reloads.
 * 4. Memory is bounded: each entry has one of WAYS places given by its key, and the least recently
 * used of them leaves; over bytes_max a hand goes round and clears sets until there is room. */
#include <stdlib.h>
#include <string.h>

#include "web/private.h"

enum { SETS = 1024, WAYS = 4, ENTRY_MAX = 1024 * 1024, TTL_US = 2 * 1000 * 1000 };

struct entry {
	char *key; /* NULL: unused */
	size_t nkey;
	uint64_t hash;
	struct MHD_Response *plain, *gzip, *not_modified;
	char etag[24];
	size_t size;
	int64_t made_us, used_us;
	uint64_t generation;
	struct templates *reload; /* the city's set of templates: new after a reload */
	bool asset, zippable;
};

struct cache {
	size_t bytes, bytes_max;
	unsigned hand;
	struct entry entries[SETS][WAYS];
};

struct cache *cache_new(size_t bytes_max)
{
	struct cache *c = calloc(1, sizeof(*c));
	if (!c)
		abort();
	c->bytes_max = bytes_max;
	return c;
}

static void entry_drop(struct cache *c, struct entry *e)
{
	if (!e->key)
		return;
	c->bytes -= e->size;
	free(e->key);
	MHD_destroy_response(e->plain);
	if (e->gzip)
		MHD_destroy_response(e->gzip);
	MHD_destroy_response(e->not_modified);
	*e = (struct entry){0};
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	for (int s = 0; s < SETS; s++)
		for (int i = 0; i < WAYS; i++)
			entry_drop(c, &c->entries[s][i]);
	free(c);
}

/* The key as bytes: city, language, format, security, then the request line's target. */
static size_t key_bytes(const struct cache_key *k, char *out, size_t size)
{
	size_t head = sizeof(k->city) + 3;
	if (head + k->uri.n > size)
		return 0;
	memcpy(out, &k->city, sizeof(k->city));
	out[head - 3] = k->lang[0];
	out[head - 2] = (char)('0' + k->json);
	out[head - 1] = (char)('0' + k->secure);
	memcpy(out + head, k->uri.p, k->uri.n);
	return head + k->uri.n;
}

static uint64_t hash_bytes(const char *p, size_t n)
{
	uint64_t h = 0xcbf29ce484222325u ^ n, v;
	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&v, p, 8);
		h = (h ^ v) * 0x9fb21c651e98df25u;
		h ^= h >> 32;
	}
	v = 0;
	memcpy(&v, p, n);
	h = (h ^ v) * 0x9fb21c651e98df25u;
	return h ^ h >> 29;
}

enum { KEY_MAX = 1024 };

static struct templates *reload_of(const struct city *city)
{
	return __atomic_load_n(&city->templates, __ATOMIC_ACQUIRE);
}

static bool still_true(const struct entry *e, struct web_city *c, int64_t now_us)
{
	if (e->reload != reload_of(c->city))
		return false;
	return e->asset || (now_us - e->made_us < TTL_US && e->generation == cache_generation(c));
}

bool cache_answer(struct exchange *x, const struct cache_key *k, const struct heads *h)
{
	char key[KEY_MAX];
	size_t n = key_bytes(k, key, sizeof(key));
	if (n == 0)
		return false;
	uint64_t hash = hash_bytes(key, n);
	struct entry *set = x->net->cache->entries[hash % SETS];
	for (int i = 0; i < WAYS; i++) {
		struct entry *e = &set[i];
		if (e->hash != hash || e->nkey != n || memcmp(e->key, key, n) != 0)
			continue;
		bool wants_gzip = accept_gzip(h->accept_encoding);
		/* Compressing is worth its time only when somebody asks for it; then it is made
		 * anew. */
		if (!still_true(e, k->city, x->start_us) ||
		    (wants_gzip && e->zippable && !e->gzip)) {
			entry_drop(x->net->cache, e);
			return false;
		}
		e->used_us = x->start_us;
		if (h->if_none_match.n && etag_matches(h->if_none_match, e->etag))
			exchange_queue(x, MHD_HTTP_NOT_MODIFIED, e->not_modified);
		else
			exchange_queue(x, MHD_HTTP_OK, e->gzip && wants_gzip ? e->gzip : e->plain);
		return true;
	}
	return false;
}

void cache_put(struct cache *c, const struct cache_key *k, const struct cache_put *put,
    int64_t now_us, uint64_t generation)
{
	char key[KEY_MAX];
	size_t n = key_bytes(k, key, sizeof(key));
	struct entry fresh = {
	    .nkey = n,
	    .plain = put->plain,
	    .gzip = put->gzip,
	    .not_modified = put->not_modified,
	    .size = put->size + sizeof(struct entry) + n,
	    .made_us = now_us,
	    .used_us = now_us,
	    .generation = generation,
	    .reload = reload_of(k->city->city),
	    .asset = put->asset,
	    .zippable = put->zippable,
	};
	(void)snprintf(fresh.etag, sizeof(fresh.etag), "%s", put->etag);
	struct entry *place = NULL;
	if (n && fresh.size <= ENTRY_MAX) {
		fresh.hash = hash_bytes(key, n);
		struct entry *set = c->entries[fresh.hash % SETS];
		place = set;
		for (int i = 0; i < WAYS; i++) {
			if (set[i].key && set[i].hash == fresh.hash && set[i].nkey == n &&
			    memcmp(set[i].key, key, n) == 0) {
				place = &set[i];
				break;
			}
			if (set[i].used_us < place->used_us)
				place = &set[i];
		}
		entry_drop(c, place);
	}
	fresh.key = malloc(n + 1);
	if (!fresh.key)
		abort();
	memcpy(fresh.key, key, n);
	c->bytes += fresh.size;
	if (!place) {
		entry_drop(c, &fresh);
		return;
	}
	*place = fresh;
	for (int turn = 0; turn < SETS && c->bytes > c->bytes_max; turn++) {
		struct entry *set = c->entries[c->hand++ % SETS];
		for (int i = 0; i < WAYS; i++)
			if (&set[i] != place)
				entry_drop(c, &set[i]);
	}
}

uint64_t cache_generation(struct web_city *c)
{
	return journal_moves(c->city->store);
}
