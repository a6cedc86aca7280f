/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach/internal.h - what the files of this room share. */
#ifndef ATTACH_INTERNAL_H
#define ATTACH_INTERNAL_H

#include "attach/attach.h"
#include "swtrace/abi.h"

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
};

/* The probes of one process in one file. */
struct probe_set {
	pid_t pid;
	const struct target_module *module;
	struct probe_link *link;
	size_t n_links;
	int n_functions; /* allocator functions probed */
};

/* A file whose unwind rows are loaded. */
struct unwind_file {
	const struct target_module *module;
	uint64_t base;	  /* what row addresses count from */
	uint32_t page;	  /* its first page */
	uint32_t n_pages; /* 0: it has no rows */
};

/* A run of the span pool. */
struct span_place {
	pid_t pid; /* 0 = free */
	uint32_t first;
	uint32_t n;
	uint64_t freed_ns;
};

/* What the stack walk of the kernel side reads; see tables.c. */
struct unwind_tables {
	/* BTF types of a chunk. Before 6.2 a map that has some is not taken for the like of a template that has none, or the
	 * other way round. */
	uint32_t key_type;
	uint32_t value_type;
	struct swt_row *chunk[SWT_MAX_CHUNKS]; /* mapped read-write, as page and span */
	size_t n_chunks;
	size_t chunk_used; /* rows in the last chunk */
	struct swt_page *page;
	uint32_t n_pages;
	struct swt_span *span;
	uint32_t n_spans;
	struct swt_php *php;		 /* by process slot */
	struct swt_php_frame *php_frame; /* mapped read-only */
	struct unwind_file *file;
	size_t n_files;
	struct span_place *place;
	size_t n_places;
};

struct attach {
	struct swtrace_bpf *skel;
	struct unwind_tables tables;
	enum probe_kind kind;
	struct swt_proc *proc; /* mapped read-write */
	struct swt_bucket *bucket;
	struct swt_stack *stack;
	struct swt_losses *losses;
	size_t n_buckets;
	size_t n_stacks;
	uint64_t start_ns;
	struct probe_set *set;
	size_t n_sets;
};

/* features.c - the best kind that works here, found by trying it on this very process.
 * Return: the kind, or -errno when not even the programs' skeleton can be loaded. */
int features_probe_kind(void);

/* features.c - attach types of <linux/bpf.h>, newer than the oldest headers that swtrace builds with. */
#define ATTACH_UPROBE_MULTI   48
#define ATTACH_UPROBE_SESSION 57

/* link.c - make a uprobe_multi link by bpf(2): libbpf before 1.3 does not know it.
 * @type  ATTACH_UPROBE_x, as the program was loaded with       @at_return  probe returns (not for sessions)
 * @offset, @cookie  n of each: places in the file
 * Return: a file descriptor, or -errno; -ENOTSUPP (524) and -EINVAL: one of the sites cannot be probed. */
int link_uprobe_multi(int prog_fd, int type, int at_return, const char *path, pid_t pid, const uint64_t *offset,
	const uint64_t *cookie, size_t n);

/* load.c - the process's entry in the kernel's table, or NULL. */
struct swt_proc *attach_proc(struct attach *a, pid_t pid);

/* load.c - map a table of n entries; NULL and errno when that fails. */
void *attach_map_table(struct bpf_map *map, size_t n_entries, int prot);

/* tables.c - before loading: learn what libbpf forgets then. */
void tables_configure(struct attach *a);

/* tables.c - map the unwind tables; unmap and free. */
int tables_open(struct attach *a);
void tables_close(struct attach *a);

/* tables.c - make the process's mappings known to the stack walk; rows of files not seen before are loaded first.
 * Return: 0; -ESRCH not registered; -ENOSPC the span pool is full; -errno. */
int tables_publish(struct attach *a, const struct target_process *p);

/* tables.c - make the process's PHP call chain known to the stack walk, if it has one and it has not been found before.
 * What cannot be used is said in a warning. */
void tables_publish_php(struct attach *a, const struct target_process *p);

/* tables.c - the process's spans may be used again. */
void tables_forget(struct attach *a, pid_t pid);

#endif
