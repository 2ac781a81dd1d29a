/* The site that the tests of the server ask: a module with routes of every kind, served over real
 * connections. Include it in the test's one .c file, which ends with test_both_stores(). */
#ifndef WEB_TEST_SITE_H
#define WEB_TEST_SITE_H

#include "web/test_web.h"

#include "store/blob.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

/* --- the module under test --- */

static atomic_int made; /* how often the cached page was made */
static atomic_int write_runs;

static int hello(struct request *rq, struct err *err)
{
	(void)err;
	json_object_set_new(rq->view, "hello", json_string(rq->lang));
	json_object_set_new(rq->view, "url", json_string(rq->url));
	json_object_set_new(rq->view, "address", json_string(rq->address));
	return 0;
}

static int page(struct request *rq, struct err *err)
{
	(void)err;
	json_object_set_new(rq->view, "words", json_string("<&>"));
	return 0;
}

static int cached(struct request *rq, struct err *err)
{
	(void)err;
	json_object_set_new(rq->view, "made", json_integer(++made));
	struct buf b;
	buf_init(&b, rq->arena);
	for (int i = 0; i < 200; i++)
		buf_puts(&b, "many words ");
	json_object_set_new(rq->view, "words", json_string(b.p));
	return 0;
}

static int thing(struct request *rq, struct err *err)
{
	if (rq_param_i64(rq, "id") == 404)
		return err_set(err, ERR_MISSING, NULL, "no thing");
	json_object_set_new(rq->view, "id", json_string(rq_param(rq, "id")));
	return 0;
}

static int thing_write(struct request *rq, struct db *db, struct err *err)
{
	write_runs++;
	int64_t n;
	int rc = series_next(db, "thing", &n, err);
	if (rc < 0)
		return rc;
	rc = meta_set(
	    db, arena_printf(rq->arena, "thing.%lld", (long long)n), rq_form(rq, "name"), err);
	if (rc < 0)
		return rc;
	struct journal_change change = {
	    .actor = "system", .verb = "thing.made", .subject = "thing:1"};
	if ((rc = journal_add(db, &change, NULL, err)) < 0)
		return rc;
	json_object_set_new(rq->view, "id", json_integer(n));
	rq_flash(rq, "success", "web.jobs.retried", NULL);
	rq->status = 201;
	return rq_redirect(rq, "/things/%lld", (long long)n);
}

static int thing_add(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, thing_write);
}

/* Fails until it was run twice, as after a serialization failure. */
static int twice_write(struct request *rq, struct db *db, struct err *err)
{
	(void)db;
	int *runs = rq_data(rq);
	rq_problem(rq, "name", "web.input.required", NULL);
	rq_flash(rq, "info", "web.jobs.retried", NULL);
	rq_crumb(rq, "x", "/x");
	if (++*runs == 1)
		return err_set(err, ERR_CONFLICT, "web.csrf", "first");
	return 0;
}

static int twice_failed(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, twice_write);
}

static int twice(struct request *rq, struct err *err)
{
	(void)err;
	rq_set_data(rq, arena_alloc(rq->arena, sizeof(int)));
	return rq_write_or(rq, twice_write, twice_failed);
}

static int conflict_write(struct request *rq, struct db *db, struct err *err)
{
	(void)rq;
	int rc = meta_set(db, "never", "kept", err);
	return rc < 0 ? rc : err_field(err, ERR_CONFLICT, "name", "store.conflict", "taken");
}

static int conflict_failed(struct request *rq, struct err *err)
{
	rq_problem(rq, err->field, err->msg, NULL);
	return 0;
}

static int conflict(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write_or(rq, conflict_write, rq_form(rq, "page") ? conflict_failed : NULL);
}

static int later(struct request *rq, struct err *err)
{
	(void)err;
	struct timespec t = {.tv_nsec = 200 * 1000 * 1000};
	(void)nanosleep(&t, NULL);
	return rq_form(rq, "name") ? rq_write(rq, thing_write) : 0;
}

static int slow(struct request *rq, struct err *err)
{
	(void)err;
	return rq_defer(rq, later);
}

static void echo_one(void *arg, const char *name, const char *value)
{
	json_array_append_new(arg, json_pack("[s,s]", name, value));
}

static int echo(struct request *rq, struct err *err)
{
	(void)err;
	json_t *fields = json_array();
	rq_form_each(rq, echo_one, fields);
	json_object_set_new(rq->view, "fields", fields);
	return 0;
}

static int upload(struct request *rq, struct err *err)
{
	json_t *files = json_array();
	json_object_set_new(rq->view, "files", files);
	for (int i = 0; i < rq_upload_count(rq, "file"); i++) {
		const struct upload *u = rq_upload(rq, "file", i);
		char name[BLOB_NAME_SIZE];
		int rc = blob_put_fd(rq->city->store, u->fd, name, err);
		if (rc < 0)
			return rc;
		json_array_append_new(
		    files, json_pack("{s:s,s:s,s:I,s:s}", "name", u->filename, "type", u->type,
		               "size", (json_int_t)u->size, "blob", name));
	}
	return echo(rq, err);
}

static int blob(struct request *rq, struct err *err)
{
	return rq_send_blob(rq, rq_param(rq, "blob"), rq_query(rq, "type"), "書類 1.pdf",
	    rq_query(rq, "save") != NULL, err);
}

static int go(struct request *rq, struct err *err)
{
	(void)err;
	const char *next = rq_form(rq, "next");
	return rq_redirect(rq, "%s", next ? next : "/hello");
}

static int rows_made(struct request *rq, void *state, struct buf *out, struct err *err)
{
	int *n = state;
	int64_t end = rq_param_i64(rq, "rows");
	if (*n == 70000 && end == 70001)
		return err_set(err, ERR_STORE, NULL, "broken in the middle");
	buf_printf(out, "%d,row\r\n", (*n)++);
	return *n < end;
}

static int stream(struct request *rq, struct err *err)
{
	(void)err;
	return rq_stream(rq, "text/csv; charset=utf-8", "rows.csv", rows_made,
	    arena_alloc(rq->arena, sizeof(int)));
}

static int sign_in_write(struct request *rq, struct db *db, struct err *err)
{
	int64_t account = strcmp(rq_form(rq, "who"), "staff") == 0 ? 2 : 1;
	int rc = session_start(
	    rq, db, account, 3600, &(struct session_level){.method = "password", .level = 1}, err);
	return rc < 0 ? rc : rq_redirect(rq, "/secret");
}

static int sign_in(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, sign_in_write);
}

static int sign_out_write(struct request *rq, struct db *db, struct err *err)
{
	int rc = session_end(rq, db, err);
	return rc < 0 ? rc : rq_redirect(rq, "/");
}

static int sign_out(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, sign_out_write);
}

static int sessions(struct request *rq, struct err *err)
{
	struct session_info *list;
	int n = session_list(rq, rq_db(rq, err), rq->actor.account, &list, err);
	if (n < 0)
		return n;
	json_t *out = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(out, json_pack("{s:s,s:b,s:s}", "id", list[i].id, "current",
		                               list[i].current, "agent", list[i].agent));
	json_object_set_new(rq->view, "sessions", out);
	json_object_set_new(rq->view, "actor", json_string(rq->actor.id));
	return 0;
}

static const struct input thing_inputs[] = {
    {"name", "string", true, 10},
    {"count", "integer", false, 0},
    {"day", "date", false, 0},
    {0},
};

static const struct route routes[] = {
    {HTTP_GET, "/hello", hello, .perm = "public"},
    {HTTP_GET, "/", page, .perm = "public", .template = "test/page", .flags = ROUTE_CACHE},
    {HTTP_GET, "/page", page, .perm = "public", .template = "test/page"},
    {HTTP_GET, "/form", page, .perm = "public", .template = "test/form"},
    {HTTP_GET, "/kept-form", page, .perm = "public", .template = "test/form", .flags = ROUTE_CACHE},
    {HTTP_GET, "/broken", page, .perm = "public", .template = "test/broken"},
    {HTTP_GET, "/cached", cached, .perm = "public", .template = "test/page", .flags = ROUTE_CACHE},
    {HTTP_GET, "/things/{id}", thing, .perm = "public"},
    {HTTP_POST, "/things", thing_add, .perm = "public", .inputs = thing_inputs},
    {HTTP_POST, "/free", thing_add, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_POST, "/twice", twice, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_POST, "/conflict", conflict, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_GET, "/slow", slow, .perm = "public"},
    {HTTP_POST, "/slow", slow, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_POST, "/echo", echo, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_PUT, "/echo", echo, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_POST, "/upload", upload, .perm = "public", .flags = ROUTE_NO_CSRF | ROUTE_UPLOAD},
    {HTTP_GET, "/blobs/{blob}.pdf", blob, .perm = "public"},
    {HTTP_POST, "/go", go, .perm = "public", .flags = ROUTE_NO_CSRF},
    {HTTP_GET, "/stream/{rows}", stream, .perm = "public"},
    {HTTP_GET, "/secret", sessions, .perm = "signed-in", .template = "test/form"},
    {HTTP_GET, "/login", page, .perm = "public", .template = "test/form"},
    {HTTP_POST, "/sign-in", sign_in, .perm = "public", .rate = RATE_LOGIN},
    {HTTP_POST, "/sign-out", sign_out, .perm = "signed-in"},
    {HTTP_GET, "/limited", hello, .perm = "public", .rate = RATE_LOGIN},
};

static const struct module test_module = {
    .name = "test", .slot = -1, .routes = routes, .nroutes = COUNT(routes)};
const struct module *const modules[] = {&web_module, &test_module};
const int nmodules = COUNT(modules);

const char *const test_templates[][2] = {
    {"test/page",
        "<!doctype html><html lang=\"{{lang}}\"><title>{{city.name}}</title><p>{{words}}</p>"
        "{{#flash}}<b>{{text}}</b>{{/flash}}<i>{{made}}</i>"},
    {"test/form",
        "<!doctype html><form><input name=\"csrf\" value=\"{{csrf}}\"></form>{{user.name}}"},
    {"test/broken", "{{#never}}"},
    {NULL, NULL},
};

static int who(struct request *rq, struct db *db, int64_t account, struct actor *a, struct err *err)
{
	(void)db;
	(void)err;
	*a = (struct actor){.kind = account == 2 ? ACTOR_STAFF : ACTOR_RESIDENT,
	    .account = account,
	    .person = account,
	    .name = account == 2 ? "係員" : "住民",
	    .id = arena_printf(
	        rq->arena, "%s:%lld", account == 2 ? "staff" : "resident", (long long)account)};
	return 0;
}

static int bearer(
    struct request *rq, struct db *db, const char *token, struct actor *a, struct err *err)
{
	return strcmp(token, "good") == 0 ? who(rq, db, 2, a, err) : 0;
}

static bool allows(struct request *rq, const char *perm)
{
	return rq->actor.kind == ACTOR_STAFF && strcmp(perm, "operate") == 0;
}

static const struct authenticator authenticator = {who, bearer, allows};

/* --- the stories --- */

static struct test_city t;

static const struct web_options options = {.address = "127.0.0.1",
    .threads = 2,
    .body_max = 64 * 1024,
    .upload_max = 1024 * 1024,
    .timeout_s = 5,
    .trusted_proxy = "127.0.0.0/8"};

static int setup(void **state)
{
	(void)state;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	web_set_authenticator(&authenticator);
	test_city_open(&t);
	test_city_serve(&t, &options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_city_close(&t);
	curl_global_cleanup();
	return 0;
}

/* The form token of a page, on the arena. */
static char *token_of(const struct reply *r)
{
	const char *at = strstr(r->body.p, "value=\"");
	assert_non_null(at);
	return arena_strndup(t.arena, at + 7, 43);
}

#pragma GCC diagnostic pop

#endif
