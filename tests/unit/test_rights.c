// SPDX-License-Identifier: GPL-2.0-or-later
/* unit/test_rights.c - what was given up is gone, and what is needed still works. Each test gives up the rights of a process of its own;
 * none needs root. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reader/reader.h"
#include "rights/rights.h"
#include "util/caps.h"

/* in_child - run it in a child that has given up its rights.  Return: what it returns; 100: they could not be given up. */
static int in_child(unsigned needs, int (*what)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(rights_drop(needs) ? 100 : what());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int bpf(int cmd)
{
	char attr[128] = { 0 };

	return syscall(SYS_bpf, cmd, attr, sizeof(attr)) < 0 ? errno : 0;
}

#define REFUSED(call)                                      \
	do {                                               \
		errno = 0;                                 \
		if ((long)(call) != -1 || errno != ENOSYS) \
			return __LINE__ - first;           \
	} while (0)

/* Each line that is not refused has a number of its own. */
static int try_forbidden(void)
{
	static char byte;
	struct iovec one = { &byte, 1 };
	const int first = __LINE__;

	REFUSED(ptrace(PTRACE_ATTACH, getppid(), 0, 0));
	REFUSED(process_vm_writev(getppid(), &one, 1, &one, 1, 0));
	REFUSED(execl("/bin/true", "true", NULL));
	REFUSED(socket(AF_INET, SOCK_STREAM, 0));
	REFUSED(unshare(CLONE_NEWNS));
	REFUSED(mount("none", "/mnt", "tmpfs", 0, NULL));
	REFUSED(chroot("/"));
	REFUSED(open("/dev/null", O_WRONLY));
	REFUSED(open("/dev/null", O_RDWR));
	REFUSED(open("/tmp/swtrace-forbidden", O_RDONLY | O_CREAT, 0600));
	REFUSED(open("/tmp/swtrace-forbidden", O_RDONLY | O_TRUNC));
	REFUSED(rename("/tmp/swtrace-forbidden", "/tmp/swtrace-forbidden-2"));
	REFUSED(unlink("/tmp/swtrace-forbidden"));
	REFUSED(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	REFUSED(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	REFUSED(syscall(SYS_init_module, NULL, 0, ""));
	REFUSED(syscall(SYS_keyctl, 0, 0, 0, 0, 0));
	REFUSED(syscall(SYS_pidfd_getfd, 0, 0, 0));
	REFUSED(syscall(SYS_io_uring_setup, 1, NULL));
	/* What would be left behind, or is somebody else's. */
	if (bpf(BPF_OBJ_PIN) != ENOSYS || bpf(BPF_PROG_ATTACH) != ENOSYS || bpf(BPF_PROG_GET_FD_BY_ID) != ENOSYS ||
		bpf(BPF_MAP_GET_FD_BY_ID) != ENOSYS || bpf(BPF_LINK_GET_FD_BY_ID) != ENOSYS)
		return 90;
	return 0;
}

static void what_tracing_does_not_need_is_refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(0, try_forbidden), 0);
}

static void *a_thread(void *arg)
{
	return arg;
}

static int try_needed(void)
{
	char text[8192] = "", one[64], two[64];
	int pair[2], fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct iovec local = { one, sizeof(one) }, remote = { two, sizeof(two) };
	pthread_t thread;
	struct stat st;
	pid_t pid;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 || close(fd))
		return 1;
	if (!strstr(text, "NoNewPrivs:\t1") || !strstr(text, "Seccomp:\t2"))
		return 2;
	if (pthread_create(&thread, NULL, a_thread, NULL) || pthread_join(thread, NULL))
		return 3;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		return 4;
	pid = fork();
	if (!pid)
		_exit(write(pair[1], "x", 1) != 1);
	if (pid < 0 || read(pair[0], text, 1) != 1 || waitpid(pid, NULL, 0) != pid)
		return 5;
	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != sizeof(one))
		return 6;
	if (bpf(BPF_MAP_CREATE) == ENOSYS || bpf(BPF_LINK_CREATE) == ENOSYS || bpf(BPF_PROG_LOAD) == ENOSYS)
		return 7;
	return stat("/", &st) || puts("") < 0 ? 8 : 0;
}

static void what_tracing_needs_still_works(void **state)
{
	(void)state;
	assert_int_equal(in_child(0, try_needed), 0);
}

static int try_write(void)
{
	char path[] = "/tmp/swtrace-rights-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	return fd < 0 || write(fd, "x", 1) != 1 || rename(path, path) || unlink(path);
}

static void files_are_written_only_where_that_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(in_child(RIGHTS_WRITE, try_write), 0);
	assert_int_equal(in_child(0, try_write), 1);
}

static int try_spawn(void)
{
	execl("/bin/true", "true", NULL);
	return 1;
}

static void programs_are_started_only_where_that_is_asked_for(void **state)
{
	(void)state;
	assert_int_equal(in_child(RIGHTS_SPAWN, try_spawn), 0);
	assert_int_equal(in_child(0, try_spawn), 1);
}

/* ask_once - a reader of our own, which has answered; NULL: it has not. */
static struct reader *ask_once(void)
{
	char name[READER_NAME_BYTES];
	struct reader *r = NULL;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), err;
	uint32_t crc;

	if (reader_open(&r))
		return NULL;
	do
		err = reader_debuglink(r, fd, "itself", name, &crc);
	while (err == -EAGAIN);
	close(fd);
	if (!err || err == -ENOENT)
		return r;
	reader_close(r);
	return NULL;
}

/* A reader that is started afterwards can read. */
static int try_reader(void)
{
	struct reader *r = ask_once();

	reader_close(r);
	return r ? 0 : 1;
}

/* It hangs: it will not end because it is not needed any more. */
static int try_to_end_a_reader(void)
{
	struct reader *r = ask_once();

	if (!r || kill(reader_pid(r), SIGSTOP))
		return 1;
	reader_close(r);
	return 0;
}

static void a_reader_that_hangs_can_be_ended(void **state)
{
	(void)state;
	assert_int_equal(in_child(0, try_to_end_a_reader), 0);
}

/* is_there - and no zombie. */
static int is_there(pid_t pid)
{
	char path[64], line[256] = "", *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (f && !fgets(line, sizeof(line), f))
		line[0] = 0;
	if (f)
		fclose(f);
	state = strrchr(line, ')');
	return state && state[2] != 'Z' && state[2] != 'X';
}

static void a_reader_that_hangs_dies_with_its_parent(void **state)
{
	pid_t parent, reader = 0;
	int pipes[2], alive = 1;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	parent = fork();
	if (!parent) {
		struct reader *r = rights_drop(0) ? NULL : ask_once();

		reader = r ? reader_pid(r) : 0;
		if (write(pipes[1], &reader, sizeof(reader)) == sizeof(reader))
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipes[0], &reader, sizeof(reader)), sizeof(reader));
	assert_true(reader > 0);
	assert_int_equal(kill(reader, SIGSTOP), 0);
	kill(parent, SIGKILL);
	assert_int_equal(waitpid(parent, NULL, 0), parent);
	for (int i = 0; alive && i < 200; i++) {
		alive = is_there(reader);
		usleep(alive ? 10000 : 0);
	}
	if (alive)
		kill(reader, SIGKILL);
	assert_false(alive);
	close(pipes[0]);
	close(pipes[1]);
}

/* Daemons run as nobody, traced ones among them: they have no business with us. */
static void who_is_nobody_cannot_end_us(void **state)
{
	int pipes[2], status;
	pid_t dropped, nobody;
	char c;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(pipe(pipes), 0);
	dropped = fork();
	if (!dropped) {
		if (!rights_drop(0) && write(pipes[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(pipes[0], &c, 1), 1);
	nobody = fork();
	if (!nobody)
		_exit(setresuid(65534, 65534, 65534) ? 2 : kill(dropped, SIGKILL) ? errno == EPERM ? 0 : 3 : 1);
	assert_int_equal(waitpid(nobody, &status, 0), nobody);
	assert_int_equal(status, 0);
	kill(dropped, SIGKILL);
	assert_int_equal(waitpid(dropped, NULL, 0), dropped);
	close(pipes[0]);
	close(pipes[1]);
}

static void a_reader_can_still_be_started(void **state)
{
	(void)state;
	assert_int_equal(in_child(0, try_reader), 0);
	assert_int_equal(in_child(RIGHTS_WRITE, try_reader), 0);
}

static void capabilities_are_kept_or_gone(void **state)
{
	uint64_t held = 0, now = 0;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(caps_held(&held), 0);
	pid = fork();
	if (!pid) {
		if (caps_keep(CAPS_BIT(CAP_SYS_PTRACE)) || caps_held(&now))
			_exit(1);
		if (now != (held & CAPS_BIT(CAP_SYS_PTRACE)))
			_exit(2);
		if (held & CAPS_BIT(CAP_SETPCAP) && prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0))
			_exit(3);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int hold(void)
{
	return 0;
}

static void *drops(void *arg)
{
	*(int *)arg = in_child(0, hold);
	pause();
	return NULL;
}

static void a_second_thread_would_keep_its_own_and_is_refused(void **state)
{
	pthread_t thread;
	int in_thread = -1, status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		/* A child has but the thread that made it. */
		if (pthread_create(&thread, NULL, drops, &in_thread))
			_exit(1);
		while (__atomic_load_n(&in_thread, __ATOMIC_ACQUIRE) < 0)
			sched_yield();
		_exit(in_thread ? 2 : rights_drop(0) == -EBUSY ? 0 : 3);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_directory_of_another_user_takes_more(void **state)
{
	char path[] = "/tmp/swtrace-rights-XXXXXX", file[64];

	(void)state;
	assert_non_null(mkdtemp(path));
	snprintf(file, sizeof(file), "%s/new", path);
	assert_int_equal(rights_to_write(NULL), 0);
	assert_int_equal(rights_to_write(file), RIGHTS_WRITE);
	assert_int_equal(chmod(path, 0500), 0);
	assert_int_equal(rights_to_write(file), RIGHTS_WRITE | RIGHTS_OTHERS);
	rmdir(path);
	assert_int_equal(rights_to_write(file), RIGHTS_WRITE | RIGHTS_OTHERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_tracing_does_not_need_is_refused),
		cmocka_unit_test(what_tracing_needs_still_works),
		cmocka_unit_test(files_are_written_only_where_that_is_asked_for),
		cmocka_unit_test(programs_are_started_only_where_that_is_asked_for),
		cmocka_unit_test(a_reader_can_still_be_started),
		cmocka_unit_test(a_reader_that_hangs_can_be_ended),
		cmocka_unit_test(a_reader_that_hangs_dies_with_its_parent),
		cmocka_unit_test(who_is_nobody_cannot_end_us),
		cmocka_unit_test(capabilities_are_kept_or_gone),
		cmocka_unit_test(a_second_thread_would_keep_its_own_and_is_refused),
		cmocka_unit_test(a_directory_of_another_user_takes_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
