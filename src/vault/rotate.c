/* Rotation: a new key, and a walk over all values of its purpose that seals them anew.
 *
 *   1. From the moment the new key is there nothing is sealed with another one (keys.c, 3).
 *   2. The walk goes in rounds, from the first place to the last. What a write copied behind its
 *      back from a place it had not reached yet, the next round finds.
 *   3. Former keys are destroyed after a round that found nothing to do: then nothing is sealed
 * with them, and nothing can be. A value that does not open ends the walk with an error; its key
 *      stays.
 *   4. Each batch is one write, with how far the walk is: whoever goes on begins there. */
#include "base/json.h"
#include "base/time.h"
#include "store/jobs.h"
#include "vault/rotate.h"

enum { BATCH = 100, STEP_MS = 300 };

static void tally_add(struct vault_pass *p, int64_t key, int64_t values)
{
	for (int i = 0; i < p->ntally; i++)
		if (p->tally[i].key == key) {
			p->tally[i].values += values;
			return;
		}
	if (p->ntally < TALLY_MAX)
		p->tally[p->ntally++] = (struct vault_tally){key, values};
}

static int former_key(struct db *db, const char *purpose, int64_t *id, struct err *err)
{
	int rc = db_get_i64(db, err, id, VAULT(KEY_FORMER), "t", purpose);
	return rc == 0
	           ? err_set(err, ERR_STORE, "vault.damaged", "%s: a former key is gone", purpose)
	           : rc;
}

int vault_again(struct vault_pass *p, struct str sealed, struct str context, const char **fresh,
    struct err *err)
{
	int64_t now = 0, id = sealed_key(sealed);
	struct secret_bytes *plain;
	struct buf out;
	struct vault *v = vault_of(p->db, err);
	int rc = v ? 0 : -(int)ERR_INTERNAL;
	if (id < 0)
		return err_set(err, ERR_STORE, "vault.damaged", "%s %.*s: no sealed text",
		    p->purpose->name, STR_ARG(context));
	if (rc == 0 && id == 0)
		rc = former_key(p->db, p->purpose->name, &id, err);
	if (rc >= 0 && !p->counting)
		rc = key_current(v, p->db, p->purpose, &now, err);
	if (rc < 0)
		return rc;
	tally_add(p, p->counting ? id : now, 1);
	if (p->counting || id == now)
		return 0;
	rc = vault_open(p->db, p->purpose, sealed, context, &plain, err);
	if (rc < 0)
		return rc;
	buf_init(&out, p->arena);
	rc = vault_seal(p->db, p->purpose,
	    (struct str){(const char *)secret_at(plain), secret_size(plain)}, context, &out, err);
	secret_free(plain);
	*fresh = out.p;
	p->moved += rc == 0;
	return rc < 0 ? rc : 1;
}

/* --- counting --- */

static int count_batch(struct db *db, void *arg, struct err *err)
{
	struct vault_pass *p = arg;
	p->db = db;
	return p->purpose->next(p, err);
}

int purpose_count(struct store *st, struct arena *a, const struct protects *purpose,
    struct vault_pass *out, struct err *err)
{
	*out = (struct vault_pass){.purpose = purpose,
	    .arena = arena_new(),
	    .limit = BATCH,
	    .counting = true,
	    .end = !purpose->next,
	    .tally = arena_array(a, TALLY_MAX, sizeof(*out->tally))};
	int rc = 0;
	while (rc == 0 && !out->end) {
		struct arena_mark mark = arena_mark(out->arena);
		rc = store_read(st, count_batch, out, err);
		out->after = out->last;
		arena_release(out->arena, mark);
	}
	arena_free(out->arena);
	out->arena = NULL;
	return rc < 0 ? rc : 0;
}

/* --- rotating --- */

static int rotation_journal(
    struct db *db, const char *actor, const char *verb, int64_t id, json_t *data, struct err *err)
{
	char subject[48];
	(void)snprintf(subject, sizeof(subject), "vault-rotation:%lld", (long long)id);
	int rc = journal_add(db,
	    &(struct journal_change){
	        .actor = actor, .verb = verb, .subject = subject, .data = data},
	    NULL, err);
	json_decref(data);
	return rc;
}

static int queue(struct db *db, int64_t id, struct err *err)
{
	char key[48];
	json_t *payload = json_pack("{s:I}", "rotation", (json_int_t)id);
	(void)snprintf(key, sizeof(key), "vault.rotate/%lld", (long long)id);
	int rc = job_add(db, "vault.rotate", payload, 0, key, err);
	json_decref(payload);
	return rc;
}

int rotation_start(
    struct db *db, const struct protects *p, const char *actor, int64_t *id, struct err *err)
{
	int64_t running, key;
	struct vault *v = vault_of(db, err);
	if (!v)
		return -(int)ERR_INTERNAL;
	if (!p->next)
		return err_set(err, ERR_INPUT, "vault.not_rotated", "%s", p->name);
	int rc = db_get_i64(db, err, &running, VAULT(ROTATION_RUNNING), "t", p->name);
	if (rc > 0)
		return err_set(err, ERR_CONFLICT, "vault.running", "rotation %lld of %s goes on",
		    (long long)running, p->name);
	if (rc == 0)
		rc = key_make(v, db, p, actor, NULL, "current", false, &key, err);
	if (rc == 0)
		rc = db_get_i64(db, err, id, VAULT(ROTATION_ADD), "tti", p->name, actor, now_us());
	if (rc > 0)
		rc = rotation_journal(db, actor, "vault.rotation_started", *id,
		    json_pack("{s:s, s:I}", "purpose", p->name, "key", (json_int_t)key), err);
	return rc < 0 ? rc : queue(db, *id, err);
}

struct stepping {
	int64_t id;
	bool more;
	struct arena *arena;
	/* as read */
	int64_t round, moved, moved_round;
	struct vault_pass pass;
};

static int rotation_read(struct stepping *s, struct vault *v, struct db *db, struct err *err)
{
	json_t *tally = NULL, *n;
	const char *key;
	struct rows *r = db_query(db, err, VAULT(ROTATION_GET), "i", s->id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	s->pass = (struct vault_pass){.db = db,
	    .arena = s->arena,
	    .limit = BATCH,
	    .tally = arena_array(s->arena, TALLY_MAX, sizeof(*s->pass.tally))};
	if (rc > 0) {
		s->pass.purpose = purpose_find(v, rows_dup(r, 0, s->arena));
		s->pass.after = s->pass.last = rows_i64(r, 1);
		s->round = rows_i64(r, 2);
		s->moved = rows_i64(r, 3);
		s->moved_round = rows_i64(r, 4);
		tally = json_loads(rows_dup(r, 5, s->arena), 0, NULL);
	}
	rows_end(r);
	json_object_foreach(tally, key, n)
	{
		int64_t id;
		if (str_to_i64(str_from(key), 1, INT64_MAX, &id))
			tally_add(&s->pass, id, json_integer_value(n));
	}
	json_decref(tally);
	if (rc > 0 && !s->pass.purpose)
		return err_set(
		    err, ERR_INPUT, NULL, "rotation %lld of an unknown purpose", (long long)s->id);
	return rc;
}

/* After a round that found nothing to do. */
static int rotation_finish(struct stepping *s, struct db *db, struct err *err)
{
	const char *purpose = s->pass.purpose->name;
	int64_t now = now_us(), ids[TALLY_MAX];
	int n = 0, rc = 0;
	for (int i = 0; i < s->pass.ntally && rc == 0; i++)
		rc = db_later(db, err, VAULT(KEY_COUNTED), "iii", s->pass.tally[i].key,
		    s->pass.tally[i].values, now);
	struct rows *r = rc == 0 ? db_query(db, err, VAULT(KEYS_OLD), "t", purpose) : NULL;
	rc = r ? 0 : -(int)ERR_STORE;
	while (r && n < TALLY_MAX && (rc = rows_next(r)) > 0)
		ids[n++] = rows_i64(r, 0);
	rows_end(r);
	for (int i = 0; i < n && rc >= 0; i++) {
		rc = db_later(db, err, VAULT(KEY_RETIRE), "ii", ids[i], now);
		if (rc == 0)
			rc = key_journal(db, "system", "vault.key_destroyed", ids[i], err);
	}
	if (rc >= 0)
		rc = db_later(db, err, VAULT(ROTATION_DONE), "ii", s->id, now);
	return rc < 0 ? rc
	              : rotation_journal(db, "system", "vault.rotation_done", s->id,
	                    json_pack("{s:s, s:I, s:I}", "purpose", purpose, "moved",
	                        (json_int_t)s->moved, "rounds", (json_int_t)s->round),
	                    err);
}

static int rotation_save(struct stepping *s, struct db *db, struct err *err)
{
	struct vault_pass *p = &s->pass;
	bool again = p->end; /* another round */
	json_t *tally = json_object();
	for (int i = 0; i < p->ntally && !again; i++) {
		char key[24];
		(void)snprintf(key, sizeof(key), "%lld", (long long)p->tally[i].key);
		json_object_set_new(tally, key, json_integer(p->tally[i].values));
	}
	int rc = db_later(db, err, VAULT(ROTATION_SAVE), "iiiiit", s->id,
	    again ? (int64_t)0 : p->last, s->round + again, s->moved,
	    again ? (int64_t)0 : s->moved_round, json_canonical_text(s->arena, tally));
	json_decref(tally);
	return rc;
}

static int step_write(struct db *db, void *arg, struct err *err)
{
	struct stepping *s = arg;
	struct vault *v = vault_of(db, err);
	s->more = false;
	int rc = v ? rotation_read(s, v, db, err) : -(int)ERR_INTERNAL;
	if (rc <= 0)
		return rc; /* done before */
	rc = s->pass.purpose->next(&s->pass, err);
	if (rc < 0)
		return rc;
	s->moved += s->pass.moved;
	s->moved_round += s->pass.moved;
	s->more = !s->pass.end || s->moved_round > 0;
	return s->more ? rotation_save(s, db, err) : rotation_finish(s, db, err);
}

static int wipe_retired(struct store *st, struct err *err)
{
	struct db *db = store_reader(st, err);
	struct vault *v = db ? vault_of(db, err) : NULL;
	return v ? keys_load(v, db, err) : -(int)ERR_STORE;
}

int rotation_step(struct store *st, int64_t id, struct err *err)
{
	struct stepping s = {.id = id, .more = true};
	int64_t until = monotonic_us() + STEP_MS * 1000;
	int rc = 0;
	while (rc == 0 && s.more && monotonic_us() < until) {
		s.arena = arena_new();
		rc = store_write(st, step_write, &s, err);
		arena_free(s.arena);
	}
	if (rc == 0 && !s.more)
		rc = wipe_retired(st, err);
	return rc < 0 ? rc : s.more;
}

static int queue_write(struct db *db, void *arg, struct err *err)
{
	return queue(db, *(const int64_t *)arg, err);
}

/* Other jobs have their turn between the parts. */
int rotation_job(struct store *st, void *context, struct arena *a, json_t *payload, struct err *err)
{
	(void)context;
	(void)a;
	int64_t id = json_integer_value(json_object_get(payload, "rotation"));
	int rc = rotation_step(st, id, err);
	return rc > 0 ? store_write(st, queue_write, &id, err) : rc;
}
