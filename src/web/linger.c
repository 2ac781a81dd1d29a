/* Connections that were answered before their body was read, until the client has seen it. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web/private.h"

enum {
	LINGER_SECONDS = 5,
	TURN_BYTES = 1024 * 1024, /* read in one turn, that is about each second */
};

void linger_add(struct web *w, int fd, int64_t now_ms)
{
	int own = w->nlingering < LINGER_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	if (own >= 0)
		w->lingering[w->nlingering++] =
		    (struct late_socket){.fd = own, .until_ms = now_ms + LINGER_SECONDS * 1000};
}

/* False at the end of the connection. */
static bool throw_away(int fd)
{
	char bytes[16 * 1024];
	ssize_t n = 1;
	for (size_t seen = 0; n > 0 && seen < TURN_BYTES; seen += (size_t)n)
		if ((n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) < 0)
			return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
	return n > 0;
}

void linger_turn(struct web *w, int64_t now_ms)
{
	for (int i = 0; i < w->nlingering;) {
		struct late_socket *l = &w->lingering[i];
		if (throw_away(l->fd) && now_ms < l->until_ms) {
			i++;
			continue;
		}
		(void)close(l->fd); /* nothing is left to lose */
		*l = w->lingering[--w->nlingering];
	}
}

void linger_free(struct web *w)
{
	while (w->nlingering > 0)
		(void)close(w->lingering[--w->nlingering].fd); /* the server stops */
}
