/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* stack.bpf.h - the stack of the current thread, as a slot in the stack table. */
#ifndef STACK_BPF_H
#define STACK_BPF_H

#define STACK_PROBES 16 /* slots tried before the table counts as full: enough up to four fifths full */

static __always_inline __u64 stack_key(const struct thread_state *t, __u32 n, __u64 owner)
{
	__u64 h = mix64(owner ^ cfg.hash_seed);

	for (__u32 i = 0; i < SWT_MAX_FRAMES && i < n; i++)
		h = (h ^ t->frame[i]) * 0x9e3779b97f4a7c15ULL + (h >> 29);
	h = mix64(h);
	return h ? h : 1;
}

/* stack_slot - walk the stack from where walk_begin() has put it, and find its slot, or take one for it.
 * Two stacks are the same when their 64-bit keys are: with a seed that nobody knows, 16,384 stacks collide with a
 * probability of 1 in 10^11.  Return: the slot, or -1 when the table is full (counted). */
__noinline long stack_slot(struct thread_state *t, __u32 proc, __u32 layer)
{
	struct swt_proc *p = proc_at(proc);
	struct swt_stack *s;
	__u32 n, slot, bytes;
	__u64 key, owner, seen;
	__u8 walk;

	if (!p || !t)
		return -1;
	layer &= SWT_LAYER_SLOTS - 1;
	n = walk_all(t, &walk);
	owner = (__u64)proc << 48 | (__u64)layer << 44 | (__u64)walk << 40 | p->epoch[layer];
	key = stack_key(t, n, owner);
	for (int i = 0; i < STACK_PROBES; i++) {
		slot = ((__u32)key + i) & cfg.stack_mask;
		s = bpf_map_lookup_elem(&stacks, &slot);
		if (!s)
			break;
		seen = s->key;
		if (!seen)
			seen = __sync_val_compare_and_swap(&s->key, 0, key);
		if (seen == key)
			return slot;
		if (seen)
			continue;
		s->epoch = p->epoch[layer];
		s->proc = proc;
		s->layer = layer;
		s->walk = walk;
		s->n_frames = n;
		/* The mask keeps the bound in sight of the verifier; n * 8 is at most sizeof(frame). */
		bytes = n * sizeof(__u64);
		if (bytes <= sizeof(s->frame))
			bpf_probe_read_kernel(s->frame, bytes, t->frame);
		__sync_lock_test_and_set(&s->ready, 1);
		return slot;
	}
	loss_add(SWT_LOSS_STACKS_FULL);
	return -1;
}

#endif
