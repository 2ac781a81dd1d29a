/* Secrets that are wiped, random numbers, hashes, and authenticated encryption. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* Bytes that no format function takes (passwords, keys, individual numbers): kept out of core dumps
 * and swap where the system allows, wiped when freed. */
struct secret_bytes;

/* A copy; the caller wipes what it copied from. Never NULL. */
struct secret_bytes *secret_new(const void *bytes, size_t n);
/* n random bytes, for keys. */
struct secret_bytes *secret_random(size_t n);
/* As secret_new(), freed with the arena. */
struct secret_bytes *secret_in(struct arena *, const void *bytes, size_t n);
void secret_free(struct secret_bytes *); /* NULL is allowed */
const uint8_t *secret_at(const struct secret_bytes *);
size_t secret_size(const struct secret_bytes *);

/* Overwrites bytes in a way that the compiler keeps. */
void bytes_wipe(void *, size_t n);
/* Equality in a time that depends on n only. */
bool bytes_equal(const void *a, const void *b, size_t n);

/* From the kernel (getrandom); ends the process when there is none. */
void random_bytes(void *, size_t n);
/* n random bytes as unpadded base64url: 32 for sessions and links in mails. */
char *random_token(struct arena *, size_t n);
/* Even in [0, below); below must not be 0. */
uint64_t random_below(uint64_t below);

enum { HASH_SIZE = 32 };

/* SHA-256 of parts one after another. */
void hash_sha256(const struct str *parts, size_t n, uint8_t out[static HASH_SIZE]);
/* HMAC-SHA-256 of parts one after another. */
void hash_hmac(struct str key, const struct str *parts, size_t n, uint8_t out[static HASH_SIZE]);

/* AES-256-GCM under a key of 32 bytes, for texts that are kept: a random nonce (12), the cipher
 * text, the tag (16). `about`, one part after another, is bound to the sealed bytes but not in
 * them. */
enum { AEAD_KEY = 32, AEAD_NONCE = 12, AEAD_TAG = 16, AEAD_EXTRA = AEAD_NONCE + AEAD_TAG };
/* Writes plain.n + AEAD_EXTRA bytes. */
void aead_seal(const struct secret_bytes *key, const struct str *about, size_t n, struct str plain,
    uint8_t *out);
/* The same with a nonce that the caller chose, which must never come twice with other bytes. */
void aead_seal_with(const struct secret_bytes *key, const uint8_t nonce[static AEAD_NONCE],
    const struct str *about, size_t n, struct str plain, uint8_t *out);
/* Back; NULL when key, `about` or a byte is wrong. */
struct secret_bytes *aead_open(
    const struct secret_bytes *key, const struct str *about, size_t n, struct str sealed);

#endif
