/* The functions that handlers use: what was sent, and what shall be answered. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "store/blob.h"
#include "web/private.h"

/* --- what the client sent --- */

const char *rq_param(struct request *rq, const char *name)
{
	struct route_match *m = &rq->p->match;
	for (int i = 0; i < m->nparams; i++)
		if (str_is(m->names[i], name))
			return str_dup(rq->arena, m->values[i]);
	return NULL;
}

int64_t rq_param_i64(struct request *rq, const char *name)
{
	struct route_match *m = &rq->p->match;
	int64_t v;
	for (int i = 0; i < m->nparams; i++)
		if (str_is(m->names[i], name))
			return str_to_i64(m->values[i], 0, INT64_MAX, &v) ? v : -1;
	return -1;
}

const char *rq_query(struct request *rq, const char *name)
{
	return fields_get(&rq->p->query, name);
}

const char *rq_form(struct request *rq, const char *name)
{
	return fields_get(&rq->p->form, name);
}

int64_t rq_i64(struct request *rq, const char *name, int64_t fallback)
{
	int64_t v;
	const char *s = rq->method == HTTP_GET ? rq_query(rq, name) : rq_form(rq, name);
	return s && str_to_i64(str_from(s), INT64_MIN, INT64_MAX, &v) ? v : fallback;
}

int rq_form_all(struct request *rq, const char *name, const char *const **values)
{
	const struct fields *f = &rq->p->form;
	int n = 0;
	for (int i = 0; i < f->n; i++)
		n += strcmp(f->names[i], name) == 0;
	const char **list = arena_array(rq->arena, (size_t)n + 1, sizeof(*list));
	n = 0;
	for (int i = 0; i < f->n; i++)
		if (strcmp(f->names[i], name) == 0)
			list[n++] = f->values[i];
	*values = list;
	return n;
}

void rq_form_each(
    struct request *rq, void (*fn)(void *, const char *name, const char *value), void *arg)
{
	const struct fields *f = &rq->p->form;
	for (int i = 0; i < f->n; i++)
		fn(arg, f->names[i], f->values[i]);
}

json_t *rq_json(struct request *rq)
{
	return rq->p->json;
}

static int uploads_of(struct request *rq, const struct upload **out)
{
	return rq->p->multipart ? multipart_uploads(rq->p->multipart, out) : 0;
}

const struct upload *rq_upload(struct request *rq, const char *field, int nth)
{
	const struct upload *list = NULL;
	int n = uploads_of(rq, &list);
	for (int i = 0; i < n; i++)
		if (strcmp(list[i].field, field) == 0 && nth-- == 0)
			return &list[i];
	return NULL;
}

int rq_upload_count(struct request *rq, const char *field)
{
	const struct upload *list = NULL;
	int n = uploads_of(rq, &list), count = 0;
	for (int i = 0; i < n; i++)
		count += strcmp(list[i].field, field) == 0;
	return count;
}

const char *rq_header(struct request *rq, const char *name)
{
	const char *value = NULL;
	size_t n = 0;
	if (MHD_lookup_connection_value_n(
	        rq->p->x->mhd, MHD_HEADER_KIND, name, strlen(name), &value, &n) != MHD_YES ||
	    !value || !utf8_valid((struct str){value, n}))
		return NULL;
	return value;
}

/* Under TLS a cookie's name says that this host alone set it, over TLS, for all of its paths: a
 * neighbour under the same domain cannot plant one (RFC 6265bis §4.1.3.2). */
static const char *cookie_name(const struct request *rq, const char *name)
{
	return rq->p->secure ? arena_printf(rq->arena, "__Host-%s", name) : name;
}

struct str cookie_of(struct request *rq, const char *name)
{
	return cookie_find(rq->p->heads.cookie, cookie_name(rq, name));
}

const char *rq_cookie(struct request *rq, const char *name)
{
	struct str value = cookie_of(rq, name);
	return value.p && utf8_valid(value) ? str_dup(rq->arena, value) : NULL;
}

struct db *rq_db(struct request *rq, struct err *err)
{
	struct request_private *p = rq->p;
	struct db *db = store_reader(rq->city->store, err);
	if (db && p->handling && !p->reader) {
		db_memo_begin(db, rq->arena);
		p->reader = db;
	}
	return db;
}

int request_handle(struct request *rq, int (*fn)(struct request *, struct err *))
{
	struct request_private *p = rq->p;
	p->handling = true;
	int rc = fn(rq, &p->err);
	p->handling = false;
	if (p->reader)
		db_memo_end(p->reader);
	p->reader = NULL;
	return rc;
}

/* --- what shall be answered --- */

/* A path of this site: browsers read "//host" and "/\host" as another site, and drop tabs and line
 * ends before they look. */
bool path_is_local(const char *path)
{
	if (path[0] != '/' || path[1] == '/' || path[1] == '\\')
		return false;
	for (const unsigned char *c = (const unsigned char *)path; *c; c++)
		if (*c < 0x20 || *c == 0x7f || *c == '\\')
			return false;
	return true;
}

/* Bytes that may not stand in a header as they are (a "next" parameter was decoded). */
static const char *header_safe(struct arena *a, const char *path)
{
	struct buf b;
	buf_init(&b, a);
	for (const unsigned char *c = (const unsigned char *)path; *c; c++) {
		if (*c > 0x20 && *c < 0x7f && !strchr("\"<>\\^`{|}", *c))
			buf_putc(&b, (char)*c);
		else
			buf_printf(&b, "%%%02X", *c);
	}
	return b.p;
}

int rq_redirect(struct request *rq, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	const char *path = arena_vprintf(rq->arena, fmt, ap);
	va_end(ap);
	if (!path_is_local(path)) {
		log_warn("web.redirect", "refused to lead to another site from %s", rq->path);
		path = "/";
	}
	bool has_base = strcmp(path, "/en") == 0 || strncmp(path, "/en/", 4) == 0 ||
	                strncmp(path, "/en?", 4) == 0;
	const char *base = has_base ? "" : rq->p->base;
	rq->p->out.kind = ANSWER_REDIRECT;
	rq->p->out.location = header_safe(rq->arena, arena_printf(rq->arena, "%s%s", base, path));
	return 0;
}

static bool header_value_ok(const char *value)
{
	for (const unsigned char *c = (const unsigned char *)value; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			return false;
	return true;
}

int rq_leave(struct request *rq, const char *url)
{
	rq->p->out.kind = ANSWER_REDIRECT;
	rq->p->out.location = header_safe(rq->arena, url);
	return 0;
}

void rq_form_leads_to(struct request *rq, const char *url)
{
	const char *host = strstr(url, "://");
	size_t n = host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 0;
	const char *origin = arena_strndup(rq->arena, url, n);
	/* It stands in a header among words of its own: only what an origin is made of. */
	if (n && !strpbrk(origin, " ;,'\"*\\") && header_value_ok(origin))
		rq->p->out.form_origin = origin;
}

void rq_set_header(struct request *rq, const char *name, const char *value)
{
	struct outcome *o = &rq->p->out;
	if (o->nheaders == HEADERS_MAX || !header_value_ok(value)) {
		log_warn("web.header", "%s: too many headers or a bad value", name);
		return;
	}
	o->headers[o->nheaders].name = arena_strdup(rq->arena, name);
	o->headers[o->nheaders++].value = arena_strdup(rq->arena, value);
}

void rq_set_cookie(struct request *rq, const char *name, const char *value, int64_t max_age_s)
{
	struct outcome *o = &rq->p->out;
	int at = 0;
	name = cookie_name(rq, name);
	while (at < o->ncookies && strcmp(o->cookies[at].name, name) != 0)
		at++;
	if (at == COOKIES_MAX || !header_value_ok(value) || strpbrk(value, "; ,\"\\")) {
		log_warn("web.cookie", "%s: too many cookies or a bad value", name);
		return;
	}
	o->cookies[at].name = arena_strdup(rq->arena, name);
	o->cookies[at].value =
	    arena_printf(rq->arena, "%s=%s; Path=/; Max-Age=%lld; HttpOnly; SameSite=Lax%s", name,
	        value, (long long)max_age_s, rq->p->secure ? "; Secure" : "");
	if (at == o->ncookies)
		o->ncookies++;
}

static void set_bytes(struct request *rq, const char *type, const char *filename, bool attachment)
{
	struct outcome *o = &rq->p->out;
	o->type = arena_strdup(rq->arena, type);
	o->filename = filename ? arena_strdup(rq->arena, filename) : NULL;
	o->attachment = attachment;
}

int rq_send(struct request *rq, const char *type, struct str body, const char *filename)
{
	set_bytes(rq, type, filename, filename != NULL);
	rq->p->out.kind = ANSWER_BYTES;
	rq->p->out.bytes = body;
	return 0;
}

int rq_stream(struct request *rq, const char *type, const char *filename,
    int (*fn)(struct request *, void *state, struct buf *out, struct err *), void *state)
{
	set_bytes(rq, type, filename, filename != NULL);
	rq->p->out.kind = ANSWER_STREAM;
	rq->p->stream = fn;
	rq->p->stream_state = state;
	return 0;
}

/* A file that nothing was made of to send. */
static void close_file(void *file)
{
	int fd = *(int *)file;
	if (fd >= 0)
		(void)close(fd); /* only read from */
}

int rq_send_blob(struct request *rq, const char *blob, const char *type, const char *filename,
    bool attachment, struct err *err)
{
	int *fd = arena_alloc(rq->arena, sizeof(*fd));
	int64_t size;
	int rc = blob_open(rq->city->store, blob, fd, &size, err);
	if (rc < 0)
		return rc;
	arena_cleanup(rq->arena, close_file, fd);
	set_bytes(rq, type, filename, attachment);
	rq->p->out.kind = ANSWER_FILE;
	rq->p->out.fd = fd;
	rq->p->out.fd_size = size;
	rq->p->out.etag = arena_printf(rq->arena, "\"%.32s\"", blob);
	return 0;
}

/* --- what happens next --- */

int rq_write_or(struct request *rq, int (*fn)(struct request *, struct db *, struct err *),
    int (*failed)(struct request *, struct err *))
{
	rq->p->next = NEXT_WRITE;
	rq->p->write = fn;
	rq->p->write_failed = failed;
	return 0;
}

int rq_write(struct request *rq, int (*fn)(struct request *, struct db *, struct err *))
{
	return rq_write_or(rq, fn, NULL);
}

int rq_defer(struct request *rq, int (*fn)(struct request *, struct err *))
{
	rq->p->next = NEXT_DEFER;
	rq->p->defer = fn;
	return 0;
}

void rq_set_data(struct request *rq, void *data)
{
	rq->p->data = data;
}

void *rq_data(struct request *rq)
{
	return rq->p->data;
}

/* --- view model --- */

static void add_problem(struct request *rq, const char *field, const char *text, const char *code)
{
	struct request_private *p = rq->p;
	if (!p->problems)
		p->problems = json_array();
	json_array_append_new(p->problems,
	    json_pack("{s:s, s:s, s:s}", "field", field ? field : "", "text", text, "code", code));
	p->out.nproblems++;
	rq->status = MHD_HTTP_UNPROCESSABLE_CONTENT;
}

void rq_problem(struct request *rq, const char *field, const char *msgkey, json_t *args)
{
	add_problem(rq, field, i18n_format(city_texts(rq->city), rq->arena, rq->lang, msgkey, args),
	    msgkey);
	json_decref(args);
}

void rq_problem_text(struct request *rq, const char *field, const char *text)
{
	add_problem(rq, field, text, "definition");
}

void rq_problem_member(struct request *rq, const char *name, json_t *value)
{
	if (!rq->p->problem_members)
		rq->p->problem_members = json_on_arena(rq->arena, json_object());
	json_object_set_new(rq->p->problem_members, name, value);
}

bool rq_has_problems(struct request *rq)
{
	return rq->p->out.nproblems > 0;
}

void rq_flash(struct request *rq, const char *kind, const char *msgkey, json_t *args)
{
	struct outcome *o = &rq->p->out;
	json_on_arena(rq->arena, args);
	if (o->nflash < FLASH_MAX)
		o->flash[o->nflash++] = (struct flash){kind, msgkey, args};
}

const char *rq_tr(struct request *rq, const char *msgkey)
{
	return i18n_get(city_texts(rq->city), rq->lang, msgkey);
}

json_t *tab_view(const char *label, const char *href, bool current, int64_t count)
{
	json_t *tab =
	    json_pack("{s:s,s:s,s:b}", "label", label, "href", href, "current", (int)current);
	if (count >= 0)
		json_object_set_new(tab, "count",
		    count >= TAB_COUNT_MAX ? json_sprintf("%d+", TAB_COUNT_MAX)
		                           : json_integer((json_int_t)count));
	return tab;
}

void rq_crumb(struct request *rq, const char *label, const char *href)
{
	struct request_private *p = rq->p;
	if (!p->crumbs)
		p->crumbs = json_array();
	json_t *one = json_object();
	json_object_set_new(one, "label", json_string(label));
	/* Handlers write paths of the site; the page needs the language before them. */
	bool plain = href && href[0] == '/' && strncmp(href, "/en/", 4) != 0;
	if (href)
		json_object_set_new(one, "href", json_sprintf("%s%s", plain ? p->base : "", href));
	json_array_append_new(p->crumbs, one);
	p->out.ncrumbs++;
}
