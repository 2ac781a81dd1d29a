/* What is known of the keys: for the page and the command. */
#include "vault/rotate.h"

static int keys_of(
    struct db *db, struct arena *a, const char *purpose, json_t *list, struct err *err)
{
	struct rows *r = db_query(db, err, VAULT(KEYS_OF), "t", purpose);
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		/* People see eight digits of a key's number. */
		json_t *key = json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "id",
		    arena_printf(a, "%08llx", (long long)rows_i64(r, 0)), "state",
		    rows_dup(r, 1, a), "former", (int)(rows_i64(r, 2) != 0), "created",
		    (json_int_t)rows_i64(r, 3), "held", (json_int_t)rows_i64(r, 6), "counted",
		    (json_int_t)rows_i64(r, 7));
		if (rows_i64(r, 4))
			json_object_set_new(key, "ended", json_integer(rows_i64(r, 4)));
		if (rows_i64(r, 5))
			json_object_set_new(key, "retired", json_integer(rows_i64(r, 5)));
		json_array_append_new(list, key);
	}
	rows_end(r);
	return rc;
}

static int rotation_of(
    struct db *db, struct arena *a, const struct protects *p, json_t **out, struct err *err)
{
	struct rows *r = db_query(db, err, VAULT(ROTATION_LAST), "t", p->name);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	int64_t place = 0, top = 0;
	*out = NULL;
	if (rc > 0) {
		bool running = strcmp(rows_dup(r, 1, a), "running") == 0;
		place = rows_i64(r, 2);
		*out = json_pack("{s:b, s:I, s:I, s:s, s:I, s:I}", "running", (int)running, "round",
		    (json_int_t)rows_i64(r, 3), "moved", (json_int_t)rows_i64(r, 4), "by",
		    rows_dup(r, 5, a), "started", (json_int_t)rows_i64(r, 6), "done",
		    (json_int_t)rows_i64(r, 7));
	}
	rows_end(r);
	if (rc > 0 && p->top)
		rc = db_get_i64(db, err, &top, p->top, "");
	if (*out)
		json_object_set_new(*out, "percent", json_integer(top > 0 ? place * 100 / top : 0));
	return rc;
}

static int master_view(struct vault *v, struct db *db, struct arena *a, json_t *m, struct err *err)
{
	struct rows *r = db_query(db, err, VAULT(MASTER_CURRENT), "");
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		json_object_set_new(m, "fingerprint", json_string(rows_dup(r, 1, a)));
		json_object_set_new(m, "source", json_string(rows_dup(r, 2, a)));
		json_object_set_new(m, "since", json_integer(rows_i64(r, 3)));
	}
	rows_end(r);
	int due = rc < 0 ? rc : rewrap_due(db, err);
	if (due > 0)
		json_object_set_new(m, "next",
		    json_pack("{s:s, s:s}", "source", v->masters[0].source, "fingerprint",
		        v->masters[0].fingerprint));
	return rc < 0 ? rc : due;
}

int vault_memory(struct db *db, struct arena *a, json_t **out, struct err *err)
{
	struct vault *v = vault_of(db, err);
	json_t *master = json_object(), *list = json_array();
	*out = json_pack("{s:o, s:o}", "master", master, "purposes", list);
	int rc = v ? master_view(v, db, a, master, err) : -(int)ERR_INTERNAL;
	for (int i = 0; rc >= 0 && i < v->npurposes; i++) {
		const struct protects *p = v->purposes[i];
		json_t *keys = json_array(), *rotation;
		json_t *one = json_pack("{s:s, s:s, s:s, s:b, s:b, s:o}", "name", p->name, "where",
		    p->where, "what_key", p->what, "index", (int)p->index, "fixed",
		    (int)(p->next == NULL), "keys", keys);
		json_array_append_new(list, one);
		rc = keys_of(db, a, p->name, keys, err);
		if (rc >= 0)
			rc = rotation_of(db, a, p, &rotation, err);
		if (rc > 0)
			json_object_set_new(one, "rotation", rotation);
	}
	if (rc >= 0)
		return 0;
	json_decref(*out);
	*out = NULL;
	return rc;
}
