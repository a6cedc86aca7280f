/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stray.c - frees what is no block, or gives it to realloc. Commands: "inside"  an address in a live block, when that has lived for a
 * while; "stack"  one of a variable; "freed"  of a block that was freed a while ago; the same with "realloc-" before it;
 * "clean N"  nothing of that: N blocks are allocated by whatever allocates, in threads, and freed; "keep N"  N blocks, of which "grow N"
 * gives N to realloc, and "drop" frees all. An argument is a command that is obeyed at once. */
#include <pthread.h>
#include <stdint.h>
#include <time.h>

#include "target.h"

#define BYTES  64
#define OFFSET 16

static char *kept; /* so that the compiler believes that it is used */

NOINLINE char *make_one(void)
{
	return malloc(BYTES);
}

/* The compiler knows what may be freed, and warns; it must not know what this is. */
NOINLINE void drop_stray(void *p)
{
	__asm__ volatile("" : "+r"(p));
	free(p);
	__asm__ volatile("");
}

NOINLINE void grow_stray(void *p)
{
	__asm__ volatile("" : "+r"(p));
	kept = realloc(p, 2 * BYTES);
	__asm__ volatile("");
}

static void wait_ms(long ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000 };

	nanosleep(&t, NULL);
}

static void give_inside(void (*give)(void *p))
{
	kept = make_one();
	memset(kept, 0, BYTES);
	wait_ms(200);
	give(kept + OFFSET);
}

static void give_stack(void (*give)(void *p))
{
	uint64_t words[8] = { 0 };

	give(&words[4]);
}

static void give_freed(void (*give)(void *p))
{
	char *p = make_one();

	__asm__ volatile("" : "+r"(p));
	wait_ms(200);
	drop_stray(p);
	give(p);
}

static void *allocate(void *arg)
{
	char *p[6], *line = NULL, *grown = NULL;

	for (long i = 0; i < (long)arg; i++) {
		void *q = NULL;

		p[0] = malloc(i % 3000);
		p[1] = calloc(i % 7 + 1, 100);
		p[2] = realloc(malloc(10), i % 5000 + 20);
		p[3] = strdup("some text");
		p[4] = aligned_alloc(64, 64 * (i % 9 + 1));
		if (posix_memalign(&q, 256, 100 + i % 1000) || asprintf(&line, "%ld", i) < 0)
			_exit(3);
		p[5] = realloc(reallocarray(NULL, 3, 200), 8);
		for (int k = 0; k < 6; k++)
			grown = realloc(grown, (i * 7 + k * k * 50) % 9000 + 1);
		if (i % 5 == 0)
			grown = realloc(grown, 0);
		for (int k = 0; k < 6; k++)
			free(p[k]);
		free(q);
		free(line);
	}
	free(grown);
	return NULL;
}

static void stay_clean(long n)
{
	pthread_t thread[4];

	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 4; i++)
			if (pthread_create(&thread[i], NULL, allocate, (void *)(n / 16)))
				_exit(2);
		for (int i = 0; i < 4; i++)
			pthread_join(thread[i], NULL);
	}
	say("%ld", n);
}

#define KEPT 10000

static void *keep[KEPT];

static void keep_some(long n)
{
	for (long i = 0; i < n && i < KEPT; i++)
		keep[i] = malloc(i % 500);
	say("%ld", n);
}

static void grow_some(long n)
{
	for (long i = 0; i < n && i < KEPT; i++)
		if (keep[i])
			keep[i] = realloc(keep[i], i % 700 + 1);
	say("%ld", n);
}

static void drop_kept(void)
{
	for (int i = 0; i < KEPT; i++) {
		free(keep[i]);
		keep[i] = NULL;
	}
	say("0");
}

static void obey_one(const char *line)
{
	int is_realloc = !strncmp(line, "realloc-", 8);
	void (*give)(void *p) = is_realloc ? grow_stray : drop_stray;

	line += is_realloc ? 8 : 0;
	if (!strcmp(line, "inside"))
		give_inside(give);
	else if (!strcmp(line, "stack"))
		give_stack(give);
	else if (!strcmp(line, "freed"))
		give_freed(give);
	else if (!strncmp(line, "clean ", 6))
		stay_clean(atol(line + 6));
	else if (!strncmp(line, "keep ", 5))
		keep_some(atol(line + 5));
	else if (!strncmp(line, "grow ", 5))
		grow_some(atol(line + 5));
	else if (!strcmp(line, "drop"))
		drop_kept();
}

int main(int argc, char **argv)
{
	char line[64];

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1) {
		obey_one(argv[1]);
		return 0;
	}
	say("ready");
	while (hear(line, sizeof(line)))
		obey_one(line);
	return 0;
}
