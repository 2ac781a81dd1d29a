/* What a sign-in waits for between two requests: kept here, used once. */
#include "base/time.h"
#include "identity/assurance/assurance.h"

int challenge_make(struct db *db, struct arena *a, const char *kind, int64_t account,
    const char *data, int64_t lifetime_s, char **token, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	int64_t now = now_us();
	*token = random_token(a, 32);
	token_hash(*token, hash);
	/* Expired ones go when new ones come. */
	int rc = db_later(db, err, ASSURANCE(CHALLENGE_EXPIRE), "i", now);
	return rc < 0 ? rc
	              : db_later(db, err, ASSURANCE(CHALLENGE_ADD), "ttitii", hash, kind, account,
	                    data, now, now + lifetime_s * 1000000);
}

int challenge_look(struct db *db, struct arena *a, const char *kind, const char *token,
    int64_t *account, char **data, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	token_hash(token, hash);
	struct rows *r = db_query(db, err, ASSURANCE(CHALLENGE_GET), "tti", hash, kind, now_us());
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0 && account)
		*account = rows_i64(r, 0);
	if (rc > 0 && data)
		*data = rows_dup(r, 1, a);
	rows_end(r);
	return rc;
}

int challenge_take(struct db *db, struct arena *a, const char *kind, const char *token,
    int64_t *account, char **data, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	int rc = challenge_look(db, a, kind, token, account, data, err);
	if (rc <= 0)
		return rc;
	token_hash(token, hash);
	/* Of two requests that bring it at a time one finds it gone. */
	int64_t n = db_run(db, err, ASSURANCE(CHALLENGE_DROP), "t", hash);
	return n < 0 ? (int)n : n > 0;
}
