/* The set of compiled templates. */
#include "web/template.h"
#include "web/template_private.h"

static unsigned bucket_of(const char *name, const char *lang)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	for (const char *c = name; *c; c++)
		h = (h ^ (unsigned char)*c) * 16777619u;
	for (const char *c = lang; *c; c++)
		h = (h ^ (unsigned char)*c) * 16777619u;
	return (h ^ h >> 15) & (BUCKETS - 1);
}

const struct program *templates_find(
    const struct templates *t, const char *name, const char *lang, struct str indent)
{
	const struct program *p =
	    atomic_load_explicit(&t->table[bucket_of(name, lang)], memory_order_acquire);
	for (; p; p = p->next)
		if (strcmp(p->name, name) == 0 && strcmp(p->lang, lang) == 0 &&
		    str_eq(p->indent, indent))
			return p;
	return NULL;
}

struct templates *templates_new(template_source_fn source, void *arg, const struct i18n *i18n)
{
	struct templates *t = calloc(1, sizeof(*t));
	if (!t || pthread_mutex_init(&t->lock, NULL) != 0)
		abort();
	t->source = source;
	t->source_arg = arg;
	t->i18n = i18n;
	return t;
}

static void unit_free(struct unit *u)
{
	arena_free(u->arena);
	free(u);
}

void templates_free(struct templates *t)
{
	if (!t)
		return;
	while (t->units) {
		struct unit *next = t->units->next;
		unit_free(t->units);
		t->units = next;
	}
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static struct unit *unit_new(void)
{
	struct unit *u = calloc(1, sizeof(*u));
	if (!u)
		abort();
	u->arena = arena_new();
	return u;
}

static int compile(struct templates *t, const char *name, const char *lang,
    const struct program **out, struct err *err)
{
	static const struct str none = {"", 0};
	pthread_mutex_lock(&t->lock);
	*out = templates_find(t, name, lang, none); /* somebody may have been faster */
	if (*out) {
		pthread_mutex_unlock(&t->lock);
		return 0;
	}
	struct unit *u = unit_new();
	struct program *main, *made;
	int rc =
	    template_compile(t, u->arena, name, (struct str){0}, lang, false, &main, &made, err);
	if (rc < 0) {
		unit_free(u);
	} else {
		u->next = t->units;
		t->units = u;
		/* All of them are complete, so readers may meet them in any order. */
		for (struct program *p = made, *next; p; p = next) {
			next = p->next;
			_Atomic(struct program *) *head = &t->table[bucket_of(p->name, p->lang)];
			p->next = atomic_load_explicit(head, memory_order_relaxed);
			atomic_store_explicit(head, p, memory_order_release);
		}
		*out = main;
	}
	pthread_mutex_unlock(&t->lock);
	return rc;
}

int template_render(struct templates *t, const char *name, const char *lang, json_t *view,
    struct buf *out, struct err *err)
{
	return template_render_in(t, name, lang, NULL, view, out, err);
}

int template_render_in(struct templates *t, const char *name, const char *lang, json_t *frame,
    json_t *view, struct buf *out, struct err *err)
{
	const struct program *p = templates_find(t, name, lang, (struct str){"", 0});
	if (!p) {
		int rc = compile(t, name, lang, &p, err);
		if (rc < 0)
			return rc;
	}
	/* Not exact when threads race; it is a hint. */
	atomic_size_t *seen = &((struct program *)p)->size_seen;
	size_t before = out->n, hint = atomic_load_explicit(seen, memory_order_relaxed);
	buf_reserve(out, hint);
	int rc = template_run(t, p, lang, frame, view, out, err);
	if (rc == 0 && out->n - before > hint)
		atomic_store_explicit(seen, out->n - before + 256, memory_order_relaxed);
	return rc;
}

static int render_once(struct templates *t, const char *name, struct str text, const char *lang,
    json_t *view, struct buf *out, struct err *err)
{
	if (!text.p)
		text.p = "";
	struct unit *u = unit_new();
	struct program *main, *made;
	pthread_mutex_lock(&t->lock);
	int rc = template_compile(t, u->arena, name, text, lang, false, &main, &made, err);
	pthread_mutex_unlock(&t->lock);
	if (rc == 0)
		rc = template_run(t, main, lang, NULL, view, out, err);
	unit_free(u);
	return rc;
}

int template_render_text(struct templates *t, struct str text, const char *lang, json_t *view,
    struct buf *out, struct err *err)
{
	return render_once(t, "(text)", text, lang, view, out, err);
}

int template_render_plain(struct templates *t, struct str text, const char *lang, json_t *view,
    struct buf *out, struct err *err)
{
	return render_once(t, "(text).txt", text, lang, view, out, err);
}

int template_check(struct templates *t, const char *name, const char *lang, struct err *err)
{
	struct unit *u = unit_new();
	struct program *main, *made;
	pthread_mutex_lock(&t->lock);
	int rc =
	    template_compile(t, u->arena, name, (struct str){0}, lang, true, &main, &made, err);
	pthread_mutex_unlock(&t->lock);
	unit_free(u);
	return rc;
}

int template_text(
    struct templates *t, struct arena *a, const char *name, struct str *out, struct err *err)
{
	return t->source(t->source_arg, a, name, out, err);
}
