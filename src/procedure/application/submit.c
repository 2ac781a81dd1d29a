/* Submission and answers to a correction request: what was typed is checked, sealed and kept. The
 * check needs nothing of the writer, so a page has it done before the writer's turn. */
#include "procedure/application/life.h"

#include "base/json.h"
#include "identity/identity.h"

struct app_prepared {
	const char *from;      /* the stored text that was checked; NULL: answers given anew */
	struct date today;     /* the day for which it was */
	json_t *answers;       /* with what the form computes, sealed */
	const char *text;      /* the same, as it is stored */
	const char *applicant; /* name; NULL: none */
	const char *words;     /* for the search */
	int64_t fee_yen;
};

static struct form_context context_of(
    const struct form_context *given, const char *applicant_kind, int64_t kids, int64_t now)
{
	struct form_context ctx = given ? *given : (struct form_context){.lang = "ja"};
	ctx.applicant_kind = applicant_kind; /* never what a page says */
	ctx.mandate_on_record = (kids & KID_MANDATE_USE) != 0;
	ctx.fee_yen = -1;
	ctx.outcome = NULL;
	ctx.today = date_of_us(now);
	return ctx;
}

/* answers, unsealed, is changed in place. Returns the number of problems; 0: p is filled. */
static int prepare(struct db *db, struct arena *a, const struct procedure *proc,
    const struct form_context *ctx, json_t *answers, struct app_prepared *p,
    struct form_problem **problems, struct err *err)
{
	int n = form_check(proc, a, ctx, answers, problems);
	if (n < 0)
		return err_set(err, ERR_INTERNAL, NULL, "%s: form_check %d", procedure_id(proc), n);
	if (n > 0)
		return n;
	int rc = answers_seal(db, proc, answers, err);
	if (rc == 0)
		rc = form_fee(proc, ctx, answers, &p->fee_yen, err);
	p->today = ctx->today;
	p->answers = answers;
	p->text = json_canonical_text(a, answers);
	p->applicant = applicant_name_of(a, proc, ctx->applicant_kind, answers, ctx->profile);
	p->words = answers_words(a, proc, answers);
	return rc;
}

/* Where nobody shows all problems, the first one is the error. */
static int prepare_all(struct db *db, struct arena *a, const struct procedure *proc,
    const struct form_context *ctx, json_t *answers, struct app_prepared *p, struct err *err)
{
	struct form_problem *problems = NULL;
	int n = prepare(db, a, proc, ctx, answers, p, &problems, err);
	if (n <= 0)
		return n;
	return err_field(err, ERR_INPUT, problems[0].field ? problems[0].field : "",
	    "application.incomplete", "%s: %d problems, first %s (%s)", procedure_id(proc), n,
	    problems[0].field ? problems[0].field : "?",
	    problems[0].msgkey ? problems[0].msgkey : "own message");
}

int app_prepare(struct db *db, struct arena *a, const struct procedure *proc,
    const struct application *app, const struct form_context *given, json_t *answers,
    struct app_prepared **out, struct form_problem **problems, struct err *err)
{
	struct form_context ctx = context_of(given, app->applicant_kind, app->kids, now_us());
	struct app_prepared *p = arena_new_of(a, struct app_prepared);
	*p = (struct app_prepared){.from = app->answers_text};
	*out = p;
	return prepare(db, a, proc, &ctx, answers, p, problems, err);
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

/* Is it what stands in the draft, checked for this day? */
static bool prepared_fits(const struct app_prepared *p, const struct app_row *r, struct date today)
{
	return p && p->from && strcmp(p->from, r->answers) == 0 &&
	       date_compare(p->today, today) == 0;
}

static int prepare_draft(struct change *c, const struct procedure *proc,
    const struct form_context *ctx, struct app_prepared *p, struct err *err)
{
	json_t *answers;
	int rc = row_answers(c->row, &answers, err);
	if (rc < 0)
		return rc;
	json_on_arena(c->arena, answers);
	rc = answers_unseal(c->db, proc, answers, err);
	return rc < 0 ? rc : prepare_all(c->db, c->arena, proc, ctx, answers, p, err);
}

static void take_answers(struct app_row *r, const struct app_prepared *p)
{
	r->answers = p->text;
	r->applicant_name = p->applicant ? p->applicant : r->applicant_name;
}

static int submit_row(struct change *c, const struct procedure *proc,
    const struct form_context *given, const struct app_prepared *p, struct err *err)
{
	struct app_row *r = c->row;
	/* Received when it stands in the city's file: デジタル手続法第6条. */
	int64_t now = now_us();
	struct form_context ctx = context_of(given, r->applicant_kind, r->kids, now);
	struct app_prepared own = {.from = NULL};
	int rc = window_check(proc, ctx.today, err);
	if (rc == 0 && !prepared_fits(p, r, ctx.today)) {
		rc = prepare_draft(c, proc, &ctx, &own, err);
		p = &own;
	}
	if (rc == 0)
		rc = signature_check(c->db, c->arena, proc, r, err);
	if (rc < 0)
		return rc;
	take_answers(r, p);
	r->fee_yen = p->fee_yen;
	r->submitted_us = now;
	r->revision = 1;
	r->assignee = 0;
	if ((rc = terms_take(c->db, c->arena, proc, r, err)) < 0 ||
	    (rc = department_of(c->db, c->arena, proc, &r->department, err)) < 0 ||
	    (rc = submit_numbers(c, proc, err)) < 0 ||
	    (rc = place_take(c->db, c->arena, proc, r, p->answers, err)) < 0 ||
	    (rc = attachments_sync(c->db, c->arena, r, p->answers, err)) < 0)
		return rc;
	return row_index(c->db, c->arena, r, p->words, err);
}

static int submit(struct change *c, const struct procedure *proc, const struct form_context *given,
    const struct app_prepared *p, struct err *err)
{
	struct app_row *r = c->row;
	if (strcmp(r->procedure, procedure_id(proc)) != 0 ||
	    strcmp(r->version, procedure_version(proc)) != 0)
		return err_set(err, ERR_INTERNAL, NULL,
		    "application %" PRId64 " is of %s %s, not %s %s", r->id, r->procedure,
		    r->version, procedure_id(proc), procedure_version(proc));
	int rc = submit_row(c, proc, given, p, err);
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
    const struct app_prepared *prepared, char **receipt_number, struct err *err)
{
	struct change c;
	int rc = change_begin(&c, db, a, actor, id, "submit", err);
	if (rc == 0)
		rc = submit(&c, proc, given, prepared, err);
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

/* A check is of the number that was there: another one has to be checked anew. answers: unsealed.
 */
static int number_check_follow(
    struct change *c, const struct procedure *proc, const json_t *answers, struct err *err)
{
	struct app_row *r = c->row;
	json_t *sealed, *before, *one;
	size_t i;
	int rc = (r->kids & KID_NUMBER_CHECK) ? row_answers(r, &sealed, err) : 1;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = app_unseal(c->db, proc, sealed, &before, err);
	json_decref(sealed);
	if (rc < 0)
		return rc;
	json_t *numbers = form_numbers(proc, "ja", answers);
	json_array_foreach(numbers, i, one)
	{
		const char *name = json_text(one, "name");
		if (!json_equal(form_number_at(answers, name), form_number_at(before, name)))
			r->kids &= ~KID_NUMBER_CHECK;
	}
	json_decref(numbers);
	json_decref(before);
	return 0;
}

static int correct_row(struct change *c, const struct procedure *proc,
    const struct form_context *given, json_t *answers, json_t **changed, struct err *err)
{
	struct app_row *r = c->row;
	struct form_context ctx = context_of(given, r->applicant_kind, r->kids, now_us());
	struct app_prepared p = {.from = NULL};
	json_t *before;
	int rc = number_check_follow(c, proc, answers, err);
	if (rc == 0)
		rc = prepare_all(c->db, c->arena, proc, &ctx, answers, &p, err);
	if (rc < 0 || (rc = row_answers(r, &before, err)) < 0)
		return rc;
	*changed = answers_changed(before, answers);
	json_decref(before);
	int64_t n = db_run(c->db, err, &life_sql[SQL_VERSION_ADD], "iitit", r->id, r->revision,
	    c->actor->id, now_us(), r->answers);
	if (n < 0)
		return (int)n;
	r->kids |= KID_VERSION;
	r->revision++;
	take_answers(r, &p);
	if (!(r->kids & KID_CHARGE)) /* what was charged stays; a new fee would be a decision */
		r->fee_yen = p.fee_yen;
	if ((rc = clock_start(c->db, c->arena, r, now_us(), err)) < 0 ||
	    (rc = correction_end(c, "answered", r->revision, err)) < 0 ||
	    (rc = place_follow(c, proc, answers, err)) < 0 ||
	    (rc = attachments_sync(c->db, c->arena, r, answers, err)) < 0)
		return rc;
	return row_index(c->db, c->arena, r, p.words, err);
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
