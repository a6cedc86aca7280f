// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/probecost.c - what probes are likely to take of the traced processes. */
#include "cli/probecost.h"
#include "cli/run.h"

double probecost_look(struct probecost *c, const struct model_snapshot *now)
{
	uint64_t calls = model_calls(now, 0);
	double share = -1;

	if (c->call_ns && c->at_ns && now->time_ns > c->at_ns && calls >= c->calls)
		share = (double)(calls - c->calls) * c->call_ns * RUN_TRACED_COST / (double)(now->time_ns - c->at_ns);
	c->at_ns = now->time_ns;
	c->calls = calls;
	return share;
}
