/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* process.bpf.h - the process table's share of fork and exec.
 * A child has its parent's mappings until it executes another program, so it is given the parent's spans and PHP layout
 * before it runs its first instruction: a crash right after the fork has a whole stack. Its memory is not traced: the
 * parent's probes are not the child's; but in system-wide mode probes are everybody's, and it is traced from the start. */
#ifndef PROCESS_BPF_H
#define PROCESS_BPF_H

#define CLAIM_PROBES 256 /* slots tried before the table counts as full */

/* proc_take - take a slot of the process table, if it is free. A function of its own, so that the verifier walks through it once
 * instead of for each slot that is tried. */
__noinline int proc_take(__u32 slot)
{
	struct swt_proc *p = proc_at(slot);

	return p && !p->flags && !__sync_val_compare_and_swap(&p->flags, 0, SWT_PROC_CLAIMED);
}

/* proc_claim - a free slot of the process table; SWT_MAX_PROCS when there is none. */
static __always_inline __u32 proc_claim(__u32 pid)
{
	for (__u32 i = 0; i < CLAIM_PROBES; i++) {
		__u32 slot = SWT_PROC_SLOT(pid, i, SWT_MAX_PROCS);

		if (proc_take(slot))
			return slot;
	}
	return SWT_MAX_PROCS;
}

/* proc_clear_requests - none is counted yet. */
static __always_inline void proc_clear_requests(struct swt_proc *p)
{
#pragma unroll
	for (int i = 0; i < SWT_REQUEST_KINDS; i++)
		p->n_requests[i] = 0;
}

/* proc_clear - empty books. */
static __always_inline void proc_clear(struct swt_proc *p)
{
#pragma unroll
	for (int i = 0; i < SWT_LAYER_SLOTS; i++)
		p->layer[i] = (struct swt_layer_counts){};
	p->zend = (struct swt_zend_books){};
	proc_clear_requests(p);
	p->request_kinds = 0;
	p->space = 0;
	p->dl_changes = 0;
	p->dl_settled = 0;
	p->dl_open = 0;
	p->r_debug = 0;
	p->abort_at = 0;
	p->stray_tick = 0;
	p->n_strays = 0;
}

/* proc_share - a child made by vfork uses its parent's memory until it executes another program: so are its books. */
static __always_inline void proc_share(__u32 parent_slot, __u32 pid)
{
	if (bpf_map_update_elem(&proc_of_pid, &pid, &parent_slot, BPF_ANY))
		loss_add(SWT_LOSS_PROCS_FULL);
}

/* proc_begin - the books of a child that is traced from the start. What is in its Zend heap is from before. */
static __always_inline void proc_begin(struct swt_proc *p, const struct swt_proc *parent)
{
	proc_clear(p);
	p->zend.before_bytes = parent->zend.before_bytes + parent->zend.traced_bytes;
}

/* proc_inherit - make the child of a traced process known.
 * @has_memory  it has memory of its own, unlike a child made by vfork, which is about to execute another program */
static __always_inline void proc_inherit(__u32 parent_slot, __u32 pid, bool has_memory)
{
	struct swt_php *from = bpf_map_lookup_elem(&php_procs, &parent_slot), *to;
	struct swt_proc *parent = proc_at(parent_slot), *p;
	__u32 slot;

	if (!has_memory) /* what it allocates may go unseen, and stays when it ends */
		freed_doubt_tick = tick_now();
	if (selection.is_system && !has_memory) {
		proc_share(parent_slot, pid);
		return;
	}
	slot = proc_claim(pid);
	p = proc_at(slot);
	to = bpf_map_lookup_elem(&php_procs, &slot);
	if (!p || !to || !from || !parent) {
		loss_add(SWT_LOSS_PROCS_FULL);
		return;
	}
	*to = *from;
	if (selection.is_system)
		proc_begin(p, parent);
	p->tgid = pid;
	p->space = parent->space;
	p->dl_changes = parent->dl_changes;
	p->dl_settled = parent->dl_settled;
	p->dl_open = parent->dl_open;
	p->r_debug = parent->r_debug;
	p->abort_at = parent->abort_at;
	p->zend_least_bytes = parent->zend_least_bytes;
	__sync_lock_test_and_set(&p->flags,
		selection.is_system
			? SWT_PROC_USED | SWT_PROC_ADMITTED
			: SWT_PROC_USED | SWT_PROC_CHILD | (has_memory ? parent->flags & SWT_PROC_FOLLOW : 0));
	if (bpf_map_update_elem(&proc_of_pid, &pid, &slot, BPF_ANY)) {
		p->flags = 0;
		loss_add(SWT_LOSS_PROCS_FULL);
	}
}

/* proc_renew - a new program: what the old one had allocated, and where its code was, is gone with its memory. A child that
 * is only known for its parent's sake is forgotten; user space frees the slot. */
static __always_inline void proc_renew(struct swt_proc *p, __u32 slot, __u32 pid)
{
	struct swt_php *php = bpf_map_lookup_elem(&php_procs, &slot);

	for (int i = 0; i < SWT_LAYER_SLOTS; i++) {
		p->began[i] = birth_now();
		__sync_fetch_and_add(&p->epoch[i], 1);
		p->layer[i].left_out_now = 0;
	}
	p->life++;
	p->n_strays = 0;
	p->zend.traced_bytes = 0;
	p->zend.before_bytes = 0;
	p->zend.is_custom = 0;
	proc_clear_requests(p);
	p->space = 0;
	p->r_debug = 0;
	p->abort_at = 0;
	p->dl_open = 0;
	if (php) {
		php->current = 0;
		php->heap_at = 0;
		php->heap = 0;
		php->flags = 0;
	}
	if (p->flags & SWT_PROC_CHILD)
		bpf_map_delete_elem(&proc_of_pid, &pid);
}

/* proc_count_request - a request begins.  @kind  SWT_REQUEST_x, by the cookie of the probe that has seen it */
static __always_inline void proc_count_request(__u32 slot, __u64 kind)
{
	struct swt_proc *p = proc_at(slot);

	if (p && kind < SWT_REQUEST_KINDS)
		__sync_fetch_and_add(&p->n_requests[kind], 1);
}

/* proc_php_request - PHP begins a request: code that was compiled for the request before is gone. */
static __always_inline void proc_php_request(__u32 slot)
{
	struct swt_php *php = bpf_map_lookup_elem(&php_procs, &slot);

	if (php)
		__sync_fetch_and_add(&php->requests, 1);
}

#endif
