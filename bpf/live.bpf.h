/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* live.bpf.h - the table of live blocks: insert and remove, safe between CPUs without a lock.
 *
 * A block selects two buckets of SWT_BUCKET_BLOCKS records each; it is put into the emptier one and stays there. Looking
 * up compares at most 32 keys that lie in four cache lines, and removing leaves nothing behind. With two choices the
 * buckets fill so evenly that a block finds no place only when the table is about four fifths full.
 * A record is claimed by compare-and-swap on its key, filled, and published by storing the key last.
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

/* A record: its bucket, and its place in there. */
struct place {
	struct swt_bucket *bucket; /* NULL = there is none */
	__u32 at;
};

/* live_key - the key of a block; 0 when it has none: there is no room for its address. */
static __always_inline __u64 live_key(const struct swt_block *b)
{
	return b->addr >> 48 ? 0 : SWT_KEY(b->addr, b->proc, b->layer);
}

static __always_inline bool live_buckets(__u64 key, struct bucket_pair *b)
{
	__u64 h = mix64(key ^ cfg.hash_seed);
	__u32 i = (__u64)(__u32)h * cfg.n_buckets >> 32, k = (h >> 32) * cfg.n_buckets >> 32;

	b->one = bpf_map_lookup_elem(&live, &i);
	b->two = bpf_map_lookup_elem(&live, &k);
	return b->one && b->two;
}

/* key_at - the key of a record, read anew: other CPUs change it. */
static __always_inline __u64 key_at(const struct swt_bucket *b, __u32 i)
{
	return *(const volatile __u64 *)&b->key[i];
}

/* live_find - the record with that key, if there is one.
 * @n_more  out, when there is none: how many more records are used in the first bucket than in the second; NULL: of no interest.
 *          It is added up without branches, or the verifier would follow 2^32 paths. */
static __always_inline struct place live_find(const struct bucket_pair *b, __u64 key, __s64 *n_more)
{
	__s64 n = 0;

#pragma unroll
	for (__u32 i = 0; i < SWT_BUCKET_BLOCKS; i++) {
		__u64 one = key_at(b->one, i), two = key_at(b->two, i);

		if (one == key)
			return (struct place){ b->one, i };
		if (two == key)
			return (struct place){ b->two, i };
		if (!n_more)
			continue;
		n += SWT_KEY_USED(one) - SWT_KEY_USED(two);
		/* Now: the compiler would put it off until it is sure that none is found, and keep all 32 keys on the stack. */
		asm volatile("" : "+r"(n));
	}
	if (n_more)
		*n_more = n;
	return (struct place){ 0 };
}

/* is_dead - the block's process has since dropped all blocks of its layer. */
static __always_inline bool is_dead(const struct swt_block *b)
{
	struct swt_proc *p = proc_at(b->proc);

	return p && swt_block_is_dead(b, p);
}

/* bucket_purge - empty the records whose epoch is over. */
static __always_inline void bucket_purge(struct swt_bucket *bucket)
{
	struct swt_block b;
	__u64 key;

	for (__u32 i = 0; i < SWT_BUCKET_BLOCKS; i++) {
		key = key_at(bucket, i);
		swt_block_unpack(key, &bucket->payload[i], &b);
		if (SWT_KEY_USED(key) && is_dead(&b))
			__sync_val_compare_and_swap(&bucket->key[i], key, SWT_BLOCK_FREE);
	}
}

/* bucket_claim - take an empty record of the bucket. */
static __always_inline struct place bucket_claim(struct swt_bucket *b)
{
#pragma unroll
	for (__u32 i = 0; i < SWT_BUCKET_BLOCKS; i++)
		if (key_at(b, i) == SWT_BLOCK_FREE &&
			__sync_val_compare_and_swap(&b->key[i], SWT_BLOCK_FREE, SWT_BLOCK_CLAIMED) == SWT_BLOCK_FREE)
			return (struct place){ b, i };
	return (struct place){ 0 };
}

/* live_claim - take a record of the emptier bucket, or, if that is full by now, of the other. */
static __always_inline struct place live_claim(const struct bucket_pair *b, __s64 n_more)
{
	struct place p = bucket_claim(n_more > 0 ? b->two : b->one);

	return p.bucket ? p : bucket_claim(n_more > 0 ? b->one : b->two);
}

/* live_write - fill a record that is claimed, and publish it. */
static __always_inline void live_write(struct place p, __u64 key, const struct swt_block *b)
{
	struct swt_payload *to = &p.bucket->payload[p.at];

	to->what = SWT_WHAT(b);
	to->when = SWT_WHEN(b);
	__sync_lock_test_and_set(&p.bucket->key[p.at], key);
}

/* bucket_count - records in use. */
static __always_inline __u32 bucket_count(const struct swt_bucket *b)
{
	__u32 n = 0;

#pragma unroll
	for (__u32 i = 0; i < SWT_BUCKET_BLOCKS; i++)
		n += SWT_KEY_USED(key_at(b, i));
	return n;
}

static __always_inline __u32 buckets_count(const struct bucket_pair *b)
{
	__u32 one = bucket_count(b->one), two = bucket_count(b->two);

	return one < two ? one : two;
}

#define LOOKED_AT 32		       /* buckets */
#define TIGHT	  (LOOKED_AT * 27 / 2) /* records in them: 13.5 each, 84 % */

/* live_press - a block has taken its bucket's last place. That is rare until the table is full nearly everywhere: look at some
 * buckets, and begin to sample if it is, while there is still room for the sample. At 77 % it takes 4.5 standard deviations of
 * them to be taken for 84 %. */
__noinline int live_press(__u64 key)
{
	struct bucket_pair b;
	struct swt_bucket *any;
	__u32 n = 0, at;

	if (!live_buckets(key, &b))
		return 0;
	bucket_purge(b.one);
	bucket_purge(b.two);
	if (buckets_count(&b) < SWT_BUCKET_BLOCKS - 1)
		return 0;
	for (int i = 0; i < LOOKED_AT; i++) {
		at = (__u64)bpf_get_prandom_u32() * cfg.n_buckets >> 32;
		any = bpf_map_lookup_elem(&live, &at);
		n += any ? bucket_count(any) : 0;
	}
	if (n > TIGHT)
		pressed = 1;
	return 0;
}

/* live_insert - record a block. A record of the same address, process and layer is overwritten and handed out through
 * replaced (addr 0 = there was none): its free was missed.  Return: 0, or -1 when it finds no place (counted). */
__noinline int live_insert(const struct swt_block *block, struct swt_block *replaced)
{
	struct bucket_pair b;
	__s64 n_more = 0;
	struct place p;
	__u64 key;

	if (!block || !replaced)
		return -1;
	replaced->addr = 0;
	key = live_key(block);
	if (!key || block->size_bytes > SWT_BITS48) {
		loss_add(SWT_LOSS_BEYOND);
		return -1;
	}
	if (!live_buckets(key, &b))
		return -1;
	p = live_find(&b, key, &n_more);
	if (p.bucket && __sync_val_compare_and_swap(&p.bucket->key[p.at], key, SWT_BLOCK_CLAIMED) == key) {
		swt_block_unpack(key, &p.bucket->payload[p.at], replaced);
		live_write(p, key, block);
		return 0;
	}
	p = live_claim(&b, n_more);
	if (!p.bucket) {
		bucket_purge(b.one);
		bucket_purge(b.two);
		p = live_claim(&b, n_more);
	}
	if (!p.bucket) {
		pressed = 1;
		loss_add(block->layer < SWT_LAYER_MMAP ? SWT_LOSS_BLOCKS_FULL : SWT_LOSS_MAPS_FULL);
		return -1;
	}
	live_write(p, key, block);
	if (p.at == SWT_BUCKET_BLOCKS - 1 && !pressed)
		live_press(key);
	return 0;
}

#define SAMPLE_FROM 12 /* records in the emptier bucket: below, every block is recorded */

/* sample_level - sample_shift of small blocks, by how many records the emptier bucket has. By simulation of what allocators are
 * asked for, with a table for 50,000 blocks: when 1.5 times as many live, the sum is within 0.1 %, at 10 times within 1 %; of a
 * leak 10 times as large as fits it is within 3 %. Fewer or steeper levels make that worse, finer ones leave out blocks
 * for which there would be room. The last one puts off the day when there is no place at all: it takes 1 MiB for a bucket. */
static __always_inline __u32 sample_level(__u32 n_used)
{
	return n_used < SAMPLE_FROM ? 0 : n_used == 12 ? 9 : n_used == 13 ? 12 : n_used == 14 ? 16 : 20;
}

/* live_sample - while the table is pressed: is a new block to be recorded? Of each R bytes one block is, at random, never by its
 * address: see swt_block_bytes(). Sets the block's sample_shift and sample_up.
 * Return: 1 yes, 0 no, -1 there is no place (counted). */
__noinline int live_sample(struct swt_block *block)
{
	struct bucket_pair b;
	__u32 n_used, shift;
	__u64 key, size;

	if (!block)
		return -1;
	key = live_key(block);
	if (!key || !live_buckets(key, &b))
		return 1; /* live_insert() says what is wrong */
	n_used = buckets_count(&b);
	if (n_used >= SAMPLE_FROM) {
		bucket_purge(b.one);
		bucket_purge(b.two);
		n_used = buckets_count(&b);
	}
	if (n_used >= SWT_BUCKET_BLOCKS) {
		loss_add(SWT_LOSS_BLOCKS_FULL);
		return -1;
	}
	shift = sample_level(n_used);
	size = block->size_bytes ? block->size_bytes : 1;
	if (size >> shift)
		return 1;
	if (bpf_get_prandom_u32() >> (32 - shift) >= size)
		return 0;
	block->sample_shift = shift;
	/* With the probability of what R / size leaves. */
	block->sample_up = ((__u64)bpf_get_prandom_u32() * size >> 32) < (1ULL << shift) % size;
	return 1;
}

/* live_remove - take the block with block's address, process and layer out of the table, into *block.
 * Return: 0, or -1: it is not there, or its epoch is over. */
__noinline int live_remove(struct swt_block *block)
{
	struct bucket_pair b;
	struct place p;
	__u64 key;

	if (!block)
		return -1;
	key = live_key(block);
	if (!key || !live_buckets(key, &b))
		return -1;
	p = live_find(&b, key, 0);
	if (!p.bucket)
		return -1;
	swt_block_unpack(key, &p.bucket->payload[p.at], block);
	if (__sync_val_compare_and_swap(&p.bucket->key[p.at], key, SWT_BLOCK_FREE) != key)
		return -1;
	return is_dead(block) ? -1 : 0;
}

#endif
