/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* maps.bpf.h - configuration and the tables shared with user space.
 * Tables are arrays that user space maps (BPF_F_MMAPABLE): it reads them without system calls. Their sizes are set
 * before loading. Maps that only the kernel side uses stand in the header of their concern. */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

const volatile struct swt_config cfg = {};
const volatile struct swt_selection selection = {};

/* Ids in the unified hierarchy: processes in these cgroups, or below them. Written by user space at any time. */
volatile __u64 selected_cgroup[SWT_SELECT_NAMES] = {};

/* Incremented by user space whenever it changes the process table: threads then look their process up again. */
__u32 registry_generation = 0;

/* With cfg.is_windowed: twice the number of the window that was opened last, less one while it is open; and when it was
 * opened. Written by user space, the time first. */
__u32 window_state = 0;
__u64 window_open_ns = 0;
__u32 window_judged_slots = 0; /* blocks born in these are judged */

/* What windows do to the books, and is no loss: calls that were under way when a window opened or closed, and blocks of earlier
 * windows whose address was handed out again, so that they are known to be gone. */
__u64 window_cut = 0;
__u64 window_cleared = 0;

/* 1: the live table is full, or nearly: of small blocks only a sample is recorded (live_sample). Set here when a block finds no
 * place or hardly one, and by user space when it sees that the table is filling; reset by user space. */
__u32 pressed = 0;

/* Never set. Read by never_tail_call(). */
__u32 never = 0;

/* The process table. User space adds and removes processes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_MAX_PROCS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct swt_proc);
} procs SEC(".maps");

/* pid -> slot in the process table. User space adds; removed by whoever sees the process end first. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SWT_MAX_PROCS);
	__type(key, __u32);
	__type(value, __u32);
} proc_of_pid SEC(".maps");

/* Filled by user space for each process that runs PHP; by slot of the process table. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_MAX_PROCS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct swt_php);
} php_procs SEC(".maps");

/* The live table: see live.bpf.h. Full = both buckets of a block are. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_BUCKETS(SWT_DEFAULT_BLOCKS));
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct swt_bucket);
} live SEC(".maps");

/* The stack table: see stack.bpf.h. Slots are taken and never given back while probes run. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_DEFAULT_STACKS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct swt_stack);
} stacks SEC(".maps");

/* Lifecycle and crash events. Full = the event is counted as lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SWT_EVENT_RING_BYTES);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct swt_losses);
} losses SEC(".maps");

/* Freed blocks: see freed.bpf.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct swt_freed);
} freed SEC(".maps");

/* Always empty. Two, because the programs that share one must be loaded with the same attach type. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} no_calls SEC(".maps"), no_dl_calls SEC(".maps");

/* never_tail_call - keep the kernel from giving this program a private stack.
 * Since 6.13 (a76ab5731e32) a program with 64 bytes of stack or more gets one stack for each CPU, although uprobe
 * programs are preemptible: two tasks then write into the same stack. A program that contains a tail call is exempt.
 * The condition is a variable that the verifier cannot know, so the call is never dropped and never made. */
static __always_inline void never_tail_call(void *ctx, void *no_progs)
{
	if (never)
		bpf_tail_call(ctx, no_progs, 0);
}

/* The moment from which births count, by both clocks. Set by clock_start() before anything is probed. */
__u64 start_tick = 0;
__u64 start_ns = 0;

static __always_inline void clock_start(void)
{
	start_tick = bpf_jiffies64();
	start_ns = bpf_ktime_get_ns();
}

/* birth_now - the time, as blocks and epochs bear it. With windows, where blocks bear theirs, epochs are told apart by their
 * number alone. */
static __always_inline __u32 birth_now(void)
{
	return cfg.is_windowed ? 0 : swt_birth((bpf_jiffies64() - start_tick) >> cfg.birth_shift);
}

/* birth_in_window - what a block that is born now bears instead.  @state  window_state, as the thread has seen it */
static __always_inline __u32 birth_in_window(__u32 state)
{
	__u64 now = bpf_ktime_get_ns(),
	      slot = now > window_open_ns ? (now - window_open_ns) >> SWT_BIRTH_SLOT_SHIFT : 0;

	return swt_birth(SWT_BIRTH((state + 1) / 2, slot < SWT_BIRTH_SLOTS ? slot : SWT_BIRTH_SLOTS - 1));
}

/* When it was last possible that a block was born unseen, at an address that nobody knows: in ticks. Written by both sides: user
 * space does when it has placed probes. */
__u64 freed_doubt_tick = 0;

/* When a block was last born that is in no books, and how often that was. */
__u64 stray_doubt_tick = 0;
__u32 stray_doubts = 0;

static __always_inline __u64 tick_now(void)
{
	return bpf_jiffies64() - start_tick;
}

/* doubt_known - a block was born that is in no books. */
static __always_inline void doubt_known(void)
{
	stray_doubt_tick = tick_now();
	__sync_fetch_and_add(&stray_doubts, 1);
}

/* loss_add - count one loss. Losses are rare: one shared counter a cause will do. */
static __always_inline void loss_add(enum swt_loss cause)
{
	__u32 zero = 0;
	struct swt_losses *l = bpf_map_lookup_elem(&losses, &zero);

	if (l)
		__sync_fetch_and_add(&l->count[cause], 1);
	if (cause == SWT_LOSS_RETURN_MISSED || cause == SWT_LOSS_NO_STATE || cause == SWT_LOSS_RESULT_UNREAD)
		freed_doubt_tick = tick_now();
}

#endif
