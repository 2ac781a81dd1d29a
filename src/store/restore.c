/* Restore: the tables in one transaction, after the attachments and the keys; see backup.c. Every
 * name that comes from the backup is looked up among those that this program's migrations made. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/archive.h"
#include "store/blob.h"
#include "store/private.h"

enum { READ_SIZE = 256 * 1024, LINE_MAX_ = 1 << 30 };

struct restore {
	struct store *store;
	struct archive_in *in;
	struct arena *arena;
	json_t *manifest;
	void (*progress)(void *, int64_t, int64_t);
	void *progress_arg;
	int64_t done, total;
};

__attribute__((format(printf, 2, 3))) static int bad(struct err *err, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap); /* cut if longer */
	va_end(ap);
	return err_set(err, ERR_INPUT, "store.bad_backup", "%s", text);
}

static void advance(struct restore *r, int64_t bytes)
{
	int64_t before = r->done >> 20;
	r->done += bytes;
	if (r->progress && r->done >> 20 != before)
		r->progress(r->progress_arg, r->done < r->total ? r->done : r->total, r->total);
}

/* --- lines of a file, with its hash --- */

struct lines {
	struct restore *restore;
	int fd;
	int64_t at, left;
	struct buf buf;
	size_t pos;
	struct sha256 *sum;
};

static int lines_open(struct lines *l, struct restore *r, const char *name, struct err *err)
{
	const struct archive_file *f = archive_find(r->in, name);
	*l = (struct lines){.restore = r, .fd = -1};
	if (!f)
		return bad(err, "%s is missing", name);
	l->fd = archive_fd(r->in, f, &l->at, err);
	if (l->fd < 0)
		return l->fd;
	l->left = f->size;
	l->sum = sha256_new();
	return 0;
}

/* 1: a line, without its newline. 0: the end. */
static int lines_next(struct lines *l, struct str *line, struct err *err)
{
	for (;;) {
		char *start = l->buf.p + l->pos;
		char *end = l->buf.n > l->pos ? memchr(start, '\n', l->buf.n - l->pos) : NULL;
		if (end) {
			*line = (struct str){start, (size_t)(end - start)};
			l->pos += line->n + 1;
			return 1;
		}
		if (l->left == 0)
			return l->pos < l->buf.n ? bad(err, "a table ends in the middle of a row")
			                         : 0;
		/* Keeps the beginning of the line that is not whole yet. */
		size_t kept = l->buf.n - l->pos;
		if (kept > LINE_MAX_)
			return bad(err, "a row is too long");
		if (kept && l->pos)
			memmove(l->buf.p, start, kept);
		l->buf.n = kept;
		l->pos = 0;
		size_t n = l->left < READ_SIZE ? (size_t)l->left : READ_SIZE;
		buf_reserve(&l->buf, n);
		struct blob_input in = {.fd = l->fd, .size = l->at + l->left};
		int rc = blob_input_read(&in, l->at, l->buf.p + kept, n, err);
		if (rc < 0)
			return rc;
		sha256_add(l->sum, l->buf.p + kept, n);
		l->buf.n += n;
		l->at += (int64_t)n;
		l->left -= (int64_t)n;
		advance(l->restore, (int64_t)n);
	}
}

static int hash_is(const tree_hash h, json_t *want, const char *name, struct err *err)
{
	struct buf hex = {0};
	buf_hex(&hex, h, TREE_HASH);
	bool same = text_eq(json_string_value(want), hex.p);
	buf_free(&hex);
	return same ? 0 : bad(err, "%s is damaged: its checksum differs", name);
}

static void lines_close(struct lines *l, tree_hash hash)
{
	if (l->sum)
		sha256_end(l->sum, hash);
	if (l->fd >= 0)
		(void)close(l->fd); /* only read */
	buf_free(&l->buf);
}

/* --- tables --- */

static bool has_name(const struct name_list *list, const char *name)
{
	for (int i = 0; name && i < list->n; i++)
		if (strcmp(list->name[i], name) == 0)
			return true;
	return false;
}

struct loader {
	struct db *db;
	const char *table;
	bool is_search; /* it goes with its index */
	struct search_load search;
	char *insert;
	int64_t n;
};

static int load_row(struct loader *l, const struct db_arg *args, int n, struct err *err)
{
	l->n++;
	if (l->is_search)
		return n == 2 && args[0].type == 'i' && args[1].type == 's'
		           ? search_load_row(&l->search, args[0].i, args[1].s, err)
		           : bad(err, "a row of search_doc");
	if (l->db->backend->load_row)
		return l->db->backend->load_row(l->db, args, n, err);
	struct rows *r = db_query_args(l->db, err, l->insert, args, n);
	rows_end(r);
	return r ? 0 : -(int)ERR_STORE;
}

static int load_rows(struct restore *r, struct loader *l, json_t *table, int ncols, struct err *err)
{
	struct lines lines;
	struct str line = {0};
	struct arena *a = arena_new();
	tree_hash hash = {0};
	const char *file = json_string_value(json_object_get(table, "file"));
	int rc = lines_open(&lines, r, file ? file : "", err);
	while (rc == 0 && (rc = lines_next(&lines, &line, err)) == 1) {
		struct db_arg args[SQL_MAX_ARGS];
		rc = backup_row(line, a, args, SQL_MAX_ARGS) == ncols
		         ? load_row(l, args, ncols, err)
		         : bad(err, "%s: row %" PRId64 " is damaged", file, l->n + 1);
		arena_release(a, (struct arena_mark){0});
	}
	lines_close(&lines, hash);
	arena_free(a);
	if (rc == 0)
		rc = hash_is(hash, json_object_get(table, "sha256"), file, err);
	if (rc == 0 && l->n != json_integer_value(json_object_get(table, "rows")))
		rc = bad(err, "%s has %" PRId64 " rows", file, l->n);
	return rc;
}

static int load_table(struct restore *r, struct db *db, json_t *table,
    const struct name_list *tables, struct err *err)
{
	const char *name = json_string_value(json_object_get(table, "name"));
	json_t *cols = json_object_get(table, "columns"), *col;
	size_t i, ncols = json_array_size(cols);
	struct name_list known;
	if (!has_name(tables, name))
		return bad(err, "table %.60s is not known here", name ? name : "");
	if (ncols == 0 || ncols > SQL_MAX_ARGS)
		return bad(err, "columns of %s", name);
	int rc = store_columns(db, r->arena, name, &known, err);
	struct buf insert, list;
	buf_init(&insert, r->arena);
	buf_init(&list, r->arena);
	json_array_foreach(cols, i, col)
	{
		if (rc == 0 && !has_name(&known, json_string_value(col)))
			rc = bad(err, "column %zu of %s is not known here", i + 1, name);
		if (rc == 0)
			buf_printf(&list, "%s\"%s\"", i ? ", " : "", json_string_value(col));
	}
	if (rc < 0)
		return rc;
	buf_printf(&insert, "INSERT INTO \"%s\" (%s) VALUES (", name, list.p);
	for (i = 0; i < ncols; i++)
		buf_printf(&insert, "%s?%zu", i ? ", " : "", i + 1);
	buf_putc(&insert, ')');
	struct loader l = {.db = db, .table = name, .insert = insert.p};
	l.is_search = strcmp(name, "search_doc") == 0;
	bool copy = !l.is_search && db->backend->load_begin;
	if (l.is_search)
		rc = search_load_begin(&l.search, db, name, err);
	else if (copy)
		rc = db->backend->load_begin(db, name, list.p, err);
	if (rc < 0)
		return rc;
	rc = load_rows(r, &l, table, (int)ncols, err);
	int ended = l.is_search ? search_load_end(&l.search, rc == 0, err)
	            : copy      ? db->backend->load_end(db, rc == 0, err)
	                        : 0;
	return rc < 0 ? rc : ended;
}

/* Rows come in any order, and an index is made quicker of all rows than row by row: foreign keys
 * and indexes are taken off before and put on again after. Statements to run before, their
 * counterparts to run after in the opposite order, and the table whose size says how long that
 * takes. Indexes that SQLite made itself for keys stay; its foreign keys are off (struct
 * store_options.loading) and checked at the end. Tables that are not loaded here keep theirs. */
static const struct sql set_aside = {"SELECT format('DROP INDEX \"%w\"', name), sql, tbl_name FROM "
                                     "sqlite_schema WHERE type = 'index' "
                                     "AND sql IS NOT NULL ORDER BY name DESC",
    "SELECT before, after, name FROM ("
    "SELECT 0 AS place, 'SET LOCAL maintenance_work_mem = 262144' AS before, 'SELECT 1' AS after, "
    "'' AS "
    "name UNION ALL "
    "SELECT CASE contype WHEN 'f' THEN 1 ELSE 2 END, "
    "format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname), "
    "format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, "
    "pg_get_constraintdef(c.oid)), "
    "relname FROM pg_constraint c JOIN pg_class t ON t.oid = conrelid WHERE contype IN ('f', 'p', "
    "'u') AND "
    "relnamespace = current_schema()::regnamespace AND relname NOT IN ('store_step', 'blob', "
    "'blob_chunk') "
    "UNION ALL "
    "SELECT 3, format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid), relname "
    "FROM pg_index i JOIN pg_class t ON t.oid = indrelid WHERE relkind = 'r' AND "
    "relnamespace = current_schema()::regnamespace AND relname NOT IN ('store_step', 'blob', "
    "'blob_chunk') "
    "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', "
    "'u'))"
    ") s ORDER BY place",
    "all indexes of a schema that was just made"};
static const struct sql lost_parent = {
    "SELECT \"table\" || ' refers to a missing row of ' || parent FROM pragma_foreign_key_check",
    ""};
/* The last number given to a table's @ID. */
static const struct sql number_drop = {
    "DELETE FROM sqlite_sequence WHERE name = ?1", "SELECT 1 WHERE ?1 = ''"};
static const struct sql number_set = {"INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)",
    "SELECT setval(pg_get_serial_sequence(quote_ident(table_name), column_name), ?2) "
    "FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = ?1 "
    "AND is_identity = 'YES'"};
static const struct sql journal_number = {
    "SELECT 1", "SELECT setval('journal_id_seq', max(id)) FROM journal HAVING max(id) > 0"};

const struct sql *const restore_sql[] = {
    &set_aside, &lost_parent, &number_drop, &number_set, &journal_number, NULL};

struct script {
	char *before, *after;
	int64_t weight; /* of what comes after, as the progress counts: in bytes of the backup */
};

enum { INDEX_PART = 8 }; /* to make an index takes as long as to load such a part of its table */

static int64_t table_size(const struct restore *r, const char *table)
{
	size_t i;
	json_t *t;
	json_array_foreach(json_object_get(r->manifest, "tables"), i, t)
	{
		if (text_eq(json_string_value(json_object_get(t, "name")), table))
			return json_integer_value(json_object_get(t, "size"));
	}
	return 0;
}

static int read_scripts(
    struct restore *r, struct db *db, struct script **out, int *n, struct err *err)
{
	struct rows *rows = db_query(db, err, &set_aside, "");
	if (!rows)
		return -(int)ERR_STORE;
	int rc, cap = 0;
	*n = 0;
	*out = NULL;
	while ((rc = rows_next(rows)) == 1) {
		if (*n == cap) {
			cap = cap ? cap * 2 : 64;
			struct script *more = arena_array(r->arena, (size_t)cap, sizeof(*more));
			if (*n)
				memcpy(more, *out, (size_t)*n * sizeof(*more));
			*out = more;
		}
		char *table = rows_dup(rows, 2, r->arena);
		(*out)[(*n)++] = (struct script){rows_dup(rows, 0, r->arena),
		    rows_dup(rows, 1, r->arena), table_size(r, table) / INDEX_PART};
	}
	rows_end(rows);
	return rc;
}

static int set_numbers(
    struct restore *r, struct db *db, const struct name_list *tables, struct err *err)
{
	const char *name;
	json_t *number;
	json_object_foreach(json_object_get(r->manifest, "numbers"), name, number)
	{
		int64_t n = json_integer_value(number);
		if (n < 1 || !has_name(tables, name))
			continue;
		int64_t rc = db_run(db, err, &number_drop, "t", name);
		if (rc >= 0)
			rc = db_run(db, err, &number_set, "ti", name, n);
		if (rc < 0)
			return (int)rc;
	}
	int64_t ignored;
	int rc = db_get_i64(db, err, &ignored, &journal_number, "");
	return rc < 0 ? rc : 0;
}

/* What is left to do for all tables when their rows are there. */
static int finish_tables(
    struct restore *r, struct db *db, const struct name_list *tables, struct err *err)
{
	int rc = set_numbers(r, db, tables, err);
	if (db->backend->postgres) { /* or its first plans would be those of empty tables */
		for (int k = 0; rc == 0 && k < tables->n; k++)
			rc = db->backend->script(
			    db, arena_printf(r->arena, "ANALYZE \"%s\"", tables->name[k]), err);
		return rc;
	}
	char *lost;
	if (rc == 0 && (rc = db_get_text(db, err, r->arena, &lost, &lost_parent, "")) == 1)
		return bad(err, "%s", lost);
	if (rc == 0) { /* entries that had no place on PostgreSQL yet */
		journal_forget(db);
		rc = journal_sequence(db, err);
	}
	return rc < 0 ? rc : 0;
}

static int load_all(struct db *db, void *arg, struct err *err)
{
	struct restore *r = arg;
	struct name_list tables;
	struct script *scripts = NULL;
	int n = 0;
	size_t i;
	json_t *table;
	int64_t done = r->done, total = r->total;
	int rc = read_scripts(r, db, &scripts, &n, err);
	for (int k = 0; rc == 0 && k < n; k++) {
		rc = db->backend->script(db, scripts[k].before, err);
		r->total += scripts[k].weight;
	}
	if (rc == 0)
		rc = store_tables(db, r->arena, &tables, err);
	/* What migrations put there. A table emptied by TRUNCATE can be loaded without a log of old
	 * rows. */
	for (int k = 0; rc == 0 && k < tables.n; k++)
		rc = db->backend->script(db,
		    arena_printf(r->arena, "%s \"%s\"",
		        db->backend->postgres ? "TRUNCATE" : "DELETE FROM", tables.name[k]),
		    err);
	json_array_foreach(json_object_get(r->manifest, "tables"), i, table)
	{
		if (rc == 0)
			rc = load_table(r, db, table, &tables, err);
	}
	for (int k = n - 1; rc == 0 && k >= 0; k--) {
		rc = db->backend->script(db, scripts[k].after, err);
		advance(r, scripts[k].weight);
	}
	if (rc == 0)
		rc = finish_tables(r, db, &tables, err);
	if (rc < 0) { /* it may be run again */
		r->done = done;
		r->total = total;
	}
	return rc;
}

/* --- attachments and keys --- */

static int restore_blob(struct restore *r, const struct archive_file *f, struct err *err)
{
	char name[BLOB_NAME_SIZE + 8], got[BLOB_NAME_SIZE];
	bool placed = strlen(f->name) > 9 && f->name[8] == '/'; /* "blobs/ab/..." */
	if (placed)
		(void)snprintf(
		    name, sizeof(name), "%.2s%.64s", f->name + 6, f->name + 9); /* checked below */
	if (!placed || !blob_name_valid(name))
		return bad(err, "%s is no attachment", f->name);
	int64_t at;
	int fd = archive_fd(r->in, f, &at, err);
	if (fd < 0)
		return fd;
	struct blob_input in = {.fd = fd, .at = at, .size = f->size};
	int rc = blob_name_of(&in, got, err);
	if (rc == 0 && strcmp(got, name) != 0)
		rc = bad(err, "attachment %s is damaged", name);
	if (rc == 0)
		rc = r->store->backend->blob_put(r->store, name, &in, err);
	(void)close(fd); /* only read */
	advance(r, f->size);
	return rc;
}

static int write_small(const char *path, const char *bytes, size_t n, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, n) != (ssize_t)n || fsync(fd) != 0) {
		int rc = err_set(err, ERR_IO, errno == EEXIST ? "store.not_empty" : "store.io",
		    "%s: %s", path, strerror(errno));
		if (fd >= 0)
			(void)close(fd); /* the error is told */
		return rc;
	}
	return close(fd) == 0 ? 0
	                      : err_set(err, ERR_IO, "store.io", "%s: %s", path, strerror(errno));
}

/* "custom/packs/x.yaml": below the city's folder, and no hidden file. */
static bool path_is_plain(const char *path)
{
	struct str rest = str_from(path), one;
	while (str_cut(&rest, '/', &one))
		if (one.n == 0 || one.p[0] == '.')
			return false;
	return path[0] && path[strlen(path) - 1] != '/';
}

/* The folders that a file below the city's folder stands in. */
static int folders_make(struct restore *r, const char *path, struct err *err)
{
	for (const char *at = strchr(path, '/'); at; at = strchr(at + 1, '/')) {
		const char *folder =
		    arena_printf(r->arena, "%s/%.*s", r->store->dir, (int)(at - path), path);
		if (mkdir(folder, 0700) != 0 && errno != EEXIST)
			return err_set(err, ERR_IO, "store.io", "%s: %s", folder, strerror(errno));
	}
	return 0;
}

/* A key, or one of the city's settings. */
static int restore_small(struct restore *r, const struct archive_file *f, struct err *err)
{
	enum { KEY_MAX = 1 << 20, SETTINGS_MAX = 64 << 20 };
	struct str name = str_from(f->name);
	bool key = str_starts(name, "keys/");
	const char *below = key ? f->name : strchr(f->name, '/') + 1;
	if (!path_is_plain(below) || f->size > (key ? KEY_MAX : SETTINGS_MAX))
		return bad(err, "%s is no key and no settings", f->name);
	int64_t at;
	int fd = archive_fd(r->in, f, &at, err);
	if (fd < 0)
		return fd;
	char *bytes = arena_alloc(r->arena, (size_t)f->size);
	struct blob_input in = {.fd = fd, .at = at, .size = f->size};
	int rc = blob_input_read(&in, 0, bytes, (size_t)f->size, err);
	(void)close(fd); /* only read */
	tree_hash hash;
	sha256(bytes, (size_t)f->size, hash);
	size_t i;
	json_t *one, *want = NULL;
	json_array_foreach(json_object_get(r->manifest, "keys"), i, one)
	{
		if (text_eq(json_string_value(json_object_get(one, "file")), f->name))
			want = json_object_get(one, "sha256");
	}
	if (rc == 0)
		rc = hash_is(hash, want, f->name, err);
	const char *path = arena_printf(r->arena, "%s/%s", r->store->dir, below);
	if (rc == 0)
		rc = folders_make(r, below, err);
	if (rc < 0 || (!key && access(path, F_OK) == 0)) /* settings that are there stay */
		return rc;
	return write_small(path, bytes, (size_t)f->size, err);
}

static int restore_files(struct restore *r, struct err *err)
{
	size_t n;
	const struct archive_file *f = archive_files(r->in, &n);
	int64_t blobs = 0;
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		struct str name = str_from(f[i].name);
		if (str_starts(name, "blobs/")) {
			rc = restore_blob(r, &f[i], err);
			blobs++;
		} else if (str_starts(name, "keys/") ||
		           (str_starts(name, "settings/") && !str_is(name, settings_name))) {
			rc = restore_small(r, &f[i], err);
		}
	}
	size_t k;
	json_t *key;
	json_array_foreach(json_object_get(r->manifest, "keys"), k, key)
	{
		const char *name = json_string_value(json_object_get(key, "file"));
		if (rc == 0 && (!name || !archive_find(r->in, name)))
			rc = bad(err, "%s is missing", name ? name : "a key");
	}
	if (rc == 0 && blobs != json_integer_value(json_object_get(r->manifest, "blobs")))
		rc = bad(err, "%" PRId64 " attachments are there", blobs);
	return rc;
}

/* --- --- */

static int read_manifest(struct restore *r, struct err *err)
{
	struct lines l;
	struct buf text = {0};
	tree_hash hash;
	size_t n;
	const struct archive_file *f = archive_files(r->in, &n);
	for (size_t i = 0; i < n; i++)
		r->total += f[i].size;
	int rc = lines_open(&l, r, "manifest.json", err);
	if (rc == 0 && l.left > 16 << 20)
		rc = bad(err, "the manifest is too long");
	if (rc == 0) { /* its last line has no newline: take it whole */
		buf_reserve(&text, (size_t)l.left);
		struct blob_input in = {.fd = l.fd, .at = l.at, .size = l.left};
		rc = blob_input_read(&in, 0, text.p, (size_t)l.left, err);
		text.n = (size_t)l.left;
	}
	lines_close(&l, hash);
	json_error_t why;
	if (rc == 0 && !(r->manifest = json_loadb(text.p, text.n, 0, &why)))
		rc = bad(err, "manifest.json line %d: %s", why.line, why.text);
	buf_free(&text);
	const char *format = json_string_value(json_object_get(r->manifest, "format"));
	if (rc == 0 && !text_eq(format, "machi-backup/1"))
		rc = bad(err, "a backup of the form \"%.40s\", not machi-backup/1",
		    format ? format : "");
	return rc;
}

static int step_limit(void *arg, const char *module)
{
	json_t *step =
	    json_object_get(json_object_get(((struct restore *)arg)->manifest, "steps"), module);
	return (int)json_integer_value(step);
}

int store_is_empty(struct store *st, bool *empty, struct err *err)
{
	struct arena *a = arena_new();
	struct name_list tables;
	struct db *db = store_reader(st, err);
	int rc = db ? store_tables(db, a, &tables, err) : -(int)ERR_STORE;
	*empty = rc == 0 && tables.n == 0;
	arena_free(a);
	return rc;
}

/* The rows of the backup replace the note, all in one transaction. */
static int note_making(struct db *db, void *arg, struct err *err)
{
	(void)arg;
	return store_note_making(db, "restore", err);
}

/* The schema as it was when the backup was made, in the order in which it was made. */
static int make_schema(struct restore *r, struct err *err)
{
	struct name_list tables;
	struct db *db = store_reader(r->store, err);
	int rc = db ? store_tables(db, r->arena, &tables, err) : -(int)ERR_STORE;
	if (rc == 0 && tables.n)
		rc = err_set(err, ERR_CONFLICT, "store.not_empty",
		    "the target has tables already (%s ...); if a restore left them that failed, "
		    "remove them first",
		    tables.name[0]);
	if (rc < 0)
		return rc;
	json_t *steps = json_object_get(r->manifest, "steps"), *step;
	const char **modules = arena_array(r->arena, json_object_size(steps), sizeof(*modules));
	const char *name;
	int n = 0;
	json_object_foreach(steps, name, step) /* jansson keeps the order of the file */
	{
		int known = migration_steps(name);
		if (known < json_integer_value(step))
			return err_set(err, ERR_STORE, "store.too_new",
			    "module %.60s is at step %" JSON_INTEGER_FORMAT
			    ", this program knows %d",
			    name, json_integer_value(step), known);
		modules[n++] = name;
	}
	rc = migrate_to(r->store, NULL, 0, step_limit, r, NULL, NULL, err);
	if (rc == 0)
		rc = store_write(r->store, note_making, NULL, err);
	return rc < 0 ? rc : migrate_to(r->store, modules, n, step_limit, r, NULL, NULL, err);
}

int store_backup_city(const char *source, struct arena *a, const char **city, struct err *err)
{
	struct restore r = {.arena = a};
	int rc = archive_open(source, &r.in, err);
	if (rc < 0)
		return rc;
	rc = read_manifest(&r, err);
	const char *name = json_string_value(json_object_get(r.manifest, "city"));
	*city = name ? arena_strdup(a, name) : NULL;
	json_decref(r.manifest);
	archive_close(r.in);
	return rc;
}

int store_restore(const char *source, const struct store_options *target,
    void (*progress)(void *, int64_t, int64_t), void *arg, struct err *err)
{
	struct err own;
	if (!err)
		err = &own;
	struct restore r = {.progress = progress, .progress_arg = arg};
	int rc = archive_open(source, &r.in, err);
	if (rc < 0)
		return rc;
	r.arena = arena_new();
	rc = read_manifest(&r, err);
	struct store_options options = *target;
	options.loading = true;
	options.writers = 1;
	if (rc == 0)
		rc = store_open(&options, &r.store, err);
	if (rc == 0)
		rc = make_schema(&r, err);
	if (rc == 0)
		rc = restore_files(&r, err);
	if (rc == 0)
		rc = store_write_flags(r.store, load_all, &r, WRITE_READ_COMMITTED, err);
	/* Last: with it the folder is a city. */
	const struct archive_file *settings = archive_find(r.in, settings_name);
	if (rc == 0 && settings)
		rc = restore_small(&r, settings, err);
	store_close(r.store);
	if (rc == 0 && progress)
		progress(arg, r.total, r.total);
	json_decref(r.manifest);
	arena_free(r.arena);
	archive_close(r.in);
	return rc;
}
