/* Lists: every page in order, none twice, none left out; nobody sees what is not theirs; and every
 * list reads an index. */
#include "procedure/application/test_life.h"

#include "procedure/disposal/disposal.h"

enum { MANY = 23 };

/* 23 applications a day apart: three are the tax office's, four done, three wait for the applicant.
 */
static void fill(struct world *w, int64_t ids[MANY])
{
	for (int i = 0; i < MANY; i++) {
		now_set_us(FRIDAY + i * DAY);
		ids[i] = submitted(w, i % 3 ? HANAKO : TARO, i % 2 ? w->small : w->dog);
		if (i % 8 == 1)
			DO(w, CLERK, "forward", .id = ids[i], .n = w->tax);
		else if (i % 8 == 2)
			DO(w, CLERK, "ask", .id = ids[i], .text = "直してください");
		else if (i % 6 == 4)
			DO(w, i % 3 ? HANAKO : TARO, "withdraw", .id = ids[i]);
		else if (i % 4 == 3)
			DO(w, CLERK, "accept", .id = ids[i]);
	}
}

struct seen {
	int64_t ids[MANY];
	int n, pages;
	json_t *last;
};

/* All pages of a filter, each item once. */
static struct seen walk_pages(struct world *w, enum who who, struct app_filter f)
{
	struct seen s = {.n = 0};
	const char *cursor = NULL;
	do {
		json_t *page, *item;
		size_t i;
		f.after = cursor;
		if (app_list(world_db(w), w->arena, &w->actors[who], &f, "ja", &page, &w->err) < 0)
			fail_msg("%s", w->err.detail);
		json_array_foreach(json_object_get(page, "items"), i, item)
		{
			int64_t id = json_integer_value(json_object_get(item, "id"));
			for (int k = 0; k < s.n; k++)
				assert_int_not_equal(s.ids[k], id);
			assert_true(s.n < MANY);
			s.ids[s.n++] = id;
		}
		const char *next = json_string_value(json_object_get(page, "next"));
		cursor = next ? arena_strdup(w->arena, next) : NULL;
		json_decref(page);
		assert_true(++s.pages < 100);
	} while (cursor);
	return s;
}

static int expected(struct world *w, const int64_t ids[MANY], int64_t department, int bucket)
{
	int n = 0;
	for (int i = 0; i < MANY; i++) {
		struct application *app = app_now(w, ids[i]);
		n += (!department || app->department == department) &&
		     (bucket < 0 || (int)app_state_bucket(app->state) == bucket);
	}
	return n;
}

static void pages(struct store *st)
{
	struct world w = world_new(st);
	int64_t ids[MANY];
	fill(&w, ids);
	for (int limit = 1; limit < 30; limit += 3) {
		for (int bucket = APP_BUCKET_OFFICE; bucket <= APP_BUCKET_DONE; bucket++) {
			struct app_filter f = {.scope = APP_SCOPE_DEPARTMENT,
			    .bucket = (enum app_bucket)bucket,
			    .department = w.hygiene,
			    .limit = limit};
			struct seen s = walk_pages(&w, CLERK, f);
			assert_int_equal(s.n, expected(&w, ids, w.hygiene, bucket));
			f = (struct app_filter){.scope = APP_SCOPE_ALL,
			    .bucket = (enum app_bucket)bucket,
			    .limit = limit};
			/* The head of the division sees two departments' lists as one. */
			s = walk_pages(&w, CLERK, f);
			assert_int_equal(s.n, expected(&w, ids, w.hygiene, bucket));
			s = walk_pages(&w, TAX_CLERK, f);
			assert_int_equal(s.n, expected(&w, ids, w.tax, bucket));
		}
		struct seen s = walk_pages(&w, CLERK,
		    (struct app_filter){.scope = APP_SCOPE_ALL,
		        .from = "2026-11-22",
		        .until = "2026-11-28",
		        .limit = limit});
		assert_int_equal(s.n, 7);
		for (int i = 1; i < s.n; i++)
			assert_true(s.ids[i] < s.ids[i - 1]);
		s = walk_pages(&w, CLERK,
		    (struct app_filter){
		        .scope = APP_SCOPE_ALL, .text = "犬の登録", .limit = limit});
		assert_int_equal(s.n, 12);
	}
	world_free(&w);
}

static void order(struct store *st)
{
	struct world w = world_new(st);
	int64_t ids[MANY];
	fill(&w, ids);
	now_set_us(FRIDAY + 12 * DAY);
	struct app_filter f = {.scope = APP_SCOPE_DEPARTMENT,
	    .bucket = APP_BUCKET_OFFICE,
	    .department = w.hygiene,
	    .limit = 200};
	struct seen s = walk_pages(&w, CLERK, f);
	const char *before = "";
	for (int i = 0; i < s.n; i++) { /* the most overdue first */
		const char *due = app_now(&w, s.ids[i])->due;
		assert_true(strcmp(before, due) <= 0);
		before = due;
	}
	f.overdue = true;
	struct seen late = walk_pages(&w, CLERK, f);
	assert_true(late.n > 0 && late.n < s.n);
	for (int i = 0; i < late.n; i++)
		assert_true(strcmp(app_now(&w, late.ids[i])->due, "2026-12-02") < 0);
	f.overdue = false;
	f.bucket = APP_BUCKET_DONE;
	s = walk_pages(&w, CLERK, f);
	for (int i = 1; i < s.n; i++) /* the newest first */
		assert_true(s.ids[i] < s.ids[i - 1]);
	world_free(&w);
}

static void filters(struct store *st)
{
	struct world w = world_new(st);
	int64_t ids[MANY];
	fill(&w, ids);
	struct app_filter f = {
	    .scope = APP_SCOPE_ALL, .bucket = APP_BUCKET_OFFICE, .state = "accepted", .limit = 2};
	struct seen s = walk_pages(&w, CLERK, f);
	assert_true(s.n > 0);
	for (int i = 0; i < s.n; i++)
		assert_int_equal(app_now(&w, s.ids[i])->state, APP_ACCEPTED);
	f.state = NULL;
	f.procedure = "dog";
	s = walk_pages(&w, CLERK, f);
	for (int i = 0; i < s.n; i++)
		assert_string_equal(app_now(&w, s.ids[i])->procedure, "dog");
	f.procedure = NULL;
	f.assignee = -1;
	int nobody = walk_pages(&w, CLERK, f).n;
	f.assignee = w.actors[CLERK].person;
	int mine = walk_pages(&w, CLERK, f).n;
	assert_int_equal(nobody + mine, expected(&w, ids, w.hygiene, APP_BUCKET_OFFICE));
	f = (struct app_filter){.scope = APP_SCOPE_MINE, .bucket = APP_BUCKET_OFFICE, .limit = 2};
	assert_int_equal(walk_pages(&w, CLERK, f).n, mine);
	/* A number finds its application whatever the tab. */
	struct application *app = app_now(&w, ids[0]);
	f = (struct app_filter){.scope = APP_SCOPE_ALL, .text = app->receipt_number};
	s = walk_pages(&w, CLERK, f);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.ids[0], ids[0]);
	f.text = app->serial;
	assert_int_equal(walk_pages(&w, CLERK, f).ids[0], ids[0]);
	f.text = "高松花子";
	assert_true(walk_pages(&w, CLERK, f).n > 0);
	f.text = "見つからない言葉";
	assert_int_equal(walk_pages(&w, CLERK, f).n, 0);
	/* Nobody reads beyond their departments, nor drafts. */
	json_t *page;
	f = (struct app_filter){
	    .scope = APP_SCOPE_DEPARTMENT, .bucket = APP_BUCKET_OFFICE, .department = w.hygiene};
	assert_int_equal(
	    app_list(world_db(&w), w.arena, &w.actors[TAX_CLERK], &f, "ja", &page, &w.err),
	    -(int)ERR_DENIED);
	f = (struct app_filter){.scope = APP_SCOPE_ALL, .text = app->receipt_number};
	assert_int_equal(walk_pages(&w, TAX_CLERK, f).n, 0);
	f = (struct app_filter){.scope = APP_SCOPE_ALL, .bucket = APP_BUCKET_DRAFT};
	assert_int_equal(app_list(world_db(&w), w.arena, &w.actors[CLERK], &f, "ja", &page, &w.err),
	    -(int)ERR_DENIED);
	f = (struct app_filter){.scope = APP_SCOPE_ALL};
	assert_int_equal(
	    app_list(world_db(&w), w.arena, &w.actors[HANAKO], &f, "ja", &page, &w.err),
	    -(int)ERR_DENIED);
	f = (struct app_filter){
	    .scope = APP_SCOPE_ALL, .bucket = APP_BUCKET_OFFICE, .after = "1; DROP TABLE"};
	assert_int_equal(app_list(world_db(&w), w.arena, &w.actors[CLERK], &f, "ja", &page, &w.err),
	    -(int)ERR_INPUT);
	world_free(&w);
}

static void turns(struct store *st)
{
	struct world w = world_new(st);
	int64_t ids[6];
	for (int i = 0; i < 6; i++) {
		now_set_us(FRIDAY + i * DAY);
		ids[i] = accepted(&w, w.dog);
		DO(&w, CLERK, "decide", .proc = w.dog, .id = ids[i]);
	}
	struct app_filter f = {.scope = APP_SCOPE_TURN, .bucket = APP_BUCKET_OFFICE, .limit = 4};
	struct seen s = walk_pages(&w, CHIEF, f);
	assert_int_equal(s.n, 6);
	assert_int_equal(s.pages, 2);
	for (int i = 0; i < 6; i++)
		assert_int_equal(s.ids[i], ids[i]);
	assert_int_equal(walk_pages(&w, HEAD, f).n, 0);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = ids[2]);
	assert_int_equal(walk_pages(&w, CHIEF, f).n, 5);
	/* Another department is asked: it sees this one, and no other. */
	assert_int_equal(walk_pages(&w, TAX_HEAD, f).n, 1);
	f.procedure = "small";
	assert_int_equal(walk_pages(&w, CHIEF, f).n, 0);
	json_t *counts;
	OK(app_counts(world_db(&w), w.arena, &w.actors[CHIEF], &f, &counts, why));
	assert_int_equal(json_integer_value(json_object_get(counts, "turn")), 5);
	assert_int_equal(json_integer_value(json_object_get(counts, "office")), 6);
	assert_int_equal(json_integer_value(json_object_get(counts, "all")), 6);
	json_decref(counts);
	/* 後閲 */
	DO(&w, CHIEF, "absent", .n = w.actors[HEAD].person, .text = "2026-11-30");
	DO(&w, CHIEF, "absent", .n = w.actors[HEAD2].person, .text = "2026-11-30");
	DO(&w, CHIEF, "deputy", .n = w.actors[HEAD].person, .m = w.actors[CHIEF].person);
	DO(&w, TAX_HEAD, "approve", .proc = w.dog, .id = ids[2]);
	DO(&w, CARE_HEAD, "approve", .proc = w.dog, .id = ids[2]);
	DO(&w, CHIEF, "approve", .proc = w.dog, .id = ids[2]);
	assert_state(&w, ids[2], "granted");
	f = (struct app_filter){.scope = APP_SCOPE_REVIEW, .bucket = APP_BUCKET_DONE};
	assert_int_equal(walk_pages(&w, HEAD, f).n, 1);
	DO(&w, HEAD, "review", .id = ids[2]);
	assert_int_equal(walk_pages(&w, HEAD, f).n, 0);
	world_free(&w);
}

static void residents_own(struct store *st)
{
	struct world w = world_new(st);
	int64_t ids[MANY];
	json_t *own, *list;
	const char *name;
	int n = 0;
	fill(&w, ids);
	(void)drafted(&w, TARO, w.dog, NULL);
	OK(app_of_person(world_db(&w), w.arena, w.actors[TARO].account, 50, "ja", &own, why));
	json_object_foreach(own, name, list)
	{
		size_t i;
		json_t *row;
		n += (int)json_array_size(list);
		json_array_foreach(list, i, row)
		{
			assert_null(json_object_get(row, "assignee_name"));
		}
	}
	assert_int_equal(n, MANY / 3 + 1 + 1);
	assert_int_equal(json_array_size(json_object_get(own, "drafts")), 1);
	json_decref(own);
	world_free(&w);
}

/* How many the export of a filter has, a few at a time, each once. */
static int exported(struct world *w, enum who who, struct app_filter f)
{
	struct application **list;
	int64_t after = 0, seen[MANY];
	int n, total = 0;
	while ((n = app_export_next(world_db(w), w->arena, &w->actors[who], &f, after, 4, &list,
	            &after, &w->err)) > 0) {
		for (int i = 0; i < n; i++) {
			assert_true(json_is_object(list[i]->answers));
			for (int k = 0; k < total; k++)
				assert_int_not_equal(seen[k], list[i]->id);
			assert_true(total < MANY);
			seen[total++] = list[i]->id;
		}
	}
	assert_int_equal(n, 0);
	return total;
}

static void exporting(struct store *st)
{
	struct world w = world_new(st);
	int64_t ids[MANY], after = 0;
	struct application **list;
	fill(&w, ids);
	struct app_filter f = {.scope = APP_SCOPE_ALL, .from = "2026-11-01"};
	assert_int_equal(exported(&w, HEAD, f), expected(&w, ids, w.hygiene, -1));
	/* What the list shows, tab by tab, and no more. */
	DO(&w, HEAD, "assign", .id = ids[0], .n = w.actors[HEAD].person);
	DO(&w, HEAD, "assign", .id = ids[3], .n = w.actors[HEAD].person);
	now_set_us(FRIDAY + 20 * DAY);
	for (int bucket = APP_BUCKET_OFFICE; bucket <= APP_BUCKET_DONE; bucket++) {
		for (int scope = 0; scope < APP_SCOPE_COUNT; scope++) {
			for (int more = 0; more < 6; more++) {
				f = (struct app_filter){.scope = (enum app_scope)scope,
				    .bucket = (enum app_bucket)bucket,
				    .department = scope == APP_SCOPE_DEPARTMENT ? w.hygiene : 0,
				    .overdue = more == 1,
				    .text = more == 2 ? "犬の登録" : NULL,
				    .from = more == 3 ? "2026-11-25" : NULL,
				    .procedure = more == 4 ? "dog" : NULL,
				    .limit = 5};
				if (more == 5)
					f.text = app_now(&w, ids[5])->receipt_number;
				assert_int_equal(exported(&w, HEAD, f), walk_pages(&w, HEAD, f).n);
			}
		}
	}
	f = (struct app_filter){.scope = APP_SCOPE_ALL, .bucket = APP_BUCKET_OFFICE};
	assert_int_equal(exported(&w, HEAD, f), expected(&w, ids, w.hygiene, APP_BUCKET_OFFICE));
	f.scope = APP_SCOPE_MINE;
	assert_int_equal(exported(&w, HEAD, f), 2);
	f.overdue = true;
	assert_int_equal(exported(&w, HEAD, f), 1);
	/* A clerk has no right to export. */
	after = 0;
	assert_int_equal(app_export_next(world_db(&w), w.arena, &w.actors[CLERK], &f, 0, 4, &list,
	                     &after, &w.err),
	    0);
	world_free(&w);
}

static int refresh(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return app_statistics_refresh(db, err);
}

static void statistics(struct store *st)
{
	struct world w = world_new(st);
	int64_t ids[MANY], total = 0;
	json_t *out, *row;
	size_t i;
	fill(&w, ids);
	OK(store_write(st, refresh, NULL, why));
	OK(store_write(st, refresh, NULL, why));
	OK(app_statistics(world_db(&w), w.arena, &out, why));
	json_array_foreach(json_object_get(out, "procedures"), i, row)
	{
		total += json_integer_value(json_object_get(row, "submitted"));
	}
	assert_int_equal(total, MANY);
	json_decref(out);
	world_free(&w);
}

/* --- plans: SQLite says how it would read --- */

static const char *plan_of(struct db *db, struct arena *a, const char *sql, struct err *err)
{
	struct buf b;
	struct db_arg args[64];
	int n = 0;
	for (const char *p = sql; (p = strchr(p, '?')); p++) {
		int k = (int)strtol(p + 1, NULL, 10);
		n = k > n ? k : n;
	}
	for (int i = 0; i < n; i++)
		args[i] = (struct db_arg){.type = 'n'};
	buf_init(&b, a);
	struct rows *rows =
	    db_query_args(db, err, arena_printf(a, "EXPLAIN QUERY PLAN %s", sql), args, n);
	if (!rows)
		return NULL;
	while (rows_next(rows) == 1) {
		buf_str(&b, rows_str(rows, 3));
		buf_puts(&b, "; ");
	}
	rows_end(rows);
	return b.p ? b.p : "";
}

static void plans_of(struct store *st, const struct sql *const *statements, int n)
{
	struct arena *a = arena_new();
	struct err err = {0};
	struct db *db = store_reader(st, &err);
	for (int i = 0; i < n; i++) {
		const char *sql = statements[i]->text;
		bool whole =
		    strstr(sql, "application_count") != NULL; /* statistics read all, by a job */
		const char *plan = plan_of(db, a, sql, &err);
		if (!plan)
			fail_msg("%s: %s", sql, err.detail);
		if (!whole && (strstr(plan, "SCAN ") || strstr(plan, "TEMP B-TREE")) &&
		    !strstr(plan, "SCAN t;"))
			fail_msg("%s: %s", sql, plan);
	}
	arena_free(a);
}

static void plans(struct store *st)
{
	if (store_is_postgres(st))
		return;
	plans_of(st, application_statements, LIFE_SQL_COUNT);
	plans_of(st, disposal_statements, DISPOSAL_SQL_COUNT);
}

#define EACH(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		test_store_each(name);                                                             \
	}
EACH(pages)
EACH(order)
EACH(filters)
EACH(turns)
EACH(residents_own)
EACH(exporting)
EACH(statistics)
EACH(plans)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pages),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_filters),
	    cmocka_unit_test(test_turns),
	    cmocka_unit_test(test_residents_own),
	    cmocka_unit_test(test_exporting),
	    cmocka_unit_test(test_statistics),
	    cmocka_unit_test(test_plans),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
