/* Full-text search that finds Japanese words of one character and more: text is folded (width,
 * kana, case) and cut into characters and overlapping pairs here, in C; SQLite (FTS5) and
 * PostgreSQL (tsvector, GIN) only index the tokens. */
#ifndef STORE_SEARCH_H
#define STORE_SEARCH_H

#include "store/store.h"

/* Replaces what is indexed for (kind, id). An empty text removes it. A document may belong to one
 * group, a number above 0 such as the department whose people may see it, so that the index answers
 * for some groups alone; 0: to none. Inside a write. */
int search_put(
    struct db *, const char *kind, int64_t id, int64_t group, const char *text, struct err *);

/* Gives a document to another group; what is not indexed stays so. Inside a write. */
int search_regroup(struct db *, const char *kind, int64_t id, int64_t group, struct err *);

struct search_query {
	const char *kind;
	const char *text;      /* words, separated by blanks */
	const int64_t *groups; /* only documents of one of these */
	int ngroups;           /* 0: of any or none */
	int64_t before_id;     /* only smaller ids; 0: from the top */
	int limit;
};

/* Ids of documents that hold all words of the query, newest (largest id) first. A word of kanji and
 * kana is found inside longer ones, a single character too, one of letters or digits only whole.
 * Both stores find the same. Returns the count or <0. A query without a usable word gives 0. */
int search_find(
    struct db *, struct arena *, const struct search_query *, int64_t **ids, struct err *);

/* The tokens of a text, space-separated; for tests and bench. */
char *search_tokens(struct arena *, const char *text);

#endif
