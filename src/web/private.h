/* What the files of src/web share among themselves.
 *
 * The way of a request:
 *   server.c   connection, limits, the steps between network thread, store and workers
 *   router.c   method and path to route; request.c, multipart.c: what was sent
 *   session.c  who it is; secret.c: whether the form was ours; ratelimit.c: whether it is too much
 *   (handler)  the module's function
 *   page.c     globals and HTML; answer.c: bytes, headers, problems; cache.c: answers kept */
#ifndef WEB_PRIVATE_H
#define WEB_PRIVATE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <zlib.h>

#include "web/template.h"
#include "web/web.h"

enum {
	FIELDS_MAX = 5000,    /* fields of one body or query */
	FIELD_NAME_MAX = 256, /* bytes of a field's name */
	FILES_MAX = 100,      /* files of one body */
	PATH_DEPTH_MAX = 16,  /* segments of a path */
	ROUTE_PARAMS_MAX = 8,
	JSON_DEPTH_MAX = 32,
	HEADERS_MAX = 16, /* set by a handler with rq_set_header() */
	COOKIES_MAX = 8,
	FLASH_MAX = 4,
	TOKEN_TEXT = 44,          /* base64url of 32 bytes and NUL */
	INPUT_MAX_DEFAULT = 10000 /* characters of a declared input */
};

/* --- address.c --- */

/* An IPv4 or IPv6 address; IPv4 is kept as ::ffff:a.b.c.d. */
struct address {
	unsigned char b[16];
};
struct address_range {
	struct address net;
	int bits; /* of 128 */
};
bool address_parse(struct str, struct address *);
void address_of_socket(const struct sockaddr *, struct address *);
void address_format(const struct address *, char out[46]);
/* "127.0.0.1", "10.0.0.0/8, ::1": ranges on the arena. */
int address_ranges_parse(
    struct arena *, const char *text, struct address_range **out, int *n, struct err *);
bool address_in(const struct address *, const struct address_range *, int n);

/* --- router.c --- */

struct router;
struct route_match {
	const struct route *route; /* NULL: none for this method */
	unsigned methods;          /* bit per enum method that the path has */
	int nparams;
	struct str names[ROUTE_PARAMS_MAX];
	struct str values[ROUTE_PARAMS_MAX]; /* percent-decoded, on the arena or slices of path */
};
/* Builds the tree of all routes; ERR_INTERNAL names what is wrong in a module's table. */
int router_new(const struct module *const *list, int n, struct router **out, struct err *);
void router_free(struct router *);
/* path as in the request line, without language prefix and query. 1 found, 0 not, ERR_MALFORMED. */
int router_find(
    const struct router *, struct arena *, struct str path, enum method, struct route_match *);
const struct module *router_module_of(const struct router *, const struct route *);

/* --- request.c: reading what was sent --- */

struct fields {
	struct arena *arena;
	const char **names, **values;
	int n, cap;
};
void fields_add(struct fields *, const char *name, const char *value);
const char *fields_get(const struct fields *, const char *name);

/* Percent-decoding; plus turns '+' into a space. False on a bad escape, NUL, or bytes that are not
 * UTF-8. Without escapes the slice itself is given. */
bool url_decode(struct arena *, struct str, bool plus, struct str *out);
int form_urlencoded_parse(struct fields *, struct str body, struct err *);
/* Nested names are joined with dots; a list of plain values repeats its name, a list of objects or
 * lists has numbers: {"a":{"b":[{"c":1}]}} is a.b.0.c=1. null is absent, true and false are words.
 */
int form_json_flatten(struct fields *, json_t *body, struct err *);
int json_body_parse(struct str body, json_t **out, struct err *);
/* The value of one cookie in a Cookie header; {NULL, 0} when it is not there. */
struct str cookie_find(struct str header, const char *name);
/* One of the request's cookies, by the name that rq_set_cookie() was given. */
struct str cookie_of(struct request *, const char *name);

enum format { FORMAT_ANY, FORMAT_HTML, FORMAT_JSON };
/* What an Accept header wants most (RFC 9110 §12.5.1); ANY when it does not tell. */
enum format accept_format(struct str header);
bool accept_gzip(struct str header);
/* "ja" or "en" for an Accept-Language header. */
const char *accept_language(struct str header);

/* --- field.c --- */
/* The problems in the order in which their fields stand in the view, which is the page's: those of
 * the whole page first, those of fields that it does not name last. */
void page_problems_sort(struct request *);

/* A date that was sent in parts becomes one field; what cannot be read becomes "?". */
void date_join(struct request *, const char *name);

/* --- multipart.c --- */

struct multipart;
struct multipart_options {
	struct arena *arena;
	struct fields *fields;
	const char *dir;    /* where the temporary files are made */
	bool files;         /* files are allowed */
	int64_t fields_max; /* bytes of all fields together */
	int64_t files_max;  /* bytes of all files together */
};
/* boundary from the Content-Type header; ERR_MALFORMED without a usable one. */
int multipart_new(
    const struct multipart_options *, struct str content_type, struct multipart **, struct err *);
int multipart_feed(struct multipart *, struct str bytes, struct err *);
/* After the last byte: ERR_MALFORMED when the closing boundary did not come. */
int multipart_end(struct multipart *, struct err *);
int multipart_uploads(struct multipart *, const struct upload **out);

/* filetype.c: the media type of a file by its first bytes (up to 4096 of them). */
const char *filetype_detect(struct str head);

/* --- session.c, secret.c --- */

struct session {
	bool found;
	int64_t account;
	char hash[65]; /* hexadecimal SHA-256 of the cookie; "" none */
	const char *handle;
};
/* Reads the session of the cookie, if any, and asks the authenticator who that is. */
int session_load(struct request *, struct err *);

struct secret {
	struct secret_bytes *key;
};
/* The city's key for tokens and cookies, the same for all processes on one store. */
int secret_load(struct city *, struct secret *, struct err *);
void secret_release(struct secret *);
extern const struct protects web_key_protects;
void secret_mac(const struct secret *, const char *purpose, struct str, unsigned char out[32]);
/* value.signature, and back; open gives {NULL, 0} when it is not ours. */
char *secret_seal(const struct secret *, struct arena *, const char *purpose, struct str value);
struct str secret_open(
    const struct secret *, struct arena *, const char *purpose, struct str sealed);

/* Sets rq->token. For an anonymous client without the cookie it is a mark that answer.c replaces,
 * together with setting the cookie, only in pages that really carry it. */
void csrf_prepare(struct request *);
int csrf_check(struct request *, struct err *);
extern char csrf_mark[TOKEN_TEXT]; /* set once when the first server starts */
void csrf_mark_make(void);
/* A real token in the place of the mark; sets the cookie. */
void csrf_issue(struct request *, char token[TOKEN_TEXT]);

/* Flash messages travel in a signed cookie. */
void flash_take(
    struct request *, json_t **out); /* shown on this page, cookie removed; may be NULL */
void flash_put(struct request *);    /* what rq_flash() gathered, into the cookie */

/* --- zone.c --- */

/* Does this function answer from where the request came? 0 goes on, 1: the answer leads to where
 * the missing factor is asked for, <0 ERR_DENIED. Before the permission is looked at. */
int zone_check(struct request *, struct err *);
/* The session's authentication level is raised to it, by whoever knows how: as zone_check(). */
int authenticator_demand(struct request *, int level, struct err *);

/* --- ratelimit.c --- */

struct ratelimit;
struct ratelimit *ratelimit_new(int percent); /* NULL when percent is 0 */
void ratelimit_free(struct ratelimit *);
/* Whose bucket: an address's, or an account's of the nth city of the process. */
uint64_t ratelimit_address(const struct address *);
uint64_t ratelimit_account(int city, int64_t account);
/* 0: go on; else the seconds to wait. Thread-safe. */
int ratelimit_take(struct ratelimit *, uint64_t client, enum rate, int64_t now_us);

/* --- the server's parts --- */

enum { LATENCY_BUCKETS = 12 };
extern const int64_t latency_bounds_us[LATENCY_BUCKETS];

/* Counters of one network thread, written by it alone, read by /metrics. */
struct counters {
	_Atomic uint64_t started, completed, cached;
	_Atomic uint64_t status[600];
	_Atomic uint64_t latency[LATENCY_BUCKETS + 1];
	_Atomic uint64_t latency_us;
};

struct cache; /* answers kept by one network thread */

/* A network thread. */
struct net {
	struct net *next;
	struct web *web;
	struct counters counters;
	struct cache *cache;
	z_stream gzip;
	bool gzip_ready;
	struct arena *spare[16]; /* arenas of requests that ended, to be used again */
	int nspare;
	struct buf scratch; /* where a page is made before its response takes a copy */
};

/* city_texts.c: the catalogues and templates of a city, with its own over the built-in ones. What
 * is wrong with its own is logged, and the first of it in err. */
struct city_texts {
	struct i18n *i18n;
	struct templates *templates;
	struct arena *arena; /* what they point into */
	struct city_texts *next;
};
int texts_load(const struct city *, struct city_texts **, struct err *);
void texts_free(struct city_texts *);

/* A city as this server sees it. */
struct web_city {
	struct city *city;
	struct secret secret;
	/* Version of its style sheets and scripts; made anew when the city reloaded, which shows in
	 * a new set of templates. Under web->lock. */
	struct templates *assets_of;
	const char *assets;
	/* What frames of pages share for people without an account, by line and place; likewise. */
	struct templates *frames_of;
	json_t **frames;
};

struct workers;

/* linger.c */
enum { LINGER_MAX = 64 };
struct late_socket {
	int fd;
	int64_t until_ms;
};

struct web {
	struct web_options options;
	struct arena *arena;
	struct web_city *cities;
	int ncities;
	struct router *router;
	struct ratelimit *ratelimit;
	struct address_range *proxies, *card_proxies;
	int nproxies, ncard_proxies;
	struct workers *workers;
	struct MHD_Daemon *daemon, *card_daemon; /* card_daemon NULL: none */
	int port;
	struct str openapi;            /* /api/openapi.json */
	const struct menu_item **menu; /* of all modules, in order */
	int nmenu;
	int64_t started_us;
	_Atomic bool stopping; /* answers close their connection */
	_Atomic bool closing;  /* nothing may wait any more, see exchange_suspend() */
	_Atomic uint64_t writes, writes_failed;
	_Atomic int suspended;

	pthread_mutex_t lock; /* nets, connections */
	struct net *nets;
	struct connection *connections;
	int nconnections;
	pthread_t reaper;
	pthread_cond_t wake; /* the reaper */
	bool reaped;         /* it shall end */
	struct late_socket lingering[LINGER_MAX];
	int nlingering;
};

/* linger.c: a socket that is closed while the client still sends is reset, and the client never
 * sees the answer. Such a one is read and thrown away for some seconds. All with w->lock held. */
/* Keeps a duplicate of fd; without room it does nothing. */
void linger_add(struct web *, int fd, int64_t now_ms);
/* Reads what came, and closes those that are at their end or have been here too long. */
void linger_turn(struct web *, int64_t now_ms);
void linger_free(struct web *);

/* workers.c: threads for rq_defer() and rq_stream(). */
struct workers *workers_new(int threads);
void workers_free(struct workers *); /* runs what is queued first */
/* False when the queue is full. lane -1: any thread; else always the same thread for a lane. */
bool workers_run(struct workers *, int lane, void (*fn)(void *), void *arg);
int workers_lane(struct workers *); /* a lane for a stream; round robin */

/* A connection; phase and since are for the reaper. */
enum phase { PHASE_HEAD, PHASE_BODY, PHASE_ANSWER };
struct connection {
	struct connection *prev, *next;
	struct web *web;
	int fd;
	struct address address;
	char text[46];
	bool proxy;  /* address is a trusted proxy */
	bool card;   /* came to the listener that asks for a card */
	bool unread; /* answered before its body was read */
	_Atomic int phase;
	_Atomic int64_t since_ms; /* when the phase began */
	_Atomic int64_t bytes;    /* of the body so far */
};

/* Header fields that the server itself looks at. */
struct heads {
	struct str host, cookie, accept, accept_encoding, accept_language, authorization,
	    content_type, content_length, transfer_encoding, if_none_match, forwarded_for,
	    forwarded_proto, expect, fetch_site;
	bool twice; /* Content-Length or Host more than once: a smuggling attempt */
};

enum next_step { NEXT_ANSWER, NEXT_WRITE, NEXT_DEFER };
enum answer_kind { ANSWER_VIEW, ANSWER_REDIRECT, ANSWER_BYTES, ANSWER_FILE, ANSWER_STREAM };

struct flash {
	const char *kind, *msgkey;
	json_t *args;
};

/* The first part of a request: made when the request line was read, so that a cached page needs no
 * arena. */
struct exchange {
	struct web *web;
	struct net *net;
	struct MHD_Connection *mhd;
	struct connection *connection;
	int64_t start_us;   /* monotonic */
	struct request *rq; /* NULL: still nothing but the line */
	int status;
	bool seen, begun; /* called once; a request was made or answered */
	size_t uri_size;
	char uri[];
};

struct request_private {
	json_t *error_args; /* what fills the holes of an error's text; NULL: none */
	struct exchange *x;
	struct web *web;
	struct web_city *city;
	struct heads heads;
	struct address address;
	bool secure;      /* TLS here or at the proxy */
	bool head;        /* HEAD */
	const char *base; /* "" or "/en" */
	struct route_match match;
	uint64_t generation; /* of the city when the request began */
	bool handling;       /* a function of the module runs; its reader remembers */
	struct db *reader;
	size_t arena_before; /* what earlier requests had asked of the arena */
	struct fields query, form;
	json_t *json;
	struct multipart *multipart;
	struct buf body;
	enum {
		BODY_NONE,
		BODY_FORM,
		BODY_JSON,
		BODY_MULTIPART,
		BODY_OTHER,
		BODY_DISCARD
	} body_kind;
	int64_t body_limit, body_seen;

	struct session session;
	char token[TOKEN_TEXT];
	bool token_is_mark;
	const char *anonymous; /* the anonymous CSRF cookie's value, NULL: none */

	/* what happens next */
	enum next_step next;
	int (*write)(struct request *, struct db *, struct err *);
	int (*write_failed)(struct request *, struct err *);
	int (*defer)(struct request *, struct err *);
	void (*resume)(struct request *); /* on the network thread, after a suspension */
	bool suspended;
	bool early; /* answered without a handler */
	char id[9]; /* of a failure, for the log and the person; "" none */
	int rc;
	struct err err;
	void *data;
	struct stream *streaming;

	/* the answer */
	struct outcome {
		enum answer_kind kind;
		/* taken back before a write runs again */
		const char *location;
		const char *type, *filename;
		struct str bytes;
		int *fd; /* -1 when it was handed over */
		int64_t fd_size;
		const char *etag;
		const char *form_origin; /* rq_form_leads_to(); NULL: no other site */
		const char
		    *session_hash; /* session_renew(): the cookie that goes out; NULL: as it came */
		bool attachment;
		struct {
			const char *name, *value;
		} headers[HEADERS_MAX], cookies[COOKIES_MAX];
		int nheaders, ncookies;
		struct flash flash[FLASH_MAX];
		int nflash;
		int nproblems;
		int ncrumbs;
		int status;
	} out, saved;
	json_t *problems, *crumbs;
	json_t *problem_members; /* further ones of a problem document; NULL: none */
	int (*stream)(struct request *, void *, struct buf *, struct err *);
	void *stream_state;
	bool keep;      /* may go into the cache */
	bool asset;     /* kept until the city reloads, whatever the journal does */
	bool immutable; /* its address names its version */
};

/* --- globals.c, page.c --- */
/* What every page's frame reads, and is no business of the handler's: what pages share in an object
 * around the view (a new reference, read only), what is this page's own in the view. */
json_t *globals_set(struct request *);
void globals_prepare(struct web *);
/* The HTML of rq->view in rq->template, on the arena. */
int page_render(struct request *, struct buf *out, struct err *);
/* Turns an error into the view, status and template of an error page. */
void page_error(struct request *, const struct err *);
/* An RFC 9457 problem document for the error, or (err NULL) for the form problems of rq. */
json_t *problem_document(struct request *, const struct err *);
/* The catalogue that is in force now. */
const struct i18n *city_texts(const struct city *);

/* --- answer.c --- */
/* Sends what the handler left in rq (network thread). */
void answer_send(struct request *, int rc, const struct err *);
/* An answer from before there is a request: unknown host, unreadable line. */
void answer_plain(struct exchange *, int status, bool json);
/* Path and query of the page of this site that the request came from; n 0 when it is not known. */
struct str referring_path(struct request *);
/* Ends a stream whose client went away; true when it will free the request itself. */
bool stream_abandon(struct request *);
void request_free(struct request *);

/* compress.c: gzip with this thread's stream; false when it would not be smaller. */
bool gzip_bytes(struct net *, struct str in, int level, struct buf *out);
/* A strong ETag of the bytes, with quotes; out needs 24 bytes. */
void etag_of(struct str bytes, char out[24]);
bool etag_matches(struct str if_none_match, const char *etag);

/* --- cache.c --- */
struct cache_key {
	struct web_city *city;
	struct str uri;
	const char *lang;
	bool json, secure;
};
struct cache *cache_new(size_t bytes_max);
void cache_free(struct cache *);
/* Queues an answer that this thread kept; false when there is none that is still true. */
bool cache_answer(struct exchange *, const struct cache_key *, const struct heads *);
struct cache_put {
	struct MHD_Response *plain, *gzip,
	    *not_modified; /* references taken over; gzip may be NULL */
	const char *etag;
	size_t size;
	bool asset;
	bool zippable; /* gzip is NULL only because nobody asked for it */
};
void cache_put(struct cache *, const struct cache_key *, const struct cache_put *, int64_t now_us,
    uint64_t generation);
/* What a page made now is a picture of; taken before the handler reads. */
uint64_t cache_generation(struct web_city *);
enum { CACHE_BYTES = 32 * 1024 * 1024 }; /* per network thread */

/* --- openapi.c, health.c, assets.c, jobs_page.c: handlers of the web module's own table --- */
json_t *openapi_build(const struct module *const *list, int n); /* new reference */
int openapi_show(struct request *, struct err *);
int health_show(struct request *, struct err *);
int metrics_show(struct request *, struct err *);
int asset_show(struct request *, struct err *);
int jobs_show(struct request *, struct err *);
int jobs_retry_post(struct request *, struct err *);
int jobs_discard_post(struct request *, struct err *);

/* The authenticator that was set; members may be NULL. */
const struct authenticator *web_authenticator(void);
/* The version of the city's assets, for ?v= */
const char *assets_version(struct web *, struct web_city *);
void frames_drop(const struct web *, struct web_city *);

/* --- heads.c --- */
void heads_read(struct MHD_Connection *, struct heads *out);
bool heads_framing_ok(const struct heads *);
bool heads_have_body(const struct heads *);
/* Whether the header fields alone ask for JSON: by Accept, else because who sends JSON, or a token,
 * is a program. */
bool heads_want_json(const struct heads *);
/* The type of a Content-Type field without its parameters. */
bool media_type_is(struct str header, const char *type);
/* HEAD is a GET with head set; false for methods that we do not know (then GET). */
bool method_parse(const char *text, enum method *out, bool *head);
/* The city that answers to a host name; a city without names answers to any. NULL: none. */
struct web_city *web_city_of(struct web *, struct str host);
/* What the request line says, before anything is copied. */
struct line {
	struct str path; /* without the language prefix; "/" at least */
	struct str query;
	const char *lang, *base;
};
bool line_parse(const struct exchange *, const struct heads *, struct line *out);

/* --- admit.c --- */
/* Everything that can be said before the body; body: there is one. */
int admit(struct request *, const struct line *, bool body, struct err *);
/* A method without routes: OPTIONS is answered, others are refused. */
int admit_other(struct request *, const struct line *, const char *method, struct err *);
int body_take(struct request *, struct str bytes, struct err *);
int body_parse(struct request *, struct err *);
/* Runs a handler or what it deferred; meanwhile rq_db() remembers (db_memo_begin). */
int request_handle(struct request *, int (*fn)(struct request *, struct err *));
void inputs_check(struct request *);

/* --- exchange.c: what libmicrohttpd calls --- */
void *exchange_new(void *cls, const char *uri, struct MHD_Connection *);
enum MHD_Result exchange_step(void *cls, struct MHD_Connection *, const char *url,
    const char *method, const char *version, const char *data, size_t *size, void **context);
void exchange_completed(
    void *cls, struct MHD_Connection *, void **context, enum MHD_RequestTerminationCode);
/* The connection waits; the answer is made, or the body goes on, after exchange_resume(). False
 * when the server is about to end: libmicrohttpd must not be stopped with a connection that waits.
 */
bool exchange_suspend(struct exchange *);
void exchange_resume(struct exchange *); /* from any thread */
/* Queues a response and remembers its status. */
void exchange_queue(struct exchange *, int status, struct MHD_Response *);
void phase_set(struct connection *, enum phase, int64_t now_us);
/* This network thread's part, made on first use. */
struct net *net_of(struct web *);

#endif
