/* View models of one application, shared by the applicant's pages and the staff's. */
#include "procedure/application/life.h"

#include "identity/identity.h"

/* The applicant sees few words; the office's steps inside are one "in progress" (procedures: the
 * wording common among shared services). */
const char *public_key(struct arena *a, const char *state, const char *outcome)
{
	static const struct {
		const char *state, *key;
	} words[] = {
	    {"draft", "draft"},
	    {"submitted", "sent"},
	    {"accepted", "processing"},
	    {"reviewing", "processing"},
	    {"approval", "processing"},
	    {"correction", "returned"},
	    {"payment", "payment"},
	    {"granted", "done"},
	    {"refused", "refused"},
	    {"withdrawn", "withdrawn"},
	    {"cancelled", "cancelled"},
	};
	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i].state, state) == 0)
			return arena_printf(a, "application.public.%s", words[i].key);
	return text_eq(outcome, "refused") ? "application.public.refused"
	                                   : "application.public.done";
}

static json_t *text_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *instant_or_null(int64_t us)
{
	return us ? json_integer((json_int_t)us) : json_null();
}

static void set_text(json_t *o, const char *key, const char *s)
{
	json_object_set_new(o, key, text_or_null(s));
}

static const char *staff_text(struct db *db, struct arena *a, int64_t staff)
{
	struct err err;
	return staff ? staff_name(db, a, staff, &err) : NULL;
}

/* --- the parts --- */

static int charges_view(
    struct db *db, struct arena *a, const struct application *app, json_t **out, struct err *err)
{
	json_t *list = json_array();
	int rc = 0;
	if (app->kids & KID_CHARGE) {
		struct rows *rows = db_query(db, err, &life_sql[SQL_CHARGE_OF], "i", app->id);
		rc = rows ? 0 : -(int)ERR_STORE;
		while (rows && (rc = rows_next(rows)) == 1) {
			const char *state = rows_dup(rows, 2, a);
			json_t *o = json_pack("{s:I, s:I, s:s, s:s, s:b}", "id",
			    (json_int_t)rows_i64(rows, 0), "yen", (json_int_t)rows_i64(rows, 1),
			    "state", state, "state_key",
			    arena_printf(a, "application.charge.%s", state), "open",
			    strcmp(state, "open") == 0);
			json_object_set_new(o, "created", instant_or_null(rows_i64(rows, 3)));
			json_object_set_new(o, "paid", instant_or_null(rows_i64(rows, 4)));
			set_text(o, "method", rows_dup(rows, 5, a));
			set_text(o, "reason", rows_dup(rows, 7, a));
			json_array_append_new(list, o);
		}
		rows_end(rows);
	}
	int64_t open = app->fee_yen - app->paid_yen;
	*out = json_pack("{s:I, s:I, s:I, s:b, s:b, s:o}", "yen", (json_int_t)app->fee_yen, "paid",
	    (json_int_t)app->paid_yen, "open", (json_int_t)open, "due_now",
	    open > 0 && (app->kids & KID_CHARGE) != 0, "before_decision", (int)app->fee_before,
	    "charges", list);
	if (rc < 0)
		json_decref(*out);
	return rc;
}

int app_corrections(struct db *db, struct arena *a, int64_t id, json_t **out, struct err *err)
{
	json_t *list = json_array(), *by_id = json_object();
	struct rows *rows = db_query(db, err, &life_sql[SQL_CORRECTION_OF], "i", id);
	int rc = rows ? 0 : -(int)ERR_STORE;
	while (rows && (rc = rows_next(rows)) == 1) {
		const char *state = rows_dup(rows, 1, a);
		json_t *fields = json_array();
		json_t *o = json_pack("{s:I, s:s, s:b, s:s, s:o}", "id",
		    (json_int_t)rows_i64(rows, 0), "state", state, "open",
		    strcmp(state, "open") == 0, "message", rows_dup(rows, 2, a), "fields", fields);
		set_text(o, "due", rows_dup(rows, 3, a));
		set_text(o, "asked_by_name", staff_text(db, a, rows_i64(rows, 4)));
		json_object_set_new(o, "asked", instant_or_null(rows_i64(rows, 5)));
		json_object_set_new(o, "answered", instant_or_null(rows_i64(rows, 6)));
		json_object_set_new(
		    o, "from_revision", json_integer((json_int_t)rows_i64(rows, 7)));
		json_object_set_new(o, "to_revision", json_integer((json_int_t)rows_i64(rows, 8)));
		json_array_append_new(list, o);
		json_object_set(by_id, arena_printf(a, "%" PRId64, rows_i64(rows, 0)), fields);
	}
	rows_end(rows);
	rows = rc == 0 ? db_query(db, err, &life_sql[SQL_CORRECTION_FIELDS], "i", id) : NULL;
	if (rc == 0 && !rows)
		rc = -(int)ERR_STORE;
	while (rows && (rc = rows_next(rows)) == 1)
		json_array_append_new(
		    json_object_get(by_id, arena_printf(a, "%" PRId64, rows_i64(rows, 0))),
		    json_pack("{s:s, s:s}", "field", rows_dup(rows, 1, a), "message",
		        rows_dup(rows, 2, a)));
	rows_end(rows);
	json_decref(by_id);
	if (rc < 0) {
		json_decref(list);
		return rc;
	}
	*out = list;
	return 0;
}

/* What the actor may do now, by the table of moves. */
static json_t *can_view(
    struct db *db, struct arena *a, const struct app_actor *actor, const struct application *app)
{
	int n;
	const struct app_move *moves = app_moves(&n);
	json_t *can = json_object();
	for (int i = 0; i < n; i++)
		if (moves[i].from == app->state && !json_object_get(can, moves[i].verb) &&
		    app_may(db, a, actor, app, moves[i].verb))
			json_object_set_new(can, moves[i].verb, json_true());
	/* There is nothing to pay or to waive. */
	if (app->fee_yen <= app->paid_yen) {
		json_object_del(can, "pay");
		json_object_del(can, "waive");
	}
	return can;
}

static void staff_part(struct db *db, struct arena *a, json_t *o, const struct application *app)
{
	json_object_set_new(o, "assignee", json_integer((json_int_t)app->assignee));
	set_text(o, "assignee_name", staff_text(db, a, app->assignee));
	set_text(o, "drafter_name", staff_text(db, a, app->drafter));
	json_object_set_new(o, "round", json_integer(app->round));
	json_object_set_new(o, "period",
	    json_pack("{s:i, s:s, s:i}", "days", app->period_days, "kind", app->period_kind,
	        "stopped", app->stopped_days));
	json_object_set_new(o, "retention",
	    json_pack("{s:i, s:b, s:s?}", "years", app->retention_years, "permanent",
	        app->retention_years == 0, "disposal_on", app->disposal_on));
	set_text(o, "hold", app->hold_reason);
	set_text(o, "created_by", app->created_by);
	set_text(o, "version", app->version);
}

static void set_mandate(json_t *o, struct arena *a, json_t *mandate)
{
	json_t *m = mandate ? json_copy(mandate) : json_null();
	if (mandate)
		set_text(m, "ground_key",
		    arena_printf(a, "application.mandate.%s",
		        json_string_value(json_object_get(mandate, "ground"))));
	json_object_set_new(o, "mandate", m);
}

int app_view(struct db *db, struct arena *a, const struct app_actor *actor,
    const struct application *app, const struct procedure *proc, const char *lang,
    enum app_audience audience, json_t **out, struct err *err)
{
	const char *state = app_state_name(app->state);
	/* Until it takes effect, a drafted decision is the office's own matter. */
	bool decided = app->state >= APP_GRANTED || app->state == APP_PAYMENT;
	bool told = audience == APP_FOR_STAFF || decided;
	json_t *o = json_object(), *fee, *corrections = NULL;
	json_object_set_new(o, "id", json_integer((json_int_t)app->id));
	json_object_set_new(o, "turn", json_integer((json_int_t)app->turn));
	set_text(o, "number", app->receipt_number);
	set_text(o, "serial", app->serial);
	set_text(o, "procedure", app->procedure);
	set_text(o, "title", proc ? procedure_text(proc, "title", lang) : NULL);
	set_text(o, "state", state);
	set_text(o, "state_key", arena_printf(a, "application.state.%s", state));
	const char *public = public_key(a, state, app->outcome);
	set_text(o, "public_key", public);
	if (app->state != APP_DRAFT)
		set_text(o, "next_key",
		    app_state_bucket(app->state) == APP_BUCKET_OFFICE &&
		            text_eq(app->place, "waiting")
		        ? "application.next.waiting"
		        : arena_printf(a, "application.next.%s", strrchr(public, '.') + 1));
	json_object_set_new(o, "is_open",
	    json_boolean(app_state_bucket(app->state) == APP_BUCKET_OFFICE ||
	                 app_state_bucket(app->state) == APP_BUCKET_WAITING));
	json_object_set_new(o, "department", json_integer((json_int_t)app->department));
	set_text(o, "department_name",
	    app->department ? department_name_in(db, a, app->department, lang, err) : NULL);
	json_object_set_new(o, "applicant",
	    json_pack("{s:s?, s:s, s:s}", "name", app->applicant_name, "kind", app->applicant_kind,
	        "kind_key", arena_printf(a, "application.applicant.%s", app->applicant_kind)));
	set_mandate(o, a, app->mandate);
	set_text(o, "channel", app->channel);
	json_object_set_new(o, "created", instant_or_null(app->created_us));
	json_object_set_new(o, "submitted", instant_or_null(app->submitted_us));
	json_object_set_new(o, "accepted", instant_or_null(app->accepted_us));
	json_object_set_new(o, "updated", instant_or_null(app->updated_us));
	json_object_set_new(o, "decided", instant_or_null(app->decided_us));
	due_view(o, app->due, app->submitted_us, app_state_bucket(app->state));
	json_object_set(o, "due_on", json_object_get(o, "due"));
	json_object_set_new(o, "clock_stopped", json_boolean(app->clock_stopped_us != 0));
	set_text(o, "outcome", told ? app->outcome : NULL);
	set_text(o, "outcome_key",
	    told && app->outcome ? arena_printf(a, "application.outcome.%s", app->outcome) : NULL);
	set_text(o, "reason", told ? app->reason : NULL);
	json_object_set_new(
	    o, "is_refused", json_boolean(decided && text_eq(app->outcome, "refused")));
	json_object_set(o, "numbers", app->numbers ? app->numbers : json_null());
	set_text(o, "kept_until", app->disposal_on);
	json_object_set_new(o, "kept_forever",
	    json_boolean(
	        app->retention_years == 0 && app_state_bucket(app->state) == APP_BUCKET_DONE));
	json_object_set_new(o, "revision", json_integer(app->revision));
	json_object_set_new(o, "step", json_integer(app->step));
	json_object_set_new(o, "can", can_view(db, a, actor, app));
	if (audience == APP_FOR_STAFF)
		staff_part(db, a, o, app);
	int rc = place_view(db, o, app, err);
	if (rc == 0 && (rc = charges_view(db, a, app, &fee, err)) == 0)
		json_object_set_new(o, "fee", fee);
	if (rc == 0 && app->state == APP_CORRECTION &&
	    (rc = app_corrections(db, a, app->id, &corrections, err)) == 0)
		json_object_set(
		    o, "correction", json_array_get(corrections, json_array_size(corrections) - 1));
	json_decref(corrections);
	if (rc < 0) {
		json_decref(o);
		return rc;
	}
	*out = o;
	return 0;
}

/* --- history --- */

/* Entries the applicant sees too; all others are inner matters. */
static const char *const public_events[] = {"submitted", "accepted", "forwarded",
    "correction_requested", "correction_cancelled", "corrected", "decided", "paid", "waived",
    "withdrawn", "cancelled", "closed", "place_given", "drafted", "document_revoked",
    "document_reissued"};

static bool is_public(const char *event)
{
	for (size_t i = 0; i < COUNT(public_events); i++)
		if (strcmp(public_events[i], event) == 0)
			return true;
	return false;
}

static const char *actor_kind(const char *actor)
{
	return strncmp(actor, "staff:", 6) == 0      ? "staff"
	       : strncmp(actor, "resident:", 9) == 0 ? "applicant"
	                                             : "system";
}

static json_t *args_of(const struct journal_entry *e, const char *event, enum app_audience audience)
{
	static const char *const told[] = {
	    "receipt_number", "serial", "due", "yen", "method", "outcome", "revision", "title"};
	static const char *const reasons[] = {
	    "decided", "withdrawn", "cancelled", "waived", "document_revoked"};
	if (audience == APP_FOR_STAFF)
		return e->data ? json_deep_copy(e->data) : json_object();
	json_t *args = json_object();
	for (size_t i = 0; i < COUNT(told); i++)
		if (json_object_get(e->data, told[i]))
			json_object_set(args, told[i], json_object_get(e->data, told[i]));
	for (size_t i = 0; i < COUNT(reasons); i++)
		if (strcmp(reasons[i], event) == 0 && json_object_get(e->data, "reason"))
			json_object_set(args, "reason", json_object_get(e->data, "reason"));
	if (strcmp(event, "forwarded") == 0)
		json_object_set(args, "name", json_object_get(e->data, "name"));
	return args;
}

static json_t *history_entry(struct db *db, struct arena *a, const struct journal_entry *e,
    const char *event, enum app_audience audience, const char *applicant)
{
	int64_t staff;
	const char *kind = actor_kind(e->actor);
	json_t *o = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s}", "id", (json_int_t)e->id, "at",
	    (json_int_t)e->at_us, "event", event, "key",
	    arena_printf(a, "application.history.%s", event), "actor_kind", kind, "actor_key",
	    arena_printf(a, "application.actor.%s", kind));
	/* What the entry says; texts in it are finished. */
	json_object_set_new(o, "args", args_of(e, event, audience));
	if (strcmp(kind, "applicant") == 0)
		set_text(o, "actor_name", applicant);
	else if (audience == APP_FOR_STAFF && strcmp(kind, "staff") == 0 &&
	         str_to_i64(str_from(e->actor + 6), 1, INT64_MAX, &staff))
		set_text(o, "actor_name", staff_text(db, a, staff));
	else
		set_text(o, "actor_name", NULL);
	return o;
}

int app_history(struct db *db, struct arena *a, int64_t id, enum app_audience audience,
    json_t **out, struct err *err)
{
	static const char prefix[] = "application.";
	struct journal_entry *entries;
	struct app_row *r;
	int rc = row_load(db, a, id, false, &r, err);
	int n = rc < 0 ? rc : journal_of(db, a, subject_of(a, id), &entries, err);
	if (n < 0)
		return n;
	json_t *list = json_array();
	for (int i = 0; i < n; i++) {
		if (strncmp(entries[i].verb, prefix, sizeof(prefix) - 1) != 0)
			continue;
		const char *event = entries[i].verb + sizeof(prefix) - 1;
		/* Every saved step of a draft is in the journal, but no news. */
		if (strcmp(event, "saved") == 0 ||
		    (audience == APP_FOR_APPLICANT && !is_public(event)))
			continue;
		json_array_append_new(
		    list, history_entry(db, a, &entries[i], event, audience, r->applicant_name));
	}
	*out = list;
	return 0;
}

/* --- messages, attachments, versions --- */

int app_messages(struct db *db, struct arena *a, const struct app_actor *actor, int64_t id,
    enum app_audience audience, json_t **out, struct err *err)
{
	/* To the applicant the office answers, not a person: names of staff stay inside. */
	const char *office = NULL;
	struct app_row *r;
	int rc = audience == APP_FOR_APPLICANT ? row_load(db, a, id, false, &r, err) : 0;
	if (rc == 0 && audience == APP_FOR_APPLICANT)
		office = department_name(db, a, r->department, err);
	struct rows *rows = rc == 0 ? db_query(db, err, &life_sql[SQL_MESSAGE_OF], "i", id) : NULL;
	json_t *list = json_array();
	rc = rows ? 0 : -(int)ERR_STORE;
	while (rows && (rc = rows_next(rows)) == 1) {
		const char *kind = rows_dup(rows, 1, a), *by = rows_dup(rows, 2, a);
		bool from_staff = strncmp(by, "staff:", 6) == 0, note = strcmp(kind, "note") == 0;
		if (audience == APP_FOR_APPLICANT && note)
			continue;
		json_t *o = json_pack("{s:I, s:s, s:b, s:b, s:b, s:s, s:I}", "id",
		    (json_int_t)rows_i64(rows, 0), "kind", kind, "is_note", (int)note, "from_staff",
		    (int)from_staff, "mine", strcmp(by, actor->id) == 0, "body",
		    rows_dup(rows, 4, a), "at", (json_int_t)rows_i64(rows, 5));
		set_text(o, "author",
		    audience == APP_FOR_STAFF || !from_staff ? rows_dup(rows, 3, a) : office);
		json_array_append_new(list, o);
	}
	rows_end(rows);
	if (rc < 0) {
		json_decref(list);
		return rc;
	}
	*out = list;
	return 0;
}

int app_attachments(struct db *db, struct arena *a, int64_t id, json_t **out, struct err *err)
{
	struct rows *rows = db_query(db, err, &life_sql[SQL_ATTACHMENT_OF], "i", id);
	json_t *list = json_array();
	int rc = rows ? 0 : -(int)ERR_STORE;
	while (rows && (rc = rows_next(rows)) == 1)
		json_array_insert_new(list, 0,
		    json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b}", "id",
		        (json_int_t)rows_i64(rows, 0), "field", rows_dup(rows, 1, a), "blob",
		        rows_dup(rows, 2, a), "name", rows_dup(rows, 3, a), "type",
		        rows_dup(rows, 4, a), "size", (json_int_t)rows_i64(rows, 5), "revision",
		        (json_int_t)rows_i64(rows, 6), "removed_in", (json_int_t)rows_i64(rows, 7),
		        "removed", rows_i64(rows, 7) != 0));
	rows_end(rows);
	if (rc < 0) {
		json_decref(list);
		return rc;
	}
	*out = list;
	return 0;
}

int app_answers_of_revision(
    struct db *db, struct arena *a, int64_t id, int revision, json_t **out, struct err *err)
{
	struct app_row *r;
	char *text = NULL;
	int rc = row_load(db, a, id, false, &r, err);
	if (rc < 0)
		return rc;
	if (r->revision == revision)
		return row_answers(r, out, err);
	rc =
	    db_get_text(db, err, a, &text, &life_sql[SQL_VERSION_GET], "ii", id, (int64_t)revision);
	if (rc <= 0)
		return rc < 0 ? rc
		              : err_set(err, ERR_MISSING, NULL, "no revision %d of %" PRId64,
		                    revision, id);
	*out = json_loads(text, 0, NULL);
	return *out ? 0 : err_set(err, ERR_STORE, NULL, "revision %d of %" PRId64, revision, id);
}
