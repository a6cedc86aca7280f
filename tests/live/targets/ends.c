/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ends.c - ways to end: "raise N" by a signal of its own; "ignore N" signal N, answered with "done"; "fill N" allocates N MiB
 * and writes to them, answered with "full" if there was so much; "exit N". */
#include <signal.h>

#include "target.h"

#define PIECE_BYTES (1 << 20)

static void *volatile keep;

static NOINLINE void fill_memory(int n)
{
	for (int i = 0; i < n; i++) {
		keep = malloc(PIECE_BYTES);
		memset(keep, 1, PIECE_BYTES);
	}
}

int main(void)
{
	char line[64];
	int n;

	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "raise %d", &n) == 1) {
			raise(n);
		} else if (sscanf(line, "ignore %d", &n) == 1) {
			signal(n, SIG_IGN);
			say("done");
		} else if (sscanf(line, "fill %d", &n) == 1) {
			fill_memory(n);
			say("full");
		} else if (sscanf(line, "exit %d", &n) == 1) {
			return n;
		}
	}
	return 0;
}
