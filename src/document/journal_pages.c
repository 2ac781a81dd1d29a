/* The public journal: heads, entries and proofs, as JSON for programs and as plain text for a shell
 * (?format=text). docs/journal.md tells how an outsider checks them with openssl and sha256sum. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <string.h>

#include "document/pages.h"

const char *link_base(const struct request *rq)
{
	return text_eq(rq->lang, "en") ? "/en" : "";
}

json_t *hex_view(const void *bytes, size_t n)
{
	struct buf b = {0};
	buf_hex(&b, bytes, n);
	json_t *out = json_stringn(b.p ? b.p : "", b.n);
	buf_free(&b);
	return out;
}

json_t *path_view(const unsigned char (*path)[HASH_SIZE], int n)
{
	json_t *out = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(out, hex_view(path[i], HASH_SIZE));
	return out;
}

/* What the client wants of an address that speaks JSON and plain text. */
static bool wants_text(struct request *rq)
{
	const char *format = rq_query(rq, "format"), *accept = rq_header(rq, "Accept");
	if (format)
		return strcmp(format, "text") == 0;
	return accept && strncmp(accept, "text/plain", 10) == 0;
}

static int send_text(struct request *rq, struct str text)
{
	return rq_send(rq, "text/plain; charset=utf-8", text, NULL);
}

static void free_text(void *p)
{
	free(p);
}

/* Sends the object and lets go of it. */
static int send_json(struct request *rq, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	arena_cleanup(rq->arena, free_text, text);
	return rq_send(rq, "application/json", str_from(text), NULL);
}

static int send_hashes(struct request *rq, const unsigned char (*path)[HASH_SIZE], int n)
{
	struct buf b;
	buf_init(&b, rq->arena);
	buf_puts(&b, "");
	for (int i = 0; i < n; i++) {
		buf_hex(&b, path[i], HASH_SIZE);
		buf_putc(&b, '\n');
	}
	return send_text(rq, (struct str){b.p ? b.p : "", b.n});
}

/* --- the signed head --- */

static char *base64(struct arena *a, const void *bytes, size_t n)
{
	char *out = arena_alloc(a, n / 3 * 4 + 5);
	(void)EVP_EncodeBlock((unsigned char *)out, bytes, (int)n);
	return out;
}

/* A C2SP signed note (c2sp.org/signed-note): the text, an empty line, and
 * "— <key name> <base64(key id || signature)>". The key id is the start of
 * SHA-256(key name || LF || 0x01 || public key). */
static char *checkpoint(struct arena *a, const struct tree_head *head, const unsigned char key[32])
{
	struct buf name;
	unsigned char hash[SHA256_DIGEST_LENGTH], signature[4 + sizeof(head->signature)];
	buf_init(&name, a);
	buf_printf(&name, "%s\n\x01", head->origin);
	buf_add(&name, key, 32);
	SHA256((const unsigned char *)name.p, name.n, hash);
	memcpy(signature, hash, 4);
	memcpy(signature + 4, head->signature, sizeof(head->signature));
	return arena_printf(a, "%s\n\u2014 %s %s\n", tree_head_text(a, head->origin, head),
	    head->origin, base64(a, signature, sizeof(signature)));
}

static int read_head(
    struct request *rq, struct tree_head *head, unsigned char key[32], struct err *err)
{
	struct db *db = rq_db(rq, err);
	int rc = db ? journal_head(db, head, err) : -(int)ERR_STORE;
	return rc < 0 ? rc : journal_public_key(rq->city->store, key, err);
}

int journal_head_view(struct request *rq, struct tree_head *head, json_t **out, struct err *err)
{
	unsigned char key[32];
	int rc = read_head(rq, head, key, err);
	if (rc < 0)
		return rc;
	*out = json_pack("{s:s, s:I, s:I, s:o, s:s, s:s, s:o}", "origin", head->origin, "size",
	    (json_int_t)head->size, "at", (json_int_t)head->at_us, "root",
	    hex_view(head->root, sizeof(head->root)), "signature",
	    base64(rq->arena, head->signature, sizeof(head->signature)), "checkpoint",
	    checkpoint(rq->arena, head, key), "key", hex_view(key, sizeof(key)));
	return 0;
}

int journal_head_show(struct request *rq, struct err *err)
{
	struct tree_head head;
	json_t *view;
	if (wants_text(rq))
		return journal_checkpoint_show(rq, err);
	int rc = journal_head_view(rq, &head, &view, err);
	return rc < 0 ? rc : send_json(rq, view);
}

int journal_checkpoint_show(struct request *rq, struct err *err)
{
	struct tree_head head;
	unsigned char key[32];
	int rc = read_head(rq, &head, key, err);
	return rc < 0 ? rc : send_text(rq, str_from(checkpoint(rq->arena, &head, key)));
}

/* --- entries and proofs --- */

int journal_entry_view(
    struct request *rq, struct db *db, int64_t leaf, json_t **out, struct err *err)
{
	char *text;
	int rc = journal_leaf_text(db, rq->arena, leaf, &text, err);
	if (rc < 0)
		return rc;
	struct buf b;
	unsigned char hash[SHA256_DIGEST_LENGTH];
	buf_init(&b, rq->arena);
	buf_putc(&b, '\0'); /* RFC 6962 §2.1: a leaf */
	buf_puts(&b, text);
	SHA256((const unsigned char *)b.p, b.n, hash);
	*out = json_pack("{s:I, s:s, s:o}", "leaf", (json_int_t)leaf, "text", text, "hash",
	    hex_view(hash, sizeof(hash)));
	return 0;
}

int journal_entry_show(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	json_t *view;
	int rc =
	    db ? journal_entry_view(rq, db, rq_param_i64(rq, "leaf"), &view, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	if (!wants_text(rq))
		return send_json(rq, view);
	char *text = arena_strdup(rq->arena, json_string_value(json_object_get(view, "text")));
	json_decref(view);
	return send_text(rq, str_from(text));
}

int journal_inclusion_show(struct request *rq, struct err *err)
{
	struct tree_head head;
	unsigned char(*path)[HASH_SIZE], key[32];
	int n, rc = read_head(rq, &head, key, err);
	if (rc < 0)
		return rc;
	if (rq_has_problems(rq)) /* with the declared inputs */
		return 0;
	int64_t leaf = rq_i64(rq, "leaf", -1), size = rq_i64(rq, "size", head.size);
	struct db *db = rq_db(rq, err);
	rc = journal_inclusion(db, rq->arena, leaf, size, &path, &n, err);
	if (rc < 0)
		return rc;
	if (wants_text(rq))
		return send_hashes(rq, path, n);
	json_t *entry;
	rc = journal_entry_view(rq, db, leaf, &entry, err);
	if (rc < 0)
		return rc;
	json_t *view =
	    json_pack("{s:I, s:I, s:O, s:o}", "leaf", (json_int_t)leaf, "size", (json_int_t)size,
	        "leaf_hash", json_object_get(entry, "hash"), "path", path_view(path, n));
	json_decref(entry);
	return send_json(rq, view);
}

int journal_consistency_show(struct request *rq, struct err *err)
{
	struct tree_head head;
	unsigned char(*path)[HASH_SIZE], key[32];
	int n, rc = read_head(rq, &head, key, err);
	if (rc < 0)
		return rc;
	if (rq_has_problems(rq))
		return 0;
	int64_t from = rq_i64(rq, "from", -1), to = rq_i64(rq, "to", head.size);
	rc = journal_consistency(rq_db(rq, err), rq->arena, from, to, &path, &n, err);
	if (rc < 0)
		return rc;
	return wants_text(rq)
	           ? send_hashes(rq, path, n)
	           : send_json(rq, json_pack("{s:I, s:I, s:o}", "from", (json_int_t)from, "to",
	                               (json_int_t)to, "path", path_view(path, n)));
}

/* --- the key --- */

static int key_pem(struct request *rq, char **out, struct err *err)
{
	unsigned char raw[32];
	int rc = journal_public_key(rq->city->store, raw, err);
	if (rc < 0)
		return rc;
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	if (key && bio && PEM_write_bio_PUBKEY(bio, key) == 1) {
		char *p;
		long n = BIO_get_mem_data(bio, &p);
		text = arena_strndup(rq->arena, p, (size_t)n);
	}
	BIO_free(bio);
	EVP_PKEY_free(key);
	if (!text)
		return err_set(err, ERR_INTERNAL, NULL, "journal key as PEM");
	*out = text;
	return 0;
}

int journal_key_show(struct request *rq, struct err *err)
{
	char *pem;
	int rc = key_pem(rq, &pem, err);
	return rc < 0 ? rc : send_text(rq, str_from(pem));
}

int journal_page(struct request *rq, struct err *err)
{
	struct tree_head head;
	json_t *view;
	char *pem;
	int rc = journal_head_view(rq, &head, &view, err);
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "head", view);
	rc = key_pem(rq, &pem, err);
	if (rc == 0)
		json_object_set_new(rq->view, "key_pem", json_string(pem));
	int64_t leaf = rq_i64(rq, "leaf", -1);
	if (rc == 0 && leaf >= 0) {
		json_t *entry;
		struct err none = {0};
		if (journal_entry_view(rq, rq_db(rq, err), leaf, &entry, &none) == 0)
			json_object_set_new(rq->view, "entry", entry);
		else
			rq_problem(rq, "leaf", "document.journal.no_entry", NULL);
	}
	const char *typed = rq_query(rq, "leaf");
	json_object_set_new(rq->view, "leaf",
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:i,s:b}", "id", "leaf", "name", "leaf", "label",
	        rq_tr(rq, "document.journal.leaf"), "value", typed ? typed : "", "inputmode",
	        "numeric", "width", 10, "is_text", 1));
	return rc;
}
