/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* thread.bpf.h - who runs: the state of the current thread, and the process it belongs to.
 * The state lives in task storage: private to the thread, so that no scratch memory is shared although uprobe programs
 * are preemptible, and freed by the kernel when the thread ends. */
#ifndef THREAD_BPF_H
#define THREAD_BPF_H

/* A call of a probed function that has not returned yet: the outermost one of this thread. */
struct call {
	__u64 sp; /* stack pointer at entry, where the return address is; 0 = no call */
	__u64 cookie;
	__u64 size_bytes;
	__u64 out_ptr;	      /* where the result will be stored (SWT_OP_ALLOC_OUT) */
	struct swt_block old; /* the block that realloc and mremap replace; addr 0 = none, or unknown */
};

#define WINDOW_WORDS 128

/* A stack walk under way: the registers of the frame that it has reached. */
struct walk {
	__u64 pc;
	__u64 sp;
	__u64 bp;
	__u64 bx;
	__u32 is_exact;	  /* pc is where the thread is, not a return address */
	__u32 first_span; /* the process's spans */
	__u32 n_spans;
	__u32 span;		    /* that of the frame before: most often it is also this one's */
	__u64 trampoline;	    /* see trampoline() */
	__u64 instances;	    /* kernel address of the pending return probes not met yet */
	__u64 window_at;	    /* user address of window[0] */
	__u64 window_bytes;	    /* 0 = nothing is in the window */
	__u64 window[WINDOW_WORDS]; /* a copy of a part of the stack: one read instead of one a frame */
};

/* What is read of one PHP frame. The places are those of PHP 7.4 to 8.5 (target/php.c); the rest of function is read at
 * the version's own offsets. */
#define EXECUTE_DATA_BYTES 56
#define FUNCTION_BYTES	   184

struct php_walk {
	__u64 execute_data; /* the frame to read next; 0 = none */
	__u32 is_started;
	__u32 n;	   /* frames written to thread_state.frame, native ones included */
	struct swt_php at; /* of this process */
	__u64 data[EXECUTE_DATA_BYTES / 8];
	__u64 function[FUNCTION_BYTES / 8];
	struct swt_php_frame frame;
};

struct thread_state {
	__u32 generation; /* registry_generation at which proc was looked up; 0 = never */
	__u32 proc;	  /* slot in the process table + 1; 0 = not traced */
	struct call call;
	struct walk walk;
	struct php_walk php;
	__u64 frame[SWT_MAX_FRAMES]; /* what the walk found */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
} threads SEC(".maps");

#define PIDNS_LEVELS 33 /* the initial PID namespace and 32 nested ones: MAX_PID_NS_LEVEL of the kernel */

/* pid_number - the number of a pid in swtrace's own PID namespace, or 0 when it is not visible there. */
static __always_inline __u32 pid_number(struct pid *pid)
{
	struct upid upid = {};
	__u32 level;

	if (!pid)
		return 0;
	level = BPF_CORE_READ(pid, level);
	/* numbers[] has one element a level; a variable index is no CO-RE access, so the address is computed. */
	for (__u32 i = 0; i < PIDNS_LEVELS && i <= level; i++) {
		bpf_probe_read_kernel(&upid, sizeof(upid),
			(void *)pid + bpf_core_field_offset(struct pid, numbers) + i * sizeof(upid));
		if (upid.ns && BPF_CORE_READ(upid.ns, ns.inum) == cfg.pidns_inum)
			return upid.nr;
	}
	return 0;
}

static __always_inline __u32 task_tgid(struct task_struct *task)
{
	return pid_number(BPF_CORE_READ(task, group_leader, thread_pid));
}

static __always_inline __u32 task_tid(struct task_struct *task)
{
	return pid_number(BPF_CORE_READ(task, thread_pid));
}

/* thread_proc - slot + 1 of the process that a task belongs to; 0 = it is not traced. */
static __always_inline __u32 thread_proc(struct task_struct *task)
{
	__u32 pid = task_tgid(task), *slot;

	slot = pid ? bpf_map_lookup_elem(&proc_of_pid, &pid) : 0;
	return slot ? *slot + 1 : 0;
}

/* thread_get - state of the current thread, if its process is traced; else NULL.
 * Threads of other processes (tracepoints see all) are given no state. */
static __always_inline struct thread_state *thread_get(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct thread_state *t = bpf_task_storage_get(&threads, task, 0, 0);
	__u32 generation = registry_generation;

	if (!t) {
		if (!thread_proc(task))
			return 0;
		t = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (!t) {
			loss_add(SWT_LOSS_NO_STATE);
			return 0;
		}
	}
	if (t->generation != generation) {
		t->proc = thread_proc(task);
		t->generation = generation;
	}
	return t->proc ? t : 0;
}

/* trampoline - the address that stands in place of the return address of a call whose return is probed; 0 = the
 * process has none yet, or the kernel keeps it elsewhere. */
static __always_inline __u64 trampoline(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (!bpf_core_field_exists(struct mm_struct, uprobes_state.xol_area) ||
		!bpf_core_field_exists(struct xol_area, vaddr))
		return 0;
	return BPF_CORE_READ(task, mm, uprobes_state.xol_area, vaddr);
}

/* proc_at - the process in a slot, or NULL. */
static __always_inline struct swt_proc *proc_at(__u32 slot)
{
	return bpf_map_lookup_elem(&procs, &slot);
}

#endif
