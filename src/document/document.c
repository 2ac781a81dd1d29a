/* Documents of a city: its layouts, its seal, its key. */
#include "document/document.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/time.h"
#include "document/private.h"
#include "document/sign.h"
#include "web/template.h"

enum { RENDER_TIMEOUT_MS = 20000 };

static const char *keys_dir(struct arena *a, const struct city *city)
{
	return arena_printf(a, "%s/keys", city->dir);
}

/* --- layouts --- */

static int load_layout(
    struct city *city, struct arena *a, const char *template, json_t **out, struct err *err)
{
	const char *slash = strchr(template, '/');
	const char *name = slash ? arena_printf(a, "%.*s/pdf/%s.yaml", (int)(slash - template),
	                               template, slash + 1)
	                         : arena_printf(a, "document/pdf/%s.yaml", template);
	struct templates *t = __atomic_load_n(&city->templates, __ATOMIC_ACQUIRE);
	struct str text;
	int rc = template_text(t, a, name, &text, err);
	return rc < 0 ? rc : yaml_json(text, name, out, NULL, err);
}

/* --- the seal --- */

/* A seal for a city that has none of its own: "高松市長之印", and in a demo that it is a sample. */
static const char *seal_text(struct arena *a, const struct city *city)
{
	return arena_printf(
	    a, "%s長之印%s", city_setting(city, "name.ja", "市"), city->demo ? "見本用" : "");
}

/* The official seal: keys/seal.png, drawn and kept when there is none. */
static int load_seal(struct city *city, struct arena *a, struct str *out, struct err *err)
{
	const char *path = arena_printf(a, "%s/seal.png", keys_dir(a, city));
	int rc = file_read(a, path, out, err);
	if (rc != -(int)ERR_MISSING)
		return rc;
	struct str text = str_from(seal_text(a, city));
	rc = worker_call(a, "seal", &text, 1, RENDER_TIMEOUT_MS, out, err);
	if (rc == 0)
		rc = dir_make(keys_dir(a, city), 0700, err);
	return rc < 0 ? rc : file_write(path, *out, 0600, err);
}

/* --- rendering --- */

static void describe(
    struct city *city, struct arena *a, json_t *doc, json_t *view, const char *lang)
{
	char *name = arena_printf(a, "name.%s", lang);
	json_t *title = json_object_get(view, "title");
	if (title)
		json_object_set(doc, "title", title);
	json_object_set_new(doc, "author", json_string(city_setting(city, name, "")));
	json_object_set_new(doc, "created", json_sprintf("%.19sZ", instant_format(a, now_us())));
}

int document_render(struct city *city, struct arena *a, const char *template, const char *lang,
    json_t *view, struct str *pdf, struct err *err)
{
	json_t *layout = NULL, *base = NULL, *doc = NULL;
	struct str parts[2] = {{0}};
	int nparts = 1;
	int rc = load_layout(city, a, template, &layout, err);
	if (rc == 0)
		rc = load_layout(city, a, "base", &base, err);
	if (rc == 0) {
		struct fill f = {
		    .layout = layout, .base = base, .view = view, .i18n = city->i18n, .lang = lang};
		rc = fill_layout(a, &f, &doc, err);
	}
	if (rc == 0 && json_is_true(json_object_get(view, "seal"))) {
		rc = load_seal(city, a, &parts[1], err);
		nparts = 2;
		json_object_set_new(doc, "images", json_pack("{s:i}", "seal", 0));
	}
	if (rc == 0) {
		describe(city, a, doc, view, lang);
		char *text = json_dumps(doc, JSON_COMPACT);
		parts[0] = str_from(text);
		rc = text
		         ? worker_call(a, "render", parts, nparts, RENDER_TIMEOUT_MS, pdf, err)
		         : err_set(err, ERR_INTERNAL, NULL, "render: cannot write the description");
		free(text);
	}
	json_decref(doc);
	json_decref(base);
	json_decref(layout);
	return rc < 0 ? err_prefix(err, "%s: ", template) : 0;
}

int document_sign(struct city *city, struct arena *a, struct str pdf, const char *reason,
    struct str *out, struct err *err)
{
	struct sign_key key = {0};
	const char *name = city_setting(city, "name.ja", "machi");
	int rc = sign_key_load(a, keys_dir(a, city), name, now_us(), &key, err);
	if (rc < 0)
		return rc;
	struct sign_about about = {.name = name, .reason = reason, .at_us = now_us()};
	return sign_pdf(a, &key, &about, pdf, out, err);
}
