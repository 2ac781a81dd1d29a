/* How people were proven to be who they are (身元確認). */
#include "base/time.h"
#include "identity/assurance/assurance.h"
#include "identity/basic.h"

static const char *const proof_columns[] = {"#person", "#level", "method", "issuer", "reference",
    "from", "until", "#created", "?data", "#?ended", NULL};
static const struct record_kind proof_kind = {
    "identity-proof", ASSURANCE_PROOF_STATE, ASSURANCE_PROOF_STATES, proof_columns};

static int each_proof(struct db *db, int (*take)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	return record_each(db, &proof_kind, take, arg, err);
}

const struct journal_verifier proof_verifier = {.kind = "identity-proof", .each = each_proof};

int proof_add(struct db *db, const char *actor, const struct proof *p, struct err *err)
{
	char now[DAY_SIZE], from[DAY_SIZE], until[DAY_SIZE];
	int64_t id;
	today(now);
	struct term term = {p->from && p->from[0] ? p->from : now, p->until};
	int rc = term_days(&term, from, until, err);
	if (rc == 0)
		rc = db_get_i64(db, err, &id, ASSURANCE(PROOF_ADD), "iitttttit", p->person,
		    (int64_t)p->level, p->method, p->issuer, p->reference, from, until, now_us(),
		    p->data ? p->data : "");
	return rc < 0
	           ? rc
	           : record_journal(db, actor, "identity.proof_added", &proof_kind, id, NULL, err);
}

int proof_level(struct db *db, int64_t person, struct err *err)
{
	char now[DAY_SIZE];
	int64_t level = 1;
	today(now);
	int rc = db_get_i64(db, err, &level, ASSURANCE(PROOF_LEVEL), "it", person, now);
	return rc < 0 ? rc : (int)level;
}

int proof_list(struct db *db, struct arena *a, int64_t person, struct proof **out, struct err *err)
{
	enum { MOST = 100 }; /* as the statement says */
	struct rows *r = db_query(db, err, ASSURANCE(PROOF_LIST), "i", person);
	int n = 0, rc = r ? 0 : -(int)ERR_STORE;
	*out = arena_array(a, MOST, sizeof(**out));
	while (r && n < MOST && (rc = rows_next(r)) > 0)
		(*out)[n++] = (struct proof){
		    .id = rows_i64(r, 0),
		    .person = rows_i64(r, 1),
		    .level = (int)rows_i64(r, 2),
		    .method = rows_dup(r, 3, a),
		    .issuer = rows_dup(r, 4, a),
		    .reference = rows_dup(r, 5, a),
		    .from = rows_dup(r, 6, a),
		    .until = rows_dup(r, 7, a),
		    .created_us = rows_i64(r, 8),
		    .data = rows_dup(r, 9, a),
		    .ended_us = rows_i64(r, 10),
		};
	rows_end(r);
	return rc < 0 ? rc : n;
}

/* --- what it was of --- */

static bool changed(struct arena *a, const json_t *was, const json_t *is)
{
	static const char *const items[] = {"name", "birthday", "address"};
	for (size_t i = 0; i < COUNT(items); i++) {
		const char *text = basic_text(a, json_object_get(was, items[i]));
		if (text[0] && !basic_same(a, text, basic_text(a, json_object_get(is, items[i]))))
			return true;
	}
	return false;
}

static int end_all(
    struct db *db, struct arena *a, const char *actor, int64_t person, struct err *err)
{
	struct proof *list;
	int n = proof_list(db, a, person, &list, err), rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc == 0; i++) {
		int64_t ended = db_run(db, err, ASSURANCE(PROOF_END), "ii", list[i].id, now_us());
		if (ended != 0)
			rc = ended < 0 ? (int)ended
			               : record_journal(db, actor, "identity.proof_ended",
			                     &proof_kind, list[i].id, NULL, err);
	}
	return rc;
}

int proofs_end_if_changed(
    struct db *db, const char *actor, int64_t person, const json_t *profile, struct err *err)
{
	struct arena *a = arena_new();
	json_t *was;
	int rc = person_profile(db, a, person, &was, err);
	if (rc == 0 && was && changed(a, was, profile))
		rc = end_all(db, a, actor, person, err);
	arena_free(a);
	return rc;
}
