/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* books.bpf.h - what the birth and the death of a block do to the live table and to the counters.
 * Counters of a process and of a stack are changed only here, and always together. */
#ifndef BOOKS_BPF_H
#define BOOKS_BPF_H

/* stack_of - the stack of a block that lives, its counters as they are in the current epoch of its layer; or NULL. */
static __always_inline struct swt_stack *stack_of(const struct swt_block *b, const struct swt_proc *p)
{
	__u32 slot = b->stack, epoch;
	struct swt_stack *s = bpf_map_lookup_elem(&stacks, &slot);

	if (!p || !s)
		return 0;

	/* Epochs that end while the stack lives are those of the Zend heap, which one thread uses. */
	epoch = p->epoch[b->layer & (SWT_LAYER_SLOTS - 1)];
	if (s->epoch != epoch) {
		s->n_frees = s->n_allocs;
		s->freed_bytes = s->alloc_bytes;
		s->epoch = epoch;
	}
	return s;
}

static __always_inline void book_alloc(const struct swt_block *b)
{
	__u64 blocks = swt_block_blocks(b), bytes = swt_block_bytes(b);
	struct swt_proc *p = proc_at(b->proc);
	struct swt_stack *s = stack_of(b, p);
	struct swt_layer_counts *l;

	if (!p || !s)
		return;
	if (b->layer == SWT_LAYER_ZEND)
		__sync_fetch_and_add(&p->zend.traced_bytes, blocks * zend_bytes(b));
	l = &p->layer[b->layer & (SWT_LAYER_SLOTS - 1)];
	__sync_fetch_and_add(&l->n_allocs, blocks);
	__sync_fetch_and_add(&l->alloc_bytes, bytes);
	__sync_fetch_and_add(&s->n_allocs, blocks);
	__sync_fetch_and_add(&s->alloc_bytes, bytes);
}

/* book_late - a block that had outlived its window is gone: it was no leak, and took so many windows to be seen gone. */
static __always_inline void book_late(struct swt_stack *s, const struct swt_block *b)
{
	__u32 now = (window_state + 1) / 2, born = SWT_BIRTH_WINDOW(b->birth);

	if (now == born || SWT_BIRTH_SLOT(b->birth) >= window_judged_slots)
		return;
	__sync_fetch_and_add(&s->n_late, 1);
	__sync_fetch_and_add(&s->late_windows, now - born);
}

/* book_change - so many blocks and bytes of what b stands for are gone. */
static __always_inline void book_change(const struct swt_block *b, __s64 blocks, __s64 bytes)
{
	struct swt_proc *p = proc_at(b->proc);
	struct swt_stack *s = stack_of(b, p);
	struct swt_layer_counts *l;

	if (!p || !s)
		return;
	if (b->layer == SWT_LAYER_ZEND)
		__sync_fetch_and_add(&p->zend.traced_bytes, -blocks * (__s64)zend_bytes(b));
	l = &p->layer[b->layer & (SWT_LAYER_SLOTS - 1)];
	__sync_fetch_and_add(&l->n_frees, blocks);
	__sync_fetch_and_add(&l->freed_bytes, bytes);
	__sync_fetch_and_add(&s->n_frees, blocks);
	__sync_fetch_and_add(&s->freed_bytes, bytes);
	if (cfg.is_windowed && blocks > 0)
		book_late(s, b);
}

static __always_inline void book_free(const struct swt_block *b)
{
	book_change(b, swt_block_blocks(b), swt_block_bytes(b));
}

/* book_back - what was booked as gone is there after all. */
static __always_inline void book_back(const struct swt_block *b)
{
	book_change(b, -(__s64)swt_block_blocks(b), -(__s64)swt_block_bytes(b));
}

static __always_inline void book_unknown_free(__u32 proc, __u32 layer)
{
	struct swt_proc *p = proc_at(proc);
	struct swt_layer_counts *l;

	if (!p)
		return;
	l = &p->layer[layer & (SWT_LAYER_SLOTS - 1)];
	__sync_fetch_and_add(&l->n_unknown_frees, 1);
	if (l->left_out_now > 0)
		__sync_fetch_and_add(&l->left_out_now, -1);
}

static __always_inline void book_left_out(const struct swt_block *b)
{
	struct swt_proc *p = proc_at(b->proc);
	struct swt_layer_counts *l;

	if (!p)
		return;
	l = &p->layer[b->layer & (SWT_LAYER_SLOTS - 1)];
	__sync_fetch_and_add(&l->n_left_out, 1);
	__sync_fetch_and_add(&l->left_out_now, 1);
}

/* region_end - the second record of a mapping, keyed by its end. */
static __always_inline struct swt_block region_end(const struct swt_block *b)
{
	struct swt_block end = *b;

	end.addr = b->addr + b->size_bytes;
	end.layer = SWT_LAYER_MMAP_END;
	return end;
}

/* block_is_cleared - has the block that is replaced been freed, as was to be expected, while no probes were in place? It is of
 * an earlier window. */
static __always_inline bool block_is_cleared(const struct swt_block *replaced, const struct swt_block *by)
{
	return cfg.is_windowed && SWT_BIRTH_WINDOW(replaced->birth) != SWT_BIRTH_WINDOW(by->birth);
}

/* block_insert - put a block (and, for a mapping, its end) into the table. The counters are the caller's. */
static __always_inline int block_insert(const struct swt_block *b, bool may_replace)
{
	struct swt_block replaced = {};

	if (live_insert(b, &replaced))
		return -1;
	if (replaced.addr && !is_dead(&replaced)) {
		book_free(&replaced);
		if (block_is_cleared(&replaced, b))
			__sync_fetch_and_add(&window_cleared, 1);
		else if (!may_replace)
			loss_add(SWT_LOSS_FREE_MISSED);
	}
	if (b->layer == SWT_LAYER_MMAP) {
		struct swt_block end = region_end(b);

		live_insert(&end, &replaced);
	}
	return 0;
}

/* block_remove - take a block (and, for a mapping, its end) out of the table. Return: 0 and *b filled, or -1. */
static __always_inline int block_remove(struct swt_block *b)
{
	if (live_remove(b))
		return -1;
	if (b->layer == SWT_LAYER_MMAP) {
		struct swt_block end = region_end(b);

		live_remove(&end);
	}
	return 0;
}

/* block_is_left_out - while the table is pressed: is there no place for a new block, or is it not of the sample? Then it is in no
 * books, and b is of no more use. */
static __always_inline bool block_is_left_out(struct swt_block *b)
{
	int sampled = live_sample(b);

	if (sampled > 0)
		return false;
	if (!sampled)
		book_left_out(b);
	/* One that was there before must be dead. */
	if (!block_remove(b)) {
		book_free(b);
		loss_add(SWT_LOSS_FREE_MISSED);
	}
	return true;
}

/* block_put_back - a block that was taken out, or what is left of it, lives on. One that finds no place any more is counted
 * as lost; by the counters it must not be live then, as it would be for ever. */
static __always_inline void block_put_back(const struct swt_block *b, bool may_replace)
{
	if (block_insert(b, may_replace))
		book_free(b);
}

/* region_unmap_head - munmap from the start of a mapping: all of it, or its head.
 * Return: bytes of the range that are dealt with, 0 when no mapping starts at addr. */
__noinline __u64 region_unmap_head(__u32 proc, __u64 addr, __u64 len, __u32 tid)
{
	struct swt_block b = { .addr = addr, .proc = proc, .layer = SWT_LAYER_MMAP };

	if (block_remove(&b))
		return 0;
	if (len >= b.size_bytes) {
		book_free(&b);
		freed_note(&b, tid, SWT_FREED_NOWHERE);
		return b.size_bytes;
	}
	book_change(&b, 0, len); /* mappings are never sampled */
	b.addr += len;
	b.size_bytes -= len;
	block_put_back(&b, true);
	return len;
}

/* region_unmap_tail - munmap up to the end of a mapping: its tail, or, when the range begins before the mapping, all of
 * it.  Return: as above, counted from the end of the range. */
__noinline __u64 region_unmap_tail(__u32 proc, __u64 addr, __u64 len, __u32 tid)
{
	struct swt_block b = { .addr = addr + len, .proc = proc, .layer = SWT_LAYER_MMAP_END };

	if (live_remove(&b))
		return 0;
	b.addr = addr + len - b.size_bytes;
	b.layer = SWT_LAYER_MMAP;
	if (live_remove(&b))
		return 0;
	if (b.addr >= addr) {
		book_free(&b);
		freed_note(&b, tid, SWT_FREED_NOWHERE);
		return b.size_bytes;
	}
	book_change(&b, 0, len); /* mappings are never sampled */
	b.size_bytes -= len;
	block_put_back(&b, true);
	return len;
}

#define UNMAP_REGIONS 64	   /* mappings that one munmap may span and be followed through */
#define USER_END      (1ULL << 56) /* no user address is above this */

/* region_unmap - what munmap(addr, len) does to the mappings that are known. A hole punched into the middle of a
 * mapping matches neither a start nor an end and is not followed.
 * @is_allocators  it is an allocator that gives up a mapping of its own, which nobody is to know
 * @freed          a block that was freed just before: where it was is such a mapping */
static __always_inline void region_unmap(
	const struct thread_state *t, __u64 addr, __u64 len, bool is_allocators, __u64 freed)
{
	__u32 proc = t->proc - 1;
	__u64 done, left, from = addr;

	if (addr & (PAGE_BYTES - 1) || !len || addr >= USER_END || len >= USER_END - addr)
		return; /* the call fails */
	left = (len + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	for (int i = 0; i < UNMAP_REGIONS && left; i++) {
		done = region_unmap_head(proc, addr, left, t->tid);
		addr += done;
		if (!done)
			done = region_unmap_tail(proc, addr, left, t->tid);
		if (!done) {
			if (!is_allocators && (freed < from || freed - from >= len))
				book_unknown_free(proc, SWT_LAYER_MMAP);
			return;
		}
		left -= done;
	}
	if (left)
		loss_add(SWT_LOSS_UNMAP_LONG);
}

#endif
