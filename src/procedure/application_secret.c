/* 個人番号 in answers: sealed with AES-256-GCM before it is stored, so that neither the database
 * file, nor a backup of the database alone, nor an export shows it. The key is a file beside the
 * store. */
#include "procedure/life.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>

#include "base/file.h"

enum { KEY_SIZE = 32, NONCE_SIZE = 12, TAG_SIZE = 16, PLAIN_MAX = 256 };

/* A sealed value is {"sealed": "1:..."}; 1: AES-256-GCM, nonce || text || tag in base64url. */
static const char prefix[] = "1:";
static const char aad[] = "machi my_number";

/* Reads the key, makes it on first use. O_EXCL: of two that make it at once one wins, and both read
 * the winner's. */
static int key_get(struct db *db, unsigned char key[KEY_SIZE], struct err *err)
{
	struct arena *a = arena_new();
	const char *dir = arena_printf(a, "%s/keys", store_dir(db_store(db)));
	const char *path = arena_printf(a, "%s/my-number.key", dir);
	int rc = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		unsigned char fresh[KEY_SIZE];
		const char *part = arena_printf(a, "%s.%ld.%p", path, (long)getpid(), (void *)a);
		rc = dir_make(dir, 0700, err);
		if (rc == 0 && RAND_bytes(fresh, KEY_SIZE) != 1)
			rc = err_set(err, ERR_INTERNAL, NULL, "no random bytes");
		if (rc == 0)
			rc = file_write(
			    part, (struct str){(const char *)fresh, KEY_SIZE}, 0400, err);
		if (rc == 0 && link(part, path) != 0 && errno != EEXIST)
			rc = err_set(err, ERR_IO, NULL, "%s: errno %d", path, errno);
		(void)unlink(part); /* the name that link() gave it stays */
		OPENSSL_cleanse(fresh, sizeof(fresh));
		fd = rc == 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	}
	if (rc == 0 && (fd < 0 || read(fd, key, KEY_SIZE) != KEY_SIZE))
		rc = err_set(err, ERR_IO, NULL, "%s: cannot be read, errno %d", path, errno);
	if (fd >= 0)
		(void)close(fd); /* only read from */
	arena_free(a);
	return rc;
}

static int seal(
    const unsigned char *key, struct arena *a, struct str plain, char **out, struct err *err)
{
	unsigned char box[NONCE_SIZE + PLAIN_MAX + TAG_SIZE];
	if (plain.n > PLAIN_MAX)
		return err_set(err, ERR_INPUT, "form.too_long", "a number of %zu bytes", plain.n);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, end = 0;
	bool ok =
	    ctx && RAND_bytes(box, NONCE_SIZE) == 1 &&
	    EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, box) == 1 &&
	    EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *)aad, sizeof(aad) - 1) == 1 &&
	    EVP_EncryptUpdate(
	        ctx, box + NONCE_SIZE, &n, (const unsigned char *)plain.p, (int)plain.n) == 1 &&
	    EVP_EncryptFinal_ex(ctx, box + NONCE_SIZE + n, &end) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, box + NONCE_SIZE + plain.n) ==
	        1;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return err_set(err, ERR_INTERNAL, NULL, "sealing failed");
	struct buf b;
	buf_init(&b, a);
	buf_puts(&b, prefix);
	buf_base64url(&b, box, NONCE_SIZE + plain.n + TAG_SIZE);
	*out = b.p;
	return 0;
}

/* Unpadded base64url (RFC 4648 §5); the number of bytes or -1. */
static int base64url_decode(struct str s, unsigned char *out, size_t max)
{
	uint32_t bits = 0;
	int have = 0;
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		int v = c >= 'A' && c <= 'Z'   ? c - 'A'
		        : c >= 'a' && c <= 'z' ? c - 'a' + 26
		        : c >= '0' && c <= '9' ? c - '0' + 52
		        : c == '-'             ? 62
		        : c == '_'             ? 63
		                               : -1;
		if (v < 0)
			return -1;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			if (n == max)
				return -1;
			out[n++] = (unsigned char)(bits >> have);
		}
	}
	return (int)n;
}

/* plain gets a NUL-terminated text of at most PLAIN_MAX bytes. */
static int unseal(
    const unsigned char *key, const char *sealed, char plain[PLAIN_MAX + 1], struct err *err)
{
	unsigned char box[NONCE_SIZE + PLAIN_MAX + TAG_SIZE];
	int size = base64url_decode(str_from(sealed + sizeof(prefix) - 1), box, sizeof(box));
	if (size < NONCE_SIZE + TAG_SIZE)
		return err_set(err, ERR_STORE, NULL, "a sealed value is damaged");
	int text = size - NONCE_SIZE - TAG_SIZE, n = 0, end = 0;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	bool ok =
	    ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, box) == 1 &&
	    EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *)aad, sizeof(aad) - 1) == 1 &&
	    EVP_DecryptUpdate(ctx, (unsigned char *)plain, &n, box + NONCE_SIZE, text) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, box + NONCE_SIZE + text) ==
	        1 &&
	    EVP_DecryptFinal_ex(ctx, (unsigned char *)plain + n, &end) == 1;
	EVP_CIPHER_CTX_free(ctx);
	if (!ok)
		return err_set(
		    err, ERR_STORE, NULL, "a sealed value was changed, or the key is another one");
	plain[text] = '\0';
	return 0;
}

/* --- every my_number field of answers --- */

struct secrets {
	struct db *db;
	struct arena *arena;
	bool have_key;
	unsigned char key[KEY_SIZE];
	int rc;
	struct err *err;
};

static bool secrets_ready(struct secrets *s)
{
	if (!s->have_key && s->rc == 0) {
		s->rc = key_get(s->db, s->key, s->err);
		s->have_key = s->rc == 0;
	}
	return s->rc == 0;
}

static json_t *seal_value(void *arg, const json_t *value)
{
	struct secrets *s = arg;
	char *sealed;
	if (!secrets_ready(s))
		return json_null();
	s->rc = seal(s->key, s->arena, str_from(json_string_value(value)), &sealed, s->err);
	return s->rc < 0 ? json_null() : json_pack("{s:s}", "sealed", sealed);
}

static json_t *unseal_value(void *arg, const json_t *value)
{
	struct secrets *s = arg;
	const char *sealed = json_string_value(json_object_get(value, "sealed"));
	char plain[PLAIN_MAX + 1];
	if (!secrets_ready(s))
		return json_null();
	s->rc = sealed && strncmp(sealed, prefix, sizeof(prefix) - 1) == 0
	            ? unseal(s->key, sealed, plain, s->err)
	            : err_set(s->err, ERR_STORE, NULL, "a sealed value is damaged");
	if (s->rc < 0)
		return json_null();
	json_t *out = json_string(plain);
	OPENSSL_cleanse(plain, sizeof(plain));
	return out;
}

static int secrets(
    struct db *db, const struct procedure *proc, json_t *answers, bool open, struct err *err)
{
	struct secrets s = {.db = db, .arena = arena_new(), .err = err};
	form_secrets(proc, answers, open, open ? unseal_value : seal_value, &s);
	OPENSSL_cleanse(s.key, sizeof(s.key));
	arena_free(s.arena);
	return s.rc;
}

int secret_seal(struct db *db, const struct procedure *proc, json_t *answers, struct err *err)
{
	return secrets(db, proc, answers, false, err);
}

int app_unseal(
    struct db *db, const struct procedure *proc, json_t *answers, json_t **plain, struct err *err)
{
	*plain = json_deep_copy(answers);
	int rc = secrets(db, proc, *plain, true, err);
	if (rc < 0) {
		json_decref(*plain);
		*plain = NULL;
	}
	return rc;
}
