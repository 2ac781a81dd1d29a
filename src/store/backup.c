/* Backup: one portable form for both databases, so that a city can move between them by it.
 *
 *   manifest.json         format, schema steps, numbers given, and each file's rows and SHA-256
 *   tables/<table>.jsonl  a JSON array per row, in the order of the manifest's columns; bytes are
 *                         {"b": base64}
 *   blobs/<ab>/<62 digits> attachments in use; the name is their SHA-256
 *   keys/<file>           the store's keys: whoever goes on with the journal needs them; but those
 *                         named master…, which open what is sealed in the tables
 *
 * All tables come from one snapshot. The search index is left out: it is made from search_doc
 * again. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/time.h"
#include "store/archive.h"
#include "store/blob.h"
#include "store/private.h"

static const struct sql database_size = {
    "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "SELECT coalesce(sum(pg_table_size(oid)), 0) FROM pg_class "
    "WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' "
    "AND relname <> 'blob_chunk'"};
static const struct sql steps = {
    "SELECT module, max(step) FROM store_step GROUP BY module ORDER BY min(at_us), min(rowid)",
    "SELECT module, max(step) FROM store_step GROUP BY module ORDER BY min(at_us), min(ctid)"};
static const struct sql numbers = {"SELECT name, seq FROM sqlite_sequence ORDER BY name",
    "SELECT table_name, pg_sequence_last_value(pg_get_serial_sequence("
    "quote_ident(table_name), column_name)::regclass) FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND is_identity = 'YES' ORDER BY table_name"};
static const struct sql used_blobs = {
    "SELECT DISTINCT name FROM blob_use WHERE name > ?1 ORDER BY name LIMIT 500"};

/* The tables that a backup holds: all but what is made or kept in another way. */
static const struct sql tables = {
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE "
    "'\\' "
    "AND name NOT LIKE 'search\\_index%' ESCAPE '\\' AND name NOT IN ('store_step', 'blob', "
    "'blob_chunk') ORDER BY name",
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
    "AND relkind = 'r' AND relname NOT IN ('store_step', 'blob', 'blob_chunk') ORDER BY relname"};
static const struct sql columns = {
    "SELECT name FROM pragma_table_info(?1) WHERE NOT (?1 = 'search_doc' AND name = 'tokens') "
    "ORDER BY cid",
    "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() "
    "AND table_name = ?1 AND NOT (?1 = 'search_doc' AND column_name = 'tokens') "
    "AND is_generated = 'NEVER' "
    "ORDER BY ordinal_position"};

const struct sql *const backup_sql[] = {
    &database_size, &steps, &numbers, &used_blobs, &tables, &columns, NULL};

static int names(struct rows *r, struct arena *a, struct name_list *out)
{
	*out = (struct name_list){0};
	if (!r)
		return -(int)ERR_STORE;
	int rc, cap = 0;
	while ((rc = rows_next(r)) == 1) {
		if (out->n == cap) {
			cap = cap ? cap * 2 : 32;
			const char **more = arena_array(a, (size_t)cap, sizeof(*more));
			if (out->n)
				memcpy(more, out->name, (size_t)out->n * sizeof(*more));
			out->name = more;
		}
		out->name[out->n++] = rows_dup(r, 0, a);
	}
	rows_end(r);
	return rc;
}

int store_tables(struct db *db, struct arena *a, struct name_list *out, struct err *err)
{
	return names(db_query(db, err, &tables, ""), a, out);
}

int store_columns(
    struct db *db, struct arena *a, const char *table, struct name_list *out, struct err *err)
{
	return names(db_query(db, err, &columns, "t", table), a, out);
}

struct backup {
	struct store *store;
	struct archive_out *out;
	struct arena *arena;
	json_t *manifest;
	void (*progress)(void *, int64_t, int64_t);
	void *progress_arg;
	int64_t done, total;
};

static void advance(struct backup *b, int64_t bytes)
{
	int64_t before = b->done >> 20;
	b->done += bytes;
	if (b->progress && b->done >> 20 != before)
		b->progress(b->progress_arg, b->done, b->done > b->total ? b->done : b->total);
}

static json_t *hex_json(const tree_hash h)
{
	struct buf hex = {0};
	buf_hex(&hex, h, TREE_HASH);
	json_t *s = json_string(hex.p);
	buf_free(&hex);
	return s;
}

static void add_value(struct buf *line, struct rows *r, int column)
{
	char text[64];
	switch (r->db->backend->type(r, column)) {
	case 'i':
		buf_i64(line, rows_i64(r, column));
		break;
	case 'd':
		/* 17 digits give the same double back; the point makes it a real in JSON. */
		(void)snprintf(text, sizeof(text), "%.17g", rows_double(r, column));
		buf_puts(line, text);
		if (!strpbrk(text, ".e"))
			buf_puts(line, ".0");
		break;
	case 't':
		buf_json(line, rows_str(r, column));
		break;
	case 'b': {
		struct str bytes = rows_bytes(r, column);
		buf_puts(line, "{\"b\":\"");
		buf_reserve(line, bytes.n / 3 * 4 + 8);
		int n = EVP_EncodeBlock((unsigned char *)line->p + line->n,
		    (const unsigned char *)bytes.p, (int)bytes.n);
		line->n += (size_t)n;
		buf_puts(line, "\"}");
		break;
	}
	default:
		buf_puts(line, "null");
	}
}

static int dump_table(struct backup *b, struct db *db, const char *table, struct err *err)
{
	struct name_list cols;
	int rc = store_columns(db, b->arena, table, &cols, err);
	if (rc < 0)
		return rc;
	struct buf sql, line = {0};
	buf_init(&sql, b->arena);
	json_t *names_json = json_array();
	for (int i = 0; i < cols.n; i++) {
		buf_printf(&sql, "%s\"%s\"", i ? ", " : "SELECT ", cols.name[i]);
		json_array_append_new(names_json, json_string(cols.name[i]));
	}
	buf_printf(&sql, " FROM \"%s\"", table);
	const char *file = arena_printf(b->arena, "tables/%s.jsonl", table);
	int64_t rows = 0, size = 0;
	tree_hash hash;
	struct rows *r = NULL;
	rc = archive_begin(b->out, file, err);
	if (rc == 0 && !(r = db_scan(db, err, sql.p)))
		rc = -(int)ERR_STORE;
	while (rc == 0 && (rc = rows_next(r)) == 1) {
		buf_clear(&line);
		for (int i = 0; i < cols.n; i++) {
			buf_putc(&line, i ? ',' : '[');
			add_value(&line, r, i);
		}
		buf_puts(&line, "]\n");
		rc = archive_write(b->out, line.p, line.n, err);
		advance(b, (int64_t)line.n);
		rows++;
	}
	rows_end(r);
	buf_free(&line);
	if (rc == 0)
		rc = archive_end(b->out, &size, hash, err);
	if (rc < 0) {
		json_decref(names_json);
		return rc;
	}
	json_array_append_new(json_object_get(b->manifest, "tables"),
	    json_pack("{s:s, s:s, s:o, s:I, s:I, s:o}", "name", table, "file", file, "columns",
	        names_json, "rows", (json_int_t)rows, "size", (json_int_t)size, "sha256",
	        hex_json(hash)));
	return 0;
}

static int copy_fd(
    struct backup *b, int fd, int64_t size, const char *name, tree_hash hash, struct err *err)
{
	char block[BLOB_BLOCK];
	struct blob_input in = {.fd = fd, .size = size};
	int rc = archive_begin(b->out, name, err);
	for (int64_t at = 0; rc == 0 && at < size;) {
		size_t n = size - at < (int64_t)sizeof(block) ? (size_t)(size - at) : sizeof(block);
		rc = blob_input_read(&in, at, block, n, err);
		if (rc == 0)
			rc = archive_write(b->out, block, n, err);
		at += (int64_t)n;
		advance(b, (int64_t)n);
	}
	return rc < 0 ? rc : archive_end(b->out, NULL, hash, err);
}

static int dump_blob(struct backup *b, const char *name, struct err *err)
{
	int fd;
	int64_t size;
	int rc = blob_open(b->store, name, &fd, &size, err);
	if (rc < 0)
		return rc;
	char file[80];
	(void)snprintf(file, sizeof(file), "blobs/%.2s/%.62s", name, name + 2);
	tree_hash hash;
	rc = copy_fd(b, fd, size, file, hash, err);
	(void)close(fd); /* only read */
	if (rc == 0) {
		struct buf hex = {0};
		buf_hex(&hex, hash, TREE_HASH);
		if (strcmp(hex.p, name) != 0)
			rc = err_set(err, ERR_STORE, "store.io",
			    "attachment %s is damaged; machi verify says to what it belongs", name);
		buf_free(&hex);
	}
	return rc;
}

static int dump_blobs(struct backup *b, struct db *db, struct err *err)
{
	struct name_list batch = {0};
	int64_t count = 0;
	char after[BLOB_NAME_SIZE] = "";
	int rc = 0;
	do {
		struct arena_mark mark = arena_mark(b->arena);
		rc = names(db_query(db, err, &used_blobs, "t", after), b->arena, &batch);
		for (int i = 0; rc == 0 && i < batch.n; i++, count++)
			rc = dump_blob(b, batch.name[i], err);
		if (batch.n)
			(void)snprintf(
			    after, sizeof(after), "%s", batch.name[batch.n - 1]); /* as long */
		arena_release(b->arena, mark);
	} while (rc == 0 && batch.n > 0);
	json_object_set_new(b->manifest, "blobs", json_integer(count));
	return rc;
}

/* Not at the top: a folder with a city.yaml would be taken for a city. */
const char settings_name[] = "settings/city.yaml";

/* Copies a file of the city's folder and notes its hash; one that is not there, or no plain file,
 * is left out. A link is followed: the backup must not depend on what lies elsewhere. */
static int dump_file(
    struct backup *b, json_t *list, const char *path, const char *name, struct err *err)
{
	struct stat s;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* nor wait for a pipe */
	if (fd < 0 && errno == ENOENT)
		return 0;
	int rc = 0;
	if (fd < 0 || fstat(fd, &s) != 0)
		rc = err_set(err, ERR_IO, "store.io", "%s: %s", path, strerror(errno));
	if (rc == 0 && S_ISREG(s.st_mode)) {
		tree_hash hash;
		rc = copy_fd(b, fd, s.st_size, name, hash, err);
		json_array_append_new(
		    list, json_pack("{s:s, s:o}", "file", name, "sha256", hex_json(hash)));
	}
	if (fd >= 0)
		(void)close(fd); /* only read */
	return rc;
}

/* A folder of the city with all below it, as <name>/…; hidden files and master keys are left out.
 */
static int dump_folder(
    struct backup *b, json_t *list, const char *path, const char *name, int depth, struct err *err)
{
	enum { DEPTH_MAX = 12 };
	DIR *d = opendir(path);
	struct dirent *e;
	int rc = 0;
	if (!d)
		return errno == ENOENT || errno == ENOTDIR
		           ? 0
		           : err_set(err, ERR_IO, "store.io", "%s: %s", path, strerror(errno));
	while (rc == 0 && (e = readdir(d))) {
		struct stat s;
		bool master = strcmp(name, "keys") == 0 && strncmp(e->d_name, "master", 6) == 0;
		if (e->d_name[0] == '.' || master)
			continue;
		const char *from = arena_printf(b->arena, "%s/%s", path, e->d_name),
		           *to = arena_printf(b->arena, "%s/%s", name, e->d_name);
		bool folder = lstat(from, &s) == 0 && S_ISDIR(s.st_mode);
		if (!folder)
			rc = dump_file(b, list, from, to, err);
		else if (depth < DEPTH_MAX)
			rc = dump_folder(b, list, from, to, depth + 1, err);
		else
			rc = err_set(err, ERR_TOO_LARGE, "store.io", "%s is too deep", from);
	}
	(void)closedir(d); /* only read */
	return rc;
}

/* The keys, and what makes the city what it is beside its store: without its name nobody would know
 * whose keys they are, without its roles everybody would have the usual rights. */
static int dump_files(struct backup *b, struct err *err)
{
	static const struct {
		const char *path, *name;
		bool folder;
	} parts[] = {{"city.yaml", settings_name, false},
	    {"sign-in.yaml", "settings/sign-in.yaml", false}, {"keys", "keys", true},
	    {"custom", "settings/custom", true}, {"trust", "settings/trust", true}};
	json_t *list = json_array();
	json_object_set_new(b->manifest, "keys", list);
	int rc = 0;
	for (size_t i = 0; i < COUNT(parts) && rc == 0; i++) {
		const char *path = arena_printf(b->arena, "%s/%s", b->store->dir, parts[i].path);
		rc = parts[i].folder ? dump_folder(b, list, path, parts[i].name, 0, err)
		                     : dump_file(b, list, path, parts[i].name, err);
	}
	return rc;
}

/* The city's name is that of its folder. */
static int name_city(struct backup *b, struct err *err)
{
	char *real = realpath(b->store->dir, NULL);
	if (!real)
		return err_set(err, ERR_IO, "store.io", "%s: %s", b->store->dir, strerror(errno));
	json_object_set_new(b->manifest, "city", json_string(strrchr(real, '/') + 1));
	free(real);
	return 0;
}

static int pairs(struct rows *r, json_t *object)
{
	if (!r)
		return -(int)ERR_STORE;
	int rc;
	while ((rc = rows_next(r)) == 1) {
		char name[128];
		(void)snprintf(name, sizeof(name), "%.*s", STR_ARG(rows_str(r, 0)));
		json_object_set_new(
		    object, name, rows_null(r, 1) ? json_integer(0) : json_integer(rows_i64(r, 1)));
	}
	rows_end(r);
	return rc;
}

static int backup(struct db *db, void *arg, struct err *err)
{
	struct backup *b = arg;
	struct name_list all;
	int rc = db_get_i64(db, err, &b->total, &database_size, "");
	if (rc >= 0)
		rc = pairs(db_query(db, err, &steps, ""), json_object_get(b->manifest, "steps"));
	if (rc >= 0)
		rc =
		    pairs(db_query(db, err, &numbers, ""), json_object_get(b->manifest, "numbers"));
	if (rc >= 0)
		rc = store_tables(db, b->arena, &all, err);
	for (int i = 0; rc == 0 && i < all.n; i++)
		rc = dump_table(b, db, all.name[i], err);
	if (rc == 0)
		rc = dump_blobs(b, db, err);
	return rc;
}

static int write_manifest(struct backup *b, struct err *err)
{
	char *text = json_dumps(b->manifest, JSON_INDENT(1));
	if (!text)
		return err_set(err, ERR_INTERNAL, NULL, "the manifest is not JSON");
	int rc = archive_begin(b->out, "manifest.json", err);
	if (rc == 0)
		rc = archive_write(b->out, text, strlen(text), err);
	if (rc == 0)
		rc = archive_end(b->out, NULL, NULL, err);
	free(text);
	return rc;
}

int store_backup(struct store *st, const char *target, void (*progress)(void *, int64_t, int64_t),
    void *arg, struct err *err)
{
	struct err own;
	if (!err)
		err = &own;
	struct backup b = {.store = st, .progress = progress, .progress_arg = arg};
	int rc = archive_new(target, &b.out, err);
	if (rc < 0)
		return rc;
	b.arena = arena_new();
	b.manifest = json_pack("{s:s, s:s, s:I, s:{}, s:{}, s:[]}", "format", "machi-backup/1",
	    "made_from", st->backend->postgres ? "postgresql" : "sqlite", "made_us",
	    (json_int_t)now_us(), "steps", "numbers", "tables");
	rc = store_read(st, backup, &b, err);
	if (rc == 0)
		rc = name_city(&b, err);
	if (rc == 0)
		rc = dump_files(&b, err);
	if (rc == 0)
		rc = write_manifest(&b, err);
	if (rc == 0)
		rc = archive_finish(b.out, err);
	else
		archive_abandon(b.out);
	if (rc == 0 && progress)
		progress(arg, b.done, b.done);
	json_decref(b.manifest);
	arena_free(b.arena);
	return rc;
}
