/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ends.bpf.h - how traced processes end, who ends them, and what they end of by their own word.
 * SIGKILL and its like carry no sender when they are delivered (get_signal() of kernel/signal.c ends the thread group without
 * looking at what was queued), so it is noted when they are sent. */
#ifndef ENDS_BPF_H
#define ENDS_BPF_H

#define SIGHUP	1
#define SIGINT	2
#define SIGQUIT 3
#define SIGKILL 9
#define SIGUSR1 10
#define SIGUSR2 12
#define SIGTERM 15
#define ENDING_SIGNALS \
	(1U << SIGHUP | 1U << SIGINT | 1U << SIGQUIT | 1U << SIGKILL | 1U << SIGUSR1 | 1U << SIGUSR2 | 1U << SIGTERM)

/* In place of a pointer to kernel_siginfo (include/linux/sched/signal.h): sent by the running process; by the kernel. */
#define SEND_SIG_NOINFO 0
#define SEND_SIG_PRIV	1
#define SI_USER		0
#define SI_QUEUE	(-1)
#define SI_TKILL	(-6)

/* Results of sending (include/trace/events/signal.h) after which the signal is pending by this very call. */
#define TRACE_SIGNAL_DELIVERED 0
#define TRACE_SIGNAL_LOSE_INFO 4

/* The last signal of those that was sent to a process. */
struct sent_signal {
	__u32 tgid; /* to whom; 0 = none was */
	__u32 signal;
	__u32 sender_pid; /* 0 = the kernel, or a process that is not visible here */
	char sender_comm[16];
};

/* By slot of the process table. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_MAX_PROCS);
	__type(key, __u32);
	__type(value, struct sent_signal);
} sent_signals SEC(".maps");

/* sent_by_process - was it sent by the process that runs now, and not by the kernel on somebody's behalf? */
static __always_inline bool sent_by_process(struct kernel_siginfo *info)
{
	int code;

	if ((__u64)info <= SEND_SIG_PRIV)
		return (__u64)info == SEND_SIG_NOINFO;
	code = BPF_CORE_READ(info, si_code);
	return code == SI_USER || code == SI_QUEUE || code == SI_TKILL;
}

/* event_sent - a signal is being sent, by whomever to whomever: this sees all signals of the system. */
static __always_inline void event_sent(int sig, struct kernel_siginfo *info, struct task_struct *task, int result)
{
	struct sent_signal *s;
	__u32 slot;

	if (sig < 0 || sig > 31 || !(1U << sig & ENDING_SIGNALS))
		return;
	if (result != TRACE_SIGNAL_DELIVERED && result != TRACE_SIGNAL_LOSE_INFO)
		return;
	slot = thread_proc(task) - 1;
	s = bpf_map_lookup_elem(&sent_signals, &slot);
	if (!s)
		return;
	s->tgid = task_tgid(task);
	s->signal = sig;
	s->sender_pid = 0;
	s->sender_comm[0] = 0;
	if (sent_by_process(info)) {
		s->sender_pid = task_tgid(bpf_get_current_task_btf());
		bpf_get_current_comm(s->sender_comm, sizeof(s->sender_comm));
	}
}

/* event_send_exit - tell of the end of the current process.
 * The kernel marks whom it has chosen when memory has run out by oom_mm (mark_oom_victim() of mm/oom_kill.c), before it kills. A
 * process that was chosen because it was ending anyway has another status. */
static __always_inline void event_send_exit(const struct thread_state *t, struct task_struct *task, __u32 status)
{
	struct swt_event_exit *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	__u32 slot = t->proc - 1, signal = status & 0x7f;
	struct sent_signal *s;

	if (!e) {
		loss_add(SWT_LOSS_EVENT_DROPPED);
		return;
	}
	event_fill(&e->e, SWT_EVENT_EXIT, sizeof(*e), t);
	e->e.value = status;
	e->peak_rss_bytes = (__u64)BPF_CORE_READ(task, signal, maxrss) * PAGE_BYTES;
	e->is_oom = signal == SIGKILL && BPF_CORE_READ(task, signal, oom_mm);
	e->sender_pid = 0;
	__builtin_memset(e->sender_comm, 0, sizeof(e->sender_comm));
	s = bpf_map_lookup_elem(&sent_signals, &slot);
	if (s && s->tgid == e->e.tgid && signal && s->signal == signal && !e->is_oom) {
		e->sender_pid = s->sender_pid;
		__builtin_memcpy(e->sender_comm, s->sender_comm, sizeof(e->sender_comm));
	}
	if (s)
		s->tgid = 0;
	bpf_ringbuf_submit(e, 0);
}

/* ---- PHP gives up --------------------------------------------------------------------------------------------------- */

/* The first 16 bytes of what zend_mm_safe_error() and zend_mm_panic() of Zend/zend_alloc.c are given. They are static, so
 * compilers may have left out their first argument, the heap. */
#define TEXT8(a, b, c, d, e, f, g, h)                                                                               \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | (__u64)(f) << 40 | \
		(__u64)(g) << 48 | (__u64)(h) << 56)
#define ALLOWED	 TEXT8('A', 'l', 'l', 'o', 'w', 'e', 'd', ' ')
#define MEMORY_S TEXT8('m', 'e', 'm', 'o', 'r', 'y', ' ', 's')
#define OUT_OF_M TEXT8('O', 'u', 't', ' ', 'o', 'f', ' ', 'm')
#define EMORY_A	 TEXT8('e', 'm', 'o', 'r', 'y', ' ', '(', 'a')
#define ZEND_MM	 TEXT8('z', 'e', 'n', 'd', '_', 'm', 'm', '_')
#define HEAP_COR TEXT8('h', 'e', 'a', 'p', ' ', 'c', 'o', 'r')

#define AGAIN_NS 1000000000ULL	/* within a request one is told in this time */
#define STACK_NS 10000000000ULL /* a stack is taken in this time */

/* What was told of a process. */
struct told {
	__u64 time_ns;	/* of the last event */
	__u64 stack_ns; /* of the last with a stack */
	__u32 tgid;
	__u32 life;
	__u32 requests; /* swt_php.requests then */
	__u32 type;
};

/* By slot of the process table. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_MAX_PROCS);
	__type(key, __u32);
	__type(value, struct told);
} told_ends SEC(".maps");

/* end_type - what a function that gives up says, if it is that. */
static __always_inline __u32 end_type(__u64 text_at)
{
	__u64 text[2];

	if (bpf_probe_read_user(text, sizeof(text), (void *)text_at))
		return 0;
	if (text[0] == ALLOWED && text[1] == MEMORY_S)
		return SWT_EVENT_LIMIT;
	if (text[0] == OUT_OF_M && text[1] == EMORY_A)
		return SWT_EVENT_MEMORY;
	return text[0] == ZEND_MM && text[1] == HEAP_COR ? SWT_EVENT_CORRUPT : 0;
}

/* end_is_told - a script may reach its limit at each request, and, where the error is raised later, at each allocation until then.
 * @has_stack  out: the stack is to be taken */
static __always_inline bool end_is_told(
	struct told *told, const struct swt_proc *p, __u32 slot, __u32 type, bool *has_stack)
{
	struct swt_php *php = bpf_map_lookup_elem(&php_procs, &slot);
	__u32 requests = php ? php->requests : 0;
	__u64 now = bpf_ktime_get_ns();
	bool is_same = told->tgid == p->tgid && told->life == p->life && told->type == type;

	if (is_same && told->requests == requests && now - told->time_ns < AGAIN_NS)
		return false;
	*has_stack = !is_same || now - told->stack_ns >= STACK_NS;
	told->time_ns = now;
	told->tgid = p->tgid;
	told->life = p->life;
	told->requests = requests;
	told->type = type;
	if (*has_stack)
		told->stack_ns = now;
	return true;
}

static __always_inline void end_fill(struct swt_event_end *e, const struct swt_proc *p, __u32 type, const __u64 size[2])
{
	e->e.value = 0;
	e->limit_bytes = type == SWT_EVENT_CORRUPT ? 0 : size[0];
	e->asked_bytes = type == SWT_EVENT_CORRUPT ? 0 : size[1];
	e->life = p->life;
	for (int i = 0; i < SWT_LAYER_SLOTS; i++)
		e->epoch[i] = p->epoch[i];
	e->n_frames = 0;
	e->walk = 0;
	e->first_is_ip = 0;
}

/* end_stand - the stack begins with the caller of a function that is entered, or with the place in a function. */
static __always_inline void end_stand(struct thread_state *t, struct pt_regs *ctx, bool is_entry)
{
	struct registers r = { .ip = PT_REGS_IP(ctx), .sp = PT_REGS_SP(ctx), .bp = PT_REGS_FP(ctx), .bx = ctx->bx };

	walk_begin(t, &r, true);
	t->walk.is_entry = is_entry;
}

/* end_send_stack - from where end_stand() has put it. */
static __always_inline void end_send_stack(
	struct thread_state *t, const struct swt_proc *p, __u32 type, const __u64 size[2])
{
	struct swt_event_end_stack *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	__u8 walk;
	__u32 n;

	if (!e) {
		loss_add(SWT_LOSS_EVENT_DROPPED);
		return;
	}
	event_fill(&e->end.e, type, sizeof(*e), t);
	end_fill(&e->end, p, type, size);
	e->end.first_is_ip = !t->walk.is_entry;
	n = walk_all(t, &walk);
	e->end.n_frames = n;
	e->end.walk = walk;
	bpf_probe_read_kernel(e->frame, sizeof(e->frame), t->frame);
	bpf_ringbuf_submit(e, 0);
}

/* event_end - PHP gives up. @known  SWT_END_x */
static __always_inline void event_end(struct thread_state *t, struct pt_regs *ctx, __u64 known)
{
	__u64 size[2] = { PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx) };
	bool is_entry = known == SWT_END_GIVEN;
	__u32 slot = t->proc - 1, type = is_entry ? end_type(PT_REGS_PARM1(ctx)) : SWT_EVENT_CORRUPT;
	struct told *told = bpf_map_lookup_elem(&told_ends, &slot);
	struct swt_proc *p = proc_at(slot);
	struct swt_event_end *e;
	bool has_stack;

	if (!type) {
		type = end_type(PT_REGS_PARM2(ctx));
		size[0] = PT_REGS_PARM3(ctx);
		size[1] = PT_REGS_PARM4(ctx);
	}
	if (!type || !told || !p || !end_is_told(told, p, slot, type, &has_stack))
		return;
	if (has_stack) {
		end_stand(t, ctx, is_entry);
		end_send_stack(t, p, type, size);
		return;
	}
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		loss_add(SWT_LOSS_EVENT_DROPPED);
		return;
	}
	event_fill(&e->e, type, sizeof(*e), t);
	end_fill(e, p, type, size);
	bpf_ringbuf_submit(e, 0);
}

#endif
