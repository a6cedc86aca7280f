/* SPDX-License-Identifier: GPL-2.0-or-later */
/* edges.c - what allocators are rarely asked: failures, zero sizes, huge blocks, stacks that are
 * switched or jumped out of, threads and children in between. Each function keeps books; the answer to a command is
 * "BYTES BLOCKS": what is live by the program's own count. */
#include "target.h"
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

extern char **environ;
static void *volatile keep;
static volatile size_t huge = SIZE_MAX / 2;
static long bytes, blocks;

static void add(long size)
{
	bytes += size;
	blocks++;
}

static void must(int fact)
{
	if (!fact)
		_exit(94);
}

static NOINLINE void zero_sizes(long n)
{
	for (long i = 0; i < n; i++) {
		keep = malloc(0);
		add(0);
		keep = calloc(0, 5);
		add(0);
	}
}

static NOINLINE void all_fail(long n)
{
	for (long i = 0; i < n; i++) {
		must(!malloc(huge) && !calloc(huge, 3) && !realloc(NULL, huge));
		must(!memalign(64, huge) && !aligned_alloc(64, huge) && !valloc(huge));
	}
}

/* 2^63 times 2 is 0 in 64 bits: reallocarray fails, and does not free the old block as realloc(p, 0) does. */
static NOINLINE void reallocarray_overflows(long n)
{
	volatile size_t half = 1UL << 63;

	for (long i = 0; i < n; i++) {
		void *p = malloc(90);

		keep = p;
		must(!reallocarray(p, half, 2));
		add(90);
	}
}

static NOINLINE void realloc_moves(long n)
{
	for (long i = 0; i < n; i++) {
		char *p = malloc(1000), *q;

		keep = malloc(10); /* in the way */
		q = realloc(p, 60000);
		must(q != p);
		keep = q;
		add(10);
		add(60000);
	}
}

/* Above malloc's threshold it maps and unmaps, and realloc calls mremap: all inside one call. */
static NOINLINE void big_blocks(long n)
{
	for (long i = 0; i < n; i++) {
		keep = malloc(40 << 20); /* not freed in the same expression: the compiler would leave out both */
		free(keep);
		keep = realloc(malloc(40 << 20), 44 << 20);
		add(44 << 20);
		keep = realloc(malloc(40 << 20), 200);
		add(200);
	}
}

static sigjmp_buf back;

static void jump_back(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static void *volatile no_block = (void *)0x10;

/* realloc reads the head of a block that has none, and is left by the handler of the fault. */
static NOINLINE void fault_in_realloc(void *block)
{
	if (!sigsetjmp(back, 1))
		keep = realloc(block, 5);
}

static NOINLINE void deeper(void)
{
	char room[2048];

	memset(room, 'x', sizeof(room));
	__asm__ volatile("" : : "r"(room) : "memory");
	keep = malloc(66);
}

static NOINLINE void after_jump(long n)
{
	signal(SIGSEGV, jump_back);
	for (long i = 0; i < n; i++) {
		fault_in_realloc(no_block);
		keep = malloc(77);
		add(77);
		fault_in_realloc(no_block);
		deeper();
		add(66);
	}
	signal(SIGSEGV, SIG_DFL);
}

/* Of blocks that are known: the page that the head of each is in is gone. */
static NOINLINE void jump_with_block(long n)
{
	signal(SIGSEGV, jump_back);
	for (long i = 0; i < n; i++) {
		void *p = malloc(1 << 20);

		must(!syscall(SYS_munmap, (uintptr_t)p & ~4095UL, 4096));
		fault_in_realloc(p);
		keep = malloc(77);
		add(77);
	}
	signal(SIGSEGV, SIG_DFL);
}

/* As after_jump, but nothing is written to where realloc's return address was: the stack looks as if realloc still ran. */
static NOINLINE void deeper_untouched(long n)
{
	char room[4096];

	__asm__ volatile("" : : "r"(room) : "memory");
	for (long i = 0; i < n; i++) {
		keep = malloc(68);
		add(68);
	}
	__asm__ volatile("" : : "r"(room) : "memory");
}

static NOINLINE void after_jump_untouched(long n)
{
	signal(SIGSEGV, jump_back);
	fault_in_realloc(no_block);
	deeper_untouched(n);
	signal(SIGSEGV, SIG_DFL);
}

static ucontext_t scheduler, routine[2];
static char routine_stack[2][1 << 16] __attribute__((aligned(16)));
static long turns;

static void in_routine(int me)
{
	for (long i = 0; i < turns; i++) {
		keep = malloc(me ? 31 : 47);
		add(me ? 31 : 47);
		swapcontext(&routine[me], &scheduler);
	}
}

/* Two coroutines on stacks of their own, in turns, as in Swoole. */
static NOINLINE void coroutines(long n)
{
	turns = n + 1;
	for (int i = 0; i < 2; i++) {
		getcontext(&routine[i]);
		routine[i].uc_stack.ss_sp = routine_stack[i];
		routine[i].uc_stack.ss_size = sizeof(routine_stack[i]);
		makecontext(&routine[i], (void (*)(void))in_routine, 1, i);
	}
	for (long i = 0; i < n; i++) {
		swapcontext(&scheduler, &routine[0]);
		swapcontext(&scheduler, &routine[1]);
	}
}

static void on_usr1(int sig)
{
	(void)sig;
	keep = malloc(33);
	add(33);
}

static NOINLINE void in_handler(long n)
{
	static char stack[1 << 16];
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_handler = on_usr1, .sa_flags = SA_ONSTACK };

	sigaltstack(&alt, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	for (long i = 0; i < n; i++)
		raise(SIGUSR1);
}

static void *leak_and_die(void *arg)
{
	keep = malloc(51);
	pthread_exit(arg);
}

static NOINLINE void dying_threads(long n)
{
	pthread_t thread;

	for (long i = 0; i < n; i++) {
		must(!pthread_create(&thread, NULL, leak_and_die, NULL));
		pthread_join(thread, NULL);
		add(51);
	}
}

static NOINLINE void spawn(long n)
{
	char *argv[] = { "true", NULL };
	pid_t child;

	for (long i = 0; i < n; i++) {
		keep = malloc(53);
		must(!posix_spawnp(&child, "true", NULL, NULL, argv, environ));
		waitpid(child, NULL, 0);
		add(53);
	}
}

static NOINLINE void after_dlopen(long n)
{
	void *lib = dlopen("libz.so.1", RTLD_NOW);

	must(lib != NULL);
	for (long i = 0; i < n; i++) {
		keep = malloc(57);
		add(57);
	}
	dlclose(lib);
}

static void *churn_for_ever(void *arg)
{
	(void)arg;
	for (;;) {
		keep = malloc(500);
		free(keep);
		free(malloc(3000));
	}
	return NULL;
}

static NOINLINE void exit_among_threads(long n)
{
	pthread_t thread;

	for (int i = 0; i < 8; i++)
		must(!pthread_create(&thread, NULL, churn_for_ever, NULL));
	usleep(100000);
	exit((int)n);
}

static NOINLINE void crash_now(void)
{
	*(volatile int *)0x20 = 1;
}

static NOINLINE void crash_ignored(long n)
{
	(void)n;
	signal(SIGSEGV, SIG_IGN);
	crash_now();
}

static NOINLINE void crash_blocked(long n)
{
	sigset_t set;

	(void)n;
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	crash_now();
}

static void give_up(int sig)
{
	signal(sig, SIG_DFL); /* and fault again */
}

static NOINLINE void crash_in_second_try(long n)
{
	(void)n;
	signal(SIGSEGV, give_up);
	crash_now();
}

#define COMMAND(f)    \
	{             \
#f, f \
	}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(long n);
	} commands[] = { COMMAND(zero_sizes), COMMAND(all_fail), COMMAND(reallocarray_overflows),
		COMMAND(realloc_moves), COMMAND(big_blocks), COMMAND(after_jump), COMMAND(after_jump_untouched),
		COMMAND(jump_with_block), COMMAND(coroutines), COMMAND(in_handler), COMMAND(dying_threads),
		COMMAND(spawn), COMMAND(after_dlopen), COMMAND(exit_among_threads), COMMAND(crash_ignored),
		COMMAND(crash_blocked), COMMAND(crash_in_second_try) };
	char line[128], name[64];
	long n;

	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "%63s %ld", name, &n) != 2)
			return 95;
		bytes = blocks = 0;
		for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (!strcmp(commands[i].name, name))
				commands[i].run(n);
		say("%ld %ld", bytes, blocks);
	}
	return 0;
}
