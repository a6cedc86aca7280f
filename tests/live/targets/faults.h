/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faults.h - how a program that is about to die says what is to be found: "name=value name=value...", addresses in hex, in
 * one write. The last line before it dies has its pid, its tid and the time, in nanoseconds of CLOCK_MONOTONIC. */
#ifndef FAULTS_H
#define FAULTS_H

#include "target.h"
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#define PAGE 4096UL

static int facts = 1; /* where they are said */

static volatile long sink;
static volatile int zero;

/* hide - the same pointer, of which the compiler knows nothing any more. */
static inline __attribute__((always_inline)) void *hide(const volatile void *p)
{
	__asm__ volatile("" : "+r"(p));
	return (void *)(uintptr_t)p;
}

static inline void note(const char *fmt, ...)
{
	char line[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	line[n++] = '\n';
	if (write(facts, line, n) != n)
		_exit(99);
}

static inline long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

/* who - pid and tid as whoever has mounted /proc knows them: not as in a container. */
static inline void who(int *pid, int *tid)
{
	char link[64];
	ssize_t n = readlink("/proc/thread-self", link, sizeof(link) - 1);

	link[n < 0 ? 0 : n] = 0;
	if (sscanf(link, "%d/task/%d", pid, tid) == 2)
		return;
	*pid = getpid();
	*tid = (int)syscall(SYS_gettid);
}

/* last - the line after which it dies. */
#define last(fmt, ...)                                                                  \
	do {                                                                            \
		int pid, tid;                                                           \
		who(&pid, &tid);                                                        \
		note(fmt " pid=%d tid=%d time=%ld", ##__VA_ARGS__, pid, tid, now_ns()); \
	} while (0)

/* pages - mapped behind the back of whoever watches libc's functions: these pages are in nobody's books. */
static inline char *pages(size_t n, int protection)
{
	char *p = (char *)syscall(SYS_mmap, NULL, n * PAGE, protection, 0x22 /* private, anonymous */, -1, 0);

	if ((uintptr_t)p > -PAGE)
		_exit(98);
	return p;
}

static inline void hole(char *at, size_t n)
{
	if (syscall(SYS_munmap, at, n * PAGE))
		_exit(97);
}

#endif
