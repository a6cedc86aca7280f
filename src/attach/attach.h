/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach/attach.h - load the kernel side, place and remove probes, keep the kernel's table of traced processes.
 *
 * In: struct target_process (which files, which functions). Out: the shared tables, for collect/.
 * Owner: struct attach owns the BPF object, its maps, their mappings and all probes. All of them are held by file
 * descriptors only, nothing is pinned: when swtrace ends, however it ends, the kernel removes every probe.
 * Thread: one. */
#ifndef ATTACH_ATTACH_H
#define ATTACH_ATTACH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "target/target.h"

struct swt_bucket;
struct swt_freed;
struct swt_losses;
struct swt_php;
struct swt_php_frame;
struct swt_proc;
struct swt_stack;
struct reader;

struct attach;

#define ATTACH_SELECT_MAX 8

/* Which processes are traced in system-wide mode: those that fit one of each kind of which there are any. Borrowed. */
struct attach_selection {
	/* Whole names of processes, as ps -e shows them; of 15 bytes at most. */
	const char *comm[ATTACH_SELECT_MAX];
	size_t n_comms;
	/* Paths of programs, or the ends of paths ("php8.2"); see attach_can_select(). */
	const char *exe[ATTACH_SELECT_MAX];
	size_t n_exes;
	/* Ids (inode numbers of directories) in the unified hierarchy; what is below fits. */
	uint64_t cgroup[ATTACH_SELECT_MAX];
	size_t n_cgroups;
};

struct attach_opts {
	const struct attach_selection *selection; /* NULL: not system-wide. Borrowed until attach_open() returns */
	uint64_t max_blocks;			  /* live blocks to make room for; 0 = default */
	uint64_t n_freed; /* freed blocks to remember, rounded up to a power of two; 0 = none. With windows none are */
	int free_stacks;  /* and who frees them: takes a stack walk a free */
	int is_windowed; /* allocator functions are probed between attach_open_window() and attach_close_window() alone */
	/* What else begins a request in the processes that map its file, besides what is known of PHP and Swoole. Borrowed until
	 * attach_close(). */
	const struct target_request *request;
	size_t n_requests;
	int is_crashes_only; /* no allocator function is probed at all: events alone are told */
	struct reader *
		reader; /* who reads unwind information; NULL = this process itself, for trusted files only. Borrowed */
	/* Called once by attach_open(), which has to wait for the kernel: a good time for what needs no probes yet. May be
	 * NULL. */
	void (*meanwhile)(void *ctx);
	void *ctx;
};

/* The tables of the kernel side, mapped read-only for everybody else. Valid until attach_close(). */
struct attach_tables {
	const struct swt_proc *proc;
	size_t n_procs;
	const struct swt_bucket *bucket;
	size_t n_buckets;
	const struct swt_stack *stack;
	size_t n_stacks;
	const struct swt_php *php; /* by slot of proc */
	const struct swt_php_frame *php_frame;
	size_t n_php_frames;
	const struct swt_losses *losses;
	const struct swt_freed *freed; /* by swt_freed_slot() */
	size_t n_freed;		       /* 0: freed blocks are not remembered */
	uint32_t freed_shift;
	int free_stacks;
	const uint64_t *
		freed_lookups; /* how often a free of a block that did not live was looked up there, and how often it was found */
	const uint64_t *freed_found;
	const uint64_t
		*freed_doubt_tick; /* when a block may last have been born or have died unseen, as in swt_freed.gone */
	/* When one was last born that is in no books, and how often that was. */
	const uint64_t *stray_doubt_tick;
	const uint32_t *stray_doubts;
	int fd_events;		/* BPF ring buffer of struct swt_event */
	uint64_t start_ns;	/* CLOCK_MONOTONIC */
	uint64_t birth_unit_ns; /* of swt_block.birth, from start_ns on */
	uint64_t tick_ns;	/* of swt_freed.gone, likewise */
};

/* attach_check - can this process trace at all? Prints what is missing and what to do.
 * Return: 0; -EPERM capabilities are missing; -ENOSYS the kernel lacks BPF, BTF or uprobes. */
int attach_check(void);

/* A capability that tracing takes, and whether this process has it, or one that stands in for it. */
struct attach_capability {
	const char *name; /* static */
	const char *why;
	int is_needed; /* 0: without it something is missing, docs/rights.md */
	int is_held;
};
#define ATTACH_CAPABILITIES 8

/* attach_capabilities - all of them.  @out  ATTACH_CAPABILITIES of them      Return: their number, or -errno: /proc is not there.
 * attach_try_kinds - which ways to place probes work, best first, as attach_kind_name() tells them. Tries each on this process.
 * Return: their number, with works[i] 1 or 0; or -errno. */
int attach_capabilities(struct attach_capability *out);
#define ATTACH_KINDS 3
int attach_try_kinds(int works[ATTACH_KINDS]);
const char *attach_kind_name(int kind);

/* attach_needs_admin - does the kernel want CAP_SYS_ADMIN of who places probes? It does of perf uprobes: perf_uprobe_event_init() of
 * kernel/events/core.c, 4.17 to 6.18.  @a  NULL: find out which kind there is */
int attach_needs_admin(const struct attach *a);

/* attach_open - find out what kind of probes the kernel has, load the programs, attach the tracepoints.
 * Errors are printed.  Return: 0, -EPERM, -ENOSYS, -errno. */
int attach_open(struct attach **out, const struct attach_opts *opts);
void attach_close(struct attach *a);

/* attach_settle - wait until start-up has left no thread behind: 20 ms or so after attach_open(). */
void attach_settle(struct attach *a);

/* attach_kind - how probes are placed: "uprobe session", "uprobe_multi" or "perf uprobes". Static. */
const char *attach_kind(const struct attach *a);

void attach_tables(const struct attach *a, struct attach_tables *out);

/* attach_read_ahead - have the reader begin with what attach_probe() will want of the process's files. Needs no struct attach, and
 * does not wait. */
void attach_read_ahead(struct reader *r, const struct target_process *p);

/* attach_press - choose by how full the live table is whether every block is to be recorded, or, of small ones, a sample alone.
 * The kernel side chooses the latter by itself when a block finds no place; more places are left for it when that comes
 * before. To be called after each snapshot.
 * @n_live  places of blocks that live, of n_places */
void attach_press(struct attach *a, uint64_t n_live, uint64_t n_places);

/* attach_register - let the kernel side know a process, so that what its probes see is recorded.
 * @stop  stop it (SIGSTOP) at each exec and at each change of its link map, until attach_set_stop()
 * Return: 0 or -ENOSPC (SWT_MAX_PROCS are traced), -EALREADY, -errno. */
int attach_register(struct attach *a, pid_t pid, int stop);

/* attach_set_stop - stop the process at exec, and at changes of its link map. */
int attach_set_stop(struct attach *a, pid_t pid, int at_exec, int at_dl);

/* attach_changes - how often the process's dynamic loader has reported changes. To be read before the mappings are
 * (target_refresh), for attach_probe(). */
uint32_t attach_changes(struct attach *a, pid_t pid);

/* attach_probe - make the process's mappings known to the stack walk, and place probes on the allocator functions of every
 * file that it maps, and on its dynamic loader.
 * Files probed earlier for this process are left alone, so it may be called again when more files are mapped.
 * Sites that the kernel refuses are named in a warning.
 * @changes  attach_changes() before p's mappings were read: until the loader reports more, stacks are taken for true.
 *           The first call places the probe that tells of changes: read the mappings and call once more after it
 * Return: number of allocator functions probed so far for this process (0: it maps none), or -errno. */
int attach_probe(struct attach *a, const struct target_process *p, uint32_t changes);

/* ---- tracing in windows (attach_opts.is_windowed) ----
 * attach_probe() then only looks for the allocator functions. What must see everything is in place all the time: the loader's
 * report of changes, the beginning of PHP's requests, their end with the wholesale drop of its heap; these cost a request,
 * not an allocation. Tracepoints are not probes of the process. */

struct attach_window {
	uint32_t number;   /* 1, 2, ...; SWT_BIRTH_WINDOW() of the blocks that are born in it */
	uint64_t begin_ns; /* before the first probe is placed */
	uint64_t open_ns;  /* all are in place: allocations are recorded from here, */
	uint64_t close_ns; /* to here */
	uint64_t end_ns;   /* the last probe is removed: the processes' code is seen to be as it was */
};

/* attach_open_window - place the probes of all processes.
 * @judged_slots  blocks born within so many steps of 2^20 ns are judged: how late they are freed is noted
 * Return: number of functions probed; 0: nothing is left to probe.
 * attach_close_window - remove them. Fills the rest of *w. The kernel's own work of removing goes on for a while;
 * attach_is_closing() is 1 until that is over: open no window before. */
int attach_open_window(struct attach *a, uint32_t judged_slots, struct attach_window *w);
void attach_close_window(struct attach *a, struct attach_window *w);
int attach_is_closing(const struct attach *a);

/* attach_probed_ns - for how long probes of allocator functions have been in place so far, of any process, wholly or in part:
 * from begin_ns to end_ns of each window. */
uint64_t attach_probed_ns(const struct attach *a);

/* attach_window_effects - what windows do to the books, and is no loss.
 * @cut      calls that were under way when a window was opened or closed
 * @cleared  blocks of earlier windows whose address was seen to be handed out again */
void attach_window_effects(const struct attach *a, uint64_t *cut, uint64_t *cleared);

/* attach_has_request - did any process so far map the file of attach_opts.request[i], with that function in it? */
int attach_has_request(const struct attach *a, size_t i);

/* attach_is_ready - have the rows read of all files that the process maps, and wait for it until then (CLOCK_MONOTONIC).
 * Return: 1: they are there, attach_probe() and attach_prepare() do not wait for them; 0: later. */
int attach_is_ready(struct attach *a, const struct target_process *p, uint64_t until_ns);

/* attach_is_watched - are changes of the process's libraries told of? Those of a static program need not be. What changes between its
 * mappings being read and the attach_probe() from which on they are is told by nobody. */
int attach_is_watched(const struct attach *a, const struct target_process *p);

/* attach_unprobe - begin to remove a process's probes, which the kernel takes long for: it is gone, or executes another program. What is
 * known of it stays readable. */
void attach_unprobe(struct attach *a, pid_t pid);

/* attach_set_follow - children of the process are to be traced, too. */
int attach_set_follow(struct attach *a, pid_t pid, int follow);

/* attach_adopt - a child of a process whose children are to be traced becomes one that is traced itself: attach_probe() may
 * follow. Its books start empty.
 * Return: 0; -ESRCH it is not known, or not to be traced (it is about to execute another program); -errno. */
int attach_adopt(struct attach *a, const struct target_process *p);

/* ---- system-wide mode: probes are placed once a file, in all processes that map it, now or later. What those processes do is
 * recorded if they are registered: by attach_register(), or by the kernel side when they come to be. ---- */

/* attach_can_select - is this path short enough to be compared by the kernel side: names of up to 63 bytes, up to 8 of them? */
int attach_can_select(const char *exe);

/* attach_select_cgroup - from now on the i-th of attach_selection.cgroup is this one. */
void attach_select_cgroup(struct attach *a, size_t i, uint64_t cgroup);

/* attach_list - all processes that are selected, whether they are registered or not.
 * @out  malloc'ed, to be freed by the caller      Return: their number, or -errno. */
ssize_t attach_list(struct attach *a, pid_t **out);

/* attach_prepare - place the probes of a process's files and load their unwind rows, before it is registered: then nothing
 * that is recorded has to wait for that.  Return: 0 or -errno. */
int attach_prepare(struct attach *a, const struct target_process *p);

/* attach_calls - how many calls of probed functions by processes that are not registered were seen so far. */
uint64_t attach_calls(const struct attach *a);

/* attach_admit - from now on selected processes are registered by the kernel side when they are made. */
void attach_admit(struct attach *a);

/* attach_enter - register a process if the kernel side has not, and make its mappings known; attach_probe() may follow.
 * Return: 0 or -errno, as attach_register(). */
int attach_enter(struct attach *a, const struct target_process *p);

/* attach_cost_ns - what a call of a probed function by a process that is not registered costs it here, measured: ns, 0 = it
 * cannot be. One that is recorded costs about 1.7 times as much (docs/benchmarks.md). */
unsigned attach_cost_ns(struct attach *a);

/* attach_forget - give the process's slot back; what the tables hold of it is dead from now on. */
void attach_forget(struct attach *a, pid_t pid);

/* attach_reap_children - forget the children of traced processes that have ended, for the case that nobody was told: those that were
 * gone the last time, too. What one has sent in its last moment may still be on its way by the first. The kernel side makes
 * children known by itself, with their parent's mappings: to be forgotten when they end or execute.
 * In system-wide mode: all processes that have ended and that the kernel side had registered. */
void attach_reap_children(struct attach *a);

#endif
