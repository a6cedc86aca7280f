// SPDX-License-Identifier: GPL-2.0-or-later
/* twice.c - frees a block twice so that glibc does not see it; and other things to do with freed blocks. Commands: "twice N"  N times, at
 * one place; "once N"  N blocks are freed once; "use"  reads a block that is unmapped by then; "abort"  frees a block twice so
 * that glibc does see it. */
#include <stdint.h>

#include "target.h"

#define BYTES  72
#define IN_BIN 7 /* blocks that a bin of the tcache holds: glibc, malloc/malloc.c, TCACHE_FILL_COUNT */

NOINLINE char *make_one(void)
{
	return malloc(BYTES);
}

NOINLINE void drop_again(void *p)
{
	free(p);
	__asm__ volatile("");
}

NOINLINE void drop(void *p)
{
	free(p);
	__asm__ volatile("");
}

/* The bin of the thread's cache is full, so blocks go to the fast bin, where glibc compares with the first one alone. */
static void free_twice(int n)
{
	char *full[IN_BIN], *one[64], *other[64];

	for (int i = 0; i < IN_BIN; i++)
		full[i] = malloc(BYTES);
	for (int i = 0; i < n && i < 64; i++) {
		one[i] = make_one();
		other[i] = malloc(BYTES);
	}
	for (int i = 0; i < IN_BIN; i++)
		free(full[i]);
	for (int i = 0; i < n && i < 64; i++) {
		drop(one[i]);
		free(other[i]);
		drop_again(one[i]);
	}
	say("%d 0x%lx", n, (unsigned long)one[0]);
}

static void free_once(int n)
{
	for (int i = 0; i < n; i++)
		drop(make_one());
	say("%d", n);
}

static NOINLINE void crash_after_free(void)
{
	volatile char *p = malloc(1 << 20); /* a mapping of its own, which free gives back */
	volatile char *kept = make_one();

	p[0] = kept[0] = 1;
	drop((void *)p);
	p[4000] = 1;
}

static void abort_by_libc(void)
{
	char *p = make_one();

	drop(p);
	drop_again(p);
}

int main(void)
{
	char line[64];

	setvbuf(stdout, NULL, _IONBF, 0);
	say("ready");
	while (hear(line, sizeof(line))) {
		if (!strncmp(line, "twice ", 6))
			free_twice(atoi(line + 6));
		else if (!strncmp(line, "once ", 5))
			free_once(atoi(line + 5));
		else if (!strcmp(line, "use"))
			crash_after_free();
		else if (!strcmp(line, "abort"))
			abort_by_libc();
	}
	_exit(0); /* the heap is broken */
}
