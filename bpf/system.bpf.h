/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* system.bpf.h - system-wide mode: which processes there are, and those that come to be.
 *
 * Probes are in place in every process that maps a probed file. A process is recorded from its first instruction on when
 * it is made, or executes a program, while it is selected: it has a slot of the process table by then. User space is told,
 * and makes its mappings known. */
#ifndef SYSTEM_BPF_H
#define SYSTEM_BPF_H

/* Set by user space once processes that come to be are to be traced. */
__u32 is_admitting = 0;

/* system_admit - take a slot for the current process.  Return: 1, or 0 (counted). */
static __always_inline int system_admit(__u32 pid)
{
	__u32 slot = proc_claim(pid);
	struct swt_proc *p = proc_at(slot);

	if (!p) {
		loss_add(SWT_LOSS_PROCS_FULL);
		return 0;
	}
	proc_clear(p);
	p->tgid = pid;
	__sync_lock_test_and_set(&p->flags, SWT_PROC_USED | SWT_PROC_ADMITTED);
	if (bpf_map_update_elem(&proc_of_pid, &pid, &slot, BPF_NOEXIST)) {
		p->flags = 0; /* user space was faster */
		return 0;
	}
	__sync_fetch_and_add(&registry_generation, 1);
	return 1;
}

/* system_exec - the current process executes a program: it may be selected now, or be so no more.
 * @t  its state if it is traced, else NULL
 * Return: its state if it is traced now, else NULL. */
static __always_inline struct thread_state *system_exec(struct thread_state *t)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct swt_proc *p = t ? proc_at(t->proc - 1) : 0;
	__u32 pid = task_tgid(task);

	if (!pid)
		return t;
	/* A child made by vfork was booked under its parent, whose memory it used; also while tracing begins. */
	if (p && p->tgid != pid) {
		bpf_map_delete_elem(&proc_of_pid, &pid);
		t->proc = 0;
		t = 0;
	}
	if (!is_admitting)
		return t;
	if (is_selected(task))
		return t ? t : system_admit(pid) ? thread_get() : 0;
	if (t) {
		event_send(t, SWT_EVENT_EXEC, SWT_EXEC_LEFT);
		bpf_map_delete_elem(&proc_of_pid, &pid);
		t->proc = 0;
	}
	return 0;
}

/* system_list - write the pids of all processes that are selected, 4 bytes each. */
static __always_inline void system_list(struct seq_file *seq, struct task_struct *task)
{
	__u32 pid;

	if (BPF_CORE_READ(task, pid) != BPF_CORE_READ(task, tgid) || !is_selected(task))
		return;
	pid = task_tgid(task);
	if (pid)
		bpf_seq_write(seq, &pid, sizeof(pid));
}

#endif
