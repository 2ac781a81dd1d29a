/* A city's catalogues and templates: the built-in ones, and its own over them. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/resource.h"
#include "web/private.h"
#include "web/template.h"

/* The city's own templates as they were read: what changes on the disk counts from the next reload
 * on, also for pages that nobody has asked for yet. */
struct own_file {
	const char *path;
	struct str text;
	struct own_file *next;
};

struct texts {
	const struct city *city;
	struct city_texts *made;
	struct own_file *own;
	struct arena *arena; /* made->arena */
	FILE *out;           /* where problems are told; NULL: they are logged */
	int problems;
	struct err *err; /* the first one */
};

static void problem(struct texts *t, const char *what)
{
	if (t->out)
		fprintf(t->out, "%s\n", what);
	else
		log_error("city.text", "%s: %s", t->city->id, what);
	if (t->problems++ == 0)
		(void)err_set(t->err, ERR_INPUT, "city.text", "%s", what);
}

/* i18n/<module>.<lang>.po */
static int catalogue_add(
    struct texts *t, const char *path, const char *name, struct str po, struct err *err)
{
	const char *lang = path + strlen(path) - 5;
	return i18n_load(t->made->i18n, (char[]){lang[0], lang[1], '\0'}, name, po, err);
}

static int built_in_add(void *arg, const char *path, struct str po)
{
	struct texts *t = arg;
	struct err err = {0};
	if (catalogue_add(t, path, path, po, &err) < 0)
		problem(t, err.detail); /* cannot be: the tests read them all */
	return 0;
}

/* Behind all the built-in ones, whatever its name: it may hold only what the city changes. */
static int own_catalogue_add(void *arg, const char *path)
{
	struct texts *t = arg;
	struct str po;
	struct err err = {0};
	const char *name = arena_printf(t->arena, "custom/%s", path);
	size_t n = strlen(path);
	if (n < 7 || (strcmp(path + n - 6, ".ja.po") != 0 && strcmp(path + n - 6, ".en.po") != 0))
		problem(t, arena_printf(t->arena,
		               "%s: a catalogue's name ends with .ja.po or .en.po", name));
	else if (city_resource(t->city, t->arena, path, &po, &err) < 0 ||
	         catalogue_add(t, path, name, po, &err) < 0)
		problem(t, err.detail);
	return 0;
}

static int template_source(
    void *arg, struct arena *a, const char *name, struct str *out, struct err *err)
{
	/* "mail/receipt.ja.txt" names its file in full; pages are .html. */
	const char *dot = strrchr(name, '.');
	const char *path =
	    arena_printf(a, "templates/%s%s", name, dot && !strchr(dot, '/') ? "" : ".html");
	for (const struct own_file *f = *(struct own_file **)arg; f; f = f->next) {
		if (strcmp(f->path, path) == 0) {
			*out = f->text;
			return 0;
		}
	}
	return resource_find(path, out) ? 0
	                                : err_set(err, ERR_MISSING, NULL, "no template %s", path);
}

/* A template of the city's own, in both languages. */
static void check_template(struct texts *t, const char *path)
{
	struct arena *a = t->arena;
	size_t n = strlen(path);
	bool html = n > 5 && strcmp(path + n - 5, ".html") == 0;
	const char *name =
	    arena_strndup(a, path + 10, n - 10 - (html ? 5 : 0)); /* behind "templates/" */
	struct err err = {0};
	if (template_check(t->made->templates, name, "ja", &err) == 0 &&
	    template_check(t->made->templates, name, "en", &err) == 0)
		return;
	/* "name:line: what"; or of a template that this one uses. */
	size_t length = strlen(name);
	bool here = strncmp(err.detail, name, length) == 0 && err.detail[length] == ':';
	problem(t, arena_printf(a, "custom/%s%s%s", path, here ? "" : ": ",
	               here ? err.detail + length : err.detail));
}

static void check_layout(struct texts *t, const struct own_file *f)
{
	struct err err = {0};
	const char *name = arena_printf(t->arena, "custom/%s", f->path);
	for (int i = 0; i < nmodules; i++)
		if (modules[i]->layout_check &&
		    modules[i]->layout_check(t->made->templates, name, f->text, &err) < 0)
			problem(t, err.detail);
}

static int own_template_add(void *arg, const char *path)
{
	struct texts *t = arg;
	struct own_file *f = arena_new_of(t->arena, struct own_file);
	struct err err = {0};
	*f = (struct own_file){.path = arena_strdup(t->arena, path), .next = t->own};
	if (city_resource(t->city, t->arena, path, &f->text, &err) < 0)
		problem(t, err.detail);
	else
		t->own = f;
	return 0;
}

static void own_template_check(struct texts *t, const struct own_file *f)
{
	size_t n = strlen(f->path);
	struct str built_in;
	if (n > 5 && strcmp(f->path + n - 5, ".yaml") == 0)
		check_layout(t, f);
	else
		check_template(t, f->path);
	if (t->out && !resource_find(f->path, &built_in))
		fprintf(t->out, "note: custom/%s is new; it replaces nothing that machi has\n",
		    f->path);
}

/* Every problem is told, not only the first. */
static void texts_read(struct texts *t)
{
	t->made = calloc(1, sizeof(*t->made));
	if (!t->made)
		abort();
	t->arena = t->made->arena = arena_new();
	t->made->i18n = i18n_new();
	(void)resource_each("i18n/", built_in_add, t); /* none of these stops it */
	(void)city_own_each(t->city, "i18n/", own_catalogue_add, t);
	(void)city_own_each(t->city, "templates/", own_template_add, t);
	struct own_file **own = arena_new_of(t->arena, struct own_file *);
	*own = t->own;
	t->made->templates = templates_new(template_source, own, t->made->i18n);
	for (const struct own_file *f = t->own; f; f = f->next)
		own_template_check(t, f);
}

void texts_free(struct city_texts *texts)
{
	if (!texts)
		return;
	templates_free(texts->templates);
	i18n_free(texts->i18n);
	arena_free(texts->arena);
	free(texts);
}

int texts_load(const struct city *city, struct city_texts **out, struct err *err)
{
	struct texts t = {.city = city, .err = err};
	texts_read(&t);
	if (!t.problems) {
		*out = t.made;
		return 0;
	}
	texts_free(t.made);
	return -(int)ERR_INPUT;
}

int city_check_texts(const char *dir, FILE *out)
{
	struct city city = {.dir = dir};
	struct err err = {0};
	struct texts t = {.city = &city, .out = out, .err = &err};
	texts_read(&t);
	texts_free(t.made);
	return t.problems;
}
