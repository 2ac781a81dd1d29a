#include "store/search.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/private.h"

enum { ID_BITS = 48, KINDS_MAX = 32767, QUERY_TOKENS_MAX = 32, FIND_BATCH = 200, NEWEST = 2048 };
enum { LOOK = 1024, LOOK_MAX = 4096, LOOK_GROUPS = 8 }; /* in some groups: documents and groups */
enum { REBUILD_BATCH = 5000, LOAD_MEMORY = 32 << 20, USUAL_MEMORY = 1 << 20 /* FTS5's own */ };

static const struct sql kind_find = {"SELECT n FROM search_kind WHERE name = ?1"};
static const struct sql kind_add = {
    "INSERT INTO search_kind (n, name) SELECT coalesce(max(n), 0) + 1, ?1 FROM search_kind "
    "RETURNING n"};
static const struct sql doc_body = {"SELECT body FROM search_doc WHERE doc = ?1"};
static const struct sql doc_put = {"INSERT INTO search_doc (doc, body) VALUES (?1, ?2) "
                                   "ON CONFLICT (doc) DO UPDATE SET body = excluded.body",
    "INSERT INTO search_doc (doc, body, tokens) VALUES (?1, ?2, array_to_tsvector("
    "array_remove(string_to_array(?3, ' '), ''))) "
    "ON CONFLICT (doc) DO UPDATE SET body = excluded.body, tokens = excluded.tokens"};
static const struct sql doc_drop = {"DELETE FROM search_doc WHERE doc = ?1"};
static const struct sql index_add = {
    "INSERT INTO search_index (rowid, tokens) VALUES (?1, ?2)", ""};
static const struct sql index_drop = {
    "INSERT INTO search_index (search_index, rowid, tokens) VALUES ('delete', ?1, ?2)", ""};
/* FTS5 gives the newest first without sorting, and stops at the limit. GIN cannot: it collects all
 * matches first. So PostgreSQL looks through the newest documents themselves, where a common word
 * is found soon, and asks the index only for words that are not common there. Its planner, which
 * knows little of how often tokens occur, is told which way to go: an expression hides
 * the column from the index that is not to be used; and the query is read once, not for each row.
 */
static const struct sql find = {
    "SELECT i.rowid, d.body FROM search_index i JOIN search_doc d ON d.doc = i.rowid "
    "WHERE search_index MATCH ?1 AND i.rowid > ?2 AND i.rowid < ?3 ORDER BY i.rowid DESC LIMIT ?4",
    "SELECT doc, body FROM search_doc WHERE tokens @@ (SELECT ?1::tsquery) AND doc + 0 > ?2 AND "
    "doc + 0 < "
    "?3 "
    "ORDER BY doc + 0 DESC LIMIT ?4"};
static const struct sql find_newest = {"",
    "SELECT doc, body FROM search_doc WHERE (tokens @@ (SELECT ?1::tsquery)) IS TRUE AND doc > ?2 "
    "AND doc < ?3 ORDER BY doc DESC LIMIT ?4"};
static const struct sql newest = {
    "", "SELECT max(doc) FROM search_doc WHERE doc > ?1 AND doc < ?2"};
/* By the index of groups: rows are compared, so that it alone will do; a planner that counts on an
 * even spread would go through the documents of all groups instead. */
static const struct sql find_in_groups = {"",
    "SELECT d.doc, d.body FROM unnest(?5::bigint[]) AS g CROSS JOIN LATERAL (SELECT s.doc, s.body "
    "FROM search_doc AS s WHERE (s.grp, s.doc) > (g, ?2) AND (s.grp, s.doc) < (g, ?3) AND "
    "(s.tokens @@ (SELECT ?1::tsquery)) IS TRUE ORDER BY s.grp DESC, s.doc DESC LIMIT ?4) AS d "
    "ORDER BY d.doc DESC LIMIT ?4"};
/* Down to where the newest so many documents of some groups reach, and how many there are. */
static const struct sql newest_in_groups = {"",
    "SELECT coalesce(min(doc), 0), count(*) FROM (SELECT d.doc FROM unnest(?1::bigint[]) AS g "
    "CROSS "
    "JOIN LATERAL (SELECT s.doc FROM search_doc AS s WHERE (s.grp, s.doc) > (g, ?2) AND "
    "(s.grp, s.doc) < (g, ?3) ORDER BY s.grp DESC, s.doc DESC LIMIT ?4) AS d "
    "ORDER BY d.doc DESC LIMIT ?4) AS n"};

/* Loading many. */
static const struct sql doc_load = {"INSERT INTO search_doc (doc, body) VALUES (?1, ?2)", ""};
static const struct sql index_clear = {
    "INSERT INTO search_index (search_index) VALUES ('delete-all')", ""};
static const struct sql index_memory = {
    "INSERT INTO search_index (search_index, rank) VALUES ('hashsize', ?1)", ""};
static const struct sql index_optimize = {
    "INSERT INTO search_index (search_index) VALUES ('optimize')", ""};
static const struct sql docs_after = {
    "SELECT doc, body FROM search_doc WHERE doc > ?1 ORDER BY doc LIMIT ?2"};
static const struct sql docs_there = {
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'search_doc'",
    "SELECT 1 FROM pg_class WHERE oid = to_regclass('search_doc')"};
static const struct sql docs_count = {
    "SELECT count(*) FROM search_doc", NULL, "a migration counts what it has to do"};

const struct sql *const search_sql[] = {&kind_find, &kind_add, &doc_body, &doc_put, &doc_drop,
    &index_add, &index_drop, &find, &find_newest, &newest, &find_in_groups, &newest_in_groups,
    &doc_load, &index_clear, &index_memory, &index_optimize, &docs_after, &docs_there, &docs_count,
    NULL};

char *search_tokens(struct arena *a, const char *text)
{
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	text_index_tokens(&b, str_from(text));
	return b.p;
}

/* Numbers never change, but one that is not committed yet may never come to be. */
static void kind_keep(struct db *db, const char *kind, int64_t n)
{
	if (db->kind_added || db->nkinds == (int)COUNT(db->kinds) ||
	    strlen(kind) >= sizeof(db->kinds[0].name))
		return;
	struct search_kind *k = &db->kinds[db->nkinds++];
	(void)snprintf(k->name, sizeof(k->name), "%s", kind);
	k->n = n;
}

/* The number of a kind; 0 when nothing of it was ever indexed and it is not to be added. */
static int kind_number(struct db *db, const char *kind, bool make, int64_t *n, struct err *err)
{
	for (int i = 0; i < db->nkinds; i++)
		if (strcmp(db->kinds[i].name, kind) == 0) {
			*n = db->kinds[i].n;
			return 0;
		}
	*n = 0;
	int rc = db_get_i64(db, err, n, &kind_find, "t", kind);
	if (rc == 1) {
		kind_keep(db, kind, *n);
	} else if (rc == 0 && make) {
		db->kind_added = true;
		rc = db_get_i64(db, err, n, &kind_add, "t", kind);
	}
	if (rc >= 0 && *n > KINDS_MAX)
		return err_set(err, ERR_INTERNAL, NULL, "too many kinds of searchable things");
	return rc < 0 ? rc : 0;
}

/* --- SQLite: FTS5 writes what it has in memory at every savepoint, so the index is changed once
 * per commit, after all write functions. --- */

struct search_change {
	int64_t doc;
	char *old, *fresh; /* tokens; NULL: none */
};

static void note_change(struct db *db, int64_t doc, char *old, char *fresh)
{
	if (db->nsearch == db->search_cap) {
		db->search_cap = db->search_cap ? db->search_cap * 2 : 64;
		db->search = reallocarray(db->search, db->search_cap, sizeof(*db->search));
		if (!db->search)
			abort();
	}
	db->search[db->nsearch++] = (struct search_change){doc, old, fresh};
}

void search_rolled_back(struct db *db, size_t n)
{
	while (db->nsearch > n) {
		struct search_change *c = &db->search[--db->nsearch];
		free(c->old);
		free(c->fresh);
	}
}

int search_commit(struct db *db, struct err *err)
{
	int64_t rc = 0;
	for (size_t i = 0; rc >= 0 && i < db->nsearch; i++) {
		const struct search_change *c = &db->search[i];
		if (c->old)
			rc = db_run(db, err, &index_drop, "it", c->doc, c->old);
		if (rc >= 0 && c->fresh)
			rc = db_run(db, err, &index_add, "it", c->doc, c->fresh);
	}
	if (rc < 0)
		return (int)rc;
	search_rolled_back(db, 0);
	return 0;
}

/* A document's group stands in its text as a word that no other text has. */
static void group_word(struct buf *out, int64_t group)
{
	utf8_put(out, TEXT_MARK);
	buf_printf(out, "%" PRId64, group);
}

static char *tokens_of(struct str body) /* folded */
{
	struct buf b = {0};
	text_folded_tokens(&b, body);
	return b.p; /* NULL: no token */
}

/* --- --- */

/* What stands for a document, to be freed; nothing of it: not indexed. */
static int body_of(struct db *db, int64_t doc, struct buf *out, struct err *err)
{
	struct rows *r = db_query(db, err, &doc_body, "i", doc);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc == 1)
		buf_str(out, rows_str(r, 0));
	rows_end(r);
	return rc < 0 ? rc : 0;
}

/* SQLite's index has to be told what it no longer holds. */
static int put_sqlite(
    struct db *db, int64_t doc, struct str old_body, struct str body, struct err *err)
{
	char *old = old_body.n ? tokens_of(old_body) : NULL, *fresh = tokens_of(body);
	int rc = 0;
	if (fresh)
		rc = db_later(db, err, &doc_put, "is", doc, body);
	else if (old_body.n)
		rc = db_later(db, err, &doc_drop, "i", doc);
	if (rc == 0 && (old || fresh)) {
		note_change(db, doc, old, fresh);
		return 0;
	}
	free(old);
	free(fresh);
	return rc;
}

static int put_postgres(struct db *db, int64_t doc, struct str body, struct err *err)
{
	char *tokens = tokens_of(body);
	int rc = tokens ? db_later(db, err, &doc_put, "ist", doc, body, tokens)
	                : db_later(db, err, &doc_drop, "i", doc);
	free(tokens);
	return rc;
}

/* The group is added; takes both texts. */
static int put(
    struct db *db, int64_t doc, int64_t group, struct buf *old, struct buf *body, struct err *err)
{
	if (body->n && group > 0) {
		buf_putc(body, ' ');
		group_word(body, group);
	}
	int rc = db_is_postgres(db) ? put_postgres(db, doc, buf_to_str(body), err)
	                            : put_sqlite(db, doc, buf_to_str(old), buf_to_str(body), err);
	buf_free(old);
	buf_free(body);
	return rc;
}

/* The text without its group. */
static struct str text_of(struct str body)
{
	struct buf mark = {0};
	utf8_put(&mark, TEXT_MARK);
	const char *end = memmem(body.p, body.n, mark.p, mark.n);
	buf_free(&mark);
	return end ? (struct str){body.p, (size_t)(end - body.p) - 1} : body;
}

static int doc_number(struct db *db, const char *kind, int64_t id, int64_t *doc, struct err *err)
{
	int64_t n;
	if (id < 0 || id >> ID_BITS)
		return err_set(err, ERR_INTERNAL, NULL, "search id %lld", (long long)id);
	int rc = kind_number(db, kind, true, &n, err);
	*doc = n << ID_BITS | id;
	return rc;
}

int search_put(
    struct db *db, const char *kind, int64_t id, int64_t group, const char *text, struct err *err)
{
	int64_t doc;
	struct buf old = {0}, body = {0};
	int rc = doc_number(db, kind, id, &doc, err);
	if (rc == 0 && !db_is_postgres(db))
		rc = body_of(db, doc, &old, err);
	if (rc < 0)
		return rc;
	text_fold_search(&body, str_from(text));
	return put(db, doc, group, &old, &body, err);
}

int search_regroup(struct db *db, const char *kind, int64_t id, int64_t group, struct err *err)
{
	int64_t doc;
	struct buf old = {0}, body = {0};
	int rc = doc_number(db, kind, id, &doc, err);
	if (rc == 0)
		rc = body_of(db, doc, &old, err);
	if (rc < 0 || !old.n)
		return rc;
	buf_str(&body, text_of(buf_to_str(&old)));
	return put(db, doc, group, &old, &body, err);
}

/* --- many at once --- */

int search_load_begin(struct search_load *l, struct db *db, const char *table, struct err *err)
{
	*l = (struct search_load){.db = db};
	if (db_is_postgres(db))
		return db->backend->load_begin(db, table, "\"doc\", \"body\", \"tokens\"", err);
	int64_t rc = db_run(db, err, &index_clear, "");
	if (rc >= 0) /* what is not written out each megabyte need not be merged afterwards */
		rc = db_run(db, err, &index_memory, "i", (int64_t)LOAD_MEMORY);
	return rc < 0 ? (int)rc : 0;
}

static int load_index(struct search_load *l, int64_t doc, struct str body, struct err *err)
{
	buf_clear(&l->tokens);
	text_folded_tokens(&l->tokens, body);
	int64_t rc = 0;
	if (l->tokens.n)
		rc = db_run(l->db, err, &index_add, "is", doc, buf_to_str(&l->tokens));
	return rc < 0 ? (int)rc : 0;
}

int search_load_row(struct search_load *l, int64_t doc, struct str body, struct err *err)
{
	if (!db_is_postgres(l->db)) {
		int64_t rc = db_run(l->db, err, &doc_load, "is", doc, body);
		return rc < 0 ? (int)rc : load_index(l, doc, body, err);
	}
	buf_clear(&l->tokens);
	buf_puts(&l->tokens, "");
	text_folded_tokens(&l->tokens, body); /* without signs: a tsvector's own text */
	const struct db_arg row[] = {{.type = 'i', .i = doc}, {.type = 's', .s = body},
	    {.type = 's', .s = buf_to_str(&l->tokens)}};
	return l->db->backend->load_row(l->db, row, COUNT(row), err);
}

int search_load_end(struct search_load *l, bool good, struct err *err)
{
	int64_t rc = 0;
	buf_free(&l->tokens);
	if (db_is_postgres(l->db))
		return l->db->backend->load_end(l->db, good, err);
	if (good)
		rc = db_run(l->db, err, &index_optimize, "");
	if (good && rc >= 0)
		rc = db_run(l->db, err, &index_memory, "i", (int64_t)USUAL_MEMORY);
	return rc < 0 ? (int)rc : 0; /* what is not good is rolled back */
}

/* PostgreSQL: a new table instead of the old one, which takes less time than to change each row. */
static const char rebuild_begin[] = "LOCK TABLE search_doc IN SHARE ROW EXCLUSIVE MODE; CREATE "
                                    "TABLE search_fresh (LIKE search_doc INCLUDING GENERATED)";
static const char rebuild_end[] =
    "DROP TABLE search_doc; ALTER TABLE search_fresh RENAME TO search_doc; "
    "ALTER TABLE search_doc ADD PRIMARY KEY (doc); CREATE INDEX search_doc_tokens ON search_doc "
    "USING gin (tokens) WITH (gin_pending_list_limit = 256); "
    /* The column came with a later step than the first that has the index made anew. */
    "DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_attribute WHERE attrelid = 'search_doc'::regclass AND "
    "attname = 'grp') THEN CREATE INDEX search_doc_group ON search_doc (grp, doc); END IF; END $$; "
    "ANALYZE search_doc";

/* One stretch of documents; *last: where the next one begins. Returns how many there were. */
static int rebuild_some(struct search_load *l, int64_t *last, struct err *err)
{
	bool postgres = db_is_postgres(l->db);
	struct rows *r = db_query(l->db, err, &docs_after, "ii", *last, (int64_t)REBUILD_BATCH);
	if (!r)
		return -(int)ERR_STORE;
	int rc = postgres ? search_load_begin(l, l->db, "search_fresh", err) : 0, n = 0;
	bool begun = rc == 0;
	for (; rc == 0 && (rc = rows_next(r)) == 1; n++) {
		*last = rows_i64(r, 0);
		rc = postgres ? search_load_row(l, *last, rows_str(r, 1), err)
		              : load_index(l, *last, rows_str(r, 1), err);
	}
	if (postgres && begun) {
		int ended = search_load_end(l, rc == 0, err);
		rc = rc < 0 ? rc : ended;
	}
	rows_end(r);
	return rc < 0 ? rc : n;
}

int search_rebuild(struct db *db, void (*progress)(void *, int64_t), void *arg, struct err *err)
{
	bool postgres = db_is_postgres(db);
	struct search_load l = {.db = db};
	int rc = postgres ? db->backend->script(db, rebuild_begin, err)
	                  : search_load_begin(&l, db, NULL, err);
	int64_t last = -1, done = 0;
	if (rc == 0)
		while ((rc = rebuild_some(&l, &last, err)) > 0)
			progress(arg, done += rc);
	if (rc == 0)
		rc = postgres ? db->backend->script(db, rebuild_end, err)
		              : search_load_end(&l, true, err);
	buf_free(&l.tokens);
	return rc;
}

int search_count(struct db *db, int64_t *n, struct err *err)
{
	*n = 0;
	int rc = db_get_i64(db, err, n, &docs_there, "");
	if (rc == 1)
		rc = db_get_i64(db, err, n, &docs_count, "");
	return rc < 0 ? rc : 0;
}

/* --- finding --- */

/* A word of the query that is one run of kanji and kana longer than a pair: its pairs may stand in
 * a text without the word standing there, so the text is looked at. */
static bool is_one_run(struct str word, struct str tokens)
{
	struct str token;
	int n = 0;
	for (struct str rest = tokens; str_cut(&rest, ' ', &token); n++) {
		/* The next pair begins one character later in the word. */
		if (!(word.n >= token.n && memcmp(word.p, token.p, token.n) == 0))
			return false;
		struct str left = token;
		(void)utf8_next(&left);
		size_t first = token.n - left.n;
		if (left.n == word.n - first)
			word = (struct str){"", 0};
		else
			word = (struct str){word.p + first, word.n - first};
	}
	return n > 1 && word.n == 0;
}

struct query {
	struct buf match;                   /* in the database's language */
	struct str check[QUERY_TOKENS_MAX]; /* words to look for in the text itself */
	int ncheck, ntokens;
};

static void query_token(struct query *q, struct str token, bool postgres)
{
	if (q->ntokens++)
		buf_puts(&q->match, postgres ? " & " : " AND ");
	buf_putc(&q->match, postgres ? '\'' : '"');
	buf_str(&q->match, token); /* tokens hold letters and digits only */
	buf_putc(&q->match, postgres ? '\'' : '"');
}

static void query_groups(struct query *q, const int64_t *groups, int n, bool postgres)
{
	for (int i = 0; i < n; i++) {
		buf_puts(&q->match, i ? postgres ? " | " : " OR " : postgres ? " & (" : " AND (");
		buf_putc(&q->match, postgres ? '\'' : '"');
		group_word(&q->match, groups[i]);
		buf_putc(&q->match, postgres ? '\'' : '"');
	}
	if (n)
		buf_putc(&q->match, ')');
}

static void parse_query(struct query *q, struct arena *a, const char *text, bool postgres)
{
	buf_init(&q->match, a);
	struct buf folded;
	buf_init(&folded, a);
	text_fold_search(&folded, str_from(text));
	struct str rest = buf_to_str(&folded), word;
	while (str_cut(&rest, ' ', &word)) {
		struct buf tokens;
		buf_init(&tokens, a);
		text_bigrams(&tokens, word);
		struct str all = buf_to_str(&tokens), token;
		if (is_one_run(word, all) && q->ncheck < QUERY_TOKENS_MAX)
			q->check[q->ncheck++] = word;
		while (str_cut(&all, ' ', &token) && q->ntokens < QUERY_TOKENS_MAX)
			query_token(q, token, postgres);
	}
}

static bool has_words(const struct query *q, struct str body)
{
	for (int i = 0; i < q->ncheck; i++)
		if (!memmem(body.p, body.n, q->check[i].p, q->check[i].n))
			return false;
	return true;
}

/* What is still to be found, and where. */
struct search {
	struct db *db;
	const struct query *query;
	int64_t low, high;  /* documents between, both left out */
	const char *groups; /* of which, as PostgreSQL's array; NULL: all */
	int64_t *ids;
	int n, limit;
};

/* Goes down from high to low until there are enough. */
static int find_between(
    struct search *s, const struct sql *sql, int64_t low, int batch, struct err *err)
{
	int rc = 0;
	for (bool more = true; more && s->n < s->limit;) {
		struct str match = buf_to_str(&s->query->match);
		struct rows *r =
		    sql == &find_in_groups
		        ? db_query(s->db, err, sql, "siiit", match, low, s->high, (int64_t)batch,
		              s->groups)
		        : db_query(s->db, err, sql, "siii", match, low, s->high, (int64_t)batch);
		if (!r)
			return -(int)ERR_STORE;
		int seen = 0;
		while (s->n < s->limit && (rc = rows_next(r)) == 1) {
			s->high = rows_i64(r, 0);
			seen++;
			if (has_words(s->query, rows_str(r, 1)))
				s->ids[s->n++] = s->high & (((int64_t)1 << ID_BITS) - 1);
		}
		rows_end(r);
		if (rc < 0)
			return rc;
		more = seen == batch;
	}
	return 0;
}

/* Looks through the newest, and on through older ones while that is likely to be less work than to
 * have the index collect all matches: when so many as are still to be looked through, were the rest
 * like the part seen, are fewer than twice the matches that there are then. */
static int find_in_newest(struct search *s, struct err *err)
{
	int64_t top = 0;
	int rc = db_get_i64(s->db, err, &top, &newest, "ii", s->low, s->high);
	if (rc < 0)
		return rc;
	s->high = top + 1;
	int64_t all = top - s->low, seen = 0, ahead = NEWEST;
	do {
		seen += ahead;
		int64_t low = top - seen > s->low ? top - seen : s->low;
		rc = find_between(s, &find_newest, low, s->limit, err);
		if (rc < 0 || s->n == s->limit)
			return rc;
		s->high = low + 1;
		ahead = s->n ? (s->limit - s->n) * seen / s->n + 1 : all;
	} while (s->n && s->high > s->low + 1 && ahead < 2 * all / seen * s->n);
	return rc;
}

/* The newest `most` documents of the groups: *low is the last of them. Returns how many there are.
 */
static int64_t look_at(struct search *s, int64_t most, int64_t *low, struct err *err)
{
	struct rows *r =
	    db_query(s->db, err, &newest_in_groups, "tiii", s->groups, s->low, s->high, most);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	int64_t n = rc == 1 ? rows_i64(r, 1) : rc;
	*low = rc == 1 ? rows_i64(r, 0) : 0;
	rows_end(r);
	return n;
}

/* The same in some groups, whose documents stand apart from each other: a word that is common there
 * is found soon, and the index has few matches of another. */
static int find_in_newest_of_groups(struct search *s, struct err *err)
{
	int64_t seen = 0, ahead = LOOK, low;
	do {
		int64_t n = look_at(s, ahead, &low, err);
		int rc = n > 0 ? find_between(s, &find_in_groups, low - 1, s->limit, err) : (int)n;
		if (rc < 0 || s->n == s->limit)
			return rc;
		s->high = n < ahead ? s->low + 1 : low;
		seen += n;
		ahead = s->n ? (s->limit - s->n) * seen / s->n + 1 : LOOK_MAX;
	} while (s->high > s->low + 1 && seen + ahead <= LOOK_MAX);
	return 0;
}

static const char *array_text(struct arena *a, const int64_t *v, int n)
{
	struct buf b;
	buf_init(&b, a);
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%c%" PRId64, i ? ',' : '{', v[i]);
	buf_putc(&b, '}');
	return b.p;
}

int search_find(struct db *db, struct arena *a, const struct search_query *query, int64_t **ids,
    struct err *err)
{
	*ids = NULL;
	struct query q = {.ncheck = 0};
	bool postgres = db_is_postgres(db);
	int64_t k;
	int rc = kind_number(db, query->kind, false, &k, err);
	if (rc < 0)
		return rc;
	parse_query(&q, a, query->text, postgres);
	int limit = query->limit;
	if (k == 0 || q.ntokens == 0 || limit <= 0)
		return 0;
	query_groups(&q, query->groups, query->ngroups, postgres);
	*ids = arena_array(a, (size_t)limit, sizeof(**ids));
	struct search s = {.db = db, .query = &q, .ids = *ids, .limit = limit};
	s.low = (k << ID_BITS) - 1;
	s.high = k == KINDS_MAX ? INT64_MAX : (k + 1) << ID_BITS;
	if (query->before_id > 0 && query->before_id < (int64_t)1 << ID_BITS)
		s.high = k << ID_BITS | query->before_id;
	if (postgres) {
		bool few = query->ngroups > 0 && query->ngroups <= LOOK_GROUPS;
		s.groups = few ? array_text(a, query->groups, query->ngroups) : NULL;
		rc = few ? find_in_newest_of_groups(&s, err) : find_in_newest(&s, err);
		if (rc == 0 && s.n < limit && s.high > s.low + 1)
			rc = find_between(
			    &s, &find, s.low, limit > FIND_BATCH ? limit : FIND_BATCH, err);
	} else {
		rc = find_between(
		    &s, &find, s.low, q.ncheck && limit < FIND_BATCH ? FIND_BATCH : limit, err);
	}
	return rc < 0 ? rc : s.n;
}
