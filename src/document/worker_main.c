/* `machi worker`: the process that touches what may be hostile. It never returns to its former
 * rights:
 *
 *   - no file descriptor but /dev/null, the log and its socket;
 *   - no new privileges, no core dumps (a core would hold personal data), not traceable;
 *   - no files can grow (RLIMIT_FSIZE 0), bounded memory, bounded processor time for each call;
 *   - where the kernel has Landlock, the file system can be read only where fonts and their
 *     libraries live, and written nowhere;
 *   - a seccomp filter refuses what working on bytes never needs: sockets, other programs, other
 *     processes, name spaces, keys, the kernel's own parts. */
#include "document/private.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/confine.h"
#include "base/log.h"

enum { WORKER_FD = 3, CPU_SECONDS_PER_CALL = 30 };

static int task_render(
    struct arena *a, const struct str *parts, int nparts, struct buf *out, struct err *err)
{
	if (nparts < 1)
		return err_set(err, ERR_MALFORMED, NULL, "render: nothing to render");
	json_error_t why;
	json_t *description = json_loadb(parts[0].p, parts[0].n, 0, &why);
	if (!description)
		return err_set(err, ERR_MALFORMED, NULL, "render: line %d: %s", why.line, why.text);
	int rc = render_pages(a, description, parts + 1, nparts - 1, out, err);
	json_decref(description);
	return rc;
}

static int task_seal(
    struct arena *a, const struct str *parts, int nparts, struct buf *out, struct err *err)
{
	if (nparts != 1 || !utf8_valid(parts[0]))
		return err_set(err, ERR_MALFORMED, NULL, "seal: one text is needed");
	return seal_png(a, str_dup(a, parts[0]), out, err);
}

static int task_inspect(
    struct arena *a, const struct str *parts, int nparts, struct buf *out, struct err *err)
{
	(void)a;
	if (nparts != 2)
		return err_set(err, ERR_MALFORMED, NULL, "inspect: a type and a file are needed");
	const char *found = inspect_bytes(parts[0], parts[1]);
	buf_puts(out, found ? found : "");
	return 0;
}

static const struct worker_task tasks[] = {
    {"inspect", task_inspect},
    {"render", task_render},
    {"seal", task_seal},
};

static void limit(__rlimit_resource_t what, rlim_t value)
{
	struct rlimit r;
	if (getrlimit(what, &r) < 0)
		return;
	if (r.rlim_max == RLIM_INFINITY || r.rlim_max > value)
		r.rlim_max = value;
	if (r.rlim_cur == RLIM_INFINITY || r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	if (setrlimit(what, &r) < 0)
		log_warn("worker.limit", "limit %d: %s", (int)what, strerror(errno));
}

/* The processor time from now on; the hard limit stays, so that it can be moved on. */
static void limit_call(void)
{
	struct rusage u;
	struct rlimit r;
	if (getrusage(RUSAGE_SELF, &u) < 0 || getrlimit(RLIMIT_CPU, &r) < 0)
		return;
	rlim_t until = (rlim_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + CPU_SECONDS_PER_CALL;
	if (r.rlim_max == RLIM_INFINITY || until < r.rlim_max) {
		r.rlim_cur = until;
		(void)setrlimit(RLIMIT_CPU, &r); /* the server's deadline still holds */
	}
}

static const struct confine_path readable[] = {
    {"/usr/share", CONFINE_READ},
    {"/usr/local/share/fonts", CONFINE_READ},
    {"/usr/lib", CONFINE_READ},
    {"/lib", CONFINE_READ},
    {"/lib64", CONFINE_READ},
    {"/etc/fonts", CONFINE_READ},
    {"/etc/ld.so.cache", CONFINE_READ},
    {"/var/cache/fontconfig", CONFINE_READ},
    {"/usr/bin", CONFINE_READ},
    {"/dev/urandom", CONFINE_READ},
    {"/proc/self", CONFINE_READ},
};

static void lower_rights(void)
{
	(void)syscall(
	    SYS_close_range, WORKER_FD + 1, ~0U, 0); /* Linux 5.9; all are close-on-exec anyway */
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NAME, "machi-worker");
	confine_process();
	limit(RLIMIT_NOFILE, 64);
	if (confine_possible()) { /* sanitizers write files and map terabytes */
		limit(RLIMIT_FSIZE, 0);
		limit(RLIMIT_AS, (rlim_t)1 << 30);
		(void)confine_files(readable, COUNT(readable));
		(void)confine_calls(CONFINE_WORKER);
	}
}

static void answer(struct arena *a, const struct wire_message *m, struct wire_message *out)
{
	struct err err = {0};
	struct buf *result = arena_new_of(a, struct buf);
	buf_init(result, a);
	int rc = -1;
	const struct worker_task *task = NULL;
	for (size_t i = 0; i < COUNT(tasks) && m->nparts > 0; i++)
		if (str_is(m->parts[0], tasks[i].name))
			task = &tasks[i];
	if (!task)
		rc = err_set(&err, ERR_MALFORMED, NULL, "no such task");
	else
		rc = task->run(a, m->parts + 1, m->nparts - 1, result, &err);
	out->call = m->call;
	if (rc == 0) {
		out->kind = WIRE_DONE;
		out->nparts = 1;
		out->parts[0] = buf_to_str(result);
		return;
	}
	char *kind = arena_alloc(a, 1);
	kind[0] = (char)err.kind;
	out->kind = WIRE_FAILED;
	out->nparts = 2;
	out->parts[0] = (struct str){kind, 1};
	out->parts[1] = str_from(arena_strdup(a, err.detail));
}

int worker_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	lower_rights();
	for (;;) {
		struct arena *a = arena_new();
		struct err err = {0};
		struct wire_message call, reply = {0};
		int rc = wire_receive(WORKER_FD, a, &call, -1, &err);
		if (rc == 1 && call.kind == WIRE_CALL) {
			limit_call();
			answer(a, &call, &reply);
			rc = wire_send(WORKER_FD, &reply, -1, &err) < 0 ? -1 : 1;
		} else if (rc == 1) {
			rc = -1;
		}
		arena_free(a);
		if (rc <= 0)
			return rc < 0;
	}
}
