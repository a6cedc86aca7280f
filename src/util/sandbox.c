// SPDX-License-Identifier: GPL-2.0-or-later
/* util/sandbox.c - what the child may still do: read what it was given, use memory, answer. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/calls.h"
#include "util/caps.h"
#include "util/sandbox.h"

/* Address space for the child. AddressSanitizer's shadow alone takes 16 TiB of it, nearly all never touched. */
#ifdef __SANITIZE_ADDRESS__
#define MAX_SPACE RLIM_INFINITY
#else
#define MAX_SPACE (4ULL << 30)
#endif

static const struct calls_rule allowed[] = { CALL(read), CALL(write), CALL(pread64), CALL(pwrite64), CALL(lseek),
	CALL(fstat), CALL(newfstatat), CALL_WITHOUT(mmap, 2, PROT_EXEC), CALL(munmap), CALL(mremap),
	CALL_WITHOUT(mprotect, 2, PROT_EXEC), CALL(madvise), CALL(brk), CALL(close), CALL(fcntl), CALL(ftruncate),
	CALL(recvmsg), CALL(sendto), CALL(dup), CALL(futex), CALL(sysinfo), CALL(getrandom), CALL(clock_gettime),
	CALL(gettid), CALL(getpid), CALL(rt_sigreturn), CALL(rt_sigprocmask), CALL(exit), CALL(exit_group),
	/* the kernel's own: libc may be probed in here, too (rights/syscalls.c) */
	CALL_NUMBERED(CALLS_URETPROBE), CALL_NUMBERED(CALLS_UPROBE) };

/* What libdebuginfod takes, besides: names of hosts (for which the C library may load code), connections, a thread for these, and a
 * folder for what comes. Nothing that starts a program, or has to do with another process. */
static const struct calls_rule fetching[] = { CALL(mmap), CALL(mprotect), CALL(socket), CALL(socketpair), CALL(connect),
	CALL(bind), CALL(getsockname), CALL(getpeername), CALL(getsockopt), CALL(setsockopt), CALL(sendmsg),
	CALL(sendmmsg), CALL(recvfrom), CALL(recvmmsg), CALL(shutdown), CALL(poll), CALL(ppoll), CALL(select),
	CALL(pselect6), CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(eventfd2), CALL(pipe2),
	CALL_ONLY(ioctl, 1, FIONREAD), CALL_ONLY(ioctl, 1, FIONBIO), CALL(openat), CALL(open), CALL(stat), CALL(lstat),
	CALL(statx), CALL(access), CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getcwd),
	CALL(getdents64), CALL(statfs), CALL(fstatfs), CALL(mkdir), CALL(mkdirat), CALL(rmdir), CALL(rename),
	CALL(renameat), CALL(renameat2), CALL(unlink), CALL(unlinkat), CALL(chmod), CALL(fchmod), CALL(fchmodat),
	CALL(fchown), CALL(utimensat), CALL(flock), CALL(fsync), CALL(fdatasync), CALL(fallocate), CALL(sendfile),
	CALL(copy_file_range), CALL(fadvise64), CALL(umask), CALL(readv), CALL(writev), CALL(dup2), CALL(dup3),
	CALL_WITHOUT(clone, 0, CALLS_NAMESPACES), CALL(set_robust_list), CALL(rseq), CALL(set_tid_address),
	CALL(sched_yield), CALL(sched_getaffinity), CALL(nanosleep), CALL(clock_nanosleep), CALL(clock_getres),
	CALL(gettimeofday), CALL(restart_syscall), CALL(rt_sigaction), CALL(sigaltstack), CALL(getuid), CALL(geteuid),
	CALL(getgid), CALL(getegid), CALL(getppid), CALL(getrusage), CALL(uname) };

/* filter_calls - everything else fails with EPERM, which libraries take as they take a missing file; with ENOSYS where threads are
 * made, for which the C library has another way then. */
static int filter_calls(int network)
{
	struct calls_list list[] = { CALL_LIST(allowed), CALL_LIST(fetching) };

	return calls_allow(list, network ? 2 : 1, network ? ENOSYS : EPERM);
}

static int limit(int what, rlim_t to)
{
	struct rlimit l = { to, to };

	return setrlimit(what, &l) ? -errno : 0;
}

/* keep_only - the socket becomes descriptor 3; 0 to 2 lead nowhere, not even to be written to, which the parent may have given up;
 * all others are closed. */
static int keep_only(int socket)
{
	int null = open("/dev/null", O_RDONLY);

	if (null < 0)
		return -errno;
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (socket != 3 && dup2(socket, 3) < 0)
		return -errno;
	return syscall(SYS_close_range, 4, ~0U, 0) ? -errno : 0;
}

/* become_nobody - take another user and group. They are the real ones of a parent that has given up the right to choose (rights/).
 * Return: 0, or -EPERM: the parent never had that right. */
static int become_nobody(void)
{
	if (geteuid())
		return 0;
	if ((getgroups(0, NULL) && setgroups(0, NULL)) || setresgid(CAPS_NO_USER, CAPS_NO_USER, CAPS_NO_USER) ||
		setresuid(CAPS_NO_USER, CAPS_NO_USER, CAPS_NO_USER))
		return -errno;
	return 0;
}

int sandbox_enter(int socket, int *network)
{
	int err = keep_only(socket);

	if (err)
		return err;
	err = limit(RLIMIT_CORE, 0);
	if (!err)
		err = limit(RLIMIT_AS, MAX_SPACE);
	if (!err)
		err = limit(RLIMIT_FSIZE, 1ULL << 30);
	if (err)
		return err;
	/* Who stays root may do nothing but read what it is given. */
	if (become_nobody())
		*network = 0;
	err = caps_keep(0);
	if (err)
		return err;
	/* No core, and no ptrace by others of that uid. A change of user has cleared the signal of the parent's death. */
	if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return filter_calls(*network);
}

int sandbox_start(pid_t *pid, int *socket, void (*run)(int socket, int parent_pid))
{
	int pair[2], parent = getpid();
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	child = fork();
	if (!child)
		run(pair[1], parent);
	close(pair[1]);
	if (child < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	*pid = child;
	*socket = pair[0];
	return 0;
}

/* Not by the C library's setresuid(), which is for all threads. */
void sandbox_end(pid_t pid)
{
	if (kill(pid, SIGKILL) && errno == EPERM && !syscall(SYS_setresuid, CAPS_NO_USER, -1, -1)) {
		kill(pid, SIGKILL);
		syscall(SYS_setresuid, 0, -1, -1);
	}
	waitpid(pid, NULL, 0);
}

union control {
	char bytes[CMSG_SPACE(SANDBOX_FDS * sizeof(int))];
	struct cmsghdr align;
};

int sandbox_send(int socket, const void *q, size_t n_bytes, const int *fd, size_t n_fds, int flags)
{
	struct iovec iov = { (void *)(uintptr_t)q, n_bytes };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;

	memset(&control, 0, sizeof(control));
	if (n_fds) {
		struct cmsghdr *c = &control.align;

		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fd, n_fds * sizeof(int));
	}
	if (sendmsg(socket, &m, MSG_NOSIGNAL | flags) == (ssize_t)n_bytes)
		return 0;
	return errno == EAGAIN || errno == ETOOMANYREFS ? -EAGAIN : -EPIPE;
}

ssize_t sandbox_take(int socket, void *q, size_t cap, int fd[SANDBOX_FDS])
{
	struct iovec iov = { q, cap };
	union control control;
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	struct cmsghdr *c;
	ssize_t n;

	for (size_t i = 0; i < SANDBOX_FDS; i++)
		fd[i] = -1;
	do {
		n = recvmsg(socket, &m, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -ECONNRESET;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
	return n;
}
