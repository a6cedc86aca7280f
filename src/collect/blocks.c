// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/blocks.c - one pass through the live table: what lives, by stack and by process. */
#include <stdlib.h>
#include <string.h>

#include "collect/internal.h"
#include "swtrace/abi.h"

/* The blocks of one process and layer, while they are added up: neighbours in the table most often have the same owner, and
 * what it takes to tell whether they live is looked up once. */
struct owner {
	uint64_t key; /* SWT_KEY_OWNER() */
	uint32_t epoch;
	uint32_t began;
	struct model_layer_counts *to; /* NULL: its blocks do not count */
	uint64_t bytes;
	uint64_t blocks; /* records */
	int n_records;	 /* of each block */
};

/* filter_begin - which blocks the stacks count. */
static void filter_begin(struct reading *r, const struct collect_filter *f)
{
	uint64_t since_ns = r->s->time_ns - r->t->start_ns;

	r->min_size = f->min_size_bytes;
	r->max_size = f->max_size_bytes ? f->max_size_bytes : UINT64_MAX;
	r->end_birth = UINT64_MAX;
	if (f->older_ns)
		r->end_birth = since_ns < f->older_ns ? 0 : (since_ns - f->older_ns) / r->t->birth_unit_ns + 1;
}

/* owner_end - what was added up goes to the process. */
static void owner_end(const struct reading *r, const struct owner *o)
{
	if (o->to) {
		o->to->live_bytes += o->bytes;
		o->to->live_blocks += o->blocks;
		r->s->live_places += o->blocks * o->n_records;
	}
}

/* owner_next - the blocks that follow are another's. By value, so that what is added up stays in registers. */
static struct owner owner_next(const struct reading *r, struct owner before, uint64_t key)
{
	uint32_t slot = SWT_KEY_PROC(key), layer = SWT_KEY_LAYER(key);
	struct model_process *p = slot < r->t->n_procs && layer < SWT_LAYERS ? r->of_slot[slot] : NULL;

	owner_end(r, &before);
	if (!p)
		return (struct owner){ .key = SWT_KEY_OWNER(key) };
	return (struct owner){
		.key = SWT_KEY_OWNER(key),
		.epoch = r->t->proc[slot].epoch[layer],
		.began = r->t->proc[slot].began[layer],
		.to = &p->layer[layer],
		.n_records = layer == SWT_LAYER_MMAP ? 2 : 1,
	};
}

static void tally_add(struct tally *t, uint64_t bytes, uint32_t birth)
{
	t->bytes += bytes;
	t->blocks++;
	if (t->oldest - 1 > birth) /* 0 - 1 is the largest number */
		t->oldest = birth + 1;
}

/* generation_add - the filter does not matter here: a verdict is of all blocks. */
static inline void generation_add(
	const struct reading *r, uint32_t stack, uint64_t bytes, uint64_t blocks, uint32_t birth)
{
	struct model_generations *of = &r->generations[stack];
	size_t g = ages_of(&r->ages, birth);

	of->bytes[g] += bytes;
	of->blocks[g] += (uint32_t)blocks;
}

/* sampled_add - add up a block that stands for others, too. Rare, and kept out of the way of the others. */
static __attribute__((noinline, cold)) void sampled_add(
	const struct reading *r, uint64_t key, struct swt_payload p, struct model_layer_counts *to)
{
	struct swt_block b;

	swt_block_unpack(key, &p, &b);
	to->live_bytes += swt_block_bytes(&b);
	to->live_blocks += swt_block_blocks(&b);
	to->is_estimate = 1;
	r->s->live_places++;
	if (r->generations)
		generation_add(r, b.stack, swt_block_bytes(&b), swt_block_blocks(&b), b.birth);
	if (b.size_bytes < r->min_size || b.size_bytes > r->max_size || b.birth >= r->end_birth)
		return;
	tally_add(&r->tally[b.stack], swt_block_bytes(&b), b.birth);
	r->others[b.stack] += swt_block_blocks(&b) - 1;
}

/* bucket_read - add up the blocks of a bucket, which other CPUs may be changing: a record is whole if its key is the same
 * before and after, since a writer clears the key first and stores it last.
 * @place  of its n records that are in use */
static inline struct owner bucket_read(
	const struct reading *r, const struct swt_bucket *bucket, const uint8_t *place, size_t n, struct owner o)
{
	for (size_t k = 0; k < n; k++) {
		uint64_t key = __atomic_load_n(&bucket->key[place[k]], __ATOMIC_ACQUIRE);
		struct swt_payload p = bucket->payload[place[k]];
		uint64_t size = SWT_WHAT_SIZE(p.what);
		uint32_t birth = SWT_WHEN_BIRTH(p.when), stack = SWT_WHEN_STACK(p.when);

		if (!SWT_KEY_USED(key)) /* by now */
			continue;
		if (SWT_KEY_OWNER(key) != o.key)
			o = owner_next(r, o, key);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&bucket->key[place[k]], __ATOMIC_RELAXED) != key || stack >= r->t->n_stacks ||
			!o.to || !SWT_EPOCH_IS(swt_payload_epoch(&p), o.epoch) || birth < o.began)
			continue;
		if (SWT_WHAT_SAMPLED(p.what)) {
			sampled_add(r, key, p, o.to);
			continue;
		}
		o.bytes += size;
		o.blocks++;
		if (r->generations)
			generation_add(r, stack, size, 1, birth);
		if (size >= r->min_size && size <= r->max_size && birth < r->end_birth)
			tally_add(&r->tally[stack], size, birth);
	}
	return o;
}

/* How far ahead, in buckets. */
#define LINES_AHEAD   10
#define TALLIES_AHEAD 2

/* bucket_ask - have the table's next lines, and the tallies of the next blocks, at hand when they are read: the tallies of a
 * million blocks are a random walk through memory. What else than a block stands in a record does no harm. */
static void bucket_ask(const struct reading *r, const struct swt_bucket *bucket)
{
	const struct swt_bucket *next = bucket + TALLIES_AHEAD;

	for (size_t k = 0; k < sizeof(*bucket); k += 64)
		__builtin_prefetch((const char *)(bucket + LINES_AHEAD) + k);
	for (size_t k = 0; next < r->t->bucket + r->t->n_buckets && k < SWT_BUCKET_BLOCKS; k++)
		__builtin_prefetch(&r->tally[SWT_WHEN_STACK(next->payload[k].when)], 1);
}

/* bucket_used - the places that are in use, without a branch that nobody could foretell.  Return: their number. */
static size_t bucket_used(const struct swt_bucket *bucket, uint8_t *place)
{
	size_t n = 0;

	for (uint8_t k = 0; k < SWT_BUCKET_BLOCKS; k++) {
		place[n] = k;
		n += SWT_KEY_USED(__atomic_load_n(&bucket->key[k], __ATOMIC_RELAXED));
	}
	return n;
}

/* survivor_add - note a block of a window, if it is one to be judged. */
static void survivor_add(struct reading *r, const struct swt_block *b)
{
	int window = model_window_of(r->windows, SWT_BIRTH_WINDOW(b->birth));
	struct survivor_list *l = &r->survivors;
	struct survivor *grown;

	if (window < 0 || SWT_BIRTH_SLOT(b->birth) >= r->windows->window[window].judged_slots)
		return;
	if (l->n == l->cap) {
		grown = realloc(l->block, (2 * l->cap + 1024) * sizeof(*grown));
		if (!grown) {
			l->failed = 1;
			return;
		}
		l->block = grown;
		l->cap = 2 * l->cap + 1024;
	}
	l->block[l->n++] = (struct survivor){ .stack = b->stack, .window = window, .bytes = swt_block_bytes(b) };
}

void blocks_survivors(struct reading *r)
{
	struct swt_block b;

	for (size_t i = 0; i < r->t->n_buckets * SWT_BUCKET_BLOCKS; i++) {
		const struct swt_bucket *bucket = &r->t->bucket[i / SWT_BUCKET_BLOCKS];
		size_t k = i % SWT_BUCKET_BLOCKS;
		uint64_t key = __atomic_load_n(&bucket->key[k], __ATOMIC_ACQUIRE);

		if (!SWT_KEY_USED(key))
			continue;
		swt_block_unpack(key, &bucket->payload[k], &b);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&bucket->key[k], __ATOMIC_RELAXED) == key && b.proc < r->t->n_procs &&
			b.stack < r->t->n_stacks && b.layer < SWT_LAYERS && r->of_slot[b.proc] &&
			!swt_block_is_dead(&b, &r->t->proc[b.proc]))
			survivor_add(r, &b);
	}
}

void blocks_read(struct reading *r, const struct collect_filter *filter)
{
	const struct swt_bucket *bucket = r->t->bucket, *end = bucket + r->t->n_buckets;
	uint8_t place[SWT_BUCKET_BLOCKS];
	struct owner o = { 0 };
	uint64_t used = 0;
	size_t n;

	filter_begin(r, filter);
	if (r->generations) {
		memset(r->generations, 0, r->t->n_stacks * sizeof(*r->generations));
		ages_begin(&r->ages, r->t, r->bounds);
	}
	for (; bucket < end; bucket++) {
		bucket_ask(r, bucket);
		n = bucket_used(bucket, place);
		used += n;
		o = bucket_read(r, bucket, place, n, o);
	}
	owner_end(r, &o);
	r->s->blocks.used = used;
}
