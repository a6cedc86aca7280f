// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/freed.c - what is remembered of blocks that are no more, and of a thread's last calls: struct swt_freed, swt_call. */
#include <string.h>

#include "collect/internal.h"
#include "swtrace/abi.h"

_Static_assert(MODEL_MAX_CALLS > SWT_LAST_CALLS, "the calls of a thread fit, and one that had not returned");

#define RANK_FREED 900 /* a freed block that holds the address: below a live one (near_rank), above all that miss it */

/* ago - how long before the event a tick was. */
static uint64_t ago(uint64_t tick, uint64_t now, uint64_t tick_ns)
{
	return tick < now ? (now - tick) * tick_ns : 0;
}

static void freed_fill(const struct collect *c, const struct swt_freed_block *f, uint64_t addr, uint64_t time_ns,
	struct model_near *out)
{
	const struct attach_tables *t = &c->tables;
	uint64_t now = (time_ns - t->start_ns) / t->tick_ns;

	near_fill(c, &f->block, addr, time_ns, out);
	out->kind = MODEL_NEAR_FREED;
	out->freed_ns = ago(f->tick, now, t->tick_ns);
	if (out->age_ns < out->freed_ns) /* births are known less exactly */
		out->age_ns = out->freed_ns;
	out->freed_tid = (int)f->tid;
	if (f->stack < t->n_stacks)
		near_stack(t, f->stack, &out->freed);
}

void near_freed(const struct collect *c, uint32_t slot, uint64_t time_ns, const uint64_t *addr, struct model_near *out,
	unsigned *rank, size_t n)
{
	const struct attach_tables *t = &c->tables;
	uint64_t tick[NEAR_MAX] = { 0 };
	struct swt_freed_block f;

	for (size_t at = 0; at < t->n_freed; at++) {
		if (!swt_freed_unpack(&t->freed[at], (uint32_t)at, t->freed_shift, &f) || f.block.proc != slot ||
			f.block.layer >= SWT_LAYERS || f.block.stack >= t->n_stacks ||
			swt_freed_is_over(&f, &t->proc[slot]))
			continue;
		for (size_t i = 0; i < n; i++) {
			int holds = addr[i] - f.block.addr < f.block.size_bytes;
			unsigned r = holds ? RANK_FREED : near_rank(&f.block, addr[i]);

			/* What has missed a live block has most likely to do with that one. */
			if (!r || r < rank[i] || (r == rank[i] && f.tick < tick[i]) ||
				(!holds && out[i].kind == MODEL_NEAR_LIVE))
				continue;
			rank[i] = r;
			tick[i] = f.tick;
			freed_fill(c, &f, addr[i], time_ns, &out[i]);
		}
	}
}

static enum model_call_op call_op(uint32_t op)
{
	switch (op) {
	case SWT_OP_FREE:
	case SWT_OP_MUNMAP:
		return MODEL_CALL_FREE;
	case SWT_OP_REALLOC:
	case SWT_OP_MREMAP:
	case SWT_OP_REALLOCF:
	case SWT_OP_RESIZE:
		return MODEL_CALL_REALLOC;
	default:
		return MODEL_CALL_ALLOC;
	}
}

static void call_add(struct model_crash *to, const struct swt_call *k, uint64_t before_ns, int is_pending)
{
	struct model_call *m = &to->call[to->n_calls];
	uint32_t layer = SWT_CALL_LAYER(k);

	if (layer >= SWT_LAYERS || to->n_calls >= MODEL_MAX_CALLS)
		return;
	to->n_calls++;
	*m = (struct model_call){
		.before_ns = before_ns,
		.op = call_op(SWT_CALL_OP(k)),
		.layer = (enum model_layer)layer,
		.addr = SWT_CALL_ADDR(k),
		.size_bytes = k->size_bytes,
		.is_pending = is_pending,
		.is_unknown = !is_pending && SWT_CALL_IS_UNKNOWN(k),
	};
}

void calls_fill(struct model_crash *to, const struct swt_last_calls *l, uint64_t tick_ns)
{
	uint32_t n = l->n < SWT_LAST_CALLS ? l->n : SWT_LAST_CALLS;

	to->n_calls = 0;
	to->has_calls = l->is_kept != 0;
	if (!to->has_calls)
		return;
	if (l->pending.what)
		call_add(to, &l->pending, 0, 1);
	for (uint32_t i = 1; i <= n; i++) {
		const struct swt_call *k = &l->call[(l->n - i) % SWT_LAST_CALLS];

		call_add(to, k, ago(SWT_CALL_TICK(k), l->tick, tick_ns), 0);
	}
}

void freed_event_fill(
	const struct collect *c, struct model_event *m, struct model_near *block, const struct swt_event_freed *e)
{
	memset(block, 0, sizeof(*block));
	if (e->first.block.stack < c->tables.n_stacks && e->first.block.layer < SWT_LAYERS)
		freed_fill(c, &e->first, e->first.block.addr, e->e.time_ns, block);
	m->block = block;
	event_stack_fill(c, m, e->e.value, e->op);
}

void event_stack_fill(const struct collect *c, struct model_event *m, uint32_t slot, uint32_t op)
{
	const struct swt_stack *s = slot < c->tables.n_stacks ? &c->tables.stack[slot] : NULL;

	m->by_realloc = call_op(op) == MODEL_CALL_REALLOC;
	m->walk = MODEL_WALK_NO_MAPPING;
	if (!s || !SWT_STACK_IS_FILLED(s->key))
		return;
	m->stack = slot;
	m->generation = s->generation;
	m->walk = s->walk;
	m->n_frames = s->n_frames < SWT_MAX_FRAMES ? s->n_frames : SWT_MAX_FRAMES;
	memcpy(m->frame, s->frame, m->n_frames * sizeof(*m->frame));
}

void collect_count_twice(struct collect *c, const struct model_event *e)
{
	if (e->stack < c->tables.n_stacks && c->n_twice < TWICE_MAX)
		c->twice[c->n_twice++] = (struct twice){ e->stack, c->tables.stack[e->stack].key };
}

void freed_read(struct collect *c, struct model_freed_history *out)
{
	const struct attach_tables *t = &c->tables;
	size_t n = t->n_freed < FREED_WATCHED ? t->n_freed : FREED_WATCHED, used = 0;
	struct swt_freed_block f;

	out->capacity = t->n_freed;
	if (!t->n_freed)
		return;
	for (size_t i = 0; i < n; i++) {
		size_t at = i * (t->n_freed / n);
		uint64_t key = 0;

		if (swt_freed_unpack(&t->freed[at], (uint32_t)at, t->freed_shift, &f))
			key = SWT_KEY(f.block.addr, f.block.proc, f.block.layer);
		used += key != 0;
		out->n_watched += c->freed_key[i] != 0;
		out->n_kept += c->freed_key[i] && c->freed_key[i] == key;
		c->freed_key[i] = key;
	}
	out->used = used * (t->n_freed / n);
	out->has_stacks = t->free_stacks;
	out->lookups = *t->freed_lookups;
	out->found = *t->freed_found;
	out->n_stray = c->n_stray;
	for (size_t i = 0; i < c->n_twice; i++) {
		const struct swt_stack *s = &t->stack[c->twice[i].stack];

		out->n_twice += __atomic_load_n(&s->key, __ATOMIC_ACQUIRE) == c->twice[i].key ? s->n_frees : 0;
	}
}
