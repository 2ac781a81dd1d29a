/* Our own keys: kept in the store, sealed, so that all processes on one store sign with the same.
 */
#include "base/log.h"
#include "base/time.h"
#include "oidc/private.h"

static const int64_t DAY = INT64_C(24) * 3600 * 1000000;
/* A key signs for 90 days. The next one is published a week before it does: longer than anybody
 * keeps our keys. What was signed last is gone long before the old one is no longer published. */
enum { SIGNS_DAYS = 90, AHEAD_DAYS = 7, AFTER_DAYS = 7 };

static const char *const purposes[] = {[KEYS_CLIENT] = "client", [KEYS_PROVIDER] = "provider"};

struct making {
	struct arena *arena;
	enum keys_of of;
	const char *alg, *kid, *public;
	struct str private;
	int64_t signs_us;
};

static struct str context_of(struct arena *a, const char *kid)
{
	return str_from(arena_printf(a, "oidc_key.private/%s", kid));
}

static int make_write(struct db *db, void *arg, struct err *err)
{
	const struct making *m = arg;
	int64_t until = m->signs_us + SIGNS_DAYS * DAY;
	struct buf sealed;
	buf_init(&sealed, m->arena);
	int rc = vault_seal(
	    db, &oidc_key_protects, m->private, context_of(m->arena, m->kid), &sealed, err);
	if (rc == 0)
		rc = db_later(db, err, OIDC(KEY_ADD), "tttttiii", m->kid, purposes[m->of], m->alg,
		    sealed.p, m->public, m->signs_us, until, until + AFTER_DAYS * DAY);
	if (rc < 0)
		return rc;
	json_t *data = json_pack("{s:s, s:s}", "purpose", purposes[m->of], "alg", m->alg);
	struct journal_change change = {
	    .actor = "system", .verb = "oidc.key_made", .subject = "oidc-keys", .data = data};
	rc = journal_add(db, &change, NULL, err);
	json_decref(data);
	return rc;
}

/* There are a handful: all of them at once. */
static int key_next(struct vault_pass *p, struct err *err)
{
	enum { ALL = 256 };
	struct sealed {
		char *kid, *text;
	} *keys = arena_array(p->arena, ALL, sizeof(*keys));
	struct rows *r = db_query(p->db, err, OIDC(KEYS_SEALED), "");
	int n = 0, rc = r ? 0 : -(int)ERR_STORE;
	while (r && n < ALL && (rc = rows_next(r)) > 0)
		keys[n++] = (struct sealed){rows_dup(r, 0, p->arena), rows_dup(r, 1, p->arena)};
	rows_end(r);
	p->end = true;
	for (int i = 0; i < n && rc >= 0; i++) {
		const char *fresh;
		rc = vault_again(
		    p, str_from(keys[i].text), context_of(p->arena, keys[i].kid), &fresh, err);
		if (rc > 0)
			rc = db_later(p->db, err, OIDC(KEY_RESEAL), "tt", keys[i].kid, fresh);
	}
	return rc < 0 ? rc : 0;
}

const struct protects oidc_key_protects = {
    .name = "oidc_key.private",
    .where = "oidc_key.private",
    .what = "oidc.key.private",
    .former = "identity.key",
    .next = key_next,
};

static int key_make(struct store *st, struct arena *a, enum keys_of of, enum jose_alg alg,
    int64_t signs_us, struct err *err)
{
	json_t *jwk;
	int rc = jose_key_make(a, alg, &jwk, err);
	if (rc < 0)
		return rc;
	char *plain = json_canonical_text(a, jwk);
	struct making m = {.arena = a,
	    .of = of,
	    .alg = jose_alg_name(alg),
	    .kid = json_text(jwk, "kid"),
	    .private = str_from(plain),
	    .public = json_canonical_text(a, json_on_arena(a, jose_public(jwk))),
	    .signs_us = signs_us};
	rc = store_write(st, make_write, &m, err);
	bytes_wipe(plain, strlen(plain));
	return rc;
}

/* 1, 0 when there is none, <0. */
static int find(struct store *st, struct arena *a, enum keys_of of, enum jose_alg alg, json_t **jwk,
    struct err *err)
{
	struct db *db = store_reader(st, err);
	if (!db)
		return -(int)ERR_STORE;
	struct rows *r =
	    db_query(db, err, OIDC(KEY_SIGNING), "tti", purposes[of], jose_alg_name(alg), now_us());
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	char *kid = rc > 0 ? rows_dup(r, 0, a) : NULL, *sealed = rc > 0 ? rows_dup(r, 1, a) : NULL;
	rows_end(r);
	if (rc <= 0)
		return rc;
	struct secret_bytes *plain;
	rc = vault_open(db, &oidc_key_protects, str_from(sealed), context_of(a, kid), &plain, err);
	if (rc < 0)
		return rc;
	*jwk = json_on_arena(
	    a, json_loadb((const char *)secret_at(plain), secret_size(plain), 0, NULL));
	secret_free(plain);
	return *jwk ? 1 : err_set(err, ERR_INTERNAL, NULL, "key %s is no JWK", kid);
}

int key_to_sign(struct store *st, struct arena *a, enum keys_of of, enum jose_alg alg, json_t **jwk,
    struct err *err)
{
	int rc = find(st, a, of, alg, jwk, err);
	if (rc == 0)
		rc = key_make(st, a, of, alg, now_us(), err);
	if (rc == 0)
		rc = find(st, a, of, alg, jwk, err);
	if (rc == 0)
		return err_set(err, ERR_INTERNAL, NULL, "a key that was made is not there");
	return rc < 0 ? rc : 0;
}

int keys_published(
    struct store *st, struct arena *a, enum keys_of of, json_t **out, struct err *err)
{
	/* The first ones are made when somebody looks. Every system can do RS256; an RSA key takes
	 * its time, so that nobody waits for one who does not need it. */
	static const enum jose_alg all[] = {JOSE_ES256, JOSE_RS256};
	json_t *key, *list = json_array();
	*out = json_on_arena(a, json_pack("{s:o}", "keys", list));
	for (size_t i = 0; i < (of == KEYS_PROVIDER ? COUNT(all) : 1); i++) {
		int rc = key_to_sign(st, a, of, all[i], &key, err);
		if (rc < 0)
			return rc;
	}
	struct db *db = store_reader(st, err);
	struct rows *r =
	    db ? db_query(db, err, OIDC(KEYS_PUBLISHED), "ti", purposes[of], now_us()) : NULL;
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		struct str text = rows_str(r, 0);
		json_array_append_new(list, json_loadb(text.p, text.n, 0, NULL));
	}
	rows_end(r);
	return rc;
}

/* The keys of one purpose that end within a week and have no successor. */
static int renew(struct store *st, struct arena *a, enum keys_of of, struct err *err)
{
	int64_t now = now_us(), until[JOSE_ALG_COUNT] = {0};
	struct db *db = store_reader(st, err);
	struct rows *r =
	    db ? db_query(db, err, OIDC(KEYS_TO_RENEW), "ti", purposes[of], now) : NULL;
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		int alg = jose_alg_find(rows_dup(r, 0, a));
		if (alg >= 0)
			until[alg] = rows_i64(r, 1);
	}
	rows_end(r);
	for (int i = 0; i < JOSE_ALG_COUNT && rc == 0; i++)
		if (until[i] && until[i] < now + AHEAD_DAYS * DAY)
			rc = key_make(st, a, of, (enum jose_alg)i, until[i], err);
	return rc;
}

static int expire_write(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int rc = 0;
	for (size_t i = 0; i < COUNT(purposes) && rc == 0; i++)
		rc = db_later(db, err, OIDC(KEY_EXPIRE), "ti", purposes[i], now_us());
	return rc;
}

int keys_tidy(struct store *st, struct arena *a, struct err *err)
{
	int rc = renew(st, a, KEYS_CLIENT, err);
	if (rc == 0)
		rc = renew(st, a, KEYS_PROVIDER, err);
	return rc < 0 ? rc : store_write(st, expire_write, NULL, err);
}
