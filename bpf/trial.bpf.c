// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trial.bpf.c - what user space attaches to a function of its own, to see which kinds of probes the kernel has.
 * An object by itself that asks nothing of the kernel's types: libbpf reads all of them (80 ms) for one that does. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

__u32 trial_enters = 0;
__u32 trial_returns = 0;

SEC("uprobe")
int on_trial(struct pt_regs *ctx)
{
	/* As in swtrace.bpf.c: at the entry of a session the instruction pointer is the function's own address. */
	if (PT_REGS_IP(ctx) == bpf_get_func_ip(ctx))
		trial_enters++;
	else
		trial_returns++;
	return 0;
}
