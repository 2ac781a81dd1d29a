/* The city's key, and what is made with it: form tokens (CSRF), the anonymous cookie, flash
 * messages.
 *
 * CSRF: a form carries mask || (mask XOR mac), base64url, where mac is HMAC-SHA-256 over the
 * session's hash (signed in) or over the random value of the signed cookie "csrf" (anonymous), cut
 * to 16 bytes. The mask is new in every page, so that a compressed page does not give the token
 * away byte by byte (BREACH). */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "web/private.h"

enum { MAC_CUT = 16, ANONYMOUS_BYTES = 12, ANONYMOUS_AGE = 24 * 3600 };

char csrf_mark[TOKEN_TEXT];

static void mark_make(void)
{
	unsigned char random[32];
	random_bytes(random, sizeof(random));
	struct buf b = {.p = csrf_mark, .cap = sizeof(csrf_mark)};
	buf_base64url(&b, random, sizeof(random));
}

void csrf_mark_make(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, mark_make);
}

/* --- the key: 32 bytes in store_meta, sealed --- */

enum { KEY_SIZE = 32, HEX_SIZE = 2 * KEY_SIZE };
static const char key_name[] = "web.key";

static int key_put(struct db *db, struct arena *a, const uint8_t *key, struct err *err)
{
	struct buf sealed;
	buf_init(&sealed, a);
	int rc = vault_seal(db, &web_key_protects, (struct str){(const char *)key, KEY_SIZE},
	    str_from(key_name), &sealed, err);
	return rc < 0 ? rc : meta_set(db, key_name, sealed.p, err);
}

/* Former versions kept it in clear, as hexadecimal digits. */
static int key_seal_hex(struct db *db, struct arena *a, const char *hex, struct err *err)
{
	uint8_t key[KEY_SIZE];
	size_t n;
	if (OPENSSL_hexstr2buf_ex(key, sizeof(key), &n, hex, '\0') != 1)
		return err_set(err, ERR_STORE, NULL, "web.key in the store is broken");
	int rc = key_put(db, a, key, err);
	bytes_wipe(key, sizeof(key));
	return rc;
}

static int web_key_next(struct vault_pass *pass, struct err *err)
{
	char *text;
	const char *fresh;
	pass->end = true;
	int rc = meta_get(pass->db, pass->arena, key_name, &text, err);
	if (rc <= 0 || strlen(text) == HEX_SIZE) /* sealed when a server starts */
		return rc < 0 ? rc : 0;
	rc = vault_again(pass, str_from(text), str_from(key_name), &fresh, err);
	return rc > 0 ? meta_set(pass->db, key_name, fresh, err) : rc;
}

const struct protects web_key_protects = {
    .name = "web.key",
    .where = "store_meta.value (web.key)",
    .what = "web.key.what",
    .next = web_key_next,
};

static int key_make(struct db *db, void *arg, struct err *err)
{
	struct arena *a = arg;
	char *text;
	int rc = meta_get(db, a, key_name, &text, err);
	if (rc > 0)
		return strlen(text) == HEX_SIZE ? key_seal_hex(db, a, text, err) : 0;
	uint8_t key[KEY_SIZE];
	random_bytes(key, sizeof(key));
	rc = rc < 0 ? rc : key_put(db, a, key, err);
	bytes_wipe(key, sizeof(key));
	return rc;
}

int secret_load(struct city *city, struct secret *out, struct err *err)
{
	struct arena *a = arena_new();
	char *text = NULL;
	struct db *db = store_reader(city->store, err);
	int rc = db ? meta_get(db, a, key_name, &text, err) : -(int)err->kind;
	if (rc == 0 || (rc > 0 && strlen(text) == HEX_SIZE)) {
		rc = store_write(city->store, key_make, a, err);
		if (rc == 0)
			rc = meta_get(db, a, key_name, &text, err);
	}
	if (rc > 0)
		rc = vault_open(
		    db, &web_key_protects, str_from(text), str_from(key_name), &out->key, err);
	arena_free(a);
	return rc;
}

void secret_release(struct secret *s)
{
	secret_free(s->key);
}

void secret_mac(const struct secret *s, const char *purpose, struct str text, unsigned char out[32])
{
	/* The purpose and its NUL come first, so that what is made for one is no use for another.
	 */
	struct str parts[] = {{purpose, strlen(purpose) + 1}, text};
	hash_hmac((struct str){(const char *)secret_at(s->key), secret_size(s->key)}, parts,
	    COUNT(parts), out);
}

char *secret_seal(const struct secret *s, struct arena *a, const char *purpose, struct str value)
{
	unsigned char mac[32];
	secret_mac(s, purpose, value, mac);
	struct buf b;
	buf_init(&b, a);
	buf_str(&b, value);
	buf_putc(&b, '.');
	buf_base64url(&b, mac, MAC_CUT);
	return b.p;
}

struct str secret_open(
    const struct secret *s, struct arena *a, const char *purpose, struct str sealed)
{
	const char *dot = sealed.n ? memrchr(sealed.p, '.', sealed.n) : NULL;
	if (!dot)
		return (struct str){NULL, 0};
	struct str value = {sealed.p, (size_t)(dot - sealed.p)};
	char *ours = secret_seal(s, a, purpose, value);
	if (strlen(ours) != sealed.n || !bytes_equal(ours, sealed.p, sealed.n))
		return (struct str){NULL, 0};
	return value;
}

char *rq_seal(struct request *rq, const char *purpose, const char *value)
{
	return secret_seal(&rq->p->city->secret, rq->arena, purpose, str_from(value));
}

char *rq_unseal(struct request *rq, const char *purpose, const char *sealed)
{
	struct str value =
	    secret_open(&rq->p->city->secret, rq->arena, purpose, str_from(sealed ? sealed : ""));
	return value.p ? str_dup(rq->arena, value) : NULL;
}

/* --- base64url --- */

/* --- CSRF --- */

static void csrf_mac(struct request *rq, unsigned char out[32])
{
	const struct request_private *p = rq->p;
	const char *session = p->out.session_hash ? p->out.session_hash : p->session.hash;
	if (p->session.found)
		secret_mac(&p->city->secret, "csrf-session", str_from(session), out);
	else
		secret_mac(&p->city->secret, "csrf-anonymous", str_from(p->anonymous), out);
}

static void csrf_write(struct request *rq, char token[TOKEN_TEXT])
{
	unsigned char mac[32], text[2 * MAC_CUT];
	csrf_mac(rq, mac);
	random_bytes(text, MAC_CUT);
	for (int i = 0; i < MAC_CUT; i++)
		text[MAC_CUT + i] = text[i] ^ mac[i];
	char room[TOKEN_TEXT + 20];
	struct buf b = {.p = room, .cap = sizeof(room)};
	buf_base64url(&b, text, sizeof(text));
	memcpy(token, b.p, TOKEN_TEXT);
}

static const char csrf_cookie[] = "csrf";

void csrf_prepare(struct request *rq)
{
	struct request_private *p = rq->p;
	rq->token = p->token;
	if (!p->session.found) {
		struct str sealed = cookie_of(rq, csrf_cookie);
		struct str value = secret_open(&p->city->secret, rq->arena, "csrf-cookie", sealed);
		p->anonymous = value.p ? str_dup(rq->arena, value) : NULL;
	}
	p->token_is_mark = true;
	memcpy(p->token, csrf_mark, TOKEN_TEXT);
}

void csrf_issue(struct request *rq, char token[TOKEN_TEXT])
{
	struct request_private *p = rq->p;
	if (!p->session.found && !p->anonymous) {
		unsigned char value[ANONYMOUS_BYTES];
		random_bytes(value, sizeof(value));
		struct buf b;
		buf_init(&b, rq->arena);
		buf_base64url(&b, value, sizeof(value));
		p->anonymous = b.p;
		rq_set_cookie(rq, csrf_cookie,
		    secret_seal(&p->city->secret, rq->arena, "csrf-cookie", buf_to_str(&b)),
		    ANONYMOUS_AGE);
	}
	csrf_write(rq, token);
}

static bool token_valid(struct request *rq, const char *token)
{
	unsigned char mac[32], text[2 * MAC_CUT];
	size_t n;
	if (!token || strlen(token) != TOKEN_TEXT - 1 ||
	    !base64url_decode(str_from(token), text, sizeof(text), &n) || n != sizeof(text))
		return false;
	csrf_mac(rq, mac);
	for (int i = 0; i < MAC_CUT; i++)
		text[i] ^= text[MAC_CUT + i];
	return bytes_equal(text, mac, MAC_CUT);
}

int csrf_check(struct request *rq, struct err *err)
{
	struct request_private *p = rq->p;
	if (rq->method == HTTP_GET || rq->actor.token || (rq->route->flags & ROUTE_NO_CSRF))
		return 0;
	if (str_is(p->heads.fetch_site, "cross-site"))
		return err_set(err, ERR_DENIED, "web.csrf", "sent from another site");
	/* A page of another site cannot send JSON without asking first (CORS), and without a
	 * session there is nothing that it could misuse. */
	if (!p->session.found && p->body_kind == BODY_JSON)
		return 0;
	const char *token = rq_header(rq, "X-CSRF-Token");
	if (!token)
		token = fields_get(&p->form, "csrf");
	/* The form of a kept page that was opened before signing in has no token yet. What the
	 * browser itself says about where the form came from cannot be forged by another site. */
	if ((!token || !token[0]) && str_is(p->heads.fetch_site, "same-origin"))
		return 0;
	if ((p->session.found || p->anonymous) && token_valid(rq, token))
		return 0;
	return err_set(
	    err, ERR_DENIED, "web.csrf", "%s form token", token ? "a wrong or outdated" : "no");
}

/* --- flash messages --- */

static const char flash_cookie[] = "flash";

void flash_put(struct request *rq)
{
	struct request_private *p = rq->p;
	if (p->out.nflash == 0)
		return;
	json_t *list = json_array();
	for (int i = 0; i < p->out.nflash; i++) {
		const struct flash *f = &p->out.flash[i];
		json_array_append_new(
		    list, json_pack("{s:s,s:s,s:O*}", "k", f->kind, "m", f->msgkey, "a", f->args));
	}
	char *text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	struct buf b;
	buf_init(&b, rq->arena);
	buf_base64url(&b, text, strlen(text));
	free(text);
	/* More does not fit into a cookie; then the message is lost, not the answer. */
	if (b.n < 3500)
		rq_set_cookie(rq, flash_cookie,
		    secret_seal(&p->city->secret, rq->arena, "flash", buf_to_str(&b)), 600);
}

void flash_take(struct request *rq, json_t **out)
{
	struct request_private *p = rq->p;
	*out = NULL;
	struct str sealed = cookie_of(rq, flash_cookie);
	if (!sealed.p)
		return;
	rq_set_cookie(rq, flash_cookie, "", 0);
	struct str value = secret_open(&p->city->secret, rq->arena, "flash", sealed);
	if (!value.p)
		return;
	unsigned char *text = arena_alloc(rq->arena, value.n);
	size_t n;
	if (base64url_decode(value, text, value.n, &n))
		*out = json_loadb((const char *)text, n, 0, NULL);
}
