/* The city hall that the tests of this module's pages ask: an administrator, a clerk, and mails
 * that are kept instead of sent. Include it in the test's one .c file, which ends with
 * test_both_stores(). */
#ifndef IDENTITY_TEST_OFFICE_H
#define IDENTITY_TEST_OFFICE_H

#include "web/test_web.h"

#include "base/time.h"
#include "identity/private.h"
#include "notice/notice.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

const struct module *const modules[] = {&web_module, &identity_module};
const int nmodules = 2;
const char *const test_templates[][2] = {{NULL, NULL}};

static struct test_city t;

/* --- mails: kept instead of sent --- */

static struct {
	int n;
	char to[256], lang[8], kind[64], url[512];
} mail;

int notice_mail(struct db *db, const char *to, const char *lang, const char *kind,
    const char *subject, json_t *view, struct err *err)
{
	(void)db;
	(void)subject;
	(void)err;
	const char *url = json_string_value(json_object_get(view, "url"));
	if (!url)
		url = json_string_value(json_object_get(view, "login_url"));
	mail.n++;
	(void)snprintf(mail.to, sizeof(mail.to), "%s", to);
	(void)snprintf(mail.lang, sizeof(mail.lang), "%s", lang);
	(void)snprintf(mail.kind, sizeof(mail.kind), "%s", kind);
	(void)snprintf(mail.url, sizeof(mail.url), "%s", url ? url : "");
	return 0;
}

/* The path of the link in the last mail. */
static const char *mail_path(void)
{
	assert_non_null(strstr(mail.url, t.city.base_url));
	return mail.url + strlen(t.city.base_url);
}

/* --- a browser --- */

static const char *encode(const char *text)
{
	struct buf b;
	buf_init(&b, t.arena);
	buf_url(&b, str_from(text));
	return b.p ? b.p : "";
}

static struct reply get(CURL *browser, const char *path)
{
	struct call c = {.curl = browser, .headers = {"Accept: application/json"}};
	return test_call(&t, path, &c);
}

static struct reply get_html(CURL *browser, const char *path)
{
	struct call c = {.curl = browser, .headers = {"Accept: text/html"}};
	return test_call(&t, path, &c);
}

/* The form token of a page, as a browser has it. */
static const char *csrf_of(CURL *browser)
{
	static const char mark[] = "name=\"csrf\" value=\"";
	struct reply r = get_html(browser, "/register");
	if (r.status == 303) /* signed in */
		r = get_html(browser, "/account");
	if (r.status != 200)
		r = get_html(browser, "/account/sessions");
	const char *at = strstr(r.body.p, mark);
	if (!at)
		fail_msg("no form token: %ld %s", r.status, r.body.p);
	at += sizeof(mark) - 1;
	return arena_strndup(t.arena, at, strcspn(at, "\""));
}

/* Posts pairs (name, value, ..., NULL) as a form of a page; redirects are not followed. */
static struct reply post(CURL *browser, const char *path, ...)
{
	struct buf body;
	buf_init(&body, t.arena);
	buf_printf(&body, "csrf=%s", encode(csrf_of(browser)));
	va_list ap;
	va_start(ap, path);
	for (const char *name; (name = va_arg(ap, const char *));)
		buf_printf(&body, "&%s=%s", name, encode(va_arg(ap, const char *)));
	va_end(ap);
	struct call c = {.curl = browser, .body = body.p, .headers = {"Accept: text/html"}};
	return test_call(&t, path, &c);
}

#define post(...) post(__VA_ARGS__, (const char *)NULL)

static void see_other(struct reply *r, const char *where)
{
	const char *location = reply_header(&t, r, "Location");
	if (r->status != 303 || !text_eq(location, where))
		fail_msg("%ld %s\n%s", r->status, location ? location : "", r->body.p);
	reply_free(r);
}

static void shows(struct reply *r, long status, const char *text)
{
	if (r->status != status || !strstr(r->body.p, text))
		fail_msg("%ld, not %ld with \"%s\":\n%s", r->status, status, text, r->body.p);
	reply_free(r);
}

static void is_signed_in(CURL *browser, bool wanted)
{
	struct reply r = get(browser, "/account");
	assert_int_equal(r.status, wanted ? 200 : 401);
	reply_free(&r);
}

static const char password[] = "udon to olive no shima";
static const char *good_hash;

/* --- the office --- */

static struct {
	int64_t department, admin, clerk;
} office;

static int office_make(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	int64_t account;
	int rc = department_add(db, "10", "市民課", "Citizens", 0, &office.department, err);
	if (rc == 0)
		rc = staff_add(db, "admin", good_hash, "管理 一郎", &account, &office.admin, err);
	if (rc == 0)
		rc = role_grant(db, office.admin, "identity_admin", 0, err);
	if (rc == 0)
		rc = staff_add(db, "clerk", good_hash, "窓口 花子", &account, &office.clerk, err);
	if (rc == 0)
		rc = post_add(db, office.clerk, office.department, RANK_STAFF, NULL, NULL, err);
	return rc;
}

static int resident_one(struct db *db, void *arg, struct err *err)
{
	int64_t account, person;
	json_t *profile = json_pack("{s:{s:s,s:s}}", "name", "family", "香川", "given", "太郎");
	int rc = resident_add(db, arg, good_hash, profile, "ja", &account, &person, err);
	json_decref(profile);
	return rc;
}

static void add_resident(const char *address)
{
	struct err err = {0};
	if (store_write(t.store.st, resident_one, arena_strdup(t.arena, address), &err) < 0)
		fail_msg("%s", err.detail);
}

static CURL *signed_in(const char *login)
{
	CURL *browser = test_browser();
	struct reply r = post(browser, "/login", "login", login, "password", password);
	see_other(&r, strchr(login, '@')        ? "/my"
	              : text_eq(login, "admin") ? "/staff/users"
	                                        : "/staff");
	return browser;
}

static int setup(void **state)
{
	(void)state;
	struct err err = {0};
	web_set_authenticator(&identity_authenticator);
	test_city_open(&t);
	t.city.base_url = "https://city.example";
	assert_int_equal(password_hash(t.arena, password, (char **)&good_hash, &err), 0);
	if (store_write(t.store.st, office_make, NULL, &err) < 0)
		fail_msg("%s", err.detail);
	static const struct web_options options = {.address = "127.0.0.1",
	    .threads = 1,
	    .body_max = 100000,
	    .upload_max = 1000000,
	    .connection_max = 100,
	    .timeout_s = 20};
	test_city_serve(&t, &options);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	test_city_close(&t);
	return 0;
}

#pragma GCC diagnostic pop

#endif
