/* "Prove who you are with your card's signature": a text to sign, made for this browser and this
 * hour; the signature that is brought; and what the certificate says beside what the account says.
 *
 * Who has no account yet signs first (/register/card): the form of registration is filled in with
 * what was proven, and the proof is taken when the account is there. */
#include "identity/card/card.h"

#include <unistd.h>

#include "base/i18n.h"
#include "base/time.h"

static const char cookie_name[] = "card-prove", found_cookie[] = "card-found";
static const char purpose[] = "card-prove", found_kind[] = "card-found";
static const char confirm_page[] = "/account/assurance/card/confirm";
enum { TEXT_S = 60 * 60, FOUND_S = 2 * 60 * 60, SIGNATURE_BYTES_MAX = 256 * 1024 };

bool card_signs(const struct city *city)
{
	return pki_ready(city_pki(city), PKI_SIGNATURE);
}

int card_signature(struct request *rq, struct str document, bool evidence, struct str *cms,
    struct pki_checked *c, struct pki_verdict *v, struct err *err)
{
	const struct upload *u = rq_upload(rq, "signature", 0);
	if (!u || u->size <= 0 || u->size > SIGNATURE_BYTES_MAX)
		return 0;
	char *bytes = arena_alloc(rq->arena, (size_t)u->size);
	if (pread(u->fd, bytes, (size_t)u->size, 0) != u->size)
		return err_set(err, ERR_IO, NULL, "the upload cannot be read");
	*cms = pki_pem(rq->arena, (struct str){bytes, (size_t)u->size}, NULL);
	int rc = pki_verify(
	    city_pki(rq->city), rq->arena, *cms, document, rq->now_us, evidence, c, v, err);
	return rc < 0 ? rc : 1;
}

/* --- the text --- */

/* The page's text of this browser; it is not kept, but sealed into the page. */
static const char *state_new(struct request *rq)
{
	const char *cookie = rq_cookie(rq, cookie_name);
	if (!cookie) {
		cookie = random_token(rq->arena, 32);
		rq_set_cookie(rq, cookie_name, cookie, TEXT_S);
	}
	char hash[TOKEN_HASH_SIZE];
	token_hash(cookie, hash);
	json_t *state = json_on_arena(
	    rq->arena, json_pack("{s:s, s:s, s:I, s:I, s:s}", "cookie", hash, "code",
	                   random_token(rq->arena, 16), "at", (json_int_t)rq->now_us, "account",
	                   (json_int_t)rq->actor.account, "lang", rq->lang));
	return rq_seal(rq, purpose, json_canonical_text(rq->arena, state));
}

/* What is signed; no bytes: the state is old, or another browser's or account's. */
static struct str text_of(struct request *rq, const char *sealed)
{
	const char *cookie = rq_cookie(rq, cookie_name);
	const char *text = sealed && cookie ? rq_unseal(rq, purpose, sealed) : NULL;
	json_t *state = text ? json_on_arena(rq->arena, json_loads(text, 0, NULL)) : NULL;
	int64_t at = json_i64(state, "at", 0), age = rq->now_us - at;
	char hash[TOKEN_HASH_SIZE];
	token_hash(cookie ? cookie : "", hash);
	if (!state || !text_eq(json_text(state, "cookie"), hash) ||
	    json_i64(state, "account", -1) != rq->actor.account || age < 0 ||
	    age > TEXT_S * INT64_C(1000000))
		return (struct str){0};
	const char *lang = json_text_or(state, "lang", "ja");
	json_t *args = json_on_arena(
	    rq->arena, json_pack("{s:s, s:s, s:s, s:s}", "city", city_name(rq->city, lang),
	                   "address", rq->city->base_url, "at", instant_text(rq->arena, at, lang),
	                   "code", json_text_or(state, "code", "")));
	return str_from(i18n_format(rq->city->i18n, rq->arena, lang, "identity.prove.text", args));
}

int card_text_get(struct request *rq, struct err *err)
{
	struct str text = text_of(rq, rq_query(rq, "state"));
	if (!text.n)
		return err_set(err, ERR_MISSING, NULL, "no text of this browser");
	return rq_send(rq, "text/plain; charset=utf-8", text, "sign-this.txt");
}

/* --- the page --- */

static bool registers(const struct request *rq)
{
	return rq->actor.kind == ACTOR_ANONYMOUS;
}

static int open_page(struct request *rq, struct err *err)
{
	static const struct form_field_spec file = {"signature", "identity.prove.file",
	    "identity.prove.file_help", "is_file", NULL, true, 0};
	if (rq->actor.token)
		return err_set(err, ERR_DENIED, "identity.needs_session", "not with an API token");
	if (!card_signs(rq->city))
		return err_set(err, ERR_MISSING, NULL, "signatures are not set up in this city");
	const char *path = registers(rq) ? "/register/card" : "/account/assurance/card";
	page_title(rq, registers(rq) ? "identity.prove.register_title" : "identity.prove.title");
	if (!registers(rq))
		account_crumb(rq);
	json_t *form = page_form(rq, path, "identity.prove.check");
	json_object_set_new(form, "multipart", json_true());
	json_t *field = form_field(rq, form, &file, NULL);
	json_object_set_new(field, "can_add", json_true());
	json_object_set_new(field, "single", json_true());
	const char *state = rq_form(rq, "state");
	if (!state || !text_of(rq, state).n)
		state = state_new(rq);
	form_hidden(form, "state", state);
	struct buf b;
	buf_init(&b, rq->arena);
	buf_puts(&b, "/login/card/text?state=");
	buf_url(&b, str_from(state));
	json_object_set_new(rq->view, "text_href", json_string(b.p));
	json_object_set_new(rq->view, "registers", json_boolean(registers(rq)));
	page_next(rq, path, next_of(rq));
	return 0;
}

int card_prove_get(struct request *rq, struct err *err)
{
	if (!registers(rq) && text_eq(rq->path, "/register/card"))
		return rq_redirect(rq, "/account/assurance/card");
	return open_page(rq, err);
}

/* --- the signature --- */

/* Kept for this browser until its owner says that it is theirs. */
static int keep(struct request *rq, struct db *db, const json_t *found, struct err *err)
{
	char *token;
	int rc = challenge_make(db, rq->arena, found_kind, rq->actor.account,
	    json_canonical_text(rq->arena, found), FOUND_S, &token, err);
	if (rc == 0)
		rq_set_cookie(rq, found_cookie, token, FOUND_S);
	return rc;
}

static int proven(struct request *rq, const json_t *found)
{
	const char *next = json_text(found, "next");
	rq_set_cookie(rq, found_cookie, "", 0);
	rq_flash(rq, "success", "identity.prove.done", NULL);
	return rq_redirect(rq, "%s", next ? next : "/account/assurance");
}

static int brought_write(struct request *rq, struct db *db, struct err *err)
{
	const json_t *found = rq_data(rq);
	json_t *profile;
	if (registers(rq)) {
		int rc = keep(rq, db, found, err);
		return rc < 0 ? rc
		              : rq_redirect(
		                    rq, "%s", next_along(rq->arena, "/register", confirm_page));
	}
	int rc = person_profile(db, rq->arena, rq->actor.person, &profile, err);
	if (rc < 0)
		return rc;
	if (profile && card_agrees(rq->arena, found, profile)) {
		rc = card_prove(db, rq->actor.id, rq->actor.person, found, err);
		return rc < 0 ? rc : proven(rq, found);
	}
	rc = keep(rq, db, found, err);
	return rc < 0 ? rc : rq_redirect(rq, "%s", confirm_page);
}

static int brought_check(struct request *rq, struct err *err)
{
	struct str cms, text = text_of(rq, rq_form(rq, "state"));
	struct pki_checked c;
	struct pki_verdict v;
	json_t *found;
	const char *next = next_of(rq);
	if (!text.n) {
		form_problem(rq, "signature", "identity.prove.old", NULL);
		return 0;
	}
	int rc = card_signature(rq, text, false, &cms, &c, &v, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || v.reason != PKI_GOOD) {
		form_problem(rq, "signature",
		    rc == 0 ? "identity.prove.no_file" : pki_reason_key(v.reason), NULL);
		return 0;
	}
	rc = card_items(rq, &c.certificate, &found, err);
	if (rc < 0)
		return rc;
	if (next)
		json_object_set_new(found, "next", json_string(next));
	rq_set_data(rq, found);
	return rq_write(rq, brought_write);
}

int card_prove_post(struct request *rq, struct err *err)
{
	int rc = open_page(rq, err);
	return rc < 0 ? rc : rq_defer(rq, brought_check);
}

/* --- what it says beside the account --- */

int card_found(struct request *rq, struct db *db, json_t **found, struct err *err)
{
	const char *token = rq_cookie(rq, found_cookie);
	int64_t account = 0;
	char *text = NULL;
	*found = NULL;
	int rc = token ? challenge_look(db, rq->arena, found_kind, token, &account, &text, err) : 0;
	if (rc <= 0 || (account && account != rq->actor.account))
		return rc < 0 ? rc : 0;
	*found = json_on_arena(rq->arena, json_loads(text, 0, NULL));
	return *found != NULL;
}

static int gone(struct request *rq)
{
	rq_flash(rq, "warning", "identity.prove.gone", NULL);
	return rq_redirect(rq, "/account/assurance/card");
}

int card_confirm_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	json_t *found, *profile;
	int rc = db ? card_found(rq, db, &found, err) : -(int)err->kind;
	if (rc <= 0)
		return rc < 0 ? rc : gone(rq);
	rc = person_profile(db, rq->arena, rq->actor.person, &profile, err);
	if (rc < 0)
		return rc;
	page_secret(rq);
	page_title(rq, "identity.prove.confirm_title");
	account_crumb(rq);
	json_object_set_new(rq->view, "items", card_rows(rq, found, profile));
	(void)page_form(rq, confirm_page, "identity.prove.take");
	return 0;
}

static int confirm_write(struct request *rq, struct db *db, struct err *err)
{
	json_t *found, *profile;
	struct account account;
	int rc = card_found(rq, db, &found, err);
	if (rc <= 0)
		return rc < 0 ? rc : gone(rq);
	rc =
	    challenge_take(db, rq->arena, found_kind, rq_cookie(rq, found_cookie), NULL, NULL, err);
	if (rc > 0)
		rc = own_account(rq, db, &account, err);
	if (rc == 0)
		rc = person_profile(db, rq->arena, account.person, &profile, err);
	if (rc < 0)
		return rc;
	profile = json_on_arena(rq->arena, profile ? json_deep_copy(profile) : json_object());
	card_fill(rq->arena, found, profile);
	rc = person_set(db, rq->actor.id, account.person, profile, account.lang, err);
	if (rc == 0)
		rc = card_prove(db, rq->actor.id, account.person, found, err);
	return rc < 0 ? rc : proven(rq, found);
}

int card_confirm_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, confirm_write);
}
