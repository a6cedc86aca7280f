/* SPDX-License-Identifier: GPL-2.0-or-later */
/* analyze/analyze.h - from snapshots to findings: which stacks hold memory, and how they grow, by stack and by process.
 *
 * Pure functions: in: model/model.h; out: struct analyze_report. No I/O, no names: symbols are added to the rows that
 * are shown by whoever shows them.
 * Owner: a report borrows frames from the snapshot it was made of: free the report first. */
#ifndef ANALYZE_ANALYZE_H
#define ANALYZE_ANALYZE_H

#include "analyze/estimate.h" /* the same for tracing in windows */
#include "analyze/requests.h"
#include "analyze/verdicts.h"
#include "model/model.h"

struct analyze_opts {
	size_t top;	     /* rows at most; 0 = all */
	unsigned layer_mask; /* 1 << enum model_layer */
	int is_system;	     /* many processes: a table of those that hold most stands for lines about all */
	int also_freed;	     /* rows also of stacks of which nothing lives any more */
	const struct analyze_verdicts *verdicts; /* NULL: none. Borrowed by the report */
	const struct model_history *history;	 /* likewise; by the bounds of the snapshot */
};

struct analyze_row {
	const struct model_stack *stack; /* borrowed */
	const struct model_process *process;
	int64_t gained_bytes;			   /* since the snapshot before; may be negative */
	int64_t gained_start_bytes;		   /* since tracing began (or since the process executed its program) */
	uint64_t oldest_age_ns;			   /* 0 when nothing is live */
	const struct analyze_leak *leak;	   /* NULL: it was not judged */
	const struct model_stack_history *history; /* NULL: nothing is known of it */
};

/* A process, all its layers together. */
struct analyze_process {
	const struct model_process *process; /* borrowed */
	uint64_t live_bytes;
	uint64_t live_blocks;
	int64_t gained_bytes;	/* since the snapshot before; all that is live of a process that was not in it */
	enum model_layer layer; /* the one with the most live bytes */
	const struct analyze_standing *standing; /* NULL: it was not judged */
};

struct analyze_report {
	const struct model_snapshot *snapshot; /* borrowed */
	unsigned number;		       /* 1, 2, ... */
	int is_final;
	uint64_t since_last_ns; /* time since the report before; since the start for the first */
	uint64_t since_start_ns;
	/* over all stacks of the chosen layers, not only the rows: */
	uint64_t live_bytes;
	uint64_t live_blocks;
	int64_t gained_bytes;
	size_t n_stacks;   /* with live blocks */
	size_t n_complete; /* of them, those walked to the end */
	struct analyze_row *
		row; /* leaks first, the fastest first; then most live bytes first; stacks with live blocks, and others if asked for */
	size_t n_rows;
	size_t n_leaks;			 /* stacks that leak, also those that are not among the rows */
	double leak_bytes_per_s;	 /* all of them */
	size_t n_early;			 /* stacks on which there is no verdict yet */
	struct analyze_process *process; /* every one, most live bytes first */
	size_t n_processes;
	int is_system; /* show a table of the first ones */
	size_t top;    /* rows of it at most; 0 = all */
	uint64_t lost; /* sum of the snapshot's losses */
	const struct analyze_requests
		*requests; /* beside snapshot->process; NULL: there are none. Set by whoever made it; borrowed */
};

/* analyze_report_make - rank the stacks of a snapshot, by what is thought of them.
 * @before  the snapshot of the report before, or NULL: what is new counts as gained since then
 * Return: 0 and *out (to be freed with analyze_report_free), or -ENOMEM. */
int analyze_report_make(const struct model_snapshot *now, const struct model_snapshot *before,
	const struct analyze_opts *opts, struct analyze_report **out);
void analyze_report_free(struct analyze_report *r);

#endif
