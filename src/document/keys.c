/* The city's signing key. A city that has one (an LGPKI 職責証明書 for example) puts it to
 * keys/sign.key and keys/sign.crt. Else a test authority is made on first use, so that a fresh city
 * can issue signed documents at once; its names say that it is a test. */
#include "document/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "pki/make.h"

int sign_failed(struct err *err, const char *msgkey, const char *what)
{
	char why[200] = "";
	unsigned long e = ERR_get_error();
	if (e)
		ERR_error_string_n(e, why, sizeof(why));
	ERR_clear_error();
	return err_set(err, ERR_INTERNAL, msgkey, "%s: %s", what, why);
}

static int broken_key(struct err *err, const char *what)
{
	return sign_failed(err, "document.key_broken", what);
}

static void free_key(void *p)
{
	EVP_PKEY_free(p);
}

static void free_cert(void *p)
{
	X509_free(p);
}

static void free_chain(void *p)
{
	sk_X509_pop_free(p, X509_free);
}

/* --- reading --- */

static int parse_key(struct arena *a, struct str pem, EVP_PKEY **out, struct err *err)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	*out = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
	BIO_free(b);
	if (!*out)
		return broken_key(err, "sign.key");
	arena_cleanup(a, free_key, *out);
	return 0;
}

static int parse_certs(struct arena *a, struct str pem, struct sign_key *k, struct err *err)
{
	BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
	k->cert = PEM_read_bio_X509(b, NULL, NULL, NULL);
	k->chain = sk_X509_new_null();
	arena_cleanup(a, free_chain, k->chain);
	for (X509 *c; k->cert && (c = PEM_read_bio_X509(b, NULL, NULL, NULL));)
		if (!sk_X509_push(k->chain, c))
			X509_free(c);
	ERR_clear_error(); /* the end of the file is reported as an error */
	BIO_free(b);
	if (!k->cert)
		return broken_key(err, "sign.crt");
	arena_cleanup(a, free_cert, k->cert);
	return 0;
}

static int read_pair(
    struct arena *a, const char *dir, int64_t now_us, struct sign_key *out, struct err *err)
{
	struct str pem;
	int rc = file_read(a, arena_printf(a, "%s/sign.key", dir), &pem, err);
	if (rc < 0 || (rc = parse_key(a, pem, &out->key, err)) < 0)
		return rc;
	rc = file_read(a, arena_printf(a, "%s/sign.crt", dir), &pem, err);
	if (rc < 0)
		return err_set(
		    err, ERR_INTERNAL, "document.key_broken", "%s/sign.crt is missing", dir);
	rc = parse_certs(a, pem, out, err);
	if (rc < 0)
		return rc;
	if (X509_check_private_key(out->cert, out->key) != 1)
		return broken_key(err, "sign.key does not belong to sign.crt");
	time_t now = (time_t)(now_us / 1000000);
	if (X509_cmp_time(X509_get0_notBefore(out->cert), &now) > 0 ||
	    X509_cmp_time(X509_get0_notAfter(out->cert), &now) < 0)
		return err_set(err, ERR_INTERNAL, "document.key_expired",
		    "%s/sign.crt is not valid today", dir);
	return 0;
}

/* --- the test authority --- */

/* A certificate for key, signed by issuer (NULL: by itself). */
static X509 *make_cert(EVP_PKEY *key, const char *organisation, const char *name, X509 *issuer,
    EVP_PKEY *issuer_key, int64_t now_us, int days)
{
	static const struct extension_text root[] = {
	    {NID_subject_key_identifier, "hash"},
	    {NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
	    {NID_key_usage, "critical,keyCertSign,cRLSign"},
	};
	static const struct extension_text signer[] = {
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier, "keyid"},
	    {NID_basic_constraints, "critical,CA:FALSE"},
	    {NID_key_usage, "critical,digitalSignature,nonRepudiation"},
	    /* Document signing (RFC 9336) and e-mail protection, which NSS asks of a signer. */
	    {NID_ext_key_usage, "1.3.6.1.5.5.7.3.36,emailProtection"},
	};
	const struct name_part subject[] = {{"C", "JP"}, {"O", organisation}, {"CN", name}, {NULL}};
	const int64_t day_us = INT64_C(86400) * 1000000;
	const struct certificate_wish wish = {
	    .subject = subject,
	    .extensions = issuer ? signer : root,
	    .nextensions = issuer ? (int)COUNT(signer) : (int)COUNT(root),
	    .key = key,
	    .issuer = issuer,
	    .issuer_key = issuer_key,
	    .from_us = now_us - day_us,
	    .until_us = now_us + days * day_us,
	};
	return certificate_make(&wish);
}

/* Writes what a PEM writer put to a BIO. */
static int write_pem(
    struct arena *a, const char *dir, const char *name, BIO *b, int mode, struct err *err)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);
	int rc = n > 0 ? file_write(arena_printf(a, "%s/%s", dir, name), (struct str){p, (size_t)n},
	                     mode, err)
	               : broken_key(err, name);
	BIO_free(b);
	return rc;
}

static int write_key(
    struct arena *a, const char *dir, const char *name, EVP_PKEY *key, struct err *err)
{
	BIO *b = BIO_new(BIO_s_secmem());
	if (b && PEM_write_bio_PKCS8PrivateKey(b, key, NULL, NULL, 0, NULL, NULL) == 1)
		return write_pem(a, dir, name, b, 0600, err);
	BIO_free(b);
	return broken_key(err, name);
}

static int write_cert(struct arena *a, const char *dir, const char *name, X509 *c, struct err *err)
{
	BIO *b = BIO_new(BIO_s_mem());
	if (b && PEM_write_bio_X509(b, c) == 1)
		return write_pem(a, dir, name, b, 0644, err);
	BIO_free(b);
	return broken_key(err, name);
}

static int make_authority(
    struct arena *a, const char *dir, const char *organisation, int64_t now_us, struct err *err)
{
	EVP_PKEY *root_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *root = NULL, *cert = NULL;
	int rc = broken_key(err, "test authority");
	if (root_key && key)
		root = make_cert(root_key, organisation,
		    arena_printf(a, "%s test root (not for real use)", organisation), NULL,
		    root_key, now_us, 3653);
	if (root)
		cert = make_cert(key, organisation,
		    arena_printf(a, "%s test signer (not for real use)", organisation), root,
		    root_key, now_us, 1827);
	/* sign.key last: a half-made authority is noticed by its missing. */
	if (cert && (rc = write_key(a, dir, "ca.key", root_key, err)) == 0 &&
	    (rc = write_cert(a, dir, "ca.crt", root, err)) == 0 &&
	    (rc = write_cert(a, dir, "sign.crt", cert, err)) == 0)
		rc = write_key(a, dir, "sign.key", key, err);
	X509_free(cert);
	X509_free(root);
	EVP_PKEY_free(key);
	EVP_PKEY_free(root_key);
	if (rc == 0)
		log_info("document.keys", "%s: made a test authority for signatures", dir);
	return rc;
}

/* Other threads and processes wait until it is made. */
static int make_once(
    struct arena *a, const char *dir, const char *organisation, int64_t now_us, struct err *err)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	int rc = dir_make(dir, 0700, err);
	if (rc < 0)
		return rc;
	(void)pthread_mutex_lock(&lock);
	int fd = open(arena_printf(a, "%s/.lock", dir), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		rc = err_set(err, ERR_IO, NULL, "%s/.lock: %s", dir, strerror(errno));
	else if (access(arena_printf(a, "%s/sign.key", dir), F_OK) < 0)
		rc = make_authority(a, dir, organisation, now_us, err);
	if (fd >= 0)
		(void)close(fd);
	(void)pthread_mutex_unlock(&lock);
	return rc;
}

int sign_key_load(struct arena *a, const char *dir, const char *organisation, int64_t now_us,
    struct sign_key *out, struct err *err)
{
	int rc = read_pair(a, dir, now_us, out, err);
	if (rc == -(int)ERR_MISSING) {
		rc = make_once(a, dir, organisation, now_us, err);
		if (rc == 0)
			rc = read_pair(a, dir, now_us, out, err);
	}
	return rc;
}
