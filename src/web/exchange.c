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
	/* Without the query: it may say what somebody searched for; and of a hidden address only
	 * its pattern: the hole is what lets somebody in. */
	const struct route *route = x->rq ? x->rq->route : NULL;
	const char *path = route && (route->flags & ROUTE_HIDDEN) ? route->path : x->uri;
	log_debug("http.request", "%.*s %d %lld us", (int)strcspn(path, "?"), path, x->status,
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

bool exchange_suspend(struct exchange *x)
{
	/* Counted before it is asked: web_stop() says `closing` before it looks at the count, so
	 * one of both sees the other. */
	atomic_fetch_add(&x->web->suspended, 1);
	if (atomic_load(&x->web->closing)) {
		atomic_fetch_sub(&x->web->suspended, 1);
		return false;
	}
	MHD_suspend_connection(x->mhd);
	return true;
}

void exchange_resume(struct exchange *x)
{
	struct web *w = x->web; /* x may be gone after the next line */
	MHD_resume_connection(x->mhd);
	atomic_fetch_sub(&w->suspended, 1);
}

/* False when the server stops: the request was not begun, and may be sent again. */
static bool suspend(struct request *rq)
{
	if (!rq->p->suspended)
		rq->p->suspended = exchange_suspend(rq->p->x);
	if (!rq->p->suspended)
		rq->p->rc = err_set(&rq->p->err, ERR_BUSY, NULL, "the server stops");
	return rq->p->suspended;
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
	step_done(rq, request_handle(rq, rq->p->defer));
}

/* A function of the module returned, on whichever thread: on with what it asked for. */
static void step_done(struct request *rq, int rc)
{
	struct request_private *p = rq->p;
	p->rc = rc;
	if (rc == 0 && p->next == NEXT_WRITE && p->out.nproblems == 0 && suspend(rq)) {
		outcome_save(rq);
		store_submit(rq->city->store, write_run, rq, write_done);
		return;
	}
	if (rc == 0 && p->next == NEXT_DEFER && suspend(rq)) {
		if (workers_run(p->web->workers, -1, defer_run, rq))
			return;
		p->rc = err_set(&p->err, ERR_BUSY, NULL, "too much work is waiting");
	}
	if (p->suspended)
		resume(rq, finish);
	else
		finish(rq);
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
	p->secure = c->card || p->web->options.tls_cert != NULL;
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
		p->rc = body_parse(rq, &p->err);
	if (p->rc == 0)
		p->rc = csrf_check(rq, &p->err);
	if (p->rc == 0 && !(rq->route->flags & (ROUTE_NUMBER | ROUTE_RAW)))
		p->rc = rq_refuse_number(rq, &p->err);
	if (p->rc < 0) {
		finish(rq);
		return;
	}
	inputs_check(rq);
	if (rq_has_problems(rq) && rq->method != HTTP_GET && !rq->template) {
		finish(rq); /* there is no form to show again */
		return;
	}
	step_done(rq, request_handle(rq, rq->route->handler));
}

/* /healthz and /metrics: whoever watches the process asks it by its address. Any city that is
 * served lends its words. */
static struct web_city *city_of_process(struct web *w, const struct line *line)
{
	struct arena *a = arena_new();
	struct route_match match = {0};
	bool yes = router_find(w->router, a, line->path, HTTP_GET, &match) > 0 &&
	           (match.route->flags & ROUTE_ANY_HOST);
	arena_free(a);
	for (int i = 0; yes && i < w->ncities; i++)
		if (w->cities[i].city->store)
			return &w->cities[i];
	return NULL;
}

static enum MHD_Result begin(struct exchange *x, const char *method_text)
{
	struct web *w = x->web;
	struct heads heads;
	struct line line;
	enum method method = HTTP_GET;
	bool head;
	heads_read(x->mhd, &heads);
	if (!heads_framing_ok(&heads) || !line_parse(x, &heads, &line)) {
		answer_plain(x, MHD_HTTP_BAD_REQUEST, heads_want_json(&heads));
		return MHD_YES;
	}
	if (x->connection && x->connection->card && !str_is(line.path, WEB_CARD_PATH) &&
	    !str_starts(line.path, "/assets/")) {
		answer_plain(x, MHD_HTTP_NOT_FOUND, heads_want_json(&heads));
		return MHD_YES;
	}
	struct web_city *named = web_city_of(w, heads.host), *city = named;
	if (!city || !city->city->store)
		city = city_of_process(w, &line);
	if (!city) {
		answer_plain(x, named ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_MISDIRECTED_REQUEST,
		    heads_want_json(&heads));
		return MHD_YES;
	}
	bool known = method_parse(method_text, &method, &head);
	bool body = method != HTTP_GET && heads_have_body(&heads);
	if (known && method == HTTP_GET && cache_try(x, city, &heads, &line))
		return MHD_YES;
	struct request *rq = request_new(x, city, &heads, &line, method, head);
	struct request_private *p = rq->p;
	p->rc =
	    known ? admit(rq, &line, body, &p->err) : admit_other(rq, &line, method_text, &p->err);
	if (p->rc < 0 && body) {
		/* Answered at the end of the body when it is short, else at once. */
		int64_t length = DISCARD_MAX + 1;
		if (heads.content_length.p)
			(void)str_to_i64(heads.content_length, 0, INT64_MAX, &length);
		if (length <= DISCARD_MAX && !heads.expect.p) {
			p->body_kind = BODY_DISCARD;
			if (x->connection)
				phase_set(x->connection, PHASE_BODY, monotonic_us());
			return MHD_YES;
		}
		if (x->connection)
			x->connection->unread = true;
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
		p->rc = body_take(rq, bytes, &p->err);
	else
		p->body_seen += (int64_t)bytes.n;
	/* libmicrohttpd sends no answer in the middle of a body. One whose length was not declared
	 * is read to its end as far as an upload may go. */
	int64_t most = p->web->options.upload_max;
	return p->rc == 0 ||
	       p->body_seen <= p->body_limit + (most > DISCARD_MAX ? most : DISCARD_MAX);
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
