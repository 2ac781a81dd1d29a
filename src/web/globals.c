/* What the frame of every HTML page reads from the view; the list is in templates/README.md. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "web/private.h"

static const struct language {
	const char *lang, *base, *name;
} languages[] = {{"ja", "", "日本語"}, {"en", "/en", "English"}};

const struct i18n *city_texts(const struct city *city)
{
	return __atomic_load_n(&city->i18n, __ATOMIC_ACQUIRE);
}

/* Never replaces what the handler set itself. */
static void set(json_t *view, const char *key, json_t *value)
{
	if (json_object_get(view, key))
		json_decref(value);
	else
		json_object_set_new_nocheck(view, key, value);
}

static bool is_front(const struct request *rq)
{
	return strcmp(rq->path, "/") == 0;
}

/* This page in each language: what stands before `here`. The front page of no prefix follows the
 * browser, so that a choice has to be said. */
static json_t *languages_of(const struct request *rq)
{
	json_t *list = json_array();
	for (size_t i = 0; i < COUNT(languages); i++) {
		const struct language *l = &languages[i];
		json_t *base =
		    is_front(rq) ? json_sprintf("/?lang=%s", l->lang) : json_string(l->base);
		json_array_append_new(
		    list, json_pack("{s:s,s:s,s:o,s:b}", "lang", l->lang, "name", l->name, "base",
		              base, "current", strcmp(l->lang, rq->lang) == 0));
	}
	return list;
}

static json_t *user_of(const struct request *rq)
{
	return json_pack("{s:s,s:b,s:b}", "name", rq->actor.name ? rq->actor.name : "", "is_staff",
	    rq->actor.kind == ACTOR_STAFF, "is_resident", rq->actor.kind == ACTOR_RESIDENT);
}

/* --- menu --- */

static const char *const areas[] = {"public", "resident", "staff", "admin"};

static bool leads_to(const char *href, const char *path, size_t *length)
{
	size_t n = strlen(href);
	*length = n;
	return strncmp(href, path, n) == 0 && (path[n] == '\0' || (path[n] == '/' && n > 1));
}

/* The entry whose address is the longest beginning of this page's; nmenu: none. */
static int current_item(const struct web *w, const char *path)
{
	int best = w->nmenu;
	size_t longest = 0, n;
	for (int i = 0; i < w->nmenu; i++) {
		if (leads_to(w->menu[i]->href, path, &n) && n > longest) {
			best = i;
			longest = n;
		}
	}
	return best;
}

/* What the actor may open, or anybody, by area; the entry `current` is marked. */
static json_t *menu_of(struct request *rq, bool anybody, int current)
{
	const struct web *w = rq->p->web;
	json_t *menu = json_object();
	for (size_t a = 0; a < COUNT(areas); a++) {
		json_t *list = json_array();
		for (int i = 0; i < w->nmenu; i++) {
			const struct menu_item *m = w->menu[i];
			if (strcmp(m->area, areas[a]) != 0 ||
			    !(anybody ? strcmp(m->perm, "public") == 0 : rq_allows(rq, m->perm)))
				continue;
			json_t *one = json_object();
			json_object_set_new_nocheck(one, "label", json_string(rq_tr(rq, m->label)));
			json_object_set_new_nocheck(
			    one, "href", json_sprintf("%s%s", rq->p->base, m->href));
			json_object_set_new_nocheck(one, "current", json_boolean(i == current));
			json_array_append_new(list, one);
		}
		json_object_set_new_nocheck(menu, areas[a], list);
	}
	return menu;
}

/* Frames differ by line (language, and whether the address says it) and by place: the entry of the
 * menu that leads there, none, or the front page. */
static size_t frames_count(const struct web *w)
{
	return 4 * ((size_t)w->nmenu + 2);
}

static size_t frame_place(const struct request *rq, int item)
{
	size_t place = is_front(rq) ? (size_t)rq->p->web->nmenu + 1 : (size_t)item;
	bool english = strcmp(rq->lang, "en") == 0, prefix = rq->p->base[0] != '\0';
	return place * 4 + english * 2 + prefix;
}

static int by_order(const void *a, const void *b)
{
	const struct menu_item *x = *(const struct menu_item *const *)a;
	const struct menu_item *y = *(const struct menu_item *const *)b;
	return x->order != y->order ? (x->order < y->order ? -1 : 1) : strcmp(x->href, y->href);
}

void globals_prepare(struct web *w)
{
	for (int m = 0; m < nmodules; m++)
		w->nmenu += modules[m]->nmenu;
	w->menu = arena_array(w->arena, (size_t)w->nmenu + 1, sizeof(struct menu_item *));
	int n = 0;
	for (int m = 0; m < nmodules; m++)
		for (int i = 0; i < modules[m]->nmenu; i++)
			w->menu[n++] = &modules[m]->menu[i];
	if (n)
		qsort(w->menu, (size_t)n, sizeof(*w->menu), by_order);
	for (int i = 0; i < w->ncities; i++)
		w->cities[i].frames = arena_array(w->arena, frames_count(w), sizeof(json_t *));
}

/* --- the city --- */

static json_t *text_in(const json_t *value, const char *lang)
{
	if (json_is_string(value))
		return json_incref((json_t *)value);
	json_t *text = json_object_get(value, lang);
	return json_incref(text ? text : json_object_get(value, "ja"));
}

static json_t *city_of_view(const struct request *rq)
{
	const struct city *c = rq->city;
	json_t *view = json_object();
	json_t *name = text_in(json_object_get(c->settings, "name"), rq->lang);
	json_object_set_new_nocheck(view, "name", name ? name : json_string(c->id));
	json_object_set_new_nocheck(view, "demo", json_boolean(c->demo));
	json_t *credits = json_array(), *credit;
	size_t i;
	json_array_foreach(json_object_get(c->settings, "credits"), i, credit)
	{
		json_t *one = json_object();
		json_object_set_new_nocheck(
		    one, "label", text_in(json_object_get(credit, "label"), rq->lang));
		json_object_set_nocheck(one, "href", json_object_get(credit, "href"));
		json_array_append_new(credits, one);
	}
	json_object_set_new_nocheck(view, "credits", credits);
	return view;
}

struct hashing {
	const struct city *city;
	struct arena *arena;
	struct buf etags;
};

static int hash_one(void *arg, const char *path)
{
	struct hashing *h = arg;
	struct str bytes;
	char etag[24];
	struct err err;
	if (city_resource(h->city, h->arena, path, &bytes, &err) < 0)
		return 0; /* removed just now */
	etag_of(bytes, etag);
	buf_printf(&h->etags, "%s%s", path, etag);
	return 0;
}

const char *assets_version(struct web *w, struct web_city *c)
{
	struct templates *now = __atomic_load_n(&c->city->templates, __ATOMIC_ACQUIRE);
	pthread_mutex_lock(&w->lock);
	const char *version = c->assets_of == now ? c->assets : NULL;
	pthread_mutex_unlock(&w->lock);
	if (version)
		return version;
	struct hashing h = {.city = c->city, .arena = arena_new()};
	buf_init(&h.etags, h.arena);
	(void)city_resource_each(c->city, "assets/", hash_one, &h); /* hash_one never stops it */
	char etag[24];
	etag_of(buf_to_str(&h.etags), etag);
	arena_free(h.arena);
	pthread_mutex_lock(&w->lock);
	/* The old text stays: a page may be about to show it. Reloads are few. */
	c->assets = version = arena_strndup(w->arena, etag + 1, 12);
	c->assets_of = now;
	pthread_mutex_unlock(&w->lock);
	return version;
}

/* --- all of it --- */

/* NULL: none. */
static json_t *flash_of(struct request *rq)
{
	json_t *taken, *one;
	size_t i;
	flash_take(rq, &taken);
	json_t *list = taken ? json_array() : NULL;
	json_array_foreach(taken, i, one)
	{
		const char *kind = json_string_value(json_object_get(one, "k"));
		const char *key = json_string_value(json_object_get(one, "m"));
		if (!kind || !key)
			continue;
		const char *text = i18n_format(
		    city_texts(rq->city), rq->arena, rq->lang, key, json_object_get(one, "a"));
		json_array_append_new(list, json_pack("{s:s,s:s}", "kind", kind, "text", text));
	}
	json_decref(taken);
	return list;
}

void frames_drop(const struct web *w, struct web_city *c)
{
	for (size_t i = 0; c->frames && i < frames_count(w); i++) {
		json_decref(c->frames[i]);
		c->frames[i] = NULL;
	}
}

/* The frame for every visitor without an account, kept until the city reloads. */
static json_t *kept_frame(struct request *rq, int item)
{
	struct web *w = rq->p->web;
	struct web_city *c = rq->p->city;
	struct templates *now = __atomic_load_n(&c->city->templates, __ATOMIC_ACQUIRE);
	json_t **kept = &c->frames[frame_place(rq, item)];
	pthread_mutex_lock(&w->lock);
	json_t *frame = c->frames_of == now ? json_incref(*kept) : NULL;
	pthread_mutex_unlock(&w->lock);
	if (frame)
		return frame;
	frame = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "lang", rq->lang, "base", rq->p->base,
	    "assets", assets_version(w, c), "city", city_of_view(rq), "languages", languages_of(rq),
	    "menu", menu_of(rq, true, item));
	pthread_mutex_lock(&w->lock);
	if (c->frames_of != now)
		frames_drop(w, c);
	c->frames_of = now;
	json_decref(*kept);
	*kept = json_incref(frame);
	pthread_mutex_unlock(&w->lock);
	return frame;
}

static json_t *frame_of(struct request *rq)
{
	int item = current_item(rq->p->web, rq->path);
	json_t *frame = kept_frame(rq, item);
	if (rq->actor.kind == ACTOR_ANONYMOUS)
		return frame;
	json_t *own = json_copy(frame);
	json_decref(frame);
	json_object_set_new_nocheck(own, "menu", menu_of(rq, false, item));
	json_object_set_new_nocheck(own, "user", user_of(rq));
	return own;
}

json_t *globals_set(struct request *rq)
{
	const struct request_private *p = rq->p;
	json_t *view = rq->view;
	set(view, "path", json_string(rq->path));
	set(view, "here", json_string(is_front(rq) ? "" : rq->url));
	/* Who signs in from a page comes back to it; from the front page their own is better. */
	if (rq->method == HTTP_GET && !is_front(rq) && rq->actor.kind == ACTOR_ANONYMOUS)
		set(view, "sign_in_next", json_string(rq->url));
	if (rq->token[0])
		set(view, "csrf", json_string(rq->token));
	json_t *flash = flash_of(rq);
	if (flash)
		set(view, "flash", flash);
	if (p->crumbs)
		set(view, "crumbs", json_incref(p->crumbs));
	page_problems_sort(rq);
	if (p->problems)
		set(view, "problems", json_incref(p->problems));
	return frame_of(rq);
}
