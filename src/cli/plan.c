// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/plan.c - when to trace a process that grows. */
#include "cli/plan.h"

const enum model_curve_kind plan_curve[PLAN_CURVES] = { MODEL_CURVE_ZEND, MODEL_CURVE_RSS_SWAP };

int plan_is_growing(const struct analyze_standing *s)
{
	for (size_t i = 0; i < PLAN_CURVES; i++) {
		const struct analyze_growth *g = &s->growth[plan_curve[i]];

		if (g->verdict == GROWTH_GROWING && g->gained_bytes >= PLAN_LEAST_BYTES)
			return 1;
	}
	return 0;
}

int plan_is_at_rest(const struct analyze_standing *s)
{
	int n_known = 0;

	for (size_t i = 0; i < PLAN_CURVES; i++) {
		enum analyze_growth_verdict v = s->growth[plan_curve[i]].verdict;

		if (v != GROWTH_UNKNOWN && v != GROWTH_PLATEAU)
			return 0;
		n_known += v == GROWTH_PLATEAU;
	}
	return n_known > 0;
}

int plan_judged(const struct plan *p, struct plan_process *one, int is_growing, int is_at_rest, uint64_t now_ns)
{
	one->n_growing = is_growing ? one->n_growing + 1 : 0;
	if (is_at_rest)
		one->again_ns = one->wait_ns = one->n_longer = 0;
	return one->n_growing >= PLAN_CONFIRM && now_ns >= one->again_ns && now_ns >= p->free_ns;
}

uint64_t plan_length_ns(const struct plan_process *one, uint64_t first_ns)
{
	return first_ns << one->n_longer;
}

int plan_traced(struct plan *p, struct plan_process *one, uint64_t begin_ns, uint64_t end_ns, int has_told)
{
	one->n_growing = 0;
	p->free_ns = end_ns + PLAN_PAUSE_TIMES * (end_ns - begin_ns);
	if (!has_told && one->n_longer < PLAN_LONGER) {
		one->n_longer++;
		return 1;
	}
	one->wait_ns = one->wait_ns ? 2 * one->wait_ns : PLAN_AGAIN_NS;
	if (one->wait_ns > PLAN_SELDOM_NS)
		one->wait_ns = PLAN_SELDOM_NS;
	one->again_ns = end_ns + one->wait_ns;
	return 0;
}
