/* Work after the transaction: notices, documents, and the daily round over deadlines. A job may run
 * twice; what it does is guarded by a row (effect, reminder) written together with it. */
#include "procedure/application/life.h"

#include "base/log.h"
#include "document/document.h"
#include "identity/identity.h"
#include "identity/mandate/mandate.h"
#include "procedure/protect/sight.h"
#include "notice/notice.h"
#include "procedure/catalogue.h"
#include "web/template.h"

/* --- what both notices and documents need --- */

struct case_file {
	struct city *city;
	struct db *db;
	struct arena *arena;
	struct application *app;
	struct procedure *proc;
	const char *mail, *lang; /* of the applicant; mail may be NULL */
};

static const char *text_of(const json_t *texts, const char *lang)
{
	const char *s = json_string_value(json_object_get(texts, lang));
	return s ? s : json_string_value(json_object_get(texts, "ja"));
}

/* The first e-mail address among the answers: of applications typed in at the counter. */
static const char *mail_of_answers(const struct case_file *c)
{
	size_t i, k;
	json_t *section, *field;
	json_array_foreach(json_object_get(procedure_json(c->proc), "sections"), i, section)
	{
		json_t *part = json_object_get(
		    c->app->answers, json_string_value(json_object_get(section, "id")));
		json_array_foreach(json_object_get(section, "fields"), k, field)
		{
			const char *id = json_string_value(json_object_get(field, "id"));
			const char *mail = json_string_value(json_object_get(part, id ? id : ""));
			if (text_eq(json_string_value(json_object_get(field, "type")), "email") &&
			    mail && mail_address_valid(mail))
				return mail;
		}
	}
	return NULL;
}

static int case_load(struct case_file *c, struct store *store, struct city *city, struct arena *a,
    int64_t id, struct err *err)
{
	char *mail = NULL, *lang = NULL, *elsewhere = NULL;
	*c = (struct case_file){
	    .city = city, .arena = a, .db = store_reader(store, err), .lang = "ja"};
	int rc = c->db ? app_get(c->db, a, id, &c->app, err) : -(int)ERR_STORE;
	if (rc == 0)
		rc = procedure_find_version(
		    city, c->db, c->app->procedure, c->app->version, &c->proc, err);
	if (rc < 0)
		return rc;
	procedure_on_arena(a, c->proc);
	if (c->app->applicant_person &&
	    (rc = person_mail(c->db, a, c->app->applicant_person, &mail, &lang, err)) < 0)
		return rc;
	rc = sight_mail(c->db, a, c->app, &elsewhere, err);
	if (rc < 0)
		return rc;
	c->mail = rc > 0 ? elsewhere[0] ? elsewhere : NULL : mail ? mail : mail_of_answers(c);
	c->lang = lang ? lang : "ja";
	return 0;
}

static const char *case_url(const struct case_file *c)
{
	return arena_printf(c->arena, "%s%s/applications/%" PRId64, c->city->base_url,
	    strcmp(c->lang, "en") == 0 ? "/en" : "", c->app->id);
}

/* What every mail about an application has. */
static json_t *case_view(const struct case_file *c)
{
	const struct application *app = c->app;
	struct err err;
	const char *title = procedure_text(c->proc, "title", c->lang);
	bool refused = text_eq(app->outcome, "refused");
	json_t *view = json_pack("{s:s?, s:s?, s:s?, s:s, s:s?, s:I, s:b, s:b}", "procedure", title,
	    "receipt_number", app->receipt_number, "serial", app->serial, "url", case_url(c),
	    "name", app->applicant_name, "fee_yen", (json_int_t)(app->fee_yen - app->paid_yen),
	    "is_refused", (int)refused, "on_waiting_list", (int)text_eq(app->place, "waiting"));
	if (app->department)
		json_object_set_new(view, "department",
		    json_string(
		        department_name_in(c->db, c->arena, app->department, c->lang, &err)));
	if (app->due)
		json_object_set_new(view, "due", json_string(app->due));
	/* A drafted decision is not told before it takes effect. */
	if (app->outcome && (app->decided_us || app->state == APP_PAYMENT))
		json_object_set_new(view, "outcome_text",
		    json_string(i18n_get(c->city->i18n, c->lang,
		        refused ? "application.outcome.refused" : "application.outcome.granted")));
	if (app->reason && refused && app->decided_us)
		json_object_set_new(view, "reason", json_string(app->reason));
	return view;
}

const char *procedure_title(struct city *city, struct arena *a, const char *id)
{
	struct procedure *proc = id ? procedure_find(city, id) : NULL;
	const char *title = proc ? procedure_text(proc, "title", "ja") : NULL;
	title = title ? arena_strdup(a, title) : NULL;
	procedure_unref(proc);
	return title;
}

static struct form_context context_of(const struct case_file *c, int64_t at_us)
{
	return (struct form_context){.lang = c->lang,
	    .applicant_kind = c->app->applicant_kind,
	    .mandate_on_record = app_on_record(c->app),
	    .today = date_of_us(at_us),
	    .fee_yen = c->app->fee_yen,
	    .outcome = c->app->outcome,
	    .i18n = c->city->i18n};
}

/* A setting in the applicant's language, else in Japanese. */
static const char *setting(const struct case_file *c, const char *name)
{
	const char *ja = city_setting(c->city, arena_printf(c->arena, "%s.ja", name), "");
	return city_setting(c->city, arena_printf(c->arena, "%s.%s", name, c->lang), ja);
}

static void set_text(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, json_string(text));
}

/* What the texts of a definition may name: the answers, and the words of docs/procedure-format.md.
 * New reference. */
static json_t *case_texts(const struct case_file *c, const struct form_context *ctx)
{
	const struct application *app = c->app;
	struct err err;
	const char *series;
	json_t *given, *texts = form_answer_texts(c->proc, c->arena, ctx, app->answers);
	set_text(texts, "receipt_number", app->receipt_number);
	set_text(texts, "serial", app->serial);
	set_text(texts, "applicant", app->applicant_name);
	set_text(texts, "reason", app->reason);
	set_text(texts, "city", setting(c, "name"));
	set_text(texts, "date",
	    strcmp(c->lang, "ja") == 0 ? date_era_text(c->arena, ctx->today, c->lang)
	                               : date_text(c->arena, ctx->today, c->lang));
	set_text(texts, "fee", arena_printf(c->arena, "%" PRId64, app->fee_yen));
	if (app->outcome)
		set_text(texts, "outcome",
		    i18n_get(c->city->i18n, c->lang,
		        arena_printf(c->arena, "application.outcome.%s", app->outcome)));
	if (app->department)
		set_text(texts, "department",
		    department_name_in(c->db, c->arena, app->department, c->lang, &err));
	json_object_foreach(app->numbers, series, given)
	{
		if (!json_object_get(texts, "number"))
			set_text(texts, "number",
			    arena_printf(
			        c->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(given)));
	}
	return texts;
}

/* --- application.notice --- */

/* The events that a definition may word itself or switch off, and the mail for each. */
static const struct event {
	const char *event, *notice, *kind;
	bool principal; /* told to whom a proxy acts for, too */
} events[] = {
    {"submitted", "submitted", "receipt", true},
    {"accepted", "accepted", "accepted", false},
    {"correction", "correction", "correction-requested", false},
    {"correction-reminder", "reminder", "correction-reminder", false},
    {"message", "message", "message", false},
    {"decided", "decided", "decided", true},
    {"withdrawn", "withdrawn", "withdrawn", true},
    {"document", "document", "document-ready", false},
    {"document-revoked", NULL, "procedure/document-revoked", false},
    {"payment", NULL, "procedure/payment", false},
    {"payment-reminder", "reminder", "procedure/payment", false},
    {"cancelled", NULL, "procedure/cancelled", true},
    {"place", NULL, "procedure/place", false},
    {"draft-expiry", "reminder", "procedure/draft-expiry", false},
};

static const struct event *event_find(const char *name)
{
	for (size_t i = 0; i < COUNT(events); i++)
		if (text_eq(events[i].event, name))
			return &events[i];
	return NULL;
}

/* Labels of the fields that a correction asks for. */
static int correction_view(const struct case_file *c, json_t *view, struct err *err)
{
	json_t *all, *last, *f;
	size_t i;
	struct form_context ctx = context_of(c, now_us());
	int rc = app_corrections(c->db, c->arena, c->app->id, &all, err);
	if (rc < 0)
		return rc;
	last = json_array_get(all, json_array_size(all) - 1);
	json_t *fields = json_array();
	json_array_foreach(json_object_get(last, "fields"), i, f)
	{
		const char *name = json_string_value(json_object_get(f, "field"));
		json_t *row = form_answer_row(c->proc, c->arena, &ctx, c->app->answers, name);
		const char *label = json_string_value(json_object_get(row, "label"));
		json_array_append_new(
		    fields, json_pack("{s:s, s:s?}", "label", label ? label : name, "message",
		                json_string_value(json_object_get(f, "message"))));
		json_decref(row);
	}
	json_object_set_new(view, "fields", fields);
	json_object_set(view, "message", json_object_get(last, "message"));
	json_object_set(view, "due", json_object_get(last, "due"));
	json_decref(all);
	return 0;
}

/* The newest document of the application. */
static int issued_view(const struct case_file *c, json_t *view, struct err *err)
{
	struct document *list;
	const char *base = arena_printf(
	    c->arena, "%s%s", c->city->base_url, strcmp(c->lang, "en") == 0 ? "/en" : "");
	int n = document_of(c->db, c->arena, subject_of(c->arena, c->app->id), &list, err);
	if (n > 0)
		json_object_set_new(view, "document",
		    json_pack("{s:s, s:s?, s:s, s:s}", "title", list[n - 1].title, "number",
		        list[n - 1].number, "url",
		        arena_printf(c->arena, "%s/documents/%s.pdf", base, list[n - 1].code),
		        "verify_url",
		        arena_printf(c->arena, "%s/verify/%s", base, list[n - 1].code)));
	return n < 0 ? n : 0;
}

struct notice {
	const struct case_file *c;
	const struct event *event;
	const char *kind, *guard;
	json_t *view;
};

/* 1: the first time. */
static int effect_once(struct db *db, int64_t id, const char *what, struct err *err)
{
	return (int)db_run(db, err, &life_sql[SQL_EFFECT_ADD], "iti", id, what, now_us());
}

static int notice_write(struct db *db, void *arg, struct err *err)
{
	struct notice *n = arg;
	const struct application *app = n->c->app;
	const char *subject = subject_of(n->c->arena, app->id);
	const char *principal = json_string_value(json_object_get(app->mandate, "principal_mail"));
	char *known = NULL;
	bool reads = true;
	int rc = effect_once(db, app->id, n->guard, err);
	if (rc <= 0)
		return rc;
	rc = app_on_record(app) ? use_mails(db, n->c->arena, app, &reads, &known, err) : 0;
	if (rc == 0 && n->c->mail && reads)
		rc = notice_mail(db, n->c->mail, n->c->lang, n->kind, subject, n->view, err);
	if (known)
		principal = known;
	/* When nobody acts for them any more they are told everything. */
	if (rc == 0 && principal && (n->event->principal || !reads) &&
	    mail_address_valid(principal))
		rc = notice_mail(db, principal, n->c->lang, n->kind, subject, n->view, err);
	return rc;
}

/* The definition's own words: {"subject": texts, "body": texts}. */
static const char *own_words(const struct case_file *c, const json_t *own, json_t *view)
{
	struct form_context ctx = context_of(c, now_us());
	json_t *texts = case_texts(c, &ctx);
	json_object_update_missing(view, texts);
	json_decref(texts);
	set_text(view, "subject_text", text_of(json_object_get(own, "subject"), c->lang));
	set_text(view, "body_text", text_of(json_object_get(own, "body"), c->lang));
	return "text";
}

static int applicant_tell(struct store *store, const struct case_file *c, json_t *payload,
    const struct event *event, struct err *err)
{
	const char *name = event->event;
	int rc = 0;
	json_t *notices = json_object_get(procedure_json(c->proc), "notices");
	json_t *own = event->notice ? json_object_get(notices, event->notice) : NULL;
	if (text_eq(json_string_value(own), "none"))
		return 0;
	/* Paid or waived since the mail was queued. */
	if (strcmp(event->kind, "procedure/payment") == 0 && c->app->fee_yen <= c->app->paid_yen)
		return 0;
	struct notice n = {.c = c, .event = event, .kind = event->kind, .view = case_view(c)};
	n.guard = arena_printf(c->arena, "notice/%s/%" JSON_INTEGER_FORMAT, name,
	    json_integer_value(json_object_get(payload, "turn")));
	if (strncmp(name, "correction", 10) == 0)
		rc = correction_view(c, n.view, err);
	if (rc == 0 && strcmp(name, "document") == 0)
		rc = issued_view(c, n.view, err);
	json_t *more = json_object_get(payload, "more");
	if (more)
		json_object_update(n.view, more);
	if (strcmp(name, "message") == 0)
		json_object_set(n.view, "text", json_object_get(n.view, "message"));
	if (json_is_object(own))
		n.kind = own_words(c, own, n.view);
	if (rc == 0)
		rc = store_write(store, notice_write, &n, err);
	json_decref(n.view);
	return rc;
}

static int notice_run(
    struct store *store, void *context, struct arena *a, json_t *payload, struct err *err)
{
	struct case_file c;
	const char *name = json_string_value(json_object_get(payload, "event"));
	const struct event *event = event_find(name);
	if (!event && !staff_event(name))
		return err_set(err, ERR_INPUT, NULL, "no notice %s", name ? name : "");
	int rc = case_load(
	    &c, store, context, a, json_integer_value(json_object_get(payload, "id")), err);
	if (rc == 0 && event)
		rc = applicant_tell(store, &c, payload, event, err);
	if (rc == 0 && staff_event(name))
		rc = staff_tell(store, c.city, a, c.app, c.proc, name,
		    json_integer_value(json_object_get(payload, "turn")), err);
	return rc;
}

/* --- application.documents --- */

static json_t *paragraphs(const char *text)
{
	json_t *list = json_array();
	while (text && *text) {
		const char *end = strstr(text, "\n\n");
		struct str part =
		    str_trim((struct str){text, end ? (size_t)(end - text) : strlen(text)});
		if (part.n)
			json_array_append_new(list, json_stringn(part.p, part.n));
		text = end ? end + 2 : NULL;
	}
	return list;
}

/* A text of the definition with the answers put in. */
static int filled(
    const struct case_file *c, const char *text, json_t *texts, const char **out, struct err *err)
{
	struct buf b;
	buf_init(&b, c->arena);
	int rc = template_render_plain(
	    c->city->templates, str_from(text ? text : ""), c->lang, texts, &b, err);
	*out = b.p ? b.p : "";
	return rc;
}

/* A line of the letter's head: a catalogue text with what fills it. The text is taken. */
static json_t *line(const struct case_file *c, const char *key, json_t *args)
{
	json_t *out = json_string(i18n_format(c->city->i18n, c->arena, c->lang, key, args));
	json_decref(args);
	return out;
}

static json_t *to_lines(const struct case_file *c)
{
	json_t *to = json_array();
	const char *name = c->app->applicant_name ? c->app->applicant_name : "";
	json_t *principal = json_object_get(c->app->mandate, "principal_name");
	/* Both names on every output of a proxy's application. */
	if (principal)
		json_array_append_new(
		    to, line(c, "application.document.to", json_pack("{s:O}", "name", principal)));
	bool company = text_eq(c->app->applicant_kind, "business"); /* 御中 */
	json_array_append_new(to, line(c,
	                              principal ? "application.document.proxy"
	                              : company ? "application.document.to_company"
	                                        : "application.document.to",
	                              json_pack("{s:s}", "name", name)));
	return to;
}

static json_t *from_lines(const struct case_file *c)
{
	const char *mayor = setting(c, "mayor");
	json_t *from = json_array();
	json_array_append_new(
	    from, line(c, mayor[0] ? "application.document.from" : "application.document.from_city",
	              json_pack("{s:s, s:s}", "city", setting(c, "name"), "mayor", mayor)));
	return from;
}

json_t *app_appeal(const struct procedure *proc, const struct i18n *i18n, const char *lang)
{
	const json_t *own = json_object_get(procedure_json(proc), "appeal");
	if (text_eq(json_string_value(own), "none"))
		return NULL;
	/* 教示: 行政不服審査法第82条, 行政事件訴訟法第46条. */
	return paragraphs(json_is_object(own) ? text_of(own, lang)
	                                      : i18n_get(i18n, lang, "application.appeal.default"));
}

static json_t *appeal_of(const struct case_file *c, const json_t *def)
{
	const json_t *wanted = json_object_get(def, "appeal");
	bool refused = text_eq(c->app->outcome, "refused");
	if (json_is_false(wanted) || (!refused && !json_is_true(wanted)))
		return NULL;
	return app_appeal(c->proc, c->city->i18n, c->lang);
}

/* dated: with the day of the decision; else it gets the day on which it is issued anew. */
static int document_view(const struct case_file *c, const struct form_context *ctx,
    const json_t *def, json_t *texts, bool dated, json_t **out, struct err *err)
{
	const char *title, *body, *closing;
	size_t i;
	json_t *path, *rows = json_array(), *tables = json_array(), *view;
	int rc = filled(c, text_of(json_object_get(def, "title"), c->lang), texts, &title, err);
	if (rc == 0)
		rc = filled(c, text_of(json_object_get(def, "body"), c->lang), texts, &body, err);
	if (rc == 0)
		rc = filled(
		    c, text_of(json_object_get(def, "closing"), c->lang), texts, &closing, err);
	if (rc != 0) {
		json_decref(rows);
		json_decref(tables);
		return rc;
	}
	json_array_foreach(json_object_get(def, "rows"), i, path)
	{
		const char *name = json_string_value(path);
		json_t *table = form_answer_table(c->proc, c->arena, ctx, c->app->answers, name);
		if (table)
			json_array_append_new(tables, table);
		json_t *row = form_answer_row(c->proc, c->arena, ctx, c->app->answers, name);
		if (row && !json_is_true(json_object_get(row, "empty")))
			json_array_append_new(
			    rows, json_pack("{s:s, s:s}", "label",
			              json_string_value(json_object_get(row, "label")), "value",
			              json_string_value(json_object_get(row, "text"))));
		json_decref(row);
	}
	view = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:b}", "title", title, "to",
	    to_lines(c), "from", from_lines(c), "body", paragraphs(body), "rows", rows, "tables",
	    tables, "closing", closing, "seal", json_is_true(json_object_get(def, "seal")));
	if (dated)
		json_object_set(view, "date_text", json_object_get(texts, "date"));
	if (json_object_get(def, "series"))
		json_object_set(view, "series", json_object_get(def, "series"));
	if (text_eq(c->app->outcome, "refused") && c->app->reason)
		json_object_set_new(view, "reason", paragraphs(c->app->reason));
	json_t *appeal = appeal_of(c, def);
	if (appeal)
		json_object_set_new(view, "appeal", appeal);
	if (c->app->department)
		json_object_set_new(view, "contact",
		    json_pack("[s]",
		        department_name_in(c->db, c->arena, c->app->department, c->lang, err)));
	*out = view;
	return 0;
}

struct documents {
	const struct case_file *c;
	json_t *list; /* [{kind, template, view}] */
	const char *notice;
};

static int documents_write(struct db *db, void *arg, struct err *err)
{
	struct documents *d = arg;
	size_t i;
	json_t *o;
	int rc = 0;
	json_array_foreach(d->list, i, o)
	{
		if (rc == 0)
			rc = document_request(db, subject_of(d->c->arena, d->c->app->id),
			    json_string_value(json_object_get(o, "kind")),
			    json_string_value(json_object_get(o, "template")), d->c->lang,
			    json_object_get(o, "view"), d->notice, NULL, err);
	}
	return rc;
}

/* only: the kind that is issued anew; NULL: all. */
static int documents_build(
    const struct case_file *c, const char *only, json_t *list, struct err *err)
{
	struct form_context ctx = context_of(c, c->app->decided_us);
	json_t *texts = case_texts(c, &ctx), *def;
	size_t i;
	int rc = 0;
	json_array_foreach(json_object_get(procedure_json(c->proc), "documents"), i, def)
	{
		const char *when = json_string_value(json_object_get(def, "when"));
		bool wanted = text_eq(c->app->outcome, "granted");
		json_t *view;
		if (only && !text_eq(json_string_value(json_object_get(def, "id")), only))
			continue;
		if (rc == 0 && when && when[0])
			rc = procedure_eval(c->proc, when, &ctx, c->app->answers, &wanted, err);
		if (rc != 0 || !wanted ||
		    (rc = document_view(c, &ctx, def, texts, !only, &view, err)) != 0)
			continue;
		json_array_append_new(
		    list, json_pack("{s:O, s:O, s:o}", "kind", json_object_get(def, "id"),
		              "template", json_object_get(def, "template"), "view", view));
	}
	json_decref(texts);
	return rc;
}

static int documents_run(
    struct store *store, void *context, struct arena *a, json_t *payload, struct err *err)
{
	struct case_file c;
	int rc = case_load(
	    &c, store, context, a, json_integer_value(json_object_get(payload, "id")), err);
	if (rc < 0)
		return rc;
	/* Cancelled meanwhile: no document of a decision that is gone. */
	if (c.app->state != APP_GRANTED && c.app->state != APP_REFUSED &&
	    c.app->state != APP_CLOSED)
		return 0;
	json_t *told =
	    json_object_get(json_object_get(procedure_json(c.proc), "notices"), "document");
	struct documents d = {.c = &c, .list = json_array()};
	d.notice = text_eq(json_string_value(told), "none") ? NULL : "document-ready";
	rc = documents_build(&c, json_string_value(json_object_get(payload, "kind")), d.list, err);
	if (rc == 0 && json_array_size(d.list))
		rc = store_write(store, documents_write, &d, err);
	json_decref(d.list);
	return rc;
}

/* --- what documents ask of applications --- */

static bool id_of_subject(const char *subject, int64_t *id)
{
	static const char prefix[] = "application:";
	return strncmp(subject, prefix, sizeof(prefix) - 1) == 0 &&
	       str_to_i64(str_from(subject + sizeof(prefix) - 1), 1, INT64_MAX, id);
}

static bool document_may_read(struct request *rq, struct db *db, const char *subject)
{
	struct application *app;
	struct err err;
	int64_t id;
	struct app_actor actor = {.id = rq->actor.id,
	    .staff = rq->actor.kind == ACTOR_STAFF,
	    .account = rq->actor.account,
	    .person = rq->actor.person,
	    .scopes = request_scopes(rq)};
	return rq->actor.kind != ACTOR_ANONYMOUS && id_of_subject(subject, &id) &&
	       app_read(db, rq->arena, &actor, id, &app, &err) == 0 &&
	       (actor.staff || (app_own_acts(db, app, &actor) & MANDATE_RECEIVE));
}

/* Inside the write that issued a document, where there is no city: telling the applicant is left to
 * a job of ours, which has one. */
static int document_recipient(struct db *db, struct arena *a, const char *subject,
    const char **mail, const char **lang, json_t **view, struct err *err)
{
	int64_t id;
	(void)a;
	(void)mail;
	(void)lang;
	(void)view;
	if (!id_of_subject(subject, &id))
		return 0;
	json_t *payload = json_pack("{s:I, s:s, s:I}", "id", (json_int_t)id, "event", "document",
	    "turn", (json_int_t)now_us());
	int rc = job_add(db, "application.notice", payload, 0, NULL, err);
	json_decref(payload);
	return rc;
}

static int document_void_reason(
    struct db *db, struct arena *a, const char *subject, const char **reason, struct err *err)
{
	struct application *app;
	int64_t id;
	int rc = id_of_subject(subject, &id) ? app_get(db, a, id, &app, err) : -(int)ERR_MISSING;
	if (rc < 0)
		return rc == -(int)ERR_MISSING ? 0 : rc;
	*reason = app->reason;
	return app->state == APP_CANCELLED;
}

const struct document_hooks application_document_hooks = {
    .may_read = document_may_read,
    .read = application_document_read,
    .recipient = document_recipient,
    .void_reason = document_void_reason,
};

const struct job_kind application_jobs[] = {
    {.name = "application.notice", .max_tries = 10, .run = notice_run},
    {.name = "application.documents", .max_tries = 10, .run = documents_run},
    {.name = "application.sweep", .max_tries = 20, .retry_ms = 60000, .run = sweep_run},
};
_Static_assert(COUNT(application_jobs) == APPLICATION_JOB_COUNT, "counted in the header");
