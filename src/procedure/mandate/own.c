/* /account/mandates: who may act for me, and for whom I may act; giving, asking, accepting and
 * ending. Nobody is looked for here: who is to act gets a link by mail. */
#include "identity/assurance/assurance.h"
#include "procedure/mandate/pages.h"

#include "base/json.h"
#include "base/time.h"
#include "document/document.h"
#include "notice/notice.h"
#include "store/blob.h"

enum { INVITATION_S = 14 * 24 * 3600 };
#define GIVE FIELD_OF_MAIL
#define GIVE_GROUNDS "household care letter professional guardian"
#define ASK (FIELD_OF_PRINCIPAL | FIELD_OF_FILE)
#define ASK_GROUNDS "parent guardian household care letter professional"
static const char invitation[] = "mandate";

/* --- the list --- */

static json_t *rows_view(struct request *rq, const struct mandate *list, int n, bool mine)
{
	json_t *out = json_array();
	for (int i = 0; i < n; i++) {
		json_t *row = mandate_view(rq, &list[i]);
		json_object_set_new(row, "other",
		    json_string(!mine           ? list[i].name
		                : list[i].agent ? list[i].agent_name
		                                : list[i].invited));
		json_array_append_new(out, row);
	}
	return out;
}

static void crumb(struct request *rq)
{
	rq_crumb(rq, rq_tr(rq, "mandate.title"), "/account/mandates");
}

static int list_get(struct request *rq, struct err *err)
{
	struct own *o;
	struct mandate *mine, *given;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	struct db *db = rq_db(rq, err);
	int n = mandate_of_principal(db, rq->arena, o->account.person, &mine, err);
	int k = n < 0 ? n : mandate_of_agent(db, rq->arena, o->account.id, &given, err);
	if (k < 0)
		return k;
	page_title(rq, "mandate.title");
	json_object_set_new(rq->view, "mine", rows_view(rq, mine, n, true));
	json_object_set_new(rq->view, "given", rows_view(rq, given, k, false));
	return 0;
}

/* --- giving one: on one's own page, with the password or a second factor --- */

static void give_view(struct request *rq)
{
	crumb(rq);
	page_title(rq, "mandate.give.title");
	json_object_set_new(rq->view, "lead", json_string(rq_tr(rq, "mandate.give.lead")));
	json_t *form = page_form(rq, "/account/mandates/new", "mandate.give.button");
	mandate_form(rq, form, GIVE, GIVE_GROUNDS);
	fresh_field(rq, form);
}

static int give_get(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc == 0)
		give_view(rq);
	return rc;
}

static int invite_by_mail(struct request *rq, struct db *db, const struct own *o,
    const struct mandate *m, int64_t id, struct err *err)
{
	char *token;
	int rc = challenge_make(db, rq->arena, invitation, 0,
	    arena_printf(rq->arena, "%lld", (long long)id), INVITATION_S, &token, err);
	if (rc < 0)
		return rc;
	json_t *view = json_pack("{s:b, s:s, s:s, s:s, s:i}", "invited", 1, "principal", m->name,
	    "city", city_name(rq->city, rq->lang), "url",
	    mail_link(rq, rq->lang, "/account/mandates/invitation/", token), "days",
	    INVITATION_S / 86400);
	/* About the principal's account: who may not see it does not see the mail either. */
	rc = notice_mail(db, m->invited, rq->lang, "procedure/mandate",
	    arena_printf(rq->arena, "account:%lld", (long long)o->account.id), view, err);
	json_decref(view);
	return rc;
}

static int give_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	struct mandate m;
	int64_t id, wait_us;
	char attempt[TOKEN_HASH_SIZE];
	mandate_take(rq, GIVE, &m);
	m.state = "proposed";
	m.proof = "own";
	m.principal = o->account.person;
	m.principal_account = o->account.id;
	m.name = o->account.name;
	m.birthday = m.address = "";
	/* Nobody's mail box is flooded from here. */
	attempt_key("mandate", login_fold(rq->arena, m.invited), attempt);
	int rc = attempt_begin(db, attempt, rq->now_us, &wait_us, err);
	if (rc < 0)
		return rc;
	if (wait_us > 0) {
		wait_problem(rq, "mail", wait_us);
		return 0;
	}
	rc = mandate_make(db, rq->actor.id, &m, &id, err);
	if (rc == 0)
		rc = invite_by_mail(rq, db, o, &m, id, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "mandate.give.done", NULL);
	return rq_redirect(rq, "/account/mandates");
}

static int give_post(struct request *rq, struct err *err)
{
	struct own *o;
	struct mandate m;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	give_view(rq);
	mandate_take(rq, GIVE, &m);
	o->write = give_write;
	return with_fresh(rq, o);
}

/* --- asking for one: with a proof that staff look at --- */

struct asking {
	struct mandate m;
	char blob[BLOB_NAME_SIZE];
};

static void ask_view(struct request *rq)
{
	crumb(rq);
	page_title(rq, "mandate.ask.title");
	json_object_set_new(rq->view, "lead", json_string(rq_tr(rq, "mandate.ask.lead")));
	mandate_form(
	    rq, page_form(rq, "/account/mandates/ask", "mandate.ask.button"), ASK, ASK_GROUNDS);
}

static int ask_get(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc == 0)
		ask_view(rq);
	return rc;
}

static int ask_write(struct request *rq, struct db *db, struct err *err)
{
	struct asking *a = rq_data(rq);
	int64_t id;
	int rc = mandate_make(db, rq->actor.id, &a->m, &id, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "mandate.ask.done", NULL);
	return rq_redirect(rq, "/account/mandates");
}

/* The proof: looked at before it is kept. */
static int ask_work(struct request *rq, struct err *err)
{
	struct asking *a = rq_data(rq);
	const struct upload *u = rq_upload(rq, "file", 0);
	const char *found = NULL;
	bool kind = u && (text_eq(u->type, "application/pdf") || text_eq(u->type, "image/png") ||
	                     text_eq(u->type, "image/jpeg"));
	if (!u || u->size == 0)
		form_problem(rq, "file", "mandate.problem.file", NULL);
	else if (!kind)
		form_problem(rq, "file", "mandate.problem.kind", NULL);
	if (rq_has_problems(rq))
		return 0;
	int rc = file_look(rq->city, u->type, u->fd, u->size, &found, err);
	if (rc == 0 && found) {
		form_problem(rq, "file", "mandate.problem.refused", NULL);
		return 0;
	}
	if (rc == 0)
		rc = blob_put_fd(rq->city->store, u->fd, a->blob, err);
	if (rc < 0)
		return rc;
	a->m.file = a->blob;
	a->m.file_name = u->filename;
	a->m.file_type = u->type;
	return rq_write_or(rq, ask_write, problem_page);
}

static int ask_post(struct request *rq, struct err *err)
{
	struct own *o;
	struct asking *a = arena_new_of(rq->arena, struct asking);
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	ask_view(rq);
	mandate_take(rq, ASK, &a->m);
	a->m.state = "proposed";
	a->m.proof = "file";
	a->m.agent = o->account.id;
	rq_set_data(rq, a);
	return rq_defer(rq, ask_work);
}

/* --- accepting --- */

/* The mandate that the link of the address invites to: 1, 0 there is none any more, <0. */
static int invited(struct request *rq, struct db *db, struct mandate *m, struct err *err)
{
	char *data;
	int64_t id;
	int rc = challenge_look(db, rq->arena, invitation, rq_param(rq, "token"), NULL, &data, err);
	if (rc > 0 && str_to_i64(str_from(data), 1, INT64_MAX, &id))
		rc = mandate_get(db, rq->arena, id, m, err);
	return rc > 0 ? text_eq(m->state, "proposed") && !m->agent : rc;
}

static int invitation_get(struct request *rq, struct err *err)
{
	struct own *o;
	struct mandate m;
	int rc = own_open(rq, &o, err);
	if (rc == 0)
		rc = invited(rq, rq_db(rq, err), &m, err);
	if (rc < 0)
		return rc;
	crumb(rq);
	page_title(rq, "mandate.invitation.title");
	page_secret(rq);
	if (rc == 0)
		rq->status = 410;
	else
		json_object_set_new(rq->view, "mandate", mandate_view(rq, &m));
	return 0;
}

static int invitation_write(struct request *rq, struct db *db, struct err *err)
{
	bool yes = text_eq(rq_form(rq, "answer"), "accept");
	struct mandate m;
	int rc = invited(rq, db, &m, err);
	if (rc == 0)
		return err_set(err, ERR_CONFLICT, "mandate.problem.over", "used or over");
	if (rc > 0)
		rc = challenge_take(
		    db, rq->arena, invitation, rq_param(rq, "token"), NULL, NULL, err);
	if (rc > 0)
		rc = yes ? mandate_accept(
		               db, rq->actor.id, m.id, rq->actor.account, rq->actor.person, err)
		         : mandate_end(db, rq->actor.id, m.id, true, "", err);
	if (rc == 0 && yes && (rc = mandate_get(db, rq->arena, m.id, &m, err)) > 0)
		rc = 0;
	if (rc == 0)
		rc = mandate_tell(
		    rq, db, m.principal_account, yes ? "accepted" : "refused", &m, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", yes ? "mandate.invitation.accepted" : "mandate.invitation.refused",
	    NULL);
	return rq_redirect(rq, "/account/mandates");
}

static int invitation_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	return rc < 0 ? rc : rq_write(rq, invitation_write);
}

/* --- one of them --- */

/* The mandate of the path, of which one is either side: others have none. */
static int own_mandate(
    struct request *rq, struct db *db, const struct own *o, struct mandate *m, struct err *err)
{
	int rc = mandate_get(db, rq->arena, rq_param_i64(rq, "id"), m, err);
	bool mine = rc > 0 && (m->agent == o->account.id ||
	                          (m->principal && m->principal == o->account.person));
	return rc < 0 ? rc
	       : mine ? 0
	              : err_set(err, ERR_MISSING, NULL, "no mandate for %s", rq->actor.id);
}

static int one_get(struct request *rq, struct err *err)
{
	struct own *o;
	struct mandate m;
	int rc = own_open(rq, &o, err);
	if (rc == 0)
		rc = own_mandate(rq, rq_db(rq, err), o, &m, err);
	if (rc < 0)
		return rc;
	json_t *view = mandate_view(rq, &m);
	bool mine = m.agent != o->account.id;
	json_object_set_new(view, "mine", json_boolean(mine));
	if (mine && m.invited[0])
		json_object_set_new(view, "invited", json_string(m.invited));
	if (m.reason[0])
		json_object_set_new(view, "reason", json_string(m.reason));
	json_object_set_new(view, "proof",
	    json_string(rq_tr(rq, arena_printf(rq->arena, "mandate.proof.%s", m.proof))));
	json_object_set_new(rq->view, "mandate", view);
	crumb(rq);
	page_title(rq, "mandate.one_title");
	return 0;
}

static int end_write(struct request *rq, struct db *db, struct err *err)
{
	struct own *o = rq_data(rq);
	struct mandate m;
	int rc = own_mandate(rq, db, o, &m, err);
	if (rc == 0)
		rc = mandate_end(db, rq->actor.id, m.id, false, "", err);
	if (rc == 0)
		rc = mandate_tell(rq, db, m.agent == o->account.id ? m.principal_account : m.agent,
		    "ended", &m, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "mandate.ended_now", NULL);
	return rq_redirect(rq, "/account/mandates");
}

static int end_post(struct request *rq, struct err *err)
{
	struct own *o;
	int rc = own_open(rq, &o, err);
	if (rc < 0)
		return rc;
	rq_set_data(rq, o);
	return rq_write(rq, end_write);
}

/* --- the table --- */

#define WHAT                                                                                       \
	{"ground", "string", false, 20}, {"scope", "string", false, 10},                           \
	    {"events", "string", false, 40}, {"procedures", "string", false, 80},                  \
	    {"acts", "string", false, 10}, {"from", "date", false, 40},                            \
	{                                                                                          \
		"until", "date", false, 40                                                         \
	}
static const struct input give_inputs[] = {
    {"mail", "string", false, 254}, WHAT, {"password", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input ask_inputs[] = {{"name", "string", false, 100},
    {"birthday", "date", false, 40}, {"address", "string", false, 300}, WHAT,
    {"file", "file", false, 0}, {NULL, NULL, false, 0}};
static const struct input answer_inputs[] = {
    {"answer", "string", true, 10}, {NULL, NULL, false, 0}};

static const struct route routes[] = {
    {HTTP_GET, "/account/mandates", list_get, .perm = "resident", .template = "procedure/mandates",
        .summary = "Who may act for me, and for whom I may act."},
    {HTTP_GET, "/account/mandates/new", give_get, .perm = "resident",
        .template = "procedure/mandate-form", .summary = "Form to let somebody act for me."},
    {HTTP_POST, "/account/mandates/new", give_post, .perm = "resident",
        .template = "procedure/mandate-form", .inputs = give_inputs,
        .summary = "Invites somebody by mail to act for me.", .rate = RATE_LOGIN},
    {HTTP_GET, "/account/mandates/ask", ask_get, .perm = "resident",
        .template = "procedure/mandate-form",
        .summary = "Form to have a mandate registered that one holds."},
    {HTTP_POST, "/account/mandates/ask", ask_post, .perm = "resident",
        .template = "procedure/mandate-form", .inputs = ask_inputs, .flags = ROUTE_UPLOAD,
        .summary = "Asks the office to register a mandate, with its proof.", .rate = RATE_WRITE},
    {HTTP_GET, "/account/mandates/invitation/{token}", invitation_get, .perm = "resident",
        .template = "procedure/mandate-invitation",
        .summary = "An invitation to act for somebody."},
    {HTTP_POST, "/account/mandates/invitation/{token}", invitation_post, .perm = "resident",
        .inputs = answer_inputs, .summary = "Accepts or refuses it.", .rate = RATE_WRITE},
    {HTTP_GET, "/account/mandates/{id}", one_get, .perm = "resident",
        .template = "procedure/mandate-one", .summary = "One mandate of mine."},
    {HTTP_POST, "/account/mandates/{id}/end", end_post, .perm = "resident",
        .summary = "Ends a mandate, by either side.", .rate = RATE_WRITE},
};

const struct module mandate_own_pages = {
    .name = "procedure.mandate",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
