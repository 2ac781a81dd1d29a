/* Keys, sealed texts, rotations; on both stores. */
#include "store/test_store.h"

#include <sys/stat.h>

#include "base/file.h"
#include "vault/rotate.h"

/* Things whose names are kept sealed: thing.name, in the journal's test table. */
static const struct sql thing_add = {"INSERT INTO vault_thing (id, name) VALUES (?1, ?2)"},
                        thing_set = {"UPDATE vault_thing SET name = ?2 WHERE id = ?1"},
                        thing_get = {"SELECT name FROM vault_thing WHERE id = ?1"},
                        thing_next = {"SELECT id, name FROM vault_thing WHERE id > ?1 "
                                      "ORDER BY id LIMIT ?2"},
                        thing_top = {"SELECT coalesce(max(id), 0) FROM vault_thing"};

static struct str context_of(struct arena *a, int64_t id)
{
	return str_from(arena_printf(a, "thing/%lld", (long long)id));
}

static int things_next(struct vault_pass *p, struct err *err)
{
	struct {
		int64_t id;
		char *name;
	} all[8];
	int n = 0, most = 3, rc;
	struct rows *r = db_query(p->db, err, &thing_next, "ii", p->after, (int64_t)most);
	rc = r ? 0 : -(int)ERR_STORE;
	while (r && n < most && (rc = rows_next(r)) > 0) {
		all[n].id = rows_i64(r, 0);
		all[n++].name = rows_dup(r, 1, p->arena);
	}
	rows_end(r);
	p->end = n < most;
	for (int i = 0; i < n && rc >= 0; i++) {
		const char *fresh;
		rc = vault_again(
		    p, str_from(all[i].name), context_of(p->arena, all[i].id), &fresh, err);
		if (rc > 0)
			rc = db_later(p->db, err, &thing_set, "it", all[i].id, fresh);
		p->last = all[i].id;
	}
	return rc < 0 ? rc : 0;
}

static const struct protects things = {.name = "thing.name",
                                 .where = "vault_thing.name",
                                 .what = "x",
                                 .former = "thing.key",
                                 .next = things_next,
                                 .top = &thing_top},
                             other = {.name = "other.name", .where = "other.name", .what = "x"},
                             indexed = {.name = "thing.index",
                                 .where = "thing.index",
                                 .what = "x",
                                 .index = true,
                                 .former = "thing.key"};
static const struct protects *const purposes[] = {&things, &other, &indexed};

static int start_at(struct store *st, const char *sources, struct err *err)
{
	return vault_start(st,
	    &(struct vault_options){.sources = sources, .purposes = purposes, .n = COUNT(purposes)},
	    err);
}

static int make_table(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	static const struct sql create = {
	    "CREATE TABLE vault_thing (id BIGINT PRIMARY KEY, name TEXT NOT NULL)"};
	return (int)db_run(db, err, &create, "");
}

struct put {
	int64_t id;
	const char *name;
};

static int put_thing(struct db *db, void *arg, struct err *err)
{
	const struct put *p = arg;
	struct arena *a = arena_new();
	struct buf sealed;
	buf_init(&sealed, a);
	int rc = vault_seal(db, &things, str_from(p->name), context_of(a, p->id), &sealed, err);
	if (rc == 0)
		rc = db_later(db, err, &thing_add, "it", p->id, sealed.p);
	arena_free(a);
	return rc;
}

static void put(struct store *st, int64_t id, const char *name)
{
	OK(store_write(st, put_thing, &(struct put){id, name}, why));
}

static void put_many(struct store *st, int n)
{
	char name[24];
	for (int i = 1; i <= n; i++) {
		(void)snprintf(name, sizeof(name), "name %d", i);
		put(st, i, name);
	}
}

static char *sealed_of(struct store *st, struct arena *a, int64_t id)
{
	char *text = NULL;
	OK(db_get_text(store_reader(st, why), why, a, &text, &thing_get, "i", id));
	return text;
}

/* NULL: it does not open. */
static const char *open_as(
    struct store *st, struct arena *a, const struct protects *p, const char *sealed, int64_t id)
{
	struct secret_bytes *plain;
	struct err err = {0};
	if (vault_open(
	        store_reader(st, &err), p, str_from(sealed), context_of(a, id), &plain, &err) < 0) {
		assert_null(plain);
		return NULL;
	}
	const char *text =
	    str_dup(a, (struct str){(const char *)secret_at(plain), secret_size(plain)});
	secret_free(plain);
	return text;
}

static void assert_many(struct store *st, int n)
{
	struct arena *a = arena_new();
	for (int i = 1; i <= n; i++)
		assert_string_equal(
		    open_as(st, a, &things, sealed_of(st, a, i), i), arena_printf(a, "name %d", i));
	arena_free(a);
}

static void started(struct store *st)
{
	OK(store_write(st, make_table, NULL, why));
	OK(start_at(st, NULL, why));
}

/* --- sealed texts --- */

static void sealed_texts(struct store *st)
{
	struct arena *a = arena_new();
	started(st);
	put(st, 1, "123456789018");
	put(st, 2, "");
	char *one = sealed_of(st, a, 1);
	assert_string_equal(open_as(st, a, &things, one, 1), "123456789018");
	assert_string_equal(open_as(st, a, &things, sealed_of(st, a, 2), 2), "");
	/* another row's, another purpose's */
	assert_null(open_as(st, a, &things, one, 2));
	assert_null(open_as(st, a, &things, sealed_of(st, a, 2), 1));
	assert_null(open_as(st, a, &other, one, 1));
	/* any digit changed, or the end cut off */
	for (size_t i = 0; one[i]; i++) {
		char was = one[i];
		one[i] = was == 'B' ? 'C' : 'B';
		assert_null(open_as(st, a, &things, one, 1));
		one[i] = was;
	}
	for (size_t n = 0; n < strlen(one); n++)
		assert_null(open_as(st, a, &things, arena_printf(a, "%.*s", (int)n, one), 1));
	assert_true(sealed_key(str_from(one)) > 0);
	assert_int_equal(sealed_key(STR("")), -1);
	assert_int_equal(sealed_key(STR("????????????")), -1);
	arena_free(a);
}

static void indexes(struct store *st)
{
	struct arena *a = arena_new();
	char *one, *same, *two;
	started(st);
	struct db *db = store_reader(st, NULL);
	OK(vault_index(db, &indexed, STR("123"), a, &one, why));
	OK(vault_index(db, &indexed, STR("123"), a, &same, why));
	OK(vault_index(db, &indexed, STR("124"), a, &two, why));
	assert_string_equal(one, same);
	assert_string_not_equal(one, two);
	assert_int_equal(strlen(one), 64);
	arena_free(a);
}

/* --- master keys --- */

static void rename_key(struct store *st, const char *from, const char *to)
{
	struct arena *a = arena_new();
	assert_int_equal(rename(arena_printf(a, "%s/keys/%s", store_dir(st), from),
	                     arena_printf(a, "%s/keys/%s", store_dir(st), to)),
	    0);
	arena_free(a);
}

static void refused(struct store *st, const char *sources, const char *words)
{
	struct err err = {0};
	assert_true(start_at(st, sources, &err) < 0);
	if (!strstr(err.detail, words))
		fail_msg("\"%s\" is not in: %s", words, err.detail);
}

static void master_keys(struct store *st)
{
	struct arena *a = arena_new();
	const char *path = arena_printf(a, "%s/keys/master.key", store_dir(st));
	struct stat s;
	started(st);
	put_many(st, 3);
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0400);
	/* others may read it */
	assert_int_equal(chmod(path, 0440), 0);
	refused(st, NULL, "chmod 600");
	assert_int_equal(chmod(path, 0400), 0);
	/* another key, and none; none is made while the store has keys */
	rename_key(st, "master.key", "master-away.key");
	refused(st, NULL, "is not at hand");
	assert_int_equal(stat(path, &s), -1);
	OK(master_make("file:keys/master.key", store_dir(st), why));
	refused(st, NULL, "is not at hand");
	struct err err = {0};
	assert_int_equal(
	    master_make("file:keys/master.key", store_dir(st), &err), -(int)ERR_CONFLICT);
	/* what is no source */
	refused(st, "keys/master.key", "no source");
	refused(st, "file:keys/other.key", "backups");
	refused(st, "file:../x", "no path");
	refused(st, "credential:../x", "CREDENTIALS_DIRECTORY");
	/* the right one, wherever it stands in the list */
	OK(start_at(st, "file:keys/master.key file:keys/master-away.key", why));
	assert_many(st, 3);
	arena_free(a);
}

static int rewrap_write(struct db *db, void *arg, struct err *err)
{
	int *n = arg;
	*n = rewrap(db, "cli", err);
	return *n < 0 ? *n : 0;
}

static void wrapped_anew(struct store *st)
{
	int n;
	started(st);
	put_many(st, 3);
	OK(store_write(st, rewrap_write, &n, why));
	assert_int_equal(n, 0); /* with this one already */
	OK(master_make("file:keys/master-2.key", store_dir(st), why));
	OK(start_at(st, "file:keys/master-2.key file:keys/master.key", why));
	assert_int_equal(rewrap_due(store_reader(st, NULL), NULL), 1);
	OK(store_write(st, rewrap_write, &n, why));
	assert_int_equal(n, 3);
	assert_int_equal(rewrap_due(store_reader(st, NULL), NULL), 0);
	rename_key(st, "master.key", "master-gone.key");
	OK(start_at(st, "file:keys/master-2.key", why));
	assert_many(st, 3);
	put(st, 4, "name 4");
	refused(st, "file:keys/master-gone.key", "is not at hand");
	/* and back */
	OK(start_at(st, "file:keys/master-gone.key file:keys/master-2.key", why));
	OK(store_write(st, rewrap_write, &n, why));
	OK(start_at(st, "file:keys/master-gone.key", why));
	assert_many(st, 4);
}

/* The same with a token, of which the key never comes out. */
static void on_a_token(struct store *st)
{
	struct arena *a = arena_new();
	const char *dir = store_dir(st), *conf = arena_printf(a, "%s/softhsm.conf", dir),
	           *pin = arena_printf(a, "%s/pin", dir);
	static const char module[] = "/usr/lib/softhsm/libsofthsm2.so";
	int n;
	OK(dir_make(arena_printf(a, "%s/tokens", dir), 0700, why));
	OK(file_write(conf,
	    str_from(arena_printf(a, "directories.tokendir = %s/tokens\nlog.level = ERROR\n", dir)),
	    0600, why));
	OK(file_write(pin, STR("2468\n"), 0600, why));
	(void)setenv("SOFTHSM2_CONF", conf, 1);
	assert_int_equal(
	    system("softhsm2-util --init-token --free --label city --so-pin 1357 --pin 2468 "
	           ">/dev/null"),
	    0);
	const char *source = arena_printf(
	    a, "pkcs11:token=city;object=master?module-path=%s&pin-source=file:%s", module, pin);
	started(st);
	put_many(st, 3);
	refused(st, arena_printf(a, "%s%s", source, "&pin-value=2468"), "pin-value");
	refused(st,
	    arena_printf(a, "pkcs11:token=city?module-path=%s&pin-source=file:%s", module, pin),
	    "names no key");
	refused(st, arena_printf(a, "pkcs11:token=nowhere;object=x?module-path=%s", module),
	    "no token");
	refused(st, source, "no such key");
	OK(master_make(source, dir, why));
	struct err err = {0};
	assert_int_equal(master_make(source, dir, &err), -(int)ERR_CONFLICT);
	OK(start_at(st, arena_printf(a, "%s file:keys/master.key", source), why));
	OK(store_write(st, rewrap_write, &n, why));
	assert_int_equal(n, 3);
	rename_key(st, "master.key", "master-gone.key");
	OK(start_at(st, source, why));
	assert_many(st, 3);
	put(st, 4, "name 4");
	assert_int_equal(chmod(pin, 0644), 0);
	refused(st, source, "chmod 600");
	assert_int_equal(chmod(pin, 0600), 0);
	arena_free(a);
}

/* A wrapped key in another's row opens nothing: the numbers are bound. */
static int swap_keys(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	static const struct sql swap = {
	    "UPDATE vault_key SET wrapped = (SELECT k.wrapped FROM vault_key k "
	    "WHERE k.purpose = 'other.name') WHERE purpose = 'thing.name'"};
	return (int)db_run(db, err, &swap, "");
}

static void swapped_keys(struct store *st)
{
	started(st);
	OK(store_write(st, swap_keys, NULL, why));
	refused(st, NULL, "does not open a key");
}

/* --- key files of former versions --- */

static void former_files(struct store *st)
{
	struct arena *a = arena_new();
	struct secret_bytes *key = secret_random(AEAD_KEY);
	struct str bytes = {(const char *)secret_at(key), AEAD_KEY};
	const char *path = arena_printf(a, "%s/keys/thing.key", store_dir(st));
	OK(store_write(st, make_table, NULL, why));
	OK(dir_make(arena_printf(a, "%s/keys", store_dir(st)), 0700, why));
	OK(file_write(path, bytes, 0400, why));
	OK(start_at(st, NULL, why));
	assert_int_equal(access(path, F_OK), -1); /* in the store now */
	/* version byte 1, nonce, cipher text, tag; the context is bound alone */
	uint8_t sealed[1 + 6 + AEAD_EXTRA] = {1};
	struct str context = context_of(a, 7);
	struct buf text;
	buf_init(&text, a);
	aead_seal(key, &context, 1, STR("name 7"), sealed + 1);
	buf_base64url(&text, sealed, sizeof(sealed));
	assert_string_equal(open_as(st, a, &things, text.p, 7), "name 7");
	assert_null(open_as(st, a, &things, text.p, 8));
	/* an index goes on as it was */
	uint8_t mac[HASH_SIZE], now[HASH_SIZE];
	struct str value = STR("123");
	hash_hmac(bytes, &value, 1, mac);
	OK(vault_mac(store_reader(st, why), &indexed, value, now, why));
	assert_memory_equal(mac, now, sizeof(mac));
	/* a file with another key is left alone */
	OK(file_write(path, STR("01234567890123456789012345678901"), 0400, why));
	OK(start_at(st, NULL, why));
	assert_int_equal(access(path, F_OK), 0);
	secret_free(key);
	arena_free(a);
}

/* --- rotations --- */

struct starting_rotation {
	int64_t id;
};

static int start_write(struct db *db, void *arg, struct err *err)
{
	struct starting_rotation *s = arg;
	return rotation_start(db, &things, "cli", &s->id, err);
}

static int64_t keys_in_state(struct store *st, const char *state)
{
	char sql[120];
	(void)snprintf(sql, sizeof(sql),
	    "SELECT count(*) FROM vault_key WHERE purpose = 'thing.name' AND state = '%s'", state);
	return test_store_number(st, sql);
}

static void rotated(struct store *st)
{
	struct starting_rotation s;
	struct arena *a = arena_new();
	struct err err = {0};
	started(st);
	put_many(st, 10);
	const char *before = sealed_of(st, a, 5);
	OK(store_write(st, start_write, &s, why));
	assert_int_equal(store_write(st, start_write, &s, &err), -(int)ERR_CONFLICT);
	err = (struct err){0};
	assert_string_equal(open_as(st, a, &things, before, 5), "name 5");
	while (rotation_step(st, s.id, &err) > 0)
		;
	assert_int_equal(err.kind, ERR_NONE);
	assert_many(st, 10);
	assert_string_not_equal(before, sealed_of(st, a, 5));
	assert_null(open_as(st, a, &things, before, 5)); /* its key is destroyed */
	assert_int_equal(keys_in_state(st, "current"), 1);
	assert_int_equal(keys_in_state(st, "old"), 0);
	assert_int_equal(keys_in_state(st, "retired"), 1);
	assert_int_equal(test_store_number(st,
	                     "SELECT held FROM vault_key WHERE purpose = 'thing.name' AND state = "
	                     "'current'"),
	    10);
	assert_int_equal(
	    test_store_number(st, "SELECT count(*) FROM vault_key WHERE state = 'retired' AND "
	                          "wrapped IS NOT NULL"),
	    0);
	struct vault_pass count;
	OK(purpose_count(st, a, &things, &count, why));
	assert_int_equal(count.ntally, 1);
	assert_int_equal(count.tally[0].values, 10);
	json_t *memory;
	OK(vault_memory(store_reader(st, why), a, &memory, why));
	json_t *one = json_array_get(json_object_get(memory, "purposes"), 0);
	assert_int_equal(json_array_size(json_object_get(one, "keys")), 2);
	assert_true(json_is_false(json_object_get(json_object_get(one, "rotation"), "running")));
	json_decref(memory);
	const struct journal_verifier *const all[] = {&vault_key_verifier};
	struct verify_report report;
	OK(journal_verify(st, all, 1, NULL, NULL, &report, why));
	if (report.problems)
		fail_msg("%s", report.first_bad);
	arena_free(a);
}

static int one_batch(struct db *db, void *arg, struct err *err)
{
	struct vault_pass *p = arg;
	p->db = db;
	return things_next(p, err);
}

static void interrupted(struct store *st)
{
	struct starting_rotation s;
	struct arena *a = arena_new();
	struct err err = {0};
	struct vault_tally tally[TALLY_MAX];
	started(st);
	put_many(st, 10);
	OK(store_write(st, start_write, &s, why));
	/* One batch only, as of a process that is then killed: some values under each key. */
	struct vault_pass pass = {.purpose = &things, .arena = a, .limit = 3, .tally = tally};
	OK(store_write(st, one_batch, &pass, why));
	assert_int_equal(pass.moved, 3);
	/* Another process opens the store, and all of it; what comes in takes the new key. */
	OK(start_at(st, NULL, why));
	assert_many(st, 10);
	put(st, 11, "name 11");
	assert_int_equal(keys_in_state(st, "old"), 1);
	struct vault_pass count;
	OK(purpose_count(st, a, &things, &count, why));
	assert_int_equal(count.ntally, 2);
	while (rotation_step(st, s.id, &err) > 0)
		;
	assert_int_equal(err.kind, ERR_NONE);
	assert_int_equal(rotation_step(st, s.id, &err), 0); /* done, and done again */
	assert_many(st, 11);
	assert_int_equal(keys_in_state(st, "retired"), 1);
	arena_free(a);
}

/* What does not open ends the walk, and no key is destroyed. */
static int copy_write(struct db *db, void *arg, struct err *err)
{
	return db_later(db, err, &thing_add, "it", INT64_C(9), (const char *)arg);
}

static void damaged(struct store *st)
{
	struct starting_rotation s;
	struct arena *a = arena_new();
	struct err err = {0};
	started(st);
	put_many(st, 4);
	OK(store_write(st, copy_write, sealed_of(st, a, 4), why)); /* in another's row */
	OK(store_write(st, start_write, &s, why));
	assert_int_equal(rotation_step(st, s.id, &err), -(int)ERR_STORE);
	assert_int_equal(keys_in_state(st, "old"), 1);
	assert_many(st, 4);
	arena_free(a);
}

/* Servers that open one new store at a time end with the same keys. */
struct opener {
	struct store *st;
	pthread_t thread;
	int rc;
	struct err err;
};

static void *open_thread(void *arg)
{
	struct opener *o = arg;
	o->rc = start_at(o->st, NULL, &o->err);
	return NULL;
}

static void together(struct test_store *t)
{
	enum { SERVERS = 4 };
	struct opener o[SERVERS] = {0};
	test_store_migrate(t->st);
	OK(store_write(t->st, make_table, NULL, why));
	for (int i = 0; i < SERVERS; i++)
		OK(store_open(&t->options, &o[i].st, why));
	for (int i = 0; i < SERVERS; i++)
		assert_int_equal(pthread_create(&o[i].thread, NULL, open_thread, &o[i]), 0);
	for (int i = 0; i < SERVERS; i++) {
		pthread_join(o[i].thread, NULL);
		if (o[i].rc < 0)
			fail_msg("server %d: %s", i, o[i].err.detail);
	}
	assert_int_equal(test_store_number(t->st, "SELECT count(*) FROM vault_key"), 3);
	assert_int_equal(test_store_number(t->st, "SELECT count(*) FROM vault_master"), 1);
	put(o[0].st, 1, "name 1");
	for (int i = 0; i < SERVERS; i++)
		assert_many(o[i].st, 1);
	/* One rotates; another seals with the new key without having been told. */
	struct starting_rotation s;
	struct err err = {0};
	OK(store_write(o[1].st, start_write, &s, why));
	put(o[2].st, 2, "name 2");
	while (rotation_step(o[3].st, s.id, &err) > 0)
		;
	assert_int_equal(err.kind, ERR_NONE);
	for (int i = 0; i < SERVERS; i++) {
		assert_many(o[i].st, 2);
		store_close(o[i].st);
	}
}

static void test_together(void **state)
{
	(void)state;
	for (int postgres = 0; postgres < 2; postgres++) {
		if (postgres && !getenv("MACHI_TEST_PG"))
			break;
		struct test_store t;
		test_store_new(&t, postgres);
		together(&t);
		test_store_free(&t);
	}
}

#define ON_EACH(fn)                                                                                \
	static void test_##fn(void **state)                                                        \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(fn);                                                               \
	}

ON_EACH(sealed_texts)
ON_EACH(indexes)
ON_EACH(master_keys)
ON_EACH(wrapped_anew)
ON_EACH(on_a_token)
ON_EACH(swapped_keys)
ON_EACH(former_files)
ON_EACH(rotated)
ON_EACH(interrupted)
ON_EACH(damaged)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sealed_texts),
	    cmocka_unit_test(test_indexes),
	    cmocka_unit_test(test_master_keys),
	    cmocka_unit_test(test_wrapped_anew),
	    cmocka_unit_test(test_on_a_token),
	    cmocka_unit_test(test_swapped_keys),
	    cmocka_unit_test(test_former_files),
	    cmocka_unit_test(test_rotated),
	    cmocka_unit_test(test_interrupted),
	    cmocka_unit_test(test_damaged),
	    cmocka_unit_test(test_together),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
