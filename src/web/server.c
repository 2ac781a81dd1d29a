/* The server: sockets, network threads, limits, start and stop.
 *
 * Network threads (libmicrohttpd, epoll, one for each core) read requests and send answers; a
 * handler runs on one. Whatever may wait (the store's writer, password hashing) happens elsewhere
 * while the connection is suspended; resuming brings the request back to its network thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "web/private.h"
#include "web/tls.h"

enum {
	BODY_BYTES_PER_S = 4096, /* the slowest body */
	ANSWER_SECONDS = 3600,   /* to take an answer */
	LISTEN_BACKLOG = 1024,
	CONNECTION_MEMORY = 16 * 1024, /* request line, header fields and read buffer together */
};

/* --- network threads --- */

static _Thread_local struct net *this_net;

struct net *net_of(struct web *w)
{
	if (!this_net) {
		struct net *n = calloc(1, sizeof(*n));
		if (!n)
			abort();
		n->web = w;
		n->cache = cache_new(CACHE_BYTES);
		pthread_mutex_lock(&w->lock);
		n->next = w->nets;
		w->nets = n;
		pthread_mutex_unlock(&w->lock);
		this_net = n;
	}
	return this_net;
}

/* --- connections --- */

void phase_set(struct connection *c, enum phase phase, int64_t now_us)
{
	atomic_store_explicit(&c->phase, phase, memory_order_relaxed);
	atomic_store_explicit(&c->since_ms, now_us / 1000, memory_order_relaxed);
	atomic_store_explicit(&c->bytes, 0, memory_order_relaxed);
}

static void connection_notify(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	struct web *w = cls;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		struct connection *c = calloc(1, sizeof(*c));
		if (!c)
			abort();
		const union MHD_ConnectionInfo *info =
		    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
		address_of_socket(info ? info->client_addr : NULL, &c->address);
		address_format(&c->address, c->text);
		c->proxy = address_in(&c->address, w->proxies, w->nproxies);
		info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
		c->fd = info ? info->connect_fd : -1;
		phase_set(c, PHASE_HEAD, monotonic_us());
		pthread_mutex_lock(&w->lock);
		c->next = w->connections;
		if (c->next)
			c->next->prev = c;
		w->connections = c;
		w->nconnections++;
		pthread_mutex_unlock(&w->lock);
		*context = c;
	} else if (*context) {
		struct connection *c = *context;
		pthread_mutex_lock(&w->lock);
		if (c->prev)
			c->prev->next = c->next;
		else
			w->connections = c->next;
		if (c->next)
			c->next->prev = c->prev;
		w->nconnections--;
		if (c->unread && c->fd >= 0) {
			linger_add(w, c->fd, monotonic_us() / 1000);
			pthread_cond_signal(&w->wake);
		}
		pthread_mutex_unlock(&w->lock);
		free(c);
		*context = NULL;
	}
}

static void card_connection_notify(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode code)
{
	connection_notify(cls, mhd, context, code);
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		((struct connection *)*context)->card = true;
}

/* libmicrohttpd's own timeout begins anew with every byte, so that a client that sends one byte at
 * a time would stay forever. This ends connections whose current phase takes too long. w->lock is
 * held. */
static void reap(struct web *w)
{
	int64_t now_ms = monotonic_us() / 1000;
	linger_turn(w, now_ms);
	for (struct connection *c = w->connections; c; c = c->next) {
		int64_t age = now_ms - atomic_load_explicit(&c->since_ms, memory_order_relaxed);
		int64_t bytes = atomic_load_explicit(&c->bytes, memory_order_relaxed);
		int64_t timeout = w->options.timeout_s;
		int64_t limit =
		    2 * timeout; /* silence before the request, then its header fields */
		int phase = atomic_load_explicit(&c->phase, memory_order_relaxed);
		if (phase == PHASE_BODY)
			limit = timeout + bytes / BODY_BYTES_PER_S;
		else if (phase == PHASE_ANSWER)
			limit = ANSWER_SECONDS;
		/* The lock keeps the descriptor from being closed and used for something else. */
		if (age > limit * 1000 && c->fd >= 0)
			(void)shutdown(c->fd, SHUT_RDWR); /* may be gone already */
	}
}

static void *reaper_main(void *arg)
{
	struct web *w = arg;
	pthread_mutex_lock(&w->lock);
	while (!w->reaped) {
		struct timespec until;
		(void)clock_gettime(CLOCK_REALTIME, &until); /* cannot fail with a valid clock */
		until.tv_sec++;
		/* Woken by web_stop(); a clock that was set only makes a turn longer or shorter. */
		(void)pthread_cond_timedwait(&w->wake, &w->lock, &until);
		reap(w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Paths and queries stay as they were sent; router.c and form.c decode them, strictly. */
static size_t leave_escaped(void *cls, struct MHD_Connection *mhd, char *text)
{
	(void)cls;
	(void)mhd;
	return strlen(text);
}

/* --- start and stop --- */

/* The one pair of the process, for whichever listener has TLS. */
static const char *tls_cert(const struct web_options *o)
{
	return o->tls_cert ? o->tls_cert : o->card_port ? o->card_cert : NULL;
}

static const char *tls_key(const struct web_options *o)
{
	return o->tls_cert ? o->tls_key : o->card_key;
}

static int listen_on(const char *address, int port, int *out, struct err *err)
{
	struct sockaddr_storage sa = {0};
	socklen_t size = sizeof(struct sockaddr_in);
	struct sockaddr_in *in = (struct sockaddr_in *)&sa;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&sa;
	if (strcmp(address, "localhost") == 0)
		address = "127.0.0.1";
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		size = sizeof(*in6);
	} else {
		return err_set(err, ERR_INPUT, NULL, "%s is not an address to listen on", address);
	}
	int on = 1;
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, ERR_IO, NULL, "socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* a restart at once */
	if (bind(fd, (struct sockaddr *)&sa, size) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
		err_set(err, ERR_IO, NULL, "port %d of %s: %s", port, address, strerror(errno));
		(void)close(fd); /* the error is the one above */
		return -(int)ERR_IO;
	}
	*out = fd;
	return 0;
}

int web_listen(struct web_options *o, struct err *err)
{
	const char *address = o->address ? o->address : "127.0.0.1";
	if (o->card_port && !tls_cert(o))
		return err_set(err, ERR_INPUT, NULL,
		    "card.port needs tls.cert and tls.key, or card.cert and card.key");
	int rc = listen_on(address, o->port, &o->socket, err);
	if (rc == 0 && o->card_port)
		rc = listen_on(address, o->card_port, &o->card_socket, err);
	return rc;
}

static int port_of(int fd)
{
	struct sockaddr_storage sa = {0};
	socklen_t size = sizeof(sa);
	if (getsockname(fd, (struct sockaddr *)&sa, &size) < 0)
		return 0;
	return ntohs(sa.ss_family == AF_INET ? ((struct sockaddr_in *)&sa)->sin_port
	                                     : ((struct sockaddr_in6 *)&sa)->sin6_port);
}

static void mhd_log(void *cls, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
static void mhd_log(void *cls, const char *fmt, va_list ap)
{
	(void)cls;
	struct buf b = {0};
	buf_vprintf(&b, fmt, ap);
	struct str text = str_trim(buf_to_str(&b));
	log_debug("web.http", "%.*s", STR_ARG(text));
	buf_free(&b);
}

/* TLS 1.2 and 1.3, a new key for each connection, authenticated encryption, our order: what every
 * browser of the last ten years has. */
static const char tls_priorities[] =
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:"
    "+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE";

/* card: the listener that asks for the client's certificate. */
static int daemon_start(struct web *w, int fd, bool card, struct MHD_Daemon **out, struct err *err)
{
	const struct web_options *o = &w->options;
	unsigned flags =
	    MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem more[16];
	int n = 0;
#define OPTION(name, number, pointer)                                                              \
	more[n++] = (struct MHD_OptionItem){(name), (intptr_t)(number), (pointer)}
	OPTION(MHD_OPTION_LISTEN_SOCKET, fd, NULL);
	OPTION(MHD_OPTION_CONNECTION_LIMIT, o->connection_max, NULL);
	OPTION(MHD_OPTION_CONNECTION_TIMEOUT, o->timeout_s, NULL);
	OPTION(MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, NULL);
	OPTION(MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL);
	/* Behind a proxy all clients have its address; it limits them itself. */
	if (w->nproxies == 0)
		OPTION(MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connection_max / 4 + 1, NULL);
	if (o->threads > 1 && !card)
		OPTION(MHD_OPTION_THREAD_POOL_SIZE, o->threads, NULL);
	if (o->tls_cert || card) {
		if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
			return err_set(err, ERR_INPUT, NULL, "libmicrohttpd was built without TLS");
		int rc = card && o->tls_cert ? 0 : tls_load(tls_cert(o), tls_key(o), err);
		if (rc < 0)
			return rc;
		flags |= MHD_USE_TLS;
		/* Its names go to the client, who then is asked for a certificate. */
		if (card && o->card_authorities && o->card_authorities[0])
			OPTION(MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)o->card_authorities);
		OPTION(MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)tls_retrieve);
		OPTION(MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities);
	}
	OPTION(MHD_OPTION_END, 0, NULL);
#undef OPTION
	*out = MHD_start_daemon(flags, 0, NULL, NULL, exchange_step, w, MHD_OPTION_EXTERNAL_LOGGER,
	    mhd_log, NULL, MHD_OPTION_URI_LOG_CALLBACK, exchange_new, w,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_NOTIFY_COMPLETED,
	    exchange_completed, w, MHD_OPTION_NOTIFY_CONNECTION,
	    card ? card_connection_notify : connection_notify, w, MHD_OPTION_ARRAY, more,
	    MHD_OPTION_END);
	if (!*out)
		return err_set(err, ERR_IO, NULL, "the server could not start");
	return 0;
}

static void set_defaults(struct web_options *o)
{
	if (o->threads <= 0)
		o->threads = (int)sysconf(_SC_NPROCESSORS_ONLN);
	if (o->threads < 1)
		o->threads = 1;
	if (o->body_max <= 0)
		o->body_max = 1024 * 1024;
	if (o->upload_max <= 0)
		o->upload_max = 50 * 1024 * 1024;
	if (o->connection_max < o->threads * 2)
		o->connection_max = o->connection_max > 0 ? o->threads * 2 : 10000;
	if (o->timeout_s <= 0)
		o->timeout_s = 30;
	if (o->stop_s <= 0)
		o->stop_s = 20;
}

static void web_free(struct web *w)
{
	if (tls_cert(&w->options))
		tls_free();
	workers_free(w->workers);
	for (int i = 0; i < w->ncities; i++) {
		frames_drop(w, &w->cities[i]);
		secret_release(&w->cities[i].secret);
	}
	for (struct net *n = w->nets, *next; n; n = next) {
		next = n->next;
		cache_free(n->cache);
		buf_free(&n->scratch);
		while (n->nspare > 0)
			arena_free(n->spare[--n->nspare]);
		if (n->gzip_ready)
			(void)deflateEnd(
			    &n->gzip); /* complains about data not sent; there is none */
		free(n);
	}
	router_free(w->router);
	ratelimit_free(w->ratelimit);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->wake);
	arena_free(w->arena);
}

static int cities_prepare(struct web *w, struct city **cities, int n, struct err *err)
{
	w->cities = arena_array(w->arena, (size_t)n, sizeof(*w->cities));
	for (int i = 0; i < n; i++) {
		w->cities[i].city = cities[i];
		int rc = cities[i]->store ? secret_load(cities[i], &w->cities[i].secret, err) : 0;
		if (rc < 0)
			return rc;
		w->ncities++;
	}
	return 0;
}

static void openapi_prepare(struct web *w)
{
	json_t *doc = openapi_build(modules, nmodules);
	char *text = json_dumps(doc, JSON_COMPACT);
	json_decref(doc);
	if (!text)
		abort();
	w->openapi = str_from(arena_strdup(w->arena, text));
	free(text);
}

static int prepare(struct web *w, struct city **cities, int n, struct err *err)
{
	int rc = address_ranges_parse(
	    w->arena, w->options.trusted_proxy, &w->proxies, &w->nproxies, err);
	if (rc == 0)
		rc = address_ranges_parse(
		    w->arena, w->options.card_proxy, &w->card_proxies, &w->ncard_proxies, err);
	if (rc < 0 || (rc = router_new(modules, nmodules, &w->router, err)) < 0 ||
	    (rc = cities_prepare(w, cities, n, err)) < 0)
		return rc;
	openapi_prepare(w);
	globals_prepare(w);
	w->ratelimit = ratelimit_new(w->options.rate_percent);
	w->workers = workers_new(w->options.threads < 2 ? 2 : w->options.threads);
	return 0;
}

int web_start(
    const struct web_options *o, struct city **cities, int n, struct web **out, struct err *err)
{
	struct arena *arena = arena_new();
	struct web *w = arena_new_of(arena, struct web);
	*w = (struct web){.options = *o, .arena = arena, .started_us = now_us()};
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	set_defaults(&w->options);
	csrf_mark_make();
	int rc = prepare(w, cities, n, err);
	if (rc == 0 && !w->options.socket)
		rc = web_listen(&w->options, err);
	if (rc == 0) {
		w->port = port_of(w->options.socket);
		rc = daemon_start(w, w->options.socket, false, &w->daemon, err);
	}
	if (rc == 0 && w->options.card_socket &&
	    (rc = daemon_start(w, w->options.card_socket, true, &w->card_daemon, err)) < 0) {
		MHD_stop_daemon(w->daemon); /* closes its socket */
		w->options.socket = 0;
	}
	if (rc < 0) {
		if (w->options.socket)
			(void)close(w->options.socket); /* the error is the one before */
		if (w->options.card_socket)
			(void)close(w->options.card_socket);
		web_free(w);
		return rc;
	}
	if (pthread_create(&w->reaper, NULL, reaper_main, w) != 0)
		abort();
	*out = w;
	return 0;
}

int web_port(const struct web *w)
{
	return w->port;
}

int web_reload(struct web *w, struct err *err)
{
	const struct web_options *o = &w->options;
	return tls_cert(o) ? tls_load(tls_cert(o), tls_key(o), err) : 0;
}

static bool in_flight(struct web *w)
{
	uint64_t started = 0, ended = 0;
	pthread_mutex_lock(&w->lock);
	for (struct net *n = w->nets; n; n = n->next) {
		ended += atomic_load(&n->counters.completed);
		started += atomic_load(&n->counters.started);
	}
	pthread_mutex_unlock(&w->lock);
	return started != ended;
}

void web_stop(struct web *w)
{
	if (!w)
		return;
	atomic_store(&w->stopping, true);
	struct MHD_Daemon *daemons[] = {w->daemon, w->card_daemon};
	for (size_t i = 0; i < COUNT(daemons) && daemons[i]; i++) {
		int fd = MHD_quiesce_daemon(daemons[i]);
		if (fd >= 0)
			(void)close(fd); /* nobody else has it */
	}
	struct timespec moment = {.tv_nsec = 5 * 1000 * 1000};
	for (int64_t until = monotonic_us() + w->options.stop_s * INT64_C(1000000); in_flight(w);) {
		if (monotonic_us() > until) {
			log_warn(
			    "web.stop", "some requests did not end in %d s", w->options.stop_s);
			break;
		}
		(void)nanosleep(&moment, NULL); /* waking early is harmless */
	}
	/* A suspended connection must not outlive the daemon; what suspends them ends by itself. A
	 * kept connection may have brought another request meanwhile: from here on none waits. */
	atomic_store(&w->closing, true);
	while (atomic_load(&w->suspended) > 0)
		(void)nanosleep(&moment, NULL);
	for (size_t i = 0; i < COUNT(daemons) && daemons[i]; i++)
		MHD_stop_daemon(daemons[i]);
	pthread_mutex_lock(&w->lock);
	w->reaped = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->reaper, NULL);
	linger_free(w);
	web_free(w);
}
