#include "identity/card/card.h"

#include <string.h>

#include "base/time.h"

static const char card_cookie[] = "card";
static const char state_purpose[] = "card-state";
static const char result_kind[] = "card-result", link_kind[] = "card-link";
static const struct sign_in_how by_card = {"card", 3};

enum { STATE_S = 10 * 60, DIGITS_SHOWN = 4 };

/* --- 1: to the card --- */

/* The browser's cookie, as a hash: who has the address only cannot go on with it. */
static const char *cookie_hash(struct request *rq, const char *cookie)
{
	char hash[TOKEN_HASH_SIZE];
	token_hash(cookie, hash);
	return arena_strdup(rq->arena, hash);
}

static void card_link(struct request *rq, const char *next)
{
	const char *cookie = random_token(rq->arena, 32);
	rq_set_cookie(rq, card_cookie, cookie, STATE_S);
	json_t *state = json_pack("{s:s, s:I, s:I, s:s?, s:s}", "cookie", cookie_hash(rq, cookie),
	    "at", (json_int_t)rq->now_us, "account", (json_int_t)rq->actor.account, "next", next,
	    "lang", rq->lang);
	struct buf b;
	buf_init(&b, rq->arena);
	buf_printf(&b, "%s%s" WEB_CARD_PATH "?state=", city_setting(rq->city, "card.url", ""),
	    text_eq(rq->lang, "en") ? "/en" : "");
	buf_url(&b, str_from(rq_seal(rq, state_purpose, json_canonical_text(rq->arena, state))));
	json_decref(state);
	json_object_set_new(rq->view, "card_href", json_string(b.p));
}

static int offered(struct request *rq, struct err *err)
{
	return card_offered(rq->city)
	           ? 0
	           : err_set(err, ERR_MISSING, NULL, "cards are not set up in this city");
}

int card_get(struct request *rq, struct err *err)
{
	int rc = offered(rq, err);
	if (rc < 0)
		return rc;
	page_title(rq, "identity.card.title");
	card_link(rq, next_of(rq));
	return 0;
}

/* --- 2: the card --- */

struct presented {
	struct str certificate;
	json_t *state;
	json_t *result;
};

static json_t *state_of(struct request *rq)
{
	const char *sealed = rq_query(rq, "state");
	const char *text = sealed ? rq_unseal(rq, state_purpose, sealed) : NULL;
	json_t *state = text ? json_on_arena(rq->arena, json_loads(text, 0, NULL)) : NULL;
	int64_t age = rq->now_us - json_i64(state, "at", 0);
	return state && age >= 0 && age < STATE_S * INT64_C(1000000) ? state : NULL;
}

static int present_write(struct request *rq, struct db *db, struct err *err)
{
	struct presented *p = rq_data(rq);
	char *token;
	int rc = challenge_make(db, rq->arena, result_kind, 0,
	    json_canonical_text(rq->arena, p->result), STATE_S, &token, err);
	if (rc < 0)
		return rc;
	const char *url =
	    mail_link(rq, rq->lang, "/login/card/done?ticket=", token); /* the city's own address */
	json_object_set_new(rq->view, "href", json_string(url));
	rq_set_header(rq, "Refresh", arena_printf(rq->arena, "0; url=%s", url));
	return 0;
}

/* On a worker: revocation is asked for. */
static int present_check(struct request *rq, struct err *err)
{
	struct presented *p = rq_data(rq);
	struct pki_checked checked;
	struct pki_verdict v;
	char *subject = NULL;
	struct str der = pki_pem(rq->arena, p->certificate, "CERTIFICATE");
	int rc = pki_check(city_pki(rq->city), rq->arena, der, PKI_AUTHENTICATION, rq->now_us,
	    false, &checked, &v, err);
	if (rc < 0)
		return rc;
	const struct pki_certificate *c = &checked.certificate;
	const char *issuer = c->issuer.p ? pki_name_text(rq->arena, c->issuer) : "";
	const char *serial = c->serial.p ? pki_serial_text(rq->arena, c->serial) : "";
	size_t n = strlen(serial);
	struct db *db = rq_db(rq, err);
	rc = db ? identity_blind(db, rq->arena, issuer, str_from(serial), &subject, err)
	        : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	p->result = json_on_arena(
	    rq->arena, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:O}", "reason",
	                   pki_reason_name(v.reason), "issuer", issuer, "subject", subject,
	                   "digits", serial + (n > DIGITS_SHOWN ? n - DIGITS_SHOWN : 0), "from",
	                   date_format(rq->arena, date_of_us(c->from_us)), "until",
	                   date_format(rq->arena, date_of_us(c->until_us)), "state", p->state));
	return rq_write(rq, present_write);
}

int card_present(struct request *rq, struct err *err)
{
	struct presented *p = arena_new_of(rq->arena, struct presented);
	int rc = offered(rq, err);
	if (rc < 0)
		return rc;
	page_title(rq, "identity.card.title");
	json_object_set_new(
	    rq->view, "again", json_string(mail_link(rq, rq->lang, "/login/card", "")));
	p->state = state_of(rq);
	p->certificate = rq_client_certificate(rq);
	rq_set_data(rq, p);
	if (p->state && p->certificate.n > 0)
		return rq_defer(rq, present_check);
	json_object_set_new(rq->view, "problem",
	    json_string(rq_tr(rq, p->state ? "identity.card.none" : "identity.card.state_old")));
	rq->status = 422;
	return 0;
}

/* --- 3: who it is --- */

static int refuse(struct request *rq, struct db *db, const struct account *account,
    const char *msgkey, struct err *err)
{
	json_object_set_new(rq->view, "problem", json_string(rq_tr(rq, msgkey)));
	rq->status = 422;
	return sign_in_log(rq, db, account, by_card.method, "refused", err);
}

static int not_good(struct request *rq, struct db *db, const struct identifier *known,
    const json_t *result, struct err *err)
{
	enum pki_reason reason = pki_reason_parse(json_text(result, "reason"));
	struct account account;
	int rc = known ? account_get(db, rq->arena, known->account, &account, err) : 0;
	/* The account's page says that the card is gone. */
	if (rc > 0 && reason == PKI_REVOKED)
		rc = identifier_end(db, "system", known->account, known->id, "revoked", err);
	if (rc < 0)
		return rc;
	return refuse(rq, db, known ? &account : NULL,
	    pki_reason_key(reason < PKI_REASON_COUNT ? reason : PKI_MALFORMED), err);
}

static int sign_in(struct request *rq, struct db *db, const struct identifier *known,
    const char *next, struct err *err)
{
	struct account account;
	int rc = account_get(db, rq->arena, known->account, &account, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || !account_is_active(&account))
		return refuse(rq, db, rc > 0 ? &account : NULL, "identity.login.locked", err);
	rc = identifier_used(db, known->id, rq->now_us, err);
	if (rc == 0)
		rc = sign_in_finish(rq, db, &account, &by_card, NULL, err);
	return rc < 0 ? rc : rq_redirect(rq, "%s", next ? next : home_of(db, &account));
}

static int told(struct request *rq, struct db *db, const char *digits, bool added, struct err *err)
{
	struct account account;
	int rc = own_account(rq, db, &account, err);
	return rc < 0 ? rc
	              : account_mail(rq, db, &account, "identity/card-changed",
	                    json_pack("{s:s, s:b}", "digits", digits, "added", (int)added), err);
}

/* A new card takes the place of the one that the account had. */
static int link_card(struct request *rq, struct db *db, const json_t *result, struct err *err)
{
	struct identifier *list,
	    card = {.account = rq->actor.account,
	        .kind = "card",
	        .issuer = json_text(result, "issuer"),
	        .subject = json_text(result, "subject"),
	        .valid_from = json_text(result, "from"),
	        .valid_until = json_text(result, "until"),
	        .data = json_canonical_text(rq->arena,
	            json_on_arena(rq->arena,
	                json_pack("{s:s}", "digits", json_text_or(result, "digits", ""))))};
	int64_t id, old = 0;
	int n = identifier_list(db, rq->arena, rq->actor.account, "card", &list, err);
	for (int i = 0; i < n; i++)
		if (text_eq(list[i].state, "active"))
			old = list[i].id;
	if (n < 0)
		return n;
	rq_flash(rq, "success", old ? "identity.card.replaced" : "identity.card.linked", NULL);
	int rc = old ? identifier_replace(db, rq->actor.id, old, &card, &id, err)
	             : identifier_link(db, rq->actor.id, &card, &id, err);
	return rc < 0 ? rc : told(rq, db, json_text_or(result, "digits", ""), true, err);
}

static const char *next_in(const json_t *result)
{
	const char *next = json_text(json_object_get(result, "state"), "next");
	return next && path_is_local(next) ? next : NULL;
}

static int linked(struct request *rq, struct db *db, const json_t *result, struct err *err)
{
	const char *next = next_in(result);
	int rc = link_card(rq, db, result, err);
	if (rc == 0)
		rc = session_raise(rq, db, &by_card, err);
	return rc < 0 ? rc : rq_redirect(rq, "%s", next ? next : "/account/card");
}

static void link_form(struct request *rq, const char *ticket)
{
	json_object_set_new(rq->view, "link", json_true());
	json_t *form = page_form(rq, "/account/card/link", "identity.card.link");
	form_hidden(form, "ticket", ticket);
	fresh_field(rq, form);
}

/* A card opens the account for good: whoever has no more than the session must not add one. */
static int link_or_ask(struct request *rq, struct db *db, const json_t *result, struct err *err)
{
	char *ticket;
	if (rq->actor.level >= 2)
		return linked(rq, db, result, err);
	int rc = challenge_make(db, rq->arena, link_kind, rq->actor.account,
	    json_canonical_text(rq->arena, result), STATE_S, &ticket, err);
	if (rc == 0)
		link_form(rq, ticket);
	return rc;
}

static int done_write(struct request *rq, struct db *db, struct err *err)
{
	char *text = NULL;
	const char *ticket = rq_query(rq, "ticket"), *cookie = rq_cookie(rq, card_cookie);
	struct identifier known;
	int rc = ticket ? challenge_take(db, rq->arena, result_kind, ticket, NULL, &text, err) : 0;
	if (rc < 0)
		return rc;
	json_t *result = rc > 0 ? json_on_arena(rq->arena, json_loads(text, 0, NULL)) : NULL;
	const json_t *state = json_object_get(result, "state");
	if (!state || !cookie || !text_eq(json_text(state, "cookie"), cookie_hash(rq, cookie)) ||
	    json_i64(state, "account", 0) != rq->actor.account)
		return refuse(rq, db, NULL, "identity.card.state_old", err);
	rq_set_cookie(rq, card_cookie, "", 0);
	const char *next = next_in(result);
	rc = identifier_find(db, rq->arena, "card", json_text_or(result, "issuer", ""),
	    json_text_or(result, "subject", ""), &known, err);
	if (rc < 0)
		return rc;
	if (!text_eq(json_text(result, "reason"), pki_reason_name(PKI_GOOD)))
		return not_good(rq, db, rc > 0 ? &known : NULL, result, err);
	if (rq->actor.kind == ACTOR_ANONYMOUS && rc > 0)
		return sign_in(rq, db, &known, next, err);
	if (rq->actor.kind == ACTOR_ANONYMOUS) {
		json_object_set_new(rq->view, "unknown", json_true());
		json_object_set_new(rq->view, "login",
		    json_string(next_along(rq->arena, "/login", "/account/card")));
		json_object_set_new(rq->view, "register",
		    json_string(next_along(rq->arena, "/register", "/account/card")));
		return sign_in_log(rq, db, NULL, by_card.method, "unknown", err);
	}
	if (rc > 0 && known.account != rq->actor.account)
		return refuse(rq, db, NULL, "identity.card.taken", err);
	if (rc == 0)
		return link_or_ask(rq, db, result, err);
	rc = identifier_used(db, known.id, rq->now_us, err);
	if (rc == 0)
		rc = session_raise(rq, db, &by_card, err);
	return rc < 0 ? rc : rq_redirect(rq, "%s", next ? next : "/account/card");
}

int card_done(struct request *rq, struct err *err)
{
	int rc = offered(rq, err);
	if (rc < 0)
		return rc;
	page_title(rq, "identity.card.title");
	return rq_write(rq, done_write);
}

static int link_write(struct request *rq, struct db *db, struct err *err)
{
	char *text = NULL;
	int64_t account = 0;
	int rc = challenge_take(
	    db, rq->arena, link_kind, form_value(rq, "ticket"), &account, &text, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || account != rq->actor.account)
		return refuse(rq, db, NULL, "identity.card.state_old", err);
	return linked(rq, db, json_on_arena(rq->arena, json_loads(text, 0, NULL)), err);
}

int card_link_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	page_title(rq, "identity.card.title");
	link_form(rq, form_value(rq, "ticket"));
	o->write = link_write;
	return with_fresh(rq, o);
}

/* --- /account/card --- */

int card_state(struct request *rq, struct db *db, const struct account *account, const char **text,
    struct err *err)
{
	struct identifier *list;
	(void)text;
	int n = identifier_list(db, rq->arena, account->id, "card", &list, err), active = 0;
	for (int i = 0; i < n; i++)
		active += text_eq(list[i].state, "active");
	return n < 0 ? n : active > 0;
}

static int account_view(struct request *rq, struct own **o, struct err *err)
{
	struct identifier *list;
	int rc = offered(rq, err);
	if (rc == 0)
		rc = own_open(rq, o, err);
	if (rc < 0)
		return rc;
	int n = identifier_list(rq_db(rq, err), rq->arena, (*o)->account.id, "card", &list, err);
	json_t *cards = json_array();
	int64_t has = 0; /* one at a time */
	for (int i = 0; i < n; i++) {
		json_t *data = json_on_arena(rq->arena, json_loads(list[i].data, 0, NULL));
		bool active = text_eq(list[i].state, "active");
		struct date until = {0};
		(void)date_parse(str_from(list[i].valid_until), &until);
		if (active)
			has = list[i].id;
		json_array_append_new(cards,
		    json_pack("{s:I, s:s, s:s, s:s, s:s, s:b}", "id", (json_int_t)list[i].id,
		        "digits", json_text_or(data, "digits", ""), "state", list[i].state,
		        "state_text",
		        rq_tr(rq, arena_printf(rq->arena, "identity.card.state.%s", list[i].state)),
		        "until", date_text(rq->arena, until, rq->lang), "active", (int)active));
	}
	json_object_set_new(rq->view, "cards", cards);
	json_object_set_new(rq->view, "has", json_boolean(has > 0));
	if (has) {
		json_t *form = page_form(rq, "/account/card/remove", "identity.card.remove");
		form_hidden(form, "id", arena_printf(rq->arena, "%lld", (long long)has));
		json_object_set_new(form, "danger", json_true());
		fresh_field(rq, form);
	}
	page_title(rq, "identity.card.account_title");
	card_link(rq, "/account/card");
	return n < 0 ? n : 0;
}

int card_account_get(struct request *rq, struct err *err)
{
	struct own *o;
	return account_view(rq, &o, err);
}

static int remove_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	struct identifier *list;
	const char *digits = "";
	int64_t id = rq_i64(rq, "id", 0);
	int n = identifier_list(db, rq->arena, o->account.id, "card", &list, err);
	for (int i = 0; i < n; i++)
		if (list[i].id == id)
			digits = json_text_or(
			    json_on_arena(rq->arena, json_loads(list[i].data, 0, NULL)), "digits",
			    "");
	int rc = n < 0 ? n : identifier_end(db, rq->actor.id, o->account.id, id, "removed", err);
	if (rc == 0)
		rc = told(rq, db, digits, false, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.card.removed", NULL);
	return rq_redirect(rq, "/account/card");
}

int card_account_remove(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = account_view(rq, &o, err);
	if (rc < 0)
		return rc;
	o->write = remove_write;
	return with_fresh(rq, o);
}
