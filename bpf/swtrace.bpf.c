// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* swtrace.bpf.c - the programs that the kernel runs, one a hook; what they do stands in the headers, in the order in
 * which the data goes: thread, live table, unwinding, PHP, stacks, books, calls, events.
 *
 * The probes of allocator functions come in two sets; user space loads the one that the kernel can use:
 *   on_call             entry and return in one program (uprobe session, kernel 6.13)
 *   on_enter, on_return entry and return apart (uprobe_multi, 6.6; perf uprobes with cookies, 5.15)
 *   on_leave            beside both, and on_enter at the same functions: they must not have a return side */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "swtrace/abi.h"

#include "maps.bpf.h"
#include "thread.bpf.h"
#include "live.bpf.h"
#include "send.bpf.h"
#include "cache.bpf.h"
#include "unwind.bpf.h"
#include "php.bpf.h"
#include "walk.bpf.h"
#include "stack.bpf.h"
#include "zend.bpf.h"
#include "foretell.bpf.h"
#include "freed.bpf.h"
#include "books.bpf.h"
#include "call.bpf.h"
#include "process.bpf.h"
#include "select.bpf.h"
#include "system.bpf.h"
#include "crash.bpf.h"
#include "ends.bpf.h"
#include "events.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* A session program runs at both ends of a call. At the entry the instruction pointer is the probed function's own
 * address; at the return it is the return address, which cannot be that function's first instruction. Returning 1 at the
 * entry spares the return. */
SEC("uprobe")
int on_call(struct pt_regs *ctx)
{
	never_tail_call(ctx, &no_calls);
	if (PT_REGS_IP(ctx) == bpf_get_func_ip(ctx))
		return call_enter(ctx, bpf_get_attach_cookie(ctx));
	call_return(ctx);
	return 0;
}

/* Returns 0 whatever happens: before 6.13 a 1 from a uprobe_multi program takes the probe out of the process. */
SEC("uprobe")
int on_enter(struct pt_regs *ctx)
{
	never_tail_call(ctx, &no_dl_calls);
	call_enter(ctx, bpf_get_attach_cookie(ctx));
	return 0;
}

SEC("uprobe")
int on_return(struct pt_regs *ctx)
{
	never_tail_call(ctx, &no_dl_calls);
	call_return(ctx);
	return 0;
}

/* At the instructions by which functions return that may throw. */
SEC("uprobe")
int on_leave(struct pt_regs *ctx)
{
	never_tail_call(ctx, &no_dl_calls);
	call_leave(ctx);
	return 0;
}

/* The dynamic loader calls this function before and after it changes the list of libraries. */
SEC("uprobe")
int on_dl_state(struct pt_regs *ctx)
{
	struct thread_state *t = thread_get();

	never_tail_call(ctx, &no_dl_calls);
	if (t)
		event_dl(t);
	return 0;
}

/* The engine begins to serve a request. */
SEC("uprobe")
int on_php_request(struct pt_regs *ctx)
{
	struct thread_state *t = thread_get();

	never_tail_call(ctx, &no_dl_calls);
	if (t) {
		proc_count_request(t->proc - 1, SWT_REQUEST_PHP);
		proc_php_request(t->proc - 1);
		foretell_learn(t->proc - 1);
	}
	return 0;
}

/* Something else begins to serve a request: which kind of thing is in the cookie. */
SEC("uprobe")
int on_request(struct pt_regs *ctx)
{
	struct thread_state *t = thread_get();

	never_tail_call(ctx, &no_dl_calls);
	if (t)
		proc_count_request(t->proc - 1, bpf_get_attach_cookie(ctx));
	return 0;
}

/* The engine drops its heap: the request is over. */
SEC("uprobe")
int on_php_drop(struct pt_regs *ctx)
{
	struct thread_state *t = thread_get();

	never_tail_call(ctx, &no_dl_calls);
	if (t) {
		zend_drop(t->proc - 1);
		t->call.recorded = 0;
	}
	return 0;
}

/* The engine gives up: its memory_limit is exhausted, or its heap corrupted. */
SEC("uprobe")
int on_php_end(struct pt_regs *ctx)
{
	struct thread_state *t = thread_get();

	never_tail_call(ctx, &no_dl_calls);
	if (t)
		event_end(t, ctx, bpf_get_attach_cookie(ctx));
	return 0;
}

/* Run once by user space. */
SEC("syscall")
int on_start(void *ctx)
{
	(void)ctx;
	clock_start();
	return 0;
}

/* One call for each thread that there is, and a last one without. */
SEC("iter/task")
int on_task(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task =
		ctx->task; /* read once: what the verifier knows of it is known of this value alone */

	if (task)
		system_list(seq, task);
	return 0;
}

/* The tracepoint programs need no never_tail_call(): tracepoints run with preemption off and a program of this type is
 * not entered again on the same CPU while it runs. */
SEC("tp_btf/sched_process_exec")
int on_exec(__u64 *ctx)
{
	event_exec(ctx[1]);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int on_exit(__u64 *ctx)
{
	event_exit((struct task_struct *)ctx[0]);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int on_fork(__u64 *ctx)
{
	event_fork((struct task_struct *)ctx[1]);
	return 0;
}

SEC("tp_btf/signal_deliver")
int on_signal(__u64 *ctx)
{
	if (event_is_fatal(ctx[0], (struct k_sigaction *)ctx[2]))
		event_signal(ctx[0], (struct kernel_siginfo *)ctx[1]);
	return 0;
}

SEC("tp_btf/signal_generate")
int on_signal_sent(__u64 *ctx)
{
	event_sent(ctx[0], (struct kernel_siginfo *)ctx[1], (struct task_struct *)ctx[2], ctx[4]);
	return 0;
}
