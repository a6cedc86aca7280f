// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/near.c - which block is at an address: asked when a process dies. */
#include <string.h>

#include "collect/internal.h"
#include "swtrace/abi.h"

unsigned near_rank(const struct swt_block *b, uint64_t addr)
{
	if (addr < b->addr)
		return b->addr - addr <= MODEL_NEAR_BEFORE ? 1 + MODEL_NEAR_BEFORE - (b->addr - addr) : 0;
	if (addr - b->addr < b->size_bytes)
		return 1000;
	addr -= b->addr + b->size_bytes;
	return addr < MODEL_NEAR_PAST ? 100 + MODEL_NEAR_PAST - addr : 0;
}

void near_stack(const struct attach_tables *t, uint32_t slot, struct model_near_stack *out)
{
	const struct swt_stack *s = &t->stack[slot];
	size_t n = s->n_frames < SWT_MAX_FRAMES ? s->n_frames : SWT_MAX_FRAMES;

	if (!SWT_STACK_IS_FILLED(s->key))
		return;
	out->is_known = 1;
	out->walk = s->walk;
	out->life = s->life;
	out->generation = s->generation;
	out->n_frames = n;
	memcpy(out->frame, s->frame, n * sizeof(*out->frame));
}

void near_fill(
	const struct collect *c, const struct swt_block *b, uint64_t addr, uint64_t time_ns, struct model_near *out)
{
	const struct attach_tables *t = &c->tables;
	uint64_t born_ns = t->start_ns + b->birth * t->birth_unit_ns;

	memset(out, 0, sizeof(*out));
	out->kind = MODEL_NEAR_LIVE;
	out->layer = (enum model_layer)b->layer;
	out->addr = b->addr;
	out->size_bytes = b->size_bytes;
	out->offset = (int64_t)(addr - b->addr);
	out->age_ns = !c->windows && time_ns > born_ns ? time_ns - born_ns : 0;
	out->is_estimate = b->sample_shift != 0;
	near_stack(t, b->stack, &out->allocated);
}

/* near_block - does a record fit any of the addresses better than what was found so far? */
static void near_block(const struct collect *c, const struct swt_block *b, uint64_t time_ns, const uint64_t *addr,
	struct model_near *out, unsigned *rank, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned r = near_rank(b, addr[i]);

		if (r <= rank[i])
			continue;
		rank[i] = r;
		near_fill(c, b, addr[i], time_ns, &out[i]);
	}
}

/* near_live - the live table. A bucket's keys say whose a block is, and where it begins: the rest is read of few. */
static void near_live(const struct collect *c, uint32_t slot, uint64_t time_ns, const uint64_t *addr,
	struct model_near *out, unsigned *rank, size_t n)
{
	const struct attach_tables *t = &c->tables;
	struct swt_block b;

	for (size_t i = 0; i < t->n_buckets * SWT_BUCKET_BLOCKS; i++) {
		const struct swt_bucket *bucket = &t->bucket[i / SWT_BUCKET_BLOCKS];
		size_t k = i % SWT_BUCKET_BLOCKS;
		uint64_t key = __atomic_load_n(&bucket->key[k], __ATOMIC_ACQUIRE);

		if (!SWT_KEY_USED(key) || SWT_KEY_PROC(key) != slot || SWT_KEY_LAYER(key) >= SWT_LAYERS)
			continue;
		swt_block_unpack(key, &bucket->payload[k], &b);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&bucket->key[k], __ATOMIC_RELAXED) == key && b.stack < t->n_stacks &&
			!swt_block_is_dead(&b, &t->proc[slot]))
			near_block(c, &b, time_ns, addr, out, rank, n);
	}
}

void collect_near(struct collect *c, int pid, uint64_t time_ns, const uint64_t *addr, struct model_near *out, size_t n)
{
	unsigned rank[NEAR_MAX] = { 0 };
	int slot = proc_slot(&c->tables, pid);

	memset(out, 0, n * sizeof(*out));
	if (slot < 0)
		return;
	n = n < NEAR_MAX ? n : NEAR_MAX;
	near_live(c, (uint32_t)slot, time_ns, addr, out, rank, n);
	near_freed(c, (uint32_t)slot, time_ns, addr, out, rank, n);
}
