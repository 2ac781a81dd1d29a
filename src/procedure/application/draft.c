/* The applicant's side: drafts, withdrawal. */
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

int window_check(const struct procedure *proc, struct date on, struct err *err)
{
	struct date from, until;
	if (procedure_open(proc, on, &from, &until))
		return 0;
	return err_set(err, ERR_CONFLICT, "application.window", "%s is closed on %04d-%02d-%02d",
	    procedure_id(proc), on.year, on.month, on.day);
}

int department_of(struct db *db, struct arena *a, const struct procedure *proc, int64_t *department,
    struct err *err)
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
	    (counter &&
	        !actor_has(db, actor, "application.counter", department, procedure_id(proc))))
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
