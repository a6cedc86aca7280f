// SPDX-License-Identifier: GPL-2.0-or-later
/* rights/syscalls.c - the system calls that swtrace makes once it traces. What is not listed fails with ENOSYS, for which the C library
 * has another way where there is one (clone3, whose flags cannot be looked at).
 *
 * A process that it starts (a reader, swtrace itself) is under this filter, too, and adds its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "rights/internal.h"
#include "util/calls.h"

#define ANY(name)                           \
	{                                   \
		SYS_##name, CALLS_ANY, 0, 0 \
	}
#define ONLY(name, arg, value)              \
	{                                   \
		SYS_##name, arg, ~0U, value \
	}
#define WITHOUT(name, arg, bits)         \
	{                                \
		SYS_##name, arg, bits, 0 \
	}
#define NUMBERED(number)                \
	{                               \
		number, CALLS_ANY, 0, 0 \
	}
#define OPENED_TO_WRITE (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
#define NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static const struct calls_rule always[] = {
	/* files are read, what is open is written to */
	ANY(read),
	ANY(readv),
	ANY(pread64),
	ANY(write),
	ANY(writev),
	ANY(pwrite64),
	ANY(lseek),
	ANY(close),
	ANY(close_range),
	ANY(fstat),
	ANY(newfstatat),
	ANY(stat),
	ANY(lstat),
	ANY(statx),
	ANY(access),
	ANY(faccessat),
	ANY(faccessat2),
	ANY(readlink),
	ANY(readlinkat),
	ANY(getcwd),
	ANY(getdents64),
	ANY(fcntl),
	ANY(dup),
	ANY(dup2),
	ANY(dup3),
	ANY(pipe2),
	ANY(memfd_create),
	ANY(ftruncate),
	ANY(fadvise64),
	ANY(umask),
	WITHOUT(openat, 2, OPENED_TO_WRITE),
	WITHOUT(open, 1, OPENED_TO_WRITE),
	/* memory, none of it code */
	WITHOUT(mmap, 2, PROT_EXEC),
	WITHOUT(mprotect, 2, PROT_EXEC),
	ANY(munmap),
	ANY(mremap),
	ANY(madvise),
	ANY(brk),
	/* time and waiting */
	ANY(poll),
	ANY(ppoll),
	ANY(select),
	ANY(pselect6),
	ANY(nanosleep),
	ANY(clock_nanosleep),
	ANY(clock_gettime),
	ANY(clock_getres),
	ANY(gettimeofday),
	ANY(timerfd_create),
	ANY(timerfd_settime),
	ANY(timerfd_gettime),
	ANY(signalfd4),
	ANY(eventfd2),
	ANY(epoll_create1),
	ANY(epoll_ctl),
	ANY(epoll_wait),
	ANY(epoll_pwait),
	/* itself */
	ANY(getpid),
	ANY(gettid),
	ANY(getppid),
	ANY(getuid),
	ANY(geteuid),
	ANY(getgid),
	ANY(getegid),
	ANY(getresuid),
	ANY(getresgid),
	ANY(getgroups),
	ANY(getrandom),
	ANY(getrusage),
	ANY(uname),
	ANY(sysinfo),
	ANY(sched_yield),
	ANY(sched_getaffinity),
	ANY(rt_sigaction),
	ANY(rt_sigprocmask),
	ANY(rt_sigreturn),
	ANY(sigaltstack),
	ANY(restart_syscall),
	ANY(tgkill),
	ANY(exit),
	ANY(exit_group),
	/* threads; and readers, which give up more than that */
	WITHOUT(clone, 0, NAMESPACES),
	ANY(fork),
	ANY(vfork),
	ANY(futex),
	ANY(set_robust_list),
	ANY(rseq),
	ANY(set_tid_address),
	ANY(wait4),
	ANY(waitid),
	ANY(kill),
	ANY(socketpair),
	ANY(sendmsg),
	ANY(recvmsg),
	ANY(sendto),
	ANY(recvfrom),
	ANY(setgroups),
	ANY(setresuid),
	ANY(setresgid),
	ANY(prlimit64),
	ANY(setrlimit),
	ANY(getrlimit),
	ANY(prctl),
	ANY(seccomp),
	ANY(capget),
	ANY(capset),
	ANY(getpriority),
	ANY(setpriority),
	/* made by the kernel's own code where a probed function returns (6.11), or is entered (6.18): with -a libc is probed here,
	 * too. Kernels before 6.14 filter them as any other */
	NUMBERED(CALLS_URETPROBE),
	NUMBERED(CALLS_UPROBE),
	/* the processes that are traced */
	ANY(pidfd_open),
	ANY(process_vm_readv),
	ANY(perf_event_open),
	ONLY(bpf, 0, BPF_MAP_CREATE),
	ONLY(bpf, 0, BPF_MAP_LOOKUP_ELEM),
	ONLY(bpf, 0, BPF_MAP_UPDATE_ELEM),
	ONLY(bpf, 0, BPF_MAP_UPDATE_BATCH),
	ONLY(bpf, 0, BPF_MAP_DELETE_ELEM),
	ONLY(bpf, 0, BPF_MAP_GET_NEXT_KEY),
	ONLY(bpf, 0, BPF_MAP_FREEZE),
	ONLY(bpf, 0, BPF_PROG_LOAD),
	ONLY(bpf, 0, BPF_PROG_TEST_RUN),
	ONLY(bpf, 0, BPF_PROG_BIND_MAP),
	ONLY(bpf, 0, BPF_BTF_LOAD),
	ONLY(bpf, 0, BPF_OBJ_GET_INFO_BY_FD),
	ONLY(bpf, 0, BPF_LINK_CREATE),
	ONLY(bpf, 0, BPF_ITER_CREATE),
	/* perf events, and whether standard output is a terminal */
	ONLY(ioctl, 1, PERF_EVENT_IOC_ENABLE),
	ONLY(ioctl, 1, PERF_EVENT_IOC_DISABLE),
	ONLY(ioctl, 1, PERF_EVENT_IOC_SET_BPF),
	ONLY(ioctl, 1, TCGETS),
	ONLY(ioctl, 1, TIOCGWINSZ),
};

static const struct calls_rule writing[] = {
	ANY(openat),
	ANY(open),
	ANY(rename),
	ANY(renameat),
	ANY(renameat2),
	ANY(unlink),
	ANY(unlinkat),
	ANY(chmod),
	ANY(fchmod),
	ANY(fchmodat),
	ANY(fsync),
	ANY(fdatasync),
	ANY(fallocate),
};

/* libcurl, and what it asks for names. */
static const struct calls_rule sending[] = {
	ANY(socket),
	ANY(connect),
	ANY(bind),
	ANY(getsockname),
	ANY(getpeername),
	ANY(getsockopt),
	ANY(setsockopt),
	ANY(sendmmsg),
	ANY(recvmmsg),
	ANY(shutdown),
	ONLY(ioctl, 1, FIONREAD),
};

/* Besides: the folder in which files are kept. */
static const struct calls_rule networking[] = {
	ANY(accept4),
	ANY(listen),
	ANY(mkdir),
	ANY(mkdirat),
	ANY(rmdir),
	ANY(utimensat),
	ANY(statfs),
	ANY(fstatfs),
	ANY(fchown),
	ANY(mmap),
	ANY(mprotect),
	ANY(ioctl),
	ANY(sendfile),
	ANY(copy_file_range),
	ANY(flock),
};

static const struct calls_rule answering[] = {
	ANY(accept4),
	ANY(shutdown),
	ANY(getsockopt),
	ANY(setsockopt),
	ANY(getsockname),
	ANY(getpeername),
};

static const struct calls_rule drawing[] = {
	ONLY(ioctl, 1, TCSETS),
	ONLY(ioctl, 1, TCSETSW),
	ONLY(ioctl, 1, TCSETSF),
	ONLY(ioctl, 1, TCFLSH),
	ANY(rt_sigtimedwait),
};

/* What starting takes. */
static const struct calls_rule spawning[] = {
	ANY(execve),
	ANY(arch_prctl),
	ANY(setpgid),
	ANY(getpgrp),
	ANY(mmap),
	ANY(mprotect),
	ANY(statfs),
	ANY(fstatfs),
	ONLY(bpf, 0, BPF_RAW_TRACEPOINT_OPEN),
	ONLY(bpf, 0, BPF_BTF_GET_FD_BY_ID),
	ONLY(bpf, 0, BPF_BTF_GET_NEXT_ID),
	ONLY(bpf, 0, BPF_LINK_UPDATE),
	ONLY(bpf, 0, BPF_ENABLE_STATS),
};

#define LIST(rules)                                     \
	{                                               \
		rules, sizeof(rules) / sizeof(rules[0]) \
	}

int syscalls_limit(unsigned needs)
{
	static const struct {
		unsigned needs; /* any of these */
		struct calls_list list;
	} all[] = {
		{ ~0U, LIST(always) },
		{ RIGHTS_WRITE | RIGHTS_NETWORK, LIST(writing) },
		{ RIGHTS_NETWORK, LIST(networking) },
		{ RIGHTS_SPAWN, LIST(spawning) },
		{ RIGHTS_LISTEN, LIST(answering) },
		{ RIGHTS_TERMINAL, LIST(drawing) },
		{ RIGHTS_SEND, LIST(sending) },
	};
	struct calls_list list[sizeof(all) / sizeof(all[0])];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].needs == ~0U || needs & all[i].needs)
			list[n++] = all[i].list;
	return calls_allow(list, n, ENOSYS);
}
