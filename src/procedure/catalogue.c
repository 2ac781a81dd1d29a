/* One catalogue per city. The present set is replaced under the lock; whoever holds a set or a
 * procedure holds a reference, so that nothing goes away under a request. */
#include "procedure/catalogue.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/resource.h"
#include "base/text.h"
#include "base/time.h"
#include "identity/identity.h"
#include "procedure/inventory.h"
#include "store/journal.h"
#include "web/web.h"

enum { OLD_MAX = 64, PROCEDURES_MAX = 5000 };
/* Another process may have imported the inventory. */
static const int64_t COUNTS_US = INT64_C(60) * 1000000;

struct procedure_set {
	atomic_int refs;
	struct procedure **items; /* sorted by title */
	int n, cap;
	struct procedure **by_id, **by_volume; /* the latter: those online, the most used first */
	int nonline;
};

struct catalogue {
	pthread_mutex_t lock;
	struct procedure_set *now;
	/* Versions that are no more the present ones, as they were asked for; the oldest goes. */
	struct procedure *old[OLD_MAX];
	int next_old;
	json_t *counts; /* catalogue_counts(); NULL: to be counted */
	int64_t counted_us;
};

static const struct sql sql_find = {
    "SELECT source FROM procedure_version WHERE procedure = ?1 AND version = ?2", NULL};
static const struct sql sql_keep = {
    "INSERT INTO procedure_version (procedure, version, source, first_us) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (procedure, version) DO NOTHING",
    NULL};

const struct sql *const catalogue_statements[] = {&sql_find, &sql_keep};

/* --- sets --- */

static struct procedure_set *set_new(void)
{
	struct procedure_set *set = calloc(1, sizeof(*set));
	if (!set)
		abort();
	atomic_init(&set->refs, 1);
	return set;
}

static void set_unref(void *arg)
{
	struct procedure_set *set = arg;
	if (!set || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (int i = 0; i < set->n; i++)
		procedure_unref(set->items[i]);
	free(set->items);
	free(set->by_id);
	free(set->by_volume);
	free(set);
}

static void set_add(struct procedure_set *set, struct procedure *p)
{
	if (set->n == set->cap) {
		set->cap = set->cap ? set->cap * 2 : 32;
		set->items = reallocarray(set->items, (size_t)set->cap, sizeof(struct procedure *));
		if (!set->items)
			abort();
	}
	set->items[set->n++] = p;
}

static int by_title(const void *a, const void *b)
{
	const struct procedure *const *x = a, *const *y = b;
	int order = strcmp(procedure_text(*x, "title", "ja"), procedure_text(*y, "title", "ja"));
	return order ? order : strcmp(procedure_id(*x), procedure_id(*y));
}

static int by_id(const void *a, const void *b)
{
	const struct procedure *const *x = a, *const *y = b;
	return strcmp(procedure_id(*x), procedure_id(*y));
}

static int64_t volume(const struct procedure *p)
{
	return json_i64(procedure_json(p), "yearly_volume", 0);
}

static int by_volume(const void *a, const void *b)
{
	const struct procedure *const *x = a, *const *y = b;
	int64_t m = volume(*x), n = volume(*y);
	return m != n ? (m < n) - (m > n) : by_title(a, b);
}

static bool array_has(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (text_eq(json_string_value(json_array_get(list, i)), text))
			return true;
	return false;
}

static struct procedure **copy_of(struct procedure *const *items, int n)
{
	struct procedure **copy = calloc((size_t)n + 1, sizeof(*copy));
	if (!copy)
		abort();
	if (n)
		memcpy(copy, items, (size_t)n * sizeof(*copy));
	return copy;
}

static void sort(struct procedure **items, int n, int (*order)(const void *, const void *))
{
	if (n)
		qsort(items, (size_t)n, sizeof(*items), order);
}

/* Orders and counts what was added; the set does not change after it. */
static void set_finish(struct procedure_set *set)
{
	sort(set->items, set->n, by_title);
	set->by_id = copy_of(set->items, set->n);
	sort(set->by_id, set->n, by_id);
	set->by_volume = copy_of(set->items, set->n);
	for (int i = 0; i < set->n; i++)
		if (procedure_online(set->items[i]))
			set->by_volume[set->nonline++] = set->items[i];
	sort(set->by_volume, set->nonline, by_volume);
}

static struct procedure *set_find(const struct procedure_set *set, const char *id)
{
	int low = 0, high = set->n - 1;
	while (low <= high) {
		int mid = (low + high) / 2, order = strcmp(procedure_id(set->by_id[mid]), id);
		if (order == 0)
			return set->by_id[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid - 1;
	}
	return NULL;
}

/* --- reading --- */

static bool is_definition(const char *path)
{
	return strstr(path, "/procedures/") && str_ends(str_from(path), ".yaml");
}

/* What happens with a problem: it is logged, or printed. */
struct reading {
	struct city *city;
	struct db *db; /* NULL: not looked at; then departments are not known */
	struct arena *arena;
	struct procedure_set *set;
	FILE *out; /* NULL: the log */
	int problems;
	struct err *err; /* gets the first; may be NULL */
};

static bool template_of_city(void *arg, const char *name)
{
	static const char *const places[] = {"templates/pdf", "templates/document/pdf"};
	struct arena *a = arena_new();
	bool found = false;
	for (size_t i = 0; i < COUNT(places) && !found; i++) {
		struct str text;
		struct err err;
		found = city_resource(((struct reading *)arg)->city, a,
		            arena_printf(a, "%s/%s.yaml", places[i], name), &text, &err) == 0;
	}
	arena_free(a);
	return found;
}

bool life_event_exists(void *unused, const char *key)
{
	(void)unused;
	const struct life_event *events;
	int n = procedure_life_events(&events);
	for (int i = 0; i < n; i++)
		if (strcmp(events[i].key, key) == 0)
			return true;
	return false;
}

static bool known_department(void *arg, const char *name)
{
	struct err err;
	int64_t id;
	/* A store that cannot be read says so elsewhere. */
	return department_by_name(((struct reading *)arg)->db, name, &id, &err) != 0;
}

/* A city that has no organisation yet is just being made. */
static bool has_departments(struct reading *r)
{
	struct err err;
	struct department *list;
	return r->db && department_tree(r->db, r->arena, NULL, &list, &err) > 0;
}

static void report(struct reading *r, const struct definition_problem *p)
{
	if (p->warning && !r->out) {
		log_warn("procedure.definition", "%s: %s:%d:%d: %s (%s)", r->city->id, p->file,
		    p->line, p->column, p->what, p->remedy);
		return;
	}
	if (r->problems++ == 0 && r->err)
		(void)err_set(r->err, ERR_INPUT, "procedure.definition", "%s:%d:%d: %s", p->file,
		    p->line, p->column, p->what);
	if (!r->out) {
		log_error("procedure.definition", "%s: %s:%d:%d: %s%s%s%s", r->city->id, p->file,
		    p->line, p->column, p->what, p->remedy ? " (" : "", p->remedy ? p->remedy : "",
		    p->remedy ? ")" : "");
		return;
	}
	fprintf(r->out, "%s:%d:%d: %s\n", p->file, p->line, p->column, p->what);
	if (p->remedy)
		fprintf(r->out, "    %s\n", p->remedy);
}

static struct procedure *read_one(struct reading *r, const char *path, struct str text)
{
	const struct definition_env env = {.arg = r,
	    .template_exists = template_of_city,
	    .life_event_exists = life_event_exists,
	    .department_exists = r->db ? known_department : NULL};
	struct definition_problem *problems;
	int n;
	struct procedure *p = procedure_parse_in(r->arena, path, text, &env, &problems, &n);
	for (int i = 0; i < n; i++)
		report(r, &problems[i]);
	for (int i = 0; p && i < r->set->n; i++) {
		if (strcmp(procedure_id(r->set->items[i]), procedure_id(p)) != 0)
			continue;
		struct definition_problem twice = {.file = path,
		    .line = 1,
		    .column = 1,
		    .what = arena_printf(r->arena, "another file has the id `%s`", procedure_id(p)),
		    .remedy = "choose another id, or replace the file by one at the same path"};
		report(r, &twice);
		procedure_unref(p);
		return NULL;
	}
	if (p)
		set_add(r->set, p);
	return p;
}

static int read_path(void *arg, const char *path)
{
	struct reading *r = arg;
	struct str text;
	struct err err;
	if (!is_definition(path) || r->set->n == PROCEDURES_MAX)
		return 0;
	if (city_resource(r->city, r->arena, path, &text, &err) < 0) {
		struct definition_problem gone = {
		    .file = path, .line = 1, .column = 1, .what = err.detail};
		report(r, &gone);
		return 0;
	}
	(void)read_one(r, path, text); /* problems were reported */
	return 0;
}

/* --- the store --- */

struct keeping {
	const struct procedure_set *set;
	int64_t now;
};

static int keep_versions(struct db *db, void *arg, struct err *err)
{
	const struct keeping *k = arg;
	for (int i = 0; i < k->set->n; i++) {
		const struct procedure *p = k->set->items[i];
		int64_t n = db_run(db, err, &sql_keep, "ttsi", procedure_id(p),
		    procedure_version(p), procedure_source(p), k->now);
		if (n < 0)
			return (int)n;
		if (n == 0)
			continue;
		char subject[80];
		snprintf(subject, sizeof(subject), "procedure:%s", procedure_id(p));
		json_t *data = json_pack("{s:s}", "version", procedure_version(p));
		struct journal_change change = {.actor = "system",
		    .verb = "procedure.loaded",
		    .subject = subject,
		    .data = data};
		int rc = journal_add(db, &change, NULL, err);
		json_decref(data);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Starts without a write when the store knows all versions. */
static int missing_versions(struct city *city, const struct procedure_set *set, struct err *err)
{
	struct db *db = store_reader(city->store, err);
	struct arena *a = arena_new();
	int missing = db ? 0 : -(int)err->kind;
	for (int i = 0; i < set->n && missing == 0; i++) {
		char *text;
		int found = db_get_text(db, err, a, &text, &sql_find, "tt",
		    procedure_id(set->items[i]), procedure_version(set->items[i]));
		missing = found < 0 ? found : found == 0;
	}
	arena_free(a);
	return missing;
}

static int keep(struct city *city, const struct procedure_set *set, struct err *err)
{
	int missing = missing_versions(city, set, err);
	struct keeping k = {set, now_us()};
	return missing <= 0 ? missing : store_write(city->store, keep_versions, &k, err);
}

/* --- loading --- */

static struct catalogue *of(struct city *city)
{
	return city->slot[SLOT_PROCEDURE];
}

static void set_replace(struct city *city, struct procedure_set *set)
{
	struct catalogue *c = of(city);
	if (!c) {
		c = calloc(1, sizeof(*c));
		if (!c)
			abort();
		pthread_mutex_init(&c->lock, NULL);
		city->slot[SLOT_PROCEDURE] = c;
	}
	pthread_mutex_lock(&c->lock);
	struct procedure_set *before = c->now;
	c->now = set;
	c->counted_us = 0;
	pthread_mutex_unlock(&c->lock);
	set_unref(before);
}

int catalogue_load(struct city *city, struct err *err)
{
	struct reading r = {.city = city, .arena = arena_new(), .set = set_new(), .err = err};
	r.db = store_reader(city->store, err);
	if (!has_departments(&r))
		r.db = NULL;
	(void)city_resource_each(city, "packs/", read_path, &r); /* read_path never stops it */
	set_finish(r.set);
	int rc = r.problems ? -(int)ERR_INPUT : keep(city, r.set, err);
	if (rc == 0) {
		log_info("procedure.loaded", "%s: %d definitions", city->id, r.set->n);
		set_replace(city, r.set);
	} else {
		set_unref(r.set);
	}
	arena_free(r.arena);
	return rc;
}

void catalogue_free(struct city *city)
{
	struct catalogue *c = of(city);
	if (!c)
		return;
	city->slot[SLOT_PROCEDURE] = NULL;
	set_unref(c->now);
	json_decref(c->counts);
	for (int i = 0; i < OLD_MAX; i++)
		procedure_unref(c->old[i]);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* --- asking --- */

struct procedure *procedure_find(struct city *city, const char *id)
{
	struct catalogue *c = of(city);
	if (!c || !id)
		return NULL;
	pthread_mutex_lock(&c->lock);
	struct procedure *p = set_find(c->now, id);
	if (p)
		procedure_ref(p);
	pthread_mutex_unlock(&c->lock);
	return p;
}

static struct procedure *find_in_memory(struct catalogue *c, const char *id, const char *version)
{
	pthread_mutex_lock(&c->lock);
	struct procedure *p = set_find(c->now, id);
	if (p && strcmp(procedure_version(p), version) != 0)
		p = NULL;
	for (int i = 0; !p && i < OLD_MAX && c->old[i]; i++)
		if (strcmp(procedure_id(c->old[i]), id) == 0 &&
		    strcmp(procedure_version(c->old[i]), version) == 0)
			p = c->old[i];
	if (p)
		procedure_ref(p);
	pthread_mutex_unlock(&c->lock);
	return p;
}

static void remember(struct catalogue *c, struct procedure *p)
{
	pthread_mutex_lock(&c->lock);
	struct procedure *before = c->old[c->next_old];
	c->old[c->next_old] = procedure_ref(p);
	c->next_old = (c->next_old + 1) % OLD_MAX;
	pthread_mutex_unlock(&c->lock);
	procedure_unref(before);
}

int procedure_find_version(struct city *city, struct db *db, const char *id, const char *version,
    struct procedure **out, struct err *err)
{
	struct catalogue *c = of(city);
	if (!c)
		return err_set(err, ERR_INTERNAL, NULL, "the procedures are not loaded");
	*out = find_in_memory(c, id, version);
	if (*out)
		return 0;
	struct arena *a = arena_new();
	char *source = NULL;
	int rc = db_get_text(db, err, a, &source, &sql_find, "tt", id, version);
	if (rc == 0)
		rc = err_set(err, ERR_MISSING, NULL, "no version %s of procedure %s", version, id);
	if (rc > 0) {
		/* What it names beside itself (templates, life events) may be gone by now. */
		static const struct definition_env env = {.stored = true};
		struct definition_problem *problems;
		int n;
		*out = procedure_parse_in(a, arena_printf(a, "%s@%s", id, version),
		    str_from(source), &env, &problems, &n);
		rc = *out ? 0
		          : err_set(err, ERR_INTERNAL, NULL, "%s:%d: %s", problems[0].file,
		                problems[0].line, problems[0].what);
		if (*out)
			remember(c, *out);
	}
	arena_free(a);
	return rc;
}

/* The set of now; the caller's reference. */
static struct procedure_set *set_of(struct catalogue *c)
{
	pthread_mutex_lock(&c->lock);
	struct procedure_set *set = c->now;
	atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&c->lock);
	return set;
}

struct procedure_list *procedures_of(struct city *city, struct arena *a)
{
	struct procedure_list *list = arena_new_of(a, struct procedure_list);
	struct catalogue *c = of(city);
	if (!c)
		return list;
	struct procedure_set *set = set_of(c);
	arena_cleanup(a, set_unref, set);
	*list = (struct procedure_list){
	    .items = set->items, .n = set->n, .by_volume = set->by_volume, .nonline = set->nonline};
	return list;
}

struct procedure_list *procedures_filter(
    const struct procedure_list *all, struct arena *a, const struct procedure_filter *f)
{
	struct procedure_list *list = arena_new_of(a, struct procedure_list);
	list->items = arena_array(a, (size_t)all->n, sizeof(struct procedure *));
	struct buf words;
	buf_init(&words, a);
	text_fold_search(&words, str_from(f->query ? f->query : ""));
	for (int i = 0; i < all->n; i++) {
		struct procedure *p = all->items[i];
		const json_t *json = procedure_json(p);
		const char *department = json_string_value(json_object_get(json, "department"));
		if ((f->life_event && f->life_event[0] &&
		        !array_has(json_object_get(json, "life_events"), f->life_event)) ||
		    (f->department && f->department[0] && !text_eq(department, f->department)) ||
		    (f->online_only && !procedure_online(p)) ||
		    !text_has_words(str_from(procedure_search_text(p)), buf_to_str(&words)))
			continue;
		list->items[list->n++] = p;
	}
	return list;
}

/* --- counts --- */

/* What is counted: every definition, and the inventory's entries that have none. */
struct counting {
	struct db *db;
	struct arena *arena;
	struct procedure_set *set;
	struct inventory_entry *entries;
	int n;
};

static json_t *count_life_events(const struct counting *c, const char *lang)
{
	const struct life_event *events;
	json_t *out = json_array();
	int n = procedure_life_events(&events);
	for (int i = 0; i < n; i++) {
		int count = 0;
		for (int k = 0; k < c->set->n; k++)
			count += array_has(
			    json_object_get(procedure_json(c->set->items[k]), "life_events"),
			    events[i].key);
		for (int k = 0; k < c->n; k++)
			count += inventory_has_event(&c->entries[k], events[i].key);
		if (count)
			json_array_append_new(
			    out, json_pack("{s:s, s:s, s:i, s:b}", "key", events[i].key, "label",
			             text_eq(lang, "ja") ? events[i].ja : events[i].en, "count",
			             count, "selected", 0));
	}
	return out;
}

static void count_one(json_t *counts, const char *name)
{
	if (name && name[0])
		json_object_set_new(counts, name,
		    json_integer(json_integer_value(json_object_get(counts, name)) + 1));
}

static json_t *count_departments(const struct counting *c, const char *lang)
{
	json_t *counts = json_on_arena(c->arena, json_object()), *out = json_array(), *count;
	for (int i = 0; i < c->set->n; i++)
		count_one(counts, json_string_value(json_object_get(
		                      procedure_json(c->set->items[i]), "department")));
	for (int i = 0; i < c->n; i++)
		count_one(counts, c->entries[i].department);
	const char *name;
	json_object_foreach(counts, name, count)
	{
		struct err err;
		int64_t id;
		char *label = department_by_name(c->db, name, &id, &err) > 0
		                  ? department_name_in(c->db, c->arena, id, lang, &err)
		                  : NULL;
		json_array_append_new(
		    out, json_pack("{s:s, s:s, s:O, s:b}", "name", name, "label",
		             label ? label : name, "count", count, "selected", 0));
	}
	return out;
}

static int count(struct city *city, struct db *db, json_t **out, struct err *err)
{
	struct counting c = {.db = db, .arena = arena_new()};
	c.set = set_of(of(city));
	int n = inventory_all(db, c.arena, &c.entries, err);
	for (int i = 0; i < n; i++)
		if (!set_find(c.set, c.entries[i].id))
			c.entries[c.n++] = c.entries[i];
	if (n >= 0) {
		*out = json_pack("{s:i}", "all", c.set->n + c.n);
		static const char *const langs[] = {"ja", "en"};
		for (size_t l = 0; l < COUNT(langs); l++)
			json_object_set_new(*out, langs[l],
			    json_pack("{s:o, s:o}", "life_events", count_life_events(&c, langs[l]),
			        "departments", count_departments(&c, langs[l])));
	}
	set_unref(c.set);
	arena_free(c.arena);
	return n < 0 ? n : 0;
}

int catalogue_counts(struct city *city, struct request *rq, json_t **out, struct err *err)
{
	struct catalogue *c = of(city);
	int64_t now = now_us();
	json_t *kept = NULL, *made;
	if (!c)
		return err_set(err, ERR_INTERNAL, NULL, "the procedures are not loaded");
	pthread_mutex_lock(&c->lock);
	if (c->counted_us && now - c->counted_us < COUNTS_US && now >= c->counted_us)
		kept = json_incref(c->counts);
	pthread_mutex_unlock(&c->lock);
	*out = kept;
	if (kept)
		return 0;
	struct db *db = rq_db(rq, err);
	int rc = db ? count(city, db, &made, err) : -(int)ERR_STORE;
	if (rc < 0)
		return rc;
	*out = json_incref(made);
	pthread_mutex_lock(&c->lock);
	json_t *before = c->counts;
	c->counts = made;
	c->counted_us = now;
	pthread_mutex_unlock(&c->lock);
	json_decref(before);
	return 0;
}

void catalogue_recount(struct city *city)
{
	struct catalogue *c = of(city);
	pthread_mutex_lock(&c->lock);
	c->counted_us = 0;
	pthread_mutex_unlock(&c->lock);
}

/* --- life events --- */

enum { LIFE_EVENTS_MAX = 100 };
static struct life_event events[LIFE_EVENTS_MAX];
static int nevents;

/* The table is part of the program; what it says is kept for the process. */
static void read_life_events(void)
{
	static struct arena *kept;
	struct str text;
	if (!resource_find("data/life-events.csv", &text))
		return;
	kept = arena_new();
	struct csv_reader *csv = csv_reader_of(kept, text, NULL);
	const struct str *fields;
	size_t n;
	struct err err;
	bool heading = true;
	while (nevents < LIFE_EVENTS_MAX && csv_next(csv, &fields, &n, &err) > 0) {
		if (!heading && n >= 5)
			events[nevents++] =
			    (struct life_event){str_dup(kept, fields[0]), str_dup(kept, fields[2]),
			        str_dup(kept, fields[3]), str_dup(kept, fields[4])};
		heading = false;
	}
}

int procedure_life_events(const struct life_event **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, read_life_events);
	*out = events;
	return nevents;
}

/* --- machi check --- */

static int check_folder(struct reading *r, const char *path, int depth);

static int check_file(struct reading *r, const char *path)
{
	struct str text;
	struct err err;
	if (file_read(r->arena, path, &text, &err) < 0) {
		fprintf(r->out, "%s: %s\n", path, err.detail);
		return -1;
	}
	(void)read_one(r, path, text); /* problems were reported */
	return 0;
}

static int check_entry(struct reading *r, const char *path, int depth)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return check_folder(r, path, depth);
	/* Of a folder only definitions are read; a path that was given is read whatever it is. */
	return depth == 0 || is_definition(path) ? check_file(r, path) : 0;
}

static int no_dots(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int check_folder(struct reading *r, const char *path, int depth)
{
	enum { DEPTH_MAX = 8 };
	struct dirent **names = NULL;
	int n = depth < DEPTH_MAX ? scandir(path, &names, no_dots, alphasort) : 0, rc = 0;
	for (int i = 0; i < n; i++) {
		if (check_entry(
		        r, arena_printf(r->arena, "%s/%s", path, names[i]->d_name), depth + 1) < 0)
			rc = -1;
		free(names[i]);
	}
	free(names);
	return n < 0 ? -1 : rc;
}

int procedures_check_files(const char *const *paths, int n, FILE *out)
{
	struct city none = {0};
	struct reading r = {.city = &none, .arena = arena_new(), .set = set_new(), .out = out};
	bool unread = false;
	for (int i = 0; i < n; i++)
		unread |= check_entry(&r, paths[i], 0) < 0;
	set_unref(r.set);
	arena_free(r.arena);
	return unread ? -1 : r.problems;
}

int procedures_check_city(const char *dir, struct db *db, FILE *out)
{
	struct city city = {.dir = dir};
	struct reading r = {
	    .city = &city, .db = db, .arena = arena_new(), .set = set_new(), .out = out};
	if (!has_departments(&r))
		r.db = NULL;
	(void)city_resource_each(&city, "packs/", read_path, &r); /* read_path never stops it */
	set_unref(r.set);
	arena_free(r.arena);
	return r.problems;
}
