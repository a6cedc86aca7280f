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

#include "target/target.h"

struct swt_bucket;
struct swt_losses;
struct swt_php;
struct swt_php_frame;
struct swt_proc;
struct swt_stack;
struct reader;

struct attach;

struct attach_opts {
	uint64_t max_blocks; /* live blocks to make room for; 0 = default */
	struct reader *
		reader; /* who reads unwind information; NULL = this process itself, for trusted files only. Borrowed */
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
	int fd_events;	   /* BPF ring buffer of struct swt_event */
	uint64_t start_ns; /* CLOCK_MONOTONIC */
};

/* attach_check - can this process trace at all? Prints what is missing and what to do.
 * Return: 0; -EPERM capabilities are missing; -ENOSYS the kernel lacks BPF, BTF or uprobes. */
int attach_check(void);

/* attach_open - find out what kind of probes the kernel has, load the programs, attach the tracepoints.
 * Errors are printed.  Return: 0, -EPERM, -ENOSYS, -errno. */
int attach_open(struct attach **out, const struct attach_opts *opts);
void attach_close(struct attach *a);

/* attach_kind - how probes are placed: "uprobe session", "uprobe_multi" or "perf uprobes". Static. */
const char *attach_kind(const struct attach *a);

void attach_tables(const struct attach *a, struct attach_tables *out);

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

/* attach_unprobe - remove a process's probes. What is known of it stays readable. */
void attach_unprobe(struct attach *a, pid_t pid);

/* attach_set_follow - children of the process are to be traced, too. */
int attach_set_follow(struct attach *a, pid_t pid, int follow);

/* attach_adopt - a child of a process whose children are to be traced becomes one that is traced itself: attach_probe() may
 * follow. Its books start empty.
 * Return: 0; -ESRCH it is not known, or not to be traced (it is about to execute another program); -errno. */
int attach_adopt(struct attach *a, const struct target_process *p);

/* attach_forget - give the process's slot back; what the tables hold of it is dead from now on. */
void attach_forget(struct attach *a, pid_t pid);

/* attach_reap_children - forget the children of traced processes that have ended, for the case that nobody was told. The
 * kernel side makes children known by itself, with their parent's mappings: to be forgotten when they end or execute. */
void attach_reap_children(struct attach *a);

#endif
