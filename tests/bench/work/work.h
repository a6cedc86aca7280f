/* SPDX-License-Identifier: GPL-2.0-or-later */
/* work.h - how the benches' workloads take time: in themselves, around the loop, so that neither their start nor what a
 * tool does before or after is in it. Commands and answers are as in tests/live/targets/target.h; a command that
 * measures is given milliseconds and answers "COUNT NANOSECONDS CPU": time that passed, and CPU time of the whole
 * process, user and system, which is the steadier one where other programs want the same cores. */
#ifndef WORK_H
#define WORK_H

#include <stdint.h>
#include <time.h>

#include "../../live/targets/target.h"

#define PAIRS_AT_ONCE 500 /* between two looks at the clock, which costs about as much as three pairs */

struct stopwatch {
	uint64_t ns;
	uint64_t cpu_ns;
};

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static inline struct stopwatch stopwatch_start(void)
{
	return (struct stopwatch){ now_ns(), clock_ns(CLOCK_PROCESS_CPUTIME_ID) };
}

static inline void stopwatch_stop(struct stopwatch *s)
{
	s->ns = now_ns() - s->ns;
	s->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - s->cpu_ns;
}

static inline void stopwatch_say(const struct stopwatch *s, uint64_t count)
{
	say("%lu %lu %lu", count, s->ns, s->cpu_ns);
}

/* next_random - xorshift64 (Marsaglia, 2003). */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
