/* The life of an application, from draft to file: on every store. */
#include "procedure/application/test_life.h"

#include "base/file.h"
#include "base/json.h"
#include "procedure/pages/pages.h"
#include "store/blob.h"
#include "store/search.h"

#define EACH(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(name);                                                             \
	}

/* --- numbers --- */

static const struct {
	const char *name, *typed, *folded;
} numbers[] = {
    {"as printed", "1234-5678-9012-X", "1234-5678-9012-X"},
    {"without hyphens", "123456789012X", "1234-5678-9012-X"},
    {"full width, long sound mark", "１２３４ー５６７８ー９０１２ーＸ", "1234-5678-9012-X"},
    {"spaces", " 1234 5678 9012 X ", "1234-5678-9012-X"},
    {"small x", "0000-0000-0001-x", "0000-0000-0001-X"},
    {"a wrong digit", "1234-5678-9013-X", NULL},
    {"two swapped", "1243-5678-9012-X", NULL},
    {"too short", "1234-5678-901", NULL},
    {"too long", "1234-5678-9012-X5", NULL},
    {"words", "犬の登録", NULL},
    {"empty", "", NULL},
};

static void test_numbers(void **state)
{
	struct arena *a = arena_new();
	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		const char *got = receipt_number_fold(a, str_from(numbers[i].typed));
		if (!text_eq(got, numbers[i].folded))
			fail_msg("%s: %s", numbers[i].name, got ? got : "none");
	}
	for (int i = 0; i < 1000; i++)
		assert_true(receipt_number_valid(str_from(receipt_number_new(a))));
	arena_free(a);
}

/* --- the table of moves --- */

static void test_moves(void **state)
{
	int n, from[APP_STATE_COUNT] = {0}, to[APP_STATE_COUNT + 1] = {0};
	const struct app_move *moves = app_moves(&n);
	(void)state;
	for (int i = 0; i < n; i++) {
		assert_true(moves[i].who != 0);
		from[moves[i].from]++;
		to[moves[i].to] += moves[i].to != moves[i].from;
		/* Who may do it depends on state and verb, not on where it ends. */
		assert_int_equal(move_find(moves[i].from, moves[i].verb)->who, moves[i].who);
		for (int k = 0; k < i; k++)
			assert_false(moves[k].from == moves[i].from && moves[k].to == moves[i].to &&
			             strcmp(moves[k].verb, moves[i].verb) == 0);
	}
	for (int s = 0; s < APP_STATE_COUNT; s++) {
		assert_true(from[s] > 0);
		assert_true(s == APP_DRAFT || to[s] > 0);
		assert_int_equal(app_state_parse(app_state_name((enum app_state)s)), s);
	}
	assert_int_equal(app_state_parse("nothing"), APP_STATE_COUNT);
}

/* The table in README.md is the table of the code. */
static void test_moves_documented(void **state)
{
	struct arena *a = arena_new();
	struct str readme;
	struct err err;
	int n;
	(void)state;
	const struct app_move *moves = app_moves(&n);
	assert_non_null(getenv("MACHI_SOURCE"));
	assert_int_equal(
	    file_read(a, arena_printf(a, "%s/src/procedure/README.md", getenv("MACHI_SOURCE")),
	        &readme, &err),
	    0);
	for (int i = 0; i < n; i++) {
		const char *row = arena_printf(a, "| %s | %s | %s | %s |\n",
		    app_state_name(moves[i].from), moves[i].verb,
		    moves[i].to == APP_STATE_COUNT ? "(removed)" : app_state_name(moves[i].to),
		    app_who_text(a, moves[i].who));
		if (!memmem(readme.p, readme.n, row, strlen(row)))
			fail_msg("README.md lacks: %s", row);
	}
	arena_free(a);
}

/* Every move that people make is an operation of the API, and says so there. */
static void test_moves_described(void **state)
{
	static const char *const paths[] = {"/applications/{id}/steps/{step}",
	    "/applications/{id}/submit", "/applications/{id}/discard",
	    "/applications/{id}/withdraw", "/applications/{id}/messages",
	    "/applications/{id}/correct", "accept", "assign", "forward", "correction",
	    "cancel-correction", "message", "note", "payment", "waive", "draft", "route", "review",
	    "cancel", "close", "hold", "revoke", "reissue", "/staff/my-number/{id}/check"};
	struct arena *a = arena_new();
	int n;
	size_t k;
	json_t *all = json_on_arena(a, json_array()), *move;
	(void)state;
	const struct app_move *moves = app_moves(&n);
	for (size_t i = 0; i < COUNT(paths); i++) {
		json_t *operation = json_on_arena(a, json_object());
		describe_moves(paths[i][0] == '/'
		                   ? paths[i]
		                   : arena_printf(a, "/staff/applications/{id}/%s", paths[i]),
		    operation);
		json_t *list = json_object_get(operation, "x-moves");
		if (!json_array_size(list))
			fail_msg("%s makes no move", paths[i]);
		json_array_extend(all, list);
	}
	for (int i = 0; i < n; i++) {
		bool found = false;
		json_array_foreach(all, k, move)
		{
			found |= text_eq(json_string_value(json_object_get(move, "verb")),
			             moves[i].verb) &&
			         text_eq(json_string_value(json_object_get(move, "from")),
			             app_state_name(moves[i].from));
		}
		if (!found)
			fail_msg("no operation makes %s of %s", moves[i].verb,
			    app_state_name(moves[i].from));
	}
	arena_free(a);
}

/* --- the main path --- */

static int count_events(struct world *w, int64_t id, const char *event)
{
	json_t *list, *e;
	size_t i;
	int n = 0;
	assert_int_equal(app_history(world_db(w), w->arena, id, APP_FOR_STAFF, &list, &w->err), 0);
	json_array_foreach(list, i, e)
	{
		n += text_eq(json_string_value(json_object_get(e, "event")), event);
	}
	json_decref(list);
	return n;
}

static void whole_life(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = drafted(&w, HANAKO, w.dog, NULL);
	struct application *app = app_now(&w, id);
	assert_int_equal(app->state, APP_DRAFT);
	assert_null(app->receipt_number);
	DO(&w, HANAKO, "save", .proc = w.dog, .id = id, .json = w.answers, .n = 2);
	assert_int_equal(app_now(&w, id)->step, 2);
	DO(&w, HANAKO, "submit", .proc = w.dog, .id = id);
	app = app_now(&w, id);
	assert_int_equal(app->state, APP_SUBMITTED);
	assert_true(receipt_number_valid(str_from(app->receipt_number)));
	assert_string_equal(app->serial, "2026-犬登-000001");
	assert_string_equal(app->applicant_name, "高松　花子");
	assert_string_equal(app->due, "2026-11-30"); /* 5 business days over a holiday */
	assert_int_equal(app->fee_yen, 3000);
	assert_int_equal(app->department, w.hygiene);
	DO(&w, CLERK, "accept", .id = id);
	DO(&w, CLERK, "assign", .id = id, .n = w.actors[CLERK2].person);
	assert_state(&w, id, "reviewing");
	NO(&w, CLERK, ERR_INPUT, "application.assign.not_there", "assign", .id = id,
	    .n = w.actors[TAX_CLERK].person);
	NO(&w, CLERK, ERR_INPUT, "application.required", "decide", .proc = w.dog, .id = id,
	    .text2 = "refused");
	DO(&w, CLERK, "decide", .proc = w.dog, .id = id, .text2 = "refused",
	    .text = "登録済みのため");
	/* A drafted decision is not shown to the applicant before it is taken. */
	json_t *view;
	OK(app_view(world_db(&w), w.arena, &w.actors[HANAKO], app_now(&w, id), w.dog, "ja",
	    APP_FOR_APPLICANT, &view, why));
	assert_true(json_is_null(json_object_get(view, "outcome")));
	assert_string_equal(json_string_value(json_object_get(view, "public_key")),
	    "application.public.processing");
	assert_string_equal(json_string_value(json_object_get(view, "title")), "犬の登録");
	assert_true(json_is_true(json_object_get(json_object_get(view, "can"), "withdraw")));
	assert_null(json_object_get(json_object_get(view, "can"), "approve"));
	assert_null(json_object_get(view, "assignee_name"));
	json_decref(view);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = id);
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, HEAD, "approve", .proc = w.dog, .id = id);
	assert_state(&w, id, "refused");
	app = app_now(&w, id);
	assert_null(app->numbers); /* a refused dog gets no tag, and pays nothing */
	assert_int_equal(app->kids & KID_CHARGE, 0);
	OK(app_view(world_db(&w), w.arena, &w.actors[HANAKO], app, w.dog, "ja", APP_FOR_APPLICANT,
	    &view, why));
	assert_string_equal(json_string_value(json_object_get(view, "reason")), "登録済みのため");
	json_decref(view);
	DO(&w, CLERK, "close", .id = id);
	assert_state(&w, id, "closed");
	assert_int_equal(count_events(&w, id, "submitted"), 1);
	assert_int_equal(count_events(&w, id, "decided"), 1);
	json_t *history;
	OK(app_history(world_db(&w), w.arena, id, APP_FOR_APPLICANT, &history, why));
	/* drafted, submitted, accepted, decided, closed: what is inside the office stays there */
	assert_int_equal(json_array_size(history), 5);
	assert_true(json_is_null(json_object_get(json_array_get(history, 2), "actor_name")));
	json_decref(history);
	assert_verified(&w);
	world_free(&w);
}
EACH(whole_life)

static void incomplete(struct store *st)
{
	struct world w = world_new(st);
	json_t *none = json_object();
	int64_t id = drafted(&w, HANAKO, w.dog, none);
	NO(&w, HANAKO, ERR_INPUT, "application.incomplete", "submit", .proc = w.dog, .id = id);
	assert_true(strncmp(w.err.field, "owner.name", 10) == 0);
	assert_state(&w, id, "draft");
	/* Nothing of the failed submission is left. */
	DO(&w, HANAKO, "save", .proc = w.dog, .id = id, .json = w.answers);
	DO(&w, HANAKO, "submit", .proc = w.dog, .id = id);
	assert_string_equal(app_now(&w, id)->serial, "2026-犬登-000001");
	NO(&w, HANAKO, ERR_CONFLICT, "application.wrong_state", "save", .proc = w.dog, .id = id,
	    .json = w.answers);
	NO(&w, HANAKO, ERR_INPUT, "application.applicant_kind", "draft", .proc = w.course,
	    .json = w.answers, .text = "business");
	json_decref(none);
	world_free(&w);
}
EACH(incomplete)

/* Answers as those of a draft, checked on this thread, as the page does it. */
static const struct app_prepared *prepare(struct world *w, int64_t id, json_t *answers)
{
	const struct form_context ctx = {.lang = "ja", .fee_yen = -1};
	struct app_prepared *out;
	struct form_problem *problems;
	assert_int_equal(
	    app_prepare(world_db(w), w->arena, w->dog, app_now(w, id), &ctx,
	        json_on_arena(w->arena, json_deep_copy(answers)), &out, &problems, &w->err),
	    0);
	return out;
}

static const char *given_name(struct world *w, int64_t id)
{
	return json_path_text(app_now(w, id)->answers, "owner.name.given");
}

static void prepared(struct store *st)
{
	struct world w = world_new(st);
	json_t *other =
	    json_pack("{s:{s:{s:s, s:s}}}", "owner", "name", "family", "高松", "given", "月子");
	json_t *none = json_object();
	/* What was prepared is not checked again: others show it, */
	int64_t id = drafted(&w, HANAKO, w.dog, w.answers);
	const struct app_prepared *p = prepare(&w, id, other);
	DO(&w, HANAKO, "submit", .proc = w.dog, .id = id, .prepared = p);
	assert_string_equal(given_name(&w, id), "月子");
	assert_string_equal(app_now(&w, id)->applicant_name, "高松　月子");
	/* but never when the draft was changed meanwhile on another device, */
	id = drafted(&w, HANAKO, w.dog, w.answers);
	p = prepare(&w, id, w.answers);
	DO(&w, HANAKO, "save", .proc = w.dog, .id = id, .json = none);
	NO(&w, HANAKO, ERR_INPUT, "application.incomplete", "submit", .proc = w.dog, .id = id,
	    .prepared = p);
	DO(&w, HANAKO, "save", .proc = w.dog, .id = id, .json = other);
	DO(&w, HANAKO, "submit", .proc = w.dog, .id = id, .prepared = p);
	assert_string_equal(given_name(&w, id), "月子");
	/* nor for another day. */
	id = drafted(&w, HANAKO, w.dog, w.answers);
	p = prepare(&w, id, other);
	now_set_us(now_us() + DAY);
	DO(&w, HANAKO, "submit", .proc = w.dog, .id = id, .prepared = p);
	assert_string_equal(given_name(&w, id), "花子");
	json_decref(other);
	json_decref(none);
	assert_verified(&w);
	world_free(&w);
}
EACH(prepared)

static int race_run(struct db *db, void *arg, struct err *err)
{
	return act_run(db, arg, err);
}

/* Two clicks at the same time, and a third later. */
static void twice(struct store *st)
{
	struct world w = world_new(st);
	struct world copies[2] = {w, w};
	struct act acts[2];
	struct test_write racers[2];
	int64_t id = drafted(&w, HANAKO, w.dog, NULL);
	for (int i = 0; i < 2; i++) {
		copies[i].arena = arena_new();
		acts[i] = (struct act){.w = &copies[i],
		    .actor = w.actors[HANAKO],
		    .verb = "submit",
		    .proc = w.dog,
		    .id = id};
		racers[i] = (struct test_write){.fn = race_run, .arg = &acts[i]};
	}
	test_store_together(st, racers, 2);
	assert_int_equal(racers[0].rc, 0);
	assert_int_equal(racers[1].rc, 0);
	assert_string_equal(acts[0].number, acts[1].number);
	struct act again = {
	    .w = &w, .actor = w.actors[HANAKO], .verb = "submit", .proc = w.dog, .id = id};
	assert_int_equal(act_do(&again), 0);
	assert_string_equal(again.number, acts[0].number);
	assert_int_equal(count_events(&w, id, "submitted"), 1);
	/* Nor does somebody else learn the number that way. */
	NO(&w, TARO, ERR_MISSING, "application.missing", "submit", .proc = w.dog, .id = id);
	arena_free(copies[0].arena);
	arena_free(copies[1].arena);
	world_free(&w);
}
EACH(twice)

static void others(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = drafted(&w, HANAKO, w.dog, NULL);
	struct application *app;
	NO(&w, TARO, ERR_MISSING, "application.missing", "save", .proc = w.dog, .id = id,
	    .json = w.answers);
	NO(&w, CLERK, ERR_MISSING, "application.missing", "discard", .id = id);
	assert_int_equal(
	    app_read(world_db(&w), w.arena, &w.actors[CLERK], id, &app, &w.err), -(int)ERR_MISSING);
	DO(&w, HANAKO, "submit", .proc = w.dog, .id = id);
	OK(app_read(world_db(&w), w.arena, &w.actors[HANAKO], id, &app, why));
	OK(app_read(world_db(&w), w.arena, &w.actors[CLERK], id, &app, why));
	assert_int_equal(
	    app_read(world_db(&w), w.arena, &w.actors[TARO], id, &app, &w.err), -(int)ERR_MISSING);
	assert_int_equal(app_read(world_db(&w), w.arena, &w.actors[TAX_CLERK], id, &app, &w.err),
	    -(int)ERR_MISSING);
	NO(&w, TARO, ERR_MISSING, "application.missing", "withdraw", .id = id);
	NO(&w, TARO, ERR_MISSING, "application.missing", "message", .id = id, .text = "x");
	NO(&w, TAX_CLERK, ERR_MISSING, "application.missing", "accept", .id = id);
	/* The applicant is no member of staff. */
	NO(&w, HANAKO, ERR_DENIED, "application.denied", "accept", .id = id);
	NO(&w, HANAKO, ERR_CONFLICT, "application.wrong_state", "correct", .proc = w.dog, .id = id,
	    .json = w.answers);
	NO(&w, HANAKO, ERR_DENIED, "application.denied", "message", .id = id, .text = "x",
	    .text2 = "note");
	NO(&w, HANAKO, ERR_MISSING, "application.missing", "withdraw", .id = 4711);
	world_free(&w);
}
EACH(others)

/* --- time --- */

static void holiday_night(struct store *st)
{
	struct world w = world_new(st);
	/* Monday, 23 November (勤労感謝の日), 23:30: it arrives that day; office days count from
	 * the next. */
	now_set_us(FRIDAY + 3 * DAY + 27 * DAY / 48);
	int64_t id = submitted(&w, HANAKO, w.dog);
	assert_string_equal(app_now(&w, id)->due, "2026-11-30");
	assert_string_equal(
	    date_format(w.arena, date_of_us(app_now(&w, id)->submitted_us)), "2026-11-23");
	id = submitted(&w, HANAKO, w.small);
	assert_string_equal(app_now(&w, id)->due, "2026-12-23");
	world_free(&w);
}
EACH(holiday_night)

static void corrections(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = accepted(&w, w.dog);
	json_t *fields =
	    json_pack("[{s:s, s:s}]", "field", "owner.name", "message", "字が違います");
	NO(&w, CLERK, ERR_INPUT, "application.correction.due", "ask", .id = id, .json = fields,
	    .text2 = "2026-11-19");
	NO(&w, CLERK, ERR_INPUT, "application.required", "ask", .id = id);
	DO(&w, CLERK, "ask", .id = id, .json = fields, .text = "直してください",
	    .text2 = "令和8年12月4日");
	struct application *app = app_now(&w, id);
	assert_int_equal(app->state, APP_CORRECTION);
	assert_true(app->clock_stopped_us > 0);
	NO(&w, CLERK, ERR_CONFLICT, "application.wrong_state", "decide", .proc = w.dog, .id = id);
	/* Tuesday after the long weekend: one business day was lost. */
	now_set_us(FRIDAY + 4 * DAY);
	json_t *other =
	    json_pack("{s:{s:{s:s, s:s}}}", "owner", "name", "family", "髙松", "given", "花子");
	NO(&w, CLERK, ERR_DENIED, "application.denied", "correct", .proc = w.dog, .id = id,
	    .json = other);
	DO(&w, HANAKO, "correct", .proc = w.dog, .id = id, .json = other);
	app = app_now(&w, id);
	assert_int_equal(app->state, APP_REVIEWING);
	assert_int_equal(app->revision, 2);
	assert_string_equal(app->due, "2026-12-01");
	assert_int_equal(app->stopped_days, 1);
	assert_string_equal(app->applicant_name, "髙松　花子");
	json_t *old, *list;
	OK(app_answers_of_revision(world_db(&w), w.arena, id, 1, &old, why));
	assert_string_equal(json_string_value(json_object_get(
	                        json_object_get(json_object_get(old, "owner"), "name"), "family")),
	    "高松");
	json_decref(old);
	assert_int_equal(
	    app_answers_of_revision(world_db(&w), w.arena, id, 3, &old, &w.err), -(int)ERR_MISSING);
	OK(app_corrections(world_db(&w), w.arena, id, &list, why));
	json_t *c = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(c, "state")), "answered");
	assert_string_equal(json_string_value(json_object_get(c, "due")), "2026-12-04");
	assert_int_equal(json_integer_value(json_object_get(c, "to_revision")), 2);
	assert_int_equal(json_array_size(json_object_get(c, "fields")), 1);
	json_decref(list);
	/* A second request, taken back. */
	DO(&w, CLERK, "ask", .id = id, .text = "もう一度");
	DO(&w, CLERK, "unask", .id = id, .text = "電話で確認");
	assert_state(&w, id, "reviewing");
	assert_verified(&w);
	json_decref(fields);
	json_decref(other);
	world_free(&w);
}
EACH(corrections)

static void retention(struct store *st)
{
	static const struct {
		const char *decided, *disposal;
	} cases[] = {
	    {"2027-03-31", "2032-03-31"}, /* the last day of fiscal 2026 */
	    {"2027-04-01", "2033-03-31"}, /* the first of 2027 */
	    {"2026-11-20", "2032-03-31"},
	};
	struct world w = world_new(st);
	int64_t ids[COUNT(cases)];
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct date day;
		assert_true(date_parse(str_from(cases[i].decided), &day));
		now_set_us(date_start_us(day) + DAY / 3);
		ids[i] = submitted(&w, HANAKO, w.dog);
		DO(&w, HANAKO, "withdraw", .id = ids[i], .text = "不要になった");
		assert_string_equal(app_now(&w, ids[i])->disposal_on, cases[i].disposal);
	}
	/* A permanent one has no end. */
	int64_t id = submitted(&w, HANAKO, w.small);
	DO(&w, HANAKO, "withdraw", .id = id);
	assert_null(app_now(&w, id)->disposal_on);
	assert_verified(&w);
	world_free(&w);
}
EACH(retention)

/* --- money, places, the counter --- */

static void fees(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = accepted(&w, w.small);
	DO(&w, CLERK, "decide", .proc = w.small, .id = id);
	DO(&w, CHIEF, "approve", .proc = w.small, .id = id);
	assert_state(&w, id, "payment");
	assert_int_equal(app_now(&w, id)->decided_us, 0); /* it has no effect yet */
	NO(&w, CLERK, ERR_INPUT, "application.payment.amount", "pay", .proc = w.small, .id = id,
	    .n = 400, .text = "cash");
	NO(&w, ACCOUNTANT, ERR_MISSING, "application.missing", "pay", .proc = w.small, .id = id,
	    .n = 500, .text = "cash");
	NO(&w, HANAKO, ERR_DENIED, "application.denied", "pay", .proc = w.small, .id = id, .n = 500,
	    .text = "cash");
	DO(&w, CLERK, "pay", .proc = w.small, .id = id, .n = 500, .text = "cash");
	assert_state(&w, id, "granted");
	assert_true(app_now(&w, id)->decided_us > 0);
	NO(&w, CLERK, ERR_CONFLICT, "application.payment.nothing", "pay", .proc = w.small, .id = id,
	    .n = 500, .text = "cash");
	/* Waived: the same way on. */
	id = accepted(&w, w.small);
	DO(&w, CLERK, "decide", .proc = w.small, .id = id);
	DO(&w, CHIEF, "approve", .proc = w.small, .id = id);
	DO(&w, CLERK, "waive", .proc = w.small, .id = id, .text = "生活保護受給のため");
	assert_state(&w, id, "granted");
	/* Paid at once at the counter: nothing is waited for later. */
	id = accepted(&w, w.small);
	DO(&w, CLERK, "pay", .proc = w.small, .id = id, .n = 500, .text = "cash");
	DO(&w, CLERK, "decide", .proc = w.small, .id = id);
	DO(&w, CHIEF, "approve", .proc = w.small, .id = id);
	assert_state(&w, id, "granted");
	/* Charged after the decision: the file waits for it. */
	id = accepted(&w, w.dog);
	DO(&w, CLERK, "decide", .proc = w.dog, .id = id);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = id);
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, HEAD, "approve", .proc = w.dog, .id = id);
	NO(&w, CLERK, ERR_CONFLICT, "application.close.unpaid", "close", .id = id);
	DO(&w, CLERK, "pay", .proc = w.dog, .id = id, .n = 3000, .text = "transfer");
	assert_state(&w, id, "granted");
	DO(&w, CLERK, "close", .id = id);
	/* Withdrawn while the payment is waited for: nobody pays any more. */
	id = accepted(&w, w.small);
	DO(&w, CLERK, "decide", .proc = w.small, .id = id);
	DO(&w, CHIEF, "approve", .proc = w.small, .id = id);
	DO(&w, HANAKO, "withdraw", .id = id);
	NO(&w, CLERK, ERR_CONFLICT, "application.wrong_state", "pay", .proc = w.small, .id = id,
	    .n = 500, .text = "cash");
	assert_verified(&w);
	world_free(&w);
}
EACH(fees)

static void places(struct store *st)
{
	struct world w = world_new(st);
	int64_t ids[4];
	json_t *tea = json_deep_copy(w.answers), *ink = json_deep_copy(w.answers);
	json_object_set_new(tea, "course", json_pack("{s:s}", "course", "tea"));
	json_object_set_new(ink, "course", json_pack("{s:s}", "course", "ink"));
	for (int i = 0; i < 4; i++) {
		ids[i] = drafted(&w, i % 2 ? TARO : HANAKO, w.course, tea);
		DO(&w, i % 2 ? TARO : HANAKO, "submit", .proc = w.course, .id = ids[i]);
	}
	assert_string_equal(app_now(&w, ids[0])->place, "taken");
	assert_string_equal(app_now(&w, ids[1])->place, "taken");
	assert_string_equal(app_now(&w, ids[2])->place, "waiting");
	assert_string_equal(app_now(&w, ids[3])->place, "waiting");
	assert_string_equal(app_now(&w, ids[1])->due, "2026-11-30");
	assert_null(app_now(&w, ids[2])->due); /* nothing is due while there is no place */
	int64_t id = drafted(&w, TARO, w.course, ink);
	DO(&w, TARO, "submit", .proc = w.course, .id = id);
	assert_string_equal(app_now(&w, id)->place, "taken"); /* another course */
	DO(&w, CLERK, "accept", .id = ids[2]);
	NO(&w, CLERK, ERR_CONFLICT, "application.route.no_place", "decide", .proc = w.course,
	    .id = ids[2]);
	/* One who waits leaves the list; one who has a place gives it to the first who waits, and
	 * the period begins. */
	now_set_us(FRIDAY + 30 * DAY);
	DO(&w, TARO, "withdraw", .id = ids[1]);
	assert_string_equal(app_now(&w, ids[2])->place, "taken");
	assert_string_equal(app_now(&w, ids[2])->due, "2026-12-25");
	assert_string_equal(app_now(&w, ids[3])->place, "waiting");
	DO(&w, TARO, "withdraw", .id = ids[3]);
	DO(&w, HANAKO, "withdraw", .id = ids[0]);
	/* Nobody waits: the place is free. */
	id = drafted(&w, TARO, w.course, tea);
	DO(&w, TARO, "submit", .proc = w.course, .id = id);
	assert_string_equal(app_now(&w, id)->place, "taken");
	/* Refused: the place is free again. */
	DO(&w, CLERK, "accept", .id = id);
	DO(&w, CLERK, "decide", .proc = w.course, .id = id, .text2 = "refused", .text = "対象外");
	DO(&w, CHIEF, "approve", .proc = w.course, .id = id);
	assert_null(app_now(&w, id)->place);
	assert_verified(&w);
	json_decref(tea);
	json_decref(ink);
	world_free(&w);
}
EACH(places)

static void more_places(struct store *st)
{
	struct world w = world_new(st);
	int64_t ids[7];
	json_t *tea = json_deep_copy(w.answers);
	json_object_set_new(tea, "course", json_pack("{s:s}", "course", "tea"));
	const char *limit = strstr(course_yaml, "tea: 2") + strlen("tea: ");
	struct procedure *larger = definition_of(w.arena, "course.yaml",
	    arena_printf(w.arena, "%.*s5%s", (int)(limit - course_yaml), course_yaml, limit + 1));
	for (int i = 0; i < 7; i++) {
		struct procedure *proc = i < 4 ? w.course : larger;
		if (i == 4) /* two wait when the limit is raised by three */
			assert_int_equal(app_full(world_db(&w), w.course, tea, &w.err), 1);
		if (i == 4)
			assert_int_equal(app_full(world_db(&w), larger, tea, &w.err), 0);
		ids[i] = drafted(&w, TARO, proc, tea);
		DO(&w, TARO, "submit", .proc = proc, .id = ids[i]);
	}
	for (int i = 0; i < 7; i++)
		assert_string_equal(app_now(&w, ids[i])->place, i < 5 ? "taken" : "waiting");
	assert_verified(&w);
	json_decref(tea);
	procedure_unref(larger);
	world_free(&w);
}
EACH(more_places)

/* As many as are raised may be fewer than wait: whoever comes next waits behind them. */
static void few_more_places(struct store *st)
{
	struct world w = world_new(st);
	int64_t ids[5];
	json_t *ink = json_deep_copy(w.answers);
	json_object_set_new(ink, "course", json_pack("{s:s}", "course", "ink"));
	const char *limit = strstr(course_yaml, "ink: 1") + strlen("ink: ");
	struct procedure *larger = definition_of(w.arena, "course.yaml",
	    arena_printf(w.arena, "%.*s2%s", (int)(limit - course_yaml), course_yaml, limit + 1));
	for (int i = 0; i < 5; i++) {
		struct procedure *proc = i < 4 ? w.course : larger;
		ids[i] = drafted(&w, HANAKO, proc, ink);
		DO(&w, HANAKO, "submit", .proc = proc, .id = ids[i]);
		assert_int_equal(app_full(world_db(&w), larger, ink, &w.err), i > 0);
	}
	for (int i = 0; i < 5; i++)
		assert_string_equal(app_now(&w, ids[i])->place, i < 2 ? "taken" : "waiting");
	assert_verified(&w);
	json_decref(ink);
	procedure_unref(larger);
	world_free(&w);
}
EACH(few_more_places)

static void counter(struct store *st)
{
	struct world w = world_new(st);
	NO(&w, TAX_CLERK, ERR_DENIED, "application.denied", "draft", .proc = w.dog,
	    .json = w.answers);
	int64_t id = drafted(&w, CLERK, w.dog, NULL);
	NO(&w, HANAKO, ERR_MISSING, "application.missing", "submit", .proc = w.dog, .id = id);
	DO(&w, CLERK, "submit", .proc = w.dog, .id = id);
	struct application *app = app_now(&w, id);
	assert_string_equal(app->channel, "counter");
	assert_string_equal(app->applicant_name, "高松　花子");
	assert_int_equal(app->account, 0);
	assert_true(app_own_acts(world_db(&w), app, &w.actors[CLERK]));
	assert_false(app_own_acts(world_db(&w), app, &w.actors[CLERK2]));
	assert_false(app_own_acts(world_db(&w), app, &w.actors[HANAKO]));
	/* A colleague at the counter takes the withdrawal. */
	DO(&w, CLERK2, "withdraw", .id = id, .text = "窓口で申出");
	world_free(&w);
}
EACH(counter)

static void mandates(struct store *st)
{
	struct world w = world_new(st);
	struct act draft = {.w = &w,
	    .actor = w.actors[HANAKO],
	    .verb = "draft",
	    .proc = w.dog,
	    .json = w.answers,
	    .text = "proxy"};
	assert_int_equal(act_do(&draft), 0);
	json_t *m = json_pack("{s:s, s:s, s:s}", "principal_name", "高松 よね", "ground", "friend",
	    "valid_until", "令和9年3月31日");
	NO(&w, HANAKO, ERR_INPUT, "application.mandate.ground", "mandate", .id = draft.id,
	    .json = m);
	json_object_set_new(m, "ground", json_string("letter"));
	DO(&w, HANAKO, "mandate", .id = draft.id, .json = m);
	struct application *app = app_now(&w, draft.id);
	assert_string_equal(
	    json_string_value(json_object_get(app->mandate, "valid_until")), "2027-03-31");
	DO(&w, HANAKO, "submit", .proc = w.dog, .id = draft.id);
	NO(&w, HANAKO, ERR_CONFLICT, "application.wrong_state", "mandate", .id = draft.id,
	    .json = m);
	assert_verified(&w);
	json_decref(m);
	world_free(&w);
}
EACH(mandates)

static int found_in(struct world *w, int64_t department, const char *text)
{
	int64_t *ids;
	int n = search_find(world_db(w), w->arena,
	    &(struct search_query){.kind = "application",
	        .text = text,
	        .groups = &department,
	        .ngroups = 1,
	        .limit = 10},
	    &ids, &w->err);
	assert_true(n >= 0);
	return n;
}

static void forwarding(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = accepted(&w, w.dog);
	NO(&w, CLERK, ERR_INPUT, "application.forward.department", "forward", .id = id,
	    .n = w.hygiene);
	NO(&w, CLERK, ERR_INPUT, "application.forward.department", "forward", .id = id, .n = 9999);
	assert_int_equal(found_in(&w, w.hygiene, "花子"), 1);
	DO(&w, CLERK, "forward", .id = id, .n = w.tax, .text = "税務課の事務です");
	assert_int_equal(found_in(&w, w.hygiene, "花子"), 0);
	assert_int_equal(found_in(&w, w.tax, "花子"), 1);
	assert_state(&w, id, "submitted");
	assert_int_equal(app_now(&w, id)->assignee, 0);
	NO(&w, CLERK, ERR_MISSING, "application.missing", "accept", .id = id);
	DO(&w, TAX_CLERK, "accept", .id = id);
	NO(&w, TAX_CLERK, ERR_DENIED, "application.denied", "cancel", .id = id, .text = "x");
	DO(&w, TAX_HEAD, "cancel", .id = id, .text = "二重の申請のため");
	assert_state(&w, id, "cancelled");
	assert_verified(&w);
	world_free(&w);
}
EACH(forwarding)

static void messages(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = accepted(&w, w.dog);
	json_t *list;
	DO(&w, HANAKO, "message", .id = id, .text = "いつごろになりますか");
	DO(&w, CLERK, "message", .id = id, .text = "来週です");
	DO(&w, CLERK, "message", .id = id, .text = "電話済み", .text2 = "note");
	NO(&w, HANAKO, ERR_INPUT, "application.required", "message", .id = id, .text = "  ");
	NO(&w, HANAKO, ERR_INPUT, "application.invalid", "message", .id = id, .text = "\xff");
	OK(app_messages(
	    world_db(&w), w.arena, &w.actors[HANAKO], id, APP_FOR_APPLICANT, &list, why));
	assert_int_equal(json_array_size(list), 2);
	/* The office answers, not a person. */
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(list, 1), "author")), "生活衛生課");
	assert_true(json_is_true(json_object_get(json_array_get(list, 0), "mine")));
	json_decref(list);
	OK(app_messages(world_db(&w), w.arena, &w.actors[CLERK2], id, APP_FOR_STAFF, &list, why));
	assert_int_equal(json_array_size(list), 3);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(list, 1), "author")), "係員 一郎");
	json_decref(list);
	assert_verified(&w);
	world_free(&w);
}
EACH(messages)

/* --- what must not leak --- */

static void individual_number(struct store *st)
{
	static const char number[] = "123456789018";
	struct world w = world_new(st);
	json_t *answers = json_deep_copy(w.answers), *plain;
	char *stored, *row = NULL;
	json_object_set_new(json_object_get(answers, "owner"), "number", json_string(number));
	int64_t id = drafted(&w, HANAKO, w.dog, answers);
	for (int i = 0; i < 2; i++) {
		static const struct sql raw = {
		    "SELECT answers FROM application WHERE id = ?1", NULL};
		struct application *app = app_now(&w, id);
		assert_int_equal(
		    db_get_text(world_db(&w), &w.err, w.arena, &row, &raw, "i", id), 1);
		assert_null(strstr(row, number));
		assert_non_null(strstr(row, "sealed"));
		stored = json_dumps(app->answers, 0);
		assert_null(strstr(stored, number));
		free(stored);
		OK(app_unseal(world_db(&w), w.dog, app->answers, &plain, why));
		assert_string_equal(
		    json_string_value(json_object_get(json_object_get(plain, "owner"), "number")),
		    number);
		json_decref(plain);
		if (i == 0)
			DO(&w, HANAKO, "submit", .proc = w.dog, .id = id);
	}
	/* Saved again as it is: sealed stays sealed. */
	struct journal_entry *entries;
	int n = journal_of(world_db(&w), w.arena, subject_of(w.arena, id), &entries, &w.err);
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		char *data = entries[i].data ? json_dumps(entries[i].data, JSON_ENCODE_ANY) : NULL;
		assert_true(!data || !strstr(data, number));
		free(data);
	}
	int64_t *found;
	assert_int_equal(
	    search_find(world_db(&w), w.arena,
	        &(struct search_query){.kind = "application", .text = number, .limit = 10}, &found,
	        &w.err),
	    0);
	assert_int_equal(
	    search_find(world_db(&w), w.arena,
	        &(struct search_query){.kind = "application", .text = "花子", .limit = 10}, &found,
	        &w.err),
	    1);
	json_decref(answers);
	world_free(&w);
}
EACH(individual_number)

/* What is beyond one's own work: another department's, and what is closed. */
static void whose_work(struct store *st)
{
	struct world w = world_new(st);
	struct application *app;
	int64_t id = submitted(&w, HANAKO, w.dog);
	static const struct {
		enum who who;
		bool own;
	} cases[] = {{CLERK, true}, {HEAD, true}, {DIVISION, true}, {TAX_CLERK, false}};
	assert_int_equal(app_get(world_db(&w), w.arena, id, &app, &w.err), 0);
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(
		    app_is_work_of(world_db(&w), &w.actors[cases[i].who], app), cases[i].own);
	DO(&w, HANAKO, "withdraw", .id = id);
	assert_int_equal(app_get(world_db(&w), w.arena, id, &app, &w.err), 0);
	assert_true(app_is_work_of(world_db(&w), &w.actors[CLERK], app));
	now_set_us(FRIDAY + 8 * DAY);
	assert_false(app_is_work_of(world_db(&w), &w.actors[CLERK], app));
	assert_verified(&w);
	world_free(&w);
}
EACH(whose_work)

/* --- files --- */

static json_t *with_photo(struct world *w, const char *blob)
{
	json_t *answers = json_deep_copy(w->answers);
	json_object_set_new(answers, "attachments",
	    json_pack("{s:[{s:s, s:s, s:s, s:i}]}", "photo", "blob", blob, "name", "dog.jpg",
	        "type", "image/jpeg", "size", 3));
	return answers;
}

static void files(struct store *st)
{
	struct world w = world_new(st);
	char one[BLOB_NAME_SIZE], two[BLOB_NAME_SIZE];
	json_t *list;
	OK(blob_put(st, STR("one"), one, why));
	OK(blob_put(st, STR("two"), two, why));
	json_t *first = with_photo(&w, one), *second = with_photo(&w, two);
	int64_t id = drafted(&w, HANAKO, w.dog, first);
	DO(&w, HANAKO, "save", .proc = w.dog, .id = id, .json = second);
	OK(app_attachments(world_db(&w), w.arena, id, &list, why));
	assert_int_equal(json_array_size(list), 1); /* a draft forgets */
	json_decref(list);
	DO(&w, HANAKO, "submit", .proc = w.dog, .id = id);
	DO(&w, CLERK, "accept", .id = id);
	DO(&w, CLERK, "ask", .id = id, .text = "写真をもう一度");
	DO(&w, HANAKO, "correct", .proc = w.dog, .id = id, .json = first);
	OK(app_attachments(world_db(&w), w.arena, id, &list, why));
	assert_int_equal(json_array_size(list), 2); /* what was submitted stays */
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "field")),
	    "attachments.photo");
	assert_false(json_is_true(json_object_get(json_array_get(list, 0), "removed")));
	assert_true(json_is_true(json_object_get(json_array_get(list, 1), "removed")));
	json_decref(list);
	assert_verified(&w);
	json_decref(first);
	json_decref(second);
	world_free(&w);
}
EACH(files)

static int64_t uses(struct world *w, const char *blob)
{
	static const struct sql count = {"SELECT COUNT(*) FROM blob_use WHERE name = ?1", NULL};
	int64_t n;
	assert_int_equal(db_get_i64(world_db(w), &w->err, &n, &count, "t", blob), 1);
	return n;
}

static json_t *kept(struct world *w, int64_t id)
{
	json_t *answers = NULL;
	int64_t saved_us;
	int rc = app_correction_draft(
	    world_db(w), w->arena, app_now(w, id), &answers, &saved_us, &w->err);
	assert_true(rc >= 0);
	return answers;
}

/* An answer to a correction is kept while it is written, and changes nothing before it is sent. */
static void correction_draft(struct store *st)
{
	struct world w = world_new(st);
	char one[BLOB_NAME_SIZE], two[BLOB_NAME_SIZE];
	OK(blob_put(st, STR("one"), one, why));
	OK(blob_put(st, STR("two"), two, why));
	json_t *first = with_photo(&w, one), *second = with_photo(&w, two);
	int64_t id = drafted(&w, HANAKO, w.dog, first);
	DO(&w, HANAKO, "submit", .proc = w.dog, .id = id);
	DO(&w, CLERK, "accept", .id = id);
	NO(&w, HANAKO, ERR_CONFLICT, "application.wrong_state", "save_answer", .proc = w.dog,
	    .id = id, .json = second);
	DO(&w, CLERK, "ask", .id = id, .text = "写真をもう一度");
	int64_t turn = app_now(&w, id)->turn;
	NO(&w, CLERK, ERR_DENIED, "application.denied", "save_answer", .proc = w.dog, .id = id,
	    .json = second);
	assert_null(kept(&w, id));
	DO(&w, HANAKO, "save_answer", .proc = w.dog, .id = id, .json = first);
	DO(&w, HANAKO, "save_answer", .proc = w.dog, .id = id, .json = second);
	assert_true(json_equal(kept(&w, id), second));
	assert_true(json_equal(app_now(&w, id)->answers, first));
	assert_int_equal(app_now(&w, id)->turn, turn);
	assert_int_equal(uses(&w, one), 1);
	assert_int_equal(uses(&w, two), 1);
	assert_verified(&w);
	/* Taken back: what was begun goes with it. */
	DO(&w, CLERK, "unask", .id = id, .text = "電話で確認");
	assert_null(kept(&w, id));
	assert_int_equal(uses(&w, two), 0);
	DO(&w, CLERK, "ask", .id = id, .text = "やはり写真を");
	assert_null(kept(&w, id));
	DO(&w, HANAKO, "save_answer", .proc = w.dog, .id = id, .json = second);
	DO(&w, HANAKO, "correct", .proc = w.dog, .id = id, .json = second);
	assert_null(kept(&w, id));
	assert_int_equal(uses(&w, two), 1); /* the application's own */
	assert_verified(&w);
	DO(&w, CLERK, "ask", .id = id, .text = "もう一枚");
	DO(&w, HANAKO, "save_answer", .proc = w.dog, .id = id, .json = first);
	DO(&w, HANAKO, "withdraw", .id = id, .text = "");
	assert_null(kept(&w, id));
	assert_verified(&w);
	json_decref(first);
	json_decref(second);
	world_free(&w);
}
EACH(correction_draft)

#define RUN(name) cmocka_unit_test(test_##name)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RUN(numbers),
	    RUN(moves),
	    RUN(moves_documented),
	    RUN(correction_draft),
	    RUN(moves_described),
	    RUN(whole_life),
	    RUN(incomplete),
	    RUN(prepared),
	    RUN(twice),
	    RUN(others),
	    RUN(holiday_night),
	    RUN(corrections),
	    RUN(retention),
	    RUN(fees),
	    RUN(places),
	    RUN(more_places),
	    RUN(few_more_places),
	    RUN(counter),
	    RUN(mandates),
	    RUN(forwarding),
	    RUN(messages),
	    RUN(individual_number),
	    RUN(whose_work),
	    RUN(files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
