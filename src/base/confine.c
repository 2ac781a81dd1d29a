#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

#ifndef PR_SET_MDWE /* Linux 6.3 */
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

bool confine_possible(void)
{
	return !SANITIZED;
}

void confine_process(void)
{
	const struct rlimit none = {0, 0};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		log_warn("confine.privileges", "%s", strerror(errno));
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		log_warn("confine.core", "%s", strerror(errno));
	if (!confine_possible()) /* the leak sanitizer traces its own process at the end */
		return;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		log_warn("confine.trace", "%s", strerror(errno));
	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) < 0 && errno != EINVAL)
		log_warn("confine.memory", "%s", strerror(errno));
}

/* --- files --- */

enum {
	READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	/* Linux 5.19 and 6.2 added these two; the headers may be older than the kernel. */
	REFER = 1 << 13,
	TRUNCATE = 1 << 14,
	WRITE = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
	        LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
	        LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
	        LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM | REFER | TRUNCATE,
	NEVER = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK,
	OF_A_FILE = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
	            LANDLOCK_ACCESS_FS_READ_FILE | TRUNCATE,
};

static void fence_failed(const char *what)
{
	log_error("confine.files", "%s: %s", what, strerror(errno));
	_exit(1);
}

static void allow(int rules, const struct confine_path *p, int handled)
{
	struct landlock_path_beneath_attr one = {.parent_fd = open(p->path, O_PATH | O_CLOEXEC)};
	struct stat st;
	if (one.parent_fd < 0)
		return; /* not on this system */
	int access = (p->use & (CONFINE_READ | CONFINE_WRITE) ? READ : 0) |
	             (p->use & CONFINE_WRITE ? WRITE : 0) |
	             (p->use & CONFINE_EXECUTE ? LANDLOCK_ACCESS_FS_EXECUTE : 0);
	if (fstat(one.parent_fd, &st) < 0 || !S_ISDIR(st.st_mode))
		access &= OF_A_FILE;
	one.allowed_access = (unsigned)(access & handled);
	if (syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &one, 0) < 0)
		fence_failed(p->path);
	(void)close(one.parent_fd);
}

int confine_files(const struct confine_path *paths, size_t n)
{
	long version =
	    syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (version < 1) {
		log_warn("confine.files", "this kernel has no Landlock: %s", strerror(errno));
		return 0;
	}
	int handled = READ | WRITE | NEVER | LANDLOCK_ACCESS_FS_EXECUTE;
	if (version < 2)
		handled &= ~REFER;
	if (version < 3)
		handled &= ~TRUNCATE;
	struct landlock_ruleset_attr all = {.handled_access_fs = (unsigned)handled};
	int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (rules < 0)
		fence_failed("rules");
	for (size_t i = 0; i < n; i++)
		allow(rules, &paths[i], handled);
	if (syscall(SYS_landlock_restrict_self, rules, 0) < 0)
		fence_failed("restrict");
	(void)close(rules);
	return 1;
}

/* --- system calls --- */

static const int refused[] = {
    /* other processes, debuggers */
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp),
    SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_getfd), SCMP_SYS(pidfd_send_signal),
    SCMP_SYS(perf_event_open), SCMP_SYS(bpf), SCMP_SYS(userfaultfd), SCMP_SYS(personality),
    /* the machine */
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(setns),
    SCMP_SYS(unshare), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr),
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(clock_adjtime), SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname), SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm),
    SCMP_SYS(syslog), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(vhangup), SCMP_SYS(nfsservctl),
    SCMP_SYS(lookup_dcookie), SCMP_SYS(fanotify_init), SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at), SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(migrate_pages),
    SCMP_SYS(move_pages), SCMP_SYS(modify_ldt),
    /* keys, other ways into the kernel */
    SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    /* the way back */
    SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid),
    SCMP_SYS(setresgid), SCMP_SYS(setgroups), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid),
    SCMP_SYS(capset)};

/* A process that only works on what it is given. */
static const int refused_to_worker[] = {SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect),
    SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(execve),
    SCMP_SYS(execveat), SCMP_SYS(kill)};

static int refuse(scmp_filter_ctx filter, const int *calls, size_t n)
{
	int done = 0;
	for (size_t i = 0; i < n; i++)
		done += seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0) == 0;
	return done; /* some exist on other processors only */
}

int confine_calls(enum confine_calls which)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	if (!filter) {
		log_warn("confine.calls", "no filter for system calls");
		return 0;
	}
	/* Another calling convention (32 bit, x32) numbers its calls otherwise. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	int n = refuse(filter, refused, sizeof(refused) / sizeof(refused[0]));
	if (which == CONFINE_WORKER)
		n += refuse(filter, refused_to_worker,
		    sizeof(refused_to_worker) / sizeof(refused_to_worker[0]));
	int rc = seccomp_load(filter);
	seccomp_release(filter);
	if (rc == 0)
		return n;
	log_warn("confine.calls", "%s", strerror(-rc));
	return 0;
}

/* --- the user --- */

int confine_become(const char *user, struct err *err)
{
	errno = 0;
	const struct passwd *p = getpwnam(user);
	if (!p)
		return err_set(err, ERR_INPUT, NULL, "there is no user %s", user);
	if (p->pw_uid == 0)
		return err_set(err, ERR_INPUT, NULL, "user: %s is root", user);
	if (initgroups(p->pw_name, p->pw_gid) < 0 ||
	    setresgid(p->pw_gid, p->pw_gid, p->pw_gid) < 0 ||
	    setresuid(p->pw_uid, p->pw_uid, p->pw_uid) < 0)
		return err_set(err, ERR_IO, NULL, "user %s: %s", user, strerror(errno));
	if (setuid(0) == 0 || getuid() != p->pw_uid || geteuid() != p->pw_uid ||
	    getegid() != p->pw_gid)
		return err_set(
		    err, ERR_IO, NULL, "user %s: the rights of root are still there", user);
	/* What libraries look for in the home directory is this user's. */
	if (setenv("HOME", p->pw_dir, 1) < 0 || setenv("USER", p->pw_name, 1) < 0)
		return err_set(err, ERR_IO, NULL, "environment: %s", strerror(errno));
	return 0;
}

const char *confine_owner(const char *path)
{
	struct stat st;
	if (stat(path, &st) < 0 || st.st_uid == 0)
		return NULL;
	const struct passwd *p = getpwuid(st.st_uid);
	return p ? p->pw_name : NULL;
}
