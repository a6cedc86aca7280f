/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* foretell.bpf.h - which block an allocation from the Zend heap will return.
 * The heap hands out the first block of the bin's list, heap->free_slot[bin], if there is one. So what an allocation will
 * return is known when it begins, and its return need not be probed. That is checked: the first calls for each bin, and one of
 * many for ever after, do see their return; a single one that differs ends it for the bin.
 * Source: zend_mm_alloc_small of Zend/zend_alloc.c, PHP 7.4 to 8.5. */
#ifndef FORETELL_BPF_H
#define FORETELL_BPF_H

#define ZEND_BINS	     30
#define FORETELL_CHECKS	     1000
#define FORETELL_CHECK_SHIFT 54 /* one of 1,024, by a hash of the address */
#define ZEND_HEAP_WORDS	     40 /* what is read of it: up to the end of free_slot */
#define FORETELL_WRONG	     0xffff

/* By slot of the process table: returns that were foretold rightly, of each bin; FORETELL_WRONG = never again. */
struct zend_trust {
	__u16 n_right[ZEND_BINS + 2];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_MAX_PROCS);
	__type(key, __u32);
	__type(value, struct zend_trust);
} zend_trusts SEC(".maps");

/* foretell_trust - the count of the bin that blocks of the pending call's size are in; NULL when it is none. */
static __always_inline __u16 *foretell_trust(const struct thread_state *t, __u8 *bin)
{
	__u32 proc = t->proc - 1;
	struct zend_trust *trust = bpf_map_lookup_elem(&zend_trusts, &proc);
	struct swt_proc *p = proc_at(proc);

	*bin = p ? zend_bin_of(t->call.size_bytes, p->zend_least_bytes) : 0;
	return trust && *bin ? &trust->n_right[*bin & 31] : 0;
}

/* foretell_is_custom - does the heap pass its calls on? Its first words are at t->frame. That it does so is noted. */
static __always_inline bool foretell_is_custom(const struct thread_state *t)
{
	struct swt_proc *p;

	if (!(__u32)t->frame[ZEND_CUSTOM])
		return false;
	p = proc_at(t->proc - 1);
	if (p && !p->zend.is_custom)
		p->zend.is_custom = 1;
	return true;
}

/* foretell - the block that the pending call will return; 0 = it cannot be told.
 * @is_sure  out: its return may go unseen */
static __always_inline __u64 foretell(struct thread_state *t, bool *is_sure)
{
	__u32 proc = t->proc - 1, at;
	struct swt_php *php = bpf_map_lookup_elem(&php_procs, &proc);
	__u16 *n_right;
	__u64 addr;
	__u8 bin;

	*is_sure = false;
	if (!cfg.may_skip || !php || !php->heap)
		return 0;
	n_right = foretell_trust(t, &bin);
	/* The frames are not in use yet. */
	if (!n_right || *n_right == FORETELL_WRONG ||
		bpf_probe_read_user(t->frame, 8 * ZEND_HEAP_WORDS, (void *)php->heap) || foretell_is_custom(t))
		return 0;
	at = php->free_slots / 8 + bin - 1;
	addr = at < ZEND_HEAP_WORDS ? t->frame[at] : 0;
	*is_sure = *n_right >= FORETELL_CHECKS && addr * 0x9e3779b97f4a7c15ULL >> FORETELL_CHECK_SHIFT;
	return addr;
}

/* foretell_check - a call whose result was foretold has returned addr. */
static __always_inline void foretell_check(const struct thread_state *t, __u64 addr)
{
	__u8 bin;
	__u16 *n_right = foretell_trust(t, &bin);

	if (!n_right)
		return;
	if (addr != t->call.foretold)
		*n_right = FORETELL_WRONG, freed_doubt_tick = tick_now();
	else if (*n_right < FORETELL_CHECKS)
		(*n_right)++;
}

/* foretell_learn - a request begins: by now there is a heap. */
static __always_inline void foretell_learn(__u32 slot)
{
	struct swt_php *php = bpf_map_lookup_elem(&php_procs, &slot);

	if (php && php->heap_at && php->free_slots)
		bpf_probe_read_user(&php->heap, sizeof(php->heap), (void *)php->heap_at);
}

#endif
