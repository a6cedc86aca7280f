/* SPDX-License-Identifier: GPL-2.0-or-later */
/* analyze/estimate.h - which stacks leak, and how fast, judged by what windows of tracing have left behind.
 *
 * Pure functions. In: the survivors of each window (model/model.h), and the curve of PHP's heap. Out: struct analyze_estimate.
 * Owner: an estimate borrows from the snapshot and the windows that it was made of: free it first.
 *
 * A block that was born in a window and is not known to be freed is a candidate: it may have been freed between windows. A
 * stack is named only if all of this holds, and the reasons why are in docs/windows.md:
 *   - it has left survivors in each third of its windows, the oldest as well as the latest, and in several windows of all;
 *   - the oldest third has kept at least half of what the latest has: the survivors do not just wait to be seen freed; it may have kept
 *     less by chance if hardly any that had outlived their window were seen to be freed later;
 *   - if blocks that had outlived their window were seen to be freed later, five times their mean age has passed;
 *   - the lower bound of its rate, by the spread between windows, is above 0;
 *   - in the Zend heap: PHP's own count grows, too. What it grows by is shared out among the stacks of which the rest holds. */
#ifndef ANALYZE_ESTIMATE_H
#define ANALYZE_ESTIMATE_H

#include "analyze/requests.h"
#include "analyze/verdicts.h"
#include "model/model.h"

#define ESTIMATE_AGE	     1 /* windows that must have followed one before it is judged */
#define ESTIMATE_MIN_WINDOWS 5 /* judged ones, before anything is said */

/* A rate in bytes a second, and the bounds within which 9 of 10 such estimates hold what they estimate. */
struct analyze_estimate_rate {
	double rate;
	double low;
	double high;
};

struct analyze_estimate_row {
	const struct model_stack *stack; /* borrowed */
	const struct model_process *process;
	struct analyze_estimate_rate rate;
	int is_scaled;	 /* by PHP's own count; else of traced time, in which the process is slower than it is else */
	uint64_t blocks; /* survivors that were judged */
	uint64_t bytes;
	uint64_t n_late;    /* blocks that had outlived their window, too, but were seen to be freed later */
	unsigned n_with;    /* windows that have left some */
	unsigned n_windows; /* that were judged */
};

/* A process, beside model_windowed. */
struct analyze_estimate_heap {
	int pid;
	int has_heap; /* PHP counts in it */
	int is_known; /* that count has been followed for long enough */
	uint64_t size_bytes;
	struct analyze_estimate_rate growth;
};

struct analyze_estimate {
	const struct model_snapshot *snapshot; /* borrowed */
	const struct model_windows *windows;   /* borrowed */
	unsigned number;		       /* 1, 2, ... */
	int is_final;
	unsigned n_judged;		    /* windows old enough; of the process that has most */
	int is_heap_early;		    /* PHP's count was not followed for long enough to tell of its heap */
	struct analyze_estimate_row *row;   /* the fastest first */
	size_t n_rows;			    /* those to show */
	size_t n_named;			    /* all */
	size_t n_sure;			    /* of these, those whose rate is above 0 also by a lower bound at 99 % */
	struct analyze_estimate_heap *heap; /* one for each process of the windows */
	size_t n_heaps;
	uint64_t unjudged_blocks; /* candidates that are of too young a window, or of no stack that was named */
	uint64_t unjudged_bytes;
	uint64_t lost;				 /* sum of the snapshot's losses */
	const struct analyze_requests *requests; /* as in struct analyze_report */
	const struct analyze_verdicts *verdicts; /* borrowed; what is thought of processes; NULL: nothing */
};

struct analyze_opts;

/* analyze_estimate_make - judge what is known.  Return: 0 and *out (to be freed with analyze_estimate_free), or -ENOMEM. */
int analyze_estimate_make(const struct model_snapshot *now, const struct model_windows *windows,
	const struct analyze_opts *opts, struct analyze_estimate **out);
void analyze_estimate_free(struct analyze_estimate *e);

#endif
