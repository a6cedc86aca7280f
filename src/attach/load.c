// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/load.c - the BPF object: open, size, configure, load, map its tables; and the kernel's table of processes. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "swtrace.skel.h"
#include "util/clock.h"
#include "util/msg.h"

#define SHOWN_LINES 20

/* libbpf's own words are technical: shown with -v only. Of the verifier's log the last lines say what is wrong. */
static int print_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char *text = NULL, *save = NULL, *from;
	int lines = 0;

	if (level == LIBBPF_DEBUG || vasprintf(&text, fmt, args) < 0)
		return 0;
	for (from = text + strlen(text); from > text && lines <= SHOWN_LINES; from--)
		lines += from[-1] == '\n';
	for (char *line = strtok_r(from, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		msg_debug("%s", line);
	free(text);
	return 0;
}

/* configure - sizes and constants, before loading. */
static int configure(struct attach *a, const struct attach_opts *opts)
{
	struct swt_config cfg = { 0 };
	struct timespec tick;
	struct stat st;
	int err;

	a->n_buckets = SWT_BUCKETS(opts->max_blocks ? opts->max_blocks
				   : a->is_system   ? SWT_SYSTEM_BLOCKS
						    : SWT_DEFAULT_BLOCKS);
	a->n_freed = 0;
	a->free_stacks = opts->free_stacks;
	if (opts->n_freed && !a->is_windowed) {
		cfg.freed_shift = 63;
		for (a->n_freed = 2; a->n_freed < opts->n_freed && a->n_freed < SWT_MAX_FREED; a->n_freed *= 2)
			cfg.freed_shift--;
		cfg.free_stacks = opts->free_stacks;
	}
	a->freed_shift = cfg.freed_shift;
	a->n_stacks = a->is_system ? SWT_SYSTEM_STACKS : SWT_DEFAULT_STACKS;
	cfg.n_buckets = a->n_buckets;
	cfg.stack_mask = a->n_stacks - 1;
	/* The resolution of the coarse clock is the kernel's tick. */
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick))
		return -errno;
	a->tick_ns = tick.tv_nsec;
	for (a->birth_unit_ns = tick.tv_nsec; 2 * a->birth_unit_ns <= SWT_BIRTH_NS; a->birth_unit_ns *= 2)
		cfg.birth_shift++;
	if (getrandom(&cfg.hash_seed, sizeof(cfg.hash_seed), 0) != sizeof(cfg.hash_seed))
		return -errno;
	if (stat("/proc/self/ns/pid", &st))
		return -errno;
	cfg.may_skip = a->kind == PROBE_SESSION;
	cfg.is_windowed = a->is_windowed;
	cfg.pidns_inum = st.st_ino;
	memcpy((void *)&a->skel->rodata->cfg, &cfg, sizeof(cfg));
	if (opts->selection)
		system_configure(a, opts->selection);
	err = bpf_map__set_max_entries(a->skel->maps.live, a->n_buckets);
	if (!err && a->n_freed)
		err = bpf_map__set_max_entries(a->skel->maps.freed, a->n_freed);
	return err ? err : bpf_map__set_max_entries(a->skel->maps.stacks, a->n_stacks);
}

/* choose_programs - load only the probe programs of the chosen kind. */
static void choose_programs(struct attach *a)
{
	struct swtrace_bpf *s = a->skel;
	int session = a->kind == PROBE_SESSION;

	if (a->kind != PROBE_PERF) {
		bpf_program__set_expected_attach_type(s->progs.on_enter, ATTACH_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(s->progs.on_dl_state, ATTACH_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(s->progs.on_php_request, ATTACH_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(s->progs.on_php_drop, ATTACH_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(s->progs.on_request, ATTACH_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(s->progs.on_php_end, ATTACH_UPROBE_MULTI);
	}
	bpf_program__set_autoload(s->progs.on_task, a->is_system);
	bpf_program__set_autoattach(s->progs.on_task, false);
	bpf_program__set_autoload(s->progs.on_call, session);
	bpf_program__set_autoload(s->progs.on_enter, !session);
	bpf_program__set_autoload(s->progs.on_return, !session);
	bpf_program__set_autoload(s->progs.on_leave, 0); /* see throwing.c */
	if (session)
		bpf_program__set_expected_attach_type(s->progs.on_call, ATTACH_UPROBE_SESSION);
	if (a->kind == PROBE_MULTI)
		bpf_program__set_expected_attach_type(s->progs.on_return, ATTACH_UPROBE_MULTI);
}

/* start_clock - have the kernel side note when it is.  Return: 0 or -errno. */
static int start_clock(struct attach *a)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(bpf_program__fd(a->skel->progs.on_start), &opts);

	a->start_ns = a->skel->bss->start_ns;
	return err;
}

void *attach_map_table(struct bpf_map *map, size_t n_entries, int prot)
{
	size_t len = n_entries * bpf_map__value_size(map);
	void *p = mmap(NULL, len, prot, MAP_SHARED, bpf_map__fd(map), 0);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, len, MADV_DONTFORK); /* the reader of hostile files must not reach it */
	return p;
}

static int map_tables(struct attach *a)
{
	a->proc = attach_map_table(a->skel->maps.procs, SWT_MAX_PROCS, PROT_READ | PROT_WRITE);
	a->bucket = attach_map_table(a->skel->maps.live, a->n_buckets, PROT_READ);
	a->stack = attach_map_table(a->skel->maps.stacks, a->n_stacks, PROT_READ);
	a->losses = attach_map_table(a->skel->maps.losses, 1, PROT_READ);
	if (a->n_freed)
		a->freed = attach_map_table(a->skel->maps.freed, a->n_freed, PROT_READ);
	return a->proc && a->bucket && a->stack && a->losses && (a->freed || !a->n_freed) ? tables_open(a) : -errno;
}

static int load_failed(int err)
{
	msg_error("the kernel refused the BPF programs: %s", strerror(-err));
	if (err == -EPERM)
		msg_try("run as root; with kernel.lockdown or in a container, CAP_BPF and "
			"CAP_PERFMON must be allowed");
	else if (err == -ENOMEM)
		msg_try("use a smaller --max-blocks, or a higher memory limit for swtrace");
	else if (err == -EMFILE || err == -ENFILE)
		msg_try("raise the limit of open files (ulimit -n)");
	else
		msg_try("swtrace -v shows why; kernels from 5.15 with BTF are supported");
	return err == -EPERM || err == -ENOMEM ? err : -ENOSYS;
}

int attach_open(struct attach **out, const struct attach_opts *opts)
{
	struct attach *a;
	int err, kind;

	libbpf_set_print(print_libbpf);
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->reader = opts->reader;
	a->is_system = opts->selection != NULL;
	a->is_windowed = opts->is_windowed;
	a->request = opts->request;
	a->n_requests = opts->n_requests;
	a->is_crashes_only = opts->is_crashes_only;
	features_begin(&a->features);
	if (opts->meanwhile)
		opts->meanwhile(opts->ctx);
	kind = features_probe_kind(&a->features);
	if (kind < 0) {
		err = kind;
		goto out;
	}
	a->kind = kind;
	msg_debug("probes: %s", attach_kind(a));
	err = attach_needs_admin(a) && !opts->is_crashes_only ? features_check_admin() : 0;
	if (err)
		goto out;
	a->skel = swtrace_bpf__open();
	if (!a->skel) {
		err = load_failed(-errno);
		goto out;
	}
	err = configure(a, opts);
	if (err)
		goto out;
	choose_programs(a);
	tables_configure(a);
	err = swtrace_bpf__load(a->skel);
	if (err) {
		err = load_failed(err);
		goto out;
	}
	err = map_tables(a);
	if (!err)
		err = start_clock(a);
	if (err)
		goto out;
	/* The uprobe programs name no function to attach to, so this attaches the tracepoints alone. */
	err = swtrace_bpf__attach(a->skel);
	if (!err && a->is_system)
		err = system_open(a);
	if (err)
		err = load_failed(err);
out:
	if (err) {
		attach_close(a);
		a = NULL;
	}
	*out = a;
	return err;
}

static void unmap_table(void *p, size_t n_entries, struct bpf_map *map)
{
	if (p)
		munmap(p, n_entries * bpf_map__value_size(map));
}

void attach_close(struct attach *a)
{
	if (!a)
		return;
	features_end(&a->features);
	window_join(a);
	while (a->n_sets)
		attach_unprobe(a, a->set[a->n_sets - 1].pid);
	closing_sweep(&a->retired, 1);
	free(a->set);
	if (a->skel) {
		unmap_table(a->proc, SWT_MAX_PROCS, a->skel->maps.procs);
		unmap_table(a->bucket, a->n_buckets, a->skel->maps.live);
		unmap_table(a->stack, a->n_stacks, a->skel->maps.stacks);
		unmap_table(a->losses, 1, a->skel->maps.losses);
		unmap_table(a->freed, a->n_freed, a->skel->maps.freed);
	}
	tables_close(a);
	probes_close(a);
	bpf_link__destroy(a->list);
	swtrace_bpf__destroy(a->throwing);
	swtrace_bpf__destroy(a->skel);
	free(a);
}

void attach_settle(struct attach *a)
{
	features_end(&a->features);
}

const char *attach_kind_name(int kind)
{
	static const char *const name[ATTACH_KINDS] = { "uprobe session", "uprobe_multi", "perf uprobes" };

	return name[kind];
}

const char *attach_kind(const struct attach *a)
{
	return attach_kind_name(a->kind);
}

void attach_tables(const struct attach *a, struct attach_tables *out)
{
	out->proc = a->proc;
	out->n_procs = SWT_MAX_PROCS;
	out->bucket = a->bucket;
	out->n_buckets = a->n_buckets;
	out->stack = a->stack;
	out->n_stacks = a->n_stacks;
	out->php = a->tables.php;
	out->php_frame = a->tables.php_frame;
	out->n_php_frames = SWT_PHP_FRAMES;
	out->losses = a->losses;
	out->freed = a->freed;
	out->n_freed = a->n_freed;
	out->freed_shift = a->freed_shift;
	out->free_stacks = a->free_stacks;
	out->freed_lookups = (const uint64_t *)&a->skel->bss->freed_lookups;
	out->freed_found = (const uint64_t *)&a->skel->bss->freed_found;
	out->freed_doubt_tick = (const uint64_t *)&a->skel->bss->freed_doubt_tick;
	out->stray_doubt_tick = (const uint64_t *)&a->skel->bss->stray_doubt_tick;
	out->stray_doubts = &a->skel->bss->stray_doubts;
	out->fd_events = bpf_map__fd(a->skel->maps.events);
	out->start_ns = a->start_ns;
	out->birth_unit_ns = a->birth_unit_ns;
	out->tick_ns = a->tick_ns;
}

void attach_doubt_freed(struct attach *a)
{
	/* The kernel's tick may be a little ahead of it. */
	a->skel->bss->freed_doubt_tick = (clock_ns(CLOCK_MONOTONIC) - a->start_ns) / a->tick_ns + 2;
}

static int slot_of(const struct attach *a, pid_t pid)
{
	for (int i = 0; i < SWT_MAX_PROCS; i++) {
		int slot = SWT_PROC_SLOT(pid, i, SWT_MAX_PROCS);

		if (a->proc[slot].flags & SWT_PROC_USED && a->proc[slot].tgid == (__u32)pid)
			return slot;
	}
	return -ESRCH;
}

struct swt_proc *attach_proc(struct attach *a, pid_t pid)
{
	int slot = slot_of(a, pid);

	return slot < 0 ? NULL : &a->proc[slot];
}

/* slot_claim - a free slot; the kernel side takes slots for children at the same time. */
static int slot_claim(struct attach *a, pid_t pid)
{
	for (int i = 0; i < SWT_MAX_PROCS; i++) {
		int slot = SWT_PROC_SLOT(pid, i, SWT_MAX_PROCS);

		if (!a->proc[slot].flags && __sync_bool_compare_and_swap(&a->proc[slot].flags, 0, SWT_PROC_CLAIMED))
			return slot;
	}
	return -ENOSPC;
}

int attach_register(struct attach *a, pid_t pid, int stop)
{
	int fd = bpf_map__fd(a->skel->maps.proc_of_pid), slot;
	__u32 key = pid;

	if (slot_of(a, pid) >= 0)
		return -EALREADY;
	slot = slot_claim(a, pid);
	if (slot < 0)
		return slot;
	a->proc[slot].tgid = pid;
	a->proc[slot].dl_changes = 0;
	a->proc[slot].dl_settled = 0;
	a->proc[slot].dl_open = 0;
	a->proc[slot].r_debug = 0;
	a->proc[slot].abort_at = 0;
	memset(a->proc[slot].layer, 0, sizeof(a->proc[slot].layer));
	memset(&a->proc[slot].zend, 0, sizeof(a->proc[slot].zend));
	memset(a->proc[slot].n_requests, 0, sizeof(a->proc[slot].n_requests));
	a->proc[slot].request_kinds = 0;
	a->proc[slot].flags = SWT_PROC_USED | (stop ? SWT_PROC_STOP_AT_EXEC | SWT_PROC_STOP_AT_DL : 0);
	/* In system-wide mode the kernel side may be faster. */
	if (bpf_map_update_elem(fd, &key, &slot, a->is_system ? BPF_NOEXIST : BPF_ANY)) {
		a->proc[slot].flags = 0;
		return errno == EEXIST ? -EALREADY : -errno;
	}
	__sync_fetch_and_add(&a->skel->bss->registry_generation, 1);
	return 0;
}

uint32_t attach_changes(struct attach *a, pid_t pid)
{
	const struct swt_proc *p = attach_proc(a, pid);

	return p ? __atomic_load_n(&p->dl_changes, __ATOMIC_ACQUIRE) : 0;
}

int attach_set_stop(struct attach *a, pid_t pid, int at_exec, int at_dl)
{
	int slot = slot_of(a, pid);

	if (slot < 0)
		return slot;
	a->proc[slot].flags = SWT_PROC_USED | (at_exec ? SWT_PROC_STOP_AT_EXEC : 0) | (at_dl ? SWT_PROC_STOP_AT_DL : 0);
	return 0;
}

int attach_set_follow(struct attach *a, pid_t pid, int follow)
{
	struct swt_proc *p = attach_proc(a, pid);

	if (!p)
		return -ESRCH;
	if (follow)
		__sync_fetch_and_or(&p->flags, SWT_PROC_FOLLOW);
	else
		__sync_fetch_and_and(&p->flags, ~SWT_PROC_FOLLOW);
	return 0;
}

int attach_adopt(struct attach *a, const struct target_process *p)
{
	struct swt_proc *proc = attach_proc(a, p->pid);
	struct swt_php *php;

	if (!proc || !(proc->flags & SWT_PROC_FOLLOW))
		return -ESRCH;
	php = &a->tables.php[proc - a->proc];
	php->heap = 0; /* looked for again: what is in it is from before */
	php->heap_at = 0;
	memset(proc->layer, 0, sizeof(proc->layer));
	memset(&proc->zend, 0, sizeof(proc->zend));
	memset(proc->n_requests, 0, sizeof(proc->n_requests));
	__sync_fetch_and_and(&proc->flags, ~SWT_PROC_CHILD);
	/* Its mappings are counted anew, so they may bear its parent's number and be others. */
	return tables_publish(a, p, 1);
}

static void slot_free(struct attach *a, int slot)
{
	__u64 units = (clock_ns(CLOCK_MONOTONIC) - a->start_ns) / a->birth_unit_ns;
	/* The tick may be a little behind the clock; what is born next must not be older than its epoch. */
	__u32 key = a->proc[slot].tgid, now = swt_birth(units && !a->is_windowed ? units - 1 : 0);

	bpf_map_delete_elem(bpf_map__fd(a->skel->maps.proc_of_pid), &key);
	__sync_fetch_and_add(&a->skel->bss->registry_generation, 1);
	for (int i = 0; i < SWT_LAYER_SLOTS; i++) {
		a->proc[slot].began[i] = now;
		__sync_fetch_and_add(&a->proc[slot].epoch[i], 1);
	}
	a->proc[slot].life++;
	tables_leave(a, __atomic_exchange_n(&a->proc[slot].space, 0, __ATOMIC_ACQ_REL));
	a->tables.php[slot].current = 0;
	a->tables.php[slot].heap_at = 0;
	a->tables.php[slot].heap = 0;
	a->tables.php[slot].flags = 0;
	__atomic_store_n(&a->proc[slot].flags, 0, __ATOMIC_RELEASE);
}

void attach_forget(struct attach *a, pid_t pid)
{
	int slot = slot_of(a, pid);

	if (slot >= 0)
		slot_free(a, slot);
}

void attach_reap_children(struct attach *a)
{
	for (int i = 0; i < SWT_MAX_PROCS; i++) {
		int is_gone = a->proc[i].flags & (SWT_PROC_CHILD | SWT_PROC_ADMITTED) && kill(a->proc[i].tgid, 0) &&
			      errno == ESRCH;

		if (is_gone && a->gone[i] == a->proc[i].tgid)
			slot_free(a, i);
		a->gone[i] = is_gone ? a->proc[i].tgid : 0;
	}
}
