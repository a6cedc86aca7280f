/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faults-stack.h - stacks that run over. */
#ifndef FAULTS_STACK_H
#define FAULTS_STACK_H

#include "faults-memory.h"
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

/* A limit, wherever the tests run: a stack without one runs into whatever is mapped below it. */
static void limit_stack(void)
{
	struct rlimit limit = { 8UL << 20, 8UL << 20 };

	getrlimit(RLIMIT_STACK, &limit);
	limit.rlim_cur = 8UL << 20;
	if (setrlimit(RLIMIT_STACK, &limit))
		_exit(95);
}

static NOINLINE long recurse(long n)
{
	volatile char room[1000];

	room[n % 1000] = (char)n;
	return n < 1 << 30 ? recurse(n + 1) + room[n % 1000] : 0;
}

static NOINLINE void die_overflow(void)
{
	limit_stack();
	last("stack=main");
	sink = recurse(1);
}

/* Two functions in turn. */
static NOINLINE long pong(long n);
static NOINLINE long ping(long n)
{
	volatile char room[500];

	room[n % 500] = (char)n;
	return pong(n + 1) + room[n % 500];
}

static NOINLINE long pong(long n)
{
	volatile char room[300];

	room[n % 300] = (char)n;
	return n < 1 << 30 ? ping(n + 1) + room[n % 300] : 0;
}

static NOINLINE void die_overflow_cycle(void)
{
	limit_stack();
	last("stack=main");
	sink = ping(1);
}

/* A stack frame that is larger than what is left, and than the gap below: its far end is touched first. */
static NOINLINE long big_frame(size_t n)
{
	volatile char room[n];

	room[0] = 1;
	return room[n / 2];
}

static NOINLINE void die_overflow_jump(void)
{
	limit_stack();
	last("stack=main");
	sink = big_frame((16UL << 20) + zero);
}

static void *overflow_in_thread(void *arg)
{
	last("stack=thread low=%p", arg);
	sink = recurse(1);
	return NULL;
}

static NOINLINE void die_overflow_thread(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, overflow_in_thread, NULL))
		pthread_join(thread, NULL);
}

/* A stack that the program made, as coroutines have it, above a hole. */
static NOINLINE void die_overflow_own(void)
{
	size_t n = 64;
	char *low = pages(n + 4, PROT_READ | PROT_WRITE) + 4 * PAGE;
	pthread_attr_t attr;
	pthread_t thread;

	hole(low - 4 * PAGE, 4);
	pthread_attr_init(&attr);
	if (!pthread_attr_setstack(&attr, low, n * PAGE) && !pthread_create(&thread, &attr, overflow_in_thread, low))
		pthread_join(thread, NULL);
}

static void overflow_in_handler(int sig)
{
	(void)sig;
	last("stack=signal");
	sink = recurse(1);
}

static NOINLINE void die_overflow_altstack(void)
{
	size_t n = 16;
	char *low = pages(n + 4, PROT_READ | PROT_WRITE) + 4 * PAGE;
	stack_t stack = { .ss_sp = low, .ss_size = n * PAGE };
	struct sigaction action = { .sa_handler = overflow_in_handler, .sa_flags = SA_ONSTACK };

	hole(low - 4 * PAGE, 4);
	sigaltstack(&stack, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

#endif
