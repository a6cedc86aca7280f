/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* events.bpf.h - what happens to traced processes: exec, exit, fork, new libraries, fatal signals. */
#ifndef EVENTS_BPF_H
#define EVENTS_BPF_H

/* process_stop - stop the current process if it was started to be stopped here.  Return: 1 if so. */
static __always_inline __u32 process_stop(const struct thread_state *t, __u32 flag)
{
	struct swt_proc *p = proc_at(t->proc - 1);

	return p && p->flags & flag && !bpf_send_signal(SIGSTOP);
}

/* Words of struct r_debug: <link.h>; the last one, a list of further namespaces, is there from version 2 on. */
#define R_VERSION     0
#define R_STATE	      3
#define R_NEXT	      5
#define R_WORDS	      6
#define RT_CONSISTENT 0

/* dl_is_unchanged - the loader speaks up also when it was asked for a library that is there already. It has changed its list only
 * if it said before that it would; in which namespace, where there are several, it does not say. */
static __always_inline bool dl_is_unchanged(struct swt_proc *p)
{
	__u64 word[R_WORDS];
	bool is_open, was_open = p->dl_open;

	if (!p->r_debug || bpf_probe_read_user(word, sizeof(word), (void *)p->r_debug))
		return false;
	is_open = (__u32)word[R_STATE] != RT_CONSISTENT;
	p->dl_open = is_open;
	return !is_open && !was_open && ((__u32)word[R_VERSION] < 2 || !word[R_NEXT]);
}

/* event_dl - the loader has changed, or is about to change, its list of libraries. */
static __always_inline void event_dl(const struct thread_state *t)
{
	struct swt_proc *p = proc_at(t->proc - 1);

	if (p && dl_is_unchanged(p))
		return;
	if (p)
		__sync_fetch_and_add(&p->dl_changes, 1);
	event_send(t, SWT_EVENT_DL, process_stop(t, SWT_PROC_STOP_AT_DL));
}

/* event_exec - a new program: what the old one had allocated is gone with its memory. The thread that executes it takes
 * over the process's pid; if it was another thread before (old_pid), the probes' links still mean the first one. */
static __always_inline void event_exec(__u32 old_pid)
{
	struct thread_state *t = thread_get();
	struct swt_proc *p;

	if (selection.is_system)
		t = system_exec(t);
	if (!t)
		return;
	p = proc_at(t->proc - 1);
	if (!p)
		return;
	proc_renew(p, t->proc - 1, task_tgid(bpf_get_current_task_btf()));
	t->call.sp = 0;
	t->aside.sp = 0;
	t->call.recorded = 0;
	t->tid = task_tid(bpf_get_current_task_btf());
	event_send(t, SWT_EVENT_EXEC,
		process_stop(t, SWT_PROC_STOP_AT_EXEC) |
			(old_pid != (__u32)bpf_get_current_pid_tgid() ? SWT_EXEC_BY_THREAD : 0));
}

/* event_exit - the last thread ends. The pid may be used again from now on, so it is forgotten here; blocks and
 * counters stay until user space has read them. Of threads that end at the same time several see that none is left: the one
 * that forgets the pid tells. */
static __always_inline void event_exit(struct task_struct *task)
{
	struct thread_state *t = thread_get();
	__u32 pid, status;

	if (!t || BPF_CORE_READ(task, signal, live.counter) > 0)
		return;
	pid = task_tgid(task);
	if (bpf_map_delete_elem(&proc_of_pid, &pid))
		return;
	status = BPF_CORE_READ(task, signal, group_exit_code);
	if (!status)
		status = BPF_CORE_READ(task, exit_code);
	event_send_exit(t, task, status);
}

static __always_inline void event_fork(struct task_struct *child)
{
	struct thread_state *t = thread_get();
	__u32 pid;

	if (!t || BPF_CORE_READ(child, pid) != BPF_CORE_READ(child, tgid))
		return; /* a thread, not a process */
	pid = pid_number((__u64)BPF_CORE_READ(child, thread_pid));
	if (pid)
		proc_inherit(
			t->proc - 1, pid, BPF_CORE_READ(child, mm) != BPF_CORE_READ(bpf_get_current_task_btf(), mm));
	event_send(t, SWT_EVENT_FORK, pid);
}

/* own_tgid - the current process's number in its own PID namespace, which si_pid is of when it has sent the signal itself. */
static __always_inline __u32 own_tgid(void)
{
	struct pid *pid = BPF_CORE_READ(bpf_get_current_task_btf(), group_leader, thread_pid);
	struct upid upid = {};

	bpf_probe_read_kernel(&upid, sizeof(upid),
		(void *)pid + bpf_core_field_offset(struct pid, numbers) + BPF_CORE_READ(pid, level) * sizeof(upid));
	return upid.nr;
}

/* event_stack - the stack from the registers in the event; of a process that is not in the table the first frame alone. */
static __always_inline void event_stack(struct swt_event_signal *e, struct thread_state *t)
{
	struct registers r = { .ip = e->ip, .sp = e->sp, .bp = e->reg[5], .bx = e->reg[3] };
	__u8 walk = SWT_WALK_NO_MAPPING;

	e->n_frames = 1;
	e->frame[0] = e->ip;
	if (t) {
		walk_begin(t, &r, true);
		e->n_frames = walk_all(t, &walk);
		bpf_probe_read_kernel(e->frame, sizeof(e->frame), t->frame);
	}
	e->walk = walk;
}

/* event_is_fatal - does this signal end the process? Only those that do by default, and only where no handler is installed. */
static __always_inline bool event_is_fatal(int sig, struct k_sigaction *ka)
{
	return sig >= 0 && sig <= 31 && 1U << sig & KILLING_SIGNALS &&
	       BPF_CORE_READ(ka, sa.sa_handler) == (void *)SIG_DFL;
}

/* event_signal - a fatal signal is being delivered to the current thread. */
static __always_inline void event_signal(int sig, struct kernel_siginfo *info)
{
	struct thread_state *t = thread_get();
	struct swt_event_signal *e;
	struct crash_room *room;
	__u32 zero = 0;

	/* In system-wide mode also of a process for which the table had no room. */
	if (!t && (!selection.is_system || !is_admitting || !is_selected(bpf_get_current_task_btf())))
		return;
	room = bpf_map_lookup_elem(&crash_rooms, &zero);
	if (!room)
		return;
	e = &room->event;
	event_fill_of(&e->e, SWT_EVENT_SIGNAL, sizeof(*e), t ? t->proc - 1 : SWT_MAX_PROCS);
	e->e.value = 0;
	e->signal = sig;
	e->code = BPF_CORE_READ(info, si_code);
	e->fault_addr = 0;
	e->sender_pid = 0;
	e->syscall = 0;
	if (e->code > 0)
		e->fault_addr = (__u64)BPF_CORE_READ(info, _sifields._sigfault._addr);
	else
		e->sender_pid = BPF_CORE_READ(info, _sifields._kill._pid);
	if (e->sender_pid && e->sender_pid == (__s32)own_tgid())
		e->sender_pid = e->e.tgid;
	if (sig == SIGSYS)
		e->syscall = BPF_CORE_READ(info, _sifields._sigsys._syscall);
	crash_fill(room, sig, t ? proc_at(t->proc - 1) : 0);
	e->ip = e->reg[SWT_REG_IP];
	e->sp = e->reg[SWT_REG_SP];
	event_stack(e, t);
	calls_tell(t, &e->last);
	if (bpf_ringbuf_output(&events, e, sizeof(*e), 0))
		loss_add(SWT_LOSS_EVENT_DROPPED);
}

#endif
