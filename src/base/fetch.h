/* Asking another server. */
#ifndef BASE_FETCH_H
#define BASE_FETCH_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum { FETCH_MAX = 256 * 1024, FETCH_SECONDS = 10 };

/* What libcurl needs before the first transfer of the process; call it as often as you like, from
 * any thread. */
void fetch_start(void);

struct fetch {
	const char *url;
	const char *ca; /* certificates (PEM) the server must be known by; NULL: the system's */
	/* Also to addresses that the world cannot reach (this machine, 10.0.0.0/8, …), and to this
	 * machine without TLS. Otherwise a server that somebody else names cannot make us ask our
	 * own network. */
	bool private_addresses;
	const char *body;            /* POST of a form; NULL: GET */
	const char *user, *password; /* Basic (as RFC 6749 §2.3.1 encodes them); NULL: none */
	const char *bearer;          /* NULL: none */
	const char *accept;          /* NULL: JSON */
	struct str bytes;            /* POST of these instead, as bytes_type; absent: none */
	const char *bytes_type;
	bool plain; /* also by plain HTTP, wherever it is: what comes back is signed */
	size_t max; /* bytes of the answer; 0: FETCH_MAX */
};

struct fetch_answer {
	int status;
	struct str body;  /* on the arena; at most max bytes */
	const char *type; /* "application/json" without parameters; "" unknown */
};

/* Asks and waits, at most FETCH_SECONDS; so not on a network thread. Follows no redirects. 0 for
 * any answer, whatever its status; ERR_IO with what went wrong in the detail (never with what was
 * sent).
 */
int fetch(struct arena *, const struct fetch *, struct fetch_answer *, struct err *);

struct sockaddr;
/* May the world not reach this address (RFC 6890)? Anything that is neither IPv4 nor IPv6 counts.
 */
bool address_is_private(const struct sockaddr *);

#endif
