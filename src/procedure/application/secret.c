/* 個人番号 in answers: sealed before it is stored, so that neither the database file, nor an
 * export, nor a log shows it. The key is a file beside the store, <dir>/keys/my-number.key. */
#include "procedure/application/life.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secret.h"

enum { KEY_SIZE = 32 };

/* Which kind of field a sealed text belongs to; another kind's cannot be put in its place. */
static const char context[] = "application.my_number";

static int key_read(int fd, const char *path, struct secret_bytes **out, struct err *err)
{
	unsigned char key[KEY_SIZE];
	ssize_t n = read(fd, key, sizeof(key));
	if (n != KEY_SIZE)
		return err_set(err, ERR_IO, NULL, "%s: %zd bytes, errno %d", path, n, errno);
	*out = secret_new(key, sizeof(key));
	bytes_wipe(key, sizeof(key));
	return 0;
}

/* link() makes the name only when there is none: of two that make a key at once one wins, and both
 * read the winner's. */
static int key_make(struct arena *a, const char *dir, const char *path, struct err *err)
{
	struct secret_bytes *fresh = secret_random(KEY_SIZE);
	const char *part = arena_printf(a, "%s.%s", path, random_token(a, 9));
	int rc = dir_make(dir, 0700, err);
	if (rc == 0)
		rc = file_write(
		    part, (struct str){(const char *)secret_at(fresh), KEY_SIZE}, 0400, err);
	if (rc == 0 && link(part, path) != 0 && errno != EEXIST)
		rc = err_set(err, ERR_IO, NULL, "%s: errno %d", path, errno);
	(void)unlink(part); /* the name that link() gave stays */
	secret_free(fresh);
	return rc;
}

static int key_get(struct db *db, struct secret_bytes **out, struct err *err)
{
	struct arena *a = arena_new();
	const char *dir = arena_printf(a, "%s/keys", store_dir(db_store(db)));
	const char *path = arena_printf(a, "%s/my-number.key", dir);
	int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && (rc = key_make(a, dir, path, err)) == 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (rc == 0)
		rc = fd < 0 ? err_set(err, ERR_IO, NULL, "%s: errno %d", path, errno)
		            : key_read(fd, path, out, err);
	if (fd >= 0)
		(void)close(fd); /* only read from */
	arena_free(a);
	return rc;
}

struct secrets {
	struct db *db;
	struct secret_bytes *key; /* read when the first number is met */
	int rc;
	struct err *err;
};

static bool secrets_ready(struct secrets *s)
{
	if (!s->key && s->rc == 0)
		s->rc = key_get(s->db, &s->key, s->err);
	return s->rc == 0;
}

static json_t *seal_value(void *arg, const json_t *value)
{
	struct secrets *s = arg;
	struct buf b = {0};
	if (!secrets_ready(s))
		return json_null();
	field_seal(&b, s->key, str_from(json_string_value(value)),
	    (struct str){context, sizeof(context) - 1});
	json_t *out = json_pack("{s:s}", "sealed", b.p);
	buf_free(&b);
	return out;
}

static json_t *unseal_value(void *arg, const json_t *value)
{
	struct secrets *s = arg;
	if (!secrets_ready(s))
		return json_null();
	struct secret_bytes *plain =
	    field_open(s->key, str_from(json_string_value(json_object_get(value, "sealed"))),
	        (struct str){context, sizeof(context) - 1});
	if (!plain) {
		s->rc = err_set(s->err, ERR_STORE, NULL, "a sealed number does not open");
		return json_null();
	}
	json_t *out = json_stringn((const char *)secret_at(plain), secret_size(plain));
	secret_free(plain);
	return out;
}

static int secrets(
    struct db *db, const struct procedure *proc, json_t *answers, bool open, struct err *err)
{
	struct secrets s = {.db = db, .err = err};
	form_secrets(proc, answers, open, open ? unseal_value : seal_value, &s);
	secret_free(s.key);
	return s.rc;
}

int answers_seal(struct db *db, const struct procedure *proc, json_t *answers, struct err *err)
{
	return secrets(db, proc, answers, false, err);
}

int answers_sealed(
    struct db *db, const struct procedure *proc, json_t *answers, json_t **out, struct err *err)
{
	if (!answers)
		*out = json_object();
	else
		*out = form_has_secrets(proc) ? json_deep_copy(answers) : json_incref(answers);
	int rc = answers_seal(db, proc, *out, err);
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

int answers_unseal(struct db *db, const struct procedure *proc, json_t *answers, struct err *err)
{
	return secrets(db, proc, answers, true, err);
}

int app_unseal(
    struct db *db, const struct procedure *proc, json_t *answers, json_t **plain, struct err *err)
{
	*plain = json_deep_copy(answers);
	int rc = answers_unseal(db, proc, *plain, err);
	if (rc < 0) {
		json_decref(*plain);
		*plain = NULL;
	}
	return rc;
}
