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

static json_t *languages_of(const struct request *rq)
{
	json_t *list = json_array();
	bool front = strcmp(rq->path, "/") == 0;
	for (size_t i = 0; i < COUNT(languages); i++) {
		const struct language *l = &languages[i];
		/* The front page of no prefix follows the browser, so that a choice has to be said.
		 */
		json_t *href = front ? json_sprintf("/?lang=%s", l->lang)
		                     : json_sprintf("%s%s", l->base, rq->url);
		json_array_append_new(
		    list, json_pack("{s:s,s:s,s:o,s:b}", "lang", l->lang, "name", l->name, "href",
		              href, "current", strcmp(l->lang, rq->lang) == 0));
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

/* The entry whose address is the longest beginning of this page's. */
static const struct menu_item *current_item(const struct web *w, const char *path)
{
	const struct menu_item *best = NULL;
	size_t longest = 0, n;
	for (int i = 0; i < w->nmenu; i++) {
		if (leads_to(w->menu[i]->href, path, &n) && n > longest) {
			best = w->menu[i];
			longest = n;
		}
	}
	return best;
}

/* What the actor may open, or without an account, by area; no entry is marked as the current one.
 */
static json_t *menu_of(struct request *rq, bool anybody)
{
	const struct web *w = rq->p->web;
	json_t *menu = json_object();
	for (size_t a = 0; a < COUNT(areas); a++) {
		json_t *list = json_array();
		for (int i = 0; i < w->nmenu; i++) {
			const struct menu_item *m = w->menu[i];
			bool may =
			    anybody ? strcmp(m->perm, "public") == 0 : rq_allows(rq, m->perm);
			if (strcmp(m->area, areas[a]) != 0 || !may)
				continue;
			json_t *one = json_object();
			json_object_set_new_nocheck(one, "label", json_string(rq_tr(rq, m->label)));
			json_object_set_new_nocheck(
			    one, "href", json_sprintf("%s%s", rq->p->base, m->href));
			json_object_set_new_nocheck(one, "current", json_false());
			json_array_append_new(list, one);
		}
		json_object_set_new_nocheck(menu, areas[a], list);
	}
	return menu;
}

/* The menu with this page's entry marked. Takes the reference; what is not changed stays shared. */
static json_t *menu_at(json_t *menu, const struct request *rq)
{
	const struct menu_item *current = current_item(rq->p->web, rq->path);
	json_t *list = current ? json_object_get(menu, current->area) : NULL, *one;
	size_t i, base = strlen(rq->p->base);
	json_array_foreach(list, i, one)
	{
		if (!text_eq(json_text(one, "href") + base, current->href))
			continue;
		json_t *marked = json_copy(one), *among = json_copy(list), *out = json_copy(menu);
		json_object_set_new_nocheck(marked, "current", json_true());
		json_array_set_new(among, i, marked);
		json_object_set_new_nocheck(out, current->area, among);
		json_decref(menu);
		return out;
	}
	return menu;
}

static int by_order(const void *a, const void *b)
{
	const struct menu_item *x = *(const struct menu_item *const *)a;
	const struct menu_item *y = *(const struct menu_item *const *)b;
	return x->order != y->order ? (x->order < y->order ? -1 : 1) : strcmp(x->href, y->href);
}

void menu_prepare(struct web *w)
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

static json_t *flash_of(struct request *rq)
{
	json_t *taken, *one, *list = json_array();
	size_t i;
	flash_take(rq, &taken);
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

void frames_drop(struct web_city *c)
{
	for (size_t i = 0; i < COUNT(c->frames); i++)
		for (size_t k = 0; k < COUNT(c->frames[i]); k++) {
			json_decref(c->frames[i][k]);
			c->frames[i][k] = NULL;
		}
}

/* What the frame says to every visitor without an account: {city, menu, assets}, kept for each
 * language until the city reloads. A new reference. */
static json_t *frame_of(struct request *rq)
{
	struct web *w = rq->p->web;
	struct web_city *c = rq->p->city;
	struct templates *now = __atomic_load_n(&c->city->templates, __ATOMIC_ACQUIRE);
	json_t **kept = &c->frames[strcmp(rq->lang, "en") == 0][rq->p->base[0] != '\0'];
	pthread_mutex_lock(&w->lock);
	json_t *frame = c->frames_of == now ? json_incref(*kept) : NULL;
	pthread_mutex_unlock(&w->lock);
	if (frame)
		return frame;
	frame = json_pack("{s:o, s:o, s:s}", "city", city_of_view(rq), "menu", menu_of(rq, true),
	    "assets", assets_version(w, c));
	pthread_mutex_lock(&w->lock);
	if (c->frames_of != now)
		frames_drop(c);
	c->frames_of = now;
	json_decref(*kept);
	*kept = json_incref(frame);
	pthread_mutex_unlock(&w->lock);
	return frame;
}

void globals_set(struct request *rq)
{
	struct request_private *p = rq->p;
	json_t *view = rq->view;
	set(view, "base", json_string(p->base));
	set(view, "lang", json_string(rq->lang));
	set(view, "path", json_string(rq->path));
	set(view, "csrf", json_string(rq->token));
	set(view, "languages", languages_of(rq));
	bool anybody = rq->actor.kind == ACTOR_ANONYMOUS;
	json_t *frame = frame_of(rq);
	json_t *menu = anybody ? json_incref(json_object_get(frame, "menu")) : menu_of(rq, false);
	set(view, "menu", menu_at(menu, rq));
	set(view, "city", json_incref(json_object_get(frame, "city")));
	set(view, "assets", json_incref(json_object_get(frame, "assets")));
	json_decref(frame);
	set(view, "flash", flash_of(rq));
	set(view, "crumbs", p->crumbs ? json_incref(p->crumbs) : json_array());
	set(view, "problems", p->problems ? json_incref(p->problems) : json_array());
	if (!anybody)
		set(view, "user", user_of(rq));
}
