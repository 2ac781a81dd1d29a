/* Everything that can refuse a request: before its body path, method, rate, sign-in, permission and
 * size; after it the body's form and the declared inputs. */
#include <string.h>
#include <strings.h>

#include "base/individual.h"
#include "base/time.h"
#include "web/private.h"

static void method_not_allowed(struct request *rq)
{
	struct buf allow;
	buf_init(&allow, rq->arena);
	for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
		if (!(rq->p->match.methods & 1u << m))
			continue;
		if (allow.n)
			buf_puts(&allow, ", ");
		buf_puts(&allow, method_name((enum method)m));
		if (m == HTTP_GET)
			buf_puts(&allow, ", HEAD");
	}
	buf_puts(&allow, allow.n ? ", OPTIONS" : "OPTIONS");
	rq_set_header(rq, "Allow", allow.p);
}

/* "/procedures/" leads to "/procedures" where there is such a page. */
static int without_slash(struct request *rq, struct str path, struct err *err)
{
	struct request_private *p = rq->p;
	path.n--;
	if (rq->method != HTTP_GET ||
	    router_find(p->web->router, rq->arena, path, HTTP_GET, &p->match) <= 0)
		return err_set(err, ERR_MISSING, NULL, "no such path");
	p->match.route = NULL;
	p->early = true;
	rq->status = MHD_HTTP_MOVED_PERMANENTLY;
	const char *query = strchr(rq->url, '?');
	return rq_redirect(rq, "%.*s%s", STR_ARG(path), query ? query : "");
}

static int find_route(struct request *rq, struct str path, struct err *err)
{
	struct request_private *p = rq->p;
	int rc = router_find(p->web->router, rq->arena, path, rq->method, &p->match);
	if (rc < 0)
		return err_set(err, ERR_MALFORMED, "web.bad_encoding", "bad path");
	if (!p->match.route && p->match.methods) {
		method_not_allowed(rq);
		return err_set(err, ERR_METHOD, NULL, "%s", rq->path);
	}
	if (!p->match.route && path.n > 1 && path.p[path.n - 1] == '/')
		return without_slash(rq, path, err);
	if (!p->match.route)
		return err_set(err, ERR_MISSING, NULL, "no such path");
	rq->route = p->match.route;
	rq->template = rq->route->template;
	return 0;
}

static void choose_format(struct request *rq)
{
	const char *format = fields_get(&rq->p->query, "format");
	rq->wants_json = format ? strcmp(format, "json") == 0 : heads_want_json(&rq->p->heads);
}

/* "/?lang=en" is how the front page's language is chosen for good. */
static void choose_language(struct request *rq)
{
	const char *lang = fields_get(&rq->p->query, "lang");
	if (!lang || strcmp(rq->path, "/") != 0 ||
	    (strcmp(lang, "ja") != 0 && strcmp(lang, "en") != 0))
		return;
	rq->lang = lang;
	rq->p->base = strcmp(lang, "en") == 0 ? "/en" : "";
	rq_set_cookie(rq, "lang", lang, 365 * 24 * 3600);
}

static int check_permission(struct request *rq, struct err *err)
{
	if (rq_allows(rq, rq->route->perm))
		return 0;
	if (rq->actor.kind == ACTOR_ANONYMOUS)
		return err_set(err, ERR_AUTH, NULL, "%s needs sign-in", rq->path);
	return err_set(err, ERR_DENIED, NULL, "%s needs %s", rq->path, rq->route->perm);
}

static int take_rate(struct request *rq, uint64_t client, enum rate class, struct err *err)
{
	int wait = ratelimit_take(rq->p->web->ratelimit, client, class, monotonic_us());
	if (wait == 0)
		return 0;
	rq_set_header(rq, "Retry-After", arena_printf(rq->arena, "%d", wait));
	return err_set(err, ERR_RATE, NULL, "%s: too many requests", rq->path);
}

/* Before anything is looked up: by address. What changes something has a limit of its own, see
 * check_account_rate(). */
static int check_rate(struct request *rq, struct err *err)
{
	enum rate class = rq->route ? rq->route->rate : RATE_NORMAL;
	if (class == RATE_WRITE || class == RATE_HEAVY)
		class = RATE_NORMAL;
	return take_rate(rq, ratelimit_address(&rq->p->address), class, err);
}

/* Who is signed in is counted as themselves, wherever they are: a town hall behind one address does
 * not wait for each other, and one account on a thousand addresses is still one. */
static int check_account_rate(struct request *rq, struct err *err)
{
	const struct request_private *p = rq->p;
	enum rate class = rq->route->rate;
	if (class == RATE_NORMAL && rq->method != HTTP_GET)
		class = RATE_WRITE;
	if (rq->actor.kind != ACTOR_ANONYMOUS)
		return take_rate(rq,
		    ratelimit_account((int)(p->city - p->web->cities), rq->actor.account), class,
		    err);
	if (class != RATE_WRITE && class != RATE_HEAVY)
		return 0; /* counted before */
	return take_rate(rq, ratelimit_address(&p->address), class, err);
}

/* Decides how the body will be read, by its type and its declared size. */
static int prepare_body(struct request *rq, struct err *err)
{
	struct request_private *p = rq->p;
	const struct web_options *o = &p->web->options;
	struct str type = p->heads.content_type;
	bool upload = (rq->route->flags & ROUTE_UPLOAD) != 0;
	int64_t length = 0;
	p->body_limit = upload ? o->upload_max + o->body_max : o->body_max;
	if (p->heads.content_length.p)
		(void)str_to_i64(
		    p->heads.content_length, 0, INT64_MAX, &length); /* heads_framing_ok() */
	if (media_type_is(type, "application/x-www-form-urlencoded") || !type.p)
		p->body_kind = BODY_FORM;
	else if (media_type_is(type, "application/json") ||
	         media_type_is(type, "application/ld+json"))
		p->body_kind = BODY_JSON;
	else if (media_type_is(type, "multipart/form-data"))
		p->body_kind = BODY_MULTIPART;
	else if (rq->route->flags & ROUTE_RAW)
		p->body_kind = BODY_OTHER;
	else
		return err_set(err, ERR_MEDIA, NULL, "a body of type %.*s", STR_ARG(type));
	if (p->body_kind != BODY_MULTIPART)
		p->body_limit = o->body_max;
	if (length > p->body_limit)
		return err_set(err, ERR_TOO_LARGE, NULL, "a body of %lld bytes", (long long)length);
	if (p->body_kind != BODY_MULTIPART)
		return 0;
	return multipart_new(&(struct multipart_options){.arena = rq->arena,
	                         .fields = &p->form,
	                         .dir = rq->city->dir,
	                         .files = upload,
	                         .fields_max = o->body_max,
	                         .files_max = o->upload_max},
	    type, &p->multipart, err);
}

static bool has_number(const char *text)
{
	return text && individual_number_find(str_from(text), NULL);
}

/* An address stands in histories, bookmarks and logs of others: nothing is done for one with a
 * 個人番号 in it, and the answer does not repeat it. */
static int refuse_address(struct request *rq, struct err *err)
{
	struct request_private *p = rq->p;
	bool found = has_number(rq->path);
	for (int i = 0; i < p->query.n && !found; i++)
		found = has_number(p->query.names[i]) || has_number(p->query.values[i]);
	if (!found)
		return 0;
	rq->path = rq->url = "/";
	p->query.n = 0;
	return err_set(err, ERR_MALFORMED, "web.number_in_address", "a number in the address");
}

/* What lets somebody in is kept nowhere; codes and tokens have other lengths. */
static bool is_password(const char *name)
{
	return strstr(name, "password") != NULL;
}

int rq_refuse_number(const struct request *rq, struct err *err)
{
	const struct request_private *p = rq->p;
	const struct upload *uploads = NULL;
	int n = p->multipart ? multipart_uploads(p->multipart, &uploads) : 0;
	for (int i = 0; i < p->form.n; i++)
		if (has_number(p->form.names[i]) ||
		    (has_number(p->form.values[i]) && !is_password(p->form.names[i])))
			return err_set(err, ERR_INPUT, "web.number_in_text", "a number was sent");
	for (int i = 0; i < n; i++)
		if (has_number(uploads[i].filename))
			return err_set(
			    err, ERR_INPUT, "web.number_in_text", "a number in a file's name");
	return 0;
}

/* Everything that can be said before the body. */
int admit(struct request *rq, const struct line *line, bool body, struct err *err)
{
	struct request_private *p = rq->p;
	csrf_prepare(rq); /* error pages may have forms too */
	choose_format(rq);
	int rc = form_urlencoded_parse(&p->query, line->query, err);
	if (rc < 0)
		return rc;
	choose_format(rq);
	choose_language(rq);
	int found = refuse_address(rq, err);
	if (found == 0)
		found = find_route(rq, line->path, err);
	struct err busy = {0};
	if ((rc = check_rate(rq, &busy)) < 0) {
		*err = busy;
		p->early = false;
		return rc;
	}
	if (found < 0 || p->early)
		return found;
	p->generation = cache_generation(p->city);
	rc = session_load(rq, err);
	csrf_prepare(rq);
	if (rc == 0)
		rc = check_account_rate(rq, err);
	if (rc == 0 && (rc = zone_check(rq, err)) > 0) {
		p->early = true;
		return 0;
	}
	if (rc < 0 || (rc = check_permission(rq, err)) < 0)
		return rc;
	if ((rq->route->flags & ROUTE_CACHE) && rq->actor.kind == ACTOR_ANONYMOUS)
		p->token[0] = '\0'; /* one page for all: it cannot hold a token */
	return body ? prepare_body(rq, err) : 0;
}

/* --- the body --- */

int body_take(struct request *rq, struct str bytes, struct err *err)
{
	struct request_private *p = rq->p;
	p->body_seen += (int64_t)bytes.n;
	if (p->body_seen > p->body_limit)
		return err_set(err, ERR_TOO_LARGE, NULL, "a body of more than %lld bytes",
		    (long long)p->body_limit);
	if (p->body_kind == BODY_MULTIPART)
		return multipart_feed(p->multipart, bytes, err);
	buf_str(&p->body, bytes);
	return 0;
}

int body_parse(struct request *rq, struct err *err)
{
	struct request_private *p = rq->p;
	int rc = 0;
	switch (p->body_kind) {
	case BODY_FORM:
		return form_urlencoded_parse(&p->form, buf_to_str(&p->body), err);
	case BODY_JSON:
		rc = json_body_parse(buf_to_str(&p->body), &p->json, err);
		return rc < 0 ? rc : form_json_flatten(&p->form, p->json, err);
	case BODY_MULTIPART:
		return multipart_end(p->multipart, err);
	default:
		return 0;
	}
}

/* --- declared inputs --- */

static bool date_shaped(const char *s)
{
	struct date d;
	return date_parse(str_from(s), &d);
}

static const char *input_problem(const struct input *in, const char *value)
{
	int64_t number;
	int max = in->max ? in->max : INPUT_MAX_DEFAULT;
	if (utf8_length(str_from(value)) > (size_t)max)
		return "web.input.too_long";
	if (value[0] == '\0')
		return NULL; /* required is looked at elsewhere */
	if (strcmp(in->type, "integer") == 0 &&
	    !str_to_i64(str_from(value), INT64_MIN, INT64_MAX, &number))
		return "web.input.integer";
	if (strcmp(in->type, "boolean") == 0 && strcmp(value, "true") != 0 &&
	    strcmp(value, "false") != 0 && strcmp(value, "yes") != 0 && strcmp(value, "no") != 0 &&
	    strcmp(value, "on") != 0 && strcmp(value, "1") != 0 && strcmp(value, "0") != 0)
		return "web.input.boolean";
	if (strcmp(in->type, "date") == 0 && !date_shaped(value))
		return "web.input.date";
	return NULL;
}

/* The route's, or those of the word that the path ends with. */
static const struct input *inputs_of(const struct request *rq)
{
	const char *last = strrchr(rq->path, '/');
	for (const struct route_word *w = rq->route->words; last && w && w->word; w++)
		if (strcmp(w->word, last + 1) == 0)
			return w->inputs;
	return rq->route->inputs;
}

static void say_missing(struct request *rq, const struct input *in)
{
	if (in->label)
		rq_problem(rq, in->name, "web.input.required_of",
		    json_pack("{s:s}", "label", rq_tr(rq, in->label)));
	else
		rq_problem(rq, in->name, "web.input.required", NULL);
}

void inputs_check(struct request *rq)
{
	struct request_private *p = rq->p;
	const struct fields *f = rq->method == HTTP_GET ? &p->query : &p->form;
	for (const struct input *in = inputs_of(rq); in && in->name; in++) {
		bool file = strcmp(in->type, "file") == 0;
		if (strcmp(in->type, "date") == 0)
			date_join(rq, in->name);
		const char *value = file ? NULL : fields_get(f, in->name);
		if (in->required &&
		    (file ? rq_upload_count(rq, in->name) == 0 : !value || !value[0]))
			say_missing(rq, in);
		const char *problem = value ? input_problem(in, value) : NULL;
		if (problem)
			rq_problem(rq, in->name, problem,
			    json_pack("{s:i}", "max", in->max ? in->max : INPUT_MAX_DEFAULT));
	}
}

/* --- answers without a route --- */

/* OPTIONS tells what an address can do; everything else that we do not know is 405. */
int admit_other(struct request *rq, const struct line *line, const char *method, struct err *err)
{
	struct request_private *p = rq->p;
	choose_format(rq);
	csrf_prepare(rq);
	if (router_find(p->web->router, rq->arena, line->path, HTTP_GET, &p->match) < 0)
		return err_set(err, ERR_MALFORMED, "web.bad_encoding", "bad path");
	p->match.route = NULL;
	if (!p->match.methods)
		return err_set(err, ERR_MISSING, NULL, "no such path");
	method_not_allowed(rq);
	if (strcmp(method, "OPTIONS") != 0)
		return err_set(err, ERR_METHOD, NULL, "an unknown method");
	p->early = true;
	rq->status = MHD_HTTP_NO_CONTENT;
	return rq_send(rq, "text/plain", STR(""), NULL);
}
