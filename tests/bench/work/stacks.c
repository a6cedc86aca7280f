// SPDX-License-Identifier: GPL-2.0-or-later
/* stacks.c - many live blocks from many different stacks, some of which are replaced all the time.
 * Command: "hold STACKS BLOCKS", once: have that many blocks live, from that many stacks in turn; answers BLOCKS. From
 * then on REPLACED blocks are replaced every WAIT_MS, each from the stack that it was from. */
#include <poll.h>

#include "work.h"

#define BLOCK_BYTES 40
#define DEPTH	    14 /* 2^14 stacks */
#define WAIT_MS	    10
#define REPLACED    20

static void **block;
static size_t n_blocks;
static size_t n_stacks;

static void *right(unsigned path, int depth);

/* Which of the two calls which of the two is one bit of the stack. */
static NOINLINE void *left(unsigned path, int depth)
{
	void *p = !depth ? malloc(BLOCK_BYTES) : path & 1 ? right(path >> 1, depth - 1) : left(path >> 1, depth - 1);

	__asm__ volatile("" : "+r"(p)); /* so that no call is a jump */
	return p;
}

static NOINLINE void *right(unsigned path, int depth)
{
	void *p = !depth ? malloc(BLOCK_BYTES) : path & 1 ? right(path >> 1, depth - 1) : left(path >> 1, depth - 1);

	__asm__ volatile("" : "+r"(p));
	return p;
}

/* next_block - which block to allocate after n others.  Return: -1 at the end of input. */
static long next_block(size_t n)
{
	static uint64_t seed = 88172645463325252ULL;
	struct pollfd in = { .fd = 0, .events = POLLIN };
	size_t k;

	if (n < n_blocks)
		return n;
	if (n == n_blocks)
		say("%zu", n);
	if (n % REPLACED == 0 && poll(&in, 1, WAIT_MS))
		return -1;
	k = next_random(&seed) % n_blocks;
	free(block[k]);
	return k;
}

int main(void)
{
	char line[64];
	long k;

	say("ready");
	if (!hear(line, sizeof(line)) || sscanf(line, "hold %zu %zu", &n_stacks, &n_blocks) != 2)
		return 0;
	if (!n_stacks || n_stacks > 1 << DEPTH || !n_blocks || !(block = calloc(n_blocks, sizeof(*block))))
		return 1;
	/* All from this one call, or there would be more stacks. */
	for (size_t n = 0; (k = next_block(n)) >= 0; n++)
		block[k] = left(k % n_stacks, DEPTH);
	return 0;
}
