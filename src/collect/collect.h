/* SPDX-License-Identifier: GPL-2.0-or-later */
/* collect/collect.h - from the kernel side's tables and events to the model.
 *
 * In: struct attach_tables. Out: struct model_snapshot, struct model_event.
 * Owner: collect owns the ring reader; attach owns the tables, which must outlive it. Thread: one. */
#ifndef COLLECT_COLLECT_H
#define COLLECT_COLLECT_H

#include "attach/attach.h"
#include "model/model.h"

struct collect;

/* collect_open - begin to read.
 * @on_event  called by collect_events() for each event; the event is valid during the call only */
int collect_open(struct collect **out, const struct attach_tables *tables,
	void (*on_event)(void *ctx, const struct model_event *e), void *ctx);
void collect_close(struct collect *c);

/* collect_count_twice - what an event of type MODEL_FREED tells is true: snapshots are to count the blocks that are freed twice
 * at its stack, from the first one on (model_freed_history.n_twice). */
void collect_count_twice(struct collect *c, const struct model_event *e);

/* collect_trust - the program that this process runs is probed before it has allocated anything: what is not among its blocks was
 * never allocated, as long as nothing is missed from now on. Of one process at a time. */
void collect_trust(struct collect *c, int pid);

/* collect_stray - is it certain that what an event of type MODEL_STRAY tells of is no block that could be freed? Then either it lies in
 * a live block, behind its first byte, or all blocks are known of which it could be one. Where that cannot be told, and when many have
 * to be looked at, the answer is no.
 * @block  out: the one that it lies in; of kind MODEL_NEAR_NONE: in none      Return: 1 or 0. */
int collect_stray(struct collect *c, const struct model_event *e, struct model_near *block);

/* collect_count_stray - what collect_stray() has said is an error of the program's.
 * Return: 1, or 0: it was told at this stack before. */
int collect_count_stray(struct collect *c, const struct model_event *e);

/* collect_fd - becomes readable (poll) when there are events. */
int collect_fd(const struct collect *c);

/* collect_drain - take all events that are there out of the kernel's ring, and keep them for collect_events(). For times when
 * they cannot be dealt with, so that none is lost: keeps up to 32 MiB of them. May be called from on_event.
 * Return: 1: there is a crash among what is kept; 0. */
int collect_drain(struct collect *c);

/* collect_events - hand out all events that are there; does not wait.  Return: their number, or -errno. */
int collect_events(struct collect *c);

/* collect_set_windows - tracing is in windows: snapshots tell of survivors.  @w  borrowed until collect_close() */
void collect_set_windows(struct collect *c, const struct model_windows *w);

/* collect_set_bounds - from now on snapshots tell live blocks by generation. What the last reading of the live table found is
 * told by the new bounds, too: each must be one of those before, or the end (counted_ns) of the last snapshot for which it was read.
 * Return: 0 or -ENOMEM: nothing has changed. */
int collect_set_bounds(struct collect *c, const struct model_bounds *b);

/* Which live blocks a snapshot's stacks count. Totals of processes count all. */
struct collect_filter {
	uint64_t older_ns; /* only blocks of at least this age */
	uint64_t min_size_bytes;
	uint64_t max_size_bytes; /* 0 = no bound */
};

/* What a snapshot costs is bounded: it is O(slots of the stack table), and the live table is read only when that takes less
 * than COLLECT_SHARE of the time since it was last read. In between, live blocks and bytes are told by the counters,
 * which say the same; the age of a stack's oldest block, and how full the table is, are as of the last reading
 * (model_snapshot.table_ns). A filter needs the table, and so do windows: then it is read for every snapshot. */
#define COLLECT_SHARE	    0.0025
#define COLLECT_FIRST_SHARE 0.02 /* at first, so that there is a verdict soon, */
#define COLLECT_FIRST	    10	 /* for so many readings */

/* collect_snapshot - read the tables once.
 * The probes go on meanwhile, so blocks that come or go during the read (about 8 ms for a million records) may or may
 * not be in it; each block that is, is consistent.
 * @is_final  1: read the live table at any cost
 * @p   processes: pid, comm and alive are taken from the caller's list, counts from the tables
 * Return: 0 and *out (to be freed with model_snapshot_free), or -ENOMEM. */
int collect_snapshot(struct collect *c, const struct collect_filter *filter, int is_final, struct target *t,
	struct model_snapshot **out);

/* collect_vitals - the same of processes and losses alone, without stacks and the live table: is_outside is set. */
int collect_vitals(struct collect *c, struct target *t, struct model_snapshot **out);

/* collect_outside - the same without any probe or table: all processes that the caller knows, with their vitals alone.
 * @start_ns  since when they are watched      Return: 0 and *out (to be freed with model_snapshot_free), or -ENOMEM. */
int collect_outside(struct target *t, uint64_t start_ns, struct model_snapshot **out);

/* collect_near - what the books know of addresses of a process: for each the block that contains it, or has just missed it.
 * One pass through the live table for all of them: a millisecond or two for half a million blocks. The addresses of a process that is
 * dying are still known: to be asked before its end is dealt with.
 * @time_ns  of the event, for ages
 * @out      n, each filled in; of kind MODEL_NEAR_NONE when nothing is known, or nothing of this process is traced */
void collect_near(struct collect *c, int pid, uint64_t time_ns, const uint64_t *addr, struct model_near *out, size_t n);

/* collect_top - which stacks held most when a process gave up, or ended. What PHP has dropped since is still counted; what it has
 * freed one by one since is not. Not for tracing in windows.
 * @layer_mask  1 << MODEL_x of the layers that are asked for      @max  so many, at least 1
 * Return: 0, and *out to be freed with model_top_free(); -ESRCH the process is not known; -ENOMEM. */
int collect_top(
	const struct collect *c, const struct model_event *e, unsigned layer_mask, size_t max, struct model_top *out);

/* collect_live - what lives in all stacks of a process at this moment, or when it ended, by layer. Not for tracing in windows.
 * Return: 0; -ESRCH nothing of it is traced. */
int collect_live(const struct collect *c, int pid, uint64_t live_bytes[MODEL_LAYERS]);

/* collect_php_frame - what stands behind a frame with MODEL_FRAME_PHP.
 * Strings live until attach_close().  Return: 0; -ENOENT nothing is recorded (its table was full). */
int collect_php_frame(const struct collect *c, uint64_t frame, struct model_php_frame *out);

#endif
