/* `machi worker`: the process that touches what may be hostile. It never returns to its former
 * rights:
 *
 *   - no file descriptor but /dev/null, the log and its socket;
 *   - no new privileges, no core dumps (a core would hold personal data), not traceable;
 *   - no files can grow (RLIMIT_FSIZE 0), bounded memory, bounded processor time for each call;
 *   - where the kernel has Landlock, the file system can be read only where fonts and their
 *     libraries live, and written nowhere;
 *   - a seccomp filter refuses what laying out pages never needs: sockets, other programs, other
 *     processes, name spaces, keys, the kernel's own parts. */
#include "document/private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

enum { WORKER_FD = 3, CPU_SECONDS_PER_CALL = 30 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

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

static const struct worker_task tasks[] = {
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

static void only_read_fonts(void)
{
	static const char *const readable[] = {"/usr/share", "/usr/local/share/fonts", "/usr/lib",
	    "/lib", "/lib64", "/etc/fonts", "/etc/ld.so.cache", "/var/cache/fontconfig", "/usr/bin",
	    "/dev/urandom", "/proc/self"};
	struct landlock_ruleset_attr all = {
	    .handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
	                         LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
	                         LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
	                         LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
	                         LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
	                         LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
	                         LANDLOCK_ACCESS_FS_MAKE_SYM,
	};
	int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (rules < 0)
		return; /* a kernel without Landlock */
	for (size_t i = 0; i < COUNT(readable); i++) {
		struct landlock_path_beneath_attr one = {
		    .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR};
		one.parent_fd = open(readable[i], O_PATH | O_CLOEXEC | O_DIRECTORY);
		if (one.parent_fd < 0) {
			one.parent_fd = open(readable[i], O_PATH | O_CLOEXEC);
			one.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
		}
		if (one.parent_fd < 0)
			continue; /* not on this system */
		(void)syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &one, 0);
		(void)close(one.parent_fd);
	}
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		log_warn("worker.landlock", "%s", strerror(errno));
	(void)close(rules);
}

#if defined(__x86_64__)
#define THIS_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCH AUDIT_ARCH_AARCH64
#endif

/* A list of what is refused, not of what is allowed: fonts, threads and memory are libraries'
 * business, and a document must not fail after an update of one of them. */
static void filter_calls(void)
{
#ifdef THIS_ARCH
	static const int refused[] = {SYS_socket, SYS_socketpair, SYS_connect, SYS_bind, SYS_listen,
	    SYS_accept, SYS_accept4, SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv,
	    SYS_process_vm_writev, SYS_kill, SYS_pidfd_open, SYS_mount, SYS_umount2, SYS_pivot_root,
	    SYS_chroot, SYS_setns, SYS_unshare, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_bpf,
	    SYS_perf_event_open, SYS_userfaultfd, SYS_io_uring_setup, SYS_open_by_handle_at,
	    SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot,
	    SYS_swapon, SYS_settimeofday, SYS_clock_settime, SYS_sethostname, SYS_setuid,
	    SYS_setgid, SYS_setresuid, SYS_setresgid, SYS_capset};
	enum { N = COUNT(refused) };
	struct sock_filter code[N + 6];
	unsigned n = 0;
	/* Another calling convention (32 bit, x32) numbers its calls otherwise. */
	code[n++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCH, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)BPF_STMT(
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < N; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(
		    BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused[i], (unsigned char)(N - i), 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	struct sock_fprog program = {.len = (unsigned short)n, .filter = code};
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
		log_warn("worker.seccomp", "%s", strerror(errno));
#endif
}

static void lower_rights(void)
{
	(void)syscall(
	    SYS_close_range, WORKER_FD + 1, ~0U, 0); /* Linux 5.9; all are close-on-exec anyway */
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NAME, "machi-worker");
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, 64);
	if (!SANITIZED) { /* sanitizers write files and map terabytes */
		limit(RLIMIT_FSIZE, 0);
		limit(RLIMIT_AS, (rlim_t)1 << 30);
		only_read_fonts();
		filter_calls();
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
