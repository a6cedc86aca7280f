/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* send.bpf.h - put an event about the current thread into the ring. */
#ifndef SEND_BPF_H
#define SEND_BPF_H

/* event_fill_of - @proc  slot in the process table; SWT_MAX_PROCS: it is not in it */
static __always_inline void event_fill_of(struct swt_event *e, __u32 type, __u32 size_bytes, __u32 proc)
{
	struct task_struct *task = bpf_get_current_task_btf();

	e->type = type;
	e->size_bytes = size_bytes;
	e->time_ns = bpf_ktime_get_ns();
	e->tgid = task_tgid(task);
	e->tid = task_tid(task);
	e->proc = proc;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
}

static __always_inline void event_fill(struct swt_event *e, __u32 type, __u32 size_bytes, const struct thread_state *t)
{
	event_fill_of(e, type, size_bytes, t->proc - 1);
}

static __always_inline void event_send(const struct thread_state *t, __u32 type, __u32 value)
{
	struct swt_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		loss_add(SWT_LOSS_EVENT_DROPPED);
		return;
	}
	event_fill(e, type, sizeof(*e), t);
	e->value = value;
	bpf_ringbuf_submit(e, 0);
}

#define ASK_NS 250000000ULL /* at most four times a second and process */

/* event_ask - the stack walk has met code that user space has not told of: it should look at the mappings again. */
static __always_inline void event_ask(const struct thread_state *t, struct swt_proc *p)
{
	__u64 now = bpf_ktime_get_ns();

	if (now - p->asked_ns < ASK_NS)
		return;
	p->asked_ns = now;
	event_send(t, SWT_EVENT_CODE, 0);
}

#endif
