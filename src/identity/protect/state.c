/* The state of a protection, for the journal and machi verify. The journal keeps a salted hash of
 * it only: names do not get there. */
#include <string.h>

#include "identity/protect/private.h"

/* The columns of each row as a list: texts, or numbers where `number` has the column's bit. */
static int lists(struct rows *r, int first, int columns, unsigned number, json_t *out)
{
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		json_t *row = json_array();
		for (int c = first; c < columns; c++) {
			struct str s = number >> c & 1 ? (struct str){0} : rows_str(r, c);
			json_array_append_new(row, number >> c & 1 ? json_integer(rows_i64(r, c))
			                                           : json_stringn(s.p, s.n));
		}
		json_array_append_new(out, row);
	}
	rows_end(r);
	return rc;
}

int block_state(struct db *db, int64_t block, json_t **out, struct err *err)
{
	const struct {
		const char *name;
		const struct sql *sql;
		int first, columns;
		unsigned number;
	} parts[] = {
	    {"record", PSQL(GET), 1, 12, 0},
	    {"subjects", PSQL(SUBJECTS), 1, 5, 1u << 1},
	    {"parties", PSQL(PARTIES), 1, 3, 0},
	    {"staff", PSQL(STAFF_LIST), 0, 1, 1u << 0},
	};
	int rc = 0;
	*out = json_object();
	for (size_t i = 0; i < COUNT(parts) && rc >= 0; i++) {
		json_t *rows = json_array();
		json_object_set_new(*out, parts[i].name, rows);
		rc = lists(db_query(db, err, parts[i].sql, "i", block), parts[i].first,
		    parts[i].columns, parts[i].number, rows);
	}
	if (rc < 0) {
		json_decref(*out);
		*out = NULL;
	}
	return rc < 0 ? rc : 0;
}

static int each_block(struct db *db, int (*take)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	struct arena *a = arena_new();
	int64_t *blocks;
	int n = id_list(db_query(db, err, PSQL(IDS), ""), a, &blocks), rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc >= 0; i++) {
		char subject[48];
		json_t *state;
		(void)snprintf(subject, sizeof(subject), "block:%lld", (long long)blocks[i]);
		rc = block_state(db, blocks[i], &state, err);
		if (rc == 0)
			rc = take(arg, subject, state);
		json_decref(state);
	}
	arena_free(a);
	return rc;
}

const struct journal_verifier block_verifier = {.kind = "block", .each = each_block};
