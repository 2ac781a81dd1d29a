/* How people were proven to be who they are (身元確認). */
#include "base/time.h"
#include "identity/assurance/assurance.h"

static const char *const proof_columns[] = {
    "#person", "#level", "method", "issuer", "reference", "from", "until", "#created", NULL};
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
		rc = db_get_i64(db, err, &id, ASSURANCE(PROOF_ADD), "iittttti", p->person,
		    (int64_t)p->level, p->method, p->issuer, p->reference, from, until, now_us());
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
