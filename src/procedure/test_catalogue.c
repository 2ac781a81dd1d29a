#include "procedure/catalogue.h"

#include <pthread.h>
#include <sys/stat.h>

#include "base/file.h"
#include "store/journal.h"
#include "store/test_store.h"

static void write_definition(const struct city *city, const char *id, const char *title)
{
	struct arena *a = arena_new();
	struct buf b;
	struct err err;
	buf_init(&b, a);
	buf_printf(&b,
	    "id: %s\ntitle: {ja: %s, en: Test}\nsummary: {ja: 要約, en: Summary}\n"
	    "department: 税務課\nlife_events: [tax]\nlaw: [{name: 地方税法}]\nonline: false\n"
	    "offline: {where: {ja: 窓口, en: Counter}, how: {ja: 来る, en: Come}}\n"
	    "retention: {years: 1}\n",
	    id, title);
	const char *folder = arena_printf(a, "%s/custom/packs/own/procedures", city->dir);
	assert_int_equal(dir_make(folder, 0700, &err), 0);
	assert_int_equal(
	    file_write(arena_printf(a, "%s/%s.yaml", folder, id), buf_to_str(&b), 0600, &err), 0);
	arena_free(a);
}

static void check_title(struct city *city, const char *id, const char *title)
{
	struct procedure *p = procedure_find(city, id);
	assert_non_null(p);
	assert_string_equal(procedure_text(p, "title", "ja"), title);
	procedure_unref(p);
}

/* As a program before this one kept it: it knew another key. */
static int keep_former(struct db *db, void *arg, struct err *err)
{
	static const struct sql add = {
	    "INSERT INTO procedure_version (procedure, version, source, first_us) "
	    "VALUES ('first', 'former', ?1, 1)",
	    NULL};
	const struct procedure *p = arg;
	struct arena *a = arena_new();
	int64_t n = db_run(db, err, &add, "t",
	    arena_printf(a, "%.*scolour: blue\n", STR_ARG(procedure_source(p))));
	arena_free(a);
	return n < 0 ? (int)n : 0;
}

static void replaced(struct store *st)
{
	struct city city = {.store = st, .dir = store_dir(st)};
	struct arena *a = arena_new();
	struct err err;
	write_definition(&city, "first", "一番");
	OK(catalogue_load(&city, why));
	check_title(&city, "first", "一番");
	check_title(&city, "dog-registration", "犬の登録");
	assert_null(procedure_find(&city, "none"));

	struct procedure *old = procedure_find(&city, "first"), *again = NULL;
	const char *version = arena_strdup(a, procedure_version(old));
	write_definition(&city, "first", "二番");
	OK(catalogue_load(&city, why));
	check_title(&city, "first", "二番");
	/* Whoever held the old one still has it, and whoever asks for it gets it. */
	assert_string_equal(procedure_text(old, "title", "ja"), "一番");
	OK(store_write(st, keep_former, old, why));
	OK(procedure_find_version(&city, store_reader(st, why), "first", "former", &again, why));
	assert_string_equal(procedure_text(again, "title", "ja"), "一番");
	procedure_unref(again);
	procedure_unref(old);
	for (int i = 0; i < 2; i++) { /* from the table, then from memory */
		OK(procedure_find_version(
		    &city, store_reader(st, why), "first", version, &again, why));
		assert_string_equal(procedure_text(again, "title", "ja"), "一番");
		assert_string_equal(procedure_version(again), version);
		procedure_unref(again);
	}
	assert_int_equal(procedure_find_version(&city, store_reader(st, &err), "first",
	                     "0000000000000000", &again, &err),
	    -(int)ERR_MISSING);
	struct journal_entry *entries;
	assert_int_equal(
	    journal_of(store_reader(st, &err), a, "procedure:first", &entries, &err), 2);

	/* A broken one keeps what was there. */
	write_definition(&city, "second", "三番\nunknown: yes\nlow: {");
	assert_int_equal(catalogue_load(&city, &err), -(int)ERR_INPUT);
	assert_non_null(strstr(err.detail, "second.yaml:"));
	check_title(&city, "first", "二番");
	assert_null(procedure_find(&city, "second"));
	arena_free(a);
	catalogue_free(&city);
}

static void test_replaced(void **state)
{
	(void)state;
	test_store_each(replaced);
}

static void listed(struct store *st)
{
	struct city city = {.store = st, .dir = store_dir(st)};
	struct arena *a = arena_new();
	OK(catalogue_load(&city, why));
	struct procedure_list *all = procedures_of(&city, a);
	assert_true(all->n >= 1);
	for (int i = 1; i < all->n; i++)
		assert_true(strcmp(procedure_text(all->items[i - 1], "title", "ja"),
		                procedure_text(all->items[i], "title", "ja")) <= 0);
	static const struct {
		struct procedure_filter filter;
		bool found;
	} cases[] = {
	    {{.query = "犬"}, true},
	    {{.query = "ＤＯＧ　登録"}, true},
	    {{.query = "犬 ねこ"}, false},
	    {{.life_event = "pets"}, true},
	    {{.life_event = "tax"}, false},
	    {{.department = "生活衛生課", .online_only = true}, true},
	    {{.department = "税務課"}, false},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct procedure_list *some = procedures_filter(all, a, &cases[i].filter);
		bool found = false;
		for (int k = 0; k < some->n; k++)
			found |= strcmp(procedure_id(some->items[k]), "dog-registration") == 0;
		if (found != cases[i].found)
			fail_msg("case %zu", i);
	}
	/* The list outlives the catalogue. */
	catalogue_free(&city);
	assert_non_null(procedure_id(all->items[0]));
	arena_free(a);
}

static void test_listed(void **state)
{
	(void)state;
	test_store_each(listed);
}

static void *ask(void *arg)
{
	struct city *city = arg;
	struct form_context ctx = {
	    .lang = "ja", .applicant_kind = "resident", .today = {2026, 11, 20}, .fee_yen = -1};
	for (int i = 0; i < 50; i++) {
		struct arena *a = arena_new();
		struct procedure *p = procedure_find(city, "dog-registration");
		json_t *answers = form_example(p, a, &ctx, (uint64_t)i, "blob");
		struct form_problem *problems;
		assert_int_equal(form_check(p, a, &ctx, answers, &problems), 0);
		json_t *view = form_section_view(p, a, 1, &ctx, answers, NULL, 0, "online");
		json_decref(view);
		json_decref(answers);
		(void)procedures_of(city, a);
		procedure_unref(p);
		arena_free(a);
	}
	return NULL;
}

/* Requests go on while definitions are loaded anew. */
static void reloaded(struct store *st)
{
	enum { THREADS = 4 };
	struct city city = {.store = st, .dir = store_dir(st)};
	pthread_t threads[THREADS];
	OK(catalogue_load(&city, why));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, &city), 0);
	for (int i = 0; i < 5; i++)
		OK(catalogue_load(&city, why));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	catalogue_free(&city);
}

static void test_reloaded(void **state)
{
	(void)state;
	test_store_each(reloaded);
}

static void test_life_events(void **state)
{
	(void)state;
	const struct life_event *events;
	int n = procedure_life_events(&events);
	assert_true(n > 10);
	assert_string_equal(events[0].key, "pregnancy");
	assert_string_equal(events[0].en, "Pregnancy and birth");
}

static void test_check_files(void **state)
{
	(void)state;
	const char *source = getenv("MACHI_SOURCE");
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	assert_non_null(source);
	struct arena *a = arena_new();
	const char *good[] = {arena_printf(a, "%s/packs", source)};
	const char *bad[] = {arena_printf(a, "%s/data/life-events.csv", source)};
	const char *none[] = {"/nonexistent.yaml"};
	assert_int_equal(procedures_check_files(good, 1, out), 0);
	assert_int_equal(procedures_check_city(NULL, NULL, out), 0);
	assert_true(procedures_check_files(bad, 1, out) > 0);
	assert_int_equal(procedures_check_files(none, 1, out), -1);
	fclose(out);
	assert_non_null(strstr(text, "life-events.csv:1:1: "));
	free(text);
	arena_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_replaced),
	    cmocka_unit_test(test_listed),
	    cmocka_unit_test(test_reloaded),
	    cmocka_unit_test(test_life_events),
	    cmocka_unit_test(test_check_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
