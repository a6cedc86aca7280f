// SPDX-License-Identifier: GPL-2.0-or-later
/* crash/cycle.c - endless recursion shows as a part of the stack that repeats. */
#include <string.h>

#include "crash/internal.h"

#define MAX_ROUND  32 /* frames of a round */
#define MAX_FIRST  32 /* frames before the first round: what the innermost call was doing */
#define MIN_ROUNDS 3

/* rounds - how many whole rounds of that length follow each other from first on. */
static size_t rounds(const struct crash_frame *frame, size_t n, size_t first, size_t len)
{
	size_t same = 0;

	while (first + same + len < n && frame[first + same].id == frame[first + same + len].id)
		same++;
	return 1 + same / len;
}

void crash_find_cycle(const struct crash_frame *frame, size_t n, struct crash_cycle *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t first = 0; first < n && first < MAX_FIRST; first++) {
		for (size_t len = 1; len <= MAX_ROUND && first + MIN_ROUNDS * len <= n; len++) {
			size_t times = rounds(frame, n, first, len);

			if (times < MIN_ROUNDS || 2 * times * len < n - first ||
				times * len <= out->times * out->frames)
				continue;
			*out = (struct crash_cycle){ .first = first, .frames = len, .times = times };
		}
		/* The earliest begin, and for it the round that covers most: a longer one only if the shorter does not repeat. */
		if (out->frames)
			break;
	}
	for (size_t i = 0; i < out->frames; i++)
		out->is_php |= frame[out->first + i].is_php;
}
