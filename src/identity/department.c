/* Departments: dated rows of a tree. */
#include "identity/private.h"

#include <string.h>
#include <uthash.h>

#include "base/time.h"

static void fill(struct rows *r, struct arena *a, struct department *d)
{
	*d = (struct department){
	    .id = rows_i64(r, 0),
	    .code = rows_dup(r, 1, a),
	    .name = rows_dup(r, 2, a),
	    .name_en = rows_dup(r, 3, a),
	    .parent = rows_i64(r, 4),
	    .from = rows_dup(r, 5, a),
	    .until = rows_dup(r, 6, a),
	};
}

int department_get(
    struct db *db, struct arena *a, int64_t id, struct department *out, struct err *err)
{
	static const char kept;
	struct department *d = db_recall(db, &kept, id);
	if (d) {
		*out = *d;
		return 1;
	}
	if (db_memo(db))
		a = db_memo(db);
	struct rows *r = db_query(db, err, SQL(DEPARTMENT_ROW), "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		d = arena_new_of(a, struct department);
		fill(r, a, d);
		*out = *d;
		db_remember(db, &kept, id, d);
	}
	rows_end(r);
	return rc;
}

int department_by_name(struct db *db, const char *name, int64_t *id, struct err *err)
{
	char day[DAY_SIZE];
	today(day);
	return db_get_i64(db, err, id, SQL(DEPARTMENT_BY_NAME), "tt", name, day);
}

int department_by_code(struct db *db, const char *code, int64_t *id, struct err *err)
{
	return db_get_i64(db, err, id, SQL(DEPARTMENT_BY_CODE), "t", code);
}

char *department_name_in(
    struct db *db, struct arena *a, int64_t id, const char *lang, struct err *err)
{
	struct department d;
	if (department_get(db, a, id, &d, err) <= 0)
		return arena_strdup(a, "");
	return (char *)(text_eq(lang, "en") && d.name_en[0] ? d.name_en : d.name);
}

char *department_name(struct db *db, struct arena *a, int64_t id, struct err *err)
{
	return department_name_in(db, a, id, "ja", err);
}

/* A department on its way into the tree. */
struct branch {
	const struct department *row;
	struct branch *child, *next; /* the first one below, and the next one beside it */
	bool placed;
	UT_hash_handle hh; /* by the row's id */
};

/* Appends the list and what is below each; a circle ends at the row that is placed already. */
static int place(struct branch *b, int depth, struct department *out, int at)
{
	for (; b; b = b->next) {
		if (b->placed)
			continue;
		b->placed = true;
		out[at] = *b->row;
		out[at++].depth = depth;
		at = place(b->child, depth + 1, out, at);
	}
	return at;
}

/* Each row below its parent; at the top those that have none, then those whose parent has ended, or
 * that form a circle. Rows keep their order. */
static void place_all(struct arena *a, const struct department *rows, int n, struct department *out)
{
	struct branch *branches = arena_array(a, (size_t)n, sizeof(*branches)), *by_id = NULL;
	struct branch *tops = NULL, *orphans = NULL;
	for (int i = 0; i < n; i++) {
		branches[i].row = &rows[i];
		HASH_ADD(hh, by_id, row->id, sizeof(rows->id), &branches[i]);
	}
	for (int i = n - 1; i >= 0; i--) { /* from the last: each goes to the front of its list */
		struct branch *above = NULL;
		if (rows[i].parent)
			HASH_FIND(hh, by_id, &rows[i].parent, sizeof(rows->id), above);
		struct branch **list = above ? &above->child : rows[i].parent ? &orphans : &tops;
		branches[i].next = *list;
		*list = &branches[i];
	}
	HASH_CLEAR(hh, by_id);
	int at = place(tops, 0, out, 0);
	at = place(orphans, 0, out, at);
	for (int i = 0; at < n && i < n; i++)
		at = place(&branches[i], 0, out, at);
}

static int read_tree(
    struct db *db, struct arena *a, const char *on, struct department **out, struct err *err)
{
	struct department *all = NULL;
	int n = 0, cap = 0;
	struct rows *r = db_query(db, err, SQL(DEPARTMENT_ALL), "");
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		struct department d;
		fill(r, a, &d);
		if (on && (strcmp(d.from, on) > 0 || strcmp(d.until, on) < 0))
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 64;
			struct department *more = arena_array(a, (size_t)cap, sizeof(*more));
			if (n)
				memcpy(more, all, (size_t)n * sizeof(*more));
			all = more;
		}
		all[n++] = d;
	}
	rows_end(r);
	if (rc < 0)
		return rc;
	*out = arena_array(a, (size_t)n, sizeof(**out));
	place_all(a, all, n, *out);
	return n;
}

struct kept_tree {
	struct department *list;
	int n;
};

int department_tree(
    struct db *db, struct arena *a, const char *on, struct department **out, struct err *err)
{
	static const char kept;
	struct date day = {0};
	int64_t key = on && date_parse(str_from(on), &day) ? date_to_days(day) : -1;
	struct kept_tree *tree = db_recall(db, &kept, key);
	if (!tree) {
		if (db_memo(db))
			a = db_memo(db);
		tree = arena_new_of(a, struct kept_tree);
		tree->n = read_tree(db, a, on, &tree->list, err);
		if (tree->n < 0)
			return tree->n;
		db_remember(db, &kept, key, tree);
	}
	*out = tree->list;
	return tree->n;
}

/* --- changes --- */

static json_t *department_state(const struct department *d)
{
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "code", d->code, "name", d->name,
	    "name_en", d->name_en, "parent", (json_int_t)d->parent, "from", d->from, "until",
	    d->until);
}

static int department_journal(
    struct db *db, const char *actor, const char *verb, int64_t id, struct err *err)
{
	struct arena *a = arena_new();
	struct department d;
	int rc = department_get(db, a, id, &d, err);
	if (rc == 0)
		rc = err_set(err, ERR_MISSING, NULL, "department %lld", (long long)id);
	if (rc > 0) {
		json_t *state = department_state(&d);
		struct journal_change change = {.actor = actor,
		    .verb = verb,
		    .subject = arena_printf(a, "department:%lld", (long long)id),
		    .data = state,
		    .state = state};
		rc = journal_add(db, &change, NULL, err);
		json_decref(state);
	}
	arena_free(a);
	return rc;
}

static int each_department(struct db *db,
    int (*take)(void *arg, const char *subject, json_t *state), void *arg, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(DEPARTMENT_ALL), "");
	int rc = r ? 0 : -(int)ERR_STORE;
	struct arena *a = arena_new();
	while (r && (rc = rows_next(r)) > 0) {
		struct arena_mark mark = arena_mark(a);
		struct department d;
		fill(r, a, &d);
		json_t *state = department_state(&d);
		rc = take(arg, arena_printf(a, "department:%lld", (long long)d.id), state);
		json_decref(state);
		arena_release(a, mark);
		if (rc < 0)
			break;
	}
	arena_free(a);
	rows_end(r);
	return rc;
}

const struct journal_verifier department_verifier = {.kind = "department", .each = each_department};

/* Is `id` above or equal to `from`? Then from's line would become a circle under it. */
static int is_above(struct db *db, int64_t id, int64_t from, struct err *err)
{
	int rc = 0;
	for (int depth = 0; from && depth < 64; depth++) {
		if (from == id)
			return 1;
		rc = db_get_i64(db, err, &from, SQL(DEPARTMENT_ABOVE), "i", from);
		if (rc <= 0)
			return rc;
	}
	return 0;
}

int department_make(struct db *db, const char *actor, const struct department_fields *f,
    int64_t *id, struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	int rc = term_days(&f->term, from, until, err);
	if (rc < 0)
		return rc;
	rc = db_get_i64(db, err, id, SQL(DEPARTMENT_ADD), "tttitt", f->code, f->name,
	    f->name_en ? f->name_en : "", f->parent, from, until);
	if (rc == 0)
		return err_field(
		    err, ERR_CONFLICT, "code", "identity.code_taken", "code %s is taken", f->code);
	return rc < 0 ? rc : department_journal(db, actor, "identity.department_added", *id, err);
}

int department_set(struct db *db, const char *actor, int64_t id, const struct department_fields *f,
    struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	int rc = term_days(&f->term, from, until, err);
	if (rc < 0)
		return rc;
	rc = f->parent ? is_above(db, id, f->parent, err) : 0;
	if (rc > 0)
		return err_field(err, ERR_INPUT, "parent", "identity.parent_circle",
		    "department %lld below itself", (long long)id);
	if (rc < 0)
		return rc;
	int64_t n = db_run(db, err, SQL(DEPARTMENT_SET), "ittitt", id, f->name,
	    f->name_en ? f->name_en : "", f->parent, from, until);
	return n < 0 ? (int)n
	             : department_journal(db, actor, "identity.department_changed", id, err);
}

int department_add(struct db *db, const char *code, const char *name, const char *name_en,
    int64_t parent, int64_t *id, struct err *err)
{
	struct department_fields f = {
	    .code = code, .name = name, .name_en = name_en, .parent = parent};
	return department_make(db, "system", &f, id, err);
}
