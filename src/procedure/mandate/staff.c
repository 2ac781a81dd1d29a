/* /staff/mandates: registering a mandate at the counter, looking at a proof that was sent, search,
 * end. */
#include "identity/private.h"
#include "procedure/mandate/pages.h"

#include "base/json.h"
#include "base/time.h"
#include "identity/protect/protect.h"
#include "trail/trail.h"

#define NEW                                                                                        \
	(FIELD_OF_AGENT | FIELD_OF_PRINCIPAL | FIELD_OF_NUMBER | FIELD_OF_PRINCIPAL_MAIL |         \
	    FIELD_OF_SEEN)
#define GROUNDS "parent guardian household care letter professional corporate"

static void crumb(struct request *rq)
{
	rq_crumb(rq, rq_tr(rq, "mandate.staff.title"), "/staff/mandates");
}

/* --- the list --- */

static json_t *rows_view(struct request *rq, const struct mandate *list, int n)
{
	json_t *out = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(out, mandate_view(rq, &list[i]));
	return out;
}

static int note(
    struct request *rq, enum trail_kind kind, int n, const char *detail, struct err *err)
{
	return reading_note(rq,
	    &(struct reading){.kind = kind, .fields = TRAIL_BASIC, .count = n, .detail = detail},
	    err);
}

static int list_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct mandate *waiting, *found;
	const char *q = rq_query(rq, "q");
	int n =
	    db ? mandate_waiting(db, rq->arena, rq->actor.person, &waiting, err) : -(int)ERR_STORE;
	int k =
	    n < 0 ? n : mandate_search(db, rq->arena, rq->actor.person, q ? q : "", &found, err);
	if (k < 0)
		return k;
	page_title(rq, "mandate.staff.title");
	json_object_set_new(rq->view, "q", json_string(q ? q : ""));
	json_object_set_new(rq->view, "searched", json_boolean(q && q[0]));
	json_object_set_new(rq->view, "waiting", rows_view(rq, waiting, n));
	json_object_set_new(rq->view, "found", rows_view(rq, found, k));
	int rc = note(rq, TRAIL_LIST, n, NULL, err);
	return rc == 0 && q && q[0] ? note(rq, TRAIL_SEARCH, k, q, err) : rc;
}

/* --- a new one, at the counter --- */

static void new_view(struct request *rq)
{
	crumb(rq);
	page_title(rq, "mandate.staff.new_title");
	mandate_form(
	    rq, page_form(rq, "/staff/mandates/new", "mandate.staff.new_button"), NEW, GROUNDS);
}

static int new_get(struct request *rq, struct err *err)
{
	(void)err;
	new_view(rq);
	return 0;
}

/* The resident with this mail address; a protected one is there for those named only. 1, 0, <0. */
static int resident(
    struct request *rq, struct db *db, const char *name, struct account *out, struct err *err)
{
	int rc = account_find(
	    db, rq->arena, "resident", mail_tidy(rq->arena, form_value(rq, name)), out, err);
	return rc > 0
	           ? account_is_active(out) && !protect_hides_account(db, out->id, rq->actor.person)
	           : rc;
}

static int no_account(const char *field, struct err *err)
{
	return err_field(err, ERR_INPUT, field, "mandate.problem.account", "no such account");
}

/* The person of the principal's account, when one was named. */
static int principal_of(struct request *rq, struct db *db, struct account *out, struct err *err)
{
	*out = (struct account){0};
	if (!form_value(rq, "principal_mail")[0])
		return 0;
	int rc = resident(rq, db, "principal_mail", out, err);
	return rc == 0 ? no_account("principal_mail", err) : rc < 0 ? rc : 0;
}

static int tell_both(
    struct request *rq, struct db *db, int64_t id, const char *event, struct err *err)
{
	struct mandate m;
	int rc = mandate_get(db, rq->arena, id, &m, err);
	if (rc > 0)
		rc = mandate_tell(rq, db, m.agent, event, &m, err);
	return rc == 0 ? mandate_tell(rq, db, m.principal_account, event, &m, err) : rc;
}

static int new_write(struct request *rq, struct db *db, struct err *err)
{
	struct mandate m;
	struct account agent, principal;
	int64_t id;
	mandate_take(rq, NEW, &m);
	int rc = resident(rq, db, "agent_mail", &agent, err);
	if (rc == 0)
		rc = no_account("agent_mail", err);
	else if (rc > 0)
		rc = principal_of(rq, db, &principal, err);
	if (rc < 0)
		return rc;
	m.state = "active";
	m.proof = "documents";
	m.agent = agent.id;
	m.principal = principal.person;
	m.principal_account = principal.id;
	rc = mandate_make(db, rq->actor.id, &m, &id, err);
	if (rc == 0)
		rc = tell_both(rq, db, id, "registered", err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "mandate.staff.registered", NULL);
	return rq_redirect(rq, "/staff/mandates/%lld", (long long)id);
}

static int new_post(struct request *rq, struct err *err)
{
	struct mandate m;
	(void)err;
	new_view(rq);
	mandate_take(rq, NEW, &m);
	return rq_write_or(rq, new_write, problem_page);
}

/* --- one of them --- */

static const struct form_field_spec seen_field = {
    "seen", "mandate.field.seen", "mandate.field.seen_help", "is_text", "off", true, 300};
static const struct form_field_spec mail_field = {"principal_mail", "mandate.field.principal_mail",
    "mandate.field.principal_mail_help", "is_email", "off", false, 254};
static const struct form_field_spec reason_field = {
    "reason", "mandate.field.reason", "mandate.field.reason_help", "is_text", "off", true, 300};

static int staff_mandate(struct request *rq, struct db *db, struct mandate *m, struct err *err)
{
	int64_t id = rq_param_i64(rq, "id");
	int rc = mandate_for_staff(db, rq->arena, rq->actor.person, id, m, err);
	return rc == 0  ? err_set(err, ERR_MISSING, NULL, "mandate %lld", (long long)id)
	       : rc < 0 ? rc
	                : 0;
}

/* view.forms: an act each. */
static void act_form(struct request *rq, long long id, const char *act, const char *button,
    const struct form_field_spec *const *specs)
{
	json_t *forms = json_object_get(rq->view, "forms");
	json_t *form =
	    page_form(rq, arena_printf(rq->arena, "/staff/mandates/%lld/%s", id, act), button);
	bool posted = text_eq(rq->method == HTTP_POST ? rq_param(rq, "do") : NULL, act);
	for (; *specs; specs++) {
		json_t *field = form_field(
		    rq, form, *specs, json_string(posted ? form_value(rq, (*specs)->name) : ""));
		json_object_set_new(field, "id", json_sprintf("%s-%s", act, (*specs)->name));
		if (!posted)
			json_object_del(field, "problem");
	}
	json_object_set_new(form, "posted", json_boolean(posted));
	json_object_set_new(form, "danger", json_boolean(!text_eq(act, "approve")));
	json_array_append(forms, form);
	json_object_del(rq->view, "form");
}

static int show(struct request *rq, struct db *db, struct err *err)
{
	static const struct form_field_spec *const approve[] = {&seen_field, &mail_field, NULL},
	                                           *const why[] = {&reason_field, NULL};
	struct mandate m;
	int rc = staff_mandate(rq, db, &m, err);
	if (rc < 0)
		return rc;
	json_t *view = mandate_view(rq, &m);
	json_object_update_new(view,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s?}", "birthday", m.birthday, "address",
	        m.address, "proof", rq_tr(rq, arena_printf(rq->arena, "mandate.proof.%s", m.proof)),
	        "proof_text", m.proof_text, "reason", m.reason, "has_account",
	        (int)(m.principal != 0), "file", m.file[0] ? m.file_name : NULL));
	json_object_set_new(rq->view, "mandate", view);
	json_object_set_new(rq->view, "forms", json_array());
	if (text_eq(json_text(view, "state"), "waiting")) {
		act_form(rq, m.id, "approve", "mandate.staff.approve", approve);
		act_form(rq, m.id, "refuse", "mandate.staff.refuse", why);
	} else if (json_is_true(json_object_get(view, "open"))) {
		act_form(rq, m.id, "end", "mandate.staff.end", why);
	}
	crumb(rq);
	page_title(rq, "mandate.one_title");
	return reading_note(rq,
	    &(struct reading){.kind = TRAIL_READ,
	        .fields = TRAIL_BASIC,
	        .person = m.principal,
	        .subject = arena_printf(rq->arena, "mandate:%lld", (long long)m.id)},
	    err);
}

static int one_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	return db ? show(rq, db, err) : -(int)ERR_STORE;
}

static int file_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct mandate m;
	int rc = db ? staff_mandate(rq, db, &m, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	if (!m.file[0])
		return err_set(err, ERR_MISSING, NULL, "no file");
	rc = reading_note(rq,
	    &(struct reading){.kind = TRAIL_FILE,
	        .person = m.principal,
	        .subject = arena_printf(rq->arena, "mandate:%lld", (long long)m.id),
	        .detail = m.file_name},
	    err);
	return rc < 0 ? rc : rq_send_blob(rq, m.file, m.file_type, m.file_name, false, err);
}

static int do_write(struct request *rq, struct db *db, struct err *err)
{
	const char *what = rq_param(rq, "do"), *event = "approved";
	struct mandate m;
	struct account principal;
	int rc = staff_mandate(rq, db, &m, err);
	if (rc < 0)
		return rc;
	bool waits = text_eq(m.state, "proposed");
	if (text_eq(what, "approve")) {
		rc = principal_of(rq, db, &principal, err);
		if (rc == 0)
			rc = mandate_decide(db, rq->actor.id, m.id, true, form_value(rq, "seen"),
			    principal.person, err);
	} else if (text_eq(what, "refuse") || text_eq(what, "end")) {
		const char *reason = form_value(rq, "reason");
		event = text_eq(what, "end") ? "ended" : "refused";
		rc =
		    !reason[0]
		        ? err_field(err, ERR_INPUT, "reason", "mandate.problem.reason", "no reason")
		    : text_eq(what, "refuse") && !waits
		        ? err_set(err, ERR_CONFLICT, "mandate.problem.over", "decided")
		        : mandate_end(db, rq->actor.id, m.id, text_eq(what, "refuse"), reason, err);
	} else {
		rc = err_set(err, ERR_MISSING, NULL, "no act %s", what);
	}
	if (rc == 0)
		rc = tell_both(rq, db, m.id, event, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "mandate.staff.saved", NULL);
	return rq_redirect(rq, "/staff/mandates/%lld", (long long)m.id);
}

static int do_failed(struct request *rq, struct err *err)
{
	struct err again;
	struct db *db = rq_db(rq, &again);
	if (err->kind != ERR_INPUT || !err->msg || !db)
		return -(int)err->kind;
	rq_problem(rq, err->field, err->msg, NULL);
	int rc = show(rq, db, &again);
	json_object_set_new(rq->view, "problem_at",
	    json_string(arena_printf(rq->arena, "%s-", rq_param(rq, "do"))));
	return rc;
}

static int do_post(struct request *rq, struct err *err)
{
	(void)err;
	return rq_write_or(rq, do_write, do_failed);
}

/* --- the table --- */

static const struct input list_query[] = {{"q", "string", false, 100}, {NULL, NULL, false, 0}};
static const struct input new_inputs[] = {{"agent_mail", "string", false, 254},
    {"name", "string", false, 100}, {"corporate_number", "string", false, 20},
    {"birthday", "date", false, 40}, {"address", "string", false, 300},
    {"principal_mail", "string", false, 254}, {"ground", "string", false, 20},
    {"scope", "string", false, 10}, {"events", "string", false, 40},
    {"procedures", "string", false, 80}, {"acts", "string", false, 10}, {"from", "date", false, 40},
    {"until", "date", false, 40}, {"seen", "string", false, 300}, {NULL, NULL, false, 0}};
static const struct input do_inputs[] = {{"seen", "string", false, 300},
    {"principal_mail", "string", false, 254}, {"reason", "string", false, 300},
    {NULL, NULL, false, 0}};

#define MANAGE .perm = "mandate.manage"

static const struct route routes[] = {
    {HTTP_GET, "/staff/mandates", list_get, MANAGE, .template = "procedure/staff-mandates",
        .inputs = list_query, .summary = "Mandates that wait to be looked at, and search."},
    {HTTP_GET, "/staff/mandates/new", new_get, MANAGE, .template = "identity/form-staff",
        .summary = "Form for a mandate shown at the counter."},
    {HTTP_POST, "/staff/mandates/new", new_post, MANAGE, .template = "identity/form-staff",
        .inputs = new_inputs, .summary = "Registers a mandate.", .rate = RATE_WRITE},
    {HTTP_GET, "/staff/mandates/{id}", one_get, MANAGE, .template = "procedure/staff-mandate",
        .summary = "A mandate and its proof."},
    {HTTP_GET, "/staff/mandates/{id}/file", file_get, MANAGE, .summary = "The proof that was sent.",
        .flags = ROUTE_RAW},
    {HTTP_POST, "/staff/mandates/{id}/{do}", do_post, MANAGE, .template = "procedure/staff-mandate",
        .inputs = do_inputs, .summary = "Approves, refuses or ends a mandate.", .rate = RATE_WRITE},
};

static const struct menu_item menu[] = {
    {"mandate.staff.title", "/staff/mandates", "mandate.manage", "staff", 25},
};

const struct module mandate_staff_pages = {
    .name = "procedure.mandate-staff",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
    .menu = menu,
    .nmenu = COUNT(menu),
};
