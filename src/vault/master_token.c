/* Master keys that never leave a token: "pkcs11:token=city;object=machi?module-path=…&pin-source=…"
 * (RFC 7512), found by p11-kit among the modules that the system knows, or in the one of the URI.
 * The token encrypts and decrypts with CKM_AES_GCM; the PIN is in a file or a credential, never in
 * the URI, which stands in settings and lists of processes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include "base/file.h"
#include "vault/private.h"

enum { SLOTS_MAX = 64, PIN_MAX = 256 };

struct master_token {
	CK_FUNCTION_LIST **modules; /* those of the system; NULL: one alone */
	CK_FUNCTION_LIST *alone, *used;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
};

static int failed(struct err *err, enum err_kind kind, const char *what, CK_RV rv)
{
	return (err_set)(err, kind, "vault.token", "PKCS#11: %s: %s", what, p11_kit_strerror(rv));
}

/* --- the PIN --- */

static int pin_path(struct arena *a, const char *source, const char **path, struct err *err)
{
	static const char file[] = "file:", credential[] = "credential:";
	if (strncmp(source, file, sizeof(file) - 1) == 0)
		source += sizeof(file) - 1;
	*path = source;
	if (strncmp(source, credential, sizeof(credential) - 1) == 0) {
		const char *folder = getenv("CREDENTIALS_DIRECTORY"),
		           *name = source + sizeof(credential) - 1;
		*path = folder && !strchr(name, '/') && name[0] != '.'
		            ? arena_printf(a, "%s/%s", folder, name)
		            : "";
	}
	if ((*path)[0] == '/')
		return 0;
	return err_set(err, ERR_INPUT, "vault.token",
	    "PKCS#11: pin-source is file:/PATH or credential:NAME, not \"%.60s\"", source);
}

static int pin_read(struct arena *a, P11KitUri *uri, struct secret_bytes **out, struct err *err)
{
	const char *source = p11_kit_uri_get_pin_source(uri), *path;
	char text[PIN_MAX];
	*out = NULL;
	if (p11_kit_uri_get_pin_value(uri))
		return err_set(err, ERR_INPUT, "vault.token",
		    "PKCS#11: no pin-value in a setting; say pin-source=file:/PATH");
	if (!source)
		return 0; /* a token that wants none */
	int rc = pin_path(a, source, &path, err);
	if (rc < 0)
		return rc;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, ERR_IO, "vault.token", "PKCS#11: no PIN in %s", path);
	if (!str_starts(str_from(source), "credential:"))
		rc = key_file_check(fd, path, err);
	ssize_t n = rc == 0 ? read(fd, text, sizeof(text)) : 0;
	(void)close(fd); /* only read */
	struct str pin = str_trim((struct str){text, n > 0 ? (size_t)n : 0});
	if (rc == 0)
		*out = secret_new(pin.p, pin.n);
	bytes_wipe(text, sizeof(text));
	return rc;
}

/* --- the token and its key --- */

static int modules_open(struct master_token *t, P11KitUri *uri, struct err *err)
{
	const char *path = p11_kit_uri_get_module_path(uri);
	if (path) {
		t->alone = p11_kit_module_load(path, P11_KIT_MODULE_CRITICAL);
		if (!t->alone)
			return err_set(err, ERR_INPUT, "vault.token", "PKCS#11: %s: %s", path,
			    p11_kit_message() ? p11_kit_message() : "cannot be loaded");
		CK_RV rv = p11_kit_module_initialize(t->alone);
		if (rv == CKR_OK)
			return 0;
		p11_kit_module_release(t->alone);
		t->alone = NULL;
		return failed(err, ERR_IO, path, rv);
	}
	t->modules = p11_kit_modules_load_and_initialize(0);
	return t->modules ? 0
	                  : err_set(err, ERR_IO, "vault.token", "PKCS#11: %s", p11_kit_message());
}

static void token_free(struct master_token *t)
{
	if (!t)
		return;
	if (t->session)
		(void)t->used->C_CloseSession(t->session); /* the end */
	if (t->modules)
		p11_kit_modules_finalize_and_release(t->modules);
	if (t->alone) {
		(void)p11_kit_module_finalize(t->alone); /* the end */
		p11_kit_module_release(t->alone);
	}
	free(t);
}

/* A slot of the module whose token is the URI's. */
static bool slot_find(CK_FUNCTION_LIST *m, P11KitUri *uri, CK_SLOT_ID *slot)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	if (m->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return false;
	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;
		if (m->C_GetTokenInfo(slots[i], &info) == CKR_OK &&
		    (info.flags & CKF_TOKEN_INITIALIZED) &&
		    p11_kit_uri_match_token_info(uri, &info)) {
			*slot = slots[i];
			return true;
		}
	}
	return false;
}

static int session_open(
    struct master_token *t, P11KitUri *uri, bool write, struct secret_bytes *pin, struct err *err)
{
	CK_SLOT_ID slot;
	CK_FUNCTION_LIST *one[] = {t->alone, NULL}, **list = t->alone ? one : t->modules;
	while (*list && !slot_find(*list, uri, &slot))
		list++;
	if (!*list)
		return err_set(
		    err, ERR_MISSING, "vault.token", "PKCS#11: no token is the one of keys.master");
	t->used = *list;
	CK_RV rv = t->used->C_OpenSession(
	    slot, CKF_SERIAL_SESSION | (write ? CKF_RW_SESSION : 0), NULL, NULL, &t->session);
	if (rv != CKR_OK)
		return failed(err, ERR_IO, "no session", rv);
	if (!pin)
		return 0;
	rv = t->used->C_Login(
	    t->session, CKU_USER, (unsigned char *)secret_at(pin), secret_size(pin));
	return rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN
	           ? 0
	           : failed(err, ERR_DENIED, "PIN", rv);
}

/* 1, 0 when there is none, <0. */
static int key_find(struct master_token *t, P11KitUri *uri, struct err *err)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_AES;
	CK_ATTRIBUTE want[4] = {
	    {CKA_CLASS, &class, sizeof(class)}, {CKA_KEY_TYPE, &type, sizeof(type)}};
	CK_ULONG nwant = 2, found = 0;
	static const CK_ATTRIBUTE_TYPE names[] = {CKA_LABEL, CKA_ID};
	for (size_t i = 0; i < COUNT(names); i++) {
		CK_ATTRIBUTE *a = p11_kit_uri_get_attribute(uri, names[i]);
		if (a)
			want[nwant++] = *a;
	}
	if (nwant == 2)
		return err_set(err, ERR_INPUT, "vault.token",
		    "PKCS#11: the URI names no key; say object=NAME");
	CK_OBJECT_HANDLE keys[2];
	CK_RV rv = t->used->C_FindObjectsInit(t->session, want, nwant);
	if (rv == CKR_OK) {
		rv = t->used->C_FindObjects(t->session, keys, COUNT(keys), &found);
		(void)t->used->C_FindObjectsFinal(t->session); /* only looked */
	}
	if (rv != CKR_OK)
		return failed(err, ERR_IO, "no key", rv);
	if (found > 1)
		return err_set(
		    err, ERR_INPUT, "vault.token", "PKCS#11: several keys fit the URI; say id=…");
	t->key = found ? keys[0] : 0;
	return found > 0;
}

/* A session on the URI's token. *out is for token_free(), also when it fails. */
static int token_open(
    const char *words, bool write, P11KitUri **uri, struct master_token **out, struct err *err)
{
	struct arena *a = arena_new();
	struct secret_bytes *pin = NULL;
	struct master_token *t = calloc(1, sizeof(*t));
	*uri = p11_kit_uri_new();
	if (!t || !*uri)
		abort();
	*out = t;
	int rc = p11_kit_uri_parse(arena_printf(a, "pkcs11:%s", words),
	             P11_KIT_URI_FOR_OBJECT_ON_TOKEN_AND_MODULE, *uri) == P11_KIT_URI_OK
	             ? 0
	             : err_set(err, ERR_INPUT, "vault.token", "keys.master: no PKCS#11 URI");
	if (rc == 0)
		rc = pin_read(a, *uri, &pin, err);
	if (rc == 0)
		rc = modules_open(t, *uri, err);
	if (rc == 0)
		rc = session_open(t, *uri, write, pin, err);
	secret_free(pin);
	arena_free(a);
	return rc;
}

static int pkcs11_open(struct master *m, const char *words, const char *dir, struct err *err)
{
	(void)dir;
	P11KitUri *uri;
	int rc = token_open(words, false, &uri, &m->token, err);
	if (rc == 0)
		rc = key_find(m->token, uri, err);
	p11_kit_uri_free(uri);
	return rc == 0
	           ? err_set(err, ERR_MISSING, "vault.token", "PKCS#11: no such key on the token")
	       : rc < 0 ? rc
	                : 0;
}

/* Made by the token, and not to be taken out of it. */
static CK_RV key_generate(struct master_token *t, P11KitUri *uri)
{
	CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, NULL, 0};
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_ULONG size = AEAD_KEY;
	CK_ATTRIBUTE want[10] = {{CKA_TOKEN, &yes, sizeof(yes)}, {CKA_PRIVATE, &yes, sizeof(yes)},
	    {CKA_SENSITIVE, &yes, sizeof(yes)}, {CKA_EXTRACTABLE, &no, sizeof(no)},
	    {CKA_ENCRYPT, &yes, sizeof(yes)}, {CKA_DECRYPT, &yes, sizeof(yes)},
	    {CKA_VALUE_LEN, &size, sizeof(size)}};
	CK_ULONG n = 7;
	static const CK_ATTRIBUTE_TYPE names[] = {CKA_LABEL, CKA_ID};
	for (size_t i = 0; i < COUNT(names); i++) {
		CK_ATTRIBUTE *a = p11_kit_uri_get_attribute(uri, names[i]);
		if (a)
			want[n++] = *a;
	}
	return t->used->C_GenerateKey(t->session, &mechanism, want, n, &t->key);
}

static int pkcs11_make(const char *words, const char *dir, struct err *err)
{
	(void)dir;
	P11KitUri *uri;
	struct master_token *t;
	int rc = token_open(words, true, &uri, &t, err);
	if (rc == 0)
		rc = key_find(t, uri, err);
	if (rc > 0)
		rc = err_set(err, ERR_CONFLICT, "vault.token", "PKCS#11: there is such a key");
	else if (rc == 0) {
		CK_RV rv = key_generate(t, uri);
		rc = rv == CKR_OK ? 0 : failed(err, ERR_IO, "no key could be made", rv);
	}
	token_free(t);
	p11_kit_uri_free(uri);
	return rc;
}

/* --- wrapping --- */

static CK_GCM_PARAMS gcm_of(const uint8_t *nonce, struct str about)
{
	return (CK_GCM_PARAMS){.iv_ptr = (unsigned char *)nonce,
	    .iv_len = AEAD_NONCE,
	    .iv_bits = AEAD_NONCE * 8,
	    .aad_ptr = (unsigned char *)about.p,
	    .aad_len = about.n,
	    .tag_bits = AEAD_TAG * 8};
}

static int pkcs11_seal(struct master *m, const uint8_t nonce[static AEAD_NONCE], struct str about,
    struct str plain, uint8_t *out, struct err *err)
{
	struct master_token *t = m->token;
	CK_GCM_PARAMS gcm = gcm_of(nonce, about);
	CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof(gcm)};
	CK_ULONG n = plain.n + AEAD_TAG;
	CK_RV rv = t->used->C_EncryptInit(t->session, &mechanism, t->key);
	if (rv == CKR_OK)
		rv = t->used->C_Encrypt(
		    t->session, (unsigned char *)plain.p, plain.n, out + AEAD_NONCE, &n);
	if (rv != CKR_OK || n != plain.n + AEAD_TAG)
		return failed(err, ERR_IO, "AES-GCM", rv);
	memcpy(out, nonce, AEAD_NONCE);
	return 0;
}

static int pkcs11_unseal(struct master *m, struct str about, struct str sealed,
    struct secret_bytes **out, struct err *err)
{
	struct master_token *t = m->token;
	uint8_t plain[AEAD_KEY + AEAD_EXTRA];
	CK_GCM_PARAMS gcm = gcm_of((const uint8_t *)sealed.p, about);
	CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof(gcm)};
	CK_ULONG n = sizeof(plain);
	CK_RV rv = sealed.n <= sizeof(plain)
	               ? t->used->C_DecryptInit(t->session, &mechanism, t->key)
	               : CKR_ENCRYPTED_DATA_LEN_RANGE;
	if (rv == CKR_OK)
		rv = t->used->C_Decrypt(t->session, (unsigned char *)sealed.p + AEAD_NONCE,
		    sealed.n - AEAD_NONCE, plain, &n);
	if (rv == CKR_OK)
		*out = secret_new(plain, n);
	bytes_wipe(plain, sizeof(plain));
	return rv == CKR_OK
	           ? 0
	           : failed(err, ERR_STORE, "does not open a key that it should have wrapped", rv);
}

static void pkcs11_close(struct master *m)
{
	token_free(m->token);
	m->token = NULL;
}

const struct master_kind master_pkcs11 = {
    .scheme = "pkcs11:",
    .open = pkcs11_open,
    .make = pkcs11_make,
    .seal = pkcs11_seal,
    .unseal = pkcs11_unseal,
    .close = pkcs11_close,
};
