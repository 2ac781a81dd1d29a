#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store *st;

static int fill(struct db *db, void *arg, struct err *err)
{
	static const char *const texts[] = {
	    "犬の登録 高松市番町", "田中 OR NEAR AND NOT", "R8-000123 \"*^:"};
	(void)arg;
	int rc = 0;
	for (int i = 0; rc == 0 && i < 3; i++)
		rc = search_put(db, "page", i + 1, i, texts[i], err);
	return rc;
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *ftw)
{
	(void)s;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* The files lose their names once all connections have them open, so that nothing stays however the
 * fuzzer ends. */
static void open_once(void)
{
	static char dir[] = "/tmp/machi-fuzz-XXXXXX", url[64];
	struct err err;
	if (!mkdtemp(dir))
		abort();
	(void)snprintf(url, sizeof(url), "sqlite:%s/store.db", dir);
	if (store_open(&(struct store_options){.url = url, .dir = dir}, &st, &err) < 0 ||
	    store_migrate(st, NULL, 0, NULL, NULL, &err) < 0 ||
	    store_write(st, fill, NULL, &err) < 0 || !store_reader(st, &err))
		abort();
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* a temporary folder */
}

/* Whatever a person types, it is words to look for and never a piece of the query language. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!st)
		open_once();
	struct arena *a = arena_new();
	struct err err = {0};
	int64_t *ids;
	char *text = arena_strndup(a, (const char *)data, size);
	struct search_query query = {.kind = "page", .text = text, .limit = 10};
	int n = search_find(store_reader(st, &err), a, &query, &ids, &err);
	if (n < 0 || n > 3)
		__builtin_trap();
	query.groups = (const int64_t[]){1};
	query.ngroups = 1;
	int m = search_find(store_reader(st, &err), a, &query, &ids, &err);
	if (m < 0 || m > n || m > 1)
		__builtin_trap();
	arena_free(a);
	return 0;
}
