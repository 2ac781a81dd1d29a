/* The keys of a store: found, made when they are missing, wrapped, kept in memory.
 *
 *   1. A data key is in the store only wrapped, bound to its number and purpose.
 *   2. A key's number is random: a write that did not happen leaves no number that could come again
 *      with other bytes, so that what is in memory is never wrong, only incomplete.
 *   3. Which key is the present one is asked of the store in the transaction that seals. So nothing
 *      is sealed with a key that another server has replaced: PostgreSQL would not serialise it. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "vault/rotate.h"

static const char kept; /* key of store_keep() */
static const char default_source[] = "file:keys/master.key";

struct vault *vault_of(struct db *db, struct err *err)
{
	struct vault *v = store_kept(db_store(db), &kept);
	if (!v)
		(void)err_set(err, ERR_INTERNAL, NULL, "the keys of this store are not open");
	return v;
}

const struct protects *purpose_find(const struct vault *v, const char *name)
{
	for (int i = 0; i < v->npurposes; i++)
		if (strcmp(v->purposes[i]->name, name) == 0)
			return v->purposes[i];
	return NULL;
}

/* --- master keys --- */

/* 1, 0 when the store has none yet, <0. */
static int master_needed(struct db *db, struct arena *a, int64_t *id, const char **fingerprint,
    const char **source, struct err *err)
{
	struct rows *r = db_query(db, err, VAULT(MASTER_CURRENT), "");
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		*id = rows_i64(r, 0);
		*fingerprint = rows_dup(r, 1, a);
		*source = rows_dup(r, 2, a);
	}
	rows_end(r);
	return rc;
}

static struct master *master_at_hand(struct vault *v, const char *fingerprint)
{
	for (int i = 0; i < v->nmasters; i++)
		if (strcmp(v->masters[i].fingerprint, fingerprint) == 0)
			return &v->masters[i];
	return NULL;
}

struct master *vault_master(struct vault *v, struct db *db, int64_t *id, struct err *err)
{
	struct arena *a = arena_new();
	const char *fingerprint, *source;
	struct master *m = NULL;
	int rc = master_needed(db, a, id, &fingerprint, &source, err);
	if (rc == 0)
		(void)err_set(err, ERR_STORE, "vault.master", "the store names no master key");
	if (rc > 0 && !(m = master_at_hand(v, fingerprint)))
		(void)err_set(err, ERR_STORE, "vault.master",
		    "the keys are wrapped with the master key %s (it was %s), which is not among "
		    "keys.master",
		    fingerprint, source);
	arena_free(a);
	return m;
}

int vault_needs(
    struct db *db, struct arena *a, const char **fingerprint, const char **source, struct err *err)
{
	int64_t id;
	return master_needed(db, a, &id, fingerprint, source, err);
}

/* Opens the sources, of which some may be away while they are not needed. The first one's key is
 * made when the store has none yet; another server may be quicker. */
static int masters_open(struct vault *v, const char *sources, const char *needed, struct err *err)
{
	struct str rest = str_from(sources), one;
	struct buf why = {0};
	while (str_cut(&rest, ' ', &one)) {
		char source[MASTER_SOURCE_MAX];
		if (one.n == 0)
			continue;
		if (v->nmasters == MASTERS_MAX || one.n >= sizeof(source)) {
			buf_free(&why);
			return err_set(err, ERR_INPUT, "vault.source",
			    "keys.master: at most %d sources of at most %d bytes", MASTERS_MAX,
			    MASTER_SOURCE_MAX - 1);
		}
		(void)snprintf(source, sizeof(source), "%.*s", STR_ARG(one)); /* it fits */
		struct err own = {0};
		const char *dir = store_dir(v->store);
		int rc = master_open(source, dir, &v->masters[v->nmasters], &own);
		if (rc == -(int)ERR_MISSING && !needed && v->nmasters == 0 && why.n == 0 &&
		    ((rc = master_make(source, dir, &own)) == 0 || rc == -(int)ERR_CONFLICT))
			rc = master_open(source, dir, &v->masters[v->nmasters], &own);
		v->first |= rc == 0 && v->nmasters == 0 && why.n == 0;
		if (rc == 0)
			v->nmasters++;
		else
			buf_printf(&why, "%s%s", why.n ? "; " : "", own.detail);
	}
	int rc = 0;
	if (needed ? !master_at_hand(v, needed) : !v->nmasters)
		rc = err_set(err, ERR_STORE, "vault.master", "master key %s%sis not at hand%s%s",
		    needed ? needed : "", needed ? " " : "", why.n ? ": " : "", why.n ? why.p : "");
	else if (why.n)
		log_warn("vault.source", "%s", why.p);
	buf_free(&why);
	return rc;
}

/* --- data keys --- */

struct str key_about(struct arena *a, int64_t id, const char *purpose)
{
	return str_from(arena_printf(a, "machi data key\n%lld\n%s\n", (long long)id, purpose));
}

static json_t *key_state(struct rows *r)
{
	return json_pack("{s:s%, s:s%, s:b, s:I}", "purpose", rows_str(r, 1).p, rows_str(r, 1).n,
	    "state", rows_str(r, 2).p, rows_str(r, 2).n, "former", (int)(rows_i64(r, 3) != 0),
	    "master", (json_int_t)rows_i64(r, 4));
}

static void key_subject(char out[48], int64_t id)
{
	(void)snprintf(out, 48, "vault-key:%lld", (long long)id); /* it fits */
}

int key_journal(struct db *db, const char *actor, const char *verb, int64_t id, struct err *err)
{
	struct rows *r = db_query(db, err, VAULT(KEY_STATE), "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	json_t *state = rc > 0 ? key_state(r) : NULL;
	rows_end(r);
	if (rc == 0)
		rc = err_set(err, ERR_INTERNAL, NULL, "key %lld is not there", (long long)id);
	if (rc > 0) {
		char subject[48];
		key_subject(subject, id);
		rc = journal_add(db,
		    &(struct journal_change){
		        .actor = actor, .verb = verb, .subject = subject, .state = state},
		    NULL, err);
	}
	json_decref(state);
	return rc;
}

static int each_key(struct db *db, int (*take)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	struct rows *r = db_query(db, err, VAULT(KEY_STATES), "");
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		char subject[48];
		key_subject(subject, rows_i64(r, 0));
		json_t *state = key_state(r);
		rc = take(arg, subject, state);
		json_decref(state);
		if (rc < 0)
			break;
	}
	rows_end(r);
	return rc;
}

const struct journal_verifier vault_key_verifier = {.kind = "vault-key", .each = each_key};

/* The present key, if there is one, seals no more. */
static int key_replace(
    struct db *db, const char *purpose, const char *actor, int64_t now, struct err *err)
{
	int64_t id;
	int rc = db_get_i64(db, err, &id, VAULT(KEY_OLD), "ti", purpose, now);
	return rc <= 0 ? rc : key_journal(db, actor, "vault.key_replaced", id, err);
}

int key_make(struct vault *v, struct db *db, const struct protects *p, const char *actor,
    const struct secret_bytes *bytes, const char *state, bool former, int64_t *id, struct err *err)
{
	int64_t master, now = now_us();
	pthread_mutex_lock(&v->loading);
	struct master *m = vault_master(v, db, &master, err);
	struct arena *a = arena_new();
	struct secret_bytes *fresh = bytes ? NULL : secret_random(AEAD_KEY);
	struct buf wrapped;
	buf_init(&wrapped, a);
	*id = (int64_t)random_below(UINT32_MAX) + 1;
	int rc =
	    m ? master_wrap(m, key_about(a, *id, p->name), bytes ? bytes : fresh, &wrapped, err)
	      : -(int)ERR_STORE;
	pthread_mutex_unlock(&v->loading);
	bool current = strcmp(state, "current") == 0;
	if (rc == 0 && current)
		rc = key_replace(db, p->name, actor, now, err);
	if (rc == 0)
		rc = db_later(db, err, VAULT(KEY_ADD), "ittiitii", *id, p->name, state,
		    (int64_t)former, master, wrapped.p, now, current ? (int64_t)0 : now);
	if (rc == 0)
		rc = key_journal(db, actor, "vault.key_made", *id, err);
	secret_free(fresh);
	arena_free(a);
	return rc;
}

/* --- in memory --- */

static const struct key *key_at_hand(const struct key *keys, int n, int64_t id)
{
	for (int i = 0; i < n; i++)
		if (keys[i].id == id)
			return &keys[i];
	return NULL;
}

/* Takes the bytes of the keys that are known over into the new list, and unwraps the others. */
static int keys_read(struct vault *v, struct rows *r, struct master *m, struct key **list, int *n,
    int64_t *count, struct err *err)
{
	int rc, room = 0;
	*list = NULL;
	*n = 0;
	*count = 0;
	struct arena *a = arena_new();
	while ((rc = rows_next(r)) > 0) {
		int64_t id = rows_i64(r, 0);
		const struct protects *p = purpose_find(v, rows_dup(r, 1, a));
		++*count;
		const struct key *known = key_at_hand(v->keys, v->nkeys, id);
		if (!p) /* of a module that this program does not have */
			continue;
		struct key k = {id, p, rows_i64(r, 2) != 0, NULL};
		if (known)
			k.bytes = secret_new(secret_at(known->bytes), secret_size(known->bytes));
		else
			rc = master_unwrap(
			    m, key_about(a, id, p->name), rows_str(r, 3), &k.bytes, err);
		if (rc < 0) {
			(void)err_prefix(err, "key %lld: ", (long long)id);
			break;
		}
		if (*n == room) {
			room = room ? room * 2 : 16;
			struct key *more = realloc(*list, (size_t)room * sizeof(**list));
			if (!more)
				abort();
			*list = more;
		}
		(*list)[(*n)++] = k;
	}
	arena_free(a);
	return rc;
}

static void keys_wipe(struct key *keys, int n)
{
	for (int i = 0; i < n; i++)
		secret_free(keys[i].bytes);
	free(keys);
}

int keys_load(struct vault *v, struct db *db, struct err *err)
{
	int64_t master, count = 0;
	struct key *list = NULL, *before;
	int n = 0, nbefore, rc = -(int)ERR_STORE;
	pthread_mutex_lock(&v->loading);
	struct master *m = vault_master(v, db, &master, err);
	struct rows *r = m ? db_query(db, err, VAULT(KEYS), "") : NULL;
	if (r)
		rc = keys_read(v, r, m, &list, &n, &count, err);
	rows_end(r);
	if (rc == 0) {
		pthread_rwlock_wrlock(&v->lock);
		before = v->keys;
		nbefore = v->nkeys;
		v->keys = list;
		v->nkeys = n;
		v->count = count;
		pthread_rwlock_unlock(&v->lock);
		keys_wipe(before, nbefore);
	} else {
		keys_wipe(list, n);
	}
	pthread_mutex_unlock(&v->loading);
	return rc;
}

/* --- another master key --- */

int rewrap_due(struct db *db, struct err *err)
{
	const char *fingerprint, *source;
	int64_t id;
	struct vault *v = vault_of(db, err);
	struct arena *a = arena_new();
	int rc = v ? master_needed(db, a, &id, &fingerprint, &source, err) : -(int)ERR_INTERNAL;
	if (rc > 0)
		rc = v->first && strcmp(v->masters[0].fingerprint, fingerprint) != 0;
	arena_free(a);
	return rc;
}

struct wrapping {
	int64_t id;
	const char *purpose;
	struct str wrapped;
};

static int rewrap_key(struct vault *v, struct db *db, struct arena *a, const struct wrapping *w,
    struct master *from, int64_t to, const char *actor, struct err *err)
{
	struct secret_bytes *key;
	struct buf wrapped;
	buf_init(&wrapped, a);
	struct str about = key_about(a, w->id, w->purpose);
	int rc = master_unwrap(from, about, w->wrapped, &key, err);
	if (rc == 0)
		rc = master_wrap(&v->masters[0], about, key, &wrapped, err);
	secret_free(key);
	if (rc == 0)
		rc = db_later(db, err, VAULT(KEY_REWRAP), "iti", w->id, wrapped.p, to);
	return rc < 0 ? rc : key_journal(db, actor, "vault.key_rewrapped", w->id, err);
}

static int rewrap_all(
    struct vault *v, struct db *db, struct arena *a, const char *actor, struct err *err)
{
	struct wrapping list[KEYS_MAX];
	const char *fingerprint, *source;
	int64_t before, to;
	int n = 0, rc;
	struct master *from = vault_master(v, db, &before, err);
	struct rows *r = from ? db_query(db, err, VAULT(KEYS), "") : NULL;
	rc = r ? 0 : -(int)ERR_STORE;
	while (r && n < KEYS_MAX && (rc = rows_next(r)) > 0)
		list[n++] = (struct wrapping){
		    rows_i64(r, 0), rows_dup(r, 1, a), str_from(rows_dup(r, 3, a))};
	rows_end(r);
	if (rc > 0)
		rc = err_set(err, ERR_INTERNAL, NULL, "more than %d keys", KEYS_MAX);
	if (rc == 0)
		rc = db_later(db, err, VAULT(MASTER_RETIRE), "i", now_us());
	if (rc == 0)
		rc = db_later(db, err, VAULT(MASTER_ADD), "tti", v->masters[0].fingerprint,
		    v->masters[0].source, now_us());
	if (rc == 0)
		rc = master_needed(db, a, &to, &fingerprint, &source, err);
	for (int i = 0; i < n && rc >= 0; i++)
		rc = rewrap_key(v, db, a, &list[i], from, to, actor, err);
	return rc < 0 ? rc : n;
}

int rewrap(struct db *db, const char *actor, struct err *err)
{
	int due = rewrap_due(db, err);
	if (due <= 0)
		return due;
	struct vault *v = vault_of(db, err);
	struct arena *a = arena_new();
	pthread_mutex_lock(&v->loading);
	int rc = rewrap_all(v, db, a, actor, err);
	pthread_mutex_unlock(&v->loading);
	arena_free(a);
	return rc;
}

/* --- opening --- */

struct starting {
	struct vault *v;
	struct arena *arena;
	struct secret_bytes *former[PURPOSES_MAX]; /* by purpose; NULL: no such file */
};

static const char *former_path(struct starting *s, const struct protects *p)
{
	return arena_printf(s->arena, "%s/keys/%s", store_dir(s->v->store), p->former);
}

/* Key files of former versions: 32 bytes, or 64 hexadecimal digits. */
static int former_read(struct starting *s, int i, struct err *err)
{
	const struct protects *p = s->v->purposes[i];
	struct str text;
	if (!p->former)
		return 0;
	int rc = file_read(s->arena, former_path(s, p), &text, err);
	if (rc < 0)
		return rc == -(int)ERR_MISSING ? 0 : rc;
	s->former[i] = text.n == AEAD_KEY ? secret_new(text.p, text.n) : key_of_hex(text);
	bytes_wipe((char *)text.p, text.n); /* on our arena */
	return s->former[i]
	           ? 0
	           : err_set(err, ERR_IO, "vault.file", "%s is not a key", former_path(s, p));
}

static int has_key(struct db *db, const struct sql *sql, const char *purpose, struct err *err)
{
	int64_t id;
	return db_get_i64(db, err, &id, sql, "t", purpose);
}

/* A former key that sealed opens what it sealed, and a new one seals; one that made indexes stays,
 * since the indexes do. */
static int purpose_prepare(struct starting *s, struct db *db, int i, struct err *err)
{
	struct vault *v = s->v;
	const struct protects *p = v->purposes[i];
	int64_t id;
	int old = has_key(db, VAULT(KEY_FORMER), p->name, err);
	int rc = old < 0 ? old : 0;
	if (rc == 0 && old == 0 && s->former[i] && !p->index)
		rc = key_make(v, db, p, "system", s->former[i], "old", true, &id, err);
	int present = rc < 0 ? rc : has_key(db, VAULT(KEY_CURRENT), p->name, err);
	if (present == 0)
		rc = key_make(
		    v, db, p, "system", p->index ? s->former[i] : NULL, "current", false, &id, err);
	return present < 0 ? present : rc;
}

static int prepare(struct db *db, void *arg, struct err *err)
{
	struct starting *s = arg;
	struct vault *v = s->v;
	const char *fingerprint, *source;
	int64_t id;
	int rc = master_needed(db, s->arena, &id, &fingerprint, &source, err);
	if (rc == 0) {
		int64_t n = db_run(db, err, VAULT(MASTER_ADD), "tti", v->masters[0].fingerprint,
		    v->masters[0].source, now_us());
		rc = n < 0 ? (int)n : 0;
	}
	for (int i = 0; i < v->npurposes && rc >= 0; i++)
		rc = purpose_prepare(s, db, i, err);
	return rc < 0 ? rc : 0;
}

/* Is there anything to be written? A command beside a server should not. */
static int is_prepared(struct starting *s, struct db *db, bool needed, struct err *err)
{
	int rc = needed;
	for (int i = 0; i < s->v->npurposes && rc > 0; i++) {
		rc = has_key(db, VAULT(KEY_CURRENT), s->v->purposes[i]->name, err);
		if (rc > 0 && s->former[i] && !s->v->purposes[i]->index)
			rc = has_key(db, VAULT(KEY_FORMER), s->v->purposes[i]->name, err);
	}
	return rc;
}

/* The keys of former files are in the store now, wrapped: in clear they must be nowhere. A file
 * with another key stays, since somebody may need it. */
static void former_remove(struct starting *s)
{
	struct vault *v = s->v;
	for (int i = 0; i < v->npurposes; i++) {
		bool same = s->former[i] != NULL;
		for (int k = 0; k < v->npurposes && same; k++) {
			bool shared = v->purposes[k]->former &&
			              strcmp(v->purposes[k]->former, v->purposes[i]->former) == 0;
			bool known = !shared;
			for (int j = 0; j < v->nkeys && !known; j++)
				known = v->keys[j].purpose == v->purposes[k] &&
				        bytes_equal(secret_at(v->keys[j].bytes),
				            secret_at(s->former[i]), AEAD_KEY);
			same = known;
		}
		if (same) {
			(void)unlink(former_path(s, v->purposes[i])); /* shared ones come twice */
			log_info("vault.former", "%s is in the store now, wrapped",
			    former_path(s, v->purposes[i]));
		} else if (s->former[i]) {
			log_warn("vault.former", "%s holds another key than the store",
			    former_path(s, v->purposes[i]));
		}
	}
}

static void vault_free(void *vault)
{
	struct vault *v = vault;
	if (!v)
		return;
	vault_free(v->former);
	keys_wipe(v->keys, v->nkeys);
	for (int i = 0; i < v->nmasters; i++)
		master_close(&v->masters[i]);
	pthread_mutex_destroy(&v->loading);
	pthread_rwlock_destroy(&v->lock);
	free(v);
}

static int start(struct starting *s, const char *sources, struct err *err)
{
	struct vault *v = s->v;
	const char *needed = NULL, *source = NULL;
	int64_t id;
	struct db *db = store_reader(v->store, err);
	int rc = db ? master_needed(db, s->arena, &id, &needed, &source, err) : -(int)ERR_STORE;
	for (int i = 0; i < v->npurposes && rc >= 0; i++) {
		int read = former_read(s, i, err);
		rc = read < 0 ? read : rc;
	}
	if (rc >= 0)
		rc = masters_open(v, sources ? sources : default_source, needed, err);
	if (rc >= 0)
		rc = is_prepared(s, db, needed != NULL, err);
	if (rc == 0)
		rc = store_write(v->store, prepare, s, err);
	if (rc >= 0)
		rc = keys_load(v, db, err);
	return rc;
}

int vault_start(struct store *st, const struct vault_options *o, struct err *err)
{
	struct vault *v = calloc(1, sizeof(*v));
	if (!v)
		abort();
	struct starting s = {.v = v, .arena = arena_new()};
	assert(o->n <= PURPOSES_MAX);
	v->store = st;
	v->former = store_kept(st, &kept);
	v->purposes = o->purposes;
	v->npurposes = o->n;
	pthread_mutex_init(&v->loading, NULL);
	pthread_rwlock_init(&v->lock, NULL);
	int rc = start(&s, o->sources, err);
	if (rc >= 0) {
		former_remove(&s);
		store_keep(st, &kept, v, vault_free);
	} else {
		v->former = NULL; /* it stays in use */
		vault_free(v);
	}
	for (size_t i = 0; i < COUNT(s.former); i++)
		secret_free(s.former[i]);
	arena_free(s.arena);
	return rc < 0 ? rc : 0;
}
