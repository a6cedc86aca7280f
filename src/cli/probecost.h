/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/probecost.h - what probes are likely to take of the traced processes: how often these call probed functions, times what a call costs
 * on this machine.
 *
 * Pure arithmetic: what a call costs is given by the caller, who has measured it. In: snapshots. */
#ifndef CLI_PROBECOST_H
#define CLI_PROBECOST_H

#include "model/model.h"

struct probecost {
	unsigned call_ns; /* of a call that is not recorded: attach_cost_ns(); 0: not known */
	uint64_t at_ns;	  /* CLOCK_MONOTONIC: when it was looked last, or begun; 0: never */
	uint64_t calls;	  /* by then, of those that lived then */
};

/* probecost_look - CPU time since the look before, by the time between: 1 is all of one CPU.
 * Return: below 0: it is not known, since a call's cost is not, or this is the first look, or processes have ended and with them their count. */
double probecost_look(struct probecost *c, const struct model_snapshot *now);

#endif
