/* The pages over HTTP: a document is issued, found, compared, proved, read and revoked; the journal
 * is checked by the outsiders' program. */
#include "web/test_web.h"

#include <sys/wait.h>

#include "base/file.h"
#include "document/issue.h"
#include "document/test_sample.h"
#include "notice/notice.h"
#include "store/blob.h"

const char *const test_templates[][2] = {{NULL, NULL}};
const struct module *const modules[] = {&web_module, &notice_module, &document_module};
const int nmodules = COUNT(modules);

/* --- who asks: an API token "resident", "other" or "staff" --- */

static int no_account(
    struct request *rq, struct db *db, int64_t account, struct actor *out, struct err *err)
{
	(void)rq;
	(void)db;
	(void)account;
	(void)out;
	(void)err;
	return 0;
}

static int by_token(
    struct request *rq, struct db *db, const char *bearer, struct actor *out, struct err *err)
{
	(void)rq;
	(void)db;
	(void)err;
	bool staff = strcmp(bearer, "staff") == 0;
	*out = (struct actor){.kind = staff ? ACTOR_STAFF : ACTOR_RESIDENT,
	    .account = staff ? 2 : 1,
	    .person = 1,
	    .name = "T",
	    .id = staff                          ? "staff:1"
	          : strcmp(bearer, "other") == 0 ? "resident:9"
	                                         : "resident:1",
	    .token = true};
	return 1;
}

static bool allows(struct request *rq, const char *perm)
{
	return rq->actor.kind == ACTOR_STAFF &&
	       (strcmp(perm, "document.revoke") == 0 || strcmp(perm, "operate") == 0);
}

static const struct authenticator authenticator = {no_account, by_token, allows};

static bool may_read(struct request *rq, struct db *db, const char *subject)
{
	(void)db;
	assert_string_equal(subject, "application:1");
	return rq->actor.kind == ACTOR_STAFF || strcmp(rq->actor.id, "resident:1") == 0;
}

static int recipient(struct db *db, struct arena *a, const char *subject, const char **mail,
    const char **lang, json_t **view, struct err *err)
{
	(void)db;
	(void)a;
	(void)err;
	assert_string_equal(subject, "application:1");
	*mail = "taro@example.jp";
	*lang = "ja";
	*view = json_pack(
	    "{s:s,s:s,s:s}", "procedure", "犬の登録", "receipt_number", "7Q3K", "url", "u");
	return 0;
}

static int notes; /* how often somebody got a file */

static int note(struct request *rq, const struct document *d, struct err *err)
{
	(void)d;
	(void)err;
	notes += rq->actor.kind == ACTOR_STAFF;
	return 1;
}

static const struct document_hooks hooks = {
    .may_read = may_read, .read = note, .recipient = recipient};

/* --- the story --- */

static struct test_city t;
static struct document *doc;
static struct str file;

static int ask(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	json_t *view = sample_view("certificate");
	int rc = document_request(db, "application:1", "certificate", "certificate", "ja", view,
	    "document-ready", NULL, err);
	json_decref(view);
	return rc;
}

static int other_entry(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	struct journal_change c = {.actor = "system", .verb = "test.happened", .subject = "test:1"};
	return journal_add(db, &c, NULL, err);
}

static void happen(int times)
{
	for (int i = 0; i < times; i++)
		OK(store_write(t.store.st, other_entry, NULL, why));
}

static void issue(void)
{
	const struct job_kind *const kinds[] = {&document_jobs[0]};
	struct err err = {0};
	happen(5);
	OK(store_write(t.store.st, ask, NULL, why));
	OK(jobs_drain(t.store.st, kinds, 1, &t.city, why));
	struct db *db = store_reader(t.store.st, &err);
	assert_int_equal(document_of(db, t.arena, "application:1", &doc, &err), 1);
	OK(blob_get(t.store.st, t.arena, doc->blob, &file, why));
	happen(5);
}

static struct reply get(const char *path, const char *token, bool json)
{
	struct call c = {
	    .headers = {json ? "Accept: application/json" : "Accept: text/html",
	        token ? arena_printf(t.arena, "Authorization: Bearer %s", token) : NULL}};
	return test_call(&t, path, &c);
}

static void verified_by_code(void **state)
{
	(void)state;
	struct reply r = get(arena_printf(t.arena, "/verify/%s", doc->code), NULL, true);
	assert_int_equal(r.status, 200);
	assert_string_equal(reply_text(&r, "document.number"), doc->number);
	assert_true(json_is_true(json_object_get(json_object_get(r.json, "document"), "valid")));
	assert_string_equal(reply_text(&r, "document.sha256"), doc->blob);
	assert_non_null(strstr(reply_text(&r, "entries.0.text"), doc->blob));
	/* Nothing personal: neither what the document says nor about whom. */
	assert_null(strstr(r.body.p, "見本"));
	assert_null(strstr(r.body.p, "番町"));
	assert_null(strstr(r.body.p, "application:1"));
	reply_free(&r);
	for (int i = 0; i < 2; i++) {
		r = get(
		    arena_printf(t.arena, "%s/verify/%s", i ? "/en" : "", doc->code), NULL, false);
		assert_int_equal(r.status, 200);
		assert_non_null(strstr(r.body.p, doc->number));
		assert_non_null(strstr(r.body.p, document_code_text(t.arena, doc->code)));
		assert_null(strstr(r.body.p, "見本"));
		reply_free(&r);
	}
	/* As a person types it. */
	r = get(
	    arena_printf(t.arena, "/verify?code=%.4s-%s", doc->code, doc->code + 4), NULL, false);
	assert_int_equal(r.status, 303);
	assert_string_equal(
	    reply_header(&t, &r, "Location"), arena_printf(t.arena, "/verify/%s", doc->code));
	reply_free(&r);
	r = get("/verify?code=ZZZZ-ZZZZ-ZZZZ-ZZZZ", NULL, false);
	assert_int_equal(r.status, 404);
	assert_non_null(
	    strstr(r.body.p, "ZZZZ-ZZZZ-ZZZZ-ZZZZ")); /* what was typed is still there */
	reply_free(&r);
	r = get("/verify/%27%3Cscript%3E", NULL, false);
	assert_int_equal(r.status, 404);
	assert_null(strstr(r.body.p, "<script>"));
	reply_free(&r);
}

static struct reply post_file(const char *path, struct str bytes)
{
	struct buf b;
	buf_init(&b, t.arena);
	buf_puts(&b, "--XX\r\nContent-Disposition: form-data; name=\"pdf\"; filename=\"x.pdf\"\r\n"
	             "Content-Type: application/pdf\r\n\r\n");
	buf_str(&b, bytes);
	buf_puts(&b, "\r\n--XX--\r\n");
	struct call c = {.method = "POST",
	    .body = b.p,
	    .size = b.n,
	    .type = "multipart/form-data; boundary=XX",
	    .headers = {"Accept: text/html", "Authorization: Bearer resident"}};
	return test_call(&t, path, &c);
}

static void compared_with_a_file(void **state)
{
	(void)state;
	struct reply r = post_file("/verify", file);
	assert_int_equal(r.status, 303);
	char *location = reply_header(&t, &r, "Location");
	assert_string_equal(
	    location, arena_printf(t.arena, "/verify/%s?sha256=%s", doc->code, doc->blob));
	reply_free(&r);
	r = get(location, NULL, true);
	assert_true(json_is_true(json_object_get(json_object_get(r.json, "compared"), "same")));
	reply_free(&r);
	/* One byte changed. */
	char *copy = arena_alloc(t.arena, file.n);
	memcpy(copy, file.p, file.n);
	copy[file.n / 2] ^= 1;
	struct str changed = {copy, file.n};
	r = post_file("/verify", changed);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	r = post_file(arena_printf(t.arena, "/verify/%s", doc->code), changed);
	assert_int_equal(r.status, 303);
	location = reply_header(&t, &r, "Location");
	reply_free(&r);
	r = get(location, NULL, true);
	assert_true(json_is_false(json_object_get(json_object_get(r.json, "compared"), "same")));
	reply_free(&r);
	r = post_file("/verify", STR(""));
	assert_int_equal(r.status, 422);
	reply_free(&r);
}

static void the_file_is_for_the_applicant(void **state)
{
	(void)state;
	const char *path = arena_printf(t.arena, "/documents/%s.pdf", doc->code);
	struct reply r = get(path, "resident", false);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.body.n, file.n);
	assert_memory_equal(r.body.p, file.p, file.n);
	assert_string_equal(reply_header(&t, &r, "Content-Type"), "application/pdf");
	reply_free(&r);
	r = get(path, "other", true);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	r = get(path, NULL, true);
	assert_int_equal(r.status, 401);
	reply_free(&r);
	r = get("/documents/0000000000000000.pdf", "resident", true);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	/* Staff leave a trace. */
	assert_int_equal(notes, 0);
	r = get(path, "staff", false);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.body.n, file.n);
	reply_free(&r);
	assert_int_equal(notes, 1);
}

static void the_journal_answers(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		long status;
	} calls[] = {
	    {"/journal", 200},
	    {"/en/journal", 200},
	    {"/journal?leaf=3", 200},
	    {"/journal?leaf=99999", 422},
	    {"/journal?leaf=x", 200},
	    {"/journal/head", 200},
	    {"/journal/checkpoint", 200},
	    {"/journal/key", 200},
	    {"/journal/entries/0", 200},
	    {"/journal/entries/0?format=text", 200},
	    {"/journal/entries/99999", 404},
	    {"/journal/entries/-1", 404},
	    {"/journal/entries/x", 404},
	    {"/journal/inclusion?leaf=2", 200},
	    {"/journal/inclusion?leaf=2&size=3&format=text", 200},
	    {"/journal/inclusion?leaf=2&size=2", 404},
	    {"/journal/inclusion?leaf=2&size=99999", 404},
	    {"/journal/inclusion", 422},
	    {"/journal/consistency?from=2", 200},
	    {"/journal/consistency?from=2&to=5&format=text", 200},
	    {"/journal/consistency?from=5&to=2", 404},
	    {"/journal/consistency?from=9223372036854775807&to=9223372036854775807", 404},
	};
	for (size_t i = 0; i < COUNT(calls); i++) {
		struct reply r = get(calls[i].path, NULL, false);
		if (r.status != calls[i].status)
			fail_msg("%s: %ld", calls[i].path, r.status);
		reply_free(&r);
	}
	struct reply r = get("/journal/inclusion?leaf=2&size=3", NULL, true);
	assert_int_equal(json_array_size(json_object_get(r.json, "path")), 1);
	reply_free(&r);
}

/* The outsiders' program; *code its exit code. */
static char *verify_journal(const char *words, int *code)
{
	const char *tree = getenv("MACHI_SOURCE");
	const char *command = arena_printf(t.arena, "python3 %s/tools/verify-journal %s %s 2>&1",
	    tree ? tree : ".", t.base, words);
	FILE *f = popen(command, "r");
	struct buf b;
	char part[4096];
	assert_non_null(f);
	buf_init(&b, t.arena);
	buf_puts(&b, "");
	for (size_t n; (n = fread(part, 1, sizeof(part), f)) > 0;)
		buf_add(&b, part, n);
	*code = WEXITSTATUS(pclose(f));
	return b.p;
}

static void outsiders_can_check(void **state)
{
	(void)state;
	int code;
	struct err err = {0};
	const char *pdf = arena_printf(t.arena, "%s/x.pdf", t.store.dir);
	const char *seen = arena_printf(t.arena, "--state %s/seen.json", t.store.dir);
	assert_int_equal(file_write(pdf, file, 0600, &err), 0);
	char *said = verify_journal(arena_printf(t.arena, "%s --document %s", seen, pdf), &code);
	if (code != 0 || !strstr(said, "the city issued this file, and it is valid"))
		fail_msg("%s", said);
	happen(7);
	said = verify_journal(seen, &code);
	if (code != 0 || !strstr(said, "are all there, unchanged"))
		fail_msg("%s", said);
	/* Another file. */
	assert_int_equal(file_write(pdf, STR("%PDF-1.4 forged"), 0600, &err), 0);
	said = verify_journal(arena_printf(t.arena, "--document %s", pdf), &code);
	if (code != 1 || !strstr(said, "WRONG"))
		fail_msg("%s", said);
}

/* The commands of docs/journal.md, as they stand there. */
static void the_documentation_is_true(void **state)
{
	(void)state;
	const char *tree = getenv("MACHI_SOURCE") ? getenv("MACHI_SOURCE") : ".";
	struct str text, line;
	struct err err = {0};
	struct buf script;
	bool inside = false;
	assert_int_equal(
	    file_read(t.arena, arena_printf(t.arena, "%s/docs/journal.md", tree), &text, &err), 0);
	buf_init(&script, t.arena);
	buf_puts(&script, "set -e\n");
	while (str_cut(&text, '\n', &line)) {
		if (str_starts(line, "```")) {
			inside = str_is(line, "```sh");
			continue;
		}
		if (inside) {
			buf_str(&script, line);
			buf_putc(&script, '\n');
		}
	}
	const char *pdf = arena_printf(t.arena, "%s/x.pdf", t.store.dir);
	const char *path = arena_printf(t.arena, "%s/script", t.store.dir);
	assert_int_equal(file_write(pdf, file, 0600, &err), 0);
	assert_int_equal(file_write(path, buf_to_str(&script), 0600, &err), 0);
	struct str said = sample_run(
	    t.arena, "cd %s && CITY=%s PDF=%s bash script 2>&1", t.store.dir, t.base, pdf);
	assert_non_null(strstr(said.p, "Signature Verified Successfully"));
	assert_non_null(strstr(said.p, "the journal has it"));
}

static int revoke_all(struct db *db, void *arg, struct err *err)
{
	return document_revoke_all(db, arg, "staff:1", "誤り", err) == 1 ? 0 : -(int)ERR_CONFLICT;
}

static void revoked_documents_say_so(void **state)
{
	(void)state;
	struct reply r;
	OK(store_write(t.store.st, revoke_all, (void *)(uintptr_t)doc->subject, why));
	assert_int_equal(store_write(t.store.st, revoke_all, (void *)(uintptr_t)doc->subject, NULL),
	    -(int)ERR_CONFLICT); /* none is left */
	r = get(arena_printf(t.arena, "/verify/%s", doc->code), NULL, true);
	assert_true(json_is_false(json_object_get(json_object_get(r.json, "document"), "valid")));
	assert_int_equal(json_array_size(json_object_get(r.json, "entries")), 2);
	assert_null(strstr(r.body.p, "誤り")); /* the reason is the office's */
	reply_free(&r);
	int code;
	struct err err = {0};
	const char *pdf = arena_printf(t.arena, "%s/x.pdf", t.store.dir);
	assert_int_equal(file_write(pdf, file, 0600, &err), 0);
	char *said = verify_journal(arena_printf(t.arena, "--document %s", pdf), &code);
	if (code != 1 || !strstr(said, "no longer valid"))
		fail_msg("%s", said);
}

static void the_outbox_is_for_operators(void **state)
{
	(void)state;
	struct reply r = get("/staff/outbox", "resident", true);
	assert_int_equal(r.status, 403);
	reply_free(&r);
	r = get("/staff/outbox", "staff", true);
	assert_int_equal(r.status, 200);
	assert_int_equal(json_array_size(json_object_get(r.json, "notices")), 1);
	assert_string_equal(reply_text(&r, "notices.0.to"), "taro@example.jp");
	assert_string_equal(reply_text(&r, "notices.0.state"), "queued");
	reply_free(&r);
	static const char *const pages[] = {"/staff/outbox", "/en/staff/outbox",
	    "/staff/outbox?state=dead", "/staff/outbox?state=queued&before=99", "/staff/outbox/1",
	    "/en/staff/outbox/1"};
	for (size_t i = 0; i < COUNT(pages); i++) {
		r = get(pages[i], "staff", false);
		if (r.status != 200)
			fail_msg("%s: %ld", pages[i], r.status);
		reply_free(&r);
	}
	r = get("/staff/outbox/1", "staff", true);
	assert_non_null(strstr(reply_text(&r, "notice.body"), doc->code));
	reply_free(&r);
	r = get("/staff/outbox/77", "staff", true);
	assert_int_equal(r.status, 404);
	reply_free(&r);
	struct call c = {.method = "POST",
	    .body = "",
	    .type = "application/x-www-form-urlencoded",
	    .headers = {"Authorization: Bearer staff", "Accept: application/json"}};
	r = test_call(&t, "/staff/outbox/1/discard", &c);
	assert_int_equal(r.status, 200);
	reply_free(&r);
	r = test_call(&t, "/staff/outbox/1/send", &c);
	assert_int_equal(r.status, 409);
	reply_free(&r);
	r = get("/staff/outbox/1", "staff", true);
	assert_string_equal(reply_text(&r, "notice.state"), "discarded");
	assert_null(reply_text(&r, "notice.body"));
	reply_free(&r);
}

int main(int argc, char **argv)
{
	int code;
	if (sample_main_begins(argc, argv, &code))
		return code;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verified_by_code),
	    cmocka_unit_test(compared_with_a_file),
	    cmocka_unit_test(the_file_is_for_the_applicant),
	    cmocka_unit_test(the_journal_answers),
	    cmocka_unit_test(outsiders_can_check),
	    cmocka_unit_test(the_documentation_is_true),
	    cmocka_unit_test(revoked_documents_say_so),
	    cmocka_unit_test(the_outbox_is_for_operators),
	};
	web_set_authenticator(&authenticator);
	document_set_hooks(&hooks);
	test_city_open(&t);
	t.city.base_url = "https://city.example";
	test_city_serve(&t, &(struct web_options){.address = "127.0.0.1",
	                        .port = 0,
	                        .threads = 2,
	                        .body_max = 1 << 20,
	                        .upload_max = 8 << 20,
	                        .connection_max = 64,
	                        .timeout_s = 10});
	issue();
	code = cmocka_run_group_tests(tests, NULL, NULL);
	sample_workers_end();
	test_city_close(&t);
	return code;
}
