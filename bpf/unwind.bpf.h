/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* unwind.bpf.h - walk the native stack of the current thread by unwind rows (swtrace/abi.h).
 *
 * From a frame's pc: span (mapping) -> page (64 KiB of the file) -> row -> CFA -> return address, and the caller's rbp and
 * rbx, the only other registers that rows are based on. One copy of a part of the stack serves many frames. A return
 * address that a return probe has replaced is looked up in the kernel's list of pending probes.
 *
 * The steps are global functions, which the verifier looks at once, and every table is read by an index through
 * bpf_map_lookup_elem: pointer arithmetic inside a map value, or inlining, costs it a million instructions. */
#ifndef UNWIND_BPF_H
#define UNWIND_BPF_H

/* Places of registers in the ucontext that a signal handler returns to: struct ucontext_t of <sys/ucontext.h>. */
#define UCONTEXT_RBP 120
#define UCONTEXT_RBX 128
#define UCONTEXT_RSP 160
#define UCONTEXT_RIP 168

#define PENDING_MAX 16 /* replaced return addresses that one stack may hold: more is an unfinished stack */

/* Never used: the inner map's definition alone would leave its value type without a size in the BTF. */
struct swt_row row_in_btf = {};

struct row_chunk {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_CHUNK_ROWS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct swt_row);
};

/* User space adds chunks as files need them, and fills them through mmap before a page names them. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, SWT_MAX_CHUNKS);
	__type(key, __u32);
	__array(values, struct row_chunk);
} row_chunks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_MAX_PAGES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct swt_page);
} pages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_MAX_SPANS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct swt_span);
} spans SEC(".maps");

/* find_span - the last of n spans from first on that starts at or before addr; first when none does. */
__noinline int find_span(__u32 first, __u32 n, __u64 addr)
{
	__u32 at = first;

#pragma unroll
	for (int shift = SWT_SPANS_SHIFT - 1; shift >= 0; shift--) {
		__u32 next = at + (1U << shift);
		struct swt_span *s;

		if (next >= first + n)
			continue;
		s = bpf_map_lookup_elem(&spans, &next);
		if (s && s->start <= addr)
			at = next;
	}
	return at;
}

/* find_rule - rule of the last of n rows from first on that starts at or before vaddr. */
__noinline __u64 find_rule(__u32 chunk, __u32 first, __u32 n, __u32 vaddr)
{
	void *rows = bpf_map_lookup_elem(&row_chunks, &chunk);
	__u32 at = first;
	struct swt_row *r;

	if (!rows)
		return SWT_ROW_NONE;
#pragma unroll
	for (int shift = SWT_PAGE_ROWS_SHIFT - 1; shift >= 0; shift--) {
		__u32 next = at + (1U << shift);

		if (next >= first + n)
			continue;
		r = bpf_map_lookup_elem(rows, &next);
		if (r && r->vaddr <= vaddr)
			at = next;
	}
	r = bpf_map_lookup_elem(rows, &at);
	return r && r->vaddr <= vaddr ? r->rule : SWT_ROW_NONE;
}

/* walk_rule - the rule of the frame that w has reached.  Return: it, or -SWT_WALK_x. */
static __always_inline long walk_rule(struct walk *w)
{
	__u64 addr = w->is_exact ? w->pc : w->pc - 1, vaddr;
	__u32 span = w->span, page; /* keys on the stack: before 6.3 w itself may not be read by a lookup */
	struct swt_span *s = bpf_map_lookup_elem(&spans, &span);
	struct swt_page *p;

	if (!w->n_spans)
		return -SWT_WALK_NO_MAPPING;
	if (!s || addr < s->start || addr >= s->end) {
		span = find_span(w->first_span, w->n_spans, addr);
		w->span = span;
		s = bpf_map_lookup_elem(&spans, &span);
		if (!s || addr < s->start || addr >= s->end)
			return -SWT_WALK_NO_MAPPING;
	}
	w->files = (w->files + s->file) * 0x9e3779b97f4a7c15ULL;
	if (s->is_jit)
		return -SWT_WALK_JIT;
	vaddr = addr - s->bias;
	if (vaddr >> SWT_PAGE_SHIFT >= s->n_pages)
		return -SWT_WALK_NO_ROW;
	page = s->page + (__u32)(vaddr >> SWT_PAGE_SHIFT);
	p = bpf_map_lookup_elem(&pages, &page);
	if (!p)
		return -SWT_WALK_NO_ROW;
	return find_rule(p->chunk, p->first, p->n, vaddr);
}

/* window_fill - copy the stack from what a frame with this CFA may have saved upwards. */
static __always_inline void window_fill(struct walk *w, __u64 cfa)
{
	w->window_at = cfa - SAVED_BYTES;
	w->window_bytes = 4 * COPY_STACK_WORDS;
	if (!bpf_probe_read_user(&w->copy[COPY_STACK], 4 * COPY_STACK_WORDS, (void *)w->window_at))
		return;
	/* The copy is all or nothing; near an end of the stack a shorter one may do. */
	w->window_bytes = SAVED_BYTES;
	if (bpf_probe_read_user(&w->copy[COPY_STACK], SAVED_BYTES, (void *)w->window_at))
		w->window_bytes = 0;
}

/* walk_word - the word at addr of the stack. Return: 0, or -1: it cannot be read. */
static __always_inline int walk_word(struct walk *w, __u64 addr, __u64 *word)
{
	__u64 offset = addr - w->window_at;

	if (offset < w->window_bytes) {
		*word = w->copy[COPY_STACK + (offset / sizeof(__u64) & (COPY_WORDS / 2 - 1))];
		return 0;
	}
	return bpf_probe_read_user(word, sizeof(*word), (void *)addr) ? -1 : 0;
}

/* walk_pending - the return address that a return probe has replaced in the frame with this CFA. The kernel's list of them
 * is ordered from the innermost call outwards.  Return: 0 = not found. */
static __always_inline __u64 walk_pending(struct walk *w, __u64 cfa)
{
	for (int i = 0; i < PENDING_MAX; i++) {
		struct return_instance *ri = (struct return_instance *)w->instances;
		__u64 stack;

		if (!ri)
			return 0;
		stack = BPF_CORE_READ(ri, stack);
		if (stack + sizeof(__u64) == cfa)
			return BPF_CORE_READ(ri, orig_ret_vaddr);
		if (stack >= cfa)
			return 0;
		w->instances = (__u64)BPF_CORE_READ(ri, next);
	}
	return 0;
}

/* walk_signal - leave a signal handler's frame: the interrupted registers are in the ucontext at sp. */
static __always_inline int walk_signal(struct walk *w)
{
	__u64 uc = w->sp;

	w->is_uncachable = 1;
	if (bpf_probe_read_user(&w->bp, sizeof(w->bp), (void *)(uc + UCONTEXT_RBP)) ||
		bpf_probe_read_user(&w->bx, sizeof(w->bx), (void *)(uc + UCONTEXT_RBX)) ||
		bpf_probe_read_user(&w->sp, sizeof(w->sp), (void *)(uc + UCONTEXT_RSP)) ||
		bpf_probe_read_user(&w->pc, sizeof(w->pc), (void *)(uc + UCONTEXT_RIP)))
		return SWT_WALK_UNREAD;
	w->is_exact = 1;
	return -1;
}

/* walk_base - base + offset of a rule. The walk depends on where the base was read from. */
static __always_inline __u64 walk_base(struct walk *w, __u32 rule)
{
	__u64 base = w->sp;

	if (SWT_RULE_BASE(rule) == SWT_BASE_RBP) {
		base = w->bp;
		if (w->bp_place != COPY_NOTED)
			walk_note(w, w->bp_place, w->bp_at, base);
		w->bp_place = COPY_NOTED;
	} else if (SWT_RULE_BASE(rule) == SWT_BASE_RBX) {
		base = w->bx;
		if (w->bx_place != COPY_NOTED)
			walk_note(w, w->bx_place, w->bx_at, base);
		w->bx_place = COPY_NOTED;
	}
	return base + (__s64)SWT_RULE_WORDS(rule) * 8;
}

/* walk_saved - a register of the caller. One that is nowhere becomes 0: a later CFA based on it is below the stack, and the
 * walk ends. */
static __always_inline int walk_saved(struct walk *w, __u64 from, __u32 at, __u64 *reg, __u32 *place, __u64 *place_at)
{
	__u64 addr = from - 8 - 8 * (__u64)at;

	if (at == SWT_SAVED_SAME)
		return 0;
	*reg = 0;
	*place = COPY_NOTED;
	if (at == SWT_SAVED_LOST)
		return 0;
	*place = copy_place_of_stack(w, addr);
	*place_at = addr;
	return walk_word(w, addr, reg);
}

/* walk_is_fiber_root - has the walk come to the root of a context's own stack (PHP's fibers, Swoole's coroutines)? The code
 * that a context's function would return to has no unwind information, but is always: xor %edi,%edi or xor %rdi,%rdi; call
 * _exit; hlt. Source: make_x86_64_sysv_elf_gas.S of Boost.Context and its copies, label finish. */
static __always_inline bool walk_is_fiber_root(const struct walk *w)
{
	__u8 c[10] = {};

	if (w->is_exact || bpf_probe_read_user(c, sizeof(c), (void *)w->pc))
		return false;
	if (c[0] == 0x48)
		return c[1] == 0x31 && c[2] == 0xff && c[3] == 0xe8 && c[8] == 0xf4;
	return c[0] == 0x31 && c[1] == 0xff && c[2] == 0xe8 && c[7] == 0xf4;
}

/* walk_caller - go to the caller of the frame, whose CFA is known.  Return: -1, or SWT_WALK_x at the end. */
static __always_inline int walk_caller(struct walk *w, __u64 cfa, __u32 rule)
{
	/* From here the saved registers are counted downwards: see SWT_SAVED_SAME. */
	__u64 ra, from = SWT_RULE_KIND(rule) == SWT_ROW_DEREF ? w->bp + 16 : cfa;

	if (cfa - 8 < w->window_at || cfa > w->window_at + w->window_bytes)
		window_fill(w, cfa);
	if (walk_word(w, cfa - 8, &ra) || walk_saved(w, from, SWT_RULE_RBP(rule), &w->bp, &w->bp_place, &w->bp_at) ||
		walk_saved(w, from, SWT_RULE_RBX(rule), &w->bx, &w->bx_place, &w->bx_at))
		return SWT_WALK_UNREAD;
	walk_note(w, copy_place_of_stack(w, cfa - 8), cfa - 8, ra);
	if (ra && ra == w->trampoline) {
		w->is_uncachable = 1; /* the same word stands for other addresses at other times */
		ra = walk_pending(w, cfa);
		if (!ra)
			return SWT_WALK_UNREAD;
	}
	if (!ra) /* some threads are started with a return address of 0 instead of unwind information that says so */
		return SWT_WALK_COMPLETE;
	w->pc = ra;
	w->sp = cfa;
	w->is_exact = 0;
	return -1;
}

/* walk_step - from a frame to its caller.  Return: -1: there; SWT_WALK_x: the stack ends, and why. */
__noinline int walk_step(struct thread_state *t)
{
	struct walk *w;
	__u64 cfa, at;
	long rule;

	if (!t)
		return SWT_WALK_UNREAD;
	w = &t->walk;
	rule = walk_rule(w);
	if (rule < 0)
		return -rule;
	switch (SWT_RULE_KIND(rule)) {
	case SWT_ROW_ROOT:
		return SWT_WALK_COMPLETE;
	case SWT_ROW_SIGNAL:
		return walk_signal(w);
	case SWT_ROW_PLT:
		cfa = w->sp + ((w->pc & 15) >= 11 ? 16 : 8);
		break;
	case SWT_ROW_NORMAL:
		cfa = walk_base(w, rule);
		break;
	case SWT_ROW_DEREF:
		at = walk_base(w, rule);
		if (bpf_probe_read_user(&cfa, sizeof(cfa), (void *)at))
			return SWT_WALK_UNREAD;
		walk_note(w, copy_place_of_stack(w, at), at, cfa);
		break;
	default:
		return walk_is_fiber_root(w) ? SWT_WALK_FIBER : SWT_WALK_NO_ROW;
	}
	/* Every caller's frame lies above its callee's: what does not is no stack. */
	if (cfa <= w->sp)
		return SWT_WALK_NO_ROW;
	return walk_caller(w, cfa, rule);
}

#endif
