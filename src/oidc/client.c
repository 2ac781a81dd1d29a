/* Which systems there are, and how one proves to be who it says. */
#include <string.h>

#include "base/time.h"
#include "oidc/id_token.h"
#include "oidc/provider.h"

int client_find_in(struct city *city, struct db *db, struct arena *a, const char *id,
    struct client *out, struct err *err)
{
	const struct config *c = config_of(city);
	for (size_t i = 0; i < c->nclients; i++)
		if (text_eq(c->client[i].id, id)) {
			*out = c->client[i];
			return 1;
		}
	struct rows *r = db_query(db, err, OIDC(CLIENT_BY_NAME), "t", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		int64_t row = rows_i64(r, 0);
		json_t *data = json_on_arena(a, json_loads(rows_dup(r, 2, a), 0, NULL));
		client_take(a, data, out);
		out->row = row;
	}
	rows_end(r);
	return rc;
}

int client_find(
    struct request *rq, struct db *db, const char *id, struct client *out, struct err *err)
{
	return client_find_in(rq->city, db, rq->arena, id, out, err);
}

const char *client_label(const struct client *c, const char *lang)
{
	return text_eq(lang, "en") && c->label_en ? c->label_en : c->label_ja;
}

bool uri_is_one_of(const char *uri, const char *const list[CLIENT_URIS_MAX])
{
	for (int i = 0; i < CLIENT_URIS_MAX && list[i]; i++)
		if (text_eq(uri, list[i]))
			return true;
	return false;
}

bool client_serves(const struct client *c, enum actor_kind kind)
{
	return kind == ACTOR_STAFF ? c->staff : kind == ACTOR_RESIDENT && c->residents;
}

const char *scopes_among(struct arena *a, const char *asked, const char *allowed)
{
	struct buf b;
	struct str rest = str_from(allowed), one;
	buf_init(&b, a);
	buf_puts(&b, "");
	while (str_cut(&rest, ' ', &one)) {
		const char *scope = str_dup(a, one);
		if (scope_has(asked, scope))
			buf_printf(&b, "%s%s", b.n ? " " : "", scope);
	}
	return b.p;
}

bool scopes_cover(const char *have, const char *asked)
{
	struct str rest = str_from(asked), one;
	struct arena *a = arena_new();
	bool all = true;
	while (str_cut(&rest, ' ', &one))
		all = all && scope_has(have, str_dup(a, one));
	arena_free(a);
	return all;
}

/* --- who asks for a token --- */

static const char assertion_type[] = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
enum { ASSERTION_AGE_S = 300, BASIC_MAX = 1000 };

static bool secret_fits(const struct client *c, const char *secret)
{
	char hash[TOKEN_HASH_SIZE];
	if (!c->secret_hash || !secret || strlen(c->secret_hash) != TOKEN_HASH_SIZE - 1)
		return false;
	token_hash(secret, hash);
	return bytes_equal(hash, c->secret_hash, TOKEN_HASH_SIZE - 1);
}

/* application/x-www-form-urlencoded, as RFC 6749 §2.3.1 has both halves. */
static char *form_decode(struct arena *a, struct str s)
{
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, "");
	for (size_t i = 0; i < s.n; i++) {
		static const char hex[] = "0123456789abcdef0123456789ABCDEF";
		const char *h = i + 2 < s.n && s.p[i] == '%' ? strchr(hex, s.p[i + 1]) : NULL;
		const char *l = h && *h ? strchr(hex, s.p[i + 2]) : NULL;
		if (l && *l) {
			int byte = (int)((h - hex) % 16 * 16 + (l - hex) % 16);
			if (!byte)
				return NULL;
			buf_putc(&b, (char)byte);
			i += 2;
		} else {
			buf_putc(&b, s.p[i] == '+' ? ' ' : s.p[i]);
		}
	}
	return b.p;
}

static bool base64_decode(struct arena *a, const char *text, struct str *out)
{
	char *url = arena_strdup(a, text);
	for (char *p = url; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	size_t n = strlen(url);
	while (n && url[n - 1] == '=')
		n--;
	char *to = arena_alloc(a, n);
	out->p = to;
	return n < BASIC_MAX && base64url_decode((struct str){url, n}, to, n, &out->n);
}

/* Basic, or both in the body; not twice. */
static bool named(struct request *rq, const char **id, const char **secret)
{
	const char *header = rq_header(rq, "Authorization");
	struct str pair, user;
	*id = rq_form(rq, "client_id");
	*secret = rq_form(rq, "client_secret");
	if (!header)
		return *id != NULL;
	if (*secret || strncasecmp(header, "Basic ", 6) != 0 ||
	    !base64_decode(rq->arena, header + 6, &pair) || !str_cut(&pair, ':', &user))
		return false;
	const char *said = *id;
	*id = form_decode(rq->arena, user);
	*secret = form_decode(rq->arena, pair);
	return *id && *secret && (!said || text_eq(said, *id));
}

struct seen {
	const char *hash;
	int64_t until_us;
	bool first;
};

static int seen_write(struct db *db, void *arg, struct err *err)
{
	struct seen *s = arg;
	int rc = db_later(db, err, OIDC(SEEN_EXPIRE), "i", now_us());
	int64_t n = rc < 0 ? rc : db_run(db, err, OIDC(SEEN_ADD), "ti", s->hash, s->until_us);
	s->first = n > 0;
	return n < 0 ? (int)n : 0;
}

/* private_key_jwt (RFC 7523 §3): its own name as issuer and subject, us as audience, once. */
static int assertion_fits(struct request *rq, const struct client *c, struct err *err)
{
	struct arena *a = rq->arena;
	struct jose_keys *keys;
	json_t *claims;
	const char *jwt = rq_form(rq, "client_assertion");
	char *hash = arena_alloc(a, TOKEN_HASH_SIZE);
	if (!c->keys || jose_keys_parse(a, str_from(c->keys), &keys, NULL) < 0 ||
	    jwt_verify(a, jwt, keys, JOSE_ANY, NULL, &claims, NULL) <= 0)
		return 0;
	const char *jti = json_text(claims, "jti"), *base = rq->city->base_url;
	int64_t exp = json_i64(claims, "exp", 0);
	if (!text_eq(json_text(claims, "iss"), c->id) ||
	    !text_eq(json_text(claims, "sub"), c->id) || !jti ||
	    exp > rq->now_us / 1000000 + ASSERTION_AGE_S + TOKEN_SKEW_S ||
	    (!audience_is(claims, base) &&
	        !audience_is(claims, arena_printf(a, "%s/oidc/token", base))) ||
	    exp <= rq->now_us / 1000000 - TOKEN_SKEW_S)
		return 0;
	token_hash(arena_printf(a, "%s %s", c->id, jti), hash);
	struct seen s = {hash, (exp + TOKEN_SKEW_S) * 1000000, false};
	int rc = store_write(rq->city->store, seen_write, &s, err);
	return rc < 0 ? rc : s.first;
}

int client_prove(struct request *rq, struct client *c, struct err *err)
{
	const char *id, *secret, *assertion = rq_form(rq, "client_assertion");
	json_t *claims;
	struct db *db = store_reader(rq->city->store, err);
	if (!db)
		return -(int)ERR_STORE;
	if (assertion) {
		if (!text_eq(rq_form(rq, "client_assertion_type"), assertion_type) ||
		    rq_form(rq, "client_secret") ||
		    jwt_peek(rq->arena, assertion, &claims, NULL) < 0)
			return 0;
		id = json_text(claims, "sub");
		if (rq_form(rq, "client_id") && !text_eq(id, rq_form(rq, "client_id")))
			return 0;
	} else if (!named(rq, &id, &secret)) {
		return 0;
	}
	int rc = id ? client_find(rq, db, id, c, err) : 0;
	if (rc <= 0)
		return rc;
	return assertion ? assertion_fits(rq, c, err) : secret_fits(c, secret);
}
