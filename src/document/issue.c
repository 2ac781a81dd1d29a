/* From a decision to a file that is issued.
 *
 *   1. document_request() runs in the transaction of the decision: the number is taken from its
 * series there, so numbers have no gaps and no decision lacks its document.
 *   2. The job makes the file outside of any transaction, then a write makes it the document: blob
 * in use, row, journal entry and mail, all or nothing. When the job runs twice, the second run
 * finds the row issued and its own file unused (the store cleans it up).
 *   3. The journal's subject is "document:<SHA-256 of the file>": whoever has the file can find its
 *      entry in the public journal with sha256sum, and nothing about its content can be guessed. */
#include "document/issue.h"

#include <string.h>

#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "notice/notice.h"
#include "store/blob.h"

#define SQL(name) (&document_sql[name])

const struct document_hooks *document_hooks;

void document_set_hooks(const struct document_hooks *hooks)
{
	document_hooks = hooks;
}

/* --- codes --- */

/* Crockford's base32: no I, L, O, U. 80 bits: nobody guesses one. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void make_code(char out[CODE_LENGTH + 1])
{
	unsigned char random[CODE_LENGTH];
	random_bytes(random, sizeof(random));
	for (int i = 0; i < CODE_LENGTH; i++)
		out[i] = alphabet[random[i] & 31];
	out[CODE_LENGTH] = '\0';
}

bool document_code_tidy(const char *typed, char out[CODE_LENGTH + 1])
{
	int n = 0;
	for (; *typed; typed++) {
		char c = *typed >= 'a' && *typed <= 'z' ? (char)(*typed - 32) : *typed;
		if (c == '-' || c == ' ')
			continue;
		c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
		if (n == CODE_LENGTH || !strchr(alphabet, c))
			return false;
		out[n++] = c;
	}
	out[n] = '\0';
	return n == CODE_LENGTH;
}

char *document_code_text(struct arena *a, const char *code)
{
	return strlen(code) == CODE_LENGTH
	           ? arena_printf(a, "%.4s-%.4s-%.4s-%.4s", code, code + 4, code + 8, code + 12)
	           : arena_strdup(a, code);
}

/* --- asking for a document --- */

static void put_replaced(struct buf *b, const char *pattern, const char *hole, const char *value)
{
	const char *at = strstr(pattern, hole);
	if (!at) {
		buf_puts(b, pattern);
		return;
	}
	buf_add(b, pattern, (size_t)(at - pattern));
	buf_puts(b, value);
	buf_puts(b, at + strlen(hole));
}

/* The next number of a series; one series for each pattern and fiscal year. */
static int take_number(struct db *db, struct arena *a, const char *pattern, struct date day,
    char **out, struct err *err)
{
	int64_t n;
	const char *series = arena_printf(a, "document/%s/%d", pattern, date_fiscal_year(day));
	int rc = series_next(db, series, &n, err);
	if (rc < 0)
		return rc;
	const struct era *era = era_of(day);
	struct buf with_n, with_y;
	buf_init(&with_n, a);
	buf_init(&with_y, a);
	put_replaced(&with_n, pattern, "{n}", arena_printf(a, "%lld", (long long)n));
	put_replaced(&with_y, with_n.p, "{y}",
	    arena_printf(a, "%d", era ? day.year - era->from.year + 1 : day.year));
	*out = with_y.p;
	return 0;
}

static int add_order(struct db *db, struct arena *a, const char *subject, const char *kind,
    const char *template, const char *lang, json_t *view, const char *notice_kind, int64_t *id,
    struct err *err)
{
	int64_t now = now_us();
	struct date day = date_of_us(now);
	const char *series = json_string_value(json_object_get(view, "series"));
	char *number = NULL, code[CODE_LENGTH + 1];
	if (series) {
		int rc = take_number(db, a, series, day, &number, err);
		if (rc < 0)
			return rc;
		json_object_set_new(view, "number", json_string(number));
	} else if (json_object_get(view, "number")) {
		number = arena_strdup(a, json_string_value(json_object_get(view, "number")));
	}
	if (!json_object_get(view, "date_text"))
		json_object_set_new(view, "date_text",
		    json_string(text_eq(lang, "ja") ? date_era_text(a, day, lang)
		                                    : date_text(a, day, lang)));
	const char *title = json_string_value(json_object_get(view, "title"));
	char *text = json_dumps(view, JSON_COMPACT | JSON_SORT_KEYS);
	make_code(code);
	int rc = db_get_i64(db, err, id, SQL(DOCUMENT_ADD), "ttttttttti", code, subject, kind,
	    template, lang, title ? title : "", number, text, notice_kind, now);
	free(text);
	return rc < 0 ? rc : 0;
}

static int queue_order(struct db *db, struct arena *a, int64_t id, struct err *err)
{
	json_t *payload = json_pack("{s:I}", "document", (json_int_t)id);
	int rc = job_add(db, "document.issue", payload, 0,
	    arena_printf(a, "document.issue/%lld", (long long)id), err);
	json_decref(payload);
	return rc;
}

int document_request(struct db *db, const char *subject, const char *kind, const char *template,
    const char *lang, json_t *view, const char *notice_kind, int64_t *id, struct err *err)
{
	int64_t row = 0;
	int rc = db_get_i64(db, err, &row, SQL(DOCUMENT_THERE), "tt", subject, kind);
	if (rc == 0) {
		struct arena *a = arena_new();
		json_t *copy = json_deep_copy(view);
		rc = add_order(db, a, subject, kind, template, lang, copy, notice_kind, &row, err);
		json_decref(copy);
		if (rc == 0)
			rc = queue_order(db, a, row, err);
		arena_free(a);
	}
	if (rc >= 0 && id)
		*id = row;
	return rc < 0 ? rc : 0;
}

/* --- making it --- */

struct order {
	int64_t id;
	const char *code, *subject, *kind, *template, *lang, *title, *number, *notice, *state;
	json_t *view;
	struct city *city;
	struct arena *arena;
	/* the finished file */
	char blob[BLOB_NAME_SIZE];
	int64_t size;
};

/* 1: found, 0: no such order */
static int load_order(struct db *db, struct order *o, struct err *err)
{
	struct arena *a = o->arena;
	struct rows *r = db_query(db, err, SQL(DOCUMENT_ORDER), "i", o->id);
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	if (rc == 1) {
		const char **texts[] = {&o->code, &o->subject, &o->kind, &o->template, &o->lang,
		    &o->title, &o->number, NULL, &o->notice, &o->state};
		for (int i = 0; i < (int)COUNT(texts); i++)
			if (texts[i])
				*texts[i] = rows_dup(r, i, a);
		struct str view = rows_str(r, 7);
		o->view = view.p ? json_loadb(view.p, view.n, 0, NULL) : NULL;
		if (o->view)
			json_on_arena(a, o->view);
	}
	rows_end(r);
	return rc;
}

static const char *page_url(const struct order *o, const char *path)
{
	return arena_printf(
	    o->arena, "%s%s%s", o->city->base_url, text_eq(o->lang, "en") ? "/en" : "", path);
}

static int make_file(struct order *o, struct err *err)
{
	struct arena *a = o->arena;
	struct str pdf, signed_pdf;
	json_object_set_new(o->view, "code_text", json_string(document_code_text(a, o->code)));
	json_object_set_new(o->view, "verify_page", json_string(page_url(o, "/verify")));
	json_object_set_new(o->view, "verify_url",
	    json_string(page_url(o, arena_printf(a, "/verify/%s", o->code))));
	int rc = document_render(o->city, a, o->template, o->lang, o->view, &pdf, err);
	if (rc == 0)
		rc = document_sign(o->city, a, pdf, o->title, &signed_pdf, err);
	if (rc == 0)
		rc = blob_put(o->city->store, signed_pdf, o->blob, err);
	if (rc == 0)
		o->size = (int64_t)signed_pdf.n;
	return rc;
}

/* What the journal can prove of a document, and machi verify compares. */
static json_t *state_of(const struct document *d)
{
	return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s, s:I, s:b}", "code", d->code, "kind",
	    d->kind, "number", d->number, "title", d->title, "subject", d->subject, "sha256",
	    d->blob, "issued_us", (json_int_t)d->issued_us, "revoked", (int)d->revoked);
}

static int write_entry(struct db *db, struct arena *a, const struct document *d, const char *actor,
    const char *verb, json_t *data, int64_t *entry, struct err *err)
{
	json_t *state = state_of(d);
	struct journal_change c = {.actor = actor,
	    .verb = verb,
	    .subject = arena_printf(a, "document:%s", d->blob),
	    .data = data,
	    .state = state};
	int rc = journal_add(db, &c, entry, err);
	json_decref(state);
	json_decref(data);
	return rc;
}

static int send_notice(struct db *db, const struct order *o, struct err *err)
{
	const char *mail = NULL, *lang = o->lang;
	json_t *view = NULL;
	struct arena *a = o->arena;
	if (!o->notice || !document_hooks || !document_hooks->recipient)
		return 0;
	int rc = document_hooks->recipient(db, a, o->subject, &mail, &lang, &view, err);
	if (rc == 0 && mail) {
		json_t *all = view ? json_deep_copy(view) : json_object();
		json_object_set_new(all, "document",
		    json_pack("{s:s, s:s?, s:s, s:s}", "title", o->title, "number", o->number,
		        "url", page_url(o, arena_printf(a, "/documents/%s.pdf", o->code)),
		        "verify_url", page_url(o, arena_printf(a, "/verify/%s", o->code))));
		rc = notice_mail(db, mail, lang, o->notice, o->subject, all, err);
		json_decref(all);
	}
	json_decref(view);
	return rc;
}

static int issue_write(struct db *db, void *arg, struct err *err)
{
	struct order *o = arg;
	int64_t now = now_us(), entry;
	int64_t n = db_run(db, err, SQL(DOCUMENT_ISSUED), "itii", o->id, o->blob, o->size, now);
	if (n <= 0)
		return (int)n; /* 0: another run was faster */
	struct document d = {.id = o->id,
	    .code = o->code,
	    .kind = o->kind,
	    .number = o->number,
	    .title = o->title,
	    .subject = o->subject,
	    .blob = o->blob,
	    .issued_us = now};
	const char *user = arena_printf(o->arena, "document:%lld", (long long)o->id);
	int rc = blob_use(db, o->blob, user, err);
	if (rc == 0)
		rc = write_entry(db, o->arena, &d, "system", "document.issued",
		    json_pack("{s:s, s:s, s:I, s:b}", "template", o->template, "lang", o->lang,
		        "size", (json_int_t)o->size, "seal",
		        json_is_true(json_object_get(o->view, "seal"))),
		    &entry, err);
	if (rc == 0)
		rc = (int)db_run(db, err, SQL(DOCUMENT_ENTRY), "ii", o->id, entry);
	if (rc < 0)
		return rc;
	/* The decision was cancelled while the file was made: its number is used, so it is issued,
	 * and not valid. */
	const char *gone = NULL;
	rc = document_hooks && document_hooks->void_reason
	         ? document_hooks->void_reason(db, o->arena, o->subject, &gone, err)
	         : 0;
	return rc < 0   ? rc
	       : rc > 0 ? document_revoke(db, o->id, "system", gone, err)
	                : send_notice(db, o, err);
}

static int issue_run(
    struct store *store, void *context, struct arena *a, json_t *payload, struct err *err)
{
	struct order o = {.id = json_integer_value(json_object_get(payload, "document")),
	    .city = context,
	    .arena = a};
	struct db *db = store_reader(store, err);
	int rc = db ? load_order(db, &o, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	if (rc == 0)
		return err_set(err, ERR_MISSING, NULL, "no document %lld", (long long)o.id);
	if (!text_eq(o.state, "waiting"))
		return 0;
	if (!o.view)
		return err_set(err, ERR_INPUT, NULL, "document %lld has no view", (long long)o.id);
	rc = make_file(&o, err);
	return rc < 0 ? rc : store_write(store, issue_write, &o, err);
}

const struct job_kind document_jobs[] = {
    {.name = "document.issue", .max_tries = 10, .retry_ms = 2000, .run = issue_run},
};
const int ndocument_jobs = COUNT(document_jobs);

/* --- reading --- */

static void read_row(struct rows *r, struct arena *a, struct document *d)
{
	*d = (struct document){
	    .id = rows_i64(r, 0),
	    .code = rows_dup(r, 1, a),
	    .kind = rows_dup(r, 2, a),
	    .number = rows_dup(r, 3, a),
	    .title = rows_dup(r, 4, a),
	    .subject = rows_dup(r, 5, a),
	    .lang = rows_dup(r, 6, a),
	    .blob = rows_dup(r, 7, a),
	    .size = rows_i64(r, 8),
	    .issued_us = rows_i64(r, 9),
	    .journal_id = rows_i64(r, 10),
	    .revoked = str_is(rows_str(r, 11), "revoked"),
	    .revoked_us = rows_i64(r, 12),
	    .revoked_reason = rows_dup(r, 13, a),
	};
}

static int read_one(struct rows *r, struct arena *a, struct document **out)
{
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	if (rc == 1) {
		*out = arena_new_of(a, struct document);
		read_row(r, a, *out);
	}
	rows_end(r);
	return rc;
}

int document_of(
    struct db *db, struct arena *a, const char *subject, struct document **out, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(DOCUMENT_OF), "t", subject);
	int n = 0, cap = 0, rc;
	*out = NULL;
	if (!r)
		return -(int)ERR_STORE;
	while ((rc = rows_next(r)) == 1) {
		if (n == cap) {
			cap = cap ? cap * 2 : 8;
			struct document *more = arena_array(a, (size_t)cap, sizeof(*more));
			if (n)
				memcpy(more, *out, (size_t)n * sizeof(*more));
			*out = more;
		}
		read_row(r, a, &(*out)[n++]);
	}
	rows_end(r);
	return rc < 0 ? rc : n;
}

int document_by_code(
    struct db *db, struct arena *a, const char *typed, struct document **out, struct err *err)
{
	char code[CODE_LENGTH + 1];
	if (!document_code_tidy(typed, code))
		return 0;
	return read_one(db_query(db, err, SQL(DOCUMENT_BY_CODE), "t", code), a, out);
}

int document_by_hash(
    struct db *db, struct arena *a, const char *hash, struct document **out, struct err *err)
{
	return read_one(db_query(db, err, SQL(DOCUMENT_BY_BLOB), "t", hash), a, out);
}

/* --- revoking, erasing --- */

int document_revoke(
    struct db *db, int64_t id, const char *actor, const char *reason, struct err *err)
{
	struct arena *a = arena_new();
	struct document *d = NULL;
	int rc = read_one(db_query(db, err, SQL(DOCUMENT_BY_ID), "i", id), a, &d);
	if (rc == 0)
		rc = err_set(err, ERR_MISSING, NULL, "no document %lld", (long long)id);
	if (rc > 0) {
		int64_t n = db_run(db, err, SQL(DOCUMENT_REVOKE), "iit", id, now_us(), reason);
		rc = n < 0    ? (int)n
		     : n == 0 ? err_set(err, ERR_CONFLICT, "document.revoked_already",
		                    "document %lld", (long long)id)
		              : 0;
		d->revoked = true;
		if (rc == 0)
			rc = write_entry(db, a, d, actor, "document.revoked",
			    json_pack("{s:s}", "reason", reason), NULL, err);
	}
	arena_free(a);
	return rc;
}

int document_revoke_all(
    struct db *db, const char *subject, const char *actor, const char *reason, struct err *err)
{
	struct arena *a = arena_new();
	struct document *list;
	int n = document_of(db, a, subject, &list, err), rc = n < 0 ? n : 0, revoked = 0;
	for (int i = 0; i < n && rc == 0; i++) {
		if (list[i].revoked)
			continue;
		rc = document_revoke(db, list[i].id, actor, reason, err);
		revoked++;
	}
	arena_free(a);
	return rc < 0 ? rc : revoked;
}

int document_erase(struct db *db, const char *subject, struct err *err)
{
	struct arena *a = arena_new();
	struct document *list;
	int n = document_of(db, a, subject, &list, err), rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc == 0; i++) {
		const char *user = arena_printf(a, "document:%lld", (long long)list[i].id);
		rc = blob_unuse(db, list[i].blob, user, err);
		if (rc == 0)
			rc = journal_erase(
			    db, "system", arena_printf(a, "document:%s", list[i].blob), err);
		/* The salts are gone; what the register still says is proved by a new entry. */
		if (rc == 0)
			rc = write_entry(
			    db, a, &list[i], "system", "document.erased", NULL, NULL, err);
	}
	/* Also those that never got a file. */
	int64_t erased = rc == 0 ? db_run(db, err, SQL(DOCUMENT_ERASE), "t", subject) : 0;
	arena_free(a);
	return erased < 0 ? (int)erased : rc;
}

/* --- machi verify --- */

static int each_state(struct db *db, int (*state)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	int64_t after = 0;
	for (int n = 1, rc = 0; n > 0;) {
		struct arena *a = arena_new();
		struct rows *r = db_query(db, err, SQL(DOCUMENT_AFTER), "i", after);
		for (n = 0; r && rc == 0 && (rc = rows_next(r)) == 1; n++) {
			struct document d;
			read_row(r, a, &d);
			json_t *now = state_of(&d);
			rc = state(arg, arena_printf(a, "document:%s", d.blob), now);
			json_decref(now);
			after = d.id;
		}
		if (!r)
			rc = -(int)ERR_STORE;
		rows_end(r);
		arena_free(a);
		if (rc < 0)
			return rc;
	}
	return 0;
}

const struct journal_verifier document_verifier = {.kind = "document", .each = each_state};
