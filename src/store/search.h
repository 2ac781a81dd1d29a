/* Full-text search that finds Japanese words of one character and more: text is folded (width,
 * kana, case) and cut into characters and overlapping pairs here, in C; SQLite (FTS5) and
 * PostgreSQL (tsvector, GIN) only index the tokens. */
#ifndef STORE_SEARCH_H
#define STORE_SEARCH_H

#include "store/store.h"

/* Replaces what is indexed for (kind, id). An empty text removes it. Inside a write. */
int search_put(struct db *, const char *kind, int64_t id, const char *text, struct err *);

/* Ids of kind that hold all words of the query, newest (largest id) first, below before_id
 * (0: from the top). Words are separated by blanks; one of kanji and kana is found inside longer
 * ones, a single character too, one of letters or digits only whole. Both stores find the same.
 * Returns the count or <0. A query without a usable word gives 0. */
int search_find(struct db *, struct arena *, const char *kind, const char *query, int64_t before_id,
    int limit, int64_t **ids, struct err *);

/* The tokens of a text, space-separated; for tests and bench. */
char *search_tokens(struct arena *, const char *text);

#endif
