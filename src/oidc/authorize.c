/* /oidc/authorize and what stands between it and the code: signing in, a stronger sign-in, consent.
 *
 * 1. Nothing leads to an address that is not registered for the system, character for character.
 *    Before system and address are known to be right, every problem is a page here.
 * 2. The request is kept in the store while the person signs in or decides (kind "oidc-request"):
 *    the browser carries only its token, and what it says is looked at anew each time. */
#include <string.h>

#include "base/time.h"
#include "oidc/provider.h"

static const char *const prompts[] = {"none", "login", "consent", "select_account", NULL};

struct asking {
	struct client client;
	json_t *request;   /* redirect_uri, scopes, state, nonce, code_challenge, prompt, since_us,
	                      level */
	const char *token; /* of the kept request; NULL: it is new */
	struct session_info session;
};

/* --- the answer --- */

static void add(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, "%c%s=", strchr(b->p, '?') ? '&' : '?', name);
	buf_url(b, str_from(value));
}

static int answer(struct request *rq, const struct asking *q, const char *name, const char *value)
{
	struct buf url;
	buf_init(&url, rq->arena);
	buf_puts(&url, json_text(q->request, "redirect_uri"));
	add(&url, name, value);
	add(&url, "state", json_text(q->request, "state"));
	add(&url, "iss", rq->city->base_url); /* RFC 9207 */
	return rq_leave(rq, url.p);
}

static int refuse(struct request *rq, const struct asking *q, const char *error)
{
	return answer(rq, q, "error", error);
}

/* A page here: the system asked for something that cannot be answered at its own address. */
static int problem_here(struct request *rq, const char *text, const char *label)
{
	rq->template = "oidc/refused";
	rq->status = 400;
	page_title(rq, "oidc.provider.problem");
	json_object_set_new(rq->view, "problem", json_string(text));
	json_object_set_new(rq->view, "text",
	    json_string(i18n_format(rq->city->i18n, rq->arena, rq->lang, text,
	        json_on_arena(rq->arena, json_pack("{s:s}", "client", label ? label : "")))));
	json_object_set_new(rq->view, "signing_in", json_true());
	return 0;
}

/* --- what must be true before there is a code --- */

static bool prompt_has(const struct asking *q, const char *word)
{
	return scope_has(json_text_or(q->request, "prompt", ""), word);
}

static int keep(struct request *rq, struct db *db, struct asking *q, struct err *err)
{
	char *token;
	if (q->token)
		return 0;
	int rc = challenge_make(db, rq->arena, "oidc-request", 0,
	    json_canonical_text(rq->arena, q->request), REQUEST_SECONDS, &token, err);
	q->token = token;
	return rc;
}

static const char *go_page(struct request *rq, const struct asking *q)
{
	return arena_printf(rq->arena, "/oidc/go/%s", q->token);
}

/* Keeps the request and leads to a page that comes back to it. */
static int detour(
    struct request *rq, struct db *db, struct asking *q, const char *page, struct err *err)
{
	if (prompt_has(q, "none"))
		return refuse(rq, q, "login_required");
	int rc = keep(rq, db, q, err);
	if (rc < 0)
		return rc;
	const char *go = go_page(rq, q);
	return rq_redirect(rq, "%s", page ? next_along(rq->arena, page, go) : go);
}

static int present_session(struct request *rq, struct db *db, struct asking *q, struct err *err)
{
	struct session_info *list;
	int n = session_list(rq, db, rq->actor.account, &list, err);
	for (int i = 0; i < n; i++)
		if (list[i].current)
			q->session = list[i];
	return n < 0 ? n : q->session.id != NULL;
}

static bool allowed_before(struct db *db, const struct asking *q, int64_t account, struct err *err,
    struct arena *a, int *rc)
{
	char *scopes = NULL;
	*rc = db_get_text(db, err, a, &scopes, OIDC(CONSENT_GET), "it", account, q->client.id);
	return *rc > 0 && scopes_cover(scopes, json_text(q->request, "scopes"));
}

static const char *acr_of(int level)
{
	static const char *const names[] = {"aal1", "aal2", "aal3"};
	return names[level < 1 ? 0 : level > 3 ? 2 : level - 1];
}

/* RFC 8176 */
static json_t *amr_of(const char *method)
{
	static const struct {
		const char *method, *a, *b;
	} names[] = {{"password", "pwd", NULL}, {"totp", "pwd", "otp"}, {"passkey", "hwk", "user"},
	    {"card", "sc", "pin"}};
	for (size_t i = 0; i < COUNT(names); i++)
		if (text_eq(names[i].method, method))
			return json_pack("[s, s*]", names[i].a, names[i].b);
	return json_array();
}

static int give_code(struct request *rq, struct db *db, struct asking *q, struct err *err)
{
	char sid[TOKEN_HASH_SIZE], *code;
	token_hash(arena_printf(rq->arena, "sid %s %s", q->client.id, q->session.id), sid);
	json_t *data = json_on_arena(rq->arena, json_deep_copy(q->request));
	json_object_set_new(data, "session", json_string(q->session.id));
	json_object_set_new(data, "sid", json_string(sid));
	json_object_set_new(data, "acr", json_string(acr_of(rq->actor.level)));
	json_object_set_new(data, "amr", amr_of(rq->actor.method));
	json_object_set_new(data, "auth_time", json_integer(q->session.created_us / 1000000));
	int rc = grant_make(rq, db, &q->client, data, &code, err);
	if (rc == 0 && q->token)
		rc = challenge_take(db, rq->arena, "oidc-request", q->token, NULL, NULL, err);
	return rc < 0 ? rc : answer(rq, q, "code", code);
}

/* Everything but consent. 1: it is all there. 0: the answer leads elsewhere. */
static int ready(struct request *rq, struct db *db, struct asking *q, struct err *err)
{
	int level = (int)json_i64(q->request, "level", 1);
	if (rq->actor.kind == ACTOR_ANONYMOUS)
		return detour(rq, db, q, "/login", err);
	if (!client_serves(&q->client, rq->actor.kind)) {
		if (prompt_has(q, "none"))
			return refuse(rq, q, "access_denied");
		return problem_here(
		    rq, "oidc.provider.not_for_you", client_label(&q->client, rq->lang));
	}
	int rc = present_session(rq, db, q, err);
	if (rc <= 0)
		return rc < 0 ? rc : detour(rq, db, q, "/login", err);
	/* The page at /oidc/go asks to sign in anew. */
	if (q->session.created_us < json_i64(q->request, "since_us", 0))
		return q->token ? 1 : detour(rq, db, q, NULL, err);
	if (level > rq->actor.level && prompt_has(q, "none"))
		return refuse(rq, q, "login_required");
	if (level > rq->actor.level) {
		rc = keep(rq, db, q, err);
		rc = rc < 0
		         ? rc
		         : assurance_demand(rq, (struct assurance){1, level}, go_page(rq, q), err);
		return rc < 0 ? rc : rc == 0;
	}
	return 1;
}

static int advance(struct request *rq, struct db *db, struct err *err)
{
	struct asking *q = rq_data(rq);
	int rc = ready(rq, db, q, err);
	if (rc <= 0)
		return rc;
	bool known = allowed_before(db, q, rq->actor.account, err, rq->arena, &rc);
	if (rc < 0)
		return rc;
	if (q->client.trusted || (known && !prompt_has(q, "consent")))
		return give_code(rq, db, q, err);
	if (prompt_has(q, "none"))
		return refuse(rq, q, "consent_required");
	return detour(rq, db, q, NULL, err);
}

/* --- the request --- */

static bool is_challenge(const char *text)
{
	size_t n = text ? strlen(text) : 0;
	return n == 43 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                               "0123456789-_") == n;
}

static int level_of(const char *acr_values)
{
	struct str rest = str_from(acr_values), one;
	while (acr_values && str_cut(&rest, ' ', &one))
		for (int level = 1; level <= ASSURANCE_MAX; level++)
			if (str_is(one, acr_of(level)))
				return level;
	return 1;
}

/* NULL, or the error of RFC 6749 §4.1.2.1. */
static const char *wrong_with(struct request *rq, const struct asking *q)
{
	const char *prompt = rq_query(rq, "prompt"), *max_age = rq_query(rq, "max_age"),
	           *mode = rq_query(rq, "response_mode");
	struct str rest = str_from(prompt), one;
	int64_t seconds;
	if (rq_query(rq, "request") || rq_query(rq, "request_uri"))
		return rq_query(rq, "request") ? "request_not_supported"
		                               : "request_uri_not_supported";
	if (!text_eq(rq_query(rq, "response_type"), "code"))
		return "unsupported_response_type";
	if (mode && !text_eq(mode, "query"))
		return "invalid_request";
	if (!is_challenge(rq_query(rq, "code_challenge")) ||
	    !text_eq(rq_query(rq, "code_challenge_method"), "S256"))
		return "invalid_request";
	if (!scope_has(json_text_or(q->request, "scopes", ""), "openid"))
		return "invalid_scope";
	if (max_age && !str_to_i64(str_from(max_age), 0, 1000000000, &seconds))
		return "invalid_request";
	while (prompt && str_cut(&rest, ' ', &one)) {
		bool known = false;
		for (int i = 0; prompts[i]; i++)
			known = known || str_is(one, prompts[i]);
		if (!known || (str_is(one, "none") && !str_is(str_from(prompt), "none")))
			return "invalid_request";
	}
	return NULL;
}

static void take_request(struct request *rq, struct asking *q)
{
	static const char *const taken[] = {
	    "redirect_uri", "state", "nonce", "code_challenge", "prompt"};
	json_t *r = q->request = json_on_arena(rq->arena, json_object());
	const char *max_age = rq_query(rq, "max_age"), *prompt = rq_query(rq, "prompt");
	int64_t seconds;
	for (size_t i = 0; i < COUNT(taken); i++)
		if (rq_query(rq, taken[i]))
			json_object_set_new(r, taken[i], json_string(rq_query(rq, taken[i])));
	const char *scope = rq_query(rq, "scope");
	json_object_set_new(r, "client", json_string(q->client.id));
	json_object_set_new(r, "scopes",
	    json_string(scopes_among(rq->arena, scope ? scope : "", q->client.scopes)));
	json_object_set_new(r, "level", json_integer(level_of(rq_query(rq, "acr_values"))));
	/* The session must have begun after this instant. */
	int64_t since = 0;
	if (max_age && str_to_i64(str_from(max_age), 0, 1000000000, &seconds))
		since = rq->now_us - seconds * 1000000;
	if (prompt && (scope_has(prompt, "login") || scope_has(prompt, "select_account")))
		since = rq->now_us;
	json_object_set_new(r, "since_us", json_integer(since));
}

int authorize_get(struct request *rq, struct err *err)
{
	struct asking *q = arena_new_of(rq->arena, struct asking);
	const char *id = rq_query(rq, "client_id"), *uri = rq_query(rq, "redirect_uri");
	struct db *db = rq_db(rq, err);
	int rc = !db ? -(int)err->kind : id ? client_find(rq, db, id, &q->client, err) : 0;
	if (rc < 0)
		return rc;
	if (rc == 0)
		return problem_here(rq, "oidc.provider.unknown_client", NULL);
	if (!uri || !uri_is_one_of(uri, q->client.redirect))
		return problem_here(
		    rq, "oidc.provider.unknown_address", client_label(&q->client, rq->lang));
	take_request(rq, q);
	const char *error = wrong_with(rq, q);
	if (error)
		return refuse(rq, q, error);
	if (rq->actor.token)
		return refuse(rq, q, "access_denied");
	rq_set_data(rq, q);
	return rq_write(rq, advance);
}

/* --- back from signing in, and consent --- */

/* 1; 0: the answer says that it is over. */
static int go_open(struct request *rq, struct asking **out, struct err *err)
{
	struct asking *q = *out = arena_new_of(rq->arena, struct asking);
	char *text = NULL;
	struct db *db = rq_db(rq, err);
	q->token = rq_param(rq, "token");
	page_secret(rq);
	int rc = db ? challenge_look(db, rq->arena, "oidc-request", q->token, NULL, &text, err)
	            : -(int)err->kind;
	if (rc > 0) {
		q->request = json_on_arena(rq->arena, json_loads(text, 0, NULL));
		rc = client_find(rq, db, json_text_or(q->request, "client", ""), &q->client, err);
	}
	/* The system may have been changed meanwhile. */
	if (rc > 0 &&
	    !uri_is_one_of(json_text_or(q->request, "redirect_uri", ""), q->client.redirect))
		rc = 0;
	if (rc == 0)
		(void)problem_here(rq, "oidc.provider.gone", NULL);
	rq_set_data(rq, q);
	return rc;
}

static void consent_view(struct request *rq, const struct asking *q)
{
	static const char *const scopes[] = {"profile", "email", "staff"};
	json_t *list = json_array();
	page_title(rq, "oidc.consent.title");
	for (size_t i = 0; i < COUNT(scopes); i++)
		if (scope_has(json_text_or(q->request, "scopes", ""), scopes[i]))
			json_array_append_new(list,
			    json_pack("{s:s, s:s}", "scope", scopes[i], "text",
			        rq_tr(rq, arena_printf(rq->arena, "oidc.scope.%s", scopes[i]))));
	json_object_set_new(rq->view, "learns", list);
	json_object_set_new(rq->view, "client", json_string(client_label(&q->client, rq->lang)));
	json_object_set_new(rq->view, "name", json_string(rq->actor.name));
	json_object_set_new(rq->view, "action", json_string(go_page(rq, q)));
	rq_form_leads_to(rq, json_text(q->request, "redirect_uri"));
}

static void again_view(struct request *rq, const struct asking *q)
{
	rq->template = "oidc/again";
	page_title(rq, "oidc.again.title");
	json_object_set_new(rq->view, "client", json_string(client_label(&q->client, rq->lang)));
	(void)page_form(rq, go_page(rq, q), "oidc.again.button");
}

static bool too_old(const struct asking *q)
{
	return q->session.created_us < json_i64(q->request, "since_us", 0);
}

int go_get(struct request *rq, struct err *err)
{
	struct asking *q;
	int known = 0, rc = go_open(rq, &q, err);
	if (rc <= 0)
		return rc;
	struct db *db = rq_db(rq, err);
	if (rq->actor.kind == ACTOR_ANONYMOUS || rq->actor.token ||
	    !client_serves(&q->client, rq->actor.kind) ||
	    (int)json_i64(q->request, "level", 1) > rq->actor.level)
		return rq_write(rq, advance); /* which leads to where that is put right */
	rc = present_session(rq, db, q, err);
	if (rc < 0)
		return rc;
	if (rc == 0 || too_old(q)) {
		again_view(rq, q);
		return 0;
	}
	bool allowed = allowed_before(db, q, rq->actor.account, err, rq->arena, &known);
	if (known < 0)
		return known;
	if (q->client.trusted || (allowed && !prompt_has(q, "consent")))
		return rq_write(rq, advance);
	consent_view(rq, q);
	return 0;
}

static int again_write(struct request *rq, struct db *db, struct err *err)
{
	const struct asking *q = rq_data(rq);
	int rc = session_end(rq, db, err);
	return rc < 0 ? rc : rq_redirect(rq, "%s", next_along(rq->arena, "/login", go_page(rq, q)));
}

static int consent_journal(struct request *rq, struct db *db, const char *verb, const char *client,
    const char *scopes, struct err *err)
{
	json_t *data = json_pack("{s:s, s:s*}", "client", client, "scopes", scopes);
	struct journal_change change = {.actor = rq->actor.id,
	    .verb = verb,
	    .subject = arena_printf(rq->arena, "oidc-consent:%lld", (long long)rq->actor.account),
	    .data = data};
	int rc = journal_add(db, &change, NULL, err);
	json_decref(data);
	return rc;
}

static int consent_write(struct request *rq, struct db *db, struct err *err)
{
	struct asking *q = rq_data(rq);
	const char *scopes = json_text(q->request, "scopes");
	if (!text_eq(rq_form(rq, "do"), "allow")) {
		int gone = challenge_take(db, rq->arena, "oidc-request", q->token, NULL, NULL, err);
		return gone < 0 ? gone : refuse(rq, q, "access_denied");
	}
	int rc = ready(rq, db, q, err);
	if (rc <= 0)
		return rc;
	if (too_old(q))
		return again_write(rq, db, err);
	rc = db_later(db, err, OIDC(CONSENT_PUT), "itti", rq->actor.account, q->client.id, scopes,
	    rq->now_us);
	if (rc == 0)
		rc = consent_journal(rq, db, "oidc.consent_given", q->client.id, scopes, err);
	return rc < 0 ? rc : give_code(rq, db, q, err);
}

int go_post(struct request *rq, struct err *err)
{
	struct asking *q;
	int rc = go_open(rq, &q, err);
	if (rc <= 0)
		return rc;
	struct db *db = rq_db(rq, err);
	if (rq->actor.kind == ACTOR_ANONYMOUS)
		return rq_write(rq, advance);
	rc = present_session(rq, db, q, err);
	if (rc < 0)
		return rc;
	return rq_write(rq, rc == 0 || too_old(q) ? again_write : consent_write);
}

/* --- what one allowed --- */

int consents_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct own *o;
	int rc = db ? own_open(rq, &o, err) : -(int)err->kind;
	if (rc < 0)
		return rc;
	json_t *rows = json_array();
	struct rows *r = db_query(db, err, OIDC(CONSENTS_OF), "i", rq->actor.account);
	rc = r ? 0 : -(int)ERR_STORE;
	while (r && (rc = rows_next(r)) > 0) {
		struct client c;
		const char *id = rows_dup(r, 0, rq->arena), *label = id;
		if (client_find(rq, db, id, &c, err) > 0)
			label = client_label(&c, rq->lang);
		json_array_append_new(
		    rows, json_pack("{s:s, s:s, s:s}", "client", id, "label", label, "since",
		              instant_text(rq->arena, rows_i64(r, 2), rq->lang)));
	}
	rows_end(r);
	page_title(rq, "oidc.consents.title");
	json_object_set_new(rq->view, "consents", rows);
	return rc;
}

static int withdraw_write(struct request *rq, struct db *db, struct err *err)
{
	const char *client = form_value(rq, "client");
	int64_t n = db_run(db, err, OIDC(CONSENT_DROP), "it", rq->actor.account, client);
	int rc = n < 0 ? (int)n : 0;
	if (n > 0)
		rc = consent_journal(rq, db, "oidc.consent_withdrawn", client, NULL, err);
	if (rc == 0)
		rc = grants_end(db, rq->actor.account, client, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "oidc.consents.withdrawn", NULL);
	return rq_redirect(rq, "/account/consents");
}

int consents_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	return rc < 0 ? rc : rq_write(rq, withdraw_write);
}
