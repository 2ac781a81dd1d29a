/* /staff/keys: which key protects what, since when; and a button for a new one. */
#include "vault/module.h"
#include "vault/rotate.h"

#include "base/json.h"

static void tell(struct request *rq, json_t *purposes)
{
	size_t i, k;
	json_t *one, *key;
	json_array_foreach(purposes, i, one)
	{
		json_t *rotation = json_object_get(one, "rotation");
		json_object_set_new(
		    one, "title", json_string(rq_tr(rq, json_text(one, "what_key"))));
		json_object_del(one, "what_key");
		json_object_set_new(one, "can_rotate",
		    json_boolean(!json_on(one, "fixed") && !json_on(rotation, "running")));
		json_array_foreach(json_object_get(one, "keys"), k, key)
		    json_object_set_new(key, "state_text",
		        json_string(rq_tr(rq,
		            arena_printf(rq->arena, "vault.state.%s", json_text(key, "state")))));
	}
}

int keys_show(struct request *rq, struct err *err)
{
	json_t *memory;
	struct db *db = rq_db(rq, err);
	int rc = db ? vault_memory(db, rq->arena, &memory, err) : -(int)err->kind;
	if (rc < 0)
		return rc;
	tell(rq, json_object_get(memory, "purposes"));
	json_t *next = json_object_get(json_object_get(memory, "master"), "next");
	if (next)
		json_object_set(memory, "next", next);
	json_object_update(rq->view, memory);
	json_decref(memory);
	return 0;
}

static int rotate_write(struct request *rq, struct db *db, struct err *err)
{
	int64_t id;
	struct vault *v = vault_of(db, err);
	const struct protects *p = v ? purpose_find(v, rq_param(rq, "purpose")) : NULL;
	if (!v)
		return -(int)ERR_INTERNAL;
	if (!p)
		return err_set(err, ERR_MISSING, NULL, "no purpose %s", rq_param(rq, "purpose"));
	int rc = rotation_start(db, p, rq->actor.id, &id, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "vault.started", NULL);
	return rq_redirect(rq, "/staff/keys");
}

int keys_rotate(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, rotate_write);
}

static int rewrap_write(struct request *rq, struct db *db, struct err *err)
{
	int rc = rewrap(db, rq->actor.id, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "vault.rewrapped", NULL);
	return rq_redirect(rq, "/staff/keys");
}

int keys_rewrap(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, rewrap_write);
}
