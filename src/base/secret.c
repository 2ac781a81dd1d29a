#include "base/secret.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/log.h"

/* The bytes stand on pages of their own, so that the advice to the kernel touches nothing else.
 * Keys and numbers are short and many: they share pages, in slots that go from hand to hand, since
 * four system calls for each cost more than opening it. */
struct secret_bytes {
	uint8_t *at;
	size_t n;
	size_t mapped; /* 0: a slot */
};

enum { SLOT_SIZE = 64, SLAB_SIZE = 64 * 1024 };
static union slot {
	union slot *next;
	uint8_t bytes[SLOT_SIZE];
} * slots; /* free ones, wiped but for next */
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

static _Noreturn void give_up(const char *what)
{
	log_error("secret", "%s", what);
	abort();
}

static void *pages_new(size_t n)
{
	void *at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		give_up("out of memory");
	/* Both may be refused by limits; the wiping does not depend on them. */
	(void)madvise(at, n, MADV_DONTDUMP);
	(void)mlock(at, n);
	return at;
}

static uint8_t *slot_new(void)
{
	pthread_mutex_lock(&slots_lock);
	if (!slots) { /* never given back: there are as many as were in use at a time */
		union slot *slab = pages_new(SLAB_SIZE);
		for (size_t i = 0; i < SLAB_SIZE / SLOT_SIZE; i++) {
			slab[i].next = slots;
			slots = &slab[i];
		}
	}
	union slot *slot = slots;
	slots = slot->next;
	pthread_mutex_unlock(&slots_lock);
	slot->next = NULL;
	return slot->bytes;
}

static void slot_free(uint8_t *at)
{
	union slot *slot = (union slot *)(void *)at;
	pthread_mutex_lock(&slots_lock);
	slot->next = slots;
	slots = slot;
	pthread_mutex_unlock(&slots_lock);
}

static struct secret_bytes *secret_empty(size_t n)
{
	struct secret_bytes *s = malloc(sizeof(*s));
	if (!s)
		give_up("out of memory");
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t mapped = n <= SLOT_SIZE ? 0 : (n / page + 1) * page;
	*s = (struct secret_bytes){
	    .at = mapped ? pages_new(mapped) : slot_new(), .n = n, .mapped = mapped};
	return s;
}

struct secret_bytes *secret_new(const void *bytes, size_t n)
{
	struct secret_bytes *s = secret_empty(n);
	if (n)
		memcpy(s->at, bytes, n);
	return s;
}

struct secret_bytes *secret_random(size_t n)
{
	struct secret_bytes *s = secret_empty(n);
	random_bytes(s->at, n);
	return s;
}

static void free_in_arena(void *s)
{
	secret_free(s);
}

struct secret_bytes *secret_in(struct arena *a, const void *bytes, size_t n)
{
	struct secret_bytes *s = secret_new(bytes, n);
	arena_cleanup(a, free_in_arena, s);
	return s;
}

void secret_free(struct secret_bytes *s)
{
	if (!s)
		return;
	bytes_wipe(s->at, s->mapped ? s->mapped : SLOT_SIZE);
	if (s->mapped)
		(void)munmap(s->at, s->mapped); /* cannot fail for what mmap() gave */
	else
		slot_free(s->at);
	free(s);
}

const uint8_t *secret_at(const struct secret_bytes *s)
{
	return s->at;
}

size_t secret_size(const struct secret_bytes *s)
{
	return s->n;
}

void bytes_wipe(void *p, size_t n)
{
	if (n)
		explicit_bzero(p, n);
}

bool bytes_equal(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void random_bytes(void *into, size_t n)
{
	char *p = into;
	while (n) {
		ssize_t got = getrandom(p, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			give_up("the kernel gives no random numbers");
		p += got;
		n -= (size_t)got;
	}
}

char *random_token(struct arena *a, size_t n)
{
	uint8_t bytes[64];
	struct buf out;
	buf_init(&out, a);
	buf_reserve(&out, n * 2);
	while (n) {
		/* 48 is a multiple of 3: the pieces join without padding */
		size_t piece = n < 48 ? n : 48;
		random_bytes(bytes, piece);
		buf_base64url(&out, bytes, piece);
		n -= piece;
	}
	bytes_wipe(bytes, sizeof(bytes));
	return out.p;
}

uint64_t random_below(uint64_t below)
{
	/* Values at the top that would make the low ones likelier are drawn again. */
	uint64_t limit = UINT64_MAX - UINT64_MAX % below, value;
	do
		random_bytes(&value, sizeof(value));
	while (value >= limit);
	return value % below;
}

/* --- hashes ---
 *
 * The algorithm is fetched once: EVP_sha256() would be looked up again for every hash. And each
 * thread keeps a context for them, whose allocation would cost as much as a short hash. */

static EVP_MD *sha256_md;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;
static pthread_key_t sha256_key;
static _Thread_local EVP_MD_CTX *sha256_context;

static void sha256_free(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void sha256_fetch(void)
{
	sha256_md = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	if (!sha256_md || pthread_key_create(&sha256_key, sha256_free) != 0)
		give_up("SHA-256 is not available");
}

/* parts after a first one, whose bytes may be none */
static void sha256_of(
    struct str first, const struct str *parts, size_t n, uint8_t out[static HASH_SIZE])
{
	(void)pthread_once(&sha256_once, sha256_fetch); /* cannot fail */
	if (!sha256_context) {
		sha256_context = EVP_MD_CTX_new();
		if (!sha256_context || pthread_setspecific(sha256_key, sha256_context) != 0)
			give_up("out of memory");
	}
	EVP_MD_CTX *ctx = sha256_context;
	bool ok = EVP_DigestInit_ex2(ctx, sha256_md, NULL) == 1 &&
	          EVP_DigestUpdate(ctx, first.p, first.n) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	if (!ok || EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		give_up("SHA-256 is not available");
}

void hash_sha256(const struct str *parts, size_t n, uint8_t out[static HASH_SIZE])
{
	sha256_of(STR(""), parts, n, out);
}

void hash_hmac(struct str key, const struct str *parts, size_t n, uint8_t out[static HASH_SIZE])
{
	/* RFC 2104 over the two hashes; EVP_MAC would look its algorithm up for every call. */
	uint8_t block[64] = {0}, inner[HASH_SIZE];
	if (key.n > sizeof(block))
		hash_sha256(&key, 1, block);
	else if (key.n)
		memcpy(block, key.p, key.n);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36;
	sha256_of((struct str){(const char *)block, sizeof(block)}, parts, n, inner);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36 ^ 0x5C;
	struct str outer[] = {
	    {(const char *)block, sizeof(block)}, {(const char *)inner, HASH_SIZE}};
	hash_sha256(outer, 2, out);
	bytes_wipe(block, sizeof(block));
}

/* --- authenticated encryption ---
 *
 * As with the hashes: fetched once, a context for each thread, which is reset after each use so
 * that no key stays in it. */

static EVP_CIPHER *gcm;
static pthread_once_t gcm_once = PTHREAD_ONCE_INIT;
static pthread_key_t gcm_key;
static _Thread_local EVP_CIPHER_CTX *gcm_context;

static void gcm_free(void *ctx)
{
	EVP_CIPHER_CTX_free(ctx);
}

static void gcm_fetch(void)
{
	gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (!gcm || pthread_key_create(&gcm_key, gcm_free) != 0)
		give_up("AES-256-GCM is not available");
}

static EVP_CIPHER_CTX *gcm_begin(const struct secret_bytes *key, size_t text)
{
	if (key->n != AEAD_KEY || text > INT32_MAX)
		give_up("nothing can be sealed: wrong size of key or text");
	(void)pthread_once(&gcm_once, gcm_fetch); /* cannot fail */
	if (!gcm_context) {
		gcm_context = EVP_CIPHER_CTX_new();
		if (!gcm_context || pthread_setspecific(gcm_key, gcm_context) != 0)
			give_up("out of memory");
	}
	return gcm_context;
}

void aead_seal_with(const struct secret_bytes *key, const uint8_t nonce[static AEAD_NONCE],
    const struct str *about, size_t n, struct str plain, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = gcm_begin(key, plain.n);
	uint8_t *text = out + AEAD_NONCE;
	int done = 0, last = 0;
	memcpy(out, nonce, AEAD_NONCE);
	bool ok = EVP_EncryptInit_ex2(ctx, gcm, key->at, nonce, NULL) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_EncryptUpdate(
		         ctx, NULL, &last, (const uint8_t *)about[i].p, (int)about[i].n) == 1;
	if (plain.n)
		ok = ok && EVP_EncryptUpdate(
		               ctx, text, &done, (const uint8_t *)plain.p, (int)plain.n) == 1;
	ok = ok && EVP_EncryptFinal_ex(ctx, text + done, &last) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG, text + plain.n) == 1;
	(void)EVP_CIPHER_CTX_reset(ctx); /* always 1 */
	if (!ok)
		give_up("AES-256-GCM is not available");
}

void aead_seal(const struct secret_bytes *key, const struct str *about, size_t n, struct str plain,
    uint8_t *out)
{
	uint8_t nonce[AEAD_NONCE];
	random_bytes(nonce, sizeof(nonce));
	aead_seal_with(key, nonce, about, n, plain, out);
}

struct secret_bytes *aead_open(
    const struct secret_bytes *key, const struct str *about, size_t n, struct str sealed)
{
	if (sealed.n < AEAD_EXTRA || sealed.n > INT32_MAX)
		return NULL;
	EVP_CIPHER_CTX *ctx = gcm_begin(key, sealed.n);
	struct secret_bytes *plain = secret_empty(sealed.n - AEAD_EXTRA);
	const uint8_t *bytes = (const uint8_t *)sealed.p;
	uint8_t tag[AEAD_TAG];
	int done = 0, last = 0;
	memcpy(tag, bytes + sealed.n - AEAD_TAG, sizeof(tag));
	bool ok = EVP_DecryptInit_ex2(ctx, gcm, key->at, bytes, NULL) == 1;
	for (size_t i = 0; ok && i < n; i++)
		ok = EVP_DecryptUpdate(
		         ctx, NULL, &last, (const uint8_t *)about[i].p, (int)about[i].n) == 1;
	if (plain->n)
		ok = ok && EVP_DecryptUpdate(
		               ctx, plain->at, &done, bytes + AEAD_NONCE, (int)plain->n) == 1;
	ok = ok && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG, tag) == 1 &&
	     EVP_DecryptFinal_ex(ctx, plain->at + done, &last) == 1;
	(void)EVP_CIPHER_CTX_reset(ctx); /* always 1 */
	if (ok)
		return plain;
	secret_free(plain);
	return NULL;
}
