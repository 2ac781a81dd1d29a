/* Makes a large city out of a small one, for measuring what people read.
 *
 *   bench_grow --data DIR --copies N
 *
 * Each application of the city is copied N times with all that belongs to it: answers, steps,
 * messages, charges, journal entries, search words. It writes rows in bulk, so it is quick; but the
 * copies' journal entries have no place in the tree, and copied numbers have no check digits: machi
 * init --demo --demo-size makes a city by the functions that pages use. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "base/settings.h"
#include "store/search.h"
#include "web/city.h"

enum { TEXT_MAX = 4096 };

struct table {
	const char *name;
	const char *column; /* which holds the application's id */
};

/* Parents first. */
static const struct table tables[] = {
    {"application", "id"},
    {"answer_version", "application"},
    {"attachment", "application"},
    {"correction", "application"},
    {"message", "application"},
    {"route_step", "application"},
    {"route_turn", "application"},
    {"charge", "application"},
    {"mandate", "application"},
    {"reminder", "application"},
    {"effect", "application"},
    {"waiting", "application"},
};

static const struct sql columns_of = {"SELECT name FROM pragma_table_info(?1)",
    "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema()"
    " AND table_name = ?1 ORDER BY ordinal_position"};
static const struct sql last_application = {"SELECT max(id) FROM application"};
static const struct sql last_entry = {"SELECT max(id) FROM journal"};
static const struct sql search_kind = {"SELECT n FROM search_kind WHERE name = 'application'"};
static const struct sql bodies = {"SELECT id, body, department FROM search_doc JOIN application"
                                  " ON id = doc - ?1 WHERE doc >= ?1 AND doc <= ?2 ORDER BY doc"};

struct grow {
	int64_t applications, entries; /* largest ids of the city as it was */
	int64_t kind;
	int64_t copy;
	struct arena *arena;
	struct text {
		int64_t id, department;
		char *text;
	} * texts;
	int ntexts;
};

static int run(struct db *db, const char *sql, int64_t a, int64_t b, struct err *err)
{
	struct rows *r = db_query_text(db, err, sql, "ii", a, b);
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	rows_end(r);
	return rc < 0 ? rc : 0;
}

/* ?1: how far the ids move; ?2: the largest id that is copied. */
static int copy_table(struct grow *g, struct db *db, const struct table *t, struct err *err)
{
	struct buf to, from;
	buf_init(&to, g->arena);
	buf_init(&from, g->arena);
	struct rows *r = db_query(db, err, &columns_of, "t", t->name);
	if (!r)
		return -(int)ERR_STORE;
	int rc;
	const char *comma = "";
	while ((rc = rows_next(r)) == 1) {
		char *column = rows_dup(r, 0, g->arena);
		bool main = strcmp(t->name, "application") == 0;
		if (!main && strcmp(column, "id") == 0)
			continue; /* numbered anew */
		buf_printf(&to, "%s%s", comma, column);
		if (strcmp(column, t->column) == 0)
			buf_printf(&from, "%s%s + ?1", comma, column);
		else if (main &&
		         (strcmp(column, "receipt_number") == 0 || strcmp(column, "serial") == 0))
			buf_printf(&from, "%s%s || '-%" PRId64 "'", comma, column, g->copy);
		else
			buf_printf(&from, "%s%s", comma, column);
		comma = ", ";
	}
	rows_end(r);
	if (rc < 0)
		return rc;
	return run(db,
	    arena_printf(g->arena, "INSERT INTO %s (%s) SELECT %s FROM %s WHERE %s <= ?2", t->name,
	        to.p, from.p, t->name, t->column),
	    g->copy * g->applications, g->applications, err);
}

static int copy_journal(struct grow *g, struct db *db, struct err *err)
{
	return run(db,
	    arena_printf(g->arena,
	        "INSERT INTO journal (id, leaf, at_us, actor, verb, subject, data, salt, data_hash,"
	        " state_hash, leaf_hash) SELECT id + ?1, -(id + ?1), at_us, actor, verb,"
	        " 'application:' || (CAST(substr(subject, 13) AS BIGINT) + %" PRId64
	        "), data, salt,"
	        " data_hash, state_hash, leaf_hash FROM journal"
	        " WHERE id <= ?2 AND subject LIKE 'application:%%'",
	        g->copy * g->applications),
	    g->copy * g->entries, g->entries, err);
}

static int copy_once(struct db *db, void *arg, struct err *err)
{
	struct grow *g = arg;
	int rc = 0;
	for (size_t i = 0; i < COUNT(tables) && rc == 0; i++)
		rc = copy_table(g, db, &tables[i], err);
	if (rc == 0)
		rc = copy_journal(g, db, err);
	for (int i = 0; i < g->ntexts && rc == 0; i++) {
		const struct text *t = &g->texts[i];
		rc = search_put(db, "application", t->id + g->copy * g->applications, t->department,
		    t->text, err);
	}
	return rc;
}

static int look(struct db *db, void *arg, struct err *err)
{
	struct grow *g = arg;
	int rc = db_get_i64(db, err, &g->applications, &last_application, "");
	if (rc >= 0)
		rc = db_get_i64(db, err, &g->entries, &last_entry, "");
	if (rc >= 0)
		rc = db_get_i64(db, err, &g->kind, &search_kind, "");
	if (rc < 0)
		return rc;
	g->texts = arena_array(g->arena, (size_t)g->applications, sizeof(*g->texts));
	int64_t first = g->kind << 48;
	struct rows *r = db_query(db, err, &bodies, "ii", first, first + g->applications);
	if (!r)
		return -(int)ERR_STORE;
	while (g->ntexts < g->applications && (rc = rows_next(r)) == 1) {
		char *text = rows_dup(r, 1, g->arena), *group = strstr(text, "\uF8FF");
		if (group)
			*group = '\0';
		g->texts[g->ntexts++] = (struct text){rows_i64(r, 0), rows_i64(r, 2), text};
	}
	rows_end(r);
	return rc < 0 ? rc : 0;
}

int main(int argc, char **argv)
{
	struct err err = {0};
	struct settings *s;
	struct city *city = NULL;
	int64_t copies = 0;
	int rc = settings_load(&argc, argv, &s, &err);
	if (rc < 0) {
		fprintf(stderr, "bench_grow: %s\n", err.detail);
		return 1;
	}
	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--copies") == 0)
			copies = strtoll(argv[i + 1], NULL, 10);
	struct grow g = {.arena = arena_new()};
	rc = city_open_one(s, NULL, &city, &err);
	if (rc == 0)
		rc = store_read(city->store, look, &g, &err);
	struct progress *bar = progress_new("copies");
	for (g.copy = 1; rc == 0 && g.copy <= copies; g.copy++) {
		rc = store_write(city->store, copy_once, &g, &err);
		progress_set(bar, g.copy, copies);
	}
	progress_free(bar);
	if (rc < 0)
		fprintf(stderr, "bench_grow: %s\n", err.detail);
	city_close(city);
	arena_free(g.arena);
	settings_free(s);
	return rc < 0;
}
