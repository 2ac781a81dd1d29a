/* HTTP: a request, its answer, and the table that a module announces itself with.
 *
 * A handler builds one JSON document, the view model (rq->view). Asked for HTML the server renders
 * it with the route's template; asked for JSON it is sent as it is. Form bodies (urlencoded,
 * multipart, JSON) are read through the same functions, so every page is its own API. */
#ifndef WEB_WEB_H
#define WEB_WEB_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "store/journal.h"
#include "store/store.h"
#include "vault/vault.h"
#include "web/city.h"

struct module;
struct route;

enum method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE, HTTP_METHOD_COUNT };
const char *method_name(enum method); /* "GET" */

enum actor_kind { ACTOR_ANONYMOUS, ACTOR_RESIDENT, ACTOR_STAFF };

/* Who is acting. Filled by the authenticator (module identity) from session or API token. */
struct actor {
	enum actor_kind kind;
	int64_t account; /* row of the account; 0: anonymous */
	int64_t person;  /* resident's person row or staff row */
	const char *name;
	const char *id; /* "resident:12", "staff:3", "anonymous": for the journal */
	bool token;     /* came with an API token: no CSRF check */
	/* How the session was opened or raised ("password", "passkey"; "token"), and its
	 * authentication level now, 1 to 3 (0: anonymous); above 1 it ends at level_until_us. */
	const char *method;
	int level;
	int64_t level_until_us;
	json_t *rights; /* identity's business; borrowed */
};

/* A file of a multipart body, streamed to an unlinked temporary file. */
struct upload {
	const char *field;
	const char *filename; /* as sent, without directories, valid UTF-8 */
	const char *type; /* found from the first bytes, not from the client: "application/pdf" */
	int64_t size;
	int fd; /* closed with the request */
};

struct request {
	struct city *city;
	struct arena *arena; /* freed after the answer was sent */
	enum method method;
	const char *path;    /* without the language prefix */
	const char *url;     /* path and query, for "back to" links */
	const char *lang;    /* "ja" or "en" */
	const char *address; /* client's address, proxy considered */
	const char *token;   /* CSRF token of this session for forms */
	const struct route *route;
	struct actor actor;
	bool wants_json;
	int64_t now_us;

	json_t *view;         /* view model, an object; filled by the handler */
	int status;           /* 200 unless changed */
	const char *template; /* route's template unless changed */
	struct request_private *p;
};

/* --- what the client sent; "" never means absent, NULL does ---
 * All of it is valid UTF-8 without NUL: a request with other bytes was answered with 400. */
const char *rq_param(struct request *, const char *name); /* {name} of the route's path */
int64_t rq_param_i64(struct request *, const char *name); /* -1 when it is not a number */
const char *rq_query(struct request *, const char *name);
const char *rq_form(struct request *, const char *name); /* first value; body only */
/* A whole number among the route's declared inputs: of the body, of a GET of the query. fallback
 * when it is absent or empty, and when it is no number: that was noted as a problem at its field
 * before the handler ran, so that nothing is written. */
int64_t rq_i64(struct request *, const char *name, int64_t fallback);
int rq_form_all(struct request *, const char *name, const char *const **values);
/* Calls fn for every body field in the order sent. JSON bodies: nested names joined with dots, a
 * list of plain values repeats its name, a list of objects has numbers: {"a":{"b":[{"c":1}]}} is
 * a.b.0.c=1; null is absent, true and false are the words. */
void rq_form_each(
    struct request *, void (*fn)(void *, const char *name, const char *value), void *);
json_t *rq_json(struct request *); /* JSON body as sent, borrowed; NULL when it was a form */
const struct upload *rq_upload(struct request *, const char *field, int nth);
int rq_upload_count(struct request *, const char *field);
const char *rq_header(struct request *, const char *name);
const char *rq_cookie(struct request *, const char *name);
/* The certificate that the client proved to have the key of: DER, or PEM from a proxy; no bytes: it
 * showed none, or came another way than the card's listener or proxy. Network thread. */
struct str rq_client_certificate(struct request *);
struct db *rq_db(struct request *, struct err *); /* this thread's reader of the city's store */

/* A 個人番号 that was sent where none belongs: ERR_INPUT, or 0. Asked before each handler, but for
 * routes with ROUTE_NUMBER: those ask themselves where their form has no field for it. */
int rq_refuse_number(const struct request *, struct err *);

/* --- answers --- */
/* 303 to a path of this site (the language prefix is added unless it has one); anything that leads
 * elsewhere ("//host", "https:") becomes "/", so that a "next" parameter may be given as it came.
 * JSON clients get rq->status (200, or 201 when the handler says so) with Location and the view
 * model. Returns 0. */
int rq_redirect(struct request *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* 303 to an address of another site, which the city's configuration names: never to one that came
 * with the request, however it was looked at. Returns 0. */
int rq_leave(struct request *, const char *url);
/* The page has a form whose answer may lead to the site of this address with rq_leave(): browsers
 * are told so (form-action). */
void rq_form_leads_to(struct request *, const char *url);
/* Would rq_redirect() lead there? For an address that is kept or mailed before it is followed. */
bool path_is_local(const char *path);
/* Sends a blob as a file; type and filename as given; inline or attachment. Returns 0. */
int rq_send_blob(struct request *, const char *blob, const char *type, const char *filename,
    bool attachment, struct err *);
/* Sends bytes of the arena. */
int rq_send(struct request *, const char *type, struct str body, const char *filename);
/* Sends rows as they are made, in bounded memory: fn is called on a worker thread, writes to out
 * with buf_*, returns 1 while there is more, 0 at the end, <0 to cut the connection. */
int rq_stream(struct request *, const char *type, const char *filename,
    int (*fn)(struct request *, void *state, struct buf *out, struct err *), void *state);
void rq_set_header(struct request *, const char *name, const char *value);
/* HttpOnly, SameSite=Lax, under TLS Secure and named __Host-; max_age_s 0 removes it. */
void rq_set_cookie(struct request *, const char *name, const char *value, int64_t max_age_s);

/* Hands the rest of the request to the store: fn runs in a write transaction (maybe twice: it must
 * set, not append), and the answer goes out when the commit is durable. A handler ends with
 * `return rq_write(rq, fn);`. When fn fails, nothing is kept and the error page is sent, unless
 * `failed` (may be NULL) turns the error into a page (it runs on the request's thread). Before fn
 * runs again the web layer takes back what it did with rq_redirect, rq_problem, rq_flash, rq_crumb,
 * rq_set_* and rq->status; the view and the handler's own data are fn's business.
 * With problems already noted (rq_problem, or declared inputs that do not fit) nothing is written:
 * the answer is the view with status 422. */
int rq_write(struct request *, int (*fn)(struct request *, struct db *, struct err *));
int rq_write_or(struct request *, int (*fn)(struct request *, struct db *, struct err *),
    int (*failed)(struct request *, struct err *));
/* Runs fn on a worker thread instead of the network thread (password hashing, PDF, slow reads).
 * fn ends like a handler and may itself return rq_write(). */
int rq_defer(struct request *, int (*fn)(struct request *, struct err *));
/* Arena-owned pointer that handler, write function and failed share. */
void rq_set_data(struct request *, void *data);
void *rq_data(struct request *);

/* --- view model --- */
/* A form problem for the error summary (view.problems) and for JSON clients' `errors`; makes the
 * status 422. args fills the holes of the text; the reference is taken over. msgkey must be static.
 */
void rq_problem(struct request *, const char *field, const char *msgkey, json_t *args);
/* The same with a finished text (a definition's own message). */
void rq_problem_text(struct request *, const char *field, const char *text);
bool rq_has_problems(struct request *);
/* A member of the problem document, should the request fail: what a program needs to go on. Takes
 * the value over. */
void rq_problem_member(struct request *, const char *name, json_t *value);
/* The first problem noted at a field, for the field's own `problem`; NULL: none. Borrowed. */
const char *rq_problem_at(struct request *, const char *field);
/* Makes a field's view (with name and perhaps id) one for a date, entered by era or western year in
 * parts "<name>.year" …. value: "2026-11-21", "" or NULL; what was sent in parts is shown instead.
 * An input declared as "date" may be sent so: rq_form() and rq_query() give it as one date. */
void rq_date_field(struct request *, json_t *field, const char *value);
/* Does the actor hold a permission, as a route or menu entry names it? In any department: for what
 * is shown; what is done is checked where it is done. */
bool rq_allows(struct request *, const char *perm);
/* A message shown on the next page after a redirect: kind "success", "info", "warning", "error"
 * (static). args as in rq_problem(). */
void rq_flash(struct request *, const char *kind, const char *msgkey, json_t *args);
/* A text that a page carries and that comes back unchanged or not at all, signed with the city's
 * key: value.signature, on the request's arena. rq_unseal() gives NULL for what is not ours. Not a
 * secret; what it is good for (which record, which state of it) must stand in the value. */
char *rq_seal(struct request *, const char *purpose, const char *value);
char *rq_unseal(struct request *, const char *purpose, const char *sealed);
const char *rq_tr(
    struct request *, const char *msgkey); /* catalogue text in the request's language */
/* Adds {"label","href"} to view.breadcrumb. label is a finished text. */
void rq_crumb(struct request *, const char *label, const char *href);
/* One of a row of tabs (web/tabs): {"label","href","current","count"}; label and href are finished.
 * A count below 0 is not shown, and nobody counts further than TAB_COUNT_MAX, which is shown as
 * "1000+". */
enum { TAB_COUNT_MAX = 1000 };
json_t *tab_view(const char *label, const char *href, bool current, int64_t count);

/* --- sessions --- */
/* A session's authentication level (当人認証保証レベル): what it was opened with. */
struct session_level {
	const char *method;
	int level;        /* 1 to 3 */
	int64_t until_us; /* above 1: when it steps down to 1 */
};
/* Binds the session to an account after a successful sign-in: new id (no fixation), old one ends.
 */
int session_start(struct request *, struct db *, int64_t account, int64_t lifetime_s,
    const struct session_level *, struct err *);
/* Another level for the present session, which gets a new cookie (what was seen or planted before
 * is worth nothing any more); its age stays. Form tokens of pages that are open end with the old
 * one; the page that is the answer has the new one's. ERR_AUTH without a session. */
int session_renew(struct request *, struct db *, const struct session_level *, struct err *);
int session_end(struct request *, struct db *, struct err *);
/* Ends one session of the account by its public handle: 1 ended, 0 there was none. */
int session_end_one(struct db *, int64_t account, const char *id, struct err *);
/* Does the session of this public handle go on? 1, 0, <0. */
int session_is_live(struct db *, const char *id, int64_t now_us, struct err *);
int session_end_all(struct db *, int64_t account, const char *except_id, struct err *);
struct session_info {
	const char *id; /* public handle, not the cookie */
	int64_t created_us, seen_us;
	const char *address, *agent;
	struct session_level level; /* as it is now */
	bool current;
};
int session_list(
    struct request *, struct db *, int64_t account, struct session_info **out, struct err *);

/* --- announcing a module --- */
/* How often: by address; once signed in, by account, too. RATE_NORMAL of what is not a GET is
 * RATE_WRITE. RATE_HEAVY: what takes the server long, or sends mail. */
enum rate { RATE_NORMAL, RATE_WRITE, RATE_LOGIN, RATE_HEAVY, RATE_NONE };
enum route_flag {
	/* Anonymous answers depend on city, path, query, language only, so they are kept. For
	 * anonymous people the page has no form token: forms on it are for routes that need
	 * sign-in. */
	ROUTE_CACHE = 1,
	ROUTE_NO_CSRF = 2,   /* public protocol endpoint without a session */
	ROUTE_RAW = 4,       /* standard's own shape: no template, no page frame */
	ROUTE_UPLOAD = 8,    /* takes multipart files */
	ROUTE_HIDDEN = 16,   /* not in openapi.json */
	ROUTE_ANY_HOST = 32, /* of the process: answers under every host name */
	ROUTE_OWN_AUTH = 64, /* reads the field Authorization itself: no API token, no session */
	ROUTE_NUMBER = 128   /* takes a 個人番号; everywhere else one that is sent is refused */
};

/* Input of a route, for openapi.json and for the shape check before the handler runs. */
struct input {
	const char *name;
	const char *type; /* "string", "integer", "boolean", "date", "file" */
	bool required;
	int max;           /* characters; 0: INPUT_MAX_DEFAULT */
	const char *label; /* catalogue key: what is missing is told by it; NULL: without a name */
};

struct route {
	enum method method;
	const char *path; /* "/applications/{id}/steps/{step}", "/documents/{code}.pdf", and for all
	                   * that follows "/assets/{path*}" */
	int (*handler)(struct request *, struct err *);
	const char *perm; /* "public", "signed-in", "resident", "staff", or a name from perms[] */
	const char *template; /* "procedure/show": templates/procedure/show.html; NULL: JSON only */
	const char *summary;  /* one English sentence for openapi.json */
	const struct input *inputs; /* NULL-name-terminated; NULL: none declared */
	enum rate rate;
	int flags;
	/* What the path's last hole may be (NULL-word-terminated), each with inputs of its own and
	 * an operation of its own in openapi.json; and what else is said there of an operation,
	 * whose path is given. */
	const struct route_word *words;
	void (*describe)(const char *path, json_t *operation);
};

/* "accept" of "/staff/applications/{id}/{verb}" */
struct route_word {
	const char *word, *summary;
	const struct input *inputs;
};

struct perm {
	const char *name;    /* "application.decide" */
	const char *summary; /* catalogue key */
};

struct menu_item {
	const char *label; /* catalogue key */
	const char *href;
	const char *perm;
	const char *area; /* "public", "resident", "staff", "admin" */
	int order;
};

struct command {
	const char *name;    /* "verify" */
	const char *summary; /* one line for machi --help */
	const char *help;    /* the whole --help text but the settings */
	bool all_settings;   /* --help lists all of them, not only where the data is */
	int (*run)(int argc, char **argv);
};

struct module {
	const char *name;
	int slot;        /* index in city->slot for city_open; -1: none */
	bool migrations; /* has a folder migrations/ */
	const struct route *routes;
	int nroutes;
	const struct perm *perms;
	int nperms;
	const struct menu_item *menu;
	int nmenu;
	const struct job_kind *jobs;
	int njobs;
	const struct command *commands;
	int ncommands;
	const struct sql *const *statements; /* all of sql.c, for the test that prepares them */
	int nstatements;
	const struct journal_verifier *const *verifiers;
	int nverifiers;
	const struct protects *const *protects; /* what of it the store keeps only sealed */
	int nprotects;
	/* Called when a city opens, on SIGHUP (reload keeps the old on error), and when it closes.
	 */
	int (*city_open)(struct city *, struct err *);
	int (*city_reload)(struct city *, struct err *);
	void (*city_close)(struct city *);
	/* Looks through a layout of the city's own (a .yaml among the templates) before it is used;
	 * err names file and line. NULL: layouts are not this module's. */
	int (*layout_check)(struct templates *, const char *name, struct str text, struct err *);
};

/* The web layer's own pages: health, metrics, openapi, assets, jobs. */
extern const struct module web_module;

/* Every module of the program, base first; defined once, in src/main/modules.c. */
extern const struct module *const modules[];
extern const int nmodules;

/* Set once at start by module identity (web cannot depend on it): finds who an account is, and
 * whether an actor holds a permission. */
struct authenticator {
	int (*account)(
	    struct request *, struct db *, int64_t account, struct actor *, struct err *);
	int (*token)(
	    struct request *, struct db *, const char *bearer, struct actor *, struct err *);
	bool (*allows)(struct request *, const char *perm);
	/* Wants this authentication level of a page's session: 0 it has it, 1 the answer leads to
	 * where it is raised, <0. */
	int (*demand)(struct request *, int level, struct err *);
};
void web_set_authenticator(const struct authenticator *);

/* --- the server --- */
struct web_options {
	const char *address; /* "127.0.0.1" or "0.0.0.0" */
	int port;
	int threads; /* 0: number of cores */
	/* PEM files; NULL: plain HTTP. At most one server with TLS in a process. */
	const char *tls_cert, *tls_key;
	const char
	    *trusted_proxy; /* address range whose X-Forwarded-For/-Proto is believed; NULL: none */
	int64_t body_max, upload_max;
	int connection_max, timeout_s;
	int stop_s;         /* how long web_stop() lets requests in flight go on */
	int rate_percent;   /* scale of the rate limits; 0: none (tests, bench) */
	bool no_page_cache; /* make each page anew, also for anonymous people */
	int socket;         /* from web_listen(); 0: web_start() listens itself */
	/* A second listener that asks for the certificate of a card, always with TLS; it answers
	 * WEB_CARD_PATH only. port 0: none. authorities: PEM of those whose certificates clients
	 * are asked for; nobody is believed because of them. */
	int card_port, card_socket;
	const char *card_authorities;
	const char *card_cert, *card_key; /* PEM files; only when tls_cert and tls_key are NULL */
	/* Or a proxy at these addresses did it, and passes the certificate on in this field. */
	const char *card_proxy, *card_proxy_header;
};
#define WEB_CARD_PATH "/login/card/present"
/* Binds address and port (and the card's) into options->socket, so that a process can do it as root
 * and start the server as somebody else. web_start() takes the socket over. */
int web_listen(struct web_options *, struct err *);
struct web;
int web_start(
    const struct web_options *, struct city **cities, int ncities, struct web **out, struct err *);
int web_port(const struct web *); /* where it listens; for options.port 0: any free one */
/* Reads certificate and key again, for connections from now on; when they are no pair, those from
 * before stay in use and err says why. From one thread. */
int web_reload(struct web *, struct err *);
/* Stops listening, finishes requests in flight, then returns. A request that waits for something
 * that never comes (a lock in the store) keeps it from returning: whoever calls it has a limit. */
void web_stop(struct web *);

#endif
