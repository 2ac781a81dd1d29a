/* What an authenticator and the browser say, checked (WebAuthn §7.1, §7.2; the numbers are those of
 * Level 2). CBOR, keys and signatures are libfido2's. */
#include "identity/passkey/passkey.h"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <string.h>

#include "base/json.h"

enum { FLAG_PRESENT = 0x01, FLAG_VERIFIED = 0x04, FLAG_BACKUP = 0x08, FLAG_KEY = 0x40 };

static const int64_t algorithms[] = {COSE_ES256, COSE_EDDSA, COSE_RS256};

struct webauthn_site webauthn_site_of(struct arena *a, const char *base_url)
{
	const char *host = strstr(base_url, "://");
	host = host ? host + 3 : base_url;
	size_t n = strcspn(host, "/");
	return (struct webauthn_site){
	    .origin = str_dup(a, (struct str){base_url, (size_t)(host - base_url) + n}),
	    .rp = str_dup(a, (struct str){host, strcspn(host, ":/")})};
}

bool webauthn_client(struct arena *a, const struct webauthn_site *site, const char *type,
    struct str client_data, const char **challenge)
{
	if (client_data.n > WEBAUTHN_PART_MAX)
		return false;
	json_t *said = json_on_arena(
	    a, json_loadb(client_data.p, client_data.n, JSON_REJECT_DUPLICATES, NULL));
	*challenge = json_text(said, "challenge");
	return *challenge && text_eq(json_text(said, "type"), type) &&
	       text_eq(json_text(said, "origin"), site->origin) &&
	       !json_is_true(json_object_get(said, "crossOrigin"));
}

/* 13, 14, 15 of §7.1. */
static bool for_us(const struct webauthn_site *site, struct str data)
{
	enum { RP_HASH = HASH_SIZE, FLAGS_AT = HASH_SIZE };
	unsigned char hash[HASH_SIZE];
	struct str rp = str_from(site->rp);
	hash_sha256(&rp, 1, hash);
	return data.n > FLAGS_AT && memcmp(data.p, hash, RP_HASH) == 0 &&
	       ((unsigned char)data.p[FLAGS_AT] & (FLAG_PRESENT | FLAG_VERIFIED)) ==
	           (FLAG_PRESENT | FLAG_VERIFIED);
}

static struct str copy(struct arena *a, const unsigned char *p, size_t n)
{
	return (struct str){str_dup(a, (struct str){(const char *)p, n}), n};
}

bool webauthn_created(
    struct arena *a, const struct webauthn_site *site, struct str data, struct webauthn_key *out)
{
	if (data.n > WEBAUTHN_PART_MAX || !for_us(site, data))
		return false;
	bool found = false;
	for (size_t i = 0; i < COUNT(algorithms) && !found; i++) {
		fido_cred_t *c = fido_cred_new();
		if (!c)
			abort();
		found = fido_cred_set_type(c, (int)algorithms[i]) == FIDO_OK &&
		        fido_cred_set_authdata_raw(c, (const unsigned char *)data.p, data.n) ==
		            FIDO_OK &&
		        (fido_cred_flags(c) & FLAG_KEY) && fido_cred_id_len(c) > 0 &&
		        fido_cred_id_len(c) <= 1023 && fido_cred_pubkey_len(c) > 0;
		if (found)
			*out = (struct webauthn_key){.algorithm = algorithms[i],
			    .id = copy(a, fido_cred_id_ptr(c), fido_cred_id_len(c)),
			    .key = copy(a, fido_cred_pubkey_ptr(c), fido_cred_pubkey_len(c)),
			    .counter = fido_cred_sigcount(c),
			    .synced = (fido_cred_flags(c) & FLAG_BACKUP) != 0};
		fido_cred_free(&c);
	}
	return found;
}

static int verify(const fido_assert_t *a, const struct webauthn_key *k)
{
	int rc = FIDO_ERR_INVALID_ARGUMENT;
	if (k->algorithm == COSE_ES256) {
		es256_pk_t *pk = es256_pk_new();
		if (pk && es256_pk_from_ptr(pk, k->key.p, k->key.n) == FIDO_OK)
			rc = fido_assert_verify(a, 0, COSE_ES256, pk);
		es256_pk_free(&pk);
	} else if (k->algorithm == COSE_EDDSA) {
		eddsa_pk_t *pk = eddsa_pk_new();
		if (pk && eddsa_pk_from_ptr(pk, k->key.p, k->key.n) == FIDO_OK)
			rc = fido_assert_verify(a, 0, COSE_EDDSA, pk);
		eddsa_pk_free(&pk);
	} else if (k->algorithm == COSE_RS256) {
		rs256_pk_t *pk = rs256_pk_new();
		if (pk && rs256_pk_from_ptr(pk, k->key.p, k->key.n) == FIDO_OK)
			rc = fido_assert_verify(a, 0, COSE_RS256, pk);
		rs256_pk_free(&pk);
	}
	return rc;
}

bool webauthn_signed(const struct webauthn_site *site, const struct webauthn_key *key,
    struct str client_data, struct str data, struct str signature, int64_t *counter)
{
	unsigned char hash[HASH_SIZE];
	hash_sha256(&client_data, 1, hash);
	if (data.n > WEBAUTHN_PART_MAX || signature.n > WEBAUTHN_PART_MAX || !for_us(site, data))
		return false;
	fido_assert_t *a = fido_assert_new();
	if (!a)
		abort();
	bool good =
	    fido_assert_set_count(a, 1) == FIDO_OK && fido_assert_set_rp(a, site->rp) == FIDO_OK &&
	    fido_assert_set_clientdata_hash(a, hash, sizeof(hash)) == FIDO_OK &&
	    fido_assert_set_up(a, FIDO_OPT_TRUE) == FIDO_OK &&
	    fido_assert_set_uv(a, FIDO_OPT_TRUE) == FIDO_OK &&
	    fido_assert_set_authdata_raw(a, 0, (const unsigned char *)data.p, data.n) == FIDO_OK &&
	    fido_assert_set_sig(a, 0, (const unsigned char *)signature.p, signature.n) == FIDO_OK &&
	    verify(a, key) == FIDO_OK;
	*counter = good ? fido_assert_sigcount(a, 0) : 0;
	fido_assert_free(&a);
	return good;
}
