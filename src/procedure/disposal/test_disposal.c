/* Files whose retention period has ended: what may be proposed, who decides, what is erased, what
 * stays. */
#include "procedure/application/test_life.h"

#include "document/document.h"
#include "notice/private.h"
#include "procedure/disposal/disposal.h"
#include "store/blob.h"
#include "store/search.h"

/* 1 April after a file of fiscal 2026 kept five years: its last day was yesterday. */
static const char first_free_day[] = "2032-04-01";

static void go_to(const char *day)
{
	struct date d;
	assert_true(date_parse(str_from(day), &d));
	now_set_us(date_start_us(d) + DAY / 3);
}

/* --- acts --- */

struct proposal_act {
	struct world *w;
	struct app_actor actor;
	struct disposal_wish wish;
	struct disposal_made made;
};

static int propose_run(struct db *db, void *arg, struct err *err)
{
	struct proposal_act *p = arg;
	return disposal_propose(db, p->w->arena, &p->actor, &p->wish, &p->made, err);
}

static int propose(
    struct world *w, enum who who, struct disposal_wish wish, struct disposal_made *made)
{
	struct proposal_act p = {.w = w, .actor = w->actors[who], .wish = wish};
	w->err = (struct err){0};
	int rc = store_write(w->st, propose_run, &p, &w->err);
	*made = p.made;
	return rc;
}

#define WISH_OF(list, kind_, reason_, until_)                                                      \
	(struct disposal_wish)                                                                     \
	{                                                                                          \
		.kind = (kind_), .reason = (reason_), .until = (until_), .ids = (list),            \
		.n = COUNT(list)                                                                   \
	}
#define WISH(list) WISH_OF(list, "dispose", "保存期間の満了", NULL)

struct decision_act {
	struct world *w;
	struct app_actor actor;
	int64_t id;
	const char *verb, *comment;
};

static int decide_run(struct db *db, void *arg, struct err *err)
{
	struct decision_act *d = arg;
	return disposal_decide(db, d->w->arena, &d->actor, d->id, d->verb, d->comment, err);
}

static int decide(struct world *w, enum who who, int64_t id, const char *verb, const char *comment)
{
	struct decision_act d = {
	    .w = w, .actor = w->actors[who], .id = id, .verb = verb, .comment = comment};
	w->err = (struct err){0};
	return store_write(w->st, decide_run, &d, &w->err);
}

static void run_disposals(struct world *w)
{
	static const struct job_kind kind = {
	    .name = "application.dispose", .max_tries = 1, .run = disposal_run};
	static const struct job_kind *const kinds[] = {&kind};
	if (jobs_drain(w->st, kinds, 1, NULL, &w->err) < 0)
		fail_msg("%s", w->err.detail);
	int64_t dead = 0;
	OK(jobs_count(world_db(w), "dead", 1, &dead, why));
	assert_int_equal(dead, 0);
}

/* Files that are closed: withdrawn by who made them. Of a dog five years are kept, of a course one.
 */
static int64_t dog_file(struct world *w)
{
	int64_t id = submitted(w, HANAKO, w->dog);
	DO(w, HANAKO, "withdraw", .id = id, .text = "不要になった");
	return id;
}

static int64_t course_file(struct world *w)
{
	json_t *tea = json_deep_copy(w->answers);
	json_object_set_new(tea, "course", json_pack("{s:s}", "course", "tea"));
	int64_t id = drafted(w, HANAKO, w->course, tea);
	json_decref(tea);
	DO(w, HANAKO, "submit", .proc = w->course, .id = id);
	DO(w, HANAKO, "withdraw", .id = id, .text = "不要になった");
	return id;
}

static int run_sql(struct db *db, void *arg, struct err *err)
{
	return (int)db_run(db, err, arg, "") < 0 ? -(int)ERR_STORE : 0;
}

/* The files that somebody is shown. New reference. */
static json_t *due(struct world *w, enum who who, struct due_filter f)
{
	json_t *page;
	if (f.years == 0)
		f.years = -1;
	OK(disposal_due(world_db(w), w->arena, &w->actors[who], &f, "ja", &page, why));
	json_t *items = json_incref(json_object_get(page, "items"));
	json_decref(page);
	return items;
}

static size_t due_count(struct world *w, enum who who, struct due_filter f)
{
	json_t *items = due(w, who, f);
	size_t n = json_array_size(items);
	json_decref(items);
	return n;
}

static const char *due_why(struct world *w, int64_t id)
{
	json_t *items = due(w, CHIEF, (struct due_filter){0}), *row;
	const char *found = "not there";
	size_t i;
	json_array_foreach(items, i, row)
	{
		if (json_integer_value(json_object_get(row, "id")) != id)
			continue;
		const char *key = json_string_value(json_object_get(row, "why_key"));
		found = key ? arena_strdup(w->arena, key) : "free";
	}
	json_decref(items);
	return found;
}

static void assert_all_verified(struct world *w)
{
	static const struct journal_verifier *const verifiers[] = {
	    &application_verifier, &disposal_verifier, &disposal_item_verifier};
	struct verify_report report;
	OK(journal_verify(w->st, verifiers, COUNT(verifiers), NULL, NULL, &report, why));
	if (report.problems)
		fail_msg("entry %" PRId64 ": %s", report.first_bad_entry, report.first_bad);
}

/* --- what is listed --- */

static void listed(struct store *st)
{
	struct world w = world_new(st);
	int64_t five = dog_file(&w), held = dog_file(&w), one = course_file(&w),
	        open = submitted(&w, HANAKO, w.dog);
	(void)open;
	DO(&w, CLERK, "hold", .id = held, .text = "訴訟のため");
	go_to("2032-03-31"); /* the last day itself is still kept */
	assert_string_equal(due_why(&w, five), "not there");
	assert_string_equal(due_why(&w, one), "free");
	go_to(first_free_day);
	assert_string_equal(due_why(&w, five), "free");
	assert_string_equal(due_why(&w, held), "disposal.why.held");
	assert_string_equal(due_why(&w, open), "not there");
	assert_int_equal(due_count(&w, CHIEF, (struct due_filter){0}), 3);
	assert_int_equal(due_count(&w, CHIEF, (struct due_filter){.years = 5}), 2);
	assert_int_equal(due_count(&w, CHIEF, (struct due_filter){.year = 2032}), 2);
	assert_int_equal(due_count(&w, CHIEF, (struct due_filter){.year = 2028}), 1);
	assert_int_equal(due_count(&w, CHIEF, (struct due_filter){.procedure = "course"}), 1);
	/* The division's head sees those of the sections, another section does not. */
	assert_int_equal(due_count(&w, DIVISION, (struct due_filter){0}), 3);
	assert_int_equal(due_count(&w, TAX_HEAD, (struct due_filter){0}), 0);
	/* Pages. */
	struct due_filter f = {.limit = 2, .years = -1};
	json_t *page;
	OK(disposal_due(world_db(&w), w.arena, &w.actors[HEAD], &f, "ja", &page, why));
	assert_int_equal(json_array_size(json_object_get(page, "items")), 2);
	f.after = arena_strdup(w.arena, json_string_value(json_object_get(page, "next")));
	json_decref(page);
	OK(disposal_due(world_db(&w), w.arena, &w.actors[HEAD], &f, "ja", &page, why));
	assert_int_equal(json_array_size(json_object_get(page, "items")), 1);
	assert_true(json_is_null(json_object_get(page, "next")));
	json_decref(page);
	world_free(&w);
}

/* --- who may propose what, and who decides --- */

static void two_people(struct store *st)
{
	struct world w = world_new(st);
	struct disposal_made made;
	int64_t ids[] = {dog_file(&w), dog_file(&w)};
	go_to("2032-03-31");
	assert_int_equal(propose(&w, CHIEF, WISH(ids), &made), -(int)ERR_CONFLICT);
	assert_string_equal(w.err.msg, "disposal.none"); /* too early */
	go_to(first_free_day);
	assert_int_equal(
	    propose(&w, CHIEF, WISH_OF(ids, "dispose", " ", NULL), &made), -(int)ERR_INPUT);
	assert_string_equal(w.err.field, "reason");
	assert_int_equal(
	    propose(&w, CHIEF, WISH_OF(ids, "burn", "x", NULL), &made), -(int)ERR_INPUT);
	assert_int_equal(
	    propose(&w, CHIEF, WISH_OF(ids, "extend", "x", NULL), &made), -(int)ERR_INPUT);
	assert_int_equal(propose(&w, CHIEF, WISH_OF(ids, "extend", "x", first_free_day), &made),
	    -(int)ERR_INPUT);
	assert_string_equal(w.err.field, "until");
	/* A clerk may not, nor another section. */
	assert_int_equal(propose(&w, CLERK, WISH(ids), &made), -(int)ERR_CONFLICT);
	assert_int_equal(propose(&w, TAX_HEAD, WISH(ids), &made), -(int)ERR_CONFLICT);

	assert_int_equal(propose(&w, HEAD, WISH(ids), &made), 0);
	assert_int_equal(made.proposals, 1);
	assert_int_equal(made.files, 2);
	int64_t first = made.last;
	assert_string_equal(due_why(&w, ids[0]), "disposal.why.proposed");
	/* Twice at once: nothing is left to propose. */
	assert_int_equal(propose(&w, CHIEF, WISH(ids), &made), -(int)ERR_CONFLICT);
	/* One's own, without the right, unseen. */
	assert_int_equal(decide(&w, HEAD, first, "approve", NULL), -(int)ERR_DENIED);
	assert_string_equal(w.err.msg, "disposal.own");
	assert_int_equal(decide(&w, CHIEF, first, "approve", NULL), -(int)ERR_DENIED);
	assert_int_equal(decide(&w, TAX_HEAD, first, "approve", NULL), -(int)ERR_MISSING);
	assert_int_equal(decide(&w, HEAD2, first, "take_back", NULL), -(int)ERR_DENIED);
	assert_int_equal(decide(&w, HEAD2, first, "refuse", NULL), -(int)ERR_INPUT);
	assert_string_equal(w.err.field, "comment");
	assert_int_equal(decide(&w, HEAD2, first, "refuse", "調査中"), 0);
	assert_int_equal(decide(&w, HEAD2, first, "approve", NULL), -(int)ERR_CONFLICT);
	assert_string_equal(due_why(&w, ids[0]), "free");
	assert_int_equal(propose(&w, HEAD, WISH(ids), &made), 0);
	assert_int_equal(decide(&w, HEAD, made.last, "take_back", NULL), 0);
	assert_string_equal(due_why(&w, ids[1]), "free");
	run_disposals(&w);
	assert_state(&w, ids[0], "withdrawn");
	assert_all_verified(&w);
	world_free(&w);
}

/* --- what is erased and what stays --- */

static int index_words(struct db *db, void *arg, struct err *err)
{
	return search_put(db, "application", *(int64_t *)arg, 1, "高松花子 犬の登録", err);
}

static int send_mail(struct db *db, void *arg, struct err *err)
{
	static const struct sql sent = {"UPDATE notice SET state = 'sent'"};
	json_t *view = json_pack("{s:s}", "name", "高松 花子");
	int rc = notice_mail(db, "hanako@example.jp", "ja", "receipt", arg, view, err);
	json_decref(view);
	return rc < 0 ? rc : run_sql(db, (void *)(uintptr_t)&sent, err);
}

static int refresh(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return app_statistics_refresh(db, err);
}

static int64_t submitted_in_all(struct world *w)
{
	json_t *out, *row;
	int64_t n = 0;
	size_t i;
	OK(store_write(w->st, refresh, NULL, why));
	OK(app_statistics(world_db(w), w->arena, &out, why));
	json_array_foreach(json_object_get(out, "procedures"), i, row)
	{
		n += json_integer_value(json_object_get(row, "submitted"));
	}
	json_decref(out);
	return n;
}

static void nothing_left(struct world *w, int64_t id)
{
	static const struct sql left[] = {
	    {"SELECT COUNT(*) FROM application WHERE id = ?1"},
	    {"SELECT COUNT(*) FROM answer_version WHERE application = ?1"},
	    {"SELECT COUNT(*) FROM attachment WHERE application = ?1"},
	    {"SELECT COUNT(*) FROM correction WHERE application = ?1"},
	    {"SELECT COUNT(*) FROM message WHERE application = ?1"},
	    {"SELECT COUNT(*) FROM route_step WHERE application = ?1"},
	    {"SELECT COUNT(*) FROM charge WHERE application = ?1"},
	    {"SELECT COUNT(*) FROM reminder WHERE application = ?1"},
	    {"SELECT COUNT(*) FROM blob_use WHERE subject = 'application:' || ?1"},
	    {"SELECT COUNT(*) FROM notice WHERE about = 'application:' || ?1"},
	    /* The entry that says so stays; what was said before is gone, salts included. */
	    {"SELECT COUNT(*) FROM journal WHERE subject = 'application:' || ?1"
	     " AND (data IS NOT NULL OR salt IS NOT NULL) AND verb <> 'application.disposed'"},
	};
	for (size_t i = 0; i < COUNT(left); i++) {
		struct rows *r = i < 8 ? db_query(world_db(w), &w->err, &left[i], "i", id)
		                       : db_query(world_db(w), &w->err, &left[i], "t",
		                             arena_printf(w->arena, "%" PRId64, id));
		if (!r)
			fail_msg("%s: %s", left[i].text, w->err.detail);
		assert_int_equal(rows_next(r), 1);
		if (rows_i64(r, 0) != 0)
			fail_msg("%s: %" PRId64, left[i].text, rows_i64(r, 0));
		rows_end(r);
	}
}

static void erased(struct store *st)
{
	struct world w = world_new(st);
	struct disposal_made made;
	char photo[BLOB_NAME_SIZE];
	OK(blob_put(st, str_from("\x89PNG photograph"), photo, why));
	json_t *answers = json_deep_copy(w.answers);
	json_object_set_new(answers, "attachments",
	    json_pack("{s:[{s:s, s:s, s:s, s:i}]}", "photo", "blob", photo, "name", "犬.png",
	        "type", "image/png", "size", 15));
	int64_t id = drafted(&w, HANAKO, w.dog, answers), other = drafted(&w, TARO, w.dog, answers);
	DO(&w, HANAKO, "submit", .proc = w.dog, .id = id);
	DO(&w, TARO, "submit", .proc = w.dog, .id = other);
	DO(&w, CLERK, "accept", .id = id);
	DO(&w, CLERK, "message", .id = id, .text = "確認中です");
	DO(&w, CLERK, "message", .id = id, .text = "内部", .text2 = "note");
	json_t *fields = json_pack("[{s:s, s:s}]", "field", "owner.name", "message", "お名前");
	DO(&w, CLERK, "ask", .id = id, .json = fields, .text = "直して", .text2 = "2026-12-04");
	json_decref(fields);
	DO(&w, HANAKO, "correct", .proc = w.dog, .id = id, .json = answers);
	DO(&w, CLERK, "decide", .proc = w.dog, .id = id);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = id);
	DO(&w, HANAKO, "withdraw", .id = id, .text = "不要になった");
	OK(store_write(st, index_words, &id, why));
	OK(store_write(st, send_mail, (void *)(uintptr_t)subject_of(w.arena, id), why));
	assert_int_equal(submitted_in_all(&w), 2);

	go_to(first_free_day);
	int64_t ids[] = {id};
	assert_int_equal(propose(&w, CHIEF, WISH(ids), &made), 0);
	assert_int_equal(decide(&w, HEAD, made.last, "approve", NULL), 0);
	run_disposals(&w);
	run_disposals(&w);
	nothing_left(&w, id);
	int64_t *found;
	assert_int_equal(
	    search_find(world_db(&w), w.arena,
	        &(struct search_query){.kind = "application", .text = "花子", .limit = 10}, &found,
	        &w.err),
	    1);
	assert_int_equal(found[0], other);
	/* The photo belongs to another file as well. */
	static const struct sql users = {"SELECT COUNT(*) FROM blob_use WHERE name = ?1"};
	int64_t n = 0;
	assert_int_equal(db_get_i64(world_db(&w), &w.err, &n, &users, "t", photo), 1);
	assert_int_equal(n, 1);
	assert_int_equal(submitted_in_all(&w), 2);

	/* What stays: who, when, by whose word. */
	json_t *record, *view, *mine;
	assert_int_equal(
	    disposal_record(world_db(&w), w.arena, &w.actors[HANAKO], id, &record, &w.err), 1);
	assert_string_equal(json_string_value(json_object_get(record, "kept_until")), "2032-03-31");
	assert_null(json_object_get(record, "record")); /* names of staff stay inside */
	json_decref(record);
	assert_int_equal(
	    disposal_record(world_db(&w), w.arena, &w.actors[TARO], id, &record, &w.err), 0);
	assert_int_equal(
	    disposal_record(world_db(&w), w.arena, &w.actors[TAX_CLERK], id, &record, &w.err), 0);
	assert_int_equal(
	    disposal_record(world_db(&w), w.arena, &w.actors[CLERK], id, &record, &w.err), 1);
	json_t *deed = json_object_get(record, "record");
	assert_string_equal(json_string_value(json_object_get(deed, "number")), "2032-0001");
	assert_string_equal(json_string_value(json_object_get(deed, "proposed_by")), "係長 三郎");
	assert_string_equal(json_string_value(json_object_get(deed, "decided_by")), "課長 四郎");
	json_decref(record);
	OK(disposal_of_account(world_db(&w), w.arena, w.actors[HANAKO].account, 10, &mine, why));
	assert_int_equal(json_array_size(mine), 1);
	json_decref(mine);
	OK(disposal_view(world_db(&w), w.arena, &w.actors[HEAD], made.last, "ja", &view, why));
	assert_string_equal(json_string_value(json_object_get(view, "state")), "done");
	assert_int_equal(
	    json_integer_value(json_object_get(json_object_get(view, "progress"), "percent")), 100);
	json_decref(view);
	assert_all_verified(&w);

	/* Somebody who changes a record afterwards is found. */
	static const struct sql forge = {"UPDATE disposal_item SET kept_until = '2030-03-31'"};
	OK(store_write(st, run_sql, (void *)(uintptr_t)&forge, why));
	struct verify_report report;
	static const struct journal_verifier *const verifiers[] = {&disposal_item_verifier};
	OK(journal_verify(st, verifiers, 1, NULL, NULL, &report, why));
	assert_int_equal(report.problems, 1);
	json_decref(answers);
	world_free(&w);
}

/* --- between approval and work --- */

static void left_alone(struct store *st)
{
	struct world w = world_new(st);
	struct disposal_made made;
	int64_t ids[] = {dog_file(&w), dog_file(&w)};
	json_t *items;
	go_to(first_free_day);
	assert_int_equal(propose(&w, CHIEF, WISH(ids), &made), 0);
	DO(&w, CLERK, "hold", .id = ids[0], .text = "開示請求");
	assert_int_equal(decide(&w, HEAD, made.last, "approve", NULL), 0);
	run_disposals(&w);
	assert_state(&w, ids[0], "withdrawn");
	nothing_left(&w, ids[1]);
	OK(disposal_items(world_db(&w), w.arena, made.last, 0, 10, &items, why));
	assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "why_key")),
	    "disposal.why.held");
	json_decref(items);
	/* The hold ends: it may be proposed again. */
	DO(&w, CLERK, "hold", .id = ids[0]);
	assert_string_equal(due_why(&w, ids[0]), "free");
	assert_all_verified(&w);
	world_free(&w);
}

static void extended(struct store *st)
{
	struct world w = world_new(st);
	struct disposal_made made;
	int64_t ids[] = {dog_file(&w)};
	go_to(first_free_day);
	assert_int_equal(
	    propose(&w, CHIEF, WISH_OF(ids, "extend", "監査", "2033-03-31"), &made), 0);
	assert_int_equal(decide(&w, HEAD, made.last, "approve", "監査のため"), 0);
	run_disposals(&w);
	assert_string_equal(app_now(&w, ids[0])->disposal_on, "2033-03-31");
	assert_string_equal(due_why(&w, ids[0]), "not there");
	json_t *record;
	assert_int_equal(
	    disposal_record(world_db(&w), w.arena, &w.actors[HANAKO], ids[0], &record, &w.err), 0);
	go_to("2033-04-01");
	assert_string_equal(due_why(&w, ids[0]), "free");
	assert_all_verified(&w);
	world_free(&w);
}

/* Files that cannot be proposed do not take the place of those that can. */
static void all_behind_held(struct store *st)
{
	struct world w = world_new(st);
	struct disposal_made made;
	struct due_filter any = {.years = -1};
	struct disposal_wish all = {.kind = "dispose", .reason = "満了", .all = &any, .most = 1};
	int64_t held = dog_file(&w), free_one = dog_file(&w);
	DO(&w, CLERK, "hold", .id = held, .text = "訴訟");
	go_to(first_free_day);
	assert_int_equal(propose(&w, HEAD, all, &made), 0);
	assert_int_equal(made.files, 1);
	assert_int_equal(made.left, 1);
	assert_string_equal(due_why(&w, held), "disposal.why.held");
	assert_string_equal(due_why(&w, free_one), "disposal.why.proposed");
	world_free(&w);
}

static void test_all_behind_held(void **state)
{
	(void)state;
	test_store_each(all_behind_held);
}

/* "All that fit": one proposal for each department, in which the actor may. */
static void all_of_a_filter(struct store *st)
{
	struct world w = world_new(st);
	struct disposal_made made;
	struct due_filter dogs = {.years = -1, .procedure = "dog"};
	int64_t moved = submitted(&w, HANAKO, w.dog);
	(void)dog_file(&w);
	int64_t course = course_file(&w);
	DO(&w, HEAD, "forward", .id = moved, .n = w.care, .text = "担当が違う");
	DO(&w, HANAKO, "withdraw", .id = moved);
	go_to(first_free_day);
	struct disposal_wish all = {.kind = "dispose", .reason = "満了", .all = &dogs};
	assert_int_equal(propose(&w, HEAD, all, &made), 0);
	assert_int_equal(made.proposals, 1);
	assert_int_equal(made.left, 0); /* the other department's is not in their list */
	assert_int_equal(decide(&w, HEAD, made.last, "take_back", NULL), 0);
	assert_int_equal(propose(&w, DIVISION, all, &made), 0);
	assert_int_equal(made.proposals, 2);
	assert_int_equal(made.files, 2);
	assert_string_equal(due_why(&w, course), "free");
	json_t *page;
	OK(disposal_list(world_db(&w), w.arena, &w.actors[CARE_HEAD], true, 0, "ja", &page, why));
	assert_int_equal(json_array_size(json_object_get(page, "items")), 1);
	json_decref(page);
	assert_all_verified(&w);
	world_free(&w);
}

#define EACH(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(name);                                                             \
	}
EACH(listed)
EACH(two_people)
EACH(erased)
EACH(left_alone)
EACH(extended)
EACH(all_of_a_filter)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_listed),
	    cmocka_unit_test(test_two_people),
	    cmocka_unit_test(test_erased),
	    cmocka_unit_test(test_left_alone),
	    cmocka_unit_test(test_extended),
	    cmocka_unit_test(test_all_of_a_filter),
	    cmocka_unit_test(test_all_behind_held),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
