/* The applicant's side: drafts, submission, answers to a correction request, withdrawal. */
#include "procedure/application/life.h"

#include "base/log.h"
#include "identity/identity.h"

/* --- what the definition says --- */

static bool applicant_allowed(const struct procedure *proc, const char *kind)
{
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(procedure_json(proc), "applicants"), i, v)
	{
		if (text_eq(json_string_value(v), kind))
			return true;
	}
	return false;
}

static int window_check(const struct procedure *proc, struct date on, struct err *err)
{
	struct date from, until;
	if (procedure_open(proc, on, &from, &until))
		return 0;
	return err_set(err, ERR_CONFLICT, "application.window", "%s is closed on %04d-%02d-%02d",
	    procedure_id(proc), on.year, on.month, on.day);
}

/* The definition's department; when it is not there (any more), the city's fallback; else the first
 * of the organisation. 0 only where there is no department at all. */
static int department_of(struct db *db, struct arena *a, const struct procedure *proc,
    int64_t *department, struct err *err)
{
	const char *name = json_string_value(json_object_get(procedure_json(proc), "department"));
	char *fallback = NULL;
	struct department *all;
	*department = 0;
	int rc = name ? department_by_name(db, name, department, err) : 0;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	log_warn("application.department", "%s: there is no department %s", procedure_id(proc),
	    name ? name : "");
	rc = city_fallback_department(db, a, &fallback, err);
	if (rc > 0)
		rc = department_by_name(db, fallback, department, err);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = department_tree(db, a, date_format(a, date_of_us(now_us())), &all, err);
	if (rc > 0)
		*department = all[0].id;
	return rc < 0 ? rc : 0;
}

/* Period, fee rule and retention are taken over at submission, so that the functions that follow do
 * not need the definition. */
static int terms_take(struct db *db, struct arena *a, const struct procedure *proc,
    struct app_row *r, struct err *err)
{
	struct calendar calendar;
	int rc = city_calendar(db, a, &calendar, err);
	if (rc < 0)
		return rc;
	const json_t *def = procedure_json(proc);
	const json_t *period = json_object_get(def, "period"), *fee = json_object_get(def, "fee");
	const json_t *keep = json_object_get(def, "retention"),
	             *years = json_object_get(keep, "years");
	struct date arrived = date_of_us(r->submitted_us);
	r->period_days = json_integer_value(json_object_get(period, "days"));
	r->period_kind = text_eq(json_string_value(json_object_get(period, "kind")), "business")
	                     ? "business"
	                     : "calendar";
	r->due = period_due(&calendar, a, arrived, (int)r->period_days, r->period_kind);
	r->fee_before = text_eq(json_string_value(json_object_get(fee, "when")), "before_decision");
	r->retention_years = json_is_integer(years) ? json_integer_value(years) : 0;
	if (text_eq(json_string_value(json_object_get(keep, "from")), "submission"))
		r->disposal_on = retention_end(a, arrived, (int)r->retention_years);
	return 0;
}

/* --- drafts --- */

static int draft_insert(struct db *db, struct arena *a, const struct app_actor *actor,
    struct app_row *r, json_t *answers, struct err *err)
{
	row_set_answers(a, r, answers);
	r->turn = 1;
	int rc = row_insert(db, r, err);
	if (rc < 0 || (rc = attachments_sync(db, a, r, answers, err)) < 0)
		return rc;
	json_t *data = json_pack("{s:s, s:s, s:s}", "procedure", r->procedure, "version",
	    r->version, "channel", r->channel);
	return r->kids ? row_changed(db, a, actor, r, "application.drafted", data, err)
	               : row_journal(db, a, actor, r, "application.drafted", data, err);
}

static int draft_new(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct procedure *proc, const char *applicant_kind, const char *channel, json_t *answers,
    int64_t *id, struct err *err)
{
	int64_t now = now_us(), department;
	bool counter = strcmp(channel, "counter") == 0;
	int rc = department_of(db, a, proc, &department, err);
	if (rc < 0 || (rc = window_check(proc, date_of_us(now), err)) < 0)
		return rc;
	if (counter != actor->staff || (!counter && actor->account == 0) ||
	    (counter && !actor_has(db, actor, "application.counter", department)))
		return err_set(err, ERR_DENIED, "application.denied",
		    "%s may not apply for %s by %s", actor->id, procedure_id(proc), channel);
	if (!counter && !procedure_online(proc))
		return err_set(err, ERR_CONFLICT, "application.offline", "%s is not online",
		    procedure_id(proc));
	if (!applicant_allowed(proc, applicant_kind))
		return err_field(err, ERR_INPUT, "applicant_kind", "application.applicant_kind",
		    "%s is not for %s", procedure_id(proc), applicant_kind);
	struct app_row r = {
	    .procedure = procedure_id(proc),
	    .version = procedure_version(proc),
	    .account = counter ? 0 : actor->account,
	    .applicant_person = counter ? 0 : actor->person,
	    .applicant_kind = applicant_kind,
	    .channel = channel,
	    .created_by = actor->id,
	    .created_us = now,
	    .updated_us = now,
	    .state = app_state_name(APP_DRAFT),
	    .department = department,
	    .assignee = counter ? actor->person : 0,
	    .period_kind = "calendar",
	    .retention_years = -1,
	};
	json_t *sealed;
	rc = answers_sealed(db, proc, answers, &sealed, err);
	if (rc == 0)
		rc = draft_insert(db, a, actor, &r, sealed, err);
	json_decref(sealed);
	*id = r.id;
	return rc;
}

int app_draft_new(struct db *db, const struct app_actor *actor, const struct procedure *proc,
    const char *applicant_kind, const char *channel, json_t *answers, int64_t *id, struct err *err)
{
	struct arena *a = arena_new();
	int rc = draft_new(db, a, actor, proc, applicant_kind, channel, answers, id, err);
	arena_free(a);
	return rc;
}

static int draft_save(
    struct change *c, const struct procedure *proc, json_t *answers, int step, struct err *err)
{
	json_t *sealed;
	int rc = answers_sealed(c->db, proc, answers, &sealed, err);
	if (rc == 0) {
		row_set_answers(c->arena, c->row, sealed);
		rc = attachments_sync(c->db, c->arena, c->row, sealed, err);
	}
	json_decref(sealed);
	if (rc < 0)
		return rc;
	if (step > c->row->step)
		c->row->step = step;
	return change_end(c, "application.saved", json_pack("{s:i}", "step", step), err);
}

int app_draft_save(struct db *db, const struct app_actor *actor, const struct procedure *proc,
    int64_t id, json_t *answers, int step, struct err *err)
{
	struct change c;
	struct arena *a = arena_new();
	int rc = change_begin(&c, db, a, actor, id, "save", err);
	if (rc == 0)
		rc = draft_save(&c, proc, answers, step, err);
	arena_free(a);
	return rc;
}

static int draft_discard(struct change *c, struct err *err)
{
	json_t *none = json_object();
	int rc = attachments_sync(c->db, c->arena, c->row, none, err); /* lets the blobs go */
	json_decref(none);
	if (rc < 0)
		return rc;
	int64_t n = db_run(c->db, err, &life_sql[SQL_ROW_DELETE], "i", c->row->id);
	return n < 0 ? (int)n
	             : journal_add(c->db,
	                   &(struct journal_change){.actor = c->actor->id,
	                       .verb = "application.discarded",
	                       .subject = subject_of(c->arena, c->row->id),
	                       .state = json_null()}, /* it is gone */
	                   NULL, err);
}

int app_draft_discard(struct db *db, const struct app_actor *actor, int64_t id, struct err *err)
{
	struct change c;
	struct arena *a = arena_new();
	int rc = change_begin(&c, db, a, actor, id, "discard", err);
	if (rc == 0)
		rc = draft_discard(&c, err);
	arena_free(a);
	return rc;
}

/* --- proxies --- */

static const char *text_member(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s && s[0] ? s : NULL;
}

static int mandate_check(json_t *m, struct err *err)
{
	static const char *const grounds[] = {
	    "letter", "guardian", "household", "professional", "corporate"};
	static const char *const dates[] = {"valid_from", "valid_until"};
	const char *ground = text_member(m, "ground");
	struct date d;
	bool known = false;
	for (size_t i = 0; i < COUNT(grounds); i++)
		known = known || text_eq(ground, grounds[i]);
	if (!text_member(m, "principal_name"))
		return err_field(err, ERR_INPUT, "principal_name", "application.required",
		    "mandate without a name");
	if (!known)
		return err_field(err, ERR_INPUT, "ground", "application.mandate.ground",
		    "mandate with ground %s", ground ? ground : "none");
	for (size_t i = 0; i < COUNT(dates); i++)
		if (text_member(m, dates[i]) && !date_parse(str_from(text_member(m, dates[i])), &d))
			return err_field(err, ERR_INPUT, dates[i], "application.date",
			    "mandate with a wrong date");
	return 0;
}

static const char *iso_member(struct arena *a, json_t *m, const char *key)
{
	struct date d;
	const char *s = text_member(m, key);
	return s && date_parse(str_from(s), &d) ? date_format(a, d) : NULL;
}

static int mandate_set(struct change *c, json_t *m, struct err *err)
{
	int64_t n;
	int rc = m ? mandate_check(m, err) : 0;
	if (rc < 0)
		return rc;
	if (m)
		n = db_run(c->db, err, &life_sql[SQL_MANDATE_SET], "itttttttt", c->row->id,
		    text_member(m, "principal_name"), text_member(m, "principal_address"),
		    text_member(m, "principal_mail"), text_member(m, "ground"),
		    text_member(m, "document"), text_member(m, "scope"),
		    iso_member(c->arena, m, "valid_from"), iso_member(c->arena, m, "valid_until"));
	else
		n = db_run(c->db, err, &life_sql[SQL_MANDATE_DELETE], "i", c->row->id);
	if (n < 0)
		return (int)n;
	c->row->kids = m ? c->row->kids | KID_MANDATE : c->row->kids & ~KID_MANDATE;
	return change_end(c, "application.mandate", NULL, err);
}

int app_mandate_set(
    struct db *db, const struct app_actor *actor, int64_t id, json_t *mandate, struct err *err)
{
	struct change c;
	struct arena *a = arena_new();
	int rc = change_begin(&c, db, a, actor, id, "save", err);
	if (rc == 0)
		rc = mandate_set(&c, mandate, err);
	arena_free(a);
	return rc;
}

/* --- submission --- */

/* Reads the stored numbers, checks everything, seals again. answers is changed in place. */
static int answers_check(struct db *db, struct arena *a, const struct procedure *proc,
    const struct form_context *ctx, json_t *answers, struct err *err)
{
	struct form_problem *problems = NULL;
	int n = form_check(proc, a, ctx, answers, &problems);
	if (n < 0)
		return err_set(err, ERR_INTERNAL, NULL, "%s: form_check %d", procedure_id(proc), n);
	if (n > 0)
		return err_field(err, ERR_INPUT, problems[0].field ? problems[0].field : "",
		    "application.incomplete", "%s: %d problems, first %s (%s)", procedure_id(proc),
		    n, problems[0].field ? problems[0].field : "?",
		    problems[0].msgkey ? problems[0].msgkey : "own message");
	return answers_seal(db, proc, answers, err);
}

static struct form_context context_of(
    const struct form_context *given, const struct app_row *r, int64_t now)
{
	struct form_context ctx = given ? *given : (struct form_context){.lang = "ja"};
	ctx.applicant_kind = r->applicant_kind; /* never what a page says */
	ctx.fee_yen = -1;
	ctx.outcome = NULL;
	ctx.today = date_of_us(now);
	return ctx;
}

static int receipt_number_give(struct db *db, struct arena *a, const char **out, struct err *err)
{
	int64_t taken;
	for (;;) {
		char *number = receipt_number_new(a);
		int rc = db_get_i64(db, err, &taken, &life_sql[SQL_RECEIPT_TAKEN], "t", number);
		*out = number;
		if (rc <= 0)
			return rc;
	}
}

static int submit_numbers(struct change *c, const struct procedure *proc, struct err *err)
{
	struct app_row *r = c->row;
	char *serial;
	int rc = receipt_number_give(c->db, c->arena, &r->receipt_number, err);
	if (rc == 0)
		rc = serial_new(c->db, c->arena, proc, date_of_us(r->submitted_us), &serial, err);
	if (rc == 0)
		r->serial = serial;
	return rc;
}

static int submit_row(struct change *c, const struct procedure *proc,
    const struct form_context *given, json_t *answers, struct err *err)
{
	struct app_row *r = c->row;
	/* Received when it stands in the city's file: デジタル手続法第6条. */
	int64_t now = now_us();
	struct form_context ctx = context_of(given, r, now);
	int rc = window_check(proc, ctx.today, err);
	if (rc < 0 || (rc = answers_check(c->db, c->arena, proc, &ctx, answers, err)) < 0 ||
	    (rc = form_fee(proc, &ctx, answers, &r->fee_yen, err)) < 0)
		return rc;
	r->submitted_us = now;
	r->revision = 1;
	r->assignee = 0;
	row_set_answers(c->arena, r, answers);
	r->applicant_name =
	    applicant_name_of(c->arena, proc, r->applicant_kind, answers, ctx.profile);
	if ((rc = terms_take(c->db, c->arena, proc, r, err)) < 0 ||
	    (rc = department_of(c->db, c->arena, proc, &r->department, err)) < 0 ||
	    (rc = submit_numbers(c, proc, err)) < 0 ||
	    (rc = place_take(c->db, c->arena, proc, r, answers, err)) < 0 ||
	    (rc = attachments_sync(c->db, c->arena, r, answers, err)) < 0)
		return rc;
	return row_index(c->db, c->arena, proc, r, answers, err);
}

static int submit(struct change *c, const struct procedure *proc, const struct form_context *given,
    struct err *err)
{
	struct app_row *r = c->row;
	json_t *answers = NULL;
	if (strcmp(r->procedure, procedure_id(proc)) != 0 ||
	    strcmp(r->version, procedure_version(proc)) != 0)
		return err_set(err, ERR_INTERNAL, NULL,
		    "application %" PRId64 " is of %s %s, not %s %s", r->id, r->procedure,
		    r->version, procedure_id(proc), procedure_version(proc));
	int rc = row_answers(r, &answers, err);
	if (rc == 0)
		rc = answers_unseal(c->db, proc, answers, err);
	if (rc == 0)
		rc = submit_row(c, proc, given, answers, err);
	json_decref(answers);
	if (rc < 0)
		return rc;
	rc = change_end(c, "application.submitted",
	    json_pack("{s:s, s:s, s:I, s:s?, s:I, s:s?}", "receipt_number", r->receipt_number,
	        "serial", r->serial, "department", (json_int_t)r->department, "due", r->due,
	        "fee_yen", (json_int_t)r->fee_yen, "place", r->place),
	    err);
	return rc < 0 ? rc : tell_applicant(c->db, c->arena, r, "submitted", NULL, err);
}

int app_submit(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct procedure *proc, int64_t id, const struct form_context *given,
    char **receipt_number, struct err *err)
{
	struct change c;
	int rc = change_begin(&c, db, a, actor, id, "submit", err);
	if (rc == 0)
		rc = submit(&c, proc, given, err);
	else if (rc == -(int)ERR_CONFLICT && c.row->receipt_number && actor_owns(db, actor, c.row))
		rc = 0; /* the second click: nothing happens, the answer is the same */
	if (rc == 0)
		*receipt_number = (char *)c.row->receipt_number;
	return rc;
}

/* --- corrections --- */

/* The places follow when the correction names another course. */
static int place_follow(
    struct change *c, const struct procedure *proc, json_t *answers, struct err *err)
{
	const char *key;
	int64_t limit;
	bool limited = form_capacity(proc, answers, &key, &limit);
	if (limited == (c->row->place != NULL) && (!limited || text_eq(key, c->row->place_key)))
		return 0;
	int rc = place_free(c->db, c->arena, c->row, err);
	c->row->place_key = NULL;
	return rc < 0 ? rc : place_take(c->db, c->arena, proc, c->row, answers, err);
}

static int correct_row(struct change *c, const struct procedure *proc,
    const struct form_context *given, json_t *answers, json_t **changed, struct err *err)
{
	struct app_row *r = c->row;
	struct form_context ctx = context_of(given, r, now_us());
	json_t *before;
	int rc = answers_check(c->db, c->arena, proc, &ctx, answers, err);
	if (rc < 0)
		return rc;
	/* A fee that was charged stays; a new one would be another decision. */
	if (!(r->kids & KID_CHARGE) && (rc = form_fee(proc, &ctx, answers, &r->fee_yen, err)) < 0)
		return rc;
	if ((rc = row_answers(r, &before, err)) < 0)
		return rc;
	*changed = answers_changed(before, answers);
	json_decref(before);
	int64_t n = db_run(c->db, err, &life_sql[SQL_VERSION_ADD], "iitit", r->id, r->revision,
	    c->actor->id, now_us(), r->answers);
	if (n < 0)
		return (int)n;
	r->kids |= KID_VERSION;
	r->revision++;
	row_set_answers(c->arena, r, answers);
	const char *name =
	    applicant_name_of(c->arena, proc, r->applicant_kind, answers, ctx.profile);
	r->applicant_name = name ? name : r->applicant_name;
	if ((rc = clock_start(c->db, c->arena, r, now_us(), err)) < 0 ||
	    (rc = correction_end(c, "answered", r->revision, err)) < 0 ||
	    (rc = place_follow(c, proc, answers, err)) < 0 ||
	    (rc = attachments_sync(c->db, c->arena, r, answers, err)) < 0)
		return rc;
	return row_index(c->db, c->arena, proc, r, answers, err);
}

int app_correct(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct procedure *proc, int64_t id, const struct form_context *given, json_t *answers,
    struct err *err)
{
	struct change c;
	json_t *changed = NULL;
	int rc = change_begin(&c, db, a, actor, id, "correct", err);
	if (rc < 0)
		return rc;
	json_t *own = json_deep_copy(answers);
	rc = correct_row(&c, proc, given, own, &changed, err);
	json_decref(own);
	if (rc < 0) {
		json_decref(changed);
		return rc;
	}
	rc = change_end(&c, "application.corrected",
	    json_pack("{s:I, s:o, s:s?}", "revision", (json_int_t)c.row->revision, "fields",
	        changed, "due", c.row->due),
	    err);
	return rc < 0 ? rc : tell_staff(db, c.row, "corrected", err);
}

/* --- withdrawal --- */

static int withdraw(struct change *c, const char *reason, struct err *err)
{
	struct app_row *r = c->row;
	int64_t now = now_us();
	int rc = 0;
	if (c->from == APP_CORRECTION)
		rc = correction_end(c, "cancelled", 0, err);
	if (rc < 0 || (rc = route_void(c->db, r, err)) < 0 ||
	    (rc = charges_cancel(c->db, r, err)) < 0 ||
	    (rc = place_free(c->db, c->arena, r, err)) < 0 ||
	    (rc = clock_start(c->db, c->arena, r, now, err)) < 0)
		return rc;
	r->outcome = NULL;
	r->reason = reason && reason[0] ? reason : NULL;
	retention_begin(c->arena, r, now);
	rc = change_end(c, "application.withdrawn", json_pack("{s:s?}", "reason", r->reason), err);
	return rc < 0 ? rc : tell_applicant(c->db, c->arena, r, "withdrawn", NULL, err);
}

int app_withdraw(
    struct db *db, const struct app_actor *actor, int64_t id, const char *reason, struct err *err)
{
	struct change c;
	struct arena *a = arena_new();
	int rc = change_begin(&c, db, a, actor, id, "withdraw", err);
	if (rc == 0)
		rc = withdraw(&c, reason, err);
	arena_free(a);
	return rc;
}
