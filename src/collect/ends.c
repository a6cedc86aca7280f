// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/ends.c - what the kernel side tells of the ends of processes, and what lived in them then. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collect/internal.h"
#include "swtrace/abi.h"

_Static_assert(sizeof(struct swt_event_end_stack) <= sizeof(struct swt_event_signal), "a record of it finds room");
_Static_assert(sizeof(struct swt_event_exit) <= sizeof(struct swt_event_signal), "likewise");

static void exit_fill(struct model_event *m, const struct swt_event_exit *x)
{
	m->end.reason = x->is_oom ? MODEL_REASON_OOM : MODEL_REASON_NONE;
	m->end.peak_rss_bytes = x->peak_rss_bytes;
	m->end.sender_pid = (int)x->sender_pid;
	memcpy(m->end.sender_comm, x->sender_comm, sizeof(m->end.sender_comm) - 1);
}

static int gave_up_fill(struct model_event *m, const struct swt_event_end_stack *s, size_t size_bytes)
{
	const struct swt_event_end *e = &s->end;

	if (size_bytes < (e->n_frames ? sizeof(*s) : sizeof(*e)))
		return -EBADMSG;
	m->end.limit_bytes = e->limit_bytes;
	m->end.asked_bytes = e->asked_bytes;
	m->end.life = e->life;
	memcpy(m->end.epoch, e->epoch, sizeof(m->end.epoch));
	m->end.first_is_ip = e->first_is_ip != 0;
	m->walk = e->walk;
	m->n_frames = e->n_frames < SWT_MAX_FRAMES ? e->n_frames : SWT_MAX_FRAMES;
	memcpy(m->frame, s->frame, m->n_frames * sizeof(*m->frame));
	return 0;
}

int end_fill(struct model_event *m, const struct swt_event *e, size_t size_bytes)
{
	switch (e->type) {
	case SWT_EVENT_EXIT:
		if (size_bytes < sizeof(struct swt_event_exit))
			return -EBADMSG;
		exit_fill(m, (const struct swt_event_exit *)e);
		return 0;
	case SWT_EVENT_LIMIT:
	case SWT_EVENT_MEMORY:
	case SWT_EVENT_CORRUPT:
		if (size_bytes < sizeof(struct swt_event_end))
			return -EBADMSG;
		return gave_up_fill(m, (const struct swt_event_end_stack *)e, size_bytes);
	default:
		return 0;
	}
}

/* put - a stack into the list, if it is one of the most. */
static void put(struct model_top *top, size_t max, const struct swt_stack *k, int pid, uint64_t bytes, uint64_t blocks)
{
	size_t n_frames = k->n_frames < SWT_MAX_FRAMES ? k->n_frames : SWT_MAX_FRAMES, at = top->n;
	const uint64_t *place;

	if (at == max && bytes <= top->stack[max - 1].live_bytes)
		return;
	/* The frames of the one that is pushed out make room for its own. */
	place = at < max ? top->frames + at * SWT_MAX_FRAMES : top->stack[max - 1].frame;
	if (!place) /* the analyzer cannot see that every stack in the list has one */
		return;
	top->n += at < max;
	at = top->n - 1;
	while (at && top->stack[at - 1].live_bytes < bytes) {
		top->stack[at] = top->stack[at - 1];
		at--;
	}
	top->stack[at] = (struct model_stack){
		.pid = pid,
		.layer = k->layer,
		.walk = k->walk,
		.live_bytes = bytes,
		.live_blocks = blocks,
		.generation = k->generation,
		.n_frames = n_frames,
		.frame = place,
	};
	memcpy((uint64_t *)place, k->frame, n_frames * sizeof(*place));
}

/* live_of - what lives of a stack's blocks.  Return: its bytes; 0: none. */
static uint64_t live_of(const struct swt_stack *k, uint64_t *blocks)
{
	/* Deaths before births, so that there are never more of them. */
	uint64_t n_frees = __atomic_load_n(&k->n_frees, __ATOMIC_ACQUIRE);
	uint64_t freed_bytes = __atomic_load_n(&k->freed_bytes, __ATOMIC_ACQUIRE);

	if (k->n_allocs <= n_frees || k->alloc_bytes <= freed_bytes)
		return 0;
	*blocks = k->n_allocs - n_frees;
	return k->alloc_bytes - freed_bytes;
}

static int is_filled(const struct swt_stack *k, int slot)
{
	return SWT_STACK_IS_FILLED(__atomic_load_n(&k->key, __ATOMIC_ACQUIRE)) && k->proc == slot &&
	       k->layer < SWT_LAYERS;
}

int collect_live(const struct collect *c, int pid, uint64_t live_bytes[MODEL_LAYERS])
{
	const struct attach_tables *t = &c->tables;
	int slot = proc_slot(t, pid);
	uint64_t blocks;

	memset(live_bytes, 0, MODEL_LAYERS * sizeof(*live_bytes));
	if (slot < 0)
		return -ESRCH;
	for (size_t i = 0; i < t->n_stacks; i++) {
		const struct swt_stack *k = &t->stack[i];

		if (is_filled(k, slot) && k->life == t->proc[slot].life && k->epoch == t->proc[slot].epoch[k->layer])
			live_bytes[k->layer] += live_of(k, &blocks);
	}
	return 0;
}

int collect_top(
	const struct collect *c, const struct model_event *e, unsigned layer_mask, size_t max, struct model_top *out)
{
	const struct attach_tables *t = &c->tables;
	int slot = proc_slot(t, e->pid), gave_up = e->type != MODEL_EXIT;
	const struct swt_proc *p = slot < 0 ? NULL : &t->proc[slot];

	memset(out, 0, sizeof(*out));
	if (!p)
		return -ESRCH;
	out->stack = calloc(max, sizeof(*out->stack));
	out->frames = calloc(max * SWT_MAX_FRAMES, sizeof(*out->frames));
	if (!out->stack || !out->frames) {
		model_top_free(out);
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->n_stacks; i++) {
		const struct swt_stack *k = &t->stack[i];
		uint64_t bytes, blocks = 0;

		if (!is_filled(k, slot) || !(layer_mask >> k->layer & 1) ||
			k->life != (gave_up ? e->end.life : p->life) ||
			k->epoch != (gave_up ? e->end.epoch[k->layer] : p->epoch[k->layer]))
			continue;
		bytes = live_of(k, &blocks);
		if (!bytes)
			continue;
		out->live_bytes += bytes;
		out->live_blocks += blocks;
		put(out, max, k, e->pid, bytes, blocks);
	}
	return 0;
}
