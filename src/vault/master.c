/* A master key wraps data keys; where it is, its source says. */
#include "vault/private.h"

#include <string.h>

static const struct master_kind *const kinds[] = {&master_file, &master_credential, &master_pkcs11};

static int kind_of(
    const char *source, const struct master_kind **out, const char **words, struct err *err)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		size_t n = strlen(kinds[i]->scheme);
		if (strncmp(source, kinds[i]->scheme, n) == 0 &&
		    strlen(source) < MASTER_SOURCE_MAX) {
			*out = kinds[i];
			*words = source + n;
			return 0;
		}
	}
	return err_set(err, ERR_INPUT, "vault.source",
	    "\"%.60s\" is no source of a master key: file:PATH, credential:NAME or pkcs11:… is "
	    "wanted",
	    source);
}

/* One block of zeros under a nonce of zeros: the same for the same key, wherever it is. Wrapping
 * takes random nonces. */
static int fingerprint(struct master *m, struct err *err)
{
	static const uint8_t zeros[16];
	uint8_t out[sizeof(zeros) + AEAD_EXTRA];
	int rc = m->kind->seal(m, zeros, STR("machi master key"),
	    (struct str){(const char *)zeros, sizeof(zeros)}, out, err);
	if (rc < 0)
		return rc;
	struct buf b = {.p = m->fingerprint, .cap = FINGERPRINT_SIZE};
	buf_hex(&b, out + AEAD_NONCE, (FINGERPRINT_SIZE - 1) / 2);
	return 0;
}

int master_open(const char *source, const char *dir, struct master *out, struct err *err)
{
	const char *words;
	*out = (struct master){0};
	int rc = kind_of(source, &out->kind, &words, err);
	if (rc < 0)
		return rc;
	(void)snprintf(out->source, sizeof(out->source), "%s", source); /* it fits */
	rc = out->kind->open(out, words, dir, err);
	if (rc == 0)
		rc = fingerprint(out, err);
	if (rc < 0)
		master_close(out);
	return rc;
}

void master_close(struct master *m)
{
	if (m->kind)
		m->kind->close(m);
	*m = (struct master){0};
}

int master_make(const char *source, const char *dir, struct err *err)
{
	const struct master_kind *kind;
	const char *words;
	int rc = kind_of(source, &kind, &words, err);
	return rc < 0 ? rc : kind->make(words, dir, err);
}

int master_wrap(struct master *m, struct str about, const struct secret_bytes *key, struct buf *out,
    struct err *err)
{
	uint8_t nonce[AEAD_NONCE], wrapped[AEAD_KEY + AEAD_EXTRA];
	random_bytes(nonce, sizeof(nonce));
	int rc = m->kind->seal(m, nonce, about,
	    (struct str){(const char *)secret_at(key), secret_size(key)}, wrapped, err);
	if (rc == 0)
		buf_base64url(out, wrapped, sizeof(wrapped));
	return rc;
}

int master_unwrap(struct master *m, struct str about, struct str wrapped, struct secret_bytes **out,
    struct err *err)
{
	uint8_t bytes[AEAD_KEY + AEAD_EXTRA];
	size_t n;
	*out = NULL;
	if (!base64url_decode(wrapped, bytes, sizeof(bytes), &n) || n != sizeof(bytes))
		return err_set(err, ERR_STORE, "vault.damaged", "a wrapped key is damaged");
	return m->kind->unseal(m, about, (struct str){(const char *)bytes, n}, out, err);
}
