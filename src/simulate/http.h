/* HTTP on this machine for the simulators: one thread, everything in memory. */
#ifndef SIMULATE_HTTP_H
#define SIMULATE_HTTP_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct MHD_Connection;

struct sim_exchange {
	struct arena *arena; /* of this request */
	const char *method, *path;
	struct str body; /* at most 64 KiB */
	struct MHD_Connection *connection;
	/* the answer; status 0: nothing is here (404) */
	int status;
	const char *type, *location; /* location NULL: none */
	struct str out;
};
/* NULL when there is none. */
const char *sim_query(struct sim_exchange *, const char *name);
const char *sim_header(struct sim_exchange *, const char *name);

/* Answers on 127.0.0.1:port (0: any free one) until SIGTERM or SIGINT; says that text is there, and
 * where. */
int sim_serve(int port, const char *text, void (*answer)(struct sim_exchange *, void *arg),
    void *arg, struct err *);

#endif
