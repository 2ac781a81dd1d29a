#include "procedure/definition/private.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/resource.h"
#include "base/text.h"
#include "procedure/catalogue.h"

static _Atomic uint64_t serials;

static bool built_in_template(void *arg, const char *name)
{
	(void)arg;
	static const char *const places[] = {
	    "templates/pdf", "templates/document/pdf", "templates/document"};
	struct str out;
	bool found = false;
	for (size_t i = 0; i < COUNT(places) && !found; i++) {
		char path[200];
		snprintf(path, sizeof(path), "%s/%.100s.yaml", places[i], name);
		found = resource_find(path, &out);
	}
	return found;
}

static const char *hash(struct arena *a, struct str bytes)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	struct buf b;
	if (EVP_Digest(bytes.p ? bytes.p : "", bytes.n, sum, NULL, EVP_sha256(), NULL) != 1)
		abort();
	buf_init(&b, a);
	buf_hex(&b, sum, 8);
	return b.p;
}

const char *words_in(const json_t *words, const char *lang)
{
	const char *text = lang ? json_string_value(json_object_get(words, lang)) : NULL;
	return text ? text : json_string_value(json_object_get(words, "ja"));
}

static void add_words(struct buf *b, const json_t *words)
{
	const char *lang;
	json_t *text;
	json_object_foreach((json_t *)words, lang, text)
	{
		buf_str(b, str_from(json_string_value(text)));
		buf_putc(b, ' ');
	}
}

static const char *search_text(struct loader *l)
{
	struct definition *d = &l->p->d;
	struct buf plain, folded;
	buf_init(&plain, l->scratch);
	buf_init(&folded, l->p->arena);
	add_words(&plain, d->title);
	add_words(&plain, d->summary);
	LIST_EACH(const struct ref, r, d->keywords)
		buf_printf(&plain, "%s ", r->text);
	LIST_EACH(const struct law, w, d->laws)
		buf_printf(&plain, "%s ", w->name);
	buf_printf(&plain, "%s ", d->department.text);
	LIST_EACH(const struct ref, r, d->life_events)
		buf_printf(&plain, "%s ", r->text);
	text_fold_search(&folded, buf_to_str(&plain));
	return folded.p ? folded.p : "";
}

static void procedure_free(struct procedure *p)
{
	json_decref(p->json);
	json_decref(p->defaults);
	json_decref(p->cards);
	json_decref(p->facts);
	arena_free(p->arena);
}

struct procedure *procedure_parse_in(struct arena *a, const char *file, struct str yaml,
    const struct definition_env *env, struct definition_problem **problems, int *nproblems)
{
	struct problems ps = {.arena = a, .file = arena_strdup(a, file)};
	struct arena *own = arena_new(), *scratch = arena_new();
	struct procedure *p = arena_new_of(own, struct procedure);
	*p = (struct procedure){.arena = own,
	    .file = arena_strdup(own, file),
	    .defaults = json_array(),
	    .serial = atomic_fetch_add(&serials, 1) + 1};
	atomic_init(&p->refs, 1);
	struct loader l = {.scratch = scratch, .p = p, .problems = &ps, .env = env};
	struct yaml_node *root = yaml_tree(scratch, yaml, &ps);
	if (root) {
		definition_read(&l, root);
		definition_check(&l);
	}
	if (ps.n == ps.warnings) {
		p->source = (struct str){str_dup(own, yaml), yaml.n};
		p->version = hash(own, yaml);
		p->search_text = search_text(&l);
		definition_views_make(p);
	} else {
		procedure_free(p);
		p = NULL;
	}
	arena_free(scratch);
	problems_sort(&ps);
	if (problems)
		*problems = ps.items;
	if (nproblems)
		*nproblems = ps.n;
	return p;
}

struct procedure *procedure_parse(struct arena *a, const char *file, struct str yaml,
    struct definition_problem **problems, int *nproblems)
{
	static const struct definition_env env = {
	    .template_exists = built_in_template, .life_event_exists = life_event_exists};
	return procedure_parse_in(a, file, yaml, &env, problems, nproblems);
}

struct procedure *procedure_ref(struct procedure *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void procedure_unref(struct procedure *p)
{
	if (p && atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) == 1)
		procedure_free(p);
}

static void drop(void *p)
{
	procedure_unref(p);
}

void procedure_on_arena(struct arena *a, struct procedure *p)
{
	arena_cleanup(a, drop, p);
}

const char *procedure_id(const struct procedure *p)
{
	return p->d.id.text;
}

const char *procedure_version(const struct procedure *p)
{
	return p->version;
}

struct str procedure_source(const struct procedure *p)
{
	return p->source;
}

const json_t *procedure_json(const struct procedure *p)
{
	return p->json;
}

const char *procedure_search_text(const struct procedure *p)
{
	return p->search_text;
}

const char *procedure_text(const struct procedure *p, const char *key, const char *lang)
{
	const json_t *at = p->json;
	struct str rest = str_from(key), part;
	while (at && str_cut(&rest, '.', &part)) {
		int64_t i;
		if (json_is_array(at))
			at = str_to_i64(part, 0, INT32_MAX, &i) ? json_array_get(at, (size_t)i)
			                                        : NULL;
		else
			at = json_object_getn(at, part.p, part.n);
	}
	return json_is_string(at) ? json_string_value(at) : words_in(at, lang);
}

bool procedure_online(const struct procedure *p)
{
	return p->d.online;
}

int procedure_section_count(const struct procedure *p)
{
	return p->d.sections.n;
}

const struct section *section_at(const struct procedure *p, int i)
{
	if (i == FORM_FINDINGS && p->findings_section.fields.n)
		return &p->findings_section;
	return i >= 0 && i < p->d.sections.n ? (const struct section *)p->d.sections.items + i
	                                     : NULL;
}

bool procedure_has_findings(const struct procedure *p)
{
	return p->findings_section.fields.n > 0;
}

const char *procedure_section_id(const struct procedure *p, int i)
{
	const struct section *s = section_at(p, i);
	return s ? s->id : NULL;
}

int procedure_section_find(const struct procedure *p, const char *id)
{
	LIST_EACH(const struct section, s, p->d.sections)
		if (text_eq(s->id, id))
			return s->index;
	return -1;
}

/* The day of a window in a year; 29 February becomes the 28th in other years. */
static struct date in_year(struct date d, int year)
{
	d.year = year;
	if (!date_valid(d))
		d.day--;
	return d;
}

bool procedure_open(
    const struct procedure *p, struct date on, struct date *from, struct date *until)
{
	const struct window *w = &p->d.window;
	struct date first = w->from, last = w->to;
	bool open = true;
	if (w->at.line && w->from.year) {
		open = date_compare(on, first) >= 0 && date_compare(on, last) <= 0;
	} else if (w->at.line) {
		/* Every year; it may pass over the new year. */
		bool wraps = w->from.month * 100 + w->from.day > w->to.month * 100 + w->to.day;
		int year = on.year;
		last = in_year(w->to, year);
		if (date_compare(on, last) > 0)
			last = in_year(w->to, ++year);
		first = in_year(w->from, wraps ? year - 1 : year);
		open = date_compare(on, first) >= 0;
	}
	if (from)
		*from = first;
	if (until)
		*until = last;
	return open;
}

int procedure_eval(const struct procedure *p, const char *text, const struct form_context *ctx,
    json_t *answers, bool *out, struct err *err)
{
	struct expr_scope scope = {.p = p, .ctx = ctx, .answers = answers};
	struct expr_result result;
	*out = true;
	if (!text || !text[0])
		return 0;
	for (int i = 0; i < p->nexprs; i++)
		if (strcmp(p->exprs[i].text, text) == 0) {
			int rc = expr_run(&scope, i, false, &result, err);
			*out = rc == 0 && result.truth;
			return rc;
		}
	return err_set(err, ERR_INTERNAL, NULL, "%s has no expression `%s`", p->d.id.text, text);
}
