/* Passkeys as credentials: found by their id, data {algorithm, key, synced}. */
#include "identity/passkey/passkey.h"

#include "base/json.h"

static const char kind[] = "passkey";

static char *text_of(struct arena *a, struct str bytes)
{
	struct buf b;
	buf_init(&b, a);
	buf_base64url(&b, bytes.p, bytes.n);
	return b.p;
}

int passkey_find(
    struct db *db, struct arena *a, struct str id, struct passkey *out, struct err *err)
{
	*out = (struct passkey){0};
	int rc = id.n ? credential_find(db, a, kind, text_of(a, id), &out->row, err) : 0;
	if (rc <= 0)
		return rc;
	json_t *data = json_on_arena(a, json_loads(out->row.data, 0, NULL));
	const char *key = json_text(data, "key");
	char *bytes = arena_alloc(a, WEBAUTHN_PART_MAX);
	size_t n = 0;
	if (!key || !base64url_decode(str_from(key), bytes, WEBAUTHN_PART_MAX, &n))
		return err_set(
		    err, ERR_INTERNAL, NULL, "credential %lld has no key", (long long)out->row.id);
	out->key = (struct webauthn_key){
	    .algorithm = json_integer_value(json_object_get(data, "algorithm")),
	    .id = id,
	    .key = {bytes, n},
	    .counter = out->row.counter,
	    .synced = json_is_true(json_object_get(data, "synced"))};
	return 1;
}

int passkey_add(struct db *db, struct arena *a, const struct account *account, const char *name,
    const struct webauthn_key *key, struct err *err)
{
	int64_t id;
	json_t *data =
	    json_on_arena(a, json_pack("{s:I, s:s, s:b}", "algorithm", (json_int_t)key->algorithm,
	                         "key", text_of(a, key->key), "synced", (int)key->synced));
	struct credential row = {.account = account->id,
	    .kind = kind,
	    .name = name,
	    .handle = text_of(a, key->id),
	    .data = json_canonical_text(a, data),
	    .counter = key->counter};
	return credential_add(db, account_actor(a, account), &row, &id, err);
}

const char *passkey_user(struct request *rq, int64_t account)
{
	unsigned char hash[HASH_SIZE];
	struct str text = str_from(
	    arena_printf(rq->arena, "machi-passkey:%s:%lld", rq->city->id, (long long)account));
	hash_sha256(&text, 1, hash);
	return text_of(rq->arena, (struct str){(const char *)hash, sizeof(hash)});
}

int passkeys_remove(struct db *db, const char *actor, int64_t account, struct err *err)
{
	struct arena *a = arena_new();
	struct credential *list;
	int n = credential_list(db, a, account, kind, &list, err), rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc == 0; i++)
		rc = credential_end(db, actor, account, list[i].id, "removed", err);
	arena_free(a);
	return rc;
}

int seconds_remove(struct db *db, const char *actor, int64_t account, struct err *err)
{
	int rc = account_set_totp(db, actor, account, NULL, 0, err);
	if (rc == 0)
		rc = db_later(db, err, SQL(RECOVERY_CLEAR), "i", account);
	return rc < 0 ? rc : passkeys_remove(db, actor, account, err);
}
