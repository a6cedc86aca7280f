/* SPDX-License-Identifier: GPL-2.0-or-later */
/* analyze/verdicts.h - what is thought of each stack and each process, kept from one judgement to the next.
 *
 * Judging all stacks takes a microsecond each, and what they are judged by changes only when a generation ends: so that is
 * when they are. Pure but for this memory.
 * Owner: whoever made it; it borrows nothing. */
#ifndef ANALYZE_VERDICTS_H
#define ANALYZE_VERDICTS_H

#include "analyze/growth.h"
#include "analyze/leak.h"
#include "analyze/limits.h"
#include "analyze/rest.h"

/* A process: its curves, and what they let leak. */
struct analyze_standing {
	int pid;
	uint32_t life;
	struct analyze_growth growth[MODEL_CURVES];
	struct analyze_limits limits;
	struct analyze_rest rest;
	enum analyze_garbage garbage;
};

struct analyze_verdict {
	int pid;
	uint32_t life;
	struct analyze_leak leak;
};

struct analyze_verdicts {
	struct analyze_verdict *stack; /* by model_stack.id */
	size_t n_stacks;
	struct analyze_standing *process;
	size_t n_processes;
	uint64_t bound_ns; /* last bound that was known when all was judged */
};

/* analyze_verdicts_update - judge, if a generation has ended since, or must is set. To be called before the snapshot is added to the
 * history.  Return: 0 or -ENOMEM. */
int analyze_verdicts_update(
	struct analyze_verdicts *v, const struct model_snapshot *s, const struct model_history *h, int must);

/* analyze_verdicts_clear - free all that it owns. */
void analyze_verdicts_clear(struct analyze_verdicts *v);

/* analyze_verdict_of - what is thought of a stack. NULL: nothing. analyze_standing_of - of a process, likewise. */
const struct analyze_leak *analyze_verdict_of(const struct analyze_verdicts *v, const struct model_stack *s);
const struct analyze_standing *analyze_standing_of(const struct analyze_verdicts *v, const struct model_process *p);

#endif
