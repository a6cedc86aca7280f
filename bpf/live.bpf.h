/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* live.bpf.h - the table of live blocks: insert and remove, safe between CPUs without a lock.
 *
 * An address selects two buckets of SWT_BUCKET_BLOCKS records each; a block is put into the emptier one and stays
 * there. Looking up compares at most 16 records that lie in eight cache lines, and removing leaves nothing behind. With
 * two choices the buckets fill so evenly that a block finds no place only when the table is about two thirds full.
 * A record is claimed by compare-and-swap on its address, filled, and published by storing the address last.
 *
 * live_insert() and live_remove() are global functions: the verifier then looks at each once (51c39bb1d5d1), not once
 * for every path that leads to a call, which would be more than it accepts. */
#ifndef LIVE_BPF_H
#define LIVE_BPF_H

/* Finaliser of the public-domain MurmurHash3 (64 bits): every input bit changes every output bit. */
static __always_inline __u64 mix64(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	x ^= x >> 33;
	return x;
}

struct bucket_pair {
	struct swt_bucket *one;
	struct swt_bucket *two;
};

static __always_inline bool live_buckets(__u64 addr, __u32 proc, struct bucket_pair *b)
{
	__u64 h = mix64(addr ^ cfg.hash_seed ^ (__u64)proc << 48);
	__u32 i = (__u32)h & cfg.bucket_mask, k = (__u32)(h >> 32) & cfg.bucket_mask;

	b->one = bpf_map_lookup_elem(&live, &i);
	b->two = bpf_map_lookup_elem(&live, &k);
	return b->one && b->two;
}

static __always_inline bool is_block(const struct swt_block *r, const struct swt_block *key)
{
	return r->addr == key->addr && r->proc == key->proc && r->layer == key->layer;
}

/* live_find - the record with the address, process and layer of key; NULL if there is none. */
static __always_inline struct swt_block *live_find(const struct bucket_pair *b, const struct swt_block *key)
{
#pragma unroll
	for (int i = 0; i < SWT_BUCKET_BLOCKS; i++) {
		if (is_block(&b->one->block[i], key))
			return &b->one->block[i];
		if (is_block(&b->two->block[i], key))
			return &b->two->block[i];
	}
	return 0;
}

/* bucket_free - empty records. Without branches, or the verifier follows 2^8 paths: only 0 - 1 has its top bit set, since
 * user addresses end below 2^63. */
static __always_inline __u64 bucket_free(const struct swt_bucket *b)
{
	__u64 n = 0;

#pragma unroll
	for (int i = 0; i < SWT_BUCKET_BLOCKS; i++)
		n += (b->block[i].addr - 1) >> 63;
	return n;
}

/* is_dead - the record's process has since dropped all blocks of its layer. */
static __always_inline bool is_dead(const struct swt_block *r)
{
	struct swt_proc *p = proc_at(r->proc);

	return p && p->epoch[r->layer & (SWT_LAYER_SLOTS - 1)] != r->epoch;
}

/* bucket_purge - empty the records whose epoch is over. */
static __always_inline void bucket_purge(struct swt_bucket *b)
{
#pragma unroll
	for (int i = 0; i < SWT_BUCKET_BLOCKS; i++) {
		__u64 addr = b->block[i].addr;

		if (addr != SWT_BLOCK_FREE && addr != SWT_BLOCK_CLAIMED && is_dead(&b->block[i]))
			__sync_val_compare_and_swap(&b->block[i].addr, addr, SWT_BLOCK_FREE);
	}
}

/* bucket_claim - take an empty record of the bucket. */
static __always_inline struct swt_block *bucket_claim(struct swt_bucket *b)
{
#pragma unroll
	for (int i = 0; i < SWT_BUCKET_BLOCKS; i++)
		if (b->block[i].addr == SWT_BLOCK_FREE && __sync_val_compare_and_swap(&b->block[i].addr, SWT_BLOCK_FREE,
								  SWT_BLOCK_CLAIMED) == SWT_BLOCK_FREE)
			return &b->block[i];
	return 0;
}

/* live_claim - take a record of the emptier bucket, or, if another CPU was faster, of the other. */
static __always_inline struct swt_block *live_claim(struct bucket_pair *b)
{
	bool two = bucket_free(b->two) > bucket_free(b->one);
	struct swt_block *r = bucket_claim(two ? b->two : b->one);

	return r ? r : bucket_claim(two ? b->one : b->two);
}

/* live_insert - record a block. A record of the same address, process and layer is overwritten and handed out through
 * replaced (addr 0 = there was none): its free was missed.  Return: 0, or -1 when both buckets are full (counted). */
__noinline int live_insert(const struct swt_block *block, struct swt_block *replaced)
{
	struct bucket_pair b;
	struct swt_block *r;
	__u64 addr;

	if (!block || !replaced)
		return -1;
	replaced->addr = 0;
	if (!live_buckets(block->addr, block->proc, &b))
		return -1;
	addr = block->addr;
	r = live_find(&b, block);
	if (r && __sync_val_compare_and_swap(&r->addr, addr, SWT_BLOCK_CLAIMED) == addr) {
		*replaced = *r;
		replaced->addr = addr;
	} else {
		r = live_claim(&b);
		if (!r) {
			bucket_purge(b.one);
			bucket_purge(b.two);
			r = live_claim(&b);
		}
		if (!r) {
			loss_add(block->layer < SWT_LAYER_MMAP ? SWT_LOSS_BLOCKS_FULL : SWT_LOSS_MAPS_FULL);
			return -1;
		}
	}
	r->size_bytes = block->size_bytes;
	r->stack = block->stack;
	r->birth_cs = block->birth_cs;
	r->epoch = block->epoch;
	r->proc = block->proc;
	r->layer = block->layer;
	r->zend_bin = block->zend_bin;
	__sync_lock_test_and_set(&r->addr, addr);
	return 0;
}

/* live_remove - take the block with block's address, process and layer out of the table, into *block.
 * Return: 0, or -1: it is not there, or its epoch is over. */
__noinline int live_remove(struct swt_block *block)
{
	struct bucket_pair b;
	struct swt_block *r;
	__u64 addr;

	if (!block || !live_buckets(block->addr, block->proc, &b))
		return -1;
	r = live_find(&b, block);
	if (!r)
		return -1;
	addr = block->addr;
	block->size_bytes = r->size_bytes;
	block->stack = r->stack;
	block->birth_cs = r->birth_cs;
	block->epoch = r->epoch;
	block->zend_bin = r->zend_bin;
	if (__sync_val_compare_and_swap(&r->addr, addr, SWT_BLOCK_FREE) != addr)
		return -1;
	return is_dead(block) ? -1 : 0;
}

#endif
