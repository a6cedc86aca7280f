// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* floor.bpf.c - the kernel side with programs that do nothing in the place of those that keep the books. */
#define on_call	  production_call
#define on_enter  production_enter
#define on_return production_return
#include "../../bpf/swtrace.bpf.c"
#undef on_call
#undef on_enter
#undef on_return

/* 1: no return is probed, not even where production wants it. */
const volatile __u32 floor_entries_only = 0;

/* At the entry of a call 1 spares its return, as production does where a block is freed. */
SEC("uprobe")
int on_call(struct pt_regs *ctx)
{
	__u32 op;

	if (floor_entries_only)
		return 1;
	op = SWT_COOKIE_OP(bpf_get_attach_cookie(ctx));
	return op == SWT_OP_FREE || op == SWT_OP_MUNMAP;
}

SEC("uprobe")
int on_enter(struct pt_regs *ctx)
{
	(void)ctx;
	return 0;
}

SEC("uprobe")
int on_return(struct pt_regs *ctx)
{
	(void)ctx;
	return 0;
}
