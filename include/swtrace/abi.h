/* SPDX-License-Identifier: GPL-2.0-or-later OR BSD-2-Clause */
/* swtrace/abi.h - the records that the kernel side (bpf/) writes and the user side reads.
 *
 * Only constants and fixed-width structs: no pointer, no bool, no bit-field, no implicit padding. Both sides include
 * this header and nothing else of each other's. Only attach/ and collect/ (and the one table of allocator functions in
 * target/) know it; what analysis and output see is model/model.h.
 *
 * All times are nanoseconds of CLOCK_MONOTONIC unless the name says otherwise. All pids are those of swtrace's own PID
 * namespace. */
#ifndef SWTRACE_ABI_H
#define SWTRACE_ABI_H

#ifndef __VMLINUX_H__ /* the kernel side has these from vmlinux/vmlinux.h */
#include <linux/types.h>
#endif

/* ---- limits ---------------------------------------------------------------------------------------------------- */

#define SWT_MAX_FRAMES	     128       /* addresses of one stack */
#define SWT_MAX_PROCS	     4096      /* processes traced at a time; a power of two */
#define SWT_MAX_STACKS	     131072    /* what a record of a block has room for */
#define SWT_DEFAULT_STACKS   16384     /* different stacks; a power of two; 17 MiB of kernel memory */
#define SWT_SYSTEM_STACKS    65536     /* likewise in system-wide mode: those of each process are its own; 68 MiB */
#define SWT_DEFAULT_BLOCKS   524288    /* live blocks; see SWT_BUCKETS() */
#define SWT_SYSTEM_BLOCKS    2097152   /* likewise in system-wide mode */
#define SWT_EVENT_RING_BYTES (1 << 22) /* lifecycle and crash events only: 1,000 crash events */

/* ---- layers: which allocator owns a block ---------------------------------------------------------------------- */

#define SWT_LAYER_ZEND 0
#define SWT_LAYER_LIBC 1
#define SWT_LAYER_MMAP 2
#define SWT_LAYERS     3
/* Not a layer of its own: a second record of each mapping, keyed by its end, so that a munmap that trims the tail of a
 * mapping finds it. Never counted. */
#define SWT_LAYER_MMAP_END 3
#define SWT_LAYER_SLOTS	   4 /* layers and MMAP_END: a power of two, so that a mask bounds an index for the verifier */

/* ---- probe cookies: what a probed function does ---------------------------------------------------------------- */

#define SWT_OP_ALLOC	 1  /* returns a new block */
#define SWT_OP_ALLOC_OUT 2  /* returns 0 and stores the new block through a pointer argument (posix_memalign) */
#define SWT_OP_REALLOC	 3  /* takes an old block, returns the block that replaces it */
#define SWT_OP_FREE	 4  /* takes a block that is then dead */
#define SWT_OP_MMAP	 5  /* like ALLOC, failure is -1 */
#define SWT_OP_MUNMAP	 6  /* takes a range */
#define SWT_OP_MREMAP	 7  /* like REALLOC, failure is -1 */
#define SWT_OP_REALLOCF	 8  /* like REALLOC, the old block is dead also when it fails (reallocf) */
#define SWT_OP_RESIZE	 9  /* takes a block that stays in its place, returns its real size; too small: it failed */
#define SWT_OP_NEW	 10 /* like ALLOC, but may throw: no exception passes a return probe, so it has none */
#define SWT_OP_LEAVE	 11 /* no function: an instruction by which one of SWT_OP_NEW returns to its caller */
#define SWT_OP_THROW	 12 /* no allocator: makes room for an exception, with which one of SWT_OP_NEW most likely ends */

/* Where the requested size comes from. Arguments are numbered from 0. */
#define SWT_SIZE_NONE	 0 /* the function takes no size (free) */
#define SWT_SIZE_FIXED	 1 /* the size is in the function's name (_emalloc_56) and in the cookie */
#define SWT_SIZE_ARG	 2 /* argument n */
#define SWT_SIZE_MUL	 3 /* argument n times argument n+1 (calloc) */
#define SWT_SIZE_MUL_ADD 4 /* argument n times n+1, plus n+2 (_safe_emalloc) */
#define SWT_SIZE_ARG_1	 5 /* argument n, plus one (_estrndup: the terminating NUL) */
#define SWT_SIZE_NESTED	 6 /* unknown at entry: what the function asks of the allocator it calls (_estrdup) */

/* A cookie packs the five facts into the 64 bits that the kernel hands to the probe program:
 *   op 8 | layer 8 | size kind 8 | size argument 4 | pointer argument 4 | fixed size 32 */
#define SWT_COOKIE(op, layer, kind, size_arg, ptr_arg, fixed)                                                         \
	((__u64)(op) | (__u64)(layer) << 8 | (__u64)(kind) << 16 | (__u64)(size_arg) << 24 | (__u64)(ptr_arg) << 28 | \
		(__u64)(fixed) << 32)
#define SWT_COOKIE_OP(c)       ((__u32)((c)&0xff))
#define SWT_COOKIE_LAYER(c)    ((__u32)((c) >> 8 & 0xff))
#define SWT_COOKIE_KIND(c)     ((__u32)((c) >> 16 & 0xff))
#define SWT_COOKIE_SIZE_ARG(c) ((__u32)((c) >> 24 & 0xf))
#define SWT_COOKIE_PTR_ARG(c)  ((__u32)((c) >> 28 & 0xf))
#define SWT_COOKIE_FIXED(c)    ((__u64)((c) >> 32))

/* ---- losses: every way in which the books can be incomplete ----------------------------------------------------- */

/* X(NAME, key in JSON, sentence for people). A name is a counter in struct swt_losses; the order is the ABI. */
#define SWT_LOSS_LIST(X)                                                                               \
	X(BLOCKS_FULL, "live_table_full", "blocks not tracked: the live table is full")                \
	X(MAPS_FULL, "mappings_full", "mappings not tracked: the live table is full")                  \
	X(BEYOND, "beyond_48_bits", "blocks not tracked: their address or size has more than 48 bits") \
	X(STACKS_FULL, "stack_table_full", "blocks not tracked: the stack table is full")              \
	X(PROCS_FULL, "process_table_full", "children not known: the process table is full")           \
	X(NO_STATE, "no_thread_state", "calls not seen: no memory for the thread's state")             \
	X(RETURN_MISSED, "return_missed", "calls whose return was never seen")                         \
	X(SIZE_UNKNOWN, "size_unknown", "blocks counted with size 0: their size was not seen")         \
	X(RESULT_UNREAD, "result_unreadable", "blocks not tracked: the result could not be read")      \
	X(FREE_MISSED, "free_missed", "blocks replaced at the same address: their free was missed")    \
	X(PHP_FRAMES_FULL, "php_table_full", "PHP frames without a name: the table is full")           \
	X(PHP_NAME_CUT, "php_name_cut", "PHP names cut: too long to be recorded whole")                \
	X(UNMAP_LONG, "unmap_long", "calls of munmap over more mappings than are followed")            \
	X(EVENT_DROPPED, "event_dropped", "events dropped: the ring buffer was full")

#define SWT_LOSS_ENUM(name, key, text) SWT_LOSS_##name,
enum swt_loss { SWT_LOSS_LIST (SWT_LOSS_ENUM) SWT_LOSSES };

struct swt_losses {
	__u64 count[SWT_LOSSES];
};

/* ---- configuration: constant while loaded ----------------------------------------------------------------------- */

struct swt_config {
	__u64 hash_seed;   /* so that a target cannot choose addresses that collide */
	__u32 pidns_inum;  /* swtrace's PID namespace: inode number of /proc/self/ns/pid */
	__u32 n_buckets;   /* of the live table */
	__u32 stack_mask;  /* number of slots of the stack table - 1 */
	__u32 may_skip;	   /* 1: a probe's entry side can spare its return side */
	__u32 birth_shift; /* a unit of births is 2^birth_shift ticks of the kernel's clock (jiffies) */
	__u32 is_windowed; /* 1: allocations are recorded while a window is open, and not else */
	__u32 freed_shift; /* of swt_freed_slot(): 64 - the binary logarithm of the slots; 0 = freed blocks are not remembered */
	__u32 free_stacks; /* 1: the stack of each free is taken, too */
};

/* ---- selection: which processes are traced in system-wide mode; constant while loaded --------------------------- */

#define SWT_SELECT_NAMES 8 /* of each kind */
#define SWT_NAME_BYTES	 64
#define SWT_PATH_NAMES	 8

/* A file or directory name, filled up with 0. */
struct swt_name {
	__u32 len;
	__u32 pad0;
	char text[SWT_NAME_BYTES];
};

/* A path, its last name first. */
struct swt_path {
	__u32 n_names;
	__u32 is_whole; /* it begins at the root; else anything may come before */
	struct swt_name name[SWT_PATH_NAMES];
};

/* A process is selected when one of each kind that is asked for fits. */
struct swt_selection {
	__u32 is_system; /* 1: system-wide mode */
	__u32 own_pid;	 /* swtrace, left out with its children */
	__u32 n_comms;	 /* 0 = any will do; likewise below */
	__u32 n_exes;
	__u32 n_cgroups; /* of selected_cgroup[], which may change: a container that is started again has another */
	__u32 pad0;
	char comm[SWT_SELECT_NAMES][16];
	struct swt_path exe[SWT_SELECT_NAMES];
};

/* ---- processes -------------------------------------------------------------------------------------------------- */

/* The slots in which a process is looked for, and put: from the one that its pid names on. i counts from 0. */
#define SWT_PROC_SLOT(pid, i, n_procs) (((__u32)(pid) + (__u32)(i)) & ((__u32)(n_procs)-1))

/* What begins a request: the cookie of a probe that counts them. What is one request to one of them may be one to another as
 * well, so they are counted apart. */
#define SWT_REQUEST_PHP	   0 /* php_request_startup */
#define SWT_REQUEST_SWOOLE 1 /* a server of Swoole's receives one */
#define SWT_REQUEST_ASKED  2 /* --request-probe */
#define SWT_REQUEST_KINDS  3

/* What is known at a probe where PHP gives up: its cookie. */
#define SWT_END_GIVEN	0 /* the entry of a function: its first arguments say what it is */
#define SWT_END_CORRUPT 1 /* within a function that is about to say SWT_EVENT_CORRUPT */

#define SWT_PROC_USED	      1 /* the slot is taken */
#define SWT_PROC_STOP_AT_EXEC 2 /* stop the process (SIGSTOP) before the first instruction of a new program */
#define SWT_PROC_STOP_AT_DL   4 /* stop it whenever the dynamic loader reports a change of its link map */
#define SWT_PROC_CHILD	      8 /* a child of a traced process, known by the kernel side: its stacks are, its memory is not */
#define SWT_PROC_CLAIMED      16 /* the slot is being filled */
#define SWT_PROC_FOLLOW	      32 /* its children are to be traced, too: they have this flag as well */
#define SWT_PROC_ADMITTED \
	64 /* taken by the kernel side for a process that is traced from the start (system-wide mode) */

/* What a process did in one layer, since tracing began. Written by the probes, atomically. */
struct swt_layer_counts {
	__u64 n_allocs;
	__u64 alloc_bytes;
	__u64 n_frees;
	__u64 freed_bytes;
	__u64 n_unknown_frees; /* frees of blocks that were not tracked: born before tracing, lost, or left out */
	__u64 n_left_out;      /* blocks that are in no other number: sampling has left them out */
	__s64 left_out_now;    /* of them, those that may live: an unknown free is taken for one of theirs */
};

/* The Zend heap as PHP itself counts it: what blocks take, not what was asked for. zend_mm_heap.size is the sum of both. */
struct swt_zend_books {
	__u64 traced_bytes; /* in live blocks */
	__u64 before_bytes; /* in blocks from before tracing began, when it began. Written by user space; 0 once they are gone */
	__u64 n_drops; /* how often PHP has dropped all blocks at once, at the end of a request */
	/* 1: since the last drop the heap has passed calls on to somebody's handlers, and so has not counted all blocks that are
	 * traced: there is no proof. Written by both sides */
	__u64 is_custom;
};

/* One process. A slot is taken by a compare-and-swap of flags from 0 to SWT_PROC_CLAIMED: by user space for a process to
 * trace, by the kernel side for its children; user space alone empties it. The kernel side changes the epochs and the
 * counts. A block of another epoch than its layer's current one is dead: this drops all of them at once when a process
 * executes a new program, and those of the Zend heap when PHP does at the end of a request. */
struct swt_proc {
	__u32 tgid;
	__u32 flags;
	__u32 epoch[SWT_LAYER_SLOTS];
	__u32 began[SWT_LAYER_SLOTS]; /* when the epoch began, as swt_birth(); written before the epoch is */
	__u64 space;		      /* SWT_SPACE() of its spans; 0 = not known yet. One store publishes them */
	__u64 asked_ns;		      /* when SWT_EVENT_CODE was last sent */
	/* How often the dynamic loader has reported a change of its link map, and how often it had when user space began to
	 * read the mappings behind the spans. While they differ a library may be where the spans have another. */
	__u32 dl_changes;
	__u32 dl_settled;
	__u32 life;		/* counts the programs that it has executed: a stack belongs to one of them */
	__u32 zend_least_bytes; /* of a block of the Zend heap. Written by user space */
	__u32 dl_open;		/* the loader's list is being changed, by the loader's own word */
	__u32 request_kinds;	/* 1 << SWT_REQUEST_x: something of that kind is probed in it. Written by user space */
	__u64 r_debug;		/* address of struct r_debug, the loader's word for debuggers; 0 = not known */
	__u64 abort_at;		/* address of glibc's __abort_msg; 0 = not known. Written by user space */
	__u64 stray_tick;	/* when SWT_EVENT_STRAY was last sent, and how often of this program */
	__u64 n_strays;
	struct swt_zend_books zend; /* written by the probes, atomically */
	struct swt_layer_counts layer[SWT_LAYER_SLOTS];
	__u64 n_requests[SWT_REQUEST_KINDS]; /* begun, by what has begun them. Written by the probes, atomically */
};

/* ---- live blocks ------------------------------------------------------------------------------------------------- */

/* A block, taken apart. */
struct swt_block {
	__u64 addr;	  /* first byte */
	__u64 size_bytes; /* as asked by the caller */
	__u32 stack;	  /* slot in the stack table */
	__u32 birth;	  /* swt_birth(), or SWT_BIRTH() */
	__u32 epoch;	  /* of its process and layer; its lowest SWT_EPOCH_BITS bits count */
	__u16 proc;	  /* slot in the process table */
	__u8 layer;
	__u8 zend_bin;	   /* of the Zend heap: number of its bin + 1 when it is in one; else 0 */
	__u8 sample_shift; /* 0: it stands for itself alone; else for others that were left out, too */
	__u8 sample_up;	   /* 1: for one block more than is sure */
	__u16 pad0;
	__u32 pad1;
};

/* When the table is nearly full, a block of fewer than R = 2^sample_shift bytes is recorded with the probability size / R
 * only. It then stands for R bytes, and for R / size blocks, rounded up or down at random: on average the sums are what they
 * would be if all were recorded. What a block stands for is in its record, so that its death takes from the books what its
 * birth has put there.
 * One of no size is as likely as one of a single byte, and stands for as many blocks, but for no bytes. */
static inline __attribute__((always_inline)) __u64 swt_block_bytes(const struct swt_block *b)
{
	return !b->sample_shift ? b->size_bytes : b->size_bytes ? 1ULL << (b->sample_shift & 31) : 0;
}

static inline __attribute__((always_inline)) __u64 swt_block_blocks(const struct swt_block *b)
{
	if (!b->sample_shift)
		return 1;
	return (1ULL << (b->sample_shift & 31)) / (b->size_bytes ? b->size_bytes : 1) + b->sample_up;
}

/* swt_birth - when, in units since tracing began. Read off the kernel's tick, which costs nothing, where its clock takes 50 ns: the
 * unit is so many ticks (swt_config.birth_shift) that it is 32 to 64 ms. After 497 days or more time stands still. */
#define SWT_BIRTH_NS  64000000ULL
#define SWT_BIRTH_MAX ((1U << 30) - 1)
static inline __attribute__((always_inline)) __u32 swt_birth(__u64 units)
{
	return units < SWT_BIRTH_MAX ? units : SWT_BIRTH_MAX;
}

/* Tracing in windows: swt_block.birth then says in which window a block was born, counted from 1, and how long after the
 * window was opened, in steps of 2^20 ns (1.05 ms). 24 bits of windows: at one a second 194 days; what is born later is not
 * judged. */
#define SWT_BIRTH_SLOTS		64
#define SWT_BIRTH_SLOT_SHIFT	20
#define SWT_BIRTH(window, slot) ((__u32)(window)*SWT_BIRTH_SLOTS + (__u32)(slot))
#define SWT_BIRTH_WINDOW(birth) ((birth) / SWT_BIRTH_SLOTS)
#define SWT_BIRTH_SLOT(birth)	((birth) % SWT_BIRTH_SLOTS)

/* In the table a block is three words, 24 bytes.
 *   key   address 48 | process 12 | layer 2 | 1: no key is one of the two special ones, and none has its top bit set
 *   what  size 48 | Zend bin 5 | sample_shift 5 | sample_up 1 | lower part of the epoch 5
 *   when  stack 17 | birth 30 | upper part of the epoch 17
 * Epochs are told apart by their lower 22 bits alone. That is enough: a block that has the current epoch's bits and is of an
 * earlier one is older than swt_proc.began, as four million epochs take longer than one unit of time. */
#define SWT_BLOCK_FREE	  0 /* key of an empty record */
#define SWT_BLOCK_CLAIMED 1 /* key of a record that is being written: not to be read */

#define SWT_BITS48		     ((1ULL << 48) - 1)
#define SWT_KEY(addr, proc, layer)   ((__u64)(addr) | (__u64)(proc) << 48 | (__u64)(layer) << 60 | 1ULL << 62)
#define SWT_KEY_USED(key)	     ((key) >> 62) /* 1: a block, 0: one of the special keys */
#define SWT_EPOCH_LOW_BITS	     5
#define SWT_EPOCH_BITS		     22
#define SWT_EPOCH_IS(epoch, current) (!(((epoch) ^ (current)) & ((1U << SWT_EPOCH_BITS) - 1)))
#define SWT_WHAT(b)                                                                                                    \
	((b)->size_bytes | (__u64)(b)->zend_bin << 48 | (__u64)(b)->sample_shift << 53 | (__u64)(b)->sample_up << 58 | \
		(__u64)(b)->epoch << 59)
#define SWT_WHEN(b) ((__u64)(b)->stack | (__u64)(b)->birth << 17 | (__u64)((b)->epoch >> SWT_EPOCH_LOW_BITS) << 47)

#define SWT_KEY_PROC(key)      ((__u32)((key) >> 48 & 0xfff))
#define SWT_KEY_LAYER(key)     ((__u32)((key) >> 60 & 3))
#define SWT_KEY_OWNER(key)     ((key) >> 48)	   /* process and layer, as one number */
#define SWT_WHAT_SAMPLED(what) ((what) >> 53 & 31) /* sample_shift */
#define SWT_WHAT_SIZE(what)    ((what)&SWT_BITS48)
#define SWT_WHEN_STACK(when)   ((when) & (SWT_MAX_STACKS - 1))
#define SWT_WHEN_BIRTH(when)   ((when) >> 17 & SWT_BIRTH_MAX)

#define SWT_BUCKET_BLOCKS 16

struct swt_payload {
	__u64 what;
	__u64 when;
};

/* A block may stand in any place of two buckets that its key selects; it never moves, so there are no tombstones and a
 * removal needs no other record. The keys stand together: to look for one is to read two cache lines. */
struct swt_bucket {
	__u64 key[SWT_BUCKET_BLOCKS]; /* written last */
	struct swt_payload payload[SWT_BUCKET_BLOCKS];
};

/* SWT_BUCKETS - for that many blocks, which fill 77 % of the places: 31.2 bytes of kernel memory a block. Where blocks come and
 * go, 2 of a million find both of their buckets full then; at 80 % 7 of 100,000, at 85 % 4 of 1,000 (by simulation). */
#define SWT_FILL_PERCENT    77
#define SWT_BUCKETS(blocks) ((__u32)((blocks)*100ULL / (SWT_FILL_PERCENT * SWT_BUCKET_BLOCKS) + 1))

/* swt_payload_epoch - SWT_EPOCH_BITS of it. */
static inline __attribute__((always_inline)) __u32 swt_payload_epoch(const struct swt_payload *p)
{
	return (__u32)(p->when >> 47) << SWT_EPOCH_LOW_BITS | (__u32)(p->what >> 59);
}

/* swt_block_unpack - put a block together from the words of its record. */
static inline __attribute__((always_inline)) void swt_block_unpack(
	__u64 key, const struct swt_payload *p, struct swt_block *out)
{
	__u64 what = p->what, when = p->when;

	out->addr = key & SWT_BITS48;
	out->proc = SWT_KEY_PROC(key);
	out->layer = SWT_KEY_LAYER(key);
	out->size_bytes = SWT_WHAT_SIZE(what);
	out->zend_bin = what >> 48 & 31;
	out->sample_shift = SWT_WHAT_SAMPLED(what);
	out->sample_up = what >> 58 & 1;
	out->stack = SWT_WHEN_STACK(when);
	out->birth = SWT_WHEN_BIRTH(when);
	out->epoch = swt_payload_epoch(p);
}

/* swt_block_is_dead - its process has since dropped all blocks of its layer. */
static inline __attribute__((always_inline)) int swt_block_is_dead(const struct swt_block *b, const struct swt_proc *p)
{
	__u32 layer = b->layer & (SWT_LAYER_SLOTS - 1);

	return !SWT_EPOCH_IS(b->epoch, p->epoch[layer]) || b->birth < p->began[layer];
}

/* ---- freed blocks ------------------------------------------------------------------------------------------------- */

#define SWT_MAX_FREED 4194304

/* A block that was freed, in the one slot that its key selects: what stood there before is forgotten. So of each address the last
 * free is known until another's takes the slot, however often the address was used.
 * CPUs write without any lock, and two of them may write the same slot at the same time. So there is no word for the key, but
 * one for what all the others and the key make by exclusive or: where words of two records have met, it gives a key that is none,
 * or none of this slot. */
struct swt_freed {
	__u64 check; /* key ^ what ^ when ^ gone */
	__u64 what;  /* size 48 | lower part of the epoch 16 */
	__u64 when;  /* stack 17 | birth 30 | stack of the free 17 */
	__u64 gone;  /* ticks of the kernel's clock since tracing began, when it was freed 42 | thread 22 */
};

#define SWT_TICK_BITS 42
#define SWT_FREED_NOWHERE \
	(SWT_MAX_STACKS - 1) /* no stack of the free: that slot is never taken, as no table is so large */

#define SWT_FREED_WHAT(b)	  ((b)->size_bytes | (__u64)((b)->epoch & 0xffff) << 48)
#define SWT_FREED_WHEN(b, where)  ((__u64)(b)->stack | (__u64)(b)->birth << 17 | (__u64)(where) << 47)
#define SWT_FREED_GONE(tick, tid) (((tick) & ((1ULL << SWT_TICK_BITS) - 1)) | (__u64)(tid) << SWT_TICK_BITS)

/* swt_freed_slot - for a key (SWT_KEY). */
static inline __attribute__((always_inline)) __u32 swt_freed_slot(__u64 key, __u32 shift)
{
	return key * 0x9e3779b97f4a7c15ULL >> (shift & 63);
}

/* A record of a freed block, taken apart. */
struct swt_freed_block {
	struct swt_block block; /* what is not in the record is 0; of the epoch the lower 16 bits are */
	__u64 tick;
	__u32 tid;
	__u32 stack; /* of the free; SWT_FREED_NOWHERE: not taken */
};

/* swt_freed_unpack - Return: 1, or 0: there is no whole record in that slot. */
static inline __attribute__((always_inline)) int swt_freed_unpack(
	const struct swt_freed *f, __u32 slot, __u32 shift, struct swt_freed_block *out)
{
	__u64 what = f->what, when = f->when, gone = f->gone, key = f->check ^ what ^ when ^ gone;

	if (SWT_KEY_USED(key) != 1 || swt_freed_slot(key, shift) != slot)
		return 0;
	*out = (struct swt_freed_block){ 0 };
	out->block.addr = key & SWT_BITS48;
	out->block.proc = SWT_KEY_PROC(key);
	out->block.layer = SWT_KEY_LAYER(key);
	out->block.size_bytes = SWT_WHAT_SIZE(what);
	out->block.epoch = what >> 48;
	out->block.stack = SWT_WHEN_STACK(when);
	out->block.birth = SWT_WHEN_BIRTH(when);
	out->stack = when >> 47;
	out->tick = gone & ((1ULL << SWT_TICK_BITS) - 1);
	out->tid = gone >> SWT_TICK_BITS;
	return 1;
}

/* swt_freed_is_over - was it freed in an earlier epoch of its layer: by another program, or before PHP dropped the heap? */
static inline __attribute__((always_inline)) int swt_freed_is_over(
	const struct swt_freed_block *f, const struct swt_proc *p)
{
	__u32 layer = f->block.layer & (SWT_LAYER_SLOTS - 1);

	return (f->block.epoch ^ p->epoch[layer]) & 0xffff || f->block.birth < p->began[layer];
}

/* What a thread last asked of its allocators: so many calls are kept. */
#define SWT_LAST_CALLS 16

struct swt_call {
	__u64 what; /* address 48 (0 = it failed) | op 8 | layer 8 */
	__u64 size_bytes;
	__u64 when; /* ticks, as in swt_freed 42 | stack of the block 17 | 1: the block was not known 1 */
};

#define SWT_CALL_UNKNOWN	    1
#define SWT_CALL_WHAT(addr, cookie) (((addr)&SWT_BITS48) | (cookie) << 48)
#define SWT_CALL_WHEN(tick, stack, un) \
	(((tick) & ((1ULL << SWT_TICK_BITS) - 1)) | (__u64)(stack) << 42 | (__u64)(un) << 59)
#define SWT_CALL_OP(c)	       ((__u32)((c)->what >> 48 & 0xff))
#define SWT_CALL_LAYER(c)      ((__u32)((c)->what >> 56))
#define SWT_CALL_ADDR(c)       ((c)->what & SWT_BITS48)
#define SWT_CALL_TICK(c)       ((c)->when & ((1ULL << SWT_TICK_BITS) - 1))
#define SWT_CALL_STACK(c)      ((__u32)((c)->when >> 42) & (SWT_MAX_STACKS - 1))
#define SWT_CALL_IS_UNKNOWN(c) ((__u32)((c)->when >> 59) & SWT_CALL_UNKNOWN)

/* ---- unwind tables ------------------------------------------------------------------------------------------------ */

/* How to find the caller's frame, for all code from one address of a file to the next row: 8 bytes.
 * The CFA (canonical frame address) is the stack pointer before the call that made the frame; the return address is
 * always at CFA - 8. Source: System V ABI for AMD64, section 3.7; DWARF 5, section 6.4. */
struct swt_row {
	__u32 vaddr; /* link-time address - that of the file's first segment */
	__u32 rule;  /* kind 4 | base 2 | rbp 4 | rbx 4 | CFA offset 18, signed, in words of 8 bytes: +-1 MiB */
};

#define SWT_ROW_NORMAL 0 /* CFA = base + offset */
#define SWT_ROW_DEREF  1 /* CFA = word at (base + offset): a realigned stack */
#define SWT_ROW_PLT    2 /* CFA = rsp + 8, or + 16 from byte 11 of an entry of 16 bytes on: it has pushed by then */
#define SWT_ROW_SIGNAL 3 /* the signal trampoline: all registers are in the ucontext at rsp */
#define SWT_ROW_ROOT   4 /* no caller: the first function of a thread */
#define SWT_ROW_NONE   5 /* no unwind information, or none that a row can hold */

#define SWT_BASE_RSP 0
#define SWT_BASE_RBP 1
#define SWT_BASE_RBX 2

/* Where the caller's rbp or rbx is: 0 still in the register; k the word at CFA - 8 - 8k, or, in a row of SWT_ROW_DEREF based
 * on rbp, at rbp + 8 - 8k (there the CFA is in no fixed distance); SWT_SAVED_LOST nowhere. */
#define SWT_SAVED_SAME 0
#define SWT_SAVED_LOST 15

#define SWT_RULE(kind, base, rbp, rbx, words) \
	((__u32)(kind) | (__u32)(base) << 4 | (__u32)(rbp) << 6 | (__u32)(rbx) << 10 | (__u32)(words) << 14)
#define SWT_RULE_KIND(r)   ((r)&15)
#define SWT_RULE_BASE(r)   ((r) >> 4 & 3)
#define SWT_RULE_RBP(r)	   ((r) >> 6 & 15)
#define SWT_RULE_RBX(r)	   ((r) >> 10 & 15)
#define SWT_RULE_WORDS(r)  ((__s32)(r) >> 14)
#define SWT_RULE_MAX_WORDS ((1 << 17) - 1)

/* The rows of all files lie in chunks; each 64 KiB of a file's addresses (a page) has its own run of rows in one chunk, the
 * first of which holds at the page's start. Chunks are taken and never freed while probes run. */
#define SWT_CHUNK_ROWS	    65536
#define SWT_MAX_CHUNKS	    256 /* 16.7 million rows, 128 MiB when all are in use */
#define SWT_PAGE_SHIFT	    16
#define SWT_MAX_PAGES	    65536 /* 4 GiB of code */
#define SWT_PAGE_ROWS_SHIFT 16	  /* a page has fewer than 2^16 rows: one a byte of code would be too many */
#define SWT_MAX_SPANS	    65536 /* executable mappings of all traced processes */
#define SWT_SPANS_SHIFT	    12	  /* a process has fewer than 2^12 executable mappings */

struct swt_page {
	__u32 chunk;
	__u32 first; /* row in the chunk */
	__u32 n;
	__u32 pad0;
};

/* Where a process's spans are. No two publications of a process have the same value: what was learnt under another is out of
 * date. The generation is that of its mappings (target_process.generation). */
#define SWT_SPACE(generation, first, n) ((__u64)(generation) << 32 | (__u64)(first) << SWT_SPANS_SHIFT | (n))
#define SWT_SPACE_GENERATION(space)	((__u32)((space) >> 32))
#define SWT_SPACE_FIRST(space)		((__u32)(space) >> SWT_SPANS_SHIFT)
#define SWT_SPACE_N(space)		((__u32)(space) & ((1U << SWT_SPANS_SHIFT) - 1))

/* An executable mapping of a process. A process's spans are neighbours, sorted by start. */
struct swt_span {
	__u64 start; /* [start, end) */
	__u64 end;
	__u64 bias;    /* address - bias = what row addresses count from */
	__u32 page;    /* of the file's first page */
	__u32 n_pages; /* 0: there are no rows */
	__u32 is_jit;  /* 1: no ELF file is behind it */
	__u32 file;    /* number of the file (target_module.number); 0 = none */
};

/* ---- stacks -------------------------------------------------------------------------------------------------------- */

/* Why a stack ends where it does. */
#define SWT_WALK_COMPLETE   0 /* at the first function of the thread */
#define SWT_WALK_NO_MAPPING 1 /* its last address is in no known code */
#define SWT_WALK_NO_ROW	    2 /* there is no unwind information for its last address */
#define SWT_WALK_UNREAD	    3 /* the stack itself could not be read */
#define SWT_WALK_JIT	    4 /* its last address is in code without a file: compiled at run time */
#define SWT_WALK_DEEP	    5 /* more than SWT_MAX_FRAMES */
#define SWT_WALK_FIBER	    6 /* at the root of a coroutine's or fiber's own stack */
#define SWT_WALK_UNSETTLED  7 /* anywhere, but walked while libraries were changing: see target_count_sure() */

#define SWT_STACK_FREE	  0 /* key of an empty slot */
#define SWT_STACK_FILLING 1 /* bit of the key of a slot that is being written: not to be read, nor counted in */

/* One different stack of one process and layer, and its totals since it was first seen. */
struct swt_stack {
	__u64 key; /* hash of all that follows up to the counts, written last; or one of the above */
	__u32 pad0;
	__u32 epoch; /* in which it was last counted: when it is over, all that was allocated is freed */
	__u16 proc;
	__u8 layer;
	__u8 walk; /* SWT_WALK_x */
	__u32 n_frames;
	__u32 generation; /* of the mappings that its addresses are in */
	__u32 life;	  /* of the process */
	__u64 n_allocs;
	__u64 alloc_bytes;
	__u64 n_frees;
	__u64 freed_bytes;
	__u64 n_late;	    /* with windows: blocks to be judged that were freed, or known to be, in a later window */
	__u64 late_windows; /* sum of the windows in between */
	__u64 frame[SWT_MAX_FRAMES]; /* return addresses, the allocator's caller first */
};

#define SWT_STACK_IS_FILLED(key) ((key) != SWT_STACK_FREE && !((key)&SWT_STACK_FILLING))

/* ---- PHP frames ---------------------------------------------------------------------------------------------------- */

/* A frame of a stack is a native address, or, with this bit, the slot of a PHP frame: user addresses end below it. */
#define SWT_FRAME_PHP (1ULL << 63)

#define SWT_PHP_FRAMES	    16384 /* different PHP frames: function and line; a power of two; 5 MiB of kernel memory */
#define SWT_PHP_CLASS_BYTES 72
#define SWT_PHP_NAME_BYTES  72
#define SWT_PHP_FILE_BYTES  152

/* Where a process keeps its PHP call chain; see target/php.c for the sources of the offsets.
 * A thread-safe build has a copy of all globals for each thread. They lie, one behind the other, in a block whose address
 * the thread has in its thread-local storage; at which place in the block is decided when PHP starts. */
struct swt_php {
	__u64 current; /* address of executor_globals.current_execute_data (threaded: offset in there); 0 = no PHP */
	__s64 tls; /* threaded: of the block's address, from the fs base; with SWT_PHP_TLS_SLOT where that offset is */
	__u64 globals_at;    /* threaded: where the offset of executor_globals in the block is */
	__u64 seen;	     /* while unchecked: an address of current_execute_data that was met */
	__u64 execute_start; /* execute_ex: [start, end) */
	__u64 execute_end;
	__u16 filename; /* offsets in zend_op_array */
	__u16 line_start;
	__u16 opcodes; /* 0 = not known: lines are not checked against it */
	__u16 last;
	__u32 flags;
	__u64 heap_at;	/* address of the pointer to the Zend heap; 0 = not known */
	__u64 heap;	/* the heap itself, once there is one */
	__u32 requests; /* begun since the process is traced: what is compiled without opcache is there for one alone */
	__u32 free_slots; /* offset of free_slot[] in the heap: the next block of each bin. Written by user space */
};

#define SWT_PHP_FUNCTION_BYTES 184 /* what is read of a zend_op_array: the offsets must lie in there */

#define SWT_PHP_UNCHECKED 1 /* no PHP function was there yet to check the layout by: user space is told of the first */
#define SWT_PHP_REFUSED	  2 /* the process runs a PHP whose frames cannot be told; current is 0 */

#define SWT_PHP_THREADED 4 /* a thread-safe build (ZTS) */
#define SWT_PHP_TLS_SLOT 8

#define SWT_PHP_INTERNAL 1 /* zend_function.type */
#define SWT_PHP_USER	 2
#define SWT_PHP_EVAL	 4

#define SWT_PHP_APPROXIMATE 1 /* the line is that of the function, not of the call */
#define SWT_PHP_TRUNCATED   2 /* a name did not fit */
#define SWT_PHP_MAIN	    4 /* the outermost frame: the script itself */
#define SWT_PHP_METHOD	    8 /* class_name is set */

/* A PHP frame as it was when it was first seen: names are copied then, so that a function that is freed later is not
 * misnamed. Names end with NUL and are otherwise untrusted. */
struct swt_php_frame {
	__u64 key;   /* hash of what identifies it, never 0; 0 = the slot is empty */
	__u32 ready; /* 1 once the rest is written */
	__u32 line;
	__u8 type; /* SWT_PHP_INTERNAL, _USER, _EVAL */
	__u8 flags;
	__u16 pad0;
	__u32 pad1;
	char class_name[SWT_PHP_CLASS_BYTES];
	char name[SWT_PHP_NAME_BYTES]; /* "" = no function: the code of a file */
	char file[SWT_PHP_FILE_BYTES]; /* "" for internal functions */
};

/* ---- events -------------------------------------------------------------------------------------------------------- */

#define SWT_EVENT_EXEC	 1 /* the process runs a new program */
#define SWT_EVENT_EXIT	 2 /* its last thread ends */
#define SWT_EVENT_FORK	 3 /* it made a child */
#define SWT_EVENT_SIGNAL 4 /* a signal that will kill it is being delivered */
#define SWT_EVENT_DL	 5 /* its dynamic loader changed the link map */
#define SWT_EVENT_CODE	 6 /* a stack ended in code that is in no span */
#define SWT_EVENT_FREED	 7 /* a block was freed that had been freed already */
#define SWT_EVENT_STRAY	 8 /* an address was freed at which no block lives, as far as is known */

/* What ends a process, met in the process itself: numbered apart. */
#define SWT_EVENT_LIMIT	  20 /* PHP: memory_limit is exhausted */
#define SWT_EVENT_MEMORY  21 /* PHP: the system gives it no memory */
#define SWT_EVENT_CORRUPT 22 /* PHP has found its heap corrupted */

#define SWT_STOPPED	   1 /* the process is being stopped */
#define SWT_EXEC_BY_THREAD 2 /* by a thread that was not the process's first: links to the process must be made anew */
#define SWT_EXEC_LEFT	   4 /* the new program is not selected: the process is traced no more */

struct swt_event {
	__u32 type; /* SWT_EVENT_x; first member of every record in the ring */
	__u32 size_bytes;
	__u64 time_ns;
	__u32 tgid;
	__u32 tid;
	__u32 proc;    /* slot in the process table */
	__u32 value;   /* EXIT: wait status; FORK: pid of the child; EXEC, DL: SWT_STOPPED and SWT_EXEC_BY_THREAD */
	char comm[16]; /* of the thread; NUL-terminated, otherwise untrusted */
};

/* The last calls of a thread; see swt_call. */
struct swt_last_calls {
	__u32 n; /* so many were made; the newest stands at (n - 1) % SWT_LAST_CALLS */
	__u32 is_kept;
	__u64 tick;		 /* now */
	struct swt_call pending; /* one that had not returned: what is 0 = none; its address is that of the old block */
	struct swt_call call[SWT_LAST_CALLS];
};

/* General registers in the order in which x86 numbers them, then: */
#define SWT_REG_SP	4
#define SWT_REG_IP	16
#define SWT_REG_FLAGS	17
#define SWT_REGS	18
#define SWT_CODE_BYTES	32
#define SWT_STACK_WORDS 8
#define SWT_ABORT_BYTES 256
#define SWT_VMAS	24
#define SWT_VMA_NAME	48

#define SWT_VMA_HEAP  1 /* swt_vma.is */
#define SWT_VMA_STACK 2
#define SWT_VMA_VDSO  3
#define SWT_VMA_FILE  4

/* A mapping of the dying process. */
struct swt_vma {
	__u64 start; /* [start, end) */
	__u64 end;
	__u64 flags; /* vm_flags of the kernel: 1 read, 2 write, 4 execute, 8 shared, 0x100 grows down */
	__u64 page;  /* of the file, of start */
	__u32 is;    /* SWT_VMA_x; 0 = anonymous memory */
	__u32 pad0;
	char name[SWT_VMA_NAME]; /* of a file, its last component: NUL-terminated, otherwise untrusted */
};

struct swt_event_signal {
	struct swt_event e;
	__s32 signal;
	__s32 code;	  /* si_code */
	__u64 fault_addr; /* si_addr of SEGV, BUS, ILL, FPE and TRAP when code > 0; else 0 */
	__s32 sender_pid; /* when code <= 0: who sent it: tgid when the process itself, else si_pid as the kernel stores it */
	__u32 n_frames;
	__u64 ip;
	__u64 sp;
	__u32 walk;    /* SWT_WALK_x */
	__s32 syscall; /* SIGSYS: its number; else 0 */
	__u64 reg[SWT_REGS];
	__u64 trap; /* the processor's exception, its error code, and the address of the thread's last page fault */
	__u64 error_code;
	__u64 cr2;
	__u32 n_vmas;
	__u32 has_vmas; /* 0: the kernel's records of mappings could not be read */
	__u32 n_bytes;
	__u32 n_words;
	__u64 word[SWT_STACK_WORDS];  /* at sp */
	__u8 bytes[SWT_CODE_BYTES];   /* from ip on */
	char abort[SWT_ABORT_BYTES];  /* SIGABRT: glibc's message, NUL-terminated, otherwise untrusted */
	struct swt_vma vma[SWT_VMAS]; /* no order; none is there twice */
	__u64 frame[SWT_MAX_FRAMES];  /* innermost first; frame[0] is ip */
	struct swt_last_calls last;
};

struct swt_event_freed {
	struct swt_event e; /* value: slot of the stack of the second free */
	struct swt_freed_block first;
	__u64 tick; /* of the second free */
	__u32 op;   /* SWT_OP_x: what it was given to */
	__u32 pad0;
};

struct swt_event_stray {
	struct swt_event e; /* value: slot of the stack of the free */
	__u64 addr;
	__u64 tick;
	__u32 layer;
	__u32 life;  /* of the process, */
	__u32 epoch; /* and of the layer, and when that began: for what lived then */
	__u32 began;
	__u32 is_new; /* 1: for certain no block that was freed since tracing began */
	__u32 op;     /* SWT_OP_x: what it was given to */
};

/* SWT_EVENT_EXIT */
struct swt_event_exit {
	struct swt_event e;
	__u64 peak_rss_bytes;
	__u32 is_oom;	      /* 1: the kernel has killed it since memory had run out, its cgroup's or the machine's */
	__u32 sender_pid;     /* who sent the signal that has killed it; 0 = the kernel, or not known */
	char sender_comm[16]; /* NUL-terminated, otherwise untrusted; "" = not known */
};

/* SWT_EVENT_LIMIT, _MEMORY and _CORRUPT: the head alone, or with the stack. */
struct swt_event_end {
	struct swt_event e;
	__u64 limit_bytes;	      /* LIMIT: the limit; MEMORY: what the heap had by then; else 0 */
	__u64 asked_bytes;	      /* what was asked for; else 0 */
	__u32 life;		      /* of the process, */
	__u32 epoch[SWT_LAYER_SLOTS]; /* and of its layers: for what was live then, although PHP is about to drop it */
	__u32 n_frames;		      /* 0: the stack was not taken, another one was a moment ago */
	__u32 walk;		      /* SWT_WALK_x */
	__u32 first_is_ip;	      /* frame[0] is where the thread stood, and no return address */
};

struct swt_event_end_stack {
	struct swt_event_end end;
	__u64 frame[SWT_MAX_FRAMES]; /* the caller of the function that gives up first, or that itself (first_is_ip) */
};

_Static_assert(sizeof(struct swt_bucket) == SWT_BUCKET_BLOCKS * 24, "the price of a live block; six whole cache lines");
_Static_assert(SWT_BUCKET_BLOCKS == 16, "what is said of how full the table may be");
_Static_assert(sizeof(struct swt_layer_counts) == 56, "no padding");
_Static_assert(sizeof(struct swt_proc) == 144 + SWT_LAYER_SLOTS * 56 + SWT_REQUEST_KINDS * 8, "no padding");
_Static_assert(sizeof(struct swt_stack) == 80 + SWT_MAX_FRAMES * 8, "no padding");
_Static_assert(sizeof(struct swt_event) == 48, "no padding");
_Static_assert(sizeof(struct swt_vma) == 40 + SWT_VMA_NAME, "no padding");
_Static_assert(sizeof(struct swt_event_signal) == 136 + SWT_REGS * 8 + SWT_STACK_WORDS * 8 + SWT_CODE_BYTES +
							  SWT_ABORT_BYTES + SWT_VMAS * sizeof(struct swt_vma) +
							  SWT_MAX_FRAMES * 8 + sizeof(struct swt_last_calls),
	"no padding");
_Static_assert(sizeof(struct swt_event_freed) == 64 + sizeof(struct swt_freed_block), "no padding");
_Static_assert(sizeof(struct swt_event_stray) == 88, "no padding");
_Static_assert(sizeof(struct swt_event_exit) == 80, "no padding");
_Static_assert(sizeof(struct swt_event_end) == 96, "no padding");
_Static_assert(sizeof(struct swt_event_end_stack) == 96 + SWT_MAX_FRAMES * 8, "no padding");
_Static_assert(sizeof(struct swt_config) == 40, "no padding");
_Static_assert(sizeof(struct swt_freed) == 32, "two in a cache line");
_Static_assert(
	SWT_DEFAULT_STACKS < SWT_MAX_STACKS && SWT_SYSTEM_STACKS < SWT_MAX_STACKS, "SWT_FREED_NOWHERE is no slot");
_Static_assert(sizeof(struct swt_php) == 88, "no padding");
_Static_assert(sizeof(struct swt_php_frame) == 24 + SWT_PHP_CLASS_BYTES + SWT_PHP_NAME_BYTES + SWT_PHP_FILE_BYTES,
	"no padding");
_Static_assert(sizeof(struct swt_row) == 8, "the price of a row");
_Static_assert(sizeof(struct swt_span) == 40, "no padding");
_Static_assert((__u64)SWT_MAX_SPANS << SWT_SPANS_SHIFT <= 1ULL << 32, "first and n of SWT_SPACE fit");
_Static_assert(SWT_MAX_PROCS <= 1 << 12 && SWT_LAYER_SLOTS <= 1 << 2, "they fit into a key");
_Static_assert(SWT_MAX_STACKS == 1 << 17, "they fit into swt_payload.when");

#endif
