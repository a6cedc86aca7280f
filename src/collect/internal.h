/* SPDX-License-Identifier: GPL-2.0-or-later */
/* collect/internal.h - what the files of this room share. */
#ifndef COLLECT_INTERNAL_H
#define COLLECT_INTERNAL_H

#include "collect/collect.h"

struct ring_buffer;
struct swt_block;
struct swt_event_freed;
struct swt_last_calls;

/* How often something may be read that takes time: so that readings take no more than COLLECT_SHARE of it. */
struct pace {
	uint64_t n_readings;
	uint64_t time_ns; /* of the last one */
	uint64_t
		took_ns; /* CPU time that one takes: the lesser of the last two. One that was held up says nothing of the next. */
	uint64_t last_took_ns; /* the last one itself */
};

/* pace_is_due - may it be read now?
 * pace_note - it was, and took so much of this thread's CPU time. */
static inline int pace_is_due(const struct pace *p, uint64_t now_ns)
{
	double share = p->n_readings < COLLECT_FIRST ? COLLECT_FIRST_SHARE : COLLECT_SHARE;

	return !p->n_readings || (double)(now_ns - p->time_ns) * share >= (double)p->took_ns;
}

static inline void pace_note(struct pace *p, uint64_t now_ns, uint64_t took_ns)
{
	p->took_ns = p->n_readings && p->last_took_ns < took_ns ? p->last_took_ns : took_ns;
	p->last_took_ns = took_ns;
	p->time_ns = now_ns;
	p->n_readings++;
}

/* What the last reading of the live table has found and counters do not tell, kept for snapshots between two readings. */
struct last_reading {
	struct pace pace;
	uint64_t end_ns; /* what was found was born before it */
	uint64_t used;
	uint64_t live_places;
	struct last_stack *of_stack;	       /* one for each slot of the stack table */
	struct model_generations *generations; /* likewise; NULL: there are no bounds */
	uint8_t *is_estimate;		       /* one for each slot of the process table: 1 << layer */
};

struct last_stack {
	uint64_t key;	/* of the stack that had the slot; 0 = it had no block */
	uint64_t birth; /* swt_birth() of its oldest block */
	uint32_t epoch; /* of its layer: if it is over, all are dead */
};

/* The vitals of all processes, kept for snapshots for which they are not read. */
struct last_vitals {
	struct pace pace;
	struct kept_vitals *of_process;
	size_t n;
};

/* A stack at which a block was freed twice. */
struct twice {
	uint32_t stack; /* its slot in the stack table, and the key of that */
	uint64_t key;
};

/* The program of which all was seen since it began; pid 0 = there is none. */
struct seen_whole {
	int pid;
	uint32_t life;
	uint64_t
		doubts; /* how often something was missed by then, and when last: while both are the same, nothing was since */
	uint64_t doubt_tick;
};

#define TWICE_MAX     256
#define FREED_WATCHED 4096

struct collect {
	struct attach_tables tables;
	struct twice twice[TWICE_MAX];
	size_t n_twice;
	struct seen_whole whole;
	struct twice stray[TWICE_MAX]; /* stacks by which was freed what is no block */
	size_t n_strays;	       /* of those */
	uint64_t n_stray;	       /* frees */
	struct pace stray_pace;
	uint64_t freed_key
		[FREED_WATCHED]; /* of slots of the freed blocks, as they were at the last snapshot; 0 = none */
	struct last_reading last;
	struct model_bounds bounds;
	const struct model_windows *windows; /* NULL: probes are in place all the time */
	struct last_vitals vitals;
	struct ring_buffer *ring;
	void (*on_event)(void *ctx, const struct model_event *e);
	void *ctx;
	char *queue; /* QUEUE_BYTES; records taken from the ring: size (8 bytes), then the record, padded to 8 */
	size_t queue_at;
	size_t queue_bytes;
	size_t n_crashes; /* of them */
};

/* What the live table holds of one stack: small, so that those of all stacks stay in the processor's cache. */
struct tally {
	uint64_t bytes;
	uint32_t blocks;
	uint32_t oldest; /* swt_birth() + 1; 0 = there is no block */
};

/* A judged block of a window, by slot of its stack. */
struct survivor {
	uint32_t stack;
	uint32_t window;
	uint64_t bytes;
};

struct survivor_list {
	struct survivor *block;
	size_t n;
	size_t cap;
	int failed;
};

/* The generation of a birth, without a search: a table by the birth's upper bits says where to begin, the bounds as births say
 * where to end. */
#define AGE_ENTRIES 1024

struct ages {
	uint64_t end[MODEL_BOUNDS + 1]; /* swt_birth() from which on a block is of a later one; the last has none */
	unsigned shift;
	uint8_t first[AGE_ENTRIES];
};

/* A snapshot in the making. */
struct reading {
	const struct attach_tables *t;
	struct model_snapshot *s;
	struct tally *tally; /* one for each slot of the stack table */
	uint64_t *others;    /* likewise: more blocks, for which sampled ones stand */
	const struct model_windows *windows;
	struct survivor_list survivors;
	struct model_process **of_slot; /* one for each slot of the process table; NULL = none */
	/* The filter, in the records' own terms. */
	uint64_t min_size;
	uint64_t max_size;
	uint64_t end_birth; /* the first that is too young */
	const struct model_bounds *bounds;
	struct model_generations *generations; /* one for each slot of the stack table; NULL: not asked for */
	struct ages ages;
	const struct last_reading *last; /* of the table; that of now, once it is read */
	int by_counters;		 /* the table is not read anew: live blocks are told by the counters */
};

/* blocks_read - read the live table: the tallies, the live blocks of processes, and how full the table is.
 * blocks_survivors - the blocks of windows that are to be judged: a second look, of windowed mode alone. */
void blocks_read(struct reading *r, const struct collect_filter *filter);
void blocks_survivors(struct reading *r);

/* proc_slot - where a process is in the kernel side's table, or -1. */
int proc_slot(const struct attach_tables *t, int pid);

/* processes_begin - make room in a new snapshot for all processes that the caller knows.  Return: 0 or -ENOMEM.
 * processes_add - put one there, with all that is known of it without tables. What it is is copied: the snapshot may outlive it. */
int processes_begin(struct model_snapshot *s, const struct target *t);
struct model_process *processes_add(struct model_snapshot *s, struct target_process *tp);

/* vitals_read - the vitals of the snapshot's processes: read anew when their pace says so, or if must is set. Without memory for keeping them there are none.
 * vitals_read_one - of one process that lives, now. What is gone by now has none.
 * vitals_clear - free what is kept. */
void vitals_read(struct collect *c, struct model_snapshot *s, struct target *t, int must);
void vitals_read_one(struct target_process *p, uint64_t now_ns, struct model_vitals *out);
void vitals_clear(struct last_vitals *l);

/* ages_begin - prepare for ages_of(). */
void ages_begin(struct ages *a, const struct attach_tables *t, const struct model_bounds *b);

/* ages_of - the generation of a block that was born then. */
static inline size_t ages_of(const struct ages *a, uint32_t birth)
{
	uint32_t at = birth >> a->shift;
	size_t g = a->first[at < AGE_ENTRIES ? at : AGE_ENTRIES - 1];

	while (birth >= a->end[g])
		g++;
	return g;
}

struct swt_event_signal;
struct swt_event_stray;

#define NEAR_MAX 64 /* addresses at a time */

/* near_rank - how well a block fits an address; 0 = not at all, more is better. One that contains it is best; then the nearest.
 * near_stack - the stack in a slot of the stack table.
 * near_fill - tell of a live block.
 * near_freed - look for the addresses among the freed blocks of the process in that slot; rank is that of what was found before. */
unsigned near_rank(const struct swt_block *b, uint64_t addr);
void near_stack(const struct attach_tables *t, uint32_t slot, struct model_near_stack *out);
void near_fill(
	const struct collect *c, const struct swt_block *b, uint64_t addr, uint64_t time_ns, struct model_near *out);
void near_freed(const struct collect *c, uint32_t slot, uint64_t time_ns, const uint64_t *addr, struct model_near *out,
	unsigned *rank, size_t n);

/* calls_fill - the last calls of the thread that dies.
 * freed_event_fill - a block that was freed twice.
 * freed_read - how full the history of freed blocks is, and how much of it lasts. */
void calls_fill(struct model_crash *to, const struct swt_last_calls *l, uint64_t tick_ns);
void freed_event_fill(
	const struct collect *c, struct model_event *m, struct model_near *block, const struct swt_event_freed *e);
void freed_read(struct collect *c, struct model_freed_history *out);

/* event_stack_fill - the stack that an event names by its slot, and what was called there.  @op  SWT_OP_x
 * stray_event_fill - a free of what may be no block. */
void event_stack_fill(const struct collect *c, struct model_event *m, uint32_t slot, uint32_t op);
void stray_event_fill(
	const struct collect *c, struct model_event *m, struct model_stray *stray, const struct swt_event_stray *e);

/* crash_event_fill - what a crash event says beside its stack. It comes from the kernel side, but numbers in it are bounded anew. */
void crash_event_fill(struct model_crash *to, const struct swt_event_signal *s);
struct swt_event;

/* end_fill - what is told of the end of a process, if that is what the record is about.
 * Return: 0, or -EBADMSG: the record is too short for its type. */
int end_fill(struct model_event *m, const struct swt_event *e, size_t size_bytes);

/* collect_utc_ns - a CLOCK_MONOTONIC time as UTC, by the present difference of the two clocks. */
int64_t collect_utc_ns(uint64_t time_ns);

#endif
