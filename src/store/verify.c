/* What `machi verify` does.
 *
 * 1. Entries in the order of the tree: no place is missing, each entry's text has the stored leaf
 *    hash, its data the stored data hash, and data is gone only where an entry says that it was
 * erased.
 * 2. The tree: from the leaf hashes every stored node and the root of every signed head come out
 *    again, and each head's signature is ours. A changed entry whose leaf hash was changed with it
 * shows here; then only the range between two sound hashes is known.
 * 3. Subjects: the present state of each is the one its last entry left.
 * 4. Blobs: the bytes of each one in use have its name as their hash.
 *
 * All of it reads one snapshot, so it may run while the store is in use. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/blob.h"
#include "store/private.h"

enum { BATCH = 1000, TELL_EVERY = 1000 };

static const struct sql count_entries = {"SELECT count(*) FROM journal"};
static const struct sql count_blobs = {
    "SELECT count(DISTINCT name) FROM blob_use", .whole = "machi verify reads every file"};
static const struct sql count_subjects = {
    "SELECT count(DISTINCT subject) FROM journal WHERE subject >= ?1 AND subject < ?2 AND "
    "state_hash IS NOT NULL"};
#define ROW                                                                                        \
	"SELECT id, leaf, at_us, actor, verb, subject, data, salt, data_hash, state_hash, "        \
	"leaf_hash "                                                                               \
	"FROM journal "
static const struct sql entries = {ROW "WHERE leaf >= ?1 ORDER BY leaf LIMIT ?2"};
static const struct sql entries_unplaced = {
    ROW "WHERE leaf IS NULL AND id > ?1 ORDER BY id LIMIT ?2"};
static const struct sql erased_later = {
    "SELECT 1 FROM journal WHERE subject = ?1 AND id > ?2 AND verb = 'journal.erased' LIMIT 1"};
static const struct sql entry_at = {"SELECT id FROM journal WHERE leaf = ?1"};
static const struct sql head_after = {
    "SELECT size, at_us, origin, root, signature FROM journal_head WHERE size > ?1 "
    "ORDER BY size LIMIT 1"};
static const struct sql node_at = {"SELECT hash FROM journal_node WHERE level = ?1 AND n = ?2"};
static const struct sql last_state = {
    "SELECT id, salt, state_hash FROM journal WHERE subject = ?1 AND state_hash IS NOT NULL "
    "ORDER BY id DESC LIMIT 1"};
static const struct sql subjects_after = {
    "SELECT subject FROM journal WHERE subject > ?1 AND subject < ?2 AND state_hash IS NOT NULL "
    "GROUP BY subject ORDER BY subject LIMIT ?3"};
static const struct sql blobs_after = {
    "SELECT name, min(subject) FROM blob_use WHERE name > ?1 GROUP BY name ORDER BY name LIMIT ?2"};

const struct sql *const verify_sql[] = {&count_entries, &count_blobs, &count_subjects, &entries,
    &entries_unplaced, &erased_later, &entry_at, &head_after, &node_at, &last_state,
    &subjects_after, &blobs_after, NULL};

/* Subjects that were seen, by a hash of their text: two of a million subjects share one once in
 * some ten million cities, and then only a missing one could stay unseen. */
struct seen {
	uint64_t *slot;
	size_t n, cap;
};

static uint64_t *seen_slot(const struct seen *s, uint64_t h)
{
	size_t i = h & (s->cap - 1);
	while (s->slot[i] && s->slot[i] != h)
		i = (i + 1) & (s->cap - 1);
	return &s->slot[i];
}

static uint64_t subject_hash(const char *subject)
{
	tree_hash h;
	uint64_t v;
	sha256(subject, strlen(subject), h);
	memcpy(&v, h, sizeof(v));
	return v | 1; /* 0 is an empty slot */
}

static void seen_add(struct seen *s, const char *subject)
{
	if (s->n * 2 >= s->cap) {
		struct seen bigger = {.cap = s->cap ? s->cap * 2 : 1024};
		bigger.slot = calloc(bigger.cap, sizeof(*bigger.slot));
		if (!bigger.slot)
			abort();
		for (size_t i = 0; i < s->cap; i++)
			if (s->slot[i])
				*seen_slot(&bigger, s->slot[i]) = s->slot[i];
		bigger.n = s->n;
		free(s->slot);
		*s = bigger;
	}
	uint64_t *slot = seen_slot(s, subject_hash(subject));
	s->n += *slot == 0;
	*slot = subject_hash(subject);
}

struct verify {
	struct store *store;
	struct db *db;
	const struct journal_verifier *const *verifiers;
	int nverifiers;
	void (*progress)(void *, int64_t, int64_t);
	void *progress_arg;
	int64_t done, total;
	struct verify_report *report;

	unsigned char key[32];
	bool has_key;
	struct tree_edge edge;
	bool gap;              /* a place is missing: roots cannot come out right any more */
	int64_t bad_leaf;      /* the last leaf that is known to be damaged; -1: none */
	int64_t sound_size;    /* size of the last head that came out right */
	struct tree_head head; /* the next one to compare; size 0: none */
	bool journal_bad;      /* steps 1 and 2 are over and named an entry */
	struct seen seen;
	struct err *err;
};

__attribute__((format(printf, 3, 4))) static void problem(
    struct verify *v, int64_t entry, const char *fmt, ...)
{
	struct verify_report *r = v->report;
	bool first = r->problems++ == 0;
	/* The first in the journal is named. A missing entry makes states look wrong as well: what
	 * comes after the journal does not replace what was found in it. */
	if (v->journal_bad ||
	    (!first && (entry < 0 || (r->first_bad_entry >= 0 && r->first_bad_entry <= entry))))
		return;
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(r->first_bad, sizeof(r->first_bad), fmt, ap); /* cut if longer */
	va_end(ap);
	r->first_bad_entry = entry;
}

static void advance(struct verify *v)
{
	if (++v->done % TELL_EVERY == 0 && v->progress)
		v->progress(v->progress_arg, v->done, v->total > v->done ? v->total : v->done);
}

/* --- 1 --- */

static bool is_hash(struct str s, const tree_hash h)
{
	return s.n == TREE_HASH && memcmp(s.p, h, TREE_HASH) == 0;
}

static int check_data(
    struct verify *v, struct rows *r, const struct journal_leaf *l, bool *bad, struct err *err)
{
	struct str data = rows_str(r, 6), salt = rows_bytes(r, 7);
	if (!l->data_hash.p && !l->state_hash.p) {
		if (data.p || salt.p) {
			*bad = true;
			problem(v, l->id, "entry %" PRId64 " (%.*s %.*s) was given data", l->id,
			    STR_ARG(l->verb), STR_ARG(l->subject));
		}
		return 0;
	}
	if (salt.p) {
		tree_hash h;
		sha256_2(salt.p, salt.n, data.p ? data.p : "", data.n, h);
		if ((l->data_hash.p != NULL) != (data.p != NULL) ||
		    (data.p && !is_hash(l->data_hash, h))) {
			*bad = true;
			problem(v, l->id, "the data of entry %" PRId64 " (%.*s %.*s) was changed",
			    l->id, STR_ARG(l->verb), STR_ARG(l->subject));
		}
		return 0;
	}
	int64_t one;
	int rc = db_get_i64(v->db, err, &one, &erased_later, "si", l->subject, l->id);
	if (rc == 0 || data.p) {
		*bad = true;
		problem(v, l->id, "the data of entry %" PRId64 " (%.*s %.*s) was removed", l->id,
		    STR_ARG(l->verb), STR_ARG(l->subject));
	}
	return rc < 0 ? rc : 0;
}

static int check_entry(struct verify *v, struct rows *r, struct err *err)
{
	struct journal_leaf l = {
	    .id = rows_i64(r, 0),
	    .at_us = rows_i64(r, 2),
	    .actor = rows_str(r, 3),
	    .verb = rows_str(r, 4),
	    .subject = rows_str(r, 5),
	    .data_hash = rows_bytes(r, 8),
	    .state_hash = rows_bytes(r, 9),
	};
	bool bad = false;
	struct buf text = {0};
	tree_hash h;
	journal_entry_text(&text, &l);
	tree_leaf(text.p, text.n, h);
	buf_free(&text);
	if (!is_hash(rows_bytes(r, 10), h)) {
		bad = true;
		problem(v, l.id, "entry %" PRId64 " (%.*s %.*s) was changed", l.id, STR_ARG(l.verb),
		    STR_ARG(l.subject));
	}
	int rc = check_data(v, r, &l, &bad, err);
	if (bad && !rows_null(r, 1))
		v->bad_leaf = rows_i64(r, 1);
	v->report->entries++;
	advance(v);
	return rc;
}

/* --- 2 --- */

/* A damaged range in which no entry shows its own damage. */
static int blame_range(struct verify *v, int64_t first, int64_t end, const char *what)
{
	if (v->bad_leaf >= first && v->bad_leaf < end) {
		v->report->problems++; /* explained by that entry */
		return 0;
	}
	int64_t id = -1;
	int rc = db_get_i64(v->db, v->err, &id, &entry_at, "i", first);
	problem(v, id,
	    "%s: one of the %" PRId64 " entries from %" PRId64 " on was changed together "
	    "with its hash",
	    what, end - first, id);
	v->bad_leaf = first;
	return rc < 0 ? rc : 0;
}

static int check_node(void *arg, int level, int64_t n, const tree_hash hash)
{
	struct verify *v = arg;
	struct rows *r = db_query(v->db, v->err, &node_at, "ii", (int64_t)level, n);
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	bool there = rc == 1, same = there && is_hash(rows_bytes(r, 0), hash);
	rows_end(r);
	if (rc < 0 || same)
		return rc < 0 ? rc : 0;
	int64_t leaves = (int64_t)1 << level * TREE_TILE_BITS;
	char what[64];
	(void)snprintf(what, sizeof(what), "node %d/%" PRId64 " of the tree %s", level, n,
	    there ? "differs" : "is missing");
	return blame_range(v, n * leaves, (n + 1) * leaves, what);
}

static int next_head(struct verify *v, int64_t after)
{
	v->head.size = 0;
	struct rows *r = db_query(v->db, v->err, &head_after, "i", after);
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	bool whole = rc != 1 || journal_head_row(r, &v->head);
	rows_end(r);
	if (rc == 1 && (!whole || !v->has_key || !tree_head_valid(&v->head, v->key)))
		problem(v, -1,
		    "the signature of the tree head of %" PRId64 " entries is not this store's",
		    v->head.size);
	return rc < 0 ? rc : 0;
}

static int check_head(struct verify *v)
{
	int rc = 0;
	if (v->head.size && v->head.size == v->edge.size) {
		tree_hash root;
		tree_edge_root(&v->edge, root);
		if (memcmp(root, v->head.root, sizeof(root)) == 0)
			v->sound_size = v->head.size;
		else
			rc = blame_range(
			    v, v->sound_size, v->head.size, "a signed tree head differs");
		if (rc == 0)
			rc = next_head(v, v->head.size);
	}
	return rc;
}

static int place_entry(struct verify *v, struct rows *r)
{
	int64_t leaf = rows_i64(r, 1);
	if (v->gap)
		return 0;
	if (leaf != v->edge.size) {
		int64_t before = -1;
		if (v->edge.size > 0 &&
		    db_get_i64(v->db, v->err, &before, &entry_at, "i", v->edge.size - 1) < 0)
			return -(int)ERR_STORE;
		problem(v, before + 1, "%" PRId64 " entries are missing after entry %" PRId64,
		    leaf - v->edge.size, before);
		v->gap = true;
		return 0;
	}
	struct str h = rows_bytes(r, 10);
	tree_hash hash = {0};
	memcpy(hash, h.p, h.n == sizeof(hash) ? h.n : 0);
	int rc = tree_append(&v->edge, hash, check_node, v);
	return rc < 0 ? rc : check_head(v);
}

static int check_entries(struct verify *v)
{
	int rc = next_head(v, 0);
	int64_t next = 0, got = BATCH;
	while (rc == 0 && got == BATCH) {
		struct rows *r = db_query(v->db, v->err, &entries, "ii", next, (int64_t)BATCH);
		if (!r)
			return -(int)ERR_STORE;
		for (got = 0; rc == 0 && (rc = rows_next(r)) == 1; got++) {
			next = rows_i64(r, 1) + 1;
			rc = check_entry(v, r, v->err);
			if (rc == 0)
				rc = place_entry(v, r);
		}
		rows_end(r);
	}
	if (rc == 0 && v->head.size && !v->gap) {
		int64_t last = -1;
		if (v->edge.size > 0)
			rc = db_get_i64(v->db, v->err, &last, &entry_at, "i", v->edge.size - 1);
		problem(v, last + 1,
		    "a signed tree head counts %" PRId64 " entries, but only %" PRId64
		    " are there: the newest are missing",
		    v->head.size, v->edge.size);
	}
	got = BATCH;
	for (next = 0; rc >= 0 && got == BATCH;) {
		struct rows *r =
		    db_query(v->db, v->err, &entries_unplaced, "ii", next, (int64_t)BATCH);
		if (!r)
			return -(int)ERR_STORE;
		for (got = 0, rc = 0; rc == 0 && (rc = rows_next(r)) == 1; got++) {
			next = rows_i64(r, 0);
			rc = check_entry(v, r, v->err);
		}
		rows_end(r);
	}
	return rc < 0 ? rc : 0;
}

/* --- 3 --- */

static int check_state(void *arg, const char *subject, json_t *state)
{
	struct verify *v = arg;
	seen_add(&v->seen, subject);
	v->report->subjects++;
	advance(v);
	struct rows *r = db_query(v->db, v->err, &last_state, "t", subject);
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	if (rc == 1 && !rows_null(r, 1)) { /* without the salt the data was erased */
		tree_hash h;
		struct str salt = rows_bytes(r, 1);
		if (salt.n == SALT_SIZE)
			journal_state_hash(salt.p, state, h);
		if (salt.n != SALT_SIZE || !is_hash(rows_bytes(r, 2), h))
			problem(v, rows_i64(r, 0), "%s is not as entry %" PRId64 " left it",
			    subject, rows_i64(r, 0));
	} else if (rc == 0) {
		problem(v, -1, "%s is in no entry of the journal", subject);
	}
	rows_end(r);
	return rc < 0 ? rc : 0;
}

/* An entry left a state, but the table has no such subject. */
static int check_missing(struct verify *v, const char *subject)
{
	if (v->seen.cap && *seen_slot(&v->seen, subject_hash(subject)))
		return 0;
	struct rows *r = db_query(v->db, v->err, &last_state, "t", subject);
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	if (rc == 1 && !rows_null(r, 1)) {
		tree_hash h;
		struct str salt = rows_bytes(r, 1);
		json_t *gone = json_null();
		if (salt.n == SALT_SIZE)
			journal_state_hash(salt.p, gone, h);
		if (salt.n != SALT_SIZE || !is_hash(rows_bytes(r, 2), h))
			problem(v, rows_i64(r, 0), "%s is missing; entry %" PRId64 " left it there",
			    subject, rows_i64(r, 0));
	}
	rows_end(r);
	return rc < 0 ? rc : 0;
}

static int check_subjects(struct verify *v, const struct journal_verifier *verifier)
{
	memset(v->seen.slot, 0, v->seen.cap * sizeof(*v->seen.slot));
	v->seen.n = 0;
	int rc = verifier->each(v->db, check_state, v, v->err);
	struct arena *a = arena_new();
	char *after = arena_printf(a, "%s:", verifier->kind);
	const char *end =
	    arena_printf(a, "%s;", verifier->kind); /* ';' is the character after ':' */
	int64_t got = BATCH;
	struct buf at = {0};
	buf_puts(&at, after);
	while (rc >= 0 && got == BATCH) {
		struct arena_mark mark = arena_mark(a);
		struct rows *r =
		    db_query(v->db, v->err, &subjects_after, "tti", at.p, end, (int64_t)BATCH);
		if (!r) {
			rc = -(int)ERR_STORE;
			break;
		}
		const char **batch = arena_array(a, BATCH, sizeof(*batch));
		got = 0;
		while (got < BATCH && (rc = rows_next(r)) == 1)
			batch[got++] = rows_dup(r, 0, a);
		rows_end(r);
		for (int64_t i = 0; rc >= 0 && i < got; i++)
			rc = check_missing(v, batch[i]);
		if (got) {
			buf_clear(&at);
			buf_puts(&at, batch[got - 1]);
		}
		arena_release(a, mark);
	}
	buf_free(&at);
	arena_free(a);
	return rc < 0 ? rc : 0;
}

/* --- 4 --- */

static int check_blob(struct verify *v, const char *name, const char *subject)
{
	int fd;
	int64_t size;
	struct err err = {0};
	int rc = blob_open(v->store, name, &fd, &size, &err);
	if (rc < 0) {
		if (err.kind == ERR_BUSY) {
			*v->err = err;
			return rc;
		}
		problem(v, -1, "attachment %.16s… of %s cannot be read: %s", name, subject,
		    err.kind == ERR_MISSING ? "it is missing" : err.detail);
		return 0;
	}
	char now[BLOB_NAME_SIZE];
	struct blob_input in = {.fd = fd, .size = size};
	rc = blob_name_of(&in, now, &err);
	(void)close(fd); /* only read */
	if (rc < 0 || strcmp(name, now) != 0)
		problem(v, -1, "attachment %.16s… of %s was changed", name, subject);
	return 0;
}

static int check_blobs(struct verify *v)
{
	struct arena *a = arena_new();
	char after[BLOB_NAME_SIZE] = "";
	int rc = 0;
	int64_t got = BATCH;
	while (rc >= 0 && got == BATCH) {
		struct rows *r = db_query(v->db, v->err, &blobs_after, "ti", after, (int64_t)BATCH);
		if (!r) {
			rc = -(int)ERR_STORE;
			break;
		}
		const char **batch = arena_array(a, BATCH * 2, sizeof(*batch));
		got = 0;
		while (got < BATCH && (rc = rows_next(r)) == 1) {
			batch[2 * got] = rows_dup(r, 0, a);
			batch[2 * got + 1] = rows_dup(r, 1, a);
			got++;
		}
		rows_end(r);
		for (int64_t i = 0; rc >= 0 && i < got; i++) {
			rc = check_blob(v, batch[2 * i], batch[2 * i + 1]);
			v->report->blobs++;
			advance(v);
		}
		if (got)
			(void)snprintf(after, sizeof(after), "%s", batch[2 * (got - 1)]);
		arena_release(a, (struct arena_mark){0});
	}
	arena_free(a);
	return rc < 0 ? rc : 0;
}

/* --- --- */

static int count(struct verify *v)
{
	int64_t n = 0;
	int rc = db_get_i64(v->db, v->err, &n, &count_entries, "");
	v->total = n;
	if (rc >= 0)
		rc = db_get_i64(v->db, v->err, &n, &count_blobs, "");
	v->total += n;
	for (int i = 0; rc >= 0 && i < v->nverifiers; i++) {
		char from[128], to[128];
		(void)snprintf(from, sizeof(from), "%s:", v->verifiers[i]->kind); /* short words */
		(void)snprintf(to, sizeof(to), "%s;", v->verifiers[i]->kind);
		rc = db_get_i64(v->db, v->err, &n, &count_subjects, "tt", from, to);
		v->total += n;
	}
	return rc < 0 ? rc : 0;
}

static int verify(struct db *db, void *arg, struct err *err)
{
	struct verify *v = arg;
	v->db = db;
	v->err = err;
	int rc = count(v);
	if (rc == 0)
		rc = check_entries(v);
	v->journal_bad = v->report->first_bad_entry >= 0;
	for (int i = 0; rc == 0 && i < v->nverifiers; i++)
		rc = check_subjects(v, v->verifiers[i]);
	if (rc == 0)
		rc = check_blobs(v);
	if (rc == 0 && v->progress)
		v->progress(v->progress_arg, v->done, v->done);
	return rc;
}

int journal_verify(struct store *st, const struct journal_verifier *const *verifiers, int n,
    void (*progress)(void *arg, int64_t done, int64_t total), void *arg,
    struct verify_report *report, struct err *err)
{
	struct err own;
	*report = (struct verify_report){.first_bad_entry = -1};
	struct verify v = {
	    .store = st,
	    .verifiers = verifiers,
	    .nverifiers = n,
	    .progress = progress,
	    .progress_arg = arg,
	    .report = report,
	    .bad_leaf = -1,
	};
	seen_add(&v.seen, ""); /* makes the set; nothing has that name */
	v.has_key = journal_public_key(st, v.key, NULL) == 0;
	int rc = store_read(st, verify, &v, err ? err : &own);
	free(v.seen.slot);
	return rc;
}
