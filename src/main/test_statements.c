/* Every statement that a module lists, and every one of the store, can be prepared on both
 * databases, and reads no whole table without saying why it may. */
#include "store/test_store.h"

#include <glob.h>
#include <libpq-fe.h>

#include "base/file.h"
#include "store/private.h"
#include "web/web.h"

/* The store is below the modules; it lists its statements by file. */
static const struct {
	const char *file;
	const struct sql *const *list;
} store_files[] = {
    {"backup", backup_sql},
    {"blob", blob_sql},
    {"blob_file", blob_file_sql},
    {"blob_table", blob_table_sql},
    {"jobs", jobs_sql},
    {"journal", journal_sql},
    {"migrate", migrate_sql},
    {"restore", restore_sql},
    {"search", search_sql},
    {"store", store_sql},
    {"verify", verify_sql},
};

static int places_of(const char *text)
{
	int places = 0;
	for (const char *p = text; (p = strchr(p, '?')); p++) {
		size_t n = strspn(p + 1, "0123456789");
		int64_t place;
		if (str_to_i64((struct str){p + 1, n}, 1, SQL_MAX_ARGS, &place) && place > places)
			places = (int)place;
	}
	return places;
}

/* The plan, a line per step, or NULL when the statement cannot be prepared. */
static const char *sqlite_plan(struct db *db, struct arena *a, const char *text, struct err *err)
{
	struct db_arg args[SQL_MAX_ARGS] = {0};
	for (int i = 0; i < SQL_MAX_ARGS; i++)
		args[i].type = 'n';
	struct rows *rows = db_query_args(
	    db, err, arena_printf(a, "EXPLAIN QUERY PLAN %s", text), args, places_of(text));
	const char *plan = "";
	while (rows && rows_next(rows) == 1)
		plan = arena_printf(a, "%s%.*s\n", plan, STR_ARG(rows_str(rows, 3)));
	rows_end(rows);
	return rows ? plan : NULL;
}

static const char *postgres_plan(struct db *db, struct arena *a, const char *text, struct err *err)
{
	char *dollars = arena_strdup(a, text);
	for (char *p = dollars; (p = strchr(p, '?')); p++)
		*p = '$';
	PQclear(PQexec(db->conn, "DEALLOCATE ALL"));
	PGresult *res = PQprepare(db->conn, "plan", dollars, 0, NULL);
	if (PQresultStatus(res) == PGRES_COMMAND_OK) {
		PQclear(res);
		const char *nulls = "";
		for (int n = places_of(text), i = 0; i < n; i++)
			nulls = arena_printf(
			    a, "%s%sNULL%s", nulls, i ? ", " : "(", i == n - 1 ? ")" : "");
		res = PQexec(db->conn, arena_printf(a, "EXPLAIN EXECUTE plan%s", nulls));
	}
	const char *plan = NULL;
	if (PQresultStatus(res) == PGRES_TUPLES_OK) {
		plan = "";
		for (int i = 0; i < PQntuples(res); i++)
			plan = arena_printf(a, "%s%s\n", plan, PQgetvalue(res, i, 0));
	} else {
		(void)err_set(err, ERR_STORE, NULL, "%s", PQresultErrorMessage(res));
	}
	PQclear(res);
	return plan;
}

/* "SCAN journal" reads the table from end to end. "SCAN journal USING INDEX x" reads an index in
 * its order, up to a LIMIT; what a query makes itself (a CTE, a subquery) is no table. */
static bool reads_whole(struct arena *a, const char *plan, bool postgres)
{
	if (postgres)
		return strstr(plan, "Seq Scan on ") != NULL;
	struct str rest = str_from(plan), line;
	while (str_cut(&rest, '\n', &line)) {
		if (!str_starts(line, "SCAN "))
			continue;
		struct str name = {line.p + 5, line.n - 5};
		if (memchr(name.p, ' ', name.n) || str_starts(name, "sqlite_") ||
		    strstr(plan, arena_printf(a, "CO-ROUTINE %.*s\n", STR_ARG(name))) ||
		    strstr(plan, arena_printf(a, "MATERIALIZE %.*s\n", STR_ARG(name))))
			continue;
		return true;
	}
	return false;
}

struct check {
	struct db *db;
	struct arena *arena;
	int checked, bad; /* all that are bad are told at once */
};

static void check(struct check *c, const char *module, const struct sql *sql)
{
	bool postgres = db_is_postgres(c->db);
	const char *text = postgres && sql->pg ? sql->pg : sql->text;
	struct err err = {0};
	if (!text[0])
		return; /* of the other database only */
	c->checked++;
	const char *plan = postgres ? postgres_plan(c->db, c->arena, text, &err)
	                            : sqlite_plan(c->db, c->arena, text, &err);
	const char *why = !plan                                                  ? err.detail
	                  : !sql->whole && reads_whole(c->arena, plan, postgres) ? plan
	                                                                         : NULL;
	if (why) {
		print_error("%s: %.400s\n  %s\n", module, text, why);
		c->bad++;
	}
}

static void statements(struct store *st)
{
	struct err err = {0};
	struct check c = {.db = store_reader(st, &err), .arena = arena_new()};
	assert_non_null(c.db);
	bool postgres = store_is_postgres(st);
	/* The tables are empty: without this PostgreSQL would read each whole. */
	if (postgres)
		PQclear(PQexec(c.db->conn,
		    "SET enable_seqscan = off; SET default_transaction_read_only = off; "
		    "SET plan_cache_mode = force_generic_plan"));
	for (size_t i = 0; i < COUNT(store_files); i++)
		for (const struct sql *const *s = store_files[i].list; *s; s++)
			check(&c, store_files[i].file, *s);
	for (const struct sql *const *s = jobs_state_sql; *s; s++)
		check(&c, "jobs", *s);
	for (int i = 0; i < nmodules; i++)
		for (int k = 0; k < modules[i]->nstatements; k++)
			check(&c, modules[i]->name, modules[i]->statements[k]);
	arena_free(c.arena);
	assert_true(c.checked > 150);
	assert_int_equal(c.bad, 0);
}

static void test_statements(void **state)
{
	(void)state;
	test_store_each(statements);
}

/* None of the store's was forgotten in its lists. */
static void test_store_lists(void **state)
{
	(void)state;
	static const char begin[] = "static const struct sql ";
	const char *source = getenv("MACHI_SOURCE");
	if (!source)
		skip(); /* not run by meson */
	struct arena *a = arena_new();
	int listed = 0, written = 0;
	for (size_t i = 0; i < COUNT(store_files); i++)
		for (const struct sql *const *s = store_files[i].list; *s; s++)
			listed++;
	glob_t files;
	assert_int_equal(
	    glob(arena_printf(a, "%s/src/store/[!tf]*.c", source), 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct str text;
		OK(file_read(a, files.gl_pathv[i], &text, why));
		for (const char *p = arena_strndup(a, text.p, text.n); (p = strstr(p, begin)); p++)
			written += p[strlen(begin)] != '*';
	}
	globfree(&files);
	arena_free(a);
	assert_int_equal(listed, written);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_statements),
	    cmocka_unit_test(test_store_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
