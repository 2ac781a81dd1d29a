/* /verify: is this document genuine? Anyone may ask; the answer has no personal data: the kind of
 * document, its number, the day of issue, whether it is still valid, the hash of its file, and the
 * proof that the journal has it. */
#include <string.h>
#include <unistd.h>

#include "document/issue.h"
#include "document/pages.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

/* --- the hash of an uploaded file --- */

/* Streamed; the file may be large. */
static int hash_upload(const struct upload *u, char out[HASH_SIZE * 2 + 1], struct err *err)
{
	unsigned char part[65536], hash[SHA256_DIGEST_LENGTH];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	ssize_t n = -1;
	bool ok = md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;
	for (off_t at = 0; ok && (n = pread(u->fd, part, sizeof(part), at)) > 0; at += n)
		ok = EVP_DigestUpdate(md, part, (size_t)n) == 1;
	ok = ok && n == 0 && EVP_DigestFinal_ex(md, hash, NULL) == 1;
	EVP_MD_CTX_free(md);
	if (!ok)
		return err_set(err, ERR_IO, NULL, "reading the upload");
	struct buf b = {.p = out, .cap = HASH_SIZE * 2 + 1};
	buf_hex(&b, hash, sizeof(hash));
	return 0;
}

static bool is_hash(const char *text)
{
	return text && strlen(text) == HASH_SIZE * 2 &&
	       strspn(text, "0123456789abcdef") == HASH_SIZE * 2;
}

/* --- the form --- */

static void put_form(struct request *rq, const char *code)
{
	json_object_set_new(rq->view, "code",
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:b}", "id", "code", "name", "code", "label",
	        rq_tr(rq, "document.verify.code"), "help", rq_tr(rq, "document.verify.code.help"),
	        "value", code ? code : "", "width", 20, "is_text", 1));
	json_object_set_new(rq->view, "pdf",
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:b}", "id", "pdf", "name", "pdf", "label",
	        rq_tr(rq, "document.verify.file"), "help", rq_tr(rq, "document.verify.file.help"),
	        "accept", ".pdf", "can_add", 1, "single", 1, "is_file", 1));
}

/* The form once more; field is "code" or "pdf". */
static int not_found(
    struct request *rq, int status, const char *field, const char *msgkey, const char *code)
{
	put_form(rq, code);
	rq->template = "document/verify";
	rq_problem(rq, field, msgkey, NULL);
	rq->status = status;
	json_object_set_new(
	    json_object_get(rq->view, field), "problem", json_string(rq_tr(rq, msgkey)));
	return 0;
}

/* --- one document --- */

static void put_document(struct request *rq, const struct document *d)
{
	json_object_set_new(rq->view, "document",
	    json_pack("{s:s,s:s,s:s,s:s?,s:I,s:b,s:I,s:s,s:s,s:I,s:b}", "code", d->code,
	        "code_text", document_code_text(rq->arena, d->code), "title", d->title, "number",
	        d->number, "issued", (json_int_t)d->issued_us, "valid", !d->revoked, "revoked_at",
	        (json_int_t)d->revoked_us, "kind", d->kind, "sha256", d->blob, "size",
	        (json_int_t)d->size, "kept", d->size > 0));
	if (!d->revoked)
		json_object_del(json_object_get(rq->view, "document"), "revoked_at");
}

/* The journal's entries about the document, each with its proof against the head. */
static int put_proofs(struct request *rq, struct db *db, const struct document *d, struct err *err)
{
	struct journal_entry *entries;
	struct tree_head head;
	json_t *head_view, *list = json_array();
	const char *subject = arena_printf(rq->arena, "document:%s", d->blob);
	json_object_set_new(rq->view, "entries", list);
	int n = journal_of(db, rq->arena, subject, &entries, err);
	int rc = n < 0 ? n : journal_head_view(rq, &head, &head_view, err);
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "head", head_view);
	for (int i = 0; i < n; i++) {
		unsigned char(*path)[HASH_SIZE];
		int length;
		json_t *entry;
		bool shown = text_eq(entries[i].verb, "document.issued") ||
		             text_eq(entries[i].verb, "document.revoked");
		if (!shown || entries[i].leaf < 0 || entries[i].leaf >= head.size)
			continue; /* gets its place in the tree in a moment */
		rc = journal_entry_view(rq, db, entries[i].leaf, &entry, err);
		if (rc < 0)
			return rc;
		rc = journal_inclusion(
		    db, rq->arena, entries[i].leaf, head.size, &path, &length, err);
		if (rc < 0) {
			json_decref(entry);
			return rc;
		}
		json_object_set_new(entry, "verb", json_string(entries[i].verb));
		json_object_set_new(entry, "at", json_integer((json_int_t)entries[i].at_us));
		json_object_set_new(entry, "path", path_view(path, length));
		json_object_set_new(entry, "is_revocation",
		    json_boolean(text_eq(entries[i].verb, "document.revoked")));
		json_array_append_new(list, entry);
	}
	json_object_set_new(rq->view, "is_recorded", json_boolean(json_array_size(list) > 0));
	return 0;
}

/* hash: of the file to compare with; NULL: none. */
static int show(
    struct request *rq, struct db *db, const struct document *d, const char *hash, struct err *err)
{
	put_form(rq, NULL);
	put_document(rq, d);
	rq->template = "document/verified";
	bool same = hash && text_eq(hash, d->blob);
	json_object_set_new(rq->view, "same_file", json_boolean(same));
	json_object_set_new(rq->view, "other_file", json_boolean(hash && !same));
	if (hash)
		json_object_set_new(rq->view, "compared",
		    json_pack("{s:b,s:s}", "same", (int)same, "sha256", hash));
	rq_crumb(rq, rq_tr(rq, "document.verify.title"),
	    arena_printf(rq->arena, "%s/verify", link_base(rq)));
	return put_proofs(rq, db, d, err);
}

/* --- asking --- */

/* ?code=… of the form, ?sha256=… for programs */
int verify_form(struct request *rq, struct err *err)
{
	const char *code = rq_query(rq, "code"), *hash = rq_query(rq, "sha256");
	struct document *d;
	struct db *db = rq_db(rq, err);
	if (!db)
		return -(int)ERR_STORE;
	if (hash) {
		int rc = is_hash(hash) ? document_by_hash(db, rq->arena, hash, &d, err) : 0;
		if (rc < 0)
			return rc;
		return rc == 1 ? show(rq, db, d, hash, err)
		               : not_found(rq, 404, "pdf", "document.verify.unknown_file", NULL);
	}
	if (code && code[0]) {
		int rc = document_by_code(db, rq->arena, code, &d, err);
		if (rc < 0)
			return rc;
		return rc == 1 ? rq_redirect(rq, "/verify/%s", d->code)
		               : not_found(rq, 404, "code", "document.verify.unknown_code", code);
	}
	put_form(rq, NULL);
	return 0;
}

int verify_upload(struct request *rq, struct err *err)
{
	const struct upload *u = rq_upload(rq, "pdf", 0);
	const char *code = rq_param(rq, "code");
	char hash[HASH_SIZE * 2 + 1];
	struct document *d;
	if (!u || u->size == 0)
		return not_found(rq, 422, "pdf", "document.verify.no_file", NULL);
	int rc = hash_upload(u, hash, err);
	if (rc < 0)
		return rc;
	struct db *db = rq_db(rq, err);
	rc = db ? document_by_hash(db, rq->arena, hash, &d, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	if (rc == 1)
		return rq_redirect(rq, "/verify/%s?sha256=%s", d->code, hash);
	/* On a document's own page the answer is that this is another file. */
	return code ? rq_redirect(rq, "/verify/%s?sha256=%s", code, hash)
	            : not_found(rq, 404, "pdf", "document.verify.unknown_file", NULL);
}

int verify_show(struct request *rq, struct err *err)
{
	struct document *d;
	const char *code = rq_param(rq, "code"), *hash = rq_query(rq, "sha256");
	struct db *db = rq_db(rq, err);
	int rc = db ? document_by_code(db, rq->arena, code, &d, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	return rc == 1 ? show(rq, db, d, is_hash(hash) ? hash : NULL, err)
	               : not_found(rq, 404, "code", "document.verify.unknown_code", code);
}

/* --- the file --- */

/* For the applicant and for staff with rights; for everybody else it is not there. */
int document_file(struct request *rq, struct err *err)
{
	struct document *d = NULL;
	struct db *db = rq_db(rq, err);
	int rc =
	    db ? document_by_code(db, rq->arena, rq_param(rq, "code"), &d, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	if (rc == 0 || d->size == 0 || !document_hooks || !document_hooks->may_read ||
	    !document_hooks->may_read(rq, db, d->subject))
		return err_set(err, ERR_MISSING, NULL, "document %s", rq_param(rq, "code"));
	if (document_hooks->read && (rc = document_hooks->read(rq, d, err)) <= 0)
		return rc;
	bool attachment = rq_query(rq, "download") != NULL;
	const char *name = arena_printf(
	    rq->arena, "%s%s%s.pdf", d->title, d->number ? " " : "", d->number ? d->number : "");
	rq_set_header(rq, "Cache-Control", "private, no-store");
	return rq_send_blob(rq, d->blob, "application/pdf", name, attachment, err);
}
