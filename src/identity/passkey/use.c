/* Using a passkey: to sign in, and to raise a session. One passkey is two factors, since it asks
 * for a finger, face or PIN before it signs: level 2. (Level 3 would need proof of what it is made
 * of, attestation, which we do not ask for: it would tell cities what telephones people have.) */
#include "identity/passkey/passkey.h"

#include <string.h>

#include "base/i18n.h"

static const struct sign_in_how how = {"passkey", 2};
enum { CHALLENGE_S = 5 * 60, TIMEOUT_MS = 5 * 60 * 1000 };

bool passkey_offered(const struct city *city)
{
	/* Browsers have them for safe origins only, and never for a bare address, but for tests. */
	static const char *const safe[] = {"https://", "http://localhost", "http://127.0.0.1"};
	for (size_t i = 0; i < COUNT(safe); i++)
		if (strncmp(city->base_url, safe[i], strlen(safe[i])) == 0)
			return true;
	return false;
}

int passkey_state(struct request *rq, struct db *db, const struct account *account,
    const char **text, struct err *err)
{
	int64_t n;
	int rc = credential_count(db, account->id, "passkey", &n, err);
	if (rc == 0 && n > 0)
		*text = i18n_format(rq->city->i18n, rq->arena, rq->lang, "identity.passkey.count",
		    json_on_arena(rq->arena, json_pack("{s:I}", "n", (json_int_t)n)));
	return rc < 0 ? rc : n > 0;
}

struct str passkey_bytes(struct request *rq, const char *name)
{
	const char *text = rq_form(rq, name);
	char *bytes = arena_alloc(rq->arena, WEBAUTHN_PART_MAX);
	size_t n = 0;
	if (!text || !base64url_decode(str_from(text), bytes, WEBAUTHN_PART_MAX, &n) || n == 0)
		return (struct str){0};
	return (struct str){bytes, n};
}

int passkey_challenge(struct request *rq, struct db *db, const char *type, struct str client_data,
    int64_t *account, struct err *err)
{
	struct webauthn_site site = webauthn_site_of(rq->arena, rq->city->base_url);
	const char *challenge;
	if (!webauthn_client(rq->arena, &site, type, client_data, &challenge))
		return 0;
	return challenge_take(db, rq->arena, type, challenge, account, NULL, err);
}

/* --- what the browser is asked --- */

static json_t *described(struct credential *list, int n)
{
	json_t *out = json_array();
	for (int i = 0; i < n; i++)
		if (text_eq(list[i].state, "active"))
			json_array_append_new(out,
			    json_pack("{s:s, s:s}", "type", "public-key", "id", list[i].handle));
	return out;
}

static int get_write(struct request *rq, struct db *db, struct err *err)
{
	struct webauthn_site site = webauthn_site_of(rq->arena, rq->city->base_url);
	struct credential *list = NULL;
	char *challenge;
	int64_t account = rq->actor.account;
	int n = account ? credential_list(db, rq->arena, account, "passkey", &list, err) : 0;
	int rc = n < 0 ? n
	               : challenge_make(db, rq->arena, "webauthn.get", account, NULL, CHALLENGE_S,
	                     &challenge, err);
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "publicKey",
	    json_pack("{s:s, s:s, s:i, s:s, s:o}", "challenge", challenge, "rpId", site.rp,
	        "timeout", TIMEOUT_MS, "userVerification", "required", "allowCredentials",
	        described(list, n)));
	return 0;
}

int get_options(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, get_write);
}

static int create_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	const struct account *account = &o->account;
	struct webauthn_site site = webauthn_site_of(rq->arena, rq->city->base_url);
	struct credential *list;
	char *challenge;
	int n = credential_list(db, rq->arena, account->id, "passkey", &list, err);
	int rc = n < 0 ? n
	               : challenge_make(db, rq->arena, "webauthn.create", account->id, NULL,
	                     CHALLENGE_S, &challenge, err);
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "publicKey",
	    json_pack(
	        "{s:{s:s, s:s}, s:{s:s, s:s, s:s}, s:s, s:[{s:s, s:i}, {s:s, s:i}, {s:s, s:i}], "
	        "s:i, s:o, s:{s:s, s:b, s:s}, s:s}",
	        "rp", "id", site.rp, "name", city_name(rq->city, rq->lang), "user", "id",
	        passkey_user(rq, account->id), "name", account->login, "displayName", account->name,
	        "challenge", challenge, "pubKeyCredParams", "type", "public-key", "alg", -7, "type",
	        "public-key", "alg", -8, "type", "public-key", "alg", -257, "timeout", TIMEOUT_MS,
	        "excludeCredentials", described(list, n), "authenticatorSelection", "residentKey",
	        "required", "requireResidentKey", 1, "userVerification", "required", "attestation",
	        "none"));
	return 0;
}

/* The password is asked for here, not when the new key comes back: a wrong one must not leave a key
 * behind in somebody's telephone. The challenge is the proof that it was right. */
int create_options(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	o->write = create_write;
	return with_fresh(rq, o);
}

/* --- using one --- */

static int refused(struct request *rq, struct db *db, const struct account *account,
    const char *why, struct err *err)
{
	rq_problem(rq, "passkey", why, NULL);
	return sign_in_log(rq, db, account, how.method, "refused", err);
}

/* The key signed with a count that it had passed before: there are two of them. */
static int cloned(struct request *rq, struct db *db, const struct account *account,
    const struct passkey *p, struct err *err)
{
	int rc = credential_end(db, "system", account->id, p->row.id, "blocked", err);
	if (rc == 0)
		rc = account_mail(rq, db, account, "identity/passkey-cloned",
		    json_pack("{s:s, s:I, s:s}", "passkey", p->row.name, "at",
		        (json_int_t)rq->now_us, "address", rq->address ? rq->address : ""),
		    err);
	return rc < 0 ? rc : refused(rq, db, account, "identity.passkey.cloned", err);
}

/* Who signed. 1; 0: nobody that counts, which is noted and logged; <0. */
static int who_signed(struct request *rq, struct db *db, struct account *account, struct err *err)
{
	struct webauthn_site site = webauthn_site_of(rq->arena, rq->city->base_url);
	struct str client_data = passkey_bytes(rq, "client_data");
	struct passkey p;
	int64_t asked = 0, counter;
	if (!client_data.n) {
		rq_problem(rq, "passkey", "identity.passkey.no_script", NULL);
		return 0;
	}
	int rc = passkey_challenge(rq, db, "webauthn.get", client_data, &asked, err);
	if (rc == 0)
		rc = refused(rq, db, NULL, "identity.passkey.late", err);
	else if (rc > 0 &&
	         (rc = passkey_find(db, rq->arena, passkey_bytes(rq, "id"), &p, err)) == 0)
		rc = refused(rq, db, NULL, "identity.passkey.unknown", err);
	if (rc <= 0 || rq_has_problems(rq))
		return rc;
	rc = account_get(db, rq->arena, p.row.account, account, err);
	if (rc <= 0)
		return rc;
	const char *handle = rq_form(rq, "user_handle");
	if ((asked && asked != account->id) ||
	    (handle && handle[0] && !text_eq(handle, passkey_user(rq, account->id))))
		return refused(rq, db, account, "identity.passkey.other", err);
	if (!webauthn_signed(&site, &p.key, client_data, passkey_bytes(rq, "authenticator_data"),
	        passkey_bytes(rq, "signature"), &counter))
		return refused(rq, db, account, "identity.passkey.wrong", err);
	if (!text_eq(p.row.state, "active"))
		return refused(rq, db, account, "identity.passkey.blocked", err);
	if (!account_is_active(account)) {
		rq_problem(rq, "passkey", "identity.login.locked", NULL);
		return sign_in_log(rq, db, account, how.method, "state", err);
	}
	rc = credential_used(db, p.row.id, counter, rq->now_us, err);
	return rc == 0 ? cloned(rq, db, account, &p, err) : rc;
}

/* --- pages --- */

static void use_view(struct request *rq, const char *title, const char *action)
{
	page_title(rq, title);
	(void)page_form(rq, action, "identity.passkey.use");
	page_next(rq, action, next_of(rq));
}

int sign_in_passkey_get(struct request *rq, struct err *err)
{
	(void)err;
	if (rq->actor.kind != ACTOR_ANONYMOUS && !rq->wants_json)
		return rq_redirect(rq, "%s", next_along(rq->arena, "/login", next_of(rq)));
	use_view(rq, "identity.passkey.sign_in", "/login/passkey");
	return 0;
}

static int sign_in_write(struct request *rq, struct db *db, struct err *err)
{
	struct account account;
	int rc = who_signed(rq, db, &account, err);
	if (rc <= 0)
		return rc;
	rc = once_drop(db, account.id, "second", err);
	if (rc == 0)
		rc = sign_in_finish(rq, db, &account, &how, NULL, err);
	const char *next = next_of(rq);
	return rc < 0 ? rc : rq_redirect(rq, "%s", next ? next : home_of(db, &account));
}

int sign_in_passkey_post(struct request *rq, struct err *err)
{
	(void)err;
	use_view(rq, "identity.passkey.sign_in", "/login/passkey");
	return rq_write(rq, sign_in_write);
}

int raise_passkey_get(struct request *rq, struct err *err)
{
	(void)err;
	account_crumb(rq);
	use_view(rq, "identity.assurance.title", "/account/assurance/passkey");
	return 0;
}

static int raise_write(struct request *rq, struct db *db, struct err *err)
{
	struct account account;
	int rc = who_signed(rq, db, &account, err);
	if (rc > 0 && account.id != rq->actor.account) /* the challenge of a page before sign-in */
		return refused(rq, db, &account, "identity.passkey.other", err);
	if (rc > 0)
		rc = session_raise(rq, db, &how, err);
	const char *next = next_of(rq);
	return rc < 0 || rq_has_problems(rq) ? rc : rq_redirect(rq, "%s", next ? next : "/account");
}

int raise_passkey_post(struct request *rq, struct err *err)
{
	int rc = raise_passkey_get(rq, err);
	return rc < 0 ? rc : rq_write(rq, raise_write);
}
