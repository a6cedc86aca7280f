/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ends.bpf.h - how traced processes end, and who ends them.
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

#endif
