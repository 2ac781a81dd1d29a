/* The journal's signing key: Ed25519, <dir>/keys/journal.key. */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/private.h"

static EVP_PKEY *read_key(const char *path)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return NULL;
	static char no_password[] = ""; /* without it OpenSSL would ask at the terminal */
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, no_password);
	(void)fclose(f); /* only read */
	if (key && EVP_PKEY_base_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/* A process that makes a key at the same time must end with the same one: link() fails for whoever
 * comes second, and it reads the first one's. */
static int make_key(const char *path, struct err *err)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	BIO *bio = BIO_new(BIO_s_mem());
	struct buf temp = {0};
	buf_printf(&temp, "%s.%d", path, (int)getpid());
	char *pem = NULL;
	int rc;
	if (!key || !bio || PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1) {
		rc = err_set(err, ERR_INTERNAL, NULL, "no Ed25519 key could be made");
	} else {
		long n = BIO_get_mem_data(bio, &pem);
		rc = file_write(temp.p, (struct str){pem, (size_t)n}, 0600, err);
	}
	if (rc == 0 && link(temp.p, path) != 0 && errno != EEXIST)
		rc = err_set(err, ERR_IO, "store.io", "cannot write %s: %s", path, strerror(errno));
	if (rc == 0)
		rc = file_sync_folder(
		    path, err); /* heads that are signed with it shall not outlive it */
	(void)unlink(temp.p);   /* the linked name stays; or it was not made */
	BIO_free(bio);
	EVP_PKEY_free(key);
	buf_free(&temp);
	return rc;
}

static int load(struct store *st, EVP_PKEY **out, struct err *err)
{
	int rc = 0;
	pthread_mutex_lock(&st->key_lock);
	if (!st->key) {
		struct buf path = {0};
		buf_printf(&path, "%s/keys", st->dir);
		if (mkdir(path.p, 0700) != 0 && errno != EEXIST)
			rc = err_set(err, ERR_IO, "store.io", "%s: %s", path.p, strerror(errno));
		buf_puts(&path, "/journal.key");
		if (rc == 0 && access(path.p, F_OK) != 0)
			rc = make_key(path.p, err);
		if (rc == 0 && !(st->key = read_key(path.p)))
			rc = err_set(err, ERR_IO, "store.io", "%s is not an Ed25519 key", path.p);
		buf_free(&path);
	}
	*out = st->key;
	pthread_mutex_unlock(&st->key_lock);
	return rc;
}

void journal_key_free(struct store *st)
{
	EVP_PKEY_free(st->key);
	st->key = NULL;
}

int journal_public_key(struct store *st, unsigned char out[32], struct err *err)
{
	EVP_PKEY *key;
	size_t n = 32;
	int rc = load(st, &key, err);
	if (rc == 0 && EVP_PKEY_get_raw_public_key(key, out, &n) != 1)
		rc = err_set(err, ERR_INTERNAL, NULL, "no public key");
	return rc;
}

int journal_sign(
    struct store *st, const void *text, size_t n, unsigned char sig[64], struct err *err)
{
	EVP_PKEY *key;
	int rc = load(st, &key, err);
	if (rc < 0)
		return rc;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t size = 64;
	bool ok = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	          EVP_DigestSign(ctx, sig, &size, text, n) == 1;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : err_set(err, ERR_INTERNAL, NULL, "cannot sign the tree head");
}

bool journal_signed(
    const unsigned char key[32], const void *text, size_t n, const unsigned char sig[64])
{
	EVP_PKEY *pub = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = pub && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pub) == 1 &&
	          EVP_DigestVerify(ctx, sig, 64, text, n) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pub);
	return ok;
}
