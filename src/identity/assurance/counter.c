/* Documents looked at over the counter (level 2): /staff/residents/{id}/proof. The officer has the
 * person and their documents before them, and says which; numbers of documents are not kept. */
#include "identity/assurance/assurance.h"

#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "identity/basic.h"
#include "identity/protect/protect.h"
#include "trail/trail.h"

enum { YEARS_DEFAULT = 5, YEARS_MAX = 10 };

/* One with a photograph will do, or two without. */
static const struct {
	const char *name;
	bool photo;
} documents[] = {{"card", true}, {"licence", true}, {"passport", true}, {"residence", true},
    {"disability", true}, {"insurance", false}, {"pension", false}, {"other", false}};

const char *document_text(struct request *rq, const char *name)
{
	return rq_tr(rq, arena_printf(rq->arena, "identity.counter.document.%s", name));
}

struct counter {
	struct account account;
	json_t *profile, *chosen; /* chosen: names of documents */
	const char *date, *until;
};

static int resident_of(struct request *rq, struct db *db, struct counter *c, struct err *err)
{
	int rc = account_get(db, rq->arena, rq_param_i64(rq, "id"), &c->account, err);
	if (rc == 0 || (rc > 0 && (account_is_staff(&c->account) ||
	                              protect_hides_account(db, c->account.id, rq->actor.person))))
		return err_set(err, ERR_MISSING, NULL, "resident %s", rq_param(rq, "id"));
	return rc < 0 ? rc : person_profile(db, rq->arena, c->account.person, &c->profile, err);
}

static const char *in_years(struct request *rq, int years)
{
	return date_format(rq->arena, date_add_months(date_of_us(rq->now_us), 12 * years));
}

static bool is_chosen(const json_t *chosen, const char *name)
{
	size_t i;
	json_t *one;
	json_array_foreach(chosen, i, one)
	{
		if (text_eq(json_string_value(one), name))
			return true;
	}
	return false;
}

static void view(struct request *rq, const struct counter *c)
{
	static const struct form_field_spec kinds = {"documents", "identity.counter.documents",
	    "identity.counter.documents_help", "is_multi_choice", NULL, true, 0};
	static const struct form_field_spec date = {
	    "date", "identity.counter.date", NULL, "is_date", NULL, true, 0};
	static const struct form_field_spec until = {"until", "identity.counter.until",
	    "identity.counter.until_help", "is_date", NULL, true, 0};
	static const char *const items[][2] = {{"name", "identity.field.name"},
	    {"birthday", "identity.field.birthday"}, {"address", "identity.field.address"}};
	json_t *rows = json_array();
	page_title(rq, "identity.counter.title");
	rq_crumb(rq, rq_tr(rq, "identity.residents.title"), "/staff/residents");
	for (size_t i = 0; i < COUNT(items); i++) {
		struct date d;
		const char *text = basic_text(rq->arena, json_object_get(c->profile, items[i][0]));
		if (i == 1 && date_parse(str_from(text), &d))
			text = date_text(rq->arena, d, rq->lang);
		json_array_append_new(
		    rows, json_pack("{s:s, s:s}", "label", rq_tr(rq, items[i][1]), "value",
		              text[0] ? text : rq_tr(rq, "identity.account.none")));
	}
	json_object_set_new(rq->view, "rows", rows);
	json_t *form = page_form(rq,
	    arena_printf(rq->arena, "/staff/residents/%lld/proof", (long long)c->account.id),
	    "identity.counter.button");
	json_t *field = form_field(rq, form, &kinds, NULL);
	for (size_t i = 0; i < COUNT(documents); i++)
		form_option(field, documents[i].name, document_text(rq, documents[i].name),
		    is_chosen(c->chosen, documents[i].name));
	form_field(rq, form, &date, json_string(c->date));
	form_field(rq, form, &until, json_string(c->until));
}

/* The resident sees that the officer had their record before them. */
static int note(struct request *rq, struct db *db, const struct counter *c, struct err *err)
{
	struct reading r = {.kind = TRAIL_LOOK_UP,
	    .person = c->account.person,
	    .beyond = true,
	    .reason = rq_tr(rq, "identity.counter.title")};
	return trail_add_of(rq, db, &r, err);
}

static int get_write(struct request *rq, struct db *db, struct err *err)
{
	struct counter *c = rq_data(rq);
	int rc = resident_of(rq, db, c, err);
	if (rc < 0)
		return rc;
	c->date = in_years(rq, 0);
	c->until = in_years(rq, YEARS_DEFAULT);
	view(rq, c);
	return note(rq, db, c, err);
}

int counter_get(struct request *rq, struct err *err)
{
	(void)err;
	rq_set_data(rq, arena_new_of(rq->arena, struct counter));
	return rq_write(rq, get_write);
}

/* --- what the officer says --- */

/* What was ticked, once each; returns its worth: 2 for a photograph, 1 without. */
static int take_documents(struct request *rq, struct counter *c)
{
	const char *const *typed;
	int n = rq_form_all(rq, "documents", &typed), worth = 0;
	c->chosen = json_on_arena(rq->arena, json_array());
	for (size_t i = 0; i < COUNT(documents); i++)
		for (int k = 0; k < n; k++)
			if (text_eq(typed[k], documents[i].name) &&
			    !is_chosen(c->chosen, documents[i].name)) {
				json_array_append_new(c->chosen, json_string(documents[i].name));
				worth += documents[i].photo ? 2 : 1;
			}
	return worth;
}

static void take_dates(struct request *rq, const struct counter *c)
{
	const char *now = in_years(rq, 0);
	struct date d;
	if (!date_parse(str_from(c->date), &d) || strcmp(c->date, now) > 0)
		form_problem(rq, "date", "identity.counter.bad_date", NULL);
	if (!date_parse(str_from(c->until), &d) || strcmp(c->until, now) < 0 ||
	    strcmp(c->until, in_years(rq, YEARS_MAX)) > 0)
		form_problem(rq, "until", "identity.counter.bad_until", NULL);
}

static int post_write(struct request *rq, struct db *db, struct err *err)
{
	struct counter *c = rq_data(rq);
	int rc = resident_of(rq, db, c, err);
	if (rc < 0)
		return rc;
	c->date = form_value(rq, "date");
	c->until = form_value(rq, "until");
	int worth = take_documents(rq, c);
	view(rq, c);
	if (worth < 2)
		form_problem(rq, "documents",
		    worth ? "identity.counter.two" : "identity.counter.no_documents", NULL);
	take_dates(rq, c);
	if (!basic_text(rq->arena, json_object_get(c->profile, "birthday"))[0] ||
	    !basic_text(rq->arena, json_object_get(c->profile, "address"))[0])
		form_problem(rq, "documents", "identity.counter.incomplete", NULL);
	if (rq_has_problems(rq))
		return 0;
	json_t *data = json_on_arena(
	    rq->arena, json_pack("{s:O, s:s}", "documents", c->chosen, "date", c->date));
	struct proof proof = {.person = c->account.person,
	    .level = 2,
	    .method = "counter",
	    .issuer = rq->actor.id,
	    .reference = "",
	    .until = c->until,
	    .data = json_canonical_text(rq->arena, data)};
	rc = proof_add(db, rq->actor.id, &proof, err);
	if (rc == 0)
		rc = note(rq, db, c, err);
	if (rc < 0)
		return rc;
	rq_flash(rq, "success", "identity.counter.done", NULL);
	return rq_redirect(rq, "/staff/residents");
}

int counter_post(struct request *rq, struct err *err)
{
	(void)err;
	if (rq->actor.token)
		return err_set(err, ERR_DENIED, "identity.needs_session", "not with an API token");
	rq_set_data(rq, arena_new_of(rq->arena, struct counter));
	return rq_write(rq, post_write);
}
