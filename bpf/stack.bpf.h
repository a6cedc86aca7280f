/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* stack.bpf.h - the stack of the current thread, as a slot in the stack table. */
#ifndef STACK_BPF_H
#define STACK_BPF_H

#define STACK_PROBES 32 /* slots tried before the table counts as full: at four fifths, one stack in 1,000 finds none */

/* Whose stack it is, in 64 bits; bits 40 to 43 are free. */
#define STACK_OWNER(proc, layer, life) ((__u64)(proc) << 48 | (__u64)(layer) << 44 | (life))
#define OWNER_PROC(o)		       ((__u16)((o) >> 48))
#define OWNER_LAYER(o)		       ((__u8)((o) >> 44 & 15))
#define OWNER_LIFE(o)		       ((__u32)(o))

/* stack_key - of the n frames in t->frame. A function of its own: after a loop that may end anywhere the verifier walks through
 * what follows once for each end. */
__noinline __u64 stack_key(struct thread_state *t, __u32 n, __u64 owner)
{
	__u64 h = mix64(owner ^ cfg.hash_seed);

	if (!t)
		return 0;
	for (__u32 i = 0; i < SWT_MAX_FRAMES && i < n; i++)
		h = (h ^ t->frame[i]) * 0x9e3779b97f4a7c15ULL + (h >> 29);
	h = mix64(h);
	return h ? h : 1;
}

#define STACK_NEW (1L << 32) /* the slot was taken just now: to be filled */

/* stack_is_over - does the slot belong to a program that has ended? Nobody looks at it then. */
static __always_inline bool stack_is_over(const struct swt_stack *s)
{
	struct swt_proc *p = proc_at(s->proc);

	return s->ready && p && p->life != s->life;
}

/* stack_find - the slot of that key, or one taken for it.
 * Two stacks are the same when their 64-bit keys are: with a seed that nobody knows, 16,384 stacks collide with a
 * probability of 1 in 10^11.  Return: the slot, with STACK_NEW if it is new, or -1 when the table is full (counted). */
__noinline long stack_find(__u64 key)
{
	__u32 slot = key;

	for (__u32 i = 1; i <= STACK_PROBES; i++) {
		struct swt_stack *s;
		__u64 seen;

		slot &= cfg.stack_mask;
		s = bpf_map_lookup_elem(&stacks, &slot);
		if (!s)
			break;
		seen = s->key;
		if (!seen)
			seen = __sync_val_compare_and_swap(&s->key, 0, key);
		if (!seen)
			return slot | STACK_NEW;
		if (seen == key)
			return slot;
		if (stack_is_over(s) && __sync_val_compare_and_swap(&s->key, seen, key) == seen)
			return slot | STACK_NEW;
		slot += i; /* steps grow, so that no clusters do */
	}
	loss_add(SWT_LOSS_STACKS_FULL);
	return -1;
}

/* stack_walk - walk the stack from where walk_begin() has put it, and find its slot, or take one for it.
 * Return: the slot, or -1 when the table is full (counted). */
__noinline long stack_walk(struct thread_state *t, __u64 owner)
{
	struct swt_stack *s;
	__u32 n, slot, bytes;
	long found;
	__u8 walk;

	if (!t)
		return -1;
	n = walk_all(t, &walk);
	/* A library may be loaded where another one was: the same addresses are another stack then. */
	found = stack_find(stack_key(t, n, owner ^ (__u64)walk << 40 ^ mix64(t->walk.files)));
	slot = found;
	if (found < 0 || !(found & STACK_NEW))
		return found;
	s = bpf_map_lookup_elem(&stacks, &slot);
	if (!s)
		return -1;
	/* It may have been another's. */
	__sync_lock_test_and_set(&s->ready, 0);
	s->n_allocs = 0;
	s->alloc_bytes = 0;
	s->n_frees = 0;
	s->freed_bytes = 0;
	s->life = OWNER_LIFE(owner);
	s->proc = OWNER_PROC(owner);
	s->layer = OWNER_LAYER(owner);
	s->walk = walk;
	s->n_frames = n;
	s->generation = t->walk.generation;
	/* The mask keeps the bound in sight of the verifier; n * 8 is at most sizeof(frame). */
	bytes = n * sizeof(__u64);
	if (bytes <= sizeof(s->frame))
		bpf_probe_read_kernel(s->frame, bytes, t->frame);
	__sync_lock_test_and_set(&s->ready, 1);
	return slot;
}

/* stack_slot - the slot of the stack at which walk_begin() stands, from the cache or by a walk.
 * Return: the slot, or -1 when the table is full (counted). */
static __always_inline long stack_slot(struct thread_state *t, __u32 layer)
{
	struct swt_proc *p = proc_at(t->proc - 1);
	__u64 owner;
	long slot;

	if (!p)
		return -1;
	layer &= SWT_LAYER_SLOTS - 1;
	owner = STACK_OWNER(t->proc - 1, layer, p->life);
	slot = p->dl_changes == p->dl_settled ? cache_find(t, owner, p->space) : -1;
	if (slot >= 0)
		return slot;
	slot = stack_walk(t, owner);
	if (slot >= 0)
		cache_store(t, slot);
	if (t->walk.met_unknown)
		event_ask(t, p);
	return slot;
}

#endif
