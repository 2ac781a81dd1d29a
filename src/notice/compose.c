/* The text of a notice: its template filled from its view. */
#include "notice/private.h"

#include <string.h>

#include "web/template.h"

/* Mails with a link or code that lets somebody in. */
bool notice_is_secret(const char *kind)
{
	static const char *const kinds[] = {
	    "confirm-address", "confirm-mail", "password-reset", "identity/invite-staff"};
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i], kind) == 0)
			return true;
	return false;
}

static json_t *view_of(struct city *city, const struct notice *n, bool masked)
{
	json_t *view = n->view ? json_deep_copy(n->view) : json_object();
	const char *name =
	    city_setting(city, n->lang && n->lang[0] == 'e' ? "name.en" : "name.ja", NULL);
	if (!name)
		name = city_setting(city, "name.ja", "");
	const struct {
		const char *key, *text;
	} more[] = {{"city", name}, {"base_url", city->base_url}, {"lang", n->lang},
	    {"mail_to", n->to}, {"contact", city_setting(city, "contact", NULL)}};
	for (size_t i = 0; i < COUNT(more); i++)
		if (more[i].text && !json_object_get(view, more[i].key))
			json_object_set_new(view, more[i].key, json_string(more[i].text));
	if (masked)
		json_object_set_new(
		    view, "url", json_string(i18n_get(city->i18n, n->lang, "notice.masked")));
	return view;
}

/* "Subject: ...", an empty line, the text. */
static int split(struct arena *a, struct str all, char **title, char **body, struct err *err)
{
	struct str first;
	if (!str_cut(&all, '\n', &first) || !str_starts(first, "Subject:"))
		return err_set(
		    err, ERR_INPUT, NULL, "mail: the first line is not \"Subject: ...\"");
	*title = str_dup(a, str_trim((struct str){first.p + 8, first.n - 8}));
	while (all.n > 0 && (*all.p == '\n' || *all.p == '\r')) {
		all.p++;
		all.n--;
	}
	*body = str_dup(a, all);
	return 0;
}

/* A definition's own texts. */
static int fill_texts(struct city *city, struct arena *a, const struct notice *n, json_t *view,
    struct buf *out, struct err *err)
{
	struct buf subject;
	const char *title = json_string_value(json_object_get(view, "subject_text"));
	const char *body = json_string_value(json_object_get(view, "body_text"));
	buf_init(&subject, a);
	int rc =
	    template_render_plain(city->templates, str_from(title), n->lang, view, &subject, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < subject.n; i++)
		if (subject.p[i] == '\n' || subject.p[i] == '\r')
			subject.p[i] = ' ';
	buf_puts(out, "Subject: ");
	buf_str(out, buf_to_str(&subject));
	buf_puts(out, "\n\n");
	return template_render_plain(city->templates, str_from(body), n->lang, view, out, err);
}

static int fill(struct city *city, struct arena *a, const struct notice *n, json_t *view,
    struct buf *out, struct err *err)
{
	if (strcmp(n->kind, "text") == 0)
		return fill_texts(city, a, n, view, out, err);
	const char *slash = strchr(n->kind, '/');
	const char *name = slash ? arena_printf(a, "%.*s/mail/%s.%s.txt", (int)(slash - n->kind),
	                               n->kind, slash + 1, n->lang)
	                         : arena_printf(a, "notice/mail/%s.%s.txt", n->kind, n->lang);
	return template_render(city->templates, name, n->lang, view, out, err);
}

int notice_compose(struct city *city, struct arena *a, const struct notice *n, bool masked,
    char **title, char **body, struct err *err)
{
	struct buf out;
	buf_init(&out, a);
	json_t *view = view_of(city, n, masked && notice_is_secret(n->kind));
	int rc = fill(city, a, n, view, &out, err);
	json_decref(view);
	return rc < 0 ? rc : split(a, buf_to_str(&out), title, body, err);
}
