/* Accounts and people: every change with its journal entry. */
#include "identity/assurance/assurance.h"

#include <string.h>

#include "base/time.h"

bool account_is_staff(const struct account *account)
{
	return text_eq(account->kind, "staff");
}

bool account_has_second(const struct account *account)
{
	return account->totp || account->has_passkey;
}

char *account_actor(struct arena *a, const struct account *account)
{
	bool staff = account_is_staff(account);
	return arena_printf(a, "%s:%lld", staff ? "staff" : "resident",
	    (long long)(staff ? account->staff : account->id));
}

bool account_is_active(const struct account *account)
{
	return text_eq(account->state, "active");
}

static int account_row(struct rows *r, struct arena *a, struct account *out)
{
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0)
		*out = (struct account){
		    .id = rows_i64(r, 0),
		    .kind = rows_dup(r, 1, a),
		    .login = rows_dup(r, 2, a),
		    .mail = rows_dup(r, 3, a),
		    .hash = rows_dup(r, 4, a),
		    .totp = rows_dup(r, 5, a),
		    .pending = rows_dup(r, 6, a),
		    .totp_step = rows_i64(r, 7),
		    .state = rows_dup(r, 8, a),
		    .lang = rows_dup(r, 9, a),
		    .created_us = rows_i64(r, 10),
		    .signed_in_us = rows_i64(r, 11),
		    .password_us = rows_i64(r, 12),
		    .person = rows_i64(r, 13),
		    .staff = rows_i64(r, 14),
		    .name = rows_dup(r, 15, a),
		    .has_passkey = rows_i64(r, 16) != 0,
		};
	rows_end(r);
	return rc;
}

int account_get(struct db *db, struct arena *a, int64_t id, struct account *out, struct err *err)
{
	return account_row(db_query(db, err, SQL(ACCOUNT_BY_ID), "i", id), a, out);
}

int account_find(struct db *db, struct arena *a, const char *kind, const char *login,
    struct account *out, struct err *err)
{
	return account_row(
	    db_query(db, err, SQL(ACCOUNT_BY_LOGIN), "tt", kind, login_fold(a, login)), a, out);
}

/* --- journalled state --- */

static json_t *text_or_null(struct str s)
{
	return s.p ? json_stringn(s.p, s.n) : json_null();
}

static json_t *account_state(struct rows *r)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kind",
	    text_or_null(rows_str(r, 1)), "login", text_or_null(rows_str(r, 2)), "mail",
	    text_or_null(rows_str(r, 3)), "password", text_or_null(rows_str(r, 4)), "totp",
	    text_or_null(rows_str(r, 5)), "state", text_or_null(rows_str(r, 6)), "lang",
	    text_or_null(rows_str(r, 7)));
}

static json_t *person_state(struct rows *r)
{
	struct str profile = rows_str(r, 2);
	json_t *j = json_loadb(profile.p ? profile.p : "", profile.n, 0, NULL);
	/* A profile that is no JSON any more was not written by this program: it must not verify.
	 */
	return json_pack("{s:I, s:o, s:o, s:o}", "account", (json_int_t)rows_i64(r, 1), "profile",
	    j ? j : json_string("?"), "mail", text_or_null(rows_str(r, 3)), "lang",
	    text_or_null(rows_str(r, 4)));
}

static int journal_with(struct db *db, const char *actor, const char *verb, const char *kind,
    int64_t id, json_t *data, json_t *state, struct err *err)
{
	char subject[48];
	(void)snprintf(subject, sizeof(subject), "%s:%lld", kind, (long long)id);
	struct journal_change change = {
	    .actor = actor, .verb = verb, .subject = subject, .data = data, .state = state};
	return journal_add(db, &change, NULL, err);
}

/* One row's state by the statement, journalled. */
static int journal_row(struct db *db, const char *actor, const char *verb, const char *kind,
    int64_t id, json_t *data, const struct sql *sql, json_t *(*state_of)(struct rows *),
    struct err *err)
{
	struct rows *r = db_query(db, err, sql, "i", id);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	json_t *state = rc > 0 ? state_of(r) : NULL;
	rows_end(r);
	if (rc == 0)
		return err_set(err, ERR_MISSING, NULL, "%s %lld is not there", kind, (long long)id);
	if (rc > 0)
		rc = journal_with(db, actor, verb, kind, id, data, state, err);
	json_decref(state);
	return rc;
}

int account_journal(
    struct db *db, const char *actor, const char *verb, int64_t id, json_t *data, struct err *err)
{
	return journal_row(
	    db, actor, verb, "account", id, data, SQL(ACCOUNT_STATE), account_state, err);
}

static int person_journal(
    struct db *db, const char *actor, const char *verb, int64_t id, json_t *data, struct err *err)
{
	return journal_row(db, actor, verb, "person", id, data, SQL(PERSON_ROW), person_state, err);
}

/* The verifiers: the same states, row by row. */
static int each_state(struct db *db, const struct sql *sql, const char *kind,
    json_t *(*state_of)(struct rows *), int (*take)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	struct rows *r = db_query(db, err, sql, "");
	int rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		char subject[48];
		(void)snprintf(
		    subject, sizeof(subject), "%s:%lld", kind, (long long)rows_i64(r, 0));
		json_t *state = state_of(r);
		rc = take(arg, subject, state);
		json_decref(state);
		if (rc < 0)
			break;
	}
	rows_end(r);
	return rc;
}

static int each_account(struct db *db, int (*take)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	return each_state(db, SQL(ACCOUNT_STATES), "account", account_state, take, arg, err);
}

static int each_person(struct db *db, int (*take)(void *arg, const char *subject, json_t *state),
    void *arg, struct err *err)
{
	return each_state(db, SQL(PERSON_STATES), "person", person_state, take, arg, err);
}

const struct journal_verifier account_verifier = {.kind = "account", .each = each_account};
const struct journal_verifier person_verifier = {.kind = "person", .each = each_person};

/* --- accounts --- */

static int account_make(struct db *db, const char *actor, const char *kind, const char *login,
    const char *mail, const char *hash, const char *lang, int64_t *id, struct err *err)
{
	struct arena *a = arena_new();
	int64_t now = now_us();
	int rc =
	    db_get_i64(db, err, id, SQL(ACCOUNT_ADD), "tttttiti", kind, login, login_fold(a, login),
	        mail, hash, hash ? now : INT64_C(0), text_eq(lang, "en") ? "en" : "ja", now);
	arena_free(a);
	if (rc == 0)
		return err_field(
		    err, ERR_CONFLICT, "login", "identity.login_taken", "%s login is taken", kind);
	if (rc < 0)
		return rc;
	json_t *data = json_pack("{s:s}", "kind", kind);
	rc = account_journal(db, actor, "identity.account_added", *id, data, err);
	json_decref(data);
	return rc;
}

int account_set_password(
    struct db *db, const char *actor, int64_t id, const char *hash, struct err *err)
{
	int64_t n = db_run(db, err, SQL(ACCOUNT_SET_PASSWORD), "iti", id, hash, now_us());
	return n < 0 ? (int)n
	             : account_journal(db, actor, "identity.password_changed", id, NULL, err);
}

int account_set_state(
    struct db *db, const char *actor, int64_t id, const char *state, struct err *err)
{
	int64_t n = db_run(db, err, SQL(ACCOUNT_SET_STATE), "it", id, state);
	if (n == 0)
		return err_set(err, ERR_CONFLICT, "identity.account_closed",
		    "account %lld is closed", (long long)id);
	if (n < 0)
		return (int)n;
	return account_journal(db, actor,
	    text_eq(state, "locked") ? "identity.account_locked" : "identity.account_unlocked", id,
	    NULL, err);
}

int account_set_login(struct db *db, const char *actor, int64_t id, const char *login,
    const char *mail, struct err *err)
{
	struct arena *a = arena_new();
	int64_t n =
	    db_run(db, err, SQL(ACCOUNT_SET_LOGIN), "ittt", id, login, login_fold(a, login), mail);
	arena_free(a);
	if (n == 0)
		return err_field(
		    err, ERR_CONFLICT, "login", "identity.login_taken", "login is taken");
	return n < 0 ? (int)n : account_journal(db, actor, "identity.login_changed", id, NULL, err);
}

int account_set_mail(
    struct db *db, const char *actor, int64_t id, const char *mail, struct err *err)
{
	int64_t n = db_run(db, err, SQL(ACCOUNT_SET_MAIL), "it", id, mail);
	return n < 0 ? (int)n : account_journal(db, actor, "identity.mail_changed", id, NULL, err);
}

int account_set_lang(
    struct db *db, const char *actor, int64_t id, const char *lang, struct err *err)
{
	int64_t n =
	    db_run(db, err, SQL(ACCOUNT_SET_LANG), "it", id, text_eq(lang, "en") ? "en" : "ja");
	return n < 0 ? (int)n : account_journal(db, actor, "identity.lang_changed", id, NULL, err);
}

int account_set_totp(
    struct db *db, const char *actor, int64_t id, const char *sealed, int64_t step, struct err *err)
{
	int64_t n = db_run(db, err, SQL(ACCOUNT_SET_TOTP), "iti", id, sealed, step);
	return n < 0 ? (int)n
	             : account_journal(db, actor,
	                   sealed ? "identity.totp_added" : "identity.totp_removed", id, NULL, err);
}

int account_resealed(
    struct db *db, int64_t id, const char *totp, const char *pending, struct err *err)
{
	int rc = db_later(db, err, SQL(TOTP_RESEAL), "itt", id, totp, pending);
	return rc < 0 ? rc : account_journal(db, "system", "identity.totp_resealed", id, NULL, err);
}

int account_close(struct db *db, const char *actor, int64_t id, struct err *err)
{
	char login[32];
	/* A colon never passes the checks of a login or mail address. */
	(void)snprintf(login, sizeof(login), "closed:%lld", (long long)id);
	int64_t n = db_run(db, err, SQL(ACCOUNT_CLOSE), "it", id, login);
	return n < 0 ? (int)n
	             : account_journal(db, actor, "identity.account_closed", id, NULL, err);
}

/* --- people --- */

/* The key columns that go with a profile. */
struct person_keys {
	const char *json, *name, *name_key, *kana_key, *birthday, *mail;
};

static const char *profile_text(json_t *profile, const char *a, const char *b)
{
	json_t *j = json_object_get(profile, a);
	const char *text = json_string_value(b ? json_object_get(j, b) : j);
	return text ? text : "";
}

static char *joined(struct arena *a, json_t *profile, const char *key)
{
	const char *family = profile_text(profile, key, "family");
	const char *given = profile_text(profile, key, "given");
	return arena_printf(a, "%s%s%s", family, family[0] && given[0] ? " " : "", given);
}

static void free_text(void *p)
{
	free(p);
}

static struct person_keys person_keys(struct arena *a, json_t *profile)
{
	char *json = json_dumps(profile, JSON_COMPACT | JSON_SORT_KEYS);
	if (!json)
		abort(); /* profiles are made here, of valid UTF-8 */
	arena_cleanup(a, free_text, json);
	const char *mail = profile_text(profile, "email", NULL);
	return (struct person_keys){
	    .json = json,
	    .name = joined(a, profile, "name"),
	    .name_key = name_fold(a, joined(a, profile, "name")),
	    .kana_key = name_fold(a, joined(a, profile, "furigana")),
	    .birthday = profile_text(profile, "birthday", NULL),
	    .mail = mail[0] ? mail : NULL,
	};
}

static int person_make(struct db *db, const char *actor, int64_t account, json_t *profile,
    const char *lang, int64_t *id, struct err *err)
{
	struct arena *a = arena_new();
	struct person_keys k = person_keys(a, profile);
	int rc = db_get_i64(db, err, id, SQL(PERSON_ADD), "ittttttti", account, k.json, k.name,
	    k.name_key, k.kana_key, k.birthday, k.mail, text_eq(lang, "en") ? "en" : "ja",
	    now_us());
	if (rc > 0)
		rc = person_journal(db, actor, "identity.person_added", *id, profile, err);
	arena_free(a);
	return rc;
}

int person_set(struct db *db, const char *actor, int64_t person, json_t *profile, const char *lang,
    struct err *err)
{
	int rc = proofs_end_if_changed(db, actor, person, profile, err);
	if (rc < 0)
		return rc;
	struct arena *a = arena_new();
	struct person_keys k = person_keys(a, profile);
	int64_t n = db_run(db, err, SQL(PERSON_SET), "isssssss", person, str_from(k.json),
	    str_from(k.name), str_from(k.name_key), str_from(k.kana_key), str_from(k.birthday),
	    str_from(k.mail), str_from(text_eq(lang, "en") ? "en" : "ja"));
	rc = n < 0 ? (int)n
	           : person_journal(db, actor, "identity.person_changed", person, profile, err);
	arena_free(a);
	return rc;
}

int resident_make(struct db *db, const char *actor, const char *mail, const char *hash,
    json_t *profile, const char *lang, int64_t *account, int64_t *person, struct err *err)
{
	int rc = account_make(db, actor, "resident", mail, mail, hash, lang, account, err);
	if (rc < 0)
		return rc;
	json_t *own = profile ? json_deep_copy(profile) : json_object();
	if (!json_object_get(own, "email"))
		json_object_set_new(own, "email", json_string(mail));
	rc = person_make(db, actor, *account, own, lang, person, err);
	json_decref(own);
	return rc;
}

int resident_add(struct db *db, const char *mail, const char *hash, json_t *profile,
    const char *lang, int64_t *account, int64_t *person, struct err *err)
{
	return resident_make(db, "system", mail, hash, profile, lang, account, person, err);
}

int person_profile(struct db *db, struct arena *a, int64_t person, json_t **out, struct err *err)
{
	*out = NULL;
	struct rows *r = db_query(db, err, SQL(PERSON_ROW), "i", person);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		struct str text = rows_str(r, 2);
		*out = json_on_arena(a, json_loadb(text.p ? text.p : "", text.n, 0, NULL));
		rc = 0;
		if (!*out)
			rc = err_set(err, ERR_STORE, NULL, "person %lld: profile is no JSON",
			    (long long)person);
	}
	rows_end(r);
	return rc;
}

int person_mail(
    struct db *db, struct arena *a, int64_t person, char **mail, char **lang, struct err *err)
{
	struct rows *r = db_query(db, err, SQL(PERSON_ROW), "i", person);
	int rc = r ? rows_next(r) : -(int)ERR_STORE;
	if (rc > 0) {
		*mail = rows_dup(r, 3, a);
		*lang = rows_dup(r, 4, a);
	}
	rows_end(r);
	if (rc == 0)
		return err_set(err, ERR_MISSING, NULL, "person %lld", (long long)person);
	return rc < 0 ? rc : 0;
}

/* --- staff accounts --- */

int staff_make(struct db *db, const char *actor, const struct staff_fields *f, int64_t *account,
    int64_t *staff, struct err *err)
{
	int rc =
	    account_make(db, actor, "staff", f->login, f->mail, f->hash, f->lang, account, err);
	if (rc < 0)
		return rc;
	struct arena *a = arena_new();
	rc = db_get_i64(db, err, staff, SQL(STAFF_ADD), "ittti", *account, f->name,
	    name_fold(a, f->name), f->kana ? f->kana : "", now_us());
	arena_free(a);
	return rc < 0 ? rc : staff_journal(db, actor, "identity.staff_added", *staff, NULL, err);
}

int staff_add(struct db *db, const char *login, const char *hash, const char *name,
    int64_t *account, int64_t *staff, struct err *err)
{
	struct staff_fields f = {.login = login, .name = name, .hash = hash};
	return staff_make(db, "system", &f, account, staff, err);
}
