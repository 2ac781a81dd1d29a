/* Mandates on record as pages show them, and the fields they are made with. */
#include "identity/private.h"
#include "procedure/mandate/pages.h"

#include <string.h>

#include "base/check.h"
#include "base/json.h"
#include "base/time.h"

static const char event_word[] = "event:";

bool mandate_covers(const struct mandate *m, const struct procedure *p)
{
	struct str rest = str_from(m->scope), word;
	size_t i;
	json_t *event;
	if (mandate_scope_has(m, procedure_id(p)))
		return true;
	while (str_cut(&rest, ' ', &word)) {
		json_array_foreach(json_object_get(procedure_json(p), "life_events"), i, event)
		{
			const char *key = json_string_value(event);
			size_t n = sizeof(event_word) - 1;
			if (word.n > n && memcmp(word.p, event_word, n) == 0 &&
			    str_is((struct str){word.p + n, word.n - n}, key))
				return true;
		}
	}
	return false;
}

static const char *tr(struct request *rq, const char *group, const char *word)
{
	return rq_tr(rq, arena_printf(rq->arena, "mandate.%s.%s", group, word));
}

const char *mandate_ground_text(struct request *rq, const char *ground)
{
	return tr(rq, "ground", ground);
}

static const char *event_text(const struct request *rq, const char *key)
{
	const struct life_event *events;
	int n = procedure_life_events(&events);
	for (int i = 0; i < n; i++)
		if (text_eq(events[i].key, key))
			return text_eq(rq->lang, "ja") ? events[i].ja : events[i].en;
	return key;
}

/* A word of a scope for people; a procedure that is gone is shown by its name. */
static const char *word_text(struct request *rq, struct str word)
{
	const char *name = str_dup(rq->arena, word);
	if (strncmp(name, event_word, sizeof(event_word) - 1) == 0)
		return event_text(rq, name + sizeof(event_word) - 1);
	struct procedure *p = procedure_find(rq->city, name);
	if (!p)
		return name;
	procedure_on_arena(rq->arena, p);
	return procedure_text(p, "title", rq->lang);
}

static json_t *scope_texts(struct request *rq, const struct mandate *m)
{
	struct str rest = str_from(m->scope), word;
	if (!rest.n)
		return json_null();
	json_t *out = json_array();
	while (str_cut(&rest, ' ', &word))
		json_array_append_new(out, json_string(word_text(rq, word)));
	return out;
}

const char *mandate_scope_text(struct request *rq, const struct mandate *m)
{
	struct str rest = str_from(m->scope), word;
	struct buf b;
	if (!rest.n)
		return rq_tr(rq, "mandate.scope.all");
	buf_init(&b, rq->arena);
	while (str_cut(&rest, ' ', &word))
		buf_printf(&b, "%s%s", b.n ? text_eq(rq->lang, "ja") ? "、" : ", " : "",
		    word_text(rq, word));
	return b.p;
}

const char *mandate_state_now(const struct mandate *m, const char *day)
{
	if (text_eq(m->state, "proposed"))
		return m->agent ? "waiting" : "invited";
	if (!text_eq(m->state, "active"))
		return m->state;
	return strcmp(m->from, day) > 0 ? "later" : strcmp(m->until, day) < 0 ? "over" : "active";
}

static const struct {
	enum mandate_act act;
	const char *word;
} acts[] = {{MANDATE_APPLY, "apply"}, {MANDATE_READ, "read"}, {MANDATE_RECEIVE, "receive"}};

json_t *mandate_view(struct request *rq, const struct mandate *m)
{
	char day[DAY_SIZE];
	today(day);
	const char *state = mandate_state_now(m, day);
	bool live = text_eq(state, "active"), open = live || text_eq(state, "invited") ||
	                                             text_eq(state, "waiting") ||
	                                             text_eq(state, "later");
	json_t *o = json_pack("{s:I, s:s, s:s, s:s?, s:s?, s:s, s:s, s:o, s:[], s:s, s:s, s:s, "
	                      "s:s, s:s, s:b, s:b}",
	    "id", (json_int_t)m->id, "principal_name", m->name, "agent_name",
	    m->agent ? m->agent_name : "", "corporate_number",
	    m->corporate_number[0] ? m->corporate_number : NULL, "unit",
	    m->unit[0] ? m->unit : NULL, "ground", m->ground, "ground_text",
	    mandate_ground_text(rq, m->ground), "scope", scope_texts(rq, m), "acts", "from",
	    m->from, "until", m->until, "state", state, "state_text", tr(rq, "state", state), "tag",
	    live   ? "ok"
	    : open ? "warn"
	           : "plain",
	    "open", (int)open, "live", (int)live);
	for (size_t i = 0; i < COUNT(acts); i++)
		if (m->acts & acts[i].act)
			json_array_append_new(
			    json_object_get(o, "acts"), json_string(tr(rq, "act", acts[i].word)));
	return o;
}

/* --- the form --- */

static const struct {
	unsigned of; /* bits of enum mandate_field; 0: always */
	struct form_field_spec spec;
} fields[] = {
    {FIELD_OF_AGENT, {"agent_mail", "mandate.field.agent_mail", "mandate.field.agent_mail_help",
                         "is_email", "off", true, 254}},
    {FIELD_OF_MAIL,
        {"mail", "mandate.field.mail", "mandate.field.mail_help", "is_email", "off", true, 254}},
    {FIELD_OF_PRINCIPAL, {"name", "mandate.field.name", NULL, "is_text", "off", true, 100}},
    {FIELD_OF_NUMBER, {"corporate_number", "mandate.field.corporate_number",
                          "mandate.field.corporate_number_help", "is_text", "off", false, 20}},
    {FIELD_OF_PRINCIPAL, {"birthday", "identity.field.birthday", "mandate.field.birthday_help",
                             "is_date", "off", false, 0}},
    {FIELD_OF_PRINCIPAL, {"address", "mandate.field.address", NULL, "is_text", "off", false, 300}},
    {FIELD_OF_PRINCIPAL_MAIL,
        {"principal_mail", "mandate.field.principal_mail", "mandate.field.principal_mail_help",
            "is_email", "off", false, 254}},
    {0, {"ground", "mandate.field.ground", NULL, "is_choice", "off", true, 0}},
    {0, {"scope", "mandate.field.scope", NULL, "is_choice", "off", true, 0}},
    {0, {"events", "mandate.field.events", "mandate.field.some_help", "is_multi_choice", "off",
            false, 0}},
    {0, {"procedures", "mandate.field.procedures", "mandate.field.some_help", "is_multi_choice",
            "off", false, 0}},
    {0, {"acts", "mandate.field.acts", NULL, "is_multi_choice", "off", true, 0}},
    {0, {"from", "mandate.field.from", "mandate.field.from_help", "is_date", "off", false, 0}},
    {0, {"until", "mandate.field.until", "mandate.field.until_help", "is_date", "off", false, 0}},
    {FIELD_OF_FILE,
        {"file", "mandate.field.file", "mandate.field.file_help", "is_file", "off", true, 0}},
    {FIELD_OF_SEEN,
        {"seen", "mandate.field.seen", "mandate.field.seen_help", "is_text", "off", true, 300}},
};

static bool chosen(struct request *rq, const char *name, const char *value)
{
	const char *const *values;
	int n = rq_form_all(rq, name, &values);
	for (int i = 0; i < n; i++)
		if (text_eq(values[i], value))
			return true;
	return false;
}

static void option(struct request *rq, json_t *field, const char *value, const char *label)
{
	form_option(field, value, label, chosen(rq, json_text(field, "name"), value));
}

/* May somebody else than the person concerned apply? */
static bool takes_agents(const struct procedure *p)
{
	size_t i;
	json_t *kind;
	json_array_foreach(json_object_get(procedure_json(p), "applicants"), i, kind)
	{
		if (!text_eq(json_string_value(kind), "resident"))
			return procedure_online(p);
	}
	return false;
}

static void options_of(struct request *rq, json_t *field, const char *name, const char *grounds)
{
	const struct life_event *events;
	struct procedure_list *all = procedures_of(rq->city, rq->arena);
	struct str rest = str_from(grounds), ground;
	if (text_eq(name, "ground"))
		while (str_cut(&rest, ' ', &ground)) {
			const char *word = str_dup(rq->arena, ground);
			option(rq, field, word, mandate_ground_text(rq, word));
		}
	if (text_eq(name, "scope")) {
		option(rq, field, "all", rq_tr(rq, "mandate.scope.all"));
		option(rq, field, "some", rq_tr(rq, "mandate.scope.some"));
	}
	for (size_t i = 0; text_eq(name, "acts") && i < COUNT(acts); i++)
		form_option(field, acts[i].word, tr(rq, "act", acts[i].word),
		    rq->method == HTTP_GET || chosen(rq, "acts", acts[i].word));
	int n = text_eq(name, "events") ? procedure_life_events(&events) : 0;
	for (int i = 0; i < n; i++) {
		bool some = false;
		struct procedure_filter filter = {.life_event = events[i].key};
		struct procedure_list *of = procedures_filter(all, rq->arena, &filter);
		for (int k = 0; k < of->n; k++)
			some = some || takes_agents(of->items[k]);
		if (some)
			option(rq, field, events[i].key, event_text(rq, events[i].key));
	}
	for (int i = 0; text_eq(name, "procedures") && i < all->n; i++)
		if (takes_agents(all->items[i]))
			option(rq, field, procedure_id(all->items[i]),
			    procedure_text(all->items[i], "title", rq->lang));
}

void mandate_form(struct request *rq, json_t *form, unsigned wanted, const char *grounds)
{
	for (size_t i = 0; i < COUNT(fields); i++) {
		const struct form_field_spec *spec = &fields[i].spec;
		if (fields[i].of && !(fields[i].of & wanted))
			continue;
		bool file = text_eq(spec->type, "is_file");
		json_t *field = form_field(
		    rq, form, spec, file ? NULL : json_string(form_value(rq, spec->name)));
		if (file) {
			json_object_set_new(form, "multipart", json_true());
			json_object_set_new(field, "can_add", json_true());
			json_object_set_new(field, "single", json_true());
			json_object_set_new(field, "accept", json_string(".pdf,.jpg,.jpeg,.png"));
		}
		options_of(rq, field, spec->name, grounds);
	}
}

/* The words of the scope that the city knows. */
static const char *taken_scope(struct request *rq)
{
	struct buf b;
	const char *const *values;
	buf_init(&b, rq->arena);
	buf_puts(&b, "");
	int n = rq_form_all(rq, "events", &values);
	for (int i = 0; i < n; i++)
		if (life_event_exists(NULL, values[i]))
			buf_printf(&b, "%s%s%s", b.n ? " " : "", event_word, values[i]);
	n = rq_form_all(rq, "procedures", &values);
	for (int i = 0; i < n; i++) {
		struct procedure *p = procedure_find(rq->city, values[i]);
		if (p)
			buf_printf(&b, "%s%s", b.n ? " " : "", procedure_id(p));
		procedure_unref(p);
	}
	return b.p;
}

void mandate_take(struct request *rq, unsigned wanted, struct mandate *m)
{
	*m = (struct mandate){
	    .name = form_value(rq, "name"),
	    .birthday = form_value(rq, "birthday"),
	    .address = form_value(rq, "address"),
	    .corporate_number = wanted & FIELD_OF_NUMBER ? form_value(rq, "corporate_number") : "",
	    .ground = form_value(rq, "ground"),
	    .from = form_value(rq, "from"),
	    .until = form_value(rq, "until"),
	    .proof_text = wanted & FIELD_OF_SEEN ? form_value(rq, "seen") : "",
	    .invited = wanted & FIELD_OF_MAIL ? mail_tidy(rq->arena, form_value(rq, "mail")) : "",
	    .scope = "",
	};
	for (size_t i = 0; i < COUNT(acts); i++)
		m->acts |= chosen(rq, "acts", acts[i].word) ? (unsigned)acts[i].act : 0;
	const char *scope = form_value(rq, "scope");
	if (text_eq(scope, "some")) {
		m->scope = taken_scope(rq);
		if (!m->scope[0])
			form_problem(rq, "procedures", "mandate.problem.some", NULL);
	} else if (!text_eq(scope, "all")) {
		form_problem(rq, "scope", "mandate.problem.scope", NULL);
	}
	if (!m->acts)
		form_problem(rq, "acts", "mandate.problem.acts", NULL);
	if (!m->ground[0])
		form_problem(rq, "ground", "mandate.problem.ground", NULL);
	if ((wanted & FIELD_OF_PRINCIPAL) && !m->name[0])
		form_problem(rq, "name", "identity.problem.name", NULL);
	if ((wanted & FIELD_OF_SEEN) && !m->proof_text[0])
		form_problem(rq, "seen", "mandate.problem.seen", NULL);
	if ((wanted & FIELD_OF_MAIL) && !mail_is_plain(m->invited))
		form_problem(rq, "mail", "identity.problem.mail", NULL);
	if (m->corporate_number[0] && !check_corporate_number(str_from(m->corporate_number)))
		form_problem(rq, "corporate_number", "form.corporate_number", NULL);
}

/* --- mails --- */

int mandate_tell(struct request *rq, struct db *db, int64_t account, const char *event,
    const struct mandate *m, struct err *err)
{
	struct account to;
	int rc = account ? account_get(db, rq->arena, account, &to, err) : 0;
	if (rc <= 0 || !account_is_active(&to))
		return rc < 0 ? rc : 0;
	json_t *view = json_pack("{s:s, s:s, s:s, s:s}", "principal", m->name, "agent",
	    m->agent_name ? m->agent_name : "", "until", m->until, "url",
	    mail_link(rq, to.lang, "/account/mandates", ""));
	json_object_set_new(view, event, json_true());
	return account_mail(rq, db, &to, "procedure/mandate", view, err);
}
