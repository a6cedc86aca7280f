// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* oracle.bpf.c - the kernel side with two more programs: at a random hit they walk the stack by production's code, tell
 * what they found and all that an independent unwinder has to start from, and stop the process. At all other hits they do
 * what production does when a block is born, so that the stack cache is full of what these functions' stacks look like. */
#include "../../bpf/swtrace.bpf.c"
#include "point.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} no_oracle SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} oracle_points SEC(".maps");

__u32 oracle_armed = 0;	 /* 1: the next hit that is drawn is a point; set by user space, as is: */
__u32 oracle_chance = 0; /* of a hit, of 2^32 */

/* Two stacks of native frames in the place of PHP's are compared: the process has no PHP call chain for the walk. */
static __always_inline void without_php(const struct thread_state *t)
{
	__u32 slot = t->proc - 1;
	struct swt_php *php = bpf_map_lookup_elem(&php_procs, &slot);

	if (php)
		php->current = 0;
}

/* from_cache - the stack at which t->walk stands, if the cache has it. */
__noinline int from_cache(struct thread_state *t, struct oracle_stack *out)
{
	struct swt_proc *p;
	struct swt_stack *s;
	__u32 slot;
	long found;

	if (!t || !out)
		return 0;
	p = proc_at(t->proc - 1);
	if (!p)
		return 0;
	found = cache_find(t, p, STACK_OWNER(t->proc - 1, SWT_LAYER_LIBC, p->life));
	slot = found;
	s = found < 0 ? 0 : bpf_map_lookup_elem(&stacks, &slot);
	if (!s)
		return 0;
	out->walk = s->walk;
	out->n = s->n_frames;
	bpf_probe_read_kernel(out->frame, sizeof(out->frame), s->frame);
	return 1;
}

static __always_inline void pending_fill(struct oracle_point *p)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct return_instance *ri = BPF_CORE_READ(task, utask, return_instances);
	__u32 n = 0;

	for (; n < ORACLE_PENDING && ri; n++) {
		p->pending[n].stack = BPF_CORE_READ(ri, stack);
		p->pending[n].address = BPF_CORE_READ(ri, orig_ret_vaddr);
		ri = BPF_CORE_READ(ri, next);
	}
	p->n_pending = n;
	p->trampoline = trampoline();
}

static __always_inline void point_fill(struct oracle_point *p, struct pt_regs *ctx, bool is_exact)
{
	struct task_struct *task = bpf_get_current_task_btf();

	p->tgid = task_tgid(task);
	p->tid = task_tid(task);
	p->is_exact = is_exact;
	p->pad0 = 0;
	bpf_probe_read_kernel(p->regs, sizeof(p->regs), ctx);
	if (bpf_probe_read_user(&p->word_at_sp, sizeof(p->word_at_sp), (void *)PT_REGS_SP(ctx)))
		p->word_at_sp = 0;
	pending_fill(p);
}

/* The same program for both ends of a call: the probe's cookie says which. */
SEC("uprobe")
int on_oracle(struct pt_regs *ctx)
{
	struct registers r = { PT_REGS_IP(ctx), PT_REGS_SP(ctx), PT_REGS_FP(ctx), ctx->bx };
	bool is_exact = bpf_get_attach_cookie(ctx) == ORACLE_ENTRY;
	struct thread_state *t = thread_get();
	struct oracle_point *p = 0;
	__u8 walk;

	never_tail_call(ctx, &no_oracle);
	if (!t)
		return 0;
	without_php(t);
	walk_begin(t, &r, is_exact);
	if (oracle_armed && bpf_get_prandom_u32() <= oracle_chance &&
		__sync_val_compare_and_swap(&oracle_armed, 1, 0) == 1)
		p = bpf_ringbuf_reserve(&oracle_points, sizeof(*p), 0);
	if (!p) {
		stack_slot(t, SWT_LAYER_LIBC);
		return 0;
	}
	p->cached.walk = ORACLE_FAILED;
	p->cached.n = 0;
	from_cache(t, &p->cached);
	walk_begin(t, &r, is_exact);
	p->walked.n = walk_all(t, &walk);
	p->walked.walk = walk;
	p->walked.generation = t->walk.generation;
	bpf_probe_read_kernel(p->walked.frame, sizeof(p->walked.frame), t->frame);
	point_fill(p, ctx, is_exact);
	p->stop_error = bpf_send_signal(SIGSTOP);
	bpf_ringbuf_submit(p, 0);
	return 0;
}
