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
	h = mix64(h) & ~(__u64)SWT_STACK_FILLING;
	return h != SWT_STACK_FREE ? h : 2;
}

#define STACK_NEW   (1L << 32) /* the slot was taken just now: to be filled, and then published */
#define STACK_NONE  (-1L)
#define STACK_AGAIN (-2L)

#define STACK_TRIES 16 /* searches that others may spoil */

/* Looks at a slot that is being filled before it is given up: filling takes about as long as 50. */
#define STACK_WAITS 256

/* stack_is_over - does the slot belong to a program that has ended? Nobody looks at it then. */
static __always_inline bool stack_is_over(const struct swt_stack *s)
{
	struct swt_proc *p = proc_at(s->proc);

	return p && p->life != s->life;
}

/* stack_await - a slot of that key is found: it may be counted in once it is filled.
 * Who fills it is at it on another CPU, and done in a moment. Only when it was interrupted in the middle is a second slot
 * taken for the stack; the next walk finds the first again.  Return: the slot, or STACK_NONE. */
__noinline long stack_await(__u32 slot, __u64 key)
{
	struct swt_stack *s = bpf_map_lookup_elem(&stacks, &slot);

	for (int i = 0; s && i < STACK_WAITS; i++)
		if (*(volatile __u64 *)&s->key == key)
			return slot;
	return STACK_NONE;
}

/* stack_take - claim a slot whose key was seen a moment ago.  Return: the slot, with STACK_NEW, or without if another CPU
 * was faster and has taken it for the same key; STACK_AGAIN if for another, or if it is kept from filling it. */
__noinline long stack_take(__u32 slot, __u64 seen, __u64 key)
{
	struct swt_stack *s = bpf_map_lookup_elem(&stacks, &slot);
	__u64 was;

	if (!s)
		return STACK_NONE;
	was = __sync_val_compare_and_swap(&s->key, seen, key | SWT_STACK_FILLING);
	if (was == seen)
		return slot | STACK_NEW;
	if ((was | SWT_STACK_FILLING) != (key | SWT_STACK_FILLING) || stack_await(slot, key) < 0)
		return STACK_AGAIN;
	return slot;
}

/* stack_search - the slot of that key, or one taken for it: the first of a program that has ended, but only when there is none
 * of that key further on.
 * Return: the slot, with STACK_NEW if it is new; STACK_AGAIN: another CPU has taken it; STACK_NONE: there is none. */
__noinline long stack_search(__u64 key)
{
	__u64 spare_key = SWT_STACK_FREE, seen;
	__u32 slot = key >> 1, spare = 0;
	long found = STACK_NONE;

	for (__u32 i = 1; i <= STACK_PROBES; i++) {
		struct swt_stack *s;

		slot &= cfg.stack_mask;
		s = bpf_map_lookup_elem(&stacks, &slot);
		if (!s)
			return STACK_NONE;
		seen = *(volatile __u64 *)&s->key;
		if (seen == SWT_STACK_FREE)
			return spare_key ? stack_take(spare, spare_key, key) : stack_take(slot, seen, key);
		if ((seen | SWT_STACK_FILLING) == (key | SWT_STACK_FILLING))
			found = stack_await(slot, key);
		else if (!spare_key && SWT_STACK_IS_FILLED(seen) && stack_is_over(s)) {
			spare = slot;
			spare_key = seen;
		}
		if (found >= 0)
			return found;
		slot += i; /* steps grow, so that no clusters do */
	}
	return spare_key ? stack_take(spare, spare_key, key) : STACK_NONE;
}

/* stack_find - likewise, until it is certain; a full table is counted.
 * Two stacks are the same when their keys are, of 63 bits: with a seed that nobody knows, 16,384 stacks collide with a
 * probability of 1 in 10^10. */
__noinline long stack_find(__u64 key)
{
	long found = STACK_AGAIN;

	for (int i = 0; i < STACK_TRIES && found == STACK_AGAIN; i++)
		found = stack_search(key);
	if (found < 0)
		loss_add(SWT_LOSS_STACKS_FULL);
	return found;
}

/* stack_fill - write what stands in a slot that was taken, its counts too (it may have been another's), and publish it:
 * from then on every thread with this stack counts in it. */
static __always_inline void stack_fill(
	struct swt_stack *s, const struct thread_state *t, __u64 owner, __u64 key, __u32 n, __u8 walk)
{
	struct swt_proc *p = proc_at(OWNER_PROC(owner));
	__u32 bytes = n * sizeof(__u64);

	s->n_allocs = 0;
	s->alloc_bytes = 0;
	s->n_frees = 0;
	s->freed_bytes = 0;
	s->n_late = 0;
	s->late_windows = 0;
	s->life = OWNER_LIFE(owner);
	s->proc = OWNER_PROC(owner);
	s->layer = OWNER_LAYER(owner);
	s->epoch = p ? p->epoch[s->layer & (SWT_LAYER_SLOTS - 1)] : 0;
	s->walk = walk;
	s->n_frames = n;
	s->generation = t->walk.generation;
	/* The comparison keeps the bound in sight of the verifier; n * 8 is at most sizeof(frame). */
	if (bytes <= sizeof(s->frame))
		bpf_probe_read_kernel(s->frame, bytes, t->frame);
	__sync_lock_test_and_set(&s->key, key);
}

/* stack_walk - walk the stack from where walk_begin() has put it, and find its slot, or take one for it.
 * Return: the slot, or STACK_NONE when the table is full (counted). */
__noinline long stack_walk(struct thread_state *t, __u64 owner)
{
	struct swt_stack *s;
	__u32 n, slot;
	long found;
	__u64 key;
	__u8 walk;

	if (!t)
		return STACK_NONE;
	n = walk_all(t, &walk);
	/* A library may be loaded where another one was: the same addresses are another stack then. */
	key = stack_key(t, n, owner ^ (__u64)walk << 40 ^ mix64(t->walk.files));
	found = stack_find(key);
	slot = found;
	if (found < 0 || !(found & STACK_NEW))
		return found;
	s = bpf_map_lookup_elem(&stacks, &slot);
	if (!s)
		return STACK_NONE;
	stack_fill(s, t, owner, key, n, walk);
	return slot;
}

/* stack_slot - the slot of the stack at which walk_begin() stands, from the cache or by a walk.
 * Return: the slot, or STACK_NONE when the table is full (counted). */
static __always_inline long stack_slot(struct thread_state *t, __u32 layer)
{
	struct swt_proc *p = proc_at(t->proc - 1);
	__u64 owner;
	long slot;

	if (!p)
		return STACK_NONE;
	layer &= SWT_LAYER_SLOTS - 1;
	owner = STACK_OWNER(t->proc - 1, layer, p->life);
	slot = cache_find(t, p, owner);
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
