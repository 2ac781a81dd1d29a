/* The server's side of the worker processes.
 *
 * A worker is this very program, started again as `machi worker`: a fresh process image (no
 * store, no keys, no sockets of the server in its memory), with lowered rights. It does one call
 * at a time.
 *
 *   1. At most WORKERS_MAX run; a caller waits for one that is free.
 *   2. A worker that dies, answers nonsense or is too late is killed, and the next call gets a
 *      new one. The call in hand fails; the job queue tries it again.
 *   3. A worker that has answered before and dies (it may have been killed while idle) does not
 *      fail the call at once: tasks change nothing, so the call goes to a new worker once.
 *   4. After CALLS_MAX calls a worker is replaced, so that what a library leaks stays small.
 *   5. A worker ends by itself when the server's end of its socket closes. */
#include "document/private.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

enum { WORKERS_MAX = 2, CALLS_MAX = 1000, WORKER_FD = 3 };

struct worker {
	pid_t pid; /* 0: none */
	int fd;
	bool busy;
	uint32_t calls;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct worker workers[WORKERS_MAX];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .freed = PTHREAD_COND_INITIALIZER};

/* Environment of a worker: what fonts, sanitizers and the fixed clock of tests need; no secrets. */
static char **worker_environment(struct arena *a)
{
	static const char *const kept[] = {"MACHI_NOW", "FONTCONFIG_FILE", "FONTCONFIG_PATH",
	    "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"};
	char **env = arena_array(a, COUNT(kept) + 5, sizeof(*env));
	int n = 0;
	env[n++] = arena_strdup(a, "MACHI_WORKER=1");
	env[n++] = arena_strdup(a, "PATH=/usr/bin:/bin");
	env[n++] = arena_strdup(a, "LANG=C.UTF-8");
	env[n++] = arena_strdup(a, "HOME=/nonexistent");
	for (size_t i = 0; i < COUNT(kept); i++) {
		const char *value = getenv(kept[i]);
		if (value)
			env[n++] = arena_printf(a, "%s=%s", kept[i], value);
	}
	return env;
}

static int start(struct worker *w, struct err *err)
{
	if (getenv("MACHI_WORKER"))
		return err_set(err, ERR_INTERNAL, NULL, "a worker may not start workers");
	/* Test programs are not machi themselves: they say where it is. */
	const char *program = getenv("MACHI_BIN");
	if (!program)
		program = "/proc/self/exe";
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(err, ERR_IO, NULL, "worker: socketpair: %s", strerror(errno));
	struct arena *a = arena_new();
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t all, none;
	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	(void)posix_spawn_file_actions_init(&actions);
	(void)posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", 0, 0);
	(void)posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&actions, pair[1], WORKER_FD);
	(void)posix_spawnattr_init(&attributes);
	(void)posix_spawnattr_setsigdefault(&attributes, &all);
	(void)posix_spawnattr_setsigmask(&attributes, &none);
	/* An own process group: Ctrl-C on a terminal is the server's business. */
	(void)posix_spawnattr_setpgroup(&attributes, 0);
	(void)posix_spawnattr_setflags(
	    &attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	char name[] = "machi", word[] = "worker";
	char *argv[] = {name, word, NULL};
	pid_t pid;
	int e = posix_spawn(&pid, program, &actions, &attributes, argv, worker_environment(a));
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	arena_free(a);
	(void)close(pair[1]);
	if (e != 0) {
		(void)close(pair[0]);
		return err_set(
		    err, ERR_IO, NULL, "worker: cannot start %s: %s", program, strerror(e));
	}
	w->pid = pid;
	w->fd = pair[0];
	w->calls = 0;
	return 0;
}

/* Kills the process and forgets it. */
static void stop(struct worker *w)
{
	if (!w->pid)
		return;
	(void)close(w->fd);
	(void)kill(w->pid, SIGKILL); /* it may be gone already */
	while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	w->pid = 0;
}

static struct worker *take_free(void)
{
	(void)pthread_mutex_lock(&pool.lock);
	for (;;) {
		struct worker *found = NULL;
		/* A running one before a new one. */
		for (int i = 0; i < WORKERS_MAX; i++)
			if (!pool.workers[i].busy &&
			    (!found || (!found->pid && pool.workers[i].pid)))
				found = &pool.workers[i];
		if (found) {
			found->busy = true;
			(void)pthread_mutex_unlock(&pool.lock);
			return found;
		}
		(void)pthread_cond_wait(&pool.freed, &pool.lock);
	}
}

static void give_back(struct worker *w)
{
	if (w->calls >= CALLS_MAX)
		stop(w);
	(void)pthread_mutex_lock(&pool.lock);
	w->busy = false;
	(void)pthread_cond_signal(&pool.freed);
	(void)pthread_mutex_unlock(&pool.lock);
}

/* Has the other side closed? A worker never speaks first, so readable means closed or broken. */
static bool is_gone(const struct worker *w)
{
	struct pollfd p = {.fd = w->fd, .events = POLLIN};
	return poll(&p, 1, 0) != 0;
}

/* The error of a failed call: kind, detail. The kind is checked; texts are only for the log. */
static int failed(const struct wire_message *m, struct err *err)
{
	unsigned char kind =
	    m->nparts >= 2 && m->parts[0].n == 1 ? (unsigned char)m->parts[0].p[0] : 0;
	if (kind == ERR_NONE || kind >= ERR_COUNT)
		return err_set(err, ERR_IO, NULL, "worker: an error that is none");
	return err_set(
	    err, (enum err_kind)kind, "document.render_failed", "%.*s", STR_ARG(m->parts[1]));
}

/* One call on one worker: 0, 1 (it failed, the worker is fine) or <0 (the worker must go). */
static int call(struct worker *w, struct arena *a, const struct wire_message *m, int64_t deadline,
    struct str *out, struct err *err)
{
	struct wire_message answer;
	int rc = wire_send(w->fd, m, deadline, err);
	if (rc < 0)
		return rc;
	rc = wire_receive(w->fd, a, &answer, deadline, err);
	if (rc == 0)
		return err_set(err, ERR_IO, NULL, "worker: it ended during the call");
	if (rc < 0)
		return rc;
	if (answer.call != m->call || answer.kind == WIRE_CALL ||
	    (answer.kind == WIRE_DONE && answer.nparts != 1))
		return err_set(err, ERR_IO, NULL, "worker: an answer to something else");
	if (answer.kind == WIRE_FAILED) {
		(void)failed(&answer, err);
		return 1;
	}
	*out = answer.parts[0];
	return 0;
}

int worker_call(struct arena *a, const char *task, const struct str *parts, int nparts,
    int timeout_ms, struct str *out, struct err *err)
{
	struct wire_message m = {.kind = WIRE_CALL, .nparts = nparts + 1};
	if (nparts >= WIRE_PARTS_MAX)
		return err_set(err, ERR_INTERNAL, NULL, "worker: %d parts", nparts);
	m.parts[0] = str_from(task);
	for (int i = 0; i < nparts; i++)
		m.parts[i + 1] = parts[i];
	struct worker *w = take_free();
	int64_t deadline = wire_now_ms() + timeout_ms;
	int rc = 0;
	for (int turn = 0; turn < 2; turn++) {
		bool fresh = false;
		if (w->pid && is_gone(w))
			stop(w);
		if (!w->pid) {
			rc = start(w, err);
			if (rc < 0)
				break;
			fresh = true;
		}
		m.call = ++w->calls;
		rc = call(w, a, &m, deadline, out, err);
		if (rc >= 0)
			break;
		log_warn("worker.lost", "%s: %s", task, err ? err->detail : "");
		stop(w);
		if (fresh || wire_now_ms() >= deadline)
			break;
	}
	give_back(w);
	return rc > 0 ? -(int)(err ? err->kind : ERR_IO) : rc;
}

int worker_pids(pid_t *out, int max)
{
	int n = 0;
	(void)pthread_mutex_lock(&pool.lock);
	for (int i = 0; i < WORKERS_MAX && n < max; i++)
		if (pool.workers[i].pid)
			out[n++] = pool.workers[i].pid;
	(void)pthread_mutex_unlock(&pool.lock);
	return n;
}

void worker_stop_all(void)
{
	(void)pthread_mutex_lock(&pool.lock);
	for (int i = 0; i < WORKERS_MAX; i++)
		if (!pool.workers[i].busy)
			stop(&pool.workers[i]);
	(void)pthread_mutex_unlock(&pool.lock);
}
