/* The simulated authorities of the card, their cards, lists and signatures. All that is made says
 * SIMULATOR in issuer and subject; a city trusts it only with card.simulator. */
#include "simulate/private.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/secret.h"
#include "pki/make.h"

#define MARK "SIMULATOR (not for real use)"
#define DAY_US (INT64_C(86400) * 1000000)
#define PASSWORD "simulator"

const char *const kind_names[PKI_KIND_COUNT] = {"authentication", "signature"};
const char *const card_faults[] = {
    "expired", "not-yet", "forged", "usage", "policy", "items", NULL};

static int failed(struct err *err, const char *what)
{
	char why[160] = "";
	unsigned long e = ERR_get_error();
	if (e)
		ERR_error_string_n(e, why, sizeof(why));
	ERR_clear_error();
	return err_set(err, ERR_INTERNAL, NULL, "%s: %s", what, why);
}

static void free_key(void *p)
{
	EVP_PKEY_free(p);
}

static void free_cert(void *p)
{
	X509_free(p);
}

/* --- files --- */

static int write_bio(struct arena *a, const char *path, BIO *b, bool ok, int mode, struct err *err)
{
	char *p;
	long n = ok ? BIO_get_mem_data(b, &p) : 0;
	int rc =
	    n > 0 ? file_write(path, (struct str){p, (size_t)n}, mode, err) : failed(err, path);
	(void)a;
	BIO_free(b);
	return rc;
}

static int pair_save(
    struct arena *a, const char *dir, const char *name, const struct pair *p, struct err *err)
{
	BIO *b = BIO_new(BIO_s_mem());
	bool ok = PEM_write_bio_PKCS8PrivateKey(b, p->key, NULL, NULL, 0, NULL, NULL) == 1;
	int rc = write_bio(a, arena_printf(a, "%s/%s.key", dir, name), b, ok, 0600, err);
	if (rc < 0)
		return rc;
	b = BIO_new(BIO_s_mem());
	ok = PEM_write_bio_X509(b, p->cert) == 1;
	return write_bio(a, arena_printf(a, "%s/%s.crt", dir, name), b, ok, 0644, err);
}

int pair_load(struct arena *a, const char *dir, const char *name, struct pair *out, struct err *err)
{
	struct str key, cert;
	int rc = file_read(a, arena_printf(a, "%s/%s.key", dir, name), &key, err);
	if (rc == 0)
		rc = file_read(a, arena_printf(a, "%s/%s.crt", dir, name), &cert, err);
	if (rc < 0)
		return rc;
	BIO *b = BIO_new_mem_buf(key.p, (int)key.n);
	out->key = PEM_read_bio_PrivateKey(b, NULL, NULL, NULL);
	BIO_free(b);
	b = BIO_new_mem_buf(cert.p, (int)cert.n);
	out->cert = PEM_read_bio_X509(b, NULL, NULL, NULL);
	BIO_free(b);
	arena_cleanup(a, free_key, out->key);
	arena_cleanup(a, free_cert, out->cert);
	return out->key && out->cert ? 0 : failed(err, name);
}

/* --- authorities --- */

static EVP_PKEY *key_make(const char *kind)
{
	return text_eq(kind, "ec") ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
}

static int pair_make(
    struct arena *a, struct certificate_wish *w, const char *key, struct pair *out, struct err *err)
{
	out->key = key_make(key);
	arena_cleanup(a, free_key, out->key);
	w->key = out->key;
	if (!w->issuer_key)
		w->issuer_key = out->key;
	out->cert = out->key ? certificate_make(w) : NULL;
	arena_cleanup(a, free_cert, out->cert);
	return out->cert ? 0 : failed(err, "certificate");
}

static const struct extension_text authority_extensions[] = {
    {NID_subject_key_identifier, "hash"},
    {NID_basic_constraints, "critical,CA:TRUE"},
    {NID_key_usage, "critical,keyCertSign,cRLSign"},
};

static const struct name_part card_authority_names[PKI_KIND_COUNT][5] = {
    {{"C", "JP"}, {"O", "JPKI " MARK}, {"OU", "JPKI for user authentication"},
        {"OU", "Japan Agency for Local Authority Information Systems SIMULATOR"}, {NULL, NULL}},
    {{"C", "JP"}, {"O", "JPKI " MARK}, {"OU", "JPKI for digital signature"},
        {"OU", "Japan Agency for Local Authority Information Systems SIMULATOR"}, {NULL, NULL}},
};

static int authority_make(struct arena *a, const struct name_part *name, const char *key,
    struct pair *out, struct err *err)
{
	struct certificate_wish w = {
	    .subject = name,
	    .extensions = authority_extensions,
	    .nextensions = COUNT(authority_extensions),
	    .from_us = now_us() - 365 * DAY_US,
	    .until_us = now_us() + 10 * 365 * DAY_US,
	};
	return pair_make(a, &w, key, out, err);
}

/* A certificate with one purpose, of an authority: an OCSP responder, a time-stamp authority. */
static int helper_make(struct arena *a, const char *dir, const char *name, const char *usage,
    const struct pair *issuer, bool expired, struct err *err)
{
	const struct extension_text extensions[] = {
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier, "keyid"},
	    {NID_basic_constraints, "critical,CA:FALSE"},
	    {NID_key_usage, "critical,digitalSignature"},
	    {NID_ext_key_usage, usage},
	};
	const struct name_part subject[] = {
	    {"C", "JP"}, {"O", MARK}, {"CN", arena_printf(a, "%s " MARK, name)}, {NULL, NULL}};
	struct certificate_wish w = {
	    .subject = subject,
	    .extensions = extensions,
	    .nextensions = COUNT(extensions),
	    .issuer = issuer->cert,
	    .issuer_key = issuer->key,
	    .from_us = now_us() - 300 * DAY_US,
	    .until_us = expired ? now_us() - DAY_US : now_us() + 5 * 365 * DAY_US,
	};
	struct pair p;
	int rc = pair_make(a, &w, "rsa", &p, err);
	return rc < 0 ? rc : pair_save(a, dir, name, &p, err);
}

static int card_authority_init(
    struct arena *a, const char *dir, enum pki_kind kind, struct err *err)
{
	struct pair ca;
	int rc = authority_make(a, card_authority_names[kind], "rsa", &ca, err);
	if (rc == 0)
		rc = pair_save(a, dir, kind_names[kind], &ca, err);
	return rc < 0 ? rc
	              : helper_make(a, dir, arena_printf(a, "ocsp-%s", kind_names[kind]),
	                    "OCSPSigning", &ca, false, err);
}

static int stamp_authority_init(struct arena *a, const char *dir, struct err *err)
{
	static const struct name_part name[] = {
	    {"C", "JP"}, {"O", MARK}, {"CN", "time stamps " MARK}, {NULL, NULL}};
	struct pair ca;
	int rc = authority_make(a, name, "rsa", &ca, err);
	if (rc == 0)
		rc = pair_save(a, dir, "timestamp", &ca, err);
	if (rc == 0)
		rc = helper_make(a, dir, "stamp", "critical,timeStamping", &ca, false, err);
	return rc < 0
	           ? rc
	           : helper_make(a, dir, "stamp-expired", "critical,timeStamping", &ca, true, err);
}

int authority_init(struct arena *a, const char *dir, struct err *err)
{
	struct str there;
	struct str pem;
	int rc = dir_make(arena_printf(a, "%s/cards", dir), 0700, err);
	if (rc < 0)
		return rc;
	if (file_read(a, arena_printf(a, "%s/authentication.key", dir), &there, NULL) == 0)
		return err_set(err, ERR_CONFLICT, NULL, "%s holds authorities already", dir);
	for (int kind = 0; rc == 0 && kind < PKI_KIND_COUNT; kind++) {
		rc = card_authority_init(a, dir, kind, err);
		if (rc == 0)
			rc = crl_make(a, dir, kind, now_us(), 24, &pem, err);
	}
	return rc < 0 ? rc : stamp_authority_init(a, dir, err);
}

/* --- cards --- */

/* otherName of the profile. */
static bool add_item(GENERAL_NAMES *names, int number, const char *text)
{
	if (!text)
		return true;
	char oid[40];
	(void)snprintf(oid, sizeof(oid), "1.2.392.200149.8.5.5.%d", number);
	GENERAL_NAME *g = GENERAL_NAME_new();
	ASN1_TYPE *value = ASN1_TYPE_new();
	ASN1_UTF8STRING *s = ASN1_UTF8STRING_new();
	if (!g || !value || !s || ASN1_STRING_set(s, text, -1) != 1)
		return false;
	ASN1_TYPE_set(value, V_ASN1_UTF8STRING, s);
	return GENERAL_NAME_set0_othername(g, OBJ_txt2obj(oid, 1), value) == 1 &&
	       sk_GENERAL_NAME_push(names, g) > 0;
}

static X509_EXTENSION *items_extension(const struct card_wish *w)
{
	const char *const items[] = {
	    w->name, w->name_substitutes, w->sex, w->birth, w->address, w->address_substitutes};
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	bool ok = names != NULL;
	for (size_t i = 0; ok && i < COUNT(items); i++)
		if (!(i == 0 && text_eq(w->fault, "items")))
			ok = add_item(names, (int)i + 1, items[i]);
	X509_EXTENSION *x = ok ? X509V3_EXT_i2d(NID_subject_alt_name, 0, names) : NULL;
	GENERAL_NAMES_free(names);
	return x;
}

/* A directory name as the real ones have it. */
static X509_EXTENSION *point_extension(enum pki_kind kind)
{
	static const struct name_part name[] = {{"C", "JP"}, {"O", "JPKI " MARK},
	    {"OU", "CRL Distribution Points"}, {"CN", "Sample City CRL"}, {NULL, NULL}};
	(void)kind;
	GENERAL_NAME *g = GENERAL_NAME_new();
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	DIST_POINT *point = DIST_POINT_new();
	STACK_OF(DIST_POINT) *points = sk_DIST_POINT_new_null();
	if (!g || !names || !point || !points || !(point->distpoint = DIST_POINT_NAME_new()))
		abort();
	g->type = GEN_DIRNAME;
	g->d.directoryName = name_make(name);
	sk_GENERAL_NAME_push(names, g);
	point->distpoint->type = 0;
	point->distpoint->name.fullname = names;
	sk_DIST_POINT_push(points, point);
	X509_EXTENSION *x = X509V3_EXT_i2d(NID_crl_distribution_points, 0, points);
	sk_DIST_POINT_pop_free(points, DIST_POINT_free);
	return x;
}

static int certificate_save(struct arena *a, const char *folder, enum pki_kind kind,
    const struct pair *p, const struct pair *issuer, const char *card, struct err *err)
{
	int rc = pair_save(a, folder, kind_names[kind], p, err);
	if (rc < 0)
		return rc;
	STACK_OF(X509) *chain = sk_X509_new_null();
	sk_X509_push(chain, issuer->cert);
	PKCS12 *bag =
	    PKCS12_create(PASSWORD, arena_printf(a, "%s %s " MARK, card, kind_names[kind]), p->key,
	        p->cert, chain, 0, 0, 0, 0, 0);
	BIO *b = BIO_new(BIO_s_mem());
	bool ok = bag && i2d_PKCS12_bio(b, bag) == 1;
	PKCS12_free(bag);
	sk_X509_free(chain);
	return write_bio(
	    a, arena_printf(a, "%s/%s.p12", folder, kind_names[kind]), b, ok, 0600, err);
}

/* Right names, right key identifier, another key. */
static int forger_make(struct arena *a, enum pki_kind kind, struct pair *issuer, struct err *err)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	arena_cleanup(a, free_key, key);
	(void)kind;
	issuer->key = key;
	return key ? 0 : failed(err, "key");
}

static int certificate_of_card(struct arena *a, const char *dir, const char *card,
    const struct card_wish *wish, enum pki_kind kind, struct err *err)
{
	static const char *const usages[PKI_KIND_COUNT] = {
	    "critical,digitalSignature", "critical,digitalSignature,nonRepudiation"};
	static const char *const policies[PKI_KIND_COUNT] = {
	    "1.2.392.200149.8.5.1.3.30", "1.2.392.200149.8.5.1.1.20"};
	enum pki_kind other = (enum pki_kind) !kind;
	const struct extension_text extensions[] = {
	    {NID_subject_key_identifier, "hash"},
	    {NID_authority_key_identifier, "keyid"},
	    {NID_key_usage, usages[text_eq(wish->fault, "usage") ? other : kind]},
	    {NID_certificate_policies, policies[text_eq(wish->fault, "policy") ? other : kind]},
	    /* What TLS clients look for; the real profile of authentication has it, too. */
	    {NID_ext_key_usage, kind == PKI_AUTHENTICATION ? "clientAuth" : NULL},
	};
	unsigned char random[8];
	random_bytes(random, sizeof(random));
	struct buf hex;
	buf_init(&hex, a);
	buf_hex(&hex, random, sizeof(random));
	const struct name_part auth_subject[] = {
	    {"C", "JP"}, {"CN", arena_printf(a, "SIMULATOR%s", hex.p)}, {NULL, NULL}};
	const struct name_part sign_subject[] = {{"C", "JP"}, {"L", "Kagawa-ken SIMULATOR"},
	    {"L", "Takamatsu-shi SIMULATOR"}, {"CN", arena_printf(a, "SIMULATOR%s", hex.p)},
	    {NULL, NULL}};
	STACK_OF(X509_EXTENSION) *more = sk_X509_EXTENSION_new_null();
	if (kind == PKI_SIGNATURE) {
		sk_X509_EXTENSION_push(more, items_extension(wish));
		sk_X509_EXTENSION_push(more, point_extension(kind));
	}
	struct pair issuer, p;
	int rc = pair_load(a, dir, kind_names[kind], &issuer, err);
	if (rc == 0 && text_eq(wish->fault, "forged"))
		rc = forger_make(a, kind, &issuer, err);
	int64_t now = now_us();
	struct certificate_wish w = {
	    .subject = kind == PKI_SIGNATURE ? sign_subject : auth_subject,
	    .extensions = extensions,
	    .nextensions = COUNT(extensions),
	    .more = more,
	    .issuer = issuer.cert,
	    .issuer_key = issuer.key,
	    .from_us = text_eq(wish->fault, "not-yet") ? now + 30 * DAY_US : now - 30 * DAY_US,
	    .until_us = text_eq(wish->fault, "expired") ? now - DAY_US : now + 5 * 365 * DAY_US,
	};
	const char *folder = arena_printf(a, "%s/cards/%s", dir, card);
	if (rc == 0)
		rc = pair_make(a, &w, wish->key, &p, err);
	if (rc == 0)
		rc = certificate_save(a, folder, kind, &p, &issuer, card, err);
	sk_X509_EXTENSION_pop_free(more, X509_EXTENSION_free);
	return rc;
}

int card_make(
    struct arena *a, const char *dir, const char *card, const struct card_wish *w, struct err *err)
{
	const char *folder = arena_printf(a, "%s/cards/%s", dir, card);
	int rc = dir_make(folder, 0700, err);
	for (int kind = 0; rc == 0 && kind < PKI_KIND_COUNT; kind++)
		rc = certificate_of_card(a, dir, card, w, kind, err);
	if (rc < 0)
		return rc;
	json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?}", "name", w->name, "address",
	    w->address, "birth", w->birth, "sex", w->sex, "name_substitutes", w->name_substitutes,
	    "address_substitutes", w->address_substitutes);
	rc = file_write(arena_printf(a, "%s/card.json", folder),
	    str_from(json_canonical_text(a, j)), 0600, err);
	json_decref(j);
	return rc;
}

int card_load(struct arena *a, const char *dir, const char *card, json_t **out, struct err *err)
{
	struct str text;
	int rc = file_read(a, arena_printf(a, "%s/cards/%s/card.json", dir, card), &text, err);
	if (rc < 0)
		return rc;
	*out = json_on_arena(a, json_loadb(text.p, text.n, 0, NULL));
	return *out ? 0
	            : err_set(err, ERR_INPUT, NULL, "%s/cards/%s/card.json is broken", dir, card);
}

/* --- revocation --- */

static const struct {
	const char *name;
	int number;
} reasons[] = {{"unspecified", 0}, {"keyCompromise", 1}, {"cACompromise", 2},
    {"affiliationChanged", 3}, {"superseded", 4}, {"cessationOfOperation", 5},
    {"certificateHold", 6}};

int reason_parse(const char *name)
{
	for (size_t i = 0; i < COUNT(reasons); i++)
		if (text_eq(reasons[i].name, name))
			return reasons[i].number;
	return -1;
}

json_t *revoked_load(struct arena *a, const char *dir)
{
	struct str text;
	json_t *j = NULL;
	if (file_read(a, arena_printf(a, "%s/revoked.json", dir), &text, NULL) == 0)
		j = json_loadb(text.p, text.n, 0, NULL);
	return json_on_arena(a, j ? j : json_pack("{s:{}, s:{}}", kind_names[0], kind_names[1]));
}

bool serial_revoked(
    const json_t *revoked, enum pki_kind kind, const char *serial, int64_t *at_us, int *reason)
{
	const json_t *e = json_object_get(json_object_get(revoked, kind_names[kind]), serial);
	*at_us = json_i64(e, "at", 0);
	*reason = (int)json_i64(e, "reason", 0);
	return e != NULL;
}

static char *serial_of(struct arena *a, const X509 *c)
{
	BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(c), NULL);
	char *hex = BN_bn2hex(bn);
	char *out = arena_strdup(a, hex);
	OPENSSL_free(hex);
	BN_free(bn);
	return out;
}

int card_revoke(struct arena *a, const char *dir, const char *card, enum pki_kind kind, int reason,
    struct err *err)
{
	struct pair p;
	struct str pem;
	int rc = pair_load(a, arena_printf(a, "%s/cards/%s", dir, card), kind_names[kind], &p, err);
	if (rc < 0)
		return rc;
	json_t *all = revoked_load(a, dir);
	json_object_set_new(json_object_get(all, kind_names[kind]), serial_of(a, p.cert),
	    json_pack("{s:I, s:i}", "at", (json_int_t)now_us(), "reason", reason));
	rc = file_write(arena_printf(a, "%s/revoked.json", dir),
	    str_from(json_canonical_text(a, all)), 0600, err);
	return rc < 0 ? rc : crl_make(a, dir, kind, now_us(), 24, &pem, err);
}

static bool add_revoked(X509_CRL *crl, const char *serial, const json_t *entry)
{
	X509_REVOKED *r = X509_REVOKED_new();
	BIGNUM *bn = NULL;
	time_t at = (time_t)(json_i64(entry, "at", 0) / 1000000);
	ASN1_TIME *time = ASN1_TIME_set(NULL, at);
	ASN1_ENUMERATED *reason = ASN1_ENUMERATED_new();
	bool ok = r && time && reason && BN_hex2bn(&bn, serial) > 0;
	ASN1_INTEGER *number = ok ? BN_to_ASN1_INTEGER(bn, NULL) : NULL;
	ok = ok && number && X509_REVOKED_set_serialNumber(r, number) == 1 &&
	     X509_REVOKED_set_revocationDate(r, time) == 1 &&
	     ASN1_ENUMERATED_set(reason, json_i64(entry, "reason", 0)) == 1 &&
	     X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, reason, 0, 0) == 1 &&
	     X509_CRL_add0_revoked(crl, r) == 1;
	BN_free(bn);
	ASN1_INTEGER_free(number);
	ASN1_TIME_free(time);
	ASN1_ENUMERATED_free(reason);
	return ok;
}

int crl_make(struct arena *a, const char *dir, enum pki_kind kind, int64_t made_us, int64_t hours,
    struct str *pem, struct err *err)
{
	struct pair ca;
	int rc = pair_load(a, dir, kind_names[kind], &ca, err);
	if (rc < 0)
		return rc;
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *from = ASN1_TIME_set(NULL, (time_t)(made_us / 1000000));
	ASN1_TIME *next = ASN1_TIME_set(NULL, (time_t)(made_us / 1000000 + hours * 3600));
	bool ok = crl && from && next && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
	          X509_CRL_set_issuer_name(crl, X509_get_subject_name(ca.cert)) == 1 &&
	          X509_CRL_set1_lastUpdate(crl, from) == 1 &&
	          X509_CRL_set1_nextUpdate(crl, next) == 1;
	json_t *list = json_object_get(revoked_load(a, dir), kind_names[kind]), *entry;
	const char *serial;
	json_object_foreach(list, serial, entry) ok = ok && add_revoked(crl, serial, entry);
	BIO *b = BIO_new(BIO_s_mem());
	ok = ok && X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, ca.key, EVP_sha256()) > 0 &&
	     PEM_write_bio_X509_CRL(b, crl) == 1;
	char *p = NULL;
	long n = BIO_get_mem_data(b, &p);
	*pem = (struct str){ok ? arena_strndup(a, p, (size_t)n) : NULL, ok ? (size_t)n : 0};
	X509_CRL_free(crl);
	ASN1_TIME_free(from);
	ASN1_TIME_free(next);
	return write_bio(a, arena_printf(a, "%s/%s.crl", dir, kind_names[kind]), b, ok, 0644, err);
}

/* --- signatures --- */

int card_sign(struct arena *a, const char *dir, const char *card, struct str content,
    struct str *cms, struct err *err)
{
	const unsigned flags = CMS_DETACHED | CMS_BINARY | CMS_NOSMIMECAP | CMS_CADES;
	struct pair p;
	int rc = pair_load(
	    a, arena_printf(a, "%s/cards/%s", dir, card), kind_names[PKI_SIGNATURE], &p, err);
	if (rc < 0)
		return rc;
	BIO *data = BIO_new_mem_buf(content.p, (int)content.n);
	CMS_ContentInfo *c = CMS_sign(p.cert, p.key, NULL, data, flags);
	unsigned char *der = NULL;
	int n = c ? i2d_CMS_ContentInfo(c, &der) : 0;
	if (n > 0) {
		char *copy = arena_alloc(a, (size_t)n);
		memcpy(copy, der, (size_t)n);
		*cms = (struct str){copy, (size_t)n};
	} else {
		rc = failed(err, "signature");
	}
	OPENSSL_free(der);
	CMS_ContentInfo_free(c);
	BIO_free(data);
	return rc;
}
