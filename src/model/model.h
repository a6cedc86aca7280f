/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model/model.h - what is known of the traced processes at one moment, free of how it was learned.
 *
 * Filled by collect/, read by analyze/, crash/ and output/. A snapshot is immutable once made.
 * Units: bytes as asked by the caller of the allocator; times in ns of CLOCK_MONOTONIC; pids of swtrace's namespace. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "model/end.h"
#include "model/identity.h"
#include "model/vitals.h"

enum model_layer { MODEL_ZEND, MODEL_LIBC, MODEL_MMAP, MODEL_LAYERS };

/* Why a stack ends where it does. */
enum model_walk {
	MODEL_WALK_COMPLETE,   /* at the first function of its thread */
	MODEL_WALK_NO_MAPPING, /* its last address is in no known code */
	MODEL_WALK_NO_ROW,     /* there is no unwind information for its last address */
	MODEL_WALK_UNREAD,     /* the stack could not be read further */
	MODEL_WALK_JIT,	       /* its last address is in code compiled at run time */
	MODEL_WALK_DEEP,       /* it has more frames than are recorded */
	MODEL_WALK_FIBER,      /* at the root of a coroutine's or fiber's own stack */
	MODEL_WALK_UNSETTLED,  /* anywhere, but found while libraries were changing: what is sure of it */
	MODEL_WALKS
};

/* A frame is a native address, or, with this bit, stands for a PHP frame (collect_php_frame). */
#define MODEL_FRAME_PHP (1ULL << 63)

/* A PHP frame. All strings are untrusted. */
struct model_php_frame {
	const char *class_name; /* NULL: a plain function */
	const char *function;	/* "" = the code of a file itself */
	const char *file;	/* "" for functions of the engine and its extensions */
	unsigned line;		/* 0 = not known */
	int is_approximate;	/* line is that of the function, not of the call */
	int is_truncated;	/* a name was longer than is recorded */
	int is_main;		/* the script that was started */
	int is_eval;
};

struct model_layer_counts {
	uint64_t live_bytes;
	uint64_t live_blocks;
	uint64_t n_allocs;
	uint64_t alloc_bytes;
	uint64_t n_frees;
	uint64_t freed_bytes;
	uint64_t
		n_unknown_frees; /* frees of blocks that were not tracked (born before tracing began, lost, or left out) */
	uint64_t
		n_left_out; /* blocks that sampling has left out since tracing began; the rest of this stands for them */
	int is_estimate;    /* live_ are estimates: some of those may live */
};

/* The Zend heap as PHP itself counts it: bytes that live blocks take, not those that were asked for. */
struct model_zend_heap {
	int is_known;  /* there is one, and it counts */
	int is_steady; /* the process was in no allocation while the numbers were read; else they may be a block apart */
	uint64_t size_bytes;   /* zend_mm_heap.size: what memory_get_usage() returns */
	uint64_t traced_bytes; /* in the live blocks that the books hold */
	uint64_t before_bytes; /* in blocks from before tracing, when it began; 0 once PHP has dropped them */
	uint64_t n_drops;      /* how often PHP has dropped the whole heap, at the end of a request */
};

/* model_zend_before - what is still there from before tracing began, as far as can be told.
 * model_zend_difference - what PHP counts and neither the books nor the time before tracing explain; negative: the books hold
 * more than PHP counts. 0 is the proof. */
uint64_t model_zend_before(const struct model_zend_heap *h);
int64_t model_zend_difference(const struct model_zend_heap *h);

/* What the requests of a process are counted by. */
enum model_requests {
	MODEL_REQUESTS_NONE, /* they are not */
	MODEL_REQUESTS_PHP,  /* PHP begins to serve one: FPM, mod_php, php -S */
	MODEL_REQUESTS_SWOOLE,
	MODEL_REQUESTS_ASKED, /* --request-probe */
};

struct model_process {
	int pid;
	uint32_t life; /* counts the programs that it has executed */
	char comm[16];
	int alive;
	int has_requests; /* something that begins a request is probed in it, and can be told from the whole */
	enum model_requests requests_by;
	uint64_t n_requests;   /* begun since tracing began, or since it executed its program */
	const char *allocator; /* file name of the malloc that its calls resolve to; NULL: none. Untrusted, not owned */
	struct model_zend_heap zend;
	struct model_vitals vitals;
	struct model_layer_counts layer[MODEL_LAYERS];
	const struct model_identity *identity; /* what it is; NULL: not known. Owned by the snapshot */
	int identity_is_new;		       /* no report has told of it, as it is, yet */
};

/* Times that divide what was born since tracing began: generation g ends at time_ns[g], the last one (n) has not ended. */
#define MODEL_BOUNDS	  15
#define MODEL_GENERATIONS (MODEL_BOUNDS + 1)

struct model_bounds {
	uint64_t time_ns[MODEL_BOUNDS]; /* oldest first */
	size_t n;
};

/* model_generation_of - in which place time t stands: 0 to b->n. */
size_t model_generation_of(const struct model_bounds *b, uint64_t time_ns);

/* Live blocks by generation. */
struct model_generations {
	uint64_t bytes[MODEL_GENERATIONS];
	uint32_t blocks[MODEL_GENERATIONS];
};

/* One stack of one process and layer. Filters (age, size) choose which blocks the live_ fields count. */
struct model_stack {
	uint32_t id;   /* the same stack has the same (id, life) in every snapshot */
	uint32_t life; /* counts the programs that the process has executed */
	int pid;
	uint32_t place; /* of the process in the snapshot, most likely: model_process_of() */
	enum model_layer layer;
	enum model_walk walk;
	uint64_t live_bytes;
	uint64_t live_blocks;
	uint64_t oldest_ns; /* birth of the oldest live block, as of table_ns or not before it; 0 when there is none */
	uint64_t n_allocs;
	uint64_t alloc_bytes;
	uint64_t n_frees;
	uint64_t freed_bytes;
	uint64_t
		n_late; /* with windows: blocks that had outlived their window, and were freed, or known to be, later */
	uint64_t late_windows; /* sum of the windows in between */
	uint32_t generation;   /* of the process's mappings that the addresses are in; 0 = the last one */
	/* Live blocks by generation (model_snapshot.bounds), as of table_ns: never fewer of an old one than there are. NULL: none
	 * of its blocks lived then, or there are no bounds. Owned by the snapshot */
	const struct model_generations *generations;
	size_t n_frames;
	const uint64_t *frame; /* return addresses, the allocator's caller first; owned by the snapshot */
};

/* ---- tracing in windows: probes are in place for moments only ---- */

/* A window, or several neighbours put together. A block that was born in its earlier part, and was not seen to be freed in the
 * rest of it, was no short-lived one: these are judged. */
struct model_window {
	uint32_t first; /* numbers of windows, from 1 on */
	uint32_t last;
	uint64_t time_ns;      /* when the first was opened */
	uint32_t judged_slots; /* blocks born in so many slots from the opening on are judged, in each of the windows */
	uint32_t pad0;
};

#define MODEL_WINDOW_SLOT_NS (1ULL << 20)
#define MODEL_WINDOW_SLOTS   64 /* later births count as of the last one */
#define MODEL_MAX_WINDOWS    128

/* A point of the curve of what PHP counts in its heap: the least of what was seen in some time. */
struct model_heap_point {
	uint64_t time_ns;
	uint64_t size_bytes;
};

/* A process that is traced in windows. */
struct model_windowed {
	int pid;
	uint32_t since; /* number of the first window that it was traced in, as the program that it is */
	int has_heap;
	struct model_heap_point heap[MODEL_MAX_WINDOWS]; /* oldest first */
	size_t n_heap;
};

struct model_windows {
	double budget;	      /* share of time in which probes may be in place: 0 to 1 */
	uint64_t elapsed_ns;  /* since tracing began */
	uint64_t probed_ns;   /* of it, with probes in place, wholly or in part */
	uint64_t recorded_ns; /* of it, with all in place and allocations recorded */
	uint64_t n_cut;	      /* calls that were under way when a window opened or closed */
	uint64_t n_cleared;   /* blocks of earlier windows whose address was seen to be handed out again */
	uint32_t n_windows;
	struct model_window window[MODEL_MAX_WINDOWS]; /* oldest first */
	size_t n;
	struct model_windowed *process;
	size_t n_processes;
};

/* model_windows_add - one more window; neighbours are put together when there is no room for it.
 * model_heap_add - likewise, a point of the heap's curve. */
void model_windows_add(struct model_windows *w, const struct model_window *one);
void model_heap_add(struct model_windowed *p, const struct model_heap_point *one);

/* model_window_of - the place in w->window of the window of that number, or -1. */
int model_window_of(const struct model_windows *w, uint32_t number);

/* Blocks of one stack, born in one window and judged, that are not known to be freed. */
struct model_survivors {
	size_t stack;  /* place in the snapshot's list */
	size_t window; /* place in model_windows.window */
	uint64_t blocks;
	uint64_t bytes;
};

/* A cause by which the books are incomplete. Every cause is listed, also those with count 0. */
struct model_loss {
	const char *key;  /* stable, for programs */
	const char *text; /* for people: what was lost and why */
	uint64_t count;
};

struct model_usage {
	uint64_t used;
	uint64_t capacity;
};

/* The memory of freed blocks. One is forgotten when another's address takes its place. */
struct model_freed_history {
	uint64_t capacity; /* 0: freed blocks are not remembered */
	uint64_t used;	   /* by a sample of the places */
	/* Of a sample of blocks that were remembered at the last snapshot, so many still are (or have been used and freed again since):
	 * the share is the chance to find a block that was freed that long ago. 0 of 0 at first */
	uint64_t n_watched;
	uint64_t n_kept;
	int has_stacks;	  /* who freed them is remembered, too */
	uint64_t lookups; /* frees of blocks that did not live, looked up here, */
	uint64_t found;	  /* and found */
	uint64_t n_twice; /* blocks that were freed twice, as far as is certain */
	uint64_t n_stray; /* likewise frees of what was no block */
};

struct model_snapshot {
	uint64_t time_ns;
	uint64_t start_ns;   /* when tracing began */
	uint64_t counted_ns; /* by then all counters were read */
	uint64_t table_ns;   /* when the live table was last read: time_ns, or earlier, see collect_snapshot() */
	int64_t utc_ns;	     /* time_ns as UTC, ns since 1970 */
	int is_outside; /* no books, or none that hold all that lives: vitals and PHP's own count of its heap tell of that alone */
	struct model_process *process;
	size_t n_processes;
	struct model_stack *stack; /* those that have or had blocks; no order */
	size_t n_stacks;
	struct model_loss *loss;
	size_t n_losses;
	struct model_usage blocks; /* records of the live table, as of table_ns */
	uint64_t live_places;	   /* of blocks.used, those of blocks that live */
	struct model_freed_history freed;
	struct model_usage stacks; /* slots of the stack table */
	uint64_t *frames;	   /* backing store of stack[].frame */
	struct model_bounds bounds;
	struct model_generations *generations; /* backing store of stack[].generations */
	struct model_survivors *survivors;     /* in windowed mode; by stack, then by window */
	size_t n_survivors;
	struct model_identity *identities; /* backing store of process[].identity */
};

/* model_snapshot_free - free a snapshot and all that it owns; NULL is fine. */
void model_snapshot_free(struct model_snapshot *s);

/* model_left_out - how many blocks sampling has left out, in all processes and layers, since tracing began.
 * model_is_estimate - are the numbers of live bytes and blocks estimates? */
uint64_t model_left_out(const struct model_snapshot *s);
int model_is_estimate(const struct model_snapshot *s);

/* model_lost - the sum of all losses. */
uint64_t model_lost(const struct model_snapshot *s);

/* model_find_process - the process with that pid, or NULL. */
const struct model_process *model_find_process(const struct model_snapshot *s, int pid);

/* model_calls - of probed functions, so far, by that process; 0: by all. */
uint64_t model_calls(const struct model_snapshot *s, int pid);

/* model_process_of - the process that a stack of the snapshot is of, or NULL. Takes no search where the stack knows its place. */
const struct model_process *model_process_of(const struct model_snapshot *s, const struct model_stack *k);

/* model_walk_is_whole - does the stack reach its root? */
int model_walk_is_whole(enum model_walk walk);

/* model_walk_name - a word for programs: "complete", "no_mapping", ... model_walk_text - the same for people, to stand
 * behind "the stack ends here: "; "" for a complete one. */
const char *model_walk_name(enum model_walk walk);
const char *model_walk_text(enum model_walk walk);

/* model_requests_name - "php", "swoole", "request_probe"; "none". Static. */
const char *model_requests_name(enum model_requests by);

/* model_layer_name - "zend", "libc" or "mmap". */
const char *model_layer_name(enum model_layer layer);

/* What happened to a process, or in it. */
enum model_event_type {
	MODEL_EXEC,
	MODEL_EXIT,
	MODEL_FORK,
	MODEL_SIGNAL,
	MODEL_DL,   /* libraries were loaded or unloaded */
	MODEL_CODE, /* it runs code that is in no mapping known so far; of no interest to people */
	MODEL_FREED, /* a block was freed, or given to realloc, that had been freed already; told once for each stack of that */
	MODEL_STRAY, /* likewise an address at which no block lives, as far as is known; collect_stray() tells what it is */
	MODEL_LIMIT,   /* PHP: memory_limit is exhausted */
	MODEL_MEMORY,  /* PHP: the system gives it no memory */
	MODEL_CORRUPT, /* PHP has found its heap corrupted */
};

#define MODEL_MAX_FRAMES 128

_Static_assert(MODEL_END_LAYERS == MODEL_LAYERS, "one epoch for each");

/* The stacks of a process with the most live bytes, at one moment. */
struct model_top {
	uint64_t live_bytes; /* in all of its stacks */
	uint64_t live_blocks;
	struct model_stack *stack; /* most bytes first */
	size_t n;
	uint64_t *frames; /* backing store of stack[].frame */
};

/* model_top_free - free what it owns, and empty it. */
void model_top_free(struct model_top *t);

struct model_event {
	enum model_event_type type;
	uint64_t time_ns;
	int64_t utc_ns;
	int pid;
	int tid;
	char comm[16];	 /* untrusted */
	int stopped;	 /* EXEC, DL: the process waits for SIGCONT */
	int by_thread;	 /* EXEC: by another thread than the process's first */
	int left;	 /* EXEC: it is not selected any more (system-wide mode) */
	int wait_status; /* EXIT: as from waitpid(2) */
	int child_pid;	 /* FORK */

	struct model_end end; /* EXIT, LIMIT, MEMORY, CORRUPT */

	/* SIGNAL; LIMIT, MEMORY and CORRUPT have a stack too: */
	int signal;
	int code;
	int has_fault_addr;
	uint64_t fault_addr;
	int sender_pid; /* who sent it; 0 = the kernel, or nobody known */
	uint64_t ip;
	uint64_t sp;
	enum model_walk walk;
	size_t n_frames;
	uint64_t frame[MODEL_MAX_FRAMES]; /* innermost first; of SIGNAL frame[0] is ip */
	uint32_t stack; /* FREED, STRAY: as model_stack.id, and its generation; frame[0] is a return address */
	uint32_t generation;
	int by_realloc;			 /* FREED, STRAY: it was given to realloc, not to free */
	const struct model_near *block;	 /* FREED: the block, by its first free. Borrowed as long as the event is */
	const struct model_stray *stray; /* STRAY: borrowed likewise */
	const struct model_crash *crash; /* what else was seen; borrowed as long as the event is. NULL: nothing */
	/* What the process is; NULL: not known. Borrowed */
	const struct model_identity *identity;
};

#include "model/near.h"	   /* what the books know of an address */
#include "model/crash.h"   /* what is known of a fatal signal */
#include "model/history.h" /* what many snapshots tell */
#include "model/requests.h"

#endif
