// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/vitals.c - the vitals of processes, from target/ into the model. */
#include <stdlib.h>

#include "collect/internal.h"
#include "util/clock.h"

struct kept_vitals {
	int pid;
	uint32_t life;
	struct model_vitals vitals;
};

static void fill_memory(const struct target_vitals *from, struct model_vitals *to)
{
	to->rss_bytes = from->rss_bytes;
	to->anon_bytes = from->anon_bytes;
	to->file_bytes = from->file_bytes;
	to->shmem_bytes = from->shmem_bytes;
	to->swap_bytes = from->swap_bytes;
	to->has_pss = from->has_pss;
	to->pss_bytes = from->pss_bytes;
	to->pss_ns = from->pss_ns;
	to->heap_map_bytes = from->heap_map_bytes;
	to->n_stacks = from->n_stacks;
	to->stack_bytes = from->stack_bytes;
}

static void fill_php(const struct target_vitals *from, struct model_vitals *to)
{
	to->heap = (struct model_php_heap){
		.is_known = from->heap.is_known,
		.size_bytes = from->heap.size_bytes,
		.peak_bytes = from->heap.peak_bytes,
		.real_bytes = from->heap.real_bytes,
		.real_peak_bytes = from->heap.real_peak_bytes,
		.limit_bytes = from->heap.limit_bytes,
		.has_cached = from->heap.has_cached,
		.cached_bytes = from->heap.cached_bytes,
	};
	to->gc = (struct model_php_gc){
		.is_known = from->gc.is_known,
		.is_enabled = from->gc.is_enabled,
		.is_protected = from->gc.is_protected,
		.roots = from->gc.roots,
		.threshold = from->gc.threshold,
		.runs = from->gc.runs,
		.collected = from->gc.collected,
	};
}

void vitals_read_one(struct target_process *p, uint64_t now_ns, struct model_vitals *out)
{
	struct target_limits limits;
	struct target_vitals vitals;

	if (target_vitals_read(p, &vitals))
		return;
	fill_memory(&vitals, out);
	fill_php(&vitals, out);
	out->time_ns = now_ns;
	if (target_limits_read("", p->pid, &limits))
		return;
	out->cgroup_bytes = limits.cgroup_bytes;
	out->cgroup_used_bytes = limits.cgroup_used_bytes;
	out->cgroup_is_high = limits.is_high;
	out->machine_bytes = limits.total_bytes;
	out->machine_available_bytes = limits.available_bytes;
}

/* read_all - anew. A process that has just ended keeps what was known of it. */
static void read_all(struct last_vitals *l, struct model_snapshot *s, struct target *t)
{
	uint64_t begin = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (size_t i = 0; i < s->n_processes; i++) {
		struct model_process *p = &s->process[i];
		struct target_process *tp = p->alive ? target_find(t, p->pid) : NULL;

		if (tp)
			vitals_read_one(tp, s->time_ns, &p->vitals);
	}
	l->time_ns = s->time_ns;
	l->took_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin;
}

/* recall - what is kept of a process. Most often the lists are in the same order. */
static const struct kept_vitals *recall(const struct last_vitals *l, const struct model_process *p, size_t at)
{
	for (size_t k = 0; k < l->n; k++) {
		const struct kept_vitals *one = &l->of_process[(at + k) % l->n];

		if (one->pid == p->pid && one->life == p->life)
			return one;
	}
	return NULL;
}

void vitals_read(struct collect *c, struct model_snapshot *s, struct target *t, int must)
{
	struct last_vitals *l = &c->vitals;
	struct kept_vitals *kept = calloc(s->n_processes ? s->n_processes : 1, sizeof(*kept));

	if (!kept)
		return;
	if (must || (double)(s->time_ns - l->time_ns) * COLLECT_SHARE >= (double)l->took_ns)
		read_all(l, s, t);
	for (size_t i = 0; i < s->n_processes; i++) {
		struct model_process *p = &s->process[i];
		const struct kept_vitals *was = p->vitals.time_ns ? NULL : recall(l, p, i);

		if (was)
			p->vitals = was->vitals;
		kept[i] = (struct kept_vitals){ p->pid, p->life, p->vitals };
	}
	free(l->of_process);
	l->of_process = kept;
	l->n = s->n_processes;
}

void vitals_clear(struct last_vitals *l)
{
	free(l->of_process);
	*l = (struct last_vitals){ 0 };
}
