/* Documents from request to file, on a store. */
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "base/time.h"
#include "document/issue.h"
#include "document/private.h"
#include "document/test_sample.h"
#include "store/blob.h"
#include "store/test_store.h"

static struct city city;

static const struct job_kind *const kinds[] = {&document_jobs[0]};

struct asking {
	const char *subject, *kind;
	int64_t id;
	bool fail;
};

static int ask(struct db *db, void *arg, struct err *err)
{
	struct asking *q = arg;
	json_t *view = sample_view("decision");
	json_object_del(view, "number");
	json_object_del(view, "date_text");
	json_object_set_new(view, "series", json_string("高生衛第{n}号"));
	int rc = document_request(
	    db, q->subject, q->kind, "decision", "ja", view, "document-ready", &q->id, err);
	json_decref(view);
	if (rc == 0 && q->fail)
		rc = err_set(err, ERR_CONFLICT, NULL, "changed my mind");
	return rc;
}

static void from_request_to_file(struct store *st)
{
	struct arena *a = arena_new();
	struct asking first = {"application:1", "certificate", 0, false};
	struct asking failing = {"application:2", "certificate", 0, true};
	struct asking second = {"application:3", "certificate", 0, false};
	struct asking again = {"application:1", "certificate", 0, false};
	struct err err = {0};
	struct document *d;
	city.store = st;
	OK(store_write(st, ask, &first, why));
	assert_int_equal(store_write(st, ask, &failing, &err), -(int)ERR_CONFLICT);
	OK(store_write(st, ask, &second, why));
	OK(store_write(st, ask, &again, why));
	assert_int_equal(first.id, again.id);
	struct db *db = store_reader(st, &err);
	assert_int_equal(document_of(db, a, "application:1", &d, &err), 0); /* not made yet */
	OK(jobs_drain(st, kinds, 1, &city, why));
	assert_int_equal(document_of(db, a, "application:1", &d, &err), 1);
	assert_string_equal(d->number, "高生衛第1号");
	assert_false(d->revoked);
	assert_int_equal(strlen(d->code), CODE_LENGTH);
	struct document *other;
	assert_int_equal(document_of(db, a, "application:3", &other, &err), 1);
	assert_string_equal(other->number, "高生衛第2号"); /* no gap from the one that failed */

	/* The file is the blob, signed, with number and code on it. */
	struct str pdf;
	OK(blob_get(st, a, d->blob, &pdf, why));
	assert_int_equal(pdf.n, d->size);
	const char *path = sample_file(a, &city, "issued.pdf", pdf);
	struct str said = sample_run(a, "pdfsig -nocert %s 2>&1", path);
	assert_non_null(strstr(said.p, "Signature is Valid"));
	struct str text = sample_run(a, "pdftotext %s -", path);
	assert_non_null(strstr(text.p, "高生衛第1号"));
	assert_non_null(strstr(text.p, document_code_text(a, d->code)));

	/* Found as people type it, and by its file. */
	struct document *found;
	char typed[32];
	(void)snprintf(typed, sizeof(typed), " %s ", document_code_text(a, d->code));
	for (char *p = typed; *p; p++)
		*p = *p == '0'                ? 'o'
		     : *p == '1'              ? 'l'
		     : *p >= 'A' && *p <= 'Z' ? (char)(*p + 32)
		                              : *p;
	assert_int_equal(document_by_code(db, a, typed, &found, &err), 1);
	assert_int_equal(found->id, d->id);
	assert_int_equal(document_by_code(db, a, "0000-0000-0000-0000", &found, &err), 0);
	assert_int_equal(document_by_code(db, a, "'; DROP TABLE", &found, &err), 0);
	assert_int_equal(document_by_hash(db, a, d->blob, &found, &err), 1);

	/* The journal names the file's hash, and nothing personal. */
	struct journal_entry *e;
	const char *subject = arena_printf(a, "document:%s", d->blob);
	assert_int_equal(journal_of(db, a, subject, &e, &err), 1);
	assert_string_equal(e->verb, "document.issued");
	assert_int_equal(e->id, d->journal_id);
	char *leaf;
	if (e->leaf >= 0) {
		OK(journal_leaf_text(db, a, e->leaf, &leaf, why));
		assert_non_null(strstr(leaf, d->blob));
	}
	arena_free(a);
}

/* The job of an issued document runs once more (the process was killed before the queue knew). */
static int ask_job(struct db *db, void *arg, struct err *err)
{
	json_t *payload = json_pack("{s:I}", "document", (json_int_t) * (int64_t *)arg);
	int rc = job_add(db, "document.issue", payload, 0, NULL, err);
	json_decref(payload);
	return rc;
}

static void twice_is_once(struct store *st)
{
	struct arena *a = arena_new();
	struct asking q = {"application:7", "decision", 0, false};
	struct document *d, *after;
	struct journal_entry *e;
	struct err err = {0};
	city.store = st;
	OK(store_write(st, ask, &q, why));
	OK(store_write(st, ask_job, &q.id, why));
	OK(jobs_drain(st, kinds, 1, &city, why));
	struct db *db = store_reader(st, &err);
	assert_int_equal(document_of(db, a, q.subject, &d, &err), 1);
	OK(store_write(st, ask_job, &q.id, why));
	OK(jobs_drain(st, kinds, 1, &city, why));
	assert_int_equal(document_of(db, a, q.subject, &after, &err), 1);
	assert_string_equal(d->blob, after->blob);
	assert_int_equal(journal_of(db, a, arena_printf(a, "document:%s", d->blob), &e, &err), 1);
	arena_free(a);
}

static int revoke_it(struct db *db, void *arg, struct err *err)
{
	return document_revoke(db, *(int64_t *)arg, "staff:1", "記載の誤り", err);
}

static int it_is_gone(
    struct db *db, struct arena *a, const char *subject, const char **reason, struct err *err)
{
	(void)db;
	(void)a;
	(void)err;
	*reason = "取消し";
	return strcmp(subject, "application:12") == 0;
}

/* The decision was cancelled while the file was made. */
static void gone_meanwhile(struct store *st)
{
	static const struct document_hooks hooks = {.void_reason = it_is_gone};
	struct arena *a = arena_new();
	struct asking q = {"application:12", "certificate", 0, false},
	              other = {"application:13", "certificate", 0, false};
	struct document *d;
	struct err err = {0};
	city.store = st;
	document_set_hooks(&hooks);
	OK(store_write(st, ask, &q, why));
	OK(store_write(st, ask, &other, why));
	OK(jobs_drain(st, kinds, 1, &city, why));
	struct db *db = store_reader(st, &err);
	assert_int_equal(document_of(db, a, q.subject, &d, &err), 1);
	assert_true(d[0].revoked);
	assert_string_equal(d[0].revoked_reason, "取消し");
	assert_int_equal(document_of(db, a, other.subject, &d, &err), 1);
	assert_false(d[0].revoked);
	document_set_hooks(NULL);
	arena_free(a);
}

static int erase(struct db *db, void *arg, struct err *err)
{
	return document_erase(db, arg, err);
}

static void revoked_and_erased(struct store *st)
{
	struct arena *a = arena_new();
	struct asking q = {"application:9", "certificate", 0, false}, again = q;
	struct document *d;
	struct err err = {0};
	city.store = st;
	OK(store_write(st, ask, &q, why));
	OK(jobs_drain(st, kinds, 1, &city, why));
	OK(store_write(st, revoke_it, &q.id, why));
	assert_int_equal(store_write(st, revoke_it, &q.id, &err), -(int)ERR_CONFLICT);
	OK(store_write(st, ask, &again, why)); /* a new one may be issued */
	assert_int_not_equal(q.id, again.id);
	OK(jobs_drain(st, kinds, 1, &city, why));
	struct db *db = store_reader(st, &err);
	assert_int_equal(document_of(db, a, q.subject, &d, &err), 2);
	assert_true(d[0].revoked);
	assert_string_equal(d[0].revoked_reason, "記載の誤り");
	assert_false(d[1].revoked);
	assert_string_not_equal(d[0].number, d[1].number);
	OK(store_write(st, erase, (void *)(uintptr_t)q.subject, why));
	assert_int_equal(document_of(db, a, q.subject, &d, &err), 2);
	assert_int_equal(d[1].size, 0);

	const struct journal_verifier *const verifiers[] = {&document_verifier};
	struct verify_report report;
	OK(journal_verify(st, verifiers, 1, NULL, NULL, &report, why));
	if (report.problems)
		fail_msg("%s", report.first_bad);
	assert_true(report.subjects >= 2);
	arena_free(a);
}

static void on_each(void **state)
{
	test_store_each(*state);
}

int main(int argc, char **argv)
{
	int code;
	if (sample_main_begins(argc, argv, &code))
		return code;
	sample_city(&city);
	const struct CMUnitTest tests[] = {
	    {"from_request_to_file", on_each, NULL, NULL, from_request_to_file},
	    {"twice_is_once", on_each, NULL, NULL, twice_is_once},
	    {"revoked_and_erased", on_each, NULL, NULL, revoked_and_erased},
	    {"gone_meanwhile", on_each, NULL, NULL, gone_meanwhile},
	};
	code = cmocka_run_group_tests(tests, NULL, NULL);
	sample_city_end(&city);
	return code;
}
