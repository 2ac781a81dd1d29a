/* What a reader remembers while one handler runs. */
#include <string.h>

#include "store/private.h"

struct memo_item {
	struct memo_item *next;
	const void *what;
	int64_t id;
	void *value;
};

void db_memo_begin(struct db *db, struct arena *a)
{
	memset(db->memo_items, 0, sizeof(db->memo_items));
	db->memo = a;
}

void db_memo_end(struct db *db)
{
	db->memo = NULL;
}

struct arena *db_memo(struct db *db)
{
	return db->memo;
}

static struct memo_item **bucket(struct db *db, const void *what, int64_t id)
{
	uint64_t h = ((uint64_t)(uintptr_t)what ^ (uint64_t)id) * UINT64_C(0x9e3779b97f4a7c15);
	return &db->memo_items[h >> 58];
}
_Static_assert(MEMO_BUCKETS == 64, "six bits of the hash choose the bucket");

void *db_recall(struct db *db, const void *what, int64_t id)
{
	if (!db->memo)
		return NULL;
	for (const struct memo_item *i = *bucket(db, what, id); i; i = i->next)
		if (i->what == what && i->id == id)
			return i->value;
	return NULL;
}

void db_remember(struct db *db, const void *what, int64_t id, void *value)
{
	if (!db->memo)
		return;
	struct memo_item **at = bucket(db, what, id), *i = arena_new_of(db->memo, struct memo_item);
	*i = (struct memo_item){.next = *at, .what = what, .id = id, .value = value};
	*at = i;
}
