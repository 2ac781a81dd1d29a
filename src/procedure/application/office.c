/* The office's side: taking in, handing on, asking for corrections, messages, payments, closing. */
#include "procedure/application/life.h"

#include "document/document.h"
#include "identity/identity.h"
#include "store/search.h"

enum { TEXT_MAX = 4000 };

int text_check(const char *field, const char *text, bool required, struct err *err)
{
	if (!text || !str_trim(str_from(text)).n)
		return required ? err_field(
		                      err, ERR_INPUT, field, "application.required", "no %s", field)
		                : 0;
	if (!utf8_valid(str_from(text)))
		return err_field(
		    err, ERR_INPUT, field, "application.invalid", "%s is not UTF-8", field);
	if (utf8_length(str_from(text)) > TEXT_MAX)
		return err_field(
		    err, ERR_INPUT, field, "application.too_long", "%s is too long", field);
	return 0;
}

/* Runs `make` on a change with an arena of its own. */
#define CHANGE(verb, make)                                                                         \
	do {                                                                                       \
		struct change c;                                                                   \
		struct arena *a = arena_new();                                                     \
		int rc = change_begin(&c, db, a, actor, id, (verb), err);                          \
		if (rc == 0)                                                                       \
			rc = (make);                                                               \
		arena_free(a);                                                                     \
		return rc;                                                                         \
	} while (0)

static int accept(struct change *c, struct err *err)
{
	c->row->accepted_us = now_us();
	if (c->row->assignee == 0 && c->actor->staff)
		c->row->assignee = c->actor->person;
	int rc = change_end(c, "application.accepted", NULL, err);
	return rc < 0 ? rc : tell_applicant(c->db, c->arena, c->row, "accepted", NULL, err);
}

int app_accept(struct db *db, const struct app_actor *actor, int64_t id, struct err *err)
{
	CHANGE("accept", accept(&c, err));
}

static int assign(struct change *c, int64_t staff, struct err *err)
{
	/* Only to somebody who can do the work there. */
	if (staff &&
	    !staff_may_in(c->db, staff, "application.check", c->row->department, c->row->procedure))
		return err_field(err, ERR_INPUT, "staff", "application.assign.not_there",
		    "staff %" PRId64 " has no application.check in department %" PRId64, staff,
		    c->row->department);
	c->row->assignee = staff;
	return change_end(c, "application.assigned",
	    json_pack("{s:I, s:s?}", "staff", (json_int_t)staff, "name",
	        staff ? staff_name(c->db, c->arena, staff, err) : NULL),
	    err);
}

int app_assign(
    struct db *db, const struct app_actor *actor, int64_t id, int64_t staff, struct err *err)
{
	CHANGE("assign", assign(&c, staff, err));
}

static int forward(struct change *c, int64_t department, const char *reason, struct err *err)
{
	struct app_row *r = c->row;
	int64_t from = r->department;
	const char *name = department_name(c->db, c->arena, department, err);
	int rc = text_check("reason", reason, false, err);
	if (rc < 0)
		return rc;
	if (department <= 0 || department == from || !name || !name[0])
		return err_field(err, ERR_INPUT, "department", "application.forward.department",
		    "cannot forward to department %" PRId64, department);
	r->department = department;
	r->assignee = 0;
	if (c->to == APP_SUBMITTED)
		r->accepted_us = 0;
	if (c->from == APP_APPROVAL &&
	    (rc = route_move(c->db, c->arena, r, from, department, err)) < 0)
		return rc;
	if ((rc = search_regroup(c->db, "application", r->id, department, err)) < 0)
		return rc;
	return change_end(c, "application.forwarded",
	    json_pack("{s:I, s:I, s:s, s:s?}", "from", (json_int_t)from, "to",
	        (json_int_t)department, "name", name, "reason", reason),
	    err);
}

int app_forward(struct db *db, const struct app_actor *actor, int64_t id, int64_t department,
    const char *reason, struct err *err)
{
	CHANGE("forward", forward(&c, department, reason, err));
}

/* --- corrections --- */

static int correction_fields(struct change *c, int64_t correction, json_t *fields, struct err *err)
{
	size_t i;
	json_t *f;
	json_array_foreach(fields, i, f)
	{
		const char *field = json_string_value(json_object_get(f, "field"));
		const char *message = json_string_value(json_object_get(f, "message"));
		if (!field || !field[0])
			return err_field(err, ERR_INPUT, "fields", "application.invalid",
			    "a field without a name");
		int rc = text_check("fields", message, false, err);
		if (rc < 0)
			return rc;
		int64_t n = db_run(c->db, err, &life_sql[SQL_CORRECTION_FIELD_ADD], "itt",
		    correction, field, message ? message : "");
		if (n < 0)
			return (int)n;
	}
	return 0;
}

static int request_correction(
    struct change *c, json_t *fields, const char *message, const char *due, struct err *err)
{
	struct app_row *r = c->row;
	int64_t now = now_us(), correction;
	struct date day = {0};
	/* 行政手続法第7条 asks for a reasonable time: a day that has not passed. */
	if (due && due[0] &&
	    (!date_parse(str_from(due), &day) || date_compare(day, date_of_us(now)) < 0))
		return err_field(
		    err, ERR_INPUT, "due", "application.correction.due", "due %s", due);
	int rc = text_check("message", message, json_array_size(fields) == 0, err);
	if (rc < 0)
		return rc;
	const char *iso = day.year ? date_format(c->arena, day) : NULL;
	rc = db_get_i64(c->db, err, &correction, &life_sql[SQL_CORRECTION_ADD], "ittiii", r->id,
	    message ? message : "", iso, c->actor->person, now, r->revision);
	if (rc < 0 || (rc = correction_fields(c, correction, fields, err)) < 0)
		return rc;
	r->kids |= KID_CORRECTION;
	clock_stop(r, now);
	if (r->accepted_us == 0)
		r->accepted_us = now;
	if (r->assignee == 0)
		r->assignee = c->actor->person;
	rc = change_end(c, "application.correction_requested",
	    json_pack("{s:s?, s:i}", "due", iso, "fields", (int)json_array_size(fields)), err);
	if (rc < 0)
		return rc;
	json_t *more = json_pack("{s:s?, s:s?}", "message", message, "correction_due", iso);
	rc = tell_applicant(c->db, c->arena, r, "correction", more, err);
	json_decref(more);
	return rc;
}

int app_request_correction(struct db *db, const struct app_actor *actor, int64_t id, json_t *fields,
    const char *message, const char *due, struct err *err)
{
	CHANGE("request_correction", request_correction(&c, fields, message, due, err));
}

static int cancel_correction(struct change *c, const char *reason, struct err *err)
{
	int rc = text_check("reason", reason, false, err);
	if (rc < 0)
		return rc;
	if ((rc = correction_end(c, "cancelled", 0, err)) < 0 ||
	    (rc = clock_start(c->db, c->arena, c->row, now_us(), err)) < 0)
		return rc;
	return change_end(
	    c, "application.correction_cancelled", json_pack("{s:s?}", "reason", reason), err);
}

int app_cancel_correction(
    struct db *db, const struct app_actor *actor, int64_t id, const char *reason, struct err *err)
{
	CHANGE("cancel_correction", cancel_correction(&c, reason, err));
}

/* --- messages --- */

static int message(struct change *c, const char *kind, const char *text, struct err *err)
{
	struct app_row *r = c->row;
	int rc = text_check("text", text, true, err);
	if (rc < 0)
		return rc;
	const char *author = c->actor->staff ? staff_name(c->db, c->arena, c->actor->person, err)
	                                     : r->applicant_name;
	int64_t n = db_run(c->db, err, &life_sql[SQL_MESSAGE_ADD], "issssi", r->id, str_from(kind),
	    str_from(c->actor->id), str_from(author ? author : ""), str_from(text), now_us());
	if (n < 0)
		return (int)n;
	r->kids |= KID_MESSAGE;
	bool note = strcmp(kind, "note") == 0;
	rc = change_end(c, note ? "application.noted" : "application.message",
	    json_pack("{s:b}", "from_staff", (int)c->actor->staff), err);
	if (rc < 0 || note)
		return rc;
	if (!c->actor->staff)
		return tell_staff(c->db, r, "applicant-message", err);
	json_t *more = json_pack("{s:s}", "message", text);
	rc = tell_applicant(c->db, c->arena, r, "message", more, err);
	json_decref(more);
	return rc;
}

int app_message(struct db *db, const struct app_actor *actor, int64_t id, const char *kind,
    const char *text, struct err *err)
{
	bool note = strcmp(kind, "note") == 0;
	if (!note && strcmp(kind, "applicant") != 0)
		return err_field(
		    err, ERR_INPUT, "kind", "application.invalid", "message kind %s", kind);
	CHANGE(note ? "note" : "message", message(&c, kind, text, err));
}

/* --- fees --- */

/* The fee is settled. What waited for it takes effect. */
static int settled(struct change *c, const struct procedure *proc, const char *event, json_t *data,
    struct err *err)
{
	int rc = 0;
	c->row->state = app_state_name(c->to);
	if (c->from == APP_PAYMENT)
		rc = effects_run(c->db, c->arena, proc, c->row, err);
	if (rc < 0) {
		json_decref(data);
		return rc;
	}
	return change_end(c, event, data, err);
}

static int record_payment(struct change *c, const struct procedure *proc, int64_t yen,
    const char *method, struct err *err)
{
	struct app_row *r = c->row;
	int64_t open = r->fee_yen - r->paid_yen, now = now_us();
	if (open <= 0)
		return err_set(err, ERR_CONFLICT, "application.payment.nothing", "nothing is open");
	if (yen != open)
		return err_field(err, ERR_INPUT, "yen", "application.payment.amount",
		    "%" PRId64 " yen, open are %" PRId64, yen, open);
	int rc = text_check("method", method, true, err);
	if (rc < 0 || (rc = charge_make(c->db, r, err)) < 0)
		return rc;
	int64_t n =
	    db_run(c->db, err, &life_sql[SQL_CHARGE_PAY], "iitt", r->id, now, method, c->actor->id);
	if (n < 0)
		return (int)n;
	r->paid_yen += yen;
	return settled(c, proc, "application.paid",
	    json_pack("{s:I, s:s}", "yen", (json_int_t)yen, "method", method), err);
}

int app_record_payment(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct procedure *proc, int64_t id, int64_t yen, const char *method, struct err *err)
{
	struct change c;
	int rc = change_begin(&c, db, a, actor, id, "pay", err);
	return rc < 0 ? rc : record_payment(&c, proc, yen, method, err);
}

static int waive_fee(
    struct change *c, const struct procedure *proc, const char *reason, struct err *err)
{
	struct app_row *r = c->row;
	int64_t open = r->fee_yen - r->paid_yen;
	if (open <= 0)
		return err_set(err, ERR_CONFLICT, "application.payment.nothing", "nothing is open");
	int rc = text_check("reason", reason, true, err);
	if (rc < 0 || (rc = charge_make(c->db, r, err)) < 0)
		return rc;
	int64_t n = db_run(
	    c->db, err, &life_sql[SQL_CHARGE_WAIVE], "iitt", r->id, now_us(), c->actor->id, reason);
	if (n < 0)
		return (int)n;
	r->fee_yen = r->paid_yen; /* the charge keeps what it was */
	return settled(c, proc, "application.waived",
	    json_pack("{s:I, s:s}", "yen", (json_int_t)open, "reason", reason), err);
}

int app_waive_fee(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct procedure *proc, int64_t id, const char *reason, struct err *err)
{
	struct change c;
	int rc = change_begin(&c, db, a, actor, id, "waive", err);
	return rc < 0 ? rc : waive_fee(&c, proc, reason, err);
}

/* --- documents --- */

/* The document of a code, when it is this application's. */
static int own_document(struct change *c, const char *code, struct document **out, struct err *err)
{
	int rc = code ? document_by_code(c->db, c->arena, code, out, err) : 0;
	if (rc < 0)
		return rc;
	if (rc == 0 || strcmp((*out)->subject, subject_of(c->arena, c->row->id)) != 0)
		return err_field(err, ERR_INPUT, "code", "application.document.not_its",
		    "application %" PRId64 " has no document %s", c->row->id, code ? code : "");
	return 0;
}

static int revoke_document(struct change *c, const char *code, const char *reason, struct err *err)
{
	struct document *d;
	int rc = text_check("reason", reason, true, err);
	if (rc < 0 || (rc = own_document(c, code, &d, err)) < 0 ||
	    (rc = document_revoke(c->db, d->id, c->actor->id, reason, err)) < 0)
		return rc;
	json_t *more = json_pack("{s:{s:s, s:s?}, s:s}", "document", "title", d->title, "number",
	    d->number, "reason", reason);
	rc = change_end(c, "application.document_revoked",
	    json_pack("{s:s, s:s?, s:s}", "title", d->title, "number", d->number, "reason", reason),
	    err);
	if (rc == 0)
		rc = tell_applicant(c->db, c->arena, c->row, "document-revoked", more, err);
	json_decref(more);
	return rc;
}

int app_document_revoke(struct db *db, const struct app_actor *actor, int64_t id, const char *code,
    const char *reason, struct err *err)
{
	CHANGE("revoke_document", revoke_document(&c, code, reason, err));
}

static int reissue_document(struct change *c, const char *code, struct err *err)
{
	struct document *d, *all;
	int rc = own_document(c, code, &d, err);
	int n = rc < 0 ? rc : document_of(c->db, c->arena, d->subject, &all, err);
	for (int i = 0; i < n; i++)
		if (!all[i].revoked && strcmp(all[i].kind, d->kind) == 0)
			return err_set(err, ERR_CONFLICT, "application.document.still_valid",
			    "document %" PRId64 " is valid", all[i].id);
	if (n < 0)
		return n;
	json_t *payload = json_pack("{s:I, s:s}", "id", (json_int_t)c->row->id, "kind", d->kind);
	rc = job_add(c->db, "application.documents", payload, 0, NULL, err);
	json_decref(payload);
	return rc < 0 ? rc
	              : change_end(c, "application.document_reissued",
	                    json_pack("{s:s}", "title", d->title), err);
}

int app_document_reissue(
    struct db *db, const struct app_actor *actor, int64_t id, const char *code, struct err *err)
{
	CHANGE("reissue_document", reissue_document(&c, code, err));
}

/* --- the end --- */

static int cancel(struct change *c, const char *reason, struct err *err)
{
	struct app_row *r = c->row;
	int64_t now = now_us();
	int rc = text_check("reason", reason, true, err);
	if (rc < 0 || (rc = route_void(c->db, r, err)) < 0 ||
	    (rc = charges_cancel(c->db, r, err)) < 0 ||
	    (rc = place_free(c->db, c->arena, r, err)) < 0 ||
	    (rc = document_revoke_all(
	         c->db, subject_of(c->arena, r->id), c->actor->id, reason, err)) < 0)
		return rc;
	if ((c->from == APP_CORRECTION && (rc = correction_end(c, "cancelled", 0, err)) < 0) ||
	    (rc = clock_start(c->db, c->arena, r, now, err)) < 0)
		return rc;
	r->reason = reason;
	retention_begin(c->arena, r, now);
	rc = change_end(c, "application.cancelled", json_pack("{s:s}", "reason", reason), err);
	return rc < 0 ? rc : tell_applicant(c->db, c->arena, r, "cancelled", NULL, err);
}

int app_cancel(
    struct db *db, const struct app_actor *actor, int64_t id, const char *reason, struct err *err)
{
	CHANGE("cancel", cancel(&c, reason, err));
}

static int close_file(struct change *c, struct err *err)
{
	if (c->row->fee_yen > c->row->paid_yen && (c->row->kids & KID_CHARGE))
		return err_set(err, ERR_CONFLICT, "application.close.unpaid", "a charge is open");
	return change_end(c, "application.closed", NULL, err);
}

int app_close(struct db *db, const struct app_actor *actor, int64_t id, struct err *err)
{
	CHANGE("close", close_file(&c, err));
}

static int hold(struct change *c, const char *reason, struct err *err)
{
	int rc = text_check("reason", reason, false, err);
	if (rc < 0)
		return rc;
	c->row->hold_reason = reason && reason[0] ? reason : NULL;
	return change_end(c, c->row->hold_reason ? "application.held" : "application.released",
	    json_pack("{s:s?}", "reason", c->row->hold_reason), err);
}

int app_hold(
    struct db *db, const struct app_actor *actor, int64_t id, const char *reason, struct err *err)
{
	CHANGE("hold", hold(&c, reason, err));
}
