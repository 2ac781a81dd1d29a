/* Bytes and headers of an answer, made from what the handler left. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/secret.h"
#include "web/private.h"

/* No script and no style stands in our pages; what a handler sends of its own (a document, an
 * upload) may do nothing at all. */
#define CSP_PAGE(form_action)                                                                      \
	"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "           \
	"form-action 'self'" form_action "; frame-ancestors 'none'"
static const char csp_page[] = CSP_PAGE("");
static const char csp_file[] = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
static const char csp_viewed[] = "default-src 'none'; style-src 'unsafe-inline'; object-src 'self'";

/* Features of the browser that no page of ours uses; a passkey needs none of them. */
static const char permissions[] =
    "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()";

enum { GZIP_MIN = 1024, GZIP_NOW = 1, GZIP_KEPT = 6, SCRATCH_MAX = 1024 * 1024 };

static void add(struct MHD_Response *r, const char *name, const char *value)
{
	if (MHD_add_response_header(r, name, value) != MHD_YES)
		log_warn("web.header", "%s could not be added", name);
}

static bool has_header(const struct request_private *p, const char *name)
{
	for (int i = 0; i < p->out.nheaders; i++)
		if (strcasecmp(p->out.headers[i].name, name) == 0)
			return true;
	return false;
}

static const char *cache_control(const struct request *rq)
{
	const struct request_private *p = rq->p;
	if (p->asset)
		return p->immutable ? "public, max-age=31536000, immutable" : "public, no-cache";
	if (p->keep)
		return "public, no-cache";
	return rq->actor.kind == ACTOR_ANONYMOUS ? "private, no-cache" : "private, no-store";
}

/* What every answer says: read me as what I am, tell others little about where you were, and do not
 * let other sites embed me. */
static void add_fixed(struct MHD_Response *r)
{
	add(r, "X-Content-Type-Options", "nosniff");
	add(r, "Referrer-Policy", "same-origin");
	add(r, "Cross-Origin-Resource-Policy", "same-origin");
}

static void add_hsts(struct MHD_Response *r)
{
	add(r, "Strict-Transport-Security", "max-age=31536000");
}

static void add_headers(struct request *rq, struct MHD_Response *r, const char *csp)
{
	const struct request_private *p = rq->p;
	for (int i = 0; i < p->out.nheaders; i++)
		add(r, p->out.headers[i].name, p->out.headers[i].value);
	for (int i = 0; i < p->out.ncookies; i++)
		add(r, "Set-Cookie", p->out.cookies[i].value);
	add_fixed(r);
	if (csp) {
		add(r, "Content-Security-Policy", csp);
		add(r, "Cross-Origin-Opener-Policy", "same-origin");
		add(r, "Permissions-Policy", permissions);
	}
	if (p->secure)
		add_hsts(r);
	if (!has_header(p, "Cache-Control"))
		add(r, "Cache-Control", cache_control(rq));
	if (!p->asset && !has_header(p, "Vary"))
		add(r, "Vary", "Accept, Accept-Encoding, Accept-Language, Cookie");
	else if (p->asset)
		add(r, "Vary", "Accept-Encoding");
	if (atomic_load_explicit(&p->web->stopping, memory_order_relaxed))
		add(r, "Connection", "close");
}

static void queue(struct request *rq, int status, struct MHD_Response *r)
{
	exchange_queue(rq->p->x, status, r);
	MHD_destroy_response(r);
}

/* --- bytes --- */

static bool compressible(const char *type)
{
	return strncmp(type, "text/", 5) == 0 || strstr(type, "json") || strstr(type, "xml") ||
	       strstr(type, "javascript");
}

struct bytes_answer {
	int status;
	const char *type, *csp, *etag;
	struct str body;
	bool zippable;   /* compressing it helps */
	bool scratch;    /* body stays valid for this call only */
	struct buf gzip; /* n 0: none */
};

static struct MHD_Response *make(
    struct request *rq, const struct bytes_answer *b, bool gzip, enum MHD_ResponseMemoryMode mode)
{
	struct str body = gzip ? buf_to_str(&b->gzip) : b->body;
	struct MHD_Response *r =
	    MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)body.p, mode);
	if (!r)
		abort();
	if (b->type)
		add(r, "Content-Type", b->type);
	if (gzip)
		add(r, "Content-Encoding", "gzip");
	if (b->etag)
		add(r, "ETag", b->etag);
	add_headers(rq, r, b->csp);
	return r;
}

static struct MHD_Response *make_not_modified(struct request *rq, const struct bytes_answer *b)
{
	struct MHD_Response *r =
	    MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
	if (!r)
		abort();
	add(r, "ETag", b->etag);
	add_headers(rq, r, NULL);
	return r;
}

/* True when the answer depends on nothing but what the cache's key holds. */
static bool may_keep(const struct request *rq, int status)
{
	const struct request_private *p = rq->p;
	return rq->route && status == 200 && rq->method == HTTP_GET &&
	       (p->asset || ((rq->route->flags & ROUTE_CACHE) && !p->web->options.no_page_cache &&
	                        rq->actor.kind == ACTOR_ANONYMOUS)) &&
	       !p->heads.authorization.p && p->out.ncookies == 0 && p->out.nproblems == 0 &&
	       !(p->heads.cookie.n && memmem(p->heads.cookie.p, p->heads.cookie.n, "session=", 8));
}

static void keep(struct request *rq, const struct bytes_answer *b)
{
	struct request_private *p = rq->p;
	if (atomic_load_explicit(&p->web->stopping, memory_order_relaxed))
		return;
	struct cache_put put = {
	    .plain = make(rq, b, false, MHD_RESPMEM_MUST_COPY),
	    .gzip = b->gzip.n ? make(rq, b, true, MHD_RESPMEM_MUST_COPY) : NULL,
	    .not_modified = make_not_modified(rq, b),
	    .etag = b->etag,
	    .size = b->body.n + b->gzip.n + 3 * 1024,
	    .asset = p->asset,
	    .zippable = b->zippable,
	};
	struct cache_key key = {
	    .city = p->city,
	    .uri = {p->x->uri, p->x->uri_size},
	    .lang = rq->lang,
	    .json = heads_want_json(&p->heads),
	    .secure = p->secure,
	};
	cache_put(p->x->net->cache, &key, &put, p->x->start_us, p->generation);
}

/* Puts a real form token in the place of the mark, wherever the page shows it. */
static bool fill_tokens(struct request *rq, struct buf *body)
{
	bool marked = rq->token[0] && body->n; /* else the page was made without one */
	char *at = marked ? memmem(body->p, body->n, csrf_mark, TOKEN_TEXT - 1) : NULL;
	if (!at)
		return false;
	char token[TOKEN_TEXT];
	csrf_issue(rq, token);
	do {
		memcpy(at, token, TOKEN_TEXT - 1);
		at += TOKEN_TEXT - 1;
		at = memmem(at, (size_t)(body->p + body->n - at), csrf_mark, TOKEN_TEXT - 1);
	} while (at);
	return true;
}

/* Sends a finished body. personal: it holds a form token, so that it is like no other. */
static void send_bytes(struct request *rq, struct bytes_answer *b, bool personal)
{
	struct request_private *p = rq->p;
	char etag[24];
	if (!personal && b->status == 200 && rq->method == HTTP_GET) {
		if (!has_header(p, "ETag")) {
			etag_of(b->body, etag);
			b->etag = etag;
		}
		p->keep = may_keep(rq, b->status) && b->etag;
	}
	bool wanted = accept_gzip(p->heads.accept_encoding);
	b->zippable = b->body.n >= GZIP_MIN && compressible(b->type);
	if (wanted && b->zippable) {
		buf_init(&b->gzip, rq->arena);
		b->zippable =
		    gzip_bytes(p->x->net, b->body, p->keep ? GZIP_KEPT : GZIP_NOW, &b->gzip);
		if (!b->zippable)
			b->gzip.n = 0;
	}
	if (p->keep)
		keep(rq, b);
	if (b->etag && p->heads.if_none_match.n && etag_matches(p->heads.if_none_match, b->etag))
		queue(rq, MHD_HTTP_NOT_MODIFIED, make_not_modified(rq, b));
	else if (wanted && b->gzip.n)
		queue(rq, b->status, make(rq, b, true, MHD_RESPMEM_PERSISTENT));
	else
		queue(rq, b->status,
		    make(
		        rq, b, false, b->scratch ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT));
}

/* The network thread's own buffer, which has grown to the size of pages; free again when the answer
 * was handed over. One that grew very large is not kept. */
static struct buf *scratch_of(struct request *rq)
{
	struct buf *b = &rq->p->x->net->scratch;
	if (b->cap > SCRATCH_MAX)
		buf_free(b);
	buf_clear(b);
	buf_puts(b, ""); /* never without memory, also for an empty page */
	return b;
}

static int dump_to_buf(const char *bytes, size_t n, void *buf)
{
	buf_add(buf, bytes, n);
	return 0;
}

static void json_to_buf(json_t *json, struct buf *out)
{
	if (json_dump_callback(json, dump_to_buf, out, JSON_COMPACT) < 0)
		log_warn("web.json", "a view could not be written as JSON");
}

static void send_json(struct request *rq, json_t *json, int status, const char *type)
{
	struct buf *body = scratch_of(rq);
	json_to_buf(json, body);
	bool personal = fill_tokens(rq, body);
	struct bytes_answer b = {
	    .status = status, .type = type, .body = buf_to_str(body), .scratch = true};
	send_bytes(rq, &b, personal);
}

static void send_problem(struct request *rq, const struct err *err)
{
	json_t *doc = problem_document(rq, err);
	int status = err ? err_http_status(err->kind) : rq->status;
	if (status == MHD_HTTP_UNAUTHORIZED)
		rq_set_header(rq, "WWW-Authenticate", "Bearer");
	send_json(rq, doc, status, "application/problem+json");
	json_decref(doc);
}

static const char *csp_of(const struct request *rq)
{
	const char *origin = rq->p->out.form_origin;
	return origin ? arena_printf(rq->arena, CSP_PAGE(" %s"), origin) : csp_page;
}

static int send_html(struct request *rq, struct err *err)
{
	struct buf *body = scratch_of(rq);
	int rc = page_render(rq, body, err);
	if (rc < 0)
		return rc;
	bool personal = fill_tokens(rq, body);
	struct bytes_answer b = {.status = rq->status,
	    .type = "text/html; charset=utf-8",
	    .csp = csp_of(rq),
	    .body = buf_to_str(body),
	    .scratch = true};
	send_bytes(rq, &b, personal);
	return 0;
}

/* --- files --- */

static bool viewable(const char *type)
{
	static const char *const types[] = {"application/pdf", "image/png", "image/jpeg",
	    "image/gif", "image/webp", "text/plain", "text/plain; charset=utf-8"};
	for (size_t i = 0; i < COUNT(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

/* RFC 6266: a plain name for old programs, the real one percent-encoded. */
static void set_disposition(struct request *rq)
{
	struct outcome *o = &rq->p->out;
	bool attachment = o->attachment;
	if (o->kind == ANSWER_FILE && !viewable(o->type))
		attachment = true; /* an uploaded HTML page must never run as ours */
	if (!o->filename && !attachment)
		return;
	struct buf b;
	buf_init(&b, rq->arena);
	buf_puts(&b, attachment ? "attachment" : "inline");
	if (o->filename) {
		buf_puts(&b, "; filename=\"");
		for (const unsigned char *c = (const unsigned char *)o->filename; *c; c++)
			buf_putc(
			    &b, *c < 0x20 || *c >= 0x7f || strchr("\"\\%", *c) ? '_' : (char)*c);
		buf_puts(&b, "\"; filename*=UTF-8''");
		buf_url(&b, str_from(o->filename));
	}
	rq_set_header(rq, "Content-Disposition", b.p);
}

static const char *file_csp(const struct outcome *o)
{
	return viewable(o->type) ? csp_viewed : csp_file;
}

static void send_file(struct request *rq)
{
	struct outcome *o = &rq->p->out;
	set_disposition(rq);
	struct bytes_answer b = {.etag = o->etag};
	if (rq->p->heads.if_none_match.n && etag_matches(rq->p->heads.if_none_match, o->etag)) {
		queue(rq, MHD_HTTP_NOT_MODIFIED, make_not_modified(rq, &b));
		return;
	}
	struct MHD_Response *r = MHD_create_response_from_fd64((uint64_t)o->fd_size, *o->fd);
	if (!r)
		abort();
	*o->fd = -1; /* the response closes it */
	add(r, "Content-Type", o->type);
	add(r, "ETag", o->etag);
	add_headers(rq, r, file_csp(o));
	queue(rq, rq->status, r);
}

/* --- streams --- */

enum { STREAM_CHUNK = 64 * 1024 };

/* Between a fill and the next the network thread owns it; during a fill the worker does. */
struct stream {
	struct request *rq;
	int lane;
	struct buf buf;
	size_t at;
	int rc; /* of the last call: 1 more, 0 end, <0 cut */
};

static void stream_fill(void *arg)
{
	struct stream *s = arg;
	struct request *rq = s->rq;
	buf_clear(&s->buf);
	s->at = 0;
	while (s->rc > 0 && s->buf.n < STREAM_CHUNK)
		s->rc = rq->p->stream(rq, rq->p->stream_state, &s->buf, &rq->p->err);
	if (s->rc < 0)
		log_err("web.stream", &rq->p->err);
	exchange_resume(rq->p->x);
}

static ssize_t stream_read(void *cls, uint64_t at, char *out, size_t max)
{
	struct stream *s = cls;
	(void)at;
	if (s->at < s->buf.n) {
		size_t n = s->buf.n - s->at < max ? s->buf.n - s->at : max;
		memcpy(out, s->buf.p + s->at, n);
		s->at += n;
		return (ssize_t)n;
	}
	if (s->rc <= 0)
		return s->rc == 0 ? MHD_CONTENT_READER_END_OF_STREAM
		                  : MHD_CONTENT_READER_END_WITH_ERROR;
	if (!exchange_suspend(s->rq->p->x))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	(void)workers_run(
	    s->rq->p->web->workers, s->lane, stream_fill, s); /* a lane has no limit */
	return 0;
}

static void stream_end(void *arg)
{
	struct stream *s = arg;
	buf_free(&s->buf);
	request_free(s->rq); /* frees s too: it lives on the request's arena */
}

bool stream_abandon(struct request *rq)
{
	struct stream *s = rq->p->streaming;
	if (!s)
		return false;
	/* What fn keeps open (rows) belongs to its lane's thread, so the request ends there. */
	(void)workers_run(rq->p->web->workers, s->lane, stream_end, s);
	return true;
}

static void send_stream(struct request *rq)
{
	struct request_private *p = rq->p;
	struct stream *s = arena_new_of(rq->arena, struct stream);
	*s = (struct stream){.rq = rq, .lane = workers_lane(p->web->workers), .rc = 1};
	p->streaming = s;
	set_disposition(rq);
	struct MHD_Response *r =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_CHUNK, stream_read, s, NULL);
	if (!r)
		abort();
	add(r, "Content-Type", p->out.type);
	add_headers(rq, r, csp_file);
	queue(rq, rq->status, r);
}

/* --- all of it --- */

static void send_redirect(struct request *rq)
{
	struct request_private *p = rq->p;
	rq_set_header(rq, "Location", p->out.location);
	bool moved = rq->status == MHD_HTTP_MOVED_PERMANENTLY;
	if (rq->wants_json && !moved) {
		send_json(rq, rq->view, rq->status, "application/json");
		return;
	}
	flash_put(rq);
	struct bytes_answer b = {
	    .status = moved ? rq->status : MHD_HTTP_SEE_OTHER, .body = STR("")};
	queue(rq, b.status, make(rq, &b, false, MHD_RESPMEM_PERSISTENT));
}

struct str referring_path(struct request *rq)
{
	struct str from = str_from(rq_header(rq, "Referer")), host = rq->p->heads.host;
	const char *slashes = from.n ? memmem(from.p, from.n, "://", 3) : NULL;
	if (!slashes || !host.n)
		return (struct str){NULL, 0};
	from = (struct str){slashes + 3, (size_t)(from.p + from.n - slashes - 3)};
	if (from.n <= host.n || memcmp(from.p, host.p, host.n) != 0 || from.p[host.n] != '/')
		return (struct str){NULL, 0};
	return (struct str){from.p + host.n, from.n - host.n};
}

static void send_to_sign_in(struct request *rq)
{
	struct buf location;
	buf_init(&location, rq->arena);
	buf_printf(&location, "%s/login", rq->p->base);
	/* Only a page can be gone back to: for a form that was sent it is the page it stood on. */
	struct str next = rq->method == HTTP_GET ? str_from(rq->url) : referring_path(rq);
	if (next.n) {
		buf_puts(&location, "?next=");
		buf_url(&location, next);
	}
	rq->p->out.kind = ANSWER_REDIRECT;
	rq->p->out.location = location.p;
	rq->status = 200;
	send_redirect(rq);
}

/* The last resort: the page that tells of an error cannot be made itself. */
static void send_bare(struct request *rq)
{
	struct buf body;
	buf_init(&body, rq->arena);
	const char *title = rq_tr(rq, "web.error.500.title");
	buf_printf(
	    &body, "<!doctype html><html lang=\"%s\"><meta charset=\"utf-8\"><title>", rq->lang);
	buf_html(&body, str_from(title));
	buf_puts(&body, "</title><h1>");
	buf_html(&body, str_from(title));
	buf_puts(&body, "</h1><p>");
	buf_html(&body, str_from(rq_tr(rq, "web.error.500.text")));
	buf_puts(&body, "</p>");
	struct bytes_answer b = {.status = MHD_HTTP_INTERNAL_SERVER_ERROR,
	    .type = "text/html; charset=utf-8",
	    .csp = csp_page,
	    .body = buf_to_str(&body)};
	queue(rq, b.status, make(rq, &b, false, MHD_RESPMEM_PERSISTENT));
}

static bool has_login(const struct request *rq)
{
	struct route_match m;
	return router_find(rq->p->web->router, rq->arena, STR("/login"), HTTP_GET, &m) > 0;
}

static bool sends_html(const struct request *rq)
{
	if (rq->wants_json)
		return false;
	/* Who asks for an address without a page and does not say what, gets JSON. */
	return rq->template || accept_format(rq->p->heads.accept) == FORMAT_HTML || !rq->route;
}

/* The person is shown a number by which the line is found in the log. */
static void log_failure(struct request *rq, const struct err *err)
{
	unsigned char random[4];
	random_bytes(random, sizeof(random));
	struct buf b = {.p = rq->p->id, .cap = sizeof(rq->p->id)};
	buf_hex(&b, random, sizeof(random));
	log_error("web.error", "%s %s %s %s: %s", rq->p->id, method_name(rq->method),
	    rq->route ? rq->route->path : rq->path, err_kind_name(err->kind), err->detail);
}

static void send_error(struct request *rq, const struct err *err)
{
	int status = err_http_status(err->kind);
	if (status >= 500)
		log_failure(rq, err);
	else
		log_debug(
		    "web.refused", "%d %s: %s", status, err_kind_name(err->kind), err->detail);
	rq->p->out.kind = ANSWER_VIEW;
	rq->status = status;
	if (err->kind == ERR_BUSY)
		rq_set_header(rq, "Retry-After", "5");
	if (!sends_html(rq)) {
		send_problem(rq, err);
		return;
	}
	if (err->kind == ERR_AUTH && has_login(rq)) {
		send_to_sign_in(rq);
		return;
	}
	struct err again = {0};
	page_error(rq, err);
	if (send_html(rq, &again) < 0) {
		log_err("web.error_page", &again);
		send_bare(rq);
	}
}

static void send_view(struct request *rq)
{
	struct err err = {0};
	if (sends_html(rq) && rq->template) {
		if (send_html(rq, &err) < 0)
			send_error(rq, &err);
		return;
	}
	if (rq_has_problems(rq)) {
		send_problem(rq, NULL);
		return;
	}
	if (rq->p->session.found)
		json_object_set_new_nocheck(rq->view, "csrf", json_string(rq->token));
	send_json(rq, rq->view, rq->status, "application/json");
}

void answer_send(struct request *rq, int rc, const struct err *err)
{
	struct outcome *o = &rq->p->out;
	if (rc < 0) {
		struct err none = {.kind = (enum err_kind) - rc};
		send_error(rq, err->kind == ERR_NONE ? &none : err);
		return;
	}
	switch (o->kind) {
	case ANSWER_VIEW:
		send_view(rq);
		break;
	case ANSWER_REDIRECT:
		send_redirect(rq);
		break;
	case ANSWER_BYTES: {
		set_disposition(rq);
		struct bytes_answer b = {.status = rq->status, .type = o->type, .body = o->bytes};
		b.csp = rq->p->asset ? NULL : file_csp(o);
		send_bytes(rq, &b, false);
		break;
	}
	case ANSWER_FILE:
		send_file(rq);
		break;
	case ANSWER_STREAM:
		send_stream(rq);
		break;
	}
}

void answer_plain(struct exchange *x, int status, bool json)
{
	static const struct {
		int status;
		const char *kind, *ja, *en;
	} known[] = {
	    {MHD_HTTP_BAD_REQUEST, "malformed",
	        "アドレスか送信内容が壊れています。アドレスを確かめて、もう一度お試しください。",
	        "The address or what was sent is broken. Please check the address and try again."},
	    {MHD_HTTP_NOT_FOUND, "missing",
	        "ここでは、マイナンバーカードの確認だけを行います。市役所のページからお越しください"
	        "。",
	        "Only cards are checked here. Please come from the city's pages."},
	    {MHD_HTTP_MISDIRECTED_REQUEST, "missing",
	        "このアドレスの市役所はありません。アドレスを確かめてください。",
	        "No city answers to this host name. Please check the address."},
	    {MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
	        "この市役所は、いま利用できません。少し待ってから、もう一度お試しください。",
	        "This city cannot be served at the moment. Please wait a little and try again."},
	};
	size_t i = 0;
	while (i + 1 < COUNT(known) && known[i].status != status)
		i++;
	struct buf b = {0};
	if (json)
		buf_printf(&b,
		    "{\"type\":\"urn:machi:problem:%s\",\"title\":\"%s\",\"status\":%d}\n",
		    known[i].kind, known[i].en, status);
	else
		buf_printf(&b, "%s\n%s\n", known[i].ja, known[i].en);
	struct MHD_Response *r = MHD_create_response_from_buffer(b.n, b.p, MHD_RESPMEM_MUST_COPY);
	if (!r)
		abort();
	buf_free(&b);
	add(r, "Content-Type", json ? "application/problem+json" : "text/plain; charset=utf-8");
	add(r, "Content-Security-Policy", csp_file);
	add_fixed(r);
	if (x->web->options.tls_cert || (x->connection && x->connection->card))
		add_hsts(r);
	exchange_queue(x, status, r);
	MHD_destroy_response(r);
}
