/* SPDX-License-Identifier: GPL-2.0-or-later */
/* paced.c - once "pace N" was heard, N times a second, until it ends, it allocates a block and frees it. What it was kept from it
 * makes up for. */
#include <time.h>

#include "target.h"

#define PIECE_NS 1000000 /* as much as is due is done every millisecond */

static void *volatile block;

static NOINLINE void allocate_and_free(void)
{
	block = malloc(100);
	free(block);
}

static void pace(long per_second)
{
	struct timespec begin, now;
	long n = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		double due = ((double)(now.tv_sec - begin.tv_sec) + (double)(now.tv_nsec - begin.tv_nsec) / 1e9) *
			     (double)per_second;

		for (; (double)n < due; n++)
			allocate_and_free();
		nanosleep(&(struct timespec){ .tv_nsec = PIECE_NS }, NULL);
	}
}

int main(void)
{
	char line[64];
	long n;

	say("ready");
	if (!hear(line, sizeof(line)) || sscanf(line, "pace %ld", &n) != 1)
		return 1;
	say("pacing");
	pace(n);
}
