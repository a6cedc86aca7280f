// SPDX-License-Identifier: GPL-2.0-or-later
/* target.c - a target whose probed function stands at the end of a chain of different functions, with frames of different
 * sizes. Built with and without frame pointers. Command: "DEPTH COUNT"; answer: nanoseconds in all. */
#include <time.h>

#include "../live/targets/target.h"

static unsigned long count;

/* The first instruction is one that the kernel emulates, as in malloc. */
extern void probe_me(void);
__asm__(".globl probe_me\n.type probe_me,@function\nprobe_me:\n.cfi_startproc\npush %rbx\n.cfi_def_cfa_offset 16\n"
	".cfi_offset 3,-16\npop %rbx\n.cfi_def_cfa_offset 8\nret\n.cfi_endproc\n.size probe_me,.-probe_me\n");

static NOINLINE unsigned long level_0(unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		probe_me();
	return n + count;
}

#define LEVEL(k, below)                                          \
	static NOINLINE unsigned long level_##k(unsigned long n) \
	{                                                        \
		volatile char room[16 + 8 * (k * 7 % 11)];       \
		unsigned long r;                                 \
                                                                 \
		room[0] = (char)n;                               \
		r = level_##below(n);                            \
		return r + (unsigned long)room[0] + count;       \
	}

LEVEL(1, 0)
LEVEL(2, 1)
LEVEL(3, 2)
LEVEL(4, 3)
LEVEL(5, 4)
LEVEL(6, 5)
LEVEL(7, 6)
LEVEL(8, 7)
LEVEL(9, 8)
LEVEL(10, 9)
LEVEL(11, 10)
LEVEL(12, 11)
LEVEL(13, 12)
LEVEL(14, 13)
LEVEL(15, 14)
LEVEL(16, 15)
LEVEL(17, 16)
LEVEL(18, 17)
LEVEL(19, 18)
LEVEL(20, 19)
LEVEL(21, 20)
LEVEL(22, 21)
LEVEL(23, 22)
LEVEL(24, 23)
LEVEL(25, 24)
LEVEL(26, 25)
LEVEL(27, 26)
LEVEL(28, 27)
LEVEL(29, 28)
LEVEL(30, 29)
LEVEL(31, 30)
LEVEL(32, 31)
LEVEL(33, 32)
LEVEL(34, 33)

static unsigned long run(int depth, unsigned long n)
{
	/* probe_me and the four functions from level_0 outwards to _start are frames too: 10, 20 and 40 in all. */
	return depth == 10 ? level_4(n) : depth == 20 ? level_14(n) : level_34(n);
}

int main(void)
{
	struct timespec a, b;
	char line[64];
	int depth;

	say("ready");
	while (hear(line, sizeof(line)) && sscanf(line, "%d %lu", &depth, &count) == 2) {
		clock_gettime(CLOCK_MONOTONIC, &a);
		run(depth, count);
		clock_gettime(CLOCK_MONOTONIC, &b);
		say("%ld", (b.tv_sec - a.tv_sec) * 1000000000L + (b.tv_nsec - a.tv_nsec));
	}
	return 0;
}
