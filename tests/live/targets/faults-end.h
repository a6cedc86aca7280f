/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faults-end.h - instructions that the processor refuses, and programs that end themselves or are ended by others. */
#ifndef FAULTS_END_H
#define FAULTS_END_H

#include "faults-stack.h"
#include <assert.h>
#include <fenv.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static NOINLINE void die_divide(void)
{
	last("kind=zero");
	sink = 1000 / zero;
}

static NOINLINE void die_divide_overflow(void)
{
	volatile int most = INT_MIN;

	last("kind=overflow");
	sink = most / (zero - 1);
}

static NOINLINE void die_float(void)
{
	volatile double one = 1, result;

	feenableexcept(FE_DIVBYZERO);
	last("kind=float");
	result = one / zero;
	sink = (long)result;
}

static NOINLINE void die_illegal(void)
{
	last("bytes=0f0b");
	__asm__ volatile("ud2");
}

static NOINLINE void die_privileged(void)
{
	last("bytes=f4");
	__asm__ volatile("hlt");
}

/* A vector that is not at a multiple of 16: the address is canonical and mapped. */
static NOINLINE void die_misaligned(void)
{
	static char room[64] __attribute__((aligned(16)));
	char *p = hide(room + 4);

	last("address=%p", p);
	__asm__ volatile("movaps %%xmm0, (%0)" : : "r"(p) : "memory");
}

static NOINLINE void die_breakpoint(void)
{
	last("bytes=cc");
	__asm__ volatile("int3; nop");
}

static void refuse_getppid(unsigned int action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), /* the number of the call */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(94);
}

static NOINLINE void die_seccomp(void)
{
	refuse_getppid(SECCOMP_RET_TRAP);
	last("syscall=%d", SYS_getppid);
	sink = getppid();
}

static NOINLINE void die_seccomp_kill(void)
{
	refuse_getppid(SECCOMP_RET_KILL_PROCESS);
	last("syscall=%d", SYS_getppid);
	sink = getppid();
}

static NOINLINE void die_abort(void)
{
	last("kind=abort");
	abort();
}

static NOINLINE void die_assert(void)
{
	last("kind=assert");
	assert(zero == 1);
}

static NOINLINE void die_smash(void)
{
	last("kind=smash");
	/* What a function compiled with a stack protector calls when it finds its canary overwritten. */
	extern void __stack_chk_fail(void);
	__stack_chk_fail();
}

static NOINLINE void die_double_free(void)
{
	char *p = malloc(100);

	drop_block(p);
	last("block=%p size=100 offset=0 layer=libc", hide(p));
	free(hide(p));
}

static NOINLINE void die_double_free_big(void)
{
	char *p = big_block();

	drop_block(p);
	last("block=%p size=%lu offset=0 layer=libc", hide(p), BIG);
	free(hide(p));
}

static NOINLINE void die_invalid_free(void)
{
	char *p = malloc(100);

	last("block=%p size=100 offset=8 layer=libc", hide(p));
	free(hide(p + 8));
}

/* One byte too many, of many: what libc keeps of the next block is behind the end of this one. */
static NOINLINE void die_corrupt_size(void)
{
	char *p = malloc(24), *next = malloc(24);

	memset(hide(p), 'A', 40 + zero);
	last("block=%p size=24 layer=libc", hide(next));
	free(hide(next));
}

static NOINLINE void die_raise(void)
{
	last("kind=raise");
	raise(SIGSEGV);
}

static NOINLINE void die_killed(void)
{
	int me = getpid(), pipes[2], child;
	char c;

	if (pipe(pipes))
		_exit(93);
	child = fork();
	if (!child) {
		if (read(pipes[0], &c, 1) == 1)
			kill(me, SIGSEGV);
		_exit(0);
	}
	last("sender=%d", child);
	if (write(pipes[1], "x", 1) == 1)
		for (;;)
			pause();
}

/* Handlers of crash reporters, and what becomes of faults while signals are blocked or ignored. */
static void raise_again(int sig)
{
	signal(sig, SIG_DFL);
	last("kind=raise");
	raise(sig);
}

static NOINLINE void die_reraise(void)
{
	signal(SIGSEGV, raise_again);
	*(volatile int *)hide((char *)0x28) = 1;
}

static void null_in_handler(int sig)
{
	(void)sig;
	die_null_write();
}

static NOINLINE void die_handler_faults(void)
{
	signal(SIGSEGV, null_in_handler);
	*(volatile int *)hide((char *)0x28) = 1;
}

static NOINLINE void die_blocked(void)
{
	sigset_t set;

	signal(SIGSEGV, null_in_handler); /* is not called */
	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	last("fault=0x28");
	*(volatile int *)hide((char *)0x28) = 1;
}

static NOINLINE void die_ignored(void)
{
	signal(SIGSEGV, SIG_IGN);
	last("fault=0x28");
	*(volatile int *)hide((char *)0x28) = 1;
}

/* There is a handler, but no stack that it could run on. */
static NOINLINE void die_overflow_handled(void)
{
	limit_stack();
	signal(SIGSEGV, null_in_handler);
	last("stack=main");
	sink = recurse(1);
}

/* Threads. */
static void *null_in_thread(void *arg)
{
	(void)arg;
	die_null_write();
	return NULL;
}

static NOINLINE void die_in_thread(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, null_in_thread, NULL))
		pthread_join(thread, NULL);
}

static pthread_barrier_t together;

static void *with_others(void *arg)
{
	last("fault=%p", arg);
	pthread_barrier_wait(&together);
	*(volatile int *)arg = 1;
	return NULL;
}

static NOINLINE void die_two_threads(void)
{
	pthread_t thread;

	pthread_barrier_init(&together, NULL, 2);
	if (!pthread_create(&thread, NULL, with_others, hide((char *)0x20)))
		with_others(hide((char *)0x18));
}

static NOINLINE void die_in_handler(void)
{
	signal(SIGUSR1, null_in_handler);
	raise(SIGUSR1);
}

/* Processes. */
static NOINLINE void wait_for(int child)
{
	if (waitpid(child, NULL, 0) == child)
		note("ended=%d", child);
	_exit(0);
}

static NOINLINE void die_in_child(void)
{
	int child = fork();

	if (!child)
		die_null_write();
	wait_for(child);
}

static NOINLINE void die_in_grandchild(void)
{
	int child = fork();

	if (!child)
		die_in_child();
	wait_for(child);
}

static NOINLINE void die_in_vfork(void)
{
	int child = vfork();

	if (!child)
		die_null_write();
	wait_for(child);
}

static char *file_of_facts;

static NOINLINE void die_in_exec(void)
{
	int child = fork();

	if (!child) {
		execl("/proc/self/exe", "faults-executed", "null-write", file_of_facts, (char *)NULL);
		_exit(92);
	}
	wait_for(child);
}

/* A container: a process there has another pid for itself. Its first one cannot be killed by signals of its own. */
static NOINLINE void in_namespace(void (*die)(void))
{
	int child;

	if (syscall(SYS_unshare, 0x20000000 /* CLONE_NEWPID */))
		_exit(91);
	child = fork();
	if (!child) {
		child = fork();
		if (!child)
			die();
	}
	wait_for(child);
}

static NOINLINE void die_in_namespace(void)
{
	in_namespace(die_null_write);
}

static NOINLINE void die_abort_in_namespace(void)
{
	in_namespace(die_abort);
}

static NOINLINE void die_raise_in_namespace(void)
{
	in_namespace(die_raise);
}

/* 1 ms after main began. */
static NOINLINE void die_soon(void)
{
	long start = now_ns();

	while (now_ns() - start < 1000000)
		;
	die_null_write();
}

/* Nobody can open the file by its name any more. */
static NOINLINE void die_deleted(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n < 0) {
		/* Without /proc, as after a chroot: it is where the test has put it. */
		strcpy(path, "/faults");
		n = (ssize_t)strlen(path);
	}
	path[n] = 0;
	if (unlink(path))
		_exit(90);
	die_null_write();
}

#endif
