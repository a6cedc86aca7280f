// SPDX-License-Identifier: GPL-2.0-or-later
/* churn.c - random calls of all allocator functions, on several threads that free each other's blocks: usage:
 *   churn THREADS OPERATIONS SEED [first] [alone]
 * OPERATIONS in total. first: the allocator is not libc, and has no pvalloc of its own. alone: no more threads than
 * those, and no children.
 * Calls that fail belong to it, and threads and children that come and go. What is live at the end stays so. */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS	20000
#define THREADS 64

/* A block is in a slot or in the hands of one thread. */
static void *slot[SLOTS];
static unsigned long per_thread;
static int has_pvalloc = 1;
static int is_alone;

/* No allocator has as much. Volatile: the compiler would complain. */
static const volatile size_t huge = (size_t)PTRDIFF_MAX - 4096;

static uint64_t roll(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

/* some_size - mostly small, as programs ask for it; now and then one that malloc maps for itself. */
static size_t some_size(uint64_t *s)
{
	uint64_t r = roll(s) % 1000;

	if (r < 10)
		return 0;
	if (r < 900)
		return roll(s) % 512;
	if (r < 990)
		return roll(s) % 20000;
	return roll(s) % 600000;
}

static void must_fail(const void *p, const char *what)
{
	if (p) {
		fprintf(stderr, "churn: %s did not fail\n", what);
		exit(1);
	}
}

static void *some_block(uint64_t *s)
{
	size_t size = some_size(s), alignment = 16UL << roll(s) % 9;
	void *p = NULL;

	switch (roll(s) % 16) {
	case 0 ... 5:
		return malloc(size);
	case 6 ... 8:
		return calloc(size / 8, 8);
	case 9:
		return realloc(NULL, size);
	case 10:
		return reallocarray(NULL, 3, size / 3);
	case 11:
		return posix_memalign(&p, alignment, size) ? NULL : p;
	case 12:
		return aligned_alloc(alignment, size);
	case 13:
		return memalign(alignment, size);
	case 14:
		return roll(s) % 8 ? strdup("a string that libc allocates") : valloc(size);
	default:
		return roll(s) % 8 || !has_pvalloc ? malloc(size) : pvalloc(size);
	}
}

static void fail(uint64_t *s)
{
	void *p = NULL;

	switch (roll(s) % 5) {
	case 0:
		must_fail(malloc(huge), "malloc");
		break;
	case 1:
		must_fail(calloc(huge / 4, 16), "calloc"); /* the product overflows */
		break;
	case 2:
		must_fail(posix_memalign(&p, 64, huge) ? NULL : "", "posix_memalign");
		break;
	case 3:
		must_fail(posix_memalign(&p, 24, 8) ? NULL : "", "posix_memalign with a bad alignment");
		break;
	default:
		must_fail(aligned_alloc(64, huge), "aligned_alloc");
	}
}

/* change - a block by realloc: in place, moved, to nothing; or in vain.  Return: what takes its place. */
static void *change(uint64_t *s, void *p)
{
	size_t usable = malloc_usable_size(p);

	switch (roll(s) % 6) {
	case 0:
		return realloc(p, usable - roll(s) % (usable / 8 + 1));
	case 1:
		return realloc(p, usable + 1 + some_size(s));
	case 2:
		return realloc(p, some_size(s));
	case 3:
		return reallocarray(p, 1 + roll(s) % 4, some_size(s));
	case 4:
		must_fail(realloc(p, huge), "realloc");
		return p;
	default:
		must_fail(reallocarray(p, huge / 2, 16), "reallocarray");
		return p;
	}
}

static void operate(uint64_t *s)
{
	void **place = &slot[roll(s) % SLOTS];
	uint64_t what = roll(s) % 100;
	void *p;

	if (what == 0)
		free(NULL);
	if (what < 4) {
		fail(s);
		return;
	}
	p = __atomic_exchange_n(place, NULL, __ATOMIC_ACQ_REL);
	if (!p)
		p = some_block(s);
	else if (what < 40)
		p = change(s, p);
	else if (what < 42)
		p = realloc(p, 0); /* libc frees it, others give a block of size 0 */
	else {
		free(p);
		p = what < 70 ? NULL : some_block(s);
	}
	free(__atomic_exchange_n(place, p, __ATOMIC_ACQ_REL)); /* what another thread has put there meanwhile */
}

static void *die_soon(void *arg)
{
	uint64_t s = (uintptr_t)arg | 1;

	for (int i = 0; i < 50; i++)
		operate(&s);
	return NULL;
}

/* thread_short - one that leaves blocks behind, and its cache. */
static void thread_short(uint64_t *s)
{
	pthread_t t;

	if (pthread_create(&t, NULL, die_soon, (void *)(uintptr_t)roll(s)))
		exit(1);
	pthread_join(t, NULL);
}

/* child - it has the same addresses, and does as it likes with them. */
static void child(uint64_t *s)
{
	pid_t pid = fork();

	if (!pid) {
		for (int i = 0; i < 200; i++)
			operate(s);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		exit(1);
}

static void *run(void *arg)
{
	uint64_t s = (uintptr_t)arg;

	for (unsigned long i = 0; i < per_thread; i++) {
		operate(&s);
		if (is_alone)
			continue;
		if (i % 5000 == 4999)
			thread_short(&s);
		if (i % 10000 == 9999)
			child(&s);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned threads = argc >= 4 ? atoi(argv[1]) : 0;
	pthread_t t[THREADS];
	uint64_t s;

	if (!threads || threads > THREADS)
		return 2;
	per_thread = strtoul(argv[2], NULL, 10) / threads;
	for (int i = 4; i < argc; i++) {
		has_pvalloc &= strcmp(argv[i], "first") != 0;
		is_alone |= !strcmp(argv[i], "alone");
	}
	s = strtoull(argv[3], NULL, 10) * 0x9e3779b97f4a7c15ULL | 1;
	for (unsigned i = 1; i < threads; i++)
		if (pthread_create(&t[i], NULL, run, (void *)(uintptr_t)roll(&s)))
			return 1;
	run((void *)(uintptr_t)roll(&s));
	for (unsigned i = 1; i < threads; i++)
		pthread_join(t[i], NULL);
	return 0;
}
