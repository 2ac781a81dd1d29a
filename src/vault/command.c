/* machi keys: what protects what; new data keys, another master key. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "main/cli.h"
#include "vault/module.h"
#include "vault/rotate.h"

static const char actor[] = "cli";

static const char *day(struct arena *a, int64_t us)
{
	return us ? date_format(a, date_of_us(us)) : "-";
}

/* --- list --- */

static int64_t held_by(const struct vault_pass *count, const char *id)
{
	for (int i = 0; i < count->ntally; i++) {
		char text[24];
		(void)snprintf(text, sizeof(text), "%08llx", (long long)count->tally[i].key);
		if (strcmp(text, id) == 0)
			return count->tally[i].values;
	}
	return 0;
}

static int list_purpose(
    struct store *st, struct arena *a, const struct vault *v, json_t *one, struct err *err)
{
	const struct protects *p = purpose_find(v, json_text(one, "name"));
	struct vault_pass count;
	size_t i;
	json_t *key;
	int rc = purpose_count(st, a, p, &count, err);
	if (rc < 0)
		return rc;
	printf("%s\n  protects: %s%s\n", p->name, p->where,
	    p->next ? "" : "; cannot be made anew, its key stays");
	json_array_foreach(json_object_get(one, "keys"), i, key)
	{
		const char *id = json_text(key, "id"), *state = json_text(key, "state");
		printf("  key %s  %-8s since %s", id, state,
		    day(a, json_integer_value(json_object_get(key, "created"))));
		if (p->next && strcmp(state, "retired") != 0)
			printf("  values %lld", (long long)held_by(&count, id));
		if (strcmp(state, "retired") == 0)
			printf("  destroyed %s",
			    day(a, json_integer_value(json_object_get(key, "retired"))));
		printf("%s\n", json_on(key, "former") ? "  (key file of a former version)" : "");
	}
	json_t *rotation = json_object_get(one, "rotation");
	if (json_on(rotation, "running"))
		printf("  rotation: round %lld, %lld %%\n",
		    (long long)json_integer_value(json_object_get(rotation, "round")),
		    (long long)json_integer_value(json_object_get(rotation, "percent")));
	return 0;
}

static int list(struct city *city, struct arena *a, const char *word, struct err *err)
{
	(void)word;
	struct db *db = store_reader(city->store, err);
	struct vault *v = db ? vault_of(db, err) : NULL;
	json_t *memory, *one;
	size_t i;
	int rc = v ? vault_memory(db, a, &memory, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	json_on_arena(a, memory);
	json_t *master = json_object_get(memory, "master"), *next = json_object_get(master, "next");
	printf("master key %s  %s  since %s\n", json_text(master, "fingerprint"),
	    json_text(master, "source"),
	    day(a, json_integer_value(json_object_get(master, "since"))));
	if (next)
		printf("  keys.master names %s (%s) first; run: machi keys rewrap\n",
		    json_text(next, "source"), json_text(next, "fingerprint"));
	json_array_foreach(json_object_get(memory, "purposes"), i, one)
	{
		if ((rc = list_purpose(city->store, a, v, one, err)) < 0)
			return rc;
	}
	return 0;
}

/* --- rotate --- */

struct rotating {
	const struct protects *purpose;
	int64_t id;
};

static int rotate_write(struct db *db, void *arg, struct err *err)
{
	struct rotating *r = arg;
	return rotation_start(db, r->purpose, actor, &r->id, err);
}

/* A server would do it as a job; here it is done at once, whether one runs or not. */
static int rotate_one(struct store *st, const struct protects *p, struct err *err)
{
	struct rotating r = {.purpose = p};
	int rc = store_write(st, rotate_write, &r, err);
	while (rc == 0 && (rc = rotation_step(st, r.id, err)) > 0)
		rc = 0;
	if (rc == 0)
		printf("%s: sealed anew, former keys are destroyed\n", p->name);
	return rc;
}

static int rotate(struct city *city, struct arena *a, const char *word, struct err *err)
{
	(void)a;
	struct db *db = store_reader(city->store, err);
	struct vault *v = db ? vault_of(db, err) : NULL;
	bool found = false;
	int rc = v ? 0 : -(int)ERR_STORE;
	for (int i = 0; rc == 0 && i < v->npurposes; i++) {
		const struct protects *p = v->purposes[i];
		bool wanted = word ? strcmp(word, p->name) == 0 : p->next != NULL;
		found |= wanted;
		if (wanted)
			rc = rotate_one(city->store, p, err);
	}
	if (rc == 0 && !found)
		rc = err_set(err, ERR_INPUT, NULL, "there is no purpose \"%.60s\"", word);
	return rc;
}

/* --- master keys --- */

static int rewrap_write(struct db *db, void *arg, struct err *err)
{
	int *n = arg;
	*n = rewrap(db, actor, err);
	return *n < 0 ? *n : 0;
}

static int rewrap_run(struct city *city, struct arena *a, const char *word, struct err *err)
{
	(void)a;
	(void)word;
	int n;
	int rc = store_write(city->store, rewrap_write, &n, err);
	if (rc == 0 && n)
		printf("%d keys are wrapped with the first master key of keys.master now\n", n);
	else if (rc == 0)
		printf("the keys are wrapped with the first master key of keys.master already\n");
	return rc;
}

static int make(struct city *city, struct arena *a, const char *word, struct err *err)
{
	(void)a;
	if (!word)
		return err_set(err, ERR_INPUT, NULL,
		    "where? file:keys/master-2.key, or pkcs11:token=…;object=…");
	struct master m;
	int rc = master_make(word, city->dir, err);
	if (rc == 0)
		rc = master_open(word, city->dir, &m, err);
	if (rc < 0)
		return rc;
	printf("master key %s is at %s; name it first in keys.master, restart, then: machi keys "
	       "rewrap\n",
	    m.fingerprint, word);
	master_close(&m);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct city *, struct arena *, const char *word, struct err *);
} verbs[] = {{"list", list}, {"rotate", rotate}, {"rewrap", rewrap_run}, {"new-master", make}};

int run_keys(int argc, char **argv)
{
	struct cli_city o;
	int code = cli_city_open("keys", &argc, argv, &o);
	if (code != EXIT_OK)
		return code;
	const char *verb = argc > 0 ? argv[0] : "list";
	size_t i = 0;
	while (i < COUNT(verbs) && strcmp(verbs[i].name, verb) != 0)
		i++;
	if (i == COUNT(verbs) || argc > 2)
		return cli_city_close(
		    &o, cli_usage("keys", "list, rotate, rewrap or new-master is wanted", verb));
	struct arena *a = arena_new();
	struct err err = {0};
	int rc = verbs[i].run(o.city, a, argc > 1 ? argv[1] : NULL, &err);
	arena_free(a);
	return cli_city_close(&o, rc < 0 ? cli_fail("keys", &err) : EXIT_OK);
}
