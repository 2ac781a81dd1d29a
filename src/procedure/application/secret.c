/* 個人番号 in answers: sealed before it is stored, so that neither the database file, nor an
 * export, nor a log shows it. */
#include "procedure/application/life.h"

#include "base/json.h"
#include "vault/vault.h"

/* Which kind of field a sealed text belongs to; another kind's cannot be put in its place. That it
 * stands in another application's row, the journal's digest shows. */
const struct str number_context = {"application.my_number", sizeof("application.my_number") - 1};

struct secrets {
	struct db *db;
	int rc;
	struct err *err;
};

static json_t *seal_value(void *arg, const json_t *value)
{
	struct secrets *s = arg;
	struct buf b = {0};
	if (s->rc == 0)
		s->rc = vault_seal(s->db, &number_protects, str_from(json_string_value(value)),
		    number_context, &b, s->err);
	json_t *out = s->rc == 0 ? json_pack("{s:s}", "sealed", b.p) : json_null();
	buf_free(&b);
	return out;
}

static json_t *unseal_value(void *arg, const json_t *value)
{
	struct secrets *s = arg;
	struct secret_bytes *plain = NULL;
	if (s->rc == 0)
		s->rc = vault_open(s->db, &number_protects, str_from(json_text(value, "sealed")),
		    number_context, &plain, s->err);
	json_t *out =
	    plain ? json_stringn((const char *)secret_at(plain), secret_size(plain)) : json_null();
	secret_free(plain);
	return out;
}

static int secrets(
    struct db *db, const struct procedure *proc, json_t *answers, bool open, struct err *err)
{
	struct secrets s = {.db = db, .err = err};
	form_secrets(proc, answers, open, open ? unseal_value : seal_value, &s);
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
