// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/schedule.c - the arithmetic of a budget: probed time / elapsed time is at most the share, at the end of each window; and of
 * periods. */
#include "cli/schedule.h"

/* What cannot be known in advance: how long the next window's placing and removing really takes. It is expected to take a
 * quarter longer than lately, and a twentieth of the budget is left unused. */
#define EDGE_MARGIN 1.25
#define USED	    0.95

/* A wait is up to a fifth longer than it must be, at random. */
#define JITTER 0.2

/* random_share - 0 to 1. Marsaglia, Xorshift RNGs (2003): not for secrets. */
static double random_share(struct schedule *s)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return (double)(s->random >> 11) / (double)(1ULL << 53);
}

static void plan(struct schedule *s, uint64_t now_ns, uint64_t probed_ns)
{
	double edge = EDGE_MARGIN * (double)s->edge_ns, window = 2 * (double)s->edge_ns, probed, earliest;

	if (window < (double)SCHEDULE_LEAST_NS)
		window = (double)SCHEDULE_LEAST_NS;
	if (window > (double)SCHEDULE_MOST_NS)
		window = (double)SCHEDULE_MOST_NS;
	s->window_ns = (uint64_t)window;
	/* At its end, probed / (begin + edge + window - start) = share. */
	probed = (double)probed_ns + edge + window;
	earliest = probed / (s->share * USED) - edge - window;
	s->next_ns = s->start_ns + (earliest > 0 ? (uint64_t)earliest : 0);
	if (s->next_ns < now_ns)
		s->next_ns = now_ns;
	s->next_ns += (uint64_t)(JITTER * random_share(s) * (double)(s->next_ns - now_ns));
}

void schedule_begin(struct schedule *s, double percent, uint64_t seed, uint64_t start_ns, uint64_t edge_ns)
{
	*s = (struct schedule){
		.share = percent / 100, .start_ns = start_ns, .edge_ns = edge_ns, .random = seed ? seed : 1
	};
	plan(s, start_ns, 0);
}

void schedule_next(struct schedule *s, uint64_t now_ns, uint64_t edge_ns, uint64_t probed_ns)
{
	uint64_t less = s->edge_ns - s->edge_ns / 8;

	s->edge_ns = edge_ns > less ? edge_ns : less;
	plan(s, now_ns, probed_ns);
}

int schedule_is_time(uint64_t last_ns, uint64_t period_ns, uint64_t now_ns, uint64_t step_ns)
{
	return !last_ns || now_ns + step_ns / 2 >= last_ns + period_ns;
}
