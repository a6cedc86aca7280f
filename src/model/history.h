/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model/history.h - what snapshots have told since tracing began, kept in bounded room: the curves of each process, and what
 * each stack's counters were at some times.
 *
 * Filled from snapshots by whoever makes them (model_history_add), read by analyze/. Pure: neither clock nor I/O. Thread: one.
 * What was born is divided into generations by bounds in time (struct model_bounds). When there are too many, neighbours are put
 * together, so that all are about as long, however long tracing goes on. */
#ifndef MODEL_HISTORY_H
#define MODEL_HISTORY_H

#include "model/model.h"

/* No generation is shorter: births are known to about 64 ms. */
#define MODEL_GENERATION_NS 500000000ULL

/* What a stack's counters were at a bound. */
struct model_mark {
	uint64_t n_allocs;
	uint64_t alloc_bytes;
	uint64_t n_frees;
	uint64_t freed_bytes;
};

/* One stack: marks beside model_bounds.time_ns; those from before the stack was there are 0. */
struct model_stack_history {
	uint32_t life;
	int pid;
	struct model_mark mark[MODEL_BOUNDS];
};

/* What a process was at one moment. */
struct model_point {
	uint64_t time_ns;
	int64_t value; /* bytes; may be negative: what was there before tracing began may be freed */
};

#define MODEL_POINTS 64

/* A curve. When it has many values a point is the least of its neighbours: what is retained shows in the lows. */
struct model_curve {
	struct model_point point[MODEL_POINTS]; /* oldest first */
	size_t n;
	size_t per_point; /* values that each stands for; */
	size_t in_last;	  /* the last one, so far */
};

/* model_sample_ns - when to look again at what has been watched for so long, so that its curves have points of all that time, and evenly:
 * a second at first, and twice as long whenever a curve has become too long to hold all of them. */
uint64_t model_sample_ns(uint64_t watched_ns);

/* Up to MODEL_CURVE_MMAP as enum model_layer. */
enum model_curve_kind {
	MODEL_CURVE_ZEND, /* PHP's own count of its heap */
	MODEL_CURVE_LIBC, /* live bytes of the books; frees of blocks from before tracing are subtracted, at the size of most that live */
	MODEL_CURVE_MMAP,     /* likewise */
	MODEL_CURVE_RSS,      /* resident memory, and the rest of model/vitals.h, too: */
	MODEL_CURVE_RSS_SWAP, /* resident or swapped out: what the process has, wherever the kernel keeps it */
	MODEL_CURVE_SWAP,
	MODEL_CURVE_PSS,  /* its share of what is resident; seldom read where there are many pages */
	MODEL_CURVE_REAL, /* what PHP has taken from the system for its heap */
	MODEL_CURVE_CACHED,
	MODEL_CURVE_FILES, /* resident, of files and shared memory */
	MODEL_CURVE_HEAP_MAP,
	MODEL_CURVE_STACKS,
	MODEL_CURVE_ROOTS, /* the last, since it is no bytes: values that the cycle collector is to look at */
	MODEL_CURVES
};

struct model_process_history {
	int pid;
	uint32_t life;
	uint64_t begin_ns;			/* since when it is watched */
	uint64_t n_requests[MODEL_BOUNDS];	/* by then */
	struct model_curve curve[MODEL_CURVES]; /* empty: there is nothing to tell */
	uint64_t n_unknown[MODEL_LAYERS];	/* frees of blocks from before tracing, so far; */
	double unknown_bytes[MODEL_LAYERS];	/* what they had, as far as can be told */
	uint64_t vitals_ns;			/* time of the last vitals that are in the curves; */
	uint64_t pss_ns;			/* of the last PSS */
	struct model_gc_history gc;
};

struct model_history {
	struct model_bounds bounds;
	uint64_t step_ns;		    /* a generation is at least so long; 0: MODEL_GENERATION_NS */
	struct model_stack_history **stack; /* by model_stack.id; NULL: none yet */
	size_t n_stacks;
	struct model_process_history **process;
	size_t n_processes;
};

/* model_curve_name - "zend", "libc", "mmap", "rss", "rss_swap", ... Static. */
const char *model_curve_name(enum model_curve_kind kind);

/* model_curve_add - one more value. Neighbours are put together when there is no room. */
void model_curve_add(struct model_curve *c, const struct model_point *p);

/* model_history_add - keep what a snapshot tells. If its books hold all, the live table was read for it, and the last bound is old enough, its time
 * (counted_ns) becomes a bound; the next snapshot is to tell of blocks by them. What is known of processes that are not in it is dropped.
 * Return: 1 the bounds have changed, 0 they have not, or -ENOMEM: some of it is missing. */
int model_history_add(struct model_history *h, const struct model_snapshot *s);

/* model_net_bytes - what a layer of a process has gained since tracing began: live bytes, less what was freed of the time before.
 * @h  as of an earlier snapshot, or this one; NULL: nothing is known of frees of that kind */
int64_t model_net_bytes(const struct model_process_history *h, const struct model_process *p, enum model_layer layer);

/* model_history_clear - free all that it owns. */
void model_history_clear(struct model_history *h);

/* model_history_stack - of a stack, if a snapshot with it was added, or NULL. model_history_process - likewise. */
const struct model_stack_history *model_history_stack(const struct model_history *h, const struct model_stack *s);
const struct model_process_history *model_history_process(const struct model_history *h, const struct model_process *p);

#endif
