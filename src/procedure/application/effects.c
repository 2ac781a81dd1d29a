/* What follows a decision, inside its transaction: numbers, the charge, the file's retention, and
 * the jobs that make documents and tell the applicant. */
#include "procedure/application/life.h"

#include "store/jobs.h"

int tell_applicant(struct db *db, struct arena *a, const struct app_row *r, const char *event,
    json_t *more, struct err *err)
{
	(void)a;
	json_t *payload = json_pack("{s:I, s:s, s:I}", "id", (json_int_t)r->id, "event", event,
	    "turn", (json_int_t)r->turn);
	if (more)
		json_object_set(payload, "more", more);
	int rc = job_add(db, "application.notice", payload, 0, NULL, err);
	json_decref(payload);
	return rc;
}

void retention_begin(struct arena *a, struct app_row *r, int64_t now)
{
	if (!r->disposal_on)
		r->disposal_on = retention_end(a, date_of_us(now), (int)r->retention_years);
}

int row_eval(const struct procedure *proc, const struct app_row *r, json_t *answers,
    const char *expr, bool *out, struct err *err)
{
	struct form_context ctx = {.lang = "ja",
	    .applicant_kind = r->applicant_kind,
	    .mandate_on_record = (r->kids & KID_MANDATE_USE) != 0,
	    .today = date_of_us(now_us()),
	    .fee_yen = r->fee_yen,
	    .outcome = r->outcome};
	return procedure_eval(proc, expr, &ctx, answers, out, err);
}

int charge_make(struct db *db, struct app_row *r, struct err *err)
{
	if ((r->kids & KID_CHARGE) || r->fee_yen <= r->paid_yen)
		return 0;
	r->kids |= KID_CHARGE;
	return db_later(
	    db, err, &life_sql[SQL_CHARGE_ADD], "iii", r->id, r->fee_yen - r->paid_yen, now_us());
}

int charges_cancel(struct db *db, struct app_row *r, struct err *err)
{
	if (!(r->kids & KID_CHARGE))
		return 0;
	return db_later(db, err, &life_sql[SQL_CHARGE_CANCEL], "i", r->id);
}

static int number_give(
    struct db *db, struct arena *a, const char *series, json_t *numbers, struct err *err)
{
	int64_t n;
	if (!series || json_object_get(numbers, series))
		return 0;
	int rc = series_next(db, arena_printf(a, "number/%s", series), &n, err);
	if (rc == 0)
		json_object_set_new(numbers, series, json_integer((json_int_t)n));
	return rc;
}

static int effects_of(struct db *db, struct arena *a, const struct procedure *proc,
    struct app_row *r, json_t *answers, json_t *numbers, struct err *err)
{
	size_t i;
	json_t *e;
	int rc = 0;
	json_array_foreach(json_object_get(procedure_json(proc), "effects"), i, e)
	{
		const char *kind = json_string_value(json_object_get(e, "kind"));
		const char *when = json_string_value(json_object_get(e, "when"));
		bool wanted = strcmp(r->outcome, "granted") == 0;
		if (rc == 0 && when && when[0])
			rc = row_eval(proc, r, answers, when, &wanted, err);
		if (rc < 0 || !wanted)
			continue;
		if (text_eq(kind, "charge"))
			rc = charge_make(db, r, err);
		else if (text_eq(kind, "number"))
			rc = number_give(
			    db, a, json_string_value(json_object_get(e, "series")), numbers, err);
	}
	return rc;
}

int effects_run(struct db *db, struct arena *a, const struct procedure *proc, struct app_row *r,
    struct err *err)
{
	int64_t now = now_us();
	json_t *answers = NULL, *numbers = r->numbers ? json_loads(r->numbers, 0, NULL) : NULL;
	if (!numbers)
		numbers = json_object();
	r->decided_us = now;
	retention_begin(a, r, now);
	int rc = proc ? row_answers(r, &answers, err)
	              : err_set(err, ERR_INTERNAL, NULL, "a decision without its definition");
	if (rc == 0)
		rc = effects_of(db, a, proc, r, answers, numbers, err);
	if (rc == 0 && json_object_size(numbers)) {
		char *text = json_dumps(numbers, JSON_COMPACT | JSON_SORT_KEYS);
		r->numbers = arena_strdup(a, text);
		free(text);
	}
	json_decref(numbers);
	json_decref(answers);
	if (rc < 0)
		return rc;
	/* A place that is not granted is free for the next. */
	if (strcmp(r->outcome, "refused") == 0 && (rc = place_free(db, a, r, err)) < 0)
		return rc;
	json_t *payload = json_pack("{s:I}", "id", (json_int_t)r->id);
	rc = job_add(db, "application.documents", payload, 0, NULL, err);
	json_decref(payload);
	return rc < 0 ? rc : tell_applicant(db, a, r, "decided", NULL, err);
}
