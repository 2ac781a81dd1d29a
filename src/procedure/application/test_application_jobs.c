/* What happens after the transaction: mails, documents, the daily round. */
#include "procedure/application/test_life.h"

#include "base/file.h"
#include "base/resource.h"
#include "notice/private.h"
#include "procedure/catalogue.h"
#include "web/template.h"

static int source(void *arg, struct arena *a, const char *name, struct str *out, struct err *err)
{
	const char *dot = strrchr(name, '.');
	return city_resource(arg, a,
	    arena_printf(a, "templates/%s%s", name, dot && !strchr(dot, '/') ? "" : ".html"), out,
	    err);
}

static int load_text(void *arg, const char *path, struct str po)
{
	struct err err;
	size_t n = strlen(path);
	char lang[3] = {path[n - 5], path[n - 4], '\0'};
	if (i18n_load(arg, lang, path, po, &err) < 0)
		fail_msg("%s", err.detail);
	return 0;
}

static void put_definition(struct city *city, struct arena *a, const char *id, const char *yaml)
{
	const char *folder = arena_printf(a, "%s/custom/packs/test/procedures", city->dir);
	OK(dir_make(folder, 0700, why));
	OK(file_write(arena_printf(a, "%s/%s.yaml", folder, id), str_from(yaml), 0600, why));
}

/* A city around the test's store, with the world's definitions in its catalogue. */
static void city_begin(struct city *city, struct world *w)
{
	*city = (struct city){.id = "test",
	    .store = w->st,
	    .dir = store_dir(w->st),
	    .base_url = "https://city.example",
	    .i18n = i18n_new(),
	    .settings = json_pack(
	        "{s:{s:s}, s:{s:s}}", "name", "ja", "高松市", "mayor", "ja", "見本 太郎")};
	resource_each("i18n/", load_text, city->i18n);
	city->templates = templates_new(source, city, city->i18n);
	put_definition(city, w->arena, "dog", dog_yaml);
	put_definition(city, w->arena, "small", small_yaml);
	put_definition(city, w->arena, "course", course_yaml);
	OK(catalogue_load(city, why));
}

static void city_end(struct city *city)
{
	catalogue_free(city);
	templates_free(city->templates);
	i18n_free(city->i18n);
	json_decref(city->settings);
}

static int run_jobs(struct city *city)
{
	const struct job_kind *kinds[APPLICATION_JOB_COUNT];
	struct err err = {0};
	for (int i = 0; i < APPLICATION_JOB_COUNT; i++)
		kinds[i] = &application_jobs[i];
	int n = jobs_drain(city->store, kinds, APPLICATION_JOB_COUNT, city, &err);
	if (n < 0)
		fail_msg("%s", err.detail);
	int64_t dead = 0;
	OK(jobs_count(store_reader(city->store, why), "dead", 1, &dead, why));
	assert_int_equal(dead, 0);
	return n;
}

/* The mails so far: "receipt accepted ...", oldest first; each must have a text without holes. */
static const char *mails(struct city *city, struct world *w)
{
	struct notice *list;
	struct buf b;
	buf_init(&b, w->arena);
	int n = notice_list(world_db(w), w->arena, -1, 0, 200, &list, &w->err);
	for (int i = n - 1; i >= 0; i--) {
		char *title, *body;
		struct notice *full;
		buf_printf(&b, "%s%s", b.n ? " " : "", list[i].kind);
		assert_int_equal(notice_get(world_db(w), w->arena, list[i].id, &full, &w->err), 1);
		if (notice_compose(city, w->arena, full, false, &title, &body, &w->err) < 0)
			fail_msg("%s: %s", list[i].kind, w->err.detail);
		assert_null(strstr(body, "{{"));
		assert_null(strstr(title, "{{"));
		if (strcmp(list[i].kind, "document-ready") != 0)
			assert_non_null(strstr(body, "https://city.example"));
	}
	return b.p ? b.p : "";
}

static void told(struct store *st)
{
	struct world w = world_new(st);
	struct city city;
	city_begin(&city, &w);
	int64_t id = submitted(&w, HANAKO, w.small);
	assert_int_equal(run_jobs(&city), 1);
	assert_string_equal(mails(&city, &w), "receipt");
	assert_int_equal(run_jobs(&city), 0);
	DO(&w, CLERK, "accept", .id = id);
	DO(&w, CLERK, "ask", .id = id, .text = "直してください", .text2 = "2026-12-01");
	run_jobs(&city);
	assert_string_equal(mails(&city, &w), "receipt accepted correction-requested");
	DO(&w, HANAKO, "correct", .proc = w.small, .id = id, .json = w.answers);
	DO(&w, CLERK, "message", .id = id, .text = "確認中です");
	DO(&w, CLERK, "message", .id = id, .text = "内部", .text2 = "note");
	DO(&w, CLERK, "decide", .proc = w.small, .id = id);
	DO(&w, CHIEF, "approve", .proc = w.small, .id = id);
	run_jobs(&city);
	assert_string_equal(
	    mails(&city, &w), "receipt accepted correction-requested message procedure/payment");
	DO(&w, CLERK, "pay", .proc = w.small, .id = id, .n = 500, .text = "cash");
	run_jobs(&city);
	assert_string_equal(mails(&city, &w),
	    "receipt accepted correction-requested message procedure/payment decided");
	/* Nobody to tell: the counter's. */
	id = drafted(&w, CLERK, w.small, NULL);
	DO(&w, CLERK, "submit", .proc = w.small, .id = id);
	run_jobs(&city);
	assert_int_equal(strlen(mails(&city, &w)),
	    strlen("receipt accepted correction-requested message procedure/payment decided"));
	city_end(&city);
	world_free(&w);
}

static int notice_again(struct db *db, void *arg, struct err *err)
{
	int rc = 0;
	for (int i = 0; i < 2 && rc == 0; i++)
		rc = job_add(db, "application.notice", arg, 0, NULL, err);
	return rc;
}

/* A job that runs twice sends one mail. */
static void once(struct store *st)
{
	struct world w = world_new(st);
	struct city city;
	city_begin(&city, &w);
	int64_t id = submitted(&w, HANAKO, w.dog);
	json_t *payload =
	    json_pack("{s:I, s:s, s:i}", "id", (json_int_t)id, "event", "withdrawn", "turn", 99);
	OK(store_write(st, notice_again, payload, why));
	assert_int_equal(run_jobs(&city), 3);
	assert_string_equal(mails(&city, &w), "receipt withdrawn");
	json_decref(payload);
	city_end(&city);
	world_free(&w);
}

static void documents(struct store *st)
{
	static const struct sql all = {
	    "SELECT kind, template, number, title, view FROM document ORDER BY id", NULL};
	struct world w = world_new(st);
	struct city city;
	city_begin(&city, &w);
	int64_t id = accepted(&w, w.dog);
	DO(&w, CLERK, "decide", .proc = w.dog, .id = id);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = id);
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, HEAD, "approve", .proc = w.dog, .id = id);
	run_jobs(&city);
	struct rows *rows = db_query(world_db(&w), &w.err, &all, "");
	assert_int_equal(rows_next(rows), 1);
	assert_true(str_is(rows_str(rows, 0), "certificate"));
	assert_true(str_is(rows_str(rows, 2), "生衛第1号"));
	assert_true(str_is(rows_str(rows, 3), "通知書"));
	json_t *view = json_loads(rows_dup(rows, 4, w.arena), 0, NULL);
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(view, "to"), 0)), "高松　花子 様");
	assert_string_equal(json_string_value(json_array_get(json_object_get(view, "from"), 0)),
	    "高松市長　見本 太郎");
	json_t *row = json_array_get(json_object_get(view, "rows"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "label")), "氏名");
	assert_string_equal(json_string_value(json_object_get(row, "value")), "高松　花子");
	assert_string_equal(json_string_value(json_array_get(json_object_get(view, "body"), 0)),
	    "高松　花子の犬、鑑札1、高松市");
	assert_null(json_object_get(view, "appeal")); /* not where the answer is yes */
	json_decref(view);
	assert_int_equal(rows_next(rows), 0);
	rows_end(rows);
	city_end(&city);
	world_free(&w);
}

/* Runs the jobs that are due on a day at 07:00. */
static void morning(struct city *city, int days)
{
	now_set_us(FRIDAY + days * DAY - 3 * DAY / 24);
	run_jobs(city);
}

static int schedule(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return app_schedule(db, err);
}

static int64_t reminders(struct world *w, int64_t id, const char *kind)
{
	static const struct sql count = {
	    "SELECT COUNT(*) FROM reminder WHERE application = ?1 AND kind = ?2", NULL};
	int64_t n = -1;
	assert_int_equal(db_get_i64(world_db(w), &w->err, &n, &count, "it", id, kind), 1);
	return n;
}

static void deadlines(struct store *st)
{
	struct world w = world_new(st);
	struct city city;
	city_begin(&city, &w);
	OK(store_write(st, schedule, NULL, why));
	OK(store_write(st, schedule, NULL, why));    /* one is enough */
	int64_t id = submitted(&w, HANAKO, w.small); /* 30 days: until 20 December */
	int64_t asked = accepted(&w, w.small);
	DO(&w, CLERK, "ask", .id = asked, .text = "直してください", .text2 = "2026-12-04");
	run_jobs(&city);
	morning(&city, 10);
	assert_int_equal(reminders(&w, id, "warn"), 0);
	assert_int_equal(reminders(&w, asked, "correction"), 0);
	morning(&city, 11); /* 1 December: three days before */
	assert_int_equal(reminders(&w, asked, "correction"), 1);
	morning(&city, 21); /* 70 % of 30 days */
	morning(&city, 22);
	assert_int_equal(reminders(&w, id, "warn"), 1);
	assert_int_equal(reminders(&w, id, "overdue"), 0);
	morning(&city, 31);
	morning(&city, 32);
	assert_int_equal(reminders(&w, id, "overdue"), 1);
	/* The clock of the one that waits for the applicant stands still: the office was only told
	 * that the time for the correction is over. */
	assert_int_equal(reminders(&w, asked, "warn"), 0);
	assert_int_equal(reminders(&w, asked, "overdue"), 1);
	assert_string_equal(
	    mails(&city, &w), "receipt receipt accepted correction-requested correction-reminder");
	city_end(&city);
	world_free(&w);
}

/* --- mails to the office --- */

struct mailbox {
	int64_t account;
	const char *address;
};

static int set_address(struct db *db, void *arg, struct err *err)
{
	static const struct sql set = {"UPDATE account SET mail = ?2 WHERE id = ?1"};
	struct mailbox *m = arg;
	return db_run(db, err, &set, "it", m->account, m->address) == 1 ? 0 : -(int)ERR_STORE;
}

static void has_mail(struct world *w, enum who who, const char *address)
{
	struct mailbox m = {w->actors[who].account, address};
	OK(store_write(w->st, set_address, &m, why));
}

struct choice {
	const struct app_actor *actor;
	bool wishes[WISH_COUNT];
};

static int choose(struct db *db, void *arg, struct err *err)
{
	struct choice *c = arg;
	return wishes_set(db, c->actor, c->wishes, err);
}

/* Kinds of the mails to an address so far, oldest first. */
static const char *mails_to(struct world *w, const char *address)
{
	struct notice *list;
	struct buf b;
	buf_init(&b, w->arena);
	int n = notice_list(world_db(w), w->arena, -1, 0, 200, &list, &w->err);
	for (int i = n - 1; i >= 0; i--)
		if (strcmp(list[i].to, address) == 0)
			buf_printf(&b, "%s%s", b.n ? " " : "", list[i].kind);
	return b.p ? b.p : "";
}

static void office_told(struct store *st)
{
	struct world w = world_new(st);
	struct city city;
	city_begin(&city, &w);
	has_mail(&w, CLERK, "clerk@city.example");
	has_mail(&w, CLERK2, "clerk2@city.example");
	has_mail(&w, CHIEF, "chief@city.example");
	/* New applications only to those of the department who wish so. */
	(void)submitted(&w, HANAKO, w.small);
	run_jobs(&city);
	assert_string_equal(mails_to(&w, "clerk@city.example"), "");
	struct choice all = {&w.actors[CLERK2], {true, true, true, true, false}};
	OK(store_write(st, choose, &all, why));
	struct choice tax = {&w.actors[TAX_CLERK], {true, true, true, true, false}};
	has_mail(&w, TAX_CLERK, "tax@city.example");
	OK(store_write(st, choose, &tax, why));
	int64_t id = submitted(&w, HANAKO, w.small);
	run_jobs(&city);
	assert_string_equal(mails_to(&w, "clerk@city.example"), "");
	assert_string_equal(mails_to(&w, "clerk2@city.example"), "procedure/staff-submitted");
	/* Nobody works on it yet: those who watch hear of the message. */
	DO(&w, HANAKO, "message", .id = id, .text = "いつごろですか");
	run_jobs(&city);
	assert_string_equal(mails_to(&w, "clerk2@city.example"),
	    "procedure/staff-submitted procedure/staff-message");
	/* From then on who works on it, and nobody else. */
	DO(&w, CLERK, "accept", .id = id);
	DO(&w, HANAKO, "message", .id = id, .text = "お願いします");
	DO(&w, CLERK, "ask", .id = id, .text = "直してください", .text2 = "2026-12-01");
	DO(&w, HANAKO, "correct", .proc = w.small, .id = id, .json = w.answers);
	run_jobs(&city);
	assert_string_equal(mails_to(&w, "clerk@city.example"),
	    "procedure/staff-message procedure/staff-corrected");
	assert_string_equal(mails_to(&w, "clerk2@city.example"),
	    "procedure/staff-submitted procedure/staff-message");
	/* Whom the decision waits for, once. */
	DO(&w, CLERK, "decide", .proc = w.small, .id = id);
	run_jobs(&city);
	DO(&w, CLERK, "comment", .proc = w.small, .id = id, .text = "急ぎです");
	run_jobs(&city);
	assert_string_equal(mails_to(&w, "chief@city.example"), "procedure/staff-turn");
	/* Sent back and drafted again it is another turn. */
	DO(&w, CHIEF, "send_back", .proc = w.small, .id = id, .text = "もう一度");
	DO(&w, CLERK, "decide", .proc = w.small, .id = id);
	run_jobs(&city);
	assert_string_equal(
	    mails_to(&w, "chief@city.example"), "procedure/staff-turn procedure/staff-turn");
	struct choice none = {&w.actors[CHIEF], {false}};
	OK(store_write(st, choose, &none, why));
	DO(&w, CHIEF, "send_back", .proc = w.small, .id = id, .text = "もう一度");
	DO(&w, CLERK, "decide", .proc = w.small, .id = id);
	run_jobs(&city);
	assert_string_equal(
	    mails_to(&w, "chief@city.example"), "procedure/staff-turn procedure/staff-turn");
	assert_string_equal(mails_to(&w, "tax@city.example"), "");
	(void)mails(&city, &w); /* every one can be filled */
	city_end(&city);
	world_free(&w);
}

/* What somebody typed in at the counter is no news to them. */
static void not_of_oneself(struct store *st)
{
	struct world w = world_new(st);
	struct city city;
	city_begin(&city, &w);
	struct choice all[] = {{&w.actors[CLERK], {true}}, {&w.actors[CLERK2], {true}}};
	has_mail(&w, CLERK, "clerk@city.example");
	has_mail(&w, CLERK2, "clerk2@city.example");
	OK(store_write(st, choose, &all[0], why));
	OK(store_write(st, choose, &all[1], why));
	int64_t id = drafted(&w, CLERK, w.small, NULL);
	DO(&w, CLERK, "submit", .proc = w.small, .id = id);
	run_jobs(&city);
	assert_string_equal(mails_to(&w, "clerk@city.example"), "");
	assert_string_equal(mails_to(&w, "clerk2@city.example"), "procedure/staff-submitted");
	city_end(&city);
	world_free(&w);
}

/* Reminders before and after a deadline: to who works on it, else to the chiefs; of a correction to
 * the applicant, and when it is over to the office. */
static void reminders_reach(struct store *st)
{
	struct world w = world_new(st);
	struct city city;
	city_begin(&city, &w);
	has_mail(&w, CLERK, "clerk@city.example");
	has_mail(&w, CHIEF, "chief@city.example");
	OK(store_write(st, schedule, NULL, why));
	(void)submitted(&w, HANAKO, w.small); /* nobody's; 30 days: until 20 December */
	(void)accepted(&w, w.small);          /* the clerk's */
	int64_t asked = accepted(&w, w.small);
	DO(&w, CLERK, "ask", .id = asked, .text = "直してください", .text2 = "2026-12-04");
	run_jobs(&city);
	const char *before = mails_to(&w, "hanako@example.jp");
	morning(&city, 10);
	assert_string_equal(mails_to(&w, "hanako@example.jp"), before);
	morning(&city, 11); /* three days before */
	assert_string_equal(mails_to(&w, "hanako@example.jp"),
	    arena_printf(w.arena, "%s correction-reminder", before));
	assert_string_equal(mails_to(&w, "clerk@city.example"), "");
	morning(&city, 14); /* its last day */
	assert_string_equal(mails_to(&w, "clerk@city.example"), "");
	morning(&city, 15);
	morning(&city, 16);
	assert_string_equal(mails_to(&w, "clerk@city.example"), "staff-reminder");
	morning(&city, 21); /* 70 % of the period */
	morning(&city, 22);
	assert_string_equal(mails_to(&w, "clerk@city.example"), "staff-reminder staff-reminder");
	assert_string_equal(mails_to(&w, "chief@city.example"), "staff-reminder");
	morning(&city, 31); /* over */
	morning(&city, 32);
	assert_string_equal(
	    mails_to(&w, "clerk@city.example"), "staff-reminder staff-reminder staff-reminder");
	assert_string_equal(mails_to(&w, "chief@city.example"), "staff-reminder staff-reminder");
	(void)mails(&city, &w);
	city_end(&city);
	world_free(&w);
}

static void morning_summary(struct store *st)
{
	struct world w = world_new(st);
	struct city city;
	city_begin(&city, &w);
	struct choice wishes[] = {{&w.actors[CLERK], {false, false, false, false, true}},
	    {&w.actors[CARE_HEAD], {false, false, false, false, true}}};
	has_mail(&w, CLERK, "clerk@city.example");
	has_mail(&w, CARE_HEAD, "care@city.example");
	has_mail(&w, CHIEF, "chief@city.example");
	OK(store_write(st, choose, &wishes[0], why));
	OK(store_write(st, choose, &wishes[1], why));
	OK(store_write(st, schedule, NULL, why));
	(void)accepted(&w, w.small);
	run_jobs(&city);
	morning(&city, 1);
	assert_string_equal(mails_to(&w, "clerk@city.example"), "procedure/staff-digest");
	assert_string_equal(mails_to(&w, "care@city.example"), ""); /* nothing is open there */
	assert_string_equal(mails_to(&w, "chief@city.example"), "");
	morning(&city, 2);
	assert_string_equal(
	    mails_to(&w, "clerk@city.example"), "procedure/staff-digest procedure/staff-digest");
	(void)mails(&city, &w);
	city_end(&city);
	world_free(&w);
}

static void drafts_expire(struct store *st)
{
	struct world w = world_new(st);
	struct city city;
	struct application *app;
	city_begin(&city, &w);
	OK(store_write(st, schedule, NULL, why));
	int64_t id = drafted(&w, HANAKO, w.dog, NULL), other = drafted(&w, TARO, w.dog, NULL);
	morning(&city, 52);
	assert_string_equal(mails(&city, &w), "");
	morning(&city, 53);
	run_jobs(&city);
	assert_string_equal(mails(&city, &w), "procedure/draft-expiry procedure/draft-expiry");
	DO(&w, TARO, "save", .proc = w.dog, .id = other, .json = w.answers);
	morning(&city, 61);
	assert_int_equal(app_get(world_db(&w), w.arena, id, &app, &w.err), -(int)ERR_MISSING);
	assert_int_equal(app_now(&w, other)->state, APP_DRAFT);
	assert_verified(&w);
	city_end(&city);
	world_free(&w);
}

static void absent_and_closed(struct store *st)
{
	struct world w = world_new(st);
	struct city city;
	city_begin(&city, &w);
	OK(store_write(st, schedule, NULL, why));
	int64_t paid = accepted(&w, w.small), unpaid = accepted(&w, w.dog),
	        open = accepted(&w, w.dog);
	DO(&w, CLERK, "pay", .proc = w.small, .id = paid, .n = 500, .text = "cash");
	DO(&w, CLERK, "decide", .proc = w.small, .id = paid);
	DO(&w, CHIEF, "approve", .proc = w.small, .id = paid);
	DO(&w, CLERK, "decide", .proc = w.dog, .id = unpaid);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = unpaid);
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = unpaid);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = unpaid);
	DO(&w, HEAD, "approve", .proc = w.dog, .id = unpaid);
	DO(&w, CLERK, "decide", .proc = w.dog, .id = open);
	run_jobs(&city);
	/* The chief falls ill while the draft lies there: next morning it goes on without him. */
	DO(&w, CHIEF, "absent", .n = w.actors[CHIEF].person, .text = "2026-11-30");
	morning(&city, 1);
	struct route_step *steps;
	assert_int_equal(route_load(world_db(&w), w.arena, open, 1, false, &steps, &w.err), 5);
	assert_string_equal(steps[1].state, "skipped");
	assert_string_equal(steps[1].skip, "absent");
	assert_string_equal(steps[2].state, "open");
	morning(&city, 89);
	assert_state(&w, paid, "granted");
	morning(&city, 91);
	assert_state(&w, paid, "closed");
	assert_state(&w, unpaid, "granted"); /* waits for its fee */
	assert_verified(&w);
	json_t *statistics;
	OK(app_statistics(world_db(&w), w.arena, &statistics, why));
	assert_int_equal(json_array_size(json_object_get(statistics, "procedures")), 2);
	json_decref(statistics);
	city_end(&city);
	world_free(&w);
}

#define EACH(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(name);                                                             \
	}
EACH(told)
EACH(once)
EACH(documents)
EACH(deadlines)
EACH(office_told)
EACH(not_of_oneself)
EACH(reminders_reach)
EACH(morning_summary)
EACH(drafts_expire)
EACH(absent_and_closed)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_told),
	    cmocka_unit_test(test_once),
	    cmocka_unit_test(test_documents),
	    cmocka_unit_test(test_deadlines),
	    cmocka_unit_test(test_office_told),
	    cmocka_unit_test(test_not_of_oneself),
	    cmocka_unit_test(test_reminders_reach),
	    cmocka_unit_test(test_morning_summary),
	    cmocka_unit_test(test_drafts_expire),
	    cmocka_unit_test(test_absent_and_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
