// SPDX-License-Identifier: GPL-2.0-or-later
/* pairs.c - pairs of malloc and free, eight functions below main, while a number of blocks are live.
 * Commands: "pairs MS"     allocate and free at once: the same block each time
 *           "replace MS"   free one of the live blocks, taken at random, and allocate another
 *           "hold N"       have N blocks live; answers N */
#include <sys/mman.h>

#include "work.h"

#define BLOCK_BYTES 24
#define MAX_BLOCKS  (1UL << 24)

static void **block; /* MAX_BLOCKS; not in the heap */
static size_t n_blocks;
static uint64_t seed = 88172645463325252ULL;

enum work { PAIRS, REPLACE, HOLD };

static uint64_t pairs(uint64_t ns)
{
	uint64_t n = 0, end = now_ns() + ns;

	do {
		for (int i = 0; i < PAIRS_AT_ONCE; i++) {
			volatile char *p = malloc(BLOCK_BYTES);

			*p = 1;
			free((void *)p);
		}
		n += PAIRS_AT_ONCE;
	} while (now_ns() < end);
	return n;
}

static uint64_t replace(uint64_t ns)
{
	uint64_t n = 0, end = now_ns() + ns;

	do {
		for (int i = 0; i < PAIRS_AT_ONCE; i++) {
			void **one = &block[next_random(&seed) % n_blocks];

			free(*one);
			*one = malloc(BLOCK_BYTES);
			*(volatile char *)*one = 1;
		}
		n += PAIRS_AT_ONCE;
	} while (now_ns() < end);
	return n;
}

static uint64_t hold(uint64_t n)
{
	while (n_blocks < n && n_blocks < MAX_BLOCKS)
		block[n_blocks++] = malloc(BLOCK_BYTES);
	while (n_blocks > n)
		free(block[--n_blocks]);
	return n_blocks;
}

static NOINLINE uint64_t level_1(enum work work, uint64_t n)
{
	return work == HOLD ? hold(n) : work == PAIRS ? pairs(n) : replace(n);
}

/* The room makes frames of different sizes, and no call the last thing that its function does. */
#define LEVEL(k, below)                                                \
	static NOINLINE uint64_t level_##k(enum work work, uint64_t n) \
	{                                                              \
		volatile char room[16 + 8 * (k * 7 % 11)];             \
		uint64_t result;                                       \
                                                                       \
		room[0] = 0;                                           \
		result = level_##below(work, n);                       \
		return result + (uint64_t)room[0];                     \
	}

LEVEL(2, 1)
LEVEL(3, 2)
LEVEL(4, 3)
LEVEL(5, 4)
LEVEL(6, 5)
LEVEL(7, 6)
LEVEL(8, 7)

int main(void)
{
	struct stopwatch time;
	uint64_t n, done;
	char line[64], word[16];

	block = mmap(NULL, MAX_BLOCKS * sizeof(*block), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (block == MAP_FAILED)
		return 1;
	say("ready");
	while (hear(line, sizeof(line)) && sscanf(line, "%15s %lu", word, &n) == 2) {
		if (!strcmp(word, "hold")) {
			say("%lu", level_8(HOLD, n));
			continue;
		}
		time = stopwatch_start();
		done = level_8(!strcmp(word, "pairs") ? PAIRS : REPLACE, n * 1000000);
		stopwatch_stop(&time);
		stopwatch_say(&time, done);
	}
	return 0;
}
