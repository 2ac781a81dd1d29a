/* The route of a decision: line, consultation, absence, deputies, pulling up and back. */
#include "procedure/application/test_life.h"

static int64_t started(struct world *w, struct procedure *proc)
{
	int64_t id = accepted(w, proc);
	DO(w, CLERK, "decide", .proc = proc, .id = id);
	return id;
}

/* "check approved 係員 一郎, chief open, ..." of the present round. */
static const char *route_text(struct world *w, int64_t id)
{
	struct route_step *steps;
	struct application *app = app_now(w, id);
	int n = route_load(world_db(w), w->arena, id, app->round, false, &steps, &w->err);
	struct buf b;
	buf_init(&b, w->arena);
	for (int i = 0; i < n; i++)
		buf_printf(&b, "%s%s %s", i ? ", " : "", steps[i].step,
		    steps[i].skip ? steps[i].skip : steps[i].state);
	return b.p ? b.p : "";
}
#define assert_route(w, id, text) assert_string_equal(route_text(w, id), text)

static bool waits_for(struct world *w, int64_t id, enum who who)
{
	int64_t one;
	return db_get_i64(world_db(w), &w->err, &one, &life_sql[SQL_TURN_HAS], "iti",
	           w->actors[who].person, "turn", id) == 1;
}

static void whole_way(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = started(&w, w.dog);
	assert_state(&w, id, "approval");
	assert_route(
	    &w, id, "check approved, chief open, consult waiting, consult waiting, decide waiting");
	assert_true(waits_for(&w, id, CHIEF));
	assert_false(waits_for(&w, id, HEAD));
	/* Not yet theirs, not at all theirs, not to be known of. */
	NO(&w, TAX_HEAD, ERR_MISSING, "application.missing", "approve", .proc = w.dog, .id = id);
	NO(&w, CLERK2, ERR_DENIED, "application.route.not_yours", "approve", .proc = w.dog,
	    .id = id);
	NO(&w, CLERK, ERR_DENIED, "application.route.own_draft", "approve", .proc = w.dog,
	    .id = id);
	NO(&w, HANAKO, ERR_DENIED, "application.denied", "approve", .proc = w.dog, .id = id);
	NO(&w, TARO, ERR_MISSING, "application.missing", "approve", .proc = w.dog, .id = id);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = id, .text = "よい");
	assert_route(
	    &w, id, "check approved, chief approved, consult open, consult open, decide waiting");
	assert_true(waits_for(&w, id, TAX_HEAD));
	assert_true(waits_for(&w, id, CARE_HEAD));
	NO(&w, TAX_CLERK, ERR_MISSING, "application.missing", "approve", .proc = w.dog, .id = id);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = id);
	assert_true(waits_for(&w, id, HEAD));
	assert_true(waits_for(&w, id, HEAD2));
	DO(&w, HEAD2, "approve", .proc = w.dog, .id = id);
	assert_state(&w, id, "granted");
	struct application *app = app_now(&w, id);
	assert_int_equal(json_integer_value(json_object_get(app->numbers, "dog-tag")), 1);
	assert_string_equal(app->disposal_on, "2032-03-31");
	assert_false(waits_for(&w, id, HEAD));
	assert_verified(&w);
	world_free(&w);
}

static void delegation(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = started(&w, w.small);
	/* 500 yen: 係長 decides, nobody above is asked, and the line ends there. */
	assert_route(&w, id, "check approved, decide open");
	DO(&w, CHIEF, "approve", .proc = w.small, .id = id);
	assert_state(&w, id, "payment");
	assert_verified(&w);
	world_free(&w);
}

static void decider_absent(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = started(&w, w.small);
	int64_t chief = w.actors[CHIEF].person, clerk2 = w.actors[CLERK2].person;
	/* Decider absent: the deputy acts for him, he reads it afterwards. */
	DO(&w, CHIEF, "absent", .n = chief, .text = "2026-11-25");
	DO(&w, CHIEF, "deputy", .n = chief, .m = clerk2);
	DO(&w, CLERK2, "approve", .proc = w.small, .id = id);
	assert_state(&w, id, "payment");
	struct route_step *steps;
	assert_int_equal(route_load(world_db(&w), w.arena, id, 1, false, &steps, &w.err), 2);
	assert_string_equal(steps[1].acted_name, "係員 二郎");
	assert_string_equal(steps[1].acting_for_name, "係長 三郎");
	assert_string_equal(steps[1].review, "needed");
	NO(&w, HEAD, ERR_DENIED, "application.route.not_yours", "review", .id = id);
	DO(&w, CHIEF, "review", .id = id);
	NO(&w, CHIEF, ERR_DENIED, "application.route.not_yours", "review", .id = id);
	assert_verified(&w);
	world_free(&w);
}

static void both_absent(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = started(&w, w.small);
	int64_t chief = w.actors[CHIEF].person, clerk2 = w.actors[CLERK2].person;
	DO(&w, CHIEF, "deputy", .n = chief, .m = clerk2);
	/* While the decider is there, no superior takes the decision away. */
	NO(&w, HEAD, ERR_DENIED, "application.route.not_yours", "approve", .proc = w.small,
	    .id = id);
	DO(&w, CHIEF, "absent", .n = chief, .text = "2026-11-25");
	DO(&w, CHIEF, "absent", .n = clerk2, .text = "2026-11-25");
	NO(&w, CLERK2, ERR_DENIED, "application.route.not_yours", "approve", .proc = w.small,
	    .id = id);
	/* Decider and deputy absent: the nearest superior. */
	DO(&w, HEAD, "approve", .proc = w.small, .id = id);
	assert_state(&w, id, "payment");
	world_free(&w);
}

static void reviewer_absent(struct store *st)
{
	struct world w = world_new(st);
	DO(&w, CHIEF, "absent", .n = w.actors[CHIEF].person, .text = "2026-11-25");
	int64_t id = started(&w, w.dog);
	/* A reviewer who is away is passed over, and reads it afterwards. */
	assert_route(
	    &w, id, "check approved, chief absent, consult open, consult open, decide waiting");
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
	NO(&w, CHIEF, ERR_CONFLICT, "application.wrong_state", "review", .id = id);
	DO(&w, HEAD, "approve", .proc = w.dog, .id = id);
	assert_state(&w, id, "granted");
	DO(&w, CHIEF, "review", .id = id);
	assert_verified(&w);
	world_free(&w);
}

static void consult_objects(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = started(&w, w.dog);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = id);
	NO(&w, TAX_HEAD, ERR_INPUT, "application.required", "reject", .proc = w.dog, .id = id);
	DO(&w, TAX_HEAD, "reject", .proc = w.dog, .id = id, .text = "課税台帳と合いません");
	/* The other one is still heard. */
	assert_state(&w, id, "approval");
	assert_route(&w, id,
	    "check approved, chief approved, consult objected, consult open, decide waiting");
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
	assert_state(&w, id, "reviewing");
	assert_route(&w, id,
	    "check approved, chief approved, consult objected, consult approved, decide void");
	/* A new draft starts a new round; the old one stays. */
	DO(&w, CLERK2, "decide", .proc = w.dog, .id = id);
	assert_int_equal(app_now(&w, id)->round, 2);
	assert_route(
	    &w, id, "check approved, chief open, consult waiting, consult waiting, decide waiting");
	assert_verified(&w);
	world_free(&w);
}

static void pulling_up(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = started(&w, w.dog);
	/* 課長 takes it before 係長: consultation comes next all the same. */
	DO(&w, HEAD, "approve", .proc = w.dog, .id = id);
	assert_route(
	    &w, id, "check approved, chief pulled_up, consult open, consult open, decide waiting");
	NO(&w, CLERK, ERR_CONFLICT, "application.route.acted", "pull_back", .proc = w.dog,
	    .id = id);
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
	/* ... then sends it back: who was passed over has nothing to read. */
	DO(&w, HEAD, "send_back", .proc = w.dog, .id = id, .text = "理由を詳しく");
	assert_state(&w, id, "reviewing");
	struct route_step *steps;
	route_load(world_db(&w), w.arena, id, 1, false, &steps, &w.err);
	assert_string_equal(steps[1].review, "none");
	assert_string_equal(steps[4].state, "returned");
	assert_string_equal(steps[4].comment, "理由を詳しく");
	assert_verified(&w);
	world_free(&w);
}

static void sending_back(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = started(&w, w.dog);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = id);
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
	NO(&w, HEAD, ERR_INPUT, "application.route.to_step", "send_back", .proc = w.dog, .id = id,
	    .back = 4, .text = "x");
	DO(&w, HEAD, "send_back", .proc = w.dog, .id = id, .back = 2, .text = "係長からやり直し");
	assert_state(&w, id, "approval");
	assert_route(
	    &w, id, "check approved, chief open, consult waiting, consult waiting, decide waiting");
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = id);
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, HEAD, "reject", .proc = w.dog, .id = id, .text = "廃案とする");
	assert_state(&w, id, "reviewing");
	assert_verified(&w);
	world_free(&w);
}

static void pulling_back(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = started(&w, w.dog);
	NO(&w, CLERK2, ERR_DENIED, "application.denied", "pull_back", .proc = w.dog, .id = id);
	DO(&w, CLERK, "pull_back", .proc = w.dog, .id = id);
	assert_state(&w, id, "reviewing");
	assert_false(waits_for(&w, id, CHIEF));
	DO(&w, CLERK, "decide", .proc = w.dog, .id = id);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = id);
	NO(&w, CLERK, ERR_CONFLICT, "application.route.acted", "pull_back", .proc = w.dog,
	    .id = id);
	world_free(&w);
}

static void own_draft(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = accepted(&w, w.small);
	/* The chief drafts, the delegation makes the chief decide: somebody else must. */
	DO(&w, CHIEF, "decide", .proc = w.small, .id = id);
	NO(&w, CHIEF, ERR_DENIED, "application.route.own_draft", "approve", .proc = w.small,
	    .id = id);
	DO(&w, HEAD, "approve", .proc = w.small, .id = id);
	assert_state(&w, id, "payment");
	/* As a reviewer the only holder who drafted is passed over. */
	id = accepted(&w, w.dog);
	DO(&w, CHIEF, "decide", .proc = w.dog, .id = id);
	assert_route(
	    &w, id, "check approved, chief drafter, consult open, consult open, decide waiting");
	world_free(&w);
}

static void organisation_change(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = started(&w, w.dog);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = id);
	/* 生活衛生課 becomes くらし衛生課 under another head while the consultation runs. */
	DO(&w, CHIEF, "post", .n = w.actors[CLERK2].person, .m = w.merged);
	DO(&w, CLERK, "forward", .id = id, .n = w.merged, .text = "組織改正のため");
	assert_state(&w, id, "approval");
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = id);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
	NO(&w, HEAD, ERR_MISSING, "application.missing", "approve", .proc = w.dog, .id = id);
	assert_true(waits_for(&w, id, CLERK2));
	DO(&w, CLERK2, "approve", .proc = w.dog, .id = id);
	assert_state(&w, id, "granted");
	struct route_step *steps;
	route_load(world_db(&w), w.arena, id, 1, false, &steps, &w.err);
	assert_string_equal(steps[1].department_name, "生活衛生課"); /* as it was then */
	assert_string_equal(steps[4].department_name, "くらし衛生課");
	assert_verified(&w);
	world_free(&w);
}

/* Two hold the post and press the button at the same time. */
static void concurrent(struct store *st)
{
	struct world w = world_new(st);
	int64_t id = started(&w, w.small);
	int64_t seen = app_now(&w, id)->turn;
	w.actors[CHIEF].seen = seen;
	w.actors[HEAD].seen = seen;
	DO(&w, CHIEF, "approve", .proc = w.small, .id = id);
	NO(&w, HEAD, ERR_CONFLICT, "application.changed", "approve", .proc = w.small, .id = id);
	w.actors[HEAD].seen = 0; /* a client that does not say what it saw */
	NO(&w, HEAD, ERR_CONFLICT, "application.wrong_state", "approve", .proc = w.small, .id = id);
	world_free(&w);
}

static int race_run(struct db *db, void *arg, struct err *err)
{
	return act_run(db, arg, err);
}

static void race(struct store *st)
{
	struct world w = world_new(st);
	for (int round = 0; round < 5; round++) {
		int64_t id = started(&w, w.dog);
		DO(&w, CHIEF, "approve", .proc = w.dog, .id = id);
		DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = id);
		DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = id);
		struct act acts[2];
		struct test_write racers[2];
		struct arena *arenas[2] = {arena_new(), arena_new()};
		struct world copies[2] = {w, w};
		for (int i = 0; i < 2; i++) {
			copies[i].arena = arenas[i];
			acts[i] = (struct act){.w = &copies[i],
			    .actor = w.actors[i ? HEAD2 : HEAD],
			    .verb = "approve",
			    .proc = w.dog,
			    .id = id};
			racers[i] = (struct test_write){.fn = race_run, .arg = &acts[i]};
		}
		test_store_together(st, racers, 2);
		assert_true((racers[0].rc == 0) != (racers[1].rc == 0));
		assert_int_equal(racers[0].rc + racers[1].rc, -(int)ERR_CONFLICT);
		assert_state(&w, id, "granted");
		arena_free(arenas[0]);
		arena_free(arenas[1]);
	}
	assert_verified(&w);
	world_free(&w);
}

#define EACH(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(name);                                                             \
	}
EACH(whole_way)
EACH(delegation)
EACH(decider_absent)
EACH(both_absent)
EACH(reviewer_absent)
EACH(consult_objects)
EACH(pulling_up)
EACH(sending_back)
EACH(pulling_back)
EACH(own_draft)
EACH(organisation_change)
EACH(concurrent)
EACH(race)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_whole_way),
	    cmocka_unit_test(test_delegation),
	    cmocka_unit_test(test_decider_absent),
	    cmocka_unit_test(test_both_absent),
	    cmocka_unit_test(test_reviewer_absent),
	    cmocka_unit_test(test_consult_objects),
	    cmocka_unit_test(test_pulling_up),
	    cmocka_unit_test(test_sending_back),
	    cmocka_unit_test(test_pulling_back),
	    cmocka_unit_test(test_own_draft),
	    cmocka_unit_test(test_organisation_change),
	    cmocka_unit_test(test_concurrent),
	    cmocka_unit_test(test_race),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
