// SPDX-License-Identifier: GPL-2.0-or-later
/* model/model.c - what little there is to do with a snapshot besides reading it. */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

void model_snapshot_free(struct model_snapshot *s)
{
	if (!s)
		return;
	free(s->process);
	free(s->stack);
	free(s->loss);
	free(s->frames);
	free(s->generations);
	free(s->survivors);
	free(s->identities);
	free(s);
}

size_t model_generation_of(const struct model_bounds *b, uint64_t time_ns)
{
	size_t g = 0;

	while (g < b->n && time_ns >= b->time_ns[g])
		g++;
	return g;
}

uint64_t model_left_out(const struct model_snapshot *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n_processes; i++)
		for (int l = 0; l < MODEL_LAYERS; l++)
			n += s->process[i].layer[l].n_left_out;
	return n;
}

int model_is_estimate(const struct model_snapshot *s)
{
	int is_estimate = 0;

	for (size_t i = 0; i < s->n_processes; i++)
		for (int l = 0; l < MODEL_LAYERS; l++)
			is_estimate |= s->process[i].layer[l].is_estimate;
	return is_estimate;
}

uint64_t model_lost(const struct model_snapshot *s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n_losses; i++)
		n += s->loss[i].count;
	return n;
}

const struct model_process *model_find_process(const struct model_snapshot *s, int pid)
{
	for (size_t i = 0; i < s->n_processes; i++)
		if (s->process[i].pid == pid)
			return &s->process[i];
	return NULL;
}

uint64_t model_calls(const struct model_snapshot *s, int pid)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s->n_processes; i++) {
		const struct model_process *p = &s->process[i];

		for (int l = 0; (!pid || p->pid == pid) && l < MODEL_LAYERS; l++)
			n += p->layer[l].n_allocs + p->layer[l].n_frees + p->layer[l].n_unknown_frees;
	}
	return n;
}

const struct model_process *model_process_of(const struct model_snapshot *s, const struct model_stack *k)
{
	if (k->place < s->n_processes && s->process[k->place].pid == k->pid)
		return &s->process[k->place];
	return model_find_process(s, k->pid);
}

const char *model_requests_name(enum model_requests by)
{
	static const char *const names[] = { "none", "php", "swoole", "request_probe" };

	return (unsigned)by < sizeof(names) / sizeof(names[0]) ? names[by] : names[0];
}

const char *model_layer_name(enum model_layer layer)
{
	static const char *const names[MODEL_LAYERS] = { "zend", "libc", "mmap" };

	return (unsigned)layer < MODEL_LAYERS ? names[layer] : "unknown";
}

static const struct {
	const char *name;
	const char *text;
} walks[MODEL_WALKS] = {
	[MODEL_WALK_COMPLETE] = { "complete", "" },
	[MODEL_WALK_NO_MAPPING] = { "no_mapping", "this address is in no known code" },
	[MODEL_WALK_NO_ROW] = { "no_unwind_row", "there is no unwind information for this address" },
	[MODEL_WALK_UNREAD] = { "unreadable", "the stack could not be read" },
	[MODEL_WALK_JIT] = { "jit", "this code was compiled at run time" },
	[MODEL_WALK_DEEP] = { "too_deep", "no more frames are recorded" },
	[MODEL_WALK_FIBER] = { "fiber_root", "at the root of a fiber or coroutine" },
	[MODEL_WALK_UNSETTLED] = { "unsettled", "libraries were being loaded or unloaded, so that more is not sure" },
};

int model_walk_is_whole(enum model_walk walk)
{
	return walk == MODEL_WALK_COMPLETE || walk == MODEL_WALK_FIBER;
}

const char *model_walk_name(enum model_walk walk)
{
	return (unsigned)walk < MODEL_WALKS ? walks[walk].name : "unknown";
}

const char *model_walk_text(enum model_walk walk)
{
	return (unsigned)walk < MODEL_WALKS ? walks[walk].text : "for a reason unknown";
}

uint64_t model_zend_before(const struct model_zend_heap *h)
{
	uint64_t rest = h->size_bytes > h->traced_bytes ? h->size_bytes - h->traced_bytes : 0;

	return rest < h->before_bytes ? rest : h->before_bytes;
}

int64_t model_zend_difference(const struct model_zend_heap *h)
{
	return (int64_t)(h->size_bytes - h->traced_bytes - model_zend_before(h));
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

void model_windows_add(struct model_windows *w, const struct model_window *one)
{
	size_t n = 0;

	if (w->n == MODEL_MAX_WINDOWS) {
		for (size_t i = 0; i + 1 < w->n; i += 2) {
			struct model_window a = w->window[i], b = w->window[i + 1];

			a.last = b.last;
			a.judged_slots = least(a.judged_slots, b.judged_slots);
			w->window[n++] = a;
		}
		w->n = n;
	}
	w->window[w->n++] = *one;
}

void model_heap_add(struct model_windowed *p, const struct model_heap_point *one)
{
	size_t n = 0;

	if (p->n_heap == MODEL_MAX_WINDOWS) {
		for (size_t i = 0; i + 1 < p->n_heap; i += 2)
			p->heap[n++] = p->heap[i].size_bytes < p->heap[i + 1].size_bytes ? p->heap[i] : p->heap[i + 1];
		p->n_heap = n;
	}
	p->heap[p->n_heap++] = *one;
}

int model_window_of(const struct model_windows *w, uint32_t number)
{
	size_t from = 0, to = w->n;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (w->window[middle].last < number)
			from = middle + 1;
		else
			to = middle;
	}
	return from < w->n && w->window[from].first <= number ? (int)from : -1;
}
