/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* zend.bpf.h - the Zend heap as PHP itself counts it (zend_mm_heap.size), so that the books can be proved against it.
 * Blocks of up to 3,072 bytes lie in bins of 30 sizes, larger ones take whole pages; those beyond what fits into a chunk of 2
 * MiB (huge ones) have a list entry of 24 bytes each, which is a block of the heap too.
 * Source: Zend/zend_alloc.c and zend_alloc_sizes.h of PHP 7.4 to 8.5: zend_mm_small_size_to_bin, zend_mm_realloc_heap,
 * zend_mm_alloc_huge. */
#ifndef ZEND_BPF_H
#define ZEND_BPF_H

#define ZEND_PAGE_BYTES	      4096ULL
#define ZEND_MAX_SMALL_BYTES  3072
#define ZEND_MAX_LARGE_BYTES  ((2ULL << 20) - ZEND_PAGE_BYTES)
#define ZEND_HUGE_ENTRY_BYTES 24 /* zend_mm_huge_list */
#define ZEND_SMALLEST_BINS    8	 /* of 8, 16, .. 64 bytes; then four of each power of two */
#define ZEND_LAST_FLS	      12 /* of ZEND_MAX_SMALL_BYTES - 1 */

/* zend_bin_of - the number of the bin for a size, + 1; 0 = it is too large for one. */
static __always_inline __u8 zend_bin_of(__u64 size, __u32 least)
{
	__u32 last = (__u32)(size < least ? least : size) - 1, fls = 7;

	if (size > ZEND_MAX_SMALL_BYTES)
		return 0;
	if (last < 64)
		return last / 8 + 1;
#pragma unroll
	for (int i = 7; i < ZEND_LAST_FLS; i++)
		fls += last >> i != 0;
	return (last >> (fls - 3)) + (fls - 6) * 4 + 1;
}

/* zend_bin_bytes - the size of the blocks of a bin, by its number + 1. */
static __always_inline __u64 zend_bin_bytes(__u8 bin)
{
	__u32 n = bin - 1, above = n - ZEND_SMALLEST_BINS;

	return n < ZEND_SMALLEST_BINS ? 8 * (n + 1) : (5 + (above & 3)) << (4 + (above >> 2 & 7));
}

/* zend_bytes - what a block takes. */
static __always_inline __u64 zend_bytes(const struct swt_block *b)
{
	__u64 pages = (b->size_bytes + ZEND_PAGE_BYTES - 1) & ~(ZEND_PAGE_BYTES - 1);

	if (b->zend_bin)
		return zend_bin_bytes(b->zend_bin);
	return b->size_bytes > ZEND_MAX_LARGE_BYTES ? pages + ZEND_HUGE_ENTRY_BYTES : pages;
}

/* zend_place - the bin of a new block. One that realloc has left where it was is still in its old bin.
 * @old  what it replaces; addr 0 = nothing */
static __always_inline void zend_place(struct swt_block *b, const struct swt_block *old, __u32 least)
{
	b->zend_bin = zend_bin_of(b->size_bytes, least);
	if (b->zend_bin && old->addr == b->addr && old->zend_bin)
		b->zend_bin = old->zend_bin;
}

#define ZEND_CUSTOM 0 /* zend_mm_heap.use_custom_heap: its first word */

/* zend_drop - PHP drops all blocks of its heap, at the end of a request. A heap that passes everything on to malloc
 * (USE_ZEND_ALLOC=0) drops none. */
static __always_inline void zend_drop(__u32 slot)
{
	struct swt_php *php = bpf_map_lookup_elem(&php_procs, &slot);
	struct swt_proc *p = proc_at(slot);
	struct swt_layer_counts *l;
	__u32 custom = 1;
	__u64 heap = 0;

	if (!p || !php || !php->heap_at || bpf_probe_read_user(&heap, sizeof(heap), (void *)php->heap_at) ||
		bpf_probe_read_user(&custom, sizeof(custom), (void *)(heap + ZEND_CUSTOM)) || custom)
		return;
	l = &p->layer[SWT_LAYER_ZEND];
	l->n_frees = l->n_allocs;
	l->freed_bytes = l->alloc_bytes;
	l->left_out_now = 0;
	p->began[SWT_LAYER_ZEND] = birth_now();
	__sync_fetch_and_add(&p->epoch[SWT_LAYER_ZEND], 1);
	p->zend.traced_bytes = 0;
	p->zend.before_bytes = 0;
	p->zend.n_drops++;
	p->zend.is_custom = 0;
}

#endif
