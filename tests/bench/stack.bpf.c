// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stack.bpf.c - the kernel side with four more programs, to see what a stack costs: nothing, the kernel's own walk by frame
 * pointers, ours walked in full, ours as production finds it. Each does it all: walk, hash, slot in a table. */
#include "../../bpf/swtrace.bpf.c"

/* Of include/uapi/linux/bpf.h. */
#define BPF_MAP_TYPE_STACK_TRACE 7
#define BPF_F_USER_STACK	 (1ULL << 8)

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} no_bench SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1024);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 127 * sizeof(__u64));
} kernel_stacks SEC(".maps");

/* What the last run of a program has found: frames of the kernel's walk or ours, and how ours ended. */
__u32 bench_frames = 0;
__u32 bench_walk = 0;
__u64 bench_buffer[127];

SEC("uprobe")
int bench_empty(struct pt_regs *ctx)
{
	never_tail_call(ctx, &no_bench);
	return 0;
}

SEC("uprobe")
int bench_kernel(struct pt_regs *ctx)
{
	never_tail_call(ctx, &no_bench);
	bpf_get_stackid(ctx, &kernel_stacks, BPF_F_USER_STACK);
	return 0;
}

/* bench_count - not timed: how many frames the kernel's walk finds. */
SEC("uprobe")
int bench_count(struct pt_regs *ctx)
{
	never_tail_call(ctx, &no_bench);
	bench_frames = bpf_get_stack(ctx, bench_buffer, sizeof(bench_buffer), BPF_F_USER_STACK) / sizeof(__u64);
	return 0;
}

static __always_inline void found(long slot)
{
	__u32 key = slot;
	struct swt_stack *s = bpf_map_lookup_elem(&stacks, &key);

	if (!s)
		return;
	bench_frames = s->n_frames;
	bench_walk = s->walk;
}

static __always_inline int stack(struct pt_regs *ctx, bool forget)
{
	struct registers r = { ctx->ip, ctx->sp, ctx->bp, ctx->bx };
	struct thread_state *t = thread_get();
	struct swt_proc *p;

	if (!t)
		return 0;
	p = proc_at(t->proc - 1);
	if (p && forget) /* as when the process has mapped another library */
		p->space += 1ULL << 32;
	walk_begin(t, &r, true);
	found(stack_slot(t, SWT_LAYER_LIBC));
	return 0;
}

SEC("uprobe")
int bench_cold(struct pt_regs *ctx)
{
	never_tail_call(ctx, &no_bench);
	return stack(ctx, true);
}

SEC("uprobe")
int bench_cached(struct pt_regs *ctx)
{
	never_tail_call(ctx, &no_bench);
	return stack(ctx, false);
}
