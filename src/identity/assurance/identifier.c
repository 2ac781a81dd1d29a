/* Names that outside issuers know an account by: cards, accounts at OpenID providers. */
#include "base/time.h"
#include "identity/assurance/assurance.h"

static const char *const identifier_columns[] = {"#account", "kind", "issuer", "subject", "state",
    "data", "valid_from", "valid_until", "#created", NULL};
static const struct record_kind identifier_kind = {
    "identifier", ASSURANCE_IDENTIFIER_STATE, ASSURANCE_IDENTIFIER_STATES, identifier_columns};

static int each_identifier(struct db *db,
    int (*take)(void *arg, const char *subject, json_t *state), void *arg, struct err *err)
{
	return record_each(db, &identifier_kind, take, arg, err);
}

const struct journal_verifier identifier_verifier = {.kind = "identifier", .each = each_identifier};

static struct identifier of_row(struct rows *r, struct arena *a)
{
	return (struct identifier){
	    .id = rows_i64(r, 0),
	    .account = rows_i64(r, 1),
	    .kind = rows_dup(r, 2, a),
	    .issuer = rows_dup(r, 3, a),
	    .subject = rows_dup(r, 4, a),
	    .state = rows_dup(r, 5, a),
	    .data = rows_dup(r, 6, a),
	    .valid_from = rows_dup(r, 7, a),
	    .valid_until = rows_dup(r, 8, a),
	    .created_us = rows_i64(r, 9),
	    .used_us = rows_i64(r, 10),
	};
}

int identifier_find(struct db *db, struct arena *a, const char *kind, const char *issuer,
    const char *subject, struct identifier *out, struct err *err)
{
	struct rows *r =
	    db_query(db, err, ASSURANCE(IDENTIFIER_FIND), "ttt", kind, issuer, subject);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0)
		*out = of_row(r, a);
	rows_end(r);
	return rc;
}

int identifier_list(struct db *db, struct arena *a, int64_t account, const char *kind,
    struct identifier **out, struct err *err)
{
	enum { MOST = 100 }; /* as the statement says */
	struct rows *r =
	    db_query(db, err, ASSURANCE(IDENTIFIER_LIST), "it", account, kind ? kind : "");
	int n = 0, rc = r ? 0 : -(int)ERR_STORE;
	*out = arena_array(a, MOST, sizeof(**out));
	while (r && n < MOST && (rc = rows_next(r)) > 0)
		(*out)[n++] = of_row(r, a);
	rows_end(r);
	return rc < 0 ? rc : n;
}

int identifier_link(
    struct db *db, const char *actor, const struct identifier *i, int64_t *id, struct err *err)
{
	char from[DAY_SIZE], until[DAY_SIZE];
	struct term term = {i->valid_from, i->valid_until};
	int rc = term_days(&term, from, until, err);
	if (rc < 0)
		return rc;
	rc = db_get_i64(db, err, id, ASSURANCE(IDENTIFIER_ADD), "itttttti", i->account, i->kind,
	    i->issuer, i->subject, from, until, i->data ? i->data : "{}", now_us());
	if (rc == 0)
		return err_set(err, ERR_CONFLICT, "identity.identifier.taken",
		    "this %s is linked already", i->kind);
	return rc < 0 ? rc
	              : record_journal(db, actor, "identity.identifier_linked", &identifier_kind,
	                    *id, NULL, err);
}

static int end(struct db *db, const char *actor, int64_t account, int64_t id, const char *state,
    const char *verb, struct err *err)
{
	int64_t n = db_run(db, err, ASSURANCE(IDENTIFIER_END), "iit", id, account, state);
	if (n == 0)
		return err_set(err, ERR_MISSING, NULL, "identifier %lld", (long long)id);
	return n < 0 ? (int)n : record_journal(db, actor, verb, &identifier_kind, id, NULL, err);
}

int identifier_replace(struct db *db, const char *actor, int64_t old, const struct identifier *i,
    int64_t *id, struct err *err)
{
	int rc = end(db, actor, i->account, old, "replaced", "identity.identifier_replaced", err);
	return rc < 0 ? rc : identifier_link(db, actor, i, id, err);
}

int identifier_end(struct db *db, const char *actor, int64_t account, int64_t id, const char *state,
    struct err *err)
{
	return end(db, actor, account, id, state,
	    text_eq(state, "revoked") ? "identity.identifier_revoked"
	                              : "identity.identifier_removed",
	    err);
}

int identifier_used(struct db *db, int64_t id, int64_t now, struct err *err)
{
	return db_later(db, err, ASSURANCE(IDENTIFIER_USED), "ii", id, now);
}
