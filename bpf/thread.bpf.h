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
	__u64 out_ptr;	 /* where the result will be stored (SWT_OP_ALLOC_OUT) */
	__u64 return_to; /* SWT_OP_NEW: the return address; 0 = the return is probed, and another address is there */
	struct swt_block old;  /* the one that realloc and mremap replace, booked as gone; addr 0 = none, or unknown */
	__u64 foretold;	       /* the block that the Zend heap was expected to return; 0 = none was */
	__u64 recorded;	       /* the last one that was recorded on that alone, while it lives */
	__u32 has_unknown_old; /* it was none that is known */
};

/* A call of SWT_OP_NEW that makes an exception: most likely it is over. If it goes on after all (a new handler has thrown and
 * caught it), it is pending again when it returns. */
struct aside {
	__u64 sp; /* as in struct call; 0 = none */
	__u64 cookie;
	__u64 size_bytes;
	__u64 return_to;
};

/* The last call of a free function, if nothing was allocated since. Its return is not probed. */
struct freed {
	__u64 addr;	 /* of the block; 0 = none */
	__u64 sp;	 /* where its return address is */
	__u64 ip;	 /* in the function */
	__u64 return_to; /* the return address */
};

/* The copy of memory that walks and the stack cache look into, in words: two registers, EG(current_execute_data), the number
 * of the request that PHP serves, single words from anywhere, the top of the stack, two parts of the stack further up (behind
 * very large frames: php_execute_script's has 9 KiB, that of PHP's main function 5), the top of PHP's stack (which grows
 * upwards, so that the copy ends at the innermost frame). */
#define COPY_WORDS	     1024
#define COPY_BP		     0
#define COPY_BX		     1
#define COPY_CURRENT	     2
#define COPY_REQUEST	     3
#define COPY_SINGLE	     4
#define COPY_SINGLES	     12
#define COPY_STACK	     16
#define COPY_STACK_WORDS     448
#define COPY_FAR	     464
#define COPY_FAR_WORDS	     96
#define COPY_FARS	     2
#define COPY_PHP_WORDS	     368
#define COPY_NOWHERE	     0xffff /* outside */
#define COPY_NOTED	     0xfffe /* noted already, or a constant */
#define COPY_PHP_SHORT_BYTES 1024
#define COPY_PHP_PIECES	     3 /* of that size: all of COPY_PHP_WORDS */

#define SAVED_BYTES 128 /* what a row can name lies in [CFA - 128, CFA) */

#define PAGE_BYTES 4096ULL

/* Words that a walk may depend on and still be cached. */
#define MAX_NOTES     128
#define NOTES_AT_ONCE 8

/* The registers on which unwind rows are based. */
struct registers {
	__u64 ip;
	__u64 sp;
	__u64 bp;
	__u64 bx;
};

/* A stack walk under way: the registers of the frame that it has reached. */
struct walk {
	__u64 pc;
	__u64 sp;
	__u64 bp;
	__u64 bx;
	__u32 is_exact;	  /* pc is where the thread is, not a return address */
	__u32 is_entry;	  /* and that is in an allocator function, which is no part of the stack */
	__u32 first_span; /* the process's spans */
	__u32 n_spans;
	__u32 generation;   /* of the spans */
	__u32 span;	    /* that of the frame before: most often it is also this one's */
	__u64 files;	    /* hash of the files that its native frames are in */
	__u64 trampoline;   /* see trampoline() */
	__u64 instances;    /* kernel address of the pending return probes not met yet */
	__u64 window_at;    /* user address of the words at copy[COPY_STACK]: one read instead of one a frame */
	__u64 window_bytes; /* 0 = nothing is there */
	/* For the stack cache; see cache.bpf.h. */
	__u64 start_sp;
	__u64 php_top; /* user address of the end of the copy of PHP's stack */
	__u64 cache_key;
	__u32 copied_php_bytes;
	__u64 bp_at; /* where bp was read */
	__u64 bx_at;
	__u32 bp_place; /* of that word in the copy */
	__u32 bx_place;
	__u32 is_uncachable;
	__u32 is_unsettled; /* the process's libraries are changing */
	__u32 met_unknown;  /* it ended in code that is in no span, or met PHP frames whose layout is not checked yet */
	__u32 n_notes;
	__u32 notes_stack_bytes;     /* how much of the stack must be copied for them */
	__u32 notes_php_bytes;	     /* likewise of PHP's, down from its top */
	__u32 wants_long_php;	     /* that part is worth copying in this thread */
	__u32 far_offset[COPY_FARS]; /* from start_sp, of the copies from COPY_FAR on; 0 = there is none */
	__u32 notes_far[COPY_FARS];  /* of the words noted in there; 0 = none */
	__u64 single[COPY_SINGLES];  /* user addresses of the words noted one by one */
	__u32 n_singles;
	__u32 next_way;
	__u16 note_at[MAX_NOTES]; /* place in copy */
	__u64 note_word[MAX_NOTES];
	__u64 copy[COPY_WORDS];
	__u64 above_copy[COPY_PHP_SHORT_BYTES / 8]; /* what lies above PHP's innermost frame: of no interest */
};

/* What is read of one PHP frame. The places are those of PHP 7.4 to 8.5 (target/php.c); the rest of function is read at
 * the version's own offsets. */
#define EXECUTE_DATA_BYTES 56
#define EX_OPLINE	   0 /* words of zend_execute_data */
#define EX_FUNC		   3
#define EX_TYPE_INFO	   5
#define EX_PREV		   6

/* The head of a zend_string, and where it is. */
struct php_string {
	__u64 at; /* 0 = none */
	__u64 gc; /* its upper half: type and flags */
	__u64 hash;
	__u64 length;
};

struct php_walk {
	__u64 execute_data; /* the frame to read next; 0 = none */
	__u32 is_started;
	__u32 n;	   /* frames written to thread_state.frame, native ones included */
	struct swt_php at; /* of this process */
	__u64 data[EXECUTE_DATA_BYTES / 8];
	__u64 function[SWT_PHP_FUNCTION_BYTES / 8];
	struct php_string name;
	struct php_string class_name;
	struct php_string file;
	__u64 opline_line;   /* word of the opline that its line is in */
	__u64 class_of;	     /* the class that class_name is that of */
	__u32 is_of_request; /* some of its code is compiled anew for each request */
	struct swt_php_frame frame;
};

struct thread_state {
	__u32 generation; /* registry_generation at which proc was looked up; 0 = never */
	__u32 proc;	  /* slot in the process table + 1; 0 = not traced */
	__u32 window;	  /* window_state when it was last here */
	__u32 tid;
	struct call call;
	struct registers at;	/* where the stack of a new block begins */
	struct swt_block block; /* the block at hand: here, since the programs' own stack is short */
	struct freed freed;
	struct aside aside;
	__u32 n_calls; /* of last_call; see freed.bpf.h */
	__u32 pad0;
	struct swt_call last_call[SWT_LAST_CALLS];
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

/* pid_number - the number of a struct pid in swtrace's own PID namespace, or 0 when it is not visible there.
 * A function of its own, which takes the address as a number: each program asks in several places, and the verifier walks
 * through the loop once instead of once for each of them and each state that they are in. */
__noinline __u32 pid_number(__u64 address)
{
	struct pid *pid = (struct pid *)address;
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
	return pid_number((__u64)BPF_CORE_READ(task, group_leader, thread_pid));
}

static __always_inline __u32 task_tid(struct task_struct *task)
{
	return pid_number((__u64)BPF_CORE_READ(task, thread_pid));
}

/* thread_proc - slot + 1 of the process that a task belongs to; 0 = it is not traced. */
static __always_inline __u32 thread_proc(struct task_struct *task)
{
	__u32 pid = task_tgid(task), *slot;

	slot = pid ? bpf_map_lookup_elem(&proc_of_pid, &pid) : 0;
	return slot ? *slot + 1 : 0;
}

/* thread_enter_window - since this thread was last here a window was opened or closed, and there were times without probes:
 * whether its pending call has returned, and which block was freed last, is not known any more. */
static __always_inline void thread_enter_window(struct thread_state *t, __u32 now)
{
	if (t->call.sp)
		__sync_fetch_and_add(&window_cut, 1);
	t->call.sp = 0;
	t->call.recorded = 0;
	t->aside.sp = 0;
	t->freed.addr = 0;
	t->window = now;
}

/* thread_is_recorded - are allocations recorded now? In windowed mode not while probes are placed or removed: a block whose
 * free may go unseen is not to be known. */
static __always_inline bool thread_is_recorded(const struct thread_state *t)
{
	return !cfg.is_windowed || t->window & 1;
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
		t->tid = task_tid(task);
		t->generation = generation;
	}
	if (cfg.is_windowed) {
		__u32 now = window_state;

		if (t->window != now)
			thread_enter_window(t, now);
	}
	return t->proc ? t : 0;
}

/* In system-wide mode: threads of processes that are not traced. */
struct bystander {
	__u32 generation; /* registry_generation at which that was found out; 0 = never */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct bystander);
} bystanders SEC(".maps");

/* Their calls of probed functions. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} bystander_calls SEC(".maps");

/* thread_of_many - thread_get() in system-wide mode, where most calls may be by processes that are not traced: that is
 * remembered by thread, for it takes long to find out. A function of its own: the stack of its caller is short. */
static __noinline struct thread_state *thread_of_many(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 generation = registry_generation, zero = 0;
	struct thread_state *t;
	struct bystander *b;
	__u64 *n;

	t = bpf_task_storage_get(&threads, task, 0, 0);
	if (t && t->generation == generation && t->proc)
		return t;
	b = bpf_task_storage_get(&bystanders, task, 0, 0);
	t = b && b->generation == generation ? 0 : thread_get();
	if (t)
		return t;
	if (!b)
		b = bpf_task_storage_get(&bystanders, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (b)
		b->generation = generation;
	n = bpf_map_lookup_elem(&bystander_calls, &zero);
	if (n)
		(*n)++;
	return 0;
}

/* thread_calling - thread_get() for a call of a probed function. */
static __always_inline struct thread_state *thread_calling(void)
{
	return selection.is_system ? thread_of_many() : thread_get();
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

/* php_current - the address of EG(current_execute_data) of this thread; 0 = it has none.
 * The kernel's copy of the thread's fs base is right for threads of libcs, which set it by arch_prctl(2) and clone(2); one
 * that is written by the instruction wrfsbase is seen after the next switch of threads. */
static __always_inline __u64 php_current(const struct swt_php *php)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 block = 0, globals = 0;
	__s64 tls = php->tls;

	if (!(php->flags & SWT_PHP_THREADED) || !php->current)
		return php->current;
	if (php->flags & SWT_PHP_TLS_SLOT && bpf_probe_read_user(&tls, sizeof(tls), (void *)php->tls))
		return 0;
	/* On x86-64 thread-local storage lies below the fs base. The words are 0 until libc, or PHP, has started. */
	if (tls >= 0 ||
		bpf_probe_read_user(&block, sizeof(block), (void *)(BPF_CORE_READ(task, thread.fsbase) + tls)) ||
		bpf_probe_read_user(&globals, sizeof(globals), (void *)php->globals_at) || !block || !globals)
		return 0;
	return block + globals + php->current;
}

/* proc_at - the process in a slot, or NULL. */
static __always_inline struct swt_proc *proc_at(__u32 slot)
{
	return bpf_map_lookup_elem(&procs, &slot);
}

#endif
