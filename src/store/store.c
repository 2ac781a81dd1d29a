#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "store/journal.h"
#include "store/private.h"

/* --- readers: one connection per thread and store --- */

/* The slot belongs to its thread (list in thread-local storage), the connection in it to the store:
 * whichever ends first closes the connection, under slots_lock. */
struct reader_slot {
	struct db db;
	struct reader_slot *next_of_thread;
	struct reader_slot *next_of_store;
};

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t slots_key;
static pthread_once_t slots_once = PTHREAD_ONCE_INIT;

static void slots_of_thread_end(void *head)
{
	for (struct reader_slot *s = head, *next; s; s = next) {
		next = s->next_of_thread;
		pthread_mutex_lock(&slots_lock);
		struct store *st = db_store(&s->db);
		if (st) {
			struct reader_slot **at = &st->slots;
			while (*at != s)
				at = &(*at)->next_of_store;
			*at = s->next_of_store;
			db_close(&s->db);
		}
		pthread_mutex_unlock(&slots_lock);
		free(s);
	}
}

static void slots_init(void)
{
	if (pthread_key_create(&slots_key, slots_of_thread_end) != 0)
		abort();
}

struct db *store_reader(struct store *st, struct err *err)
{
	(void)pthread_once(&slots_once, slots_init); /* cannot fail */
	struct reader_slot *head = pthread_getspecific(slots_key);
	struct reader_slot *s = head;
	while (s && db_store(&s->db) != st)
		s = s->next_of_thread;
	if (!s) {
		/* A slot of a store that was closed is used again. */
		for (s = head; s && db_store(&s->db); s = s->next_of_thread)
			;
		bool fresh = !s;
		if (fresh && !(s = calloc(1, sizeof(*s))))
			abort();
		struct reader_slot *next = s->next_of_thread;
		db_init(&s->db, st, DB_READER);
		if (fresh) {
			s->next_of_thread = head;
			if (pthread_setspecific(slots_key, s) != 0)
				abort();
		} else {
			s->next_of_thread = next;
		}
		pthread_mutex_lock(&slots_lock);
		s->next_of_store = st->slots;
		st->slots = s;
		pthread_mutex_unlock(&slots_lock);
	}
	if (s->db.conn && !s->db.in_tx && st->backend->alive && !st->backend->alive(&s->db)) {
		s->db.lost = true; /* nothing more is said over it */
		db_drop(&s->db);
	}
	if (!s->db.conn && st->backend->connect(&s->db, err) < 0)
		return NULL;
	return &s->db;
}

int store_read(struct store *st, store_write_fn fn, void *arg, struct err *err)
{
	struct db *db = store_reader(st, err);
	if (!db)
		return -(int)ERR_STORE;
	if (db->in_tx)
		return fn(db, arg, err);
	int rc = st->backend->begin_snapshot(db, err);
	if (rc < 0)
		return rc;
	db->in_tx = true;
	rc = fn(db, arg, err);
	db->in_tx = false;
	st->backend->end_snapshot(db);
	return rc;
}

/* --- writes --- */

static int submit(struct store *st, struct write *w)
{
	pthread_mutex_lock(&st->lock);
	if (st->closing) {
		pthread_mutex_unlock(&st->lock);
		return err_set(&w->err, ERR_BUSY, "store.closing", "the store is being closed");
	}
	w->next = NULL;
	bool was_empty = !st->head;
	*st->tail = w;
	st->tail = &w->next;
	/* With one writer thread it is awake while the queue is not empty. */
	if (was_empty || st->backend->postgres)
		pthread_cond_signal(&st->more);
	pthread_mutex_unlock(&st->lock);
	return 0;
}

/* Takes the front of the queue off; the lock is held. */
static struct write *cut(struct store *st, int max)
{
	struct write *first = st->head, *last = first;
	if (first) {
		for (int n = 1; n < max && last->next; n++)
			last = last->next;
		st->head = last->next;
		if (!st->head)
			st->tail = &st->head;
		last->next = NULL;
	}
	return first;
}

bool queue_wait(struct store *st)
{
	pthread_mutex_lock(&st->lock);
	while (!st->head && !st->closing)
		pthread_cond_wait(&st->more, &st->lock);
	bool any = st->head != NULL;
	pthread_mutex_unlock(&st->lock);
	return any;
}

struct write *queue_take(struct store *st, int max)
{
	pthread_mutex_lock(&st->lock);
	while (!st->head && !st->closing)
		pthread_cond_wait(&st->more, &st->lock);
	struct write *first = cut(st, max);
	pthread_mutex_unlock(&st->lock);
	return first;
}

struct write *queue_more(struct store *st, int max)
{
	pthread_mutex_lock(&st->lock);
	struct write *first = cut(st, max);
	pthread_mutex_unlock(&st->lock);
	return first;
}

void write_done(struct write *w, int rc)
{
	w->rc = rc;
	bool owned = w->owned;
	if (w->done)
		w->done(w->done_arg, rc, &w->err); /* w may be gone now if it is not ours */
	if (owned)
		free(w);
}

/* A write function that waits for another write would wait for its own thread. */
static _Thread_local bool in_write_function;

int write_call(struct db *db, struct write *w)
{
	w->err.kind = ERR_NONE;
	w->err.msg = NULL;
	w->err.field[0] = w->err.detail[0] = '\0';
	db->failed = false;
	db->in_tx = true;
	in_write_function = true;
	int rc = w->fn(db, w->arg, &w->err);
	in_write_function = false;
	db->in_tx = false;
	if (rc >= 0 && db->failed)
		rc = err_set(&w->err, ERR_INTERNAL, NULL,
		    "a write function returned success after a statement failed");
	if (rc < 0 && w->err.kind == ERR_NONE)
		(void)err_set(&w->err, rc > -(int)ERR_COUNT ? (enum err_kind) - rc : ERR_INTERNAL,
		    NULL, "a write function failed without saying why");
	return rc < 0 ? rc : 0;
}

void after_commit(struct db *db)
{
	struct store *st = db_store(db);
	if (db->wake_sequencer)
		atomic_fetch_add(&st->journal_moves, 1);
	if (db->wake_jobs)
		jobs_wake(st);
	if (db->wake_sequencer && db->backend->postgres) {
		pthread_mutex_lock(&st->seq_lock);
		st->seq_wanted = true;
		pthread_cond_signal(&st->seq_cond);
		pthread_mutex_unlock(&st->seq_lock);
	}
	db->wake_jobs = db->wake_sequencer = false;
}

uint64_t journal_moves(const struct store *st)
{
	return atomic_load(&st->journal_moves);
}

static void wake(void *sem, int rc, const struct err *err)
{
	(void)rc;
	(void)err;
	(void)sem_post(sem); /* counts to one only */
}

int store_write_flags(
    struct store *st, store_write_fn fn, void *arg, enum write_flags flags, struct err *err)
{
	if (in_write_function)
		return err_set(err, ERR_INTERNAL, NULL, "store_write() inside a write function");
	sem_t sem;
	(void)sem_init(&sem, 0, 0); /* a valid initial value */
	struct write w = {.fn = fn, .arg = arg, .done = wake, .done_arg = &sem, .flags = flags};
	int rc = submit(st, &w);
	if (rc == 0) {
		while (sem_wait(&sem) != 0 && errno == EINTR)
			;
		rc = w.rc;
	}
	(void)sem_destroy(&sem);
	if (rc < 0 && err)
		*err = w.err;
	return rc;
}

int store_write(struct store *st, store_write_fn fn, void *arg, struct err *err)
{
	return store_write_flags(st, fn, arg, WRITE_PLAIN, err);
}

void store_submit(struct store *st, store_write_fn fn, void *arg,
    void (*done)(void *arg, int rc, const struct err *))
{
	struct write *w = calloc(1, sizeof(*w));
	if (!w)
		abort();
	*w = (struct write){.fn = fn, .arg = arg, .done = done, .done_arg = arg, .owned = true};
	int rc = submit(st, w);
	if (rc < 0)
		write_done(w, rc);
}

/* --- open and close --- */

int store_open(const struct store_options *o, struct store **out, struct err *err)
{
	*out = NULL;
	struct str url = str_from(o->url);
	const struct backend *backend = NULL;
	if (str_starts(url, "sqlite:"))
		backend = &sqlite_backend;
	else if (str_starts(url, "postgresql://") || str_starts(url, "postgres://"))
		backend = &postgres_backend;
	else
		return err_set(err, ERR_INPUT, "store.url",
		    "store URL must start with sqlite: or postgresql:// (got \"%.40s\")",
		    o->url ? o->url : "");
	if (!o->dir || strlen(o->dir) > 3500)
		return err_set(err, ERR_INPUT, "store.dir", "a store needs a data directory");
	if (mkdir(o->dir, 0700) != 0 && errno != EEXIST)
		return err_set(err, ERR_IO, "store.dir", "%s: %s", o->dir, strerror(errno));
	struct store *st = calloc(1, sizeof(*st));
	if (!st)
		abort();
	st->backend = backend;
	st->url = strdup(o->url);
	st->dir = strdup(o->dir);
	if (!st->url || !st->dir)
		abort();
	st->path = backend->postgres ? NULL : st->url + strlen("sqlite:");
	st->writers = o->writers > 0 ? o->writers : 16;
	st->busy_ms = o->busy_ms > 0 ? o->busy_ms : 10000;
	st->loading = o->loading;
	st->tail = &st->head;
	pthread_mutex_init(&st->lock, NULL);
	pthread_cond_init(&st->more, NULL);
	pthread_mutex_init(&st->key_lock, NULL);
	pthread_mutex_init(&st->jobs_lock, NULL);
	pthread_mutex_init(&st->seq_lock, NULL);
	pthread_mutex_init(&st->lane, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&st->jobs_cond, &monotonic);
	pthread_cond_init(&st->seq_cond, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int rc = backend->open(st, err);
	if (rc < 0) {
		store_close(st);
		return rc;
	}
	*out = st;
	return 0;
}

void store_close(struct store *st)
{
	if (!st)
		return;
	pthread_mutex_lock(&st->lock);
	st->closing = true;
	pthread_cond_broadcast(&st->more);
	pthread_mutex_unlock(&st->lock);
	st->backend->close(st);
	pthread_mutex_lock(&slots_lock);
	for (struct reader_slot *s = st->slots; s; s = s->next_of_store) {
		db_close(&s->db);
		atomic_store(&s->db.store, NULL);
	}
	pthread_mutex_unlock(&slots_lock);
	journal_key_free(st);
	for (int i = 0; i < STORE_KEPT_MAX && st->kept[i].key; i++)
		if (st->kept[i].release)
			st->kept[i].release(st->kept[i].value);
	pthread_mutex_destroy(&st->lock);
	pthread_cond_destroy(&st->more);
	pthread_mutex_destroy(&st->key_lock);
	pthread_mutex_destroy(&st->jobs_lock);
	pthread_cond_destroy(&st->jobs_cond);
	pthread_mutex_destroy(&st->seq_lock);
	pthread_mutex_destroy(&st->lane);
	pthread_cond_destroy(&st->seq_cond);
	free(st->threads);
	free(st->url);
	free(st->dir);
	free(st);
}

int store_serve(struct store *st, struct err *err)
{
	return st->backend->serve ? st->backend->serve(st, err) : 0;
}

void store_keep(struct store *st, const void *key, void *value, void (*release)(void *))
{
	pthread_mutex_lock(&slots_lock);
	int i = 0;
	while (i < STORE_KEPT_MAX && st->kept[i].key && st->kept[i].key != key)
		i++;
	assert(i < STORE_KEPT_MAX);
	st->kept[i].value = value;
	st->kept[i].release = release;
	st->kept[i].key = key; /* last: who finds the key finds a value */
	pthread_mutex_unlock(&slots_lock);
}

void *store_kept(struct store *st, const void *key)
{
	for (int i = 0; i < STORE_KEPT_MAX && st->kept[i].key; i++)
		if (st->kept[i].key == key)
			return st->kept[i].value;
	return NULL;
}

bool store_is_postgres(const struct store *st)
{
	return st->backend->postgres;
}

const char *store_dir(const struct store *st)
{
	return st->dir;
}

/* --- small settings --- */

static const struct sql meta_value = {"SELECT value FROM store_meta WHERE key = ?1"};
static const struct sql meta_put = {"INSERT INTO store_meta (key, value) VALUES (?1, ?2) "
                                    "ON CONFLICT (key) DO UPDATE SET value = excluded.value"};
static const struct sql series_add = {
    "INSERT INTO store_series (name, value) VALUES (?1, 1) "
    "ON CONFLICT (name) DO UPDATE SET value = store_series.value + 1 RETURNING value"};

const struct sql *const store_sql[] = {&meta_value, &meta_put, &series_add, NULL};

int meta_get(struct db *db, struct arena *a, const char *key, char **out, struct err *err)
{
	return db_get_text(db, err, a, out, &meta_value, "t", key);
}

int meta_set(struct db *db, const char *key, const char *value, struct err *err)
{
	int64_t rc = db_run(db, err, &meta_put, "tt", key, value);
	return rc < 0 ? (int)rc : 0;
}

static const char making[] = "store.making";

int store_note_making(struct db *db, const char *by, struct err *err)
{
	return meta_set(db, making, by, err);
}

int store_making(struct store *st, struct arena *a, char **by, struct err *err)
{
	struct db *db = store_reader(st, err);
	int rc = db ? meta_get(db, a, making, by, err) : -(int)ERR_STORE;
	return rc == 1 ? (*by)[0] != '\0' : rc;
}

int series_next(struct db *db, const char *series, int64_t *out, struct err *err)
{
	int rc = db_get_i64(db, err, out, &series_add, "t", series);
	if (rc == 0)
		return err_set(err, ERR_INTERNAL, NULL, "series %s gave no number", series);
	return rc < 0 ? rc : 0;
}
