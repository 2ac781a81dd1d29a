/* What people hold and we only know the hash of: links in mails, recovery codes, API tokens; and
 * TOTP secrets, which are kept sealed. */
#include "identity/private.h"

#include <string.h>

#include "base/time.h"

void token_hash(const char *token, char out[TOKEN_HASH_SIZE])
{
	uint8_t hash[HASH_SIZE];
	struct str part = str_from(token ? token : "");
	hash_sha256(&part, 1, hash);
	struct buf b = {.p = out, .cap = TOKEN_HASH_SIZE};
	buf_hex(&b, hash, sizeof(hash));
}

/* --- links in mails, and the step between password and second factor --- */

int once_make(struct db *db, struct arena *a, const char *kind, int64_t account, const char *data,
    int64_t lifetime_s, char **token, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	int64_t now = now_us();
	*token = random_token(a, 32);
	token_hash(*token, hash);
	return db_later(db, err, SQL(ONCE_ADD), "ttitii", hash, kind, account, data, now,
	    now + lifetime_s * 1000000);
}

int once_find(struct db *db, struct arena *a, const char *kind, const char *token, int64_t *account,
    char **data, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	token_hash(token, hash);
	struct rows *r = db_query(db, err, SQL(ONCE_GET), "tti", hash, kind, now_us());
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		*account = rows_i64(r, 0);
		if (data)
			*data = rows_dup(r, 1, a);
	}
	rows_end(r);
	return rc;
}

int once_drop(struct db *db, int64_t account, const char *kind, struct err *err)
{
	return db_later(db, err, SQL(ONCE_DROP), "it", account, kind);
}

int once_drop_all(struct db *db, int64_t account, struct err *err)
{
	static const char *const kinds[] = {"reset", "mail", "second"};
	int rc = 0;
	for (size_t i = 0; i < COUNT(kinds) && rc == 0; i++)
		rc = once_drop(db, account, kinds[i], err);
	return rc;
}

/* --- registrations --- */

int registration_make(
    struct db *db, struct arena *a, const struct registration *r, char **token, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	int64_t now = now_us();
	*token = random_token(a, 32);
	token_hash(*token, hash);
	return db_later(db, err, SQL(REGISTRATION_ADD), "ttttttii", hash, r->mail, r->hash,
	    r->profile, r->lang, r->next, now, now + REGISTRATION_S * INT64_C(1000000));
}

int registration_find(
    struct db *db, struct arena *a, const char *token, struct registration *out, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	token_hash(token, hash);
	struct rows *r = db_query(db, err, SQL(REGISTRATION_GET), "ti", hash, now_us());
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0)
		*out = (struct registration){
		    .mail = rows_dup(r, 0, a),
		    .hash = rows_dup(r, 1, a),
		    .profile = rows_dup(r, 2, a),
		    .lang = rows_dup(r, 3, a),
		    .next = rows_dup(r, 4, a),
		};
	rows_end(r);
	return rc;
}

int registration_drop(struct db *db, const char *token, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	token_hash(token, hash);
	return db_later(db, err, SQL(REGISTRATION_DROP), "t", hash);
}

/* --- recovery codes --- */

/* 50 random bits each; the account is hashed with them, so that one table look-up serves one
 * account only. */
static void recovery_hash(int64_t account, const char *code, char out[TOKEN_HASH_SIZE])
{
	struct buf b = {0};
	buf_printf(&b, "recovery:%lld:%s", (long long)account, code);
	token_hash(b.p, out);
	bytes_wipe(b.p, b.n);
	buf_free(&b);
}

int recovery_make(struct db *db, struct arena *a, int64_t account, json_t **codes, struct err *err)
{
	*codes = json_on_arena(a, json_array());
	int64_t n = db_run(db, err, SQL(RECOVERY_CLEAR), "i", account);
	for (int i = 0; i < RECOVERY_CODES && n >= 0; i++) {
		unsigned char bytes[7];
		char hash[TOKEN_HASH_SIZE];
		random_bytes(bytes, sizeof(bytes));
		char *code = totp_base32(a, bytes, sizeof(bytes), false);
		code[RECOVERY_LENGTH] = '\0'; /* of 12 */
		recovery_hash(account, code, hash);
		n = db_run(db, err, SQL(RECOVERY_ADD), "it", account, hash);
		json_array_append_new(
		    *codes, json_sprintf("%.5s-%.5s", code, code + RECOVERY_LENGTH / 2));
	}
	return n < 0 ? (int)n : 0;
}

/* As typed: any case, with or without its hyphen. */
int recovery_use(
    struct db *db, struct arena *a, int64_t account, const char *typed, struct err *err)
{
	struct buf code;
	buf_init(&code, a);
	for (const char *p = login_fold(a, typed); *p; p++) {
		if (*p == '-')
			continue;
		char c = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
		/* base32 has no 0, 1 and 8: they are misread O, I and B */
		buf_putc(&code, c == '0' ? 'O' : c == '1' ? 'I' : c == '8' ? 'B' : c);
	}
	if (code.n != RECOVERY_LENGTH)
		return 0;
	char hash[TOKEN_HASH_SIZE];
	recovery_hash(account, code.p, hash);
	int64_t n = db_run(db, err, SQL(RECOVERY_USE), "it", account, hash);
	return n < 0 ? (int)n : n > 0;
}

/* --- API tokens --- */

static json_t *token_state(struct rows *r)
{
	return json_pack("{s:I, s:s%, s:s%, s:s%, s:I, s:b}", "account", (json_int_t)rows_i64(r, 1),
	    "name", rows_str(r, 2).p, rows_str(r, 2).n, "hash", rows_str(r, 3).p, rows_str(r, 3).n,
	    "scopes", rows_str(r, 4).p, rows_str(r, 4).n, "expires_us", (json_int_t)rows_i64(r, 5),
	    "revoked", (int)(rows_i64(r, 6) != 0));
}

static int token_journal(
    struct db *db, const char *actor, const char *verb, int64_t id, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(TOKEN_STATE), "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	json_t *state = rc > 0 ? token_state(r) : NULL;
	rows_end(r);
	if (rc > 0) {
		char subject[48];
		(void)snprintf(subject, sizeof(subject), "api-token:%lld", (long long)id);
		struct journal_change change = {
		    .actor = actor, .verb = verb, .subject = subject, .state = state};
		rc = journal_add(db, &change, NULL, err);
	}
	json_decref(state);
	return rc;
}

static int each_token(struct db *db, int (*take)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(TOKEN_STATES), "");
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		char subject[48];
		(void)snprintf(
		    subject, sizeof(subject), "api-token:%lld", (long long)rows_i64(r, 0));
		json_t *state = token_state(r);
		rc = take(arg, subject, state);
		json_decref(state);
		if (rc < 0)
			break;
	}
	rows_end(r);
	return rc;
}

const struct journal_verifier token_verifier = {.kind = "api-token", .each = each_token};

int api_token_make(struct db *db, struct arena *a, const char *actor, int64_t account,
    const char *name, const char *scopes, int64_t lifetime_s, char **token, struct err *err)
{
	char hash[TOKEN_HASH_SIZE];
	int64_t id, now = now_us();
	/* The prefix lets scanners of published code find a leaked token. */
	*token = arena_printf(a, "machi_%s", random_token(a, 32));
	token_hash(*token, hash);
	int rc = db_get_i64(db, err, &id, SQL(TOKEN_ADD), "itttii", account, name, hash, scopes,
	    now, now + lifetime_s * 1000000);
	return rc < 0 ? rc : token_journal(db, actor, "identity.token_added", id, err);
}

int api_token_revoke(struct db *db, const char *actor, int64_t account, int64_t id, struct err *err)
{
	int64_t n = db_run(db, err, SQL(TOKEN_REVOKE), "iii", id, account, now_us());
	if (n <= 0)
		return n < 0 ? (int)n
		             : err_set(err, ERR_MISSING, NULL, "API token %lld", (long long)id);
	return token_journal(db, actor, "identity.token_revoked", id, err);
}

int api_token_revoke_all(struct db *db, const char *actor, int64_t account, struct err *err)
{
	struct arena *a = arena_new();
	int64_t *ids;
	int n = id_list(db_query(db, err, SQL(TOKENS_OF), "i", account), a, &ids),
	    rc = n < 0 ? n : 0;
	for (int i = 0; i < n && rc == 0; i++)
		rc = api_token_revoke(db, actor, account, ids[i], err);
	arena_free(a);
	return rc;
}

bool scope_has(const char *scopes, const char *scope)
{
	struct str rest = str_from(scopes), one;
	while (str_cut(&rest, ' ', &one))
		if (str_is(one, scope))
			return true;
	return false;
}

bool scope_allows(const char *scopes, const char *perm)
{
	return !scopes || scope_has(scopes, perm);
}

/* --- sealing --- */

static struct str seal_context(struct arena *a, int64_t account)
{
	return str_from(arena_printf(a, "account.totp/%lld", (long long)account));
}

int totp_seal(struct db *db, struct arena *a, int64_t account,
    const unsigned char secret[TOTP_SECRET_SIZE], char **out, struct err *err)
{
	struct buf b;
	buf_init(&b, a);
	int rc =
	    vault_seal(db, &totp_protects, (struct str){(const char *)secret, TOTP_SECRET_SIZE},
	        seal_context(a, account), &b, err);
	*out = b.p;
	return rc;
}

int totp_open(struct db *db, struct arena *a, int64_t account, const char *sealed,
    unsigned char secret[TOTP_SECRET_SIZE], struct err *err)
{
	struct secret_bytes *plain;
	int rc =
	    vault_open(db, &totp_protects, str_from(sealed), seal_context(a, account), &plain, err);
	if (rc == 0 && secret_size(plain) != TOTP_SECRET_SIZE)
		rc = err_set(err, ERR_STORE, NULL, "account %lld: a second factor of %zu bytes",
		    (long long)account, secret_size(plain));
	if (rc == 0)
		memcpy(secret, secret_at(plain), TOTP_SECRET_SIZE);
	secret_free(plain);
	return rc;
}

/* The next accounts, of which few have a second factor. */
static int totp_next(struct vault_pass *p, struct err *err)
{
	struct totp_row {
		int64_t id;
		char *text[2]; /* proven, pending */
	} *rows = arena_array(p->arena, (size_t)p->limit, sizeof(*rows));
	struct rows *r = db_query(p->db, err, SQL(TOTP_AFTER), "ii", p->after, (int64_t)p->limit);
	int n = 0, rc = r ? 0 : -(int)ERR_STORE;
	while (r && n < p->limit && (rc = rows_next(r)) > 0)
		rows[n++] = (struct totp_row){
		    rows_i64(r, 0), {rows_dup(r, 1, p->arena), rows_dup(r, 2, p->arena)}};
	rows_end(r);
	p->end = n < p->limit;
	for (int i = 0; i < n && rc >= 0; i++) {
		struct str context = seal_context(p->arena, rows[i].id);
		int changed = 0;
		p->last = rows[i].id;
		for (int k = 0; k < 2 && rc >= 0; k++) {
			const char *fresh;
			if (!rows[i].text[k])
				continue;
			rc = vault_again(p, str_from(rows[i].text[k]), context, &fresh, err);
			if (rc > 0)
				rows[i].text[k] = arena_strdup(p->arena, fresh);
			changed |= rc > 0;
		}
		if (changed && rc >= 0)
			rc = account_resealed(
			    p->db, rows[i].id, rows[i].text[0], rows[i].text[1], err);
	}
	return rc < 0 ? rc : 0;
}

const struct protects totp_protects = {
    .name = "account.totp",
    .where = "account.totp_secret, account.totp_pending",
    .what = "identity.key.totp",
    .former = "identity.key",
    .next = totp_next,
    .top = SQL(ACCOUNT_TOP),
};

/* Of a card only this is kept: it is made anew by nobody but the card. */
const struct protects card_protects = {
    .name = "identifier.card",
    .where = "identifier.subject",
    .what = "identity.key.card",
    .index = true,
    .former = "identity.key",
};

int identity_blind(struct db *db, struct arena *a, const char *context, struct str value,
    char **out, struct err *err)
{
	return vault_index(db, &card_protects,
	    str_from(arena_printf(a, "%s/%.*s", context, STR_ARG(value))), a, out, err);
}
