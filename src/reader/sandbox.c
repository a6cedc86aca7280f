// SPDX-License-Identifier: GPL-2.0-or-later
/* reader/sandbox.c - what the child may still do: read what it was given, use memory, answer. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "reader/internal.h"
#include "util/calls.h"
#include "util/caps.h"

/* Address space for the child. AddressSanitizer's shadow alone takes 16 TiB of it, nearly all never touched. */
#ifdef __SANITIZE_ADDRESS__
#define MAX_SPACE RLIM_INFINITY
#else
#define MAX_SPACE (4ULL << 30)
#endif

/* Everything else fails with EPERM, which libraries take as they take a missing file. */
#define ANY(name)                           \
	{                                   \
		SYS_##name, CALLS_ANY, 0, 0 \
	}
static const struct calls_rule allowed[] = { ANY(read), ANY(write), ANY(pread64), ANY(pwrite64), ANY(lseek), ANY(fstat),
	ANY(newfstatat), ANY(mmap), ANY(munmap), ANY(mremap), ANY(mprotect), ANY(madvise), ANY(brk), ANY(close),
	ANY(fcntl), ANY(ftruncate), ANY(recvmsg), ANY(sendto), ANY(dup), ANY(futex), ANY(getrandom), ANY(clock_gettime),
	ANY(gettid), ANY(getpid), ANY(rt_sigreturn), ANY(rt_sigprocmask), ANY(exit), ANY(exit_group),
	/* the kernel's own: libc may be probed in here, too (rights/syscalls.c) */
	{ CALLS_URETPROBE, CALLS_ANY, 0, 0 }, { CALLS_UPROBE, CALLS_ANY, 0, 0 } };

static int filter_calls(void)
{
	struct calls_list list = { allowed, sizeof(allowed) / sizeof(allowed[0]) };

	return calls_allow(&list, 1, EPERM);
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
	return *network ? 0 : filter_calls();
}
