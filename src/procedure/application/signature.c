/* Signatures of applications with the signature certificate of the My Number Card.
 *
 *   1. What is signed is a document of its own, in canonical form (RFC 8785): the answers as they
 *      are stored, with the SHA-256 of each attachment, number and version of the procedure.
 *   2. A signature counts for these answers only: another answer or file makes another document,
 * and it has to be signed anew. app_submit() compares in the write.
 *   3. Everything that proves it is kept as one package, a tar that openssl verifies
 *      (procedure/README.md). */
#include "procedure/application/life.h"

#include "base/json.h"
#include "base/secret.h"

int procedure_signature(const struct procedure *p)
{
	const char *word = json_text(procedure_json(p), "signature");
	return text_eq(word, "required") ? 2 : text_eq(word, "allowed") ? 1 : 0;
}

static void list_files(const json_t *v, json_t *out)
{
	const char *key;
	json_t *item;
	size_t i;
	if (json_text(v, "blob")) /* named by its SHA-256 */
		json_array_append_new(
		    out, json_pack("{s:s, s:s}", "name", json_text_or(v, "name", ""), "sha256",
		             json_text(v, "blob")));
	json_object_foreach((json_t *)v, key, item) list_files(item, out);
	json_array_foreach(v, i, item) list_files(item, out);
}

struct str app_signature_document(struct arena *a, int64_t id, const char *procedure,
    const char *version, const char *answers_text)
{
	json_t *answers = json_loads(answers_text, 0, NULL), *files = json_array();
	list_files(answers, files);
	json_t *document =
	    json_on_arena(a, json_pack("{s:I, s:s, s:s, s:o, s:o}", "application", (json_int_t)id,
	                         "procedure", procedure, "version", version, "answers",
	                         answers ? answers : json_object(), "attachments", files));
	return str_from(json_canonical_text(a, document));
}

const char *app_signature_digest(struct arena *a, struct str document)
{
	uint8_t hash[HASH_SIZE];
	struct buf b;
	buf_init(&b, a);
	hash_sha256(&document, 1, hash);
	buf_hex(&b, hash, sizeof(hash));
	return b.p;
}

int app_signature_find(
    struct db *db, struct arena *a, int64_t id, struct app_signature *out, struct err *err)
{
	struct rows *r = db_query(db, err, &life_sql[SQL_SIGNATURE_GET], "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		out->digest = rows_dup(r, 0, a);
		out->summary = json_on_arena(a, json_loads(rows_dup(r, 1, a), 0, NULL));
		out->signed_us = rows_i64(r, 2);
	}
	rows_end(r);
	return rc;
}

bool app_signature_fits(struct arena *a, const struct app_signature *s, struct str document)
{
	return strcmp(s->digest, app_signature_digest(a, document)) == 0;
}

int app_signature_package(
    struct db *db, struct arena *a, int64_t id, struct str *tar, struct err *err)
{
	char *text;
	int rc = db_get_text(db, err, a, &text, &life_sql[SQL_SIGNATURE_PACKAGE], "i", id);
	if (rc <= 0)
		return rc;
	size_t room = strlen(text), n = 0;
	char *bytes = arena_alloc(a, room);
	if (!base64url_decode(str_from(text), bytes, room, &n))
		return err_set(
		    err, ERR_INTERNAL, NULL, "application %" PRId64 ": broken package", id);
	*tar = (struct str){bytes, n};
	return 1;
}

int app_signature_set(struct db *db, struct arena *a, const struct app_actor *actor, int64_t id,
    struct str document, struct str tar, const json_t *summary, struct err *err)
{
	struct app_row *r;
	int rc = row_load(db, a, id, true, &r, err);
	if (rc < 0)
		return rc;
	if (row_state(r) != APP_DRAFT || !actor_owns(db, actor, r))
		return err_set(err, ERR_CONFLICT, "application.wrong_state", "%s", r->state);
	struct buf b;
	buf_init(&b, a);
	buf_base64url(&b, tar.p, tar.n);
	const char *digest = app_signature_digest(a, document);
	int64_t n = db_run(db, err, &life_sql[SQL_SIGNATURE_PUT], "ittti", id, digest, b.p,
	    json_canonical_text(a, summary), now_us());
	if (n < 0)
		return (int)n;
	r->kids |= KID_SIGNATURE;
	return row_changed(
	    db, a, actor, r, "application.signed", json_pack("{s:s}", "digest", digest), err);
}

/* Inside the submission: is what was signed what is sent? A signature that was not asked for and is
 * of other answers is worth nothing, and goes. */
int signature_check(struct db *db, struct arena *a, const struct procedure *proc, struct app_row *r,
    struct err *err)
{
	struct app_signature s;
	int wanted = strcmp(r->channel, "online") == 0 ? procedure_signature(proc) : 0;
	int rc = wanted ? app_signature_find(db, a, r->id, &s, err) : 0;
	if (rc < 0 || !wanted || (rc == 0 && wanted < 2))
		return rc;
	if (rc > 0 && app_signature_fits(a, &s,
	                  app_signature_document(a, r->id, r->procedure, r->version, r->answers)))
		return 0;
	if (wanted == 2)
		return err_field(err, ERR_INPUT, "signature",
		    rc > 0 ? "application.signature.anew" : "application.signature.needed",
		    "not signed");
	r->kids &= ~(int64_t)KID_SIGNATURE;
	int64_t n = db_run(db, err, &life_sql[SQL_SIGNATURE_DROP], "i", r->id);
	return n < 0 ? (int)n : 0;
}
