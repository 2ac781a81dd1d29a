/* Each fence in a child process of its own: what is inside works, what is outside is refused. */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

enum { NOT_HERE = 77 };

/* Runs fn in a child; it gives 0 or the line that was wrong. */
static void in_child(int (*fn)(void))
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fn() & 0xff);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == NOT_HERE)
		skip();                           /* this kernel has no such fence */
	assert_int_equal(WEXITSTATUS(status), 0); /* the line, modulo 256 */
}
#define WANT(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

static char dir[] = "/tmp/machi-confine-XXXXXX";
static char inside[64], outside[64];

static int opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

static int files(void)
{
	const struct confine_path paths[] = {
	    {inside, CONFINE_WRITE}, {"/etc/hostname", CONFINE_READ}, {"/not/there", CONFINE_READ}};
	char in[96], out[96], moved[96];
	(void)snprintf(in, sizeof(in), "%s/new", inside);
	(void)snprintf(out, sizeof(out), "%s/old", outside);
	(void)snprintf(moved, sizeof(moved), "%s/moved", outside);
	WANT(opens(out, O_RDWR | O_CREAT) == 0);
	if (!confine_files(paths, 3))
		return NOT_HERE;
	WANT(opens(in, O_RDWR | O_CREAT) == 0);
	WANT(opens(in, O_RDWR | O_TRUNC) == 0);
	WANT(opens(out, O_RDONLY) == EACCES);
	WANT(opens(out, O_WRONLY | O_TRUNC) == EACCES);
	WANT(opens("/etc/passwd", O_RDONLY) == EACCES);
	WANT(access("/etc/hostname", F_OK) < 0 || opens("/etc/hostname", O_RDONLY) == 0);
	WANT(opens("/etc/hostname", O_WRONLY) == EACCES);
	WANT(rename(in, moved) < 0);
	WANT(unlink(out) < 0 && errno == EACCES);
	WANT(mkdir(moved, 0700) < 0 && errno == EACCES);
	char *argv[] = {NULL}, *env[] = {NULL};
	WANT(execve("/bin/true", argv, env) < 0 && errno == EACCES);
	return 0;
}

/* What a server that was taken over would try. */
static int calls_of_server(void)
{
	confine_process();
	if (!confine_calls(CONFINE_SERVER))
		return NOT_HERE;
	WANT(syscall(SYS_ptrace, 0, 0, 0, 0) < 0 && errno == EPERM);
	WANT(syscall(SYS_mount, "none", "/mnt", "tmpfs", 0, NULL) < 0 && errno == EPERM);
	WANT(syscall(SYS_unshare, 0x10000000) < 0 && errno == EPERM); /* CLONE_NEWUSER */
	WANT(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == EPERM);
	WANT(setuid(0) < 0 && errno == EPERM);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	WANT(fd >= 0); /* it talks to databases and mail servers */
	WANT(close(fd) == 0);
	return 0;
}

static int calls_of_worker(void)
{
	confine_process();
	if (!confine_calls(CONFINE_WORKER))
		return NOT_HERE;
	char *argv[] = {NULL}, *env[] = {NULL};
	WANT(socket(AF_INET, SOCK_STREAM, 0) < 0 && errno == EPERM);
	WANT(execve("/bin/true", argv, env) < 0 && errno == EPERM);
	WANT(kill(getppid(), 0) < 0 && errno == EPERM);
	return 0;
}

static int process(void)
{
	struct rlimit core;
	confine_process();
	WANT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	WANT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_max == 0);
	if (!confine_possible())
		return 0;
	WANT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	if (prctl(66 /* PR_GET_MDWE */, 0, 0, 0, 0) != 1)
		return NOT_HERE;
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	WANT(p != MAP_FAILED && mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0);
	WANT(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	         0) == MAP_FAILED);
	return 0;
}

static int becoming(void)
{
	struct err err = {0};
	if (geteuid() != 0) {
		WANT(confine_become("nobody", &err) == -(int)ERR_IO);
		return 0;
	}
	WANT(confine_become("root", &err) == -(int)ERR_INPUT);
	WANT(confine_become("no-such-user-here", &err) == -(int)ERR_INPUT);
	WANT(confine_become("nobody", &err) == 0);
	WANT(getuid() != 0 && geteuid() == getuid() && getgid() != 0);
	WANT(setuid(0) < 0 && seteuid(0) < 0);
	WANT(getgroups(0, NULL) <= 1); /* root's are gone */
	WANT(opens("/etc/shadow", O_RDONLY) == EACCES);
	return 0;
}

static void test_files(void **state)
{
	(void)state;
	in_child(files);
}

static void test_calls(void **state)
{
	(void)state;
	in_child(calls_of_server);
	in_child(calls_of_worker);
}

static void test_process(void **state)
{
	(void)state;
	in_child(process);
}

static void test_become(void **state)
{
	(void)state;
	in_child(becoming);
	assert_null(confine_owner("/not/there"));
	assert_null(confine_owner("/etc/passwd")); /* root's */
}

static int folders_make(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(inside, sizeof(inside), "%s/in", dir);
	(void)snprintf(outside, sizeof(outside), "%s/out", dir);
	return mkdir(inside, 0700) < 0 || mkdir(outside, 0700) < 0 ? -1 : 0;
}

static int folders_remove(void **state)
{
	(void)state;
	char command[64];
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_calls),
	    cmocka_unit_test(test_process),
	    cmocka_unit_test(test_become),
	};
	return cmocka_run_group_tests(tests, folders_make, folders_remove);
}
