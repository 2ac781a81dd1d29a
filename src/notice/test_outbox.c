/* The outbox on a store: states, tries, and delivery through a real mail server. */
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/resource.h"
#include "base/test.h"
#include "base/time.h"
#include "notice/private.h"
#include "store/journal.h"
#include "store/test_store.h"
#include "web/template.h"

static struct city city;
static char dir[64]; /* of the mail server */

/* --- a city without a folder --- */

static int source(void *arg, struct arena *a, const char *name, struct str *out, struct err *err)
{
	(void)arg;
	const char *path = arena_printf(a, "templates/%s", name);
	return resource_find(path, out) ? 0 : err_set(err, ERR_MISSING, NULL, "%s", path);
}

static int load_catalogue(void *arg, const char *path, struct str po)
{
	struct err err = {0};
	size_t n = strlen(path);
	char lang[3] = {path[n - 5], path[n - 4], '\0'};
	return i18n_load(arg, lang, path, po, &err);
}

static void city_begin(void)
{
	city.base_url = "https://city.example";
	city.settings = json_pack("{s:{s:s,s:s},s:{s:s}}", "name", "ja", "高松市", "en",
	    "Takamatsu City", "smtp", "from", "noreply@city.example");
	city.i18n = i18n_new();
	assert_int_equal(resource_each("i18n/notice.", load_catalogue, city.i18n), 0);
	city.templates = templates_new(source, NULL, city.i18n);
}

static void city_end(void)
{
	templates_free(city.templates);
	i18n_free(city.i18n);
	json_decref(city.settings);
}

static void set_server(const char *url)
{
	json_t *smtp = json_object_get(city.settings, "smtp");
	if (url)
		json_object_set_new(smtp, "url", json_string(url));
	else
		json_object_del(smtp, "url");
}

static int free_port(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	(void)close(fd);
	return ntohs(at.sin_port);
}

/* --- steps --- */

struct mailing {
	const char *to, *lang, *kind;
	json_t *view;
};

static int mail_write(struct db *db, void *arg, struct err *err)
{
	const struct mailing *m = arg;
	return notice_mail(db, m->to, m->lang, m->kind, "application:1", m->view, err);
}

static json_t *receipt_view(void)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s}", "name", "見本 太郎", "procedure",
	    "犬の登録 <A&B>", "receipt_number", "7Q3K-41MX-9", "due", "2026-12-05", "url",
	    "https://city.example/applications/1?a=1&b=2");
}

static void put_mail(struct store *st, const char *to, const char *lang, const char *kind)
{
	struct mailing m = {to, lang, kind, receipt_view()};
	json_object_set_new(m.view, "hours", json_integer(24));
	OK(store_write(st, mail_write, &m, why));
	json_decref(m.view);
}

static void drain(struct store *st)
{
	const struct job_kind *const kinds[] = {&notice_jobs[0], &notice_jobs[1]};
	OK(jobs_drain(st, kinds, (int)COUNT(kinds), &city, why));
}

static struct notice *newest(struct store *st, struct arena *a)
{
	struct err err = {0};
	struct notice *list, *one;
	struct db *db = store_reader(st, &err);
	assert_int_equal(notice_list(db, a, -1, 0, 1, &list, &err), 1);
	assert_int_equal(notice_get(db, a, list[0].id, &one, &err), 1);
	return one;
}

struct step {
	int64_t id;
	int (*fn)(struct db *, int64_t, const char *, struct err *);
};

static int step_write(struct db *db, void *arg, struct err *err)
{
	const struct step *s = arg;
	return s->fn(db, s->id, "staff:1", err);
}

/* --- tests --- */

static void held_without_a_server(struct store *st)
{
	struct arena *a = arena_new();
	struct err err = {0};
	int64_t counts[NOTICE_STATE_COUNT];
	set_server(NULL);
	put_mail(st, "taro@example.jp", "ja", "receipt");
	drain(st);
	struct notice *n = newest(st, a);
	assert_int_equal(n->state, NOTICE_HELD);
	assert_string_equal(n->title, "【高松市】申請を受け付けました（7Q3K-41MX-9）");
	assert_int_equal(n->tries, 0);
	assert_int_equal(notice_counts(store_reader(st, &err), 1000, counts, &err), 0);
	assert_int_equal(counts[NOTICE_HELD], 1);

	/* The operator may discard it; then its text is gone, and it cannot be sent any more. */
	struct step s = {n->id, notice_discard};
	OK(store_write(st, step_write, &s, why));
	assert_int_equal(store_write(st, step_write, &s, &err), -(int)ERR_CONFLICT);
	s.fn = notice_requeue;
	assert_int_equal(store_write(st, step_write, &s, &err), -(int)ERR_CONFLICT);
	n = newest(st, a);
	assert_int_equal(n->state, NOTICE_DISCARDED);
	assert_null(n->view);
	struct journal_entry *e;
	int count = journal_of(
	    store_reader(st, &err), a, arena_printf(a, "notice:%lld", (long long)n->id), &e, &err);
	assert_int_equal(count, 1);
	assert_string_equal(e->verb, "notice.discarded");
	arena_free(a);
}

/* What a mail said is kept 90 days, that there was one 400. */
static void cleaned_every_day(struct store *st)
{
	const int64_t day_us = (int64_t)86400 * 1000000, start = now_us();
	struct arena *a = arena_new();
	struct err err = {0};
	struct notice *list;
	set_server(NULL);
	put_mail(st, "taro@example.jp", "ja", "receipt");
	drain(st);
	for (int days = 1; days <= 400; days += days == 1 ? 89 : days == 90 ? 1 : 309) {
		now_set_us(start + days * day_us);
		drain(st);
		struct notice *n = newest(st, a);
		if ((n->view != NULL) != (days <= 90))
			fail_msg("after %d days", days);
	}
	now_set_us(start + 401 * day_us);
	drain(st);
	assert_int_equal(notice_list(store_reader(st, &err), a, -1, 0, 1, &list, &err), 0);
	now_set_us(0);
	arena_free(a);
}

static void tried_again_when_the_server_is_away(struct store *st)
{
	struct arena *a = arena_new();
	set_server(arena_printf(a, "smtp://127.0.0.1:%d", free_port()));
	put_mail(st, "taro@example.jp", "en", "receipt");
	drain(st);
	struct notice *n = newest(st, a);
	assert_int_equal(n->state, NOTICE_FAILED);
	assert_int_equal(n->tries, 1);
	assert_non_null(n->error);
	/* A text that cannot be filled, an address that is none: nobody waits for them. */
	put_mail(st, "taro@example.jp", "en", "no-such-kind");
	put_mail(st, "no address", "en", "receipt");
	drain(st);
	n = newest(st, a);
	assert_int_equal(n->state, NOTICE_DEAD);
	struct err err = {0};
	assert_int_equal(notice_get(store_reader(st, &err), a, n->id - 1, &n, &err), 1);
	assert_int_equal(n->state, NOTICE_DEAD);
	int64_t counts[NOTICE_STATE_COUNT];
	assert_int_equal(notice_counts(store_reader(st, &err), 1, counts, &err), 0);
	assert_int_equal(counts[NOTICE_FAILED], 1);
	assert_int_equal(counts[NOTICE_DEAD], 1); /* no further than was asked for */
	arena_free(a);
}

/* Takes the one mail out of a folder; NULL when there is none. */
static char *mail_in(struct arena *a, const char *folder, struct str *out)
{
	struct err err = {0};
	char *mail = NULL;
	DIR *d = opendir(folder);
	assert_non_null(d);
	for (struct dirent *e; !mail && (e = readdir(d));) {
		if (e->d_name[0] == '.')
			continue;
		const char *path = arena_printf(a, "%s/%s", folder, e->d_name);
		assert_int_equal(file_read(a, path, out, &err), 0);
		assert_int_equal(unlink(path), 0);
		mail = str_dup(a, *out);
	}
	(void)closedir(d);
	return mail;
}

/* The mail that the server delivers to a user, some time after it took it; NULL: none came. */
static char *mail_of(struct arena *a, const char *user, struct str *out)
{
	enum { WAIT_MS = 30000 };
	const char *folder = arena_printf(a, "%s/mail/%s/new", dir, user);
	int watch = inotify_init1(IN_CLOEXEC);
	assert_true(watch >= 0);
	assert_true(inotify_add_watch(watch, folder, IN_CREATE | IN_MOVED_TO) >= 0);
	char *mail = mail_in(a, folder, out);
	struct pollfd p = {.fd = watch, .events = POLLIN};
	if (!mail && poll(&p, 1, WAIT_MS) == 1)
		mail = mail_in(a, folder, out);
	(void)close(watch); /* only read from */
	return mail;
}

/* The folders of the users, open to the user that the mail server delivers as. */
static void make_folders(void)
{
	static const char *const folders[] = {"taro", "taro/new", "taro/cur", "taro/tmp", "hanako",
	    "hanako/new", "hanako/cur", "hanako/tmp"};
	for (size_t i = 0; i < COUNT(folders); i++) {
		char path[200];
		(void)snprintf(path, sizeof(path), "%s/mail/%s", dir, folders[i]);
		assert_int_equal(mkdir(path, 0777), 0);
		assert_int_equal(chmod(path, 0777), 0); /* whatever the umask is */
	}
}

static void through_a_real_server(struct store *st)
{
	struct arena *a = arena_new();
	struct str mail;
	put_mail(st, "taro@example.jp", "ja", "receipt");
	drain(st);
	struct notice *n = newest(st, a);
	if (n->state != NOTICE_DONE)
		fail_msg("%s: %s", notice_state_name(n->state), n->error ? n->error : "");
	assert_non_null(n->view);
	char *got = mail_of(a, "taro", &mail);
	assert_non_null(got);
	assert_non_null(strstr(got, "To: <taro@example.jp>"));
	assert_non_null(strstr(got, "Auto-Submitted: auto-generated"));
	assert_non_null(strstr(got, arena_printf(a, "Message-ID: <notice.%lld.%s@city.example>",
	                                (long long)n->id, n->message_id)));
	/* English is readable as it is, and nothing is escaped as in HTML. */
	put_mail(st, "hanako@example.jp", "en", "receipt");
	drain(st);
	got = mail_of(a, "hanako", &mail);
	assert_non_null(got);
	assert_non_null(strstr(got, "Your application has arrived."));
	assert_non_null(strstr(got, "<A&B>"));
	assert_non_null(strstr(got, "a=3D1&b=3D2"));
	/* Sent again it has the same Message-ID. */
	n = newest(st, a);
	struct step s = {n->id, notice_requeue};
	OK(store_write(st, step_write, &s, why));
	drain(st);
	got = mail_of(a, "hanako", &mail);
	assert_non_null(got);
	assert_non_null(strstr(got, n->message_id));
	/* What lets somebody in is forgotten when it is sent. */
	put_mail(st, "taro@example.jp", "ja", "password-reset");
	drain(st);
	n = newest(st, a);
	assert_int_equal(n->state, NOTICE_DONE);
	assert_null(n->view);
	assert_non_null(mail_of(a, "taro", &mail));
	/* The server says no for ever. */
	put_mail(st, "refused@example.jp", "ja", "receipt");
	drain(st);
	n = newest(st, a);
	assert_int_equal(n->state, NOTICE_DEAD);
	assert_non_null(strstr(n->error, "550"));
	arena_free(a);
}

static void delivery(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	const char *tree = getenv("MACHI_SOURCE");
	int port = free_port();
	(void)snprintf(dir, sizeof(dir), "/tmp/machi-smtp-XXXXXX");
	assert_non_null(mkdtemp(dir));
	const char *script = arena_printf(a, "%s/tests/lib/smtp.sh", tree ? tree : ".");
	int code = system(arena_printf(a, "exec %s start %s %d", script, dir, port));
	if (code != 0) {
		arena_free(a);
		assert_int_equal(WEXITSTATUS(code), 77);
		skip(); /* OpenSMTPD is not installed, or we may not start it */
	}
	make_folders();
	set_server(arena_printf(a, "smtp://127.0.0.1:%d", port));
	test_store_each(through_a_real_server);
	(void)!system(arena_printf(a, "%s stop %s; rm -rf %s", script, dir, dir));
	arena_free(a);
}

/* Every kind of mail fills in both languages: no hole left, nothing from the other language. */
static const char *const kinds[] = {"confirm-address", "confirm-mail", "password-reset",
    "already-registered", "mail-changed", "password-changed", "second-added", "second-removed",
    "recovery-used", "account-closed", "new-sign-in", "new-device", "receipt", "accepted",
    "correction-requested", "correction-reminder", "decided", "document-ready", "message",
    "withdrawn", "staff-reminder"};

static void every_kind_fills(void **state)
{
	(void)state;
	json_error_t why;
	json_t *view = json_loads(
	    "{\"name\":\"T. "
	    "Mihon\",\"hours\":24,\"url\":\"https://city.example/secret\",\"login_url\":\"L\","
	    "\"procedure\":\"P\",\"receipt_number\":\"7Q3K\",\"due\":\"2026-12-05\",\"message\":"
	    "\"M\","
	    "\"at\":1795221000000000,\"address\":\"192.0.2.1\",\"agent\":\"Firefox\",\"text\":"
	    "\"T\","
	    "\"fields\":[{\"label\":\"F\",\"message\":\"G\"}],\"department\":\"D\",\"phone\":\"1\","
	    "\"document\":{\"title\":\"C\",\"number\":\"N\",\"url\":\"U\",\"verify_url\":\"V\"},"
	    "\"items\":[{\"title\":\"I\",\"receipt_number\":\"R\",\"due\":\"2026-12-05\"}],"
	    "\"overdue\":2,"
	    "\"outcome_text\":\"O\",\"is_refused\":true}",
	    0, &why);
	assert_non_null(view);
	for (size_t i = 0; i < COUNT(kinds) * 2; i++) {
		struct arena *a = arena_new();
		struct err err = {0};
		struct notice n = {.to = "taro@example.jp",
		    .lang = i % 2 ? "en" : "ja",
		    .kind = kinds[i / 2],
		    .about = "x:1",
		    .view = view};
		char *title, *body;
		if (notice_compose(&city, a, &n, false, &title, &body, &err) < 0)
			fail_msg("%s: %s", n.kind, err.detail);
		if (strstr(body, "{{") || strstr(body, "\n\n\n") ||
		    !strstr(title, i % 2 ? "Takamatsu" : "高松市") || !strstr(body, "T. Mihon"))
			fail_msg("%s.%s: %s\n%s", n.kind, n.lang, title, body);
		if (i % 2)
			for (const char *p = body; *p; p++)
				if ((unsigned char)*p > 0x7f)
					fail_msg("%s.en is not English: %s", n.kind, body);
		if (notice_is_secret(n.kind)) {
			assert_int_equal(
			    notice_compose(&city, a, &n, true, &title, &body, &err), 0);
			assert_null(strstr(body, "secret"));
		}
		arena_free(a);
	}
	json_decref(view);
}

static void a_definitions_own_texts(void **state)
{
	(void)state;
	struct arena *a = arena_new();
	struct err err = {0};
	json_t *view = json_pack("{s:s,s:s,s:s}", "subject_text", "{{dog}}の登録\nBcc: x",
	    "body_text", "{{dog}}を登録しました。\n", "dog", "ポチ<&>");
	struct notice n = {
	    .to = "a@b.jp", .lang = "ja", .kind = "text", .about = "x", .view = view};
	char *title, *body;
	assert_int_equal(notice_compose(&city, a, &n, false, &title, &body, &err), 0);
	assert_string_equal(title, "ポチ<&>の登録 Bcc: x");
	assert_string_equal(body, "ポチ<&>を登録しました。\n");
	json_decref(view);
	arena_free(a);
}

static void on_each(void **state)
{
	test_store_each(*state);
}

int main(void)
{
	city_begin();
	const struct CMUnitTest tests[] = {
	    {"held_without_a_server", on_each, NULL, NULL, held_without_a_server},
	    {"cleaned_every_day", on_each, NULL, NULL, cleaned_every_day},
	    {"tried_again_when_the_server_is_away", on_each, NULL, NULL,
	        tried_again_when_the_server_is_away},
	    cmocka_unit_test(every_kind_fills),
	    cmocka_unit_test(a_definitions_own_texts),
	    cmocka_unit_test(delivery),
	};
	int code = cmocka_run_group_tests(tests, NULL, NULL);
	city_end();
	return code;
}
