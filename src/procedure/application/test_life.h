/* A small town for the tests of an application's life: people, departments, definitions, and one
 * function that does any act as anybody. Include it in the test's one .c file. */
#ifndef PROCEDURE_TEST_LIFE_H
#define PROCEDURE_TEST_LIFE_H

#include "procedure/application/life.h"

#include "identity/identity.h"
#include "store/test_store.h"
#include "vault/module.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

/* Friday, 20 November 2026, 10:00 in Japan; a working day before a long weekend (Monday is a
 * holiday). */
#define FRIDAY INT64_C(1795136400000000)
#define DAY INT64_C(86400000000)

enum who {
	HANAKO,
	TARO, /* residents */
	CLERK,
	CLERK2, /* 係員 of 生活衛生課 */
	CHIEF,  /* its 係長 */
	HEAD,
	HEAD2,    /* its 課長: two hold the post */
	DIVISION, /* 部長 of 健康福祉部, above it */
	TAX_HEAD,
	TAX_CLERK, /* 税務課 */
	CARE_HEAD, /* 介護保険課 */
	ACCOUNTANT,
	WHO_COUNT
};

struct world {
	struct store *st;
	struct arena *arena;
	struct app_actor actors[WHO_COUNT];
	int64_t division, hygiene, tax, care, merged;
	struct procedure *dog; /* check, 係長, consult two departments, 課長 */
	struct procedure
	    *small; /* check, 係長, 課長; up to 1000 yen 係長 decides; fee 500 before */
	struct procedure *course; /* places: 2 of "tea", waiting list; one step: 係長 decides */
	struct err err;           /* of the last act */
	json_t *answers;
};

#define TEXT2(key, text) "\n" key ": {ja: " text ", en: " text "}"
#define HEAD_YAML(id, title)                                                                       \
	"id: " id TEXT2("title", title) TEXT2(                                                     \
	    "summary", title) "\ndepartment: 生活衛生課\n"                                    \
	                      "life_events: [pets]\nlaw: [{name: 狂犬病予防法, article: 第4条}]\n"
#define NAME_FIELDS                                                                                \
	"sections:\n"                                                                              \
	"  - id: owner\n    title: {ja: 飼い主, en: Owner}\n    fields:\n"                      \
	"      - {id: name, type: name, label: {ja: 氏名, en: Name}, required: true, prefill: "  \
	"profile.name}\n"                                                                          \
	"      - {id: remark, type: text, label: {ja: 備考, en: Remark}}\n"

static const char dog_yaml[] = HEAD_YAML("dog",
    "犬の登録") "applicants: [resident, business, proxy]\nperiod: {days: 5, kind: business}\n"
                "fee: {amount: 3000, label: {ja: 手数料, en: Fee}}\n" NAME_FIELDS
                "      - {id: number, type: my_number, label: {ja: 個人番号, en: My number}}\n"
                "attachments:\n"
                "  - {id: photo, label: {ja: 写真, en: Photo}, kinds: [jpeg, png], max: 3}\n"
                "route:\n  steps:\n"
                "    - {id: check, kind: check, post: 係員}\n"
                "    - {id: chief, kind: approve, post: 係長}\n"
                "    - {id: consult, kind: consult, departments: [税務課, 介護保険課]}\n"
                "    - {id: decide, kind: decide, post: 課長}\n"
                "effects:\n  - {kind: charge}\n  - {kind: number, series: dog-tag}\n"
                "documents:\n"
                "  - {id: certificate, template: certificate, title: {ja: 通知書, en: Notice}, "
                "body: {ja: \"{{owner.name}}の犬、鑑札{{number}}、{{city}}\", en: x}, rows: "
                "[owner.name], "
                "series: \"生衛第{n}号\", seal: true}\n"
                "retention: {years: 5}\n";

static const char small_yaml[] = HEAD_YAML(
    "small", "証明書の交付") "applicants: [resident, proxy]\nperiod: {days: 30, kind: calendar}\n"
                             "fee: {amount: 500, label: {ja: 手数料, en: Fee}, when: "
                             "before_decision}\n" NAME_FIELDS "route:\n  steps:\n"
                             "    - {id: check, kind: check, post: 係員}\n"
                             "    - {id: chief, kind: approve, post: 係長}\n"
                             "    - id: decide\n      kind: decide\n      post: 課長\n"
                             "      delegated: [{when: fee <= 1000, post: 係長}]\n"
                             "effects:\n  - {kind: charge}\n"
                             "retention: {years: permanent}\n";

static const char course_yaml[] = HEAD_YAML("course",
    "講座の申込み") "applicants: [resident]\nperiod: {days: 5, kind: business}\n"
                    "capacity: {field: course.course, limits: {tea: 2, ink: 1}}\n" NAME_FIELDS
                    "  - id: course\n    title: {ja: 講座, en: Course}\n    fields:\n"
                    "      - id: course\n        type: choice\n        label: {ja: 講座, en: "
                    "Course}\n"
                    "        required: true\n        options:\n"
                    "          - {value: tea, label: {ja: 茶道, en: Tea}}\n"
                    "          - {value: ink, label: {ja: 書道, en: Ink}}\n"
                    "route:\n  steps:\n"
                    "    - {id: check, kind: check, post: 係員}\n"
                    "    - {id: decide, kind: decide, post: 係長}\n"
                    "retention: {years: 1}\n";

static struct procedure *definition_of(struct arena *a, const char *file, const char *yaml)
{
	struct definition_problem *problems;
	int n = 0;
	struct procedure *p = procedure_parse(a, file, str_from(yaml), &problems, &n);
	if (!p)
		fail_msg("%s:%d: %s", file, problems[0].line, problems[0].what);
	return p;
}

/* --- the town --- */

static int make_staff(struct db *db, struct world *w, enum who who, const char *login,
    const char *name, int64_t department, enum rank rank, struct err *err)
{
	struct app_actor *a = &w->actors[who];
	int rc = staff_add(db, login, NULL, name, &a->account, &a->person, err);
	a->staff = true;
	a->id = arena_printf(w->arena, "staff:%" PRId64, a->person);
	return rc < 0 ? rc : post_add(db, a->person, department, rank, NULL, NULL, err);
}

static int make_resident(struct db *db, struct world *w, enum who who, const char *mail,
    const char *name, struct err *err)
{
	struct app_actor *a = &w->actors[who];
	json_t *profile = json_pack("{s:{s:s,s:s}}", "name", "family", "高松", "given", name);
	int rc = resident_add(db, mail, NULL, profile, "ja", &a->account, &a->person, err);
	a->id = arena_printf(w->arena, "resident:%" PRId64, a->account);
	json_decref(profile);
	return rc;
}

static int make_town(struct db *db, void *arg, struct err *err)
{
	struct world *w = arg;
	int rc = department_add(db, "10", "健康福祉部", NULL, 0, &w->division, err);
	if (rc < 0 ||
	    (rc = department_add(db, "11", "生活衛生課", NULL, w->division, &w->hygiene, err)) <
	        0 ||
	    (rc = department_add(db, "12", "介護保険課", NULL, w->division, &w->care, err)) < 0 ||
	    (rc = department_add(db, "13", "くらし衛生課", NULL, w->division, &w->merged, err)) <
	        0 ||
	    (rc = department_add(db, "20", "税務課", NULL, 0, &w->tax, err)) < 0)
		return rc;
	if ((rc = make_staff(db, w, CLERK, "clerk", "係員 一郎", w->hygiene, RANK_STAFF, err)) <
	        0 ||
	    (rc = make_staff(db, w, CLERK2, "clerk2", "係員 二郎", w->hygiene, RANK_STAFF, err)) <
	        0 ||
	    (rc = make_staff(db, w, CHIEF, "chief", "係長 三郎", w->hygiene, RANK_CHIEF, err)) <
	        0 ||
	    (rc = make_staff(db, w, HEAD, "head", "課長 四郎", w->hygiene, RANK_SECTION, err)) <
	        0 ||
	    (rc = make_staff(db, w, HEAD2, "head2", "課長 五郎", w->hygiene, RANK_SECTION, err)) <
	        0 ||
	    (rc = make_staff(
	         db, w, DIVISION, "division", "部長 六郎", w->division, RANK_DIVISION, err)) < 0 ||
	    (rc = make_staff(db, w, TAX_HEAD, "tax", "税務 課長", w->tax, RANK_SECTION, err)) < 0 ||
	    (rc = make_staff(db, w, TAX_CLERK, "tax2", "税務 係員", w->tax, RANK_STAFF, err)) < 0 ||
	    (rc = make_staff(db, w, CARE_HEAD, "care", "介護 課長", w->care, RANK_SECTION, err)) <
	        0 ||
	    (rc = make_staff(db, w, ACCOUNTANT, "cash", "会計 係員", w->tax, RANK_STAFF, err)) < 0)
		return rc;
	rc = make_resident(db, w, HANAKO, "hanako@example.jp", "花子", err);
	return rc < 0 ? rc : make_resident(db, w, TARO, "taro@example.jp", "太郎", err);
}

static struct world world_new(struct store *st)
{
	struct world w = {.st = st, .arena = arena_new()};
	now_set_us(FRIDAY);
	OK(vault_start_all(st, NULL, why));
	w.dog = definition_of(w.arena, "dog.yaml", dog_yaml);
	w.small = definition_of(w.arena, "small.yaml", small_yaml);
	w.course = definition_of(w.arena, "course.yaml", course_yaml);
	w.answers =
	    json_pack("{s:{s:{s:s, s:s}}}", "owner", "name", "family", "高松", "given", "花子");
	if (store_write(st, make_town, &w, &w.err) < 0)
		fail_msg("%s", w.err.detail);
	return w;
}

static void world_free(struct world *w)
{
	procedure_unref(w->dog);
	procedure_unref(w->small);
	procedure_unref(w->course);
	json_decref(w->answers);
	arena_free(w->arena);
	now_set_us(0);
}

/* --- acts --- */

/* Members are used as the verb needs them. */
struct act {
	struct world *w;
	const char *verb;
	struct app_actor actor;
	struct procedure *proc;
	int64_t id, n, m;
	int back; /* send_back: to step + 1; 0: to the drafter */
	const char *text, *text2, *number;
	json_t *json;
	const struct app_prepared *prepared;
};

static int act_run(struct db *db, void *arg, struct err *err)
{
	struct act *t = arg;
	const struct app_actor *who = &t->actor;
	struct arena *a = t->w->arena;
	const char *v = t->verb;
	char *number = NULL;
	struct form_context ctx = {.lang = "ja", .applicant_kind = "resident", .fee_yen = -1};
#define IS(name) (strcmp(v, name) == 0)
	if (IS("draft"))
		return app_draft_new(db, who, t->proc, t->text ? t->text : "resident",
		    who->staff ? "counter" : "online", t->json, &t->id, err);
	if (IS("save"))
		return app_draft_save(db, who, t->proc, t->id, t->json, (int)t->n, err);
	if (IS("discard"))
		return app_draft_discard(db, who, t->id, err);
	if (IS("mandate"))
		return app_mandate_set(db, who, t->id, t->json, err);
	if (IS("submit")) {
		int rc = app_submit(db, a, who, t->proc, t->id, &ctx, t->prepared, &number, err);
		t->number = number;
		return rc;
	}
	if (IS("withdraw"))
		return app_withdraw(db, who, t->id, t->text, err);
	if (IS("save_answer"))
		return app_correction_save(db, who, t->proc, t->id, t->json, err);
	if (IS("correct"))
		return app_correct(db, a, who, t->proc, t->id, &ctx, t->json, err);
	if (IS("message"))
		return app_message(db, who, t->id, t->text2 ? t->text2 : "applicant", t->text, err);
	if (IS("accept"))
		return app_accept(db, who, t->id, err);
	if (IS("assign"))
		return app_assign(db, who, t->id, t->n, err);
	if (IS("forward"))
		return app_forward(db, who, t->id, t->n, t->text, err);
	if (IS("ask"))
		return app_request_correction(db, who, t->id, t->json, t->text, t->text2, err);
	if (IS("unask"))
		return app_cancel_correction(db, who, t->id, t->text, err);
	if (IS("pay"))
		return app_record_payment(db, a, who, t->proc, t->id, t->n, t->text, err);
	if (IS("waive"))
		return app_waive_fee(db, a, who, t->proc, t->id, t->text, err);
	if (IS("cancel"))
		return app_cancel(db, who, t->id, t->text, err);
	if (IS("close"))
		return app_close(db, who, t->id, err);
	if (IS("hold"))
		return app_hold(db, who, t->id, t->text, err);
	if (IS("decide"))
		return route_start(db, a, who, t->proc, t->id, t->text2 ? t->text2 : "granted",
		    t->text, t->json, err);
	if (IS("review"))
		return route_review(db, who, t->id, err);
	if (IS("absent"))
		return absence_add(db, t->n, "2026-11-20", t->text, err);
	if (IS("deputy"))
		return deputy_add(db, t->n, t->m, 0, "2026-11-01", NULL, err);
	if (IS("post"))
		return post_add(db, t->n, t->m, RANK_SECTION, NULL, NULL, err);
	/* approve, send_back, reject, pull_back, comment */
	return route_act(db, a, who, t->proc, t->id, v, t->back - 1, t->text, err);
}

/* ACT(&w, CLERK, "accept", .id = id): 0 or the negative kind; w.err tells why. */
static int act_do(struct act *t)
{
	t->w->err = (struct err){0};
	return store_write(t->w->st, act_run, t, &t->w->err);
}
#define ACT(world, who, name, ...)                                                                 \
	act_do(&(struct act){                                                                      \
	    .w = (world), .actor = (world)->actors[who], .verb = (name), __VA_ARGS__})
#define DO(world, who, name, ...)                                                                  \
	do {                                                                                       \
		if (ACT(world, who, name, __VA_ARGS__) < 0)                                        \
			fail_msg("line %d: %s: %s %s", __LINE__, (name),                           \
			    (world)->err.msg ? (world)->err.msg : "", (world)->err.detail);        \
	} while (0)
/* Must fail with this kind and message. */
#define NO(world, who, kind_, msg_, name, ...)                                                     \
	do {                                                                                       \
		if (ACT(world, who, name, __VA_ARGS__) >= 0)                                       \
			fail_msg("line %d: %s was done", __LINE__, (name));                        \
		if ((world)->err.kind != (kind_) || !text_eq((world)->err.msg, (msg_)))            \
			fail_msg("line %d: %s: %s %s %s", __LINE__, (name),                        \
			    err_kind_name((world)->err.kind),                                      \
			    (world)->err.msg ? (world)->err.msg : "", (world)->err.detail);        \
	} while (0)

static struct db *world_db(struct world *w)
{
	struct db *db = store_reader(w->st, &w->err);
	if (!db)
		fail_msg("%s", w->err.detail);
	return db;
}

static struct application *app_now(struct world *w, int64_t id)
{
	struct application *app;
	if (app_get(world_db(w), w->arena, id, &app, &w->err) < 0)
		fail_msg("application %" PRId64 ": %s", id, w->err.detail);
	return app;
}

#define assert_state(w, id, expected)                                                              \
	assert_string_equal(app_state_name(app_now(w, id)->state), expected)

static int64_t drafted(struct world *w, enum who who, struct procedure *proc, json_t *answers)
{
	struct act t = {.w = w,
	    .actor = w->actors[who],
	    .verb = "draft",
	    .proc = proc,
	    .json = answers ? answers : w->answers};
	if (act_do(&t) < 0)
		fail_msg("draft: %s", w->err.detail);
	return t.id;
}

static int64_t submitted(struct world *w, enum who who, struct procedure *proc)
{
	int64_t id = drafted(w, who, proc, NULL);
	DO(w, who, "submit", .proc = proc, .id = id);
	return id;
}

static int64_t accepted(struct world *w, struct procedure *proc)
{
	int64_t id = submitted(w, HANAKO, proc);
	DO(w, CLERK, "accept", .id = id);
	return id;
}

/* Every state in the store is what the journal says. */
static void assert_verified(struct world *w)
{
	static const struct journal_verifier *const verifiers[] = {&application_verifier};
	struct verify_report report;
	OK(journal_verify(w->st, verifiers, 1, NULL, NULL, &report, why));
	if (report.problems)
		fail_msg("entry %" PRId64 ": %s", report.first_bad_entry, report.first_bad);
}

#pragma GCC diagnostic pop

#endif
