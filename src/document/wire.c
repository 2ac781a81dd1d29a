/* Messages over a stream socket: a head of five little-endian words, then the parts, each with its
 * length in front. Everything that comes from the other side is checked before it is used:
 *
 *   1. the head begins with MAGIC and VERSION, so that two builds never misunderstand each other;
 *   2. the body is at most WIRE_BYTES_MAX, and read whole before it is looked at;
 *   3. the parts fill the body exactly, and are at most WIRE_PARTS_MAX. */
#include "document/private.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"

enum { MAGIC = 0x4b57434d /* "MCWK" */, VERSION = 1 };

struct head {
	uint32_t magic, version, kind, call, length;
};

int64_t wire_now_ms(void)
{
	return monotonic_us() / 1000;
}

/* Waits until fd is ready; 0, or an error when the deadline passed. */
static int await(int fd, short events, int64_t deadline_ms, struct err *err)
{
	for (;;) {
		int wait = -1;
		if (deadline_ms >= 0) {
			int64_t left = deadline_ms - wire_now_ms();
			if (left <= 0)
				return err_set(
				    err, ERR_IO, "document.worker_late", "worker: too late");
			wait = left > 60000 ? 60000 : (int)left;
		}
		struct pollfd p = {.fd = fd, .events = events};
		int n = poll(&p, 1, wait);
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set(err, ERR_IO, NULL, "worker: poll: %s", strerror(errno));
	}
}

static int write_all(int fd, const void *bytes, size_t n, int64_t deadline_ms, struct err *err)
{
	const char *p = bytes;
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		} else if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			int rc = await(fd, POLLOUT, deadline_ms, err);
			if (rc < 0)
				return rc;
		} else if (k < 0 && errno != EINTR) {
			return err_set(err, ERR_IO, NULL, "worker: send: %s", strerror(errno));
		}
	}
	return 0;
}

/* 1: all read; 0: closed before the first byte; <0 */
static int read_all(int fd, void *bytes, size_t n, int64_t deadline_ms, struct err *err)
{
	char *p = bytes;
	size_t got = 0;
	while (got < n) {
		ssize_t k = recv(fd, p + got, n - got, MSG_DONTWAIT);
		if (k > 0) {
			got += (size_t)k;
		} else if (k == 0) {
			if (got == 0)
				return 0;
			return err_set(err, ERR_IO, NULL, "worker: closed inside a message");
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			int rc = await(fd, POLLIN, deadline_ms, err);
			if (rc < 0)
				return rc;
		} else if (errno != EINTR) {
			return err_set(err, ERR_IO, NULL, "worker: receive: %s", strerror(errno));
		}
	}
	return 1;
}

int wire_send(int fd, const struct wire_message *m, int64_t deadline_ms, struct err *err)
{
	size_t length = 0;
	for (int i = 0; i < m->nparts; i++) {
		if (m->parts[i].n > WIRE_BYTES_MAX - 4 - length)
			return err_set(err, ERR_TOO_LARGE, NULL, "worker: message too long");
		length += 4 + m->parts[i].n;
	}
	struct head head = {MAGIC, VERSION, (uint32_t)m->kind, m->call, (uint32_t)length};
	int rc = write_all(fd, &head, sizeof(head), deadline_ms, err);
	for (int i = 0; i < m->nparts && rc == 0; i++) {
		uint32_t n = (uint32_t)m->parts[i].n;
		rc = write_all(fd, &n, sizeof(n), deadline_ms, err);
		if (rc == 0)
			rc = write_all(fd, m->parts[i].p, n, deadline_ms, err);
	}
	return rc;
}

int wire_split(struct str body, struct wire_message *out, struct err *err)
{
	out->nparts = 0;
	while (body.n > 0) {
		uint32_t n;
		if (body.n < sizeof(n))
			return err_set(err, ERR_MALFORMED, NULL, "worker: message cut short");
		memcpy(&n, body.p, sizeof(n));
		body.p += sizeof(n);
		body.n -= sizeof(n);
		if (n > body.n || out->nparts == WIRE_PARTS_MAX)
			return err_set(err, ERR_MALFORMED, NULL, "worker: parts do not fit");
		out->parts[out->nparts++] = (struct str){body.p, n};
		body.p += n;
		body.n -= n;
	}
	return 0;
}

int wire_receive(
    int fd, struct arena *a, struct wire_message *out, int64_t deadline_ms, struct err *err)
{
	struct head head;
	int rc = read_all(fd, &head, sizeof(head), deadline_ms, err);
	if (rc <= 0)
		return rc;
	if (head.magic != MAGIC || head.version != VERSION || head.kind < WIRE_CALL ||
	    head.kind > WIRE_FAILED || head.length > WIRE_BYTES_MAX)
		return err_set(err, ERR_MALFORMED, NULL, "worker: not a message of this version");
	char *body = arena_alloc(a, (size_t)head.length + 1);
	if (head.length > 0) {
		rc = read_all(fd, body, head.length, deadline_ms, err);
		if (rc == 0)
			return err_set(err, ERR_IO, NULL, "worker: closed inside a message");
		if (rc < 0)
			return rc;
	}
	out->kind = (enum wire_kind)head.kind;
	out->call = head.call;
	rc = wire_split((struct str){body, head.length}, out, err);
	return rc < 0 ? rc : 1;
}
