/* An application as its applicant sees it, and the list of all of them. */
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "document/document.h"
#include "procedure/mandate/pages.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"
#include "store/blob.h"

enum { MY_LIMIT = 50, TEXT_MAX = 2000 };

/* --- /my --- */

static int my(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	json_t *lists = NULL;
	int rc =
	    db ? app_of_person(db, rq->arena, rq->actor.account, MY_LIMIT, rq->lang, &lists, err)
	       : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	const char *name;
	json_t *rows;
	json_object_foreach(lists, name, rows)
	{
		size_t i;
		json_t *row;
		json_array_foreach(rows, i, row)
		{
			struct procedure *p = procedure_find(
			    rq->city, json_string_value(json_object_get(row, "procedure")));
			if (p)
				json_object_set_new(row, "title",
				    json_string(procedure_text(p, "title", rq->lang)));
			procedure_unref(p);
			if (strcmp(name, "drafts") == 0)
				json_object_set(row, "saved", json_object_get(row, "updated"));
			/* Who waits for a place is not told a day. */
			bool waits =
			    text_eq(json_string_value(json_object_get(row, "place")), "waiting");
			json_object_set_new(row, "on_waiting_list", json_boolean(waits));
			json_object_set_new(
			    row, "show_due", json_boolean(!waits && strcmp(name, "open") == 0));
		}
		json_object_set_new(rq->view, arena_printf(rq->arena, "has_%s", name),
		    json_boolean(json_array_size(rows) > 0));
	}
	json_object_update(rq->view, lists);
	json_object_set_new(rq->view, "nothing",
	    json_boolean(!json_array_size(json_object_get(lists, "drafts")) &&
	                 !json_array_size(json_object_get(lists, "action")) &&
	                 !json_array_size(json_object_get(lists, "open")) &&
	                 !json_array_size(json_object_get(lists, "done"))));
	json_decref(lists);
	if ((rc = rq_my_disposed(rq, MY_LIMIT, err)) < 0)
		return rc;
	rq_title(rq, "application.my.title");
	return 0;
}

/* --- one application --- */

static json_t *document_views(struct request *rq, struct db *db, int64_t id, struct err *err)
{
	struct document *documents;
	int n = document_of(db, rq->arena,
	    arena_printf(rq->arena, "application:%lld", (long long)id), &documents, err);
	if (n < 0)
		return NULL;
	json_t *out = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(out,
		    json_pack("{s:s, s:s?, s:s?, s:s, s:I, s:b, s:s}", "code", documents[i].code,
		        "title", documents[i].title, "number", documents[i].number, "href",
		        rq_href(rq, "/documents/%s.pdf", documents[i].code), "issued",
		        (json_int_t)documents[i].issued_us, "revoked", (int)documents[i].revoked,
		        "verify", rq_href(rq, "/verify/%s", documents[i].code)));
	return out;
}

void rq_fee(struct request *rq, const struct application *app)
{
	/* Nothing was granted, nothing is owed: only what was paid is shown. */
	bool void_fee = app->state == APP_REFUSED || app->state == APP_WITHDRAWN ||
	                app->state == APP_CANCELLED || text_eq(app->outcome, "refused");
	int64_t due = void_fee ? 0 : app->fee_yen - app->paid_yen;
	json_object_set_new(
	    rq->view, "has_fee", json_boolean(void_fee ? app->paid_yen > 0 : app->fee_yen > 0));
	json_object_set_new(rq->view, "fee_yen", json_integer((json_int_t)app->fee_yen));
	json_object_set_new(rq->view, "fee_due", json_boolean(due > 0));
	json_object_set_new(rq->view, "fee_due_yen", json_integer((json_int_t)(due > 0 ? due : 0)));
}

/* Calls fn for each row of rq_answers(), in sections and in their groups. */
static void each_row(
    struct arena *a, json_t *v, void (*fn)(void *, struct arena *, json_t *), void *arg)
{
	static const char *const below[] = {"sections", "groups", "rows"};
	size_t i;
	json_t *item;
	if (json_object_get(v, "name"))
		fn(arg, a, v);
	for (size_t k = 0; k < COUNT(below); k++)
		json_array_foreach(json_object_get(v, below[k]), i, item)
		    each_row(a, item, fn, arg);
}

/* The answer of a row as one text: lines, or names of files. */
static const char *row_words(struct arena *a, const json_t *row)
{
	struct buf b;
	buf_init(&b, a);
	size_t i;
	json_t *v;
	json_array_foreach(json_object_get(row, "lines"), i, v)
	    buf_printf(&b, "%s%s", b.n ? "\n" : "", json_string_value(v));
	json_array_foreach(json_object_get(row, "files"), i, v)
	    buf_printf(&b, "%s%s", b.n ? "\n" : "", json_string_value(json_object_get(v, "name")));
	return b.p ? b.p : "";
}

/* What tells two answers apart: files of one name may be others. */
static const char *row_print(struct arena *a, const json_t *row)
{
	const json_t *files = json_object_get(row, "files");
	return files ? json_canonical_text(a, files) : row_words(a, row);
}

static void remember_row(void *former, struct arena *a, json_t *row)
{
	(void)a;
	json_object_set(former, json_string_value(json_object_get(row, "name")), row);
}

static void mark_row(void *former, struct arena *a, json_t *row)
{
	const json_t *was =
	    json_object_get(former, json_string_value(json_object_get(row, "name")));
	if (!was || strcmp(row_print(a, was), row_print(a, row)) == 0)
		return;
	json_object_set_new(row, "changed", json_true());
	json_object_set_new(row, "before", json_string(row_words(a, was)));
}

int rq_present_answers(struct request *rq, struct db *db, const struct procedure *p,
    const struct form_context *context, const struct application *app, struct err *err)
{
	json_t *now = rq_answers(rq, p, context, app->answers, app->id, false), *old;
	json_object_set_new(rq->view, "answers", now);
	if (app->revision <= 1)
		return 0;
	int rc = app_answers_of_revision(db, rq->arena, app->id, app->revision - 1, &old, err);
	if (rc < 0)
		return rc;
	json_t *before = rq_answers(rq, p, context, old, app->id, false), *rows = json_object();
	each_row(rq->arena, before, remember_row, rows);
	each_row(rq->arena, now, mark_row, rows);
	json_decref(rows);
	json_decref(before);
	json_decref(old);
	return 0;
}

static int show(struct request *rq, struct err *err)
{
	struct application *app;
	struct procedure *p;
	struct form_context context;
	int rc = rq_own_application(rq, &app, err);
	if (rc == -(int)ERR_MISSING)
		return rq_disposed(rq, err);
	if (rc < 0)
		return rc;
	if (app->state == APP_DRAFT)
		return rq_redirect(rq, "/applications/%lld/steps/%d", (long long)app->id,
		    app->step > 0 ? app->step : 1);
	if ((rc = app_procedure(rq, app, &p, err)) < 0 ||
	    (rc = rq_form_context(rq, app, &context, err)) < 0)
		return rc;
	struct db *db = rq_db(rq, err);
	struct app_actor actor = rq_app_actor(rq);
	json_t *view, *history, *messages, *documents;
	if ((rc = app_view(
	         db, rq->arena, &actor, app, p, rq->lang, APP_FOR_APPLICANT, &view, err)) < 0)
		return rc;
	json_object_set_new(rq->view, "application", view);
	json_t *appeal = json_is_true(json_object_get(view, "is_refused"))
	                     ? app_appeal(p, context.i18n, rq->lang)
	                     : NULL;
	if (appeal)
		json_object_set_new(rq->view, "appeal", appeal);
	rq_fee(rq, app);
	if ((rc = rq_signature(rq, app, p, err)) < 0)
		return rc;
	json_object_set_new(rq->view, "payment_wanted", json_boolean(app->state == APP_PAYMENT));
	if ((rc = app_history(db, rq->arena, app->id, APP_FOR_APPLICANT, &history, err)) < 0)
		return rc;
	json_object_set_new(rq->view, "history", history);
	if ((rc = app_messages(db, rq->arena, &actor, app->id, APP_FOR_APPLICANT, &messages, err)) <
	    0)
		return rc;
	json_object_set_new(rq->view, "messages", messages);
	if (!(documents = document_views(rq, db, app->id, err)))
		return -(int)ERR_STORE;
	/* Who acts for somebody else reads and receives what the mandate says. */
	unsigned acts = app_own_acts(db, app, &actor);
	if (!(acts & MANDATE_READ))
		json_array_clear(messages);
	if (!(acts & MANDATE_RECEIVE))
		json_array_clear(documents);
	if ((rc = mandate_used_view(rq, app, err)) < 0)
		return rc;
	json_object_set_new(
	    rq->view, "has_documents", json_boolean(json_array_size(documents) > 0));
	json_object_set_new(rq->view, "documents", documents);
	if ((rc = rq_present_answers(rq, db, p, &context, app, err)) < 0)
		return rc;
	json_object_set_new(
	    rq->view, "just_submitted", json_boolean(rq_query(rq, "submitted") != NULL));
	json_object_set_new(rq->view, "title", json_string(procedure_text(p, "title", rq->lang)));
	rq_crumb(rq, rq_tr(rq, "application.my.title"), rq_href(rq, "/my"));
	return 0;
}

/* --- acts of the applicant --- */

struct act {
	struct application *app;
	struct procedure *procedure;
	struct form_context context;
	const char *text;
};

/* The own application of a post, its definition and context. */
static int act_load(struct request *rq, struct act **out, struct err *err)
{
	struct act *a = arena_new_of(rq->arena, struct act);
	int rc = rq_own_application(rq, &a->app, err);
	if (rc < 0 || (rc = app_procedure(rq, a->app, &a->procedure, err)) < 0 ||
	    (rc = rq_form_context(rq, a->app, &a->context, err)) < 0)
		return rc;
	rq_set_data(rq, a);
	*out = a;
	return 0;
}

static int done(struct request *rq, const struct act *a, const char *msgkey)
{
	rq_flash(rq, "success", msgkey, NULL);
	return rq_redirect(rq, "/applications/%lld", (long long)a->app->id);
}

static int withdraw_write(struct request *rq, struct db *db, struct err *err)
{
	struct act *a = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	int rc = app_withdraw(db, &actor, a->app->id, a->text, err);
	return rc < 0 ? rc : done(rq, a, "application.withdrawn_now");
}

static int withdraw(struct request *rq, struct err *err)
{
	struct act *a;
	int rc = act_load(rq, &a, err);
	if (rc < 0)
		return rc;
	a->text = rq_form(rq, "reason");
	return rq_write(rq, withdraw_write);
}

static int withdraw_page(struct request *rq, struct err *err)
{
	struct act *a;
	int rc = act_load(rq, &a, err);
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "id", json_integer((json_int_t)a->app->id));
	json_object_set_new(rq->view, "number", json_string(a->app->receipt_number));
	json_object_set_new(rq->view, "place", json_boolean(a->app->place != NULL));
	rq_title(rq, "application.withdraw.title");
	rq_crumb(rq, procedure_text(a->procedure, "title", rq->lang),
	    rq_href(rq, "/applications/%lld", (long long)a->app->id));
	return 0;
}

static int message_write(struct request *rq, struct db *db, struct err *err)
{
	struct act *a = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	int rc = app_message(db, &actor, a->app->id, "applicant", a->text, err);
	return rc < 0 ? rc : done(rq, a, "application.message_sent");
}

static int message(struct request *rq, struct err *err)
{
	struct act *a;
	int rc = act_load(rq, &a, err);
	if (rc < 0)
		return rc;
	a->text = rq_form(rq, "text");
	if (!a->text || !a->text[0]) {
		if (!rq_has_problems(rq)) /* the declared input says it, too */
			rq_problem(rq, "text", "form.required", NULL);
		rq->template = "procedure/application";
		return show(rq, err);
	}
	return rq_write(rq, message_write);
}

/* --- attachments --- */

/* One of an application's files, for its applicant and for staff who may read it. */
static int file(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct app_actor actor = rq_app_actor(rq);
	struct application *app;
	const char *blob = rq_param(rq, "blob");
	int64_t id = rq_param_i64(rq, "id");
	int rc = !db      ? -(int)ERR_STORE
	         : id < 0 ? err_set(err, ERR_MISSING, NULL, "no such application")
	                  : app_read(db, rq->arena, &actor, id, &app, err);
	if (rc < 0 || (rc = rq_reading(rq, app, TRAIL_FILE, NULL, NULL, err)) <= 0)
		return rc;
	const char *slot;
	json_t *files, *f, *kept;
	size_t i;
	json_object_foreach(json_object_get(app->answers, "attachments"), slot, files)
	{
		json_array_foreach(files, i, f)
		{
			if (text_eq(json_string_value(json_object_get(f, "blob")), blob))
				return rq_send_blob(rq, blob,
				    json_string_value(json_object_get(f, "type")),
				    json_string_value(json_object_get(f, "name")), false, err);
		}
	}
	/* Former versions keep theirs. */
	if ((rc = app_attachments(db, rq->arena, app->id, &kept, err)) < 0)
		return rc;
	rc =
	    err_set(err, ERR_MISSING, NULL, "application %lld has no file %s", (long long)id, blob);
	json_array_foreach(kept, i, f)
	{
		if (rc < 0 && text_eq(json_string_value(json_object_get(f, "blob")), blob))
			rc = rq_send_blob(rq, blob,
			    arena_strdup(rq->arena, json_string_value(json_object_get(f, "type"))),
			    arena_strdup(rq->arena, json_string_value(json_object_get(f, "name"))),
			    false, err);
	}
	json_decref(kept);
	return rc;
}

static const struct input withdraw_inputs[] = {
    {"reason", "string", false, TEXT_MAX},
    {NULL, NULL, false, 0},
};
static const struct input message_inputs[] = {
    {"text", "string", true, TEXT_MAX},
    {NULL, NULL, false, 0},
};

static const struct route routes[] = {
    {HTTP_GET, "/my", my, .perm = "resident", .template = "procedure/my",
        .summary = "Everything I have open, received and drafted."},
    {HTTP_GET, "/applications/{id}", show, .perm = "signed-in", .template = "procedure/application",
        .summary = "My application: state, messages, documents."},
    {HTTP_GET, "/applications/{id}/withdraw", withdraw_page, .perm = "signed-in",
        .template = "procedure/withdraw", .summary = "Ask before withdrawing."},
    {HTTP_POST, "/applications/{id}/withdraw", withdraw, .perm = "signed-in",
        .summary = "Withdraw an application before its decision.", .inputs = withdraw_inputs,
        .rate = RATE_WRITE, .describe = describe_moves},
    {HTTP_POST, "/applications/{id}/messages", message, .perm = "signed-in",
        .template = "procedure/application", .summary = "Write to the office.",
        .inputs = message_inputs, .rate = RATE_WRITE, .describe = describe_moves},
    {HTTP_GET, "/applications/{id}/files/{blob}", file, .perm = "signed-in",
        .summary = "A file of an application.", .flags = ROUTE_RAW},
};
const struct module application_pages = {
    .name = "procedure.application",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
