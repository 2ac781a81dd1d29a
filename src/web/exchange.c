/* A request from its line to its end.
 *
 * 1. A request belongs to one thread at a time: its network thread, then the store's or a worker
 *    between suspend and resume, then the network thread again. Nothing in it is locked.
 * 2. `next` of the request says what comes after the function that just returned: an answer, a
 *    write, or a worker. step_done() is the only place that acts on it.
 * 3. Everything that can refuse a request does so before its body is read: path, method, rate,
 *    sign-in, permission, size. Only then the form token and the declared inputs are looked at. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/time.h"
#include "web/private.h"

enum { ARENA_KEPT = 64 * 1024 };

/* Of a refused body this much is read, so that the client sees the answer. */
static const int64_t DISCARD_MAX = 8 * 1024 * 1024;

/* Only the network thread writes its counters; atomic so that /metrics may read them meanwhile. */
static void count(_Atomic uint64_t *n, uint64_t by)
{
	atomic_store_explicit(
	    n, atomic_load_explicit(n, memory_order_relaxed) + by, memory_order_relaxed);
}

void *exchange_new(void *cls, const char *uri, struct MHD_Connection *mhd)
{
	struct web *w = cls;
	size_t n = strlen(uri);
	struct exchange *x = malloc(sizeof(*x) + n + 1);
	if (!x)
		abort();
	*x = (struct exchange){.web = w, .net = net_of(w), .mhd = mhd, .uri_size = n};
	memcpy(x->uri, uri, n + 1);
	x->start_us = monotonic_us();
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	x->connection = info ? info->socket_context : NULL;
	count(&x->net->counters.started, 1);
	return x;
}

const int64_t latency_bounds_us[LATENCY_BUCKETS] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 500000, 2500000};

static void count_request(struct exchange *x, int64_t now_us)
{
	struct counters *k = &x->net->counters;
	int64_t took = now_us - x->start_us;
	int bucket = 0;
	while (bucket < LATENCY_BUCKETS && took > latency_bounds_us[bucket])
		bucket++;
	count(&k->latency[bucket], 1);
	count(&k->latency_us, (uint64_t)took);
	if (x->status >= 100 && x->status < 600)
		count(&k->status[x->status], 1);
	count(&k->completed, 1);
}

static void request_decref(struct request *rq)
{
	json_decref(rq->view);
	json_decref(rq->p->json);
	json_decref(rq->p->problems);
	json_decref(rq->p->crumbs);
}

void request_free(struct request *rq)
{
	request_decref(rq);
	arena_free(rq->arena);
}

/* A small arena serves the next request: its memory is warm, and the heap stays in one piece. Not
 * under the address sanitizer, which shall see what is used after its request. */
static void request_end(struct net *net, struct request *rq)
{
	struct arena *a = rq->arena;
#ifdef __SANITIZE_ADDRESS__
	bool again = false;
#else
	bool again = net->nspare < (int)COUNT(net->spare) &&
	             arena_used(a) - rq->p->arena_before < ARENA_KEPT;
#endif
	if (!again) {
		request_free(rq);
		return;
	}
	request_decref(rq);
	struct arena_mark start = arena_mark(a);
	start.used = 0; /* from here on of the newest block, the largest */
	start.cleanup = NULL;
	arena_release(a, start);
	net->spare[net->nspare++] = a;
}

void exchange_completed(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode code)
{
	(void)cls;
	(void)mhd;
	(void)code;
	struct exchange *x = *context;
	if (!x)
		return;
	*context = NULL;
	int64_t now_us = monotonic_us();
	if (x->connection)
		phase_set(x->connection, PHASE_HEAD, now_us);
	count_request(x, now_us);
	/* Without the query: it may say what somebody searched for. */
	log_debug("http.request", "%.*s %d %lld us", (int)strcspn(x->uri, "?"), x->uri, x->status,
	    (long long)(now_us - x->start_us));
	if (x->rq && !stream_abandon(x->rq))
		request_end(x->net, x->rq);
	free(x);
}

void exchange_queue(struct exchange *x, int status, struct MHD_Response *response)
{
	x->status = status;
	if (x->connection)
		phase_set(x->connection, PHASE_ANSWER, monotonic_us());
	if (MHD_queue_response(x->mhd, (unsigned)status, response) != MHD_YES)
		log_warn("web.queue", "the answer to a request could not be queued");
}

/* --- steps --- */

static void finish(struct request *rq)
{
	answer_send(rq, rq->p->rc, &rq->p->err);
}

void exchange_suspend(struct exchange *x)
{
	atomic_fetch_add(&x->web->suspended, 1);
	MHD_suspend_connection(x->mhd);
}

void exchange_resume(struct exchange *x)
{
	struct web *w = x->web; /* x may be gone after the next line */
	MHD_resume_connection(x->mhd);
	atomic_fetch_sub(&w->suspended, 1);
}

static void suspend(struct request *rq)
{
	if (!rq->p->suspended) {
		rq->p->suspended = true;
		exchange_suspend(rq->p->x);
	}
}

/* From any thread: the network thread goes on with fn. */
static void resume(struct request *rq, void (*fn)(struct request *))
{
	rq->p->resume = fn;
	exchange_resume(rq->p->x);
}

static void outcome_save(struct request *rq)
{
	rq->p->saved = rq->p->out;
	rq->p->saved.status = rq->status;
}

static void list_cut(json_t *list, int n)
{
	while (list && (int)json_array_size(list) > n)
		json_array_remove(list, json_array_size(list) - 1);
}

static void outcome_restore(struct request *rq)
{
	struct request_private *p = rq->p;
	p->out = p->saved;
	rq->status = p->saved.status;
	list_cut(p->problems, p->out.nproblems);
	list_cut(p->crumbs, p->out.ncrumbs);
}

static void step_done(struct request *rq, int rc);

static int write_run(struct db *db, void *arg, struct err *err)
{
	struct request *rq = arg;
	outcome_restore(rq);
	return rq->p->write(rq, db, err);
}

static void write_settled(struct request *rq)
{
	struct request_private *p = rq->p;
	p->next = NEXT_ANSWER;
	if (p->rc == 0 || !p->write_failed) {
		finish(rq);
		return;
	}
	outcome_restore(rq);
	step_done(rq, p->write_failed(rq, &p->err));
}

static void write_done(void *arg, int rc, const struct err *err)
{
	struct request *rq = arg;
	struct request_private *p = rq->p;
	p->rc = rc;
	if (rc < 0)
		p->err = *err;
	atomic_fetch_add_explicit(
	    rc < 0 ? &p->web->writes_failed : &p->web->writes, 1, memory_order_relaxed);
	resume(rq, write_settled);
}

static void defer_run(void *arg)
{
	struct request *rq = arg;
	rq->p->next = NEXT_ANSWER;
	step_done(rq, rq->p->defer(rq, &rq->p->err));
}

/* A function of the module returned, on whichever thread: on with what it asked for. */
static void step_done(struct request *rq, int rc)
{
	struct request_private *p = rq->p;
	p->rc = rc;
	if (rc == 0 && p->next == NEXT_WRITE && p->out.nproblems == 0) {
		suspend(rq);
		outcome_save(rq);
		store_submit(rq->city->store, write_run, rq, write_done);
		return;
	}
	if (rc == 0 && p->next == NEXT_DEFER) {
		suspend(rq);
		if (workers_run(p->web->workers, -1, defer_run, rq))
			return;
		p->rc = err_set(&p->err, ERR_BUSY, NULL, "too much work is waiting");
	}
	if (p->suspended)
		resume(rq, finish);
	else
		finish(rq);
}

/* --- what was sent --- */

static void head_set(struct str *at, struct str value, bool *twice)
{
	if (at->p)
		*twice = true;
	*at = value;
}

static enum MHD_Result head_seen(void *cls, enum MHD_ValueKind kind, const char *key, size_t nkey,
    const char *text, size_t ntext)
{
	(void)kind;
	struct heads *h = cls;
	struct str v = {text ? text : "", text ? ntext : 0};
	bool again = false;
#define IS(name) (nkey == sizeof(name) - 1 && strncasecmp(key, name, nkey) == 0)
	switch (nkey) {
	case 4:
		if (IS("Host"))
			head_set(&h->host, v, &h->twice);
		break;
	case 6:
		if (IS("Cookie"))
			head_set(&h->cookie, v, &again);
		else if (IS("Accept"))
			head_set(&h->accept, v, &again);
		else if (IS("Expect"))
			head_set(&h->expect, v, &again);
		break;
	case 12:
		if (IS("Content-Type"))
			head_set(&h->content_type, v, &again);
		break;
	case 13:
		if (IS("Authorization"))
			head_set(&h->authorization, v, &again);
		else if (IS("If-None-Match"))
			head_set(&h->if_none_match, v, &again);
		break;
	case 14:
		if (IS("Content-Length"))
			head_set(&h->content_length, v, &h->twice);
		else if (IS("Sec-Fetch-Site"))
			head_set(&h->fetch_site, v, &again);
		break;
	case 15:
		if (IS("Accept-Encoding"))
			head_set(&h->accept_encoding, v, &again);
		else if (IS("Accept-Language"))
			head_set(&h->accept_language, v, &again);
		else if (IS("X-Forwarded-For"))
			head_set(&h->forwarded_for, v, &again);
		break;
	case 17:
		if (IS("Transfer-Encoding"))
			head_set(&h->transfer_encoding, v, &h->twice);
		else if (IS("X-Forwarded-Proto"))
			head_set(&h->forwarded_proto, v, &again);
		break;
	default:
		break;
	}
#undef IS
	return MHD_YES;
}

static bool type_is(struct str header, const char *type)
{
	const char *end = header.n ? memchr(header.p, ';', header.n) : NULL;
	struct str t = str_trim((struct str){header.p, end ? (size_t)(end - header.p) : header.n});
	return t.n == strlen(type) && strncasecmp(t.p, type, t.n) == 0;
}

bool heads_want_json(const struct heads *h)
{
	enum format wanted = accept_format(h->accept);
	if (wanted != FORMAT_ANY)
		return wanted == FORMAT_JSON;
	return type_is(h->content_type, "application/json") || h->authorization.p;
}

/* Two lengths, or a length and a coding, are how one request is smuggled inside another
 * (RFC 9112 §6.3). */
static bool framing_ok(const struct heads *h)
{
	if (h->twice || (h->content_length.p && h->transfer_encoding.p))
		return false;
	if (h->transfer_encoding.p &&
	    (h->transfer_encoding.n != 7 || strncasecmp(h->transfer_encoding.p, "chunked", 7) != 0))
		return false;
	int64_t length;
	return !h->content_length.p || str_to_i64(h->content_length, 0, INT64_MAX, &length);
}

static bool method_parse(const char *text, enum method *out, bool *head)
{
	*out = HTTP_GET;
	*head = strcmp(text, "HEAD") == 0;
	if (*head) {
		*out = HTTP_GET;
		return true;
	}
	for (int m = 0; m < HTTP_METHOD_COUNT; m++) {
		if (strcmp(text, method_name((enum method)m)) == 0) {
			*out = (enum method)m;
			return true;
		}
	}
	return false;
}

/* The city that answers to a host name; a city without names answers to any. */
static struct web_city *city_of(struct web *w, struct str host)
{
	struct web_city *any = NULL;
	if (host.n && host.p[0] != '[') { /* an IPv6 address is no city's name */
		const char *colon = memchr(host.p, ':', host.n);
		if (colon)
			host.n = (size_t)(colon - host.p);
	}
	for (int i = 0; i < w->ncities; i++) {
		const char *const *name = w->cities[i].city->hosts;
		if (!name || !*name) {
			any = any ? any : &w->cities[i];
			continue;
		}
		for (; *name; name++)
			if (strlen(*name) == host.n && strncasecmp(*name, host.p, host.n) == 0)
				return &w->cities[i];
	}
	return any;
}

/* What the request line says, before anything is copied. */
struct line {
	struct str path; /* without the language prefix; "/" at least */
	struct str query;
	const char *lang, *base;
};

static bool line_parse(const struct exchange *x, const struct heads *h, struct line *out)
{
	struct str uri = {x->uri, x->uri_size};
	if (uri.n && uri.p[0] != '/') { /* absolute form: http://host/path (RFC 9112 §3.2.2) */
		const char *slashes = memmem(uri.p, uri.n, "://", 3);
		if (!slashes || slashes - uri.p > 5)
			return false;
		const char *path = memchr(slashes + 3, '/', uri.n - (size_t)(slashes + 3 - uri.p));
		uri = path ? (struct str){path, uri.n - (size_t)(path - uri.p)} : STR("/");
	}
	if (uri.n == 0)
		return false;
	const char *mark = memchr(uri.p, '?', uri.n);
	out->path = (struct str){uri.p, mark ? (size_t)(mark - uri.p) : uri.n};
	out->query = (struct str){NULL, 0};
	if (mark)
		out->query = (struct str){mark + 1, uri.n - out->path.n - 1};
	out->lang = "ja";
	out->base = "";
	if (out->path.n >= 3 && memcmp(out->path.p, "/en", 3) == 0 &&
	    (out->path.n == 3 || out->path.p[3] == '/')) {
		out->lang = "en";
		out->base = "/en";
		out->path = (struct str){out->path.p + 3, out->path.n - 3};
		if (out->path.n == 0)
			out->path = STR("/");
	} else if (out->path.n == 1) {
		/* Only the front page asks the browser; every other address says its language. */
		struct str wish = cookie_find(h->cookie, "lang");
		if (str_is(wish, "en") ||
		    (!wish.p && h->accept_language.n &&
		        strcmp(accept_language(h->accept_language), "en") == 0)) {
			out->lang = "en";
			out->base = "/en";
		}
	}
	return true;
}

/* --- a request is made --- */

static void address_set(struct request *rq)
{
	struct request_private *p = rq->p;
	const struct connection *c = p->x->connection;
	if (!c) {
		rq->address = "";
		return;
	}
	p->address = c->address;
	rq->address = c->text;
	p->secure = p->web->options.tls_cert != NULL;
	if (!c->proxy)
		return;
	/* From the right: what our own proxies added is true, what stands before is the client's
	 * word. */
	struct str list = p->heads.forwarded_for;
	while (list.n) {
		const char *comma = memrchr(list.p, ',', list.n);
		struct str last = list;
		if (comma)
			last = (struct str){comma + 1, (size_t)(list.p + list.n - comma - 1)};
		struct address a;
		if (!address_parse(last, &a))
			break;
		p->address = a;
		if (!comma || !address_in(&a, p->web->proxies, p->web->nproxies))
			break;
		list.n = (size_t)(comma - list.p);
	}
	char *text = arena_alloc(rq->arena, 46);
	address_format(&p->address, text);
	rq->address = text;
	p->secure = p->secure || str_is(str_trim(p->heads.forwarded_proto), "https");
}

static struct request *request_new(struct exchange *x, struct web_city *city,
    const struct heads *heads, const struct line *line, enum method method, bool head)
{
	struct net *net = x->net;
	struct arena *a = net->nspare > 0 ? net->spare[--net->nspare] : arena_new();
	size_t before = arena_used(a);
	struct request *rq = arena_new_of(a, struct request);
	struct request_private *p = arena_new_of(a, struct request_private);
	p->arena_before = before;
	p->x = x; /* member by member: it is large, and zero already */
	p->web = x->web;
	p->city = city;
	p->heads = *heads;
	p->head = head;
	p->base = line->base;
	p->query.arena = p->form.arena = a;
	buf_init(&p->body, a);
	p->out.fd = -1;
	*rq = (struct request){
	    .city = city->city,
	    .arena = a,
	    .method = method,
	    .path = str_dup(a, line->path),
	    .lang = line->lang,
	    .now_us = now_us(),
	    .status = 200,
	    .view = json_object(),
	    .p = p,
	};
	rq->url =
	    line->query.n ? arena_printf(a, "%s?%.*s", rq->path, STR_ARG(line->query)) : rq->path;
	rq->actor = (struct actor){.kind = ACTOR_ANONYMOUS, .id = "anonymous"};
	rq->token = p->token;
	x->rq = rq;
	address_set(rq);
	return rq;
}

static bool has_body(const struct heads *h)
{
	return h->transfer_encoding.p || (h->content_length.p && !str_is(h->content_length, "0"));
}

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
	if (actor_allows(rq, rq->route->perm))
		return 0;
	if (rq->actor.kind == ACTOR_ANONYMOUS)
		return err_set(err, ERR_AUTH, NULL, "%s needs sign-in", rq->path);
	return err_set(err, ERR_DENIED, NULL, "%s needs %s", rq->path, rq->route->perm);
}

static int check_rate(struct request *rq, struct err *err)
{
	int wait =
	    ratelimit_take(rq->p->web->ratelimit, &rq->p->address, rq->route->rate, monotonic_us());
	if (wait == 0)
		return 0;
	rq_set_header(rq, "Retry-After", arena_printf(rq->arena, "%d", wait));
	return err_set(err, ERR_RATE, NULL, "%s: too many requests", rq->path);
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
		(void)str_to_i64(p->heads.content_length, 0, INT64_MAX, &length); /* framing_ok() */
	if (type_is(type, "application/x-www-form-urlencoded") || !type.p)
		p->body_kind = BODY_FORM;
	else if (type_is(type, "application/json") || type_is(type, "application/ld+json"))
		p->body_kind = BODY_JSON;
	else if (type_is(type, "multipart/form-data"))
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

/* Everything that can be said before the body. */
static int admit(struct request *rq, const struct line *line, bool body, struct err *err)
{
	struct request_private *p = rq->p;
	csrf_prepare(rq); /* error pages may have forms too */
	choose_format(rq);
	int rc = form_urlencoded_parse(&p->query, line->query, err);
	if (rc < 0)
		return rc;
	choose_format(rq);
	choose_language(rq);
	if ((rc = find_route(rq, line->path, err)) < 0 || p->early ||
	    (rc = check_rate(rq, err)) < 0)
		return rc;
	p->generation = cache_generation(p->city);
	rc = session_load(rq, err);
	csrf_prepare(rq);
	if (rc < 0 || (rc = check_permission(rq, err)) < 0)
		return rc;
	if ((rq->route->flags & ROUTE_CACHE) && rq->actor.kind == ACTOR_ANONYMOUS)
		p->token[0] = '\0'; /* one page for all: it cannot hold a token */
	return body ? prepare_body(rq, err) : 0;
}

/* --- the body --- */

static int take_bytes(struct request *rq, struct str bytes, struct err *err)
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

static int parse_body(struct request *rq, struct err *err)
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

static void check_inputs(struct request *rq)
{
	struct request_private *p = rq->p;
	const struct fields *f = rq->method == HTTP_GET ? &p->query : &p->form;
	for (const struct input *in = rq->route->inputs; in && in->name; in++) {
		bool file = strcmp(in->type, "file") == 0;
		const char *value = file ? NULL : fields_get(f, in->name);
		if (in->required &&
		    (file ? rq_upload_count(rq, in->name) == 0 : !value || !value[0]))
			rq_problem(rq, in->name, "web.input.required", NULL);
		const char *problem = value ? input_problem(in, value) : NULL;
		if (problem)
			rq_problem(rq, in->name, problem,
			    json_pack("{s:i}", "max", in->max ? in->max : INPUT_MAX_DEFAULT));
	}
}

/* --- answers without a route --- */

/* OPTIONS tells what an address can do; everything else that we do not know is 405. */
static int other_method(
    struct request *rq, const struct line *line, const char *method, struct err *err)
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

/* A kept answer for somebody without any state. */
static bool cache_try(
    struct exchange *x, struct web_city *city, const struct heads *h, const struct line *line)
{
	if (atomic_load_explicit(&x->web->stopping, memory_order_relaxed) || h->authorization.p)
		return false;
	if (h->cookie.n && (memmem(h->cookie.p, h->cookie.n, "session=", 8) ||
	                       memmem(h->cookie.p, h->cookie.n, "flash=", 6)))
		return false;
	struct cache_key key = {
	    .city = city,
	    .uri = {x->uri, x->uri_size},
	    .lang = line->lang,
	    .json = heads_want_json(h),
	    .secure = x->web->options.tls_cert != NULL ||
	              (x->connection && x->connection->proxy &&
	                  str_is(str_trim(h->forwarded_proto), "https")),
	};
	return cache_answer(x, &key, h);
}

/* --- libmicrohttpd's calls --- */

static void run(struct request *rq)
{
	struct request_private *p = rq->p;
	if (p->x->connection)
		phase_set(p->x->connection, PHASE_ANSWER, p->x->start_us);
	if (p->early) {
		finish(rq);
		return;
	}
	if (p->rc == 0)
		p->rc = parse_body(rq, &p->err);
	if (p->rc == 0)
		p->rc = csrf_check(rq, &p->err);
	if (p->rc < 0) {
		finish(rq);
		return;
	}
	check_inputs(rq);
	if (rq_has_problems(rq) && rq->method != HTTP_GET && !rq->template) {
		finish(rq); /* there is no form to show again */
		return;
	}
	step_done(rq, rq->route->handler(rq, &p->err));
}

static enum MHD_Result begin(struct exchange *x, const char *method_text)
{
	struct web *w = x->web;
	struct heads heads = {0};
	struct line line;
	enum method method = HTTP_GET;
	bool head;
	(void)MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, head_seen, &heads);
	if (!framing_ok(&heads) || !line_parse(x, &heads, &line)) {
		answer_plain(x, MHD_HTTP_BAD_REQUEST, "Bad request\n");
		return MHD_YES;
	}
	struct web_city *city = city_of(w, heads.host);
	if (!city) {
		answer_plain(
		    x, MHD_HTTP_MISDIRECTED_REQUEST, "No city answers to this host name\n");
		return MHD_YES;
	}
	bool known = method_parse(method_text, &method, &head);
	bool body = method != HTTP_GET && has_body(&heads);
	if (known && method == HTTP_GET && cache_try(x, city, &heads, &line))
		return MHD_YES;
	struct request *rq = request_new(x, city, &heads, &line, method, head);
	struct request_private *p = rq->p;
	p->rc =
	    known ? admit(rq, &line, body, &p->err) : other_method(rq, &line, method_text, &p->err);
	if (p->rc < 0 && body) {
		/* Answered at the end of the body when it is short, else at once. */
		int64_t length = DISCARD_MAX + 1;
		if (heads.content_length.p)
			(void)str_to_i64(heads.content_length, 0, INT64_MAX, &length);
		if (length <= DISCARD_MAX && !heads.expect.p) {
			p->body_kind = BODY_DISCARD;
			return MHD_YES;
		}
		finish(rq);
		return MHD_YES;
	}
	if (rq->method == HTTP_GET) {
		run(rq);
	} else if (x->connection) {
		phase_set(x->connection, PHASE_BODY, monotonic_us());
	}
	return MHD_YES;
}

/* More of the body; false closes the connection. */
static bool more(struct request *rq, struct str bytes)
{
	struct request_private *p = rq->p;
	if (p->x->connection)
		atomic_fetch_add_explicit(
		    &p->x->connection->bytes, (int64_t)bytes.n, memory_order_relaxed);
	if (p->rc == 0)
		p->rc = take_bytes(rq, bytes, &p->err);
	else
		p->body_seen += (int64_t)bytes.n;
	/* libmicrohttpd sends no answer in the middle of a body. */
	return p->rc == 0 || p->body_seen <= p->body_limit + DISCARD_MAX;
}

enum MHD_Result exchange_step(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *data, size_t *size, void **context)
{
	(void)cls;
	(void)mhd;
	(void)url;
	(void)version;
	struct exchange *x = *context;
	if (!x)
		return MHD_NO;
	if (!x->begun) {
		/* libmicrohttpd calls once after the header fields and once after the body, and
		 * keeps the connection only when the answer comes after the body. What may have one
		 * is looked at before it is read; a body of a GET is thrown away. */
		bool get = method[0] == 'G' || method[0] == 'H';
		if (get && (!x->seen || *size)) {
			x->seen = true;
			*size = 0;
			return MHD_YES;
		}
		x->begun = true;
		return begin(x, method);
	}
	struct request *rq = x->rq;
	if (!rq)
		return MHD_YES; /* answered already */
	if (*size) {
		bool go_on = more(rq, (struct str){data, *size});
		*size = 0;
		return go_on ? MHD_YES : MHD_NO;
	}
	if (rq->p->suspended) {
		rq->p->suspended = false;
		rq->p->resume(rq);
		return MHD_YES;
	}
	run(rq);
	return MHD_YES;
}
