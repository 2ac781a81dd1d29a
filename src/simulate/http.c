#include "simulate/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct server {
	void (*answer)(struct sim_exchange *, void *arg);
	void *arg;
};

struct pending {
	struct sim_exchange x;
	struct buf body;
};

const char *sim_query(struct sim_exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *sim_header(struct sim_exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result send_answer(struct MHD_Connection *c, struct sim_exchange *x)
{
	if (!x->status) {
		x->status = MHD_HTTP_NOT_FOUND;
		x->out = STR("SIMULATOR: nothing here\n");
		x->type = "text/plain";
	}
	struct MHD_Response *r =
	    MHD_create_response_from_buffer(x->out.n, (void *)x->out.p, MHD_RESPMEM_MUST_COPY);
	if (x->type)
		(void)MHD_add_response_header(r, "Content-Type", x->type);
	if (x->location)
		(void)MHD_add_response_header(r, "Location", x->location);
	enum MHD_Result result = MHD_queue_response(c, (unsigned)x->status, r);
	MHD_destroy_response(r);
	return result;
}

static enum MHD_Result step(void *arg, struct MHD_Connection *c, const char *path,
    const char *method, const char *version, const char *data, size_t *n, void **state)
{
	enum { BODY_MAX = 64 * 1024 };
	const struct server *s = arg;
	struct pending *p = *state;
	(void)version;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			abort();
		p->x = (struct sim_exchange){.arena = arena_new(), .connection = c};
		buf_init(&p->body, p->x.arena);
		*state = p;
		return MHD_YES;
	}
	if (*n > 0) {
		if (p->body.n + *n > BODY_MAX)
			return MHD_NO;
		buf_add(&p->body, data, *n);
		*n = 0;
		return MHD_YES;
	}
	p->x.method = method;
	p->x.path = path;
	p->x.body = buf_to_str(&p->body);
	s->answer(&p->x, s->arg);
	return send_answer(c, &p->x);
}

static void completed(
    void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
	struct pending *p = *state;
	(void)arg;
	(void)c;
	(void)code;
	if (!p)
		return;
	arena_free(p->x.arena);
	free(p);
	*state = NULL;
}

int sim_serve(int port, const char *text, void (*answer)(struct sim_exchange *, void *arg),
    void *arg, struct err *err)
{
	struct server s = {answer, arg};
	struct sockaddr_in here = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	sigset_t ends;
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, &ends, NULL); /* cannot fail with this set */
	struct MHD_Daemon *d = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, step,
	    &s, MHD_OPTION_SOCK_ADDR, &here, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
	    MHD_OPTION_END);
	if (!d)
		return err_set(err, ERR_IO, NULL, "port %d cannot be used", port);
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(d, MHD_DAEMON_INFO_BIND_PORT);
	printf("SIMULATOR: %s on http://127.0.0.1:%d\n", text, info ? info->port : port);
	(void)fflush(stdout);
	int got;
	(void)sigwait(&ends, &got);
	MHD_stop_daemon(d);
	return 0;
}
