/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frees.c - many blocks are allocated, then freed in another order, so that the allocator has work to do in free: mappings of its
 * own that it makes and gives back there. The program itself maps nothing then. */
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>

#include "books.h"

#define BLOCKS (1 << 16)

static void *block[BLOCKS]; /* no memory of an allocator's */
static int n_live;
static uint64_t state = 88172645463325252ULL;

/* Xorshift of Marsaglia's: the same numbers each time. */
static uint64_t random_number(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static NOINLINE void fill(long n)
{
	for (long i = 0; i < n && n_live < BLOCKS; i++) {
		size_t size = random_number() % (i % 8 ? 2000 : 100000);

		block[n_live++] = malloc(size + 1);
	}
}

static NOINLINE void empty(long n)
{
	for (long i = 0; i < n && n_live; i++) {
		int k = random_number() % n_live;

		free(block[k]);
		block[k] = block[--n_live];
	}
}

/* What the program maps right after a free is its own. */
static NOINLINE void map_after_free(long n)
{
	for (long i = 0; i < n; i++) {
		free(malloc(100));
		if (mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			_exit(1);
	}
}

static void *nothing(void *arg)
{
	return arg;
}

/* So is the stack of a thread, which libc maps, in the file that free is in and from where free was called. */
static NOINLINE void start_after_free(long n)
{
	pthread_t thread;
	pthread_attr_t attr;

	for (long i = 0; i < n; i++) {
		pthread_attr_init(&attr);
		pthread_attr_setstacksize(&attr, (i + 1) << 20); /* too large for one that has ended */
		free(malloc(100));
		if (pthread_create(&thread, &attr, nothing, NULL))
			_exit(2);
		pthread_join(thread, NULL);
	}
}

static void *free_one(void *p)
{
	free(p);
	return NULL;
}

/* free_in_threads - the first that each thread asks of the allocator is a free: what it needs for a thread, it makes then. Their
 * stacks are no mappings. */
static NOINLINE void free_in_threads(long n)
{
	static char stack[1 << 18] __attribute__((aligned(4096)));
	pthread_t thread;
	pthread_attr_t attr;

	for (long i = 0; i < n; i++) {
		pthread_attr_init(&attr);
		pthread_attr_setstack(&attr, stack, sizeof(stack));
		if (pthread_create(&thread, &attr, free_one, malloc(100)))
			_exit(2);
		pthread_join(thread, NULL);
	}
}

int main(void)
{
	static const struct command commands[] = {
		{ "fill", fill },
		{ "empty", empty },
		{ "free_in_threads", free_in_threads },
		{ "map_after_free", map_after_free },
		{ "start_after_free", start_after_free },
	};

	return OBEY(commands);
}
