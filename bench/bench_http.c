/* Two measurements over HTTP that wrk does not make.
 *
 *   bench_http rate --port N --rate N --seconds N [--cookie TEXT] < TARGETS
 *     Sends requests at fixed times, whether or not the server keeps up, to the targets in turn
 *     (a line each: a name, a space, path and query). A request's time counts from when it was due,
 *     so that a server that stands still for a second is seen to do so. Prints for each name:
 *     count, failed, p50, p99, longest (ms), mean size (bytes).
 *
 *   bench_http start --port N -- COMMAND...
 *     Starts a server and prints how many ms pass until /healthz answers 200, its process id, and
 *     leaves it running. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 16, NAMES = 16, NAME_MAX_ = 40, ANSWER_MAX = 4 * 1024 * 1024 };

static int port, rate = 50, seconds = 20;
static const char *cookie = "";

static double now_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail with a valid clock */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_until(double when)
{
	double left = when - now_s();
	struct timespec t = {
	    .tv_sec = (time_t)left, .tv_nsec = (long)((left - (double)(long)left) * 1e9)};
	if (left > 0)
		(void)nanosleep(&t, NULL); /* waking early shows in the next comparison */
}

static int dial(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		if (fd >= 0)
			(void)close(fd); /* nothing was sent */
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* only slower without */
	return fd;
}

/* Sends one request on *fd (opened when -1) and reads its answer, which has a Content-Length.
 * Returns the status, or -1; *size is the body's. */
static int ask(int *fd, const char *target, char *buf, size_t *size)
{
	char head[2048];
	int n = snprintf(head, sizeof(head),
	    "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: %s\r\n\r\n", target,
	    cookie);
	if (*fd < 0)
		*fd = dial();
	if (*fd < 0 || send(*fd, head, (size_t)n, MSG_NOSIGNAL) != n)
		return -1;
	size_t have = 0, want = 0;
	while (!want || have < want) {
		ssize_t got = recv(*fd, buf + have, ANSWER_MAX - have - 1, 0);
		if (got <= 0)
			return -1;
		have += (size_t)got;
		buf[have] = '\0';
		char *end = want ? NULL : strstr(buf, "\r\n\r\n");
		if (!end)
			continue;
		char *length = strcasestr(buf, "\r\ncontent-length:");
		if (!length || length > end)
			return -1;
		*size = strtoul(length + strlen("\r\ncontent-length:"), NULL, 10);
		want = (size_t)(end + 4 - buf) + *size;
		if (want >= ANSWER_MAX)
			return -1;
	}
	return (int)strtol(buf + strlen("HTTP/1.1 "), NULL, 10);
}

/* --- rate --- */

struct target {
	int name;
	char *path;
};
struct sample {
	int name, status;
	double took;
	size_t size;
};

static struct target *targets;
static char names[NAMES][NAME_MAX_];
static int ntargets, nnames, nsamples;
static struct sample *samples;
static atomic_int next_sample;
static double begin;

static void read_targets(void)
{
	char line[2048];
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		char *space = strchr(line, ' ');
		if (!space)
			continue;
		*space = '\0';
		int k = 0;
		while (k < nnames && strcmp(names[k], line) != 0)
			k++;
		if (k == NAMES)
			continue;
		if (k == nnames)
			(void)snprintf(names[nnames++], NAME_MAX_, "%.*s", NAME_MAX_ - 1, line);
		targets = reallocarray(targets, (size_t)ntargets + 1, sizeof(*targets));
		if (!targets)
			abort();
		targets[ntargets++] = (struct target){k, strdup(space + 1)};
	}
}

static void *sender(void *arg)
{
	(void)arg;
	char *buf = malloc(ANSWER_MAX);
	int fd = -1, i;
	if (!buf)
		abort();
	while ((i = atomic_fetch_add(&next_sample, 1)) < nsamples) {
		struct sample *s = &samples[i];
		const struct target *t = &targets[i % ntargets];
		double due = begin + (double)i / rate;
		sleep_until(due);
		s->name = t->name;
		s->status = ask(&fd, t->path, buf, &s->size);
		s->took = now_s() - due;
		if (s->status < 0 && fd >= 0) {
			(void)close(fd); /* counted as failed */
			fd = -1;
		}
	}
	if (fd >= 0)
		(void)close(fd); /* read to its end */
	free(buf);
	return NULL;
}

static int by_time(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	if (x->name != y->name)
		return x->name - y->name;
	return x->took < y->took ? -1 : x->took > y->took;
}

static void report(void)
{
	qsort(samples, (size_t)nsamples, sizeof(*samples), by_time);
	for (int at = 0, n; at < nsamples; at += n) {
		int failed = 0;
		double bytes = 0;
		for (n = 0; at + n < nsamples && samples[at + n].name == samples[at].name; n++) {
			failed += samples[at + n].status != 200;
			bytes += (double)samples[at + n].size;
		}
		printf("%s %d %d %.1f %.1f %.1f %.0f\n", names[samples[at].name], n, failed,
		    samples[at + n / 2].took * 1e3, samples[at + n * 99 / 100].took * 1e3,
		    samples[at + n - 1].took * 1e3, bytes / n);
	}
}

static int run_rate(void)
{
	read_targets();
	nsamples = rate * seconds;
	if (ntargets == 0 || nsamples <= 0)
		return 2;
	samples = calloc((size_t)nsamples, sizeof(*samples));
	if (!samples)
		abort();
	pthread_t thread[THREADS];
	begin = now_s() + 0.1;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, sender, NULL) != 0)
			abort();
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	report();
	return 0;
}

/* --- start --- */

static int run_start(char **command)
{
	static char buf[ANSWER_MAX];
	double start = now_s();
	pid_t pid = fork();
	if (pid == 0) {
		/* Whoever reads our line must not wait for the server's end. */
		(void)dup2(STDERR_FILENO, STDOUT_FILENO);
		(void)execvp(command[0], command);
		perror(command[0]);
		_exit(127);
	}
	while (now_s() - start < 60) {
		int fd = -1;
		size_t size;
		int status = ask(&fd, "/healthz", buf, &size);
		if (fd >= 0)
			(void)close(fd); /* read to its end */
		if (status == 200) {
			printf("%.0f %d\n", (now_s() - start) * 1e3, (int)pid);
			return 0;
		}
		sleep_until(now_s() + 0.001);
	}
	return 1;
}

int main(int argc, char **argv)
{
	int i = 2;
	for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
		if (strcmp(argv[i], "--port") == 0)
			port = (int)strtol(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--rate") == 0)
			rate = (int)strtol(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seconds") == 0)
			seconds = (int)strtol(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--cookie") == 0)
			cookie = argv[i + 1];
	}
	if (argc > 1 && strcmp(argv[1], "rate") == 0)
		return run_rate();
	if (argc > i + 1 && strcmp(argv[1], "start") == 0)
		return run_start(argv + i + 1);
	fprintf(stderr, "bench_http rate|start; see bench/bench_http.c\n");
	return 2;
}
