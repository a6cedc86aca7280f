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

#define OPENED_TO_WRITE (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

static const struct calls_rule always[] = {
	/* files are read, what is open is written to */
	CALL(read),
	CALL(readv),
	CALL(pread64),
	CALL(write),
	CALL(writev),
	CALL(pwrite64),
	CALL(lseek),
	CALL(close),
	CALL(close_range),
	CALL(fstat),
	CALL(newfstatat),
	CALL(stat),
	CALL(lstat),
	CALL(statx),
	CALL(access),
	CALL(faccessat),
	CALL(faccessat2),
	CALL(readlink),
	CALL(readlinkat),
	CALL(getcwd),
	CALL(getdents64),
	CALL(fcntl),
	CALL(dup),
	CALL(dup2),
	CALL(dup3),
	CALL(pipe2),
	CALL(memfd_create),
	CALL(ftruncate),
	CALL(fadvise64),
	CALL(umask),
	CALL_WITHOUT(openat, 2, OPENED_TO_WRITE),
	CALL_WITHOUT(open, 1, OPENED_TO_WRITE),
	/* memory, none of it code */
	CALL_WITHOUT(mmap, 2, PROT_EXEC),
	CALL_WITHOUT(mprotect, 2, PROT_EXEC),
	CALL(munmap),
	CALL(mremap),
	CALL(madvise),
	CALL(brk),
	/* time and waiting */
	CALL(poll),
	CALL(ppoll),
	CALL(select),
	CALL(pselect6),
	CALL(nanosleep),
	CALL(clock_nanosleep),
	CALL(clock_gettime),
	CALL(clock_getres),
	CALL(gettimeofday),
	CALL(timerfd_create),
	CALL(timerfd_settime),
	CALL(timerfd_gettime),
	CALL(signalfd4),
	CALL(eventfd2),
	CALL(epoll_create1),
	CALL(epoll_ctl),
	CALL(epoll_wait),
	CALL(epoll_pwait),
	/* itself */
	CALL(getpid),
	CALL(gettid),
	CALL(getppid),
	CALL(getuid),
	CALL(geteuid),
	CALL(getgid),
	CALL(getegid),
	CALL(getresuid),
	CALL(getresgid),
	CALL(getgroups),
	CALL(getrandom),
	CALL(getrusage),
	CALL(uname),
	CALL(sysinfo),
	CALL(sched_yield),
	CALL(sched_getaffinity),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(sigaltstack),
	CALL(restart_syscall),
	CALL(tgkill),
	CALL(exit),
	CALL(exit_group),
	/* threads; and readers, which give up more than that */
	CALL_WITHOUT(clone, 0, CALLS_NAMESPACES),
	CALL(fork),
	CALL(vfork),
	CALL(futex),
	CALL(set_robust_list),
	CALL(rseq),
	CALL(set_tid_address),
	CALL(wait4),
	CALL(waitid),
	CALL(kill),
	CALL(socketpair),
	CALL(sendmsg),
	CALL(recvmsg),
	CALL(sendto),
	CALL(recvfrom),
	CALL(setgroups),
	CALL(setresuid),
	CALL(setresgid),
	CALL(prlimit64),
	CALL(setrlimit),
	CALL(getrlimit),
	CALL(prctl),
	CALL(seccomp),
	CALL(capget),
	CALL(capset),
	CALL(getpriority),
	CALL(setpriority),
	/* made by the kernel's own code where a probed function returns (6.11), or is entered (6.18): with -a libc is probed here,
	 * too. Kernels before 6.14 filter them as any other */
	CALL_NUMBERED(CALLS_URETPROBE),
	CALL_NUMBERED(CALLS_UPROBE),
	/* the processes that are traced */
	CALL(pidfd_open),
	CALL(process_vm_readv),
	CALL(perf_event_open),
	CALL_ONLY(bpf, 0, BPF_MAP_CREATE),
	CALL_ONLY(bpf, 0, BPF_MAP_LOOKUP_ELEM),
	CALL_ONLY(bpf, 0, BPF_MAP_UPDATE_ELEM),
	CALL_ONLY(bpf, 0, BPF_MAP_UPDATE_BATCH),
	CALL_ONLY(bpf, 0, BPF_MAP_DELETE_ELEM),
	CALL_ONLY(bpf, 0, BPF_MAP_GET_NEXT_KEY),
	CALL_ONLY(bpf, 0, BPF_MAP_FREEZE),
	CALL_ONLY(bpf, 0, BPF_PROG_LOAD),
	CALL_ONLY(bpf, 0, BPF_PROG_TEST_RUN),
	CALL_ONLY(bpf, 0, BPF_PROG_BIND_MAP),
	CALL_ONLY(bpf, 0, BPF_BTF_LOAD),
	CALL_ONLY(bpf, 0, BPF_OBJ_GET_INFO_BY_FD),
	CALL_ONLY(bpf, 0, BPF_LINK_CREATE),
	CALL_ONLY(bpf, 0, BPF_ITER_CREATE),
	/* perf events, and whether standard output is a terminal */
	CALL_ONLY(ioctl, 1, PERF_EVENT_IOC_ENABLE),
	CALL_ONLY(ioctl, 1, PERF_EVENT_IOC_DISABLE),
	CALL_ONLY(ioctl, 1, PERF_EVENT_IOC_SET_BPF),
	CALL_ONLY(ioctl, 1, TCGETS),
	CALL_ONLY(ioctl, 1, TIOCGWINSZ),
};

static const struct calls_rule writing[] = {
	CALL(openat),
	CALL(open),
	CALL(rename),
	CALL(renameat),
	CALL(renameat2),
	CALL(unlink),
	CALL(unlinkat),
	CALL(chmod),
	CALL(fchmod),
	CALL(fchmodat),
	CALL(fsync),
	CALL(fdatasync),
	CALL(fallocate),
};

/* libcurl, and what it asks for names: to send, and to ask debuginfod. */
static const struct calls_rule sending[] = {
	CALL(socket),
	CALL(connect),
	CALL(bind),
	CALL(getsockname),
	CALL(getpeername),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(sendmmsg),
	CALL(recvmmsg),
	CALL(shutdown),
	CALL_ONLY(ioctl, 1, FIONREAD),
};

/* What debuginfod takes besides: the folder in which files are kept. */
static const struct calls_rule networking[] = {
	CALL(accept4),
	CALL(listen),
	CALL(mkdir),
	CALL(mkdirat),
	CALL(rmdir),
	CALL(utimensat),
	CALL(statfs),
	CALL(fstatfs),
	CALL(fchown),
	CALL(mmap),
	CALL(mprotect),
	CALL(ioctl),
	CALL(sendfile),
	CALL(copy_file_range),
	CALL(flock),
};

static const struct calls_rule answering[] = {
	CALL(accept4),
	CALL(shutdown),
	CALL(getsockopt),
	CALL(setsockopt),
	CALL(getsockname),
	CALL(getpeername),
};

static const struct calls_rule drawing[] = {
	CALL_ONLY(ioctl, 1, TCSETS),
	CALL_ONLY(ioctl, 1, TCSETSW),
	CALL_ONLY(ioctl, 1, TCSETSF),
	CALL_ONLY(ioctl, 1, TCFLSH),
	CALL(rt_sigtimedwait),
};

/* What starting takes. */
static const struct calls_rule spawning[] = {
	CALL(execve),
	CALL(arch_prctl),
	CALL(setpgid),
	CALL(getpgrp),
	CALL(mmap),
	CALL(mprotect),
	CALL(statfs),
	CALL(fstatfs),
	CALL_ONLY(bpf, 0, BPF_RAW_TRACEPOINT_OPEN),
	CALL_ONLY(bpf, 0, BPF_BTF_GET_FD_BY_ID),
	CALL_ONLY(bpf, 0, BPF_BTF_GET_NEXT_ID),
	CALL_ONLY(bpf, 0, BPF_LINK_UPDATE),
	CALL_ONLY(bpf, 0, BPF_ENABLE_STATS),
};

int syscalls_limit(unsigned needs)
{
	static const struct {
		unsigned needs; /* any of these */
		struct calls_list list;
	} all[] = {
		{ ~0U, CALL_LIST(always) },
		{ RIGHTS_WRITE | RIGHTS_NETWORK, CALL_LIST(writing) },
		{ RIGHTS_NETWORK, CALL_LIST(networking) },
		{ RIGHTS_SPAWN, CALL_LIST(spawning) },
		{ RIGHTS_LISTEN, CALL_LIST(answering) },
		{ RIGHTS_TERMINAL, CALL_LIST(drawing) },
		{ RIGHTS_SEND | RIGHTS_NETWORK, CALL_LIST(sending) },
	};
	struct calls_list list[sizeof(all) / sizeof(all[0])];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i].needs == ~0U || needs & all[i].needs)
			list[n++] = all[i].list;
	return calls_allow(list, n, ENOSYS);
}
