#include "store/journal.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"
#include "store/private.h"

enum { SEQUENCE_BATCH = 2000, HEAD_EVERY_US = 60 * 1000000 };

static const struct sql add_here = {
    "INSERT INTO journal (id, leaf, at_us, actor, verb, subject, data, salt, data_hash, "
    "state_hash, "
    "leaf_hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"};
/* The leaf's text begins with the number that only the database can give, so it makes the hash. */
static const struct sql add_there = {"",
    "INSERT INTO journal (id, at_us, actor, verb, subject, data, salt, data_hash, state_hash, "
    "leaf_hash) SELECT n.id, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, sha256('\\x00'::bytea || "
    "convert_to('machi-entry/1' || chr(10) || n.id::text || chr(10) || ?9, 'UTF8')) "
    "FROM (SELECT nextval('journal_id_seq') AS id) n RETURNING id"};
static const struct sql tree_size = {"SELECT coalesce(max(leaf) + 1, 0) FROM journal"};
static const struct sql max_id = {"SELECT coalesce(max(id), 0) FROM journal"};
static const struct sql leaf_hashes = {
    "SELECT leaf_hash FROM journal WHERE leaf >= ?1 AND leaf < ?2 ORDER BY leaf"};
static const struct sql node_hashes = {
    "SELECT hash FROM journal_node WHERE level = ?1 AND n >= ?2 AND n < ?3 ORDER BY n"};
static const struct sql node_add = {
    "INSERT INTO journal_node (level, n, hash) VALUES (?1, ?2, ?3)"};
static const struct sql unsequenced = {
    "SELECT id, leaf_hash FROM journal WHERE leaf IS NULL ORDER BY id LIMIT ?1"};
static const struct sql place_one = {"UPDATE journal SET leaf = ?2 WHERE id = ?1"};
static const struct sql place_many = {"",
    "UPDATE journal j SET leaf = ?1 + v.place - 1 FROM "
    "unnest(?2::bigint[]) WITH ORDINALITY AS v (id, place) WHERE j.id = v.id"};
static const struct sql sequencer_lock = {"SELECT 1",
    "SELECT pg_advisory_xact_lock(1835100009, hashtext(current_schema() || '/sequence'))"};
static const struct sql head_add = {
    "INSERT INTO journal_head (size, at_us, origin, root, signature) VALUES (?1, ?2, ?3, ?4, ?5) "
    "ON CONFLICT (size) DO NOTHING"};
static const struct sql head_newest = {
    "SELECT size, at_us, origin, root, signature FROM journal_head ORDER BY size DESC LIMIT 1"};
static const struct sql leaf_row = {
    "SELECT id, at_us, actor, verb, subject, data_hash, state_hash FROM journal WHERE leaf = ?1"};
#define ENTRY "SELECT id, leaf, at_us, actor, verb, subject, data FROM journal "
static const struct sql entries_of = {ENTRY "WHERE subject = ?1 ORDER BY id"};
static const struct sql entries_after = {ENTRY
    "WHERE leaf > coalesce((SELECT leaf FROM journal WHERE id = ?1), -1) ORDER BY leaf LIMIT ?2"};
static const struct sql entry_known = {"SELECT coalesce(leaf, -1) FROM journal WHERE id = ?1"};
static const struct sql erase = {
    "UPDATE journal SET data = NULL, salt = NULL WHERE subject = ?1 AND salt IS NOT NULL"};

const struct sql *const journal_sql[] = {&add_here, &add_there, &tree_size, &max_id, &leaf_hashes,
    &node_hashes, &node_add, &unsequenced, &place_one, &place_many, &sequencer_lock, &head_add,
    &head_newest, &leaf_row, &entries_of, &entries_after, &entry_known, &erase, NULL};

void journal_entry_text(struct buf *b, const struct journal_leaf *l)
{
	buf_puts(b, "machi-entry/1\n");
	buf_i64(b, l->id);
	buf_putc(b, '\n');
	journal_entry_rest(b, l);
}

void journal_entry_rest(struct buf *b, const struct journal_leaf *l)
{
	buf_i64(b, l->at_us);
	const struct str lines[] = {l->actor, l->verb, l->subject};
	for (size_t i = 0; i < COUNT(lines); i++) {
		buf_putc(b, '\n');
		buf_str(b, lines[i]);
	}
	const struct str hashes[] = {l->data_hash, l->state_hash};
	for (size_t i = 0; i < COUNT(hashes); i++) {
		buf_putc(b, '\n');
		if (hashes[i].p)
			buf_hex(b, hashes[i].p, hashes[i].n);
		else
			buf_putc(b, '-');
	}
	buf_putc(b, '\n');
}

/* --- the tree in the store --- */

int journal_read_hashes(
    void *arg, int level, int64_t first, int count, tree_hash *out, struct err *err)
{
	struct db *db = arg;
	struct rows *r = level == 0 ? db_query(db, err, &leaf_hashes, "ii", first, first + count)
	                            : db_query(db, err, &node_hashes, "iii", (int64_t)level, first,
	                                  first + count);
	if (!r)
		return -(int)ERR_STORE;
	int n = 0, rc;
	while ((rc = rows_next(r)) == 1 && n < count) {
		struct str h = rows_bytes(r, 0);
		if (h.n != TREE_HASH)
			break;
		memcpy(out[n++], h.p, TREE_HASH);
	}
	rows_end(r);
	if (rc < 0)
		return rc;
	if (n < count)
		return err_set(err, ERR_STORE, "journal.damaged",
		    "level %d of the tree lacks hashes from %lld on", level,
		    (long long)(first + n));
	return 0;
}

static struct tree_source source(struct db *db)
{
	return (struct tree_source){journal_read_hashes, db};
}

/* Size of the tree as committed: what this transaction added does not have its nodes yet. */
static int size_now(struct db *db, int64_t *size, struct err *err)
{
	if (db->role == DB_WRITER && db->edge_loaded) {
		*size = db->edge.size;
		return 0;
	}
	int rc = db_get_i64(db, err, size, &tree_size, "");
	return rc < 0 ? rc : 0;
}

void journal_begin(struct db *db)
{
	db->edge_loaded = false;
	db->npending = 0;
}

struct journal_mark journal_mark(const struct db *db)
{
	return (struct journal_mark){db->npending, db->last_id};
}

void journal_rolled_back(struct db *db, struct journal_mark mark)
{
	/* A mark from before the edge was loaded has no pending entries and an old id: read again.
	 */
	if (mark.npending == 0)
		db->edge_loaded = false;
	db->npending = mark.npending;
	db->last_id = mark.last_id;
}

void journal_forget(struct db *db)
{
	journal_begin(db);
	db->edge.size = -1;
}

/* Another process may have written: the edge kept from the last transaction is used only when the
 * table still ends there. */
static int load_edge(struct db *db, struct err *err)
{
	if (db->edge_loaded)
		return 0;
	int64_t size;
	int rc = db_get_i64(db, err, &size, &tree_size, "");
	if (rc >= 0)
		rc = db_get_i64(db, err, &db->last_id, &max_id, "");
	if (rc < 0)
		return rc;
	if (size != db->edge.size) {
		struct tree_source s = source(db);
		rc = tree_edge_load(&s, size, &db->edge, err);
		if (rc < 0) {
			db->edge.size = -1;
			return rc;
		}
	}
	db->edge_loaded = true;
	return 0;
}

static void add_pending(struct db *db, const void *hash)
{
	if (db->npending == db->pending_cap) {
		db->pending_cap = db->pending_cap ? db->pending_cap * 2 : 64;
		db->pending = reallocarray(db->pending, db->pending_cap, sizeof(*db->pending));
		if (!db->pending)
			abort();
	}
	memcpy(db->pending[db->npending++], hash, HASH_SIZE);
}

struct store_node {
	struct db *db;
	struct err *err;
};

static int store_node(void *arg, int level, int64_t n, const tree_hash hash)
{
	struct store_node *to = arg;
	int64_t rc = db_run(to->db, to->err, &node_add, "iib", (int64_t)level, n,
	    (struct str){(const char *)hash, TREE_HASH});
	return rc < 0 ? (int)rc : 0;
}

static int sign_head(struct db *db, struct tree_head *head, struct err *err)
{
	struct arena *a = arena_new();
	char *origin;
	int rc = journal_origin(db, a, &origin, err);
	if (rc == 0) {
		(void)snprintf(
		    head->origin, sizeof(head->origin), "%s", origin); /* checked there */
		head->at_us = now_us();
		const char *text = tree_head_text(a, head->origin, head);
		rc = journal_sign(db_store(db), text, strlen(text), head->signature, err);
	}
	arena_free(a);
	return rc;
}

static int store_head(struct db *db, void *arg, struct err *err)
{
	const struct tree_head *h = arg;
	int64_t rc = db_run(db, err, &head_add, "iitbb", h->size, h->at_us, h->origin,
	    (struct str){(const char *)h->root, HASH_SIZE},
	    (struct str){(const char *)h->signature, sizeof(h->signature)});
	return rc < 0 ? (int)rc : 0;
}

/* Heads are signed from time to time also when nobody asks: they are what a later check can hold
 * the past against. */
static int head_from_time_to_time(struct db *db, struct err *err)
{
	struct store *st = db_store(db);
	int64_t now = now_us();
	if (now - atomic_load(&st->head_at_us) < HEAD_EVERY_US)
		return 0;
	struct tree_head head = {.size = db->edge.size};
	tree_edge_root(&db->edge, head.root);
	struct err why;
	int rc = sign_head(db, &head, &why);
	if (rc < 0) { /* an unreadable key must not stop the city's work */
		log_err("journal.head", &why);
		atomic_store(&st->head_at_us, now);
		return 0;
	}
	rc = store_head(db, &head, err);
	if (rc == 0)
		atomic_store(&st->head_at_us, now);
	return rc;
}

int journal_commit(struct db *db, struct err *err)
{
	if (db->npending == 0)
		return 0;
	struct store_node to = {db, err};
	for (size_t i = 0; i < db->npending; i++) {
		int rc = tree_append(&db->edge, db->pending[i], store_node, &to);
		if (rc < 0)
			return rc;
	}
	db->npending = 0;
	return head_from_time_to_time(db, err);
}

static int no_hash(int64_t id, struct err *err)
{
	return err_set(
	    err, ERR_STORE, "journal.damaged", "entry %lld has no leaf hash", (long long)id);
}

/* SQLite: only entries that were restored from a backup without a place. They get theirs with the
 * commit, like new ones. */
static int sequence_here(struct db *db, struct err *err)
{
	int rc = load_edge(db, err);
	if (rc < 0)
		return rc;
	struct rows *r = db_query(db, err, &unsequenced, "i", INT64_MAX);
	if (!r)
		return -(int)ERR_STORE;
	while ((rc = rows_next(r)) == 1) {
		if (rows_bytes(r, 1).n != TREE_HASH) {
			rc = no_hash(rows_i64(r, 0), err);
			break;
		}
		int64_t n = db_run(db, err, &place_one, "ii", rows_i64(r, 0),
		    db->edge.size + (int64_t)db->npending);
		if (n < 0) {
			rc = (int)n;
			break;
		}
		add_pending(db, rows_bytes(r, 1).p);
	}
	rows_end(r);
	return rc;
}

/* PostgreSQL: one batch, under a lock, so that one transaction at a time extends the tree. Entries
 * committed later with a smaller id come later in the tree: a place is never moved. */
static int sequence_there(struct db *db, struct err *err)
{
	int64_t size;
	int rc = db_get_i64(db, err, &size, &sequencer_lock, "");
	if (rc >= 0)
		rc = db_get_i64(db, err, &size, &tree_size, "");
	if (rc < 0)
		return rc;
	struct tree_edge edge = db->edge; /* of this connection's last batch; checked by its size */
	if (edge.size != size) {
		struct tree_source s = source(db);
		rc = tree_edge_load(&s, size, &edge, err);
		if (rc < 0)
			return rc;
	}
	struct rows *r = db_query(db, err, &unsequenced, "i", (int64_t)SEQUENCE_BATCH);
	if (!r)
		return -(int)ERR_STORE;
	struct buf ids = {0};
	struct store_node to = {db, err};
	int n = 0;
	while ((rc = rows_next(r)) == 1) {
		buf_putc(&ids, n++ ? ',' : '{');
		buf_i64(&ids, rows_i64(r, 0));
		rc = rows_bytes(r, 1).n != TREE_HASH
		         ? no_hash(rows_i64(r, 0), err)
		         : tree_append(
		               &edge, (const unsigned char *)rows_bytes(r, 1).p, store_node, &to);
		if (rc < 0)
			break;
	}
	rows_end(r);
	buf_putc(&ids, '}');
	if (rc == 0 && n) {
		int64_t changed = db_run(db, err, &place_many, "is", size, buf_to_str(&ids));
		if (changed >= 0 && changed != n)
			rc = err_set(err, ERR_STORE, NULL, "%lld of %d entries got a place",
			    (long long)changed, n);
		else if (changed < 0)
			rc = (int)changed;
	}
	buf_free(&ids);
	if (rc == -(int)ERR_CONFLICT) /* the snapshot is older than the lock: not READ COMMITTED */
		db->retry = true;
	if (rc < 0)
		return rc;
	db->edge = edge; /* if this is not committed, run_list() forgets it */
	if (n) {
		rc = head_from_time_to_time(db, err);
		if (rc < 0)
			return rc;
	}
	return n;
}

int journal_sequence(struct db *db, struct err *err)
{
	return db_is_postgres(db) ? sequence_there(db, err) : sequence_here(db, err);
}

/* --- adding --- */

static bool good_line(const char *s)
{
	if (!s || !*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s < 0x20)
			return false;
	return true;
}

static struct str hash_str(const unsigned char *h)
{
	return (struct str){(const char *)h, h ? HASH_SIZE : 0};
}

/* Random numbers come many at a time: asking for each costs as much as hashing the entry. */
static int take_salt(struct db *db, unsigned char *out, struct err *err)
{
	if (db->nsalt < SALT_SIZE) {
		if (RAND_bytes(db->salt, sizeof(db->salt)) != 1)
			return err_set(err, ERR_INTERNAL, NULL, "no random numbers");
		db->nsalt = sizeof(db->salt);
	}
	db->nsalt -= SALT_SIZE;
	memcpy(out, db->salt + db->nsalt, SALT_SIZE);
	return 0;
}

static void salted_hash(const void *salt, json_t *json, struct buf *text, unsigned char *out)
{
	buf_clear(text);
	json_canonical(text, json);
	sha256_2(salt, SALT_SIZE, text->p, text->n, out);
}

int journal_add(struct db *db, const struct journal_change *c, int64_t *id, struct err *err)
{
	if (!good_line(c->actor) || !good_line(c->verb) || !good_line(c->subject))
		return err_set(err, ERR_INTERNAL, NULL,
		    "a journal entry needs actor, verb and subject without control characters");
	unsigned char salt[SALT_SIZE], data_hash[HASH_SIZE], state_hash[HASH_SIZE],
	    leaf_hash[HASH_SIZE];
	struct buf *text = &db->text, *data = &db->data; /* kept: no allocation per entry */
	bool salted = c->data || c->state;
	int rc = salted ? take_salt(db, salt, err) : 0;
	if (rc < 0)
		return rc;
	if (c->state)
		salted_hash(salt, c->state, text, state_hash);
	if (c->data)
		salted_hash(salt, c->data, data, data_hash);
	struct journal_leaf l = {
	    .at_us = now_us(),
	    .actor = str_from(c->actor),
	    .verb = str_from(c->verb),
	    .subject = str_from(c->subject),
	    .data_hash = hash_str(c->data ? data_hash : NULL),
	    .state_hash = hash_str(c->state ? state_hash : NULL),
	};
	struct str salt_str = {salted ? (const char *)salt : NULL, salted ? sizeof(salt) : 0};
	struct str data_str = c->data ? buf_to_str(data) : (struct str){0};
	buf_clear(text);
	if (db_is_postgres(db)) {
		journal_entry_rest(text, &l);
#define ENTRY_ARGS                                                                                 \
	"issssbbbs", l.at_us, l.actor, l.verb, l.subject, data_str, salt_str, l.data_hash,         \
	    l.state_hash, buf_to_str(text)
		rc = id ? db_get_i64(db, err, &l.id, &add_there, ENTRY_ARGS)
		        : db_later(db, err, &add_there, ENTRY_ARGS);
#undef ENTRY_ARGS
		if (rc > 0)
			rc = 0;
	} else {
		rc = load_edge(db, err);
		if (rc == 0) {
			l.id = db->last_id + 1;
			journal_entry_text(text, &l);
			tree_leaf(text->p, text->n, leaf_hash);
			int64_t n = db_run(db, err, &add_here, "iiissssbbbb", l.id,
			    db->edge.size + (int64_t)db->npending, l.at_us, l.actor, l.verb,
			    l.subject, data_str, salt_str, l.data_hash, l.state_hash,
			    hash_str(leaf_hash));
			rc = n < 0 ? (int)n : 0;
		}
		if (rc == 0) {
			db->last_id = l.id;
			add_pending(db, leaf_hash);
		}
	}
	if (rc == 0 && id)
		*id = l.id;
	db->wake_sequencer = true;
	return rc;
}

void journal_state_hash(const void *salt, json_t *state, unsigned char out[HASH_SIZE])
{
	struct buf text = {0};
	salted_hash(salt, state, &text, out);
	buf_free(&text);
}

int journal_erase(struct db *db, const char *actor, const char *subject, struct err *err)
{
	int64_t n = db_run(db, err, &erase, "t", subject);
	if (n < 0)
		return (int)n;
	return journal_add(db,
	    &(struct journal_change){.actor = actor, .verb = "journal.erased", .subject = subject},
	    NULL, err);
}

/* --- reading --- */

static int entries(struct rows *r, struct arena *a, struct journal_entry **out, struct err *err)
{
	if (!r)
		return -(int)ERR_STORE;
	int n = 0, cap = 0, rc;
	*out = NULL;
	while ((rc = rows_next(r)) == 1) {
		if (n == cap) {
			cap = cap ? cap * 2 : 16;
			struct journal_entry *more = arena_array(a, (size_t)cap, sizeof(*more));
			if (n)
				memcpy(more, *out, (size_t)n * sizeof(*more));
			*out = more;
		}
		struct journal_entry *e = &(*out)[n++];
		*e = (struct journal_entry){
		    .id = rows_i64(r, 0),
		    .leaf = rows_null(r, 1) ? -1 : rows_i64(r, 1),
		    .at_us = rows_i64(r, 2),
		    .actor = rows_dup(r, 3, a),
		    .verb = rows_dup(r, 4, a),
		    .subject = rows_dup(r, 5, a),
		};
		struct str data = rows_str(r, 6);
		if (!data.p)
			continue;
		json_error_t why;
		e->data = json_loadb(data.p, data.n, JSON_DECODE_ANY, &why);
		if (!e->data) {
			rc = err_set(err, ERR_STORE, "journal.damaged", "data of entry %lld: %s",
			    (long long)e->id, why.text);
			break;
		}
		json_on_arena(a, e->data);
	}
	rows_end(r);
	return rc < 0 ? rc : n;
}

int journal_of(struct db *db, struct arena *a, const char *subject, struct journal_entry **out,
    struct err *err)
{
	return entries(db_query(db, err, &entries_of, "t", subject), a, out, err);
}

int journal_after(struct db *db, struct arena *a, int64_t id, int limit, struct journal_entry **out,
    struct err *err)
{
	if (id > 0) {
		/* Whoever stands at an entry that has no place yet, or at none, waits. */
		int64_t leaf;
		int rc = db_get_i64(db, err, &leaf, &entry_known, "i", id);
		if (rc < 0)
			return rc;
		if (rc == 0 || leaf < 0) {
			*out = NULL;
			return rc == 0 ? err_set(err, ERR_MISSING, NULL, "no journal entry %lld",
			                     (long long)id)
			               : 0;
		}
	}
	return entries(db_query(db, err, &entries_after, "ii", id, (int64_t)limit), a, out, err);
}

/* --- heads and proofs --- */

int journal_origin(struct db *db, struct arena *a, char **out, struct err *err)
{
	int rc = meta_get(db, a, "journal.origin", out, err);
	if (rc < 0)
		return rc;
	if (rc == 1) {
		if (!good_line(*out) || strlen(*out) >= sizeof(((struct tree_head *)0)->origin))
			return err_set(
			    err, ERR_STORE, NULL, "journal.origin must be one short line");
		return 0;
	}
	unsigned char key[32];
	rc = journal_public_key(db_store(db), key, err);
	if (rc < 0)
		return rc;
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "machi.invalid/journal/");
	buf_hex(&b, key, 6);
	*out = b.p;
	return 0;
}

char *tree_head_text(struct arena *a, const char *origin, const struct tree_head *head)
{
	char root[HASH_SIZE * 2];
	(void)EVP_EncodeBlock((unsigned char *)root, head->root, HASH_SIZE); /* 44 characters */
	return arena_printf(a, "%s\n%lld\n%s\n", origin, (long long)head->size, root);
}

bool tree_head_valid(const struct tree_head *head, const unsigned char public_key[32])
{
	struct arena *a = arena_new();
	const char *text = tree_head_text(a, head->origin, head);
	bool ok = journal_signed(public_key, text, strlen(text), head->signature);
	arena_free(a);
	return ok;
}

bool journal_head_row(struct rows *r, struct tree_head *out)
{
	struct str origin = rows_str(r, 2);
	*out = (struct tree_head){.size = rows_i64(r, 0), .at_us = rows_i64(r, 1)};
	bool ok = origin.n < sizeof(out->origin);
	memcpy(out->origin, origin.p, ok ? origin.n : 0);
	struct str root = rows_bytes(r, 3);
	ok = ok && root.n == sizeof(out->root);
	memcpy(out->root, root.p, ok ? root.n : 0);
	struct str signature = rows_bytes(r, 4);
	ok = ok && signature.n == sizeof(out->signature);
	memcpy(out->signature, signature.p, ok ? signature.n : 0);
	return ok;
}

static void head_stored(void *arg, int rc, const struct err *err)
{
	(void)rc; /* lost with a full disk, say: the next caller signs it again */
	(void)err;
	free(arg);
}

int journal_head(struct db *db, struct tree_head *out, struct err *err)
{
	int64_t size;
	int rc = size_now(db, &size, err);
	if (rc < 0)
		return rc;
	struct rows *r = db_query(db, err, &head_newest, "");
	if (!r)
		return -(int)ERR_STORE;
	rc = rows_next(r);
	bool damaged = rc == 1 && !journal_head_row(r, out);
	rows_end(r);
	if (rc < 0)
		return rc;
	if (damaged)
		return err_set(
		    err, ERR_STORE, "journal.damaged", "the newest tree head is damaged");
	if (rc == 1 && out->size >= size)
		return 0;
	*out = (struct tree_head){.size = size};
	struct tree_source s = source(db);
	rc = tree_root(&s, size, out->root, err);
	if (rc == 0)
		rc = sign_head(db, out, err);
	if (rc < 0)
		return rc;
	if (db->role == DB_WRITER)
		return store_head(db, out, err);
	struct tree_head *copy = malloc(sizeof(*copy));
	if (!copy)
		abort();
	*copy = *out;
	store_submit(db_store(db), store_head, copy, head_stored);
	return 0;
}

static int give_path(
    struct arena *a, tree_hash *path, int n, unsigned char (**out)[HASH_SIZE], int *nout)
{
	*out = arena_array(a, (size_t)n, HASH_SIZE);
	memcpy(*out, path, (size_t)n * HASH_SIZE);
	*nout = n;
	return 0;
}

int journal_inclusion(struct db *db, struct arena *a, int64_t leaf, int64_t size,
    unsigned char (**path)[HASH_SIZE], int *n, struct err *err)
{
	int64_t now;
	int rc = size_now(db, &now, err);
	if (rc < 0)
		return rc;
	if (leaf < 0 || leaf >= size || size > now)
		return err_set(err, ERR_MISSING, "journal.no_such_leaf",
		    "leaf %lld of %lld; the tree has %lld", (long long)leaf, (long long)size,
		    (long long)now);
	tree_hash found[TREE_MAX_PATH];
	int nfound;
	struct tree_source s = source(db);
	rc = tree_inclusion(&s, leaf, size, found, &nfound, err);
	return rc < 0 ? rc : give_path(a, found, nfound, path, n);
}

int journal_consistency(struct db *db, struct arena *a, int64_t from, int64_t to,
    unsigned char (**path)[HASH_SIZE], int *n, struct err *err)
{
	int64_t now;
	int rc = size_now(db, &now, err);
	if (rc < 0)
		return rc;
	if (from < 0 || from > to || to > now)
		return err_set(err, ERR_MISSING, "journal.no_such_leaf",
		    "sizes %lld to %lld; the tree has %lld", (long long)from, (long long)to,
		    (long long)now);
	tree_hash found[TREE_MAX_PATH];
	int nfound = 0;
	struct tree_source s = source(db);
	if (from > 0) /* the empty tree is consistent with every tree: an empty proof */
		rc = tree_consistency(&s, from, to, found, &nfound, err);
	return rc < 0 ? rc : give_path(a, found, nfound, path, n);
}

int journal_leaf_text(struct db *db, struct arena *a, int64_t leaf, char **out, struct err *err)
{
	struct rows *r = db_query(db, err, &leaf_row, "i", leaf);
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	if (rc == 1) {
		struct journal_leaf l = {.id = rows_i64(r, 0), .at_us = rows_i64(r, 1)};
		l.actor = str_from(rows_dup(r, 2, a));
		l.verb = str_from(rows_dup(r, 3, a));
		l.subject = str_from(rows_dup(r, 4, a));
		l.data_hash = rows_bytes(r, 5);
		l.state_hash = rows_bytes(r, 6);
		struct buf b;
		buf_init(&b, a);
		journal_entry_text(&b, &l);
		*out = b.p;
	}
	rows_end(r);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(
		    err, ERR_MISSING, "journal.no_such_leaf", "leaf %lld", (long long)leaf);
	return 0;
}
