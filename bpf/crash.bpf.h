/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* crash.bpf.h - what a fatal signal finds in the dying thread and vanishes with it: registers, the bytes at the instruction,
 * the mappings that an address or a register points to, and glibc's last words.
 *
 * The mappings are read out of the kernel's own tree by hand, without its lock. No helper would do: bpf_find_vma() (5.17) tells
 * of no neighbours, and at this tracepoint, where interrupts are off, it works but once (the lock is given back by deferred
 * work, of which a CPU has one); the iterator (6.7) fails likewise while another thread holds the lock, as one does that is in
 * mmap. What another thread changes meanwhile may be read wrong: nothing is believed that does not fit the address.
 * Oldest kernel: any that the rest runs on. Since 6.1 mappings are in a maple tree, before in a red-black tree. */
#ifndef CRASH_BPF_H
#define CRASH_BPF_H

#define SIGILL	4
#define SIGTRAP 5
#define SIGABRT 6
#define SIGBUS	7
#define SIGFPE	8
#define SIGSEGV 11
#define SIGSTOP 19
#define SIGSYS	31
#define SIG_DFL 0
#define KILLING_SIGNALS \
	(1U << SIGILL | 1U << SIGTRAP | 1U << SIGABRT | 1U << SIGBUS | 1U << SIGFPE | 1U << SIGSEGV | 1U << SIGSYS)

#define MAPLE_SLOTS 16
#define MAPLE_DEPTH 12 /* ten of ten slots each hold as many mappings as there are addresses */
#define RB_DEPTH    48 /* 65,530 mappings (vm.max_map_count): at most 2 * 16 */

/* On the way down to an address. */
struct vma_walk {
	__u64 addr;
	__u64 node; /* kernel address, with the type of the node in it; of a struct rb_node before 6.1; then the mapping, 0 = none */
	__u64 min; /* the addresses that it is for */
	__u64 max;
	__u64 pivot[MAPLE_SLOTS];
	__u64 slot[MAPLE_SLOTS];
};

/* Room for one event. Tracepoints do not interrupt each other on a CPU, and this one runs with interrupts off. */
struct crash_room {
	struct vma_walk walk;
	struct swt_event_signal event;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct crash_room);
} crash_rooms SEC(".maps");

#define VMA_GOES_ON 0
#define VMA_FOUND   1
#define VMA_FAILED  2

/* maple_step - one node further down.  Global functions, here and below: the verifier looks at each once. */
__noinline int maple_step(struct vma_walk *w)
{
	__u64 node, type, next = 0;
	void *pivots, *slots;
	__u32 n = MAPLE_SLOTS;

	/* Kernels before 6.8 look at a global function whether it is called or not: what they do not have must be out of reach. */
	if (!w || !bpf_core_field_exists(struct mm_struct, mm_mt))
		return VMA_FAILED;
	type = w->node >> 3 & 15; /* MAPLE_NODE_TYPE_SHIFT, MAPLE_NODE_TYPE_MASK; a node is aligned to 256 bytes */
	node = w->node & ~255ULL;
	if (type == bpf_core_enum_value(enum maple_type, maple_arange_64)) {
		n = 10;
		pivots = (void *)node + bpf_core_field_offset(struct maple_arange_64, pivot);
		slots = (void *)node + bpf_core_field_offset(struct maple_arange_64, slot);
	} else {
		pivots = (void *)node + bpf_core_field_offset(struct maple_range_64, pivot);
		slots = (void *)node + bpf_core_field_offset(struct maple_range_64, slot);
	}
	if (bpf_probe_read_kernel(w->pivot, n == 10 ? 9 * 8 : 15 * 8, pivots) ||
		bpf_probe_read_kernel(w->slot, n == 10 ? 10 * 8 : 16 * 8, slots))
		return VMA_FAILED;
	for (__u32 i = 0; i < MAPLE_SLOTS && i < n; i++) {
		__u64 last = i + 1 < n ? w->pivot[i] : w->max;

		if (i && !last) /* the slots in use end here */
			last = w->max;
		if (w->addr <= last) {
			next = w->slot[i];
			w->max = last;
			break;
		}
		w->min = last + 1;
	}
	w->node = next;
	if (type == bpf_core_enum_value(enum maple_type, maple_range_64) ||
		type == bpf_core_enum_value(enum maple_type, maple_arange_64))
		return next ? VMA_GOES_ON : VMA_FAILED;
	return next & 3 ? VMA_FAILED : VMA_FOUND; /* no mapping, but a mark of the tree's own */
}

/* rb_step - likewise, before 6.1. */
__noinline int rb_step(struct vma_walk *w)
{
	struct vm_area_struct *vma;
	__u64 start, end;

	if (!w || bpf_core_field_exists(struct mm_struct, mm_mt))
		return VMA_FAILED;
	if (!w->node)
		return VMA_FOUND;
	vma = (void *)w->node - bpf_core_field_offset(struct vm_area_struct, vm_rb);
	start = BPF_CORE_READ(vma, vm_start);
	end = BPF_CORE_READ(vma, vm_end);
	if (w->addr >= start && w->addr < end) {
		w->node = (__u64)vma;
		return VMA_FOUND;
	}
	if (w->addr < start) {
		w->max = start - 1;
		w->node = (__u64)BPF_CORE_READ(vma, vm_rb.rb_left);
	} else {
		w->min = end;
		w->node = (__u64)BPF_CORE_READ(vma, vm_rb.rb_right);
	}
	return VMA_GOES_ON;
}

/* vma_find - the mapping that holds w->addr in w->node; 0: none, and then [w->min, w->max] is the gap around it.
 * Return: 1, or 0: it cannot be told. */
__noinline int vma_find(struct vma_walk *w)
{
	struct mm_struct *mm = BPF_CORE_READ(bpf_get_current_task_btf(), mm);
	int got = VMA_GOES_ON;

	if (!w || !mm || w->addr >= USER_END)
		return 0;
	w->min = 0;
	w->max = USER_END - 1;
	if (bpf_core_field_exists(struct mm_struct, mm_mt)) {
		w->node = (__u64)BPF_CORE_READ(mm, mm_mt.ma_root);
		/* MAPLE_ROOT_NODE: one mapping alone has no node. */
		if ((w->node & 3) != 2 || w->node < 4096)
			return 0;
		w->max = ~0ULL;
		for (int i = 0; i < MAPLE_DEPTH && got == VMA_GOES_ON; i++)
			got = maple_step(w);
		return got == VMA_FOUND;
	}
	w->node = (__u64)BPF_CORE_READ(mm, mm_rb.rb_node);
	for (int i = 0; i < RB_DEPTH && got == VMA_GOES_ON; i++)
		got = rb_step(w);
	return got == VMA_FOUND;
}

/* vma_name - what the mapping is. */
static __always_inline void vma_name(struct swt_vma *to, struct vm_area_struct *vma)
{
	struct mm_struct *mm = BPF_CORE_READ(bpf_get_current_task_btf(), mm);
	struct file *file = BPF_CORE_READ(vma, vm_file);
	__u64 stack = BPF_CORE_READ(mm, start_stack);

	to->is = 0;
	to->name[0] = 0;
	if (file) {
		to->is = SWT_VMA_FILE;
		bpf_probe_read_kernel_str(to->name, sizeof(to->name), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	} else if (to->start <= stack && stack < to->end) {
		to->is = SWT_VMA_STACK;
	} else if (to->start < BPF_CORE_READ(mm, brk) && to->end > BPF_CORE_READ(mm, start_brk)) {
		to->is = SWT_VMA_HEAP;
	} else if (to->start == (__u64)BPF_CORE_READ(mm, context.vdso)) {
		to->is = SWT_VMA_VDSO;
	}
}

/* vma_add - put the mapping at hand into the event, once. */
__noinline int vma_add(struct crash_room *room)
{
	struct vm_area_struct *vma;
	struct swt_vma *to;
	__u64 start, end;
	__u32 n;

	if (!room || !room->walk.node)
		return 0;
	vma = (struct vm_area_struct *)room->walk.node;
	start = BPF_CORE_READ(vma, vm_start);
	end = BPF_CORE_READ(vma, vm_end);
	n = room->event.n_vmas;
	if (room->walk.addr < start || room->walk.addr >= end || n >= SWT_VMAS)
		return 0;
	for (__u32 i = 0; i < SWT_VMAS && i < n; i++)
		if (room->event.vma[i].start == start)
			return 0;
	to = &room->event.vma[n];
	to->start = start;
	to->end = end;
	to->flags = BPF_CORE_READ(vma, vm_flags);
	to->page = BPF_CORE_READ(vma, vm_pgoff);
	to->pad0 = 0;
	vma_name(to, vma);
	room->event.n_vmas = n + 1;
	return 0;
}

/* vma_note - the mapping that holds an address.
 * Return: 1 there is one; 0 there is none, and then the gap is [walk.min, walk.max]; -1 it cannot be told. */
__noinline int vma_note(struct crash_room *room, __u64 addr)
{
	if (!room)
		return -1;
	room->walk.addr = addr;
	if (!vma_find(&room->walk))
		return -1;
	room->event.has_vmas = 1;
	if (!room->walk.node)
		return 0;
	vma_add(room);
	return 1;
}

/* vma_note_around - likewise, and the nearest ones below and above it. Of a gap that two nodes of the tree share only one
 * half is seen at first. */
__noinline int vma_note_around(struct crash_room *room, __u64 addr)
{
	__u64 below, above;
	int got = vma_note(room, addr);

	if (!room || got < 0)
		return 0;
	if (got > 0 && room->event.n_vmas) {
		__u64 vma = room->walk.node;

		below = BPF_CORE_READ((struct vm_area_struct *)vma, vm_start) - 1;
		above = BPF_CORE_READ((struct vm_area_struct *)vma, vm_end);
	} else {
		below = room->walk.min - 1;
		above = room->walk.max + 1;
	}
	if (below < USER_END && !vma_note(room, below))
		vma_note(room, room->walk.min - 1);
	if (above < USER_END && !vma_note(room, above))
		vma_note(room, room->walk.max + 1);
	return 0;
}

/* crash_registers - as the kernel saved them when the thread entered it. */
static __always_inline void crash_registers(struct swt_event_signal *e, const struct pt_regs *regs)
{
	struct pt_regs r = {};

	bpf_probe_read_kernel(&r, sizeof(r), regs);
	e->reg[0] = r.ax;
	e->reg[1] = r.cx;
	e->reg[2] = r.dx;
	e->reg[3] = r.bx;
	e->reg[4] = r.sp;
	e->reg[5] = r.bp;
	e->reg[6] = r.si;
	e->reg[7] = r.di;
	e->reg[8] = r.r8;
	e->reg[9] = r.r9;
	e->reg[10] = r.r10;
	e->reg[11] = r.r11;
	e->reg[12] = r.r12;
	e->reg[13] = r.r13;
	e->reg[14] = r.r14;
	e->reg[15] = r.r15;
	e->reg[16] = r.ip;
	e->reg[17] = r.flags;
}

/* crash_code - the bytes at the instruction, as far as they are there: the next page may not be. */
static __always_inline void crash_code(struct swt_event_signal *e)
{
	__u64 ip = e->reg[SWT_REG_IP], in_page = PAGE_BYTES - (ip & (PAGE_BYTES - 1));

	e->n_bytes = SWT_CODE_BYTES;
	if (!bpf_probe_read_user(e->bytes, SWT_CODE_BYTES, (void *)ip))
		return;
	e->n_bytes = 0;
	if (in_page < SWT_CODE_BYTES && !bpf_probe_read_user(e->bytes, in_page & (SWT_CODE_BYTES - 1), (void *)ip))
		e->n_bytes = in_page;
}

/* crash_abort - glibc keeps a copy of the message with which it aborts, for core dumps: struct abort_msg_s of
 * include/stdlib.h, its size and then the text. */
static __always_inline void crash_abort(struct swt_event_signal *e, const struct swt_proc *p)
{
	__u64 at = 0;

	if (!p || !p->abort_at || bpf_probe_read_user(&at, sizeof(at), (void *)p->abort_at) || !at ||
		bpf_probe_read_user_str(e->abort, sizeof(e->abort), (void *)(at + sizeof(__u32))) < 0)
		e->abort[0] = 0;
}

/* crash_mappings - of all that may be of interest, the most interesting first. */
__noinline int crash_mappings(struct crash_room *room)
{
	if (!room)
		return 0;
	room->event.n_vmas = 0;
	room->event.has_vmas = 0;
	if (room->event.fault_addr)
		vma_note_around(room, room->event.fault_addr);
	else if (room->event.trap == 14)
		vma_note_around(room, room->event.cr2);
	vma_note_around(room, room->event.reg[SWT_REG_SP]);
	vma_note(room, room->event.reg[SWT_REG_IP]);
	for (int i = 0; i < SWT_REG_IP; i++)
		if (room->event.reg[i] >= PAGE_BYTES)
			vma_note(room, room->event.reg[i]);
	return 0;
}

/* crash_fill - all but the stack and who it was; e->fault_addr is there. */
static __always_inline void crash_fill(struct crash_room *room, int sig, const struct swt_proc *p)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct swt_event_signal *e = &room->event;

	crash_registers(e, (struct pt_regs *)bpf_task_pt_regs(task));
	e->trap = BPF_CORE_READ(task, thread.trap_nr);
	e->error_code = BPF_CORE_READ(task, thread.error_code);
	e->cr2 = BPF_CORE_READ(task, thread.cr2);
	e->n_words = bpf_probe_read_user(e->word, sizeof(e->word), (void *)e->reg[SWT_REG_SP]) ? 0 : SWT_STACK_WORDS;
	e->abort[0] = 0;
	crash_code(e);
	if (sig == SIGABRT)
		crash_abort(e, p);
	crash_mappings(room);
}

#endif
