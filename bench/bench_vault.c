/* What sealing the fields of a list costs, against OpenSSL's AES-256-GCM of the same bytes:
 * processor time for 1,000 values of twelve digits, the best of some rounds.
 *
 *   bench_vault DIR      an empty folder for a SQLite store; "<what> <µs> <µs of the limit>" per
 * line */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "vault/vault.h"

enum { VALUES = 1000, DIGITS = 12, ROUNDS = 30, RAW = DIGITS + AEAD_EXTRA };

static const struct protects purpose = {.name = "bench", .where = "bench", .what = "bench"};
static const struct str context = {"application.my_number", 21};

static double cpu_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void take(double *best, double from)
{
	double us = cpu_us() - from;
	if (*best == 0 || us < *best)
		*best = us;
}

struct bench {
	struct buf sealed[VALUES];
	uint8_t raw[VALUES][RAW];
	double seal, open, raw_seal, raw_open;
};

static int seal_all(struct db *db, void *arg, struct err *err)
{
	struct bench *b = arg;
	double from = cpu_us();
	int rc = 0;
	for (int i = 0; i < VALUES && rc == 0; i++) {
		buf_clear(&b->sealed[i]);
		rc = vault_seal(db, &purpose, STR("123456789018"), context, &b->sealed[i], err);
	}
	take(&b->seal, from);
	return rc;
}

static int open_all(struct bench *b, struct db *db, struct err *err)
{
	double from = cpu_us();
	int rc = 0;
	for (int i = 0; i < VALUES && rc == 0; i++) {
		struct secret_bytes *plain;
		rc = vault_open(db, &purpose, buf_to_str(&b->sealed[i]), context, &plain, err);
		secret_free(plain);
	}
	take(&b->open, from);
	return rc;
}

/* The limit: one context, its key set once, a new nonce for each value. */
static void raw_all(struct bench *b)
{
	unsigned char key[32] = {1}, plain[DIGITS];
	int n, last;
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	(void)EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, NULL);
	double from = cpu_us();
	for (int i = 0; i < VALUES; i++) {
		uint8_t *to = b->raw[i];
		random_bytes(to, AEAD_NONCE);
		(void)EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, to);
		(void)EVP_EncryptUpdate(
		    ctx, NULL, &n, (const unsigned char *)context.p, (int)context.n);
		(void)EVP_EncryptUpdate(
		    ctx, to + AEAD_NONCE, &n, (const unsigned char *)"123456789018", DIGITS);
		(void)EVP_EncryptFinal_ex(ctx, to + AEAD_NONCE + DIGITS, &last);
		(void)EVP_CIPHER_CTX_ctrl(
		    ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG, to + AEAD_NONCE + DIGITS);
	}
	take(&b->raw_seal, from);
	(void)EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, NULL);
	from = cpu_us();
	for (int i = 0; i < VALUES; i++) {
		uint8_t *at = b->raw[i];
		(void)EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, at);
		(void)EVP_DecryptUpdate(
		    ctx, NULL, &n, (const unsigned char *)context.p, (int)context.n);
		(void)EVP_DecryptUpdate(ctx, plain, &n, at + AEAD_NONCE, DIGITS);
		(void)EVP_CIPHER_CTX_ctrl(
		    ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG, at + AEAD_NONCE + DIGITS);
		if (EVP_DecryptFinal_ex(ctx, plain + n, &last) != 1)
			exit(1);
	}
	take(&b->raw_open, from);
	EVP_CIPHER_CTX_free(ctx);
}

int main(int argc, char **argv)
{
	static const char *const modules_of[] = {"vault"};
	static const struct protects *const purposes[] = {&purpose};
	static struct bench b;
	struct store *st;
	struct err err = {0};
	if (argc != 2)
		return 2;
	struct arena *a = arena_new();
	struct store_options o = {
	    .url = arena_printf(a, "sqlite:%s/store.db", argv[1]), .dir = argv[1]};
	int rc = store_open(&o, &st, &err);
	if (rc == 0)
		rc = store_migrate(st, modules_of, 1, NULL, NULL, &err);
	if (rc == 0)
		rc = vault_start(st, &(struct vault_options){.purposes = purposes, .n = 1}, &err);
	for (int i = 0; i < ROUNDS && rc == 0; i++) {
		rc = store_write(st, seal_all, &b, &err);
		if (rc == 0)
			rc = open_all(&b, store_reader(st, &err), &err);
		raw_all(&b);
	}
	if (rc < 0) {
		(void)fprintf(stderr, "%s\n", err.detail);
		return 1;
	}
	printf("seal %.0f %.0f\nopen %.0f %.0f\n", b.seal, b.raw_seal, b.open, b.raw_open);
	for (int i = 0; i < VALUES; i++)
		buf_free(&b.sealed[i]);
	store_close(st);
	arena_free(a);
	return 0;
}
