/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/schedule.h - when to trace, so that the share of time in which probes are in place stays within a budget.
 *
 * Pure arithmetic: times are ns of CLOCK_MONOTONIC, given by the caller. In: what windows have cost so far, measured.
 * Out: when the next one begins, and how long it may record. */
#ifndef CLI_SCHEDULE_H
#define CLI_SCHEDULE_H

#include <stdint.h>

/* How long a window records: shorter ones are mostly placing and removing, longer ones are more of a delay to a request. */
#define SCHEDULE_LEAST_NS 10000000ULL
#define SCHEDULE_MOST_NS  50000000ULL

struct schedule {
	double share; /* of time that probes may be in place: 0 to 1 */
	uint64_t start_ns;
	uint64_t edge_ns;   /* what placing and removing is expected to take, together */
	uint64_t window_ns; /* how long the next window is to record */
	uint64_t next_ns;   /* when it is to begin */
	uint64_t random;
};

/* schedule_begin - tracing began at start_ns.
 * @percent  the budget    @seed  not 0: windows come at random, so that they do not always meet the same part of what the
 *           process does regularly
 * @edge_ns  what placing and removing is expected to take, before it was measured */
void schedule_begin(struct schedule *s, double percent, uint64_t seed, uint64_t start_ns, uint64_t edge_ns);

/* schedule_next - plan the next window.
 * @edge_ns    what placing and removing took in the last window, without what it recorded
 * @probed_ns  for how long probes were in place so far, of all windows */
void schedule_next(struct schedule *s, uint64_t now_ns, uint64_t edge_ns, uint64_t probed_ns);

/* schedule_is_time - of what is done once in a period, at one of the moments that come a step apart, a little early or late: is this
 * moment the nearest?  @last_ns  when it was done last; 0 = never */
int schedule_is_time(uint64_t last_ns, uint64_t period_ns, uint64_t now_ns, uint64_t step_ns);

#endif
