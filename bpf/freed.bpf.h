/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* freed.bpf.h - what is remembered of blocks that are no more, and of the last calls of each thread: for crashes, and to tell a
 * block that is freed twice.
 *
 * A freed block goes into the one slot that its key selects (struct swt_freed), by four plain stores. All of it is left out, at
 * load time, when freed blocks are not to be remembered.
 *
 * That a block is freed twice is told by a free of a block that does not live while the slot has it as freed. It is no proof where
 * a block may have been born unseen: so the slot is emptied when a birth is not recorded (freed_forget), and when the address
 * of such a block is not known, nothing that was freed before is believed (freed_doubt_tick). */
#ifndef FREED_BPF_H
#define FREED_BPF_H

/* How often a free of an unknown block was looked up, and how often the block was there. Rare enough for shared counters. */
__u64 freed_lookups = 0;
__u64 freed_found = 0;

static __always_inline bool freed_is_kept(void)
{
	return cfg.freed_shift != 0;
}

static __always_inline struct swt_freed *freed_slot(__u64 key)
{
	__u32 slot = swt_freed_slot(key, cfg.freed_shift);

	return bpf_map_lookup_elem(&freed, &slot);
}

/* freed_note - a block that was live is freed.  @where  slot of the stack of the free, or SWT_FREED_NOWHERE */
static __always_inline void freed_note(const struct swt_block *b, __u32 tid, __u32 where)
{
	__u64 key, what, when, gone;
	struct swt_freed *f;

	if (!freed_is_kept())
		return;
	key = SWT_KEY(b->addr, b->proc, b->layer);
	f = freed_slot(key);
	if (!f)
		return;
	what = SWT_FREED_WHAT(b);
	when = SWT_FREED_WHEN(b, where);
	gone = SWT_FREED_GONE(tick_now(), tid);
	f->what = what;
	f->when = when;
	f->gone = gone;
	f->check = key ^ what ^ when ^ gone;
}

/* freed_forget - a block was born that is in no books: its address must not be taken for one that is free. */
static __always_inline void freed_forget(__u64 addr, __u32 proc, __u32 layer)
{
	__u64 key = SWT_KEY(addr, proc, layer);
	struct swt_freed *f;

	if (!freed_is_kept())
		return;
	f = freed_slot(key);
	if (f && (f->check ^ f->what ^ f->when ^ f->gone) == key)
		f->check = 0;
}

/* call_note - one more call of this thread.  @addr  0: it failed      @stack  of the block */
static __always_inline void call_note(
	struct thread_state *t, __u64 cookie, __u64 addr, __u64 size_bytes, __u32 stack, __u32 unknown)
{
	struct swt_call *c;

	if (!freed_is_kept())
		return;
	c = &t->last_call[t->n_calls & (SWT_LAST_CALLS - 1)];
	c->what = SWT_CALL_WHAT(addr, cookie);
	c->size_bytes = size_bytes;
	c->when = SWT_CALL_WHEN(tick_now(), stack, unknown);
	t->n_calls++;
}

/* calls_tell - the last calls of the current thread, for an event.  @t  NULL: it is not traced */
static __always_inline void calls_tell(const struct thread_state *t, struct swt_last_calls *out)
{
	__builtin_memset(out, 0, sizeof(*out));
	if (!t)
		return;
	out->n = t->n_calls;
	out->is_kept = freed_is_kept();
	out->tick = tick_now();
	out->pending.what = t->call.sp ? SWT_CALL_WHAT(t->call.old.addr, t->call.cookie) : 0;
	out->pending.size_bytes = t->call.size_bytes;
	bpf_probe_read_kernel(out->call, sizeof(out->call), t->last_call);
}

/* freed_stack - the slot of the stack at t->at, which is in a function that frees. Stacks of frees are in the table of all stacks, as
 * those of a layer that has no others. A global function, since the verifier would look at it for each of the ways that lead here. */
__noinline long freed_stack(struct thread_state *t)
{
	if (!t)
		return STACK_NONE;
	walk_begin(t, &t->at, true);
	t->walk.is_entry = 1;
	return stack_slot(t, SWT_LAYER_MMAP_END);
}

/* freed_where - likewise, if the stacks of frees are to be known; else, and when there is no place, SWT_FREED_NOWHERE. */
static __always_inline __u32 freed_where(struct thread_state *t)
{
	long slot;

	if (!freed_is_kept() || !cfg.free_stacks)
		return SWT_FREED_NOWHERE;
	slot = freed_stack(t);
	return slot < 0 ? SWT_FREED_NOWHERE : slot;
}

/* block_lives - is there a live block of that layer? */
__noinline int block_lives(__u32 proc, __u32 layer, __u64 addr)
{
	struct bucket_pair b;
	__u64 key = SWT_KEY(addr, proc, layer);

	return live_buckets(key, &b) && live_find(&b, key, 0).bucket;
}

/* freed_record - the record of t->block among the freed.  Return: 0, or -1: there is none. */
static __always_inline int freed_record(const struct thread_state *t, struct swt_freed_block *out)
{
	const struct swt_block *b = &t->block;
	__u64 key = SWT_KEY(b->addr, b->proc, b->layer);
	struct swt_freed *f = freed_slot(key);

	return f && swt_freed_unpack(f, swt_freed_slot(key, cfg.freed_shift), cfg.freed_shift, out) &&
			       SWT_KEY(out->block.addr, out->block.proc, out->block.layer) == key
		       ? 0
		       : -1;
}

/* freed_before - t->block, which does not live, is freed: is it certain that it was freed before? Blocks of the mmap layer may be
 * unmapped as often as one likes. This and the next are global functions one beside the other, since the stacks of all that call
 * each other must fit into 512 bytes. */
__noinline int freed_before(struct thread_state *t)
{
	struct swt_freed_block first;
	struct swt_proc *p;

	if (!t || t->block.layer >= SWT_LAYER_MMAP || t->block.addr >> 48)
		return 0;
	p = proc_at(t->block.proc);
	__sync_fetch_and_add(&freed_lookups, 1);
	if (!p || freed_record(t, &first))
		return 0;
	__sync_fetch_and_add(&freed_found, 1);
	return !swt_freed_is_over(&first, p) && first.tick > freed_doubt_tick &&
	       !block_lives(t->block.proc, t->block.layer ^ SWT_LAYER_ZEND ^ SWT_LAYER_LIBC, t->block.addr);
}

/* freed_again - count that a block is freed twice at this stack, by a function of op, and tell the first time. */
__noinline int freed_again(struct thread_state *t, __u32 slot, __u32 op)
{
	struct swt_stack *s = bpf_map_lookup_elem(&stacks, &slot);
	struct swt_event_freed *e;

	if (!t || !s || __sync_fetch_and_add(&s->n_frees, 1))
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		loss_add(SWT_LOSS_EVENT_DROPPED);
		return 0;
	}
	event_fill(&e->e, SWT_EVENT_FREED, sizeof(*e), t);
	e->e.value = slot;
	e->tick = tick_now();
	e->op = op;
	e->pad0 = 0;
	if (freed_record(t, &e->first))
		e->first = (struct swt_freed_block){ 0 };
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#define STRAY_FIRST 64 /* of each program of a process, so many are told at once; */
#define STRAY_TICKS 16 /* then one in this time */

/* stray_is_asked - is user space to be asked what t->block is, which does not live? Of a process that had blocks before tracing
 * began, it is one of these most often, and no error: so it is not asked about all. */
__noinline int stray_is_asked(struct thread_state *t)
{
	__u64 now = tick_now();
	struct swt_proc *p;

	if (!t || t->block.layer >= SWT_LAYER_MMAP || t->block.addr >> 48)
		return 0;
	p = proc_at(t->block.proc);
	if (!p || (p->n_strays >= STRAY_FIRST && now - p->stray_tick < STRAY_TICKS) ||
		block_lives(t->block.proc, t->block.layer ^ SWT_LAYER_ZEND ^ SWT_LAYER_LIBC, t->block.addr))
		return 0;
	p->stray_tick = now;
	p->n_strays++;
	return 1;
}

/* stray_tell - what is freed by this stack, by a function of op, is no block that lives. Which it is instead, user space can tell.
 * The slot of the history in which nothing ever stood says that the block was not freed before. */
__noinline int stray_tell(struct thread_state *t, __u32 slot, __u32 op)
{
	struct swt_event_stray *e;
	struct swt_freed *f;
	struct swt_proc *p;

	if (!t)
		return 0;
	p = proc_at(t->block.proc);
	f = freed_slot(SWT_KEY(t->block.addr, t->block.proc, t->block.layer));
	if (!p || !f)
		return 0;
	e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
	if (!e) {
		loss_add(SWT_LOSS_EVENT_DROPPED);
		return 0;
	}
	event_fill(&e->e, SWT_EVENT_STRAY, sizeof(*e), t);
	e->e.value = slot;
	e->addr = t->block.addr;
	e->tick = tick_now();
	e->layer = t->block.layer;
	e->life = p->life;
	e->epoch = p->epoch[t->block.layer & (SWT_LAYER_SLOTS - 1)];
	e->began = p->began[t->block.layer & (SWT_LAYER_SLOTS - 1)];
	e->is_new = !(f->check | f->what | f->when | f->gone);
	e->op = op;
	bpf_ringbuf_submit(e, 0);
	return 0;
}

#endif
