/* Master keys in files: of the operator ("file:keys/master.key", below the city's folder unless the
 * path is absolute) and those that systemd hands to the service ("credential:machi-master"). 64
 * hexadecimal digits, so that they can be printed and put into a safe. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "vault/private.h"

struct secret_bytes *key_of_hex(struct str text)
{
	uint8_t key[AEAD_KEY] = {0};
	text = str_trim(text);
	bool ok = text.n == 2 * sizeof(key);
	for (size_t i = 0; ok && i < text.n; i++) {
		char c = text.p[i];
		int digit = c >= '0' && c <= '9'   ? c - '0'
		            : c >= 'a' && c <= 'f' ? c - 'a' + 10
		            : c >= 'A' && c <= 'F' ? c - 'A' + 10
		                                   : -1;
		ok = digit >= 0;
		key[i / 2] = (uint8_t)(key[i / 2] << 4 | (digit & 15));
	}
	struct secret_bytes *out = ok ? secret_new(key, sizeof(key)) : NULL;
	bytes_wipe(key, sizeof(key));
	return out;
}

/* Others than the owner may not read it: what everybody of a machine can read is no secret. */
int key_file_check(int fd, const char *path, struct err *err)
{
	struct stat s;
	if (fstat(fd, &s) != 0)
		return err_set(err, ERR_IO, NULL, "%s: %s", path, strerror(errno));
	if (!S_ISREG(s.st_mode))
		return err_set(err, ERR_INPUT, "vault.file", "%s is no file", path);
	if (s.st_mode & (S_IRWXG | S_IRWXO))
		return err_set(err, ERR_DENIED, "vault.file",
		    "%s: others than its owner may read or change it (mode %03o); run: chmod 600 "
		    "%s",
		    path, (unsigned)(s.st_mode & 0777), path);
	if (s.st_uid != geteuid() && s.st_uid != 0)
		return err_set(err, ERR_DENIED, "vault.file",
		    "%s belongs to user %u; it must belong to the server's user or to root", path,
		    (unsigned)s.st_uid);
	return 0;
}

static int read_key(const char *path, bool strict, struct secret_bytes **out, struct err *err)
{
	char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_MISSING : ERR_IO, "vault.file", "%s: %s",
		    path, strerror(errno));
	int rc = strict ? key_file_check(fd, path, err) : 0;
	ssize_t n = rc == 0 ? read(fd, text, sizeof(text)) : 0;
	(void)close(fd); /* only read */
	if (rc < 0)
		return rc;
	*out = n > 0 ? key_of_hex((struct str){text, (size_t)n}) : NULL;
	bytes_wipe(text, sizeof(text));
	return *out ? 0
	            : err_set(err, ERR_INPUT, "vault.file",
	                  "%s is no master key: 64 hexadecimal digits are wanted", path);
}

/* In keys/ a master key is named so that backups leave it out: they take all other files there. */
static int file_path(
    struct arena *a, const char *words, const char *dir, const char **path, struct err *err)
{
	if (!words[0] || strstr(words, ".."))
		return err_set(err, ERR_INPUT, "vault.source", "file:%s is no path", words);
	*path = words[0] == '/' ? words : arena_printf(a, "%s/%s", dir, words);
	const char *keys = arena_printf(a, "%s/keys/", dir);
	if (str_starts(str_from(*path), keys) &&
	    strncmp(strrchr(*path, '/') + 1, "master", strlen("master")) != 0)
		return err_set(err, ERR_INPUT, "vault.source",
		    "file:%s: in keys/ its name must begin with \"master\", or backups would hold "
		    "it",
		    words);
	return 0;
}

static int file_open(struct master *m, const char *words, const char *dir, struct err *err)
{
	struct arena *a = arena_new();
	const char *path;
	int rc = file_path(a, words, dir, &path, err);
	if (rc == 0)
		rc = read_key(path, true, &m->key, err);
	arena_free(a);
	return rc;
}

/* link() makes the name only when there is none: of two that make a key at once one wins. */
static int write_key(struct arena *a, const char *path, struct err *err)
{
	struct secret_bytes *key = secret_random(AEAD_KEY);
	char hex[2 * AEAD_KEY + 2];
	struct buf b = {.p = hex, .cap = sizeof(hex)};
	buf_hex(&b, secret_at(key), AEAD_KEY);
	buf_putc(&b, '\n');
	const char *part = arena_printf(a, "%s.%s", path, random_token(a, 9));
	int rc = file_write(part, buf_to_str(&b), 0400, err);
	if (rc == 0 && link(part, path) != 0)
		rc = err_set(err, errno == EEXIST ? ERR_CONFLICT : ERR_IO, "vault.file", "%s: %s",
		    path, strerror(errno));
	(void)unlink(part); /* the name that link() gave stays */
	if (rc == 0)
		rc = file_sync_folder(path, err);
	bytes_wipe(hex, sizeof(hex));
	secret_free(key);
	return rc;
}

static int file_make(const char *words, const char *dir, struct err *err)
{
	struct arena *a = arena_new();
	const char *path, *slash;
	int rc = file_path(a, words, dir, &path, err);
	if (rc == 0 && (slash = strrchr(path, '/')) != path)
		rc = dir_make(str_dup(a, (struct str){path, (size_t)(slash - path)}), 0700, err);
	if (rc == 0)
		rc = write_key(a, path, err);
	arena_free(a);
	return rc;
}

static int key_seal(struct master *m, const uint8_t nonce[static AEAD_NONCE], struct str about,
    struct str plain, uint8_t *out, struct err *err)
{
	(void)err;
	aead_seal_with(m->key, nonce, &about, 1, plain, out);
	return 0;
}

static int key_unseal(struct master *m, struct str about, struct str sealed,
    struct secret_bytes **out, struct err *err)
{
	*out = aead_open(m->key, &about, 1, sealed);
	return *out ? 0
	            : err_set(err, ERR_STORE, "vault.damaged",
	                  "%s does not open a key that it should have wrapped", m->source);
}

static void key_close(struct master *m)
{
	secret_free(m->key);
	m->key = NULL;
}

const struct master_kind master_file = {
    .scheme = "file:",
    .open = file_open,
    .make = file_make,
    .seal = key_seal,
    .unseal = key_unseal,
    .close = key_close,
};

/* --- systemd.exec(5), "Credentials": only this service can read the folder --- */

static int credential_open(struct master *m, const char *words, const char *dir, struct err *err)
{
	(void)dir;
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	if (!folder || !words[0] || strchr(words, '/') || words[0] == '.')
		return err_set(err, folder ? ERR_INPUT : ERR_MISSING, "vault.source",
		    folder ? "credential:%s is no name"
		           : "credential:%s: there is no $CREDENTIALS_DIRECTORY; say "
		             "LoadCredential= in "
		             "the service",
		    words);
	struct arena *a = arena_new();
	int rc = read_key(arena_printf(a, "%s/%s", folder, words), false, &m->key, err);
	arena_free(a);
	return rc;
}

static int credential_make(const char *words, const char *dir, struct err *err)
{
	(void)dir;
	return err_set(err, ERR_INPUT, "vault.source",
	    "credential:%s is made by whoever runs the service: openssl rand -hex 32", words);
}

const struct master_kind master_credential = {
    .scheme = "credential:",
    .open = credential_open,
    .make = credential_make,
    .seal = key_seal,
    .unseal = key_unseal,
    .close = key_close,
};
