/* Levels of a session, and the page that lets a person raise them ("step-up").
 *
 * What is asked for again proves somebody once more; the session's first factor is the session
 * itself. Its cookie changes, so that a stolen one does not rise with it. */
#include "identity/assurance/assurance.h"

#include <string.h>

#include "base/time.h"

static int64_t level_until_us(const struct request *rq)
{
	enum { MINUTES_DEFAULT = 15, MINUTES_MAX = 24 * 60 };
	int64_t minutes = city_setting_i64(rq->city, "step-up.minutes", MINUTES_DEFAULT);
	if (minutes < 1 || minutes > MINUTES_MAX)
		minutes = MINUTES_DEFAULT;
	return rq->now_us + minutes * 60 * 1000000;
}

struct session_level session_level_of(const struct request *rq, const struct sign_in_how *how)
{
	return (struct session_level){
	    .method = how->method, .level = how->level, .until_us = level_until_us(rq)};
}

int session_raise(struct request *rq, struct db *db, const struct sign_in_how *how, struct err *err)
{
	struct account account;
	int rc = own_account(rq, db, &account, err);
	struct session_level level = session_level_of(rq, how);
	if (rc == 0)
		rc = session_renew(rq, db, &level, err);
	return rc < 0 ? rc : sign_in_log(rq, db, &account, how->method, "raised", err);
}

/* The identity proofing level of who asks; staff are known to the city. */
static int identity_level(struct request *rq, struct db *db, struct err *err)
{
	return rq->actor.kind == ACTOR_STAFF ? ASSURANCE_MAX
	                                     : proof_level(db, rq->actor.person, err);
}

static bool enough(struct assurance present, struct assurance needed)
{
	return present.identity >= needed.identity &&
	       present.authentication >= needed.authentication;
}

/* 0 or <0. */
static int present_level(struct request *rq, struct assurance *out, struct err *err)
{
	struct db *db = rq_db(rq, err);
	int identity = db ? identity_level(rq, db, err) : -(int)ERR_STORE;
	*out = (struct assurance){identity, rq->actor.level};
	return identity < 0 ? identity : 0;
}

static json_t *levels(struct assurance a)
{
	return json_pack("{s:i, s:i}", "identity", a.identity, "authentication", a.authentication);
}

int assurance_demand(struct request *rq, struct assurance needed, const char *next, struct err *err)
{
	struct assurance present;
	int rc = present_level(rq, &present, err);
	if (rc < 0 || enough(present, needed))
		return rc;
	const char *page =
	    arena_printf(rq->arena, "/account/assurance?identity=%d&authentication=%d",
	        needed.identity, needed.authentication);
	if (rq->wants_json || rq->actor.token) {
		rq_problem_member(rq, "needed", levels(needed));
		rq_problem_member(rq, "present", levels(present));
		rq_problem_member(rq, "href", json_string(page));
		return err_set(err, ERR_DENIED, "identity.assurance.needed",
		    "%s has identity %d, authentication %d", rq->actor.id, present.identity,
		    present.authentication);
	}
	struct buf b;
	buf_init(&b, rq->arena);
	buf_printf(&b, "%s&next=", page);
	buf_url(&b, str_from(next ? next : rq->url));
	(void)rq_redirect(rq, "%s", b.p);
	return 1;
}

/* --- the page --- */

static int level_param(struct request *rq, const char *name)
{
	int64_t level;
	return str_to_i64(str_from(rq_query(rq, name)), 1, ASSURANCE_MAX, &level) ? (int)level : 1;
}

/* Would this way bring what is missing? */
static bool helps(const struct sign_in_method *m, struct assurance present, struct assurance needed)
{
	return (present.authentication < needed.authentication &&
	           m->level >= needed.authentication) ||
	       (present.identity < needed.identity && m->proof >= needed.identity);
}

/* view.ways: what can be used now; view.others: what can be set up. */
static int ways_view(struct request *rq, struct assurance present, struct assurance needed,
    const char *next, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct account account;
	int rc = db ? own_account(rq, db, &account, err) : -(int)ERR_STORE;
	/* Who lacks two things comes back here for the other one. */
	bool both =
	    present.identity < needed.identity && present.authentication < needed.authentication;
	json_t *ways = json_array(), *others = json_array();
	json_object_set_new(rq->view, "ways", ways);
	json_object_set_new(rq->view, "others", others);
	for (int i = 0; i < nsign_in_methods && rc >= 0; i++) {
		const struct sign_in_method *m = &sign_in_methods[i];
		const char *text;
		if (!m->raise || !method_offered(rq, m) || !helps(m, present, needed))
			continue;
		rc = m->state ? m->state(rq, db, &account, &text, err) : 1;
		if (rc > 0)
			way_entries(rq, m, m->raise, both ? rq->url : next, ways);
		else if (rc == 0 && m->manage)
			way_entries(rq, m, m->manage, NULL, others);
	}
	return rc < 0 ? rc : 0;
}

static const char *proof_state(const struct proof *p)
{
	char now[DAY_SIZE];
	today(now);
	return p->ended_us                 ? "identity.assurance.ended"
	       : strcmp(p->until, now) < 0 ? "identity.assurance.over"
	                                   : "identity.assurance.holds";
}

/* "Driving licence, passport"; "" for other methods. */
static const char *documents_of(struct request *rq, const struct proof *p)
{
	json_t *data = json_on_arena(rq->arena, json_loads(p->data, 0, NULL)), *name;
	struct buf b;
	size_t i;
	buf_init(&b, rq->arena);
	buf_puts(&b, "");
	json_array_foreach(json_object_get(data, "documents"), i, name)
	{
		buf_printf(&b, "%s%s", i ? rq_tr(rq, "identity.counter.and") : "",
		    document_text(rq, json_string_value(name)));
	}
	return b.p;
}

/* view.proofs: how the person was proven so far. */
static int proofs_view(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct proof *list;
	json_t *rows = json_array();
	int n = db ? proof_list(db, rq->arena, rq->actor.person, &list, err) : -(int)ERR_STORE;
	for (int i = 0; i < n; i++) {
		const struct proof *p = &list[i];
		const char *state = proof_state(p);
		const char *method = text_eq(p->method, "card") ? "identity.method.signature"
		                     : text_eq(p->method, "counter")
		                         ? "identity.counter.by"
		                         : "identity.assurance.by_provider";
		json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:b}", "method", rq_tr(rq, method),
		    "from", p->from, "state", rq_tr(rq, state), "level",
		    rq_tr(rq, arena_printf(rq->arena, "identity.assurance.level.%d", p->level)),
		    "holds", (int)text_eq(state, "identity.assurance.holds"));
		if (!text_eq(p->until, DAY_LAST))
			json_object_set_new(row, "until", json_string(p->until));
		json_object_set_new(row, "documents", json_string(documents_of(rq, p)));
		json_array_append_new(rows, row);
	}
	json_object_set_new(rq->view, "proofs", rows);
	return n < 0 ? n : 0;
}

int assurance_get(struct request *rq, struct err *err)
{
	struct assurance present,
	    needed = {level_param(rq, "identity"), level_param(rq, "authentication")};
	const char *next = next_of(rq);
	bool asked = rq_query(rq, "identity") || rq_query(rq, "authentication");
	int rc = present_level(rq, &present, err);
	if (rc < 0)
		return rc;
	if (asked && enough(present, needed))
		return rq_redirect(rq, "%s", next ? next : "/account");
	if (!asked)
		needed.identity = ASSURANCE_MAX; /* the ways to become surer */
	rc = ways_view(rq, present, needed, next, err);
	if (rc == 0)
		rc = proofs_view(rq, err);
	page_title(rq, asked ? "identity.assurance.title" : "identity.assurance.known_title");
	account_crumb(rq);
	json_object_set_new(rq->view, "missing", json_boolean(asked));
	json_object_set_new(rq->view, "present_text",
	    json_string(rq_tr(
	        rq, arena_printf(rq->arena, "identity.assurance.present.%d", present.identity))));
	json_object_set_new(rq->view, "needed", levels(needed));
	json_object_set_new(rq->view, "present", levels(present));
	if (present.identity < needed.identity)
		json_object_set_new(rq->view, "who",
		    json_string(rq_tr(rq, arena_printf(rq->arena, "identity.assurance.identity.%d",
		                              needed.identity))));
	if (present.authentication < needed.authentication)
		json_object_set_new(rq->view, "how",
		    json_string(
		        rq_tr(rq, arena_printf(rq->arena, "identity.assurance.authentication.%d",
		                      needed.authentication))));
	return rc;
}

/* --- with a time-based or recovery code --- */

static void code_view(struct request *rq)
{
	static const struct form_field_spec code = {"code", "identity.second.code",
	    "identity.second.code_help", "is_text", "one-time-code", true, 20};
	page_title(rq, "identity.assurance.code_title");
	account_crumb(rq);
	json_t *form = page_form(rq, "/account/assurance/totp", "identity.assurance.code_button");
	json_t *field = form_field(rq, form, &code, NULL);
	json_object_set_new(field, "inputmode", json_string("text"));
	json_object_set_new(field, "width", json_integer(10));
	page_next(rq, "/account/assurance/totp", next_of(rq));
}

/* Who has no second factor sets one up first. */
static int code_account(struct request *rq, struct db *db, struct account *account, struct err *err)
{
	int rc = own_account(rq, db, account, err);
	if (rc < 0)
		return rc;
	return account->totp ? 1 : rq_redirect(rq, "/account/totp");
}

int assurance_code_get(struct request *rq, struct err *err)
{
	struct account account;
	struct db *db = rq_db(rq, err);
	int rc = db ? code_account(rq, db, &account, err) : -(int)ERR_STORE;
	if (rc > 0)
		code_view(rq);
	return rc < 0 ? rc : 0;
}

static int code_write(struct request *rq, struct db *db, struct err *err)
{
	int64_t wait_us;
	char attempt[TOKEN_HASH_SIZE];
	struct account account;
	struct sign_in_how how;
	int rc = code_account(rq, db, &account, err);
	if (rc <= 0)
		return rc;
	code_view(rq);
	rc = second_attempt(rq, db, &account, attempt, &wait_us, err);
	if (rc < 0 || wait_us > 0)
		return rc;
	rc = second_fits(rq, db, &account, form_value(rq, "code"), &how, err);
	if (rc < 0)
		return rc;
	if (rc == 0) {
		form_problem(rq, "code", "identity.second.wrong", NULL);
		return sign_in_log(rq, db, &account, "totp", "second", err);
	}
	rc = attempt_clear(db, attempt, err);
	if (rc == 0)
		rc = session_raise(rq, db, &how, err);
	const char *next = next_of(rq);
	return rc < 0 ? rc : rq_redirect(rq, "%s", next ? next : "/account");
}

int assurance_code_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write(rq, code_write);
}
