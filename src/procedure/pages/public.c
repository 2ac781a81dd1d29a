/* The front page, the catalogue of procedures, a procedure, and its paper form. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/time.h"
#include "procedure/inventory.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"

enum { POPULAR_COUNT = 6, PAGE_SIZE = 20, DRAFTS_MAX = 50 };

const char *rq_text_of(const struct request *rq, const json_t *texts)
{
	const char *s = json_string_value(json_object_get(texts, rq->lang));
	return s ? s : json_string_value(json_object_get(texts, "ja"));
}

const char *rq_href(const struct request *rq, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *path = arena_vprintf(rq->arena, fmt, ap);
	va_end(ap);
	return text_eq(rq->lang, "ja") ? path : arena_printf(rq->arena, "/%s%s", rq->lang, path);
}

void rq_title(struct request *rq, const char *msgkey)
{
	json_object_set_new(rq->view, "title", json_string(rq_tr(rq, msgkey)));
}

int rq_procedure(struct request *rq, struct procedure **out, struct err *err)
{
	struct procedure *p = procedure_find(rq->city, rq_param(rq, "id"));
	if (!p)
		return err_set(err, ERR_MISSING, NULL, "no procedure %s", rq_param(rq, "id"));
	procedure_on_arena(rq->arena, p);
	*out = p;
	return 0;
}

/* A catalogue entry of the inventory as a card. */
static json_t *entry_card(const struct request *rq, const struct inventory_entry *e)
{
	bool ja = text_eq(rq->lang, "ja");
	return json_pack("{s:s, s:s, s:s, s:s, s:b}", "id", e->id, "title",
	    ja || !e->title_en[0] ? e->title_ja : e->title_en, "summary",
	    ja || !e->how_en[0] ? e->how_ja : e->how_en, "department", e->department, "online", 0);
}

/* All words of the query, folded, are in the entry's texts. */
static bool entry_matches(struct arena *a, const struct inventory_entry *e, const char *query)
{
	struct buf text, words;
	buf_init(&text, a);
	buf_init(&words, a);
	text_fold_search(&text, str_from(arena_printf(a, "%s %s %s %s %s", e->title_ja, e->title_en,
	                            e->how_ja, e->how_en, e->law)));
	text_fold_search(&words, str_from(query));
	return text_has_words(buf_to_str(&text), buf_to_str(&words));
}

/* Adds the entries that fit the filter and have no definition. */
static int add_entries(
    struct request *rq, const struct procedure_filter *f, json_t *found, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct inventory_entry *list;
	int n = db ? inventory_all(db, rq->arena, &list, err) : -(int)ERR_STORE;
	for (int i = 0; i < n; i++) {
		if ((f->life_event && !inventory_has_event(&list[i], f->life_event)) ||
		    (f->department && !text_eq(list[i].department, f->department)) ||
		    (f->query && !entry_matches(rq->arena, &list[i], f->query)))
			continue;
		struct procedure *p = procedure_find(rq->city, list[i].id);
		if (!p)
			json_array_append_new(found, entry_card(rq, &list[i]));
		procedure_unref(p);
	}
	return n < 0 ? n : 0;
}

/* Those whose title has all words of the query come first; takes and gives a reference. */
static json_t *title_first(struct arena *a, json_t *found, const char *query)
{
	json_t *first = json_array(), *others = json_array(), *card;
	size_t i;
	struct buf title, words;
	buf_init(&words, a);
	text_fold_search(&words, str_from(query));
	json_array_foreach(found, i, card)
	{
		buf_init(&title, a);
		text_fold_search(&title, str_from(json_text(card, "title")));
		json_array_append(
		    text_has_words(buf_to_str(&title), buf_to_str(&words)) ? first : others, card);
	}
	json_array_extend(first, others);
	json_decref(others);
	json_decref(found);
	return first;
}

/* Cards of what fits the filter: definitions, then the inventory's entries. New reference. */
static int find_cards(
    struct request *rq, const struct procedure_filter *filter, json_t **out, struct err *err)
{
	const struct procedure_list *fitting =
	    procedures_filter(procedures_of(rq->city, rq->arena), rq->arena, filter);
	json_t *found = json_array();
	for (int i = 0; i < fitting->n; i++)
		json_array_append(found, procedure_card(fitting->items[i], rq->lang));
	int rc = filter->online_only ? 0 : add_entries(rq, filter, found, err);
	if (rc < 0)
		json_decref(found);
	else
		*out = filter->query ? title_first(rq->arena, found, filter->query) : found;
	return rc;
}

/* A list of the counts in the request's language; what name is `selected` is marked. */
static json_t *counted(const struct request *rq, const json_t *counts, const char *what,
    const char *name, const char *selected)
{
	json_t *kept =
	    json_object_get(json_object_get(counts, text_eq(rq->lang, "ja") ? "ja" : "en"), what);
	if (!selected)
		return json_incref(kept);
	json_t *out = json_array(), *one;
	size_t i;
	json_array_foreach(kept, i, one)
	{
		if (text_eq(json_text(one, name), selected)) {
			one = json_copy(one);
			json_object_set_new(one, "selected", json_true());
			json_array_append_new(out, one);
		} else {
			json_array_append(out, one);
		}
	}
	return out;
}

/* A card, or what a procedure's page says, with its department named in the request's language. */
static json_t *named(const struct request *rq, const json_t *counts, json_t *card)
{
	const char *name = json_text(card, "department");
	json_t *one, *out;
	size_t i;
	if (text_eq(rq->lang, "ja"))
		return json_incref(card);
	json_array_foreach(json_object_get(json_object_get(counts, "en"), "departments"), i, one)
	{
		if (!text_eq(json_text(one, "name"), name))
			continue;
		out = json_copy(card);
		json_object_set(out, "department", json_object_get(one, "label"));
		return out;
	}
	return json_incref(card);
}

static int front(struct request *rq, struct err *err)
{
	json_t *counts, *popular = json_array();
	int rc = catalogue_counts(rq->city, rq, &counts, err);
	if (rc < 0) {
		json_decref(popular);
		return rc;
	}
	const struct procedure_list *list = procedures_of(rq->city, rq->arena);
	for (int i = 0; i < list->nonline && i < POPULAR_COUNT; i++)
		json_array_append_new(
		    popular, named(rq, counts, procedure_card(list->by_volume[i], rq->lang)));
	json_object_set_new(rq->view, "popular", popular);
	json_object_set_new(
	    rq->view, "life_events", counted(rq, counts, "life_events", "key", NULL));
	json_object_set_new(rq->view, "online_count", json_integer(list->nonline));
	json_object_set(rq->view, "all_count", json_object_get(counts, "all"));
	json_decref(counts);
	json_object_set_new(rq->view, "is_front", json_true());
	rq_title(rq, "procedure.front.title");
	return 0;
}

static const char *some(const char *s)
{
	return s && s[0] ? s : NULL;
}

/* The part of a list that ?page=N names, with links to the others in view.pages. */
static json_t *one_page(struct request *rq, json_t *all)
{
	int64_t total = (int64_t)json_array_size(all), page;
	int64_t last = total > 0 ? (total + PAGE_SIZE - 1) / PAGE_SIZE : 1;
	if (!str_to_i64(str_from(rq_query(rq, "page")), 1, last, &page))
		page = 1;
	json_object_set_new(rq->view, "count", json_integer(total));
	static const char *const kept[] = {"q", "event", "department", "online"};
	struct buf query;
	buf_init(&query, rq->arena);
	for (size_t i = 0; i < COUNT(kept); i++) {
		if (!some(rq_query(rq, kept[i])))
			continue;
		buf_printf(&query, "%s=", kept[i]);
		buf_url(&query, str_from(rq_query(rq, kept[i])));
		buf_putc(&query, '&');
	}
	const char *q = query.n ? query.p : "";
	json_t *pages = json_array(), *paging = json_object(), *part = json_array();
	for (int64_t i = 1; i <= last; i++)
		json_array_append_new(
		    pages, json_pack("{s:I, s:s, s:b}", "number", (json_int_t)i, "href",
		               rq_href(rq, "/procedures?%spage=%d", q, (int)i), "current",
		               (int)(i == page)));
	json_object_set_new(paging, "pages", pages);
	if (page > 1)
		json_object_set_new(paging, "previous",
		    json_string(rq_href(rq, "/procedures?%spage=%d", q, (int)page - 1)));
	if (page < last)
		json_object_set_new(paging, "next",
		    json_string(rq_href(rq, "/procedures?%spage=%d", q, (int)page + 1)));
	if (last > 1)
		json_object_set(rq->view, "paging", paging);
	json_decref(paging);
	for (int64_t i = (page - 1) * PAGE_SIZE; i < total && i < page * PAGE_SIZE; i++)
		json_array_append(part, json_array_get(all, (size_t)i));
	json_decref(all);
	return part;
}

static int list_procedures(struct request *rq, struct err *err)
{
	const char *q = some(rq_query(rq, "q")), *event = some(rq_query(rq, "event")),
	           *department = some(rq_query(rq, "department")),
	           *online = some(rq_query(rq, "online"));
	json_t *found = NULL, *counts = NULL;
	struct procedure_filter filter = {.life_event = event,
	    .department = department,
	    .query = q,
	    .online_only = online != NULL};
	int rc = find_cards(rq, &filter, &found, err);
	struct buf kana;
	buf_init(&kana, rq->arena);
	if (rc == 0 && q && json_array_size(found) == 0 && text_romaji(&kana, str_from(q))) {
		json_decref(found);
		found = NULL;
		filter.query = kana.p;
		rc = find_cards(rq, &filter, &found, err);
	}
	if (rc < 0 || (rc = catalogue_counts(rq->city, rq, &counts, err)) < 0) {
		json_decref(found);
		return rc;
	}
	size_t k;
	json_t *card, *page = one_page(rq, found);
	found = json_array();
	json_array_foreach(page, k, card) json_array_append_new(found, named(rq, counts, card));
	json_decref(page);
	json_object_set_new(rq->view, "none", json_boolean(json_array_size(found) == 0));
	json_object_set_new(rq->view, "procedures", found);
	json_object_set_new(
	    rq->view, "life_events", counted(rq, counts, "life_events", "key", event));
	json_object_set_new(
	    rq->view, "departments", counted(rq, counts, "departments", "name", department));
	json_decref(counts);
	json_object_set_new(rq->view, "q", json_string(q ? q : ""));
	json_object_set_new(rq->view, "online", json_boolean(online != NULL));
	json_object_set_new(rq->view, "filtered", json_boolean(q || event || department || online));
	rq_title(rq, "procedure.list.title");
	return 0;
}

static json_t *day(struct request *rq, struct date d)
{
	return d.year ? json_string(date_format(rq->arena, d)) : json_null();
}

/* A procedure that is only in the inventory: where and how to apply. */
static int show_entry(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct inventory_entry e;
	int rc = db ? inventory_find(db, rq->arena, rq_param(rq, "id"), &e, err) : -(int)ERR_STORE;
	if (rc == 0)
		return err_set(err, ERR_MISSING, NULL, "no procedure %s", rq_param(rq, "id"));
	if (rc < 0)
		return rc;
	bool ja = text_eq(rq->lang, "ja");
	json_t *v = rq->view, *card = entry_card(rq, &e), *attachments = json_array();
	json_object_set(v, "title", json_object_get(card, "title"));
	json_object_set_new(card, "summary", json_string(""));
	json_object_set_new(v, "procedure", card);
	json_object_set_new(
	    v, "laws", json_pack("[{s:s, s:s}]", "name", e.law, "article", e.article));
	json_object_set_new(
	    v, "where", json_string(ja || !e.where_en[0] ? e.where_ja : e.where_en));
	json_object_set_new(v, "how", json_string(ja || !e.how_en[0] ? e.how_ja : e.how_en));
	struct str rest = str_from(e.attachments), one;
	while (str_cut(&rest, ';', &one))
		json_array_append_new(
		    attachments, json_pack("{s:s%, s:b}", "label", one.p, one.n, "always", 1));
	json_object_set_new(v, "attachments", attachments);
	json_object_set_new(v, "is_entry", json_true());
	rq_crumb(rq, rq_tr(rq, "procedure.list.title"), rq_href(rq, "/procedures"));
	return 0;
}

/* view.draft: the newest draft of this procedure that the person began, so that none is begun
 * twice. */
static int own_draft(struct request *rq, const struct procedure *p, struct err *err)
{
	struct db *db = rq_db(rq, err);
	json_t *lists, *draft;
	int rc =
	    db ? app_of_person(db, rq->arena, rq->actor.account, DRAFTS_MAX, rq->lang, &lists, err)
	       : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	size_t i;
	json_array_foreach(json_object_get(lists, "drafts"), i, draft)
	{
		if (!json_object_get(rq->view, "draft") &&
		    text_eq(
		        json_string_value(json_object_get(draft, "procedure")), procedure_id(p)))
			json_object_set_new(rq->view, "draft",
			    json_pack("{s:O, s:O}", "id", json_object_get(draft, "id"), "saved",
			        json_object_get(draft, "updated")));
	}
	json_decref(lists);
	return 0;
}

static int show(struct request *rq, struct err *err)
{
	struct procedure *p;
	int rc = rq_procedure(rq, &p, err);
	if (rc == -(int)ERR_MISSING)
		return show_entry(rq, err);
	if (rc < 0)
		return rc;
	json_t *v = rq->view;
	struct date from, to;
	struct date today = date_of_us(rq->now_us);
	bool open = procedure_open(p, today, &from, &to);
	json_object_update(v, procedure_facts(p, rq->lang));
	json_t *counts;
	if ((rc = catalogue_counts(rq->city, rq, &counts, err)) < 0)
		return rc;
	json_object_set_new(v, "procedure", named(rq, counts, procedure_card(p, rq->lang)));
	json_decref(counts);
	json_object_set_new(v, "open", json_boolean(open && procedure_online(p)));
	json_object_set_new(v, "closed", json_boolean(!open && procedure_online(p)));
	json_object_set_new(v, "over", json_boolean(!open && date_compare(to, today) < 0));
	json_object_set_new(v, "window_from", day(rq, from));
	json_object_set_new(v, "window_to", day(rq, to));
	json_object_set_new(v, "signed_in", json_boolean(rq->actor.kind == ACTOR_RESIDENT));
	rq_crumb(rq, rq_tr(rq, "procedure.list.title"), rq_href(rq, "/procedures"));
	return rq->actor.kind == ACTOR_RESIDENT ? own_draft(rq, p, err) : 0;
}

static bool proxy_may_apply(const struct procedure *p)
{
	size_t i;
	json_t *kind;
	json_array_foreach(json_object_get(procedure_json(p), "applicants"), i, kind)
	{
		if (text_eq(json_string_value(kind), "proxy"))
			return true;
	}
	return false;
}

/* Who acts for the applicant, by what right, and the mandate to sign: what the page of the mandate
 * asks for online. */
static json_t *proxy_section(struct request *rq)
{
	static const char *const grounds[] = {
	    "letter", "guardian", "household", "professional", "corporate"};
	static const struct {
		const char *id, *type, *flag;
	} parts[] = {{"name", "text", "is_text"}, {"address", "address", "is_address"},
	    {"phone", "phone", "is_phone"}, {"ground", "choice", "is_choice"},
	    {"scope", "text", "is_text"}, {"mandate", "note", "is_note"},
	    {"principal", "text", "is_text"}};
	struct arena *a = rq->arena;
	json_t *fields = json_array();
	for (size_t i = 0; i < COUNT(parts); i++) {
		const char *label =
		    rq_tr(rq, arena_printf(a, "procedure.paper.proxy.%s", parts[i].id));
		json_t *f = json_pack("{s:s, s:s, s:s, s:b}", "id",
		    arena_printf(a, "proxy.%s", parts[i].id), "type", parts[i].type,
		    text_eq(parts[i].type, "note") ? "text" : "label", label, parts[i].flag, 1);
		if (text_eq(parts[i].type, "choice")) {
			json_t *options = json_array();
			for (size_t k = 0; k < COUNT(grounds); k++)
				json_array_append_new(options,
				    json_pack("{s:s, s:s}", "value", grounds[k], "label",
				        rq_tr(rq, arena_printf(
				                      a, "procedure.paper.proxy.%s", grounds[k]))));
			json_object_set_new(f, "options", options);
		}
		json_array_append_new(fields, f);
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "id", "proxy", "title",
	    rq_tr(rq, "procedure.paper.proxy.title"), "help",
	    rq_tr(rq, "procedure.paper.proxy.help"), "fields", fields);
}

json_t *rq_paper_sections(struct request *rq, const struct procedure *p)
{
	struct form_context context = {.lang = rq->lang,
	    .i18n = rq->city->i18n,
	    .today = date_of_us(rq->now_us),
	    .fee_yen = -1};
	json_t *sections = json_array(), *answers = json_object();
	for (int i = 0; i < procedure_section_count(p); i++)
		json_array_append_new(sections,
		    form_section_view(p, rq->arena, i, &context, answers, NULL, 0, "paper"));
	if (proxy_may_apply(p))
		json_array_append_new(sections, proxy_section(rq));
	json_decref(answers);
	return sections;
}

/* The form to print and fill by hand: every section, empty. */
static int paper(struct request *rq, struct err *err)
{
	struct procedure *p;
	int rc = rq_procedure(rq, &p, err);
	if (rc < 0)
		return rc;
	json_object_set_new(rq->view, "sections", rq_paper_sections(rq, p));
	const json_t *facts = procedure_facts(p, rq->lang);
	json_object_set(rq->view, "title", json_object_get(facts, "title"));
	json_object_set(rq->view, "procedure", procedure_card(p, rq->lang));
	json_object_set(rq->view, "attachments", json_object_get(facts, "attachments"));
	json_object_set_new(rq->view, "version", json_string(procedure_version(p)));
	return 0;
}

static int schema(struct request *rq, struct err *err)
{
	struct procedure *p;
	int rc = rq_procedure(rq, &p, err);
	if (rc < 0)
		return rc;
	json_t *json = procedure_schema(p, rq->lang);
	char *text = json_dumps(json, JSON_INDENT(2));
	json_decref(json);
	char *body = arena_strdup(rq->arena, text);
	free(text);
	return rq_send(rq, "application/schema+json", str_from(body), NULL);
}

static const struct input list_inputs[] = {
    {"q", "string", false, 200},
    {"event", "string", false, 40},
    {"department", "string", false, 100},
    {"online", "boolean", false, 5},
    {"page", "integer", false, 6},
    {NULL, NULL, false, 0},
};

static const struct route routes[] = {
    {HTTP_GET, "/", front, .perm = "public", .template = "procedure/front",
        .summary = "Front page: popular procedures and life events.", .flags = ROUTE_CACHE},
    {HTTP_GET, "/procedures", list_procedures, .perm = "public", .template = "procedure/list",
        .summary = "Catalogue of procedures by life event, department and word.",
        .inputs = list_inputs, .flags = ROUTE_CACHE},
    {HTTP_GET, "/procedures/{id}", show, .perm = "public", .template = "procedure/show",
        .summary = "One procedure: who, what, how long, how much.", .flags = ROUTE_CACHE},
    {HTTP_GET, "/procedures/{id}/paper", paper, .perm = "public", .template = "procedure/paper",
        .summary = "The form to print and fill by hand.", .flags = ROUTE_CACHE},
    {HTTP_GET, "/procedures/{id}/schema", schema, .perm = "public",
        .summary = "JSON Schema of the answers.", .flags = ROUTE_CACHE | ROUTE_RAW},
};
const struct module public_pages = {
    .name = "procedure.public",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
    /* The catalogue's: its own module lists those of applications. */
    .statements = catalogue_statements,
    .nstatements = CATALOGUE_STATEMENT_COUNT,
};
