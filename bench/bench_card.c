/* Verification of signed applications (chain, revocation, signature) against the operations it
 * contains: two verifications of a signature, of the certificate and of the document.
 *
 *   bench_card DIR      an empty folder; "<algorithm> <verified/s> <limit/s>" per line
 *
 * The cards differ, so that nothing but the authority's key and the list is kept warm. The limit is
 * what `openssl speed` measures: one key, made ready, again and again. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "simulate/private.h"

enum { CARDS = 8, ROUNDS = 200 };

static double cpu_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double operation_s(const char *key)
{
	EVP_PKEY *k = strcmp(key, "ec") == 0 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
	unsigned char hash[HASH_SIZE] = {1}, signature[512];
	size_t n = sizeof(signature);
	EVP_PKEY_CTX *s = EVP_PKEY_CTX_new(k, NULL), *v = EVP_PKEY_CTX_new(k, NULL);
	if (EVP_PKEY_sign_init(s) != 1 || EVP_PKEY_CTX_set_signature_md(s, EVP_sha256()) != 1 ||
	    EVP_PKEY_sign(s, signature, &n, hash, sizeof(hash)) != 1 ||
	    EVP_PKEY_verify_init(v) != 1 || EVP_PKEY_CTX_set_signature_md(v, EVP_sha256()) != 1)
		exit(1);
	double from = cpu_s();
	for (int i = 0; i < CARDS * ROUNDS; i++)
		if (EVP_PKEY_verify(v, signature, n, hash, sizeof(hash)) != 1)
			exit(1);
	double each = (cpu_s() - from) / (CARDS * ROUNDS);
	EVP_PKEY_CTX_free(s);
	EVP_PKEY_CTX_free(v);
	EVP_PKEY_free(k);
	return each;
}

static void trust(struct arena *a, const char *dir)
{
	static const char *const files[][2] = {
	    {"signature.crt", "card-signature.pem"}, {"signature.crl", "signature.crl"}};
	struct str bytes;
	if (dir_make(arena_printf(a, "%s/trust", dir), 0700, NULL) < 0)
		exit(1);
	for (size_t i = 0; i < COUNT(files); i++)
		if (file_read(a, arena_printf(a, "%s/%s", dir, files[i][0]), &bytes, NULL) < 0 ||
		    file_write(
		        arena_printf(a, "%s/trust/%s", dir, files[i][1]), bytes, 0600, NULL) < 0)
			exit(1);
}

static double verification_s(struct arena *a, struct pki *p, const char *dir, const char *key)
{
	const struct str content = STR("{\"answers\":{\"name\":\"見本\"},\"application\":1}");
	struct str cms[CARDS];
	struct card_wish wish = {
	    .name = "見本", .address = "高松市", .birth = "419900401", .sex = "2", .key = key};
	for (int i = 0; i < CARDS; i++) {
		const char *card = arena_printf(a, "%s-%d", key, i);
		if (card_make(a, dir, card, &wish, NULL) < 0 ||
		    card_sign(a, dir, card, content, &cms[i], NULL) < 0)
			exit(1);
	}
	double from = cpu_s();
	for (int i = 0; i < CARDS * ROUNDS; i++) {
		struct arena_mark mark = arena_mark(a);
		struct pki_checked c;
		struct pki_verdict v;
		if (pki_verify(p, a, cms[i % CARDS], content, now_us(), false, &c, &v, NULL) < 0 ||
		    v.reason != PKI_GOOD) {
			fprintf(stderr, "%s %s\n", pki_reason_name(v.reason), v.detail);
			exit(1);
		}
		arena_release(a, mark);
	}
	return (cpu_s() - from) / (CARDS * ROUNDS);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct err err = {0};
	struct pki *p;
	if (argc != 2 || authority_init(a, argv[1], &err) < 0) {
		fprintf(stderr, "%s\n", err.detail);
		return 1;
	}
	trust(a, argv[1]);
	struct pki_options o = {
	    .dir = arena_printf(a, "%s/trust", argv[1]), .simulator = true, .crl = "signature.crl"};
	if (pki_open(&o, &p, &err) < 0) {
		fprintf(stderr, "%s\n", err.detail);
		return 1;
	}
	double rsa = operation_s("rsa"), ec = operation_s("ec");
	printf("RSA-2048 %.0f %.0f\n", 1 / verification_s(a, p, argv[1], "rsa"), 1 / (2 * rsa));
	printf("P-256 %.0f %.0f\n", 1 / verification_s(a, p, argv[1], "ec"), 1 / (rsa + ec));
	pki_close(p);
	arena_free(a);
	return 0;
}
