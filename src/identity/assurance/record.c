/* Rows whose state stands in the journal, and is recomputed by machi verify. */
#include "identity/assurance/assurance.h"

static void subject_of(const struct record_kind *kind, int64_t id, char out[64])
{
	(void)snprintf(out, 64, "%s:%lld", kind->kind, (long long)id);
}

static json_t *state_of(const struct record_kind *kind, struct rows *r)
{
	json_t *state = json_object();
	for (int i = 0; kind->columns[i]; i++) {
		const char *name = kind->columns[i];
		bool number = name[0] == '#';
		name += number;
		struct str s = number ? (struct str){0} : rows_str(r, i + 1);
		int64_t n = number ? rows_i64(r, i + 1) : 0;
		if (name[0] == '?' && s.n == 0 && n == 0)
			continue; /* a later column: entries of before do not have it */
		name += name[0] == '?';
		json_object_set_new(state, name, number ? json_integer(n) : json_stringn(s.p, s.n));
	}
	return state;
}

int record_journal(struct db *db, const char *actor, const char *verb,
    const struct record_kind *kind, int64_t id, json_t *data, struct err *err)
{
	struct rows *r = db_query(db, err, &assurance_sql[kind->one], "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	json_t *state = rc > 0 ? state_of(kind, r) : NULL;
	rows_end(r);
	char subject[64];
	subject_of(kind, id, subject);
	if (rc == 0)
		return err_set(err, ERR_MISSING, NULL, "%s is not there", subject);
	struct journal_change change = {
	    .actor = actor, .verb = verb, .subject = subject, .data = data, .state = state};
	if (rc > 0)
		rc = journal_add(db, &change, NULL, err);
	json_decref(state);
	return rc;
}

int record_each(struct db *db, const struct record_kind *kind,
    int (*take)(void *arg, const char *subject, json_t *state), void *arg, struct err *err)
{
	struct rows *r = db_query(db, err, &assurance_sql[kind->all], "");
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		char subject[64];
		subject_of(kind, rows_i64(r, 0), subject);
		json_t *state = state_of(kind, r);
		rc = take(arg, subject, state);
		json_decref(state);
		if (rc < 0)
			break;
	}
	rows_end(r);
	return rc;
}
