/* Signature algorithms, and keys that are made ready to verify with.
 *
 * An RSA signature is verified by encoding what must come out (EMSA-PKCS1-v1_5, RFC 8017 §9.2) and
 * comparing all of it: nothing of the signature is parsed (RFC 8017 §8.2.2). The power is taken
 * with OpenSSL's Montgomery multiplications; OpenSSL's EVP functions need 59 µs with a key that
 * they have not seen before, of which 25 are the power. */
#include "pki/private.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <pthread.h>
#include <string.h>

enum key_kind { KEY_RSA, KEY_EC };

struct algorithm {
	const char *name;
	struct str oid;
	enum key_kind kind;
	int digest; /* index in digests[] */
};

struct digest {
	const char *name;
	struct str oid;
	struct str prefix; /* DER of DigestInfo up to the digest (RFC 8017 §9.2 note 1) */
	size_t size;
};

static const struct digest digests[] = {
    {"SHA256", {"\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9},
        {"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", 19}, 32},
    {"SHA384", {"\x60\x86\x48\x01\x65\x03\x04\x02\x02", 9},
        {"\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30", 19}, 48},
    {"SHA512", {"\x60\x86\x48\x01\x65\x03\x04\x02\x03", 9},
        {"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40", 19}, 64},
};

static const struct algorithm algorithms[] = {
    {"rsa-sha256", {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", 9}, KEY_RSA, 0},
    {"rsa-sha384", {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", 9}, KEY_RSA, 1},
    {"rsa-sha512", {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", 9}, KEY_RSA, 2},
    {"ecdsa-sha256", {"\x2a\x86\x48\xce\x3d\x04\x03\x02", 8}, KEY_EC, 0},
    {"ecdsa-sha384", {"\x2a\x86\x48\xce\x3d\x04\x03\x03", 8}, KEY_EC, 1},
    {"ecdsa-sha512", {"\x2a\x86\x48\xce\x3d\x04\x03\x04", 8}, KEY_EC, 2},
};

enum { RSA_BYTES_MIN = 256, RSA_BYTES_MAX = 512 };

int algorithms_parse(const char *names, unsigned *set, struct err *err)
{
	struct str rest = str_from(names), name;
	*set = names ? 0 : (1u << COUNT(algorithms)) - 1;
	while (str_cut(&rest, ' ', &name)) {
		size_t i = 0;
		while (i < COUNT(algorithms) && !str_is(name, algorithms[i].name))
			i++;
		if (name.n > 0 && i == COUNT(algorithms))
			return err_set(err, ERR_INPUT, NULL,
			    "card.algorithms: \"%.*s\" is not known; there are rsa-sha256, "
			    "rsa-sha384, rsa-sha512, ecdsa-sha256, ecdsa-sha384, ecdsa-sha512",
			    STR_ARG(name));
		if (name.n > 0)
			*set |= 1u << i;
	}
	return 0;
}

const struct algorithm *algorithm_find(unsigned set, struct str oid, struct str digest_oid)
{
	for (size_t i = 0; i < COUNT(algorithms); i++) {
		const struct algorithm *a = &algorithms[i];
		bool same = str_eq(oid, a->oid);
		if (digest_oid.n > 0)
			same = str_eq(digest_oid, digests[a->digest].oid) &&
			       (same || (a->kind == KEY_RSA && str_eq(oid, OID_RSA)));
		if (same && set & 1u << i)
			return a;
	}
	return NULL;
}

static const struct {
	struct str oid;
	const char *group;
} curves[] = {{{"\x2a\x86\x48\xce\x3d\x03\x01\x07", 8}, "P-256"},
    {{"\x2b\x81\x04\x00\x22", 5}, "P-384"}, {{"\x2b\x81\x04\x00\x23", 5}, "P-521"}};

/* Fetching an algorithm by name costs more than a short digest; making a curve's parameters costs
 * twice as much as copying those of a key that is there: any will do. */
static EVP_MD *fetched[COUNT(digests)];
static EVP_PKEY *on_curve[COUNT(curves)];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fetch(void)
{
	for (size_t i = 0; i < COUNT(digests); i++)
		if (!(fetched[i] = EVP_MD_fetch(NULL, digests[i].name, NULL)))
			abort();
	for (size_t i = 0; i < COUNT(curves); i++)
		if (!(on_curve[i] = EVP_EC_gen(curves[i].group)))
			abort();
}

const EVP_MD *digest_find(struct str oid)
{
	(void)pthread_once(&once, fetch);
	for (size_t i = 0; i < COUNT(digests); i++)
		if (str_eq(oid, digests[i].oid))
			return fetched[i];
	return NULL;
}

void algorithm_digest(const struct algorithm *a, struct str bytes, unsigned char *out, size_t *n)
{
	unsigned size = 0;
	const EVP_MD *md = digest_find(digests[a->digest].oid);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	if (!c || EVP_DigestInit_ex2(c, md, NULL) != 1 ||
	    EVP_DigestUpdate(c, bytes.p, bytes.n) != 1 || EVP_DigestFinal_ex(c, out, &size) != 1)
		abort();
	EVP_MD_CTX_free(c);
	*n = size;
}

/* --- keys --- */

struct key {
	enum key_kind kind;
	size_t size; /* RSA: bytes of the modulus */
	unsigned long exponent;
	BIGNUM *modulus;
	BN_MONT_CTX *mont;
	EVP_PKEY *ec;
};

/* RSAPublicKey (RFC 8017 §A.1.1) */
static bool read_rsa(struct key *k, struct str bits, BN_CTX *ctx)
{
	struct str s, n;
	int64_t e;
	if (!der_only(bits, DER_SEQUENCE, &s) || !der_take(&s, DER_INTEGER, &n) ||
	    !der_small(&s, &e) || s.n != 0 || e < 3 || e % 2 == 0)
		return false;
	while (n.n > 0 && n.p[0] == 0)
		n = (struct str){n.p + 1, n.n - 1};
	if (n.n < RSA_BYTES_MIN || n.n > RSA_BYTES_MAX || !((unsigned char)n.p[n.n - 1] & 1))
		return false;
	k->size = n.n;
	k->exponent = (unsigned long)e;
	k->modulus = BN_bin2bn((const unsigned char *)n.p, (int)n.n, NULL);
	k->mont = BN_MONT_CTX_new();
	return k->modulus && k->mont && BN_MONT_CTX_set(k->mont, k->modulus, ctx) == 1;
}

static bool read_ec(struct key *k, struct str parameters, struct str point)
{
	struct str oid;
	if (!der_only(parameters, DER_OID, &oid))
		return false;
	(void)pthread_once(&once, fetch);
	for (size_t i = 0; i < COUNT(curves); i++) {
		if (!der_is_oid(oid, curves[i].oid))
			continue;
		k->ec = EVP_PKEY_new();
		/* The point is checked to be on the curve. */
		return k->ec && EVP_PKEY_copy_parameters(k->ec, on_curve[i]) == 1 &&
		       EVP_PKEY_set1_encoded_public_key(
		           k->ec, (const unsigned char *)point.p, point.n) == 1;
	}
	return false;
}

struct key *key_new(struct str spki)
{
	struct str s, algorithm, oid, bits;
	if (!der_only(spki, DER_SEQUENCE, &s) || !der_take(&s, DER_SEQUENCE, &algorithm) ||
	    !der_take(&algorithm, DER_OID, &oid) || !der_only(s, DER_BITS, &bits) || bits.n < 2 ||
	    bits.p[0] != 0)
		return NULL;
	bits = (struct str){bits.p + 1, bits.n - 1};
	struct key *k = calloc(1, sizeof(*k));
	BN_CTX *ctx = BN_CTX_new();
	if (!k || !ctx)
		abort();
	k->kind = der_is_oid(oid, OID_RSA) ? KEY_RSA : KEY_EC;
	bool ok = k->kind == KEY_RSA ? read_rsa(k, bits, ctx)
	                             : der_is_oid(oid, OID_EC) && read_ec(k, algorithm, bits);
	BN_CTX_free(ctx);
	if (ok)
		return k;
	key_free(k);
	return NULL;
}

void key_free(struct key *k)
{
	if (!k)
		return;
	BN_free(k->modulus);
	BN_MONT_CTX_free(k->mont);
	EVP_PKEY_free(k->ec);
	free(k);
}

/* r = s to the power of the key's exponent, from its highest bit to its lowest (which is set). The
 * last product is of a number in Montgomery's form and one that is not, and so is not in it. All of
 * it is public: the time may tell the numbers. */
static bool power(const struct key *k, BIGNUM *r, const BIGNUM *s, BIGNUM *form, BN_CTX *ctx)
{
	unsigned long bit = 1;
	while (bit <= k->exponent / 2)
		bit *= 2;
	bool ok = BN_to_montgomery(form, s, k->mont, ctx) == 1 && BN_copy(r, form);
	while (ok && (bit /= 2) > 0) {
		ok = BN_mod_mul_montgomery(r, r, r, k->mont, ctx) == 1;
		if (ok && k->exponent & bit)
			ok = BN_mod_mul_montgomery(r, r, bit > 1 ? form : s, k->mont, ctx) == 1;
	}
	return ok;
}

static bool verify_rsa(
    const struct key *k, const struct digest *d, const unsigned char *hash, struct str signature)
{
	unsigned char wanted[RSA_BYTES_MAX], got[RSA_BYTES_MAX];
	size_t tail = d->prefix.n + d->size;
	if (signature.n != k->size)
		return false;
	memset(wanted, 0xff, k->size);
	wanted[0] = 0;
	wanted[1] = 1;
	wanted[k->size - tail - 1] = 0;
	memcpy(wanted + k->size - tail, d->prefix.p, d->prefix.n);
	memcpy(wanted + k->size - d->size, hash, d->size);
	BN_CTX *ctx = BN_CTX_new();
	if (!ctx)
		abort();
	BN_CTX_start(ctx);
	BIGNUM *s = BN_CTX_get(ctx), *form = BN_CTX_get(ctx), *r = BN_CTX_get(ctx);
	if (!r)
		abort();
	bool ok = BN_bin2bn((const unsigned char *)signature.p, (int)signature.n, s) &&
	          BN_cmp(s, k->modulus) < 0 && power(k, r, s, form, ctx) &&
	          BN_bn2binpad(r, got, (int)k->size) == (int)k->size &&
	          memcmp(wanted, got, k->size) == 0;
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return ok;
}

static bool verify_ec(
    const struct key *k, const struct digest *d, const unsigned char *hash, struct str signature)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_pkey(NULL, k->ec, NULL);
	bool ok =
	    c && EVP_PKEY_verify_init(c) == 1 &&
	    EVP_PKEY_verify(c, (const unsigned char *)signature.p, signature.n, hash, d->size) == 1;
	EVP_PKEY_CTX_free(c);
	return ok;
}

bool key_verify(
    const struct key *k, const struct algorithm *a, struct str signed_bytes, struct str signature)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	size_t n;
	if (k->kind != a->kind)
		return false;
	algorithm_digest(a, signed_bytes, hash, &n);
	const struct digest *d = &digests[a->digest];
	return k->kind == KEY_RSA ? verify_rsa(k, d, hash, signature)
	                          : verify_ec(k, d, hash, signature);
}
