/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* walk.bpf.h - one stack from its innermost frame to its root: native frames (unwind.bpf.h), and PHP frames (php.bpf.h) in
 * the place of the engine's own. */
#ifndef WALK_BPF_H
#define WALK_BPF_H

/* walk_begin - stand at these registers: of a thread where it is (is_exact), or of one that has just returned to ip. */
static __always_inline void walk_begin(struct thread_state *t, const struct registers *r, bool is_exact)
{
	struct walk *w = &t->walk;

	w->pc = r->ip;
	w->sp = r->sp;
	w->bp = r->bp;
	w->bx = r->bx;
	w->is_exact = is_exact;
	w->is_entry = 0;
	w->window_bytes = 0;
	w->window_at = 0;
	w->start_sp = r->sp;
	w->php_top = 0;
}

/* walk_prepare - look up what the walk itself needs. */
static __always_inline void walk_prepare(struct thread_state *t)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct swt_proc *p = proc_at(t->proc - 1);
	struct walk *w = &t->walk;
	__u32 slot = t->proc - 1;
	struct swt_php *php;
	__u64 space = 0;

	w->is_unsettled = 0;
	if (p) {
		/* In this order: user space publishes the space, then says that it is settled. */
		w->is_unsettled = *(volatile __u32 *)&p->dl_settled != *(volatile __u32 *)&p->dl_changes;
		barrier();
		space = *(volatile __u64 *)&p->space;
	}
	w->first_span = SWT_SPACE_FIRST(space);
	w->n_spans = SWT_SPACE_N(space);
	w->generation = SWT_SPACE_GENERATION(space);
	w->files = 0;
	w->span = w->first_span;
	w->trampoline = trampoline();
	w->instances = w->trampoline ? (__u64)BPF_CORE_READ(task, utask, return_instances) : 0;
	w->bp_place = COPY_BP;
	w->bx_place = COPY_BX;
	w->is_uncachable = w->is_unsettled;
	w->n_notes = 0;
	w->notes_stack_bytes = 0;
	w->notes_php_bytes = 0;
	w->notes_far[0] = 0;
	w->notes_far[1] = 0;
	w->n_singles = 0;
	t->php.n = 0;
	t->php.is_started = 0;
	t->php.is_of_request = 0;
	t->php.file.at = 0;
	t->php.class_of = 0;
	t->php.at.current = 0;
	php = bpf_map_lookup_elem(&php_procs, &slot);
	if (php) {
		t->php.at = *php;
		t->php.at.current = php_current(php);
	}
}

/* walk_emit - append the address that the walk has reached. */
static __always_inline void walk_emit(struct thread_state *t)
{
	if (t->php.n < SWT_MAX_FRAMES) {
		t->frame[t->php.n & (SWT_MAX_FRAMES - 1)] = t->walk.pc;
		t->php.n++;
	}
}

/* walk_call_of_nothing - a call of a bad pointer: pc is no code, and its caller is the return address just pushed. */
static __always_inline void walk_call_of_nothing(struct thread_state *t)
{
	struct walk *w = &t->walk;
	__u64 ra;

	if (walk_rule(w) != -SWT_WALK_NO_MAPPING || bpf_probe_read_user(&ra, sizeof(ra), (void *)w->sp))
		return;
	w->is_uncachable = 1;
	walk_emit(t);
	w->pc = ra;
	w->sp += sizeof(__u64);
	w->is_exact = 0;
}

/* walk_place - append what stands at the address that the walk has reached: for the engine's execute_ex the PHP frames
 * that it executes, for all else the address itself. */
static __always_inline void walk_place(struct thread_state *t)
{
	__u64 offset = t->walk.pc - t->php.at.execute_start;

	if (t->php.at.current && offset < t->php.at.execute_end - t->php.at.execute_start && php_frames(t, 0) > 0)
		return;
	walk_emit(t);
}

/* walk_all - the frames of the stack from where walk_begin() has put it, innermost first, into t->frame.
 * Return: their number, at least 1; *why says why it ends. */
static __always_inline __u32 walk_all(struct thread_state *t, __u8 *why)
{
	int end = SWT_WALK_DEEP;

	walk_prepare(t);
	if (t->walk.is_exact && !t->walk.is_entry)
		walk_call_of_nothing(t);
	for (int i = 0; i < SWT_MAX_FRAMES; i++) {
		if (i || !t->walk.is_entry)
			walk_place(t);
		if (i == 1 && t->walk.is_entry) /* the allocator's own file is not the stack's */
			t->walk.files = 0;
		if (t->php.n >= SWT_MAX_FRAMES)
			break;
		end = walk_step(t);
		if (end >= 0)
			break;
		end = SWT_WALK_DEEP;
	}
	/* Code compiled at run time is not walked, but which PHP calls it executes is known. A fiber's native stack ends at
	 * its root; who resumed it is in the chain of PHP calls. */
	if ((end == SWT_WALK_JIT || end == SWT_WALK_FIBER) && t->php.at.current)
		php_frames(t, 1);
	t->walk.met_unknown = end == SWT_WALK_NO_MAPPING;
	if (t->php.is_started && t->php.at.flags & SWT_PHP_UNCHECKED) {
		t->walk.met_unknown = 1;
		php_tell_place(t);
	}
	if (end == SWT_WALK_UNREAD)
		t->walk.is_uncachable = 1;
	if (t->walk.is_unsettled)
		end = SWT_WALK_UNSETTLED;
	*why = end;
	return t->php.n;
}

#endif
