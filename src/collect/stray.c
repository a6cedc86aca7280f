// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/stray.c - is what was freed a block? The kernel side has found none at the address; most often it is one from before tracing
 * began. */
#include <string.h>

#include "collect/internal.h"
#include "swtrace/abi.h"
#include "util/clock.h"

/* What is looked for: a block that lived when the address was freed, and holds it. */
struct search {
	const struct model_stray *stray;
	uint32_t slot;	      /* of the process */
	uint32_t born_from;   /* swt_birth(): none older: one may have died unseen, and its memory be another's */
	uint32_t born_before; /* none younger: it may have been born since */
};

void stray_event_fill(
	const struct collect *c, struct model_event *m, struct model_stray *stray, const struct swt_event_stray *e)
{
	*stray = (struct model_stray){
		.addr = e->addr,
		.layer = e->layer < SWT_LAYERS ? (enum model_layer)e->layer : MODEL_MMAP,
		.is_new = e->is_new != 0,
		.tick = e->tick,
		.life = e->life,
		.epoch = e->epoch,
		.began = e->began,
		.slot = e->e.proc,
	};
	m->stray = stray;
	event_stack_fill(c, m, e->e.value, e->op);
}

/* count_doubts - how often something was missed. */
static uint64_t count_doubts(const struct attach_tables *t)
{
	return __atomic_load_n(t->stray_doubts, __ATOMIC_ACQUIRE) + t->losses->count[SWT_LOSS_RETURN_MISSED] +
	       t->losses->count[SWT_LOSS_NO_STATE] + t->losses->count[SWT_LOSS_RESULT_UNREAD];
}

void collect_trust(struct collect *c, int pid)
{
	int slot = proc_slot(&c->tables, pid);

	c->whole = (struct seen_whole){ 0 };
	if (slot < 0 || !c->tables.n_freed)
		return;
	c->whole.pid = pid;
	c->whole.life = c->tables.proc[slot].life;
	c->whole.doubts = count_doubts(&c->tables);
	c->whole.doubt_tick = __atomic_load_n(c->tables.freed_doubt_tick, __ATOMIC_ACQUIRE);
}

/* is_whole - are all blocks known? Not of the Zend heap, some of whose blocks are recorded before they are allocated. */
static int is_whole(const struct collect *c, const struct model_event *e)
{
	return c->whole.pid == e->pid && c->whole.life == e->stray->life && e->stray->layer == MODEL_LIBC &&
	       c->whole.doubts == count_doubts(&c->tables) &&
	       c->whole.doubt_tick == __atomic_load_n(c->tables.freed_doubt_tick, __ATOMIC_ACQUIRE);
}

/* holds - @b  of the process and layer */
static int holds(const struct search *s, const struct swt_block *b)
{
	uint64_t offset = s->stray->addr - b->addr;

	return offset && offset < b->size_bytes && b->birth >= s->born_from && b->birth < s->born_before &&
	       b->birth >= s->stray->began;
}

/* find_live - among the blocks that live now.  Return: 1 and *out, or 0. */
static int find_live(const struct attach_tables *t, const struct search *s, struct swt_block *out)
{
	uint64_t owner = SWT_KEY_OWNER(SWT_KEY(0, s->slot, s->stray->layer));

	for (size_t i = 0; i < t->n_buckets * SWT_BUCKET_BLOCKS; i++) {
		const struct swt_bucket *bucket = &t->bucket[i / SWT_BUCKET_BLOCKS];
		size_t k = i % SWT_BUCKET_BLOCKS;
		uint64_t key = __atomic_load_n(&bucket->key[k], __ATOMIC_ACQUIRE);

		if (SWT_KEY_OWNER(key) != owner || (key & SWT_BITS48) >= s->stray->addr)
			continue;
		swt_block_unpack(key, &bucket->payload[k], out);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (__atomic_load_n(&bucket->key[k], __ATOMIC_RELAXED) == key && out->stack < t->n_stacks &&
			SWT_EPOCH_IS(out->epoch, s->stray->epoch) && holds(s, out))
			return 1;
	}
	return 0;
}

/* find_freed - among those that were freed since.  Return: as above. */
static int find_freed(const struct attach_tables *t, const struct search *s, struct swt_block *out)
{
	struct swt_freed_block f;

	for (size_t i = 0; i < t->n_freed; i++) {
		if (!swt_freed_unpack(&t->freed[i], (uint32_t)i, t->freed_shift, &f) || f.block.proc != s->slot ||
			f.block.layer != s->stray->layer || f.tick <= s->stray->tick || f.block.stack >= t->n_stacks ||
			(f.block.epoch ^ s->stray->epoch) & 0xffff || !holds(s, &f.block))
			continue;
		*out = f.block;
		return 1;
	}
	return 0;
}

static uint64_t last_doubt(const struct attach_tables *t)
{
	uint64_t unseen = __atomic_load_n(t->freed_doubt_tick, __ATOMIC_ACQUIRE);
	uint64_t left_out = __atomic_load_n(t->stray_doubt_tick, __ATOMIC_ACQUIRE);

	return unseen > left_out ? unseen : left_out;
}

int collect_stray(struct collect *c, const struct model_event *e, struct model_near *block)
{
	const struct attach_tables *t = &c->tables;
	uint64_t begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID), unit = t->birth_unit_ns / t->tick_ns;
	struct search s = { .stray = e->stray, .slot = e->stray->slot };
	uint32_t birth = swt_birth(e->stray->tick / unit);
	int whole = is_whole(c, e), found;
	struct swt_block b;

	memset(block, 0, sizeof(*block));
	if (s.slot >= t->n_procs || t->proc[s.slot].tgid != (uint32_t)e->pid || e->stray->layer >= MODEL_MMAP ||
		(!whole && !pace_is_due(&c->stray_pace, e->time_ns)))
		return 0;
	if (!whole)
		s.born_from = swt_birth(last_doubt(t) / unit) + 1;
	/* Where nothing was freed before, nothing is allocated again either. */
	s.born_before = whole && e->stray->is_new ? birth + 1 : birth;
	found = find_live(t, &s, &b) || find_freed(t, &s, &b);
	if (!whole)
		pace_note(&c->stray_pace, e->time_ns, clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns);
	if (found)
		near_fill(c, &b, e->stray->addr, e->time_ns, block);
	return found || whole;
}

int collect_count_stray(struct collect *c, const struct model_event *e)
{
	uint64_t key = e->stack < c->tables.n_stacks ? c->tables.stack[e->stack].key : 0;

	c->n_stray++;
	for (size_t i = 0; i < c->n_strays; i++)
		if (c->stray[i].stack == e->stack && c->stray[i].key == key)
			return 0;
	if (c->n_strays >= TWICE_MAX)
		return 0;
	c->stray[c->n_strays++] = (struct twice){ e->stack, key };
	return 1;
}
