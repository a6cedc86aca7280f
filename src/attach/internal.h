/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach/internal.h - what the files of this room share. */
#ifndef ATTACH_INTERNAL_H
#define ATTACH_INTERNAL_H

#include <pthread.h>

#include "attach/attach.h"
#include "swtrace/abi.h"
#include "util/ranges.h"

struct bpf_link;
struct bpf_map;
struct bpf_program;
struct swtrace_bpf;

/* How the probes of allocator functions are placed, best first. */
enum probe_kind {
	PROBE_SESSION, /* one program at both ends of a call: kernel 6.13 */
	PROBE_MULTI,   /* many sites a link, entry and return apart: kernel 6.6 */
	PROBE_PERF,    /* a perf event a site: kernel 5.15 */
};

/* A probe link: made by bpf(2) (fd), or by libbpf (link). */
struct probe_link {
	int fd;
	struct bpf_link *link;
	int is_lasting; /* in place also while no window is open */
};

/* Sets of no allocator; their probes last. */
#define PROBE_SET_THROW	   TARGET_SITES	      /* target_throw_site() */
#define PROBE_SET_REQUESTS (TARGET_SITES + 1) /* target_request_sites() */
#define PROBE_SET_ENDS	   (TARGET_SITES + 2) /* target_php_ends() */

/* The probes of one process in one file, at allocator functions of one sort. */
struct probe_set {
	pid_t pid; /* 0: those of all processes (system-wide mode) */
	const struct target_module *module;
	int what; /* TARGET_SITES_x, or PROBE_SET_x */
	struct probe_link *link;
	size_t n_links;
	int n_functions;   /* allocator functions probed */
	uint64_t *refused; /* offsets of sites that the kernel has refused */
	size_t n_refused;
	uint64_t *at; /* with windows: where its sites are in the process */
	size_t n_at;
};

/* A file whose unwind rows are loaded. */
struct unwind_file {
	const struct target_module *module;
	uint64_t base;	  /* what row addresses count from */
	uint32_t page;	  /* its first page */
	uint32_t n_pages; /* 0: it has no rows */
	uint64_t used_ns; /* when a process was last seen to map it */
};

/* A run of the span pool. */
struct span_place {
	uint32_t first;
	uint32_t n;
	uint64_t left_ns; /* when a process last ceased to refer to it */
	int is_used;	  /* as of the last look at the process table */
};

/* A walk takes microseconds; one that is preempted in the middle may take longer. What it may have in hand is not used for
 * something else before. */
#define TABLES_REUSE_NS 2000000000ULL

/* What the stack walk of the kernel side reads; see rows.c and spans.c. */
struct unwind_tables {
	/* BTF types of a chunk. Before 6.2 a map that has some is not taken for the like of a template that has none, or the
	 * other way round. */
	uint32_t key_type;
	uint32_t value_type;
	struct swt_row *chunk[SWT_MAX_CHUNKS]; /* mapped read-write, as page and span */
	int chunk_fd[SWT_MAX_CHUNKS];	       /* open until the chunk is published */
	size_t n_chunks;
	size_t n_published;	 /* the kernel side knows so many */
	struct ranges free_rows; /* numbered through all chunks */
	struct ranges free_pages;
	struct swt_page *page;
	struct swt_span *span;
	uint32_t n_spans;
	struct swt_php *php;		 /* by process slot */
	struct swt_php_frame *php_frame; /* mapped read-only */
	/* What the debug information of this engine, the last that was asked for it, says. */
	const struct target_module *engine;
	struct target_php_layout engine_layout;
	int has_engine_layout;
	struct unwind_file *file;
	size_t n_files;
	struct span_place *place;
	size_t n_places;
};

/* The allocator functions of a file, looked for once: reading a function's code for a cheap place takes milliseconds. */
struct known_sites {
	const struct target_module *module;
	int what;
	struct target_site *site;
	int n;
};

/* What is found out about the kernel, by a thread of its own: most of that is waiting. */
struct features {
	pthread_t thread;
	int is_running;
	pthread_mutex_t lock;
	pthread_cond_t known;
	int is_known;
	int kind; /* or -errno */
};

struct attach {
	struct swtrace_bpf *skel;
	struct swtrace_bpf *throwing; /* programs that are loaded when they are needed; see throwing.c */
	struct features features;
	struct reader *reader; /* NULL: none */
	struct unwind_tables tables;
	struct known_sites *known;
	size_t n_known;
	enum probe_kind kind;
	int is_system;
	struct bpf_link *list; /* iterator over the tasks of the system; NULL: none */
	struct swt_proc *proc; /* mapped read-write */
	/* Of a slot: the tgid that was not there any more when it was looked for; 0: it was. */
	uint32_t gone[SWT_MAX_PROCS];
	struct swt_bucket *bucket;
	struct swt_stack *stack;
	struct swt_losses *losses;
	struct swt_freed *freed; /* NULL: freed blocks are not remembered */
	size_t n_buckets;
	size_t n_stacks;
	size_t n_freed;
	uint32_t freed_shift;
	int free_stacks;
	uint64_t start_ns;
	uint64_t birth_unit_ns;
	uint64_t tick_ns;
	struct probe_set *set;
	size_t n_sets;
	const struct target_request *request; /* attach_opts.request */
	size_t n_requests;
	uint32_t requests_found; /* 1 << i: request[i] is in a file that some process has mapped */
	int is_windowed;
	int is_crashes_only;
	struct closing *closing; /* the links of the window before; NULL = none */
	struct closing *retired; /* those of processes that are not traced any more */
	uint64_t probed_ns;	 /* for which probes of allocator functions were in place, wholly or in part */
};

/* features.c - begin to find out which is the best kind that works here, by trying it on this very process. features_end() is
 * to follow. */
void features_begin(struct features *f);

/* features.c - wait until it is known.  Return: the kind, or -errno when the kernel has none. */
int features_probe_kind(struct features *f);

/* features_check_admin - is CAP_SYS_ADMIN held? Errors are printed.  Return: 0 or -EPERM. */
int features_check_admin(void);

/* features.c - wait until the trial's own probes are gone, which comes later. */
void features_end(struct features *f);

/* features.c - where a function of our own stands in /proc/self/exe.  Return: 0 or -errno. */
int features_own_offset(uintptr_t addr, uint64_t *offset);

/* features.c - attach types of <linux/bpf.h>, newer than the oldest headers that swtrace builds with. */
#define ATTACH_UPROBE_MULTI   48
#define ATTACH_UPROBE_SESSION 57

/* link.c - make a uprobe_multi link by bpf(2): libbpf before 1.3 does not know it.
 * @type  ATTACH_UPROBE_x, as the program was loaded with       @at_return  probe returns (not for sessions)
 * @offset, @cookie  n of each: places in the file
 * Return: a file descriptor, or -errno; -ENOTSUPP (524) and -EINVAL: one of the sites cannot be probed. */
int link_uprobe_multi(int prog_fd, int type, int at_return, const char *path, pid_t pid, const uint64_t *offset,
	const uint64_t *cookie, size_t n);

/* throwing.c - the programs for the returns and the entries of functions that may throw.  Return: 0, or -errno, which is told. */
int throwing_programs(struct attach *a, struct bpf_program **leave, struct bpf_program **enter);

/* load.c - the process's entry in the kernel's table, or NULL. */
struct swt_proc *attach_proc(struct attach *a, pid_t pid);

/* load.c - map a table of n entries; NULL and errno when that fails. */
void *attach_map_table(struct bpf_map *map, size_t n_entries, int prot);

/* probes.c - probe the files that the process maps and that are not probed yet.
 * Return: the number of allocator functions probed in them all, or -errno. */
int probes_place_all(struct attach *a, const struct target_process *p);

/* probes.c - the functions to probe in a file; looked for once.
 * @what  TARGET_SITES_x, or PROBE_SET_REQUESTS, _ENDS      Return: their number, or -errno; *sites is a's own. */
int probes_sites(struct attach *a, const struct target_module *m, int what, const struct target_site **sites);

/* probes.c - place a program at some functions of a file, for as long as the process is probed.
 * @what  PROBE_SET_x      Return: at how many of them it is, also from an earlier call; 0: the kernel refuses all; -ENOMEM. */
int probes_place_lasting(struct attach *a, const struct target_process *p, const struct target_module *m, int what,
	struct bpf_program *prog, const struct target_site *site, size_t n);

/* probes.c - does such a set of the process's exist, and at how many functions are its probes? -ENOENT: there is none. */
int probes_lasting(const struct attach *a, const struct target_process *p, const struct target_module *m, int what);

/* requests.c - for probes_sites().  @out  malloc'ed; NULL when there are none      Return: their number, or -ENOMEM. */
int requests_sites(const struct attach *a, const struct target_module *m, struct target_site **out);

/* requests.c - probe what begins a request in the files of a process that are not probed yet.  Return: 0 or -ENOMEM. */
int requests_place(struct attach *a, const struct target_process *p);

/* requests.c - let the kernel's table know what is probed of it in the process. */
void requests_note(struct attach *a, const struct target_process *p);

/* load.c - probes have been placed one after another: blocks may have been born unseen until now, at addresses that are remembered
 * as freed. */
void attach_doubt_freed(struct attach *a);

/* system.c - before loading: which processes are selected. After it: attach the iterator.  Return: 0 or -errno. */
void system_configure(struct attach *a, const struct attach_selection *s);
int system_open(struct attach *a);

/* probes.c - place the probes at the set's allocator functions.  Return: the number of functions, or -errno. */
int probes_place(struct attach *a, struct probe_set *s);

/* probes.c - what is known of the file's sites, or NULL. Valid until sites of another file are looked for. */
struct known_sites *probes_known(struct attach *a, const struct target_module *m, int what);

/* window.c - find the addresses of a process's sites in its mappings as they are now. */
void window_locate(struct attach *a, const struct target_process *p);

/* window.c - wait until the links of the window before are closed. */
void window_join(struct attach *a);

/* probes.c - close a link: its probes are removed. */
void probes_close_link(struct probe_link *l);

/* closing.c - links that are being closed, beside what goes on. closing_new() has room for n; then closing_add() each, which is closing's from
 * then on. closing_begin() starts up to n_threads; without any it is done here and now. closing_end() waits, and frees.
 * Return: closing_new(): 0 or -ENOMEM. */
struct closing;
int closing_new(struct closing **out, size_t n);
void closing_add(struct closing *c, const struct probe_link *link);
void closing_begin(struct closing *c, size_t n_threads);
int closing_is_done(const struct closing *c);
void closing_end(struct closing *c);

/* closing_keep - put into a list of those under way. closing_sweep - end those of a list that are done.  @wait  end all */
void closing_keep(struct closing **list, struct closing *c);
void closing_sweep(struct closing **list, int wait);

/* probes.c - free what is kept of files. The probes themselves are attach_unprobe()'s. */
void probes_close(struct attach *a);

/* rows.c - before loading: learn what libbpf forgets then. */
void tables_configure(struct attach *a);

/* rows.c - map the table of pages; unmap it and the chunks, and free what user space keeps of them. */
int rows_open(struct attach *a);
void rows_close(struct attach *a);

/* rows.c - a mapped file's pages, loaded now if they are not there. What cannot be loaded is said in a warning, and the file
 * is remembered as one without rows.  Return: valid until the next call; NULL when memory runs out. */
const struct unwind_file *tables_file(struct attach *a, const struct target_module *m);

/* rows.c - let the kernel side know the chunks that it does not know yet: before the spans that lead to them.
 * Return: 0 or -errno. */
int chunks_publish(struct attach *a);

/* rows.c - have the reader begin with the files of a process whose pages are not there yet. */
void tables_read_ahead(struct attach *a, const struct target_process *p);

/* spans.c - map the unwind tables; unmap and free. */
int tables_open(struct attach *a);
void tables_close(struct attach *a);

/* spans.c - make the process's mappings known to the stack walk; rows of files not seen before are loaded first.
 * @anew  also when they have not changed: stacks that were taken before are then walked again
 * Return: 0; -ESRCH not registered; -ENOSPC the span pool is full; -errno. */
int tables_publish(struct attach *a, const struct target_process *p, int anew);

/* spans.c - make the process's PHP call chain known to the stack walk, if it has one and it has not been found before.
 * What cannot be used is said in a warning.
 * Return: 1 if it was found now. */
int tables_publish_php(struct attach *a, const struct target_process *p);

/* heap.c - make the process's Zend heap known, and note what was in it before tracing began. Once, after its probes are in
 * place. */
void heap_begin(struct attach *a, const struct target_process *p);

/* spans.c - a process has ceased to refer to this space (swt_proc.space). */
void tables_leave(struct attach *a, uint64_t space);

/* spans.c - set used_ns of the files that are mapped by a process now, or were a moment ago. */
void tables_mark_files(struct attach *a);

#endif
