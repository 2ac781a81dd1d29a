/* Sealing and opening.
 *
 * A sealed text is base64url of: 2 (the form), number of the key (4, big end first), nonce (12),
 * cipher text, tag (16). Bound to it: form, number, purpose and context. Texts of the first form
 * (1, nonce, cipher text, tag; bound to the context only) were sealed with a key file of their
 * purpose, which is among the keys now. */
#include <stdlib.h>
#include <string.h>

#include "vault/private.h"

enum { FORM = 2, FORM_FORMER = 1, ID_SIZE = 4, HEAD_SIZE = 1 + ID_SIZE, ON_STACK = 512 };

static const char bound[] = "machi sealed\n";

struct about {
	uint8_t id[ID_SIZE];
	struct str parts[5];
};

static void about_of(struct about *b, int64_t id, const struct protects *p, struct str context)
{
	for (int i = 0; i < ID_SIZE; i++)
		b->id[i] = (uint8_t)(id >> (8 * (ID_SIZE - 1 - i)));
	b->parts[0] = (struct str){bound, sizeof(bound) - 1};
	b->parts[1] = (struct str){(const char *)b->id, ID_SIZE};
	b->parts[2] = str_from(p->name);
	b->parts[3] = STR("\n");
	b->parts[4] = context;
}

/* Under v->lock. id 0: the purpose's former key. */
static const struct key *find(const struct vault *v, const struct protects *p, int64_t id)
{
	for (int i = 0; i < v->nkeys; i++)
		if (v->keys[i].purpose == p && (id ? v->keys[i].id == id : v->keys[i].former))
			return &v->keys[i];
	return NULL;
}

static bool is_loaded(struct vault *v, const struct protects *p, int64_t id, int64_t count)
{
	pthread_rwlock_rdlock(&v->lock);
	bool loaded = find(v, p, id) && (count < 0 || v->count == count);
	pthread_rwlock_unlock(&v->lock);
	return loaded;
}

int key_current(
    struct vault *v, struct db *db, const struct protects *p, int64_t *id, struct err *err)
{
	struct rows *r = db_query(db, err, VAULT(KEY_CURRENT), "t", p->name);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	int64_t count = rc > 0 ? rows_i64(r, 1) : 0;
	*id = rc > 0 ? rows_i64(r, 0) : 0;
	rows_end(r);
	if (rc == 0)
		return err_set(err, ERR_INTERNAL, NULL, "%s has no key", p->name);
	/* Another count: somebody made a key, or destroyed one, which must not stay here. */
	return rc < 0 ? rc : is_loaded(v, p, *id, count) ? 0 : keys_load(v, db, err);
}

int vault_seal(struct db *db, const struct protects *p, struct str plain, struct str context,
    struct buf *out, struct err *err)
{
	int64_t id;
	struct vault *v = vault_of(db, err);
	int rc = v ? key_current(v, db, p, &id, err) : -(int)ERR_INTERNAL;
	if (rc < 0)
		return rc;
	uint8_t stack[ON_STACK];
	size_t n = HEAD_SIZE + plain.n + AEAD_EXTRA;
	uint8_t *sealed = n <= sizeof(stack) ? stack : malloc(n);
	if (!sealed)
		abort();
	struct about about;
	about_of(&about, id, p, context);
	sealed[0] = FORM;
	memcpy(sealed + 1, about.id, ID_SIZE);
	pthread_rwlock_rdlock(&v->lock);
	const struct key *k = find(v, p, id);
	if (k)
		aead_seal(k->bytes, about.parts, COUNT(about.parts), plain, sealed + HEAD_SIZE);
	pthread_rwlock_unlock(&v->lock);
	if (k)
		buf_base64url(out, sealed, n);
	else
		rc = err_set(
		    err, ERR_INTERNAL, NULL, "key %lld of %s is not open", (long long)id, p->name);
	if (sealed != stack)
		free(sealed);
	return rc;
}

/* The bytes of a sealed text; false: it is none. */
static bool unpack(struct str sealed, uint8_t *bytes, size_t *n, int64_t *id)
{
	if (!base64url_decode(sealed, bytes, sealed.n, n) || *n < 1 + AEAD_EXTRA)
		return false;
	*id = 0;
	if (bytes[0] == FORM_FORMER)
		return true;
	if (bytes[0] != FORM || *n < HEAD_SIZE + AEAD_EXTRA)
		return false;
	for (int i = 0; i < ID_SIZE; i++)
		*id = *id << 8 | bytes[1 + i];
	return *id > 0;
}

static struct secret_bytes *open_with(const struct key *k, int64_t id, const struct protects *p,
    struct str context, const uint8_t *bytes, size_t n)
{
	if (id == 0)
		return aead_open(
		    k->bytes, &context, 1, (struct str){(const char *)bytes + 1, n - 1});
	struct about about;
	about_of(&about, id, p, context);
	return aead_open(k->bytes, about.parts, COUNT(about.parts),
	    (struct str){(const char *)bytes + HEAD_SIZE, n - HEAD_SIZE});
}

static int open_bytes(struct vault *v, struct db *db, const struct protects *p, int64_t id,
    struct str context, const uint8_t *bytes, size_t n, struct secret_bytes **plain,
    struct err *err)
{
	if (!is_loaded(v, p, id, -1)) { /* of a key that another server made */
		int rc = keys_load(v, db, err);
		if (rc < 0)
			return rc;
	}
	pthread_rwlock_rdlock(&v->lock);
	const struct key *k = find(v, p, id);
	*plain = k ? open_with(k, id, p, context, bytes, n) : NULL;
	pthread_rwlock_unlock(&v->lock);
	if (*plain)
		return 0;
	return err_set(err, ERR_STORE, "vault.damaged", "%s %.*s: %s", p->name, STR_ARG(context),
	    k ? "sealed for something else, or changed" : "its key is gone");
}

int64_t sealed_key(struct str sealed)
{
	uint8_t head[HEAD_SIZE + 1];
	size_t n;
	int64_t id = 0;
	/* Eight digits of base64 are six bytes: form and number. */
	if (sealed.n < 8 || !base64url_decode((struct str){sealed.p, 8}, head, sizeof(head), &n))
		return -1;
	for (int i = 0; i < ID_SIZE; i++)
		id = id << 8 | head[1 + i];
	return head[0] == FORM ? id : head[0] == FORM_FORMER ? 0 : -1;
}

int vault_open(struct db *db, const struct protects *p, struct str sealed, struct str context,
    struct secret_bytes **plain, struct err *err)
{
	uint8_t stack[ON_STACK];
	size_t n = 0;
	int64_t id;
	*plain = NULL;
	struct vault *v = vault_of(db, err);
	if (!v)
		return -(int)ERR_INTERNAL;
	uint8_t *bytes = sealed.n <= sizeof(stack) ? stack : malloc(sealed.n);
	if (!bytes)
		abort();
	int rc = unpack(sealed, bytes, &n, &id)
	             ? open_bytes(v, db, p, id, context, bytes, n, plain, err)
	             : err_set(err, ERR_STORE, "vault.damaged", "%s %.*s: no sealed text", p->name,
	                   STR_ARG(context));
	if (bytes != stack)
		free(bytes);
	return rc;
}

int vault_mac(struct db *db, const struct protects *p, struct str value,
    uint8_t mac[static HASH_SIZE], struct err *err)
{
	int64_t id;
	struct vault *v = vault_of(db, err);
	int rc = v ? key_current(v, db, p, &id, err) : -(int)ERR_INTERNAL;
	if (rc < 0)
		return rc;
	pthread_rwlock_rdlock(&v->lock);
	const struct key *k = find(v, p, id);
	if (k)
		hash_hmac((struct str){(const char *)secret_at(k->bytes), secret_size(k->bytes)},
		    &value, 1, mac);
	pthread_rwlock_unlock(&v->lock);
	return k ? 0 : err_set(err, ERR_INTERNAL, NULL, "the key of %s is not open", p->name);
}

int vault_index(struct db *db, const struct protects *p, struct str value, struct arena *a,
    char **out, struct err *err)
{
	uint8_t mac[HASH_SIZE];
	int rc = vault_mac(db, p, value, mac, err);
	if (rc < 0)
		return rc;
	struct buf b;
	buf_init(&b, a);
	buf_hex(&b, mac, sizeof(mac));
	*out = b.p;
	return 0;
}
