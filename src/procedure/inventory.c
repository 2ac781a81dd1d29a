#include "procedure/inventory.h"

#include <string.h>

#include "base/csv.h"
#include "base/json.h"
#include "base/time.h"
#include "procedure/catalogue.h"
#include "store/journal.h"

enum { INVENTORY_ROWS_MAX = 20000, INVENTORY_TEXT_MAX = 2000 };

#define COLUMNS                                                                                    \
	"id, title_ja, title_en, department, life_events, law, article, yearly_volume, "           \
	"attachments, "                                                                            \
	"where_ja, where_en, how_ja, how_en, priority"

static const struct sql sql_all = {"SELECT " COLUMNS " FROM inventory ORDER BY id", NULL};
static const struct sql sql_find = {"SELECT " COLUMNS " FROM inventory WHERE id = ?1", NULL};
static const struct sql sql_put = {
    "INSERT INTO inventory (" COLUMNS ", updated_us) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, "
    "?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT (id) DO UPDATE SET title_ja = excluded.title_ja, "
    "title_en = excluded.title_en, department = excluded.department, "
    "life_events = excluded.life_events, law = excluded.law, article = excluded.article, "
    "yearly_volume = excluded.yearly_volume, attachments = excluded.attachments, "
    "where_ja = excluded.where_ja, where_en = excluded.where_en, how_ja = excluded.how_ja, "
    "how_en = excluded.how_en, priority = excluded.priority, updated_us = excluded.updated_us",
    NULL};

const struct sql *const inventory_statements[] = {&sql_all, &sql_find, &sql_put};

/* The columns of the CSV and where they go; `volume` is a number, the rest are texts. Also the
 * headings of the national survey (行政手続等の棚卸調査, 令和7年度: its column's name), so that a
 * city's extract of it is read as it is. */
#define TEXT(name, survey)                                                                         \
	{                                                                                          \
#name, survey, offsetof(struct inventory_entry, name), false                       \
	}
static const struct column {
	const char *name, *survey;
	size_t at;
	bool number;
} columns[] = {
    TEXT(id, "手続ID"),
    TEXT(title_ja, "手続名"),
    TEXT(title_en, NULL),
    TEXT(department, NULL),
    TEXT(life_events, NULL),
    TEXT(law, "法令名"),
    TEXT(article, "根拠条項号"),
    {"yearly_volume", "総手続件数", offsetof(struct inventory_entry, yearly_volume), true},
    TEXT(attachments, "申請時に添付させる書類"),
    TEXT(where_ja, "申請を提出する機関"),
    TEXT(where_en, NULL),
    TEXT(how_ja, NULL),
    TEXT(how_en, NULL),
    TEXT(priority, NULL),
};

static const char **text_at(struct inventory_entry *e, const struct column *c)
{
	return (const char **)((char *)e + c->at);
}

static void read_row(struct rows *r, struct arena *a, struct inventory_entry *e)
{
	for (size_t i = 0; i < COUNT(columns); i++) {
		if (columns[i].number)
			e->yearly_volume = rows_i64(r, (int)i);
		else
			*text_at(e, &columns[i]) = rows_dup(r, (int)i, a);
	}
}

int inventory_all(struct db *db, struct arena *a, struct inventory_entry **out, struct err *err)
{
	struct rows *r = db_query(db, err, &sql_all, "");
	if (!r)
		return -(int)ERR_STORE;
	int n = 0, cap = 0, rc;
	struct inventory_entry *list = NULL;
	while ((rc = rows_next(r)) == 1) {
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			struct inventory_entry *more = arena_array(a, (size_t)cap, sizeof(*more));
			if (n)
				memcpy(more, list, (size_t)n * sizeof(*list));
			list = more;
		}
		read_row(r, a, &list[n++]);
	}
	rows_end(r);
	*out = list;
	return rc < 0 ? rc : n;
}

int inventory_find(
    struct db *db, struct arena *a, const char *id, struct inventory_entry *out, struct err *err)
{
	struct rows *r = db_query(db, err, &sql_find, "t", id);
	if (!r)
		return -(int)ERR_STORE;
	int rc = rows_next(r);
	if (rc == 1)
		read_row(r, a, out);
	rows_end(r);
	return rc;
}

bool inventory_has_event(const struct inventory_entry *e, const char *key)
{
	struct str rest = str_from(e->life_events), one;
	while (str_cut(&rest, ';', &one))
		if (str_is(one, key))
			return true;
	return false;
}

/* --- import --- */

struct import {
	struct arena *arena;
	struct inventory_report *report;
	const struct i18n *i18n; /* NULL: only stable names */
	int at[COUNT(columns)];  /* field of the row for each column; -1: the file has none */
	size_t line;
};

static void problem(struct import *im, const char *column, const char *key)
{
	json_array_append_new(
	    im->report->problems, json_pack("{s:I, s:s, s:s}", "line", (json_int_t)im->line,
	                              "column", column, "key", key));
}

static const char *const languages[] = {"ja", "en"};

static bool is_heading(const struct import *im, const struct column *c, struct str head)
{
	if (str_is(head, c->name) || (c->survey && str_is(head, c->survey)))
		return true;
	const char *key = arena_printf(im->arena, "inventory.col.%s", c->name);
	for (size_t l = 0; im->i18n && l < COUNT(languages); l++)
		if (str_is(head, i18n_get(im->i18n, languages[l], key)))
			return true;
	return false;
}

/* Titles of life events become their keys. */
static const char *event_keys(const struct import *im, const char *text)
{
	const struct life_event *events;
	int n = procedure_life_events(&events);
	struct str rest = str_from(text), one;
	struct buf out;
	buf_init(&out, im->arena);
	while (str_cut(&rest, ';', &one)) {
		for (int i = 0; i < n; i++)
			if (str_is(str_trim(one), events[i].ja) ||
			    str_is(str_trim(one), events[i].en))
				one = str_from(events[i].key);
		buf_printf(&out, "%s%.*s", out.n ? ";" : "", (int)one.n, one.p);
	}
	return out.n ? out.p : "";
}

static void read_head(struct import *im, const struct str *fields, size_t n)
{
	for (size_t c = 0; c < COUNT(columns); c++) {
		im->at[c] = -1;
		for (size_t i = 0; i < n; i++)
			if (is_heading(im, &columns[c], str_trim(fields[i])))
				im->at[c] = (int)i;
	}
	for (size_t c = 0; c < 2; c++) /* id, title_ja */
		if (im->at[c] < 0)
			problem(im, columns[c].name, "inventory.problem.no_column");
}

static bool is_id(const char *s)
{
	return s[0] && strlen(s) <= 80 &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s);
}

/* False when the row has a problem. */
static bool read_entry(
    struct import *im, const struct str *fields, size_t n, struct inventory_entry *e)
{
	size_t before = json_array_size(im->report->problems);
	for (size_t c = 0; c < COUNT(columns); c++) {
		bool there = im->at[c] >= 0 && (size_t)im->at[c] < n;
		struct str value = there ? csv_bare(str_trim(fields[im->at[c]])) : STR("");
		if (value.n > INVENTORY_TEXT_MAX)
			problem(im, columns[c].name, "inventory.problem.long");
		if (!columns[c].number)
			*text_at(e, &columns[c]) = str_dup(im->arena, value);
		else if (value.n && !str_to_i64(value, 0, INT64_MAX, &e->yearly_volume))
			problem(im, columns[c].name, "inventory.problem.number");
	}
	e->life_events = event_keys(im, e->life_events);
	if (!is_id(e->id))
		problem(im, "id", "inventory.problem.id");
	if (!e->title_ja[0])
		problem(im, "title_ja", "inventory.problem.empty");
	if (e->priority[0] && !(strchr("ABC", e->priority[0]) && !e->priority[1]))
		problem(im, "priority", "inventory.problem.priority");
	return json_array_size(im->report->problems) == before;
}

static int put(struct db *db, const struct inventory_entry *e, struct err *err)
{
	return db_later(db, err, &sql_put, "tttttttitttttti", e->id, e->title_ja, e->title_en,
	    e->department, e->life_events, e->law, e->article, e->yearly_volume, e->attachments,
	    e->where_ja, e->where_en, e->how_ja, e->how_en, e->priority, now_us());
}

int inventory_import(struct db *db, struct arena *a, const struct i18n *i18n, struct str csv,
    const char *actor, bool dry_run, struct inventory_report *report, struct err *err)
{
	*report = (struct inventory_report){.problems = json_on_arena(a, json_array())};
	struct import im = {.arena = a, .report = report, .i18n = i18n};
	struct csv_reader *reader = csv_reader_of(a, csv, NULL);
	const struct str *fields;
	size_t n;
	int rc = csv_next(reader, &fields, &n, err);
	if (rc <= 0)
		return rc < 0 ? rc
		              : err_set(err, ERR_INPUT, "inventory.problem.no_file",
		                    "the file is empty");
	im.line = csv_line(reader);
	read_head(&im, fields, n);
	while (json_array_size(report->problems) < 100 &&
	       (rc = csv_next(reader, &fields, &n, err)) == 1) {
		struct inventory_entry e = {0}, was;
		im.line = csv_line(reader);
		if (++report->rows > INVENTORY_ROWS_MAX)
			return err_set(
			    err, ERR_TOO_LARGE, NULL, "more than %d rows", INVENTORY_ROWS_MAX);
		if (!read_entry(&im, fields, n, &e))
			continue;
		int found = inventory_find(db, a, e.id, &was, err);
		if (found < 0)
			return found;
		/* A file of some columns changes these and no others. */
		for (size_t c = 0; found && c < COUNT(columns); c++) {
			if (im.at[c] >= 0)
				continue;
			if (columns[c].number)
				e.yearly_volume = was.yearly_volume;
			else
				*text_at(&e, &columns[c]) = *text_at(&was, &columns[c]);
		}
		report->added += !found;
		report->changed += found;
		if (!dry_run && json_array_size(report->problems) == 0 &&
		    (rc = put(db, &e, err)) < 0)
			return rc;
	}
	if (rc < 0)
		return rc;
	if (json_array_size(report->problems) > 0)
		return dry_run ? 0
		               : err_set(err, ERR_INPUT, "inventory.problems", "%zu problems",
		                     json_array_size(report->problems));
	if (dry_run)
		return 0;
	json_t *data = json_pack("{s:i, s:i, s:i}", "rows", report->rows, "added", report->added,
	    "changed", report->changed);
	struct journal_change change = {
	    .actor = actor, .verb = "inventory.imported", .subject = "inventory:all", .data = data};
	rc = journal_add(db, &change, NULL, err);
	json_decref(data);
	return rc;
}
