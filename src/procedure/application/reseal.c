/* 個人番号 under another key: a walk over the applications, each with all places where its answers
 * stand. What the journal says of an application covers them, so each change is an entry. */
#include "procedure/application/life.h"

#include "base/json.h"
#include "vault/vault.h"

struct resealing {
	struct vault_pass *pass;
	struct err *err;
	int rc;
	bool changed;
};

/* A sealed number is an object of this one member, whatever the definition has become since. */
static void reseal(struct resealing *r, json_t *v)
{
	const char *sealed = json_object_size(v) == 1 ? json_text(v, "sealed") : NULL, *key, *fresh;
	json_t *item;
	size_t i;
	if (sealed && r->rc >= 0) {
		r->rc = vault_again(r->pass, str_from(sealed), number_context, &fresh, r->err);
		if (r->rc > 0)
			json_object_set_new(v, "sealed", json_string(fresh));
		r->changed |= r->rc > 0;
		return;
	}
	json_object_foreach(v, key, item) reseal(r, item);
	json_array_foreach(v, i, item) reseal(r, item);
}

/* 1: *text is another one. */
static int reseal_text(struct vault_pass *p, const char **text, struct err *err)
{
	struct resealing r = {.pass = p, .err = err};
	json_t *answers;
	if (!strstr(*text, "\"sealed\""))
		return 0;
	int rc = json_of_text(*text, &answers, err);
	if (rc < 0)
		return rc;
	reseal(&r, answers);
	if (r.changed)
		*text = json_canonical_text(p->arena, answers);
	json_decref(answers);
	return r.rc < 0 ? r.rc : r.changed;
}

static int reseal_versions(struct vault_pass *p, const struct app_row *row, struct err *err)
{
	struct version {
		int64_t revision;
		const char *answers;
		struct version *next;
	} *all = NULL;
	struct rows *r = db_query(p->db, err, &life_sql[SQL_VERSION_DIGEST], "i", row->id);
	int rc = r ? 0 : -(int)ERR_STORE, changed = 0;
	while (r && (rc = rows_next(r)) > 0) {
		struct version *v = arena_new_of(p->arena, struct version);
		*v = (struct version){rows_i64(r, 0), rows_dup(r, 3, p->arena), all};
		all = v;
	}
	rows_end(r);
	for (struct version *v = all; v && rc >= 0; v = v->next) {
		rc = reseal_text(p, &v->answers, err);
		changed |= rc > 0;
		if (rc > 0)
			rc = db_later(p->db, err, &life_sql[SQL_VERSION_RESEAL], "iit", row->id,
			    v->revision, v->answers);
	}
	return rc < 0 ? rc : changed;
}

static int reseal_correction(struct vault_pass *p, const struct app_row *row, struct err *err)
{
	char *text;
	int rc = db_get_text(
	    p->db, err, p->arena, &text, &life_sql[SQL_CORRECTION_DRAFT_GET], "i", row->id);
	if (rc <= 0)
		return rc;
	const char *answers = text;
	int changed = reseal_text(p, &answers, err);
	if (changed <= 0)
		return changed;
	rc = db_later(p->db, err, &life_sql[SQL_CORRECTION_DRAFT_RESEAL], "it", row->id, answers);
	return rc < 0 ? rc : 1;
}

/* Signed were the answers as they stood: they are the same ones still. The package keeps what was
 * signed to the letter. */
static int reseal_signature(
    struct vault_pass *p, const struct app_row *row, const char *before, struct err *err)
{
	struct app_signature s;
	int rc = app_signature_find(p->db, p->arena, row->id, &s, err);
	if (rc <= 0 ||
	    !app_signature_fits(p->arena, &s,
	        app_signature_document(p->arena, row->id, row->procedure, row->version, before)))
		return rc < 0 ? rc : 0;
	return db_later(p->db, err, &life_sql[SQL_SIGNATURE_RESEAL], "it", row->id,
	    app_signature_digest(p->arena, app_signature_document(p->arena, row->id, row->procedure,
	                                       row->version, row->answers)));
}

static int reseal_row(struct vault_pass *p, struct app_row *row, struct err *err)
{
	const char *before = row->answers;
	int own = reseal_text(p, &row->answers, err), kids = 0, rc = own;
	if (own > 0)
		rc = db_later(p->db, err, &life_sql[SQL_ROW_RESEAL], "it", row->id, row->answers);
	if (rc >= 0 && (row->kids & KID_VERSION)) {
		rc = reseal_versions(p, row, err);
		kids |= rc > 0;
	}
	if (rc >= 0 && (row->kids & KID_CORRECTION_DRAFT)) {
		rc = reseal_correction(p, row, err);
		kids |= rc > 0;
	}
	if (rc >= 0 && own > 0 && (row->kids & KID_SIGNATURE))
		rc = reseal_signature(p, row, before, err);
	if (rc < 0 || (own == 0 && !kids))
		return rc < 0 ? rc : 0;
	return row_journal(p->db, p->arena, &app_system, row, "application.resealed", NULL, err);
}

static int number_next(struct vault_pass *p, struct err *err)
{
	struct app_row **all = arena_array(p->arena, (size_t)p->limit, sizeof(*all));
	struct rows *r =
	    db_query(p->db, err, &life_sql[SQL_ROW_AFTER], "ii", p->after, (int64_t)p->limit);
	int n = 0, rc = r ? 0 : -(int)ERR_STORE;
	while (r && n < p->limit && (rc = rows_next(r)) > 0)
		all[n++] = row_read(p->arena, r, true);
	rows_end(r);
	p->end = n < p->limit;
	for (int i = 0; i < n && rc >= 0; i++) {
		rc = reseal_row(p, all[i], err);
		p->last = all[i]->id;
	}
	return rc < 0 ? rc : 0;
}

const struct protects number_protects = {
    .name = "application.my_number",
    .where = "application.answers, answer_version.answers, correction_draft.answers",
    .what = "application.key.my_number",
    .former = "my-number.key",
    .next = number_next,
    .top = &life_sql[SQL_ROW_TOP],
};
