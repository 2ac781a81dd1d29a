/* What comes in from outside is looked at before it is kept: in a worker (inspect.c), and by the
 * virus scanner when the city has one (clamd, man 8 clamd: INSTREAM). */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "document/private.h"

enum { INSPECT_TIMEOUT_MS = 20000, SCAN_TIMEOUT_MS = 60000, CHUNK = 256 * 1024, ANSWER_MAX = 1024 };

/* --- the scanner --- */

static int scanner_unix(const char *path, struct err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	if (n >= sizeof(sa.sun_path))
		return err_set(err, ERR_INPUT, NULL, "clamd: the path is too long: %s", path);
	memcpy(sa.sun_path, path, n + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	err_set(err, ERR_IO, NULL, "clamd at %s: %s", path, strerror(errno));
	if (fd >= 0)
		(void)close(fd); /* the error is the one above */
	return -(int)ERR_IO;
}

static int scanner_tcp(struct arena *a, const char *where, struct err *err)
{
	const char *colon = strrchr(where, ':');
	if (!colon)
		return err_set(err, ERR_INPUT, NULL,
		    "clamd: a path or host:port is wanted, not \"%s\"", where);
	const char *host = str_dup(a, (struct str){where, (size_t)(colon - where)});
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list;
	int e = getaddrinfo(host, colon + 1, &hints, &list), fd = -1;
	if (e != 0)
		return err_set(err, ERR_IO, NULL, "clamd at %s: %s", where, gai_strerror(e));
	for (struct addrinfo *i = list; i && fd < 0; i = i->ai_next) {
		fd = socket(i->ai_family, i->ai_socktype | SOCK_CLOEXEC, i->ai_protocol);
		if (fd >= 0 && connect(fd, i->ai_addr, i->ai_addrlen) < 0) {
			e = errno;
			(void)close(fd); /* another address is tried */
			errno = e;
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd >= 0 ? fd : err_set(err, ERR_IO, NULL, "clamd at %s: %s", where, strerror(errno));
}

/* Both directions of the socket within one deadline. */
static int wait_for(int fd, short events, int64_t until_ms, struct err *err)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left = until_ms - monotonic_us() / 1000;
	int n = left > 0 ? poll(&p, 1, (int)left) : 0;
	if (n > 0 || (n < 0 && errno == EINTR))
		return 0;
	return err_set(err, ERR_IO, NULL, "clamd: %s", n < 0 ? strerror(errno) : "too late");
}

static int scanner_send(int fd, struct str bytes, int64_t until_ms, struct err *err)
{
	while (bytes.n > 0) {
		int rc = wait_for(fd, POLLOUT, until_ms, err);
		if (rc < 0)
			return rc;
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return err_set(err, ERR_IO, NULL, "clamd: %s", strerror(errno));
		if (n > 0)
			bytes = (struct str){bytes.p + n, bytes.n - (size_t)n};
	}
	return 0;
}

static int scanner_stream(int fd, struct str file, int64_t until_ms, struct err *err)
{
	static const char command[] = "zINSTREAM"; /* with its NUL */
	int rc = scanner_send(fd, (struct str){command, sizeof(command)}, until_ms, err);
	while (rc == 0) { /* the last chunk has no bytes */
		struct str chunk = {file.p, file.n < CHUNK ? file.n : CHUNK};
		uint32_t length = htonl((uint32_t)chunk.n);
		rc = scanner_send(
		    fd, (struct str){(const char *)&length, sizeof(length)}, until_ms, err);
		if (rc < 0 || chunk.n == 0)
			break;
		rc = scanner_send(fd, chunk, until_ms, err);
		file = (struct str){file.p + chunk.n, file.n - chunk.n};
	}
	return rc;
}

static int scanner_answer(int fd, char out[ANSWER_MAX], int64_t until_ms, struct err *err)
{
	size_t n = 0;
	for (;;) {
		int rc = wait_for(fd, POLLIN, until_ms, err);
		if (rc < 0)
			return rc;
		ssize_t got = recv(fd, out + n, ANSWER_MAX - 1 - n, MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return err_set(err, ERR_IO, NULL, "clamd: %s", strerror(errno));
		n += (size_t)got;
		out[n] = '\0';
		if (got == 0 || n == ANSWER_MAX - 1 || memchr(out, '\0', n))
			return 0;
	}
}

/* "stream: OK", "stream: <name> FOUND", or an error. 1: found. */
static int scanner_read(const char *answer, struct err *err)
{
	struct str s = str_trim(str_from(answer));
	static const char found[] = " FOUND";
	const size_t nfound = sizeof(found) - 1;
	if (str_is(s, "stream: OK"))
		return 0;
	if (s.n > nfound && memcmp(s.p + s.n - nfound, found, nfound) == 0) {
		log_warn("file.infected", "%.*s", STR_ARG(s)); /* the name of what was found */
		return 1;
	}
	return err_set(err, ERR_IO, NULL, "clamd: %.200s", answer);
}

int scanner_ask(const char *where, struct str file, struct err *err)
{
	struct arena *a = arena_new();
	char answer[ANSWER_MAX] = "";
	int64_t until_ms = monotonic_us() / 1000 + SCAN_TIMEOUT_MS;
	int fd = where[0] == '/' ? scanner_unix(where, err) : scanner_tcp(a, where, err);
	int rc = fd < 0 ? fd : 0;
	if (rc == 0) {
		struct err sending = {0};
		/* Of a file that is too long for it the scanner says so while it is sent. */
		int sent = scanner_stream(fd, file, until_ms, &sending);
		rc = scanner_answer(fd, answer, until_ms, err);
		if (rc == 0 && !answer[0] && sent < 0)
			rc = err_set(err, ERR_IO, NULL, "%s", sending.detail);
		(void)close(fd); /* nothing was left to write */
	}
	arena_free(a);
	return rc < 0 ? rc : scanner_read(answer, err);
}

/* --- --- */

static const char *known(struct str finding)
{
	static const char *const findings[] = {"damaged", "locked", "active", "large"};
	for (size_t i = 0; i < COUNT(findings); i++)
		if (str_is(finding, findings[i]))
			return findings[i];
	return finding.n ? "damaged" : NULL;
}

static const char *look(struct city *city, const char *type, struct str bytes)
{
	struct err err = {0};
	const char *clamd = city_setting(city, "clamd", NULL), *wrong = NULL;
	int found = clamd && clamd[0] ? scanner_ask(clamd, bytes, &err) : 0;
	if (found != 0) {
		if (found < 0)
			log_err("file.scan", &err);
		return found < 0 ? "unchecked" : "infected";
	}
	if (!inspect_knows(type))
		return NULL;
	struct arena *a = arena_new();
	struct str parts[] = {str_from(type), bytes}, finding = {0};
	/* A worker that a file ends has told what the file is. */
	if (worker_call(a, "inspect", parts, COUNT(parts), INSPECT_TIMEOUT_MS, &finding, &err) <
	    0) {
		log_err("file.inspect", &err);
		wrong = "damaged";
	} else {
		wrong = known(finding);
	}
	arena_free(a);
	return wrong;
}

int file_look(
    struct city *city, const char *type, int fd, int64_t size, const char **found, struct err *err)
{
	*found = NULL;
	if (size <= 0)
		return 0;
	void *p = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_set(err, ERR_IO, NULL, "upload: %s", strerror(errno));
	*found = look(city, type, (struct str){p, (size_t)size});
	(void)munmap(p, (size_t)size);
	return 0;
}
