/* SPDX-License-Identifier: GPL-2.0-or-later */
/* deep.c - built without frame pointers: allocates at the bottom of known chains of calls. "chain" allocates below
 * first > second > third; "alloca" below a function with a frame of variable size; "signal" in a signal handler;
 * "recurse N" below N calls; "load" opens a library and allocates through it; "null" dies there. */
#include "target.h"
#include <dlfcn.h>
#include <signal.h>

static void *volatile keep;
static volatile int zero;

static NOINLINE void third(size_t size)
{
	keep = malloc(size);
	zero = 0; /* no tail call */
}

static NOINLINE void second(size_t size)
{
	third(size + (size_t)zero);
	zero = 0;
}

static NOINLINE void first(size_t size)
{
	second(size + (size_t)zero);
	zero = 0;
}

static NOINLINE void with_alloca(size_t size)
{
	char *room = __builtin_alloca(size * 3 + (size_t)zero);

	memset(room, 1, size);
	first(size + (size_t)(room[0] - 1));
	zero = room[1] - 1;
}

static NOINLINE void handler(int sig)
{
	(void)sig;
	first(222);
	zero = 0;
}

static NOINLINE void recurse(int n)
{
	if (n)
		recurse(n - 1);
	else
		first(333);
	zero = 0;
}

/* compare - called by libc's qsort: a callback through a library without frame pointers. */
static int compare(const void *a, const void *b)
{
	if (*(const int *)a == 1)
		first(444);
	return *(const int *)a - *(const int *)b;
}

static NOINLINE void through_libc(void)
{
	int numbers[] = { 1, 2 };

	qsort(numbers, 2, sizeof(*numbers), compare);
	zero = 0;
}

static NOINLINE void null(void)
{
	*(volatile int *)(size_t)(0x20 + zero) = 1;
}

int main(void)
{
	char line[64];
	int n;

	signal(SIGUSR1, handler);
	say("ready");
	while (hear(line, sizeof(line))) {
		if (!strcmp(line, "chain"))
			first(111);
		else if (!strcmp(line, "alloca"))
			with_alloca(555);
		else if (!strcmp(line, "signal"))
			raise(SIGUSR1);
		else if (!strcmp(line, "callback"))
			through_libc();
		else if (sscanf(line, "recurse %d", &n) == 1)
			recurse(n);
		else if (!strcmp(line, "load"))
			keep = dlopen("libz.so.1", RTLD_NOW);
		else if (!strcmp(line, "null"))
			null();
		say("done");
	}
	return 0;
}
