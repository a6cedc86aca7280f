// SPDX-License-Identifier: GPL-2.0-or-later
/* reader/sandbox.c - what the child may still do: read what it was given, use memory, answer. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "reader/internal.h"

#define NOBODY 65534 /* overflow uid and gid: owns nothing */

/* Address space for the child. AddressSanitizer's shadow alone takes 16 TiB of it, nearly all never touched. */
#ifdef __SANITIZE_ADDRESS__
#define MAX_SPACE RLIM_INFINITY
#else
#define MAX_SPACE (4ULL << 30)
#endif

/* Everything else fails with EPERM, which libraries take as they take a missing file. */
static const int allowed[] = { SYS_read, SYS_write, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_fstat, SYS_newfstatat,
	SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_close, SYS_fcntl, SYS_ftruncate,
	SYS_recvmsg, SYS_sendto, SYS_dup, SYS_futex, SYS_getrandom, SYS_clock_gettime, SYS_gettid, SYS_getpid,
	SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_exit, SYS_exit_group };
#define N_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

/* filter_calls - a seccomp filter of the allowed calls. Source: seccomp(2), struct seccomp_data. */
static int filter_calls(void)
{
	struct sock_filter code[N_ALLOWED + 6], *c = code;
	struct sock_fprog prog;

	*c++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	*c++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	*c++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	*c++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < N_ALLOWED; i++)
		*c++ = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], N_ALLOWED - i, 0);
	*c++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	*c++ = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = c - code;
	prog.filter = code;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) ? -errno : 0;
}

static int limit(int what, rlim_t to)
{
	struct rlimit l = { to, to };

	return setrlimit(what, &l) ? -errno : 0;
}

/* keep_only - the socket becomes descriptor 3; 0 to 2 lead nowhere; all others are closed. */
static int keep_only(int socket)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0)
		return -errno;
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (socket != 3 && dup2(socket, 3) < 0)
		return -errno;
	return syscall(SYS_close_range, 4, ~0U, 0) ? -errno : 0;
}

int sandbox_enter(int socket, int network)
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
	if (!geteuid() &&
		(setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
		return -errno;
	/* No core, and no ptrace by others of that uid. A change of user has cleared the signal of the parent's death. */
	if (prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return network ? 0 : filter_calls();
}
